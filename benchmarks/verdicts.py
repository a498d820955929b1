"""Verdicts on sweeps of known truth that share nothing with the package: shares right, coverage, calibration, time.

    python benchmarks/verdicts.py [--draws 1000] [--seed 1] [--generator a b] [--kinds KIND ...] [--ohmic-noise 300]
                                  [--files] [--wrong]

Draws of ``foreign_sweeps_a.py`` (a finite-volume cell, used-up contacts, filaments) and ``foreign_sweeps_b.py``
(closed shapes), ``--draws`` of each: half are ordinary records (white noise, even or irregular sampling, no pauses), an
eighth each paused peaks, correlated noise (AR(1), AR(2), pink, mains in turn), sampling by thresholds, plateaus. Draw i
of a class has the seed 100000·SEED + i. ``--ohmic-noise`` resistors in each kind of correlated noise besides, half of
each generator: every verdict but ``no_event`` is a false event. ``--files`` goes through a csv file of seven digits
instead of memory; ``--wrong`` lists every wrong verdict with what draws it again.

A verdict is right when it is one of those that the generator accepts. Errors and coverage are those of right verdicts
whose truth is defined, without ``no_event`` for J, V and Q. Brackets are Clopper-Pearson bounds at 99 %. Times are of
the processor, the first record's imports left out.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
import warnings
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.stats import beta

sys.path.insert(0, str(Path(__file__).parent))

import foreign_sweeps_a
import foreign_sweeps_b

import rampion
from rampion.estimate import Estimate
from rampion.measurement import Experiment, Sample, Trace

GENERATORS = {"a": foreign_sweeps_a, "b": foreign_sweeps_b}
CORRELATED = ("ar1", "ar2", "pink", "mains")
EVENTS = (
    "limiting_peak", "penetration", "soft_short", "current_loss", "instrument_limit", "no_event", "voltage_runaway",
)  # fmt: skip
CLASSES = {  # name: share of the draws, kinds
    "ordinary": (0.5, EVENTS),
    "paused peaks": (0.125, ("paused_peak",)),
    "correlated noise": (0.125, EVENTS),
    "threshold-sampled": (0.125, EVENTS),
    "plateaus": (0.125, ("limiting_plateau",)),
}
SAME = {"contact_loss": "current_loss", "depletion": "voltage_runaway"}  # earlier names of a verdict
BINS = (0.0, 0.5, 0.8, 0.95, 0.98, 0.99, 1.0 + 1e-9)
LEAST = 30  # cases below which a share is no claim


@dataclass
class Outcome:
    """What the package made of one record."""

    generator: str
    group: str
    record: object
    verdict: str
    confidence: float
    seconds: float
    error: dict[str, float] = field(default_factory=dict)
    covered: dict[str, bool] = field(default_factory=dict)

    @property
    def right(self) -> bool:
        return self.verdict in self.record.accepted


def finding(record: object, as_file: bool) -> tuple[object, float, str]:
    """The finding on a record by the public road, processor seconds, and a fault's name."""
    sample = Sample(name="x", thickness=Estimate(record.thickness, 0.0), area=Estimate(record.area, 0.0))
    with tempfile.TemporaryDirectory() as folder:
        if as_file:
            subject = str(Path(folder) / "record.csv")
            rows = np.column_stack([record.time, record.potential, record.current * 1e3])
            np.savetxt(subject, rows, "%.7g", ",", header="time/s,Ewe/V,I/mA", comments="")
        else:
            trace = Trace(time=record.time, potential=record.potential, current=record.current)
            subject = Experiment(parts=(trace,), sample=sample)
        start = time.process_time()
        try:
            found = rampion.analyse(subject, sample=sample).findings
        except Exception as fault:  # a fault is a wrong verdict, and the run goes on
            return None, time.process_time() - start, type(fault).__name__
    charge = lambda f: abs(getattr(getattr(f, "total_charge", None), "value", 0.0))  # noqa: E731
    return max(found, key=charge, default=None), time.process_time() - start, "nothing"


