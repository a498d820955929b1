"""Cells as people write them: closures, files, refusals; protocols as control segments."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from rampion.cell.closures import Closure
from rampion.cell.parameters import (
    Cell,
    Relaxation,
    chemical_diffusivity,
    limiting_current_density,
    load_cell,
    save_cell,
    shipped_sets,
)
from rampion.cell.protocols import segments
from rampion.errors import InputError, RefusedError
from rampion.measurement import ConstantCurrent, FrequencyScan, Hold, Pause, Rest, Steps, Sweep

CELL = Cell(thickness=1e-3, conductivity=0.06, concentration=430.0, transference=0.8)


def test_nernst_einstein():
    assert chemical_diffusivity(CELL) == pytest.approx(1.1889e-11, rel=1e-4)
    assert limiting_current_density(CELL) == pytest.approx(4.9329, rel=1e-4)
    thermal = 8.31446261815324 * 298.15 / 96485.33212331002
    assert limiting_current_density(CELL) == pytest.approx(4 * 0.8 * thermal * 0.06 / 1e-3, rel=1e-12)


def test_a_parameter_file_comes_back(tmp_path):
    cell = replace(
        CELL, exchange_current=12.5, reference=0.3, name="a cell", source='a "source"', assumed=("transference",),
        relaxations=(Relaxation(name="grain boundary", share=0.3, admittance=1e-4, exponent=0.9),),
    )  # fmt: skip
    save_cell(cell, tmp_path / "cell.toml")
    again = load_cell(tmp_path / "cell.toml")
    assert again.relaxations == cell.relaxations
    assert again.assumed == cell.assumed
    assert again.source == cell.source
    for name in ("thickness", "conductivity", "concentration", "transference", "temperature", "exchange_current"):
        assert getattr(again, name) == pytest.approx(getattr(cell, name), rel=1e-14)
    assert math.isinf(load_cell("gopal2023").exchange_current)


def test_the_shipped_set_marks_what_is_assumed():
    assert "gopal2023" in shipped_sets()
    cell = load_cell("gopal2023", thickness=2e-3)
    assert cell.assumed == ("transference", "concentration")
    assert all(name in cell.notes for name in cell.assumed)
    assert cell.thickness == 2e-3
    assert cell.conductivity == pytest.approx(0.06)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [("transference", 1.0, "t₊"), ("thickness", -1.0, "positive"), ("reference", 1.0, "between 0 and 1")],
)
def test_impossible_cells_are_refused(field, value, words):
    with pytest.raises(InputError, match=words):
        replace(CELL, **{field: value})


def test_unknown_names_and_functions_are_refused(tmp_path):
    with pytest.raises(InputError, match="gopal2023"):
        load_cell("nobody1999")
    (tmp_path / "x.toml").write_text("[parameters]\nwidth = '1 mm'\n", encoding="utf-8")
    with pytest.raises(InputError, match="width"):
        load_cell(tmp_path / "x.toml")
    with pytest.raises(RefusedError, match="functions"):
        save_cell(replace(CELL, closure=Closure(diffusivity=lambda c: 1e-11)), tmp_path / "y.toml")


def test_a_paused_sweep_is_ramps_and_holds():
    scan = FrequencyScan(high=1e5, low=10.0)
    sweep = Sweep(rate=1e-4, start=0.0, stop=0.12, pause=Pause(every=0.05, duration=300.0, scan=scan))
    parts = segments(sweep, 1e-4)
    assert [part.held for part in parts] == [False, True, False, True, False]
    assert sum(part.duration for part in parts) == pytest.approx(0.12 / 1e-4 + 600.0)
    assert [part.value for part in parts] == pytest.approx([0.0, 0.05, 0.05, 0.1, 0.1])
    assert [part.scan is scan for part in parts] == [False, True, False, True, False]


def test_a_sequence_keeps_its_order_and_turns_currents_into_densities():
    parts = segments(
        [Hold(potential=0.1, duration=5.0), Sweep(rate=1e-3, stop=-0.1), ConstantCurrent(current=1e-4, duration=3.0),
         Steps(currents=(1e-4, -1e-4), durations=(1.0, 2.0)), Rest(duration=9.0, pressed=False)], 2e-4,
    )  # fmt: skip
    assert [part.part for part in parts] == [0, 1, 2, 3, 3, 4]
    assert parts[1].value == 0.1
    assert parts[1].slope == -1e-3
    assert [part.value for part in parts[2:5]] == pytest.approx([0.5, 0.5, -0.5])
    assert not parts[5].pressed
    with pytest.raises(InputError, match="duration"):
        segments(Hold(potential=0.1), 1e-4)
