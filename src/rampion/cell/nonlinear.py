"""The binary electrolyte whose D, σ, t₊ and Γ are functions of the concentration: finite volumes, bordered Newton.

    c_t = ∂x[D(c) c_x − (1 − t₊(c)) J/F],   the bracket (the anions' flux, negative) is zero at both faces

With Φ = ∫D dc (Kirchhoff) and Ψ = ∫D/(1 − t₊) dc, the flux of an interval h is taken as

    (ΔΦ/ΔΨ)·(ΔΨ/h − J/F)

which is exact at the nodes for every steady profile (Ψ_x = J/F) and, with constant t₊, the exact weak form of Φ_xx. It
leaves one volume and enters the next: ∫c dx is kept to rounding. The unknown of a node is

    y = ln(c/c₀) − ln[(c_max − c)/(c_max − c₀)]      (without site limit: ln(c/c₀))

so that either face may run empty, or full, over any number of decades. An interval may span many of them: ∫dx/σ and
∫Γ(1 − t₊) d ln c take out the leading behaviour at the outer end in closed form and the rest by Gauss points in the
concentration, along Ψ linear in x, with the term of its curvature. Nothing is tabulated.

Newton: the nodes between the faces are eliminated (tridiagonal) on the two faces' unknowns, the current and the
interface states, and that small system is solved with pivoting: at a depleted face the current is fixed by the
transport and y by the voltage, and no other order of elimination keeps its digits.

Assumes: electroneutrality, one dimension, anions blocked at lithium, J₀ = J₀₀√(c/c₀), an interface capacitance that is
charged by lithium ions. Fails when: D vanishes or t₊ reaches 1 inside the cell.

Sources: J. Newman, N. P. Balsara, Electrochemical Systems, 4th ed., Wiley 2021, chapter 12 (equations).
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rampion.cell.circuit import Stage, measured_of, overpotentials, surrounded, target_of
from rampion.cell.closures import properties_of
from rampion.cell.electrolyte import share_of_current
from rampion.cell.intervals import composition, intervals_of
from rampion.quantities import FARADAY

_FACES = np.array([0, -1])
_CONVERGED = 1e-5


def _line(halves):
    """Values of the intervals of both halves, each counted from its face, along the cell."""
    return jnp.concatenate([halves[0], halves[1][::-1]])


def _halves(y):
    """Values at the nodes as two rows, each counted from its face to the middle."""
    half = y.size // 2
    return jnp.stack([y[: half + 1], y[half:][::-1]])


def _of_nodes(unknown, mesh, numbers, structure):
    """The intervals' quantities and their derivatives by the outer and the inner end."""
    y, *_ = _split(unknown, mesh)
    closure = structure.closure
    properties = properties_of(closure, numbers, structure.conduction, structure.nernst_einstein)
    both = _halves(y)
    ends, one = (both[:, :-1], both[:, 1:]), jnp.ones_like(both[:, :-1])

    def quantities(outer, inner):
        return intervals_of(outer, inner, properties, closure, numbers)

    zero = jnp.zeros_like(one)

    def along(outer, inner):
        return jax.jvp(quantities, ends, (outer, inner))

    directions = jnp.stack([one, zero]), jnp.stack([zero, one])
    values, changes = jax.vmap(along, out_axes=(None, 0))(*directions)
    by_outer, by_inner = (jax.tree.map(lambda leaf, k=k: leaf[k], changes) for k in (0, 1))
    return values, by_outer, by_inner


def _fluxes(intervals, j, mesh):
    """D c_ξ − (1 − t₊)j along the cell, (2n,)."""
    return _line(intervals.kirchhoff * jnp.array([[1.0], [-1.0]]) / mesh["step"]) - j * _line(intervals.blocked)


def _unit(numbers):
    """J/j [A/m²]: FD₀c₀/L."""
    return FARADAY * numbers["diffusivity"] * numbers["concentration"] / numbers["thickness"]


