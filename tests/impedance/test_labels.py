"""Labels: exact slopes, the circuit of a set, priors that are normalised densities with the geometry inside."""

from __future__ import annotations

import math

import numpy as np
import pytest
from garnet_cells import AREA, THICKNESS, pellet

from rampion.estimate import Estimate
from rampion.impedance.circuit import impedance_and_slopes
from rampion.impedance.labels import Label, LabelSet, label_impedance
from rampion.impedance.notation import parse_circuit
from rampion.impedance.priors import GEOMETRY, label_sets, prior_matrix, prior_rows
from rampion.measurement import ElectrodeMaterial, ElectrodePair, MaterialClass, Sample

EVERY = LabelSet(tuple(Label))
OMEGA = 2 * np.pi * np.geomspace(1e7, 0.1, 30)


def coordinates(seed):
    """Coordinates of every label at once, near what cells have."""
    middle = {"L": math.log(2e-7), "R": math.log(100.0), "C": math.log(1e-8), "flat": math.log(0.1)}
    middle |= {"tau": math.log(5.0), "Q": math.log(1e-5), "degree": math.log(0.7)}
    random = np.random.default_rng(seed)
    return np.array([middle[name.split(".")[1]] + random.normal(0, 0.5) for name in EVERY.coordinates])


def test_slopes_are_those_of_differences():
    at, step = coordinates(1), 1e-5
    _, slopes = label_impedance(EVERY, at[None], OMEGA)
    for place in range(at.size):
        ends = np.repeat(at[None], 2, axis=0)
        ends[:, place] += (-step, step)
        low, high = label_impedance(EVERY, ends, OMEGA)[0]
        np.testing.assert_allclose(slopes[0, place], (high - low) / (2 * step), rtol=2e-5, atol=1e-7 * abs(high).max())


def test_the_circuit_of_a_set_has_its_impedance_and_slopes():
    at = coordinates(2)
    labels = LabelSet(tuple(one for one in Label if one not in (Label.BLOCKING, Label.SKIN)))
    own = np.array([at[EVERY.coordinates.index(name)] for name in labels.coordinates])
    values, turn = labels.circuit_values(own)
    fitted, slopes = impedance_and_slopes(parse_circuit(labels.circuit), np.array([values]), OMEGA)
    expected, own_slopes = label_impedance(labels, own[None], OMEGA)
    np.testing.assert_allclose(fitted, expected, rtol=1e-10)
    np.testing.assert_allclose(turn.T @ slopes[0], own_slopes[0], rtol=1e-8, atol=1e-10)


def test_a_depleted_arc_is_the_integral_over_its_slices():
    """∫ dx (1/c)/(1 + (iωτ/c)^α) over a line of concentrations, and R·artanh(j)/j at low frequency."""
    labels = LabelSet((Label.SKIN, Label.BULK))
    ohm, farad, alpha, degree = 300.0, 1e-8, 0.9, 1.3
    own = np.array([math.log(degree), math.log(ohm), math.log(farad), math.log(1 - alpha)])
    nodes, weights = np.polynomial.legendre.leggauss(200)
    concentration = 1 + np.tanh(degree) * nodes
    angular = 2 * np.pi * np.geomspace(1e7, 1e-3, 40)
    slices = ohm / concentration / (1 + (1j * angular[:, None] * ohm * farad / concentration) ** alpha)
    np.testing.assert_allclose(label_impedance(labels, own[None], angular)[0][0], slices @ weights / 2, rtol=1e-6)
    growth, _ = labels.growth(own)
    assert math.exp(growth) == pytest.approx(degree / math.tanh(degree))
    own[0] = -20.0
    plain = label_impedance(LabelSet((Label.BULK,)), own[None, 1:], angular)[0]
    np.testing.assert_allclose(label_impedance(labels, own[None], angular)[0], plain, rtol=1e-6)


def test_rows_of_a_prior_are_one_a_coordinate_and_of_unit_determinant():
    for labels, _ in label_sets(Sample(), biased=True):
        names = (*GEOMETRY, *labels.coordinates)
        factors, _, widths = prior_matrix(prior_rows(labels, Sample()), names)
        assert factors.shape == (len(names), len(names))
        assert abs(np.linalg.det(factors)) == pytest.approx(1.0)
        assert np.all(widths > 0)


def test_the_geometry_is_inside_the_priors():
    """The prior's mean: a bulk of ε_r = 50, an interface by area alone whatever the thickness."""
    labels = label_sets(pellet())[0][0]
    means = []
    for length in (THICKNESS, 2 * THICKNESS):
        sample = Sample(thickness=Estimate(length, 0.0), area=Estimate(AREA, 0.0))
        names = (*GEOMETRY, *labels.coordinates)
        factors, centres, _ = prior_matrix(prior_rows(labels, sample), names)
        means.append(dict(zip(names, np.exp(np.linalg.solve(factors, centres)), strict=True)))
    assert means[0]["bulk.C"] == pytest.approx(8.854e-12 * 50 * AREA / THICKNESS, rel=1e-3)
    assert means[1]["bulk.C"] == pytest.approx(means[0]["bulk.C"] / 2)
    assert means[1]["grain boundary.R"] == pytest.approx(2 * means[0]["grain boundary.R"])
    assert means[1]["interface.C"] == pytest.approx(means[0]["interface.C"])
    assert means[0]["interface.C"] == pytest.approx(5e-3 * AREA)


def test_stated_electrodes_and_class_choose_the_sets():
    blocking = ElectrodePair(ElectrodeMaterial.BLOCKING, ElectrodeMaterial.BLOCKING)
    lithium = ElectrodePair(ElectrodeMaterial.LITHIUM, ElectrodeMaterial.LITHIUM)
    assert all(Label.BLOCKING in one.labels for one, _ in label_sets(Sample(electrodes=blocking)))
    assert not any(Label.BLOCKING in one.labels for one, _ in label_sets(Sample(electrodes=lithium)))
    assert {Label.BLOCKING in one.labels for one, _ in label_sets(Sample())} == {True, False}
    argyrodite = label_sets(Sample(material_class=MaterialClass.ARGYRODITE))
    assert not any(Label.GRAIN_BOUNDARY in one.labels for one, _ in argyrodite)
    assert any(Label.SKIN in one.labels for one, _ in label_sets(Sample(), biased=True))
    assert not any(Label.SKIN in one.labels for one, _ in label_sets(Sample()))


def test_leads_that_the_sheet_states_are_the_prior():
    rows = {row.of: row for row in prior_rows(EVERY, Sample(leads_resistance=Estimate(4.0, 0.4)))}
    assert rows["leads.R"].centre == pytest.approx(math.log(4.0))
    assert rows["leads.R"].width == pytest.approx(0.1)
