"""Records that Neware's program (BTSDA) exports as text: rows of cycles, steps and records nested in one file, or flat.

The header has three lines, ``Cycle ID``, ``,Step ID,Step Name`` and ``,,Record ID,Time(h:min:s.ms),Voltage(V),
Current(mA),…,Realtime``; the leading empty cells of a row show its kind. The time begins again with every step;
test time adds the steps up, and the pauses between them are those of the real time. A flat export with the same
columns in one header line is read alike; one with a total time is a plain table.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rampion.errors import RefusedError
from rampion.estimate import Flag
from rampion.measurement import Source, Spectrum, Trace
from rampion.readers.clock import keep_pauses, read_clock
from rampion.readers.columns import Column, guess_columns
from rampion.readers.direction import directed_current
from rampion.readers.flags import ReaderFlag
from rampion.readers.parts import build_parts
from rampion.readers.text import decode, parse_table, unique_names, without_cut_end

_RECORD = re.compile(r"^record\W*(id|index|number|no)?\W*$", re.I)
_STATE = re.compile(r"^(step ?(name|type)|state|status|mode)\b", re.I)
_TIME = re.compile(r"^(time|relative time|step time)\b", re.I)
_REAL = re.compile(r"^(real ?time|absolute time|date ?time|date)\b", re.I)
_STEP = re.compile(r"^step\W*(id|index|number|no)?\W*$", re.I)
_OWN = ("state of the step", "number of the step")
_SHORT = {"Cur(": "Current(", "Vol(": "Voltage(", "Volt(": "Voltage("}
_SEARCHED = 20


def recognise(head: bytes, name: str) -> bool:
    """Whether the first lines name records, steps and the time within a step, and no total time."""
    plain = head.replace(b"\0", b"")[:4000]
    beginning = b"\n".join(plain.splitlines()[:_SEARCHED])
    if re.search(rb"(total|cumulative|test) ?time", beginning, re.I):
        return False
    return bool(re.search(rb"\bRecord ?(ID|Index|#|No)", beginning, re.I)) and bool(
        re.search(rb"\bStep", beginning) and re.search(rb"Time ?\(h:min:s", beginning, re.I)
    )


def read(content: bytes, name: str, path: Path | None = None) -> tuple[tuple[Trace | Spectrum, ...], tuple[Flag, ...]]:
    """The record as one trace.

    Raises
    ------
    RefusedError
        When the export lists no records, or they show neither potential nor current.
    """
    text, flags = decode(content)
    lines = text.splitlines()
    header = next((n for n, line in enumerate(lines[:_SEARCHED]) if any(map(_RECORD.match, _cells(line)))), None)
    if header is None:
        raise RefusedError(f"{name} is a Neware export whose records have no header; export it again from BTSDA.")
    separator = _separator(lines[header])
    cells = _cells(lines[header])
    begin = next(place for place, cell in enumerate(cells) if cell)
    names, repeated = unique_names([_spelt(cell) for cell in cells[begin:]])
    end, doubtful = without_cut_end(text, separator, begin=text.index(lines[header]) + len(lines[header]))
    rows, dropped = _nested(text[:end].splitlines(), header, begin, separator)
    flags += repeated + ((doubtful,) if doubtful else ())
    if dropped:
        flags += (ReaderFlag.RAGGED_ROWS.flag(count=dropped, expected=len(cells)),)
    words = [one for one in (_first(names, _TIME), _first(names, _REAL), _first(names, _STATE), *_OWN) if one]
    body = "\n".join([*rows, ""])
    table = parse_table(body, [*names, *_OWN], separator=separator, words=words)
    meanings = {role: one for role, one in guess_columns(names).items() if role in ("potential", "current")}
    meanings = {role: one for role, one in meanings.items() if one.header in table.columns}
    if not table.rows or not meanings:
        raise RefusedError(f"{name} is a Neware export without records of potential and current; export the records.")
    values = dict(table.columns)
    flags += table.flags
    time, start, found = _time(table.words, names, values)
    flags += found
    if time is not None:
        values["test time"] = time
        meanings["time"] = Column("time", "test time", 1.0, 0.0, "s")
    if "current" in meanings:
        current = meanings["current"].header
        states = table.words[_first(names, _STATE) or _OWN[0]]
        volts = meanings.get("potential")
        potential = values[volts.header] * volts.factor if volts is not None else None
        column = _first(names, _STATE) or "Step Name"
        values[current], found = directed_current(values[current], states, column, potential)
        flags += found
    source = Source(format="Neware text", instrument="Neware")
    parts, built = build_parts(values, meanings, source=source, technique="Cycling", start=start)
    if not parts:
        raise RefusedError(f"{name} is a Neware export without a complete record; export it again from BTSDA.")
    return parts, flags + built


def _separator(line: str) -> str:
    return max("\t,;", key=line.count)


def _cells(line: str) -> list[str]:
    return [cell.strip().strip('"').strip() for cell in line.split(_separator(line))]


def _spelt(header: str) -> str:
    short = next((one for one in _SHORT if header.startswith(one)), None)
    return header.replace(short, _SHORT[short], 1) if short else header


def _first(names: Sequence[str], pattern: re.Pattern[str]) -> str | None:
    return next((name for name in names if pattern.match(name)), None)


def _nested(lines: Sequence[str], header: int, begin: int, separator: str) -> tuple[list[str], int]:
    """The rows of the records, each with its step's state and number behind it; how many rows were dropped."""
    width = len(_cells(lines[header])) - begin
    places = {}
    for line in lines[:header]:  # the header of the steps
        cells = line.split(separator)
        depth = _depth(cells)
        if any(map(_STEP.match, (cell.strip(' "') for cell in cells))):
            state = next((place for place, cell in enumerate(cells) if _STATE.match(cell.strip(' "'))), None)
            places = {"depth": depth, "state": state}
    rows: list[str] = []
    state, step, dropped = "", 0, 0
    for line in lines[header + 1 :]:
        cells = line.split(separator)
        depth = _depth(cells)
        if depth == len(cells):
            continue
        if places and depth == places["depth"] and depth != begin:
            at = places["state"]
            state, step = (cells[at].strip(' "') if at is not None and at < len(cells) else ""), step + 1
        elif depth == begin:
            record = [cell.strip(' \t"') for cell in cells[begin : begin + width]]
            if len(record) < width:
                dropped += 1
                continue
            rows.append(separator.join([*record, state, str(step)]))
        elif depth > begin:
            dropped += 1
    return rows, dropped


