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
_NUDGE = 1e-3  # of ln τ, for the change of q


@dataclass(frozen=True, slots=True, eq=False)
class Kernel:
    """What the polarisation times alone give: (m, n, n) weights of K * I between the times, (m, n) q(t/τ); and, where
    asked for, how both change with ln τ."""

    weights: Float[np.ndarray, "m n n"]
    spread: Float[np.ndarray, "m n"]
    weights_move: Float[np.ndarray, "m n n"] | None = None
    spread_move: Float[np.ndarray, "m n"] | None = None

    def of(self, chosen: np.ndarray) -> Kernel:
        """The same of some of the times, without changes."""
        return self if chosen.size == len(self.weights) else Kernel(self.weights[chosen], self.spread[chosen])


def kernel_of(
    time: Float[np.ndarray, " n"], polarisation_time: Float[np.ndarray, " m"], *, moving: bool = False
) -> Kernel:
    """K and q at the times [s] from the start, rising, for every τ [s]; ``moving``: and how they change with ln τ."""
    x = time / polarisation_time[:, None]
    weights, weights_move = _convolution(time, polarisation_time, moving)
    if weights_move is None:
        return Kernel(weights, _spread(x))
    spread = _spread(x)
    return Kernel(weights, spread, weights_move, (_spread(x * math.exp(-_NUDGE)) - spread) / _NUDGE)


