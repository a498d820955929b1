"""The spectra of one experiment: drift taken out, processes fitted and followed, set beside the sweep."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool

from rampion.estimate import Estimate, Flag, merge_flags
from rampion.measurement import Experiment, Sample, Spectrum
from rampion.study.frequency_window import narrowed
from rampion.voltammetry.confidence import EQUAL, BaseRates

if TYPE_CHECKING:
    from rampion.impedance.conductivity import Comparison
    from rampion.impedance.finding import SpectrumFinding
    from rampion.impedance.relaxation_tracks import PeakTrack
    from rampion.impedance.series_finding import SeriesFinding
    from rampion.voltammetry.finding import Finding

BLOCKING_PHASE = -45.0  # ° at the lowest frequency: below it there is no total resistance to compare
LARGEST_VIOLATION = 0.01  # of the Kramers-Kronig relations, as a fraction of |Z|, for a comparison with the sweep
STAIRCASE = 0.02  # V of bias between the spectra of a series that runs along it


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a run is analysed.

    ``circuit`` in either notation; chosen from the data when absent. ``weighting`` of the fits: ``modulus``, ``unit``
    or ``proportional``. ``relaxation_times``: their distribution too; when not said, of a single spectrum only.
    ``fmin``, ``fmax`` [Hz]: points of spectra outside are left out.
    ``profiles``: the profile likelihood of every parameter. ``circuits``: those of single spectra, by number from 1.
    ``base_rates``: how often each verdict of a sweep or run is expected.
    """

    circuit: str | None = None
    weighting: str = "modulus"
    circuits: Mapping[int, str] = field(default_factory=dict)
    relaxation_times: bool | None = None
    profiles: bool = False
    fmin: float = 0.0
    fmax: float = math.inf
    base_rates: BaseRates = EQUAL


@dataclass(frozen=True, slots=True, kw_only=True)
class OhmicComparison:
    """The resistance of the cell from one spectrum and from the sweep's ohmic line, and the test that they are equal.

    ``block`` is the spectrum's, ``spectrum`` its total resistance [Ω] and ``sweep`` that of the line [Ω];
    ``comparison`` holds their ratio and its p-value; the conductivities [S/m] are those of both with the geometry.
    """

    block: int
    spectrum: Estimate
    sweep: Estimate
    comparison: Comparison
    spectrum_conductivity: Estimate | None = None
    sweep_conductivity: Estimate | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spectra:
    """What the spectra of one experiment show.

    ``along``: what the ``series`` runs along: ``potential`` [V], ``time`` [s] or ``spectrum`` (its number).
    ``peaks`` are the tracks of the distributions' peaks where these were asked for.
    """

    findings: tuple[SpectrumFinding, ...] = ()
    series: SeriesFinding | None = None
    along: str = "spectrum"
    peaks: tuple[PeakTrack, ...] = ()
    ohmic: OhmicComparison | None = None
    flags: tuple[Flag, ...] = ()


def analyse_spectra(
    experiment: Experiment,
    sweeps: Sequence[Finding],
    options: Options,
    points: Mapping[int, Bool[np.ndarray, " _"]] | None = None,
) -> Spectra:
    """Findings of all spectra, each process followed through them, and the comparison with the sweep's ohmic line.

    ``points`` (n,): of spectra by number from 1, which a person left in; the others count as not measured.
    Assumes the experiment on one clock, its spectra in order.

    Raises
    ------
    InputError
        When the frequency window leaves too few points of a spectrum.
    """
    if not experiment.spectra:
        return Spectra()
    from rampion.impedance.finding import analyse_spectrum
    from rampion.impedance.series_finding import gather_flags
    from rampion.study.drift import correct_spectra, with_drift

    whole = experiment.spectra
    experiment = narrowed(experiment, options.fmin, options.fmax, points or {})
    corrections = correct_spectra(experiment)
    sample, measured = experiment.sample, experiment.spectra
    spectra = tuple(corrections[i].spectrum if i in corrections else one for i, one in enumerate(measured))
    findings, series, along = _fitted(spectra, sweeps, sample, options)
    blocks = [place for place, part in enumerate(experiment.parts, 1) if isinstance(part, Spectrum)]
    wanted = len(spectra) == 1 if options.relaxation_times is None else options.relaxation_times
    done = []
    for place, (finding, spectrum) in enumerate(zip(findings, spectra, strict=True)):
        if place + 1 in options.circuits:
            finding = analyse_spectrum(spectrum, sample, options.circuits[place + 1], weighting=options.weighting)
        finding = replace(finding, block=blocks[place], left_out=len(whole[place]) - len(spectrum))
        if place in corrections:
            finding = with_drift(finding, corrections[place], measured[place], sample)
        if wanted:
            finding = _with_relaxation_times(finding, spectrum)
        if options.profiles:
            finding = add_profiles(finding, spectrum)
        done.append(finding)
    if series is not None:
        series = replace(series, spectra=tuple(done))
    return Spectra(
        findings=tuple(done),
        series=series,
        along=along,
        peaks=_peak_tracks(done) if series is not None else (),
        ohmic=compare_with_sweep(done, sweeps, sample),
        flags=merge_flags(series.flags, gather_flags(done)) if series is not None else (),
    )


