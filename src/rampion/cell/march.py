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
    charge: Any
    largest: Any
    """The largest current density so far [A/m²]."""
    margin: Any
    """How far the nearest stop is; positive."""


class Rows(NamedTuple):
    """What is kept of every accepted step."""

    time: Any
    phi: Any
    ionic: Any
    current: Any
    potential: Any
    working: Any
    charge: Any
    extra: Any
    nodes: Any
    margins: Any


class Outcome(NamedTuple):
    """The rows of a segment, how many of them are filled, why it ended, the state and the next step."""

    rows: Rows
    count: Any
    code: Any
    state: State
    step: Any


class _Stage(NamedTuple):
    modes: Any
    extra: Any
    unknown: Any
    ionic: Any
    current: Any
    potential: Any
    working: Any
    nodes: Any
    margins: Any
    good: Any


def extra_names(structure: Structure) -> tuple[str, ...]:
    """Names of the interface states, in their order."""
    names = ["working_overpotential", "counter_overpotential"] if structure.capacitance else []
    for kind in structure.terms:
        names += [f"{kind[0].__name__.lower()}_{state}" for state in getattr(kind[0], "STATES", ())]
    return tuple(names)


def _circuit(nodes, phi, ionic, extra, time, pressed, mesh, numbers, structure):
    """Total current, voltages, rates of the interface states and margins, from the electrolyte's state."""
    excess = (extra[0], extra[1]) if structure.capacitance else None
    whole, working = voltages(nodes, phi, ionic, excess, mesh, numbers, structure)
    concentration = numbers["concentration"]
    near = concentration * 2.0 * jax.nn.sigmoid(-phi)
    far = concentration * 2.0 * jax.nn.sigmoid(phi)
    rates, margins = [], []
    if structure.capacitance:
        scale = 1.0 / (numbers["interface_capacitance"] * numbers["thermal_voltage"])
        exchange = 2.0 / numbers["inverse_exchange"]
        rates.append(scale * (ionic - exchange * jnp.sqrt(near / concentration) * jnp.sinh(0.5 * extra[0])))
        rates.append(scale * (ionic - exchange * jnp.sqrt(far / concentration) * jnp.sinh(0.5 * extra[1])))
    here = Conditions(time, ionic, whole, near, far, pressed, numbers)
    terms, at = [], len(rates)
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
    current = ionic
    for term, state in terms:
        if hasattr(term, "parallel_current"):
            current = current + term.parallel_current(state, here)
    for term, state in terms:
        if state:
            rates.extend(term.rates(state, here))
        if hasattr(term, "margins"):
            margins.extend(term.margins(state, here))
    leads = current * numbers["series_resistance"]
    rates = jnp.stack([jnp.asarray(rate, float) for rate in rates]) if rates else jnp.zeros(0)
    margins = jnp.stack([jnp.asarray(margin, float) for margin in margins]) if margins else jnp.zeros(0)
    return current, whole + leads, working + 0.5 * leads, rates, margins