def _circuit(intervals, faces, j, extra, time, control, mesh, numbers, structure):
    """The control's residual, rates of the interface states, current, voltages and margins."""
    step, thermal = mesh["step"], numbers["thermal_voltage"]
    ionic = j * _unit(numbers)
    slopes = _line(intervals.steady * jnp.array([[1.0], [-1.0]]) / step)
    line = _line(jnp.stack([step, step]))
    bends = 2.0 * jnp.diff(slopes) / (line[1:] + line[:-1])
    bends = 0.5 * (jnp.concatenate([bends[:1], bends]) + jnp.concatenate([bends, bends[-1:]]))
    lengths = step * intervals.resistance + step**3 * intervals.bent * _halves_of_line(bends)
    ohmic = ionic * numbers["thickness"] / numbers["conductivity"]
    logarithms = composition(faces, structure.closure, numbers["concentration"]).logarithm
    working, counter = overpotentials(ionic, logarithms, extra, numbers, structure)
    series = ionic * numbers["interface_resistance"]
    polarized = intervals.polarized[0].sum() - intervals.polarized[1].sum()
    whole = ohmic * lengths.sum() + series + thermal * (2.0 * polarized + working + counter)
    part, at = jnp.nan * whole, structure.reference_node
    if at is not None and structure.reference_near:
        part = ohmic * lengths[0, :at].sum() + 2.0 * thermal * intervals.polarized[0, :at].sum()
    elif at is not None:
        part = ohmic * (lengths[0].sum() + lengths[1, at:].sum())
        part += 2.0 * thermal * (intervals.polarized[0].sum() - intervals.polarized[1, at:].sum())
    part = part + 0.5 * series + thermal * working
    current, whole, part, rates, margins = surrounded(
        whole, part, ionic, logarithms, extra, time, control.pressed, numbers, structure
    )
    target, measured = target_of(control, time), measured_of(control, whole, part, structure)
    by_current, by_voltage = (current - target) / numbers["limiting_current"], (measured - target) / thermal
    return jnp.where(control.galvanostatic > 0, by_current, by_voltage), rates, (current, whole, part, margins)


def _halves_of_line(line):
    half = line.size // 2
    return jnp.stack([line[:half], line[half:][::-1]])


def _amounts(y, mesh, numbers, structure):
    """What the volumes hold, in c₀ and thicknesses, and the mean over the volume of a node is its mass row."""
    lower, middle, upper = mesh["mass"]
    c = composition(y, structure.closure, numbers["concentration"]).carriers
    return middle * c + jnp.pad(lower[1:] * c[:-1], (1, 0)) + jnp.pad(upper[:-1] * c[1:], (0, 1))


def _swept(lower, middle, upper, given):
    """Tridiagonal solve by elimination for several right sides (n, k)."""

    def down(carry, row):
        above, known = carry
        low, mid, up, value = row
        pivot = 1.0 / (mid - low * above)
        carry = up * pivot, (value - low * known) * pivot
        return carry, carry

    start = jnp.zeros(()), jnp.zeros(given.shape[1])
    _, (factors, known) = jax.lax.scan(down, start, (lower, middle, upper, given))

    def upward(below, row):
        found = row[1] - row[0] * below
        return found, found

    return jax.lax.scan(upward, jnp.zeros(given.shape[1]), (factors, known), reverse=True)[1]


def _split(unknown, mesh):
    size = 2 * mesh["step"].size + 1
    return unknown[:size], unknown[size], unknown[size + 1 :]


def _pace(alpha, numbers):
    return alpha * numbers["diffusivity"] / numbers["thickness"] ** 2


class Tangent(NamedTuple):
    """A linearised stage: fluxes by the ends of their intervals and by j, the rows of the control, of the interface
    states, of current and voltage by every unknown, the bands, and the eliminated small system."""

    flux: Any
    rows: Any
    inside: Any
    edges: Any
    columns: Any
    matrix: Any
    scale: Any


def _rows(unknown, nodes, alpha, time, control, mesh, numbers, structure):
    """Values and gradients by every unknown of (control, interface states) and of (current, voltages, margins)."""
    y, j, extra = _split(unknown, mesh)
    values, by_outer, by_inner = nodes

    def circuit(intervals, faces, j, extra):
        held, rates, (current, whole, part, margins) = _circuit(
            intervals, faces, j, extra, time, control, mesh, numbers, structure
        )
        small = jnp.concatenate([held[None], extra - alpha * rates])
        part = jnp.zeros(()) if structure.reference_node is None else part
        return jnp.concatenate([small, current[None], whole[None], part[None], margins])

    found, back = jax.vjp(circuit, values, y[_FACES], j, extra)
    intervals, faces, by_j, by_extra = jax.vmap(back)(jnp.eye(found.size))[0:4]

    def ends(by_end):
        parts = jax.tree.leaves(jax.tree.map(lambda a, b: a * b, intervals, by_end))
        return sum(parts[1:], parts[0])

    outer, inner = ends(by_outer), ends(by_inner)  # (rows, 2, n)
    half = jnp.pad(outer, ((0, 0), (0, 0), (0, 1))) + jnp.pad(inner, ((0, 0), (0, 0), (1, 0)))
    middle = half[:, 0, -1] + half[:, 1, -1]
    by_y = jnp.concatenate([half[:, 0, :-1], middle[:, None], half[:, 1, :-1][:, ::-1]], axis=1)
    by_y = by_y.at[:, 0].add(faces[:, 0]).at[:, -1].add(faces[:, 1])
    return found, jnp.concatenate([by_y, by_j[:, None], by_extra], axis=1)


