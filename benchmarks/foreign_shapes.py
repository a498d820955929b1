"""Closed shapes of current against potential, and of potential against time: generator B's curves, without any cell.

With z = V/V₀ and a line of conductance G at first:

- maxima: GV/(1 + z^m); a line that ends as Gumbel's or as a log-normal's distribution function over a rest that stays;
  tanh saturation times a logistic fall; saturation times (1 + z^m)^−½;
- plateaus: J_l·tanh, J_l·erf, z/(1 + z) (Michaelis–Menten), z/(1 + z^m)^{1/m};
- rises: power, exponential, step, staircase; losses: exponential, linear, logistic, abrupt in 1 … 3 steps;
- excursions: rectangular, or a jump that relaxes exponentially; runaways: (1 − t/τ)^−m, −ln(1 − √(t/τ)), exponential;
- pauses: while the potential is held the current relaxes as 1 − a·(1 − exp(−√(t/τ))), and the ramp returns to its
  curve exponentially within some tens of millivolts after it (from above where the cell has rested).
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import erf, ndtr

POINTS = 20001  # of every curve before it is sampled


def spread(rng: np.random.Generator, low: float, high: float) -> float:
    """A number even in its logarithm."""
    return low * (high / low) ** rng.random()


def peak_curve(rng: np.random.Generator, v: np.ndarray) -> tuple[np.ndarray, str]:
    """A curve of unit slope at the origin with one maximum, some 0.4 … 0.8 of the way along v."""
    z, name = (
        v / (rng.uniform(0.4, 0.8) * v[-1]),
        str(rng.choice(["rational", "gumbel", "lognormal", "logistic", "root"])),
    )
    scale = v[1] / z[1]
    if name == "rational":
        return v / (1 + z ** rng.uniform(1.6, 5.0)), name
    if name == "root":
        return scale * np.tanh(z) / np.sqrt(1 + z ** rng.uniform(2.0, 8.0)), name
    if name == "logistic":
        w, fall = rng.uniform(0.06, 0.3), rng.uniform(0.15, 0.7)
        step = lambda x: 1 / (1 + np.exp(-(x - 1.1) / w))  # noqa: E731
        level = rng.uniform(0.6, 1.5)
        return scale * level * np.tanh(z / level) * (1 - fall * (step(z) - step(0.0))), name
    w, rest = rng.uniform(0.08, 0.35), rng.uniform(0.3, 0.85)
    if name == "gumbel":
        w /= 2
        gone = 1 - np.exp(-np.exp((z - 1) / w)) / math.exp(-math.exp(-1 / w))
    else:
        gone = ndtr(np.log(np.maximum(z, 1e-9)) / w)
    return scale * (z * (1 - gone) + rest * gone * (1 - 0.1 * gone * z)), name


def plateau_curve(rng: np.random.Generator, end: float) -> tuple[np.ndarray, np.ndarray, str]:
    """v, a curve of unit slope that levels off (slope 0.1 … 1.5 % at the end) without a maximum, and its name."""
    name = str(rng.choice(["tanh", "erf", "michaelis", "root"]))
    m = rng.uniform(1.5, 4.0)
    shapes = {
        "tanh": np.tanh,
        "erf": lambda z: erf(math.sqrt(math.pi) / 2 * z),
        "michaelis": lambda z: z / (1 + z),
        "root": lambda z: z / (1 + z**m) ** (1 / m),
    }
    z = np.geomspace(1.0, 60.0, 4000)
    y = shapes[name](z)
    last = z[np.argmax(np.gradient(y, z) < spread(rng, 0.001, 0.015))]
    v = np.linspace(0.0, end, POINTS)
    return v, shapes[name](v / end * last) * end / last, name


def sound_curve(rng: np.random.Generator, v: np.ndarray) -> tuple[np.ndarray, str]:
    """A curve of unit slope at the origin on which nothing happens: a line, or one bent by up to a quarter."""
    name, bend, z = (
        str(rng.choice(["line", "line", "parabola", "hyperbola", "sinh"])),
        spread(rng, 0.01, 0.25),
        v / v[-1],
    )
    if name == "parabola":
        return v * (1 - bend * z), name
    if name == "hyperbola":
        return v / (1 + bend * z), name
    if name == "sinh":
        x = math.sqrt(6 * bend / 2)  # bent upwards by half as much, as an electrode's kinetics do
        return np.sinh(x * z) / x * v[-1], name
    return v.copy(), name


def rise(rng: np.random.Generator, x: np.ndarray, end: float, size: float) -> tuple[np.ndarray, str]:
    """0 up to x = 0, then up to ``size`` at ``end``, never back."""
    name, p = str(rng.choice(["power", "exponential", "step", "staircase"])), np.clip(x, 0.0, None)
    if name == "power":
        return size * (p / end) ** rng.uniform(0.7, 1.5), name
    if name == "exponential":
        w = end / rng.uniform(1.0, 5.0)
        return size * np.expm1(p / w) / math.expm1(end / w), name
    if name == "step":
        return np.where(x > 0, size, 0.0), name
    edges = np.concatenate([[0.0], np.sort(rng.uniform(0.1, 0.9, rng.integers(2, 7))) * end])
    return size * np.searchsorted(edges, x, side="left") / edges.size, name


def loss(rng: np.random.Generator, x: np.ndarray, end: float) -> tuple[np.ndarray, str, bool]:
    """A factor that is 1 up to x = 0 and falls after; the name, and whether the fall is slow enough for a peak's."""
    name, p = str(rng.choice(["exponential", "linear", "logistic", "abrupt"])), np.clip(x, 0.0, None)
    if name == "exponential":
        w = end * spread(rng, 0.01, 0.25)
        return np.exp(-p / w), name, bool(w > 0.03 * end)
    if name == "linear":
        w = end * spread(rng, 0.02, 0.8)
        return np.clip(1 - p / w, 0.02 * rng.uniform(), None), name, bool(w > 0.06 * end)
    if name == "logistic":
        w = end * spread(rng, 0.005, 0.08)
        return 1 / (1 + np.exp(np.clip((x - 6 * w) / w, -60, 60))), name, bool(w > 0.01 * end)
    edges = np.concatenate([[0.0], np.sort(rng.uniform(0.02, 0.5, rng.integers(0, 3))) * end])
    left = np.sort(rng.uniform(0.0, 0.6, edges.size))[::-1] * np.linspace(1.0, 0.3, edges.size)
    return np.concatenate([[1.0], left])[np.searchsorted(edges, x, side="left")], name, False


