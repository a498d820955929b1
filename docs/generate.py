"""Write the pages that follow from the code: the nomenclature and the command line's reference.

``python docs/generate.py`` rewrites them; a test fails when they are out of date.
"""

from __future__ import annotations

from pathlib import Path

import click

from rampion.cli import cli
from rampion.quantities import QUANTITIES

HERE = Path(__file__).parent


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


PAGES = {"nomenclature.md": nomenclature, "command_line.md": command_reference}

if __name__ == "__main__":
    for name, make in PAGES.items():
        (HERE / name).write_text(make(), encoding="utf-8")
