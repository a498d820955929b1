"""Everything one spectrum says about its sample: labels, circuit, validity, processes, conductivity."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Complex, Float

from rampion.equality import equal_by_value
from rampion.estimate import NORMAL_95, Estimate, Flag, merge_flags
from rampion.impedance import evidence
from rampion.impedance.circuit import Node, parameter_kinds
from rampion.impedance.circuit_fit import CircuitFit, sum_of
from rampion.impedance.circuit_labels import Naming, ceramic_resistance, name_parts, resistances_in
from rampion.impedance.conductivity import conductivity_from_resistance
from rampion.impedance.evidence import Member
from rampion.impedance.fit import fit_circuit
from rampion.impedance.flags import ImpedanceFlag
from rampion.impedance.kramers_kronig import check_kramers_kronig
from rampion.impedance.label_model import QUIETEST
from rampion.impedance.labels import APEX, Label, Shape, label_impedance
from rampion.impedance.notation import parse_circuit
from rampion.impedance.processes import UNKNOWN, Process, processes_of
from rampion.impedance.profile import Profile
from rampion.impedance.relaxation_times import RelaxationTimes
from rampion.impedance.whiteness import whiteness_of
from rampion.impedance.z_hilbert import FEWEST_FREQUENCIES, rebuild_modulus
from rampion.measurement import Sample, Spectrum

PATTERN = 1e-3  # p-value of residuals without pattern, below which the labels do not describe the spectrum


@equal_by_value
@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of the circuit in SI, with its unit; ``std`` NaN where the data do not tell."""

    value: float
    std: float
    interval: tuple[float, float]
    unit: str
    flags: tuple[Flag, ...] = ()


@equal_by_value
@dataclass(frozen=True, slots=True, kw_only=True)
class Validity:
    """Verdict of the Kramers-Kronig test: ``valid`` (None when untold), root mean square residual over |Z|.

    ``outliers`` are the frequencies [Hz] of the points that stand out of the noise about the model. ``z_hit_rms`` is
    the root mean square of what |Z| differs by from the modulus that belongs to the phase (Z-HIT), over |Z|; NaN with
    fewer than 8 frequencies.
    """

    valid: bool | None
    residual_rms: float
    noise: float
    violation: float
    outliers: tuple[float, ...] = ()
    z_hit_rms: float = math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftFinding:
    """What the drift of the cell did to a spectrum: it was brought to one time, and these are its numbers as measured.

    ``change`` of |Z| during the scan, relative, at the frequency where it is largest; ``correction`` the largest made
    to a point, relative, at ``frequency`` [Hz]; ``time`` [s] to which the points were brought; ``source`` what the
    drift was read from; ``violation_before`` and ``violation_after`` of the Kramers-Kronig relations, as fractions of
    |Z|; ``total_resistance`` [Ω] and the ``resistances`` [Ω] of the processes of the same circuit without the
    correction.
    """

    change: float
    correction: float
    frequency: float
    time: float
    source: str
    violation_before: float
    violation_after: float
    total_resistance: Estimate | None
    resistances: Mapping[str, Estimate]


@equal_by_value
@dataclass(frozen=True, slots=True, kw_only=True)
class NamedProcess:
    """A process with its label and the probability that the cell holds it.

    ``part`` of the circuit; ``kind``: series, arc, diffusion or blocking. ``capacitance`` after Hsu-Mansfeld,
    ``capacitance_brug`` after Brug [F] where a circuit was given.
    """

    name: str
    part: str
    kind: str
    confidence: float
    resistance: Estimate = UNKNOWN
    capacitance: Estimate = UNKNOWN
    capacitance_brug: Estimate = UNKNOWN
    exponent: Estimate = UNKNOWN
    frequency: Estimate = UNKNOWN
    flags: tuple[Flag, ...] = ()


