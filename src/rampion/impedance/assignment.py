"""Which process an arc belongs to, from its effective capacitance, with a stated confidence.

The capacitance is brought to a cell constant of 1 cm⁻¹ (times L/A in cm) and compared with the ranges of Irvine,
Sinclair and West; a sharp range is given soft edges of a third of a decade and the uncertainty of the arc itself. The
arcs of one spectrum are assigned together: towards lower frequency the process may only move along the list.

References
----------
Irvine, Sinclair, West, Adv. Mater. 2 (1990) 132, doi:10.1002/adma.19900020304.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from rampion.estimate import Estimate, Flag
from rampion.impedance.flags import ImpedanceFlag

RANGES: dict[str, tuple[float, float]] = {
    "bulk": (5e-13, 2e-11),
    "grain boundary": (1e-11, 1e-8),
    "surface layer": (1e-9, 1e-7),
    "electrode interface": (1e-7, 1e-5),
    "electrode reaction": (1e-5, 1e-2),
}
"""Capacitance at a cell constant of 1 cm⁻¹ [F]. Irvine et al. name 1e-12 for a bulk (relative permittivity about 10);
the bulk range here spans relative permittivities of 6 to 230, with the 60 of a garnet inside."""

_EDGE = 1 / 3  # decades
SURE = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One arc's process.

    ``capacitance`` is per geometry [F at 1 cm⁻¹]. ``confidence`` is the probability of ``name`` among
    ``probabilities`` given the ranges; it says nothing of processes outside the list.
    """

    name: str
    confidence: float
    probabilities: tuple[tuple[str, float], ...]
    capacitance: Estimate
    normalised: bool
    flags: tuple[Flag, ...] = ()


def _density(capacitance: Estimate, low: float, high: float, blur: float) -> float:
    """Density of log₁₀C for a uniform range with soft edges, seen with the arc's own uncertainty."""
    width = math.hypot(blur, 0.0 if math.isnan(capacitance.std) else capacitance.relative / math.log(10))
    place, start, end = math.log10(capacitance.value), math.log10(low), math.log10(high)
    root = width * math.sqrt(2)
    return 0.5 * (math.erf((place - start) / root) - math.erf((place - end) / root)) / (end - start)


def assign_arcs(
    capacitances: Sequence[Estimate],
    thickness: Estimate | None = None,
    area: Estimate | None = None,
    labels: Sequence[str] = (),
) -> tuple[Assignment, ...]:
    """The processes of the arcs of one spectrum, the fastest arc first.

    P(sequence) ∝ Π density of each capacitance in its range, over all sequences along the list of processes; an arc's
    confidence is the sum over the sequences that give it that name.

    Assumes a serial ceramic with electrodes; every process of the list equally likely beforehand.
    Fails when the sample is porous or the arc is a diffusion: such capacitances have no place in the ranges.
    Without thickness and area the ranges are used with edges of one decade and the arcs are flagged.

    Parameters
    ----------
    capacitances : effective capacitances [F]. thickness [m], area [m²]. labels : of the arcs, for the sentences.
    """
    known = thickness is not None and area is not None
    blur = _EDGE if known else 1.0
    scale = (100 * thickness.value) / (1e4 * area.value) if thickness is not None and area is not None else 1.0
    normalised = [capacitance.scaled(scale) for capacitance in capacitances]
    names = list(RANGES)
    usable = [i for i, capacitance in enumerate(normalised) if capacitance.value > 0]
    table = {i: [_density(normalised[i], *RANGES[name], blur) for name in names] for i in usable}
    shares = {i: [0.0] * len(names) for i in usable}
    for sequence in itertools.combinations_with_replacement(range(len(names)), len(usable)):
        likelihood = math.prod(table[i][kind] for i, kind in zip(usable, sequence, strict=True))
        for i, kind in zip(usable, sequence, strict=True):
            shares[i][kind] += likelihood
    out = []
    for i, capacitance in enumerate(normalised):
        label = labels[i] if i < len(labels) else f"arc {i + 1}"
        total = sum(shares.get(i, [0.0]))
        if total <= 0:
            out.append(
                Assignment(name="unknown", confidence=0.0, probabilities=(), capacitance=capacitance, normalised=known)
            )
            continue
        ranked = sorted(((share / total, name) for share, name in zip(shares[i], names, strict=True)), reverse=True)
        flags = []
        if ranked[0][0] < SURE:
            likely = " or ".join(name for share, name in ranked if share > 0.1)
            flags.append(ImpedanceFlag.ASSIGNMENT_UNCERTAIN.flag(process=label, names=likely, confidence=ranked[0][0]))
        if not known:
            missing = " and ".join(n for n, v in (("thickness", thickness), ("area", area)) if v is None)
            consequence = f"the capacitance of {label} is compared without its geometry"
            flags.append(ImpedanceFlag.GEOMETRY_UNKNOWN.flag(missing=missing, consequence=consequence))
        out.append(
            Assignment(
                name=ranked[0][1],
                confidence=ranked[0][0],
                probabilities=tuple((name, share) for share, name in ranked),
                capacitance=capacitance,
                normalised=known,
                flags=tuple(flags),
            )
        )
    return tuple(out)
