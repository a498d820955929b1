"""Least squares with non-negative unknowns, as a quadratic programme over the normal equations.

min ½ xᵀGx − bᵀx with xᵢ ≥ 0 except where i is free. Block principal pivoting (Portugal, Júdice, Vicente, Math. Comp.
63 (1994) 625, doi:10.1090/S0025-5718-1994-1250776-4) starts from the active set of a similar problem and mostly ends
in one or two exchanges; where it circles, the active-set method of Lawson and Hanson takes over, which cannot.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from rampion.errors import NotConvergedError

PATIENCE = 3  # exchanges that may fail to reduce the number of wrong signs


def _minimiser(gram: np.ndarray, right: np.ndarray, passive: np.ndarray) -> np.ndarray:
    inside = np.flatnonzero(passive)
    solution = np.zeros(right.size)
    solution[inside] = np.linalg.solve(gram[np.ix_(inside, inside)], right[inside])
    return solution


def solve_non_negative(
    gram: Float[np.ndarray, "m m"],
    right: Float[np.ndarray, " m"],
    free: Bool[np.ndarray, " m"],
    passive: Bool[np.ndarray, " m"] | None = None,
) -> tuple[Float[np.ndarray, " m"], Bool[np.ndarray, " m"]]:
    """The minimiser and its passive set (the unknowns that are free or positive).

    Assumes ``gram`` positive definite.

    Parameters
    ----------
    gram, right : of the normal equations.
    free : unknowns of either sign.
    passive : starting set, from a similar problem.

    Raises
    ------
    NotConvergedError
        When rounding keeps the active-set method from ending: the problem is nearly singular.
    """
    current = free.copy() if passive is None else passive | free
    fewest, patience = right.size + 1, PATIENCE
    tolerance = 1e-10 * float(np.abs(right).max())
    solution = np.zeros(right.size)
    while patience > 0:
        solution = _minimiser(gram, right, current)
        wrong = current & ~free & (solution < -1e-12 * np.abs(solution).max())
        wrong |= ~current & (gram @ solution - right < -tolerance)
        count = int(wrong.sum())
        if count == 0:
            return np.where(free, solution, np.maximum(solution, 0.0)), current
        patience = PATIENCE if count < fewest else patience - 1
        fewest = min(fewest, count)
        current = current ^ wrong
    return _descend(gram, right, free, np.where(free, solution, np.maximum(solution, 0.0)), tolerance)


def _descend(
    gram: np.ndarray, right: np.ndarray, free: np.ndarray, solution: np.ndarray, tolerance: float
) -> tuple[np.ndarray, np.ndarray]:
    """Lawson and Hanson's method from a feasible start: one unknown joins at a time and the objective always falls."""
    passive = free | (solution > 0)
    for _ in range(10 * right.size):
        while True:
            wanted = _minimiser(gram, right, passive)
            falling = passive & ~free & (wanted <= 0)
            if not falling.any():
                solution = wanted
                break
            step = float(np.min(solution[falling] / (solution[falling] - wanted[falling])))
            solution = solution + step * (wanted - solution)
            gone = passive & ~free & (solution <= 1e-14 * np.abs(solution).max())
            solution[gone] = 0.0
            passive[gone] = False
        slope = np.where(passive, np.inf, gram @ solution - right)
        if slope.min() >= -tolerance:
            return solution, passive
        passive[int(np.argmin(slope))] = True
    raise NotConvergedError("The non-negative least squares did not settle; the problem is singular: regularise it.")
