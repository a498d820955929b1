"""The conductance at rest: the slope at the start of a sweep of a cell that polarises."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from rampion.estimate import Estimate
from rampion.voltammetry.polarising_cell import Kernel, polarising_current
from rampion.voltammetry.sweep_start import LEAST_BLOCKS, StartPoints, smooth_blocks, start_points

SCAN_NUMBERS = (0.3, 3e4)  # W = 4 τ (dV/dt)/V_T
_TRANSFERENCES = (0.03, 0.99)  # t₊ of the electrolyte alone, 1/(1 + ρ/β)
_SHARES = (0.05, 1.05)
_PRIOR_MEAN = np.array([0.4, 1.0])  # of the logits of t₊ and β inside their bounds
_PRIOR_WIDTH = np.array([1.5, 1.8])
_STARTS = np.log([0.7, 0.7, 6.0, 6.0, 60.0, 60.0, 2000.0, 2000.0])  # of ln W while the part is sought
_START_LOGITS = np.array([-1.2, 0.8])  # of t₊, in turn
_NODES = 16  # W in the result
_ZOOMS = 3
_SHORTER = 7  # blocks less at each try
_CLOSE = 0.01  # gain in χ² of a round that is not worth another
_UNKNOWN = 20.0  # width of the interval in e-folds
_LIKELY = 1e-4  # of the largest weight


@dataclass(frozen=True, slots=True, kw_only=True)
class RestSlope:
    """Slope at rest [S] and current at zero potential [A], the end of the part of the sweep used [V], and how likely it
    is that the cell polarises there (0 … 1)."""

    conductance: Estimate
    intercept: Estimate
    end: float
    polarises: float


class _Fits(NamedTuple):
    """One cell at each of m ln W and what it leaves: logits of t₊ and β and ln W (m, 3), G V_T and I₀ [A], the normal
    equations in the order I₀, ln G, logits, ln W where it is free, χ² with and without the prior, residuals over the
    noise (m, b)."""

    numbers: np.ndarray
    slope: np.ndarray
    level: np.ndarray
    hessian: np.ndarray
    gradient: np.ndarray
    score: np.ndarray
    squares: np.ndarray
    left: np.ndarray

    @property
    def scan(self) -> np.ndarray:
        """ln W (m,)."""
        return self.numbers[:, 2]

    @property
    def covariance(self) -> np.ndarray:
        """Of I₀, ln G, logits (and ln W), (m, 4, 4) or (m, 5, 5)."""
        return np.linalg.inv(self.hessian)


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
    Fails (``None``) when no part of ten blocks of points is described, or the part that is shows no slope.

    Parameters
    ----------
    time, potential, current, std : (n,) [s], [V], [A], [A], rising in time and potential.
    thermal_voltage : V_T = RT/F [V].
    pauses : (start [s], duration [s], potential [V]) of holds inside the sweep.
    gain_error : of the current, not averaged away over many points.
    """
    points = start_points(time, potential, current, std, thermal_voltage, pauses, gain_error)
    found = _longest(points) if points is not None else None
    if found is None:
        return None
    part, fits = found
    scan = _likely_range(fits)
    logits = _along_valley(fits, scan)
    mixture = None
    for _ in range(_ZOOMS):
        fits = _fit(part, scan, logits, 7)
        mixture = _weighed(part, fits)
        likely = np.flatnonzero(mixture.weights[1:] > _LIKELY * np.max(mixture.weights[1:]))
        narrower = np.linspace(scan[max(likely[0] - 1, 0)], scan[min(likely[-1] + 1, _NODES - 1)], _NODES)
        if mixture.weights[0] > 0.999 or np.ptp(narrower) > 0.5 * np.ptp(scan):
            break
        scan = narrower
        logits = np.stack([np.interp(scan, fits.scan, fits.numbers[:, k]) for k in range(2)], axis=1)
    assert mixture is not None
    log_slope = _quantiles(*mixture.slopes, mixture.weights)
    if not log_slope.high - log_slope.low < _UNKNOWN:  # the part left shows no slope
        return None
    middle = math.exp(log_slope.value)
    spread = math.sqrt(math.expm1(min(log_slope.std**2, 50.0)))
    return RestSlope(
        conductance=Estimate(middle, middle * spread, math.exp(log_slope.low), math.exp(log_slope.high)).scaled(
            1.0 / thermal_voltage
        ),
        intercept=_quantiles(*mixture.levels, mixture.weights),
        end=float(part.potential[-1]) * thermal_voltage,
        polarises=float(1.0 - mixture.weights[0]),
    )


