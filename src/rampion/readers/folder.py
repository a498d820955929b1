"""A folder of instrument files, with or without a sample sheet, to one campaign.

Every file below the folder is tried; what is refused becomes a flag of the campaign, never a failure. The sample sheet
(given, or ``samples.csv``, ``.xlsx``, ``.toml`` in the folder) ties files to samples; files of one run are joined. A
scan rate stated in the sheet gives a ramp its protocol, and its times where the file holds none.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rampion.errors import InputError, RampionError, RefusedError
from rampion.estimate import Flag, merge_flags
from rampion.measurement import Campaign, Experiment
from rampion.readers.columns import check_roles
from rampion.readers.copies import FileRecord, Relation, keep_one_of_each, relation_of
from rampion.readers.detect import read_file
from rampion.readers.file_index import files_named, index_files, nearest_file
from rampion.readers.fingerprint import Fingerprint, candidates, fingerprints
from rampion.readers.flags import ReaderFlag
from rampion.readers.listing import list_files
from rampion.readers.overrides import FILE as OVERRIDES
from rampion.readers.overrides import find_overrides
from rampion.readers.run_names import bare_name, member_of
from rampion.readers.samples import SampleRow, SampleSheet, match_files, read_samples
from rampion.readers.series import join_runs
from rampion.readers.stated import with_sheet

_SHEETS = ("samples.csv", "samples.xlsx", "samples.toml")
_KEPT_OPEN = 64  # records in memory while pairs of files are compared
_ASKED_FOR = ("thickness", "area")
_ANSWERED = 20  # names that are not there and for which the nearest one is sought


@dataclass(frozen=True, slots=True, kw_only=True)
class FileGroup:
    """Files of one folder that may belong to one run, with the sheet's row of each (``None`` for an unlisted one)."""

    folder: str
    files: tuple[str, ...]
    rows: tuple[SampleRow | None, ...]
    columns: tuple[tuple[str, str], ...] = ()  # role and header, for plain tables that have that column

    @property
    def paths(self) -> tuple[Path, ...]:
        """Where the files are."""
        return tuple(Path(self.folder) / file for file in self.files)


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderPlan:
    """What a folder holds, told from names and sample sheet alone: groups of files that are read independently."""

    folder: str
    groups: tuple[FileGroup, ...]
    columns: tuple[tuple[str, str], ...] = ()
    flags: tuple[Flag, ...] = ()


def plan_folder(
    path: Path | str,
    sheet: Path | str | None = None,
    only: str | None = None,
    columns: Mapping[str, str] | None = None,
) -> FolderPlan:
    """The groups of files of a folder and of those below it; no instrument file is opened.

    Parameters
    ----------
    sheet : the sample sheet; by default ``samples.csv``, ``.xlsx`` or ``.toml`` in the folder.
    only : the name of a single file, relative to the folder, that is to be read.
    columns : the column map (role → header) for the plain tables that have these columns.

    Raises
    ------
    InputError
        When there is no such folder, the sheet is wrong, or a role of a column is unknown.
    RefusedError
        When the folder is empty.
    """
    folder = Path(path)
    check_roles(columns or {})
    named = tuple((columns or {}).items())
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; expected one with instrument files.")
    sheet_path = Path(sheet) if sheet is not None else find_sheet(folder)
    book = read_samples(sheet_path) if sheet_path is not None else None
    beside = [path for path in (sheet_path, folder / OVERRIDES) if path is not None]
    files, unlooked = ([only], []) if only is not None else list_files(folder, leave_out=beside)
    if not files and unlooked:
        raise RefusedError(f"{folder.name} holds no file that can be tried; the first: {unlooked[0].message}")
    if not files:
        raise RefusedError(f"{folder.name} holds no file; expected instrument files such as .mpr, .mpt, .DTA or .csv.")
    owners, flags = _assign(files, book, complete=only is None)
    flags += unlooked
    if book is None:
        names = " and ".join(name.replace("_", " ") for name in _ASKED_FOR)
        flags.append(ReaderFlag.SHEET_MISSING.flag(names=names))
    runs: dict[tuple[Path, str], list[str]] = {}
    for file in files:  # the files of one run, and the two exports of one file, share folder and name
        member = member_of(file)
        runs.setdefault((Path(file).parent, member.run if member else bare_name(file)), []).append(file)
    groups = tuple(
        FileGroup(folder=str(folder), files=tuple(group), rows=tuple(owners.get(file) for file in group), columns=named)
        for group in runs.values()
    )
    return FolderPlan(folder=str(folder), groups=groups, columns=named, flags=merge_flags(flags))


