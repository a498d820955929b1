"""Sweeps of known truth from a finite-volume cell: generator A of the two that calibrate the verdicts on a sweep.

``draw(kind, seed)`` returns one record as an instrument writes it, and what happened in it. Every number comes from
``numpy.random.default_rng([1207, index of the kind, seed])``; nothing here uses the package that is judged.

Polarising cells, contacts that are used up and filaments are those of ``foreign_cell.py``. Shorts that heal are
telegraph signals; breaks leave a part of the area. Truth is that of the current without the instrument's offset, gain,
resolution and noise. W = F·v·L²/(R·T·D) is 5 … 5000, thickness 0.2 … 3 mm, area 4 … 100 mm², 0.03 … 0.7 mS/cm with
interfaces, rates 0.003 … 1 mV/s, 300 … 20 000 points, noise 0.01 … 2 % of the current at the event.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from foreign_cell import RT_F, Cell, contact_course, dense, filament, swept
from foreign_instrument import NOISES, SAMPLINGS, Course, instrument, log_uniform, sample

KINDS = (
    "limiting_peak", "paused_peak", "limiting_plateau", "penetration", "soft_short", "current_loss",
    "instrument_limit", "no_event", "voltage_runaway", "ohmic",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class FiniteVolumeRecord:
    """A record of one cell and its truth; NaN where a truth is not defined (the potential where a plateau begins).

    ``time`` [s], ``potential`` [V], ``current`` [A]; ``thickness`` [m], ``area`` [m²]. ``accepted``: the verdicts that
    hold, for the ``reason`` given. At the event: ``event_density`` [A/m²], ``event_potential`` [V], ``event_charge``
    [C/m²] passed until then; without an event those of the last point. ``conductance`` [S/m²] of the cell at rest.
    ``pause_fraction``: pause over ramp between pauses. ``noise_share``: of the event's current.
    """

    kind: str
    seed: int
    time: np.ndarray
    potential: np.ndarray
    current: np.ndarray
    thickness: float
    area: float
    verdict: str
    accepted: frozenset[str]
    reason: str
    family: str
    event_density: float
    event_potential: float
    event_charge: float
    conductance: float
    pause_fraction: float
    noise: str
    noise_share: float
    sampling: str
    effects: tuple[str, ...]


def random_cell(rng: np.random.Generator, least: float = 0.02) -> tuple[Cell, str]:
    """A cell of random transference number, interface and, in part, kinetics or a conductivity that is not ∝ c."""
    t, r = rng.uniform(0.3, 0.95), log_uniform(rng, least, 1.5)
    kinetic = log_uniform(rng, 0.03, 0.6) if rng.uniform() < 0.3 else 0.0
    p, gamma = (rng.uniform(0.75, 1.25), rng.uniform(0.8, 1.3)) if rng.uniform() < 0.25 else (1.0, 1.0)
    return Cell(t, r, kinetic, p, gamma), f"t₊ {t:.2f} r {r:.2f} kinetic {kinetic:.2f} p {p:.2f} Γ {gamma:.2f}"


def off_zero(rng: np.random.Generator, often: float, w: float) -> float:
    """The potential [RT/F] at which a ramp begins: 0, or (as often as said) up to a quarter of a peak's at this W."""
    return rng.uniform(0.02, 0.25) * 2.2 * w**0.35 if rng.uniform() < often else 0.0


