"""From one sweep to its finding: the verdict and the numbers a laboratory takes away."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from rampion.errors import InputError
from rampion.estimate import Estimate, Flag, merge_flags
from rampion.measurement import Sample
from rampion.voltammetry.confidence import (
    EQUAL,
    BaseRates,
    at_base_rates,
    confidence_of,
    courses_of_record,
    evidence_of,
    limited_by,
    odds_of,
    separated,
)
from rampion.voltammetry.courses import Family
from rampion.voltammetry.event_place import (
    DRAWS,
    EventPlace,
    as_measured,
    close_explanations,
    drawn_numbers,
    quantiles_of,
    with_error,
)
from rampion.voltammetry.finding import (
    VERDICT_WORDS,
    Finding,
    Kind,
    Verdict,
    not_judged,
)
from rampion.voltammetry.flags import VoltammetryFlag
from rampion.voltammetry.hypotheses import blocks_of
from rampion.voltammetry.neutrality import space_charge_of
from rampion.voltammetry.ohmic import OhmicLine, conductivity, room_or_stated, straight_window, told_line
from rampion.voltammetry.peak import Peak, find_plateau
from rampion.voltammetry.ranges import level_ranges
from rampion.voltammetry.reference_electrode import find_reference
from rampion.voltammetry.symmetric_cell import UNDECIDED, CellCheck, check_start
from rampion.voltammetry.verdict import FEWEST, Judgement, judge
from rampion.voltammetry.voltammogram import Voltammogram

_LARGEST_OFFSET = 0.04  # of the median current: more is no instrument's
_NEAR_ZERO = 0.02  # of the largest voltage: a record that begins there shows its current at zero
_COURSE_ERROR = 0.008  # of G: what it is off where a course bends otherwise than any member (foreign sweeps, seed 901)
_DEGREE = 2  # of a polynomial in what a course leaves at the start
_DECIDED = 0.9  # probability from which on what limits the current is no open question
_FEW_AFTER = 8  # blocks after an onset: too few to see the current come back


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a person decided of a sweep: its verdict, the place of the event [V], the window of the ohmic line [V], the
    instrument's largest current [A]."""

    verdict: Verdict | None = None
    at: float | None = None
    ohmic_window: tuple[float, float] | None = None
    current_limit: float = math.inf


def judge_sweep(
    voltammogram: Voltammogram,
    sample: Sample,
    choice: Choice | None = None,
    cell: CellCheck | None = None,
    base_rates: BaseRates = EQUAL,
) -> Finding:
    """The finding of one forward sweep.

    The verdict is that of :func:`~rampion.voltammetry.verdict.judge`, on all points, pauses included. Whether the cell
    is a symmetric one is judged by what is known of the run and by the sweep's start
    (:mod:`rampion.voltammetry.symmetric_cell`); where it cannot be, no event is reported.

    Assumes one sweep away from zero, turned positive (:mod:`rampion.voltammetry.voltammogram`).

    Parameters
    ----------
    voltammogram : the sweep.
    sample : thickness [m] and area [m²] with their uncertainties, where known.
    choice : what a person decided in place of the above; the confidence is then NaN, and a flag says so.
    cell : what the run's rests and its other traces say of the cell.
    base_rates : how often each verdict is expected; the confidence is at these.

    Raises
    ------
    InputError
        When a choice asks for what is not in the sweep: a place outside it, no maximum uphill from there.
    """
    choice = Choice() if choice is None else choice
    recorded = voltammogram
    voltammogram = levelled(recorded)
    blocks = blocks_of(
        voltammogram.time, voltammogram.potential, voltammogram.current, voltammogram.potential_noise,
        voltammogram.resolution, room_or_stated(sample),
    )  # fmt: skip
    judgement = judge(blocks, limit=choice.current_limit)
    if choice.ohmic_window is not None:
        line = straight_window(voltammogram, sample, choice.ohmic_window)
    else:
        line = _line(voltammogram, sample, judgement)
    cell = check_start(voltammogram, _straight(voltammogram, sample, line), cell or CellCheck())
    foreign = not cell.symmetric and choice.verdict is None and choice.at is None
    if foreign or choice.verdict is Verdict.NOT_A_SYMMETRIC_CELL:
        chosen = () if foreign else (VoltammetryFlag.CHOSEN.flag(found=VERDICT_WORDS[judgement.verdict]),)
        return not_judged(recorded, Kind.SWEEP, cell, sample.name, merge_flags(chosen, recorded.flags))
    odds = odds_of(judgement.verdict, base_rates, judgement)
    verdict, confidence = judgement.verdict, at_base_rates(confidence_of(judgement), odds)
    flags = _flags(voltammogram, judgement)
    place = EventPlace(voltammogram, judgement)
    if choice.verdict is None and choice.at is None:
        event = place.of(verdict)
    else:
        verdict, confidence, odds = choice.verdict or verdict, math.nan, None
        event = place.chosen(judgement.verdict, verdict, choice.at)
        flags = [VoltammetryFlag.CHOSEN.flag(found=VERDICT_WORDS[judgement.verdict])]
    current, potential = event.current, event.potential
    time, charge = clocked(voltammogram, current, potential)
    potential = as_measured(potential)
    offset = _offset(judgement)
    current, charge = with_error(current, offset), with_error(charge, offset * time.value)
    broken = verdict in (Verdict.PENETRATION, Verdict.SOFT_SHORT, Verdict.INSTRUMENT_LIMIT)
    until = potential.value if broken else math.inf
    reference, beside = find_reference(voltammogram, sample, potential.value, until)
    space_charge, peak, neutral_until = space_charge_of(judgement, sample, current), event.peak, math.inf
    if space_charge is not None:
        neutral_until = space_charge.potential
        flags.append(VoltammetryFlag.SPACE_CHARGE.flag(potential=neutral_until))
        peak = None if peak is None else replace(peak, plateau=None)
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
        odds=odds,
        evidence=evidence_of(judgement),
        mechanism=limited_by(judgement),
        course=courses_of_record(judgement),
        current=current,
        potential=potential,
        time=time,
        total_charge=charge,
        current_density=per_area(current, area),
        charge=per_area(charge, area),
        conductivity=conductivity(line, sample) if line is not None else None,
        scan_rate=voltammogram.scan_rate,
        ohmic=line,
        peak=peak,
        penetration=event.penetration,
        excursions=place.excursions(),
        clipping=event.clipping,
        reference=reference,
        semi_integral_plateau=_plateau(voltammogram, peak, verdict, neutral_until, area),
        space_charge=space_charge,
        pauses=voltammogram.pauses,
        cell=cell,
        voltammogram=recorded,
        sample=sample.name,
        synthetic=voltammogram.synthetic,
        flags=merge_flags(voltammogram.flags, line.flags if line else (), flags, beside, ask_for(sample)),
    )


