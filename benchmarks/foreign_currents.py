"""Constant currents and galvanostatic steps of known truth, from a finite-volume cell (a) and closed shapes (b).

``draw(maker, kind, seed)`` returns one record as an instrument writes it, and what happened in it. Every number comes
from ``numpy.random.default_rng([4127, maker, index of the kind, seed])``; nothing here uses the package that is judged.

The sound cell is a resistance, a polarising binary cell (``foreign_cell.py``), or contact that forms with the charge
passed (a); or a resistance that drifts as a parabola or a logarithm, saturates or falls as a logistic (b). A
penetration is a conductance in parallel that grows as a filament (a) or as the rises of ``foreign_shapes.py`` (b) until
1.2 … 30 times the cell's (0.2 … 30 where it comes at once); shorts that heal are rectangular (a) or relax (b). A
voltage runs away where the wall of the cell empties (a) or by closed forms (b). An instrument gives its current up
where a growing resistance meets its limit of voltage. Steps rise, in part with alternating signs, in part with rests
between. Noise 0.01 … 2 % of the median voltage, white or correlated; part of the records charge at every switch.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from foreign_cell import Cell, filament
from foreign_instrument import log_uniform, noise_of
from foreign_shapes import rise, runaway_curve
from foreign_sweeps_b import shaped_noise

KINDS = ("no_event", "falling", "penetration", "soft_short", "voltage_runaway", "instrument_limit")
MAKERS = ("a", "b")
NOISES = ("white", "ar1", "ar2", "pink", "mains")
FINE = 12001  # moments before sampling


@dataclass(frozen=True, kw_only=True)
class CurrentRecord:
    """A record and its truth: the verdict, the time [s] of the event and the current density [A/m²] then; without an
    event those of the end. Potentials [V] and currents [A] carry their signs; ``thickness`` [m], ``area`` [m²]."""

    maker: str
    kind: str
    seed: int
    time: np.ndarray
    potential: np.ndarray
    current: np.ndarray
    thickness: float
    area: float
    verdict: str
    accepted: frozenset[str]
    family: str
    event_time: float
    event_density: float
    steps: int
    noise: str
    noise_share: float


def programme(rng: np.random.Generator, steps: bool) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the levels in a record of unit length and their relative currents, the largest size 1."""
    if not steps:
        return np.array([1.0]), np.array([1.0])
    count = int(rng.integers(4, 25))
    sizes = np.linspace(1.0 / count, 1.0, count) if rng.random() < 0.7 else np.ones(count)
    if rng.random() < 0.5:
        sizes = np.repeat(sizes, 2) * np.tile([1.0, -1.0], count)
    rests = rng.random() < 0.3
    lengths = np.ones(sizes.size)
    if rests:
        sizes = np.column_stack([sizes, np.zeros(sizes.size)]).ravel()
        lengths = np.column_stack([lengths, np.full(lengths.size, rng.uniform(0.1, 0.5))]).ravel()
    ends = np.cumsum(lengths)
    return ends / ends[-1], sizes


def polarising(
    rng: np.random.Generator, ends: np.ndarray, sizes: np.ndarray, deepest: float
) -> tuple[np.ndarray, np.ndarray, float]:
    """x, V of a binary cell under the levels, in units of its voltage at rest under the largest, to where a wall is
    empty; and the moment of that (NaN where it never is). ``deepest``: the largest current over the limiting one."""
    cell = Cell(rng.uniform(0.3, 0.95), log_uniform(rng, 0.05, 1.5))
    j = 2.0 * deepest
    longest = float(np.max(np.diff(np.concatenate([[0.0], ends]))))
    unit = (math.pi / j**2 if deepest > 1 else log_uniform(rng, 0.02, 1.0)) / longest
    rows, clock = [], 0.0
    for end, size in zip(ends, sizes, strict=True):
        own, empty = cell.constant(j * size, (end - clock) * unit, 200)
        own = own[np.concatenate([[True], np.diff(own[:, 0]) > 0])]
        rows.append(np.column_stack([clock + own[:, 0] / unit, own[:, 1]]))
        if math.isfinite(empty):
            moment = clock + empty / unit
            break
        clock, moment = end, math.nan
    x, v = np.concatenate(rows).T
    return x, v / (j * cell.rest_resistance), moment


