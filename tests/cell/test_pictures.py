"""What the pictures of a simulation are drawn from: the regime map, families of sweeps, profiles."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("jax")

from rampion.cell.closures import lattice_gas
from rampion.cell.families import sweep_family
from rampion.cell.parameters import Cell, thermal_voltage
from rampion.cell.profiles import profiles_in_time
from rampion.cell.regimes import map_regimes, scan_number
from rampion.cell.simulate import simulate
from rampion.measurement import Sweep
from rampion.transport.peak_function import peak_ratio

GARNET = Cell(thickness=1e-3, conductivity=0.06, concentration=430.0, transference=0.8)
SWEEP = Sweep(rate=5e-5, start=0.0, stop=0.8)


@pytest.fixture(scope="module")
def regimes():
    return map_regimes(points_per_decade=4, transferences=5)


def test_regime_map_against_the_universal_peak(regimes):
    """Heights against a table computed by other means; boundaries where the physics puts them."""
    inside, known = regimes.scan_number >= 25.0, regimes.transference >= 0.1
    w, t = np.meshgrid(regimes.scan_number[inside].clip(max=1e6), regimes.transference[known], indexing="ij")
    assert regimes.peak_ratio[inside][:, known] == pytest.approx(peak_ratio(w, t), rel=3e-3)
    assert np.all((regimes.first_peak > 16.0) & (regimes.first_peak < 21.0))
    assert np.all(np.diff(regimes.first_peak) < 0.0)
    assert np.all((regimes.steepest > 80.0) & (regimes.steepest < 300.0))
    assert np.nanmax(regimes.exponent) < 0.5
    assert regimes.exponent[-1, -1] == pytest.approx(1.0 / 3.0, abs=0.015)
    assert np.isnan(regimes.peak_ratio[regimes.scan_number < 16.0]).all()


def test_own_cell_lies_where_its_own_sweep_says(regimes):
    run = simulate(GARNET, SWEEP)
    w = scan_number(GARNET, SWEEP.rate)
    column = [np.interp(np.log(w), np.log(regimes.scan_number), one) for one in np.log(regimes.peak_ratio.T)]
    j_p = np.exp(np.interp(GARNET.transference, regimes.transference, column))
    assert run.peak.current_density / run.limiting_current_density == pytest.approx(j_p, rel=0.02)


@pytest.mark.parametrize("closure", [None, pytest.param(lattice_gas(1200.0, 430.0, 0.06), marks=pytest.mark.slow)])
def test_potential_through_the_ceramic_makes_up_the_cell_voltage(closure):
    cell = Cell(
        thickness=1e-3, conductivity=0.06, concentration=430.0, transference=0.8, interface_resistance=1e-3,
        closure=closure,
    )  # fmt: skip
    run = simulate(cell, Sweep(rate=5e-5, start=0.0, stop=0.3))
    profiles = profiles_in_time(run, np.array([2000.0, 4700.0, 6000.0]))
    there = np.interp(profiles.time, run.time, run.current_density)
    assert profiles.potential[:, -1] + there * 1e-3 == pytest.approx(5e-5 * profiles.time, rel=5e-3)
    assert np.all(profiles.field > 0.0)
    assert np.sum(profiles.field * np.diff(profiles.position), axis=1) == pytest.approx(profiles.potential[:, -1])


def test_families_hold_the_sweep_itself_and_obey_similarity():
    family = sweep_family(GARNET, SWEEP, rates=(5e-5, 2e-4), thicknesses=(0.5e-3, 1e-3, 2e-3))
    own = simulate(GARNET, SWEEP).peak.current_density
    assert family.by_rate[0].peak.current_density == pytest.approx(own)
    assert family.by_thickness[1].peak.current_density == pytest.approx(own)
    # J·L depends on vL² alone: twice the thickness is four times the rate
    assert family.by_thickness[2].peak.current_density * 2.0 == pytest.approx(
        family.by_rate[1].peak.current_density, rel=1e-4
    )
    assert thermal_voltage(GARNET) < family.by_rate[0].peak.potential < 0.8
