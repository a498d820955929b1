"""A line or plane through points with errors in both axes, intrinsic scatter and parent pellets.

    y_i = x_iᵀβ + z_i·u_pellet(i) + ε_i ,   Var(y_i - x_iᵀβ) = σ_y² + βᵀΣ_x,iβ - 2βᵀσ_xy,i + (z_i s)² + (z_i τ)²

z_i = 1 for shifts of equal size; z_i ∝ |x_i| where a pellet multiplies its samples (its conductivity, say).

With unknown scatter s within and τ between pellets, V⁻¹ weighs the points and the errors of x are taken out of the
moments they inflate (Fuller's corrected least squares, W = V⁻¹):

    β = [XᵀWX - Σᵢ Wᵢᵢ Σ_x,i]⁻¹ [XᵀWy - Σᵢ Wᵢᵢ σ_xy,i]

s and τ are found by restricted maximum likelihood at the current β; intervals use Student's t with Satterthwaite's
degrees of freedom. Without scatter (``intrinsic=False``, all errors stated) β minimises rᵀV(β)⁻¹r: York's line.
Maximum likelihood is not used with unknown scatter, because s and the errors of x then trade against each other and
single campaigns run away (measured: spread of an exponent doubled, coverage 77 %).

Sources: York, Am. J. Phys. 72 (2004) 367, doi:10.1119/1.1632486; Fuller, Measurement Error Models (1987),
doi:10.1002/9780470316665; Satterthwaite, Biometrics Bull. 2 (1946) 110, doi:10.2307/3002019.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from rampion.errors import InputError, NotConvergedError
from rampion.estimate import Estimate, Flag

_LIMIT = 60


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Regression:
    """Coefficients of a plane with everything needed to test them.

    Attributes
    ----------
    coefficients : (p,) in the order of the design's columns.
    covariance : (p, p).
    degrees : (p,) Satterthwaite's degrees of freedom of each coefficient; infinite where only known errors enter.
    scatter, pellet_scatter : standard deviations s and τ, in the unit of y.
    chi_square : Σ r²/σ² with the stated errors alone; NaN when some point has none.
    residual : (n,) y - xβ.
    """

    coefficients: Float[np.ndarray, " p"]
    covariance: Float[np.ndarray, "p p"]
    degrees: Float[np.ndarray, " p"]
    scatter: float
    pellet_scatter: float
    chi_square: float
    residual: Float[np.ndarray, " n"]
    count: int
    pellets: int
    flags: tuple[Flag, ...] = ()

    def estimate(self, index: int) -> Estimate:
        """One coefficient with its 95 % interval."""
        value, std = float(self.coefficients[index]), math.sqrt(float(self.covariance[index, index]))
        half = student_quantile(float(self.degrees[index])) * std
        return Estimate(value, std, value - half, value + half, self.flags)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContrastTest:
    """Test of Σ wᵢβᵢ = expected: the difference found, its statistic t, and the two-sided p-value."""

    difference: Estimate
    statistic: float
    degrees: float
    p_value: float


@dataclass(frozen=True, slots=True, eq=False)
class _Spread:
    """V = diag(d) + τ²ZZᵀ for pellets Z, with its inverse by Woodbury's identity: everything is linear in n.

    ``z`` (n,) is the entry of each sample in its pellet's column of Z.
    """

    d: np.ndarray
    t2: float
    pellet: np.ndarray | None
    z: np.ndarray

    @property
    def shrink(self) -> np.ndarray:
        """τ²/(1 + τ²Σ1/d) of each pellet."""
        assert self.pellet is not None
        return self.t2 / (1 + self.t2 * np.bincount(self.pellet, self.z**2 / self.d))

    def solve(self, a: np.ndarray) -> np.ndarray:
        """V⁻¹a for (n,) or (n, m)."""
        scaled = (a.T / self.d).T
        if self.pellet is None or self.t2 == 0:
            return scaled
        sums = _pellet_sums((scaled.T * self.z).T, self.pellet)
        back = (sums.T * self.shrink).T[self.pellet]
        return scaled - (back.T * self.z / self.d).T

    def times(self, a: np.ndarray) -> np.ndarray:
        """Va for (n,) or (n, m)."""
        plain = (a.T * self.d).T
        if self.pellet is None or self.t2 == 0:
            return plain
        return plain + self.t2 * (_pellet_sums((a.T * self.z).T, self.pellet)[self.pellet].T * self.z).T

    @property
    def inverse_diagonal(self) -> np.ndarray:
        """(n,) diagonal of V⁻¹."""
        if self.pellet is None or self.t2 == 0:
            return 1 / self.d
        return 1 / self.d - self.shrink[self.pellet] * self.z**2 / self.d**2

    @property
    def log_determinant(self) -> float:
        """ln|V|."""
        plain = float(np.sum(np.log(self.d)))
        if self.pellet is None or self.t2 == 0:
            return plain
        return plain + float(np.sum(np.log1p(self.t2 * np.bincount(self.pellet, self.z**2 / self.d))))

    def independent(self) -> _Spread:
        """The same variances without what samples of a pellet share."""
        return _Spread(self.d + self.t2 * self.z**2, 0.0, None, self.z)


def _pellet_sums(a: np.ndarray, pellet: np.ndarray) -> np.ndarray:
    out = np.zeros((int(pellet.max()) + 1, *a.shape[1:]))
    np.add.at(out, pellet, a)
    return out


def student_quantile(degrees: float, level: float = 0.95) -> float:
    """Two-sided quantile of Student's t (normal when ``degrees`` is infinite)."""
    from scipy.special import ndtri, stdtrit

    upper = 0.5 + level / 2
    return float(ndtri(upper)) if math.isinf(degrees) else float(stdtrit(degrees, upper))


