"""Drift during a scan: known drifts are taken out, steady cells are left alone, and it is said what was done."""

from __future__ import annotations

import numpy as np
import pytest
from constructed_spectra import zarc

from rampion.errors import InputError
from rampion.impedance.kramers_kronig import check_kramers_kronig
from rampion.impedance.stationarity import correct_drift
from rampion.measurement import Spectrum, Trace

FREQUENCY = np.geomspace(6e5, 10, 50)
ANGULAR = 2 * np.pi * FREQUENCY


def cell(interface):
    """150 Ω of ceramic and an interface arc that grows at constant capacitance; ``interface`` may be one per point."""
    return 20 + zarc(ANGULAR, 150, 1e-6, 0.95) + zarc(ANGULAR, interface, 1e-5 * interface, 0.9)


def scan_times(start):
    return start + np.linspace(0, 90, FREQUENCY.size)


def with_noise(impedance, noise, rng):
    error = noise * (rng.standard_normal(impedance.size) + 1j * rng.standard_normal(impedance.size))
    return impedance + np.abs(impedance) * error


def relaxing_series(noise, rng, steady=False):
    """Spectra back to back while the interface relaxes from 240 to 40 Ω with a time constant of 300 s."""
    spectra, frozen = [], []
    for number in range(8):
        time = scan_times(100.0 * number)

        def interface(t):
            return 80 + 0 * t if steady else 40 + 200 * np.exp(-t / 300)

        spectra.append(
            Spectrum(frequency=FREQUENCY, impedance=with_noise(cell(interface(time)), noise, rng), time=time)
        )
        frozen.append(cell(interface(np.float64(100.0 * number + 45))))
    return spectra, frozen


def test_a_relaxing_cell_is_brought_to_one_time():
    spectra, frozen = relaxing_series(1e-3, np.random.default_rng(1))
    found = correct_drift(spectra)
    before = [np.abs(s.impedance / z - 1).max() for s, z in zip(spectra, frozen, strict=True)]
    after = [np.abs(c.spectrum.impedance / z - 1).max() for c, z in zip(found, frozen, strict=True)]
    assert all(c.applied for c in found[:5])
    assert max(before[1:-1]) > 0.05
    assert np.median(np.array(after[1:-1]) / np.array(before[1:-1])) < 0.25
    assert all(a < b for a, b, c in zip(after, before, found, strict=True) if c.applied)
    assert all(c.spectrum.flags and c.remaining > a for a, c in zip(after, found, strict=True) if not c.applied)
    assert all(not check_kramers_kronig(s).valid for s in spectra[:3])
    assert all(check_kramers_kronig(c.spectrum).valid for c in found[1:-1])
    assert found[2].violation_after < 0.3 * found[2].violation_before
    assert np.ptp(found[2].spectrum.time) == 0
    assert found[2].time == pytest.approx(245)
    assert found[2].spectrum.flags[-1].code == "drift_corrected"
    assert "neighbouring spectra" in found[2].spectrum.flags[-1].message
    true_drift = np.abs(cell(40 + 200 * np.exp(-290 / 300)) / cell(40 + 200 * np.exp(-200 / 300)) - 1).max()
    assert found[2].drift == pytest.approx(true_drift, rel=0.15)


def test_a_steady_cell_is_left_alone():
    spectra, _ = relaxing_series(2e-3, np.random.default_rng(2), steady=True)
    for found, spectrum in zip(correct_drift(spectra), spectra, strict=True):
        assert not found.applied
        np.testing.assert_array_equal(found.spectrum.impedance, spectrum.impedance)
        assert not found.spectrum.flags


