"""Spectra of one sample at several temperatures, or stack pressures, taken together as one series.

**What belongs together.** Records of one sample (same name, thickness and area) that hold spectra and no sweep or run:
a cell that has carried current is another one. Along temperature where their stated temperatures span more than 5 K and
more than their uncertainties allow, at one pressure; along pressure, of what is in no series along temperature, where
the pressures span more than 5 %, at one temperature. One spectrum stands for each record: of several the last, since
one repeats until the temperature has settled; where they run along a bias that nearest to zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rampion.errors import InputError
from rampion.estimate import Estimate, Flag, FlagKind, Severity, merge_flags
from rampion.measurement import Spectrum
from rampion.study.spectra import SpectrumOptions, add_profiles

if TYPE_CHECKING:
    from rampion.impedance.finding import SpectrumFinding
    from rampion.impedance.series_finding import SeriesFinding
    from rampion.impedance.tracks import Track
    from rampion.study.analysis import SampleAnalysis
    from rampion.transport.activation import Activation

TEMPERATURE, PRESSURE = "temperature", "stack_pressure"
SPAN = {TEMPERATURE: (5.0, 0.0), PRESSURE: (0.0, 0.05)}  # K or Pa, and relative: a smaller one is no series
ELECTRODES = ("leads", "arc")  # places in the circuit that are no process with an energy


class ConditionFlag(FlagKind):
    """What there is to know about a series along temperature or pressure."""

    ONE_OF_SEVERAL = (
        Severity.NOTE,
        "{name} holds {count} spectra; spectrum {number} of them stands for it in the series.",
    )
    DECIDED_BY_A_PERSON = (
        Severity.NOTE,
        "{name} is left out of the series along {along}: a person chose its circuit.",
    )
    SWEPT_BETWEEN = (
        Severity.WARNING,
        "{name} carried a sweep or run between the spectra of the series: those taken after it may be of another cell.",
    )
    NO_TEMPERATURE_ERRORS = (
        Severity.NOTE,
        "The temperatures have no stated uncertainty: their scatter is taken from the points' scatter about the line; "
        "an offset that they share would not show.",
    )
    UNTOLD_LEFT_OUT = (
        Severity.NOTE,
        "The line of {quantity} leaves out {count} of {of} spectra, which do not tell it.",
    )
    SERIES_FAILED = (Severity.WARNING, "The spectra could not be taken as one series: {reason}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ConditionSeries:
    """The spectra of one sample along temperature or pressure.

    ``along``: ``temperature`` [K] or ``stack_pressure`` [Pa]; ``coordinate`` its values in rising order, with their
    standard uncertainties. ``places``: which of the analysis' samples, and ``blocks`` which of their parts, each
    spectrum is. ``conductivity`` [S/m] of each spectrum (None where it tells none). Along temperature
    ``conductivity_activation`` and ``activations``, one a process that shows at two temperatures or more.
    """

    sample: str
    along: str
    coordinate: tuple[Estimate, ...]
    places: tuple[int, ...]
    blocks: tuple[int, ...]
    spectra: tuple[Spectrum, ...]
    series: SeriesFinding
    conductivity: tuple[Estimate | None, ...]
    conductivity_activation: Activation | None = None
    activations: tuple[Activation, ...] = ()
    synthetic: bool = False
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Which samples (by place) make a series along what, in rising order; the circuit that a person chose for all."""

    along: str
    places: tuple[int, ...]
    circuit: str | None = None
    flags: tuple[Flag, ...] = ()


def take_together(
    samples: Sequence[SampleAnalysis],
    options: SpectrumOptions | None = None,
    run: Callable[..., Iterable[ConditionSeries | Flag]] | None = None,
) -> tuple[tuple[SampleAnalysis, ...], tuple[ConditionSeries, ...], tuple[Flag, ...]]:
    """The samples with their spectra fitted and named as series where they are such, the series, and what failed.

    A record that is just the one spectrum takes the finding of the series in place of its own, unless a person chose
    its circuit. ``run`` maps a function over jobs; by default one after the other.
    """
    options = options or SpectrumOptions()
    groups = find_groups(samples)
    jobs = [(group, [samples[place] for place in group.places], options) for group in groups]
    each = run(_analyse_group, jobs) if run is not None else (_analyse_group(*job) for job in jobs)
    out, found, failed = list(samples), [], []
    for result in each:
        if isinstance(result, Flag):
            failed.append(result)
            continue
        found.append(result)
        for place, finding in zip(result.places, result.series.spectra, strict=True):
            if len(samples[place].spectra) == 1:
                out[place] = _with_finding(samples[place], finding)
    return tuple(out), tuple(found), tuple(failed)


