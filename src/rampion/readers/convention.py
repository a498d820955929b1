"""Conventions of impedance tables decided from their points: the sign of Z″, degrees or radians, unnamed columns.

Any causal, stable response keeps φ ≈ (π/2) d ln|Z| / d ln f (the local Kramers–Kronig relation, first term of Z-HIT;
Ehm et al., ACH Models in Chemistry 137 (2000) 145), whatever the circuit: the slope of |Z|, which no convention
touches, shows the phase that the other column must hold.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from rampion.estimate import Flag
from rampion.readers.columns import Column
from rampion.readers.flags import ReaderFlag
from rampion.readers.headers import split_unit


@dataclass(frozen=True, slots=True, kw_only=True)
class ConventionRule:
    """How clearly the slope of |Z| must show a convention.

    least_phase : [rad] rms of the phase that the slope shows; a spectrum with less is a resistance that shows nothing.
    likeness : cosine between the phases shown and recorded, from which a sign counts as shown. Of 122 real spectra
        that were read with their true sign none is below 0.
    apart : points between those whose slope is taken, so that noise does not hide it.
    error : rms difference of the phases, as a fraction of their size, up to which unnamed columns are a spectrum.
    widest_step : [decades] a longer step between two points says nothing of the slope between them.
    fewest : points from which unnamed columns are judged.
    """

    least_phase: float = 0.02
    likeness: float = 0.4
    apart: int = 3
    error: float = 0.5
    widest_step: float = 1.5
    fewest: int = 6


RULE = ConventionRule()


@dataclass(frozen=True, slots=True)
class _Shown:
    """What the slope of |Z| shows of phases: their likeness to its own (−1 … 1), relative error, rms of its own."""

    likeness: float
    error: float
    phase: float


def _compare(frequency: np.ndarray, modulus: np.ndarray, phase: np.ndarray, rule: ConventionRule) -> _Shown:
    good = np.isfinite(frequency) & (frequency > 0) & np.isfinite(modulus) & (modulus > 0) & np.isfinite(phase)
    position, size, phase = np.log(frequency[good]), np.log(modulus[good]), phase[good]
    apart = min(rule.apart, max(position.size // 8, 1))
    step = position[apart:] - position[:-apart]
    near = (np.abs(step) > 1e-3) & (np.abs(step) < rule.widest_step * math.log(10))
    if near.sum() < 2:
        return _Shown(0.0, math.inf, 0.0)
    expected = 0.5 * math.pi * (size[apart:] - size[:-apart])[near] / step[near]
    expected = np.clip(expected, -math.pi, math.pi)
    found = np.mean([phase[k : phase.size - apart + k] for k in range(apart + 1)], axis=0)[near]
    norm = math.sqrt(float(np.sum(expected**2) * np.sum(found**2)))
    likeness = float(np.sum(expected * found)) / norm if norm else 0.0
    turned = found if likeness >= 0 else -found
    error = math.sqrt(float(np.sum((turned - expected) ** 2) / np.sum(expected**2))) if expected.any() else math.inf
    return _Shown(likeness, error, float(np.sqrt(np.mean(expected**2))))


def settle_convention(
    values: Mapping[str, Float[np.ndarray, " n"]],
    meanings: Mapping[str, Column],
    chosen: Collection[str],
    rule: ConventionRule = RULE,
) -> tuple[dict[str, Column], tuple[Flag, ...]]:
    """The meanings with the sign of Z″ (or of the phase) that the points show, and a flag where it is another.

    A phase without unit is in radians where it stays within π and the slope of |Z| agrees better with that. Roles that
    the user ``chosen`` are kept as named; a contradiction is flagged.
    """
    settled = dict(meanings)
    shown = {role: values[one.header] * one.factor for role, one in meanings.items() if role in _USED}
    frequency = shown["frequency"]
    flags: list[Flag] = []
    role = "phase" if "impedance_modulus" in shown else "impedance_imag"
    column = settled[role]
    if role == "phase":
        modulus, phase = shown["impedance_modulus"], shown["phase"]
        radians = phase / abs(column.factor)
        unnamed = role not in chosen and split_unit(column.header)[1] is None
        if unnamed and np.nanmax(np.abs(radians), initial=0.0) <= math.pi:
            in_radians, in_degrees = (_compare(frequency, modulus, one, rule) for one in (radians, phase))
            if in_radians.phase >= rule.least_phase and in_radians.error < in_degrees.error:
                settled[role] = column = replace(column, factor=math.copysign(1.0, column.factor), unit="rad")
                phase = radians
                flags.append(ReaderFlag.PHASE_IN_RADIANS.flag(column=column.header))
    else:
        z = shown["impedance_real"] + 1j * shown["impedance_imag"]
        modulus, phase = np.abs(z), np.angle(z)
    found = _compare(frequency, modulus, phase, rule)
    if found.phase < rule.least_phase or found.likeness > -rule.likeness:
        return settled, tuple(flags)
    if role in chosen:
        return settled, (*flags, ReaderFlag.IMPEDANCE_SIGN_CONTRADICTED.flag(column=column.header))
    settled[role] = replace(column, factor=-column.factor)
    return settled, (*flags, ReaderFlag.IMPEDANCE_SIGN_TURNED.flag(column=column.header))


_USED = ("frequency", "impedance_real", "impedance_imag", "impedance_modulus", "phase")


def guess_three(
    headers: tuple[str, str, str], values: Mapping[str, Float[np.ndarray, " n"]], rule: ConventionRule = RULE
) -> dict[str, Column]:
    """Frequency and impedance of three columns in this order, as their points show them; empty where they do not.

    Tried are Z′ and Z″ in Ω, |Z| in Ω and the phase in degrees or radians; the sign too is what the points show.
    """
    if any(header not in values for header in headers):
        return {}
    frequency, first, second = (values[header] for header in headers)
    good = np.isfinite(frequency) & np.isfinite(first) & np.isfinite(second)
    frequency, first, second = frequency[good], first[good], second[good]
    if frequency.size < rule.fewest or frequency.min() <= 0 or not _is_geometric(frequency):
        return {}
    ways = [("impedance_real", "impedance_imag", 1.0, "Ω", np.hypot(first, second), np.arctan2(second, first))]
    for unit, factor in (("deg", math.pi / 180), ("rad", 1.0)):
        if first.min() > 0 and np.abs(second * factor).max() <= math.pi:
            ways.append(("impedance_modulus", "phase", factor, unit, first, second * factor))
    found = [(_compare(frequency, way[4], way[5], rule), way) for way in ways]
    best, way = min(found, key=lambda one: one[0].error)
    if best.phase < rule.least_phase or best.error > rule.error:
        return {}
    roles = (("frequency", 1.0, "Hz"), (way[0], 1.0, "Ω"), (way[1], math.copysign(way[2], best.likeness), way[3]))
    return {
        role: Column(role, header, factor, 0.0, unit)
        for header, (role, factor, unit) in zip(headers, roles, strict=True)
    }


def _is_geometric(frequency: np.ndarray) -> bool:
    """Whether the steps are evener as ratios than as differences, as those of a scan in frequency are."""
    ratios, steps = np.abs(np.diff(np.log(frequency))), np.abs(np.diff(frequency))
    return bool(
        np.median(ratios) > 0
        and np.median(np.abs(ratios - np.median(ratios))) / np.median(ratios)
        < np.median(np.abs(steps - np.median(steps))) / max(float(np.median(steps)), 1e-300)
    )
