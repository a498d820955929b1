"""Sweeps of known truth from closed shapes without any cell: generator B of the two that calibrate the verdicts.

``draw(kind, seed)`` returns one record as an instrument writes it, and what happened in it. Every number comes from
``numpy.random.default_rng([2903, index of the kind, seed])``; nothing here uses the package that is judged, and
nothing is shared with ``foreign_sweeps_a.py``: neither code nor shapes.

The curves are those of ``foreign_shapes.py``. Noise is shaped in the frequency domain, or has Student's tails. Truth is
that of the current without the instrument's offset, gain, resolution and noise. Thickness 0.2 … 3 mm, area 4 … 100 mm²,
0.03 … 0.7 mS/cm with interfaces, rates 0.003 … 1 mV/s, events at 0.02 … 1 V, 300 … 20 000 points, noise 0.01 … 2 % of
the current at the event.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from foreign_shapes import (
    POINTS,
    loss,
    peak_curve,
    plateau_curve,
    rise,
    runaway_curve,
    sound_curve,
    spread,
    with_pauses,
)  # fmt: skip

KINDS = (
    "limiting_peak", "paused_peak", "limiting_plateau", "penetration", "soft_short", "current_loss",
    "instrument_limit", "no_event", "voltage_runaway", "ohmic",
)  # fmt: skip
NOISES = ("white", "ar1", "ar2", "pink", "mains")
SAMPLINGS = ("even", "irregular", "threshold")


@dataclass(frozen=True, kw_only=True)
class ShapedRecord:
    """A record and its truth; NaN where a truth is not defined (the potential where a plateau begins).

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


