"""IviumSoft's data files (``.idf``, ``.ids``): settings as ``name=value`` lines, then blocks of rows of three numbers.

A block ``primary_data`` lists Z', Z'', frequency after the method *Impedance* and time, current, potential after
*Transients*; ``ocpdata`` is the time at open circuit before it (time, potential, current). The columns of other methods
are not documented: they are refused with what to export.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rampion.errors import RefusedError
from rampion.estimate import Flag
from rampion.measurement import FrequencyScan, Rest, Source, Spectrum, Trace
from rampion.readers.clock import read_start
from rampion.readers.flags import ReaderFlag
from rampion.readers.scans import unfinished_scan

_BLOCK = re.compile(r"^.?(primary_data|ocpdata) *\r[^\n]*\n *(\d+) *\r?\n", re.M)
_SETTING = re.compile(r"^([A-Za-z][\w .\[\]/>]*)=([^\r\n]*)", re.M)
_ZEROS = re.compile(r"\0{64,}")  # the program itself writes up to 16 together
_REST = "OCP"
_COLUMNS = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Block:
    """One block: its name, the settings above it, how many rows it announces, and its complete rows (n, 3)."""

    name: str
    settings: dict[str, str]
    announced: int
    rows: np.ndarray


def recognise(head: bytes, name: str) -> bool:
    """Whether the file begins as IviumSoft's do, or is named so and holds its settings."""
    settings = b"Version=" in head[:64] and b"\nQR=" in head[:400]
    return settings or (Path(name).suffix.lower() in (".idf", ".ids") and b"Method=" in head)


def read(content: bytes, name: str, path: Path | None = None) -> tuple[tuple[Trace | Spectrum, ...], tuple[Flag, ...]]:
    """Every measurement of the file, with the open circuit before it.

    Raises
    ------
    RefusedError
        When the file holds no measurement, or one by a method whose columns are not known.
    """
    text = content.decode("latin-1")
    parts: list[Trace | Spectrum] = []
    flags: list[Flag] = []
    zeros = sum(map(len, _ZEROS.findall(text)))
    if zeros:
        flags.append(ReaderFlag.ZERO_BYTES.flag(count=zeros))
    unknown: list[str] = []
    for block in _blocks(text):
        if len(block.rows) < block.announced:
            missing = ReaderFlag.POINTS_MISSING.flag(announced=block.announced, name=block.name, found=len(block.rows))
            flags.append(missing)
        elif len(block.rows) > block.announced:
            beyond = ReaderFlag.POINTS_BEYOND.flag(announced=block.announced, name=block.name, found=len(block.rows))
            flags.append(beyond)
        start, found = _start(block.settings)
        method = block.settings.get("Method", "")
        if not block.rows.size:
            flags.append(ReaderFlag.EMPTY_BLOCK.flag(name=block.name))
        elif block.name == "ocpdata":
            before = max(len(parts) - 1, 0)  # it stands behind the measurement that it preceded
            parts[before:before] = _trace(block.rows[:, [0, 1, 2]], _REST, start, flags)
        elif method.startswith("Impedance"):
            parts += _spectrum(block, start, flags)
        elif method.startswith("Transient"):
            parts += _trace(block.rows[:, [0, 2, 1]], method, start, flags)
        else:
            unknown.append(method or "not named")
        flags += found
    if unknown and all(part.technique == _REST for part in parts):
        raise RefusedError(
            f"{name} is an Ivium measurement by the method {unknown[0]!r}, whose columns are not known; "
            "export it from IviumSoft as text (ASCII) with time, current and potential."
        )
    if unknown:
        flags.append(ReaderFlag.BLOCK_SKIPPED.flag(name="primary_data", reason=f"the method {unknown[0]!r} is unknown"))
    if not parts:
        raise RefusedError(f"{name} is an Ivium file without a point; the measurement was not run, or the file is cut.")
    return tuple(parts), tuple(dict.fromkeys(flags))


def _blocks(text: str) -> Iterator[_Block]:
    """The blocks in the order of the file; the settings above each are those since the block before, or the last."""
    at, settings = 0, {}
    for match in _BLOCK.finditer(text):
        settings = settings | dict(_SETTING.findall(text, at, match.start()))
        at = match.end()
        announced = int(match[2])
        rows: list[list[float]] = []
        while True:
            end = text.find("\n", at)
            row = _row(text[at : end if end >= 0 else len(text)])
            if row is None or end < 0:  # a last line without its end may be cut inside a number
                break
            rows.append(row)
            at = end + 1
        yield _Block(
            name=match[1], settings=settings, announced=announced, rows=np.array(rows).reshape(len(rows), _COLUMNS)
        )


def _row(line: str) -> list[float] | None:
    try:
        row = [float(cell) for cell in line.split()]
    except ValueError:
        return None
    return row if len(row) == _COLUMNS else None


def _start(settings: dict[str, str]) -> tuple[float, tuple[Flag, ...]]:
    date, _, time = settings.get("starttime", "").partition(" ")
    return read_start(date, time, month_first=False, certain=True)


def _trace(rows: np.ndarray, technique: str, start: float, flags: list[Flag]) -> list[Trace]:
    """The trace of rows of time, potential, current."""
    good = np.isfinite(rows).all(axis=1)
    if (np.diff(rows[good, 0]) < 0).any():
        flags.append(ReaderFlag.BLOCK_SKIPPED.flag(name=technique, reason="its times run backwards"))
        return []
    if not good.all():
        flags.append(ReaderFlag.DROPPED_POINTS.flag(count=int((~good).sum()), what="time, potential or current"))
    return [
        Trace(
            time=rows[good, 0],
            potential=rows[good, 1],
            current=rows[good, 2],
            technique=technique,
            protocol=Rest() if technique == _REST else None,
            start=start,
            source=Source(format="Ivium idf", instrument="Ivium"),
        )
    ] * bool(good.any())


def _spectrum(block: _Block, start: float, flags: list[Flag]) -> list[Spectrum]:
    real, imaginary, frequency = block.rows.T
    good = np.isfinite(block.rows).all(axis=1) & (frequency > 0)
    if not good.all():
        flags.append(ReaderFlag.DROPPED_POINTS.flag(count=int((~good).sum()), what="frequency or impedance"))
    if not good.any():
        return []
    planned = [_number(value) for key, value in block.settings.items() if key.startswith("Frequencies.freq[")]
    scan, unfinished = None, ()
    if len(planned) > 1 and min(planned) > 0:
        high, low = max(planned), min(planned)
        per_decade = (len(planned) - 1) / math.log10(high / low) if high > low else math.nan
        scan = FrequencyScan(high=high, low=low, points_per_decade=per_decade)
        unfinished = unfinished_scan(frequency[good], planned[0], planned[-1])
    return [
        Spectrum(
            frequency=frequency[good],
            impedance=real[good] + 1j * imaginary[good],
            technique=f"Impedance, {block.settings.get('Technique', '')}".rstrip(", "),
            protocol=scan,
            start=start,
            source=Source(format="Ivium idf", instrument="Ivium"),
            flags=unfinished,
        )
    ]


def _number(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return math.nan
