"""The least-squares problem of a distribution of relaxation times: its terms, its regularisation and its signs.

γ is a sum of Gaussians on a logarithmic grid (their standard deviation half the spacing); the squared second
difference of their weights is penalised, weight λ, which is that of the largest evidence of the data, p(Z | λ), in the
Gaussian approximation without the bound. What relaxes outside the window can hardly be separated from R∞ and is
penalised the more the farther it lies.

Tikhonov and Gaussian functions: Wan, Saccoccio, Chen, Ciucci, Electrochim. Acta 184 (2015) 483,
doi:10.1016/j.electacta.2015.09.097. Draws from the posterior by solving the perturbed problem: Bardsley, Solonen,
Haario, Laine, SIAM J. Sci. Comput. 36 (2014) A1895, doi:10.1137/140964023.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from rampion.impedance.non_negative import solve_non_negative
from rampion.measurement import Spectrum

SHARP = 40.0  # relaxations per decade: one between two of them is followed to 2e-4
_RIDGE = 1e-10  # of each column's square: without it the grid is singular, with 1e-8 a misfit is 5 % too large
MISFIT = 2.0  # mean squared residual over the squared noise; the scatter of 100 numbers stays below 1.5
MARGIN = 0.5  # decades of relaxation times beyond the window
OUTSIDE_PENALTY = 3.0  # per squared e-fold beyond the window, in units of λ


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Problem:
    """Weighted least squares for m sizes of γ and s terms besides (R∞, inductance, elastance of a blocking cell)."""

    signs: np.ndarray  # (m,) of γ; the unknowns are its sizes
    matrix: np.ndarray  # (2n, m + s) weighted by 1/(|Z| noise)
    target: np.ndarray  # (2n,)
    free: np.ndarray  # (m + s,)
    logarithm: np.ndarray  # (m,) ln τ
    spacing: float
    beyond: np.ndarray  # (m,) squared distance from the window, in e-folds
    scale: float  # of the penalty, 1/|Z|²
    gram: np.ndarray
    right: np.ndarray
    roughness: np.ndarray  # (m, m)

    def regularised(self, regularisation: float, outside: float) -> np.ndarray:
        """(m + s, m + s) the Gram matrix with the penalties."""
        gram = self.gram.copy()
        count = self.logarithm.size
        penalty = self.roughness + np.diag(outside * self.beyond)
        gram[:count, :count] += regularisation * self.scale * penalty
        return gram

    def turned(self, signs: np.ndarray) -> Problem:
        """The same problem with γ of the given signs (m,)."""
        change = np.concatenate([signs * self.signs, np.ones(self.free.size - signs.size)])
        turn = signs * self.signs
        return replace(
            self,
            signs=signs,
            matrix=self.matrix * change,
            gram=self.gram * np.outer(change, change),
            right=self.right * change,
            roughness=self.roughness * np.outer(turn, turn),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """The unknowns (m + s,) at λ of largest evidence, those not at zero, the mean squared residual over the noise²."""

    problem: Problem
    regularisation: float
    solution: np.ndarray
    passive: np.ndarray
    misfit: float


def state_problem(spectrum: Spectrum, noise: float, per_decade: float, blocking: bool, width: float = 0.5) -> Problem:
    """The problem on a grid of ``per_decade`` time constants, each a Gaussian of ``width`` times their distance."""
    angular = 2 * np.pi * spectrum.frequency
    size = np.abs(spectrum.impedance)
    window = (-math.log(angular.max()), -math.log(angular.min()))
    low, high = window[0] - MARGIN * math.log(10), window[1] + MARGIN * math.log(10)
    count = math.ceil((high - low) / math.log(10) * per_decade) + 1
    logarithm = np.linspace(low, high, count)
    spacing = logarithm[1] - logarithm[0]
    offsets = np.linspace(-3, 3, 13)
    heights = np.exp(-0.5 * offsets**2)
    columns = np.zeros((angular.size, count + 2 + blocking), complex)
    for offset, height in zip(offsets * spacing * width, heights / heights.sum(), strict=True):
        columns[:, :count] += height / (1 + 1j * np.outer(angular, np.exp(logarithm + offset)))
    columns[:, count] = 1
    columns[:, count + 1] = 1j * angular / angular.max()
    if blocking:
        columns[:, count + 2] = angular.min() / (1j * angular)
    columns /= (size * noise)[:, None]
    matrix = np.concatenate([np.real(columns), np.imag(columns)])
    target = np.concatenate([np.real(spectrum.impedance), np.imag(spectrum.impedance)]) / np.tile(size * noise, 2)
    free = np.zeros(columns.shape[1], bool)
    free[count + 1] = True  # a cable compensated too far looks like a negative inductance
    difference = -2 * np.eye(count) + np.eye(count, k=1) + np.eye(count, k=-1)
    beyond = np.maximum(0, np.maximum(window[0] - logarithm, logarithm - window[1])) ** 2
    return Problem(
        signs=np.ones(count),
        matrix=matrix,
        target=target,
        free=free,
        logarithm=logarithm,
        spacing=float(spacing),
        beyond=beyond,
        scale=float(1 / size.max() ** 2),
        gram=matrix.T @ matrix,
        right=matrix.T @ target,
        roughness=difference.T @ difference,
    )


def _choose_regularisation(problem: Problem) -> Solution:
    """λ of largest evidence with its solution and passive set, along a path from smooth to rough."""
    count = problem.logarithm.size
    best = (math.inf, 0.0, np.zeros(0), np.zeros(0, bool))
    passive: np.ndarray | None = None
    for regularisation in np.logspace(6, -3, 28):
        gram = problem.regularised(float(regularisation), OUTSIDE_PENALTY)
        solution, passive = solve_non_negative(gram, problem.right, problem.free, passive)
        energy = float(solution @ gram @ solution - 2 * problem.right @ solution)
        cost = energy + float(np.linalg.slogdet(gram)[1]) - count * math.log(regularisation)
        if cost < best[0]:
            best = (cost, float(regularisation), solution, passive)
        elif cost > best[0] + 40:  # rougher ones cannot come back from e⁻²⁰
            break
    _, regularisation, solution, passive = best
    misfit = float(np.mean((problem.target - problem.matrix @ solution) ** 2))
    return Solution(problem, regularisation, solution, passive, misfit)


def least_misfit(problem: Problem) -> float:
    """Of any distribution of the problem's signs on its grid, however rough."""
    # neighbours on the grid are alike: each column of size one, a last digit keeps them apart
    size = np.sqrt(np.diag(problem.gram))
    gram = problem.gram / np.outer(size, size) + _RIDGE * np.eye(size.size)
    found, _ = solve_non_negative(gram, problem.right / size, problem.free)
    return float(np.mean((problem.target - problem.matrix @ (found / size)) ** 2))


