"""The results folder: ``results.json``, tidy tables, figures, and what a machine needs to find its way in it.

``datapackage.json`` (Data Package, https://datapackage.org) describes every table; ``ro-crate-metadata.json``
(RO-Crate 1.1, https://w3id.org/ro/crate/1.1) ties results to the raw files' hashes, versions and options.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rampion.processes import in_processes
from rampion.records import provenance, to_json
from rampion.report.conditions import activation_rows, condition_rows
from rampion.report.results import files_of, results
from rampion.report.tables import (
    curve_columns,
    fit_columns,
    flat,
    relaxation_columns,
    sample_rows,
    without_curves,
    write_columns,
    write_rows,
)
from rampion.results_folder import new_set

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from rampion.study import Analysis, SampleAnalysis
    from rampion.study.conditions import ConditionSeries

MOST_DETAILED = 3  # spectra of a sample that have pictures of their own
SYNTHETIC = "synthetic data, computed by rampion: not a measurement"


def file_name(text: str) -> str:
    """The text with everything that a file name should not hold replaced."""
    return re.sub(r"[^\w.+-]+", "_", text).strip("_.") or "sample"


def write_folder(analysis: Analysis, folder: str | Path, options: Mapping[str, Any]) -> list[Path]:
    """Write everything an analysis gave; returns the files written, ``results.json`` first."""
    with new_set(folder, "analyse", options) as made:
        return [made.placed(path) for path in _write(analysis, made.folder, options)]


def _write(analysis: Analysis, folder: Path, options: Mapping[str, Any]) -> list[Path]:
    (folder / "tables").mkdir()
    (folder / "figures").mkdir()
    plain = results(analysis)
    history = provenance(options, files_of(analysis))
    summary = folder / "results.json"
    summary.write_text(to_json(plain | {"provenance": history}) + "\n", encoding="utf-8")
    tables = _write_tables(analysis, plain, folder)
    figures = _write_figures(analysis, folder)
    described = [_write_package(analysis, tables, folder), _write_crate(analysis, history, folder, tables + figures)]
    return [summary, *figures, *tables, *described]


def _write_tables(analysis: Analysis, plain: Mapping[str, Any], folder: Path) -> list[Path]:
    written: list[Path] = []
    sweeps = [flat(entry) for entry in plain["findings"] if entry["kind"] != "spectrum"]
    spectra = [flat(without_curves(entry)) for entry in plain["findings"] if entry["kind"] == "spectrum"]
    tracks = [row for sample in analysis.samples for row in sample_rows(sample)]
    along = [row for series in analysis.series for row in condition_rows(series, analysis)]
    energies = [row for series in analysis.series for row in activation_rows(series)]
    named = (("findings", sweeps), ("spectra", spectra), ("tracks", tracks), ("series", along))
    for name, rows in (*named, ("activation", energies)):
        if rows:
            write_rows(folder / "tables" / f"{name}.csv", rows)
            written.append(folder / "tables" / f"{name}.csv")
    for number, sample in enumerate(analysis.samples, 1):
        for block, part in enumerate(sample.experiment.parts, 1):
            kind = "trace" if hasattr(part, "current_resolution") else "spectrum"
            stem = file_name(f"{number:03d}_{sample.experiment.name}_{block:03d}_{kind}")
            path = folder / "tables" / f"{stem}.csv"
            write_columns(path, curve_columns(part), SYNTHETIC if part.synthetic else "")
            written.append(path)
        for finding in sample.spectra:
            columns = {"fit": fit_columns(finding)}
            if finding.relaxation_times is not None:
                columns["relaxation_times"] = relaxation_columns(finding.relaxation_times)
            for name, table in columns.items():
                stem = file_name(f"{number:03d}_{sample.experiment.name}_{finding.block:03d}_{name}")
                path = folder / "tables" / f"{stem}.csv"
                write_columns(path, table, SYNTHETIC if finding.synthetic else "")
                written.append(path)
    return written


def _write_figures(analysis: Analysis, folder: Path) -> list[Path]:
    """The pictures of every sample, drawn on all cores: drawing takes longer than analysing."""
    samples = [(number, sample, folder / "figures") for number, sample in enumerate(analysis.samples, 1)]
    series = [(number, one, folder / "figures") for number, one in enumerate(analysis.series, 1)]
    drawn = itertools.chain(in_processes(_draw_sample, samples), in_processes(_draw_series, series))
    return [path for written in drawn for path in written]


def _draw_series(number: int, series: ConditionSeries, folder: Path) -> list[Path]:
    from rampion.figures.save import save

    stem = file_name(f"series_{number:02d}_{series.sample}_{series.along}")
    return [path for name, figure in series_figures(series) for path in save(figure, folder / f"{stem}_{name}")]


def _draw_sample(number: int, sample: SampleAnalysis, folder: Path) -> list[Path]:
    from rampion.figures.save import save
    from rampion.figures.voltammogram import draw_finding

    written: list[Path] = []
    stem = file_name(f"{number:03d}_{sample.experiment.name}")
    for place, finding in enumerate(sample.findings, 1):
        title = sample.experiment.name if len(sample.findings) == 1 else f"{sample.experiment.name}, sweep {place}"
        figure = draw_finding(finding, title=title, synthetic=sample.experiment.synthetic)
        written += save(figure, folder / f"{stem}_{place:02d}_{finding.kind}")
    for name, figure in spectrum_figures(sample):
        written += save(figure, folder / f"{stem}_{name}")
    return written


def series_figures(series: ConditionSeries) -> Iterator[tuple[str, Figure]]:
    """The pictures of a series along temperature or pressure: Nyquist of all, tracks, and the Arrhenius lines."""
    from rampion.figures.arrhenius import draw_arrhenius
    from rampion.figures.spectra import draw_nyquist
    from rampion.figures.tracks import draw_tracks

    found, along, name, synthetic = series.series, series.along, series.sample, series.synthetic
    yield "spectra", draw_nyquist(series.spectra, found.spectra, name, synthetic, along, found.coordinate)
    yield "tracks", draw_tracks(found.tracks, along, name, synthetic)
    if series.conductivity_activation is not None or series.activations:
        yield "arrhenius", draw_arrhenius(series.conductivity_activation, series.activations, name, synthetic)


def spectrum_figures(sample: SampleAnalysis) -> Iterator[tuple[str, Figure]]:
    """The pictures of a sample's spectra: Nyquist of all, tracks and distributions of a series, details of a few."""
    from rampion.figures.likelihood import draw_likelihood
    from rampion.figures.relaxation_times import draw_relaxation_series, draw_relaxation_times
    from rampion.figures.residuals import draw_residuals
    from rampion.figures.spectra import draw_bode, draw_nyquist
    from rampion.figures.tracks import draw_tracks

    if not sample.spectra:
        return
    spectra, series, name = sample.experiment.spectra, sample.impedance.series, sample.experiment.name
    synthetic, along = sample.experiment.synthetic, sample.impedance.along
    coordinate = series.coordinate if series is not None else None
    yield "spectra", draw_nyquist(spectra, sample.spectra, name, synthetic, along, coordinate)
    if series is not None:
        yield "tracks", draw_tracks(series.tracks, along, name, synthetic)
        if any(finding.relaxation_times for finding in sample.spectra):
            figure = draw_relaxation_series(sample.spectra, series.coordinate, along, name, synthetic)
            yield "relaxation_times", figure
    if len(sample.spectra) > MOST_DETAILED:
        return
    for number, (spectrum, finding) in enumerate(zip(spectra, sample.spectra, strict=True), 1):
        place, title = ("", name) if len(spectra) == 1 else (f"_{number:02d}", f"{name}, spectrum {number}")
        yield f"bode{place}", draw_bode(spectrum, finding, title)
        yield f"residuals{place}", draw_residuals(finding, title)
        if finding.profiles:
            yield f"likelihood{place}", draw_likelihood(finding, title)
        if finding.relaxation_times is not None:
            yield f"relaxation_times{place}", draw_relaxation_times(finding, title)


