"""Spectra of transient states: closed form, time domain, steady slope, Kramers–Kronig, electrodes, derivatives."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("jax")
import jax.numpy as jnp
from scipy.integrate import simpson, solve_ivp
from scipy.optimize import brentq

from rampion.cell.closures import Closure
from rampion.cell.contact import ContactLoss
from rampion.cell.frozen import Frozen
from rampion.cell.general_run import run_general
from rampion.cell.inputs import mesh_of, structure_of
from rampion.cell.leakage import Leakage
from rampion.cell.linearise import area_impedance, electrodes_apart, excited_impedance, spectrum_at
from rampion.cell.parameters import Cell, Relaxation, chemical_diffusivity, limiting_current_density, thermal_voltage
from rampion.cell.simulate import Accuracy, simulate
from rampion.errors import InputError
from rampion.impedance.kramers_kronig import check_kramers_kronig
from rampion.measurement import FrequencyScan, Hold, Sweep
from rampion.quantities import FARADAY

SKIN = Accuracy(tolerance=1e-5, intervals=64, first_interval=1e-6)
BARE = Cell(thickness=1e-3, conductivity=0.06, concentration=100.0, transference=0.8, diffusivity=1e-11)
C0 = 400.0
# Made up: every property depends on the concentration.
CURVED = Cell(
    thickness=0.5e-3, conductivity=0.06, concentration=C0, transference=0.4, diffusivity=2e-12, exchange_current=10.0,
    interface_resistance=5e-4, interface_capacitance=1e-2, reference=0.3,
    closure=Closure(
        name="curved",
        diffusivity=lambda c: 2e-12 * (0.5 + 0.5 * c / C0),
        transference=lambda c: 0.4 + 0.1 * (c / C0 - 1.0) / (1.0 + c / C0),
        conductivity=lambda c: 0.06 * c / C0 * jnp.exp(-0.2 * (c / C0 - 1.0)),
        thermodynamic_factor=lambda c: 1.0 + 0.3 * c / C0,
    ),
)  # fmt: skip


def test_concentration_impedance_of_a_depleted_face_against_the_closed_form():
    """σ constant: Z − L/σ = (dV/dc at the faces)·δc, with δc ∝ tanh(q/2)/q, down to a surface of 1e-11 c₀."""
    cell = replace(BARE, conduction="constant")
    sweep = Sweep(rate=1e-4, start=0.0, stop=1.0)
    run = run_general(cell, sweep)  # the run that the spectrum's state ends
    low, high = (c[-1] / 100.0 for c in (run.surface_concentration, run.counter_concentration))
    assert low < 1e-10
    got = spectrum_at(cell, sweep, FrequencyScan(high=1e6, low=1e-6, points_per_decade=2))
    q = np.sqrt(2j * math.pi * got.frequency * cell.thickness**2 / chemical_diffusivity(cell))
    moved = 2.0 * np.tanh(0.5 * q) / q / limiting_current_density(cell)
    concentration = 2.0 * (1.0 - 0.8) * thermal_voltage(cell) * moved * (1.0 / low + 1.0 / high)
    expected = (cell.thickness / cell.conductivity + concentration) / cell.area
    assert got.impedance == pytest.approx(expected, rel=1e-6)


def steady_profile(density: float, reference: float = 1.0) -> tuple[np.ndarray, np.ndarray, float]:
    """The curved cell's steady profile at a current density by quadrature, and its voltage up to a plane."""
    closure, thermal = CURVED.closure, thermal_voltage(CURVED)
    ends = np.linspace(0.0, 1.0, 2001)

    def slope(_, c):
        return (1.0 - closure.transference(c)) * density * CURVED.thickness / (FARADAY * closure.diffusivity(c))

    def from_face(face: float) -> np.ndarray:
        return solve_ivp(slope, (0.0, 1.0), [face], t_eval=ends, rtol=1e-11, atol=1e-9, method="DOP853").y[0]

    face = brentq(lambda face: simpson(from_face(face), x=ends) - C0, 1e-3 * C0, C0, xtol=1e-12 * C0)
    c = from_face(face)
    there = ends <= reference + 1e-9
    x, c_there = ends[there], c[there]
    ohmic = density * CURVED.thickness * simpson(1.0 / np.asarray(closure.conductivity(c_there)), x=x)
    weight = (1.0 - closure.transference(c_there)) * closure.thermodynamic_factor(c_there) / c_there
    polarized = 2.0 * thermal * simpson(weight * slope(0.0, c_there), x=x)
    drives = [0.5 * density / (10.0 * math.sqrt(at / C0)) for at in (c[0], c[-1])][: 2 if reference == 1.0 else 1]
    interfaces = 5e-4 * len(drives) / 2 * density + sum(2.0 * thermal * math.asinh(drive) for drive in drives)
    return ends, c, float(ohmic + polarized + interfaces)