def choose_signs(problem: Problem, sharp: Callable[[], Problem]) -> tuple[Solution, bool]:
    """The solution with γ ≥ 0, or with loops where only they describe the spectrum; whether any γ does.

    ``sharp`` states the problem with single relaxations on a fine grid: what follows any γ of given signs decides.
    """
    best = _choose_regularisation(problem)
    if best.misfit <= MISFIT:
        return best, True
    fine, signs = sharp(), problem.signs.copy()

    def left_by(signs: np.ndarray) -> float:
        near = np.interp(fine.logarithm, problem.logarithm, signs)
        return least_misfit(fine.turned(np.where(near < 0, -1.0, 1.0)))

    left = left_by(signs)
    if left <= MISFIT:
        return best, True
    free = _choose_regularisation(replace(problem, free=np.ones_like(problem.free))).solution[: signs.size]
    runs = np.split(np.arange(signs.size), np.flatnonzero(np.diff(np.sign(free))) + 1)
    runs = [run for run in runs if free[run[0]] < 0]
    while runs and left > MISFIT:
        tried = [left_by(np.where(np.isin(np.arange(signs.size), run), -1.0, signs)) for run in runs]
        chosen = int(np.argmin(tried))
        if tried[chosen] >= left:
            break
        left = tried[chosen]
        signs[runs.pop(chosen)] = -1.0
    return (_choose_regularisation(problem.turned(signs)), True) if left <= MISFIT else (best, False)


def draw(problem: Problem, gram: np.ndarray, passive: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """(draws, m + s) solutions for data and prior perturbed by their own scatter."""
    factor = np.linalg.cholesky(gram)
    scatter = np.random.default_rng(seed).standard_normal((draws, gram.shape[0])) @ factor.T
    found = [solve_non_negative(gram, problem.right + each, problem.free, passive)[0] for each in scatter]
    return np.array(found)
