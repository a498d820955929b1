"""Any table: ``.csv``, ``.tsv``, ``.txt`` and ``.xlsx``, with columns guessed from their headers or named by the user.

The table is the longest run of rows of numbers; its header is the line above (or two: names and units). What stands
before is skipped. Every sheet of a workbook is read by the same rules. Three columns that are a frequency scan need no
header. *Fails when* the columns do not tell potential and current or frequency and impedance: the refusal then shows
the columns and how to name them.
"""

from __future__ import annotations

import io
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from rampion.errors import InputError, RampionError, RefusedError
from rampion.estimate import Flag
from rampion.measurement import Source, Spectrum, Trace
from rampion.readers.cells import Suffixed, suffixed_columns
from rampion.readers.clock import is_clock, is_dated, keep_pauses, read_clock
from rampion.readers.column_advice import no_header
from rampion.readers.columns import Column, ColumnAbsentError, guess_columns, has_impedance, has_trace, settle_columns
from rampion.readers.convention import guess_three, settle_convention
from rampion.readers.direction import directed_current, is_direction
from rampion.readers.find_table import SEARCHED, find_table
from rampion.readers.flags import ReaderFlag
from rampion.readers.headers import ASSUMED, NAMES, plain_name, split_unit
from rampion.readers.parts import build_parts
from rampion.readers.table_names import fewest_cells, fit_names
from rampion.readers.text import Table, decode, parse_table, row_cells

_SUFFIXES = {".csv", ".tsv", ".txt", ".dat", ".asc", ".xlsx", ".xlsm"}
_ANNOUNCED = re.compile(
    r"(?i)\b(?:number|nb\.?|no\.?|num|count)\s*(?:of)?\s*(?:data\s*)?(?:points|rows|records|samples)\b\D{0,8}(\d+)\s*$"
)
_SAMPLE = 50  # rows that show what the columns hold
_WARMER_THAN_CELLS = 200.0  # a temperature without unit above this is in K and not in °C
_HAS_SECONDS = re.compile(r":\d\d:\d\d")


def recognise(head: bytes, name: str) -> bool:
    """Whether the name ends as tables do, or the bytes are a workbook's."""
    return Path(name).suffix.lower() in _SUFFIXES


def read(
    content: bytes, name: str, path: Path | None = None, columns: Mapping[str, str] | None = None
) -> tuple[tuple[Trace | Spectrum, ...], tuple[Flag, ...]]:
    """The traces and spectra of the table.

    Parameters
    ----------
    columns : role → header, e.g. ``{"potential": "Ecell/V", "current": "I/mA"}``; overrides the guess. Roles are
        those of :data:`rampion.readers.headers.ROLES`; a unit may be added as ``"E [mV]"``.

    Raises
    ------
    RefusedError
        When the columns cannot be told apart, or hold a current density only.
    InputError
        When a column that the user named is not there, or its unit measures something else.
    """
    if content[:2] == b"PK" or Path(name).suffix.lower() in (".xlsx", ".xlsm"):
        return _read_workbook(content, name, columns)
    text, flags = decode(content)
    whole = [text.replace("\r\r\n", "\n")]  # some programs end lines twice
    del text
    parts, found = _read_text(whole, name, columns, Source(format="table"))
    return parts, flags + found


