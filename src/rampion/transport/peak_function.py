"""The universal peak of a ramped dilute binary cell, j_p(W, t₊) = J_p/J_lim, its potential and charge.

Interpolated (bicubic in ln W and t₊) in a table computed by :mod:`rampion.transport.ramped_cell`; interpolation adds
at most 0.1 % to j_p, and 0.7 % (3 % for t₊ < 0.1) to potential and charge; the table itself is good to 0.05 %.

Assumes what the ramped cell assumes. Fails outside W = 21 … 1e6 and t₊ = 0.02 … 0.96 (``InputError``); the peak
itself vanishes at W = 17 (t₊ near 1) to 20 (t₊ near 0).
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from jaxtyping import Float

from rampion.errors import InputError
from rampion.transport.peak_table import PEAKS, RATES, TRANSFERENCES

LOWEST = 21.0
_HIGHEST = 1e6


@functools.cache
def _surfaces() -> tuple[Any, ...]:
    from scipy.interpolate import RectBivariateSpline

    logs = np.log(np.array(PEAKS))
    return tuple(RectBivariateSpline(np.log(RATES), TRANSFERENCES, logs[:, :, k], kx=3, ky=3) for k in range(3))


def _checked(rate: np.ndarray, transference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    w, t = np.broadcast_arrays(np.asarray(rate, float), np.asarray(transference, float))
    if not (np.all(w >= LOWEST) and np.all(w <= _HIGHEST)):
        raise InputError(
            f"the peak function is known for W = 21 … 1e6, found {float(np.min(w)):.3g} … {float(np.max(w)):.3g}; "
            "below W = 17 … 20 there is no peak."
        )
    if not (np.all(t >= TRANSFERENCES[0]) and np.all(t <= TRANSFERENCES[-1])):
        raise InputError(
            f"the peak function is known for t₊ = 0.02 … 0.96, found {float(np.min(t)):.3g} … {np.max(t):.3g}."
        )
    return w, t


def peak_ratio(rate: Float[np.ndarray, "*n"] | float, transference: Float[np.ndarray, "*n"] | float) -> np.ndarray:
    """j_p = J_p/J_lim at W and t₊."""
    w, t = _checked(np.asarray(rate), np.asarray(transference))
    return np.asarray(np.exp(_surfaces()[0].ev(np.log(w), t)))


def peak_potential(rate: Float[np.ndarray, "*n"] | float, transference: Float[np.ndarray, "*n"] | float) -> np.ndarray:
    """V_pF/RT at W and t₊."""
    w, t = _checked(np.asarray(rate), np.asarray(transference))
    return np.asarray(np.exp(_surfaces()[1].ev(np.log(w), t)))


def peak_charge(rate: Float[np.ndarray, "*n"] | float, transference: Float[np.ndarray, "*n"] | float) -> np.ndarray:
    """Q_p/(Fc₀L/(1-t₊)) at W and t₊."""
    w, t = _checked(np.asarray(rate), np.asarray(transference))
    return np.asarray(np.exp(_surfaces()[2].ev(np.log(w), t)))


def finite_exponent(rate: float, transference: float) -> float:
    """Local exponent a = dlnJ_p/dlnv = dln j_p/dlnW of the two-electrode cell."""
    low, high = max(rate * 0.98, LOWEST), min(rate * 1.02, _HIGHEST)
    rise = np.log(peak_ratio(high, transference) / peak_ratio(low, transference))
    return float(rise / np.log(high / low))
