"""One plain voltage ramp as a function J(V) of the cell's numbers: fast, batched, differentiable.

The same march as :func:`rampion.cell.simulate.simulate`, without its records: what identification and design call
thousands of times. Between the steps J is interpolated by local cubics.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from rampion.cell import backend
from rampion.cell.circuit import Control
from rampion.cell.closures import FUNCTIONS
from rampion.cell.inputs import mesh_arrays, mesh_of, numbers_of, rest_state, structure_of
from rampion.cell.march import DONE, FULL, ROWS, SAFETY, Outcome, march_segment
from rampion.cell.parameters import Cell
from rampion.cell.simulation import Accuracy
from rampion.cell.terms import differentiable
from rampion.errors import InputError, NotConvergedError
from rampion.measurement import Sweep
from rampion.quantities import FARADAY, GAS_CONSTANT

_CAPACITY = 768
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


def ramp_control(ramp) -> Control:
    """The control of a ramp (start, stop, rate) [V, V, V/s]."""
    start, stop, rate = ramp
    never = jnp.inf
    return Control(
        start=0.0, end=jnp.abs(stop - start) / rate, value=start, slope=jnp.sign(stop - start) * rate,
        galvanostatic=0.0, against_reference=0.0, pressed=1.0, amplitude=0.0, frequency=0.0, drop=never,
        lowest_potential=-never, highest_potential=never, charge=never, largest_current=never,
    )  # fmt: skip


def ramp_march(numbers, ramp, mesh, tolerance, begin, *, structure, capacity=_CAPACITY, keep_stages=False) -> Outcome:
    """The march through a ramp."""
    control, frozen = ramp_control(ramp), jax.lax.stop_gradient(numbers)
    duration = control.end
    shortest = jnp.minimum(duration, frozen["thickness"] ** 2 / frozen["diffusivity"])
    limits = (tolerance * SAFETY, 1e-13 * shortest, duration / 10.0)
    begin = jax.tree.map(lambda leaf: jnp.asarray(leaf, float), begin)
    return march_segment(
        begin, 1e-9 * shortest, control, numbers, mesh, limits, 1,
        structure=structure, capacity=capacity, keep_nodes=False, keep_stages=keep_stages,
    )  # fmt: skip


def between_steps(outcome, ramp, potentials):
    """The four steps around each potential (m, 4) and their weights in the local cubic (m, 4)."""
    control, capacity = ramp_control(ramp), outcome.rows.shape[0]
    index = jnp.arange(capacity)
    filled = index < outcome.count
    time = jnp.where(filled, jax.lax.stop_gradient(outcome.rows[:, 0]), control.end * (2.0 + index))
    at = (potentials - control.value) / control.slope
    first = jnp.clip(jnp.searchsorted(time, at) - 2, 0, jnp.maximum(outcome.count - 4, 0))
    which = first[:, None] + jnp.arange(4)
    points = time[which]
    gap = at[:, None, None] - points[:, None, :]
    between = points[:, :, None] - points[:, None, :]
    same = jnp.eye(4, dtype=bool)
    return which, jnp.prod(jnp.where(same, 1.0, gap / jnp.where(same, 1.0, between)), axis=2)


def ramp_of(values, ramp, potentials, mesh, tolerance, begin, *, structure, nernst_einstein, capacity=_CAPACITY):
    """J(V) [A/m²] at the potentials of a ramp (start, stop, rate), and how the march ended (code, steps)."""
    numbers = traced_numbers(values, nernst_einstein)
    outcome = ramp_march(numbers, ramp, mesh, tolerance, begin, structure=structure, capacity=capacity)
    which, weights = between_steps(outcome, ramp, potentials)
    heights = outcome.rows[:, ROWS.index("current")][which]
    return (weights * heights).sum(axis=1), (outcome.code, outcome.count)


ramp_current = jax.jit(
    ramp_of,
    static_argnames=("structure", "nernst_einstein", "capacity"),
    compiler_options=backend.COMPILER_OPTIONS,
)
"""The ramp, compiled."""


def _ramp(sweep: Sweep) -> tuple[float, float, float]:
    if sweep.pause is not None:
        raise InputError("This function takes a plain sweep; use simulate(...) for one with pauses.")
    start = 0.0 if math.isnan(sweep.start) else sweep.start
    if not (sweep.rate > 0 and math.isfinite(sweep.stop) and sweep.stop != start):
        raise InputError(f"The sweep goes from {start:g} V to {sweep.stop:g} V at {sweep.rate:g} V/s; expected a ramp.")
    return start, sweep.stop, sweep.rate


def prepared(cell: Cell, accuracy: Accuracy) -> tuple[Any, Any, Any]:
    """Mesh arrays, structure and rest state of a cell: what the compiled ramp needs besides its numbers."""
    mesh = mesh_of(cell, accuracy)
    structure = structure_of(cell, mesh)
    return mesh_arrays(mesh), structure, rest_state(cell, structure, mesh)


def sweep_current_density(
    cell: Cell, sweep: Sweep, potentials: Float[np.ndarray, " m"], *, accuracy: Accuracy | None = None
) -> Float[np.ndarray, " m"]:
    """Current density [A/m²] of a plain sweep from rest at the potentials [V], (m,).

    Raises
    ------
    NotConvergedError
        When the march ends before the sweep does.
    """
    backend.require()
    accuracy = accuracy or Accuracy()
    arrays, structure, begin = prepared(cell, accuracy)
    current, (code, _) = ramp_current(
        parameter_values(cell), _ramp(sweep), np.asarray(potentials, dtype=float), arrays, accuracy.tolerance, begin,
        structure=structure, nernst_einstein=cell.diffusivity is None,
    )  # fmt: skip
    if int(code) != DONE:
        reason = "more steps than are kept" if int(code) == FULL else "no step meets the tolerance"
        raise NotConvergedError(f"The sweep ended early ({reason}): loosen the tolerance, or see simulate(...).flags.")
    return np.asarray(current)


def sweep_batch(
    cells: Sequence[Cell],
    sweeps: Sequence[Sweep],
    potentials: Float[np.ndarray, "n m"],
    *,
    accuracy: Accuracy | None = None,
    workers: int = 2,
) -> tuple[Float[np.ndarray, "n m"], np.ndarray]:
    """Many cells of the same make at once: current densities (n, m) [A/m²], and which of them arrived (n,) bool.

    The cells may differ in numbers only (same conduction, kinetics, terms, closure of the diffusivity). ``workers``
    threads share the batch; its cost is linear in n.
    """
    backend.require()
    from concurrent.futures import ThreadPoolExecutor

    accuracy = accuracy or Accuracy()
    arrays, structure, begin = prepared(cells[0], accuracy)
    mixed = [k for k, cell in enumerate(cells) if structure_of(cell, mesh_of(cell, accuracy)) != structure]
    closures = {cell.diffusivity is None for cell in cells}
    if mixed or len(closures) > 1:
        raise InputError(
            "The cells of a batch must be of one make (conduction, kinetics, terms, diffusivity given or not)."
        )
    nernst_einstein = cells[0].diffusivity is None
    grids = np.asarray(potentials, dtype=float)
    cuts = np.array_split(np.arange(len(cells)), max(1, min(workers, len(cells))))

    def share(index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        # One compiled ramp after another: on a CPU a loop inside the program is slower than one outside.
        currents, arrived = np.empty((index.size, grids.shape[1])), np.empty(index.size, dtype=bool)
        for row, k in enumerate(index):
            current, (code, _) = ramp_current(
                parameter_values(cells[k]), _ramp(sweeps[k]), grids[k], arrays, accuracy.tolerance, begin,
                structure=structure, nernst_einstein=nernst_einstein,
            )  # fmt: skip
            currents[row], arrived[row] = np.asarray(current), int(code) == DONE
        return currents, arrived

    with ThreadPoolExecutor(len(cuts)) as pool:
        done = list(pool.map(share, cuts))
    return np.concatenate([part[0] for part in done]), np.concatenate([part[1] for part in done])