def test_slow_and_fast_limits_of_a_steady_state_by_quadrature():
    """Every property depends on c: Z(0) = dV/dJ of the steady curve, Z(∞) the ohmic drop alone, for both electrodes."""
    density, step = 0.3, 1e-4
    ends, c, voltage = steady_profile(density)
    assert c[0] < 0.6 * C0
    eta = np.array([2.0 * math.asinh(0.5 * density / (10.0 * math.sqrt(at / C0))) for at in (c[0], c[-1])])
    frozen = Frozen(
        time=0.0, potential=voltage, current=density, ionic=density, position=ends[::10], concentration=c[::10] / C0,
        empty=np.full(201, np.inf), states=eta,
    )  # fmt: skip
    structure = structure_of(CURVED, mesh_of(CURVED, Accuracy()))
    whole, working = area_impedance(CURVED, frozen, np.array([1e9, 1e-9]), structure)
    near = [[steady_profile(density + sign * step, x)[2] for sign in (1.0, -1.0)] for x in (1.0, 0.3)]
    slopes = [(up - down) / (2.0 * step) for up, down in near]
    assert [whole[1].real, working[1].real] == pytest.approx(slopes, rel=1e-5)
    resistivity = CURVED.thickness / np.asarray(CURVED.closure.conductivity(c))
    fast = [simpson(resistivity[ends <= x + 1e-9], x=ends[ends <= x + 1e-9]) for x in (1.0, 0.3)]
    assert [whole[0].real, working[0].real] == pytest.approx([fast[0] + 5e-4, fast[1] + 2.5e-4], rel=1e-4)


@pytest.fixture(scope="module")
def steady():
    """The curved cell after a long hold: its state stands still."""
    held = Hold(potential=0.15, duration=3e6)
    return held, simulate(CURVED, held, accuracy=SKIN)


@pytest.mark.slow
def test_properties_that_depend_on_the_concentration_against_excitation_in_time(steady):
    held, run = steady
    scan = FrequencyScan(high=10.0, low=1e-5, points_per_decade=0.5)
    spectrum = spectrum_at(CURVED, held, scan, accuracy=SKIN)
    measured = np.array([excited_impedance(CURVED, run, float(f)) for f in spectrum.frequency])
    assert np.ptp(np.angle(measured)) > 0.3
    assert spectrum.impedance == pytest.approx(measured, rel=1e-3)


@pytest.mark.slow
def test_slow_limit_is_the_slope_of_the_steady_curve(steady):
    held, run = steady
    near = [
        simulate(CURVED, replace(held, potential=held.potential + step), accuracy=SKIN) for step in (-5e-4, 5e-4)
    ]  # fmt: skip
    slope = 1e-3 / float(near[1].current_density[-1] - near[0].current_density[-1])
    slow = FrequencyScan(high=1e-8, low=1e-8)
    whole = spectrum_at(CURVED, held, slow, accuracy=SKIN)
    assert whole.impedance[0] * CURVED.area == pytest.approx(slope, rel=1e-3)
    against = float(near[1].working_potential[-1] - near[0].working_potential[-1]) / 1e-3 * slope
    working, counter = electrodes_apart(whole)
    assert working.impedance[0] * CURVED.area == pytest.approx(against, rel=1e-3)
    assert working.impedance + counter.impedance == pytest.approx(whole.impedance, rel=1e-12)
    assert run.flags == ()


@pytest.mark.slow
def test_spectrum_of_a_steady_state_obeys_kramers_and_kronig(steady):
    held, _ = steady
    scan = FrequencyScan(high=1e5, low=1e-5, points_per_decade=8)
    found = check_kramers_kronig(spectrum_at(CURVED, held, scan, accuracy=SKIN))
    assert found.valid
    assert found.violation < 5e-4


