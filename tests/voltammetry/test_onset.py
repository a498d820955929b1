"""Onsets of rises on bent courses, the course itself, and the rise that meets an instrument's limit."""

from __future__ import annotations

import numpy as np
import pytest

from rampion.estimate import Estimate
from rampion.measurement import Sample, Trace
from rampion.voltammetry.analyse import analyse_trace
from rampion.voltammetry.finding import Verdict
from rampion.voltammetry.ranges import limit_reached
from recovery.voltammetry_curves import THERMAL, binary_curve, make_case

_SAMPLE = Sample(name="synthetic", thickness=Estimate(1e-3, 0.0), area=Estimate(1e-5, 0.0))


@pytest.mark.parametrize("kind", ["exponential", "power", "step"])
def test_a_rise_after_the_peak_is_dated_against_what_the_cell_would_have_done(kind):
    rng = np.random.default_rng(32)
    _, phi, j = binary_curve(300.0, 0.3, 1.0, 24.0, False)
    place = 1.5 * phi[int(np.argmax(j))]
    potential = np.linspace(0.0, 1.25 * place, 1200)
    onset = float(np.interp(place, phi, j))
    past = np.clip(potential - place, 0.0, None) / place
    rise = {
        "exponential": 0.03 * np.expm1(past / 0.05),
        "power": (past / 0.08) ** 1.5,
        "step": np.where(past > 0, 4.0 * (1.0 + past), 0.0),
    }[kind]
    current = np.interp(potential, phi, j) + onset * rise
    kept = current < 8.0 * onset
    current = current + 2e-3 * onset * rng.standard_normal(current.size)
    trace = Trace(time=potential[kept] / 1e-3, potential=potential[kept] * THERMAL, current=current[kept] * 1e-3)
    (finding,) = analyse_trace(trace, _SAMPLE)
    assert finding.verdict is Verdict.PENETRATION
    assert finding.potential.value / THERMAL == pytest.approx(place, rel=0.02)
    assert finding.current.value / 1e-3 == pytest.approx(onset, rel=0.02)
    assert finding.potential.high - finding.potential.low < 0.05 * place * THERMAL


def test_the_potential_of_an_instruments_limit_lies_in_its_interval():
    inside = []
    for seed in range(60):
        rng = np.random.default_rng([33, seed])
        potential = np.linspace(0.0, 1.0, 400)
        noise = float(rng.choice([1e-3, 1e-2, 2e-2]))
        limit = rng.uniform(0.4, 0.8)
        current = np.minimum(potential + noise * limit * rng.standard_normal(400), limit)
        held = np.flatnonzero(current == limit)
        found = limit_reached(potential, current, np.full(400, noise * limit), int(held[0]), int(held[-1]), 0.0)
        inside.append(abs(found.potential - limit) < 1.96 * found.potential_error)
    # of 60 intervals of 95 % fewer than 51 hold the truth once in 500 samples
    assert sum(inside) >= 51


def test_a_sweep_whose_first_points_show_no_slope_in_their_noise_is_judged_all_the_same():
    case = make_case("limiting_peak", np.random.default_rng([2033, 0, 4]))
    (finding,) = analyse_trace(case.trace, case.sample)
    assert finding.verdict is Verdict.LIMITING_PEAK
    assert finding.current.low < case.current < finding.current.high
    assert finding.ohmic is not None
    assert np.isfinite([finding.ohmic.conductance.low, finding.ohmic.conductance.high]).all()
