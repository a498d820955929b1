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

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from rampion.cell import backend
from rampion.cell.electrolyte import voltages
from rampion.cell.terms import Conditions, rebuilt

GAMMA = 2.0 - math.sqrt(2.0)
_ERROR = 2.0 * (-3.0 * GAMMA**2 + 4.0 * GAMMA - 2.0) / (12.0 * (2.0 - GAMMA))
_ITERATIONS = 3
_START_ITERATIONS = 12

RUNNING, DONE, FULL, FAILED, DROPPED, REACHED_POTENTIAL, REACHED_CHARGE, REACHED_CURRENT, EVENT = range(9)


class Structure(NamedTuple):
    """What the compiled program depends on besides numbers; hashable."""

    conduction: str
    closure: Any
    kinetics: bool
    capacitance: bool
    reference_node: int | None
    reference_near: bool
    terms: tuple


class Control(NamedTuple):
    """One segment: a straight line of the controlled quantity, and when to stop early."""

    start: Any
    """Time at which the segment begins [s]."""
    end: Any
    value: Any
    """Cell voltage [V] or current density [A/m²] at the start of the segment."""
    slope: Any
    galvanostatic: Any
    """1 when the current is controlled, 0 when the voltage is."""
    against_reference: Any
    """1 when the controlled voltage is the working electrode against the reference."""
    pressed: Any
    amplitude: Any
    """Of a sine on top of the straight line, in its unit; 0 for none."""
    frequency: Any
    drop: Any
    """Stop when the current density has fallen by this fraction below its largest; infinite: never."""
    lowest_potential: Any
    highest_potential: Any
    charge: Any
    largest_current: Any


class State(NamedTuple):
    """Where the march stands; ``unknown`` is φ = ln[c(L)/c(0)] followed by the interface states."""

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


ROWS = ("time", "phi", "ionic", "current", "potential", "working", "charge")
"""The first columns of what is kept of an accepted step; interface states, margins and nodes follow."""


class Outcome(NamedTuple):
    """The rows of a segment, how many of them are filled, why it ended, the state and the next step."""

    rows: Any
    count: Any
    code: Any
    state: State
    step: Any


class _Stage(NamedTuple):
    modes: Any
    unknown: Any
    nodes: Any
    ionic: Any
    current: Any
    potential: Any
    working: Any
    margins: Any
    matrix: Any
    good: Any


def extra_names(structure: Structure) -> tuple[str, ...]:
    """Names of the interface states, in their order."""
    names = ["working_overpotential", "counter_overpotential"] if structure.capacitance else []
    for kind in structure.terms:
        names += [f"{kind[0].__name__.lower()}_{state}" for state in getattr(kind[0], "STATES", ())]
    return tuple(names)


def _events(kind: tuple) -> tuple:
    return getattr(kind[0], "EVENTS", ())


def interface(electrolyte, working, ionic, near, far, extra, time, pressed, numbers, structure):
    """What the terms add to the electrolyte: (cell current, cell and working voltages, rates, margins).

    ``extra`` holds the states of the terms alone.
    """
    here = Conditions(time, ionic, electrolyte, near, far, pressed, numbers)
    terms, at, whole = [], 0, electrolyte
    for kind, values in zip(structure.terms, numbers["terms"], strict=True):
        term = rebuilt(kind, values)
        count = len(getattr(term, "STATES", ()))
        terms.append((term, tuple(extra[at + k] for k in range(count))))
        at += count
    for term, state in terms:
        if hasattr(term, "overpotential"):
            added = term.overpotential(state, here)
            whole = whole + added
            working = working + (added if getattr(term, "PLACE", "counter") == "working" else 0.0)
    here = here._replace(potential=whole)
    current, rates, margins = ionic, [], []
    for term, state in terms:
        if hasattr(term, "parallel_current"):
            current = current + term.parallel_current(state, here)
    for term, state in terms:
        if state:
            rates.extend(term.rates(state, here))
        if hasattr(term, "margins"):
            margins.extend(term.margins(state, here))
    leads = current * numbers["series_resistance"]
    return current, whole + leads, working + 0.5 * leads, _stacked(rates), _stacked(margins)


def _stacked(values):
    return jnp.stack([jnp.asarray(value, float) for value in values]) if values else jnp.zeros(0)


