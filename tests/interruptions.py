"""Runs of the shell's verbs that are killed, have no room on the disk, or meet another run, and what then stands there.

Two states of one campaign, first and second, are written into one folder in turn; a killed run of one over the whole
other must leave one of them, whole or, in the moment in which files are moved, in part; never files of both.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rampion.results_folder import MANIFEST

DATE = re.compile(rb"20\d\d-\d\d-\d\d(T\d\d:\d\d:\d\d(\+00:00|Z)?)?")
LIMITED = """
import os, resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
os.execv(sys.argv[2], sys.argv[2:])
"""
ROUNDED = (".pdf",)  # holds its own date and identifier


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """The commands of the two states of a verb, without ``-o``; ``beside`` are files that no run owns alone."""

    name: str
    first: Sequence[str]
    second: Sequence[str]
    beside: tuple[str, ...] = ()

    def command(self, state: int, out: Path) -> list[str]:
        """The command line of one state."""
        words = self.second if state else self.first
        return [sys.executable, "-m", "rampion", *words, "-o", str(out)]


@dataclass(slots=True)
class Seen:
    """How often a disturbed run left what, and what was wrong."""

    counts: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def add(self, what: str) -> None:
        """Count one outcome."""
        self.counts[what] = self.counts.get(what, 0) + 1


def start(command: Sequence[str], environment: Mapping[str, str]):
    """Start a run in a process group of its own."""
    return subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip


def finish(command: Sequence[str], environment: Mapping[str, str]):
    """A run to its end: its exit code, what it wrote to standard error, and how long it took."""
    begin = time.perf_counter()
    process = start(command, environment)
    _, told = process.communicate()
    return process.returncode, told, time.perf_counter() - begin


def kill_after(seconds: float, command: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Kill a run with all its workers after so long; whether it still ran."""
    process = start(command, environment)
    try:
        process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return True
    return False


def in_small_files(most: int, command: Sequence[str]) -> list[str]:
    """The command where no file may be longer: as on a disk that is full after so many bytes.

    A process between sets the limit and becomes the run: a function called after the fork would run the hooks of
    every library that this process has loaded.
    """
    return [sys.executable, "-c", LIMITED, str(most), *command]


def standing(out: Path, beside: tuple[str, ...] = ()) -> dict[str, bytes]:
    """Every visible file of the folder but the manifest, dates left out."""
    found = {}
    for path in sorted(one for one in out.rglob("*") if one.is_file()):
        name = path.relative_to(out).as_posix()
        hidden = any(part.startswith(".") for part in name.split("/"))
        if not (hidden or name == MANIFEST or name.startswith(beside) or path.suffix in ROUNDED):
            found[name] = DATE.sub(b"DATE", path.read_bytes())
    return found


def names_what_stands(out: Path) -> bool:
    """Whether the manifest names exactly the files that stand there, with their hashes."""
    from rampion.records import file_hash

    manifest = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
    return all((out / name).is_file() and file_hash(out / name) == digest for name, digest in manifest["files"].items())


def state_of(found: Mapping[str, bytes], states: Sequence[Mapping[str, bytes]]) -> str | None:
    """Which state stands there, ``moving`` where a part of one does, ``None`` where files of both or others do."""
    for name, state in zip(("first", "second"), states, strict=True):
        if found == state:
            return name
    return "moving" if any(found.items() <= state.items() for state in states) else None


def check_left(out: Path, verb: Verb, states: Sequence[Mapping[str, bytes]], seen: Seen, what: str) -> None:
    """Look at what a disturbed run left."""
    state = state_of(standing(out, verb.beside), states)
    seen.add(state or "mixed")
    if state is None:
        found = standing(out, verb.beside)
        strange = sorted(name for name in found if all(found[name] != one.get(name) for one in states))
        seen.faults.append(f"{verb.name}, {what}: files of both states, or of none: {strange[:5]}")


def check_repaired(
    out: Path,
    verb: Verb,
    state: int,
    states: Sequence[Mapping[str, bytes]],
    environment: Mapping[str, str],
    seen: Seen,
    what: str,
) -> float:
    """Run again and compare with the undisturbed run, byte for byte but for dates; returns how long it took."""
    code, told, lasts = finish(verb.command(state, out), environment)
    found = standing(out, verb.beside)
    left = [path.name for path in out.iterdir() if path.name.startswith(".") and path.name != ".rampion-lock"]
    if code or found != states[state] or left or not names_what_stands(out):
        differ = sorted(name for name in {*found, *states[state]} if found.get(name) != states[state].get(name))
        seen.faults.append(f"{verb.name}, {what}: the next run gave {code}, {differ[:5]}, {left}, {told[-300:]}")
    else:
        seen.add("repaired")
    return lasts
