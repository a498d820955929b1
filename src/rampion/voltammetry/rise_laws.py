"""Laws by which a current rises from its course, and the evidence for each beginning that data give.

With x = (V - V₀)₊ and its value X at the last point:

    step         x > 0, then growing with V (a parallel conductor), the first sample after it perhaps in between
    exponential  (e^{x/f} - 1)/(e^{X/f} - 1)
    power        (x/X)^p
    critical     x/(c - x), the current diverging at V₀ + c
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

_NODES = 8  # of the parameter of a law, to start from
_ROUNDS = 4
_CLOSE = 0.02  # χ² of a round that is not worth another
_NUDGE = 0.01  # of the range of the parameter
_AMPLITUDES = (0.003, 1.0)  # of an exponential over the current at the onset
_LENGTHS = (0.01, 0.6)  # over the onset's potential, in which a power law doubles the current
_SOFT = 0.5  # e-folds beyond these bounds at one standard deviation


class Law(NamedTuple):
    """A law, the range of its parameter, even in which it counts beforehand: ln f/V, p, or ln (c - X)/X."""

    name: str
    low: float
    high: float


LAWS = (
    Law("exponential", math.log(0.006), math.log(0.35)),
    Law("power", 0.6, 4.0),
    Law("critical", math.log(3e-3), math.log(3.0)),
)
STEPS = 2  # a step, and a step with a sample in between


@dataclass(frozen=True, slots=True, eq=False)
class Projected:
    """Points of the fit with the course projected out: potential [V] (n,), weights 1/σ (n,), current over σ less the
    course (n,), an orthonormal basis of the course over σ (n, p), and the current's size at the rise [A]."""

    potential: np.ndarray
    weight: np.ndarray
    left: np.ndarray
    basis: np.ndarray
    size: float


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """For each break point (m,) and law (k): ln of its weight but for the prior of V₀, χ², amplitude a, its variance,
    and the overlap of the rise with the course's basis (m, k, p)."""

    log_weight: np.ndarray
    score: np.ndarray
    amplitude: np.ndarray
    variance: np.ndarray
    overlap: np.ndarray
    parameter: np.ndarray


def weigh_laws(
    points: Projected,
    places: Float[np.ndarray, " m"],
    scale: float,
    parameters: Float[np.ndarray, "m k"] | None = None,
) -> Evidence:
    """Evidence of each law at each break point: amplitude by linear regression, the law's parameter by Gauss-Newton
    steps, and both integrated over (Laplace's approximation).

    Beforehand the three laws and the step count the same, parameters evenly in their ranges, and amplitudes evenly in
    their logarithm: exponentials of 0.3 … 100 % of the current, powers that double it within 1 … 60 % of the onset's
    potential. ``scale`` is the variance of the noise over what is stated; ``parameters`` to start from, of the three.
    """
    found = [
        _weigh_law(points, places, law, scale, None if parameters is None else parameters[:, k])
        for k, law in enumerate(LAWS)
    ]
    found += _weigh_steps(points, places, scale)
    return Evidence(*(np.stack(column, axis=1) for column in zip(*found, strict=True)))


def _shape(past: np.ndarray, law: Law, parameter: np.ndarray, last: float) -> np.ndarray:
    """(m, n) a law at ``past`` = (V - V₀)₊ or, for a power, its logarithm; one at the last point, at the potential
    ``last``."""
    whole, numbers = past[:, -1:], parameter[:, None]
    if law.name == "power":
        return np.exp(numbers * (past - whole))
    if law.name == "critical":
        beyond = np.exp(numbers) * whole
        return past * (beyond / whole) / (whole + beyond - past)
    fold = np.exp(numbers) * abs(last)  # a sweep towards zero ends below it
    return np.expm1(past / fold) / np.expm1(whole / fold)


