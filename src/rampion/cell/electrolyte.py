"""The binary electrolyte with one diffusivity: one implicit stage is one scalar equation in the wall's logarithm.

    c_t = D c_xx,   D c_x = (1 − t₊)J/F at both faces,   ∫c dx conserved

With ξ = x/L, u = (c − c₀)/c₀ and j = J/J_lim: u_ξ(0) = 2j and u is odd about ξ = ½. The modes of the mesh decay
on their own, so an implicit stage with coefficient α gives the nodes as ``base − j·response``. The unknown is

    φ = ln[c(L)/c(0)],   c(0)/c₀ = 2/(1 + e^φ),   j = (base₀ + tanh(φ/2))/response₀

so that c(0) may fall over any number of decades and stays positive by construction.

    V_electrolyte = J(L/σ₀)·∫σ₀/σ dξ + J·R_int + (2(1 − t₊)RT/F)·Γ·φ + η_working + η_counter

∫dξ/c is taken by the logarithmic mean of each interval plus the closed-form term of its curvature.

Assumes: electroneutrality, one dimension, constant D, t₊ and Γ, σ constant or ∝ c, anions blocked at lithium, and an
interface capacitance that is charged by lithium ions, so that both faces always carry the flux of the whole current J.
Fails when: a property is another function of the concentration (see :mod:`rampion.cell.nonlinear`).

Source: J. Newman, N. P. Balsara, Electrochemical Systems, 4th ed., Wiley 2021, chapters 11 and 12.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.nn import sigmoid, softplus
from numpy.polynomial import legendre

from rampion.cell.circuit import Stage, measured_of, overpotentials, surrounded, target_of

_CLOSE, _GOOD = 1e-5, 1e-4
"""A change of the unknowns by Newton's method that may be the last, and one that is still good when it has to be; what
it leaves is about its square."""
_STILL = 10.0, 1e-6, 1e-11
"""Of j the relative change may be so many times as large; |j| below which it is not relative; and what it moves of the
face, whose millionths are rounding. A face that is hardly polarised moves by little in φ while j, and with it the
charge transfer, moves by much."""


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


def _quotient(order: int) -> tuple[list[float], list[float]]:
    """[artanh(x)/x − 1]/x² as a quotient of polynomials in x², coefficients from the lowest: Padé's, whose denominator
    is the Legendre polynomial xⁿPₙ(1/x)."""
    below = legendre.leg2poly(np.eye(order + 1)[order])[::-2]
    above = np.convolve(below, 1.0 / (2.0 * np.arange(order // 2) + 1.0))[: order // 2]
    return ((np.append(above, 0.0) - below) / below[0])[1:].tolist(), (below / below[0]).tolist()


_ABOVE, _BELOW = _quotient(10)
"""Within 1e-14 where neighbours differ by less than a factor of two (|x| < ⅓, a depleted profile on this mesh) and
1e-7 up to a factor of six; only the interval at the face is ever wider."""


def _polynomial(coefficients, x):
    value = coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        value = value * x + coefficient
    return value


def inverse_integrals(first, left, right, bend, step):
    """∫dξ/c over each interval: logarithmic mean, and the term of the curvature to first order.

    With Σ = c_a + c_b, x = (c_b − c_a)/Σ and A = artanh(x)/x, the integral of an interval is
    (h/Σ)[2A + c″h²(A − 1)/(x²Σ)]. ``first`` stands in for the face.
    """
    at_face = jnp.arange(step.size) == 0
    left = jnp.where(at_face, first, left)
    inverse = 1.0 / (left + right)
    x = (right - left) * inverse
    square = x * x
    tail = _polynomial(_ABOVE, square) * (1.0 / _polynomial(_BELOW, square))
    # At the face the two ends may lie decades apart: there the logarithm itself, once, and not in every interval.
    wide = jnp.abs(x[0]) > 0.5
    safe = jnp.where(wide, x[0], 1.0)
    ratio = 0.5 * jnp.log(jnp.where(wide, jnp.maximum(right[0], 1e-300) / left[0], 1.0)) / safe
    tail = jnp.where(at_face & wide, (ratio - 1.0) / (safe * safe), tail)
    return step * inverse * (2.0 + (2.0 * square + bend * step * step * inverse) * tail)


def voltages(nodes, bends, phi, current, extra, mesh, numbers, structure):
    """Voltage of the electrolyte with its charge transfer, and that of the working electrode against the reference.

    ``nodes`` (n+1,) and ``bends`` (n,) are u and u_ξξ per interval.
    """
    step = mesh["step"]
    face = wall(phi)
    at = structure.reference_node
    left, right = nodes[:-1], nodes[1:]
    if structure.conduction == "proportional":
        low = inverse_integrals(face.low, 1.0 + left, 1.0 + right, bends, step)
        high = inverse_integrals(face.high, 1.0 - left, 1.0 - right, -bends, step)
        integral = (low + high).sum()
    else:
        low = high = step
        integral = 1.0
    ohmic = current * numbers["thickness"] / numbers["conductivity"]
    thermal = numbers["thermal_voltage"]
    polarized = 2.0 * (1.0 - numbers["transference"]) * thermal * numbers["thermodynamic_factor"]
    working, counter = overpotentials(current, (face.log_low, face.log_high), extra, numbers, structure)
    series = current * numbers["interface_resistance"]
    whole = ohmic * integral + series + polarized * phi + thermal * (working + counter)
    if at is None:
        return whole, jnp.nan * whole
    near = low[:at].sum() if structure.reference_near else low.sum() + high[at:].sum()
    there = jnp.log(1.0 + nodes[at] if structure.reference_near else 1.0 - nodes[at])
    return whole, ohmic * near + 0.5 * series + polarized * (there - face.log_low) + thermal * working


def lead(mesh) -> int:
    """How many unknowns stand before the interface states: φ."""
    return 1


def prepared(alpha, mesh, numbers):
    """What both stages of a step share: coefficient, damping of the modes, their response to a unit of j."""
    pace = alpha * numbers["diffusivity"] / numbers["thickness"] ** 2
    damping = 1.0 / (1.0 + pace * mesh["rates"])
    fed = damping * (2.0 * pace) * mesh["source"]
    return alpha, damping, fed, _nodes(mesh, fed)


def _nodes(mesh, modes):
    """u at the nodes (n+1,) and u_ξξ of the intervals (n,) from the amplitudes of the modes.

    Both by one product: second differences of the nodes would lose the digits that steps of microseconds need.
    """
    both = mesh["shapes"] @ modes
    size = modes.size
    return both[: size + 1], both[size + 1 :]


def _problem(control, mesh, numbers, structure):
    """The residual of an implicit stage as a function of the unknowns and of what the stage starts from."""
    limit = numbers["limiting_current"]
    scale = 1.0 / numbers["thermal_voltage"]

    def residual(unknown, bare, bare_bends, response, extra_base, alpha, time):
        phi, extra = unknown[0], unknown[1:]
        per_j, per_j_bends = response
        j = (bare[0] + jnp.tanh(0.5 * phi)) / per_j[0]
        ionic = j * limit
        nodes, bends = bare - j * per_j, bare_bends - j * per_j_bends
        whole, working = voltages(nodes, bends, phi, ionic, extra, mesh, numbers, structure)
        face = wall(phi)
        current, whole, working, rates, margins = surrounded(
            whole, working, ionic, (face.log_low, face.log_high), extra, time, control.pressed, numbers, structure
        )
        target, measured = target_of(control, time), measured_of(control, whole, working, structure)
        wanted = bare[0] - per_j[0] * (target - (current - ionic)) / limit
        inside = jnp.clip(wanted, -1.0 + 1e-15, 1.0 - 1e-15)
        by_current = phi + 2.0 * jnp.arctanh(inside)
        first = jnp.where(control.galvanostatic > 0, by_current, (measured - target) * scale)
        value = jnp.concatenate([first[None], extra - extra_base - alpha * rates]) if extra.size else first[None]
        possible = (control.galvanostatic == 0) | (jnp.abs(wanted) < 1.0 - 1e-15)
        return value, (current, ionic, whole, working, margins, possible)

    def linearised(unknown, *rest):
        """Residual, its matrix, the measured quantities and their derivatives by the unknowns."""

        def both(z):
            value, (*measured, possible) = residual(z, *rest)
            return (value, tuple(measured)), (value, tuple(measured), possible)

        if unknown.size == 1:
            one = jnp.ones(1)
            (value, measured), (matrix, by_unknown), (_, _, possible) = jax.jvp(both, (unknown,), (one,), has_aux=True)
            return value, matrix[:, None], measured, jax.tree.map(lambda leaf: leaf[..., None], by_unknown), possible
        (matrix, by_unknown), (value, measured, possible) = jax.jacfwd(both, has_aux=True)(unknown)
        return value, matrix, measured, by_unknown, possible

    return residual, linearised


def stage_residual(unknown, base, extra_base, response, time, control, mesh, numbers, structure):
    """Residual of an implicit stage, then the current density of the cell where interface terms carry some of it."""
    alpha, damping, _, fed_nodes = response
    bare, bends = _nodes(mesh, damping * base)
    residual, _ = _problem(control, mesh, numbers, structure)
    value, (current, *_) = residual(unknown, bare, bends, fed_nodes, extra_base, alpha, time)
    return jnp.concatenate([value, current[None]]) if structure.terms else value


def stage_current(unknown, base, response, mesh):
    """j of an implicit stage."""
    _, damping, fed, _ = response
    face = mesh["shapes"][0]
    return (face @ (damping * base) + jnp.tanh(0.5 * unknown[0])) / (face @ fed)


def _divided(matrix, value):
    return value / matrix[0, 0] if value.size == 1 else jnp.linalg.solve(matrix, value)


def share_of_current(change, j, response):
    """A change of j as Newton's method counts it; ``response`` is what a unit of j makes of the face."""
    return jnp.abs(change) / (_STILL[0] * (jnp.abs(j) + _STILL[1] + _STILL[2] / response))


