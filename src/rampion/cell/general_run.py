"""Runs of any simulated cell on the compiled core: spectra, functions of the concentration, interface terms, stops."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from rampion.cell import backend
from rampion.cell.binary_march import profile_at
from rampion.cell.binary_run import Final
from rampion.cell.inputs import control_of, largest_step, mesh_arrays, mesh_of, numbers_of, rest_state, structure_of
from rampion.cell.march import DONE, SAFETY, State, run_segment
from rampion.cell.mesh import Mesh
from rampion.cell.parameters import Cell
from rampion.cell.protocols import Segment, Stop, first_step, segments
from rampion.cell.recording import collected, ending
from rampion.cell.simulation import Accuracy, Simulation
from rampion.cell.terms import jumps_of
from rampion.estimate import Flag
from rampion.measurement import Protocol, Spectrum


def run_general(
    cell: Cell,
    protocol: Protocol | Sequence[Protocol],
    *,
    stop: Stop | None = None,
    accuracy: Accuracy | None = None,
    against_reference: bool = False,
    after: Simulation | None = None,
) -> Simulation:
    """The run of :func:`rampion.cell.simulate.simulate`, whatever the cell and the protocol."""
    backend.require()
    stop, accuracy = stop or Stop(), accuracy or Accuracy()
    mesh = mesh_of(cell, accuracy)
    structure = structure_of(cell, mesh)
    arrays, numbers = mesh_arrays(mesh), numbers_of(cell)
    state = rest_state(cell, structure, mesh) if after is None else march_state(after, mesh)
    parts = segments(protocol, cell.area, [when - float(state.time) for when in jumps_of(cell.terms)])
    pieces: list[tuple[int, Segment, dict[str, np.ndarray]]] = []
    spectra: list[Spectrum] = []
    flags: list[Flag] = []
    diffusion = cell.thickness**2 / numbers["diffusivity"]
    for index, segment in enumerate(parts):
        start = float(state.time)
        if segment.duration > 0:
            control = control_of(segment, start, stop, against_reference)
            step = first_step(min(segment.duration, diffusion), start)
            if segment.galvanostatic:  # the wall answers a shorter first step by so little that no digits are left
                step = max(step, 1e-12 * diffusion)
            smallest = 1e-15 * min(segment.duration, diffusion)
            ramp = 0.0 if segment.galvanostatic else segment.slope
            longest = largest_step(segment.duration, ramp, numbers["thermal_voltage"], accuracy.tolerance)
            limits = (accuracy.tolerance * SAFETY, smallest, longest)
            state, rows, code = run_segment(state, step, control, numbers, arrays, limits, structure)
            pieces.append((index, segment, rows))
            if code != DONE:
                flags.append(ending(code, rows, segment, state, numbers, smallest, structure))
        if segment.scan is not None:
            from rampion.cell.linearise import spectrum_along, spectrum_of_state

            if math.isnan(segment.scan.duration):
                spectra.append(spectrum_of_state(cell, state, segment.scan, mesh, structure, segment.pressed))
            elif not flags:
                here = collected(cell, (), pieces[-1:], [], [], mesh, structure, accuracy, state)
                spectra.append(spectrum_along(here, segment, structure))
        if flags:
            break
    sequence = (protocol,) if not isinstance(protocol, Sequence) else tuple(protocol)
    return collected(cell, sequence, pieces, spectra, flags, mesh, structure, accuracy, state)


def march_state(run: Simulation, mesh: Mesh) -> State:
    """Where a run ended, as the compiled march goes on from it."""
    final: Any = run.final
    if not isinstance(final, Final):
        return final
    modes = mesh.project @ (profile_at(final.state, final.grid, mesh.position[:-1])[0][0] - 1.0)
    final = final.state
    current = run.current_density[-1] if run.current_density.size else 0.0
    largest = np.max(np.abs(run.current_density), initial=0.0)
    zero = np.zeros(())
    return State(
        time=np.asarray(final.time), modes=modes, rate=np.zeros(modes.size), extra_rate=np.zeros(0),
        unknown=final.spread.copy(), trend=np.zeros(1), current=np.asarray(current), ionic=np.asarray(current),
        potential=final.potential[0] + zero, charge=final.charge[0] + zero, largest=np.asarray(largest),
        margin=np.ones(()),
    )  # fmt: skip
