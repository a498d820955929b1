"""A study of many samples: time, memory, and what adding one sample costs. Synthetic samples, through files.

    python benchmarks/many_samples.py [COUNT ...] [--truth binary|contact]
    python benchmarks/many_samples.py --plan [ROWS FILES]

Writes COUNT samples (75 and 500 by default: the demo's design, repeated with other pellets) as instrument files, then
measures in fresh processes: the study with nothing remembered, the study after one more sample was added (its report
written into the same folder), and the largest resident memory of the process that holds all results (a worker holds
one group of files at a time). ``--plan`` measures instead the processor time of planning a folder (which file belongs
to which row of the sheet; no file is read), by default 1,000 rows over 10,000 empty files, for each way to name files.
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
from dataclasses import replace
from pathlib import Path

from rampion.planning.virtual_campaign import TRUTHS, PlannedRun, plan_campaign, write_campaign


def design(count: int) -> tuple[PlannedRun, ...]:
    """The demo's design over and over, each time of other samples and pellets."""
    runs: list[PlannedRun] = []
    turn = 0
    while len(runs) < count:
        turn += 1
        runs += [
            replace(run, sample=f"T{turn}-{run.sample}", pellet=f"T{turn}-{run.pellet}") for run in plan_campaign()
        ]
    return tuple(runs[:count])


def study_once(folder: str, out: str) -> None:
    """In a process of its own: study a folder, print seconds and memory."""
    from rampion.report.html import write_report
    from rampion.study.campaign import study
    from rampion.study.remember import Progress, analyse_folder

    begin = time.perf_counter()
    steps: list[Progress] = []
    analysis = analyse_folder(folder, progress=steps.append)
    new = sum(not step.remembered for step in steps)
    analysed = time.perf_counter()
    found = study(analysis)
    weighed = time.perf_counter()
    size = write_report(found, out, {})[0].stat().st_size
    done = time.perf_counter()
    measured = {
        "samples": len(analysis.samples), "new": new, "analyse_s": analysed - begin, "weigh_s": weighed - analysed,
        "report_s": done - weighed, "total_s": done - begin, "report_MB": size / 1e6,
        "memory_MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    }  # fmt: skip
    print(json.dumps(measured))


def measured(folder: Path, out: Path, cache: Path) -> dict[str, float]:
    """One study in a fresh process."""
    environment = os.environ | {"RAMPION_CACHE": str(cache)}
    command = [sys.executable, __file__, "--study", str(folder), str(out)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


NAMING = {"name": "S{n}_00_LSV.mpr; S{n}_01_LSV", "pattern": "S{n}_*.mpr", "inner pattern": "*/S{n}_*", "no file": "",
          "wrong name": "S{n}-*.mpr"}  # fmt: skip


def plan_once(rows: int, files: int) -> None:
    """Plan a folder for each way to name files in the sheet, print processor seconds."""
    from rampion.readers.folder import plan_folder
    from rampion.units import conversion

    conversion("mm", "thickness")  # the unit library is loaded
    head = "sample,file,thickness [mm],thickness std [mm],area [mm2],temperature [°C],scan rate [mV/s],operator"
    print(f"{'named by':<16}{'rows':>8}{'files':>8}{'owned':>8}{'cpu [s]':>10}")
    with tempfile.TemporaryDirectory() as place:
        for number in range(files):
            folder = Path(place) / f"batch{number % 20}"
            folder.mkdir(exist_ok=True)
            (folder / f"S{number % rows}_{number // rows:02d}_LSV.mpr").touch()
        for title, name in NAMING.items():
            lines = [f"S{n},{name.format(n=n)},1.00,0.02,4.0 ± 0.1,25,0.05,Anna" for n in range(rows)]
            (Path(place) / "samples.csv").write_text("\n".join([head, *lines, ""]), encoding="utf-8")
            begin = time.process_time()
            plan = plan_folder(place)
            spent = time.process_time() - begin
            owned = sum(row is not None for group in plan.groups for row in group.rows)
            print(f"{title:<16}{rows:>8}{files:>8}{owned:>8}{spent:>10.2f}", flush=True)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("counts", nargs="*", type=int, default=[75, 500])
    parser.add_argument("--truth", choices=sorted(TRUTHS), default="contact")
    parser.add_argument("--plan", nargs="*", type=int, metavar="ROWS FILES")
    parser.add_argument("--study", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.plan is not None:
        plan_once(*(options.plan or (1000, 10_000)))
        return
    if options.study:
        study_once(*options.study)
        return
    print(f"{'samples':>8} {'new':>5} {'analyse':>9} {'weigh':>8} {'report':>8} {'total':>8} {'memory':>8}")
    for count in options.counts:
        with tempfile.TemporaryDirectory() as place:
            folder, out, cache = (Path(place) / name for name in ("campaign", "report", "cache"))
            for _ in write_campaign(TRUTHS[options.truth], folder, seed=5, runs=design(count + 1)):
                pass
            sheet = folder / "samples.csv"
            whole = sheet.read_text(encoding="utf-8")
            last = whole.splitlines()[-1]
            files = [folder / name.strip() for name in last.split(",")[1].split(";")]
            for file in files:
                file.rename(Path(place) / file.name)
            sheet.write_text(whole.replace(last + "\n", ""), encoding="utf-8")
            first = measured(folder, out, cache)
            for file in files:
                (Path(place) / file.name).rename(file)
            sheet.write_text(whole, encoding="utf-8")
            for row in (first, measured(folder, out, cache)):
                print(
                    f"{row['samples']:8d} {row['new']:5d} {row['analyse_s']:8.1f}s {row['weigh_s']:7.1f}s "
                    f"{row['report_s']:7.1f}s {row['total_s']:7.1f}s {row['memory_MB']:5.0f} MB",
                    flush=True,
                )


if __name__ == "__main__":
    main()
