"""One interval of a profile whose properties depend on the concentration: composition from y, and its integrals.

An interval may span tens of decades at a face. What is linear in the concentration is exact; ∫dx/σ and
∫Γ(1 − t₊) d ln c take out the leading behaviour at the outer end in closed form and the rest by Gauss points in the
concentration, along Ψ = ∫D/(1 − t₊) dc linear in x, with the term of its curvature.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np


def _points(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """0 and the Gauss points on 0 … 1 that crowd towards it (share = τ²), their weights, and the matrix of the running
    integral."""
    x, w = np.polynomial.legendre.leggauss(count)
    tau, weight = 0.5 * (x + 1.0), 0.5 * w
    powers = np.vander(tau, count, increasing=True)
    running = (powers * tau[:, None] / np.arange(1, count + 1)) @ np.linalg.inv(powers)
    return np.append(0.0, tau**2), 2.0 * tau * weight, running * (2.0 * tau)


_SHARE, _WEIGHT, _RUNNING = _points(4)


class Composition(NamedTuple):
    """Concentration and empty sites in c₀, dc/dy, and ln(c/c₀)."""

    carriers: Any
    empty: Any
    slope: Any
    logarithm: Any


def composition(y, closure, concentration) -> Composition:
    """What y says, exact towards both ends."""
    if not math.isfinite(closure.sites):
        c = jnp.exp(y)
        return Composition(c, jnp.inf * c, c, y)
    sites = closure.sites / concentration
    shifted = y - jnp.log(sites - 1.0)
    c, empty = sites * jax.nn.sigmoid(shifted), sites * jax.nn.sigmoid(-shifted)
    return Composition(c, empty, c * empty / sites, jnp.log(sites) + jax.nn.log_sigmoid(shifted))


def _growth(x):
    """(eˣ − 1)/x."""
    small = jnp.abs(x) < 1e-4
    safe = jnp.where(small, 1.0, x)
    return jnp.where(small, 1.0 + 0.5 * x + x * x / 6.0, jnp.expm1(safe) / safe)


class Intervals(NamedTuple):
    """Of each interval, from its outer to its inner end: the changes of Φ and Ψ and the mean 1 − t₊ (all in units of
    D₀c₀), ∫σ₀/σ over it per length, what its curvature Ψ_ξξh² adds to that, and ∫Γ(1 − t₊) d ln c."""

    kirchhoff: Any
    steady: Any
    blocked: Any
    resistance: Any
    bent: Any
    polarized: Any


def intervals_of(outer, inner, properties, closure, numbers) -> Intervals:
    """The integrals of the intervals (2, n) from y at their outer and inner ends."""
    c0 = numbers["concentration"]
    limited = math.isfinite(closure.sites)
    sites = closure.sites / c0

    def at(c, empty):
        d = properties.diffusivity(c0 * c, c0 * empty) / numbers["diffusivity"]
        blocked = 1.0 - properties.transference(c0 * c, c0 * empty)
        sigma = properties.conductivity(c0 * c, c0 * empty) / numbers["conductivity"]
        factor = properties.thermodynamic_factor(c0 * c, c0 * empty) * blocked
        slope, factor = (c * empty / sites, factor * empty / sites) if limited else (c, factor)
        return d, d / blocked, d / (blocked * sigma), slope, factor

    a, b = composition(outer, closure, c0), composition(inner, closure, c0)
    delta = inner - outer
    room = b.empty / sites if limited else 1.0
    gap, per_y = a.carriers * jnp.expm1(delta) * room, a.carriers * _growth(delta) * room
    first, last = a.carriers[..., None], b.carriers[..., None]
    c = first + (last - first) * _SHARE  # the outer end itself, then the Gauss points
    empty = a.empty[..., None] + (b.empty - a.empty)[..., None] * _SHARE if limited else jnp.inf * c
    every = at(c, empty)
    (d, e, density, slope, factor), (_, _, density_a, slope_a, factor_a) = (
        tuple(values[..., part] for values in every) for part in (slice(1, None), 0)
    )
    # At the outer end the integrand behaves as slope_a·density_a·exp(p(y − y_a)): p = 0 but for the face, where an
    # interval may span decades; any p gives the same integral.
    leading = density_a * slope_a
    taken, closed = leading[..., None] / slope, leading / per_y
    ahead = jnp.log(c[:, 0, 1:] / first[:, 0]) - (jnp.log(empty[:, 0, 1:] / empty[:, 0, :1]) if limited else 0.0)
    ratio = jnp.log(density[:, 0, 0] * slope[:, 0, 0] / leading[:, 0])
    wide = jnp.abs(delta[:, 0]) > 1e-2
    p = jnp.where(wide, ratio / jnp.where(wide, ahead[:, 0], 1.0), 0.0)
    p = jax.lax.stop_gradient(jnp.clip(p, -4.0, 0.0))
    taken = taken.at[:, 0].set(leading[:, :1] * jnp.exp(p[:, None] * ahead) / slope[:, 0])
    closed = closed.at[:, 0].set(leading[:, 0] * _growth(p * delta[:, 0]) / per_y[:, 0])
    mean_d, mean_e = d @ _WEIGHT, e @ _WEIGHT
    share = (e @ _RUNNING.T) / mean_e[..., None]
    resistance = (closed + (density - taken) @ _WEIGHT) / mean_e
    tilt = closed + (density * (1.0 - 2.0 * share) - taken) @ _WEIGHT
    flat = jnp.abs(delta) < 1e-5
    bent = jnp.where(flat, 0.0, 0.5 * tilt / (jnp.where(flat, 1.0, gap) * mean_e**2))
    polarized = factor_a * delta + gap * (((factor - factor_a[..., None]) / slope) @ _WEIGHT)
    return Intervals(gap * mean_d, gap * mean_e, mean_d / mean_e, resistance, bent, polarized)
