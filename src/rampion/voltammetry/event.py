"""The verdict on one sweep: its pieces weighed in order, with the evidence and a confidence."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from rampion.errors import InputError
from rampion.estimate import Estimate, Flag, merge_flags
from rampion.measurement import Sample
from rampion.voltammetry.finding import VERDICT_WORDS, Finding, Kind, Statistic, Verdict, not_judged
from rampion.voltammetry.flags import VoltammetryFlag
from rampion.voltammetry.ohmic import conductivity, fit_ohmic_line, thermal_voltage
from rampion.voltammetry.peak import find_peak
from rampion.voltammetry.penetration import DIVERGING
from rampion.voltammetry.pieces import Pieces, find_pieces
from rampion.voltammetry.place import clocked, course_at, largest, place_event
from rampion.voltammetry.ranges import level_ranges
from rampion.voltammetry.semi_integral import SemiIntegral, find_plateau, semi_integrate
from rampion.voltammetry.symmetric_cell import UNDECIDED, CellCheck, check_start
from rampion.voltammetry.voltammogram import Voltammogram

_FEW_POINTS = 8  # after an onset: too few to see the current come back
SUREST = 0.985  # share of right verdicts far from every threshold, on simulated curves


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a person decided of a sweep: its verdict, the place of the event [V], the window of the ohmic line [V]."""

    verdict: Verdict | None = None
    at: float | None = None
    ohmic_window: tuple[float, float] | None = None


def judge_sweep(
    voltammogram: Voltammogram, sample: Sample, choice: Choice | None = None, cell: CellCheck | None = None
) -> Finding:
    """The finding of one forward sweep.

    Whether the cell is a symmetric one is judged first (:mod:`rampion.voltammetry.symmetric_cell`); where it cannot
    be, nothing else is. Then the pieces are looked for in this order, and the first that is there gives the verdict: a
    lasting rise beyond the ohmic conductance (penetration, whatever came before it); an abrupt or exhausted current
    (contact loss); excursions that came back or a lasting growth of noise (soft short); a current or a potential that
    met the instrument's limit; an interior maximum that decays (limiting peak); nothing (no event).

    Assumes one sweep away from zero, turned positive (:mod:`rampion.voltammetry.voltammogram`).

    Parameters
    ----------
    voltammogram : the sweep.
    sample : thickness [m] and area [m²] with their uncertainties, where known.
    choice : what a person decided in place of the above; the confidence is then NaN, and a flag says so.
    cell : what the run's rests and its other traces say of the cell.

    Raises
    ------
    InputError
        When a choice asks for what is not in the sweep: a place outside it, no maximum uphill from there.
    """
    choice = Choice() if choice is None else choice
    recorded = voltammogram
    voltammogram = levelled(recorded)
    line = fit_ohmic_line(voltammogram, sample, choice.ohmic_window)
    cell = check_start(voltammogram, line, cell or CellCheck())
    foreign = not cell.symmetric and choice.verdict is None and choice.at is None
    if foreign or choice.verdict is Verdict.NOT_A_SYMMETRIC_CELL:
        found = judge_sweep(recorded, sample, cell=cell).verdict if not foreign else None
        chosen = () if found is None else (VoltammetryFlag.CHOSEN.flag(found=VERDICT_WORDS[found]),)
        return not_judged(recorded, Kind.SWEEP, cell, sample.name, merge_flags(chosen, recorded.flags))
    semi = semi_integrate(voltammogram.time, voltammogram.current)
    pieces = find_pieces(voltammogram, line, semi, thermal_voltage(sample))
    verdict, confidence, evidence, flags = _weigh(voltammogram, pieces)
    if choice.verdict is None and choice.at is None:
        current, potential = place_event(voltammogram, pieces, verdict)
    else:
        found, verdict, confidence = verdict, choice.verdict or verdict, math.nan
        pieces, current, potential = _chosen(voltammogram, pieces, found, verdict, choice.at)
        flags = [VoltammetryFlag.CHOSEN.flag(found=VERDICT_WORDS[found])]
    time, charge = clocked(voltammogram, current, potential)
    if line is None:
        flags.append(VoltammetryFlag.NO_OHMIC_LINE.flag(times=64.0))
    if cell.flag is not None:
        flags.append(cell.flag)
        confidence = min(confidence, UNDECIDED)
    if confidence < 0.8:
        flags.append(VoltammetryFlag.LOW_CONFIDENCE.flag(confidence=confidence))
    area = sample.area
    return Finding(
        verdict=verdict,
        confidence=confidence,
        kind=Kind.SWEEP,
        evidence=tuple(evidence),
        current=current,
        potential=potential,
        time=time,
        total_charge=charge,
        current_density=per_area(current, area),
        charge=per_area(charge, area),
        conductivity=conductivity(line, sample) if line is not None else None,
        scan_rate=voltammogram.scan_rate,
        ohmic=line,
        peak=pieces.peak,
        penetration=pieces.penetration,
        excursions=pieces.excursions,
        noise_change=pieces.noise_change,
        contact_loss=pieces.contact,
        clipping=pieces.clipping,
        semi_integral=_semi_integral(voltammogram, semi, pieces, verdict, area),
        pauses=voltammogram.pauses,
        cell=cell,
        voltammogram=recorded,
        sample=sample.name,
        synthetic=voltammogram.synthetic,
        flags=merge_flags(voltammogram.flags, line.flags if line else (), flags, ask_for(sample)),
    )


