"""Overpotential stress on a lithium-filled defect opens it (Griffith).

    p = Fη/V_Li ≥ K_Ic/(Y√(πc)) ;  with flow resistance in the defect J_c ∝ c_max^(-3/2), Weibull-scattered

Nothing limits the current before: a spike, no peak, no healing.
Source: Porz et al., Adv. Energy Mater. 7 (2017) 1701003, doi:10.1002/aenm.201701003.
"""

from __future__ import annotations

import math

from rampion.mechanisms.argument import Arguments as A
from rampion.mechanisms.mechanism import Mechanism
from rampion.mechanisms.prediction import Share, between, point
from rampion.quantities import FARADAY

LITHIUM_VOLUME = 1.30e-5  # m³/mol

MECHANISM = Mechanism(
    name="fracture",
    title="fracture from a defect",
    equations="Fη/V_Li ≥ K_Ic/(Y√(πc)); J_c ∝ c^(-3/2)",
    predictions={
        A.PEAK_EXISTS: Share(0.0, 0.1),
        A.OHMIC_SHARE: point(0.0, tolerance=0.03),
        A.BULK_RESISTANCE: between(-1.5, 0.0, 0.03),
        A.INTERFACE_RESISTANCE: between(-0.3, 0.1, 0.05),
        A.RECOVERY_UNPRESSED: between(0.0, 0.3, 0.05),
        A.FAILURE_ABOVE_PEAK: Share(0.2, 1.0),
    },
    source="doi:10.1002/aenm.201701003",
)


def critical_overpotential(toughness: float, defect: float, shape: float = 1.12) -> float:
    """η = K_Ic·V_Li/(F·Y√(πc)) [V] that opens a defect of length c [m], K_Ic [Pa·√m]."""
    return toughness * LITHIUM_VOLUME / (FARADAY * shape * math.sqrt(math.pi * defect))


def critical_current_ratio(defect: float, reference: float) -> float:
    """J_c(c)/J_c(c₀) = (c/c₀)^(-3/2)."""
    return (defect / reference) ** -1.5
