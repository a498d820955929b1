"""Text exports of Maccor's testers (MIMS, MacReport): tab or comma, header lines, one row per record.

``Amps`` and ``mAmps`` carry no sign; the column ``State`` or ``MD`` tells charge (C) from discharge (D). The test time
(``0d 00:01:02.5``, minutes or seconds) stands still while a test is suspended; ``DPt Time`` keeps these pauses. *Fails
when* the current or the test time names no unit and nothing in the file tells it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from rampion.errors import RefusedError
from rampion.estimate import Flag
from rampion.measurement import Source, Spectrum, Trace
from rampion.readers.clock import is_clock, is_dated, keep_pauses, read_clock
from rampion.readers.columns import Column, chosen_columns
from rampion.readers.direction import directed_current
from rampion.readers.flags import ReaderFlag
from rampion.readers.parts import build_parts
from rampion.readers.text import Table, decode, parse_table, unique_names

_HEADER = re.compile(r"^\s*\"?Rec(#|ord|\b)[^\n]*\b(Volt|mVolt)", re.I)
_SECONDS = {
    "s": 1.0,
    "sec": 1.0,
    "seconds": 1.0,
    "min": 60.0,
    "h": 3600.0,
    "hr": 3600.0,
    "hrs": 3600.0,
    "hours": 3600.0,
}
_KELVIN = 273.15
# What a column is, by its name in lower case without unit and blanks, with what one unit of it is in SI.
_UNITS = {
    "potential": {"volts": 1.0, "mvolts": 1e-3, "v": 1.0, "mv": 1e-3},
    "current": {"amps": 1.0, "mamps": 1e-3, "a": 1.0, "ma": 1e-3, "µa": 1e-6, "ua": 1e-6},
}
_NAMES = {"potential": ("volts", "mvolts", "voltage"), "current": ("amps", "mamps", "current")}
_TIMES = ("test", "testtime", "progtime")
_STATES = ("state", "md", "mode", "status")
_STAMPS = ("dpttime", "dpt", "datetime")


def recognise(head: bytes, name: str) -> bool:
    """Whether the text begins with Maccor's header lines or column names."""
    plain = head.replace(b"\0", b"")
    names = re.search(rb"Rec(ord)?#?[\t,; \"]+Cyc", plain) and re.search(rb"Test ?\(|Test ?Time|DPt Time", plain, re.I)
    return bool(names) or (b"Date of Test" in plain[:400] and b"Today" in plain[:200])


def read(
    content: bytes, name: str, path: Path | None = None, columns: Mapping[str, str] | None = None
) -> tuple[tuple[Trace | Spectrum, ...], tuple[Flag, ...]]:
    """The record of the export as one trace.

    Parameters
    ----------
    columns : role → header with its unit, for a potential or current whose header names none.

    Raises
    ------
    RefusedError
        When the export lists no points, or the unit of a column it needs is nowhere to be found.
    """
    text, flags = decode(content)
    lines = text.splitlines(keepends=True)
    at = next((number for number, line in enumerate(lines[:200]) if _HEADER.match(line)), None)
    if at is None or not any(line.strip() for line in lines[at + 1 :]):
        raise RefusedError(f"{name} is a Maccor export without points; the test was not run, or the file is cut.")
    separator = max("\t,;", key=lines[at].count)
    headers, repeated = unique_names(
        [cell.strip().strip('"') for cell in lines[at].rstrip().rstrip(separator).split(separator)]
    )
    plain = {header: _plain(header) for header in headers}
    states, stamps, times = (
        next((header for header in headers if plain[header][0] in names), None) for names in (_STATES, _STAMPS, _TIMES)
    )
    words = [header for header in (states, stamps, times) if header is not None]
    table = parse_table("".join(lines[at + 1 :]), headers, separator=separator, words=words)
    chosen = chosen_columns(headers, {role: one for role, one in (columns or {}).items() if role in _NAMES})
    meanings = _meanings(table, plain, name, chosen)
    values = dict(table.columns)
    flags += repeated + table.flags
    clock, date, found = read_clock(table.words[stamps], stamps) if stamps else (np.empty(0), math.nan, ())
    flags += found
    if times is not None:
        seconds = _test_time(table.words[times], plain[times][1], clock, name)
        values["test time"], found = keep_pauses(seconds, clock) if clock.size else (seconds, ())
        meanings["time"] = Column("time", "test time", 1.0, 0.0, "s")
        flags += found
    if "current" in meanings:
        values[meanings["current"].header], found = _directed(
            table, meanings["current"], meanings.get("potential"), states
        )
        flags += found
    start, found = _start(lines[:at], values.get("test time"), clock + date)
    source = Source(format="Maccor text", instrument="Maccor")
    parts, built = build_parts(values, meanings, source=source, technique="Cycling", start=start)
    if not parts:
        raise RefusedError(f"{name} is a Maccor export without a complete row of numbers; export it again.")
    return tuple(_with_temperature(part, plain) for part in parts), flags + built + found


