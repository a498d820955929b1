"""What the compiled march takes: the cell's numbers, its structure, the mesh, the state at rest, the control."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from rampion.cell.circuit import Control, Structure
from rampion.cell.march import State
from rampion.cell.mesh import Mesh, half_mesh, mass_rows, mesh_for, whole_positions
from rampion.cell.parameters import Cell, chemical_diffusivity, reference_current_density, thermal_voltage
from rampion.cell.protocols import Segment, Stop
from rampion.cell.simulation import Accuracy
from rampion.cell.terms import differentiable, fixed


def numbers_of(cell: Cell) -> dict[str, Any]:
    """The numbers that enter the compiled program; those of the terms under ``terms``."""
    return {
        "thickness": float(cell.thickness),
        "conductivity": float(cell.conductivity),
        "concentration": float(cell.concentration),
        "transference": float(cell.transference),
        "temperature": float(cell.temperature),
        "thermal_voltage": thermal_voltage(cell),
        "thermodynamic_factor": float(cell.thermodynamic_factor),
        "diffusivity": chemical_diffusivity(cell),
        "limiting_current": reference_current_density(cell),
        "series_resistance": float(cell.series_resistance),
        "interface_resistance": float(cell.interface_resistance),
        "inverse_exchange": 1.0 / cell.exchange_current,
        "interface_capacitance": float(cell.interface_capacitance),
        "terms": tuple({k: float(v) for k, v in differentiable(term).items()} for term in cell.terms),
    }


def structure_of(cell: Cell, mesh: Mesh) -> Structure:
    """What the compiled program depends on besides numbers."""
    kinetics = math.isfinite(cell.exchange_current)
    node, near = None, True
    if cell.reference is not None:
        near = cell.reference <= 0.5
        node = int(np.argmin(np.abs(mesh.position - (cell.reference if near else 1.0 - cell.reference))))
    return Structure(
        cell.conduction,
        cell.closure,
        kinetics,
        kinetics and cell.interface_capacitance > 0,
        node,
        near,
        tuple(fixed(term) for term in cell.terms),
        cell.closure is not None and cell.diffusivity is None,
    )


def mesh_key(
    cell: Cell, accuracy: Accuracy, shortest: float, coarser: float = 1.0
) -> tuple[int, float, float | None]:  # fmt: skip
    """Intervals, first interval and node of the reference plane of a mesh for lines of control of which the
    ``shortest`` lasts so long [s], at so many times the tolerance."""
    layer = math.sqrt(shortest * chemical_diffusivity(cell)) / cell.thickness
    intervals, first = mesh_for(coarser * accuracy.tolerance, layer)
    node = None if cell.reference is None else min(cell.reference, 1.0 - cell.reference)
    return accuracy.intervals or intervals, accuracy.first_interval or first, node


def mesh_of(cell: Cell, accuracy: Accuracy, shortest: float = math.inf, coarser: float = 1.0) -> Mesh:
    """The mesh of half the cell of :func:`mesh_key`; the reference plane lies on a node."""
    return half_mesh(*mesh_key(cell, accuracy, shortest, coarser))


@functools.lru_cache(maxsize=16)
def mesh_arrays(mesh: Mesh) -> dict[str, Any]:
    """The mesh as the compiled program takes it: under ``shapes`` the nodes (n+1) and then the curvatures (n) of the
    modes."""
    import jax.numpy as jnp

    step, size = np.diff(mesh.position), mesh.rates.size
    nodes = np.vstack([mesh.shapes, np.zeros((1, size))])
    slopes = np.diff(nodes, axis=0) / step[:, None]
    bends = 2.0 * np.diff(slopes, axis=0) / (step[:-1] + step[1:])[:, None]
    per_interval = 0.5 * (np.vstack([bends[:1], bends]) + np.vstack([bends, np.zeros((1, size))]))
    arrays = {
        "step": step, "rates": mesh.rates, "shapes": np.vstack([nodes, per_interval]), "source": mesh.source,
        "mass": np.stack(mass_rows(whole_positions(mesh))),
    }  # fmt: skip
    return {name: jnp.asarray(array) for name, array in arrays.items()}


def rest_state(cell: Cell, structure: Structure, mesh: Mesh) -> State:
    """The cell before anything happened: uniform, without current."""
    initial = [0.0, 0.0] if structure.capacitance else []
    for term in cell.terms:
        initial += list(term.initial(cell)) if hasattr(term, "initial") else []
    extra = np.array(initial, dtype=float)
    if structure.closure is None:
        modes, before = np.zeros(mesh.rates.size), 1  # φ
    else:
        modes = np.sum(mass_rows(whole_positions(mesh)), axis=0)  # what the volumes hold at c₀
        before = modes.size + 1  # y at the nodes, and the current
    unknown = np.concatenate([np.zeros(before), extra])
    zero = np.zeros(())
    return State(
        time=zero,
        modes=modes,
        rate=np.zeros(modes.size),
        extra_rate=np.zeros(extra.size),
        unknown=unknown,
        trend=np.zeros(unknown.size),
        current=zero,
        ionic=zero,
        potential=zero,
        charge=zero,
        largest=zero,
        margin=np.ones(()),
    )


def largest_step(duration: float, slope: float, thermal: float, tolerance: float) -> float:
    """The longest step of a segment [s]: a tenth of it, and on a ramp (``slope`` [V/s]) what cubics between the steps
    take, half of RT/F at a tolerance of 1e-4, in proportion to its fourth root."""
    longest = duration / 10.0
    return min(longest, 0.5 * thermal * (tolerance / 1e-4) ** 0.25 / abs(slope)) if slope else longest


def control_of(segment: Segment, start: float, stop: Stop, against_reference: bool) -> Control:
    """The numbers of one segment, from its time of start."""
    return Control(
        start=start,
        end=start + segment.duration,
        value=float(segment.value),
        slope=float(segment.slope),
        galvanostatic=float(segment.galvanostatic),
        against_reference=float(against_reference and not segment.galvanostatic),
        pressed=float(segment.pressed),
        amplitude=0.0,
        frequency=0.0,
        drop=float(stop.drop),
        lowest_potential=float(stop.lowest_potential),
        highest_potential=float(stop.highest_potential),
        charge=float(stop.charge),
        largest_current=float(stop.current_density),
    )
