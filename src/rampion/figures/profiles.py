"""What happens inside a simulated cell: concentration, potential and field through the ceramic in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from rampion.figures.style import GREY, mark_synthetic, new_figure
from rampion.quantities import quantity

if TYPE_CHECKING:
    from rampion.cell.profiles import Profiles


def draw_profiles(profiles: Profiles) -> Figure:
    """Concentration (linear, and from the plating face on log axes), potential against lithium, and field."""
    figure, (linear, wall, potential, field) = new_figure(8.8, 6.2, rows=2, columns=2)
    length, moles = quantity("thickness"), quantity("concentration")
    x, middle = profiles.position * length.factor, profiles.middle * length.factor
    colours = colormaps["viridis"](np.linspace(0.0, 0.85, profiles.time.size))
    for k, colour in enumerate(colours):
        c = profiles.concentration[k] * moles.factor
        linear.plot(x, c, color=colour, lw=1.2, label=f"{profiles.time[k]:.5g} s")
        wall.loglog(x[1:], c[1:], color=colour, lw=1.2)
        potential.plot(x, profiles.potential[k], color=colour, lw=1.2)
        field.loglog(middle, np.maximum(np.abs(profiles.field[k]) * 1e-2, 1e-12), color=colour, lw=1.2)
    field.set_ylim(bottom=max(float(np.min(np.abs(profiles.field[-1]))) * 1e-3, 1e-6))
    linear.set_ylabel(moles.label)
    linear.set_ylim(bottom=0.0)
    wall.set_ylabel(moles.label)
    potential.set_ylabel("Φ against Li at the plating face (V)")
    field.set_ylabel("∂Φ/∂x (V/cm)")
    for axis in (linear, wall, potential, field):
        axis.set_xlabel("distance from the plating face (mm)")
        mark_synthetic(axis)
    for axis in (linear, potential):
        axis.axvline(0.0, color=GREY, lw=0.6)
    figure.legend(loc="outside lower center", fontsize=7.2, frameon=False, ncols=min(profiles.time.size, 8))
    return figure