def find_groups(samples: Sequence[SampleAnalysis]) -> list[Group]:
    """The series among the samples: along temperature first, then along pressure of what is left."""
    groups, used = [], set()
    for along, other in ((TEMPERATURE, PRESSURE), (PRESSURE, TEMPERATURE)):
        for places in _of_one_sample(samples, along, used):
            for alike in _at_one_condition(samples, places, other):
                group = _group(samples, alike, along)
                if group is not None:
                    groups.append(group)
                    used |= set(group.places)
    return groups


def _of_one_sample(samples: Sequence[SampleAnalysis], along: str, used: set[int]) -> list[list[int]]:
    cells: dict[tuple[object, ...], list[int]] = {}
    for place, one in enumerate(samples):
        known = one.experiment.sample
        if place in used or not known.name or not one.spectra or one.findings or getattr(known, along) is None:
            continue
        size = [getattr(known, name).value if getattr(known, name) else None for name in ("thickness", "area")]
        cells.setdefault((known.name, *size), []).append(place)
    return list(cells.values())


def _at_one_condition(samples: Sequence[SampleAnalysis], places: Sequence[int], name: str) -> list[list[int]]:
    """The places parted by the other condition: where it steps by more than its span, or is not stated."""
    stated = {place: getattr(samples[place].experiment.sample, name) for place in places}
    known = sorted((place for place in places if stated[place] is not None), key=lambda place: stated[place].value)
    parts = [[place for place in places if stated[place] is None]]
    for place in known:
        new = place == known[0] or _apart(stated[parts[-1][0]], stated[place], name)
        parts.append([place]) if new else parts[-1].append(place)
    return [part for part in parts if part]


def _apart(low: Estimate, high: Estimate, name: str) -> bool:
    """Whether two values of a condition differ by more than its least span and their uncertainties."""
    absolute, relative = SPAN[name]
    doubt = 2 * math.hypot(np.nan_to_num(low.std), np.nan_to_num(high.std))
    return high.value - low.value > max(absolute, relative * abs(high.value), doubt)


def _group(samples: Sequence[SampleAnalysis], places: Sequence[int], along: str) -> Group | None:
    chosen = {place: _chosen_circuits(samples[place]) for place in places}
    circuit, flags = None, []
    if any(chosen.values()):
        first = next(iter(chosen.values()))
        if len(first) == 1 and all(circuits == first for circuits in chosen.values()):
            (circuit,) = first
        else:
            words = along.replace("_", " ")
            flags = [
                ConditionFlag.DECIDED_BY_A_PERSON.flag(name=samples[place].experiment.name, along=words)
                for place in places
                if chosen[place]
            ]
            places = [place for place in places if not chosen[place]]
    value = {place: getattr(samples[place].experiment.sample, along) for place in places}
    ordered = sorted(places, key=lambda place: value[place].value)
    if len(ordered) < 2 or not _apart(value[ordered[0]], value[ordered[-1]], along):
        return None
    return Group(along=along, places=tuple(ordered), circuit=circuit, flags=tuple(flags) + _swept(samples, ordered))


def _chosen_circuits(sample: SampleAnalysis) -> set[str]:
    return {each.override.circuit for each in sample.overridden if each.override.circuit}


def _swept(samples: Sequence[SampleAnalysis], places: Sequence[int]) -> tuple[Flag, ...]:
    """A flag for each record of the sample whose sweeps began between the first and the last of the spectra."""
    starts = [samples[place].experiment.start for place in places]
    name = samples[places[0]].experiment.sample.name
    return tuple(
        ConditionFlag.SWEPT_BETWEEN.flag(name=one.experiment.name)
        for one in samples
        if one.experiment.sample.name == name and one.findings and min(starts) < one.experiment.start < max(starts)
    )


