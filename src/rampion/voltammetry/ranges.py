"""The instrument's own doing in a sweep: changes of its current range, and a current held at its greatest value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rampion.voltammetry.noise import CHOSEN, NORMAL_MAD, interpolation_residual, straight_line

_LARGEST_STEP = 3e-3  # of the current: gain and offset of two ranges of one instrument agree better than this
_COLUMNS = ("currentrange", "irange", "ierange")
_NEAR = (0.85, 1.15)  # of a power of ten
_WINDOW = 60  # points on either side
_SIDE = 15
_NOISE_RATIO = 2.2
_QUIET = 6e-4  # of the full scale: an instrument's noise on a range
_LOCAL = 40  # points over which the rise to the limit counts as straight


def range_column(extra: Mapping[str, np.ndarray]) -> Float[np.ndarray, " n"] | None:
    """The recorded column that names the current range in use, when there is one that holds numbers."""
    for name, column in extra.items():
        plain = name.lower().replace(" ", "").replace("_", "").replace("/", "")
        if plain in _COLUMNS and np.issubdtype(np.asarray(column).dtype, np.number):
            return np.asarray(column, dtype=float)
    return None


def find_range_changes(
    time: Float[np.ndarray, " n"], current: Float[np.ndarray, " n"], column: Float[np.ndarray, " n"] | None
) -> tuple[int, ...]:
    """First points after changes of the current range.

    Where a recorded column changes; else where the current passes a power of ten (± 15 %) and its noise changes at
    least 2.2-fold, the larger noise on the larger current and below 6e-4 of the full scale there. The place is that of
    the least n₁ ln s₁² + n₂ ln s₂² of the noise on both sides.

    Assumes decade ranges where no column says otherwise. Fails within 8 points of the ends and of each other.
    """
    found: set[int] = set()
    if column is not None:
        found.update((np.flatnonzero(np.diff(column) != 0) + 1).tolist())
    size = np.abs(current)
    if size.size < 40 or np.max(size) <= 0:
        return tuple(sorted(found))
    noise = interpolation_residual(time, current)
    if noise.size != size.size - 4:
        return tuple(sorted(found))
    noise = np.abs(np.concatenate([noise[:2], noise, noise[-2:]]))
    top = math.floor(math.log10(float(np.max(size)) / _NEAR[0]))
    for power in range(top - 5, top + 1):
        decade = 10.0**power
        # most of five neighbours beyond: what noise crosses again and again is passed once
        above = np.pad((size > decade).astype(np.int8), 2, mode="edge")
        most = above[:-4] + above[1:-3] + above[2:-2] + above[3:-1] + above[4:] > 2
        crossings = np.flatnonzero(most[1:] != most[:-1]) + 1
        apart = np.flatnonzero(np.diff(crossings) > _WINDOW) + 1
        for near in np.split(crossings, apart) if crossings.size else []:
            place = _variance_step(noise, size, decade, int(near[0]), int(near[-1]))
            if place is not None and all(abs(place - other) > 8 for other in found):
                found.add(place)
    return tuple(sorted(found))


def _variance_step(noise: np.ndarray, size: np.ndarray, decade: float, begun: int, ended: int) -> int | None:
    """Where the noise changes near the crossings of a power of ten as it does between two ranges."""
    first, last = max(begun - _WINDOW, 8), min(ended + _WINDOW, size.size - 8)
    away = np.flatnonzero((size[first:last] < _NEAR[0] * decade) | (size[first:last] > _NEAR[1] * decade)) + first
    first = int(np.max(away[away < begun], initial=first - 1)) + 1
    last = int(np.min(away[away >= ended], initial=last))
    if last <= first:
        return None
    low, high = max(0, first - 30), min(size.size, last + 30)
    squares = np.concatenate([[0.0], np.cumsum(np.minimum(noise[low:high], 1e3 * np.median(noise[low:high])) ** 2)])
    places = np.arange(first, last + 1)
    before, after = places - low, high - places
    spread = squares[before] / before, (squares[-1] - squares[before]) / after
    score = before * np.log(np.maximum(spread[0], 1e-300)) + after * np.log(np.maximum(spread[1], 1e-300))
    place = int(places[int(np.argmin(score))])
    quiet = NORMAL_MAD * float(np.median(noise[max(low, place - 30) : max(place - 1, low + 1)]))
    loud = NORMAL_MAD * float(np.median(noise[place + 1 : min(high, place + 30)]))
    if float(np.median(size[place : place + 8])) < float(np.median(size[max(place - 8, 0) : place])):
        quiet, loud = loud, quiet
    return place if loud > _NOISE_RATIO * quiet and loud < _QUIET * 10.0 * decade else None


def level_ranges(
    potential: Float[np.ndarray, " n"], current: Float[np.ndarray, " n"], changes: tuple[int, ...]
) -> Float[np.ndarray, " n"]:
    """(n,) the current with the steps at range changes taken out, those of up to 0.3 % of the current.

    A parabola through 15 points on either side with a step between them gives the step; the side of the smaller
    currents is scaled on to the other, so that the range of the largest currents stays as recorded. A step below
    two standard errors, or a larger one than 0.3 %, which an instrument would not make, stays.
    """
    levelled = current.copy()
    if not changes:
        return levelled
    top = int(np.argmax(np.abs(current)))
    bounds = [0, *changes, current.size]
    upwards = [k for k in changes if k <= top]
    downwards = [k for k in changes if k > top]
    for change in [*reversed(upwards), *downwards]:
        first = max(bounds[bounds.index(change) - 1], change - _SIDE)
        last = min(bounds[bounds.index(change) + 1], change + _SIDE)
        if change - first < 5 or last - change < 5:
            continue
        x = potential[first:last] - potential[change]
        scale = float(np.max(np.abs(x))) or 1.0
        after = (np.arange(first, last) >= change).astype(float)
        y = levelled[first:last]
        spread = np.where(after > 0, _scatter(x / scale, y, after > 0), _scatter(x / scale, y, after == 0))
        design = np.stack([np.ones_like(x), x / scale, (x / scale) ** 2, after], axis=1) / spread[:, None]
        inverse = np.linalg.pinv(design)
        step, error = float((inverse @ (y / spread))[3]), float(np.linalg.norm(inverse[3]))
        level = float(np.median(y))
        if level == 0 or abs(step) < 2 * error or abs(step) > _LARGEST_STEP * abs(level):
            continue
        if change <= top:
            levelled[:change] *= 1.0 + step / level
        else:
            levelled[change:] *= 1.0 - step / level
    return levelled


def _scatter(x: np.ndarray, y: np.ndarray, chosen: np.ndarray) -> float:
    """Standard deviation about a parabola through the chosen points."""
    left = y[chosen] - np.polyval(np.polyfit(x[chosen], y[chosen], min(2, int(chosen.sum()) - 3)), x[chosen])
    return max(float(np.sqrt(np.sum(left**2) / max(int(chosen.sum()) - 3, 1))), 1e-300)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clipping:
    """The current stays at one value: index of its first point, current [A], points, and the
    potential [V] at which the rise reaches it, with its standard error."""

    first: int
    current: float
    points: int
    potential: float
    potential_error: float


def limit_reached(
    potential: Float[np.ndarray, " n"],
    current: Float[np.ndarray, " n"],
    noise: Float[np.ndarray, " n"],
    first: int,
    last: int,
    resolution: float,
) -> Clipping:
    """Where the current's rise meets a level that it keeps from point ``first`` to point ``last``.

    Assumes that the limit is applied after the noise (digital range, overload). Fails when the limiting amplifier
    adds noise of its own as large as the cell's.
    """
    level = float(np.median(current[first : last + 1]))
    tolerance = max(0.1 * float(np.median(noise)), 0.6 * resolution, 1e-6 * abs(level))
    # points just below the limit are partly cut already: the rise is that of the points before they touch it
    near = np.flatnonzero(current[: first + 1] >= level - max(3 * float(noise[max(first - 1, 0)]), tolerance))
    touched = int(min(near[0], first)) if near.size else first
    touched = max(touched, min(6, first))
    place, error = _meeting(potential, current, first, touched, level, float(noise[touched]))
    return Clipping(first=first, current=level, points=last + 1 - first, potential=place, potential_error=error)


def _meeting(
    potential: np.ndarray, current: np.ndarray, start: int, touched: int, level: float, noise: float
) -> tuple[float, float]:
    """Where the rise meets the limit, and its standard error [V].

    The rise is a straight line over the longest part before the limit that leaves only noise; points at the limit say
    only that the line and their noise lie above it (censored normal likelihood, Newton's method; it is concave).

    Source: J. Tobin, Econometrica 26, 24 (1958), doi:10.2307/1907382.
    """
    from scipy.special import log_ndtr

    longest = min(touched, max(_LOCAL, touched // 2))
    for count in (longest, longest // 2, longest // 4, longest // 8, 0):
        first = max(0, touched - max(count, min(_LOCAL, longest)))
        u = (potential - potential[touched]) / (potential[touched] - potential[first] or 1.0)
        line = straight_line(u[first:touched], current[first:touched])
        left = current[first:touched] - np.polyval(line, u[first:touched])
        scatter = max(math.sqrt(float(np.sum(left**2)) / max(touched - first - 2, 1)), 0.5 * noise)
        if touched - first <= _LOCAL or not _bent(u[first:touched], current[first:touched], scatter):
            break
    # beyond four σ above the limit a point says nothing more; a bend there does no harm
    end = start + int(np.argmax(np.append(np.polyval(line, u[start:]) > level + 4.0 * scatter, True)))
    end = max(end, start + 1)
    u, y = u[first:end], (current[first:end] - level) / scatter
    capped = y > -1e-3 * noise / scatter
    design = np.stack([np.ones_like(u), u], axis=1)
    found = np.array([line[1] - level, line[0]]) / scatter
    hessian = design.T @ design
    for _ in range(30):
        z = design @ found
        hazard = np.exp(-0.5 * z**2 - log_ndtr(z)) / math.sqrt(2.0 * math.pi)
        gradient = design.T @ np.where(capped, hazard, y - z)
        hessian = (design * np.where(capped, np.maximum(hazard * (z + hazard), 1e-12), 1.0)[:, None]).T @ design
        step = np.linalg.solve(hessian, gradient)
        found = found + step
        if np.max(np.abs(step)) < 1e-8 * (1.0 + np.max(np.abs(found))):
            break
    run = float(potential[touched] - potential[first]) or 1.0
    reach = -found[0] / found[1]
    lever = np.array([1.0, reach]) / found[1]
    error = math.sqrt(float(lever @ np.linalg.solve(hessian, lever)))
    return float(potential[touched]) + run * reach, CHOSEN * run * error


def _bent(u: np.ndarray, y: np.ndarray, scatter: float) -> bool:
    """Whether a parabola describes points better than a line does, by two standard errors."""
    q = np.linalg.qr(np.polynomial.polynomial.polyvander(u, 2))[0]
    return bool(abs(q[:, 2] @ y) > 2.0 * scatter)
