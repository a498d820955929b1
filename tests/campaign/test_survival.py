"""Survival with censoring and replicates: worked examples of the literature, closed forms, and recovery."""

import math

import numpy as np
import pytest

from rampion.campaign.replicates import find_outliers, summarise_replicates
from rampion.campaign.survival import (
    compare_survival,
    estimate_survival,
    fit_weibull,
    fraction_penetrated,
    fractions_by_group,
)
from rampion.errors import InputError

# Gehan/Freireich leukaemia remissions (6-MP arm), the field's worked example; + = censored
_WEEKS = np.array([6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35], float)
_EVENT = np.array([1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0], bool)


def test_kaplan_meier_of_the_classic_example():
    curve = estimate_survival(_WEEKS, _EVENT)
    assert curve.level.tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert curve.survival == pytest.approx([0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448], abs=6e-4)
    assert curve.median.value == 23
    assert np.all(curve.low <= curve.survival)
    assert np.all(curve.survival <= curve.high)
    # the log-log band of the first step, by hand: S = 18/21
    s, var = 18 / 21, 3 / (21 * 18)
    half = 1.959963984540054 * math.sqrt(var) / abs(math.log(s))
    assert (curve.low[0], curve.high[0]) == pytest.approx((s ** math.exp(half), s ** math.exp(-half)), rel=1e-9)


def test_a_campaign_without_penetration_gives_a_lower_bound_only():
    curve = estimate_survival(np.array([8.0, 10.0, 12.0]), np.zeros(3, bool))
    assert curve.median.low == 12.0
    assert math.isinf(curve.median.high)
    assert [flag.code for flag in curve.flags] == ["all_censored"]
    with pytest.raises(InputError, match="two samples that penetrated"):
        fit_weibull(np.array([8.0, 10.0, 12.0]), np.array([True, False, False]))


def test_weibull_meets_an_independent_maximum_likelihood_fit():
    from scipy import stats

    data = stats.CensoredData(uncensored=_WEEKS[_EVENT], right=_WEEKS[~_EVENT])
    shape, _, scale = stats.weibull_min.fit(data, floc=0)
    fit = fit_weibull(_WEEKS, _EVENT)
    assert fit.shape.value == pytest.approx(shape, rel=1e-3)
    assert fit.scale.value == pytest.approx(scale, rel=1e-3)
    # the published value for this arm: shape 1.354, scale 33.77 (Lawless, Statistical Models)
    assert fit.shape.value == pytest.approx(1.354, abs=0.002)
    assert fit.log_likelihood == pytest.approx(
        np.sum(stats.weibull_min.logpdf(_WEEKS[_EVENT], shape, 0, scale))
        + np.sum(stats.weibull_min.logsf(_WEEKS[~_EVENT], shape, 0, scale)),
        abs=1e-3,
    )
    assert fit.shape.low < fit.shape.value < fit.shape.high


def test_weibull_intervals_end_where_the_profile_likelihood_has_lost_half_a_chi_square():
    """Profiles written out with scipy's density: 2(ln L_max - ln L) = 3.8415 at each end."""
    from scipy import optimize, stats

    def likelihood(shape, scale):
        law = stats.weibull_min(shape, 0, scale)
        return law.logpdf(_WEEKS[_EVENT]).sum() + law.logsf(_WEEKS[~_EVENT]).sum()

    fit = fit_weibull(_WEEKS, _EVENT)
    best = likelihood(fit.shape.value, fit.scale.value)
    for shape in fit.shape.interval:
        scale = (np.sum(_WEEKS**shape) / _EVENT.sum()) ** (1 / shape)
        assert 2 * (best - likelihood(shape, scale)) == pytest.approx(stats.chi2.ppf(0.95, 1), rel=1e-5)
    for scale in fit.scale.interval:
        found = optimize.minimize_scalar(lambda k, at=scale: -likelihood(k, at), bounds=(0.2, 10.0), method="bounded")
        assert 2 * (best + found.fun) == pytest.approx(stats.chi2.ppf(0.95, 1), rel=1e-4)
    (few,) = fit.flags
    assert dict(few.details) == pytest.approx({"events": 9, "excess": 1.4 / 7})
    more = np.append(_WEEKS, 12.0)
    assert fit_weibull(more, np.append(_EVENT, True)).flags == ()


