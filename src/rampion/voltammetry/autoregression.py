"""Noise as instruments have it: correlated, of a size that changes along the record, with heavy tails.

A residual r_k over its local size s_k is an autoregression z_k = Σ φ_j z_{k-j} + e_k with Student innovations e (ν = 4,
so that a spike of pick-up counts little). Its coefficients come from the residual itself, by Burg's recursion on values
cut at four sizes, the order by the evidence. Noise forgets: reflection coefficients are held below what a correlation
over a tenth of the record would give, so that the course itself is never taken for noise.

Source: J. P. Burg, Maximum entropy spectral analysis, 37th Meeting of the Society of Exploration Geophysicists (1967);
K. L. Lange, R. J. A. Little, J. M. G. Taylor, J. Am. Stat. Assoc. 84, 881 (1989), doi:10.1080/01621459.1989.10478852.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

FREEDOM = 4.0  # ν of the innovations
_ORDER = 6  # innovations that a noise remembers, at most
_CUT = 4.0  # sizes of the noise: an outlier beyond counts as much in its memory
_LEAST = 0.2  # of the local size: less is chance, or a record without noise
_MEMORY = 0.1  # of the record: the longest correlation that counts as noise
_WEIGHT = (FREEDOM + 1.0) / FREEDOM


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
    """1.4826 times the median size: the standard deviation of a normal distribution."""
    return max(1.4826 * float(np.median(np.abs(values))), 1e-300)


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
