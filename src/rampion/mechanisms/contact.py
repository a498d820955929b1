"""Contact loss: the stripping electrode has a charge Q_c of contact lithium, which the current uses up.

    θ_t = -J/Q_c ,  J = V/(L/σ + r₀/θ)

With r₀ → 0 the ramp stays ohmic until the charge is spent: J_p = √(2Q_c·vσ/L). That is a = ½ and R² = 1 on the
Randles–Ševčík plot: a straight √v plot does not exclude voids.

Interfaces in series take their share of L: b = -½·L/(L + R_intσ), up to -0.38 at a fifth of 1 mm of ceramic; a and the
independence of the charge from v stay exact (``benchmarks/prediction_spread.py``). The other tolerances are judgements.

Source of the picture: Kasemchainan et al., Nat. Mater. 18 (2019) 1105, doi:10.1038/s41563-019-0438-9.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from rampion.estimate import Estimate
from rampion.mechanisms.argument import Arguments as A
from rampion.mechanisms.mechanism import Mechanism
from rampion.mechanisms.prediction import Segment, Share, between, point

MECHANISM = Mechanism(
    name="contact",
    title="contact loss at the stripping electrode",
    equations="θ_t = -J/Q_c, J = V/(L/σ + r₀/θ); J_p = √(2Q_c·vσ/L)",
    predictions={
        A.PEAK_EXISTS: Share(0.5, 1.0),
        A.EXPONENT_PAIR: Segment((0.5, -0.5), (0.5, -0.38), (0.015, 0.02)),
        A.BULK_OVERLAY: point(-0.5, tolerance=0.06),
        A.INTERFACE_OVERLAY: point(0.0, tolerance=0.04),
        A.CAPACITY_PAIR: Segment((0.0, 0.0), (0.0, 0.07), (0.02, 0.02)),
        A.SEMI_INTEGRAL_PAIR: point(0.25, -0.25, tolerance=0.06),
        A.RATE_EXPONENT: point(0.5, tolerance=0.04),
        A.THICKNESS_EXPONENT: between(-0.5, -0.38, 0.03),
        A.ROOT_LAW: between(0.95, 1.0, 0.02),
        A.OHMIC_SHARE: between(0.0, 0.5, 0.02),
        A.BULK_RESISTANCE: point(0.0, tolerance=0.03),
        A.INTERFACE_RESISTANCE: between(0.3, 14.0, 0.1),  # 1/θ, down to a millionth
        A.INTERFACE_CAPACITANCE: point(-1.0, tolerance=0.15),
        A.RECOVERY_UNPRESSED: between(0.0, 0.15, 0.05),
        A.PRESSURE_EFFECT: between(0.0, 1.0, 0.05),
        A.SAND_EXPONENT: point(-1.0, tolerance=0.06),
        A.FAILURE_ABOVE_PEAK: Share(0.5, 1.0),
    },
    source="doi:10.1038/s41563-019-0438-9",
)


def contact_peak(charge: float, rate: float, conductivity: float, thickness: float) -> float:
    """J_p = √(2Q_c·vσ/L) [A/m²] for Q_c [C/m²], v [V/s], σ [S/m], L [m], without constriction resistance."""
    return math.sqrt(2 * charge * rate * conductivity / thickness)


def contact_failure_time(charge: float, current_density: float) -> float:
    """τ = Q_c/J [s] at constant current."""
    return charge / current_density


def contact_capacity(
    time: Float[np.ndarray, " n"],
    potential: Float[np.ndarray, " n"],
    current_density: Float[np.ndarray, " n"],
    area_resistance: float,
) -> Estimate | None:
    """Q_c [C/m²]: the charge passed until the contact resists more than the ceramic; None where that never happens.

    From Q = Q_c(1 - θ) and V/J - R_A = r₀(1/θ - 1) the remainder θ is then below r₀/R_A (0.3 % for 0.5 of 170 Ω·cm²),
    while at the peak it is J_p√(r₀/(vQ_c)), often several per cent: the charge at the peak falls short of Q_c by that.
    The uncertainty is that of the moment between two samples (uniform); without resolution of the loss it is the share
    of one sample's charge.

    Assumes contact loss, and a sweep from the fresh contact on. Fails when something else cuts the current.

    Parameters
    ----------
    time [s], potential [V], current_density [A/m²] : (n,) of the sweep, from its start.
    area_resistance : of the ohmic line, R_A [Ω·m²].
    """
    t, v, j = (np.asarray(a, float) for a in (time, potential, current_density))
    top = int(np.argmax(j))
    lost = np.flatnonzero(v[top:] > 2 * area_resistance * np.maximum(j[top:], 0.0))
    if lost.size == 0 or top + int(lost[0]) == 0:
        return None
    end = top + int(lost[0])
    charge = float(np.trapezoid(j[: end + 1], t[: end + 1]))
    return Estimate(charge, float((j[end - 1] - max(j[end], 0.0)) * (t[end] - t[end - 1])) / math.sqrt(12))


def contact_sweep(
    potential: Float[np.ndarray, " n"],
    rate: float,
    charge: float,
    conductivity: float,
    thickness: float,
    constriction: float,
) -> Float[np.ndarray, " n"]:
    """J(V) [A/m²] of a ramp by the fourth-order Runge–Kutta rule for ln θ, with r₀ [Ω·m²] > 0.

    Fails when ``potential`` is too coarse (steps above about 1 mV) or r₀ is zero: θ then ends abruptly.
    """
    v = np.asarray(potential, float)
    bulk = thickness / conductivity

    def current(volts: float, y: float) -> float:
        return volts / (bulk + constriction * math.exp(min(-y, 600.0)))

    def slope(volts: float, y: float) -> float:
        return -current(volts, y) / (rate * charge) * math.exp(min(-y, 600.0))

    y, out = 0.0, np.empty(v.size)
    for i in range(v.size):
        out[i] = current(float(v[i]), y)
        if i + 1 == v.size:
            break
        h, x = float(v[i + 1] - v[i]), float(v[i])
        k1 = slope(x, y)
        k2 = slope(x + h / 2, y + h / 2 * k1)
        k3 = slope(x + h / 2, y + h / 2 * k2)
        k4 = slope(x + h, y + h * k3)
        y += h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return out
