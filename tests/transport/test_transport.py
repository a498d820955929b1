"""Closures, limits, carriers, bounds, the collapse fit, and the paper reproduced from its text."""

import math

import numpy as np
import pytest

from rampion.errors import InputError
from rampion.estimate import Estimate
from rampion.transport.carriers import (
    carriers_from_root_law,
    carriers_from_semi_integral,
    compare_carriers,
)
from rampion.transport.collapse_fit import fit_collapse
from rampion.transport.conductivity import (
    compare_conductivities,
    conductivity,
    nernst_einstein_concentration,
    nernst_einstein_diffusivity,
    split_resistance,
)
from rampion.transport.diffusivity import bound_diffusivity
from rampion.transport.gopal2023 import Agreement, reproduce_gopal2023
from rampion.transport.limiting_current import (
    limiting_current_by_equation_1,
    limiting_current_dilute,
    limiting_current_from_carriers,
    project_to_thickness,
    quasi_limiting_excess,
    thickness_for_current,
)
from rampion.transport.peak_function import peak_ratio
from rampion.transport.transference import close_transference, transference_dilute, transference_from_haven

_VT = 8.31446261815324 * 298.15 / 96485.33212


def test_the_three_forms_of_the_limiting_current_are_one_for_a_dilute_cell():
    sigma, length, t, c = 0.06, 1e-3, 0.8, 430.0
    total = nernst_einstein_diffusivity(Estimate(sigma, 0.0), Estimate(c, 0.0))
    assert 2 * t * (1 - t) * total.value == pytest.approx(1.1889e-11, rel=1e-4)
    dilute = limiting_current_dilute(Estimate(sigma, 0.0), Estimate(length, 0.0), Estimate(t, 0.0))
    assert dilute.value == pytest.approx(4.9329, rel=1e-4)
    carriers = limiting_current_from_carriers(total.scaled(t), Estimate(c, 0.0), Estimate(length, 0.0))
    assert carriers.value == pytest.approx(dilute.value, rel=1e-12)
    # Eq. 1 with D = 2t₊(1-t₊)D^σ, that is H_R = 2t₊(1-t₊)
    eq1 = limiting_current_by_equation_1(
        Estimate(sigma, 0.0), Estimate(length, 0.0), Estimate(t, 0.0), Estimate(2 * t * (1 - t), 0.0)
    )
    assert eq1.value == pytest.approx(dilute.value, rel=1e-12)
    assert nernst_einstein_concentration(Estimate(sigma, 0.0), total).value == pytest.approx(c)


def test_a_peak_above_the_limit_overstates_it_by_one_less_its_inverse():
    assert [quasi_limiting_excess(ratio) for ratio in (0.9, 1.0, 1.25, 2.0)] == pytest.approx([0.0, 0.0, 0.2, 0.5])


def test_conductivity_and_its_comparison():
    sweep = conductivity(Estimate(1.6667e-2, 1.6667e-4), Estimate(1e-3, 1e-5))
    assert sweep.value == pytest.approx(0.06, rel=1e-4)
    assert sweep.relative == pytest.approx(math.hypot(0.01, 0.01))
    assert not compare_conductivities(sweep, Estimate(0.0605, 0.0005)).flags
    apart = compare_conductivities(sweep, Estimate(0.08, 0.0005))
    assert apart.value == pytest.approx(sweep.value / 0.08 - 1)
    assert apart.flags[0].code == "conductivities_differ"


def test_closures_of_the_transference_number():
    slope = Estimate(0.1038, 0.0002)
    assert transference_from_haven(slope, 0.24).value == pytest.approx(0.881, abs=5e-4)
    assert transference_from_haven(slope, 0.7).value == pytest.approx(0.654, abs=1e-3)
    dilute = transference_dilute(slope)
    assert dilute.value == pytest.approx(1.010, abs=5e-4)
    assert [flag.code for flag in dilute.flags] == ["above_dilute_bound"]
    assert "102.8 mV" in dilute.flags[0].message
    assert not transference_dilute(Estimate(0.08, 0.001)).flags
    assert transference_from_haven(Estimate(0.02, 0.001), 0.7).flags[0].code == "negative_transference"
    rows = close_transference(slope, intercept_p_value=0.3, peak_ratio=2.1)
    assert [row.quantity for row in rows] == ["transference"] * 3
    assert all(any(a.holds is False and "steady" in a.sentence for a in row.assumptions) for row in rows)
    assert all("assumption_fails" in {flag.code for flag in row.estimate.flags} for row in rows)


