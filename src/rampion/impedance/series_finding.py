"""What a series of spectra says: every process with its name and its track."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from rampion.estimate import Flag, merge_flags
from rampion.impedance.circuit import Node
from rampion.impedance.finding import SpectrumFinding, finding_of
from rampion.impedance.series import fit_series
from rampion.impedance.series_names import name_series
from rampion.impedance.tracks import Track, coming_and_going, make_track
from rampion.measurement import Sample, Spectrum

_CONCERNED = ("process", "parameter", "one", "consequence")  # what tells flags of one kind apart


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
    roughness: float | None = None,
    candidates: Sequence[str] = (),
    one_circuit: bool = False,
) -> SeriesFinding:
    """Fit all spectra together, follow each process and name its track once.

    What the first spectra show is named by its capacitance there and keeps the name, wherever its capacitance goes;
    what comes later is named by continuity (:mod:`~rampion.impedance.series_names`). The names of the single findings
    are those of the tracks, their confidence falls with every doubtful step along the track.

    Parameters as :func:`~rampion.impedance.series.fit_series`.
    """
    sample = Sample() if sample is None else sample
    fit = fit_series(
        spectra, circuit, coordinate=coordinate, weighting=weighting, shared=shared, roughness=roughness,
        candidates=candidates, one_circuit=one_circuit,
    )  # fmt: skip
    named = name_series(fit.processes, sample)
    findings = tuple(
        finding_of(one, spectrum, sample, names, known, closer)
        for one, spectrum, names, known, closer in zip(
            fit.fits, spectra, named.names, named.spectrum_flags, fit.descriptions, strict=True
        )
    )
    return SeriesFinding(
        circuit=fit.circuit,
        coordinate=fit.coordinate,
        tracks=tuple(make_track(path, fit.coordinate) for path in named.paths),
        confidences=named.confidences,
        spectra=findings,
        flags=merge_flags(named.flags, coming_and_going(named.paths)),
    )


def gather_flags(findings: Sequence[SpectrumFinding]) -> tuple[Flag, ...]:
    """What the findings of a series are flagged with, each kind of each process once: how many spectra say it."""
    kinds: dict[tuple[str, ...], dict[int, Flag]] = {}
    for number, finding in enumerate(findings, start=1):
        for flag in finding.flags:
            concerned = (str(value) for name, value in flag.details if name in _CONCERNED)
            kinds.setdefault((flag.code, *concerned), {}).setdefault(number, flag)
    gathered = []
    for said in kinds.values():
        first, flag = next(iter(said.items()))
        which = (
            f"All {len(findings)} spectra" if len(said) == len(findings) else f"{len(said)} of {len(findings)} spectra"
        )
        which = f"Spectrum {first}" if len(said) == 1 else f"{which}, as {first}"
        gathered.append(replace(flag, message=f"{which}: {flag.message}"))
    return tuple(gathered)
