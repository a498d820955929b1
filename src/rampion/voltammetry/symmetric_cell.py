"""Is the record one of a symmetric cell? Judged by the voltages at which the cell itself drives current or rests.

A cell with two like electrodes rests near zero. After a current it keeps a voltage of the sign it was driven with,
which decays as t^−½ (polarisation): a finding, no reason to refuse. Anything else at rest, and power delivered at more
than polarisation leaves, comes from two unlike electrodes (or from a reference electrode), and no event is looked for.

The limits are in :data:`~rampion.plausible_limits.REST`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from rampion.equality import equal_by_value
from rampion.estimate import Flag
from rampion.measurement import Hold, Rest, Spectrum, Trace
from rampion.plausible_limits import REST, Couple, Plausibility, RestRule
from rampion.voltammetry.flags import VoltammetryFlag
from rampion.voltammetry.ohmic import OhmicLine
from rampion.voltammetry.voltammogram import Voltammogram

OPEN_CIRCUIT = ("OCV", "CORPOT", "OCP", "OPEN CIRCUIT", "REST")  # techniques, as instruments name them


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowRule:
    """What counts as current.

    switched_on: factor by which the current steps up from rest in one sample; moved (in steps of the rest) and
    least_move [V]: by how much the voltage then moves, where the instrument did not hold it; steady: share of the
    voltage within which a rest stays (``RestRule.settled`` at least); fewest, delivered: points of a rest and of a
    delivery; noticeable: share of the record's 90th percentile that a delivered current exceeds (zero errors of
    instruments are smaller); one_way: share of points with current against voltage that speaks for a swapped sign of
    the current, level: spread of the current, of its largest, below which there is no line through zero to see, falls:
    share of the largest current below which it is at small voltages then, line: points of a trend at one level;
    from_rest: share of the ohmic line's current
    span below which a sweep begins at rest, reaching: share of its voltage over which the line is extrapolated then,
    scores: standard errors by which a trend, or the line's voltage, exceeds its limit.
    """

    switched_on: float = 100.0
    moved: float = 5.0
    least_move: float = 1e-4
    steady: float = 0.1
    fewest: int = 2
    delivered: int = 3
    noticeable: float = 0.02
    one_way: float = 0.9
    level: float = 0.1
    falls: float = 0.9
    line: int = 12
    from_rest: float = 0.1
    reaching: float = 0.5
    scores: float = 5.0


FLOW = FlowRule()
UNDECIDED = 0.7  # confidence, at most, of a verdict on a cell that may not be symmetric


class CellEvidence(StrEnum):
    """What speaks against a symmetric cell."""

    REST = "rest"
    DELIVERY = "delivery"
    INTERCEPT = "intercept"


@equal_by_value
@dataclass(frozen=True, slots=True, kw_only=True)
class CellCheck:
    """Whether the cell can be symmetric: impossible, or implausible where polarisation may explain the voltage.

    ``voltage`` [V] at which it rests or delivers current beside that of its couple, ``allowed`` [V] what a symmetric
    cell may show there. ``carried``: current had passed in the run before.
    """

    plausibility: Plausibility = Plausibility.PLAUSIBLE
    evidence: CellEvidence | None = None
    voltage: float = math.nan
    allowed: float = math.nan
    carried: bool = False

    @property
    def symmetric(self) -> bool:
        """Whether events may be looked for."""
        return self.plausibility is not Plausibility.IMPOSSIBLE

    @property
    def flag(self) -> Flag | None:
        """The reason as a flag for the user; None where nothing is to be said."""
        if self.plausibility is Plausibility.PLAUSIBLE or self.evidence is None:
            return None
        if self.symmetric:
            return None if self.carried else VoltammetryFlag.POLARISED_AT_START.flag(potential=self.voltage)
        kinds = {
            CellEvidence.REST: VoltammetryFlag.RESTS_AWAY_FROM_ZERO,
            CellEvidence.DELIVERY: VoltammetryFlag.DELIVERS_CURRENT,
            CellEvidence.INTERCEPT: VoltammetryFlag.NO_CURRENT_AWAY_FROM_ZERO,
        }
        return kinds[self.evidence].flag(potential=self.voltage, allowed=1e3 * self.allowed)


@dataclass(frozen=True, slots=True)
class _Resting:
    """A stretch without current: its voltages [V] and how long it lasted [s]."""

    potential: np.ndarray
    lasted: float


def check_cell(parts: Sequence[Trace | Spectrum], couple: Couple, rule: RestRule = REST) -> CellCheck:
    """Whether the run's cell can be the symmetric one (or the stated couple), by rests and by delivered current.

    A rest before the first current, or ``rule.forgotten`` after the last, has to lie within ``rule.settled`` of the
    couple; before the first current of *this* record a larger one passes as polarisation from an earlier record where
    it decays as t^−½ would: V ≤ A·t₀^−½ with t₀ ≥ T/[(1 − f)^−2 − 1] from its fall f over the time T. Current that
    flows against the voltage is driven by the cell; so is it at any voltage that polarisation cannot leave.

    Assumes parts in order of time. Fails to see an asymmetric cell in a record of one current direction without a
    rest: it stays judged.

    Parameters
    ----------
    parts : traces and spectra of one run; couple : the rest voltage that the stated electrodes allow.
    """
    worst = CellCheck()
    carried, stopped = False, math.nan
    for part in parts:
        if isinstance(part, Spectrum):
            found = _spectrum_at_rest(part, couple, rule) if not carried else None
            worst = _worse(worst, found)
            continue
        kept = np.isfinite(part.potential) & np.isfinite(part.current)
        time, potential, current = _clock(part, kept), part.potential[kept], part.current[kept]
        if potential.size == 0:
            continue
        resting = _resting(part, time, potential, current)
        if resting is not None:
            begin = float(time[0]) if math.isnan(stopped) else stopped
            if not carried or float(time[0]) + resting.lasted - begin >= rule.forgotten:
                worst = _worse(worst, _judge_rest(resting, couple, rule, history=carried))
            if resting.potential.size == potential.size:
                continue
        worst = _worse(worst, _delivery(time, potential - couple.persistent, current, couple, rule))
        carried, stopped = True, float(time[-1])
        if not worst.symmetric:
            break
    return worst


def check_start(
    voltammogram: Voltammogram, line: OhmicLine | None, check: CellCheck, rule: RestRule = REST
) -> CellCheck:
    """The check of a sweep by its ohmic line too: the potential at which the line carries no current.

    Counts where the sweep begins there, near rest, so that little is extrapolated: below a tenth of the current that
    the line's window spans. Between ``rule.settled`` and ``rule.polarised`` it may be polarisation.
    """
    if line is None or not line.conductance.value > 0 or not check.symmetric:
        return check
    x, y = voltammogram.ramp[voltammogram.swept], voltammogram.current[voltammogram.swept]
    first, begin = float(np.median(y[:3])), float(x[0])
    voltage = begin - first / line.conductance.value
    span = line.conductance.value * (line.window[1] - line.window[0])
    if span <= 0:
        return check
    error = FLOW.scores * float(np.median(voltammogram.noise)) / line.conductance.value
    if abs(voltage) <= rule.settled + error:
        return check
    near = abs(first) < FLOW.from_rest * span and abs(voltage - begin) < FLOW.reaching * abs(voltage)
    impossible = near and abs(voltage) > rule.polarised + error
    if not (impossible or abs(begin) < rule.polarised):  # from further away the line is extrapolated too far
        return check
    return CellCheck(
        plausibility=Plausibility.IMPOSSIBLE if impossible else Plausibility.IMPLAUSIBLE,
        evidence=CellEvidence.INTERCEPT,
        voltage=voltammogram.sign * voltage,
        allowed=rule.polarised,
        carried=check.carried,
    )


def _worse(first: CellCheck, second: CellCheck | None) -> CellCheck:
    order = (Plausibility.PLAUSIBLE, Plausibility.IMPLAUSIBLE, Plausibility.IMPOSSIBLE)
    if second is None or order.index(second.plausibility) <= order.index(first.plausibility):
        return first
    return second


def _clock(trace: Trace, kept: np.ndarray) -> np.ndarray:
    time = trace.time[kept]
    return time if np.isfinite(time).all() else np.full(time.size, math.nan)


def _resting(trace: Trace, time: np.ndarray, potential: np.ndarray, current: np.ndarray) -> _Resting | None:
    """The rest that a trace is, or begins with: no current, a steady voltage, then a current at once."""
    size = np.abs(current)
    if isinstance(trace.protocol, Rest) or trace.technique.upper().startswith(OPEN_CIRCUIT) or not size.any():
        end = potential.size
    else:
        before = np.maximum.accumulate(size)[:-1]
        end = int(np.argmax(size[1:] > FLOW.switched_on * before)) + 1 if size.size > 1 else 0
        if end == 0 or not size[end] > FLOW.switched_on * before[end - 1]:
            return None
        noise = float(np.median(np.abs(np.diff(potential[:end])))) if end > 1 else 0.0
        moved = abs(potential[end] - potential[end - 1]) > max(FLOW.moved * noise, FLOW.least_move)
        if isinstance(trace.protocol, Hold) or (size[:end].any() and not moved):  # a held potential is no rest
            return None
    if end < FLOW.fewest:
        return None
    rest = potential[:end]
    if np.ptp(rest) > max(REST.settled, FLOW.steady * float(np.max(np.abs(rest)))):
        if end < potential.size:
            return None
        rest = rest[-max(FLOW.fewest, end // 4) :]  # a long one may relax a good way
    lasted = float(time[end - 1] - time[0])
    return _Resting(rest, lasted if math.isfinite(lasted) else 0.0)


def _judge_rest(resting: _Resting, couple: Couple, rule: RestRule, history: bool) -> CellCheck:
    """Whether a rest lies within its couple, may be polarisation that decays, or neither."""
    ends = float(np.median(resting.potential[:3])), float(np.median(resting.potential[-3:]))
    early, late = (abs(_beyond(voltage, couple, rule)) for voltage in ends)
    if late == 0:
        return CellCheck()
    late, early = late + rule.settled, early + rule.settled
    noise = float(np.median(np.abs(np.diff(resting.potential)))) if resting.potential.size > 2 else 0.0
    fall = min(max((early - late + 3 * noise) / max(early, late), 0.0), 0.99)
    since = resting.lasted / ((1.0 - fall) ** -2 - 1.0) if fall > 0 else math.inf if resting.lasted > 0 else 0.0
    allowed = rule.settled if history else rule.allowed(since)
    lone = couple.high - couple.low > 2.01 * rule.settled or couple.persistent != 0  # a stated couple has its range
    impossible = late > allowed or lone
    return CellCheck(
        plausibility=Plausibility.IMPOSSIBLE if impossible else Plausibility.IMPLAUSIBLE,
        evidence=CellEvidence.REST,
        voltage=ends[1],
        allowed=rule.settled if lone else allowed,
    )


def _beyond(voltage: float, couple: Couple, rule: RestRule) -> float:
    """How far a voltage lies outside the couple's range [V], signed; 0 inside."""
    low, high = min(couple.low, -rule.settled) if couple.nucleates else couple.low, couple.high
    return voltage - high if voltage > high else voltage - low if voltage < low else 0.0


