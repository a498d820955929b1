"""Any table: ``.csv``, ``.tsv``, ``.txt`` and ``.xlsx``, with columns guessed from their headers or named by the user.

The table is the longest run of rows of numbers; its header is the line above (or two: names and units). What stands
before is skipped. Every sheet of a workbook is read. *Fails when* there is no header, or the headers do not tell
potential and current or frequency and impedance: the refusal then shows the columns and an example of the map.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from rampion.errors import InputError, RampionError, RefusedError
from rampion.estimate import Flag
from rampion.measurement import Source, Spectrum, Trace
from rampion.readers.columns import settle_columns, split_unit
from rampion.readers.decimals import read_number
from rampion.readers.flags import ReaderFlag
from rampion.readers.parts import build_parts
from rampion.readers.text import decode, detect_separator, parse_table, split_cells, unique_names

_SUFFIXES = {".csv", ".tsv", ".txt", ".dat", ".asc", ".xlsx", ".xlsm"}
_CLOCK = re.compile(r"^(?:(\d+)[-d]\s*)?(\d+):(\d{1,2}):(\d{1,2}(?:[.,]\d*)?)$")
_DATED = re.compile(r"^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}")
SEARCHED = 2000
"""Lines of a text in which the table must begin."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a table is: its header cells (none: empty), the number of its first row, what separates its cells."""

    headers: tuple[str, ...]
    first: int
    separator: str


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
        those of :data:`rampion.readers.columns.ROLES`; a unit may be added as ``"E [mV]"``.

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
    text = text.replace("\r\r\n", "\n")  # some programs end lines twice
    lines = text.split("\n", SEARCHED)  # the last piece is the rest of the text
    place = find_table(lines)
    if place is None:
        raise RefusedError(f"{name} holds no table of numbers; expected columns of potential and current or impedance.")
    cells = split_cells(lines[place.first], place.separator)
    above = next((line.strip("\r\n ") for line in reversed(lines[: place.first]) if line.strip()), "")
    surplus = len(cells) > len(place.headers) and not above.endswith(place.separator)
    width = len(_row_cells(lines[place.first], place.separator))
    if place.headers and (surplus or width < len(place.headers)):
        raise RefusedError(
            f"{name} has rows of {width} cells under {len(place.headers)} column names, so the names cannot be "
            "assigned; export it again with all column names."
        )
    headers, repeated = _usable_headers(place.headers, cells, columns, name)
    clocks = [header for header, cell in zip(headers, cells, strict=False) if header and _is_clock(cell)]
    meanings, guess = settle_columns(headers, columns, name, clocks)
    body = "\n".join(lines[place.first :])
    words = [header for header in clocks if "time" in meanings and meanings["time"].header == header]
    table = parse_table(body, headers, separator=place.separator, words=words)
    values, start = dict(table.columns), math.nan
    for header in words:
        values[header], start = read_clock(table.words[header])
    missing = [one.header for one in meanings.values() if one.header not in values]
    if missing:
        raise RefusedError(f"{name}: the column {missing[0]!r} holds no number.")
    parts, found = build_parts(values, meanings, source=Source(format="table"), start=start)
    if not parts:
        raise RefusedError(f"{name} holds a header and no complete row of numbers: the run is empty.")
    return parts, flags + repeated + table.flags + guess + found


def _usable_headers(
    titles: Sequence[str], row: Sequence[str], columns: Mapping[str, str] | None, name: str
) -> tuple[list[str], tuple[Flag, ...]]:
    """Unique header names, one per cell of a row; numbers where there is no header and the user names columns."""
    if titles:
        return unique_names([*titles, *[""] * (len(row) - len(titles))])
    if not columns:
        raise RefusedError(
            f"{name} has {len(row)} columns of numbers without a header (the first row reads {'  '.join(row[:8])}); "
            "say which is what by number: columns={'potential': '1 [V]', 'current': '2 [mA]'}, or in the shell "
            '--column potential="1 [V]" --column current="2 [mA]".'
        )
    return [str(number) for number in range(1, len(row) + 1)], ()


