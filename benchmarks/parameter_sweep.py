"""Throughput of a parameter sweep: all cores against one process, in one run.

    python benchmarks/parameter_sweep.py [simulations]

Both ways simulate the same chunks, in turn, three rounds each after one that starts processes and compiles; the least
counts. Wall time is what a user waits and tells the speed-up on a machine that does nothing else; processor time per
simulation tells what the work beside each other costs, on any machine.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time

import numpy as np

from rampion.cell.parameters import load_cell
from rampion.measurement import Sweep
from rampion.planning.parameter_sweep import ParameterSweep, product_grid, simulate_sweep
from rampion.processes import Lost, as_done

ROUNDS = 3
CHUNK = 50


def part(thicknesses: np.ndarray) -> ParameterSweep:
    """Cells of these thicknesses at ten scan rates each."""
    varied = product_grid({"thickness": thicknesses, "scan_rate": np.geomspace(3e-6, 1e-3, 10)})
    return ParameterSweep(cell=load_cell("gopal2023"), protocol=Sweep(rate=5e-5, start=0.0, stop=1.0), varied=varied)


def timed(thicknesses: np.ndarray) -> float:
    """Processor time of one chunk [s]."""
    start = time.process_time()
    simulate_sweep(part(thicknesses), workers=1)
    return time.process_time() - start


def main() -> None:
    """Time and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 800
    cores = os.cpu_count() or 1
    thicknesses = np.geomspace(0.2e-3, 3e-3, count // 10)
    jobs = [(chunk,) for chunk in np.array_split(thicknesses, max(count // CHUNK, 4))]
    walls = {1: np.inf, cores: np.inf}
    processor = {1: np.inf, cores: np.inf}
    for lap in range(ROUNDS + 1):
        for workers in (1, cores):
            start = time.perf_counter()
            spent = [seconds for _, seconds in as_done(timed, jobs, workers) if not isinstance(seconds, Lost)]
            wall = time.perf_counter() - start
            if lap:
                walls[workers] = min(walls[workers], wall)
                processor[workers] = min(processor[workers], sum(spent))
    print(f"{count} simulations, {cores} cores, load {os.getloadavg()[0]:.1f}")
    print("| processes | wall s | against one | processor ms per simulation |\n|---|---|---|---|")
    for workers, wall in walls.items():
        print(f"| {workers} | {wall:.2f} | {walls[1] / wall:.2f} | {1e3 * processor[workers] / count:.2f} |")
    print(f"speed-up on {cores} free cores, from processor time: {cores * processor[1] / processor[cores]:.2f}")
    with tempfile.TemporaryDirectory() as folder:
        simulate_sweep(part(thicknesses), folder)
        start = time.perf_counter()
        again = simulate_sweep(part(thicknesses), folder)
        print(f"taken from a folder: {again.remembered} rows in {time.perf_counter() - start:.2f} s")


if __name__ == "__main__":
    main()
