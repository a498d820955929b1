"""The conductance at rest: the slope at the start of a sweep that bends because of diffusion."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from rampion.estimate import Estimate

_LEAST_FREEDOM = 5  # points more than parameters
_TOO_FEW = 50  # points: a part this short may miss the test by chance
_STARTS = (0, 1, 2, 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestSlope:
    """Slope at rest [S], current at zero potential [A], and the part of the sweep [V] both rest on."""

    conductance: Estimate
    intercept: Estimate
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class _Fit:
    slope: float
    slope_error: float
    level: float
    level_error: float
    start: int
    end: int


def fit_rest_slope(
    potential: Float[np.ndarray, " n"],
    current: Float[np.ndarray, " n"],
    std: Float[np.ndarray, " n"],
    polarisation: Float[np.ndarray, " n"],
    straight: int = 0,
) -> RestSlope | None:
    """Slope of I(V) at rest, the bend by diffusion allowed for.

    The concentration overpotential of a cell whose diffusion layers have not met is proportional to the semi-integral
    m of the current whatever the ramp, and the next terms of a symmetric cell are of third order:
    V = R I + κ m + O(3). Hence

    I = I₀ + G V - γ m (- c V m²)

    by weighted least squares. The part fitted is the longest from the start on in which the curve and its next two
    terms leave only noise (χ² within four standard deviations, those terms below two standard errors), sought with
    and without the last term; the fit then has one term more than the search, and the more certain one counts. The
    straight line (γ = 0) over the same part joins with its Akaike weight, so that a cell that does not bend keeps its
    precision; the error joins the scatter and the difference of the models.

    Assumes white noise; the noise of m, an average, is left out.
    Fails (``None``) when no such part has five points more than parameters.

    Parameters
    ----------
    potential, current, std : (n,) [V], [A], [A].
    polarisation : (n,) semi-integral of the current [A √s], or any quantity that grows as V^{3/2}.
    straight : number of points from the first on that are known to lie on a straight line within their noise.
    """
    fits = [
        fit for terms in (1, 2) if (fit := _longest(potential, current, std, polarisation, terms, straight)) is not None
    ]
    if not fits:
        return None
    best = min(fits, key=lambda fit: fit.slope_error)
    return RestSlope(
        conductance=Estimate(best.slope, best.slope_error),
        intercept=Estimate(best.level, best.level_error),
        start=float(potential[best.start]),
        end=float(potential[best.end - 1]),
    )


def _longest(
    potential: np.ndarray, current: np.ndarray, std: np.ndarray, polarisation: np.ndarray, terms: int, straight: int
) -> _Fit | None:
    """The fit over the longest part; a later start (a charging transient) only where none begins at the first point.

    A cell that has become stationary is straight again, with another slope, so that a much later start is no choice.
    """
    for start in _STARTS:
        found = _from(potential[start:], current[start:], std[start:], polarisation[start:], terms, straight - start)
        if found is not None:
            return replace(found, start=start, end=start + found.end)
    return None


def _from(x: np.ndarray, y: np.ndarray, std: np.ndarray, m: np.ndarray, terms: int, straight: int) -> _Fit | None:
    """The fit over the longest consistent part from the first point on."""
    n = x.size
    size = 2 + terms + 1 + _LEAST_FREEDOM
    end, failures = 0, 0
    while size <= n and (failures < 5 or size < _TOO_FEW):
        if _only_noise(x[:size], y[:size], std[:size], m[:size], terms):
            end, failures = size, 0
        else:
            failures += 1
        if size == n:
            break
        size = min(n, max(size + 1, int(size * 1.1)))
    end = max(end, straight)
    if end < 3 + terms + _LEAST_FREEDOM:
        return None
    return _fit(x[:end], y[:end], std[:end], m[:end], terms, end)


def _columns(x: np.ndarray, m: np.ndarray, terms: int) -> np.ndarray:
    """1, V, m, V m², V³ m²: as many after V as asked for, each about one at the end; (n, 2 + terms)."""
    v, p = x / np.max(np.abs(x)), m / (np.max(np.abs(m)) or 1.0)
    return np.stack([np.ones_like(v), v, p, v * p**2, v**3 * p**2, v**4 * p**2][: 2 + terms], axis=1)


def _only_noise(x: np.ndarray, y: np.ndarray, std: np.ndarray, m: np.ndarray, terms: int) -> bool:
    """Whether the terms and the next one leave only noise, the next one's own part below two standard errors."""
    q = np.linalg.qr(_columns(x, m, terms + 2) / std[:, None])[0]
    z = y / std
    coefficients = q.T @ z
    left = z - q @ coefficients
    degrees = x.size - 4 - terms
    return bool(np.all(np.abs(coefficients[-2:]) < 2.0) and np.sum(left**2) - degrees < 4.0 * math.sqrt(2.0 * degrees))


def _fit(x: np.ndarray, y: np.ndarray, std: np.ndarray, m: np.ndarray, terms: int, end: int) -> _Fit:
    """Slope and level of the bent curve, joined with those of the straight line by their Akaike weights."""
    scale = float(np.max(np.abs(x)))
    design = _columns(x, m, terms + 1) / std[:, None]
    z = y / std
    slopes, levels, scores = [], [], []
    for count in (2, 3 + terms):
        inverse = np.linalg.pinv(design[:, :count])
        fitted = inverse @ z
        errors = np.linalg.norm(inverse, axis=1)
        slopes.append((float(fitted[1]), float(errors[1])))
        levels.append((float(fitted[0]), float(errors[0])))
        scores.append(float(np.sum((z - design[:, :count] @ fitted) ** 2)) + 2 * count)
    straight = 1.0 / (1.0 + math.exp(min(0.5 * (scores[0] - scores[1]), 700.0)))
    slope, slope_error = _joined(slopes, straight)
    level, level_error = _joined(levels, straight)
    return _Fit(slope / scale, slope_error / scale, level, level_error, 0, end)


def _joined(pairs: list[tuple[float, float]], weight: float) -> tuple[float, float]:
    """Mean of two models' (value, error), the first with the weight, with the spread between them in the error."""
    (a, a_error), (b, b_error) = pairs
    value = weight * a + (1.0 - weight) * b
    variance = weight * (a_error**2 + (a - value) ** 2) + (1.0 - weight) * (b_error**2 + (b - value) ** 2)
    return float(value), math.sqrt(variance)