@equal_by_value
@dataclass(frozen=True, slots=True)
class LabelShare:
    """A set of labels and the probability that it is the cell's."""

    labels: tuple[str, ...]
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpectrumFinding:
    """What one spectrum says.

    ``block`` numbers it among the traces and spectra of its experiment, from 1; ``potential`` [V] and ``time`` [s] are
    those at which it was taken. ``resistance`` [Ω] is the ceramic's (bulk and grain boundary), ``conductivity`` [S/m]
    what it gives with the geometry; ``total_resistance`` [Ω] adds all processes not slower than the window.
    ``labels`` are the sets of labels that may hold, each with its probability; empty where a person gave the circuit.
    Without one ``circuit`` is that of the likeliest set, with its ``parameters``; every other number is averaged over
    all sets. ``drift`` is there where a drift was taken out, ``relaxation_times`` and ``profiles`` where they were
    asked for. ``left_out``: how many points a person left out, outside a frequency window or masked.
    ``impedance`` (n,) [Ω] is what was fitted and ``fitted`` (n,) [Ω] the circuit, at ``frequency`` (n,) [Hz];
    ``validity_residual`` (n,) the residual of the Kramers-Kronig model over |Z|, ``point_valid`` (n,) whether it lies
    within the noise, ``modulus_residual`` (n,) that of |Z| from its phase (Z-HIT; NaN where it cannot be told).
    """

    block: int = 1
    kind: str = "spectrum"
    potential: float = math.nan
    time: float = math.nan
    circuit: str
    weighting: str
    parameters: Mapping[str, Parameter]
    chi_square: float
    degrees: int
    noise: float
    whiteness: float
    kramers_kronig: Validity
    labels: tuple[LabelShare, ...] = ()
    processes: tuple[NamedProcess, ...]
    resistance: Estimate | None
    total_resistance: Estimate | None
    conductivity: Estimate | None
    drift: DriftFinding | None = None
    relaxation_times: RelaxationTimes | None = None
    profiles: tuple[Profile, ...] = ()
    left_out: int = 0
    frequency: Float[np.ndarray, " n"]
    impedance: Complex[np.ndarray, " n"]
    fitted: Complex[np.ndarray, " n"]
    validity_residual: Complex[np.ndarray, " n"]
    point_valid: Bool[np.ndarray, " n"]
    modulus_residual: Float[np.ndarray, " n"]
    synthetic: bool
    flags: tuple[Flag, ...] = ()


def analyse_spectrum(
    spectrum: Spectrum, sample: Sample | None = None, circuit: Node | str | None = None, *, weighting: str = "modulus"
) -> SpectrumFinding:
    """Labels, processes and conductivity of one spectrum; of a ``circuit`` that is given, its fit with labels.

    Conductivity is σ = L/(RA), R the sum of bulk and grain boundary, averaged over the sets of labels.

    Assumes the current lines are straight between two equal electrodes. Fails, with a flag, when thickness or area is
    unknown, or when no set of labels describes the spectrum: a circuit of one's own then does better.
    """
    sample = Sample() if sample is None else sample
    if circuit is not None:
        fit = fit_circuit(spectrum, circuit, weighting=weighting)
        return finding_of(fit, spectrum, sample)
    return labelled_finding(evidence.explore(spectrum, sample, weighting), spectrum, sample, weighting=weighting)


def labelled_finding(
    members: Sequence[Member], spectrum: Spectrum, sample: Sample, at: int = 0, weighting: str = "modulus"
) -> SpectrumFinding:
    """The finding of one spectrum, number ``at`` of the members' series."""
    best = members[0]
    count = 2 * len(spectrum)
    circuit = parse_circuit(best.labels.circuit)
    values, turn = best.labels.circuit_values(best.own(at))
    omega = 2 * np.pi * spectrum.frequency
    fitted, slopes = label_impedance(best.labels, best.own(at)[None], omega)
    weight = best.problem.weight[at, : len(spectrum)]
    residual = (spectrum.impedance - fitted[0]) * weight
    table = (slopes[0] * weight).view(float).T
    whiteness = whiteness_of(residual, spectrum.frequency, table)
    chi_square = float(np.vdot(residual, residual).real)
    degrees = max(count - len(values), 1)
    noise = math.sqrt(chi_square / degrees)
    flags: list[Flag] = []
    if whiteness < PATTERN and noise > QUIETEST:
        flags.append(ImpedanceFlag.LABELS_DO_NOT_DESCRIBE.flag(residual=noise))
    gradients = turn @ best.problem.spread[at]
    spreads = [best.deviation(row) for row in gradients]
    parameters = {
        name: _parameter(math.exp(value), spread, kind.unit)
        for (name, kind), value, spread in zip(parameter_kinds(circuit).items(), values, spreads, strict=True)
    }
    shares: dict[tuple[str, ...], float] = {}
    for one in members:
        key = tuple(label.value for label in one.labels.labels)
        shares[key] = shares.get(key, 0.0) + one.weight
    lowest = float(np.min(omega))
    known = sample.thickness is not None and sample.area is not None
    sigma = evidence.estimate(members, evidence.conductivity(at)) if known else None
    resistance = evidence.estimate(members, evidence.ceramic_resistance(at))
    total = evidence.estimate(members, evidence.sum_of_resistances(lambda m, label: _seen(m, label, at, lowest), at))
    return _finding(
        spectrum, sample, circuit=best.labels.circuit, weighting=weighting, parameters=parameters,
        chi_square=chi_square, degrees=degrees, noise=noise, whiteness=whiteness,
        labels=tuple(
            LabelShare(labels, share) for labels, share in sorted(shares.items(), key=lambda item: -item[1])
        ),
        processes=_labelled(members, at), resistance=resistance, total=total, conductivity=sigma, fitted=fitted[0],
        flags=flags,
    )  # fmt: skip


