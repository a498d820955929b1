#!/usr/bin/env python3
"""Everything a clean clone needs, with nothing but Python 3.11+ and pip: ``python3 dev.py run`` and ``... test``.

The first call makes a virtual environment in ``.venv`` from ``requirements.lock`` (exact versions, with hashes);
later calls reuse it until the lock changes. pip's own configuration decides where packages come from.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".venv"
BINARIES = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin")
LOCK = ROOT / "requirements.lock"


def call(*command: str | Path) -> None:
    """Run a command in the repository; its failure is ours."""
    print("$", " ".join(Path(part).name if index == 0 else str(part) for index, part in enumerate(command)), flush=True)
    status = subprocess.run([str(part) for part in command], cwd=ROOT, check=False).returncode
    if status:
        sys.exit(status)


def set_up() -> None:
    """Make or refresh the virtual environment."""
    stamp = ENVIRONMENT / "rampion.stamp"
    wanted = hashlib.sha256(LOCK.read_bytes() + (ROOT / "pyproject.toml").read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    print("Setting up .venv (once; a minute or two) ...", flush=True)
    if not (BINARIES / ("python.exe" if os.name == "nt" else "python")).exists():
        venv.create(ENVIRONMENT, with_pip=True)
    pip = (BINARIES / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    call(*pip, "--require-hashes", "-r", "requirements.lock")
    call(*pip, "--no-deps", "--no-build-isolation", "-e", ".")
    stamp.write_text(wanted)


def run(_: argparse.Namespace) -> None:
    """Run the main job on the example and show the result."""
    call(BINARIES / "rampion", "analyse", "examples/data", "-o", "rampion-out")


def test(options: argparse.Namespace) -> None:
    """Pass the whole suite: style, types, layers, tests."""
    call(BINARIES / "ruff", "check", ".")
    call(BINARIES / "ruff", "format", "--check", ".")
    call(BINARIES / "basedpyright")
    call(BINARIES / "lint-imports")
    pytest = [BINARIES / "python", "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile"]
    if options.slow:
        pytest += ["-m", "slow or not slow"]
    call(*pytest, *options.rest)


def lock(_: argparse.Namespace) -> None:
    """Resolve the requirements anew into requirements.lock (needs uv in the environment)."""
    call(BINARIES / "python", "-m", "pip", "install", "--quiet", "uv")
    call(
        *(BINARIES / "uv", "pip", "compile", "pyproject.toml", "--all-extras", "--group", "test", "--group", "build"),
        *("--universal", "--python-version", "3.11", "--generate-hashes", "--no-annotate", "--no-header", "--upgrade"),
        *("--quiet", "--output-file", "requirements.lock"),
    )


def main() -> None:
    """Read the command line."""
    if sys.version_info < (3, 11):
        sys.exit(f"rampion needs Python 3.11 or newer; this is {sys.version.split()[0]}: call dev.py with a newer one.")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb in (run, test, lock):
        command = verbs.add_parser(verb.__name__, help=verb.__doc__)
        command.set_defaults(action=verb)
        if verb is test:
            command.add_argument("--slow", action="store_true", help="with the recovery and fuzz runs of minutes")
            command.add_argument("rest", nargs="*", help="further arguments for pytest (after --)")
    options = parser.parse_args()
    set_up()
    options.action(options)


if __name__ == "__main__":
    main()
