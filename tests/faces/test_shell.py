"""The verbs from the shell, on the example files: documented keys, folders, the same numbers as in Python."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import rampion
from rampion.cli import main

EXAMPLES = Path(__file__).parents[2] / "examples" / "data"


def shell(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    main([str(word) for word in words])
    return capsys.readouterr().out


@pytest.fixture(scope="module")
def peak_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return next(EXAMPLES.glob("peak_*.mpt"))


def test_inspect_names_every_block(capsys, peak_file):
    described = json.loads(shell(capsys, "inspect", peak_file, "--json"))
    assert set(described) == {"file", "format", "sha256", "blocks", "flags"}
    (block,) = described["blocks"]
    assert block["kind"] == "trace"
    assert block["synthetic"] is True
    assert block["potential"] == pytest.approx([0.0, 0.6], abs=2e-3)
    assert "frequency" not in block
    assert len(described["sha256"]) == 64


def test_inspect_of_a_spectrum_has_impedance(capsys):
    described = json.loads(shell(capsys, "inspect", next(EXAMPLES.glob("paused_01*")), "--json"))
    (block,) = described["blocks"]
    assert block["kind"] == "spectrum"
    assert block["frequency"] == pytest.approx([10.0, 600e3], rel=0.05)
    assert block["impedance_imag"][0] < 0


def test_inspect_goes_on_after_a_bad_file(capsys, peak_file, tmp_path):
    bad = tmp_path / "notes.txt"
    bad.write_text("no data here")
    with pytest.raises(SystemExit) as stop:
        shell(capsys, "inspect", bad, peak_file, "--json")
    assert stop.value.code in (3, 4)
    first, second = json.loads(capsys.readouterr().out)["files"]
    assert "notes.txt" in first["error"]["message"]
    assert second["blocks"]


def test_analyse_prints_the_documented_finding(capsys, peak_file):
    found = json.loads(shell(capsys, "analyse", peak_file, "--thickness", "1mm", "--area", "4mm2", "--json"))
    (finding,) = found["findings"]
    assert finding["verdict"] == "limiting_peak"
    for key in ("current_density", "potential", "charge", "conductivity"):
        assert {"value", "std", "interval"} <= set(finding[key])
    assert finding["scan_rate"] == pytest.approx(5e-5, rel=1e-3)
    assert 8.0 < finding["current_density"]["value"] < 13.0
    assert finding["synthetic"] is True


def test_without_area_the_current_is_given_and_the_area_asked_for(capsys, peak_file):
    (finding,) = json.loads(shell(capsys, "analyse", peak_file, "--json"))["findings"]
    assert "current_density" not in finding
    assert "charge" not in finding
    assert finding["current"]["value"] > 0
    assert any("area" in flag["message"] for flag in finding["flags"])


def test_shell_and_python_give_the_same_numbers(capsys, peak_file):
    (finding,) = json.loads(shell(capsys, "analyse", peak_file, "--json"))["findings"]
    (same,) = rampion.analyse(peak_file).findings
    assert finding["current"]["value"] == same.current.value
    assert finding["potential"]["std"] == same.potential.std


def test_a_folder_with_its_sheet_is_written_out(capsys, tmp_path):
    out = tmp_path / "results"
    text = shell(capsys, "analyse", EXAMPLES, "-o", out)
    assert "LIMITING PEAK" in text
    assert "PENETRATION" in text
    assert "synthetic" in text
    results = json.loads((out / "results.json").read_text())
    verdicts = {entry["sample"]: entry["verdict"] for entry in results["findings"] if entry["kind"] == "sweep"}
    assert verdicts == {
        "peak": "limiting_peak", "paused": "limiting_peak", "penetrated": "penetration", "stopped": "no_event",
    }  # fmt: skip
    assert len(results["provenance"]["files"]) == len(list(EXAMPLES.iterdir())) - 1
    package = json.loads((out / "datapackage.json").read_text())
    assert all((out / resource["path"]).is_file() for resource in package["resources"])
    crate = json.loads((out / "ro-crate-metadata.json").read_text())
    parts = {entry["@id"] for entry in crate["@graph"]}
    assert all(part["@id"] in parts for part in crate["@graph"][1]["hasPart"])
    curves = list((out / "tables").glob("*peak*trace.csv"))
    header, first = curves[0].read_text().splitlines()[:2]
    assert header == "Test Time / s,Voltage / V,Current / A,Synthetic / 1"
    assert first.endswith(",1")
    assert {path.suffix for path in (out / "figures").iterdir()} == {".svg", ".png"}


def test_template_writes_a_sheet_that_reads_back_once_filled(capsys, tmp_path):
    from rampion.errors import InputError
    from rampion.readers.samples import read_samples

    path = tmp_path / "samples.csv"
    shell(capsys, "template", path)
    with pytest.raises(InputError, match="no sample"):
        read_samples(path)
    with path.open("a", encoding="utf-8") as sheet:
        header = path.read_text(encoding="utf-8-sig").splitlines()[1].split(",")
        sheet.write(",".join("A1" if name in ("sample", "file") else "" for name in header) + "\n")
    assert read_samples(path).rows[0].sample.name == "A1"
    with pytest.raises(SystemExit) as stop:
        shell(capsys, "template", path)
    assert stop.value.code == 4


def test_simulate_gives_the_reference_peak(capsys):
    told = json.loads(
        shell(
            capsys, "simulate", "sweep", "--thickness", "1mm", "--conductivity", "0.6mS/cm", "--concentration",
            "430mol/m3", "--transference", "0.8", "--rate", "0.05mV/s", "--to", "0.8V", "--json",
        )
    )  # fmt: skip
    assert told["peak"]["current_density"] == pytest.approx(10.352, rel=2e-4)
    assert told["peak"]["potential"] == pytest.approx(0.2356, abs=3e-4)
    assert told["limiting_current_density"] == pytest.approx(4.9329, rel=2e-4)
    assert len(told["time"]) == len(told["surface_concentration"]) == len(told["current_density"])
    assert told["synthetic"] is True


def test_simulate_says_what_the_cell_lacks(capsys):
    with pytest.raises(SystemExit) as stop:
        shell(capsys, "simulate", "sweep", "--thickness", "1mm", "--rate", "1mV/s", "--to", "1V")
    assert stop.value.code == 3
    assert "--conductivity, --concentration, --transference" in capsys.readouterr().err


def test_reproduce_flags_what_cannot_be(capsys):
    rows = json.loads(shell(capsys, "reproduce", "gopal2023", "--json"))["rows"]
    impossible = [row for row in rows if row["computed"].get("flags")]
    assert any(row["computed"]["value"] == pytest.approx(1.010, abs=1e-3) for row in impossible)
