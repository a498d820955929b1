"""Bounded weighted least squares: the only caller of the optimiser.

The residual is already weighted (data minus model over standard uncertainty), so χ² is the plain sum of squares.
Scale and bounds belong to the caller: positive parameters are best passed as logarithms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

Residual = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Result of one least-squares fit.

    Attributes
    ----------
    parameters : (p,)
    covariance : (p, p) at the optimum; NaN rows where the data do not fix a parameter. Absolute when the residuals
        are in units of known uncertainties, else scaled by the reduced χ² (see ``scaled``).
    residual : (n,) weighted residuals at the optimum.
    chi_square, degrees : sum of squares and n - p.
    converged : whether the optimiser met its tolerance.
    """

    parameters: Float[np.ndarray, " p"]
    covariance: Float[np.ndarray, "p p"]
    residual: Float[np.ndarray, " n"]
    chi_square: float
    degrees: int
    converged: bool

    @property
    def std(self) -> np.ndarray:
        """(p,) standard uncertainties."""
        return np.sqrt(np.diag(self.covariance))


def fit_least_squares(
    residual: Residual,
    start: np.ndarray,
    jacobian: Residual | None = None,
    lower: np.ndarray | float = -np.inf,
    upper: np.ndarray | float = np.inf,
    scaled: bool = False,
    loss: str = "linear",
) -> Fit:
    """Minimise the sum of squared residuals from one start.

    Parameters
    ----------
    residual : maps (p,) to (n,) weighted residuals.
    start : (p,), moved inside the bounds if it lies outside.
    jacobian : maps (p,) to (n, p); finite differences when absent.
    scaled : multiply the covariance by the reduced χ² (uncertainties known only up to a common factor).
    loss : ``linear`` or one of the optimiser's robust losses.

    Fails when the residual is not finite at the start (``ValueError`` of the optimiser).
    """
    from scipy.optimize import least_squares

    start = np.atleast_1d(np.asarray(start, float))
    low, high = np.broadcast_to(lower, start.shape), np.broadcast_to(upper, start.shape)
    inside = np.where(np.isfinite(high - low), 1e-9 * (high - low), 1e-12)
    start = np.clip(start, low + inside, high - inside)
    slopes: Any = jacobian or "2-point"
    solution = least_squares(
        residual,
        start,
        jac=slopes,
        bounds=(low, high),
        x_scale="jac",
        loss=loss,
    )
    degrees = solution.fun.size - start.size
    chi_square = float(np.sum(solution.fun**2))
    factor = chi_square / degrees if scaled and degrees > 0 else 1.0
    return Fit(
        parameters=solution.x,
        covariance=covariance_of(solution.jac) * factor,
        residual=solution.fun,
        chi_square=chi_square,
        degrees=degrees,
        converged=bool(solution.status > 0),
    )


def fit_multistart(residual: Residual, starts: np.ndarray, **options) -> Fit:
    """The best of the fits from each row of ``starts`` (m, p); options as :func:`fit_least_squares`."""
    fits = [fit_least_squares(residual, start, **options) for start in np.atleast_2d(starts)]
    return min(fits, key=lambda fit: fit.chi_square)


def covariance_of(jacobian: Float[np.ndarray, "n p"], tolerance: float = 1e-10) -> Float[np.ndarray, "p p"]:
    """(JᵀJ)⁻¹ by singular values; NaN for parameters that lie along a direction the data do not fix.

    ``tolerance`` is relative to the largest singular value after each column is scaled to unit length.
    """
    norms = np.linalg.norm(jacobian, axis=0)
    free = norms > 0
    covariance = np.full((norms.size, norms.size), np.nan)
    if not free.any():
        return covariance
    _, values, rows = np.linalg.svd(jacobian[:, free] / norms[free], full_matrices=False)
    kept = values > tolerance * values[0]
    inverse = (rows[kept].T / values[kept] ** 2) @ rows[kept]
    inverse /= np.outer(norms[free], norms[free])
    lost = np.any(np.abs(rows[~kept]) > 1e-3, axis=0)
    inverse[lost, :] = np.nan
    inverse[:, lost] = np.nan
    covariance[np.ix_(free, free)] = inverse
    return covariance
