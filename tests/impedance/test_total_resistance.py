"""What the total of a spectrum adds up: what the window saw, not what a fit makes of a first rise (synthetic)."""

import numpy as np
import pytest

from rampion.impedance.finding import analyse_spectrum
from rampion.measurement import Spectrum


def _spectrum(slow: float) -> Spectrum:
    """400 Ω at 200 kHz and 3 kΩ with its apex at ``slow`` hertz, measured from 1 MHz to 10 Hz at 0.1 %."""
    frequency = np.geomspace(1e6, 10.0, 51)
    generator = np.random.default_rng(3)
    z = sum(r / (1 + 1j * frequency / apex) for r, apex in ((400.0, 2e5), (3000.0, slow)))
    noise = generator.standard_normal((2, frequency.size))
    return Spectrum(frequency=frequency, impedance=z * (1 + 1e-3 * (noise[0] + 1j * noise[1])), synthetic=True)


@pytest.mark.parametrize(("slow", "total"), [(200.0, 3400.0), (0.5, 400.0)])
def test_a_process_slower_than_the_window_is_not_in_the_total(slow, total):
    found = analyse_spectrum(_spectrum(slow), None, "p(R1,C1)-p(R2,C2)")
    assert found.total_resistance is not None
    assert found.total_resistance.low < total < found.total_resistance.high
    assert found.total_resistance.std < 0.01 * total