def find_table(lines: Sequence[str]) -> Place | None:
    """The first row of numbers that others of the same width follow, and the header above it."""
    filled = [number for number, line in enumerate(lines[:SEARCHED]) if line.strip()]
    rows = [number for number in filled if _is_row(re.split(r"[\t; ]+|,\s*", lines[number].strip()))]
    if not rows:
        return None
    middle = rows[len(rows) // 2 :][:40]
    separator = detect_separator([lines[number] for number in middle])
    widths = Counter(len(_row_cells(lines[number], separator)) for number in middle)
    width = widths.most_common(1)[0][0]
    found = _locate(
        filled,
        width,
        cells=lambda number: _row_cells(lines[number], separator),
        titles=lambda number: _header_cells(lines[number], separator, width),
    )
    return Place(*found, separator) if found else None


def _row_cells(line: str, separator: str) -> list[str]:
    """The cells of a row, empty ones at its end included."""
    return line.split() if separator == " " else [cell.strip() for cell in line.split(separator)]


def _locate(
    filled: Sequence[int], width: int, cells: Callable[[int], list[str]], titles: Callable[[int], list[str]]
) -> tuple[tuple[str, ...], int] | None:
    """Header and number of the first row, from the cells of each row that is not empty."""
    if width < 2:
        return None
    for at, number in enumerate(filled[:SEARCHED]):
        row, following = cells(number), [cells(below) for below in filled[at + 1 : at + 2]]
        if abs(len(row) - width) <= 1 and _is_row(row) and all(map(_is_row, following)):
            return _header([titles(above) for above in filled[max(0, at - 3) : at]], width), number
    return None


def _is_row(cells: Sequence[str]) -> bool:
    cells = [cell.strip().strip('"') for cell in cells]
    numbers = sum(not all(math.isnan(read_number(cell, mark)) for mark in ".,") or _is_clock(cell) for cell in cells)
    return numbers >= 2 and 2 * numbers >= sum(bool(cell) for cell in cells)


def _header(above: Sequence[list[str]], width: int) -> tuple[str, ...]:
    """The header in the rows above the first one of numbers: names, or names and below them units."""
    rows: list[list[str]] = []
    for cells in reversed(above):
        if abs(len(cells) - width) > max(2, width // 3) or sum(bool(re.search(r"[^\W\d]", c)) for c in cells) < 2:
            break
        rows.insert(0, cells)
    if not rows:
        return ()
    if len(rows) > 1:
        names, below = rows[0], rows[1]
        units = [cell.strip("[]() ") for cell in below]
        are_units = [split_unit(f"x [{unit}]")[1] is not None and len(unit) <= 12 for unit in units if unit]
        if are_units and all(are_units) and not any(split_unit(name)[1] for name in names):
            units += [""] * len(names)
            return tuple(f"{name} [{unit}]" if unit else name for name, unit in zip(names, units, strict=False))
    return tuple(rows[-1])


def _header_cells(line: str, separator: str, width: int) -> list[str]:
    if separator == " ":  # names may hold single blanks, or a unit in brackets after one
        line = line.strip()
        ways = (re.split(r"\t|\s{2,}", line), re.findall(r"\S+(?:\s+[\[(][^\])]*[\])])?", line))
        return next((cells for cells in ways if len(cells) == width), line.split())
    cells = [
        cell.strip()
        for cell in next(csv.reader([line.replace("\r", " ")], delimiter=separator, skipinitialspace=True), [])
    ]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _is_clock(cell: str) -> bool:
    return bool(_CLOCK.match(cell.strip('" ')) or _DATED.match(cell.strip('" ')))


def read_clock(words: Sequence[str]) -> tuple[np.ndarray, float]:
    """Seconds from clock readings (``1:02:03.5``, ``2-01:02:03``, ``2024-12-06 10:06:54.7``), and the start's date.

    Dates give seconds since the first one, and that one in seconds since 1970 as the clock read.
    """
    seconds = np.array([_seconds(word.strip().strip('"')) for word in words])
    first = seconds[np.isfinite(seconds)][:1]
    if first.size and _DATED.match(words[0].strip('" ')):
        return seconds - first[0], float(first[0])
    return seconds, math.nan


def _seconds(word: str) -> float:
    match = _CLOCK.match(word)
    if match:
        days, hours, minutes, rest = match.groups()
        return int(days or 0) * 86400 + int(hours) * 3600 + int(minutes) * 60 + float(rest.replace(",", "."))
    try:
        return datetime.fromisoformat(word).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return math.nan


def _read_workbook(
    content: bytes, name: str, columns: Mapping[str, str] | None
) -> tuple[tuple[Trace | Spectrum, ...], tuple[Flag, ...]]:
    import openpyxl

    try:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        sheets = {title: [list(row) for row in book[title].iter_rows(values_only=True)] for title in book.sheetnames}
    except Exception as error:  # a damaged archive raises many kinds
        raise InputError(f"{name} is no readable workbook ({type(error).__name__}); save it again as xlsx.") from None
    parts: list[Trace | Spectrum] = []
    flags: list[Flag] = []
    reasons = []
    for title, rows in sheets.items():
        try:
            made, found = _read_sheet(rows, f"{name}, sheet {title!r}", title, columns)
        except RampionError as error:
            reasons.append((title, error))
            continue
        parts += made
        flags += found
    if not parts:
        if len(reasons) == 1:
            raise reasons[0][1]
        raise RefusedError(f"{name} holds no sheet with a table of measurements; {reasons[0][1]}" if reasons else name)
    flags += [ReaderFlag.BLOCK_SKIPPED.flag(name=title, reason=str(error).rstrip(".")) for title, error in reasons]
    return tuple(parts), tuple(flags)


def _read_sheet(
    rows: Sequence[Sequence[Any]], name: str, title: str, columns: Mapping[str, str] | None
) -> tuple[tuple[Trace | Spectrum, ...], tuple[Flag, ...]]:
    written = [[_written(cell) for cell in row] for row in rows]
    filled = [number for number, row in enumerate(written) if any(row)]
    width = max((len(row) for row in written), default=0)
    found = _locate(filled, width, cells=written.__getitem__, titles=written.__getitem__)
    if found is None:
        raise RefusedError(f"{name} holds no table of numbers.")
    titles, first = found
    headers, repeated = _usable_headers(titles, written[first], columns, name)
    clocks = [header for header, cell in zip(headers, written[first], strict=False) if header and _is_clock(cell)]
    meanings, guess = settle_columns(headers, columns, name, clocks)
    body = [list(row) + [None] * (len(headers) - len(row)) for row in rows[first:]]
    values = {}
    start = math.nan
    for at, header in enumerate(headers):
        if not header:
            continue
        cells = [row[at] for row in body]
        if header in clocks:
            values[header], begin = read_clock([_written(cell) for cell in cells])
            start = begin if "time" in meanings and meanings["time"].header == header else start
        else:
            values[header] = np.array([_value(cell) for cell in cells])
    values = {key: column for key, column in values.items() if np.isfinite(column).any()}
    missing = [one.header for one in meanings.values() if one.header not in values]
    if missing:
        raise RefusedError(f"{name}: the column {missing[0]!r} holds no number.")
    parts, found = build_parts(values, meanings, source=Source(format="workbook"), technique=title, start=start)
    if not parts:
        raise RefusedError(f"{name} holds a header and no complete row of numbers.")
    return parts, repeated + guess + found


def _written(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, timedelta):
        days, seconds = divmod(cell.total_seconds(), 86400)
        return f"{int(days)}-{int(seconds // 3600)}:{int(seconds // 60 % 60)}:{seconds % 60:.6f}"
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ")
    return repr(cell) if isinstance(cell, float) else str(cell).replace("\t", " ").replace("\n", " ")


def _value(cell: Any) -> float:
    if isinstance(cell, bool) or cell is None:
        return math.nan
    if isinstance(cell, int | float):
        return float(cell) if math.isfinite(cell) else math.nan
    return read_number(str(cell))
