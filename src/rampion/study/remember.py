"""A folder analysed group by group, on all cores, each group once: what was analysed before is remembered.

What a group of files shows depends on their bytes, their row of the sample sheet, the overrides that name it, the
options and the code; the SHA-256 of all these is the key under which the result is kept in the user's cache folder.
Only what tables and figures need is kept, so that memory does not grow with the length of the records.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from rampion.estimate import Flag, merge_flags
from rampion.measurement import Experiment, Override, Sample, Trace, thinned
from rampion.processes import Lost as JobLost
from rampion.processes import as_done, in_processes
from rampion.readers.fingerprint import Fingerprint, fingerprints
from rampion.readers.folder import (
    FileGroup,
    FolderPlan,
    campaign_of,
    nothing_readable,
    plan_folder,
    read_group,
    unite_copies,
)
from rampion.readers.run_names import member_of
from rampion.records import code_digest, file_hash
from rampion.study import cache
from rampion.study.analysis import Analysis, SampleAnalysis, check_options, stated, together, try_experiment
from rampion.study.lost import Lost, lost_sample
from rampion.study.overrides import check_overrides
from rampion.study.spectra import Options

if TYPE_CHECKING:
    from rampion.voltammetry.finding import Finding

CURVE_POINTS = 4000  # of a sweep's record that are kept for figures and tables
TRACE_POINTS = 400  # of the raw trace beside it


FileNames: TypeAlias = tuple[str, ...]  # of a group, which tell it from the others of a plan


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroupAnalysis:
    """What one group of files showed, and which of them were refused."""

    samples: tuple[SampleAnalysis, ...]
    refused: tuple[Flag, ...] = ()
    fingerprints: tuple[Fingerprint, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """How every group of a folder is analysed."""

    options: Options
    overrides: Sequence[Override] = ()
    sample: Sample | None = None
    whole: bool = False
    remember: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A group that is done: how many of how many, and whether its result was remembered."""

    done: int
    of: int
    remembered: bool


