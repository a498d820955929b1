"""Which records are of a symmetric cell: polarisation, shorts and swapped signs pass; unlike electrodes do not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rampion.measurement import ElectrodeMaterial, ElectrodePair, Hold, Rest, Sample, Spectrum, Trace
from rampion.plausible_limits import REST, couple_of
from rampion.readers import read_file
from rampion.voltammetry.analyse import analyse_run
from rampion.voltammetry.finding import Kind, Verdict
from rampion.voltammetry.rise_laws import Projected, weigh_laws
from rampion.voltammetry.symmetric_cell import CellEvidence, check_cell
from real_files import real_file

N = 600
TIME = np.arange(N) * 10.0
PLAIN = couple_of(Sample())
INDIUM = ElectrodePair(ElectrodeMaterial.INDIUM_LITHIUM, ElectrodeMaterial.LITHIUM)


def trace(potential, current, **more) -> Trace:
    rng = np.random.default_rng(7)
    noise = 1e-5 * rng.standard_normal(np.shape(potential))
    return Trace(time=TIME[: len(potential)], potential=potential + noise, current=np.asarray(current, float), **more)


def findings(*traces: Trace, sample: Sample | None = None):
    return analyse_run(traces, sample or Sample(name="x")).findings


def rested(voltage: float, current: float = 1e-4, resistance: float = 500.0, rest: int = 30) -> Trace:
    flowing = np.r_[np.zeros(rest), np.full(N - rest, current)]
    return trace(voltage + resistance * flowing, flowing)


@pytest.mark.parametrize(
    ("voltage", "symmetric"), [(0.0, True), (0.019, True), (-0.019, True), (0.4, False), (1.28, False)]
)
def test_the_rest_before_the_first_current_decides(voltage, symmetric):
    check = check_cell((rested(voltage),), PLAIN)
    assert check.symmetric is symmetric
    (finding,) = findings(rested(voltage))
    assert (finding.verdict is Verdict.NOT_A_SYMMETRIC_CELL) is not symmetric
    if not symmetric:
        assert check.evidence is CellEvidence.REST
        assert check.voltage == pytest.approx(voltage, abs=1e-3)
        assert math.isnan(finding.current.value)
        assert math.isnan(finding.confidence)


@pytest.mark.parametrize(
    ("since", "first", "symmetric"), [(10.0, 0.2, True), (600.0, 0.07, True), (3600.0, 0.2, False)]
)
def test_a_rest_that_decays_as_polarisation_does_is_a_finding_and_no_reason_to_refuse(since, first, symmetric):
    """V = first·√(since/(since + t)): the decay shows how long ago the current ended, and so how large it may be."""
    time = TIME[:30]
    decay = first * np.sqrt(since / (since + time))
    potential = np.r_[decay, np.full(N - 30, 0.5)]
    record = trace(potential, np.r_[np.zeros(30), np.full(N - 30, 1e-3)])
    assert check_cell((record,), PLAIN).symmetric is symmetric


def test_a_rest_counts_before_the_current_or_ten_hours_after_it():
    flowing = trace(np.full(N, 0.2), np.full(N, 1e-4))
    for wait, symmetric in ((60.0, True), (REST.forgotten + 60.0, False)):
        later = Trace(time=TIME[-1] + wait + np.arange(30.0), potential=np.full(30, 0.1), current=np.zeros(30))
        assert check_cell((flowing, later), PLAIN).symmetric is symmetric


def test_an_open_circuit_trace_or_a_spectrum_without_current_before_the_run_is_its_rest():
    run = trace(np.full(N, 3.1), np.full(N, 1e-4))
    assert check_cell((run,), PLAIN).symmetric  # one direction, no rest: nothing to go by
    rest = trace(np.full(20, 3.0), np.zeros(20), protocol=Rest())
    assert not check_cell((rest, run), PLAIN).symmetric
    for current, symmetric in ((0.0, False), (math.nan, True), (1e-2, True)):
        spectrum = Spectrum(
            frequency=np.array([10.0, 1.0]), impedance=np.array([100 - 1j, 120 - 5j]), potential=3.0, current=current
        )
        assert check_cell((spectrum, run), PLAIN).symmetric is symmetric


def test_power_delivered_beyond_what_polarisation_leaves_is_of_unlike_electrodes():
    square = np.where((np.arange(N) // 100) % 2 == 0, 1e-4, -1e-4)
    for emf, symmetric in ((0.0, True), (0.06, True), (0.6, False), (3.6, False)):
        assert check_cell((trace(emf + 500.0 * square, square),), PLAIN).symmetric is symmetric
    check = check_cell((trace(3.6 + 500.0 * square, square),), PLAIN)
    assert check.evidence is CellEvidence.DELIVERY
    assert check.voltage == pytest.approx(3.55, abs=1e-3)


def test_a_voltage_against_the_sign_of_the_drive_before_is_no_polarisation():
    """Driven from −0.5 V upwards, current still negative at +0.15 V: nothing in the record leaves that."""
    ramp = np.linspace(-0.5, 0.5, N)
    assert not check_cell((trace(ramp, (ramp - 0.15) / 500.0),), PLAIN).symmetric
    assert check_cell((trace(ramp, (ramp + 0.15) / 500.0),), PLAIN).symmetric  # of the sign of the drive
    assert check_cell((trace(ramp, (ramp - 0.02) / 500.0),), PLAIN).symmetric  # an instrument's offset


@pytest.mark.parametrize("turn", [(1, 1), (-1, -1), (1, -1)])
def test_turned_signs_of_a_symmetric_cell_pass(turn):
    ramp = np.linspace(0.0, 0.6, N)
    current = 2e-3 * ramp * np.exp(-ramp / 0.3)  # with a maximum inside
    assert check_cell((trace(turn[0] * ramp, turn[1] * current),), PLAIN).symmetric
    level = np.full(N, 1e-4)
    assert check_cell((trace(turn[0] * np.full(N, 0.5), turn[1] * level),), PLAIN).symmetric


def test_a_swapped_sign_of_the_current_passes_in_a_sweep_that_began_polarised():
    ramp = np.linspace(0.0, 0.55, N)
    assert check_cell((trace(ramp, -(ramp - 0.1) / 500.0),), PLAIN).symmetric
    assert not check_cell((trace(ramp + 0.3, -(1.0 - ramp) / 500.0),), PLAIN).symmetric  # most at the smallest voltage


def test_a_discharge_without_a_rest_falls_from_its_first_points_on():
    voltage = 3.4 - 0.3 * np.linspace(0, 1, N) - 0.4 * np.linspace(0, 1, N) ** 20
    check = check_cell((trace(voltage, np.full(N, -1e-4)),), PLAIN)
    assert check.evidence is CellEvidence.DELIVERY
    ramp = 1.0 - np.linspace(0.0, 0.8, N)
    assert not check_cell((trace(ramp, (ramp - 1.0) / 500.0),), PLAIN).symmetric  # current grows as the voltage falls


def test_shorts_of_any_current_pass():
    ramp = np.linspace(0.0, 0.4, N)
    for short in (0.01, 0.25, 30.0):
        current = np.where(np.arange(N) > 400, ramp / short, ramp / 1000.0)
        (finding,) = findings(trace(ramp, current))
        assert finding.verdict is Verdict.PENETRATION
    held = trace(np.full(N, 0.3), np.where(np.arange(N) > 400, 1.0, 3e-4), protocol=Hold(potential=0.3))
    assert check_cell((held,), PLAIN).symmetric


@pytest.mark.parametrize("start", [0.0, 0.1, 0.5])
def test_a_sweep_may_begin_anywhere_on_the_line_through_zero(start):
    ramp = np.linspace(start, start + 0.4, N)
    noise = 2e-7 * np.random.default_rng(3).standard_normal(N)
    (finding,) = findings(trace(ramp, ramp / 1000.0 + noise))
    assert finding.verdict is Verdict.NO_EVENT
    assert finding.cell.flag is None


@pytest.mark.parametrize("emf", [0.62, 3.0])
def test_a_sweep_that_begins_without_current_away_from_zero_is_not_judged(emf):
    ramp = np.linspace(emf, emf + 0.4, N)
    noise = 2e-7 * np.random.default_rng(3).standard_normal(N)
    (finding,) = findings(trace(ramp, (ramp - emf) / 1000.0 + noise))
    assert finding.verdict is Verdict.NOT_A_SYMMETRIC_CELL
    assert finding.cell.evidence is CellEvidence.INTERCEPT
    assert finding.cell.voltage == pytest.approx(emf, abs=0.01)


def test_a_sweep_that_begins_polarised_is_judged_with_less_confidence_unless_current_came_before():
    ramp = np.linspace(0.0, 0.4, N)
    noise = 2e-7 * np.random.default_rng(3).standard_normal(N)
    record = trace(ramp, (ramp - 0.08) / 1000.0 + noise)
    (alone,) = findings(record)
    assert alone.verdict is not Verdict.NOT_A_SYMMETRIC_CELL
    assert alone.confidence <= 0.7
    before = Trace(time=TIME - TIME[-1] - 10, potential=np.full(N, 0.2), current=np.full(N, 1e-4))
    *_, after = findings(before, record)
    assert after.kind is Kind.SWEEP
    assert after.confidence > 0.7
    assert after.cell.flag is None


def test_stated_electrodes_are_taken_off_and_undeclared_ones_get_no_verdict():
    ramp = np.linspace(0.0, 0.4, N)
    record = trace(0.62 + ramp, ramp / 1000.0 + 2e-7 * np.random.default_rng(3).standard_normal(N))
    (undeclared,) = findings(record)
    (declared,) = findings(record, sample=Sample(name="x", electrodes=INDIUM))
    assert undeclared.verdict is Verdict.NOT_A_SYMMETRIC_CELL
    assert declared.verdict is Verdict.NO_EVENT
    assert declared.potential.value == pytest.approx(0.4, abs=0.01)
    turned = ElectrodePair(INDIUM.counter, INDIUM.working)
    (other,) = findings(
        Trace(time=TIME, potential=-record.potential, current=-record.current),
        sample=Sample(name="x", electrodes=turned),
    )
    assert other.verdict is Verdict.NO_EVENT


def test_a_stated_couple_that_does_not_rest_where_it_should_is_not_judged():
    sample = Sample(name="x", electrodes=INDIUM)
    assert findings(rested(0.62), sample=sample)[0].verdict.judged
    assert not findings(rested(1.3), sample=sample)[0].verdict.judged
    assert not findings(rested(0.0), sample=sample)[0].verdict.judged


def test_lithium_plated_on_copper_nucleates_and_is_then_judged():
    flowing = np.r_[np.zeros(30), np.full(N - 30, -1e-4)]
    plating = -0.05 - 0.08 * np.exp(-np.arange(N - 42) / 8.0)
    record = trace(np.r_[np.full(30, 2.8), np.linspace(2.0, 0.0, 12), plating], flowing)
    copper = ElectrodePair(ElectrodeMaterial.COPPER, ElectrodeMaterial.LITHIUM)
    assert not findings(record)[0].verdict.judged
    assert findings(record, sample=Sample(name="x", electrodes=copper))[0].verdict is Verdict.NO_EVENT


@pytest.mark.parametrize(
    "name",
    [
        "negative_controls/fluoride_full_cell/60C_AGFKBiF_K3Bi09Zr01F61_PbSnF4PbAB_03_GCPL_C13.mpr",
        "solid_state/hybrid-drt_SSB/CP_SSB.mpr",
        "gamry/shepard/Curva_Polarizacion_Asc_33s_2x_#1.DTA",
        "gamry/nomad_hzb/CV.DTA",
        "gamry/nomad_hzb/CVCP.DTA",
        "chi/nomad_hzb/CV-1T.txt",
        "palmsens/CV example.pssession",
        "palmsens/nomad_hzb/05_N2_LSV_10mV_1600rpm.pssession",
        "neware/TESTCELL0001-Test_Data_Collection_Ndc17.ndax",
        "basytec/tests__sample_data__basytec__sample_data_basytec.txt",
    ],
)
def test_real_records_of_other_cells_are_not_judged(name):
    experiment = read_file(real_file(name))
    found = analyse_run(experiment.traces, experiment.sample, experiment.parts).findings
    assert found
    assert not any(finding.verdict.judged for finding in found)


def test_the_real_symmetric_cell_is_not_refused():
    stem = "li_symmetric/datalab_LiLi_TEGDME/jr862_11_08_23_insitu-impedance-LiLi_1MLiTFSI_TEGDME-1mA"
    for name in (f"{stem}_01_GCPL_C05.mpr", f"{stem}_02_GEIS_C05.mpr", f"{stem}_03_GCPL_C05.txt"):
        assert check_cell(read_file(real_file(name)).parts, PLAIN).symmetric


def test_rises_below_zero_have_a_weight_under_every_law():
    """A leg towards zero ends at a negative potential; the length of an exponential rise is a share of its size."""
    x = np.linspace(-0.19, -0.055, 300)
    rise = 2e-5 * np.expm1(np.maximum(x + 0.12, 0.0) / 0.02)
    basis = np.linalg.qr(np.vander(x, 3) / 1e-7)[0]
    z = (1e-4 * (x + 0.15) + rise) / 1e-7
    points = Projected(
        potential=x,
        weight=np.full(300, 1e7),
        left=z - basis @ (basis.T @ z),
        basis=basis,
        size=float(np.abs(z[-5]) * 1e-7),
    )
    evidence = weigh_laws(points, np.linspace(-0.17, -0.06, 60), 1.0)
    assert not np.isnan(evidence.log_weight).any()
