"""Charge passed until the maximum, against thickness: common to all samples, or a matter of transport."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter

from rampion.figures.style import mark_synthetic, new_figure, title
from rampion.quantities import quantity


def draw_capacity(
    groups: Sequence[tuple[str, np.ndarray, np.ndarray]], heading: str = "", synthetic: bool = False
) -> Figure:
    """Charge density against thickness on log axes, one colour per scan rate; ``groups``: name, L (n,), Q (n,) [SI]."""
    figure, (axis,) = new_figure(4.4, 3.4)
    length, charge = quantity("thickness"), quantity("charge")
    colours = colormaps["viridis"](np.linspace(0.0, 0.85, len(groups)))
    for colour, (name, thickness, passed) in zip(colours, groups, strict=True):
        axis.plot(thickness * length.factor, passed * charge.factor, "o", ms=4.5, mfc="white", mec=colour, label=name)
    axis.set_xscale("log")
    axis.set_yscale("log")
    low, high = axis.get_ylim()
    if high < 10 * low:  # a common capacity must look flat, not like its own scatter
        middle = (low * high) ** 0.5
        axis.set_ylim(middle / 10**0.5, middle * 10**0.5)
    for side in (axis.xaxis, axis.yaxis):
        side.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        side.set_major_formatter(FormatStrFormatter("%g"))
        side.set_minor_formatter(NullFormatter())
    axis.set_xlabel(length.label)
    axis.set_ylabel("Q at the maximum (mAh/cm²)")
    axis.legend(fontsize=7.2, frameon=False)
    title(axis, heading)
    if synthetic:
        mark_synthetic(axis)
    return figure
