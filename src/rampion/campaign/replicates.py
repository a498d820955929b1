"""Replicates of one condition: mean ± SD as papers give it, scatter within and between parent pellets, outliers.

    y_ij = µ + u_i + ε_ij ,  u_i ~ N(0, τ²) between pellets,  ε_ij ~ N(0, s²) within a pellet

s² is the pooled variance within pellets; τ² = (MS_between - s²)/n₀ with n₀ = (N - Σnᵢ²/N)/(k - 1), not below zero.
The mean's interval treats the pellet, not the sample, as the unit of replication.

Sources: Searle, Casella, McCulloch, Variance Components, doi:10.1002/9780470316856 (ANOVA estimators); outliers by
the modified z-score 0.6745·(y - median)/MAD beyond 3.5 (Iglewicz and Hoaglin, How to Detect and Handle Outliers,
1993).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rampion.campaign.flags import CampaignFlag
from rampion.campaign.regression import student_quantile
from rampion.errors import InputError
from rampion.estimate import Estimate, Flag

OUTLIER_SCORE = 3.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Replicates:
    """Scatter of one quantity over replicates, in its SI unit.

    Attributes
    ----------
    mean : of the pellets' means, with the interval for the material.
    plain_mean, standard_deviation : over all samples, as papers print them.
    within, between : standard deviations inside and between pellets; NaN where the data cannot tell.
    pellet_share : between²/(within² + between²).
    outliers : positions of the samples that stand apart; none is dropped.
    """

    count: int
    pellets: int
    mean: Estimate
    plain_mean: float
    standard_deviation: float
    within: float
    between: float
    pellet_share: float
    outliers: tuple[int, ...]
    flags: tuple[Flag, ...] = ()


def summarise_replicates(
    values: Float[np.ndarray, " n"], pellets: np.ndarray | None = None, censored: Bool[np.ndarray, " n"] | None = None
) -> Replicates:
    """Mean ± SD of replicates with the scatter split into within and between parent pellets.

    Assumes normal scatter, pellets drawn at random.
    Fails when values are censored (some samples never penetrated): flagged, use the survival curve then.

    Parameters
    ----------
    values : (n,) one per sample; NaN refused.
    pellets : (n,) label of each sample's parent pellet; each sample its own pellet when absent.
    censored : (n,) true where the sample reached this value without the event.

    Raises
    ------
    InputError : no values, or a missing one.
    """
    y = np.asarray(values, float)
    if y.size == 0 or not np.isfinite(y).all():
        raise InputError(
            f"replicates need finite values, found {y.size} of which {int((~np.isfinite(y)).sum())} are not."
        )
    labels = np.arange(y.size) if pellets is None else np.asarray(pellets)
    if labels.shape != y.shape:
        raise InputError(f"{labels.size} pellet names for {y.size} samples; give one each.")
    _, inverse, counts = np.unique(labels, return_inverse=True, return_counts=True)
    n, k = y.size, counts.size
    means = np.bincount(inverse, y) / counts
    within, between = _components(y, means, inverse, counts)
    flags: list[Flag] = []
    if n == 1:
        flags.append(CampaignFlag.SINGLE_SAMPLE.flag())
        mean = Estimate(float(y[0]))
    elif k == 1:
        flags.append(CampaignFlag.ONE_PELLET.flag())
        mean = _mean(y)
    else:
        mean = _mean(means)
    if 1 < n < 4:
        flags.append(CampaignFlag.FEW_SAMPLES.flag(count=n))
    if censored is not None and np.any(censored):
        flags.append(CampaignFlag.CENSORED_MEAN.flag(censored=int(np.sum(censored)), count=n))
    outliers, notes = find_outliers(y)
    total = within**2 + between**2
    return Replicates(
        count=n,
        pellets=k,
        mean=mean.flagged(*flags),
        plain_mean=float(y.mean()),
        standard_deviation=float(y.std(ddof=1)) if n > 1 else math.nan,
        within=within,
        between=between,
        pellet_share=between**2 / total if total > 0 else math.nan,
        outliers=outliers,
        flags=(*flags, *notes),
    )


def find_outliers(values: Float[np.ndarray, " n"]) -> tuple[tuple[int, ...], tuple[Flag, ...]]:
    """Positions of values whose modified z-score exceeds 3.5, with a flag each; fewer than five values have none.

    Fails when more than half of the values are equal (the median deviation is then zero and nothing is flagged).
    """
    y = np.asarray(values, float)
    if y.size < 5:
        return (), ()
    deviation = np.abs(y - np.median(y))
    spread = float(np.median(deviation))
    if spread == 0:
        return (), ()
    score = 0.6745 * deviation / spread
    found = tuple(int(i) for i in np.flatnonzero(score > OUTLIER_SCORE))
    return found, tuple(CampaignFlag.OUTLIER.flag(index=i, score=float(score[i])) for i in found)


def _mean(y: np.ndarray) -> Estimate:
    std = float(y.std(ddof=1) / math.sqrt(y.size))
    half = student_quantile(y.size - 1) * std
    return Estimate(float(y.mean()), std, float(y.mean()) - half, float(y.mean()) + half)


def _components(y: np.ndarray, means: np.ndarray, inverse: np.ndarray, counts: np.ndarray) -> tuple[float, float]:
    n, k = y.size, counts.size
    if n == k or k == 1:
        alone = float(y.std(ddof=1)) if n > 1 and k == 1 else math.nan
        return alone, math.nan
    ms_within = float(np.sum((y - means[inverse]) ** 2) / (n - k))
    ms_between = float(np.sum(counts * (means - y.mean()) ** 2) / (k - 1))
    n0 = (n - np.sum(counts**2) / n) / (k - 1)
    return math.sqrt(ms_within), math.sqrt(max((ms_between - ms_within) / n0, 0.0))
