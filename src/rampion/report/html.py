"""A study's report: its document from results and figures, printed as HTML, and as PDF where that is asked for.

The folder holds ``results.json`` (every number), ``report.html``, ``report.json`` (the document, from which the report
can be printed again), ``figures/`` (each as SVG with its data as CSV and for Origin) and ``samples/`` (a page each).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rampion.errors import InputError
from rampion.records import provenance, to_json, to_plain
from rampion.report import sections
from rampion.report.data import as_csv, as_origin
from rampion.report.document import Section, figure
from rampion.report.folder import ReportFlag
from rampion.report.methods import methods_section
from rampion.report.page import render
from rampion.report.results import files_of
from rampion.report.study import study_results
from rampion.results_folder import Manifest, NewSet, new_set, read_manifest

if TYPE_CHECKING:
    from rampion.report.panels import Picture
    from rampion.study import Study


def write_report(
    study: Study,
    folder: str | Path,
    options: Mapping[str, Any],
    *,
    pdf: bool = False,
) -> list[Path]:
    """Write ``report.html``, ``results.json`` and what belongs to them; returns these two, and the PDF, in order."""
    with new_set(folder, "study", options) as made:
        return write_report_into(made, study, options, pdf=pdf)


def write_report_into(
    made: NewSet, study: Study, options: Mapping[str, Any], extra: Sequence[Section] = (), *, pdf: bool = False
) -> list[Path]:
    """:func:`write_report` as a part of a run's files; ``extra`` sections stand after the evidence."""
    from rampion.report.condition_sections import conditions_section
    from rampion.report.sample_pages import page_paths, write_sample_pages

    folder = made.folder
    (folder / "figures").mkdir()
    plain = json.loads(to_json(study_results(study), None))
    history = provenance(options, files_of(study.analysis))
    pages = page_paths(plain)
    behind = write_sample_pages(study, plain, history, pages, made)
    figures = _figures(study, made)
    made.flags.extend(flag for flag in behind if flag is not None)
    plain["flags"] += to_plain(made.flags)
    results = folder / "results.json"
    results.write_text(to_json(plain | {"provenance": history}) + "\n", encoding="utf-8")
    body = [
        sections.together_section(plain), sections.laws_section(plain), sections.transport_section(plain),
        conditions_section(plain), sections.recovery_section(plain), sections.pauses_section(plain),
    ]  # fmt: skip
    evidence = [sections.evidence_section(plain), sections.overrides_section(plain), *(dict(one) for one in extra)]
    samples = sections.samples_section(plain, pages)
    curves = sections.section("curves", "Voltammograms and runs")
    whole = sections.section("campaign", "What concerns the whole campaign", flags=sections.gathered_whole(plain))
    every = [whole, curves, *body, *evidence, samples, methods_section(plain)]
    for section in every:
        section["figures"] = [*section["figures"], *figures.get(section["id"], [])]
    content = {
        "title": f"rampion study: {study.analysis.name or 'samples'}",
        "synthetic": plain["synthetic"],
        "summary": sections.summary(plain),
        "sections": [one for one in every if one["tables"] or one["figures"] or one["text"] or one["flags"]],
        "provenance": history,
        "pages": sorted(pages.values()),
    }
    (folder / "report.json").write_text(to_json(content, None) + "\n", encoding="utf-8")
    page, *more = _print(content, folder, made, pdf)
    return [page, made.placed(results), *more]


def print_report(folder: str | Path, *, pdf: bool = False) -> list[Path]:
    """Print the document of a study's folder again: ``report.html``, and ``report.pdf`` when asked for.

    Raises
    ------
    InputError
        When the folder holds no document, or one that is not as it was written.
    """
    folder = Path(folder)
    _look_for_document(folder)
    before = read_manifest(folder) or Manifest()
    with new_set(folder, before.verb, before.options) as made:
        content = _document(made)
        made.keep(*made.earlier.files)
        return _print(content, folder, made, pdf)


def _print(content: Mapping[str, Any], drawn: Path, made: NewSet, pdf: bool) -> list[Path]:
    """The page, and the PDF, of a document whose figures are ``drawn`` in that folder."""
    page = made.folder / "report.html"
    page.write_text(render(content, drawn / "figures"), encoding="utf-8")
    if not pdf:
        return [made.placed(page)]
    from rampion.report.pdf import set_pdf

    paper = made.folder / "report.pdf"
    paper.write_bytes(set_pdf(content, drawn))
    return [made.placed(page), made.placed(paper)]


def opening(folder: str | Path) -> list[str]:
    """The summary of the report in a study's folder."""
    return list(json.loads((Path(folder) / "report.json").read_text(encoding="utf-8"))["summary"])


def _look_for_document(folder: Path) -> None:
    if not (folder / "report.json").is_file():
        raise InputError(f"{folder} holds no report.json; make it with rampion study PATH -o {folder}.")


def _document(made: NewSet) -> dict[str, Any]:
    """The document of the folder's report, when it and its figures are as rampion wrote them."""
    _look_for_document(made.target)
    names = [name for name in made.earlier.files if name == "report.json" or name.startswith("figures/")]
    changed = [name for name in ("report.json", *names) if made.standing(name) is None]
    if changed:
        raise InputError(
            f"{changed[0]} in {made.target} is not as rampion wrote it: run rampion study PATH -o {made.target} again."
        )
    content = json.loads((made.target / "report.json").read_text(encoding="utf-8"))
    drawn = {one["name"] for part in content["sections"] for one in part["figures"]}
    strange = sorted(name for name in drawn if f"figures/{name}.svg" not in names)
    if strange:
        raise InputError(f"The report in {made.target} names the figure {strange[0]!r}, which is not in its folder.")
    return content


def summary(plain: Mapping[str, Any]) -> list[str]:
    """What a supervisor reads in a minute, from :func:`~rampion.report.study.study_results`."""
    return sections.summary(plain)


def _figures(study: Study, made: NewSet) -> dict[str, list[dict[str, Any]]]:
    """Draw and write every figure that the samples allow; returns them by section. One that fails is a flag."""
    from rampion.report import condition_sections, panels, stages

    drawn = (
        ("curves", panels.rate_pictures), ("curves", panels.thickness_pictures), ("curves", panels.density_pictures),
        ("curves", panels.run_pictures), ("curves", stages.checkpoint_pictures), ("together", panels.survival_pictures),
        ("laws", panels.law_pictures), ("laws", panels.capacity_pictures), ("recovery", stages.relaxation_pictures),
        ("conditions", condition_sections.condition_pictures),
    )  # fmt: skip
    written: dict[str, list[dict[str, Any]]] = {}
    for name, make in drawn:
        try:
            for picture in make(study):
                write_picture(picture, made.folder / "figures")
                written.setdefault(name, []).append(figure(picture))
        except OSError:  # the disk, which concerns all
            raise
        except Exception as error:
            shown = make.__name__.replace("_", " ")
            flag = ReportFlag.FIGURE_FAILED.flag(name=f"of {shown}", reason=f"{type(error).__name__}: {error}")
            made.flags.append(flag)
    return written


def write_picture(picture: Picture, folder: Path) -> None:
    """A figure as SVG, with its data as CSV and as text for Origin beside it."""
    from rampion.figures.save import svg

    (folder / f"{picture.name}.svg").write_text(svg(picture.figure), encoding="utf-8")
    if picture.data:
        (folder / f"{picture.name}.csv").write_text(as_csv(picture.data), encoding="utf-8-sig")
        (folder / f"{picture.name}.txt").write_text(as_origin(picture.data), encoding="utf-8-sig")
