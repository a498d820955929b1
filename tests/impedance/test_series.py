"""A given circuit along a series: fits, shared parameters, smoothness, tracks with labels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from circuit_cases import CASES, synthetic

from rampion.errors import InputError
from rampion.estimate import Estimate
from rampion.impedance.series import fit_series
from rampion.impedance.series_finding import analyse_series, gather_flags
from rampion.measurement import Sample
from rampion.records import to_plain

CIRCUIT, TRUTH, WINDOW = CASES["A"]
PELLET = Sample(thickness=Estimate(1e-3, 1e-5), area=Estimate(4e-6, 4e-8))


def series(changes, noise=0.003, seed=40):
    return [synthetic(CIRCUIT, TRUTH | change, WINDOW, seed + place, noise) for place, change in enumerate(changes)]


def column(fits, name):
    return np.array([fit.parameters[name].value for fit in fits])


def test_an_arc_that_grows_tenfold_is_followed():
    growth = np.geomspace(1, 10, 20)
    fits = fit_series(series([{"R2": 900.0 * factor} for factor in growth]), CIRCUIT)
    np.testing.assert_allclose(column(fits, "R1"), 500.0, rtol=0.1)
    np.testing.assert_allclose(column(fits, "R2"), 900.0 * growth, rtol=0.03)


def test_shared_parameters_are_one_and_sharper():
    spectra = series([{"R2": 900.0 * f} for f in np.geomspace(1, 3, 6)])
    apart = fit_series(spectra, CIRCUIT)
    joint = fit_series(spectra, CIRCUIT, shared=("R0", "R1", "CPE1.Q", "CPE1.alpha"))
    sizes = column(joint, "R0")
    assert np.ptp(sizes) == 0
    alone = np.mean([fit.parameters["R0"].std for fit in apart])
    assert joint[0].parameters["R0"].std == pytest.approx(alone / math.sqrt(6), rel=0.4)
    assert abs(sizes[0] - 300.0) < 4 * joint[0].parameters["R0"].std


def test_smoothness_takes_noise_out_of_a_track():
    spectra = series([{"R2": 900.0 * f} for f in np.geomspace(1, 3, 8)], noise=0.01)

    def miss(fits):
        return np.sqrt(np.mean((column(fits, "R1") / 500.0 - 1) ** 2))

    assert miss(fit_series(spectra, CIRCUIT, roughness=0.003)) < 0.8 * miss(fit_series(spectra, CIRCUIT))


def test_spectra_of_different_lengths_go_together():
    spectra = [synthetic(CIRCUIT, TRUTH, WINDOW, 60, points=60), synthetic(CIRCUIT, TRUTH, WINDOW, 61, points=45)]
    fits = fit_series(spectra, CIRCUIT)
    assert fits[1].fitted.shape == (45,)
    assert fits[1].parameters["R2"].value == pytest.approx(900.0, rel=0.02)


def test_what_cannot_be_a_series_is_refused():
    with pytest.raises(InputError, match="no spectrum"):
        fit_series([], CIRCUIT)
    with pytest.raises(InputError, match="no spectrum"):
        analyse_series([])
    spectra = series([{}, {}])
    with pytest.raises(InputError, match="'R9'"):
        fit_series(spectra, CIRCUIT, shared=("R9",))
    with pytest.raises(InputError, match="3 values for 2 spectra"):
        analyse_series(spectra, None, CIRCUIT, coordinate=np.arange(3.0))


def test_the_tracks_of_a_given_circuit_have_one_label_each():
    spectra = series([{"R2": 900.0 * f} for f in np.geomspace(1, 10, 5)])
    found = analyse_series(spectra, PELLET, CIRCUIT, coordinate=np.linspace(0, 0.8, 5))
    assert [track.name for track in found.tracks][::2] == ["bulk", "interface"]
    assert len(found.spectra) == 5
    assert to_plain(found)["tracks"][2]["resistance"][4] == pytest.approx(9000.0, rel=0.05)


def test_what_many_spectra_are_flagged_with_is_told_once():
    changes = [{"CPE2.alpha": 0.5}] * 4 + [{"CPE2.alpha": 0.8}]
    found = analyse_series(series(changes), None, CIRCUIT)
    told = [flag for flag in gather_flags(found.spectra) if flag.code == "arc_not_resolved"]
    assert len(told) == 1
    assert told[0].message.startswith("4 of 5 spectra, as 1: The arc p(R2,CPE2)")
    every = [flag.message for flag in gather_flags(found.spectra) if "no conductivity" in flag.message]
    assert len(every) == 1
    assert every[0].startswith("All 5 spectra, as 1: ")
