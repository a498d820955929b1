"""Do the tests notice a wrong line? One small fault at a time is put into a numerical module, and its tests are run.

    python benchmarks/mutations.py                              every module of MODULES, 40 faults each
    python benchmarks/mutations.py estimate campaign --count 200 --seconds 900

Faults: + ↔ −, × ↔ ÷, ** → ×, a comparison turned or made (un)strict, and ↔ or, a number doubled (0 → 1), a sign or a
``not`` dropped, a repeated assignment or a bare call removed, a conditional value's branches exchanged. They are drawn
without replacement from all places of a module with the seed below. A fault is caught when a test fails or runs past
the time limit (five times the unharmed run, at least 30 s). Text, type hints and messages are left alone.

An own mutator, because the kept libraries rewrite every function around trampolines (mutmut) or need a session
database and one process a fault (cosmic-ray); here a fork of a process that has the heavy libraries loaded costs 1–3 s.
Needs an operating system that forks. Survivors are printed with their line: each is either an equivalent program
(a tolerance, a bracket of a search, a start) or a missing test.
"""

from __future__ import annotations

import argparse
import ast
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SEED = 20261130
TIMES, LEAST = 5.0, 30.0  # the time limit of a fault's run: so many unharmed runs, at least so many seconds

_SCALING = ("tests/campaign/test_scaling.py",)
_SURVIVAL = ("tests/campaign/test_survival.py",)
_PEAKS = ("tests/transport/test_peak_laws.py", "tests/transport/test_transport.py")
_TRANSPORT = ("tests/transport/test_transport.py",)
_FITTING = ("tests/test_fitting.py", "tests/test_fit_batch.py")
MODULES: dict[str, tuple[str, ...]] = {
    "estimate": ("tests/test_estimate.py",),
    "fitting": _FITTING,
    "units": ("tests/test_units.py",),
    "campaign/regression": _SCALING,
    "campaign/scaling": _SCALING,
    "campaign/collapse": _SCALING,
    "campaign/replicates": _SURVIVAL,
    "campaign/survival": _SURVIVAL,
    "transport/activation": ("tests/transport/test_activation.py",),
    "transport/carriers": _TRANSPORT,
    "transport/conductivity": _TRANSPORT,
    "transport/diffusivity": _TRANSPORT,
    "transport/limiting_current": _TRANSPORT,
    "transport/transference": _TRANSPORT,
    "transport/collapse_fit": _TRANSPORT,
    "transport/peak_function": _PEAKS,
    "transport/peak_laws": _PEAKS,
    "transport/sand": _PEAKS,
    "voltammetry/neutrality": ("tests/voltammetry/test_neutrality.py",),
    "voltammetry/noise": ("tests/voltammetry",),
    "voltammetry/ohmic": ("tests/voltammetry",),
    "voltammetry/peak": ("tests/voltammetry",),
    "voltammetry/galvanostatic": ("tests/voltammetry/test_constant_current.py",),
    "voltammetry/initiation": ("tests/voltammetry/test_constant_current.py",),
    "cell/binary_current": ("tests/cell/test_binary_current.py",),
    "impedance/elements": ("tests/impedance/test_elements.py", "tests/impedance/test_circuit_fit.py"),
    "impedance/conductivity": ("tests/impedance/test_processes.py", "tests/impedance/test_total_resistance.py"),
    "impedance/whiteness": ("tests/impedance/test_whiteness.py",),
    "impedance/kramers_kronig": ("tests/impedance/test_kramers_kronig.py",),
    "impedance/z_hilbert": ("tests/impedance/test_z_hilbert.py",),
}

