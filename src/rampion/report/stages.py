"""Figures of sweeps with spectra: the checkpoints of a paused sweep, and what came back at rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from rampion.figures.stages import Stage, draw_checkpoints, draw_relaxations, draw_stops
from rampion.measurement import Spectrum
from rampion.report.data import curve_data, stage_data
from rampion.report.panels import Picture, curve_of, synthetic
from rampion.units import show

if TYPE_CHECKING:
    from rampion.figures.curves import Curve
    from rampion.study import SampleAnalysis, Study
    from rampion.study.events import Event

MOST_STAGES = 9  # spectra of one picture that can still be told apart


def checkpoint_pictures(study: Study) -> Iterator[Picture]:
    """The paused sweep with most spectra: where it was paused, and the spectrum of each pause."""
    pairs = [pair for pair in _swept(study) if pair[1].finding.pauses and len(pair[0].spectra) > 2]
    if not pairs:
        return
    sample, event = max(pairs, key=lambda pair: (pair[1].limited, len(pair[0].spectra)))
    name = event.sample.name
    sweep = curve_of(event, name)
    spectra = [one for one in sample.experiment.spectra if np.isfinite(one.potential)] or sample.experiment.spectra
    chosen = np.unique(np.linspace(0, len(spectra) - 1, min(len(spectra), 2 * MOST_STAGES)).astype(int))
    stages = [Stage(name=f"{spectra[i].potential:.3g} V", impedance=spectra[i].impedance) for i in chosen]
    marks = [(one.potential, float(np.interp(one.potential, sweep.x, sweep.y))) for one in spectra]
    yield Picture(
        name="checkpoints", figure=draw_checkpoints(sweep, marks, stages, name, synthetic(study)), wide=True,
        caption=f"Sweep of {name}, paused for spectra, and the spectrum at each pause.", form="Fig. 2a–b",
        data=curve_data([sweep]) + stage_data(stages, name),
    )  # fmt: skip


def relaxation_pictures(study: Study) -> Iterator[Picture]:
    """Spectra during rest after a sweep was stopped: one sample per condition, and one per voltage of the stop."""
    told = [(event, *found) for sample, event in _swept(study) if (found := _at_rest(sample, event)) is not None]
    if not told:
        return
    by_condition: dict[str, tuple[Event, Curve, list[Stage]]] = {}
    for event, condition, sweep, stages in told:
        kept = by_condition.get(condition)
        if kept is None or sweep.x[-1] < kept[1].x[-1]:
            by_condition[condition] = (event, sweep, stages)
    panels = [(f"{event.sample.name}, {key}", sweep, stages) for key, (event, sweep, stages) in by_condition.items()]
    yield Picture(
        name="relaxation", figure=draw_relaxations(panels, synthetic(study)), wide=len(panels) > 1,
        caption="Impedance before the sweep, at its stop and during rest; the corner shows the sweep.",
        form="Fig. 2c–d",
        data=[one for name, sweep, stages in panels for one in curve_data([sweep]) + stage_data(stages, name)],
    )  # fmt: skip
    by_stop: dict[float, tuple[Curve, list[Stage]]] = {}
    for _, _, sweep, stages in told:
        by_stop.setdefault(round(float(sweep.x[-1]), 2), (sweep, stages))
    ordered = [by_stop[key] for key in sorted(by_stop)][:5]
    sweeps = [replace(sweep, name=f"stopped at {sweep.x[-1]:.2g} V") for sweep, _ in ordered]
    spectra = [[stage for stage in stages if stage.role in ("stop", "relaxed")] for _, stages in ordered]
    spectra[0].insert(0, next(stage for stage in ordered[0][1] if stage.role == "before"))
    yield Picture(
        name="stops", figure=draw_stops(sweeps, spectra, synthetic(study)), wide=True, form="Fig. 3a–b",
        caption="Sweeps stopped at the arrowheads; impedance at the stop and after the longest rest.",
        data=curve_data(sweeps)
        + [one for sweep, stages in zip(sweeps, spectra, strict=True) for one in stage_data(stages, sweep.note)],
    )  # fmt: skip


def _swept(study: Study) -> Iterator[tuple[SampleAnalysis, Event]]:
    """Each experiment with spectra beside its first sweep of known geometry."""
    by_finding = {id(event.finding): event for event in study.events}
    for sample in study.analysis.samples:
        events = [by_finding[id(finding)] for finding in sample.findings if id(finding) in by_finding]
        swept = [event for event in events if event.finding.kind == "sweep" and event.complete]
        if sample.spectra and swept:
            yield sample, swept[0]


def _at_rest(sample: SampleAnalysis, event: Event) -> tuple[str, Curve, list[Stage]] | None:
    """Condition, sweep and stages of a sweep that was followed by rest; None where it was not."""
    if event.finding.pauses:
        return None
    sweep = curve_of(event, event.sample.name)
    spans = [float(np.ptp(np.nan_to_num(trace.potential))) for trace in sample.experiment.traces]
    trace = sample.experiment.traces[int(np.argmax(spans))]  # rests relax by less than the sweep drove
    begin, end = float(trace.time[0]), float(trace.time[-1])
    moments = [(_moment(spectrum), spectrum) for spectrum in sample.experiment.spectra]
    before = [spectrum for moment, spectrum in moments if moment <= begin]
    after = [(moment - end, spectrum) for moment, spectrum in moments if moment >= end]
    if not before or len(after) < 3:
        return None
    kept = np.unique(np.linspace(1, len(after) - 1, min(len(after) - 1, MOST_STAGES - 2)).astype(int))
    stages = [Stage(name="before", impedance=before[-1].impedance, role="before")]
    stages.append(Stage(name="at the stop", impedance=after[0][1].impedance, role="stop"))
    for place in kept:
        rested, spectrum = after[place]
        role = "relaxed" if place == len(after) - 1 else "rest"
        stages.append(Stage(name=f"after {_duration(rested)}", impedance=spectrum.impedance, role=role))
    return _condition(sample), sweep, stages


def _moment(spectrum: Spectrum) -> float:
    return float(spectrum.time[0]) if spectrum.time is not None else float("nan")


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.3g} h"


def _condition(sample: SampleAnalysis) -> str:
    known = sample.experiment.sample
    stated = next((text for name, text in known.extra.items() if name.lower().startswith("rest pressure")), "")
    if stated:
        return f"rest at {stated} MPa" if stated.split()[0] != "0" else "rest without pressure"
    return f"rest at {show(known.stack_pressure, 'stack_pressure')}" if known.stack_pressure else "rest"
