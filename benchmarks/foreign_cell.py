"""A finite-volume cell, a contact used up and a filament: what ``foreign_sweeps_a.py`` draws its sweeps from.

A binary electrolyte between two lithium electrodes, u = c/c₀, x in units of L, time in L²/D, current in
J* = F·D·c₀/((1−t₊)·L), potential in RT/F; u_τ = u_xx with u_x = j at both faces (limit j = 2), W = F·v·L²/(R·T·D), and

    V = 2t₊·j·[∫dx/u^p + r] + 2(1−t₊)·Γ·ln(u(1)/u(0)) + 4·asinh(j/2j₀),

with p = Γ = 1 the dilute cell (conductivity ∝ c, Nernst–Einstein), p and Γ near 1 one that is not. Nodes on a mesh
graded to both walls, lumped volumes; TR-BDF2 in time (one-step, L-stable, second order), each stage affine in j, so
that the current follows from V by one scalar root in ln u(0). Peaks of the dilute cell agree with the limit of fine
meshes to 2e-4 at W = 164 and 1e-3 at W = 3300.

A contact used up has R = R₀ + r₀·θ^−m, dθ/dt = −J/Q_c, with m = 1 (fewer contacts of one size) or ½ (one that
shrinks). A filament is a conductance in parallel that starts from nothing, dG/dt = k·(G + g₀)ⁿ. Nothing here uses the
package that is judged.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.integrate import solve_ivp
from scipy.interpolate import Akima1DInterpolator, PchipInterpolator
from scipy.linalg.lapack import dpttrf, dpttrs
from scipy.optimize import brentq

RT_F = 8.314462618 * 298.15 / 96485.33212  # [V]


class Cell:
    """The binary cell in reduced units; ``rest_resistance`` is V/j at rest, everything included."""

    def __init__(self, t: float, r: float, kinetic: float = 0.0, p: float = 1.0, gamma: float = 1.0, nodes: int = 100):
        half = np.concatenate([[0.0], np.cumsum(np.minimum(2e-4 * 1.15 ** np.arange(nodes), 0.01))])
        half = half[half < 0.49]
        self.x = np.concatenate([half, [0.5], 1.0 - half[::-1]])
        self.h = np.diff(self.x)
        self.volume = 0.5 * (np.concatenate([[0.0], self.h]) + np.concatenate([self.h, [0.0]]))
        self.t, self.r, self.p, self.gamma = t, r, p, gamma
        self.exchange = 2.0 / (2 * t * kinetic) if kinetic else math.inf  # kinetic: share of the ceramic's resistance
        self.rest_resistance = 2 * t * (1 + r + kinetic)
        self.u, self.y = np.ones_like(self.x), 0.0
        self.factored: tuple[float, np.ndarray, np.ndarray, np.ndarray] = (0.0, *(np.empty(0),) * 3)

    def potential(self, u: np.ndarray, j: float) -> float:
        """V of a profile that is linear between nodes, under the current j."""
        a, b = u[:-1], u[1:]
        ratio = (b - a) / a
        flat = np.abs(ratio) < 1e-4
        safe = np.where(flat, 1.0, ratio)
        if self.p == 1.0:
            mean = np.where(flat, 1 - ratio / 2 + ratio * ratio / 3, np.log1p(safe) / safe) / a
        else:
            q = 1.0 - self.p
            mean = np.where(flat, 1 - self.p * ratio / 2, np.expm1(q * np.log1p(safe)) / (q * safe)) / a**self.p
        ohmic = 2 * self.t * j * (float(self.h @ mean) + self.r)
        kinetic = 4 * math.asinh(j / (2 * self.exchange))
        return ohmic + 2 * (1 - self.t) * self.gamma * math.log(u[-1] / u[0]) + kinetic

    def current(self, free: np.ndarray, per_j: np.ndarray, v: float) -> tuple[float, np.ndarray]:
        """The j and profile ``free + per_j·j`` at the potential v; ln u(0) is the unknown."""

        def miss(y: float) -> float:
            j = (math.exp(y) - free[0]) / per_j[0]
            u = free + per_j * j
            u[0] = math.exp(y)
            return self.potential(u, j) - v if u.min() > 0 else -1e9

        low, high = self.y - 0.3, self.y + 0.3
        while miss(low) < 0:
            low -= 2.0
        while miss(high) > 0:
            high += 0.5
        self.y = brentq(miss, low, high, xtol=1e-11)
        j = (math.exp(self.y) - free[0]) / per_j[0]
        u = free + per_j * j
        u[0] = math.exp(self.y)
        return j, u

    def diffuse(self, u: np.ndarray) -> np.ndarray:
        """Net flow into every node's volume without the walls."""
        flow = np.diff(u) / self.h
        return np.concatenate([flow, [0.0]]) - np.concatenate([[0.0], flow])

    def step(self, h: float, j: float, v: float | None, fixed: float = 0.0, v_mid: float = 0.0) -> float:
        """Advance by h from the current j to the potential v (or at the current ``fixed``); the new current."""
        gamma = 2 - math.sqrt(2)
        ah = gamma / 2 * h
        if self.factored[0] != h:
            k = 1 / self.h
            main = self.volume + ah * (np.concatenate([k, [0.0]]) + np.concatenate([[0.0], k]))
            d, e, _ = dpttrf(main, -ah * k)
            source = np.zeros_like(self.u)
            source[0], source[-1] = -ah, ah
            self.factored = (h, d, e, dpttrs(d, e, source)[0])
        _, d, e, per_j = self.factored
        right = self.volume * self.u + ah * self.diffuse(self.u)
        free = dpttrs(d, e, right)[0] + per_j * j
        middle = free + per_j * fixed if v is None else self.current(free, per_j, v_mid)[1]
        right = self.volume * (middle - self.u * (1 - gamma) ** 2) / (gamma * (2 - gamma))
        free = dpttrs(d, e, right)[0]
        if v is None:
            self.u = free + per_j * fixed
            self.y = math.log(max(self.u[0], 1e-300))
            return fixed
        j, self.u = self.current(free, per_j, v)
        return j

    def at_once(self, v: float) -> float:
        """The current right after the potential jumps to v, the profile still as it was."""
        u = self.u
        bound = abs(v) / (2 * self.t * self.r + 1e-3) + 1e3
        return brentq(lambda j: self.potential(u, j) - v, -bound, bound, xtol=1e-13)

    def ramp(self, v0: float, v1: float, duration: float, fresh: bool, largest: float = 0.08) -> np.ndarray:
        """Rows (time from the segment's start, v, j) under a ramp or a hold; ``fresh`` after any jump or bend."""
        count = max(8, math.ceil(abs(v1 - v0) / largest), math.ceil(duration / 0.04))
        steps = np.full(count, duration / count)
        if fresh:
            small = steps[0] * 1.5 ** -np.arange(24.0, 0.0, -1.0) * 0.5
            steps = np.concatenate([small / small.sum() * steps[0], steps[1:]])
        j = self.at_once(v0)
        rows, t, gamma = [(0.0, v0, j)], 0.0, 2 - math.sqrt(2)
        for h in steps:
            v_mid, t = v0 + (v1 - v0) * (t + gamma * h) / duration, t + h
            v = v0 + (v1 - v0) * t / duration
            j = self.step(float(h), j, v, v_mid=v_mid)
            rows.append((t, v, j))
        return np.array(rows)

    def constant(self, j: float, duration: float, count: int = 400) -> tuple[np.ndarray, float]:
        """Rows (time, v, j) at constant current until the wall is empty; the time of that, NaN when it stays filled."""
        steps = duration * np.diff(np.linspace(0.0, 1.0, count + 1) ** 2)
        rows, t = [(0.0, self.potential(self.u, j), j)], 0.0
        for h in steps:
            before = self.u.copy()
            self.step(float(h), j, None, fixed=j)
            if self.u[0] <= 0:
                part = before[0] / (before[0] - self.u[0])
                for s in part * (1 - np.geomspace(1.0, 1e-12, 60)[1:]):
                    rows.append((t + s * h, self.potential(before + s * (self.u - before), j), j))
                return np.array(rows), t + part * h
            t += h
            rows.append((t, self.potential(self.u, j), j))
        return np.array(rows), math.nan


