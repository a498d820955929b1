"""Faults of structure in what people write: sample sheets, overrides, circuits."""

from __future__ import annotations

import io
import random
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
from structure_judge import Outcome, Verdict, guarded
from structure_mutants import Expectation, Mutant, draw
from structure_seeds import Layout, Seed

from rampion.estimate import Estimate, Severity
from rampion.impedance.notation import parse_circuit, print_circuit
from rampion.measurement import Sample
from rampion.readers.overrides import read_overrides
from rampion.readers.samples import SampleSheet, read_samples

_HEADING = ("sample", "file", "thickness [mm]", "thickness std [mm]", "area [mm²]", "scan rate [mV/s]",
            "temperature [°C]", "pellet", "operator")  # fmt: skip
_CELLS = (
    ("S1", "S1_LSV.mpr", "1.00", "0.02", "4.1", "0.05", "25", "P1", "AB"),
    ("S2", "S2_LSV.mpr", "0.51", "0.01", "3.9", "0.5", "25", "P1", "AB"),
    ("S3", "S3_LSV.mpr", "2.03", "0.03", "4.3", "0.05", "40", "P2", "CD"),
    ("S4", "S4_LSV.mpr", "1.52", "0.02", "12.6", "1.0", "60", "P2", "CD"),
    ("S5", "S5_LSV.mpr", "3.07", "0.04", "78.5", "0.003", "25", "P3", ""),
    ("S6", "S6_LSV.mpr", "0.98", "0.02", "4.0", "0.1", "-10", "P3", ""),
)
_TOML = "".join(
    f'[[sample]]\nname = "{name}"\nfiles = ["{file}"]\nthickness = "{thick} ± {std} mm"\n"area [mm²]" = {area}\n'
    f'"scan rate [mV/s]" = {rate}\ntemperature = "{warm} °C"\npellet = "{pellet}"\n\n'
    for name, file, thick, std, area, rate, warm, pellet, _ in _CELLS
)
_OVERRIDES = """[[override]]
sample = "S014"
reason = "the first maximum is a change of the current range"
by = "AB"
sweep = 1
verdict = "limiting_peak"
at = "0.32 V"

[[override]]
sample = "S015"
reason = "the first 5 mV charge the double layer"
ohmic_window = ["5 mV", "40 mV"]

[[override]]
sample = "S016"
reason = "the lead came off during the scan"
spectrum = 3
exclude = true

[[override]]
sample = "S017"
reason = "grain boundary and interface overlap"
circuit = "R0-p(R1,CPE1)-p(R2,CPE2)"
"""
CIRCUITS = ("R0-p(R1,CPE1)-W1", "R(RQ)(R[QW])", "R0-p(R1,CPE1)-p(R2-Wo1,C2)", "L0-R0-p(R1,CPE1)-p(R2,CPE2)-CPE3",
            "R(C[R(RQ)])", "LR(RQ)(RQ)")  # fmt: skip


def _sheet_seed(name: str, separator: str, comma: bool = False, encoding: str = "utf-8") -> Seed:
    rows = [separator.join(cell.replace(".", ",") if comma and place not in (0, 1) else cell
                           for place, cell in enumerate(row)) for row in _CELLS]  # fmt: skip
    lines = (separator.join(_HEADING), *rows, "")
    layout = Layout(lines, 0, 1, 1 + len(rows), separator, "," if comma else ".", encoding)
    return Seed("sample sheet", name, layout.written(), layout)


def _sheet_book() -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(list(_HEADING))
    for row in _CELLS:
        sheet.append([cell if place in (0, 1, 7, 8) else float(cell) for place, cell in enumerate(row)])
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def sheet_seeds() -> tuple[Seed, ...]:
    """Sample sheets that all state the same."""
    toml = Layout(tuple(_TOML.split("\n")), 0, 1, _TOML.count("\n"), " = ", "#", "utf-8")
    return (
        _sheet_seed("samples.csv", ";", comma=True),
        _sheet_seed("samples.csv", ","),
        _sheet_seed("samples.csv", "\t", encoding="cp1252"),
        Seed("sample sheet", "samples.toml", toml.written(), toml),
        Seed("sample sheet", "samples.xlsx", _sheet_book()),
    )