def read_group(
    group: FileGroup, contents: Mapping[Path, bytes] | None = None
) -> tuple[tuple[Experiment, ...], tuple[Flag, ...]]:
    """The experiments of a group of files, those of one run joined, and a flag for every file that was refused.

    ``contents`` are the bytes of files that have been opened already.
    """
    records: list[FileRecord] = []
    rows: list[SampleRow | None] = []
    flags: list[Flag] = []
    for file, row, path in zip(group.files, group.rows, group.paths, strict=True):
        try:
            content = (contents or {}).get(path)
            experiment = read_file(path, columns=dict(group.columns), where_present=True, content=content)
        except RampionError as error:
            reason = re.sub(rf"^{re.escape(path.name)} ", "it ", str(error))
            flags.append(ReaderFlag.FILE_REFUSED.flag(file=file, reason=reason))
            continue
        except Exception as error:  # one bad file must not take the others with it
            reason = f"it stopped the reader ({error!r}), a fault of rampion: please report it with the file"
            if isinstance(error, OSError):
                reason = f"it could not be opened ({error.strerror})"
            flags.append(ReaderFlag.FILE_REFUSED.flag(file=file, reason=reason))
            continue
        records.append(FileRecord(file=file, experiment=experiment, owner=row.sample.name if row is not None else ""))
        rows.append(row)
    kept, doubts = keep_one_of_each(records)
    experiments = [
        with_sheet(
            record.experiment,
            records[record.places[0]].file,
            next((rows[place] for place in record.places if rows[place] is not None), None),
        )
        for record in kept
    ]
    return join_runs(experiments), (*flags, *doubts)


def unite_copies(plan: FolderPlan, found: Sequence[Sequence[Fingerprint]]) -> FolderPlan:
    """The plan with groups that hold one run in two files made one group, so that it is read once.

    Parameters
    ----------
    found : the fingerprints of what each group of the plan held.

    Returns
    -------
    The same plan where no run is held twice. Groups that are not united stay as they are.
    """
    marks = [(number, mark) for number, group in enumerate(found) for mark in group]
    united = list(range(len(plan.groups)))  # the first group that each group belongs with
    rows = {str(path): row for group in plan.groups for path, row in zip(group.paths, group.rows, strict=True)}

    @functools.lru_cache(maxsize=_KEPT_OPEN)
    def record(file: str) -> FileRecord | None:
        row = rows.get(file)
        try:
            experiment = read_file(file, columns=dict(plan.columns), where_present=True)
        except Exception:  # it was read before; what happened to it since is no reason to unite
            return None
        return FileRecord(file=file, experiment=experiment, owner=row.sample.name if row is not None else "")

    for pair in candidates([mark for _, mark in marks], [number for number, _ in marks]):
        first, second = sorted(united[marks[place][0]] for place in (pair.one, pair.other))
        if first == second:
            continue
        if pair.sure or _are_related(*(record(marks[place][1].file) for place in (pair.one, pair.other))):
            united = [first if number == second else number for number in united]
    if united == list(range(len(plan.groups))):
        return plan
    joined: dict[int, list[FileGroup]] = {}
    for number, group in zip(united, plan.groups, strict=True):
        joined.setdefault(number, []).append(group)
    groups = tuple(groups[0] if len(groups) == 1 else _united(groups) for groups in joined.values())
    return replace(plan, groups=groups)


def _are_related(one: FileRecord | None, other: FileRecord | None) -> bool:
    return one is not None and other is not None and relation_of(one, other) is not Relation.APART