def _analyse_group(group: Group, samples: Sequence[SampleAnalysis], options: SpectrumOptions) -> ConditionSeries | Flag:
    """The spectra of a group fitted and named together, and what they say along their condition."""
    from rampion.impedance.series_finding import analyse_series

    picked = [_stands_for(one) for one in samples]
    spectra = [_as_fitted(one.experiment.spectra[at], one.spectra[at]) for one, at in zip(samples, picked, strict=True)]
    known = samples[0].experiment.sample
    values = tuple(getattr(one.experiment.sample, group.along) for one in samples)
    single = [one.spectra[at].circuit for one, at in zip(samples, picked, strict=True)]
    try:
        series = analyse_series(
            spectra, known, group.circuit or options.circuit, coordinate=np.array([one.value for one in values]),
            candidates=tuple(dict.fromkeys(single)), one_circuit=True,
        )  # fmt: skip
    except InputError as error:  # one of the spectra has too few points for the others' circuit
        return ConditionFlag.SERIES_FAILED.flag(reason=str(error))
    before = [one.spectra[at] for one, at in zip(samples, picked, strict=True)]
    findings = [
        _completed(new, old, spectrum, options)
        for new, old, spectrum in zip(series.spectra, before, spectra, strict=True)
    ]
    series = replace(series, spectra=tuple(findings))
    flags = [
        ConditionFlag.ONE_OF_SEVERAL.flag(name=one.experiment.name, count=len(one.spectra), number=at + 1)
        for one, at in zip(samples, picked, strict=True)
        if len(one.spectra) > 1
    ]
    whole, each, told = None, (), ()
    if group.along == TEMPERATURE:
        whole, each, told = _activations(series, values, known.thickness, known.area)
    return ConditionSeries(
        sample=known.name,
        along=group.along,
        coordinate=values,
        places=group.places,
        blocks=tuple(finding.block for finding in findings),
        spectra=tuple(spectra),
        series=series,
        conductivity=tuple(finding.conductivity for finding in findings),
        conductivity_activation=whole,
        activations=each,
        synthetic=any(one.experiment.synthetic for one in samples),
        flags=merge_flags(group.flags, flags, told, series.flags),
    )


def _stands_for(sample: SampleAnalysis) -> int:
    """Which of a record's spectra stands for it: the last, or along a bias that nearest to zero."""
    if sample.impedance.along != "potential":
        return len(sample.spectra) - 1
    return min(range(len(sample.spectra)), key=lambda place: abs(sample.spectra[place].potential))


def _as_fitted(spectrum: Spectrum, finding: SpectrumFinding) -> Spectrum:
    return spectrum if finding.drift is None else replace(spectrum, impedance=finding.impedance)


def _completed(
    new: SpectrumFinding, old: SpectrumFinding, spectrum: Spectrum, options: SpectrumOptions
) -> SpectrumFinding:
    """The finding of the series with what the spectrum had by itself."""
    new = replace(new, block=old.block, drift=old.drift, relaxation_times=old.relaxation_times)
    return add_profiles(new, spectrum) if options.profiles else new


def _with_finding(sample: SampleAnalysis, finding: SpectrumFinding) -> SampleAnalysis:
    return replace(sample, impedance=replace(sample.impedance, findings=(finding,)))


def _activations(
    series: SeriesFinding, temperature: Sequence[Estimate], thickness: Estimate | None, area: Estimate | None
) -> tuple[Activation | None, tuple[Activation, ...], tuple[Flag, ...]]:
    """The activation energies of the conductivity and of every process, and what was left out of their lines."""
    from rampion.transport.activation import fit_arrhenius

    flags = [] if all(math.isfinite(one.std) for one in temperature) else [ConditionFlag.NO_TEMPERATURE_ERRORS.flag()]
    values = np.array([one.value for one in temperature]), np.array([one.std for one in temperature])
    lines: list[Activation] = []
    whole = None
    sigma = np.array([one.conductivity.value if one.conductivity else math.nan for one in series.spectra])
    share = np.array([one.resistance.relative if one.resistance else math.nan for one in series.spectra])
    common = math.hypot(thickness.relative, area.relative) if thickness and area else math.nan
    for name, value, std, resistance, shared in [
        ("conductivity", sigma, sigma * share, False, common),
        *((t.name, t.resistance, t.resistance_std, True, 0.0) for t in series.tracks if _activated(t)),
    ]:
        told = np.isfinite(value) & (value > 0) & np.isfinite(std)
        try:
            line = fit_arrhenius(
                values[0][told], value[told], std[told], values[1][told], resistance=resistance, common=shared,
                name=name,
            )  # fmt: skip
        except InputError:  # not told at two temperatures
            continue
        if told.sum() < told.size:
            count = int(told.size - told.sum())
            flags.append(ConditionFlag.UNTOLD_LEFT_OUT.flag(quantity=name, count=count, of=told.size))
        if resistance:
            lines.append(line)
        else:
            whole = line
    every = ([whole] if whole is not None else []) + lines
    return whole, tuple(lines), merge_flags(flags, *(line.flags for line in every))


def _activated(track: Track) -> bool:
    return not track.name.startswith(ELECTRODES)


def in_series(series: Iterable[ConditionSeries]) -> Iterator[tuple[int, ConditionSeries]]:
    """Every place in the analysis that belongs to a series, with that series."""
    for one in series:
        yield from ((place, one) for place in one.places)
