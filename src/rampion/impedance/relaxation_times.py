"""Distribution of relaxation times, non-negative, with regularisation, bands and verdict from the data.

Z(ω) = R∞ + jωL + 1/(jωC) + ∫ γ(ln τ)/(1 + jωτ) d ln τ,  γ ≥ 0.

γ is a sum of Gaussians on a logarithmic grid (their standard deviation half the spacing); the squared second
difference of their weights is penalised, weight λ. The noise comes from the Kramers–Kronig test and λ from the
largest evidence of the data, p(Z | λ), in the Gaussian approximation without the bound. What relaxes outside the
window can hardly be told from R∞ and is penalised the more the farther it lies.

Tikhonov and Gaussian functions: Wan, Saccoccio, Chen, Ciucci, Electrochim. Acta 184 (2015) 483,
doi:10.1016/j.electacta.2015.09.097. Draws from the posterior by solving the perturbed problem: Bardsley, Solonen,
Haario, Laine, SIAM J. Sci. Comput. 36 (2014) A1895, doi:10.1137/140964023.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from rampion.errors import InputError
from rampion.estimate import Estimate, Flag
from rampion.impedance.flags import ImpedanceFlag
from rampion.impedance.kramers_kronig import check_kramers_kronig
from rampion.impedance.non_negative import solve_non_negative
from rampion.measurement import Spectrum

FEWEST_POINTS = 10
LEAST_NOISE = 1e-4  # of |Z|; below it the grid, not the instrument, limits the fit
MARGIN = 0.5  # decades of relaxation times beyond the window
OUTSIDE_PENALTY = 3.0  # per squared e-fold beyond the window, in units of λ
NEARBY_PENALTY = 0.1  # a weaker one, and
STIFFER = 30.0  # a larger λ: what the answer owes to either choice is part of its uncertainty
TAIL_SHARE = 0.10  # of −Im Z at the ends: about what the tail of a depressed arc hides beyond the window
EDGE_LIMIT = 0.08  # of the polarisation still in −Im Z at an end of the window
OUTSIDE_LIMIT = 0.03  # of the polarisation beyond the window
UNSURE_LIMIT = 0.01  # relative standard uncertainty: a 95 % interval of ±2 %


@dataclass(frozen=True, slots=True, kw_only=True)
class RelaxationPeak:
    """One peak: its resistance [Ω], its time constant [s] (logarithmic mean) and the frequency 1/(2πτ) [Hz]."""

    time_constant: Estimate
    resistance: Estimate
    frequency: float
    inside_window: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RelaxationTimes:
    """The distribution and what follows from it.

    Attributes
    ----------
    time_constant : (m,) [s] grid, rising.
    distribution : (m,) [Ω] γ per unit of ln τ; low, high bound its 95 % credible band.
    polarisation : [Ω] ∫γ d ln τ.
    ohmic : [Ω] R∞; inductance [H]; elastance [1/F] of the series capacitance, 0 where none was needed.
    peaks : by rising time constant, those with at least 1 % of the polarisation.
    regularisation : λ; noise : as a fraction of |Z|; misfit : mean squared residual over the squared noise.
    residual : (n,) complex (Z − model)/|Z|, in the spectrum's order.
    """

    time_constant: Float[np.ndarray, " m"]
    distribution: Float[np.ndarray, " m"]
    low: Float[np.ndarray, " m"]
    high: Float[np.ndarray, " m"]
    polarisation: Estimate
    ohmic: Estimate
    inductance: float
    elastance: float
    peaks: tuple[RelaxationPeak, ...]
    regularisation: float
    noise: float
    misfit: float
    residual: Complex[np.ndarray, " n"]
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Problem:
    matrix: np.ndarray  # (2n, m + s) weighted by 1/(|Z| noise)
    target: np.ndarray  # (2n,)
    free: np.ndarray  # (m + s,)
    logarithm: np.ndarray  # (m,) ln τ
    spacing: float
    beyond: np.ndarray  # (m,) squared distance from the window, in e-folds
    scale: float  # of the penalty, 1/|Z|²
    gram: np.ndarray
    right: np.ndarray
    roughness: np.ndarray  # (m, m)

    def regularised(self, regularisation: float, outside: float) -> np.ndarray:
        """(m + s, m + s) the Gram matrix with the penalties."""
        gram = self.gram.copy()
        count = self.logarithm.size
        penalty = self.roughness + np.diag(outside * self.beyond)
        gram[:count, :count] += regularisation * self.scale * penalty
        return gram


def _state_problem(spectrum: Spectrum, noise: float, per_decade: float, blocking: bool) -> _Problem:
    angular = 2 * np.pi * spectrum.frequency
    size = np.abs(spectrum.impedance)
    window = (-math.log(angular.max()), -math.log(angular.min()))
    low, high = window[0] - MARGIN * math.log(10), window[1] + MARGIN * math.log(10)
    count = math.ceil((high - low) / math.log(10) * per_decade) + 1
    logarithm = np.linspace(low, high, count)
    spacing = logarithm[1] - logarithm[0]
    offsets = np.linspace(-3, 3, 13)
    heights = np.exp(-0.5 * offsets**2)
    columns = np.zeros((angular.size, count + 2 + blocking), complex)
    for offset, height in zip(offsets * spacing / 2, heights / heights.sum(), strict=True):
        columns[:, :count] += height / (1 + 1j * np.outer(angular, np.exp(logarithm + offset)))
    columns[:, count] = 1
    columns[:, count + 1] = 1j * angular / angular.max()
    if blocking:
        columns[:, count + 2] = angular.min() / (1j * angular)
    columns /= (size * noise)[:, None]
    matrix = np.concatenate([np.real(columns), np.imag(columns)])
    target = np.concatenate([np.real(spectrum.impedance), np.imag(spectrum.impedance)]) / np.tile(size * noise, 2)
    free = np.zeros(columns.shape[1], bool)
    free[count + 1] = True  # a cable compensated too far looks like a negative inductance
    difference = -2 * np.eye(count) + np.eye(count, k=1) + np.eye(count, k=-1)
    beyond = np.maximum(0, np.maximum(window[0] - logarithm, logarithm - window[1])) ** 2
    return _Problem(
        matrix=matrix,
        target=target,
        free=free,
        logarithm=logarithm,
        spacing=float(spacing),
        beyond=beyond,
        scale=float(1 / size.max() ** 2),
        gram=matrix.T @ matrix,
        right=matrix.T @ target,
        roughness=difference.T @ difference,
    )


def _choose_regularisation(problem: _Problem) -> tuple[float, np.ndarray, np.ndarray]:
    """λ of largest evidence with its solution and passive set, along a path from smooth to rough."""
    count = problem.logarithm.size
    best = (math.inf, 0.0, np.zeros(0), np.zeros(0, bool))
    passive: np.ndarray | None = None
    for regularisation in np.logspace(6, -3, 28):
        gram = problem.regularised(float(regularisation), OUTSIDE_PENALTY)
        solution, passive = solve_non_negative(gram, problem.right, problem.free, passive)
        energy = float(solution @ gram @ solution - 2 * problem.right @ solution)
        cost = energy + float(np.linalg.slogdet(gram)[1]) - count * math.log(regularisation)
        if cost < best[0]:
            best = (cost, float(regularisation), solution, passive)
        elif cost > best[0] + 40:  # rougher ones cannot come back from e⁻²⁰
            break
    return best[1:]


def _draw(problem: _Problem, gram: np.ndarray, passive: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """(draws, m + s) solutions for data and prior perturbed by their own scatter."""
    factor = np.linalg.cholesky(gram)
    scatter = np.random.default_rng(seed).standard_normal((draws, gram.shape[0])) @ factor.T
    found = [solve_non_negative(gram, problem.right + each, problem.free, passive)[0] for each in scatter]
    return np.array(found)


def _split_peaks(distribution: np.ndarray) -> list[tuple[int, int]]:
    """(start, stop) of each peak, cut at the minima; a dip shallower than a tenth of the lower top is no cut."""
    padded = np.concatenate([[-1.0], distribution, [-1.0]])
    tops = np.flatnonzero((padded[1:-1] >= padded[:-2]) & (padded[1:-1] > padded[2:]) & (distribution > 0))
    cuts = [0]
    kept: list[int] = []
    for top in tops:
        if kept:
            valley = kept[-1] + int(np.argmin(distribution[kept[-1] : top + 1]))
            if distribution[valley] > 0.9 * min(distribution[kept[-1]], distribution[top]):
                if distribution[top] > distribution[kept[-1]]:
                    kept[-1] = int(top)
                continue
            cuts.append(valley)
        kept.append(int(top))
    return list(zip(cuts, [*cuts[1:], distribution.size], strict=True)) if kept else []


def _find_peaks(
    problem: _Problem, weights: np.ndarray, samples: np.ndarray, stretch: float, window: tuple[float, float]
) -> tuple[RelaxationPeak, ...]:
    peaks = []
    smooth = np.convolve(weights, [0.25, 0.5, 0.25], mode="same")
    for start, stop in _split_peaks(smooth):
        share = weights[start:stop].sum()
        if share < 0.01 * weights.sum():
            continue
        position = problem.logarithm[start:stop]
        centre = float(weights[start:stop] @ position / share)
        drawn = samples[:, start:stop].sum(axis=1)
        centres = samples[:, start:stop] @ position / np.maximum(drawn, 1e-300)
        spread = float(np.std(centres[drawn > 0.1 * share])) * stretch if (drawn > 0.1 * share).sum() > 2 else math.nan
        tau = math.exp(centre)
        ends = (tau * math.exp(-1.96 * spread), tau * math.exp(1.96 * spread))
        peaks.append(
            RelaxationPeak(
                time_constant=Estimate(tau, tau * spread, *ends),
                resistance=Estimate(float(share), float(np.std(drawn)) * stretch),
                frequency=1 / (2 * math.pi * tau),
                inside_window=window[0] <= centre <= window[1],
            )
        )
    return tuple(peaks)


def find_relaxation_times(
    spectrum: Spectrum, *, per_decade: float = 10.0, draws: int = 60, seed: int = 0, noise: float | None = None
) -> RelaxationTimes:
    """The distribution of relaxation times of one spectrum, with credible bands, peaks and polarisation resistance.

    Assumes a spectrum that obeys the Kramers–Kronig relations, and relaxations only (γ ≥ 0).
    Fails when an arc lies at the edge of the window or beyond: its resistance cannot be told, which is flagged; an
    arc wholly above the window is part of R∞ and leaves no trace. Inductive loops are not in the model: flagged.

    Parameters
    ----------
    spectrum : at least 10 points.
    per_decade : grid points per decade of τ.
    draws : number of posterior draws behind bands and uncertainties, from the random ``seed``.
    noise : of each part of Z as a fraction of |Z|; from the Kramers–Kronig test when absent.

    Raises
    ------
    InputError
        With fewer than 10 points.
    """
    if len(spectrum) < FEWEST_POINTS:
        raise InputError(
            f"The spectrum has {len(spectrum)} points; a distribution of relaxation times needs at least "
            f"{FEWEST_POINTS}: measure more frequencies."
        )
    noise = max(check_kramers_kronig(spectrum).noise if noise is None else noise, LEAST_NOISE)
    lowest = spectrum.impedance[np.argmin(spectrum.frequency)]
    blocking = bool(-lowest.imag > 0.5 * abs(lowest))
    problem = _state_problem(spectrum, noise, per_decade, blocking)
    regularisation, solution, passive = _choose_regularisation(problem)
    count, points = problem.logarithm.size, len(spectrum)
    weights = solution[:count]
    total = float(weights.sum())

    residual = (problem.target - problem.matrix @ solution) * noise
    misfit = float(np.mean(residual**2)) / noise**2
    stretch = math.sqrt(max(1.0, misfit))
    gram = problem.regularised(regularisation, OUTSIDE_PENALTY)
    samples = _draw(problem, gram, passive, draws, seed)
    angular = 2 * np.pi * np.array([spectrum.frequency.max(), spectrum.frequency.min()])
    window = (-math.log(angular[0]), -math.log(angular[1]))
    still = np.outer(angular, np.exp(problem.logarithm))
    edges = (still / (1 + still**2)) @ weights

    loose, stiff = (
        solve_non_negative(problem.regularised(weight, outside), problem.right, problem.free, passive)[0]
        for weight, outside in ((regularisation, NEARBY_PENALTY), (STIFFER * regularisation, OUTSIDE_PENALTY))
    )
    hidden = TAIL_SHARE * float(np.hypot(*edges))
    std, ohmic_std = (
        math.hypot(float(np.std(drawn)) * stretch, float(other), float(another), hidden)
        for drawn, other, another in (
            (samples[:, :count].sum(axis=1), loose[:count].sum() - total, stiff[:count].sum() - total),
            (samples[:, count], loose[count] - solution[count], stiff[count] - solution[count]),
        )
    )

    beyond = float(weights[problem.beyond > 0].sum())
    flags: list[Flag] = []
    if total > 0:
        share = max(beyond, float(edges.max())) / total
        if edges.max() > EDGE_LIMIT * total or beyond > OUTSIDE_LIMIT * total:
            flags.append(ImpedanceFlag.POLARISATION_OUTSIDE_WINDOW.flag(share=share))
        elif std > UNSURE_LIMIT * total:
            flags.append(ImpedanceFlag.POLARISATION_UNSURE.flag(relative=std / total))
    if blocking:
        flags.append(ImpedanceFlag.BLOCKING_AT_LOW_FREQUENCY.flag(phase=math.degrees(np.angle(lowest))))
    if misfit > 2:
        rms = noise * math.sqrt(misfit)
        flags.append(ImpedanceFlag.NEGATIVE_RELAXATION.flag(residual=rms, noise=noise))

    shape = np.exp(-2 * ((problem.logarithm[:, None] - problem.logarithm) / problem.spacing) ** 2)
    shape *= math.sqrt(2 / math.pi) / problem.spacing
    bands = np.quantile(samples[:, :count] @ shape.T, (0.025, 0.975), axis=0)
    distribution = shape @ weights
    return RelaxationTimes(
        time_constant=np.exp(problem.logarithm),
        distribution=distribution,
        low=np.minimum(bands[0], distribution),
        high=np.maximum(bands[1], distribution),
        polarisation=Estimate(total, std, max(0.0, total - 1.96 * std), total + 1.96 * std, tuple(flags)),
        ohmic=Estimate(float(solution[count]), ohmic_std),
        inductance=float(solution[count + 1] / angular[0]),
        elastance=float(solution[count + 2] * angular[1]) if blocking else 0.0,
        peaks=_find_peaks(problem, weights, samples[:, :count], stretch, window),
        regularisation=regularisation,
        noise=noise,
        misfit=misfit,
        residual=residual[:points] + 1j * residual[points:],
        flags=tuple(flags),
    )
