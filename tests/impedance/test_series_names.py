"""Names along a series: the ceramic keeps its own, whatever becomes of the contact; what is not sure is said."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from constructed_spectra import zarc

from rampion.cell.contact import ContactLoss
from rampion.cell.ohmic import simulate_ohmic
from rampion.cell.parameters import Cell, Relaxation
from rampion.estimate import Estimate
from rampion.fitting import covariance_of, covariances_of
from rampion.impedance.assignment import LOST_CONTACT, UNKNOWN, assign_arcs, assign_late_arc, is_ceramic
from rampion.impedance.flags import ImpedanceFlag
from rampion.impedance.series_circuits import cheapest_sequence
from rampion.impedance.series_finding import analyse_series
from rampion.measurement import FrequencyScan, Pause, Sample, Spectrum, Sweep

SAMPLE = Sample(thickness=Estimate(1e-3, 1e-5), area=Estimate(4e-6, 8e-8))
FREQUENCY = np.geomspace(6e5, 10, 40)
CERAMIC = 4200.0


def losing_contact(contacts, time, seed):
    """A ceramic, an interface, and 25 Ω of contact that grow as 1/θ while their capacitance falls as θ."""
    rng, angular, spectra = np.random.default_rng(seed), 2 * np.pi * FREQUENCY, []
    for contact in contacts:
        impedance = zarc(angular, CERAMIC, 2e-7, 0.95) + zarc(angular, 250.0, 2.5e-6, 0.9)
        impedance = impedance + zarc(angular, 25.0 / contact, time)
        error = 0.003 * (rng.standard_normal(angular.size) + 1j * rng.standard_normal(angular.size))
        spectra.append(Spectrum(frequency=FREQUENCY, impedance=impedance * (1 + error), synthetic=True))
    return spectra


def test_a_contact_that_passes_the_bulks_capacitance_does_not_take_its_name():
    contacts = np.geomspace(1, 3e-6, 10)  # its capacitance falls from 4e-6 to 1.2e-11 F, the ceramic's is 5e-11 F
    spectra = losing_contact(contacts, 1e-4, 31)
    found = analyse_series(spectra, SAMPLE, "p(R1,CPE1)-p(R2,CPE2)-p(R3,CPE3)")
    grown = next(track for track in found.tracks if np.nanmax(track.resistance) > 1e6)
    assert not is_ceramic(grown.name)
    np.testing.assert_allclose(grown.resistance[4:], 25 / contacts[4:], rtol=0.05)
    told = 0
    for number, finding in enumerate(found.spectra):
        (ceramic,) = (process for process in finding.processes if is_ceramic(process.name))
        if np.isfinite(ceramic.capacitance.std):  # where it is told
            told += 1
            assert ceramic.confidence > 0.8
            assert abs(ceramic.resistance.value - CERAMIC) < max(4 * ceramic.resistance.std, 0.1 * CERAMIC)
        if number > 3:  # before, the contact is too small to be told
            assert sum(process.name == grown.name for process in finding.processes) == 1
    assert told >= 7


def test_a_contact_that_merges_with_the_ceramic_is_doubted():
    """Both arcs lie at one frequency: nothing can part them, so the ceramic's name must lose its confidence."""
    spectra = losing_contact(np.geomspace(1, 1e-5, 9), 5e-7, 32)
    found = analyse_series(spectra, SAMPLE, "p(R1,CPE1)-p(R2,CPE2)")
    for finding in found.spectra:
        for process in finding.processes:
            if is_ceramic(process.name) and process.resistance.value > 4 * CERAMIC:
                assert process.confidence < 0.8
                assert any(flag.code == "assignment_uncertain" for flag in process.flags)
    last = found.spectra[-1]
    assert not any(is_ceramic(process.name) for process in last.processes)
    assert last.conductivity is None
    assert any(flag.code == "ceramic_hidden" for flag in last.flags)


