"""Everything one spectrum says about its sample: circuit, validity, processes with names, conductivity."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Complex, Float

from rampion.equality import equal_by_value
from rampion.estimate import Estimate, Flag, merge_flags
from rampion.impedance.assignment import SURE, is_ceramic
from rampion.impedance.choose import Description, choose_circuit
from rampion.impedance.circuit import Node
from rampion.impedance.circuit_fit import CircuitFit, sum_of
from rampion.impedance.conductivity import conductivity_from_resistance
from rampion.impedance.fit import fit_circuit
from rampion.impedance.flags import ImpedanceFlag
from rampion.impedance.kramers_kronig import check_kramers_kronig
from rampion.impedance.process_names import Name, NamedProcess, name_processes, own_names
from rampion.impedance.processes import elements_in, processes_of
from rampion.impedance.profile import Profile
from rampion.impedance.relaxation_times import RelaxationTimes
from rampion.impedance.z_hilbert import FEWEST_FREQUENCIES, rebuild_modulus
from rampion.measurement import Sample, Spectrum

_APART = 5.0  # of the apex frequencies: nearer arcs of usual width are one hump


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


@dataclass(frozen=True, slots=True, kw_only=True)
class CloserDescription:
    """A circuit that leaves smaller residuals than the finding's own, which is not taken because of ``objections``.

    ``bic_difference`` is its BIC less that of the finding's circuit: negative where the data ask for it.
    """

    circuit: str
    parameters: Mapping[str, Parameter]
    chi_square: float
    degrees: int
    noise: float
    whiteness: float
    bic_difference: float
    objections: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpectrumFinding:
    """What one spectrum says.

    ``block`` numbers it among the traces and spectra of its experiment, from 1; ``potential`` [V] and ``time`` [s] are
    those at which it was taken. ``resistance`` [Ω] is the ceramic's (bulk and grain boundary), ``conductivity`` [S/m]
    what it gives with the geometry; ``total_resistance`` [Ω] adds all processes not slower than the window.
    ``description`` is there where the circuit was chosen and another of the family comes closer to the points,
    ``drift`` where a drift was taken out, ``relaxation_times`` and ``profiles`` where they were asked for.
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
    processes: tuple[NamedProcess, ...]
    resistance: Estimate | None
    total_resistance: Estimate | None
    conductivity: Estimate | None
    description: CloserDescription | None = None
    drift: DriftFinding | None = None
    relaxation_times: RelaxationTimes | None = None
    profiles: tuple[Profile, ...] = ()
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
    """Fit, test and name one spectrum; the circuit is chosen by evidence when none is given.

    Conductivity is σ = L/(RA), R the sum of the processes named bulk or grain boundary (and of the resistance in
    series with all arcs, which holds whatever relaxes above the window).

    Assumes the current lines are straight between two equal electrodes. Fails, with a flag, when thickness or area is
    unknown, or when the arcs cannot be named with confidence.
    """
    sample = Sample() if sample is None else sample
    if circuit is not None:
        return finding_of(fit_circuit(spectrum, circuit, weighting=weighting), spectrum, sample)
    choice = choose_circuit(spectrum, weighting=weighting)
    return finding_of(choice.fit, spectrum, sample, closer=choice.description)


def _description(closer: Description | None) -> CloserDescription | None:
    if closer is None:
        return None
    fit = closer.fit
    return CloserDescription(
        circuit=fit.notation,
        parameters=_parameters(fit),
        chi_square=fit.chi_square,
        degrees=fit.degrees,
        noise=fit.noise,
        whiteness=fit.whiteness,
        bic_difference=closer.bic_difference,
        objections=closer.objections,
    )


def _parameters(fit: CircuitFit) -> dict[str, Parameter]:
    return {
        name: Parameter(value=e.value, std=e.std, interval=e.interval, unit=fit.units[name], flags=e.flags)
        for name, e in fit.parameters.items()
    }


