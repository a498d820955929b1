"""When an instrument takes its points: at a period, and when the potential or the current has moved by a step.

Each point starts the period and both steps anew, as potentiostats count them. Noise brings no points.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from rampion.errors import InputError
from rampion.measurement import Trace

_MOST_POINTS = 1_000_000


def sampling_times(
    truth: Trace, period: float, potential_step: float, current_step: float, fastest: float
) -> Float[np.ndarray, " m"]:
    """The times [s] of the points of a record of the truth, straight lines joining its points.

    Parameters
    ----------
    period [s], potential_step [V], current_step [A] : NaN for none; without all three the points are the truth's.
        The last instant is always a point.
    fastest : least time [s] between two points.

    Raises
    ------
    InputError
        When the truth lacks the quantity whose steps are asked for, or there are more than a million points.
    """
    time, first, end = truth.time, float(truth.time[0]), float(truth.time[-1])
    stepped = ((truth.potential, potential_step), (truth.current, current_step))
    steps = [(values, step) for values, step in stepped if math.isfinite(step)]
    if not all(np.all(np.isfinite(values)) for values, _ in steps):
        raise InputError("the true trace lacks potentials or currents; it cannot be sampled by their steps.")
    longest = period if math.isfinite(period) else math.inf
    expected = sum(float(np.abs(np.diff(values)).sum()) / step for values, step in steps) + (end - first) / longest
    if expected > _MOST_POINTS:
        raise InputError(
            f"the sampling brings {expected:.2g} points; expected at most {_MOST_POINTS}: give a longer period, or "
            "larger steps."
        )
    if not steps:
        if math.isinf(longest):
            return time
        every = first + period * np.arange(math.floor((end - first) / period * (1 + 1e-12)) + 1)
        return np.append(every[every < end - max(fastest, 1e-6 * period)], end)
    points = [first]
    while points[-1] < end:
        latest = points[-1] + longest
        moved = min(_passed(time, values, step, points[-1], min(latest, end)) for values, step in steps)
        points.append(min(latest, max(moved, points[-1] + fastest), end))
    return np.array(points)


def _passed(time: np.ndarray, values: np.ndarray, step: float, since: float, until: float) -> float:
    """When [s] a broken line has moved by the step from its value at a time; infinite where it does not until then."""
    level = float(np.interp(since, time, values))
    first, last = int(np.searchsorted(time, since, side="right")), int(np.searchsorted(time, until, side="right")) + 1
    reach = 16
    while first < min(last, time.size):
        here = slice(first, min(first + reach, last))
        moved = np.abs(values[here] - level) >= step * (1 - 1e-12)
        if moved.any():
            k = first + int(np.argmax(moved))
            target = level + math.copysign(step, values[k] - level)
            share = (target - values[k - 1]) / (values[k] - values[k - 1])
            return float(time[k - 1] + share * (time[k] - time[k - 1]))
        first, reach = first + reach, 2 * reach
    return math.inf


def round_period(longest: float) -> float:
    """The longest of 1, 2 and 5 × 10ⁿ s that is not above ``longest`` [s], as instruments offer them."""
    decade = 10.0 ** math.floor(math.log10(longest * (1 + 1e-12)))
    return decade * max(digit for digit in (1.0, 2.0, 5.0) if digit * decade <= longest * (1 + 1e-12))
