"""Cells whose properties depend on the concentration: closed forms, conservation, similarity."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("jax")

import jax.numpy as jnp

from rampion.cell.closures import Closure, lattice_gas
from rampion.cell.inputs import mesh_arrays
from rampion.cell.parameters import Cell, limiting_current_density, thermal_voltage
from rampion.cell.simulate import Accuracy, sampled, simulate
from rampion.cell.sweep import sweep_current_density
from rampion.measurement import ConstantCurrent, Hold, Rest, Sweep
from rampion.quantities import FARADAY

GARNET = Cell(thickness=1e-3, conductivity=0.06, concentration=430.0, transference=0.8)
LINEAR = Closure(name="D grows with c", diffusivity=lambda c: 1e-11 * (0.2 + 0.8 * c / 430.0))
EVERY = Closure(
    name="all four",
    diffusivity=lambda c: 1e-11 * jnp.exp(0.5 * c / 430.0),
    conductivity=lambda c: 0.06 * (c / 430.0) * jnp.exp(-0.3 * (c / 430.0 - 1.0)),
    transference=lambda c: 0.5 + 0.2 * c / (430.0 + c),
    thermodynamic_factor=lambda c: 1.0 + 0.5 * c / 430.0,
)
HOLD = 5e6  # s: some hundred diffusion times


@pytest.mark.slow
def test_constant_functions_are_the_plain_cell():
    cell = replace(GARNET, diffusivity=1.2e-11, exchange_current=10.0, interface_resistance=5e-4, reference=0.3)
    given = Closure(
        name="constants", diffusivity=lambda c: 1.2e-11, conductivity=lambda c: 0.06 * c / 430.0,
        transference=lambda c: 0.8, thermodynamic_factor=lambda c: 1.0,
    )  # fmt: skip
    sweep = Sweep(rate=5e-4, start=0.0, stop=0.8)
    plain, other = (simulate(c, sweep) for c in (cell, replace(cell, closure=given)))
    volts = np.linspace(0.01, 0.8, 60)
    mine, theirs = (sampled(run, volts / 5e-4) for run in (other, plain))
    for name in ("current_density", "surface_concentration", "counter_concentration"):
        assert mine[name] == pytest.approx(theirs[name], rel=2e-4)
    mine, theirs = (np.interp(volts, run.potential, run.working_potential) for run in (other, plain))
    assert mine == pytest.approx(theirs, rel=2e-3)  # interpolated linearly between unlike steps
    assert other.peak.current_density == pytest.approx(plain.peak.current_density, rel=1e-4)
    assert limiting_current_density(other.cell) == pytest.approx(limiting_current_density(plain.cell), rel=1e-9)


@pytest.mark.slow
def test_steady_state_by_the_kirchhoff_transform():
    """D = D₀(a + b c/c₀): Φ is a parabola, linear in x; profile, mean and limiting current in closed form."""
    cell = replace(GARNET, closure=LINEAR)
    # with c(0) = 0, s = c(L)/c₀ solves ∫c dΦ = c₀ΔΦ: a s²/2 + b s³/3 = a s + b s²/2
    a, b = 0.2, 0.8
    s = max(np.roots([b / 3.0, 0.5 * (a - b), -a]).real)
    limit = FARADAY * 1e-11 * 430.0 * (a * s + 0.5 * b * s**2) / (0.2 * 1e-3)
    assert limiting_current_density(cell) == pytest.approx(limit, rel=1e-9)
    run = simulate(cell, Hold(potential=1.0, duration=HOLD))
    assert run.current_density[-1] == pytest.approx(limit, rel=1e-4)
    held = simulate(cell, ConstantCurrent(current=0.7 * limit * cell.area, duration=HOLD))
    c = held.concentration[-1] / 430.0
    kirchhoff = a * c + 0.5 * b * c**2
    slope = 0.7 * (a * s + 0.5 * b * s**2)
    assert kirchhoff == pytest.approx(kirchhoff[0] + slope * held.position / cell.thickness, rel=1e-8)


def test_steady_state_of_four_functions():
    """Ψ = ∫D/(1 − t₊) dc is linear in x; the voltage over it by an independent quadrature in c."""
    cell = replace(GARNET, closure=EVERY)
    current = 0.8 * limiting_current_density(cell)
    run = simulate(cell, ConstantCurrent(current=current * cell.area, duration=HOLD))
    c = np.linspace(run.surface_concentration[-1], run.counter_concentration[-1], 200001)
    density = 1e-11 * np.exp(0.5 * c / 430.0) / (1.0 - (0.5 + 0.2 * c / (430.0 + c)))
    reach = np.trapezoid(density, c)
    assert current * cell.thickness / FARADAY == pytest.approx(reach, rel=1e-6)
    assert np.trapezoid(c * density, c) / reach == pytest.approx(430.0, rel=2e-4)
    sigma = 0.06 * (c / 430.0) * np.exp(-0.3 * (c / 430.0 - 1.0))
    factor = (1.0 + 0.5 * c / 430.0) * (0.5 - 0.2 * c / (430.0 + c))
    volts = FARADAY * np.trapezoid(density / sigma, c) + 2.0 * thermal_voltage(cell) * np.trapezoid(factor / c, c)
    assert run.potential[-1] == pytest.approx(volts, rel=1e-6)


@pytest.mark.parametrize("sites", [600.0, pytest.param(1000.0, marks=pytest.mark.slow)])
def test_a_lattice_gas_empties_at_one_face_or_fills_at_the_other(sites):
    """Γσ/c, and so D, is constant: the profile is linear and its voltage in closed form, however close to an end."""
    cell = replace(GARNET, closure=lattice_gas(sites, 430.0, 0.06))
    diffusivity = 2.0 * 0.8 * 0.2 * 0.06 * thermal_voltage(cell) / (FARADAY * 430.0 * (1.0 - 430.0 / sites))
    limit = 2.0 * FARADAY * diffusivity * min(430.0, sites - 430.0) / (0.2 * 1e-3)
    assert limiting_current_density(cell) == pytest.approx(limit, rel=1e-9)
    run = simulate(cell, Hold(potential=2.0, duration=HOLD))
    assert run.flags == ()
    assert run.current_density[-1] == pytest.approx(limit, rel=1e-9)
    assert run.surface_concentration[-1] < 1e-12 * 430.0 or run.counter_concentration[-1] > sites * (1.0 - 1e-12)
    held = simulate(cell, ConstantCurrent(current=0.9 * limit * cell.area, duration=HOLD))
    low, high = held.surface_concentration[-1] / sites, held.counter_concentration[-1] / sites
    odds = math.log(high / (1.0 - high)) - math.log(low / (1.0 - low))
    share = 430.0 / sites
    volts = 0.9 * limit * 1e-3 / 0.06 * share * (1.0 - share) * odds / (high - low) + 0.4 * thermal_voltage(cell) * odds
    assert held.potential[-1] == pytest.approx(volts, rel=1e-7)


@pytest.mark.slow
def test_a_lattice_gas_with_many_sites_is_the_dilute_cell():
    dilute, many = GARNET, replace(GARNET, closure=lattice_gas(430e6, 430.0, 0.06))
    sweep, volts = Sweep(rate=5e-5, start=0.0, stop=0.6), np.linspace(0.02, 0.6, 40)
    assert sweep_current_density(many, sweep, volts) == pytest.approx(
        sweep_current_density(dilute, sweep, volts), rel=1e-4
    )


@pytest.mark.slow
def test_conductivity_that_falls_faster_than_the_concentration():
    """σ ∝ c²: ∫dx/σ grows as 1/c(0) and limits the current; closed form over the linear profile."""
    given = Closure(name="σ as c²", diffusivity=lambda c: 1e-11, conductivity=lambda c: 0.06 * (c / 430.0) ** 2)
    cell = replace(GARNET, closure=given)
    held = simulate(cell, Hold(potential=3.0, duration=HOLD))
    low, high = held.surface_concentration[-1] / 430.0, held.counter_concentration[-1] / 430.0
    assert low < 0.02
    volts = held.current_density[-1] * 1e-3 / 0.06 / (low * high) + 0.4 * thermal_voltage(cell) * math.log(high / low)
    assert volts == pytest.approx(3.0, rel=1e-6)


def test_salt_and_charge_are_conserved():
    cell = replace(GARNET, closure=EVERY)
    run = simulate(
        cell, [Sweep(rate=1e-3, start=0.0, stop=0.7), Rest(duration=500.0), Sweep(rate=1e-3, start=0.0, stop=-0.7)]
    )
    assert run.flags == ()
    assert run.concentration.min() > 0.0
    # the volumes of the scheme, whose sum is its ∫c dx
    volumes = np.asarray(mesh_arrays(run.final.mesh)["mass"])
    lower, middle, upper = volumes
    weights = middle + np.append(lower[1:], 0.0) + np.append(0.0, upper[:-1])
    assert weights.sum() == pytest.approx(1.0, rel=1e-14)
    assert run.concentration @ weights == pytest.approx(430.0, rel=1e-10)


def test_similarity():
    """J·L depends on V and vL² alone, whatever the functions."""
    cell = replace(GARNET, closure=EVERY)
    volts = np.linspace(0.02, 0.6, 50)
    one = simulate(cell, Sweep(rate=1e-4, start=0.0, stop=0.6))
    other = simulate(replace(cell, thickness=3e-3), Sweep(rate=1e-4 / 9.0, start=0.0, stop=0.6))
    one, other = (sampled(run, volts / rate)["current_density"] for run, rate in ((one, 1e-4), (other, 1e-4 / 9.0)))
    assert 3.0 * other == pytest.approx(one, rel=1e-6)


def test_a_current_that_cannot_last_ends_with_what_ran_out():
    cell = replace(GARNET, closure=lattice_gas(600.0, 430.0, 0.06))
    current = 1.2 * limiting_current_density(cell)
    run = simulate(cell, ConstantCurrent(current=current * cell.area, duration=1e7))
    assert [flag.code for flag in run.flags] == ["filled"]
    empty = simulate(
        replace(GARNET, closure=EVERY),
        ConstantCurrent(current=1.2 * limiting_current_density(replace(GARNET, closure=EVERY)) * 1e-4, duration=1e7),
    )
    assert [flag.code for flag in empty.flags] == ["depleted"]
    assert np.isfinite(empty.potential).all()


@pytest.mark.slow
@pytest.mark.parametrize(("closure", "least"), [(LINEAR, 3.0), (EVERY, 1.8)], ids=["D(c)", "all four"])
def test_order_in_space(closure, least):
    """Fourth order with constant t₊; second with t₊(c), whose mean over an interval is exact in the steady state."""
    cell = replace(GARNET, closure=closure)
    volts = np.linspace(0.05, 0.6, 30)

    def curve(intervals: int) -> np.ndarray:
        accuracy = Accuracy(tolerance=1e-6, intervals=intervals, first_interval=0.02 / intervals)
        return sweep_current_density(cell, Sweep(rate=5e-4, start=0.0, stop=0.6), volts, accuracy=accuracy)

    exact = curve(96)
    errors = [np.abs(curve(n) / exact - 1.0).max() for n in (12, 24)]
    assert math.log2(errors[0] / errors[1]) > least


@pytest.mark.slow
def test_order_in_time():
    cell = replace(GARNET, closure=EVERY)
    volts = np.linspace(0.05, 0.6, 30)
    sweep = Sweep(rate=5e-4, start=0.0, stop=0.6)
    exact = sweep_current_density(cell, sweep, volts, accuracy=Accuracy(tolerance=1e-6))
    errors, steps = [], []
    for tolerance in (1e-3, 1e-4, 1e-5):
        accuracy = Accuracy(tolerance=tolerance)
        errors.append(np.abs(sweep_current_density(cell, sweep, volts, accuracy=accuracy) / exact - 1.0).max())
        steps.append(simulate(cell, sweep, accuracy=accuracy).time.size - 14)
    assert -np.polyfit(np.log(steps), np.log(errors), 1)[0] == pytest.approx(2.0, abs=0.5)
    assert errors[-1] < 1e-4