def _tangent(unknown, nodes, rows, alpha, mesh, numbers, structure) -> Tangent:
    """The linearised stage at the unknowns, from what :func:`_of_nodes` and :func:`_rows` give there."""
    y, j, extra = _split(unknown, mesh)
    values, by_outer, by_inner = nodes
    pace = _pace(alpha, numbers)
    out, into = _fluxes(by_outer, j, mesh), _fluxes(by_inner, j, mesh)
    half = mesh["step"].size
    left = jnp.concatenate([out[:half], into[half:]])
    right = jnp.concatenate([into[:half], out[half:]])
    per_j = -_line(values.blocked)
    slope = composition(y, structure.closure, numbers["concentration"]).slope
    low, mid, up = mesh["mass"]
    lower = low[1:] * slope[:-1] + pace * left
    middle = mid * slope - pace * (jnp.pad(left, (0, 1)) - jnp.pad(right, (1, 0)))
    upper = up[:-1] * slope[1:] - pace * right
    column = -pace * jnp.diff(jnp.pad(per_j, 1))
    inside = lower[:-1], middle[1:-1], upper[1:]
    given = jnp.zeros((y.size - 2, 3))
    given = given.at[0, 0].set(-lower[0]).at[-1, 1].set(-upper[-1]).at[:, 2].set(-column[1:-1])
    columns = jnp.zeros((unknown.size, 3 + extra.size)).at[0, 0].set(1.0).at[y.size - 1, 1].set(1.0)
    columns = columns.at[1 : y.size - 1, :3].set(_swept(*inside, given))
    columns = columns.at[y.size :, 2:].set(jnp.eye(1 + extra.size))
    first = middle[0] * columns[0] + upper[0] * columns[1] + column[0] * columns[y.size]
    last = middle[-1] * columns[y.size - 1] + lower[-1] * columns[y.size - 2] + column[-1] * columns[y.size]
    scale = 1.0 / (mid[0] + pace / mesh["step"][0])
    matrix = jnp.concatenate([scale * jnp.stack([first, last]), rows[: 1 + extra.size] @ columns])
    return Tangent((left, right, per_j), rows, inside, (upper[0], lower[-1]), columns, matrix, scale)


def _solve(tangent: Tangent, volumes, small):
    """The change of the unknowns with which the linearised stage answers to residuals."""
    lower, middle, upper = tangent.inside
    known = jnp.pad(_swept(lower, middle, upper, -volumes[1:-1, None])[:, 0], 1)
    direction = jnp.pad(known, (0, tangent.columns.shape[0] - known.size))
    first, last = tangent.edges
    ends = tangent.scale * jnp.stack([volumes[0] + first * known[1], volumes[-1] + last * known[-2]])
    answer = small + tangent.rows[: small.size] @ direction
    return direction - tangent.columns @ _divided(tangent.matrix, jnp.concatenate([ends, answer]))


def _divided(matrix, value):
    if value.size > 3:
        return jnp.linalg.solve(matrix, value)
    # Cramer's rule does not mind how rows and columns are scaled: over tens of decades at a depleted face.
    a, b, c = matrix.T
    planes = jnp.stack([jnp.cross(b, c), jnp.cross(c, a), jnp.cross(a, b)])
    return planes @ value / (a @ planes[0])


def lead(mesh) -> int:
    """How many unknowns stand before the interface states: y at every node, and the current."""
    return 2 * mesh["step"].size + 2


def prepared(alpha, mesh, numbers):
    """What both stages of a step share: their coefficient."""
    return alpha


