"""The current of a symmetric binary cell that polarises from rest, before it is depleted: the finite-length response.

    V = R I [1 + 3 β q (artanh μ / μ - 1)] + ρ R I_lim artanh μ ,   μ = (K * I)/I_lim ,   R I_lim = 4 V_T/(β + ρ)

μ is how far the concentration at the faces has strayed from its mean. K has the Laplace transform tanh(s)/s with
s = √(pτ), τ = L²/(4D): the finite-length diffusion of the cell at rest, of which the semi-integral is the beginning.
ρ = R_polarised/R - 1, (1 - t₊)/t₊ without an interface; β is the share of the electrolyte in R; V_T = RT/F; q(t/τ) is
the mean of (c/c₀ - 1)² over the thickness in units of μ², 1/3 in the steady state, for a current that grows evenly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

_EARLY = 0.12  # t/τ below which the layers have not met (to e^{-1/x})
_LATE = 10.0  # t/τ by which the slowest mode has gone too; the powers of smaller numbers are slow to compute
_ROOTS = (np.arange(1, 81) - 0.5) * math.pi
_DECAYING = 12  # modes that are not over at t/τ = 0.01
_ITERATIONS = 30
_CLOSE = 1e-3  # change of artanh μ: the error left is a hundredth of it
_SMALL = 1e-3  # artanh μ / μ is one below it


@dataclass(frozen=True, slots=True, eq=False)
class Kernel:
    """What the polarisation times alone give: (m, n, n) weights of K * I between the times, (m, n) q(t/τ)."""

    weights: Float[np.ndarray, "m n n"]
    spread: Float[np.ndarray, "m n"]


def kernel_of(time: Float[np.ndarray, " n"], polarisation_time: Float[np.ndarray, " m"]) -> Kernel:
    """K and q at the times [s] from the start, rising, for every τ [s]."""
    return Kernel(_convolution(time, polarisation_time), _spread(time / polarisation_time[:, None]))


def polarising_current(
    kernel: Kernel,
    potential: Float[np.ndarray, " n"],
    polarisation: Float[np.ndarray, "m k"],
    share: Float[np.ndarray, "m k"],
) -> Float[np.ndarray, "m k n"]:
    """I R/V_T along a programme of potentials, for every polarisation time and k pairs of ρ and β of each.

    The current is straight between the points given. Newton's method for the whole curve at once, in artanh μ and I:
    the equations are triangular in time. The pairs of one polarisation time share the matrix of the first of them, so
    they have to be near it.

    Assumes dilute Nernst–Einstein transport (σ ∝ c, constant D and t₊), rest before the first point, and a current
    that grows about evenly where β counts. Agrees with the full equations to 1e-3 of the largest current up to 3 V_T
    and to about 5e-3 up to the peak.

    Parameters
    ----------
    potential : (n,) over V_T.
    polarisation, share : ρ > 0 and 0 < β ≤ 1.

    Source: the diffusion impedance tanh(s)/s is that of J. R. Macdonald, J. Chem. Phys. 58, 4982 (1973),
    doi:10.1063/1.1679086, for a binary electrolyte at rest.
    """
    weights, quarter = kernel.weights, 0.25 * potential
    total = (polarisation + share)[:, :, None]
    upper = polarisation[:, :, None] / total
    bulk = 3.0 * kernel.spread[:, None] * share[:, :, None]
    farthest = np.abs(quarter) / upper  # no current goes back
    current = _solved(weights * (total * upper)[:, :1], np.ones(upper.shape[:2] + quarter.shape), quarter + 0.0 * upper)
    height = np.clip((quarter - current) / upper, -farthest, farthest)
    current = (quarter - upper * height) / (1.0 + bulk * np.maximum(height - 1.0, 0.0))
    for _ in range(_ITERATIONS):
        mu = np.tanh(height)
        inverse = 1.0 / np.maximum(mu, _SMALL)
        ratio = np.maximum(height, _SMALL) * inverse
        stretch = 1.0 + bulk * (ratio - 1.0)
        steepness = current * bulk * (inverse - ratio * inverse + height) + upper
        driven = (current * stretch + upper * height - quarter) / steepness
        give = (1.0 - mu * mu) / total
        past = current @ np.swapaxes(weights, 1, 2)
        change = _solved(weights, give * stretch / steepness, mu / total - past - give * driven)
        current = current + change
        previous = height
        height = np.clip(height - driven - stretch * change / steepness, -farthest, farthest)
        if np.abs(height - previous).max() < _CLOSE:
            break
    return 4.0 * current


def _solved(weights: np.ndarray, diagonal: np.ndarray, right: np.ndarray) -> np.ndarray:
    """(m, k, n) solutions of (weights + diagonal) x = right, triangular in time."""
    from scipy.linalg import get_lapack_funcs

    (solve,) = get_lapack_funcs(("trtrs",), (weights,))
    found = np.empty(right.shape)
    places = np.arange(right.shape[2])
    for m, lower in enumerate(weights):
        own = lower[places, places]
        matrix = lower.copy()
        for k in range(right.shape[1]):
            matrix[places, places] = own + diagonal[m, k]
            found[m, k] = solve(matrix.T, right[m, k], lower=0, trans=1)[0]
    return found


def _convolution(time: np.ndarray, polarisation_time: np.ndarray) -> np.ndarray:
    """(m, n, n) weights of the current at each time in K * I at each time, the current straight in between."""
    n, tau = time.size, polarisation_time[:, None]
    later, earlier = np.tril_indices(n, -1)
    twice = np.zeros((tau.size, n, n))
    twice[:, later, earlier] = tau * _integrated_twice((time[later] - time[earlier]) / tau)
    mean = (twice[:, :, :-1] - twice[:, :, 1:]) / np.diff(time)
    weights = np.zeros(twice.shape)
    weights[:, :, 1:] = mean
    weights[:, :, :-1] -= mean
    weights[:, :, 0] += _integrated(time / tau)
    return weights


def _modes(x: np.ndarray, power: int) -> np.ndarray:
    """Σ 2 e^{-r²x}/r^power over the first three roots r = π/2, 3π/2, 5π/2: the fourth has gone at _EARLY."""
    first = np.exp(-(_ROOTS[0] ** 2) * np.minimum(x, _LATE))
    eighth = np.square(np.square(first * first))
    second = eighth * first
    one, two, three = 2.0 / _ROOTS[:3] ** power
    return one * first + two * second + three * second * eighth * eighth


def _integrated(x: np.ndarray) -> np.ndarray:
    """K integrated once over t/τ: by layers that have not met early, by modes later."""
    return np.where(x < _EARLY, 2.0 * np.sqrt(x / math.pi), 1.0 - _modes(x, 2))


def _integrated_twice(x: np.ndarray) -> np.ndarray:
    """K integrated twice over t/τ, likewise."""
    return np.where(x < _EARLY, 4.0 / 3.0 / math.sqrt(math.pi) * x * np.sqrt(x), x - 1.0 / 3.0 + _modes(x, 4))


def _spread(x: np.ndarray) -> np.ndarray:
    """q(t/τ) for a current that grows evenly from zero, Σ m²/(2 (Σ m)²) with the modes m = (r²x + e^{-r²x} - 1)/r⁴; as
    √(t/τ) early."""
    late = np.maximum(x, 0.01)
    second, fourth, sixth, eighth = (float(np.sum(_ROOTS**-power)) for power in (2.0, 4.0, 6.0, 8.0))
    root = _ROOTS[:_DECAYING]
    decay = np.exp(-(root**2) * late[..., None])
    total = second * late - fourth + decay @ root**-4.0
    squares = fourth * late**2 - 2.0 * sixth * late + eighth
    squares = squares + 2.0 * late * (decay @ root**-6.0) + (decay * (decay - 2.0)) @ root**-8.0
    return 0.5 * squares / total**2 * np.sqrt(np.minimum(x / 0.01, 1.0))
