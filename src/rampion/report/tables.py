"""Tidy tables: one row per finding, one file per curve, with the Battery Data Format's headers.

Curves carry ``Test Time / s``, ``Voltage / V``, ``Current / A`` (of a spectrum its bias and direct current) and, in
spectra, ``Frequency / Hz``, ``Real Impedance / ohm``, ``Imaginary Impedance / ohm``. The format calls charging current
positive; a symmetric cell has no charging direction, so the instrument's sign is kept: a positive current plates
lithium on the electrode that the instrument drives negative of the other by its own convention, and rampion says
nothing more than the instrument did.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rampion.measurement import Spectrum, Trace
from rampion.quantities import QUANTITIES

if TYPE_CHECKING:
    from rampion.impedance.finding import SpectrumFinding
    from rampion.impedance.relaxation_times import RelaxationTimes
    from rampion.impedance.series_finding import Track
    from rampion.study import SampleAnalysis


SYNTHETIC_COLUMN = "Synthetic / 1"  # 1 in every row of computed curves; the format has no place for a comment


@dataclass(frozen=True, slots=True)
class TableFile:
    """A table that was written, and its columns: ``name``, ``type`` and, where there is one, ``unit``."""

    path: Path
    fields: tuple[Mapping[str, str], ...]


def write_columns(path: Path, columns: Mapping[str, np.ndarray], *, synthetic: bool = False) -> TableFile:
    """Write equal-length columns as csv, with every digit that distinguishes the numbers; empty where there is none."""
    texts = [np.where(np.isnan(column), "", np.char.mod("%.10g", column)) for column in columns.values()]
    header = list(columns)
    if synthetic:
        header.append(SYNTHETIC_COLUMN)
        texts.append(np.full(texts[0].shape, "1"))
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(zip(*texts, strict=True))
    return TableFile(path, tuple(_field(name, "number", name.rpartition(" / ")[2]) for name in header))


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> TableFile:
    """Write dictionaries as csv; the header is the union of their keys, in order of first appearance."""
    header = list(dict.fromkeys(key for row in rows for key in row))
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, header, lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: text_cell(value) for key, value in row.items()} for row in rows)
    kinds = [_kind(row[name] for row in rows if row.get(name) is not None) for name in header]
    units = [_unit(name) if kind == "number" else "" for name, kind in zip(header, kinds, strict=True)]
    return TableFile(path, tuple(map(_field, header, kinds, units)))


def text_cell(value: Any) -> Any:
    """A text that a spreadsheet would run as a formula, behind an apostrophe; anything else as it is."""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) and not _is_number(value):
        return f"'{value}"
    return value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _field(name: str, kind: str, unit: str) -> dict[str, str]:
    return {"name": name, "type": kind} | ({"unit": unit} if unit else {})


def _kind(values: Iterable[Any]) -> str:
    """The type of a column, as data packages name it."""
    kinds = {type(value) for value in values}
    if kinds <= {int, float} and kinds:
        return "integer" if kinds == {int} else "number"
    return "boolean" if kinds == {bool} else "string"


def _unit(name: str) -> str:
    """The SI unit of a flattened entry such as ``current_density.value``, where its quantity is known."""
    for part in reversed(name.split(".")):
        known = QUANTITIES.get(part.removesuffix("_std"))
        if known is not None:
            return known.unit
    return ""


def curve_columns(part: Trace | Spectrum) -> dict[str, np.ndarray]:
    """The curve's columns under the Battery Data Format's headers.

    Its three required ones are there always, empty where nothing was recorded; of a spectrum they are the bias and the
    direct current at which it was measured.
    """
    assert part.time is not None
    if isinstance(part, Trace):
        return {"Test Time / s": part.time, "Voltage / V": part.potential, "Current / A": part.current}
    steady = {"Voltage / V": part.potential, "Current / A": part.current}
    return {
        "Test Time / s": part.time,
        **{header: np.full(part.frequency.size, value) for header, value in steady.items()},
        "Frequency / Hz": part.frequency,
        "Real Impedance / ohm": np.real(part.impedance),
        "Imaginary Impedance / ohm": np.imag(part.impedance),
    }


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
