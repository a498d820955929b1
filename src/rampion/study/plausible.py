"""The gate of plausibility over one experiment and over a campaign: can the numbers be what they are said to be?

The limits are in :mod:`rampion.plausible_limits`, the assessments in :mod:`rampion.plausibility`; here they meet the
findings. A number that cannot be is withdrawn, one that can hardly be is flagged with the likely slip.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from rampion.campaign.outliers import find_factor_outliers
from rampion.estimate import Estimate, Flag, merge_flags
from rampion.measurement import Experiment, Sample, Spectrum, Trace
from rampion.plausibility import (
    Assessment,
    LikelySlip,
    Method,
    PlausibilityFlag,
    assess_area,
    assess_conductivity,
    assess_current_density,
    assess_potential,
    assess_ratio,
    assess_supply,
)
from rampion.plausible_limits import Plausibility, class_of

if TYPE_CHECKING:
    from rampion.impedance.finding import SpectrumFinding
    from rampion.study.analysis import SampleAnalysis
    from rampion.study.spectra import Spectra
    from rampion.voltammetry.finding import Finding


def assess_experiment(
    experiment: Experiment, findings: Sequence[Finding], spectra: Spectra
) -> tuple[tuple[Finding, ...], Spectra]:
    """The findings and spectra of one experiment with what their numbers cannot, or can hardly, be."""
    areas = _areas(experiment)
    ratio = () if spectra.ohmic is None else _flags(assess_ratio(spectra.ohmic.comparison.ratio))
    supply = _supply(experiment, findings)
    sweeps = tuple(
        _sweep(finding, experiment, merge_flags(areas, ratio, spent))
        for finding, spent in zip(findings, supply, strict=True)
    )
    foreign = [finding.cell.flag for finding in findings if not finding.cell.symmetric]
    shared = merge_flags((flag for flag in foreign[:1] if flag is not None), areas, ratio)
    measured = [part for part in experiment.parts if isinstance(part, Spectrum)]
    assessed = [
        _spectrum(finding, spectrum, experiment.sample, shared)
        for finding, spectrum in zip(spectra.findings, measured, strict=True)
    ]
    single = tuple(finding for finding, _ in assessed)
    if spectra.series is None:
        return sweeps, replace(spectra, findings=single)
    raised = merge_flags(*(flags for _, flags in assessed))  # those of a series are shown together
    return sweeps, replace(
        spectra,
        findings=single,
        series=replace(spectra.series, spectra=single),
        flags=merge_flags(spectra.flags, raised),
    )


def _flags(*assessments: Assessment) -> tuple[Flag, ...]:
    return tuple(each.flag for each in assessments if each.flag is not None)


def _areas(experiment: Experiment) -> tuple[Flag, ...]:
    """The flag of an area in a file that is not the sheet's, or that is the only one."""
    stated = experiment.sample.area
    known = sorted(
        {part.source.area for part in experiment.parts if part.source is not None and math.isfinite(part.source.area)}
    )
    if stated is None:
        return tuple(PlausibilityFlag.AREA_IN_FILE_ALONE.flag(file=1e6 * area) for area in known[:1])
    return _flags(*(assess_area(stated.value, area) for area in known))[:1]


def _supply(experiment: Experiment, findings: Sequence[Finding]) -> list[tuple[Flag, ...]]:
    """Of each finding, the flag of an electrode whose lithium may be used up by its event; asked for once.

    What had passed before in the run counts with its sign: a current that was reversed brings lithium back.
    """
    flags: list[tuple[Flag, ...]] = []
    sample = experiment.sample
    for finding in findings:
        own = finding.cycling.half_cycle_capacity if finding.cycling is not None else finding.total_charge.value
        before = sum(map(_net_charge, experiment.traces[: finding.trace])) if finding.trace else 0.0
        charge = abs(own + finding.voltammogram.current_sign * before)
        if sample.area is None or not finding.verdict.judged or not math.isfinite(charge):
            flags.append(())
            continue
        first = not any(flags) or sample.lithium_thickness is not None
        found = assess_supply(charge / sample.area.value, sample, limited=finding.verdict.limit and first)
        flags.append((found,) if found is not None else ())
    return flags


def _net_charge(trace: Trace) -> float:
    """The charge that passed in a trace [C], signed; zero where its times or currents are not known."""
    kept = np.isfinite(trace.time) & np.isfinite(trace.current)
    return float(np.trapezoid(trace.current[kept], trace.time[kept])) if kept.sum() > 1 else 0.0


