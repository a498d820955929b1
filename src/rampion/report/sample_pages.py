"""A page per sample: what it is, what each of its sweeps and spectra shows, and why.

A page is written again only when what stands in it changes, or it is not as it was written: of many samples mostly
the new ones.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rampion.estimate import Flag
from rampion.measurement import thinned
from rampion.processes import in_processes
from rampion.quantities import quantity
from rampion.records import to_json, to_plain
from rampion.report.data import Column, column_of
from rampion.report.document import (
    Section,
    aftermath_words,
    confidence_cell,
    figure,
    interval,
    limited_words,
    number,
    odds_words,
    section,
    table,
    verdict_cell,
)
from rampion.report.folder import ReportFlag, file_name
from rampion.report.page import render
from rampion.report.panels import Picture
from rampion.report.sections import REFERENCE, estimate, reference_cells
from rampion.results_folder import NewSet
from rampion.units import show
from rampion.voltammetry.finding import VERDICT_WORDS

if TYPE_CHECKING:
    from rampion.study import SampleAnalysis, Study
    from rampion.voltammetry.finding import Finding

POINTS = 1500  # of each curve of a page
KNOWN = ("thickness", "area", "mass", "theoretical_density", "relative_density", "temperature", "temperature_stability",
         "stack_pressure", "lithium_thickness", "leads_resistance", "reference_depth")  # fmt: skip
_WORDS = ("pellet", "batch", "composition", "material_class", "treatment", "configuration", "plating_faces")


def page_paths(plain: Mapping[str, Any]) -> dict[str, str]:
    """Each sample's page, relative to the report's folder; one page for samples of the same name."""
    pages: dict[str, str] = {}
    for known in plain["metadata"]:
        name = known["name"]
        path = f"samples/{file_name(name)}.html"
        if name not in pages:  # S1 and s1 are one file on many disks
            taken = {one.casefold() for one in pages.values()}
            pages[name] = path if path.casefold() not in taken else f"samples/{file_name(name)}_{len(pages)}.html"
    return pages


def write_sample_pages(
    study: Study, plain: Mapping[str, Any], history: Mapping[str, Any], pages: Mapping[str, str], made: NewSet
) -> Iterator[Flag | None]:
    """Write the pages that are not as they should be, on all cores; yields a flag for each that failed, else None."""
    (made.folder / "samples").mkdir()
    entries: dict[str, list[Mapping[str, Any]]] = {}
    for finding in plain["samples"]:
        entries.setdefault(finding["sample"], []).append(finding)
    jobs: list[tuple[Any, ...]] = []
    seen: set[str] = set()
    for sample, known in zip(study.analysis.samples, plain["metadata"], strict=True):
        name = known["name"]
        if name in seen:  # the same name twice: its findings stand on the first page
            continue
        seen.add(name)
        files = {file: history["files"].get(file, "") for file in known["files"]}
        content = to_json([known, entries.get(name, []), files, history["software"]], None)
        mark = f"<!-- {hashlib.sha256(content.encode()).hexdigest()} -->\n"
        if _stands(made.standing(pages[name]), mark):
            made.keep(pages[name])
            continue
        told = {**history, "files": files}
        jobs.append((sample, known, entries.get(name, []), told, mark, made.folder / pages[name]))
    return in_processes(_write_page, jobs)


def _stands(path: Path | None, mark: str) -> bool:
    """Whether an earlier page, whole as it was written, says the same."""
    if path is None:
        return False
    with path.open(encoding="utf-8") as stream:
        return stream.readline() == mark


def _write_page(
    sample: SampleAnalysis,
    known: Mapping[str, Any],
    entries: list[Mapping[str, Any]],
    history: Mapping[str, Any],
    mark: str,
    path: Path,
) -> Flag | None:
    try:
        _make_page(sample, known, entries, history, mark, path)
    except OSError:  # the disk, which concerns all
        raise
    except Exception as error:
        flag = ReportFlag.PAGE_FAILED.flag(name=known["name"], reason=f"{type(error).__name__}: {error}")
        parts = [section("sample", "The sample", flags=[to_plain(flag)])]
        document = {"title": known["name"], "synthetic": False, "summary": [], "sections": parts, "provenance": history}
        path.write_text(render(document, path.parent, home="../report.html"), encoding="utf-8")
        return flag
    return None


def _make_page(
    sample: SampleAnalysis,
    known: Mapping[str, Any],
    entries: list[Mapping[str, Any]],
    history: Mapping[str, Any],
    mark: str,
    path: Path,
) -> None:
    from rampion.report.html import write_picture

    with tempfile.TemporaryDirectory() as scratch:
        parts = [_about(known)]
        sweeps = [entry for entry in entries if entry["kind"] != "spectrum"]
        for place, (finding, entry) in enumerate(zip(sample.findings, sweeps, strict=False), 1):
            picture = _curve(finding, known["name"], place)
            write_picture(picture, Path(scratch))
            parts.append(_finding(entry, place, len(sweeps)) | {"figures": [figure(picture)]})
        spectra = [entry for entry in entries if entry["kind"] == "spectrum"]
        if spectra:
            picture = _nyquist(sample, known["name"])
            write_picture(picture, Path(scratch))
            parts.append(_spectra(spectra) | {"figures": [figure(picture)]})
        document = {
            "title": known["name"], "synthetic": sample.experiment.synthetic, "summary": [], "sections": parts,
            "provenance": history,
        }  # fmt: skip
        path.write_text(mark + render(document, Path(scratch), home="../report.html"), encoding="utf-8")


def _about(known: Mapping[str, Any]) -> Section:
    metadata = known["metadata"]
    rows = [[name.replace("_", " "), number(estimate(metadata[name]), name)] for name in KNOWN if metadata[name]]
    rows += [[name.replace("_", " "), str(metadata[name])] for name in _WORDS if metadata[name]]
    if metadata["electrodes"]:
        rows.append(["electrodes", f"{metadata['electrodes']['working']} | {metadata['electrodes']['counter']}"])
    if metadata["interlayer"]:
        rows.append(["interlayer", f"{metadata['interlayer']['name']} ({metadata['interlayer']['kind']})"])
    rows += [[name, text] for name, text in metadata["extra"].items() if text]
    return section("sample", "The sample", tables=[table(["", ""], rows)], flags=known["flags"])


def _finding(entry: Mapping[str, Any], place: int, count: int) -> Section:
    rows = [["verdict", verdict_cell(entry)], ["confidence", confidence_cell(entry)]]
    if entry.get("odds"):
        rows.append(["evidence", odds_words(entry["odds"])])
    if entry.get("mechanism"):
        rows.append(["limited by", limited_words(entry["mechanism"], entry["course"])])
    after = entry.get("aftermath")
    if after:
        ends = estimate(after["before"]), estimate(after["remaining"])
        rows.append(["afterwards", aftermath_words(*ends, after["by"], after["confirmed"])])
        if after["area_remaining"]:
            rows.append(["R_A, remaining", number(estimate(after["area_remaining"]), "area_resistance")])
    for name in ("current_density", "potential", "charge", "time", "conductivity", "current", "total_charge"):
        if entry.get(name):
            rows.append([f"{quantity(name).symbol}, {name.replace('_', ' ')}", number(estimate(entry[name]), name)])
    if entry.get("scan_rate") is not None:
        rows.append(["v, scan rate", show(entry["scan_rate"], "scan_rate")])
    if entry.get("semi_integral_plateau"):
        rows.append(["m, semi-integral", number(estimate(entry["semi_integral_plateau"]), "semi_integral")])
    if entry.get("reference"):
        rows += [list(pair) for pair in zip(REFERENCE, reference_cells(entry["reference"]), strict=True)]
    if entry.get("pauses"):
        rows.append(["pauses", len(entry["pauses"])])
    reasons = [[item["name"].replace("_", " "), f"{item['value']:.4g}" if item["value"] is not None else "–",
                item["meaning"]] for item in entry["evidence"]]  # fmt: skip
    tables = [table(["", ""], rows)]
    if reasons:
        tables.append(table(["statistic", "value", "meaning"], reasons, "What the verdict rests on"))
    title = VERDICT_WORDS[entry["verdict"]].capitalize()
    title = title if count == 1 else f"Sweep or run {place}: {title.lower()}"
    return section(f"finding-{place}", title, tables=tables, flags=entry["flags"])


def _spectra(entries: list[Mapping[str, Any]]) -> Section:
    rows = []
    for place, entry in enumerate(entries, 1):
        told = {True: "passed", False: "failed", None: "not told"}[entry["kramers_kronig"]["valid"]]
        arcs = "; ".join(
            f"{process['name']} {number(estimate(process['resistance']), 'resistance')}"
            for process in entry["processes"]
            if process["resistance"]["value"] is not None
        )
        sigma = interval(entry["conductivity"], "conductivity") if entry.get("conductivity") else "–"
        points = f"{told}; {entry['left_out']} points left out" if entry["left_out"] else told
        rows.append([place, entry["circuit"], points, arcs, sigma])
    flags: dict[str, Any] = {flag["code"]: flag for entry in entries for flag in entry["flags"]}
    header = ["spectrum", "circuit", "Kramers–Kronig", "processes", "σ (mS/cm) [95 %]"]
    return section("spectra", "Spectra", tables=[table(header, rows)], flags=list(flags.values()))


def _curve(finding: Finding, name: str, place: int) -> Picture:
    from rampion.figures.voltammogram import draw_finding

    curve = finding.voltammogram
    kept = thinned(curve.current if finding.kind == "sweep" else curve.potential, POINTS)
    data = [
        column_of(key, values[kept], name)
        for key, values in (("time", curve.time), ("potential", curve.potential), ("current", curve.current))
    ]
    return Picture(
        name=f"{file_name(name)}_{place:02d}_{finding.kind}", data=data,
        figure=draw_finding(finding, title=name, synthetic=finding.synthetic),
        caption=f"{name}: {VERDICT_WORDS[finding.verdict]}.",
    )  # fmt: skip


def _nyquist(sample: SampleAnalysis, name: str) -> Picture:
    from rampion.figures.spectra import draw_nyquist

    spectra = sample.experiment.spectra
    data: list[Column] = []
    for place, one in enumerate(spectra, 1):
        told = f"{name}, spectrum {place}" + (f", {one.potential:.3g} V" if np.isfinite(one.potential) else "")
        data.append(column_of("frequency", one.frequency, told))
        data.append(Column(name="Re Z", unit="Ω", comment=told, values=np.real(one.impedance)))
        data.append(Column(name="−Im Z", unit="Ω", comment=told, values=-np.imag(one.impedance)))
    drawn = draw_nyquist(spectra, sample.spectra, name, sample.experiment.synthetic)
    return Picture(
        name=f"{file_name(name)}_spectra", figure=drawn, data=data,
        caption=f"{name}: {len(spectra)} spectra, measured (circles) and fitted (lines).",
    )  # fmt: skip