def shaped_noise(rng: np.random.Generator, name: str, n: int) -> np.ndarray:
    """Noise of unit standard deviation: Gaussian amplitudes under a spectrum, or white with Student's tails."""
    if name == "white":
        return rng.standard_t(6, n) / math.sqrt(1.5) if rng.random() < 0.3 else rng.normal(size=n)
    if name == "mains":
        f, k = rng.uniform(0.002, 0.24), np.arange(n)
        wave = np.sin(2 * np.pi * f * k) + rng.uniform(0, 0.5) * np.sin(4 * np.pi * f * k + rng.uniform(0, 6))
        out = wave + rng.uniform(0.2, 0.6) * rng.normal(size=n)
        return out / out.std()
    m = 1 << math.ceil(math.log2(2 * n))
    f = np.arange(1, m // 2 + 1) / m
    turn = np.exp(-2j * np.pi * f)
    if name == "ar1":
        gain = 1 / np.abs(1 - (1 - spread(rng, 0.02, 0.7)) * turn)
    elif name == "ar2":
        a, b = 1 - spread(rng, 0.03, 0.5), rng.uniform(-0.7, 0.7)
        gain = 1 / np.abs((1 - a * turn) * (1 - b * turn))
    else:
        gain = f ** (-rng.uniform(0.4, 0.6))
    amplitudes = gain * (rng.normal(size=f.size) + 1j * rng.normal(size=f.size))
    out = np.fft.irfft(np.concatenate([[0.0], amplitudes]), m)
    return out[:n] / out.std()


def written(rng: np.random.Generator, t: np.ndarray, u: np.ndarray, j: np.ndarray, seen: np.ndarray, how: str, n: int):
    """t, V and J at the moments that the instrument writes, from the curves between their own points."""
    if how == "threshold":
        step, moved = (
            spread(rng, 1 / n, 4 / n),
            np.hypot(np.diff(j) / max(np.ptp(j), 1e-300), np.diff(u) / max(np.ptp(u), 1e-12)),
        )
        path = np.concatenate([[0.0], np.cumsum(moved)])
        keep = np.unique(np.searchsorted(path, np.arange(0.0, path[-1], step)))
    else:
        at = np.linspace(t[0], t[-1], n)
        if how == "irregular" and rng.random() < 0.5:  # two rates of recording
            turn = t[0] + rng.uniform(0.2, 0.8) * (t[-1] - t[0])
            at = np.concatenate([np.linspace(t[0], turn, n // 4), np.linspace(turn, t[-1], n - n // 4 + 1)[1:]])
        elif how == "irregular":  # some points missing, and a clock that trembles
            at = np.sort(at[rng.random(n) < rng.uniform(0.5, 0.95)] + rng.uniform(-0.3, 0.3) * (at[1] - at[0]))
            at = np.clip(at, t[0], t[-1])
        here = seen[np.clip(np.searchsorted(t, at), 0, t.size - 1)]
        return at[here], np.interp(at[here], t, u), np.interp(at[here], t, j)
    keep = keep[seen[keep]]
    return t[keep], u[keep], j[keep]


def draw(kind: str, seed: int, *, noise: str | None = None, sampling: str | None = None) -> ShapedRecord:
    """One record of ``kind`` (of ``KINDS``); the kind of noise and the sampling are drawn where not given."""
    rng = np.random.default_rng([2903, KINDS.index(kind), seed])
    noise = noise or str(rng.choice(NOISES, p=[0.6, 0.2, 0.07, 0.07, 0.06]))
    sampling = sampling or str(rng.choice(SAMPLINGS, p=[0.7, 0.2, 0.1]))
    thickness, area, n = spread(rng, 0.2e-3, 3e-3), spread(rng, 4e-6, 1e-4), int(spread(rng, 300, 20000))
    g, rate, end = spread(rng, 0.003, 0.07) / thickness, spread(rng, 3e-6, 1e-3), spread(rng, 0.05, 1.2)
    share = spread(rng, 1e-4, 0.02)
    verdict, accepted, reason, unknown, pause, effects = kind, set(), "", (), 0.0, []
    v = np.linspace(0.0, end, POINTS)
    j, family = sound_curve(rng, v)
    x, left = v - rng.uniform(0.35, 0.85) * end, end
    event = int(np.argmax(x > 0)) - 1
    x, left = v - v[event], end - v[event]
    t, seen, galvanostatic, full = v / rate, np.ones(POINTS, bool), False, False
    if kind in ("limiting_peak", "paused_peak"):
        while True:
            j, family = peak_curve(rng, v)
            fall = 1 - j[-1] / j.max()
            if 0.03 < fall < 0.7 and v[j.argmax()] > 0.25 * end:
                break
        verdict, event, share = "limiting_peak", int(j.argmax()), min(share, 0.15 * fall)
    elif kind == "limiting_plateau":
        v, j, family = plateau_curve(rng, end)
        event, unknown = POINTS - 1, ("V", "Q")
    elif kind == "penetration":
        extra, name = rise(rng, x, left, j[event] * spread(rng, 0.5, 30))
        soon = np.searchsorted(v, 1.02 * v[event])  # a later onset would be as good where the rise drowns in noise
        j, family, share = j + extra, f"{name} on {family}", min(share, max(1e-4, extra[soon] / j[event] / 3))
    elif kind == "soft_short":
        starts, extra, name = np.sort(rng.uniform(0.3, 0.9, rng.integers(1, 8))), np.zeros(POINTS), "rectangular"
        relaxing, n = rng.random() < 0.5, max(n, 800)
        for s in starts:
            since, width = v - v[int(s * POINTS)], end * spread(rng, 0.006, 0.04)
            height = j[int(s * POINTS)] * max(spread(rng, 0.06, 2.0), 10 * share / s)
            shape = np.exp(-np.maximum(since, 0) / (width / 2)) if relaxing else since <= width
            extra = np.maximum(extra, height * (since > 0) * shape)
        event = int(starts[0] * POINTS)
        j, family = j + extra, f"{'relaxing' if relaxing else 'rectangular'} on {family}"
    elif kind == "current_loss":
        factor, name, slow = loss(rng, x, left)
        j, family = j * factor, f"{name} on {family}"
        event = event if name == "abrupt" else int(j.argmax())
        if slow:
            accepted, reason = {"limiting_peak"}, "a maximum with a gradual fall"
    elif kind == "voltage_runaway":
        x, v, family = runaway_curve(rng, end / 5)
        top = max(rng.uniform(1.0, 4.0), 0.4 * end)
        keep = slice(0, int(np.argmax(v > top)) or None)
        v, t, galvanostatic = v[keep], x[keep] * spread(rng, 300, 3e4), True
        j, seen = np.full(v.size, g * end / 5), np.ones(v.size, bool)
        event, unknown = v.size - 1, ("V", "Q") if family == "exponential" else ("V",)
    else:
        if kind == "ohmic":
            verdict, j, family = "no_event", v.copy(), "line"
        event = POINTS - 1 if verdict == "no_event" else event
        if kind == "instrument_limit":
            full = rng.random() < 0.7  # a converter at its end while the cell goes on; else the current is controlled
            family, j = ("full " if full else "held ") + family, j if full else np.minimum(j, j[event])
    conductance = g * (1.0 if galvanostatic else (j[1] - j[0]) / (v[1] - v[0]))
    j = j if galvanostatic else g * j
    if kind == "paused_peak":
        t, v, j, seen, pause, how = with_pauses(rng, v, j, rate, v[event])
        event, family = int(np.where(seen, j, -np.inf).argmax()), f"{family}, {how}"
        if how == "zero" and v[event - 1] == 0:
            unknown = ("J", "V", "Q")
    elif not galvanostatic and rng.random() < 0.12:  # the record starts late, off zero
        late = int(rng.uniform(0.05, 1.0) * np.argmax(j > 0.4 * j[event]))
        t, v, j, seen, event = t[late:], v[late:], j[late:], seen[late:], event - late
        effects.append("off zero")
    passed = np.concatenate([[0.0], np.cumsum(0.5 * (j[1:] + j[:-1]) * np.diff(t))])
    truth = {"J": float(j[event]), "V": float(v[event]), "Q": float(passed[event])} | dict.fromkeys(unknown, math.nan)
    scale, now = share * j[event], t
    t, u, j = written(rng, t, v, j, seen, sampling, n)
    if galvanostatic:
        u = u + 0.3 * share * np.median(u) * shaped_noise(rng, noise, u.size)
    else:
        calm = np.where(j < j.max(), 1.0, rng.uniform(0.1, 0.6)) if kind == "instrument_limit" and not full else 1.0
        j = (
            j
            + scale * calm * shaped_noise(rng, noise, j.size)
            + (0.0 if now[0] else rng.choice([0, 0, 0, 0.2]) * scale)
        )
        bits = rng.choice([0, 0, 0, 0, 12, 14, 16])
        if bits:
            least = 2.4 * np.abs(j).max() / 2.0**bits
            j, effects = least * np.round(j / least), [*effects, f"{bits} bit"]
        elif rng.random() < 0.15:
            border = rng.uniform(0.05, 0.7) * np.abs(j).max()
            j, effects = np.where(np.abs(j) < border, j, j * (1 + rng.uniform(-1e-3, 1e-3))), [*effects, "two ranges"]
    j = np.minimum(j, truth["J"]) if full else j
    sign = -1.0 if rng.random() < 0.3 else 1.0
    return ShapedRecord(
        kind=kind, seed=seed, time=t - t[0], potential=sign * u, current=sign * j * area, thickness=thickness,
        area=area, verdict=verdict, accepted=frozenset({verdict, *accepted}), reason=reason, family=family,
        event_density=truth["J"], event_potential=truth["V"], event_charge=truth["Q"], conductance=conductance,
        pause_fraction=pause, noise=noise, noise_share=share, sampling=sampling, effects=tuple(effects),
    )  # fmt: skip
