"""Which of several positive numbers stands apart by a factor, as one computed with a mistyped length does.

    |ln(xᵢ/m)| > max(ln f, k s),  m = median of the others, s = 1.4826 · median |ln(xⱼ/m)|

The scatter s is taken from the others too, so that one wrong number does not hide itself. Source of the rule: modified
z-score, Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorRule:
    """factor: the smallest that counts (twice too thick, less the scatter of pellets, about 15 %); scores: robust
    standard deviations; fewest: numbers altogether, since of four one cannot say which is wrong with the scatter."""

    factor: float = 1.6
    scores: float = 6.0
    fewest: int = 5


def find_factor_outliers(values: Float[np.ndarray, " n"], rule: FactorRule | None = None) -> dict[int, float]:
    """Position and ratio to the others' median of the numbers that stand apart by a factor.

    Assumes positive numbers of one condition, most of them right. Fails when half or more are wrong alike: the right
    ones then stand apart, so with more than a third beyond the limits none is named.
    """
    rule = rule or FactorRule()
    logs = np.log(np.asarray(values, float))
    if logs.size < rule.fewest:
        return {}
    found: dict[int, float] = {}
    for place in range(logs.size):
        others = np.delete(logs, place)
        middle = float(np.median(others))
        spread = 1.4826 * float(np.median(np.abs(others - middle)))
        if abs(logs[place] - middle) > max(math.log(rule.factor), rule.scores * spread):
            found[place] = math.exp(logs[place] - middle)
    return found if 3 * len(found) <= logs.size else {}
