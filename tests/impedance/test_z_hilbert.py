"""Z-HIT: exact for a constant phase, close for arcs, and it shows where a cell drifted."""

from __future__ import annotations

import numpy as np
import pytest
from constructed_spectra import constant_phase, finite_open, zarc

from rampion.errors import InputError
from rampion.impedance.z_hilbert import rebuild_modulus
from rampion.measurement import Spectrum

FREQUENCY = np.geomspace(1e6, 1, 61)
ANGULAR = 2 * np.pi * FREQUENCY


def test_a_constant_phase_is_rebuilt_exactly():
    found = rebuild_modulus(Spectrum(frequency=FREQUENCY, impedance=constant_phase(ANGULAR, 3, 0.7)))
    np.testing.assert_allclose(found.residual, 0, atol=1e-12)


@pytest.mark.parametrize(
    ("impedance", "bar"),
    [
        (0.2 + zarc(ANGULAR, 1, 1e-3), 2.5e-3),
        (10 + zarc(ANGULAR, 100, 1e-4, 0.8) + zarc(ANGULAR, 50, 1e-2, 0.9), 2e-3),
        (5 + zarc(ANGULAR, 20, 1e-5) + finite_open(ANGULAR, 40, 1.0), 3e-3),
        (5 + zarc(ANGULAR, 100, 1e-4, 0.9) + 1e-6j * ANGULAR, 5e-3),
    ],
)
def test_arcs_are_rebuilt(impedance, bar):
    found = rebuild_modulus(Spectrum(frequency=FREQUENCY, impedance=impedance))
    assert np.abs(found.residual[5:-5]).max() < bar  # half a decade from the ends


def test_better_than_the_first_derivative_alone():
    impedance = 0.2 + zarc(ANGULAR, 1, 1e-3)
    logs = np.log(ANGULAR[::-1])
    phase = np.angle(impedance[::-1])
    area = np.concatenate([[0], np.cumsum(np.diff(logs) * (phase[1:] + phase[:-1]) / 2)])
    series = 2 / np.pi * area - np.pi / 6 * np.gradient(phase, logs)  # Ehm et al., first order
    error = np.log(np.abs(impedance[::-1])) - series
    error -= np.median(error[30:54])
    found = rebuild_modulus(Spectrum(frequency=FREQUENCY, impedance=impedance))
    assert found.residual_rms < 0.2 * np.sqrt(np.mean(error**2))


def test_drift_shows_at_the_late_points():
    time = np.linspace(0, 1, 61)
    late = np.clip(time - 0.5, 0, None) * 2
    # the whole modulus grows by 20 % in the second half of the scan; the phase is untouched
    impedance = (10 + zarc(ANGULAR, 100, 1e-4, 0.8)) * (1 + 0.2 * late)
    found = rebuild_modulus(Spectrum(frequency=FREQUENCY, impedance=impedance))
    expected = 1 - 1 / (1 + 0.2 * late)
    np.testing.assert_allclose(found.residual[:-3], expected[:-3], atol=0.01)


def test_order_of_points_and_repeats():
    impedance = 10 + zarc(ANGULAR, 100, 1e-4, 0.8)
    straight = rebuild_modulus(Spectrum(frequency=FREQUENCY, impedance=impedance))
    shuffle = np.random.default_rng(0).permutation(61)
    shuffled = rebuild_modulus(Spectrum(frequency=FREQUENCY[shuffle], impedance=impedance[shuffle]))
    np.testing.assert_allclose(shuffled.modulus, straight.modulus[shuffle])
    twice = rebuild_modulus(Spectrum(frequency=np.repeat(FREQUENCY, 2), impedance=np.repeat(impedance, 2)))
    np.testing.assert_allclose(twice.modulus[::2], straight.modulus)


def test_too_few_points_and_an_empty_window_are_refused():
    impedance = 10 + zarc(ANGULAR, 100, 1e-4, 0.8)
    with pytest.raises(InputError, match="at least 8"):
        rebuild_modulus(Spectrum(frequency=FREQUENCY[:5], impedance=impedance[:5]))
    with pytest.raises(InputError, match="No point lies between"):
        rebuild_modulus(Spectrum(frequency=FREQUENCY, impedance=impedance), reference=(1e-3, 1e-2))
