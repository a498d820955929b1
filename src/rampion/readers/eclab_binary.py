"""EC-Lab's binary files (``.mpr``), through galvani (GPL-3), which is called at run time and installed on request.

A file cut by a crash or a copy is read as far as its points are complete: the file is a row of modules (settings,
data, log, loops), each with its length; the data module is shortened to whole rows before galvani sees it. The day and
time of the start stand in the log, at the end, so a cut file does not know them.

Technique, ramp, frequencies and area are read from the settings (:mod:`rampion.readers.eclab_settings`).

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
from rampion.readers.eclab_names import technique_of
from rampion.readers.eclab_settings import stated_area, stated_protocol, technique_of_settings
from rampion.readers.flags import ReaderFlag

_MAGIC = b"BIO-LOGIC MODULAR FILE\x1a"
_HARMONIC = re.compile(r"^(THD|NSD|NSR) | h[2-9]\|")
# Columns by their numbers, as EC-Lab's text names them: those that galvani lacks, and the one that it names otherwise.
_NAMED = {
    15: "Phase(Z1)/deg", 45: "|Z1|/Ohm", 46: "|Z2|/Ohm", 105: "-Im(Z1)/Ohm", 106: "-Im(Z2)/Ohm", 135: "<E1>/V",
    136: "<E2>/V", 166: "Phase(Zstack)/deg", 167: "|Zstack|/Ohm", 175: "|Zwe-ce|/Ohm", 176: "Re(Zwe-ce)/Ohm",
    177: "-Im(Zwe-ce)/Ohm", 185: "<Ece>/V", 206: "Temperature/°C", 215: "<Ece>/V", 219: "THD Ece/%", 222: "NSD Ece/%",
    225: "NSR Ece/%", **{242 + number: f"|Ece h{2 + number}|/V" for number in range(1, 6)}, 441: "<Ece>/V",
}  # fmt: skip
# One number has two meanings: the average of Ewe, or a phase where the file holds Ewe by another number.
_AVERAGE, _OTHERWISE, _PHASE = 174, (6, 77), "Phase(Zwe-ce)/deg"
_SINGLE = "<f4"
_BYTE = 256
_PACKED = (1, 2, 3, 21, 31, 65)  # flags that share one byte


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
    technique = technique_of_settings(settings) or technique_of(name)
    run = Run(
        technique=technique,
        start=math.nan if start is None else start.replace(tzinfo=UTC).timestamp(),
        protocol=stated_protocol(settings, technique),
        loops=[int(row) for row in record.loop_index] if record.loop_index is not None else (),
        source=Source(format="EC-Lab mpr", instrument="Bio-Logic", area=1e-4 * stated_area(settings)),
    )
    columns = _columns(record, technique)
    unknown = [column for column in columns if column.startswith("unknown_colID")]
    if unknown:
        flags += (ReaderFlag.UNKNOWN_COLUMNS_KEPT.flag(names=", ".join(unknown)),)
    if not len(record.data):
        return (), (*flags, ReaderFlag.EMPTY_BLOCK.flag(name=run.technique or name))
    with np.errstate(invalid="ignore"):  # damaged numbers are no warning of the program's
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
    known, packed = BioLogic.VMPdata_colID_dtype_map, BioLogic.VMPdata_colID_flag_map
    for number in range(2 * _BYTE):
        low = number % _BYTE
        if number not in known and number not in packed and (low in _NAMED or low in known):
            known[number] = (_NAMED[low], _SINGLE) if low in _NAMED else known[low]
    return BioLogic


def _open(galvani: ModuleType, content: bytes) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # unknown columns are told by a flag
        return galvani.MPRfile(io.BytesIO(content))


def _columns(record: Any, technique: str) -> Mapping[str, np.ndarray]:
    """The columns under EC-Lab's names; of the packed flags, the mode (galvanostatic, potentiostatic, rest)."""
    numbers = [int(number) for number in record.cols]
    wide = [number for number in numbers if number not in _PACKED]
    columns: dict[str, np.ndarray] = {}
    for column in map(str, record.data.dtype.names):
        if column == "flags":
            if "mode" in record.flags_dict:
                columns["mode"] = record.data["flags"] & np.uint8(record.flags_dict["mode"][0])
            continue
        number = wide.pop(0)
        name = _NAMED.get(number, column)
        if number % _BYTE == _AVERAGE and any(other in numbers for other in _OTHERWISE):
            name = _PHASE
        if technique == "BCD":  # there the cell's voltage is stored as Ewe
            name = name.replace("Ewe/V", "Ecell/V")
        if not _HARMONIC.search(name):
            columns[name if name not in columns else column] = record.data[column]
    return columns


def _salvage(galvani: ModuleType, content: bytes) -> tuple[bytes, bool]:
    """The file with its data module cut to whole rows, without its log (empty when nothing is left).

    The list of repetitions, which stands last, is kept. The second value tells whether rows are missing.
    """
    kept = bytearray()
    stream = io.BytesIO(content)
    stream.seek(len(galvani.MPR_MAGIC))
    at = 0
    rows, shortened = False, True
    try:
        for module in galvani.read_VMP_modules(stream, read_module_data=False):
            offset, length, name = int(module["offset"]), int(module["length"]), module["shortname"]
            whole = offset + length <= len(content)
            if name.startswith(b"VMP data"):
                body = _whole_rows(content[offset : offset + length], length, int(module["version"]))
                header = bytearray(content[at:offset])
                place = header.find(struct.pack("<I", length), 6 + 35)
                if not body or place < 0:
                    return b"", True
                header[place : place + 4] = struct.pack("<I", len(body))
                kept += header + body
                rows, shortened = True, body[:4] != content[offset : offset + 4]
            elif not rows and not whole:
                return b"", True
            elif whole and (not rows or name.startswith(b"VMP loop")):
                kept += content[at : offset + length]
            at = offset + length
    except (OSError, ValueError):
        pass  # what stands behind the data is cut
    return (bytes(kept) if rows else b""), shortened


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
