"""Spectra measured point by point while the cell moves, and what the correction of drift recovers of the truth."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("jax")

from rampion.cell.frozen import frozen_at
from rampion.cell.inputs import mesh_of, structure_of
from rampion.cell.linearise import spectrum_of
from rampion.cell.parameters import Cell, Relaxation
from rampion.cell.protocols import point_times
from rampion.cell.simulate import sampled, simulate
from rampion.errors import InputError
from rampion.impedance.stationarity import correct_drift
from rampion.measurement import FrequencyScan, Hold, Pause, Rest, Sweep, Trace

ARCS = (
    Relaxation(name="bulk", share=1.0, admittance=5e-6, exponent=0.95),
    Relaxation(name="interface", share=1.0, admittance=1e-2, exponent=0.9, place="interface"),
)
CELL = Cell(
    thickness=1e-3, conductivity=0.06, concentration=430.0, transference=0.8, interface_resistance=1e-3, area=4e-6,
    relaxations=ARCS,
)  # fmt: skip
SCAN = FrequencyScan(high=600e3, low=10.0, points_per_decade=5, duration=90.0)
PAUSED = Sweep(rate=5e-5, start=0.0, stop=0.5, pause=Pause(every=0.05, duration=120.0, scan=SCAN))


def largest_errors(spectra, truths) -> np.ndarray:
    return np.array([np.abs(s.impedance / z - 1.0).max() for s, z in zip(spectra, truths, strict=True)])


@pytest.fixture(scope="module")
def drifting():
    """The run, the truth frozen in the middle of each scan, and the holds as an instrument would record them."""
    run = simulate(CELL, PAUSED)
    structure = structure_of(CELL, mesh_of(CELL, run.accuracy))
    truths, holds = [], []
    for spectrum in run.spectra:
        middle = 0.5 * (spectrum.time[0] + spectrum.time[-1])
        truths.append(spectrum_of(CELL, frozen_at(run, middle), replace(SCAN, duration=math.nan), structure).impedance)
        clock = np.linspace(spectrum.time[0], spectrum.time[-1], 91)
        there = sampled(run, clock)
        current = there["current_density"] * CELL.area
        holds.append(Trace(time=clock, potential=there["potential"], current=current, synthetic=True))
    return run, truths, holds


def test_each_point_is_that_of_the_state_at_its_time(drifting):
    run, _, _ = drifting
    structure = structure_of(CELL, mesh_of(CELL, run.accuracy))
    spectrum = run.spectra[4]
    ramps, holds = 5 * 0.05 / 5e-5, 5 * 120.0
    assert spectrum.time == pytest.approx(ramps + holds - 90.0 + point_times(SCAN))
    assert spectrum.synthetic
    for k in (0, len(spectrum) // 2, len(spectrum) - 1):
        once = replace(SCAN, high=float(spectrum.frequency[k]), low=float(spectrum.frequency[k]), duration=math.nan)
        alone = spectrum_of(CELL, frozen_at(run, float(spectrum.time[k])), once, structure)
        assert spectrum.impedance[k] == pytest.approx(alone.impedance[0], rel=1e-5)


def test_a_scan_that_takes_no_time_to_speak_of_does_not_drift():
    quick = replace(SCAN, high=6e5, low=1e3, duration=0.2)
    still = replace(quick, duration=math.nan)
    both = [simulate(CELL, [Sweep(rate=5e-5, start=0.0, stop=0.24), scan]).spectra[0] for scan in (quick, still)]
    assert both[0].impedance == pytest.approx(both[1].impedance, rel=1e-4)


def test_a_correction_never_makes_a_spectrum_worse(drifting):
    """Up to the peak, and behind it, where a hold moves the cell along another path than the one from hold to hold."""
    run, truths, holds = drifting
    peak = int(np.argmax(np.abs([spectrum.current for spectrum in run.spectra])))
    raw = largest_errors(run.spectra, truths)
    found = correct_drift(run.spectra, holds=holds)
    held = largest_errors([one.spectrum for one in found], truths)
    applied = np.array([one.applied for one in found])
    assert raw[1 : peak + 1].max() > 5e-3
    assert applied[raw > 3e-3].all()
    assert applied[peak + 2 :].any()
    assert np.all(held[applied] < 0.5 * raw[applied])
    timed = correct_drift(run.spectra)
    assert np.all(largest_errors([one.spectrum for one in timed], truths) <= raw)


def test_noise_that_hides_the_movement_leaves_the_spectrum_as_measured(drifting):
    """2 % of noise, 0.8 % of drift: what is not told is not corrected, and whoever is corrected is not made worse."""
    run, truths, holds = drifting
    rng = np.random.default_rng(51)
    noisy = [
        replace(
            one,
            impedance=one.impedance * (1 + 0.02 * (rng.standard_normal(len(one)) + 1j * rng.standard_normal(len(one)))),
        )
        for one in run.spectra
    ]
    found = correct_drift(noisy, holds=holds)
    brought = [one.impedance * (1 + c.correction) for one, c in zip(run.spectra, found, strict=True)]
    after = np.array([np.abs(z / truth - 1).max() for z, truth in zip(brought, truths, strict=True)])
    assert np.all(after <= largest_errors(run.spectra, truths) + 0.02)
    assert not all(one.applied for one in found)


def test_a_scan_goes_on_under_the_control_before_it():
    run = simulate(CELL, [Hold(potential=0.2, duration=600.0), SCAN, Rest(duration=60.0), SCAN])
    first, second = run.spectra
    assert first.potential == pytest.approx(0.2, rel=1e-6)
    assert second.current == pytest.approx(0.0, abs=1e-12)
    assert run.time[-1] == pytest.approx(600.0 + 90.0 + 60.0 + 90.0)


def test_a_scan_needs_its_time():
    with pytest.raises(InputError, match="two periods"):
        simulate(CELL, [Hold(potential=0.2, duration=10.0), replace(SCAN, low=1e-3)])
    with pytest.raises(InputError, match="holds the scan"):
        simulate(CELL, replace(PAUSED, pause=replace(PAUSED.pause, duration=60.0)))