def finding_of(
    fit: CircuitFit,
    spectrum: Spectrum,
    sample: Sample,
    names: Mapping[str, Name] | None = None,
    known: Sequence[Flag] = (),
    closer: Description | None = None,
) -> SpectrumFinding:
    """The finding for a spectrum already fitted, beside it the fit of another circuit that comes ``closer``.

    As one of a series it comes with the ``names`` that its processes have there, by part of the circuit, and with the
    flags ``known`` from the series.
    """
    validity = check_kramers_kronig(spectrum)
    distinct = np.unique(spectrum.frequency).size
    hilbert = rebuild_modulus(spectrum) if distinct >= FEWEST_FREQUENCIES else None
    processes = processes_of(fit)
    names = own_names(processes, sample) if names is None else names
    named = name_processes(processes, sample, names)
    ceramic = [process for process in named if is_ceramic(process.name)]
    resistance = _sum_of(fit, ceramic)
    total = _sum_of(fit, [process for process in named if in_window(process, spectrum.frequency)])
    flags = _overlaps(named)
    conductivity = None
    if resistance is not None and sample.thickness is not None and sample.area is not None:
        conductivity = conductivity_from_resistance(resistance, sample.thickness, sample.area)
        rests = _other_conductivities(fit, named, names, resistance.value)
        parts = [flag for flag in known if flag.code == "ceramic_partly_hidden"]
        conductivity = conductivity.flagged(*rests, *parts)
        flags.extend(conductivity.flags)
    elif resistance is not None:
        missing = " and ".join(name for name in ("thickness", "area") if getattr(sample, name) is None)
        flags.append(ImpedanceFlag.GEOMETRY_UNKNOWN.flag(missing=missing, consequence="there is no conductivity"))
    return SpectrumFinding(
        potential=spectrum.potential,
        time=float(spectrum.time[0]) if spectrum.time is not None else math.nan,
        circuit=fit.notation,
        weighting=fit.weighting,
        parameters=_parameters(fit),
        chi_square=fit.chi_square,
        degrees=fit.degrees,
        noise=fit.noise,
        whiteness=fit.whiteness,
        kramers_kronig=Validity(
            valid=validity.valid,
            residual_rms=validity.residual_rms,
            noise=validity.noise,
            violation=validity.violation,
            outliers=tuple(spectrum.frequency[~validity.point_valid].tolist()),
            z_hit_rms=math.nan if hilbert is None else hilbert.residual_rms,
        ),
        processes=named,
        resistance=resistance,
        total_resistance=total,
        conductivity=conductivity,
        description=_description(closer),
        frequency=fit.frequency,
        impedance=spectrum.impedance,
        fitted=fit.fitted,
        validity_residual=validity.residual,
        point_valid=validity.point_valid,
        modulus_residual=np.full(len(spectrum), math.nan) if hilbert is None else hilbert.residual,
        synthetic=spectrum.synthetic,
        flags=merge_flags(validity.flags, fit.flags, *(process.flags for process in named), known, flags),
    )


def in_window(process: NamedProcess, frequency: Float[np.ndarray, " n"]) -> bool:
    """Whether the process has a resistance and its apex is not below the lowest frequency [Hz] measured.

    The resistance of a slower process is an extrapolation of its first rise; of a faster one the whole is seen.
    """
    return math.isfinite(process.resistance.value) and not process.frequency.value < float(np.min(frequency))


def _overlaps(named: Sequence[NamedProcess]) -> list[Flag]:
    """Flags for arcs so close that the data tell their sum rather than each."""
    arcs = sorted((p for p in named if p.kind == "arc" and p.frequency.value > 0), key=lambda p: -p.frequency.value)
    flags = []
    for one, other in itertools.pairwise(arcs):
        ratio, sizes = one.frequency.value / other.frequency.value, (one.resistance.value, other.resistance.value)
        if ratio < _APART:
            flags.append(ImpedanceFlag.ARCS_OVERLAP.flag(one=one.part, other=other.part, ratio=ratio, total=sum(sizes)))
    return flags


def _sum_of(fit: CircuitFit, processes: Sequence[NamedProcess]) -> Estimate | None:
    """Sum of the processes' resistances with their covariance; None of none."""
    names = [
        name
        for process in processes
        for name in fit.parameters
        if name in _resistances(process, fit)
        and not any(f.code == "unidentifiable" for f in fit.parameters[name].flags)
    ]
    return sum_of(fit, names) if names else None


def _other_conductivities(
    fit: CircuitFit, named: Sequence[NamedProcess], names: Mapping[str, Name], resistance: float
) -> list[Flag]:
    """Flags for processes of which it is not sure whether they lie in the ceramic, and what the others would give.

    Without others there would be no conductivity: then what is said of the name is said of it too.
    """
    flags = []
    ceramic = [process for process in named if is_ceramic(process.name)]
    for process in named:
        counted, inside = process in ceramic, names[process.part].inside if process.part in names else math.nan
        if not (inside < SURE if counted else inside > 1 - SURE):
            continue
        others = [p for p in ceramic if p is not process] if counted else [*ceramic, process]
        other = _sum_of(fit, others)
        if other is not None:
            flags.append(
                ImpedanceFlag.CONDUCTIVITY_RESTS_ON_A_NAME.flag(
                    process=process.part, name=process.name, ratio=resistance / other.value
                )
            )
        else:
            flags.extend(flag for flag in process.flags if flag.code == "assignment_uncertain")
    return flags


def _resistances(process: NamedProcess, fit: CircuitFit) -> set[str]:
    elements = elements_in(process.part)
    return {name for name in fit.parameters if name in elements or name.split(".")[0] in elements} & {
        name for name in fit.parameters if fit.units[name] == "ohm"
    }
