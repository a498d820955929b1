"""The circuit elements named after the cell model against the simulated cell's own linearised spectrum."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("jax")

from rampion.cell.linearise import spectrum_at
from rampion.cell.parameters import Cell, Relaxation, chemical_diffusivity
from rampion.impedance.circuit import circuit_impedance
from rampion.impedance.elements import constriction_resistance
from rampion.impedance.fit import fit_circuit
from rampion.impedance.notation import parse_circuit
from rampion.measurement import FrequencyScan, Hold
from rampion.quantities import FARADAY, GAS_CONSTANT

DILUTE = Cell(thickness=0.5e-3, conductivity=0.06, concentration=1000.0, transference=0.4, area=1e-4)
STIFF = replace(DILUTE, diffusivity=2e-12)  # slower than Nernst and Einstein would have it
R = DILUTE.thickness / (DILUTE.conductivity * DILUTE.area)


def spectrum(cell: Cell, high: float, low: float, points: int):
    at_rest = Hold(potential=1e-9, duration=1e-3)
    return spectrum_at(cell, at_rest, FrequencyScan(high=high, low=low, points_per_decade=points))


@pytest.mark.parametrize("cell", [DILUTE, STIFF])
def test_the_binary_electrolyte_is_the_cell_at_rest(cell):
    """t is t₊ with the Nernst-Einstein D, and the current fraction 1/(1 + Ne) with any other."""
    diffusivity = chemical_diffusivity(cell)
    newman = 2 * GAS_CONSTANT * cell.temperature * cell.conductivity * (1 - cell.transference) ** 2
    newman /= FARADAY**2 * diffusivity * cell.concentration
    fraction = 1 / (1 + newman)
    assert (fraction == pytest.approx(cell.transference, rel=1e-6)) == (cell is DILUTE)
    truth = {"Be1.R": R, "Be1.t": fraction, "Be1.tau": cell.thickness**2 / (4 * diffusivity)}
    seen = spectrum(cell, 1e3, 1e-6, 3)
    expected = circuit_impedance(parse_circuit("Be1"), truth, seen.frequency)
    np.testing.assert_allclose(seen.impedance, expected, rtol=1e-5)
    fit = fit_circuit(seen, "Be1")
    for name, value in truth.items():
        assert fit.parameters[name].value == pytest.approx(value, rel=1e-3)


def test_the_constriction_is_the_cells_interface_arc():
    """N spots of radius a that cover θ of the face, bridged by the voids: an arc of the cell's interface."""
    size = constriction_resistance(DILUTE.conductivity, 20e-6, 400, 0.2)
    bridging = 1e-9
    voids = Relaxation(name="constriction", share=1.0, admittance=bridging / DILUTE.area, place="interface")
    cell = replace(DILUTE, interface_resistance=size * DILUTE.area, relaxations=(voids,))
    seen = spectrum(cell, 1e7, 10.0, 5)
    fit = fit_circuit(seen, "R0-Con1")
    assert fit.parameters["Con1.R"].value == pytest.approx(size, rel=5e-3)
    assert fit.parameters["Con1.C"].value == pytest.approx(bridging, rel=5e-3)
    apex = 1 / (2 * math.pi * size * bridging)
    assert seen.frequency.min() < apex < seen.frequency.max()
