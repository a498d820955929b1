"""Residuals without a pattern are rarely said to have one, also those of a fit; those of a wrong circuit are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from circuit_cases import CASES, synthetic

from rampion.impedance.circuit import impedance_and_slopes
from rampion.impedance.fit import fit_circuit
from rampion.impedance.notation import parse_circuit
from rampion.impedance.whiteness import whiteness_of


@pytest.mark.parametrize("case", CASES)
def test_the_share_of_chance_patterns_is_the_p_value(case):
    """Of 4000 errors projected as a fit projects them; without the slopes the share is many times too large."""
    circuit, truth, window = CASES[case]
    frequency = np.geomspace(*window, 60)
    logarithms = np.log([list(truth.values())])
    exact, slopes = impedance_and_slopes(parse_circuit(circuit), logarithms, 2 * np.pi * frequency)
    table = np.ascontiguousarray(slopes[0] / np.abs(exact[0])).view(float).T
    base = np.linalg.qr(table)[0]
    random = np.random.default_rng(4)
    errors = random.standard_normal((4000, 120))
    left = (errors - errors @ base @ base.T).view(complex)
    told = np.array([whiteness_of(row, frequency, table) for row in left])
    plain = np.array([whiteness_of(row, frequency) for row in left])
    assert np.mean(told < 0.01) < 0.016
    assert np.mean(told < 1e-3) < 0.003
    assert np.mean(plain < 1e-3) > 2 * np.mean(told < 1e-3)
    free = np.array([whiteness_of(row.view(complex), frequency) for row in errors])
    assert np.mean(free < 0.05) == pytest.approx(0.05, abs=0.02)


def test_an_arc_too_few_is_a_pattern():
    circuit, truth, window = CASES["A"]
    found = [fit_circuit(synthetic(circuit, truth, window, seed), "R0-p(R1,CPE1)").whiteness for seed in range(10)]
    assert max(found) < 1e-6


def test_errors_of_one_size_at_every_frequency_are_no_pattern():
    """The weights of the fit are wrong, and that is said: not that the circuit is."""
    circuit, truth, window = CASES["B"]
    said = []
    for seed in range(40):
        exact = synthetic(circuit, truth, window, seed, noise=0.0)
        random = np.random.default_rng(seed)
        error = 5 * (random.standard_normal(60) + 1j * random.standard_normal(60))
        fit = fit_circuit(replace(exact, impedance=exact.impedance + error), circuit, start=truth, starts=1)
        said.append({flag.code for flag in fit.flags})
    assert sum("residuals_not_white" in codes for codes in said) <= 2
    assert sum("errors_not_as_weighted" in codes for codes in said) >= 30
