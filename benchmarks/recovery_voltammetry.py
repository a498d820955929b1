"""Recovery of sweep verdicts on synthetic curves: table verdict x noise, with bias and coverage.

Run from the repository's root:
``python benchmarks/recovery_voltammetry.py [cases per verdict] [seed]`` for the verdicts,
``python benchmarks/recovery_voltammetry.py conductance [curves per cell] [seed]`` for the conductance at rest of
simulated cells that polarise, W = vL²F/(DRT) from 0.5 to 1000.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from recovery.voltammetry_curves import NOISES, VERDICTS
from recovery.voltammetry_recovery import recover


def row(name: str, outcomes: list, tolerance: float) -> str:
    """One line of the table."""
    right = [o for o in outcomes if o.right]
    if not right:
        return f"| {name} | {len(outcomes)} | 0 | – | – | – | – | – |"
    error = np.array([o.current_error for o in right])
    covered = np.mean([o.current_covered for o in right])
    return (
        f"| {name} | {len(outcomes)} | {len(right) / len(outcomes):.1%} | {np.mean(np.abs(error) < tolerance):.1%} | "
        f"{np.median(error):+.2%} | {np.sqrt(np.mean(error**2)):.2%} | {covered:.1%} | "
        f"{np.mean([o.potential_covered for o in right]):.1%} |"
    )


def reliability(outcomes: list) -> None:
    """Share of right verdicts among those of like confidence."""
    print("\n| confidence | curves | mean confidence | right |\n|---|---|---|---|")
    for low, high in ((0.5, 0.8), (0.8, 0.95), (0.95, 0.98), (0.98, 1.0)):
        part = [o for o in outcomes if low <= o.confidence < high]
        if part:
            mean = np.mean([o.confidence for o in part])
            print(f"| {low:g} … {high:g} | {len(part)} | {mean:.3f} | {np.mean([o.right for o in part]):.1%} |")


def conductance(count: int, seed: int) -> None:
    """Bias and coverage of the conductance at rest of simulated binary cells, noise known."""
    from scipy.interpolate import CubicSpline

    from rampion.cell.parameters import Cell
    from rampion.cell.simulate import simulate
    from rampion.cell.simulation import Accuracy
    from rampion.measurement import Sweep
    from rampion.quantities import FARADAY, GAS_CONSTANT
    from rampion.voltammetry.rest_slope import fit_rest_slope

    thermal = GAS_CONSTANT * 298.15 / FARADAY
    rows = []
    for width in (0.5, 1.0, 2.0, 4.0, 7.0, 10.0, 20.0, 40.0, 160.0, 1000.0):
        for transference in (0.2, 0.3, 0.5, 0.65, 0.8, 0.9):
            for interface in (0.0, 0.4, 1.5):
                diffusivity = 2 * transference * (1 - transference) * 0.06 * thermal / (FARADAY * 500.0)
                cell = Cell(
                    thickness=1e-3, conductivity=0.06, concentration=500.0, transference=transference,
                    interface_resistance=interface * 1e-3 / 0.06,
                )  # fmt: skip
                end = (16.0 if width <= 40 else 24.0) * thermal
                ramp = Sweep(start=0.0, stop=end, rate=width * diffusivity * thermal / 1e-6)
                run = simulate(cell, ramp, accuracy=Accuracy(tolerance=2e-5, intervals=48))
                truth = 60.0 * cell.area / (1.0 + interface)
                fresh = np.concatenate([[True], np.diff(run.potential) > 0]) & (run.potential > 1e-8)
                amps = run.current_density * cell.area
                spline = CubicSpline(np.sqrt(run.potential[fresh]), amps[fresh] / run.potential[fresh])
                for k in range(count):
                    rng = np.random.default_rng(
                        [seed, int(10 * width), int(100 * transference), int(10 * interface), k]
                    )
                    potential = np.linspace(0.0, end, int(np.exp(rng.uniform(np.log(150), np.log(3000)))))
                    current = potential * spline(np.sqrt(np.maximum(potential, 1e-5)))
                    noise = float(rng.choice(NOISES)) * current.max()
                    current = current + noise * rng.standard_normal(current.size)
                    found = fit_rest_slope(potential / 1e-4, potential, current, np.full(current.size, noise), thermal)
                    if found is None:
                        rows.append((width, np.nan, False, np.nan))
                        continue
                    slope = found.conductance.scaled(1.0 / truth)
                    rows.append((width, slope.value - 1.0, slope.low <= 1.0 <= slope.high, slope.high - slope.low))
    table = np.array(rows)
    print("| W | curves | median error | rms | covered | median width of the 95 % interval | flagged |")
    print("|---|---|---|---|---|---|---|")
    for width in [*np.unique(table[:, 0]), None]:
        part = table if width is None else table[table[:, 0] == width]
        error = part[:, 1]
        print(
            f"| {'all' if width is None else f'{width:g}'} | {len(part)} | {np.nanmedian(error):+.1%} | "
            f"{np.sqrt(np.nanmean(error**2)):.1%} | {np.mean(part[:, 2]):.1%} | {np.nanmedian(part[:, 3]):.1%} | "
            f"{np.mean(part[:, 3] > 0.1 * (1 + error)):.0%} |"
        )


def main(count: int, seed: int) -> None:
    """Print the table and the misses."""
    begin = time.perf_counter()
    outcomes = recover(seed, count)
    took = time.perf_counter() - begin
    print(f"{len(outcomes)} synthetic curves, seed {seed}, {took / len(outcomes):.2f} s each")
    print(f"verdicts right: {np.mean([o.right for o in outcomes]):.2%}\n")
    print("| verdict, noise | curves | right | within 1 % (peak), 2 % | median error | rms | J covered | V covered |")
    print("|---|---|---|---|---|---|---|---|")
    for verdict in VERDICTS:
        tolerance = 0.01 if verdict == "limiting_peak" else 0.02
        chosen = [o for o in outcomes if o.verdict == verdict]
        print(row(verdict, chosen, tolerance))
        for noise in NOISES:
            part = [o for o in chosen if o.noise == noise]
            if part:
                print(row(f"– {noise:.2%}", part, tolerance))
    reliability(outcomes)
    print(f"conductance covered: {np.mean([o.conductance_covered for o in outcomes]):.1%}\n")
    for outcome in outcomes:
        if not outcome.right:
            print(f"{outcome.verdict} ({outcome.family}, noise {outcome.noise:.2%}) read as {outcome.found}")


if __name__ == "__main__":
    chosen = sys.argv[1:]
    run_conductance = bool(chosen) and chosen[0] == "conductance"
    numbers = [int(argument) for argument in chosen[run_conductance:]]
    if run_conductance:
        conductance(*(numbers + [1, 101][len(numbers) :]))
    else:
        main(*(numbers + [100, 2026][len(numbers) :]))