def sound(
    rng: np.random.Generator, maker: str, kind: str, x: np.ndarray, ends: np.ndarray, sizes: np.ndarray
) -> tuple[np.ndarray, str]:
    """The cell's signed voltage at x, in units of its largest at rest, and what it is."""
    current = sizes[np.minimum(np.searchsorted(ends, x, side="left"), ends.size - 1)]
    q = np.concatenate([[0.0], np.cumsum(np.abs(current[1:]) * np.diff(x))])
    u, depth = q / q[-1], rng.uniform(0.1, 0.35)
    if maker == "a":
        name = "forming" if kind == "falling" else str(rng.choice(["ohmic", "drifting", "polarising"]))
        if name == "polarising":
            own, v, _ = polarising(rng, ends, sizes, rng.uniform(0.1, 0.8))
            jump = np.concatenate([np.diff(own) > 0, [True]])
            return np.interp(x, own[jump], v[jump]), name
        drift = 1.0 + (rng.uniform(-0.04, 0.04) * x if name == "drifting" else 0.0)
        lost = depth * -np.expm1(-u / log_uniform(rng, 0.05, 1.0)) if name == "forming" else 0.0
        return current * (drift - lost), name
    name = "logistic" if kind == "falling" else str(rng.choice(["line", "parabola", "logarithm", "saturating"]))
    if name == "logistic":
        w, middle = rng.uniform(0.12, 0.25), rng.uniform(0.3, 0.7)
        step = 1.0 / (1.0 + np.exp(-(u - middle) / w))
        return current * (1.0 - depth * (step - step[0])), name
    course = {
        "line": 0.0, "parabola": rng.uniform(-0.03, 0.15) * x**2,
        "logarithm": rng.uniform(0.0, 0.05) * np.log1p(x / log_uniform(rng, 0.001, 0.1)),
        "saturating": rng.uniform(0.02, 0.4) * -np.expm1(-x / log_uniform(rng, 0.02, 0.5)),
    }  # fmt: skip
    return current * (1.0 + course[name]), name


def shorted(rng: np.random.Generator, maker: str, kind: str, x: np.ndarray, begin: float, least: float) -> np.ndarray:
    """A conductance in parallel over the cell's: one that stays, or some that heal."""
    since = x - begin
    if kind == "penetration":
        top = max(log_uniform(rng, 1.2, 30.0), 12.0 * least)
        if maker == "b":
            return rise(rng, since, 1.0 - begin, top)[0]
        n = float(rng.choice([0.0, 1.0, 1.5, 2.0, -1.0]))
        top = top if n >= 0 else max(log_uniform(rng, 0.2, 30.0), 12.0 * least)
        if n < 0:
            return np.where(since > 0, top, 0.0)
        if n == 0.0:
            return top * np.clip(since / ((1.0 - begin) * rng.uniform(0.02, 0.9)), 0.0, 1.0)
        g0 = top * log_uniform(rng, 0.01, 0.1)
        rate = (1.0 if n == 1 else g0 ** (1 - n)) / ((1.0 - begin) * log_uniform(rng, 0.02, 0.2))
        return np.minimum(filament(since, rate, g0, n), top)
    out = np.zeros(x.size)
    for start in [begin, *rng.uniform(begin, 0.9, rng.integers(0, 6))]:
        width, height = log_uniform(rng, 0.008, 0.05), max(log_uniform(rng, 0.12, 5.0), 12.0 * least)
        after = x - start
        shape = np.exp(-np.maximum(after, 0.0) / (0.4 * width)) if maker == "b" else after <= width
        out = np.maximum(out, height * (after > 0) * shape)
    return np.where(x > 0.97, 0.0, out) if maker == "a" else out


