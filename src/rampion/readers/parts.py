"""Columns of numbers with known meanings to traces and spectra, in the order of their rows."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping

import numpy as np

from rampion.estimate import Flag
from rampion.measurement import COUNTER_POTENTIAL, WORKING_POTENTIAL, Source, Spectrum, Trace
from rampion.readers.columns import Column, has_impedance, is_loop, refuse_half_spectrum
from rampion.readers.flags import ReaderFlag
from rampion.readers.scans import find_restarts

_ELECTRODES = {"working_potential": WORKING_POTENTIAL, "counter_potential": COUNTER_POTENTIAL}
BIAS = ("bias potential/V", "bias current/A")
"""Names of the columns in :attr:`Spectrum.extra` that hold the direct voltage and current beside each point."""


def build_parts(
    columns: Mapping[str, np.ndarray],
    meanings: Mapping[str, Column],
    *,
    source: Source,
    technique: str = "",
    start: float = math.nan,
) -> tuple[tuple[Trace | Spectrum, ...], tuple[Flag, ...]]:
    """Traces and spectra from the columns, in the order of the rows.

    Rows with a frequency above zero and an impedance are spectra, split where the frequency starts again or a loop
    column counts on; the others are traces, split where time runs backwards. A row that is neither is dropped and
    counted, and does not cut the spectrum around it.

    Where the working electrode's potential is named as the cell's and the counter electrode's is there too, the cell's
    voltage is their difference, with a flag.

    Raises
    ------
    RefusedError
        When an impedance lacks its frequency or its other half: the columns beside it are no trace.
    """
    refuse_half_spectrum(meanings)
    values = {role: _infinite_out(columns[one.header] * one.factor + one.offset) for role, one in meanings.items()}
    used = {one.header for one in meanings.values()}
    extra = {key: column for key, column in columns.items() if key not in used and key}
    apart = {name: values[role] for role, name in _ELECTRODES.items() if role in values}
    count = next(iter(columns.values())).size if columns else 0
    impedance = np.zeros(0, dtype=complex)
    is_spectrum, lost = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
    recorded = np.zeros(count, dtype=bool)
    for role in ("potential", "current"):
        recorded |= np.isfinite(values.get(role, np.full(count, np.nan)))
    if has_impedance(meanings):
        if "impedance_real" in values and "impedance_imag" in values:
            impedance = values["impedance_real"] + 1j * values["impedance_imag"]
        else:
            impedance = values["impedance_modulus"] * np.exp(1j * values["phase"])
        is_spectrum = values["frequency"] > 0
        measured = np.isfinite(impedance) & (impedance != 0)
        lost = ~is_spectrum & (measured | ~recorded) | is_spectrum & ~np.isfinite(impedance)
        lost |= _strays(is_spectrum & ~lost, lost, values["frequency"])
    parts: list[Trace | Spectrum] = []
    flags: list[Flag] = []
    if len(apart) == len(_ELECTRODES) and meanings["potential"].header == meanings["working_potential"].header:
        counter = values["counter_potential"]
        values["potential"] = values["working_potential"] - counter
        one, other = (meanings[role].header for role in _ELECTRODES)
        most = float(np.max(np.abs(counter[np.isfinite(counter)]), initial=0.0))
        flags.append(ReaderFlag.CELL_VOLTAGE_CHOSEN.flag(chosen=f"{one} - {other}", other=one, difference=most))
    if lost.any():
        flags.append(ReaderFlag.DROPPED_POINTS.flag(count=int(lost.sum()), what="frequency and impedance"))
    rows = np.flatnonzero(~lost)
    edges = np.flatnonzero(np.diff(is_spectrum[rows])) + 1
    has_trace = "potential" in values or "current" in values
    for run in np.split(rows, edges):
        if run.size and is_spectrum[run[0]]:
            parts += _spectra(run, values, impedance, extra, technique, start, source)
        elif run.size and has_trace:
            made, found = _traces(run, values, {**extra, **apart}, technique, start, source)
            parts += made
            flags += found
    return tuple(parts), tuple(dict.fromkeys(flags))


def _strays(is_spectrum: np.ndarray, lost: np.ndarray, frequency: np.ndarray) -> np.ndarray:
    """Single rows without frequency inside a scan that goes on after them."""
    strays = np.zeros(is_spectrum.size, dtype=bool)
    rows = np.flatnonzero(~lost)
    inside = is_spectrum[rows]
    for place in (np.flatnonzero(~inside[1:-1] & inside[:-2] & inside[2:]) + 1).tolist():
        before, after = (_run(inside, place, step) for step in (-1, 1))
        around = frequency[rows[np.concatenate([before[::-1], after])]]
        strays[rows[place]] = not find_restarts(around)[before.size - 1]
    return strays


def _run(inside: np.ndarray, place: int, step: int) -> np.ndarray:
    """Places of the unbroken run of spectrum rows beside ``place``, nearest first."""
    beside = np.arange(place + 1, inside.size) if step > 0 else np.arange(place - 1, -1, -1)
    ends = np.flatnonzero(~inside[beside])
    return beside[: ends[0]] if ends.size else beside


def _infinite_out(column: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(column), column, np.nan)


def _traces(
    rows: np.ndarray,
    values: Mapping[str, np.ndarray],
    extra: Mapping[str, np.ndarray],
    technique: str,
    start: float,
    source: Source,
) -> tuple[list[Trace], list[Flag]]:
    blank = np.full(rows[-1] + 1, np.nan)
    potential, current = values.get("potential", blank), values.get("current", blank)
    temperature = values.get("temperature")
    recorded = np.isfinite(potential[rows]) | np.isfinite(current[rows])
    flags: list[Flag] = []
    time = values.get("time")
    if time is not None and np.isfinite(time[rows]).any():
        recorded &= np.isfinite(time[rows])
    if not recorded.all():
        flags.append(ReaderFlag.DROPPED_POINTS.flag(count=int((~recorded).sum()), what="time, potential or current"))
    rows = rows[recorded]
    if not rows.size:
        return [], flags
    clock = time[_together(rows)] if time is not None else np.full(rows.size, np.nan)
    breaks = np.flatnonzero(np.diff(clock) < 0) + 1
    if breaks.size:
        flags.append(ReaderFlag.TIME_BACKWARDS.flag(count=int(breaks.size)))
    for role in ("potential", "current"):
        if role not in values:
            flags.append((ReaderFlag.POTENTIAL_UNKNOWN if role == "potential" else ReaderFlag.CURRENT_UNKNOWN).flag())
    traces = [
        Trace(
            time=clock[a:b],
            potential=potential[own],
            current=current[own],
            technique=technique,
            start=start,
            temperature=temperature[own] if temperature is not None else None,
            extra={key: column[own] for key, column in extra.items()},
            source=source,
        )
        for a, b in itertools.pairwise([0, *breaks, rows.size])
        for own in (_together(rows[a:b]),)
    ]
    return traces, flags


def _together(rows: np.ndarray) -> np.ndarray | slice:
    """The rows, as a slice where they follow each other: long columns are then not copied."""
    return slice(int(rows[0]), int(rows[-1]) + 1) if rows[-1] - rows[0] == rows.size - 1 else rows


def _spectra(
    rows: np.ndarray,
    values: Mapping[str, np.ndarray],
    impedance: np.ndarray,
    extra: Mapping[str, np.ndarray],
    technique: str,
    start: float,
    source: Source,
) -> list[Spectrum]:
    spectra = []
    for good in np.split(rows, _restarts(rows, values["frequency"], extra)):
        spectra.append(
            Spectrum(
                frequency=values["frequency"][good],
                impedance=impedance[good],
                time=values["time"][good] if "time" in values else None,
                technique=technique,
                potential=_mean(values.get("potential"), good),
                current=_mean(values.get("current"), good),
                temperature=_mean(values.get("temperature"), good),
                start=start,
                extra={key: column[good] for key, column in extra.items()} | bias_columns(values, good),
                source=source,
            )
        )
    return spectra


def bias_columns(values: Mapping[str, np.ndarray | None], rows: np.ndarray | slice) -> dict[str, np.ndarray]:
    """The direct voltage and current beside each point of a spectrum under :data:`BIAS`, where both were recorded."""
    columns = [values.get(role) for role in ("potential", "current")]
    if any(column is None or not np.isfinite(column[rows]).all() for column in columns):
        return {}
    return {name: column[rows] for name, column in zip(BIAS, columns, strict=True) if column is not None}


def _restarts(rows: np.ndarray, frequency: np.ndarray, extra: Mapping[str, np.ndarray]) -> np.ndarray:
    """Where a new spectrum begins among the rows."""
    begins = find_restarts(frequency[rows])
    for key, column in extra.items():
        if is_loop(key):
            counted = np.abs(np.diff(column[rows])) > 0  # a missing counter begins nothing
            if not counted.all():  # else it counts points
                begins |= counted
    return np.flatnonzero(begins) + 1


def _mean(column: np.ndarray | None, rows: np.ndarray) -> float:
    if column is None or not np.isfinite(column[rows]).any():
        return math.nan
    return float(np.nanmean(column[rows]))
