"""One bad input never takes the others with it, in analyse as in study; what was lost is named where people look."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import rampion
from rampion.cli import main
from rampion.errors import InputError
from rampion.report.folder import LONGEST_NAME, file_name
from rampion.study import analysis as analysing
from rampion.study import remember

EXAMPLES = Path(__file__).parents[2] / "examples" / "data"
SHEET = "sample;file;thickness [mm];area [mm²]\n"
LONG = "very long " * 30


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RAMPION_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path) -> Path:
    """Two good records, and a spectrum beside a sweep."""
    path = tmp_path / "campaign"
    path.mkdir()
    for name in ("A", "B"):
        shutil.copy(EXAMPLES / "stopped_01_LSV.csv", path / f"{name}.csv")
    (path / "B.csv").write_text((path / "B.csv").read_text().replace("SYNTHETIC DATA", "SYNTHETIC DATA, another"))
    text = (path / "B.csv").read_text().splitlines()
    (path / "B.csv").write_text("\n".join(text[:-20]) + "\n")
    return path


def shell(capsys, *words: object) -> str:
    main([str(word) for word in words])
    return capsys.readouterr().out


def results_of(out: Path) -> dict:
    return json.loads((out / "results.json").read_text(encoding="utf-8"))


def found(results: dict) -> set[str]:
    return {entry["sample"] for entry in results.get("findings", results.get("samples"))}


BAD = {
    "zero.csv": "Frequency (Hz),Z' (Ohm),Z'' (Ohm)\n" + "".join(f"{10.0**k},0,0\n" for k in range(6, 0, -1)),
    "deep.json": "[" * 100_000,
    "deeper.pssession": '{"a":' * 100_000,
    "empty.mpr": "",
    "noise.mpr": "BIO-LOGIC MODULAR FILE\x1a" + "x" * 500,
    "cut.DTA": "EXPLAIN\nTAG\tLSV\n",
    "closed.csv": "1,2\n",
}


@pytest.mark.parametrize("verb", ["analyse", "study"])
def test_bad_files_are_named_and_the_others_are_there(capsys, folder, tmp_path, verb, monkeypatch):
    for name, content in BAD.items():
        (folder / name).write_text(content)
    read = Path.read_bytes

    def closed(path: Path) -> bytes:
        if path.name == "closed.csv":
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", closed)
    out = tmp_path / "out"
    told = shell(capsys, verb, folder, "-o", out)
    assert found(results_of(out)) == {"A", "B"}
    messages = " ".join(flag["message"] for flag in results_of(out)["flags"])
    for name in BAD:
        assert name in told, name
        assert name in messages, name


@pytest.mark.parametrize("verb", ["analyse", "study"])
@pytest.mark.parametrize("error", [np.linalg.LinAlgError("Singular matrix"), InputError("too few points.")])
def test_a_sample_that_fails_is_named_and_the_others_are_there(capsys, folder, tmp_path, verb, error, monkeypatch):
    analyse = analysing.analyse_experiment

    def failing(experiment, *rest):
        if experiment.name == "A":
            raise error
        return analyse(experiment, *rest)

    monkeypatch.setattr(analysing, "analyse_experiment", failing)
    told = shell(capsys, verb, folder, "-o", tmp_path / "out")
    assert "A could not be analysed and is missing" in told
    assert found(results_of(tmp_path / "out")) == {"B"}
    assert [flag["severity"] for flag in results_of(tmp_path / "out")["flags"] if "A could" in flag["message"]] == [
        "invalid"
    ]
    monkeypatch.undo()
    monkeypatch.setenv("RAMPION_CACHE", str(tmp_path / "cache"))
    shell(capsys, verb, folder, "-o", tmp_path / "out")  # a failure is not remembered
    assert found(results_of(tmp_path / "out")) == {"A", "B"}


def test_the_only_sample_s_error_is_told_as_it_is(folder, monkeypatch):
    def failing(*_):
        raise InputError("Too few points to judge.")

    monkeypatch.setattr(analysing, "analyse_experiment", failing)
    with pytest.raises(InputError, match="Too few points"):
        rampion.analyse(folder / "A.csv")


def test_spectra_that_fail_leave_the_sweeps(capsys, tmp_path, monkeypatch):
    path = tmp_path / "campaign"
    path.mkdir()
    for file in EXAMPLES.glob("paused_0*"):
        shutil.copy(file, path)

    def failing(*_):
        raise np.linalg.LinAlgError("Singular matrix")

    monkeypatch.setattr(analysing, "analyse_spectra", failing)
    for verb in ("analyse", "study"):
        told = shell(capsys, verb, path, "-o", tmp_path / "out")
        assert {entry["kind"] for entry in results_of(tmp_path / "out").get("findings", ())} <= {"sweep"}
        assert "paused" in told
    page = (tmp_path / "out" / "samples" / "paused.html").read_text()
    assert "could not be analysed and are missing" in page


NAMES = [
    "$x^{$",
    r"a$\frac{$b",
    "a/b\\c",
    "../../up",
    LONG,
    LONG + "x",
    "CON",
    "=1+1",
    "x\ty",
    "<b>&",
    "s1",
    "S1",
    "_u",
]


@pytest.mark.parametrize("verb", ["analyse", "study"])
def test_any_name_of_a_sample_is_good(capsys, folder, tmp_path, verb):
    lines = []
    for number, name in enumerate(NAMES):
        text = (folder / "B.csv").read_text().splitlines()
        (folder / f"file{number}.csv").write_text("\n".join(text[: len(text) - number]) + "\n")
        quoted = '"' + name.replace('"', '""') + '"'
        lines.append(f"{quoted};file{number}.csv;1;4\n")
    for name in ("A", "B"):
        (folder / f"{name}.csv").unlink()
    (folder / "samples.csv").write_text(SHEET + "".join(lines), encoding="utf-8")
    out = tmp_path / "out"
    shell(capsys, verb, folder, "-o", out)
    assert len(found(results_of(out))) == len(NAMES)
    assert not [flag for flag in results_of(out)["flags"] if flag["code"].endswith("_failed")]
    assert {path.name for path in tmp_path.iterdir()} <= {"cache", "campaign", "out"}
    pages = {path.name.casefold() for path in out.glob("samples/*.html" if verb == "study" else "figures/*.png")}
    assert len(pages) == len(NAMES)


def test_names_of_files_are_short_and_differ():
    names = [file_name(text) for text in (LONG, LONG + "x", "é" * 300, "e\u0301" * 300, "nul", "NUL.txt", "...", "a/b")]
    assert all(len(name.encode()) <= LONGEST_NAME for name in names)
    assert len(set(names)) == len(names)
    assert "/" not in "".join(names)


def test_a_figure_that_fails_does_not_take_the_others(capsys, folder, tmp_path, monkeypatch):
    from rampion.figures import voltammogram

    draw = voltammogram.draw_finding

    def failing(finding, title="", synthetic=False):
        if title == "A":
            raise ValueError("no finite numbers")
        return draw(finding, title=title, synthetic=synthetic)

    monkeypatch.setattr(voltammogram, "draw_finding", failing)
    told = shell(capsys, "analyse", folder, "-o", tmp_path / "out")
    assert "The figure 001_A_01_sweep could not be drawn" in told
    assert {path.stem for path in (tmp_path / "out" / "figures").iterdir()} == {"002_B_01_sweep"}
    assert "figure_failed" in {flag["code"] for flag in results_of(tmp_path / "out")["flags"]}
    told = shell(capsys, "study", folder, "-o", tmp_path / "out")
    assert "The page of A could not be made" in told
    assert "could not be made" in (tmp_path / "out" / "samples" / "A.html").read_text()
    assert "What the verdict rests on" in (tmp_path / "out" / "samples" / "B.html").read_text()


def test_a_step_of_a_study_that_fails_leaves_the_others(capsys, folder, tmp_path, monkeypatch):
    from rampion.study import campaign

    def failing(*_):
        raise np.linalg.LinAlgError("Singular matrix")

    for step in ("scaling_laws", "transport_numbers", "gather_impedance", "gather_evidence", "pause_effects"):
        monkeypatch.setattr(campaign, step, failing)
    told = shell(capsys, "study", folder, "-o", tmp_path / "out")
    assert "The scaling laws could not be computed" in told
    assert found(results_of(tmp_path / "out")) == {"A", "B"}


def test_overrides_in_any_utf_8_are_read_and_nesting_is_one_sentence(folder):
    (folder / "overrides.toml").write_text(
        '\ufeff[[override]]\nsample = "A"\nreason = "spilt"\nexclude = true\n', encoding="utf-8"
    )
    assert {one.sample for one in rampion.analyse(folder).findings} == {"B"}
    (folder / "overrides.toml").write_text("a = " + "[" * 100_000)
    with pytest.raises(InputError, match=r"overrides\.toml nests"):
        rampion.analyse(folder)


def test_an_override_of_a_lost_sample_is_no_slip(folder):
    (folder / "C.csv").write_text("no data")
    (folder / "overrides.toml").write_text('[[override]]\nsample = "C"\nreason = "spilt"\nexclude = true\n')
    assert len(remember.analyse_folder(folder).samples) == 2


def test_a_circuit_that_cannot_be_read_is_told_at_once(folder):
    with pytest.raises(InputError, match="cannot be read at its end"):
        remember.analyse_folder(folder, options=analysing.Options(circuit="R0-p(R1"))