def _two_sided(statistic: float, degrees: float) -> float:
    from scipy.special import ndtr, stdtr

    size = -abs(statistic)
    return float(2 * (ndtr(size) if math.isinf(degrees) else stdtr(degrees, size)))


def fit_plane(
    design: Float[np.ndarray, "n p"],
    response: Float[np.ndarray, " n"],
    response_std: Float[np.ndarray, " n"],
    design_std: Float[np.ndarray, "n p"] | None = None,
    correlation: Float[np.ndarray, "n p"] | None = None,
    pellets: np.ndarray | None = None,
    intrinsic: bool = True,
    scatter_share: Float[np.ndarray, " n"] | None = None,
    spare: int = 2,
) -> Regression:
    """Fit y = Xβ with errors in X and y, scatter of unknown size, and parent pellets as random shifts.

    Assumes normal errors, independent between samples except for the pellet's common shift; errors of different
    columns of X independent of each other.
    Fails when there are fewer than p + ``spare`` points, or columns of X that the design cannot tell apart.

    Parameters
    ----------
    design : (n, p) columns of X, a constant column among them where an intercept is wanted.
    response, response_std : (n,) y and its standard uncertainty; NaN uncertainties count as zero (the scatter then
        takes their place).
    design_std : (n, p) standard uncertainties of X; NaN counts as zero.
    correlation : (n, p) correlation of the errors of each column with those of y.
    pellets : (n,) labels of the parent pellets; used when at least two pellets have two samples.
    intrinsic : whether to add scatter s beyond the stated errors.
    scatter_share : (n,) z, the scatter of each point in units of s and its pellet's shift in units of τ; equal for all
        when absent.
    spare : points asked for beyond the coefficients; with one, the scatter has a single degree of freedom.

    Raises
    ------
    InputError : too few points, missing values, or a design that cannot separate its columns.
    NotConvergedError : the iteration between β and the scatter did not settle.
    """
    x, y = np.asarray(design, float), np.asarray(response, float)
    n, p = x.shape
    if n < p + spare:
        raise InputError(f"{n} points cannot carry {p} coefficients and their scatter; give at least {p + spare}.")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise InputError("a value is missing among the points of the fit; leave those samples out by name.")
    sizes = np.linalg.norm(x, axis=0)
    if np.linalg.matrix_rank(x / np.where(sizes > 0, sizes, 1.0), tol=1e-8) < p:
        raise InputError("the design cannot tell its predictors apart (they vary together or not at all).")
    sy = np.nan_to_num(np.asarray(response_std, float))
    sx = np.zeros_like(x) if design_std is None else np.nan_to_num(np.asarray(design_std, float))
    rxy = np.zeros_like(x) if correlation is None else np.asarray(correlation, float)
    pellet = _pellet_numbers(pellets, n)
    # the scale of y lets the variance search work in plain numbers
    beta = np.linalg.lstsq(x, y, rcond=None)[0]
    scale = max(float(np.std(y - x @ beta)), 1e-12 * float(np.abs(y).max()), 1e-300)
    sxy = rxy * sx * sy[:, None]
    share = np.ones(n) if scatter_share is None else np.asarray(scatter_share, float)

    def known(b: np.ndarray) -> np.ndarray:
        return np.maximum(sy**2 + (sx**2) @ b**2 - 2 * sxy @ b, 0.0)

    def spread(b: np.ndarray, s: float, t: float) -> _Spread:
        return _Spread(known(b) + (s * share) ** 2 + 1e-12 * scale**2, t**2, pellet, share)

    york = not intrinsic and pellet is None
    solve, tolerance = (_york_step, 1e-10) if york else (_corrected_step, 1e-3)
    size, first = np.sqrt(np.mean(x**2, axis=0)) / scale, beta
    # weights that share a pellet's information can overshoot where the errors of x are large; plain ones cannot
    for shared in (True, False) if pellet is not None else (True,):
        beta, found, settled = first, None, False
        for _ in range(_LIMIT):
            found = _restricted_likelihood(x, y, known(beta), pellet, scale, share, intrinsic, found)
            total = spread(beta, *found)
            try:
                update = solve(x, y, total if shared else total.independent(), sx, sxy, beta)
            except InputError:
                if shared and pellet is not None:
                    break
                raise
            change = np.abs(update - beta) * size
            beta = update
            if np.all(change < tolerance):
                settled = True
                break
        if settled:
            break
    else:
        raise NotConvergedError("the fit with errors in both axes did not settle; look for a point with a huge error.")
    assert found is not None
    s, t = found
    d, total = known(beta), spread(beta, s, t)
    weight = total if shared else total.independent()
    if york:
        adjusted = x + (sx**2 * beta - sxy) * weight.solve(y - x @ beta)[:, None]
        covariance = np.linalg.inv(adjusted.T @ weight.solve(adjusted))
    else:
        bread, meat = np.linalg.inv(_moments(x, weight, sx)), weight.solve(x)
        # the last term is the scatter of the correction itself (fourth order in the errors of x)
        spill = weight.inverse_diagonal[:, None] * (sx**2 * beta - sxy)
        covariance = bread @ (meat.T @ total.times(meat) + spill.T @ spill) @ bread
    residual = y - x @ beta
    return Regression(
        coefficients=beta,
        covariance=covariance,
        degrees=_satterthwaite(x, total, within=share if s > 0 else None, between=bool(t > 0)),
        scatter=s,
        pellet_scatter=t,
        chi_square=float(np.sum(residual**2 / d)) if np.all(d > 0) else math.nan,
        residual=residual,
        count=n,
        pellets=0 if pellet is None else int(pellet.max()) + 1,
    )


