"""The universal peak of a ramped dilute binary cell, j_p(W, t₊, r) = J_p/J_lim, its potential and charge.

r = R_intσ₀/L is the interfaces' share beside the ceramic's resistance. Interpolated (bicubic in ln W and
ln t₊/(1 - t₊), cubic in ln(1 + r)) in tables computed by :mod:`rampion.cell.binary_march`.
Against the independent cell of :mod:`rampion.cell` at points off the table j_p is right within 0.1 % and potential and
charge within 0.3 %, in all of the range.

Assumes what the ramped cell assumes. Fails outside W = 21 … 1e6, t₊ = 0.02 … 0.96 and r = 0 … 1.2 (``InputError``);
the peak itself vanishes at W = 17 (t₊ near 1) to 20 (t₊ near 0): the largest current is then the limit itself.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from jaxtyping import Float

from rampion.errors import InputError
from rampion.transport.peak_table import (
    LIMIT_RATES,
    LIMITS,
    PEAKS,
    RATES,
    SERIES,
    SERIES_FACTORS,
    TRANSFERENCES,
)

LOWEST = 21.0
LARGEST_SERIES = SERIES[-1]
_HIGHEST = 1e6


def _logit(transference: np.ndarray) -> np.ndarray:
    """ln t₊/(1 - t₊): in it the tables are as smooth for small t₊ as for large."""
    return np.asarray(np.log(transference / (1.0 - transference)))


@functools.cache
def _surfaces() -> tuple[Any, ...]:
    from scipy.interpolate import RectBivariateSpline

    logs, places = np.log(np.array(PEAKS)), _logit(np.array(TRANSFERENCES))
    return tuple(RectBivariateSpline(np.log(RATES), places, logs[:, :, k], kx=3, ky=3) for k in range(3))


@functools.cache
def _series_surfaces() -> tuple[Any, ...]:
    """ln j_p(W, t₊, r)/j_p(W, t₊, 0) at each tabulated r."""
    from scipy.interpolate import RectBivariateSpline

    logs, places = np.log(np.array(SERIES_FACTORS)), _logit(np.array(TRANSFERENCES))
    return tuple(RectBivariateSpline(np.log(RATES), places, table, kx=3, ky=3) for table in logs)


@functools.cache
def _threshold() -> Any:
    from scipy.interpolate import RectBivariateSpline

    places = _logit(np.array(TRANSFERENCES))
    return RectBivariateSpline(np.log(LIMIT_RATES), places, np.log(np.array(LIMITS)), kx=1, ky=1)


def _series_weights(series: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n 3"]:
    """Lagrange's cubic through r = 0 (where the factor is one) and the tabulated r, in ln(1 + r)."""
    nodes = np.log1p(np.array((0.0, *SERIES)))
    at = np.log1p(series)
    weights = []
    for k in range(1, nodes.size):
        others = np.delete(nodes, k)
        weights.append(np.prod((at[..., None] - others) / (nodes[k] - others), axis=-1))
    return np.stack(weights, axis=-1)


def _checked(
    rate: np.ndarray, transference: np.ndarray, series: np.ndarray | float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    w, t, r = np.broadcast_arrays(np.asarray(rate, float), np.asarray(transference, float), np.asarray(series, float))
    if not (np.all(w >= LOWEST) and np.all(w <= _HIGHEST)):
        raise InputError(
            f"the peak function is known for W = 21 … 1e6, found {float(np.min(w)):.3g} … {float(np.max(w)):.3g}; "
            "below W = 17 … 20 there is no peak."
        )
    if not (np.all(t >= TRANSFERENCES[0]) and np.all(t <= TRANSFERENCES[-1])):
        raise InputError(
            f"the peak function is known for t₊ = 0.02 … 0.96, found {float(np.min(t)):.3g} … {np.max(t):.3g}."
        )
    if not (np.all(r >= 0) and np.all(r <= LARGEST_SERIES)):
        raise InputError(
            f"the peak function is known for r = 0 … {LARGEST_SERIES:g}, found {float(np.min(r)):.3g} … "
            f"{float(np.max(r)):.3g}; give samples whose interfaces resist no more than their ceramic."
        )
    return w, t, r


def peak_ratio(
    rate: Float[np.ndarray, "*n"] | float,
    transference: Float[np.ndarray, "*n"] | float,
    series: Float[np.ndarray, "*n"] | float = 0.0,
) -> np.ndarray:
    """j_p = J_p/J_lim at W, t₊ and r = R_intσ₀/L."""
    w, t, r = _checked(np.asarray(rate), np.asarray(transference), series)
    log_peak = _surfaces()[0].ev(np.log(w), _logit(t))
    if np.any(r > 0):
        factors = np.stack([surface.ev(np.log(w), _logit(t)) for surface in _series_surfaces()], axis=-1)
        log_peak = log_peak + np.sum(_series_weights(r) * factors, axis=-1)
    return np.asarray(np.exp(log_peak))


def largest_current_curves(
    log_rates: Float[np.ndarray, " m"], transferences: Float[np.ndarray, " k"]
) -> Float[np.ndarray, "4 m k"]:
    """ln of the largest current over the limiting current on a grid of ln W (any W up to 1e6) and t₊.

    The first layer is for r = 0, zero where no peak exists any more; the others are the layers to add, each times its
    weight of :func:`series_weights`.
    """
    z = np.maximum(np.asarray(log_rates, float), np.log(LOWEST))
    places = _logit(transferences)
    base = _surfaces()[0](z, places)
    low = np.asarray(log_rates) < np.log(LOWEST)
    near = np.clip(np.asarray(log_rates)[low], np.log(LIMIT_RATES[0]), np.log(LIMIT_RATES[-1]))
    if near.size:
        base[low] = _threshold()(near, places)
    # towards the threshold the interfaces' effect vanishes with the peak itself
    edge = np.clip((np.asarray(log_rates) - np.log(LIMIT_RATES[0])) / np.log(LOWEST / LIMIT_RATES[0]), 0, 1)
    layers = [surface(z, places) * edge[:, None] for surface in _series_surfaces()]
    return np.stack([base, *layers])


def series_weights(series: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n 3"]:
    """Weights of the layers of :func:`largest_current_curves` at r, held at the largest tabulated r beyond it."""
    return _series_weights(np.clip(np.asarray(series, float), 0.0, LARGEST_SERIES))


def peak_potential(rate: Float[np.ndarray, "*n"] | float, transference: Float[np.ndarray, "*n"] | float) -> np.ndarray:
    """V_pF/RT at W and t₊."""
    w, t, _ = _checked(np.asarray(rate), np.asarray(transference))
    return np.asarray(np.exp(_surfaces()[1].ev(np.log(w), _logit(t))))


def peak_charge(rate: Float[np.ndarray, "*n"] | float, transference: Float[np.ndarray, "*n"] | float) -> np.ndarray:
    """Q_p/(Fc₀L/(1-t₊)) at W and t₊."""
    w, t, _ = _checked(np.asarray(rate), np.asarray(transference))
    return np.asarray(np.exp(_surfaces()[2].ev(np.log(w), _logit(t))))


def finite_exponent(rate: float, transference: float) -> float:
    """Local exponent a = dlnJ_p/dlnv = dln j_p/dlnW of the two-electrode cell."""
    low, high = max(rate * 0.98, LOWEST), min(rate * 1.02, _HIGHEST)
    rise = np.log(peak_ratio(high, transference) / peak_ratio(low, transference))
    return float(rise / np.log(high / low))
