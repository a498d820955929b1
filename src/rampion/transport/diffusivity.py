"""Bounds on D from whether a sweep has a peak at all: W = vL²F/(DRT) must exceed 17–20 for one.

A peak at (v, L) gives D < vL²F/(17RT); a sweep carried to its plateau without one gives D > vL²F/(20RT).

Source: this project's solutions of the ramped binary cell (threshold 17–20 over t₊ = 0.1 … 0.9).
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Bool, Float

from rampion.errors import InputError
from rampion.estimate import Estimate
from rampion.transport.finding import ROOM, Assumption, TransportFinding, finding, thermal_voltage

PEAK_ABOVE = 17.0
NO_PEAK_BELOW = 20.0


def bound_diffusivity(
    rate: Float[np.ndarray, " n"],
    thickness: Float[np.ndarray, " n"],
    peaked: Bool[np.ndarray, " n"],
    temperature: float = ROOM,
) -> TransportFinding:
    """Interval for D [m²/s] from the mere presence or absence of peaks; the value is the geometric mean of two bounds.

    Assumes the peaks are those of a binary cell and the sweeps without one ran on to their plateau.
    Fails when some peaked sweep has a smaller vL² than a sweep that did not peak: the bounds then cross, and the
    assumption is reported as failing.

    Parameters
    ----------
    rate [V/s], thickness [m] : (n,) of each sweep.
    peaked : (n,) whether it showed a limiting peak.
    """
    w = np.asarray(rate, float) * np.asarray(thickness, float) ** 2 / thermal_voltage(temperature)
    seen = np.asarray(peaked, bool)
    if w.size == 0 or not np.all(w > 0):
        raise InputError("bounds on D need sweeps with positive scan rate and thickness.")
    high = float(w[seen].min()) / PEAK_ABOVE if seen.any() else math.inf
    low = float(w[~seen].max()) / NO_PEAK_BELOW if (~seen).any() else 0.0
    ordered = low <= high
    value = math.sqrt(low * high) if low > 0 and math.isfinite(high) else math.nan
    return finding(
        "diffusivity",
        "presence of a peak",
        Estimate(value, math.nan, min(low, high), max(low, high)),
        (Assumption(sentence="every sweep that peaked has a larger vL² than every sweep that did not", holds=ordered),),
    )
