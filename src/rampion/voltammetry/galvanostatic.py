"""A record of imposed currents, one level or many: what was imposed, what the voltage was, and its blocks.

Voltages are turned into the direction of the current, so that stripping and plating are one record; the sign of the
current stays in the history (:mod:`rampion.voltammetry.courses`). Rests belong to the history and have no voltage to
lose. Where the instrument could no longer keep its current the record ends.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rampion.cell.binary_march import Line
from rampion.estimate import Estimate
from rampion.voltammetry.hypotheses import MOST, Blocks, in_blocks
from rampion.voltammetry.noise import NORMAL_MAD, find_resolution

_FEWEST_POINTS = 4  # of a level of current
_CHANGE = 0.05  # of the current: another level
_RESTS = 0.01  # of the largest current: none flows
_KEPT = 0.99  # of its level, that an instrument in control of its current keeps
_HELD = 90.0  # percentile of the currents of a level: it was kept for a tenth of it at least
_NOISES = 6.0  # of the current: more is a fall
_EARLY = 0.1  # of the points of the first level: the start, whose resistance scales the currents
_BLOCKS = 250  # of a record of one level
_ROOM = 6  # blocks for each level, where there is room


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One galvanostatic step: start [s], duration [s], current [A], potential [V] early, late, and capacity [C]."""

    start: float
    duration: float
    current: float
    early_potential: float
    late_potential: float
    capacity: float

    @property
    def resistance(self) -> float:
        """Late voltage over current [Ω]."""
        return self.late_potential / self.current if self.current else math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycling:
    """A step test: its steps (rests left out), the index of the one in which the event begins (None without), the
    largest current before it [A], the capacity of the half cycle at the event and the cumulative one up to it [C], and
    what may have passed besides while nothing was recorded [C]."""

    steps: tuple[Step, ...]
    failing: int | None
    sound_current: float
    half_cycle_capacity: float
    cumulative_capacity: float
    unrecorded_capacity: float


@dataclass(frozen=True, slots=True, eq=False)
class CurrentRecord:
    """A record under imposed currents, from rest.

    time (n,) [s] from the first point, potential (n,) [V] in the direction of the current, size (n,) of the current [A]
    as recorded; ``levels``: first point and end (exclusive) of every level, rests included, and its current ``imposed``
    [A]; ``kept``: the points that are judged; ``resistance`` at the start [Ω]; ``lost``: the point from which the
    instrument did not keep its current (None: it always did).
    """

    time: Float[np.ndarray, " n"]
    potential: Float[np.ndarray, " n"]
    size: Float[np.ndarray, " n"]
    levels: tuple[tuple[int, int], ...]
    imposed: tuple[float, ...]
    kept: np.ndarray
    resistance: float
    lost: int | None

    @property
    def driven(self) -> tuple[int, ...]:
        """The places of the levels at which current flows."""
        largest = max(abs(one) for one in self.imposed)
        return tuple(k for k, one in enumerate(self.imposed) if abs(one) > _RESTS * largest)

    def passed(self, moment: float) -> float:
        """Charge [C] up to a moment [s] from the first point, both directions counted."""
        jumps = np.abs(np.diff(self.size)) > _CHANGE * np.maximum(self.size[1:], self.size[:-1])
        between = np.where(jumps, self.size[:-1], 0.5 * (self.size[1:] + self.size[:-1]))  # kept until it jumps
        steps = between * np.diff(self.time)
        return float(np.interp(moment, self.time, np.concatenate([[0.0], np.cumsum(steps)])))