def baseline(rng: np.random.Generator, g: float, v: float) -> Course:
    """A sound cell's ramp that ends before its own limit: ohmic, ohmic with kinetics, or polarising; no event."""
    if rng.uniform() < 0.4:
        end = log_uniform(rng, 0.03, 0.8)
        t = np.linspace(off_zero(rng, 0.15, 20) / 6 * end, end, 24001) / v
        kinetic = log_uniform(rng, 0.03, 0.5) if rng.uniform() < 0.3 else 0.0
        j = np.linspace(0.0, 4.0 * g * end, 20001)
        over = (1 - kinetic) * j / g + kinetic * 4 * RT_F * np.arcsinh(j / g / (4 * RT_F))
        return Course(t=t, v=v * t, j=np.interp(v * t, over, j), segment=np.ones(t.size, int), verdict="no_event",
                      family=f"ohmic, kinetic {kinetic:.2f}", event=t.size - 1, conductance=g)  # fmt: skip
    cell, words = random_cell(rng)
    w = log_uniform(rng, 5, 5000)
    pieces = swept(cell, w, 0.002, start=off_zero(rng, 0.15, w), furthest=4.0 if w < 20 else 149.0)
    t, u, j, segment = dense(pieces)
    grid = np.linspace(u[0], u[j.argmax()], 400)
    flat = np.gradient(np.interp(grid, u, j), grid) * cell.rest_resistance < 0.2
    flat[: int(0.4 * flat.size)] = False  # there it settles after the jump to its first potential
    bent = grid[np.argmax(flat)] if flat.any() else grid[-1]  # before it nothing has levelled off
    keep = slice(0, int(np.searchsorted(u, min(rng.uniform(0.4, 0.9) * grid[-1], bent))))
    j = j[keep] * cell.rest_resistance * g * RT_F
    return Course(t=t[keep] * w * RT_F / v, v=u[keep] * RT_F, j=j, segment=segment[keep], verdict="no_event",
                  family=f"binary W {w:.0f} {words}", event=j.size - 1, conductance=g)  # fmt: skip


def limiting(rng: np.random.Generator, g: float, v: float, paused: bool) -> Course:
    """A binary cell's maximum, 3 … 45 % of fall after it, with or without pauses that begin at even potentials."""
    for _ in range(50):
        cell, words = random_cell(rng)
        w, pauses = log_uniform(rng, 40, 5000), None
        if paused:
            w = log_uniform(rng, 80, 5000)
            how = str(rng.choice(["hold", "hold", "hold gap", "zero", "rest", "rest gap"]))
            pauses = (2.2 * w**0.35 / rng.uniform(3, 12), rng.uniform(0.1, 1.5), how)
        pieces = swept(cell, w, log_uniform(rng, 0.03, 0.45), pauses, start=off_zero(rng, 0.0 if paused else 0.3, w))
        if pieces is not None:
            break
    t, u, j, segment = dense(pieces)
    seen = np.where(segment > 0, j, -np.inf)
    event = int(seen.argmax())
    fresh = event > 0 and segment[event - 1] != segment[event]  # a cell that has rested, at a high potential at once
    return Course(
        t=t * w * RT_F / v, v=u * RT_F, j=j * cell.rest_resistance * g * RT_F, segment=segment, verdict="limiting_peak",
        family=f"binary W {w:.0f} {words}" + (f" {pauses[2]}" if pauses else ""), event=event, conductance=g,
        pause_fraction=pauses[1] if pauses else 0.0, unknown=("J", "V", "Q") if fresh else (),
    )  # fmt: skip


def levelling(rng: np.random.Generator, g: float, v: float) -> Course:
    """A slow sweep that levels off at the limiting current without a maximum: dJ/dV below 2 % of G at the end."""
    while True:
        cell, words = random_cell(rng)
        w = log_uniform(rng, 5, 15)
        t, u, j, segment = dense(swept(cell, w, 1.0, furthest=rng.uniform(12, 40) * (1 + cell.r / 2)))
        slope = (j[-1] - np.interp(0.97 * u[-1], u, j)) / (0.03 * u[-1]) * cell.rest_resistance
        if slope < 0.015 and j[-1] > 0.995 * j.max():
            break
    return Course(t=t * w * RT_F / v, v=u * RT_F, j=j * cell.rest_resistance * g * RT_F, segment=segment,
                  verdict="limiting_plateau", family=f"binary W {w:.1f} {words}", event=j.size - 1, conductance=g,
                  unknown=("V", "Q"))  # fmt: skip


