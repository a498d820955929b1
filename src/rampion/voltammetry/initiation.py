"""From a record under imposed currents to its finding: when the cell failed, at which current, and what passed."""

from __future__ import annotations

import functools
import math
from dataclasses import replace

import numpy as np

from rampion.estimate import NORMAL_95, Estimate, Flag, merge_flags
from rampion.measurement import Sample
from rampion.voltammetry.confidence import (
    BaseRates,
    at_base_rates,
    confidence_of,
    courses_of_record,
    evidence_of,
    limited_by,
    odds_of,
)
from rampion.voltammetry.event import ask_for, per_area
from rampion.voltammetry.event_place import as_measured, prior_of_course, with_error
from rampion.voltammetry.finding import Finding, Initiation, Kind, Verdict
from rampion.voltammetry.flags import VoltammetryFlag
from rampion.voltammetry.galvanostatic import CurrentRecord, blocks_under_current, critical_current, steps_of
from rampion.voltammetry.noise import local_noise, noise_floor, straight_line
from rampion.voltammetry.ohmic import room_or_stated
from rampion.voltammetry.onset import Course, fit_onset
from rampion.voltammetry.symmetric_cell import CellCheck
from rampion.voltammetry.verdict import SHAPE, Judgement, judge, smoothed, switched_on
from rampion.voltammetry.voltammogram import Voltammogram

_FEWEST = 12  # points of a level for a break point
_SHOWN = 0.1  # of the time until half of the fall: a shorter course shows nothing that it could leave
_SHARE_OF_FALL = 0.4  # of a fall, in its second half: contact that forms slows down
_UNSTEADY = 0.05  # of the current: it strays


def judge_currents(
    record: CurrentRecord,
    arrays: Voltammogram,
    kind: Kind,
    sample: Sample,
    cell: CellCheck,
    flags: tuple[Flag, ...],
    base_rates: BaseRates,
) -> Finding:
    """The finding of a constant current or of galvanostatic steps, by the same model as a sweep's.

    The verdict is that of :func:`~rampion.voltammetry.verdict.judge` on the voltage under the currents imposed; where
    the instrument gave its current up before anything else happened it is ``instrument_limit``. The critical step is
    the one in which the event begins.

    Parameters
    ----------
    record : the currents and the voltage.
    arrays : the same as recorded, for figures.
    base_rates : at which the confidence is given.
    """
    judgement = judge(blocks_under_current(record, room_or_stated(sample)))
    verdict, place = judgement.verdict, _Place(record, judgement)
    if verdict is Verdict.NO_EVENT and record.lost is not None:
        verdict = Verdict.INSTRUMENT_LIMIT
    odds = odds_of(verdict, base_rates, judgement)
    time = place.of(verdict)
    initiation = place.initiation(verdict, time)
    more = _flags(judgement, verdict, time)
    began = None if verdict is Verdict.NO_EVENT else time.value
    cycling = steps_of(record, began) if kind is Kind.CYCLING else None
    levels = np.abs([record.imposed[k] for k in record.driven])
    if cycling is not None:
        current = as_measured(critical_current(cycling))
        lengths = [step.duration for step in cycling.steps[:-1]] or [0.0]
        if max(lengths) > 1.2 * min(lengths):
            more.append(VoltammetryFlag.UNEVEN_STEPS.flag())
        if sample.area is not None:
            per = cycling.half_cycle_capacity / sample.area.value
            more.append(VoltammetryFlag.AREAL_CAPACITY_LARGE.flag(capacity=per))
        known = Estimate(cycling.cumulative_capacity, abs(current.value) * time.std)
        charge = replace(known, high=known.high + cycling.unrecorded_capacity)
    else:
        stray = float(np.std(record.size[record.kept]))
        current = as_measured(Estimate(float(levels[0]), stray / math.sqrt(record.kept.size)))
        if stray > _UNSTEADY * levels[0]:
            more.append(VoltammetryFlag.NOT_CONSTANT.flag(relative=stray / float(levels[0])))
        late = time.std if math.isfinite(time.std) else 0.0
        error = math.hypot(current.value * late, current.std * time.value)
        charge = Estimate(record.passed(time.value), error)
    return Finding(
        verdict=verdict,
        confidence=at_base_rates(confidence_of(judgement), odds),
        odds=odds,
        kind=kind,
        evidence=evidence_of(judgement),
        mechanism=limited_by(judgement),
        course=courses_of_record(judgement),
        current=current,
        potential=initiation.potential if initiation is not None else place.potential(verdict, time),
        time=time,
        total_charge=charge,
        current_density=per_area(current, sample.area),
        charge=per_area(charge, sample.area),
        initiation=initiation,
        cycling=cycling,
        cell=cell,
        voltammogram=arrays,
        sample=sample.name,
        synthetic=arrays.synthetic,
        flags=merge_flags(flags, more, ask_for(sample)),
    )