def solved(
    base, extra_base, response, guess, time, iterations, control, mesh, numbers, structure, *, differentiable=False
) -> Stage:
    """Solve one implicit stage x = base + α ẋ for φ and the interface states, by Newton on that small system.

    Where it is to be ``differentiable`` one more iteration carries the derivatives of the implicit function.
    """
    alpha, damping, fed, fed_nodes = response
    limit = numbers["limiting_current"]
    bare, bare_bends = _nodes(mesh, damping * base)
    start = (bare, bare_bends, fed_nodes, extra_base, alpha, time)
    residual, _ = _problem(control, mesh, numbers, structure)
    frozen = jax.lax.stop_gradient(start)
    _, linearised = _problem(*jax.lax.stop_gradient((control, mesh, numbers)), structure)

    def share(change, unknown):
        per_j = frozen[2][0][0]
        j = (frozen[0][0] + jnp.tanh(0.5 * unknown[0])) / per_j
        of_current = share_of_current(0.5 / jnp.cosh(0.5 * unknown[0]) ** 2 / per_j * change[0], j, per_j)
        return jnp.maximum(of_current, jnp.max(jnp.abs(change) / (1.0 + jnp.abs(unknown))))

    def improved(carry):
        unknown, _, count, _ = carry
        value, matrix, measured, by_unknown, possible = linearised(unknown, *frozen)
        whole = _divided(matrix, value)
        change = jnp.where(count < iterations - 1, jnp.clip(whole, -4.0, 4.0), whole)
        measured = jax.tree.map(lambda at, slope: at - slope @ change, measured, by_unknown)
        return unknown - change, share(change, unknown), count + 1, (measured, matrix, possible)

    def wanting(carry):
        _, change, count, _ = carry
        return (change > _CLOSE) & (count < iterations)

    guess = jax.lax.stop_gradient(guess)
    blank = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), jax.eval_shape(linearised, guess, *frozen))
    carry = guess, jnp.asarray(jnp.inf), 0, (blank[2], blank[1], blank[4])
    unknown, moved, _, (measured, matrix, possible) = jax.lax.while_loop(wanting, improved, carry)
    if differentiable:
        _, matrix, _, by_unknown, _ = linearised(unknown, *frozen)
        value, (*measured, possible) = residual(unknown, *start)
        change = _divided(matrix, value)
        measured = jax.tree.map(lambda at, slope: at - slope @ change, tuple(measured), by_unknown)
        unknown, moved = unknown - change, share(change, unknown)
    current, ionic, whole, working, margins = measured
    j = (bare[0] + jnp.tanh(0.5 * unknown[0])) / fed_nodes[0][0]
    nodes = bare - j * fed_nodes[0]
    current = current + (j * limit - ionic)  # along the line of the last iteration only what passes beside the ions
    good = (moved < _GOOD) & possible
    good = good & (jnp.max(jnp.abs(nodes[1:])) < 1.0) & jnp.isfinite(whole) & jnp.isfinite(current)
    face = wall(unknown[0])
    return Stage(
        damping * base - j * fed, unknown, jnp.stack([face.log_low, face.log_high]), nodes[:-1], j * limit, current,
        whole, working, margins, matrix, good, (bare, bare_bends),
    )  # fmt: skip


def moved(end, shift, extra_shift, extra_rate, response, time, control, mesh, numbers, structure):
    """What small shifts of the states make of the interface states (weighted), of the current and of the voltage."""
    alpha, damping, _, fed_nodes = response
    residual, _ = _problem(control, mesh, numbers, structure)
    shift, shift_bends = _nodes(mesh, damping * shift)
    bare, bare_bends = end.bare
    extra_base = end.unknown[1:] - alpha * extra_rate

    def along(unknown, bare, bare_bends, extra_base):
        value, (current, _, whole, *_) = residual(unknown, bare, bare_bends, fed_nodes, extra_base, alpha, time)
        return value, current, whole

    at, shifts = (bare, bare_bends, extra_base), (shift, shift_bends, extra_shift)
    _, (made, *_) = jax.jvp(lambda *rest: along(end.unknown, *rest), at, shifts)
    change = -_divided(end.tangent, made)
    # The unknowns move current and voltage too; what the control holds does not move.
    _, (_, by_current, by_voltage) = jax.jvp(along, (end.unknown, *at), (change, *shifts))
    return jnp.max(jnp.abs(change[1:]) / (1.0 + jnp.abs(end.unknown[1:])), initial=0.0), by_current, by_voltage