def polarising_current(
    kernel: Kernel,
    potential: Float[np.ndarray, " n"],
    polarisation: Float[np.ndarray, " m"],
    share: Float[np.ndarray, " m"],
) -> tuple[Float[np.ndarray, "m n"], Float[np.ndarray, "m k n"]]:
    """I R/V_T along a programme of potentials, for every polarisation time, and how it changes with ρ, β and, where the
    kernel tells, ln τ (k is 2 or 3).

    The current is straight between the points given. Newton's method for the whole curve at once, in artanh μ and I:
    the equations are triangular in time. The changes follow from the same matrix.

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
    total = (polarisation + share)[:, None]
    upper = polarisation[:, None] / total
    bulk = 3.0 * kernel.spread * share[:, None]
    farthest = np.abs(quarter) / upper  # no current goes back
    ones = np.ones(farthest.shape)
    places = np.arange(potential.size)
    own = weights[:, places, places]
    matrices = weights * (total * upper)[..., None]
    current = _solved(matrices, own * total * upper + ones, (quarter * ones)[..., None])[..., 0]
    matrices = weights.copy()
    height = np.clip((quarter - current) / upper, -farthest, farthest)
    current = (quarter - upper * height) / (1.0 + bulk * np.maximum(height - 1.0, 0.0))
    for _ in range(_ITERATIONS):
        mu, ratio, stretch, steepness, give = _terms(current, height, bulk, upper, total)
        driven = (current * stretch + upper * height - quarter) / steepness
        past = (weights @ current[..., None])[..., 0]
        right = mu / total - past - give * driven
        change = _solved(matrices, own + give * stretch / steepness, right[..., None])[..., 0]
        current = current + change
        previous = height
        height = np.clip(height - driven - stretch * change / steepness, -farthest, farthest)
        if np.abs(height - previous).max() < _CLOSE:
            break
    mu, ratio, stretch, steepness, give = _terms(current, height, bulk, upper, total)
    # the equation of the potential and that of μ, each changed by ρ, β and ln τ alone
    excess = 3.0 * current * (ratio - 1.0)
    with_potential = [height * share[:, None] / total**2, excess * kernel.spread - height * upper / total]
    with_mu = [-mu / total**2, -mu / total**2]
    if kernel.weights_move is not None and kernel.spread_move is not None:
        with_potential.append(excess * share[:, None] * kernel.spread_move)
        with_mu.append(-(kernel.weights_move @ current[..., None])[..., 0])
    right = np.stack(with_mu, axis=-1) - (give / steepness)[..., None] * np.stack(with_potential, axis=-1)
    moves = _solved(matrices, own + give * stretch / steepness, right)
    return 4.0 * current, 4.0 * np.swapaxes(moves, 1, 2)


def _terms(
    current: np.ndarray, height: np.ndarray, bulk: np.ndarray, upper: np.ndarray, total: np.ndarray
) -> tuple[np.ndarray, ...]:
    """μ, artanh μ/μ, and how the potential changes with I and with artanh μ, and μ with artanh μ."""
    mu = np.tanh(height)
    inverse = 1.0 / np.maximum(mu, _SMALL)
    ratio = np.maximum(height, _SMALL) * inverse
    steepness = current * bulk * (inverse - ratio * inverse + height) + upper
    return mu, ratio, 1.0 + bulk * (ratio - 1.0), steepness, (1.0 - mu * mu) / total


def _solved(matrices: np.ndarray, diagonal: np.ndarray, right: np.ndarray) -> np.ndarray:
    """(m, n, k) solutions of triangular systems whose diagonals are overwritten by ``diagonal`` (m, n)."""
    from scipy.linalg import get_lapack_funcs

    (solve,) = get_lapack_funcs(("trtrs",), (matrices,))
    found = np.empty(right.shape)
    places = np.arange(right.shape[1])
    matrices[:, places, places] = diagonal
    for matrix, columns, into in zip(matrices, right, found, strict=True):
        for k in range(right.shape[2]):  # several at once wake up threads that cost more than they do
            into[:, k] = solve(matrix.T, columns[:, k], lower=0, trans=1)[0]
    return found


def _convolution(time: np.ndarray, polarisation_time: np.ndarray, moving: bool) -> tuple[np.ndarray, np.ndarray | None]:
    """(m, n, n) weights of the current at each time in K * I at each time, the current straight in between; and how
    they change with ln τ."""
    n, tau = time.size, polarisation_time[:, None]
    later, earlier = np.tril_indices(n, -1)
    x, ends = (time[later] - time[earlier]) / tau, time / tau
    once, twice = _integrated(x, both=True)

    def weights(inner: np.ndarray, outer: np.ndarray) -> np.ndarray:
        full = np.zeros((tau.size, n, n))
        full[:, later, earlier] = inner
        mean = (full[:, :, :-1] - full[:, :, 1:]) / np.diff(time)
        found = np.zeros(full.shape)
        found[:, :, 1:] = mean
        found[:, :, :-1] -= mean
        found[:, :, 0] += outer
        return found

    first = _integrated(ends)[0]
    if not moving:
        return weights(tau * twice, first), None
    # d(τ f(x))/d ln τ = τ (f - x f'), and the kernel itself is what is integrated once
    return weights(tau * twice, first), weights(tau * (twice - x * once), -ends * _kernel(ends))


def _integrated(x: np.ndarray, *, both: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """K integrated once and, for ``both``, twice over t/τ: by layers that have not met early, by three modes later (the
    fourth has gone by then)."""
    early = x < _EARLY
    root = np.sqrt(x)
    once = 2.0 / math.sqrt(math.pi) * root
    twice = 2.0 / 3.0 * x * once
    late = ~early
    y = x[late]
    first, second, third = _decays(y)
    one, two, three = 2.0 / _ROOTS[:3] ** 2
    once[late] = 1.0 - one * first - two * second - three * third
    if both:
        one, two, three = 2.0 / _ROOTS[:3] ** 4
        twice[late] = y - 1.0 / 3.0 + one * first + two * second + three * third
    return once, twice


def _kernel(x: np.ndarray) -> np.ndarray:
    """K of t/τ; zero at zero, where it is only met times zero."""
    first, second, third = _decays(x)
    return np.where(x < _EARLY, 1.0 / np.sqrt(math.pi * np.maximum(x, 1e-300)), 2.0 * (first + second + third))


def _decays(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """e^{-r²x} for the roots r = π/2, 3π/2, 5π/2."""
    first = np.exp(-(_ROOTS[0] ** 2) * np.minimum(x, _LATE))
    eighth = np.square(np.square(first * first))
    return first, eighth * first, eighth * eighth * eighth * first


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
