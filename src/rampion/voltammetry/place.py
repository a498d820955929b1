"""Where the event lies: current, potential, time and charge of a verdict on one sweep."""

from __future__ import annotations

import math

import numpy as np

from rampion.estimate import Estimate
from rampion.voltammetry.finding import Verdict
from rampion.voltammetry.noise import moving_lines
from rampion.voltammetry.pieces import Pieces
from rampion.voltammetry.voltammogram import Voltammogram

WINDOWS = (5, 7, 10, 14, 20)  # points before a break that a parabola is tried on


def largest(voltammogram: Voltammogram, pieces: Pieces) -> tuple[Estimate, Estimate]:
    """The largest smoothed current and its potential."""
    kept = pieces.index[pieces.outside]
    x, y, noise = voltammogram.ramp[kept], voltammogram.current[kept], voltammogram.noise[kept]
    value, _, error, _ = moving_lines(x, y, noise, max(2, x.size // 50))
    top = int(np.argmax(value))
    step = float(np.median(np.diff(x))) if x.size > 1 else 0.0
    return Estimate(value[top], error[top]), Estimate(x[top], max(step, voltammogram.potential_noise) / math.sqrt(12))


def course_at(voltammogram: Voltammogram, pieces: Pieces, potential: float) -> tuple[Estimate, Estimate]:
    """The course of the current just before a potential: the value at the end of a line through up to 20 points."""
    kept = pieces.index[pieces.outside]
    kept = kept[voltammogram.ramp[kept] < potential]
    x, y, noise = voltammogram.ramp[kept], voltammogram.current[kept], voltammogram.noise[kept]
    if kept.size < 3:
        kept = pieces.index[:3]
        return Estimate(float(np.mean(voltammogram.current[kept]))), Estimate(potential)
    half = min(20, kept.size - 1)
    value, _, error, _ = moving_lines(x, y, noise, half)
    gap = 2 * float(potential - x[-1])
    slope = float(value[-1] - value[-2]) / float(x[-1] - x[-2]) if x[-1] > x[-2] else 0.0
    there = float(value[-1]) + slope * gap / 2
    spread = gap / math.sqrt(12)
    return Estimate(there, math.hypot(float(error[-1]), slope * spread)), Estimate(potential, spread)


def _top_before(voltammogram: Voltammogram, pieces: Pieces, potential: float) -> tuple[Estimate, Estimate]:
    """The largest current up to a break, and where: the top, or the end, of a parabola through the points before it.

    A contact thins before it breaks off and rounds the current: windows grow as long as a parabola describes them
    within the noise, and what the last growth changed counts as uncertainty.
    """
    kept = pieces.index[pieces.outside]
    kept = kept[voltammogram.ramp[kept] < potential]
    if kept.size < WINDOWS[0] or not np.ptp(voltammogram.ramp[kept[-WINDOWS[0] :]]) > 0:
        return course_at(voltammogram, pieces, potential)
    current, place, _ = _top(voltammogram, kept[-WINDOWS[0] :], potential)
    for count in WINDOWS[1:]:
        longer, there, described = _top(voltammogram, kept[-count:], potential)
        if not described:
            break
        moved = longer.value - current.value, there.value - place.value
        current = Estimate(longer.value, math.hypot(longer.std, moved[0]))
        place = Estimate(there.value, math.hypot(there.std, moved[1]))
    return current, place


def _top(voltammogram: Voltammogram, points: np.ndarray, potential: float) -> tuple[Estimate, Estimate, bool]:
    """Top of a parabola through the points, up to a potential; where; and whether the parabola describes them."""
    end = float(voltammogram.ramp[points[-1]])
    x, y = voltammogram.ramp[points] - end, voltammogram.current[points]
    noise = np.maximum(voltammogram.noise[points], 1e-300)
    fitted, covariance = np.polyfit(x, y, 2, w=1 / noise, cov="unscaled")
    degrees = x.size - 3
    excess = float(np.sum(((y - np.polyval(fitted, x)) / noise) ** 2)) / degrees
    covariance = covariance * max(excess, 1.0)
    curvature, slope, _ = fitted
    gap = potential - end
    if curvature < 0 and x[0] < -slope / (2 * curvature) < gap:
        top = -slope / (2 * curvature)
        turn = np.array([slope / (2 * curvature**2), -1 / (2 * curvature), 0.0])
        spread = min(math.sqrt(max(float(turn @ covariance @ turn), 0.0)), float(np.ptp(x)))
    else:
        top, spread = gap, gap / math.sqrt(3)  # the break lies somewhere between two samples
    powers = np.array([top**2, top, 1.0])
    error = math.hypot(math.sqrt(max(float(powers @ covariance @ powers), 0.0)), (2 * curvature * top + slope) * spread)
    described = excess < 1 + 3 * math.sqrt(2 / degrees)
    place = Estimate(end + top, math.hypot(spread, voltammogram.potential_noise))
    return Estimate(float(np.polyval(fitted, top)), error), place, described


def place_event(voltammogram: Voltammogram, pieces: Pieces, verdict: Verdict) -> tuple[Estimate, Estimate]:
    """Current [A] and potential [V] of the event."""
    if verdict is Verdict.PENETRATION:
        assert pieces.penetration is not None
        return pieces.penetration.onset_current, pieces.penetration.onset_potential
    if verdict is Verdict.LIMITING_PEAK:
        assert pieces.peak is not None
        return pieces.peak.current, pieces.peak.potential
    if verdict is Verdict.SOFT_SHORT:
        starts = [e.potential for e in pieces.excursions if e.height > 0]
        kept = voltammogram.ramp[pieces.index[pieces.outside]]
        starts += [float(kept[rise.at]) for rise in pieces.rises if rise.recovered]
        if not starts and pieces.noise_change is not None:
            starts = [pieces.noise_change.potential]
        return course_at(voltammogram, pieces, min(starts))
    if verdict is Verdict.CONTACT_LOSS:
        assert pieces.contact is not None
        if pieces.contact.by == "exhausted" and pieces.peak is not None:
            return pieces.peak.current, pieces.peak.potential
        first = min(pieces.contact.first, pieces.index.size - 2)
        middle = 0.5 * float(np.sum(voltammogram.ramp[pieces.index[first : first + 2]]))
        return _top_before(voltammogram, pieces, middle)
    if verdict is Verdict.INSTRUMENT_LIMIT and pieces.clipping is not None:
        return (
            Estimate(pieces.clipping.current, max(voltammogram.resolution, 1e-12) / math.sqrt(12)),
            Estimate(pieces.clipping.potential, pieces.clipping.potential_error),
        )
    end = float(voltammogram.ramp[pieces.index[-1]])
    error = max(voltammogram.potential_noise, voltammogram.ramp[pieces.index[-1]] - voltammogram.ramp[pieces.index[-2]])
    return largest(voltammogram, pieces)[0], Estimate(end, float(error))


def clocked(voltammogram: Voltammogram, current: Estimate, potential: Estimate) -> tuple[Estimate, Estimate]:
    """Time [s] and charge [C] from the start of the sweep to the event; NaN without a clock.

    The charge is the trapezoidal integral of the recorded current, pauses included; its error is that of the event's
    place times the current there, joined with the noise.
    """
    if voltammogram.scan_rate is None:
        return Estimate(math.nan), Estimate(math.nan)
    moving = np.flatnonzero(voltammogram.swept)
    order = np.maximum.accumulate(voltammogram.ramp[moving])
    at = float(np.interp(potential.value, order, voltammogram.time[moving]))
    error = potential.std / max(voltammogram.scan_rate.value, 1e-300)
    steps = np.diff(voltammogram.time)
    passed = np.concatenate([[0.0], np.cumsum(0.5 * (voltammogram.current[1:] + voltammogram.current[:-1]) * steps)])
    charge = float(np.interp(at, voltammogram.time, passed))
    before = voltammogram.time[1:] <= at
    scatter = math.sqrt(float(np.sum((voltammogram.noise[1:] * steps)[before] ** 2)))
    return (
        Estimate(at - float(voltammogram.time[0]), error),
        Estimate(charge, math.hypot(abs(current.value) * error, scatter)),
    )