def _chosen(
    voltammogram: Voltammogram, pieces: Pieces, found: Verdict, verdict: Verdict, at: float | None
) -> tuple[Pieces, Estimate, Estimate]:
    """The pieces, current and potential of an event that a person chose."""
    kept = pieces.index[pieces.outside]
    x = voltammogram.ramp[kept]
    if at is not None and not x[0] <= at <= x[-1]:
        raise InputError(f"The chosen place {at:g} V lies outside the sweep, {x[0]:.3g} V to {x[-1]:.3g} V.")
    if verdict is Verdict.LIMITING_PEAK:
        peak = (
            pieces.peak if at is None else find_peak(x, voltammogram.current[kept], voltammogram.noise[kept], near=at)
        )
        if peak is None:
            place = "near that place" if at is not None else "by itself; state its potential as 'at'"
            raise InputError(f"A limiting peak was chosen, but the sweep has no interior maximum {place}.")
        return replace(pieces, peak=peak), peak.current, peak.potential
    if at is not None:
        return pieces, *course_at(voltammogram, pieces, at)
    if verdict is found or verdict is Verdict.NO_EVENT or (verdict is Verdict.PENETRATION and pieces.penetration):
        return pieces, *place_event(voltammogram, pieces, verdict)
    words = VERDICT_WORDS[verdict]
    raise InputError(f"The verdict {words!r} was chosen without a place; state the event's potential as 'at'.")


def levelled(voltammogram: Voltammogram) -> Voltammogram:
    """The sweep without the small steps at changes of the current range."""
    if not voltammogram.range_changes:
        return voltammogram
    moving = np.flatnonzero(voltammogram.swept)
    changes = tuple(int(np.searchsorted(moving, k)) for k in voltammogram.range_changes)
    current = voltammogram.current.copy()
    current[moving] = level_ranges(voltammogram.ramp[moving], current[moving], changes)
    return replace(voltammogram, current=current)


def per_area(estimate: Estimate, area: Estimate | None) -> Estimate | None:
    """The estimate over the electrode area [m²]; an area without a stated uncertainty counts as exact."""
    if area is None:
        return None
    error = area.relative if math.isfinite(area.std) else 0.0
    value = estimate.value / area.value
    widened = [
        value - side * math.hypot((estimate.value - end) / area.value, 1.96 * error * value)
        for end, side in ((estimate.low, 1.0), (estimate.high, -1.0))
    ]
    return Estimate(value, math.hypot(estimate.std / area.value, error * value), widened[0], widened[1], estimate.flags)


def ask_for(sample: Sample) -> tuple[Flag, ...]:
    """Flags that ask by name for what the sample lacks."""
    flags = []
    if sample.area is None:
        flags.append(VoltammetryFlag.AREA_MISSING.flag())
    elif not math.isfinite(sample.area.std):
        flags.append(VoltammetryFlag.AREA_UNCERTAINTY_MISSING.flag())
    if sample.thickness is None:
        flags.append(VoltammetryFlag.THICKNESS_MISSING.flag())
    elif not math.isfinite(sample.thickness.std):
        flags.append(VoltammetryFlag.THICKNESS_UNCERTAINTY_MISSING.flag())
    return tuple(flags)