def split_steps(current: Float[np.ndarray, " n"]) -> tuple[tuple[int, int], ...]:
    """Stretches ``(first, end)`` of constant current, in order.

    A stretch ends where the current changes by more than a twentieth of its value there and 1 % of the largest; shorter
    stretches than four points are left out.
    """
    largest = float(np.max(np.abs(current), initial=0.0))
    if current.size < _FEWEST_POINTS or largest == 0:
        return ()
    change = np.abs(np.diff(current))
    scale = np.maximum(np.abs(current[1:]), np.abs(current[:-1]))
    cuts = np.flatnonzero(change > np.maximum(_CHANGE * scale, _RESTS * largest)) + 1
    bounds = [0, *cuts.tolist(), current.size]
    return tuple((a, b) for a, b in itertools.pairwise(bounds) if b - a >= _FEWEST_POINTS)


def current_record(
    time: Float[np.ndarray, " n"],
    potential: Float[np.ndarray, " n"],
    current: Float[np.ndarray, " n"],
    levels: tuple[tuple[int, int], ...],
) -> tuple[CurrentRecord, bool] | None:
    """The record, and whether voltage and current had opposite signs; ``None`` where no current flows.

    Parameters
    ----------
    time, potential, current : (n,) [s], [V], [A] as recorded, signs included.
    levels : first point and end of every level of current (:func:`split_steps`).
    """
    imposed = [float(np.median(current[a:b])) for a, b in levels]
    largest = max((abs(one) for one in imposed), default=0.0)
    if largest == 0.0:
        return None
    sign, level, lost = np.ones(time.size), np.zeros(time.size), None
    for k, (a, b) in enumerate(levels):
        direction = math.copysign(1.0, imposed[k])
        if lost is None and abs(imposed[k]) > _RESTS * largest:
            lost = _lost_control(direction * potential[a:b], direction * current[a:b])
            lost = None if lost is None else a + lost
            imposed[k] = float(np.median(current[a : b if lost is None else lost]))
        level[a:b], sign[a:b] = abs(imposed[k]), direction
    flows = (level > _RESTS * largest) & (np.abs(current) > 0.5 * level)
    flows[lost:] &= lost is None
    turned = sign * potential
    opposite = (
        float(np.sum((turned * np.abs(turned))[flows])) < 0.0
    )  # by the large ones: of a shorted cell most are noise
    turned = -turned if opposite else turned
    kept = np.flatnonzero(flows)
    if kept.size == 0:
        return None
    first = next((a, b) for a, b in levels if a <= kept[0] < b)
    start = kept[(kept >= first[0]) & (kept < first[1])]
    resistance = early_level((turned / np.maximum(level, 1e-300))[start])
    sizes = np.abs(current)
    return CurrentRecord(time - time[0], turned, sizes, levels, tuple(imposed), kept, resistance, lost), opposite


