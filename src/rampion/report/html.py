"""A study's report: its document from results and figures, printed as HTML, and as PDF where that is asked for.

The folder holds ``results.json`` (every number), ``report.html``, ``report.json`` (the document, from which the report
can be printed again), ``figures/`` (each as SVG with its data as CSV and for Origin) and ``samples/`` (a page each).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rampion.errors import InputError
from rampion.records import provenance, to_json
from rampion.report import sections
from rampion.report.data import as_csv, as_origin
from rampion.report.document import Section, figure
from rampion.report.methods import methods_section
from rampion.report.page import render
from rampion.report.results import files_of
from rampion.report.study import study_results

if TYPE_CHECKING:
    from rampion.report.panels import Picture
    from rampion.study import Study


def write_report(
    study: Study,
    folder: str | Path,
    options: Mapping[str, Any],
    extra: Sequence[Section] = (),
    *,
    pdf: bool = False,
) -> list[Path]:
    """Write ``report.html``, ``results.json`` and what belongs to them; returns these two, and the PDF, in order.

    ``extra`` sections stand after the evidence.
    """
    from rampion.report.condition_sections import conditions_section
    from rampion.report.sample_pages import page_paths, write_sample_pages

    folder = Path(folder)
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    plain = json.loads(to_json(study_results(study), None))
    history = provenance(options, files_of(study.analysis))
    results = folder / "results.json"
    results.write_text(to_json(plain | {"provenance": history}) + "\n", encoding="utf-8")
    pages = page_paths(plain)
    behind = write_sample_pages(study, plain, history, pages, folder)
    figures = _figures(study, folder)
    list(behind)
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
    _forget(folder, content)
    (folder / "report.json").write_text(to_json(content, None) + "\n", encoding="utf-8")
    page, *more = print_report(folder, pdf=pdf)
    return [page, results, *more]


def print_report(folder: str | Path, *, pdf: bool = False) -> list[Path]:
    """Print the document of a study's folder again: ``report.html``, and ``report.pdf`` when asked for.

    Raises
    ------
    InputError
        When the folder holds no document.
    """
    folder = Path(folder)
    content = _document(folder)
    page = folder / "report.html"
    page.write_text(render(content, folder / "figures"), encoding="utf-8")
    if not pdf:
        return [page]
    from rampion.report.pdf import write_pdf

    return [page, write_pdf(content, folder)]


def opening(folder: str | Path) -> list[str]:
    """The summary of the report in a study's folder."""
    return list(_document(Path(folder))["summary"])


def _document(folder: Path) -> dict[str, Any]:
    source = folder / "report.json"
    if not source.is_file():
        raise InputError(f"{folder} holds no report.json; make it with rampion study PATH -o {folder}.")
    return json.loads(source.read_text(encoding="utf-8"))


def summary(plain: Mapping[str, Any]) -> list[str]:
    """What a supervisor reads in a minute, from :func:`~rampion.report.study.study_results`."""
    return sections.summary(plain)


def _figures(study: Study, folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Draw and write every figure that the samples allow; returns them by section."""
    written: dict[str, list[dict[str, Any]]] = {}
    for name, picture in _pictures(study):
        write_picture(picture, folder / "figures")
        written.setdefault(name, []).append(figure(picture))
    return written


def _pictures(study: Study) -> Iterator[tuple[str, Picture]]:
    from rampion.report import condition_sections, panels, stages

    drawn = (
        ("curves", panels.rate_pictures), ("curves", panels.thickness_pictures), ("curves", panels.density_pictures),
        ("curves", panels.run_pictures), ("curves", stages.checkpoint_pictures), ("together", panels.survival_pictures),
        ("laws", panels.law_pictures), ("laws", panels.capacity_pictures), ("recovery", stages.relaxation_pictures),
        ("conditions", condition_sections.condition_pictures),
    )  # fmt: skip
    yield from chain.from_iterable(((name, picture) for picture in make(study)) for name, make in drawn)


def write_picture(picture: Picture, folder: Path) -> None:
    """A figure as SVG, with its data as CSV and as text for Origin beside it."""
    from rampion.figures.save import svg

    (folder / f"{picture.name}.svg").write_text(svg(picture.figure), encoding="utf-8")
    if picture.data:
        (folder / f"{picture.name}.csv").write_text(as_csv(picture.data), encoding="utf-8-sig")
        (folder / f"{picture.name}.txt").write_text(as_origin(picture.data), encoding="utf-8-sig")


def _forget(folder: Path, content: Mapping[str, Any]) -> None:
    """Remove figures and pages of an earlier report that this one does not have."""
    source = folder / "report.json"
    if not source.is_file():
        return
    earlier = _document(folder)
    drawn, stood = ({one["name"] for part in doc["sections"] for one in part["figures"]} for doc in (content, earlier))
    gone = [folder / "figures" / f"{name}.{suffix}" for name in stood - drawn for suffix in ("svg", "csv", "txt")]
    gone += [folder / page for page in set(earlier.get("pages", ())) - set(content["pages"])]
    for path in gone:
        path.unlink(missing_ok=True)
