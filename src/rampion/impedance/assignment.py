"""Which process an arc belongs to, from its effective capacitance, with a stated confidence.

The capacitance is brought to a cell constant of 1 cm⁻¹ (times L/A in cm) and compared with the ranges of Irvine,
Sinclair and West; a sharp range is given soft edges of a third of a decade and the uncertainty of the arc itself. The
arcs of one spectrum are assigned together: towards lower frequency the process may only move along the list. Below
the capacitance of any solid between the electrodes lies a lost contact: a gap, or few contact spots.

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

LOST_CONTACT = "lost contact"
UNKNOWN = "unknown"
MERGED = "bulk and grain boundary"
_CERAMIC = ("bulk", "grain boundary", MERGED)
_GAP = (1e-15, 5e-13)
"""Of an electrode that touches the ceramic hardly anywhere [F at 1 cm⁻¹]: less than a permittivity of 6 in the whole
gap between the electrodes would give (a vacuum gives 8.85e-14), so no bulk."""
_ANY_CONTACT = (1e-15, 1e-7)  # of a contact on its way from whole to lost
_SPLIT = 0.05  # prior odds that an arc which comes later in a series lies in the ceramic
_EDGE = 1 / 3  # decades
SURE = 0.8


def is_ceramic(name: str) -> bool:
    """Whether a process of that name lies in the ceramic (bulk, grain boundary), numbered or not."""
    return name.rstrip(" 0123456789") in _CERAMIC


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
    normalised, blur, known = _at_one_per_centimetre(capacitances, thickness, area)
    names = list(RANGES)
    usable = [i for i, capacitance in enumerate(normalised) if capacitance.value > 0 and not is_untold(capacitance)]
    table = {i: [_density(normalised[i], *RANGES[name], blur) for name in names] for i in usable}
    gap = {i: _density(normalised[i], *_GAP, blur) for i in usable}
    shares = {i: [0.0] * (len(names) + 1) for i in usable}
    for lost in itertools.product((False, True), repeat=len(usable)):
        kept = [i for i, is_lost in zip(usable, lost, strict=True) if not is_lost]
        open_contact = math.prod(gap[i] for i in usable if i not in kept)
        for sequence in itertools.combinations_with_replacement(range(len(names)), len(kept)):
            likelihood = open_contact * math.prod(table[i][kind] for i, kind in zip(kept, sequence, strict=True))
            kinds = dict(zip(kept, sequence, strict=True))
            for i in usable:
                shares[i][kinds.get(i, len(names))] += likelihood
    names.append(LOST_CONTACT)
    out = []
    for i, capacitance in enumerate(normalised):
        label = labels[i] if i < len(labels) else f"arc {i + 1}"
        total = sum(shares.get(i, [0.0]))
        if total <= 0:
            out.append(
                Assignment(name=UNKNOWN, confidence=0.0, probabilities=(), capacitance=capacitance, normalised=known)
            )
            continue
        shared = {name: share / total for name, share in zip(names, shares[i], strict=True)}
        out.append(_assignment(shared, capacitance, label, thickness, area))
    return tuple(out)


def assign_late_arc(
    capacitance: Estimate,
    thickness: Estimate | None,
    area: Estimate | None,
    label: str,
    *,
    ceramic_known: bool,
    split: bool,
) -> Assignment:
    """The process of an arc that comes in the course of a series.

    The ceramic does not gain arcs while a cell is driven or rests, its electrodes do: where the ceramic's arcs are
    known from the first spectra, the odds of a ceramic name are one in twenty, unless the arc took its resistance
    from the ceramic's (``split``). A contact on its way to be lost may have any capacitance up to an interface's.

    Assumes that the series is of one sample whose composition stays. Parameters as :func:`assign_arcs`.
    """
    (normalised,), blur, known = _at_one_per_centimetre([capacitance], thickness, area)
    if not normalised.value > 0 or is_untold(normalised):
        return Assignment(name=UNKNOWN, confidence=0.0, probabilities=(), capacitance=normalised, normalised=known)
    shares = {}
    for name, limits in RANGES.items():
        odds = 1.0 if not ceramic_known or is_ceramic(name) == split else _SPLIT
        shares[name] = odds * _density(normalised, *limits, blur)
    shares[LOST_CONTACT] = (_SPLIT if split else 1.0) * _density(normalised, *_ANY_CONTACT, blur)
    total = sum(shares.values())
    if total <= 0:
        return Assignment(name=UNKNOWN, confidence=0.0, probabilities=(), capacitance=normalised, normalised=known)
    shared = {name: share / total for name, share in shares.items()}
    return _assignment(shared, normalised, label, thickness, area)


def is_untold(estimate: Estimate) -> bool:
    """Whether the data do not tell it."""
    return any(flag.code == "unidentifiable" for flag in estimate.flags)


def _at_one_per_centimetre(
    capacitances: Sequence[Estimate], thickness: Estimate | None, area: Estimate | None
) -> tuple[list[Estimate], float, bool]:
    """The capacitances [F] at a cell constant of 1 cm⁻¹, how blurred the ranges are, whether the geometry is known."""
    if thickness is None or area is None:
        return list(capacitances), 1.0, False
    scale = (100 * thickness.value) / (1e4 * area.value)
    return [capacitance.scaled(scale) for capacitance in capacitances], _EDGE, True


def _assignment(
    shares: dict[str, float], capacitance: Estimate, label: str, thickness: Estimate | None, area: Estimate | None
) -> Assignment:
    """The most probable name, with flags where it is not sure or the geometry is not known."""
    ranked = sorted(((share, name) for name, share in shares.items()), reverse=True)
    flags = []
    if ranked[0][0] < SURE:
        likely = " or ".join(name for share, name in ranked if share > 0.1)
        flags.append(ImpedanceFlag.ASSIGNMENT_UNCERTAIN.flag(process=label, names=likely, confidence=ranked[0][0]))
    missing = " and ".join(n for n, v in (("thickness", thickness), ("area", area)) if v is None)
    if missing:
        consequence = f"the capacitance of {label} is compared as it is"
        flags.append(ImpedanceFlag.GEOMETRY_UNKNOWN.flag(missing=missing, consequence=consequence))
    return Assignment(
        name=ranked[0][1],
        confidence=ranked[0][0],
        probabilities=tuple((name, share) for share, name in ranked),
        capacitance=capacitance,
        normalised=not missing,
        flags=tuple(flags),
    )
