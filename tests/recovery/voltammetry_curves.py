"""Curves of known truth: a binary cell, contact loss, spikes, shorts and limits, with an instrument's noise. Synthetic.

The binary cell is computed here by finite volumes in numpy, independently of rampion's own simulator, in the
dimensionless form that similarity allows: φ = FV/RT, j = J/J_lim, τ = tD/L², W = vL²F/(D RT).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from rampion.estimate import Estimate
from rampion.measurement import Sample, Sweep, Trace

THERMAL = 0.0256926  # RT/F at 298.15 K [V]
NOISES = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02)  # of the current at the event
VERDICTS = ("limiting_peak", "penetration", "soft_short", "current_loss", "instrument_limit", "no_event")
# W, t₊, R_int σ₀/L, φ at the end, (φ, τ·W of the hold) pauses
BINARY = (
    (40.0, 0.5, 0.0, 16.0, False),
    (80.0, 0.8, 0.3, 24.0, False),
    (163.7, 0.8, 0.0, 24.0, False),
    (163.7, 0.8, 0.0, 24.0, True),
    (300.0, 0.3, 1.0, 24.0, False),
    (600.0, 0.9, 0.1, 40.0, False),
    (1000.0, 0.6, 0.5, 40.0, True),
    (3000.0, 0.7, 0.0, 60.0, False),
)
PLATEAUX = ((4.0, 0.8, 0.0, 14.0, False), (10.0, 0.5, 0.2, 14.0, False))


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """A synthetic trace with what is true of it: verdict, current [A] and potential [V] of the event."""

    trace: Trace
    sample: Sample
    verdict: str
    current: float
    potential: float
    conductance: float
    noise: float
    family: str


@functools.cache
def binary_curve(width, transference, interface, end, paused):
    """A cached sweep: (τ, φ, j)."""
    pauses = tuple((phi, 0.09 * end / 12 / width) for phi in np.arange(end / 12, end, end / 12)) if paused else ()
    return binary_sweep(width, transference, interface, end, pauses=pauses)


def binary_sweep(width, transference, interface=0.0, end=24.0, steps=1200, pauses=()):
    """φ(τ) = Wτ swept to ``end`` across a dilute binary cell: (τ, φ, j), by implicit Euler on a graded mesh.

    ``interface`` is R_int σ₀/L; ``pauses`` lists (φ, length in τ) of holds.
    """
    cells = 90
    half = np.concatenate([[0.0], np.cumsum(1.2 ** np.arange(cells // 2))])
    half = 0.5 * half / half[-1]  # fine at both electrodes: the two polarise alike from the first point on
    edges = np.concatenate([half, 1.0 - half[-2::-1]])
    h = np.diff(edges)
    gaps = 0.5 * (h[1:] + h[:-1])
    flux = np.zeros((cells, cells))
    for k, gap in enumerate(gaps):
        flux[k, k] -= 1 / gap / h[k]
        flux[k, k + 1] += 1 / gap / h[k]
        flux[k + 1, k + 1] -= 1 / gap / h[k + 1]
        flux[k + 1, k] += 1 / gap / h[k + 1]
    source = np.zeros(cells)
    source[0], source[-1] = -2.0 / h[0], 2.0 / h[-1]
    cut = sorted(pauses)
    phi, tau, program = 0.0, 0.0, []
    step = end / steps
    while phi < end - 1e-9:
        nxt = phi + step
        if cut and nxt >= cut[0][0]:
            length = cut.pop(0)[1]
            program += [(length / 20, phi)] * 20
        phi = min(nxt, end)
        program.append((step / width, phi))
    inverses = {}
    for dt in {round(dt, 15) for dt, _ in program}:
        inverse = np.linalg.inv(np.eye(cells) - dt * flux)
        inverses[dt] = (inverse, inverse @ (dt * source))
    u = np.ones(cells)
    lengths = np.concatenate([[h[0] / 2], gaps, [h[-1] / 2]])
    out = [(0.0, 0.0, 0.0)]
    for dt, phi in program:
        inverse, gain = inverses[round(dt, 15)]
        base = inverse @ u
        surface, slope = base[0], gain[0] - h[0]
        lo, hi = np.log(1e-280), np.log(surface)
        y = np.clip(np.log(max(u[0] - h[0] * out[-1][2], 1e-30)), lo, hi - 1e-9)

        def current(y, surface=surface, slope=slope):
            return (surface - np.exp(y)) / -slope

        def voltage(y, base=base, gain=gain, current=current):
            j = current(y)
            v = base + j * gain
            nodes = np.concatenate([[np.exp(y)], v, [v[-1] + j * h[-1]]])
            ratio = nodes[1:] / nodes[:-1]
            safe = np.where(np.abs(ratio - 1) < 1e-6, 2.0, ratio)
            mean = np.where(safe != ratio, nodes[1:], (nodes[1:] - nodes[:-1]) / np.log(safe))
            ohmic = 4 * transference * j * (np.sum(lengths / mean) + interface)
            return ohmic + 2 * (1 - transference) * (np.log(nodes[-1]) - y)

        # the surface value is the unknown near depletion: j = (surface - e^y)/(-slope)
        for _ in range(80):
            f = voltage(y) - phi
            if f > 0:
                lo = y
            else:
                hi = y
            d = 1e-6
            fd = (voltage(y + d) - phi - f) / d
            new = y - f / fd if fd != 0 else 0.5 * (lo + hi)
            if not lo < new < hi:
                new = 0.5 * (lo + hi)
            if abs(new - y) < 1e-10:
                y = new
                break
            y = new
        j = current(y)
        u = base + j * gain
        tau += dt
        out.append((tau, phi, j))
    return tuple(np.array(column) for column in zip(*out, strict=True))


def contact_sweep(contact_share, depletion, points=4000):
    """θ' = -i/q, i = x/(1 + s(1/θ - 1)) with x = V/V_end: (x, i over the ohmic current at the end).

    ``contact_share`` s is the share of the contact in the resistance at the start, ``depletion`` q the charge in
    units of the ohmic sweep's.
    """
    x = np.linspace(0.0, 1.0, points)
    log_theta, values = 0.0, np.zeros(points)

    def rate(at, y):
        theta = np.exp(y)
        return -at / (theta + contact_share * (1.0 - theta)) / (0.5 * depletion) * 1.0

    step = x[1]
    for k in range(points):
        theta = np.exp(log_theta)
        values[k] = x[k] * theta / (theta + contact_share * (1.0 - theta))
        if k + 1 < points:
            a = rate(x[k], log_theta)
            b = rate(x[k] + step / 2, log_theta + step / 2 * a)
            log_theta = log_theta + step * b * 0.5
    return x, values


def _binary(rng, bank):
    """A cell of the bank in volts and amperes: (time, potential, current, ohmic conductance, area, thickness)."""
    width, transference, interface, end, paused = bank[rng.integers(len(bank))]
    tau, phi, j = binary_curve(width, transference, interface, end, paused)
    thickness, area = rng.uniform(0.3e-3, 3e-3), rng.uniform(2e-6, 1e-4)
    sigma = 10 ** rng.uniform(-2.3, -0.7)
    limit = 4 * transference * THERMAL * sigma / thickness * area
    rate = 10 ** rng.uniform(-5.5, -3)
    time = tau * width * THERMAL / rate  # dφ = W dτ while swept
    return time, phi * THERMAL, j * limit, sigma * area / thickness / (1 + interface), area, thickness


def _ohmic(rng):
    """A resistor swept to 0.3 … 3 V."""
    thickness, area = rng.uniform(0.3e-3, 3e-3), rng.uniform(2e-6, 1e-4)
    conductance = 10 ** rng.uniform(-2.3, -0.7) * area / thickness
    end, rate = rng.uniform(0.3, 3.0), 10 ** rng.uniform(-5.5, -3)
    potential = np.linspace(0.0, end, 6001)
    return potential / rate, potential, conductance * potential, conductance, area, thickness


def _maximum(potential, current):
    """Vertex of the parabola through the largest point and its neighbours; the point itself beside a pause."""
    k = int(np.argmax(current))
    gap = potential[k + 1] - potential[k]
    if min(gap, potential[k] - potential[k - 1]) <= 0:
        return float(current[k]), float(potential[k])
    a, b, c = np.polyfit((potential[k - 1 : k + 2] - potential[k]) / gap, current[k - 1 : k + 2], 2)
    return float(c - b * b / (4 * a)), float(potential[k] - gap * b / (2 * a))


def _cut(parts, end):
    """The dense curve up to a potential."""
    time, potential, current = parts
    last = int(np.searchsorted(potential, end, side="right"))
    return time[:last], potential[:last], current[:last]


def make_case(verdict, rng, noise=None):
    """A random case of a verdict: a dense noise-free curve, then an instrument's sampling, noise, drift and steps."""
    noise = float(rng.choice(NOISES)) if noise is None else noise
    builder = {
        "limiting_peak": _limiting_peak,
        "penetration": _penetration,
        "soft_short": _soft_short,
        "current_loss": _contact_loss,
        "instrument_limit": _instrument_limit,
        "no_event": _no_event,
    }[verdict]
    return builder(rng, noise)


