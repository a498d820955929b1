"""Results as plain data with stable keys: what ``--json`` prints and ``results.json`` holds (SI units)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rampion.measurement import Experiment, Spectrum, Trace
from rampion.plausible_limits import Plausibility
from rampion.records import to_plain
from rampion.report.conditions import condition_entry, track_entries

_ARRAYS = ("frequency", "impedance", "fitted", "validity_residual", "point_valid", "modulus_residual")
_OPTIONAL = ("drift", "relaxation_times", "profiles", "potential", "time")  # absent where there is none

if TYPE_CHECKING:
    from rampion.impedance.finding import SpectrumFinding
    from rampion.study import Analysis, SampleAnalysis
    from rampion.study.overrides import Overridden
    from rampion.voltammetry.finding import Finding


def _range(values: np.ndarray | None) -> list[float] | None:
    if values is None:
        return None
    finite = values[np.isfinite(values)]
    return [float(finite.min()), float(finite.max())] if finite.size else None


def _present(entries: dict[str, Any]) -> dict[str, Any]:
    """Without the keys that do not apply."""
    return {key: value for key, value in entries.items() if value is not None and value != ""}


def describe_block(part: Trace | Spectrum) -> dict[str, Any]:
    """One part of a file: kind, technique, number of points, ranges; keys that do not apply are absent."""
    entries: dict[str, Any] = {"technique": part.technique, "points": len(part), "time": _range(part.time)}
    if isinstance(part, Trace):
        entries |= {"kind": "trace", "potential": _range(part.potential), "current": _range(part.current)}
    else:
        entries |= {
            "kind": "spectrum",
            "frequency": _range(part.frequency),
            "impedance_real": _range(np.real(part.impedance)),
            "impedance_imag": _range(np.imag(part.impedance)),
            "bias": part.potential if math.isfinite(part.potential) else None,
        }
    if part.protocol is not None:
        entries["protocol"] = _present({"kind": type(part.protocol).__name__} | to_plain(part.protocol))
    if part.synthetic:
        entries["synthetic"] = True
    if part.flags:
        entries["flags"] = to_plain(part.flags)
    return {"kind": entries.pop("kind")} | _present(entries)


def describe_file(name: str | Path, experiment: Experiment) -> dict[str, Any]:
    """One file: format, hash, blocks in order, flags (the keys of ``rampion inspect --json``)."""
    source = next((part.source for part in experiment.parts if part.source), None)
    return {
        "file": str(name),
        "format": source.format if source else "",
        "sha256": source.sha256 if source else "",
        "blocks": [describe_block(part) for part in experiment.parts],
        "flags": to_plain(experiment.flags),
    }


def finding_entry(finding: Finding, experiment: Experiment) -> dict[str, Any]:
    """One sweep, constant current or cycling test, with everything but the arrays."""
    entry: dict[str, Any] = {
        "sample": finding.sample or experiment.name,
        "block": _block(finding, experiment),
        "kind": finding.kind,
        "verdict": finding.verdict,
        "confidence": finding.confidence,
        "odds": finding.odds,
    }
    for name in ("current_density", "potential", "charge", "conductivity", "current", "total_charge", "time"):
        entry[name] = getattr(finding, name)
    entry["scan_rate"] = finding.scan_rate.value if finding.scan_rate else None
    if finding.ohmic:
        line = finding.ohmic
        entry["ohmic"] = {name: getattr(line, name) for name in ("conductance", "resistance", "intercept", "window")}
        entry["ohmic"]["area_resistance"] = line.area_resistance
    entry["peak"] = finding.peak
    if finding.penetration:
        event = finding.penetration
        names = ("onset_current", "onset_potential", "steepness", "excess", "rule")
        entry["penetration"] = {name: getattr(event, name) for name in names}
    entry["aftermath"] = finding.aftermath
    entry["semi_integral_plateau"] = finding.semi_integral_plateau
    entry["space_charge"] = finding.space_charge
    entry["reference"] = finding.reference
    entry |= {"initiation": finding.initiation, "cycling": finding.cycling, "pauses": finding.pauses or None}
    if finding.cell.plausibility is not Plausibility.PLAUSIBLE:
        entry["cell"] = finding.cell
    entry["mechanism"], entry["course"] = finding.mechanism, finding.course
    entry["evidence"] = finding.evidence
    plain = to_plain({key: value for key, value in entry.items() if value is not None})
    if finding.synthetic:
        plain["synthetic"] = True
    return plain | {"flags": to_plain(finding.flags)}


def _block(finding: Finding, experiment: Experiment) -> int | None:
    """The number, among the traces and spectra of its experiment from 1, of the trace in which a finding begins."""
    if finding.trace is None:
        return None
    begins = experiment.traces[finding.trace]
    return next(number for number, part in enumerate(experiment.parts, 1) if part is begins)


def spectrum_entry(finding: SpectrumFinding, experiment: Experiment) -> dict[str, Any]:
    """One spectrum: circuit, parameters, validity, processes, conductivity; drift and distribution where they apply."""
    plain = {f.name: to_plain(getattr(finding, f.name)) for f in fields(finding) if f.name not in _ARRAYS}
    plain = {key: value for key, value in plain.items() if key not in _OPTIONAL or value not in (None, [])}
    if "relaxation_times" in plain:
        del plain["relaxation_times"]["residual"]
    marked = {"synthetic": True} if plain.pop("synthetic") else {}
    return {"sample": experiment.known_as, **plain, **marked}


def sample_entries(sample: SampleAnalysis) -> list[dict[str, Any]]:
    """The findings of one sample, sweeps first."""
    sweeps = [finding_entry(finding, sample.experiment) for finding in sample.findings]
    return sweeps + [spectrum_entry(finding, sample.experiment) for finding in sample.spectra]


def results(analysis: Analysis) -> dict[str, Any]:
    """The analysis under the keys of ``rampion analyse --json``."""
    samples = [
        {
            "name": sample.experiment.known_as,
            "files": [path for path, _ in _files(sample.experiment)],
            "metadata": to_plain(sample.experiment.sample),
            **_together(sample),
            "flags": to_plain(sample.flags),
        }
        for sample in analysis.samples
    ]
    findings = [entry for sample in analysis.samples for entry in sample_entries(sample)]
    return {
        "name": analysis.name,
        "findings": findings,
        "samples": samples,
        "series": [condition_entry(one, analysis) for one in analysis.series],
        "overrides": [_override(each) for sample in analysis.samples for each in sample.overridden],
        "flags": to_plain(analysis.flags),
    }


def _override(each: Overridden) -> dict[str, Any]:
    made = each.override
    told = {"sample": made.sample, "reason": made.reason, "by": made.by}
    return told | {name: getattr(each, name) for name in ("part", "decision", "before", "after")}


def _together(sample: SampleAnalysis) -> dict[str, Any]:
    """What the spectra of a sample show together: the comparison with the sweep, the processes along the series."""
    spectra, entries = sample.impedance, {}
    if spectra.ohmic is not None:
        entries["ohmic_comparison"] = to_plain(spectra.ohmic)
    if spectra.series is not None:
        entries["series"] = {
            "along": spectra.along,
            "circuit": spectra.series.circuit,
            "coordinate": to_plain(spectra.series.coordinate),
            "ceramic_grows": to_plain(spectra.series.ceramic_grows),
            "depletion": to_plain(spectra.series.depletion),
            "ceramic_growth": to_plain(spectra.series.ceramic_growth),
            "tracks": track_entries(spectra.series.tracks),
        } | ({"relaxation_peaks": to_plain(spectra.peaks)} if spectra.peaks else {})
    return entries


def _files(experiment: Experiment) -> Iterable[tuple[str, str]]:
    return dict.fromkeys((part.source.path, part.source.sha256) for part in experiment.parts if part.source)


def files_of(analysis: Analysis) -> dict[str, str]:
    """Every file behind the analysis with its SHA-256."""
    return {path: digest for sample in analysis.samples for path, digest in _files(sample.experiment)}
