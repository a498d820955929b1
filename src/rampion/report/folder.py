"""The results folder: ``results.json``, tidy tables, figures, and their description for machines."""

from __future__ import annotations

import hashlib
import itertools
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rampion.estimate import Flag, FlagKind, Severity
from rampion.measurement import Trace
from rampion.processes import in_processes
from rampion.records import provenance, to_json, to_plain
from rampion.report.conditions import activation_rows, condition_rows
from rampion.report.description import write_crate, write_package
from rampion.report.results import files_of, results
from rampion.report.tables import (
    TableFile,
    curve_columns,
    fit_columns,
    flat,
    relaxation_columns,
    sample_rows,
    without_curves,
    write_columns,
    write_rows,
)
from rampion.results_folder import NewSet, new_set

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from rampion.study import Analysis, SampleAnalysis
    from rampion.study.conditions import ConditionSeries

LONGEST_NAME = 100  # bytes: with what is put before and after it a name stays below the 255 of common disks
_DEVICES = {"CON", "PRN", "AUX", "NUL", *(f"{port}{number}" for port in ("COM", "LPT") for number in range(1, 10))}
MOST_DETAILED = 3  # spectra of a sample that have pictures of their own
SYNTHETIC = "synthetic data, computed by rampion: not a measurement"


class ReportFlag(FlagKind):
    """What of the results could not be shown."""

    FIGURE_FAILED = (
        Severity.WARNING,
        "The figure {name} could not be drawn and is missing ({reason}): this is a fault of rampion, please report it.",
    )
    PAGE_FAILED = (
        Severity.WARNING,
        "The page of {name} could not be made ({reason}): this is a fault of rampion, please report it.",
    )


def file_name(text: str) -> str:
    """The text as the part of a file's name: what such a name should not hold replaced, a long text cut and marked."""
    name = re.sub(r"[^\w.+-]+", "_", unicodedata.normalize("NFC", text)).strip("_.") or "sample"
    if name.split(".")[0].upper() in _DEVICES:
        name = f"sample_{name}"
    if len(name.encode()) > LONGEST_NAME:
        mark = hashlib.sha256(text.encode()).hexdigest()[:8]
        name = name.encode()[: LONGEST_NAME - 9].decode(errors="ignore").rstrip("_.") + f"_{mark}"
    return name


def write_folder(analysis: Analysis, folder: str | Path, options: Mapping[str, Any]) -> list[Path]:
    """Write everything an analysis gave; returns the files written, ``results.json`` first."""
    with new_set(folder, "analyse", options) as made:
        return write_folder_into(made, analysis, options)


def write_folder_into(made: NewSet, analysis: Analysis, options: Mapping[str, Any]) -> list[Path]:
    """:func:`write_folder` as a run's files; figures that could not be drawn are flags of it and of the results."""
    folder = made.folder
    (folder / "tables").mkdir()
    (folder / "figures").mkdir()
    plain = results(analysis)
    history = provenance(options, files_of(analysis))
    tables = _write_tables(analysis, plain, folder)
    figures, failed = _write_figures(analysis, folder)
    made.flags.extend(failed)
    plain["flags"] += to_plain(failed)
    summary = folder / "results.json"
    summary.write_text(to_json(plain | {"provenance": history}) + "\n", encoding="utf-8")
    package = write_package(analysis, tables, folder)
    files = [summary, *figures, *(table.path for table in tables), package]
    return [made.placed(path) for path in (*files, write_crate(analysis, history, folder, files))]


def _write_tables(analysis: Analysis, plain: Mapping[str, Any], folder: Path) -> list[TableFile]:
    sweeps = [flat(entry) for entry in plain["findings"] if entry["kind"] != "spectrum"]
    spectra = [flat(without_curves(entry)) for entry in plain["findings"] if entry["kind"] == "spectrum"]
    tracks = [row for sample in analysis.samples for row in sample_rows(sample)]
    along = [row for series in analysis.series for row in condition_rows(series, analysis)]
    energies = [row for series in analysis.series for row in activation_rows(series)]
    named = (
        ("findings", sweeps),
        ("spectra", spectra),
        ("tracks", tracks),
        ("series", along),
        ("activation", energies),
    )
    written = [write_rows(folder / "tables" / f"{name}.csv", rows) for name, rows in named if rows]
    for number, sample in enumerate(analysis.samples, 1):
        begin = f"{number:03d}_{file_name(sample.experiment.name)}"
        for block, part in enumerate(sample.experiment.parts, 1):
            kind = "trace" if isinstance(part, Trace) else "spectrum"
            path = folder / "tables" / f"{begin}_{block:03d}_{kind}.csv"
            written.append(write_columns(path, curve_columns(part), synthetic=part.synthetic))
        for finding in sample.spectra:
            columns = {"fit": fit_columns(finding)}
            if finding.relaxation_times is not None:
                columns["relaxation_times"] = relaxation_columns(finding.relaxation_times)
            for name, table in columns.items():
                path = folder / "tables" / f"{begin}_{finding.block:03d}_{name}.csv"
                written.append(write_columns(path, table, synthetic=finding.synthetic))
    return written