def penetrating(rng: np.random.Generator, g: float, v: float, noise: float) -> Course:
    """A filament that grows until 1.5 … 20 times the current flows, in part held at the instrument's limit then."""
    c = baseline(rng, g, v)
    c.event = int(rng.uniform(0.35, 0.85) * c.t.size)
    n, since = float(rng.choice([0.0, 1.0, 1.5, 2.0])), c.t - c.t[c.event]
    last = since[-1]
    top = c.j[c.event] / c.v[c.event] * max(log_uniform(rng, 0.5, 20), 12 * noise)
    if rng.uniform() < 0.3:
        n, extra = math.nan, np.where(since > 0, top, 0.0)
    elif n == 0.0:
        extra = top * np.clip(since / (last * rng.uniform(0.1, 1.0)), 0.0, 1.0)
    else:
        g0 = top * log_uniform(rng, 0.01, 0.1)
        k = (1.0 if n == 1 else g0 ** (1 - n)) / (last * log_uniform(rng, 0.02, 0.2))
        extra = np.minimum(filament(since, k, g0, n), top)
    c.j = c.j + extra * c.v
    c.verdict, c.family = "penetration", f"filament n {n} top {top / g:.1f} on {c.family}"
    limit = c.j[c.event] * log_uniform(rng, 3, 10)
    soon = int(np.argmax(c.t > 1.02 * c.t[c.event]))  # a later onset would be as good where the rise drowns in noise
    c.most_noise = max(1e-4, extra[soon] * c.v[soon] / c.j[soon] / 3)
    if rng.uniform() < 0.25 and c.j.max() > limit:
        over = int(np.argmax(c.j > limit))
        c.v[over:] = np.minimum(c.v[over:], limit * c.v[over:] / c.j[over:])
        c.j[over:] = limit
        c.family, c.reason = "held at the current limit, " + c.family, "potential collapses at the limit: a short"
    return c


def shorting(rng: np.random.Generator, g: float, v: float, noise: float) -> Course:
    """One to eight parallel conductances that come and go at once (telegraph), the course as before after each."""
    c = baseline(rng, g, v)
    on = np.zeros(c.t.size)
    for start in np.sort(rng.uniform(0.3, 0.9, rng.integers(1, 9))):
        first = int(start * c.t.size)
        on[first : first + int(c.t.size * log_uniform(rng, 0.008, 0.05))] = max(
            log_uniform(rng, 0.05, 1.5), 10 * noise * c.j[-1] / c.j[first]
        )
    c.event = int(np.argmax(on > 0)) - 1
    c.j = c.j * (1 + on)
    c.verdict, c.family = "soft_short", f"telegraph on {c.family}"
    return c


def losing(rng: np.random.Generator, g: float, v: float) -> Course:
    """A contact that is used up, or one that breaks off at once."""
    if rng.uniform() < 0.35:
        c = baseline(rng, g, v)
        c.event = int(rng.uniform(0.4, 0.85) * c.t.size)
        c.j[c.event + 1 :] *= rng.choice([0.0, rng.uniform(0.0, 0.4)])
        c.verdict, c.family = "current_loss", f"break on {c.family}"
        return c
    share, m = log_uniform(rng, 0.003, 0.5), float(rng.choice([1.0, 0.5]))
    t, u, j, segment = dense([(contact_course(share, m), True)])
    scale, event = log_uniform(rng, 0.04, 0.6), int(j.argmax())
    half = u[event:][np.argmax(j[event:] < 0.5 * j.max())] / u[event] - 1 if (j[event:] < 0.5 * j.max()).any() else 1.0
    c = Course(t=t * scale / v, v=u * scale, j=j * scale * g, segment=segment, verdict="current_loss",
               family=f"used up, share {share:.3f} m {m}", event=event, conductance=g)  # fmt: skip
    if half > 0.05:
        c.accepted, c.reason = {"limiting_peak"}, f"smooth maximum: half of it is left {half:.0%} further"
    return c


def runaway(rng: np.random.Generator, g: float, below: bool) -> Course:
    """Constant current or three rising steps; above the limit the wall empties and V runs into the limit."""
    cell, words = random_cell(rng)
    diffusion, clock, pieces, moment = log_uniform(rng, 100, 1e5), 0.0, [], math.nan
    last = rng.uniform(0.3, 1.7) if below else 2 * log_uniform(rng, 1.15, 6)
    for j in [0.3 * min(last, 2), 0.6 * min(last, 2), last] if rng.uniform() < 0.4 else [last]:
        rows, moment = cell.constant(j, math.pi / j**2 if j >= 2 else 0.3 if j < last else 0.5)  # four times Sand's
        moment, rows = clock + moment, rows + np.array([clock, 0.0, 0.0])
        pieces.append((rows, True))
        clock = rows[-1, 0]
    t, u, j, segment = dense(pieces, monotone=True)
    top = rng.uniform(1.0, 4.0) / RT_F
    t, u, j, segment = (
        (a[: np.argmax(u > top) or None] for a in (t, u, j, segment)) if u.max() > top else (t, u, j, segment)
    )
    event = t.size - 1 if below else int(min(np.searchsorted(t, moment), t.size - 1))
    return Course(t=t * diffusion, v=u * RT_F, j=j * cell.rest_resistance * g * RT_F, segment=segment, event=event,
                  verdict="no_event" if below else "voltage_runaway", family=f"constant current {last / 2:.2f} {words}",
                  conductance=g, unknown=("V",), galvanostatic=True)  # fmt: skip


