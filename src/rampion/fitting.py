"""Bounded weighted least squares: the only caller of the optimiser.

The residual is already weighted (data minus model over standard uncertainty), so χ² is the plain sum of squares.
Scale and bounds belong to the caller: positive parameters are best passed as logarithms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

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
    return covariances_of(jacobian[None], tolerance)[0]


def covariances_of(jacobians: Float[np.ndarray, "m n p"], tolerance: float = 1e-10) -> Float[np.ndarray, "m p p"]:
    """:func:`covariance_of` of many at once."""
    norms = np.linalg.norm(jacobians, axis=1)
    scale = np.where(norms > 0, norms, 1.0)
    _, values, rows = np.linalg.svd(jacobians / scale[:, None], full_matrices=False)
    kept = (values > tolerance * values[:, :1]) & (values > 0)
    parts = rows * np.where(kept, 1 / np.where(kept, values, 1.0), 0.0)[:, :, None] / scale[:, None]
    inverse = parts.transpose(0, 2, 1) @ parts
    lost = np.any((np.abs(rows) > 1e-3) & ~kept[:, :, None], axis=1) | (norms == 0)
    return np.where(lost[:, :, None] | lost[:, None, :], np.nan, inverse)


BatchModel = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True, slots=True, eq=False)
class BatchFit:
    """Results of many independent fits: parameters (m, p), χ² (m,), and which met the tolerance (m,)."""

    parameters: Float[np.ndarray, "m p"]
    chi_square: Float[np.ndarray, " m"]
    converged: Bool[np.ndarray, " m"]


def fit_batch(
    evaluate: BatchModel,
    starts: Float[np.ndarray, "m p"],
    lower: np.ndarray | float = -np.inf,
    upper: np.ndarray | float = np.inf,
    held: np.ndarray | None = None,
    iterations: int = 60,
    tolerance: float = 1e-9,
    largest_step: float = 2.0,
) -> BatchFit:
    """Many independent least-squares fits at once, by the Levenberg-Marquardt method with bounds.

    (JᵀJ + λD)·δ = -Jᵀr per row, D the largest diagonal of JᵀJ met so far; λ follows Nielsen's gain ratio; a parameter
    at a bound that the gradient pushes outward is held for that step; steps are clipped to the bounds.

    Assumes parameters of like size (logarithms): no step exceeds ``largest_step``.
    Fails when a minimum is so flat that rounding in JᵀJ hides it (condition of J beyond about 1e7): ``converged`` may
    then be true a hair from the minimum; the covariance shows such directions.

    Parameters
    ----------
    evaluate : maps parameters (k, p) and the rows (k,) of ``starts`` they belong to, to weighted residuals (k, n) and
        their slopes (k, p, n).
    lower, upper : broadcast to (m, p). held : which parameters stay at their start, broadcast to (m, p).
    tolerance : of the relative fall of χ² that the next step promises.

    References
    ----------
    Moré, Lecture Notes in Mathematics 630 (1978) 105, doi:10.1007/BFb0067700; Madsen, Nielsen, Tingleff, Methods for
    non-linear least squares problems, Technical University of Denmark (2004).
    """
    low, high = np.broadcast_to(lower, starts.shape), np.broadcast_to(upper, starts.shape)
    kept = np.broadcast_to(False if held is None else held, starts.shape)
    best = np.clip(starts, low, high)
    costs = np.full(len(best), np.inf)
    converged = np.zeros(len(best), bool)
    rows = np.arange(len(best))
    diagonal = np.arange(starts.shape[1])

    def normal_equations(parameters: np.ndarray, which: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        residual, slopes = evaluate(parameters, which)
        return (
            np.einsum("mn,mn->m", residual, residual),
            slopes @ slopes.transpose(0, 2, 1),
            (slopes @ residual[:, :, None])[:, :, 0],
        )

    x = best.copy()
    cost, curvature, gradient = normal_equations(x, rows)
    scale = curvature[:, diagonal, diagonal].copy()
    damping, growth = np.full(len(x), 1e-2), np.full(len(x), 2.0)
    for _ in range(iterations):
        costs[rows], best[rows] = cost, x
        stuck = kept[rows] | ((x <= low[rows]) & (gradient > 0)) | ((x >= high[rows]) & (gradient < 0))
        np.maximum(scale, curvature[:, diagonal, diagonal], out=scale)
        floor = 1e-14 * scale.max(axis=1, keepdims=True) + 1e-300
        matrix = np.where(stuck[:, :, None] | stuck[:, None, :], 0.0, curvature)
        matrix[:, diagonal, diagonal] += np.where(stuck, 1.0, damping[:, None] * scale + floor)
        downhill = np.where(stuck, 0.0, -gradient)
        step = np.linalg.solve(matrix, downhill[:, :, None])[:, :, 0]
        step *= np.minimum(1.0, largest_step / np.maximum(np.abs(step).max(axis=1), 1e-300))[:, None]
        trial = np.clip(x + step, low[rows], high[rows])
        taken = trial - x
        hoped, promised = (
            -np.einsum("mp,mp->m", move, 2 * gradient + (curvature @ move[:, :, None])[:, :, 0])
            for move in (step, taken)
        )
        done = hoped <= tolerance * cost + 1e-24  # of the whole step: one cut short by a bound may promise nothing
        converged[rows[done]] = damping[done] < 1e2  # a step shortened to nothing has not arrived
        on = ~done
        if not on.any():
            break
        rows, x, trial, cost, promised = rows[on], x[on], trial[on], cost[on], promised[on]
        curvature, gradient, scale = curvature[on], gradient[on], scale[on]
        damping, growth = damping[on], growth[on]
        new_cost, new_curvature, new_gradient = normal_equations(trial, rows)
        sound = np.isfinite(new_cost) & (promised > 0)
        gain = np.where(sound, (cost - new_cost) / np.where(sound, promised, 1.0), -1.0)
        better = gain > 1e-4
        x = np.where(better[:, None], trial, x)
        cost = np.where(better, new_cost, cost)
        curvature = np.where(better[:, None, None], new_curvature, curvature)
        gradient = np.where(better[:, None], new_gradient, gradient)
        shrink = np.maximum(0.1, 1 - (2 * np.minimum(gain, 1.0) - 1) ** 3)
        damping = np.clip(np.where(better, damping * shrink, damping * growth), 1e-12, 1e12)
        growth = np.where(better, 2.0, np.minimum(growth * 2, 64.0))
    else:
        costs[rows], best[rows] = cost, x
    return BatchFit(best, costs, converged)
