"""Spectra of one sample at several temperatures, or stack pressures, fitted and named as one series.

Which belong together: :mod:`rampion.study.condition_groups`. One spectrum stands for each record: of several the last,
since one repeats until the temperature has settled; where they run along a bias that nearest to zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rampion.errors import InputError
from rampion.estimate import Estimate, Flag, merge_flags
from rampion.measurement import Spectrum, selected_frequencies
from rampion.study.condition_groups import TEMPERATURE, ConditionFlag, Group, find_groups
from rampion.study.lost import reason_of
from rampion.study.spectra import Options, add_profiles

if TYPE_CHECKING:
    from rampion.impedance.finding import SpectrumFinding
    from rampion.impedance.series_finding import SeriesFinding, Track
    from rampion.study.analysis import SampleAnalysis
    from rampion.transport.activation import Activation

ELECTRODES = ("leads", "arc")  # places in the circuit that are no process with an energy


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ConditionSeries:
    """The spectra of one sample along temperature or pressure.

    ``along``: ``temperature`` [K] or ``stack_pressure`` [Pa]; ``coordinate`` its values in rising order, with their
    standard uncertainties. ``places``: which of the analysis' samples, and ``blocks`` which of their parts, each
    spectrum is. ``conductivity`` [S/m] of each spectrum (None where it tells none). Along temperature
    ``conductivity_activation`` and ``activations``, one a process that shows at two temperatures or more.
    """

    sample: str
    along: str
    coordinate: tuple[Estimate, ...]
    places: tuple[int, ...]
    blocks: tuple[int, ...]
    spectra: tuple[Spectrum, ...]
    series: SeriesFinding
    conductivity: tuple[Estimate | None, ...]
    conductivity_activation: Activation | None = None
    activations: tuple[Activation, ...] = ()
    synthetic: bool = False
    flags: tuple[Flag, ...] = ()


def take_together(
    samples: Sequence[SampleAnalysis],
    options: Options | None = None,
    run: Callable[..., Iterable[ConditionSeries | Flag]] | None = None,
) -> tuple[tuple[SampleAnalysis, ...], tuple[ConditionSeries, ...], tuple[Flag, ...]]:
    """The samples with their spectra fitted and named as series where they are such, the series, and what failed.

    A record that is just the one spectrum takes the finding of the series in place of its own, unless a person chose
    its circuit. ``run`` maps a function over jobs; by default one after the other.
    """
    options = options or Options()
    groups = find_groups(samples)
    jobs = [(group, [samples[place] for place in group.places], options) for group in groups]
    each = run(_try_group, jobs) if run is not None else (_try_group(*job) for job in jobs)
    out, found, failed = list(samples), [], []
    for result in each:
        if isinstance(result, Flag):
            failed.append(result)
            continue
        found.append(result)
        for place, finding in zip(result.places, result.series.spectra, strict=True):
            if len(samples[place].spectra) == 1:
                out[place] = _with_finding(samples[place], finding)
    return tuple(out), tuple(found), tuple(failed)


def _try_group(group: Group, samples: Sequence[SampleAnalysis], options: Options) -> ConditionSeries | Flag:
    """The series of a group, or why there is none: too few points for the others' circuit, or a fault."""
    try:
        return _analyse_group(group, samples, options)
    except Exception as error:
        return ConditionFlag.SERIES_FAILED.flag(reason=reason_of(error))


