"""Many spectra fitted as one: parameters shared by all, or bound to change smoothly along the series."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from rampion.fitting import BatchModel, covariance_of, fit_batch


def fit_joint(
    model: BatchModel,
    starts: Float[np.ndarray, "m p"],
    lower: Float[np.ndarray, " p"],
    upper: Float[np.ndarray, " p"],
    shared: Sequence[int] = (),
    roughness: float | None = None,
) -> tuple[Float[np.ndarray, "m p"], Float[np.ndarray, "m p p"], float, bool]:
    """The parameters of all spectra at once.

    min Σ_i χ²(θ_i) + Σ_i Σ_k [(θ_{i-1,k} - 2θ_{i,k} + θ_{i+1,k})/roughness]² · s², with θ_k the same in all spectra
    for the shared k; s² the reduced χ² of the separate fits.

    Assumes equal steps along the series when a roughness is given. Fails in cost, not in kind, for long series: the
    matrices have the size of all parameters together (a few seconds for 50 spectra).

    Parameters
    ----------
    model : weighted residuals and slopes of one spectrum a row. shared : places of the shared parameters.
    roughness : standard deviation allowed to the second difference of each logarithm; none when absent.

    Returns
    -------
    (parameters, covariance of each spectrum's parameters, scaled by the reduced χ², χ² of the data, converged)
    """
    count, size = starts.shape
    common = list(shared)
    own = [place for place in range(size) if place not in common]
    # place of every (spectrum, parameter) among the joint parameters
    where = np.empty((count, size), int)
    where[:, common] = np.arange(len(common))
    where[:, own] = len(common) + np.arange(count * len(own)).reshape(count, len(own))
    total = len(common) + count * len(own)
    rows = np.arange(count)
    residual, _ = model(starts, rows)
    points = residual.shape[1]
    noise = float(np.sqrt(np.sum(residual**2) / max(np.count_nonzero(residual) - total, 1)))
    bends = max(count - 2, 0) * len(own) if roughness else 0
    penalty = np.zeros((bends, total))
    for place in range(bends):
        spectrum, parameter = divmod(place, len(own))
        for step, factor in ((0, 1.0), (1, -2.0), (2, 1.0)):
            penalty[place, where[spectrum + step, own[parameter]]] = factor * noise / (roughness or 1.0)

    def evaluate(joint: np.ndarray, _: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        out, table = [], []
        for row in joint:
            residual, slopes = model(row[where], rows)
            jacobian = np.zeros((total, count * points + bends))
            for spectrum in range(count):
                jacobian[where[spectrum], spectrum * points : (spectrum + 1) * points] = slopes[spectrum]
            jacobian[:, count * points :] = penalty.T
            out.append(np.concatenate([residual.ravel(), penalty @ row]))
            table.append(jacobian)
        return np.array(out), np.array(table)

    begin = np.zeros(total)
    begin[where] = starts
    begin[: len(common)] = np.median(starts[:, common], axis=0)
    low, high = np.zeros(total), np.zeros(total)
    low[where], high[where] = lower, upper
    solution = fit_batch(evaluate, begin[None], low, high, iterations=60, tolerance=1e-8)
    best = solution.parameters[0]
    residual, slopes = evaluate(best[None], np.zeros(1, int))
    data = float(np.sum(residual[0, : count * points] ** 2))
    known = int(np.count_nonzero(residual[0, : count * points]))  # shorter spectra are filled with weight zero
    inside = (best > low + 1e-6) & (best < high - 1e-6)
    covariance = np.full((total, total), np.nan)
    covariance[np.ix_(inside, inside)] = covariance_of(slopes[0][inside].T) * data / max(known - total, 1)
    blocks = np.array([covariance[np.ix_(places, places)] for places in where])
    return best[where], blocks, data, bool(solution.converged[0])
