"""What the spectra say of the peak: how each resistance changed through it, and what of each came back at rest."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from rampion.errors import InputError
from rampion.estimate import Estimate
from rampion.impedance.finding import SpectrumFinding, in_window
from rampion.impedance.recovery import Recovery, RecoveryComparison, compare_recoveries, measure_recovery
from rampion.mechanisms.argument import Arguments
from rampion.study.analysis import SampleAnalysis
from rampion.study.checkpoints import (
    CheckpointRow,
    RestRow,
    StoppedSweep,
    StopRow,
    checkpoint_rows,
    rest_rows,
    stop_rows,
    stopped_sweep,
)

CERAMIC = ("bulk", "grain boundary")
REST_PRESSURE = "rest pressure"
PRESSED, RELEASED = "pressed", "released"
ALL = "all"  # processes together
OPEN = 30.0  # a total resistance grown by more than this is an interface that opened


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Impedance:
    """Statistics of the spectra for the evidence, the recoveries they rest on, and the paper's tables in form.

    ``recoveries`` of every process of every cell that rested, and of all together (``all``); ``comparisons`` of each
    process with against without stack pressure; ``checkpoints`` of paused sweeps, ``rests`` spectrum by spectrum.
    """

    statistics: Mapping[Arguments, Estimate] = field(default_factory=dict)
    recoveries: tuple[Recovery, ...] = ()
    comparisons: tuple[RecoveryComparison, ...] = ()
    checkpoints: tuple[CheckpointRow, ...] = ()
    rests: tuple[RestRow, ...] = ()
    stops: tuple[StopRow, ...] = ()


def gather_impedance(samples: Iterable[SampleAnalysis]) -> Impedance:
    """Changes through the peak from paused sweeps, recovered fractions from rests."""
    changes: dict[Arguments, list[Estimate]] = {}
    recoveries: list[Recovery] = []
    checkpoints: list[CheckpointRow] = []
    rests: list[RestRow] = []
    stops: list[StopRow] = []
    for sample in samples:
        checkpoints += checkpoint_rows(sample)
        if len(sample.spectra) < 3:
            continue
        for argument, change in _through_peak(sample).items():
            changes.setdefault(argument, []).append(change)
        stopped = stopped_sweep(sample)
        if stopped is not None:
            found = _at_rest(sample, stopped)
            recoveries += found
            rests += rest_rows(sample, stopped, _condition(sample))
            stops += stop_rows(found, stopped)
    statistics = {argument: _mean(values) for argument, values in changes.items()}
    return Impedance(
        statistics=statistics | _recovered([each for each in recoveries if each.process == ALL]),
        recoveries=tuple(recoveries),
        comparisons=_by_pressure(recoveries),
        checkpoints=tuple(checkpoints),
        rests=tuple(rests),
        stops=tuple(stops),
    )


def _mean(estimates: Sequence[Estimate]) -> Estimate:
    """Mean with the larger of the stated and the observed standard uncertainty of the mean."""
    values = np.array([estimate.value for estimate in estimates])
    stated = math.sqrt(sum(estimate.std**2 for estimate in estimates)) / values.size
    seen = float(np.std(values, ddof=1)) / math.sqrt(values.size) if values.size > 1 else 0.0
    return Estimate(float(values.mean()), max(stated, seen))


def _sum(finding: SpectrumFinding, ceramic: bool) -> tuple[float, float]:
    """Resistance [Ω] of the ceramic's, or of all other, processes that the spectrum fixes, with its uncertainty."""
    chosen = [
        process.resistance
        for process in finding.processes
        if process.name.startswith(CERAMIC) == ceramic
        and process.name != "leads"
        and math.isfinite(process.resistance.std)
        and in_window(process, finding.frequency)
    ]
    std = math.sqrt(sum(resistance.std**2 for resistance in chosen))
    return sum(resistance.value for resistance in chosen), std


def _through_peak(sample: SampleAnalysis) -> dict[Arguments, Estimate]:
    """ln of the resistances after over before the peak, from the spectra of a paused sweep."""
    paused = next((f for f in sample.findings if f.pauses and f.verdict.limit), None)
    if paused is None:
        return {}
    pairs = list(zip(sample.experiment.spectra, sample.spectra, strict=True))
    peak = paused.potential.value
    before = [finding for spectrum, finding in pairs if abs(spectrum.potential) < 0.5 * peak]
    after = [finding for spectrum, finding in pairs if 1.05 * peak < abs(spectrum.potential) < 1.5 * peak]
    if not before or not after:
        return {}
    (ceramic, ceramic_std), (interface, interface_std) = (_mean_sum(before, kind) for kind in (True, False))
    (ceramic_after, ceramic_after_std), (interface_after, interface_after_std) = (
        _mean_sum(after, kind) for kind in (True, False)
    )
    total_after = ceramic_after + interface_after
    if total_after > OPEN * (ceramic + interface):  # the ceramic cannot be seen behind an open interface
        if not interface > 0:  # no interface was resolved before: nothing to compare with
            return {}
        return {Arguments.INTERFACE_RESISTANCE: _log_ratio(interface, interface_std, total_after, 0.0)}
    found: dict[Arguments, Estimate] = {}
    if ceramic > 0 and ceramic_after > 0:
        found[Arguments.BULK_RESISTANCE] = _log_ratio(ceramic, ceramic_std, ceramic_after, ceramic_after_std)
    if interface > 0 and interface_after > 0:
        change = _log_ratio(interface, interface_std, interface_after, interface_after_std)
        found[Arguments.INTERFACE_RESISTANCE] = change
    return found


