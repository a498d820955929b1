"""The compiled core keeps its tolerance with every mechanism that is its own, or says by how much it missed it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("jax")

from rampion.cell import general_run, march
from rampion.cell.closures import lattice_gas
from rampion.cell.contact import ContactLoss
from rampion.cell.general_run import run_general
from rampion.cell.leakage import Leakage
from rampion.cell.parameters import Cell, chemical_diffusivity, thermal_voltage
from rampion.cell.simulate import Accuracy, simulate
from rampion.cell.simulation import local_cubic
from rampion.measurement import ConstantCurrent, Sweep

CELL = Cell(
    thickness=5e-4, conductivity=0.06, concentration=1000.0, transference=0.4, diffusivity=2e-12,
    exchange_current=10.0, interface_resistance=5e-4,
)  # fmt: skip
SWEEP = Sweep(rate=5e-4, start=0.0, stop=1.0)
TERMS = {
    "contact": (ContactLoss(capacity=2.5e3, resistance=1e-3),),
    "leakage": (Leakage(conductivity=6e-3),),
}


def largest_error(run, exact) -> float:
    """Of J at the run's own times, from a hundredth of the sweep on, where J is above 1 % of its largest; of the time
    where J breaks off."""
    time = run.time[run.time > 0.01 * run.time[-1]]
    value = local_cubic(exact.time, exact.current_density, time)
    slope = np.interp(time, exact.time, np.abs(np.gradient(exact.current_density, exact.time)))
    floor = 0.01 * np.abs(exact.current_density).max()
    off, scale = np.abs(run.current_density[-time.size :] - value), np.abs(value) + floor
    return float((off / (scale + np.maximum(slope * time - 10.0 * scale, 0.0))).max())


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("tolerance", [1e-4, 1e-5])
def test_random_plain_cells_keep_the_tolerance_of_the_numpy_core(seed, tolerance):
    """Thin layers of fast ramps and slow charge transfer included."""
    draw = np.random.default_rng((77, seed))
    cell = Cell(
        thickness=10 ** draw.uniform(-5, -2), conductivity=10 ** draw.uniform(-4, 0),
        concentration=10 ** draw.uniform(0.5, 4.5), transference=draw.uniform(0.05, 0.95),
        diffusivity=10 ** draw.uniform(-15, -9), exchange_current=10 ** draw.uniform(-2, 1),
    )  # fmt: skip
    rate = 10 ** draw.uniform(2, 6) * chemical_diffusivity(cell) * thermal_voltage(cell) / cell.thickness**2
    sweep = Sweep(rate=rate, start=0.0, stop=draw.uniform(0.2, 2.0))
    run = run_general(cell, sweep, accuracy=Accuracy(tolerance=tolerance))
    exact = simulate(cell, sweep, accuracy=Accuracy(tolerance=1e-7))
    late = run.time > 1e-2 * run.time[-1]
    expected = np.interp(run.potential[late], exact.potential, exact.current_density)
    assert run.flags == ()
    assert np.abs(run.current_density[late] / expected - 1.0).max() < tolerance


def test_slow_charge_transfer_on_a_fast_ramp_is_solved_to_its_end():
    """φ hardly moves, and J with the charge transfer does: a Newton iteration that looks at φ alone ends too early."""
    cell = replace(CELL, exchange_current=0.02)
    sweep = Sweep(rate=0.5, start=0.0, stop=1.0)
    run = run_general(cell, sweep)
    exact = simulate(cell, sweep, accuracy=Accuracy(tolerance=1e-7))
    late = run.time > 1e-2 * run.time[-1]
    expected = np.interp(run.potential[late], exact.potential, exact.current_density)
    assert np.abs(run.current_density[late] / expected - 1.0).max() < 1e-5


@pytest.mark.parametrize("terms", TERMS)
def test_terms_keep_the_tolerance(terms):
    cell = replace(CELL, terms=TERMS[terms])
    run = run_general(cell, SWEEP)
    exact = run_general(cell, SWEEP, accuracy=Accuracy(tolerance=2e-6))
    assert "inaccurate" not in {flag.code for flag in run.flags}
    assert largest_error(run, exact) < 1e-4


def test_a_missed_tolerance_is_flagged_with_its_error(monkeypatch):
    exact = simulate(CELL, SWEEP, accuracy=Accuracy(tolerance=1e-7))
    monkeypatch.setattr(march, "_SAFETY", 1.5)
    monkeypatch.setattr(general_run, "_ROUNDS", 0)
    run = run_general(CELL, SWEEP)
    error = largest_error(run, exact)
    (flag,) = run.flags
    assert flag.code == "inaccurate"
    assert error > 1e-4
    assert 0.5 * error < dict(flag.details)["error"] < 2.0 * error


def test_a_lost_contact_is_passed_in_few_steps(monkeypatch):
    """Newton's method that is cut short there rejects every second step: it took 800."""
    monkeypatch.setattr(general_run, "_ROUNDS", 0)
    run = run_general(replace(CELL, terms=TERMS["contact"]), SWEEP, accuracy=Accuracy(tolerance=1e-3))
    assert run.current_density[-1] < 1e-3 * run.current_density.max()
    assert run.time.size < 200


def test_a_run_that_ends_at_a_limit_of_the_cell_has_its_error_estimated(monkeypatch):
    """A face that runs empty ends the march before its time; its error was taken for zero."""
    cell = replace(CELL, closure=lattice_gas(3000.0, 1000.0, CELL.conductivity))
    monkeypatch.setattr(general_run, "_ROUNDS", 0)
    monkeypatch.setattr(march, "_SAFETY", 10.0)
    run = run_general(cell, ConstantCurrent(current=15.0 * cell.area, duration=1e5))
    assert [flag.code for flag in run.flags] == ["depleted", "inaccurate"]


def test_a_finer_march_follows_where_the_tolerance_is_missed(monkeypatch):
    exact = simulate(CELL, SWEEP, accuracy=Accuracy(tolerance=1e-7))
    monkeypatch.setattr(march, "_SAFETY", 1.5)
    run = run_general(CELL, SWEEP)
    assert run.flags == ()
    assert largest_error(run, exact) < 1e-4