def _circuit(nodes, bends, phi, ionic, extra, time, pressed, mesh, numbers, structure):
    """Total current, voltages, rates of the interface states and margins, from the electrolyte's state."""
    excess = (extra[0], extra[1]) if structure.capacitance else None
    whole, working = voltages(nodes, bends, phi, ionic, excess, mesh, numbers, structure)
    concentration = numbers["concentration"]
    near = concentration * 2.0 * jax.nn.sigmoid(-phi)
    far = concentration * 2.0 * jax.nn.sigmoid(phi)
    charging = []
    if structure.capacitance:
        scale = 1.0 / (numbers["interface_capacitance"] * numbers["thermal_voltage"])
        exchange = 2.0 / numbers["inverse_exchange"]
        charging.append(scale * (ionic - exchange * jnp.sqrt(near / concentration) * jnp.sinh(0.5 * extra[0])))
        charging.append(scale * (ionic - exchange * jnp.sqrt(far / concentration) * jnp.sinh(0.5 * extra[1])))
    current, whole, working, rates, margins = interface(
        whole, working, ionic, near, far, extra[len(charging) :], time, pressed, numbers, structure
    )
    return current, whole, working, jnp.concatenate([_stacked(charging), rates]), margins


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
        current, whole, working, rates, margins = _circuit(
            nodes, bends, phi, ionic, extra, time, control.pressed, mesh, numbers, structure
        )
        elapsed = time - control.start
        target = control.value + control.slope * elapsed
        target = target + control.amplitude * jnp.sin(2.0 * jnp.pi * control.frequency * elapsed)
        measured = whole
        if structure.reference_node is not None:
            measured = jnp.where(control.against_reference > 0, working, whole)
        wanted = bare[0] - per_j[0] * (target - (current - ionic)) / limit
        inside = jnp.clip(wanted, -1.0 + 1e-15, 1.0 - 1e-15)
        by_current = phi + 2.0 * jnp.arctanh(inside)
        first = jnp.where(control.galvanostatic > 0, by_current, (measured - target) * scale)
        value = jnp.concatenate([first[None], extra - extra_base - alpha * rates]) if extra.size else first[None]
        possible = (control.galvanostatic == 0) | (jnp.abs(wanted) < 1.0 - 1e-15)
        return value, (current, whole, working, margins, possible)

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


def _nodes(mesh, modes):
    """u at the nodes (n+1,) and u_ξξ of the intervals (n,) from the amplitudes of the modes."""
    both = mesh["shapes"] @ modes
    size = modes.size
    return both[: size + 1], both[size + 1 :]


def _divided(matrix, value):
    return value / matrix[0, 0] if value.size == 1 else jnp.linalg.solve(matrix, value)


def _stage(base, extra_base, response, guess, time, iterations, problem, mesh, numbers):
    """Solve one implicit stage x = base + α ẋ for φ and the interface states, by Newton on that small system."""
    alpha, damping, fed, fed_nodes = response
    limit = numbers["limiting_current"]
    bare, bare_bends = _nodes(mesh, damping * base)
    _, linearised = problem
    start = (bare, bare_bends, fed_nodes, extra_base, alpha, time)
    frozen = jax.lax.stop_gradient(start)

    def improved(_, unknown):
        value, matrix, *_ = linearised(unknown, *frozen)
        return unknown - jnp.clip(_divided(matrix, value), -4.0, 4.0)

    # Only the last iteration carries derivatives: at the solution they are those of the implicit function.
    unknown = jax.lax.stop_gradient(jax.lax.fori_loop(0, iterations - 1, improved, jax.lax.stop_gradient(guess)))
    value, matrix, measured, by_unknown, possible = linearised(unknown, *start)
    matrix = jax.lax.stop_gradient(matrix)
    change = _divided(matrix, value)
    current, whole, working, margins = jax.tree.map(lambda at, slope: at - slope @ change, measured, by_unknown)
    unknown = unknown - change
    j = (bare[0] + jnp.tanh(0.5 * unknown[0])) / fed_nodes[0][0]
    nodes = bare - j * fed_nodes[0]
    good = (jnp.max(jnp.abs(change) / (1.0 + jnp.abs(unknown))) < 1e-4) & possible
    good = good & (jnp.max(jnp.abs(nodes[1:])) < 1.0) & jnp.isfinite(whole) & jnp.isfinite(current)
    return _Stage(damping * base - j * fed, unknown, nodes, j * limit, current, whole, working, margins, matrix, good)


