"""The half-order integral of the current (convolution voltammetry) on any grid of times."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rampion.estimate import Estimate
from rampion.voltammetry.noise import block_means, straight_line

_DIRECT = 1200  # points up to which the sum over all pairs is the faster way
_STEP = 0.5  # of the trapezoidal rule in the logarithm of the rate; error about 1e-7


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SemiIntegral:
    """m(t) along a sweep, per area when the area is known: time [s], potential [V], value (n,) [A·s½ or A·s½/m²],
    its plateau after the event (None when it has none), whether ``per_area``."""

    time: Float[np.ndarray, " n"]
    potential: Float[np.ndarray, " n"]
    value: Float[np.ndarray, " n"]
    plateau: Estimate | None
    per_area: bool


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
    potential: Float[np.ndarray, " n"], value: Float[np.ndarray, " n"], noise: Float[np.ndarray, " n"]
) -> Estimate | None:
    """The level of the semi-integral after the event, ``None`` when it does not level off.

    The mean over the last third of the points given, when a straight line changes there by less than 5 %; its error
    joins the noise, already smoothed by the integral, and that change.

    Parameters
    ----------
    potential, value, noise : (n,) the part after the event: [V], [A·s½], [A·s½].
    """
    x, y, std = block_means(potential, value, noise, 200)
    last = slice(x.size - max(x.size // 3, 4), None)
    if x.size < 8 or np.ptp(x[last]) <= 0:
        return None
    level = float(np.mean(y[last]))
    change = straight_line(x[last], y[last])[0] * float(np.ptp(x[last]))
    if level <= 0 or abs(change) > 0.05 * level:
        return None
    return Estimate(level, math.hypot(float(np.mean(std[last])), abs(change) / math.sqrt(12.0)))