def _spectrum_at_rest(spectrum: Spectrum, couple: Couple, rule: RestRule) -> CellCheck | None:
    """The voltage of a spectrum measured without direct current: what its current would drop is a tenth of it."""
    drop = abs(spectrum.current) * float(np.max(np.abs(spectrum.impedance), initial=0.0))
    if not (math.isfinite(spectrum.potential) and drop < 0.1 * abs(spectrum.potential)):
        return None
    found = _judge_rest(_Resting(np.full(3, spectrum.potential), 0.0), couple, rule, history=False)
    return None if found.symmetric else found


def _delivery(
    time: np.ndarray, potential: np.ndarray, current: np.ndarray, couple: Couple, rule: RestRule
) -> CellCheck | None:
    """Where current flows against a voltage that no polarisation leaves: the cell drives it."""
    size = np.abs(current)
    noticeable = size > FLOW.noticeable * float(np.quantile(size, 0.9))
    against = noticeable & (potential * current < 0)
    if couple.nucleates or against.sum() < FLOW.delivered or _swapped(potential, current, noticeable, against):
        return None
    for first, end, allowed in _stretches(time, potential, current, noticeable, against, rule):
        if end - first < FLOW.delivered:
            continue
        shown = float(np.sort(np.abs(potential[first:end]))[-FLOW.delivered])
        if shown > allowed:
            sign = math.copysign(1.0, float(np.median(potential[first:end])))
            return CellCheck(
                plausibility=Plausibility.IMPOSSIBLE,
                evidence=CellEvidence.DELIVERY,
                voltage=sign * shown,
                allowed=allowed,
            )
    return None