def contact_course(share: float, exponent: float) -> np.ndarray:
    """Rows (time, V, J) of a contact used up under the ramp V = t, reduced (R = 1 at first, Q_c = 1).

    R = (1 − share) + share·θ^−exponent and dθ/dt = −J, until θ is 1e-5 or the current 1 % of its maximum.
    """

    def current(v: float | np.ndarray, log_theta: float | np.ndarray) -> float | np.ndarray:
        return v / (1 - share + share * np.exp(-exponent * log_theta))

    def empty(t: float, y: np.ndarray) -> float:
        return y[0] + 11.5

    empty.terminal = True
    rate = lambda t, y: [-current(t, y[0]) * math.exp(-y[0])]  # noqa: E731
    sol = solve_ivp(rate, (0, 40), [0.0], method="LSODA", rtol=1e-8, atol=1e-10, events=empty, max_step=0.01)
    j = np.asarray(current(sol.t, sol.y[0]))
    end = np.flatnonzero((j > 0.01 * j.max()) | (np.arange(j.size) < j.argmax()))[-1] + 1
    return np.column_stack([sol.t, sol.t, j])[:end]


def filament(t: np.ndarray, k: float, g0: float, n: float) -> np.ndarray:
    """G of dG/dt = k·(G + g₀)ⁿ from G = 0 at t = 0; infinite once it has blown up (n > 1)."""
    t = np.maximum(t, 0.0)
    if n == 1.0:
        return g0 * np.expm1(np.minimum(k * t, 600.0))
    base = g0 ** (1 - n) + (1 - n) * k * t
    with np.errstate(divide="ignore", over="ignore"):
        return np.where(base > 0, np.maximum(base, 1e-300) ** (1 / (1 - n)), np.inf) - g0


