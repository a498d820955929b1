"""The simulated sweep against the same model in PyBaMM: both in one run, every figure a ratio.

Two environments take part, because PyBaMM is only a peer: this script runs in rampion's and starts a second Python
for the peer.

    python -m venv /tmp/pybamm-env && /tmp/pybamm-env/bin/pip install pybamm
    python benchmarks/simulator.py --peer /tmp/pybamm-env/bin/python

Both sides take turns, round after round, and a ratio is the median over the rounds. The peer model: custom
``BaseModel``, a graded 1-D mesh given by the user, c by finite volumes, J and y = ln c_s algebraic, IDAKLU, at the
grading and tolerance that were fastest for the same error of meshes of 60 to 200 points (gradings of 2.5 to 4, rtol of
1e-4 to 1e-6; none came below 2e-4). Accuracy is the largest relative error of J at 300 voltages against the numpy core
at tolerance 1e-7 (which is held against closed forms in the tests).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

CELLS = {
    "A": {"L": 0.5e-3, "sigma": 0.06, "c0": 1000.0, "t": 0.4, "D": 2e-12, "J00": 10.0, "R": 5e-4, "v": 5e-4, "V": 1.0},
    "B": {"L": 1e-3, "sigma": 0.06, "c0": 100.0, "t": 0.8, "D": 1e-11, "J00": 10.0, "R": 5e-4, "v": 1e-4, "V": 1.0},
}
NAMES = ("conductivity", "concentration", "transference", "thickness", "diffusivity", "exchange_current")


def grid(stop: float) -> np.ndarray:
    return np.linspace(0.005, 1.0, 300) * stop


def a_round(call) -> float:
    """Processor time of one call [s], the mean of a round of at least 50 ms.

    Processor time is steadier than wall time on a shared machine, but its clock is too coarse for a single short call.
    """
    calls, start = 0, time.process_time()
    while (taken := time.process_time() - start) < 0.05:
        call()
        calls += 1
    return taken / calls


def best(call, repeats: int = 8) -> float:
    """The least of several rounds."""
    return min(a_round(call) for _ in range(repeats))


def in_turn(own, peer, repeats: int = 12) -> tuple[float, float, float]:
    """Least processor times of own and peer's calls [s], and the median of their ratios, round against round: both
    sides meet the same load of the machine."""
    rounds = [(a_round(own), peer()) for _ in range(repeats)]
    mine, other = np.array(rounds).T
    return float(mine.min()), float(other.min()), float(np.median(other / mine))


def peer_main() -> None:
    """The peer's side: PyBaMM with IDAKLU, in its own environment. Tells J(V), then times a round of what is named."""
    import pybamm

    out, calls = {}, {}
    for name, p in CELLS.items():
        for points in (200, 300):
            model = pybamm.BaseModel()
            thermal, faraday = 8.314462618 * 298.15 / 96485.33212, 96485.33212
            c = pybamm.Variable("c", domain="cell")
            y = pybamm.Variable("y")
            current = pybamm.Variable("J")
            keys = ("L", "sigma", "t", "D", "J00", "R")
            inputs = {key: pybamm.InputParameter(key) for key in keys}
            length, sigma, t, d, exchange, series = (inputs[key] for key in keys)
            x = pybamm.SpatialVariable("x", domain="cell", coord_sys="cartesian")
            unit = faraday * d * p["c0"] / ((1 - t) * length)  # of J per unit gradient of c/c0 over x/L
            flux = -pybamm.grad(c)
            model.rhs = {c: -d / length**2 * pybamm.div(flux)}
            far = pybamm.boundary_value(c, "right")
            near = pybamm.exp(y)
            kinetics = pybamm.arcsinh(current / (2 * exchange * pybamm.sqrt(near)))
            kinetics += pybamm.arcsinh(current / (2 * exchange * pybamm.sqrt(far)))
            ohmic = current * length / sigma * pybamm.Integral(1 / c, x)
            volts = ohmic + current * series + 2 * thermal * ((1 - t) * (pybamm.log(far) - y) + kinetics)
            model.algebraic = {
                y: near - pybamm.boundary_value(c, "left"),
                current: volts - p["v"] * pybamm.t,
            }
            model.boundary_conditions = {c: {"left": (current / unit, "Neumann"), "right": (current / unit, "Neumann")}}
            model.initial_conditions = {c: pybamm.Scalar(1), y: pybamm.Scalar(0), current: pybamm.Scalar(0)}
            model.variables = {"J": current}
            edges = 0.5 * (1 + np.tanh(2.5 * np.linspace(-1, 1, points + 1)) / np.tanh(2.5))
            geometry = {"cell": {x: {"min": pybamm.Scalar(0), "max": pybamm.Scalar(1)}}}
            kind = pybamm.MeshGenerator(pybamm.UserSupplied1DSubMesh, {"edges": edges})
            mesh = pybamm.Mesh(geometry, {"cell": kind}, {x: points})
            pybamm.Discretisation(mesh, {"cell": pybamm.FiniteVolume()}).process_model(model)
            given = {key: p[key] for key in keys}
            volts_at = grid(p["V"])
            times = np.concatenate([[0.0], volts_at / p["v"]])
            solver = pybamm.IDAKLUSolver(rtol=1e-6, atol=1e-8, options={"suppress_algebraic_error": True})

            def run(solver=solver, model=model, times=times, given=given):
                return solver.solve(model, times[[0, -1]], t_interp=times, inputs=given)

            try:
                start = time.perf_counter()
                solution = run()
                first = time.perf_counter() - start
                entry = {"first": first, "J": solution["J"](times[1:]).tolist()}
                calls[f"{name}{points}"] = run
            except Exception as error:
                out[f"{name}{points}"] = {"error": str(error)[:200]}
                continue
            if points == 200:
                try:

                    def sensitivities(solver=solver, model=model, times=times, given=given):
                        return solver.solve(
                            model, times[[0, -1]], t_interp=times, inputs=given, calculate_sensitivities=True
                        )

                    sensitivities()
                    calls[f"{name}{points} sensitivities"] = sensitivities
                except Exception as error:
                    entry["sensitivities_error"] = str(error)[:200]
            out[f"{name}{points}"] = entry
    print(json.dumps(out), flush=True)
    for line in sys.stdin:
        print(a_round(calls[line.strip()]), flush=True)


