"""Where a record leaves its course: the best division into stretches on the course and stretches of their own.

A stretch off the course has a parabola of its own; a change of stretch has a price. The cheapest division is found by
dynamic programming over all divisions: no window, no threshold on a slope or a step.

Source: I. E. Auger, C. E. Lawrence, Bull. Math. Biol. 51, 39 (1989), doi:10.1007/BF02458835.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rampion.voltammetry.noise import FREEDOM, Noise

_SHORTEST = 2  # points


@dataclass(frozen=True, slots=True)
class Stretch:
    """Points ``first`` to ``end`` (exclusive), on the course or of their own polynomial degree."""

    first: int
    end: int
    on: bool
    degree: int = 0


def stretch_costs(noise: Noise, values: Float[np.ndarray, " n"]) -> tuple[np.ndarray, np.ndarray]:
    """(n + 1, n + 1) least -2 ln likelihood of points i … j - 1 of values [A] with a polynomial of their own in their
    place, its price included, and the degree. Infinite where j - i < 2."""
    n = values.size
    x = (np.arange(n) - 0.5 * n) / n
    b, y = noise.whitened(np.stack([np.ones(n), x, x * x])), noise.whitened(values)
    products = (b[0] * b[0], b[0] * b[1], b[0] * b[2], b[1] * b[1], b[1] * b[2], b[2] * b[2], y * b[0], y * b[1],
                y * b[2], y * y)  # fmt: skip
    sums = np.zeros((len(products), n + 1))
    np.cumsum(np.stack(products), axis=1, out=sums[:, 1:])
    first, end = np.triu_indices(n + 1, _SHORTEST)
    s00, s01, s02, s11, s12, s22, v0, v1, v2, vv = np.take(sums, end, axis=1) - np.take(sums, first, axis=1)
    m = (0.5 * (first + end - 1.0) - 0.5 * n) / n
    length = (end - first).astype(float)

    def over(squares: np.ndarray, norm: np.ndarray, least: int) -> np.ndarray:
        return np.divide(squares, norm, out=np.zeros_like(norm), where=(length >= least) & (norm > 0.0))

    # about the middle of the points, then orthogonal to the lower powers
    one = over(np.ones_like(s00), s00, 1)
    along = (s01 - m * s00) * one
    square = (s02 - 2.0 * m * s01 + m * m * s00) * one
    w1 = v1 - m * v0 - along * v0
    n1 = s11 - 2.0 * m * s01 + m * m * s00 - along * along * s00
    cross = s12 - m * s02 - 2.0 * m * (s11 - m * s01) + m * m * (s01 - m * s00) - along * square * s00
    turn = over(cross, n1, 3)
    w2 = v2 - 2.0 * m * v1 + m * m * v0 - square * v0 - turn * w1
    n2 = (
        s22 - 4.0 * m * s12 + 2.0 * m * m * s02 + 4.0 * m * m * s11 - 4.0 * m**3 * s01 + m**4 * s00
        - square * square * s00 - turn * turn * n1
    )  # fmt: skip
    flat = vv - v0 * v0 * one
    line = flat - over(w1 * w1, n1, 3)
    bent = line - over(w2 * w2, n2, 6)
    price = math.log(n)
    least, power_of = np.full(flat.size, math.inf), np.zeros(flat.size, dtype=np.int8)
    per_point = 1.0 / (FREEDOM * length)
    for power, squares in enumerate((flat, line, bent)):
        # Student's cost, as if all points were equally far off
        cost = (FREEDOM + 1.0) * length * np.log1p(np.maximum(squares, 0.0) * per_point) + (power + 1) * price
        power_of[cost < least] = power
        np.minimum(least, cost, out=least)
    best, degree = np.full((n + 1, n + 1), math.inf), np.zeros((n + 1, n + 1), dtype=np.int8)
    best[first, end], degree[first, end] = least, power_of
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