def with_electrolyte(findings: Sequence[Finding], spectra: Spectra) -> tuple[Finding, ...]:
    """The findings, with the electrolyte's resistance from the spectrum at rest where a reference electrode was there.

    A spectrum of another resistance than the sweep's start is not used: it may be that of one electrode alone.
    """
    from rampion.impedance.conductivity import compare_with_ohmic_slope
    from rampion.voltammetry.reference_electrode import RULE, with_electrolyte

    place = next((place for place, one in enumerate(findings) if one.ohmic is not None), None)
    reference = None if place is None else findings[place].reference
    if place is None or spectra.ohmic is None or reference is None:
        return tuple(findings)
    spectrum = next(one for one in spectra.findings if one.block == spectra.ohmic.block)
    score = compare_with_ohmic_slope(spectra.ohmic.spectrum, reference.resistance).score
    if spectrum.resistance is None or not abs(score) < RULE.errors:
        return tuple(findings)
    reference, flags = with_electrolyte(reference, spectrum.resistance)
    known = replace(findings[place], reference=reference, flags=merge_flags(findings[place].flags, flags))
    return (*findings[:place], known, *findings[place + 1 :])


def _fitted(
    spectra: tuple[Spectrum, ...], sweeps: Sequence[Finding], sample: Sample, options: Options
) -> tuple[tuple[SpectrumFinding, ...], SeriesFinding | None, str]:
    if len(spectra) == 1:
        from rampion.impedance.finding import analyse_spectrum

        alone = analyse_spectrum(spectra[0], sample, options.circuit, weighting=options.weighting)
        return (alone,), None, "spectrum"
    from rampion.impedance.series_finding import analyse_series

    along, coordinate = series_coordinate(spectra, any(finding.pauses for finding in sweeps))
    series = analyse_series(
        spectra, sample, options.circuit, coordinate=coordinate, weighting=options.weighting
    )  # fmt: skip
    return series.spectra, series, along


def series_coordinate(spectra: Sequence[Spectrum], paused: bool = False) -> tuple[str, np.ndarray]:
    """What a series runs along, and its values (m,): bias in a paused sweep or staircase, else time, else number."""
    bias = np.array([spectrum.potential for spectrum in spectra])
    time = np.array([math.nan if spectrum.time is None else float(spectrum.time[0]) for spectrum in spectra])
    timed = bool(np.isfinite(time).all()) and np.unique(time).size == time.size and bool(np.all(np.diff(time) > 0))
    steps = np.abs(np.diff(bias)) if np.isfinite(bias).all() else np.zeros(0)
    staircase = steps.size > 1 and float(np.median(steps)) > STAIRCASE and abs(bias[-1] - bias[0]) > 0.9 * steps.sum()
    if (paused and np.isfinite(bias).all()) or staircase:
        return "potential", bias
    return ("time", time) if timed else ("spectrum", np.arange(1.0, len(spectra) + 1.0))


def _with_relaxation_times(finding: SpectrumFinding, spectrum: Spectrum) -> SpectrumFinding:
    from rampion.impedance.relaxation_times import FEWEST_POINTS, find_relaxation_times

    if len(spectrum) < FEWEST_POINTS:
        return finding
    return replace(finding, relaxation_times=find_relaxation_times(spectrum))


def _peak_tracks(findings: Sequence[SpectrumFinding]) -> tuple[PeakTrack, ...]:
    known = [finding.relaxation_times for finding in findings if finding.relaxation_times is not None]
    if len(known) != len(findings) or len(known) < 2:
        return ()
    from rampion.impedance.relaxation_tracks import track_peaks

    return track_peaks(known)


def add_profiles(finding: SpectrumFinding, spectrum: Spectrum) -> SpectrumFinding:
    """The finding with the profile likelihood of every parameter of its circuit."""
    from rampion.impedance.fit import fit_circuit
    from rampion.impedance.profile import profile_parameter

    start = {name: parameter.value for name, parameter in finding.parameters.items()}
    fit = fit_circuit(spectrum, finding.circuit, weighting=finding.weighting, start=start, starts=4)
    return replace(finding, profiles=tuple(profile_parameter(fit, name) for name in fit.parameters))


def compare_with_sweep(
    findings: Sequence[SpectrumFinding], sweeps: Sequence[Finding], sample: Sample
) -> OhmicComparison | None:
    """The spectrum nearest to rest before the sweep, against the ohmic line of the sweep; none where one is missing.

    The spectrum's total is the sum of its resistive processes. A spectrum taken beyond the ohmic window is not
    compared, nor one that blocks at its lowest frequency or breaks the Kramers-Kronig relations by more than 1 %.
    """
    from rampion.impedance.conductivity import compare_with_ohmic_slope, conductivity_from_resistance

    sweep = next((finding for finding in sweeps if finding.ohmic is not None), None)
    if sweep is None or sweep.ohmic is None:
        return None
    end = float(sweep.voltammogram.time[-1])
    usable = [
        finding
        for finding in findings
        if finding.total_resistance is not None
        and math.isfinite(finding.total_resistance.std)
        and not (finding.kramers_kronig.valid is False and finding.kramers_kronig.violation > LARGEST_VIOLATION)
        and not abs(finding.potential) > sweep.ohmic.window[1]
        and not finding.time >= end
        and math.degrees(float(np.angle(finding.impedance[np.argmin(finding.frequency)]))) > BLOCKING_PHASE
    ]
    if not usable:
        return None
    chosen = min(usable, key=lambda finding: abs(finding.potential) if math.isfinite(finding.potential) else 0.0)
    total, line = chosen.total_resistance, sweep.ohmic.resistance
    assert total is not None
    known = sample.thickness is not None and sample.area is not None
    return OhmicComparison(
        block=chosen.block,
        spectrum=total,
        sweep=line,
        comparison=compare_with_ohmic_slope(total, line),
        spectrum_conductivity=conductivity_from_resistance(total, sample.thickness, sample.area) if known else None,  # pyright: ignore[reportArgumentType]
        sweep_conductivity=sweep.conductivity,
    )
