"""Rests inside a sweep, shorts held at the instrument's limit, stretches under changing noise, where a current ends.

Synthetic records of closed shape; the numbers asked for follow from how each was made.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from rampion.cell.binary_march import Line
from rampion.estimate import Estimate
from rampion.measurement import Sample, Trace
from rampion.voltammetry.analyse import Shape, analyse_trace, classify_trace
from rampion.voltammetry.courses import history_of
from rampion.voltammetry.finding import Verdict
from rampion.voltammetry.hypotheses import blocks_of
from rampion.voltammetry.noise import FREEDOM, Noise
from rampion.voltammetry.programme import overload, rests_inside
from rampion.voltammetry.segments import stretch_costs
from rampion.voltammetry.voltammogram import find_voltammograms, join_traces

SAMPLE = Sample(name="pellet", thickness=Estimate(1e-3, 0.0), area=Estimate(4e-6, 0.0))
CONDUCTANCE = 2e-5  # S


def rested(level: float, every: int = 60, rest: int = 40, steps: int = 300) -> Trace:
    """A resistor's ramp to 0.3 V, 1 mV and 1 s a point, that rests at a voltage without current after every so many."""
    generator = np.random.default_rng(3)
    ramp = np.linspace(1e-3, 0.3, steps)
    potential, current = [], []
    for begun in range(0, steps, every):
        part = ramp[begun : begun + every]
        potential += [part, np.full(rest, level * part[-1])]
        current += [CONDUCTANCE * part, np.zeros(rest)]
    v, i = np.concatenate(potential[:-1]), np.concatenate(current[:-1])
    i = i + 2e-3 * CONDUCTANCE * 0.3 * generator.standard_normal(i.size)
    return Trace(time=np.arange(v.size, dtype=float), potential=v, current=i, synthetic=True)


@pytest.mark.parametrize("level", [0.0, 0.3])
def test_a_sweep_with_rests_is_one_sweep(level):
    trace = rested(level)
    assert classify_trace(trace)[0] is Shape.SWEEP
    resting = rests_inside(trace.potential)
    assert resting.sum() == 4 * 40
    assert np.all(trace.potential[resting] < 0.31 * 0.3)
    (voltammogram,) = find_voltammograms(join_traces((trace,)))
    assert voltammogram.time.size == trace.time.size
    assert voltammogram.scan_rate.value == pytest.approx(1e-3, rel=1e-3)
    (finding,) = analyse_trace(trace, SAMPLE)
    assert finding.verdict is Verdict.NO_EVENT
    assert finding.ohmic.conductance.low <= CONDUCTANCE <= finding.ohmic.conductance.high
    assert finding.total_charge.value == pytest.approx(0.5 * CONDUCTANCE * 0.3 * 300.0, rel=0.01)


def test_a_sweep_back_and_a_new_one_are_no_rest():
    up = np.linspace(0.0, 0.3, 301)
    potential = np.concatenate([up, up[::-1], np.zeros(20), up])
    assert not rests_inside(potential).any()
    potential = np.concatenate([up, np.zeros(50), up])  # as far as it goes, and then a new one
    assert not rests_inside(potential).any()


def test_no_block_spans_a_rest():
    trace = rested(0.0)
    blocks = blocks_of(trace.time, trace.potential, trace.current, 0.0, 0.0, 298.15, most=50)
    assert 50 <= blocks.recorded.size <= 55
    resting = rests_inside(trace.potential)
    for first, end in zip(blocks.edges[:-1], blocks.edges[1:], strict=True):
        used = ~resting[first:end]
        assert np.ptp(trace.potential[first:end][used]) < 0.012
    assert np.allclose(blocks.recorded, CONDUCTANCE * blocks.history.imposed, atol=4e-3 * CONDUCTANCE * 0.3)


def test_jumps_back_from_a_rest_are_not_the_rate_of_the_sweep():
    lines = (Line(100.0, 0.0, 1e-3), Line(1.0, 0.1, -0.1), Line(200.0, 0.0, 0.0), Line(1.0, 0.0, 0.1),
             Line(100.0, 0.1, 1e-3))  # fmt: skip
    history = history_of(lines, np.linspace(0.0, 402.0, 50), 298.15)
    assert history.rate == pytest.approx(1e-3, rel=0.02)