def _sweep(finding: Finding, experiment: Experiment, shared: Sequence[Flag]) -> Finding:
    potential = _flags(assess_potential(float(np.median(np.abs(finding.voltammogram.potential)))))
    if not finding.verdict.judged:
        return replace(finding, flags=merge_flags(potential, finding.flags))
    flags = [*shared, *potential]
    sample = experiment.sample
    if finding.current_density is not None:
        flags += _flags(assess_current_density(finding.current_density.value, sample))
    sigma = finding.conductivity
    if sigma is not None:
        found = assess_conductivity(sigma.value, sample, Method.SWEEP, _recorded(experiment, finding.trace))
        flags += _flags(found)
        sigma = _held(sigma, found)
    return replace(finding, conductivity=sigma, flags=merge_flags(flags, finding.flags))


def _recorded(experiment: Experiment, place: int | None) -> float:
    """Mean recorded temperature [K] of a trace, NaN where none was recorded."""
    trace: Trace | None = experiment.traces[place] if place is not None else None
    if trace is None or trace.temperature is None or not np.isfinite(trace.temperature).any():
        return math.nan
    return float(np.nanmean(trace.temperature))


def _held(sigma: Estimate, found: Assessment) -> Estimate | None:
    """The conductivity, flagged where it can hardly be; None where it cannot."""
    if found.plausibility is Plausibility.IMPOSSIBLE:
        return None
    return sigma if found.flag is None else sigma.flagged(found.flag)


def _spectrum(
    finding: SpectrumFinding, spectrum: Spectrum, sample: Sample, shared: Sequence[Flag]
) -> tuple[SpectrumFinding, tuple[Flag, ...]]:
    """The finding and what was raised; a spectrum without a conductivity gets what concerns the whole cell alone."""
    sigma, raised = finding.conductivity, tuple(shared)
    if sigma is not None:
        found = assess_conductivity(sigma.value, sample, Method.SPECTRUM, spectrum.temperature)
        sigma, raised = _held(sigma, found), merge_flags(shared, _flags(found))
    return replace(finding, conductivity=sigma, flags=merge_flags(raised, finding.flags)), raised


def assess_campaign(samples: Sequence[SampleAnalysis]) -> tuple[SampleAnalysis, ...]:
    """The samples, flagged where the conductivity stands apart from its pellet's, else from the campaign's.

    Of samples of one class, composition, treatment and electrodes at one temperature, the conductivity of a sweep, else
    of the first spectrum: what differs is thickness, area and density, and a thickness typed twice too large doubles
    it (:func:`~rampion.campaign.outliers.find_factor_outliers`). Few samples raise nothing.
    """
    sigma = [_conductivity(sample) for sample in samples]
    raised: dict[int, Flag] = {}
    for by_pellet in (True, False):
        groups: dict[tuple[object, ...], list[int]] = {}
        for place, sample in enumerate(samples):
            key = _condition(sample.experiment.sample, by_pellet)
            if math.isfinite(sigma[place]) and key is not None:
                groups.setdefault(key, []).append(place)
        for members in groups.values():
            names = {samples[place].experiment.known_as for place in members}
            if len(names) < len(members):  # several records of a sample are no samples
                members = list({samples[place].experiment.known_as: place for place in reversed(members)}.values())
            for at, ratio in find_factor_outliers(np.array([sigma[place] for place in members])).items():
                where = "of its pellet" if by_pellet else "of the campaign"
                flag = PlausibilityFlag.CONDUCTIVITY_OUTLIER.flag(
                    ratio=ratio, count=len(members) - 1, where=where, slip=LikelySlip.THICKNESS_OR_AREA_OFF.value
                )
                raised.setdefault(members[at], flag)
    return tuple(
        replace(sample, flags=merge_flags(sample.flags, (raised[place],))) if place in raised else sample
        for place, sample in enumerate(samples)
    )


def _conductivity(sample: SampleAnalysis) -> float:
    """A sample's conductivity [S/m], of its first judged sweep, else of its first spectrum; NaN without one."""
    known = [each.conductivity for each in (*sample.findings, *sample.spectra[:1]) if each.conductivity is not None]
    return known[0].value if known and known[0].value > 0 else math.nan


def _condition(sample: Sample, by_pellet: bool) -> tuple[object, ...] | None:
    """What has to agree for two samples to be comparable; None without a pellet where it is asked for."""
    if by_pellet and not sample.pellet:
        return None
    temperature = None if sample.temperature is None else round(sample.temperature.value)
    pellet = sample.pellet if by_pellet else ""
    material = class_of(sample), sample.composition, sample.treatment, sample.electrodes, sample.interlayer
    return (pellet, temperature, *material)