def _weigh(voltammogram: Voltammogram, pieces: Pieces) -> tuple[Verdict, float, list[Statistic], list[Flag]]:
    """Verdict, confidence, evidence and flags."""
    flags: list[Flag] = []
    say = VoltammetryFlag
    evidence = _evidence(pieces)
    up = [e for e in pieces.excursions if e.height > 0]
    slow = [rise for rise in pieces.rises if rise.recovered]
    dips = [e for e in pieces.excursions if e.height < 0]
    if dips:
        flags.append(say.DIPS.flag(count=len(dips)))
    if voltammogram.range_changes:
        flags.append(say.RANGE_CHANGE.flag(potential=float(voltammogram.ramp[voltammogram.range_changes[0]])))
    change = pieces.noise_change
    if change is not None and not (change.with_resolution and voltammogram.range_changes):
        kind = (
            say.RANGE_CHANGE.flag(potential=change.potential)
            if change.with_resolution
            else say.NOISE_CHANGE.flag(ratio=change.ratio, potential=change.potential)
        )
        flags.append(kind)
    if pieces.penetration is not None:
        hole = pieces.penetration
        if pieces.peak is not None:
            flags.append(
                say.PEAK_BEFORE_PENETRATION.flag(
                    current=pieces.peak.current.value, potential=pieces.peak.potential.value
                )
            )
        after = int(np.sum(pieces.outside)) - hole.first - 1
        if after < _FEW_POINTS and pieces.clipping is None:
            flags.append(say.ENDS_IN_RISE.flag(points=after))
        before = [e for e in up if e.potential < hole.onset_potential.value]
        if before:
            flags.append(say.EVENT_BEFORE_PENETRATION.flag(potential=before[0].potential))
        if pieces.clipping is not None:
            flags.append(say.CLIPPED_AFTER_EVENT.flag(current=pieces.clipping.current))
        margin = min(hole.significance / 6.0, hole.steepness / DIVERGING, hole.excess / 0.05)
        return Verdict.PENETRATION, confidence_of(margin), evidence, flags
    if pieces.contact is not None:
        loss = pieces.contact
        margin = loss.abrupt_share / 0.15 if loss.by == "abrupt" else min(0.12 / max(loss.remaining, 0.01), 3.0)
        return Verdict.CONTACT_LOSS, confidence_of(margin), evidence, flags
    if up or slow:
        strongest = max([e.significance for e in up] + [rise.significance for rise in slow])
        return Verdict.SOFT_SHORT, confidence_of(strongest / 6.0), evidence, flags
    if change is not None and not change.with_resolution:
        return Verdict.SOFT_SHORT, confidence_of(change.ratio / 2.5), evidence, flags
    if pieces.clipping is not None:
        return Verdict.INSTRUMENT_LIMIT, confidence_of(pieces.clipping.points / 5.0), evidence, flags
    if pieces.peak is not None:
        flags.append(say.TRANSPORT_OR_CONTACT.flag())
        if pieces.peak.plateau is None:
            flags.append(say.PLATEAU_NOT_REACHED.flag())
        margin = min(pieces.peak.significance / 6.0, pieces.peak.drop / 0.01)
        return Verdict.LIMITING_PEAK, confidence_of(margin), evidence, flags
    flags.append(say.RIGHT_CENSORED.flag())
    if pieces.levelled:
        flags.append(say.PLATEAU_WITHOUT_PEAK.flag(current=largest(voltammogram, pieces)[0].value))
    bends = [rise for rise in pieces.rises if rise.excess > 0.05]
    if bends:
        flags.append(say.CONVEX.flag(ratio=max(rise.steepness for rise in bends)))
    return Verdict.NO_EVENT, 0.7 if bends else SUREST, evidence, flags


def confidence_of(margin: float) -> float:
    """½ at the threshold, towards the share of right verdicts far from it: 1 - ½ exp(1 - margin), at most 0.985."""
    return float(np.clip(1.0 - 0.5 * math.exp(min(0.0, 1.0 - margin)), 0.5, SUREST))


def _evidence(pieces: Pieces) -> list[Statistic]:
    found = []
    if pieces.line is not None:
        found.append(Statistic("ohmic_curvature", pieces.line.curvature, "bend of the ohmic line, in standard errors"))
    if pieces.penetration is not None:
        hole = pieces.penetration
        found.append(Statistic("steepness", hole.steepness, "largest slope over the ohmic conductance"))
        found.append(Statistic("excess", hole.excess, "largest rise above the course, over the current at the onset"))
        found.append(Statistic("rise_significance", hole.significance, "steepest place, in standard errors"))
    if pieces.peak is not None:
        found.append(Statistic("peak_drop", pieces.peak.drop, "fall after the maximum, over the maximum"))
        found.append(Statistic("peak_significance", pieces.peak.significance, "that fall, in standard errors"))
    if pieces.contact is not None:
        loss = pieces.contact
        found.append(Statistic("abrupt_share", loss.abrupt_share, "current lost in steps, over the current before"))
        found.append(Statistic("remaining", loss.remaining, "current at the end, over the maximum"))
        found.append(Statistic("semi_integral_kept", loss.semi_integral_kept, "semi-integral's end over its maximum"))
    if pieces.excursions:
        found.append(Statistic("excursions", float(len(pieces.excursions)), "steps of the current away and back"))
        largest = max(abs(e.significance) for e in pieces.excursions)
        found.append(Statistic("excursion_significance", largest, "the largest of them, in standard deviations"))
    if pieces.noise_change is not None:
        found.append(Statistic("noise_ratio", pieces.noise_change.ratio, "noise after over before"))
    if pieces.clipping is not None:
        found.append(Statistic("clipped_points", float(pieces.clipping.points), "points held at the largest current"))
    return found


def _semi_integral(
    voltammogram: Voltammogram, semi: np.ndarray, pieces: Pieces, verdict: Verdict, area: Estimate | None
) -> SemiIntegral | None:
    if voltammogram.scan_rate is None:
        return None
    scale = 1.0 / area.value if area is not None else 1.0
    plateau = None
    if verdict is Verdict.LIMITING_PEAK and pieces.peak is not None:
        kept = pieces.index[voltammogram.ramp[pieces.index] > pieces.peak.potential.value]
        steps = np.diff(voltammogram.time, append=voltammogram.time[-1])
        noise = voltammogram.noise * np.sqrt(np.maximum(steps, 0.0))
        plateau = find_plateau(voltammogram.ramp[kept], semi[kept], noise[kept])
    level = None if plateau is None else (per_area(plateau, area) or plateau)
    return SemiIntegral(
        time=voltammogram.time,
        potential=voltammogram.potential,
        value=semi * scale,
        plateau=level,
        per_area=area is not None,
    )
