"""The labelled model on cells of known truth: conductivity, sums, doubt as width, outliers, electrodes, series."""

from __future__ import annotations

import math

import numpy as np
import pytest
from garnet_cells import AREA, CELL, THICKNESS, arc, pellet, spectrum

from rampion.errors import InputError
from rampion.estimate import Estimate
from rampion.impedance import evidence
from rampion.impedance.finding import analyse_spectrum
from rampion.impedance.label_model import find_modes, heights_at
from rampion.impedance.labels import Label
from rampion.impedance.priors import label_sets
from rampion.impedance.series_finding import analyse_series
from rampion.measurement import ElectrodeMaterial, ElectrodePair, Sample, Spectrum
from rampion.records import to_plain

SIGMA = THICKNESS / (AREA * (CELL["bulk"][0] + CELL["boundary"][0]))
WARNED = ("warning", "invalid")


@pytest.mark.parametrize("window", [(7e6, 1.0), (6e5, 10.0)])
def test_the_conductivity_of_a_garnet_cell(window):
    found = analyse_spectrum(spectrum(3, window), pellet())
    assert found.conductivity.value == pytest.approx(SIGMA, rel=0.05)
    assert found.conductivity.low < SIGMA < found.conductivity.high
    assert found.conductivity.high / found.conductivity.low < 1.22
    assert not [flag.code for flag in found.flags if flag.severity.value in WARNED]
    assert [process.name for process in found.processes] == ["bulk", "grain boundary", "interface", "diffusion"]
    plain = to_plain(found)
    assert plain["labels"][0]["probability"] > 0.5
    assert set(plain["processes"][1]) >= {"name", "resistance", "capacitance", "exponent", "frequency"}


def test_a_sum_is_known_where_its_parts_are_not():
    """An interface as fast as the grain boundary: the total to 0.5 %, the split to no better than some percent."""
    cell = {"interface": (60.0, 1.2e-8, 0.92)}
    members = evidence.explore(spectrum(5, interface=cell["interface"]), pellet())
    lowest = evidence.estimate(members, evidence.sum_of_resistances(lambda _, label: label is not Label.DIFFUSION))
    split = evidence.estimate(members, evidence.coordinate("interface.R"))
    true = 1.0 + 250.0 + 120.0 + 60.0
    assert lowest.low < true < lowest.high
    assert lowest.relative < 5e-3
    assert split.relative > 5 * lowest.relative


def test_outliers_do_not_move_the_conductivity():
    clean = spectrum(7)
    points = clean.impedance.copy()
    points[[5, 22, 40]] *= (1.3, 0.8, 1.2j)
    bent = Spectrum(frequency=clean.frequency, impedance=points)
    one, other = (analyse_spectrum(each, pellet()).conductivity for each in (clean, bent))
    assert other.value == pytest.approx(one.value, rel=0.02)


def test_electrodes_that_nobody_stated_show_themselves():
    found = analyse_spectrum(spectrum(2, blocking=(1e-5, 0.9)), pellet())
    assert [process.name for process in found.processes] == ["bulk", "grain boundary", "blocking electrode"]
    assert found.conductivity.low < SIGMA < found.conductivity.high


def test_without_geometry_there_is_no_conductivity_but_labels():
    found = analyse_spectrum(spectrum(1), Sample())
    assert found.conductivity is None
    assert any(flag.code == "geometry_unknown" for flag in found.flags)
    assert found.resistance.value == pytest.approx(370.0, rel=0.1)


def test_a_doubt_about_a_name_is_the_width_of_the_interval():
    """A second arc that may be grain boundary or interface by its capacitance: the interval holds both readings."""
    frequency = np.geomspace(7e6, 1.0, 69)
    angular = 2 * np.pi * frequency
    z = 1.0 + 2e-7j * angular + arc(angular, 250.0, 5e-11, 0.98) + arc(angular, 60.0, 1.3e-7, 0.92)
    noise = np.random.default_rng(4).standard_normal((2, frequency.size))
    found = analyse_spectrum(
        Spectrum(frequency=frequency, impedance=z * (1 + 2e-3 * (noise[0] + 1j * noise[1]))), pellet()
    )
    low, high = found.conductivity.interval
    assert low < 1.03 * THICKNESS / (AREA * 310.0)
    assert high > 0.97 * THICKNESS / (AREA * 250.0)


def test_a_spectrum_that_no_labels_describe_is_flagged():
    clean = spectrum(1, noise=1e-3)
    wave = clean.impedance * (1 + 0.03 * np.sin(3 * np.log(clean.frequency)))
    found = analyse_spectrum(Spectrum(frequency=clean.frequency, impedance=wave), pellet())
    assert any(flag.code == "labels_do_not_describe" for flag in found.flags)
    assert not any(flag.code == "labels_do_not_describe" for flag in analyse_spectrum(clean, pellet()).flags)


