"""Every element against its closed form in limits, and its slopes against finite differences."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from rampion.impedance.circuit import impedance_and_slopes, parameter_kinds
from rampion.impedance.elements import ELEMENTS, constriction_resistance, element_table
from rampion.impedance.notation import parse_circuit

OMEGA = np.geomspace(1e-3, 1e7, 41)
TYPICAL = {"R": 120.0, "C": 3e-6, "L": 2e-6, "Q": 5e-6, "A": 40.0, "tau": 0.02, "alpha": 0.83, "beta": 0.7, "t": 0.35}


def response(circuit: str, *values: float) -> np.ndarray:
    return impedance_and_slopes(parse_circuit(circuit), np.log([values]), OMEGA)[0][0]


@pytest.mark.parametrize("symbol", sorted(ELEMENTS))
def test_slopes_are_those_of_the_impedance(symbol):
    node = parse_circuit(f"{symbol}1-R9")
    logarithms = np.log([[TYPICAL[kind.suffix] for kind in parameter_kinds(node).values()]])
    _, slopes = impedance_and_slopes(node, logarithms, OMEGA)
    for place in range(logarithms.shape[1]):
        step = np.zeros_like(logarithms)
        step[0, place] = 1e-5
        plus, minus = (impedance_and_slopes(node, logarithms + s, OMEGA)[0] for s in (step, -step))
        numeric = (plus - minus)[0] / 2e-5
        np.testing.assert_allclose(slopes[0, place], numeric, rtol=2e-5, atol=1e-7 * np.abs(numeric).max())


def test_slopes_through_nested_branches():
    node = parse_circuit("L0-R0-p(CPE1,R1-p(C2,R2-Ws2))")
    logarithms = np.log([[TYPICAL[kind.suffix] for kind in parameter_kinds(node).values()]])
    _, slopes = impedance_and_slopes(node, logarithms, OMEGA)
    for place in range(logarithms.shape[1]):
        step = np.zeros_like(logarithms)
        step[0, place] = 1e-5
        plus, minus = (impedance_and_slopes(node, logarithms + s, OMEGA)[0] for s in (step, -step))
        numeric = (plus - minus)[0] / 2e-5
        np.testing.assert_allclose(slopes[0, place], numeric, rtol=2e-5, atol=1e-7 * np.abs(numeric).max())


def test_closed_forms():
    s = 1j * OMEGA
    np.testing.assert_allclose(response("C1", 2e-6), 1 / (s * 2e-6))
    np.testing.assert_allclose(response("L1", 2e-6), s * 2e-6)
    np.testing.assert_allclose(response("CPE1", 5e-6, 0.8), 1 / (5e-6 * s**0.8))
    np.testing.assert_allclose(response("W1", 40.0), 40 * math.sqrt(2) / np.sqrt(s))
    np.testing.assert_allclose(response("Ws1", 9.0, 0.3), 9 * np.tanh(np.sqrt(s * 0.3)) / np.sqrt(s * 0.3))
    np.testing.assert_allclose(response("Wo1", 9.0, 0.3), 9 / np.tanh(np.sqrt(s * 0.3)) / np.sqrt(s * 0.3))
    np.testing.assert_allclose(response("G1", 9.0, 0.3), 9 / np.sqrt(1 + s * 0.3))
    np.testing.assert_allclose(response("HN1", 9.0, 0.3, 0.8, 0.6), 9 / (1 + (s * 0.3) ** 0.8) ** 0.6)


def test_one_arc_in_three_spellings():
    size, exponent, admittance = 120.0, 0.83, 5e-6
    time = (size * admittance) ** (1 / exponent)
    arc = response("p(R1,CPE1)", size, admittance, exponent)
    np.testing.assert_allclose(response("Zarc1", size, time, exponent), arc, rtol=1e-12)
    np.testing.assert_allclose(response("HN1", size, time, exponent, 1.0), arc, rtol=1e-12)
    np.testing.assert_allclose(response("Con1", size, 1e-4), response("p(R1,C1)", size, 1e-4), rtol=1e-12)


def test_a_binary_electrolyte_has_the_ratio_of_bruce_and_vincent():
    """R_ss/R₀ = 1/t₊, and a diffusion arc that begins as an infinite Warburg."""
    slow, fast = (
        impedance_and_slopes(parse_circuit("Be1"), np.log([[50.0, 0.4, 100.0]]), np.array([omega]))[0][0, 0]
        for omega in (1e-7, 1e7)
    )
    assert slow.real / fast.real == pytest.approx(1 / 0.4, rel=1e-4)
    middle = response("Be1", 50.0, 0.4, 100.0)[20] - 50.0
    assert middle.real == pytest.approx(-middle.imag, rel=1e-3)


def test_finite_diffusion_at_low_frequency():
    """Ws ends in R; Wo ends in R/3 and the capacitance τ/R."""
    assert response("Ws1", 9.0, 1e-3)[0] == pytest.approx(9.0, rel=1e-5)
    low = response("Wo1", 9.0, 1e-3)[0]
    assert low.real == pytest.approx(3.0, rel=1e-3)
    assert -1 / (OMEGA[0] * low.imag) == pytest.approx(1e-3 / 9.0, rel=1e-3)


def test_many_spots_without_coverage_are_maxwells_spots():
    assert constriction_resistance(0.06, 1e-5, 100, 1e-12) == pytest.approx(1 / (4 * 0.06 * 1e-5 * 100), rel=1e-5)
    assert constriction_resistance(0.06, 1e-5, 100, 1.0) == 0.0


def test_the_documentation_lists_every_element():
    page = (Path(__file__).parents[2] / "docs" / "impedance.md").read_text(encoding="utf-8")
    for symbol, name, formula, parameters, source in element_table():
        assert f"| {symbol} | {name} | {formula} | {parameters} | {source} |" in page