class Peer:
    """The peer's process: what it computed, and its rounds on demand."""

    def __init__(self, python: Path) -> None:
        command = [str(python), __file__, "--as-peer"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.found = json.loads(self._answer())

    def _answer(self) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line[0] in "{0123456789":
                return line
        sys.exit("the peer failed")

    def round(self, name: str) -> float:
        assert self.process.stdin is not None
        self.process.stdin.write(name + "\n")
        self.process.stdin.flush()
        return float(self._answer())


FIRST = """
import time, resource
wall = time.perf_counter()
import numpy as np
from rampion.cell.parameters import Cell
from rampion.cell.simulate import simulate
from rampion.measurement import Sweep
loaded = time.perf_counter() - wall
cell = Cell(thickness=1e-3, conductivity=0.06, concentration=430.0, transference=0.8)
simulate(cell, Sweep(rate=5e-5, start=0.0, stop=0.8))
use = resource.getrusage(resource.RUSAGE_SELF)
print(loaded, time.perf_counter() - wall, use.ru_utime + use.ru_stime)
"""


def first_calls() -> list[list[float]]:
    """Import, wall and processor time [s] of a process that simulates once: with an empty cache, with a filled one."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"RAMPION_CACHE": folder}
        runs = [
            subprocess.run([sys.executable, "-c", FIRST], env=environment, capture_output=True, text=True, check=True)
            for _ in range(2)
        ]
    return [[float(word) for word in run.stdout.split()] for run in runs]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", type=Path, required="--as-peer" not in sys.argv, help="the Python that has pybamm")
    parser.add_argument("--as-peer", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.as_peer:
        peer_main()
        return
    peer = Peer(options.peer)
    from dataclasses import replace

    from rampion.cell.batch import sweep_batch
    from rampion.cell.closures import Closure
    from rampion.cell.derivatives import sweep_sensitivities
    from rampion.cell.parameters import Cell
    from rampion.cell.simulate import Accuracy
    from rampion.cell.sweep import sweep_current_density
    from rampion.measurement import Sweep

    print("| | rampion | error | PyBaMM N | ms | error | ratio |")
    print("|---|---|---|---|---|---|---|")
    cells = {}
    for name, p in CELLS.items():
        cell = Cell(
            thickness=p["L"], conductivity=p["sigma"], concentration=p["c0"], transference=p["t"],
            diffusivity=p["D"], exchange_current=p["J00"], interface_resistance=p["R"],
        )  # fmt: skip
        given = cells[name] = cell, Sweep(rate=p["v"], start=0.0, stop=p["V"]), grid(p["V"])
        exact = sweep_batch([cell], [given[1]], given[2][None], accuracy=Accuracy(tolerance=1e-7))[0][0]
        error = np.abs(sweep_current_density(*given) / exact - 1.0).max()
        for points in (200, 300):
            key = f"{name}{points}"
            if "error" in peer.found[key]:
                print(f"| {name} | | {error:.1e} | {points} | {peer.found[key]['error']} | | |")
                continue
            own, other, ratio = in_turn(
                lambda given=given: sweep_current_density(*given), lambda key=key: peer.round(key)
            )  # fmt: skip
            theirs = np.abs(np.array(peer.found[key]["J"]) / exact - 1.0).max()
            print(
                f"| {name} | {own * 1e3:.2f} ms | {error:.1e} | {points} | {other * 1e3:.1f} | {theirs:.1e} | "
                f"{ratio:.1f} |"
            )
    cell, sweep, volts = cells["A"]
    exact_of_a = sweep_batch([cell], [sweep], volts[None], accuracy=Accuracy(tolerance=1e-7))[0][0]
    same = Accuracy(tolerance=4e-4)  # the error of the peer with 200 points
    found = sweep_sensitivities(cell, sweep, volts, NAMES, accuracy=same)
    fine = Accuracy(tolerance=1e-6, intervals=96, first_interval=3e-5)
    fine = sweep_sensitivities(cell, sweep, volts, NAMES, accuracy=fine).derivative
    error = np.abs(found.current_density / exact_of_a - 1.0).max()
    off = (np.abs(found.derivative - fine).max(axis=0) / np.abs(fine).max(axis=0)).max()
    own, other, ratio = in_turn(
        lambda: sweep_sensitivities(cell, sweep, volts, NAMES, accuracy=same),
        lambda: peer.round("A200 sensitivities"), 6,
    )  # fmt: skip
    print(
        f"six derivatives: {own * 1e3:.1f} ms, error of J {error:.1e}, of the derivatives {off:.1e} of their largest, "
        f"PyBaMM {other * 1e3:.0f} ms, ratio {ratio:.1f}"
    )
    for size in (64, 512):
        batch = [replace(cell, thickness=cell.thickness * (1.0 + 0.3 * k / size)) for k in range(size)]
        given = (batch, [sweep] * size, np.tile(volts, (size, 1)))
        error = np.abs(sweep_batch(*given, accuracy=same)[0][0] / exact_of_a - 1.0).max()
        own, other, ratio = in_turn(
            lambda given=given: sweep_batch(*given, accuracy=same), lambda: peer.round("A200"), 6
        )  # fmt: skip
        print(
            f"batch of {size}: {size / own:.0f} sweeps per second of processor, error {error:.1e}, PyBaMM "
            f"{1 / other:.0f}, ratio {size * ratio:.1f}"
        )
    # The same sweep through the march of functions: the constants written as functions, and D(c) with σ(c).
    plain = Closure(name="the constants as functions")
    curved = Closure(
        name="D and σ of c", diffusivity=lambda c: 2e-12 * (0.5 + 0.5 * c / 1000.0),
        conductivity=lambda c: 0.06 * c / 1000.0 * (1.2 - 0.2 * c / 1000.0),
    )  # fmt: skip
    for closure in (plain, curved):
        with_functions = replace(cell, closure=closure)
        sweep_current_density(with_functions, sweep, volts)
        seconds = best(lambda given=with_functions: sweep_current_density(given, sweep, volts))
        print(f"{closure.name}: {seconds * 1e3:.1f} ms")
    print(f"memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0:.0f} MiB")
    for what, (loaded, wall, used) in zip(("empty", "filled"), first_calls(), strict=True):
        print(
            f"first simulation of a process, {what} cache: {wall:.1f} s ({loaded:.1f} of them import), {used:.1f} s CPU"
        )


if __name__ == "__main__":
    main()
