"""Everything one spectrum says about its sample: circuit, validity, processes with names, conductivity."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from rampion.estimate import Estimate, Flag, merge_flags
from rampion.impedance.assignment import SURE, Assignment, assign_arcs
from rampion.impedance.circuit import Node
from rampion.impedance.circuit_fit import CircuitFit, sum_of
from rampion.impedance.conductivity import conductivity_from_resistance
from rampion.impedance.fit import fit_circuit
from rampion.impedance.flags import ImpedanceFlag
from rampion.impedance.kramers_kronig import check_kramers_kronig
from rampion.impedance.processes import Process, processes_of
from rampion.measurement import Sample, Spectrum

_CERAMIC = ("bulk", "grain boundary", "bulk and grain boundary")
_MERGED = 0.1  # a series resistance below this share of the first ceramic arc is no bulk of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of the circuit in SI, with its unit; ``std`` NaN where the data do not tell."""

    value: float
    std: float
    interval: tuple[float, float]
    unit: str
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedProcess:
    """A process of the circuit with the name its capacitance suggests and the confidence in it.

    ``capacitance`` after Hsu-Mansfeld, ``capacitance_brug`` after Brug [F]; ``capacitance_normalised`` is the first at
    a cell constant of 1 cm⁻¹ [F]. Confidence is NaN for what is named without a capacitance.
    """

    name: str
    part: str
    kind: str
    confidence: float
    resistance: Estimate
    capacitance: Estimate
    capacitance_brug: Estimate
    capacitance_normalised: Estimate
    exponent: Estimate
    frequency: Estimate
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Validity:
    """Verdict of the Kramers-Kronig test: ``valid`` (None when untold), root mean square residual over |Z|."""

    valid: bool | None
    residual_rms: float
    noise: float
    violation: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpectrumFinding:
    """What one spectrum says.

    ``resistance`` [Ω] is the ceramic's (bulk and grain boundary), ``conductivity`` [S/m] what it gives with the
    geometry; ``total_resistance`` [Ω] adds every resistive process of the window. ``fitted`` (n,) [Ω] is the circuit
    at ``frequency`` [Hz].
    """

    kind: str = "spectrum"
    circuit: str
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
    frequency: Float[np.ndarray, " n"]
    fitted: Complex[np.ndarray, " n"]
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
    fit = fit_circuit(spectrum, circuit, weighting=weighting)
    return finding_of(fit, spectrum, sample)


def finding_of(fit: CircuitFit, spectrum: Spectrum, sample: Sample) -> SpectrumFinding:
    """The finding for a spectrum already fitted (as one of a series)."""
    validity = check_kramers_kronig(spectrum)
    named = name_processes(processes_of(fit), sample)
    ceramic = [process for process in named if is_ceramic(process.name)]
    resistance = _sum_of(fit, ceramic)
    total = _sum_of(fit, [process for process in named if math.isfinite(process.resistance.value)])
    flags: list[Flag] = []
    conductivity = None
    if resistance is not None and sample.thickness is not None and sample.area is not None:
        conductivity = conductivity_from_resistance(resistance, sample.thickness, sample.area)
        rests = _other_conductivities(fit, named, ceramic, sample.thickness.value / sample.area.value)
        conductivity = conductivity.flagged(*rests)
        flags.extend(rests)
    elif resistance is not None:
        missing = " and ".join(name for name in ("thickness", "area") if getattr(sample, name) is None)
        flags.append(ImpedanceFlag.GEOMETRY_UNKNOWN.flag(missing=missing, consequence="there is no conductivity"))
    shown = {
        name: Parameter(value=e.value, std=e.std, interval=e.interval, unit=fit.units[name], flags=e.flags)
        for name, e in fit.parameters.items()
    }
    return SpectrumFinding(
        circuit=fit.notation,
        parameters=shown,
        chi_square=fit.chi_square,
        degrees=fit.degrees,
        noise=fit.noise,
        whiteness=fit.whiteness,
        kramers_kronig=Validity(
            valid=validity.valid,
            residual_rms=validity.residual_rms,
            noise=validity.noise,
            violation=validity.violation,
        ),
        processes=named,
        resistance=resistance,
        total_resistance=total,
        conductivity=conductivity,
        frequency=fit.frequency,
        fitted=fit.fitted,
        synthetic=spectrum.synthetic,
        flags=merge_flags(validity.flags, fit.flags, *(process.flags for process in named), flags),
    )


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