def draw(maker: str, kind: str, seed: int, *, steps: bool = False, noise: str = "white") -> CurrentRecord:
    """One record of ``kind`` (of ``KINDS``) by ``maker`` (of ``MAKERS``)."""
    rng = np.random.default_rng([4127, MAKERS.index(maker), KINDS.index(kind), seed])
    ends, sizes = programme(rng, steps)
    share, lasted, volts = log_uniform(rng, 1e-4, 0.02), log_uniform(rng, 600.0, 2e5), log_uniform(rng, 0.02, 0.4)
    n = int(log_uniform(rng, 300, 20000)) if not steps else int(log_uniform(rng, 40, 400)) * ends.size
    x, accepted, limit = np.linspace(0.0, 1.0, FINE), {kind}, math.inf
    moment = 1.0
    if kind == "voltage_runaway":
        if maker == "a":
            sizes = np.abs(sizes)
            deepest = log_uniform(rng, 1.15, 4.0)
            own, v, moment = polarising(rng, ends, sizes, deepest)
            family, top = "binary cell", rng.uniform(1.0, 4.0) / volts
        else:
            place, v, family = runaway_curve(rng, 1.0)
            last = int(np.flatnonzero(sizes)[-1])
            ends, sizes = ends[: last + 1], np.abs(sizes[: last + 1])
            begun = ends[-2] if ends.size > 1 else 0.0
            own = np.concatenate([np.linspace(0.0, begun, 400), begun + (ends[-1] - begun) * place])
            level = sizes[np.minimum(np.searchsorted(ends, own[:400], side="left"), ends.size - 1)]
            v, moment, top = np.concatenate([level, v * sizes[-1]]), float(ends[-1]), rng.uniform(1.0, 4.0) / volts
        keep = slice(0, int(np.argmax(v > top)) or None)
        own, v = own[keep], v[keep]
        x = np.union1d(np.linspace(0.0, own[-1], FINE), own)
        u = np.interp(x, own, v)
    else:
        u, family = sound(rng, maker, kind, x, ends, sizes)
    level = sizes[np.minimum(np.searchsorted(ends, x, side="left"), ends.size - 1)]
    if kind == "falling":
        accepted = {"no_event"}
    if kind in ("penetration", "soft_short"):
        flowing = np.flatnonzero(np.abs(level) > 0)
        begin = float(x[flowing[int(rng.uniform(0.3, 0.8) * flowing.size)]])
        extra = shorted(rng, maker, kind, x, begin, share)
        u = u / (1.0 + extra)
        moment = begin
        family = f"{kind} on {family}"
    if kind == "instrument_limit":  # a cell whose resistance grows into the limit, in the last level
        u = u * (1.0 + 0.5 * x)
        own = np.flatnonzero(np.abs(u) >= 0.999 * np.max(np.abs(u)))[-1]
        begun = max(float(ends[np.searchsorted(ends, x[own]) - 1]) if x[own] > ends[0] else 0.0, 0.0)
        u = u * (1.0 + 0.3 * np.clip((x - begun) / (float(x[own]) - begun), 0.0, 1.0))
        moment = begun + rng.uniform(0.3, 0.8) * (float(x[own]) - begun)
        limit = float(np.abs(np.interp(moment, x, u)))
        moment = float(x[np.argmax(np.abs(u) > limit)])
    t = np.linspace(0.0, x[-1], n)
    if rng.random() < 0.2:  # irregular
        gaps = rng.lognormal(0.0, 0.5, n - 1)
        t = np.concatenate([[0.0], np.cumsum(gaps) / gaps.sum()]) * x[-1]
    at = np.minimum(np.searchsorted(ends, t, side="left"), ends.size - 1)
    sign, current = np.sign(sizes[at]), sizes[at]
    seen = np.abs(np.interp(t, x, u))
    if steps:  # a sample lies on its own level, never between two
        edges = np.minimum(np.searchsorted(ends, x, side="left"), ends.size - 1)
        seen = np.concatenate([
            np.interp(t[at == k], x[edges == k], np.abs(u)[edges == k])
            for k in range(ends.size)
            if (edges == k).any()
        ])  # fmt: skip
    current, seen = current * np.minimum(limit / np.maximum(seen, 1e-300), 1.0), np.minimum(seen, limit)
    if rng.random() < 0.3:  # the double layer charges at every switch
        begun = np.concatenate([[0.0], ends])[at]
        seen = seen * -np.expm1(
            -(t - begun) / (log_uniform(rng, 1e-3, 0.01) * np.diff(np.concatenate([[0.0], ends]))[at])
        )
    made = noise_of if maker == "a" else shaped_noise
    quiet = np.median(np.abs(seen[np.abs(sizes[at]) > 0]))
    potential = volts * (sign * seen + share * quiet * made(rng, noise, n))
    thickness, area = log_uniform(rng, 0.2e-3, 3e-3), log_uniform(rng, 4e-6, 1e-4)
    density = volts * log_uniform(rng, 0.005, 0.07) / thickness
    event = int(np.searchsorted(ends, moment - 1e-12))
    turned = -1.0 if rng.random() < 0.3 else 1.0
    return CurrentRecord(
        maker=maker, kind=kind, seed=seed, time=lasted * t, potential=turned * potential,
        current=turned * density * area * current * (1.0 + 2e-5 * rng.standard_normal(n)), thickness=thickness,
        area=area, verdict=next(iter(accepted)), accepted=frozenset(accepted), family=family,
        event_time=lasted * moment, event_density=density * abs(float(sizes[min(event, sizes.size - 1)])),
        steps=int(np.count_nonzero(sizes)), noise=noise, noise_share=share,
    )  # fmt: skip
