"""Whether the errors of a spectrum grow with |Z| as the weights of its fit assume."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Complex, Float

TOLD = 0.01  # p-value above which there is no growth to be told
SPAN = 2.0  # largest over smallest |Z| below which the errors' growth with it cannot be told


def growth_of_errors(residual: Complex[np.ndarray, " n"], impedance: Complex[np.ndarray, " n"]) -> tuple[float, float]:
    """``(exponent, p)``: weighted residuals grow as |Z|^exponent; p-value of no growth.

    Score test of u = |r|²/mean|r|² against x = ln|Z|, with the variance of u from the data (Koenker):
    z = Σ(x-x̄)(u-1)/√(Σ(x-x̄)²·var u); the exponent is the maximum of the likelihood of a normal error of that size.

    Assumes independent errors about the right circuit. Fails where the circuit is wrong: a misfit has a size of its
    own at every frequency. The exponent is NaN where p is above 0.01; both are where |Z| spans less than a factor of
    2, and for residuals that are all zero.

    References
    ----------
    Koenker, J. Econometrics 17 (1981) 107, doi:10.1016/0304-4076(81)90062-2.
    """
    size = np.abs(impedance)
    power = np.abs(residual) ** 2
    if size.max() < SPAN * size.min() or not power.mean() > 0:
        return math.nan, math.nan
    x = np.log(size) - float(np.mean(np.log(size)))
    u = power / float(power.mean())
    z = float(x @ u) / math.sqrt(float(x @ x) * float(np.var(u)) + 1e-300)
    chance = math.erfc(abs(z) / math.sqrt(2))
    return (_exponent(x, u) if chance < TOLD else math.nan), chance


def _exponent(x: Float[np.ndarray, " n"], u: Float[np.ndarray, " n"]) -> float:
    """The g that makes Σ x u e^(-2gx) vanish beside Σ u e^(-2gx) (x of mean zero), by bisection within ±3."""
    low, high = -3.0, 3.0
    for _ in range(50):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if float(x @ (u * np.exp(-2 * middle * x))) > 0 else (low, middle)
    return 0.5 * (low + high)
