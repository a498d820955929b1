"""The onset of a lasting rise: the break point where the undisturbed course gives way to it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from rampion.estimate import Estimate
from rampion.voltammetry.noise import CHOSEN, block_means, only_noise
from rampion.voltammetry.rise_laws import Evidence, Projected, weigh_laws

_KNOWN = 0.85  # of the sweep before the steep place, taken for course
# excess over the course, in shares of the current and in multiples of the noise, up to which the laws are tried
_REACHES = ((0.5, 60.0), (0.15, 30.0), (0.05, 12.0), (0.03, 8.0), (0.02, 6.0))
_BETTER = 0.5  # of the misfit of the rise followed farther
_STAGES = 2
_UNLIKELY = 12.0  # below the largest ln of the weight: no more of the grid


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """What the current would be without the rise: values (m,) [A] at potentials (m,) [V], how they change with the
    course's numbers (m, k), and the prior precision of these (k,), 1/variance."""

    potential: Float[np.ndarray, " m"]
    value: Float[np.ndarray, " m"]
    design: Float[np.ndarray, "m k"]
    precision: Float[np.ndarray, " k"]

    def at(self, potential: Float[np.ndarray, " n"]) -> tuple[np.ndarray, np.ndarray]:
        """The course (n,) and its changes (n, k) at potentials."""
        columns = [np.interp(potential, self.potential, column) for column in self.design.T]
        return np.interp(potential, self.potential, self.value), np.stack(columns, axis=1)


def fit_onset(
    potential: Float[np.ndarray, " n"],
    current: Float[np.ndarray, " n"],
    noise: Float[np.ndarray, " n"],
    at: int,
    start: int,
    course: Course | None = None,
) -> tuple[Estimate, Estimate, int]:
    """Break point of a rise: onset current [A], onset potential [V], and the last point before it.

    I(V) = course(V) + a f(V - V₀), a > 0. The course is that of the best explanation of the record, its numbers fitted
    again together with the rise; where it does not describe the part before the rise, a line, parabola or cubic over as
    long a part as they fit. f is any of the laws of :mod:`~rampion.voltammetry.rise_laws`. The weights of all laws at
    all V₀, with a flat prior in V₀, give the medians and the 95 % intervals of V₀ and of the course's current there. A
    step between two samples may lie anywhere in the gap.

    The rise is followed as far as the laws describe it, at most to half the current or 60 times the noise.
    Fails when the rise begins as slowly as V⁴ or slower, or with less than 0.3 % of the current: the break point is
    then late by what the noise hides.

    Parameters
    ----------
    potential, current, noise : (n,) [V], [A], [A].
    at : a point where the current has left its course.
    start : the first point of the course.
    course : what the current would be without the rise, where a model of it is known.
    """
    weighed = None if course is None else _followed(potential, current, noise, at, course, start)
    if weighed is None or weighed.misfit > 1.0:
        begin, other = _course_before(potential, current, noise, start, at)
        found = _followed(potential, current, noise, at, other, begin)
        weighed = found if weighed is None or found.misfit < weighed.misfit else weighed
    for _ in range(_STAGES):
        weighed = _weigh_again(weighed)
    onset_current, onset_potential = _estimates(weighed)
    return onset_current, onset_potential, max(int(np.searchsorted(potential, onset_potential.value)) - 1, 0)


def _followed(
    potential: np.ndarray,
    current: np.ndarray,
    noise: np.ndarray,
    at: int,
    course: Course | _Polynomial,
    begin: int,
) -> _Weighed:
    """The first weighing of the points up to as far into the rise as the laws describe it."""
    found = None
    for share, sigmas in _REACHES:
        end = _end_of_fit(potential, current, noise, at, course, begin, share, sigmas)
        part = slice(begin, end)
        points = _thinned(potential[part], current[part], noise[part], max(begin, at - 150) - begin)
        weighed = _weigh_again(_weigh(*points, course))
        if found is None or weighed.misfit < _BETTER * found.misfit:  # what is left of the rise has to say more
            found = weighed
        if weighed.misfit < 1.0:
            break
    assert found is not None
    return found


