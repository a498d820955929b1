"""Spectra of real instruments: each gets label probabilities, intervals, and a verdict on how well it is described."""

from __future__ import annotations

import numpy as np
import pytest

from rampion.errors import RampionError
from rampion.impedance.finding import analyse_spectrum
from rampion.impedance.label_model import QUIETEST
from rampion.readers.detect import read_file
from real_files import FOLDER, real_file


def check(spectrum, noise):
    """Probabilities that add up to one, numbers with an interval, and a warning where the residuals have a pattern."""
    found = analyse_spectrum(spectrum)
    assert found.noise <= noise
    assert sum(one.probability for one in found.labels) == pytest.approx(1.0)
    for process in found.processes:
        if process.kind != "blocking":
            assert process.resistance.low <= process.resistance.value <= process.resistance.high
    if found.whiteness < 1e-3 and found.noise > QUIETEST:
        assert any(flag.code == "labels_do_not_describe" for flag in found.flags)
    assert (found.kramers_kronig.valid is None) == (len(spectrum) < 7)


@pytest.mark.parametrize(
    ("name", "noise"),
    [
        ("solid_state/hybrid-drt_SSB/PEIS_SSB.mpr", 0.02),  # a full cell
        ("solid_state/hybrid-drt_LPSCl/PEIS_LPSCl_IonBlocking_-25C.txt", 0.01),
        ("other_eis/exampleDataZPlot.z", 0.01),
    ],
)
def test_a_real_spectrum_is_described(name, noise):
    """Relative residuals of solid-state cells of one or two percent."""
    check(read_file(real_file(name)).spectra[0], noise)


@pytest.mark.slow
def test_every_real_spectrum_gets_a_fit():
    if not FOLDER.is_dir():
        pytest.skip(f"there is no folder {FOLDER}; set RAMPION_TEST_DATA to the folder of real instrument files")
    seen, known = 0, set()
    for path in sorted(FOLDER.rglob("*")):
        if not path.is_file():
            continue
        try:
            spectra = read_file(path).spectra
        except RampionError:
            continue
        for place in sorted({0, len(spectra) // 2, len(spectra) - 1} if spectra else ()):
            content = tuple(np.round(spectra[place].impedance, 6))
            if len(spectra[place]) >= 5 and content not in known:  # one cell exported in three formats
                known.add(content)
                check(spectra[place], np.inf)
                seen += 1
    assert seen >= 40
