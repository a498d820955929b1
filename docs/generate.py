"""Write the pages that follow from the code: nomenclature, the command line's reference, what decides a verdict.

``python docs/generate.py`` rewrites them; a test fails when they are out of date.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from dataclasses import fields
from pathlib import Path

import click

from rampion.cli import cli
from rampion.quantities import QUANTITIES
from rampion.voltammetry.verdict import SHAPE, ShapeRule

HERE = Path(__file__).parent
JUDGE = {
    "programme": "What was done to the cell, and where it rested",
    "verdict": "What a shape is",
    "hypotheses": "What explains a record",
    "noise": "Its noise",
    "courses": "Its courses",
    "event": "Its zero and its conductance",
    "event_place": "Where the event is",
    "neutrality": "Where the model ends",
    "confidence": "How sure",
}  # modules of voltammetry/ whose numbers decide what is said of a sweep
# of them those of the search: they cost time or digits, and decide nothing
SEARCH = {
    "_NUDGE", "_SETTLED", "_SHORTER", "_HOPELESS", "_APPROACH", "_KEPT", "_APART", "_SAME", "_CAPPED", "_BREAKS",
    "_PARTS", "DRAWS", "OCTAVES", "_LOOK", "CLOSE", "_FLOOR", "_DEEPEST", "_FINEST", "TRANSFERENCES", "SERIES_SHARES",
    "CONTACT_SHARES", "KNEES", "SHARPNESS", "_CACHED", "_RUNS, _RUN", "NORMAL_MAD",
}  # fmt: skip


def nomenclature() -> str:
    """The table of quantities: name, symbol, SI unit inside, unit shown."""
    rows = []
    for entry in sorted(QUANTITIES.values(), key=lambda entry: entry.name):
        cells = (entry.name.replace("_", " "), entry.symbol, entry.unit or "1", entry.shown_unit or "1", entry.meaning)
        rows.append(f"| {' | '.join(cells)} |")
    head = [
        "# Nomenclature",
        "",
        "Inside rampion, and in every JSON, numbers are in the SI unit; tables, figures and the shell show the other.",
        "",
        "| quantity | symbol | SI unit | shown in | meaning |",
        "|---|---|---|---|---|",
    ]
    return "\n".join(head + rows) + "\n"


def command_reference() -> str:
    """The help of every verb, as the shell prints it."""
    pages = ["# Command line\n"]

    def add(command: click.Command, path: str, parent: click.Context | None) -> None:
        context = click.Context(command, info_name=path.split()[-1], parent=parent, max_content_width=100)
        context.terminal_width = 100
        pages.append(f"## `{path}`\n\n```text\n{command.get_help(context)}\n```\n")
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                child = command.get_command(context, name)
                assert child is not None
                add(child, f"{path} {name}", context)

    add(cli, "rampion", None)
    return "\n".join(pages)


def constants(source: str) -> list[tuple[str, str, str]]:
    """Name, value and reason (the comment beside it) of the module's numbers, those of the search left out."""
    comments = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    rows = []
    for line in ast.parse(source).body:
        if not isinstance(line, ast.Assign) or not re.fullmatch(r"[-+\d.e(), _]+", ast.unparse(line.value)):
            continue
        name = ast.unparse(line.targets[0]).strip("()")
        if name not in SEARCH:
            rows.append((name, ast.unparse(line.value).strip("()"), comments.get(line.end_lineno or 0, "")))
    return rows


def thresholds() -> str:
    """The numbers that decide the verdict of a sweep, with their reasons."""
    reasons = dict(re.findall(r"^ *(\w+) : (.*)$", str(ShapeRule.__doc__), re.M))
    shape = [(f"ShapeRule.{one.name}", f"{getattr(SHAPE, one.name):g}", reasons[one.name]) for one in fields(ShapeRule)]
    pages, count = [], 0
    for module, title in JUDGE.items():
        source = (HERE.parent / "src" / "rampion" / "voltammetry" / f"{module}.py").read_text(encoding="utf-8")
        rows = (shape if module == "verdict" else []) + constants(source)
        count += len(rows)
        pages += [
            "",
            f"## {title}: `voltammetry/{module}.py`",
            "",
            "| name | value | of what, and why |",
            "|---|---|---|",
        ]
        pages += [f"| `{name}` | {value} | {reason} |" for name, value, reason in rows]
    head = [
        "# Thresholds",
        "",
        f"The {count} named numbers that decide what is said of a sweep. Steps, starts and tolerances of the search",
        "are left out, and so are the priors of the courses' numbers (`_PRIOR` in `voltammetry/hypotheses.py`) and how",
        "many blocks a mean inside a function takes.",
    ]
    return "\n".join(head + pages) + "\n"


PAGES = {"nomenclature.md": nomenclature, "command_line.md": command_reference, "thresholds.md": thresholds}

if __name__ == "__main__":
    for name, make in PAGES.items():
        (HERE / name).write_text(make(), encoding="utf-8")
