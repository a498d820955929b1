"""Where the neutral model of a sweep ends, against space charge resolved, and what is drawn from beyond it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from rampion.cell.binary_march import Line
from rampion.estimate import Estimate
from rampion.measurement import Sample, Sweep, Trace
from rampion.study.events import Event
from rampion.voltammetry.analyse import analyse_trace
from rampion.voltammetry.courses import history_of, logit
from rampion.voltammetry.finding import SpaceCharge, Verdict
from rampion.voltammetry.hypotheses import blocks_of
from rampion.voltammetry.neutrality import face_charge, space_charge_of
from rampion.voltammetry.verdict import judge
from recovery.voltammetry_curves import THERMAL, binary_curve
from reference.space_charge_cell import PoissonCell, debye_length, simulate_poisson

SAMPLE = Sample(name="pellet", thickness=Estimate(1e-3, 1e-5), area=Estimate(4e-6, 1e-7))
WIDTH = 5e-5 * 1e-6 / (1.1889e-11 * THERMAL)


def swept(end: float) -> Trace:
    """The reference cell of 1 mm, 0.6 mS/cm, t₊ = 0.8, 0.05 mV/s, to ``end`` RT/F. Synthetic."""
    _, phi, j = binary_curve(WIDTH, 0.8, 0.0, end, False)
    time = np.linspace(0, phi[-1] * THERMAL / 5e-5, 1500)
    current = np.interp(time * 5e-5, phi * THERMAL, j) * 4 * 0.8 * THERMAL * 0.06 / 1e-3 * 4e-6
    current = current + 1e-3 * current.max() * np.random.default_rng(8).standard_normal(1500)
    return Trace(time=time, potential=time * 5e-5, current=current, synthetic=True)


def test_the_neutral_model_knows_where_it_ends():
    """Half of the ions at the plating face have no partner at the voltage where κ of the neutral cell passes one."""
    thickness = 2e-6
    rate = 100.0 * 1e-12 * THERMAL / thickness**2
    cell = PoissonCell(
        thickness=thickness, concentration=100.0, diffusivity=1e-12, anion_concentration=100.0, anion_diffusivity=1e-12,
        exchange_current=1e7, stern_capacitance=1e-6,
    )  # fmt: skip
    run = simulate_poisson(cell, Sweep(rate=rate, start=0.0, stop=0.45), tolerance=1e-5)
    apart = np.abs(run.cation[:, 0] - run.anion[:, 0]) / (run.cation[:, 0] + run.anion[:, 0])
    line = Line(0.45 / rate, 0.0, rate)
    history = history_of([line], np.linspace(0.0, line.duration, 50), 298.15)
    numbers = np.array([math.log(100.0), logit(0.5), logit(1e-6)])
    time, potential, charge = face_charge(history, numbers, debye_length(cell) / math.sqrt(2.0) / thickness)
    assert np.allclose(potential, rate * time)
    begins = float(np.interp(0.0, np.log(np.maximum(charge, 1e-9)), potential))
    half = float(np.interp(0.5, apart, run.potential))
    assert begins == pytest.approx(half, abs=0.5 * THERMAL)
    # as long as the charge is small the wall's concentration is that of the neutral cell
    assert float(np.interp(begins - 4.0 * THERMAL, run.potential, apart)) < 0.1
    assert float(np.interp(begins + 4.0 * THERMAL, run.potential, apart)) > 0.95


def test_the_lengths_at_the_face_of_the_reference_cell():
    """λ_D at rest 0.37 nm; 6 nm against 1,350 nm at 0.36 V, 87 nm against 9 nm at 0.6 V."""
    line = Line(0.62 / 5e-5, 0.0, 5e-5)
    history = history_of([line], np.linspace(0.0, line.duration, 50), 298.15)
    numbers = np.array([math.log(WIDTH), logit(0.8), logit(1e-6)])
    _, potential, charge = face_charge(history, numbers, 3.70e-7)
    found = np.exp(np.interp([0.36, 0.6], potential[1:], np.log(charge[1:])))
    np.testing.assert_allclose(found, [6.03 / 1355.0, 86.7 / 8.94], rtol=0.05)


def test_no_level_is_drawn_from_beyond_and_a_peak_before_it_counts():
    (near,), (far,) = analyse_trace(swept(18.0), SAMPLE), analyse_trace(swept(24.0), SAMPLE)
    assert near.space_charge is None
    assert near.semi_integral_plateau is not None
    assert far.verdict is Verdict.LIMITING_PEAK
    assert far.space_charge.potential == pytest.approx(0.5245, abs=0.25 * THERMAL)
    assert far.space_charge.reached
    assert far.peak.plateau is None
    # of the half-order integral what lies before, the same with what follows and without
    plateau = 96485.33 * 430 * math.sqrt(1.1889e-11) / 0.2
    assert far.semi_integral_plateau.value == pytest.approx(plateau, rel=0.04)
    assert "space_charge" in {flag.code for flag in far.flags}
    assert Event(sample=SAMPLE, finding=far).transports


def test_a_current_reached_beyond_only_gives_no_transport_numbers():
    trace = swept(24.0)
    judgement = judge(blocks_of(trace.time, trace.potential, trace.current, 0.0, 0.0, 298.15))
    top = float(np.max(trace.current))
    assert space_charge_of(judgement, SAMPLE, Estimate(top, 0.01 * top)).reached
    beyond = space_charge_of(judgement, SAMPLE, Estimate(1.1 * top, 0.01 * top))
    assert not beyond.reached
    assert space_charge_of(judgement, Sample(name="no geometry"), Estimate(top, 0.0)) is None
    (finding,) = analyse_trace(trace, SAMPLE)
    finding = replace(finding, space_charge=SpaceCharge(0.5, reached=False))
    assert not Event(sample=SAMPLE, finding=finding).transports
