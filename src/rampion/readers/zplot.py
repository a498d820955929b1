"""Impedance in the text formats of Scribner's programs: ZPlot and ZView (``.z``) and Z60W.

All list, after a header of their own, the columns Freq(Hz), Ampl, Bias, Time(Sec), Z'(a), Z''(b), GD, Err, Range, with
tabs or commas between them. Bias and amplitude are kept beside the spectrum; whether the bias counts from open
circuit is the setting's affair, so the spectrum's potential stays unknown.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np

from rampion.errors import RefusedError
from rampion.estimate import Flag
from rampion.measurement import Source, Spectrum, Trace
from rampion.readers.clock import read_start
from rampion.readers.flags import ReaderFlag
from rampion.readers.text import decode, detect_separator, parse_table

_COLUMNS = ("Freq(Hz)", "Ampl", "Bias", "Time(Sec)", "Z'(a)", "Z''(b)", "GD", "Err", "Range")
_NEEDED = ("Freq(Hz)", "Ampl", "Bias", "Time(Sec)", "Z'(a)", "Z''(b)")


def recognise(head: bytes, name: str) -> bool:
    """Whether the text begins as one of the three formats does, or lists their columns."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip(b'" ')[:16]
    return start.startswith((b"ZPLOT", b"Z60W", b"ZVIEW")) or b"Z'(a)" in head


def read(content: bytes, name: str, path: Path | None = None) -> tuple[tuple[Trace | Spectrum, ...], tuple[Flag, ...]]:
    """The spectrum of the file.

    Raises
    ------
    RefusedError
        When the file lists no impedance (an aborted or empty run).
    """
    text, flags = decode(content)
    lines = text.splitlines(keepends=True)
    first = _first_row(lines)
    if first is None:
        raise RefusedError(f"{name} lists no impedance: the run is empty, or is no impedance measurement.")
    header = _settings(lines[:first])
    rows = [line for line in lines[first:] if line.strip()]
    separator = detect_separator([line.rstrip() for line in rows[:40]])
    table = parse_table("".join(rows), _names(lines[:first]), separator=separator)
    columns = {key: table.columns.get(key, np.full(table.rows, np.nan)) for key in _COLUMNS}
    frequency, impedance = columns["Freq(Hz)"], columns["Z'(a)"] + 1j * columns["Z''(b)"]
    good = np.isfinite(frequency) & (frequency > 0) & np.isfinite(impedance)
    if not good.any():
        raise RefusedError(f"{name} lists no complete point of impedance.")
    if not good.all():
        flags += (ReaderFlag.DROPPED_POINTS.flag(count=int((~good).sum()), what="impedance"),)
    announced = _announced(lines[:first], header)
    if announced is not None and int(good.sum()) < announced:
        missing = ReaderFlag.POINTS_MISSING.flag(announced=announced, name="the spectrum", found=int(good.sum()))
        flags += (missing,)
    start, clock = read_start(header.get("Date", ""), header.get("Time", ""))
    amplitude = columns["Ampl"][good]
    time = columns["Time(Sec)"][good]
    recorded = np.isfinite(time).all() and np.ptp(time) > 0
    kept = {"Bias": columns["Bias"], "Err": columns["Err"], "Range": columns["Range"]}
    spectrum = Spectrum(
        frequency=frequency[good],
        impedance=impedance[good],
        time=time if recorded else None,
        technique=header.get("Experiment Type", "Impedance"),
        amplitude=float(amplitude[0]) if np.all(amplitude == amplitude[0]) and amplitude[0] > 0 else math.nan,
        galvanostatic="Control Current" in header.get("Experiment Type", ""),
        start=start,
        extra={key: column[good] for key, column in kept.items() if np.isfinite(column[good]).any()},
        source=Source(format="ZPlot text", instrument="Solartron / Scribner"),
    )
    return (spectrum,), flags + table.flags + clock


def _first_row(lines: list[str]) -> int | None:
    """The row below the columns' names, and below "End Comments" where there is one."""
    for number, line in enumerate(lines):
        if re.search(r"Freq\s*\(Hz\)", line) and "Z'" in line:
            following = (at for at in range(number + 1, len(lines)) if re.match(r"\s*[-+\d.]", lines[at]))
            return next(following, None)
    return None


def _names(lines: list[str]) -> list[str]:
    """The columns in the header's order, where it names all that are needed; else in ZPlot's."""
    header = next(line for line in reversed(lines) if re.search(r"Freq\s*\(Hz\)", line))
    names = [re.sub(r"\s", "", cell).strip('"') for cell in re.split(r"[\t,;]", header.strip())]
    return names if set(_NEEDED) <= set(names) else list(_COLUMNS)


def _settings(lines: list[str]) -> dict[str, str]:
    pairs = (line.partition(":") for line in lines if ":" in line)
    return {key.strip().strip('"'): value.strip().strip('"') for key, _, value in pairs}


def _announced(lines: list[str], header: dict[str, str]) -> int | None:
    """The number of points that the header promises."""
    counts = [header.get("Data Points", "")] + [line.strip() for line in lines[-3:]]
    return next((int(count) for count in counts if count.isdigit()), None)