def _flags(voltammogram: Voltammogram, judgement: Judgement) -> list[Flag]:
    say = VoltammetryFlag
    flags = []
    if any(one.largest < 0 and one.returned for one in judgement.departures):
        count = sum(one.largest < 0 and one.returned for one in judgement.departures)
        flags.append(say.DIPS.flag(count=count))
    if voltammogram.range_changes:
        flags.append(say.RANGE_CHANGE.flag(potential=float(voltammogram.ramp[voltammogram.range_changes[0]])))
    if judgement.verdict is Verdict.NO_EVENT:
        flags.append(say.RIGHT_CENSORED.flag())
    if judgement.verdict is Verdict.LIMITING_PEAK and separated(judgement) < _DECIDED:
        flags.append(say.TRANSPORT_OR_CONTACT.flag())
    edges, at = judgement.blocks.edges, judgement.at
    if judgement.verdict is Verdict.PENETRATION and judgement.limited is None and edges.size - 1 - at <= _FEW_AFTER:
        flags.append(say.ENDS_IN_RISE.flag(points=int(edges[-1] - edges[at])))
    if judgement.verdict is Verdict.PENETRATION and judgement.limited is not None:
        flags.append(say.CLIPPED_AFTER_EVENT.flag(current=float(np.max(voltammogram.current))))
    return flags


def _offset(judgement: Judgement) -> float:
    """The current at zero voltage [A]: the instrument's, which every current has. Counted as none where the record
    begins away from zero, or where it is larger than an instrument's: the cell's own."""
    history, zero = judgement.blocks.history, abs(judgement.best.zero)
    near = abs(float(history.imposed[0])) < _NEAR_ZERO * float(np.max(np.abs(history.imposed)))
    return zero if near and zero < _LARGEST_OFFSET * float(np.median(np.abs(judgement.blocks.recorded))) else 0.0


