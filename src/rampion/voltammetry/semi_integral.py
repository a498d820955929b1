"""The half-order integral of the current (convolution voltammetry) on any grid of times."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Bool, Float

from rampion.estimate import Estimate
from rampion.voltammetry.noise import block_means, straight_line

_DIRECT = 1200  # points up to which the sum over all pairs is the faster way
_RUNS = 1000  # of points, of which a level is taken
_STEP = 0.5  # of the trapezoidal rule in the logarithm of the rate; error about 1e-7


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
