"""The onset of a lasting rise: the break point where a smooth course gives way to it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rampion.estimate import NORMAL_95, Estimate
from rampion.voltammetry.noise import block_means
from rampion.voltammetry.penetration import Rise

_POWERS = (0.0, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.3, 2.6, 3.0, 3.5, 4.0)
_FOLDS = (0.05, 0.07, 0.1, 0.14, 0.2, 0.28, 0.4, 0.6, 1.0, 2.0)  # e-folding lengths over the length of the rise
_CHOSEN = 1.2  # errors over those of a given window and degree: both were chosen on the same points (tuning seeds)
_CHI_SQUARE_95 = 5.991  # two parameters: the break point and the shape of the rise


@dataclass(frozen=True, slots=True)
class _BreakPoint:
    """V₀ and its interval [V], the reduced χ², and the course there: value [A], its error, slope [S]."""

    place: float
    low: float
    high: float
    reduced: float
    value: float
    course_error: float
    slope: float


def fit_onset(
    potential: Float[np.ndarray, " n"],
    current: Float[np.ndarray, " n"],
    noise: Float[np.ndarray, " n"],
    rise: Rise,
    start: int,
) -> tuple[Estimate, Estimate, int]:
    """Break point of a lasting rise: onset current [A], onset potential [V], and the last point before it.

    I(V) = polynomial(V) + a f((V - V₀)₊), a > 0, with f a power (0 is a step, up to 4) or eˣ - 1 at several lengths;
    the polynomial is a straight line when the sweep from ``start`` allows one, else a parabola or cubic over as long a
    part before the rise as they fit. V₀ is profiled over all shapes; its 95 % interval is where χ² lies within 5.99 of
    the least (enlarged by the reduced χ² where that exceeds one). A step between two samples has the middle of the
    gap for its onset.

    Assumes that the rise is followed until it exceeds the course by about 5 % or 12 times the noise.
    Fails when the rise begins as slowly as V⁴ or slower: the break point is then late by what the noise hides.
    """
    dense = max(start, rise.at - 150)
    begin, degree = _course_before(potential, current, noise, start, rise.at)

    def fitted(share: float, sigmas: float) -> _BreakPoint:
        end = _end_of_fit(potential, current, noise, rise, begin, degree, share, sigmas)
        return _profile(*_thinned(potential[begin:end], current[begin:end], noise[begin:end], dense - begin), degree)

    jump = _find_jump(potential, current, noise, rise, start)
    fit = jump or fitted(0.05, 12.0)
    for shrink in (1.5, 2.0, 3.0):  # the shapes describe the beginning of a rise better than all of it
        if fit.reduced < 2.0:
            break
        fit = fitted(0.05 / shrink, 12.0 / shrink)
    error = fit.course_error
    ends = sorted((fit.value + fit.slope * (fit.low - fit.place), fit.value + fit.slope * (fit.high - fit.place)))
    std = (fit.high - fit.low) / (2 * NORMAL_95)
    onset_current = Estimate(
        fit.value,
        math.hypot(fit.slope * std, error),
        fit.value - math.hypot(fit.value - ends[0], NORMAL_95 * error),
        fit.value + math.hypot(ends[1] - fit.value, NORMAL_95 * error),
    )
    onset_potential = Estimate(fit.place, std, fit.low, fit.high)
    return onset_current, onset_potential, max(int(np.searchsorted(potential, fit.place)) - 1, 0)


def _course_before(
    potential: np.ndarray, current: np.ndarray, noise: np.ndarray, start: int, at: int, known: float = 0.85
) -> tuple[int, int]:
    """First point and degree of the polynomial that describes the course before the rise, or its ``known`` share."""
    for share, degree in ((0.0, 1), (0.0, 2), (0.25, 2), (0.0, 3), (0.5, 2), (0.25, 3), (0.5, 3), (0.7, 2), (0.8, 2)):
        begin = start + int(share * (at - start))
        last = begin + int(known * (at - begin))
        if last - begin < 2 * degree + 4:
            continue
        x, y, std = _thinned(potential[begin:last], current[begin:last], noise[begin:last], last - begin)
        if _consistent(x, y, std, degree):
            return begin, degree
    return max(start, at - max(20, (at - start) // 8)), 2 if at - start > 12 else 1


def _consistent(x: np.ndarray, y: np.ndarray, std: np.ndarray, degree: int) -> bool:
    """Whether a polynomial leaves only noise: χ², and the next two powers below 2.5 standard errors."""
    u = 2 * (x - x[0]) / ((x[-1] - x[0]) or 1.0) - 1
    q, _ = np.linalg.qr(np.polynomial.legendre.legvander(u, degree + 2) / std[:, None])
    coefficients = q.T @ (y / std)
    left = y / std - q @ coefficients
    degrees = max(u.size - degree - 3, 1)
    if np.sum(left**2) - degrees > 4.0 * math.sqrt(2.0 * degrees):
        return False
    return bool(np.all(np.abs(coefficients[degree + 1 :]) < 2.5))


def _thinned(
    x: np.ndarray, y: np.ndarray, std: np.ndarray, keep_from: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Blocks of means before ``keep_from``, every point after it (up to 300, else blocks again)."""
    keep_from = int(np.clip(keep_from, 0, x.size))
    early = block_means(x[:keep_from], y[:keep_from], std[:keep_from], 120) if keep_from else (x[:0], y[:0], std[:0])
    late = block_means(x[keep_from:], y[keep_from:], std[keep_from:], 300) if keep_from < x.size else (x[:0],) * 3
    return (
        np.concatenate([early[0], late[0]]),
        np.concatenate([early[1], late[1]]),
        np.concatenate([early[2], late[2]]),
    )


