"""What generator A's instrument makes of a cell's course: sampling, noise, offset, resolution, ranges, polarity.

Noise of unit standard deviation, from sample to sample: white; AR(1), φ 0.3 … 0.98; AR(2) with complex poles; pink
(1/f); mains, a sinusoid at the frequency to which sampling folds it, with a fifth of the variance white. Used by
``foreign_sweeps_a.py`` only; generator B has noise of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from scipy.signal import lfilter

NOISES = ("white", "ar1", "ar2", "pink", "mains")
SAMPLINGS = ("even", "irregular", "threshold")


@dataclass(kw_only=True)
class Course:
    """What happens before the instrument sees it: dense time [s], V [V], J [A/m²], segment (< 0: not recorded)."""

    t: np.ndarray
    v: np.ndarray
    j: np.ndarray
    segment: np.ndarray
    verdict: str
    family: str
    event: int  # index of the event; the last point without one
    conductance: float
    accepted: set[str] = field(default_factory=set)
    reason: str = ""
    pause_fraction: float = 0.0
    unknown: tuple[str, ...] = ()  # truths that the event does not define
    galvanostatic: bool = False
    most_noise: float = math.inf
    controlled: float = math.inf  # the current [A/m²] at which the instrument holds it
    full: float = math.inf  # the current at which the converter is full while the cell goes on


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def noise_of(rng: np.random.Generator, name: str, n: int) -> np.ndarray:
    """Noise of unit standard deviation; the correlated kinds are correlated from sample to sample."""
    white = rng.standard_normal(n + 500)
    if name == "ar1":
        phi = 1 - math.exp(rng.uniform(math.log(0.02), math.log(0.7)))  # 0.3 … 0.98
        out = lfilter([math.sqrt(1 - phi**2)], [1, -phi], white)[500:]
        return out
    if name == "ar2":
        radius, angle = rng.uniform(0.5, 0.96), rng.uniform(0.05, 0.9) * math.pi
        out = lfilter([1], [1, -2 * radius * math.cos(angle), radius**2], white)[500:]
    elif name == "pink":
        m = 2 * n
        spectrum = np.fft.rfft(rng.standard_normal(m)) / np.sqrt(np.maximum(np.arange(m // 2 + 1), 1))
        out = np.fft.irfft(spectrum, m)[:n]
    elif name == "mains":
        alias = rng.uniform(0.003, 0.49)
        out = math.sqrt(1.6) * np.sin(2 * math.pi * (alias * np.arange(n) + rng.uniform())) + 0.45 * white[:n]
    else:
        return white[:n]
    return out / out.std()


def sample(rng: np.random.Generator, c: Course, how: str, n: int) -> tuple[np.ndarray, ...]:
    """Times, V and J at which the instrument writes: even, irregular, or whenever J or V has moved by a step."""
    if how == "threshold":
        dj, dv = np.ptp(c.j) * log_uniform(rng, 1 / n, 3 / n), np.ptp(c.v) * log_uniform(rng, 1 / n, 10 / n)
        kept, last = [0], 0
        for i in range(1, c.t.size):
            if abs(c.j[i] - c.j[last]) >= dj or abs(c.v[i] - c.v[last]) >= dv:
                kept.append(last := i)
        kept = np.array(kept)
        kept = kept[c.segment[kept] > 0]
        return c.t[kept], c.v[kept], c.j[kept]
    t = np.linspace(c.t[0], c.t[-1], n)
    if how == "irregular":
        gaps = rng.lognormal(0.0, rng.uniform(0.2, 0.8), n - 1)
        t = np.concatenate([[0.0], np.cumsum(gaps) / gaps.sum()]) * (c.t[-1] - c.t[0]) + c.t[0]
    out = []
    for k in np.unique(np.abs(c.segment)):
        own = np.flatnonzero(np.abs(c.segment) == k)
        here = t[(t >= c.t[own[0]]) & (t < c.t[own[-1]])] if own[-1] < c.t.size - 1 else t[t >= c.t[own[0]]]
        if c.segment[own[0]] > 0:
            out.append(np.array([here, np.interp(here, c.t[own], c.v[own]), np.interp(here, c.t[own], c.j[own])]))
    return tuple(np.concatenate(out, axis=1))


def instrument(
    rng: np.random.Generator, c: Course, u: np.ndarray, j: np.ndarray, noise: str, share: float
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """What the instrument writes: noise, offset, resolution, ranges, polarity; under constant current V is noisy."""
    effects, at_event = [], abs(c.j[c.event])
    if c.galvanostatic:
        quiet = np.median(u)
        u = u + share * 0.3 * quiet * noise_of(rng, noise, u.size)
        j = j * (1 + 2e-5 * rng.standard_normal(j.size))
    else:
        calm = np.where(j < c.controlled * (1 - 1e-9), 1.0, rng.uniform(0.05, 0.5))  # quieter where it is controlled
        j = j + share * at_event * calm * noise_of(rng, noise, j.size)
        u = u + log_uniform(rng, 1e-7, 2e-5) * rng.standard_normal(u.size)
        if rng.uniform() < 0.2 and u[0] < 1e-3:
            j = j + rng.uniform(-0.003, 0.003) * at_event
            effects.append("offset")
    if rng.uniform() < 0.2:
        step = at_event * log_uniform(rng, 3e-5, 2e-3)
        j = np.round(j / step) * step
        effects.append("quantised")
    elif rng.uniform() < 0.2 and not c.galvanostatic:
        decade = np.floor(np.log10(np.maximum(np.abs(j), 1e-12 * at_event)) + rng.uniform())
        gain = dict(zip(np.unique(decade), rng.normal(0.0, 5e-4, np.unique(decade).size), strict=True))
        j = j * (1 + np.array([gain[d] for d in decade]))
        effects.append("ranges")
    j = np.minimum(j, c.full)
    if rng.uniform() < 0.3:
        u, j = -u, -j
        effects.append("negative")
    return u, j, effects