def _limiting_peak(rng, noise):
    time, potential, current, conductance, area, thickness = _binary(rng, BINARY)
    peak, place = _maximum(potential, current)
    end = min(potential[-1], place * rng.uniform(1.5, 3.0))
    dense = _cut((time, potential, current), end)
    return _measure(rng, dense, noise, "limiting_peak", peak, place, conductance, area, thickness, "binary")


def _rise(rng, size, place):
    """A rise after its onset, as a function of the potential past it."""
    kind = rng.choice(["exponential", "power", "step"])
    if kind == "exponential":
        amplitude, fold = size * 10 ** rng.uniform(-2, -1), place * rng.uniform(0.02, 0.1)
        return kind, lambda past: amplitude * np.expm1(np.clip(past, 0, 40 * fold) / fold)
    if kind == "power":
        power, length = rng.uniform(1.0, 2.0), place * rng.uniform(0.03, 0.15)
        return kind, lambda past: size * (np.clip(past, 0, None) / length) ** power
    factor = rng.uniform(1.5, 20.0)
    return kind, lambda past: np.where(past > 0, (factor - 1) * size * (1 + past / place), 0.0)


def _penetration(rng, noise):
    base = rng.choice(["ohmic", "binary", "after peak"], p=[0.6, 0.2, 0.2])
    if base == "ohmic":
        time, potential, current, conductance, area, thickness = _ohmic(rng)
        place = potential[-1] * rng.uniform(0.3, 0.85)
    else:
        time, potential, current, conductance, area, thickness = _binary(rng, [c for c in BINARY if not c[4]])
        peak_at = _maximum(potential, current)[1]
        place = peak_at * (rng.uniform(0.4, 0.8) if base == "binary" else rng.uniform(1.5, 2.0))
        place = min(place, 0.8 * potential[-1])
    onset = float(np.interp(place, potential, current))
    kind, rise = _rise(rng, onset, place)
    fine = np.linspace(potential[0], potential[-1], 40001)
    time, current = np.interp(fine, potential, time), np.interp(fine, potential, current)
    current = current + rise(fine - place)
    top = onset * rng.uniform(3.0, 15.0)
    over = np.flatnonzero(current > top)
    dense = (time, fine, current)
    if over.size and rng.random() < 0.7:  # the experiment is stopped
        last = min(max(over[0], int(np.searchsorted(fine, place * 1.03))), fine.size - 1)
        dense = tuple(column[: last + 1] for column in dense)
    elif over.size:  # the instrument clips
        dense = (time, fine, np.minimum(current, top))
    return _measure(rng, dense, noise, "penetration", onset, place, conductance, area, thickness, f"{base}, {kind}")