def _write_figures(analysis: Analysis, folder: Path) -> tuple[list[Path], list[Flag]]:
    """The pictures of every sample, drawn on all cores: drawing takes longer than analysing; and what failed."""
    samples = [(number, sample, folder / "figures") for number, sample in enumerate(analysis.samples, 1)]
    series = [(number, one, folder / "figures") for number, one in enumerate(analysis.series, 1)]
    drawn = itertools.chain(in_processes(_draw_sample, samples), in_processes(_draw_series, series))
    paths: list[Path] = []
    failed: list[Flag] = []
    for written, flags in drawn:
        paths += written
        failed += flags
    return paths, failed


def _draw_series(number: int, series: ConditionSeries, folder: Path) -> tuple[list[Path], list[Flag]]:
    stem = f"series_{number:02d}_{file_name(series.sample)}_{series.along}"
    return _draw(folder / stem, series_figures(series))


def _draw_sample(number: int, sample: SampleAnalysis, folder: Path) -> tuple[list[Path], list[Flag]]:
    return _draw(
        folder / f"{number:03d}_{file_name(sample.experiment.name)}",
        itertools.chain(_finding_figures(sample), spectrum_figures(sample)),
    )


def _draw(stem: Path, figures: Iterable[tuple[str, Callable[[], Figure]]]) -> tuple[list[Path], list[Flag]]:
    """Draw and save each figure; one that fails does not take the others with it."""
    from rampion.figures.save import save

    written: list[Path] = []
    failed: list[Flag] = []
    for name, draw in figures:
        path = stem.with_name(f"{stem.name}_{name}")
        try:
            written += save(draw(), path)
        except OSError:  # the disk, which concerns all
            raise
        except Exception as error:
            failed.append(ReportFlag.FIGURE_FAILED.flag(name=path.name, reason=f"{type(error).__name__}: {error}"))
    return written, failed


def _finding_figures(sample: SampleAnalysis) -> Iterator[tuple[str, Callable[[], Figure]]]:
    from rampion.figures.voltammogram import draw_finding

    name, synthetic = sample.experiment.name, sample.experiment.synthetic
    for place, finding in enumerate(sample.findings, 1):
        title = name if len(sample.findings) == 1 else f"{name}, sweep {place}"
        yield f"{place:02d}_{finding.kind}", partial(draw_finding, finding, title=title, synthetic=synthetic)


def series_figures(series: ConditionSeries) -> Iterator[tuple[str, Callable[[], Figure]]]:
    """The pictures of a series along temperature or pressure: Nyquist of all, tracks, and the Arrhenius lines."""
    from rampion.figures.arrhenius import draw_arrhenius
    from rampion.figures.spectra import draw_nyquist
    from rampion.figures.tracks import draw_tracks

    found, along, name, synthetic = series.series, series.along, series.sample, series.synthetic
    spectra = series.spectra, found.spectra
    yield "spectra", partial(draw_nyquist, *spectra, name, synthetic, along, found.coordinate)
    yield "tracks", partial(draw_tracks, found.tracks, along, name, synthetic)
    if series.conductivity_activation is not None or series.activations:
        lines = series.conductivity_activation, series.activations
        yield "arrhenius", partial(draw_arrhenius, *lines, name, synthetic)


def spectrum_figures(sample: SampleAnalysis) -> Iterator[tuple[str, Callable[[], Figure]]]:
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
    yield "spectra", partial(draw_nyquist, spectra, sample.spectra, name, synthetic, along, coordinate)
    if series is not None:
        yield "tracks", partial(draw_tracks, series.tracks, along, name, synthetic)
        if any(finding.relaxation_times for finding in sample.spectra):
            shown = sample.spectra, series.coordinate, along
            yield "relaxation_times", partial(draw_relaxation_series, *shown, name, synthetic)
    if len(sample.spectra) > MOST_DETAILED:
        return
    for number, (spectrum, finding) in enumerate(zip(spectra, sample.spectra, strict=True), 1):
        place, title = ("", name) if len(spectra) == 1 else (f"_{number:02d}", f"{name}, spectrum {number}")
        yield f"bode{place}", partial(draw_bode, spectrum, finding, title)
        yield f"residuals{place}", partial(draw_residuals, finding, title)
        if finding.profiles:
            yield f"likelihood{place}", partial(draw_likelihood, finding, title)
        if finding.relaxation_times is not None:
            yield f"relaxation_times{place}", partial(draw_relaxation_times, finding, title)
