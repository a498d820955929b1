"""The instrument's own limits in a sweep: a current held at its greatest value, a potential that stops following."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rampion.voltammetry.noise import straight_line

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


def limit_reached(
    potential: Float[np.ndarray, " n"],
    current: Float[np.ndarray, " n"],
    noise: Float[np.ndarray, " n"],
    first: int,
    last: int,
    resolution: float,
) -> Clipping:
    """Where the current's rise meets a level that it keeps from point ``first`` to point ``last``.

    Assumes that the limit is applied after the noise (digital range, overload). Fails when the limiting amplifier
    adds noise of its own as large as the cell's.
    """
    level = float(np.median(current[first : last + 1]))
    tolerance = max(0.1 * float(np.median(noise)), 0.6 * resolution, 1e-6 * abs(level))
    # points just below the limit are partly cut already: the rise is that of the points before they touch it
    near = np.flatnonzero(current[: first + 1] >= level - max(3 * float(noise[max(first - 1, 0)]), tolerance))
    touched = int(min(near[0], first)) if near.size else first
    touched = max(touched, min(6, first))
    place, error = _meeting(potential, current, first, touched, level, float(noise[touched]))
    return Clipping(first=first, current=level, points=last + 1 - first, potential=place, potential_error=error)


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