def _soft_short(rng, noise):
    time, potential, current, conductance, area, thickness = _ohmic(rng)
    count = int(rng.integers(1, 6))
    starts = np.sort(rng.uniform(0.2, 0.9, count)) * potential[-1]
    fine = np.linspace(potential[0], potential[-1], 40001)
    time, current = np.interp(fine, potential, time), conductance * fine
    scale = conductance * potential[-1]
    extra, begin = np.zeros(fine.size), None
    for start in starts:
        end = start + potential[-1] * rng.uniform(0.02, 0.06)
        inside = (fine >= start) & (fine < min(end, 0.97 * potential[-1]))
        if extra[inside].any():
            continue
        extra[inside] = max(10 * noise * scale, rng.uniform(0.05, 0.8) * conductance * start)
        begin = start if begin is None else begin
    onset = conductance * begin
    dense = (time, fine, current + extra)
    return _measure(
        rng, dense, noise * scale / onset, "soft_short", onset, begin, conductance, area, thickness, "excursions",
        stated=noise, least=300,
    )  # fmt: skip


def _contact_loss(rng, noise):
    _, potential, ohmic, conductance, area, thickness = _ohmic(rng)
    rate = 10 ** rng.uniform(-5.5, -3)
    if rng.random() < 0.6:
        shape = np.ones(1)
        while shape[-1] > 0.05 * shape.max():  # the sweep goes on until the current has died
            x, shape = contact_sweep(10 ** rng.uniform(-2, -0.3), rng.uniform(0.1, 0.3))
        potential = x * potential[-1]
        current = shape * conductance * potential[-1]
        peak, place = _maximum(potential, current)
        family = "exhausted"
    else:
        share, left = np.ones(potential.size), 1.0
        steps = np.sort(rng.uniform(0.35, 0.85, int(rng.integers(1, 5))))
        place = steps[0] * potential[-1]
        for step in steps:
            left *= rng.uniform(0.4, 0.75)
            share[potential > step * potential[-1]] = left
        current = ohmic * share
        peak, family = conductance * place, "abrupt"
    dense = (potential / rate, potential, current)
    return _measure(rng, dense, noise, "current_loss", peak, place, conductance, area, thickness, family)


