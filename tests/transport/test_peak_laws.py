"""Peak laws, the ramped cell and constant-current closed forms against printed reference numbers."""

import math

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from rampion.cell.parameters import Cell
from rampion.cell.simulate import simulate
from rampion.cell.simulation import Accuracy
from rampion.errors import InputError
from rampion.estimate import Estimate
from rampion.measurement import Sweep
from rampion.quantities import FARADAY
from rampion.transport.finding import thermal_voltage
from rampion.transport.peak_function import (
    LARGEST_SERIES,
    LOWEST,
    finite_exponent,
    peak_charge,
    peak_potential,
    peak_ratio,
)
from rampion.transport.peak_laws import (
    PeakLaw,
    concentration_from_slope,
    expected_exponent,
    local_exponent,
    ohmic_number,
    ohmic_peak,
    ohmic_ratio,
    peak_current_density,
)
from rampion.transport.sand import analyse_sand, depletion_fraction, finite_cell_time, sand_time

# independent solution of the semi-infinite integral equation: ρ → (ψ_p, local exponent)
_OHMIC = {
    0.1: (0.60610, 0.495), 1: (0.56525, 0.463), 3.162: (0.50198, 0.432), 10: (0.41299, 0.401), 31.62: (0.31844, 0.377),
    100: (0.23430, 0.360), 1e3: (0.11696, 0.342),
}  # fmt: skip
# independent cosine-mode solutions: W → (j_p, V_pF/RT, charge) at t₊ = 0.3, 0.5, 0.7, 0.9
_UNIVERSAL = {
    30: ((1.109, 4.62, 0.240), (1.122, 5.12, 0.255), (1.131, 5.62, 0.272), (1.137, 6.08, 0.286)),
    100: ((1.831, 5.28, 0.127), (1.789, 6.40, 0.144), (1.752, 7.38, 0.157), (1.719, 8.26, 0.169)),
    1e3: ((4.920, 9.81, 0.0587), (4.557, 12.88, 0.0689), (4.299, 15.47, 0.0763), (4.102, 17.85, 0.0829)),
    1e4: ((12.30, 19.8, 0.0279), (10.98, 26.9, 0.0328), (10.13, 33.0, 0.0367), (9.517, 38.6, 0.0399)),
    1e5: ((29.12, 41.2, 0.0131), (25.39, 57.1, 0.0155), (23.12, 70.8, 0.0174), (21.52, 83.1, 0.0188)),
}


def test_the_deposition_constant_is_the_maximum_of_dawsons_integral():
    from scipy.special import dawsn

    x = np.linspace(0.5, 1.4, 90001)
    assert PeakLaw.BERZINS_DELAHAY.value == pytest.approx(2 / math.sqrt(math.pi) * dawsn(x).max(), abs=1e-6)


def test_the_randles_constant_is_the_maximum_of_its_integral_equation():
    # (1/√π)∫χ(z)/√(σt - z) dz = 1/(1 + e^(E - σt)), solved by product integration
    n, span = 4000, 14.0
    h = span / n
    target = 1 / (1 + np.exp(7.0 - h * np.arange(1, n + 1)))
    weights = 2 * np.sqrt(h) * (np.sqrt(np.arange(1, n + 1)) - np.sqrt(np.arange(n)))
    chi = np.zeros(n)
    for i in range(n):
        chi[i] = (target[i] * math.sqrt(math.pi) - np.dot(chi[:i], weights[i:0:-1])) / weights[0]
    assert chi.max() == pytest.approx(PeakLaw.RANDLES_SEVCIK.value, rel=3e-3)


@pytest.mark.parametrize(("ratio", "expected"), _OHMIC.items())
def test_ohmic_peak_and_exponent_meet_the_table(ratio, expected):
    assert ohmic_peak(ratio) == pytest.approx(expected[0], rel=1.3e-3)
    assert local_exponent(ratio) == pytest.approx(expected[1], abs=0.0025)


def test_ohmic_limits_and_inverse():
    assert ohmic_peak(0) == pytest.approx(0.610503)
    assert local_exponent(0) == 0.5
    assert ohmic_peak(1e9) == pytest.approx(1.2090 * 1e9 ** (-1 / 3), rel=1e-3)
    assert local_exponent(1e9) == pytest.approx(1 / 3, abs=1e-4)
    for ratio in (1e-3, 0.7, 20.0, 4e4):
        assert ohmic_ratio(ratio * ohmic_peak(ratio)) == pytest.approx(ratio, rel=1e-8)
    with pytest.raises(InputError):
        ohmic_ratio(0.0)


def test_the_papers_cell_should_show_an_exponent_near_0385():
    number = ohmic_number(Estimate(10.0, 0.5), Estimate(1e-3 / 0.06, 0.0))
    assert number.value == pytest.approx(6.487, abs=1e-3)
    expected = expected_exponent(number)
    assert expected.low < 0.385 < expected.high
    assert expected.high < 0.40


