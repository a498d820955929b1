"""A person's decisions put in place of the software's, with what stood there before."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool

from rampion.errors import DecisionError, InputError
from rampion.estimate import Estimate
from rampion.measurement import Experiment, Masked, MaskedBy, Override, Sample, Spectrum, Trace, selected_points
from rampion.study.frequency_window import check_enough, points_kept
from rampion.units import show

if TYPE_CHECKING:
    from rampion.voltammetry.analyse import Analysis as RunAnalysis
    from rampion.voltammetry.confidence import BaseRates
    from rampion.voltammetry.finding import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Overridden:
    """What one override changed: the part, the decision, what was there before and what is there now, in words."""

    override: Override
    part: str
    decision: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Kept:
    """An experiment without the spectra that were left out; of the others by their new number from 1 the ``circuits``
    and the ``points`` (n,) that stay, where a person decided of these."""

    experiment: Experiment
    circuit: str | None = None
    circuits: Mapping[int, str] = field(default_factory=dict)
    points: Mapping[int, Bool[np.ndarray, " _"]] = field(default_factory=dict)
    overridden: tuple[Overridden, ...] = ()


def concerns(override: Override, experiment: Experiment) -> bool:
    """Whether an override names this experiment: by its sample or by its file."""
    return override.sample in (experiment.sample.name, experiment.name)


def check_overrides(overrides: Sequence[Override], experiments: Sequence[Experiment]) -> None:
    """Refuse overrides that name no sample, or one of several experiments without saying which.

    Raises
    ------
    InputError
        With the sample's name and what there is instead.
    """
    for override in overrides:
        found = [experiment for experiment in experiments if concerns(override, experiment)]
        if not found:
            names = [experiment.known_as for experiment in experiments]
            shown = ", ".join(dict.fromkeys(names[:8])) + (", …" if len(names) > 8 else "")
            raise DecisionError(f"An override names the sample {override.sample!r}; the campaign holds {shown}.")
        if len(found) > 1 and (override.sweep or override.spectrum):
            names = ", ".join(experiment.name for experiment in found)
            raise DecisionError(
                f"An override names one sweep or spectrum of {override.sample!r}, which has {len(found)} experiments "
                f"({names}); write the experiment's name as its sample."
            )


def check_circuit(text: str | None) -> None:
    """Refuse a circuit that cannot be read, before anything is fitted with it.

    Raises
    ------
    DecisionError
        With what is wrong in it.
    """
    if text is None:
        return
    from rampion.impedance.notation import parse_circuit

    try:
        parse_circuit(text)
    except InputError as error:
        raise DecisionError(str(error)) from error


def choose_spectra(experiment: Experiment, overrides: Sequence[Override]) -> Kept:
    """Leave out the spectra that a person excluded and say which circuits and points were chosen for the others.

    Raises
    ------
    InputError
        When a spectrum of that number does not exist, or too few of its points are left.
    """
    spectra = experiment.spectra
    circuits: dict[int, str] = {}
    circuit = None
    gone: set[int] = set()
    points = {number: np.ones(len(one), dtype=bool) for number, one in enumerate(spectra, 1)}
    overridden: list[Overridden] = []
    for override in overrides:
        if override.sweep is not None or not (override.circuit or override.exclude or _narrows(override)):
            continue
        if override.circuit:
            check_circuit(override.circuit)
        if override.spectrum is not None and override.spectrum > len(spectra):
            raise DecisionError(
                f"An override names spectrum {override.spectrum} of {override.sample!r}, which has {len(spectra)}."
            )
        number = override.spectrum
        part = "all spectra" if number is None else f"spectrum {number}"
        if override.exclude:
            gone |= set(range(1, len(spectra) + 1)) if number is None else {number}
            if spectra:
                before = f"{len(spectra)} spectra" if number is None else f"{len(spectra[number - 1])} points"
                overridden.append(_changed(override, part, "excluded", before, "left out"))
        elif override.circuit and spectra:
            if number is None:
                circuit = override.circuit
            else:
                circuits[number] = override.circuit
            overridden.append(_changed(override, part, "circuit", "chosen from the data", override.circuit))
        if _narrows(override) and not override.exclude:
            concerned = [number] if number is not None else list(points)
            _check_points(override, [spectra[one - 1] for one in concerned])
            before = sum(int(points[one].sum()) for one in concerned)
            for one in concerned:
                points[one] &= _points_of_spectrum(override, spectra[one - 1])
            after = sum(int(points[one].sum()) for one in concerned)
            overridden.append(_changed(override, part, _narrowing(override), f"{before} points", f"{after} points"))
    for number in points.keys() - gone:
        try:
            name = f"spectrum {number} of {experiment.known_as}"
            check_enough(points[number], spectra[number - 1].frequency, name)
        except InputError as error:
            raise DecisionError(str(error)) from error
    kept = [number for number in range(1, len(spectra) + 1) if number not in gone]
    places = {id(spectra[number - 1]) for number in gone}
    parts = tuple(p for p in experiment.parts if not (isinstance(p, Spectrum) and id(p) in places))
    return Kept(
        experiment=replace(experiment, parts=parts),
        circuit=circuit,
        circuits={new: circuits[old] for new, old in enumerate(kept, 1) if old in circuits},
        points={new: points[old] for new, old in enumerate(kept, 1)},
        overridden=tuple(overridden),
    )


def _narrows(override: Override) -> bool:
    return override.fmin is not None or override.fmax is not None or bool(_spectral(override))


def _spectral(override: Override) -> list[Masked]:
    return [stretch for stretch in override.masked if stretch.by is MaskedBy.FREQUENCY]


def _check_points(override: Override, spectra: Sequence[Spectrum]) -> None:
    """Refuse a masked stretch of frequencies in which no spectrum has a point."""
    frequency = np.concatenate([one.frequency for one in spectra]) if spectra else np.zeros(0)
    for stretch in _spectral(override):
        if points_kept(frequency, masked=[stretch]).all():
            reach = f"from {frequency.min():.4g} Hz to {frequency.max():.4g} Hz" if spectra else "none"
            raise DecisionError(
                f"An override masks {_stretch(stretch)} of {override.sample!r}, where it has no point; its spectra run "
                f"{reach}."
            )


def _points_of_spectrum(override: Override, spectrum: Spectrum) -> np.ndarray:
    fmax = math.inf if override.fmax is None else override.fmax
    return points_kept(spectrum.frequency, override.fmin or 0.0, fmax, override.masked)


def _narrowing(override: Override) -> str:
    ends = [f"{name} {value:g} Hz" for name, value in (("fmin", override.fmin), ("fmax", override.fmax)) if value]
    return ", ".join([*ends, *(f"{_stretch(stretch)} masked" for stretch in _spectral(override))])


def choose_stretches(
    experiment: Experiment, run: RunAnalysis, overrides: Sequence[Override], base_rates: BaseRates
) -> tuple[RunAnalysis, tuple[Overridden, ...]]:
    """The run judged again without the stretches that a person masked; as it was where there are none.

    Parameters
    ----------
    run : what all points of the experiment's traces show; the sweeps of the overrides are numbered in it.

    Raises
    ------
    InputError
        When a stretch holds no point, leaves too few, or its sweep does not exist.
    """
    from rampion.voltammetry.analyse import analyse_run
    from rampion.voltammetry.voltammogram import SMALLEST_SWEEP

    mine = [
        (override, stretch)
        for override in overrides
        for stretch in override.masked
        if stretch.by is not MaskedBy.FREQUENCY
    ]
    if not mine:
        return run, ()
    traces = experiment.traces
    seen = [np.ones(len(trace), dtype=bool) for trace in traces]
    decided: list[tuple[Override, str, str]] = []
    for override, stretch in mine:
        _check_number(override, len(run.findings))
        count = 0
        for place, (trace, kept) in enumerate(zip(traces, seen, strict=True)):
            masked = _masked_points(trace, stretch) & _points_of(override.sweep, run.findings, place, trace)
            kept &= ~masked
            count += int(masked.sum())
            if masked.any() and kept.sum() < SMALLEST_SWEEP:
                raise DecisionError(
                    f"An override masks {_stretch(stretch)} of {override.sample!r} and leaves {int(kept.sum())} "
                    "points; exclude that sweep instead."
                )
        if count == 0:
            raise DecisionError(
                f"An override masks {_stretch(stretch)} of {override.sample!r}, where it has no point; its record runs "
                f"{_reach(traces, stretch.by)}."
            )
        part = f"sweep {override.sweep}" if override.sweep is not None else "all sweeps"
        decided.append((override, part, f"{_stretch(stretch)} masked, {count} points"))
    shortened = {id(trace): selected_points(trace, kept) for trace, kept in zip(traces, seen, strict=True)}
    parts = [shortened.get(id(part), part) for part in experiment.parts]
    fresh = analyse_run([part for part in parts if isinstance(part, Trace)], experiment.sample, parts, base_rates)
    before, after = ("; ".join(map(_said, each.findings)) for each in (run, fresh))
    return fresh, tuple(_changed(*each, before, after) for each in decided)


def _points_of(sweep: int | None, findings: Sequence[Finding], place: int, trace: Trace) -> np.ndarray:
    """Which points of a trace belong to a sweep of that number; all where none is named."""
    if sweep is None:
        return np.ones(len(trace), dtype=bool)
    finding = findings[sweep - 1]
    begins, ends = finding.trace, finding.until
    if begins is None or ends is None or not begins <= place <= ends:
        return np.zeros(len(trace), dtype=bool)
    shared = sum(one.trace == begins for one in findings) > 1
    first, last = finding.voltammogram.time[[0, -1]]
    return (trace.time >= first) & (trace.time <= last) if shared else np.ones(len(trace), dtype=bool)


def _masked_points(trace: Trace, stretch: Masked) -> np.ndarray:
    values = np.abs(trace.potential) if stretch.by is MaskedBy.POTENTIAL else trace.time
    return (values >= stretch.low) & (values <= stretch.high)


def _stretch(stretch: Masked) -> str:
    unit = {MaskedBy.POTENTIAL: "V", MaskedBy.TIME: "s", MaskedBy.FREQUENCY: "Hz"}[stretch.by]
    return f"{stretch.low:g} {unit} to {stretch.high:g} {unit}"


def _reach(traces: Sequence[Trace], by: MaskedBy) -> str:
    """From where to where the records reach, in words."""
    values = np.concatenate([np.abs(one.potential) if by is MaskedBy.POTENTIAL else one.time for one in traces])
    known = values[np.isfinite(values)]
    unit = "V" if by is MaskedBy.POTENTIAL else "s"
    return f"from {known.min():.4g} {unit} to {known.max():.4g} {unit}" if known.size else "without times"


def choose_sweeps(
    findings: Sequence[Finding], sample: Sample, overrides: Sequence[Override], base_rates: BaseRates
) -> tuple[tuple[Finding, ...], tuple[Overridden, ...]]:
    """The findings with a person's verdicts, places, ohmic windows and limits, without those that were excluded.

    Several entries about one sweep hold together; of two that decide the same, the later.

    Raises
    ------
    InputError
        When a sweep of that number does not exist, is no sweep, or does not hold what was chosen.
    """
    from rampion.voltammetry.event import Choice, judge_sweep
    from rampion.voltammetry.finding import Kind, Verdict

    verdicts = {verdict.value: verdict for verdict in Verdict if verdict is not Verdict.VOLTAGE_RUNAWAY}
    chosen: dict[int, Finding | None] = dict(enumerate(findings, 1))
    choices: dict[int, Choice] = {}
    overridden: list[Overridden] = []
    for override in overrides:
        decides = override.exclude or _decision(override)
        if override.spectrum is not None or not decides:
            continue
        if override.verdict is not None and override.verdict not in verdicts:
            raise DecisionError(
                f"{override.verdict!r} is no verdict of a sweep; expected one of {', '.join(verdicts)}."
            )
        _check_number(override, len(findings))
        for number in [override.sweep] if override.sweep is not None else list(chosen):
            before = chosen[number]
            if before is None:
                continue
            if override.exclude:
                chosen[number] = None
                overridden.append(_changed(override, f"sweep {number}", "excluded", _said(before), "left out"))
                continue
            if before.kind is not Kind.SWEEP:
                if override.sweep is None and not _event_decided(override):
                    continue
                raise DecisionError(
                    f"An override chooses {_decision(override)} for run {number} of {override.sample!r}, a "
                    f"{before.kind.value.replace('_', ' ')} run; only a sweep has these: name the sweep by its number."
                )
            choice = choices.get(number, Choice())
            choice = Choice(
                verdict=verdicts.get(override.verdict or "", choice.verdict),
                at=choice.at if override.at is None else override.at,
                ohmic_window=override.ohmic_window or choice.ohmic_window,
                current_limit=override.current_limit or choice.current_limit,
            )
            try:
                after = judge_sweep(before.voltammogram, sample, choice, before.cell, base_rates)
            except InputError as error:
                raise DecisionError(str(error)) from error
            choices[number] = choice
            chosen[number] = after = replace(after, trace=before.trace, until=before.until)
            overridden.append(_changed(override, f"sweep {number}", _decision(override), _said(before), _said(after)))
    return tuple(finding for finding in chosen.values() if finding is not None), tuple(overridden)


def _event_decided(override: Override) -> bool:
    return override.verdict is not None or override.at is not None or override.ohmic_window is not None


def _check_number(override: Override, count: int) -> None:
    if override.sweep is not None and override.sweep > count:
        raise DecisionError(f"An override names sweep {override.sweep} of {override.sample!r}, which has {count}.")


def _changed(override: Override, part: str, decision: str, before: str, after: str) -> Overridden:
    return Overridden(override=override, part=part, decision=decision, before=before, after=after)


def _decision(override: Override) -> str:
    decided = []
    if override.verdict is not None:
        decided.append(f"verdict {override.verdict.replace('_', ' ')}")
    if override.at is not None:
        decided.append(f"event at {override.at:g} V")
    if override.ohmic_window is not None:
        decided.append(f"ohmic window {override.ohmic_window[0]:g} V to {override.ohmic_window[1]:g} V")
    if override.current_limit is not None:
        decided.append(f"current limit {show(override.current_limit, 'current')}")
    return ", ".join(decided)


def _said(finding: Finding) -> str:
    """The finding in a few words: verdict, current, potential, conductivity."""
    from rampion.voltammetry.finding import VERDICT_WORDS

    numbers: list[tuple[Estimate | None, str]] = [
        (finding.current_density, "current_density"),
        (finding.potential, "potential"),
        (finding.conductivity, "conductivity"),
    ]
    shown = [show(estimate, name) for estimate, name in numbers if estimate is not None]
    return ", ".join([VERDICT_WORDS[finding.verdict], *shown])