def _lost_control(potential: np.ndarray, current: np.ndarray) -> int | None:
    """The point of a level from which on the current falls to its end while the voltage does not fall with it."""
    level = float(np.percentile(current, _HELD))
    held = np.flatnonzero(current >= _KEPT * level)
    first = int(held[-1]) + 1
    if current.size - first < _FEWEST_POINTS or first < _FEWEST_POINTS:
        return None
    if abs(float(np.median(potential[first:]))) < _KEPT * abs(float(np.median(potential[max(first - 50, 0) : first]))):
        return None
    early = current[: max(first // 2, 2)]
    noise = max(NORMAL_MAD * float(np.median(np.abs(early - np.median(early)))), 1e-9 * level)
    begun, ended = (float(np.median(part)) for part in np.array_split(current[first:], 2))
    if abs(begun - ended) < _NOISES * noise:  # kept at another level
        return None
    # it began where the current was last within its own noise
    within = np.flatnonzero(current[:first] >= np.median(early) - _NOISES * noise)
    return int(within[-1]) + 1


def early_level(y: Float[np.ndarray, " n"]) -> float:
    """The value once it has settled: the largest median of five neighbours in the first tenth of the points."""
    first = y[: max(8, math.ceil(_EARLY * y.size))]
    if first.size < 5:
        return float(np.max(first))
    return float(np.max(np.median(np.lib.stride_tricks.sliding_window_view(first, 5), axis=1)))


def blocks_under_current(record: CurrentRecord, temperature: float) -> Blocks:
    """The record in blocks, none across two levels while there are fewer than some hundred of these."""
    lines = []
    starts = [0.0, *(float(record.time[a]) for a, _ in record.levels[1:])]
    ends = [*starts[1:], max(float(record.time[-1]), starts[-1] + 1e-9)]
    for begun, end, level in zip(starts, ends, record.imposed, strict=True):
        if end > begun:
            lines.append(Line(end - begun, level * record.resistance, 0.0, galvanostatic=True))
    kept = record.kept
    bounds = np.searchsorted(kept, [a for a, _ in record.levels] + [kept[-1] + 1])
    lengths = np.diff(bounds)
    most = min(max(_BLOCKS, _ROOM * len(record.driven)), MOST)
    if len(record.driven) > MOST:
        edges = np.linspace(0, kept.size, min(MOST, kept.size) + 1).astype(int)
    else:
        own = [
            np.linspace(a, b, min(b - a, max(1, round(most * (b - a) / kept.size))) + 1).astype(int)
            for a, b, long in zip(bounds[:-1], bounds[1:], lengths, strict=True)
            if long > 0
        ]
        edges = np.unique(np.concatenate(own))
    # a voltage that runs away or breaks down does so in the last points
    last = int(edges[-1] - edges[-2])
    edges = np.unique(np.append(edges, edges[-1] - (last >> np.arange(1, last.bit_length()))))
    resolution = find_resolution(record.potential[kept])
    return in_blocks(tuple(lines), record.time, record.potential, kept, edges, resolution, temperature)


def steps_of(record: CurrentRecord, began: float | None) -> Cycling:
    """The steps at which current flowed, and where among them the event began [s] from the first point."""
    steps, unrecorded = [], []
    for k in record.driven:
        a, b = record.levels[k]
        sign, level = math.copysign(1.0, record.imposed[k]), record.imposed[k]
        fifth = max(2, (b - a) // 5)
        pitch = float(np.median(np.diff(record.time[a:b])))
        next_point = record.time[b] if b < record.time.size and record.size[b] > 0 else record.time[b - 1]
        length = float(min(next_point, record.time[b - 1] + pitch)) - float(record.time[a])
        unrecorded.append(abs(level) * max(float(next_point) - float(record.time[a]) - length, 0.0))
        own = record.potential[a:b]
        steps.append(Step(
            start=float(record.time[a]), duration=length, current=level,
            early_potential=sign * float(np.median(own[:fifth])), late_potential=sign * float(np.median(own[-fifth:])),
            capacity=abs(level) * length,
        ))  # fmt: skip
    failing = None
    if began is not None:
        failing = max((k for k, step in enumerate(steps) if step.start <= began), default=0)
    until = steps if failing is None else steps[: failing + 1]
    sizes = [abs(step.current) for step in (steps if failing is None else steps[:failing])]
    passed = sum(step.capacity for step in until)
    if failing is not None and began is not None:
        last = until[-1]
        passed -= last.capacity - min(abs(last.current) * (began - last.start), last.capacity)
    return Cycling(
        steps=tuple(steps), failing=failing, sound_current=max(sizes, default=0.0),
        half_cycle_capacity=until[-1].capacity, cumulative_capacity=passed,
        unrecorded_capacity=sum(unrecorded[: len(until) - 1]),
    )  # fmt: skip


def critical_current(cycling: Cycling) -> Estimate:
    """The failing step's current [A]; its 95 % interval reaches down to the last sound one.

    Between two levels nothing is known: standard uncertainty (I_k - I_sound)/√12. Without an event it is the largest
    current applied, a lower bound.
    """
    if cycling.failing is None:
        return Estimate(cycling.sound_current, math.nan)
    size = abs(cycling.steps[cycling.failing].current)
    width = max(size - cycling.sound_current, 0.0)
    return Estimate(size, width / math.sqrt(12.0), size - width, size)