def _instrument_limit(rng, noise):
    time, potential, current, conductance, area, thickness = _ohmic(rng)
    place = rng.uniform(0.3, 0.85) * potential[-1]
    limit = conductance * place
    dense = (time, potential, current)
    return _measure(
        rng, dense, noise, "instrument_limit", limit, place, conductance, area, thickness, "clipped", limit=limit
    )


def _no_event(rng, noise):
    kind = rng.choice(["ohmic", "before the peak", "plateau"])
    if kind == "ohmic":
        time, potential, current, conductance, area, thickness = _ohmic(rng)
    elif kind == "plateau":
        time, potential, current, conductance, area, thickness = _binary(rng, PLATEAUX)
    else:
        time, potential, current, conductance, area, thickness = _binary(rng, BINARY)
        place = _maximum(potential, current)[1]
        time, potential, current = _cut((time, potential, current), place * rng.uniform(0.4, 0.8))
    return _measure(
        rng, (time, potential, current), noise, "no_event", float(current[-1]), float(potential[-1]), conductance, area,
        thickness, kind,
    )  # fmt: skip


def _measure(
    rng, dense, noise, verdict, current, potential, conductance, area, thickness, family, limit=None, stated=None,
    least=150,
):  # fmt: skip
    """What an instrument records of a dense curve: sampled, paused, drifting, noisy, in steps; truth includes drift."""
    time, level, amps = dense
    points = int(np.exp(rng.uniform(np.log(least), np.log(3000))))
    if rng.random() < 0.3:  # uneven
        grid = np.sort(np.concatenate([[time[0], time[-1]], rng.uniform(time[0], time[-1], points - 2)]))
    else:
        grid = np.linspace(time[0], time[-1], points)
    v, i = np.interp(grid, time, level), np.interp(grid, time, amps)
    drift = rng.random() < 0.3
    slope, offset = (rng.uniform(-0.003, 0.003, 2) * abs(current)) if drift else (0.0, 0.0)
    i = i + offset + slope * (grid - grid[0]) / (grid[-1] - grid[0])
    when = float(np.interp(potential, level, time))
    if limit is None:
        current = current + offset + slope * (when - grid[0]) / (grid[-1] - grid[0])
    else:  # the recorded current, drift and all, is what meets the limit
        drifted = amps + offset + slope * (time - grid[0]) / (grid[-1] - grid[0])
        potential = float(np.interp(limit, drifted, level))
    if verdict != "limiting_peak" and rng.random() < 0.3:  # pauses of an ohmic cell: the current stands still
        grid, v, i = _paused(rng, grid, v, i)
    sigma = noise * abs(current)
    i = i + sigma * rng.standard_normal(i.size)
    if rng.random() < 0.3:
        step = sigma * rng.uniform(0.5, 3.0)
        i = np.round(i / step) * step
    if limit is not None:
        i = np.minimum(i, limit)
    v = v + 2e-5 * rng.standard_normal(v.size) if rng.random() < 0.5 else v
    sign = -1.0 if rng.random() < 0.1 else 1.0
    rate = float(np.median(np.diff(v) / np.diff(grid)))
    trace = Trace(
        time=grid, potential=sign * v, current=sign * i, synthetic=True,
        protocol=Sweep(rate=abs(rate)) if rng.random() < 0.3 else None,
    )  # fmt: skip
    sample = Sample(name=family, thickness=Estimate(thickness, 0.0), area=Estimate(area, 0.0))
    return Case(
        trace=trace, sample=sample, verdict=verdict, current=float(current), potential=float(potential),
        conductance=conductance, noise=stated or noise, family=family,
    )  # fmt: skip


def _paused(rng, grid, v, i):
    """Holds at equal spacing of potential: recorded, or only as gaps in time."""
    levels = np.linspace(v[0], v[-1], int(rng.integers(4, 16)))[1:-1]
    length = rng.uniform(0.01, 0.1) * (grid[-1] - grid[0])
    recorded = rng.random() < 0.5
    for level in levels:
        k = int(np.searchsorted(v, level))
        if k <= 1 or k >= v.size - 1:
            continue
        extra = np.linspace(0, length, 12)[1:-1] if recorded else np.zeros(0)
        grid = np.concatenate([grid[:k], grid[k - 1] + extra, grid[k:] + length])
        v = np.concatenate([v[:k], np.full(extra.size, v[k - 1]), v[k:]])
        i = np.concatenate([i[:k], np.full(extra.size, i[k - 1]), i[k:]])
    return grid, v, i
