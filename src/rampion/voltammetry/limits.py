"""The instrument's own limits in a sweep: a current held at its greatest value, a potential that stops following."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

_SHORTEST_RUN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Clipping:
    """The current stays at one value: index of its first point, current [A], points, and the
    potential [V] at which the rise reaches it, with its standard error."""

    first: int
    current: float
    points: int
    potential: float
    potential_error: float


def find_clipping(
    potential: Float[np.ndarray, " n"],
    current: Float[np.ndarray, " n"],
    noise: Float[np.ndarray, " n"],
    resolution: float,
) -> Clipping | None:
    """A run of points at the largest current, entered with a kink: overload, end of a current range, current limit.

    The run is at least five consecutive points (and 1 % of them) within a tenth of the noise and half a step of
    resolution of the largest value, to the end of the sweep or until the current falls. The current must have been
    rising just before: the line through as many points before the run reaches its level more than fifteen steps of
    resolution too early for a rounded top. That sets it apart from a maximum recorded in coarse steps.

    Assumes that the limit is applied after the noise (digital range, overload). Fails when the limiting amplifier
    adds noise of its own as large as the cell's.
    """
    n = current.size
    if n < 12:
        return None
    top = float(np.max(current))
    if top <= 0:
        return None
    tolerance = max(0.1 * float(np.median(noise)), 0.6 * resolution, 1e-6 * top)
    at_top = current >= top - tolerance
    changes = np.flatnonzero(np.diff(np.concatenate([[False], at_top, [False]]).astype(int)))
    starts, ends = changes[0::2], changes[1::2]
    longest = int(np.argmax(ends - starts))
    start, length = int(starts[longest]), int(ends[longest] - starts[longest])
    if length < max(_SHORTEST_RUN, n // 100) or start < 6:
        return None
    if float(np.std(current[start : start + length])) > 0.3 * float(noise[max(0, start - 3)]) and resolution == 0:
        return None
    # points just below the limit are partly cut already: the rise is that of the points before they touch it
    touched = int(np.argmax(current >= top - max(3 * float(noise[start - 1]), tolerance)))
    touched = min(touched, start)
    if touched < 6:
        return None
    before = slice(max(0, touched - max(length, 6)), touched)
    run = float(potential[min(start + length, n) - 1] - potential[start])
    rise = np.polyfit(potential[before] - potential[start], current[before], 1)
    rate = float(rise[0])
    if rate <= 0 or run <= 0:
        return None
    to_the_end = start + length >= n - 1
    steps = 3.5 if to_the_end else 15.0
    if rate * run < steps * max(tolerance, resolution) or rate * run < 4 * float(noise[start - 1]) / math.sqrt(3):
        return None
    # a rounded top leaves the last points before the run nearly level; a kink does not
    last = slice(max(0, touched - max(6, length // 3, 40)), touched)
    if float(np.polyfit(potential[last], current[last], 1)[0]) < 0.4 * rate:
        return None
    # the last points before the limit were chosen for not reaching it: the line that dates it ends four σ earlier
    pitch = float(np.median(np.diff(potential)))
    earlier = int(4.0 * float(noise[touched]) / max(rate * pitch, 1e-300))
    touched = max(touched - earlier, min(touched, 6), touched // 2)
    last = slice(max(0, touched - max(6, length // 3, 40)), touched)
    level = float(np.median(current[start : start + length]))
    slope, height = (float(c) for c in np.polyfit(potential[last] - potential[touched], current[last], 1))
    reach = (level - height) / slope
    count = last.stop - last.start
    width = float(np.ptp(potential[last])) or 1.0
    lever = math.sqrt(1.0 + 3.0 * (1.0 + 2.0 * reach / width) ** 2)
    spread = float(noise[touched]) / slope / math.sqrt(count) * lever
    return Clipping(
        first=start,
        current=level,
        points=length,
        potential=float(potential[touched]) + reach,
        potential_error=math.hypot(spread, float(np.median(np.diff(potential))) / math.sqrt(12.0)),
    )