def _read_text(
    whole: list[str],
    name: str,
    columns: Mapping[str, str] | None,
    source: Source,
    technique: str = "",
    separator: str = "",
) -> tuple[tuple[Trace | Spectrum, ...], tuple[Flag, ...]]:
    """Of the one text in the list, which is taken out: a long one is let go once its numbers are read."""
    text = whole.pop()
    lines = text.split("\n", SEARCHED)[:SEARCHED]
    place = find_table(lines, separator)
    if place is None:
        raise RefusedError(f"{name} holds no table of numbers; expected columns of potential and current or impedance.")
    sample = [row_cells(line, place.separator) for line in lines[place.first : place.first + _SAMPLE] if line.strip()]
    width = Counter(map(len, sample)).most_common(1)[0][0]
    row = next(cells for cells in sample if len(cells) == width)
    headers, flags = fit_names(place, row, lines, columns, name)
    begin = sum(len(line) + 1 for line in lines[: place.first])
    clocks = [
        header
        for at, header in enumerate(headers)
        if header and any(is_clock(cells[at]) for cells in sample if at < len(cells))
    ]
    suffixed = suffixed_columns(headers, sample, clocks)
    states = _state_column(headers, sample) or ""
    table = parse_table(
        text,
        headers,
        separator=place.separator,
        words=[*clocks, *(one.header for one in suffixed), *([states] if states else [])],
        begin=begin,
        fewest=fewest_cells(headers, row, columns),
        mark="." if separator else None,
    )
    del text
    values, start, found = _values(table, clocks, suffixed)
    flags += table.flags + found
    units = {one.header: one.unit for one in suffixed if one.unit}
    meanings, found = _meanings(headers, values, columns, name, clocks, units)
    flags += found
    values, start, found = _with_pauses(values, meanings, table, clocks, start)
    flags += found
    if "current" in meanings:
        values, found = _directed(values, meanings, table.words.get(states), states)
        flags += found
    if has_impedance(meanings):
        meanings, found = settle_convention(values, meanings, columns or {})
        flags += found
    parts, found = build_parts(values, meanings, source=source, technique=technique, start=start)
    flags += found
    if not parts:
        raise RefusedError(
            f"{name} has no row with a number in each of {', '.join(repr(one.header) for one in meanings.values())}; "
            f"{table.rows} rows were read: export it again, or name other columns."
        )
    if any(isinstance(part, Trace) for part in parts) and "time" not in meanings:
        flags += (_no_time(headers, values),)
    return parts, flags + _shortfall(lines[: place.first], table)


def _state_column(headers: Sequence[str], sample: Sequence[Sequence[str]]) -> str | None:
    """The column of a cycler's states, in words."""
    for at, header in enumerate(headers):
        cells = [row[at] for row in sample if at < len(row)]
        if is_direction(header) and any(re.search(r"[^\W\d_]", cell) for cell in cells):
            return header
    return None


def _values(
    table: Table, clocks: Sequence[str], suffixed: Sequence[Suffixed]
) -> tuple[dict[str, np.ndarray], float, tuple[Flag, ...]]:
    """The columns with those of clock readings [s] and of numbers with units, and the date of the first row."""
    values, start, flags = dict(table.columns), math.nan, ()
    for one in suffixed:
        values[one.header], found = one.read(table.words[one.header])
        flags += found
    dated = next((header for header in clocks if any(map(is_dated, table.words[header][:1]))), None)
    for header in clocks:
        values[header], begin, found = read_clock(table.words[header], header)
        flags += found
        start = begin if header == dated else start
    return {key: column for key, column in values.items() if np.isfinite(column).any()}, start, flags


def _meanings(
    headers: Sequence[str],
    values: Mapping[str, np.ndarray],
    columns: Mapping[str, str] | None,
    name: str,
    clocks: Sequence[str],
    units: Mapping[str, str],
) -> tuple[dict[str, Column], tuple[Flag, ...]]:
    """What the columns mean; a time that holds no number is left out, any other such column refused."""
    guessed = guess_columns(headers, clocks, units)
    numeric = [header for header in headers if header in values]
    if not columns and len(numeric) == 3 and not (has_impedance(guessed) or has_trace(guessed)):
        three = guess_three((numeric[0], numeric[1], numeric[2]), values)
        if three:
            mapping = ", ".join(
                f"{role} = {'-' if one.factor < 0 else ''}{one.header!r} in {one.unit}" for role, one in three.items()
            )
            return three, (ReaderFlag.COLUMNS_BY_POINTS.flag(mapping=mapping),)
    if not columns and headers[0] == "1" and headers == [str(number + 1) for number in range(len(headers))]:
        raise RefusedError(no_header(len(headers), [f"{values[one][0]:g}" for one in numeric], name))
    meanings, flags = settle_columns(headers, columns, name, clocks, units)
    warmth = meanings.get("temperature")
    if warmth and split_unit(warmth.header)[1] is None and warmth.unit == ASSUMED["temperature"]:
        shown = values.get(warmth.header, np.zeros(1))
        in_kelvin = replace(warmth, factor=1.0, offset=0.0, unit="K")
        meanings["temperature"] = in_kelvin if np.nanmedian(shown) > _WARMER_THAN_CELLS else warmth
    missing = [role for role, one in meanings.items() if one.header not in values]
    for role in missing:
        if role not in ("time", "temperature") or role in (columns or {}):
            raise RefusedError(f"{name}: the column {meanings[role].header!r} holds no number.")
        meanings.pop(role)
    return meanings, flags


