"""The terms join the traced cell as they join the ohmic one, alone and together; wrong parameters are refused."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from rampion.cell.contact import ContactLoss
from rampion.cell.leakage import Leakage
from rampion.cell.ohmic import simulate_ohmic
from rampion.cell.parameters import Cell
from rampion.cell.penetration import PenetrationAtCurrent, PenetrationAtDepletion
from rampion.cell.protocols import Stop, segments
from rampion.cell.short import SoftShort, draw_soft_short
from rampion.cell.vacancies import VacancyAccumulation
from rampion.errors import InputError, NotConvergedError
from rampion.measurement import ConstantCurrent, FrequencyScan, Hold, Pause, Rest, Sweep

AREA = 4e-6
CONTACT = ContactLoss(capacity=3e4, resistance=1e-3, refill=2.0)
CONTACT_LEFT = "contactloss_ln contact fraction"
LEAK = Leakage(conductivity=6e-4)
FILAMENT = PenetrationAtCurrent(critical_current=10.0, area_fraction=1e-4)


def cell(*terms, **changes) -> Cell:
    """So many carriers, and so few of the others moving, that nothing polarizes: the ohmic cell's limit."""
    plain = {"thickness": 1e-3, "conductivity": 0.06, "concentration": 4e6, "transference": 0.99, "area": AREA}
    return Cell(**(plain | changes), terms=terms)


def compare(protocol, *terms) -> float:
    pytest.importorskip("jax", reason="the full cell needs jax")
    from rampion.cell.simulate import simulate

    full = simulate(cell(*terms), protocol)
    plain = simulate_ohmic(cell(*terms), protocol, points=2000).traces[0]
    expected = np.interp(full.time, plain.time, plain.current) / AREA
    assert {flag.code for flag in full.flags} == {flag.code for flag in plain.flags}
    return float(np.max(np.abs(full.current_density - expected)) / np.max(np.abs(expected)))


def test_three_terms_together_in_the_full_cell_and_in_the_ohmic_one():
    assert compare(Sweep(rate=5e-4, start=0.0, stop=0.8), CONTACT, LEAK, FILAMENT) < 2e-3


@pytest.mark.slow
@pytest.mark.parametrize(
    "term",
    [
        VacancyAccumulation(diffusivity=1e-11, excess=300.0, resistance=1e-4),
        PenetrationAtDepletion(concentration=100.0, diffusivity=1e-11, transference=0.8, hot_spot=2.0),
        ContactLoss(capacity=3e4, resistance=1e-3, refill=3.0, stress_exponent=2.0),
    ],
    ids=lambda term: type(term).__name__,
)
def test_terms_with_many_states_in_the_full_cell(term):
    assert compare(Sweep(rate=5e-4, start=0.0, stop=0.4), term) < 2e-3


@pytest.mark.slow
@pytest.mark.parametrize("terms", [(CONTACT, LEAK), (FILAMENT,)], ids=["contact and leakage", "filament"])
def test_derivatives_pass_through_the_terms(terms):
    pytest.importorskip("jax", reason="derivatives need jax")
    from rampion.cell.derivatives import sweep_sensitivities

    sweep, potentials, names = Sweep(rate=5e-4, start=0.0, stop=0.4), np.array([0.1, 0.2, 0.3, 0.35]), ("conductivity",)
    exact = sweep_sensitivities(cell(*terms), sweep, potentials, names).logarithmic[:, 0]
    step = 3e-5  # a wider one meets steps of another number on either side, whose errors differ by 1e-6
    up, down = (
        sweep_sensitivities(cell(*terms, conductivity=0.06 * factor), sweep, potentials, names).current_density
        for factor in (1 + step, 1 - step)
    )
    np.testing.assert_allclose(exact, (up - down) / (2 * step), rtol=5e-5)


def test_parallel_terms_add_and_series_terms_share_the_voltage():
    protocol = Hold(potential=0.1, duration=10.0)
    alone = simulate_ohmic(cell(LEAK), protocol).traces[0].current[0]
    both = simulate_ohmic(cell(LEAK, CONTACT), protocol).traces[0].current[0]
    assert alone / AREA == pytest.approx(0.1 * 60.6)
    assert both / AREA == pytest.approx(0.1 / (1.0 / 60.0 + 1e-3) + 0.1 * 0.6, rel=1e-9)


