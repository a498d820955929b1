"""The noise of a sampled curve, its resolution, straight lines through it, and its memory.

A residual r_k over its local size s_k is an autoregression z_k = Σ φ_j z_{k-j} + e_k with Student innovations e (ν = 4,
so that a spike of pick-up counts little). Its coefficients come from the residual itself, by Burg's recursion on values
cut at four sizes, the order by the evidence. Noise forgets: reflection coefficients are held below what a correlation
over a tenth of the record would give, so that the course itself is never taken for noise.

Source: J. P. Burg, Maximum entropy spectral analysis, 37th Meeting of the Society of Exploration Geophysicists (1967);
K. L. Lange, R. J. A. Little, J. M. G. Taylor, J. Am. Stat. Assoc. 84, 881 (1989), doi:10.1080/01621459.1989.10478852.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

_CACHED = 10_000  # points
_RUNS, _RUN = 20, 1000  # and their points: they tell a noise to 1 %
NORMAL_MAD = 1.4826  # standard deviation over median absolute deviation of a normal distribution
_FLOOR = 2e-4  # no instrument's current is known better than this share of its largest value
CHOSEN = 1.2  # errors over those of a given window or part of a record: it was chosen on the same points
_SCORES = 2.3  # standard errors: a power beyond a polynomial is there
_WORSE = 4.0  # standard deviations of χ² beyond its degrees of freedom
FREEDOM = 4.0  # ν of the innovations
_ORDER = 6  # innovations that a noise remembers, at most
_CUT = 4.0  # sizes of the noise: an outlier beyond counts as much in its memory
_LEAST = 0.2  # of the local size: less is chance, or a record without noise
_MEMORY = 0.1  # of the record: the longest correlation that counts as noise
_WEIGHT = (FREEDOM + 1.0) / FREEDOM


def interpolation_residual(x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"]) -> Float[np.ndarray, " m"]:
    """Each inner point minus the cubic through its four neighbours, in units of that difference's noise gain.

    r_i = (y_i - Σ w_j y_j)/√(1 + Σ w_j²), j = i-2, i-1, i+1, i+2, with Lagrange weights on the uneven grid; white noise
    of standard deviation s gives r of standard deviation s, and a smooth curve nearly nothing.

    Parameters and returns: x, y (n,); r (n - 4,), in the unit of y.
    """
    n = y.size
    if n < 5:
        return np.zeros(0)
    if n > _CACHED + 4:  # in parts that a processor's cache holds
        parts = (slice(first, first + _CACHED + 4) for first in range(0, n - 4, _CACHED))
        return np.concatenate([interpolation_residual(x[part], y[part]) for part in parts])
    neighbours = np.stack([x[0 : n - 4], x[1 : n - 3], x[3 : n - 1], x[4:n]]) - x[2 : n - 2]
    values = np.stack([y[0 : n - 4], y[1 : n - 3], y[3 : n - 1], y[4:n]])
    weights = np.ones_like(neighbours)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for j in range(4):
            for k in range(4):
                if k != j:
                    weights[j] *= neighbours[k] / (neighbours[k] - neighbours[j])
    distinct = np.all(np.isfinite(weights) & (np.abs(weights) < 1e6), axis=0)  # points that coincide say nothing
    weights, values, own = weights[:, distinct], values[:, distinct], y[2 : n - 2][distinct]
    return (own - np.sum(weights * values, axis=0)) / np.sqrt(1.0 + np.sum(weights**2, axis=0))


def noise_level(x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"]) -> float:
    """Standard deviation of the white noise on a smooth curve, robust against steps and spikes.

    s = 1.4826 · median|r| of :func:`interpolation_residual`; of long curves, in runs of points spread over them. Fails
    when the noise is correlated over more than a few samples (then it is underestimated) or fewer than 9 points are
    given (NaN).
    """
    if y.size > _RUNS * _RUN:
        starts = np.linspace(0, y.size - _RUN, _RUNS).astype(int)
        residual = np.concatenate([interpolation_residual(x[k : k + _RUN], y[k : k + _RUN]) for k in starts])
    else:
        residual = interpolation_residual(x, y)
    return NORMAL_MAD * float(np.median(np.abs(residual))) if residual.size >= 5 else math.nan


def local_noise(
    x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"], floor: Float[np.ndarray, " n"], window: int = 40
) -> Float[np.ndarray, " n"]:
    """(n,) noise along the curve, from windows of at least ``window`` points, running median over three of them.

    ``floor`` (n,) is the smallest value returned (:func:`noise_floor`).
    """
    n = y.size
    parts = int(np.clip(n // window, 1, 12))
    edges = np.linspace(0, n, parts + 1).astype(int)
    levels = np.array([noise_level(x[a:b], y[a:b]) for a, b in itertools.pairwise(edges)])
    levels = np.where(np.isfinite(levels), levels, float(np.median(floor)))
    if parts >= 3:
        padded = np.concatenate([[np.median(levels[:2])], levels, [np.median(levels[-2:])]])
        levels = np.median(np.stack([padded[:-2], padded[1:-1], padded[2:]]), axis=0)
    centres = 0.5 * (edges[:-1] + edges[1:])
    # a window of 40 points knows its noise to a sixth; do not let chance make it much less than elsewhere
    least = np.maximum(floor, 0.6 * float(np.median(levels)))
    return np.maximum(np.interp(np.arange(n), centres, levels), least)


def noise_floor(y: Float[np.ndarray, " n"], resolution: float) -> Float[np.ndarray, " n"]:
    """(n,) least standard deviation to believe: the recorded step over √12, and 2e-4 of the value or the median."""
    size = np.abs(y)
    relative = _FLOOR * np.maximum(size, float(np.median(size)) if size.size else 0.0)
    return np.maximum(np.maximum(relative, resolution / math.sqrt(12.0)), 1e-300)


def find_resolution(y: Float[np.ndarray, " n"]) -> float:
    """The step in which values are recorded, when they lie on a lattice; 0 otherwise.

    On a lattice: values repeat (under nine tenths are distinct) and nine tenths of the differences between distinct
    values are whole multiples of a tenth percentile of them.
    """
    distinct = np.unique(y)
    if distinct.size < 6 or distinct.size > 0.9 * y.size:
        return 0.0
    gaps = np.diff(distinct)
    step = float(np.percentile(gaps, 10))
    multiples = gaps / step
    return step if np.mean(np.abs(multiples - np.round(multiples)) < 0.01) > 0.9 else 0.0


def moving_lines(
    x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"], std: Float[np.ndarray, " n"], half: int
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"], Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Weighted straight lines in windows of ``2 half + 1`` points: value, slope and their standard errors, each (n,).

    Windows are cut at the ends. The value is the line's at the window's own point.
    """
    n = y.size
    centre, scale = float(np.mean(x)), float(np.ptp(x)) or 1.0
    u = (x - centre) / scale
    offset = float(np.median(y))
    w = std**-2.0
    w = w / np.max(w)
    sums = np.zeros((5, n + 1))
    np.cumsum(np.stack([w, w * u, w * (y - offset), w * u * u, w * u * (y - offset)]), axis=1, out=sums[:, 1:])
    low, high = np.maximum(np.arange(n) - half, 0), np.minimum(np.arange(n) + half + 1, n)
    s, su, sy, suu, suy = sums[:, high] - sums[:, low]
    spread = suu - su * su / s
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = (suy - su * sy / s) / spread
        value = sy / s + slope * (u - su / s) + offset
        gain = float(np.min(std)) ** 2  # weights were scaled by the largest
        slope_error = np.sqrt(gain / spread)
        value_error = np.sqrt(gain * (1.0 / s + (u - su / s) ** 2 / spread))
    flat = ~(spread > 1e-14 * s)
    slope_error[flat], slope[flat] = math.inf, 0.0
    value[flat], value_error[flat] = (sy / s + offset)[flat], np.sqrt(gain / s)[flat]
    return value, slope / scale, value_error, slope_error / scale