_NUMBERS = tuple(field.name for field in fields(Sample) if "Estimate" in str(field.type))


def _stated(sheet: SampleSheet) -> dict[str, dict[str, Estimate]]:
    found: dict[str, dict[str, Estimate]] = {}
    for row in sheet.rows:
        mine = found.setdefault(row.sample.name, {})
        for name in _NUMBERS:
            if (value := getattr(row.sample, name)) is not None:
                mine[name] = value
        mine |= row.stated
    return found


def judge_sheet(mutant: Mutant, folder: Path) -> Verdict:
    """Read the sheet and compare each sample's numbers with what was written of it."""
    path = folder / mutant.name
    sound, _ = guarded(lambda: (path.write_bytes(mutant.seed.content), read_samples(path))[1])
    path.write_bytes(mutant.content)
    sheet, verdict = guarded(lambda: read_samples(path))
    if verdict:
        return verdict
    if mutant.expectation is Expectation.LIE:
        return Verdict(Outcome.UNJUDGED)
    truth, seen = _stated(sound), _stated(sheet)
    flagged = any(flag.severity is not Severity.NOTE for flag in sheet.flags)
    noted = {flag.code for flag in sheet.flags} - {flag.code for flag in sound.flags}
    wrong, lost = [], []
    for name, numbers in seen.items():
        if name not in truth:
            lost.append(f"the name of {name!r}")
            continue
        for key, value in numbers.items():
            right = truth[name].get(key)
            if right is None or not np.isclose(value.value, right.value, rtol=1e-9):
                wrong.append(f"{key} of {name}: {value.value:g}")
            elif np.isfinite(value.std) and not np.isclose(value.std, right.std, rtol=1e-9):
                wrong.append(f"std of {key} of {name}: {value.std:g}")
        lost += [f"{key} of {name}" for key in truth[name] if key not in numbers]
    lost += [name for name in truth if name not in seen]
    if wrong:
        return Verdict(Outcome.FLAGGED if flagged else Outcome.WRONG, "; ".join(wrong[:3]))
    if lost:
        seen_to = mutant.expectation is Expectation.FEWER or flagged or noted
        return Verdict(Outcome.PART if seen_to else Outcome.LOST, "; ".join(lost[:3]))
    return Verdict(Outcome.TRUE)


def draw_sheet(rng: random.Random) -> Mutant:
    """A sample sheet with a fault. TOML is damaged by lines and bytes only: its rows have no columns."""
    while True:
        mutant = draw(rng, rng.choice(sheet_seeds()))
        if mutant.expectation is Expectation.DAMAGED:  # an empty cell is not known, and stands so in the sheet
            mutant = replace(mutant, expectation=Expectation.FEWER)
        if mutant.name != "samples.toml" or mutant.fault not in _OF_TABLES:
            return mutant


_OF_TABLES = {
    "cells added at the end", "cells padded", "cells quoted", "column removed", "columns in another order",
    "names one short", "a name missing", "another separator", "another separator in some rows", "plus signs",
    "column twice", "cell lost",
    "cells emptied", "words in cells", "comma and comma", "two rows in one line", "rows exchanged", "rows reversed",
    "block moved", "header repeated", "long preamble", "row cut short", "names without their units", "huge cell",
    "rows twice", "rows removed", "cut at a line", "words between rows", "line broken in a cell", "no names",
    "typographic minus", "names exchanged", "unknown unit", "the other decimal mark",
}  # fmt: skip

_PIECES = ("[[override]]", "[override]", '"', "'", "=", "[", "]", "{", "}", "#", "\\", "\0", "\ufeff", "sweep = ",
           'at = "5"', "sweep = true", 'sample = ""', "ohmic_window = [1, 2]", 'x = "y"', "\n\n", "1e400",
           "verdict = 5", "override = 3\n", 'at = "1e999 V"', 'at = "nan V"')  # fmt: skip


