"""The same sweep over scan rates and thicknesses: what a simulated cell would give in the paper's two series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from rampion.cell.parameters import Cell
from rampion.cell.simulate import simulate
from rampion.cell.simulation import Accuracy, Peak
from rampion.measurement import Sweep

FACTORS = (1 / 16, 1 / 4, 1.0, 4.0, 16.0)
"""Scan rates of a family, in those of its sweep."""
THICKNESSES = (0.5, 1.0, 2.0, 3.0)
"""Thicknesses of a family, in that of its cell."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """One sweep: scan rate [V/s], thickness [m], potential [V] and current density [A/m²] (n,), and its peak."""

    rate: float
    thickness: float
    potential: Float[np.ndarray, " n"]
    current_density: Float[np.ndarray, " n"]
    peak: Peak | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Family:
    """Curves over the scan rate at one thickness, and over the thickness at one scan rate."""

    by_rate: tuple[Curve, ...]
    by_thickness: tuple[Curve, ...]


def sweep_family(
    cell: Cell,
    sweep: Sweep,
    *,
    rates: Sequence[float] = (),
    thicknesses: Sequence[float] = (),
    accuracy: Accuracy | None = None,
) -> Family:
    """Simulate the sweep at several rates [V/s] and thicknesses [m]; by default around those given."""

    def curve(rate: float, thickness: float) -> Curve:
        run = simulate(replace(cell, thickness=thickness), replace(sweep, rate=rate), accuracy=accuracy)
        return Curve(
            rate=rate, thickness=thickness, potential=run.potential, current_density=run.current_density,
            peak=run.peak,
        )  # fmt: skip

    return Family(
        by_rate=tuple(curve(rate, cell.thickness) for rate in rates or [f * sweep.rate for f in FACTORS]),
        by_thickness=tuple(
            curve(sweep.rate, thickness) for thickness in thicknesses or [f * cell.thickness for f in THICKNESSES]
        ),
    )
