"""Scaling laws and collapses: published lines, exact laws, and recovery of simulated campaigns."""

import math

import numpy as np
import pytest

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
