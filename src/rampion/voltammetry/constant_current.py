"""Initiation time at constant current: when the voltage drops, at once or after a rise."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rampion.estimate import Estimate
from rampion.voltammetry.noise import block_means, local_noise, moving_lines, noise_floor
from rampion.voltammetry.onset import fit_onset
from rampion.voltammetry.penetration import find_rises

_SMALLEST_DROP = 0.1  # of the voltage before it
_SMALLEST_RISE = 0.1  # of the early voltage
_ABRUPT = 0.2  # share of the time before the drop in which its middle half must happen


@dataclass(frozen=True, slots=True, kw_only=True)
class Initiation:
    """When a cell at constant current fails.

    time [s] since the current began, rule ("drop" or "rise then drop": the voltage had first risen by over 10 % of its
    early value), potential just before [V], drop: lost share of that potential, recovered: the voltage came back,
    rise_potential: early voltage [V], charge [C] passed until then.
    """

    time: Estimate
    rule: str
    potential: Estimate
    early_potential: float
    drop: float
    recovered: bool
    significance: float
    charge: Estimate


def find_initiation(
    time: Float[np.ndarray, " n"], potential: Float[np.ndarray, " n"], current: float
) -> Initiation | None:
    """The first abrupt drop of the voltage at constant current; ``None`` when there is none.

    The drop is sought as a penetration is in a sweep, on the reversed voltage: a fall by six standard errors and at
    least 10 % of the voltage, half of it within a fifth of the time before it. Its beginning is the break point of
    :func:`~rampion.voltammetry.penetration.fit_onset`. Charge is |I| times the time.

    Assumes a current that is constant from the first point on. Fails for fewer than 12 points (``None``).

    Parameters
    ----------
    time, potential : (n,) [s] from the start of the current, [V] turned positive.
    current : [A].
    """
    if time.size < 12 or np.ptp(time) <= 0:
        return None
    x, y, noise = block_means(time, potential, local_noise(time, potential, noise_floor(potential, 0.0)), 20000)
    start = _settled(y)
    for rise in find_rises(x, -y, noise, 0.0, start):
        if not (rise.lasting or rise.recovered) or rise.excess < _SMALLEST_DROP:
            continue
        if not _abrupt(x, y, rise.at, rise.half, start):
            continue
        level, at, before = fit_onset(x, -y, noise, rise, start)
        early = float(np.median(y[start : start + max(3, (before - start) // 10)]))
        top = float(np.max(moving_lines(x, y, noise, 2)[0][start : max(before, start + 1) + 1]))
        rose = top - early > max(_SMALLEST_RISE * abs(early), 6 * float(noise[before]))
        passed = at.value - float(time[0])
        return Initiation(
            time=Estimate(passed, at.std, at.low - float(time[0]), at.high - float(time[0])),
            rule="rise then drop" if rose else "drop",
            potential=Estimate(-level.value, level.std, -level.high, -level.low),
            early_potential=early,
            drop=min(rise.excess, 2.0),
            recovered=rise.recovered,
            significance=rise.significance,
            charge=Estimate(abs(current) * passed, abs(current) * at.std),
        )
    return None


def _settled(y: np.ndarray) -> int:
    """First point after the switching on: where the voltage has reached half of its early level."""
    early = float(np.median(y[: max(5, y.size // 10)]))
    risen = np.flatnonzero(y > 0.5 * early)
    return int(min(risen[0] if risen.size else 0, y.size // 4))


def _abrupt(x: np.ndarray, y: np.ndarray, at: int, half: int, start: int) -> bool:
    """Whether the middle half of the drop takes less than a fifth of the time before it."""
    first = max(at - half - 1, 0)
    level = float(np.median(y[max(0, first - 4) : first + 1]))
    lowest = float(np.min(np.convolve(y[first:], np.ones(2) / 2, mode="valid"))) if y.size - first > 2 else y[-1]
    fall = level - lowest
    if fall <= 0:
        return False
    quarter = np.flatnonzero(y[first:] < level - 0.25 * fall)
    three = np.flatnonzero(y[first:] < level - 0.75 * fall)
    if quarter.size == 0 or three.size == 0:
        return False
    took = float(x[first + three[0]] - x[first + quarter[0]])
    elapsed = float(x[first] - x[start])
    return took <= _ABRUPT * max(elapsed, float(x[-1] - x[0]) * 0.05) or math.isclose(took, 0.0)
