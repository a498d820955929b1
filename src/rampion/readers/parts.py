"""Columns of numbers with known meanings to traces and spectra, in the order of their rows."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float

from rampion.estimate import Flag
from rampion.measurement import Source, Spectrum, Trace
from rampion.readers.columns import Column, has_impedance, is_loop
from rampion.readers.flags import ReaderFlag

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
    column counts on; the others are traces, split where time runs backwards.
    """
    values = {role: _infinite_out(columns[one.header] * one.factor + one.offset) for role, one in meanings.items()}
    used = {one.header for one in meanings.values()}
    extra = {key: column for key, column in columns.items() if key not in used and key}
    count = next(iter(columns.values())).size if columns else 0
    is_spectrum = np.zeros(count, dtype=bool)
    impedance = np.full(count, np.nan, dtype=complex)
    if has_impedance(meanings):
        if "impedance_real" in values and "impedance_imag" in values:
            impedance = values["impedance_real"] + 1j * values["impedance_imag"]
        else:
            impedance = values["impedance_modulus"] * np.exp(1j * values["phase"])
        is_spectrum = values["frequency"] > 0
    parts: list[Trace | Spectrum] = []
    flags: list[Flag] = []
    edges = np.flatnonzero(np.diff(is_spectrum.astype(int))) + 1
    has_trace = "potential" in values or "current" in values
    for rows in np.split(np.arange(count), edges):
        if rows.size and is_spectrum[rows[0]]:
            parts += _spectra(rows, values, impedance, extra, technique, start, source)
        elif rows.size and has_trace:
            made, found = _traces(rows, values, extra, technique, start, source)
            parts += made
            flags += found
    return tuple(parts), tuple(dict.fromkeys(flags))


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
    clock = time[rows] if time is not None else np.full(rows.size, np.nan)
    breaks = np.flatnonzero(np.diff(clock) < 0) + 1
    if breaks.size:
        flags.append(ReaderFlag.TIME_BACKWARDS.flag(count=int(breaks.size)))
    for role in ("potential", "current"):
        if role not in values:
            flags.append((ReaderFlag.POTENTIAL_UNKNOWN if role == "potential" else ReaderFlag.CURRENT_UNKNOWN).flag())
    traces = [
        Trace(
            time=clock[a:b],
            potential=potential[rows[a:b]],
            current=current[rows[a:b]],
            technique=technique,
            start=start,
            extra={key: column[rows[a:b]] for key, column in extra.items()},
            source=source,
        )
        for a, b in itertools.pairwise([0, *breaks, rows.size])
    ]
    return traces, flags


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
    for piece in np.split(rows, _restarts(rows, values["frequency"], extra)):
        good = piece[np.isfinite(impedance[piece])]
        if not good.size:
            continue
        dropped = piece.size - good.size
        time = values["time"][good] if "time" in values else None
        spectra.append(
            Spectrum(
                frequency=values["frequency"][good],
                impedance=impedance[good],
                time=time,
                technique=technique,
                potential=_mean(values.get("potential"), good),
                current=_mean(values.get("current"), good),
                start=start,
                extra={key: column[good] for key, column in extra.items()} | bias_columns(values, good),
                source=source,
                flags=(ReaderFlag.DROPPED_POINTS.flag(count=dropped, what="impedance"),) if dropped else (),
            )
        )
    return spectra


def bias_columns(values: Mapping[str, np.ndarray | None], rows: np.ndarray) -> dict[str, np.ndarray]:
    """The direct voltage and current beside each point of a spectrum under :data:`BIAS`, where both were recorded."""
    columns = [values.get(role) for role in ("potential", "current")]
    if any(column is None or not np.isfinite(column[rows]).all() for column in columns):
        return {}
    return {name: column[rows] for name, column in zip(BIAS, columns, strict=True) if column is not None}


def find_restarts(frequency: Float[np.ndarray, " n"]) -> Bool[np.ndarray, " m"]:
    """Between which points the frequency leaps back against its direction by more than a factor of three."""
    steps = np.diff(np.log(frequency))
    direction = np.sign(np.median(steps)) if steps.size else 0.0
    return steps * direction < -math.log(3.0)


def _restarts(rows: np.ndarray, frequency: np.ndarray, extra: Mapping[str, np.ndarray]) -> np.ndarray:
    """Where a new spectrum begins among the rows."""
    begins = find_restarts(frequency[rows])
    for key, column in extra.items():
        if is_loop(key):
            begins |= np.abs(np.diff(column[rows])) > 0  # a missing counter begins nothing
    return np.flatnonzero(begins) + 1


def _mean(column: np.ndarray | None, rows: np.ndarray) -> float:
    if column is None or not np.isfinite(column[rows]).any():
        return math.nan
    return float(np.nanmean(column[rows]))