def block_means(
    x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"], std: Float[np.ndarray, " n"], blocks: int
) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"], Float[np.ndarray, " m"]]:
    """Means of at most ``blocks`` runs of points, and their standard errors; unchanged when there are fewer points."""
    n = y.size
    if n <= blocks:
        return x, y, std
    edges = np.linspace(0, n, blocks + 1).astype(int)[:-1]
    counts = np.diff(np.append(edges, n))
    return (
        np.add.reduceat(x, edges) / counts,
        np.add.reduceat(y, edges) / counts,
        np.sqrt(np.add.reduceat(std**2, edges)) / counts,
    )


def straight_line(
    x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"], std: Float[np.ndarray, " n"] | None = None
) -> tuple[float, float]:
    """Slope and level at x = 0 of the weighted straight line through points; a slope of zero where all x coincide."""
    weight = np.ones(x.size) if std is None else std**-2.0
    weight = weight / weight.sum()
    centre, level = float(weight @ x), float(weight @ y)
    u = x - centre
    spread = float(weight @ (u * u))
    slope = float(weight @ (u * (y - level))) / spread if spread > 0 else 0.0
    return slope, level - slope * centre


def only_noise(
    x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"], std: Float[np.ndarray, " n"], degree: int
) -> bool:
    """Whether a polynomial leaves only noise: χ², and the next two powers below 2.3 standard errors."""
    u = 2.0 * (x - x[0]) / (float(x[-1] - x[0]) or 1.0) - 1.0
    q, _ = np.linalg.qr(np.polynomial.legendre.legvander(u, degree + 2) / std[:, None])
    coefficients = q.T @ (y / std)
    left = y / std - q @ coefficients
    degrees = max(u.size - degree - 3, 1)
    if np.sum(left**2) - degrees > _WORSE * math.sqrt(2.0 * degrees):
        return False
    return bool(np.all(np.abs(coefficients[degree + 1 :]) < _SCORES))


