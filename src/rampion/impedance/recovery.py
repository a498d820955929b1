"""Recovery at rest: which fraction of the rise of each process goes back, how fast, and whether all of it.

fraction(t) = (R_stop − R(t)) / (R_stop − R_before).

The fraction at the last spectrum needs no model; the final fraction takes R∞ from the fitted kinetics, averaged over
the laws. Gopal et al., ACS Energy Lett. 2023, relax cells after stopping past the limiting peak, with and without
stack pressure; the rows here have the form of such a table and hold only what was measured here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from jaxtyping import Float

from rampion.equality import equal_by_value
from rampion.errors import InputError
from rampion.estimate import Estimate, Flag
from rampion.impedance.flags import ImpedanceFlag
from rampion.impedance.recovery_kinetics import FEWEST_TIMES, KineticFit, average_final, fit_kinetics


class Reversibility(Enum):
    """Whether the rise of a resistance goes back at rest."""

    REVERSIBLE = "reversible"
    PARTLY = "partly reversible"
    IRREVERSIBLE = "irreversible"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recovery:
    """The recovery of one process of one ``sample``.

    ``before``, ``stop``, ``last`` [Ω]: the pristine cell, right after the stop, the last spectrum at rest.
    ``fraction`` recovered at the last spectrum; ``final_fraction`` after infinite rest, by the fitted kinetics.
    ``kinetics``: the laws, best first; empty where the points are too few.
    ``time`` (n,) [s] since the stop, ``resistance`` and ``std`` (n,) [Ω]: the track along the rest.
    """

    process: str
    condition: str
    sample: str = ""
    before: Estimate
    stop: Estimate
    last: Estimate
    fraction: Estimate
    final_fraction: Estimate
    kinetics: tuple[KineticFit, ...]
    reversibility: Reversibility
    time: Float[np.ndarray, " n"]
    resistance: Float[np.ndarray, " n"]
    std: Float[np.ndarray, " n"]
    flags: tuple[Flag, ...] = ()


@equal_by_value
@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryComparison:
    """One process under two conditions: second minus first.

    ``difference`` of the recovered fractions with its two-sided ``probability`` if there were none;
    ``speed_ratio`` of the half times, second over first (NaN where a condition has no kinetics).
    """

    process: str
    conditions: tuple[str, str]
    difference: Estimate
    probability: float
    speed_ratio: Estimate
    speed_probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryRow:
    """One line of the table: resistances [Ω] before, at the stop and relaxed, the fraction, the half time [s]."""

    sample: str
    condition: str
    process: str
    before: Estimate
    stop: Estimate
    relaxed: Estimate
    fraction: Estimate
    half_time: Estimate
    kinetics: str
    verdict: str


def recovered_fraction(before: Estimate, stop: Estimate, now: Estimate) -> Estimate:
    """(R_stop − R)/(R_stop − R_before) of three independent resistances, with Fieller's 95 % interval.

    Unbounded (±∞) on the sides where the rise is not significant. Fieller, J. R. Stat. Soc. B 16 (1954) 175,
    doi:10.1111/j.2517-6161.1954.tb00159.x.
    """
    top, bottom = stop.value - now.value, stop.value - before.value
    if bottom == 0:
        return Estimate(math.nan, math.nan)
    fraction = top / bottom
    top_variance = stop.std**2 + now.std**2
    bottom_variance = stop.std**2 + before.std**2
    shared = stop.std**2
    variance = (top_variance - 2 * fraction * shared + fraction**2 * bottom_variance) / bottom**2
    limit = 1.959963984540054**2
    a = bottom**2 - limit * bottom_variance
    b = top * bottom - limit * shared
    c = top**2 - limit * top_variance
    root = b**2 - a * c
    if not math.isfinite(variance):
        return Estimate(fraction)
    if a <= 0 or root < 0:
        return Estimate(fraction, math.sqrt(variance), -math.inf, math.inf)
    return Estimate(fraction, math.sqrt(variance), (b - math.sqrt(root)) / a, (b + math.sqrt(root)) / a)


def _judge(fraction: Estimate, tolerance: float) -> Reversibility:
    if not (math.isfinite(fraction.low) and math.isfinite(fraction.high)):
        return Reversibility.UNDECIDED
    if fraction.low >= 1 - tolerance:
        return Reversibility.REVERSIBLE
    if fraction.high <= tolerance:
        return Reversibility.IRREVERSIBLE
    if fraction.low > 0 and fraction.high < 1:
        return Reversibility.PARTLY
    return Reversibility.UNDECIDED


def measure_recovery(
    time: Float[np.ndarray, " n"],
    resistance: Float[np.ndarray, " n"],
    std: Float[np.ndarray, " n"],
    before: Estimate,
    *,
    stop: Estimate | None = None,
    process: str = "",
    condition: str = "",
    sample: str = "",
    tolerance: float = 0.1,
) -> Recovery:
    """The recovered fraction of one process with its kinetics and verdict.

    Assumes independent errors, and that ``before`` is the resistance of the same process in the pristine cell.
    Fails when the rise before the rest is within its uncertainty (flagged; the verdict is then "undecided").

    Parameters
    ----------
    time : (n,) [s] since the stop.
    resistance, std : (n,) [Ω] of the process along the rest.
    stop : [Ω] right after the stop; the first point of the track when absent.
    process, condition, sample : names for the table ("interface", "20 MPa", "S042").
    tolerance : a fraction within this of 1 (of 0) counts as all (as nothing).

    Raises
    ------
    InputError
        With fewer than two points or lengths that differ.
    """
    if not time.size == resistance.size == std.size or time.size < 2:
        raise InputError(
            f"The track has {time.size} times, {resistance.size} resistances and {std.size} uncertainties; "
            "expected at least two of each, equally many."
        )
    order = np.argsort(time, kind="stable")
    time, resistance, std = time[order], resistance[order], std[order]
    if stop is None:
        stop = Estimate(resistance[0], std[0])
    last = Estimate(resistance[-1], std[-1])
    fits = fit_kinetics(time, resistance, std) if np.unique(time).size >= FEWEST_TIMES else ()
    fraction = recovered_fraction(before, stop, last)
    final_fraction = recovered_fraction(before, stop, average_final(fits)) if fits else fraction

    flags: list[Flag] = []
    rise, rise_std = stop.value - before.value, math.hypot(stop.std, before.std)
    resolved = not (math.isfinite(rise_std) and abs(rise) < 3 * rise_std)
    if not resolved:
        flags.append(ImpedanceFlag.RECOVERY_NOT_RESOLVED.flag(rise=rise, std=rise_std))
    else:
        if fits and fits[0].remaining * abs(fits[0].excess.value) > tolerance * abs(rise):
            flags.append(ImpedanceFlag.RECOVERY_UNFINISHED.flag())
        if len(fits) > 1 and fits[1].weight > 0.1:
            first, second = fits[:2]
            flags.append(
                ImpedanceFlag.KINETICS_UNDECIDED.flag(
                    first=first.kinetics.value,
                    second=second.kinetics.value,
                    first_weight=first.weight,
                    second_weight=second.weight,
                )
            )
    return Recovery(
        process=process,
        condition=condition,
        sample=sample,
        before=before,
        stop=stop,
        last=last,
        fraction=fraction,
        final_fraction=final_fraction,
        kinetics=fits,
        reversibility=_judge(final_fraction, tolerance) if resolved else Reversibility.UNDECIDED,
        time=time,
        resistance=resistance,
        std=std,
        flags=tuple(flags),
    )


def measure_recoveries(
    time: Float[np.ndarray, " n"],
    resistance: Float[np.ndarray, "n p"],
    std: Float[np.ndarray, "n p"],
    before: Sequence[Estimate],
    processes: Sequence[str],
    **options,
) -> tuple[Recovery, ...]:
    """:func:`measure_recovery` for each column; a process's NaN points (arc not present) are left out."""
    found = []
    for column, (estimate, process) in enumerate(zip(before, processes, strict=True)):
        present = np.isfinite(resistance[:, column])
        track = (time[present], resistance[present, column], std[present, column])
        found.append(measure_recovery(*track, estimate, process=process, **options))
    return tuple(found)