def _with_pauses(
    values: dict[str, np.ndarray], meanings: Mapping[str, Column], table: Table, clocks: Sequence[str], start: float
) -> tuple[dict[str, np.ndarray], float, tuple[Flag, ...]]:
    """The times with the pauses that dates beside them show, and the date at which they are zero."""
    time = meanings.get("time")
    dated = next((one for one in clocks if one in values and is_dated(table.words[one][0])), None)
    if time is None or dated is None or time.header == dated:
        return values, start, ()
    seconds, clock = values[time.header] * time.factor + time.offset, values[dated]
    known = np.flatnonzero(np.isfinite(seconds) & np.isfinite(clock))
    if not known.size or np.any(np.diff(seconds[known]) < 0):
        return values, math.nan, ()
    start += float(clock[known[0]] - seconds[known[0]])
    if not all(_HAS_SECONDS.search(cell) for cell in table.words[dated][:2]):
        return values, start, ()
    seconds, flags = keep_pauses(seconds, clock)
    return {**values, time.header: (seconds - time.offset) / time.factor}, start, flags


def _directed(
    values: Mapping[str, np.ndarray], meanings: Mapping[str, Column], states: Sequence[str] | None, column: str
) -> tuple[dict[str, np.ndarray], tuple[Flag, ...]]:
    current, potential = meanings["current"], meanings.get("potential")
    volts = values[potential.header] * potential.factor + potential.offset if potential else None
    directed, flags = directed_current(values[current.header], states, column, volts)
    return {**values, current.header: directed}, flags


def _no_time(headers: Sequence[str], values: Mapping[str, np.ndarray]) -> Flag:
    """Why a trace has no time."""
    for header in headers:
        if plain_name(split_unit(header)[0])[0] in NAMES["time"]:
            reason = f"it names no unit: add --column time='{header} [unit]'"
            if header not in values:
                reason = "its cells are neither numbers nor clock readings"
            return ReaderFlag.TIME_UNREADABLE.flag(column=header, reason=reason)
    return ReaderFlag.TIME_UNKNOWN.flag()


def _shortfall(above: Sequence[str], table: Table) -> tuple[Flag, ...]:
    """A flag where the lines above the table announce more points than it has."""
    for line in above:
        match = _ANNOUNCED.search(line.strip().strip(',;\t"'))
        if match and int(match[1]) > table.rows:
            return (ReaderFlag.POINTS_MISSING.flag(announced=int(match[1]), name="table", found=table.rows),)
    return ()


def _read_workbook(
    content: bytes, name: str, columns: Mapping[str, str] | None
) -> tuple[tuple[Trace | Spectrum, ...], tuple[Flag, ...]]:
    import openpyxl

    try:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        sheets = {title: _as_text(book[title].iter_rows(values_only=True)) for title in book.sheetnames}
    except Exception as error:  # a damaged archive raises many kinds
        raise InputError(f"{name} is no readable workbook ({type(error).__name__}); save it again as xlsx.") from None
    parts: list[Trace | Spectrum] = []
    flags: list[Flag] = []
    reasons = []
    source = Source(format="workbook")
    for title, text in sheets.items():
        try:
            made, found = _read_text(
                [text], f"{name}, sheet {title!r}", columns, source, technique=title, separator="\t"
            )
        except RampionError as error:
            reasons.append((title, error))
            continue
        parts += made
        flags += found
    if not parts:
        absent = next((error for _, error in reasons if isinstance(error, ColumnAbsentError)), None)
        if len(reasons) == 1 or absent is not None:
            raise absent or reasons[0][1]
        why = f"; {reasons[0][1]}" if reasons else " and no sheet at all; save it again as xlsx."
        raise RefusedError(f"{name} holds no sheet with a table of measurements{why}")
    if reasons:
        flags.append(ReaderFlag.SHEETS_SKIPPED.flag(names=", ".join(repr(title) for title, _ in reasons)))
    return tuple(parts), tuple(flags)


def _as_text(rows: Any) -> str:
    """A sheet as lines of cells between tabs, so that its cells are read by the same rules as those of a text."""
    return "".join("\t".join(map(_written, row)) + "\n" for row in rows)


def _written(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, timedelta):
        days, seconds = divmod(cell.total_seconds(), 86400)
        return f"{int(days)}-{int(seconds // 3600)}:{int(seconds // 60 % 60)}:{seconds % 60:09.6f}"
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ")
    return repr(cell) if isinstance(cell, float) else re.sub(r"[\t\r\n]+", " ", str(cell))
