"""Cells that carry a unit or a prefix: ``3.2 mA``, ``1.5k``, ``20µ``."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from rampion.errors import RefusedError
from rampion.estimate import Flag
from rampion.readers.decimals import decimal_mark, is_missing, read_number
from rampion.readers.flags import ReaderFlag
from rampion.readers.headers import SI, dimension, scale_of

_PREFIXES = {
    "T": 1e12, "G": 1e9, "M": 1e6, "k": 1e3, "K": 1e3, "m": 1e-3, "µ": 1e-6, "μ": 1e-6, "u": 1e-6, "n": 1e-9,
    "p": 1e-12, "f": 1e-15,
}  # fmt: skip
_CELL = re.compile(r"([+-]?(?:\d[\d.,]*|[.,]\d+)(?:[eE][+-]?\d+)?)\s*([^\W\d_]{1,8}|°C|°|%|Ω|[GMkmµμu]Ω)")


def has_suffix(cell: str) -> bool:
    """Whether a cell is a number with a prefix or a unit after it."""
    match = _CELL.fullmatch(cell.strip("\" '"))
    return match is not None and (match[2] in _PREFIXES or bool(dimension(match[2])))


@dataclass(frozen=True, slots=True)
class Suffixed:
    """A column of such cells; ``unit`` is the SI unit of its values, empty where the cells carry prefixes alone."""

    header: str
    role: str
    unit: str

    def read(self, words: Sequence[str]) -> tuple[np.ndarray, tuple[Flag, ...]]:
        """The numbers, in ``unit`` or in the header's; NaN and a flag where a cell is no such number nor zero."""
        cells = [word.strip("\" '") for word in words]
        matches = {cell: _CELL.fullmatch(cell) for cell in set(cells)}
        numbers = [match[1] if match else cell for cell, match in matches.items()]
        try:
            mark = decimal_mark("\t".join(numbers))
        except RefusedError:
            mark = "."
        known = {cell: self._value(cell, match, mark) for cell, match in matches.items()}
        values = np.array([known[cell] for cell in cells], dtype=float)
        lost = sum(math.isnan(known[cell]) and not is_missing(cell) for cell in cells)
        return values, (ReaderFlag.UNREADABLE_CELLS.flag(count=lost, column=self.header),) if lost else ()

    def _value(self, cell: str, match: re.Match[str] | None, mark: str) -> float:
        if match is None:
            value = read_number(cell, mark)
            return value if value == 0 or not self.unit else math.nan
        number = read_number(match[1], mark)
        if not self.unit:
            return number * _PREFIXES.get(match[2], math.nan)
        scale = scale_of(match[2], self.role)
        return number * scale[0] + scale[1] if scale else math.nan


def suffixed_columns(
    headers: Sequence[str], sample: Sequence[Sequence[str]], without: Collection[str] = ()
) -> list[Suffixed]:
    """The columns of which a sample of rows holds numbers with units or prefixes and nothing but numbers."""
    found = []
    for at, header in enumerate(headers):
        cells = [row[at].strip("\" '") for row in sample if at < len(row) and not is_missing(row[at])]
        matches = [match for match in map(_CELL.fullmatch, cells) if match is not None]
        plain = [number for cell in cells if not math.isnan(number := read_number(cell))]
        if not header or header in without or not matches or len(matches) + len(plain) < len(cells):
            continue
        suffixes = {match[2] for match in matches}
        roles = {dimension(suffix) for suffix in suffixes - _PREFIXES.keys()} or {""}
        if len(roles) == 1 and (role := roles.pop()):
            if any(plain):  # units stand in every cell of a column or in none: one alone is a slip
                continue
            found.append(Suffixed(header, role, SI[role]))
        elif suffixes <= _PREFIXES.keys():
            found.append(Suffixed(header, "", ""))
    return found
