"""One sweep recorded at more and more points: processor time, memory, and whether the answer stays. Synthetic sweeps.

    python benchmarks/long_records.py [--seed 3] [COUNT ...]

A cell of 1 mm (reference values, 0.05 mV/s to 0.4 V) with a limiting peak, and a resistor of its conductance, each
recorded at COUNT points (3,000, 30,000, 300,000 and 1,000,000 by default) with white noise of 0.12 µA. Printed for
each: the verdict, J and V of its event, processor time of the judgement alone in a process that has judged before, and
processor time and largest memory of ``rampion analyse`` of the csv file as a process.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from rampion.cell.binary import numbers_of
from rampion.cell.binary_march import Line, flux_at, march
from rampion.estimate import Estimate
from rampion.measurement import Sample, Trace
from rampion.voltammetry.analyse import analyse_trace

RATE, STOP, AREA, NOISE = 0.05e-3, 0.4, 4e-6, 1.2e-7  # V/s, V, m², A
SAMPLE = Sample(name="long", thickness=Estimate(1e-3, 1e-5), area=Estimate(AREA, 4e-8))


def record(count: int, seed: int, limited: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Time [s], potential [V] and current [A] of a sweep."""
    numbers = numbers_of(
        thickness=1e-3, conductivity=0.06, concentration=430.0, transference=0.8, diffusivity=1.1889e-11
    )
    t = np.linspace(0.0, STOP / RATE, count)
    current = 0.06 / 1e-3 * RATE * t * AREA
    if limited:
        steps = march(numbers, [Line(STOP / RATE, 0.0, RATE)]).steps
        current = flux_at(steps, t[None, :])[0] * numbers.current_scale[0] * AREA
    return t, RATE * t, current + NOISE * np.random.default_rng(seed).standard_normal(count)


_SHELL = """
import sys, time
from rampion.cli import main
try:
    main()
finally:
    peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    print(time.process_time(), peak.split()[1], file=sys.stderr)
"""


def analysed(path: Path) -> tuple[float, float]:
    """Processor time [s] and largest memory [MB] of the shell's analysis of a file, as a process of its own (Linux)."""
    arguments = ["analyse", str(path), "--thickness", "1 mm", "--area", "4 mm2", "--json"]
    done = subprocess.run([sys.executable, "-c", _SHELL, *arguments], capture_output=True, text=True, check=True)
    seconds, kib = done.stderr.splitlines()[-1].split()
    return float(seconds), float(kib) * 1.024e-3


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("counts", nargs="*", type=int, default=[3_000, 30_000, 300_000, 1_000_000])
    parser.add_argument("--seed", type=int, default=3)
    options = parser.parse_args()
    head = ("points", "sweep", "verdict", "J [A/m²]", "V [V]", "judge [s]", "analyse [s]", "memory [MB]")
    print("{:>9}{:>9}{:>16}{:>20}{:>20}{:>11}{:>13}{:>13}".format(*head))
    for limited in (False, True):
        analyse_trace(_trace(*record(3_000, options.seed, limited)), SAMPLE)
        for count in options.counts:
            columns = record(count, options.seed, limited)
            begin = time.process_time()
            found = analyse_trace(_trace(*columns), SAMPLE)[0]
            judged = time.process_time() - begin
            with tempfile.TemporaryDirectory() as place:
                path = Path(place) / "sweep.csv"
                np.savetxt(
                    path, np.stack(columns, axis=1), "%.9g", ",", header="time/s,potential/V,current/A", comments=""
                )
                spent, memory = analysed(path)
            numbers = (found.current_density or found.current, found.potential)
            shown = [f"{one.value:.5g} ± {one.std:.2g}" for one in numbers]
            kind = "limited" if limited else "ohmic"
            print(
                f"{count:>9}{kind:>9}{found.verdict:>16}{shown[0]:>20}{shown[1]:>20}{judged:>11.2f}{spent:>13.2f}"
                f"{memory:>13.0f}",
                flush=True,
            )


def _trace(t: np.ndarray, potential: np.ndarray, current: np.ndarray) -> Trace:
    return Trace(time=t, potential=potential, current=current)


if __name__ == "__main__":
    main()
