"""One instrument file to one experiment: the format is recognised by content, then by name.

A new format is one module with ``recognise(head, name)`` and ``read(content, name, path)``, named in ``_FORMATS``.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType

from rampion.errors import InputError, RampionError, RefusedError
from rampion.estimate import Flag, merge_flags
from rampion.measurement import Experiment, Source, Spectrum, Trace, on_one_clock
from rampion.readers.columns import ColumnAbsentError
from rampion.readers.flags import ReaderFlag
from rampion.readers.reach import within_reach

# In the order of asking: what is known by its first bytes before what is known by its words; a plain table is last.
_FORMATS = (
    "eclab_binary",
    "neware",
    "palmsens",
    "eclab_text",
    "gamry",
    "chi",
    "relaxis",
    "zahner",
    "maccor",
    "neware_text",
    "ivium",
    "keysight",
    "novocontrol",
    "zplot",
    "autolab",
    "versastudio",
    "table",
)
_WITH_COLUMNS = ("table", "maccor")  # readers that take the columns which the user names; else those make a table of it
HEAD = 8192
_BLANK = b"\0 \t\r\n"
SYNTHETIC_MARK = b"SYNTHETIC DATA made by rampion"  # what rampion.cell.files writes into every header

_NOT_DATA = {
    ".nox": "an Autolab NOVA project, whose format is closed; export the data from NOVA as text (ASCII)",
    ".mps": "EC-Lab settings without data; read the .mpr or .mpt files that the run wrote",
    ".mgr": "an EC-Lab graph without data; read the .mpr or .mpt files that the run wrote",
    ".mpl": "EC-Lab's log without data; read the .mpr or .mpt file beside it",
    ".res": "an Arbin database (Microsoft Access); export the test from Arbin's Data Watcher or MITS Pro as csv",
    ".mdb": "a Microsoft Access database; export the test from the instrument's program as csv",
    ".accdb": "a Microsoft Access database; export the test from the instrument's program as csv",
    ".xls": "a workbook in Excel's old format; save it as .xlsx",
    ".mdat": "a binary recording of a closed format; export it from the instrument's program as text",
    ".bin": "a binary recording of an unknown format; export it from the instrument's program as text",
    ".psmethod": "a PSTrace method, settings without data; open the session (.pssession) that it measured",
    ".json": "JSON of no instrument that is known here; export a table of time, potential and current",
    ".zip": "an archive; unpack it first",
    ".pdf": "a document; read the instrument's own file",
    ".docx": "a document; read the instrument's own file",
    ".png": "a picture; read the instrument's own file",
    ".jpg": "a picture; read the instrument's own file",
    ".opj": "an Origin project; export its worksheets as text",
    ".opju": "an Origin project; export its worksheets as text",
}
_NOT_DATA_BEGINNINGS = (
    (b"EC-LAB SETTING FILE", _NOT_DATA[".mps"]),
    (b"BT-LAB SETTING FILE", _NOT_DATA[".mps"]),
    (b"EC-Lab LOG FILE", _NOT_DATA[".mpl"]),
    (b"BT-Lab LOG FILE", _NOT_DATA[".mpl"]),
    (b"\x00\x01\x00\x00Standard Jet DB", _NOT_DATA[".res"]),
    (b"\x00\x01\x00\x00Standard ACE DB", _NOT_DATA[".res"]),
    (b"SQLite format 3\0", "a database; export the test from the instrument's program as text or csv"),
    (b"VMP EXPERIMENT LOOP INDEXES", "EC-Lab's list of loops without data; read the data file beside it"),
    (b"%PDF", _NOT_DATA[".pdf"]),
    (b"\x89PNG", _NOT_DATA[".png"]),
)


def recognise_format(head: bytes, name: str) -> str | None:
    """The name of the format that the first bytes and the file's name show, or ``None``."""
    for title in _FORMATS:
        if _reader(title).recognise(head, name):
            return title
    return None


def _is_bytes(head: bytes) -> bool:
    """Whether the file is no text: zero bytes that are not UTF-16's (an archive's checksums guard what it holds)."""
    return b"\0" in head and not _is_wide(head) and not head.startswith(b"PK")


def _is_wide(head: bytes) -> bool:
    """Whether the text is UTF-16, by its mark or by zeros at every other place."""
    halves = [head[0:200:2], head[1:200:2]]
    filled = sorted(1 - half.count(0) / max(len(half), 1) for half in halves)
    return head[:2] in (b"\xff\xfe", b"\xfe\xff") or (filled[0] < 0.05 and filled[1] > 0.95)


