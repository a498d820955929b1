"""Gamry text (``.DTA``): settings line by line, then any number of tables, each with its own names and units.

Every table becomes a trace or a spectrum, in the order of the file. Times count from the file's date; a table whose
times begin again is placed after the one before it, except detector and generator, which run at once. Excitation
amplitudes are peak values (Gamry states rms). *Fails when* a table's line of units is missing: it is left out then.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from rampion.errors import RefusedError
from rampion.estimate import Flag, merge_flags
from rampion.measurement import FrequencyScan, Protocol, Rest, Source, Spectrum, Sweep, Trace
from rampion.readers.clock import read_start
from rampion.readers.columns import Column
from rampion.readers.flags import ReaderFlag
from rampion.readers.parts import build_parts
from rampion.readers.scans import unfinished_scan
from rampion.readers.text import Table, decimal_mark, decode, parse_table, read_number, unique_names

_ROLES = {
    "time": (("T", "Time"), "s"),
    "potential": (("Vf", "Vdc", "Voltage", "Vstep", "Vm"), "V"),
    "current": (("Im", "Idc", "Current", "Idif"), "A"),
    "frequency": (("Freq",), "Hz"),
    "impedance_real": (("Zreal",), "ohm"),
    "impedance_imag": (("Zimag",), "ohm"),
}
_PREFIXES = {"": 1.0, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "n": 1e-9, "p": 1e-12, "k": 1e3, "M": 1e6}
_OPEN_CIRCUIT = {"CORPOT", "OCV", "OCP"}
_ONE_WAY = {"LSV", "POTDYN", "LPR"}
_DEFAULT_AREA = 1.0


def recognise(head: bytes, name: str) -> bool:
    """Whether the text begins as Gamry's does, or the file is named so."""
    text = decode(head)[0].lstrip()
    return text.startswith(("EXPLAIN", "VFP600")) or "\nTAG\t" in text[:400] or name.lower().endswith(".dta")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """One table: its name, columns, units, and where its rows stand in the text."""

    name: str
    columns: list[str]
    units: list[str]
    announced: int | None
    begin: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settings:
    """The lines between the tables: cells by key, and the decimal mark of the numbers."""

    cells: dict[str, list[str]] = field(default_factory=dict)
    mark: str = "."

    def word(self, key: str, place: int = 1) -> str:
        cells = self.cells.get(key, [])
        return cells[place].strip() if len(cells) > place else ""

    def number(self, key: str) -> float:
        return read_number(self.word(key), self.mark)


def read(content: bytes, name: str, path: Path | None = None) -> tuple[tuple[Trace | Spectrum, ...], tuple[Flag, ...]]:
    """Every table of the file as a trace or spectrum, in order.

    Raises
    ------
    RefusedError
        When the file holds no table.
    """
    text, _ = decode(content)  # Gamry's own encoding is that of its machine
    blocks = _blocks(text)
    if not blocks:
        raise RefusedError(f"{name} holds Gamry settings and no table; the run was not recorded, or the file is cut.")
    longest = max(blocks, key=lambda block: block.end - block.begin)
    mark = decimal_mark(text, longest.begin, longest.end)
    settings = _Settings(cells=_cells(text, blocks), mark=mark)
    start, found = read_start(settings.word("DATE"), settings.word("TIME"), month_first=mark == ".")
    flags = found
    if settings.word("EXPERIMENTABORTED").startswith("T"):
        flags += (ReaderFlag.ABORTED.flag(reason="the file says 'Experiment Aborted'"),)
    area = settings.number("AREA")
    source = Source(
        format="Gamry DTA",
        instrument=settings.word("PSTATSECTION") or settings.word("PSTAT"),
        area=math.nan if area == _DEFAULT_AREA else 1e-4 * area,
    )
    parts: list[Trace | Spectrum] = []
    at_once = any(word in block.name for block in blocks for word in ("DETECTOR", "GENERATOR"))
    for block in blocks:
        made, found = _read_block(text, block, settings, start, source)
        last = max((float(_times(part).max(initial=-math.inf)) for part in parts), default=-math.inf)
        first = min((float(_times(part).min(initial=math.inf)) for part in made), default=math.inf)
        if first < last and not at_once:
            made = tuple(replace(part, time=_times(part) + last) if _times(part).size else part for part in made)
            found += (ReaderFlag.BLOCK_PLACED_AFTER.flag(name=block.name),)
        parts += made
        flags = merge_flags(flags, found)
    technique = settings.word("TAG", 0)
    if "EIS" in technique and not any(isinstance(part, Spectrum) for part in parts):
        flags += (ReaderFlag.SPECTRUM_MISSING.flag(technique=technique),)
    return tuple(parts), flags