def test_samples_that_all_fall_at_once_have_the_exact_binomial_limit():
    curve = estimate_survival(np.full(5, 10.0), np.ones(5, bool))
    assert curve.survival.tolist() == [0.0]
    assert (curve.low[0], curve.high[0]) == pytest.approx((0.0, 1 - 0.025**0.2), rel=1e-12)


def test_weibull_scales_with_the_unit():
    one, many = fit_weibull(_WEEKS, _EVENT), fit_weibull(_WEEKS * 1e-4, _EVENT)
    assert many.shape.high == pytest.approx(one.shape.high, rel=1e-6)
    assert many.scale.low == pytest.approx(one.scale.low * 1e-4, rel=1e-6)


def _weibull_coverage(seed, runs):
    rng = np.random.default_rng(seed)
    inside, shapes = [], []
    for _ in range(runs):
        strength, stop = 11 * rng.weibull(5.0, 15), rng.uniform(9, 14, 15)
        fit = fit_weibull(np.minimum(strength, stop), strength <= stop)
        inside.append([fit.shape.low < 5 < fit.shape.high, fit.scale.low < 11 < fit.scale.high])
        shapes.append(fit.shape.value)
    return np.mean(inside, axis=0), float(np.median(shapes))


def test_weibull_intervals_cover_in_a_small_run():
    cover, _ = _weibull_coverage(31, 40)
    assert np.all(cover >= 0.85)


@pytest.mark.slow
def test_weibull_intervals_cover_over_600_campaigns():
    cover, shape = _weibull_coverage(32, 600)
    assert np.all((cover > 0.91) & (cover < 0.98))
    assert shape == pytest.approx(5, rel=0.15)


def test_fraction_intervals_are_the_published_ones():
    # Newcombe, Stat. Med. 17 (1998) 857, Table I: 81 of 263 and 0 of 20, Wilson and Clopper–Pearson
    wilson, exact = fraction_penetrated(81, 263), fraction_penetrated(81, 263, "exact")
    assert wilson.interval == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert exact.interval == pytest.approx((0.2527, 0.3676), abs=5e-5)
    assert fraction_penetrated(0, 20).interval == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson.value == exact.value == pytest.approx(81 / 263)
    assert wilson.std == pytest.approx(math.sqrt(81 * 182 / 263**3))
    # of none or all the share's own variance is zero: the least one is that of half a sample in the count
    assert fraction_penetrated(0, 20).std == fraction_penetrated(20, 20).std == pytest.approx(0.5 / 20)
    assert fraction_penetrated(20, 20).interval == pytest.approx((0.8389, 1.0), abs=5e-5)
    with pytest.raises(InputError):
        fraction_penetrated(3, 2)


def test_groups_and_their_comparison():
    event = np.array([1, 1, 1, 0, 0, 0, 0, 0], bool)
    groups = np.array(["91 %", "91 %", "91 %", "95 %", "95 %", "95 %", "95 %", "95 %"])
    rows = fractions_by_group(event, groups)
    assert [(row.group, row.penetrated, row.count) for row in rows] == [("91 %", 3, 3), ("95 %", 0, 5)]
    level = np.array([4.0, 5.0, 6.0, 10.0, 10.5, 11.0, 11.5, 12.0])
    assert compare_survival(level, event, groups == "95 %")[1] < 0.02
    with pytest.raises(InputError):
        compare_survival(level, np.zeros(8, bool), groups == "95 %")


def test_variance_components_of_a_balanced_design_are_the_anova_ones():
    values = np.array([10.0, 11.0, 12.0, 13.0, 8.0, 9.0])
    pellets = np.array(["a", "a", "b", "b", "c", "c"])
    found = summarise_replicates(values, pellets)
    # means 10.5, 12.5, 8.5: MS_within = 0.5, MS_between = 2·4 = 8, τ² = (8 - 0.5)/2
    assert found.within == pytest.approx(math.sqrt(0.5))
    assert found.between == pytest.approx(math.sqrt(3.75))
    assert found.pellet_share == pytest.approx(3.75 / 4.25)
    assert found.standard_deviation == pytest.approx(values.std(ddof=1))
    # t(0.975, 2) = 4.3027 on the three pellet means of SD 2
    assert found.mean.high - found.mean.value == pytest.approx(4.30265 * 2 / math.sqrt(3), rel=1e-4)


