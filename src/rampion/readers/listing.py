"""Which files of a folder are tried as measurements: all but hidden ones, sheets, and what rampion itself wrote.

A results folder is known by its manifest (``rampion-manifest.json``), and where there is none by its ``results.json``,
``report.json``, ``simulation.json`` or ``ro-crate-metadata.json``: then its tables and figures are left out too, also
those that a manifest does not name any more. Simulated instrument files are measurements that are marked synthetic;
they are read wherever they lie. What cannot be looked at (no permission, a link to nothing, a pipe, a name that is not
UTF-8) is a flag.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from rampion.estimate import Flag
from rampion.readers.detect import HEAD, SYNTHETIC_MARK
from rampion.readers.flags import ReaderFlag
from rampion.readers.run_names import ENDINGS
from rampion.results_folder import MANIFEST, read_manifest

_SUMMARIES = ("results.json", "report.json", "simulation.json", "ro-crate-metadata.json", "datapackage.json")
_WRITTEN = (*_SUMMARIES, "report.html", "report.pdf", "manifest.json", MANIFEST)
_FOLDERS = ("tables", "figures")
# in the first line of tables of simulations
_COMPUTED = re.compile(rb"# synthetic data, computed by rampion|[^\r\n]*,Synthetic / 1\r?\n")


def list_files(folder: Path, leave_out: Iterable[Path] = ()) -> tuple[list[str], list[Flag]]:
    """Paths relative to the folder with ``/``, numbers in names in their order, and a flag for what cannot be tried.

    Parameters
    ----------
    leave_out : files of the folder that are no measurements, such as the sample sheet.
    """
    left_out = {path.resolve() for path in leave_out}
    names = {path.name for path in (*leave_out, *left_out)}  # resolving every file is slow
    files: list[str] = []
    flags: list[Flag] = []
    own: set[Path] = set()
    for place, inside in _walk(folder, flags):
        own |= _written_by_rampion(place, {entry.name for entry in inside})
        for entry in inside:
            path = Path(entry.path)
            shown = path.relative_to(folder).as_posix()
            if not own.isdisjoint((path, *path.parents)) or (path.name in names and path.resolve() in left_out):
                continue
            reason = _obstacle(entry)
            if reason:
                flags.append(ReaderFlag.FILE_REFUSED.flag(file=_printable(shown), reason=reason))
            elif not entry.is_dir():
                files.append(shown)
    return sorted(files, key=_natural), flags


def _walk(folder: Path, flags: list[Flag]) -> Iterator[tuple[Path, list[os.DirEntry[str]]]]:
    """Every folder with what it holds that is not hidden; a folder that links lead to twice comes once."""
    waiting, seen = [folder], set()
    while waiting:
        place = waiting.pop()
        try:
            with os.scandir(place) as entries:
                inside = sorted((one for one in entries if not one.name.startswith((".", "~$"))), key=lambda e: e.name)
            identity = place.stat()
        except OSError as error:
            shown = _printable(place.relative_to(folder).as_posix())
            flags.append(ReaderFlag.FILE_REFUSED.flag(file=shown, reason=f"it could not be opened ({error.strerror})"))
            continue
        if (identity.st_dev, identity.st_ino) in seen:
            continue
        seen.add((identity.st_dev, identity.st_ino))
        waiting += [Path(entry.path) for entry in inside if _is_folder(entry)]
        yield place, inside


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _obstacle(entry: os.DirEntry[str]) -> str:
    """Why an entry cannot be tried; empty where it can, or where it is a folder of any other name."""
    try:
        if entry.is_dir():
            return (
                "it is a folder with the name of an instrument's file"
                if Path(entry.name).suffix.lower() in ENDINGS
                else ""
            )
        if not entry.is_file():
            return "it is a link to nothing" if entry.is_symlink() else "it is no file (a pipe or a device)"
    except OSError as error:
        return f"it could not be looked at ({error.strerror})"
    if _printable(entry.name) != entry.name:
        return "its name is not UTF-8; rename it"
    return ""


def _printable(name: str) -> str:
    """The name with bytes that are no text shown as such."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _natural(file: str) -> list[tuple[int, int, str]]:
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part.casefold()) for part in re.split(r"(\d+)", file)]


def _written_by_rampion(folder: Path, names: set[str]) -> set[Path]:
    """The files and folders below a results folder that are rampion's own."""
    if not _holds_results(folder, names):
        return set()
    written = {folder / name for name in (*_WRITTEN, *_FOLDERS)}
    try:
        manifest = read_manifest(folder)
    except OSError:
        manifest = None
    named = {folder / name for name in manifest.files} if manifest is not None else set()
    tables = {folder / name for name in names if name.endswith(".csv") and _COMPUTED.match(_begin(folder / name))}
    return written | tables | {path for path in named if SYNTHETIC_MARK not in _begin(path)}


def _holds_results(folder: Path, names: set[str]) -> bool:
    if MANIFEST in names:
        return True
    summaries = [folder / name for name in _SUMMARIES if name in names]
    return len(summaries) > 1 or any(b"rampion" in _content(path) for path in summaries)


def _begin(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(HEAD)
    except OSError:
        return b""


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