def draw(kind: str, seed: int, *, noise: str | None = None, sampling: str | None = None) -> FiniteVolumeRecord:
    """One record of ``kind`` (of ``KINDS``); the kind of noise and the sampling are drawn where not given."""
    rng = np.random.default_rng([1207, KINDS.index(kind), seed])
    noise = noise or str(rng.choice(NOISES, p=[0.6, 0.2, 0.07, 0.07, 0.06]))
    sampling = sampling or str(rng.choice(SAMPLINGS, p=[0.7, 0.2, 0.1]))
    thickness, area = log_uniform(rng, 0.2e-3, 3e-3), log_uniform(rng, 4e-6, 100e-6)
    g, v, share = (
        log_uniform(rng, 0.005, 0.1) / thickness / 1.5,
        log_uniform(rng, 3e-6, 1e-3),
        log_uniform(rng, 1e-4, 0.02),
    )
    n = int(log_uniform(rng, 300, 20000))
    effects: list[str] = []
    if kind in ("limiting_peak", "paused_peak"):
        c = limiting(rng, g, v, kind == "paused_peak")
        share = min(share, 0.15 * (1 - c.j[-1] / c.j[c.event]))
    elif kind == "limiting_plateau":
        c = levelling(rng, g, v)
    elif kind == "penetration":
        c = penetrating(rng, g, v, share)
        share = min(share, c.most_noise)
    elif kind == "soft_short":
        c, n = shorting(rng, g, v, share), max(n, 800)
    elif kind == "current_loss":
        c = losing(rng, g, v)
    elif kind == "voltage_runaway" or (kind == "no_event" and rng.uniform() < 0.15):
        c = runaway(rng, g, kind == "no_event")
    elif kind == "ohmic":
        t = np.linspace(0.0, log_uniform(rng, 0.03, 0.8) / v, 24001)
        c = Course(t=t, v=v * t, j=g * v * t, segment=np.ones(t.size, int), verdict="no_event", family="ohmic",
                   event=t.size - 1, conductance=g)  # fmt: skip
    else:
        c = baseline(rng, g, v)
    if kind == "instrument_limit":
        c.event = int(rng.uniform(0.4, 0.9) * c.t.size)
        c.verdict, c.family = kind, f"clip on {c.family}"
        if rng.uniform() < 0.7:
            c.full, c.family = float(c.j[c.event]), "full " + c.family
        else:
            c.controlled = float(c.j[c.event])
            if "ohmic" in c.family and rng.uniform() < 0.5:
                c.v, c.family = np.minimum(c.v, c.v[c.event]), c.family + ", potential limited as well"
            c.j = np.minimum(c.j, c.controlled)
    passed = np.concatenate([[0.0], np.cumsum(0.5 * (c.j[1:] + c.j[:-1]) * np.diff(c.t))])
    truth = {"J": float(c.j[c.event]), "V": float(c.v[c.event]), "Q": float(passed[c.event])}
    truth.update(dict.fromkeys(c.unknown, math.nan))
    t, u, j = sample(rng, c, sampling, n)
    u, j, effects = instrument(rng, c, u, j, noise, share)
    return FiniteVolumeRecord(
        kind=kind, seed=seed, time=t, potential=u, current=j * area, thickness=thickness, area=area, verdict=c.verdict,
        accepted=frozenset({c.verdict, *c.accepted}), reason=c.reason, family=c.family, event_density=truth["J"],
        event_potential=truth["V"], event_charge=truth["Q"], conductance=c.conductance, pause_fraction=c.pause_fraction,
        noise=noise, noise_share=share, sampling=sampling, effects=tuple(effects),
    )  # fmt: skip
