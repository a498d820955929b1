"""Changes of the current range, rests, and the conductance at rest of cells that polarise. Synthetic."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rampion.estimate import Estimate
from rampion.measurement import Sample, Sweep, Trace
from rampion.voltammetry.analyse import analyse_run, analyse_trace
from rampion.voltammetry.finding import Verdict
from recovery.voltammetry_curves import THERMAL, binary_sweep

SAMPLE = Sample(name="pellet", thickness=Estimate(1e-3, 0.0), area=Estimate(4e-6, 0.0))
CONDUCTANCE = 2.4e-5


def ranged(gain: float, seed: int, column: bool) -> Trace:
    """An ohmic sweep through 10 µA: the range changes there, its noise tenfold and its gain a little."""
    generator = np.random.default_rng(seed)
    potential = np.linspace(0.0, 0.8, 800)
    current = CONDUCTANCE * potential
    full = np.where(current > 1e-5, 1e-4, 1e-5)
    current = np.where(current > 1e-5, 1.0 + gain, 1.0) * current + 1e-4 * full * generator.standard_normal(800)
    extra = {"I Range": full} if column else {}
    return Trace(time=potential / 1e-3, potential=potential, current=current, extra=extra, synthetic=True)


@pytest.mark.parametrize("column", [True, False])
@pytest.mark.parametrize("gain", [-2e-3, 5e-4, 2e-3])
def test_a_change_of_range_is_no_soft_short(gain, column):
    for seed in range(2):
        (finding,) = analyse_trace(ranged(gain, seed, column), SAMPLE)
        assert finding.verdict is Verdict.NO_EVENT
        assert "range_change" in {flag.code for flag in finding.flags}
        assert finding.ohmic.window[1] > 0.41  # the range changes at 0.417 V
        assert finding.ohmic.conductance.value == pytest.approx(CONDUCTANCE, rel=4e-3)


def test_the_recorded_current_is_kept():
    trace = ranged(2e-3, 1, True)
    (finding,) = analyse_trace(trace, SAMPLE)
    assert np.array_equal(finding.voltammogram.current, trace.current)


@pytest.mark.parametrize("technique", ["", "OCV"])
def test_a_rest_after_a_sweep_is_not_judged(technique):
    sweep = ranged(0.0, 1, False)
    time = np.arange(0.0, 300.0)
    noise = 1e-11 * np.random.default_rng(2).standard_normal(300)
    rest = Trace(time=time, potential=0.1 - 2e-4 * time, current=noise, technique=technique, synthetic=True)
    analysis = analyse_run((sweep, rest), SAMPLE)
    assert len(analysis.findings) == 1
    assert [flag.code for flag in analysis.flags] == ["not_a_sweep"]


def test_an_instrument_that_runs_back_at_once_after_an_overload_made_a_sweep():
    up = np.linspace(0.0, 0.2, 201)
    potential = np.concatenate([up, up[::-1]])
    time = np.concatenate([up / 1e-3, 200.0 + 1e-5 * np.arange(1, 202)])
    current = np.concatenate([CONDUCTANCE * up, np.full(201, 1.6e-3)])
    (finding,) = analyse_trace(Trace(time=time, potential=potential, current=current, synthetic=True), SAMPLE)
    assert finding.kind.value == "sweep"


@pytest.mark.parametrize(("width", "transference"), [(4.0, 0.5), (10.0, 0.8), (40.0, 0.5), (1000.0, 0.6)])
def test_the_conductance_of_a_polarising_cell_is_that_at_rest(width, transference):
    tau, phi, j = binary_sweep(width, transference, end=16.0, steps=4800)
    truth = 1.0 / (4.0 * transference)
    errors, held = [], 0
    for seed in range(4):
        generator = np.random.default_rng([91, seed])
        at = np.linspace(0.0, 16.0, 900)
        current = np.interp(at, phi, j) + 1e-3 * j.max() * generator.standard_normal(900)
        trace = Trace(
            time=at / width * 1e4, potential=at * THERMAL, current=current * 1e-5, synthetic=True,
            protocol=Sweep(rate=width * THERMAL * 1e-4),
        )  # fmt: skip
        (finding,) = analyse_trace(trace, SAMPLE)
        conductance = finding.ohmic.conductance.scaled(THERMAL / 1e-5)
        errors.append(conductance.value / truth - 1.0)
        held += conductance.low <= truth <= conductance.high
    assert abs(float(np.median(errors))) < 0.03
    assert held >= 3
    assert math.isclose(tau[-1] * width, 16.0, rel_tol=1e-6)
