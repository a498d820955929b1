"""Closed forms of the rivals against independent integration, and their stated exponents against those forms."""

import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest

from rampion.mechanisms import (
    binary,
    contact,
    contact_creep,
    fracture,
    leakage,
    ohmic,
    soft_short,
    space_charge,
    threshold,
    vacancies,
)
from rampion.mechanisms.argument import Arguments
from rampion.mechanisms.evidence import MECHANISMS
from rampion.mechanisms.prediction import Measured, Segment, Share, tail_probability
from rampion.transport.peak_function import peak_ratio


def _exponents(current, v0=5e-5, length0=1e-3, step=0.05):
    """Local (a, b) of J_p(v, L) by central differences of logarithms."""
    up, down = math.exp(step), math.exp(-step)
    a = math.log(current(v0 * up, length0) / current(v0 * down, length0)) / (2 * step)
    b = math.log(current(v0, length0 * up) / current(v0, length0 * down)) / (2 * step)
    return a, b


def _agrees(mechanism, argument, *values):
    zero = tuple(tuple(0.0 for _ in values) for _ in values)
    return tail_probability(Measured(tuple(values), zero), mechanism.MECHANISM.predictions[argument]) > 0.05


def test_contact_sweep_tends_to_the_closed_form_and_keeps_its_exponents():
    def peak(v, length):
        top = 1.3 * contact.contact_peak(1.8e4, v, 0.06, length) * length / 0.06
        return contact.contact_sweep(np.linspace(0, top, 801), v, 1.8e4, 0.06, length, 2e-6).max()

    assert peak(5e-5, 1e-3) == pytest.approx(contact.contact_peak(1.8e4, 5e-5, 0.06, 1e-3), rel=0.02)
    a, b = _exponents(peak)
    assert _agrees(contact, Arguments.EXPONENT_PAIR, a, b)
    assert not _agrees(binary, Arguments.EXPONENT_PAIR, a, b)


def test_contact_sweep_spends_its_charge():
    v = np.linspace(0, 2.0, 4001)
    j = contact.contact_sweep(v, 5e-5, 1.8e4, 0.06, 1e-3, 1e-3)
    spent = np.trapezoid(j, v / 5e-5)
    # J = V/(R + r₀/θ) gives θ at the end; the charge passed is Q_c(1 - θ)
    theta = 1e-3 / (v[-1] / j[-1] - 1e-3 / 0.06)
    assert spent == pytest.approx(1.8e4 * (1 - theta), rel=1e-4)


def test_binary_peaks_lie_on_the_binary_line_and_not_on_the_interfacial_one():
    vt, d, t = 0.025693, 1.1889e-11, 0.8

    def peak(v, length):
        return 4 * t * vt * 0.06 / length * float(peak_ratio(v * length**2 / (vt * d), t))

    a, b = _exponents(peak)
    assert b == pytest.approx(2 * a - 1, abs=1e-4)
    assert _agrees(binary, Arguments.EXPONENT_PAIR, a, b)
    assert not _agrees(contact, Arguments.EXPONENT_PAIR, a, b)


def test_ramp_depletion_solves_its_integral_equation():
    # J = βt empties the wall: (2/3)·... ∫βs/√(π D (t-s)) ds·(1-t₊)/F = c₀
    beta, c, d, t = 0.003, 430.0, 1.2e-11, 0.8
    j = binary.ramp_depletion_current(beta, c, d, t)
    time = j / beta
    x = np.linspace(0, math.sqrt(time), 20001)  # s = t - x²
    integral = np.trapezoid(2 * beta * (time - x**2), x)
    assert (1 - t) / 96485.33212 * integral / math.sqrt(math.pi * d) == pytest.approx(c, rel=1e-6)
    assert vacancies.vacancy_peak(beta, d, c / (1 - t)) == pytest.approx(j, rel=1e-12)


def test_vacancies_and_electrolyte_share_sands_law():
    from rampion.transport.sand import sand_time

    assert vacancies.vacancy_failure_time(20.0, 1.2e-11, 430.0) == pytest.approx(sand_time(20.0, 430.0, 1.2e-11, 0.0))
    for argument in (Arguments.SAND_EXPONENT, Arguments.SAND_PREFACTOR):
        for mechanism in (binary, vacancies):
            value = -2.0 if argument is Arguments.SAND_EXPONENT else 0.0
            assert _agrees(mechanism, argument, value)


