"""Where an event lies in a sweep that was judged, and the current and voltage there with their uncertainties."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from rampion.errors import InputError
from rampion.estimate import NORMAL_95, Estimate
from rampion.voltammetry.finding import (
    VERDICT_WORDS,
    Excursion,
    Penetration,
    Verdict,
)
from rampion.voltammetry.hypotheses import BESIDE, DRIFT, Hypothesis
from rampion.voltammetry.noise import CHOSEN, block_means, moving_lines
from rampion.voltammetry.onset import Course, fit_onset
from rampion.voltammetry.peak import Peak, fit_maximum, level_after, uphill
from rampion.voltammetry.ranges import Clipping, limit_reached
from rampion.voltammetry.verdict import SHAPE, TEMPERED, Judgement, smoothed, tempered
from rampion.voltammetry.voltammogram import SMALLEST_SWEEP, Voltammogram

DRAWS = 300  # of the numbers about a fit
ACCURACY = 1e-3  # of a current, a voltage and a charge: what potentiostats state of their ranges
_NEAR_COURSE = 4  # blocks from the course's last to an event that its current is given for
_ANYTHING = 6.0  # -2 ln likelihood of a point that may be anything, over that of one at its expected place
_SHOULDER = 5e-3  # of the current: how far a parabola is off where it breaks off with a rounded shoulder
_BREAKS = 120  # places at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Current [A] and voltage [V] at an event, and what was found there."""

    current: Estimate
    potential: Estimate
    peak: Peak | None = None
    penetration: Penetration | None = None
    clipping: Clipping | None = None


