"""Steep places of a curve, each followed to see what becomes of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rampion.voltammetry.noise import moving_lines, straight_line

STEEPER = 1.25  # times the ohmic conductance, beyond six standard errors: a steep place
DIVERGING = 1.5  # times the ohmic conductance somewhere after: a divergence and not the bend of activation
_SIGNIFICANCE = 6.0
_STILL_OHMIC = 0.85  # of the ohmic conductance times the potential
_BACK_ON_LINE = 0.1  # of the largest excess, left over the ohmic line at the end: the rise came back
_SMALLEST_EXCESS = 0.05  # of the current at the onset


@dataclass(frozen=True, slots=True, kw_only=True)
class Rise:
    """A steep place and what became of it: lasting, recovered (came back), or neither (a gentle bend)."""

    at: int
    half: int
    excess: float
    steepness: float
    significance: float
    lasting: bool
    recovered: bool
    end: int


def find_rises(
    potential: Float[np.ndarray, " n"],
    current: Float[np.ndarray, " n"],
    noise: Float[np.ndarray, " n"],
    conductance: float,
    start: int,
) -> tuple[Rise, ...]:
    """Steep places of a sweep from point ``start`` on, each followed to see whether it lasts.

    At window half-widths 1, 2, 4 … n/12 the local slope is steep when it exceeds 1.25 G by six standard errors. The
    level before the place is carried on, with the slope G where the current is still near G V and with its own
    slope elsewhere; the rise lasts when the median excess over that in the last
    tenth of what follows is at least a quarter of the largest, or the current is cut off to
    nearly zero after it (the instrument stopped).

    Parameters
    ----------
    potential, current, noise : (n,) [V], [A], [A]; recovered excursions already taken out.
    conductance : G [S] of the ohmic line.
    start : index from which to look.
    """
    n = potential.size
    early = slice(start, start + max(8, n // 20))
    if potential[early].size >= 8 and np.ptp(potential[early]) > 0:  # a curve that bends from its first point on
        conductance = max(conductance, straight_line(potential[early], current[early])[0] / STEEPER)
    significance = np.full(n, -math.inf)
    widest = np.zeros(n, dtype=int)
    ratio = np.zeros(n)
    half = 1
    while half <= max(1, n // 12):
        _, slope, _, error = moving_lines(potential, current, noise, half)
        z = (slope - STEEPER * conductance) / error
        z[: start + half] = -math.inf
        z[n - half :] = -math.inf
        better = (z > _SIGNIFICANCE) & (significance <= _SIGNIFICANCE)
        widest[better] = half
        significance = np.maximum(significance, z)
        steep = z > _SIGNIFICANCE
        ratio[steep] = np.maximum(ratio[steep], slope[steep] / max(conductance, 1e-300))
        half *= 2
    rises: list[Rise] = []
    position = start
    while True:
        steep = np.flatnonzero(significance[position:] > _SIGNIFICANCE)
        if steep.size == 0 or len(rises) >= 20:
            return tuple(rises)
        at = position + int(steep[0])
        rise = _follow(potential, current, noise, conductance, at, int(widest[at]), significance, ratio)
        rises.append(rise)
        if rise.lasting:
            return tuple(rises)
        position = max(rise.end, at) + 1


def _follow(
    potential: np.ndarray,
    current: np.ndarray,
    noise: np.ndarray,
    conductance: float,
    at: int,
    half: int,
    significance: np.ndarray,
    ratio: np.ndarray,
) -> Rise:
    """What the current does after a steep place."""
    n = potential.size
    before = max(at - half - 1, 0)
    span = slice(max(0, before - max(8, 2 * half, n // 25)), before + 1)
    x, y = potential[span], current[span]
    trend = straight_line(x, y, noise[span])[0] if x.size >= 4 and np.ptp(x) > 0 else conductance
    trend = float(np.clip(trend, 0.0, max(conductance, 0.0)))
    level = float(np.mean(y) - trend * np.mean(x))
    excess = current - level - trend * potential
    size = float(max(abs(level + trend * potential[at]), noise[at]))
    after = excess[before + 1 :]
    width = max(1, min(5, after.size // 10))
    smooth = np.convolve(after, np.ones(width) / width, mode="valid") if after.size >= width else after
    largest = float(np.max(smooth))
    enough = largest > max(_SIGNIFICANCE * float(noise[at]) / math.sqrt(width), _SMALLEST_EXCESS * size)
    top = before + 1 + int(np.argmax(smooth))
    # a current still near the ohmic line would go on along it; past a peak it goes on along its own course
    ohmic = level + trend * potential[at] > _STILL_OHMIC * conductance * potential[at]
    slope = conductance if ohmic else trend
    normal = current - (level + trend * potential[at]) - slope * (potential - potential[at])
    tail = normal[min(n - 1, max(top, n - max(3, (n - at) // 10))) :]
    cut_off = abs(float(np.median(current[-2:]))) < 0.2 * size and largest > 0.5 * size
    stays = float(np.median(tail)) > 0.25 * float(np.max(normal[before + 1 :]))
    crest = at + int(np.argmax(normal[at:]))
    later = np.convolve(current[crest:], np.ones(width) / width, mode="valid") if n - crest > width else current[crest:]
    end_x, end_y = potential[-max(8, tail.size) :], current[-max(8, tail.size) :]
    rising = straight_line(end_x, end_y)[0] > 0.5 * conductance  # not held at a limit
    near = abs(float(np.median(tail))) < _BACK_ON_LINE * float(np.max(normal[before + 1 :]))
    back = bool(ohmic and rising and near)
    if not back and float(np.max(np.maximum.accumulate(later) - later)) < 0.4 * float(np.max(normal[before + 1 :])):
        stays = True  # it never fell: held at an instrument's limit, or the short has a resistance of its own
    steepness = float(np.max(ratio[at : min(n, at + max(3 * half, top - at) + 1)]))
    quiet = max(3, n // 100)
    low = np.convolve((normal[at:] < 0.25 * largest).astype(float), np.ones(quiet), mode="valid") >= quiet
    rest = np.flatnonzero(low[max(0, int(np.argmax(normal[at:]))) :]) if normal[at:].size > quiet else np.zeros(0, int)
    end = n - 1 if stays or rest.size == 0 else at + int(np.argmax(normal[at:])) + int(rest[0])
    return Rise(
        at=at,
        half=half,
        excess=largest / size,
        steepness=steepness,
        significance=float(np.max(significance[at : end + 1])),
        lasting=bool(enough and (stays or cut_off) and steepness >= DIVERGING),
        recovered=bool(enough and not stays and not cut_off),
        end=end,
    )