def test_projection_and_its_inverse():
    slope, sigma = Estimate(0.1038, 0.0002), Estimate(0.06, 0.0)
    thin = project_to_thickness(slope, sigma, 15e-6)
    assert thin.value == pytest.approx(415.2)
    assert thickness_for_current(slope, sigma, thin.value).value == pytest.approx(15e-6)
    assert thickness_for_current(slope, sigma, thin.value, 0.25).value == pytest.approx(3.75e-6)
    with pytest.raises(InputError):
        thickness_for_current(slope, sigma, 100.0, 25.0)


def test_presence_of_a_peak_bounds_the_diffusivity_and_a_contradiction_is_told():
    d = 1.1889e-11
    v, length = np.array([3e-6, 3e-6, 5e-5, 5e-5]), np.array([1e-3, 2e-3, 0.5e-3, 1e-3])
    w = v * length**2 / (_VT * d)
    row = bound_diffusivity(v, length, w > 19)
    assert row.estimate.low < d < row.estimate.high
    assert row.assumptions[0].holds is True
    crossed = bound_diffusivity(v, length, np.array([True, False, False, False]))
    assert crossed.assumptions[0].holds is False
    only = bound_diffusivity(v, length, np.ones(4, bool))
    assert only.estimate.low == 0
    assert math.isnan(only.estimate.value)


def _peaks(rng, scatter, t=0.8, d=1.1889e-11, sigma=0.06, replicates=3, interface=0.0, pellet_scatter=0.0):
    """Synthetic largest currents of the dilute binary cell over the paper's design, six pellets that differ in σ.

    Returns J, v, L, the σ of the ohmic line (interfaces included) and the pellets; D follows σ at one c₀.
    """
    rows = [
        (v, length)
        for v in np.geomspace(3e-6, 1e-3, 7)
        for length in (0.5e-3, 1e-3, 2e-3, 3e-3)
        if 21 < v * length**2 / (_VT * d) < 0.9e6
        for _ in range(replicates)
    ]
    v, length = np.array(rows).T
    pellets = np.arange(v.size) % 6
    factor = np.exp(rng.normal(0, pellet_scatter, 6))[pellets] if pellet_scatter else np.ones(v.size)
    series = interface * sigma * factor / length
    ratio = peak_ratio(np.maximum(v * length**2 / (_VT * d * factor), 21), np.full(v.size, t), series)
    j = 4 * _VT * t * sigma * factor / length * ratio * np.exp(rng.normal(0, scatter, v.size))
    return j, v, length, length / (length / (sigma * factor) + interface), pellets


def test_collapse_returns_the_truth_of_noise_free_peaks():
    fit = fit_collapse(*_peaks(np.random.default_rng(0), 2e-4)[:4])
    assert fit.transference.value == pytest.approx(0.8, abs=0.005)
    assert fit.diffusivity.value == pytest.approx(1.1889e-11, rel=0.01)
    assert fit.concentration.value == pytest.approx(430, rel=0.03)
    assert fit.scatter < 4e-4


def test_interfaces_in_series_bias_the_collapse_unless_they_are_taken_into_account():
    peaks = _peaks(np.random.default_rng(4), 1e-3, interface=1e-3)
    without = fit_collapse(*peaks[:4])
    assert without.transference.low > 0.81
    fit = fit_collapse(*peaks[:4], series_resistance=Estimate(1e-3, 1e-4))
    assert fit.transference.value == pytest.approx(0.8, abs=0.01)
    assert fit.concentration.value == pytest.approx(430, rel=0.05)
    assert fit.scatter < 0.3 * without.scatter
    with pytest.raises(InputError, match="leave too little"):
        fit_collapse(*peaks[:4], series_resistance=Estimate(9e-3, 1e-4))


