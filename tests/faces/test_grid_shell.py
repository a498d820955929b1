"""``rampion simulate grid``: people's values and units in, one row per simulation out, and what wrong input is told."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("jax")

from rampion.cli import main
from rampion.cli.grid import read_table, variable
from rampion.cli.options import parse_values
from rampion.errors import InputError

CELL = ("simulate", "grid", "--cell", "gopal2023", "--to", "0.8V")


def shell(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    main([str(word) for word in words])
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "quantity", "expected"),
    [
        ("0.5,1,2mm", "thickness", [0.5e-3, 1e-3, 2e-3]),
        ("500um, 1 mm", "thickness", [5e-4, 1e-3]),
        ("0.01..1mV/s:3log", "scan_rate", [1e-5, 1e-4, 1e-3]),
        ("10 µV/s..1 mV/s : 3 log", "scan_rate", [1e-5, 1e-4, 1e-3]),
        ("0..100 ohm cm2:3", "area_resistance", [0.0, 5e-3, 1e-2]),
        ("0.3..0.9:3lin", "transference", [0.3, 0.6, 0.9]),
        ("-20..20°C:2", "temperature", [253.15, 293.15]),
        ("1e-6,2", "", [1e-6, 2.0]),
    ],
)
def test_values_as_people_write_them(text, quantity, expected):
    np.testing.assert_allclose(parse_values(text, quantity), expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    ("text", "quantity", "sentence"),
    [
        ("0.5,1", "thickness", "no unit"),
        ("1,2mV", "thickness", "unit of potential"),
        ("0.1..1mm", "thickness", "how many values"),
        ("1..2mm:1", "thickness", "at least 2"),
        ("0..1mm:5log", "thickness", "positive"),
        ("", "thickness", "does not begin with a number"),
        ("1,x", "", "plain numbers"),
    ],
)
def test_values_that_cannot_be_meant(text, quantity, sentence):
    with pytest.raises(InputError, match=sentence):
        parse_values(text, quantity)


def test_parameters_are_known_by_the_names_of_the_options():
    assert variable("rate") == ("scan_rate", "scan_rate")
    assert variable("Series-Resistance") == ("series_resistance", "area_resistance")
    assert variable("contact.capacity") == ("ContactLoss.capacity", "charge")
    assert variable("contactloss.residual") == ("ContactLoss.residual", "")
    with pytest.raises(InputError, match="'area' cannot be varied"):
        variable("area")


def test_a_table_with_units_and_decimal_commas(tmp_path):
    path = tmp_path / "cells.csv"
    path.write_text(
        "# mine\nthickness [mm];rate / mV/s;temperature (°C);transference\n0,5;0,05;25;0,8\n\n1;10 µV/s;60;0.9\n"
    )
    columns, quantities = read_table(path)
    np.testing.assert_allclose(columns["thickness"], [5e-4, 1e-3])
    np.testing.assert_allclose(columns["scan_rate"], [5e-5, 1e-5])
    np.testing.assert_allclose(columns["temperature"], [298.15, 333.15])
    np.testing.assert_allclose(columns["transference"], [0.8, 0.9])
    assert quantities["scan_rate"] == "scan_rate"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "no rows"),
        ("thickness [mm]\n", "no rows"),
        ("thickness [mm],colour\n1,red\n", "'colour' cannot be varied"),
        ("thickness [mm],rate [mV/s]\n1\n", "line 2, column 'rate"),
        ("thickness [mm],thickness [µm]\n1,1000\n", "two columns"),
        ("thickness\n1\n", "no unit"),
    ],
)
def test_a_table_that_cannot_be_meant(tmp_path, text, sentence):
    path = tmp_path / "cells.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=sentence):
        read_table(path)


def test_a_grid_becomes_a_table_results_and_a_picture(capsys, tmp_path):
    words = (*CELL, "--vary", "thickness=1,2mm", "--vary", "rate=0.003,0.05mV/s", "-o", tmp_path)
    told = shell(capsys, *words)
    assert told.startswith("synthetic")
    lines = (tmp_path / "table.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# synthetic")
    rows = list(csv.DictReader(lines[1:]))
    assert [(row["simulation"], row["thickness [mm]"], row["scan rate [mV/s]"]) for row in rows] == [
        ("1", "1", "0.003"), ("2", "1", "0.05"), ("3", "2", "0.003"), ("4", "2", "0.05"),
    ]  # fmt: skip
    assert float(rows[1]["peak current density [mA/cm²]"]) == pytest.approx(1.0352, rel=2e-4)
    assert float(rows[1]["peak potential [V]"]) == pytest.approx(0.2356, rel=1e-3)
    assert (rows[0]["peak potential [V]"], rows[0]["flags"]) == ("", "no_peak")
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert results["synthetic"] is True
    assert results["peak"]["current_density"][1] == pytest.approx(10.352, rel=2e-4)
    assert results["varied"]["scan_rate"][1] == pytest.approx(5e-5)
    assert results["provenance"]["options"]["vary"] == ["thickness=1,2mm", "rate=0.003,0.05mV/s"]
    assert (tmp_path / "peaks.png").stat().st_size > 10_000
    assert "synthetic" in (tmp_path / "peaks.svg").read_text(encoding="utf-8")
    again = shell(capsys, *words)
    assert "4 of them simulated before" in again


def test_json_of_a_table_holds_what_varies_and_every_flag(capsys, tmp_path):
    table = tmp_path / "cells.csv"
    table.write_text("transference\n0.8\n1\n")
    told = json.loads(shell(capsys, *CELL, "--rate", "0.05mV/s", "--table", table, "--json"))
    assert told["simulations"] == 2
    assert told["assumed"] == ["concentration"]
    assert told["peak"]["current_density"] == [pytest.approx(10.352, rel=2e-4), None]
    assert [(flag["simulation"], flag["code"]) for flag in told["row_flags"]] == [(2, "not_simulated")]


def test_a_ramp_that_ends_too_early_is_told_from_a_plateau(capsys):
    words = ("simulate", "grid", "--cell", "gopal2023", "--rate", "0.05mV/s", "--vary", "to=0.1,0.8V", "--json")
    told = json.loads(shell(capsys, *words))
    assert [flag["code"] for flag in told["row_flags"]] == ["still_rising"]
    assert told["largest_current_density"][0] == pytest.approx(5.6172, rel=2e-4)
    assert not any(math.isnan(value) for value in told["limiting_current_density"])


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("--rate", "0.05mV/s"), 3, "what varies"),
        (("--vary", "thickness", "--rate", "0.05mV/s"), 3, "no values"),
        (("--vary", "thickness=1,2mm"), 3, "lacks --rate"),
        (("--vary", "rate=1,2mV/s", "--vary", "rate=3mV/s"), 3, "given twice"),
        (("--vary", "contact.capacity=1,2mAh/cm2", "--rate", "0.05mV/s"), 3, "add --mechanism contact"),
        (("--vary", "thickness=1,2", "--rate", "0.05mV/s"), 3, "--vary thickness: '1' has no unit"),
    ],
)
def test_wrong_input_is_one_sentence(capsys, words, code, sentence):
    with pytest.raises(SystemExit) as stop:
        main([*CELL, *words])
    assert stop.value.code == code
    assert sentence in capsys.readouterr().err


@pytest.mark.slow
def test_the_shell_on_a_cluster(capsys, tmp_path):
    distributed = pytest.importorskip("distributed")
    words = (*CELL, "--vary", "thickness=1,2mm", "--rate", "0.05mV/s", "--json")
    options = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": ":0", "silence_logs": 50}
    with distributed.LocalCluster(**options) as cluster:
        there = json.loads(shell(capsys, *words, "--scheduler", cluster.scheduler_address, "-o", tmp_path))
    assert there == json.loads(shell(capsys, *words))
    assert Path(tmp_path / "table.csv").exists()