def test_a_paused_ohmic_sweep_is_one_record_and_spectra_whose_interface_arc_grows():
    scan = FrequencyScan(high=1e6, low=0.1, points_per_decade=6, amplitude=0.01)
    term = ContactLoss(capacity=2e4, resistance=1e-3, capacitance=0.1)
    sweep = Sweep(rate=1e-3, start=0.0, stop=0.3, pause=Pause(every=0.1, duration=200.0, scan=scan))
    run = simulate_ohmic(cell(term), sweep)
    assert [type(part.protocol).__name__ for part in run.experiment.parts] == ["Sweep", *["FrequencyScan"] * 3]
    assert run.experiment.synthetic
    assert run.time[-1] == pytest.approx(900.0)
    assert np.all(np.diff(run.time) > 0)
    arcs = []
    for spectrum in run.spectra:
        impedance = spectrum.impedance * AREA
        arcs.append(impedance[-1].real - impedance[0].real)
        # dc limit: the slope of the frozen state's V(J); high-frequency limit: the electrolyte alone
        assert impedance[0].real == pytest.approx(1e-3 / 0.06, rel=1e-2)
    assert arcs[0] < arcs[1] < arcs[2]
    assert [s.time[0] for s in run.spectra] == pytest.approx([300.0, 600.0, 900.0])
    theta = np.exp(np.interp([300.0, 600.0, 900.0], run.time, run.states[CONTACT_LEFT]))
    np.testing.assert_allclose(arcs, 1e-3 / theta, rtol=2e-2)


@pytest.mark.parametrize("lasting", [math.nan, 600.0], ids=["instant", "timed"])
def test_a_spectrum_leaves_the_pressure_of_a_rest_as_it_is(lasting):
    """Released, the contact stays as it was left, whatever is measured meanwhile; pressed, it is refilled at J_rep."""
    term = ContactLoss(capacity=CONTACT.capacity, resistance=1e-3, refill=5.0, capacitance=0.1)
    scan = FrequencyScan(high=1e5, low=0.1, points_per_decade=4, duration=lasting)
    strip, time = ConstantCurrent(current=20.0 * AREA, duration=1800.0), 0.0 if math.isnan(lasting) else lasting
    for pressed in (False, True):
        rest = Rest(duration=300.0, pressed=pressed)
        run = simulate_ohmic(cell(term), (strip, rest, scan, rest, scan))
        left, rested = 1.0 - 15.0 * 1800.0 / CONTACT.capacity, pressed * 5.0 / CONTACT.capacity
        for spectrum, resting in zip(run.spectra, (300.0 + time, 600.0 + 2.0 * time), strict=True):
            arc = spectrum.impedance[-1].real * AREA - 1.0 / 60.0
            assert arc == pytest.approx(1e-3 / (left + rested * resting), rel=2e-2)
        assert math.exp(run.states[CONTACT_LEFT][-1]) == pytest.approx(left + rested * resting, rel=1e-4)


def test_a_scan_goes_on_under_the_last_control_and_pressure():
    scan = FrequencyScan(high=1e5, low=10.0, points_per_decade=4)
    for lasting in (math.nan, 60.0):
        parts = segments((Rest(duration=5.0, pressed=False), replace(scan, duration=lasting)), AREA)
        assert [part.pressed for part in parts] == [False, False]
        parts = segments((ConstantCurrent(current=AREA, duration=5.0), replace(scan, duration=lasting)), AREA)
        assert [(part.galvanostatic, part.value) for part in parts] == [(True, 1.0), (True, 1.0)]


def test_a_rest_without_pressure_does_not_refill_and_the_null_cell_stays_at_zero():
    trace = simulate_ohmic(cell(), Rest(duration=10.0)).traces[0]
    np.testing.assert_array_equal(trace.current, 0.0)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: ContactLoss(capacity=-1.0, resistance=1.0), "capacity -1"),
        (lambda: ContactLoss(capacity=1.0, resistance=1.0, electrode="left"), "'left'"),
        (lambda: VacancyAccumulation(diffusivity=0.0, excess=1.0, resistance=1.0), "diffusivity 0"),
        (lambda: Leakage(conductivity=-1.0), "conductivity is -1"),
        (lambda: PenetrationAtCurrent(critical_current=1.0, area_fraction=2.0), "area fraction 2"),
        (lambda: SoftShort(times=(2.0, 1.0), conductances=(1.0, 1.0)), "ascending"),
        (lambda: draw_soft_short(1, 0.0, 10.0, 1.0, 0.0, 1.0), "positive times"),
    ],
)
def test_impossible_parameters_are_refused(make, sentence):
    with pytest.raises(InputError, match=sentence):
        make()


