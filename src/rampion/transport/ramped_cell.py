"""The dilute binary cell under a voltage ramp, in dimensionless form: an own small solver, independent of ``cell``.

    u_θ = u_ξξ ,  u_ξ(0) = u_ξ(1) = 2j ,  u(ξ, 0) = 1
    φ = Wθ = 4t₊ j·(∫₀¹ dξ/u + r) + 2(1-t₊) ln[u(1)/u(0)]

with u = c/c₀, ξ = x/L, θ = Dt/L², j = J/J_lim, J_lim = 4t₊RTσ₀/(FL), φ = FV/RT, W = vL²F/(DRT), and r = R_intσ₀/L a
constant resistance in series (interfaces) beside the ceramic's at rest. u - 1 is odd about the middle, so half the cell
is solved: hat functions on a graded mesh, TR-BDF2 in time, one scalar equation for ln u(0) per stage, since the profile
is affine in j.

Assumes Nernst–Einstein closure (σ ∝ c, constant D and t₊); interfaces without kinetics of their own.
Fails when ln u(0) falls below -600 (deep depletion at t₊ near 1), reported as ``NotConvergedError``.
Checked against a table of independent cosine-mode solutions to 0.2 % (the table states 0.2–0.5 %).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rampion.errors import InputError, NotConvergedError

_GAMMA = 2 - math.sqrt(2)
_DEEPEST = -600.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RampResponse:
    """j(φ) of one ramp and its first maximum; the peak is NaN where the current only rises to its plateau.

    ``charge`` is Q/(Fc₀L/(1-t₊)) = 2∫j dθ at the peak.
    """

    potential: Float[np.ndarray, " n"]
    current: Float[np.ndarray, " n"]
    peak_current: float
    peak_potential: float
    peak_charge: float


def ramp_cell(
    rate: float,
    transference: float,
    potential: float | None = None,
    steps: int = 700,
    nodes: int = 110,
    series: float = 0.0,
) -> RampResponse:
    """Sweep the dimensionless cell at scan number W to ``potential`` (RT/F), or well past its peak.

    Parameters
    ----------
    rate : W = vL²F/(DRT).
    transference : t₊, inside (0, 1).
    potential : end of the sweep φ; about twice the expected peak when absent.
    series : r = R_intσ₀/L, not negative.

    Returns
    -------
    The sampled sweep and its peak (relative error about 2e-4 at the default resolution).
    """
    if not (rate > 0 and 0 < transference < 1 and series >= 0):
        raise InputError(
            f"the ramp needs W > 0, 0 < t₊ < 1 and r ≥ 0, found W = {rate:g}, t₊ = {transference:g}, r = {series:g}."
        )
    end = potential if potential is not None else 1.8 * (8.0 + 2.0 * transference * rate ** (1 / 3)) * (1 + series)
    step = end / rate / steps  # in θ
    xi = _graded_half(nodes, min(0.02, 0.1 * math.sqrt(end / rate)))
    mass, stiff = _matrices(xi)
    half = 0.5 * _GAMMA * step
    inverse = np.linalg.inv((mass + half * stiff)[:-1, :-1])  # the middle node stays at w = 0
    mass, stiff = mass[:-1, :-1], stiff[:-1, :-1]
    response = -2 * half * inverse[:, 0]
    w, j = np.zeros(nodes - 1), 0.0
    slope_of_rest = rate / (4 * transference * (1 + series))
    phis, js, charges = [0.0], [0.0], [0.0]
    y, guess_j = 0.0, slope_of_rest * step
    for n in range(steps):
        # trapezoid to θ + γh
        base = inverse @ (mass @ w - half * (stiff @ w)) + j * response
        y1, j1 = _solve(base, response, xi, transference, series, rate * (n + _GAMMA) * step, y, guess_j)
        w1 = base + j1 * response
        # BDF2 to θ + h
        past = (w1 - (1 - _GAMMA) ** 2 * w) / (_GAMMA * (2 - _GAMMA))
        base = inverse @ (mass @ past)
        y, j2 = _solve(base, response, xi, transference, series, rate * (n + 1) * step, y1, j1)
        charges.append(charges[-1] + step * (j + j2))  # 2∫j dθ by trapezoids
        w, guess_j, j = base + j2 * response, j2, j2
        phis.append(rate * (n + 1) * step)
        js.append(j)
        if potential is None and j < 0.97 * max(js) and n > steps // 20:
            break
    phi, current, charge = np.array(phis), np.array(js), np.array(charges)
    top = int(np.argmax(current))
    found = (math.nan, math.nan, math.nan)
    if top < current.size - 1 and current[top] > current[-1] * (1 + 1e-6):
        curve = np.polyfit(phi[top - 1 : top + 2] - phi[top], current[top - 1 : top + 2], 2)
        shift = float(-curve[1] / (2 * curve[0]))
        found = (
            float(np.polyval(curve, shift)),
            float(phi[top] + shift),
            float(np.interp(phi[top] + shift, phi, charge)),
        )
    return RampResponse(
        potential=phi, current=current, peak_current=found[0], peak_potential=found[1], peak_charge=found[2]
    )


def _graded_half(nodes: int, first: float) -> np.ndarray:
    """Nodes on [0, ½], geometric towards the wall where the depleted skin is far thinner than ``first``."""
    return np.concatenate([[0.0], np.geomspace(first * 1e-4, 0.5, nodes - 1)])


def _matrices(xi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Consistent mass and stiffness of hat functions."""
    h = np.diff(xi)
    n = xi.size
    mass, stiff = np.zeros((n, n)), np.zeros((n, n))
    for i, d in enumerate(h):
        mass[i : i + 2, i : i + 2] += d / 6 * np.array([[2.0, 1.0], [1.0, 2.0]])
        stiff[i : i + 2, i : i + 2] += 1 / d * np.array([[1.0, -1.0], [-1.0, 1.0]])
    return mass, stiff


