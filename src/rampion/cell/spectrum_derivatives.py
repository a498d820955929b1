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
from rampion.cell.inputs import control_of, mesh_of, numbers_of
from rampion.cell.march import DONE, SAFETY, march_segment
from rampion.cell.mesh import half_mesh
from rampion.cell.parameters import Cell
from rampion.cell.perturbation import area_impedances, smallest_intervals
from rampion.cell.protocols import Stop, segments
from rampion.cell.simulate import Accuracy, simulate
from rampion.cell.sweep import PARAMETERS, parameter_values, prepared, traced_numbers
from rampion.errors import InputError, NotConvergedError
from rampion.measurement import Sweep

_CAPACITY = 768


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
    static_argnames=("names", "structure", "nernst_einstein", "relaxations", "mesh_key", "finer", "electrode"),
    compiler_options=backend.COMPILER_OPTIONS,
)
def _differentiated(
    chosen, values, control, limits, step, arrays, begin, fine, omega, *, names, structure, nernst_einstein,
    relaxations, mesh_key, finer, electrode,
):  # fmt: skip
    reference, at = finer
    mesh = half_mesh(*mesh_key)

    def impedance(vector):
        changed = values | {name: vector[k] for k, name in enumerate(names)}
        numbers = traced_numbers(changed, nernst_einstein)
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
    unknown = [name for name in names if name not in PARAMETERS or (name == "diffusivity" and nernst_einstein)]
    if unknown:
        allowed = [name for name in PARAMETERS if not (name == "diffusivity" and nernst_einstein)]
        raise InputError(f"No parameter is named {', '.join(unknown)} here; expected some of {', '.join(allowed)}.")
    if sweep.pause is not None:
        raise InputError("Derivatives of a spectrum are those at the end of a plain sweep; this one has pauses.")
    if electrode not in ("cell", "working") or (electrode == "working" and cell.reference is None):
        raise InputError(f"The electrode is {electrode!r}; expected 'cell', or 'working' where there is a reference.")
    accuracy = accuracy or Accuracy()
    arrays, structure, begin = prepared(cell, accuracy)
    begin = jax.tree.map(lambda leaf: jnp.asarray(leaf, float), begin)
    run = simulate(cell, sweep, accuracy=accuracy)
    numbers, omega = numbers_of(cell), 2.0 * np.pi * np.asarray(frequency, dtype=float)
    frozen = frozen_state(run.final, mesh_of(cell, accuracy), structure, cell.concentration)
    fine = fine_mesh(
        frozen.position, smallest_intervals(frozen, numbers, structure, float(omega.max())), cell.reference
    )
    (segment,) = segments(sweep, cell.area)
    shortest = min(segment.duration, cell.thickness**2 / numbers["diffusivity"])
    limits = accuracy.tolerance * SAFETY, 1e-13 * shortest, segment.duration / 10.0
    values = parameter_values(cell)
    chosen = np.array([values[name] for name in names])
    node = None if cell.reference is None else min(cell.reference, 1.0 - cell.reference)
    z, derivative, code = _differentiated(
        jnp.asarray(chosen), values, control_of(segment, 0.0, Stop(), False), limits, 1e-9 * shortest, arrays, begin,
        tuple(fine)[:-2], omega, names=tuple(names), structure=structure, nernst_einstein=nernst_einstein,
        relaxations=cell.relaxations, mesh_key=(accuracy.intervals, accuracy.first_interval, node),
        finer=(fine.reference, fine.finer), electrode=electrode,
    )  # fmt: skip
    if int(code) != DONE:
        raise NotConvergedError("The sweep ended early: loosen the tolerance, or see simulate(...).flags.")
    return SpectrumSensitivities(
        names=tuple(names), values=chosen, frequency=np.asarray(frequency, dtype=float),
        impedance=np.asarray(z) / cell.area, derivative=np.asarray(derivative) / cell.area,
    )  # fmt: skip
