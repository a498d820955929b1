"""Pictures of the simulated cell: what the instrument sees and what happens inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from rampion.figures.style import BLACK, BLUE, GREY, mark_synthetic, new_figure
from rampion.quantities import quantity

if TYPE_CHECKING:
    from rampion.cell.simulate import Simulation

SHOWN_PROFILES = 8


def draw_simulation(simulation: Simulation) -> Figure:
    """Current density against cell voltage (or voltage against time), and concentration profiles in time."""
    figure, (curve, profile) = new_figure(8.6, 3.6, columns=2)
    potential, current = simulation.potential, simulation.current_density * quantity("current_density").factor
    swept = bool(np.ptp(potential) > 0 and np.ptp(current) > 1e-6 * float(np.max(np.abs(current), initial=1e-30)))
    if swept:
        curve.plot(potential, current, color=BLACK, lw=1.1)
        curve.set_xlabel(quantity("potential").label)
        curve.set_ylabel(quantity("current_density").label)
        limit = simulation.limiting_current_density * quantity("current_density").factor
        if np.isfinite(limit) and limit < 3 * float(np.max(current)):
            curve.axhline(limit, color=GREY, lw=0.8, ls=":", label="J_lim")
        if simulation.peak is not None:
            peak = simulation.peak
            told = f"{quantity('current_density').shown(peak.current_density):.4g} mA/cm² at {peak.potential:.3g} V"
            height = peak.current_density * quantity("current_density").factor
            curve.plot(peak.potential, height, "o", mfc="white", color=BLUE, label=told)
        if curve.get_legend_handles_labels()[0]:
            curve.legend(fontsize=7.5, frameon=False)
    else:
        curve.plot(simulation.time, potential, color=BLACK, lw=1.1)
        curve.set_xlabel(quantity("time").label)
        curve.set_ylabel(quantity("potential").label)
    moments = np.linspace(0.0, float(simulation.time[-1]), SHOWN_PROFILES)
    chosen = np.unique(np.searchsorted(simulation.time, moments).clip(max=simulation.time.size - 1))
    colours = colormaps["viridis"](np.linspace(0.0, 0.85, chosen.size))
    for colour, row in zip(colours, chosen, strict=True):
        told = f"{simulation.time[row]:.3g} s"
        shown = simulation.concentration[row] * quantity("concentration").factor
        profile.plot(simulation.position * quantity("thickness").factor, shown, color=colour, lw=1.1, label=told)
    profile.set_xlabel("distance from the plating face (mm)")
    profile.set_ylabel(quantity("concentration").label)
    profile.legend(fontsize=7, frameon=False)
    for axis in (curve, profile):
        mark_synthetic(axis)
    return figure
