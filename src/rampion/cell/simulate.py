"""Simulate a Li | ceramic | Li cell through any sequence of protocols: parameters to traces and spectra."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rampion.cell import backend
from rampion.cell.inputs import control_of, largest_step, mesh_arrays, mesh_of, numbers_of, rest_state, structure_of
from rampion.cell.march import DONE, SAFETY, run_segment
from rampion.cell.parameters import Cell
from rampion.cell.protocols import Segment, Stop, segments
from rampion.cell.recording import collected, ending
from rampion.cell.simulation import Accuracy, CellFlag, Peak, Simulation, find_largest, sample_of, sampled
from rampion.errors import InputError
from rampion.estimate import Flag
from rampion.measurement import Protocol, Spectrum, Sweep

__all__ = [
    "Accuracy", "CellFlag", "Peak", "Simulation", "control_of", "find_largest", "mesh_arrays", "mesh_of", "numbers_of",
    "pause_effect", "rest_state", "sample_of", "sampled", "simulate", "structure_of",
]  # fmt: skip


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
    state = rest_state(cell, structure, mesh) if after is None else after.final
    pieces: list[tuple[int, Segment, dict[str, np.ndarray]]] = []
    spectra: list[Spectrum] = []
    flags: list[Flag] = []
    diffusion = cell.thickness**2 / numbers["diffusivity"]
    for index, segment in enumerate(parts):
        start = float(state.time)
        if segment.duration > 0:
            control = control_of(segment, start, stop, against_reference)
            step = 1e-9 * min(segment.duration, diffusion)
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


def pause_effect(cell: Cell, sweep: Sweep, *, accuracy: Accuracy | None = None) -> dict[str, Peak | float | None]:
    """What the pauses of a paused sweep do to its peak: peaks with and without, and their ratio."""
    if sweep.pause is None:
        raise InputError("The sweep has no pauses; give it Pause(every=…, duration=…).")
    whole = replace(sweep, pause=replace(sweep.pause, scan=None))
    paused = simulate(cell, whole, accuracy=accuracy).peak
    plain = simulate(cell, replace(sweep, pause=None), accuracy=accuracy).peak
    ratio = paused.current_density / plain.current_density if paused and plain else math.nan
    return {"paused": paused, "uninterrupted": plain, "ratio": ratio}
