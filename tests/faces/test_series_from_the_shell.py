"""A folder of temperatures from the shell: what is printed, documented keys, pictures and tables (synthetic)."""

from __future__ import annotations

import csv
import json

import pytest

import hot_and_cold
from rampion.cli import main

EV = 96485.33212  # J/mol
GIVEN = ("--circuit", "p(R1,C1)-p(R2,CPE2)-p(R3,CPE3)", "--no-drt")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return hot_and_cold.write_files(tmp_path_factory.mktemp("hot"), (0, 25, 40, 60))


def shell(capsys, *words):
    main([str(word) for word in words])
    return capsys.readouterr().out


def test_what_is_printed(folder, capsys):
    text = shell(capsys, "analyse", folder, *GIVEN)
    heads = [line for line in text.splitlines() if line.startswith("S1")]
    assert heads == ["S1   0 °C", "S1   25 °C", "S1   40 °C", "S1   60 °C", heads[-1]]
    assert heads[-1] == "S1   4 spectra along temperature, 0 °C to 60 °C"
    told = text[text.index(heads[-1]) :]
    (line,) = (line for line in told.splitlines() if line.startswith("    conductivity  "))
    energy = float(line.split()[1])
    assert energy == pytest.approx(hot_and_cold.CERAMIC, abs=0.005)
    assert " eV [" in line
    assert "kJ/mol)" in line
    assert "mS/cm at 25 °C" in line
    # what every spectrum has is told once, and what each has stays with it
    assert text.count("The meaning of the columns was guessed") == 1
    assert text.count("SPECTRUM") == 4


def test_the_documented_keys(folder, capsys):
    plain = json.loads(shell(capsys, "analyse", folder, *GIVEN, "--json"))
    (entry,) = plain["series"]
    assert set(entry) == {
        "sample", "along", "circuit", "records", "blocks", "coordinate", "coordinate_std", "conductivity", "activation",
        "tracks", "flags",
    }  # fmt: skip
    assert entry["along"] == "temperature"
    assert entry["coordinate"] == pytest.approx([273.15, 298.15, 313.15, 333.15])
    assert entry["coordinate_std"] == [None] * 4
    assert [one["value"] > 0 for one in entry["conductivity"]] == [True] * 4
    quantities = [one["quantity"] for one in entry["activation"]]
    assert quantities == ["conductivity", *(track["name"] for track in entry["tracks"])]
    first = entry["activation"][0]
    assert set(first) == {
        "quantity", "energy", "prefactor", "room_value", "chi_square", "p_value", "scatter", "curvature", "count",
        "flags",
    }  # fmt: skip
    low, high = first["energy"]["interval"]
    assert low < hot_and_cold.CERAMIC * EV < high
    assert first["curvature"] is None  # four points are too few for it
    assert first["count"] == 4
    names = {sample["name"] for sample in plain["samples"]}
    assert names == {"S1"}


def test_a_folder_without_a_series_has_an_empty_list(tmp_path, capsys):
    one = hot_and_cold.write_files(tmp_path, (25,))
    plain = json.loads(shell(capsys, "analyse", one, *GIVEN, "--json"))
    assert plain["series"] == []
    assert "S1\n" in shell(capsys, "analyse", one, *GIVEN)


def test_pressures_are_told_beside_their_conductivity(tmp_path, capsys):
    folder = hot_and_cold.write_files(tmp_path, (2, 10), column="stack pressure [MPa]")
    text = shell(capsys, "analyse", folder, *GIVEN)
    assert "S1   2 spectra along stack pressure, 2 MPa to 10 MPa" in text
    (line,) = (line for line in text.splitlines() if line.startswith("    at 10 MPa"))
    sigma, size = (float(line.split(name)[1].split()[0]) for name in ("conductivity ", "interface "))
    assert sigma == pytest.approx(10 * hot_and_cold.TOTAL, rel=0.02)
    assert size == pytest.approx(500, rel=0.06)
    assert " eV" not in text


@pytest.mark.slow
def test_pictures_and_tables(folder, tmp_path, capsys):
    results = tmp_path / "results"
    shell(capsys, "analyse", folder, *GIVEN, "-o", results)
    for name in ("spectra", "tracks", "arrhenius"):
        for suffix in ("svg", "png"):
            assert (results / "figures" / f"series_01_S1_temperature_{name}.{suffix}").stat().st_size > 5000
    with (results / "tables" / "series.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 12
    assert [row["coordinate"] for row in rows if row["process"] == "bulk"] == ["273.15", "298.15", "313.15", "333.15"]
    assert {row["record"] for row in rows} == {f"S1_{place}" for place in range(4)}
    with (results / "tables" / "activation.csv").open() as stream:
        energies = {row["quantity"]: float(row["energy.value"]) / EV for row in csv.DictReader(stream)}
    assert energies["conductivity"] == pytest.approx(hot_and_cold.CERAMIC, abs=0.005)
    listed = (results / "datapackage.json").read_text()
    assert "activation" in listed


def test_the_weights_asked_for_are_those_of_the_series(folder, capsys):
    plain = json.loads(shell(capsys, "analyse", folder, *GIVEN, "--weighting", "unit", "--json"))
    assert [one["weighting"] for one in plain["findings"]] == ["unit"] * 4
