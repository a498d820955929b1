"""Spectra beside their sweep: drift in holds taken out and told, one clock, comparison, distributions (synthetic)."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from rampion.estimate import Estimate
from rampion.measurement import Experiment, Sample, Spectrum, Sweep, Trace
from rampion.records import to_json
from rampion.report.results import results
from rampion.study import Options, analyse, analyse_experiment
from rampion.study.drift import correct_spectra
from rampion.study.spectra import series_coordinate

FREQUENCY = np.geomspace(6e5, 10, 45)
CERAMIC, SHARE, RATE, HOLD = 150.0, 0.25, 1e-3, 90.0
STOPS = np.arange(0.05, 0.45, 0.05)
SAMPLE = Sample(name="A1", thickness=Estimate(1e-3, 1e-5), area=Estimate(4e-6, 8e-8))


def cell(resistance):
    """A ceramic arc, and an interface arc that takes what is left of the direct-current resistance."""
    angular = 2j * np.pi * FREQUENCY
    interface = resistance - CERAMIC - 20
    return 20 + CERAMIC / (1 + (angular * 1e-6) ** 0.95) + interface / (1 + (angular * 2e-6 * interface) ** 0.9)


def resistance_at(step, since, creep):
    """Of the state after ``step`` holds, ``since`` seconds into this one: it creeps, and keeps what it crept."""
    return 400 * np.exp(0.15 * step**1.3 + creep * (1 - np.exp(-since / 40)))


def paused_sweep(creep=0.12, noise=5e-4, seed=3, shift=0.0):
    """A sweep held every 50 mV while a spectrum is taken, on its own clock that starts ``shift`` seconds late."""
    rng = np.random.default_rng(seed)
    spectra, frozen, time, potential, current = [], [], [], [], []
    clock, level = 0.0, 0.0
    for step, stop in enumerate(STOPS):
        ramp = level + 2e-3 * np.arange(25)  # the 50 mV up to the hold
        time.append(clock + (ramp - level) / RATE)
        potential.append(ramp)
        current.append(ramp / resistance_at(step, 0.0, creep))
        clock += (stop - level) / RATE
        since = np.linspace(0.0, HOLD, 46)
        time.append(clock + since)
        potential.append(np.full(since.size, stop))
        current.append(stop / resistance_at(step, since, creep))
        moment = np.linspace(0.5, HOLD - 0.5, FREQUENCY.size)
        exact = np.array([cell(resistance_at(step, t, creep))[k] for k, t in enumerate(moment)])
        error = noise * (rng.standard_normal(exact.size) + 1j * rng.standard_normal(exact.size))
        spectra.append(
            Spectrum(
                frequency=FREQUENCY, impedance=exact + np.abs(exact) * error, time=clock + moment - shift,
                potential=float(stop), start=1e9 + shift, synthetic=True,
            )
        )  # fmt: skip
        frozen.append(cell(resistance_at(step, 45.0, creep)))
        clock += HOLD
        level = float(stop)
    trace = Trace(
        time=np.concatenate(time), potential=np.concatenate(potential), start=1e9, synthetic=True,
        current=np.concatenate(current) * (1 + 1e-4 * rng.standard_normal(sum(map(len, time)))),
        protocol=Sweep(rate=RATE),
    )  # fmt: skip
    return Experiment(parts=(trace, *spectra), sample=SAMPLE, name="A1"), frozen


@pytest.fixture(scope="module")
def found():
    """Analysed with the spectra's clock an hour behind the sweep's, which one clock has to mend."""
    experiment, frozen = paused_sweep(shift=3600.0)
    return analyse_experiment(experiment, Options(circuit="R0-p(R1,CPE1)-p(R2,CPE2)")), frozen


def test_holds_that_creep_are_corrected_and_both_numbers_kept(found):
    analysis, frozen = found
    corrected = [place for place, finding in enumerate(analysis.spectra) if finding.drift is not None]
    assert len(corrected) >= 5
    ratio = []
    for place in corrected[1:-1]:
        finding, raw = analysis.spectra[place], analysis.experiment.spectra[place].impedance
        before, after = (np.abs(z / frozen[place] - 1).max() for z in (raw, finding.impedance))
        ratio.append(after / before)
        drift = finding.drift
        assert "hold current" in drift.source
        assert drift.violation_after <= drift.violation_before
        flag = next(flag for flag in finding.flags if flag.code == "drift_corrected")
        assert "brought to one time" in flag.message
        true = float(np.real(frozen[place][-1]))
        assert abs(finding.total_resistance.value - true) < abs(drift.total_resistance.value - true)
        assert set(drift.resistances) == {one.name for one in finding.processes if np.isfinite(one.resistance.value)}
    assert np.median(ratio) < 0.5  # the largest error is at least halved


def test_the_json_tells_what_was_corrected(found):
    analysis, _ = found
    entry = next(
        one for one in results(analysis_of(analysis))["findings"] if one["kind"] == "spectrum" and "drift" in one
    )
    assert {"correction", "frequency", "time", "source", "total_resistance", "resistances"} <= set(entry["drift"])
    assert json.loads(to_json(entry))["drift"]["total_resistance"]["value"] > 0


def analysis_of(sample):
    from rampion.study import Analysis

    return Analysis(samples=(sample,))


def test_steady_holds_and_cells_with_a_voltage_of_their_own_are_left_alone():
    steady, _ = paused_sweep(creep=0.0)
    assert correct_spectra(steady) == {}
    drifting, _ = paused_sweep()
    battery = replace(
        drifting,
        parts=tuple(replace(p, current=1e-3 * p.current) if isinstance(p, Trace) else p for p in drifting.parts),
    )
    assert correct_spectra(battery) == {}


def test_untimed_spectra_are_left_alone():
    drifting, _ = paused_sweep()
    untimed = tuple(replace(p, time=None) if isinstance(p, Spectrum) else p for p in drifting.parts)
    assert correct_spectra(replace(drifting, parts=untimed)) == {}


def test_a_paused_sweep_is_followed_along_its_bias(found):
    analysis, _ = found
    assert analysis.impedance.along == "potential"
    np.testing.assert_allclose(analysis.series.coordinate, STOPS)
    growing = max(analysis.series.tracks, key=lambda track: np.nanmax(track.resistance) / np.nanmin(track.resistance))
    assert np.nanmax(growing.resistance) > 2 * np.nanmin(growing.resistance)
    entry = results(analysis_of(analysis))["samples"][0]
    assert entry["series"]["along"] == "potential"
    assert {"name", "resistance", "resistance_std", "present"} <= set(entry["series"]["tracks"][0])


def test_blocks_count_all_parts_of_the_experiment(found):
    analysis, _ = found
    assert [finding.block for finding in analysis.spectra] == list(range(2, 2 + STOPS.size))


def sweep_and_spectrum(factor, seed):
    """A pristine spectrum, then an ohmic ramp of a cell whose resistance is ``factor`` times that of the spectrum."""
    rng = np.random.default_rng(seed)
    exact = cell(400.0)
    error = 1e-3 * (rng.standard_normal(exact.size) + 1j * rng.standard_normal(exact.size))
    spectrum = Spectrum(
        frequency=FREQUENCY,
        impedance=exact + np.abs(exact) * error,
        time=np.linspace(0, 60, FREQUENCY.size),
        potential=0.0,
    )
    time = np.linspace(100, 400, 300)
    potential = 1e-3 * (time - 100)
    current = potential / (400.0 * factor) + 2e-8 * rng.standard_normal(time.size)
    return Experiment(
        parts=(spectrum, Trace(time=time, potential=potential, current=current)), sample=SAMPLE, name="A1"
    )


def test_spectrum_and_ohmic_slope_are_compared():
    same = analyse(sweep_and_spectrum(1.0, 5), circuit="R0-p(R1,CPE1)-p(R2,CPE2)").samples[0].impedance.ohmic
    assert same.block == 1
    assert same.comparison.p_value > 1e-3
    assert same.comparison.ratio.value == pytest.approx(1.0, abs=0.02)
    other = analyse(sweep_and_spectrum(1.1, 5), circuit="R0-p(R1,CPE1)-p(R2,CPE2)").samples[0].impedance.ohmic
    assert other.comparison.p_value < 1e-6
    ratio = same.spectrum_conductivity.value / same.sweep_conductivity.value
    assert ratio == pytest.approx(1 / same.comparison.ratio.value, rel=1e-6)


def test_distributions_come_with_a_single_spectrum_or_when_asked():
    experiment = sweep_and_spectrum(1.0, 6)
    single = analyse(experiment, circuit="R0-p(R1,CPE1)-p(R2,CPE2)").samples[0].spectra[0]
    assert single.relaxation_times is not None
    without = analyse(experiment, circuit="R0-p(R1,CPE1)-p(R2,CPE2)", relaxation_times=False).samples[0].spectra[0]
    assert without.relaxation_times is None
    steady, _ = paused_sweep(creep=0.0)
    few = replace(steady, parts=steady.spectra[:3])
    asked = analyse(few, circuit="R0-p(R1,CPE1)-p(R2,CPE2)", relaxation_times=True).samples[0].impedance
    assert all(finding.relaxation_times is not None for finding in asked.findings)
    assert max(track.index.size for track in asked.peaks) == 3
    assert all(f.relaxation_times is None for f in analyse(few, circuit="R0-p(R1,CPE1)-p(R2,CPE2)").samples[0].spectra)


def test_profiles_are_made_when_asked():
    found = analyse(sweep_and_spectrum(1.0, 7), circuit="R0-p(R1,CPE1)-p(R2,CPE2)", profiles=True).samples[0].spectra[0]
    assert {profile.name for profile in found.profiles} == set(found.parameters)
    profile = next(one for one in found.profiles if one.name == "R2")
    linear = found.parameters["R2"].interval
    assert profile.estimate.low == pytest.approx(linear[0], rel=0.2)
    assert profile.estimate.high == pytest.approx(linear[1], rel=0.2)


def test_the_coordinate_of_a_series():
    spectra = [
        Spectrum(frequency=FREQUENCY, impedance=cell(400.0), time=np.full(FREQUENCY.size, t), potential=v)
        for t, v in ((0.0, 0.0), (100.0, 0.1), (200.0, 0.2), (300.0, 0.3))
    ]
    assert series_coordinate(spectra)[0] == "potential"
    assert series_coordinate([replace(s, potential=0.0) for s in spectra])[0] == "time"
    along, values = series_coordinate([replace(s, potential=0.0, time=None) for s in spectra])
    assert along == "spectrum"
    assert values.tolist() == [1, 2, 3, 4]


def test_a_drift_that_noise_hides_is_flagged_and_left():
    """Where the spectra do not tell how far they moved, their numbers are as measured and the finding says so."""
    experiment, _ = paused_sweep(noise=4e-3, seed=52)
    left = {place: one for place, one in correct_spectra(experiment).items() if not one.applied}
    assert left
    findings = analyse_experiment(experiment).spectra
    for place, one in left.items():
        np.testing.assert_array_equal(one.spectrum.impedance, experiment.spectra[place].impedance)
        assert findings[place].drift is None
        assert any(flag.code == "drift_not_corrected" and "by up to" in flag.message for flag in findings[place].flags)
