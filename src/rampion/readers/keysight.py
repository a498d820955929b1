"""Trace data that Keysight's (Agilent's) impedance analysers E4990A and 4294A's successors save as csv.

Lines with ``!`` name the instrument and the date; every ``BEGIN CHn_DATA`` … ``END`` is a channel with a header such as
``Frequency(Hz), |Z|(Ohm)-data, theta-z(deg)-data`` and is one spectrum. Any pair of shown quantities that makes an
impedance is taken. *Fails when* the sweep is not over the frequency, or one trace alone was saved.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from rampion.errors import RefusedError
from rampion.estimate import Flag
from rampion.measurement import Source, Spectrum, Trace
from rampion.readers.decimals import read_number
from rampion.readers.flags import ReaderFlag
from rampion.readers.immittance import impedance_of
from rampion.readers.text import decode, parse_table, unique_names

_BEGIN = re.compile(r"^BEGIN (CH\d+)_DATA", re.I)
_COLUMN = re.compile(r"^(?P<name>[^(]+?)(?:\((?P<unit>[^)]*)\))?(?:-(?P<kind>data|mem))?$", re.I)
_COMPLEX = {"Z-Real": "R", "Z-Imag": "X", "Y-Real": "G", "Y-Imag": "B"}
_FACTORS = {"deg": math.pi / 180, "rad": 1.0, "ohm": 1.0, "s": 1.0, "f": 1.0, "h": 1.0, "u": 1.0, "": 1.0}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def recognise(head: bytes, name: str) -> bool:
    """Whether the text names such an analyser and begins a channel's data."""
    return head.lstrip(b'\xef\xbb\xbf"').startswith(b"!") and b"BEGIN CH" in head and b"Frequency(" in head


def read(content: bytes, name: str, path: Path | None = None) -> tuple[tuple[Trace | Spectrum, ...], tuple[Flag, ...]]:
    """The spectrum of every channel.

    Raises
    ------
    RefusedError
        When no channel holds a pair of quantities that makes an impedance over the frequency.
    """
    text, flags = decode(content)
    lines = text.splitlines(keepends=True)
    instrument = next((line.strip('!" \r\n').split(",") for line in lines if line.startswith("!") and "," in line), [])
    source = Source(format="Keysight csv", instrument=" ".join(cell.strip() for cell in instrument[:2]))
    start, clock = _start(lines)
    flags += clock
    spectra: list[Trace | Spectrum] = []
    reasons: list[str] = []
    for channel, rows, whole in _channels(lines):
        made, found = _spectrum(rows, channel, source, start)
        flags += found
        if made is None:
            reasons.append(f"{channel} shows {_shown(rows)}")
            continue
        if not whole:
            flags += (ReaderFlag.CUT_FILE.flag(where=channel, kept=len(made)),)
        spectra.append(made)
    if not spectra:
        raise RefusedError(
            f"{name} is an impedance analyser's file without an impedance ({'; '.join(reasons) or 'no channel'}); "
            "save two traces over the frequency, |Z| and theta-z or R and X."
        )
    flags += tuple(ReaderFlag.BLOCK_SKIPPED.flag(name=one.split()[0], reason=one) for one in reasons)
    return tuple(spectra), flags


def _channels(lines: Sequence[str]) -> list[tuple[str, list[str], bool]]:
    """Name, lines and completeness of each channel."""
    channels: list[tuple[str, list[str], bool]] = []
    for line in lines:
        match = _BEGIN.match(line)
        if match:
            channels.append((match[1].upper(), [], False))
        elif channels and line.strip().upper() == "END":
            channels[-1] = (*channels[-1][:2], True)
        elif channels and not channels[-1][2]:
            channels[-1][1].append(line)
    return channels


def _header(rows: Sequence[str]) -> int | None:
    return next((number for number, line in enumerate(rows) if line.lstrip().startswith("Frequency(")), None)


def _shown(rows: Sequence[str]) -> str:
    at = _header(rows)
    return rows[at].strip() if at is not None else "no frequency"


def _spectrum(
    rows: Sequence[str], channel: str, source: Source, start: float
) -> tuple[Spectrum | None, tuple[Flag, ...]]:
    at = _header(rows)
    if at is None or len(rows) == at + 1:
        return None, ()
    names, repeated = unique_names([cell.strip() for cell in rows[at].strip().rstrip(",").split(",")])
    table = parse_table("".join(rows[at + 1 :]), names, separator=",", mark=".")
    flags = repeated + table.flags
    frequency = table.columns.get(names[0])
    shown = {}
    for header in names[1:]:
        match = _COLUMN.match(header)
        factor = _FACTORS.get((match["unit"] or "").lower()) if match else None
        if match is None or factor is None or header not in table.columns or (match["kind"] or "data").lower() == "mem":
            continue
        title = match["name"].strip()
        shown.setdefault(_COMPLEX.get(title, title), table.columns[header] * factor)
    impedance = impedance_of(shown, frequency) if frequency is not None else None
    if frequency is None or impedance is None:
        return None, flags
    good = np.isfinite(frequency) & (frequency > 0) & np.isfinite(impedance)
    if not good.any():
        return None, flags
    if not good.all():
        flags += (ReaderFlag.DROPPED_POINTS.flag(count=int((~good).sum()), what="frequency or impedance"),)
    spectrum = Spectrum(
        frequency=frequency[good],
        impedance=impedance[good],
        technique="Impedance",
        start=start,
        extra={key: column[good] for key, column in table.columns.items() if key != names[0]},
        source=replace(source, block=int(channel[2:])),
    )
    bias = re.search(r"DCV\(V\)\s*,\s*([^,\s]+)(?:\s*,\s*DCI\(A\)\s*,\s*([^,\s]+))?", "".join(rows[:at]))
    if bias is not None:
        spectrum = replace(spectrum, potential=read_number(bias[1]), current=read_number(bias[2] or ""))
    return spectrum, flags


def _start(lines: Sequence[str]) -> tuple[float, tuple[Flag, ...]]:
    """The date as in ``!Date: Fri Apr 03 13:41:16 2015``."""
    for line in lines[:10]:
        match = re.search(r"Date:\s*\w{3} (\w{3})\s+(\d+) (\d+):(\d+):(\d+) (\d{4})", line)
        if match and match[1] in _MONTHS:
            day, hour, minute, second, year = (int(cell) for cell in match.groups()[1:])
            moment = datetime(year, _MONTHS.index(match[1]) + 1, day, hour, minute, second, tzinfo=UTC)
            return moment.timestamp(), ()
    return math.nan, (ReaderFlag.CLOCK_UNKNOWN.flag(),)
