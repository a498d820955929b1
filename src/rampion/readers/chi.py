"""Text exports of CH Instruments' programs: sweeps, cyclic voltammetry, i–t and potential traces, impedance.

Date, technique, settings as ``name = value``, then columns such as ``Potential/V, Current/A`` or
``Freq/Hz, Z'/ohm, Z"/ohm``. A sweep lists no times; they follow from the scan rate and are flagged as laid out. The
program can show cathodic currents as positive, and the export does not say whether it did.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from rampion.errors import RefusedError
from rampion.estimate import Flag
from rampion.measurement import FrequencyScan, Source, Spectrum, Sweep, Trace
from rampion.readers.columns import guess_columns
from rampion.readers.decimals import read_number
from rampion.readers.flags import ReaderFlag
from rampion.readers.headers import split_unit
from rampion.readers.parts import build_parts
from rampion.readers.scans import unfinished_scan
from rampion.readers.text import decode, detect_separator, number_rows, parse_table

_HEADER = re.compile(r"^\s*(Freq(uency)?|Potential|Time|E|t|Current)\s*/\s*\w+\s*[,;\t]", re.I)
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]


def recognise(head: bytes, name: str) -> bool:
    """Whether the text names an instrument of CH Instruments."""
    return b"Instrument Model:" in head and (b"CHI" in head or b"Data Source:" in head)


def read(content: bytes, name: str, path: Path | None = None) -> tuple[tuple[Trace | Spectrum, ...], tuple[Flag, ...]]:
    """The trace or the spectrum of the export.

    Raises
    ------
    RefusedError
        When the export lists no points.
    """
    text, flags = decode(content)
    lines = text.splitlines(keepends=True)
    at = next((number for number, line in enumerate(lines) if _HEADER.match(line)), None)
    rows, others = number_rows(lines[at + 1 :]) if at is not None else ([], 0)
    if at is None or not rows:
        raise RefusedError(
            f"{name} is a CH Instruments export without points: the run was not made, or the file is cut."
        )
    settings = _settings(lines[:at])
    separator = detect_separator([lines[at].strip(), *(row.rstrip() for row in rows[:40])])
    headers = [cell.strip() for cell in lines[at].strip().rstrip(",;").split(separator)]
    table = parse_table("".join(rows), headers, separator=separator)
    if others:
        flags += (ReaderFlag.RAGGED_ROWS.flag(count=others, expected=len(headers)),)
    meanings = {role: one for role, one in guess_columns(headers).items() if one.header in table.columns}
    if "current" not in meanings:  # two working electrodes: i1/A is the first one's
        first = next((header for header in table.columns if header.lower().startswith("i1/")), None)
        if first is not None:
            meanings |= {"current": replace(guess_columns([f"I/{split_unit(first)[1]}"])["current"], header=first)}
    technique = lines[1].strip() if len(lines) > 1 else ""
    source = Source(format="CH Instruments text", instrument=_after(lines[:at], "Instrument Model:"))
    start, clock = _start(lines[0])
    parts, found = build_parts(table.columns, meanings, source=source, technique=technique, start=start)
    if not parts:
        raise RefusedError(f"{name} is a CH Instruments export of {technique or 'something'} without a current.")
    finished = tuple(_finish(part, settings) for part in parts)
    return finished, flags + table.flags + found + clock


def _settings(lines: list[str]) -> dict[str, float]:
    pairs = (line.partition("=") for line in lines if "=" in line)
    return {key.strip(): read_number(value.strip()) for key, _, value in pairs}


def _after(lines: list[str], label: str) -> str:
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(label)), "")


def _start(line: str) -> tuple[float, tuple[Flag, ...]]:
    match = re.match(r"\s*([A-Za-z]{3})\w*\.?\s+(\d{1,2}),\s*(\d{4})\s+(\d{1,2}):(\d{2}):(\d{2})", line)
    if match and match[1].lower() in _MONTHS:
        day, year, *moment = (int(part) for part in match.groups()[1:])
        try:
            date = datetime(year, _MONTHS.index(match[1].lower()) + 1, day, *moment, tzinfo=UTC)
            return date.timestamp(), ()
        except ValueError:
            pass
    return math.nan, (ReaderFlag.CLOCK_UNKNOWN.flag(),)


def _finish(part: Trace | Spectrum, settings: Mapping[str, float]) -> Trace | Spectrum:
    """The part with what its settings say: scan and bias of a spectrum, rate and times of a sweep."""
    initial = settings.get("Init E (V)", math.nan)
    if isinstance(part, Spectrum):
        high, low = settings.get("High Frequency (Hz)", math.nan), settings.get("Low Frequency (Hz)", math.nan)
        amplitude = settings.get("Amplitude (V)", math.nan)
        spread = abs(math.log10(part.frequency[0] / part.frequency[-1])) if len(part) > 1 else 0.0
        scan = FrequencyScan(
            high=high,
            low=low,
            points_per_decade=(len(part) - 1) / spread if spread else math.nan,
            amplitude=amplitude,
        )
        flags = (*part.flags, *unfinished_scan(part.frequency, high, low))
        return replace(part, protocol=scan, amplitude=amplitude, potential=initial, flags=flags)
    flags = part.flags
    if np.isfinite(part.current).any():
        flags += (ReaderFlag.CURRENT_SIGN_UNKNOWN.flag(),)
    rate = settings.get("Scan Rate (V/s)", math.nan)
    if not (rate > 0 and np.isnan(part.time).all() and np.isfinite(part.potential).any()):
        return replace(part, flags=flags)
    if not np.isfinite(part.potential).all():
        return replace(part, flags=(*flags, ReaderFlag.TIME_LEFT_OUT.flag()))
    time = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(part.potential)))]) / rate
    interval = float(np.median(np.diff(time))) if time.size > 1 else math.nan
    flags += (ReaderFlag.TIME_LAID_OUT.flag(origin="the scan rate", interval=interval),)
    final = settings.get("Final E (V)", math.nan)
    sweep = Sweep(rate=rate, start=initial, stop=final) if "Linear" in part.technique else None
    return replace(part, time=time, protocol=sweep, flags=flags)