def _plain(header: str) -> tuple[str, str]:
    """A header's name and unit in lower case without blanks: ``Test (Sec)`` → ``test``, ``sec``."""
    match = re.match(r"^(.*?)\s*[(\[]\s*([^)\]]*)\s*[)\]]\s*$", header)
    title, unit = (match[1], match[2]) if match else (header, "")
    return re.sub(r"[\s_.#]+", "", title).lower(), unit.strip().lower()


def _meanings(
    table: Table, plain: Mapping[str, tuple[str, str]], name: str, chosen: Mapping[str, Column]
) -> dict[str, Column]:
    """Potential and current with their units, as named by the user or by their headers."""
    found = dict(chosen)
    for role, names in _NAMES.items():
        if role in found:
            continue
        header = next((one for one in table.columns if plain.get(one, ("", ""))[0] in names), None)
        if header is None:
            continue
        title, unit = plain[header]
        factor = _UNITS[role].get(unit or title)
        if factor is None and role == "potential" and not unit:
            factor = 1.0  # without a unit Maccor's voltages are volts
        if factor is None:
            raise RefusedError(
                f"{name} names no unit for its column {header!r} (Maccor's own setting is A); say which it is: "
                f"columns={{{role!r}: '{header} [A]'}}, or in the shell --column {role}=\"{header} [A]\"."
            )
        found[role] = Column(role, header, factor, 0.0, unit or title)
    return found


def _test_time(cells: Sequence[str], unit: str, clock: np.ndarray, name: str) -> np.ndarray:
    """Seconds of the test from clock readings, from numbers with a unit, or by the clock beside numbers without."""
    if any(map(is_clock, cells)):
        return read_clock(cells, "test time")[0]
    numbers = np.array([_number(cell) for cell in cells])
    if unit in _SECONDS:
        return numbers * _SECONDS[unit]
    run = np.flatnonzero(np.isfinite(numbers) & np.isfinite(clock)) if clock.size else np.empty(0, dtype=int)
    if run.size > 1 and numbers[run[-1]] > numbers[run[0]]:
        ratios = np.diff(clock[run])[(steps := np.diff(numbers[run])) > 0] / steps[steps > 0]
        return numbers * min((1.0, 60.0, 3600.0), key=lambda one: abs(math.log(max(np.median(ratios), 1e-3) / one)))
    raise RefusedError(
        f"{name} names no unit for its test time and has no dates beside it; export it with 'Test (Sec)' or 'DPt Time'."
    )


def _number(cell: str) -> float:
    try:
        return float(cell.strip().strip('"').replace(",", "."))
    except ValueError:
        return math.nan


def _directed(
    table: Table, current: Column, potential: Column | None, states: str | None
) -> tuple[np.ndarray, tuple[Flag, ...]]:
    values = table.columns[current.header]
    volts = table.columns[potential.header] * potential.factor if potential is not None else None
    words = table.words[states] if states is not None else None
    directed, flags = directed_current(values, words, states or "", volts)
    if states is None and not flags and (directed > 0).any() and not (directed < 0).any():
        flags = (ReaderFlag.DIRECTION_MISSING.flag(make="Maccor", wanted="'State' or 'MD'"),)
    return directed, flags


def _start(lines: Sequence[str], time: np.ndarray | None, clock: np.ndarray) -> tuple[float, tuple[Flag, ...]]:
    """The clock at test time zero, from the first record's date or the header's date of the test."""
    if clock.size and time is not None:
        known = np.flatnonzero(np.isfinite(clock) & np.isfinite(time))
        if known.size:
            return float(clock[known[0]] - time[known[0]]), ()
    match = re.search(r"Date of Test:?[\s,;\"]*([^\t\r\n\"]+)", "".join(lines))
    if match is None or not is_dated(match[1]):
        return math.nan, (ReaderFlag.CLOCK_UNKNOWN.flag(),)
    return read_clock([match[1]], "Date of Test")[1:]


def _with_temperature(part: Trace | Spectrum, plain: Mapping[str, tuple[str, str]]) -> Trace | Spectrum:
    """The trace with the first temperature that was logged (°C)."""
    logged = next((key for key in part.extra if re.match(r"(ev|log)?temp", plain.get(key, ("", ""))[0])), None)
    if logged is None or not isinstance(part, Trace):
        return part
    return replace(part, temperature=np.asarray(part.extra[logged]) + _KELVIN)
