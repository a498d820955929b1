"""What a mechanism predicts for one statistic, and how likely a measured value is under it.

A prediction is a straight segment of values (a point when its ends coincide), equally likely along its length, with
a normal tolerance about it; a measured value adds its own covariance S:

    p(x) = ∫₀¹ N(x; p₀ + λ(p₁ - p₀), S + T²) dλ

The p-value asks how far x lies from the nearest point of the segment (χ², one degree less in its interior).
A share is predicted for counts: k of n, with the probability anywhere between two limits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Segment:
    """Values from ``start`` to ``end`` with a standard tolerance per coordinate."""

    start: tuple[float, ...]
    end: tuple[float, ...]
    tolerance: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """A probability between two limits, met by counts."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Measured:
    """A measured statistic: (d,) values with (d, d) covariance as nested tuples."""

    value: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Counted:
    """``happened`` of ``count`` cases."""

    happened: int
    count: int


def point(*values: float, tolerance: float) -> Segment:
    """A single predicted value, or a pair of values."""
    return Segment(values, values, (tolerance,) * len(values))


def between(low: float, high: float, tolerance: float) -> Segment:
    """A predicted range of one number."""
    return Segment((low,), (high,), (tolerance,))


def log_density(seen: Measured, predicted: Segment) -> float:
    """ln p(x) of the measured value under the segment."""
    x, s, start, along = _frame(seen, predicted)
    inverse = np.linalg.inv(s)
    d = x - start
    log_norm = -0.5 * (x.size * math.log(2 * math.pi) + float(np.linalg.slogdet(s)[1]))
    a = float(along @ inverse @ along)
    q = float(d @ inverse @ d)
    if a < 1e-12:
        return log_norm - 0.5 * q
    b = float(along @ inverse @ d)
    root = math.sqrt(a)
    inside = _log_difference((1 - b / a) * root, -b / root)
    return log_norm - 0.5 * (q - b * b / a) + 0.5 * math.log(2 * math.pi / a) + inside


def tail_probability(seen: Measured, predicted: Segment) -> float:
    """Two-sided p-value of the measured value under the segment."""
    from scipy.special import gammaincc

    x, s, start, along = _frame(seen, predicted)
    inverse = np.linalg.inv(s)
    a = float(along @ inverse @ along)
    share = float(along @ inverse @ (x - start)) / a if a >= 1e-12 else 0.0
    inner = 0 < share < 1 and a >= 1e-12
    d = x - start - min(max(share, 0.0), 1.0) * along
    degrees = x.size - 1 if inner else x.size
    return 1.0 if degrees == 0 else float(gammaincc(degrees / 2, float(d @ inverse @ d) / 2))


def log_share_density(seen: Counted, predicted: Share) -> float:
    """ln ∫ Binomial(k; n, p) dp/(high - low): how likely the counts are."""
    from scipy.special import betainc

    k, n = seen.happened, seen.count
    inside = float(betainc(k + 1, n - k + 1, predicted.high) - betainc(k + 1, n - k + 1, predicted.low))
    return math.log(max(inside, 1e-300) / ((n + 1) * (predicted.high - predicted.low)))


def share_probability(seen: Counted, predicted: Share) -> float:
    """Two-sided p-value of the counts at the nearest probability of the range."""
    from scipy.stats import binomtest

    nearest = min(max(seen.happened / seen.count, predicted.low), predicted.high)
    return float(binomtest(seen.happened, seen.count, nearest).pvalue)


def _frame(seen: Measured, predicted: Segment) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    x = np.array(seen.value)
    s = np.array(seen.covariance) + np.diag(np.array(predicted.tolerance) ** 2)
    start = np.array(predicted.start)
    return x, s, start, np.array(predicted.end) - start


def _log_difference(high: float, low: float) -> float:
    """ln[Φ(high) - Φ(low)] without cancellation in either tail."""
    from scipy.special import log_ndtr

    if low > 0:
        high, low = -low, -high
    top, bottom = float(log_ndtr(high)), float(log_ndtr(low))
    return top + math.log1p(-math.exp(min(bottom - top, -1e-15)))
