"""Results as plain data with stable keys: what ``--json`` prints and ``results.json`` holds (SI units)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rampion.measurement import Experiment, Spectrum, Trace
from rampion.records import to_plain

if TYPE_CHECKING:
    from rampion.study import Analysis


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
            "impedance_real": _range(part.impedance.real),
            "impedance_imag": _range(part.impedance.imag),
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


def _files(experiment: Experiment) -> Iterable[tuple[str, str]]:
    return dict.fromkeys((part.source.path, part.source.sha256) for part in experiment.parts if part.source)


def files_of(analysis: Analysis) -> dict[str, str]:
    """Every file behind the analysis with its SHA-256."""
    return {path: digest for sample in analysis.samples for path, digest in _files(sample.experiment)}
