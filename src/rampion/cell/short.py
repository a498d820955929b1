"""Soft shorts: thin metallic paths that close and burn through again, seen as rectangular steps of the current.

    J_s = g(t) V ,   g(t) = Σ over paths closed at t

Each closing and opening is a point of a random telegraph process; a share of the paths stays closed.

Observables: the current rises in rectangular steps and becomes noisy; the arcs of a spectrum shrink together while
their capacitance stays; opening a path undoes its step (partly healing). Slow logging hides the steps.

Source: Rosso et al., Electrochim. Acta 51 (2006) 5334, doi:10.1016/j.electacta.2006.02.004 (the fuse effect).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from rampion.cell.dialect import numerics
from rampion.errors import InputError
from rampion.estimate import FlagKind, Severity


class ShortFlag(FlagKind):
    """What a soft short tells."""

    SOFT_SHORT_BEGAN = (Severity.WARNING, "A soft short closed for the first time at {time:.4g} s.")


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftShort:
    """Metallic paths with a given history: from ``times[k]`` [s] on, the conductance is ``conductances[k]`` [S/m²].

    Before the first time there is no path. :func:`draw_soft_short` makes one at random.
    """

    times: tuple[float, ...]
    conductances: tuple[float, ...]

    EVENTS: ClassVar[tuple[FlagKind, ...]] = (ShortFlag.SOFT_SHORT_BEGAN,)

    def __post_init__(self) -> None:
        if len(self.times) != len(self.conductances) or list(self.times) != sorted(self.times):
            raise InputError("a soft short needs as many conductances as times, the times ascending.")
        if any(value < 0 for value in self.conductances):
            raise InputError("a soft short has a negative conductance; expected zero or more.")

    def parallel_current(self, state: Any, here: Any) -> Any:
        """g(t) V [A/m²]."""
        return self.conductance(here.time) * here.potential

    def margins(self, state: Any, here: Any) -> tuple:
        """Positive until the first path closes."""
        return ((self.times[0] if self.times else np.inf) - here.time,)

    def conductance(self, time: Any) -> Any:
        """g at a time [S/m²]."""
        if not self.times:
            return 0.0 * time
        number = numerics(time)
        steps = np.diff(np.array([0.0, *self.conductances]))
        reached = number.asarray(time)[..., None] >= np.array(self.times)
        return (reached * steps).sum(-1)


def draw_soft_short(
    seed: int,
    onset: float,
    duration: float,
    conductance: float,
    closing_interval: float,
    closed_time: float,
    lasting: float = 0.2,
    spread: float = 0.5,
) -> SoftShort:
    """A random history of paths: they close as a Poisson process and open after exponentially distributed times.

    A longer history from the same seed begins with the shorter one.

    Parameters
    ----------
    onset, duration : [s] first possible path, and length of the history after it.
    conductance : median of one path [S/m²]; ``spread`` is the standard deviation of its logarithm.
    closing_interval : mean time between closings [s]. ``closed_time`` : mean time that a path stays closed [s].
    lasting : share of paths that never open.
    """
    if not (closing_interval > 0 and closed_time > 0 and duration > 0 and 0 <= lasting <= 1):
        raise InputError("a soft short needs positive times and a lasting share between 0 and 1.")
    generator = np.random.default_rng(seed)
    steps: list[tuple[float, float]] = []
    time = onset
    while (time := time + generator.exponential(closing_interval)) <= onset + duration:
        size = conductance * float(np.exp(spread * generator.standard_normal()))
        lasts, opens = generator.uniform() < lasting, time + generator.exponential(closed_time)
        steps.append((time, size))
        if not lasts and opens <= onset + duration:
            steps.append((opens, -size))
    steps.sort()
    levels = np.maximum(np.cumsum([step for _, step in steps]), 0.0)
    return SoftShort(times=tuple(float(time) for time, _ in steps), conductances=tuple(levels.tolist()))
