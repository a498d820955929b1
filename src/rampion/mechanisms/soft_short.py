"""A soft short: a thin metallic path in parallel that comes and goes.

J = V/R + V/R_e(t) ;  steps and noise, the interface arc shrinks at constant capacitance
"""

from __future__ import annotations

from rampion.mechanisms.argument import Arguments as A
from rampion.mechanisms.mechanism import Mechanism
from rampion.mechanisms.prediction import Share, between, point

MECHANISM = Mechanism(
    name="soft_short",
    title="soft short",
    equations="J = V/R + V/R_e(t)",
    predictions={
        A.PEAK_EXISTS: Share(0.0, 0.3),
        A.OHMIC_SHARE: between(-1.0, 0.0, 0.02),
        A.BULK_RESISTANCE: between(-1.5, -0.02, 0.03),
        A.INTERFACE_RESISTANCE: between(-3.0, -0.1, 0.05),
        A.INTERFACE_CAPACITANCE: point(0.0, tolerance=0.15),
        A.RECOVERY_UNPRESSED: between(0.2, 0.8, 0.1),
        A.PRECURSORS: Share(0.6, 1.0),
    },
)


def shorted_current(potential: float, area_resistance: float, path: float) -> float:
    """J = V/R_A + V/R_e [A/m²], both resistances in Ω·m²."""
    return potential / area_resistance + potential / path