def test_small_closed_forms():
    assert ohmic.ohmic_current(np.array([0.5]), 1e-3, 0.06, 1e-2)[0] == pytest.approx(0.5 / (1e-3 / 0.06 + 1e-2))
    steady = binary.steady_current(np.array([1e-6, 2.0]), 0.8, 0.06, 1e-3)
    assert steady[1] == pytest.approx(4.9329, rel=1e-4)
    assert steady[0] / 1e-6 == pytest.approx(0.8 * 60, rel=1e-6)  # Bruce–Vincent: R_ss = R₀/t₊
    assert binary.high_frequency_rise(0.9) == pytest.approx(1.6358, abs=1e-4)
    assert contact.contact_failure_time(1.8e4, 10.0) == 1800.0
    assert contact_creep.creep_failure_time(1.8e4, 10.0, 4.0) == 3000.0
    assert math.isinf(contact_creep.creep_failure_time(1.8e4, 3.0, 4.0))
    w = space_charge.layer_width(1.0, 1e3, 60.0)
    assert w == pytest.approx(math.sqrt(2 * 60 * 8.8541878128e-12 / (96485.33212 * 1e3)))
    assert space_charge.layer_capacitance(4.0, 1e3, 60.0) == pytest.approx(
        0.5 * space_charge.layer_capacitance(1.0, 1e3, 60.0)
    )
    assert leakage.leakage_current(1.0, 1e-6, 1e-3) == pytest.approx(1e-3)
    assert fracture.critical_current_ratio(4e-6, 1e-6) == pytest.approx(1 / 8)
    # the stress of the overpotential meets Griffith's
    eta = fracture.critical_overpotential(1e6, 1e-6)
    assert 96485.33212 * eta / fracture.LITHIUM_VOLUME * 1.12 * math.sqrt(math.pi * 1e-6) == pytest.approx(1e6)
    assert threshold.threshold_current(0.04, 4e-3) == pytest.approx(10.0)
    assert soft_short.shorted_current(1.0, 0.02, 0.02) == pytest.approx(100.0)


def test_every_prediction_is_thinkable_and_has_its_arguments_dimension():
    for mechanism in MECHANISMS:
        for argument, predicted in mechanism.predictions.items():
            about = argument.value
            if isinstance(predicted, Share):
                assert 0 <= predicted.low < predicted.high <= 1
                continue
            assert isinstance(predicted, Segment)
            for ends in (predicted.start, predicted.end):
                assert len(ends) == len(about.low) == len(predicted.tolerance)
                assert all(low <= x <= high for low, x, high in zip(about.low, ends, about.high, strict=True))


def test_scaling_predictions_of_a_mechanism_agree_among_themselves():
    """Under an ohmic ramp Q_p has c = 2a - 1, d = 2b + 1; overlays follow from (a, b)."""
    for name in ("contact", "contact_creep", "vacancies", "space_charge"):
        p = next(m for m in MECHANISMS if m.name == name).predictions
        # contact's far end is its law with interfaces in series, which the overlays leave out
        for end in ("start",) if name == "contact" else ("start", "end"):
            a, b = getattr(p[Arguments.EXPONENT_PAIR], end)
            overlay = p[Arguments.BULK_OVERLAY]
            assert (
                min(overlay.start[0], overlay.end[0]) - 1e-9
                <= b + 1 - 2 * a
                <= max(overlay.start[0], overlay.end[0]) + 1e-9
            )
            near = p[Arguments.INTERFACE_OVERLAY]
            assert near.start[0] == pytest.approx(a + b, abs=1e-9)
            c, d = p[Arguments.CAPACITY_PAIR].start, p[Arguments.CAPACITY_PAIR].end
            assert any(x == pytest.approx((2 * a - 1, 2 * b + 1), abs=1e-9) for x in (c, d))
            m = p[Arguments.SEMI_INTEGRAL_PAIR]
            assert any(x == pytest.approx((1.5 * a - 0.5, 1.5 * b + 0.5), abs=1e-9) for x in (m.start, m.end))


@pytest.mark.parametrize("mechanism", ["binary", "contact"])
def test_simulated_cells_of_plausible_parameters_meet_their_mechanism_s_pairs(mechanism):
    where = Path(__file__).parents[2] / "benchmarks" / "prediction_spread.py"
    spec = importlib.util.spec_from_file_location("prediction_spread", where)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    predicted = next(m for m in MECHANISMS if m.name == mechanism).predictions
    for name, distances in module.spread(mechanism, 40, seed=5).items():
        size = np.sqrt((distances**2).mean(axis=0))
        assert np.all(size <= predicted[Arguments[name.upper()]].tolerance)
