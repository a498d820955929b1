"""The files of one run to one experiment on one clock, so that a ramp paused for impedance is one experiment.

EC-Lab writes one file per technique of a run (``cell_01_LSV_C02.mpr``, ``cell_02_PEIS_C02.mpr``, …); the parts of all
of them, repetitions included, are put in the order in which they were measured. Their times count from the run's start,
which lets a file without header take its place. *Assumes* that files of one run share folder, name and channel; those
that begin hours after the others, or while the others run, are read on their own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from rampion.errors import InputError
from rampion.estimate import Flag, merge_flags
from rampion.measurement import Experiment, Spectrum, Trace, on_one_clock
from rampion.readers.copies import FileRecord, KeptRecord, keep_one_of_each, path_of
from rampion.readers.detect import read_file
from rampion.readers.flags import ReaderFlag
from rampion.readers.run_names import Member, member_of


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRule:
    """When files whose names are those of one run are one.

    same_start : [s] files whose starts are closer than this are of one run, whatever their times (loops alternate).
    longest_gap : [s] a run does not stand still longer between two techniques; a night and a change of cells do.
    overlap : [s] files with starts of their own do not run beside each other longer than this, for headers of whole
        minutes.
    """

    same_start: float = 2.0
    longest_gap: float = 6 * 3600.0
    overlap: float = 60.0


RULE = RunRule()


def read_series(paths: Sequence[Path | str], name: str = "") -> Experiment:
    """These files as one experiment on one clock, whatever their names.

    Raises
    ------
    InputError
        When there is no file, or one of them is damaged beyond what can be saved.
    RefusedError
        When one of them is not a measurement.
    """
    if not paths:
        raise InputError("There is no file to join; give the files of one run.")
    return join([read_file(path) for path in paths], name=name)


def join_runs(experiments: Sequence[Experiment], rule: RunRule = RULE) -> tuple[Experiment, ...]:
    """The experiments with those of one run joined; the others as they are, all in order of first appearance.

    Experiments that a sample sheet gives to different samples are not joined, nor are files that do not follow on each
    other: repetitions on another day, two cells whose names differ by a number alone.
    """
    groups: dict[tuple[object, ...], list[int]] = {}
    for place, experiment in enumerate(experiments):
        path = Path(path_of(experiment))
        member = member_of(path)
        key = (place,) if member is None else (path.parent, member.run, member.channel, owner_of(experiment))
        groups.setdefault(key, []).append(place)
    found: list[tuple[int, Experiment]] = []
    for places in groups.values():
        kept, doubts = _once([experiments[place] for place in places])
        for run in _runs([(places[min(record.places)], record.experiment) for record in kept], rule):
            first, experiment = min(run, key=lambda item: item[0])
            member = member_of(path_of(experiment))
            if len(run) > 1 and member is not None:
                experiment = join([one for _, one in run], name=member.run)
            if doubts:
                experiment = replace(experiment, flags=merge_flags(experiment.flags, doubts))
            found.append((first, experiment))
    return tuple(experiment for _, experiment in sorted(found, key=lambda item: item[0]))


def owner_of(experiment: Experiment) -> str:
    """The sample that a sheet gives the experiment to; empty where it is named after its file."""
    named_after = ("", experiment.name, Path(path_of(experiment)).stem)
    return "" if experiment.sample.name in named_after else experiment.sample.name


_Run = list[tuple[int, Experiment]]


def _runs(files: _Run, rule: RunRule) -> list[_Run]:
    """The files of one name, parted where their clocks or values say that they are several runs."""
    files = sorted(files, key=lambda item: (_member(item[1]).order, _begin(item[1])))
    if len(files) == 1 or not _is_run([experiment for _, experiment in files]):
        return [[item] for item in files]
    if not all(math.isfinite(_begin(experiment)) for _, experiment in files):
        return _each_export_once(files)
    files.sort(key=lambda item: _begin(item[1]))
    runs: list[_Run] = [files[:1]]
    for place, experiment in files[1:]:
        if any(abs(experiment.start - one.start) <= rule.same_start for _, one in runs[-1]):
            runs[-1].append((place, experiment))
            continue
        gap = _begin(experiment) - max(_end(one) for _, one in runs[-1])
        if -rule.overlap <= gap <= rule.longest_gap:
            runs[-1].append((place, experiment))
            continue
        reason = f"it begins {gap / 3600:.3g} h after the others' end" if gap > 0 else "it runs beside the others"
        runs.append([(place, _parted(experiment, reason))])
    return [each for run in runs for each in _each_export_once(run)]


def _is_run(experiments: Sequence[Experiment]) -> bool:
    """Whether the names of these files, which share all but number and technique, make them one run.

    A number may as well be a cell's: ``LLZO_01_LSV`` and ``LLZO_02_LSV``, ``LLZO_01_EIS`` and ``LLZO_01_LSV``.
    """
    members = [_member(experiment) for experiment in experiments]
    techniques = {(member.order, member.technique.upper()) for member in members}
    if len({order for order, _ in techniques}) < len(techniques):
        return False  # EIS and LSV of one number: it is a cell's
    if members[0].channel or len({member.technique.upper() for member in members}) > 1:
        return True
    if not any(experiment.traces for experiment in experiments):
        return bool(owner_of(experiments[0]))
    clocks = all(math.isfinite(_begin(experiment)) for experiment in experiments)
    return (clocks or bool(members[0].technique)) and all(_goes_on(*pair) for pair in pairwise(experiments))


def _goes_on(one: Experiment, other: Experiment) -> bool:
    """Whether the potential of a record goes on where that of the one before ended, not where it began."""
    if not (one.traces and other.traces):
        return False
    first, last, begins = one.traces[0].potential[0], one.traces[-1].potential[-1], other.traces[0].potential[0]
    return bool(abs(begins - last) < abs(begins - first))


def _each_export_once(run: _Run) -> list[_Run]:
    """The run with one file of each number; a second export whose values differ is read on its own."""
    kept: dict[object, tuple[int, Experiment]] = {}
    apart: list[_Run] = []
    for place, experiment in run:
        member = _member(experiment)
        first = kept.setdefault((member.order, member.technique.upper()), (place, experiment))
        if first[0] != place:
            reason = f"its values differ from those of {Path(path_of(first[1])).name}"
            apart.append([(place, _parted(experiment, reason))])
    return [list(kept.values()), *apart]


def _parted(experiment: Experiment, reason: str) -> Experiment:
    flag = ReaderFlag.RUN_PARTED.flag(file=Path(path_of(experiment)).name, reason=reason)
    return replace(experiment, flags=(*experiment.flags, flag))


def _member(experiment: Experiment) -> Member:
    return member_of(path_of(experiment)) or Member(run="", number=0, technique="", channel="")


def _begin(experiment: Experiment) -> float:
    """Seconds since 1970 of the first point; NaN when a part does not know it."""
    return min((_moment(part) for part in experiment.parts), key=lambda moment: (math.isfinite(moment), moment))


def _end(experiment: Experiment) -> float:
    """Seconds since 1970 of the last point."""
    last = experiment.parts[-1]
    times = last.time[np.isfinite(last.time)] if last.time is not None else np.zeros(0)
    return last.start + (float(times.max()) if times.size else 0.0)


def join(experiments: Sequence[Experiment], name: str = "") -> Experiment:
    """One experiment with the parts of all, in the order in which they were measured.

    A file exported twice (``.mpr`` and ``.mpt``) counts once. A part whose file does not state its start takes the
    start of the others when its times fit into their order; otherwise all parts keep the order of their files, with a
    flag.
    """
    ordered = sorted(experiments, key=lambda experiment: _member(experiment).order)
    kept, doubts = _once(ordered)
    unique = [record.experiment for record in kept]
    placed, found = _with_starts(unique)
    flags = merge_flags(*(experiment.flags for experiment in unique), doubts, found)
    parts = [part for experiment in placed for part in experiment.parts]
    if all(math.isfinite(_moment(part)) for part in parts):
        parts.sort(key=_moment)
    elif len(placed) > 1:
        flags = merge_flags(flags, (ReaderFlag.ORDER_BY_NAME.flag(),))
    sample = next((one.sample for one in unique if one.sample.name not in ("", Path(path_of(one)).stem)), None)
    if sample is None:
        sample = replace(unique[0].sample, name=name or unique[0].sample.name)
    joined = Experiment(parts=tuple(parts), sample=sample, name=name or unique[0].name, flags=flags)
    return on_one_clock(joined)


def _once(experiments: Sequence[Experiment]) -> tuple[list[KeptRecord], tuple[Flag, ...]]:
    """The experiments with every run once, however often it was exported."""
    return keep_one_of_each(
        [FileRecord(file=Path(path_of(one)).name, experiment=one, owner=owner_of(one)) for one in experiments]
    )


def _moment(part: Trace | Spectrum) -> float:
    """Seconds since 1970 of the part's first point."""
    times = part.time
    return part.start + float(times[0]) if times is not None and times.size else part.start


def _with_starts(experiments: Sequence[Experiment]) -> tuple[list[Experiment], tuple[Flag, ...]]:
    """Give files without a start that of the run, where their times follow on the file before."""
    starts = {part.start for experiment in experiments for part in experiment.parts if math.isfinite(part.start)}
    if len(starts) != 1:
        return list(experiments), ()
    start = starts.pop()
    placed: list[Experiment] = []
    flags: list[Flag] = []
    latest = -math.inf
    for experiment in experiments:
        times = [part.time for part in experiment.parts if part.time is not None and np.isfinite(part.time).any()]
        first = min((float(time[0]) for time in times), default=math.nan)
        if all(math.isnan(part.start) for part in experiment.parts) and len(times) == len(experiment.parts):
            if not first >= latest:
                return list(experiments), ()
            flags.append(ReaderFlag.CLOCK_OF_RUN.flag(file=Path(path_of(experiment)).name))
            experiment = replace(experiment, parts=tuple(replace(part, start=start) for part in experiment.parts))
        placed.append(experiment)
        latest = max(latest, first)
    return placed, tuple(flags)
