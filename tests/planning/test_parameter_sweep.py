"""Parameter sweeps: every simulation one row, in order, computed once, whatever died on the way."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("jax")

from planning_cells import CELL, RAMP

import rampion.cell.simulate
from rampion.cell.closures import Closure
from rampion.cell.contact import ContactLoss
from rampion.cell.leakage import Leakage
from rampion.cell.simulate import simulate
from rampion.errors import InputError, RefusedError
from rampion.planning.parameter_sweep import ParameterSweep, product_grid, simulate_sweep


def sweep_over(**values: list[float]) -> ParameterSweep:
    return ParameterSweep(cell=CELL, protocol=RAMP, varied=product_grid(values))


SMALL = sweep_over(thickness=[0.5e-3, 1e-3], scan_rate=[5e-5, 2e-4, 1e-3])


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Thickness of every cell that is simulated."""
    seen: list[float] = []

    def counting(cell, *arguments, **options):
        seen.append(cell.thickness)
        return simulate(cell, *arguments, **options)

    monkeypatch.setattr(rampion.cell.simulate, "simulate", counting)
    return seen


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "chunks").iterdir() if path.name != "manifest.json")


def test_a_grid_holds_every_combination_once_the_last_fastest():
    grid = product_grid({"a": [1.0, 2.0], "b": [3.0, 4.0, 5.0], "c": [6.0]})
    rows = list(zip(*(column.tolist() for column in grid.values()), strict=True))
    assert rows == [(a, b, 6.0) for a in (1.0, 2.0) for b in (3.0, 4.0, 5.0)]


def test_each_row_is_the_simulation_of_its_own_parameters():
    results = simulate_sweep(SMALL)
    assert len(results.rows) == 6
    for k, row in enumerate(results.rows):
        thickness, rate = SMALL.varied["thickness"][k], SMALL.varied["scan_rate"][k]
        run = simulate(replace(CELL, thickness=float(thickness)), replace(RAMP, rate=float(rate)))
        assert run.peak is not None
        assert row.peak_current_density == run.peak.current_density
        assert row.peak_potential == run.peak.potential
        assert row.peak_charge == run.peak.charge
        assert row.limiting_current_density == run.limiting_current_density
    assert results.column("peak_current_density").shape == (6,)


def test_what_fails_or_shows_no_peak_is_a_row_with_a_flag(monkeypatch):
    def failing(cell, *arguments, **options):
        if cell.thickness > 1.5e-3:
            raise ZeroDivisionError("made to fail")
        return simulate(cell, *arguments, **options)

    monkeypatch.setattr(rampion.cell.simulate, "simulate", failing)
    results = simulate_sweep(sweep_over(thickness=[1e-3, 2e-3], transference=[0.8, 1.0], scan_rate=[1e-6, 5e-5]))
    codes = [[flag.code for flag in row.flags] for row in results.rows]
    assert codes == [["no_peak"], [], *[["not_simulated"]] * 6]
    assert "transference number is 1" in results.rows[2].flags[0].message
    assert "made to fail" in results.rows[4].flags[0].message
    assert math.isnan(results.rows[0].peak_potential)
    assert results.rows[0].largest_current_density == pytest.approx(results.rows[0].limiting_current_density, rel=1e-3)


def test_numbers_of_interface_terms_are_varied_by_their_names(monkeypatch):
    cell = replace(CELL, terms=(Leakage(conductivity=1e-6), ContactLoss(capacity=2e3, resistance=1e-4)))
    seen: list[tuple] = []

    def noting(cell, *arguments, **options):
        seen.append(cell.terms)
        return simulate(replace(cell, terms=()), *arguments, **options)

    monkeypatch.setattr(rampion.cell.simulate, "simulate", noting)
    varied = product_grid({"Leakage.conductivity": [1e-7], "ContactLoss.capacity": [1e3, 4e3]})
    simulate_sweep(ParameterSweep(cell=cell, protocol=RAMP, varied=varied))
    assert seen == [
        (Leakage(conductivity=1e-7), ContactLoss(capacity=capacity, resistance=1e-4)) for capacity in (1e3, 4e3)
    ]


@pytest.mark.parametrize(
    ("varied", "sentence"),
    [
        ({}, "one value of each"),
        ({"thickness": [1e-3], "scan_rate": [1e-5, 2e-5]}, "one value of each"),
        ({"thickness": [math.nan]}, "missing or infinite"),
        ({"thicknes": [1e-3]}, "cannot be varied"),
        ({"ContactLoss.capacity": [1e3]}, "No parameter is named"),
    ],
)
def test_a_sweep_that_cannot_be_meant_is_refused(varied, sentence):
    columns = {name: np.array(values) for name, values in varied.items()}
    with pytest.raises(InputError, match=sentence):
        ParameterSweep(cell=CELL, protocol=RAMP, varied=columns)


