"""What was done to the cell: the voltage of a record as straight lines in time, and where a sweep rested."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rampion.cell.binary_march import Line
from rampion.cell.replay import corners_of

_GAP = 5.0  # usual steps in time: a longer one is a gap in the record
MOVED = 8.0  # of the voltage's noise: less is no move
_FINEST = 4000  # points that lines are laid through
_NOISES = 6.0  # of the voltage's noise, that a line may miss a point by
_SHARE = 2e-3  # of the voltage's range, likewise
TURN = 0.04  # of the range: the voltage comes back by more where it turns, or where a rest begins
_SAMPLES = 4.0  # usual steps in time that a pause takes at least
_PART = 0.25  # of a bin of voltage: the ramp's rate differs by less
_HELD = 0.98  # of the largest current: the instrument's limit, with its noise


def programme_of(
    time: Float[np.ndarray, " n"], potential: Float[np.ndarray, " n"], potential_noise: float
) -> tuple[Line, ...]:
    """The voltage [V] as straight lines from the first point to the last (:func:`~rampion.cell.replay.corners_of`).

    Ramps, holds, pauses recorded or not, steps and resumed sweeps are then all the same. Lines stay within 0.2 % of the
    range or six times the noise. Between two points on either side of a gap in the record the voltage is taken as
    straight: held where it was, as potentiostats do between techniques.
    """
    kept = _some_points(time)
    t, v = time[kept], potential[kept]
    allowed = max(_NOISES * potential_noise, _SHARE * float(np.ptp(v)), 1e-6)
    corners = [0, *corners_of(t, v, allowed), t.size - 1]
    places = _merged(t, np.array(corners))
    at, level = t[places], _levels(t, v, places)
    lines = []
    for k in range(places.size - 1):
        duration = float(at[k + 1] - at[k])
        if duration > 0:
            lines.append(Line(duration, float(level[k]), float(level[k + 1] - level[k]) / duration))
    return tuple(lines)


def _some_points(time: Float[np.ndarray, " n"]) -> np.ndarray:
    """Places of at most about ``_FINEST`` points, those on either side of a gap in time kept."""
    n = time.size
    if n <= _FINEST:
        return np.arange(n)
    even = np.linspace(0, n - 1, _FINEST).astype(int)
    steps = np.diff(time)
    gaps = np.flatnonzero(steps > _GAP * float(np.median(steps)))[: _FINEST // 4]
    return np.unique(np.concatenate([even, gaps, gaps + 1]))


def _merged(t: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The corners, of those at one time the last alone."""
    later = np.append(np.diff(t[places]) > 0, True)
    return places[later]


