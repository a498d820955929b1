"""Where a table begins among the lines of a text, what separates its cells, and what its header says."""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rampion.readers.cells import has_suffix
from rampion.readers.clock import is_clock
from rampion.readers.decimals import read_number
from rampion.readers.headers import dimension, split_unit
from rampion.readers.text import SEPARATORS, detect_separator, row_cells

SEARCHED = 2000
"""Lines of a text in which the table must begin."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a table is: its header cells (none: empty), the number of its first row, what separates its cells."""

    headers: tuple[str, ...]
    first: int
    separator: str


def find_table(lines: Sequence[str], separator: str = "") -> Place | None:
    """The first row of numbers that others of the same width follow, and the header above it.

    Numbers with units or prefixes (``3.2 mA``) make rows where most rows are of such.
    """
    filled = [number for number, line in enumerate(lines[:SEARCHED]) if line.strip()]
    found = [
        (is_number, [number for number in filled if _looks_like_row(lines[number], separator, is_number)])
        for is_number in (_is_number, _is_quantity)
    ]
    (is_number, rows), (_, wider) = found
    if 2 * len(rows) < len(wider):
        is_number, rows = _is_quantity, wider
    if not rows:
        return None
    middle = rows[len(rows) // 2 :][:40]
    separator = separator or detect_separator([lines[number] for number in middle], is_number)
    widths = Counter(len(row_cells(lines[number], separator)) for number in middle)
    width = widths.most_common(1)[0][0]
    if width < 2:
        return None
    for at, number in enumerate(filled):
        row = row_cells(lines[number], separator)
        following = [row_cells(lines[below], separator) for below in filled[at + 1 : at + 2]]
        if abs(len(row) - width) <= 1 and all(_is_row(cells, is_number) for cells in (row, *following)):
            above = [_header_cells(lines[one], separator, width) for one in filled[max(0, at - 3) : at]]
            return Place(_header(above, width), number, separator)
    return None


def _looks_like_row(line: str, separator: str, is_number: Callable[[str], bool]) -> bool:
    ways = (separator,) if separator else SEPARATORS
    return any(_is_row(row_cells(line.strip("\r"), way), is_number) for way in ways)


def _is_row(cells: Sequence[str], is_number: Callable[[str], bool]) -> bool:
    cells = [cell.strip().strip('"') for cell in cells]
    numbers = sum(map(is_number, cells))
    return numbers >= 2 and 2 * numbers >= sum(bool(cell) for cell in cells)


def _is_number(cell: str) -> bool:
    return not all(math.isnan(read_number(cell, mark)) for mark in ".,") or is_clock(cell)


def _is_quantity(cell: str) -> bool:
    return _is_number(cell) or has_suffix(cell)


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
        names, below = rows[-2], rows[-1]
        units = [cell.strip("[]() ") for cell in below]
        known = [bool(dimension(unit)) for unit in units if unit]
        if 2 * sum(known) > len(known) and not any(split_unit(name)[1] for name in names):
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
