"""Scaling laws and collapses: published lines, exact laws, and recovery of simulated campaigns."""

import math

import numpy as np
import pytest

from rampion.campaign import regression
from rampion.campaign.collapse import Similarity, collapse_thickness, overlay_scans
from rampion.campaign.regression import contrast, fit_plane
from rampion.campaign.scaling import compare_exponents, fit_line, fit_power_law, fit_root_law
from rampion.errors import InputError


def test_agrees_with_the_published_line_through_pearsons_data_with_yorks_weights():
    # York et al. 2004, Table II: intercept 5.47991022, slope -0.480533407, errors 0.294970735, 0.0579850090
    x = np.array([0.0, 0.9, 1.8, 2.6, 3.3, 4.4, 5.2, 6.1, 6.5, 7.4])
    y = np.array([5.9, 5.4, 4.4, 4.6, 3.5, 3.7, 2.8, 2.8, 2.4, 1.5])
    wx = np.array([1000, 1000, 500, 800, 200, 80, 60, 20, 1.8, 1])
    wy = np.array([1, 1.8, 4, 8, 20, 20, 70, 70, 100, 500])
    design = np.column_stack([np.ones(10), x])
    errors = np.column_stack([np.zeros(10), wx**-0.5])
    fit = fit_plane(design, y, wy**-0.5, errors, intrinsic=False)
    assert fit.coefficients == pytest.approx([5.47991022, -0.480533407], abs=2e-8)
    assert np.sqrt(np.diag(fit.covariance)) == pytest.approx([0.294970735, 0.0579850090], abs=2e-8)
    assert fit.chi_square == pytest.approx(11.8663531941, abs=1e-6)


def test_without_errors_in_x_it_is_ordinary_least_squares_with_students_interval():
    rng = np.random.default_rng(5)
    x, y = np.arange(9.0), 2 + 0.5 * np.arange(9.0) + rng.normal(0, 0.3, 9)
    fit = fit_plane(np.column_stack([np.ones(9), x]), y, np.zeros(9))
    slope = fit.estimate(1)
    from scipy.stats import linregress, t

    plain = linregress(x, y)
    assert slope.value == pytest.approx(plain.slope, rel=1e-6)
    assert slope.std == pytest.approx(plain.stderr, rel=1e-3)
    assert slope.high - slope.value == pytest.approx(t.ppf(0.975, 7) * plain.stderr, rel=1e-3)


def test_exact_power_laws_are_returned_exactly_and_the_contrasts_see_them():
    v = np.repeat(np.geomspace(3e-6, 1e-3, 7), 4)
    length = np.tile([0.5e-3, 1e-3, 2e-3, 3e-3], 7)
    j = 10.3 * (v / 5e-5) ** 0.38 * (length / 1e-3) ** -0.24 * np.exp(1e-4 * np.sin(np.arange(28) ** 2))
    law = fit_power_law(j, np.column_stack([v, length]), against=("scan_rate", "thickness"))
    a, b = law.exponents
    assert a.value == pytest.approx(0.38, abs=1e-4)
    assert b.value == pytest.approx(-0.24, abs=1e-4)
    assert compare_exponents(law, np.array([-2.0, 1.0]), -1.0).p_value > 0.01
    assert compare_exponents(law, np.array([1.0, 1.0]), 0.0).p_value < 1e-6


@pytest.mark.parametrize("t2", [0.0, 0.3, 1.0])
def test_woodburys_inverse_is_that_of_the_whole_matrix(t2):
    """V = diag(d) + τ²ZZᵀ written out: its inverse, the inverse's diagonal, its determinant and its products."""
    d, z = np.array([0.5, 1.0, 2.0, 0.7, 1.5]), np.array([1.0, 0.8, 1.3, 0.6, 2.0])
    pellet = np.array([0, 0, 1, 1, 1])
    spread = regression._Spread(d, t2, pellet, z)
    matrix = np.diag(d) + t2 * np.outer(z, z) * (pellet[:, None] == pellet)
    inverse = np.linalg.inv(matrix)
    columns = np.column_stack([np.ones(5), np.arange(5.0)])
    np.testing.assert_allclose(spread.solve(columns), inverse @ columns, rtol=1e-12)
    np.testing.assert_allclose(spread.times(columns), matrix @ columns, rtol=1e-12)
    np.testing.assert_allclose(spread.inverse_diagonal, np.diag(inverse), rtol=1e-12)
    assert spread.log_determinant == pytest.approx(np.linalg.slogdet(matrix)[1], rel=1e-12)


