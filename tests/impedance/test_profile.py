"""Profile likelihood: agrees with the linear interval where that holds, and gives limits where it does not."""

from __future__ import annotations

import math

import pytest
from circuit_cases import CASES, synthetic

from rampion.errors import InputError
from rampion.impedance.fit import fit_circuit
from rampion.impedance.profile import profile_parameter


def test_a_well_told_parameter_has_its_linear_interval():
    circuit, truth, window = CASES["A"]
    fit = fit_circuit(synthetic(circuit, truth, window, 12), circuit)
    for name in ("R2", "CPE2.alpha"):
        profile = profile_parameter(fit, name)
        linear = fit.parameters[name]
        assert profile.estimate.low == pytest.approx(linear.low, abs=0.1 * linear.std)
        assert profile.estimate.high == pytest.approx(linear.high, abs=0.1 * linear.std)
        assert profile.chi_square.min() >= fit.chi_square * (1 - 1e-6)


def test_what_has_only_one_limit_gets_one_limit():
    """A tail that ends before it bends: the finite diffusion's time has a lower limit and no upper one."""
    truth = {"R0": 50.0, "Ws1.R": 5e3, "Ws1.tau": 3e4}
    fit = fit_circuit(synthetic("R0-Ws1", truth, (1e3, 0.1), 2), "R0-Ws1")
    assert math.isnan(fit.parameters["Ws1.tau"].std)
    assert "only from below" in fit.parameters["Ws1.tau"].flags[0].message
    estimate = profile_parameter(fit, "Ws1.tau").estimate
    assert math.isinf(estimate.high)
    assert 1.0 < estimate.low < 3e4


def test_an_unknown_name_is_refused():
    circuit, truth, window = CASES["A"]
    fit = fit_circuit(synthetic(circuit, truth, window, 12), circuit)
    with pytest.raises(InputError, match="'R5'"):
        profile_parameter(fit, "R5")
