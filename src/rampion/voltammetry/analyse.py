"""From the traces of one run to findings: what each trace is, which belong together, and who judges it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from rampion.estimate import Flag, merge_flags
from rampion.measurement import (
    ConstantCurrent,
    Hold,
    Rest,
    Sample,
    Spectrum,
    Steps,
    Sweep,
    Trace,
    selected_points,
)
from rampion.plausible_limits import Couple, couple_of, lithium_on_both_sides
from rampion.voltammetry.aftermath import with_aftermath
from rampion.voltammetry.confidence import EQUAL, BaseRates
from rampion.voltammetry.event import judge_sweep
from rampion.voltammetry.finding import Finding, Kind, not_judged
from rampion.voltammetry.flags import VoltammetryFlag
from rampion.voltammetry.galvanostatic import current_record, split_steps
from rampion.voltammetry.initiation import judge_currents
from rampion.voltammetry.noise import NORMAL_MAD, noise_level
from rampion.voltammetry.programme import find_pauses, paused_time, ramped
from rampion.voltammetry.symmetric_cell import OPEN_CIRCUIT, CellCheck, check_cell
from rampion.voltammetry.voltammogram import (
    SMALLEST_SWEEP,
    Voltammogram,
    find_voltammograms,
    join_traces,
    split_legs,
)

_ENOUGH = 50_000  # points that show what a trace is
_REST_CURRENT = 1e-3  # of the largest current of the run: no more than an instrument's offset and noise


class Shape(Enum):
    """What a trace is."""

    SWEEP = "sweep"
    HOLD = "hold"
    CONSTANT_CURRENT = "constant current"
    STEPS = "steps"
    OTHER = "other"


_UNDER_CURRENT = {Shape.CONSTANT_CURRENT: Kind.CONSTANT_CURRENT, Shape.STEPS: Kind.CYCLING}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Analysis:
    """Findings of one run, and the flags of traces that were not judged."""

    findings: tuple[Finding, ...]
    flags: tuple[Flag, ...]


def analyse_trace(traces: Trace | Sequence[Trace], sample: Sample) -> tuple[Finding, ...]:
    """The findings of one trace, or of the traces of one run in order; see :func:`analyse_run`."""
    return analyse_run((traces,) if isinstance(traces, Trace) else tuple(traces), sample).findings


def analyse_run(
    traces: Sequence[Trace],
    sample: Sample,
    parts: Sequence[Trace | Spectrum] | None = None,
    base_rates: BaseRates = EQUAL,
) -> Analysis:
    """The findings of the traces of one run, in order, with flags for what was not judged.

    Whether the cell is symmetric (or of the stated couple, which is taken off the potentials) is judged first, from
    ``parts`` of the run, spectra among them (the traces alone where not given); where it cannot be, every finding is
    ``not_a_symmetric_cell``. Confidences are at the ``base_rates``.

    A sweep is judged by :func:`~rampion.voltammetry.event.judge_sweep`, a constant current and galvanostatic steps by
    :func:`~rampion.voltammetry.initiation.judge_currents`, all by one model. Sweeps that continue each other (each
    begins within 5 % of the range of where the last ended), with the holds between them, are one paused sweep; a
    repeated or returning sweep gives one finding per forward leg.
    """
    couple = couple_of(sample)
    whole = check_cell(traces if parts is None else parts, couple)
    traces = [_against_couple(trace, couple) for trace in traces]
    findings: list[Finding] = []
    flags: list[Flag] = []
    group: list[Trace] = []
    begun = ended = swept = 0  # of the group: the first and the last sweep's place, and how many traces to that
    if couple.persistent:
        flags.append(VoltammetryFlag.COUPLE_SUBTRACTED.flag(potential=couple.persistent))
    if not lithium_on_both_sides(sample.electrodes):
        flags.append(VoltammetryFlag.ELECTRODES_DIFFER.flag())

    def close() -> None:
        del group[swept:]
        if group:
            found = _judge_group(tuple(group), sample, check(begun), base_rates)
            findings.extend(replace(one, trace=begun, until=ended) for one in found)
        group.clear()

    def check(place: int) -> CellCheck:
        """What is known of the cell, and whether current had passed before that trace."""
        return replace(whole, carried=place > first)

    driven = [place for place, trace in enumerate(traces) if np.any(trace.current[np.isfinite(trace.current)])]
    first = driven[0] if driven else len(traces)
    largest = max((float(np.nanmax(np.abs(t.current))) for t in traces if np.isfinite(t.current).any()), default=0.0)
    for place, trace in enumerate(traces):
        shape, reason = classify_trace(trace)
        if shape in (Shape.SWEEP, Shape.OTHER) and _at_rest(trace, largest):
            shape, reason = Shape.OTHER, "a rest: its current is the instrument's noise and offset"
        if shape is Shape.SWEEP:
            if group and not _continues(group, trace):
                close()
            begun, ended = begun if group else place, place
            group.append(trace)
            swept = len(group)
        elif shape is Shape.HOLD and group and _continues(group, trace):
            group.append(trace)
        else:
            if shape not in (Shape.OTHER, Shape.HOLD):
                close()
            if shape in _UNDER_CURRENT:
                finding = _judge_currents(trace, _UNDER_CURRENT[shape], sample, check(place), base_rates)
                if finding is not None:
                    findings.append(replace(finding, trace=place, until=place))
            else:
                flags.append(VoltammetryFlag.NOT_A_SWEEP.flag(reason=reason))
    close()
    judged = with_aftermath(findings, traces if parts is None else parts, sample)
    return Analysis(findings=judged, flags=tuple(dict.fromkeys(flags)))


def classify_trace(trace: Trace) -> tuple[Shape, str]:
    """What a trace is, by its protocol where it states one and by its data otherwise, and the reason in words.

    By data: constant current when nine tenths of the currents, or of the time with current, lie within 2 % of their
    median; steps when the current stays on a few such levels; a hold when the potential stays within its noise; a sweep
    when each leg of the potential is straight in time.
    """
    kept = np.flatnonzero(np.isfinite(trace.potential) & np.isfinite(trace.current))
    if kept.size < SMALLEST_SWEEP:
        return Shape.OTHER, f"{kept.size} points with potential and current"
    kept = kept[:: max(kept.size // _ENOUGH, 1)]
    if isinstance(trace.protocol, Rest) or (
        trace.protocol is None and trace.technique.upper().startswith(OPEN_CIRCUIT)
    ):
        return Shape.OTHER, "a rest"
    for protocol, shape in (
        (Sweep, Shape.SWEEP),
        (Hold, Shape.HOLD),
        (ConstantCurrent, Shape.CONSTANT_CURRENT),
        (Steps, Shape.STEPS),
    ):
        if isinstance(trace.protocol, protocol) and not (isinstance(trace.protocol, Sweep) and trace.protocol.vertices):
            return shape, "its protocol"
    potential, current = trace.potential[kept], trace.current[kept]
    time = trace.time[kept]
    if not np.isfinite(time).all():
        time = np.arange(time.size, dtype=float)
    largest = float(np.max(np.abs(current)))
    if largest == 0:
        return Shape.OTHER, "no current"
    middle = float(np.median(current))
    if abs(middle) > 0.1 * largest and _share(np.abs(current - middle) < 0.02 * abs(middle), time, current) > 0.9:
        return Shape.CONSTANT_CURRENT, "its current is constant"
    stretches = split_steps(current)
    covered = sum(b - a for a, b in stretches)
    constant = [
        np.percentile(np.abs(current[a:b] - np.median(current[a:b])), 90)
        < 0.02 * max(abs(np.median(current[a:b])), 0.05 * largest)
        for a, b in stretches
    ]
    if (
        len(stretches) >= 2
        and covered > 0.8 * current.size
        and np.mean(constant) > 0.8
        and _steps_between(potential, stretches)
    ):
        return Shape.STEPS, "its current stays on levels"
    span = float(np.ptp(potential))
    noise = noise_level(time, potential)
    if span < max(10 * (noise if math.isfinite(noise) else 0.0), 2e-3):
        return Shape.HOLD, "its potential does not move"
    live, _ = ramped(potential, current)
    time, potential, current = time[live], potential[live], current[live]
    straight, lasted = 0, 0.0
    for first, end, _ in split_legs(time, potential):
        if end - first < SMALLEST_SWEEP:
            continue
        turned = math.copysign(1.0, potential[end - 1] - potential[first]) * potential[first:end]
        own = time[first:end]
        swept, pauses, _ = find_pauses(own, turned, current[first:end], noise if math.isfinite(noise) else 0.0)
        leg = (own - paused_time(own, pauses))[swept], turned[swept]
        in_time = np.corrcoef(*leg)[0, 1] if np.ptp(leg[0]) > 0 and np.ptp(leg[1]) > 0 else 0.0
        # sampled by steps of the current, points are dense here and there: they are straight in time still
        if abs(in_time) > 0.99 or (abs(_rank_correlation(leg[1])) > 0.97 and abs(in_time) > 0.9):
            straight += end - first
            lasted += float(np.ptp(own))
    # by time too: after an overload an instrument may run back at once, in many points
    if straight > 0.7 * potential.size or lasted > 0.9 * float(np.ptp(time)):
        return Shape.SWEEP, "its potential is swept"
    return Shape.OTHER, "neither its potential nor its current follows a programme"


def _share(steady: np.ndarray, time: np.ndarray, current: np.ndarray) -> float:
    """Share of the points, or of the time with current, in which it is steady.

    An instrument that records by potential takes hundreds of points while it switches on.
    """
    flows = np.abs(current) > _REST_CURRENT * float(np.max(np.abs(current)))
    lasted = np.where(flows, np.diff(time, append=time[-1]), 0.0)
    total = float(np.sum(lasted))
    by_time = float(np.sum(lasted[steady])) / total if total > 0 else 0.0
    return max(float(np.mean(steady)), by_time)


def _at_rest(trace: Trace, largest: float) -> bool:
    """Whether no current flows: below a thousandth of the run's largest, or only noise about a constant near zero."""
    current = trace.current[np.isfinite(trace.current) & np.isfinite(trace.potential)]
    size = np.abs(trace.potential[np.isfinite(trace.potential)])
    # a cell at rest relaxes towards zero; a sweep away from zero is one even when the contact is lost
    if current.size == 0 or isinstance(trace.protocol, Sweep) or size[-1] > size[0]:
        return False
    if float(np.max(np.abs(current))) < _REST_CURRENT * largest:
        return True
    if current.size < SMALLEST_SWEEP:
        return False
    noise = NORMAL_MAD * float(np.median(np.abs(np.diff(current)))) / math.sqrt(2.0)
    blocks = np.array([np.mean(part) for part in np.array_split(current, 6)])
    scatter = noise / math.sqrt(current.size / 6)
    return bool(noise > 0 and np.ptp(blocks) < 5.0 * scatter and abs(float(np.mean(current))) < noise)


