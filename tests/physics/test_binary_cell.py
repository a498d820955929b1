"""The simulated binary cell against closed forms and against an independent cosine-mode solution."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import brentq

pytest.importorskip("jax")

from rampion.cell import general_run
from rampion.cell.general_run import run_general
from rampion.cell.linearise import excited_impedance, frequencies, spectrum_at
from rampion.cell.parameters import (
    Cell,
    chemical_diffusivity,
    limiting_current_density,
    thermal_voltage,
)
from rampion.cell.protocols import Stop
from rampion.cell.simulate import Accuracy, pause_effect, sampled, simulate
from rampion.cell.sweep import sweep_current_density
from rampion.measurement import ConstantCurrent, FrequencyScan, Hold, Pause, Rest, Sweep
from rampion.quantities import FARADAY

GARNET = Cell(thickness=1e-3, conductivity=0.06, concentration=430.0, transference=0.8)
CELL_A = Cell(
    thickness=0.5e-3, conductivity=0.06, concentration=1000.0, transference=0.4, diffusivity=2e-12,
    exchange_current=10.0, interface_resistance=5e-4,
)  # fmt: skip
CELL_B = Cell(
    thickness=1e-3, conductivity=0.06, concentration=100.0, transference=0.8, diffusivity=1e-11,
    exchange_current=10.0, interface_resistance=5e-4,
)  # fmt: skip
FINE = Accuracy(tolerance=1e-5, intervals=64, first_interval=1e-4)
SKIN = Accuracy(tolerance=1e-5, intervals=64, first_interval=1e-6)  # resolves √(D/ω) at 1 kHz


@pytest.mark.parametrize(
    ("rate", "peak", "currents"),
    [
        (0.05e-3, (10.352, 0.2356), (5.6172, 9.8743, 6.2502, 5.1313)),
        (1e-3, (32.192, 0.636), (5.9224, 11.7686, 23.0314, 31.7342)),
        (0.003e-3, None, (4.0572, 4.8215, 4.9307, 4.9329)),
    ],
)
def test_reference_table(rate, peak, currents):
    run = simulate(GARNET, Sweep(rate=rate, start=0.0, stop=0.8))
    there = sampled(run, np.array([0.1, 0.2, 0.4, 0.6]) / rate)["current_density"]
    assert there == pytest.approx(currents, rel=2e-4)
    assert run.flags == ()
    if peak is None:
        assert run.peak is None
        assert run.current_density[-1] == pytest.approx(4.9329, rel=2e-4)
    else:
        assert run.peak.current_density == pytest.approx(peak[0], rel=2e-4)
        assert run.peak.potential == pytest.approx(peak[1], abs=1e-3)


def test_cells_a_and_b():
    a = sweep_current_density(CELL_A, Sweep(rate=5e-4, start=0.0, stop=1.0), np.array([0.23, 1.0]), accuracy=FINE)
    assert a == pytest.approx([9.97788, 3.13437], rel=1e-4)
    b = simulate(CELL_B, Sweep(rate=1e-4, start=0.0, stop=1.0), accuracy=FINE)
    assert sampled(b, np.array([1300.0]))["current_density"] == pytest.approx([4.06723], rel=1e-4)
    assert b.surface_concentration[-1] / 100.0 == pytest.approx(1.4e-11, rel=0.05)


def test_pauses_cut_the_peak_of_cell_a_by_a_third():
    effect = pause_effect(CELL_A, Sweep(rate=5e-4, start=0.0, stop=1.0, pause=Pause(every=0.05, duration=300.0)))
    assert effect["paused"].current_density == pytest.approx(6.60, rel=2e-3)
    assert effect["uninterrupted"].current_density == pytest.approx(9.979, rel=2e-4)


def test_similarity():
    """J·L depends on V and vL² alone."""
    potentials = np.linspace(0.02, 0.6, 50)
    one = sweep_current_density(GARNET, Sweep(rate=1e-4, start=0.0, stop=0.6), potentials)
    thick = replace(GARNET, thickness=3e-3)
    other = sweep_current_density(thick, Sweep(rate=1e-4 / 9, start=0.0, stop=0.6), potentials)
    assert other * 3.0 == pytest.approx(one, rel=1e-6)


UNIVERSAL = {
    30: ((1.109, 4.62, 0.240), (1.122, 5.12, 0.255), (1.131, 5.62, 0.272), (1.137, 6.08, 0.286)),
    100: ((1.831, 5.28, 0.127), (1.789, 6.40, 0.144), (1.752, 7.38, 0.157), (1.719, 8.26, 0.169)),
    1e3: ((4.920, 9.81, 0.0587), (4.557, 12.88, 0.0689), (4.299, 15.47, 0.0763), (4.102, 17.85, 0.0829)),
    1e4: ((12.30, 19.8, 0.0279), (10.98, 26.9, 0.0328), (10.13, 33.0, 0.0367), (9.517, 38.6, 0.0399)),
    1e5: ((29.12, 41.2, 0.0131), (25.39, 57.1, 0.0155), (23.12, 70.8, 0.0174), (21.52, 83.1, 0.0188)),
}


@pytest.mark.parametrize("number", list(UNIVERSAL))
def test_universal_peak_function(number):
    for transference, (height, where, charge) in zip((0.3, 0.5, 0.7, 0.9), UNIVERSAL[number], strict=True):
        cell = replace(GARNET, transference=transference)
        thermal, d = thermal_voltage(cell), chemical_diffusivity(cell)
        rate = number * d * thermal / cell.thickness**2
        peak = simulate(cell, Sweep(rate=rate, start=0.0, stop=2.0 * where * thermal)).peak
        unit = FARADAY * cell.concentration * cell.thickness / (1.0 - transference)
        assert peak.current_density / limiting_current_density(cell) == pytest.approx(height, rel=5e-3)
        assert peak.potential / thermal == pytest.approx(where, rel=1e-2)
        assert peak.charge / unit == pytest.approx(charge, rel=1e-2)


def sand_time(j: float) -> float:
    """τD/L² of the finite symmetric cell, from the exact series."""
    n = np.arange(1, 4001, 2)

    def miss(tau: float) -> float:
        # Σ 1/n² over the odd n left out, too large to have begun to decay away, is added in closed form
        decayed = np.exp(-(n**2) * math.pi**2 * tau)
        return j * (1.0 - (8.0 / math.pi**2) * float((decayed / n**2).sum())) - 1.0

    return brentq(miss, 1e-5, 50.0, xtol=1e-14)


@pytest.mark.parametrize("j", [1.01, 1.05, 1.1, 1.2, 1.5, 2.0, 5.0])
def test_sand(j):
    current = j * limiting_current_density(GARNET)
    run = simulate(GARNET, ConstantCurrent(current=current * GARNET.area, duration=1e7))
    assert [flag.code for flag in run.flags] == ["depleted"]
    time = run.time[-1] * chemical_diffusivity(GARNET) / GARNET.thickness**2
    assert time == pytest.approx(sand_time(j), rel=2e-3 if j < 1.02 else 5e-4)
    infinite = math.pi / (16.0 * j**2)
    assert time / infinite == pytest.approx(
        {1.01: 2.319, 1.05: 1.613, 1.1: 1.366, 1.2: 1.175, 1.5: 1.032, 2.0: 1.002, 5.0: 1.0}[j], rel=2e-3
    )
    assert run.charge[-1] == pytest.approx(current * run.time[-1], rel=1e-10)


def test_a_current_below_the_limit_is_sustained_for_ever():
    run = simulate(GARNET, ConstantCurrent(current=0.99 * limiting_current_density(GARNET) * GARNET.area, duration=1e7))
    assert run.flags == ()
    assert run.surface_concentration[-1] / 430.0 == pytest.approx(0.01, rel=1e-3)


REFERENCED = Cell(
    thickness=1e-2, conductivity=1e6, concentration=1000.0, transference=0.0, diffusivity=1e-10,
    thermodynamic_factor=0.5, conduction="constant", reference=0.5,
)  # fmt: skip


def test_cottrell():
    cell, accuracy = replace(REFERENCED, conductivity=1e3), Accuracy(intervals=64, first_interval=1e-5)
    run = simulate(cell, Hold(potential=0.6, duration=100.0), against_reference=True, accuracy=accuracy)
    time = np.geomspace(0.1, 90.0, 20)
    got = sampled(run, time)["current_density"]
    assert got == pytest.approx(FARADAY * 1000.0 * np.sqrt(1e-10 / (math.pi * time)), rel=1e-3)


OHMIC_DROP = {
    0.0: (0.8540, 0.610503, 0.4321), 0.1: (0.9527, 0.60610, 0.4608), 1.0: (1.7278, 0.56525, 0.6793),
    3.162: (3.0910, 0.50198, 0.9916), 10.0: (6.1021, 0.41299, 1.4970), 31.62: (12.6035, 0.31844, 2.2514),
    100.0: (26.5902, 0.23430, 3.3494), 1000.0: (121.491, 0.11696, 7.2893),
}  # fmt: skip


@pytest.mark.parametrize("rho", list(OHMIC_DROP))
def test_berzins_delahay_and_the_ohmic_drop(rho):
    """One depleting electrode: the working electrode against a reference in the middle of a long cell."""
    where, height, charge = OHMIC_DROP[rho]
    thermal, rate = thermal_voltage(REFERENCED), 1e-3
    unit = FARADAY * 1000.0 * math.sqrt(1e-10 * rate / thermal)
    resistance = max(rho, 1e-4) * thermal / unit
    stop = (1.6 * where + 0.3) * thermal
    thickness = 24.0 * math.sqrt(1e-10 * stop / rate)
    cell = replace(REFERENCED, thickness=thickness, conductivity=0.5 * thickness / resistance)
    accuracy = Accuracy(tolerance=1e-6, intervals=64, first_interval=1e-4)
    run = simulate(cell, Sweep(rate=rate, start=0.0, stop=stop), against_reference=True, accuracy=accuracy)
    peak = run.peak
    there = rate * peak.time / thermal
    assert peak.current_density / unit == pytest.approx(height, rel=3e-5 if rho == 0.0 else 2e-4)
    assert there == pytest.approx(where, rel=2e-3)
    assert peak.charge / (unit * thermal / rate) == pytest.approx(charge, rel=2e-3)
    if rho in (1.0, 10.0):
        assert peak.current_density / unit == pytest.approx(volterra_peak(rho, 1.5 * where), rel=1e-5)


def volterra_peak(rho: float, end: float, size: int = 1500) -> float:
    """ψ_p of 1 − π^−½∫ψ/√(τ−s) ds = exp(ρψ − τ), by product integration with linear pieces."""
    h = end / size
    m = np.arange(size + 2.0) ** 1.5
    weights = 4.0 / 3.0 * math.sqrt(h / math.pi) * np.concatenate([[1.0], m[2:] - 2.0 * m[1:-1] + m[:-2]])
    psi = np.zeros(size + 1)
    for i in range(1, size + 1):
        known, x = float(weights[1:i][::-1] @ psi[1:i]), psi[i - 1]
        for _ in range(30):
            e = math.exp(rho * x - i * h)
            change = (1.0 - known - weights[0] * x - e) / (weights[0] + rho * e)
            x += change
            if abs(change) < 1e-13:
                break
        psi[i] = x
    i = int(psi.argmax())
    return float(np.polynomial.Polynomial.fit(np.arange(-2, 3), psi[i - 2 : i + 3], 4)(np.linspace(-1, 1, 2001)).max())


def test_steady_state_and_bruce_vincent():
    limit, thermal = limiting_current_density(GARNET), thermal_voltage(GARNET)
    for volts in (0.001, 0.05, 0.1, 0.3):
        run = simulate(GARNET, Hold(potential=volts, duration=5e6))
        assert run.current_density[-1] == pytest.approx(limit * math.tanh(volts / (4.0 * thermal)), rel=1e-5)
    small = simulate(GARNET, Hold(potential=0.001, duration=5e6))
    assert small.current_density[0] / small.current_density[-1] == pytest.approx(1.0 / 0.8, rel=2e-4)


def test_high_frequency_resistance_under_a_steady_current():
    j = 0.9
    scan = FrequencyScan(high=1e9, low=1e8, points_per_decade=1)
    held = ConstantCurrent(current=j * limiting_current_density(GARNET) * GARNET.area, duration=5e6)
    got = spectrum_at(GARNET, held, scan).impedance.real * GARNET.area * GARNET.conductivity / GARNET.thickness
    assert got == pytest.approx(math.atanh(j) / j, rel=1e-4)


def test_finite_warburg_at_rest():
    scan = FrequencyScan(high=1e7, low=1e-7, points_per_decade=5)
    got = spectrum_at(GARNET, Hold(potential=1e-9, duration=1e-3), scan)
    s = np.sqrt(2j * math.pi * got.frequency * GARNET.thickness**2 / (4.0 * chemical_diffusivity(GARNET)))
    ohmic = GARNET.thickness / GARNET.conductivity / GARNET.area
    assert got.impedance == pytest.approx(ohmic * (1.0 + 0.25 * np.tanh(s) / s), rel=1e-6)
    assert got.synthetic


@pytest.mark.parametrize("capacitance", [0.0, 1e-2])
def test_spectrum_against_excitation_in_time(capacitance):
    cell = replace(CELL_A, interface_capacitance=capacitance)
    sweep = Sweep(rate=5e-4, start=0.0, stop=0.232)
    spectrum = spectrum_at(cell, sweep, FrequencyScan(high=1e3, low=1.0, points_per_decade=1), accuracy=SKIN)
    run = simulate(cell, sweep, accuracy=SKIN)
    for k in range(len(spectrum)):
        measured = excited_impedance(cell, run, float(spectrum.frequency[k]))
        bound = 1.5 * spectrum.extra["frozen_error"][k] + 1e-4
        assert abs(spectrum.impedance[k] / measured - 1.0) < bound
    assert "state_moves" in [
        flag.code for flag in spectrum_at(cell, sweep, FrequencyScan(high=1.0, low=1e-2), accuracy=SKIN).flags
    ]


def test_relaxation_leaves_a_diffusion_tail():
    """The excess resistance after a stop at the peak halves early and still has a tail (t₊ 0.9, 1 mol/L)."""
    cell = replace(GARNET, concentration=1000.0, transference=0.9)
    run = simulate(cell, Sweep(rate=5e-5, start=0.0, stop=0.8))
    until = simulate(cell, Sweep(rate=5e-5, start=0.0, stop=run.peak.potential))
    polarized = until.time[-1]
    scan = FrequencyScan(high=2e6, low=1e6, points_per_decade=1)

    def excess(after: float) -> float:
        protocol = [Sweep(rate=5e-5, start=0.0, stop=run.peak.potential)]
        protocol += [Rest(duration=after * polarized)] if after else []
        z = spectrum_at(cell, protocol, scan).impedance[0].real
        return z * cell.area * cell.conductivity / cell.thickness - 1.0

    start = excess(0.0)
    assert polarized == pytest.approx(8.0e3, rel=0.05)
    assert 1.0 + start == pytest.approx(1.18, abs=0.01)
    assert excess(0.13) / start == pytest.approx(0.5, abs=0.05)
    assert excess(2.7) / start == pytest.approx(0.1, abs=0.01)


def test_salt_is_conserved():
    run = simulate(
        GARNET,
        [Sweep(rate=1e-3, start=0.0, stop=0.7), Rest(duration=500.0), Sweep(rate=1e-3, start=0.0, stop=-0.7)],
    )
    total = np.trapezoid(run.concentration, run.position, axis=1) / GARNET.thickness
    assert total == pytest.approx(430.0, rel=1e-10)
    assert run.flags == ()
    assert run.concentration.min() > 0.0


def compiled_current(cell, sweep, potentials, accuracy):
    run = run_general(cell, sweep, accuracy=accuracy)
    return sampled(run, potentials / sweep.rate)["current_density"]


def test_order_in_time(monkeypatch):
    monkeypatch.setattr(general_run, "_ROUNDS", 0)  # one march: a finer one has other steps
    potentials = np.linspace(0.05, 0.6, 30)
    sweep = Sweep(rate=5e-4, start=0.0, stop=0.6)
    exact = compiled_current(GARNET, sweep, potentials, Accuracy(tolerance=3e-7))
    errors, steps = [], []
    for tolerance in (1e-3, 1e-4, 1e-5):
        accuracy = Accuracy(tolerance=tolerance)
        errors.append(np.abs(compiled_current(GARNET, sweep, potentials, accuracy) / exact - 1).max())
        steps.append(run_general(GARNET, sweep, accuracy=accuracy).time.size - 14)
    order = -np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert order == pytest.approx(2.0, abs=0.5)
    assert errors[-1] < 1e-5


@pytest.mark.slow
def test_order_in_space():
    potentials = np.linspace(0.05, 0.6, 30)
    sweep = Sweep(rate=5e-4, start=0.0, stop=0.6)

    def curve(intervals: int) -> np.ndarray:
        accuracy = Accuracy(tolerance=1e-6, intervals=intervals, first_interval=0.02 / intervals)
        return compiled_current(GARNET, sweep, potentials, accuracy)

    exact = curve(64)
    errors = [np.abs(curve(n) / exact - 1.0).max() for n in (16, 32)]
    assert math.log2(errors[0] / errors[1]) > 3.5


def test_stops():
    sweep = Sweep(rate=5e-4, start=0.0, stop=1.0)
    peak = simulate(CELL_A, sweep).peak.current_density
    dropped = simulate(CELL_A, sweep, stop=Stop(drop=0.2))
    assert dropped.current_density[-1] / peak == pytest.approx(0.8, rel=1e-3)
    assert [flag.code for flag in dropped.flags] == ["peak_passed"]
    charged = simulate(CELL_A, sweep, stop=Stop(charge=2000.0))
    assert charged.charge[-1] == pytest.approx(2000.0, rel=1e-5)
    limited = simulate(CELL_A, ConstantCurrent(current=2e-3, duration=1e5), stop=Stop(highest_potential=0.5))
    assert limited.potential[-1] == pytest.approx(0.5, abs=1e-4)
    assert [flag.code for flag in limited.flags] == ["potential_reached"]


def test_scan_frequencies_include_both_ends():
    f = frequencies(FrequencyScan(high=6e5, low=10.0, points_per_decade=10))
    assert f[0] == pytest.approx(6e5)
    assert f[-1] == pytest.approx(10.0)