def test_a_missing_value_on_either_axis_is_refused_and_pellets_are_counted():
    design, y = np.column_stack([np.ones(6), np.arange(6.0)]), np.array([0.0, 1.1, 1.9, 3.2, 3.9, 5.1])
    holes = np.where(np.arange(6) == 2, np.nan, 1.0)
    for x, response in ((design * holes[:, None], y), (design, y * holes)):
        with pytest.raises(InputError, match="missing"):
            fit_plane(x, response, np.zeros(6))
    assert fit_plane(design, y, np.zeros(6)).pellets == 0
    assert fit_plane(design, y, np.zeros(6), pellets=np.array(["a", "a", "b", "b", "c", "c"])).pellets == 3


def test_r_squared_is_the_squared_correlation_of_the_logarithms():
    rng = np.random.default_rng(2)
    v = np.geomspace(3e-6, 3e-5, 8)
    j = 10 * (v / 1e-5) ** 0.2 * np.exp(0.05 * rng.standard_normal(8))  # the logarithms spread by less than one
    law = fit_power_law(j, v[:, None])
    assert law.r_squared == pytest.approx(np.corrcoef(np.log(v), np.log(j))[0, 1] ** 2, rel=1e-9)
    assert law.r_squared < 0.99


def test_a_line_of_zeros_on_either_axis_is_refused():
    other = np.array([1.0, 2.0, 3.0, 4.0])
    for x, y in ((np.zeros(4), other), (other, np.zeros(4))):
        with pytest.raises(InputError, match="other than zero"):
            fit_line(x, y)


def test_forced_root_law_looks_good_while_the_exponent_is_not_one_half():
    v = np.geomspace(3e-6, 5e-5, 7)
    j = 10 * (v / 5e-5) ** 0.38
    line = fit_root_law(v, j)
    assert 0.90 < line.forced_r_squared < 0.94  # looks like success on paper
    assert line.r_squared > 0.996
    assert line.intercept_test.p_value < 0.001
    assert [flag.code for flag in line.flags] == ["intercept"]


def test_a_bent_law_and_a_tied_design_are_told():
    v = np.geomspace(1e-6, 1e-3, 9)
    j = np.exp(0.4 * np.log(v) + 0.03 * np.log(v / 3e-5) ** 2) * (1 + 0.005 * np.cos(np.arange(9) * 2.0))
    assert "curved" in {flag.code for flag in fit_power_law(j, v[:, None], 0.005 * j).flags}
    with pytest.raises(InputError, match="does not separate"):
        fit_power_law(j, np.column_stack([v, v**2]), against=("scan_rate", "thickness"))
    with pytest.raises(InputError, match="is the same for all samples"):
        fit_power_law(j, np.full((9, 1), 1e-3), against=("thickness",))


def test_thickness_collapse_returns_slope_in_volts_in_any_unit():
    length = np.array([0.5, 0.5, 1, 1, 2, 2, 3, 3]) * 1e-3
    noise = 1 + 0.01 * np.array([1, -1, 0.5, -0.5, 1, -1, -0.5, 0.5])
    conductance = 0.06 / length
    j = 0.1038 * conductance * noise
    line = collapse_thickness(j, conductance, 0.01 * j, 0.02 * conductance)
    assert line.slope.low < 0.1038 < line.slope.high
    assert line.forced_slope.value == pytest.approx(0.1038, rel=0.01)
    assert line.intercept_test.p_value > 0.05
    scaled = fit_line(conductance * 1e6, 1e-3 * 0.1038 * conductance * noise)
    plain = fit_line(conductance, 0.1038 * conductance * noise)
    assert scaled.slope.value == pytest.approx(plain.slope.value * 1e-9, rel=1e-6)


