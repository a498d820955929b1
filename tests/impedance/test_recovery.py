"""Recovery: truth in, truth out with coverage; the law, the verdict and the table."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rampion.errors import InputError
from rampion.estimate import Estimate
from rampion.impedance.recovery import (
    Reversibility,
    compare_recoveries,
    measure_recoveries,
    measure_recovery,
    recovered_fraction,
    tabulate_recoveries,
)
from rampion.impedance.recovery_kinetics import Kinetics, fit_kinetics
from rampion.records import to_json

LAWS = [Kinetics.EXPONENTIAL, Kinetics.TAIL, Kinetics.STRETCHED]
TIME = np.geomspace(30, 4 * 3600, 20)


def relaxing(law, tau, final, excess):
    shape = {
        Kinetics.EXPONENTIAL: np.exp(-TIME / tau),
        Kinetics.TAIL: (1 + TIME / tau) ** -0.5,
        Kinetics.STRETCHED: np.exp(-((TIME / tau) ** 0.5)),
    }[law]
    return final + excess * shape


def cell(rng, law, final, noise=1.5):
    """A track from 100 Ω before and ``final`` + 100 Ω at the stop, with its true final fraction."""
    resistance = relaxing(law, 10 ** rng.uniform(2.2, 3.2), final, 100.0)
    measured = resistance + noise * rng.standard_normal(TIME.size)
    before = Estimate(100 + rng.standard_normal(), 1.0)
    stop = Estimate(final + 100 + noise * rng.standard_normal(), noise)
    true = 100 / final
    last = (final + 100 - resistance[-1]) / final
    return measure_recovery(TIME, measured, np.full(TIME.size, noise), before, stop=stop), true, last


@pytest.mark.parametrize("law", LAWS)
def test_truth_in_truth_out_with_coverage(law):
    rng = np.random.default_rng(8001)
    runs = [cell(rng, law, final) for final in (100.0, 150.0) for _ in range(9)]
    covered = [found.final_fraction.low <= true <= found.final_fraction.high for found, true, _ in runs]
    covered_last = [found.fraction.low <= last <= found.fraction.high for found, _, last in runs]
    assert np.mean(covered) >= 0.83
    assert np.mean(covered_last) >= 0.83
    weights = [{fit.kinetics: fit.weight for fit in found.kinetics}[law] for found, _, _ in runs]
    assert np.mean(weights) > 0.5
    assert min(weights) > 0.01  # the true law is never ruled out
    assert not any(found.reversibility is Reversibility.IRREVERSIBLE for found, _, _ in runs)
    assert not any(found.reversibility is Reversibility.REVERSIBLE for found, true, _ in runs if true < 0.8)
    assert not any(found.reversibility is Reversibility.PARTLY for found, true, _ in runs[:6])


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS)
def test_coverage_on_two_hundred(law):
    rng = np.random.default_rng(8002)
    runs = [cell(rng, law, final) for final in (100.0, 150.0) for _ in range(100)]
    covered = [found.final_fraction.low <= true <= found.final_fraction.high for found, true, _ in runs]
    assert 0.91 <= np.mean(covered) <= 0.985  # 95 % ± 2.6 standard errors


@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    st.sampled_from(LAWS),
    st.floats(2.0, 3.3),
    st.floats(-1, 4),
    st.floats(-0.9, 3.0).filter(lambda x: abs(x) > 0.05),
)
def test_exact_data_give_back_their_parameters(law, log_tau, log_size, relative):
    size = 10**log_size
    resistance = relaxing(law, 10**log_tau, size, relative * size)
    std = np.full(TIME.size, 1e-3 * abs(relative) * size)
    fits = {fit.kinetics: fit for fit in fit_kinetics(TIME, resistance, std)}
    assert fits[law].final.value == pytest.approx(size, rel=1e-3)
    assert fits[law].excess.value == pytest.approx(relative * size, rel=2e-2)
    assert fits[law].time_constant.value == pytest.approx(10**log_tau, rel=0.05)
    assert fits[law].deviance < 1e-3
    assert sum(fit.weight for fit in fits.values()) == pytest.approx(1)


def test_half_times_are_half_times():
    for fit in fit_kinetics(TIME, relaxing(Kinetics.STRETCHED, 500.0, 10, 5), np.full(TIME.size, 1e-3)):
        if fit.kinetics is Kinetics.STRETCHED:
            assert fit.half_time.value == pytest.approx(500 * np.log(2) ** 2, rel=1e-3)
    tail = {f.kinetics: f for f in fit_kinetics(TIME, relaxing(Kinetics.TAIL, 500.0, 10, 5), np.full(TIME.size, 1e-3))}
    assert tail[Kinetics.TAIL].half_time.value == pytest.approx(1500, rel=1e-3)


def test_nothing_back_is_irreversible_and_no_rise_is_undecided():
    rng = np.random.default_rng(1)
    std = np.full(TIME.size, 0.5)
    flat = 150 + 0.5 * rng.standard_normal(TIME.size)
    assert measure_recovery(TIME, flat, std, Estimate(100, 0.5)).reversibility is Reversibility.IRREVERSIBLE
    same = measure_recovery(TIME, flat, std, Estimate(150, 0.5))
    assert same.reversibility is Reversibility.UNDECIDED
    assert same.flags[0].code == "recovery_not_resolved"


def test_a_rest_that_ends_early_is_flagged():
    rng = np.random.default_rng(2)
    resistance = relaxing(Kinetics.TAIL, 3000.0, 100, 100) + 0.5 * rng.standard_normal(TIME.size)
    found = measure_recovery(TIME, resistance, np.full(TIME.size, 0.5), Estimate(100, 0.5))
    assert "recovery_unfinished" in {flag.code for flag in found.flags}


def test_fieller_against_simulation():
    before, stop, now = Estimate(100, 2), Estimate(120, 2), Estimate(104, 2)
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(2000):
        drawn = [Estimate(e.value + e.std * rng.standard_normal(), e.std) for e in (before, stop, now)]
        found = recovered_fraction(*drawn)
        hits += found.low <= 16 / 20 <= found.high
    assert hits / 2000 == pytest.approx(0.95, abs=0.02)
    assert recovered_fraction(Estimate(100, 2), Estimate(103, 2), now).high == np.inf


def test_pressure_against_none():
    rng = np.random.default_rng(4)
    std = np.full(TIME.size, 1.0)
    fast = relaxing(Kinetics.EXPONENTIAL, 300.0, 100, 100) + rng.standard_normal(TIME.size)
    slow = relaxing(Kinetics.EXPONENTIAL, 1500.0, 140, 60) + rng.standard_normal(TIME.size)
    options = {"before": Estimate(100, 1), "stop": Estimate(200, 1), "process": "interface"}
    without = measure_recovery(TIME, slow, std, condition="no pressure", **options)
    pressed = measure_recovery(TIME, fast, std, condition="20 MPa", **options)
    comparison = compare_recoveries(without, pressed)
    assert comparison.difference.value == pytest.approx(0.4, abs=0.05)
    assert comparison.probability < 1e-6
    assert comparison.speed_ratio.low < 0.2 < comparison.speed_ratio.high
    same = compare_recoveries(pressed, pressed)
    assert same.probability == pytest.approx(1)
    rows = tabulate_recoveries((without, pressed))
    assert [row.verdict for row in rows] == ["partly reversible", "reversible"]
    assert json.loads(to_json(rows))[0]["condition"] == "no pressure"


def test_absent_arcs_are_left_out():
    std = np.full((TIME.size, 2), 0.5)
    resistance = np.column_stack([relaxing(Kinetics.EXPONENTIAL, 500.0, 100, 50)] * 2)
    resistance[:5, 1] = np.nan
    found = measure_recoveries(TIME, resistance, std, [Estimate(100, 0.5)] * 2, ["grain boundary", "interface"])
    assert [each.process for each in found] == ["grain boundary", "interface"]
    assert found[1].stop.value == pytest.approx(resistance[5, 1])


def test_wrong_tracks_are_refused():
    with pytest.raises(InputError, match="at least two"):
        measure_recovery(TIME[:1], TIME[:1], TIME[:1], Estimate(1, 1))
    with pytest.raises(InputError, match="counted from the stop"):
        fit_kinetics(TIME - 100, TIME, TIME)