def _regress(points: Projected, shape: np.ndarray, first: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Amplitude (m,), norm (m,) and overlap (m, p) of rises that begin at point ``first`` or later."""
    weighed = shape * points.weight[first:]
    overlap = weighed @ points.basis[first:]
    norm = np.maximum(np.sum(weighed**2, axis=1) - np.sum(overlap**2, axis=1), 1e-300)
    return weighed @ points.left[first:] / norm, norm, overlap


def _weigh_law(
    points: Projected, places: np.ndarray, law: Law, scale: float, begun: np.ndarray | None
) -> tuple[np.ndarray, ...]:
    first = max(int(np.searchsorted(points.potential, places.min())) - 1, 0)
    late = points.potential[first:]
    total = float(points.left @ points.left)
    past = np.maximum(late - places[:, None], 0.0)
    if law.name == "power":
        past = np.log(np.maximum(past, 1e-300))

    def fit(parameter: np.ndarray) -> tuple[np.ndarray, ...]:
        shape = _shape(past, law, parameter, float(late[-1]))
        amplitude, norm, overlap = _regress(points, shape, first)
        return np.where(amplitude > 0, total - amplitude**2 * norm, total), amplitude, norm, overlap, shape

    if begun is None:
        nodes = np.linspace(law.low, law.high, _NODES)
        parameter = nodes[np.argmin([fit(np.full(places.size, node))[0] for node in nodes], axis=0)]
    else:
        parameter = begun.copy()
    nudge = _NUDGE * (law.high - law.low)
    limit = (law.high - law.low) / (_NODES - 1)
    damping = np.full(places.size, 1e-3)
    best = fit(parameter)
    curvature = np.ones(places.size)
    for _ in range(_ROUNDS):
        score, amplitude, norm, overlap, shape = best
        turned = np.where(parameter + nudge > law.high, -nudge, nudge)
        move = (_shape(past, law, parameter + turned, float(late[-1])) - shape) / turned[:, None] * amplitude[:, None]
        weighed, along = move * points.weight[first:], shape * points.weight[first:]
        against = weighed @ points.basis[first:]
        # the move with course and rise projected out
        shared = (np.sum(weighed * along, axis=1) - np.sum(against * overlap, axis=1)) / norm
        curvature = np.maximum(np.sum(weighed**2, axis=1) - np.sum(against**2, axis=1) - shared**2 * norm, 1e-12)
        left = points.left[first:] - amplitude[:, None] * along
        slope = np.sum(weighed * left, axis=1) + amplitude * np.sum(against * overlap, axis=1)
        step = np.clip(slope / (curvature * (1.0 + damping)), -limit, limit)
        trial = np.clip(parameter + step, law.low, law.high)
        fresh = fit(trial)
        better = fresh[0] <= score
        damping = np.where(better, 0.1, 10.0) * damping + np.where(better, 0.0, 0.1)
        parameter = np.where(better, trial, parameter)
        gain = float(np.max(score - fresh[0]))
        for old, new in zip(best, fresh, strict=True):
            old[better] = new[better]
        if gain < _CLOSE:
            break
    score, amplitude, norm, overlap, _ = best
    error = np.sqrt(scale / curvature)
    inside = _normal_share((law.low - parameter) / error, (law.high - parameter) / error)
    log_weight = -0.5 * score / scale + np.log(error * math.sqrt(2 * math.pi) * inside / (law.high - law.low))
    log_weight = log_weight + _amplitude_weight(points, places, law, parameter, amplitude, np.sqrt(scale / norm))
    log_weight = np.where(amplitude > 0, log_weight, -np.inf)
    return log_weight, score, amplitude, scale / norm, overlap, parameter


def _normal_share(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    from scipy.special import ndtr

    return np.maximum(ndtr(high) - ndtr(low), 1e-12)


def _amplitude_weight(
    points: Projected, places: np.ndarray, law: Law, parameter: np.ndarray, amplitude: np.ndarray, error: np.ndarray
) -> np.ndarray:
    """ln of the prior of the amplitude, even in its logarithm, times the width of what the data leave."""
    safe = np.maximum(amplitude, 1e-300)
    whole = np.maximum(points.potential[-1] - places, 1e-300)
    if law.name == "exponential":
        fold = np.exp(parameter) * abs(points.potential[-1])
        beyond = np.log(safe / points.size) - np.log(np.expm1(np.minimum(whole / fold, 600.0)))
        bounds = np.log(_AMPLITUDES)
    elif law.name == "power":
        beyond = np.log(whole / np.maximum(places, 1e-3 * whole)) - np.log(safe / points.size) / parameter
        bounds = np.log(_LENGTHS)
    else:
        beyond, bounds = np.zeros(safe.size), (0.0, 0.0)
    outside = np.maximum(np.maximum(bounds[0] - beyond, beyond - bounds[1]), 0.0) / _SOFT
    return -0.5 * outside**2 + np.log(np.minimum(error, safe) / safe / max(bounds[1] - bounds[0], 4.0))


def _weigh_steps(points: Projected, places: np.ndarray, scale: float) -> list[tuple[np.ndarray, ...]]:
    """The step, and the step whose first sample lies in between."""
    first = max(int(np.searchsorted(points.potential, places.min())) - 1, 0)
    late = points.potential[first:]
    after = late > places[:, None]
    grown = late / late[-1]
    begun = np.argmax(after, axis=1)
    own = points.weight[first + begun]  # of the first sample after the break point
    row = points.basis[first + begun]
    own_left = points.left[first + begun]
    found = []
    for between in (False, True):
        shape = np.where(after, grown, 0.0)
        rows = np.arange(places.size)
        if between:
            shape[rows, begun] = 0.0
        amplitude, norm, overlap = _regress(points, shape, first)
        gain = amplitude**2 * norm
        allowed = amplitude > 0
        if between:  # that sample is left to itself: a column of its own
            own_norm = np.maximum(1.0 - np.sum(row**2, axis=1), 1e-12)
            shared = -np.sum(overlap * row, axis=1)
            fall = norm * own_norm - shared**2
            fall = np.where(fall > 1e-12 * norm, fall, np.inf)
            along = amplitude * norm
            amplitude = (along * own_norm - own_left * shared) / fall
            height = (own_left * norm - along * shared) / fall / own
            gain = amplitude * along + height * own * own_left
            share = height / np.maximum(amplitude * grown[begun], 1e-300)
            allowed = (amplitude > 0) & (share > 0.0) & (share < 1.0) & (begun < late.size - 1)
            norm = fall / own_norm
            overlap = overlap + (height * own / np.where(amplitude > 0, amplitude, np.inf))[:, None] * row
        score = float(points.left @ points.left) - np.where(allowed, gain, 0.0)
        error = np.sqrt(scale / np.maximum(norm, 1e-300))
        safe = np.maximum(amplitude, 1e-300)
        log_weight = -0.5 * score / scale + np.log(np.minimum(error, safe) / safe / 4.0)
        if between:
            log_weight = log_weight + np.log(np.minimum(math.sqrt(scale) / (own * safe), 1.0)) - math.log(20.0)
        found.append(
            (np.where(allowed, log_weight, -np.inf), score, amplitude, error**2, overlap, np.zeros(places.size))
        )
    return found
