"""The limiting peak: a maximum of the current, the level after it, and that of the current's half-order integral."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rampion.estimate import NORMAL_95, Estimate
from rampion.voltammetry.noise import CHOSEN, block_means, only_noise, straight_line

BASELINE = "zero current: no baseline was subtracted"
_DRAWS = 400
_MOST = 4000  # runs of points that a maximum is fitted to
_DIRECT = 1200  # points up to which the sum over all pairs is the faster way
_RUNS = 1000  # of points, of which a level is taken
_STEP = 0.5  # of the trapezoidal rule in the logarithm of the rate; error about 1e-7


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
        if only_noise(*block_means(potential[used], current[used], noise[used], 600), degree):
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
    covariance = covariance * CHOSEN**2 * max(1.0, float(np.sum(left**2)) / max(u.size - degree - 1, 1))
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


def semi_integrate(time: Float[np.ndarray, " n"], current: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Half-order integral m(t) = (1/√π) ∫ I(s)/√(t - s) ds from the first time to each time.

    The current is taken as straight between samples; each piece is integrated exactly. Up to 1,200 points all pairs
    are summed; beyond, the history before the last piece is carried by exponentials,
    1/√t = (1/√π) ∫ e^{-t eˣ} e^{x/2} dx by the trapezoidal rule, at a cost linear in the number of points
    (relative error below 1e-7).

    Assumes that the current before the first time is zero. Times may repeat; the second of two counts from there on.

    Parameters
    ----------
    time, current : (n,) [s] never decreasing, [A].

    Returns
    -------
    (n,) [A·s½]; m = Γ(p+1)/Γ(p+3/2) t^{p+1/2} for a current t^p.

    Source: K. B. Oldham, J. Spanier, The Fractional Calculus, Academic Press 1974.
    """
    n = time.size
    if n < 2:
        return np.zeros(n)
    return _by_pairs(time, current) if n <= _DIRECT else _by_exponentials(time, current)


def _pieces(time: np.ndarray, current: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lengths and slopes of the straight pieces; a piece of no length has no slope."""
    lengths = np.diff(time)
    slopes = np.divide(np.diff(current), lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return lengths, slopes


def _by_pairs(time: np.ndarray, current: np.ndarray) -> np.ndarray:
    """∫ (I_j + k_j (s - t_j))/√(t - s) ds over each piece, summed over all pieces before t."""
    _, slopes = _pieces(time, current)
    result = np.zeros(time.size)
    for start in range(1, time.size, 256):
        t = time[start : start + 256, None]
        far = np.clip(t - time[None, :-1], 0.0, None)
        near = np.clip(t - time[None, 1:], 0.0, None)
        roots, root_near = np.sqrt(far), np.sqrt(near)
        whole = 2.0 * (roots - root_near)
        moment = 2.0 * far * (roots - root_near) - (2.0 / 3.0) * (far * roots - near * root_near)
        result[start : start + 256] = whole @ current[:-1] + moment @ slopes
    return result / math.sqrt(math.pi)


def _by_exponentials(time: np.ndarray, current: np.ndarray) -> np.ndarray:
    """The last piece exactly, the history by exponentials that decay and grow from piece to piece."""
    lengths, slopes = _pieces(time, current)
    positive = lengths[lengths > 0]
    if positive.size == 0:
        return np.zeros(time.size)
    total = float(time[-1] - time[0])
    rates = np.exp(np.arange(math.log(1e-14 / total), math.log(40.0 / float(positive.min())), _STEP))
    weights = _STEP * np.sqrt(rates) / math.pi
    result = np.zeros(time.size)
    history = np.zeros(rates.size)
    for start in range(0, lengths.size, 512):
        h = lengths[start : start + 512, None]
        z = h * rates
        decay = np.exp(-z)
        small = z < 1e-3
        safe = np.where(small, 1.0, z)
        # ∫₀ʰ e^{-r(h-s)} ds and ∫₀ʰ s e^{-r(h-s)} ds
        first = h * np.where(small, 1.0 - z / 2.0 + z**2 / 6.0, (1.0 - decay) / safe)
        second = h**2 * np.where(small, 0.5 - z / 6.0 + z**2 / 24.0, (1.0 - (1.0 - decay) / safe) / safe)
        gain = current[start : start + h.size, None] * first + slopes[start : start + h.size, None] * second
        for k in range(h.size):
            carried = decay[k] * history
            result[start + k + 1] = weights @ carried
            history = carried + gain[k]
    roots = np.sqrt(lengths)
    last = (2.0 * current[:-1] * roots + (4.0 / 3.0) * slopes * lengths * roots) / math.sqrt(math.pi)
    result[1:] += last
    return result


def find_plateau(
    time: Float[np.ndarray, " n"],
    potential: Float[np.ndarray, " n"],
    current: Float[np.ndarray, " n"],
    noise: Float[np.ndarray, " n"],
    ramped: Bool[np.ndarray, " n"],
    window: tuple[float, float],
) -> Estimate | None:
    """The level [A·s½] of the semi-integral inside a window of the potential, ``None`` when it does not level off.

    The mean over the last third of the window, when a straight line changes there by less than 5 %; its error joins the
    noise, already smoothed by the integral, and that change. Of long records runs of points are integrated.

    Parameters
    ----------
    time, potential, current, noise : (n,) [s], [V], [A], [A] of the whole sweep; ramped : (n,) where it did not pause.
    window : [V] from the event to where the level is no longer the electrolyte's.
    """
    t, y, _ = block_means(time, current, noise, _RUNS)
    x, moving, std = block_means(potential, ramped.astype(float), noise, _RUNS)
    begun = np.concatenate([time[:1], t]), np.concatenate([current[:1], y])
    m = semi_integrate(*begun)[1:]
    std = std * np.sqrt(np.maximum(np.diff(t, append=t[-1]), 0.0))
    inside = (moving > 0.5) & (x > window[0]) & (x < window[1])
    x, m, std = x[inside], m[inside], std[inside]
    last = slice(x.size - max(x.size // 3, 4), None)
    if x.size < 8 or np.ptp(x[last]) <= 0:
        return None
    level = float(np.mean(m[last]))
    change = straight_line(x[last], m[last])[0] * float(np.ptp(x[last]))
    if level <= 0 or abs(change) > 0.05 * level:
        return None
    return Estimate(level, math.hypot(float(np.mean(std[last])), abs(change) / math.sqrt(12.0)))