def test_a_simulated_cell_that_loses_contact():
    thickness, area, conductivity = 1e-3, 4e-6, 0.06
    resistance = thickness / conductivity
    merged = Relaxation(name="ceramic", share=1.0, exponent=0.95, admittance=2e-7**0.95 / resistance)
    interface = Relaxation(name="interface", share=1.0, admittance=1e-2, exponent=0.9, place="interface")
    loss = ContactLoss(capacity=18e3, resistance=5e-5, capacitance=1e-2)
    cell = Cell(
        thickness=thickness, area=area, conductivity=conductivity, concentration=430.0, transference=0.8,
        interface_resistance=1e-3, relaxations=(merged, interface), terms=(loss,), name="losing contact",
    )  # fmt: skip
    scan = FrequencyScan(high=600e3, low=10.0, points_per_decade=8)
    sweep = Sweep(rate=5e-5, start=0.0, stop=0.25, pause=Pause(every=0.05, duration=90.0, scan=scan))
    clean = simulate_ohmic(cell, (sweep,)).spectra
    rng = np.random.default_rng(33)
    spectra = [
        Spectrum(
            frequency=s.frequency,
            impedance=s.impedance * (1 + 0.002 * (rng.standard_normal(len(s)) + 1j * rng.standard_normal(len(s)))),
            synthetic=True,
        )
        for s in clean
    ]
    lost = np.array([s.impedance[-1].real > 10 * resistance / area for s in spectra])
    assert lost.any()
    assert not lost.all()
    found = analyse_series(spectra, SAMPLE, "p(R1,CPE1)-p(R2,CPE2)")
    for finding, gone in zip(found.spectra, lost, strict=True):
        if gone:
            assert [process.name for process in finding.processes if process.kind == "arc"] == [LOST_CONTACT]
            assert finding.conductivity is None
        else:
            assert finding.conductivity.low < conductivity < finding.conductivity.high


def test_what_no_solid_can_have_is_a_lost_contact():
    vacuum = 8.854e-12 * 4e-6 / 1e-3
    assert assign_arcs([Estimate(vacuum, 0.01 * vacuum)], SAMPLE.thickness, SAMPLE.area)[0].name == LOST_CONTACT
    garnet = 60 * vacuum
    (bulk,) = assign_arcs([Estimate(garnet, 0.01 * garnet)], SAMPLE.thickness, SAMPLE.area)
    assert bulk.name == "bulk"
    assert bulk.confidence > 0.8


def test_a_capacitance_that_is_not_told_gives_no_name():
    untold = Estimate(3e-11, flags=(ImpedanceFlag.UNIDENTIFIABLE.flag(parameter="R2", reason="they do not bound it"),))
    (found,) = assign_arcs([untold], SAMPLE.thickness, SAMPLE.area)
    assert (found.name, found.confidence) == (UNKNOWN, 0.0)


def test_a_late_arc_is_ceramic_only_where_it_took_its_resistance_from_the_ceramic():
    def late(split):
        capacitance = Estimate(8e-11, 1e-12)  # 2e-10 F at 1 cm⁻¹, amid the grain boundary's range
        return assign_late_arc(
            capacitance, SAMPLE.thickness, SAMPLE.area, "arc 3", ceramic_known=True, split=split
        )  # fmt: skip

    assert is_ceramic(late(split=True).name)
    assert not is_ceramic(late(split=False).name)


def test_the_cheapest_sequence_is_the_cheapest():
    costs = np.random.default_rng(34).uniform(0, 10, (7, 3))
    found = cheapest_sequence(costs, 4.0)

    def cost(path):
        return sum(costs[row, kind] for row, kind in enumerate(path)) + 4.0 * np.count_nonzero(np.diff(path))

    best = min(itertools.product(range(3), repeat=7), key=cost)
    assert cost(found) == pytest.approx(cost(best))


def test_covariances_of_many_are_those_of_each():
    random = np.random.default_rng(35)
    tables = random.standard_normal((3, 20, 4)) * 10.0 ** random.uniform(-3, 3, (1, 1, 4))
    tables[1, :, 3] = 2 * tables[1, :, 0]
    tables[2, :, 1] = 0.0
    many = covariances_of(tables)
    expected = np.linalg.inv(tables[0].T @ tables[0])
    np.testing.assert_allclose(many[0], expected, rtol=1e-6)
    np.testing.assert_array_equal(many[1], covariance_of(tables[1]))
    assert list(np.isnan(np.diag(many[1]))) == [True, False, False, True]
    assert list(np.isnan(np.diag(many[2]))) == [False, True, False, False]