def _seen(member: Member, label: Label, at: int, lowest: float) -> bool:
    """Whether a process counts for the resistance of the window: not a diffusion with its apex below it."""
    if label.shape is not Shape.DIFFUSION:
        return label.shape is not Shape.BLOCKING
    own = dict(zip(member.labels.coordinates, member.own(at).tolist(), strict=True))
    return APEX / math.exp(own["diffusion.tau"]) > lowest


def _parameter(value: float, spread: float, unit: str) -> Parameter:
    factor = math.exp(NORMAL_95 * spread)
    return Parameter(value=value, std=value * spread, interval=(value / factor, value * factor), unit=unit)


def _labelled(members: Sequence[Member], at: int) -> tuple[NamedProcess, ...]:
    """The processes of the likeliest set but for the leads, their numbers averaged over every set that has them."""
    found, arcs = [], 0
    for label in members[0].labels.labels:
        name, arc = label.value, label.shape is Shape.ARC
        arcs += arc
        share = evidence.probability(members, lambda one, label=label: label in one.labels.labels)

        def number(which: str, name: str = name, **others: float) -> Estimate:
            return evidence.estimate(members, evidence.coordinate(f"{name}.{which}", at, **others))

        if arc:
            flat = number("flat")
            found.append(
                NamedProcess(
                    name=name, part=f"Zarc{arcs}", kind="arc", confidence=min(share, 1.0), resistance=number("R"),
                    capacitance=number("C"),
                    exponent=Estimate(1 - flat.value, flat.std, 1 - flat.high, 1 - flat.low),
                    frequency=_turned(number("R", C=1.0), 1.0),
                )
            )  # fmt: skip
        elif label is Label.DIFFUSION:
            frequency = _turned(number("tau"), APEX)
            found.append(
                NamedProcess(
                    name=name, part="Ws1", kind="diffusion", confidence=min(share, 1.0), resistance=number("R"),
                    frequency=frequency,
                )
            )  # fmt: skip
        elif label is Label.BLOCKING:
            found.append(NamedProcess(name=name, part="CPE1", kind="blocking", confidence=min(share, 1.0)))
    return tuple(found)


def _turned(time: Estimate, turn: float) -> Estimate:
    """The frequency [Hz] at which ωτ is ``turn``."""
    scale = turn / (2 * math.pi)
    value = scale / time.value
    return Estimate(value, value * time.relative, scale / time.high, scale / time.low)


