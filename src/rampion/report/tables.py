"""Tidy tables: one row per finding, one file per curve, with the Battery Data Format's headers.

Curves carry ``Test Time / s``, ``Voltage / V``, ``Current / A``, ``Frequency / Hz``, ``Real Impedance / ohm``,
``Imaginary Impedance / ohm``. The format calls charging current positive; a symmetric cell has no charging direction,
so the instrument's sign is kept: a positive current plates lithium on the electrode that the instrument drives
negative of the other by its own convention, and rampion says nothing more than the instrument did.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rampion.measurement import Spectrum, Trace

if TYPE_CHECKING:
    from rampion.impedance.finding import SpectrumFinding
    from rampion.impedance.relaxation_times import RelaxationTimes
    from rampion.impedance.tracks import Track
    from rampion.study import SampleAnalysis


def write_columns(path: Path, columns: Mapping[str, np.ndarray], comment: str = "") -> None:
    """Write equal-length columns as csv, with every digit that distinguishes the numbers."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        if comment:
            stream.write(f"# {comment}\n")
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*(np.char.mod("%.10g", column) for column in columns.values()), strict=True))


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write dictionaries as csv; the header is the union of their keys, in order of first appearance."""
    header = list(dict.fromkeys(key for row in rows for key in row))
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, header, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def curve_columns(part: Trace | Spectrum) -> dict[str, np.ndarray]:
    """The curve's columns under the Battery Data Format's headers; what was not recorded is left out."""
    if isinstance(part, Trace):
        columns = {"Test Time / s": part.time, "Voltage / V": part.potential, "Current / A": part.current}
    else:
        assert part.time is not None
        columns = {
            "Test Time / s": part.time,
            "Frequency / Hz": part.frequency,
            "Real Impedance / ohm": np.real(part.impedance),
            "Imaginary Impedance / ohm": np.imag(part.impedance),
        }
    return {header: column for header, column in columns.items() if np.isfinite(column).any()}


def fit_columns(finding: SpectrumFinding) -> dict[str, np.ndarray]:
    """What was fitted, the circuit, and the residuals of the tests of validity over |Z|, point by point."""
    columns = {
        "Frequency / Hz": finding.frequency,
        "Real Impedance / ohm": np.real(finding.impedance),
        "Imaginary Impedance / ohm": np.imag(finding.impedance),
        "Real Impedance of Circuit / ohm": np.real(finding.fitted),
        "Imaginary Impedance of Circuit / ohm": np.imag(finding.fitted),
        "Kramers-Kronig Real Residual / 1": np.real(finding.validity_residual),
        "Kramers-Kronig Imaginary Residual / 1": np.imag(finding.validity_residual),
        "Within Noise of Kramers-Kronig Model / 1": finding.point_valid.astype(float),
        "Z-HIT Modulus Residual / 1": finding.modulus_residual,
    }
    return {header: column for header, column in columns.items() if np.isfinite(column).any()}


def relaxation_columns(found: RelaxationTimes) -> dict[str, np.ndarray]:
    """The distribution of relaxation times with its 95 % band."""
    return {
        "Relaxation Time / s": found.time_constant,
        "Distribution / ohm": found.distribution,
        "Lower / ohm": found.low,
        "Upper / ohm": found.high,
    }


def sample_rows(sample: SampleAnalysis) -> list[dict[str, Any]]:
    """One row per spectrum and process of a sample's own series that the spectrum shows, SI units."""
    if sample.series is None:
        return []
    blocks = [finding.block for finding in sample.spectra]
    return track_rows(sample.series.tracks, sample.experiment.known_as, sample.impedance.along, blocks)


def track_rows(tracks: Iterable[Track], sample: str, along: str, blocks: Sequence[Any]) -> list[dict[str, Any]]:
    """One row per spectrum and process that the spectrum shows; ``blocks`` tells which spectrum each is."""
    columns = ("resistance", "capacitance", "exponent", "frequency")
    return [
        {"sample": sample, "along": along, "coordinate": float(track.coordinate[place])}
        | {"block": blocks[place], "process": track.name}
        | {
            key: float(getattr(track, key)[place]) if np.isfinite(getattr(track, key)[place]) else None
            for quantity in columns
            for key in (quantity, f"{quantity}_std")
        }
        for track in tracks
        for place in range(track.coordinate.size)
        if track.present[place]
    ]


def without_curves(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A spectrum's entry without the curves that have tables of their own or belong in the JSON alone."""
    curves = ("time_constant", "distribution", "low", "high")
    kept = {key: value for key, value in entry.items() if key != "profiles"}
    if "relaxation_times" in kept:
        found = kept["relaxation_times"]
        peaks = [f"{one['resistance']['value']:.4g} ohm at {one['frequency']:.4g} Hz" for one in found["peaks"]]
        kept["relaxation_times"] = {k: v for k, v in found.items() if k not in curves} | {"peaks": peaks}
    return kept


def flat(entries: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested plain data as one row: ``{"potential": {"value": 1}}`` becomes ``{"potential.value": 1}``."""
    row: dict[str, Any] = {}
    for key, value in entries.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            row |= flat(value, f"{name}.")
        elif isinstance(value, Iterable) and not isinstance(value, str):
            row[name] = "; ".join(_text(item) for item in value)
        else:
            row[name] = value
    return row


def _text(item: Any) -> str:
    if isinstance(item, Mapping):
        return str(item.get("code", item))
    return str(item)
