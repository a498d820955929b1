"""Cells that rest after a sweep: each process's share that came back, the tables, pressure against none (synthetic)."""

from __future__ import annotations

import numpy as np
import pytest

from rampion.estimate import Estimate
from rampion.measurement import Experiment, Sample, Spectrum, Trace
from rampion.study import Options, analyse_experiment
from rampion.study.recovery import ALL, gather_impedance

FREQUENCY = np.geomspace(6e5, 1, 40)
RESTS = np.array([20.0, 80.0, 320.0, 1200.0, 4800.0, 19200.0, 76800.0])
STOP = 4000.0
CERAMIC, PRISTINE, RISE = 400.0, 100.0, 300.0
INTERFACE = "interface"


def spectrum_at(time, interface, rng):
    angular = 2j * np.pi * FREQUENCY
    exact = CERAMIC / (1 + (angular * 1e-6) ** 0.95) + interface / (1 + (angular * 4e-7 * interface) ** 0.9)
    error = 1e-3 * (rng.standard_normal(exact.size) + 1j * rng.standard_normal(exact.size))
    return Spectrum(
        frequency=FREQUENCY, impedance=exact + np.abs(exact) * error, time=np.full(FREQUENCY.size, time), potential=0.0,
        synthetic=True,
    )  # fmt: skip


def rested(name, pressure, tau, back, seed):
    """A sweep to 0.35 V raises the interface from 100 to 400 Ω; the share ``back`` of that goes back with ``tau``."""
    rng = np.random.default_rng(seed)
    time = np.linspace(500, STOP, 400)
    potential = 1e-4 * (time - 500)
    current = potential / (CERAMIC + PRISTINE) * (1 + 1e-3 * rng.standard_normal(time.size))
    sweep = Trace(time=time, potential=potential, current=current, synthetic=True)
    later = [
        spectrum_at(STOP + t, PRISTINE + RISE * (1 - back * (1 - np.exp(-t / tau))), rng) for t in np.append(0.0, RESTS)
    ]
    sample = Sample(
        name=name, thickness=Estimate(1e-3, 1e-5), area=Estimate(4e-6, 8e-8), stack_pressure=Estimate(pressure)
        if pressure
        else None, extra={"rest pressure [MPa]": str(20 if pressure else 0)},
    )  # fmt: skip
    return Experiment(parts=(spectrum_at(0.0, PRISTINE, rng), sweep, *later), sample=sample, name=name)


@pytest.fixture(scope="module")
def found():
    options = Options(circuit="p(R1,CPE1)-p(R2,CPE2)")
    cells = [rested("P1", 2e7, 600.0, 1.0, 1), rested("P2", 2e7, 600.0, 1.0, 2), rested("U1", 0.0, 600.0, 0.6, 3)]
    return gather_impedance([analyse_experiment(cell, options) for cell in cells])


def of(rows, sample, name):
    return next(row for row in rows if row.sample == sample and row.process == name)


def test_each_process_recovers_by_itself(found):
    back = of(found.recoveries, "P1", INTERFACE)
    assert back.before.value == pytest.approx(PRISTINE, rel=0.03)
    assert back.stop.value == pytest.approx(PRISTINE + RISE, rel=0.03)
    assert back.final_fraction.value == pytest.approx(1.0, abs=0.03)
    assert back.reversibility.value == "reversible"
    assert back.kinetics[0].kinetics.value in ("exponential", "stretched exponential")  # the one holds the other
    assert back.kinetics[0].half_time.value == pytest.approx(600 * np.log(2), rel=0.15)
    part = of(found.recoveries, "U1", INTERFACE)
    assert part.final_fraction.value == pytest.approx(0.6, abs=0.04)
    assert part.final_fraction.low > 0.5
    assert part.reversibility.value == "partly reversible"
    ceramic = [each for each in found.recoveries if each.process not in (INTERFACE, ALL)]
    assert ceramic
    assert all(each.reversibility.value == "undecided" for each in ceramic)  # it never rose
    assert all("recovery_not_resolved" in {flag.code for flag in each.flags} for each in ceramic)


def test_with_against_without_pressure(found):
    comparison = next(each for each in found.comparisons if each.process == INTERFACE)
    assert comparison.conditions == ("released", "pressed")
    assert comparison.difference.value == pytest.approx(0.4, abs=0.05)
    assert comparison.probability < 1e-4
    assert comparison.speed_ratio.value == pytest.approx(1.0, abs=0.05)  # both relax with 600 s


def test_the_tables_hold_every_state(found):
    row = of(found.stops, "U1", INTERFACE)
    assert row.stop_potential == pytest.approx(0.35, abs=2e-3)
    assert row.pristine.value < row.relaxed.value < row.transient.value
    assert row.condition == "released"
    rests = [row for row in found.rests if row.sample == "P1"]
    assert len(rests) == 2 + RESTS.size
    assert [row.time for row in rests[1:]] == pytest.approx([0.0, *RESTS])
    assert rests[1].processes[INTERFACE].value == pytest.approx(PRISTINE + RISE, rel=0.05)
    assert rests[0].time < 0


def test_the_statistics_count_the_whole_cell_only(found):
    statistics = {argument.name: value for argument, value in found.statistics.items()}
    assert statistics["RECOVERY_UNPRESSED"].value == pytest.approx(0.6, abs=0.05)
    assert statistics["PRESSURE_EFFECT"].value == pytest.approx(0.4, abs=0.05)
