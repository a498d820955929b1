"""The simulated sweep against the same model in PyBaMM: both in one run, every figure a ratio.

Two environments take part, because PyBaMM is only a peer: this script runs in rampion's and starts a second Python
for the peer.

    python -m venv /tmp/pybamm-env && /tmp/pybamm-env/bin/pip install pybamm
    python benchmarks/simulator.py --peer /tmp/pybamm-env/bin/python

The peer model: custom ``BaseModel``, a graded 1-D mesh given by the user, c by finite volumes, J and y = ln c_s
algebraic, IDAKLU. Test cells A and B of the design notes. Accuracy is the largest relative error of J at 300 voltages
against the own march at tolerance 2e-6 on a finer mesh (which is held against closed forms in the tests).
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


def best(call, repeats: int = 8) -> float:
    """Processor time of one call [s], the least mean of several rounds of at least 50 ms each.

    Processor time is steadier than wall time on a shared machine, but its clock is too coarse for a single short call.
    """
    start = time.process_time()
    call()
    calls = 1 + int(0.05 / max(time.process_time() - start, 1e-3))
    rounds = []
    for _ in range(repeats):
        start = time.process_time()
        for _ in range(calls):
            call()
        rounds.append((time.process_time() - start) / calls)
    return min(rounds)


def peer_main() -> None:
    """The peer's side: PyBaMM with IDAKLU, in its own environment."""
    import pybamm

    out = {}
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
            edges = 0.5 * (1 + np.tanh(3.2 * np.linspace(-1, 1, points + 1)) / np.tanh(3.2))
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
                seconds = best(run)
                entry = {"first": first, "seconds": seconds, "J": solution["J"](times[1:]).tolist()}
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
                    entry["sensitivities"] = best(sensitivities)
                except Exception as error:
                    entry["sensitivities_error"] = str(error)[:200]
            out[f"{name}{points}"] = entry
    print(json.dumps(out))


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


def own_main() -> dict:
    """rampion's side."""
    start = time.perf_counter()
    from dataclasses import replace

    from rampion.cell.derivatives import sweep_sensitivities
    from rampion.cell.parameters import Cell
    from rampion.cell.simulate import Accuracy
    from rampion.cell.sweep import sweep_batch, sweep_current_density
    from rampion.measurement import Sweep

    out, cells = {"import": time.perf_counter() - start}, {}
    for name, p in CELLS.items():
        cell = Cell(
            thickness=p["L"], conductivity=p["sigma"], concentration=p["c0"], transference=p["t"],
            diffusivity=p["D"], exchange_current=p["J00"], interface_resistance=p["R"],
        )  # fmt: skip
        sweep, volts = Sweep(rate=p["v"], start=0.0, stop=p["V"]), grid(p["V"])
        cells[name] = (cell, sweep, volts)
        start = time.perf_counter()
        sweep_current_density(cell, sweep, volts)
        first = time.perf_counter() - start
        exact = sweep_current_density(
            cell, sweep, volts, accuracy=Accuracy(tolerance=2e-6, intervals=64, first_interval=5e-5)
        )
        got = sweep_current_density(cell, sweep, volts)
        out[name] = {
            "first": first,
            "seconds": best(lambda a=(cell, sweep, volts): sweep_current_density(*a)),
            "error": float(np.abs(got / exact - 1.0).max()),
            "exact": exact.tolist(),
        }
    cell, sweep, volts = cells["A"]
    sweep_sensitivities(cell, sweep, volts, NAMES)
    out["A"]["sensitivities"] = best(lambda: sweep_sensitivities(cell, sweep, volts, NAMES))
    # The same sweep through the march of functions: the constants written as functions, and D(c) with σ(c).
    from rampion.cell.closures import Closure

    plain = Closure(name="the constants as functions")
    curved = Closure(
        name="D and σ of c", diffusivity=lambda c: 2e-12 * (0.5 + 0.5 * c / 1000.0),
        conductivity=lambda c: 0.06 * c / 1000.0 * (1.2 - 0.2 * c / 1000.0),
    )  # fmt: skip
    out["functions"] = {}
    for closure in (plain, curved):
        with_functions = replace(cell, closure=closure)
        sweep_current_density(with_functions, sweep, volts)
        out["functions"][closure.name] = best(lambda given=with_functions: sweep_current_density(given, sweep, volts))
    out["batch"] = {}
    for size in (64, 512):
        batch = [replace(cell, thickness=cell.thickness * (1.0 + 0.3 * k / size)) for k in range(size)]
        given = (batch, [sweep] * size, np.tile(volts, (size, 1)))
        sweep_batch(*given)
        out["batch"][size] = size / best(lambda given=given: sweep_batch(*given), 2)
    out["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", type=Path, help="the Python of an environment with pybamm")
    parser.add_argument("--as-peer", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.as_peer:
        peer_main()
        return
    own = own_main()
    peer = {}
    if options.peer:
        done = subprocess.run([str(options.peer), __file__, "--as-peer"], capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"the peer failed: {done.stderr[-2000:]}")
        peer = json.loads(done.stdout.strip().splitlines()[-1])
    print("| | rampion | error | PyBaMM N | ms | error | ratio |")
    print("|---|---|---|---|---|---|---|")
    for name in CELLS:
        mine = own[name]
        for points in (200, 300):
            other = peer.get(f"{name}{points}")
            if not other or "error" in other:
                print(f"| {name} | {mine['seconds'] * 1e3:.2f} ms | {mine['error']:.1e} | {points} | {other} | | |")
                continue
            error = np.abs(np.array(other["J"]) / np.array(mine["exact"]) - 1.0).max()
            print(
                f"| {name} | {mine['seconds'] * 1e3:.2f} ms | {mine['error']:.1e} | {points} | "
                f"{other['seconds'] * 1e3:.1f} | {error:.1e} | {other['seconds'] / mine['seconds']:.1f} |"
            )
    with_peer = peer.get("A200", {})
    line = f"six derivatives: {own['A']['sensitivities'] * 1e3:.1f} ms"
    if "sensitivities" in with_peer:
        ratio = with_peer["sensitivities"] / own["A"]["sensitivities"]
        line += f", PyBaMM {with_peer['sensitivities'] * 1e3:.0f} ms, ratio {ratio:.1f}"
    elif peer:
        line += f", PyBaMM: {with_peer.get('sensitivities_error')}"
    print(line)
    print("batches on two threads, sweeps per second of processor:", {k: round(v) for k, v in own["batch"].items()})
    if "seconds" in with_peer:
        print(f"PyBaMM one after another: {1.0 / with_peer['seconds']:.0f} per second of processor")
    for name, seconds in own["functions"].items():
        print(f"{name}: {seconds * 1e3:.1f} ms, {seconds / own['A']['seconds']:.1f} times the plain sweep of A")
    print(f"memory {own['memory']:.0f} MiB")
    for what, (loaded, wall, used) in zip(("empty", "filled"), first_calls(), strict=True):
        print(
            f"first simulation of a process, {what} cache: {wall:.1f} s ({loaded:.1f} of them import), {used:.1f} s CPU"
        )


if __name__ == "__main__":
    main()
