"""What a series of spectra says: every process with its name and its track."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from rampion.estimate import Estimate, Flag, merge_flags
from rampion.impedance.assignment import assign_arcs
from rampion.impedance.circuit import Node
from rampion.impedance.finding import SpectrumFinding, finding_of
from rampion.impedance.series import fit_series
from rampion.impedance.tracks import Track
from rampion.measurement import Sample, Spectrum


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeriesFinding:
    """The findings of all spectra, in order, and the tracks of the processes through them.

    ``confidences`` (one a track) of the tracks' names; NaN for what is named by its place in the circuit.
    """

    kind: str = "series"
    circuit: str
    coordinate: Float[np.ndarray, " m"]
    tracks: tuple[Track, ...]
    confidences: tuple[float, ...]
    spectra: tuple[SpectrumFinding, ...]
    flags: tuple[Flag, ...] = ()


def analyse_series(
    spectra: Sequence[Spectrum],
    sample: Sample | None = None,
    circuit: Node | str | None = None,
    *,
    coordinate: Float[np.ndarray, " m"] | None = None,
    weighting: str = "modulus",
    shared: Sequence[str] = (),
) -> SeriesFinding:
    """Fit all spectra together, follow each process and name its track once, by its median capacitance.

    One name for the whole track: a process does not change its name where its capacitance crosses the edge of a range.
    Parameters as :func:`~rampion.impedance.series.fit_series`.
    """
    sample = Sample() if sample is None else sample
    fit = fit_series(spectra, circuit, coordinate=coordinate, weighting=weighting, shared=shared)
    arcs = [track for track in fit.tracks if np.isfinite(track.capacitance).any() and track.name.startswith("arc")]
    arcs.sort(key=lambda track: -float(np.nanmedian(track.frequency)))
    typical = [Estimate(float(np.nanmedian(track.capacitance)), _spread(track)) for track in arcs]
    assigned = assign_arcs(typical, sample.thickness, sample.area, [track.name for track in arcs])
    names = {
        track.name: (assignment.name, assignment.confidence) for track, assignment in zip(arcs, assigned, strict=True)
    }
    names["series"] = ("leads" if any(name == "bulk" for name, _ in names.values()) else "bulk", math.nan)
    wanted = [names.get(track.name, (track.name, math.nan)) for track in fit.tracks]
    tracks = []
    for place, (track, (name, _)) in enumerate(zip(fit.tracks, wanted, strict=True)):
        same = [other for other, _ in wanted].count(name) > 1
        number = f" {[other for other, _ in wanted[: place + 1]].count(name)}" if same else ""
        tracks.append(replace(track, name=name + number))
    findings = tuple(finding_of(one, spectrum, sample) for one, spectrum in zip(fit.fits, spectra, strict=True))
    return SeriesFinding(
        circuit=fit.circuit,
        coordinate=fit.coordinate,
        tracks=tuple(tracks),
        confidences=tuple(confidence for _, confidence in wanted),
        spectra=findings,
        flags=merge_flags(fit.flags, *(assignment.flags for assignment in assigned)),
    )


def _spread(track: Track) -> float:
    """Standard deviation of the capacitance along the track, no less than its median uncertainty."""
    seen = track.capacitance[np.isfinite(track.capacitance)]
    known = track.capacitance_std[np.isfinite(track.capacitance_std)]
    return max(float(np.std(seen)), float(np.median(known)) if known.size else 0.0)
