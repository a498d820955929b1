"""EC-Lab and BT-Lab text (``.mpt``, and ``.txt`` exported from them): header with settings, then a table between tabs.

The announced number of header lines is checked against the column names and not trusted; a file without header is read
by its column names. Decimal commas, time as dates and several exports in one file are read. *Fails when* the columns'
names are missing too, or the table holds impedance without its frequencies.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

from rampion.errors import InputError, RefusedError
from rampion.estimate import Flag, merge_flags
from rampion.measurement import Controlled, FrequencyScan, Protocol, Source, Spectrum, Sweep, Trace
from rampion.readers.clock import read_start
from rampion.readers.eclab_columns import Run, read_columns
from rampion.readers.eclab_names import TECHNIQUES, is_known, technique_of
from rampion.readers.flags import ReaderFlag
from rampion.readers.text import decode, parse_table, read_number, split_cells

_MAGIC = re.compile(r"^(?:EC-Lab|BT-Lab) ASCII FILE", re.MULTILINE)
_ANNOUNCED = re.compile(r"Nb header lines\s*:\s*(\d+)")
_LOOP = re.compile(r"^Loop (\d+) from point number (\d+) to (\d+)", re.MULTILINE)
_DATED = re.compile(r"[^\n]*\d+[/.-]\d+[/.-]\d+ \d+:\d\d")
_DARK = re.compile(r"\S")
_DEFAULT_AREA = 0.001
_CONTROLLED = {"Ewe": Controlled.WORKING, "Ece": Controlled.COUNTER, "Ewe-Ece": Controlled.CELL}
_SEARCHED = 1 << 18


def recognise(head: bytes, name: str) -> bool:
    """Whether the text begins as EC-Lab's does, or its first line holds EC-Lab's column names."""
    text = decode(head)[0]
    first = text.lstrip().split("\n", 1)[0]
    return bool(_MAGIC.match(text.lstrip())) or _names_in(first) >= 2 or name.lower().endswith(".mpt")


def read(content: bytes, name: str, path: Path | None = None) -> tuple[tuple[Trace | Spectrum, ...], tuple[Flag, ...]]:
    """Every trace and spectrum of the file, in order.

    Raises
    ------
    RefusedError
        When the file holds no column that is potential, current or impedance.
    InputError
        When no line holds EC-Lab's column names.
    """
    text, _ = decode(content)  # EC-Lab's own encoding is that of its machine
    flags: tuple[Flag, ...] = ()
    begins = [match.start() for match in _MAGIC.finditer(text)] if text.count(" ASCII FILE") > 1 else []
    edges = [0, *[begin for begin in begins if text[:begin].strip()], len(text)]
    parts: tuple[Trace | Spectrum, ...] = ()
    for first, last in pairwise(edges):
        made, found = _read_export(text[first:last] if len(edges) > 2 else text, name, path)
        parts += made
        flags = merge_flags(flags, found)
    return parts, flags


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    """What stands above the table: its lines, the settings' cells by name, where the table's names and rows begin."""

    lines: list[str]
    names: list[str]
    body: int
    settings: dict[str, list[str]] = field(default_factory=dict)

    def number(self, key: str) -> float:
        """A setting that is the same in all its sequences, NaN otherwise."""
        cells = {read_number(cell, "," if "," in cell else ".") for cell in self.settings.get(key, [])}
        return cells.pop() if len(cells) == 1 else math.nan

    def word(self, key: str) -> str:
        """A setting in words, where it is the same in all its sequences."""
        cells = set(self.settings.get(key, []))
        return cells.pop() if len(cells) == 1 else ""

    def line(self, key: str) -> str:
        """What follows ``key :`` in the header."""
        for line in self.lines:
            before, colon, after = line.partition(" : ")
            if colon and before.strip() == key:
                return after.strip()
        return ""


def _names_in(line: str) -> int:
    return sum(is_known(cell) for cell in line.split("\t"))


def _read_export(text: str, name: str, path: Path | None) -> tuple[tuple[Trace | Spectrum, ...], tuple[Flag, ...]]:
    header, flags = _header(text, name)
    technique = _technique(header, name)
    start = math.nan
    if header.lines:
        stated = header.line("Acquisition started on") or header.line("Technique started on")
        start, found = read_start(stated, certain=True)
        flags += found
    else:
        flags += (ReaderFlag.HEADER_MISSING.flag(),)
    dated = bool(_DATED.match(text, header.body)) and "time/s" in header.names
    if not _DARK.search(text, header.body):
        return (), (*flags, ReaderFlag.EMPTY_BLOCK.flag(name=technique or name))
    table = parse_table(text, header.names, words=("time/s",) if dated else (), begin=header.body)
    columns = dict(table.columns)
    if dated:
        month_first = "DDMM" not in header.line("Time format")
        words = table.words["time/s"]
        moments = np.array([read_start(word, month_first=month_first, certain=True)[0] for word in words])
        if np.isfinite(moments).any():
            start = float(moments[np.isfinite(moments)][0])
            columns["time/s"] = moments - start
    if not table.rows:
        cells = len(split_cells(text[header.body :].split("\n", 1)[0], "\t"))
        if cells > len(header.names):
            raise RefusedError(
                f"{name} has rows of {cells} cells under {len(header.names)} column names, so the names cannot be "
                "assigned; export it again with all column names."
            )
        return (), (*flags, *table.flags, ReaderFlag.EMPTY_BLOCK.flag(name=technique or name))
    whole = not any(flag.code == ReaderFlag.RAGGED_ROWS.name.lower() for flag in table.flags)
    loops, announced = _loops(header, path)
    if whole and table.rows < announced:
        flags += (ReaderFlag.CUT_FILE.flag(where=f"its {announced} points", kept=table.rows),)
    run = Run(
        technique=technique,
        start=start,
        protocol=_protocol(header, technique),
        controlled=_CONTROLLED.get(header.line("Potential control")),
        loops=loops if whole else (),
        source=Source(format="EC-Lab text", instrument=header.line("Device"), area=_area(header)),
    )
    if not any(is_known(column) for column in columns):
        raise RefusedError(f"{name} holds no column of numbers that is potential, current or impedance.")
    parts, found = read_columns(columns, run)
    return parts, merge_flags(flags, table.flags, found)


def _header(text: str, name: str) -> tuple[_Header, tuple[Flag, ...]]:
    """Find the line of column names: where the header announces it, else the first that holds EC-Lab's names."""
    lines = text[:_SEARCHED].split("\n")
    announced = _ANNOUNCED.search(text[:4096])
    count = int(announced[1]) if announced else 0
    flags: tuple[Flag, ...] = ()
    if 0 < count <= len(lines) and _names_in(lines[count - 1]) >= 2:
        place = count - 1
    else:
        place = next((number for number, line in enumerate(lines) if _names_in(line) >= 2), None)
        if place is None:
            place = next((number for number, line in enumerate(lines) if _names_in(line) and "\t" in line), None)
        if place is None:
            raise InputError(
                f"{name} has no line with EC-Lab's column names (time/s, Ewe/V, freq/Hz, …); export it again with them."
            )
        if announced:
            flags = (ReaderFlag.HEADER_COUNT_WRONG.flag(announced=count, found=place + 1),)
    names = split_cells(lines[place], "\t")
    settings: dict[str, list[str]] = {}
    previous = ""
    for line in lines[:place]:
        line = line.rstrip("\r")
        if len(line) > 20 and " : " not in line and not line[0].isspace():
            key = " ".join(line[:20].split())
            cells = [line[at : at + 20].strip() for at in range(20, len(line.rstrip()), 20)]
            # 'vs.' stands below each potential.
            settings.setdefault(f"{previous} vs." if key == "vs." else key, cells)
            previous = key
    body = sum(len(line) + 1 for line in lines[: place + 1])
    return _Header(
        lines=[line.rstrip("\r") for line in lines[:place]], names=names, body=body, settings=settings
    ), flags