def analyse_folder(
    path: str | Path,
    sheet: str | Path | None = None,
    options: Options | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    sample: Sample | None = None,
    remember: bool = True,
    whole: bool = False,
    workers: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Analysis:
    """Analyse every sample of a folder.

    The records of the result are thinned to what figures show (extremes kept); every number is from all points. A
    sample that fails is a flag of the result, and the others are there.

    Parameters
    ----------
    columns : role → header of plain tables that have these columns.
    sample : what a person states of all samples; it wins over the sheet and the files.
    remember : take what was analysed before from the cache folder, and keep what is analysed now.
    whole : keep every point of the records; nothing is remembered then.
    workers : processes; by default one per core. Fewer than four new groups are analysed in this process.
    progress : stated of each group of files when it is done.

    Raises
    ------
    InputError
        When there is no such folder, a sheet, the circuit or the frequency window is wrong, or an override names what
        does not exist.
    RefusedError
        When not one file could be read.
    """
    plan = plan_folder(path, sheet=sheet, columns=columns)
    overrides = campaign_of(plan, (), ()).overrides
    options = options or Options()
    check_options(options)
    how = Work(options=options, overrides=overrides, sample=sample, whole=whole, remember=remember and not whole)
    found: dict[FileNames, GroupAnalysis] = {}

    def analyse(groups: Sequence[FileGroup]) -> list[GroupAnalysis]:
        new = [group for group in groups if group.files not in found]
        jobs = [(group, how) for group in new]
        total = len(found) + len(jobs)
        for place, remembered, result in _results(jobs, workers):
            found[new[place].files] = result
            if progress is not None:
                progress(Progress(done=len(found), of=total, remembered=remembered))
        return [found[group.files] for group in groups]

    # a run may stand in two groups under two names: those groups are analysed again as one
    united = unite_copies(plan, [group.fingerprints for group in analyse(plan.groups)])
    return _joined(united, analyse(united.groups), how, workers)


def _joined(plan: FolderPlan, groups: Sequence[GroupAnalysis], how: Work, workers: int | None) -> Analysis:
    samples = tuple(sample for group in groups for sample in group.samples)
    refused = merge_flags(*(group.refused for group in groups))
    if not samples:
        raise nothing_readable(plan, refused)
    campaign = campaign_of(plan, tuple(sample.experiment for sample in samples), refused)
    there = {name for one in campaign.experiments for name in (one.name, one.sample.name)}
    lost = {name for group in plan.groups for name in _names(group)} - there if refused else set()
    # an override of a sample that could not be read or analysed is no slip: its own flag says what happened
    check_overrides([one for one in how.overrides if one.sample not in lost], campaign.experiments)
    return together(campaign, samples, how.options, partial(in_processes, workers=workers))


def _results(jobs: Sequence[tuple[FileGroup, Work]], workers: int | None) -> Iterator[tuple[int, bool, GroupAnalysis]]:
    """Place, whether it was remembered, and result of every job: the remembered ones first."""
    new = []
    for place, (group, how) in enumerate(jobs):
        kept = cache.take(_key(group, _digests(group), how)) if how.remember else None
        if isinstance(kept, tuple) and len(kept) == 3:
            yield place, True, GroupAnalysis(samples=kept[0], refused=kept[1], fingerprints=kept[2])
        else:
            new.append(place)
    for at, result in as_done(_analyse_group, [jobs[place] for place in new], workers) if new else ():
        if isinstance(result, JobLost):  # a file under which the process itself dies
            name = ", ".join(jobs[new[at]][0].files)
            result = GroupAnalysis(samples=(), refused=(lost_sample(name, RuntimeError(result.reason)).flag,))
        yield new[at], False, result
    if new and jobs[0][1].remember:
        cache.make_room()


def _analyse_group(group: FileGroup, how: Work) -> GroupAnalysis:
    """Read and analyse a group of files; the result is kept under the bytes that were read."""
    contents = _contents(group)
    experiments, refused = read_group(group, contents=contents)
    if how.sample is not None:
        experiments = tuple(replace(one, sample=stated(one.sample, how.sample)) for one in experiments)
    tried = [try_experiment(experiment, how.options, how.overrides) for experiment in experiments]
    samples = tuple(one if how.whole else condense(one) for one in tried if isinstance(one, SampleAnalysis))
    failed = tuple(one.flag for one in tried if isinstance(one, Lost))
    result = GroupAnalysis(samples=samples, refused=(*refused, *failed), fingerprints=fingerprints(experiments))
    if how.remember and not failed and not any(one.lost for one in samples):
        digests = {path: hashlib.sha256(content).hexdigest() for path, content in contents.items()}
        cache.keep(_key(group, digests, how), (result.samples, result.refused, result.fingerprints))
    return result


def _contents(group: FileGroup) -> dict[Path, bytes]:
    """The bytes of every file that can be opened."""
    found: dict[Path, bytes] = {}
    for path in group.paths:
        with suppress(OSError):
            found[path] = path.read_bytes()
    return found


def _digests(group: FileGroup) -> dict[Path, str]:
    found: dict[Path, str] = {}
    for path in group.paths:
        with suppress(OSError):
            found[path] = file_hash(path)
    return found


def _names(group: FileGroup) -> set[str]:
    """The names by which an override may call the samples of a group."""
    names = {row.sample.name for row in group.rows if row is not None}
    for file in group.files:
        member = member_of(file)
        names |= {Path(file).stem, member.run if member else ""}
    return names


def _key(group: FileGroup, digests: Mapping[Path, str], how: Work) -> str:
    """What the result of a group depends on, as one SHA-256."""
    names = _names(group)
    mine = [override for override in how.overrides if override.sample in names]
    content = [str(path) + digests.get(path, "") for path in group.paths]
    stated = repr((content, group.rows, group.columns, mine, how.options, how.sample, code_digest()))
    return hashlib.sha256(stated.encode()).hexdigest()


def condense(sample: SampleAnalysis) -> SampleAnalysis:
    """The sample's analysis with its long records thinned to what figures show, extremes kept."""
    parts = tuple(_thin_trace(part) if isinstance(part, Trace) else part for part in sample.experiment.parts)
    experiment: Experiment = replace(sample.experiment, parts=parts)
    return replace(sample, experiment=experiment, findings=tuple(_thin_finding(one) for one in sample.findings))


def _thin_trace(trace: Trace) -> Trace:
    kept = thinned(np.nan_to_num(trace.potential), TRACE_POINTS)
    columns = {name: getattr(trace, name)[kept] for name in ("time", "potential", "current")}
    return replace(trace, **columns, temperature=None, extra={})


def _thin_finding(finding: Finding) -> Finding:
    curve = finding.voltammogram
    kept = thinned(curve.current, CURVE_POINTS)
    if finding.kind != "sweep":  # what moves there is the potential
        kept = thinned(curve.potential, CURVE_POINTS)
    arrays = {name: getattr(curve, name)[kept] for name in ("time", "potential", "current", "swept", "ramp", "noise")}
    back = thinned(curve.returning_current, CURVE_POINTS)
    curve = replace(
        curve,
        **arrays,
        electrodes=None,
        returning_potential=curve.returning_potential[back],
        returning_current=curve.returning_current[back],
        range_changes=tuple(int(np.searchsorted(kept, place)) for place in curve.range_changes),
    )
    return replace(finding, voltammogram=curve)
