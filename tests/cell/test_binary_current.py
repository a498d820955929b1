"""The binary cell under a given current in closed form, against its march in time and against Sand's time."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rampion.cell.binary import grid_of, numbers_of
from rampion.cell.binary_current import potential_under
from rampion.cell.binary_march import Line, march

CELLS = numbers_of(
    thickness=1e-3, conductivity=0.05, concentration=400.0, transference=np.array([0.8, 0.5]), diffusivity=1e-12,
    series_resistance=0.01,
)  # fmt: skip


def test_it_agrees_with_the_march_through_levels_rests_ramps_and_changes_of_sign():
    lines = [
        Line(3e4, 0.2, 0.0, True),
        Line(2e4, 0.0, 0.0, True),
        Line(3e4, -0.25, 4e-6, True),
        Line(3e4, 0.1, 0.0, True),
    ]
    grid = grid_of(12, 1e-6)
    made = march(CELLS, lines, 1e-6, grid=grid)
    assert made.complete
    steps = [step for step in made.steps if step.length > 0.0]
    time = np.array([step.state.time for step in steps])
    marched = np.array([step.state.potential for step in steps]).T
    ends = np.isin(time, np.cumsum([line.duration for line in lines]))  # there the march still has the level before
    found = potential_under(CELLS, lines, time, grid)
    assert found[:, ~ends] == pytest.approx(marched[:, ~ends], rel=2e-6, abs=1e-7)


def test_a_wall_is_empty_at_sands_time_and_from_then_on_there_is_no_voltage():
    g = 40.0  # of 2 at the limit: the layer is thin
    lines = [Line(1e3, float(g * CELLS.current_scale[0]), 0.0, True)]
    moment = float(CELLS.diffusion_time[0]) * math.pi / (4.0 * g**2)
    time = moment * np.linspace(0.9, 1.1, 401)
    found = potential_under(CELLS, lines, time, grid_of(12, 1e-6))[0]
    assert time[np.isnan(found)][0] == pytest.approx(moment, rel=2e-3)
    known = found[np.isfinite(found)]
    assert known.size == np.flatnonzero(np.isnan(found))[0]
    assert (np.diff(known) > 0.0).all()


def test_a_wall_that_was_empty_between_two_moments_stays_so():
    g = 40.0
    moment = float(CELLS.diffusion_time[0]) * math.pi / (4.0 * g**2)
    lines = [Line(2 * moment, float(g * CELLS.current_scale[0]), 0.0, True), Line(1e5, 0.1, 0.0, True)]
    found = potential_under(CELLS, lines, np.array([0.5 * moment, 9e4]), grid_of(12, 1e-6))
    assert np.isfinite(found[0, 0])
    assert np.isnan(found[0, 1])