def draw_overrides(rng: random.Random) -> Mutant:
    """``overrides.toml`` with lines and pieces lost, doubled, exchanged, put in, or in another encoding."""
    seed = Seed("overrides", "overrides.toml", _OVERRIDES.encode())
    lines = _OVERRIDES.split("\n")
    fault = rng.choice(["lines removed", "lines doubled", "lines exchanged", "piece put in", "cut", "deep nesting",
                        "another encoding", "line ends", "huge"])  # fmt: skip
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    encoding = "utf-8"
    if fault == "lines removed":
        del lines[one : one + rng.choice([1, 3])]
    elif fault == "lines doubled":
        lines[one:one] = lines[one : one + rng.choice([1, 8])]
    elif fault == "lines exchanged":
        lines[one], lines[other] = lines[other], lines[one]
    elif fault == "piece put in":
        where = rng.randrange(len(lines[one]) + 1)
        lines[one] = lines[one][:where] + rng.choice(_PIECES) + lines[one][where:]
    elif fault == "deep nesting":
        depth = rng.choice([50, 2000, 100_000])
        lines.append("at = " + "[" * depth + "]" * depth)
    elif fault == "huge":
        lines.append(f'by = "{"x" * 1_000_000}"')
    elif fault == "another encoding":
        encoding = rng.choice(["utf-16", "utf-8-sig", "utf-16-le", "cp037"])
    content = ("\r" if fault == "line ends" else "\n").join(lines).encode(encoding)
    if fault == "cut":
        content = content[: rng.randrange(len(content))]
    return Mutant(seed, fault, Expectation.LIE, "overrides.toml", content)


def judge_overrides(mutant: Mutant, folder: Path) -> Verdict:
    """Read the overrides: decisions, or a sentence."""
    path = folder / mutant.name
    path.write_bytes(mutant.content)
    _, verdict = guarded(lambda: read_overrides(path))
    return verdict or Verdict(Outcome.UNJUDGED)


_TOKENS = ("R", "C", "CPE", "Q", "W", "Ws", "Wo", "L", "p(", "(", ")", "[", "]", ",", "-", " ", "0", "1", "99", "_a",
           "é", "\0", "\n", "G", "Zarc", "R1", "p", "²", "R" * 50)  # fmt: skip


def draw_circuit(rng: random.Random) -> Mutant:
    """A circuit with characters lost, doubled, exchanged, put in, or nested deep."""
    text = rng.choice(CIRCUITS)
    for _ in range(rng.choice([1, 2, 5])):
        one, other = sorted((rng.randrange(len(text) + 1), rng.randrange(len(text) + 1)))
        text = rng.choice([
            text[:one] + text[other:], text[:other] + text[one:], text[:one] + rng.choice(_TOKENS) + text[one:],
            text[:one] + text[one:other][::-1] + text[other:],
        ])  # fmt: skip
    fault = rng.choice(["tokens"] * 20 + ["deep nesting", "long"])
    if fault == "deep nesting":
        depth = rng.choice([30, 2000, 50_000])
        text = rng.choice(["p(R," * depth + "C" + ")" * depth, "(R[" * depth + "C" + "])" * depth, "(" * depth])
    elif fault == "long":
        text = rng.choice(["-", ""]).join(["R"] * rng.choice([200, 3000]))
    seed = Seed("circuit", "circuit", text.encode())
    return Mutant(seed, fault, Expectation.SAME, "circuit", text.encode())


def judge_circuit(mutant: Mutant, folder: Path) -> Verdict:
    """Read the circuit; what is printed of it must read as the same."""

    def there_and_back() -> bool:
        printed = print_circuit(parse_circuit(mutant.content.decode()))
        return print_circuit(parse_circuit(printed)) == printed

    same, verdict = guarded(there_and_back)
    if verdict:
        return verdict
    return Verdict(Outcome.TRUE) if same else Verdict(Outcome.WRONG, mutant.content.decode()[:80])


WRITTEN = {
    "sample sheet": (draw_sheet, judge_sheet),
    "overrides": (draw_overrides, judge_overrides),
    "circuit": (draw_circuit, judge_circuit),
}
"""Kind of writing → how a mutant is drawn and judged."""
