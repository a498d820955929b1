"""Simulate a Li | ceramic | Li cell through any sequence of protocols: parameters to traces and spectra.

A plain cell (constant properties, no events at its faces) runs on the numpy core (:mod:`rampion.cell.binary`); spectra,
functions of the concentration, capacitances, interface terms and stops need the compiled one
(:mod:`rampion.cell.march`), and with it JAX. Both solve the same equations and agree to their tolerance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from rampion.cell.binary_run import Final, is_plain, run_plain
from rampion.cell.parameters import Cell
from rampion.cell.protocols import Stop, segments
from rampion.cell.simulation import Accuracy, CellFlag, Peak, Simulation, find_largest, sample_of, sampled
from rampion.errors import InputError
from rampion.measurement import Protocol, Sweep

__all__ = [
    "Accuracy",
    "CellFlag",
    "Peak",
    "Simulation",
    "find_largest",
    "pause_effect",
    "sample_of",
    "sampled",
    "simulate",
]


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
        When JAX is needed and not installed.
    """
    stop, accuracy = stop or Stop(), accuracy or Accuracy()
    if against_reference and cell.reference is None:
        raise InputError("The cell has no reference plane to control against: give it one, reference=0.5 for example.")
    parts = segments(protocol, cell.area)
    start = None if after is None else after.final
    if is_plain(cell, parts, stop) and (start is None or isinstance(start, Final)):
        sequence = (protocol,) if not isinstance(protocol, Sequence) else tuple(protocol)
        return run_plain(cell, sequence, parts, accuracy, start)
    from rampion.cell.general_run import run_general

    return run_general(cell, protocol, stop=stop, accuracy=accuracy, against_reference=against_reference, after=after)


def pause_effect(cell: Cell, sweep: Sweep, *, accuracy: Accuracy | None = None) -> dict[str, Peak | float | None]:
    """What the pauses of a paused sweep do to its peak: peaks with and without, and their ratio."""
    if sweep.pause is None:
        raise InputError("The sweep has no pauses; give it Pause(every=…, duration=…).")
    whole = replace(sweep, pause=replace(sweep.pause, scan=None))
    paused = simulate(cell, whole, accuracy=accuracy).peak
    plain = simulate(cell, replace(sweep, pause=None), accuracy=accuracy).peak
    ratio = paused.current_density / plain.current_density if paused and plain else math.nan
    return {"paused": paused, "uninterrupted": plain, "ratio": ratio}
