"""The sheet that a folder's files give, and the table of what they hold."""

from __future__ import annotations

import json

import numpy as np
import openpyxl
import pytest

from rampion.cli import main
from rampion.errors import InputError, RefusedError
from rampion.measurement import Sweep
from rampion.readers.folder import plan_folder, read_folder
from rampion.readers.overview import overview_folder
from rampion.readers.samples import read_samples
from rampion.readers.template import new_sheet, template_headers, write_template


def chi_file(path, rate, start="March 3, 2025   09:00:00", conductance=1e-3):
    rows = [f"{0.001 * i:.3f}, {1e-3 * conductance * i:.3e}" for i in range(11)]
    head = [start, "Linear Sweep Voltammetry", "Data Source:  Experiment", "Instrument Model:  CHI760E", "",
            f"Scan Rate (V/s) = {rate}", "", "Potential/V, Current/A", ""]  # fmt: skip
    path.write_text("\n".join([*head, *rows, ""]), encoding="utf-8")


def eis_csv(path):
    rows = [f"{10.0**k},{10 + k},{-k - 1}" for k in range(5, 0, -1)]
    path.write_text("\n".join(["f / Hz,Z' / Ohm,Z'' / Ohm", *rows, ""]), encoding="utf-8")


@pytest.fixture
def folder(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    chi_file(tmp_path / "a" / "sweep.txt", 5e-5)
    chi_file(tmp_path / "b" / "sweep.txt", 5e-5, "March 4, 2025   09:00:00", 2e-3)
    eis_csv(tmp_path / "=odd; name.csv")
    (tmp_path / "notes.txt").write_text("Pellet 3 looked grey.", encoding="utf-8")
    return tmp_path


def found_in(folder):
    return overview_folder(plan_folder(folder))


def test_an_overview_holds_what_the_files_know(folder):
    runs, refused = found_in(folder)
    by_file = {run.files: run for run in runs}
    sweep = by_file[("a/sweep.txt",)]
    assert sweep.techniques == (("Linear Sweep Voltammetry", 1),)
    assert (sweep.points, sweep.potential) == (11, (0.0, pytest.approx(0.01)))
    assert sweep.current == (0.0, pytest.approx(1e-5))
    assert sweep.rate == pytest.approx(5e-5)
    assert sweep.start == pytest.approx(1740992400)  # 2025-03-03 09:00 on the instrument's clock
    spectrum = by_file[("=odd; name.csv",)]
    assert spectrum.frequency == (10.0, 1e5)
    assert spectrum.potential is None
    assert np.isnan(spectrum.rate)
    assert [flag.code for flag in refused] == ["file_refused"]


@pytest.mark.parametrize("ending", [".csv", ".xlsx", ".toml"])
def test_a_folders_sheet_ties_every_file_back_to_its_row(folder, tmp_path_factory, ending):
    sheet = write_template(tmp_path_factory.mktemp("sheet") / f"mine{ending}", *found_in(folder))
    rows = {row.sample.name: row for row in read_samples(sheet).rows}
    assert set(rows) == {"a/sweep", "b/sweep", "odd; name"}  # equal names in two folders are two samples
    row = rows["a/sweep"]
    assert row.files == ("a/sweep.txt",)
    assert row.stated["scan_rate"].value == pytest.approx(5e-5)
    assert dict(row.sample.extra) == {"technique": "Linear Sweep Voltammetry", "start": "2025-03-03 09:00"}
    campaign = read_folder(folder, sheet=sheet)
    assert {one.sample.name for one in campaign.experiments} == set(rows)
    assert not {"file_unmatched", "file_unlisted", "scan_rate_differs"} & {
        flag.code for flag in campaign.flags if "notes.txt" not in flag.message
    }
    protocol = next(one for one in campaign.experiments if one.sample.name == "b/sweep").traces[0].protocol
    assert isinstance(protocol, Sweep)
    text = sheet.read_bytes().decode("utf-8", "replace")
    assert ending == ".xlsx" or ("example" in text and "'notes.txt' was not read" in text)


def test_no_cell_of_a_workbook_is_a_formula(folder, tmp_path_factory):
    path = write_template(tmp_path_factory.mktemp("sheet") / "samples.xlsx", *found_in(folder))
    book = openpyxl.load_workbook(path)
    assert {cell.data_type for row in book["samples"].iter_rows() for cell in row} <= {"s", "n"}
    assert [cell.value for cell in book["samples"][2]] == list(template_headers())


def test_two_exports_of_one_run_are_one_row_that_names_both(tmp_path):
    chi_file(tmp_path / "a.txt", 1e-3)
    rows = [f"{0.001 * i:.3f},{1e-6 * i:.3e}" for i in range(11)]
    (tmp_path / "a.csv").write_text("\n".join(["E/V,I/A", *rows, ""]), encoding="utf-8")
    (run,), _ = found_in(tmp_path)
    assert set(run.files) == {"a.txt", "a.csv"}


def test_nothing_is_written_over(folder):
    (folder / "Samples.toml").write_text("[[sample]]\nname = 'a'\n", encoding="utf-8")
    with pytest.raises(RefusedError, match=r"Samples\.toml is already in the folder"):
        new_sheet(folder)
    with pytest.raises(RefusedError, match="already there"):
        write_template(folder / "Samples.toml")
    with pytest.raises(InputError, match="no ending"):
        write_template(folder / "samples.ods")


def shell(capsys, *words):
    main([str(word) for word in words])
    return capsys.readouterr().out


def test_the_shell_writes_a_folders_sheet_and_reads_it_back(capsys, folder):
    told = json.loads(shell(capsys, "template", folder, "--json"))
    assert told["rows"] == 3
    assert told["written"] == str(folder / "samples.csv")
    assert "notes.txt" in told["refused"][0]
    with pytest.raises(SystemExit) as stop:
        shell(capsys, "template", folder)
    assert stop.value.code == 4
    assert "Wrote" in shell(capsys, "template", folder, "-o", folder / "other.xlsx")
    with pytest.raises(SystemExit) as stop:
        shell(capsys, "template", folder / "x.csv", "-o", folder / "y.csv")
    assert stop.value.code == 3


def test_inspect_gives_a_line_for_each_file_of_a_folder(capsys, folder):
    text = shell(capsys, "inspect", folder)
    lines = [line for line in text.splitlines() if "sweep.txt" in line]
    assert len(lines) == 2
    known = ("CH Instruments", "Linear Sweep Voltammetry", "11", "0 … 10 mV", "0 … 10 µA", "2025-03-03 09:00", "0.05")
    for word in known:
        assert word in lines[0]
    assert "10 Hz … 100 kHz" in next(line for line in text.splitlines() if "odd" in line)
    assert "'notes.txt' was not read" in text
    told = json.loads(shell(capsys, "inspect", folder, "--json"))
    assert [run["points"] for run in told["runs"]].count(11) == 2
    run = next(run for run in told["runs"] if run["files"] == ["b/sweep.txt"])
    assert run["potential"] == pytest.approx([0, 0.01])
    assert (run["start_time"], run["rate"]) == ("2025-03-04T09:00:00", pytest.approx(5e-5))
    assert run["frequency"] is None


def test_options_of_a_sample_reach_the_metadata(capsys, folder):
    told = json.loads(
        shell(
            capsys, "analyse", folder / "a" / "sweep.txt", "--electrodes", "In-Li | Li", "--leads", "0.4 ohm",
            "--material-class", "LLZTO", "--thickness", "1 mm", "--area", "4 mm2", "--json",
        )
    )  # fmt: skip
    metadata = told["samples"][0]["metadata"]
    assert metadata["electrodes"] == {"working": "In-Li", "counter": "Li"}
    assert metadata["material_class"] == "garnet"
    assert metadata["leads_resistance"]["value"] == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--thickness", "1 m"), "--thickness: '1 m' is 1000 mm; expected a thickness from 50 nm to 2 cm: is it 1 mm?"),
        (("--thickness", "1,234 µm"), "--thickness: '1,234 µm' can be read as 1234 and as 1.234"),
        (("--relative-density", "0.95 %"), "--relative-density: '0.95 %' is 0.95 %"),
        (("--electrodes", "cheese"), "--electrodes: 'cheese' names no electrode"),
        (("--leads", "-1 ohm"), "--leads: '-1 ohm' is -1 Ω"),
    ],
)
def test_impossible_options_are_refused_as_typed(capsys, folder, words, sentence):
    with pytest.raises(SystemExit) as stop:
        shell(capsys, "analyse", folder / "a" / "sweep.txt", *words)
    assert stop.value.code == 3
    assert sentence in capsys.readouterr().err


def test_a_wrong_file_name_is_the_first_message(capsys, folder):
    (folder / "samples.csv").write_text("sample,file,thickness [mm]\nS1,a/swep.txt,1\n", encoding="utf-8")
    first = shell(capsys, "analyse", folder).splitlines()[0]
    assert first == "! Row 2 of the sample sheet names 'a/swep.txt', which is not there; did you mean 'a/sweep.txt'?"
