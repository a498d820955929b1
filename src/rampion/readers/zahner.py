"""Zahner's files: polarisation text, the tables that Zahner's Python programs write, and Thales binaries.

The tables with ``time``, ``voltage``, ``current`` are in volts and amperes with the computer's clock. ``.ism``
spectra, ``.isw`` and ``.isc`` curves are read through zahner_analysis (extra ``[zahner]``). A spectrum's overlapping
first points (Thales turns round at the reversal frequency) are left out, as Zahner's own library does.
"""

from __future__ import annotations

import contextlib
import io
import math
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from rampion.errors import InputError, RefusedError
from rampion.estimate import Flag
from rampion.measurement import Source, Spectrum, Trace
from rampion.readers import table
from rampion.readers.flags import ReaderFlag
from rampion.readers.text import decode

_BINARY = (".ism", ".isw", ".isc")
# Its units are V and A; names as plain as these in another program's table say nothing of units.
_TABLE = re.compile(rb"^(?:\xef\xbb\xbf)?time[\t;,]voltage[\t;,]current(?:[\t;,]PAD4\w+)*[\t;,]index\b")


def recognise(head: bytes, name: str) -> bool:
    """Whether the text or the name is one of Zahner's."""
    plain = head.lstrip()
    return plain.upper().startswith(b"ZAHNER ") or bool(_TABLE.match(head)) or Path(name).suffix.lower() in _BINARY


def read(content: bytes, name: str, path: Path | None = None) -> tuple[tuple[Trace | Spectrum, ...], tuple[Flag, ...]]:
    """The trace or the spectrum of the file.

    Raises
    ------
    RefusedError
        When zahner_analysis is not installed and needed, or the file has a header and no data.
    InputError
        When a binary is damaged.
    """
    if Path(name).suffix.lower() in _BINARY:
        return _read_binary(content, name)
    if _TABLE.match(content[:64]):
        columns = {"time": "time [s]", "potential": "voltage [V]", "current": "current [A]"}
        parts, flags = table.read(content, name, columns=columns)
        source = Source(format="Zahner table", instrument="Zahner")
        return tuple(replace(part, source=source) for part in parts), flags
    text, _ = decode(content)
    if table.find_table(text.splitlines()[: table.SEARCHED]) is None:
        raise RefusedError(
            f"{name} is the header of a Zahner polarisation file without its data; "
            "export the curve again from Thales with time, potential and current."
        )
    return table.read(content, name)


def _read_binary(content: bytes, name: str) -> tuple[tuple[Trace | Spectrum, ...], tuple[Flag, ...]]:
    try:
        from zahner_analysis.file_import.isc_import import IscImport
        from zahner_analysis.file_import.ism_import import IsmImport
        from zahner_analysis.file_import.isw_import import IswImport
    except ImportError:
        raise RefusedError(f"{name} is a Thales binary; reading it needs: pip install 'rampion[zahner]'.") from None
    suffix = Path(name).suffix.lower()
    count_at, width = {".ism": (6, 34), ".isw": (12, 24), ".isc": (136, 10)}[suffix]
    count = int.from_bytes(content[count_at : count_at + 6], "big", signed=True) + 1
    if not 0 < count * width <= len(content):
        raise InputError(f"{name} is cut or no Thales file: it announces {count} points in {len(content)} bytes.")
    reader = {".ism": IsmImport, ".isw": IswImport, ".isc": IscImport}[suffix]
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # the library prints what it meets
            record: Any = reader(content)
            part, flags = (_spectrum if suffix == ".ism" else _trace)(record, suffix)
    except InputError as error:
        raise InputError(f"{name} is a damaged Thales file: {error}") from None
    except Exception as error:  # the library raises whatever damaged bytes made it meet
        raise InputError(f"{name} is no readable Thales file ({type(error).__name__}: {error}).") from None
    return (part,), flags


def _spectrum(record: Any, suffix: str) -> tuple[Spectrum, tuple[Flag, ...]]:
    frequency = np.array(record.getFrequencyArray(), dtype=float)
    impedance = np.array(record.getComplexImpedanceArray(), dtype=complex)
    good = np.isfinite(frequency) & (frequency > 0) & np.isfinite(impedance)
    if not good.any():
        raise InputError("it holds no complete point; measure or export it again.")
    moments = np.array([stamp.replace(tzinfo=UTC).timestamp() for stamp in record.getMeasurementDateTimeArray()])
    if moments.size > 1 and np.ptp(moments) == 0:
        raise InputError("all its points have one time, as a broken copy leaves them; export it again from Thales.")
    start = float(moments[good].min())
    tracks = {key: np.array(record.getTrack(key), dtype=float)[good] for key in record.getTrackTypesList()}
    flags = () if good.all() else (ReaderFlag.DROPPED_POINTS.flag(count=int((~good).sum()), what="impedance"),)
    amplitude = float(record.getAmplitude())
    spectrum = Spectrum(
        frequency=frequency[good],
        impedance=impedance[good],
        time=moments[good] - start,
        technique="Impedance",
        potential=_mean(tracks.get("Voltage/V")),
        current=_mean(tracks.get("Current/A")),
        amplitude=amplitude if amplitude > 0 else math.nan,
        start=start,
        extra=tracks,
        source=Source(format="Thales ism", instrument="Zahner"),
    )
    return spectrum, flags


def _trace(record: Any, suffix: str) -> tuple[Trace, tuple[Flag, ...]]:
    time, potential, current = (
        np.array(column(), dtype=float)
        for column in (record.getTimeArray, record.getVoltageArray, record.getCurrentArray)
    )
    good = np.isfinite(time) & np.isfinite(potential) & np.isfinite(current)
    if not good.any():
        raise InputError("it holds no complete point; measure or export it again.")
    if (np.diff(time[good]) < 0).any():
        raise InputError("its times run backwards; export the curve again from Thales.")
    flags = () if good.all() else (ReaderFlag.DROPPED_POINTS.flag(count=int((~good).sum()), what="time or current"),)
    begin: datetime | None = record.getMeasurementStartDateTime() if suffix == ".isc" else None
    trace = Trace(
        time=time[good],
        potential=potential[good],
        current=current[good],
        technique="Cyclic Voltammetry" if suffix == ".isc" else "Polarisation",
        start=begin.replace(tzinfo=UTC).timestamp() if begin else math.nan,
        source=Source(format=f"Thales {suffix[1:]}", instrument="Zahner"),
    )
    return trace, flags if begin else (*flags, ReaderFlag.CLOCK_UNKNOWN.flag())


def _mean(column: np.ndarray | None) -> float:
    return float(np.mean(column)) if column is not None and np.isfinite(column).all() else math.nan
