"""The conductance at rest: the slope at the start of a sweep of a cell that polarises."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rampion.estimate import Estimate
from rampion.voltammetry.polarising_cell import kernel_of, polarising_current

SCAN_NUMBERS = (0.3, 3e4)  # W = 4 τ (dV/dt)/V_T
_TRANSFERENCES = (0.03, 0.99)  # t₊ of the electrolyte alone, 1/(1 + ρ/β)
_SHARES = (0.05, 1.05)
_PRIOR_MEAN = np.array([0.4, 1.0])  # of the logits of t₊ and β inside their bounds
_PRIOR_WIDTH = np.array([1.5, 1.8])
_STEP = 0.02  # of logits and ln W, for differences
_STARTS = np.log([0.7, 0.7, 6.0, 6.0, 60.0, 60.0, 2000.0, 2000.0])  # of ln W while the part is sought
_START_LOGITS = np.array([-1.2, 0.8])  # of t₊, in turn
_NODES = 16  # W in the result
_ZOOMS = 3
_FARTHEST = 40.0  # V_T: an ohmic line as long as this has no polarisation left to hide
_LEAST_BLOCKS = 10
_GROWTH = 0.07  # of a block of points over its distance from the start
_SHORTER = 7  # blocks less at each try
_MODEL_ERROR = 1e-3  # of the current, of polarising_current beyond 4 V_T
_CLOSE = 0.03  # gain in χ² of a round that is not worth another
_LIKELY = 1e-4  # of the largest weight


@dataclass(frozen=True, slots=True, kw_only=True)
class RestSlope:
    """Slope at rest [S] and current at zero potential [A], the end of the part of the sweep used [V], and how likely it
    is that the cell polarises there (0 … 1)."""

    conductance: Estimate
    intercept: Estimate
    end: float
    polarises: float


@dataclass(frozen=True, slots=True, eq=False)
class _Points:
    """Blocks of points (``measured``) and points in between where the current changes fast, all from rest."""

    time: np.ndarray
    potential: np.ndarray
    current: np.ndarray
    std: np.ndarray
    measured: np.ndarray

    def until(self, blocks: int) -> _Points:
        """The points up to the last of so many blocks."""
        end = int(np.flatnonzero(self.measured)[blocks - 1]) + 1
        return _Points(self.time[:end], self.potential[:end], self.current[:end], self.std[:end], self.measured[:end])


@dataclass(frozen=True, slots=True, eq=False)
class _Fits:
    """The best cell at each ln W (m,): logits of t₊ and β (m, 2), ln G, I₀, their covariance in the order I₀, ln G,
    logits (m, 4, 4), χ² without and with the prior, residuals in units of the noise (m, n)."""

    scan: np.ndarray
    logits: np.ndarray
    log_slope: np.ndarray
    level: np.ndarray
    covariance: np.ndarray
    squares: np.ndarray
    score: np.ndarray
    left: np.ndarray


def fit_rest_slope(
    time: Float[np.ndarray, " n"],
    potential: Float[np.ndarray, " n"],
    current: Float[np.ndarray, " n"],
    std: Float[np.ndarray, " n"],
    thermal_voltage: float,
    pauses: Sequence[tuple[float, float, float]] = (),
    gain_error: float = 0.0,
) -> RestSlope | None:
    """Slope of I(V) at rest, averaged over what the early sweep allows: an ohmic cell, or cells that polarise.

    I = I₀ + G V for the one, I = I₀ + G V_T y(t; W, t₊, β) for the others, with y from
    :func:`~rampion.voltammetry.polarising_cell.polarising_current` and W = 4 τ (dV/dt)/V_T. At each W of a grid (even
    in ln W, refined around the likely ones) the rest is fitted by damped Gauss–Newton steps, the logits of t₊ and β
    with wide normal priors. Ohmic and polarising count the same beforehand; the weights follow from the evidence
    (Laplace's approximation at each W). Value and 95 % interval are the median and the quantiles of the mixture: where
    a fast polarisation cannot be told from none, both are in the interval. The part used is the longest from the start
    on that the best cell describes within the noise (χ² within four standard deviations, no trend in the residuals).

    Assumes rest before the first point, white noise, and dilute transport: the potential at which a polarised cell
    bends away from its line, 4 V_T, is what excludes that a long straight line belongs to one.
    Fails (``None``) when no part of ten blocks of points is described.

    Parameters
    ----------
    time, potential, current, std : (n,) [s], [V], [A], [A], rising in time and potential.
    thermal_voltage : V_T = RT/F [V].
    pauses : (start [s], duration [s], potential [V]) of holds inside the sweep.
    gain_error : of the current, not averaged away over many points.
    """
    points = _blocks(time, potential, current, std, thermal_voltage, pauses, gain_error)
    if points is None:
        return None
    ramp = _ramp_time(points, thermal_voltage)
    found = _longest(points, thermal_voltage, ramp)
    if found is None:
        return None
    part, fits, skipped = found
    mixture = None
    widest = np.log(SCAN_NUMBERS)
    reach = 5.0 * np.sqrt(np.maximum(fits.covariance[:, 4, 4], 1e-6))
    near = (fits.score < np.min(fits.score) + 16.0) & np.isfinite(reach)
    low, high = float(np.min((fits.scan - reach)[near])), float(np.max((fits.scan + reach)[near]))
    bounds = np.clip([low, high], *widest) if high - low > 0.01 else widest
    scan = np.linspace(bounds[0], bounds[1], _NODES)
    start = _along(fits, scan)
    for _ in range(_ZOOMS):
        fits = _fit(part, thermal_voltage, ramp, scan, start, skipped, 7)
        mixture = _weighed(part, fits, skipped, float(widest[1] - widest[0]))
        likely = np.flatnonzero(mixture.weights[1:] > _LIKELY * np.max(mixture.weights[1:]))
        narrower = scan[max(int(likely[0]) - 1, 0)], scan[min(int(likely[-1]) + 1, _NODES - 1)]
        if mixture.weights[0] > 0.999 or narrower[1] - narrower[0] > 0.5 * (bounds[1] - bounds[0]):
            break
        bounds, scan = np.array(narrower), np.linspace(*narrower, _NODES)
        start = np.stack([np.interp(scan, fits.scan, fits.logits[:, k]) for k in range(2)], axis=1)
    assert mixture is not None
    conductance = _quantiles(*mixture.slopes, mixture.weights)
    middle = math.exp(conductance.value)
    return RestSlope(
        conductance=Estimate(
            middle,
            middle * math.sqrt(math.expm1(min(conductance.std**2, 50.0))),
            math.exp(conductance.low),
            math.exp(conductance.high),
        ),
        intercept=_quantiles(*mixture.levels, mixture.weights),
        end=float(part.potential[-1]),
        polarises=float(1.0 - mixture.weights[0]),
    )


def _blocks(
    time: np.ndarray,
    potential: np.ndarray,
    current: np.ndarray,
    std: np.ndarray,
    thermal_voltage: float,
    pauses: Sequence[tuple[float, float, float]],
    gain_error: float,
) -> _Points | None:
    """Blocks of points that grow with the distance from the start, none across a pause, and points in the pauses and
    before the second block."""
    n = int(np.searchsorted(potential, _FARTHEST * thermal_voltage, side="right"))
    n = min(n, int(np.argmax(current)) + 1)
    if n < _LEAST_BLOCKS:
        return None
    starts = [0]
    while starts[-1] < n:
        starts.append(starts[-1] + int(max(1.0, _GROWTH * starts[-1])))
    starts += [int(np.searchsorted(time[:n], start, side="right")) for start, _, _ in pauses]
    first = np.unique(np.array([s for s in starts if s < n]))
    counts = np.diff(np.append(first, n))

    def mean(values: np.ndarray) -> np.ndarray:
        return np.add.reduceat(values[:n], first) / counts

    t, v, y = mean(time - time[0]), mean(potential), mean(current)
    bent = (v / (4.0 * thermal_voltage)) ** 2
    systematic = np.hypot(gain_error, _MODEL_ERROR * bent / (1.0 + bent)) * y
    error = np.hypot(np.sqrt(mean(std**2) / counts), systematic)
    early = t[0] + (t[1] - t[0]) * np.array([0.04, 0.15, 0.4, 0.7])
    times, levels = [early], [np.interp(early, t, v)]
    for start, duration, level in pauses:
        held = start - time[0] + duration * np.array([0.004, 0.03, 0.12, 0.35, 0.7, 0.98])
        held = held[(held > t[0]) & (held < t[-1])]
        times.append(held)
        levels.append(np.full(held.size, level))
    between, nothing = np.concatenate(times), np.full(sum(part.size for part in times), math.nan)
    everything = np.concatenate([t, between])
    order = np.argsort(everything, kind="stable")
    order = order[np.concatenate([[True], np.diff(everything[order]) > 0])]
    points = _Points(
        time=everything[order],
        potential=np.concatenate([v, *levels])[order],
        current=np.concatenate([y, nothing])[order],
        std=np.concatenate([error, nothing])[order],
        measured=np.concatenate([np.ones(t.size, bool), np.zeros(between.size, bool)])[order],
    )
    return points if points.measured.sum() >= _LEAST_BLOCKS else None


def _ramp_time(points: _Points, thermal_voltage: float) -> float:
    """Time [s] in which the ramp moves by V_T, from the steps between measured points."""
    time, potential = points.time[points.measured], points.potential[points.measured]
    return thermal_voltage * float(np.median(np.diff(time) / np.maximum(np.diff(potential), 1e-12)))


def _longest(points: _Points, thermal_voltage: float, ramp: float) -> tuple[_Points, _Fits, int] | None:
    """The longest part described, its fits, and the blocks left out at its start (a charging transient)."""
    logits = np.tile(_PRIOR_MEAN, (_STARTS.size, 1))
    logits[:, 0] = np.resize(_START_LOGITS, _STARTS.size)
    total = _smooth(points)
    for skipped in (0, 2, 8):
        for blocks in range(total, _LEAST_BLOCKS + skipped - 1, -_SHORTER):
            part = points.until(blocks)
            fits = _fit(part, thermal_voltage, ramp, _STARTS, logits, skipped, 12, free=True)
            if _only_noise(fits.left[int(np.argmin(fits.squares))]):
                return part, fits, skipped
    return None


def _along(fits: _Fits, scan: np.ndarray) -> np.ndarray:
    """(m, 2) logits to start from at each ln W: along the valley of χ² of the best fit."""
    best = int(np.argmin(fits.score))
    covariance = fits.covariance[best]
    lean = covariance[4, 2:4] / max(float(covariance[4, 4]), 1e-12)
    start = fits.logits[best] + (scan - fits.scan[best])[:, None] * lean
    return np.clip(start, _PRIOR_MEAN - 3.0 * _PRIOR_WIDTH, _PRIOR_MEAN + 3.0 * _PRIOR_WIDTH)


def _smooth(points: _Points) -> int:
    """Number of blocks up to which a polynomial in √V leaves only noise: no cell bends more sharply before."""
    v, y, std = (a[points.measured] for a in (points.potential, points.current, points.std))
    root = np.sqrt(np.maximum(v - v[0], 0.0))
    for blocks in range(v.size, _LEAST_BLOCKS, -1):
        u = 2.0 * root[:blocks] / root[blocks - 1] - 1.0
        q = np.linalg.qr(np.polynomial.legendre.legvander(u, 7) / std[:blocks, None])[0]
        z = y[:blocks] / std[:blocks]
        degrees = max(blocks - 8, 1)
        if np.sum((z - q @ (q.T @ z)) ** 2) - degrees < 5.0 * math.sqrt(2.0 * degrees):
            return blocks
    return _LEAST_BLOCKS


def _only_noise(left: np.ndarray) -> bool:
    """Whether residuals look like noise: χ² within four standard deviations, and nothing in their slow course."""
    degrees = max(left.size - 5, 1)
    if np.sum(left**2) - degrees > 4.0 * math.sqrt(2.0 * degrees):
        return False
    q = np.linalg.qr(np.polynomial.legendre.legvander(np.linspace(-1.0, 1.0, left.size), 5))[0]
    return bool(np.sum((q.T @ left) ** 2) < 16.8)  # χ² of six, 99 %


def _bounded(logit: np.ndarray, bounds: tuple[float, float]) -> np.ndarray:
    return bounds[0] + (bounds[1] - bounds[0]) / (1.0 + np.exp(-logit))


def _fit(
    points: _Points,
    thermal_voltage: float,
    ramp: float,
    scan: np.ndarray,
    logits: np.ndarray,
    skipped: int,
    rounds: int,
    *,
    free: bool = False,
) -> _Fits:
    """Least squares from each ln W by damped Gauss–Newton steps in the logits, I₀ and G by linear regression.

    ``free`` lets ln W move too (a fifth row of the covariance); else it stays.
    """
    used = np.flatnonzero(points.measured)[skipped:]
    z, one = points.current[used] / points.std[used], 1.0 / points.std[used]
    potential = points.potential / thermal_voltage
    m, damping = scan.size, np.full(scan.size, 0.01)
    kernel = None if free else kernel_of(points.time, 0.25 * ramp * np.exp(scan))
    nudges = _STEP * np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    mean, width = _PRIOR_MEAN, _PRIOR_WIDTH
    best: list[np.ndarray] = []
    trial = np.concatenate([logits, scan[:, None]], axis=1)
    for _ in range(rounds):
        around = trial[:, None, :2] + nudges
        numbers = trial[:, 2]
        if free:
            around, numbers = np.concatenate([around, around]), np.concatenate([numbers, numbers + _STEP])
        if kernel is None or free:
            kernel = kernel_of(points.time, 0.25 * ramp * np.exp(numbers))
        transference, share = _bounded(around[..., 0], _TRANSFERENCES), _bounded(around[..., 1], _SHARES)
        curves = polarising_current(kernel, potential, share * (1.0 / transference - 1.0), share)
        curves = thermal_voltage * curves[..., used] * one
        if free:
            curves = np.concatenate([curves[:m], curves[m:, :1]], axis=1)
        y = curves[:, 0]
        mixed, square = y @ one, np.sum(y * y, axis=1)
        slope = (one @ one * (y @ z) - mixed * (one @ z)) / (one @ one * square - mixed**2)
        slope = np.maximum(slope, 1e-9 * np.abs(y @ z) / square + 1e-300)
        level = (one @ z - mixed * slope) / (one @ one)
        left = z - level[:, None] * one - slope[:, None] * y
        beyond = (trial[:, :2] - mean) / width
        squares = np.sum(left**2, axis=1)
        moves = slope[:, None, None] * (curves[:, 1:] - curves[:, :1]) / _STEP
        unit = np.broadcast_to(one, y.shape)[:, None]
        design = np.concatenate([unit, (slope[:, None] * y)[:, None], moves], axis=1)
        hessian = design @ np.swapaxes(design, 1, 2)
        hessian[:, [2, 3], [2, 3]] += width**-2.0
        if free:
            hessian[:, 4, 4] += 1e-2
        gradient = (design @ left[..., None])[..., 0]
        gradient[:, 2:4] -= beyond / width
        score = squares + np.sum(beyond**2, axis=1)
        fresh = [score, squares, trial, slope, level, hessian, gradient, left]
        gain = math.inf
        if best:
            better = score <= best[0]
            gain = float(np.max(best[0] - score))
            damping = np.where(better, 0.2 * damping, 8.0 * damping)
            fresh = [
                np.where(better.reshape(-1, *(1,) * (new.ndim - 1)), new, old)
                for new, old in zip(fresh, best, strict=True)
            ]
        best = fresh
        if gain < _CLOSE:
            break
        damped = best[5].copy()
        moving = np.arange(2, damped.shape[1])
        damped[:, moving, moving] *= 1.0 + damping[:, None]
        step = np.zeros_like(trial)
        step[:, : moving.size] = np.linalg.solve(damped, best[6][..., None])[:, 2:, 0]
        trial = best[2] + np.clip(step, -2.0, 2.0)
        trial[:, 2] = np.clip(trial[:, 2], *np.log(SCAN_NUMBERS))
    score, squares, found, slope, level, hessian, _, left = best
    return _Fits(found[:, 2], found[:, :2], np.log(slope), level, np.linalg.inv(hessian), squares, score, left)


@dataclass(frozen=True, slots=True, eq=False)
class _Mixture:
    """Weights of the ohmic cell and of the cells at each W; their (ln G, error) and (I₀, error)."""

    weights: np.ndarray
    slopes: tuple[np.ndarray, np.ndarray]
    levels: tuple[np.ndarray, np.ndarray]


def _weighed(points: _Points, fits: _Fits, skipped: int, prior: float) -> _Mixture:
    """The mixture of what the fits allow, its errors enlarged by the scatter where that exceeds the noise.

    ``prior`` is the range of ln W over which polarising cells are as likely beforehand as the ohmic one.
    """
    used = np.flatnonzero(points.measured)[skipped:]
    v, std = points.potential[used], points.std[used]
    line = np.stack([np.ones_like(v), v], axis=1) / std[:, None]
    covariance = np.linalg.inv(line.T @ line)
    level, slope = covariance @ (line.T @ (points.current[used] / std))
    squares = float(np.sum((points.current[used] / std - line @ [level, slope]) ** 2))
    reduced = min(squares / max(v.size - 2, 1), float(np.min(fits.squares)) / max(v.size - 5, 1))
    scale = math.sqrt(max(1.0, reduced))
    sign, volume = np.linalg.slogdet(fits.covariance)
    cell = float(fits.scan[1] - fits.scan[0]) / prior
    weighed = -0.5 * fits.score / scale**2 + 0.5 * volume + math.log(cell) - float(np.sum(np.log(_PRIOR_WIDTH)))
    weighed = np.where(sign > 0, weighed, -math.inf)
    ohmic = -math.inf
    if slope > 0:
        ohmic = -0.5 * squares / scale**2 + 0.5 * float(np.linalg.slogdet(covariance)[1]) - math.log(slope)
    logs = np.append(ohmic, weighed)
    weights = np.exp(logs - np.max(logs))
    slope = max(float(slope), 1e-300)
    slope_errors = np.append(covariance[1, 1] / slope**2, fits.covariance[:, 1, 1])
    level_errors = np.append(covariance[0, 0], fits.covariance[:, 0, 0])
    return _Mixture(
        weights=weights / np.sum(weights),
        slopes=(np.append(math.log(slope), fits.log_slope), scale * np.sqrt(slope_errors)),
        levels=(np.append(level, fits.level), scale * np.sqrt(level_errors)),
    )


def _quantiles(values: np.ndarray, errors: np.ndarray, weights: np.ndarray) -> Estimate:
    """Median, standard deviation and 95 % interval of a mixture of normal distributions."""
    from scipy.special import ndtr

    kept = weights > 1e-6
    values, errors, weights = values[kept], errors[kept], weights[kept] / np.sum(weights[kept])
    grid = np.sort(np.concatenate([values + k * errors for k in np.linspace(-4.0, 4.0, 41)]))
    below = ndtr((grid[:, None] - values) / np.maximum(errors, 1e-300)) @ weights
    low, middle, high = np.interp([0.025, 0.5, 0.975], below, grid)
    mean = float(weights @ values)
    return Estimate(middle, math.sqrt(float(weights @ (errors**2 + (values - mean) ** 2))), low, high)