_SWAPS: dict[type, tuple[str, str]] = {
    ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "/"), ast.Div: ("/", "*"), ast.Pow: ("**", "*"),
    ast.Lt: ("<", ">="), ast.LtE: ("<=", "<"), ast.Gt: (">", "<="), ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="), ast.NotEq: ("!=", "=="), ast.And: ("and", "or"), ast.Or: ("or", "and"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """A piece of source text and what takes its place."""

    start: int
    end: int
    text: str
    line: int


def faults_of(source: str) -> list[Fault]:
    """Every fault of a module, in the order of its lines."""
    offsets = [0]
    for line in source.splitlines(keepends=True):
        offsets.append(offsets[-1] + len(line))
    lines = source.splitlines()

    def at(row: int, column: int) -> int:
        return offsets[row - 1] + len(lines[row - 1].encode()[:column].decode())

    def span(node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return at(node.lineno, node.col_offset), at(node.end_lineno, node.end_col_offset)

    def between(left: ast.expr, right: ast.expr, operator: object) -> Iterator[Fault]:
        if type(operator) in _SWAPS:
            old, new = _SWAPS[type(operator)]
            low, high = span(left)[1], span(right)[0]
            where = source.find(old, low, high)
            if where >= 0:
                yield Fault(where, where + len(old), new, source.count("\n", 0, where) + 1)

    def of(node: ast.AST) -> Iterator[Fault]:
        match node:
            case ast.BinOp(left, operator, right):
                yield from between(left, right, operator)
            case ast.Compare(left, (operator, *_), (right, *_)):
                yield from between(left, right, operator)
            case ast.BoolOp(operator, (left, right, *_)):
                yield from between(left, right, operator)
            case ast.AugAssign(target, operator, value):
                yield from between(target, value, operator)
            case ast.UnaryOp(ast.USub() | ast.Not(), operand):
                yield Fault(span(node)[0], span(operand)[0], "", node.lineno)
            case ast.IfExp(_, body, otherwise):
                low, high = span(body)
                begin, end = span(otherwise)
                turned = f"{source[begin:end]}{source[high:begin]}{source[low:high]}"
                yield Fault(low, end, turned, node.lineno)
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                yield Fault(*span(node), f"{2 * value!r}" if value else "1", node.lineno)
            case ast.Expr(ast.Call()):
                yield Fault(*span(node), "pass", node.lineno)
            case ast.Assign([ast.Name(name)], value) if any(
                isinstance(inner, ast.Name) and inner.id == name for inner in ast.walk(value)
            ):
                yield Fault(*span(node), "pass", node.lineno)

    found: list[Fault] = []

    def walk(node: ast.AST) -> None:
        if isinstance(node, ast.JoinedStr | ast.Raise | ast.Assert):
            return  # messages, and what they say
        found.extend(of(node))
        for name, child in ast.iter_fields(node):
            if name in ("annotation", "returns", "decorator_list"):
                continue
            for one in child if isinstance(child, list) else [child]:
                if isinstance(one, ast.AST):
                    walk(one)

    walk(ast.parse(source))
    return sorted(set(found), key=lambda fault: (fault.start, fault.end, fault.text))


def _run_tests(source: str, tests: tuple[str, ...], folder: str) -> None:
    os.chdir(ROOT)
    os.environ["RAMPION_CACHE"] = folder
    sys.path.insert(0, source)
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    import pytest

    plain = ["-o", "addopts=", "-m", "not slow"]  # without the checker of shapes, whose set-up takes most of the time
    code = pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--no-header", "--tb=no", *plain, *tests])
    os._exit(int(code))


def outcome(source: Path, tests: tuple[str, ...], limit: float) -> tuple[bool, float]:
    """Whether the tests pass within the limit, and the seconds they took."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        run = multiprocessing.get_context("fork").Process(target=_run_tests, args=(str(source), tests, scratch))
        run.start()
        run.join(limit)
        if run.is_alive():
            run.kill()
            run.join()
            return False, time.monotonic() - begun
    return run.exitcode == 0, time.monotonic() - begun


def examine(module: str, count: int, source: Path, budget: float) -> tuple[int, int, list[str]]:
    """Faults tried within the budget [s], faults caught, and the lines of those that nobody noticed."""
    begun = time.monotonic()
    path = source / "rampion" / f"{module}.py"
    sound = path.read_text("utf-8")
    tests = MODULES[module]
    passed, seconds = outcome(source, tests, 600.0)
    if not passed:
        sys.exit(f"the tests of {module} fail without any fault")
    faults = faults_of(sound)
    drawn = random.Random(f"{SEED} {module}").sample(faults, min(count, len(faults)))
    survived = []
    tried = 0
    for fault in drawn:
        if time.monotonic() - begun > budget:
            break
        wrong = sound[: fault.start] + fault.text + sound[fault.end :]
        try:
            compile(wrong, str(path), "exec")
        except SyntaxError:
            continue
        tried += 1
        path.write_text(wrong, "utf-8")
        os.utime(path, (tried, tried))  # another time each: no compiled copy of the last fault is taken for this one
        if outcome(source, tests, max(LEAST, TIMES * seconds))[0]:
            before, after = sound.splitlines()[fault.line - 1].strip(), fault.text.replace("\n", " ") or "(dropped)"
            survived.append(f"{module}:{fault.line}: {sound[fault.start : fault.end]!r} → {after!r} in: {before}")
            print("  survived", survived[-1], flush=True)
    path.write_text(sound, "utf-8")
    return tried, tried - len(survived), survived


def main() -> None:
    """Print the score of each module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", help="beginnings of module names; all by default")
    parser.add_argument("--count", type=int, default=40, help="faults a module")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="time for each module's faults")
    options = parser.parse_args()
    chosen = [one for one in MODULES if not options.modules or one.startswith(tuple(options.modules))]
    import matplotlib  # noqa: F401
    import pytest  # noqa: F401
    import scipy.integrate
    import scipy.optimize
    import scipy.stats  # noqa: F401

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder)
        shutil.copytree(ROOT / "src" / "rampion", source / "rampion", ignore=shutil.ignore_patterns("__pycache__"))
        for module in chosen:
            tried, caught, _ = examine(module, options.count, source, options.seconds)
            rows.append((module, tried, caught))
            print(f"{module:32s} {caught:4d} of {tried:4d} caught  {caught / max(tried, 1):4.0%}", flush=True)
    tried, caught = sum(row[1] for row in rows), sum(row[2] for row in rows)
    print(f"{'all':32s} {caught:4d} of {tried:4d} caught  {caught / max(tried, 1):4.0%}")


if __name__ == "__main__":
    main()
