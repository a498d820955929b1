"""Pictures of spectra show what they should: equal axes, measured points, bands, broken lines (synthetic)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rampion.estimate import Estimate
from rampion.figures.recovery import draw_recoveries
from rampion.figures.relaxation_times import draw_relaxation_series, draw_relaxation_times
from rampion.figures.residuals import draw_residuals
from rampion.figures.spectra import draw_bode, draw_nyquist
from rampion.figures.tracks import draw_tracks
from rampion.impedance.finding import analyse_spectrum
from rampion.impedance.recovery import measure_recovery
from rampion.impedance.relaxation_times import find_relaxation_times
from rampion.impedance.series_finding import Track
from rampion.measurement import Spectrum

FREQUENCY = np.geomspace(1e6, 1, 50)


def spectrum_of(interface):
    angular = 2j * np.pi * FREQUENCY
    impedance = 10 + 100 / (1 + (angular * 1e-5) ** 0.9) + interface / (1 + (angular * 5e-3) ** 0.9)
    rng = np.random.default_rng(1)
    error = 1 + 2e-3 * (rng.standard_normal(FREQUENCY.size) + 1j * rng.standard_normal(FREQUENCY.size))
    return Spectrum(frequency=FREQUENCY, impedance=impedance * error, synthetic=True)


@pytest.fixture(scope="module")
def shown():
    spectra = [spectrum_of(size) for size in (50.0, 80.0, 2000.0)]
    findings = [analyse_spectrum(one, circuit="R0-p(R1,CPE1)-p(R2,CPE2)") for one in spectra]
    findings = [
        replace(one, relaxation_times=find_relaxation_times(spectrum))
        for one, spectrum in zip(findings, spectra, strict=True)
    ]
    return spectra, findings


def drawn(figure):
    figure.draw_without_rendering()
    return figure


def test_nyquist_has_equal_axes_and_a_panel_for_dwarfed_spectra(shown):
    spectra, findings = shown
    figure = drawn(draw_nyquist(spectra, findings, "A1", True))
    whole, small = (axis for axis in figure.axes if axis.get_xlabel().startswith("Re Z"))
    for axis in (whole, small):
        box = axis.get_window_extent()
        per_x, per_y = box.width / np.ptp(axis.get_xlim()), box.height / np.ptp(axis.get_ylim())
        assert per_x == pytest.approx(per_y, rel=1e-3)
        assert any(text.get_text() == "synthetic" for text in axis.texts)
    assert whole.get_xlim()[1] > 2000
    assert 180 < small.get_xlim()[1] < 400
    points = np.concatenate([line.get_xdata() for line in whole.lines])
    assert np.isin(np.real(findings[2].impedance), points).all()


def test_bode_and_residuals_share_frequency_and_show_all_points(shown):
    spectra, findings = shown
    for figure in (draw_bode(spectra[0], findings[0]), draw_residuals(findings[0])):
        drawn(figure)
        assert figure.axes[-1].get_xlabel() == "f (Hz)"
        assert all(axis.get_xscale() == "log" for axis in figure.axes)
    circuit, validity = draw_residuals(findings[0]).axes
    assert any(len(line.get_xdata()) == FREQUENCY.size for line in validity.lines)
    assert "valid" in validity.texts[0].get_text()
    assert circuit.texts[0].get_text() == findings[0].circuit


def test_distribution_with_band_and_named_peaks(shown):
    _, findings = shown
    (axis,) = drawn(draw_relaxation_times(findings[0])).axes
    words = " ".join(text.get_text() for text in axis.texts)
    assert words.count("Hz") >= 2  # both arcs are named
    assert "polarisation" in words
    series = drawn(draw_relaxation_series(findings, np.arange(3.0), "spectrum"))
    assert len(series.axes[0].lines) == 3


def test_tracks_are_broken_where_a_process_is_not_told():
    nothing = np.full(4, np.nan)
    there = np.array([True, False, True, True])
    size = np.where(there, [10.0, 0.0, 12.0, 13.0], np.nan)
    track = Track(
        name="interface", confidence=np.ones(4), coordinate=np.arange(4.0), present=there, resistance=size,
        resistance_std=0.1 * size,
        capacitance=nothing, capacitance_std=nothing, exponent=np.full(4, 0.9), exponent_std=nothing,
        frequency=nothing, frequency_std=nothing,
    )  # fmt: skip
    figure = drawn(draw_tracks([track], "potential"))
    resistance, _, exponent, _ = figure.axes
    assert np.isnan(resistance.lines[0].get_ydata()[1])
    assert np.isnan(exponent.lines[0].get_ydata()[1])
    assert exponent.get_xlabel() == "bias (V)"


def test_recovery_panels_leave_out_what_did_not_rise():
    time = np.geomspace(10, 1e4, 9)
    std = np.full(9, 1.0)
    rising = measure_recovery(time, 100 + 80 * np.exp(-time / 500), std, Estimate(100, 1), process="interface")
    flat = measure_recovery(time, np.full(9, 50.0), std, Estimate(50, 1), process="bulk")
    figure = drawn(draw_recoveries([rising, flat]))
    (axis,) = (axis for axis in figure.axes if axis.get_visible())
    assert axis.texts[0].get_text() == "interface"
    assert drawn(draw_recoveries([flat])).axes[0].texts[0].get_text() == "no rise was resolved"