def _technique(header: _Header, name: str) -> str:
    """The technique's short name: from its line in the header, else from the file's name."""
    for line in header.lines[1:12]:
        title = line.strip()
        if title in TECHNIQUES:
            return TECHNIQUES[title]
    titled = [line.strip() for line in header.lines[2:5] if line.strip() and " : " not in line]
    return titled[0] if titled else technique_of(name)


def _protocol(header: _Header, technique: str) -> Protocol | None:
    """What the settings state for a sweep or an impedance scan."""
    if technique in ("LSV", "CV", "CVA"):
        scale = {"mV/s": 1e-3, "V/s": 1.0, "mV/mn": 1e-3 / 60, "mV/min": 1e-3 / 60, "mV/h": 1e-3 / 3600}
        rate = abs(header.number("dE/dt")) * scale.get(header.word("dE/dt unit"), math.nan)
        if not (math.isfinite(rate) and rate > 0):
            return None
        ends = {key: header.number(f"{key} (V)") for key in ("Ei", "EL", "E1", "E2")}
        for key in ends:
            if header.word(f"{key} (V) vs.") not in ("Ref", ""):
                ends[key] = math.nan
        vertices = () if technique == "LSV" else (ends["E1"], ends["E2"])
        return Sweep(rate=rate, start=ends["Ei"], stop=ends["EL"], vertices=vertices)
    if technique in ("PEIS", "GEIS", "SPEIS", "SGEIS"):
        scale = {"MHz": 1e6, "kHz": 1e3, "Hz": 1.0, "mHz": 1e-3, "µHz": 1e-6}
        ends = [header.number(key) * scale.get(header.word(f"unit {key}"), math.nan) for key in ("fi", "ff")]
        if not all(math.isfinite(end) and end > 0 for end in ends):
            return None
        galvanostatic = technique in ("GEIS", "SGEIS")
        amplitude = header.number("Va (mV)") * 1e-3
        if galvanostatic:
            unit = {"A": 1.0, "mA": 1e-3, "µA": 1e-6, "nA": 1e-9}.get(header.word("unit Ia"), math.nan)
            amplitude = header.number("Ia") * unit
        points = header.number("Nd") if header.word("Points") == "per decade" else math.nan
        return FrequencyScan(
            high=max(ends), low=min(ends), points_per_decade=points, amplitude=amplitude, galvanostatic=galvanostatic
        )
    return None


def _area(header: _Header) -> float:
    """The stated electrode area [m²], NaN where it is the program's default."""
    stated = header.line("Electrode surface area")
    number = read_number(stated.split(" ")[0], "," if "," in stated else ".") if stated else math.nan
    return math.nan if number == _DEFAULT_AREA else 1e-4 * number


def _loops(header: _Header, path: Path | None) -> tuple[list[int], int]:
    """Rows where a repetition begins, and how many rows there are: from the header, else from EC-Lab's list beside."""
    found = [(int(match[2]), int(match[3])) for match in _LOOP.finditer("\n".join(header.lines))]
    if found or path is None:
        return [first for first, _ in found], max((last + 1 for _, last in found), default=0)
    beside = path.with_name(f"{path.stem}_LOOP.txt")
    if not beside.is_file():
        return [], 0
    rows = [int(line) for line in decode(beside.read_bytes())[0].split("\n")[1:] if line.strip().isdigit()]
    return rows, max(rows, default=0)