def _find_jump(
    potential: np.ndarray, current: np.ndarray, noise: np.ndarray, rise: Rise, start: int
) -> _BreakPoint | None:
    """The gap between two samples in which the current jumps, when the rise is a step; ``None`` otherwise.

    A step takes more than twelve times the noise between two samples, comes from the course, and is followed by less
    than half of it between the next two.
    """
    near = slice(max(start + 6, rise.at - rise.half - 3), min(current.size - 1, rise.at + rise.half + 3))
    before = slice(max(0, near.start - 20), near.start + 1)
    if near.stop <= near.start or np.ptp(potential[before]) <= 0:
        return None
    trend = float(np.polyfit(potential[before], current[before], 1)[0])
    runs = np.diff(potential)
    steps = np.diff(current) - trend * runs
    j = near.start + int(np.argmax(steps[near]))
    height = float(steps[j])
    following = float(steps[j + 1]) / runs[j + 1] if j + 1 < steps.size and runs[j + 1] > 0 else 0.0
    if height < 12 * float(noise[j]) or following * runs[j] > 0.5 * height:
        return None
    begin, degree = _course_before(potential, current, noise, start, j + 1, known=1.0)
    x, y, std = _thinned(potential[begin : j + 1], current[begin : j + 1], noise[begin : j + 1], j + 1 - begin - 100)
    span = x[-1] - x[0]
    design = np.polynomial.legendre.legvander(2 * (x - x[0]) / span - 1, degree)
    covariance = np.linalg.inv((design / std[:, None]).T @ (design / std[:, None]))
    coefficients = covariance @ (design.T @ (y / std**2))
    left = (y - design @ coefficients) / std
    if np.any(np.abs(left[-2:]) > 4.0) or float(np.mean(left[-3:])) > 3.0:
        return None
    gap = float(potential[j + 1] - potential[j])
    place = float(potential[j]) + 0.5 * gap
    rows = np.polynomial.legendre.legvander(2 * (np.array([place, place + 1e-6 * span]) - x[0]) / span - 1, degree)
    reduced = float(np.sum(left**2)) / max(x.size - degree - 1, 1)
    values = rows @ coefficients
    return _BreakPoint(
        place=place,
        low=place - 0.475 * gap,
        high=place + 0.475 * gap,
        reduced=min(reduced, 1.0),
        value=float(values[0]),
        course_error=_CHOSEN * math.sqrt(float(rows[0] @ covariance @ rows[0]) * max(1.0, reduced)),
        slope=float(values[1] - values[0]) / (1e-6 * span),
    )


def _end_of_fit(
    potential: np.ndarray,
    current: np.ndarray,
    noise: np.ndarray,
    rise: Rise,
    begin: int,
    degree: int,
    share: float,
    sigmas: float,
) -> int:
    """End (exclusive) of the part fitted: where the excess over the carried-on course is large enough."""
    n = potential.size
    last = begin + max(int(0.85 * (rise.at - begin)), degree + 3)
    x = potential[begin:last]
    centre, scale = float(np.mean(x)), float(np.ptp(x)) or 1.0
    line = np.polyfit((x - centre) / scale, current[begin:last], min(degree, 2), w=1 / noise[begin:last])
    excess = current - np.polyval(line, (potential - centre) / scale)
    size = max(abs(float(current[rise.at])), float(noise[rise.at]))
    large = np.flatnonzero(excess[rise.at :] > max(sigmas * float(noise[rise.at]), share * size))
    first = rise.at + (int(large[0]) if large.size else n - 1 - rise.at)
    return min(n, max(first + 1, rise.at + 4))


