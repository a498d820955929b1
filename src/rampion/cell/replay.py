"""The protocol of a measured experiment as the simulation can run it: what was stated, completed by what was recorded.

A stated protocol often leaves out durations, ends and starts; the record has them. Where nothing is stated the control
is read off the record: a current that stays on a few levels was controlled, and so was a potential made of straight
lines. A spectrum keeps its frequencies and, where its points have times, its duration.

Assumes: the potential is that between the two lithium electrodes, and the current counts as the record has it.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np

from rampion.cell.protocols import point_times
from rampion.errors import InputError
from rampion.measurement import (
    ConstantCurrent,
    Controlled,
    Experiment,
    FrequencyScan,
    Hold,
    Protocol,
    Rest,
    Spectrum,
    Steps,
    Sweep,
    Trace,
)

_SPREAD = 0.03  # of the largest current: what a controlled current may scatter about its level
_JUMP = 0.05  # of the largest current between two points: another level
_STRAIGHT = 0.02  # of the span, or _FLAT: what a controlled potential may lie off its line
_MOST_CORNERS = 64  # of a potential that may still be made of straight lines
_FLAT = 3e-3  # [V] a potential that moves less is held


def protocols_of(experiment: Experiment) -> tuple[Protocol, ...]:
    """Every part's protocol in order, each complete: ``simulate(cell, protocols_of(experiment))`` replays it.

    Raises
    ------
    InputError
        When a part has neither a complete protocol nor a record from which its control can be read.
    """
    found: list[Protocol] = []
    for number, part in enumerate(experiment.parts, 1):
        if isinstance(part, Spectrum):
            found.append(_scan(part))
        elif len(part):
            found += _completed(part, number)
    if not found:
        raise InputError("The experiment has no trace and no spectrum with points: there is nothing to replay.")
    return tuple(found)


def _scan(spectrum: Spectrum) -> FrequencyScan:
    """The scan with the recorded frequencies, evenly spaced, and its duration where that leaves two periods each."""
    f, time = spectrum.frequency, spectrum.time
    decades = math.log10(float(f.max() / f.min())) if f.size > 1 else 0.0
    scan = FrequencyScan(
        high=float(f.max()), low=float(f.min()), points_per_decade=(f.size - 1) / decades if decades else 1.0,
        amplitude=spectrum.amplitude, galvanostatic=spectrum.galvanostatic,
    )  # fmt: skip
    if time is None or not np.isfinite(time).all() or not np.ptp(time) > 0:
        return scan
    timed = replace(scan, duration=float(np.ptp(time)) * f.size / max(f.size - 1, 1))
    try:
        point_times(timed)
    except InputError:
        return scan
    return timed


def _completed(trace: Trace, number: int) -> list[Protocol]:
    stated = trace.protocol
    timed = bool(np.isfinite(trace.time).all())
    duration = float(np.ptp(trace.time)) if timed else math.nan
    potential = trace.potential[np.isfinite(trace.potential)]
    current = trace.current[np.isfinite(trace.current)]
    if isinstance(stated, Sweep) and potential.size:
        start, stop = float(potential[0]), float(potential[-1])
        of_cell = stated.controlled is Controlled.CELL  # the ramp of an electrode ends as stated
        missed = of_cell and abs(stop - stated.stop) > _STRAIGHT * max(abs(stop - start), _FLAT)
        return [
            replace(
                stated,
                start=start if math.isnan(stated.start) else stated.start,
                stop=stop if math.isnan(stated.stop) or missed else stated.stop,
            )
        ]
    if isinstance(stated, Steps) or (isinstance(stated, Sweep) and math.isfinite(stated.stop)):
        return [stated]
    if isinstance(stated, Hold | ConstantCurrent | Rest):
        lasting = duration if math.isnan(stated.duration) else min(stated.duration, duration if timed else math.inf)
        if isinstance(stated, Hold) and math.isnan(stated.potential) and potential.size:
            stated = replace(stated, potential=float(np.median(potential)))
        if isinstance(stated, ConstantCurrent) and math.isnan(stated.current) and current.size:
            stated = replace(stated, current=float(np.median(current)))
        if not lasting > 0:
            return []
        return [replace(stated, duration=lasting)]
    if not timed or not duration > 0:
        raise InputError(
            f"Part {number} ({trace.technique or 'a trace'}) has no stated protocol and no times: what was done cannot "
            "be read off it. State its scan rate in the sample sheet."
        )
    return _read_off(trace, number)


def _read_off(trace: Trace, number: int) -> list[Protocol]:
    """The control of a trace that does not state it."""
    time = trace.time
    if np.isfinite(trace.current).all():
        largest = float(np.max(np.abs(trace.current)))
        if largest == 0.0:
            return [Rest(duration=float(np.ptp(time)))]
        pieces = _cut(time, np.abs(np.diff(trace.current)) > _JUMP * largest)
        levels = [float(np.median(trace.current[a:b])) for a, b in pieces]
        off = [np.quantile(np.abs(trace.current[a:b] - x), 0.95) for (a, b), x in zip(pieces, levels, strict=True)]
        if max(off) < _SPREAD * largest and len(pieces) < 0.2 * time.size:
            return _galvanostatic(levels, _lengths(time, pieces))
    if np.isfinite(trace.potential).all() and time.size > 2:
        lines = _lines(time, trace.potential)
        if lines is not None:
            return lines
    raise InputError(
        f"Part {number} ({trace.technique or 'a trace'}) states no protocol, and neither its current stays on levels "
        "nor its potential on straight lines; expected one of the two. Give the protocol yourself."
    )


def _cut(time: np.ndarray, jumps: np.ndarray) -> list[tuple[int, int]]:
    edges = [0, *(np.flatnonzero(jumps) + 1).tolist(), time.size]
    return [(a, b) for a, b in pairwise(edges) if b > a]


def _lengths(time: np.ndarray, pieces: list[tuple[int, int]]) -> list[float]:
    """How long each piece lasts, to the first point of the next one."""
    ends = [float(time[b]) if b < time.size else float(time[-1]) for _, b in pieces]
    return [end - float(time[a]) for (a, _), end in zip(pieces, ends, strict=True)]


def _galvanostatic(levels: list[float], lengths: list[float]) -> list[Protocol]:
    kept = [(level, length) for level, length in zip(levels, lengths, strict=True) if length > 0]
    if len(kept) == 1:
        return [ConstantCurrent(current=kept[0][0], duration=kept[0][1])]
    return [Steps(currents=tuple(level for level, _ in kept), durations=tuple(length for _, length in kept))]


def _lines(time: np.ndarray, potential: np.ndarray) -> list[Protocol] | None:
    """Sweeps and holds between the turning points of a potential; ``None`` when it is not made of straight lines."""
    tolerance = max(_STRAIGHT * float(np.ptp(potential)), _FLAT)
    edges = [0, *corners_of(time, potential, tolerance, most=_MOST_CORNERS), time.size - 1]
    if len(edges) > 40:
        return None
    found: list[Protocol] = []
    for a, b in pairwise(edges):
        length, rise = float(time[b] - time[a]), float(potential[b] - potential[a])
        if abs(rise) <= _FLAT and length > 0:
            found.append(Hold(potential=float(np.median(potential[a : b + 1])), duration=length))
        elif length > 0:
            found.append(Sweep(rate=abs(rise) / length, start=float(potential[a]), stop=float(potential[b])))
    return found or None


def corners_of(time: np.ndarray, potential: np.ndarray, tolerance: float, most: float = math.inf) -> list[int]:
    """Points between the ends where a chain of chords must bend to stay within the tolerance, sought until there are
    ``most``.

    Source: D. Douglas, T. Peucker, Cartographica 10, 112 (1973), doi:10.3138/FM57-6770-U75U-7727.
    """
    corners: list[int] = []
    open_ = [(0, time.size - 1)]
    while open_ and len(corners) < most:
        first, last = open_.pop()
        if last - first < 2:
            continue
        inner = slice(first + 1, last)
        chord = np.interp(time[inner], time[[first, last]], potential[[first, last]])
        off = np.abs(potential[inner] - chord)
        k = int(np.argmax(off))
        if off[k] > tolerance:
            middle = first + 1 + k
            corners.append(middle)
            open_ += [(first, middle), (middle, last)]
    return sorted(corners)