@pytest.mark.parametrize("similarity", list(Similarity))
def test_each_overlay_accepts_its_own_law_and_rejects_the_other(similarity):
    rng = np.random.default_rng(11)
    v, length = np.repeat(np.geomspace(3e-6, 1e-3, 5), 3), np.tile([0.5e-3, 1e-3, 2e-3], 5)
    sigma = np.full(15, 0.06)
    if similarity is Similarity.BULK:
        j = sigma / length * 0.1 * (v * length**2 / 5e-11) ** 0.38
    else:
        j = np.sqrt(2 * 1.8e4 * v * sigma / length)
    j = j * np.exp(rng.normal(0, 0.02, 15))
    own = overlay_scans(j, v, length, sigma, similarity)
    other = Similarity.INTERFACE if similarity is Similarity.BULK else Similarity.BULK
    assert own.residual_exponent.p_value > 0.01
    assert overlay_scans(j, v, length, sigma, other).residual_exponent.p_value < 1e-3


def _balanced(rng, pellets=5, rates=6):
    """ln of samples of which each pellet gave one at every rate, and what the analysis of variance makes of them."""
    z = np.log(np.geomspace(1e-5, 1e-3, rates))
    z = z - z.mean()
    table = 0.4 * z + rng.normal(0, 0.30, pellets)[:, None] + rng.normal(0, 0.05, (pellets, rates)) + 1.0
    slope = float(np.sum(table * z) / (pellets * np.sum(z**2)))
    means = table.mean(axis=1)
    rest = table - means[:, None] - slope * z
    within = float(np.sum(rest**2)) / (pellets * (rates - 1) - 1)
    between = (rates * float(np.var(means, ddof=1)) - within) / rates
    return z, table, slope, within, between


def test_shifts_of_pellets_are_those_of_the_analysis_of_variance():
    z, table, slope, within, between = _balanced(np.random.default_rng(4))
    pellets = np.repeat(["a", "b", "c", "d", "e"], 6)
    law = fit_power_law(np.exp(table.ravel()), np.exp(np.tile(z, 5))[:, None], pellets=pellets)
    assert law.scatter == pytest.approx(math.sqrt(within), rel=2e-3)
    assert law.pellet_scatter == pytest.approx(math.sqrt(between), rel=2e-3)
    (exponent,) = law.exponents
    assert exponent.value == pytest.approx(slope, rel=1e-6)
    # what a pellet does to all its samples does not blur the exponent; the height it does
    assert exponent.std == pytest.approx(math.sqrt(within / (5 * np.sum(z**2))), rel=2e-3)
    assert exponent.high - exponent.value == pytest.approx(2.063899 * exponent.std, rel=1e-3)  # Student's t of 24
    assert law.log_prefactor.std == pytest.approx(math.sqrt((between + within / 6) / 5), rel=2e-3)
    alone = fit_power_law(np.exp(table.ravel()), np.exp(np.tile(z, 5))[:, None])
    assert alone.pellet_scatter == 0
    assert alone.scatter > 4 * law.scatter


def test_a_line_with_shifts_of_pellets_is_that_of_the_analysis_of_variance():
    z, table, slope, within, between = _balanced(np.random.default_rng(9))
    x, pellets = np.tile(z + 3.0, 5), np.repeat(np.arange(5), 6)
    line = fit_line(x * 1e3, table.ravel() * 1e-3, pellets=pellets)
    assert line.slope.value == pytest.approx(slope * 1e-6, rel=1e-6)
    assert line.slope.std == pytest.approx(math.sqrt(within / (5 * np.sum(z**2))) * 1e-6, rel=2e-3)
    assert line.scatter == pytest.approx(math.sqrt(within) * 1e-3, rel=2e-3)
    height = (between + within / 6) / 5 + 9.0 * within / (5 * np.sum(z**2))  # of the line at x = 0, 3 from the middle
    assert line.intercept.std == pytest.approx(math.sqrt(height) * 1e-3, rel=2e-3)


