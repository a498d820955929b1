"""The files of one run to one experiment on one clock, so that a ramp paused for impedance is one experiment.

EC-Lab writes one file per technique of a run (``cell_01_LSV_C02.mpr``, ``cell_02_PEIS_C02.mpr``, …); the parts of all
of them, repetitions included, are put in the order in which they were measured. Their times count from the run's start,
which lets a file without header take its place. *Assumes* that files of one run share folder, name and channel.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rampion.errors import InputError
from rampion.estimate import Flag, merge_flags
from rampion.measurement import Experiment, Spectrum, Trace, on_one_clock
from rampion.readers.detect import read_file
from rampion.readers.flags import ReaderFlag

_MEMBER = re.compile(
    r"^(?P<run>.+)_(?P<number>\d{2})_(?P<technique>[A-Za-z][A-Za-z0-9]*)(?:_(?P<channel>[A-Z]\d{1,2}))?$"
)


@dataclass(frozen=True, slots=True)
class Member:
    """A file's place in a run, as its name tells it."""

    run: str
    number: int
    technique: str
    channel: str


def member_of(path: Path | str) -> Member | None:
    """The place in a run that EC-Lab wrote into the file's name, or ``None``."""
    match = _MEMBER.match(Path(path).stem)
    if match is None:
        return None
    return Member(match["run"], int(match["number"]), match["technique"], match["channel"] or "")


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


def join_runs(experiments: Sequence[Experiment]) -> tuple[Experiment, ...]:
    """The experiments with those of one run joined; the others as they are, all in order of first appearance.

    Experiments that a sample sheet gives to different samples are not joined.
    """
    groups: dict[tuple[object, ...], list[Experiment]] = {}
    for index, experiment in enumerate(experiments):
        path = Path(_path(experiment))
        member = member_of(path)
        owner = "" if experiment.sample.name in ("", path.stem) else experiment.sample.name
        key = (index,) if member is None else (path.parent, member.run, member.channel, owner)
        groups.setdefault(key, []).append(experiment)
    return tuple(group[0] if len(group) == 1 else _join_run(group) for group in groups.values())


def _join_run(group: list[Experiment]) -> Experiment:
    member = member_of(_path(group[0]))
    assert member is not None
    return join(group, name=member.run)


def join(experiments: Sequence[Experiment], name: str = "") -> Experiment:
    """One experiment with the parts of all, in the order in which they were measured.

    A file exported twice (``.mpr`` and ``.mpt``) counts once. A part whose file does not state its start takes the
    start of the others when its times fit into their order; otherwise all parts keep the order of their files, with a
    flag.
    """
    ordered = sorted(experiments, key=_number)
    flags = merge_flags(*(experiment.flags for experiment in ordered))
    unique, found = _without_copies(ordered)
    flags = merge_flags(flags, found)
    placed, found = _with_starts(unique)
    flags = merge_flags(flags, found)
    parts = [part for experiment in placed for part in experiment.parts]
    if all(math.isfinite(_moment(part)) for part in parts):
        parts.sort(key=_moment)
    elif len(placed) > 1:
        flags = merge_flags(flags, (ReaderFlag.ORDER_BY_NAME.flag(),))
    sample = next((one.sample for one in unique if one.sample.name not in ("", Path(_path(one)).stem)), None)
    if sample is None:
        sample = replace(unique[0].sample, name=name or unique[0].sample.name)
    joined = Experiment(parts=tuple(parts), sample=sample, name=name or unique[0].name, flags=flags)
    return on_one_clock(joined)


def _path(experiment: Experiment) -> str:
    sources = (part.source for part in experiment.parts)
    return next((source.path for source in sources if source is not None), experiment.name)


def _number(experiment: Experiment) -> int:
    member = member_of(_path(experiment))
    return member.number if member else 0


def _moment(part: Trace | Spectrum) -> float:
    """Seconds since 1970 of the part's first point."""
    times = part.time
    return part.start + float(times[0]) if times is not None and times.size else part.start


def _without_copies(experiments: Sequence[Experiment]) -> tuple[list[Experiment], tuple[Flag, ...]]:
    """Drop an experiment that holds the same points as another of the same stem; the one that knows more is kept."""
    kept: list[Experiment] = []
    flags: list[Flag] = []
    for experiment in experiments:
        stem = Path(_path(experiment)).stem
        twin = next((one for one in kept if Path(_path(one)).stem == stem and _same_points(one, experiment)), None)
        if twin is None:
            kept.append(experiment)
            continue
        better = max((twin, experiment), key=_knowledge)
        worse = twin if better is experiment else experiment
        kept[kept.index(twin)] = better
        flags.append(ReaderFlag.FILE_COPY.flag(file=Path(_path(worse)).name, other=Path(_path(better)).name))
    return kept, tuple(flags)


def _same_points(one: Experiment, other: Experiment) -> bool:
    if len(one.parts) != len(other.parts):
        return False
    return all(
        type(a) is type(b) and len(a) == len(b) and np.allclose(_values(a), _values(b), rtol=1e-3, equal_nan=True)
        for a, b in zip(one.parts, other.parts, strict=True)
    )


def _values(part: Trace | Spectrum) -> np.ndarray:
    return part.potential if isinstance(part, Trace) else part.frequency


def _knowledge(experiment: Experiment) -> int:
    """How many of start, protocol, current and extra columns an experiment knows."""
    part = experiment.parts[0]
    current = np.isfinite(part.current).any()
    return 4 * math.isfinite(part.start) + 2 * bool(current) + (part.protocol is not None)


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
            flags.append(ReaderFlag.CLOCK_OF_RUN.flag(file=Path(_path(experiment)).name))
            experiment = replace(experiment, parts=tuple(replace(part, start=start) for part in experiment.parts))
        placed.append(experiment)
        latest = max(latest, first)
    return placed, tuple(flags)