def _stage(base, extra_base, alpha, guess, time, control, mesh, numbers, structure, iterations):
    """Solve one implicit stage x = base + α ẋ for φ and the interface states, by Newton on that small system."""
    pace = numbers["diffusivity"] / numbers["thickness"] ** 2
    limit = numbers["limiting_current"]
    damping = 1.0 / (1.0 + alpha * pace * mesh["rates"])
    fed = damping * (alpha * pace * 2.0) * mesh["source"]
    bare_nodes, per_j = mesh["shapes"] @ (damping * base), mesh["shapes"] @ fed
    target = control.value + control.slope * (time - control.start)
    scale = 1.0 / numbers["thermal_voltage"]

    def residual(unknown, bare_nodes, extra_base):
        phi, extra = unknown[0], unknown[1:]
        j = (bare_nodes[0] + jnp.tanh(0.5 * phi)) / per_j[0]
        ionic = j * limit
        nodes = bare_nodes - j * per_j
        current, whole, working, rates, margins = _circuit(
            nodes, phi, ionic, extra, time, control.pressed, mesh, numbers, structure
        )
        measured = jnp.where(control.against_reference > 0, working, whole) if structure.reference_node else whole
        wanted = bare_nodes[0] - per_j[0] * (target - (current - ionic)) / limit
        inside = jnp.clip(wanted, -1.0 + 1e-15, 1.0 - 1e-15)
        first = jnp.where(control.galvanostatic > 0, phi + 2.0 * jnp.arctanh(inside), (measured - target) * scale)
        value = jnp.concatenate([first[None], extra - extra_base - alpha * rates])
        possible = jnp.where(control.galvanostatic > 0, jnp.abs(wanted) < 1.0 - 1e-15, True)
        return value, (ionic, current, whole, working, nodes, margins, possible)

    def solved(unknown, bare_nodes, extra_base):
        matrix, rest = jax.jacfwd(lambda z: (residual(z, bare_nodes, extra_base)[0],) * 2, has_aux=True)(unknown)
        matrix = jax.lax.stop_gradient(matrix)
        if unknown.size == 1:
            return rest / matrix[0, 0], matrix
        return jnp.linalg.solve(matrix, rest), matrix

    def improved(_, unknown):
        change, _ = solved(unknown, bare_nodes, extra_base)
        return unknown - jnp.clip(change, -4.0, 4.0)

    # Only the last iteration carries derivatives: at the solution they are those of the implicit function.
    unknown = jax.lax.stop_gradient(guess)
    if iterations > _ITERATIONS:
        unknown = jax.lax.fori_loop(0, iterations - 1, improved, unknown)
    else:
        for _ in range(iterations - 1):
            unknown = improved(None, unknown)
    unknown = jax.lax.stop_gradient(unknown)
    change, _ = solved(unknown, bare_nodes, extra_base)
    unknown = unknown - jnp.clip(change, -4.0, 4.0)
    size = jnp.max(jnp.abs(change) / (1.0 + jnp.abs(unknown)))
    _, (ionic, current, whole, working, nodes, margins, possible) = residual(unknown, bare_nodes, extra_base)
    modes = damping * base - (ionic / limit) * fed
    inner = nodes[1:]
    good = (size < 1e-4) & possible & jnp.all(jnp.abs(inner) < 1.0) & jnp.isfinite(whole) & jnp.isfinite(current)
    good = good & jnp.all(jnp.isfinite(unknown))
    stage = _Stage(modes, unknown[1:], unknown, ionic, current, whole, working, nodes, margins, good)

    def carried(error, extra_error):
        """What an error of the states at the end of the step makes of current, unknowns."""
        shift = mesh["shapes"] @ (damping * error)

        def along(epsilon):
            value, rest = residual(unknown, bare_nodes + epsilon * shift, extra_base + epsilon * extra_error)
            return value, rest[1]

        (_, _), (moved, moved_current) = jax.jvp(along, (0.0,), (1.0,))
        matrix = jax.jacfwd(lambda z: residual(z, bare_nodes, extra_base)[0])(unknown)
        answer = -(moved / matrix[0, 0]) if unknown.size == 1 else -jnp.linalg.solve(matrix, moved)
        by_unknown = jax.jvp(
            lambda z: residual(z, bare_nodes, extra_base)[1][1], (unknown,), (answer,)
        )[1]
        return moved_current + by_unknown, answer

    return stage, carried


