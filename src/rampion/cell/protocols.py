"""Protocols as the potentiostat runs them: a list of straight control segments, and when to stop.

A sweep is one ramp; a paused sweep is ramps and holds in turn, as it was run; steps and rests are constant currents.
A frequency scan of known duration is measured point after point while the cell stays under the control that went
before, at the end of the pause of a paused sweep; one without is taken of one instant.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from rampion.array_types import Float
from rampion.errors import InputError
from rampion.measurement import (
    ConstantCurrent,
    FrequencyScan,
    Hold,
    Pause,
    Protocol,
    Rest,
    Steps,
    Sweep,
)

CYCLES = 2.0
"""Periods for which an instrument measures each frequency."""

BEFORE_JUMP = 1e-12
"""How long before a jump a segment is cut, as a fraction of its time: beyond the rounding of a sum of durations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """When to end a run before its protocol does; every criterion that is not infinite counts.

    drop : the current density has fallen by this fraction below its largest (0.2: the peak is passed by 20 %).
    lowest_potential, highest_potential : cell voltage [V].
    charge : charge per area, of either sign [C/m²].
    current_density : compliance of the instrument, of either sign [A/m²].
    """

    drop: float = math.inf
    lowest_potential: float = -math.inf
    highest_potential: float = math.inf
    charge: float = math.inf
    current_density: float = math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A straight line of the controlled quantity: cell voltage [V], or current density [A/m²] when galvanostatic.

    ``part`` counts the protocols of the sequence; ``held`` marks a pause inside a sweep; ``scan`` is the spectrum
    taken at the end of the segment, or over its last ``scan.duration`` (a scan of its own has the duration of the
    scan, or 0).
    """

    value: float
    slope: float
    duration: float
    galvanostatic: bool
    part: int
    protocol: Protocol
    pressed: bool = True
    held: bool = False
    scan: FrequencyScan | None = None


def segments(protocols: Protocol | Sequence[Protocol], area: float, jumps: Sequence[float] = ()) -> tuple[Segment, ...]:
    """The control segments of a protocol or of a sequence; ``area`` [m²] turns currents into current densities.

    A frequency scan in a sequence goes on under the last control and pressure of the protocol before it, for its
    duration or at that instant. At the times ``jumps`` [s] segments are cut (:func:`rampion.cell.terms.jumps_of`), but
    for those inside a scan that has a duration.

    Raises
    ------
    InputError
        When a protocol lacks a number that the simulation needs.
    """
    sequence = (protocols,) if not isinstance(protocols, Sequence) else tuple(protocols)
    result: list[Segment] = []
    last = 0.0
    for part, protocol in enumerate(sequence):
        if isinstance(protocol, Sweep):
            result += _sweep(protocol, part, last)
            last = protocol.stop
        elif isinstance(protocol, Hold):
            _known(protocol, potential=protocol.potential, duration=protocol.duration)
            result.append(_segment(protocol, part, protocol.potential, protocol.duration, galvanostatic=False))
            last = protocol.potential
        elif isinstance(protocol, ConstantCurrent):
            _known(protocol, current=protocol.current, duration=protocol.duration)
            result.append(_segment(protocol, part, protocol.current / area, protocol.duration, galvanostatic=True))
        elif isinstance(protocol, Steps):
            if len(protocol.currents) != len(protocol.durations):
                raise InputError(
                    f"The steps have {len(protocol.currents)} currents and {len(protocol.durations)} durations; "
                    "expected as many of each."
                )
            for current, duration in zip(protocol.currents, protocol.durations, strict=True):
                result.append(_segment(protocol, part, current / area, duration, galvanostatic=True))
        elif isinstance(protocol, Rest):
            _known(protocol, duration=protocol.duration)
            result.append(
                _segment(protocol, part, 0.0, protocol.duration, galvanostatic=True, pressed=protocol.pressed)
            )
        elif isinstance(protocol, FrequencyScan):
            result.append(_scanned(protocol, part, result[-1] if result else None))
    return _cut(result, jumps) if jumps else tuple(result)


def first_step(duration: float, begin: float) -> float:
    """Of a march through a segment that begins at that time [s]: next to nothing, and beyond a jump it was cut at."""
    return max(1e-9 * duration, 4.0 * BEFORE_JUMP * begin)


def _cut(whole: Sequence[Segment], jumps: Sequence[float]) -> tuple[Segment, ...]:
    """The segments cut just before each jump, so that no step of a march spans it; a scan stays with the last piece."""
    result, begin = [], 0.0
    for segment in whole:
        scan = segment.scan.duration if segment.scan is not None else math.nan
        last = segment.duration - (scan if math.isfinite(scan) else 0.0)
        inside = (when * (1.0 - BEFORE_JUMP) - begin for when in jumps)
        edges = [0.0, *sorted({since for since in inside if 0.0 < since < last}), segment.duration]
        for low, high in pairwise(edges):
            value = segment.value + segment.slope * low
            kept = segment.scan if high == segment.duration else None
            result.append(replace(segment, value=value, duration=high - low, scan=kept))
        begin += segment.duration
    return tuple(result)


def frequencies(scan: FrequencyScan) -> Float[np.ndarray, " n"]:
    """The scan's frequencies from high to low [Hz], both ends included."""
    if not 0 < scan.low <= scan.high:
        raise InputError(f"The scan goes from {scan.high:g} Hz to {scan.low:g} Hz; expected high ≥ low > 0.")
    decades = math.log10(scan.high / scan.low)
    return np.geomspace(scan.high, scan.low, max(1, round(decades * scan.points_per_decade)) + 1)


