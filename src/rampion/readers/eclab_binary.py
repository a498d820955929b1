"""EC-Lab's binary files (``.mpr``), through galvani (GPL-3), which is called at run time and installed on request.

A file cut by a crash or a copy is read as far as its points are complete: the file is a row of modules (settings,
data, log, loops), each with its length; the data module is shortened to whole rows before galvani sees it. The day and
time of the start stand in the log, at the end, so a cut file does not know them.

*Fails when* the file is cut before its first point. Harmonic columns (THD, NSD, NSR, ``h2`` …) do not match EC-Lab's
own export and are left out.
"""

from __future__ import annotations

import io
import math
import re
import struct
import warnings
from collections.abc import Mapping
from datetime import UTC
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from rampion.errors import InputError, RefusedError
from rampion.estimate import Flag, merge_flags
from rampion.measurement import Source, Spectrum, Trace
from rampion.readers.eclab_columns import Run, read_columns
from rampion.readers.eclab_text import technique_of
from rampion.readers.flags import ReaderFlag

_MAGIC = b"BIO-LOGIC MODULAR FILE\x1a"
_HARMONIC = re.compile(r"^(THD|NSD|NSR) | h[2-9]\|")
# The first byte of the settings names the technique; those that files with known techniques have confirmed.
_TECHNIQUES = {
    0x04: "GCPL", 0x0B: "OCV", 0x18: "CA", 0x19: "CP", 0x1D: "PEIS", 0x1E: "GEIS", 0x6C: "LSV", 0x75: "CstV",
    0x7F: "MB",
}  # fmt: skip


def recognise(head: bytes, name: str) -> bool:
    """Whether the bytes begin a modular file of Bio-Logic."""
    return head.startswith(_MAGIC) or name.lower().endswith(".mpr")


def read(content: bytes, name: str, path: Path | None = None) -> tuple[tuple[Trace | Spectrum, ...], tuple[Flag, ...]]:
    """Every trace and spectrum of the file, in order.

    Raises
    ------
    RefusedError
        When galvani is not installed; the sentence names the command that installs it.
    InputError
        When the file is no .mpr file, or is cut before its first point.
    """
    galvani = _galvani(name)
    if not content.startswith(_MAGIC):
        raise InputError(f"{name} does not begin as an .mpr file does; it may be damaged or have the wrong name.")
    flags: tuple[Flag, ...] = ()
    try:
        record = _open(galvani, content)
    except Exception as error:
        whole, shortened = _salvage(galvani, content)
        if not whole:
            raise InputError(f"{name} is damaged and holds no complete point that could be saved ({error}).") from error
        try:
            record = _open(galvani, whole)
        except Exception as second:
            raise InputError(f"{name} is damaged in a way that galvani cannot read ({second}).") from second
        if shortened:
            flags = (ReaderFlag.CUT_FILE.flag(where="its data", kept=len(record.data)),)
    start = getattr(record, "timestamp", None)
    if start is None:
        flags += (ReaderFlag.CLOCK_UNKNOWN.flag(),)
    settings = next(module["data"] for module in record.modules if module["shortname"].startswith(b"VMP Set"))
    run = Run(
        technique=_TECHNIQUES.get(settings[0] if settings else 0, "") or technique_of(name),
        start=math.nan if start is None else start.replace(tzinfo=UTC).timestamp(),
        loops=[int(row) for row in record.loop_index] if record.loop_index is not None else (),
        source=Source(format="EC-Lab mpr", instrument="Bio-Logic"),
    )
    columns = _columns(record)
    unknown = [column for column in columns if column.startswith("unknown_colID")]
    if unknown:
        flags += (ReaderFlag.UNKNOWN_COLUMNS_KEPT.flag(names=", ".join(unknown)),)
    if not len(record.data):
        return (), (*flags, ReaderFlag.EMPTY_BLOCK.flag(name=run.technique or name))
    parts, found = read_columns(columns, run)
    return parts, merge_flags(flags, found)


def _galvani(name: str) -> ModuleType:
    try:
        from galvani import BioLogic
    except ImportError as error:
        raise RefusedError(
            f"{name} is EC-Lab's binary format, which galvani reads: install it with pip install 'rampion[biologic]', "
            "or export the file as text (.mpt)."
        ) from error
    return BioLogic


def _open(galvani: ModuleType, content: bytes) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # unknown columns are told by a flag
        return galvani.MPRfile(io.BytesIO(content))


def _columns(record: Any) -> Mapping[str, np.ndarray]:
    """The columns under their names; of the packed flags, the mode (galvanostatic, potentiostatic, rest)."""
    columns = {}
    for column in record.data.dtype.names:
        if column == "flags":
            if "mode" in record.flags_dict:
                columns["mode"] = record.data["flags"] & np.uint8(record.flags_dict["mode"][0])
        elif not _HARMONIC.search(column):
            columns[column] = record.data[column]
    return columns


def _salvage(galvani: ModuleType, content: bytes) -> tuple[bytes, bool]:
    """The file with its data module cut to whole rows and without what follows (empty when nothing is left).

    The second value tells whether rows are missing.
    """
    kept = bytearray()
    stream = io.BytesIO(content)
    stream.seek(len(galvani.MPR_MAGIC))
    at = 0
    try:
        for module in galvani.read_VMP_modules(stream, read_module_data=False):
            offset, length = int(module["offset"]), int(module["length"])
            if not module["shortname"].startswith(b"VMP data"):
                if offset + length > len(content):
                    return b"", True
                kept += content[at : offset + length]
                at = offset + length
                continue
            body = _whole_rows(content[offset : offset + length], length, int(module["version"]))
            if not body:
                return b"", True
            header = bytearray(content[at:offset])
            place = header.find(struct.pack("<I", length), 6 + 35)
            header[place : place + 4] = struct.pack("<I", len(body))
            return (bytes(kept + header + body) if place > 0 else b""), body[:4] != content[offset : offset + 4]
    except (OSError, ValueError):
        return b"", True
    return b"", True


def _whole_rows(data: bytes, length: int, version: int) -> bytes:
    """The data module's content with as many whole rows as there are, and that number in its first four bytes."""
    if len(data) < 8:
        return b""
    rows = struct.unpack("<I", data[:4])[0]
    begin = {0: 100 if data[5] else 1007, 2: 405, 3: 406}.get(version, 0)
    if not rows or not begin or (length - begin) % rows:
        return b""
    width = (length - begin) // rows
    whole = (len(data) - begin) // width
    if whole < 1:
        return b""
    return struct.pack("<I", whole) + data[4 : begin + whole * width]
