"""Runs that are killed, or have no room on the disk, leave one run's files; the next run gives the undisturbed ones.

A short selection; ``benchmarks/interrupted.py`` does it for every verb, with worker pools and small disks.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("kills process groups and limits files as POSIX does", allow_module_level=True)

from interruptions import Seen, Verb, check_left, check_repaired, finish, in_small_files, kill_after, standing

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    """Two states of a campaign of one record, what they give undisturbed, and the environment of the runs."""
    folder = tmp_path_factory.mktemp("interrupted")
    for name, thickness in (("first", 1), ("second", 2)):
        (folder / name).mkdir()
        shutil.copy(ROOT / "examples" / "data" / "stopped_01_LSV.csv", folder / name / "S.csv")
        sheet = f"sample;file;thickness [mm];area [mm²]\n{name};S.csv;{thickness};4\n"
        (folder / name / "samples.csv").write_text(sheet, encoding="utf-8")
    verb = Verb(name="study", first=["study", str(folder / "first")], second=["study", str(folder / "second")])
    source = {"PYTHONPATH": str(ROOT / "src"), "RAMPION_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    states = []
    for state in (0, 1, 0):
        code, told, lasts = finish(verb.command(state, folder / "out"), source)
        assert code == 0, told
        states.append(standing(folder / "out"))
    assert states[0] == states[2] != states[1]
    return verb, states[:2], lasts, folder / "out", source


def test_killed_runs_leave_one_run_and_are_repaired(campaign):
    verb, states, lasts, out, source = campaign
    seen, chance = Seen(), random.Random(11)
    for number in range(4):
        kill_after(lasts * chance.uniform(0.5, 1.0), verb.command(1 - number % 2, out), source)
        check_left(out, verb, states, seen, f"kill {number}")
        if number % 2:
            check_repaired(out, verb, 1 - number % 2, states, source, seen, f"kill {number}")
    assert seen.faults == []


@pytest.mark.parametrize("size", [500, 20_000])
def test_a_full_disk_is_one_sentence_and_leaves_the_earlier_run(campaign, size):
    verb, states, _, out, source = campaign
    seen = Seen()
    check_repaired(out, verb, 0, states, source, seen, "at first")
    code, told, _ = finish(in_small_files(size, verb.command(1, out)), source)
    assert code == 4
    assert "The disk has no room" in told
    assert "Traceback" not in told
    assert standing(out) == states[0]
    check_repaired(out, verb, 1, states, source, seen, f"files of {size} bytes")
    assert seen.faults == []


@pytest.mark.slow
def test_every_verb_killed_and_without_room():
    words = [sys.executable, ROOT / "benchmarks" / "interrupted.py", "--kills", "13"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
