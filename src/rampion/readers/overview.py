"""What every file or run of a folder holds, in one record each: for a table, and for a sample sheet to fill in."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from rampion.equality import equal_by_value
from rampion.estimate import Flag
from rampion.measurement import Experiment, Spectrum, Sweep, Trace
from rampion.processes import in_processes
from rampion.readers.fingerprint import Fingerprint, fingerprints
from rampion.readers.folder import FileGroup, FolderPlan, read_group, unite_copies

Span = tuple[float, float]


@equal_by_value
@dataclass(frozen=True, slots=True, kw_only=True)
class RunOverview:
    """One file, or the files of one run: what was measured, over which range, when.

    ``techniques`` are counted; ``potential`` [V], ``current`` [A] and ``frequency`` [Hz] are least and largest value,
    ``None`` where not recorded; ``start`` is in seconds since 1970 and ``rate`` [V/s] that of the ramps as the files
    state it, both NaN where not known (or where ramps differ).
    """

    name: str
    files: tuple[str, ...]
    format: str
    techniques: tuple[tuple[str, int], ...]
    points: int
    potential: Span | None = None
    current: Span | None = None
    frequency: Span | None = None
    start: float = math.nan
    rate: float = math.nan
    synthetic: bool = False
    flags: tuple[Flag, ...] = ()


def overview(experiment: Experiment, folder: Path | str = "") -> RunOverview:
    """The overview of an experiment, its files relative to ``folder``."""
    sources = dict.fromkeys(part.source for part in experiment.parts if part.source is not None)
    paths = dict.fromkeys(_relative(source.path, folder) for source in sources)
    rates = {part.protocol.rate for part in experiment.parts if isinstance(part.protocol, Sweep)}
    starts = [part.start for part in experiment.parts if math.isfinite(part.start)]
    traces, spectra = experiment.traces, experiment.spectra
    return RunOverview(
        name=experiment.name,
        files=tuple(paths),
        format=", ".join(dict.fromkeys(source.format for source in sources)),
        techniques=tuple(Counter(_technique(part) for part in experiment.parts).items()),
        points=sum(map(len, experiment.parts)),
        potential=_span(trace.potential for trace in traces),
        current=_span(trace.current for trace in traces),
        frequency=_span(spectrum.frequency for spectrum in spectra),
        start=min(starts, default=math.nan),
        rate=rates.pop() if len(rates) == 1 else math.nan,
        synthetic=experiment.synthetic,
        flags=experiment.flags,
    )


def overview_folder(
    plan: FolderPlan, progress: Callable[[], object] | None = None
) -> tuple[tuple[RunOverview, ...], tuple[Flag, ...]]:
    """The overviews of a folder's files and runs, and a flag for every file that was refused; on all cores.

    Parameters
    ----------
    progress : called after each group of files.
    """
    plan = replace(plan, groups=tuple(replace(group, rows=(None,) * len(group.files)) for group in plan.groups))
    read = partial(_of_group, folder=plan.folder)
    known: dict[tuple[str, ...], _Held] = {}
    for group, held in zip(plan.groups, in_processes(read, ((group,) for group in plan.groups)), strict=True):
        known[group.files] = held
        if progress is not None:
            progress()
    united = unite_copies(plan, [known[group.files].marks for group in plan.groups])
    each = [known.get(group.files) or read(group) for group in united.groups]
    return tuple(run for held in each for run in held.runs), tuple(flag for held in each for flag in held.refused)


@dataclass(frozen=True, slots=True)
class _Held:
    """What a group of files held."""

    runs: tuple[RunOverview, ...]
    refused: tuple[Flag, ...]
    marks: tuple[Fingerprint, ...]


def _of_group(group: FileGroup, folder: str) -> _Held:
    experiments, flags = read_group(group)
    runs = tuple(overview(experiment, folder) for experiment in experiments)
    if len(runs) == 1:  # with the files whose record was left out as a copy
        absent = {details["file"] for details in (dict(flag.details) for flag in flags) if "reason" in details}
        runs = (replace(runs[0], files=tuple(file for file in group.files if file not in absent)),)
    return _Held(runs, flags, fingerprints(experiments))


def _relative(path: str, folder: Path | str) -> str:
    place = Path(path)
    return place.relative_to(folder).as_posix() if folder and place.is_relative_to(folder) else path


def _technique(part: Trace | Spectrum) -> str:
    return part.technique or ("impedance" if isinstance(part, Spectrum) else "trace")


def _span(columns: Iterable[np.ndarray]) -> Span | None:
    ends = [(float(np.nanmin(one)), float(np.nanmax(one))) for one in columns if np.isfinite(one).any()]
    return (min(low for low, _ in ends), max(high for _, high in ends)) if ends else None
