"""A person's decisions put in place of the software's, with what stood there before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from rampion.errors import DecisionError, InputError
from rampion.estimate import Estimate
from rampion.measurement import Experiment, Override, Sample, Spectrum
from rampion.units import show

if TYPE_CHECKING:
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
    """An experiment without the spectra that were left out; ``circuits`` of the others by their new number from 1."""

    experiment: Experiment
    circuit: str | None = None
    circuits: Mapping[int, str] = field(default_factory=dict)
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
    """Leave out the spectra that a person excluded and say which circuits were chosen for the others.

    Raises
    ------
    InputError
        When a spectrum of that number does not exist.
    """
    spectra = experiment.spectra
    circuits: dict[int, str] = {}
    circuit = None
    gone: set[int] = set()
    overridden: list[Overridden] = []
    for override in overrides:
        if override.sweep is not None or not (override.circuit or override.exclude):
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
    kept = [number for number in range(1, len(spectra) + 1) if number not in gone]
    places = {id(spectra[number - 1]) for number in gone}
    parts = tuple(p for p in experiment.parts if not (isinstance(p, Spectrum) and id(p) in places))
    return Kept(
        experiment=replace(experiment, parts=parts),
        circuit=circuit,
        circuits={new: circuits[old] for new, old in enumerate(kept, 1) if old in circuits},
        overridden=tuple(overridden),
    )


def choose_sweeps(
    findings: Sequence[Finding], sample: Sample, overrides: Sequence[Override]
) -> tuple[tuple[Finding, ...], tuple[Overridden, ...]]:
    """The findings with a person's verdicts, places and ohmic windows, without those that were excluded.

    Raises
    ------
    InputError
        When a sweep of that number does not exist, is no sweep, or does not hold what was chosen.
    """
    from rampion.voltammetry.event import Choice, judge_sweep
    from rampion.voltammetry.finding import Kind, Verdict

    verdicts = {verdict.value: verdict for verdict in Verdict}
    chosen: dict[int, Finding | None] = dict(enumerate(findings, 1))
    overridden: list[Overridden] = []
    for override in overrides:
        if override.spectrum is not None or not _about_sweeps(override):
            continue
        if override.verdict is not None and override.verdict not in verdicts:
            raise DecisionError(f"{override.verdict!r} is no verdict; expected one of {', '.join(verdicts)}.")
        if override.sweep is not None and override.sweep > len(findings):
            raise DecisionError(
                f"An override names sweep {override.sweep} of {override.sample!r}, which has {len(findings)}."
            )
        for number in [override.sweep] if override.sweep is not None else list(chosen):
            before = chosen[number]
            if before is None:
                continue
            if override.exclude:
                chosen[number] = None
                overridden.append(_changed(override, f"sweep {number}", "excluded", _said(before), "left out"))
                continue
            if before.kind is not Kind.SWEEP:
                raise DecisionError(
                    f"An override chooses a verdict or window for run {number} of {override.sample!r}, a "
                    f"{before.kind.value.replace('_', ' ')} run; only a sweep has these."
                )
            choice = Choice(
                verdict=verdicts.get(override.verdict or ""), at=override.at, ohmic_window=override.ohmic_window
            )
            try:
                after = judge_sweep(before.voltammogram, sample, choice, before.cell)
            except InputError as error:
                raise DecisionError(str(error)) from error
            after = replace(after, trace=before.trace, until=before.until)
            chosen[number] = after
            overridden.append(_changed(override, f"sweep {number}", _decision(override), _said(before), _said(after)))
    return tuple(finding for finding in chosen.values() if finding is not None), tuple(overridden)


def _about_sweeps(override: Override) -> bool:
    return override.exclude or bool(override.verdict or override.ohmic_window) or override.at is not None


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
