"""Initiation time at constant current: when the voltage is lost, at once or gradually, or drops and comes back.

Whole, the ceramic needs the voltage I·R that the same current had at the start; polarisation and lost contact only add
to it. A voltage below a part of that, to the end, means a second path for electrons, however gradually it was lost. A
loss of a tenth to a half counts only when it is abrupt: contact that forms takes as much, slowing down as it goes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from rampion.equality import equal_by_value
from rampion.estimate import NORMAL_95, Estimate
from rampion.voltammetry.noise import block_means, local_noise, moving_lines, moving_median, noise_floor
from rampion.voltammetry.onset import fit_onset
from rampion.voltammetry.rises import Rise, find_rises

_SMALLEST_DROP = 0.1  # of the voltage before it, and of the early one
_SMALLEST_RISE = 0.1  # of the early voltage
_ABRUPT = 0.2  # share of the time before the drop in which its middle half must happen
_LOST = 0.5  # of the early voltage: below it to the end, and not slowing down, the voltage is lost
_NOTHING_LEFT = 0.1  # of the early voltage: lost, however it went
_FEW = 5  # points before a fall: fewer show no course that it could leave
_SHORT_COURSE = 0.1  # of the time until a quarter is lost: nor does a shorter time before it
_ANNOUNCED = 0.03  # of the early voltage, fallen within a few points: the last point alone then counts
_SLOWING = 2.5  # middle half of a fall over the time before it: a filament 0.2 ... 2, exponential formation 3.8
_MOST = 20  # falls that are looked at


@equal_by_value
@dataclass(frozen=True, slots=True, kw_only=True)
class Initiation:
    """When a cell at constant current fails.

    time [s] since the current began, rule ("drop", "rise then drop": the voltage had first risen by over 10 % of its
    early value, or "gradual loss"), potential just before [V], drop: lost share of that potential, recovered: the
    voltage came back, early_potential: early voltage [V], charge [C] passed until then, earlier: drops before this
    one that came back, the first from earlier_potential [V].
    """

    time: Estimate
    rule: str
    potential: Estimate
    early_potential: float
    drop: float
    recovered: bool
    significance: float
    charge: Estimate
    earlier: int = 0
    earlier_potential: float = math.nan


def find_initiation(
    time: Float[np.ndarray, " n"], potential: Float[np.ndarray, " n"], current: float
) -> Initiation | None:
    """The loss of the voltage at constant current, else the first drop that came back; ``None`` without either.

    Falls are sought as a penetration is in a sweep, on the reversed voltage (six standard errors, at least 10 %). One
    counts when it ends (or, if it comes back, dips) below 0.9 of the early voltage with half of it within a fifth of
    the time before it; or below half of the early voltage with its middle half no longer than the time before that; or
    when less than a tenth is left at the end. Its beginning is the break point of
    :func:`~rampion.voltammetry.onset.fit_onset`; where no course is seen before it, the interval begins at
    the start. Charge is |I| times the time.

    Assumes a current that is constant from the first point on. Fails for fewer than 12 points (``None``), for a short
    whose path keeps more than half of the voltage and grows gradually (:func:`gradual_fall`), and where the early
    voltage is mostly that of a contact still to be formed.

    Parameters
    ----------
    time, potential : (n,) [s] from the start of the current, [V] turned positive.
    current : [A].
    """
    if time.size < 12 or np.ptp(time) <= 0:
        return None
    x, y, noise = block_means(time, potential, local_noise(time, potential, noise_floor(potential, 0.0)), 20000)
    early = early_level(y)
    if early <= 0:
        return None
    start = _settled(y, early)
    fall, earlier = _choose(x, y, noise, early, start)
    if fall is None:
        return None
    level, at, before = fit_onset(x, -y, noise, fall.rise.at, fall.begin)
    top = float(np.max(moving_lines(x, y, noise, 2)[0][start : max(before, start + 1) + 1]))
    rose = top - early > max(_SMALLEST_RISE * early, 6 * float(noise[before]))
    passed, low, high = (value - float(time[0]) for value in (at.value, at.low, at.high))
    if before < start + _FEW or (
        fall.took > 0.02 * fall.elapsed and _falls_already(y[start : before + 1], noise[before])
    ):
        passed, low, high = 0.5 * high, 0.0, high  # nothing shows that it held at all
    if low < _SHORT_COURSE * fall.elapsed:
        low = 0.0
    std = max(at.std, (high - low) / (2 * NORMAL_95))
    return Initiation(
        time=Estimate(passed, std, low, high),
        rule="gradual loss" if not fall.abrupt else "rise then drop" if rose else "drop",
        potential=Estimate(-level.value, level.std, -level.high, -level.low),
        early_potential=early,
        drop=1.0 - min(fall.lowest / -level.value, 1.0),
        recovered=fall.back is not None,
        significance=fall.rise.significance,
        charge=Estimate(abs(current) * passed, abs(current) * std),
        earlier=len(earlier),
        earlier_potential=float(y[max(earlier[0].rise.at - earlier[0].rise.half - 1, 0)]) if earlier else math.nan,
    )


def find_runaway(time: Float[np.ndarray, " n"], potential: Float[np.ndarray, " n"]) -> Estimate | None:
    """Transition time [s] of a voltage that runs away at constant current; ``None`` where it does not.

    It does when it ends above twice its early value and the second half of that rise took less time than the first:
    polarisation that has settled, wetting that is lost and drift slow down instead. The time is that of the half rise,
    between the points on either side of it.

    Assumes a current that is constant from the first point on. Source: H. J. S. Sand, Philos. Mag. 1, 45 (1901),
    doi:10.1080/14786440109462590.
    """
    if potential.size < 12:
        return None
    early, smooth = early_level(potential), moving_median(potential, 5)
    top = int(np.argmax(smooth >= 0.98 * float(np.max(smooth))))
    rise = float(smooth[top]) - early
    if early <= 0 or rise < early or smooth[-1] < early + 0.5 * rise:
        return None
    half, begun = (int(np.argmax(smooth >= early + share * rise)) for share in (0.5, 0.1))
    if not time[top] - time[half] < time[half] - time[begun] + (time[half] - time[max(half - 1, 0)]):
        return None
    low, high = float(time[max(half - 1, 0)]), float(time[min(half + 1, time.size - 1)])
    return Estimate(0.5 * (low + high), (high - low) / math.sqrt(12.0))


def gradual_fall(potential: Float[np.ndarray, " n"]) -> float:
    """Share of the early voltage that is gone at the end, by the median of the last twentieth; negative if it rose.

    ``potential`` (n,) [V] turned positive. NaN below 12 points.
    """
    if potential.size < 12:
        return math.nan
    early = early_level(potential)
    if early < _LOST * potential[0]:  # lost within the first few points: they are all that is known of it
        early = float(potential[0])
    return 1.0 - float(np.median(potential[-max(3, potential.size // 20) :])) / early if early > 0 else math.nan


def ends_in_drop(potential: Float[np.ndarray, " n"]) -> bool:
    """Whether the last point alone lies below half of the early voltage; ``potential`` (n,) [V] turned positive."""
    return potential.size >= 12 and bool(potential[-1] < _LOST * early_level(potential) <= potential[-2])


def early_level(y: Float[np.ndarray, " n"]) -> float:
    """Voltage once it has settled [V]: the largest median of five neighbours in the first tenth of the points."""
    first = y[: max(8, y.size // 10)]
    return float(np.max(np.median(np.lib.stride_tricks.sliding_window_view(first, 5), axis=1)))


@dataclass(frozen=True, slots=True)
class _Fall:
    """A steep place, where it was sought from, the time [s] its middle half takes and the time before that, its lowest
    level [V], the point at which three quarters of it are regained (None: never), and whether it was abrupt: its middle
    half takes less than a fifth of the time before, and a course is seen before it."""

    rise: Rise
    begin: int
    took: float
    elapsed: float
    lowest: float
    back: int | None
    abrupt: bool

    @property
    def slows_down(self) -> bool:
        """Whether it goes as contact forms: ever more slowly."""
        return self.took > _SLOWING * self.elapsed


def _choose(
    x: np.ndarray, y: np.ndarray, noise: np.ndarray, early: float, start: int
) -> tuple[_Fall | None, list[_Fall]]:
    """The fall that decides, and those before it that came back."""
    end = _end_level(y)
    lost = _is_lost(y, early, float(noise[-1]))
    returned: list[_Fall] = []
    begin, hidden = start, [0.75, 0.5, 0.25, 0.1] if lost else []
    for _ in range(_MOST):
        again = begin
        for fall in _falls(x, y, noise, start, begin):
            if fall.back is not None:
                if fall.abrupt or (fall.lowest < _LOST * early and not fall.slows_down):
                    returned.append(fall)
                again = fall.back
                break
            gone = lost and (not fall.slows_down or end < _NOTHING_LEFT * early)
            if gone or (fall.abrupt and end < (1 - _SMALLEST_DROP) * early):
                return fall, returned
        if again == begin:
            if not hidden:
                break
            again = max(begin + 1, start + int(hidden.pop() * (y.size - start)))  # contact that forms can hide a loss
        begin = again
    return (returned[0] if returned else None), []


def _falls(x: np.ndarray, y: np.ndarray, noise: np.ndarray, start: int, begin: int) -> Iterator[_Fall]:
    """Falls by a tenth at least from point ``begin`` on, each followed to where it comes back."""
    if y.size - begin < 12:
        return
    smooth = moving_median(y, 5)
    for rise in find_rises(x, -y, noise, 0.0, begin):
        first = max(rise.at - rise.half - 1, begin)
        first += int(np.argmax(smooth[first : rise.at + 1]))
        level = float(smooth[first])
        depth = level - np.minimum.accumulate(smooth[first:])
        back = np.flatnonzero((depth > _SMALLEST_DROP * level) & (smooth[first:] > level - 0.25 * depth))
        until = first + int(back[0]) if back.size else y.size - 1
        pairs = 0.5 * (y[first:until] + y[first + 1 : until + 1])
        lowest = float(np.min(pairs)) if pairs.size else level
        if level - lowest < max(_SMALLEST_DROP * level, 6 * float(noise[rise.at]) / math.sqrt(2)):
            continue
        quarter, three = (
            first + int(np.flatnonzero(y[first:] <= level - share * (level - lowest))[0]) for share in (0.25, 0.75)
        )
        took, elapsed = float(x[three] - x[quarter]), float(x[quarter] - x[start])
        abrupt = took <= _ABRUPT * elapsed and quarter >= start + _FEW
        place = replace(rise, at=quarter, half=2) if three - quarter <= 1 and quarter > rise.at + rise.half else rise
        yield _Fall(place, begin, took, elapsed, lowest, until if back.size else None, abrupt)


def _end_level(y: np.ndarray) -> float:
    """Level at the end of the record: the median of its last fiftieth, of three points at least."""
    return float(np.median(y[-max(3, y.size // 50) :]))


def _is_lost(y: np.ndarray, early: float, noise: float) -> bool:
    """Whether less than half of the early voltage is left at the end: at two points, or at one that was announced."""
    announced = float(np.median(y[-9:-4])) - y[-2] > max(_ANNOUNCED * early, 5 * noise)
    return bool(y[-1] < _LOST * early and (announced or y[-2] < _LOST * early))


def _settled(y: np.ndarray, early: float) -> int:
    """First point after the switching on: where the voltage has reached half of its early level."""
    risen = np.flatnonzero(y > 0.5 * early)
    return int(min(risen[0] if risen.size else 0, y.size // 4))


def _falls_already(y: np.ndarray, noise: float) -> bool:
    """Whether the course falls without slowing down, by more than four standard errors: then the fall is under way."""
    if y.size < 6:
        return True
    first, middle, last = (float(np.mean(part)) for part in np.array_split(y, 3))
    return bool(first - last > 4 * noise * math.sqrt(6 / y.size) and middle - last > 0.6 * (first - middle))
