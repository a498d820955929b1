"""Spectra that RelaxIS exported as text: tab-separated groups of columns, one group per spectrum.

The lines are: program, date, column names, conditions of each spectrum (``DC=…`` in volts, ``TM=…``), numbers.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np

from rampion.errors import RefusedError
from rampion.estimate import Flag
from rampion.measurement import Source, Spectrum, Trace
from rampion.readers.decimals import read_number
from rampion.readers.flags import ReaderFlag
from rampion.readers.text import decode, parse_table, unique_names


def recognise(head: bytes, name: str) -> bool:
    """Whether the text begins as RelaxIS's export does."""
    return b"RelaxIS" in head[:64] and b"Spectrum export" in head[:80]


def read(content: bytes, name: str, path: Path | None = None) -> tuple[tuple[Trace | Spectrum, ...], tuple[Flag, ...]]:
    """Every spectrum of the export."""
    text, flags = decode(content)
    lines = text.split("\n")
    header = next((number for number, line in enumerate(lines) if "Frequency" in line and "\t" in line), None)
    if header is None:
        raise RefusedError(f"{name} is a RelaxIS export without a table; export the spectra again with their data.")
    titles = [title.strip() for title in lines[header].rstrip("\r").split("\t")]
    first = header + 1
    conditions: list[str] = []
    if first < len(lines) and math.isnan(read_number(lines[first].split("\t")[0])):
        conditions = [cell.strip() for cell in lines[first].rstrip("\r").split("\t")]
        first += 1
    names, _ = unique_names(titles)
    table = parse_table("\n".join(lines[first:]), names, separator="\t")
    begins = [place for place, title in enumerate(titles) if title.endswith("Frequency")]
    parts = []
    for begin, end in zip(begins, [*begins[1:], len(titles)], strict=True):
        group = {title.removeprefix("Data: "): names[begin + place] for place, title in enumerate(titles[begin:end])}
        wanted = [table.columns.get(group.get(title, "")) for title in ("Frequency", "Z'", "Z''")]
        if any(column is None for column in wanted):
            continue
        frequency, real, imaginary = (column for column in wanted if column is not None)
        recorded = np.isfinite(frequency) | np.isfinite(real) | np.isfinite(imaginary)
        good = (frequency > 0) & np.isfinite(frequency) & np.isfinite(real) & np.isfinite(imaginary)
        if not good.any():
            continue
        dropped = int((recorded & ~good).sum())
        bias = re.search(r"\bDC=([-+0-9.,eE]+?)(?:,\s|$)", conditions[begin] if begin < len(conditions) else "")
        title = conditions[begin + 2] if begin + 2 < min(len(conditions), end) else ""
        parts.append(
            Spectrum(
                frequency=frequency[good],
                impedance=real[good] + 1j * imaginary[good],
                technique=title or "Impedance",
                potential=read_number(bias[1]) if bias else math.nan,
                source=Source(format="RelaxIS export", block=len(parts)),
                flags=(ReaderFlag.DROPPED_POINTS.flag(count=dropped, what="impedance"),) if dropped else (),
            )
        )
    if not parts:
        raise RefusedError(f"{name} is a RelaxIS export without Frequency, Z' and Z''; export these three columns.")
    return tuple(parts), flags + table.flags + (ReaderFlag.CLOCK_UNKNOWN.flag(),)
