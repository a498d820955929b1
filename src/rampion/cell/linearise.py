"""The spectrum of the cell at any transient state: what an instrument would see of the linearised equations.

The frozen equations are linearised exactly (:mod:`rampion.cell.perturbation`) on a mesh that resolves both √(D/ω) and
the depleted layer; on the mesh of the march the result would be wrong.

Assumes: a perturbation small against RT/F, and a state that stands still during one period. Fails when: the state
moves: against eight periods of excitation in the time domain the relative error is about 3|dφ/dt|/(πf); it is returned
for each frequency, and a flag names the frequency below which it exceeds 1 %.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Complex, Float

from rampion.cell.circuit import Structure
from rampion.cell.frozen import Fine, Frozen, fine_mesh, frozen_at, frozen_state
from rampion.cell.inputs import numbers_of
from rampion.cell.march import State
from rampion.cell.mesh import Mesh
from rampion.cell.parameters import Cell
from rampion.cell.perturbation import area_impedances, smallest_intervals
from rampion.cell.protocols import Segment, frequencies, point_times
from rampion.cell.simulation import Simulation
from rampion.errors import InputError
from rampion.estimate import FlagKind, Severity
from rampion.measurement import FrequencyScan, Protocol, Spectrum

_FROZEN = 0.01
_APART = ("working Re Z [Ω]", "working Im Z [Ω]")


class SpectrumFlag(FlagKind):
    """What a simulated spectrum may have to say."""

    STATE_MOVES = (
        Severity.WARNING,
        "Below {frequency:.3g} Hz the state changes by more than 1 % during a measurement: the frozen spectrum is not "
        "what an instrument would measure there.",
    )


def area_impedance(
    cell: Cell, frozen: Frozen, frequency: Float[np.ndarray, " n"], structure: Structure, *, pressed: bool = True,
    fine: Fine | None = None,
) -> tuple[Complex[np.ndarray, " n"], Complex[np.ndarray, " n"]]:  # fmt: skip
    """Z·area [Ω·m²] of a frozen state at the frequencies [Hz]: of the whole cell, and of the working electrode against
    the reference plane (NaN with two electrodes). ``fine`` is the mesh; without it one that fits is made."""
    fine = fine or _mesh_for(cell, (frozen,), float(np.max(frequency)), structure)
    omega = 2.0 * math.pi * np.asarray(frequency, dtype=float)
    return area_impedances(frozen, fine, numbers_of(cell), structure, cell.relaxations, omega, float(pressed))


def _mesh_for(cell: Cell, states: Sequence[Frozen], highest: float, structure: Structure) -> Fine:
    """The mesh that resolves the highest frequency [Hz] in every one of the states."""
    numbers = numbers_of(cell)
    first = [smallest_intervals(state, numbers, structure, 2.0 * math.pi * highest) for state in states]
    smallest = min(pair[0] for pair in first), min(pair[1] for pair in first)
    return fine_mesh(states[0].position, smallest, cell.reference)


def spectrum_of_state(
    cell: Cell,
    state: State,
    scan: FrequencyScan,
    mesh: Mesh,
    structure: Structure,
    pressed: bool = True,
    galvanostatic: bool = False,
    electrode: str = "cell",
) -> Spectrum:
    """The spectrum [Ω] of a state of the march, all frequencies at once; see :func:`spectrum_of`."""
    frozen = frozen_state(state, mesh, structure, cell.concentration)
    return spectrum_of(cell, frozen, scan, structure, pressed=pressed, electrode=electrode)


def spectrum_of(
    cell: Cell, frozen: Frozen, scan: FrequencyScan, structure: Structure, *, pressed: bool = True,
    electrode: str = "cell",
) -> Spectrum:  # fmt: skip
    """The spectrum [Ω] of a frozen state, with its frozen error at each frequency and a flag where it matters.

    ``electrode``: 'cell', or with a reference plane 'working' (to the plane) or 'counter' (from it). The cell's
    spectrum of a three-electrode cell carries the working electrode's in the columns of :func:`electrodes_apart`.

    Raises
    ------
    InputError
        When one electrode of a cell without a reference plane is asked for.
    """
    if electrode not in ("cell", "working", "counter"):
        raise InputError(f"The electrode is {electrode!r}; expected 'cell', 'working' or 'counter'.")
    if electrode != "cell" and cell.reference is None:
        raise InputError("The cell has no reference plane to see its electrodes apart: give it one, reference=0.5.")
    f = frequencies(scan)
    whole, working = (z / cell.area for z in area_impedance(cell, frozen, f, structure, pressed=pressed))
    times, pace = np.full(f.size, float(frozen.time)), np.full(f.size, float(frozen.pace))
    return _recorded(cell, scan, frozen, (whole, working), times, pace, electrode)


def spectrum_along(run: Simulation, segment: Segment, structure: Structure) -> Spectrum:
    """The spectrum [Ω] measured frequency by frequency while the cell moves: each point from the state at its own time.

    ``run`` is the record of the segment, whose last ``scan.duration`` is that of the scan. Potential and current are
    those in the middle of the scan; ``time`` holds the middle of each point's measurement.

    Assumes: within a point the state stands still (its ``frozen_error`` says how wrong that is), so that what drifts
    is the state from point to point.
    """
    assert segment.scan is not None
    scan, cell, f = segment.scan, run.cell, frequencies(segment.scan)
    times = float(run.time[-1]) - scan.duration + point_times(scan)
    states = [frozen_at(run, time) for time in times.tolist()]
    fine = _mesh_for(cell, (states[0], states[-1]), float(f[0]), structure)
    points = [
        area_impedance(cell, state, f[k : k + 1], structure, pressed=segment.pressed, fine=fine)
        for k, state in enumerate(states)
    ]
    whole, working = (np.concatenate(z) / cell.area for z in zip(*points, strict=True))
    middle = frozen_at(run, float(run.time[-1]) - 0.5 * scan.duration)
    return _recorded(cell, scan, middle, (whole, working), times, np.array([state.pace for state in states]))


def _recorded(cell, scan, state, impedances, times, pace, electrode="cell") -> Spectrum:
    """The record of a spectrum, its frozen error 3|dφ/dt|/(πf) from the pace dφ/dt [1/s] at each point."""
    f, (whole, working) = frequencies(scan), impedances
    error = 3.0 * np.abs(pace) / (math.pi * f)
    extra = {"frozen_error": error}
    if cell.reference is not None and electrode == "cell":
        extra |= dict(zip(_APART, (np.real(working), np.imag(working)), strict=True))
    # Where the state moves alike all the while, the limit lies between the points, or below them.
    limit = float(np.max(error * f)) / _FROZEN
    return Spectrum(
        frequency=f,
        impedance={"cell": whole, "working": working, "counter": whole - working}[electrode],
        time=times,
        technique="impedance of a simulated cell",
        protocol=scan,
        potential=float(state.potential),
        current=float(state.current) * cell.area,
        amplitude=scan.amplitude,
        galvanostatic=scan.galvanostatic,
        extra=extra,
        synthetic=True,
        flags=(SpectrumFlag.STATE_MOVES.flag(frequency=limit),) if np.any(error > _FROZEN) else (),
    )


def electrodes_apart(spectrum: Spectrum) -> tuple[Spectrum, Spectrum]:
    """The two halves of a three-electrode cell's spectrum: working electrode to the plane, and the rest.

    Raises
    ------
    InputError
        When the spectrum is not that of a simulated cell with a reference plane.
    """
    if any(name not in spectrum.extra for name in _APART):
        raise InputError("This spectrum has no column of the working electrode; simulate a cell with a reference.")
    real, imaginary = (spectrum.extra[name] for name in _APART)
    working = real + 1j * imaginary
    extra = {name: column for name, column in spectrum.extra.items() if name not in _APART}
    return (
        replace(spectrum, impedance=working, extra=extra),
        replace(spectrum, impedance=spectrum.impedance - working, extra=extra),
    )


def spectrum_at(
    cell: Cell,
    protocol: Protocol | Sequence[Protocol],
    scan: FrequencyScan,
    *,
    potential: float = math.nan,
    electrode: str = "cell",
    accuracy: Any = None,
) -> Spectrum:
    """The spectrum at a transient state of a run: at its end, or where the cell voltage first reaches ``potential``.

    Raises
    ------
    InputError
        When the run never reaches that voltage.
    """
    from rampion.cell.general_run import run_general
    from rampion.cell.inputs import structure_of
    from rampion.cell.protocols import Stop
    from rampion.cell.simulation import CellFlag

    asked = not math.isnan(potential)
    stop = Stop(highest_potential=potential) if potential >= 0 else Stop(lowest_potential=potential)
    run = run_general(cell, protocol, stop=stop if asked else None, accuracy=accuracy)
    if asked and abs(float(run.potential[-1]) - potential) > 1e-5 + 1e-5 * abs(potential):
        raise InputError(f"The run ends at {run.potential[-1]:g} V and never reaches {potential:g} V: sweep further.")
    state, mesh = run.final
    spectrum = spectrum_of_state(cell, state, scan, mesh, structure_of(cell, mesh), electrode=electrode)
    other = tuple(flag for flag in run.flags if flag.code != CellFlag.POTENTIAL_REACHED.name.lower())
    return replace(spectrum, flags=(*other, *spectrum.flags))


def excited_impedance(cell: Cell, run: Any, frequency: float, *, amplitude: float = 1e-4, periods: int = 8) -> complex:
    """Impedance [Ω] at one frequency by exciting the state in the time domain: the check of the linearisation.

    A sine of ``amplitude`` [V] rides on the last potential of ``run``; voltage and current of the last half of the
    periods are fitted with sine, cosine and a cubic drift.
    """
    from rampion.cell import inputs as s
    from rampion.cell.general_run import standing_of
    from rampion.cell.march import run_segment
    from rampion.cell.protocols import Segment, Stop
    from rampion.measurement import Hold

    begun, mesh = standing_of(run, s.mesh_of(cell, run.accuracy))
    assert begun is not None
    structure = s.structure_of(cell, mesh)
    duration = periods / frequency
    held = Segment(
        value=float(run.potential[-1]), slope=0.0, duration=duration, galvanostatic=False, part=0,
        protocol=Hold(potential=float(run.potential[-1]), duration=duration),
    )  # fmt: skip
    start = float(begun.time)
    control = s.control_of(held, start, Stop(), False)._replace(amplitude=amplitude, frequency=frequency)
    limits = (1e-7, 1e-12 * duration, 1.0 / (frequency * 60.0))
    _, rows, _ = run_segment(
        begun, 1e-9 * duration, control, s.numbers_of(cell), s.mesh_arrays(mesh), limits, structure
    )
    late = rows["time"] > start + 0.5 * duration
    t = rows["time"][late] - start
    angle = 2.0 * math.pi * frequency * t
    scaled = t / duration
    columns = np.stack([np.sin(angle), np.cos(angle), np.ones_like(t), scaled, scaled**2, scaled**3], axis=1)
    voltage = np.linalg.lstsq(columns, rows["potential"][late], rcond=None)[0]
    current = np.linalg.lstsq(columns, rows["current"][late], rcond=None)[0]
    return complex((voltage[0] + 1j * voltage[1]) / (current[0] + 1j * current[1]) / cell.area)
