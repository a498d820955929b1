"""The promises of the house: layers, light imports, a command line that answers at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def python(*words: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, timeout=120, check=False, **options)


def loaded_by(code: str) -> set[str]:
    done = python("-c", f"{code}\nimport sys\nprint(' '.join(sys.modules))")
    assert done.returncode == 0, done.stderr
    return {name.split(".")[0] for name in done.stdout.split()}


def test_layers():
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


HEAVY = {"numpy", "scipy", "matplotlib", "pint", "jax", "polars", "galvani", "openpyxl"}


def test_import_and_help_load_nothing_heavy():
    assert not HEAVY & loaded_by("import rampion")
    assert not HEAVY & loaded_by("import rampion.cli")


def test_the_numerical_records_do_not_load_the_faces():
    assert not (HEAVY - {"numpy"}) & loaded_by("import rampion.measurement, rampion.records, rampion.units")


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["inspect", "--help"], ["analyse", "--help"]])
def test_the_command_line_answers(words):
    done = python("-m", "rampion", *words)
    assert done.returncode == 0, done.stderr
    assert "rampion" in done.stdout


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["nonsense"], 2, "No such command"),
        (["analyse"], 2, "Missing argument"),
        (["analyse", "missing.mpr"], 3, "does not exist"),
        (["analyse", ".", "--thickness", "1mV"], 3, "--thickness: 'mV' is a unit of potential"),
        (["inspect", "missing.mpr"], 3, "missing.mpr"),
    ],
)
def test_errors_are_one_sentence_and_an_exit_code(words, code, sentence):
    done = python("-m", "rampion", *words)
    assert done.returncode == code
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_of_the_workshop_is_in_the_repository():
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    if files.returncode or not files.stdout:
        pytest.skip("not a git checkout")
    lock = (ROOT / "requirements.lock").read_text()
    assert "http" not in lock
    assert "--index" not in lock
    for name in files.stdout.split("\n"):
        path = ROOT / name
        if path.suffix in {".py", ".md", ".toml", ".cff"} and path.is_file():
            assert "/".join(["", "work", "main"]) not in path.read_text(encoding="utf-8"), name
