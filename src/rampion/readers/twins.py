"""Two files, one run? Points compared with points, whatever their names, number, clock or format.

Of two exports of a run the smaller one's points are all found in the larger one (95 % of them): at the same times, or
at times shifted by one constant; with the same values within what the coarser of the two prints. Equal values alone
prove nothing where they hold no noise (a simulated curve, a rest at 0 V, a programmed current), so what is counted
beside is how often the agreeing values turn back and forth by more than the tolerance: noise agrees by chance about
once in four turns.

*Assumes* that a file's parts share one clock. *Fails when* two runs without noise and without clocks are equal: then
:class:`Likeness` says that they are alike, and no more.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

import numpy as np

from rampion.equality import equal_by_value
from rampion.readers.contents import Column, Content, Scan
from rampion.readers.resolution import resolution, tick_of, tolerance_of


@dataclass(frozen=True, slots=True, kw_only=True)
class TwinRule:
    """When two files hold one run; chosen from what formats print and from two exports of real runs.

    matched : least share of the smaller file's points that are found in the larger one; exports drop or add a few.
    start : [s] clocks closer than this are equal; some headers give whole seconds.
    zone, furthest_zone : [s] time zones differ by whole quarter hours, up to 26 h.
    first_point : [s] longest time from the start of a spectrum to its first point, where one file holds no times.
    finest : relative tolerance of values that are printed with 7 digits or more, or held in single precision.
    nearly : share of the span by which values may differ where clock or name already say that the run is one.
    frequency : relative tolerance of frequencies; some programs write the nominal, some the true one.
    tick : [s] tolerance of times that are printed exactly.
    turn : height of a turn in tolerances; rounding alone makes turns of 2.
    spectrum_order : order of the differences that turn, in the logarithm and phase of an impedance; without noise those
        of the fourth order turned 3 times at most (1,400 spectra of up to 4 arcs, 3 to 12 points a decade).
    least_share : share of a spectrum's values that turn where there is noise: 0.06 without, 0.2 to 0.5 in real files.
    turns : turns of different heights that agree in two runs by chance once in 4¹² (6e-8).
    depth : least departure of one column from a straight line, in tolerances, for exports without clock to be one run:
        agreement within 0.3 %, where two samples of one kind differ by 1 % and more.
    span : least span of every other column, in tolerances.
    most_shifts : shifts of the clock that are tried.
    fewest : points on which a course can be judged.
    first_look : points that are compared before all are.
    """

    matched: float = 0.95
    start: float = 2.0
    zone: float = 900.0
    furthest_zone: float = 26 * 3600.0
    first_point: float = 60.0
    finest: float = 3e-6
    nearly: float = 1e-3
    frequency: float = 1e-4
    tick: float = 2e-3
    turn: float = 4.0
    spectrum_order: int = 4
    least_share: float = 0.15
    turns: int = 12
    depth: float = 300.0
    span: float = 100.0
    most_shifts: int = 50
    fewest: int = 5
    first_look: int = 32


RULE = TwinRule()


class Clocks(Enum):
    """How the moments of two equal records compare, the likeliest to be one moment first."""

    SAME = "same"
    EXCHANGED = "day and month exchanged"
    ZONE = "another time zone"
    UNKNOWN = "unknown"
    DIFFERENT = "different"


@equal_by_value
@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """How two files with equal points are alike.

    ``shift`` [s] is added to the other's times to give the first one's (NaN without times); ``noise`` says that the
    points agree in more turns than chance allows, ``precise`` that they agree more closely than two samples do, in a
    course that no program sets, ``varied`` that they are more than one value repeated,
    ``potentials_differ`` that only the currents agree (one file holds a single electrode's potential).
    """

    clocks: Clocks
    shift: float = math.nan
    noise: bool = False
    precise: bool = False
    varied: bool = False
    timed: bool = False
    potentials_differ: bool = False


def compare(first: Content, second: Content, named: bool = False, rule: TwinRule = RULE) -> Likeness | None:
    """How two files are alike, ``None`` where they are not one record or state different moments.

    Parameters
    ----------
    named : whether the files' names say that they are one run; values may then differ by ``rule.nearly`` of their span.
    """
    swapped = (second.time.size, len(second.spectra)) > (first.time.size, len(first.spectra))
    large, small = (second, first) if swapped else (first, second)
    if len(small.spectra) > len(large.spectra) or not (small.time.size or small.spectra):
        return None
    for clocks, shift in _shifts(large, small, rule):
        found = _alike(large, small, clocks, shift, named, rule)
        if found is not None:
            return Likeness(
                clocks=clocks,
                shift=-shift if swapped else shift,
                noise=found.turns >= rule.turns,
                precise=found.precise,
                varied=found.varied,
                timed=math.isfinite(shift),
                potentials_differ=found.potentials_differ,
            )
    return None


def compare_clocks(one: float, other: float, rule: TwinRule = RULE) -> Clocks:
    """How two moments [s since 1970] compare."""
    apart = abs(one - other)
    if math.isnan(apart):
        return Clocks.UNKNOWN
    if apart <= rule.start:
        return Clocks.SAME
    quarter = abs(apart - rule.zone * round(apart / rule.zone))
    if abs(exchange_day_and_month(one) - other) <= rule.start:
        return Clocks.EXCHANGED
    return Clocks.ZONE if quarter <= rule.start and apart <= rule.furthest_zone else Clocks.DIFFERENT


def exchange_day_and_month(moment: float) -> float:
    """The moment with day and month exchanged, NaN where there is no such date."""
    try:
        read = datetime.fromtimestamp(moment, tz=UTC)
        return read.replace(month=read.day, day=read.month).timestamp()
    except (ValueError, OverflowError, OSError):
        return math.nan


def _shifts(large: Content, small: Content, rule: TwinRule) -> Iterable[tuple[Clocks, float]]:
    """The shifts of the smaller file's clock to try, with what they say of the two clocks; the likeliest first."""
    ours, theirs = _first_times(large), _first_times(small)
    if not (ours.size and theirs.size):
        begun = large.start + (ours[0] if ours.size else 0.0) - (theirs[0] if theirs.size else 0.0)
        clocks = [compare_clocks(large.start, small.start, rule), compare_clocks(begun, small.start, rule)]
        if ours.size + theirs.size and abs(begun - small.start) <= rule.first_point:
            clocks.append(Clocks.SAME)
        kind = next((kind for kind in Clocks if kind in clocks), Clocks.UNKNOWN)
        return () if kind is Clocks.DIFFERENT else ((kind, math.nan),)
    known = small.start - large.start
    tried = [known, 0.0, ours[0] - theirs[0], ours[-1] - theirs[-1]]
    if large.timed and small.timed:
        tried.append(large.time[-1] - small.time[-1])
    if math.isnan(known):
        tried += list(ours - theirs[0])
        if large.timed and small.timed:
            tried += list(_where_it_begins(large, small, rule))
    shifts: dict[float, Clocks] = {}
    for shift in tried:
        if not math.isfinite(shift) or len(shifts) >= rule.most_shifts:
            continue
        clocks = compare_clocks(large.start + shift, small.start, rule)
        if clocks not in (Clocks.SAME, Clocks.UNKNOWN) and abs(known) <= rule.start:
            clocks = Clocks.UNKNOWN  # one start, times counted from another zero
        if clocks is not Clocks.DIFFERENT:
            shifts.setdefault(float(shift), clocks)
    order = tuple(Clocks)
    return sorted(((clocks, shift) for shift, clocks in shifts.items()), key=lambda found: order.index(found[0]))


def _first_times(content: Content) -> np.ndarray:
    """The first time of the traces and of each spectrum, in order of time."""
    times = [content.time[:1], *(np.array([np.min(scan.time)]) for scan in content.spectra)]
    found = np.concatenate(times)
    return np.sort(found[np.isfinite(found)])


def _where_it_begins(large: Content, small: Content, rule: TwinRule) -> np.ndarray:
    """Shifts that bring the smaller file's first point onto an equal point of the larger one."""
    found = np.ones(large.time.size, dtype=bool)
    for ours, theirs in zip(large.columns, small.columns, strict=True):
        if np.isfinite(theirs.values[0]) and ours.known:
            found &= np.abs(ours.values - theirs.values[0]) <= _tolerance(ours, theirs, rule)[0]
    return large.time[np.flatnonzero(found)[: rule.most_shifts]] - small.time[0]


@dataclass(frozen=True, slots=True)
class _Found:
    turns: int
    varied: bool
    precise: bool = True
    potentials_differ: bool = False


def _alike(large: Content, small: Content, clocks: Clocks, shift: float, named: bool, rule: TwinRule) -> _Found | None:
    slack = rule.nearly if named or clocks is Clocks.SAME else 0.0
    traces = _alike_traces(large, small, shift, slack, rule) if small.time.size else _Found(0, varied=False)
    spectra = _alike_spectra(large.spectra, small.spectra, shift, slack, rule)
    if traces is None or spectra is None:
        return None
    return _Found(
        traces.turns + spectra.turns,
        traces.varied or spectra.varied,
        traces.precise and spectra.precise,
        traces.potentials_differ,
    )


def _alike_traces(large: Content, small: Content, shift: float, slack: float, rule: TwinRule) -> _Found | None:
    count, size = large.time.size, small.time.size
    if size > count:
        return None
    timed = large.timed and small.timed
    tick = tick_of(large.time, small.time, rule.tick) if timed else math.inf
    some = np.unique(np.linspace(0, size - 1, rule.first_look).astype(int))
    for rows in (some, np.arange(size)):  # most pairs are refused at the first look
        near = _near(large, small, rows, shift, rule)
        in_time = np.abs(large.time[near] - small.time[rows] - shift) <= tick if timed else near >= 0
        columns = [
            _compared(ours, theirs, near, rows, slack, rule)
            for ours, theirs in zip(large.columns, small.columns, strict=True)
        ]
        compared = [column for column in columns if column is not None]
        agreed = [column for column in compared if _share(column.agrees & in_time) >= rule.matched]
        together = np.logical_and.reduce([in_time, *(column.agrees for column in agreed)])
        if not agreed or _share(together) < rule.matched:
            return None
    found = together.any(axis=0)
    turns = [_turns(column.values[found], column.tolerance[found], rule) for column in agreed]
    if len(agreed) < len(compared) and max(turns) < rule.turns:
        return None  # the same program on two cells: one of potential and current is set, the other differs
    varied = any(np.ptp(column.values[found]) > rule.turn * column.tolerance.max() for column in agreed)
    if timed:
        interval = np.diff(small.time[found])
        turns.append(_turns(interval, np.full(interval.size, tick), rule))
    precise = (len(agreed) == len(columns) or large.responds or small.responds) and _is_precise(
        [(column.values[found], column.tolerance[found]) for column in agreed], rule
    )
    differ = columns[0] is not None and columns[0] not in agreed
    return _Found(sum(turns), varied, precise, potentials_differ=differ)


def _is_precise(columns: Sequence[tuple[np.ndarray, np.ndarray]], rule: TwinRule) -> bool:
    """Whether all columns span many tolerances, and one of them departs far from a straight line."""
    bent = False
    for values, tolerance in columns:
        known = np.isfinite(values)
        widest = float(np.max(tolerance))
        if known.sum() < rule.fewest or np.ptp(values[known]) < rule.span * widest:
            return False
        place = np.flatnonzero(known)
        line = np.polynomial.Polynomial.fit(place, values[known], 1)
        bent |= bool(np.max(np.abs(values[known] - line(place))) > rule.depth * widest)
    return bent


@dataclass(frozen=True, slots=True, eq=False)
class _Compared:
    """Values of the smaller file (n,), their tolerance, and which points of the larger one they agree with (k, n)."""

    values: np.ndarray
    tolerance: np.ndarray
    agrees: np.ndarray


def _compared(
    ours: Column, theirs: Column, near: np.ndarray, rows: np.ndarray, slack: float, rule: TwinRule
) -> _Compared | None:
    if not (ours.known and theirs.known):
        return None
    tolerance = _tolerance(ours, theirs, rule)[rows]
    allowed = np.maximum(tolerance, slack * np.nanmax(theirs.values) - slack * np.nanmin(theirs.values))
    there, here = ours.values[near], theirs.values[rows]
    return _Compared(here, tolerance, (np.abs(there - here) <= allowed) | (np.isnan(there) & np.isnan(here)))


def _tolerance(ours: Column, theirs: Column, rule: TwinRule) -> np.ndarray:
    return tolerance_of(theirs.values, theirs.digit + float(np.max(ours.digit)), rule.finest)


def _share(agreed: np.ndarray) -> float:
    return float(agreed.any(axis=0).mean())


def _near(large: Content, small: Content, rows: np.ndarray, shift: float, rule: TwinRule) -> np.ndarray:
    """(k, n) for each of these points of the smaller file the points of the larger one that it may be."""
    count, size = large.time.size, small.time.size
    if large.timed and small.timed:
        place = np.searchsorted(large.time, small.time[rows] + shift)
        return np.clip(np.stack([place - 2, place - 1, place, place + 1]), 0, count - 1)
    # without times: the rows from the offset at which most potentials (or currents) agree
    pair = (large.potential, small.potential) if small.potential.known else (large.current, small.current)
    offsets = np.unique([0, min(count - size, 1), count - size])
    places = offsets[:, None] + rows
    agreed = np.abs(pair[0].values[places] - pair[1].values[rows]) <= _tolerance(*pair, rule)[rows]
    return places[[int(np.argmax(agreed.sum(axis=1)))]]


def _alike_spectra(
    large: Sequence[Scan], small: Sequence[Scan], shift: float, slack: float, rule: TwinRule
) -> _Found | None:
    """What all spectra of the smaller file have in common with the larger one's; ``None`` where one is not found."""
    turns, place, precise = 0, 0, True
    for theirs in small:
        for at in range(place, len(large)):
            found = _alike_spectrum(large[at], theirs, shift, slack, rule)
            if found is not None:
                turns, place, precise = turns + found.turns, at + 1, precise and found.precise
                break
        else:
            return None
    return _Found(turns, varied=bool(small), precise=precise)


def _alike_spectrum(ours: Scan, theirs: Scan, shift: float, slack: float, rule: TwinRule) -> _Found | None:
    if theirs.frequency.size > ours.frequency.size:
        return _alike_spectrum(theirs, ours, -shift, slack, rule)
    frequency, wanted = ours.frequency, theirs.frequency
    before = np.clip(np.searchsorted(frequency, wanted) - 1, 0, frequency.size - 1)
    after = np.minimum(before + 1, frequency.size - 1)
    near = np.where(np.abs(frequency[after] - wanted) < np.abs(frequency[before] - wanted), after, before)
    there, here = ours.impedance[near], theirs.impedance
    tolerance = tolerance_of(np.abs(here), ours.digit[near] + theirs.digit, rule.finest, each=True)
    agreed = np.abs(there - here) <= np.maximum(tolerance, slack * np.abs(here))
    digits = resolution(wanted) + np.max(resolution(frequency))
    agreed &= np.abs(frequency[near] - wanted) <= np.maximum(rule.frequency * wanted, digits)
    if math.isfinite(shift):
        # where one of the two holds no times, the difference is not a number and refuses nothing
        agreed &= ~(np.abs(ours.time[near] - theirs.time - shift) > tick_of(ours.time, theirs.time, rule.tick))
    if agreed.mean() < rule.matched:
        return None
    relative = tolerance[agreed] / np.abs(here[agreed])
    columns = (np.log(np.abs(here[agreed])), np.unwrap(np.angle(here[agreed])))
    turns = sum(_turns(values, relative, rule, order=rule.spectrum_order) for values in columns)
    noisy = turns >= rule.least_share * 2 * agreed.sum()
    return _Found(turns if noisy else 0, True, _is_precise([(np.abs(here[agreed]), tolerance[agreed])], rule))


def _turns(values: np.ndarray, tolerance: np.ndarray, rule: TwinRule, order: int = 2) -> int:
    """How often the values turn back and forth at once by more than the tolerance, turns of one height counted once.

    Rounding alone turns differences of the given order by 2^(order − 1) tolerances.
    """
    if values.size < order + 3:
        return 0
    middle = tolerance[order // 2 : order // 2 + values.size - order]
    bend = np.diff(values, n=order) / (2.0 ** (order - 2) * np.maximum(middle, np.finfo(float).tiny))
    large = np.abs(bend) > rule.turn
    back = (np.sign(bend[1:]) * np.sign(bend[:-1]) < 0) & large[1:] & large[:-1]
    both = np.flatnonzero(back[1:] & back[:-1]) + 1
    return int(np.unique(np.round(np.abs(bend[both]))).size)
