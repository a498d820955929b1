"""Several curves in one picture: voltammograms of scan rates, densities or thicknesses, runs at constant current."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from rampion.figures.style import BLUE, RED, mark_synthetic, new_figure, title
from rampion.quantities import quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROOM_ABOVE = 1.25  # of the largest event or curve


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """One curve of a picture, in SI, with its name and its event.

    ``x``, ``y`` (n,) are of the quantities named ``across`` and ``up``; ``event`` is the point (x, y) judged, None
    without one; ``penetrated`` says that lithium went through there. ``note`` tells the sample.
    """

    name: str
    note: str
    across: str
    up: str
    x: np.ndarray
    y: np.ndarray
    event: tuple[float, float] | None = None
    penetrated: bool = False


def draw_curves(curves: Sequence[Curve], heading: str = "", synthetic: bool = False) -> Figure:
    """All curves on one pair of axes, dark to light in their order, with a mark at each one's event."""
    figure, (axis,) = new_figure(4.8, 3.6)
    curves_on(axis, curves)
    title(axis, heading)
    if synthetic:
        mark_synthetic(axis)
    return figure


def curves_on(axis: Axes, curves: Sequence[Curve], legend: bool = True, marks: bool = True) -> None:
    """Draw the curves on given axes."""
    across, up = quantity(curves[0].across), quantity(curves[0].up)
    colours = colormaps["viridis"](np.linspace(0.0, 0.85, len(curves)))
    for colour, curve in zip(colours, curves, strict=True):
        axis.plot(curve.x * across.factor, curve.y * up.factor, color=colour, lw=1.1, label=curve.name)
        if marks and curve.event is not None:
            x, y = curve.event
            marker, edge = ("x", RED) if curve.penetrated else ("o", BLUE)
            axis.plot(x * across.factor, y * up.factor, marker, ms=6, mfc="none", mec=edge, mew=1.4, zorder=5)
    # a spike of penetration leaves the picture at the top
    heights = [c.event[1] if c.penetrated and c.event is not None else float(np.max(c.y)) for c in curves]
    axis.set_ylim(bottom=min(0.0, 0.05 * axis.get_ylim()[0]), top=ROOM_ABOVE * max(heights) * up.factor)
    axis.set_xlabel(across.label)
    axis.set_ylabel(up.label)
    if legend:
        handles, _ = axis.get_legend_handles_labels()
        if marks:
            kinds = {curve.penetrated for curve in curves if curve.event is not None}
            shown = (("o", BLUE, "maximum"), ("x", RED, "penetration"))
            handles += [
                axis.plot([], [], shape, ls="none", ms=6, mfc="none", mec=colour, mew=1.4, label=text)[0]
                for (shape, colour, text), kind in zip(shown, (False, True), strict=True)
                if kind in kinds
            ]
        axis.legend(handles=handles, fontsize=7.2, frameon=False)
