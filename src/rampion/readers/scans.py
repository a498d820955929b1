"""Where one impedance spectrum ends and the next begins among the points of a table."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rampion.estimate import Flag
from rampion.readers.flags import ReaderFlag


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanRule:
    """When a step back in frequency begins a new spectrum.

    leap : factor of a step against the scan's direction that may begin one; a smaller one is a point measured again.
    start : factor within which a new scan begins where the one before began.
    same : relative difference below which two frequencies are one; spacings are above 2 % (100 points per decade).
    fewest : points already covered that make a scan which begins elsewhere a spectrum of its own.
    disorder : fraction of steps against the direction from which the points are in no order; scans of four points and
        more have less.
    """

    leap: float = 3.0
    start: float = 3.0
    same: float = 5e-3
    fewest: int = 5
    disorder: float = 0.3


RULE = ScanRule()


def find_restarts(frequency: Float[np.ndarray, " n"], rule: ScanRule = RULE) -> Bool[np.ndarray, " m"]:
    """Between which points a new spectrum begins: where the frequency leaps back to the start of the scan.

    A leap that does not return to the start, and after which nothing is measured again, belongs to the same spectrum.
    Where the points are in no order, a new spectrum begins with the first frequency that was measured before.
    """
    position = np.log(frequency)
    steps = np.diff(position)
    begins = np.zeros(steps.size, dtype=bool)
    if not steps.size:
        return begins
    direction = np.sign(np.median(steps))
    against = (steps * direction < 0) if direction else steps != 0
    if against.mean() > rule.disorder or not direction:
        _by_repetition(position, begins, rule)
        return begins
    edges = [0, *(np.flatnonzero(steps * direction < -math.log(rule.leap)) + 1), position.size]
    first = 0
    for begin, end in itertools.pairwise(edges[1:]):
        if _is_new(position[first:begin], position[begin:end], rule):
            begins[begin - 1] = True
            first = begin
    return begins


def unfinished_scan(frequency: Float[np.ndarray, " n"], begin: float, end: float) -> tuple[Flag, ...]:
    """A flag where a scan that was set from ``begin`` to ``end`` [Hz] stops before its last frequency.

    A scan counts as finished when its next point would lie beyond the end.
    """
    if frequency.size < 2 or not (begin > 0 and end > 0) or begin == end:
        return ()
    step = float(np.median(np.abs(np.diff(np.log(frequency)))))
    last = float(frequency.min() if end < begin else frequency.max())
    if abs(math.log(last / end)) <= 1.5 * step or (last - end) * (begin - end) <= 0:
        return ()
    return (ReaderFlag.SCAN_UNFINISHED.flag(begin=begin, end=end, last=last),)


def _is_new(before: np.ndarray, scan: np.ndarray, rule: ScanRule) -> bool:
    """Whether a scan measures again what the present spectrum holds."""
    covered = (scan >= before.min()) & (scan <= before.max())
    again = np.abs(scan[:, None] - before[None, :]).min(axis=1) < rule.same
    returns = abs(scan[0] - before[0]) < math.log(rule.start)
    return bool(covered.sum() >= rule.fewest or (returns and again.any()))


def _by_repetition(position: np.ndarray, begins: np.ndarray, rule: ScanRule) -> None:
    seen: list[float] = []
    for place, value in enumerate(position.tolist()):
        known = bool(seen) and float(np.abs(np.array(seen) - value).min()) < rule.same
        if known and abs(value - seen[-1]) >= rule.same:  # measured again right away, it is the same scan
            begins[place - 1] = True
            seen = []
        seen.append(value)
