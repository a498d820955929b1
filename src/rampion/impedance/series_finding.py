"""What a series of spectra says: every process with its label and its track."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from rampion.errors import InputError
from rampion.estimate import Estimate, Flag
from rampion.impedance.circuit import Node
from rampion.impedance.circuit_labels import name_parts
from rampion.impedance.evidence import Course, Member, ceramic_resistance, estimate, probability, ratio
from rampion.impedance.finding import NamedProcess, SpectrumFinding, finding_of, labelled_finding
from rampion.impedance.label_series import explore_series
from rampion.impedance.labels import Label
from rampion.impedance.processes import processes_of
from rampion.impedance.series import fit_series
from rampion.measurement import Sample, Spectrum
from rampion.quantities import FARADAY

_CONCERNED = ("process", "parameter", "consequence")  # what tells flags of one kind apart
BIASED = 0.02  # V: what an instrument calls zero is less


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Track:
    """One process along the series, arrays (m,) in SI with standard uncertainties; NaN where it is not determined.

    ``present``: the spectrum shows the process. ``coordinate``: what the series runs along. ``confidence``: the
    probability that the cell holds the process.
    """

    name: str
    coordinate: Float[np.ndarray, " m"]
    present: Bool[np.ndarray, " m"]
    resistance: Float[np.ndarray, " m"]
    resistance_std: Float[np.ndarray, " m"]
    capacitance: Float[np.ndarray, " m"]
    capacitance_std: Float[np.ndarray, " m"]
    exponent: Float[np.ndarray, " m"]
    exponent_std: Float[np.ndarray, " m"]
    frequency: Float[np.ndarray, " m"]
    frequency_std: Float[np.ndarray, " m"]
    confidence: Float[np.ndarray, " m"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeriesFinding:
    """The findings of all spectra, in order, and the tracks of the processes through them.

    ``ceramic_grows``: the probability that the electrolyte's resistance grows along the series beyond a small drift,
    ``depletion`` that it does so as that of a depleting binary electrolyte; ``ceramic_growth``: its largest value over
    its first. None of these along temperature, and where a circuit was given. ``energies`` [J/mol] of the processes by
    name, along temperature.
    """

    kind: str = "series"
    circuit: str
    coordinate: Float[np.ndarray, " m"]
    tracks: tuple[Track, ...]
    spectra: tuple[SpectrumFinding, ...]
    ceramic_grows: float = math.nan
    depletion: float = math.nan
    ceramic_growth: Estimate | None = None
    energies: tuple[tuple[str, Estimate], ...] = ()
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
    temperature: Sequence[Estimate] | None = None,
) -> SeriesFinding:
    """All spectra as one problem under one set of labels, or with a given circuit; each process with its track.

    Parameters
    ----------
    coordinate : (m,) what the series runs along; the index when absent. temperature : of each spectrum [K], where
        that is what it runs along. shared, roughness : of a given circuit, as in
        :func:`~rampion.impedance.series.fit_series`.

    Raises
    ------
    InputError
        When there are no spectra, the coordinate has another length, or a spectrum has too few points.
    """
    sample = Sample() if sample is None else sample
    if not spectra:
        raise InputError("There is no spectrum in the series; expected at least one.")
    places = np.arange(len(spectra), dtype=float) if coordinate is None else np.asarray(coordinate, float)
    if places.shape != (len(spectra),):
        raise InputError(f"The coordinate has {places.size} values for {len(spectra)} spectra; expected one each.")
    if circuit is not None:
        fits = fit_series(spectra, circuit, weighting=weighting, shared=shared, roughness=roughness)
        namings = name_parts([processes_of(fit) for fit in fits], sample)
        findings = tuple(finding_of(fit, one, sample, namings) for fit, one in zip(fits, spectra, strict=True))
        return SeriesFinding(
            circuit=fits[0].notation, coordinate=places, tracks=_tracks(findings, places), spectra=findings
        )
    biased = any(abs(one.potential) > BIASED for one in spectra)
    members = explore_series(spectra, sample, temperature, biased, weighting)
    findings = tuple(labelled_finding(members, one, sample, at, weighting) for at, one in enumerate(spectra))
    changes = {} if temperature is not None else _changes(members, findings)
    return SeriesFinding(
        circuit=findings[0].circuit,
        coordinate=places,
        tracks=_tracks(findings, places),
        spectra=findings,
        energies=() if temperature is None else tuple(_energies(members)),
        **changes,
    )


def _changes(members: Sequence[Member], findings: Sequence[SpectrumFinding]) -> dict[str, Any]:
    """What the electrolyte's resistance does along the series."""
    sizes = [math.nan if one.resistance is None else one.resistance.value for one in findings]
    largest = int(np.nanargmax(sizes))
    depletes = probability(members, lambda one: Label.SKIN in one.labels.labels)
    return {
        "ceramic_grows": min(1.0, depletes + probability(members, lambda one: one.course is Course.GROWS)),
        "depletion": depletes,
        "ceramic_growth": estimate(members, ratio(ceramic_resistance(largest), ceramic_resistance(0))),
    }


def _energies(members: Sequence[Member]) -> list[tuple[str, Estimate]]:
    """Activation energy of every process of the likeliest set [J/mol], over all members that have it; an eV is F."""
    found = []
    for label in members[0].labels.labels:
        name = f"{label.value}.E"
        known = [one for one in members if name in one.problem.names]
        if not known:
            continue
        at = [one.problem.names.index(name) for one in known]
        weight = np.array([one.weight for one in known]) / sum(one.weight for one in known)
        value = np.array([one.mode.coordinates[place] for one, place in zip(known, at, strict=True)])
        variance = np.array([one.mode.covariance[place, place] for one, place in zip(known, at, strict=True)])
        mean = float(weight @ value)
        std = math.sqrt(float(weight @ (variance + (value - mean) ** 2)))
        found.append((label.value, Estimate(FARADAY * mean, FARADAY * std)))
    return found


def _tracks(findings: Sequence[SpectrumFinding], coordinate: np.ndarray) -> tuple[Track, ...]:
    """The processes by part of the circuit, under the names they have."""
    tracks = []
    for process in findings[0].processes:
        row = [next((one for one in finding.processes if one.part == process.part), None) for finding in findings]
        columns = {}
        for field in ("resistance", "capacitance", "exponent", "frequency"):
            each: list[Estimate] = [Estimate(math.nan) if one is None else getattr(one, field) for one in row]
            lost = [any(flag.code == "unidentifiable" for flag in one.flags) for one in each]
            columns[field] = np.array([math.nan if gone else one.value for gone, one in zip(lost, each, strict=True)])
            columns[f"{field}_std"] = np.array(
                [math.nan if gone else e.std for gone, e in zip(lost, each, strict=True)]
            )
        tracks.append(
            Track(
                name=process.name, coordinate=coordinate, present=np.array([one is not None for one in row]),
                confidence=np.array([_sure(one) for one in row]), **columns,
            )
        )  # fmt: skip
    return tuple(tracks)


def _sure(process: NamedProcess | None) -> float:
    return math.nan if process is None else process.confidence


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