def _is_binary(head: bytes) -> bool:
    """Whether many of the bytes are zero, so that no table can be read from them as text."""
    return head.count(0) > len(head) // 10 and _is_bytes(head)


def _reader(title: str) -> ModuleType:
    return import_module(f"rampion.readers.{title}")


def _bytes_of(path: Path) -> bytes:
    if not path.is_file():
        found = "is a folder" if path.is_dir() else "does not exist"
        raise InputError(f"{path} {found}; expected an instrument's file.")
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path.name} could not be opened ({error.strerror}); check its permissions.") from None


def read_file(
    path: str | Path,
    columns: Mapping[str, str] | None = None,
    *,
    where_present: bool = False,
    content: bytes | None = None,
) -> Experiment:
    """Everything one file holds: its traces and spectra in order, on one clock, each with its source.

    Parameters
    ----------
    path : the file.
    columns : for a plain table, role → header (see :func:`rampion.readers.table.read`).
    where_present : read a file that is no plain table, or has no such column, without these columns; by default any
        file is then read as a table that must have them.
    content : the file's bytes, where they have been read already.

    Raises
    ------
    InputError
        When there is no such file, or it is damaged beyond what can be saved.
    RefusedError
        When it is not a measurement, its format is closed, or the library that reads it is not installed.
    """
    path = Path(path)
    content = _bytes_of(path) if content is None else content
    name = path.name
    head = content[:HEAD]
    if not head.strip(_BLANK) and not content.strip(_BLANK):
        raise RefusedError(f"{name} is empty; the run was not recorded or not saved.")
    for beginning, what in _NOT_DATA_BEGINNINGS:
        if head.startswith(beginning):
            raise RefusedError(f"{name} is {what}.")
    title = recognise_format(head, name)
    if title is None or (title == "table" and _is_binary(head)):
        raise RefusedError(f"{name} is {_described(name, binary=_is_bytes(head))}.")
    if columns and not where_present and title not in _WITH_COLUMNS:
        title = "table"
    reader = _reader(title)
    try:
        if title not in _WITH_COLUMNS:
            parts, flags = reader.read(content, name, path)
        elif columns and where_present:
            parts, flags = _read_where_present(reader, content, name, path, columns)
        else:
            parts, flags = reader.read(content, name, path, columns=columns)
    except RampionError:
        raise
    except Exception as error:
        raise InputError(
            f"{name} looks like {title.replace('_', ' ')} and is damaged in a way that is not understood ({error!r}); "
            "export it again from the instrument's program."
        ) from error
    digest = hashlib.sha256(content).hexdigest()
    placed = tuple(
        replace(
            part,
            source=Source(
                path=str(path),
                sha256=digest,
                format=(part.source.format if part.source else "") or title,
                block=block,
                instrument=part.source.instrument if part.source else "",
                area=part.source.area if part.source else math.nan,
            ),
            synthetic=part.synthetic or SYNTHETIC_MARK in head,
        )
        for block, part in enumerate(parts)
    )
    placed, beyond = within_reach(placed, name, binary=_is_bytes(head))
    if not placed:
        raise RefusedError(f"{name} holds no measured point; the run was empty or aborted.")
    return on_one_clock(Experiment(parts=placed, name=path.stem, flags=merge_flags(flags, beyond)))


def _read_where_present(
    reader: ModuleType, content: bytes, name: str, path: Path, columns: Mapping[str, str]
) -> tuple[tuple[Trace | Spectrum, ...], tuple[Flag, ...]]:
    """What the reader finds by the named columns, or without them, flagged, where the table has another header."""
    try:
        return reader.read(content, name, path, columns=columns)
    except ColumnAbsentError as absent:
        parts, flags = reader.read(content, name, path)
        return parts, (*flags, ReaderFlag.COLUMN_ABSENT.flag(header=absent.header))


def _described(name: str, *, binary: bool) -> str:
    suffix = Path(name).suffix.lower()
    if suffix in _NOT_DATA:
        return _NOT_DATA[suffix]
    if binary and re.fullmatch(r"\.\d{3}", suffix):
        return "a raw file of a Maccor tester, whose format is closed; export it from MIMS Client as text"
    return (
        "of no format that is known here; export it from the instrument's program as text "
        "(EC-Lab .mpt, Gamry .DTA, or a table of time, potential and current)"
    )
