#!/usr/bin/env python3
"""Everything a clean clone needs, with nothing but Python 3.11+ and pip: ``python3 dev.py run`` and ``... test``.

The first call makes a virtual environment in ``.venv`` from ``requirements.lock`` (exact versions, with hashes);
later calls reuse it until the lock changes. pip's own configuration decides where packages come from. ``test --lowest``
and ``--base`` have environments of their own: the lowest versions that pyproject.toml declares, and those without any
extra; ``--newest`` has one for the Python that runs it. Each has the tests that call other packages (readers, fitting,
units, records, the shell). The style is checked in ``test``.
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
NEWEST = f".venv-{sys.version_info[0]}.{sys.version_info[1]}"
DEPENDENT = ("tests/test_*.py", "tests/readers", "tests/faces/test_s*.py")
ENVIRONMENTS = {  # folder, lock, tests
    "everyday": (".venv", "requirements.lock", ()),
    "lowest": (".venv-lowest", "requirements-lowest.lock", DEPENDENT),
    "base": (".venv-base", "requirements-base.lock", DEPENDENT),
    "newest": (NEWEST, "requirements.lock", DEPENDENT),
}


def call(*command: str | Path) -> None:
    """Run a command in the repository; its failure is ours."""
    print("$", " ".join(Path(part).name if index == 0 else str(part) for index, part in enumerate(command)), flush=True)
    status = subprocess.run([str(part) for part in command], cwd=ROOT, check=False).returncode
    if status:
        sys.exit(status)


def set_up(folder: str, lock: str) -> Path:
    """Make or refresh a virtual environment; where its programs are."""
    environment = ROOT / folder
    binaries = environment / ("Scripts" if os.name == "nt" else "bin")
    stamp = environment / "rampion.stamp"
    wanted = hashlib.sha256((ROOT / lock).read_bytes() + (ROOT / "pyproject.toml").read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return binaries
    print(f"Setting up {folder} (once; a minute or two) ...", flush=True)
    if not (binaries / ("python.exe" if os.name == "nt" else "python")).exists():
        venv.create(environment, with_pip=True)
    pip = (binaries / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    call(*pip, "--require-hashes", "-r", lock)
    call(*pip, "--no-deps", "--no-build-isolation", "-e", ".")
    stamp.write_text(wanted)
    return binaries


def run(_: argparse.Namespace, binaries: Path) -> None:
    """Run the main job on the example and show the result."""
    call(binaries / "rampion", "analyse", "examples/data", "-o", "rampion-out")


def test(options: argparse.Namespace, binaries: Path) -> None:
    """Pass the whole suite: style, types, layers, tests."""
    chosen = ENVIRONMENTS[options.environment][2]
    if not chosen:
        call(binaries / "ruff", "check", ".")
        call(binaries / "ruff", "format", "--check", ".")
        call(binaries / "basedpyright")
        call(binaries / "lint-imports")
    pytest = [binaries / "python", "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile"]
    if options.slow:
        pytest += ["-m", "slow or not slow"]
    call(*pytest, *(path for pattern in chosen for path in sorted(ROOT.glob(pattern))), *options.rest)


def lock(_: argparse.Namespace, binaries: Path) -> None:
    """Resolve the three locks anew (needs uv in the environment)."""
    call(binaries / "python", "-m", "pip", "install", "--quiet", "uv")
    compiled = (binaries / "uv", "pip", "compile", "pyproject.toml", "--group", "test", "--group", "build")
    how = (
        "--universal",
        "--python-version",
        "3.11",
        "--generate-hashes",
        "--no-annotate",
        "--no-header",
        "--upgrade",
        "--quiet",
    )
    lowest = ("--resolution", "lowest-direct")
    call(*compiled, *how, "--all-extras", "--group", "check", "--output-file", "requirements.lock")
    call(*compiled, *how, "--all-extras", *lowest, "--output-file", "requirements-lowest.lock")
    call(*compiled, *how, *lowest, "--output-file", "requirements-base.lock")


def main() -> None:
    """Read the command line."""
    if sys.version_info < (3, 11):
        sys.exit(f"rampion needs Python 3.11 or newer; this is {sys.version.split()[0]}: call dev.py with a newer one.")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb in (run, test, lock):
        command = verbs.add_parser(verb.__name__, help=verb.__doc__)
        command.set_defaults(action=verb, environment="everyday")
        if verb is test:
            command.add_argument("--slow", action="store_true", help="with the recovery and fuzz runs of minutes")
            for name in ("lowest", "base", "newest"):
                words = "a selection of the tests in the environment of that name"
                command.add_argument(f"--{name}", dest="environment", action="store_const", const=name, help=words)
            command.add_argument("rest", nargs="*", help="further arguments for pytest (after --)")
    options = parser.parse_args()
    folder, lock_file, _ = ENVIRONMENTS[options.environment]
    options.action(options, set_up(folder, lock_file))


if __name__ == "__main__":
    main()