def test_plateaus_without_a_peak_fix_the_height():
    v, length = np.array([2e-6] * 3 + [5e-5] * 4), np.array([0.5e-3, 0.5e-3, 1e-3, 0.5e-3, 1e-3, 2e-3, 3e-3])
    w = v * length**2 / (_VT * 1.1889e-11)
    ratio = np.where(w > 21, peak_ratio(np.maximum(w, 21), 0.8), 1.0)
    j = 4 * _VT * 0.8 * 0.06 / length * ratio * np.exp(0.003 * np.cos(np.arange(7.0)))
    fit = fit_collapse(j, v, length, np.full(7, 0.06))
    assert fit.transference.low < 0.8 < fit.transference.high
    assert np.ptp(fit.transference.interval) < 0.06
    assert fit.peak_ratios[0] == pytest.approx(1, abs=0.01)


def _collapse_coverage(seed, runs):
    rng = np.random.default_rng(seed)
    inside = []
    for _ in range(runs):
        seen = Estimate(1e-3 + 1e-4 * rng.standard_normal(), 1e-4)
        peaks = _peaks(rng, 0.03, replicates=1, interface=1e-3, pellet_scatter=0.03)
        f = fit_collapse(*peaks[:4], series_resistance=seen, pellets=peaks[4])
        inside.append([
            f.transference.low < 0.8 < f.transference.high, f.diffusivity.low < 1.1889e-11 < f.diffusivity.high,
            f.concentration.low < 430 < f.concentration.high,
        ])  # fmt: skip
    return np.mean(inside, axis=0)


def test_collapse_covers_in_a_small_run():
    assert np.all(_collapse_coverage(41, 5) >= 0.6)


@pytest.mark.slow
def test_collapse_covers_over_200_campaigns():
    cover = _collapse_coverage(42, 200)
    assert np.all(cover > 0.91)


def test_contact_loss_peaks_do_not_collapse_on_the_binary_curve():
    _, v, length, sigma, _ = _peaks(np.random.default_rng(1), 0.0)
    j = np.sqrt(2 * 1.8e4 * v * sigma / length) * np.exp(np.random.default_rng(2).normal(0, 0.03, v.size))
    assert fit_collapse(j, v, length, sigma).scatter > 0.2


def test_ceramic_and_interfaces_are_told_apart_by_thickness():
    rng = np.random.default_rng(12)
    length = np.repeat([0.5e-3, 1e-3, 2e-3, 3e-3], 4)
    pellets = np.arange(16) % 4
    bulk = length / 0.06 * np.exp(rng.normal(0, 0.03, 4))[pellets] * np.exp(rng.normal(0, 0.01, 16))
    split = split_resistance(bulk + 1e-3, length, pellets=pellets)
    assert split.series_resistance.low < 1e-3 < split.series_resistance.high
    assert split.conductivity.value == pytest.approx(0.06, rel=3 * 0.03 / 2)  # the mean of four pellets
    assert split.series_resistance.std < 3e-4


