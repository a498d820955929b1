"""Lines of cells to columns of numbers: by polars where it is installed and the table is long, else by Python.

Both read the same cells to the same numbers; a cell that is no plain decimal number is left to the caller.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

LONG = 1 << 18
"""Characters from which the import of polars (about 0.3 s, once) is worth its speed."""

_WORDS = 100


@dataclass(frozen=True, slots=True)
class Numbers:
    """A column: its values, NaN where a cell is empty, ``nan`` or ``inf`` or odd; where the odd cells are, and they."""

    values: Float[np.ndarray, " n"]
    odd: Int[np.ndarray, " m"]
    cells: list[str]


def read_columns(text: str, width: int, wanted: Collection[int]) -> dict[int, Numbers]:
    """The wanted columns of lines of ``width`` cells, between tabs, whose decimal mark is a point."""
    if len(text) >= LONG and importlib.util.find_spec("polars") is not None:
        return _by_polars(text, width, wanted)
    cells = text.replace("\n", "\t").split("\t")
    plain = text.isascii() and "_" not in text  # Python's float takes 1_000 and other scripts' digits
    return {column: _by_python(cells[column::width], plain) for column in wanted}


def _by_python(cells: Sequence[str], plain: bool) -> Numbers:
    if plain:
        try:
            values = np.array([float(cell) for cell in cells])
        except ValueError:
            pass
        else:
            return Numbers(_finite(values), np.empty(0, int), [])
    known = {cell: _number(cell) for cell in set(cells)}  # columns of flags and words repeat themselves
    strange = {cell for cell, value in known.items() if value is None}
    values = np.array([math.nan if cell in strange else known[cell] for cell in cells], dtype=float)
    odd = [row for row, cell in enumerate(cells) if cell in strange] if strange else []
    return Numbers(_finite(values), np.array(odd, dtype=int), [cells[row] for row in odd])


def _number(cell: str) -> float | None:
    if not cell:
        return math.nan
    try:
        return float(cell) if cell.isascii() and "_" not in cell else None
    except ValueError:
        return None


def _by_polars(text: str, width: int, wanted: Collection[int]) -> dict[int, Numbers]:
    import polars

    schema: dict[str, Any] = {
        str(column): polars.Float64 if column in wanted else polars.String for column in range(width)
    }
    table = polars.read_csv(
        text.encode(), has_header=False, separator="\t", schema=schema, quote_char=None,
        ignore_errors=True,
    )  # fmt: skip
    found = {}
    lines: list[str] = []
    for column in wanted:
        series = table[str(column)]
        missing = np.flatnonzero(series.is_null().to_numpy()) if series.null_count() else np.empty(0, int)
        lines = lines or (text.split("\n") if missing.size else [])
        if missing.size == len(lines):  # a column of words is known by its first cells
            first = [line.split("\t", column + 1)[column] for line in lines[:_WORDS]]
            if all(cell and not any(map(str.isdigit, cell)) for cell in first):
                missing = missing[:_WORDS]
        cells = [lines[row].split("\t", column + 1)[column] for row in missing.tolist()]
        filled = [place for place, cell in enumerate(cells) if cell]
        values = series.fill_null(math.nan).to_numpy()
        found[column] = Numbers(_finite(values), missing[filled], [cells[place] for place in filled])
    return found


def _finite(values: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values), values, math.nan)
