"""Arrhenius pictures: σT, and T/R of each process, against 1000/T with their lines, bands and energies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter

from rampion.figures.style import mark_synthetic, new_figure
from rampion.figures.tracks import COLOURS, MARKERS, plain_decades
from rampion.quantities import quantity
from rampion.units import show

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

    from rampion.transport.activation import Activation

_KELVIN = -quantity("temperature").offset


def draw_arrhenius(
    conductivity: Activation | None, processes: Sequence[Activation], title: str = "", synthetic: bool = False
) -> Figure:
    """The conductivity's line at the left, the processes' at the right: points and lines with 95 % bars and bands."""
    shown = quantity("conductivity")
    unit = shown.shown_unit.replace("mS", "mS·K")
    panels = [([conductivity], shown.factor, f"σT ({unit})")] if conductivity is not None else []
    panels += [(list(processes), 1.0, "T/R (K/Ω)")] if processes else []
    figure, axes = new_figure(4.2 * len(panels) + 0.2, 3.9, columns=len(panels))
    for axis, (lines, factor, label) in zip(axes, panels, strict=True):
        for colour, marker, one in zip(COLOURS * 3, MARKERS * 3, lines, strict=False):
            _draw_line(axis, one, factor, colour, marker)
        axis.set_yscale("log")
        plain_decades(axis, *axis.get_ylim())
        axis.set_xlabel("1000/T (1/K)")
        axis.set_ylabel(label)
        axis.legend(fontsize=7, frameon=False, loc="best")
        _add_celsius(axis, np.concatenate([one.temperature for one in lines]))
        if synthetic:
            mark_synthetic(axis)
    axes[0].set_title(title, fontsize=9, loc="left")
    return figure


def _draw_line(axis: Axes, one: Activation, factor: float, colour: str, marker: str) -> None:
    place, points = 1e3 / one.temperature, one.ordinate * factor
    bars = np.minimum(1.96 * np.nan_to_num(one.ordinate_std) * factor, 0.95 * points)
    told = f"{one.quantity}: {show(one.energy, 'activation_energy')}"
    axis.errorbar(
        place, points, yerr=bars, fmt=marker, ms=4.5, mfc="white", elinewidth=0.8, capsize=2, color=colour, label=told
    )
    inverse = 1e3 / one.line_temperature
    axis.plot(inverse, one.line * factor, "-", lw=1, color=colour, zorder=1)
    axis.fill_between(inverse, one.line_low * factor, one.line_high * factor, color=colour, alpha=0.18, lw=0)


def _add_celsius(axis: Axes, temperature: np.ndarray) -> None:
    """A second axis above, in °C, with its marks at round temperatures."""
    above = axis.secondary_xaxis("top", functions=(_turned, _turned_back))
    low, high = float(temperature.min()) - _KELVIN, float(temperature.max()) - _KELVIN
    round_ones = MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    above.xaxis.set_major_locator(FixedLocator(list(round_ones)))
    above.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("-", "−")))
    above.xaxis.set_minor_formatter(NullFormatter())
    above.tick_params(direction="in", labelsize=8)
    above.set_xlabel(quantity("temperature").label, fontsize=9)


def _turned(inverse: ArrayLike) -> ArrayLike:
    return 1e3 / np.maximum(np.asarray(inverse, float), 1e-6) - _KELVIN


def _turned_back(celsius: ArrayLike) -> ArrayLike:
    return 1e3 / np.maximum(np.asarray(celsius, float) + _KELVIN, 1e-6)