def _write_package(analysis: Analysis, tables: list[Path], folder: Path) -> Path:
    resources = [
        {
            "name": table.stem.lower(),
            "path": table.relative_to(folder).as_posix(),
            "format": "csv",
            "mediatype": "text/csv",
            "encoding": "utf-8",
            "dialect": {"commentChar": "#"},
        }
        for table in tables
    ]
    path = folder / "datapackage.json"
    name = file_name(analysis.name or "rampion").lower()
    path.write_text(to_json({"name": name, "profile": "tabular-data-package", "resources": resources}) + "\n", "utf-8")
    return path


def _write_crate(analysis: Analysis, history: Mapping[str, Any], folder: Path, files: list[Path]) -> Path:
    raw = [
        {"@id": f"#sha256-{digest}", "@type": "File", "name": Path(source).name, "sha256": digest}
        for source, digest in history["files"].items()
    ]
    made = [{"@id": path.relative_to(folder).as_posix(), "@type": "File"} for path in files]
    results_file = {"@id": "results.json", "@type": "File", "encodingFormat": "application/json"}
    action = {
        "@id": "#analysis",
        "@type": "CreateAction",
        "instrument": {"@id": "#rampion"},
        "object": [{"@id": entry["@id"]} for entry in raw],
        "result": [{"@id": "results.json"}, *({"@id": entry["@id"]} for entry in made)],
        "endTime": history["created"],
        "description": f"options: {to_json(history['options'], None)}",
    }
    software = {
        "@id": "#rampion",
        "@type": "SoftwareApplication",
        "name": "rampion",
        "version": history["software"]["rampion"],
        "softwareRequirements": [f"{name} {number}" for name, number in history["software"].items()],
    }
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": analysis.name or "rampion analysis",
        "datePublished": history["created"],
        "hasPart": [{"@id": entry["@id"]} for entry in (results_file, *made)],
        "mentions": [{"@id": "#analysis"}],
    }
    descriptor = {
        "@id": "ro-crate-metadata.json",
        "@type": "CreativeWork",
        "about": {"@id": "./"},
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
    }
    graph = [descriptor, root, results_file, *made, *raw, action, software]
    path = folder / "ro-crate-metadata.json"
    path.write_text(to_json({"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": graph}) + "\n", "utf-8")
    return path
