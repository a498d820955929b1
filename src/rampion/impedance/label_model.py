"""The posterior of labelled processes over one spectrum or a joint series: its modes, found without a guess.

All spectra share one vector of global coordinates; each spectrum's own are a linear map of it. With residuals
r = (Z_model - Z)/|Z| of size s, Student-t distributed, and Gaussian prior rows,

F(θ, s) = Σ (ν + 1)/2·ln(1 + r²/νs²) + Σ n·ln s + ½|prior|²,

s is integrated out: s² = Σ w r²/(n - P), P the coordinates that the data and not the prior determine.

Assumes errors that grow as |Z|, independent from point to point. Fails when the labels do not describe the spectrum:
the residuals then follow a pattern.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from rampion.impedance.labels import LabelSet, label_impedance

NU = 5.0  # degrees of freedom of the errors: points out of line are bent towards, never followed
QUIETEST = 3e-3  # of |Z|: no real arc has the form of its element more closely than this
PROBE = 0.1  # of a step: where its curvature is measured
ARRIVED = 1e-3  # of ln(posterior): what its curvature still promises at the end


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """Spectra and priors: the posterior to explore.

    ``omega`` and ``impedance`` (m, n) [rad/s], [Ω], rows padded where spectra are of unlike length; ``weight`` (m, n)
    is 1/|Z|, and 0 of padding. ``spread`` (m, p, g) maps the ``names`` (g,) of the global coordinates to each
    spectrum's own, beside what is known, ``offset`` (m, p). ``factors`` (q, g), ``centres`` and ``widths``
    (q,) are the prior rows.
    """

    labels: LabelSet
    omega: Float[np.ndarray, "m n"]
    impedance: Complex[np.ndarray, "m n"]
    weight: Float[np.ndarray, "m n"]
    names: tuple[str, ...]
    spread: Float[np.ndarray, "m p g"]
    offset: Float[np.ndarray, "m p"]
    factors: Float[np.ndarray, "q g"]
    centres: Float[np.ndarray, " q"]
    widths: Float[np.ndarray, " q"]

    @property
    def counts(self) -> Float[np.ndarray, " m"]:
        """(m,) real numbers measured in each spectrum."""
        return 2.0 * np.sum(self.weight > 0, axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class Mode:
    """One maximum of the posterior: coordinates (g,), their covariance (g, g), noise (m,) over |Z|, and the logarithm
    of the posterior's volume about it (Laplace)."""

    coordinates: Float[np.ndarray, " g"]
    covariance: Float[np.ndarray, "g g"]
    noise: Float[np.ndarray, " m"]
    volume: float
    height: float


def find_modes(problem: Problem, starts: Float[np.ndarray, "s g"], within: float, iterations: int = 40) -> list[Mode]:
    """Every distinct maximum reached from the starts whose volume is ``within`` that many units of the largest.

    Raises nothing: a start that ends nowhere finite is left out.
    """
    ends, curvatures, heights, noises, shares = _climb(problem, starts, iterations)
    precision = np.einsum("qg,q,qh->gh", problem.factors, problem.widths**-2, problem.factors)
    modes: list[Mode] = []
    order = np.argsort(-heights)
    for at in order[np.isfinite(heights[order])]:
        if heights[at] < heights[order[0]] - within:
            break
        gap = ends[at] - np.array([mode.coordinates for mode in modes]) if modes else np.zeros((0, ends.shape[1]))
        if np.any(np.einsum("kg,gh,kh->k", gap, curvatures[at] + precision, gap) < 1.0):
            continue  # the same maximum, to a standard error
        hessian = shares * curvatures[at] + precision
        sign, size = np.linalg.slogdet(hessian)
        if sign <= 0:
            continue
        volume = float(heights[at] - 0.5 * size - np.sum(np.log(problem.widths)))
        modes.append(Mode(ends[at], np.linalg.inv(hessian), noises[at], volume, float(heights[at])))
    return modes


def heights_at(problem: Problem, points: Float[np.ndarray, "s g"]) -> Float[np.ndarray, " s"]:
    """ln(posterior) at points, noise by least squares integrated out: to rank draws from the prior."""
    residual, _ = _residuals(problem, points)
    square = np.sum(residual**2, axis=2)
    excess = (points @ problem.factors.T - problem.centres) / problem.widths
    return -np.sum(0.5 * problem.counts * np.log(square), axis=1) - 0.5 * np.sum(excess**2, axis=1)


