"""Whether the residuals of a fit follow a pattern along the frequency."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Complex, Float

_LAGS = 3
_CLEAR = 0.02  # p-value above which residuals have no pattern, whatever the fit did to them


def whiteness_of(
    residual: Complex[np.ndarray, " n"],
    frequency: Float[np.ndarray, " n"],
    slopes: Float[np.ndarray, "m p"] | None = None,
) -> float:
    """p-value of residuals without pattern along the frequency, both parts together.

    Q = Σ_k (r_k - E r_k)²/var r_k over the first three autocorrelations r_k of the real and of the imaginary part,
    χ²-distributed with 6 degrees of freedom. Residuals of a fit, r = Mε with M = 1 - H, are correlated by it: for
    r_k = rᵀS_k r/rᵀr the mean is tr(S_k M)/tr M and the variance 2 tr(S_k M S_k M)/(tr M)², each over one part. Without
    the ``slopes`` the moments are those of free residuals, var r_k = (n-k)/(n(n+2)) (Ljung-Box).

    Assumes errors of one size after weighting. NaN for fewer than 12 points.

    Parameters
    ----------
    slopes : (2n, p) derivatives of the weighted residuals, real and imaginary part of each point in turn.

    References
    ----------
    Ljung, Box, Biometrika 65 (1978) 297, doi:10.1093/biomet/65.2.297.
    """
    count = residual.size
    if count < 4 * _LAGS:
        return math.nan
    order = np.argsort(frequency)
    free = _p_value(_autocorrelations(residual[order]), np.zeros((2, _LAGS)), _free_variance(count))
    if slopes is None or not free < _CLEAR:
        return free
    return _p_value(_autocorrelations(residual[order]), *_moments(slopes, order))


def _autocorrelations(row: Complex[np.ndarray, " n"]) -> Float[np.ndarray, "2 k"]:
    found = np.zeros((2, _LAGS))
    for place, part in enumerate((np.real(row), np.imag(row))):
        power = float(part @ part)
        if power > 0:
            found[place] = [float(part[k:] @ part[:-k]) / power for k in range(1, _LAGS + 1)]
    return found


def _free_variance(count: int) -> Float[np.ndarray, " k"]:
    return np.array([(count - k) / (count * (count + 2)) for k in range(1, _LAGS + 1)])


def _p_value(found: np.ndarray, mean: np.ndarray, variance: np.ndarray) -> float:
    """Survival of χ² with an even number of degrees of freedom, in closed form."""
    half = 0.5 * float(np.sum((found - mean) ** 2 / variance))
    return math.exp(-half) * sum(half**k / math.factorial(k) for k in range(_LAGS))


def _moments(
    slopes: Float[np.ndarray, "m p"], order: np.ndarray
) -> tuple[Float[np.ndarray, "2 k"], Float[np.ndarray, "2 k"]]:
    """Means and variances of the autocorrelations of residuals that a fit with these slopes leaves."""
    base = np.linalg.qr(slopes)[0]
    mean, variance = np.zeros((2, _LAGS)), np.zeros((2, _LAGS))
    for part in (0, 1):
        rows = base[part::2][order]
        left = np.eye(order.size) - rows @ rows.T  # M within one part
        freedom = float(np.trace(left))
        for lag in range(1, _LAGS + 1):
            shifted = np.zeros_like(left)  # S M, with S the mean of a shift by the lag up and down
            shifted[:-lag] += 0.5 * left[lag:]
            shifted[lag:] += 0.5 * left[:-lag]
            mean[part, lag - 1] = float(np.trace(shifted)) / freedom
            variance[part, lag - 1] = 2 * float(np.sum(shifted * shifted.T)) / freedom**2
    return mean, variance
