"""Runs of any simulated cell on the compiled core: spectra, functions of the concentration, interface terms, stops.

A run is marched twice, at the tolerance and at a coarser one on its mesh: the difference tells the error of the finer.
Where that misses the tolerance, as where a contact's end waits for all that went before, a finer march follows, and the
one before is the coarser.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rampion.cell import backend
from rampion.cell.binary_march import EARLY, FLOOR, FLOOR_POTENTIAL, profile_at
from rampion.cell.binary_run import Final
from rampion.cell.circuit import Structure
from rampion.cell.inputs import control_of, largest_step, mesh_arrays, mesh_of, numbers_of, rest_state, structure_of
from rampion.cell.march import DONE, State, local_tolerance, run_segment
from rampion.cell.mesh import Mesh
from rampion.cell.parameters import Cell
from rampion.cell.protocols import Segment, Stop, first_step, segments
from rampion.cell.recording import collected, ending
from rampion.cell.simulation import Accuracy, CellFlag, Simulation, local_cubic
from rampion.cell.terms import jumps_of
from rampion.estimate import Flag
from rampion.measurement import Protocol, Spectrum

_COARSER = 10.0  # tolerance of the march that tells the error, in the asked one
_ROUNDS = 2  # of finer marches, a hundredth of the steps' tolerance at most each
_FINER = 0.5, 0.03  # of the tolerance that the estimated error asks for, and the least share of the one before
_BREAK = 10.0  # relative slope times the time since the line began: at peaks it is 3


class Standing(NamedTuple):
    """Where a run ended: the state of the compiled march, and the mesh that it is written on."""

    state: State
    mesh: Mesh


class _Track(NamedTuple):
    """One march: the rows of its segments, the states at their ends, how it ended, why, and its mesh."""

    pieces: list[tuple[int, Segment, dict[str, np.ndarray]]]
    states: list[State]
    code: int
    flags: tuple[Flag, ...]
    mesh: Mesh


class _Problem(NamedTuple):
    """What is marched."""

    cell: Cell
    parts: tuple[Segment, ...]
    stop: Stop
    accuracy: Accuracy
    against_reference: bool
    after: Simulation | None


def run_general(
    cell: Cell,
    protocol: Protocol | Sequence[Protocol],
    *,
    stop: Stop | None = None,
    accuracy: Accuracy | None = None,
    against_reference: bool = False,
    after: Simulation | None = None,
) -> Simulation:
    """The run of :func:`rampion.cell.simulate.simulate`, whatever the cell and the protocol.

    A run after another one keeps its mesh.
    """
    backend.require()
    accuracy = accuracy or Accuracy()
    begin = 0.0 if after is None else float(after.final.state.time)
    parts = segments(protocol, cell.area, [when - begin for when in jumps_of(cell.terms)])
    problem = _Problem(cell, parts, stop or Stop(), accuracy, against_reference, after)
    made, error = _within(problem)
    flags = made.flags
    if error > accuracy.tolerance:
        flags = (*flags, CellFlag.INACCURATE.flag(error=error, tolerance=accuracy.tolerance))
    structure, state = structure_of(cell, made.mesh), made.states[-1]
    spectra = _spectra(problem, made, structure)
    sequence = (protocol,) if not isinstance(protocol, Sequence) else tuple(protocol)
    final = Standing(state, made.mesh)
    return collected(cell, sequence, made.pieces, spectra, flags, made.mesh, structure, accuracy, final)


def _within(problem: _Problem) -> tuple[_Track, float]:
    """The march that keeps the tolerance, or the last one, and its estimated error; zero where a march failed."""
    tolerance, share, coarser = problem.accuracy.tolerance, 1.0, _COARSER
    coarse, made = _marched(problem, coarser), _marched(problem, share)
    error = _estimated_error(coarse, made)
    for _ in range(_ROUNDS):
        if error <= tolerance:
            break
        coarser = 1.0 / max(min(_FINER[0] * tolerance / error, 1.0), _FINER[1])
        share /= coarser
        finer = _marched(problem, share)
        if _failed(finer):
            break
        coarse, made = made, finer
        error = _estimated_error(coarse, made)
    return made, error


def _estimated_error(coarse: _Track, made: _Track) -> float:
    """The largest relative error of J(V), of V(t) under a current, from a march in fewer steps: it goes with the square
    of their lengths.

    Where J or V breaks off, as when a contact is lost or a face runs empty, it is that of the time since the line
    began. Infinite where the two marches end otherwise; zero where the finer one failed before any limit of the cell,
    which says more.
    """
    if _failed(made):
        return 0.0
    if made.code != coarse.code:
        return math.inf
    worst = largest = 0.0
    for (_, segment, rough), (_, _, fine) in zip(coarse.pieces, made.pieces, strict=False):
        begun, last = fine["time"][0], fine["time"][-1]
        largest = max(largest, float(np.abs(fine["current"]).max()))
        name = "potential" if segment.galvanostatic else "current"
        least = FLOOR_POTENTIAL if segment.galvanostatic else FLOOR * largest + 1e-300
        here = (rough["time"] > begun) & (rough["time"] <= last)
        time = rough["time"][here]
        exact = local_cubic(fine["time"], fine[name], time)
        early = 1.0 + EARLY * segment.duration / (time - begun)
        slope = np.interp(time, fine["time"], np.abs(np.gradient(fine[name], fine["time"])))
        breaks = np.maximum(slope * (time - begun) - _BREAK * (np.abs(exact) + least), 0.0)
        off = np.abs(rough[name][here] - exact) / ((np.abs(exact) + least) * early + breaks)
        worst = max(worst, float(off.max(initial=0.0)))
    fewer, more = (sum(rows["time"].size for *_, rows in track.pieces) for track in (coarse, made))
    return worst / max((more / fewer) ** 2 - 1.0, 1.0) if fewer else 0.0


def _failed(track: _Track) -> bool:
    return any(flag.code == CellFlag.MARCH_FAILED.name.lower() for flag in track.flags)


def _marched(problem: _Problem, share: float) -> _Track:
    """The march at a share of the tolerance."""
    cell, parts, accuracy = problem.cell, problem.parts, problem.accuracy
    shortest = min((segment.duration for segment in parts if segment.duration > 0), default=math.inf)
    state, mesh = standing_of(problem.after, mesh_of(cell, accuracy, shortest, share))
    structure = structure_of(cell, mesh)
    if state is None:
        state = rest_state(cell, structure, mesh)
    arrays, numbers = mesh_arrays(mesh), numbers_of(cell)
    pieces: list[tuple[int, Segment, dict[str, np.ndarray]]] = []
    states, flags, code = [], (), DONE
    diffusion = cell.thickness**2 / numbers["diffusivity"]
    for index, segment in enumerate(parts):
        start = float(state.time)
        if segment.duration > 0:
            control = control_of(segment, start, problem.stop, problem.against_reference)
            step = first_step(min(segment.duration, diffusion), start)
            if segment.galvanostatic:  # the wall answers a shorter first step by so little that no digits are left
                step = max(step, 1e-12 * diffusion)
            smallest = 1e-15 * min(segment.duration, diffusion)
            ramp = 0.0 if segment.galvanostatic else segment.slope
            tolerance = share * accuracy.tolerance
            longest = largest_step(segment.duration, ramp, numbers["thermal_voltage"], tolerance)
            limits = (local_tolerance(tolerance), smallest, longest)
            state, rows, code = run_segment(state, step, control, numbers, arrays, limits, structure)
            pieces.append((index, segment, rows))
            if code != DONE:
                flags = (ending(code, rows, segment, state, numbers, smallest, structure),)
        states.append(state)
        if flags:
            break
    return _Track(pieces, states, code, flags, mesh)


def _spectra(problem: _Problem, made: _Track, structure: Structure) -> list[Spectrum]:
    """The spectra of the scans that the march arrived at."""
    spectra, rows = [], {index: (index, segment, rows) for index, segment, rows in made.pieces}
    for index, (segment, state) in enumerate(zip(problem.parts, made.states, strict=False)):
        if segment.scan is None:
            continue
        from rampion.cell.linearise import spectrum_along, spectrum_of_state

        if math.isnan(segment.scan.duration):
            spectra.append(
                spectrum_of_state(problem.cell, state, segment.scan, made.mesh, structure, segment.pressed)
            )  # fmt: skip
        elif not (made.flags and index == len(made.states) - 1):
            here = collected(problem.cell, (), [rows[index]], [], [], made.mesh, structure, problem.accuracy, state)
            spectra.append(spectrum_along(here, segment, structure))
    return spectra


def standing_of(run: Simulation | None, mesh: Mesh) -> tuple[State | None, Mesh]:
    """Where a run ended, as the compiled march goes on from it: on its own mesh, or on the given one."""
    if run is None:
        return None, mesh
    if not isinstance(run.final, Final):
        return run.final
    final, grid = run.final.state, run.final.grid
    modes = mesh.project @ (profile_at(final, grid, mesh.position[:-1])[0][0] - 1.0)
    current = run.current_density[-1] if run.current_density.size else 0.0
    largest = np.max(np.abs(run.current_density), initial=0.0)
    zero = np.zeros(())
    state = State(
        time=np.asarray(final.time), modes=modes, rate=np.zeros(modes.size), extra_rate=np.zeros(0),
        unknown=final.spread.copy(), trend=np.zeros(1), current=np.asarray(current), ionic=np.asarray(current),
        potential=final.potential[0] + zero, charge=final.charge[0] + zero, largest=np.asarray(largest),
        margin=np.ones(()),
    )  # fmt: skip
    return state, mesh