def judge(generator: str, group: str, record: object, as_file: bool) -> Outcome:
    """The outcome of one record."""
    f, seconds, fault = finding(record, as_file)
    if f is None:
        return Outcome(generator, group, record, fault, math.nan, seconds)
    verdict = str(getattr(f.verdict, "value", f.verdict))
    out = Outcome(
        generator, group, record, SAME.get(verdict, verdict), float(getattr(f, "confidence", math.nan)), seconds
    )
    if not out.right:
        return out
    cell = getattr(f, "conductance", None) or getattr(getattr(f, "ohmic", None), "conductance", None)
    estimates = {"G": (cell, record.conductance * record.area)}
    if record.verdict != "no_event":
        estimates["J"] = (getattr(f, "current_density", None), record.event_density)
        estimates["V"] = (getattr(f, "potential", None), record.event_potential)
        estimates["Q"] = (getattr(f, "charge", None), record.event_charge)
    for name, (estimate, truth) in estimates.items():
        if estimate is None or not math.isfinite(truth) or not math.isfinite(estimate.value):
            continue
        low, high = sorted(abs(x) for x in estimate.interval)
        out.error[name] = abs(estimate.value) / truth - 1
        out.covered[name] = bool(low * (1 - 1e-9) <= truth <= high * (1 + 1e-9))
    return out


def bounds(right: int, count: int, level: float = 0.99) -> tuple[float, float]:
    """Clopper-Pearson bounds of a share."""
    tail = (1 - level) / 2
    low = beta.ppf(tail, right, count - right + 1) if right else 0.0
    return float(low), float(beta.ppf(1 - tail, right + 1, count - right) if right < count else 1.0)


def share(hits: list[bool]) -> str:
    """``right/count share [bounds]``; too few are no claim."""
    if not hits:
        return "–"
    low, high = bounds(sum(hits), len(hits))
    few = ", too few for a claim" if len(hits) < LEAST else ""
    return f"{sum(hits)}/{len(hits)} {np.mean(hits):.1%} [{low:.1%}, {high:.1%}]{few}"


def shares(outcomes: list[Outcome]) -> None:
    print("\n## Share of verdicts right")
    for group in [*CLASSES, "all"]:
        mine = [o for o in outcomes if group in (o.group, "all")]
        if mine:
            print(f"{group:18s} {share([o.right for o in mine])}")
    print("\nby kind of record (ordinary, paused peaks, plateaus); what the others were called")
    for kind in dict.fromkeys(o.record.kind for o in outcomes):
        mine = [
            o for o in outcomes if o.record.kind == kind and o.group not in ("correlated noise", "threshold-sampled")
        ]
        wrong = Counter(o.verdict for o in mine if not o.right)
        called = ", ".join(f"{v} {n}" for v, n in wrong.most_common())
        print(f"{kind:18s} {share([o.right for o in mine])}  {called}")


def numbers(outcomes: list[Outcome]) -> None:
    print("\n## Numbers of right verdicts")
    peaks = [abs(o.error["J"]) < 0.01 for o in outcomes if o.record.verdict == "limiting_peak" and "J" in o.error]
    onsets = [abs(o.error["J"]) < 0.02 for o in outcomes if o.record.verdict == "penetration" and "J" in o.error]
    print(f"peak J within 1 %   {share(peaks)}\nonset J within 2 %  {share(onsets)}")
    print("\n95 % intervals that hold the truth; * marks a share that excludes 92 … 98 % at 99 %")
    for name in ("J", "V", "Q", "G"):
        print(f"{name} pooled            {share([o.covered[name] for o in outcomes if name in o.covered])}")
        for verdict in dict.fromkeys(o.record.verdict for o in outcomes):
            hits = [o.covered[name] for o in outcomes if o.record.verdict == verdict and name in o.covered]
            if hits:
                low, high = bounds(sum(hits), len(hits))
                print(f"  {verdict:18s} {share(hits)}{' *' if high < 0.92 or low > 0.98 else ''}")


