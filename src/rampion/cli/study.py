"""``rampion study``, ``rampion demo``, ``rampion reproduce``: many samples, a virtual campaign, the paper."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rampion.cli.options import (
    base_rate_option,
    base_rates_from,
    column_option,
    columns_from,
    quantity_option,
    window_from,
    window_options,
)
from rampion.errors import InputError

if TYPE_CHECKING:
    from rampion.study import Analysis, Study


def _analysed(
    path: str,
    sheet: str | None,
    quiet: bool,
    remember: bool = True,
    circuit: str | None = None,
    columns: dict[str, str] | None = None,
    base_rates: tuple[str, ...] = (),
    window: dict[str, Any] | None = None,
) -> Analysis:
    from rampion.study import Options
    from rampion.study.remember import Progress, analyse_folder

    steps: list[Progress] = []
    with click.progressbar(length=1, label="Analysing", file=sys.stderr, hidden=quiet) as bar:

        def show(step: Progress) -> None:
            steps.append(step)
            bar.length = step.of
            bar.update(1)

        options = Options(circuit=circuit, base_rates=base_rates_from(base_rates), **(window or {}))
        analysis = analyse_folder(path, sheet, options, columns=columns, remember=remember, progress=show)
    remembered = sum(step.remembered for step in steps)
    if remembered and not quiet:
        click.echo(f"{remembered} of {len(steps)} analysed before and remembered", err=True)
    return analysis


MOST_TOLD = 20  # lines of the console for what is missing or doubtful


def _wrote(written: Sequence[Path]) -> str:
    page, results, *more = (str(path) for path in written)
    return f"Wrote {', '.join([page, *more])} and {results}"


def _told(study: Study) -> str:
    from rampion.estimate import Severity
    from rampion.report.html import summary
    from rampion.report.study import study_results
    from rampion.report.words import flag_lines

    grave = (Severity.INVALID, Severity.WARNING)
    warned = [flag for severity in grave for flag in study.flags if flag.severity is severity]
    more = [f"and {len(warned) - MOST_TOLD} more like these: see the report"] if len(warned) > MOST_TOLD else []
    return "\n".join([*flag_lines(warned[:MOST_TOLD], ""), *more, *summary(study_results(study))])


pdf_option = click.option("--pdf", is_flag=True, help="Write report.pdf too (needs rampion[pdf]).")


@click.command()
@click.argument("path", type=click.Path())
@click.option("--sheet", type=click.Path(), help="Sample sheet (csv, xlsx or toml); found by itself inside the folder.")
@quantity_option("--tracer-diffusivity", "diffusivity", "Literature tracer diffusivity of lithium, as '3.5e-9 cm2/s'.")
@click.option("--circuit", help="Equivalent circuit for all spectra, as 'R0-p(R1,CPE1)-p(R2,CPE2)'.")
@window_options
@base_rate_option
@column_option
@click.option("--fresh", is_flag=True, help="Analyse every file anew, also those whose results are remembered.")
@click.option("-o", "--output", type=click.Path(file_okay=False), help="Folder for report.html and results.json.")
@pdf_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object (SI units).")
def study(
    path: str,
    sheet: str | None,
    tracer_diffusivity: Any,
    circuit: str | None,
    base_rates: tuple[str, ...],
    columns: tuple[str, ...],
    fresh: bool,
    output: str | None,
    pdf: bool,
    as_json: bool,
    **ends: Any,
) -> None:
    """Weigh a whole campaign: replicates, scaling laws, transport numbers, evidence for each mechanism.

    Samples analysed before are remembered; only new or changed files are analysed. What a person decided otherwise
    stands in overrides.toml in the campaign's folder.
    """
    from rampion.records import to_json
    from rampion.report.html import write_report_into
    from rampion.report.pdf import engine
    from rampion.report.study import study_results
    from rampion.report.words import flag_lines
    from rampion.results_folder import new_set, refuse_foreign
    from rampion.study import study as run

    if not Path(path).is_dir():
        raise InputError(f"{path} is not a folder; expected a campaign's folder (for one file use rampion analyse).")
    if pdf and not output:
        raise InputError("--pdf needs a folder to write to: add -o DIR.")
    named, window = columns_from(columns), window_from(ends)
    if pdf:
        engine()
    if output:
        refuse_foreign(output, ("results.json", "report.html"))
    found = run(_analysed(path, sheet, as_json, not fresh, circuit, named, base_rates, window), tracer_diffusivity)
    stated = {"path": path, "sheet": sheet, "circuit": circuit, "columns": named} | window
    stated |= {"tracer_diffusivity": tracer_diffusivity, "base_rates": list(base_rates) or None}
    options = {name: value for name, value in stated.items() if value is not None}
    if not as_json:
        click.echo(_told(found))
    if output:
        with new_set(output, "study", options) as made:
            written = write_report_into(made, found, options, pdf=pdf)
        if not as_json:
            click.echo("\n".join([*flag_lines(made.flags, ""), _wrote(written)]))
    if as_json:
        click.echo(to_json(study_results(found)))


@click.command()
@click.option("--truth", type=click.Choice(["binary", "contact"]), default="binary", help="What nature is (binary).")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of samples and noise.")
@click.option("-o", "--output", type=click.Path(file_okay=False), default="rampion-demo", help="Folder (rampion-demo).")
@pdf_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object (SI units).")
def demo(truth: str, seed: int, output: str, pdf: bool, as_json: bool) -> None:
    """A virtual campaign of known truth: written as instrument files, read, analysed, reported (synthetic)."""
    from rampion.planning.virtual_campaign import TRUTHS, plan_campaign
    from rampion.records import to_json
    from rampion.report.html import write_report_into
    from rampion.report.pdf import engine
    from rampion.report.study import study_results
    from rampion.report.truth import truth_lines, truth_section
    from rampion.report.words import flag_lines
    from rampion.results_folder import new_set, refuse_foreign
    from rampion.study import study as run
    from rampion.study.demo import compare_with_truth, placed, write_demo

    if pdf:
        engine()
    begin = time.perf_counter()
    refuse_foreign(output, ("results.json", "report.html", "files/samples.csv"))
    options = {"truth": truth, "seed": seed}
    with new_set(output, "demo", options) as made:
        files = made.folder / "files"
        with click.progressbar(length=len(plan_campaign()), label="Simulating", file=sys.stderr, hidden=as_json) as bar:
            for _ in write_demo(files, truth, seed):
                bar.update(1)
        analysis = placed(_analysed(str(files), None, as_json), files, made.placed(files))
        found = run(replace(analysis, name=f"virtual campaign, {TRUTHS[truth].name}"))
        compared = compare_with_truth(found, truth)
        written = write_report_into(made, found, options, [truth_section(compared)], pdf=pdf)
    if as_json:
        click.echo(to_json(study_results(found) | {"truth": compared}))
        return
    told = [_told(found), *truth_lines(compared), *flag_lines(made.flags, "")]
    click.echo("\n".join(["synthetic data, computed from a known truth", *told]))
    click.echo(f"{_wrote(written)}, {time.perf_counter() - begin:.0f} s from simulation to report")


@click.command()
@click.argument("paper", type=click.Choice(["gopal2023"]))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object (SI units).")
def reproduce(paper: str, as_json: bool) -> None:
    """Compute every number of a paper's text that can be computed, and put it beside the stated one."""
    from rampion.records import to_json
    from rampion.report.truth import comparison_lines
    from rampion.transport.gopal2023 import reproduce_gopal2023

    rows = reproduce_gopal2023()
    click.echo(to_json({"paper": paper, "rows": rows}) if as_json else "\n".join(comparison_lines(rows)))


@click.command()
@click.argument("folder", type=click.Path(exists=False, file_okay=False))
@pdf_option
def report(folder: str, pdf: bool) -> None:
    """Print the report of a study's folder again, from what rampion study wrote there, and say what it says first."""
    from rampion.report.html import opening, print_report

    written = print_report(folder, pdf=pdf)
    click.echo("\n".join(opening(folder)))
    click.echo("Wrote " + " and ".join(map(str, written)))
