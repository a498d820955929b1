"""The null model: a constant resistance until something fails.

J = V/(L/σ + R_int)
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rampion.mechanisms.argument import Arguments as A
from rampion.mechanisms.mechanism import Mechanism
from rampion.mechanisms.prediction import Share, point

MECHANISM = Mechanism(
    name="ohmic",
    title="no limitation (ohmic line)",
    equations="J = V/(L/σ + R_int)",
    predictions={
        A.PEAK_EXISTS: Share(0.0, 0.1),
        A.OHMIC_SHARE: point(0.0, tolerance=0.02),
        A.BULK_RESISTANCE: point(0.0, tolerance=0.03),
        A.INTERFACE_RESISTANCE: point(0.0, tolerance=0.05),
        A.FAILURE_ABOVE_PEAK: Share(0.0, 0.1),
    },
)


def ohmic_current(
    potential: Float[np.ndarray, " n"], thickness: float, conductivity: float, interface: float = 0.0
) -> Float[np.ndarray, " n"]:
    """J(V) [A/m²] for V [V], L [m], σ [S/m] and area resistance R_int [Ω·m²]."""
    return np.asarray(potential, float) / (thickness / conductivity + interface)