def _levels(t: np.ndarray, v: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The voltage at the corners: least squares of the broken line through all points, so that noise averages out."""
    if places.size > 200 or t.size < 4 * places.size:
        return v[places]
    k = np.clip(np.searchsorted(t[places], t, side="right") - 1, 0, places.size - 2)
    span = t[places][k + 1] - t[places][k]
    share = np.clip((t - t[places][k]) / np.where(span > 0, span, 1.0), 0.0, 1.0)
    # tridiagonal normal equations, dense: at most 200 corners
    hat = np.zeros((places.size, places.size))
    right = np.zeros(places.size)
    np.add.at(hat, (k, k), (1 - share) ** 2)
    np.add.at(hat, (k + 1, k + 1), share**2)
    np.add.at(hat, (k, k + 1), share * (1 - share))
    np.add.at(hat, (k + 1, k), share * (1 - share))
    np.add.at(right, k, (1 - share) * v)
    np.add.at(right, k + 1, share * v)
    return np.linalg.solve(hat + 1e-12 * np.eye(places.size), right)


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseMark:
    """A hold inside a sweep: its potential [V], start [s], duration [s], and the current [A] before and after it."""

    potential: float
    start: float
    duration: float
    current_before: float
    current_after: float


def rests_inside(potential: Float[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
    """(n,) True in rests inside a sweep: the voltage falls at once, stays, and is back at once where it was.

    A sweep back to zero and a new one have points on their way. Points on the way down or up belong to the rest.
    """
    size, n = np.abs(potential), potential.size
    found = np.zeros(n, dtype=bool)
    if n < 3:
        return found
    least = TURN * float(np.ptp(potential))
    end = 0
    for first in (1 + np.flatnonzero(np.diff(size) < -least)).tolist():
        if first < end:
            continue
        left = float(np.max(size[max(first - 2, 0) : first]))
        back = size[first:] >= left - least
        if not back.any():
            continue
        end = first + int(np.argmax(back))
        level = float(np.median(size[first:end]))
        fell = left - float(size[min(first + 1, end - 1)])
        rose = float(size[end] - size[max(end - 2, first)])
        found[first:end] = fell > 0.5 * (left - level) and rose > 0.5 * (float(size[end]) - level)
    return found


def overload(potential: Float[np.ndarray, " n"], current: Float[np.ndarray, " n"]) -> int:
    """The point from which on the voltage has fallen from its largest while an instrument holds its largest current to
    the end of the record, as it does at once or within a few points: a cell that is shorted. The number of points where
    there is none.
    """
    n = potential.size
    held = np.abs(current) >= _HELD * float(np.max(np.abs(current), initial=0.0))
    first = int(np.flatnonzero(~held)[-1]) + 1 if n and not held.all() else 0
    if first < 1 or n - first < 3:
        return n
    size, least = np.abs(potential), TURN * float(np.ptp(potential))
    top = float(np.max(size[:first]))
    fallen = int(np.flatnonzero(size[:first] >= top - least)[-1]) + 1
    return fallen if top - float(np.median(size[first:])) > least else n


def ramped(potential: Float[np.ndarray, " n"], current: Float[np.ndarray, " n"]) -> tuple[Bool[np.ndarray, " n"], int]:
    """(n,) True where the voltage is a programme's: neither a rest inside a sweep nor what follows a short; and the
    point from which that follows (:func:`overload`)."""
    shorted = overload(potential, current)
    live = np.zeros(potential.size, dtype=bool)
    live[:shorted] = ~rests_inside(potential[:shorted])
    return live, shorted


def find_pauses(
    time: Float[np.ndarray, " n"],
    potential: Float[np.ndarray, " n"],
    current: Float[np.ndarray, " n"],
    potential_noise: float,
) -> tuple[Bool[np.ndarray, " n"], tuple[PauseMark, ...], float]:
    """Holds inside an upward sweep: the points that were swept (n,), the pauses, and the ramp's rate [V/s].

    The rate is the median over equal bins of potential of (bin)/(time spent in it); a pause is where a level takes
    longer than the ramp needs, by more than the noise of potential and a few samples explain: recorded points at one
    level, or a gap in time. The rate is 0 when the potential does not move.

    Assumes one rate, and pauses in fewer than half of the bins of potential.
    """
    n = time.size
    swept = np.ones(n, dtype=bool)
    top = np.maximum.accumulate(potential)
    span = float(top[-1] - top[0])
    usual = float(np.median(np.diff(time)))
    if span <= 0 or usual <= 0:
        return swept, (), 0.0
    bins = int(np.clip(min(n // 6, span / (MOVED * potential_noise) if potential_noise > 0 else n), 4, 200))
    edges = np.linspace(top[0], top[-1], bins + 1)
    rise = np.concatenate([[True], np.diff(top) > 0])
    crossing = np.interp(edges, top[rise], time[rise])
    spent = np.diff(crossing)
    width = span / bins
    rate = width / float(np.median(spent))
    marks = []
    least = max(_SAMPLES * usual, MOVED * potential_noise / rate, _PART * width / rate)
    excess = spent - width / rate
    long = excess > least
    # a hold at the edge of two bins leaves a part of its time in each
    both = ~long[1:] & ~long[:-1] & (excess[1:] + excess[:-1] > least)
    long[1:] |= both
    long[:-1] |= both
    k = 0
    while k < bins:
        if not long[k]:
            k += 1
            continue
        last = k
        while last + 1 < bins and long[last + 1]:
            last += 1
        marks += _pause_between(time, potential, current, crossing[k], crossing[last + 1], rate, potential_noise, least)
        k = last + 1
    for _, inside in marks:
        swept[inside] = False
    return swept, tuple(mark for mark, _ in marks), rate


def _pause_between(
    time: np.ndarray,
    potential: np.ndarray,
    current: np.ndarray,
    start: float,
    end: float,
    rate: float,
    potential_noise: float,
    least: float,
) -> list[tuple[PauseMark, slice]]:
    """The pauses inside one interval of time: gaps between samples, and stretches of samples at one level."""
    a = max(int(np.searchsorted(time, start)) - 1, 0)
    b = min(int(np.searchsorted(time, end)) + 1, time.size)
    found = []
    excess = np.diff(time[a:b]) - np.diff(potential[a:b]) / rate
    gaps = a + np.flatnonzero(excess > np.maximum(least, 0.5 * np.diff(time[a:b])))
    for i in gaps:
        found.append((i, i + 1, float(excess[i - a])))
    bounds = [a, *[g + 1 for g in gaps], b]
    for first, last in itertools.pairwise(bounds):
        if last - first < 4:
            continue
        middle = slice(first, last)
        slowest = potential[middle]
        # the level that holds the most samples per volt
        level = float(np.median(slowest)) if last - first < 20 else _densest(slowest, potential_noise, rate, least)
        near = first + np.flatnonzero(np.abs(slowest - level) <= 3 * potential_noise + 0.5 * rate * least)
        if near.size < 3:
            continue
        i, j = int(near[0]), int(near[-1])
        longer = time[j] - time[i] - (6 * potential_noise / rate + least)
        if longer > 0:
            moved = max(potential[j] - potential[i], 0.0)
            found.append((i, j, float(time[j] - time[i] - moved / rate)))
    joined: list[tuple[int, int, float]] = []
    for i, j, duration in sorted(found):  # samples far apart in one hold are gaps end to end
        if joined and i <= joined[-1][1]:
            first, last, before = joined.pop()
            joined.append((first, max(j, last), before + duration))
        else:
            joined.append((i, j, duration))
    marks = []
    for i, j, duration in joined:
        inside = slice(i + 1, j) if j > i + 1 else slice(i, i)
        marks.append(
            (
                PauseMark(
                    potential=float(np.median(potential[i : j + 1])),
                    start=float(time[i]),
                    duration=duration,
                    current_before=float(current[i]),
                    current_after=float(current[j]),
                ),
                inside,
            )
        )
    return marks


def _densest(values: np.ndarray, potential_noise: float, rate: float, least: float) -> float:
    """The centre of the narrow band that holds the most values."""
    width = max(2 * potential_noise, 0.5 * rate * least, 1e-9)
    ordered = np.sort(values)
    counts = np.searchsorted(ordered, ordered + width) - np.arange(ordered.size)
    k = int(np.argmax(counts))
    return float(np.median(ordered[k : k + counts[k]]))


def paused_time(time: np.ndarray, pauses: tuple[PauseMark, ...]) -> np.ndarray:
    """(n,) time spent in pauses before each point."""
    total = np.zeros(time.size)
    for pause in pauses:
        total += np.clip(time - pause.start, 0.0, pause.duration)
    return total
