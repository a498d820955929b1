"""Constant currents above the peak: those that lithium penetrated count, those that ran away first are left out."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from rampion.estimate import Estimate
from rampion.measurement import Sample, Trace
from rampion.mechanisms.argument import Arguments
from rampion.study import evidence
from rampion.study.constant_current import failure_times
from rampion.study.events import Event
from rampion.voltammetry.analyse import analyse_trace

SAMPLE = Sample(thickness=Estimate(1e-3, 1e-5), area=Estimate(4e-6, 4e-8))
NOISE = 2e-4 * np.random.default_rng(5).standard_normal(400)
U = np.linspace(0.0, 1.0, 400)
PENETRATED = 0.2 * np.sqrt(np.clip(1 - 1.02 * U**2, 0.0, None))  # gradually, from the first point on
DEPLETED = 0.2 * (1 - 0.5 * np.log(1.0001 - np.sqrt(U)))


def event(potential: np.ndarray, current_density: float) -> Event:
    trace = Trace(time=1000 * U, potential=potential + NOISE, current=np.full(400, 4e-6 * current_density))
    return Event(sample=SAMPLE, finding=analyse_trace(trace, SAMPLE)[0])


def test_gradual_penetrations_above_the_peak_are_counted_and_depletions_left_out(monkeypatch):
    runs = [event(PENETRATED, j) for j in (12.5, 15.0, 20.0)] + [event(DEPLETED, 12.0)] + [event(0.2 + 0 * U, 14.0)]
    peak = SimpleNamespace(finding=SimpleNamespace(current_density=Estimate(10.0, 0.1), semi_integral_plateau=None))
    monkeypatch.setattr(evidence, "_limited", lambda _: [peak])
    counted = evidence._runs(runs, [], [])[Arguments.FAILURE_ABOVE_PEAK]
    assert (counted.happened, counted.count) == (3, 4)


def test_a_time_that_is_only_an_upper_bound_makes_no_sand_analysis():
    assert failure_times([event(PENETRATED, j) for j in (12.5, 15.0, 20.0, 25.0)])[0] == []