def dense(pieces: list[tuple[np.ndarray, bool]], points: int = 24000, monotone: bool = False) -> tuple[np.ndarray, ...]:
    """Rows of segments (time, v, j) on fine grids of their own: t, v, j, segment (< 0 where not recorded)."""
    span, out = sum(np.ptp(rows[:, 0]) for rows, _ in pieces), []
    for k, (rows, recorded) in enumerate(pieces, 1):
        own = rows[np.concatenate([[True], np.diff(rows[:, 0]) > 0])]
        grid = np.linspace(own[0, 0], own[-1, 0], max(20, int(points * np.ptp(own[:, 0]) / span)))
        grid = np.union1d(grid, own[:, 0])
        curve = PchipInterpolator if monotone else Akima1DInterpolator
        values = curve(own[:, 0], own[:, 1:])(grid)
        out.append(np.column_stack([grid, values, np.full(grid.size, k if recorded else -k)]))
    t, v, j, segment = np.concatenate(out).T
    return t, v, j, segment.astype(int)


def swept(
    cell: Cell,
    w: float,
    fall: float,
    pauses: tuple[float, float, str] | None = None,
    start: float = 0.0,
    furthest: float = 150.0,
) -> list[tuple[np.ndarray, bool]] | None:
    """Segments of a ramp that goes on until j is the share ``fall`` below its maximum; ``None`` where it never is.

    ``pauses``: every so many RT/F, for that share of the ramp between two, and how (hold, zero, rest; "… gap" is not
    recorded). ``furthest`` ends the ramp in any case.
    """
    pieces: list[tuple[np.ndarray, bool]] = []
    clock, v, best, fresh = 0.0, start, 0.0, True
    current: list[np.ndarray] = []
    next_pause = v + pauses[0] if pauses else math.inf

    def close(rows: list[np.ndarray], recorded: bool) -> None:
        pieces.append((np.concatenate(rows), recorded))

    while True:
        to = min(v + 0.8, next_pause)
        rows = cell.ramp(v, to, (to - v) / w, fresh) + np.array([clock, 0.0, 0.0])
        current.append(rows)
        clock, v, fresh, best = rows[-1, 0], to, False, max(best, rows[:, 2].max())
        if rows[-1, 2] < (1 - fall) * best or v >= furthest:
            close(current, True)
            return pieces if rows[-1, 2] < (1 - fall) * best or furthest < 150.0 else None
        if pauses and v >= next_pause - 1e-9:
            close(current, True)
            duration, how = pauses[0] / w * pauses[1], pauses[2]
            if "rest" in how:
                rows, _ = cell.constant(0.0, duration, 60)
            else:
                level = v if "hold" in how else 0.0
                rows = cell.ramp(level, level, duration, True)
            close([rows + np.array([clock, 0.0, 0.0])], "gap" not in how)
            clock, current, fresh, next_pause = clock + duration, [], True, v + pauses[0]