def test_the_share_of_pellets_runs_from_none_to_all():
    apart = summarise_replicates(np.array([1.0, 1.0, 2.0, 2.0]), np.array(["a", "a", "b", "b"]))
    assert (apart.within, apart.pellet_share) == (0.0, 1.0)
    alike = summarise_replicates(np.array([1.0, 2.0, 2.0, 1.0]), np.array(["a", "a", "b", "b"]))
    assert (alike.between, alike.pellet_share) == (0.0, 0.0)
    same = summarise_replicates(np.ones(4), np.array(["a", "a", "b", "b"]))
    assert math.isnan(same.pellet_share)
    one = summarise_replicates(np.array([1.0, 2.0, 4.0]), np.array(["a", "a", "a"]))
    assert one.within == pytest.approx(math.sqrt(7 / 3))
    assert math.isnan(one.pellet_share)


def test_one_and_two_samples():
    one = summarise_replicates(np.array([3.0]))
    assert (one.mean.value, one.plain_mean) == (3.0, 3.0)
    assert math.isnan(one.standard_deviation)
    assert [flag.code for flag in one.flags] == ["single_sample"]
    two = summarise_replicates(np.array([3.0, 5.0]))
    assert two.standard_deviation == pytest.approx(math.sqrt(2))
    assert [flag.code for flag in two.flags] == ["few_samples"]


def test_an_outlier_is_beyond_three_and_a_half():
    """The median is 0.5, the median deviation 1: a score of 0.6745 for each unit from the middle."""
    values = np.array([-1.0, -1.0, 0.0, 1.0, 1.0])
    assert find_outliers(np.append(values, 5.0)) == ((), ())  # 3.04
    found, (flag,) = find_outliers(np.append(values, 6.0))
    assert found == (5,)
    assert dict(flag.details)["score"] == pytest.approx(0.6745 * 5.5)


@pytest.mark.parametrize("pellets", [None, np.array(["a", "b", "c"])])
def test_one_sample_a_pellet_cannot_tell_the_scatters_apart(pellets):
    found = summarise_replicates(np.array([1.0, 2.0, 4.0]), pellets)
    assert found.pellets == 3
    assert math.isnan(found.within)
    assert math.isnan(found.between)
    assert found.standard_deviation == pytest.approx(math.sqrt(7 / 3))


def test_variance_components_of_pellets_of_unequal_size():
    values = np.array([3.0, 5.0, 4.0, 8.0, 10.0, 1.0])
    found = summarise_replicates(values, np.array(["a", "a", "a", "b", "b", "c"]))
    # by hand: SS_within = 2 + 2 of 3 degrees; means 4, 9, 1 of 3, 2, 1 about 31/6; n0 = (6 - 14/6)/2
    within = 4 / 3
    between = (3 * (4 - 31 / 6) ** 2 + 2 * (9 - 31 / 6) ** 2 + (1 - 31 / 6) ** 2) / 2
    assert found.within == pytest.approx(math.sqrt(within))
    assert found.between == pytest.approx(math.sqrt((between - within) / ((6 - 14 / 6) / 2)))


def test_interval_of_the_mean_covers_when_pellets_differ_and_the_plain_one_does_not():
    rng = np.random.default_rng(8)
    pellet_aware, plain = [], []
    labels = np.repeat(np.arange(5), 4)
    for _ in range(250):
        y = 10 + rng.normal(0, 0.5, 5)[labels] + rng.normal(0, 0.3, 20)
        found = summarise_replicates(y, labels)
        pellet_aware.append(found.mean.low < 10 < found.mean.high)
        half = 2.093 * found.standard_deviation / math.sqrt(20)
        plain.append(abs(found.plain_mean - 10) < half)
    assert np.mean(pellet_aware) == pytest.approx(0.95, abs=0.042)
    assert np.mean(plain) < 0.80


def test_outliers_and_censored_means_are_flagged_never_dropped():
    values = np.array([10.0, 10.2, 9.9, 10.1, 9.8, 25.0])
    found = summarise_replicates(values, censored=np.array([False, False, True, False, False, False]))
    assert found.outliers == (5,)
    assert found.count == 6
    assert {flag.code for flag in found.flags} == {"outlier", "censored_mean"}
    assert found.plain_mean == pytest.approx(values.mean())
    assert find_outliers(np.array([1.0, 2.0, 90.0])) == ((), ())
    assert summarise_replicates(np.array([1.0, 2.0]), np.array(["p", "p"])).flags[0].code == "one_pellet"
    with pytest.raises(InputError):
        summarise_replicates(np.array([1.0, math.nan]))