def point_times(scan: FrequencyScan) -> Float[np.ndarray, " n"]:
    """The middle of each point's measurement, from the start of a scan of known duration [s].

    Every point takes two of its periods and an equal share of what is left of the duration.

    Raises
    ------
    InputError
        When two periods of every frequency take longer than the scan.
    """
    lengths = CYCLES / frequencies(scan)
    spare = scan.duration - float(lengths.sum())
    if not spare >= 0:
        raise InputError(
            f"The scan lasts {scan.duration:g} s, but two periods of each frequency take {lengths.sum():.4g} s: give "
            "it more time, or end it at a higher frequency."
        )
    lengths = lengths + spare / lengths.size
    return np.cumsum(lengths) - 0.5 * lengths


def _scanned(scan: FrequencyScan, part: int, before: Segment | None) -> Segment:
    """The segment of a scan of its own: the control and the pressure stay those of the segment before."""
    lasting = 0.0 if math.isnan(scan.duration) else scan.duration
    if lasting:
        point_times(scan)
    if before is None:
        before = Segment(value=0.0, slope=0.0, duration=0.0, galvanostatic=True, part=part, protocol=scan)
    end = before.value + before.slope * before.duration
    return replace(before, value=end, slope=0.0, duration=lasting, part=part, protocol=scan, scan=scan, held=False)


def _segment(protocol, part, value, duration, *, galvanostatic, pressed=True) -> Segment:
    if not duration > 0:
        raise InputError(f"A {type(protocol).__name__} lasts {duration:g} s; expected a positive duration.")
    return Segment(
        value=value, slope=0.0, duration=duration, galvanostatic=galvanostatic, part=part, protocol=protocol,
        pressed=pressed,
    )  # fmt: skip


def _known(protocol: Protocol, **values: float) -> None:
    for name, value in values.items():
        if math.isnan(value):
            raise InputError(f"The {name} of the {type(protocol).__name__} is not known; a simulation needs it.")


def _sweep(sweep: Sweep, part: int, last: float) -> list[Segment]:
    start = last if math.isnan(sweep.start) else sweep.start
    _known(sweep, rate=sweep.rate, stop=sweep.stop)
    if not sweep.rate > 0 or sweep.stop == start:
        raise InputError(
            f"The sweep goes from {start:g} V to {sweep.stop:g} V at {sweep.rate:g} V/s; expected two voltages and a "
            "positive rate."
        )
    direction = math.copysign(1.0, sweep.stop - start)
    span = abs(sweep.stop - start)

    def ramp(low: float, high: float) -> Segment:
        return Segment(
            value=start + direction * low, slope=direction * sweep.rate, duration=(high - low) / sweep.rate,
            galvanostatic=False, part=part, protocol=sweep,
        )  # fmt: skip

    pause: Pause | None = sweep.pause
    if pause is None:
        return [ramp(0.0, span)]
    if not (pause.every > 0 and pause.duration > 0):
        raise InputError(
            f"The pauses come every {pause.every:g} V for {pause.duration:g} s; expected positive numbers."
        )
    if pause.scan is not None and math.isfinite(pause.scan.duration):
        point_times(pause.scan)
        if pause.scan.duration > pause.duration:
            raise InputError(
                f"The scan takes {pause.scan.duration:g} s, the pause lasts {pause.duration:g} s; expected a pause "
                "that holds the scan."
            )
    result, at = [], 0.0
    for k in range(1, int(span / pause.every * (1.0 + 1e-12)) + 1):
        result.append(ramp(at, k * pause.every))
        at = k * pause.every
        result.append(
            Segment(
                value=start + direction * at,
                slope=0.0,
                duration=pause.duration,
                galvanostatic=False,
                part=part,
                protocol=sweep,
                held=True,
                scan=pause.scan,
            )
        )
    if span - at > 1e-12 * span:
        result.append(ramp(at, span))
    return result
