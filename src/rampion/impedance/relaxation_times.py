"""Distribution of relaxation times, with sign, regularisation, bands and verdict from the data.

Z(ω) = R∞ + jωL + 1/(jωC) + ∫ γ(ln τ)/(1 + jωτ) d ln τ,  γ ≥ 0 but for inductive loops.

A loop (a resistance and an inductance in parallel, R·jωτ/(1 + jωτ)) is a negative relaxation. Where γ ≥ 0 leaves more
than the noise, the distribution of free sign names the stretches of τ in which it is negative; the fewest of them in
which γ ≤ 0 describes the spectrum are taken, and none where no choice does: then the spectrum is not valid.

The problem and its references: :mod:`~rampion.impedance.relaxation_problem`. The noise comes from the Kramers–Kronig
test.
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
from rampion.impedance.relaxation_problem import (
    OUTSIDE_PENALTY,
    SHARP,
    Problem,
    choose_signs,
    draw,
    state_problem,
)
from rampion.measurement import Spectrum

FEWEST_POINTS = 10
LEAST_NOISE = 1e-4  # of |Z|; below it the grid, not the instrument, limits the fit
NEARBY_PENALTY = 0.1  # a weaker one, and
STIFFER = 30.0  # a larger λ: what the answer owes to either choice is part of its uncertainty
TAIL_SHARE = 0.10  # of −Im Z at the ends: about what the tail of a depressed arc hides beyond the window
EDGE_LIMIT = 0.08  # of the polarisation still in −Im Z at an end of the window
OUTSIDE_LIMIT = 0.03  # of the polarisation beyond the window
UNSURE_LIMIT = 0.01  # relative standard uncertainty: a 95 % interval of ±2 %


@dataclass(frozen=True, slots=True, kw_only=True)
class RelaxationPeak:
    """One peak: its resistance [Ω], its time constant [s] (logarithmic mean) and the frequency 1/(2πτ) [Hz].

    The resistance of an inductive loop is negative.
    """

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
    distribution : (m,) [Ω] γ per unit of ln τ, negative in inductive loops; low, high bound its 95 % credible band.
    polarisation : [Ω] ∫γ d ln τ, loops counted as negative: the difference of Z between both ends.
    ohmic : [Ω] R∞; inductance [H]; elastance [1/F] of the series capacitance, 0 where none was needed.
    peaks : by rising time constant, those with at least 1 % of ∫|γ| d ln τ.
    regularisation : λ; noise : as a fraction of |Z|; misfit : mean squared residual over the squared noise
        (above 2 without a flag where a relaxation is sharper than the grid).
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
    problem: Problem, sizes: np.ndarray, drawn_sizes: np.ndarray, stretch: float, window: tuple[float, float]
) -> tuple[RelaxationPeak, ...]:
    found = []
    for sign in (1.0, -1.0):
        own = problem.signs == sign
        found += _peaks_of(problem, sign, sizes * own, drawn_sizes * own, stretch, window, 0.01 * sizes.sum())
    return tuple(sorted(found, key=lambda peak: peak.time_constant.value))


def _peaks_of(
    problem: Problem,
    sign: float,
    weights: np.ndarray,
    samples: np.ndarray,
    stretch: float,
    window: tuple[float, float],
    least: float,
) -> list[RelaxationPeak]:
    """The peaks of one sign that hold at least ``least`` [Ω]."""
    peaks = []
    smooth = np.convolve(weights, [0.25, 0.5, 0.25], mode="same")
    for start, stop in _split_peaks(smooth):
        share = weights[start:stop].sum()
        if share < least:
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
                resistance=Estimate(sign * float(share), float(np.std(drawn)) * stretch),
                frequency=1 / (2 * math.pi * tau),
                inside_window=window[0] <= centre <= window[1],
            )
        )
    return peaks


def find_relaxation_times(
    spectrum: Spectrum, *, per_decade: float = 10.0, draws: int = 60, seed: int = 0, noise: float | None = None
) -> RelaxationTimes:
    """The distribution of relaxation times of one spectrum, with credible bands, peaks and polarisation resistance.

    Assumes a spectrum that obeys the Kramers–Kronig relations. Fails when an arc lies at the edge of the window or
    beyond: its resistance cannot be determined, which is flagged; an arc wholly above the window is part of R∞ and
    leaves no trace. Of a loop and an arc at the same time constant only the difference shows, and smoothing makes a
    loop 8–14 % too large with small positive peaks beside it: its resistance is to be taken from a circuit.

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
    best, described = choose_signs(
        state_problem(spectrum, noise, per_decade, blocking),
        lambda: state_problem(spectrum, noise, SHARP, blocking, width=0.0),
    )
    problem, regularisation, solution, passive = best.problem, best.regularisation, best.solution, best.passive
    count, points = problem.logarithm.size, len(spectrum)
    sizes, weights = solution[:count], problem.signs * solution[:count]
    total, size = float(weights.sum()), float(sizes.sum())

    residual = (problem.target - problem.matrix @ solution) * noise
    stretch = math.sqrt(max(1.0, best.misfit))
    gram = problem.regularised(regularisation, OUTSIDE_PENALTY)
    samples = draw(problem, gram, passive, draws, seed)
    drawn_weights = problem.signs * samples[:, :count]
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
            (drawn_weights.sum(axis=1), problem.signs @ loose[:count] - total, problem.signs @ stiff[:count] - total),
            (samples[:, count], loose[count] - solution[count], stiff[count] - solution[count]),
        )
    )

    beyond = float(sizes[problem.beyond > 0].sum())
    flags: list[Flag] = []
    if size > 0:
        edge = float(np.abs(edges).max())
        if edge > EDGE_LIMIT * size or beyond > OUTSIDE_LIMIT * size:
            flags.append(ImpedanceFlag.POLARISATION_OUTSIDE_WINDOW.flag(share=max(beyond, edge) / size))
        elif std > UNSURE_LIMIT * size:
            flags.append(ImpedanceFlag.POLARISATION_UNSURE.flag(relative=std / size))
    if blocking:
        flags.append(ImpedanceFlag.BLOCKING_AT_LOW_FREQUENCY.flag(phase=math.degrees(np.angle(lowest))))
    if (problem.signs < 0).any():
        loops = np.where(problem.signs < 0, sizes, 0.0)
        frequency = math.exp(-float(problem.logarithm[np.argmax(loops)])) / (2 * math.pi)
        flags.append(ImpedanceFlag.INDUCTIVE_LOOP.flag(resistance=float(loops.sum()), frequency=frequency))
    if not described:
        flags.append(ImpedanceFlag.NOT_RELAXATIONS.flag(residual=noise * math.sqrt(best.misfit), noise=noise))

    shape = np.exp(-2 * ((problem.logarithm[:, None] - problem.logarithm) / problem.spacing) ** 2)
    shape *= math.sqrt(2 / math.pi) / problem.spacing
    bands = np.quantile(drawn_weights @ shape.T, (0.025, 0.975), axis=0)
    distribution = shape @ weights
    return RelaxationTimes(
        time_constant=np.exp(problem.logarithm),
        distribution=distribution,
        low=np.minimum(bands[0], distribution),
        high=np.maximum(bands[1], distribution),
        polarisation=Estimate(
            total, std, max(0.0 if total == size else -math.inf, total - 1.96 * std), total + 1.96 * std, tuple(flags)
        ),
        ohmic=Estimate(float(solution[count]), ohmic_std),
        inductance=float(solution[count + 1] / angular[0]),
        elastance=float(solution[count + 2] * angular[1]) if blocking else 0.0,
        peaks=_find_peaks(problem, sizes, samples[:, :count], stretch, window),
        regularisation=regularisation,
        noise=noise,
        misfit=best.misfit,
        residual=residual[:points] + 1j * residual[points:],
        flags=tuple(flags),
    )
