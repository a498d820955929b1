"""March the cell through one control segment: TR-BDF2 with an error estimate, compiled once for every control.

The states (modes or nodes of the concentration, interface states) follow TR-BDF2 with γ = 2 − √2: two implicit
stages with the same coefficient α = γΔt/2, L-stable, of second order, with a third-order estimate of the local
error. The estimate is carried through the linearised stage, so that the tolerance bounds the relative error that a
step makes in the current density and in the voltage. A stage that does not converge, or leaves a concentration that
is not positive, is a rejected step; a step below the smallest is the end of the segment, told by its code.

A potential, a ramp, a current and a rest are the same compiled program with other numbers.

Source: M. E. Hosea, L. F. Shampine, Appl. Numer. Math. 20 (1996) 21–37, doi:10.1016/0168-9274(95)00115-8.
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rampion.cell import backend, electrolyte, nonlinear
from rampion.cell.circuit import events, extra_names

GAMMA = 2.0 - math.sqrt(2.0)
_ONE, _OTHER = 1.0 / (GAMMA * (2.0 - GAMMA)), (1.0 - GAMMA) ** 2 / (GAMMA * (2.0 - GAMMA))
_ERROR = 2.0 * (-3.0 * GAMMA**2 + 4.0 * GAMMA - 2.0) / (12.0 * (2.0 - GAMMA))
_ITERATIONS = 6
_START_ITERATIONS = 12
_SAFETY = 0.04
"""The local tolerance, in the user's of 1e-4, that keeps the error of J(V) below the user's in 19 of 20 cells."""

_CAPACITY = 256
_LONGEST = 400
"""Steps of one compiled run, and how many runs: a segment that needs more is told as failed."""


def local_tolerance(tolerance: float) -> float:
    """What a step may be off so that all of them keep a tolerance: errors add up over steps, of which there are the
    more the smaller it is, so that it goes with its power 3/2."""
    return _SAFETY * tolerance * math.sqrt(tolerance / 1e-4)


RUNNING, DONE, FULL, FAILED, DROPPED, REACHED_POTENTIAL, REACHED_CHARGE, REACHED_CURRENT, EVENT = range(9)


class State(NamedTuple):
    """Where the march stands; ``modes`` and ``unknown`` are the electrolyte's, the latter with the interface states."""

    time: Any
    modes: Any
    rate: Any
    extra_rate: Any
    unknown: Any
    trend: Any
    current: Any
    ionic: Any
    potential: Any
    charge: Any
    largest: Any
    """The largest size of the current density so far [A/m²]."""
    margin: Any
    """How far the nearest stop is; positive."""


ROWS = ("time", "near", "far", "ionic", "current", "potential", "working", "charge")
"""The first columns of what is kept of an accepted step, near and far as ln(c/c₀); interface states, margins and the
profile follow."""


class Kept(NamedTuple):
    """What the derivatives of accepted steps need beside the rows: their length, unknowns and modes of both stages."""

    step: Any
    unknowns: Any
    modes: Any


class Outcome(NamedTuple):
    """The rows of a segment, how many of them are filled, why it ended, the state and the next step."""

    rows: Any
    count: Any
    code: Any
    state: State
    step: Any
    kept: Any = None
    """:class:`Kept` when it is asked for: (capacity,), (capacity, 2, …), (capacity, 2, …)."""


class Rule(NamedTuple):
    """The two stages of a step: α, where the first stands in the step, and per stage where it stands and what it starts
    from: the state, its rate, the first stage."""

    alpha: Any
    halfway: Any
    coefficients: tuple[Any, Any, Any, Any]