def test_every_mode_is_a_maximum_of_the_posterior():
    """No step of a tenth of a standard deviation along any axis climbs by more than the climb's own tolerance."""
    sample = pellet()
    problem = evidence.problem_of(spectrum(3), label_sets(sample)[0][0], sample)
    (best, *_) = find_modes(problem, evidence.draw_starts(problem), 15.0)
    lengths, axes = np.linalg.eigh(best.covariance)
    around = [
        best.coordinates + sign * 2.0 * math.sqrt(size) * axis
        for size, axis in zip(lengths, axes.T, strict=True)
        for sign in (-1, 1)
    ]
    assert np.all(heights_at(problem, np.array(around)) < heights_at(problem, best.coordinates[None]) + 0.3)


def test_a_mixture_of_two_has_two_humps():
    shares, centres, widths = np.array([0.7, 0.3]), np.log([1.0, 2.0]), np.array([0.01, 0.01])
    found = evidence.lognormal_mixture(shares, centres, widths)
    assert found.value == pytest.approx(1.0, rel=0.02)
    assert found.high == pytest.approx(2.0, rel=0.03)
    assert found.low == pytest.approx(1.0, rel=0.03)


def test_weights_other_than_the_models_need_a_circuit():
    with pytest.raises(InputError, match="proportional"):
        analyse_spectrum(spectrum(1), pellet(), weighting="proportional")
    assert analyse_spectrum(spectrum(1), pellet(), weighting="unit").conductivity.value == pytest.approx(SIGMA, rel=0.1)


def test_a_given_circuit_gets_labels_from_the_priors():
    found = analyse_spectrum(spectrum(3), pellet(), "L0-R0-p(R1,CPE1)-p(R2,CPE2)-p(R3,CPE3)-Ws4")
    names = {process.part: process.name for process in found.processes}
    assert names["p(R1,CPE1)"] == "bulk"
    assert names["p(R2,CPE2)"] == "grain boundary"
    assert names["p(R3,CPE3)"] == "interface"
    assert found.conductivity.value == pytest.approx(SIGMA, rel=0.05)


def biased(factors, interfaces, seed=50):
    """A series along a bias: factors of the electrolyte's, and resistances of the interface."""
    return [
        spectrum(seed + at, (6e5, 10.0), potential=0.05 * at, factor=factor, interface=(ohm, 5e-7, 0.9))
        for at, (factor, ohm) in enumerate(zip(factors, interfaces, strict=True))
    ]


def test_an_interface_that_grows_leaves_the_ceramic_as_it_is():
    ohms = 90.0 * np.geomspace(1, 8, 8)
    found = analyse_series(biased(np.ones(8), ohms), pellet(), coordinate=0.05 * np.arange(8))
    assert found.ceramic_grows < 0.1
    tracks = {track.name: track for track in found.tracks}
    np.testing.assert_allclose(tracks["interface"].resistance, ohms, rtol=0.1)
    assert found.spectra[0].conductivity.value == pytest.approx(SIGMA, rel=0.03)


def test_a_ceramic_that_grows_is_found_to_grow():
    factors = np.array([1, 1, 1.02, 1.08, 1.2, 1.4, 1.7, 2.0])
    found = analyse_series(biased(factors, np.full(8, 90.0)), pellet(), coordinate=0.05 * np.arange(8))
    assert found.ceramic_grows > 0.9
    last = found.spectra[-1]
    assert last.resistance.value == pytest.approx(370.0 * 2.0, rel=0.05)
    tracks = {track.name: track for track in found.tracks}
    np.testing.assert_allclose(tracks["interface"].resistance, 90.0, rtol=0.2)


def test_energies_of_a_pellet_between_blocking_electrodes():
    kelvin = np.array([258.15, 278.15, 298.15, 318.15, 338.15])

    def times(energy):
        return kelvin / 298.15 * np.exp(energy / 8.617333262e-5 * (1 / kelvin - 1 / 298.15))

    bulk, boundary = times(0.35), times(0.45)
    spectra = [
        spectrum(
            90 + at, blocking=(1e-5, 0.9), bulk=(250.0 * bulk[at], 5e-11, 0.98),
            boundary=(120.0 * boundary[at], 5e-9, 0.92),
        )
        for at in range(5)
    ]  # fmt: skip
    blocking = ElectrodePair(ElectrodeMaterial.BLOCKING, ElectrodeMaterial.BLOCKING)
    found = analyse_series(
        spectra, pellet(electrodes=blocking), coordinate=kelvin, temperature=[Estimate(t, 0.1) for t in kelvin]
    )
    energies = dict(found.energies)
    for name, true in (("bulk", 0.35), ("grain boundary", 0.45)):
        assert energies[name].value / 96485.33 == pytest.approx(true, abs=0.005)
        assert energies[name].low / 96485.33 < true < energies[name].high / 96485.33
    assert math.isnan(found.ceramic_grows)
