"""Names along a series: the ceramic keeps its own, whatever becomes of the contact; what is not sure is said."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from constructed_spectra import finite_short, zarc

from rampion.cell.contact import ContactLoss
from rampion.cell.ohmic import simulate_ohmic
from rampion.cell.parameters import Cell, Relaxation
from rampion.estimate import Estimate
from rampion.fitting import covariance_of, covariances_of
from rampion.impedance.assignment import LOST_CONTACT, UNKNOWN, assign_arcs, assign_late_arc, is_ceramic
from rampion.impedance.finding import analyse_spectrum
from rampion.impedance.flags import ImpedanceFlag
from rampion.impedance.processes import Process
from rampion.impedance.series_circuits import cheapest_sequence
from rampion.impedance.series_finding import analyse_series
from rampion.impedance.series_names import name_series
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


def noisy(impedances, seed, noise=0.003, frequency=FREQUENCY):
    random = np.random.default_rng(seed)
    return [
        Spectrum(
            frequency=frequency,
            impedance=z + noise * np.abs(z) * (random.standard_normal(z.size) + 1j * random.standard_normal(z.size)),
            synthetic=True,
        )
        for z in impedances
    ]


def test_a_slower_contact_that_leaves_the_capacitance_as_it_was_is_doubted():
    """Six times slower than the ceramic: their joint arc grows threefold at the ceramic's capacitance."""
    angular, sizes = 2 * np.pi * FREQUENCY, CERAMIC * np.geomspace(0.003, 3, 12)
    spectra = noisy([zarc(angular, CERAMIC, 5e-7, 0.95) + zarc(angular, size, 3e-6, 0.95) for size in sizes], 37)
    found = analyse_series(spectra, SAMPLE, "p(R1,CPE1)")
    wrong = [finding for finding in found.spectra if finding.resistance.value > 1.1 * CERAMIC]
    assert len(wrong) >= 4
    for finding in wrong:
        (process,) = finding.processes
        assert process.confidence < 0.8
        assert any(flag.code == "assignment_uncertain" for flag in finding.conductivity.flags)
    assert found.spectra[0].processes[0].confidence > 0.8
    assert not found.spectra[0].conductivity.flags


def test_a_ceramic_of_which_a_part_does_not_show_gives_no_number_without_a_word():
    angular, contacts = 2 * np.pi * FREQUENCY, np.geomspace(1, 1e-5, 10)
    bulk, boundary = zarc(angular, 2500.0, 1e-9), zarc(angular, 1500.0, 6e-7, 0.9)
    spectra = noisy([bulk + boundary + zarc(angular, 500.0 / contact, 5e-5, 0.9) for contact in contacts], 38)
    found = analyse_series(spectra, SAMPLE, "R0-p(R1,CPE1)-p(R2,CPE2)")
    partial = [finding for finding in found.spectra if finding.conductivity and finding.resistance.value < 3500]
    assert partial
    for finding in partial:
        assert any(flag.code == "ceramic_partly_hidden" for flag in finding.conductivity.flags)
    whole = [finding for finding in found.spectra if len(finding.processes) == 3]
    assert len(whole) > 4
    assert not any(flag.code == "ceramic_partly_hidden" for finding in whole for flag in finding.flags)


def test_nothing_diffuses_as_fast_as_a_ceramic_relaxes():
    """A finite diffusion in the place of a ceramic arc has no name, in a spectrum as in a series."""
    angular = 2 * np.pi * FREQUENCY
    spectra = noisy([finite_short(angular, CERAMIC, 4e-6) + zarc(angular, 3e3, 1e-3, 0.95)] * 3, 39)
    series = analyse_series(spectra, SAMPLE, "p(R1,CPE1)-Ws2")
    for finding in (analyse_spectrum(spectra[0], SAMPLE, "p(R1,CPE1)-Ws2"), *series.spectra):
        fast = next(process for process in finding.processes if process.part == "Ws2")
        assert fast.frequency.value > 1e4
        assert fast.name == UNKNOWN
        assert fast.confidence == 0
        assert any(flag.code == "assignment_uncertain" for flag in fast.flags)
    slow = noisy([2e3 + zarc(angular, 500, 1e-6) + finite_short(angular, 3e3, 3e-2)], 40)
    named = analyse_spectrum(slow[0], SAMPLE, "R0-p(R1,CPE1)-Ws2").processes
    assert [process.name for process in named if process.part == "Ws2"] == ["diffusion"]


def test_a_conductivity_rests_on_a_name_only_where_it_may_be_the_ceramics():
    """Whether an arc is an interface or a surface layer does not matter to it, whether it is a grain boundary does."""
    frequency, scale = np.geomspace(7e6, 10, 50), 2.5  # L/A in 1/cm
    angular = 2 * np.pi * frequency

    def flagged(capacitance):
        bulk = zarc(angular, CERAMIC, CERAMIC * 3e-11 / scale, 0.95)
        slow = zarc(angular, 3e3, 3e3 * capacitance / scale, 0.95)
        (spectrum,) = noisy([bulk + slow], 41, 0.001, frequency)
        finding = analyse_spectrum(spectrum, SAMPLE, "p(R1,CPE1)-p(R2,CPE2)")
        assert finding.processes[1].confidence < 0.8
        return any(flag.code == "conductivity_rests_on_a_name" for flag in finding.flags)

    assert flagged(8e-9)
    assert not flagged(1e-7)


def test_a_late_arc_took_its_resistance_only_where_the_ceramic_surely_fell():
    """The ceramic's arc falls by a third of itself or of its uncertainty when a new arc of that size comes."""

    def named(relative):
        def arc(part, size, capacitance):
            return Process(
                part=part, kind="arc", resistance=Estimate(size, relative * size), exponent=Estimate(0.9, 0.01),
                capacitance=Estimate(capacitance, 0.02 * capacitance),
                frequency=Estimate(1 / (2 * np.pi * size * capacitance)),
            )  # fmt: skip

        before = [(arc("p(R1,CPE1)", 600.0, 2e-11),)] * 3
        after = [(arc("p(R1,CPE1)", 400.0, 2e-11), arc("p(R2,CPE2)", 200.0, 1e-10))] * 3
        return name_series([*before, *after], SAMPLE).names[-1]["p(R2,CPE2)"].name

    assert is_ceramic(named(0.01))
    assert not is_ceramic(named(0.3))


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
