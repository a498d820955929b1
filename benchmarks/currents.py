"""Verdicts on constant currents and galvanostatic steps of known truth: shares right, coverage, time.

    python benchmarks/currents.py [--draws 10] [--seed 1] [--maker a b] [--kinds KIND ...] [--wrong]

``--draws`` records of every kind of ``foreign_currents.py``, by each maker, at a constant current and in steps; every
fourth with correlated noise (AR(1), AR(2), pink, mains in turn). Draw i of a class has the seed 100000·SEED + i.
Coverage is that of the 95 % intervals of right verdicts with an event: its time, and the current density. Brackets are
Clopper-Pearson bounds at 99 %. Times are of the processor.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

import foreign_currents
from verdicts import CORRELATED, share

from rampion.estimate import Estimate
from rampion.measurement import ConstantCurrent, Sample, Trace
from rampion.voltammetry.analyse import analyse_trace


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--maker", nargs="+", default=list(foreign_currents.MAKERS))
    parser.add_argument("--kinds", nargs="+", default=list(foreign_currents.KINDS))
    parser.add_argument("--wrong", action="store_true")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    right: dict[tuple[str, ...], list[bool]] = {}
    called: dict[str, Counter] = {}
    covered: dict[tuple[str, str], list[bool]] = {}
    seconds, wrong = [], []
    for maker in asked.maker:
        for kind in asked.kinds:
            for i in range(2 * asked.draws):
                noise = CORRELATED[i // 8 % 4] if i // 2 % 4 == 3 else "white"
                r = foreign_currents.draw(maker, kind, 100_000 * asked.seed + i, steps=i % 2 == 1, noise=noise)
                sample = Sample(name="x", thickness=Estimate(r.thickness, 0.0), area=Estimate(r.area, 0.0))
                begun = time.process_time()
                # an instrument that gives its current up states what it was to do
                asked_of = (
                    ConstantCurrent(current=float(r.current[0])) if kind == "instrument_limit" and i % 2 == 0 else None
                )
                trace = Trace(time=r.time, potential=r.potential, current=r.current, protocol=asked_of)
                found = analyse_trace(trace, sample)
                seconds.append((time.process_time() - begun, r.time.size))
                verdict = str(found[0].verdict) if len(found) == 1 else f"{len(found)} findings"
                protocol = "steps" if r.steps > 1 else "constant"
                hit = verdict in r.accepted
                for group in ((kind, maker, protocol), (maker, protocol), (protocol,), ("all",)):
                    right.setdefault(group, []).append(hit)
                if not hit:
                    called.setdefault(kind, Counter())[verdict] += 1
                    sure = found[0].confidence if found else np.nan
                    wrong.append(f"{maker} {kind} {r.seed} {protocol} {noise} {r.noise_share:.1e} n {r.time.size}: "
                                 f"{verdict} {sure:.2f}; {r.family}")  # fmt: skip
                elif verdict != "no_event":
                    f = found[0]
                    low, high = f.time.interval
                    covered.setdefault(("time", kind), []).append(
                        low <= r.event_time * (1 + 1e-9) and r.event_time <= high * (1 + 1e-9)
                    )
                    low, high = f.current_density.interval
                    covered.setdefault(("J", kind), []).append(low * 0.999 <= r.event_density <= high * 1.001)
    for group, hits in right.items():
        print(f"{' '.join(group):40s} {share(hits)}")
    for kind, wrongs in called.items():
        print(f"{kind} was called {dict(wrongs)}")
    for (name, kind), hits in covered.items():
        print(f"{name:5s} {kind:18s} covered {share(hits)}")
    slow = sorted(seconds, reverse=True)[:3]
    print("slowest (s, points):", slow)
    spent = np.array(seconds)
    print(f"time: median {np.median(spent[:, 0]):.2f} s, 95 % {np.percentile(spent[:, 0], 95):.2f} s, "
          f"largest {spent[:, 0].max():.2f} s")  # fmt: skip
    if asked.wrong:
        print(*wrong, sep="\n")


if __name__ == "__main__":
    main()