def contrast(
    fit: Regression, weights: Float[np.ndarray, " p"], expected: float = 0.0, tolerance: float = 0.0
) -> ContrastTest:
    """Test that a linear combination of the coefficients has an expected value.

    ``tolerance`` is a standard uncertainty of the expectation itself. The degrees of freedom are the smallest of the
    coefficients involved (conservative).
    """
    w = np.asarray(weights, float)
    value = float(w @ fit.coefficients) - expected
    std = math.sqrt(float(w @ fit.covariance @ w) + tolerance**2)
    degrees = float(np.min(fit.degrees[w != 0]))
    half = student_quantile(degrees) * std
    statistic = value / std if std > 0 else math.copysign(math.inf, value)
    return ContrastTest(
        difference=Estimate(value, std, value - half, value + half),
        statistic=statistic,
        degrees=degrees,
        p_value=_two_sided(statistic, degrees),
    )


def _pellet_numbers(pellets: np.ndarray | None, n: int) -> np.ndarray | None:
    """(n,) number of each sample's pellet; None when pellets cannot be told from samples."""
    if pellets is None:
        return None
    labels = np.asarray(pellets)
    if labels.shape != (n,):
        raise InputError(f"{labels.size} pellet names for {n} samples; give one each.")
    _, numbers, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return None if counts.size < 2 or np.sum(counts > 1) < 2 else numbers


def _restricted(x: np.ndarray, y: np.ndarray, total: _Spread) -> float:
    """-2 × restricted log likelihood, up to a constant."""
    weighted = total.solve(x)
    information = x.T @ weighted
    rest = y - x @ np.linalg.solve(information, weighted.T @ y)
    return total.log_determinant + float(np.linalg.slogdet(information)[1]) + float(rest @ total.solve(rest))


