"""A critical interfacial voltage: penetration starts when J·R_int reaches V_c.

    J_c = V_c/R_int , whatever v and L

Source: Li and Monroe, Phys. Chem. Chem. Phys. 21 (2019) 20354, doi:10.1039/c9cp03884a.
"""

from __future__ import annotations

from rampion.mechanisms.argument import Arguments as A
from rampion.mechanisms.mechanism import Mechanism
from rampion.mechanisms.prediction import Share, point

MECHANISM = Mechanism(
    name="threshold",
    title="critical interfacial voltage",
    equations="J_c = V_c/R_int",
    predictions={
        A.PEAK_EXISTS: Share(0.0, 0.1),
        A.EXPONENT_PAIR: point(0.0, 0.0, tolerance=0.05),
        A.BULK_OVERLAY: point(1.0, tolerance=0.08),
        A.INTERFACE_OVERLAY: point(0.0, tolerance=0.06),
        A.RATE_EXPONENT: point(0.0, tolerance=0.05),
        A.THICKNESS_EXPONENT: point(0.0, tolerance=0.05),
        A.OHMIC_SHARE: point(0.0, tolerance=0.03),
        A.BULK_RESISTANCE: point(0.0, tolerance=0.03),
        A.INTERFACE_RESISTANCE: point(0.0, tolerance=0.1),
        A.FAILURE_ABOVE_PEAK: Share(0.8, 1.0),
        A.INTERFACE_LAW: point(-1.0, tolerance=0.15),
    },
    source="doi:10.1039/c9cp03884a",
)


def threshold_current(critical_potential: float, interface: float) -> float:
    """J_c = V_c/R_int [A/m²] for V_c [V] and R_int [Ω·m²]."""
    return critical_potential / interface