def _depth(cells: Sequence[str]) -> int:
    return next((place for place, cell in enumerate(cells) if cell.strip(' "\t')), len(cells))


def _time(
    words: dict[str, list[str]], names: Sequence[str], values: dict[str, np.ndarray]
) -> tuple[np.ndarray | None, float, tuple[Flag, ...]]:
    """Test time [s] from the times within the steps, with the pauses of the real time, and the start's date."""
    step, real = _first(names, _TIME), _first(names, _REAL)
    clock, start, flags = read_clock(words[real], real) if real else (np.empty(0), np.nan, ())
    if step is None:
        return (clock if clock.size else None), start, flags
    within, _, found = read_clock(words[step], step)
    flags += found
    number = _first(names, _STEP)
    steps = values[number] if number in values else np.array(words[_OWN[1]], dtype=float)
    known = np.flatnonzero(np.isfinite(within))
    if not known.size:
        return (clock if clock.size else None), start, flags
    times, at = within[known], steps[known]
    begins = np.flatnonzero((np.diff(at) != 0) | (np.diff(times) < 0)) + 1
    ends = np.zeros(known.size)
    ends[begins] = times[begins - 1]
    total = np.full(within.size, np.nan)
    total[known] = times + np.cumsum(ends)
    if clock.size:
        total[known], found = keep_pauses(total[known], clock[known])
        start = start - float(total[known[0]]) if np.isfinite(clock[known[0]]) else start
        flags += found
    return total, start, flags