def test_a_proportional_line_takes_a_pellet_as_a_factor():
    """Each pellet gives samples at the same five conductances, times its own factor: known scatter, known shifts."""
    rng = np.random.default_rng(12)
    x = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    factor, noise = rng.normal(0, 0.2, (6, 1)), rng.normal(0, 0.02, (6, 5))
    y = x * (2.0 + factor + noise)
    line = fit_line(np.tile(x, 6), y.ravel(), pellets=np.repeat(np.arange(6), 5), proportional=True)
    # y/x has equal scatter: of the forced line a one-way analysis of variance
    ratio = y / x
    within = float(np.sum((ratio - ratio.mean(axis=1, keepdims=True)) ** 2)) / 24
    assert line.forced_slope.value == pytest.approx(float(ratio.mean()), rel=1e-6)
    assert line.forced_slope.std == pytest.approx(float(np.std(ratio.mean(axis=1), ddof=1)) / math.sqrt(6), rel=5e-3)
    assert line.scatter == pytest.approx(math.sqrt(within) * x.mean(), rel=0.15)  # the free line has one more degree


def test_where_a_line_has_an_intercept_the_forced_one_passes_over_the_pellets():
    rng = np.random.default_rng(6)
    x, pellets = np.tile(np.arange(1.0, 6.0), 4), np.repeat(np.arange(4), 5)
    y = 3.0 + 0.5 * x + rng.normal(0, 0.02, 20) + np.repeat(rng.normal(0, 0.05, 4), 5)
    line = fit_line(x, y, pellets=pellets)
    assert [flag.code for flag in line.flags] == ["intercept"]
    assert line.forced_slope.value == pytest.approx(float(x @ y / (x @ x)), rel=1e-6)
    left = y - line.forced_slope.value * x
    assert line.forced_slope.std == pytest.approx(math.sqrt(float(left @ left) / 19 / float(x @ x)), rel=1e-3)
    # the three shares of the scatter that papers print
    plain = np.corrcoef(x, y)[0, 1] ** 2
    assert line.r_squared == pytest.approx(plain)
    assert line.forced_r_squared == pytest.approx(1 - float(left @ left) / float(np.sum((y - y.mean()) ** 2)))
    assert line.forced_r_squared_origin == pytest.approx(1 - float(left @ left) / float(y @ y))


def test_errors_of_the_predictor_are_taken_out_as_fuller_does():
    """Equal errors of the predictor and scatter of unknown size: slope Szy/(Szz - nδ²), which plain lines miss."""
    rng = np.random.default_rng(2)
    z = rng.normal(0, 0.5, 24)
    seen = z + rng.normal(0, 0.2, 24)
    y = 1.0 - 0.7 * z + rng.normal(0, 0.05, 24)
    spread, joint = np.sum((seen - seen.mean()) ** 2), np.sum((seen - seen.mean()) * (y - y.mean()))
    x = np.exp(seen)
    law = fit_power_law(np.exp(y), x[:, None], None, 0.2 * x[:, None], against=("thickness",))
    assert law.exponents[0].value == pytest.approx(joint / (spread - 24 * 0.04), rel=1e-3)
    assert law.exponents[0].value < 0.95 * joint / spread < 0
    left = y - y.mean() - law.exponents[0].value * (seen - seen.mean())
    assert law.r_squared == pytest.approx(1 - np.sum(left**2) / np.sum((y - y.mean()) ** 2), abs=1e-3)
    line = fit_line(seen + 5, y, np.full(24, 0.2), None)
    assert line.slope.value == pytest.approx(joint / (spread - 24 * 0.04), rel=1e-3)
    # errors of x and y that go together: Szy loses their product
    tied = fit_line(seen + 5, y, np.full(24, 0.2), np.full(24, 0.1), correlation=0.5)
    assert tied.slope.value == pytest.approx((joint - 24 * 0.5 * 0.2 * 0.1) / (spread - 24 * 0.04), rel=1e-3)


def test_a_bend_is_judged_with_the_errors_of_both_axes():
    """A straight law, errors far larger than its scatter: the quadratic term has the error of a weighted parabola."""
    z = np.linspace(-1.2, 1.2, 9)
    x = np.exp(z)
    law = fit_power_law(np.exp(0.5 * z), x[:, None], 0.03 * np.exp(0.5 * z), 0.08 * x[:, None])
    assert law.curvature is not None
    design = np.column_stack([np.ones(9), z, z**2])
    slope = 0.5 * np.sum(z**2) / (np.sum(z**2) - 9 * 0.08**2)  # as Fuller corrects it
    expected = math.sqrt(np.linalg.inv(design.T @ design)[2, 2]) * math.hypot(0.03, slope * 0.08)
    assert law.curvature.difference.std == pytest.approx(expected, rel=1e-4)
    assert law.curvature.p_value == pytest.approx(1.0, abs=1e-3)


