"""Onsets of rises on bent courses, the course itself, and the rise that meets an instrument's limit."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from rampion.estimate import Estimate
from rampion.measurement import Sample, Trace
from rampion.transport.peak_function import peak_potential, peak_ratio
from rampion.voltammetry.analyse import analyse_trace
from rampion.voltammetry.cell_course import fit_cell_course, ramped_current
from rampion.voltammetry.finding import Verdict
from rampion.voltammetry.limits import find_clipping
from rampion.voltammetry.polarising_cell import kernel_of, polarising_current
from recovery.voltammetry_curves import THERMAL, binary_curve, make_case

_SAMPLE = Sample(name="synthetic", thickness=Estimate(1e-3, 0.0), area=Estimate(1e-5, 0.0))


@pytest.mark.parametrize("rate", [60.0, 400.0, 4e3, 3e4])
@pytest.mark.parametrize(("transference", "series"), [(0.3, 0.0), (0.8, 0.5), (0.6, 0.1)])
def test_the_course_of_a_cell_has_the_peak_of_the_finer_solver(rate, transference, series):
    end = 1.8 * float(peak_potential(rate, transference)) * (1 + series)
    potential = np.linspace(0.0, end, 61)
    share = np.array([1.0 / (1.0 + series)])
    found = ramped_current(np.log([rate]), np.array([transference]), share, potential)[0]
    curve = CubicSpline(potential, found)
    height = float(np.max(curve(np.linspace(0.0, end, 2001))))
    expected = float(peak_ratio(rate, transference, series)) * 4 * transference * (1 + series)
    assert height == pytest.approx(expected, rel=5e-3)  # what the docstring states


def test_the_course_past_the_peak_is_foretold_from_the_sweep_before():
    rng = np.random.default_rng(31)
    _, phi, j = binary_curve(163.7, 0.8, 0.0, 24.0, False)
    last = 1.25 * phi[int(np.argmax(j))]
    known = np.linspace(0.02, last, 500)
    noise = 2e-3 * j.max()
    current = np.interp(known, phi, j) + noise * rng.standard_normal(known.size)
    course = fit_cell_course(known * THERMAL, current, np.full(500, noise), 1.5 * last * THERMAL, THERMAL)
    assert course is not None
    ahead = np.linspace(last, 1.3 * last, 6)
    value, design = course.at(ahead * THERMAL)
    weighed = course.at(known * THERMAL)[1] / noise
    covariance = np.linalg.inv(weighed.T @ weighed + np.diag(course.precision))
    error = np.sqrt(np.einsum("ij,jk,ik->i", design, covariance, design))
    assert np.all(np.abs(value - np.interp(ahead, phi, j)) < 4 * error)
    assert np.max(error) < 0.03 * j.max()


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
        found = find_clipping(potential, current, np.full(400, noise * limit), 0.0)
        assert found is not None
        inside.append(abs(found.potential - limit) < 1.96 * found.potential_error)
    # of 60 intervals of 95 % fewer than 51 hold the truth once in 500 samples
    assert sum(inside) >= 51


def test_changes_of_a_polarising_current_are_its_differences():
    time, potential = np.linspace(0.5, 40.0, 40), np.linspace(0.2, 10.0, 40)
    tau, odds, share = np.array([3.0, 30.0]), np.array([0.4, 1.5]), np.array([0.9, 0.5])

    def current(tau, odds, share):
        return polarising_current(kernel_of(time, tau), potential, odds, share)[0]

    moves = polarising_current(kernel_of(time, tau, moving=True), potential, odds, share)[1]
    step = 1e-4
    for k, (more, less) in enumerate(
        (
            (current(tau, odds + step, share), current(tau, odds - step, share)),
            (current(tau, odds, share + step), current(tau, odds, share - step)),
            (current(tau * np.exp(step), odds, share), current(tau * np.exp(-step), odds, share)),
        )
    ):
        # Newton's last step leaves about 1e-5 of the current
        assert np.max(np.abs(moves[:, k] - (more - less) / (2 * step))) < 2e-3 * np.max(np.abs(moves[:, k]))


def test_a_sweep_whose_first_points_show_no_slope_in_their_noise_is_judged_all_the_same():
    case = make_case("limiting_peak", np.random.default_rng([2033, 0, 4]))
    (finding,) = analyse_trace(case.trace, case.sample)
    assert finding.verdict is Verdict.LIMITING_PEAK
    assert finding.current.low < case.current < finding.current.high
    assert finding.ohmic is not None
    assert np.isfinite([finding.ohmic.conductance.low, finding.ohmic.conductance.high]).all()
