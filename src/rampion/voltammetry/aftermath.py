"""What came after a penetration: whether the cell's resistance stayed below what it had been before.

A penetration is confirmed by what is measured later in the run: the sweep back, what follows under the same current,
the start of a later sweep or constant current, a spectrum. The last of them decides, so that a path that heals at rest
is seen to heal; a rest by itself measures no resistance. Where nothing was measured, or the resistance came back, the
penetration is only probable.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from rampion.estimate import NORMAL_95, Estimate, product
from rampion.measurement import Sample, Spectrum, Trace
from rampion.voltammetry.finding import After, Aftermath, Finding, Kind, Verdict
from rampion.voltammetry.hypotheses import DRIFT
from rampion.voltammetry.voltammogram import SMALLEST_SWEEP

_START = 10  # one over the share of a constant current's points from which V/I is read
_END = 20  # likewise, at the end of a record that goes on after the event


def with_aftermath(
    findings: Sequence[Finding], parts: Sequence[Trace | Spectrum], sample: Sample
) -> tuple[Finding, ...]:
    """The findings of one run, each penetration with the resistance that remained after it.

    The resistance before is the smaller of that at the record's start and those of spectra before the event: then a
    polarisation that relaxes does not look like a loss of resistance. What remains has to lie below it beyond the
    uncertainties of both and beyond what 0.4 K of drift do (:data:`~rampion.voltammetry.hypotheses.DRIFT`).

    Assumes parts in order of time. Fails when the contact improves after the event (a pressure that was raised).

    Parameters
    ----------
    findings : of the run's traces, in order, with the places of the traces that each begins and ends in.
    parts : traces and spectra of the run; without them a finding knows its own sweep back alone.
    """
    places = [place for place, part in enumerate(parts) if isinstance(part, Trace)]
    spectra = [(place, found) for place, part in enumerate(parts) if (found := _of_spectrum(part)) is not None]
    clock = _one_clock(parts)
    done = []
    for number, finding in enumerate(findings):
        if finding.verdict is not Verdict.PENETRATION or finding.trace is None or finding.until is None:
            done.append(replace(finding, aftermath=None))
            continue
        begins, ends, at = places[finding.trace], places[finding.until], _moment(finding)
        before = [_at_start(finding)]
        after: list[tuple[int, After, Estimate]] = []
        for place, found in spectra:
            started = float(parts[place].time[0]) if clock else math.nan  # pyright: ignore[reportOptionalSubscript]
            if place < begins or (place < ends and started < at):
                before.append(found)
            elif place > ends or started > at:
                after.append((place, After.SPECTRUM, found))
        back = finding.voltammogram.returning_potential, finding.voltammogram.returning_current
        if back[1].size >= SMALLEST_SWEEP:
            after.append((ends, After.RETURN_SWEEP, _mean_resistance(*back)))
        if finding.kind is not Kind.SWEEP:
            after.append((ends, After.SAME_CURRENT, _at_end(finding)))
        for later in findings[number + 1 :]:
            by = After.LATER_SWEEP if later.kind is Kind.SWEEP else After.LATER_CURRENT
            after += [(places[later.trace], by, _at_start(later))] if later.trace is not None else []
        done.append(replace(finding, aftermath=_compared(before, after, sample.area)))
    return tuple(done)


def _compared(
    before: Sequence[Estimate], after: Sequence[tuple[int, After, Estimate]], area: Estimate | None
) -> Aftermath | None:
    """The smallest resistance before against the last one after; ``None`` where none is known before."""
    known = [one for one in before if one.value > 0]
    if not known:
        return None
    least = min(known, key=lambda one: one.value)
    measured = sorted((one for one in after if math.isfinite(one[2].value)), key=lambda one: one[0])
    if not measured:
        return Aftermath(before=least)
    _, by, left = measured[-1]
    error = math.hypot(*(one.std for one in (least, left) if math.isfinite(one.std)), DRIFT * least.value)
    return Aftermath(
        before=least,
        by=by,
        remaining=left,
        area_remaining=product([(left, 1.0), (area, 1.0)]) if area is not None else None,
        confirmed=left.value + NORMAL_95 * error < least.value,
    )


def _moment(finding: Finding) -> float:
    """When the event was, on the record's clock [s]."""
    record, begun = finding.voltammogram, 0
    if finding.kind is Kind.CONSTANT_CURRENT:  # counted since the current began
        begun = int(np.argmax(np.abs(record.current) > 0.5 * np.abs(np.median(record.current))))
    return float(record.time[begun]) + finding.time.value


def _one_clock(parts: Sequence[Trace | Spectrum]) -> bool:
    """Whether every part's times follow those of the part before."""
    times = [part.time for part in parts]
    if not times or any(time is None or not np.isfinite(time).all() or not time.size for time in times):
        return False
    return all(float(b[0]) >= float(a[-1]) for a, b in itertools.pairwise(times))  # pyright: ignore[reportOptionalSubscript]


def _at_start(finding: Finding) -> Estimate:
    """The resistance at the start of a record [Ω]: the ohmic line's, or the first V/I of a current; NaN without."""
    if finding.kind is Kind.SWEEP:
        return finding.ohmic.resistance if finding.ohmic is not None else Estimate(math.nan)
    if finding.cycling is not None:
        first = finding.cycling.steps[0]
        return Estimate(abs(first.early_potential / first.current)) if first.current else Estimate(math.nan)
    record = finding.voltammogram
    largest = float(np.max(np.abs(record.current), initial=0.0))
    flows = np.flatnonzero(np.abs(record.current) > 0.5 * largest)
    if flows.size == 0:
        return Estimate(math.nan)
    until = flows[record.time[flows] - record.time[flows[0]] < finding.time.value]
    early = (until if until.size else flows)[: max(until.size // _START, 1)]
    return _mean_resistance(np.abs(record.potential[early]), np.abs(record.current[early]))


def _at_end(finding: Finding) -> Estimate:
    """V/I at the end of a record under a current [Ω]; NaN where no current flowed after the event."""
    record = finding.voltammogram
    size = np.abs(record.current)
    flows = np.flatnonzero(size > 0.5 * float(np.max(size, initial=0.0)))
    last = flows[-max(flows.size // _END, 1) :]
    last = last[record.time[last] > _moment(finding)]
    if last.size == 0:
        return Estimate(math.nan)
    return _mean_resistance(np.abs(record.potential[last]), size[last])


def _mean_resistance(potential: Float[np.ndarray, " n"], current: Float[np.ndarray, " n"]) -> Estimate:
    """Mean voltage over mean current [Ω], its error the scatter about that line; a polarised cell shows more."""
    value = float(np.mean(potential) / np.mean(current))
    stray = float(np.std(potential - value * current)) / math.sqrt(current.size) if current.size > 1 else math.nan
    return Estimate(value, stray / abs(float(np.mean(current))))


def _of_spectrum(part: Trace | Spectrum) -> Estimate | None:
    """Re Z at the lowest frequency [Ω], its error what an arc that is not finished there may add: |Im Z|.

    ``None`` for a trace, and for a spectrum that does not come back to the real axis (|Im Z| > Re Z).
    """
    if isinstance(part, Trace) or len(part) == 0:
        return None
    last = complex(part.impedance[np.argmin(part.frequency)])
    return Estimate(last.real, abs(last.imag)) if last.real > abs(last.imag) else None
