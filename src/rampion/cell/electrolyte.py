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

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax.nn import sigmoid, softplus

FARADAY = 96485.33212


class Profile(NamedTuple):
    """The concentration in one half and its mirror image: values, logarithms, curvature; in c₀ and thicknesses."""

    value: Any
    logarithm: Any
    curvature: Any


def half_profiles(nodes, phi, step):
    """Profiles of the plating half and of the (mirrored) stripping half from the nodes u_1 … and φ."""
    wall = -jnp.tanh(0.5 * phi)
    u = jnp.concatenate([wall[None], nodes[1:], jnp.zeros(1)])
    slope = jnp.diff(u) / step
    bend = 2.0 * jnp.diff(slope) / (step[:-1] + step[1:])
    curvature = 0.5 * (jnp.concatenate([bend[:1], bend]) + jnp.concatenate([bend, jnp.zeros(1)]))
    inner = jnp.clip(nodes[1:], -1.0 + 1e-300, 1.0)
    low = jnp.maximum(1.0 + inner, 1e-300)
    high = jnp.maximum(1.0 - inner, 1e-300)
    two = jnp.log(2.0)
    one, zero = jnp.ones(1), jnp.zeros(1)
    plating = Profile(
        jnp.concatenate([2.0 * sigmoid(-phi)[None], low, one]),
        jnp.concatenate([(two - softplus(phi))[None], jnp.log(low), zero]),
        curvature,
    )
    stripping = Profile(
        jnp.concatenate([2.0 * sigmoid(phi)[None], high, one]),
        jnp.concatenate([(two - softplus(-phi))[None], jnp.log(high), zero]),
        -curvature,
    )
    return plating, stripping


def inverse_integrals(profile, step):
    """∫dξ/c over each interval: logarithmic mean and curvature term.

    c = linear − ½c″h²s(1 − s) is inverted to first order in c″. With Σ = c_a + c_b, x = (c_b − c_a)/Σ,
    A = artanh(x)/x and G = (A − 1)/x²: the integral of an interval is (h/Σ)[2A + c″h²G/Σ].
    """
    left, right = profile.value[:-1], profile.value[1:]
    total = left + right
    x = (right - left) / total
    small = jnp.abs(x) < 0.03
    safe = jnp.where(small, 1.0, x)
    square = jnp.where(small, x * x, 0.0)
    ratio = jnp.where(
        small,
        1.0 + square * (1 / 3 + square * (1 / 5 + square * (1 / 7 + square / 9))),
        0.5 * jnp.diff(profile.logarithm) / safe,
    )
    bent = jnp.where(small, 1 / 3 + square * (1 / 5 + square * (1 / 7 + square / 9)), (ratio - 1.0) / (safe * safe))
    return step * (2.0 * ratio / total + profile.curvature * step * step * bent / (total * total))


def voltages(nodes, phi, current, excess, mesh, numbers, structure):
    """Voltage of the electrolyte with its interfaces, and that of the working electrode against the reference.

    ``excess`` holds the charge-transfer overpotentials (working, counter) in RT/F where they are states of their
    own (interface capacitance); otherwise ``None``.
    """
    step = mesh["step"]
    plating, stripping = half_profiles(nodes, phi, step)
    if structure.conduction == "proportional":
        low, high = inverse_integrals(plating, step), inverse_integrals(stripping, step)
    else:
        low = high = step
    ohmic = current * numbers["thickness"] / numbers["conductivity"]
    thermal = numbers["thermal_voltage"]
    concentration = 2.0 * (1.0 - numbers["transference"]) * numbers["thermodynamic_factor"] * thermal
    if not structure.kinetics:
        working = counter = 0.0
    elif excess is None:
        drive = 0.5 * current * numbers["inverse_exchange"]
        working = 2.0 * jnp.arcsinh(drive * jnp.exp(-0.5 * plating.logarithm[0]))
        counter = 2.0 * jnp.arcsinh(drive * jnp.exp(-0.5 * stripping.logarithm[0]))
    else:
        working, counter = excess
    series = current * numbers["interface_resistance"]
    whole = ohmic * (low.sum() + high.sum()) + series + concentration * phi + thermal * (working + counter)
    at = structure.reference_node
    if at is None:
        return whole, jnp.nan * whole
    near = low[:at].sum() if structure.reference_near else low.sum() + high[at:].sum()
    there = plating.logarithm[at] if structure.reference_near else stripping.logarithm[at]
    part = ohmic * near + 0.5 * series + concentration * (there - plating.logarithm[0]) + thermal * working
    return whole, part