def _analyse_group(group: Group, samples: Sequence[SampleAnalysis], options: Options) -> ConditionSeries:
    """The spectra of a group fitted and named together, and what they say along their condition."""
    from rampion.impedance.series_finding import analyse_series

    picked = [_stands_for(one) for one in samples]
    spectra = [_as_fitted(one.experiment.spectra[at], one.spectra[at]) for one, at in zip(samples, picked, strict=True)]
    known = samples[0].experiment.sample
    values = tuple(getattr(one.experiment.sample, group.along) for one in samples)
    series = analyse_series(
        spectra, known, group.circuit or options.circuit, coordinate=np.array([one.value for one in values]),
        weighting=options.weighting, temperature=values if group.along == TEMPERATURE else None,
    )  # fmt: skip
    before = [one.spectra[at] for one, at in zip(samples, picked, strict=True)]
    findings = [
        _completed(new, old, spectrum, options)
        for new, old, spectrum in zip(series.spectra, before, spectra, strict=True)
    ]
    series = replace(series, spectra=tuple(findings))
    flags = [
        ConditionFlag.ONE_OF_SEVERAL.flag(name=one.experiment.name, count=len(one.spectra), number=at + 1)
        for one, at in zip(samples, picked, strict=True)
        if len(one.spectra) > 1
    ]
    whole, each, told = None, (), ()
    if group.along == TEMPERATURE:
        whole, each, told = _activations(series, values, known.thickness, known.area)
    return ConditionSeries(
        sample=known.name,
        along=group.along,
        coordinate=values,
        places=group.places,
        blocks=tuple(finding.block for finding in findings),
        spectra=tuple(spectra),
        series=series,
        conductivity=tuple(finding.conductivity for finding in findings),
        conductivity_activation=whole,
        activations=each,
        synthetic=any(one.experiment.synthetic for one in samples),
        flags=merge_flags(group.flags, flags, told, series.flags),
    )


def _stands_for(sample: SampleAnalysis) -> int:
    """Which of a record's spectra stands for it: the last, or along a bias that nearest to zero."""
    if sample.impedance.along != "potential":
        return len(sample.spectra) - 1
    return min(range(len(sample.spectra)), key=lambda place: abs(sample.spectra[place].potential))


def _as_fitted(spectrum: Spectrum, finding: SpectrumFinding) -> Spectrum:
    if finding.left_out:
        spectrum = selected_frequencies(spectrum, np.isin(spectrum.frequency, finding.frequency))
    return spectrum if finding.drift is None else replace(spectrum, impedance=finding.impedance)


def _completed(new: SpectrumFinding, old: SpectrumFinding, spectrum: Spectrum, options: Options) -> SpectrumFinding:
    """The finding of the series with what the spectrum had by itself."""
    new = replace(new, block=old.block, left_out=old.left_out, drift=old.drift, relaxation_times=old.relaxation_times)
    return add_profiles(new, spectrum) if options.profiles else new


def _with_finding(sample: SampleAnalysis, finding: SpectrumFinding) -> SampleAnalysis:
    return replace(sample, impedance=replace(sample.impedance, findings=(finding,)))


def _activations(
    series: SeriesFinding, temperature: Sequence[Estimate], thickness: Estimate | None, area: Estimate | None
) -> tuple[Activation | None, tuple[Activation, ...], tuple[Flag, ...]]:
    """The activation energies of the conductivity and of every process, and what was left out of their lines."""
    from rampion.transport.activation import fit_arrhenius

    flags = [] if all(math.isfinite(one.std) for one in temperature) else [ConditionFlag.NO_TEMPERATURE_ERRORS.flag()]
    values = np.array([one.value for one in temperature]), np.array([one.std for one in temperature])
    lines: list[Activation] = []
    whole = None
    sigma = np.array([one.conductivity.value if one.conductivity else math.nan for one in series.spectra])
    share = np.array([one.resistance.relative if one.resistance else math.nan for one in series.spectra])
    # a geometry without a stated uncertainty counts as exact, which the findings' flags say
    common = math.hypot(*(np.nan_to_num(size.relative) for size in (thickness, area) if size is not None))
    for name, value, std, resistance, shared in [
        ("conductivity", sigma, sigma * share, False, common),
        *((t.name, t.resistance, t.resistance_std, True, 0.0) for t in series.tracks if _activated(t)),
    ]:
        told = np.isfinite(value) & (value > 0) & np.isfinite(std)
        try:
            line = fit_arrhenius(
                values[0][told], value[told], std[told], values[1][told], resistance=resistance, common=shared,
                name=name,
            )  # fmt: skip
        except InputError:  # not told at two temperatures
            continue
        if told.sum() < told.size:
            count = int(told.size - told.sum())
            flags.append(ConditionFlag.UNTOLD_LEFT_OUT.flag(quantity=name, count=count, of=told.size))
        if resistance:
            joint = dict(series.energies).get(name)
            lines.append(line if joint is None else replace(line, energy=joint.flagged(*line.energy.flags)))
        else:
            whole = line
    every = ([whole] if whole is not None else []) + lines
    return whole, tuple(lines), merge_flags(flags, *(line.flags for line in every))


def _activated(track: Track) -> bool:
    return not track.name.startswith(ELECTRODES)
