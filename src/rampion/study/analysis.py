"""read, analyse, simulate: from files or parameters to what each sample shows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rampion.errors import DecisionError, InputError
from rampion.estimate import Flag, merge_flags
from rampion.measurement import Campaign, Experiment, Override, Protocol, Sample, on_one_clock
from rampion.plausibility import assess_sample
from rampion.readers import read_file
from rampion.study.conditions import ConditionSeries, take_together
from rampion.study.frequency_window import check_window
from rampion.study.lost import Lost, StudyFlag, attempt, lost_sample, reason_of
from rampion.study.overrides import (
    Overridden,
    check_circuit,
    check_overrides,
    choose_spectra,
    choose_stretches,
    choose_sweeps,
    concerns,
)
from rampion.study.plausible import assess_campaign, assess_experiment
from rampion.study.spectra import Options, Spectra, analyse_spectra, with_electrolyte
from rampion.voltammetry.confidence import base_rates_of

if TYPE_CHECKING:
    from rampion.cell.parameters import Cell
    from rampion.cell.simulate import Simulation
    from rampion.impedance.finding import SpectrumFinding
    from rampion.impedance.series_finding import SeriesFinding
    from rampion.voltammetry.finding import Finding


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SampleAnalysis:
    """What one experiment showed: a finding per sweep or constant-current run, and what its spectra show together."""

    experiment: Experiment
    findings: tuple[Finding, ...]
    impedance: Spectra = field(default_factory=Spectra)
    overridden: tuple[Overridden, ...] = ()
    flags: tuple[Flag, ...] = ()
    lost: tuple[Flag, ...] = ()  # parts that failed; the whole names them too

    @property
    def symmetric(self) -> bool:
        """Whether the cell may be a symmetric one: events were looked for in its records, or it has none."""
        return all(finding.verdict.judged for finding in self.findings)

    @property
    def spectra(self) -> tuple[SpectrumFinding, ...]:
        """A finding per spectrum, in order."""
        return self.impedance.findings

    @property
    def series(self) -> SeriesFinding | None:
        """The processes followed through all spectra, ``None`` where there are fewer than two."""
        return self.impedance.series


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Analysis:
    """What a campaign showed, sample by sample; ``series`` of spectra of one sample along temperature or pressure."""

    samples: tuple[SampleAnalysis, ...]
    series: tuple[ConditionSeries, ...] = ()
    name: str = ""
    flags: tuple[Flag, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every sweep's finding, in order."""
        return tuple(finding for sample in self.samples for finding in sample.findings)


def read(
    path: str | Path,
    sample: Sample | None = None,
    sheet: str | Path | None = None,
    columns: Mapping[str, str] | None = None,
) -> Campaign:
    """Read an instrument file, or a folder of them with its sample sheet.

    ``sample`` holds what the user states by hand; it fills what the sheet and the files leave open and wins over them.
    ``columns`` names those of plain tables by role (``{"current": "I [mA]"}``); in a folder, where they have them.

    Raises
    ------
    InputError
        When the path does not exist or a sheet is wrong.
    RefusedError
        When a single file is not instrument data.
    """
    from rampion.readers.folder import read_folder

    path = Path(path)
    if not path.exists():
        raise InputError(f"{path} does not exist; expected an instrument file or a folder of them.")
    if path.is_dir():
        campaign = read_folder(path, sheet=sheet, columns=columns)
    elif sheet is not None:
        campaign = read_folder(path.parent, sheet=sheet, only=path.name, columns=columns)
    else:
        campaign = Campaign(experiments=(read_file(path, columns=columns),), name=path.stem)
    if sample is None:
        return campaign
    experiments = tuple(replace(one, sample=stated(one.sample, sample)) for one in campaign.experiments)
    return replace(campaign, experiments=experiments)


def stated(known: Sample, given: Sample) -> Sample:
    """The known sample with everything that was stated by hand put over it."""
    blank = Sample()
    changes = {f.name: getattr(given, f.name) for f in fields(Sample)}
    return replace(known, **{name: value for name, value in changes.items() if value != getattr(blank, name)})


def analyse(
    subject: Campaign | Experiment | str | Path,
    sample: Sample | None = None,
    circuit: str | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    weighting: str = "modulus",
    relaxation_times: bool | None = None,
    profiles: bool = False,
    fmin: float = 0.0,
    fmax: float = math.inf,
    base_rates: Mapping[str, float] | None = None,
) -> Analysis:
    """Say what each sample shows: the verdict of its sweeps with uncertainties, and its spectra's processes.

    ``columns`` names those of plain tables when ``subject`` is a path (:func:`read`). ``circuit`` fixes the equivalent
    circuit of the spectra; by default it is chosen from the data. ``weighting`` of their fits is ``modulus``, ``unit``
    or ``proportional`` (:func:`rampion.impedance.fit.deviations`). ``relaxation_times`` asks for (or leaves out) their
    distribution, which only a single spectrum gets unasked; ``profiles`` for the profile likelihood of every parameter.
    Points of spectra below ``fmin`` or above ``fmax`` [Hz] are left out of all of it.
    ``base_rates`` are the shares in which verdicts are expected, by name; those not named share the rest equally.
    """
    if isinstance(subject, str | Path):
        subject = read(subject, sample=sample, columns=columns)
    elif isinstance(subject, Experiment):
        subject = Campaign(experiments=(subject,), name=subject.name)
    options = Options(
        circuit=circuit, weighting=weighting, relaxation_times=relaxation_times, profiles=profiles,
        fmin=fmin, fmax=fmax, base_rates=base_rates_of(base_rates or {}),
    )  # fmt: skip
    return analyse_each(subject, subject.experiments, options)


