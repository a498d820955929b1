"""Capacitances and conductivity: against closed forms and Monte Carlo."""

from __future__ import annotations

import math

import numpy as np
import pytest
from circuit_cases import CASES, synthetic

from rampion.estimate import Estimate
from rampion.impedance.conductivity import compare_with_ohmic_slope, conductivity_from_resistance
from rampion.impedance.fit import fit_circuit
from rampion.impedance.processes import effective_capacitance, effective_capacitance_brug, processes_of


def test_effective_capacitances_of_a_true_capacitor_are_its_own():
    assert effective_capacitance(100.0, 1e-6, 1.0) == pytest.approx(1e-6)
    assert effective_capacitance_brug(100.0, 1e-6, 1.0, 10.0) == pytest.approx(1e-6)


def test_hsu_and_mansfeld_in_both_of_its_forms():
    """Q^{1/α} R^{(1-α)/α} = Q ω_max^{α-1}."""
    size, q, alpha = 900.0, 3e-6, 0.8
    apex = (size * q) ** (-1 / alpha)
    assert effective_capacitance(size, q, alpha) == pytest.approx(q * apex ** (alpha - 1))
    # Brug with a far greater resistance before the arc is Hsu-Mansfeld
    assert effective_capacitance_brug(size, q, alpha, 1e12) == pytest.approx(effective_capacitance(size, q, alpha))


def test_uncertainties_of_processes_are_those_of_the_parameters_drawn():
    circuit, truth, window = CASES["A"]
    fit = fit_circuit(synthetic(circuit, truth, window, 3), circuit)
    arc = processes_of(fit)[2]
    draws = np.exp(np.random.default_rng(0).multivariate_normal(fit.logarithms, fit.covariance, 20_000))
    values = dict(zip(fit.parameters, draws.T, strict=True))
    size, q, alpha = values["R2"], values["CPE2.Q"], values["CPE2.alpha"]
    capacitance = q ** (1 / alpha) * size ** ((1 - alpha) / alpha)
    before = values["R0"] + values["R1"]
    brug = q ** (1 / alpha) * (1 / before + 1 / size) ** ((alpha - 1) / alpha)
    frequency = 1 / (2 * np.pi * (size * q) ** (1 / alpha))
    for estimate, drawn in ((arc.capacitance, capacitance), (arc.capacitance_brug, brug), (arc.frequency, frequency)):
        assert estimate.value == pytest.approx(np.median(drawn), rel=2e-3)
        assert estimate.std == pytest.approx(np.std(drawn), rel=0.03)


def test_a_capacitance_is_told_where_its_two_parameters_are_not():
    """An apex a decade above the window, and an arc beside it: Q and α may each be other ones, but only together."""
    circuit, window = "p(R1,CPE1)-p(R2,CPE2)", (1e6, 1.0)
    truth = {"R1": 1400.0, "CPE1.Q": 1.4e-11, "CPE1.alpha": 0.96, "R2": 300.0, "CPE2.Q": 1e-8, "CPE2.alpha": 0.9}
    true = effective_capacitance(truth["R1"], truth["CPE1.Q"], truth["CPE1.alpha"])
    covered = []
    for seed in range(60):
        fit = fit_circuit(synthetic(circuit, truth, window, seed), circuit)
        capacitance = processes_of(fit)[0].capacitance
        if math.isnan(fit.parameters["CPE1.Q"].std) and not math.isnan(capacitance.std):
            assert not capacitance.flags
            assert capacitance.relative < 0.5
            covered.append(capacitance.low < true < capacitance.high)
    assert len(covered) > 10
    assert np.mean(covered) > 0.85


def test_the_same_arc_as_zarc_has_the_same_numbers():
    circuit, truth, window = CASES["A"]
    spectrum = synthetic(circuit, truth, window, 4)
    pair, arc = (processes_of(fit_circuit(spectrum, text))[-1] for text in (circuit, "R0-Zarc1-Zarc2"))
    for name in ("resistance", "capacitance", "capacitance_brug", "exponent", "frequency"):
        assert getattr(arc, name).value == pytest.approx(getattr(pair, name).value, rel=1e-3)
        assert getattr(arc, name).std == pytest.approx(getattr(pair, name).std, rel=1e-2)


def test_conductivity_carries_the_uncertainty_of_the_geometry():
    sigma = conductivity_from_resistance(Estimate(417.0, 4.17), Estimate(1e-3, 2e-5), Estimate(4e-6, 4e-8))
    assert sigma.value == pytest.approx(1e-3 / (417 * 4e-6))
    assert sigma.relative == pytest.approx(math.sqrt(0.01**2 + 0.02**2 + 0.01**2))


def test_a_geometry_without_uncertainty_leaves_that_of_the_resistance_and_says_so():
    sigma = conductivity_from_resistance(Estimate(417.0, 4.17), Estimate(1e-3), Estimate(4e-6, 4e-8))
    assert sigma.relative == pytest.approx(math.hypot(0.01, 0.01))
    assert [flag.code for flag in sigma.flags] == ["geometry_uncertainty_missing"]
    assert "for the sample's thickness;" in sigma.flags[0].message
    assert math.isnan(conductivity_from_resistance(Estimate(417.0), Estimate(1e-3, 1e-5), Estimate(4e-6, 4e-8)).std)


def test_the_comparison_with_the_ohmic_slope_is_calibrated():
    """Under equality the p-value is uniform; a difference of four standard errors is seen."""
    random = np.random.default_rng(1)
    first = 400 * (1 + 0.02 * random.standard_normal(4000))
    second = 400 * (1 + 0.03 * random.standard_normal(4000))
    values = [
        compare_with_ohmic_slope(Estimate(a, 8.0), Estimate(b, 12.0)).p_value
        for a, b in zip(first, second, strict=True)
    ]
    assert np.mean(np.array(values) < 0.05) == pytest.approx(0.05, abs=0.012)
    assert compare_with_ohmic_slope(Estimate(460.0, 8.0), Estimate(400.0, 12.0)).p_value < 1e-3
    assert math.isnan(compare_with_ohmic_slope(Estimate(460.0), Estimate(400.0, 12.0)).p_value)
