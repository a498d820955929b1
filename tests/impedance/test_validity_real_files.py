"""Real spectra: each gets a verdict, a modulus from its phase and a distribution, without a crash or a warning."""

from __future__ import annotations

import numpy as np
import pytest

from rampion.errors import RampionError
from rampion.impedance.kramers_kronig import FEWEST_POINTS, check_kramers_kronig
from rampion.impedance.relaxation_times import find_relaxation_times
from rampion.impedance.z_hilbert import rebuild_modulus
from rampion.readers import read_file
from real_files import FOLDER

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"the real instrument files are not at {FOLDER}")
FOLDERS = ("biologic", "chi", "gamry", "li_symmetric", "other_eis", "palmsens", "solid_state", "zahner")


def spectra_of(folder):
    for path in sorted((FOLDER / folder).rglob("*")):
        if path.is_file() and "CP_SSB" not in path.name:
            try:
                found = read_file(path).spectra
            except RampionError:
                continue
            for spectrum in found[:3]:
                yield path, spectrum, spectrum is found[0]


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_real_spectrum_gets_a_verdict(folder):
    for path, spectrum, first in spectra_of(folder):
        verdict = check_kramers_kronig(spectrum)
        if len(spectrum) < FEWEST_POINTS:
            assert verdict.valid is None, path
            continue
        assert verdict.valid in (True, False), path
        assert np.isfinite([verdict.residual_rms, verdict.noise, verdict.violation, verdict.probability]).all(), path
        assert verdict.valid or verdict.flags, path
        if np.unique(spectrum.frequency).size >= 8:
            assert np.isfinite(rebuild_modulus(spectrum).residual_rms), path
        if first and len(spectrum) >= 10:
            found = find_relaxation_times(spectrum, draws=10)
            loops = any(flag.code == "inductive_loop" for flag in found.flags)
            assert (found.distribution >= 0).all() != loops, path
            assert np.isfinite(found.polarisation.value), path


def test_one_spectrum_in_three_formats_has_one_verdict():
    names = [f"PEIS_LPSCl_IonBlocking_-25C{end}" for end in (".mpr", ".txt", "_RelaxIS.txt")]
    found = [read_file(FOLDER / "solid_state" / "hybrid-drt_LPSCl" / name).spectra[0] for name in names]
    verdicts = [check_kramers_kronig(spectrum) for spectrum in found]
    assert all(verdict.valid for verdict in verdicts)
    assert np.ptp([verdict.residual_rms for verdict in verdicts]) < 1e-5
