"""What happens inside a simulated cell: concentration, potential and field through the ceramic at chosen times.

    Φ(x) = ∫₀ˣ dx′ [J/σ(c) + (2RT/F)(1 − t₊)Γ ∂ln c/∂x′]

is the potential between lithium at the plating face and a lithium reference at x, without the charge transfer of the
faces; ∂Φ/∂x is the field that such references see. Both include the concentration overpotential.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rampion.cell.parameters import properties, thermal_voltage
from rampion.cell.simulation import Simulation, sampled


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Profiles:
    """time (k,) [s], position (n,) [m] from the plating face, concentration (k, n) [mol/m³], potential (k, n) [V],
    middle (n−1,) [m] of the intervals and field (k, n−1) [V/m] there."""

    time: Float[np.ndarray, " k"]
    position: Float[np.ndarray, " n"]
    concentration: Float[np.ndarray, "k n"]
    potential: Float[np.ndarray, "k n"]
    middle: Float[np.ndarray, " intervals"]
    field: Float[np.ndarray, "k intervals"]


def profiles_in_time(simulation: Simulation, times: Float[np.ndarray, " k"]) -> Profiles:
    """Profiles at the times [s].

    Assumes: σ and the factor of d ln c linear between the nodes, with a logarithmic mean of 1/σ.

    Raises
    ------
    InputError
        When a time lies outside the run.
    """
    cell, there = simulation.cell, sampled(simulation, np.asarray(times, dtype=float))
    c = there["concentration"].copy()
    c[:, 0], c[:, -1] = there["surface_concentration"], there["counter_concentration"]
    nature, sites = properties(cell), np.inf if cell.closure is None else cell.closure.sites
    empty = np.maximum(sites - c, 1e-12 * cell.concentration)
    sigma = np.asarray(nature.conductivity(c, empty))
    weight = np.asarray((1.0 - nature.transference(c, empty)) * nature.thermodynamic_factor(c, empty))
    weight = 2.0 * thermal_voltage(cell) * weight
    ratio = sigma[:, 1:] / sigma[:, :-1]
    flat = np.abs(ratio - 1.0) < 1e-6
    resistivity = np.where(flat, 1.0, np.log(ratio) / np.where(flat, 1.0, ratio - 1.0)) / sigma[:, :-1]
    step = np.diff(simulation.position)
    rise = 0.5 * (weight[:, 1:] + weight[:, :-1]) * np.diff(np.log(c), axis=1)
    rise = rise + there["ionic_current_density"][:, None] * resistivity * step
    potential = np.concatenate([np.zeros((len(rise), 1)), np.cumsum(rise, axis=1)], axis=1)
    return Profiles(
        time=there["time"], position=simulation.position, concentration=c, potential=potential,
        middle=0.5 * (simulation.position[1:] + simulation.position[:-1]), field=rise / step,
    )  # fmt: skip
