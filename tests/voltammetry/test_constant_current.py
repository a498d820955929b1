"""Constant-current runs of known truth: penetration however gradual, no false alarm, and the onset's interval."""

from __future__ import annotations

import numpy as np
import pytest
from constant_current_curves import NOISES, PENETRATED, RECOVERED, SOUND, draw

from rampion.measurement import ConstantCurrent, Sample, Trace
from rampion.voltammetry.analyse import analyse_trace
from rampion.voltammetry.finding import Verdict

RUNS = 3
SEED = 41
EVENTS = (Verdict.PENETRATION, Verdict.SOFT_SHORT)


@pytest.mark.parametrize("truth", SOUND + PENETRATED + RECOVERED)
def test_verdicts_of_runs_of_known_truth(truth):
    expected = Verdict.NO_EVENT
    if truth in PENETRATED:
        expected = Verdict.PENETRATION
    elif truth in RECOVERED:
        expected = Verdict.SOFT_SHORT
    elif truth in ("depletion", "contact lost"):
        expected = Verdict.VOLTAGE_RUNAWAY
    generator = np.random.default_rng([SEED, (SOUND + PENETRATED + RECOVERED).index(truth)])
    runs = [draw(truth, generator, NOISES[k % len(NOISES)]) for k in range(RUNS)]
    found = [analyse_trace(run.trace, Sample())[0] for run in runs]
    right = sum(finding.verdict is expected for finding in found)
    false_alarms = sum(finding.verdict in EVENTS for finding in found) if truth in SOUND else 0
    assert false_alarms == 0
    assert right >= RUNS - 1
    if truth == "contact forms late":
        codes = [[flag.code for flag in finding.flags] for finding in found]
        assert sum("voltage_falls" in each for each in codes) >= RUNS - 1  # some fall by less than the flag's tenth


@pytest.mark.parametrize("stray", [0.0, 0.19])
def test_one_stray_last_point_is_no_penetration_but_said(stray):
    time = np.linspace(0, 1000.0, 400)
    potential = 0.2 + 2e-4 * np.random.default_rng(3).standard_normal(400)
    potential[-1] = stray
    (finding,) = analyse_trace(Trace(time=time, potential=potential, current=np.full(400, 4e-5)), Sample())
    assert finding.verdict is Verdict.NO_EVENT
    assert any(flag.code == "ends_in_drop" for flag in finding.flags) is (stray == 0.0)


def test_a_rest_after_the_current_is_no_lost_voltage():
    time = np.linspace(0, 1000.0, 400)
    flows = time < 950
    potential = np.where(flows, 0.2, 0.0) + 2e-4 * np.random.default_rng(3).standard_normal(400)
    (finding,) = analyse_trace(Trace(time=time, potential=potential, current=np.where(flows, 4e-5, 0.0)), Sample())
    assert finding.verdict is Verdict.NO_EVENT
    assert finding.time.value == pytest.approx(950.0, abs=3.0)


def test_a_voltage_that_jumps_up_and_comes_back_to_its_course_is_no_penetration():
    time = np.linspace(0, 1000.0, 400)
    potential = np.where((time > 400) & (time < 500), 0.6, 0.2) + 2e-4 * np.random.default_rng(3).standard_normal(400)
    (finding,) = analyse_trace(Trace(time=time, potential=potential, current=np.full(400, 4e-5)), Sample())
    assert finding.verdict is Verdict.NO_EVENT


def test_a_transition_is_where_the_voltage_runs_away_and_nowhere_else():
    time = np.linspace(0, 1200, 1201)
    with np.errstate(divide="ignore", invalid="ignore"):
        runaway = 0.1 - 0.05 * np.log(1 - np.sqrt(time / 1000))  # Sand's wall concentration, emptied at 1000 s
    ended = time < 999.5
    # at the instrument's limit the voltage stays where it is
    held = np.minimum(np.where(ended, np.nan_to_num(runaway, nan=0.5), 0.5), 0.5)
    for t, potential in ((time[ended], runaway[ended]), (time, held)):
        (finding,) = analyse_trace(Trace(time=t, potential=potential, current=np.full(t.size, 4e-5)), Sample())
        assert finding.verdict is Verdict.VOLTAGE_RUNAWAY
        assert finding.time.value == pytest.approx(1000, abs=12)
        assert finding.time.low - 2.0 <= 1000 <= finding.time.high + 2.0
    steady = 0.1 + 0.1 * (1 - np.exp(-time / 300))
    for potential in (steady, np.full(time.size, 0.2), np.where(time < 600, 0.2, 0.01)):
        (finding,) = analyse_trace(Trace(time=time, potential=potential, current=np.full(1201, 4e-5)), Sample())
        assert finding.verdict is not Verdict.VOLTAGE_RUNAWAY


def test_a_current_that_is_set_to_another_level_is_kept_and_one_that_falls_is_not():
    time = np.arange(200.0)
    noise = 1e-9 * np.random.default_rng(4).standard_normal(200)
    potential = np.full(200, 0.2)
    for later, verdict in ((0.985 + 0 * time, Verdict.NO_EVENT), (1 - 5e-4 * (time - 100), Verdict.INSTRUMENT_LIMIT)):
        current = 4e-5 * np.where(time < 100, 1.0, later) + noise
        trace = Trace(time=time, potential=potential, current=current, protocol=ConstantCurrent(current=4e-5))
        (finding,) = analyse_trace(trace, Sample())
        assert finding.verdict is verdict
    assert finding.time.value == pytest.approx(100.0, abs=2.0)
