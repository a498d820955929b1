"""Where a record leaves its course: the best division into stretches on the course and stretches of their own.

A stretch off the course has a parabola of its own; a change of stretch has a price. The cheapest division is found by
dynamic programming over all divisions: no window, no threshold on a slope or a step.

Source: I. E. Auger, C. E. Lawrence, Bull. Math. Biol. 51, 39 (1989), doi:10.1007/BF02458835.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rampion.voltammetry.autoregression import FREEDOM

_SHORTEST = 2  # points


@dataclass(frozen=True, slots=True)
class Stretch:
    """Points ``first`` to ``end`` (exclusive), on the course or of their own polynomial degree."""

    first: int
    end: int
    on: bool
    degree: int = 0


@functools.lru_cache(maxsize=2)
def _norms(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(n + 1, n + 1) for points i … j - 1 of even spacing: their number, and one over it and over the squares of the
    line and the parabola that are orthogonal on them; zero where there are too few."""
    length = np.maximum(np.subtract.outer(-np.arange(n + 1.0), -np.arange(n + 1.0)), 0.0)
    square = length**2
    with np.errstate(divide="ignore"):
        flat = 1.0 / length
        line = 12.0 / (length * (square - 1.0))
        bent = 180.0 / (length * (square - 1.0) * (square - 4.0))
    return length, np.where(length >= 1, flat, 0.0), np.where(length >= 3, line, 0.0), np.where(length >= 6, bent, 0.0)


def stretch_costs(values: Float[np.ndarray, " n"]) -> tuple[np.ndarray, np.ndarray]:
    """(n + 1, n + 1) least -2 ln likelihood of points i … j - 1 with a polynomial of their own in their place, its
    price included, and the degree; values in units of their noise. Infinite where j - i < 2."""
    n = values.size
    x = np.arange(n) - 0.5 * n
    price = math.log(n)
    length, per_flat, per_line, per_bent = _norms(n)
    sums = np.zeros((4, n + 1))
    np.cumsum(np.stack([values, values * x, values * x * x, values**2]), axis=1, out=sums[:, 1:])
    v0, v1, v2, vv = sums[:, None, :] - sums[:, :, None]  # [., i, j]
    edge = np.arange(n + 1) - 0.5 * n
    middle = 0.5 * (edge[:, None] + edge[None, :] - 1.0)
    w1 = v1 - middle * v0
    w2 = v2 - middle * (v1 + w1)
    flat = vv - v0 * v0 * per_flat
    line = flat - w1 * w1 * per_line
    curve = w2 - (length * length - 1.0) / 12.0 * v0
    bent = line - curve * curve * per_bent
    best, degree = np.full(flat.shape, math.inf), np.zeros(flat.shape, dtype=np.int8)
    per_point = 1.0 / (FREEDOM * np.maximum(length, 1.0))
    for power, squares in enumerate((flat, line, bent)):
        # Student's cost, as if all points were equally far off
        cost = (FREEDOM + 1.0) * length * np.log1p(np.maximum(squares, 0.0) * per_point) + (power + 1) * price
        better = cost < best
        degree[better] = power
        np.minimum(best, cost, out=best)
    best[length < _SHORTEST] = math.inf
    return best, degree


def divide(
    on: Float[np.ndarray, " n"], own: np.ndarray, degree: np.ndarray, price: float, shortest_on: int = 1
) -> tuple[Stretch, ...]:
    """The cheapest division of n points.

    Parameters
    ----------
    on : (n,) cost of each point on the course.
    own, degree : of stretches of their own (:func:`stretch_costs`).
    price : of each stretch that is off the course, besides its numbers, and of each return to it.
    shortest_on : points that a stretch on the course has at least.
    """
    n, ending = on.size, np.ascontiguousarray(own.T)
    passed = np.concatenate([[0.0], np.cumsum(on)])
    best_on, best_off = np.full(n + 1, math.inf), np.full(n + 1, math.inf)  # of the first j points, by the last's kind
    from_on, from_off = np.zeros(n + 1, dtype=int), np.zeros(n + 1, dtype=int)
    best_on[0] = best_off[0] = 0.0
    # on the course: cost = passed[j] - passed[i] + best_off[i]; the least of (best_off - passed) so far
    least, least_at = 0.0, 0
    for j in range(1, n + 1):
        starts = np.minimum(best_on[:j], best_off[:j]) + ending[j, :j]
        i = int(np.argmin(starts))
        best_off[j], from_off[j] = starts[i] + price, i
        if j >= shortest_on:
            best_on[j], from_on[j] = passed[j] + least, least_at
        # coming back to the course has its price as leaving it has, and a crossing of it is no return
        i = j + 1 - shortest_on
        if i > 0:
            back = float(best_off[i] - passed[i]) + price
            if back < least:
                least, least_at = back, i
    j = n
    kind_on = bool(best_on[n] <= best_off[n])
    found = []
    while j > 0:
        i = int(from_on[j] if kind_on else from_off[j])
        found.append(Stretch(i, j, kind_on, 0 if kind_on else int(degree[i, j])))
        j = i
        kind_on = (not kind_on) if kind_on else bool(best_on[i] <= best_off[i])
    return tuple(reversed(found))
