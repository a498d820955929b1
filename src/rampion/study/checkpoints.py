"""The rows of three tables of spectra: at the pauses of a sweep, along a rest, and for cells stopped at some voltage.

They have the form of the tables with which Gopal et al., ACS Energy Lett. 2023, support their figures 2 and 3: the
resistance that the sweep shows beside that of the spectrum at each checkpoint; the resistances during relaxation; the
resistances at the stop and relaxed. They hold only what was measured here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rampion.estimate import Estimate
from rampion.impedance.conductivity import compare_with_ohmic_slope
from rampion.impedance.finding import SpectrumFinding, in_window
from rampion.impedance.recovery import Recovery
from rampion.study.analysis import SampleAnalysis

NEAR = 0.01  # V between a spectrum and the pause it was taken in


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointRow:
    """One pause of a sweep: V/I of the cell [Ω] beside the total of its spectrum [Ω], their ratio and its p-value.

    V/I holds the concentration overpotential, which no spectrum in the usual window sees: beyond the ohmic part
    (``ohmic`` false) a ratio below one is what transport does, not a fault.
    """

    sample: str
    potential: float
    current: float
    ohmic: bool
    sweep_resistance: Estimate
    spectrum_resistance: Estimate
    ratio: Estimate
    p_value: float
    processes: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True, kw_only=True)
class RestRow:
    """One spectrum before the sweep or at rest after it, ``time`` [s] since the stop (negative before the sweep)."""

    sample: str
    condition: str
    stop_potential: float
    time: float
    total: Estimate
    processes: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRow:
    """One process of a cell stopped at a voltage: pristine, transient (at the stop) and relaxed, and what came back."""

    sample: str
    condition: str
    stop_potential: float
    process: str
    pristine: Estimate
    transient: Estimate
    relaxed: Estimate
    fraction: Estimate
    final_fraction: Estimate
    half_time: Estimate
    kinetics: str
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppedSweep:
    """The sweep of a run after which the cell rested: when it ran [s] and the voltage it reached [V]."""

    sample: str
    begin: float
    end: float
    potential: float


def stopped_sweep(sample: SampleAnalysis) -> StoppedSweep | None:
    """The largest sweep of a run with spectra after it; none of a run whose spectra were taken in pauses."""
    traces = sample.experiment.traces
    if not traces or not sample.spectra or any(finding.pauses for finding in sample.findings):
        return None
    spans = [float(np.ptp(np.nan_to_num(trace.potential))) for trace in traces]
    trace = traces[int(np.argmax(spans))]  # rests relax by less than the sweep drove
    begin, end = float(trace.time[0]), float(trace.time[-1])
    if not any(finding.time >= end for finding in sample.spectra):
        return None
    return StoppedSweep(
        sample=sample.experiment.known_as, begin=begin, end=end, potential=float(np.nanmax(np.abs(trace.potential)))
    )


def _resistances(finding: SpectrumFinding) -> dict[str, Estimate]:
    return {
        one.name: one.resistance
        for one in finding.processes
        if math.isfinite(one.resistance.std) and in_window(one, finding.frequency)
    }


def checkpoint_rows(sample: SampleAnalysis) -> list[CheckpointRow]:
    """The pauses of a sweep at which a spectrum was taken, in the order of their voltage."""
    paused = next((finding for finding in sample.findings if finding.pauses), None)
    if paused is None:
        return []
    end = paused.ohmic.window[1] if paused.ohmic is not None else 0.0
    rows = []
    for finding in sample.spectra:
        pause = min(paused.pauses, key=lambda one: abs(one.potential - abs(finding.potential)))
        if finding.total_resistance is None or not abs(pause.potential - abs(finding.potential)) < NEAR:
            continue
        first, last = pause.current_before, pause.current_after
        current = (first + last) / 2
        if not current > 0:
            continue
        # the current moved during the pause: the spectrum belongs somewhere between its ends
        std = max(abs(last - first) / math.sqrt(12), float(np.median(paused.voltammogram.noise)))
        chord = Estimate(pause.potential / current, pause.potential / current * std / current)
        comparison = compare_with_ohmic_slope(finding.total_resistance, chord)
        rows.append(
            CheckpointRow(
                sample=sample.experiment.known_as, potential=pause.potential, current=current,
                ohmic=pause.potential <= end, sweep_resistance=chord, spectrum_resistance=finding.total_resistance,
                ratio=comparison.ratio, p_value=comparison.p_value, processes=_resistances(finding),
            )
        )  # fmt: skip
    return sorted(rows, key=lambda row: row.potential)


def rest_rows(sample: SampleAnalysis, stopped: StoppedSweep, condition: str) -> list[RestRow]:
    """Every spectrum before the sweep and at rest after it."""
    return [
        RestRow(
            sample=stopped.sample, condition=condition, stop_potential=stopped.potential,
            time=finding.time - (stopped.end if finding.time >= stopped.end else stopped.begin),
            total=finding.total_resistance or Estimate(math.nan), processes=_resistances(finding),
        )
        for finding in sample.spectra
        if not stopped.begin < finding.time < stopped.end
    ]  # fmt: skip


def stop_rows(recoveries: Sequence[Recovery], stopped: StoppedSweep) -> list[StopRow]:
    """One row per process of one cell."""
    nothing = Estimate(math.nan)
    return [
        StopRow(
            sample=each.sample, condition=each.condition, stop_potential=stopped.potential, process=each.process,
            pristine=each.before, transient=each.stop, relaxed=each.last, fraction=each.fraction,
            final_fraction=each.final_fraction, half_time=each.kinetics[0].half_time if each.kinetics else nothing,
            kinetics=each.kinetics[0].kinetics.value if each.kinetics else "", verdict=each.reversibility.value,
        )
        for each in recoveries
    ]  # fmt: skip
