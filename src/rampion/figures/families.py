"""Simulated voltammograms over scan rate and thickness."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from rampion.figures.style import BLACK, mark_synthetic, new_figure
from rampion.quantities import quantity
from rampion.units import show

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from rampion.cell.families import Curve, Family


def draw_family(family: Family) -> Figure:
    """J against V over scan rates at one thickness (left) and over thicknesses at one scan rate (right), with peaks."""
    figure, (rates, thicknesses) = new_figure(8.8, 3.7, columns=2)
    _draw(rates, family.by_rate, [show(curve.rate, "scan_rate", 3) for curve in family.by_rate])
    _draw(thicknesses, family.by_thickness, [show(curve.thickness, "thickness", 3) for curve in family.by_thickness])
    if family.by_rate:
        rates.set_title(f"L = {show(family.by_rate[0].thickness, 'thickness', 3)}", fontsize=9, loc="left")
    if family.by_thickness:
        thicknesses.set_title(f"v = {show(family.by_thickness[0].rate, 'scan_rate', 3)}", fontsize=9, loc="left")
    return figure


def _draw(axis: Axes, curves: Sequence[Curve], labels: Sequence[str]) -> None:
    factor = quantity("current_density").factor
    colours = colormaps["viridis"](np.linspace(0.0, 0.85, len(curves)))
    for colour, curve, told in zip(colours, curves, labels, strict=True):
        axis.plot(curve.potential, curve.current_density * factor, color=colour, lw=1.2, label=told)
        if curve.peak is not None:
            height = curve.peak.current_density * factor
            axis.plot(curve.peak.potential, height, "o", ms=4, mfc="white", mec=BLACK, mew=0.8)
    axis.set_xlabel(quantity("potential").label)
    axis.set_ylabel(quantity("current_density").label)
    axis.set_xlim(left=0.0 if all(curve.potential.min(initial=0.0) >= 0 for curve in curves) else None)
    axis.set_ylim(bottom=0.0 if all(curve.current_density.min(initial=0.0) >= 0 for curve in curves) else None)
    axis.legend(fontsize=7.2, frameon=False)
    mark_synthetic(axis)
