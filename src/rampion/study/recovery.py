"""What the spectra say of the peak: how each resistance changed through it, and what came back at rest."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from rampion.errors import InputError
from rampion.estimate import Estimate
from rampion.impedance.finding import SpectrumFinding
from rampion.impedance.recovery import Recovery, measure_recovery
from rampion.measurement import Spectrum, Trace
from rampion.mechanisms.argument import Arguments
from rampion.study.analysis import SampleAnalysis

CERAMIC = ("bulk", "grain boundary")
REST_PRESSURE = "rest pressure"
OPEN = 30.0  # a total resistance grown by more than this is an interface that opened


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Impedance:
    """Statistics of the spectra for the evidence, and the recoveries they rest on."""

    statistics: Mapping[Arguments, Estimate] = field(default_factory=dict)
    recoveries: tuple[Recovery, ...] = ()


def gather_impedance(samples: Iterable[SampleAnalysis]) -> Impedance:
    """Changes through the peak from paused sweeps, recovered fractions from rests."""
    changes: dict[Arguments, list[Estimate]] = {}
    recoveries: list[Recovery] = []
    for sample in samples:
        if len(sample.spectra) < 3:
            continue
        for argument, change in _through_peak(sample).items():
            changes.setdefault(argument, []).append(change)
        recoveries += _at_rest(sample)
    statistics = {argument: _mean(values) for argument, values in changes.items()}
    return Impedance(statistics=statistics | _recovered(recoveries), recoveries=tuple(recoveries))


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
    ]
    std = math.sqrt(sum(resistance.std**2 for resistance in chosen))
    return sum(resistance.value for resistance in chosen), std


def _through_peak(sample: SampleAnalysis) -> dict[Arguments, Estimate]:
    """ln of the resistances after over before the peak, from the spectra of a paused sweep."""
    paused = next((f for f in sample.findings if f.pauses and (f.peak or f.contact_loss)), None)
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
        opened = {Arguments.INTERFACE_RESISTANCE: _log_ratio(interface, interface_std, total_after, 0.0)}
        return opened if interface > 0 else {}
    found: dict[Arguments, Estimate] = {}
    if ceramic > 0 and ceramic_after > 0:
        found[Arguments.BULK_RESISTANCE] = _log_ratio(ceramic, ceramic_std, ceramic_after, ceramic_after_std)
    if interface > 0 and interface_after > 0:
        change = _log_ratio(interface, interface_std, interface_after, interface_after_std)
        found[Arguments.INTERFACE_RESISTANCE] = change
    return found


def _mean_sum(findings: Sequence[SpectrumFinding], ceramic: bool) -> tuple[float, float]:
    return _average([_sum(finding, ceramic) for finding in findings])


def _log_ratio(before: float, before_std: float, after: float, after_std: float) -> Estimate:
    return Estimate(math.log(after / before), math.hypot(before_std / before, after_std / after))


def _average(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    values, stds = np.array(pairs).T
    return float(values.mean()), float(np.sqrt(np.sum(stds**2)) / values.size)


def _moment(spectrum: Spectrum) -> float:
    return float(spectrum.time[0]) if spectrum.time is not None else math.nan


def _total(finding: SpectrumFinding) -> Estimate:
    return finding.total_resistance or Estimate(math.nan)


def _at_rest(sample: SampleAnalysis) -> list[Recovery]:
    """The recovery of the whole resistance after a sweep that was stopped, if the run holds one."""
    spans = [float(np.ptp(np.nan_to_num(part.potential))) for part in sample.experiment.traces]
    pairs = [(_moment(s), _total(f)) for s, f in zip(sample.experiment.spectra, sample.spectra, strict=True)]
    pairs = [(moment, total) for moment, total in pairs if math.isfinite(moment) and math.isfinite(total.value)]
    if not spans or not pairs or any(finding.pauses for finding in sample.findings):
        return []
    begin, end = _span(sample.experiment.traces[int(np.argmax(spans))])  # rests relax by less than the sweep drove
    before = [total for moment, total in pairs if moment <= begin]
    rest = [(moment - end, total) for moment, total in pairs if moment >= end]
    if not before or len(rest) < 3:
        return []
    time, totals = np.array([moment for moment, _ in rest]), [total for _, total in rest]
    resistance, std = np.array([total.value for total in totals]), np.array([total.std for total in totals])
    try:
        found = measure_recovery(
            time, resistance, std, before[-1], process="all", condition=_condition(sample),
        )  # fmt: skip
    except InputError:  # too few points with an uncertainty
        return []
    return [found]


def _span(trace: Trace) -> tuple[float, float]:
    return float(trace.time[0]), float(trace.time[-1])


def _condition(sample: SampleAnalysis) -> str:
    """``pressed`` or ``released``: the sheet's rest pressure, else the stack pressure, else not known."""
    known = sample.experiment.sample
    stated = next((text for name, text in known.extra.items() if name.lower().startswith(REST_PRESSURE)), "")
    if stated:
        return "released" if float(stated.split()[0].replace(",", ".")) == 0 else "pressed"
    if known.stack_pressure is None:
        return "pressure not known"
    return "pressed" if known.stack_pressure.value > 0 else "released"


def _recovered(recoveries: Sequence[Recovery]) -> dict[Arguments, Estimate]:
    by_condition: dict[str, list[Estimate]] = {}
    for recovery in recoveries:
        fraction = recovery.final_fraction
        if math.isfinite(fraction.value) and math.isfinite(fraction.std):
            by_condition.setdefault(recovery.condition, []).append(fraction)
    found: dict[Arguments, Estimate] = {}
    if "released" in by_condition:
        found[Arguments.RECOVERY_UNPRESSED] = released = _mean(by_condition["released"])
        if "pressed" in by_condition:
            pressed = _mean(by_condition["pressed"])
            std = math.hypot(pressed.std, released.std)
            found[Arguments.PRESSURE_EFFECT] = Estimate(pressed.value - released.value, std)
    return found