def rule_of(dt, fresh) -> Rule:
    """TR-BDF2, or two backward Euler stages on a fresh segment."""
    alpha = jnp.where(fresh, 0.5, 0.5 * GAMMA) * dt
    halfway = jnp.where(fresh, 0.5, GAMMA)
    coefficients = (
        jnp.stack([halfway, 1.0]),
        jnp.stack([1.0, jnp.where(fresh, 0.0, -_OTHER)]),
        jnp.stack([jnp.where(fresh, 0.0, alpha), 0.0]),
        jnp.stack([0.0, jnp.where(fresh, 1.0, _ONE)]),
    )
    return Rule(alpha, halfway, coefficients)


def unpacked(rows, structure):
    """The columns of the kept rows by name, with ``extra``, ``margins`` and ``profile`` as two-dimensional arrays."""
    states = len(extra_names(structure))
    margins = sum(len(events(kind)) for kind in structure.terms)
    at = len(ROWS)
    named = {name: rows[:, k] for k, name in enumerate(ROWS)}
    return named | {
        "extra": rows[:, at : at + states],
        "margins": rows[:, at + states : at + states + margins],
        "profile": rows[:, at + states + margins :],
    }


def _columns(structure, profile: int) -> int:
    """How many numbers are kept of a step."""
    return len(ROWS) + len(extra_names(structure)) + sum(len(events(kind)) for kind in structure.terms) + profile


