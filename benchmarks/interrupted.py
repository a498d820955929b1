"""Kill runs at random moments, fill the disk, start two at once: what stands there, and what the next run makes of it.

``python benchmarks/interrupted.py [--kills 56] [--seed 7]`` kills ``study``, ``analyse -o``, ``demo`` and ``simulate
grid`` with all their workers (SIGKILL of the process group); gives ``study`` and ``analyse`` a disk that is full after
so many bytes (of one file, and where the system lets a small disk be mounted, of all of them), and starts two runs into
one folder. After each, the folder must hold one run; the next run must give the undisturbed one, byte for byte but for
dates. Synthetic data. POSIX only.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from interruptions import (  # noqa: E402
    Seen,
    Verb,
    check_left,
    check_repaired,
    finish,
    in_small_files,
    kill_after,
    standing,
    start,
)

SHARES = {"study": 18, "study --fresh": 8, "analyse": 12, "simulate grid": 10, "demo": 8}  # of 56 kills
SIZES = (200, 2_000, 8_000, 15_000, 25_000, 40_000, 60_000, 100_000, 200_000, 400_000)  # bytes
DISKS = (16, 64, 128, 256, 384, 512)  # KiB of a small disk, of which the first run takes about 500


def verbs(folder: Path) -> dict[str, Verb]:
    """The verbs on two states of a campaign: the second has a sample less and another thickness."""
    campaigns = folder / "first", folder / "second"
    for place in campaigns:
        shutil.copytree(ROOT / "examples" / "data", place)
    for file in campaigns[1].glob("penetrated*"):
        file.unlink()
    sheet = (campaigns[1] / "samples.csv").read_text(encoding="utf-8")
    kept = [line for line in sheet.splitlines() if not line.startswith("penetrated")]
    (campaigns[1] / "samples.csv").write_text("\n".join(kept).replace(",0.9", ",1.1") + "\n", encoding="utf-8")
    first, second = map(str, campaigns)
    ramp = ["simulate", "grid", "--cell", "gopal2023", "--rate", "0.05mV/s", "--to", "0.4V", "--workers", "2"]
    grids = ([*ramp, "--vary", f"thickness=0.5..{top}mm:240"] for top in (1, 2))
    demos = (["demo", "--seed", str(seed)] for seed in (1, 2))
    return {
        "study": Verb(name="study", first=["study", first], second=["study", second]),
        "study --fresh": Verb(
            name="study --fresh", first=["study", first, "--fresh"], second=["study", second, "--fresh"]
        ),
        "analyse": Verb(name="analyse", first=["analyse", first], second=["analyse", second]),
        "simulate grid": Verb(name="simulate grid", first=next(grids), second=next(grids), beside=("chunks/",)),
        "demo": Verb(name="demo", first=next(demos), second=next(demos)),
    }


def undisturbed(verb: Verb, out: Path, environment: dict[str, str]) -> tuple[list[dict[str, bytes]], float]:
    """What the two states give, and how long a run takes when what it can remember is remembered."""
    states, lasts = [], 0.0
    for state in (0, 1):
        for _ in range(2):
            code, told, lasts = finish(verb.command(state, out), environment)
            if code:
                sys.exit(f"{verb.name} failed undisturbed: {told}")
            if verb.name == "demo":
                break
        states.append(standing(out, verb.beside))
    return states, lasts


def killed(verb: Verb, kills: int, chance: random.Random, folder: Path, environment: dict[str, str]) -> Seen:
    """Kill so many runs, each over the other state, and run each again."""
    out, seen = folder / "out", Seen()
    states, lasts = undisturbed(verb, out, environment)
    state = 1
    for number in range(1, kills + 1):
        state = 1 - state
        if verb.beside:
            shutil.rmtree(out / "chunks", ignore_errors=True)  # so that there is something to simulate
        after = lasts * (chance.uniform(0.1, 1.0) if number % 2 else chance.uniform(0.6, 1.0))
        if kill_after(after, verb.command(state, out), environment):
            seen.add("killed")
        what = f"kill {number} after {after:.2f} s"
        check_left(out, verb, states, seen, what)
        lasts = check_repaired(out, verb, state, states, environment, seen, what)
        print(f"{verb.name}: {number} of {kills} {seen.counts} {seen.faults[-1:]}", flush=True)
    return seen


def without_room(verb: Verb, folder: Path, environment: dict[str, str]) -> Seen:
    """Runs that may write only small files, or into a small disk; then runs with room."""
    out, seen = folder / "out", Seen()
    states, _ = undisturbed(verb, out, environment)
    state = 1
    for size in SIZES:
        state = 1 - state
        code, told, _ = finish(in_small_files(size, verb.command(state, out)), environment)
        seen.add("had room" if code == 0 else "had no room")
        if code and ("no room" not in told or "Traceback" in told):
            seen.faults.append(f"{verb.name}, files of at most {size} bytes: {told[-300:]}")
        check_left(out, verb, states, seen, f"files of at most {size} bytes")
        check_repaired(out, verb, state, states, environment, seen, f"files of at most {size} bytes")
    for size in DISKS:
        disk = folder / "disk"
        disk.mkdir(exist_ok=True)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk], capture_output=True).returncode:
            print("no small disk can be mounted here")
            break
        try:
            finish(verb.command(0, disk), environment)
            used = sum(path.stat().st_size for path in disk.rglob("*") if path.is_file()) // 1024 + 60
            subprocess.run(["mount", "-o", f"remount,size={used + size}k", disk], check=True)
            code, told, _ = finish(verb.command(1, disk), environment)
            seen.add("had room" if code == 0 else "had no room")
            if code and ("no room" not in told or "Traceback" in told):
                seen.faults.append(f"{verb.name}, {size} KiB left: {told[-300:]}")
            check_left(disk, verb, states, seen, f"{size} KiB left")
            subprocess.run(["mount", "-o", "remount,size=16m", disk], check=True)
            check_repaired(disk, verb, 1, states, environment, seen, f"{size} KiB left")
        finally:
            subprocess.run(["umount", disk], check=True)
    print(f"{verb.name} without room: {seen.counts} {seen.faults}", flush=True)
    return seen


def at_once(verb: Verb, times: int, folder: Path, environment: dict[str, str]) -> Seen:
    """Two runs of different states into one folder at the same time."""
    out, seen = folder / "out", Seen()
    states, _ = undisturbed(verb, out, environment)
    for number in range(times):
        both = [start(verb.command(state, out), environment) for state in (0, 1)]
        ends = [(process.communicate()[1], process.returncode) for process in both]
        seen.add(" and ".join("done" if code == 0 else "refused" for _, code in ends))
        if any(code and "Another rampion" not in told for told, code in ends):
            seen.faults.append(f"{verb.name}, two at once: {ends}")
        check_left(out, verb, states, seen, f"two at once, {number}")
        check_repaired(out, verb, number % 2, states, environment, seen, f"two at once, {number}")
    print(f"{verb.name} twice at once: {seen.counts} {seen.faults}", flush=True)
    return seen


def main() -> None:
    """Disturb every verb and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=56)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--only", choices=[*SHARES, "room", "twice"], help="one part alone")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    rows: list[tuple[str, Seen]] = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        known = verbs(folder)
        environment = {"RAMPION_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}

        def fresh(name: str) -> Path:
            (folder / name).mkdir()
            return folder / name

        for name, share in SHARES.items():
            if options.only in (None, name):
                kills = max(1, round(share * options.kills / sum(SHARES.values())))
                rows.append((f"{name}, killed", killed(known[name], kills, chance, fresh(f"k-{name}"), environment)))
        for name in ("study", "analyse"):
            if options.only in (None, "room"):
                rows.append((f"{name}, no room", without_room(known[name], fresh(f"r-{name}"), environment)))
            if options.only in (None, "twice"):
                rows.append((f"{name}, twice at once", at_once(known[name], 4, fresh(f"t-{name}"), environment)))
    print(f"\nseed {options.seed}")
    for name, seen in rows:
        print(f"{name:<26} {', '.join(f'{count} {what}' for what, count in seen.counts.items())}")
    faults = [fault for _, seen in rows for fault in seen.faults]
    print("\n".join(faults) or "no fault")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
