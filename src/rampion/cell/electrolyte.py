"""The binary electrolyte with one diffusivity: one implicit stage is one scalar equation in the wall's logarithm.

    c_t = D c_xx,   D c_x = (1 − t₊)J/F at both faces,   ∫c dx conserved

With ξ = x/L, u = (c − c₀)/c₀ and j = J/J_lim: u_ξ(0) = 2j and u is odd about ξ = ½. The modes of the mesh decay
on their own, so an implicit stage with coefficient α gives the nodes as ``base − j·response``. The unknown is

    φ = ln[c(L)/c(0)],   c(0)/c₀ = 2/(1 + e^φ),   j = (base₀ + tanh(φ/2))/response₀

so that c(0) may fall over any number of decades and stays positive by construction.

    V_electrolyte = J(L/σ₀)·∫σ₀/σ dξ + J·R_int + (2(1 − t₊)RT/F)·Γ·φ + η_working + η_counter

∫dξ/c is taken by the logarithmic mean of each interval plus the closed-form term of its curvature.

Assumes: electroneutrality, one dimension, constant D, t₊ and Γ, anions blocked at lithium, and an interface
capacitance that is charged by lithium ions, so that both faces always carry the flux of the whole current J.
Fails when: D or t₊ depend on the concentration (see :mod:`rampion.cell.nonlinear`).

Source: J. Newman, N. P. Balsara, Electrochemical Systems, 4th ed., Wiley 2021, chapters 11 and 12.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax.nn import sigmoid, softplus

from rampion.cell.closures import properties_of


class Wall(NamedTuple):
    """The two faces as φ gives them: concentrations in c₀ and their logarithms, exact over any number of decades."""

    low: Any
    high: Any
    log_low: Any
    log_high: Any


def wall(phi):
    """Both faces from φ = ln[c(L)/c(0)]."""
    two = math.log(2.0)
    return Wall(2.0 * sigmoid(-phi), 2.0 * sigmoid(phi), two - softplus(phi), two - softplus(-phi))


def inverse_integrals(first, left, right, bend, step):
    """∫dξ/c over each interval: logarithmic mean, and the term of the curvature to first order.

    With Σ = c_a + c_b, x = (c_b − c_a)/Σ and A = artanh(x)/x, the integral of an interval is
    (h/Σ)[2A + c″h²(A − 1)/(x²Σ)]. ``first`` stands in for the face.
    """
    left = jnp.where(jnp.arange(step.size) == 0, first, jnp.maximum(left, 1e-300))
    right = jnp.maximum(right, 1e-300)
    total = left + right
    x = (right - left) / total
    small = jnp.abs(x) < 0.03
    safe = jnp.where(small, 1.0, x)
    square = jnp.where(small, x * x, 0.0)
    tail = 1 / 3 + square * (1 / 5 + square * (1 / 7 + square / 9))
    ratio = jnp.where(small, 1.0 + square * tail, 0.5 * jnp.log(right / left) / safe)
    bent = jnp.where(small, tail, (ratio - 1.0) / (safe * safe))
    return step * (2.0 * ratio / total + bend * step * step * bent / (total * total))


def _by_closure(face, left, right, bends, phi, step, numbers, structure):
    """∫σ₀/σ(c) dξ per interval of both halves, and ∫Γ d ln c from face to face, for user functions σ(c), Γ(c)."""
    closure, c0 = structure.closure, numbers["concentration"]
    properties = properties_of(closure, numbers, structure.conduction)
    at_face = jnp.arange(step.size) == 0
    resistances, polarized = [], 0.0
    for sign, wall_value in ((1.0, face.low), (-1.0, face.high)):
        a = jnp.where(at_face, wall_value, jnp.maximum(1.0 + sign * left, 1e-300))
        b = jnp.maximum(1.0 + sign * right, 1e-300)
        middle = jnp.maximum(0.5 * (a + b) - sign * bends * step * step / 8.0, 1e-300)

        def conduction(c):
            return properties.conductivity(c0 * c, closure.sites - c0 * c) / numbers["conductivity"]

        ends = conduction(a), conduction(b)
        bent = 8.0 * (0.5 * (ends[0] + ends[1]) - conduction(middle)) / (step * step)
        resistances.append(inverse_integrals(ends[0][0], *ends, bent, step))
        if closure.thermodynamic_factor is not None:
            weighted = ((1, a), (4, middle), (1, b))
            factor = sum(w * properties.thermodynamic_factor(c0 * c, closure.sites - c0 * c) for w, c in weighted) / 6.0
            polarized = polarized + sign * (factor * jnp.log(b / a)).sum()
    if closure.thermodynamic_factor is None:
        polarized = numbers["thermodynamic_factor"] * phi
    return resistances, polarized


def voltages(nodes, bends, phi, current, excess, mesh, numbers, structure):
    """Voltage of the electrolyte with its interfaces, and that of the working electrode against the reference.

    ``nodes`` (n+1,) and ``bends`` (n,) are u and u_ξξ per interval; ``excess`` holds the charge-transfer
    overpotentials (working, counter) in RT/F where they are states of their own (interface capacitance).
    """
    step = mesh["step"]
    face = wall(phi)
    at = structure.reference_node
    left, right = nodes[:-1], nodes[1:]
    polarized = numbers["thermodynamic_factor"] * phi
    if structure.closure is not None:
        (low, high), polarized = _by_closure(face, left, right, bends, phi, step, numbers, structure)
        integral = (low + high).sum()
    elif structure.conduction == "proportional":
        low = inverse_integrals(face.low, 1.0 + left, 1.0 + right, bends, step)
        high = inverse_integrals(face.high, 1.0 - left, 1.0 - right, -bends, step)
        integral = (low + high).sum()
    else:
        low = high = step
        integral = 1.0
    ohmic = current * numbers["thickness"] / numbers["conductivity"]
    thermal = numbers["thermal_voltage"]
    concentration = 2.0 * (1.0 - numbers["transference"]) * thermal
    if not structure.kinetics:
        working = counter = 0.0
    elif excess is None:
        drive = 0.5 * current * numbers["inverse_exchange"]
        working = 2.0 * jnp.arcsinh(drive * jnp.exp(-0.5 * face.log_low))
        counter = 2.0 * jnp.arcsinh(drive * jnp.exp(-0.5 * face.log_high))
    else:
        working, counter = excess
    series = current * numbers["interface_resistance"]
    whole = ohmic * integral + series + concentration * polarized + thermal * (working + counter)
    if at is None:
        return whole, jnp.nan * whole
    near = low[:at].sum() if structure.reference_near else low.sum() + high[at:].sum()
    there = jnp.log(1.0 + nodes[at] if structure.reference_near else 1.0 - nodes[at])
    part = (
        ohmic * near
        + 0.5 * series
        + concentration * numbers["thermodynamic_factor"] * (there - face.log_low)
        + thermal * working
    )
    return whole, part