def _stage(unknown, base, extra_base, alpha, time, control, mesh, numbers, structure):
    """Residuals of a stage, the gain of its volumes, what is measured of it, and the linearised stage."""
    y, j, extra = _split(unknown, mesh)
    nodes = _of_nodes(unknown, mesh, numbers, structure)
    found, rows = _rows(unknown, nodes, alpha, time, control, mesh, numbers, structure)
    gain = jnp.diff(jnp.pad(_fluxes(nodes[0], j, mesh), 1)) * _pace(alpha, numbers)
    small = found[: 1 + extra.size] - jnp.pad(extra_base, (1, 0))
    volumes = _amounts(y, mesh, numbers, structure) - base - gain
    tangent = _tangent(unknown, nodes, rows, alpha, mesh, numbers, structure)
    return (volumes, small, gain, found[1 + extra.size :]), tangent


def _answered(values, tangent: Tangent, alpha, mesh, numbers):
    """The change of the unknowns, and with it what the volumes gain and what is measured."""
    volumes, small, gain, measured = values
    change = _solve(tangent, volumes, small)
    left, right, per_j = tangent.flux
    size = volumes.size
    flux = left * change[: size - 1] + right * change[1:size] + per_j * change[size]
    gain = gain + _pace(alpha, numbers) * jnp.diff(jnp.pad(flux, 1))
    return change, gain, measured + tangent.rows[small.size :] @ change


def _newton(structure):
    """Newton for one make of cell; its derivative is that of the implicit function."""

    stage: Any = functools.partial(_stage, structure=structure)

    @jax.custom_jvp
    def newton(guess, iterations, *start: Any) -> Any:
        alpha, mesh, numbers = start[2], start[5], start[6]
        nodes = 2 * mesh["step"].size + 1

        def improved(carry):
            unknown, count = carry[0], carry[-1]
            values, tangent = stage(unknown, *start)
            change, gain, measured = _answered(values, tangent, alpha, mesh, numbers)
            response = _pace(alpha, numbers) / mesh["step"][0]
            moved = share_of_current(change[nodes], unknown[nodes], response)
            size = jnp.maximum(moved, jnp.max(jnp.abs(change) / (1.0 + jnp.abs(unknown))))
            change = change * jnp.minimum(1.0, 4.0 / jnp.max(jnp.abs(change[:nodes])))
            return unknown + change, gain, measured, tangent, size, count + 1

        shapes = jax.eval_shape(improved, (guess, 0))
        empty = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes[1:4])
        return jax.lax.while_loop(
            lambda carry: (carry[4] > _CONVERGED) & (carry[5] < iterations), improved, (guess, *empty, jnp.inf, 0)
        )[:5]

    @newton.defjvp
    def derivative(primals, tangents):
        result = newton(*primals)
        unknown, _, _, tangent, size = result
        start: Any = primals[2:]
        moves = tangents[2:]
        _, made = jax.jvp(lambda *at: stage(unknown, *at)[0], start, moves)
        change, gain, measured = _answered(made, tangent, start[2], start[5], start[6])
        still = jax.tree.map(jnp.zeros_like, (tangent, size))
        return result, (change, gain, measured, *still)

    return newton


def solved(base, extra_base, response, guess, time, iterations, control, mesh, numbers, structure) -> Stage:
    """Solve one implicit stage x = base + α ẋ; ``base`` is what the volumes hold."""
    start = base, extra_base, response, time, control, mesh, numbers
    found: Any = _newton(structure)(jax.lax.stop_gradient(guess), 2.0 * iterations, *start)
    unknown, gain, (current, whole, working, *margins), tangent, size = found
    y, j, _ = _split(unknown, mesh)
    there = composition(y, structure.closure, numbers["concentration"])
    good = (size < _CONVERGED) & jnp.isfinite(whole) & jnp.isfinite(current)
    if structure.reference_node is None:
        working = jnp.nan * whole
    return Stage(
        base + gain, unknown, there.logarithm[_FACES], there.carriers, j * _unit(numbers), current, whole, working,
        jnp.array(margins), tangent, good,
    )  # fmt: skip


def moved(end, shift, extra_shift, extra_rate, response, time, control, mesh, numbers, structure):
    """What small shifts of the states make of the interface states (weighted), of the current and of the voltage."""
    change = _solve(end.tangent, -shift, jnp.concatenate([jnp.zeros(1), -extra_shift]))
    by_current, by_voltage, *_ = end.tangent.rows[1 + extra_shift.size :] @ change
    extra, states = change[lead(mesh) :], end.unknown[lead(mesh) :]
    return jnp.max(jnp.abs(extra) / (1.0 + jnp.abs(states)), initial=0.0), by_current, by_voltage
