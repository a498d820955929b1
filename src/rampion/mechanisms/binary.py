"""Concentration polarisation of a binary electrolyte: mobile cations, mobile effective anions, electroneutral.

Steady: J = J_lim·tanh(FV/4RT), J_lim = 4t₊RTσ/(FL). Exact similarity: J·L as a function of V depends on vL² only, so
b = 2a - 1. Current ramp J = βt in the semi-infinite cell: J_p = β^⅓·[3FC₀√(πD)/(4(1-t₊))]^⅔.

Tolerances of the exponent and capacity pairs: twice the spread that simulated cells show with interfaces of up to a
fifth of 1 mm of ceramic, t₊ = 0.1 … 0.95 (``benchmarks/prediction_spread.py``: 0.007 and 0.013). The others are
judgements.
Source of the steady curve: Newman and Thomas-Alyea, Electrochemical Systems (2004).
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from rampion.mechanisms.argument import Arguments as A
from rampion.mechanisms.mechanism import Mechanism
from rampion.mechanisms.prediction import Segment, Share, between, point
from rampion.quantities import FARADAY, GAS_CONSTANT

MECHANISM = Mechanism(
    name="binary",
    title="concentration polarisation of a binary electrolyte",
    equations="c_t = Dc_xx, Dc_x = (1-t₊)J/F at both faces; J·L = f(V, vL²)",
    predictions={
        A.PEAK_EXISTS: Share(0.5, 1.0),
        # a from 0 at the steady limit to 0.44 for two electrodes, always on the line
        A.EXPONENT_PAIR: Segment((0.0, -1.0), (0.44, -0.12), (0.015, 0.015)),
        A.BULK_OVERLAY: point(0.0, tolerance=0.03),
        A.INTERFACE_OVERLAY: between(-1.0, 0.32, 0.03),
        # Q_p ∝ L·W^c with c from -1 near the threshold to -1/3
        A.CAPACITY_PAIR: Segment((-1.0, -1.0), (-0.31, 0.38), (0.026, 0.015)),
        A.SEMI_INTEGRAL_PAIR: point(0.0, 0.0, tolerance=0.04),
        A.RATE_EXPONENT: between(0.0, 0.44, 0.03),
        A.THICKNESS_EXPONENT: between(-1.0, -0.12, 0.03),
        A.ROOT_LAW: between(0.85, 1.0, 0.02),
        A.OHMIC_SHARE: between(0.04, 0.94, 0.03),
        A.BULK_RESISTANCE: between(0.03, 1.0, 0.03),
        A.INTERFACE_RESISTANCE: between(0.0, 2.0, 0.1),
        A.INTERFACE_CAPACITANCE: between(-0.3, 0.1, 0.1),
        A.RECOVERY_UNPRESSED: between(0.9, 1.0, 0.05),
        A.PRESSURE_EFFECT: point(0.0, tolerance=0.05),
        A.RECOVERY_TAIL: between(-0.8, -0.4, 0.1),
        A.SAND_EXPONENT: between(-5.0, -2.0, 0.05),
        A.SAND_PREFACTOR: point(0.0, tolerance=0.1),
        A.FAILURE_ABOVE_PEAK: Share(0.5, 1.0),
        A.INTERFACE_LAW: point(0.0, tolerance=0.15),
    },
)


def steady_current(
    potential: Float[np.ndarray, " n"],
    transference: float,
    conductivity: float,
    thickness: float,
    temperature: float = 298.15,
) -> Float[np.ndarray, " n"]:
    """J = J_lim·tanh(FV/4RT) [A/m²]."""
    vt = GAS_CONSTANT * temperature / FARADAY
    limit = 4 * transference * vt * conductivity / thickness
    return limit * np.tanh(np.asarray(potential, float) / (4 * vt))


def ramp_depletion_current(growth: float, concentration: float, diffusivity: float, transference: float) -> float:
    """J_p [A/m²] at which a current ramp J = βt [β in A/(m²·s)] empties the wall of a semi-infinite cell."""
    charge = 3 * FARADAY * concentration * math.sqrt(math.pi * diffusivity) / (4 * (1 - transference))
    return growth ** (1 / 3) * charge ** (2 / 3)


def high_frequency_rise(ratio: float) -> float:
    """R_HF/R₀ = artanh(j)/j under a steady current j = J/J_lim below one."""
    return math.atanh(ratio) / ratio if ratio else 1.0