def test_what_is_done_is_taken_and_only_the_rest_simulated(tmp_path, counted):
    first = simulate_sweep(SMALL, tmp_path)
    assert (len(counted), first.remembered) == (6, 0)
    told: list[tuple[int, int]] = []
    again = simulate_sweep(SMALL, tmp_path, progress=lambda done, of: told.append((done, of)))
    assert (len(counted), again.remembered, told) == (6, 6, [(6, 6)])
    assert again.rows == first.rows
    longer = sweep_over(thickness=[0.5e-3, 1e-3, 2e-3], scan_rate=[5e-5, 2e-4, 1e-3])
    more = simulate_sweep(longer, tmp_path)
    assert counted[6:] == [2e-3] * 3
    assert more.rows[:6] == first.rows
    simulate_sweep(SMALL, tmp_path, fresh=True)
    assert len(counted) == 15


def test_what_changes_a_number_changes_the_key(tmp_path, counted):
    simulate_sweep(SMALL, tmp_path)
    other = (
        replace(SMALL, accuracy=replace(SMALL.accuracy, tolerance=1e-3)),
        replace(SMALL, protocol=replace(RAMP, stop=0.7)),
        replace(SMALL, cell=replace(CELL, interface_resistance=1e-4)),
    )
    for number, sweep in enumerate(other, 1):
        assert simulate_sweep(sweep, tmp_path).remembered == 0
        assert len(counted) == 6 + 6 * number
    named = replace(SMALL, cell=replace(CELL, name="another name"))
    assert simulate_sweep(named, tmp_path).remembered == 6


def test_a_row_asked_for_twice_is_simulated_once_and_stands_twice(tmp_path, counted):
    results = simulate_sweep(sweep_over(thickness=[1e-3, 0.5e-3, 1e-3]), tmp_path)
    assert counted == [1e-3, 0.5e-3]
    assert results.rows[0] == results.rows[2] != results.rows[1]


@pytest.mark.parametrize("damage", ["cut", "digit", "renamed", "empty"])
def test_a_file_that_was_damaged_is_not_believed(tmp_path, counted, damage):
    first = simulate_sweep(SMALL, tmp_path, chunk=2)
    victim = files_of(tmp_path)[1]
    text = victim.read_text()
    if damage == "cut":
        victim.write_text(text[: len(text) // 2])
    elif damage == "digit":
        number = repr(next(iter(json.loads(text)["rows"].values()))["peak_potential"])
        victim.write_text(text.replace(number, f"{float(number) * 1.001!r}"))
    elif damage == "renamed":
        victim.rename(victim.with_name("0" * 64 + ".json"))
    else:
        victim.write_text("")
    again = simulate_sweep(SMALL, tmp_path, chunk=2)
    assert len(counted) == 8
    assert again.rows == first.rows
    assert [flag.code for flag in again.flags] == ["chunk_damaged"]
    assert not simulate_sweep(SMALL, tmp_path).flags
    if damage == "renamed":  # no manifest names it, so that nobody removes it
        assert victim.with_name("0" * 64 + ".json").is_file()


def test_rows_that_stand_in_several_files_count_once(tmp_path):
    """Two runs at once, or one that died after writing: the same rows in chunks of another cut."""
    first = simulate_sweep(SMALL, tmp_path, chunk=4)
    simulate_sweep(SMALL, tmp_path, chunk=3, fresh=True)
    assert len(files_of(tmp_path)) == 4
    again = simulate_sweep(SMALL, tmp_path)
    assert again.remembered == len(again.rows) == 6
    assert again.rows == first.rows


def test_the_manifest_says_what_is_done(tmp_path):
    simulate_sweep(SMALL, tmp_path, chunk=4)
    told = json.loads((tmp_path / "chunks" / "manifest.json").read_text())
    assert (told["synthetic"], told["simulations"], told["done"]) == (True, 6, 6)
    assert sorted(entry["rows"] for entry in told["chunks"]) == [2, 4]
    assert {entry["file"] for entry in told["chunks"]} == {path.name for path in files_of(tmp_path)}


def test_user_functions_are_not_kept(tmp_path):
    crowded = replace(CELL, closure=Closure(name="twice", diffusivity=lambda c: 2e-11 + 0.0 * c))
    with pytest.raises(RefusedError, match="user functions"):
        simulate_sweep(replace(SMALL, cell=crowded), tmp_path)


@pytest.mark.slow
def test_all_cores_give_the_numbers_of_one(tmp_path):
    sweep = sweep_over(thickness=list(np.geomspace(0.2e-3, 2e-3, 30)), scan_rate=[5e-5, 2e-4])
    together, alone = simulate_sweep(sweep, tmp_path, workers=2, chunk=4), simulate_sweep(sweep, workers=1)
    assert repr(together.rows) == repr(alone.rows)  # as text, where NaN is NaN
