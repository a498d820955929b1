"""The number of arcs by evidence, within the family of a pellet."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from circuit_cases import CASES, synthetic

from rampion.errors import InputError
from rampion.impedance.choose import choose_circuit, objections
from rampion.impedance.family import family_circuit
from rampion.impedance.fit import fit_circuit
from rampion.impedance.processes import processes_of


@pytest.mark.parametrize("case", CASES)
def test_the_true_circuit_is_chosen(case):
    circuit, truth, window = CASES[case]
    for seed in (900,):
        choice = choose_circuit(synthetic(circuit, truth, window, seed))
        assert choice.fit.notation == circuit


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_the_true_circuit_is_chosen_nearly_always(case):
    circuit, truth, window = CASES[case]
    chosen = [choose_circuit(synthetic(circuit, truth, window, seed)).fit.notation for seed in range(7000, 7060)]
    assert np.mean([text == circuit for text in chosen]) >= 0.95


def test_a_resistor_needs_no_arc():
    spectrum = synthetic("R0", {"R0": 100.0}, (1e5, 1.0), 1)
    assert choose_circuit(spectrum).fit.notation == "R0"


def test_a_blocking_electrode_is_a_tail_and_a_diffusion_a_warburg():
    truth = {"R0": 50.0, "R1": 200.0, "CPE1.Q": 1e-8, "CPE1.alpha": 0.9, "CPE2.Q": 1e-5, "CPE2.alpha": 0.9}
    spectrum = synthetic("R0-p(R1,CPE1)-CPE2", truth, (1e6, 1.0), 5)
    assert choose_circuit(spectrum).fit.notation == "R0-p(R1,CPE1)-CPE2"
    truth = {"R0": 50.0, "R1": 200.0, "CPE1.Q": 1e-6, "CPE1.alpha": 0.9, "Ws2.R": 150.0, "Ws2.tau": 20.0}
    spectrum = synthetic("R0-p(R1,CPE1)-Ws2", truth, (1e6, 1e-3), 6)
    assert choose_circuit(spectrum).fit.notation == "R0-p(R1,CPE1)-Ws2"


def test_leads_with_losses_are_told_from_an_inductance():
    """The eddy currents' resistance raises Re Z at high frequency and is no resistance of the cell."""
    truth = {"L0": 3e-8, "R9": 1.2, "R0": 0.024, "R1": 0.043, "CPE1.Q": 1.0, "CPE1.alpha": 0.85}
    spectrum = synthetic("p(L0,R9)-R0-p(R1,CPE1)", truth, (1e6, 0.1), 8)
    fit = choose_circuit(spectrum).fit
    assert fit.notation == "p(L0,R9)-R0-p(R1,CPE1)"
    for name, value in truth.items():
        assert fit.parameters[name].value == pytest.approx(value, abs=5 * fit.parameters[name].std)
    assert [process.part for process in processes_of(fit)] == ["R0", "p(R1,CPE1)"]
    del truth["R9"]
    spectrum = synthetic("L0-R0-p(R1,CPE1)", truth, (1e6, 0.1), 9)
    assert choose_circuit(spectrum).fit.notation == "L0-R0-p(R1,CPE1)"


def test_a_diffusion_faster_than_any_speaks_against_a_circuit():
    truth = {"R0": 50.0, "Ws1.R": 200.0, "Ws1.tau": 1e-5}
    fit = fit_circuit(synthetic("R0-Ws1", truth, (1e6, 1.0), 10), "R0-Ws1")
    assert objections(fit, processes_of(fit)) == ["Ws1 turns faster than any diffusion"]


def test_a_bulk_above_the_window_is_no_diffusion():
    """Its rise is that of any relaxation seen from below; one whose first points are nearer to tanh(s)/s than to an
    arc with an exponent that the data do not tell is still no diffusion."""
    truth = {
        "R1": 1352.0, "CPE1.Q": 8e-12, "CPE1.alpha": 1.0, "R2": 405.0, "CPE2.Q": 1.4e-8, "CPE2.alpha": 0.9, "R3": 93.0,
        "CPE3.Q": 1.4e-5, "CPE3.alpha": 0.85,
    }  # fmt: skip
    circuit = "p(R1,CPE1)-p(R2,CPE2)-p(R3,CPE3)"
    preferred = 0
    for seed in range(4):
        choice = choose_circuit(synthetic(circuit, truth, (1e6, 1.0), seed, points=50))
        assert not any(process.kind == "diffusion" for process in processes_of(choice.fit))
        best = min(choice.candidates, key=lambda candidate: candidate.criterion)
        preferred += "faster than any diffusion" in best.reason
    assert preferred > 0  # else the spectra do not tempt


def test_candidates_are_listed_with_reasons():
    circuit, truth, window = CASES["A"]
    choice = choose_circuit(synthetic(circuit, truth, window, 30), criterion="aicc")
    assert choice.candidates[0].reason == ""
    assert any("not told" in candidate.reason for candidate in choice.candidates)


def test_a_family_of_ones_own():
    circuit, truth, window = CASES["A"]
    spectrum = synthetic(circuit, truth, window, 31)
    choice = choose_circuit(spectrum, [family_circuit(1), family_circuit(2, "Ws"), "R0-p(R1,CPE1)-p(R2,CPE2)"])
    assert choice.fit.notation == circuit
    assert {candidate.circuit for candidate in choice.candidates} >= {"R0-p(R1,CPE1)", circuit}
    with pytest.raises(InputError, match="'aic'"):
        choose_circuit(spectrum, criterion="aic")


def test_what_a_larger_circuit_describes_is_told_beside_the_choice():
    """A wave along the frequency, which no arc makes: a larger circuit follows it further, and is reported as such."""
    truth = {
        "R0": 20.0, "R1": 100.0, "CPE1.Q": 1e-6, "CPE1.alpha": 0.95, "R2": 120.0, "CPE2.Q": 1e-4, "CPE2.alpha": 0.9,
    }  # fmt: skip
    spectrum = synthetic("R0-p(R1,CPE1)-p(R2,CPE2)", truth, (1e5, 0.1), 12)
    bent = spectrum.impedance * (1 + 0.02 * np.sin(3 * np.log(spectrum.frequency)))
    choice = choose_circuit(replace(spectrum, impedance=bent))
    closer = choice.description
    assert closer is not None
    assert closer.fit.noise < choice.fit.noise
    assert closer.bic_difference == pytest.approx(closer.fit.bic - choice.fit.bic)
    assert closer.objections or closer.bic_difference > -6
    said = [flag for flag in choice.fit.flags if flag.code == "described_better"]
    assert bool(said) == (closer.bic_difference < -6)


def test_five_points_of_an_arc_are_an_arc():
    truth = {"R0": 50.0, "R1": 200.0, "CPE1.Q": 1e-6, "CPE1.alpha": 0.9}
    for seed in range(3):
        spectrum = synthetic("R0-p(R1,CPE1)", truth, (1e5, 10.0), seed, noise=0.001, points=5)
        assert choose_circuit(spectrum).fit.noise < 0.01