def _longest(points: StartPoints) -> tuple[StartPoints, _Fits] | None:
    """The longest part described, without the first blocks where a charging transient is in the way, and its fits."""
    logits = np.tile(_PRIOR_MEAN, (_STARTS.size, 1))
    logits[:, 0] = np.resize(_START_LOGITS, _STARTS.size)
    total = smooth_blocks(points)
    for skipped in (0, 2, 8):
        for blocks in range(total, LEAST_BLOCKS + skipped - 1, -_SHORTER):
            part = points.part(skipped, blocks)
            fits = _fit(part, _STARTS, logits, 12, free=True)
            if _only_noise(fits.left[int(np.argmin(fits.squares))]):
                return part, fits
    return None


def _likely_range(fits: _Fits) -> np.ndarray:
    """Even ln W over five standard deviations about every fit that is nearly as good as the best."""
    widest = np.log(SCAN_NUMBERS)
    reach = 5.0 * np.sqrt(np.maximum(fits.covariance[:, 4, 4], 1e-6))
    near = (fits.score < np.min(fits.score) + 16.0) & np.isfinite(reach)
    low, high = float(np.min((fits.scan - reach)[near])), float(np.max((fits.scan + reach)[near]))
    bounds = np.clip([low, high], *widest) if high - low > 0.01 else widest
    return np.linspace(bounds[0], bounds[1], _NODES)


def _along_valley(fits: _Fits, scan: np.ndarray) -> np.ndarray:
    """(m, 2) logits to start from at each ln W: along the valley of χ² of the best fit."""
    best = int(np.argmin(fits.score))
    covariance = fits.covariance[best]
    lean = covariance[4, 2:4] / max(float(covariance[4, 4]), 1e-12)
    start = fits.numbers[best, :2] + (scan - fits.scan[best])[:, None] * lean
    return np.clip(start, _PRIOR_MEAN - 3.0 * _PRIOR_WIDTH, _PRIOR_MEAN + 3.0 * _PRIOR_WIDTH)


def _only_noise(left: np.ndarray) -> bool:
    """Whether residuals look like noise: χ² within four standard deviations, and nothing in their slow course."""
    degrees = max(left.size - 5, 1)
    if np.sum(left**2) - degrees > 4.0 * math.sqrt(2.0 * degrees):
        return False
    q = np.linalg.qr(np.polynomial.legendre.legvander(np.linspace(-1.0, 1.0, left.size), 5))[0]
    return bool(np.sum((q.T @ left) ** 2) < 16.8)  # χ² of six, 99 %


