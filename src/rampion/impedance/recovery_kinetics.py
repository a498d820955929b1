"""How a resistance relaxes at rest: three kinetics, and none, fitted to one track and weighed by AICc.

R(t) = R∞ + ΔR g(t), with g one of
exponential  exp(−t/τ);  tail  (1 + t/τ)^(−½), which ends as t^(−½) like diffusion into a half space;
stretched  exp(−(t/τ)^β), 0.2 ≤ β ≤ 1;  none  R = R∞.

Burnham, Anderson, Model Selection and Multimodel Inference, 2nd ed., Springer 2002, doi:10.1007/b97636 (AICc, weights,
averages over models with the scatter between them).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
from jaxtyping import Float

from rampion.equality import equal_by_value
from rampion.errors import InputError
from rampion.estimate import Estimate

BETA_RANGE = (0.2, 1.0)
FEWEST_TIMES = 5
MISFIT = 0.01  # p-value of χ² below which a law does not describe the track


class Kinetics(Enum):
    """The law of a recovery."""

    EXPONENTIAL = "exponential"
    TAIL = "t^-1/2 tail"
    STRETCHED = "stretched exponential"
    CONSTANT = "no recovery"


@equal_by_value
@dataclass(frozen=True, slots=True, kw_only=True)
class KineticFit:
    """One law fitted to one track.

    ``final`` R∞ [Ω]; ``excess`` ΔR [Ω]; ``time_constant`` τ [s]; ``half_time`` [s] when half of ΔR is gone;
    ``exponent`` β (1 for exponential, NaN for the tail); ``remaining`` the share of ΔR left at the last point;
    ``deviance`` −2 ln likelihood (χ² where the uncertainties are known); ``weight`` of the law among those fitted.
    """

    kinetics: Kinetics
    final: Estimate
    excess: Estimate
    time_constant: Estimate
    half_time: Estimate
    exponent: Estimate
    remaining: float
    deviance: float
    parameters: int
    aicc: float
    weight: float


def _shape(kinetics: Kinetics, time: np.ndarray, log_tau: float, log_beta: float) -> tuple[np.ndarray, ...]:
    """g(t) with its slopes in ln τ and ln β, each (n,)."""
    ratio = time * math.exp(-log_tau)
    if kinetics is Kinetics.TAIL:
        shape = (1 + ratio) ** -0.5
        return shape, 0.5 * ratio * (1 + ratio) ** -1.5, np.zeros_like(time)
    beta = math.exp(log_beta)
    power = ratio**beta
    shape = np.exp(-power)
    logarithm = np.log(np.where(ratio > 0, ratio, 1.0))
    return shape, beta * power * shape, -power * beta * logarithm * shape


def _half_time(kinetics: Kinetics, tau: float, beta: float) -> float:
    return 3 * tau if kinetics is Kinetics.TAIL else tau * math.log(2) ** (1 / beta)


def _fit_law(kinetics: Kinetics, time: np.ndarray, resistance: np.ndarray, std: np.ndarray, known: bool) -> KineticFit:
    from rampion.fitting import fit_multistart

    stretched = kinetics is Kinetics.STRETCHED
    target = resistance / std

    def evaluate(parameters: np.ndarray) -> tuple[np.ndarray, ...]:
        return _shape(kinetics, time, parameters[2], parameters[3] if stretched else 0.0)

    def residual(parameters: np.ndarray) -> np.ndarray:
        return (parameters[0] + parameters[1] * evaluate(parameters)[0]) / std - target

    def jacobian(parameters: np.ndarray) -> np.ndarray:
        shape, by_tau, by_beta = evaluate(parameters)
        columns = [np.ones_like(time), shape, parameters[1] * by_tau, parameters[1] * by_beta]
        return np.column_stack(columns[: parameters.size]) / std[:, None]

    positive = time[time > 0]
    span = (math.log(positive.min() / 10), math.log(positive.max() * 10))
    starts = []
    for log_tau in np.linspace(*span, 12):
        for log_beta in (math.log(0.4), math.log(0.7)) if stretched else (0.0,):
            shape = _shape(kinetics, time, log_tau, log_beta)[0]
            design = np.column_stack([np.ones_like(time), shape]) / std[:, None]
            linear = np.linalg.lstsq(design, target, rcond=None)[0]
            cost = float(np.sum((design @ linear - target) ** 2))
            starts.append((cost, [*linear, log_tau, *([log_beta] if stretched else [])]))
    starts.sort(key=lambda start: start[0])
    lower, upper = np.array([-np.inf, -np.inf, span[0]]), np.array([np.inf, np.inf, span[1]])
    if stretched:
        lower, upper = np.append(lower, math.log(BETA_RANGE[0])), np.append(upper, math.log(BETA_RANGE[1]))
    fit = fit_multistart(
        residual,
        np.array([start for _, start in starts[:2]]),
        jacobian=jacobian,
        lower=lower,
        upper=upper,
        scaled=not known,
    )
    values, errors = fit.parameters, fit.std
    tau, beta = math.exp(values[2]), math.exp(values[3]) if stretched else 1.0
    half_slopes = np.zeros(values.size)
    half_slopes[2] = 1.0
    if stretched:
        half_slopes[3] = -math.log(math.log(2)) / beta
    half, half_error = _half_time(kinetics, tau, beta), math.sqrt(half_slopes @ fit.covariance @ half_slopes)
    count, free = time.size, values.size
    deviance = fit.chi_square if known else count * math.log(max(fit.chi_square, 1e-300) / count)
    free += 0 if known else 1
    return KineticFit(
        kinetics=kinetics,
        final=Estimate(values[0], errors[0]),
        excess=Estimate(values[1], errors[1]),
        time_constant=_logarithmic(tau, errors[2]),
        half_time=_logarithmic(half, half_error),
        exponent=_logarithmic(beta, errors[3])
        if stretched
        else Estimate(
            math.nan if kinetics is Kinetics.TAIL else 1.0, 0.0 if kinetics is Kinetics.EXPONENTIAL else math.nan
        ),
        remaining=float(_shape(kinetics, time[-1:], values[2], values[3] if stretched else 0.0)[0][0]),
        deviance=deviance,
        parameters=free,
        aicc=deviance + 2 * free + 2 * free * (free + 1) / (count - free - 1),
        weight=math.nan,
    )


def _fit_constant(resistance: np.ndarray, std: np.ndarray, known: bool) -> KineticFit:
    weights = std**-2.0
    mean = float(weights @ resistance / weights.sum())
    chi_square = float(np.sum(((resistance - mean) / std) ** 2))
    count, free = resistance.size, 1 if known else 2
    error = math.sqrt(1 / weights.sum()) * (1 if known else math.sqrt(chi_square / (count - 1)))
    deviance = chi_square if known else count * math.log(max(chi_square, 1e-300) / count)
    nothing = Estimate(math.nan)
    return KineticFit(
        kinetics=Kinetics.CONSTANT,
        final=Estimate(mean, error),
        excess=Estimate(0.0, 0.0),
        time_constant=nothing,
        half_time=nothing,
        exponent=nothing,
        remaining=0.0,
        deviance=deviance,
        parameters=free,
        aicc=deviance + 2 * free + 2 * free * (free + 1) / (count - free - 1),
        weight=math.nan,
    )


def _logarithmic(value: float, error: float) -> Estimate:
    """An estimate whose interval is symmetric in its logarithm."""
    if not math.isfinite(error):
        return Estimate(value)
    wide = min(1.96 * error, 50.0)
    return Estimate(value, value * error, value * math.exp(-wide), value * math.exp(wide))


def fit_kinetics(
    time: Float[np.ndarray, " n"], resistance: Float[np.ndarray, " n"], std: Float[np.ndarray, " n"]
) -> tuple[KineticFit, ...]:
    """All laws that the number of points allows, the best (smallest AICc) first, with their weights.

    Assumes independent normal errors. Where none of the laws describes the track within its errors, these are widened
    until the best one does (quasi-likelihood). Fails to tell the laws apart when the rest is shorter than a few time
    constants: see the weights.

    Parameters
    ----------
    time : (n,) [s] since the stop, at least 5 distinct values ≥ 0.
    resistance, std : (n,) [Ω]; with any std NaN all are taken as equal and unknown.

    Raises
    ------
    InputError
        With fewer than 5 distinct times or a negative one.
    """
    if np.unique(time).size < FEWEST_TIMES or time.min() < 0:
        raise InputError(
            f"The track has {np.unique(time).size} distinct times from {time.min():g} s on; the kinetics of a recovery "
            f"need at least {FEWEST_TIMES}, counted from the stop."
        )
    from scipy.special import chdtrc

    order = np.argsort(time, kind="stable")
    known = bool(np.all(np.isfinite(std) & (std > 0)))
    weights = std[order] if known else np.full(time.size, max(float(np.std(resistance)), 1e-300))
    fits = [_fit_constant(resistance[order], weights, known)]
    for kinetics in (Kinetics.EXPONENTIAL, Kinetics.TAIL, Kinetics.STRETCHED):
        free = (4 if kinetics is Kinetics.STRETCHED else 3) + (0 if known else 1)
        if time.size - free - 1 > 0:
            fits.append(_fit_law(kinetics, time[order], resistance[order], weights, known))
    spread = min(fit.deviance / max(time.size - fit.parameters, 1) for fit in fits)
    if known and all(chdtrc(max(time.size - fit.parameters, 1), fit.deviance) < MISFIT for fit in fits):
        return fit_kinetics(time, resistance, std * math.sqrt(spread))
    best = min(fit.aicc for fit in fits)
    shares = np.exp([-0.5 * (fit.aicc - best) for fit in fits])
    weighed = [replace(fit, weight=float(share)) for fit, share in zip(fits, shares / shares.sum(), strict=True)]
    return tuple(sorted(weighed, key=lambda fit: fit.aicc))


def relaxed_resistance(fit: KineticFit, time: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """R(t) [Ω] of a fitted law at times [s] since the stop."""
    if fit.kinetics is Kinetics.CONSTANT:
        return np.full(time.size, fit.final.value)
    log_beta = math.log(fit.exponent.value) if fit.kinetics is Kinetics.STRETCHED else 0.0
    return (
        fit.final.value + fit.excess.value * _shape(fit.kinetics, time, math.log(fit.time_constant.value), log_beta)[0]
    )


def average_final(fits: tuple[KineticFit, ...]) -> Estimate:
    """R∞ averaged over the laws by their likelihood, its variance with the scatter between them.

    The number of parameters does not count here: that a law is simple is no reason to trust its extrapolation.
    When no recovery at all describes the track best, R∞ is that constant.
    """
    if fits[0].kinetics is Kinetics.CONSTANT:
        return fits[0].final
    usable = [fit for fit in fits if math.isfinite(fit.final.std) and fit.kinetics is not Kinetics.CONSTANT]
    if not usable:
        return Estimate(fits[0].final.value)
    least = min(fit.deviance for fit in usable)
    shares = np.exp([-0.5 * (fit.deviance - least) for fit in usable])
    shares /= shares.sum()
    finals, errors = (np.array([getattr(fit.final, name) for fit in usable]) for name in ("value", "std"))
    value = float(shares @ finals)
    return Estimate(value, math.sqrt(float(shares @ (errors**2 + (finals - value) ** 2))))
