"""Exact derivatives of the spectrum at a transient state with respect to the cell's parameters.

The state at the end of a ramp, its linearisation and the banded solve are differentiated together, forward: the last
Newton iteration of every stage of the march and the solve carry the derivatives of their implicit functions. Step
sizes and the mesh of the perturbation are held.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Complex, Float

from rampion.cell import backend
from rampion.cell.frozen import Fine, fine_mesh, frozen_state
from rampion.cell.inputs import mesh_key, numbers_of
from rampion.cell.march import DONE, march_segment, run_segment
from rampion.cell.mesh import half_mesh
from rampion.cell.parameters import Cell
from rampion.cell.perturbation import area_impedances, smallest_intervals
from rampion.cell.simulation import Accuracy
from rampion.cell.sweep import parameter_values, places_of, prepared, ramp, traced_numbers, value_at, with_values
from rampion.errors import InputError, NotConvergedError
from rampion.measurement import Sweep

_CAPACITY = 1024


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpectrumSensitivities:
    """A spectrum with its derivatives: frequency (m,) [Hz], impedance (m,) [Ω], derivative (m, k) [Ω per SI unit of
    the parameter], names (k,), values (k,)."""

    names: tuple[str, ...]
    values: Float[np.ndarray, " k"]
    frequency: Float[np.ndarray, " m"]
    impedance: Complex[np.ndarray, " m"]
    derivative: Complex[np.ndarray, "m k"]

    @property
    def logarithmic(self) -> Complex[np.ndarray, "m k"]:
        """∂Z/∂ln p [Ω]."""
        return self.derivative * self.values


@functools.partial(
    jax.jit,
    static_argnames=("places", "structure", "nernst_einstein", "relaxations", "mesh_key", "finer", "electrode"),
    compiler_options=backend.COMPILER_OPTIONS,
)
def _differentiated(
    chosen, values, control, limits, step, arrays, begin, fine, omega, *, places, structure, nernst_einstein,
    relaxations, mesh_key, finer, electrode,
):  # fmt: skip
    reference, at = finer
    mesh = half_mesh(*mesh_key)

    def impedance(vector):
        numbers = traced_numbers(with_values(values, places, vector), nernst_einstein)
        outcome = march_segment(
            begin, step, control, numbers, arrays, limits, 1, structure=structure, capacity=_CAPACITY,
            keep_nodes=False, differentiable=structure.closure is None,
        )  # fmt: skip
        frozen = frozen_state(outcome.state, mesh, structure, numbers["concentration"])
        both = area_impedances(frozen, Fine._make((*fine, reference, at)), numbers, structure, relaxations, omega)
        z = both[1] if electrode == "working" else both[0]
        return jnp.stack([z.real, z.imag]), (z, outcome.code)

    derivative, (z, code) = jax.jacfwd(impedance, has_aux=True)(chosen)
    return z, derivative[0] + 1j * derivative[1], code


def spectrum_sensitivities(
    cell: Cell,
    sweep: Sweep,
    frequency: Float[np.ndarray, " m"],
    names: Sequence[str] = ("conductivity", "concentration", "transference", "thickness"),
    *,
    electrode: str = "cell",
    accuracy: Accuracy | None = None,
) -> SpectrumSensitivities:
    """The spectrum [Ω] at the end of a plain sweep from rest, at the frequencies [Hz], and its exact derivatives by the
    named parameters of the :class:`Cell`, at a fixed end potential and scan rate.

    ``electrode``: 'cell', or with a reference plane 'working'. With the Nernst–Einstein closure the diffusivity moves
    with the parameters it is made of.

    Raises
    ------
    InputError
        When a name is no parameter, or the sweep has pauses.
    NotConvergedError
        When the march ends early.
    """
    nernst_einstein = cell.diffusivity is None and cell.closure is None
    places = places_of(cell, names)
    if electrode not in ("cell", "working") or (electrode == "working" and cell.reference is None):
        raise InputError(f"The electrode is {electrode!r}; expected 'cell', or 'working' where there is a reference.")
    accuracy = accuracy or Accuracy()
    control, step, limits = ramp(cell, sweep, accuracy)
    arrays, structure, begin = prepared(cell, accuracy, control.end)
    numbers, omega = numbers_of(cell), 2.0 * np.pi * np.asarray(frequency, dtype=float)
    key = mesh_key(cell, accuracy, control.end)
    state, _, _ = run_segment(begin, step, control, numbers, arrays, limits, structure)
    frozen = frozen_state(state, half_mesh(*key), structure, cell.concentration)
    fine = fine_mesh(
        frozen.position, smallest_intervals(frozen, numbers, structure, float(omega.max())), cell.reference
    )
    values = parameter_values(cell)
    chosen = np.array([value_at(values, place) for place in places])
    begin = jax.tree.map(lambda leaf: jnp.asarray(leaf, float), begin)
    z, derivative, code = _differentiated(
        jnp.asarray(chosen), values, control, limits, step, arrays, begin, tuple(fine)[:-2], omega,
        places=places, structure=structure, nernst_einstein=nernst_einstein,
        relaxations=cell.relaxations, mesh_key=key,
        finer=(fine.reference, fine.finer), electrode=electrode,
    )  # fmt: skip
    if int(code) != DONE:
        raise NotConvergedError("The sweep ended early: loosen the tolerance, or see simulate(...).flags.")
    return SpectrumSensitivities(
        names=tuple(names), values=chosen, frequency=np.asarray(frequency, dtype=float),
        impedance=np.asarray(z) / cell.area, derivative=np.asarray(derivative) / cell.area,
    )  # fmt: skip