def test_a_short_range_and_a_poor_description_are_flagged():
    v = np.geomspace(1e-5, 3.9e-5, 8)
    law = fit_power_law((1 + 0.1 * np.cos(3 * np.arange(8))) * v**0.4, v[:, None], 0.01 * v**0.4)
    assert [flag.code for flag in law.flags] == ["short_range", "poor_description"]
    told = dict(law.flags[1].details)["ratio"]
    left = law.fit.residual / 0.01 * (1 + 0.1 * np.cos(3 * np.arange(8)))  # the error is 1 % of the law
    assert told == pytest.approx(math.sqrt(float(left @ left) / 6), rel=1e-6)
    wide = np.geomspace(1e-5, 4.1e-5, 8)
    assert fit_power_law(wide**0.4 * (1 + 1e-4 * np.cos(3 * np.arange(8))), wide[:, None]).flags == ()


def _campaign(rng, a, b, length_error, pellet_scatter):
    """Synthetic: four scan rates × three thicknesses × two samples, six pellets."""
    v = np.repeat(np.geomspace(3e-6, 1e-3, 4), 6)
    length = np.tile(np.repeat([0.5e-3, 1e-3, 2e-3], 2), 4)
    pellets = rng.permutation(24) % 6
    shift = rng.normal(0, pellet_scatter, 6)[pellets]
    true = 10 * (v / 5e-5) ** a * (length / 1e-3) ** b * np.exp(shift + rng.normal(0, 0.04, 24))
    seen = length * np.exp(rng.normal(0, length_error, 24))
    j = true * np.exp(rng.normal(0, 0.02, 24))
    return fit_power_law(
        j, np.column_stack([v, seen]), 0.02 * j, np.column_stack([0 * v, length_error * seen]), pellets,
        against=("scan_rate", "thickness"),
    )  # fmt: skip


def _coverage(seed, count, length_error):
    rng = np.random.default_rng(seed)
    laws = [_campaign(rng, 0.38, -0.24, length_error, 0.06) for _ in range(count)]
    pairs = [law.exponents for law in laws]
    inside = [[a.low < 0.38 < a.high, b.low < -0.24 < b.high] for a, b in pairs]
    values = np.array([[e.value for e in law.exponents] for law in laws])
    return np.mean(inside, axis=0), values


def test_intervals_cover_in_a_small_run():
    cover, values = _coverage(101, 30, 0.05)
    assert np.all(cover >= 0.83)  # 30 runs: 95 % less three standard errors
    assert np.mean(values, axis=0) == pytest.approx([0.38, -0.24], abs=0.015)


@pytest.mark.slow
def test_intervals_cover_and_are_unbiased_over_400_campaigns():
    cover, values = _coverage(202, 400, 0.08)
    assert np.all((cover > 0.92) & (cover < 0.98))
    error = values.std(axis=0) / math.sqrt(400)
    assert np.all(np.abs(values.mean(axis=0) - [0.38, -0.24]) < 3 * error + 0.002)


def test_contrast_uses_the_covariance_of_both_exponents():
    rng = np.random.default_rng(3)
    x = np.column_stack([np.ones(12), rng.normal(size=12), rng.normal(size=12)])
    y = x @ np.array([1.0, 2.0, -3.0]) + rng.normal(0, 0.1, 12)
    fit = fit_plane(x, y, np.zeros(12))
    test = contrast(fit, np.array([0.0, 1.0, 1.0]), -1.0)
    # the same by refitting with β₁ + β₂ as a parameter of its own: β₁x₁ + β₂x₂ = (β₁+β₂)x₁ + β₂(x₂ - x₁)
    turned = fit_plane(np.column_stack([x[:, 0], x[:, 1], x[:, 2] - x[:, 1]]), y, np.zeros(12)).estimate(1)
    assert test.difference.value == pytest.approx(turned.value + 1.0, abs=1e-9)
    assert test.difference.std == pytest.approx(turned.std, rel=1e-3)
