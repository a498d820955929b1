"""Kill a process between any two of its operations on the disk; run as a script, as it forks a clean interpreter.

``python interrupted_sets.py FOLDER`` writes a second set over a first, killed at the n-th operation for every n, and
prints what stood there afterwards, one JSON object per line.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from rampion.results_folder import MANIFEST, new_set

FIRST = {"results.json": "first", "report.html": "first", "samples/A.html": "same", "samples/B.html": "of the first"}
SECOND = {"results.json": "second", "report.html": "second", "samples/A.html": "same", "figures/C.svg": "of the second"}
EVENTS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree", "os.truncate"}


def write_set(target: Path, files: dict[str, str]) -> None:
    """Write these files as one run's."""
    with new_set(target, "study", {}) as made:
        for name, text in files.items():
            (made.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (made.folder / name).write_text(text)


def standing(target: Path) -> dict[str, str]:
    """Every file that stands in the folder, hidden ones left out."""
    names = (path.relative_to(target) for path in sorted(target.rglob("*")) if path.is_file())
    return {
        name.as_posix(): (target / name).read_text()
        for name in names
        if name.name != MANIFEST and not any(part.startswith(".") for part in name.parts)
    }


def die_at(number: int, target: Path) -> None:
    """End this process, as a kill would, before its n-th operation on the disk in that folder."""
    count = 0

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal count
        if event in EVENTS and any(str(target) in str(one) for one in arguments):
            count += 1
            if count == number:
                os._exit(9)

    sys.addaudithook(hook)


def main(folder: Path) -> None:
    """Kill at every operation in turn, until the process lives to its end."""
    number, status = 0, 9
    while status == 9:
        number += 1
        target = folder / str(number)
        write_set(target, FIRST)
        (target / "mine.txt").write_text("foreign")
        child = os.fork()
        if child == 0:
            die_at(number, target)
            write_set(target, SECOND)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        killed = standing(target)
        write_set(target, SECOND)
        hidden = [path.name for path in target.iterdir() if path.name.startswith(".")]
        told = {"status": status, "killed": killed, "after": standing(target), "hidden": hidden}
        print(json.dumps(told))  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]))
