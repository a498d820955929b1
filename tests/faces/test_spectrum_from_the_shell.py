"""A spectrum from the shell: the documented keys, circuits in both notations, the pictures and tables (synthetic)."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from rampion.cli import main

SPECTRUM = Path(__file__).parents[2] / "examples" / "data" / "paused_01_PEIS_C01.mpt"
GEOMETRY = ("--thickness", "1.05(1) mm", "--area", "4.00(8) mm2")


def shell(capsys, *words):
    main([str(word) for word in words])
    return capsys.readouterr().out


def test_a_spectrum_has_the_documented_keys(capsys):
    words = ("analyse", SPECTRUM, *GEOMETRY, "--circuit", "(RQ)Q", "--profile", "--json")
    (entry,) = json.loads(shell(capsys, *words))["findings"]
    assert entry["block"] == 1
    assert entry["kind"] == "spectrum"
    assert entry["circuit"] == "p(R1,CPE1)-CPE2"
    assert set(entry["parameters"]) == {"R1", "CPE1.Q", "CPE1.alpha", "CPE2.Q", "CPE2.alpha"}
    assert all({"value", "std", "unit"} <= set(one) for one in entry["parameters"].values())
    assert entry["parameters"]["R1"]["unit"] == "ohm"
    assert entry["chi_square"] > 0
    assert entry["kramers_kronig"]["valid"] is True
    assert 0 < entry["kramers_kronig"]["residual_rms"] < 0.02
    assert 0 < entry["kramers_kronig"]["z_hit_rms"] < 0.02
    assert entry["kramers_kronig"]["outliers"] == []
    for process in entry["processes"]:
        assert {"name", "resistance", "capacitance", "exponent", "frequency"} <= set(process)
    assert {"value", "std", "interval"} <= set(entry["conductivity"])
    # L/(RA): 0.95 % of thickness, 2 % of area, and the fit's own share
    fitted = entry["parameters"]["R1"]["std"] / entry["parameters"]["R1"]["value"]
    expected = np.sqrt((0.01 / 1.05) ** 2 + 0.02**2 + fitted**2)
    assert entry["conductivity"]["std"] / entry["conductivity"]["value"] == pytest.approx(expected, rel=0.01)
    assert isinstance(entry["flags"], list)
    assert {"polarisation", "peaks", "low", "high"} <= set(entry["relaxation_times"])
    assert {profile["name"] for profile in entry["profiles"]} == set(entry["parameters"])


def test_both_notations_are_one_circuit(capsys):
    one, other = (
        json.loads(shell(capsys, "analyse", SPECTRUM, "--circuit", circuit, "--no-drt", "--json"))["findings"][0]
        for circuit in ("(RQ)Q", "p(R1,CPE1)-CPE2")
    )
    assert one["parameters"] == other["parameters"]
    assert "relaxation_times" not in one
    assert "profiles" not in one


def test_a_wrong_circuit_is_pointed_at(capsys):
    with pytest.raises(SystemExit) as stop:
        shell(capsys, "analyse", SPECTRUM, "--circuit", "R0-X1")
    assert stop.value.code == 3
    assert "character 4" in capsys.readouterr().err


@pytest.mark.slow
def test_pictures_and_tables_of_a_spectrum(capsys, tmp_path):
    folder = tmp_path / "results"
    shell(capsys, "analyse", SPECTRUM, *GEOMETRY, "--circuit", "(RQ)Q", "--profile", "-o", folder)
    for name in ("spectra", "bode", "residuals", "relaxation_times", "likelihood"):
        for suffix in ("svg", "png"):
            assert (folder / "figures" / f"001_paused_01_PEIS_C01_{name}.{suffix}").stat().st_size > 5000
    with (folder / "tables" / "001_paused_01_PEIS_C01_001_fit.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) > 30
    for row in rows:
        values = {name: float(value) for name, value in row.items()}
        assert values["Synthetic / 1"] == 1
        size = abs(complex(values["Real Impedance / ohm"], values["Imaginary Impedance / ohm"]))
        assert abs(values["Real Impedance of Circuit / ohm"] - values["Real Impedance / ohm"]) < 0.02 * size
        assert abs(values["Z-HIT Modulus Residual / 1"]) < 0.05
        assert values["Within Noise of Kramers-Kronig Model / 1"] == 1
    table = folder / "tables" / "001_paused_01_PEIS_C01_001_relaxation_times.csv"
    lines = table.read_text().splitlines()
    tau, gamma, low, high, synthetic = np.loadtxt(lines[1:], delimiter=",", unpack=True)
    assert np.all(synthetic == 1)
    assert np.all((low <= gamma) & (gamma <= high) & (tau > 0))


def test_the_weights_that_a_flag_names_can_be_asked_for(capsys, tmp_path):
    """Errors of one size at every frequency, and |Z| that spans four decades."""
    frequency = np.geomspace(7e6, 1.0, 60)
    random = np.random.default_rng(5)
    omega = 2j * np.pi * frequency
    z = 2000 / (1 + 2000 * 1e-10 * omega**0.95) + 3000 / (1 + 3000 * 2e-8 * omega**0.85) + 2e5 / omega**0.75
    z = z + 5.0 * (random.standard_normal(60) + 1j * random.standard_normal(60))
    rows = "".join(f"{f:.8g},{one.real:.8g},{one.imag:.8g}\n" for f, one in zip(frequency, z, strict=True))
    (tmp_path / "spectrum.csv").write_text("freq/Hz,Re(Z)/Ohm,Im(Z)/Ohm\n" + rows)
    words = ("analyse", tmp_path / "spectrum.csv", "--circuit", "(RQ)(RQ)Q", "--no-drt", "--json")
    (one,) = json.loads(shell(capsys, *words))["findings"]
    assert one["weighting"] == "modulus"
    (said,) = [flag["message"] for flag in one["flags"] if flag["code"] == "errors_not_as_weighted"]
    assert "--weighting unit" in said
    (other,) = json.loads(shell(capsys, *words, "--weighting", "unit"))["findings"]
    assert other["weighting"] == "unit"
    assert not [flag for flag in other["flags"] if flag["code"] == "errors_not_as_weighted"]
    assert other["noise"] == pytest.approx(5.0, rel=0.2)
