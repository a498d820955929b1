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
_ROOTS = (np.arange(1, 5) - 0.5) * math.pi
_MANY_ROOTS = (np.arange(1, 81) - 0.5) * math.pi
_ITERATIONS = 30
_CLOSE = 2e-4  # change of artanh μ: the error left is of the order of its square
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

    The current is straight between the points given. One scalar equation per point, for artanh μ, by Newton's method.

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
    total = polarisation + share
    upper = polarisation / total
    current = np.zeros((*polarisation.shape, potential.size))
    current[:, :, 0] = quarter[0]
    z = previous = np.zeros(polarisation.shape)
    for k in range(1, potential.size):
        past = (current[:, :, :k] @ weights[:, k, :k, None])[..., 0]
        own = weights[:, k, k][:, None]
        bulk = 3.0 * kernel.spread[:, k][:, None] * share
        z, previous = (2.0 * z - previous if k > 2 else z), z
        for _ in range(_ITERATIONS):
            mu = np.tanh(z)
            inverse = 1.0 / np.maximum(mu, _SMALL)
            ratio = np.maximum(z, _SMALL) * inverse
            flows = (mu / total - past) / own
            stretch = 1.0 + bulk * (ratio - 1.0)
            steeper = flows * bulk * (inverse - ratio * inverse + z)
            slope = (1.0 - mu * mu) / total / own * stretch + steeper + upper
            change = (flows * stretch + upper * z - quarter[k]) / slope
            z = z - change
            if np.abs(change).max() < _CLOSE:
                break
        current[:, :, k] = (np.tanh(z) / total - past) / own
    return 4.0 * current


def _convolution(time: np.ndarray, polarisation_time: np.ndarray) -> np.ndarray:
    """(m, n, n) weights of the current at each time in K * I at each time, the current straight in between."""
    n, tau = time.size, polarisation_time[:, None]
    later, earlier = np.tril_indices(n, -1)
    twice = np.zeros((tau.size, n, n))
    twice[:, later, earlier] = tau * _integrated_twice((time[later] - time[earlier]) / tau)
    mean = (twice[:, :, :-1] - twice[:, :, 1:]) / np.diff(time)
    weights = np.zeros(twice.shape)
    weights[:, :, 1:] += mean
    weights[:, :, :-1] -= mean
    weights[:, :, 0] += _integrated(time / tau)
    return weights


def _integrated(x: np.ndarray) -> np.ndarray:
    """K integrated once over t/τ: by layers that have not met early, by modes later."""
    late = 1.0 - sum(2.0 / root**2 * np.exp(-(root**2) * x) for root in _ROOTS)
    return np.where(x < _EARLY, 2.0 * np.sqrt(x / math.pi), late)


def _integrated_twice(x: np.ndarray) -> np.ndarray:
    """K integrated twice over t/τ, likewise."""
    result = 4.0 / 3.0 / math.sqrt(math.pi) * x * np.sqrt(x)
    late = x > _EARLY
    after = x[late]
    result[late] = after - 1.0 / 3.0 + sum(2.0 / root**4 * np.exp(-(root**2) * after) for root in _ROOTS)
    return result


def _spread(x: np.ndarray) -> np.ndarray:
    """q(t/τ) for a current that grows evenly from zero; as √(t/τ) early."""
    late = np.maximum(x, 0.01)[..., None]
    modes = 2.0 / _MANY_ROOTS**2 * (late + np.expm1(-(_MANY_ROOTS**2) * late) / _MANY_ROOTS**2)
    return 0.5 * np.sum(modes**2, axis=-1) / np.sum(modes, axis=-1) ** 2 * np.sqrt(np.minimum(x / 0.01, 1.0))
