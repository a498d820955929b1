"""A parameter sweep as plain data, as text, and as files: one row per simulation; always marked synthetic."""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rampion.quantities import quantity
from rampion.records import provenance, to_json, to_plain
from rampion.report.folder import SYNTHETIC
from rampion.results_folder import new_set

if TYPE_CHECKING:
    from rampion.planning.parameter_sweep import SweepResults

PRINTED = 30  # rows that the shell prints
_SYMBOLS = ("J_p [mA/cm²]", "V_p [V]", "Q_p [mAh/cm²]", "J max [mA/cm²]", "J_lim [mA/cm²]")
_FOUND = {
    "peak_current_density": "current_density", "peak_potential": "potential", "peak_charge": "charge",
    "largest_current_density": "current_density", "limiting_current_density": "limiting_current_density",
}  # fmt: skip


def sweep_entry(results: SweepResults) -> dict[str, Any]:
    """The keys of ``rampion simulate grid --json``: SI, one entry of every list per simulation."""
    sweep = results.sweep
    return {
        "synthetic": True,
        "cell": sweep.cell.name,
        "assumed": [name for name in sweep.cell.assumed if name not in sweep.varied],
        "protocol": to_plain(sweep.protocol),
        "simulations": len(results.rows),
        "varied": to_plain(sweep.varied),
        "peak": {name.removeprefix("peak_"): results.column(name) for name in _FOUND if name.startswith("peak_")},
        "largest_current_density": results.column("largest_current_density"),
        "limiting_current_density": results.column("limiting_current_density"),
        "row_flags": [
            {"simulation": number} | to_plain(flag) for number, row in enumerate(results.rows, 1) for flag in row.flags
        ],
        "flags": to_plain(results.flags),
    }


def sweep_text(results: SweepResults) -> str:
    """The sweep in a few lines, with its table when that is short."""
    sweep, peaks = results.sweep, results.column("peak_current_density")
    spans = ", ".join(
        f"{_words(name)} {_span(values, sweep.quantity_of(name))}" for name, values in sweep.varied.items()
    )
    lines = ["synthetic: computed, not measured", f"{len(results.rows)} simulations over {spans}"]
    found = np.flatnonzero(np.isfinite(peaks))
    if found.size:
        ends = sorted(
            {int(found[np.argmin(peaks[found])]), int(found[np.argmax(peaks[found])])}, key=lambda k: peaks[k]
        )
        told = " to ".join(f"{_shown(peaks[k], 'current_density')} ({_setting(results, k)})" for k in ends)
        lines.append(f"{found.size} with a peak, of {told}")
    if results.remembered:
        lines.append(f"{results.remembered} of them simulated before")
    if names := [name for name in sweep.cell.assumed if name not in sweep.varied]:
        lines.append(f"assumed, not stated by {sweep.cell.source or 'the source'}: {', '.join(names)}")
    messages = Counter(flag.message for row in results.rows for flag in row.flags)
    lines += [f"  · {count} × {message}" for message, count in messages.most_common(8)]
    if len(messages) > 8:
        lines.append(f"  · and {len(messages) - 8} further messages: see --json")
    lines += [f"  · {flag.message}" for flag in results.flags]
    if len(results.rows) <= PRINTED:
        lines += ["", *_aligned(results)]
    return "\n".join(lines)


def write_sweep(results: SweepResults, folder: str | Path, options: Mapping[str, Any]) -> list[Path]:
    """``table.csv`` (one row per simulation, the laboratory's units), ``results.json`` with its provenance, and
    ``peaks`` (SVG, PNG) where at most two parameters vary; returns the files written."""
    with new_set(folder, "simulate grid", options) as made:
        return [made.placed(path) for path in _write(results, made.folder, options)]


def _write(results: SweepResults, folder: Path, options: Mapping[str, Any]) -> list[Path]:
    from rampion.figures.parameter_sweep import draw_parameter_sweep
    from rampion.figures.save import save

    table, summary = folder / "table.csv", folder / "results.json"
    header, rows = _table(results)
    with table.open("w", newline="", encoding="utf-8") as stream:
        stream.write(f"# {SYNTHETIC}\n")
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
    entry = sweep_entry(results) | {"provenance": provenance(options)}
    summary.write_text(to_json(entry, None) + "\n", encoding="utf-8")
    figure = draw_parameter_sweep(results)
    return [table, summary, *(save(figure, folder / "peaks") if figure is not None else [])]


def _table(results: SweepResults) -> tuple[list[str], list[list[str]]]:
    """Header and rows; empty where there is no number."""
    sweep = results.sweep
    columns = {name: (values, sweep.quantity_of(name)) for name, values in sweep.varied.items()}
    columns |= {name: (results.column(name), kind) for name, kind in _FOUND.items()}
    header = ["simulation", *(_header(name, kind) for name, (_, kind) in columns.items()), "flags"]
    numbers = [_in_shown_unit(values, kind) for values, kind in columns.values()]
    codes = ["; ".join(flag.code for flag in row.flags) for row in results.rows]
    rows = [
        [str(number), *(f"{value:.10g}" if math.isfinite(value) else "" for value in values), told]
        for number, (told, *values) in enumerate(zip(codes, *numbers, strict=True), 1)
    ]
    return header, rows


def _aligned(results: SweepResults) -> list[str]:
    header, rows = _table(results)
    header[-1 - len(_SYMBOLS) : -1] = _SYMBOLS
    short = [[row[0], *(f"{float(text):.4g}" if text else "–" for text in row[1:-1]), row[-1]] for row in rows]
    widths = [max(len(row[k]) for row in (header, *short)) for k in range(len(header) - 1)]
    lines = (
        [*(text.rjust(width) for text, width in zip(row, widths, strict=False)), row[-1]] for row in (header, *short)
    )
    return ["  ".join(line).rstrip() for line in lines]


def _header(name: str, kind: str) -> str:
    unit = quantity(kind).shown_unit if kind else ""
    return f"{_words(name)} [{unit}]" if unit else _words(name)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _in_shown_unit(values: np.ndarray, kind: str) -> np.ndarray:
    return values * quantity(kind).factor + quantity(kind).offset if kind else values


def _shown(value: float | np.floating, kind: str) -> str:
    unit = f" {quantity(kind).shown_unit}" if kind and quantity(kind).shown_unit else ""
    return f"{quantity(kind).shown(float(value)) if kind else value:.4g}{unit}"


def _span(values: np.ndarray, kind: str) -> str:
    different = np.unique(values).size
    if different == 1:
        return _shown(values[0], kind)
    return f"{_shown(values.min(), kind)} … {_shown(values.max(), kind)} ({different} values)"


def _setting(results: SweepResults, row: int) -> str:
    sweep = results.sweep
    told = (f"{_words(name)} {_shown(values[row], sweep.quantity_of(name))}" for name, values in sweep.varied.items())
    return ", ".join(told)