@pytest.mark.parametrize("reference", [0.25, 0.7])
def test_reference_plane_sees_the_ceramic_in_front_of_it(reference):
    """Steady c = c₀[1 + j(2ξ − 1)]: potential of the working electrode and its high-frequency resistance."""
    cell = replace(BARE, reference=reference, interface_resistance=2e-3)
    held = Hold(potential=0.1, duration=1e7)
    run = simulate(cell, held)
    j = float(run.current_density[-1]) / limiting_current_density(cell)
    ratio = math.log((1.0 + j * (2.0 * reference - 1.0)) / (1.0 - j))
    ohmic = cell.thickness / cell.conductivity * ratio / (2.0 * j)
    expected = run.current_density[-1] * (ohmic + 1e-3) + 2.0 * 0.2 * thermal_voltage(cell) * ratio
    assert run.working_potential[-1] == pytest.approx(expected, rel=1e-4)
    fast = spectrum_at(cell, held, FrequencyScan(high=1e8, low=1e8), electrode="working")
    assert fast.impedance[0] * cell.area == pytest.approx(ohmic + 1e-3, rel=1e-4)
    mirrored = replace(cell, reference=1.0 - reference)
    rest = Hold(potential=1e-9, duration=1e-3)
    scan = FrequencyScan(high=1e5, low=1e-6, points_per_decade=1)
    other = spectrum_at(mirrored, rest, scan, electrode="counter")
    assert spectrum_at(cell, rest, scan, electrode="working").impedance == pytest.approx(other.impedance, rel=1e-6)


def test_leakage_past_the_ceramic_is_in_parallel_with_all_of_it():
    cell = replace(BARE, reference=0.5, series_resistance=1e-3, terms=(Leakage(conductivity=1e-3),))
    scan = FrequencyScan(high=1e5, low=1e-6, points_per_decade=1)
    rest = Hold(potential=1e-9, duration=1e-3)
    bare = spectrum_at(replace(cell, terms=(), series_resistance=0.0), rest, scan).impedance
    path = cell.thickness / 1e-3 / cell.area
    leads = cell.series_resistance / cell.area
    whole = spectrum_at(cell, rest, scan)
    assert whole.impedance == pytest.approx(1.0 / (1.0 / bare + 1.0 / path) + leads, rel=1e-6)
    working, counter = electrodes_apart(whole)
    assert working.impedance == pytest.approx(counter.impedance, rel=1e-6)


def test_contact_arc_of_a_stripping_face_at_rest():
    """r₀ ∥ C in series with the cell, seen behind the plane only: the counter electrode loses contact."""
    contact = ContactLoss(capacity=1e4, resistance=2e-3, capacitance=1e-2)
    scan = FrequencyScan(high=1e6, low=1e-2, points_per_decade=1)
    rest = Hold(potential=1e-9, duration=1e-3)
    cell = replace(BARE, reference=0.5)
    bare, lossy = (spectrum_at(replace(cell, terms=terms), rest, scan) for terms in ((), (contact,)))
    arc = 2e-3 / (1.0 + 2j * math.pi * bare.frequency * 2e-3 * 1e-2) / cell.area
    assert lossy.impedance - bare.impedance == pytest.approx(arc, rel=1e-5)
    working, without = electrodes_apart(lossy)[0], electrodes_apart(bare)[0]
    assert working.impedance == pytest.approx(without.impedance, rel=1e-6)


def test_one_electrode_of_a_cell_without_reference_is_refused():
    with pytest.raises(InputError, match="reference"):
        spectrum_at(BARE, Hold(potential=1e-9, duration=1e-3), FrequencyScan(high=1e3, low=1.0), electrode="working")


@pytest.mark.slow
def test_derivatives_against_differences():
    from rampion.cell.spectrum_derivatives import spectrum_sensitivities

    arc = Relaxation(name="bulk", share=1.0, admittance=1e-5, exponent=0.95)
    cell = replace(CURVED, closure=None, reference=None, diffusivity=None, relaxations=(arc,))
    sweep, accuracy = Sweep(rate=5e-4, start=0.0, stop=0.25), Accuracy(tolerance=1e-6)
    scan = FrequencyScan(high=1e5, low=1e-3, points_per_decade=1)
    names = ("conductivity", "concentration", "transference", "thickness", "exchange_current", "temperature")
    exact = spectrum_sensitivities(
        cell, sweep, spectrum_at(cell, sweep, scan, accuracy=accuracy).frequency, names, accuracy=accuracy
    )
    for k, name in enumerate(names):
        value = getattr(cell, name)
        step = 2e-4 * value
        up, down = (
            spectrum_at(replace(cell, **{name: value + sign * step}), sweep, scan, accuracy=accuracy).impedance
            for sign in (1.0, -1.0)
        )
        difference = (up - down) / (2.0 * step)
        assert np.abs(exact.derivative[:, k] - difference).max() < 2e-4 * np.abs(difference).max(), name
