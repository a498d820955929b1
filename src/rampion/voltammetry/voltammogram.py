"""Sweeps from the traces of one run: pieces joined, legs split, polarity turned, pauses marked, noise estimated."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rampion.estimate import Estimate, Flag
from rampion.measurement import COUNTER_POTENTIAL, WORKING_POTENTIAL, Controlled, Sweep, Trace
from rampion.voltammetry.flags import VoltammetryFlag
from rampion.voltammetry.noise import NORMAL_MAD, find_resolution, local_noise, noise_floor, noise_level, straight_line
from rampion.voltammetry.programme import MOVED, TURN, PauseMark, find_pauses, paused_time, ramped
from rampion.voltammetry.ranges import find_range_changes, range_column

SMALLEST_SWEEP = 12  # points
_SHORT = 0.1  # of the range: a shorter leg is none
_ELECTRODES = (WORKING_POTENTIAL, COUNTER_POTENTIAL)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Voltammogram:
    """One forward sweep, turned so that it runs upwards with positive current.

    Attributes
    ----------
    time, potential, current : (n,) [s], [V], [A]; all points, those recorded in pauses included.
    swept : (n,) True where the potential was moving; the pauses are False.
    ramp : (n,) [V] the abscissa for fits: the straight ramp through the potentials where they follow one within
        their noise, the recorded potentials otherwise.
    noise : (n,) [A] standard deviation of the current's noise along the sweep.
    potential_noise : [V]; resolution : [A] the step in which the currents lie, 0 where they lie in none.
    scan_rate : [V/s] what the protocol states, else the straight ramp's; None without a clock.
    sign : +1 or -1, what potentials were multiplied by; current_sign likewise for the current.
    returning_potential, returning_current : (m,) the sweep back, empty when there is none.
    stop : [V] where the sweep was meant to end, NaN when not known.
    range_changes : first points after changes of the instrument's current range.
    electrodes : (2, n) [V] working and counter electrode against a reference, turned likewise; NaN where not recorded,
        ``None`` without a reference electrode.
    """

    time: Float[np.ndarray, " n"]
    potential: Float[np.ndarray, " n"]
    current: Float[np.ndarray, " n"]
    swept: Bool[np.ndarray, " n"]
    ramp: Float[np.ndarray, " n"]
    noise: Float[np.ndarray, " n"]
    potential_noise: float
    resolution: float
    scan_rate: Estimate | None
    sign: float = 1.0
    current_sign: float = 1.0
    pauses: tuple[PauseMark, ...] = ()
    returning_potential: Float[np.ndarray, " m"]
    returning_current: Float[np.ndarray, " m"]
    stop: float = math.nan
    range_changes: tuple[int, ...] = ()
    electrodes: Float[np.ndarray, "2 n"] | None = None
    synthetic: bool = False
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Record:
    """The points of one or several traces end to end, with what is known of them.

    current_range : (n,) the recorded range in use, NaN where none was recorded.
    electrodes : (2, n) [V] working and counter electrode against a reference; NaN where not recorded, ``None`` where
        no trace has one.
    sweep : what the protocol states of the ramp; None where it states none, or the traces state several.
    """

    time: Float[np.ndarray, " n"]
    potential: Float[np.ndarray, " n"]
    current: Float[np.ndarray, " n"]
    current_range: Float[np.ndarray, " n"]
    electrodes: Float[np.ndarray, "2 n"] | None
    has_clock: bool
    resolution: float
    sweep: Sweep | None
    synthetic: bool
    flags: tuple[Flag, ...]

    @property
    def ramps_cell(self) -> bool:
        """Whether the cell's voltage was ramped, not one electrode's potential: only then is it straight in time."""
        return self.sweep is None or self.sweep.controlled is Controlled.CELL


def join_traces(traces: Sequence[Trace]) -> Record:
    """The traces of one run end to end on one clock; points without potential or current are left out.

    Without recorded time the clock is rebuilt from the protocol's scan rate; without that the points are numbered.
    Parts that share no clock follow each other at the usual sampling interval.
    """
    times, potentials, currents, ranges, electrodes, flags, dropped = [], [], [], [], [], [], 0
    end, has_clock = -math.inf, True
    resolution = math.nan
    referred = any(name in trace.extra for trace in traces for name in _ELECTRODES)
    sweeps: list[Sweep] = []
    for trace in traces:
        kept = np.isfinite(trace.potential) & np.isfinite(trace.current)
        dropped += int(np.sum(~kept))
        if not kept.any():
            continue
        potential, current, time = trace.potential[kept], trace.current[kept], trace.time[kept]
        if isinstance(trace.protocol, Sweep):
            sweeps.append(trace.protocol)
        if not np.isfinite(time).all():
            stated = trace.protocol.rate if isinstance(trace.protocol, Sweep) else math.nan
            if math.isfinite(stated) and stated > 0:
                time = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(potential)))]) / stated
                flags.append(VoltammetryFlag.TIME_FROM_RATE.flag())
            else:
                time, has_clock = np.arange(kept.sum(), dtype=float), False
                flags.append(VoltammetryFlag.NO_TIME.flag())
        if time[0] < end:
            usual = float(np.median(np.diff(time))) if time.size > 1 else 1.0
            time = time - time[0] + end + usual
            flags.append(VoltammetryFlag.CLOCK_UNKNOWN.flag())
        end = float(time[-1])
        resolution = trace.current_resolution if math.isfinite(trace.current_resolution) else resolution
        times.append(time)
        potentials.append(potential)
        currents.append(current)
        column = range_column(trace.extra)
        ranges.append(column[kept] if column is not None else np.full(current.size, math.nan))
        if referred:
            unknown = np.full(kept.size, math.nan)
            electrodes.append(np.stack([trace.extra.get(name, unknown) for name in _ELECTRODES])[:, kept])
    if dropped:
        flags.append(VoltammetryFlag.POINTS_DROPPED.flag(points=dropped))
    empty = np.zeros(0)
    return Record(
        time=np.concatenate(times) if times else empty,
        potential=np.concatenate(potentials) if times else empty,
        current=np.concatenate(currents) if times else empty,
        current_range=np.concatenate(ranges) if times else empty,
        electrodes=np.concatenate(electrodes, axis=1) if electrodes else None,
        has_clock=has_clock,
        resolution=resolution,
        sweep=sweeps[-1] if len({(sweep.rate, sweep.controlled) for sweep in sweeps}) == 1 else None,
        synthetic=any(trace.synthetic for trace in traces),
        flags=tuple(dict.fromkeys(flags)),
    )


def split_legs(time: Float[np.ndarray, " n"], potential: Float[np.ndarray, " n"]) -> tuple[tuple[int, int, int], ...]:
    """Legs ``(first, end, direction)`` between the turning points of the potential, cut where it crosses zero.

    A turn counts when the potential comes back by more than 8 times its noise and 4 % of its range; a jump (fewer
    than four points) is no leg. A cut at zero needs a tenth of the range on both sides.
    """
    n = potential.size
    noise = noise_level(time, potential)
    noise = noise if math.isfinite(noise) else 0.0
    span = float(np.ptp(potential))
    threshold = max(MOVED * noise, TURN * span)
    turns, direction = [0], 0
    low = high = 0
    stride = max(1, n // 20000)
    for i in range(0, n, stride):
        v = potential[i]
        if v > potential[high]:
            high = i
        if v < potential[low]:
            low = i
        if direction >= 0 and potential[high] - v > threshold and high >= turns[-1]:
            if high > turns[-1]:
                turns.append(high)
            direction, low = -1, i
        elif direction <= 0 and v - potential[low] > threshold and low >= turns[-1]:
            if low > turns[-1]:
                turns.append(low)
            direction, high = 1, i
    turns.append(n - 1)
    legs = []
    for first, last in itertools.pairwise(turns):
        ends = potential[first], potential[last]
        sign = 1 if ends[1] > ends[0] else -1
        cuts = [first, last + 1]
        if ends[0] * ends[1] < 0 and min(abs(ends[0]), abs(ends[1])) > max(_SHORT * span, MOVED * noise):
            across = first + int(np.argmax(sign * potential[first : last + 1] > 0))
            cuts = [first, across, last + 1]
        legs += [(a, b, sign) for a, b in itertools.pairwise(cuts) if b - a >= 4]
    return tuple(legs)


def find_voltammograms(record: Record) -> tuple[Voltammogram, ...]:
    """Every forward sweep (away from zero) of a record, each with the sweep back that follows it; rests inside a sweep
    belong to it, and so does what follows while the instrument holds its largest current and the voltage has fallen.

    A record that only ever moves towards zero is taken as forward, with a flag from the ohmic line's zero crossing.
    """
    live, shorted = ramped(record.potential, record.current)
    moved = np.flatnonzero(live)
    legs = tuple(
        (int(moved[first]), int(moved[end - 1]) + 1, direction)
        for first, end, direction in split_legs(record.time[moved], record.potential[moved])
    )
    if not legs:
        return ()
    span = float(np.ptp(record.potential))

    def outward(leg: tuple[int, int, int]) -> bool:
        return bool(abs(record.potential[leg[1] - 1]) > abs(record.potential[leg[0]]))

    def long_enough(leg: tuple[int, int, int]) -> bool:
        return bool(leg[1] - leg[0] >= SMALLEST_SWEEP and np.ptp(record.potential[leg[0] : leg[1]]) > _SHORT * span)

    forward = [k for k, leg in enumerate(legs) if outward(leg) and long_enough(leg)]
    if not forward:
        forward = [k for k, leg in enumerate(legs) if long_enough(leg)]
    sweeps = []
    if forward and shorted < record.potential.size:
        first, end, direction = legs[forward[-1]]
        if end == shorted:
            legs = (*legs[: forward[-1]], (first, record.potential.size, direction), *legs[forward[-1] + 1 :])
    for k in forward:
        follows = k + 1 < len(legs) and not outward(legs[k + 1]) and legs[k + 1][2] == -legs[k][2]
        sweeps.append(_turned(record, legs[k], legs[k + 1] if follows else None))
    return tuple(sweeps)


def _turned(record: Record, leg: tuple[int, int, int], back: tuple[int, int, int] | None) -> Voltammogram:
    """The leg as a voltammogram: signs turned, pauses marked, scan rate, noise and resolution estimated."""
    first, end, direction = leg
    flags = list(record.flags)
    sign = float(direction)
    if direction < 0 and record.potential[end - 1] < 0:
        flags.append(VoltammetryFlag.NEGATIVE_SWEEP.flag())
    time, potential = record.time[first:end], sign * record.potential[first:end]
    current = sign * record.current[first:end]
    current_sign = sign
    early = slice(0, max(SMALLEST_SWEEP // 2, current.size // 3))
    slope = straight_line(potential[early], current[early])[0]
    if slope < 0 and np.median(current) < 0:
        current, current_sign = -current, -sign
        flags.append(VoltammetryFlag.POLARITY.flag())
    potential_noise = noise_level(time, potential)
    potential_noise = potential_noise if math.isfinite(potential_noise) else 0.0
    ramp, swept, pauses, scan_rate = _ramp_of(time, potential, current, potential_noise, record.ramps_cell)
    noise, resolution, changes = _noise_of(time, current, swept, record.resolution, record.current_range[first:end])
    if resolution > 2 * float(np.median(noise)):
        flags.append(VoltammetryFlag.COARSE_RESOLUTION.flag(resolution=resolution))
    if pauses:
        seconds = sum(pause.duration for pause in pauses)
        flags.append(VoltammetryFlag.PAUSES.flag(count=len(pauses), seconds=seconds))
    steps = np.diff(ramp[swept])
    if steps.size and np.median(steps) > 0 and np.max(steps) > 10 * np.median(steps):
        flags.append(VoltammetryFlag.UNEVEN_SAMPLING.flag(ratio=float(np.max(steps) / np.median(steps))))
    if record.sweep is not None:
        if scan_rate is not None and record.has_clock and record.sweep.contradicted_by(scan_rate.value):
            stated, found = 1e3 * record.sweep.rate, 1e3 * scan_rate.value
            flags.append(VoltammetryFlag.RATE_CONTRADICTED.flag(stated=stated, found=found))
        scan_rate = Estimate(record.sweep.rate)
    stop = sign * record.sweep.stop if record.sweep is not None and record.ramps_cell else math.nan
    if math.isfinite(stop) and potential[-1] < stop - max(0.03 * abs(stop), MOVED * potential_noise):
        flags.append(VoltammetryFlag.STOPPED_EARLY.flag(potential=float(potential[-1]), stop=stop))
    if not record.has_clock:
        scan_rate = None
    empty = np.zeros(0)
    electrodes = None if record.electrodes is None else sign * record.electrodes[:, first:end]
    return Voltammogram(
        time=time,
        potential=potential,
        current=current,
        swept=swept,
        ramp=ramp,
        noise=noise,
        potential_noise=potential_noise,
        resolution=resolution,
        scan_rate=scan_rate,
        sign=sign,
        current_sign=current_sign,
        pauses=pauses,
        returning_potential=sign * record.potential[back[0] : back[1]] if back else empty,
        returning_current=current_sign * record.current[back[0] : back[1]] if back else empty,
        stop=stop,
        range_changes=changes,
        electrodes=electrodes,
        synthetic=record.synthetic,
        flags=tuple(dict.fromkeys(flags)),
    )


def _ramp_of(
    time: np.ndarray, potential: np.ndarray, current: np.ndarray, potential_noise: float, ramps_cell: bool
) -> tuple[np.ndarray, np.ndarray, tuple[PauseMark, ...], Estimate | None]:
    """The abscissa (n,) [V], where it moved (n,), its pauses, and its rate where the cell's voltage was ramped."""
    # rests and what follows a short are no part of the ramp: it stands still there
    live, _ = ramped(potential, current)
    ramp = _rising(potential[live], potential_noise)
    ramp = ramp if live.all() else ramp[np.maximum(np.cumsum(live) - 1, 0)]
    if not ramps_cell:
        return ramp, live, (), None
    swept = live.copy()
    swept[live], pauses, rate = find_pauses(time[live], potential[live], current[live], potential_noise)
    if not rate > 0:
        return ramp, swept, pauses, None
    active = time - paused_time(time, pauses)
    scan_rate, line = _fit_ramp(active[swept], potential[swept], rate)
    ideal = line + scan_rate.value * active
    stray = float(np.max(np.abs(potential - ideal)[swept]))
    straight = stray < max(6 * potential_noise, 2e-4 * float(np.ptp(potential)))
    return ideal if straight else ramp, swept, pauses, scan_rate


