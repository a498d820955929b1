"""Names for the processes of a series by continuity: what the first spectra show keeps its name to the end.

The paths that are there from the first spectrum on are named together by their capacitances in the first spectra. An
arc that comes later is named by its capacitance and by what can come: an electrode process or a lost contact, and a
ceramic arc only where it took its resistance from one. So a contact whose capacitance shrinks to the bulk's does not
become the bulk.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rampion.estimate import Estimate, Flag
from rampion.impedance.assignment import SURE, Assignment, assign_arcs, assign_late_arc, is_ceramic, is_untold
from rampion.impedance.flags import ImpedanceFlag
from rampion.impedance.merging import alone
from rampion.impedance.process_names import Name, inside_of, name_by_kind, names_from
from rampion.impedance.processes import Process
from rampion.impedance.tracks import Path, arcs_of, make_paths
from rampion.measurement import Sample

_FIRST = 5  # spectra from which the first names are taken, as long as they show the same arcs
_BY_RESISTANCE = 0.5  # of the confidence, where the capacitance that names an arc is not told
_WHOLE = 0.95  # of the ceramic's resistance in the nearest spectrum: nothing of it is missing
_SPLIT_WITHIN = 0.15  # of the ceramic's resistance: two arcs that add up to what one was


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NamedSeries:
    """The paths with their names, the confidence in each name, and for each spectrum its names and flags."""

    paths: tuple[Path, ...]
    confidences: tuple[float, ...]
    names: tuple[Mapping[str, Name], ...]
    spectrum_flags: tuple[tuple[Flag, ...], ...]
    flags: tuple[Flag, ...]


def name_series(series: Sequence[Sequence[Process]], sample: Sample) -> NamedSeries:
    """Follow the processes through the series and name each path once.

    The confidence of a name at a spectrum is that of the name where the path begins times the probability that the
    arc is still the same (:func:`~rampion.impedance.tracks.follow_arcs`).

    Assumes that the first spectra show the ceramic; where they do not, no arc that comes later is kept from its name.
    """
    beginning = next((arcs for arcs in map(arcs_of, series) if arcs), [])
    labels = [arc.part for arc in beginning]
    own = assign_arcs([arc.capacitance for arc in beginning], sample.thickness, sample.area, labels)
    steady = [is_ceramic(assignment.name) and assignment.confidence > 0.5 for assignment in own]
    paths, flags = make_paths(series, steady)
    given = _names_of_paths(paths, series, sample)
    paths = tuple(_named(path, name.name) for path, name in zip(paths, given, strict=True))
    return NamedSeries(
        paths=paths,
        confidences=tuple(name.confidence for name in given),
        names=tuple(_names_at(index, paths, given) for index in range(len(series))),
        spectrum_flags=_hidden(paths, given),
        flags=flags,
    )


def _named(path: Path, name: str) -> Path:
    """The path with its name; an arc of the ceramic is as sure as that it is the ceramic alone."""
    apart = path.name.startswith("arc") and is_ceramic(name)
    return replace(path, name=name, sureness=path.sureness * alone(path) if apart else path.sureness)


def _names_at(index: int, paths: Sequence[Path], given: Sequence[Name]) -> dict[str, Name]:
    names = {}
    for path, name in zip(paths, given, strict=True):
        member = path.members[index]
        if member is None:
            continue
        if member.kind == "diffusion":  # which may turn too fast for one in this spectrum
            names[member.part] = name_by_kind(member)
            continue
        sureness = float(path.sureness[index])
        if member.kind == "arc" and is_untold(member.capacitance):  # known by its resistance alone, or by nothing
            sureness *= 0.0 if is_untold(member.resistance) else _BY_RESISTANCE
        names[member.part] = _in_doubt(name, sureness, member.part)
    return names


def _in_doubt(name: Name, sureness: float, part: str) -> Name:
    """The name with the confidence at one spectrum, told where it is not sure although the path's name is."""
    flags, confidence = name.flags, name.confidence * sureness
    inside = name.inside * sureness if is_ceramic(name.name) else 1 - (1 - name.inside) * sureness
    if confidence < SURE <= name.confidence:
        names = f"{name.name} alone, or merged with another process"
        flags = (*flags, ImpedanceFlag.ASSIGNMENT_UNCERTAIN.flag(process=part, names=names, confidence=confidence))
    return replace(name, confidence=confidence, flags=flags, inside=inside)