def _mean_sum(findings: Sequence[SpectrumFinding], ceramic: bool) -> tuple[float, float]:
    sums = [_sum(finding, ceramic) for finding in findings]
    # a spectrum that does not resolve the process says nothing of it: it is not a resistance of zero
    seen = [pair for pair in sums if pair[0] > 0]
    return _average(seen) if seen else (0.0, 0.0)


def _log_ratio(before: float, before_std: float, after: float, after_std: float) -> Estimate:
    return Estimate(math.log(after / before), math.hypot(before_std / before, after_std / after))


def _average(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    values, stds = np.array(pairs).T
    return float(values.mean()), float(np.sqrt(np.sum(stds**2)) / values.size)


def _at_rest(sample: SampleAnalysis, stopped: StoppedSweep) -> list[Recovery]:
    """The recovery of the whole resistance, and of each process, after a sweep that was stopped.

    Of a process that the first spectrum at rest does not show nothing can be said: another may hold its part there.
    """
    moments = np.array([finding.time for finding in sample.spectra])
    totals = [finding.total_resistance or Estimate(math.nan) for finding in sample.spectra]
    columns = {ALL: (np.array([total.value for total in totals]), np.array([total.std for total in totals]))}
    if sample.series is not None:
        columns |= {track.name: (track.resistance, track.resistance_std) for track in sample.series.tracks}
    before, rest = moments <= stopped.begin, moments >= stopped.end
    found = []
    for name, (value, std) in columns.items():
        known = np.isfinite(value) & ~(std > value)
        at_stop = bool(rest.any()) and known[np.argmax(rest)]
        if not at_stop or not (known & before).any() or (known & rest).sum() < 3:
            continue
        pristine = int(np.flatnonzero(known & before)[-1])
        usable = known & rest
        try:
            recovery = measure_recovery(
                moments[usable] - stopped.end, value[usable], std[usable], Estimate(value[pristine], std[pristine]),
                process=name, condition=_condition(sample), sample=stopped.sample,
            )  # fmt: skip
        except InputError:  # too few points with an uncertainty
            continue
        found.append(recovery)
    return found


def _by_pressure(recoveries: Sequence[Recovery]) -> tuple[RecoveryComparison, ...]:
    """Each process without against with stack pressure, where cells rested in both ways."""
    found = []
    for process in dict.fromkeys(each.process for each in recoveries):
        groups = [
            [each for each in recoveries if each.process == process and each.condition == condition and _resolved(each)]
            for condition in (RELEASED, PRESSED)
        ]
        if all(groups):
            found.append(compare_recoveries(*groups))
    return tuple(found)


def _resolved(recovery: Recovery) -> bool:
    return not any(flag.code == "recovery_not_resolved" for flag in recovery.flags)


def _condition(sample: SampleAnalysis) -> str:
    """``pressed`` or ``released``: the sheet's rest pressure, else the stack pressure, else not known."""
    known = sample.experiment.sample
    stated = next((text for name, text in known.extra.items() if name.lower().startswith(REST_PRESSURE)), "")
    if stated:
        return RELEASED if float(stated.split()[0].replace(",", ".")) == 0 else PRESSED
    if known.stack_pressure is None:
        return "pressure not known"
    return PRESSED if known.stack_pressure.value > 0 else RELEASED


def _recovered(recoveries: Sequence[Recovery]) -> dict[Arguments, Estimate]:
    by_condition: dict[str, list[Estimate]] = {}
    for recovery in recoveries:
        fraction = recovery.final_fraction
        if math.isfinite(fraction.value) and math.isfinite(fraction.std):
            by_condition.setdefault(recovery.condition, []).append(fraction)
    found: dict[Arguments, Estimate] = {}
    if RELEASED in by_condition:
        found[Arguments.RECOVERY_UNPRESSED] = released = _mean(by_condition[RELEASED])
        if PRESSED in by_condition:
            pressed = _mean(by_condition[PRESSED])
            std = math.hypot(pressed.std, released.std)
            found[Arguments.PRESSURE_EFFECT] = Estimate(pressed.value - released.value, std)
    return found
