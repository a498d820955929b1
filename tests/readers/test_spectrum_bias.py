"""Spectra keep the direct voltage and current beside their points, and the amplitude that the settings state."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rampion.measurement import FrequencyScan
from rampion.readers import eclab_text, read_file
from rampion.readers.parts import BIAS

EXAMPLE = Path(__file__).parents[2] / "examples" / "data" / "paused_03_PEIS_C01.mpt"
HEADER = "freq/Hz\tRe(Z)/Ohm\t-Im(Z)/Ohm\ttime/s\t<Ewe>/V\t<I>/mA\tCs/µF"


def table(header=HEADER):
    frequency = np.geomspace(1e5, 10, 12)
    rows = [f"{f:.6e}\t{100 + k}\t{20.5}\t{k:.1f}\t0.3\t{2 - 0.01 * k:.4f}\t1.0" for k, f in enumerate(frequency)]
    return "\n".join([header, *rows, ""]).encode("latin-1")


def test_direct_current_is_kept_in_ampere():
    (spectrum,), _ = eclab_text.read(table(), "a.mpt")
    np.testing.assert_allclose(spectrum.extra[BIAS[0]], 0.3)
    np.testing.assert_allclose(spectrum.extra[BIAS[1]], 1e-3 * (2 - 0.01 * np.arange(12)))
    assert spectrum.current == pytest.approx(np.mean(spectrum.extra[BIAS[1]]))


def test_eclab_s_own_encoding_is_no_news():
    _, flags = eclab_text.read(table(), "a.mpt")
    assert "encoding_guessed" not in {flag.code for flag in flags}


def test_without_a_recorded_amplitude_the_stated_one_is_taken():
    (spectrum,) = read_file(EXAMPLE).spectra
    assert isinstance(spectrum.protocol, FrequencyScan)
    assert spectrum.amplitude == pytest.approx(0.01)