def is_ceramic(name: str) -> bool:
    """Whether a process of that name lies in the ceramic (bulk, grain boundary), numbered or not."""
    return name.rstrip(" 0123456789") in _CERAMIC


def _other_conductivities(
    fit: CircuitFit, named: Sequence[NamedProcess], ceramic: Sequence[NamedProcess], cell_constant: float
) -> list[Flag]:
    """Flags for arcs whose name is not sure and that move the conductivity when they are named otherwise."""
    flags = []
    for process in named:
        if not process.confidence < SURE:
            continue
        counted = process in ceramic
        others = [p for p in ceramic if p is not process] if counted else [*ceramic, process]
        other = _sum_of(fit, others)
        if other is not None:
            flags.append(
                ImpedanceFlag.CONDUCTIVITY_RESTS_ON_A_NAME.flag(
                    process=process.part, name=process.name, other=cell_constant / other.value
                )
            )
    return flags


def _resistances(process: NamedProcess, fit: CircuitFit) -> set[str]:
    text = process.part.replace("p(", "").replace(")", "")
    elements = {element for branch in text.split("-") for element in branch.split(",")}
    return {name for name in fit.parameters if name in elements or name.split(".")[0] in elements} & {
        name for name in fit.parameters if fit.units[name] == "ohm"
    }


def name_processes(processes: Sequence[Process], sample: Sample) -> tuple[NamedProcess, ...]:
    """Names for the processes of one spectrum: arcs by capacitance, the rest by their place in the circuit.

    An arc named grain boundary that has no bulk beside it (no bulk arc, and a series resistance below a tenth of its
    own) is the merged arc of bulk and grain boundary.
    """
    arcs = [process for process in processes if process.kind == "arc" and process.capacitance.value > 0]
    assigned = dict(
        zip(
            (process.part for process in arcs),
            assign_arcs(
                [process.capacitance for process in arcs],
                sample.thickness,
                sample.area,
                [process.part for process in arcs],
            ),
            strict=True,
        )
    )
    series = sum(process.resistance.value for process in processes if process.kind == "series")
    bulk = any(assignment.name == "bulk" for assignment in assigned.values())
    names = []
    for process in processes:
        name = _name(process, assigned.get(process.part), series, bulk)
        if name == "bulk and grain boundary":
            bulk = True
        names.append(name)
    if "bulk and grain boundary" in names or any(a.name == "bulk" for a in assigned.values()):
        names = [
            "leads" if name == "bulk" and p.kind == "series" else name for name, p in zip(names, processes, strict=True)
        ]
    out = []
    for place, (name, process) in enumerate(zip(names, processes, strict=True)):
        assignment = assigned.get(process.part)
        number = f" {names[: place + 1].count(name)}" if names.count(name) > 1 else ""
        out.append(
            NamedProcess(
                name=name + number,
                part=process.part,
                kind=process.kind,
                confidence=assignment.confidence if assignment else math.nan,
                resistance=process.resistance,
                capacitance=process.capacitance,
                capacitance_brug=process.capacitance_brug,
                capacitance_normalised=assignment.capacitance
                if assignment and assignment.normalised
                else Estimate(math.nan),
                exponent=process.exponent,
                frequency=process.frequency,
                flags=merge_flags(process.flags, assignment.flags if assignment else ()),
            )
        )
    return tuple(out)


def _name(process: Process, assignment: Assignment | None, series: float, bulk: bool) -> str:
    if process.kind == "series":
        return "bulk"
    if assignment is not None:
        merged = assignment.name == "grain boundary" and not bulk and series < _MERGED * process.resistance.value
        return "bulk and grain boundary" if merged else assignment.name
    return {"diffusion": "diffusion", "blocking": "blocking electrode"}.get(process.kind, "arc")