def finding_of(
    fit: CircuitFit, spectrum: Spectrum, sample: Sample, namings: Sequence[Naming] | None = None
) -> SpectrumFinding:
    """The finding for a spectrum fitted with a given circuit; ``namings`` of its parts where a series has them."""
    processes = processes_of(fit)
    namings = name_parts([processes], sample) if namings is None else namings
    named = tuple(_named(process, namings) for process in processes)
    resistance = ceramic_resistance(fit, namings)
    total = [name for one in named if in_window(one, spectrum.frequency) for name in resistances_in(one.part, fit)]
    known = resistance is not None and sample.thickness is not None and sample.area is not None
    return _finding(
        spectrum, sample, circuit=fit.notation, weighting=fit.weighting,
        parameters={
            name: Parameter(value=e.value, std=e.std, interval=e.interval, unit=fit.units[name], flags=e.flags)
            for name, e in fit.parameters.items()
        },
        chi_square=fit.chi_square, degrees=fit.degrees, noise=fit.noise, whiteness=fit.whiteness, labels=(),
        processes=named, resistance=resistance, total=sum_of(fit, total) if total else None,
        conductivity=conductivity_from_resistance(resistance, sample.thickness, sample.area) if known else None,  # pyright: ignore[reportArgumentType]
        fitted=fit.fitted, flags=[*fit.flags, *(flag for process in named for flag in process.flags)],
    )  # fmt: skip


def _named(process: Process, namings: Sequence[Naming]) -> NamedProcess:
    """A process with the label that most of the ways to label the circuit give its part."""
    shares: dict[str, float] = {}
    for one in namings:
        if process.part in one.labels:
            name = one.labels[process.part].value
            shares[name] = shares.get(name, 0.0) + one.share
    name = max(shares, key=lambda key: shares[key]) if shares else "arc"
    return NamedProcess(
        name=name, part=process.part, kind=process.kind, confidence=min(shares.get(name, math.nan), 1.0),
        resistance=process.resistance, capacitance=process.capacitance, capacitance_brug=process.capacitance_brug,
        exponent=process.exponent, frequency=process.frequency, flags=process.flags,
    )  # fmt: skip


def _finding(
    spectrum: Spectrum, sample: Sample, *, circuit: str, weighting: str, parameters: Mapping[str, Parameter],
    chi_square: float, degrees: int, noise: float, whiteness: float, labels: tuple[LabelShare, ...],
    processes: tuple[NamedProcess, ...], resistance: Estimate | None, total: Estimate | None,
    conductivity: Estimate | None, fitted: np.ndarray, flags: Sequence[Flag],
) -> SpectrumFinding:  # fmt: skip
    """The record, with the tests of validity and what the sample's sheet lacks."""
    validity = check_kramers_kronig(spectrum)
    distinct = np.unique(spectrum.frequency).size
    hilbert = rebuild_modulus(spectrum) if distinct >= FEWEST_FREQUENCIES else None
    raised = [*flags, *(conductivity.flags if conductivity is not None else ())]
    missing = " and ".join(name for name in ("thickness", "area") if getattr(sample, name) is None)
    if missing and resistance is not None:
        raised.append(ImpedanceFlag.GEOMETRY_UNKNOWN.flag(missing=missing, consequence="there is no conductivity"))
    return SpectrumFinding(
        potential=spectrum.potential,
        time=float(spectrum.time[0]) if spectrum.time is not None else math.nan,
        circuit=circuit,
        weighting=weighting,
        parameters=parameters,
        chi_square=chi_square,
        degrees=degrees,
        noise=noise,
        whiteness=whiteness,
        kramers_kronig=Validity(
            valid=validity.valid,
            residual_rms=validity.residual_rms,
            noise=validity.noise,
            violation=validity.violation,
            outliers=tuple(spectrum.frequency[~validity.point_valid].tolist()),
            z_hit_rms=math.nan if hilbert is None else hilbert.residual_rms,
        ),
        labels=labels,
        processes=processes,
        resistance=resistance,
        total_resistance=total,
        conductivity=conductivity,
        frequency=spectrum.frequency,
        impedance=spectrum.impedance,
        fitted=fitted,
        validity_residual=validity.residual,
        point_valid=validity.point_valid,
        modulus_residual=np.full(len(spectrum), math.nan) if hilbert is None else hilbert.residual,
        synthetic=spectrum.synthetic,
        flags=merge_flags(validity.flags, raised),
    )


def in_window(process: NamedProcess, frequency: Float[np.ndarray, " n"]) -> bool:
    """Whether the process has a resistance and its apex is not below the lowest frequency [Hz] measured.

    The resistance of a slower process is an extrapolation of its first rise; of a faster one the whole is seen.
    """
    return math.isfinite(process.resistance.value) and not process.frequency.value < float(np.min(frequency))
