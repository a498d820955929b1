"""The processes of a series of spectra followed along its coordinate: resistance, capacitance, exponent, frequency."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, LogFormatterSciNotation, LogLocator, NullFormatter

from rampion.figures.spectra import shown_along
from rampion.figures.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, RED, SKY, mark_synthetic, new_figure
from rampion.quantities import quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from rampion.impedance.series_finding import Track

COLOURS = (BLUE, RED, GREEN, PURPLE, ORANGE, SKY, BLACK, GREY)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
PANELS = ("resistance", "capacitance", "exponent", "frequency")


def draw_tracks(tracks: Sequence[Track], along: str, title: str = "", synthetic: bool = False) -> Figure:
    """Each process along the series with its 95 % bars; points that the data do not tell are left out."""
    figure, axes = new_figure(7.6, 5.2, rows=2, columns=2, sharex=True)
    for axis, name in zip(axes, PANELS, strict=True):
        spans = []
        for colour, marker, track in zip(COLOURS * 3, MARKERS * 3, tracks, strict=False):
            value, std = getattr(track, name), getattr(track, f"{name}_std")
            told = np.isfinite(track.resistance) & (track.resistance > 0)  # only then is it a process of the spectrum
            shown = told & np.isfinite(value) & (value > 0)
            place, label = shown_along(along, track.coordinate)
            axis.set_xlabel(label if axis in axes[2:] else "")
            if not shown.any():
                continue
            bars = np.where(np.isfinite(std), 1.96 * std, 0.0)
            bars = np.minimum(bars, 0.95 * value) if name != "exponent" else bars
            line = np.where(shown, value, np.nan)  # broken where the process is not there
            axis.errorbar(
                place, line, yerr=np.where(shown, bars, np.nan), marker=marker, ms=4, lw=0.8, elinewidth=0.8,
                mfc="white", color=colour, label=track.name,
            )  # fmt: skip
            spans += [value[shown].min(), value[shown].max()]
        if name != "exponent" and spans and max(spans) > 10 * min(spans):
            axis.set_yscale("log")
            plain_decades(axis, min(spans), max(spans))
        elif name == "exponent":
            axis.set_ylim(max(0.3, min([1.0, *spans]) - 0.15), 1.05)
        elif name == "resistance":
            axis.set_ylim(bottom=0.0)
        axis.set_ylabel(quantity(name).label)
    axes[0].legend(fontsize=7, frameon=False)
    axes[0].set_title(title, fontsize=9, loc="left")
    if synthetic:
        for axis in axes:
            mark_synthetic(axis)
    return figure


def plain_decades(axis: Axes, low: float, high: float) -> None:
    """Marks of a logarithmic axis: plain numbers with 2 and 5, or 3, between; powers of ten over many decades."""
    between = (1.0, 2.0, 5.0) if high < 300 * low else (1.0, 3.0) if high < 3000 * low else (1.0,)
    axis.yaxis.set_major_locator(LogLocator(subs=between))
    if len(between) > 1 and low >= 1e-3 and high < 1e5:
        axis.yaxis.set_major_formatter(FormatStrFormatter("%g"))
    else:
        axis.yaxis.set_major_formatter(
            LogFormatterSciNotation(labelOnlyBase=False, minor_thresholds=(math.inf, math.inf))
        )
    axis.yaxis.set_minor_formatter(NullFormatter())