def test_missing_numbers_of_a_protocol_are_asked_for():
    with pytest.raises(InputError, match="duration of the Hold"):
        simulate_ohmic(cell(), Hold(potential=0.1))
    with pytest.raises(InputError, match="stop of the Sweep"):
        simulate_ohmic(cell(), Sweep(rate=1e-3))


class Blocking:
    """A user's term that lets no current through below a volt."""

    def overpotential(self, state, here):
        return np.sign(here.current) * 1.0


def test_a_term_that_cannot_be_solved_says_so():
    with pytest.raises(NotConvergedError, match="no current density"):
        simulate_ohmic(replace(cell(), terms=(Blocking(),)), Hold(potential=0.5, duration=1.0))


def test_reversed_current_refills_the_contact_and_strips_the_other_side():
    term = ContactLoss(capacity=1e3, resistance=1e-4)
    plated = simulate_ohmic(cell(term), (Hold(potential=0.1, duration=100.0), Hold(potential=-0.1, duration=50.0)))
    fractions = [math.exp(plated.states[CONTACT_LEFT][plated.part == part][-1]) for part in (0, 1)]
    assert fractions[0] == pytest.approx(1.0 - 0.1 * 100.0 / (1 / 60 + 1e-4) / 1e3, abs=5e-3)
    assert fractions[0] < fractions[1] <= 1.0
    working = replace(term, electrode="working")
    kept = simulate_ohmic(cell(working), Hold(potential=0.1, duration=100.0))
    np.testing.assert_allclose(kept.states[CONTACT_LEFT], 0.0, atol=1e-12)


def test_a_spectrum_shows_the_short_in_parallel():
    scan = FrequencyScan(high=1e5, low=1.0, points_per_decade=5)
    short = SoftShort(times=(0.0,), conductances=(60.0,))
    (spectrum,) = simulate_ohmic(cell(short), (Hold(potential=0.1, duration=1.0), scan)).spectra
    np.testing.assert_allclose(spectrum.impedance * AREA, 1.0 / 120.0, rtol=1e-12)


@pytest.mark.parametrize(
    ("stop", "reason", "check"),
    [
        (Stop(drop=0.2), "peak_passed", lambda t: t.current[-1] / t.current.max() == pytest.approx(0.8, abs=0.02)),
        (
            Stop(charge=5e3),
            "charge_reached",
            lambda t: np.trapezoid(t.current / AREA, t.time) == pytest.approx(5e3, rel=0.01),
        ),
        (Stop(current_density=7.0), "current_reached", lambda t: t.current[-1] / AREA == pytest.approx(7.0, rel=0.01)),
        (Stop(highest_potential=0.1), "potential_reached", lambda t: t.potential[-1] == pytest.approx(0.1, rel=0.01)),
    ],
    ids=["drop", "charge", "current", "potential"],
)
def test_a_run_stops_where_it_was_asked_to(stop, reason, check):
    protocols = (Sweep(rate=1e-4, start=0.0, stop=0.5), Rest(duration=10.0))
    experiment = simulate_ohmic(cell(ContactLoss(capacity=2e4, resistance=1e-3)), protocols, points=1000, stop=stop)
    (trace,) = experiment.traces
    assert check(trace)
    assert reason in [flag.code for flag in trace.flags]
    assert all(dict(flag.details)["time"] <= trace.time[-1] for flag in trace.flags)


def test_what_falls_in_a_pause_or_a_rest_is_no_peak():
    ramp = Sweep(rate=1e-3, start=0.0, stop=0.1)
    term = ContactLoss(capacity=2e3, resistance=1e-3)
    assert simulate_ohmic(cell(term), (ramp, Rest(duration=100.0))).peak is None
    assert simulate_ohmic(cell(term), replace(ramp, pause=Pause(every=0.1, duration=900.0))).peak is None
    passed = simulate_ohmic(cell(term), replace(ramp, stop=0.6, pause=Pause(every=0.1, duration=10.0))).peak
    assert passed is not None
    assert passed.potential < 0.5