class EventPlace:
    """Where events lie in a sweep that was judged."""

    def __init__(self, voltammogram: Voltammogram, judgement: Judgement) -> None:
        self.sweep, self.judgement = voltammogram, judgement
        self.blocks, self.best = judgement.blocks, judgement.best
        self.smooth = smoothed(self.blocks, self.best)
        self.first = self.blocks.edges[:-1]  # the first point of each block
        moving = voltammogram.swept.copy()
        moving[: int(self.first[0])] = False
        self.moving = np.flatnonzero(moving & (np.arange(moving.size) < self.blocks.edges[-1]))
        # of points, so that correlated noise is not averaged away
        gain = max(self.best.noise.gain, 1.0)
        self.noise = gain * voltammogram.noise

    def of(self, verdict: Verdict) -> Event:
        """The event of the verdict found."""
        at = self.judgement.at
        if verdict is Verdict.PENETRATION:
            return replace(self._onset(at), peak=self._earlier_peak(at))
        if verdict is Verdict.SOFT_SHORT:
            return replace(self._onset(at), penetration=None)
        if verdict is Verdict.INSTRUMENT_LIMIT:
            return self._limit(at)
        if verdict is Verdict.CURRENT_LOSS:
            return self._maximum(int(np.argmax(self.smooth[: at + 2])))
        if verdict is Verdict.LIMITING_PEAK:
            return self._maximum(at)
        return self._end()

    def excursions(self) -> tuple[Excursion, ...]:
        """Departures that came back."""
        ramp = self.sweep.ramp
        return tuple(
            Excursion(int(self.first[one.first]), int(self.blocks.edges[one.end] - 1),
                      float(ramp[self.first[one.first]]), one.largest)
            for one in self.judgement.departures
            if one.returned
        )  # fmt: skip

    def chosen(self, found: Verdict, verdict: Verdict, at: float | None) -> Event:
        """The event that a person chose."""
        ramp, kept = self.sweep.ramp, self.moving
        if at is not None and not ramp[kept[0]] <= at <= ramp[kept[-1]]:
            raise InputError(
                f"The chosen place {at:g} V lies outside the sweep, {ramp[kept[0]]:.3g} V to {ramp[kept[-1]]:.3g} V."
            )
        if verdict is Verdict.LIMITING_PEAK:
            smooth = self.smooth
            near = int(np.argmax(smooth)) if at is None else int(np.argmin(np.abs(self.blocks.history.imposed - at)))
            top = uphill(smooth, near)
            if top < 2 or top > smooth.size - 3:
                place = "near that place" if at is not None else "by itself; state its potential as 'at'"
                raise InputError(f"A limiting peak was chosen, but the sweep has no interior maximum {place}.")
            return self._maximum(top)
        if at is not None:
            return self._before(at)
        if verdict is found or verdict in (Verdict.NO_EVENT, Verdict.LIMITING_PLATEAU):
            return self.of(verdict)
        words = VERDICT_WORDS[verdict]
        raise InputError(f"The verdict {words!r} was chosen without a place; state the event's potential as 'at'.")

    def _onset(self, at: int) -> Event:
        begun, kept, best = int(self.first[min(at, self.first.size - 1)]), self.moving, self.best
        x = self.sweep.ramp[kept]
        order = np.concatenate([[True], np.diff(x) > 0])
        kept, x = kept[order], x[order]
        on = np.isfinite(best.course)
        grid, rising = np.unique(self.blocks.history.imposed[on], return_index=True)
        course = Course(grid, best.fitted[on][rising], best.design[on][rising], prior_of_course(best))
        if kept.size - np.searchsorted(kept, begun) < 3:  # the voltage collapses at once
            last = self._before(float(x[kept < begun][-1]) + 1e-9)
            current, potential, first = last.current, last.potential, begun
        else:
            place = int(np.clip(np.searchsorted(kept, begun) + 1, SMALLEST_SWEEP, kept.size - 3))
            start = int(np.searchsorted(kept, self.first[next(one.first for one in best.stretches if one.on)]))
            current, potential, before = fit_onset(
                x, self.sweep.current[kept], self.noise[kept], place, min(start, max(place - SMALLEST_SWEEP, 0)), course
            )
            current, first = as_measured(current), int(kept[before])
        departure = next((one for one in self.judgement.departures if one.first == at), None)
        hole = Penetration(
            onset_current=current, onset_potential=potential, first=first,
            steepness=departure.steep if departure else math.nan, excess=departure.share if departure else math.nan,
        )  # fmt: skip
        return Event(current=current, potential=potential, penetration=hole)

    def _earlier_peak(self, at: int) -> Peak | None:
        """The maximum that the current had passed before the place."""
        before = self.smooth[:at]
        top = int(np.argmax(before)) if at > 5 else 0
        fallen = at > 5 and float(np.min(before[top:])) < (1.0 - SHAPE.drop) * float(before[top])
        return self._maximum(top).peak if fallen else None

    def _limit(self, at: int) -> Event:
        sweep = self.sweep
        all_kept = np.flatnonzero(sweep.swept)
        begun = int(self.blocks.edges[min(at, self.blocks.edges.size - 1)])
        if begun + 5 < sweep.current.size:
            few = max(5, 8 * begun // max(at, 1))  # points of eight blocks, of which the first may lie before the level
            part = sweep.current[begun : begun + few]
            level, late = float(np.median(part[:5])), float(np.median(part[part.size // 2 :]))
            level = late if abs(late - level) < 2.0 * SHAPE.flat * late else level  # else it goes on rising
        else:
            level = float(np.max(sweep.current))
        held = all_kept[np.abs(sweep.current[all_kept] - level) <= SHAPE.flat * level]
        first = int(np.searchsorted(all_kept, held[0] if held.size else begun))
        last = int(np.searchsorted(all_kept, held[-1] if held.size else begun))
        clipping = limit_reached(
            sweep.ramp[all_kept],
            sweep.current[all_kept],
            self.noise[all_kept],
            first,
            max(last, first),
            sweep.resolution,
        )
        clipping = replace(clipping, first=int(all_kept[first]))
        return Event(
            current=as_measured(Estimate(clipping.current, sweep.resolution / math.sqrt(12))),
            potential=Estimate(clipping.potential, clipping.potential_error), clipping=clipping,
        )  # fmt: skip

    def _corner(self, at: int) -> Event:
        """Where the current breaks off: over all places, a parabola until there and anything after it."""
        low, high = int(self.blocks.edges[max(at - 6, 0)]), int(self.blocks.edges[min(at + 8, self.first.size)])
        points = self.moving[(self.moving >= low) & (self.moving < high)]
        x, y = self.sweep.ramp[points], self.sweep.current[points]
        noise = max(float(np.median(self.noise[points])), 1e-300)
        last = np.unique(np.linspace(5, points.size - 2, _BREAKS).astype(int))  # the last point before
        left, height, error, top = np.array([_parabola_until(x[: k + 1], y[: k + 1]) for k in last]).T
        shoulder = _SHOULDER * float(np.max(np.abs(y)))
        cost = left / (noise**2 + shoulder**2) + _ANYTHING * (points.size - 1.0 - last)
        weight = np.exp(-0.5 * (cost - float(np.min(cost))))
        weight /= np.sum(weight)
        middle = 0.5 * (x[last] + top)  # somewhere on the shoulder
        current, place = float(weight @ height), float(weight @ middle)
        scatter = float(weight @ ((height - current) ** 2 + (noise * error) ** 2)) + shoulder**2
        pitch = float(x[-1] - x[0]) / points.size
        spread = float(weight @ ((middle - place) ** 2 + (x[last] - top) ** 2 / 12.0))
        spread += pitch**2 / 3.0 + self.sweep.potential_noise**2
        there = as_measured(Estimate(current, math.sqrt(scatter)))
        return Event(current=there, potential=Estimate(place, math.sqrt(spread)))

    def _before(self, potential: float) -> Event:
        kept = self.moving[self.sweep.ramp[self.moving] < potential]
        modelled = self._modelled(potential)
        if modelled is not None and kept.size:
            return Event(
                current=modelled,
                potential=Estimate(potential, max(float(potential - self.sweep.ramp[kept[-1]]), 0.0) / math.sqrt(3)),
            )
        if kept.size < 3:
            kept = self.moving[:3]
            return Event(current=Estimate(float(np.mean(self.sweep.current[kept]))), potential=Estimate(potential))
        x, y, noise = self.sweep.ramp[kept], self.sweep.current[kept], self.noise[kept]
        value, _, error, _ = moving_lines(x, y, noise, min(20, kept.size - 1))
        gap = 2 * float(potential - x[-1])
        slope = float(value[-1] - value[-2]) / float(x[-1] - x[-2]) if x[-1] > x[-2] else 0.0
        spread = max(gap / math.sqrt(12), self.sweep.potential_noise)
        there = Estimate(float(value[-1]) + slope * gap / 2, math.hypot(float(error[-1]), slope * spread))
        return Event(current=there, potential=Estimate(potential, spread))

    def _described(self, near: slice, at: int) -> bool:
        """Whether the course describes the current about a place: what it leaves there averages to nothing."""
        if not self.best.on[near].all() or not np.isfinite(self.best.course[near]).all():
            return False
        reach = max(4, self.best.on.size // 25)
        part = slice(max(at - reach, 0), at + reach + 1)
        left = (self.blocks.recorded - self.best.fitted)[part][self.best.on[part]]
        error = self.best.noise.gain * float(np.median(self.blocks.local[part])) / math.sqrt(left.size)
        return bool(abs(float(np.mean(left))) < 3.0 * error)

    def _modelled(self, potential: float) -> Estimate | None:
        """The course's current at a potential, where the last blocks before it lie on the course."""
        until = int(np.searchsorted(np.maximum.accumulate(self.blocks.history.imposed), potential))
        known = np.flatnonzero(self.best.on[:until] & np.isfinite(self.best.course[:until]))
        if known.size < 3 or until - 1 - known[-1] > _NEAR_COURSE:
            return None
        place = int(known[-1])
        slope = self.best.fitted[place] - self.best.fitted[place - 1]
        value = float(self.best.fitted[place] + max(0.5 * slope, 0.0))
        return as_measured(with_error(Estimate(value, self.best.error_at(place)), 0.3 * float(slope)))

    def _maximum(self, at: int) -> Event:
        near = slice(max(at - 2, 0), at + 3)
        kept = self.moving
        steps = np.diff(self.smooth[at : at + _NEAR_COURSE + 2])
        if float(np.min(steps, initial=0.0)) < -SHAPE.lost * float(self.smooth[at]):  # no rounded top: it breaks off
            return self._corner(at)
        x, y, noise = self.sweep.ramp[kept], self.sweep.current[kept], self.noise[kept]
        drawn = _drawn_maximum(self.judgement, at) if self._described(near, at) else None
        height, place = self._highest(at)
        if drawn is not None:  # what the two say apart beyond the polynomial's scatter is the course's own error
            height, place = (
                with_error(course, math.sqrt(max((course.value - local.value) ** 2 - local.std**2, 0.0)))
                for course, local in zip(drawn, (height, place), strict=True)
            )
        height = as_measured(height)
        smooth, potential = self.smooth, self.blocks.history.imposed
        rising = np.flatnonzero(smooth[: at + 1] <= 0.5 * height.value)
        lowest = at + int(np.argmin(smooth[at:]))
        after = x > place.value
        level = level_after(*block_means(x[after], y[after], noise[after], 400)) if after.sum() > 4 else None
        peak = Peak(
            current=height, potential=place,
            half_width=float(place.value - potential[rising[-1]]) if rising.size else math.nan,
            drop=float(1.0 - smooth[lowest] / height.value), plateau=level,
            decay_window=(float(potential[at]), float(potential[lowest])),
        )  # fmt: skip
        return Event(current=height, potential=place, peak=peak)

    def _highest(self, at: int) -> tuple[Estimate, Estimate]:
        """Height and place of the maximum near a block. No fit goes across a pause: the maxima of stretches between
        pauses are compared, and those as high within their errors belong to the interval of the place."""
        imposed, smooth = self.blocks.history.imposed, self.smooth
        pauses = self.sweep.pauses
        starts = np.searchsorted(self.sweep.time[self.moving], [one.start for one in pauses], side="right")
        ends = [*(one.potential for one in pauses), math.inf]
        found = []
        for part, end in zip(np.split(self.moving, starts), ends, strict=True):
            if part.size < SMALLEST_SWEEP:
                continue
            inside = np.unique(np.clip(np.searchsorted(self.first, part, side="right") - 1, 0, smooth.size - 1))
            own = at in inside
            top = at if own else int(inside[np.argmax(smooth[inside])])
            if own or (1.0 - SHAPE.drop) * smooth[at] < smooth[top] <= smooth[at]:
                x, y = self.sweep.ramp[part], self.sweep.current[part]
                height, place = fit_maximum(x, y, self.noise[part], float(imposed[top]))
                if place.high >= x[-1] and math.isfinite(end):  # it rises until the pause
                    place = replace(place, high=max(place.high, end))
                found.append((height, place))
        height, place = max(found, key=lambda one: one[0].value)
        beside = [there for one, there in found if height.value - one.value < 2.0 * math.hypot(height.std, one.std)]
        low, high = min(one.low for one in beside), max(one.high for one in beside)
        spread = max(place.std, 0.5 * (high - low) / NORMAL_95)
        return height, Estimate(place.value, spread, min(low, place.value), max(high, place.value))

    def _end(self) -> Event:
        top = int(np.argmax(self.smooth))
        error = self.best.error_at(top) if self.best.on[top] else float(self.blocks.local[top])
        kept = self.moving
        step = float(self.sweep.ramp[kept[-1]] - self.sweep.ramp[kept[-2]]) if kept.size > 1 else 0.0
        value = float(self.smooth[top])
        if top == self.smooth.size - 1:  # a block's mean is that of its middle
            value += max(0.5 * (value - float(self.smooth[top - 1])), 0.0)
        return Event(
            current=as_measured(Estimate(value, error)),
            potential=Estimate(float(self.sweep.ramp[kept[-1]]), max(step, self.sweep.potential_noise)),
        )  # fmt: skip


def prior_of_course(best: Hypothesis) -> Float[np.ndarray, " d"]:
    """Precision of the numbers of a course where it is fitted again together with a rise."""
    precision = np.zeros(best.design.shape[1])
    precision[2] = DRIFT**-2.0
    precision[3:] = 1.0 / np.maximum(np.diag(best.covariance)[3:] * 25.0, 1e-6)
    return precision


def with_error(estimate: Estimate, error: float) -> Estimate:
    """The estimate with a further independent standard error."""
    reach = NORMAL_95 * error
    return Estimate(
        estimate.value, math.hypot(estimate.std, error),
        estimate.value - math.hypot(estimate.value - estimate.low, reach),
        estimate.value + math.hypot(estimate.high - estimate.value, reach), estimate.flags,
    )  # fmt: skip


def as_measured(estimate: Estimate) -> Estimate:
    """The estimate with the instrument's own uncertainty."""
    return with_error(estimate, ACCURACY * abs(estimate.value))


def drawn_numbers(explanation: Hypothesis, generator: np.random.Generator) -> np.ndarray:
    """Draws (DRAWS, d) of the numbers about the fit."""
    values, vectors = np.linalg.eigh(explanation.covariance)
    root = CHOSEN * vectors * np.sqrt(np.maximum(values, 0.0))
    return generator.standard_normal((DRAWS, values.size)) @ root.T


def close_explanations(judgement: Judgement) -> list[tuple[Hypothesis, float]]:
    """The explanations that count, with their weights."""
    best = judgement.best.bic
    kept = [one for one in judgement.explanations if one.bic - best < TEMPERED * BESIDE]
    return list(zip(kept, tempered(kept).tolist(), strict=True))


def _drawn_maximum(judgement: Judgement, at: int) -> tuple[Estimate, Estimate] | None:
    """Height and place of the maximum of the courses that the fits allow; ``None`` where none describes it."""
    potential = judgement.blocks.history.imposed
    n = potential.size
    reach = max(6, n // 12)
    part = slice(max(at - reach, 0), min(at + reach + 1, n))
    generator = np.random.default_rng(0)
    heights, places = [], []
    value, place = _vertex(judgement.best.fitted[part], potential[part])
    for explanation, weight in close_explanations(judgement):
        if not (explanation.on[part].mean() > 0.5 and np.isfinite(explanation.course[part]).all()):
            continue
        curves = explanation.fitted[part] + drawn_numbers(explanation, generator) @ explanation.design[part].T
        count = max(round(weight * DRAWS), 1)
        found = np.array([_vertex(curve, potential[part]) for curve in curves[:count]])
        heights.append(found[:, 0])
        places.append(found[:, 1])
    if not heights:
        return None
    all_heights, all_places = np.concatenate(heights), np.concatenate(places)
    pitch = float(np.ptp(potential[part])) / max(part.stop - part.start, 1) / math.sqrt(12.0)
    return quantiles_of(value, all_heights), with_error(quantiles_of(place, all_places), 0.5 * pitch)


def _parabola_until(x: np.ndarray, y: np.ndarray) -> tuple[float, float, float, float]:
    """Of the parabola through points: the squares it leaves, its largest height, that height's error over a point's,
    and where it is."""
    powers = np.vander((x - x[-1]) / max(float(x[-1] - x[0]), 1e-300), 3)
    hat = powers @ np.linalg.pinv(powers)
    fitted = hat @ y
    left, top = y - fitted, int(np.argmax(fitted))
    return float(left @ left), float(fitted[top]), float(np.linalg.norm(hat[top])), float(x[top])


def _vertex(curve: np.ndarray, potential: np.ndarray) -> tuple[float, float]:
    """Top of the parabola through the highest point and its neighbours; the point itself at a corner."""
    k = int(np.argmax(curve))
    if 0 < k < curve.size - 1:
        a, b, c = curve[k - 1], curve[k], curve[k + 1]
        bend = a - 2 * b + c
        shift = 0.5 * (a - c) / bend if bend < 0 else 0.0
        rounded = abs(a - c) < 2.0 * abs(bend) and abs(bend) < 0.02 * abs(b)
        if rounded:
            at = np.interp(k + shift, [k - 1, k, k + 1], potential[k - 1 : k + 2])
            return float(b - 0.125 * (a - c) ** 2 / bend), float(at)
    return float(curve[k]), float(potential[k])


def quantiles_of(value: float, draws: np.ndarray) -> Estimate:
    """A value with the scatter and the central 95 % of draws about it."""
    low, high = np.percentile(draws, [2.5, 97.5])
    return Estimate(value, float(np.std(draws)), min(float(low), value), max(float(high), value))
