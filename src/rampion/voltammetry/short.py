"""Soft shorts: excursions of the current that come back, and changes of its noise."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from rampion.voltammetry.noise import find_resolution, noise_level

_SIGNIFICANCE = 6.0
_NOISE_WINDOW = 40
_NOISE_RATIO = 2.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Excursion:
    """A step of the current away from its course and back: points first … last, height [A], potential [V] at its start.

    A positive height is a parallel metallic path, a negative one a contact that opened for a while.
    """

    first: int
    last: int
    potential: float
    height: float
    significance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseChange:
    """A lasting change of noise: potential [V], ratio after over before (current's growth taken out), and whether the
    recorded resolution changed with it (a change of current range rather than of the cell)."""

    potential: float
    ratio: float
    with_resolution: bool


def find_jumps(
    current: Float[np.ndarray, " n"], noise: Float[np.ndarray, " n"]
) -> tuple[Int[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """Places i where the current steps between samples i and i + 1 beyond its trend, and the steps' heights [A].

    A step counts when, less the median of the 15 steps around it, it exceeds six times its noise (σ√2) and four times
    the scatter of those steps.
    """
    from scipy.ndimage import median_filter

    steps = np.diff(current)
    if steps.size < 5:
        return np.zeros(0, dtype=int), np.zeros(0)
    size = min(15, steps.size)
    trend = median_filter(steps, size, mode="nearest")
    beyond = steps - trend
    scatter = 1.4826 * median_filter(np.abs(beyond), size, mode="nearest")
    spread = np.sqrt(noise[1:] ** 2 + noise[:-1] ** 2)
    found = np.flatnonzero(np.abs(beyond) > np.maximum(_SIGNIFICANCE * spread, 4 * scatter))
    return found, beyond[found]


def find_excursions(
    potential: Float[np.ndarray, " n"], current: Float[np.ndarray, " n"], noise: Float[np.ndarray, " n"]
) -> tuple[tuple[Excursion, ...], Bool[np.ndarray, " n"]]:
    """Steps away and back, and the points inside them (n,).

    A step at i is closed by the first later step of opposite sign after which the current lies on the course it had
    before i, carried on with its slope, within a third of the step's height and three times the noise. Assumes edges
    within two samples; excursions with slow edges belong to the test of whether a rise lasts.
    """
    n = current.size
    inside = np.zeros(n, dtype=bool)
    places, heights = find_jumps(current, noise)
    excursions: list[Excursion] = []
    position = 0
    while position < places.size:
        i, height = int(places[position]), float(heights[position])
        before = slice(max(0, i - 9), i + 1)
        ok = ~inside[before]
        x, y = potential[before][ok], current[before][ok]
        if y.size < 2:
            position += 1
            continue
        level = float(np.median(y))
        middle = float(np.median(x))
        trend = _slope(potential, current, i, inside)
        closed = None
        for later in range(position + 1, min(places.size, position + 60)):
            j, back = int(places[later]), float(heights[later])
            total = height if later == position + 1 else max(height, current[i + 1] - level, key=abs)
            if back * height >= 0:
                continue
            after = slice(j + 1, min(n, j + 6))
            expected = level + trend * (float(np.median(potential[after])) - middle)
            miss = abs(float(np.median(current[after])) - expected)
            drift = 0.5 * abs(trend) * (potential[j] - potential[i])
            if miss < 0.35 * abs(total) + 3 * noise[i] / math.sqrt(2) + drift and j - i >= 1:
                closed = later
                break
        if closed is None:
            position += 1
            continue
        j = int(places[closed])
        inside[i + 1 : j + 1] = True
        expected = level + trend * (potential[i + 1 : j + 1] - middle)
        size = float(np.median(current[i + 1 : j + 1] - expected))
        excursions.append(
            Excursion(
                first=i + 1,
                last=j,
                potential=float(potential[i + 1]),
                height=size,
                significance=abs(height) / (float(noise[i]) * math.sqrt(2)),
            )
        )
        position = closed + 1
    return tuple(excursions), inside


def _slope(potential: np.ndarray, current: np.ndarray, i: int, inside: np.ndarray) -> float:
    """Slope of the course before point i, from up to 30 points outside excursions."""
    window = np.flatnonzero(~inside[max(0, i - 40) : i + 1]) + max(0, i - 40)
    window = window[-30:]
    x, y = potential[window], current[window]
    if window.size < 6 or np.ptp(x) <= 0:
        return 0.0
    third = window.size // 3
    run = float(np.median(x[-third:]) - np.median(x[:third]))
    return float(np.median(y[-third:]) - np.median(y[:third])) / run if run > 0 else 0.0


def find_noise_change(potential: Float[np.ndarray, " n"], current: Float[np.ndarray, " n"]) -> NoiseChange | None:
    """The largest lasting change of noise between neighbouring windows of 40 points, when it is 2.5-fold or more.

    The ratio is divided by the growth of the current, because an instrument's noise may be proportional to it.
    Fails for fewer than 120 points (``None``).
    """
    n = current.size
    parts = n // _NOISE_WINDOW
    if parts < 3:
        return None
    parts = min(parts, 60)
    edges = np.linspace(0, n, parts + 1).astype(int)
    pairs = list(itertools.pairwise(edges))
    levels = np.array([noise_level(potential[a:b], current[a:b]) for a, b in pairs])
    sizes = np.array([float(np.median(np.abs(current[a:b]))) for a, b in pairs])
    floor = 1e-6 * float(np.max(np.abs(current))) or 1e-300
    best = None
    for k in range(1, parts):
        before = max(float(np.median(levels[max(0, k - 3) : k])), floor)
        after = max(float(np.median(levels[k : k + 3])), floor)
        grown = max(sizes[k : k + 3].max() / max(sizes[max(0, k - 3) : k].min(), floor), 1.0)
        ratio = after / before / grown
        if k >= 2 and parts - k >= 2 and ratio > _NOISE_RATIO and (best is None or ratio > best[0]):
            best = (ratio, k)
    if best is None:
        return None
    ratio, k = best
    cut = edges[k]
    fine, coarse = find_resolution(current[:cut]), find_resolution(current[cut:])
    return NoiseChange(
        potential=float(potential[cut]), ratio=float(ratio), with_resolution=bool(coarse > 0 and coarse > 4 * fine)
    )
