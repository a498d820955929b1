"""What a record shows: the phenomenon, from the best explanation of the record.

The explanation (:mod:`rampion.voltammetry.hypotheses`) says which course the record follows and where it leaves it. A
departure towards more conduction (more current under a voltage, less voltage under a current) that comes back is an
excursion (soft short); one that stays is a penetration; a current that stays at its largest value while its course goes
on rising meets the instrument's limit; one that falls off at once is lost. Whatever is left is smooth, and its shape
decides: a maximum with a decay, a levelling-off, a current that dies, a voltage that is lost or runs away, or nothing
yet.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rampion.voltammetry.finding import Verdict
from rampion.voltammetry.hypotheses import Blocks, Hypothesis, explain, first_points
from rampion.voltammetry.noise import straight_line


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeRule:
    """What counts as what. Shares of the current or of the conductance at rest; none depends on the noise.

    drop : fall below the maximum that makes it one (physics of the limit: below it drift of temperature does so too).
    level : slope at the end, of G, below which the current has levelled off.
    dead : current left at the end, of the maximum, below which it has died.
    lost : current lost between neighbouring points that breaks it off: no diffusion does so.
    excess : rise over the course that counts.
    steep : slope of a rise, of G: more than wetting, kinetics and warming give.
    abrupt : under a current, time that the middle half of a fall takes, of that before it: contact forms more slowly.
    forming : likewise, above which it slows down as contact does that forms (exponentially 3.8; filaments 0.2 to 2).
    held : voltage left at the end, of that at rest, below which it is lost however slowly: contact leaves more.
    doubled : voltage at the end of a current, of that at its beginning, above which it may run away,
    faster : and the second half of that rise takes at most so much of the time of the first: a drift takes as much.
    back : excess left at the end, of the largest, below which a rise has come back.
    kink : slope just before a limit of the instrument, of that before it: a rounded top has none.
    flat : spread of a current at the instrument's limit, of its value.
    bulge : of ``flat``, that the middle of a level lies above its ends: an even parabola has ⅓ to ½, a rounded top.
    onward : rise that the limit cut off, of the limit: less is a plateau of the cell.
    meets : step into the limit, of the rise expected there: more is a step of the current.
    evidence : ln of the evidence that an event needs over none: twenty to one.
    """

    drop: float = 0.02
    level: float = 0.02
    dead: float = 0.12
    lost: float = 0.15
    excess: float = 0.05
    steep: float = 1.5
    back: float = 0.35
    abrupt: float = 0.2
    forming: float = 2.5
    held: float = 0.5
    doubled: float = 2.0
    faster: float = 0.5
    kink: float = 0.4
    flat: float = 0.004
    bulge: float = 0.125
    onward: float = 0.03
    meets: float = 3.0
    evidence: float = 3.0


SHAPE = ShapeRule()
TEMPERED = 10.0  # of the logarithm of a Bayes factor: one unit of evidence (simulated curves)
FEWEST = 12  # blocks: fewer show no course


@dataclass(frozen=True, slots=True)
class Departure:
    """Blocks ``first`` to ``end`` (exclusive) off the course: the largest and the last excess of conduction over it
    ([A]; under a current, missing voltage [V]), the largest over the course's value there, the largest step down over
    the current before and its place, the steepest rise over G (under a current infinite where the fall is abrupt and
    zero elsewhere), the largest current over that of the conductance at rest where a pause begins or ends before its
    largest excess (infinite elsewhere), and whether the course is met again."""

    first: int
    end: int
    largest: float
    last: float
    share: float
    step_down: float
    step_at: int
    steep: float
    over: float
    returned: bool


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """Verdict, the block of its event, the explanations (best first) of the blocks, the departures, the first block at
    the instrument's limit (None where there is none), the best other verdict that explains the record (None where none
    does), and ln of the evidence against it."""

    verdict: Verdict
    at: int
    blocks: Blocks
    explanations: tuple[Hypothesis, ...]
    departures: tuple[Departure, ...]
    limited: int | None
    rival: Verdict | None
    margin: float

    @property
    def best(self) -> Hypothesis:
        """The best explanation."""
        return self.explanations[0]


def judge(blocks: Blocks, rule: ShapeRule = SHAPE, limit: float = math.inf) -> Judgement:
    """The phenomenon that a record shows; ``limit`` [A] is the instrument's, where it is stated."""
    limited = None if blocks.history.galvanostatic else limited_from(blocks, rule, limit)
    free = blocks if limited is None or limited < FEWEST else first_points(blocks, limited)
    explanations = explain(free)
    shown = [_phenomenon(free, one, rule, limited is not None) for one in explanations]
    plain = next((k for k, (one, _, _) in enumerate(shown) if one is Verdict.NO_EVENT), 0)
    if 0.5 * (explanations[plain].bic - explanations[0].bic) < rule.evidence:
        order = [plain, *(k for k in range(len(shown)) if k != plain)]
        explanations, shown = tuple(explanations[k] for k in order), [shown[k] for k in order]
    verdict, at, departures = shown[0]
    if limited is not None and verdict is not Verdict.PENETRATION and verdict is not Verdict.SOFT_SHORT:
        verdict, at = Verdict.INSTRUMENT_LIMIT, limited
        return Judgement(verdict, at, free, explanations, departures, limited, None, math.inf)
    second = next((k for k, (other, _, _) in enumerate(shown) if other is not verdict), None)
    margin = math.inf if second is None else 0.5 * (explanations[second].bic - explanations[0].bic)
    rival = None if second is None else shown[second][0]
    return Judgement(verdict, at, free, explanations, departures, limited, rival, margin)


