"""Soft shorts: excursions of the current that come back, and changes of its noise."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from rampion.voltammetry.noise import find_resolution, moving_median, noise_level

_SIGNIFICANCE = 6.0
_STEP_SIGNIFICANCE = 4.5
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
    potential: Float[np.ndarray, " n"],
    current: Float[np.ndarray, " n"],
    noise: Float[np.ndarray, " n"],
    threshold: float = _STEP_SIGNIFICANCE,
) -> tuple[Int[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """Places i where the current steps between samples i and i + 1 beyond its trend, and the steps' heights [A].

    The trend is the slope of the course before or after the step, whichever explains more of it, times the step of
    potential. A step counts when what is left exceeds ``threshold`` times its noise (σ√2) and four times the scatter of
    the 15 steps around it.
    """
    n = current.size
    steps = np.diff(current)
    if n < 20:
        return np.zeros(0, dtype=int), np.zeros(0)
    smooth, place = moving_median(current, 5), moving_median(potential, 5)
    k = np.arange(n - 1)

    def slope(first: np.ndarray, last: np.ndarray) -> np.ndarray:
        first, last = np.clip(first, 0, n - 1), np.clip(last, 0, n - 1)
        run = place[last] - place[first]
        return np.divide(smooth[last] - smooth[first], run, out=np.zeros(n - 1), where=run > 0)

    run = np.diff(potential)
    before, after = steps - slope(k - 14, k - 2) * run, steps - slope(k + 3, k + 15) * run
    before[:3], after[-4:] = after[:3], before[-4:]
    beyond = np.where(np.abs(before) < np.abs(after), before, after)
    scatter = 1.4826 * moving_median(np.abs(beyond), 15)
    spread = np.sqrt(noise[1:] ** 2 + noise[:-1] ** 2)
    found = np.flatnonzero(np.abs(beyond) > np.maximum(threshold * spread, 4 * scatter))
    return found, beyond[found]


def find_excursions(
    potential: Float[np.ndarray, " n"], current: Float[np.ndarray, " n"], noise: Float[np.ndarray, " n"]
) -> tuple[tuple[Excursion, ...], Bool[np.ndarray, " n"]]:
    """Steps away and back, and the points inside them (n,).

    A step at i is closed by the first later step of opposite sign after which the current lies on the course it had
    before i, carried on with its slope, within a third of the step's height and 1.5 times the noise. The closing step
    needs only 2.5 σ√2, and the mean height inside must exceed six of its standard errors.

    Assumes edges between two samples and excursions shorter than a quarter of the sweep; those with slow edges belong
    to the test of whether a rise lasts.
    """
    n = current.size
    inside = np.zeros(n, dtype=bool)
    places, heights = find_jumps(potential, current, noise)
    closing, returns = find_jumps(potential, current, noise, threshold=2.5)
    excursions: list[Excursion] = []
    free = 0
    for i, height in zip(places.tolist(), heights.tolist(), strict=True):
        if i < free:
            continue
        before = np.arange(max(0, i - 9), i + 1)
        before = before[~inside[before]]
        if before.size < 2:
            continue
        trend = _slope(potential, current, i, inside)
        level = float(np.median(current[before])) - trend * float(np.median(potential[before]))
        later = closing[(closing > i) & (closing <= i + n // 4) & (returns * height < 0)]
        for j in later[:80].tolist():
            course = level + trend * potential[i + 1 : j + 1]
            size = float(np.median(current[i + 1 : j + 1] - course))
            after = slice(j + 1, min(n, j + 8))
            standing = abs(size) / (float(noise[i]) * math.sqrt(1.0 / (j - i) + 1.0 / before.size))
            if after.start >= n or size * height <= 0 or abs(size) < 0.5 * abs(height) or standing < _SIGNIFICANCE:
                continue
            miss = abs(float(np.median(current[after])) - level - trend * float(np.median(potential[after])))
            drift = 0.3 * abs(trend) * float(potential[j] - potential[i])
            if miss < 0.35 * abs(size) + 1.5 * float(noise[i]) + min(drift, 0.3 * abs(size)):
                inside[i + 1 : j + 1] = True
                free = j + 1
                excursions.append(
                    Excursion(
                        first=i + 1,
                        last=j,
                        potential=float(0.5 * (potential[i] + potential[i + 1])),
                        height=size,
                        significance=standing,
                    )
                )
                break
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


def find_noise_change(
    time: Float[np.ndarray, " n"],
    potential: Float[np.ndarray, " n"],
    current: Float[np.ndarray, " n"],
    resolution: float,
) -> NoiseChange | None:
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
    levels = np.array([noise_level(time[a:b], current[a:b]) for a, b in pairs])
    sizes = np.array([float(np.median(np.abs(current[a:b]))) for a, b in pairs])
    floor = max(1e-5 * float(np.max(np.abs(current))), 0.5 * resolution, 1e-300)
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