def test_peak_currents_by_hand_at_25_degrees():
    """0.4463·F^(3/2)·c·√(Dv/RT) = 2.686e5·c√(Dv), and 0.4958·√α for the irreversible law; 1/(1-t₊) with migration."""
    c, d, v = 430.0, 3.5e-13, 5e-5
    reversible = peak_current_density(PeakLaw.RANDLES_SEVCIK, c, d, v)
    assert reversible == pytest.approx(2.686e5 * c * math.sqrt(d * v), rel=1e-3)  # in SI, for one electron
    migrating = peak_current_density(PeakLaw.RANDLES_SEVCIK, c, d, v, transference=0.6)
    assert migrating == pytest.approx(reversible / 0.4)
    whole, half = (peak_current_density(PeakLaw.IRREVERSIBLE, c, d, v, transfer=a) for a in (1.0, 0.5))
    assert whole / reversible == pytest.approx(0.4958 / 0.4463, rel=1e-4)
    assert half / whole == pytest.approx(math.sqrt(0.5))
    assert peak_current_density(PeakLaw.IRREVERSIBLE, c, d, v) == whole


def test_the_expected_exponent_has_the_uncertainty_of_its_number_and_of_the_closed_form():
    number = Estimate(6.5, 0.8)
    step = 1e-3
    slope = (local_exponent(ohmic_ratio(6.5 + step)) - local_exponent(ohmic_ratio(6.5 - step))) / (2 * step)
    assert expected_exponent(number).std == pytest.approx(math.hypot(slope * 0.8, 0.0025), rel=0.05)


def test_a_slope_made_from_carriers_returns_them_and_the_wrong_law_is_off_by_0731():
    rates = np.array([1e-5, 4e-5])
    j = [peak_current_density(PeakLaw.BERZINS_DELAHAY, 2e4, 3.5e-13, v) for v in rates]
    slope = Estimate((j[1] - j[0]) / (rates[1] ** 0.5 - rates[0] ** 0.5), 0.0)
    right = concentration_from_slope(slope, Estimate(3.5e-13, 0.35e-13), PeakLaw.BERZINS_DELAHAY)
    assert right.value == pytest.approx(2e4, rel=1e-9)
    assert right.std == pytest.approx(0.05 * 2e4, rel=1e-6)
    wrong = concentration_from_slope(slope, Estimate(3.5e-13, 0.0), PeakLaw.RANDLES_SEVCIK)
    assert right.value / wrong.value == pytest.approx(0.7310, abs=1e-4)
    binary = concentration_from_slope(
        slope, Estimate(3.5e-13, 0.0), PeakLaw.BERZINS_DELAHAY, transference=Estimate(0.8, 0.0)
    )
    assert binary.value == pytest.approx(2e4 * 0.2)


@pytest.mark.parametrize("rate", _UNIVERSAL)
def test_peak_function_meets_the_independent_table(rate):
    for t, (j, phi, charge) in zip((0.3, 0.5, 0.7, 0.9), _UNIVERSAL[rate], strict=True):
        assert float(peak_ratio(rate, t)) == pytest.approx(j, rel=2e-3)
        assert float(peak_potential(rate, t)) == pytest.approx(phi, rel=5e-3)
        assert float(peak_charge(rate, t)) == pytest.approx(charge, rel=8e-3)


def simulated_peak(rate, transference, series):
    """(j_p, V_pF/RT, charge) of the cell of ``rampion.cell``: another mesh, other steps, other code."""
    thermal, sigma, concentration, length = thermal_voltage(), 0.06, 500.0, 1e-3
    cell = Cell(
        thickness=length, conductivity=sigma, concentration=concentration, transference=transference,
        interface_resistance=series * length / sigma,
    )  # fmt: skip
    diffusivity = 2 * transference * (1 - transference) * sigma * thermal / (FARADAY * concentration)
    end = 2 * float(peak_potential(rate, transference)) * (1 + series) * thermal
    ramp = Sweep(start=0.0, stop=end, rate=rate * diffusivity * thermal / length**2)
    run = simulate(cell, ramp, accuracy=Accuracy(tolerance=1e-6, intervals=96))
    potential, first = np.unique(run.potential, return_index=True)
    current, time = run.current_density[first], run.time[first]
    curve = CubicSpline(potential, current)
    top = int(np.argmax(current))
    near = np.linspace(potential[top - 2], potential[top + 2], 2001)
    at = float(near[int(np.argmax(curve(near)))])
    passed = np.concatenate([[0.0], np.cumsum(0.5 * (current[1:] + current[:-1]) * np.diff(time))])
    charge = np.interp(at, potential, passed) * (1 - transference) / (FARADAY * concentration * length)
    return float(curve(at)) * length / (4 * transference * thermal * sigma), at / thermal, float(charge)