def _united(groups: Sequence[FileGroup]) -> FileGroup:
    return FileGroup(
        folder=groups[0].folder,
        files=tuple(file for group in groups for file in group.files),
        rows=tuple(row for group in groups for row in group.rows),
        columns=groups[0].columns,
    )


def read_folder(
    path: Path | str,
    sheet: Path | str | None = None,
    only: str | None = None,
    columns: Mapping[str, str] | None = None,
) -> Campaign:
    """Every readable file of a folder and of those below it.

    Parameters
    ----------
    sheet, only, columns : as in :func:`plan_folder`.

    Raises
    ------
    InputError
        When there is no such folder, or the sheet is wrong.
    RefusedError
        When not one file could be read; when the one file named in ``only`` is refused.
    """
    plan = plan_folder(path, sheet=sheet, only=only, columns=columns)
    read = [read_group(group) for group in plan.groups]
    united = unite_copies(plan, [fingerprints(found) for found, _ in read])
    if united is not plan:
        known = dict(zip((group.files for group in plan.groups), read, strict=True))
        read = [known.get(group.files) or read_group(group) for group in united.groups]
        plan = united
    experiments = tuple(experiment for found, _ in read for experiment in found)
    refused = merge_flags(*(flags for _, flags in read))
    if not experiments and only is not None:
        read_file(Path(path) / only, columns=columns)  # its own refusal says more than a folder's
    if not experiments:
        raise nothing_readable(plan, refused)
    campaign = campaign_of(plan, experiments, refused)
    if only is None:
        return campaign
    names = {name for experiment in experiments for name in (experiment.name, experiment.sample.name)}
    return replace(campaign, overrides=tuple(one for one in campaign.overrides if one.sample in names))


def campaign_of(plan: FolderPlan, experiments: Sequence[Experiment], refused: Sequence[Flag]) -> Campaign:
    """The campaign of a folder whose groups have been read."""
    name = Path(plan.folder).resolve().name
    return Campaign(
        experiments=tuple(experiments),
        name=name,
        flags=merge_flags(plan.flags, refused),
        overrides=find_overrides(plan.folder),
    )


def nothing_readable(plan: FolderPlan, refused: Sequence[Flag]) -> RefusedError:
    """What to raise when not one file could be read."""
    name = Path(plan.folder).name
    return RefusedError(f"Not one of the {len(refused)} files in {name} could be read; the first: {refused[0].message}")


def find_sheet(folder: Path) -> Path | None:
    """The sample sheet of a folder, ``None`` where it has none; several are refused."""
    found = sorted(file for file in folder.iterdir() if file.name.lower() in _SHEETS)
    if len(found) > 1:
        raise InputError(
            f"{folder.name} holds several sample sheets ({', '.join(file.name for file in found)}); say which counts."
        )
    return found[0] if found else None


def _assign(files: Sequence[str], book: SampleSheet | None, complete: bool) -> tuple[dict[str, SampleRow], list[Flag]]:
    """The row that owns each file, the first one that names it; what is not there comes first among the flags."""
    if book is None:
        return {}, []
    index = index_files(files)
    owners: dict[str, SampleRow] = {}
    absent: list[Flag] = []
    repeated: list[Flag] = []
    for row in book.rows:
        found = match_files(row, index)
        for file in found:
            first = owners.setdefault(file, row)
            if first is not row:
                repeated.append(ReaderFlag.FILE_REPEATED.flag(file=file, first=first.row, row=row.row))
        named = row.files or (() if found else (row.sample.name,))
        for name in named if complete else ():
            if not found or (len(named) > 1 and not files_named(name, index)):
                near = nearest_file(name, index) if len(absent) < _ANSWERED else ""
                absent.append(ReaderFlag.FILE_UNMATCHED.flag(row=row.row, file=name, near=_offered(near)))
    unlisted = [ReaderFlag.FILE_UNLISTED.flag(file=file) for file in files if file not in owners]
    return owners, [*absent, *book.flags, *repeated, *unlisted]


def _offered(near: str) -> str:
    return f"did you mean {near!r}?" if near else "check the name and the folder."
