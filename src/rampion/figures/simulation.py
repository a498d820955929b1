"""The simulated run as an instrument sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from rampion.figures.style import BLACK, BLUE, GREY, mark_synthetic, new_figure
from rampion.quantities import quantity

if TYPE_CHECKING:
    from rampion.cell.simulate import Simulation


def draw_simulation(simulation: Simulation) -> Figure:
    """Current density against cell voltage, or voltage against time where the current is controlled."""
    figure, (curve,) = new_figure(4.8, 3.6)
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
    mark_synthetic(curve)
    return figure