def check_against_the_simulated_cell(rate, transference, series):
    current, potential, charge = simulated_peak(rate, transference, series)
    assert float(peak_ratio(rate, transference, series)) == pytest.approx(current, rel=1e-3)
    if series == 0.0:
        assert float(peak_potential(rate, transference)) == pytest.approx(potential, rel=3e-3)
        assert float(peak_charge(rate, transference)) == pytest.approx(charge, rel=3e-3)


# small t₊ lie farthest from the nodes of a table even in t₊
@pytest.mark.parametrize("point", [(22.1, 0.06, 0.0), (5e4, 0.06, 0.0), (8e5, 0.028, 0.0), (6e5, 0.11, 0.25)])
def test_peak_function_agrees_with_the_simulated_cell_off_the_table(point):
    check_against_the_simulated_cell(*point)


@pytest.mark.slow
def test_peak_function_agrees_with_the_simulated_cell_in_all_its_range():
    rng = np.random.default_rng(5)
    for k in range(40):
        rate = float(np.exp(rng.uniform(np.log(LOWEST), np.log(1e6))))
        transference = float(1 / (1 + np.exp(-rng.uniform(np.log(0.02 / 0.98), np.log(0.96 / 0.04)))))
        check_against_the_simulated_cell(rate, transference, float(rng.uniform(0, LARGEST_SERIES)) if k % 2 else 0.0)


def test_peak_function_says_where_it_is_not_known():
    with pytest.raises(InputError, match="r = 0"):
        peak_ratio(60.0, 0.35, 3.0)


def test_interfaces_take_the_place_of_thickness_in_a_steep_ramp():
    # far from the limit J_p ∝ (v/R_total)^⅓ whatever the resistance is made of
    far = float(peak_ratio(1e6, 0.9, 0.4) / peak_ratio(1e6, 0.9))
    assert far == pytest.approx(1.4 ** (-1 / 3), rel=0.015)


def test_exponent_of_the_finite_cell_stays_below_one_half_and_tends_to_a_third():
    values = [finite_exponent(w, 0.5) for w in (25, 100, 1e3, 1e4, 1e5, 5e5)]
    assert max(values) < 0.45
    assert values[-1] == pytest.approx(0.35, abs=0.02)
    with pytest.raises(InputError, match="there is no peak"):
        peak_ratio(10.0, 0.5)


@pytest.mark.parametrize(
    ("ratio", "excess"), [(1.01, 2.319), (1.05, 1.613), (1.1, 1.366), (1.2, 1.175), (1.5, 1.032), (2, 1.002), (3, 1.0)]
)
def test_finite_cell_time_over_sands(ratio, excess):
    assert finite_cell_time(ratio) * 16 * ratio**2 / math.pi == pytest.approx(excess, abs=6e-4)


def test_depletion_at_the_seam_of_its_two_forms_and_at_the_limit():
    assert depletion_fraction(0.01 * (1 - 1e-12)) == pytest.approx(depletion_fraction(0.01), rel=1e-9)
    assert depletion_fraction(50.0) == pytest.approx(1.0)
    assert math.isinf(finite_cell_time(1.0))


def test_sand_time_and_finite_cell_agree_far_above_the_limit():
    # J_lim = 2FDc₀/((1-t₊)L)
    f, d, c, t, length = 96485.33212, 1.2e-11, 430.0, 0.8, 1e-3
    limit = 2 * f * d * c / ((1 - t) * length)
    assert sand_time(6 * limit, c, d, t) == pytest.approx(length**2 / d * finite_cell_time(6.0), rel=1e-9)


def test_sand_analysis_recovers_limit_and_diffusivity():
    rng = np.random.default_rng(12)
    d, limit, length = 1.2e-11, 5e-3, 1e-3  # m²/s, A/m, m
    j = np.geomspace(1.04, 4, 9) * limit / length
    tau = np.array([length**2 / d * finite_cell_time(a * length / limit) for a in j]) * np.exp(rng.normal(0, 0.04, 9))
    found = analyse_sand(j, tau, np.full(9, length))
    assert found.limit is not None
    assert found.diffusivity is not None
    assert found.limit.low < limit < found.limit.high
    assert found.diffusivity.low < d < found.diffusivity.high
    assert found.depletion.value == pytest.approx(limit / (2 * math.sqrt(d)), rel=0.05)
    high = 6 * j
    late = np.array([length**2 / d * finite_cell_time(a * length / limit) for a in high])
    far = analyse_sand(high, late * np.exp(rng.normal(0, 0.04, 9)), np.full(9, length))
    assert far.limit is None
    assert [flag.code for flag in far.flags] == ["no_finite_size"]
    assert analyse_sand(np.array([10.0, 20, 40, 80]), np.array([400.0, 100, 25, 6.25])).law.exponents[0].value == (
        pytest.approx(-2)
    )