def march_segment(
    state, step, control, numbers, mesh, limits, fresh, *, structure, capacity, keep_nodes, keep_stages=False,
    rows=None, differentiable=False,
):  # fmt: skip
    """March to the end of the segment, to a stop, to a failure, or until ``capacity`` steps are kept.

    ``limits`` are the tolerance and the smallest and largest step. ``fresh`` is 1 at the start of a segment: two
    backward Euler stages of together ``step`` then take the jump of the control. ``keep_stages`` keeps of every step
    what its derivative needs; ``rows`` is an array to fill. ``differentiable`` lets
    JAX differentiate the march itself (with functions of the concentration it always can). Returns an :class:`Outcome`.
    """
    medium = electrolyte if structure.closure is None else nonlinear
    solve = functools.partial(medium.solved, differentiable=True) if differentiable else medium.solved
    around = control, mesh, numbers, structure
    tolerance, smallest, largest_step = limits
    limit = numbers["limiting_current"]
    lead = medium.lead(mesh)
    kept = state.modes.size if keep_nodes else 0
    stopping = [event in getattr(kind[0], "STOPS", ()) for kind in structure.terms for event in events(kind)]

    def fill(stage, time, charge):
        first = jnp.stack([
            time, *stage.faces, stage.ionic, stage.current, stage.potential, stage.working, charge
        ])  # fmt: skip
        return jnp.concatenate([first, stage.unknown[lead:], stage.margins, stage.profile[:kept]])

    def stops(stage, charge, largest):
        """The smallest margin to a stop and its code."""
        at_event = jnp.where(jnp.array(stopping), stage.margins, jnp.inf).min() if any(stopping) else jnp.inf
        drop = jnp.abs(stage.current) / jnp.maximum(largest, 1e-300) - 1.0 + control.drop
        low, high = stage.potential - control.lowest_potential, control.highest_potential - stage.potential
        margins = jnp.stack([
            drop, jnp.minimum(low, high), 1.0 - jnp.abs(charge) / control.charge,
            1.0 - jnp.abs(stage.current) / control.largest_current, jnp.asarray(at_event, float),
        ])  # fmt: skip
        which = jnp.argmin(margins)
        return margins[which], DROPPED + which

    def advance(carry):
        now, dt, rows, count, _, fresh, steps = carry
        remaining = control.end - now.time
        shortest = smallest + 1e-13 * now.time
        dt = jnp.minimum(jnp.minimum(dt, largest_step), remaining)
        dt = jax.lax.stop_gradient(jnp.where((remaining > dt) & (remaining < 2.0 * dt), 0.5 * remaining, dt))
        alpha, halfway, coefficients = rule_of(dt, fresh)
        response = medium.prepared(alpha, mesh, numbers)

        def next_stage(middle, coefficient):
            at, of_now, of_rate, of_middle = coefficient
            base = of_now * now.modes + of_rate * now.rate + of_middle * middle[0]
            extra_base = of_now * now.unknown[lead:] + of_rate * now.extra_rate + of_middle * middle[1][lead:]
            guess = jnp.where(of_middle > 0.0, now.unknown + (middle[1] - now.unknown) / halfway, middle[1])
            iterations = jnp.where(fresh, _START_ITERATIONS, _ITERATIONS)
            stage = solve(base, extra_base, response, guess, now.time + at * dt, iterations, *around)
            rates = (stage.modes - base) / alpha, (stage.unknown[lead:] - extra_base) / alpha
            return (stage.modes, stage.unknown), (stage, rates)

        first_guess = now.unknown + now.trend * (halfway * dt)
        _, (stages, both_rates) = jax.lax.scan(next_stage, (now.modes, first_guess), coefficients)
        mid, end = (jax.tree.map(lambda leaf, k=k: leaf[k], stages) for k in (0, 1))
        (mid_rate, rate), (mid_extra_rate, extra_rate) = both_rates
        mid_charge = now.charge + alpha * (jnp.where(fresh, 0.0, now.current) + mid.current)
        charge = jnp.where(fresh, mid_charge, _ONE * mid_charge - _OTHER * now.charge) + alpha * end.current

        def local(a, b, c):
            return _ERROR * dt * (a / GAMMA - b / (GAMMA * (1.0 - GAMMA)) + c / (1.0 - GAMMA))

        # The local error of the states, and what it makes of the unknowns and of the current.
        shift, extra_shift = local(now.rate, mid_rate, rate), local(now.extra_rate, mid_extra_rate, extra_rate)
        by_state, moved_current, moved_whole = medium.moved(
            end, shift, extra_shift, extra_rate, response, now.time + dt, *around
        )
        by_voltage = jnp.abs(moved_whole) / (jnp.abs(end.potential) + 0.1 * numbers["thermal_voltage"])
        so_far = jnp.maximum(now.largest, jnp.abs(end.current))
        by_current = jnp.abs(moved_current) / (jnp.abs(end.current) + 1e-2 * jnp.minimum(limit, so_far) + 1e-6 * limit)
        error = jnp.maximum(jnp.maximum(by_current, by_voltage), by_state) / tolerance
        error = jax.lax.stop_gradient(jnp.where(fresh, 1.0, error))
        solved = mid.good & end.good & jnp.isfinite(error)
        fine = solved & (error <= 1.0)
        factor = jnp.clip(0.9 * (jnp.where(solved, error, 1.0) + 1e-30) ** (-1.0 / 3.0), 0.2, 4.0)
        factor = jnp.where(solved, factor, 0.25)
        # A stop is landed on by a secant in the step, from its last safe side.
        margin, why = stops(end, charge, so_far)
        beyond = fine & (margin < 0.0)
        too_far = beyond & (margin < -1e-6) & (dt > 1.001 * shortest) & ~fresh
        secant = now.margin / jnp.maximum(now.margin - margin, 1e-300)
        # The shortest step may end beyond the stop: a current that diverges has no longer one that lands on it.
        factor = jnp.where(too_far, jnp.maximum(jnp.clip(secant, 0.02, 0.98), shortest / dt), factor)
        accepted = fine & ~too_far
        arrived = jnp.where(dt >= remaining, control.end, now.time + dt)
        rows = rows.at[count].set(fill(end, arrived, charge))
        if keep_stages:
            both = Kept(dt, stages.unknown, stages.modes)
            steps = jax.tree.map(lambda all_of, leaf: all_of.at[count].set(leaf), steps, both)
        count = count + accepted
        trend = jax.lax.stop_gradient((end.unknown - mid.unknown) / ((1.0 - halfway) * dt))
        trend = jnp.where(fresh, 0.0, trend)
        then = State(
            arrived, end.modes, rate, extra_rate, end.unknown, trend, end.current, end.ionic, end.potential, charge,
            so_far, margin,
        )  # fmt: skip
        ended = jnp.where(count >= capacity, FULL, RUNNING)
        ended = jnp.where(arrived >= control.end, DONE, ended)
        ended = jnp.where(beyond, why, ended)
        code = jnp.where(accepted, ended, jnp.where((dt * factor < shortest) & ~too_far, FAILED, RUNNING))
        now = jax.tree.map(lambda a, b: jnp.where(accepted, a, b), then, now)
        return now, dt * factor, rows, count, code, fresh & ~accepted, steps

    rows = jnp.zeros((capacity, _columns(structure, kept))) if rows is None else rows
    steps = None
    if keep_stages:
        sizes = ((), (2, state.unknown.size), (2, state.modes.size))
        steps = Kept(*(jnp.zeros((capacity, *size)) for size in sizes))
    carry = (state, jnp.asarray(step, float), rows, jnp.asarray(0), jnp.asarray(RUNNING), jnp.asarray(fresh) > 0, steps)
    final, step, rows, count, code, _, steps = jax.lax.while_loop(lambda carry: carry[4] == RUNNING, advance, carry)
    return Outcome(rows, count, code, final, step, steps)


