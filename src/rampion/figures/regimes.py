"""The regime map: what a sweep of a binary cell gives, over scan number and transference number."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from rampion.figures.style import BLACK, BLUE, GREY, ORANGE, RED, mark_synthetic, new_figure

if TYPE_CHECKING:
    from rampion.cell.regimes import RegimeMap

_LEVELS = (0.35, 0.36, 0.37, 0.38, 0.4, 0.42, 0.44)
_LABELLED = 1500.0  # W at which the contours carry their number


def draw_regimes(
    regimes: RegimeMap, own: tuple[float, float] | None = None, end: float = math.nan, label: str = "this cell"
) -> Figure:
    """The plane (W, t₊) with the exponent a of the scan rate as contours and the regimes' boundaries.

    ``own`` is the user's cell (W, t₊); ``end`` the end of its sweep in RT/F: above the line where V_p lies there, the
    sweep ends before the peak.
    """
    figure, (axis,) = new_figure(6.4, 4.3)
    w, t = regimes.scan_number, regimes.transference
    lowest, highest = min(w[0], 0.5 * own[0] if own else w[0]), max(w[-1], 2.0 * own[0] if own else w[-1])
    shown = np.ma.masked_invalid(regimes.exponent.T)
    filled = axis.contourf(w, t, shown, levels=np.linspace(0.0, 0.5, 26), cmap="Blues", alpha=0.55, extend="neither")
    lines = axis.contour(w, t, shown, levels=_LEVELS, colors=GREY, linewidths=0.6)
    column = regimes.exponent[int(np.argmin(np.abs(np.log(w / _LABELLED))))]
    places = [(_LABELLED, float(np.interp(-level, -column, t))) for level in _LEVELS if column.min() < level]
    axis.clabel(lines, fontsize=6.5, fmt="%g", manual=[place for place in places if t[0] < place[1] < t[-1]])
    boundaries = (
        (regimes.first_peak, RED, "-", "a peak begins"),
        (regimes.quasi_limiting, ORANGE, "-", "peak 10 % above J_lim"),
        (regimes.steepest, BLUE, "--", "a largest"),
        (regimes.ohmic, BLACK, "-.", "ohmic drop 90 % of V_p"),
    )
    for place, colour, style, told in boundaries:
        axis.plot(place, t, style, color=colour, lw=1.3, label=told)
    if math.isfinite(end):
        beyond = axis.contour(w, t, np.ma.masked_invalid(regimes.peak_potential.T), levels=[end], colors=BLACK)
        beyond.set_linestyle(":")
        axis.plot([], [], ":", color=BLACK, label="V_p at the sweep's end")
    if own is not None:
        told = f"{label}: W = {own[0]:.3g}, t₊ = {own[1]:.3g}"
        axis.plot(*own, "*", ms=13, mfc=RED, mec="white", mew=0.8, label=told, zorder=5, clip_on=False)
    axis.set_xscale("log")
    axis.set_xlim(lowest, highest)
    axis.set_ylim(0.0, 1.0)
    axis.set_xlabel("W = vL²F/(D RT)")
    axis.set_ylabel("transference number t₊")
    axis.set_title("left of the red line: no peak, J rises to J_lim", fontsize=8, loc="left")
    bar = figure.colorbar(filled, ax=axis, pad=0.02, ticks=np.linspace(0.0, 0.5, 6))
    bar.set_label("a = ∂ln J_p/∂ln v", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    figure.legend(loc="outside lower center", fontsize=7, frameon=False, ncols=3)
    mark_synthetic(axis)
    return figure