def check_options(options: Options) -> None:
    """Refuse a circuit that cannot be read, or a frequency window without frequencies, before anything is analysed.

    Raises
    ------
    DecisionError
        With what is wrong in them.
    """
    check_circuit(options.circuit)
    check_window(options.fmin, options.fmax)


def analyse_each(campaign: Campaign, experiments: Iterable[Experiment], options: Options | None = None) -> Analysis:
    """:func:`analyse` over an iterable of the campaign's experiments, which may report its progress."""
    check_overrides(campaign.overrides, campaign.experiments)
    check_options(options or Options())
    tried = [try_experiment(experiment, options, campaign.overrides) for experiment in experiments]
    samples = tuple(one for one in tried if isinstance(one, SampleAnalysis))
    lost = [one for one in tried if isinstance(one, Lost)]
    if lost and not samples:
        raise lost[0].error
    return together(campaign, samples, options, failed=[one.flag for one in lost])


def together(
    campaign: Campaign,
    samples: tuple[SampleAnalysis, ...],
    options: Options | None = None,
    run: Callable[..., Iterable[ConditionSeries | Flag]] | None = None,
    failed: Sequence[Flag] = (),
) -> Analysis:
    """The samples beside each other: what is implausible among them, and their series along temperature or pressure.

    ``run`` maps a function over jobs (:func:`rampion.study.conditions.take_together`); ``failed`` tells what was lost.
    """
    flags = list(failed)
    samples = attempt(flags, "comparisons of the samples", samples, lambda: assess_campaign(samples))
    samples, series, without = take_together(samples, options, run)
    flags = merge_flags(campaign.flags, flags, *(one.lost for one in samples), without)
    return Analysis(samples=samples, series=series, name=campaign.name, flags=flags)


def try_experiment(
    experiment: Experiment, options: Options | None = None, overrides: Sequence[Override] = ()
) -> SampleAnalysis | Lost:
    """:func:`analyse_experiment`, or what ended it: one sample's failure must not take the others with it.

    Raises
    ------
    DecisionError
        When an override cannot be followed.
    """
    try:
        return analyse_experiment(experiment, options, overrides)
    except DecisionError:
        raise
    except Exception as error:
        return lost_sample(experiment.known_as, error)


def analyse_experiment(
    experiment: Experiment, options: Options | None = None, overrides: Sequence[Override] = ()
) -> SampleAnalysis:
    """Findings of one experiment's traces and spectra, its times brought to one clock first.

    Of the ``overrides``, those that concern this experiment are put in place of what was found.
    """
    from rampion.voltammetry.aftermath import with_aftermath
    from rampion.voltammetry.analyse import analyse_run

    options = options or Options()
    implausible = assess_sample(experiment.sample)
    mine = [override for override in overrides if concerns(override, experiment)]
    kept = choose_spectra(on_one_clock(experiment), mine)
    experiment = kept.experiment
    rates = options.base_rates
    run = analyse_run(experiment.traces, experiment.sample, experiment.parts, rates)
    run, masked = choose_stretches(experiment, run, mine, rates)
    findings, overridden = choose_sweeps(run.findings, experiment.sample, mine, rates)
    findings = with_aftermath(findings, experiment.parts, experiment.sample)
    options = replace(options, circuit=kept.circuit or options.circuit, circuits=kept.circuits)
    lost: tuple[Flag, ...] = ()
    try:
        spectra = analyse_spectra(experiment, findings, options, kept.points)
    except Exception as error:
        if not findings:
            raise
        flag = StudyFlag.SPECTRA_FAILED.flag(name=experiment.known_as, reason=reason_of(error))
        spectra, lost = Spectra(flags=(flag,)), (flag,)
    findings = with_electrolyte(findings, spectra)
    there = replace(experiment, parts=experiment.traces) if lost else experiment
    findings, spectra = assess_experiment(there, findings, spectra)
    return SampleAnalysis(
        experiment=experiment,
        findings=findings,
        impedance=spectra,
        overridden=kept.overridden + masked + overridden,
        flags=merge_flags(
            implausible, experiment.flags, *(part.flags for part in experiment.parts), run.flags, spectra.flags
        ),
        lost=lost,
    )


def simulate(cell: Cell, protocol: Protocol | Sequence[Protocol], tolerance: float = 1e-4) -> Simulation:
    """Run a simulated cell through a protocol or several in order; everything it gives is marked synthetic.

    ``tolerance`` is the relative error of J(V). See :func:`rampion.cell.simulate.simulate` for more.
    """
    from rampion.cell.simulate import Accuracy
    from rampion.cell.simulate import simulate as run

    return run(cell, protocol, accuracy=Accuracy(tolerance=tolerance))