def with_pauses(
    rng: np.random.Generator, v: np.ndarray, j: np.ndarray, rate: float, peak: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float, str]:
    """t, V, J and whether recorded of a ramp paused at even potentials; the share of pauses and their manner."""
    count, share, how = rng.integers(4, 16), rng.uniform(0.1, 1.5), str(rng.choice(["held", "held", "gap", "zero"]))
    stops, times, clock = np.linspace(0, v[-1], count + 1), [], 0.0
    step = (v[1] - v[0]) / rate
    strength, back = rng.uniform(0.01, 0.12), stops[1] * rng.uniform(0.1, 0.5)
    sign = 1.0 if how == "zero" else -1.0
    for k in range(count):
        on = (v >= stops[k]) & (v < stops[k + 1]) if k < count - 1 else v >= stops[k]
        memory = strength * min((stops[k] / peak) ** 2, 1.0) if k else 0.0
        ramp = j[on] * (1 + sign * memory * np.exp(-(v[on] - stops[k]) / back))
        t = clock + step * np.arange(ramp.size)
        times.append(np.column_stack([t, v[on], ramp, np.ones(t.size)]))
        clock = t[-1] + step
        if k < count - 1:
            pause = share * stops[1] / rate
            held = np.linspace(0.0, pause, max(30, int(pause / step)))
            decay = 1 - strength * min((stops[k + 1] / peak) ** 2, 1.0) * -np.expm1(-np.sqrt(held / (0.2 * pause)))
            level, flows = (0.0, 0.0 * held) if how == "zero" else (v[on][-1], ramp[-1] * decay)
            times.append(
                np.column_stack([clock + held, np.full(held.size, level), flows, np.full(held.size, how != "gap")])
            )
            clock += pause + step
    t, u, out, seen = np.concatenate(times).T
    return t, u, out, seen > 0, share, how


def runaway_curve(rng: np.random.Generator, volts: float) -> tuple[np.ndarray, np.ndarray, str]:
    """t/τ and V of a constant current whose potential starts at ``volts`` and runs away at τ."""
    name, x = str(rng.choice(["power", "logarithm", "exponential"])), np.unique(1 - np.geomspace(1.0, 1e-7, POINTS))
    if name == "power":
        return x, volts * (1 - x) ** -rng.uniform(0.25, 0.6), name
    if name == "logarithm":
        return x, volts * (1 - rng.uniform(0.3, 1.0) * np.log(1 - np.sqrt(x) * (1 - 1e-9))), name
    return x, volts * (1 + rng.uniform(0.1, 0.4) * x + 30 * np.exp((x - 1) / rng.uniform(0.01, 0.04))), name
