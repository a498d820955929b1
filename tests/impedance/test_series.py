"""Series: every process keeps its track, arcs may appear and vanish, shared parameters are shared."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from circuit_cases import CASES, synthetic

import hot_and_cold
from rampion.errors import InputError
from rampion.estimate import Estimate
from rampion.impedance.fit import fit_circuit
from rampion.impedance.series import fit_series
from rampion.impedance.series_finding import analyse_series, gather_flags
from rampion.measurement import Sample, Spectrum
from rampion.records import to_plain

CIRCUIT, TRUTH, WINDOW = CASES["A"]


def series(changes, noise=0.003, seed=40, circuit=CIRCUIT, truth=TRUTH, window=WINDOW):
    return [synthetic(circuit, truth | change, window, seed + place, noise) for place, change in enumerate(changes)]


def test_an_arc_that_grows_tenfold_keeps_its_track():
    growth = np.geomspace(1, 10, 20)
    found = fit_series(series([{"R2": 900.0 * factor} for factor in growth]), coordinate=np.linspace(0, 0.95, 20))
    assert found.circuit == CIRCUIT
    _, first, second = found.tracks
    assert np.all(first.present)
    assert np.all(second.present)
    np.testing.assert_allclose(first.resistance, 500.0, rtol=0.1)
    np.testing.assert_allclose(second.resistance, 900.0 * growth, rtol=0.03)
    assert not [flag for flag in found.flags if flag.code == "track_broken"]


def test_the_growing_arc_may_overtake_the_slower_one():
    """The faster arc grows tenfold at constant capacitance and crosses the slower: tracks cross with it, or say so."""
    circuit = "R0-p(R1,CPE1)-p(R2,CPE2)"
    truth = {
        "R0": 50.0, "R1": 100.0, "CPE1.Q": 3e-7, "CPE1.alpha": 0.97, "R2": 150.0, "CPE2.Q": 1e-6, "CPE2.alpha": 0.97,
    }  # fmt: skip
    growth = np.geomspace(1, 40, 20)
    changes = [{"R1": 100.0 * g, "CPE1.Q": 3e-7} for g in growth]
    found = fit_series(series(changes, 0.001, circuit=circuit, truth=truth, window=(1e5, 1.0)), circuit, reduce=False)
    broken = [flag for flag in found.flags if flag.code == "track_broken"]
    tracks = {track.name: track for track in found.tracks}
    ends = [tracks[name].capacitance[[0, -1]] for name in ("arc 1", "arc 2")]
    swapped = any(abs(math.log(end / start)) > 0.5 for start, end in ends)
    assert broken or not swapped


def test_an_arc_that_appears_is_told():
    changes = [{"R2": 1e-3, "CPE2.Q": 1e-3}] * 5 + [{"R2": 900.0 * f} for f in np.linspace(0.3, 1, 7)]
    found = fit_series(series(changes), CIRCUIT)
    late = found.tracks[-1]
    assert not late.present[:5].any()
    assert late.present[5:].all()
    assert any(flag.code == "arc_appears" and "from spectrum 6" in flag.message for flag in found.flags)
    np.testing.assert_allclose(found.tracks[1].resistance[5:], 500.0, rtol=0.15)


def test_shared_parameters_are_one_and_sharper():
    changes = [{"R2": 900.0 * f} for f in np.geomspace(1, 3, 6)]
    spectra = series(changes)
    apart = fit_series(spectra, CIRCUIT)
    joint = fit_series(spectra, CIRCUIT, shared=("R0", "R1", "CPE1.Q", "CPE1.alpha"))
    sizes = [fit.parameters["R0"].value for fit in joint.fits]
    assert np.ptp(sizes) == 0
    assert joint.fits[0].parameters["R0"].std == pytest.approx(
        np.mean([fit.parameters["R0"].std for fit in apart.fits]) / math.sqrt(6), rel=0.4
    )
    assert abs(sizes[0] - 300.0) < 4 * joint.fits[0].parameters["R0"].std


def test_smoothness_takes_noise_out_of_a_track():
    growth = np.geomspace(1, 3, 8)
    spectra = series([{"R2": 900.0 * f} for f in growth], noise=0.01)
    rough = fit_series(spectra, CIRCUIT)
    smooth = fit_series(spectra, CIRCUIT, roughness=0.003)

    def miss(found):
        return np.sqrt(np.mean((found.tracks[1].resistance / 500.0 - 1) ** 2))

    assert miss(smooth) < 0.8 * miss(rough)


def test_spectra_of_different_lengths_go_together():
    spectra = [synthetic(CIRCUIT, TRUTH, WINDOW, 60, points=60), synthetic(CIRCUIT, TRUTH, WINDOW, 61, points=45)]
    found = fit_series(spectra, CIRCUIT)
    assert found.fits[1].fitted.shape == (45,)
    assert found.fits[1].parameters["R2"].value == pytest.approx(900.0, rel=0.02)


def test_what_cannot_be_a_series_is_refused():
    with pytest.raises(InputError, match="no spectrum"):
        fit_series([])
    spectra = series([{}, {}])
    with pytest.raises(InputError, match="'R9'"):
        fit_series(spectra, CIRCUIT, shared=("R9",))
    with pytest.raises(InputError, match="3 values for 2 spectra"):
        fit_series(spectra, CIRCUIT, coordinate=np.arange(3.0))


def test_the_tracks_of_a_finding_have_one_name_each():
    spectra = series([{"R2": 900.0 * f} for f in np.geomspace(1, 10, 5)])
    sample = Sample(thickness=Estimate(1e-3, 1e-5), area=Estimate(4e-6, 4e-8))
    found = analyse_series(spectra, sample, CIRCUIT, coordinate=np.linspace(0, 0.8, 5))
    assert found.tracks[0].name == "bulk"
    assert found.tracks[2].name == "electrode interface"
    assert found.confidences[2] > 0.9
    assert len(found.spectra) == 5
    assert to_plain(found)["tracks"][2]["resistance"][4] == pytest.approx(9000.0, rel=0.05)


def test_a_series_tells_the_circuit_that_comes_closest_to_each_spectrum():
    """A wave along the frequency that no arc makes, in the second spectrum: a larger circuit follows it further."""
    truth = {
        "R0": 20.0, "R1": 100.0, "CPE1.Q": 1e-6, "CPE1.alpha": 0.95, "R2": 120.0, "CPE2.Q": 1e-4, "CPE2.alpha": 0.9,
    }  # fmt: skip
    plain, other = series([{}, {"R2": 125.0}], truth=truth, window=(1e5, 0.1))
    bent = replace(other, impedance=other.impedance * (1 + 0.02 * np.sin(3 * np.log(other.frequency))))
    found = analyse_series([plain, bent])
    finding = found.spectra[1]
    closer = finding.description
    assert closer is not None
    assert closer.noise < finding.noise
    assert closer.chi_square == pytest.approx(fit_circuit(bent, closer.circuit).chi_square, rel=0.02)
    told = [flag for flag in finding.flags if flag.code == "described_better"]
    assert bool(told) == (closer.bic_difference < -6)
    plainly = found.spectra[0].description
    assert plainly is None or plainly.noise > 0.9 * found.spectra[0].noise


def test_what_many_spectra_are_flagged_with_is_told_once():
    changes = [{"CPE2.alpha": 0.5}] * 4 + [{"CPE2.alpha": 0.8}]
    found = analyse_series(series(changes), None, CIRCUIT)
    told = [flag for flag in gather_flags(found.spectra) if flag.code == "arc_not_resolved"]
    assert len(told) == 1
    assert told[0].message.startswith("4 of 5 spectra, as 1: The arc p(R2,CPE2)")
    every = [flag.message for flag in gather_flags(found.spectra) if "no conductivity" in flag.message]
    assert len(every) == 1
    assert every[0].startswith("All 5 spectra, as 1: ")


def test_one_circuit_for_all_keeps_a_bulk_whose_apex_leaves_the_window():
    """Alone, each of these spectra is described as well by a diffusion that turns in the MHz (synthetic)."""
    rng, celsius = np.random.default_rng(6), np.array([25.0, 40.0, 60.0, 80.0])
    spectra = [Spectrum(frequency=hot_and_cold.FREQUENCY, impedance=hot_and_cold.impedance(t, rng)) for t in celsius]
    sample = Sample(thickness=Estimate(1e-3, 1e-5), area=Estimate(4e-6, 4e-8))
    known = ("p(R1,CPE1)-p(R2,CPE2)-Ws3", "R0-p(R1,CPE1)-p(R2,CPE2)", "p(R1,CPE1)-p(R2,CPE2)-p(R3,CPE3)")
    found = analyse_series(spectra, sample, coordinate=celsius, candidates=known, one_circuit=True)
    assert {one.circuit for one in found.spectra} == {"p(R1,C1)-p(R2,CPE2)-p(R3,CPE3)"}
    (bulk,) = (track for track in found.tracks if track.name == "bulk")
    bulk_true = 1e-3 / 4e-6 / (0.06 * np.array([hot_and_cold.activated(t + 273.15, 0.40) for t in celsius]))
    assert np.all(np.abs(bulk.resistance - bulk_true) < 3.5 * bulk.resistance_std)
    assert np.all(bulk.resistance_std < 0.02 * bulk_true)


def test_one_circuit_stays_where_an_arc_is_not_told():
    circuit = "R0-p(R1,CPE1)-p(R2,CPE2)"
    truth = {
        "R0": 50.0,
        "R1": 500.0,
        "CPE1.Q": 1e-8,
        "CPE1.alpha": 0.9,
        "R2": 800.0,
        "CPE2.Q": 1e-5,
        "CPE2.alpha": 0.85,
    }
    spectra = [
        synthetic(circuit, truth | {"R2": size}, (1.0, 1e6), 70 + place, 0.003)
        for place, size in enumerate((800.0, 80.0, 0.02))
    ]
    one = fit_series(spectra, circuit, one_circuit=True)
    assert [fit.notation for fit in one.fits] == [circuit] * 3
    assert fit_series(spectra, circuit).fits[2].notation != circuit
    assert not one.fits[2].parameters["R2"].relative < 0.5
