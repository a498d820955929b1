"""A space-charge layer at the plating interface (Poisson–Nernst–Planck with a fixed background).

    width w = √(2εε₀φ/(Fc)) ,  capacitance C = εε₀/w

It has no charge scale, forms in microseconds to seconds, and gives a Mott–Schottky arc: C^-2 linear in φ.
Source: de Klerk and Wagemaker, ACS Appl. Energy Mater. 1 (2018) 5609, doi:10.1021/acsaem.8b01141.
"""

from __future__ import annotations

import math

from rampion.mechanisms.argument import Arguments as A
from rampion.mechanisms.mechanism import Mechanism
from rampion.mechanisms.prediction import Share, between, point
from rampion.quantities import FARADAY, VACUUM_PERMITTIVITY

MECHANISM = Mechanism(
    name="space_charge",
    title="space-charge layer",
    equations="w = √(2εε₀φ/(Fc)), C = εε₀/w",
    predictions={
        A.PEAK_EXISTS: Share(0.2, 1.0),
        A.EXPONENT_PAIR: point(0.0, -1.0, tolerance=0.04),
        A.BULK_OVERLAY: point(0.0, tolerance=0.04),
        A.INTERFACE_OVERLAY: point(-1.0, tolerance=0.06),
        A.CAPACITY_PAIR: point(-1.0, -1.0, tolerance=0.08),
        A.SEMI_INTEGRAL_PAIR: point(-0.5, -1.0, tolerance=0.08),
        A.RATE_EXPONENT: point(0.0, tolerance=0.04),
        A.THICKNESS_EXPONENT: point(-1.0, tolerance=0.04),
        A.OHMIC_SHARE: between(0.0, 1.0, 0.02),
        A.BULK_RESISTANCE: point(0.0, tolerance=0.03),
        A.INTERFACE_RESISTANCE: between(0.2, 4.0, 0.1),
        A.INTERFACE_CAPACITANCE: point(-1.0, tolerance=0.3),
        A.RECOVERY_UNPRESSED: between(0.95, 1.0, 0.04),
        A.PRESSURE_EFFECT: point(0.0, tolerance=0.05),
        A.RECOVERY_TAIL: between(-5.0, -1.5, 0.2),
        A.INTERFACE_LAW: point(0.0, tolerance=0.2),
    },
    source="doi:10.1021/acsaem.8b01141",
)


def layer_width(potential: float, concentration: float, permittivity: float) -> float:
    """w = √(2ε_rε₀φ/(Fc)) [m] for φ [V] across the layer and fixed charge c [mol/m³]."""
    return math.sqrt(2 * permittivity * VACUUM_PERMITTIVITY * potential / (FARADAY * concentration))


def layer_capacitance(potential: float, concentration: float, permittivity: float) -> float:
    """C = ε_rε₀/w [F/m²]."""
    return permittivity * VACUUM_PERMITTIVITY / layer_width(potential, concentration, permittivity)
