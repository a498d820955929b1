"""Profile likelihood of a circuit's parameters: how far each can go while the others follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter

from rampion.figures.style import BLUE, GREY, RED, mark_synthetic, new_figure

if TYPE_CHECKING:
    from rampion.impedance.finding import SpectrumFinding

COLUMNS = 4


def draw_likelihood(finding: SpectrumFinding, title: str = "") -> Figure:
    """One panel a parameter: χ² over its threshold (1: the ends of the 95 % interval) against the parameter."""
    columns = min(len(finding.profiles), COLUMNS)
    rows = -(-len(finding.profiles) // columns)
    figure, axes = new_figure(2.3 * columns + 0.4, 1.9 * rows + 0.3, rows=rows, columns=columns)
    for axis in axes[len(finding.profiles) :]:
        axis.set_visible(False)
    for axis, profile in zip(axes, finding.profiles, strict=False):
        least = float(np.min(profile.chi_square))
        rise = (profile.chi_square - least) / max(profile.threshold - least, 1e-300)
        axis.plot(profile.values, rise, ".-", color=BLUE, lw=1.0, ms=4)
        axis.axhline(1.0, color=RED, lw=0.8, ls="--")
        for end in profile.estimate.interval:
            if profile.values[0] <= end <= profile.values[-1]:
                axis.axvline(end, color=GREY, lw=0.8, ls=":")
        axis.locator_params(axis="x", nbins=3)
        axis.xaxis.set_major_formatter(FormatStrFormatter("%.4g"))
        axis.set_ylim(-0.05, 1.6)
        axis.set_xlabel(f"{profile.name} ({finding.parameters[profile.name].unit or '–'})", fontsize=8)
        axis.tick_params(labelsize=7)
    axes[0].set_ylabel("Δχ² / threshold")
    axes[0].set_title(title, fontsize=9, loc="left")
    if finding.synthetic:
        mark_synthetic(axes[0])
    return figure
