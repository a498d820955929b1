"""Are the two shipped truths told apart? Virtual campaigns through instrument files and the whole study, counted.

    python benchmarks/recovery_demo.py [binary|contact] [repetitions] [first seed]

A smaller design than the demo's (18 samples: three rates at 1 mm, three thicknesses at one more, paused sweeps, rests
with and without pressure, constant currents to depletion); noise, offsets, pellets, thicknesses, thresholds and errors
of the sample sheet are drawn anew for each repetition. Counted as told apart: the truth is not contradicted, its mimic
is, and the truth outweighs it by more than 20 : 1. Everything here is synthetic.
"""

from __future__ import annotations

import math
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from rampion.campaign.survival import fraction_penetrated
from rampion.measurement import ConstantCurrent, Pause, Sweep
from rampion.planning.virtual_campaign import LONG, MAKES, SCAN, TRUTHS, PlannedRun, plan_campaign, write_campaign
from rampion.study import Study, study

MIMIC = {"binary": "contact", "contact": "binary"}


def design(area: float = 4e-6) -> tuple[PlannedRun, ...]:
    """The reduced design."""
    rows: list[tuple[float, float, tuple, str]] = []
    rows += [(0.95, 1e-3, (Sweep(rate=v, start=0.0, stop=0.8),), "") for v in (6e-6, 1.7e-5, 5e-5) for _ in range(2)]
    rows += [(0.99, length, (Sweep(rate=5e-5, start=0.0, stop=0.8),), "") for length in (0.5e-3, 2e-3, 3e-3)]
    rows += [(0.99, length, (Sweep(rate=1.7e-5, start=0.0, stop=0.8),), "") for length in (0.5e-3, 2e-3)]
    paused = Sweep(rate=5e-5, start=0.0, stop=0.6, pause=Pause(every=0.05, duration=90.0, scan=SCAN))
    rows += [(0.99, 1e-3, (SCAN, paused), "paused")]
    resting = {run.purpose: run.protocols for run in plan_campaign(area=area) if run.purpose.startswith("relaxation")}
    rows += [(0.99, 1e-3, protocols, purpose) for purpose, protocols in resting.items()]
    currents = (6.0, 7.5, 9.5, 12.0)
    rows += [(0.99, 1e-3, (ConstantCurrent(current=j * area, duration=LONG),), "constant current") for j in currents]
    return tuple(
        PlannedRun(
            sample=f"S{number:02d}", pellet=f"P{round(100 * density)}-{number % 3}", relative_density=density,
            thickness=length, protocols=protocols, purpose=purpose, make=MAKES[(number // 3) % len(MAKES)],
        )
        for number, (density, length, protocols, purpose) in enumerate(rows)
    )  # fmt: skip


def told_apart(found: Study, truth: str) -> tuple[bool, bool, str]:
    """Whether truth and mimic were told apart, whether the truth alone was favoured, and what spoke against it."""
    table = found.evidence
    if table is None:
        return False, False, "no evidence"
    standing = {item.name: item for item in table.standings}
    right, wrong = standing[truth], standing[MIMIC[truth]]
    apart = right.log_weight > wrong.log_weight + math.log(20)
    apart = apart and not right.contradicted_by and bool(wrong.contradicted_by)
    return apart, table.conclusion.favoured == truth, ", ".join(right.contradicted_by)


def main() -> None:
    """Print one line per repetition and the count."""
    truth = sys.argv[1] if len(sys.argv) > 1 else "binary"
    repetitions = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    first = int(sys.argv[3]) if len(sys.argv) > 3 else 1000
    runs, right, favoured, transference = design(), 0, 0, []
    for number in range(repetitions):
        begin = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            for _ in write_campaign(TRUTHS[truth], Path(folder), first + number, runs):
                pass
            found = study(folder)
        apart, alone, against = told_apart(found, truth)
        right, favoured = right + apart, favoured + alone
        t = next((x.estimate for x in found.transport if x.method.startswith("collapse")), None)
        if t is not None:
            transference.append(t)
        shown = "" if t is None else f", t₊ {t.value:.3f} [{t.low:.3f}, {t.high:.3f}]"
        took = time.perf_counter() - begin
        word = "apart" if apart else "NOT APART"
        print(f"{first + number}: {word}, {alone=}, {against=}{shown}, {took:.0f} s", flush=True)
    share, alone = (fraction_penetrated(k, repetitions, "exact") for k in (right, favoured))
    print(f"{truth}: told apart {right}/{repetitions} [{share.low:.1%}, {share.high:.1%}]")
    print(f"{truth}: favoured alone {favoured}/{repetitions} [{alone.low:.1%}, {alone.high:.1%}]")
    if truth == "binary" and transference:
        inside = np.mean([t.low <= TRUTHS[truth].transference <= t.high for t in transference])
        print(
            f"t₊ of the collapse: median {np.median([t.value for t in transference]):.4f}, interval covers {inside:.1%}"
        )


if __name__ == "__main__":
    main()