def _residuals(problem: Problem, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Residuals (s, m, 2n) over |Z| and their slopes (s, m, p, 2n) with respect to the spectra's own coordinates."""
    count, spectra = len(points), len(problem.omega)
    local = problem.offset + np.einsum("mpg,sg->smp", problem.spread, points)
    size = local.shape[2]
    omega = problem.omega[0] if spectra == 1 else np.tile(problem.omega, (count, 1))
    modelled, slopes = label_impedance(problem.labels, local.reshape(count * spectra, size), omega)
    residual = (modelled.reshape(count, spectra, -1) - problem.impedance) * problem.weight
    slopes = slopes.reshape(count, spectra, size, -1)
    slopes *= problem.weight[:, None, :]
    return residual.view(float), slopes.view(float)


def _climb(problem: Problem, starts: np.ndarray, iterations: int) -> tuple[np.ndarray, ...]:
    """Ends (s, g), curvatures of the data (s, g, g), heights (s,), noise (s, m), and Fisher's share of the curvature.

    Levenberg-Marquardt on F with the noise renewed after every step that was taken.
    """
    factors, centres, widths = problem.factors, problem.centres, problem.widths
    scaled = factors / widths[:, None]
    precision = scaled.T @ scaled
    counts, spectra = problem.counts, len(problem.omega)
    points = starts.copy()
    free = np.minimum(0.5 * counts, points.shape[1] / spectra)  # coordinates of each spectrum; renewed below
    rows = np.arange(len(points))
    damping = np.full(len(points), 1e-2)

    def weights_of(residual: np.ndarray, noise: np.ndarray) -> np.ndarray:
        return (NU + 1) / (NU + (residual / noise[:, :, None]) ** 2)

    def renewed(residual: np.ndarray, noise: np.ndarray, times: int) -> np.ndarray:
        for _ in range(times):
            square = np.sum(weights_of(residual, noise) * residual**2, axis=2)
            noise = np.maximum(np.sqrt(square / (counts - free)), QUIETEST)
        return noise

    def height(points: np.ndarray, residual: np.ndarray, noise: np.ndarray) -> np.ndarray:
        excess = points @ scaled.T - centres / widths
        tails = np.sum(0.5 * (NU + 1) * np.log1p((residual / noise[:, :, None]) ** 2 / NU), axis=2)
        return -np.sum(tails + counts * np.log(noise), axis=1) - 0.5 * np.sum(excess**2, axis=1)

    def equations(points: np.ndarray, residual: np.ndarray, slopes: np.ndarray, noise: np.ndarray):
        weight = weights_of(residual, noise) / noise[:, :, None] ** 2
        weighted = slopes * weight[:, :, None, :]
        square = weighted @ slopes.transpose(0, 1, 3, 2)
        pull = (weighted @ residual[:, :, :, None])[..., 0]
        curvature, gradient = _gather(problem.spread, square, pull)
        return curvature, gradient + (points @ scaled.T - centres / widths) @ scaled

    residual, slopes = _residuals(problem, points)
    noise = renewed(residual, np.sqrt(np.mean(residual**2, axis=2)) + QUIETEST, 3)
    curvature, gradient = equations(points, residual, slopes, noise)
    value = height(points, residual, noise)
    on = np.ones(len(points), bool)
    for _ in range(iterations):
        live = rows[on]
        hessian = curvature[live] + precision
        at = np.arange(hessian.shape[1])
        damped = hessian.copy()
        damped[:, at, at] *= 1 + damping[live, None]
        both = np.linalg.solve(np.stack([damped, hessian]), gradient[None, live][..., None])[..., 0]
        left = 0.5 * np.einsum("sg,sg->s", both[1], gradient[live])
        step = -both[0]
        step += _bend(problem, points[live], residual[live], slopes[live], noise[live], step, damped, weights_of)
        step *= np.minimum(1.0, 2.0 / np.maximum(np.abs(step).max(axis=1), 1e-300))[:, None]
        promised = -np.einsum("sg,sg->s", step, gradient[live]) - 0.5 * np.einsum("sg,sgh,sh->s", step, hessian, step)
        trial = points[live] + step
        new_residual, new_slopes = _residuals(problem, trial)
        reached = height(trial, new_residual, noise[live])
        gain = (reached - value[live]) / np.maximum(promised, 1e-12)
        better = np.isfinite(reached) & ((reached >= value[live]) | (promised < 1e-9))
        damping[live] = np.clip(damping[live] * np.where(better, np.where(gain > 0.5, 0.2, 1.0), 5.0), 1e-7, 1e8)
        if better.any():
            taken = live[better]
            points[taken], residual[taken], slopes[taken] = trial[better], new_residual[better], new_slopes[better]
            noise[taken] = renewed(residual[taken], noise[taken], 2)
            curvature[taken], gradient[taken] = equations(points[taken], residual[taken], slopes[taken], noise[taken])
            value[taken] = height(points[taken], residual[taken], noise[taken])
        on[live[(left < ARRIVED) | (damping[live] > 1e6)]] = False
        if not on.any():
            break
    hessian = curvature + precision
    held = np.einsum("sgh,hg->s", np.linalg.inv(hessian), precision)
    free = np.mean((points.shape[1] - held) / spectra) * np.ones(spectra)
    noise = renewed(residual, noise, 4)
    curvature, _ = equations(points, residual, slopes, noise)
    return points, curvature, height(points, residual, noise), noise, np.array((NU + 1) / (NU + 3))


def _bend(problem: Problem, points, residual, slopes, noise, step, damped, weights_of) -> np.ndarray:
    """Half the geodesic acceleration (s, g) along a step: sums of resistances are sharp, so that valleys are curved.

    Transtrum, Sethna, arXiv:1201.5885. None where it is no small part of the step.
    """
    ahead, _ = _residuals(problem, points + PROBE * step)
    own = np.einsum("mpg,sg->smp", problem.spread, step)
    second = (2 / PROBE) * ((ahead - residual) / PROBE - (own[:, :, None, :] @ slopes)[:, :, 0])
    weight = weights_of(residual, noise) / noise[:, :, None] ** 2
    pull = (slopes @ (weight * second)[..., None])[..., 0].reshape(len(points), -1) @ _flat(problem.spread)
    bend = -0.5 * np.linalg.solve(damped, pull[:, :, None])[:, :, 0]
    small = np.abs(bend).max(axis=1) < np.abs(step).max(axis=1)
    return np.where(small[:, None], bend, 0.0)


def _flat(spread: np.ndarray) -> np.ndarray:
    return spread.reshape(-1, spread.shape[2])


def _gather(spread: np.ndarray, square: np.ndarray, pull: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """JᵀJ (s, g, g) and Jᵀr (s, g) of the global coordinates from those of each spectrum's own."""
    flat = _flat(spread)
    gradient = pull.reshape(len(pull), -1) @ flat
    inner = (square @ spread).reshape(len(square), *flat.shape)
    return flat.T @ inner, gradient
