"""Transference number from the slope S = J·L/σ [V] of the thickness collapse, by the closures in use.

    (i)  Eq. 1 with a Haven ratio:   t₊ = 1 - 2H_R·RT/(F·S)
    (ii) self-consistent dilute:     t₊ = F·S/(4RT) ,  never above one: S ≤ 4RT/F = 102.8 mV at 25 °C

The third closure is the collapse fit of :mod:`rampion.transport.collapse_fit`.

Sources: closure (i) from arXiv:2110.13399.
"""

from __future__ import annotations

import math

from rampion.estimate import Estimate
from rampion.transport.finding import ROOM, Assumption, TransportFinding, finding, thermal_voltage
from rampion.transport.flags import TransportFlag


def transference_from_haven(slope: Estimate, haven: float, temperature: float = ROOM) -> Estimate:
    """t₊ = 1 - 2H_R(RT/F)/S.

    Assumes the tracer's diffusivity is H_R·D^σ and plays the part of D in J_lim = 2FDC₀/[(1-t₊)L].
    Fails when S < 2H_R·RT/F (negative, flagged).
    """
    ratio = 2 * haven * thermal_voltage(temperature) / slope.value
    value = 1 - ratio
    ends = sorted(
        1 - 2 * haven * thermal_voltage(temperature) / end if end > 0 else -math.inf for end in slope.interval
    )
    flags = (TransportFlag.NEGATIVE_TRANSFERENCE.flag(haven=haven, transference=value),) if value < 0 else ()
    low, high = ends if math.isfinite(slope.std) else (math.nan, math.nan)
    return Estimate(value, ratio * slope.relative, low, high, (*slope.flags, *flags))


def transference_dilute(slope: Estimate, temperature: float = ROOM) -> Estimate:
    """t₊ = F·S/(4RT), flagged invalid when above one.

    Assumes a steady limiting current of a dilute binary cell with Nernst–Einstein closure.
    Fails when the peak is transient (S then overstates t₊ by j_p) or the electrolyte is not dilute.
    """
    bound = 4 * thermal_voltage(temperature)
    value = slope.scaled(1 / bound)
    if value.value <= 1:
        return value
    return value.flagged(
        TransportFlag.ABOVE_DILUTE_BOUND.flag(slope=slope.value * 1e3, bound=bound * 1e3, transference=value.value)
    )


def close_transference(
    slope: Estimate,
    haven_range: tuple[float, float] = (0.24, 0.7),
    intercept_p_value: float = math.nan,
    peak_ratio: float = math.nan,
    temperature: float = ROOM,
) -> tuple[TransportFinding, ...]:
    """Closures (i) at both ends of the Haven range and (ii), with the state of their assumptions.

    Parameters
    ----------
    slope : S [V].
    intercept_p_value : of the collapse's intercept test; NaN when not tested.
    peak_ratio : j_p = J_p/J_lim expected at the scan rate used; NaN when not known.
    """
    origin = Assumption(
        sentence="current density is proportional to σ/L (no intercept)",
        holds=None if math.isnan(intercept_p_value) else bool(intercept_p_value >= 0.05),
        number=intercept_p_value,
    )
    steady = Assumption(
        sentence="the slow peak stands for the steady limiting current (within 10 %)",
        holds=None if math.isnan(peak_ratio) else bool(peak_ratio <= 1.1),
        number=peak_ratio,
    )
    source = "arXiv:2110.13399"
    rows = [
        finding(
            "transference",
            f"Eq. 1 with Haven ratio {haven:g}",
            transference_from_haven(slope, haven, temperature),
            (origin, steady, Assumption(sentence=f"the Haven ratio is {haven:g}")),
            source,
        )
        for haven in haven_range
    ]
    bound = 4 * thermal_voltage(temperature)
    dilute = Assumption(
        sentence="the slope stays below the dilute bound 4RT/F",
        holds=bool(slope.value <= bound),
        number=slope.value / bound,
    )
    rows.append(
        finding(
            "transference",
            "self-consistent dilute cell",
            transference_dilute(slope, temperature),
            (origin, steady, dilute),
        )
    )
    return tuple(rows)
