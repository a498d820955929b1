"""Contact loss with creep: pressure and temperature refill the contact at a rate J_rep(p, T).

    θ_t = -(J - J_rep)/Q_c ;  constant current: τ = Q_c/(J - J_rep), none below J_rep

Source of the picture: Wang, Choudhury, Sakamoto, Joule 3 (2019) 2165, doi:10.1016/j.joule.2019.06.017.
"""

from __future__ import annotations

import math

from rampion.mechanisms.argument import Arguments as A
from rampion.mechanisms.mechanism import Mechanism
from rampion.mechanisms.prediction import Segment, Share, between, point

MECHANISM = Mechanism(
    name="contact_creep",
    title="contact loss refilled by creep",
    equations="θ_t = -(J - J_rep)/Q_c",
    predictions={
        A.PEAK_EXISTS: Share(0.5, 1.0),
        # interface-local: always on b = -a
        A.EXPONENT_PAIR: Segment((0.3, -0.3), (0.5, -0.5), (0.04, 0.08)),  # interfaces in series lower |b|
        A.BULK_OVERLAY: between(-0.5, 0.1, 0.06),
        A.INTERFACE_OVERLAY: point(0.0, tolerance=0.04),
        A.CAPACITY_PAIR: Segment((-0.4, 0.4), (0.0, 0.0), (0.06, 0.06)),
        A.SEMI_INTEGRAL_PAIR: Segment((-0.05, 0.05), (0.25, -0.25), (0.06, 0.06)),
        A.RATE_EXPONENT: between(0.3, 0.5, 0.04),
        A.THICKNESS_EXPONENT: between(-0.5, -0.3, 0.04),
        A.ROOT_LAW: between(0.85, 1.0, 0.02),
        A.OHMIC_SHARE: between(0.0, 0.5, 0.02),
        A.BULK_RESISTANCE: point(0.0, tolerance=0.03),
        A.INTERFACE_RESISTANCE: between(0.3, 14.0, 0.1),  # 1/θ, down to a millionth
        A.INTERFACE_CAPACITANCE: point(-1.0, tolerance=0.15),
        A.RECOVERY_UNPRESSED: between(0.0, 0.3, 0.05),
        A.PRESSURE_EFFECT: between(0.3, 1.0, 0.05),
        A.SAND_EXPONENT: between(-4.0, -1.0, 0.06),
        A.FAILURE_ABOVE_PEAK: Share(0.5, 1.0),
    },
    source="doi:10.1016/j.joule.2019.06.017",
)


def creep_failure_time(charge: float, current_density: float, replenishment: float) -> float:
    """τ = Q_c/(J - J_rep) [s]; infinite for J ≤ J_rep."""
    excess = current_density - replenishment
    return charge / excess if excess > 0 else math.inf
