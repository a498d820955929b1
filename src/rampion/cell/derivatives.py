"""Exact derivatives of J(V), of the peak and of spectra's states with respect to the cell's parameters.

The step sizes are held, so that the derivative is that of the computed curve. With one diffusivity the accepted steps
are linearised once more after the march (:mod:`rampion.cell.step_derivatives`); with functions of the concentration the
march itself is differentiated forward, where the last Newton iteration carries the implicit function. For the peak,
∂J_p/∂p = ∂J/∂p at V_p, because ∂J/∂V vanishes there.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from rampion.cell import backend
from rampion.cell.march import DONE, ROWS, march_segment
from rampion.cell.parameters import Cell
from rampion.cell.simulation import Accuracy
from rampion.cell.step_derivatives import current_derivatives
from rampion.cell.sweep import (
    between_steps,
    parameter_values,
    places_of,
    prepared,
    ramp,
    traced_numbers,
    value_at,
    with_values,
)  # fmt: skip
from rampion.errors import InputError, NotConvergedError
from rampion.measurement import Sweep

_CAPACITY = 4096


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sensitivities:
    """J(V) with its derivatives: potential (m,) [V], current_density (m,) [A/m²], derivative (m, k) [A/m² per SI unit
    of the parameter], names (k,), values (k,)."""

    names: tuple[str, ...]
    values: Float[np.ndarray, " k"]
    potential: Float[np.ndarray, " m"]
    current_density: Float[np.ndarray, " m"]
    derivative: Float[np.ndarray, "m k"]

    @property
    def logarithmic(self) -> Float[np.ndarray, "m k"]:
        """∂J/∂ln p."""
        return self.derivative * self.values


@functools.partial(
    jax.jit, static_argnames=("places", "structure", "nernst_einstein"), compiler_options=backend.COMPILER_OPTIONS
)
def _both(chosen, values, control, step, limits, mesh, begin, *, places, structure, nernst_einstein):
    """The march, and ∂J/∂p at its steps (capacity, k)."""
    begin = jax.tree.map(lambda leaf: jnp.asarray(leaf, float), begin)

    def numbers_at(vector):
        return traced_numbers(with_values(values, places, vector), nernst_einstein)

    def marched(vector, keep_stages):
        return march_segment(
            begin, step, control, numbers_at(vector), mesh, limits, 1,
            structure=structure, capacity=_CAPACITY, keep_nodes=False, keep_stages=keep_stages,
        )  # fmt: skip

    if structure.closure is None:
        outcome = marched(chosen, True)
        return outcome, current_derivatives(numbers_at, chosen, outcome, begin, control, mesh, structure)

    def currents(vector):
        outcome = marched(vector, False)
        return outcome.rows[:, ROWS.index("current")], outcome

    derivative, outcome = jax.jacfwd(currents, has_aux=True)(chosen)
    return outcome, derivative


def sweep_sensitivities(
    cell: Cell,
    sweep: Sweep,
    potentials: Float[np.ndarray, " m"],
    names: Sequence[str] = ("conductivity", "concentration", "transference", "thickness"),
    *,
    accuracy: Accuracy | None = None,
) -> Sensitivities:
    """J(V) of a plain sweep and its exact derivatives by the named parameters of the :class:`Cell` and of its terms.

    A parameter of an interface term is named by its class, ``ContactLoss.capacity``. With the Nernst–Einstein closure
    the diffusivity moves with the parameters it is made of, and is itself no parameter; nor is what a user function
    gives.

    Raises
    ------
    InputError
        When a name is no parameter of this cell.
    NotConvergedError
        When the march ends early.
    """
    places = places_of(cell, names)
    accuracy = accuracy or Accuracy()
    values = parameter_values(cell)
    chosen = np.array([value_at(values, place) for place in places])
    grid = np.asarray(potentials, dtype=float)
    control, step, limits = ramp(cell, sweep, accuracy)
    arrays, structure, begin = prepared(cell, accuracy, control.end)
    outcome, by_step = _both(
        jnp.asarray(chosen), values, control, step, limits, arrays, begin,
        places=places, structure=structure, nernst_einstein=cell.diffusivity is None,
    )  # fmt: skip
    if int(outcome.code) != DONE:
        raise NotConvergedError("The sweep ended early: loosen the tolerance, or see simulate(...).flags.")
    rows, count = np.asarray(outcome.rows), int(outcome.count)
    time, current = rows[:count, ROWS.index("time")], rows[:count, ROWS.index("current")]
    return Sensitivities(
        names=tuple(names), values=chosen, potential=grid,
        current_density=between_steps(time, current, control, grid),
        derivative=between_steps(time, np.asarray(by_step)[:count], control, grid),
    )  # fmt: skip


def peak_sensitivities(
    cell: Cell, sweep: Sweep, names: Sequence[str], *, accuracy: Accuracy | None = None
) -> tuple[float, dict[str, float]]:
    """Peak current density [A/m²] of a plain sweep and ∂J_p/∂p by parameter [A/m² per SI unit].

    Raises
    ------
    InputError
        When the sweep has no peak.
    """
    from rampion.cell.simulate import simulate

    peak = simulate(cell, sweep, accuracy=accuracy).peak
    if peak is None:
        raise InputError("This sweep has no peak: W = vL²F/(D·RT) may be below 17, or the sweep ends too early.")
    there = sweep_sensitivities(cell, sweep, np.array([peak.potential]), names, accuracy=accuracy)
    return peak.current_density, dict(zip(there.names, map(float, there.derivative[0]), strict=True))