@functools.partial(jax.jit, static_argnames=("shapes", "tree", "structure"), compiler_options=backend.COMPILER_OPTIONS)
def _run(packed, mesh, runs, *, shapes, tree, structure):
    """The march, compiled: one array in, the same moved on, the rows, their count and the code.

    All of it stands inside a loop of ``runs`` = 1: that makes one kernel of the whole program, where a hundred small
    operations around the march would take as long as forty of its steps.
    """
    ends = np.cumsum([math.prod(shape) for shape in shapes])

    def once(carry):
        packed, rows, _, left = carry
        parts = jnp.split(packed, ends)
        state = State._make(part.reshape(shape) for part, shape in zip(parts, shapes, strict=False))
        step, fresh, *others = parts[-1]
        control, numbers, limits = jax.tree.unflatten(tree, others)
        outcome = march_segment(
            state, step, control, numbers, mesh, limits, fresh,
            structure=structure, capacity=_CAPACITY, keep_nodes=True, rows=rows,
        )  # fmt: skip
        leaves = *outcome.state, outcome.step, 0.0, *others
        packed = jnp.concatenate([jnp.ravel(jnp.asarray(leaf, float)) for leaf in leaves])
        return packed, outcome.rows, jnp.stack([outcome.count, outcome.code]), left - 1

    rows = jnp.zeros((_CAPACITY, _columns(structure, math.prod(shapes[State._fields.index("modes")]))))
    return jax.lax.while_loop(lambda carry: carry[3] > 0, once, (packed, rows, jnp.zeros(2, int), runs))[:3]


def run_segment(state, step, control, numbers, mesh, limits, structure):
    """March one segment to its end, in as many compiled runs as its steps need: (state, rows by name, code)."""
    others, tree = jax.tree.flatten((control, numbers, limits))
    shapes = tuple(np.shape(leaf) for leaf in state)
    ends = np.cumsum([math.prod(shape) for shape in shapes])
    packed = np.concatenate([*(np.ravel(leaf) for leaf in state), np.array([step, 1.0, *others], dtype=float)])
    kept: list[np.ndarray] = []
    code = FULL
    while code == FULL and len(kept) < _LONGEST:
        packed, rows, ending = _run(packed, mesh, 1, shapes=shapes, tree=tree, structure=structure)
        count, code = np.asarray(ending).tolist()
        kept.append(np.asarray(rows)[:count])
    parts = np.split(np.asarray(packed), ends)
    state = State._make(part.reshape(shape) for part, shape in zip(parts, shapes, strict=False))
    return state, unpacked(np.concatenate(kept), structure), FAILED if code == FULL else code
