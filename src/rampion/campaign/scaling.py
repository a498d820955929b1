"""Scaling laws y = A·∏ xⱼ^αⱼ with errors in both axes, unknown scatter and parent pellets.

    ln y = ln A + Σ αⱼ ln xⱼ + u_pellet + ε

Beside the free exponent stands the fit that papers force: y = k√v through the origin with its R², and the same with
a free intercept and its test. A forced fit is quoted, never used.

Sources: see :mod:`rampion.campaign.regression`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rampion.campaign.flags import CampaignFlag
from rampion.campaign.regression import ContrastTest, Regression, contrast, fit_plane
from rampion.errors import InputError
from rampion.estimate import Estimate, Flag


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PowerLaw:
    """A fitted power law.

    Attributes
    ----------
    quantity, against : names of the response and the predictors.
    exponents : one per predictor, with Student intervals.
    log_prefactor : ln of the response at ``reference`` (the predictors' geometric means) [ln of SI unit].
    reference : (p,) geometric means of the predictors [SI].
    scatter, pellet_scatter : relative standard deviations beyond the stated errors, within and between pellets.
    r_squared : of the logarithms about their mean.
    curvature : test of a quadratic term, for one predictor with five points or more.
    fit : the regression, columns (constant, predictors).
    """

    quantity: str
    against: tuple[str, ...]
    exponents: tuple[Estimate, ...]
    log_prefactor: Estimate
    reference: Float[np.ndarray, " p"]
    scatter: float
    pellet_scatter: float
    r_squared: float
    curvature: ContrastTest | None
    fit: Regression
    count: int
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Line:
    """A straight line with errors in both axes, free and forced through the origin.

    ``r_squared`` is 1 - SSE/Σ(y-ȳ)² of the unweighted free line, ``forced_r_squared`` the same for the unweighted
    forced line, ``forced_r_squared_origin`` 1 - SSE/Σy² as some programs print it for a line without intercept.
    """

    slope: Estimate
    intercept: Estimate
    intercept_test: ContrastTest
    forced_slope: Estimate
    r_squared: float
    forced_r_squared: float
    forced_r_squared_origin: float
    scatter: float
    count: int
    flags: tuple[Flag, ...] = ()


def fit_power_law(
    response: Float[np.ndarray, " n"],
    predictors: Float[np.ndarray, "n p"],
    response_std: Float[np.ndarray, " n"] | None = None,
    predictors_std: Float[np.ndarray, "n p"] | None = None,
    pellets: np.ndarray | None = None,
    quantity: str = "current_density",
    against: tuple[str, ...] = ("scan_rate",),
) -> PowerLaw:
    """Exponents of a power law, jointly over all predictors.

    Assumes relative errors small enough for logarithms (below about 20 %), one power law over the range.
    Fails when the response or a predictor is not positive, or the predictors vary together (``InputError``).

    Parameters
    ----------
    response, response_std : (n,) and its standard uncertainty [SI]; unknown (NaN or absent) counts as scatter.
    predictors, predictors_std : (n, p) scan rate, thickness, … [SI].
    pellets : (n,) parent pellets: random shifts in ln y.
    quantity, against : names for the record.
    """
    y, x = np.asarray(response, float), np.asarray(predictors, float)
    if x.shape[1] != len(against):
        raise InputError(f"{x.shape[1]} predictors but {len(against)} names: give one name each.")
    if not (np.all(y > 0) and np.all(x > 0)):
        raise InputError("a power law needs positive finite values; leave the others out by name.")
    y_std = np.zeros_like(y) if response_std is None else np.nan_to_num(np.asarray(response_std, float))
    x_std = np.zeros_like(x) if predictors_std is None else np.nan_to_num(np.asarray(predictors_std, float))
    reference = np.exp(np.mean(np.log(x), axis=0))
    z = np.log(x / reference)
    _refuse_tied(z, against)
    design = np.column_stack([np.ones(y.size), z])
    design_std = np.column_stack([np.zeros(y.size), x_std / x])
    fit = fit_plane(design, np.log(y), y_std / y, design_std, pellets=pellets)
    curvature = None
    if x.shape[1] == 1 and y.size >= 5 and np.unique(np.round(z[:, 0], 3)).size >= 4:
        # the quadratic column takes the predictor's error at the fitted slope into the response's
        effective = np.hypot(y_std / y, fit.coefficients[1] * x_std[:, 0] / x[:, 0])
        bent = fit_plane(np.column_stack([design, z[:, 0] ** 2]), np.log(y), effective, pellets=pellets)
        curvature = contrast(bent, np.array([0.0, 0.0, 1.0]))
    flags = _law_flags(fit, z, against, curvature)
    logs = np.log(y)
    total = float(np.sum((logs - logs.mean()) ** 2))
    return PowerLaw(
        quantity=quantity,
        against=against,
        exponents=tuple(fit.estimate(j + 1).flagged(*flags) for j in range(x.shape[1])),
        log_prefactor=fit.estimate(0),
        reference=reference,
        scatter=fit.scatter,
        pellet_scatter=fit.pellet_scatter,
        r_squared=1 - float(np.sum(fit.residual**2)) / total if total > 0 else math.nan,
        curvature=curvature,
        fit=fit,
        count=y.size,
        flags=flags,
    )


def fit_line(
    abscissa: Float[np.ndarray, " n"],
    ordinate: Float[np.ndarray, " n"],
    abscissa_std: Float[np.ndarray, " n"] | None = None,
    ordinate_std: Float[np.ndarray, " n"] | None = None,
    correlation: float = 0.0,
    pellets: np.ndarray | None = None,
    threshold: float = 0.05,
    proportional: bool = False,
) -> Line:
    """y = intercept + slope·x with errors in both axes, and the same line forced through the origin.

    ``proportional`` takes the unknown scatter, and the shift of each pellet, as a share of x (a pellet then multiplies
    its samples) instead of as equal for all points; ``scatter`` is then the scatter at the mean x.

    Assumes errors whose correlation between x and y is the same for all points.
    Fails when there are fewer than four points (``InputError``).
    """
    x, y = np.asarray(abscissa, float), np.asarray(ordinate, float)
    zero = np.zeros_like(x)
    sx = zero if abscissa_std is None else np.nan_to_num(np.asarray(abscissa_std, float))
    sy = zero if ordinate_std is None else np.nan_to_num(np.asarray(ordinate_std, float))
    # both axes in units of their size: the iteration's tolerances then hold for any unit
    ux, uy = float(np.mean(np.abs(x))), float(np.mean(np.abs(y)))
    if not (ux > 0 and uy > 0):
        raise InputError("a line needs values other than zero on both axes.")
    column, column_std = (x / ux)[:, None], (sx / ux)[:, None]
    one, none, tied = np.ones((x.size, 1)), np.zeros((x.size, 1)), np.full((x.size, 1), correlation)
    share = np.abs(x / ux) if proportional else None
    both, both_std, both_tied = np.hstack([one, column]), np.hstack([none, column_std]), np.hstack([none, tied])
    free = fit_plane(both, y / uy, sy / uy, both_std, both_tied, pellets, scatter_share=share)
    test = contrast(free, np.array([1.0, 0.0]))
    # where there is an intercept, shifts of the pellets would take it up and tilt the line below its points
    shifts = None if test.p_value < threshold else pellets
    forced = fit_plane(column, y / uy, sy / uy, column_std, tied, shifts, scatter_share=share)
    total = float(np.sum((y - y.mean()) ** 2))
    plain = np.polyfit(x, y, 1)
    through = float(np.sum(x * y) / np.sum(x * x))
    sse = float(np.sum((y - through * x) ** 2))
    flags = (CampaignFlag.INTERCEPT.flag(p_value=test.p_value),) if test.p_value < threshold else ()
    return Line(
        slope=free.estimate(1).scaled(uy / ux),
        intercept=free.estimate(0).scaled(uy),
        intercept_test=test,
        forced_slope=forced.estimate(0).scaled(uy / ux).flagged(*flags),
        r_squared=1 - float(np.sum((y - np.polyval(plain, x)) ** 2)) / total,
        forced_r_squared=1 - sse / total,
        forced_r_squared_origin=1 - sse / float(np.sum(y**2)),
        scatter=free.scatter * uy,
        count=x.size,
        flags=flags,
    )


def fit_root_law(
    rate: Float[np.ndarray, " n"],
    response: Float[np.ndarray, " n"],
    response_std: Float[np.ndarray, " n"] | None = None,
    pellets: np.ndarray | None = None,
) -> Line:
    """The Randles–Ševčík plot: J_p against √v, free and forced through the origin, with R² as papers print it.

    R² near one is no evidence for an exponent of one half: contact loss with a fixed capacity gives R² = 1 as well.
    Scatter and pellet shifts count as equal for all points, as an unweighted plot takes them.
    """
    return fit_line(np.sqrt(np.asarray(rate, float)), response, None, response_std, pellets=pellets)


def compare_exponents(
    law: PowerLaw, weights: Float[np.ndarray, " p"], expected: float, tolerance: float = 0.0
) -> ContrastTest:
    """Test of Σ wⱼαⱼ = expected: b = 2a - 1 is weights (-2, 1), expected -1; b = -a is weights (1, 1), expected 0."""
    return contrast(law.fit, np.concatenate([[0.0], np.asarray(weights, float)]), expected, tolerance)


def _refuse_tied(z: np.ndarray, names: tuple[str, ...]) -> None:
    spread = z.std(axis=0)
    for j, name in enumerate(names):
        if spread[j] < 1e-9:
            raise InputError(f"{name} is the same for all samples: its exponent cannot be found; vary it.")
    for i in range(z.shape[1]):
        for j in range(i):
            r = float(np.corrcoef(z[:, i], z[:, j])[0, 1])
            if abs(r) > 0.999:
                message = CampaignFlag.NOT_SEPARABLE.flag(names=f"{names[j]} and {names[i]}", correlation=r).message
                raise InputError(message)


def _law_flags(
    fit: Regression, z: np.ndarray, names: tuple[str, ...], curvature: ContrastTest | None
) -> tuple[Flag, ...]:
    flags = []
    for j, name in enumerate(names):
        ratio = math.exp(float(np.ptp(z[:, j])))
        if ratio < 4:
            flags.append(CampaignFlag.SHORT_RANGE.flag(name=name.replace("_", " "), ratio=ratio))
    degrees = fit.count - fit.coefficients.size
    if math.isfinite(fit.chi_square) and fit.chi_square > degrees + 3 * math.sqrt(2 * degrees):
        flags.append(CampaignFlag.POOR_DESCRIPTION.flag(ratio=math.sqrt(fit.chi_square / degrees)))
    if curvature is not None and curvature.p_value < 0.01:
        flags.append(CampaignFlag.CURVED.flag(p_value=curvature.p_value))
    return tuple(flags)