@pytest.mark.parametrize("between", [0, 2])  # points recorded while the voltage collapses
def test_a_short_held_at_the_limit_is_a_penetration_at_its_onset(between):
    generator = np.random.default_rng(5)
    ramp = np.linspace(0.0, 0.4, 401)
    current = CONDUCTANCE * ramp
    limit = 8.0 * CONDUCTANCE * 0.3
    potential = np.where(ramp <= 0.3, ramp, limit / (12.0 * CONDUCTANCE))
    current = np.where(ramp <= 0.3, current, limit) + 1e-3 * CONDUCTANCE * 0.3 * generator.standard_normal(401)
    falling = slice(301, 301 + between)
    current[falling] *= np.linspace(0.4, 0.7, between)
    potential[falling] = np.linspace(0.28, 0.23, between)
    assert overload(potential, current) == 301
    assert overload(ramp, current) == 401  # the voltage has not fallen: the instrument's limit alone
    trace = Trace(time=np.arange(401.0), potential=potential, current=current, synthetic=True)
    (finding,) = analyse_trace(trace, SAMPLE)
    assert finding.verdict is Verdict.PENETRATION
    assert finding.potential.value == pytest.approx(0.3, abs=2e-3)
    assert finding.current.value == pytest.approx(CONDUCTANCE * 0.3, rel=5e-3)


@pytest.mark.parametrize("coefficients", [(), (0.5, 0.2)])
def test_stretches_are_polynomials_under_noise_that_changes(coefficients):
    generator = np.random.default_rng(7)
    n = 160
    local = np.exp(np.linspace(-1.5, 1.5, n))
    noise = Noise(np.array(coefficients), local, 1.3)
    values = 1e3 + 4.0 * np.arange(n) - 0.02 * np.arange(n) ** 2 + local * generator.standard_normal(n)
    own, degree = stretch_costs(noise, values)
    white = noise.whitened(values)
    powers = np.stack([noise.whitened(np.linspace(-1.0, 1.0, n) ** power) for power in range(3)], axis=1)
    for first, end in ((0, n), (40, 46), (150, n), (5, 9), (60, 120)):
        costs = []
        for power, least in enumerate((1, 3, 6)):
            if end - first >= least:
                part = powers[first:end, : power + 1]
                left = white[first:end] - part @ np.linalg.lstsq(part, white[first:end])[0]
                fit = (FREEDOM + 1.0) * (end - first) * math.log1p(float(left @ left) / FREEDOM / (end - first))
                costs.append(fit + (power + 1) * math.log(n))
        assert own[first, end] == pytest.approx(min(costs), rel=1e-5)
        assert degree[first, end] == int(np.argmin(costs))
    assert np.isinf(own[7, 8])
    assert np.isinf(own[9, 3])


@pytest.mark.parametrize("noise", [1e-4, 3e-3])
def test_a_current_that_breaks_off_has_its_last_value(noise):
    potential = np.linspace(0.0, 0.5, 3001)
    whole = CONDUCTANCE * potential / (1.0 + 0.5 * potential)
    held = []
    for seed in range(6):
        current = np.where(potential <= 0.32, whole, 0.2 * whole)
        scatter = noise * float(whole[1920]) * np.random.default_rng(seed).standard_normal(3001)
        trace = Trace(time=potential / 1e-3, potential=potential, current=current + scatter, synthetic=True)
        (finding,) = analyse_trace(trace, SAMPLE)
        assert finding.verdict is Verdict.CURRENT_LOSS
        assert finding.potential.value == pytest.approx(0.32, abs=1e-3)
        truth = CONDUCTANCE * 0.32 / 1.16
        assert finding.current.value == pytest.approx(truth, rel=max(1e-3, noise))
        held.append(finding.current.low <= truth <= finding.current.high)
    assert sum(held) >= 5


def test_few_points_of_a_rising_current_are_no_peak():
    potential = np.linspace(0.0, 0.05, 21)
    for seed in range(3):
        scatter = 1e-3 * CONDUCTANCE * 0.05 * np.random.default_rng(seed).standard_normal(21)
        current = CONDUCTANCE * potential * (1.0 - 2.0 * potential) + scatter
        trace = Trace(time=potential / 5e-3, potential=potential, current=current, synthetic=True)
        (finding,) = analyse_trace(trace, SAMPLE)
        assert finding.verdict is Verdict.NO_EVENT