def _times(part: Trace | Spectrum) -> np.ndarray:
    """The part's times; none when they were not recorded."""
    return part.time if part.time is not None and np.isfinite(part.time).any() else np.empty(0)


def _blocks(text: str) -> list[_Block]:
    """Every table: a line ``NAME  TABLE``, then lines that begin with a tab: names, units, rows."""
    blocks = []
    at = text.find("\tTABLE")
    while at >= 0:
        begin_of_line = text.rfind("\n", 0, at) + 1
        following = text.find("\tTABLE", at + 1)
        limit = text.rfind("\n", 0, following) + 1 if following >= 0 else len(text)
        if text[begin_of_line] != "\t":
            rows = text.find("\n", at) + 1 or len(text)
            announced = text[at + len("\tTABLE") : rows].strip()
            lines = []
            for _ in range(2):
                end = text.find("\n", rows, limit)
                end = limit if end < 0 else end
                lines.append([cell.strip() for cell in text[rows:end].split("\t")])
                rows = min(end + 1, limit)
            columns, units = lines
            blocks.append(
                _Block(
                    name=text[begin_of_line:at].strip(),
                    columns=columns,
                    units=units,
                    announced=int(announced) if announced.isdigit() else None,
                    begin=rows,
                    end=_end_of_rows(text, rows, limit),
                )
            )
        at = following
    return blocks


def _end_of_rows(text: str, begin: int, limit: int) -> int:
    """Where the last line that begins with a tab ends; stray lines before it are dropped as rows that do not fit."""
    if text[begin : begin + 1] != "\t":
        return begin
    last = max(text.rfind("\n\t", begin, limit), begin - 1)
    return text.find("\n", last + 1, limit) + 1 or limit


def _cells(text: str, blocks: list[_Block]) -> dict[str, list[str]]:
    """The settings' lines by their first cell, the first of each name."""
    cells: dict[str, list[str]] = {}
    at = 0
    for end, resume in [*((block.begin, block.end) for block in blocks), (len(text), len(text))]:
        for line in text[at:end].split("\n"):
            key, *values = line.rstrip("\r").split("\t")
            if key.strip() and values:
                cells.setdefault(key.strip(), values)
        at = resume
    return cells


def _read_block(
    text: str, block: _Block, settings: _Settings, start: float, source: Source
) -> tuple[tuple[Trace | Spectrum, ...], tuple[Flag, ...]]:
    if any(math.isfinite(read_number(unit, settings.mark)) for unit in block.units):
        reason = "its line of column names or units is missing"
        return (), (ReaderFlag.BLOCK_SKIPPED.flag(name=block.name, reason=reason),)
    names, flags = unique_names(block.columns)
    table = parse_table(text, names, mark=settings.mark, begin=block.begin, end=block.end)
    flags = merge_flags(flags, table.flags)
    technique = "OCV" if block.name.startswith("OCV") else settings.word("TAG", 0)
    columns, meanings, found = _meanings(table, names, block, settings, technique)
    flags += found
    if block.announced is not None and table.rows < block.announced:
        missing = ReaderFlag.POINTS_MISSING.flag(announced=block.announced, name=block.name, found=table.rows)
        flags += (missing,)
    if not table.rows:
        return (), (*flags, ReaderFlag.EMPTY_BLOCK.flag(name=block.name))
    if not {"potential", "current", "frequency"} & meanings.keys():
        reason = "it holds neither potential nor current nor impedance"
        return (), (*flags, ReaderFlag.BLOCK_SKIPPED.flag(name=block.name, reason=reason))
    parts, found = build_parts(columns, meanings, source=source, technique=technique, start=start)
    return tuple(_finish(part, settings) for part in parts), merge_flags(flags, found)


