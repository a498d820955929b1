"""One run, one record: of files that hold the same run, the one that knows more is kept.

A measured current counts before a set one, then a known start, the protocol, the finer resolution, more points, fewer
flags. What the kept file does not state (start, protocol, technique) it takes from the others. Files are one run when
their points agree (:mod:`rampion.readers.twins`) and one of these says so: noise, which two runs do not share; one
start, to the moment; one name in one folder. Runs with starts of their own, and samples that the sheet holds apart,
are never made one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import combinations

import numpy as np

from rampion.estimate import Flag, merge_flags
from rampion.measurement import CurrentOrigin, Experiment
from rampion.readers.contents import Content, content_of
from rampion.readers.flags import ReaderFlag
from rampion.readers.run_names import channel_of, same_name
from rampion.readers.twins import Clocks, Likeness, compare

_ORIGINS = {CurrentOrigin.MEASURED: 3, CurrentOrigin.CHARGE: 2, CurrentOrigin.SETTING: 1}
# A copy that holds less than this share of the longest one's duration is a piece of it and is not kept in its place.
_WHOLE = 0.9
# Relative digits below this are not finer: single precision.
_FINEST = 1e-7


class Relation(Enum):
    """How the records of two files belong together."""

    APART = "two records"
    ALIKE = "equal values, and nothing says whether they are one run"
    TWO_SAMPLES = "one record, given to two samples"
    ONE = "one record"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FileRecord:
    """One file as it was read: ``file`` is its name for sentences, ``owner`` the sample that the sheet gives it to."""

    file: str
    experiment: Experiment
    owner: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KeptRecord:
    """A record that is kept, with what the left out ones added; ``places`` are the indices of all, its own first."""

    experiment: Experiment
    places: tuple[int, ...]


def path_of(experiment: Experiment) -> str:
    """The path of the file that a record came from; its name where it came from none."""
    sources = (part.source for part in experiment.parts)
    return next((source.path for source in sources if source is not None), experiment.name)


def relate(one: FileRecord, other: FileRecord, likeness: Likeness | None, named: bool) -> Relation:
    """How two files belong together, from how their points compare, their names, formats and owners."""
    if likeness is None:
        return Relation.APART
    exported = _format(one) != _format(other)
    if likeness.clocks in (Clocks.ZONE, Clocks.EXCHANGED) and not exported:
        return Relation.APART  # one program does not change its clock: a repetition, hours later
    channels = {channel_of(path_of(one.experiment)), channel_of(path_of(other.experiment))} - {""}
    # of two time zones only clocks that give fractions of a second are compared closely enough
    fractions = all(record.experiment.start % 1.0 > 0.0 for record in (one, other))
    at_once = likeness.clocks in (Clocks.SAME, Clocks.EXCHANGED) or (likeness.clocks is Clocks.ZONE and fractions)
    certain = likeness.noise or (at_once and (likeness.varied or exported) and len(channels) < 2)
    if one.owner and other.owner and one.owner != other.owner:
        return Relation.TWO_SAMPLES if certain else Relation.APART
    unclocked = likeness.clocks is Clocks.UNKNOWN and exported and likeness.precise and len(channels) < 2
    if certain or named or unclocked:
        return Relation.ONE
    compared = likeness.timed or not (one.experiment.traces or other.experiment.traces)
    return Relation.ALIKE if compared and (likeness.varied or exported) else Relation.APART


def relation_of(one: FileRecord, other: FileRecord) -> Relation:
    """How two files belong together, from their points, names, formats and owners."""
    named = same_name(path_of(one.experiment), path_of(other.experiment))
    return relate(one, other, compare(content_of(one.experiment), content_of(other.experiment), named), named)


def keep_one_of_each(records: Sequence[FileRecord]) -> tuple[list[KeptRecord], tuple[Flag, ...]]:
    """Every run once, in order of first appearance, and flags of what could not be decided.

    What was left out for a kept record is a flag of that record.
    """
    contents = [content_of(record.experiment) for record in records]
    classes: list[list[int]] = []
    flags: list[Flag] = []
    for place, record in enumerate(records):
        related = [[_relation(records, contents, place, member) for member in members] for members in classes]
        mine = [members for members, found in zip(classes, related, strict=True) if Relation.ONE in found]
        for members, found in zip(classes, related, strict=True):
            if any(members is other for other in mine):
                continue
            for relation, kind in _DOUBTS.items():
                if relation in found:
                    other = records[members[found.index(relation)]].file
                    flags.append(kind.flag(file=record.file, other=other))
                    break
        joined = sorted([place, *(member for members in mine for member in members)])
        classes = [members for members in classes if not any(members is other for other in mine)] + [joined]
    classes.sort(key=min)
    return [_kept(records, contents, members) for members in classes], merge_flags(flags)


_DOUBTS = {Relation.TWO_SAMPLES: ReaderFlag.SAMPLES_SHARE_RECORD, Relation.ALIKE: ReaderFlag.RECORDS_ALIKE}


def _relation(records: Sequence[FileRecord], contents: Sequence[Content], one: int, other: int) -> Relation:
    paths = [path_of(records[place].experiment) for place in (one, other)]
    named = same_name(*paths)
    return relate(records[one], records[other], compare(contents[one], contents[other], named), named)


def _format(record: FileRecord) -> str:
    source = record.experiment.parts[0].source
    return source.format if source is not None else ""


def _kept(records: Sequence[FileRecord], contents: Sequence[Content], members: Sequence[int]) -> KeptRecord:
    if len(members) == 1:
        return KeptRecord(experiment=records[members[0]].experiment, places=tuple(members))
    longest = max(_extent(contents[place]) for place in members)
    disagree = _disagree(records, contents, members)

    def knowledge(place: int) -> tuple[object, ...]:
        columns = sum(len(part.extra) for part in records[place].experiment.parts) if disagree else 0
        whole = _extent(contents[place]) >= _WHOLE * longest
        return (columns, whole, *_knowledge(records[place].experiment, contents[place]), records[place].file)

    best = max(members, key=knowledge)
    rest = sorted((place for place in members if place != best), key=lambda place: records[place].file)
    experiment = records[best].experiment
    for place in rest:
        experiment = _completed(experiment, contents[best], records[place].experiment, contents[place])
    files = ", ".join(records[place].file for place in rest)
    flags = [ReaderFlag.FILE_COPY.flag(file=files, other=records[best].file)]
    if disagree:
        flags.append(ReaderFlag.COPIES_DISAGREE.flag(file=files, other=records[best].file))
    return KeptRecord(experiment=replace(experiment, flags=(*experiment.flags, *flags)), places=(best, *rest))


def _disagree(records: Sequence[FileRecord], contents: Sequence[Content], members: Sequence[int]) -> bool:
    """Whether two files of a run agree in current alone: one then holds the potential of one electrode."""
    for one, other in combinations(members, 2):
        named = same_name(path_of(records[one].experiment), path_of(records[other].experiment))
        likeness = compare(contents[one], contents[other], named)
        if likeness is not None and likeness.potentials_differ:
            return True
    return False


def _extent(content: Content) -> float:
    """How much of a run a record holds: its duration where its times are known, else its number of points."""
    spectra = sum(scan.frequency.size for scan in content.spectra)
    if content.timed:
        return float(np.ptp(content.time)) + spectra
    return float(content.time.size + spectra)


def _knowledge(experiment: Experiment, content: Content) -> tuple[object, ...]:
    """What decides between two records of one run, in this order; the larger is kept."""
    parts = experiment.parts
    origins = [_ORIGINS[trace.current_origin] * bool(np.isfinite(trace.current).any()) for trace in experiment.traces]
    flags = merge_flags(experiment.flags, *(part.flags for part in parts))
    return (
        min(origins, default=0),
        all(math.isfinite(part.start) for part in parts),
        all(part.time is not None and np.isfinite(part.time).any() for part in parts),
        sum(part.protocol is not None for part in parts) / len(parts),
        -_coarseness(content),
        sum(len(part) for part in parts),
        sum(len(part.extra) for part in parts),
        -len(flags),
    )


def _coarseness(content: Content) -> float:
    """The last printed digits, each in decades over single precision."""
    sizes = [(column.digit, np.nanmax(np.abs(column.values))) for column in content.columns if column.known]
    sizes += [(scan.digit, float(np.median(np.abs(scan.impedance)))) for scan in content.spectra]
    shares = [float(np.median(digit)) / size for digit, size in sizes if size > 0]
    return sum(round(math.log10(max(share, _FINEST))) for share in shares)


def _completed(kept: Experiment, ours: Content, other: Experiment, theirs: Content) -> Experiment:
    """The kept record with the start, protocols and techniques that only the other states."""
    start = ours.start
    if math.isnan(start) and math.isfinite(theirs.start):
        likeness = compare(ours, theirs, named=True)
        shift = likeness.shift if likeness is not None else math.nan
        start = theirs.start - (0.0 if math.isnan(shift) else shift)
    alike = len(kept.parts) == len(other.parts)
    parts = []
    for place, part in enumerate(kept.parts):
        twin = other.parts[place] if alike and type(other.parts[place]) is type(part) else None
        parts.append(
            replace(
                part,
                start=start if math.isnan(part.start) else part.start,
                protocol=part.protocol or (twin.protocol if twin is not None else None),
                technique=part.technique or (twin.technique if twin is not None else ""),
            )
        )
    return replace(kept, parts=tuple(parts), start=start if math.isnan(kept.start) else kept.start)
