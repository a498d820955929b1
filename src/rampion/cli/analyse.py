"""``rampion inspect``, ``rampion analyse``, ``rampion template``: from instrument files to findings."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rampion.cli.options import (
    base_rate_option,
    base_rates_from,
    column_option,
    columns_from,
    output_options,
    sample_from,
    sample_options,
    window_from,
    window_options,
)
from rampion.errors import InputError

if TYPE_CHECKING:
    from rampion.estimate import Flag
    from rampion.measurement import Sample
    from rampion.readers.overview import RunOverview
    from rampion.study import Analysis, Options


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path())
@column_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object (SI units).")
def inspect(files: tuple[str, ...], columns: tuple[str, ...], as_json: bool) -> None:
    """Say what instrument FILES hold: format, techniques, blocks, ranges; of a folder, a line for each file or run."""
    from rampion.errors import RampionError
    from rampion.records import to_json
    from rampion.report.inspection import describe_folder, folder_table, inspection_text
    from rampion.report.results import describe_file
    from rampion.study import read_file

    described: list[dict[str, Any]] = []
    texts: list[str] = []
    worst = 0
    for name in files:
        try:
            if Path(name).is_dir():
                found = _overviews(name, as_json, columns_from(columns))
                described.append(describe_folder(name, *found))
                texts.append(folder_table(name, *found))
                continue
            described.append(describe_file(name, read_file(name, columns=columns_from(columns))))
        except RampionError as error:
            if len(files) == 1:
                raise
            worst = max(worst, error.exit_code)
            described.append({"file": name, "error": {"kind": type(error).__name__, "message": str(error)}})
        texts.append(inspection_text(described[-1]))
    if as_json:
        click.echo(to_json(described[0] if len(described) == 1 else {"files": described}))
    else:
        click.echo("\n\n".join(texts))
    if worst:
        raise click.exceptions.Exit(worst)


def _overviews(
    folder: str, quiet: bool, columns: dict[str, str] | None = None
) -> tuple[tuple[RunOverview, ...], tuple[Flag, ...]]:
    """What the files of a folder hold, and a flag for each that was refused."""
    from rampion.readers.folder import plan_folder
    from rampion.readers.overview import overview_folder

    plan = plan_folder(folder, columns=columns)
    with click.progressbar(length=len(plan.groups), label="Reading", file=sys.stderr, hidden=quiet) as bar:
        return overview_folder(plan, lambda: bar.update(1))


@click.command()
@click.argument("path", type=click.Path())
@sample_options
@click.option("--sheet", type=click.Path(), help="Sample sheet (csv, xlsx or toml); found by itself inside a folder.")
@click.option("--circuit", help="Equivalent circuit of the spectra, as 'R0-p(R1,CPE1)-W2' or 'R(RQ)(RQ)'.")
@click.option(
    "--weighting",
    type=click.Choice(["modulus", "unit", "proportional"]),
    default="modulus",
    show_default=True,
    help="What the errors of the spectra grow with: |Z|, nothing, or each part of Z.",
)
@click.option(
    "--drt/--no-drt",
    "relaxation_times",
    default=None,
    help="Distribution of relaxation times of every spectrum; unasked, of a single spectrum only.",
)
@click.option("--profile", "profiles", is_flag=True, help="Profile likelihood of every parameter of the circuits.")
@window_options
@base_rate_option
@column_option
@output_options
def analyse(
    path: str,
    as_json: bool,
    output: str | None,
    columns: tuple[str, ...],
    base_rates: tuple[str, ...],
    **options: Any,
) -> None:
    """Say what one sample's sweep shows: PATH is an instrument file, or a folder of them with a sample sheet."""
    from rampion.records import to_json
    from rampion.report.results import results
    from rampion.report.words import analysis_text, flag_lines
    from rampion.results_folder import new_set, refuse_foreign
    from rampion.study import Options, analyse_each, read

    if output is not None:
        refuse_foreign(output, ("results.json", "datapackage.json"))
    sample = sample_from(options)
    chosen = {name: options[name] for name in ("circuit", "weighting", "relaxation_times", "profiles")}
    chosen |= window_from(options)
    named = columns_from(columns)
    how = Options(**chosen, base_rates=base_rates_from(base_rates))
    if Path(path).is_dir():
        analysis = _analysed_folder(path, options["sheet"], how, named, sample, as_json)
    else:
        campaign = read(path, sample=sample, sheet=options["sheet"], columns=named)
        analysis = analyse_each(campaign, campaign.experiments, how)
    stated = {"path": path, **chosen} | ({"columns": named} if named else {})
    stated |= {"base_rates": list(base_rates)} if base_rates else {}
    if not as_json:
        click.echo(analysis_text(analysis))
    if output is not None:
        from rampion.report.folder import write_folder_into

        with new_set(output, "analyse", stated) as made:
            written = write_folder_into(made, analysis, stated)
        if not as_json:
            click.echo("\n".join(["", *flag_lines(made.flags, "")]))
            click.echo(f"Wrote {len(written)} files to {output}: begin with {written[0]}")
    if as_json:
        click.echo(to_json(results(analysis)))


def _analysed_folder(
    path: str,
    sheet: str | None,
    options: Options,
    columns: dict[str, str] | None,
    sample: Sample | None,
    quiet: bool,
) -> Analysis:
    """Every sample of a folder, with every point of its records; the bar shows where more than two are waited for."""
    from rampion.study.remember import Progress, analyse_folder

    with click.progressbar(length=1, label="Analysing", file=sys.stderr, hidden=quiet) as bar:

        def show(step: Progress) -> None:
            bar.length = step.of
            bar.hidden = quiet or step.of < 3
            bar.update(1)

        return analyse_folder(path, sheet, options, columns=columns, sample=sample, whole=True, progress=show)


@click.command()
@click.argument("path", type=click.Path(), default="samples.csv")
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="The sheet to write (.csv, .xlsx or .toml).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def template(path: str, output: str | None, as_json: bool) -> None:
    """Write a sample sheet: an empty one to PATH (.csv, .xlsx or .toml), or one with a row for every file of a folder.

    Of a folder PATH the sheet is samples.csv in it, unless -o names another. An existing file is never written over.
    """
    from rampion.readers.template import new_sheet, write_template
    from rampion.records import to_json

    runs: tuple[RunOverview, ...] = ()
    refused: tuple[Flag, ...] = ()
    written = Path(output or path)
    if Path(path).is_dir():
        written = Path(output) if output else new_sheet(path)
        runs, refused = _overviews(path, as_json)
    elif output:
        raise InputError(f"{path} is no folder; -o names the sheet of a folder's files.")
    write_template(written, runs, refused)
    if as_json:
        told = {"written": str(written), "rows": len(runs), "refused": [flag.message for flag in refused]}
        click.echo(to_json(told))
    elif runs or refused:
        more = f"; {len(refused)} files were not read and stand below as comments" if refused else ""
        click.echo(f"Wrote {written} with {len(runs)} rows{more}. Fill in thickness and area.")
    else:
        click.echo(f"Wrote {written}: one row per file or per sample.")
