"""Names for the processes of a spectrum: arcs by capacitance, the rest by their place in the circuit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rampion.equality import equal_by_value
from rampion.estimate import Estimate, Flag, merge_flags
from rampion.impedance.assignment import MERGED, UNKNOWN, Assignment, assign_arcs, is_ceramic
from rampion.impedance.flags import ImpedanceFlag
from rampion.impedance.processes import Process, too_fast
from rampion.measurement import Sample

_MERGED = 0.1  # a series resistance below this share of the first ceramic arc is no bulk of its own


@equal_by_value
@dataclass(frozen=True, slots=True)
class Name:
    """A process's name, the confidence in it (NaN when named by its place in the circuit), and what is to be said.

    ``inside`` : the probability that it lies in the ceramic, whichever of the ceramic's names is right.
    """

    name: str
    confidence: float = math.nan
    flags: tuple[Flag, ...] = ()
    inside: float = math.nan


@equal_by_value
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


def own_names(processes: Sequence[Process], sample: Sample) -> dict[str, Name]:
    """Names for the processes of one spectrum by themselves: arcs by capacitance, the rest by their place.

    An arc named grain boundary that has no bulk beside it (no bulk arc, and a series resistance below a tenth of its
    own) is the merged arc of bulk and grain boundary.
    """
    arcs = [process for process in processes if process.kind == "arc" and process.capacitance.value > 0]
    labels = [process.part for process in arcs]
    assigned = assign_arcs([process.capacitance for process in arcs], sample.thickness, sample.area, labels)
    return names_from(processes, dict(zip(labels, assigned, strict=True)))


def names_from(processes: Sequence[Process], assigned: Mapping[str, Assignment]) -> dict[str, Name]:
    """Names by part of the circuit from the arcs' assignments by capacitance, alike names numbered."""
    series = sum(process.resistance.value for process in processes if process.kind == "series")
    bulk = any(assignment.name == "bulk" for assignment in assigned.values())
    names = []
    for process in processes:
        name = _name(process, assigned.get(process.part), series, bulk)
        bulk = bulk or name == MERGED
        names.append(name)
    if bulk:
        names = [
            "leads" if name == "bulk" and p.kind == "series" else name for name, p in zip(names, processes, strict=True)
        ]
    out = {}
    for place, (name, process) in enumerate(zip(names, processes, strict=True)):
        assignment = assigned.get(process.part)
        number = f" {names[: place + 1].count(name)}" if names.count(name) > 1 else ""
        if assignment:
            known = Name(name, assignment.confidence, assignment.flags, inside_of(assignment))
        else:
            known = name_by_kind(process)
        out[process.part] = replace(known, name=name + number)
    return out


def inside_of(assignment: Assignment) -> float:
    """The probability that the arc lies in the ceramic; one half where nothing is known of it."""
    if not assignment.probabilities:
        return 0.5
    return sum(share for name, share in assignment.probabilities if is_ceramic(name))


def _name(process: Process, assignment: Assignment | None, series: float, bulk: bool) -> str:
    if assignment is None:
        return name_by_kind(process).name
    merged = assignment.name == "grain boundary" and not bulk and series < _MERGED * process.resistance.value
    return MERGED if merged else assignment.name


def name_by_kind(process: Process) -> Name:
    """The name by the place in the circuit; what would diffuse faster than anything does has none.

    A finite diffusion looks much like a depressed arc, which it may stand for.
    """
    if too_fast(process):
        names = "an arc of the ceramic or of an electrode, as nothing diffuses so fast,"
        flag = ImpedanceFlag.ASSIGNMENT_UNCERTAIN.flag(process=process.part, names=names, confidence=0.0)
        return Name(UNKNOWN, 0.0, (flag,), 0.5)
    kinds = {"series": "bulk", "diffusion": "diffusion", "blocking": "blocking electrode"}
    return Name(kinds.get(process.kind, "arc"))


def name_processes(processes: Sequence[Process], sample: Sample, names: Mapping[str, Name]) -> tuple[NamedProcess, ...]:
    """The processes of one spectrum with the names given by part of the circuit, else by their place in it."""
    scale = (
        math.nan
        if sample.thickness is None or sample.area is None
        else 100 * sample.thickness.value / (1e4 * sample.area.value)
    )
    out = []
    for process in processes:
        name = names.get(process.part) or name_by_kind(process)
        known = process.kind == "arc" and process.capacitance.value > 0 and math.isfinite(scale)
        out.append(
            NamedProcess(
                name=name.name,
                part=process.part,
                kind=process.kind,
                confidence=name.confidence,
                resistance=process.resistance,
                capacitance=process.capacitance,
                capacitance_brug=process.capacitance_brug,
                capacitance_normalised=process.capacitance.scaled(scale) if known else Estimate(math.nan),
                exponent=process.exponent,
                frequency=process.frequency,
                flags=merge_flags(process.flags, name.flags),
            )
        )
    return tuple(out)
