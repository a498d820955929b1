"""The peak's height over one or two varied parameters of simulated cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from rampion.figures.style import BLACK, BLUE, GREY, mark_synthetic, new_figure
from rampion.quantities import quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

    from rampion.planning.parameter_sweep import SweepResults

_LABELLED = 8  # series that a legend can name; more are told by a colour bar
_WIDE = 8.0  # ratio of largest to least from which an axis is logarithmic


def draw_parameter_sweep(results: SweepResults) -> Figure | None:
    """J_p against the parameter with the most values, a line for each value of the other; ``None`` where none or more
    than two vary. A cross is the largest current density of a ramp without a peak; dotted is J_lim."""
    sweep = results.sweep
    varied = {name: values for name, values in sweep.varied.items() if np.unique(values).size > 1}
    if not 1 <= len(varied) <= 2:
        return None
    first, *second = sorted(varied, key=lambda name: -np.unique(varied[name]).size)
    x, x_label = _shown(results, first)
    other, other_label = _shown(results, second[0]) if second else (np.zeros_like(x), "")
    scale = quantity("current_density").factor
    peak, largest, limit = (
        results.column(name) * scale
        for name in ("peak_current_density", "largest_current_density", "limiting_current_density")
    )
    figure, (axis,) = new_figure(5.6, 3.9)
    levels = np.unique(other)
    spread = LogNorm if _is_wide(levels) else Normalize
    norm = spread(levels[0], levels[-1])
    for level in levels:
        here = np.flatnonzero(other == level)
        here = here[np.argsort(x[here], kind="stable")]
        colour = colormaps["viridis"](0.85 * norm(level)) if second else BLUE
        told = f"{level:.4g}" if second and levels.size <= _LABELLED else None
        _draw(axis, x[here], peak[here], np.where(np.isfinite(peak[here]), np.nan, largest[here]), colour, told)
        if levels.size <= _LABELLED:
            axis.plot(x[here], limit[here], ":", color=colour, lw=0.9)
    _finish(axis, x, np.where(np.isfinite(peak), peak, largest))
    axis.set_xlabel(x_label)
    axis.set_ylabel("J_p (mA/cm²)")
    if np.isfinite(peak).any():
        axis.plot([], [], "o-", ms=4, mfc="white", color=GREY, label="peak")
    if (np.isnan(peak) & np.isfinite(largest)).any():
        axis.plot([], [], "x", ms=4, color=GREY, label="no peak: largest J")
    if levels.size <= _LABELLED:
        axis.plot([], [], ":", color=GREY, label="J_lim")
        axis.legend(fontsize=7.2, frameon=False, title=other_label or None, title_fontsize=7.2)
    else:
        axis.legend(fontsize=7.2, frameon=False)
        scalars = figure.colorbar(_mappable(norm), ax=axis, pad=0.02)
        scalars.set_label(other_label, fontsize=8)
        scalars.ax.tick_params(labelsize=7)
    mark_synthetic(axis)
    return figure


def _draw(axis: Axes, x: np.ndarray, peak: np.ndarray, without: np.ndarray, colour, told: str | None) -> None:
    there = np.isfinite(peak)
    marker = "o" if x.size <= 40 else ""
    axis.plot(x[there], peak[there], "-", marker=marker, ms=4, lw=1.2, mfc="white", color=colour, label=told)
    axis.plot(x, without, "x", ms=4, color=colour)


def _mappable(norm):
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap

    shades = colormaps["viridis"](np.linspace(0.0, 0.85, 256))
    return ScalarMappable(norm, LinearSegmentedColormap.from_list("shades", [tuple(shade) for shade in shades]))


def _finish(axis: Axes, x: np.ndarray, y: np.ndarray) -> None:
    """Logarithmic axes where the parameter spans much; else the current from zero."""
    y = y[np.isfinite(y)]
    if _is_wide(x):
        axis.set_xscale("log")
        _label_plainly(axis.xaxis)
        if y.size and y.min() > 0 and y.max() > 2.0 * y.min():
            axis.set_yscale("log")
            _label_plainly(axis.yaxis)
            return
    if y.size and y.min() >= 0:
        axis.set_ylim(bottom=0.0)
    axis.axhline(0.0, color=BLACK, lw=0.4)


def _label_plainly(along: Axis) -> None:
    """0.2, 0.5, 1, 2, 5 in place of powers of ten."""
    along.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    along.set_minor_formatter(FuncFormatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in "25" else ""))
    along.set_tick_params(which="minor", direction="in", labelsize=7)


def _is_wide(values: np.ndarray) -> bool:
    return bool(values.min() > 0 and values.max() >= _WIDE * values.min())


def _shown(results: SweepResults, name: str) -> tuple[np.ndarray, str]:
    """The varied parameter in the laboratory's unit, and its label."""
    kind, values = results.sweep.quantity_of(name), results.sweep.varied[name]
    words = f"{name.replace('_', ' ')} {quantity(kind).symbol}" if name == kind else name.replace("_", " ")
    if not kind:
        return values, words
    unit = quantity(kind).shown_unit
    return values * quantity(kind).factor + quantity(kind).offset, f"{words} ({unit})" if unit else words
