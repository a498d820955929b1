"""Spectra of real instruments: each gets a circuit, and a verdict on how well it is described."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import least_squares

from rampion.errors import RampionError
from rampion.impedance.choose import choose_circuit
from rampion.impedance.circuit import circuit_impedance, parameter_kinds
from rampion.impedance.guess import parameter_bounds
from rampion.impedance.kramers_kronig import check_kramers_kronig
from rampion.readers.detect import read_file
from real_files import FOLDER, real_file


def check(spectrum, noise):
    """A fit that another optimiser cannot better, each number with an uncertainty or a reason, and a verdict."""
    fit = choose_circuit(spectrum).fit
    assert fit.noise <= noise
    for estimate in fit.parameters.values():
        assert math.isfinite(estimate.std) or estimate.flags
    low, high = parameter_bounds(fit.circuit, 2 * np.pi * spectrum.frequency, spectrum.impedance)
    inside = (high - low) * 1e-9
    start = np.clip(fit.logarithms, low + inside, high - inside)
    again = least_squares(residuals, start, bounds=(low, high), args=(fit.circuit, spectrum), x_scale=0.1)
    assert fit.chi_square <= 1.01 * 2 * again.cost + 1e-12
    valid = check_kramers_kronig(spectrum).valid
    assert (valid is None) == (len(spectrum) < 7)


def residuals(logarithms, circuit, spectrum):
    """Weighted by |Z|, from the circuit's impedance alone: slopes by differences."""
    fitted = circuit_impedance(
        circuit, dict(zip(parameter_kinds(circuit), np.exp(logarithms), strict=True)), spectrum.frequency
    )
    gap = (fitted - spectrum.impedance) / np.abs(spectrum.impedance)
    return np.concatenate([gap.real, gap.imag])


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
