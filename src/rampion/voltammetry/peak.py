"""The limiting peak: an interior maximum of the current above the noise, followed by a sustained decay."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rampion.estimate import NORMAL_95, Estimate
from rampion.voltammetry.noise import block_means, straight_line

BASELINE = "zero current: no baseline was subtracted"
_DRAWS = 400
_MOST = 4000  # runs of points that a maximum is fitted to
_CHOSEN = 1.2  # scatter over that of a given window: the window was chosen on the same points (measured, tuning seeds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    """A current maximum.

    current [A], potential [V], half_width [V] (from half the maximum on the rising side to the maximum), drop: fall of
    the smoothed current after the maximum over the maximum, plateau [A] (None when the current still falls at the
    end), decay_window [V], baseline: what the height counts from.
    """

    current: Estimate
    potential: Estimate
    half_width: float
    drop: float
    plateau: Estimate | None
    decay_window: tuple[float, float]
    baseline: str = BASELINE


def uphill(smooth: np.ndarray, at: int) -> int:
    """The local maximum uphill from a point."""
    while True:
        low = max(at - 1, 0)
        higher = low + int(np.argmax(smooth[low : at + 2]))
        if smooth[higher] <= smooth[at]:
            return at
        at = higher


def level_after(x: np.ndarray, y: np.ndarray, std: np.ndarray) -> Estimate | None:
    """Mean of the last tenth of the decay when the current changes there by less than 3 %; ``None`` otherwise."""
    last = x >= x[-1] - 0.2 * (x[-1] - x[0])
    if last.sum() < 4:
        return None
    slope, level = straight_line(x[last] - x[last].mean(), y[last], std[last])
    change = abs(slope) * np.ptp(x[last])
    if change > 0.05 * abs(level):
        return None
    return Estimate(level, math.hypot(1.0 / math.sqrt(np.sum(std[last] ** -2.0)), change / math.sqrt(12.0)))


def fit_maximum(
    potential: Float[np.ndarray, " n"],
    current: Float[np.ndarray, " n"],
    noise: Float[np.ndarray, " n"],
    near: float,
    degree: int = 4,
) -> tuple[Estimate, Estimate]:
    """Height [A] and place [V] of the maximum near a potential, by a local polynomial.

    Windows about the maximum grow while a polynomial of the given degree leaves only noise (χ², and the next two
    powers below two standard errors); seven tenths of the longest are used, where the bias left by the next powers is
    small against the scatter. The height's error is that of the polynomial at its vertex; the place's interval is that
    of the vertices of polynomials drawn within their errors, joined with the sampling step.

    Assumes white noise. Fails when the maximum is narrower than about 12 samples: the errors are then too small
    (they are enlarged by the scatter of the fit where that exceeds the noise).

    Parameters
    ----------
    potential, current, noise : (n,) [V], [A], [A].
    near : [V] first guess of the place.
    """
    potential, current, noise = block_means(potential, current, noise, _MOST)
    distance = np.abs(potential - near)
    order = np.argsort(distance)
    n = potential.size
    least = min(n, 2 * degree + 3)
    usual = float(distance[order[max(least, n // 25) - 1]])  # a shorter window only where this one leaves more
    reach = [float(distance[order[least - 1]])]
    while reach[-1] < distance[order[-1]]:
        reach.append(reach[-1] * 1.2)
    good, misses = reach[0], 0
    for radius in reach:
        used = _symmetric(potential, near, radius)
        if used.sum() < least:
            continue
        if _only_noise(potential[used], current[used], noise[used], near, radius, degree):
            good, misses = radius, 0
        else:
            misses += 1
            if misses >= 3 and radius >= usual:
                break
    radius = max(0.7 * good, reach[0])
    used = _symmetric(potential, near, radius)
    if used.sum() < least:
        radius = reach[0]
        used = distance <= radius * (1 + 1e-9)
    return _vertex(potential[used], current[used], noise[used], near, radius, degree)


def _symmetric(potential: np.ndarray, near: float, radius: float) -> Bool[np.ndarray, " n"]:
    return np.abs(potential - near) <= radius * (1 + 1e-9)


def _basis(u: np.ndarray, degree: int) -> np.ndarray:
    return np.polynomial.legendre.legvander(u, degree)


def _only_noise(x: np.ndarray, y: np.ndarray, std: np.ndarray, near: float, radius: float, degree: int) -> bool:
    """Whether the polynomial leaves only noise."""
    x, y, std = block_means(x, y, std, 600)
    u = (x - near) / radius
    q, _ = np.linalg.qr(_basis(u, degree + 2) / std[:, None])
    coefficients = q.T @ (y / std)
    left = y / std - q @ coefficients
    degrees = max(u.size - degree - 3, 1)
    if np.sum(left**2) - degrees > 4.0 * math.sqrt(2.0 * degrees):
        return False
    return bool(np.all(np.abs(coefficients[degree + 1 :]) < 2.3))


def _vertex(
    x: np.ndarray, y: np.ndarray, std: np.ndarray, near: float, radius: float, degree: int
) -> tuple[Estimate, Estimate]:
    """Maximum of the fitted polynomial inside the window, with the errors of height and place."""
    u = (x - near) / radius
    degree = min(degree, max(2, u.size - 3))
    design = _basis(u, degree)
    inverse = np.linalg.pinv(design / std[:, None])
    covariance, coefficients = inverse @ inverse.T, inverse @ (y / std)
    left = (y - design @ coefficients) / std
    covariance = covariance * _CHOSEN**2 * max(1.0, float(np.sum(left**2)) / max(u.size - degree - 1, 1))
    grid = np.linspace(max(u.min(), -1.0), min(u.max(), 1.0), 401)
    at = float(grid[int(np.argmax(_basis(grid, degree) @ coefficients))])
    first = np.polynomial.legendre.legder(coefficients)
    second = np.polynomial.legendre.legder(coefficients, 2)
    curvature = float(np.polynomial.legendre.legval(at, second))
    slope = float(np.polynomial.legendre.legval(at, first))
    if curvature < 0 and abs(slope / curvature) < 0.01:
        at -= slope / curvature
    row = _basis(np.array([at]), degree)[0]
    height_error = math.sqrt(float(row @ covariance @ row))
    # the place follows the coefficients far from linearly: its interval is that of vertices of drawn polynomials
    generator = np.random.default_rng(0)
    sizes, axes = np.linalg.eigh(covariance)
    drawn = coefficients + generator.standard_normal((_DRAWS, degree + 1)) @ (axes * np.sqrt(np.maximum(sizes, 0.0))).T
    places = grid[np.argmax(drawn @ _basis(grid, degree).T, axis=1)] * radius
    pitch = float(np.median(np.diff(x))) / math.sqrt(12.0)
    place = near + at * radius
    low, high = (float(q) for q in np.percentile(places - at * radius, [2.5, 97.5]))
    return Estimate(float(row @ coefficients), height_error), Estimate(
        place,
        math.hypot(float(np.std(places)), pitch),
        place - math.hypot(min(low, 0.0), NORMAL_95 * pitch),
        place + math.hypot(max(high, 0.0), NORMAL_95 * pitch),
    )
