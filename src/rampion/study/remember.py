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
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from rampion.errors import RampionError
from rampion.estimate import Flag, FlagKind, Severity, merge_flags
from rampion.measurement import Experiment, Override, Trace, thinned
from rampion.processes import in_processes
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
from rampion.study.analysis import Analysis, SampleAnalysis, analyse_experiment
from rampion.study.conditions import take_together
from rampion.study.overrides import check_overrides
from rampion.study.plausible import assess_campaign
from rampion.study.spectra import SpectrumOptions

if TYPE_CHECKING:
    from rampion.voltammetry.finding import Finding

CURVE_POINTS = 4000  # of a sweep's record that are kept for figures and tables
TRACE_POINTS = 400  # of the raw trace beside it


FileNames: TypeAlias = tuple[str, ...]  # of a group, which tell it from the others of a plan


class StudyFlag(FlagKind):
    """What went wrong with a sample of a campaign."""

    SAMPLE_FAILED = (
        Severity.INVALID,
        "{name} could not be analysed and is missing from the study ({reason}): this is a fault of rampion, please "
        "report it with the file.",
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroupAnalysis:
    """What one group of files showed, and which of them were refused."""

    samples: tuple[SampleAnalysis, ...]
    refused: tuple[Flag, ...] = ()
    fingerprints: tuple[Fingerprint, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A group that is done: how many of how many, and whether its result was remembered."""

    done: int
    of: int
    remembered: bool


def analyse_folder(
    path: str | Path,
    sheet: str | Path | None = None,
    options: SpectrumOptions | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    remember: bool = True,
    workers: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Analysis:
    """Analyse every sample of a folder.

    The records of the result are thinned to what figures show (extremes kept); every number is from all points.

    Parameters
    ----------
    columns : role → header of plain tables that have these columns.
    remember : take what was analysed before from the cache folder, and keep what is analysed now.
    workers : processes; by default one per core. Fewer than four new groups are analysed in this process.
    progress : told of each group of files when it is done.

    Raises
    ------
    InputError
        When there is no such folder, a sheet is wrong, or an override names what does not exist.
    RefusedError
        When not one file could be read.
    """
    plan = plan_folder(path, sheet=sheet, columns=columns)
    overrides = campaign_of(plan, (), ()).overrides
    options = options or SpectrumOptions()
    found: dict[FileNames, GroupAnalysis] = {}

    def analyse(groups: Sequence[FileGroup]) -> list[GroupAnalysis]:
        new = [group for group in groups if group.files not in found]
        jobs = [(group, overrides, options) for group in new]
        total = len(found) + len(jobs)
        for place, remembered, result in _results(jobs, remember, workers):
            found[new[place].files] = result
            if progress is not None:
                progress(Progress(done=len(found), of=total, remembered=remembered))
        return [found[group.files] for group in groups]

    # a run may stand in two groups under two names: those groups are analysed again as one
    united = unite_copies(plan, [group.fingerprints for group in analyse(plan.groups)])
    return _joined(united, analyse(united.groups), overrides, options, workers)


def _joined(
    plan: FolderPlan,
    groups: Sequence[GroupAnalysis],
    overrides: Sequence[Override],
    options: SpectrumOptions,
    workers: int | None,
) -> Analysis:
    samples = tuple(sample for group in groups for sample in group.samples)
    refused = merge_flags(*(group.refused for group in groups))
    if not samples:
        raise nothing_readable(plan, refused)
    campaign = campaign_of(plan, tuple(sample.experiment for sample in samples), refused)
    check_overrides(overrides, campaign.experiments)
    samples, series, failed = take_together(assess_campaign(samples), options, partial(in_processes, workers=workers))
    return Analysis(samples=samples, series=series, name=campaign.name, flags=campaign.flags + failed)


def _results(
    jobs: Sequence[tuple[Any, ...]], remember: bool, workers: int | None
) -> Iterator[tuple[int, bool, GroupAnalysis]]:
    """Place, whether it was remembered, and result of every job: the remembered ones first."""
    new = []
    for place, (group, overrides, options) in enumerate(jobs):
        key = _key(group, _digests(group), overrides, options) if remember else ""
        kept = cache.take(key) if remember else None
        if isinstance(kept, tuple) and len(kept) == 3:
            yield place, True, GroupAnalysis(samples=kept[0], refused=kept[1], fingerprints=kept[2])
        else:
            new.append(place)
    todo = [(*jobs[place], remember) for place in new]
    for place, result in zip(new, in_processes(_analyse_group, todo, workers), strict=True):
        yield place, False, result
    if remember and new:
        cache.make_room()


def _analyse_group(
    group: FileGroup, overrides: Sequence[Override], options: SpectrumOptions, remember: bool
) -> GroupAnalysis:
    """Read and analyse a group of files; the result is kept under the bytes that were read."""
    contents = _contents(group)
    experiments, refused = read_group(group, contents=contents)
    samples, failed = [], []
    for experiment in experiments:
        try:
            samples.append(condense(analyse_experiment(experiment, options, overrides)))
        except RampionError:
            raise
        except Exception as error:  # one sample's failure must not take the others' results with it
            reason = f"{type(error).__name__}: {error}"
            failed.append(StudyFlag.SAMPLE_FAILED.flag(name=experiment.name, reason=reason))
    result = GroupAnalysis(samples=tuple(samples), refused=(*refused, *failed), fingerprints=fingerprints(experiments))
    if remember and not failed:
        digests = {path: hashlib.sha256(content).hexdigest() for path, content in contents.items()}
        cache.keep(_key(group, digests, overrides, options), (result.samples, result.refused, result.fingerprints))
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


def _key(group: FileGroup, digests: Mapping[Path, str], overrides: Sequence[Override], options: SpectrumOptions) -> str:
    """What the result of a group depends on, as one SHA-256."""
    names = {row.sample.name for row in group.rows if row is not None}
    for file in group.files:
        member = member_of(file)
        names |= {Path(file).stem, member.run if member else ""}
    mine = [override for override in overrides if override.sample in names]
    content = [str(path) + digests.get(path, "") for path in group.paths]
    told = repr((content, group.rows, group.columns, mine, options, code_digest()))
    return hashlib.sha256(told.encode()).hexdigest()


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
    size = curve.time.size
    kept = thinned(curve.current, CURVE_POINTS)
    if finding.kind != "sweep":  # what moves there is the potential
        kept = thinned(curve.potential, CURVE_POINTS)
    arrays = {name: getattr(curve, name)[kept] for name in ("time", "potential", "current", "swept", "ramp", "noise")}
    back = thinned(curve.returning_current, CURVE_POINTS)
    curve = replace(
        curve,
        **arrays,
        returning_potential=curve.returning_potential[back],
        returning_current=curve.returning_current[back],
        range_changes=tuple(int(np.searchsorted(kept, place)) for place in curve.range_changes),
    )
    semi = finding.semi_integral
    if semi is not None and semi.time.size == size:
        semi = replace(semi, time=semi.time[kept], potential=semi.potential[kept], value=semi.value[kept])
    return replace(finding, voltammogram=curve, semi_integral=semi)