def _flags(judgement: Judgement, verdict: Verdict, time: Estimate) -> list[Flag]:
    say, more = VoltammetryFlag, []
    falls = [one for one in judgement.departures if one.largest > 0 and one.returned and one.steep > 0]
    if verdict is Verdict.NO_EVENT:
        more.append(say.RIGHT_CENSORED.flag())
        smooth = smoothed(judgement.blocks, judgement.best) / judgement.blocks.history.imposed
        fall = 1.0 - float(np.median(smooth[-max(3, smooth.size // 20) :])) / float(np.median(smooth[:3]))
        if fall > SHAPE.excess:
            more.append(say.VOLTAGE_FALLS.flag(fall=fall))
    if verdict is Verdict.PENETRATION and falls:
        more.append(say.EVENT_BEFORE_PENETRATION.flag(potential=float(judgement.blocks.recorded[falls[0].first - 1])))
    if verdict is Verdict.PENETRATION and time.low <= 0.0:
        more.append(say.NO_COURSE_BEFORE.flag())
    end = judgement.blocks.recorded[-2:]
    switched = bool(switched_on(judgement.blocks)[-1])
    if verdict is Verdict.NO_EVENT and end.size == 2 and end[1] < SHAPE.held * end[0] and not switched:
        more.append(say.ENDS_IN_DROP.flag())
    return more


class _Place:
    """Where the event of a record lies."""

    def __init__(self, record: CurrentRecord, judgement: Judgement) -> None:
        self.record, self.judgement, self.best = record, judgement, judgement.best
        self.first = judgement.blocks.edges[:-1]
        kept = record.kept
        floor = noise_floor(record.potential[kept], 0.0)
        moments = np.arange(kept.size, dtype=float)
        scaled = record.potential[kept]
        self.noise = max(self.best.noise.gain, 1.0) * local_noise(moments, scaled, floor)

    def of(self, verdict: Verdict) -> Estimate:
        """The time of the event [s] from the first point."""
        time, kept, at = self.record.time, self.record.kept, self.judgement.at
        if verdict is Verdict.INSTRUMENT_LIMIT and self.record.lost is not None:
            return self._gave_way(self.record.lost)
        if verdict is Verdict.VOLTAGE_RUNAWAY:
            own = kept[kept >= self.first[max(at - 1, 0)]]
            rise = self.record.potential[own]
            top = int(np.argmax(rise >= 0.98 * float(np.max(rise))))
            half = int(np.flatnonzero(rise[: top + 1] <= 0.5 * (float(rise[0]) + float(rise[top])))[-1]) if top else 0
            low, last = float(time[own[half]]), float(time[own[top]])
            # an instrument may have ended it before: a voltage that diverges as a power takes up to half as long again
            high = last + max(last - float(time[own[top - 1]]), 0.5 * (last - low))
            return _uniform(low, high)
        if verdict is Verdict.NO_EVENT:
            return Estimate(float(time[kept[-1]]), math.nan)
        return self.broke[0]

    def _gave_way(self, point: int) -> Estimate:
        """Where a straight line through the falling current [A] met its level."""
        part = slice(point, point + max(5, (self.record.time.size - point) // 10))
        moments, size = self.record.time[part], self.record.size[part]
        slope, at_zero = straight_line(moments, size)
        level = float(np.median(self.record.size[max(point - 50, 0) : point]))
        met = (level - at_zero) / slope if slope < 0.0 else float(moments[0])
        met = float(np.clip(met, 2.0 * moments[0] - moments[-1], moments[0]))
        return _uniform(2.0 * met - float(moments[0]) - float(moments[1] - moments[0]), float(moments[0]))

    def potential(self, verdict: Verdict, time: Estimate) -> Estimate:
        """The voltage [V] at the event, without one the largest."""
        kept = self.record.kept
        if verdict is Verdict.NO_EVENT:
            return Estimate(float(np.max(self.record.potential[kept])), math.nan)
        return Estimate(float(np.interp(time.value, self.record.time[kept], self.record.potential[kept])), math.nan)

    def initiation(self, verdict: Verdict, time: Estimate) -> Initiation | None:
        """When the voltage was lost, and what was left of it; ``None`` where it was not."""
        if verdict is not Verdict.PENETRATION and verdict is not Verdict.SOFT_SHORT:
            return None
        at, record = self.judgement.at, self.record
        departure = next((one for one in self.judgement.departures if one.first == at), None)
        smooth = smoothed(self.judgement.blocks, self.best) / self.judgement.blocks.history.imposed  # 1 at the start
        return Initiation(
            time=time, potential=self.broke[1], charge=Estimate(record.passed(time.value), math.nan),
            early_potential=record.resistance * abs(record.imposed[record.driven[0]]),
            drop=departure.share if departure is not None else 1.0 - float(smooth[-1]),
            recovered=verdict is Verdict.SOFT_SHORT,
            earlier=sum(
                one.returned and one.steep > 0 and one.first < at for one in self.judgement.departures
            ),
        )  # fmt: skip

    @functools.cached_property
    def broke(self) -> tuple[Estimate, Estimate]:
        """Time [s] and voltage [V] at which the voltage leaves its course, from the level in which it does."""
        at = self.judgement.at
        record, kept = self.record, self.record.kept
        begun = int(self.first[at])
        a, b = next((a, b) for a, b in record.levels if a <= begun < b)
        own = kept[(kept >= a) & (kept < b)]
        there = int(np.searchsorted(own, begun))
        if there == 0 or own.size < _FEWEST:  # as the current was switched on, or too few points to see more
            at_once = _between(record.time, begun)
            if there == 0:
                at_once = Estimate(at_once.high, at_once.std, at_once.low, at_once.high)
            return at_once, Estimate(float(record.potential[own[max(there - 1, 0)]]))
        x, y = record.time[own], record.potential[own]
        on = np.isfinite(self.best.course) & (self.first >= a) & (self.first < b)
        moments = self.judgement.blocks.history.time[on]
        course = None
        if moments.size > 1:
            course = Course(moments, -self.best.fitted[on], -self.best.design[on], prior_of_course(self.best))
        place = int(np.clip(there + 1, min(_FEWEST, own.size - 3), own.size - 3))
        noise = self.noise[np.searchsorted(kept, own)]
        start = int(np.argmax(y > SHAPE.held * float(np.median(y[: max(there, 1)])))) if there > _FEWEST else 0
        level, moment, _ = fit_onset(x, -y, noise, place, min(start, max(place - _FEWEST, 0)), course)
        half = x[min(there + int(np.argmax(y[there:] <= 0.5 * (y[there] + float(np.min(y[there:]))))), x.size - 1)]
        if moment.low - x[0] < _SHOWN * (half - x[0]) or self._fell_before(at):
            moment = _uniform(float(x[0]), float(moment.high))
        moment = with_error(moment, float(np.median(np.diff(x))) / math.sqrt(12.0))  # anywhere between two points
        return moment, Estimate(-level.value, level.std, -level.high, -level.low)

    def _fell_before(self, at: int) -> bool:
        """Whether the voltage before a block fell without slowing down: then the fall was under way."""
        smooth = smoothed(self.judgement.blocks, self.best)[:at] / self.judgement.blocks.history.imposed[:at]
        if smooth.size < 3:
            return True
        first, middle, last = (float(np.mean(part)) for part in np.array_split(smooth, 3))
        return first - last > SHAPE.excess * first and middle - last > _SHARE_OF_FALL * (first - last)


def _between(time: np.ndarray, point: int) -> Estimate:
    """Anywhere between the point before and this one."""
    return _uniform(float(time[max(point - 1, 0)]), float(time[point]))


def _uniform(low: float, high: float) -> Estimate:
    return Estimate(0.5 * (low + high), (high - low) / (2.0 * NORMAL_95), low, high)