def _profile(x: np.ndarray, y: np.ndarray, std: np.ndarray, degree: int) -> _BreakPoint:
    """Profile of χ² over the break point, on a grid refined twice around its least value."""
    span = x[-1] - x[0]

    def legendre(v: np.ndarray) -> np.ndarray:
        return np.polynomial.legendre.legvander(2 * (v - x[0]) / span - 1, degree)

    design = legendre(x) / std[:, None]
    q = np.linalg.qr(design)[0]
    z = y / std
    free = z - q @ (q.T @ z)
    degrees = max(x.size - degree - 4, 1)
    first = x[min(degree + 2, x.size - 2)]
    between = 0.5 * (x[1:] + x[:-1])[-60:]
    grid = np.unique(np.concatenate([np.linspace(first, x[-1], 100), between]))
    grid = grid[(grid >= first) & (grid < x[-1])]
    scores, shapes = _scores(x, std, q, free, grid)
    for _ in range(2):
        best = float(np.min(scores))
        inside = np.flatnonzero(scores <= best + 12 * max(1.0, best / degrees))
        grid = np.linspace(grid[max(inside[0] - 1, 0)], grid[min(inside[-1] + 1, grid.size - 1)], 81)
        scores, shapes = _scores(x, std, q, free, grid)
    best = float(np.min(scores))
    scale = _CHOSEN**2 * max(1.0, best / degrees)
    flat = np.flatnonzero(scores <= best + 1e-6 * scale + 1e-9 * abs(best))
    index = int(flat[flat.size // 2])
    place = float(0.5 * (grid[flat[0]] + grid[flat[-1]]))
    within = np.flatnonzero(scores <= best + _CHI_SQUARE_95 * scale)
    pitch = float(grid[1] - grid[0])
    both = np.column_stack([design, _shape(x, float(grid[index]), int(shapes[index])) / std])
    covariance = np.linalg.pinv(both.T @ both)
    coefficients = (covariance @ (both.T @ z))[:-1]
    row = legendre(np.array([place, place + 1e-6 * span]))
    values = row @ coefficients
    return _BreakPoint(
        place=place,
        low=min(float(grid[within[0]]), place) - 0.5 * pitch,
        high=max(float(grid[within[-1]]), place) + 0.5 * pitch,
        reduced=best / degrees,
        value=float(values[0]),
        course_error=math.sqrt(max(float(row[0] @ covariance[:-1, :-1] @ row[0]), 0.0) * scale),
        slope=float(values[1] - values[0]) / (1e-6 * span),
    )


def _shape(x: np.ndarray, place: np.ndarray | float, which: int) -> np.ndarray:
    """One rise after its break point, at most about one at the last point; (…, n)."""
    past = x - np.asarray(place)[..., None]
    length = np.maximum(x[-1] - np.asarray(place)[..., None], 1e-300)
    ahead = np.clip(past / length, 0.0, None)
    if which < len(_POWERS):
        return np.where(past > 0, ahead ** _POWERS[which], 0.0)
    fold = _FOLDS[which - len(_POWERS)]
    return np.where(past > 0, np.expm1(np.minimum(ahead, 1.0) / fold) / np.expm1(1.0 / fold), 0.0)


def _scores(
    x: np.ndarray, std: np.ndarray, q: np.ndarray, free: np.ndarray, places: np.ndarray
) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"]]:
    """Least χ² over the shapes at each break point, and which shape gave it; both (m,)."""
    late = int(np.searchsorted(x, places[0]))  # nothing rises before the first break point
    total = float(free @ free)
    best = np.full(places.size, total)
    which = np.zeros(places.size)
    for k in range(len(_POWERS) + len(_FOLDS)):
        shape = _shape(x[late:], places, k) / std[late:]
        along = shape @ free[late:]
        norm = np.sum(shape**2, axis=1) - np.sum((shape @ q[late:]) ** 2, axis=1)
        gain = np.where((along > 0) & (norm > 1e-12), along**2 / np.maximum(norm, 1e-12), 0.0)
        score = total - gain
        better = score < best
        best[better], which[better] = score[better], k
    return best, which
