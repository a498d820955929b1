"""Simulate a Li | ceramic | Li cell through any sequence of protocols: parameters to traces and spectra."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

from rampion.cell import backend
from rampion.cell.march import (
    DONE,
    DROPPED,
    EVENT,
    FAILED,
    FULL,
    REACHED_CHARGE,
    REACHED_CURRENT,
    REACHED_POTENTIAL,
    RUNNING,
    Control,
    Outcome,
    State,
    Structure,
    extra_names,
    run_segment,
    unpacked,
)
from rampion.cell.mesh import Mesh, half_mesh
from rampion.cell.parameters import Cell, chemical_diffusivity, limiting_current_density, thermal_voltage
from rampion.cell.protocols import Segment, Stop, segments
from rampion.cell.simulation import Accuracy, CellFlag, Peak, Simulation, find_largest, sample_of, sampled
from rampion.cell.terms import differentiable, fixed
from rampion.errors import InputError, RefusedError
from rampion.estimate import Flag
from rampion.measurement import (
    ConstantCurrent,
    FrequencyScan,
    Hold,
    Protocol,
    Rest,
    Spectrum,
    Steps,
    Sweep,
    Trace,
)

__all__ = [
    "Accuracy", "CellFlag", "Peak", "Simulation", "control_of", "find_largest", "mesh_arrays", "mesh_of", "numbers_of",
    "pause_effect", "rest_state", "sample_of", "sampled", "simulate", "structure_of",
]  # fmt: skip

_CAPACITY = 512
_LONGEST = 60  # times _CAPACITY steps: a segment that needs more is told as failed
_TECHNIQUES = {Sweep: "sweep", Hold: "hold", ConstantCurrent: "constant current", Steps: "steps", Rest: "rest"}
_SAFETY = 0.06  # the local tolerance that keeps the error of J(V) below the user's


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
        "limiting_current": limiting_current_density(cell),
        "series_resistance": float(cell.series_resistance),
        "interface_resistance": float(cell.interface_resistance),
        "inverse_exchange": 1.0 / cell.exchange_current,
        "interface_capacitance": float(cell.interface_capacitance),
        "terms": tuple({k: float(v) for k, v in differentiable(term).items()} for term in cell.terms),
    }


def structure_of(cell: Cell, mesh: Mesh) -> Structure:
    """What the compiled program depends on besides numbers.

    Raises
    ------
    RefusedError
        When the cell has functions D(c) or t₊(c): the march takes constant ones, and any σ(c) and Γ(c).
    """
    closure = cell.closure
    if closure is not None and (closure.diffusivity or closure.transference or cell.reference is not None):
        raise RefusedError(
            f"The cell's functions ({closure.name or 'a closure'}) give a diffusivity or transference that depends on "
            "the concentration, or stand beside a reference plane, which the march does not take: give functions of "
            "conductivity and thermodynamic factor only, with two electrodes."
        )
    kinetics = math.isfinite(cell.exchange_current)
    node, near = None, True
    if cell.reference is not None:
        near = cell.reference <= 0.5
        node = int(np.argmin(np.abs(mesh.position - (cell.reference if near else 1.0 - cell.reference))))
    return Structure(
        cell.conduction,
        closure,
        kinetics,
        kinetics and cell.interface_capacitance > 0,
        node,
        near,
        tuple(fixed(term) for term in cell.terms),
    )


def mesh_of(cell: Cell, accuracy: Accuracy) -> Mesh:
    """The mesh of half the cell; the reference plane lies on a node."""
    node = None if cell.reference is None else min(cell.reference, 1.0 - cell.reference)
    return half_mesh(accuracy.intervals, accuracy.first_interval, node)


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
    arrays = {"step": step, "rates": mesh.rates, "shapes": np.vstack([nodes, per_interval]), "source": mesh.source}
    return {name: jnp.asarray(array) for name, array in arrays.items()}


def rest_state(cell: Cell, structure: Structure, intervals: int) -> State:
    """The cell before anything happened: uniform, without current."""
    initial = [0.0, 0.0] if structure.capacitance else []
    for term in cell.terms:
        initial += list(term.initial(cell)) if hasattr(term, "initial") else []
    zeros, extra = np.zeros(intervals), np.array(initial, dtype=float)
    unknown = np.concatenate([[0.0], extra])
    zero = np.zeros(())
    return State(
        time=zero,
        modes=zeros,
        rate=zeros,
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


def simulate(
    cell: Cell,
    protocol: Protocol | Sequence[Protocol],
    *,
    stop: Stop | None = None,
    accuracy: Accuracy | None = None,
    against_reference: bool = False,
    after: Simulation | None = None,
) -> Simulation:
    """Run the cell through a protocol or a sequence of protocols, from rest or from where another run ended.

    Parameters
    ----------
    stop : criteria to end before the protocol does.
    accuracy : tolerance and mesh.
    against_reference : sweeps and holds control the working electrode against the reference plane, not the cell.
    after : continue from the final state of this simulation of the same cell.

    Returns
    -------
    Simulation
        Never with a NaN in its currents or voltages; a march that cannot go on ends with a flag that holds the time
        and the state.

    Raises
    ------
    InputError
        When the protocol lacks a number, or a reference is asked for that the cell does not have.
    RefusedError
        When JAX is not installed.
    """
    backend.require()
    stop, accuracy = stop or Stop(), accuracy or Accuracy()
    if against_reference and cell.reference is None:
        raise InputError("The cell has no reference plane to control against: give it one, reference=0.5 for example.")
    parts = segments(protocol, cell.area)
    mesh = mesh_of(cell, accuracy)
    structure = structure_of(cell, mesh)
    arrays, numbers = mesh_arrays(mesh), numbers_of(cell)
    state = rest_state(cell, structure, accuracy.intervals) if after is None else after.final
    pieces: list[tuple[int, Segment, dict[str, np.ndarray]]] = []
    spectra: list[Spectrum] = []
    flags: list[Flag] = []
    diffusion = cell.thickness**2 / numbers["diffusivity"]
    for index, segment in enumerate(parts):
        start = float(state.time)
        if segment.duration > 0:
            control = control_of(segment, start, stop, against_reference)
            step = 1e-9 * min(segment.duration, diffusion)
            smallest = 1e-15 * min(segment.duration, diffusion)
            limits = (accuracy.tolerance * _SAFETY, smallest, segment.duration / 10.0)
            state, rows, code = _march(state, step, control, numbers, arrays, limits, structure)
            pieces.append((index, segment, rows))
            if code != DONE:
                flags.append(_ending(code, rows, segment, state, numbers, smallest))
        if segment.scan is not None:
            from rampion.cell.linearise import spectrum_of_state

            spectra.append(
                spectrum_of_state(cell, state, segment.scan, mesh, structure, segment.pressed, segment.galvanostatic)
            )
        if flags:
            break
    sequence = (protocol,) if not isinstance(protocol, Sequence) else tuple(protocol)
    return _collected(cell, sequence, pieces, spectra, flags, mesh, structure, accuracy, state)


def _march(state, step, control, numbers, arrays, limits, structure):
    """One segment to its end, in as many compiled runs as its steps need; returns (state, rows, code)."""
    kept: list[dict[str, np.ndarray]] = []
    fresh, code = 1, FULL
    while code == FULL and len(kept) < _LONGEST:
        outcome: Outcome = run_segment(
            state, step, control, numbers, arrays, limits, fresh,
            structure=structure, capacity=_CAPACITY, keep_nodes=True,
        )  # fmt: skip
        count, code = int(outcome.count), int(outcome.code)
        kept.append(unpacked(np.asarray(outcome.rows)[:count], structure))
        state, step, fresh = outcome.state, outcome.step, 0
    rows = {name: np.concatenate([piece[name] for piece in kept]) for name in kept[0]}
    return state, rows, FAILED if code == FULL else code


def _ending(code, rows, segment, state, numbers, smallest) -> Flag:
    count = rows["time"].size
    if count:
        last = {name: float(rows[name][-1]) for name in ("time", "potential", "current", "charge", "phi")}
    else:
        last = {"time": float(state.time), "potential": math.nan, "current": 0.0, "charge": 0.0, "phi": 0.0}
    concentration = numbers["concentration"] * 2.0 / (1.0 + math.exp(min(abs(last["phi"]), 700.0)))
    if code == FAILED and segment.galvanostatic and concentration < 1e-3 * numbers["concentration"]:
        return CellFlag.DEPLETED.flag(time=last["time"], current=last["current"])
    kinds = {
        DROPPED: CellFlag.PEAK_PASSED, REACHED_POTENTIAL: CellFlag.POTENTIAL_REACHED, EVENT: CellFlag.EVENT_REACHED,
        REACHED_CHARGE: CellFlag.CHARGE_REACHED, REACHED_CURRENT: CellFlag.CURRENT_REACHED,
    }  # fmt: skip
    if code in kinds:
        return kinds[code].flag(**last)
    assert code in (FAILED, RUNNING)
    return CellFlag.MARCH_FAILED.flag(
        time=last["time"], potential=last["potential"], current=last["current"], concentration=concentration,
        smallest=smallest,
    )  # fmt: skip


def _collected(cell, protocols, pieces, spectra, flags, mesh, structure, accuracy, state) -> Simulation:
    def joined(name: str) -> np.ndarray:
        return np.concatenate([rows[name] for _, _, rows in pieces]) if pieces else np.zeros(0)

    phi = joined("phi")
    part = np.concatenate([np.full(rows["time"].size, s.part) for _, s, rows in pieces]) if pieces else np.zeros(0, int)
    index = np.concatenate([np.full(rows["time"].size, i) for i, _, rows in pieces]) if pieces else np.zeros(0, int)
    near = cell.concentration * 2.0 / (1.0 + np.exp(np.clip(phi, -700, 700)))
    far = cell.concentration * 2.0 / (1.0 + np.exp(np.clip(-phi, -700, 700)))
    nodes = joined("nodes").reshape(phi.size, -1) if pieces else np.zeros((0, accuracy.intervals))
    half = cell.concentration * (1.0 + nodes)
    half[:, 0] = near
    mirror = cell.concentration * (1.0 - nodes[:, ::-1])
    mirror[:, -1] = far
    middle = np.full((phi.size, 1), cell.concentration)
    extra = joined("extra").reshape(phi.size, -1) if pieces else np.zeros((0, 0))
    names = extra_names(structure)
    margins = joined("margins").reshape(phi.size, -1) if pieces else np.zeros((0, 0))
    time, current, potential = joined("time"), joined("current"), joined("potential")
    found = _events(cell, time, current, potential, margins)
    arrays = {
        "time": time, "potential": potential, "current_density": current,
        "ionic_current_density": joined("ionic"), "charge": joined("charge"), "surface_concentration": near,
        "counter_concentration": far, "working_potential": joined("working"),
    }  # fmt: skip
    every = (*found, *flags)
    return Simulation(
        cell=cell, protocols=protocols, part=part, segment=index, **arrays,
        states=MappingProxyType({name: extra[:, k] for k, name in enumerate(names)}),
        position=cell.thickness * np.concatenate([mesh.position, 1.0 - mesh.position[-2::-1]]),
        concentration=np.concatenate([half, middle, mirror], axis=1),
        limiting_current_density=limiting_current_density(cell),
        traces=_traces(cell, protocols, arrays, part, every), spectra=tuple(spectra), flags=every,
        accuracy=accuracy, final=state,
    )  # fmt: skip


def _events(cell: Cell, time, current, potential, margins) -> tuple[Flag, ...]:
    """A flag for each event of a term, at the time where its margin first crosses zero."""
    kinds = [kind for term in cell.terms for kind in getattr(term, "EVENTS", ())]
    found = []
    for k, kind in enumerate(kinds):
        beyond = np.flatnonzero(margins[:, k] < 0.0)
        if beyond.size:
            i = int(beyond[0])
            before = max(i - 1, 0)
            gap = margins[before, k] - margins[i, k]
            share = float(margins[before, k] / gap) if gap > 0 else 1.0
            values = {
                name: float(array[before] + share * (array[i] - array[before]))
                for name, array in (("time", time), ("current", current), ("potential", potential))
            }
            found.append(kind.flag(**values))
    return tuple(found)


def _traces(cell, protocols, arrays, part, flags) -> tuple[Trace, ...]:
    traces = []
    for k, protocol in enumerate(protocols):
        if isinstance(protocol, FrequencyScan):
            continue
        here = part == k
        if not here.any():
            continue
        extra = {"charge [C/m²]": arrays["charge"][here]}
        if cell.reference is not None:
            extra["working potential [V]"] = arrays["working_potential"][here]
        traces.append(
            Trace(
                time=arrays["time"][here],
                potential=arrays["potential"][here],
                current=arrays["current_density"][here] * cell.area,
                technique=_TECHNIQUES[type(protocol)],
                protocol=protocol,
                extra=extra,
                synthetic=True,
                flags=flags,
            )
        )
    return tuple(traces)


def pause_effect(cell: Cell, sweep: Sweep, *, accuracy: Accuracy | None = None) -> dict[str, Peak | float | None]:
    """What the pauses of a paused sweep do to its peak: peaks with and without, and their ratio."""
    if sweep.pause is None:
        raise InputError("The sweep has no pauses; give it Pause(every=…, duration=…).")
    whole = replace(sweep, pause=replace(sweep.pause, scan=None))
    paused = simulate(cell, whole, accuracy=accuracy).peak
    plain = simulate(cell, replace(sweep, pause=None), accuracy=accuracy).peak
    ratio = paused.current_density / plain.current_density if paused and plain else math.nan
    return {"paused": paused, "uninterrupted": plain, "ratio": ratio}