def unpacked(rows, structure):
    """The columns of the kept rows by name, with ``extra``, ``margins`` and ``nodes`` as two-dimensional arrays."""
    states = len(extra_names(structure))
    events = sum(len(_events(kind)) for kind in structure.terms)
    at = len(ROWS)
    named = {name: rows[:, k] for k, name in enumerate(ROWS)}
    return named | {
        "extra": rows[:, at : at + states],
        "margins": rows[:, at + states : at + states + events],
        "nodes": rows[:, at + states + events :],
    }


def march_segment(state, step, control, numbers, mesh, limits, fresh, *, structure, capacity, keep_nodes):
    """March to the end of the segment, to a stop, to a failure, or until ``capacity`` steps are kept.

    ``limits`` are the tolerance and the smallest and largest step. ``fresh`` is 1 at the start of a segment: two
    backward Euler stages of together ``step`` then take the jump of the control. Returns an :class:`Outcome`.
    """
    tolerance, smallest, largest_step = limits
    limit = numbers["limiting_current"]
    pace = numbers["diffusivity"] / numbers["thickness"] ** 2
    kept = mesh["step"].size if keep_nodes else 0
    stopping = [event in getattr(kind[0], "STOPS", ()) for kind in structure.terms for event in _events(kind)]
    problem = _problem(control, mesh, numbers, structure)
    residual, _ = problem

    def fill(stage, time, charge):
        first = jnp.stack([
            time, stage.unknown[0], stage.ionic, stage.current, stage.potential, stage.working, charge
        ])  # fmt: skip
        return jnp.concatenate([first, stage.unknown[1:], stage.margins, stage.nodes[:kept]])

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
        now, dt, rows, count, _, fresh = carry
        remaining = control.end - now.time
        shortest = smallest + 1e-13 * now.time
        dt = jnp.minimum(jnp.minimum(dt, largest_step), remaining)
        dt = jax.lax.stop_gradient(jnp.where((remaining > dt) & (remaining < 2.0 * dt), 0.5 * remaining, dt))
        weight = jnp.where(fresh, 0.5, 0.5 * GAMMA)
        alpha = weight * dt
        damping = 1.0 / (1.0 + alpha * pace * mesh["rates"])
        fed = damping * (alpha * pace * 2.0) * mesh["source"]
        response = alpha, damping, fed, _nodes(mesh, fed)
        one, other = 1.0 / (GAMMA * (2.0 - GAMMA)), (1.0 - GAMMA) ** 2 / (GAMMA * (2.0 - GAMMA))
        halfway = jnp.where(fresh, 0.5, GAMMA)
        coefficients = (
            jnp.stack([halfway, 1.0]),
            jnp.stack([1.0, jnp.where(fresh, 0.0, -other)]),
            jnp.stack([jnp.where(fresh, 0.0, alpha), 0.0]),
            jnp.stack([0.0, jnp.where(fresh, 1.0, one)]),
        )

        def next_stage(middle, coefficient):
            at, of_now, of_rate, of_middle = coefficient
            base = of_now * now.modes + of_rate * now.rate + of_middle * middle[0]
            extra_base = of_now * now.unknown[1:] + of_rate * now.extra_rate + of_middle * middle[1][1:]
            guess = jnp.where(of_middle > 0.0, now.unknown + (middle[1] - now.unknown) / halfway, middle[1])
            iterations = jnp.where(fresh, _START_ITERATIONS, _ITERATIONS)
            stage = _stage(base, extra_base, response, guess, now.time + at * dt, iterations, problem, mesh, numbers)
            rates = (stage.modes - base) / alpha, (stage.unknown[1:] - extra_base) / alpha
            return (stage.modes, stage.unknown), (stage, rates)

        first_guess = now.unknown + now.trend * (halfway * dt)
        _, (stages, both_rates) = jax.lax.scan(next_stage, (now.modes, first_guess), coefficients)
        mid, end = (jax.tree.map(lambda leaf, k=k: leaf[k], stages) for k in (0, 1))
        (mid_rate, rate), (mid_extra_rate, extra_rate) = both_rates
        mid_charge = now.charge + alpha * (jnp.where(fresh, 0.0, now.current) + mid.current)
        charge = jnp.where(fresh, mid_charge, one * mid_charge - other * now.charge) + alpha * end.current

        def local(a, b, c):
            return _ERROR * dt * (a / GAMMA - b / (GAMMA * (1.0 - GAMMA)) + c / (1.0 - GAMMA))

        # The local error of the states, and what it makes of the unknowns and of the current.
        shift, shift_bends = _nodes(mesh, damping * local(now.rate, mid_rate, rate))
        extra_shift = local(now.extra_rate, mid_extra_rate, extra_rate)
        bare, bare_bends = _nodes(mesh, end.modes + end.ionic / limit * fed)
        extra_base = end.unknown[1:] - alpha * extra_rate

        def along(unknown, bare, bare_bends, extra_base):
            value, (current, whole, *_) = residual(
                unknown, bare, bare_bends, response[3], extra_base, alpha, now.time + dt
            )
            return value, current, whole

        at, shifts = (bare, bare_bends, extra_base), (shift, shift_bends, extra_shift)
        _, (moved, moved_current, _) = jax.jvp(lambda *rest: along(end.unknown, *rest), at, shifts)
        moved_unknown = -_divided(end.matrix, moved)
        by_voltage = jnp.zeros(())
        if moved_unknown.size == 1:
            swing = 0.5 / jnp.cosh(0.5 * end.unknown[0]) ** 2 / response[3][0][0] * limit
            moved_current = moved_current + swing * moved_unknown[0]
        else:  # The states move current and voltage too; what the control holds does not move.
            _, (_, moved_current, moved_whole) = jax.jvp(along, (end.unknown, *at), (moved_unknown, *shifts))
            by_voltage = jnp.abs(moved_whole) / (jnp.abs(end.potential) + 0.1 * numbers["thermal_voltage"])
        by_current = jnp.abs(moved_current) / (jnp.abs(end.current) + 1e-2 * limit)
        by_unknown = jnp.max(jnp.abs(moved_unknown) / (1.0 + jnp.abs(end.unknown)))
        error = jnp.maximum(jnp.maximum(by_current, by_voltage), by_unknown) / tolerance
        error = jax.lax.stop_gradient(jnp.where(fresh, 1.0, error))
        solved = mid.good & end.good & jnp.isfinite(error)
        fine = solved & (error <= 1.0)
        factor = jnp.clip(0.9 * (jnp.where(solved, error, 1.0) + 1e-30) ** (-1.0 / 3.0), 0.2, 4.0)
        factor = jnp.where(solved, factor, 0.25)
        # A stop is landed on by a secant in the step, from its last safe side.
        largest = jnp.maximum(now.largest, jnp.abs(end.current))
        margin, why = stops(end, charge, largest)
        beyond = fine & (margin < 0.0)
        too_far = beyond & (margin < -1e-6) & (dt > 1.001 * shortest) & ~fresh
        secant = now.margin / jnp.maximum(now.margin - margin, 1e-300)
        # The shortest step may end beyond the stop: a current that diverges has no longer one that lands on it.
        factor = jnp.where(too_far, jnp.maximum(jnp.clip(secant, 0.02, 0.98), shortest / dt), factor)
        accepted = fine & ~too_far
        arrived = jnp.where(dt >= remaining, control.end, now.time + dt)
        rows = rows.at[count].set(fill(end, arrived, charge))
        count = count + accepted
        trend = jax.lax.stop_gradient((end.unknown - mid.unknown) / ((1.0 - halfway) * dt))
        trend = jnp.where(fresh, 0.0, trend)
        then = State(
            arrived, end.modes, rate, extra_rate, end.unknown, trend, end.current, end.ionic, end.potential, charge,
            largest, margin,
        )  # fmt: skip
        ended = jnp.where(count >= capacity, FULL, RUNNING)
        ended = jnp.where(arrived >= control.end, DONE, ended)
        ended = jnp.where(beyond, why, ended)
        code = jnp.where(accepted, ended, jnp.where((dt * factor < shortest) & ~too_far, FAILED, RUNNING))
        now = jax.tree.map(lambda a, b: jnp.where(accepted, a, b), then, now)
        return now, dt * factor, rows, count, code, fresh & ~accepted

    extra = len(extra_names(structure))
    events = sum(len(_events(kind)) for kind in structure.terms)
    rows = jnp.zeros((capacity, len(ROWS) + extra + events + kept))
    carry = (state, jnp.asarray(step, float), rows, jnp.asarray(0), jnp.asarray(RUNNING), jnp.asarray(fresh) > 0)
    final, step, rows, count, code, _ = jax.lax.while_loop(lambda carry: carry[4] == RUNNING, advance, carry)
    return Outcome(rows, count, code, final, step)


run_segment = jax.jit(
    march_segment,
    static_argnames=("structure", "capacity", "keep_nodes"),
    compiler_options=backend.COMPILER_OPTIONS,
)
"""The march, compiled."""
