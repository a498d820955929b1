"""The virtual instrument adds exactly the errors that it says, and marks what it makes."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from rampion.cell.instrument import (
    Instrument,
    choose_ranges,
    laboratory_instrument,
    measure,
    scan_frequencies,
)
from rampion.cell.sampling import round_period
from rampion.errors import InputError
from rampion.measurement import FrequencyScan, Spectrum, Sweep, Trace


def ramp(points: int = 2001, rate: float = 1e-3, resistance: float = 1e4) -> Trace:
    time = np.linspace(0.0, 1000.0, points)
    return Trace(
        time=time,
        potential=rate * time,
        current=rate * time / resistance,
        protocol=Sweep(rate=rate, start=0.0, stop=1.0),
    )


def semicircle() -> Spectrum:
    frequency = np.geomspace(1e6, 1.0, 61)
    impedance = 100.0 + 200.0 / (1 + 2j * np.pi * frequency * 200.0 * 1e-8)
    return Spectrum(frequency=frequency, impedance=impedance, amplitude=0.01)


def test_an_ideal_instrument_changes_nothing_but_the_mark():
    truth = ramp()
    seen = measure(truth, Instrument(), seed=1)
    np.testing.assert_allclose(seen.current, truth.current, rtol=1e-14)
    np.testing.assert_allclose(seen.potential, truth.potential, rtol=1e-14)
    assert seen.synthetic
    spectrum = measure(semicircle(), Instrument(), seed=1)
    np.testing.assert_allclose(spectrum.impedance, semicircle().impedance, rtol=1e-14)
    assert spectrum.synthetic


def test_the_same_seed_gives_the_same_record_and_another_seed_another():
    one, two, other = (measure(ramp(), laboratory_instrument(), seed=seed).current for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)


def test_the_noise_has_the_size_that_was_asked_for():
    truth = replace(ramp(20001), current=np.full(20001, 5e-6))
    instrument = Instrument(current_ranges=(1e-5,), current_noise=1e-3, current_floor=1e-8, potential_noise=2e-4)
    seen = measure(truth, instrument, seed=7)
    # chi-square bound: the relative spread of a standard deviation of 20001 points is 0.5 %
    assert np.std(seen.current) == pytest.approx(math.hypot(1e-8, 1e-8), rel=0.025)
    assert np.std(seen.potential - truth.potential) == pytest.approx(2e-4, rel=0.025)


def test_readings_lie_on_the_converter_grid():
    seen = measure(ramp(), Instrument(current_ranges=(1e-3,), current_bits=12, potential_bits=14), seed=1)
    step = 1e-3 / 2**11
    np.testing.assert_allclose(seen.current / step, np.round(seen.current / step), atol=1e-9)
    assert seen.current_resolution == pytest.approx(step)
    assert seen.potential_resolution == pytest.approx(10.0 / 2**13)
    assert np.max(np.abs(seen.current - ramp().current)) <= step / 2 * (1 + 1e-9)


def test_ranges_go_up_when_full_and_down_with_hysteresis():
    scales = np.array([1.0, 10.0])
    current = np.array([0.5, 1.05, 0.95, 0.91, 0.89, 0.95, 1.0, 1.01])
    np.testing.assert_array_equal(choose_ranges(current, scales), [0, 1, 1, 1, 0, 0, 0, 1])


def test_a_range_change_leaves_a_step_of_the_gain_error_and_says_so():
    seen = measure(ramp(), Instrument(current_ranges=(1e-5, 1e-4), gain_spread=0.01), seed=5)
    ratio = seen.current[1:] / ramp().current[1:]
    low, high = ratio[seen.extra["current_range"][1:] == 1e-5], ratio[seen.extra["current_range"][1:] == 1e-4]
    assert np.ptp(low) < 1e-12
    assert np.ptp(high) < 1e-12
    assert abs(low[0] - high[0]) > 1e-4
    assert [flag.code for flag in seen.flags] == ["range_changed"]


def test_overload_is_clipped_and_flagged():
    seen = measure(ramp(), Instrument(current_ranges=(5e-5,), potential_limit=0.8), seed=1)
    assert seen.current.max() == 5e-5
    assert seen.potential.max() == 0.8
    codes = {flag.code: dict(flag.details) for flag in seen.flags}
    assert codes["current_overload"]["points"] == np.count_nonzero(ramp().current > 5e-5)
    assert codes["potential_overload"]["points"] == np.count_nonzero(ramp().potential > 0.8)


def test_sampling_by_time_and_by_potential_step():
    by_time = measure(ramp(), Instrument(sampling_period=7.0), seed=1)
    np.testing.assert_allclose(np.diff(by_time.time)[:-1], 7.0)
    assert by_time.time[-1] == 1000.0  # where the technique ends
    by_step = measure(ramp(), Instrument(sampling_step=0.005), seed=1)
    np.testing.assert_allclose(np.diff(by_step.potential), 0.005, rtol=1e-9)
    assert len(by_step) == 201
    hold = replace(ramp(), potential=np.full(2001, 0.3))
    np.testing.assert_array_equal(measure(hold, Instrument(sampling_step=0.005), seed=1).time, [0.0, 1000.0])


def test_whichever_passes_first_brings_a_point_and_starts_all_anew():
    held = np.minimum(ramp().potential, 0.5)
    seen = measure(replace(ramp(), potential=held), Instrument(sampling_step=0.005, sampling_period=7.0), seed=1)
    np.testing.assert_allclose(np.diff(seen.time)[:100], 5.0)
    np.testing.assert_allclose(np.diff(seen.time)[100:-1], 7.0)


def test_sampling_by_current_step_follows_a_peak_up_and_down():
    time = np.linspace(0.0, 1000.0, 2001)
    truth = replace(ramp(), current=1e-4 * np.sin(math.pi * time / 800.0))
    seen = measure(truth, Instrument(sampling_current_step=1e-6), seed=1)
    steps = np.abs(np.diff(seen.current))
    at_the_top = (seen.current[1:] > 0.98e-4) | (seen.current[:-1] > 0.98e-4)
    np.testing.assert_allclose(steps[~at_the_top][:-1], 1e-6, rtol=1e-6)
    assert np.max(steps) < 1.001e-6
    assert seen.time[-1] == 1000.0
    assert np.max(np.diff(seen.time)) > 10.0 * np.min(np.diff(seen.time))


def test_a_jump_is_followed_no_faster_than_the_instrument_can():
    time = np.array([0.0, 10.0, 10.0 + 1e-9, 20.0])
    truth = replace(ramp(), time=time, potential=time * 1e-3, current=np.array([0.0, 0.0, 1e-3, 1e-3]))
    seen = measure(truth, Instrument(sampling_current_step=1e-5, sampling_period=3.0, fastest_period=0.01), seed=1)
    np.testing.assert_allclose(seen.time, [0.0, 3.0, 6.0, 9.0, 10.0, 10.01, 13.01, 16.01, 19.01, 20.0], atol=1e-8)
    assert set(np.round(seen.current, 5)) == {0.0, 1e-5, 1e-3}


@pytest.mark.parametrize("lasting", [0.7, 1000.0, 13080.0, 2e5])
def test_the_laboratory_instrument_samples_evenly_whatever_the_points_of_the_truth(lasting):
    grid = lasting * np.concatenate([[0.0], np.geomspace(1e-11, 1.0, 300), 0.5 + np.geomspace(1e-11, 0.5, 300)])
    time = np.unique(grid)
    truth = replace(ramp(), time=time, potential=time / lasting, current=1e-4 * time / lasting)
    seen = measure(truth, laboratory_instrument(), seed=1)
    assert 1000 <= len(seen) <= 2501
    np.testing.assert_allclose(np.diff(seen.time), seen.time[1] - seen.time[0], rtol=1e-9)
    stated = measure(truth, laboratory_instrument(sampling_period=lasting / 40), seed=1)
    np.testing.assert_allclose(np.diff(stated.time), lasting / 40, rtol=1e-9)
    by_step = measure(truth, laboratory_instrument(sampling_step=0.01), seed=1)
    assert len(by_step) == 101


@pytest.mark.parametrize(("longest", "period"), [(13.08, 10.0), (0.0049, 0.002), (5.0, 5.0), (0.001, 0.001), (99, 50)])
def test_a_round_period_is_one_two_or_five(longest, period):
    assert round_period(longest) == pytest.approx(period, rel=1e-12)


def test_averaging_gives_the_mean_since_the_last_point():
    seen = measure(ramp(), Instrument(sampling_period=100.0, averaging=True), seed=1)
    middle = ramp().current[-1] * (seen.time[1:] - 50.0) / 1000.0
    np.testing.assert_allclose(seen.current[1:], middle, rtol=1e-10)


def test_offsets_and_drift_are_what_was_asked_for():
    instrument = Instrument(current_drift=1e-9, current_offset=1e-6, potential_offset=0.01, potential_drift=-1e-6)
    seen, truth = measure(ramp(), instrument, seed=1), ramp()
    np.testing.assert_allclose(seen.current - truth.current, 1e-6 + 1e-9 * truth.time, rtol=1e-9)
    np.testing.assert_allclose(seen.potential - truth.potential, 0.01 - 1e-6 * truth.time, rtol=1e-9)


def test_cables_and_noise_of_a_spectrum():
    truth = semicircle()
    seen = measure(truth, Instrument(cable_inductance=1e-6, cable_capacitance=1e-12), seed=1)
    angular = 2j * np.pi * truth.frequency
    np.testing.assert_allclose(
        seen.impedance, truth.impedance / (1 + angular * 1e-12 * truth.impedance) + angular * 1e-6, rtol=1e-12
    )
    beyond = replace(truth, impedance=truth.impedance * 1e15)
    np.testing.assert_allclose(measure(beyond, Instrument(input_resistance=1e11), seed=1).impedance, 1e11, rtol=1e-3)
    noisy = [measure(truth, Instrument(impedance_noise=0.01), seed=seed).impedance for seed in range(40)]
    relative = np.array(noisy) / truth.impedance - 1.0
    assert np.std(relative.real) == pytest.approx(0.01, rel=0.05)
    assert np.std(relative.imag) == pytest.approx(0.01, rel=0.05)
    assert np.all(np.diff(seen.time) > 0)


def test_scan_frequencies_keep_both_ends():
    frequency = scan_frequencies(FrequencyScan(high=6e5, low=10.0, points_per_decade=10))
    assert (frequency[0], frequency[-1]) == pytest.approx((6e5, 10.0))
    np.testing.assert_allclose(np.diff(np.log10(frequency)), -0.1, rtol=0.01)


def test_impossible_settings_are_refused():
    with pytest.raises(InputError, match="ranges"):
        Instrument(current_ranges=(1e-3, 1e-5))
    with pytest.raises(InputError, match="sampling period"):
        Instrument(sampling_period=0.0)
    for tiny in (Instrument(sampling_step=1e-9), Instrument(sampling_period=1e-6)):
        with pytest.raises(InputError, match="at most 1000000"):
            measure(ramp(), tiny, seed=1)
    with pytest.raises(InputError, match="lacks potentials or currents"):
        measure(replace(ramp(), current=np.full(2001, math.nan)), Instrument(sampling_current_step=1e-6), seed=1)
    with pytest.raises(InputError, match="no times"):
        measure(replace(ramp(), time=np.full(2001, math.nan)), Instrument(sampling_period=1.0), seed=1)