def tempered(explanations: Sequence[Hypothesis]) -> Float[np.ndarray, " k"]:
    """(k,) shares of the explanations: no family is the cell itself, and what they leave is model error more than
    noise, so that the evidence between them counts for a tenth."""
    bic = np.array([one.bic for one in explanations])
    weights = np.exp(-0.5 * (bic - np.min(bic)) / TEMPERED)
    return weights / np.sum(weights)


def smoothed(blocks: Blocks, best: Hypothesis) -> Float[np.ndarray, " n"]:
    """What was recorded without its noise: the course's, or that of the stretches of their own."""
    return blocks.recorded - best.residual


def limited_from(blocks: Blocks, rule: ShapeRule, limit: float = math.inf) -> int | None:
    """The first block at a stated limit [A], else of a run at the largest current that is entered with a kink; ``None``
    without one.

    Assumes that the limit is applied after the noise: converter or range at its end.
    """
    current, n = blocks.recorded, blocks.recorded.size
    stated = np.flatnonzero(current >= (1.0 - rule.flat) * limit)
    if stated.size:
        return int(stated[0])
    many = max(5, n // 50)
    top = float(np.partition(current, n - many)[n - many])
    near = np.abs(current - top) <= rule.flat * abs(top)
    length, first = max(((end - first, first) for first, end in _runs(near)), default=(0, 0))
    if length < many or first < FEWEST or top <= 0:
        return None
    own = current[first + 1 : first + length]
    begun, middle, ended = (float(np.mean(part)) for part in np.array_split(own, 3))
    if middle - 0.5 * (begun + ended) > rule.bulge * rule.flat * top:
        return None
    if float(np.ptp(own)) > rule.flat * top:
        return None
    return first if _kink(blocks.history.imposed, blocks.recorded, first, length, top, rule) else None


def _runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """First point and end (exclusive) of every run of points that are true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(int)))
    return list(zip(edges[0::2].tolist(), edges[1::2].tolist(), strict=True))


def _kink(potential: np.ndarray, current: np.ndarray, first: int, length: int, top: float, rule: ShapeRule) -> bool:
    """Whether the current rose with the voltage into a level without rounding and without a step."""
    few = max(6, first // 16)
    last, earlier = (
        straight_line(potential[first - k : first], current[first - k : first])[0]
        for k in (few, min(first, max(30, 3 * few)))
    )
    run = float(potential[first + length - 1] - potential[first])
    near = slice(max(first - 3, 0), first)
    step = top - float(np.median(current[near]))
    gap = float(potential[first] - np.median(potential[near]))
    cut_off = last > rule.kink * earlier > 0 and last * run > rule.onward * top
    return cut_off and step < rule.meets * max(last, earlier) * max(gap, 1e-9)


def departures_of(blocks: Blocks, best: Hypothesis, rule: ShapeRule) -> tuple[Departure, ...]:
    """The stretches off the course, neighbours joined."""
    if blocks.history.galvanostatic:
        return tuple(_voltage_departures(blocks, best, rule))
    on, smooth, n = best.on, smoothed(blocks, best), best.on.size
    course = np.where(np.isfinite(best.course), best.fitted, math.nan)
    highest = float(np.nanmax(np.abs(course)))
    potential = blocks.history.imposed
    usual = float(np.ptp(potential)) / n
    resumed = _resumed(blocks)
    high = on & (potential > 0.1 * float(np.max(potential)))
    chord = float(np.max(smooth[high] / potential[high], initial=best.conductance))
    at_rest = np.maximum(chord * potential, 1e-300)
    found = []
    for first, end in _runs(~on):
        part, begun = slice(first, end), max(first - 1, 0)
        known = course[part][np.isfinite(course[part])]
        carried = known[-1] if known.size else course[begun]
        expected = np.where(np.isfinite(course[part]), course[part], carried)
        excess = smooth[part] - expected
        share = excess / np.maximum(np.abs(expected), rule.excess * highest)
        top = int(np.argmax(np.abs(excess)))
        before = blocks.recorded[begun:end]
        ahead = np.minimum(np.arange(before.size) + 2, before.size - 1)
        highest_yet = np.maximum(np.maximum.accumulate(before), rule.excess * highest)
        falls = (before - before[ahead]) / highest_yet
        place = int(np.argmax(falls))
        apart = min(3, end - begun - 1)
        moves = potential[begun + apart : end] - potential[begun : end - apart]
        rises = (smooth[begun + apart : end] - smooth[begun : end - apart]) / np.maximum(moves, usual)
        after_pause = bool(resumed[max(first - 3, 0) : first + top + 2].any())
        found.append(Departure(
            first=first, end=end, largest=float(excess[top]), last=float(np.mean(excess[-3:])),
            share=float(share[top]), step_down=float(falls[place]), step_at=begun + place,
            steep=float(np.max(rises, initial=0.0)) / max(best.conductance, 1e-300),
            over=float(np.max(smooth[part] / at_rest[part])) - 1.0 if after_pause else math.inf,
            returned=end < n,
        ))  # fmt: skip
    return tuple(one for one in found if not (one.first == 0 and one.returned))


def _voltage_departures(blocks: Blocks, best: Hypothesis, rule: ShapeRule) -> list[Departure]:
    """The stretches off the course of a voltage under a current, those that switching a current on begins left out.

    What is missing is missing from the course and from the resistance just before: a course that lies above a voltage
    that never fell says nothing of a short.
    """
    smooth, n, imposed = smoothed(blocks, best), best.on.size, np.maximum(blocks.history.imposed, 1e-300)
    switched, time = switched_on(blocks), blocks.history.time
    found = []
    for first, end in _runs(~best.on):
        # a stretch has two blocks at least: a switch at the second is its beginning
        first += int(end - first > 1 and switched[first + 1] and not switched[first])
        begins, part, begun = bool(switched[first]), slice(first, end), max(first - 1, 0)
        if begins and end < n and (first == 0 or not switched[first + 1 : end + 1].any()):
            continue  # it charges
        near = slice(max(first - 5, 0), max(first, 1))
        before = float(np.median(blocks.recorded[near] / imposed[near]))
        # the course goes on from where it was left, as a resistance beyond its end
        course = best.course[part] / best.course[begun] * best.fitted[begun]
        carried = before * imposed[part]
        expected = np.where(np.isfinite(course), course, carried)
        missing = expected - smooth[part]
        missing = np.where(missing > 0.0, np.maximum(np.minimum(expected, carried) - smooth[part], 0.0), missing)
        share = missing / np.maximum(np.abs(expected), 1e-300)
        top = int(np.argmax(np.abs(share)))
        quarter, three = _middle_half(time[part], share / share[top]) if share[top] > 0.0 else (0.0, 0.0)
        on_since = float(time[: first + 1][switched[: first + 1]][-1])
        at_once = begins and three <= time[min(first + 2, end - 1)]
        abrupt = at_once or three - quarter <= rule.abrupt * (quarter - on_since)
        slowing = three - quarter > rule.forming * (quarter - on_since)
        falls = share[top] > 0.0 and (abrupt or (share[top] > 1.0 - rule.held and not slowing))
        found.append(Departure(
            first=first, end=end, largest=float(missing[top]), last=float(np.mean(missing[-3:])),
            share=float(share[top]), step_down=0.0, step_at=first, steep=math.inf if falls else 0.0, over=math.inf,
            returned=end < n,
        ))  # fmt: skip
    return found


def _middle_half(time: np.ndarray, share: np.ndarray) -> tuple[float, float]:
    """The times at which a share that begins below it first reaches a quarter, and three."""
    times = []
    for level in (0.25, 0.75):
        k = int(np.argmax(share >= level))
        before, here = (share[k - 1], share[k]) if k else (0.0, level)
        times.append(float(time[k] - (time[k] - time[max(k - 1, 0)]) * (here - level) / (here - before)))
    return times[0], times[1]


def switched_on(blocks: Blocks) -> Bool[np.ndarray, " n"]:
    """The first block of every level of an imposed current."""
    return np.concatenate([[True], np.diff(blocks.history.line) > 0])


def _resumed(blocks: Blocks) -> np.ndarray:
    """Blocks before or at which the voltage begins or ends a pause: a cell that rested carries what it did at rest, and
    no more."""
    lines = blocks.history.lines
    ends = np.cumsum([line.duration for line in lines])[:-1]
    turns = [abs(b.slope - a.slope) > 0.5 * max(abs(a.slope), abs(b.slope)) for a, b in itertools.pairwise(lines)]
    places = np.searchsorted(blocks.history.time, ends[np.array(turns, dtype=bool)])
    mask = np.zeros(blocks.recorded.size, dtype=bool)
    mask[np.minimum(places, mask.size - 1)] = True
    return mask


def _phenomenon(
    blocks: Blocks, best: Hypothesis, rule: ShapeRule, cut: bool
) -> tuple[Verdict, int, tuple[Departure, ...]]:
    """The verdict of one explanation; ``cut``: the record goes on at the instrument's limit."""
    departures = departures_of(blocks, best, rule)
    smooth, n = smoothed(blocks, best), best.on.size
    rises = [one for one in departures if one.largest > 0 and one.steep > rule.steep and one.over > rule.excess]
    up = [one for one in rises if one.share > rule.excess]
    last = departures[-1] if departures and not departures[-1].returned else None
    for one in departures:  # what is lost does not come back
        after, before = smooth[one.step_at + 2 :], float(np.max(smooth[: one.step_at + 1]))
        fallen = one.largest < 0 and one.step_down > rule.lost and after.size > 0
        if fallen and float(np.max(after)) < (1.0 - 0.5 * rule.lost) * before:
            return Verdict.CURRENT_LOSS, one.step_at, departures
    if up:
        final = up[-1]
        stays = final is last and final.last > rule.back * final.largest
        stays |= cut and n - final.end < n // 20  # it rises into the limit
        if not stays and blocks.history.galvanostatic and _shape(blocks, best, rule)[0] is Verdict.VOLTAGE_RUNAWAY:
            return (*_shape(blocks, best, rule), departures)
        # once shorts come and go, a smaller one is one too
        begun = next(one for one in rises if one.share > rule.drop)
        return (Verdict.PENETRATION if stays else Verdict.SOFT_SHORT), (final if stays else begun).first, departures
    return (*_shape(blocks, best, rule), departures)


def _shape(blocks: Blocks, best: Hypothesis, rule: ShapeRule) -> tuple[Verdict, int]:
    """The verdict of a smooth record."""
    smooth = smoothed(blocks, best)
    n = smooth.size
    if blocks.history.galvanostatic:
        return _voltage_shape(blocks, smooth, rule)
    top = int(np.argmax(smooth))
    end = float(np.mean(smooth[max(n - max(2, n // 50), top) :]))
    if smooth[top] - end > rule.drop * smooth[top]:
        return (Verdict.CURRENT_LOSS if end < rule.dead * smooth[top] else Verdict.LIMITING_PEAK), top
    tail = slice(n - max(10, n // 12), n)
    slope = straight_line(blocks.history.imposed[tail], smooth[tail])[0]
    if slope < rule.level * best.conductance:
        return Verdict.LIMITING_PLATEAU, n - 1
    return Verdict.NO_EVENT, n - 1


def _voltage_shape(blocks: Blocks, smooth: np.ndarray, rule: ShapeRule) -> tuple[Verdict, int]:
    """The verdict of a voltage that follows a smooth course: lost, running away, or neither."""
    n, time, imposed = smooth.size, blocks.history.time, np.maximum(blocks.history.imposed, 1e-300)
    resistance = smooth / imposed
    few = max(2, n // 50)
    begun = int(np.flatnonzero(switched_on(blocks))[-1])
    first = int(np.argmax(resistance[: max(8, n // 10)]))
    fall = float(resistance[first]) - float(np.mean(resistance[-few:]))
    if fall > (1.0 - rule.held) * float(resistance[first]):
        quarter, three = _middle_half(time[first:], (resistance[first] - resistance[first:]) / fall)
        if three - quarter < rule.forming * (quarter - time[first]):
            return Verdict.PENETRATION, first + int(np.searchsorted(time[first:], quarter))
    left = blocks.recorded / imposed
    usual = float(np.median(left[-9:-4])) if n > 9 else math.inf
    fallen = usual - left[-2] > max(rule.excess * usual, 5.0 * float(blocks.local[-2] / imposed[-2]))
    if left[-1] < rule.held * usual and fallen:  # the instrument stopped at a voltage near zero
        return Verdict.PENETRATION, n - 2
    rise = blocks.recorded[begun:] / imposed[begun:]  # the last points are few, and say it
    early, top = max(float(np.median(resistance[begun : begun + few])), 1.0), float(np.max(rise))  # 1: at the start
    half, tenth = (begun + int(np.argmax(rise >= early + share * (top - early))) for share in (0.5, 0.1))
    if top > rule.doubled * early and rise[-1] > 0.5 * (early + top):
        last = begun + int(np.argmax(rise >= 0.98 * top))
        if time[last] - time[half] <= rule.faster * (time[half] - time[tenth]) + (time[half] - time[max(half - 1, 0)]):
            return Verdict.VOLTAGE_RUNAWAY, half
    return Verdict.NO_EVENT, n - 1
