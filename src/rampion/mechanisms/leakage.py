"""Electronic leakage in parallel with the ions: lithium forms inside the solid at any current.

    J = (σ + σ_e)V/L , J_e = σ_eV/L ; the bulk resistance falls and the current lies above the ionic line.

Source: Han et al., Nat. Energy 4 (2019) 187, doi:10.1038/s41560-018-0312-z.
"""

from __future__ import annotations

from rampion.mechanisms.argument import Arguments as A
from rampion.mechanisms.mechanism import Mechanism
from rampion.mechanisms.prediction import Share, between

MECHANISM = Mechanism(
    name="leakage",
    title="electronic leakage",
    equations="J_e = σ_eV/L in parallel",
    predictions={
        A.PEAK_EXISTS: Share(0.0, 0.1),
        A.OHMIC_SHARE: between(-1.0, -0.02, 0.02),
        A.BULK_RESISTANCE: between(-1.5, -0.03, 0.03),
        A.INTERFACE_RESISTANCE: between(-0.3, 0.05, 0.05),
        A.SAND_EXPONENT: between(-1.5, 0.5, 0.2),
        A.FAILURE_ABOVE_PEAK: Share(0.2, 1.0),
    },
    source="doi:10.1038/s41560-018-0312-z",
)


def leakage_current(potential: float, electronic_conductivity: float, thickness: float) -> float:
    """J_e = σ_eV/L [A/m²]."""
    return electronic_conductivity * potential / thickness
