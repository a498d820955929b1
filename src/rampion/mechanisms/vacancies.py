"""Vacancies pile up in the lithium metal at the stripping electrode until it loses contact.

    c_t = D_v·c_xx ,  FD_v·c_x = -J at the wall, failure at c_v*
    constant current: τ = πD_v[F(c_v* - c₀)/(2J)]² — the same law as Sand's in the electrolyte
    ohmic ramp: J_p = β^⅓·[¾F(c_v* - c₀)√(πD_v)]^⅔ , a = ⅓, b = -⅓ — the point where both similarity lines cross

Sand scaling alone therefore says nothing about which of the two it is.
Source of the picture: Krauskopf et al., ACS Appl. Mater. Interfaces 11 (2019) 14463, doi:10.1021/acsami.9b02537.
"""

from __future__ import annotations

import math

from rampion.mechanisms.argument import Arguments as A
from rampion.mechanisms.mechanism import Mechanism
from rampion.mechanisms.prediction import Share, between, point
from rampion.quantities import FARADAY

_THIRD = 1 / 3

MECHANISM = Mechanism(
    name="vacancies",
    title="vacancy accumulation in the lithium metal",
    equations="c_t = D_v·c_xx in the metal, failure at c_v*; J_p ∝ (vσ/L)^⅓",
    predictions={
        A.PEAK_EXISTS: Share(0.5, 1.0),
        A.EXPONENT_PAIR: point(_THIRD, -_THIRD, tolerance=0.03),
        A.BULK_OVERLAY: point(0.0, tolerance=0.05),
        A.INTERFACE_OVERLAY: point(0.0, tolerance=0.04),
        A.CAPACITY_PAIR: point(-_THIRD, _THIRD, tolerance=0.05),
        A.SEMI_INTEGRAL_PAIR: point(0.0, 0.0, tolerance=0.05),
        A.RATE_EXPONENT: point(_THIRD, tolerance=0.03),
        A.THICKNESS_EXPONENT: point(-_THIRD, tolerance=0.03),
        A.ROOT_LAW: between(0.85, 1.0, 0.02),
        A.OHMIC_SHARE: between(0.0, 0.5, 0.02),
        A.BULK_RESISTANCE: point(0.0, tolerance=0.03),
        A.INTERFACE_RESISTANCE: between(0.2, 4.0, 0.1),
        A.INTERFACE_CAPACITANCE: between(-1.0, 0.0, 0.15),
        A.RECOVERY_UNPRESSED: between(0.7, 1.0, 0.05),
        A.PRESSURE_EFFECT: between(0.0, 0.2, 0.05),
        A.RECOVERY_TAIL: between(-0.8, -0.4, 0.1),
        A.SAND_EXPONENT: point(-2.0, tolerance=0.06),
        A.SAND_PREFACTOR: point(0.0, tolerance=0.1),
        A.FAILURE_ABOVE_PEAK: Share(0.5, 1.0),
    },
    source="doi:10.1021/acsami.9b02537",
)


def vacancy_failure_time(current_density: float, diffusivity: float, excess: float) -> float:
    """τ = πD_v[F·Δc/(2J)]² [s] for Δc = c_v* - c₀ [mol/m³]."""
    return math.pi * diffusivity * (FARADAY * excess / (2 * current_density)) ** 2


def vacancy_peak(growth: float, diffusivity: float, excess: float) -> float:
    """J_p [A/m²] of a current ramp J = βt, β = vσ/L [A/(m²·s)]."""
    return growth**_THIRD * (0.75 * FARADAY * excess * math.sqrt(math.pi * diffusivity)) ** (2 / 3)