def calibration(outcomes: list[Outcome]) -> None:
    print("\n## Confidence against the share right")
    for low, high in pairwise(BINS):
        mine = [o for o in outcomes if low <= o.confidence < high]
        if mine:
            mean = float(np.mean([o.confidence for o in mine]))
            print(f"{low:.2f} … {min(high, 1.0):.2f}  mean {mean:.3f}  {share([o.right for o in mine])}")


def times(outcomes: list[Outcome]) -> None:
    print("\n## Processor seconds a record: median, 95th percentile, most")
    for group in [*CLASSES, "ohmic"]:
        mine = [o.seconds for o in outcomes if o.group == group]
        if mine:
            print(f"{group:18s} {np.median(mine):.3f}  {np.percentile(mine, 95):.3f}  {max(mine):.3f}")


def false_events(outcomes: list[Outcome]) -> None:
    print("\n## Ohmic lines in correlated noise: verdicts other than no_event")
    for noise in [*CORRELATED, "all"]:
        mine = [o for o in outcomes if noise in (o.record.noise, "all")]
        called = ", ".join(f"{v} {n}" for v, n in Counter(o.verdict for o in mine if not o.right).most_common())
        print(f"{noise:6s} {share([not o.right for o in mine])}  {called}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=1000, help="of each generator")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--generator", nargs="+", default=["a", "b"], choices=list(GENERATORS))
    parser.add_argument("--kinds", nargs="+", default=list(foreign_sweeps_a.KINDS), choices=foreign_sweeps_a.KINDS)
    parser.add_argument("--ohmic-noise", type=int, default=300, help="lines of each of four kinds of noise")
    parser.add_argument("--files", action="store_true")
    parser.add_argument("--wrong", action="store_true")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    first = foreign_sweeps_b.draw("limiting_peak", 0)
    finding(first, asked.files)  # imports
    everything: list[Outcome] = []
    for name in asked.generator:
        outcomes = []
        for group, (part, kinds) in CLASSES.items():
            kinds = [k for k in kinds if k in asked.kinds]
            for i in range(round(part * asked.draws)) if kinds else ():
                turn = i // len(kinds) % 4
                noise = CORRELATED[turn] if group == "correlated noise" else "white"
                sampling = "threshold" if group == "threshold-sampled" else "irregular" if turn == 3 else "even"
                seed = 100_000 * asked.seed + i
                record = GENERATORS[name].draw(kinds[i % len(kinds)], seed, noise=noise, sampling=sampling)
                outcomes.append(judge(name, group, record, asked.files))
        print(f"\n# Generator {name}, {len(outcomes)} draws")
        shares(outcomes)
        everything += outcomes
    if len(asked.generator) > 1:
        print(f"\n# Both generators, {len(everything)} draws")
        shares(everything)
    numbers(everything)
    calibration(everything)
    lines = []
    for noise in CORRELATED if asked.ohmic_noise else ():
        for i in range(asked.ohmic_noise):
            name = asked.generator[i % len(asked.generator)]
            sampling = "irregular" if i % 10 == 9 else "even"
            record = GENERATORS[name].draw("ohmic", 100_000 * asked.seed + i, noise=noise, sampling=sampling)
            lines.append(judge(name, "ohmic", record, asked.files))
    if lines:
        false_events(lines)
    times(everything + lines)
    if asked.wrong:
        print("\n## Wrong verdicts: generator, kind, seed, noise, sampling: verdict, confidence; family")
        for o in everything + lines:
            r = o.record
            if not o.right:
                print(f"{o.generator} {r.kind} {r.seed} {r.noise} {r.sampling}", end=": ")
                print(f"{o.verdict} {o.confidence:.3f}; {r.family}")


if __name__ == "__main__":
    main()
