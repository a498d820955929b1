"""The instrument's own limits in a sweep: a current held at its greatest value, a potential that stops following."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rampion.voltammetry.noise import straight_line

_SHORTEST_RUN = 5
_LOCAL = 40  # points over which the rise to the limit counts as straight
_CHOSEN = 1.1  # errors over those of a given part of the rise: it was chosen on the same points (tuning seeds)


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
    rise = straight_line(potential[before] - potential[start], current[before])
    rate = float(rise[0])
    if rate <= 0 or run <= 0:
        return None
    to_the_end = start + length >= n - 1
    steps = 3.5 if to_the_end else 15.0
    if rate * run < steps * max(tolerance, resolution) or rate * run < 4 * float(noise[start - 1]) / math.sqrt(3):
        return None
    # a rounded top leaves the last points before the run nearly level; a kink does not
    last = slice(max(0, touched - max(6, length // 3, 40)), touched)
    if straight_line(potential[last], current[last])[0] < 0.4 * rate:
        return None
    level = float(np.median(current[start : start + length]))
    place, error = _meeting(potential, current, start, touched, level, float(noise[touched]))
    return Clipping(first=start, current=level, points=length, potential=place, potential_error=error)


def _meeting(
    potential: np.ndarray, current: np.ndarray, start: int, touched: int, level: float, noise: float
) -> tuple[float, float]:
    """Where the rise meets the limit, and its standard error [V].

    The rise is a straight line over the longest part before the limit that leaves only noise; points at the limit say
    only that the line and their noise lie above it (censored normal likelihood, Newton's method; it is concave).

    Source: J. Tobin, Econometrica 26, 24 (1958), doi:10.2307/1907382.
    """
    from scipy.special import log_ndtr

    longest = min(touched, max(_LOCAL, touched // 2))
    for count in (longest, longest // 2, longest // 4, longest // 8, 0):
        first = max(0, touched - max(count, min(_LOCAL, longest)))
        u = (potential - potential[touched]) / (potential[touched] - potential[first] or 1.0)
        line = straight_line(u[first:touched], current[first:touched])
        left = current[first:touched] - np.polyval(line, u[first:touched])
        scatter = max(math.sqrt(float(np.sum(left**2)) / max(touched - first - 2, 1)), 0.5 * noise)
        if touched - first <= _LOCAL or not _bent(u[first:touched], current[first:touched], scatter):
            break
    # beyond four σ above the limit a point says nothing more; a bend there does no harm
    end = start + int(np.argmax(np.append(np.polyval(line, u[start:]) > level + 4.0 * scatter, True)))
    end = max(end, start + 1)
    u, y = u[first:end], (current[first:end] - level) / scatter
    capped = y > -1e-3 * noise / scatter
    design = np.stack([np.ones_like(u), u], axis=1)
    found = np.array([line[1] - level, line[0]]) / scatter
    hessian = design.T @ design
    for _ in range(30):
        z = design @ found
        hazard = np.exp(-0.5 * z**2 - log_ndtr(z)) / math.sqrt(2.0 * math.pi)
        gradient = design.T @ np.where(capped, hazard, y - z)
        hessian = (design * np.where(capped, np.maximum(hazard * (z + hazard), 1e-12), 1.0)[:, None]).T @ design
        step = np.linalg.solve(hessian, gradient)
        found = found + step
        if np.max(np.abs(step)) < 1e-8 * (1.0 + np.max(np.abs(found))):
            break
    run = float(potential[touched] - potential[first]) or 1.0
    reach = -found[0] / found[1]
    lever = np.array([1.0, reach]) / found[1]
    error = math.sqrt(float(lever @ np.linalg.solve(hessian, lever)))
    return float(potential[touched]) + run * reach, _CHOSEN * run * error


def _bent(u: np.ndarray, y: np.ndarray, scatter: float) -> bool:
    """Whether a parabola describes points better than a line does, by two standard errors."""
    q = np.linalg.qr(np.polynomial.polynomial.polyvander(u, 2))[0]
    return bool(abs(q[:, 2] @ y) > 2.0 * scatter)