class _Polynomial(NamedTuple):
    """Legendre polynomials over a part of the sweep, free."""

    first: float
    last: float
    degree: int

    @property
    def precision(self) -> np.ndarray:
        return np.zeros(self.degree + 1)

    def at(self, potential: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        u = 2.0 * (potential - self.first) / (self.last - self.first) - 1.0
        return np.zeros(potential.size), np.polynomial.legendre.legvander(u, self.degree)


def _course_before(
    potential: np.ndarray, current: np.ndarray, noise: np.ndarray, start: int, at: int
) -> tuple[int, _Polynomial]:
    """First point and polynomial that describes the course before the rise."""

    def over(begin: int, degree: int) -> tuple[int, _Polynomial]:
        return begin, _Polynomial(float(potential[begin]), float(potential[max(at, begin + 1)]), degree)

    for share, degree in ((0.0, 1), (0.0, 2), (0.25, 2), (0.0, 3), (0.5, 2), (0.25, 3), (0.5, 3), (0.7, 2), (0.8, 2)):
        begin = start + int(share * (at - start))
        last = begin + int(_KNOWN * (at - begin))
        if last - begin < 2 * degree + 4:
            continue
        x, y, std = _thinned(potential[begin:last], current[begin:last], noise[begin:last], last - begin)
        if only_noise(x, y, std, degree):
            return over(begin, degree)
    return over(max(start, at - max(20, (at - start) // 8)), 2 if at - start > 12 else 1)


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


def _end_of_fit(
    potential: np.ndarray,
    current: np.ndarray,
    noise: np.ndarray,
    at: int,
    course: Course | _Polynomial,
    begin: int,
    share: float,
    sigmas: float,
) -> int:
    """End (exclusive) of the part fitted: where the excess over the carried-on course is large enough."""
    n = potential.size
    last = begin + max(int(_KNOWN * (at - begin)), len(course.precision) + 2)
    value, design = course.at(potential[begin:])
    weighed = design[: last - begin] / noise[begin:last, None]
    normal = weighed.T @ weighed + np.diag(course.precision)
    excess = current[begin:] - value
    excess = excess - design @ np.linalg.lstsq(normal, weighed.T @ (excess[: last - begin] / noise[begin:last]))[0]
    excess = excess[at - begin :]
    size = max(abs(float(current[at])), float(noise[at]))
    large = np.flatnonzero(excess > max(sigmas * float(noise[at]), share * size))
    first = at + (int(large[0]) if large.size else n - 1 - at)
    return min(n, max(first + 4, at + 4))


class _Weighed(NamedTuple):
    """The course, the points (their potentials x), break points (m,) with the evidence of each law, the course's
    numbers without a rise and what turns overlaps into numbers."""

    course: Course | _Polynomial
    points: Projected
    x: np.ndarray
    places: np.ndarray
    evidence: Evidence
    numbers: np.ndarray
    unmixed: np.ndarray
    degrees: int

    @property
    def scale(self) -> float:
        """Variance of the noise over what is stated."""
        return CHOSEN**2 * max(1.0, float(np.min(self.evidence.score)) / self.degrees)

    @property
    def misfit(self) -> float:
        """χ² beyond its degrees of freedom, over four of its standard deviations."""
        return (float(np.min(self.evidence.score)) - self.degrees) / (4.0 * math.sqrt(2.0 * self.degrees))


def _weigh(x: np.ndarray, y: np.ndarray, std: np.ndarray, course: Course | _Polynomial) -> _Weighed:
    """Evidence on a first grid of break points."""
    value, design = course.at(x)
    held = np.flatnonzero(course.precision > 0)
    # what is known of the course beforehand stands as rows before the points
    rows = np.zeros((held.size, design.shape[1]))
    rows[np.arange(held.size), held] = np.sqrt(course.precision[held])
    z = np.concatenate([np.zeros(held.size), (y - value) / std])
    q, triangle = np.linalg.qr(np.concatenate([rows, design / std[:, None]]))
    numbers = q.T @ z
    points = Projected(
        potential=np.concatenate([np.full(held.size, x[0]), x]),
        weight=np.concatenate([np.zeros(held.size), 1.0 / std]),
        left=z - q @ numbers,
        basis=q,
        size=max(abs(float(np.median(y[-8:-2]))), 1e-300),
    )
    degrees = max(x.size + held.size - design.shape[1] - 3, 1)
    grid = _first_grid(x, design.shape[1])
    return _Weighed(course, points, x, grid, weigh_laws(points, grid, 1.0), numbers, np.linalg.pinv(triangle), degrees)


def _weigh_again(weighed: _Weighed) -> _Weighed:
    """Evidence on a finer grid about the likely break points."""
    old, evidence = weighed.places, weighed.evidence
    total = np.logaddexp.reduce(evidence.log_weight, axis=1) / max(1.0, weighed.scale / CHOSEN**2)
    grid = _finer(old, total, weighed.x)
    begun = np.stack([np.interp(grid, old, column) for column in evidence.parameter.T], axis=1)
    return weighed._replace(places=grid, evidence=weigh_laws(weighed.points, grid, weighed.scale, begun))


def _first_grid(x: np.ndarray, numbers: int) -> np.ndarray:
    """Break points all over the part, and two in each of the last gaps."""
    first = float(x[min(numbers + 1, x.size - 3)])
    late = x[-40:]
    gaps = np.concatenate([late[:-1] + share * np.diff(late) for share in (0.25, 0.75)])
    grid = np.unique(np.concatenate([np.linspace(first, x[-1], 60), gaps]))
    return grid[(grid >= first) & (grid < x[-1])]


def _finer(grid: np.ndarray, total: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Break points where the weight is: half of them even over the likely range, half by the weight."""
    if not np.isfinite(total).any():  # nothing rises anywhere: nothing is known
        return grid
    likely = np.flatnonzero(total > np.max(total) - _UNLIKELY)
    low, high = max(likely[0] - 1, 0), min(likely[-1] + 1, grid.size - 1)
    part, weight = grid[low : high + 1], np.exp(total[low : high + 1] - np.max(total))
    cells = np.maximum(weight[1:], weight[:-1]) * np.diff(part)
    passed = np.concatenate([[0.0], np.cumsum(cells)])
    by_weight = np.interp(np.linspace(0.0, passed[-1], 51), passed, part)
    fresh = np.unique(np.concatenate([np.linspace(part[0], part[-1], 50), by_weight]))
    return fresh[fresh < x[-1]]


def _estimates(weighed: _Weighed) -> tuple[Estimate, Estimate]:
    """Medians and 95 % intervals of the course's current at the break point and of the break point."""
    from scipy.special import ndtr

    evidence = weighed.evidence
    places = weighed.places
    spacing = 0.5 * (np.diff(places, prepend=places[0]) + np.diff(places, append=places[-1]))
    logs = evidence.log_weight + np.log(np.maximum(spacing, 1e-300))[:, None]
    weights = np.exp(logs - np.max(logs)) if np.isfinite(logs).any() else np.ones(logs.shape)
    weights = weights / np.sum(weights)
    density = np.sum(weights, axis=1)
    passed = np.cumsum(density) - 0.5 * density
    low, middle, high = np.interp([0.025, 0.5, 0.975], passed, places)
    mean = float(density @ places)
    place = Estimate(middle, math.sqrt(float(density @ (places - mean) ** 2)), low, high)
    value, design = weighed.course.at(places)
    turned = design @ weighed.unmixed
    mixed = np.einsum("mkp,mp->mk", evidence.overlap, turned)
    currents = (value + turned @ weighed.numbers)[:, None] - mixed * evidence.amplitude
    errors = np.sqrt(weighed.scale * np.sum(turned**2, axis=1)[:, None] + mixed**2 * evidence.variance)
    kept = weights > 1e-6
    currents, errors, weights = currents[kept], np.maximum(errors[kept], 1e-300), weights[kept] / np.sum(weights[kept])
    order = np.argsort(currents)
    reach = 4.0 * errors
    grid = np.unique(
        np.concatenate([
            np.linspace(np.min(currents - reach), np.max(currents + reach), 200),
            np.interp(np.linspace(0.0, 1.0, 100), np.cumsum(weights[order]), currents[order]),
            np.linspace(-4.0, 4.0, 81) * float(weights @ errors) + float(weights @ currents),
        ])
    )  # fmt: skip
    below = ndtr((grid[:, None] - currents) / errors) @ weights
    low, middle, high = np.interp([0.025, 0.5, 0.975], below, grid)
    mean = float(weights @ currents)
    return Estimate(middle, math.sqrt(float(weights @ (errors**2 + (currents - mean) ** 2))), low, high), place
