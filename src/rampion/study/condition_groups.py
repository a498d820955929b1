"""Which records of a campaign are one sample at several temperatures, or stack pressures.

Records of one sample (same name, thickness and area) that hold spectra and no sweep or run: a cell that has carried
current is another one. Along temperature where their stated temperatures span more than 5 K and more than their
uncertainties allow, at one pressure; along pressure, of what is in no series along temperature, where the pressures
span more than 5 %, at one temperature.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rampion.estimate import Estimate, Flag, FlagKind, Severity

if TYPE_CHECKING:
    from rampion.study.analysis import SampleAnalysis

TEMPERATURE, PRESSURE = "temperature", "stack_pressure"
SPAN = {TEMPERATURE: (5.0, 0.0), PRESSURE: (0.0, 0.05)}  # K or Pa, and relative: a smaller one is no series


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Which samples (by place) make a series along what, in rising order; the circuit that a person chose for all."""

    along: str
    places: tuple[int, ...]
    circuit: str | None = None
    flags: tuple[Flag, ...] = ()


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
