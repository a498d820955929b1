"""Galvanostatic step cycling: the conventional critical current density, where the voltage of a step falls."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rampion.estimate import Estimate
from rampion.voltammetry.constant_current import Initiation, find_initiation

_FALLEN = 0.75  # of the resistance expected from the steps before
_FEWEST_POINTS = 4


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
    """A step test: its steps (rests left out), the index of the failing one (None without an event), how it was
    recognised ("drop within the step", "lower resistance"), the last sound current [A], the capacity of the half cycle
    at the event and the cumulative capacity up to it [C], and the initiation inside the failing step."""

    steps: tuple[Step, ...]
    failing: int | None
    rule: str
    sound_current: float
    half_cycle_capacity: float
    cumulative_capacity: float
    initiation: Initiation | None


def split_steps(time: Float[np.ndarray, " n"], current: Float[np.ndarray, " n"]) -> tuple[tuple[int, int], ...]:
    """Stretches ``(first, end)`` of constant current, in order.

    A stretch ends where the current changes by more than a twentieth of its value there and 1 % of the largest; shorter
    stretches than four points are left out.
    """
    largest = float(np.max(np.abs(current), initial=0.0))
    if current.size < _FEWEST_POINTS or largest == 0:
        return ()
    change = np.abs(np.diff(current))
    scale = np.maximum(np.abs(current[1:]), np.abs(current[:-1]))
    cuts = np.flatnonzero(change > np.maximum(0.05 * scale, 0.01 * largest)) + 1
    bounds = [0, *cuts.tolist(), current.size]
    return tuple((a, b) for a, b in itertools.pairwise(bounds) if b - a >= _FEWEST_POINTS)


def find_critical_step(
    time: Float[np.ndarray, " n"], potential: Float[np.ndarray, " n"], current: Float[np.ndarray, " n"]
) -> Cycling | None:
    """The step of a galvanostatic test at which the voltage falls; ``None`` when there are fewer than two steps.

    A step fails when its voltage drops abruptly and stays down
    (:func:`~rampion.voltammetry.constant_current.find_initiation`), or when its late voltage over its current is
    below 0.75 of the median of the sound steps before it. The first that fails is the event.

    Assumes steps of alternating or one sign whose size does not fall; rests between them are left out.
    Fails to see a soft short that is shorter than the logging interval.

    Parameters
    ----------
    time, potential, current : (n,) [s], [V], [A] as recorded, signs included.
    """
    largest = float(np.max(np.abs(current), initial=0.0))
    steps: list[Step] = []
    initiation: Initiation | None = None
    failing, rule = None, ""
    for a, b in split_steps(time, current):
        level = float(np.median(current[a:b]))
        if abs(level) < 0.01 * largest:
            continue
        sign = math.copysign(1.0, level)
        t, v = time[a:b] - time[a], sign * potential[a:b]
        fifth = max(2, (b - a) // 5)
        end = time[b] if b < time.size and abs(current[b]) > 0 else time[b - 1]
        length = float(min(end, time[b - 1] + float(np.median(np.diff(time[a:b])))) - time[a])
        step = Step(
            start=float(time[a]),
            duration=length,
            current=level,
            early_potential=sign * float(np.median(v[:fifth])),
            late_potential=sign * float(np.median(v[-fifth:])),
            capacity=abs(level) * length,
        )
        steps.append(step)
        if failing is not None:
            continue
        inside = find_initiation(t, v, level)
        if inside is not None and not inside.recovered:
            failing, rule, initiation = len(steps) - 1, "drop within the step", inside
            continue
        sound = [s.resistance for s in steps[:-1]]
        if sound and step.resistance < _FALLEN * float(np.median(sound)):
            failing, rule = len(steps) - 1, "lower resistance"
    if len(steps) < 2:
        return None
    until = steps[: failing + 1] if failing is not None else steps
    passed = sum(step.capacity for step in until)
    if initiation is not None:
        passed += initiation.charge.value - until[-1].capacity
    sizes = [abs(s.current) for s in (steps[:failing] if failing is not None else steps)]
    return Cycling(
        steps=tuple(steps),
        failing=failing,
        rule=rule,
        sound_current=max(sizes, default=0.0),
        half_cycle_capacity=until[-1].capacity,
        cumulative_capacity=passed,
        initiation=initiation,
    )


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