def test_carriers_side_by_side_state_what_fails():
    slope = Estimate(1414.0, 30.0)
    rows = carriers_from_root_law(
        slope, Estimate(3.5e-13, 0.3e-13), exponent=Estimate(0.386, 0.01), ohmic_number=6.5, scan_number=160.0,
        intercept_p_value=1e-4,
    )  # fmt: skip
    assert [row.method for row in rows] == ["Randles–Ševčík", "Berzins–Delahay"]
    assert rows[1].estimate.value / rows[0].estimate.value == pytest.approx(0.731, abs=1e-3)
    assert [a.holds for a in rows[0].assumptions] == [False, False, False, True, False]
    semi = carriers_from_semi_integral(Estimate(715.27, 5.0), Estimate(2.9722e-11 * 0.5 / 0.5, 0.0), Estimate(0.8, 0.0))
    # m = Fc₀√D/(1-t₊) with D = 2D₊(1-t₊): 430 mol/m³ and D = 1.1889e-11 give 715.3
    assert semi.estimate.value == pytest.approx(430, rel=1e-3)
    table = compare_carriers((*rows, semi), all_lithium=39.5e3)
    assert all("methods_disagree" in {flag.code for flag in row.estimate.flags} for row in table)
    values = [row.estimate.value for row in table]
    (disagree,) = [flag for flag in table[0].estimate.flags if flag.code == "methods_disagree"]
    assert dict(disagree.details)["ratio"] == pytest.approx(max(values) / min(values))
    drops = [carriers_from_root_law(slope, Estimate(3.5e-13), ohmic_number=n)[0].assumptions for n in (0.4, 0.6)]
    assert [next(a.holds for a in one if "ohmic drop" in a.sentence) for one in drops] == [True, False]
    (root, _) = carriers_from_root_law(slope, Estimate(3.5e-13), exponent=Estimate(0.5, 0.01, 0.48, 0.52))
    assert root.assumptions[0].holds is True
    far = [carriers_from_semi_integral(Estimate(1.0), Estimate(1.0), Estimate(0.5), scan_number=w) for w in (50, 160)]
    assert [next(a.holds for a in one.assumptions if "W > 100" in a.sentence) for one in far] == [False, True]
    over = compare_carriers((carriers_from_semi_integral(Estimate(1e5), Estimate(1e-13), Estimate(0.5)),), 39.5e3)
    (above,) = [flag for flag in over[0].estimate.flags if flag.code == "above_all_lithium"]
    stated = {"value": over[0].estimate.value / 1e3, "limit": 39.5}  # mol/L
    assert dict(above.details) == pytest.approx(stated)


def test_the_paper_is_reproduced_from_its_text():
    rows = {row.name: row for row in reproduce_gopal2023()}

    def shown(name):
        return rows[name].computed.value * rows[name].factor

    assert shown("slope of the quasi-limiting current density against σ/L") == pytest.approx(0.1038, abs=2e-4)
    assert shown("transference number of a self-consistent dilute binary cell") == pytest.approx(1.010, abs=5e-4)
    flags = rows["transference number of a self-consistent dilute binary cell"].computed.flags
    assert [flag.code for flag in flags] == ["above_dilute_bound"]
    assert shown("quasi-limiting current density at 1 mm") == pytest.approx(0.62, abs=0.005)
    assert shown("quasi-limiting current density at 15 µm") == pytest.approx(41.5, abs=0.05)
    assert shown("product of lithium diffusivity and concentration") == pytest.approx(7.0e-9, rel=0.01)
    assert shown("mobile lithium from the same slope by the deposition law") == pytest.approx(14.6, abs=0.05)
    assert shown("all lithium of the solid") == pytest.approx(39.5, abs=0.05)
    assert shown("ohmic drop at the peak in thermal voltages") == pytest.approx(6.5, abs=0.05)
    assert shown("exponent of the peak against scan rate to be expected") == pytest.approx(0.385, abs=0.003)
    high = [
        row.computed.value * row.factor for name, row in rows.items() if "20 mol/L, t₊" in name and row.symbol == "J_p"
    ]
    assert (min(high), max(high)) == pytest.approx((2.6, 5.5), abs=0.05)
    # the stated currents at the two ends: ln(1/0.6228)/ln(0.05/0.003)
    assert shown("exponent between 0.003 and 0.05 mV/s at 1 mm, from the stated currents alone") == pytest.approx(
        math.log(1 / 0.6228) / math.log(50 / 3), abs=1e-3
    )
    assert shown("share of 99 % dense samples that may penetrate although none of three did") == 0
    verdicts = {name: row.agreement for name, row in rows.items()}
    assert verdicts["transference number at a Haven ratio of 0.24"] is Agreement.AGREES
    assert verdicts["transference number at a Haven ratio of 0.7"] is Agreement.AGREES
    assert verdicts["mobile lithium from the same slope by the deposition law"] is Agreement.DIFFERS
    for row in rows.values():
        assert (row.agreement is Agreement.NOT_STATED) == math.isnan(row.stated) == (row.stated_text == "")
