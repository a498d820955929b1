"""Exact charges of a flat face whose layer is in equilibrium: what the space-charge simulation is held against.

Both follow from one integration of Poisson's equation with Boltzmann's distribution, εφ′²/2 = Σ osmotic pressures, for
a layer thin against the cell; ψ is the potential of the face over the bulk.

Source: Bazant, Thornton & Ajdari, Phys. Rev. E 70 (2004) 021506, doi:10.1103/PhysRevE.70.021506.
"""

from __future__ import annotations

import math

from rampion.cell.poisson import PoissonCell
from rampion.quantities import FARADAY, GAS_CONSTANT, VACUUM_PERMITTIVITY


def gouy_chapman_charge(cell: PoissonCell, potential: float, bulk: float) -> float:
    """Charge of a flat blocking face in a 1:1 electrolyte, √(8 ε RT c_b) sinh(Fψ/2RT) [C/m²]; ``bulk`` c_b [mol/m³],
    ``potential`` ψ [V] of the face over the bulk."""
    thermal = GAS_CONSTANT * cell.temperature / FARADAY
    scale = 8.0 * cell.relative_permittivity * VACUUM_PERMITTIVITY * GAS_CONSTANT * cell.temperature * bulk
    return math.sqrt(scale) * math.sinh(potential / (2.0 * thermal))


def background_charge(cell: PoissonCell, potential: float, bulk: float) -> float:
    """Charge of a flat face when only lithium moves over a fixed background, ±√{2 ε RT c_b [e^(−u) + u − 1]} [C/m²],
    u = Fψ/RT. For u ≫ 1 it is the depletion layer of width √(2εψ/(F c_b)) (Mott–Schottky)."""
    u = potential * FARADAY / (GAS_CONSTANT * cell.temperature)
    scale = 2.0 * cell.relative_permittivity * VACUUM_PERMITTIVITY * GAS_CONSTANT * cell.temperature * bulk
    return math.copysign(math.sqrt(scale * (math.exp(-u) + u - 1.0)), u)