def _pooled(values: Sequence[float], stds: Sequence[float]) -> tuple[float, float]:
    """Mean, and the larger of its stated and its observed standard uncertainty."""
    stated = math.sqrt(sum(std**2 for std in stds)) / len(values)
    seen = float(np.std(values, ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    return float(np.mean(values)), max(stated, seen)


def compare_recoveries(
    first: Recovery | Sequence[Recovery], second: Recovery | Sequence[Recovery]
) -> RecoveryComparison:
    """The same process under two conditions, as without and with stack pressure: final fractions and half times.

    z = (f₂ − f₁)/√(s₁² + s₂²); ln(t₂/t₁) likewise, each the mean over the cells of its condition. Assumes independent
    cells and normal errors. Cells whose fraction or half time has no uncertainty are left out of the mean.
    """
    groups = [(one,) if isinstance(one, Recovery) else tuple(one) for one in (first, second)]

    def probability(value: float, std: float) -> float:
        return math.erfc(abs(value) / std / math.sqrt(2)) if std > 0 else math.nan

    def mean(pairs: list[tuple[float, float]]) -> tuple[float, float]:
        known = [(value, std) for value, std in pairs if math.isfinite(value) and math.isfinite(std)]
        return _pooled(*zip(*known, strict=True)) if known else (math.nan, math.nan)

    (a, a_std), (b, b_std) = (
        mean([(each.final_fraction.value, each.final_fraction.std) for each in group]) for group in groups
    )
    (one, one_std), (two, two_std) = (
        mean([(math.log(t.value), t.relative) for each in group if each.kinetics and (t := each.kinetics[0].half_time)])
        for group in groups
    )
    difference = Estimate(b - a, math.hypot(a_std, b_std))
    ratio, spread, speed_probability = Estimate(math.nan), math.hypot(one_std, two_std), math.nan
    if math.isfinite(spread):
        value, wide = math.exp(two - one), math.exp(min(1.96 * spread, 50.0))
        ratio = Estimate(value, value * spread, value / wide, value * wide)
        speed_probability = probability(two - one, spread)
    return RecoveryComparison(
        process=groups[0][0].process,
        conditions=(groups[0][0].condition, groups[1][0].condition),
        difference=difference,
        probability=probability(difference.value, difference.std),
        speed_ratio=ratio,
        speed_probability=speed_probability,
    )


def tabulate_recoveries(recoveries: Iterable[Recovery]) -> tuple[RecoveryRow, ...]:
    """One row per process and condition: before, at the stop, relaxed, recovered, half time, law, verdict."""
    return tuple(
        RecoveryRow(
            sample=each.sample,
            condition=each.condition,
            process=each.process,
            before=each.before,
            stop=each.stop,
            relaxed=each.last,
            fraction=each.fraction,
            half_time=each.kinetics[0].half_time if each.kinetics else Estimate(math.nan),
            kinetics=each.kinetics[0].kinetics.value if each.kinetics else "",
            verdict=each.reversibility.value,
        )
        for each in recoveries
    )