def _restricted_likelihood(
    x: np.ndarray,
    y: np.ndarray,
    d: np.ndarray,
    pellet: np.ndarray | None,
    scale: float,
    share: np.ndarray,
    intrinsic: bool,
    start: tuple[float, float] | None,
) -> tuple[float, float]:
    """(s, τ) by restricted maximum likelihood, zero allowed: a coarse grid at first, then coordinate searches."""
    from scipy.optimize import minimize_scalar

    def cost(s: float, t: float) -> float:
        return _restricted(x, y, _Spread(d + (s * share) ** 2 + 1e-12 * scale**2, t * t, pellet, share))

    if start is None:
        grid = np.concatenate([[0.0], scale * np.geomspace(0.1, 2.0, 5)])
        first = grid if intrinsic else grid[:1]
        second = grid if pellet is not None else grid[:1]
        _, s, t = min((cost(a, b), a, b) for a in first for b in second)
    else:
        s, t = start

    def search(function: Any, centre: float) -> float:
        found = minimize_scalar(
            function, bounds=(0.0, max(2.5 * centre, 0.3 * scale)), method="bounded", options={"xatol": 1e-4 * scale}
        )
        inner = float(found.x)
        return 0.0 if function(0.0) <= function(inner) else inner

    for _ in range(25 if pellet is not None and intrinsic else 1):
        before = (s, t)
        if intrinsic:
            s = search(lambda a, b=t: cost(a, b), s)
        if pellet is not None:
            t = search(lambda b, a=s: cost(a, b), t)
        if abs(s - before[0]) + abs(t - before[1]) < 1e-3 * scale:
            break
    return s, t


def _moments(x: np.ndarray, weight: _Spread, sx: np.ndarray) -> np.ndarray:
    """XᵀWX less what the errors of x add to it."""
    corrected = x.T @ weight.solve(x) - np.diag(weight.inverse_diagonal @ sx**2)
    if np.linalg.eigvalsh(corrected)[0] <= 0:
        raise InputError("the errors of a predictor are as large as its spread: no slope can be found; vary it more.")
    return corrected


def _corrected_step(
    x: np.ndarray, y: np.ndarray, weight: _Spread, sx: np.ndarray, sxy: np.ndarray, beta: np.ndarray
) -> np.ndarray:
    """Fuller's corrected least squares at given weights; ``beta`` enters through the weights only."""
    return np.linalg.solve(_moments(x, weight, sx), x.T @ weight.solve(y) - weight.inverse_diagonal @ sxy)


def _york_step(
    x: np.ndarray, y: np.ndarray, weight: _Spread, sx: np.ndarray, sxy: np.ndarray, beta: np.ndarray
) -> np.ndarray:
    """One pass of York's iteration: x is replaced by its best guess on the plane, X̂ᵢⱼ = Xᵢⱼ + (βⱼσ²_x,ij - σ_xy,ij)gᵢ
    with g = Wr, and X̂ᵀWr = 0 is solved."""
    adjusted = weight.solve(x + (sx**2 * beta - sxy) * weight.solve(y - x @ beta)[:, None])
    return np.linalg.solve(adjusted.T @ x, adjusted.T @ y)


def _satterthwaite(x: np.ndarray, total: _Spread, within: np.ndarray | None, between: bool) -> Float[np.ndarray, " p"]:
    """ν_j = 2C_jj²/(∇C_jjᵀ·A·∇C_jj) with A the asymptotic covariance of the variances that are not zero.

    With K = FFᵀ of each variance (F diagonal within, Z between) and P the projector V⁻¹ - V⁻¹XCXᵀV⁻¹, the information
    is ½‖FᵃᵀPFᵇ‖².
    """
    p = x.shape[1]
    factors = [] if within is None else [np.diag(within)]
    if between and total.pellet is not None:
        factors.append((total.pellet[:, None] == np.arange(int(total.pellet.max()) + 1)) * total.z[:, None])
    if not factors:
        return np.full(p, math.inf)
    weighted = total.solve(x)
    c = np.linalg.inv(x.T @ weighted)
    projected = [total.solve(f) - weighted @ (c @ (weighted.T @ f)) for f in factors]
    information = 0.5 * np.array([[np.sum((a.T @ b) ** 2) for b in projected] for a in factors])
    gradient = np.array([np.sum((f.T @ weighted @ c) ** 2, axis=0) for f in factors])  # (m, p)
    variance = np.einsum("mp,mk,kp->p", gradient, np.linalg.pinv(information), gradient)
    with np.errstate(divide="ignore"):
        degrees = np.where(variance > 0, 2 * np.diag(c) ** 2 / variance, math.inf)
    return np.maximum(degrees, 1.0)
