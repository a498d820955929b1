"""Semi-infinite diffusion as a few decaying states: the half-order integral of a flux without a mesh or a history.

    1/√(πt) = (1/π) ∫ √λ e^(−λt) d ln λ  ≈  (h/π) Σ √λ_k e^(−λ_k t) + (2/π) √λ_min

so that m(t) = (1/√π) ∫ J(s)/√(t−s) ds follows from states s_k' = √λ_k J/m* − λ_k s_k. The last, undecaying state
stands for all modes slower than λ_min; faster ones than λ_max are left out.

Assumes: what is resolved lies between milliseconds and months (λ from 1e-8 to 1e4 /s); the medium is deep enough
(more than 2√(Dt)) and was uniform at the start.
Fails when: a change within t < 0.1 s matters (the error of m is 0.0064 J s^½, 0.6 % of m after one second of a
constant J and 0.006 % after three hours).

Source: Montseny, ESAIM: Proc. 5 (1998) 159 (the diffusive representation of fractional integration).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from rampion.cell.dialect import numerics

_SLOWEST, _FASTEST, _COUNT = 1e-8, 1e4, 30
_SPACING = math.log(_FASTEST / _SLOWEST) / _COUNT
_DECAYS = _SLOWEST * np.exp((np.arange(_COUNT) + 0.5) * _SPACING)

MODES = tuple(f"mode {number}" for number in range(_COUNT + 1))


def at_rest() -> tuple[float, ...]:
    """The states of a uniform medium."""
    return (0.0,) * len(MODES)


def mode_rates(state: Any, drive: Any) -> tuple:
    """Time derivatives [1/s] of the states, for the flux over its critical half-order integral, J/m* [1/√s]."""
    number = numerics(*state, drive)
    held = number.stack(state[:-1])
    decays = _DECAYS.reshape(-1, *(1,) * (held.ndim - 1))
    return (*(np.sqrt(decays) * drive - decays * held), math.sqrt(_SLOWEST) * drive)


def semi_integral_fraction(state: Any) -> Any:
    """m/m*: the surface's change of concentration over the critical one."""
    total = numerics(*state).stack(state[:-1]).sum(0)
    return _SPACING / math.pi * total + 2.0 / math.pi * state[-1]


def semi_integral_of_ramp(slope: float, time: Any) -> Any:
    """Exact half-order integral of J = βt: m = 4βt^(3/2)/(3√π) [A·s^½/m²], β [A/m²/s], t [s]."""
    return slope * numerics(time).power(time, 1.5) * 4.0 / (3.0 * math.sqrt(math.pi))
