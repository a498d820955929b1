"""Recovery of sweep verdicts on synthetic curves: table verdict x noise, with bias and coverage.

Run ``python benchmarks/recovery_voltammetry.py [cases per verdict] [seed]`` from the repository's root.
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
    for outcome in outcomes:
        if not outcome.right:
            print(f"{outcome.verdict} ({outcome.family}, noise {outcome.noise:.2%}) read as {outcome.found}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100, int(sys.argv[2]) if len(sys.argv) > 2 else 2026)