@dataclass(frozen=True, slots=True, eq=False)
class Noise:
    """Coefficients φ (p,), the local size (n,) and the size of the innovations over it."""

    coefficients: Float[np.ndarray, " p"]
    local: Float[np.ndarray, " n"]
    size: float

    @property
    def gain(self) -> float:
        """Standard deviation of a mean over many points, times √n, over the local size: 1 for white noise."""
        return self.size * math.sqrt(FREEDOM / (FREEDOM - 2.0)) / max(1.0 - float(np.sum(self.coefficients)), 1e-3)

    def whitened(self, values: Float[np.ndarray, "... n"]) -> Float[np.ndarray, "... n"]:
        """Innovations of values (…, n), in units of their size; the first p as if there were zeros before."""
        scaled = values / self.local
        out = np.array(scaled, dtype=float)
        for lag, phi in enumerate(self.coefficients, start=1):
            out[..., lag:] -= phi * scaled[..., :-lag]
        if self.coefficients.size:  # the first point alone has the whole variance
            out[..., 0] *= math.sqrt(max(1.0 - float(np.sum(self.coefficients**2)), 0.02))
        return out / self.size


def student_cost(innovations: Float[np.ndarray, "... n"]) -> Float[np.ndarray, "... n"]:
    """-2 ln of the Student density of innovations in units of their size, without its constant."""
    return (FREEDOM + 1.0) * np.log1p(innovations**2 / FREEDOM)


def student_weight(innovations: Float[np.ndarray, "... n"]) -> Float[np.ndarray, "... n"]:
    """Weight of a squared innovation in the least squares that has the same maximum."""
    return _WEIGHT / (1.0 + innovations**2 / FREEDOM)


def noise_of(
    residual: Float[np.ndarray, " n"], local: Float[np.ndarray, " n"], free: int = 0, most: float = math.inf
) -> Noise:
    """The noise that a residual shows; ``free`` numbers were fitted to it; slow noise is at most ``most`` [A]."""
    z = residual / local
    scale = robust_size(z)
    cut = np.clip(z, -_CUT * scale, _CUT * scale)
    n = z.size
    # of a residual with one slow root φ: 1/(1 - φ) is the memory in points
    shortest = 1.0 / max(_MEMORY * n, 2.0)  # of 1 - Σφ, the product of 1 - reflection
    passed = 1.0
    forward, backward = cut[1:].copy(), cut[:-1].copy()
    coefficients: list[float] = []
    variance = float(np.mean(cut**2))
    best, chosen, widened = n * math.log(max(variance, 1e-300)), np.zeros(0), 1.0
    spread = 1.0  # standard deviation of the process over that of its innovations
    for order in range(1, min(_ORDER, n // 12) + 1):
        power = float(forward @ forward + backward @ backward)
        reflection = 2.0 * float(forward @ backward) / power if power > 0 else 0.0
        reflection = float(np.clip(reflection, -0.95, 1.0 - min(shortest / passed, 0.99)))
        passed *= 1.0 - reflection
        coefficients = [
            old - reflection * mirrored for old, mirrored in zip(coefficients, reversed(coefficients), strict=True)
        ] + [reflection]
        forward, backward = (forward - reflection * backward)[1:], (backward - reflection * forward)[:-1]
        variance *= 1.0 - reflection**2
        spread /= math.sqrt(1.0 - reflection**2)
        score = n * math.log(max(variance, 1e-300)) + order * math.log(n)
        if score < best:
            best, chosen, widened = score, np.array(coefficients), spread
    shape = Noise(chosen, local, 1.0)
    size = robust_scale(shape.whitened(residual)) * math.sqrt(n / max(n - free, n / 2))
    if chosen.size:
        size = min(size, max(most / float(np.median(local)), 1.0) / widened)
    return Noise(chosen, local, max(size, _LEAST))


def robust_size(values: Float[np.ndarray, " n"]) -> float:
    """The median size times 1.4826: the standard deviation of a normal distribution."""
    return max(NORMAL_MAD * float(np.median(np.abs(values))), 1e-300)


def robust_scale(values: Float[np.ndarray, " n"]) -> float:
    """Scale of a Student distribution of known ν, by its likelihood."""
    squares = values**2
    scale = robust_size(values) ** 2
    for _ in range(30):
        fresh = float(np.mean((FREEDOM + 1.0) * squares / (FREEDOM + squares / scale)))
        if abs(fresh - scale) < 1e-6 * scale:
            break
        scale = max(fresh, 1e-300)
    return math.sqrt(scale)


def cost_of(residual: Float[np.ndarray, " n"], noise: Noise) -> float:
    """-2 ln likelihood of a residual, constants of ν left out."""
    return float(np.sum(student_cost(noise.whitened(residual))) + 2.0 * residual.size * math.log(noise.size))