@functools.partial(jax.jit, static_argnames=("structure", "capacity", "keep_nodes"))
def run_segment(state, step, control, numbers, mesh, limits, fresh, *, structure, capacity, keep_nodes):
    """March to the end of the segment, to a stop, to a failure, or until ``capacity`` steps are kept.

    ``limits`` are the tolerance and the smallest and largest step. ``fresh`` is 1 at the start of a segment: one
    backward Euler step of size ``step`` then takes the jump of the control. Returns an :class:`Outcome`.
    """
    tolerance, smallest, largest_step = limits
    limit = numbers["limiting_current"]
    kept = mesh["shapes"].shape[0] if keep_nodes else 0
    stopping = [
        bool(getattr(kind[0], "STOPS", False)) for kind in structure.terms for _ in getattr(kind[0], "EVENTS", ())
    ]

    def ask(base, extra_base, alpha, guess, time, iterations=_ITERATIONS):
        return _stage(base, extra_base, alpha, guess, time, control, mesh, numbers, structure, iterations)

    def fill(stage, time, charge):
        return Rows(
            time, stage.unknown[0], stage.ionic, stage.current, stage.potential, stage.working, charge,
            stage.unknown[1:], stage.nodes[:kept], stage.margins,
        )  # fmt: skip

    def stops(stage, charge, largest):
        """The smallest margin to a stop and its code."""
        at_event = jnp.where(jnp.array(stopping), stage.margins, jnp.inf).min() if any(stopping) else jnp.inf
        drop = stage.current / jnp.maximum(largest, 1e-300) - 1.0 + control.drop
        low, high = stage.potential - control.lowest_potential, control.highest_potential - stage.potential
        margins = jnp.stack([
            drop, jnp.minimum(low, high), 1.0 - jnp.abs(charge) / control.charge,
            1.0 - jnp.abs(stage.current) / control.largest_current, jnp.asarray(at_event, float),
        ])  # fmt: skip
        which = jnp.argmin(margins)
        return margins[which], DROPPED + which

    def choose(yes, new, old):
        return jax.tree.map(lambda a, b: jnp.where(yes, a, b), new, old)

    # One backward Euler step takes the jump of the control; it is so short that it costs no accuracy.
    first, _ = ask(state.modes, state.unknown[1:], step, state.unknown, state.time + step, _START_ITERATIONS)
    charge = state.charge + step * first.current
    largest = jnp.maximum(state.largest, first.current)
    margin, why = stops(first, charge, largest)
    rates = (first.modes - state.modes) / step, (first.unknown[1:] - state.unknown[1:]) / step
    begun = State(
        state.time + step, first.modes, *rates, first.unknown, jnp.zeros_like(first.unknown), first.current, charge,
        largest, margin,
    )  # fmt: skip
    opening = jnp.where(first.good, jnp.where(margin < 0.0, why, RUNNING), FAILED)
    first_row = fill(first, state.time + step, charge)
    rows = jax.tree.map(lambda leaf: jnp.zeros((capacity, *leaf.shape)).at[0].set(leaf), jax.tree.map(jnp.asarray, first_row))
    start = choose((fresh > 0) & first.good, begun, state)
    count = jnp.asarray(jnp.where((fresh > 0) & first.good, 1, 0))
    code = jnp.asarray(jnp.where(fresh > 0, opening, RUNNING))

    def advance(carry):
        now, dt, rows, count, _ = carry
        remaining = control.end - now.time
        dt = jnp.minimum(jnp.minimum(dt, largest_step), remaining)
        dt = jax.lax.stop_gradient(jnp.where((remaining > dt) & (remaining < 2.0 * dt), 0.5 * remaining, dt))
        alpha = 0.5 * GAMMA * dt
        x, s, z = now.modes, now.unknown[1:], now.unknown
        base, extra_base = x + alpha * now.rate, s + alpha * now.extra_rate
        mid, _ = ask(base, extra_base, alpha, z + now.trend * (GAMMA * dt), now.time + GAMMA * dt)
        mid_rate, mid_extra_rate = (mid.modes - base) / alpha, (mid.unknown[1:] - extra_base) / alpha
        mid_charge = now.charge + alpha * (now.current + mid.current)
        one, other = 1.0 / (GAMMA * (2.0 - GAMMA)), (1.0 - GAMMA) ** 2 / (GAMMA * (2.0 - GAMMA))
        base, extra_base = one * mid.modes - other * x, one * mid.unknown[1:] - other * s
        end, carried = ask(base, extra_base, alpha, z + (mid.unknown - z) / GAMMA, now.time + dt)
        rate, extra_rate = (end.modes - base) / alpha, (end.unknown[1:] - extra_base) / alpha
        charge = one * mid_charge - other * now.charge + alpha * end.current

        def local(a, b, c):
            return _ERROR * dt * (a / GAMMA - b / (GAMMA * (1.0 - GAMMA)) + c / (1.0 - GAMMA))

        moved = carried(local(now.rate, mid_rate, rate), local(now.extra_rate, mid_extra_rate, extra_rate))
        moved_current, moved_unknown = jax.lax.stop_gradient(moved)
        by_current = jnp.abs(moved_current) / (jnp.abs(end.current) + 1e-2 * limit)
        error = jnp.maximum(by_current, jnp.max(jnp.abs(moved_unknown) / (1.0 + jnp.abs(end.unknown)))) / tolerance
        solved = mid.good & end.good & jnp.isfinite(error)
        fine = solved & (error <= 1.0)
        factor = jnp.clip(0.9 * (jnp.where(solved, error, 1.0) + 1e-30) ** (-1.0 / 3.0), 0.2, 4.0)
        factor = jnp.where(solved, factor, 0.25)
        # A stop is landed on by a secant in the step, from its last safe side.
        largest = jnp.maximum(now.largest, end.current)
        margin, why = stops(end, charge, largest)
        beyond = fine & (margin < 0.0)
        too_far = beyond & (margin < -1e-6) & (dt > smallest)
        secant = now.margin / jnp.maximum(now.margin - margin, 1e-300)
        factor = jnp.where(too_far, jnp.clip(secant, 0.02, 0.98), factor)
        accepted = fine & ~too_far
        arrived = jnp.where(dt >= remaining, control.end, now.time + dt)
        rows = jax.tree.map(lambda store, leaf: store.at[count].set(leaf), rows, fill(end, arrived, charge))
        count = count + accepted
        trend = jax.lax.stop_gradient((end.unknown - mid.unknown) / ((1.0 - GAMMA) * dt))
        then = State(
            arrived, end.modes, rate, extra_rate, end.unknown, trend, end.current, charge, largest, margin
        )
        ended = jnp.where(count >= capacity, FULL, RUNNING)
        ended = jnp.where(arrived >= control.end, DONE, ended)
        ended = jnp.where(beyond, why, ended)
        code = jnp.where(accepted, ended, jnp.where(dt * factor < smallest, FAILED, RUNNING))
        return choose(accepted, then, now), dt * factor, rows, count, code

    final, step, rows, count, code = jax.lax.while_loop(
        lambda carry: carry[4] == RUNNING, advance, (start, jnp.asarray(step, float), rows, count, code)
    )
    return Outcome(rows, count, code, final, step)
