"""How often the compiled core keeps its tolerance, and how many of its misses it flags, on random cells.

    python benchmarks/general_core.py --tolerance 1e-4 --cells 120 --seed 5
    python benchmarks/general_core.py --tolerance 1e-4 --cells 60 --seed 5 --plain

Each cell is simulated at the tolerance and at a tenth of it; a plain one is held against the numpy core at a hundredth.
The error is that of J (of V under a current) at the run's own points, relative to the value and 1 % of the largest J
(2 mV), from a thousandth of each line on: strictly, or where the curve breaks off (its slope times the time since the
line began is above ten times its value) as that of the time. Times are of a second call, processor.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import replace

import numpy as np

from rampion.cell.closures import Closure, lattice_gas
from rampion.cell.contact import ContactLoss
from rampion.cell.general_run import run_general
from rampion.cell.leakage import Leakage
from rampion.cell.parameters import Cell, chemical_diffusivity, thermal_voltage
from rampion.cell.simulate import Accuracy, simulate
from rampion.cell.simulation import local_cubic
from rampion.cell.vacancies import VacancyAccumulation
from rampion.measurement import ConstantCurrent, Hold, Pause, Rest, Sweep
from rampion.quantities import FARADAY

KINDS = (
    "contact", "refilled contact", "paused contact", "contact under a current", "vacancies", "leakage", "leakage held",
    "capacitance", "lattice", "lattice under a current", "functions", "reference",
)  # fmt: skip
CURVED = Closure(name="curved", transference=lambda c: 0.3 + 0.4 * c / (c + 2000.0))


def drawn(seed: int, number: int, kind: str):
    """A cell with one mechanism that acts within its protocol, and the protocol."""
    draw = np.random.default_rng((seed, number))
    cell = Cell(
        thickness=10 ** draw.uniform(-5, -2), conductivity=10 ** draw.uniform(-4, 0),
        concentration=10 ** draw.uniform(0.5, 4.5), transference=draw.uniform(0.05, 0.95),
        diffusivity=10 ** draw.uniform(-15, -9), thermodynamic_factor=draw.uniform(0.7, 2.0),
        interface_resistance=10 ** draw.uniform(-6, -1), exchange_current=10 ** draw.uniform(-2, 3),
        conduction="proportional" if draw.uniform() < 0.75 else "constant",
    )  # fmt: skip
    stop = draw.uniform(0.2, 2.0)
    rate = 10 ** draw.uniform(-1, 6) * chemical_diffusivity(cell) * thermal_voltage(cell) / cell.thickness**2
    sweep = protocol = Sweep(rate=rate, start=0.0, stop=stop)
    duration, bulk = stop / rate, cell.thickness / cell.conductivity
    bare = simulate(cell, sweep, accuracy=Accuracy(tolerance=1e-3))
    charge, most = abs(bare.charge[-1]), float(np.abs(bare.current_density).max())
    if "current" in kind:
        protocol = ConstantCurrent(current=most * draw.uniform(0.2, 1.0) * cell.area, duration=duration)
        charge = protocol.current / cell.area * duration
    share, resistance = 10 ** draw.uniform(-0.8, 0.3), bulk * 10 ** draw.uniform(-2, 0)
    refill, slow = most * draw.uniform(0.0, 0.5) * ("refilled" in kind), 10 ** draw.uniform(-13, -9)
    excess, leak = share * most * math.sqrt(duration / slow) / FARADAY, cell.conductivity * 10 ** draw.uniform(-4, -0.5)
    terms = {
        "contact": ContactLoss(capacity=charge * share, resistance=resistance, refill=refill),
        "vacancies": VacancyAccumulation(diffusivity=slow, excess=excess, resistance=resistance),
        "leakage": Leakage(conductivity=leak),
    }
    cell = replace(cell, terms=tuple(term for name, term in terms.items() if name in kind))
    if "paused" in kind:
        protocol = replace(sweep, pause=Pause(every=stop / 4.0, duration=duration * draw.uniform(0.03, 0.3)))
    if "held" in kind:
        protocol = (sweep, Hold(potential=0.7 * stop, duration=0.5 * duration), Rest(duration=0.3 * duration))
    lattice = lattice_gas(3.0 * cell.concentration, cell.concentration, cell.conductivity)
    with_own = {
        "capacitance": {"interface_capacitance": 10 ** draw.uniform(-2, 2)}, "lattice": {"closure": lattice},
        "functions": {"closure": CURVED}, "reference": {"reference": 0.5},
    }  # fmt: skip
    return replace(cell, **with_own.get(kind.split()[0], {})), protocol


def errors(run, exact) -> tuple[float, float]:
    """The largest error, strictly and with breaks counted by their time."""
    worst = np.zeros(2)
    for label in np.unique(run.segment):
        here, there = run.segment == label, exact.segment == label
        if there.sum() < 4:
            continue
        t, reference = run.time[here], exact.time[there]
        held = np.ptp(exact.current_density[there]) < 1e-9 * np.abs(exact.current_density).max()
        name, least = ("potential", 2e-3) if held else ("current_density", 0.01 * np.abs(exact.current_density).max())
        curve, span = getattr(exact, name)[there], reference[-1] - reference[0]
        fit = (t > reference[0] + 1e-3 * span) & (t <= reference[-1])
        t, expected = t[fit], local_cubic(reference, curve, t[fit])
        off, scale = np.abs(getattr(run, name)[here][fit] - expected), np.abs(expected) + least
        steep = np.interp(t, reference, np.abs(np.gradient(curve, reference))) * (t - reference[0])
        breaks = np.maximum(steep - 10.0 * scale, 0.0)
        worst = np.maximum(worst, [(off / scale).max(initial=0.0), (off / (scale + breaks)).max(initial=0.0)])
    return float(worst[0]), float(worst[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in (("tolerance", 1e-4), ("cells", 120), ("seed", 5)):
        parser.add_argument(f"--{name}", type=type(value), default=value)
    parser.add_argument("--plain", action="store_true", help="cells that the numpy core could march")
    options = parser.parse_args()
    tolerance, kinds, rows, spent = options.tolerance, ("plain",) if options.plain else KINDS, [], 0.0
    for number in range(options.cells):
        kind = kinds[number % len(kinds)]
        cell, protocol = drawn(options.seed, number, kind)
        asked = Accuracy(tolerance=tolerance)
        run = run_general(cell, protocol, accuracy=asked)
        start = time.process_time()
        run_general(cell, protocol, accuracy=asked)
        spent += time.process_time() - start
        exact = simulate(cell, protocol, accuracy=Accuracy(tolerance=tolerance / (100.0 if options.plain else 10.0)))
        flagged = any(flag.code in ("inaccurate", "march_failed") for flag in run.flags)
        found = errors(run, exact)
        rows.append((*(error <= tolerance for error in found), flagged))
        if max(found) > tolerance:
            print(f"{number} {kind}: {found[0]:.1e}, breaks by time {found[1]:.1e}{', flagged' * flagged}", flush=True)
    strictly, kept, flags = np.array(rows).T
    for how, held in (("strictly", strictly), ("breaks by time", kept)):
        missed, flagged, needless = (int(which.sum()) for which in (~held, ~held & flags, held & flags))
        print(f"{tolerance:g}, {how}: kept {held.mean():.1%}, flagged {flagged} of {missed} missed, {needless} kept")
    print(f"{spent / options.cells * 1e3:.0f} ms each")


if __name__ == "__main__":
    main()
