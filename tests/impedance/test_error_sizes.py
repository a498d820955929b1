"""Errors that do not grow with |Z| as the weights assume are told; those that do are not."""

from __future__ import annotations

import numpy as np
from circuit_cases import CASES

from rampion.impedance.circuit import circuit_impedance
from rampion.impedance.error_sizes import growth_of_errors
from rampion.impedance.fit import fit_circuit
from rampion.impedance.notation import parse_circuit
from rampion.measurement import Spectrum


def flagged(power, weighting, seeds):
    """Shares of fits of circuit C whose errors grow as |Z|^power that are flagged."""
    circuit, truth, window = CASES["C"]
    frequency = np.geomspace(*window, 60)
    exact = circuit_impedance(parse_circuit(circuit), truth, frequency)
    middle = np.exp(np.mean(np.log(np.abs(exact))))
    found = []
    for seed in seeds:
        random = np.random.default_rng(seed)
        error = random.standard_normal(60) + 1j * random.standard_normal(60)
        impedance = exact + 0.003 * middle * (np.abs(exact) / middle) ** power * error
        spectrum = Spectrum(frequency=frequency, impedance=impedance, synthetic=True)
        fit = fit_circuit(spectrum, circuit, weighting=weighting, start=truth, starts=1)
        found.append(any(flag.code == "errors_not_as_weighted" for flag in fit.flags))
    return np.mean(found)


def test_wrong_weights_are_mostly_told_and_right_ones_accepted():
    seeds = range(61_000, 61_040)
    assert flagged(1, "modulus", seeds) <= 0.05
    assert flagged(0, "unit", seeds) <= 0.05
    assert flagged(0, "modulus", seeds) >= 0.6
    assert flagged(1, "unit", seeds) >= 0.6


def test_the_growth_is_found_and_its_chance_is_uniform():
    random = np.random.default_rng(61_100)
    size = np.geomspace(1, 50, 400)
    residual = size**0.7 * (random.standard_normal(400) + 1j * random.standard_normal(400))
    exponent, chance = growth_of_errors(residual, size + 0j)
    assert abs(exponent - 0.7) < 0.1
    assert chance < 1e-6
    chances = [
        growth_of_errors(random.standard_normal(60) + 1j * random.standard_normal(60), np.geomspace(1, 9, 60) + 0j)[1]
        for _ in range(2000)
    ]
    assert abs(np.mean(np.array(chances) < 0.05) - 0.05) < 0.02
