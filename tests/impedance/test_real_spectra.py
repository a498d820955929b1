"""Spectra of real instruments: each gets a circuit, and a verdict on how well it is described."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rampion.errors import RampionError
from rampion.impedance.choose import choose_circuit
from rampion.readers.detect import read_file
from real_files import FOLDER, real_file


def check(spectrum, noise):
    fit = choose_circuit(spectrum).fit
    assert fit.noise <= noise
    for estimate in fit.parameters.values():
        assert math.isfinite(estimate.std) or estimate.flags


@pytest.mark.parametrize(
    ("name", "noise"),
    [
        ("solid_state/hybrid-drt_SSB/PEIS_SSB.mpr", 0.01),
        ("solid_state/hybrid-drt_LPSCl/PEIS_LPSCl_IonBlocking_-25C.txt", 0.01),
        ("other_eis/exampleDataZPlot.z", 0.01),
    ],
)
def test_a_real_spectrum_is_described(name, noise):
    """Relative residuals of solid-state cells below one percent."""
    check(read_file(real_file(name)).spectra[0], noise)


@pytest.mark.slow
def test_every_real_spectrum_gets_a_fit():
    if not FOLDER.is_dir():
        pytest.skip(f"there is no folder {FOLDER}; set RAMPION_TEST_DATA to the folder of real instrument files")
    seen = 0
    for path in sorted(FOLDER.rglob("*")):
        if not path.is_file():
            continue
        try:
            spectra = read_file(path).spectra
        except RampionError:
            continue
        for place in sorted({0, len(spectra) // 2, len(spectra) - 1} if spectra else ()):
            if len(spectra[place]) >= 5:
                check(spectra[place], np.inf)
                seen += 1
    assert seen >= 40
