"""Many sweeps at once: those of plain cells in one march of the numpy core, every cell in the time of its own ramp.

All of them share their steps, which cost little more for a hundred cells than for one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from rampion.cell.binary import Numbers
from rampion.cell.binary_march import Line, flux_at, march
from rampion.cell.binary_run import cell_numbers, is_plain
from rampion.cell.parameters import Cell
from rampion.cell.simulation import Accuracy, CellFlag, local_cubic
from rampion.errors import InputError
from rampion.measurement import Sweep

_TOGETHER = 256
"""Cells of one march: their arrays stay in the processor's cache."""

_UNFIT = {flag.name.lower() for flag in (CellFlag.INACCURATE, CellFlag.MARCH_FAILED, CellFlag.EVENT_REACHED)}


def ramp_start(sweep: Sweep) -> float:
    """Where a plain sweep begins [V].

    Raises
    ------
    InputError
        When the sweep has pauses, or is no ramp.
    """
    if sweep.pause is not None:
        raise InputError("This function takes a plain sweep; use simulate(...) for one with pauses.")
    start = 0.0 if math.isnan(sweep.start) else sweep.start
    if not (sweep.rate > 0 and math.isfinite(sweep.stop) and sweep.stop != start):
        raise InputError(f"The sweep goes from {start:g} V to {sweep.stop:g} V at {sweep.rate:g} V/s; expected a ramp.")
    return start


def sweep_batch(
    cells: Sequence[Cell],
    sweeps: Sequence[Sweep],
    potentials: Float[np.ndarray, "n m"],
    *,
    accuracy: Accuracy | None = None,
    workers: int = 2,
) -> tuple[Float[np.ndarray, "n m"], np.ndarray]:
    """Many cells at once: current densities (n, m) [A/m²], and which of them arrived (n,) bool.

    Plain cells march together on the numpy core and keep the tolerance; the others are shared by ``workers`` threads on
    the compiled one, and one that misses the tolerance by its own estimate has not arrived. Where a march ended early
    the current stays at its last value.

    Raises
    ------
    InputError
        When a sweep has pauses, or is no ramp.
    RefusedError
        When JAX is needed and not installed.
    """
    accuracy, grids = accuracy or Accuracy(), np.asarray(potentials, dtype=float)
    currents, arrived = np.zeros(grids.shape), np.zeros(len(cells), dtype=bool)
    starts = [ramp_start(sweep) for sweep in sweeps]
    plain = [k for k, cell in enumerate(cells) if is_plain(cell)]
    others = [k for k, cell in enumerate(cells) if not is_plain(cell)]
    if plain:
        ramps = [replace(sweeps[k], start=starts[k]) for k in plain]
        found = _together([cells[k] for k in plain], ramps, grids[plain], accuracy.tolerance)
        currents[plain], arrived[plain] = found
    if others:
        from concurrent.futures import ThreadPoolExecutor

        from rampion.cell.general_run import run_general

        def alone(k: int) -> tuple[np.ndarray, bool]:
            run = run_general(cells[k], replace(sweeps[k], start=starts[k]), accuracy=accuracy)
            time = np.abs(grids[k] - starts[k]) / sweeps[k].rate
            there = local_cubic(run.time, run.current_density, np.minimum(time, run.time[-1]))
            return there, not any(flag.code in _UNFIT for flag in run.flags)

        with ThreadPoolExecutor(workers) as pool:
            for k, (current, fit) in zip(others, pool.map(alone, others), strict=True):
                currents[k], arrived[k] = current, fit
    return currents, arrived


def _together(
    cells: Sequence[Cell], sweeps: Sequence[Sweep], potentials: Float[np.ndarray, "n m"], tolerance: float
) -> tuple[Float[np.ndarray, "n m"], np.ndarray]:
    """Current densities [A/m²] of plain sweeps from rest at the potentials [V], and which sweeps arrived, (n,) bool.

    Cells of like durations, in their diffusion times, march together. Where a march ends early its cells go on alone.
    """
    numbers = Numbers(*(np.concatenate(column) for column in zip(*map(cell_numbers, cells), strict=True)))
    ends = np.array([(sweep.start, sweep.stop) for sweep in sweeps])
    duration = np.abs(ends[:, 1] - ends[:, 0]) / [sweep.rate for sweep in sweeps]
    numbers = numbers._replace(diffusion_time=numbers.diffusion_time / duration)
    shares = (potentials - ends[:, :1]) / (ends[:, 1:] - ends[:, :1])
    currents, arrived = np.zeros(potentials.shape), np.zeros(len(cells), dtype=bool)
    waiting = np.array_split(np.argsort(numbers.diffusion_time), -(-len(cells) // _TOGETHER))
    while waiting:
        here = waiting.pop()
        mine = Numbers(*(column[here] for column in numbers))
        made = march(mine, [Line(1.0, ends[here, 0], ends[here, 1] - ends[here, 0])], tolerance)
        if not made.complete and here.size > 1:
            waiting += np.split(here, here.size)
            continue
        currents[here] = flux_at(made.steps, shares[here]) * mine.current_scale[:, None]
        arrived[here] = made.complete
    return currents, arrived