def _meanings(
    table: Table, names: list[str], block: _Block, settings: _Settings, technique: str
) -> tuple[dict[str, np.ndarray], dict[str, Column], tuple[Flag, ...]]:
    """The columns, what they mean, and flags; times from the sampling frequency and open-circuit currents are added."""
    units = dict(zip(names, block.units, strict=False))
    columns = dict(table.columns)
    meanings: dict[str, Column] = {}
    flags: tuple[Flag, ...] = ()
    for role, (titles, unit) in _ROLES.items():
        for title in titles:
            factor = _factor(units.get(title, ""), unit)
            if title in columns and math.isfinite(factor):
                meanings[role] = Column(role, title, factor, 0.0, units[title])
                break
    if "Idif" in columns and meanings.get("current", Column("", "", 1, 0, "")).header == "Idif":
        flags += (ReaderFlag.PULSED.flag(technique=technique or "This"),)
    if "current" not in meanings and "frequency" not in meanings and technique in _OPEN_CIRCUIT:
        columns["open circuit"] = np.zeros(table.rows)
        meanings["current"] = Column("current", "open circuit", 1.0, 0.0, "A")
    sampling = settings.number("FREQ")
    if "time" not in meanings and "frequency" not in meanings and sampling > 0 and table.rows:
        columns["T"] = np.arange(table.rows) / sampling
        meanings["time"] = Column("time", "T", 1.0, 0.0, "s")
        flags += (ReaderFlag.TIME_LAID_OUT.flag(origin="the stated acquisition frequency", interval=1 / sampling),)
    return columns, meanings, flags


def _factor(unit: str, expected: str) -> float:
    """What a column in this unit is multiplied by; NaN when it is no multiple of the expected unit."""
    unit = unit.split(" vs")[0].strip()
    if unit.lower().endswith(expected.lower()):
        return _PREFIXES.get(unit[: len(unit) - len(expected)], math.nan)
    return math.nan


def _finish(part: Trace | Spectrum, settings: _Settings) -> Trace | Spectrum:
    """The part with the protocol that the settings state."""
    if isinstance(part, Trace):
        return replace(part, protocol=_trace_protocol(part, settings))
    ends = [settings.number(key) for key in ("FREQINIT", "FREQFINAL")]
    current = settings.number("IACREQ")
    galvanostatic = math.isfinite(current)
    amplitude = math.sqrt(2) * (current if galvanostatic else settings.number("VAC") * 1e-3)
    scan = None
    if all(end > 0 for end in ends):
        scan = FrequencyScan(
            high=max(ends),
            low=min(ends),
            points_per_decade=settings.number("PTSPERDEC"),
            amplitude=amplitude,
            galvanostatic=galvanostatic,
        )
        part = replace(part, flags=(*part.flags, *unfinished_scan(part.frequency, *ends)))
    return replace(part, protocol=scan, amplitude=amplitude, galvanostatic=galvanostatic)


def _trace_protocol(trace: Trace, settings: _Settings) -> Protocol | None:
    if trace.technique in _OPEN_CIRCUIT:
        return Rest()
    rate = abs(settings.number("SCANRATE")) * 1e-3
    if trace.technique not in _ONE_WAY or "mV/s" not in settings.word("SCANRATE", 2) or not rate > 0:
        return None
    # A potential marked T counts from open circuit, not from the reference.
    start, stop = (
        math.nan if settings.word(key, 2).startswith("T") else settings.number(key) for key in ("VINIT", "VFINAL")
    )
    return Sweep(rate=rate, start=start, stop=stop)