def _steps_between(potential: np.ndarray, stretches: tuple[tuple[int, int], ...]) -> bool:
    """Whether the potential moves between the stretches of constant current rather than inside them.

    A sweep recorded in coarse steps of current stays on levels too, but its potential moves inside them.
    """
    fifths = [(a, b, max(1, (b - a) // 5)) for a, b in stretches]
    inside = np.median([abs(np.median(potential[b - k : b]) - np.median(potential[a : a + k])) for a, b, k in fifths])
    ends = itertools.pairwise(fifths)
    between = np.median([
        abs(np.median(potential[a : a + k]) - np.median(potential[d - m : d])) for (_, d, m), (a, _, k) in ends
    ])  # fmt: skip
    return bool(between > inside)


def _rank_correlation(potential: np.ndarray) -> float:
    """Correlation of the potential with the order of its samples, holds counting little."""
    moving = np.maximum.accumulate(potential) if potential[-1] > potential[0] else np.minimum.accumulate(potential)
    fresh = np.concatenate([[True], np.diff(moving) != 0])
    if fresh.sum() < 5 or np.ptp(moving[fresh]) == 0:
        return 0.0
    return float(np.corrcoef(np.arange(int(fresh.sum())), moving[fresh])[0, 1])


def _continues(group: list[Trace], trace: Trace) -> bool:
    """Whether a trace begins where the group ended."""
    past = [t.potential[np.isfinite(t.potential)] for t in group]
    last, first = float(past[-1][-1]), trace.potential[np.isfinite(trace.potential)]
    span = max(float(np.ptp(np.concatenate(past))), float(np.ptp(first)))
    return abs(float(first[0]) - last) < max(0.05 * span, 1e-3)


def _against_couple(trace: Trace, couple: Couple) -> Trace:
    """The trace with its potentials counted from the stated couple, from its first driven point on where one nucleates.

    Lithium that is plated on another metal makes a lithium electrode of it: what comes before the voltage has the sign
    of the current is the cell of the unlike electrodes.
    """
    if couple.persistent:
        trace = replace(trace, potential=trace.potential - couple.persistent)
    if not couple.nucleates:
        return trace
    driven = np.flatnonzero(trace.potential * trace.current > 0)
    begins = int(driven[0]) if driven.size else 0
    return trace if begins == 0 else selected_points(trace, slice(begins, None))


def _judge_group(
    traces: tuple[Trace, ...], sample: Sample, cell: CellCheck, base_rates: BaseRates
) -> tuple[Finding, ...]:
    sweeps = find_voltammograms(join_traces(traces))
    return tuple(
        judge_sweep(voltammogram, sample, cell=replace(cell, carried=cell.carried or number > 0), base_rates=base_rates)
        for number, voltammogram in enumerate(sweeps)
    )


def _galvanostatic(trace: Trace) -> tuple[Voltammogram, tuple[Flag, ...]]:
    """The trace's arrays, as recorded, in the record that figures draw."""
    record = join_traces((trace,))
    n = record.time.size
    return Voltammogram(
        time=record.time,
        potential=record.potential,
        current=record.current,
        swept=np.ones(n, dtype=bool),
        ramp=record.potential,
        noise=np.full(n, math.nan),
        potential_noise=math.nan,
        resolution=record.resolution,
        scan_rate=None,
        returning_potential=np.zeros(0),
        returning_current=np.zeros(0),
        synthetic=record.synthetic,
    ), record.flags


def _judge_currents(trace: Trace, kind: Kind, sample: Sample, cell: CellCheck, base_rates: BaseRates) -> Finding | None:
    """The finding of a constant current or of steps; ``None`` when the trace holds fewer than two steps."""
    arrays, flags = _galvanostatic(trace)
    if not cell.symmetric:
        return not_judged(arrays, kind, cell, sample.name, flags)
    levels = split_steps(arrays.current)
    if kind is Kind.CONSTANT_CURRENT:
        flows = np.flatnonzero(np.abs(arrays.current) > 0.5 * abs(float(np.median(arrays.current))))
        levels = ((int(flows[0]), int(flows[-1]) + 1),) if flows.size else ()
        shown = slice(*levels[0]) if levels else slice(0)
        found = current_record(
            arrays.time[shown], arrays.potential[shown], arrays.current[shown], tuple((0, b - a) for a, b in levels)
        )
    else:
        found = current_record(arrays.time, arrays.potential, arrays.current, levels)
    if found is None or (kind is Kind.CYCLING and len(found[0].driven) < 2):
        return None
    record, opposite = found
    turned = (VoltammetryFlag.POLARITY.flag(),) if opposite else ()
    return judge_currents(record, arrays, kind, sample, cell, merge_flags(flags, turned), base_rates)
