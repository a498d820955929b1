"""Activation energies: known ones come back, intervals cover, and what cannot be told is not made up."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rampion.errors import InputError
from rampion.transport.activation import fit_arrhenius

R, ROOM = 8.31446261815324, 298.15
EV = 96485.33212  # J/mol
ENERGY, SIGMA = 0.40 * EV, 0.06
TEMPERATURE = 273.15 + np.array([0.0, 10.0, 20.0, 25.0, 35.0, 50.0])


def conductivity(temperature, energy=ENERGY, sigma=SIGMA):
    """σT Arrhenius, σ at 25 °C as given."""
    return sigma * ROOM / temperature * np.exp(-energy / R * (1 / temperature - 1 / ROOM))


def codes(found):
    return [flag.code for flag in found.flags]


def test_the_law_comes_back_exactly():
    sigma = conductivity(TEMPERATURE)
    found = fit_arrhenius(TEMPERATURE, sigma, 1e-3 * sigma, np.full(6, 1e-3))
    assert found.energy.value == pytest.approx(ENERGY, rel=1e-7)
    assert found.room_value.value == pytest.approx(SIGMA, rel=1e-7)
    assert found.prefactor.value == pytest.approx(SIGMA * ROOM * math.exp(ENERGY / (R * ROOM)), rel=1e-5)
    assert found.flags == ()
    np.testing.assert_allclose(found.ordinate, sigma * TEMPERATURE)
    inside = (found.line_low < found.line) & (found.line < found.line_high)
    assert inside.all()


def test_a_resistance_has_the_energy_of_its_conductivity():
    sigma = conductivity(TEMPERATURE)
    size = 250 / sigma  # L/A = 250 per metre
    found = fit_arrhenius(TEMPERATURE, size, 1e-3 * size, np.full(6, 1e-3), resistance=True, name="bulk")
    assert found.energy.value == pytest.approx(ENERGY, rel=1e-7)
    assert found.room_value.value == pytest.approx(250 / SIGMA, rel=1e-7)
    assert found.room_value.low < 250 / SIGMA < found.room_value.high


def test_unknown_errors_give_the_interval_of_a_weighted_line():
    """Without any stated error the scatter is an error of the temperatures: weights as their effect on ln(σT)."""
    rng = np.random.default_rng(3)
    sigma = conductivity(TEMPERATURE + 0.4 * rng.standard_normal(6))
    found = fit_arrhenius(TEMPERATURE, sigma)
    x, y = 1 / (R * TEMPERATURE), np.log(sigma * TEMPERATURE)
    rough = -np.polyfit(x, y, 1)[0]
    weight = TEMPERATURE / (rough / (R * TEMPERATURE) - 1)
    (slope, _), covariance = np.polyfit(x - x.mean(), y, 1, w=weight, cov=True)  # over n - 2
    assert found.energy.value == pytest.approx(-slope, rel=1e-6)
    assert found.energy.std == pytest.approx(math.sqrt(covariance[0, 0]), rel=1e-3)
    half = 2.7764451 * found.energy.std  # Student's t of 4
    assert found.energy.interval == pytest.approx((found.energy.value - half, found.energy.value + half), rel=1e-6)
    assert math.isnan(found.chi_square)


@pytest.mark.parametrize("resistance", [False, True])
def test_the_value_at_room_temperature_has_the_uncertainty_of_the_line_there(resistance):
    """Stated errors of 2 % alone, on an exact line that lies above 25 °C: (1/n + (x₀-x̄)²/Sxx) and the common 3 %."""
    hot = 273.15 + np.array([40.0, 50.0, 65.0, 80.0])
    value = 250 / conductivity(hot) if resistance else conductivity(hot)
    found = fit_arrhenius(hot, value, 0.02 * value, np.zeros(4), resistance=resistance, common=0.03)
    x, place = 1 / (R * hot), 1 / (R * ROOM)
    spread = np.sum((x - x.mean()) ** 2)
    line = 0.02 * math.sqrt(1 / 4 + (place - x.mean()) ** 2 / spread)
    room = found.room_value
    assert room.value == pytest.approx(250 / SIGMA if resistance else SIGMA, rel=1e-6)
    assert room.std == pytest.approx(room.value * math.hypot(line, 0.03), rel=1e-4)
    half = 1.959963985 * math.hypot(line, 0.03)
    assert room.interval == pytest.approx((room.value * math.exp(-half), room.value * math.exp(half)), rel=1e-4)
    assert found.energy.std == pytest.approx(0.02 / math.sqrt(spread), rel=1e-4)
    at_zero = 0.02 * math.sqrt(1 / 4 + x.mean() ** 2 / spread)
    assert found.prefactor.relative == pytest.approx(math.hypot(at_zero, 0.03), rel=1e-4)


@pytest.mark.parametrize(
    ("known", "lines"),
    [(False, 60), *(pytest.param(known, 600, marks=pytest.mark.slow) for known in (True, False))],
)
def test_intervals_cover_the_truth(known, lines):
    """Lines of six temperatures wrong by 0.5 K, 0.2 … 1 % errors of the conductivity, 3 % common to all points."""
    rng = np.random.default_rng(11 + known)
    relative = np.linspace(0.002, 0.01, 6)
    energy = room = bent = 0
    for _ in range(lines):
        true = conductivity(TEMPERATURE + 0.5 * rng.standard_normal(6))
        sigma = true * np.exp(relative * rng.standard_normal(6) + 0.03 * rng.standard_normal())
        std = np.full(6, 0.5) if known else None
        found = fit_arrhenius(TEMPERATURE, sigma, relative * sigma, std, common=0.03)
        energy += found.energy.low <= ENERGY <= found.energy.high
        room += found.room_value.low <= SIGMA <= found.room_value.high
        bent += "not_one_energy" in codes(found)
    least = 0.95 * lines - 3.3 * math.sqrt(0.05 * 0.95 * lines)  # one chance in two thousand
    assert energy >= least
    assert room >= least
    assert bent <= 0.01 * lines + 3.3 * math.sqrt(0.01 * lines)


def test_an_error_of_the_temperatures_moves_both_axes():
    """One wrong by δT moves ln(σT) off the line by (E_a/RT - 1)δT/T, which weighs the points; no other error."""
    sigma = conductivity(TEMPERATURE)
    found = fit_arrhenius(TEMPERATURE, sigma, 1e-9 * sigma, np.full(6, 0.2))
    moved = (ENERGY / (R * TEMPERATURE) - 1) / TEMPERATURE * 0.2
    x, weight = 1 / (R * TEMPERATURE), moved**-2
    middle = np.sum(weight * x) / np.sum(weight)
    assert found.energy.std == pytest.approx(np.sum(weight * (x - middle) ** 2) ** -0.5, rel=2e-3)  # York moves x too
    np.testing.assert_allclose(found.ordinate_std, found.ordinate * moved, rtol=1e-4)


def test_an_unknown_error_of_the_temperatures_leaves_students_degrees():
    """Also where no scatter is found beyond the stated errors: Student's t of 4, not the normal's 1.96."""
    sigma = conductivity(TEMPERATURE)
    found = fit_arrhenius(TEMPERATURE, sigma, 0.01 * sigma)
    assert found.scatter == pytest.approx(0.0, abs=1e-6)
    assert found.energy.high - found.energy.value == pytest.approx(2.7764451 * found.energy.std, rel=1e-6)


def test_the_line_reaches_beyond_its_points_by_4_percent_of_their_range():
    found = fit_arrhenius(TEMPERATURE, conductivity(TEMPERATURE))
    hot, cold = 1 / TEMPERATURE.max(), 1 / TEMPERATURE.min()
    ends = 1 / found.line_temperature[[0, -1]]
    assert ends == pytest.approx((hot - 0.04 * (cold - hot), cold + 0.04 * (cold - hot)), rel=1e-12)
    line = conductivity(found.line_temperature) * found.line_temperature
    np.testing.assert_allclose(found.line, line, rtol=1e-6)
    two = fit_arrhenius(TEMPERATURE[[0, -1]], conductivity(TEMPERATURE[[0, -1]]))
    assert two.line_temperature[[0, -1]] == pytest.approx((TEMPERATURE.max(), TEMPERATURE.min()), rel=1e-12)


def test_temperatures_half_a_kelvin_apart_are_two():
    near = np.array([298.15, 298.85])
    assert fit_arrhenius(near, conductivity(near)).energy.value == pytest.approx(ENERGY, rel=1e-6)
    with pytest.raises(InputError, match="two temperatures"):
        fit_arrhenius(near - [0, 0.3], conductivity(near - [0, 0.3]))


def test_errors_common_to_all_points_are_not_of_the_energy():
    sigma = conductivity(TEMPERATURE)
    one, other = (fit_arrhenius(TEMPERATURE, sigma, 1e-3 * sigma, np.full(6, 0.1), common=c) for c in (0.0, 0.05))
    assert one.energy == other.energy
    assert other.room_value.relative == pytest.approx(math.hypot(one.room_value.relative, 0.05), rel=1e-6)


def test_scatter_beyond_the_stated_errors_is_told_and_widens_the_interval():
    rng = np.random.default_rng(5)
    sigma = conductivity(TEMPERATURE) * np.exp(0.03 * rng.standard_normal(6))
    stated = fit_arrhenius(TEMPERATURE, sigma, 1e-3 * sigma, np.full(6, 0.01))
    assert codes(stated) == ["scatter_beyond_errors"]
    assert stated.chi_square > 50
    assert stated.energy.low < ENERGY < stated.energy.high
    untold = fit_arrhenius(TEMPERATURE, sigma, 1e-3 * sigma)
    assert codes(untold) == ["temperature_scatter"]


def test_a_line_that_bends_is_no_single_energy():
    bent = 50 / TEMPERATURE * np.exp(-1100 / (TEMPERATURE - 150))  # Vogel, Fulcher, Tammann
    found = fit_arrhenius(TEMPERATURE, bent, 5e-3 * bent, np.full(6, 0.1))
    assert codes(found) == ["not_one_energy"]
    assert "not one activation energy" in found.flags[0].message
    cold, hot = (1100 * R * (t / (t - 150)) ** 2 / EV for t in (273.15, 323.15))  # -d ln(σT)/d(1/RT)
    told = dict(found.flags[0].details)
    assert told["cold"] == pytest.approx(cold, rel=0.1)
    assert told["hot"] == pytest.approx(hot, rel=0.1)


def test_two_temperatures_give_no_uncertainty():
    ends = TEMPERATURE[[0, -1]]
    found = fit_arrhenius(ends, conductivity(ends), 1e-3 * conductivity(ends), np.full(2, 0.1))
    assert found.energy.value == pytest.approx(ENERGY, rel=1e-9)
    assert math.isnan(found.energy.std)
    assert math.isnan(found.room_value.std)
    assert found.room_value.value == pytest.approx(SIGMA, rel=1e-9)
    assert found.prefactor.value == pytest.approx(SIGMA * ROOM * math.exp(ENERGY / (R * ROOM)), rel=1e-6)
    process = fit_arrhenius(ends, 250 / conductivity(ends), resistance=True, name="bulk")
    assert process.room_value.value == pytest.approx(250 / SIGMA, rel=1e-9)
    # the line between its ends is the law
    line = conductivity(found.line_temperature) * found.line_temperature
    np.testing.assert_allclose(found.line, line, rtol=1e-9)
    assert codes(found) == ["few_temperatures"]
    again = np.array([273.15, 273.2, 323.15])  # a repetition is no third temperature
    assert codes(fit_arrhenius(again, conductivity(again))) == ["few_temperatures"]


def test_three_temperatures_give_a_wide_interval():
    three = TEMPERATURE[[0, 3, 5]]
    sigma = conductivity(three) * np.array([1.01, 0.99, 1.01])
    found = fit_arrhenius(three, sigma, 1e-3 * sigma)
    assert found.energy.high - found.energy.value == pytest.approx(12.706205 * found.energy.std, rel=1e-6)


def test_a_value_outside_the_range_measured_is_told():
    hot = TEMPERATURE + 60
    assert codes(fit_arrhenius(hot, conductivity(hot), None, np.full(6, 0.1))) == ["extrapolated_to_room"]


def test_an_offset_of_the_thermometer_moves_the_energy_as_said():
    found = fit_arrhenius(TEMPERATURE + 1, conductivity(TEMPERATURE))
    assert found.energy.value / ENERGY - 1 == pytest.approx(2 / 296.5, abs=5e-4)


def test_what_gives_no_line_is_refused():
    with pytest.raises(InputError, match="two temperatures"):
        fit_arrhenius(np.full(4, 298.15), np.full(4, 0.06))
    with pytest.raises(InputError, match="not positive"):
        fit_arrhenius(TEMPERATURE, -conductivity(TEMPERATURE))
