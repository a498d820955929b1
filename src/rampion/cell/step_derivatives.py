"""Derivatives of a march by the cell's numbers: its accepted steps once more, linearised, without iterations.

With the step sizes held and every stage solved, R(z, b, p) = 0 with the unknowns z, what the stage starts from b and
the parameters p, the implicit function theorem gives

    dz = −R_z⁻¹(R_b db + R_p dp),   dm = δ ∘ db + (∂δ/∂p ∘ b − j ∂f/∂p) dp − f dj

for the modes m = δ(p) ∘ b − j f(p). R_z, R_b and R_p of all stages do not wait for each other and are taken many steps
at a time; what is carried from step to step is a few products with the tangents of the modes.

Assumes: one diffusivity (:mod:`rampion.cell.electrolyte`), a march from rest that began fresh.
Fails when: a stage was left before its iteration had converged; the march does not accept such a step.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from rampion.cell import electrolyte
from rampion.cell.march import ROWS, Outcome, rule_of

_BLOCK = 16
"""Steps that are linearised together; it divides the capacity of the march."""


def current_derivatives(numbers_at, vector, outcome: Outcome, begin, control, mesh, structure):
    """∂J/∂p at the kept steps (capacity, k), held times; ``numbers_at`` gives the program's numbers for p (k,).

    ``outcome`` is that of a march from ``begin`` with ``keep_stages``. Rows beyond its count mean nothing.
    """
    size, capacity = vector.size, outcome.rows.shape[0]
    count, states = begin.modes.size, begin.unknown.size - 1
    kept = outcome.kept
    time = jnp.concatenate([jnp.zeros(1), outcome.rows[:-1, ROWS.index("time")]])
    rule = jax.vmap(rule_of)(kept.step, jnp.arange(capacity) == 0)
    alpha = rule.alpha[:, None]
    # What the march carries: amplitudes of the modes, then the interface states. What its stages started from:
    carried = jnp.concatenate([kept.modes, kept.unknowns[:, :, 1:]], axis=2)
    first = jnp.concatenate([begin.modes, begin.unknown[1:]])
    before = jnp.concatenate([first[None], carried[:-1, 1]])
    _, of_now, of_rate, of_middle = rule.coefficients
    end_base = of_now[:, 1:] * before + of_middle[:, 1:] * carried[:, 0]
    rate = (carried[:, 1] - end_base) / alpha
    rate_before = jnp.concatenate([jnp.concatenate([begin.rate, begin.extra_rate])[None], rate[:-1]])
    bases = jnp.stack([before + of_rate[:, :1] * rate_before, end_base], axis=1)
    times = time[:, None] + rule.coefficients[0] * kept.step[:, None]

    def linearised(alpha, unknown, base, time):
        """By (base, p): of the interface states, of j and of the current; and how the modes follow."""

        def equations(unknown, base, vector):
            numbers = numbers_at(vector)
            response = electrolyte.prepared(alpha, mesh, numbers)
            return electrolyte.stage_residual(
                unknown, base[:count], base[count:], response, time, control, mesh, numbers, structure
            )

        def through(unknown, base, vector):
            numbers = numbers_at(vector)
            j = electrolyte.stage_current(unknown, base[:count], electrolyte.prepared(alpha, mesh, numbers), mesh)
            return j, j * numbers["limiting_current"]

        def pace(vector):
            _, damping, fed, _ = electrolyte.prepared(alpha, mesh, numbers_at(vector))
            return damping, fed

        values, pull = jax.vjp(equations, unknown, base, vector)
        (j, _), pull_current = jax.vjp(through, unknown, base, vector)
        heavy = [pull(row) for row in jnp.eye(values.size)]
        light = [pull_current((jnp.ones(()), jnp.zeros(())))]
        if not structure.terms:  # the cell's current is the ionic one
            light.append(pull_current((jnp.zeros(()), jnp.ones(()))))
        cut = unknown.size
        order = heavy[:cut] + light + heavy[cut:]
        by_unknown = jnp.stack([row[0] for row in order])
        rest = jnp.stack([jnp.concatenate(row[1:]) for row in order])
        matrix, made = by_unknown[:cut], rest[:cut]
        moved = -(made / matrix[0, 0] if cut == 1 else jnp.linalg.solve(matrix, made))
        rows = jnp.concatenate([moved[1:], rest[cut:] + by_unknown[cut:] @ moved])
        (damping, fed), push = jax.linearize(pace, vector)
        by_damping, by_fed = jax.vmap(push, out_axes=1)(jnp.eye(size))
        of_vector = by_damping * base[:count, None] - j * by_fed
        return rows, damping, fed, of_vector

    def step(carry, given):
        now, rate = carry
        alpha, (_, of_now, of_rate, of_middle), linear = given
        middle, current = now, None
        for k in (0, 1):
            rows, damping, fed, of_vector = jax.tree.map(lambda leaf, k=k: leaf[k], linear)
            base = of_now[k] * now + of_rate[k] * rate + of_middle[k] * middle
            rates = rows[:, : count + states] @ base + rows[:, count + states :]
            modes = damping[:, None] * base[:count] + of_vector - fed[:, None] * rates[-2]
            middle, current = jnp.concatenate([modes, rates[:states]]), rates[-1]
        return (middle, (middle - base) / alpha), current

    def block(carry):
        at, tangents, currents = carry

        def here(leaf):
            return jax.lax.dynamic_slice_in_dim(leaf, at, _BLOCK)

        both = jax.vmap(jax.vmap(linearised, in_axes=(None, 0, 0, 0)))
        linear = both(here(rule.alpha), here(kept.unknowns), here(bases), here(times))
        given = here(rule.alpha), jax.tree.map(here, rule.coefficients), linear
        tangents, made = jax.lax.scan(step, tangents, given)
        return at + _BLOCK, tangents, jax.lax.dynamic_update_slice_in_dim(currents, made, at, 0)

    zero = jnp.zeros((count + states, size))
    start = (jnp.asarray(0), (zero, zero), jnp.zeros((capacity, size)))
    return jax.lax.while_loop(lambda carry: carry[0] < outcome.count, block, start)[2]
