"""What the pauses of a paused sweep did to its peak, by the simulated cell that fits the campaign."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from rampion.errors import RefusedError
from rampion.measurement import Pause, Sweep
from rampion.study.events import Event
from rampion.transport.finding import TransportFinding


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseEffect:
    """Simulated peak current densities [A/m²] with and without the pauses as they were run, and their ratio."""

    sample: str
    pauses: int
    paused: float
    uninterrupted: float
    ratio: float


def pause_effects(events: Iterable[Event], transport: Sequence[TransportFinding]) -> tuple[PauseEffect, ...]:
    """The effect of the pauses on each paused sweep that peaked, in the binary cell of the collapse fit.

    Assumes the binary electrolyte; without a collapse fit, or without the simulator's library, nothing is said.
    """
    numbers = {item.quantity: item.estimate.value for item in transport if item.method.startswith("collapse")}
    if not {"transference", "concentration"} <= set(numbers):
        return ()
    paused = [event for event in events if event.finding.pauses and event.finding.peak and event.complete]
    try:
        return tuple(effect for event in paused if (effect := _effect(event, numbers)) is not None)
    except RefusedError:  # the simulator is an extra
        return ()


def _effect(event: Event, numbers: dict[str, float]) -> PauseEffect | None:
    from rampion.cell.parameters import Cell
    from rampion.cell.simulate import Peak, pause_effect

    finding, sample = event.finding, event.sample
    stops = np.array([pause.potential for pause in finding.pauses])
    if finding.conductivity is None or sample.thickness is None or stops.size < 2 or not math.isfinite(event.rate):
        return None
    cell = Cell(
        thickness=sample.thickness.value, conductivity=finding.conductivity.value,
        concentration=numbers["concentration"], transference=numbers["transference"],
    )  # fmt: skip
    pause = Pause(
        every=float(np.median(np.diff(stops))), duration=float(np.median([one.duration for one in finding.pauses]))
    )
    end = float(np.max(finding.voltammogram.potential))
    effect = pause_effect(cell, Sweep(rate=event.rate, start=0.0, stop=end, pause=pause))
    with_pauses, without = effect["paused"], effect["uninterrupted"]
    if not isinstance(with_pauses, Peak) or not isinstance(without, Peak):
        return None
    return PauseEffect(
        sample=sample.name, pauses=stops.size, paused=with_pauses.current_density,
        uninterrupted=without.current_density, ratio=with_pauses.current_density / without.current_density,
    )  # fmt: skip
