"""``rampion simulate grid``: one ramp over many cells, here or on a cluster."""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rampion.cli.mechanisms import MECHANISMS
from rampion.cli.options import converted, parse_values, quantity_option
from rampion.cli.simulate import CELL, cell_from, cell_options
from rampion.errors import InputError

if TYPE_CHECKING:
    from rampion.cell.parameters import Cell
    from rampion.planning.parameter_sweep import ParameterSweep

_ALIASES = {"rate": "scan_rate", "to": "stop_potential"}


@click.command()
@click.option(
    "--vary",
    multiple=True,
    help="As thickness=0.5,1,2mm or rate=0.01..1mV/s:20log (20 values, evenly in the logarithm; without log evenly). "
    "Every combination of several is simulated. Also transference, contact.capacity and the like.",
)
@click.option(
    "--table",
    type=click.Path(exists=True, dir_okay=False),
    help="Instead a csv file, one row per simulation, with columns such as 'thickness [mm]' and 'rate [mV/s]'.",
)
@quantity_option("--rate", "scan_rate", "Scan rate, as '0.05 mV/s', where it is not varied.")
@quantity_option("--to", "potential", "Where the sweep ends, where it is not varied.")
@click.option("--scheduler", help="Dask scheduler whose workers simulate, as tcp://host:8786 (needs rampion[cluster]).")
@click.option("--workers", type=click.IntRange(min=1), help="Processes on this machine; one per core.")
@click.option("--fresh", is_flag=True, help="Simulate all anew, whatever the folder holds.")
@functools.partial(cell_options, instrument=False)
def grid(
    vary: tuple[str, ...],
    table: str | None,
    scheduler: str | None,
    workers: int | None,
    fresh: bool,
    output: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """A one-way voltage ramp for many cells: peaks over one, two or more parameters, or a table of them.

    With -o DIR every result is kept as it comes: after an interruption, or with more values, the same command
    simulates only what is missing. DIR gets table.csv, results.json and a picture of the peaks.
    """
    from rampion.planning.parameter_sweep import simulate_sweep
    from rampion.records import to_json
    from rampion.report.parameter_sweep import sweep_entry, sweep_text, write_sweep

    sweep = _sweep(vary, table, options)
    with click.progressbar(length=len(sweep), label="Simulating", file=sys.stderr, hidden=as_json) as bar:
        try:
            results = simulate_sweep(
                sweep, output, fresh=fresh, workers=workers, scheduler=scheduler,
                progress=lambda done, _: bar.update(done - bar.pos),
            )  # fmt: skip
        except KeyboardInterrupt:
            kept = f" What is done is kept in {output}: the same command goes on from there." if output else ""
            click.echo(f"\n{bar.pos} of {len(sweep)} were done.{kept}", err=True)
            raise
    click.echo(to_json(sweep_entry(results)) if as_json else sweep_text(results))
    if output:
        stated = {"vary": vary, "table": table, "scheduler": scheduler} | options
        told = {name: value for name, value in stated.items() if value not in (None, ())}
        written = write_sweep(results, output, told)
        if not as_json:
            click.echo(f"Wrote {', '.join(map(str, written))}")


def _sweep(vary: Sequence[str], table: str | None, options: dict[str, Any]) -> ParameterSweep:
    """The cells and the ramp; what the cell lacks and is varied begins with its first value."""
    import numpy as np

    from rampion.cell.simulation import Accuracy
    from rampion.estimate import Estimate
    from rampion.measurement import Sweep
    from rampion.planning.parameter_sweep import ParameterSweep, product_grid

    if bool(vary) == bool(table):
        raise InputError("Say what varies: either --vary (once or more) or --table FILE, not both.")
    columns, quantities = read_table(Path(table)) if table else _varied(vary)
    varied = columns if table else product_grid(columns)
    for name, values in varied.items():
        if name in CELL and options[name] is None:
            options[name] = Estimate(float(values[0]))
    ramp = {"scan_rate": options["rate"], "stop_potential": options["to"]}
    missing = [f"--{short}" for short, long in _ALIASES.items() if ramp[long] is None and long not in varied]
    if missing:
        raise InputError(f"The ramp lacks {' and '.join(missing)}; give them, or vary them.")
    rate, to = (varied[name][0] if given is None else given.value for name, given in ramp.items())
    protocol = Sweep(rate=float(rate), start=0.0, stop=float(to))
    slowest = max(float(np.min(np.abs(varied.get("scan_rate", [float(rate)])))), 1e-12)
    longest = float(np.max(np.abs(varied.get("stop_potential", [float(to)])))) / slowest
    cell = cell_from(options, longest)
    _check_mechanisms(varied, cell)
    return ParameterSweep(
        cell=cell, protocol=protocol, varied=varied, quantities=quantities,
        accuracy=Accuracy(tolerance=options["tolerance"]),
    )  # fmt: skip


def _check_mechanisms(varied: Iterable[str], cell: Cell) -> None:
    """A number of a mechanism can be varied only where the mechanism is there."""
    there = {type(term).__name__ for term in cell.terms}
    for short, known in MECHANISMS.items():
        if known.kind not in there and any(one.startswith(f"{known.kind}.") for one in varied):
            raise InputError(
                f"A number of {short} is varied and the cell has none: add --mechanism {short}:{known.example}."
            )


def _varied(vary: Iterable[str]) -> tuple[dict[str, Any], dict[str, str]]:
    columns: dict[str, Any] = {}
    quantities: dict[str, str] = {}
    for text in vary:
        shown, equals, values = text.partition("=")
        if not equals:
            raise InputError(f"--vary {text!r} has no values; write it as thickness=0.5,1,2mm.")
        name, quantities_name = variable(shown)
        if name in columns:
            raise InputError(f"--vary {shown} is given twice; put all its values into one.")
        try:
            columns[name] = parse_values(values, quantities_name)
        except InputError as error:
            raise InputError(f"--vary {shown}: {error}") from None
        quantities[name] = quantities_name
    return columns, quantities


def variable(shown: str) -> tuple[str, str]:
    """The parameter that people call so, as :class:`ParameterSweep` knows it, and its quantity ('' for a number)."""
    from rampion.planning.parameter_sweep import VARIABLES

    plain = re.sub(r"[\s-]+", "_", shown.strip().lower())
    plain = _ALIASES.get(plain, plain)
    if plain in VARIABLES:
        return plain, VARIABLES[plain]
    kind, dot, field = plain.partition(".")
    kinds: Mapping[str, tuple[str, Mapping[str, str]]] = {
        key: (one.kind, one.numbers) for short, one in MECHANISMS.items() for key in (short, one.kind.lower())
    }
    if dot and kind in kinds:
        name, quantities = kinds[kind]
        return f"{name}.{field}", quantities.get(field, "")
    terms = ", ".join(f"{short}.{next(iter(one.numbers))}" for short, one in MECHANISMS.items() if one.numbers)
    names = [*_ALIASES, *(name for name in VARIABLES if name not in _ALIASES.values())]
    told = f"{', '.join(names)}, or a number of a --mechanism: {terms}"
    raise InputError(f"{shown.strip()!r} cannot be varied; expected one of {told}.")


def read_table(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Columns [SI] and their quantities of a csv table, one row per simulation; lines that begin with # are left out.

    Raises
    ------
    InputError
        When a column is not known or a cell is no number in its unit, with its place.
    """
    import csv

    import numpy as np

    from rampion.readers.headers import split_unit
    from rampion.readers.text import decode

    lines = decode(path.read_bytes())[0].splitlines()
    first = next((line for line in lines if line.strip() and not line.startswith("#")), "")
    reader = csv.reader(lines, delimiter=max(";\t,", key=first.count))
    filled = [(reader.line_num, row) for row in reader if any(row) and not row[0].startswith("#")]
    if len(filled) < 2:
        raise InputError(
            f"{path.name} has no rows; expected a header such as 'thickness [mm],rate [mV/s]' and numbers."
        )
    columns: dict[str, Any] = {}
    quantities: dict[str, str] = {}
    for place, title in enumerate(filled[0][1]):
        if title.strip().lower() in ("", "simulation"):  # the number that rampion's own tables begin with
            continue
        shown, unit = split_unit(title)
        name, kind = variable(shown)
        if name in columns:
            raise InputError(f"{path.name} has two columns of {name.replace('_', ' ')}; keep one.")
        values = []
        for number, row in filled[1:]:
            try:
                values += converted([row[place] if place < len(row) else ""], kind, unit)
            except InputError as error:
                raise InputError(f"{path.name}, line {number}, column {title.strip()!r}: {error}") from None
        columns[name], quantities[name] = np.array(values), kind
    return columns, quantities