def _resistance(u: np.ndarray, h: np.ndarray) -> float:
    """∫dξ/u over the whole cell from the half profile: exact for a piecewise linear u (logarithmic means)."""
    total = 0.0
    for side in (u, 2 - u):
        a, b = side[:-1], side[1:]
        ratio = (b - a) / a
        small = np.abs(ratio) < 1e-6
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.where(small, 1 - ratio / 2, np.log1p(ratio) / np.where(small, 1.0, ratio)) / a
        total += float(h @ mean)
    return total


def _solve(
    base: np.ndarray,
    response: np.ndarray,
    xi: np.ndarray,
    t: float,
    series: float,
    phi: float,
    start: float,
    guess: float,
) -> tuple[float, float]:
    """(ln u(0), j) at which the cell voltage is φ: bracketed root in y = ln u(0), started from the last stage."""
    from scipy.optimize import root_scalar

    h = np.diff(xi)
    u = np.empty(xi.size)
    u[-1] = 1.0

    def voltage(y: float) -> float:
        u0 = math.exp(y)
        j = (u0 - 1 - base[0]) / response[0]
        np.maximum(1 + base + j * response, 1e-300, out=u[:-1])
        u[0] = u0
        return 4 * t * j * (_resistance(u, h) + series) + 2 * (1 - t) * (math.log(2 - u0) - y) - phi

    def current(y: float) -> float:
        return (math.exp(y) - 1 - float(base[0])) / float(response[0])

    # secant from the last stage; the bracketed search takes over where it does not settle at once
    y0, y1 = start, min(max(math.log(max(1 + base[0] + guess * response[0], 1e-300)), start - 2.0), 0.3)
    if y1 == y0:
        y1 = y0 - 1e-3
    f0, f1 = voltage(y0), voltage(y1)
    for _ in range(9):
        if f1 == f0:
            break
        y2 = y1 - f1 * (y1 - y0) / (f1 - f0)
        if not _DEEPEST < y2 < 0.65 or abs(y2 - y1) > 5:
            break
        y0, f0, y1 = y1, f1, y2
        if abs(y1 - y0) < 1e-9 * (1 + abs(y1)):
            return y1, current(y1)
        f1 = voltage(y1)
    high, width = min(start + 1e-3, 0.0), 0.02
    while voltage(high) > 0:  # the wall recovered
        if high >= 0.68:
            raise NotConvergedError(f"the ramp at φ = {phi:.4g} has no wall concentration that carries it.")
        high = min(high + width, 0.69)
        width *= 2
    low, width = min(start, high) - 0.02, 0.04
    while voltage(low) < 0:
        high = low
        if low < _DEEPEST:
            raise NotConvergedError(f"the wall is depleted below e^-600 at φ = {phi:.4g}; end the ramp earlier.")
        low -= width
        width *= 2
    y = float(root_scalar(voltage, bracket=(low, high), method="brentq", xtol=1e-11, rtol=1e-12).root)
    return y, current(y)