def _line(voltammogram: Voltammogram, sample: Sample, judgement: Judgement) -> OhmicLine | None:
    """The cell's conductance at rest, over all explanations that count."""
    generator = np.random.default_rng(1)
    slopes, levels = [], []
    for explanation, weight in close_explanations(judgement):
        drawn = drawn_numbers(explanation, generator)[: max(round(weight * DRAWS), 1)]
        slopes.append(explanation.conductance + drawn[:, 0])
        levels.append(explanation.zero + drawn[:, 1])
    best = judgement.best
    if not best.conductance > 0:
        return None
    slope = quantiles_of(best.conductance, np.concatenate(slopes))
    own = 0.0 if best.family is Family.OHMIC else _COURSE_ERROR * best.conductance
    slope = with_error(as_measured(slope), math.hypot(own, _off_at_start(judgement)))
    level = quantiles_of(best.zero, np.concatenate(levels))
    potential = judgement.blocks.history.imposed
    first = next((one for one in best.stretches if one.on), best.stretches[0])
    course = best.fitted[first.first] + best.conductance * (potential - potential[first.first])
    size = np.maximum(potential - potential[first.first], 0.1 * float(np.ptp(potential)))
    straight = np.abs(best.fitted - course) < 0.05 * best.conductance * size
    last = min(first.end, judgement.at if judgement.at > first.first + 2 else first.end)
    bent = np.flatnonzero(~straight[first.first : last] & (potential[first.first : last] > 0.02 * np.max(potential)))
    end = first.first + (int(bent[0]) if bent.size else last - first.first - 1)
    window = (float(potential[first.first]), float(potential[max(end, first.first + 1)]))
    return told_line(voltammogram, sample, slope, level, window)


def _off_at_start(judgement: Judgement) -> float:
    """Slope at the start of what the course leaves there [S], beyond its scatter: the course's own error. Where the
    course has not lost a fifth of its slope a low polynomial describes what it leaves."""
    blocks, best = judgement.blocks, judgement.best
    potential = blocks.history.imposed - blocks.history.imposed[0]
    straight = np.cumsum(~(best.fitted - best.fitted[0] > 0.8 * best.conductance * potential)[1:]) == 0
    steep = int(np.sum(straight)) + 1
    part = slice(0, min(max(steep, FEWEST), judgement.at if judgement.at > FEWEST else potential.size))
    left = blocks.recorded[part] - best.fitted[part]
    noise = max(best.noise.gain, 1.0) * blocks.local[part]
    design = np.vander(potential[part], _DEGREE + 1) / noise[:, None]
    inverse = np.linalg.pinv(design)
    slope, error = float(inverse[-2] @ (left / noise)), float(np.linalg.norm(inverse[-2]))
    return math.sqrt(max(slope**2 - error**2, 0.0))


def _straight(voltammogram: Voltammogram, sample: Sample, line: OhmicLine | None) -> OhmicLine | None:
    """The straight line through the window of the conductance at rest: what a start away from zero is judged by."""
    if line is None:
        return None
    try:
        return straight_window(voltammogram, sample, line.window)
    except InputError:  # too few points
        return line


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


def clocked(voltammogram: Voltammogram, current: Estimate, potential: Estimate) -> tuple[Estimate, Estimate]:
    """Time [s] and charge [C] from the start of the sweep to the event; NaN without a clock.

    The charge is the trapezoidal integral of the recorded current, pauses included; its error is that of the event's
    place times the current there, joined with the noise.
    """
    if voltammogram.scan_rate is None:
        return Estimate(math.nan), Estimate(math.nan)
    moving = np.flatnonzero(voltammogram.swept)
    order = np.maximum.accumulate(voltammogram.ramp[moving])
    at = float(np.interp(potential.value, order, voltammogram.time[moving]))
    error = potential.std / max(voltammogram.scan_rate.value, 1e-300)
    steps = np.diff(voltammogram.time)
    passed = np.concatenate([[0.0], np.cumsum(0.5 * (voltammogram.current[1:] + voltammogram.current[:-1]) * steps)])
    # the last point before may lie a jump of the current away from the next
    last = max(int(np.searchsorted(voltammogram.time, at)) - 1, 0)
    rest = at - float(voltammogram.time[last])
    charge = float(passed[last]) + 0.5 * rest * (float(voltammogram.current[last]) + current.value)
    scatter = math.sqrt(float(np.sum((voltammogram.noise[1:] * steps)[:last] ** 2)))
    return (
        Estimate(at - float(voltammogram.time[0]), error),
        as_measured(Estimate(charge, math.hypot(abs(current.value) * error, scatter))),
    )


def _plateau(
    voltammogram: Voltammogram, peak: Peak | None, verdict: Verdict, until: float, area: Estimate | None
) -> Estimate | None:
    """The level of the semi-integral after a limiting peak, while the cell is neutral."""
    if voltammogram.scan_rate is None or peak is None or verdict is not Verdict.LIMITING_PEAK:
        return None
    level = find_plateau(
        voltammogram.time, voltammogram.ramp, voltammogram.current, voltammogram.noise, voltammogram.swept,
        (peak.potential.value, until),
    )  # fmt: skip
    return None if level is None else (per_area(level, area) or level)