def _swapped(potential: np.ndarray, current: np.ndarray, noticeable: np.ndarray, against: np.ndarray) -> bool:
    """Whether only the sign of the current is turned: it opposes the voltage nearly everywhere and vanishes with it.

    A cell that delivers current does so most at its smallest voltages; at one level of current its voltage falls from
    the first points on, where a whole ceramic's stands or rises.
    """
    beyond = noticeable & (np.abs(potential) > REST.polarised)  # below, polarisation may turn the current
    counted = beyond if beyond.sum() >= FLOW.delivered else noticeable
    if (against & counted).sum() < FLOW.one_way * counted.sum():
        return False
    size, voltage = np.abs(current[against]), np.abs(potential[against])
    if np.ptp(size) < FLOW.level * float(np.max(size)):
        early = voltage[: max(FLOW.line, voltage.size // 4)]
        index = np.arange(early.size) - 0.5 * (early.size - 1)
        slope = float(index @ early / (index @ index))
        error = float(np.std(early - slope * index)) / math.sqrt(float(index @ index))
        return early.size < FLOW.line or slope > -FLOW.scores * error
    lowest = np.argsort(voltage)[: max(1, voltage.size // 10)]
    return bool(np.median(size[lowest]) < FLOW.falls * float(np.max(size)))


def _stretches(
    time: np.ndarray,
    potential: np.ndarray,
    current: np.ndarray,
    noticeable: np.ndarray,
    against: np.ndarray,
    rule: RestRule,
) -> Iterator[tuple[int, int, float]]:
    """Runs of points of delivered current at one sign of the voltage, with the voltage polarisation may leave there.

    Polarisation has the sign of the last drive and decays from its end on; where the drive before had the other sign
    and was as large, there is none.
    """
    sign = np.where(against, np.sign(potential), 0.0)
    edges = np.flatnonzero(np.diff(sign) != 0) + 1
    bounds = [0, *edges.tolist(), sign.size]
    driven = noticeable & ~against
    for first, end in itertools.pairwise(bounds):
        if sign[first] == 0:
            continue
        before = np.flatnonzero(driven[:first])
        elapsed = float(time[first] - time[before[-1]]) if before.size else 0.0
        allowed = rule.allowed(elapsed)
        if before.size and potential[before[-1]] * sign[first] < 0:
            stretch = before[np.sign(potential[before]) == -sign[first]]
            if float(np.max(np.abs(potential[stretch]))) > float(np.max(np.abs(potential[first:end]))):
                allowed = rule.opposed
        yield first, end, allowed