def _names_of_paths(paths: Sequence[Path], series: Sequence[Sequence[Process]], sample: Sample) -> list[Name]:
    """One name a path, in their order, alike names numbered."""
    begin = [next(i for i, member in enumerate(path.members) if member is not None) for path in paths]
    arcs = [path.name.startswith("arc") for path in paths]
    start = min((b for b, arc in zip(begin, arcs, strict=True) if arc), default=0)
    first = [place for place, (b, arc) in enumerate(zip(begin, arcs, strict=True)) if arc and b == start]
    typical = {place: _typical(paths[place], start) for place in first}
    first.sort(key=lambda place: -typical[place].frequency.value)
    assigned = dict(
        zip(
            first,
            assign_arcs(
                [typical[place].capacitance for place in first],
                sample.thickness,
                sample.area,
                [paths[place].name for place in first],
            ),
            strict=True,
        )
    )
    members = [_typical(path, b) if arc else _member(path, b) for path, b, arc in zip(paths, begin, arcs, strict=True)]
    there = [place for place in range(len(paths)) if place in first or not arcs[place]]
    parts = {place: f"{place}" for place in there}
    own = names_from(
        [replace(members[place], part=parts[place]) for place in there],
        {parts[place]: assignment for place, assignment in assigned.items()},
    )
    names: dict[int, Name] = {place: _unnumbered(own[parts[place]]) for place in there}
    ceramic = [place for place in first if is_ceramic(names[place].name)]
    for place in sorted(set(range(len(paths))) - set(there), key=lambda p: begin[p]):
        late = _late(paths, place, begin[place], ceramic, members[place], sample)
        names[place] = Name(late.name, late.confidence, late.flags, inside_of(late))
    texts = [names[place].name for place in range(len(paths))]
    out = []
    for place, text in enumerate(texts):
        number = f" {texts[: place + 1].count(text)}" if texts.count(text) > 1 else ""
        out.append(replace(names[place], name=text + number))
    return out


def _unnumbered(name: Name) -> Name:
    return replace(name, name=name.name.rstrip(" 0123456789"))


def _late(
    paths: Sequence[Path], place: int, begin: int, ceramic: Sequence[int], member: Process, sample: Sample
) -> Assignment:
    split = any(_is_split(paths[other], paths[place], begin) for other in ceramic)
    return assign_late_arc(
        member.capacitance, sample.thickness, sample.area, paths[place].name, ceramic_known=bool(ceramic), split=split
    )


def _is_split(ceramic: Path, late: Path, begin: int) -> bool:
    """Whether a ceramic arc surely fell, and with the new one adds up to what it was in the spectrum before."""
    before, now, new = ceramic.members[begin - 1] if begin else None, ceramic.members[begin], late.members[begin]
    if before is None or now is None or new is None:
        return False
    was, both = before.resistance.value, now.resistance.value + new.resistance.value
    fell = was - now.resistance.value
    told = fell > 2 * math.hypot(before.resistance.std, now.resistance.std)
    return told and fell > _SPLIT_WITHIN * was and abs(both / was - 1) < _SPLIT_WITHIN


def _member(path: Path, index: int) -> Process:
    member = path.members[index]
    assert member is not None
    return member


def _typical(path: Path, start: int) -> Process:
    """The first member with the mean ln C of the first few that tell it, their spread or uncertainty with it."""
    row = [member for member in path.members[start:] if member is not None]
    told = [member for member in row if not is_untold(member.capacitance)][:_FIRST]
    if not told:
        return row[0]
    logs = np.array([math.log(member.capacitance.value) for member in told])
    spread = float(np.std(logs, ddof=1)) if logs.size > 1 else 0.0
    stated = [m.capacitance.relative for m in told if math.isfinite(m.capacitance.std)]
    value = math.exp(float(logs.mean()))
    std = value * max(spread, min(stated, default=0.0))
    capacitance = Estimate(value, std) if std > 0 else Estimate(value)
    return replace(told[0], capacitance=capacitance)


def _hidden(paths: Sequence[Path], given: Sequence[Name]) -> tuple[tuple[Flag, ...], ...]:
    """For each spectrum whether the ceramic, seen before or after, or a part of it is hidden behind other processes."""
    ceramic = [path for path in paths if is_ceramic(path.name)]
    flags: list[tuple[Flag, ...]] = []
    for index in range(len(paths[0].members) if paths else 0):
        shown = any(path.members[index] is not None for path in ceramic)
        if shown or not ceramic:
            perhaps = [path for path, name in zip(paths, given, strict=True) if name.inside > 1 - SURE]
            wanted = [*ceramic, *(p for p in perhaps if p not in ceramic and any(p.members[:index]))]
            flags.append(tuple(flag for path in wanted for flag in _missing(path, index, ceramic)))
            continue
        sizes = [p.members[index].resistance.value for p in paths if p.members[index] is not None]  # type: ignore[union-attr]
        total = float(np.nansum(sizes)) if sizes else math.nan
        flags.append((ImpedanceFlag.CERAMIC_HIDDEN.flag(total=total),))
    return tuple(flags)


def _missing(path: Path, index: int, ceramic: Sequence[Path]) -> list[Flag]:
    """A flag where the arc does not show in a spectrum and what is counted there does not hold its resistance."""
    if path.members[index] is not None:
        return []
    seen = [i for i, member in enumerate(path.members) if member is not None and not is_untold(member.resistance)]
    if not seen:
        return []
    nearest = min(seen, key=lambda i: abs(i - index))
    counted = ceramic if path in ceramic else [*ceramic, path]
    before, now = (sum(_resistance(p.members[i]) for p in counted) for i in (nearest, index))
    if now > _WHOLE * before:
        return []
    size = _resistance(path.members[nearest])
    return [ImpedanceFlag.CERAMIC_PARTLY_HIDDEN.flag(process=path.name, resistance=size)]


def _resistance(member: Process | None) -> float:
    return member.resistance.value if member is not None and math.isfinite(member.resistance.value) else 0.0