def _bounded(logit: np.ndarray, bounds: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Value of a logit inside its bounds, and how it changes with the logit."""
    inside = 1.0 / (1.0 + np.exp(-logit))
    width = bounds[1] - bounds[0]
    return bounds[0] + width * inside, width * inside * (1.0 - inside)


def _fit(points: StartPoints, scan: np.ndarray, logits: np.ndarray, rounds: int, *, free: bool = False) -> _Fits:
    """Least squares from each ln W by damped Gauss–Newton steps in the logits, and in ln W too when it is ``free``."""
    trial = np.concatenate([logits, scan[:, None]], axis=1)
    kernel = None if free else points.kernel(scan)
    damping = np.full(scan.size, 0.01)
    best = _linearised(points, trial, kernel)
    active = np.arange(scan.size)
    for _ in range(rounds - 1):
        damped = best.hessian[active]
        moving = np.arange(2, damped.shape[1])
        damped[:, moving, moving] *= 1.0 + damping[active, None]
        step = np.linalg.solve(damped, best.gradient[active, :, None])[:, 2:, 0]
        trial = best.numbers[active]
        trial[:, : moving.size] += np.clip(step, -2.0, 2.0)
        trial[:, 2] = np.clip(trial[:, 2], *np.log(SCAN_NUMBERS))
        fits = _linearised(points, trial, kernel.of(active) if kernel is not None else None)
        gain = best.score[active] - fits.score
        better = gain >= 0.0
        damping[active] *= np.where(better, 0.2, 8.0)
        for values, fresh in zip(best, fits, strict=True):
            values[active[better]] = fresh[better]
        active = active[(~better | (gain > _CLOSE)) & (damping[active] < 1e4)]
        if active.size == 0:
            break
    return best


def _linearised(points: StartPoints, numbers: np.ndarray, kernel: Kernel | None) -> _Fits:
    """Residuals of cells and how they change: I₀ and G by linear regression, the logits, and ln W where no kernel is
    given."""
    kernel = points.kernel(numbers[:, 2], moving=True) if kernel is None else kernel
    (transference, steep), (share, gentle) = (
        _bounded(numbers[:, 0], _TRANSFERENCES), _bounded(numbers[:, 1], _SHARES)
    )  # fmt: skip
    odds = 1.0 / transference - 1.0
    curves, moves = polarising_current(kernel, points.potential, share * odds, share)
    # of ρ = β (1/t₊ - 1) and β to the logits of t₊ and β
    with_transference = -(share / transference**2 * steep)[:, None] * moves[:, 0]
    with_share = gentle[:, None] * (odds[:, None] * moves[:, 0] + moves[:, 1])
    curves = np.concatenate([np.stack([curves, with_transference, with_share], axis=1), moves[:, 2:]], axis=1)
    one, z = points.weight, points.current * points.weight
    curves = curves[..., points.blocks] * one
    y = curves[:, 0]
    mixed, square = y @ one, np.sum(y * y, axis=1)
    slope = (one @ one * (y @ z) - mixed * (one @ z)) / (one @ one * square - mixed**2)
    slope = np.maximum(slope, 1e-9 * np.abs(y @ z) / square + 1e-300)
    level = (one @ z - mixed * slope) / (one @ one)
    left = z - level[:, None] * one - slope[:, None] * y
    moves = slope[:, None, None] * curves[:, 1:]
    unit = np.broadcast_to(one, y.shape)[:, None]
    design = np.concatenate([unit, (slope[:, None] * y)[:, None], moves], axis=1)
    hessian = design @ np.swapaxes(design, 1, 2)
    gradient = (design @ left[..., None])[..., 0]
    beyond = (numbers[:, :2] - _PRIOR_MEAN) / _PRIOR_WIDTH
    hessian[:, [2, 3], [2, 3]] += _PRIOR_WIDTH**-2.0
    hessian[:, 4:, 4:] += 1e-2  # so that a W that does not matter stays
    gradient[:, 2:4] -= beyond / _PRIOR_WIDTH
    squares = np.sum(left**2, axis=1)
    return _Fits(numbers, slope, level, hessian, gradient, squares + np.sum(beyond**2, axis=1), squares, left)


@dataclass(frozen=True, slots=True, eq=False)
class _Mixture:
    """Weights of the ohmic cell and of the cells at each W; their (ln G V_T, error) and (I₀, error)."""

    weights: np.ndarray
    slopes: tuple[np.ndarray, np.ndarray]
    levels: tuple[np.ndarray, np.ndarray]


def _weighed(points: StartPoints, fits: _Fits) -> _Mixture:
    """The mixture of what the fits allow, its errors enlarged by the scatter where that exceeds the noise."""
    z, covariances = points.current * points.weight, fits.covariance
    line = np.stack([points.weight, points.potential[points.blocks] * points.weight], axis=1)
    covariance = np.linalg.inv(line.T @ line)
    level, slope = covariance @ (line.T @ z)
    squares = float(np.sum((z - line @ [level, slope]) ** 2))
    reduced = min(squares / max(z.size - 2, 1), float(np.min(fits.squares)) / max(z.size - 5, 1))
    scale = math.sqrt(max(1.0, reduced))
    # as likely beforehand: the ohmic cell, and all polarising ones together
    cell = float(fits.scan[1] - fits.scan[0]) / math.log(SCAN_NUMBERS[1] / SCAN_NUMBERS[0])
    sign, volume = np.linalg.slogdet(covariances)
    weighed = -0.5 * fits.score / scale**2 + 0.5 * volume + math.log(cell) - float(np.sum(np.log(_PRIOR_WIDTH)))
    ohmic = -math.inf
    if slope > 0:
        ohmic = -0.5 * squares / scale**2 + 0.5 * float(np.linalg.slogdet(covariance)[1]) - math.log(slope)
    logs = np.append(ohmic, np.where(sign > 0, weighed, -math.inf))
    weights = np.exp(logs - np.max(logs))
    slope = max(float(slope), 1e-300)
    slope_errors = np.append(math.sqrt(covariance[1, 1]) / slope, np.sqrt(np.maximum(covariances[:, 1, 1], 0.0)))
    level_errors = np.append(covariance[0, 0], covariances[:, 0, 0])
    return _Mixture(
        weights=weights / np.sum(weights),
        slopes=(np.log(np.append(slope, fits.slope)), scale * slope_errors),
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
