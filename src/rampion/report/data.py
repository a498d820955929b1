"""The numbers behind a figure, in the laboratory's units: as CSV, and as text that Origin reads with its three rows.

Columns may differ in length: a figure of several curves has a pair for each.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rampion.quantities import quantity
from rampion.report.tables import text_cell

if TYPE_CHECKING:
    from rampion.figures.curves import Curve
    from rampion.figures.laws import LawPlot
    from rampion.figures.stages import Stage


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Column:
    """One column: long name, unit as shown, a comment (which sample), and its values (n,) in that unit."""

    name: str
    unit: str
    comment: str
    values: np.ndarray


def column_of(name: str, values: np.ndarray, comment: str, prefix: str = "") -> Column:
    """A quantity of the vocabulary in its shown unit, from SI."""
    known = quantity(name)
    words = f"{prefix} {known.name.replace('_', ' ')}".strip()
    shown = np.asarray(values, float) * known.factor + known.offset
    return Column(name=words, unit=known.shown_unit, comment=comment, values=shown)


def curve_data(curves: Iterable[Curve]) -> list[Column]:
    """A pair of columns per curve."""
    return [
        column_of(name, values, f"{curve.note}, {curve.name}" if curve.name != curve.note else curve.note)
        for curve in curves
        for name, values in ((curve.across, curve.x), (curve.up, curve.y))
    ]


def stage_data(stages: Iterable[Stage], note: str) -> list[Column]:
    """Re Z and −Im Z of each spectrum."""
    return [
        Column(name=name, unit="Ω", comment=f"{note}, {stage.name}", values=values)
        for stage in stages
        for name, values in (("Re Z", np.real(stage.impedance)), ("−Im Z", -np.imag(stage.impedance)))
    ]


def law_data(plot: LawPlot, note: str) -> list[Column]:
    """Samples, replicates' mean ± SD, and the samples that penetrated."""
    words, _, unit = plot.label.partition(" (")
    unit = unit.rstrip(")")

    def pair(what: str, x: np.ndarray, y: np.ndarray) -> list[Column]:
        across = Column(name=words, unit=unit, comment=f"{note}: {what}", values=np.asarray(x) * plot.factor)
        return [across, column_of("current_density", y, f"{note}: {what}")]

    deviation = column_of("current_density", plot.y_std, f"{note}: samples", "standard uncertainty of")
    columns = [*pair("samples", plot.x, plot.y), deviation]
    if plot.groups.size:
        columns += pair("mean of replicates", plot.groups[:, 0], plot.groups[:, 1])
        columns.append(column_of("current_density", plot.groups[:, 2], f"{note}: replicates", "standard deviation of"))
    if plot.apart.size:
        columns += pair("penetrated, not in the fit", plot.apart[:, 0], plot.apart[:, 1])
    return columns


def as_csv(columns: Sequence[Column]) -> str:
    """One header row ``comment: name [unit]``."""
    heads = [text_cell(f"{c.comment}: {c.name}" + (f" [{c.unit}]" if c.unit else "")) for c in columns]
    quoted = ",".join('"' + head.replace('"', "'") + '"' for head in heads)
    return f"{quoted}\n{_rows(columns, ',')}\n"


def as_origin(columns: Sequence[Column]) -> str:
    """Tab separated, with Origin's rows: long name, units, comments."""
    heads = [
        "\t".join(text_cell(_one_line(getattr(c, field))) for c in columns) for field in ("name", "unit", "comment")
    ]
    return "\n".join([*heads, _rows(columns, "\t")]) + "\n"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _rows(columns: Sequence[Column], separator: str) -> str:
    texts = [[f"{value:.7g}" if np.isfinite(value) else "" for value in c.values] for c in columns]
    return "\n".join(separator.join(row) for row in itertools.zip_longest(*texts, fillvalue=""))
