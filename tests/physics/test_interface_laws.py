"""Each interface term, alone on an ohmic electrolyte, obeys its closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rampion.cell.contact import ContactLoss, LithiumCreep, contact_lifetime, contact_peak, creep_refill
from rampion.cell.leakage import Leakage
from rampion.cell.ohmic import simulate_ohmic
from rampion.cell.parameters import Cell
from rampion.cell.penetration import (
    PenetrationAtCurrent,
    PenetrationAtDepletion,
    PenetrationAtVoltage,
    depletion_semi_integral,
    draw_critical_current,
    filament_speed,
    weibull_mean,
)
from rampion.cell.semi_infinite import at_rest, mode_rates, semi_integral_fraction, semi_integral_of_ramp
from rampion.cell.short import SoftShort, draw_soft_short
from rampion.cell.vacancies import VacancyAccumulation, critical_semi_integral, vacancy_lifetime, vacancy_peak
from rampion.measurement import ConstantCurrent, Hold, Rest, Sweep, Trace

AREA = 4e-6
CAPACITY = 3e4
CONTACT_LEFT = "contactloss_ln contact fraction"
VACANCIES = {"diffusivity": 1e-11, "excess": 300.0, "resistance": 1e-7, "residual": 1e-7}


def cell(*terms, thickness: float = 1e-3, **changes) -> Cell:
    plain = {"conductivity": 0.06, "concentration": 430.0, "transference": 0.8, "area": AREA}
    return Cell(**(plain | changes), thickness=thickness, terms=terms)


def run(protocol, *terms, thickness: float = 1e-3, changes=None, **settings) -> Trace:
    return simulate_ohmic(cell(*terms, thickness=thickness, **(changes or {})), protocol, **settings).traces[-1]


def peak(trace: Trace) -> tuple[float, float]:
    """Peak current density and the charge density passed until then."""
    density = trace.current / AREA
    top = int(np.argmax(density))
    return density[top], float(np.trapezoid(density[: top + 1], trace.time[: top + 1]))


def happened(trace: Trace, code: str) -> float:
    return next(dict(flag.details)["time"] for flag in trace.flags if flag.code == code)


def sweep(rate: float, stop: float = 1.0) -> Sweep:
    return Sweep(rate=rate, start=0.0, stop=stop)


def test_without_terms_the_cell_is_a_resistance():
    trace = run(sweep(1e-3), changes={"interface_resistance": 2e-3, "series_resistance": 3e-3})
    expected = trace.potential * AREA / (1e-3 / 0.06 + 5e-3)
    np.testing.assert_allclose(trace.current, expected, rtol=1e-12, atol=1e-20)


@pytest.mark.parametrize(("rate", "thickness"), [(5e-6, 1e-3), (5e-5, 3e-4), (5e-4, 1e-3)])
def test_contact_loss_peaks_at_its_closed_form(rate, thickness):
    resistance = 1e-6 * thickness / 0.06
    height, _ = peak(
        run(sweep(rate), ContactLoss(capacity=CAPACITY, resistance=resistance, residual=1e-12), thickness=thickness)
    )
    assert height == pytest.approx(contact_peak(CAPACITY, rate, 0.06, thickness), rel=0.005)


def test_contact_loss_has_exponents_one_half_and_a_constant_charge():
    term = ContactLoss(capacity=CAPACITY, resistance=1e-8, residual=1e-12)
    slow, fast = (peak(run(sweep(rate), term)) for rate in (1e-5, 1e-3))
    thin = peak(run(sweep(1e-5), term, thickness=5e-4))
    assert math.log(fast[0] / slow[0]) / math.log(100.0) == pytest.approx(0.5, abs=1e-3)
    assert math.log(thin[0] / slow[0]) / math.log(0.5) == pytest.approx(-0.5, abs=1e-3)
    assert fast[1] == pytest.approx(slow[1], rel=1e-2)
    assert slow[1] == pytest.approx(CAPACITY, rel=2e-2)


def test_contact_lifetime_at_constant_current_with_and_without_refill():
    # a tenth of the contact is left after 0.9 of the lifetime
    for refill in (0.0, 4.0):
        trace = run(
            ConstantCurrent(current=10.0 * AREA, duration=8e3),
            ContactLoss(capacity=CAPACITY, resistance=1e-6, refill=refill),
        )
        assert happened(trace, "contact_lost") == pytest.approx(
            0.9 * contact_lifetime(CAPACITY, 10.0, refill), rel=1e-4
        )
    assert contact_lifetime(CAPACITY, 4.0, 4.0) == math.inf
    kept = run(
        ConstantCurrent(current=3.9 * AREA, duration=1e6), ContactLoss(capacity=CAPACITY, resistance=1e-6, refill=4.0)
    )
    assert not kept.flags


def test_refill_heals_the_contact_under_pressure_only():
    term = ContactLoss(capacity=CAPACITY, resistance=1e-4, refill=5.0)
    strip = ConstantCurrent(current=20.0 * AREA, duration=1600.0)
    fractions = []
    for pressed in (True, False):
        made = simulate_ohmic(cell(term), (strip, Rest(duration=1000.0, pressed=pressed)))
        fractions.append(np.exp(made.states[CONTACT_LEFT][made.part == 1]))
    np.testing.assert_allclose(fractions[0][0], 1.0 - 15.0 * 1600.0 / CAPACITY, rtol=1e-5)
    np.testing.assert_allclose(fractions[0][-1] - fractions[0][0], 5.0 * 1000.0 / CAPACITY, rtol=1e-5)
    np.testing.assert_allclose(fractions[1], fractions[1][0], rtol=1e-12)


def test_stress_on_the_remaining_contact_settles_where_refill_meets_stripping():
    term = ContactLoss(capacity=1e3, resistance=1e-5, refill=1.0, stress_exponent=6.6)
    made = simulate_ohmic(cell(term), ConstantCurrent(current=5.0 * AREA, duration=1e5))
    settled = math.exp(made.states[CONTACT_LEFT][-1])
    assert settled == pytest.approx((1.0 / 5.0) ** (1.0 / 6.6), rel=1e-4)


def test_creep_refill_follows_pressure_and_temperature():
    creep = LithiumCreep(prefactor=1e-44, exponent=6.6, energy=37e3)
    base = creep_refill(creep, 5e6, 298.15, 1e-4)
    assert creep_refill(creep, 10e6, 298.15, 1e-4) / base == pytest.approx(2.0**6.6)
    ratio = creep_refill(creep, 5e6, 333.15, 1e-4) / base
    assert ratio == pytest.approx(math.exp(37e3 / 8.314462618 * (1 / 298.15 - 1 / 333.15)), rel=1e-9)


def test_the_modes_reproduce_the_half_order_integral_of_a_ramp_and_a_step():
    from scipy.integrate import solve_ivp

    for drive, exact in (
        (lambda t: 2e-3 * t, lambda t: float(semi_integral_of_ramp(2e-3, t))),
        (lambda t: 0.5, lambda t: 2.0 * 0.5 * math.sqrt(t / math.pi)),
    ):
        run = solve_ivp(
            lambda t, s, drive=drive: np.array(mode_rates(tuple(s), drive(t))),
            (0.0, 1e5), np.array(at_rest()), method="LSODA", rtol=1e-9, atol=1e-12, t_eval=[10.0, 1e3, 1e5],
        )  # fmt: skip
        for when, state in zip(run.t, run.y.T, strict=True):
            missed = 2.0 / math.pi / 100.0 * drive(when)  # the modes faster than 1e4 /s, left out on purpose
            assert float(semi_integral_fraction(tuple(state))) + missed == pytest.approx(exact(when), rel=2e-4)


@pytest.mark.parametrize("rate", [1e-5, 1e-4, 1e-3])
def test_vacancies_peak_at_their_closed_form(rate):
    critical = float(critical_semi_integral(VACANCIES["diffusivity"], VACANCIES["excess"]))
    expected = vacancy_peak(critical, rate * 60.0)
    trace = run(sweep(rate, 1.1 * expected / 60.0), VacancyAccumulation(**VACANCIES))
    assert peak(trace)[0] == pytest.approx(expected, rel=0.01)
    assert trace.current[-1] < 0.9 * trace.current.max()


def test_vacancies_obey_sand_without_any_electrolyte():
    critical = float(critical_semi_integral(VACANCIES["diffusivity"], VACANCIES["excess"]))
    for density in (2.5, 10.0):
        trace = run(
            ConstantCurrent(current=density * AREA, duration=0.95 * vacancy_lifetime(critical, density)),
            VacancyAccumulation(**VACANCIES),
        )
        # the flag marks 95 % of the critical excess: 0.95² of the lifetime
        expected = 0.95**2 * vacancy_lifetime(critical, density)
        assert happened(trace, "vacancies_saturated") == pytest.approx(expected, rel=2e-3)


def test_leakage_adds_its_conductivity():
    trace = run(sweep(1e-3), Leakage(conductivity=6e-4))
    np.testing.assert_allclose(trace.current, trace.potential * AREA * (0.06 + 6e-4) / 1e-3, rtol=1e-12, atol=1e-20)


def test_a_soft_short_is_rectangular():
    trace = run(Hold(potential=0.1, duration=100.0), SoftShort(times=(20.0, 60.0), conductances=(30.0, 12.0)))
    expected = 0.1 * (60.0 + np.select([trace.time < 20.0, trace.time < 60.0], [0.0, 30.0], 12.0))
    np.testing.assert_allclose(trace.current / AREA, expected, rtol=1e-12)


def test_random_soft_shorts_have_the_statistics_they_were_drawn_from():
    draws = [draw_soft_short(seed, 100.0, 5000.0, 2.0, 25.0, 10.0, lasting=0.0, spread=0.0) for seed in range(40)]
    assert min(draw.times[0] for draw in draws) >= 100.0
    closings = [np.count_nonzero(np.diff([0.0, *draw.conductances]) > 0) for draw in draws]
    # 200 closings expected of each; 40 draws: standard error 2.2
    assert np.mean(closings) == pytest.approx(200.0, abs=9.0)
    probe = np.linspace(1000.0, 5000.0, 4001)
    closed = [np.mean(draw.conductance(probe)) for draw in draws]
    assert np.mean(closed) == pytest.approx(2.0 * 10.0 / 25.0, rel=0.1)


@pytest.mark.parametrize("rate", [1e-4, 1e-3])
@pytest.mark.parametrize("thickness", [3e-4, 1e-3])
def test_penetration_at_a_current_or_an_interface_voltage_knows_neither_rate_nor_thickness(rate, thickness):
    for term in (
        PenetrationAtCurrent(critical_current=30.0, hot_spot=3.0),
        PenetrationAtVoltage(critical_voltage=0.02, interface_resistance=2e-3),
    ):
        trace = run(sweep(rate), term, thickness=thickness)
        begun = happened(trace, "penetration_began")
        assert np.interp(begun, trace.time, trace.current) / AREA == pytest.approx(10.0, rel=1e-3)


def test_penetration_by_depletion_at_a_hot_spot_is_sand_with_the_local_current():
    term = PenetrationAtDepletion(concentration=100.0, diffusivity=1e-11, transference=0.8, hot_spot=4.0)
    trace = run(ConstantCurrent(current=5.0 * AREA, duration=250.0), term)
    sand = math.pi * 1e-11 * (96485.33212 * 100.0 / (2.0 * 4.0 * 5.0 * 0.2)) ** 2
    assert happened(trace, "penetration_began") == pytest.approx(sand, rel=2e-3)
    critical = float(depletion_semi_integral(100.0, 1e-11, 0.8)) / 4.0
    expected = vacancy_peak(critical, 1e-4 * 60.0)
    ramp = run(sweep(1e-4, 1.05 * expected / 60.0), term)
    begun = happened(ramp, "penetration_began")
    assert np.interp(begun, ramp.time, ramp.current) / AREA == pytest.approx(expected, rel=2e-3)


def test_a_filament_crosses_in_its_closed_form_time_and_its_current_diverges():
    term = PenetrationAtCurrent(critical_current=1.0, focusing=200.0, area_fraction=1e-4, short_resistance=1e-4)
    life = 1.0 / filament_speed(200.0, 0.06, 0.2, 1e-3)
    trace = run(Hold(potential=0.2, duration=1.2 * life), term)
    assert happened(trace, "shorted") == pytest.approx(life, rel=1e-5)
    before = trace.time < 0.999 * life
    gap = 1.0 - trace.time[before] / life
    excess = 1e-4 * 200.0 * 60.0 * (1.0 / np.sqrt(gap) - 1.0)
    expected = 0.2 * (60.0 + excess / (1.0 + 1e-4 * excess))
    np.testing.assert_allclose(trace.current[before] / AREA, expected, rtol=1e-4)
    assert trace.current[-1] / AREA == pytest.approx(0.2 / 1e-4, rel=0.02)


def test_the_instruments_current_limit_takes_the_voltage_away():
    term = PenetrationAtCurrent(critical_current=5.0, focusing=1e4, short_resistance=1e-5)
    trace = run(sweep(1e-3), term, current_limit=1e-4)
    assert trace.current.max() == pytest.approx(1e-4, rel=1e-9)
    limited = happened(trace, "current_limited")
    assert np.all(trace.potential[trace.time > limited] < 1e-3 * trace.time[trace.time > limited])


def test_the_compliance_holds_the_voltage_when_contact_is_lost():
    trace = run(
        ConstantCurrent(current=50.0 * AREA, duration=2e3),
        ContactLoss(capacity=CAPACITY, resistance=1e-4),
        potential_limit=5.0,
    )
    assert trace.potential.max() == pytest.approx(5.0, rel=1e-9)
    assert happened(trace, "potential_limited") == pytest.approx(600.0, rel=0.01)


def test_drawn_defects_follow_weibull_and_its_area_law():
    drawn = draw_critical_current(5, 40000, 10.0, 3.0, area=4e-6, reference_area=1e-6)
    assert np.mean(drawn) == pytest.approx(weibull_mean(10.0, 3.0, 4e-6, 1e-6), rel=0.01)
    assert np.mean(drawn < 10.0) == pytest.approx(1.0 - math.exp(-4.0), abs=0.003)


def test_charge_that_left_the_contact_is_the_charge_that_passed():
    made = simulate_ohmic(cell(ContactLoss(capacity=CAPACITY, resistance=1e-3)), sweep(5e-5), points=4000)
    contact = np.exp(made.states[CONTACT_LEFT])
    kept = contact > 1e-3
    np.testing.assert_allclose(contact[kept], 1.0 - made.charge[kept] / CAPACITY, atol=2e-5)
