"""Penetration with right-censored samples: Kaplan–Meier, Weibull, fraction penetrated.

The level is whatever drives the failure (current density, voltage, charge); a sample that peaked or ended without
penetrating is censored at the highest level it reached.

Sources: Kaplan and Meier, J. Am. Stat. Assoc. 53 (1958) 457, doi:10.1080/01621459.1958.10501452; Wilson,
J. Am. Stat. Assoc. 22 (1927) 209, doi:10.1080/01621459.1927.10502953; Clopper and Pearson, Biometrika 26 (1934) 404,
doi:10.1093/biomet/26.4.404; Weibull, J. Appl. Mech. 18 (1951) 293, doi:10.1115/1.4010337.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float

from rampion.campaign.flags import CampaignFlag
from rampion.errors import InputError
from rampion.estimate import Estimate, Flag

_HALF_CHI_SQUARE = 1.920729410347062  # half of the 95 % point of χ² with one degree of freedom


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SurvivalCurve:
    """Share of samples still whole at each level at which one penetrated.

    Attributes
    ----------
    level : (m,) distinct levels with a penetration, ascending.
    survival, low, high : (m,) just after each level, with the pointwise 95 % band (log-log).
    at_risk, penetrated : (m,) samples that reached the level whole, and those that penetrated there.
    median : level survived by half; its ``high`` is infinite when the band does not fall below one half.
    """

    level: Float[np.ndarray, " m"]
    survival: Float[np.ndarray, " m"]
    low: Float[np.ndarray, " m"]
    high: Float[np.ndarray, " m"]
    at_risk: Float[np.ndarray, " m"]
    penetrated: Float[np.ndarray, " m"]
    median: Estimate
    count: int
    events: int
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WeibullFit:
    """S(x) = exp[-(x/scale)^shape]: shape, scale in the unit of the level, maximised log likelihood."""

    shape: Estimate
    scale: Estimate
    log_likelihood: float
    events: int
    count: int
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFraction:
    """Fraction penetrated within one group."""

    group: str
    penetrated: int
    count: int
    fraction: Estimate


def estimate_survival(level: Float[np.ndarray, " n"], penetrated: Bool[np.ndarray, " n"]) -> SurvivalCurve:
    """Kaplan–Meier curve Ŝ(x) = ∏_{xᵢ≤x}(1 - dᵢ/nᵢ) with a log-log band.

    Assumes censoring that does not depend on how near a sample was to penetration.
    Fails when a sample peaked because the same mechanism was about to break it (censoring is then informative).
    """
    x, event = _checked(level, penetrated)
    n = x.size
    if not event.any():
        empty = np.empty(0)
        flag = CampaignFlag.ALL_CENSORED.flag(count=n)
        median = Estimate(math.nan, math.nan, float(x.max()), math.inf, (flag,))
        return SurvivalCurve(
            level=empty, survival=empty, low=empty, high=empty, at_risk=empty, penetrated=empty, median=median, count=n,
            events=0, flags=(flag,),
        )  # fmt: skip
    from scipy import stats

    data = stats.CensoredData(uncensored=x[event], right=x[~event])
    curve = stats.ecdf(data).sf
    keep = np.isin(curve.quantiles, np.unique(x[event]))
    levels, survival = curve.quantiles[keep], curve.probabilities[keep]
    at_risk = np.array([np.sum(x >= q) for q in levels], float)
    deaths = np.array([np.sum(event & (x == q)) for q in levels], float)
    low, high = _log_log_band(survival, at_risk, deaths)
    reached = np.flatnonzero(survival <= 0.5 + 1e-12)
    value = float(levels[reached[0]]) if reached.size else math.nan
    below, above = np.flatnonzero(low <= 0.5), np.flatnonzero(high <= 0.5)
    flags = () if reached.size else (CampaignFlag.MEDIAN_NOT_REACHED.flag(),)
    median = Estimate(
        value,
        math.nan,
        float(levels[below[0]]) if below.size else float(x.max()),
        float(levels[above[0]]) if above.size else math.inf,
        flags,
    )
    return SurvivalCurve(
        level=levels,
        survival=survival,
        low=low,
        high=high,
        at_risk=at_risk,
        penetrated=deaths,
        median=median,
        count=n,
        events=int(event.sum()),
        flags=flags,
    )


def fit_weibull(level: Float[np.ndarray, " n"], penetrated: Bool[np.ndarray, " n"]) -> WeibullFit:
    """Weibull distribution of the penetration level by maximum likelihood with right-censored samples.

    ln L = Σ_events [ln k - k ln λ + (k-1) ln x] - Σ_all (x/λ)^k; λ̂(k)^k = Σ x^k/d. Intervals are the profile
    likelihood's. Assumes one population and censoring as in :func:`estimate_survival`.
    Fails when fewer than two samples penetrated at different levels (``InputError``); the shape is biased high in
    small samples (flagged, with the size of the bias of complete samples).
    """
    x, event = _checked(level, penetrated)
    d = int(event.sum())
    if d < 2 or np.unique(x[event]).size < 2:
        raise InputError(f"a Weibull fit needs two samples that penetrated at different levels, found {d}.")
    unit = float(np.exp(np.mean(np.log(x[event]))))
    z = np.log(x / unit)
    mean_log = float(z[event].mean())

    def powers(k: float) -> tuple[float, float]:
        top = k * z
        shift = top.max()
        w = np.exp(top - shift)
        return float(np.log(w.sum()) + shift), float(np.sum(w * z) / w.sum())

    def score(k: float) -> float:
        return powers(k)[1] - 1 / k - mean_log

    def profile(k: float) -> float:
        log_scale_k = powers(k)[0] - math.log(d)  # ln λ^k
        return d * (math.log(k) - log_scale_k + (k - 1) * mean_log) - d

    def given_scale(log_scale: float) -> float:
        """Log likelihood maximised over the shape at a fixed scale."""
        from scipy.optimize import minimize_scalar

        def cost(log_k: float) -> float:
            k = math.exp(log_k)
            exponent = np.minimum(k * (z - log_scale), 700.0)
            return -(d * (log_k - k * log_scale + (k - 1) * mean_log) - float(np.exp(exponent).sum()))

        centre = math.log(shape)
        found: Any = minimize_scalar(cost, bounds=(centre - 4, centre + 4), method="bounded")
        return -float(found.fun)

    shape = _root(score, 1e-3, _upper(score, 1.0))
    best = profile(shape)
    log_scale = (powers(shape)[0] - math.log(d)) / shape
    shape_ends = _ends(lambda u: profile(math.exp(u)) - best + _HALF_CHI_SQUARE, math.log(shape), 1 / math.sqrt(d))
    step = 1 / (shape * math.sqrt(d))
    scale_ends = _ends(lambda u: given_scale(u) - best + _HALF_CHI_SQUARE, log_scale, step)
    scale = unit * math.exp(log_scale)
    flags = (CampaignFlag.WEIBULL_FEW_EVENTS.flag(events=d, excess=1.4 / max(d - 2, 1)),) if d < 10 else ()
    return WeibullFit(
        shape=_from_ends(shape, math.exp(shape_ends[0]), math.exp(shape_ends[1]), flags),
        scale=_from_ends(scale, unit * math.exp(scale_ends[0]), unit * math.exp(scale_ends[1]), flags),
        # the density carries the unit of the level
        log_likelihood=best - d * math.log(unit),
        events=d,
        count=x.size,
        flags=flags,
    )


def fraction_penetrated(penetrated: int, count: int, method: Literal["wilson", "exact"] = "wilson") -> Estimate:
    """Share of samples that penetrated with its 95 % interval (Wilson, or Clopper–Pearson as ``exact``).

    Clopper–Pearson never covers less than 95 % and is wider. Assumes independent samples.
    """
    if not 0 <= penetrated <= count or count < 1:
        raise InputError(f"{penetrated} penetrated of {count} samples is not possible.")
    from scipy.stats import binomtest

    share = penetrated / count
    interval = binomtest(penetrated, count).proportion_ci(0.95, method=method)
    std = math.sqrt(max(share * (1 - share), 0.25 / count) / count)
    return Estimate(share, std, float(interval.low), float(interval.high))


def fractions_by_group(penetrated: Bool[np.ndarray, " n"], groups: np.ndarray) -> tuple[GroupFraction, ...]:
    """Fraction penetrated for each value of a grouping (relative density, scan rate, pressure), in sorted order."""
    event, labels = np.asarray(penetrated, bool), np.asarray(groups)
    if labels.shape != event.shape:
        raise InputError(f"{labels.size} group names for {event.size} samples; give one each.")
    rows = []
    for label in np.unique(labels):
        inside = event[labels == label]
        k, n = int(inside.sum()), int(inside.size)
        rows.append(GroupFraction(group=str(label), penetrated=k, count=n, fraction=fraction_penetrated(k, n)))
    return tuple(rows)


def compare_survival(
    level: Float[np.ndarray, " n"], penetrated: Bool[np.ndarray, " n"], second: Bool[np.ndarray, " n"]
) -> tuple[float, float]:
    """Log-rank test that two groups (``second`` or not) share one survival curve: ``(statistic, p-value)``.

    Fails when neither group has an event (``InputError``).
    """
    x, event = _checked(level, penetrated)
    other = np.asarray(second, bool)
    if not event.any() or other.all() or not other.any():
        raise InputError("the comparison needs two groups and at least one penetration.")
    from scipy import stats

    sides = [stats.CensoredData(uncensored=x[m & event], right=x[m & ~event]) for m in (~other, other)]
    result = stats.logrank(sides[0], sides[1])
    return float(result.statistic), float(result.pvalue)


def _checked(level: np.ndarray, penetrated: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x, event = np.asarray(level, float), np.asarray(penetrated, bool)
    if x.size == 0 or x.shape != event.shape:
        raise InputError(f"{x.size} levels and {event.size} outcomes; give one of each per sample.")
    if not (np.isfinite(x).all() and (x > 0).all()):
        raise InputError("a level is missing, zero or negative; leave that sample out by name.")
    return x, event


def _log_log_band(survival: np.ndarray, at_risk: np.ndarray, deaths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Greenwood's variance on the log(-log) scale; where the curve has reached zero the band runs from 0 to the
    last upper limit, with the exact binomial limit when all samples fell at once."""
    with np.errstate(divide="ignore", invalid="ignore"):
        greenwood = np.cumsum(deaths / (at_risk * (at_risk - deaths)))
        log_s = np.log(survival)
        half = 1.959963984540054 * np.sqrt(greenwood) / np.abs(log_s)
        low, high = survival ** np.exp(half), survival ** np.exp(-half)
    zero = survival <= 0
    low[zero] = 0.0
    if zero.any():
        first = int(np.argmax(zero))
        high[zero] = high[first - 1] if first else 1 - 0.025 ** (1 / at_risk[0])
    return low, high


def _upper(function: Callable[[float], float], start: float) -> float:
    upper = start
    while function(upper) < 0:
        upper *= 2
        if upper > 1e6:
            raise InputError(
                "the samples penetrated at practically one level: the Weibull shape has no finite estimate."
            )
    return upper


def _ends(function: Callable[[float], float], centre: float, step: float) -> tuple[float, float]:
    """The two points about ``centre`` where a function that is positive there crosses zero."""
    ends = []
    for sign in (-1.0, 1.0):
        far = step
        while function(centre + sign * far) > 0 and far < 40:
            far *= 1.6
        ends.append(math.copysign(math.inf, sign) if far >= 40 else _root(function, centre, centre + sign * far))
    return ends[0], ends[1]


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    from scipy.optimize import root_scalar

    return float(root_scalar(function, bracket=(low, high), method="brentq").root)


def _from_ends(value: float, low: float, high: float, flags: tuple[Flag, ...]) -> Estimate:
    std = value * math.log(high / low) / (2 * 1.959963984540054) if low > 0 and math.isfinite(high) else math.nan
    return Estimate(value, std, low, high, flags)