def _noise_of(
    time: np.ndarray, current: np.ndarray, swept: np.ndarray, stated: float, ranges: np.ndarray
) -> tuple[np.ndarray, float, tuple[int, ...]]:
    """The current's noise (n,) [A], each range's its own, the step in which it lies, and where its range changed."""
    moving, time, current = np.flatnonzero(swept), time[swept], current[swept]
    resolution = find_resolution(current)
    coarsest = max(resolution, stated if math.isfinite(stated) else 0.0)
    known = bool(np.isfinite(ranges[swept]).all())
    changes = find_range_changes(time, current, ranges[swept] if known else None)
    floor = noise_floor(current, 0.0 if changes else coarsest)  # a stated resolution is the coarsest range's
    parts = itertools.pairwise([0, *changes, moving.size])
    noise = np.concatenate([local_noise(time[a:b], current[a:b], floor[a:b]) for a, b in parts])
    if moving.size < swept.size:
        noise = np.interp(np.arange(swept.size), moving, noise)
    return noise, resolution, tuple(int(moving[k]) for k in changes)


def _rising(potential: np.ndarray, potential_noise: float) -> np.ndarray:
    """The recorded potentials made to rise: means over as many samples as their noise needs, then the running top."""
    step = float(potential[-1] - potential[0]) / potential.size
    half = int(np.clip(2 * potential_noise / step if step > 0 else 0, 0, potential.size // 20))
    if half:
        padded = np.pad(potential, half, mode="reflect", reflect_type="odd")
        potential = np.convolve(padded, np.ones(2 * half + 1) / (2 * half + 1), mode="valid")
    return np.maximum.accumulate(potential)


def _fit_ramp(active: np.ndarray, potential: np.ndarray, rate: float) -> tuple[Estimate, float]:
    """Rate and intercept of the straight ramp; points far off it (more than 5 times the scatter) are left out once."""
    kept = np.ones(active.size, dtype=bool)
    slope, intercept, error = rate, 0.0, math.nan
    for _ in range(2):
        x, y = active[kept], potential[kept]
        centre, level = x.mean(), y.mean()
        spread = float(np.sum((x - centre) ** 2))
        if spread <= 0:
            break
        slope = float(np.sum((x - centre) * (y - level)) / spread)
        intercept = level - slope * centre
        residual = potential - intercept - slope * active
        scatter = NORMAL_MAD * float(np.median(np.abs(residual - np.median(residual))))
        error = math.sqrt(max(float(np.mean(residual[kept] ** 2)), 0.0) / spread)
        kept = np.abs(residual) <= max(5 * scatter, 1e-12)
        if kept.sum() < 5:
            break
    return Estimate(slope, error), intercept
