"""One plain voltage ramp as a function J(V) of the cell's numbers, and what its derivatives need of the compiled march.

Many ramps at once: :mod:`rampion.cell.batch`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from rampion.cell.batch import ramp_start, sweep_batch
from rampion.cell.circuit import Control
from rampion.cell.closures import FUNCTIONS
from rampion.cell.inputs import largest_step, mesh_arrays, mesh_of, numbers_of, rest_state, structure_of
from rampion.cell.march import local_tolerance
from rampion.cell.parameters import Cell, chemical_diffusivity, thermal_voltage
from rampion.cell.simulation import Accuracy, local_cubic
from rampion.cell.terms import differentiable
from rampion.errors import InputError, NotConvergedError
from rampion.measurement import Sweep
from rampion.quantities import FARADAY, GAS_CONSTANT

PARAMETERS = (
    "thickness", "conductivity", "concentration", "transference", "diffusivity", "temperature",
    "thermodynamic_factor", "series_resistance", "interface_resistance", "exchange_current", "interface_capacitance",
)  # fmt: skip


def traced_numbers(values: dict[str, Any], nernst_einstein: bool) -> dict[str, Any]:
    """The numbers of the compiled program from (possibly traced) parameters by the names of :class:`Cell`.

    With ``nernst_einstein`` the diffusivity follows from the others, and their derivatives go through it.
    """
    t, c, thickness = values["transference"], values["concentration"], values["thickness"]
    thermal = GAS_CONSTANT * values["temperature"] / FARADAY
    diffusivity = values["diffusivity"]
    if nernst_einstein:
        scale = values["conductivity"] * thermal / (FARADAY * c)
        diffusivity = 2.0 * t * (1.0 - t) * values["thermodynamic_factor"] * scale
    return {name: values[name] for name in PARAMETERS if name not in ("exchange_current", "diffusivity")} | {
        "thermal_voltage": thermal,
        "diffusivity": diffusivity,
        "limiting_current": 2.0 * FARADAY * diffusivity * c / ((1.0 - t) * thickness),
        "inverse_exchange": 1.0 / values["exchange_current"],
        "terms": values["terms"],
    }


def parameter_values(cell: Cell) -> dict[str, Any]:
    """The cell's parameters as plain numbers, its terms' under ``terms``; what :func:`traced_numbers` takes."""
    numbers = numbers_of(cell)
    values = {name: float(getattr(cell, name)) for name in PARAMETERS if name != "diffusivity"}
    return values | {"diffusivity": numbers["diffusivity"], "terms": numbers["terms"]}


def _term_names(cell: Cell) -> dict[str, tuple[int, str]]:
    """Names such as ``ContactLoss.capacity`` → which term and field; a second term of a kind is ``ContactLoss2``."""
    found: dict[str, tuple[int, str]] = {}
    kinds = [type(term).__name__ for term in cell.terms]
    for k, term in enumerate(cell.terms):
        before = kinds[:k].count(kinds[k])
        label = f"{kinds[k]}{before + 1}" if before else kinds[k]
        found |= {f"{label}.{field}": (k, field) for field in differentiable(term)}
    return found


def places_of(cell: Cell, names: Sequence[str]) -> tuple[tuple[int, str], ...]:
    """Where the named parameters stand in :func:`parameter_values`: (which term, or −1 for the cell, name).

    Under the Nernst–Einstein closure the diffusivity is no parameter, and what a user function gives is none either.

    Raises
    ------
    InputError
        When a name is no parameter of this cell.
    """
    given = () if cell.closure is None else tuple(f for f in FUNCTIONS if getattr(cell.closure, f) is not None)
    held = {*given, *(("diffusivity",) if cell.diffusivity is None else ())}
    known = {name: (-1, name) for name in PARAMETERS if name not in held} | _term_names(cell)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InputError(f"No parameter is named {', '.join(unknown)} here; expected some of {', '.join(known)}.")
    return tuple(known[name] for name in names)


def value_at(values: dict[str, Any], place: tuple[int, str]) -> Any:
    """The parameter at a place of :func:`places_of`."""
    term, name = place
    return values[name] if term < 0 else values["terms"][term][name]


def with_values(values: dict[str, Any], places: Sequence[tuple[int, str]], vector: Any) -> dict[str, Any]:
    """The parameters with those at the places replaced by a (possibly traced) vector."""
    terms = [dict(term) for term in values["terms"]]
    changed = dict(values)
    for k, (term, name) in enumerate(places):
        (changed if term < 0 else terms[term])[name] = vector[k]
    return changed | {"terms": tuple(terms)}


def ramp(cell: Cell, sweep: Sweep, accuracy: Accuracy) -> tuple[Control, float, tuple[float, float, float]]:
    """A plain sweep as the march takes it: control, first step [s], limits."""
    start = ramp_start(sweep)
    duration, never = abs(sweep.stop - start) / sweep.rate, math.inf
    control = Control(
        start=0.0, end=duration, value=start, slope=math.copysign(sweep.rate, sweep.stop - start), galvanostatic=0.0,
        against_reference=0.0, pressed=1.0, amplitude=0.0, frequency=0.0, drop=never, lowest_potential=-never,
        highest_potential=never, charge=never, largest_current=never,
    )  # fmt: skip
    shortest = min(duration, cell.thickness**2 / chemical_diffusivity(cell))
    longest = largest_step(duration, control.slope, thermal_voltage(cell), accuracy.tolerance)
    return control, 1e-9 * shortest, (local_tolerance(accuracy.tolerance), 1e-13 * shortest, longest)


def prepared(cell: Cell, accuracy: Accuracy, duration: float) -> tuple[Any, Any, Any]:
    """Mesh arrays, structure and rest state of a cell for a ramp that lasts so long [s]: what the compiled march needs
    besides its numbers."""
    mesh = mesh_of(cell, accuracy, duration)
    structure = structure_of(cell, mesh)
    return mesh_arrays(mesh), structure, rest_state(cell, structure, mesh)


def between_steps(
    time: Float[np.ndarray, " n"],
    values: Float[np.ndarray, "n ..."],
    control: Control,
    potentials: Float[np.ndarray, " m"],
) -> Float[np.ndarray, "m ..."]:
    """Values at the steps of a ramp → at potentials; beyond its last step they stay."""
    if not time.size:
        return np.zeros((potentials.size, *values.shape[1:]))
    return local_cubic(time, values, np.minimum((potentials - control.value) / control.slope, time[-1]))


def sweep_current_density(
    cell: Cell, sweep: Sweep, potentials: Float[np.ndarray, " m"], *, accuracy: Accuracy | None = None
) -> Float[np.ndarray, " m"]:
    """Current density [A/m²] of a plain sweep from rest at the potentials [V], (m,).

    Raises
    ------
    NotConvergedError
        When the march ends before the sweep does, or misses the tolerance.
    """
    (current,), (arrived,) = sweep_batch([cell], [sweep], np.asarray(potentials, dtype=float)[None], accuracy=accuracy)
    if not arrived:
        raise NotConvergedError("The sweep ended early or missed the tolerance: see simulate(...).flags.")
    return current