def test_a_passivating_cell_is_brought_to_one_time_by_its_admittance():
    def electrode(resistance):  # dV/dI negative at low frequency: 1/Z obeys the relations, Z does not
        return 20 + 1 / (1j * ANGULAR * 1e-7 + (1 - 2 / (1 + 2e-3j * ANGULAR)) / resistance)

    rng, spectra, frozen = np.random.default_rng(6), [], []
    for number in range(6):
        time = scan_times(100.0 * number)
        changing, middle = (100 + 150 * np.exp(-t / 300) for t in (time, 100.0 * number + 45))
        spectra.append(Spectrum(frequency=FREQUENCY, impedance=with_noise(electrode(changing), 1e-3, rng), time=time))
        frozen.append(electrode(middle))
    found = correct_drift(spectra)
    ratios = [
        np.abs(one.spectrum.impedance / exact - 1).max() / np.abs(spectrum.impedance / exact - 1).max()
        for one, spectrum, exact in zip(found, spectra, frozen, strict=True)
    ]
    assert all(one.applied for one in found[:3])
    assert np.median(ratios[:3]) < 0.25
    assert all(one.violation_after < 0.5 * one.violation_before for one in found[:3])


def paused_sweep(noise, rng):
    """A hold every 50 mV; the interface follows the direct-current resistance, which creeps during each hold.

    The state jumps from hold to hold (the sweep between takes 1,000 s), so time is no measure of progress.
    """
    spectra, holds, frozen = [], [], []
    for number in range(8):
        potential = 0.3 + 0.05 * number
        start = 1090.0 * number
        base = 0.15 * number**1.3

        def resistance(t, base=base, start=start):
            return 400 * np.exp(base + 0.12 * (1 - np.exp(-(t - start) / 40)))

        def interface(t, resistance=resistance):
            return resistance(t) - 300

        time = scan_times(start)
        clock = np.linspace(start, start + 90, 91)
        current = potential / resistance(clock) * (1 + 1e-4 * rng.standard_normal(clock.size))
        holds.append(Trace(time=clock, potential=np.full(clock.size, potential), current=current))
        spectra.append(
            Spectrum(frequency=FREQUENCY, impedance=with_noise(cell(interface(time)), noise, rng), time=time)
        )
        frozen.append(cell(interface(np.float64(start + 45))))
    return spectra, holds, frozen


def test_a_paused_sweep_is_corrected_by_its_hold_current():
    spectra, holds, frozen = paused_sweep(1e-3, np.random.default_rng(3))
    by_hold, by_time = correct_drift(spectra, holds=holds), correct_drift(spectra)
    before, held, timed = (
        np.array([np.abs(s.impedance / z - 1).max() for s, z in zip(some, frozen, strict=True)])
        for some in (spectra, [c.spectrum for c in by_hold], [c.spectrum for c in by_time])
    )
    inner = slice(1, -1)
    assert np.median(before[inner]) > 0.02
    assert np.median(held[inner] / before[inner]) < 0.3
    assert np.median(held[inner]) < np.median(timed[inner])  # time alone knows less
    assert "hold current" in by_hold[3].spectrum.flags[-1].message


def test_what_cannot_be_corrected_is_said():
    spectra, holds, _ = paused_sweep(1e-3, np.random.default_rng(4))
    untimed = [Spectrum(frequency=s.frequency, impedance=s.impedance) for s in spectra]
    found = correct_drift(untimed)
    assert not any(c.applied for c in found)
    assert "not recorded" in found[0].spectrum.flags[-1].message
    without = correct_drift(spectra, holds=[None, *holds[1:]])
    assert not without[0].applied
    assert "not known" in without[0].spectrum.flags[-1].message
    assert without[3].applied
    with pytest.raises(InputError, match="at least two"):
        correct_drift(spectra[:1])
    with pytest.raises(InputError, match="one each"):
        correct_drift(spectra, holds=holds[:-1])


def test_neighbours_of_other_frequencies_serve():
    spectra, frozen = relaxing_series(0.0, np.random.default_rng(5))
    other = slice(None, None, 2)
    mixed = [
        s if number % 2 else Spectrum(frequency=s.frequency[other], impedance=s.impedance[other], time=s.time[other])
        for number, s in enumerate(spectra)
    ]
    found = correct_drift(mixed)
    error = np.abs(found[3].spectrum.impedance / frozen[3] - 1).max()
    assert error < 0.3 * np.abs(spectra[3].impedance / frozen[3] - 1).max()
