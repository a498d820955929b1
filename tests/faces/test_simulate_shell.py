"""``rampion simulate`` from the shell: drifting scans, a reference plane, replay, and the folder of pictures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("jax")

from rampion.cli import main

EXAMPLES = Path(__file__).parents[2] / "examples" / "data"
CELL = ("--cell", "gopal2023", "--rate", "0.05mV/s")


def shell(capture: pytest.CaptureFixture[str], *words: object) -> str:
    main([str(word) for word in words])
    return capture.readouterr().out


@pytest.mark.slow
def test_a_paused_sweep_with_drift_and_its_pictures(capsys, tmp_path):
    told = json.loads(
        shell(
            capsys, "simulate", "paused", *CELL, "--to", "0.1V", "--pause", "100 s", "--scan-duration", "90 s",
            "--points", "2", "-o", tmp_path, "--json",
        )
    )  # fmt: skip
    first, second = told["spectra"]
    assert np.ptp(first["time"]) == pytest.approx(90.0, abs=10.0)
    assert second["time"][0] > first["time"][-1]
    figures = {path.name for path in tmp_path.glob("*.svg")}
    assert figures == {f"{name}.svg" for name in ("simulation", "profiles", "spectra", "voltammograms", "regimes")}


def recorded_times(folder: Path, technique: str) -> np.ndarray:
    (file,) = (folder / "csv").glob(f"*{technique}.csv")
    return np.loadtxt(file, delimiter=",", skiprows=4)[:, 0]


@pytest.mark.slow
def test_written_records_are_sampled_evenly_and_analysed_without_a_word_from_the_solver(capfd, tmp_path):
    words = ("--to", "0.15V", "--points", "2", "--noise", "0.001", "--write", "csv")
    shell(capfd, "simulate", "paused", *CELL, *words, "-o", tmp_path / "made")
    np.testing.assert_allclose(np.diff(recorded_times(tmp_path / "made", "LSV"))[:-1], 2.0, rtol=1e-9)
    main(["analyse", str(tmp_path / "made" / "csv"), "-o", str(tmp_path / "results")])
    out, err = capfd.readouterr()
    assert "resistance" in out
    assert not [word for word in ("LAPACK", "DLASCL", "DGELSD", "SVD", "converge") if word in out + err]


ROADS = {
    "sweep": ("--rate", "0.5mV/s", "--to", "0.5V"),
    "paused": ("--rate", "0.5mV/s", "--to", "0.2V", "--pause", "60 s", "--points", "1"),
    "hold": ("--potential", "0.2V", "--duration", "600 s", "--spectra", "2", "--points", "1"),
    "current": ("--current-density", "0.3mA/cm2", "--duration", "600 s"),
    "steps": ("--current-density", "0.1..0.3mA/cm2:3", "--duration", "200 s"),
    "relax": ("--rate", "0.5mV/s", "--to", "0.2V", "--duration", "600 s", "--spectra", "2", "--points", "1"),
    "spectrum": ("--rate", "0.5mV/s", "--at", "0.2V", "--points", "1"),
}


@pytest.mark.parametrize("noise", [(), ("--noise", "0.001")], ids=["clean", "noisy"])
@pytest.mark.parametrize("verb", ROADS)
def test_every_road_is_recorded_as_an_instrument_records_it(capsys, tmp_path, monkeypatch, verb, noise):
    """Evenly in a round period, in the files and in the tables; never at the points of the march."""
    monkeypatch.setattr("rampion.report.simulation._write_figures", lambda *_: None)  # the records alone
    words = ("--cell", "gopal2023", *ROADS[verb], "--write", "csv", "-o", tmp_path, *noise)
    shell(capsys, "simulate", verb, *words)
    traces = [path for path in tmp_path.glob("csv/*.csv") if "PEIS" not in path.name]
    assert traces
    for path in traces:
        time = np.loadtxt(path, delimiter=",", skiprows=4)[:, 0]
        assert 1000 <= time.size <= 2502
        np.testing.assert_allclose(np.diff(time)[:-1], time[1] - time[0], rtol=1e-6)
        assert 1e-3 < np.diff(time)[-1] / (time[1] - time[0]) <= 1.0 + 1e-6  # where the technique ends
    tables = [path for path in tmp_path.glob("0*.csv") if "impedance" not in path.name]
    assert len(tables) == len(traces)
    assert all(len(path.read_text(encoding="utf-8").splitlines()) > 1000 for path in tables)


def test_stated_sampling_is_kept(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("rampion.report.simulation._write_figures", lambda *_: None)
    words = ("--cell", "gopal2023", "--rate", "0.5mV/s", "--to", "0.5V", "--write", "csv", "-o", tmp_path)
    stated = ("--sampling-period", "30 s", "--sampling-step", "20 mV", "--sampling-current", "2 uA")
    shell(capsys, "simulate", "sweep", *words, *stated)
    (path,) = tmp_path.glob("csv/*.csv")
    time, potential, current = np.loadtxt(path, delimiter=",", skiprows=4).T
    steps = np.stack([np.diff(time) / 30.0, np.diff(potential) / 0.02, np.abs(np.diff(current)) / 2e-6])
    assert np.max(steps) < 1.02
    np.testing.assert_allclose(np.max(steps, axis=0)[:-1], 1.0, atol=0.02)
    assert {0, 2} <= set(np.argmax(steps, axis=0).tolist())


@pytest.mark.parametrize("option", [("--noise", "0.001"), ("--sampling-current", "1 uA"), ("--write", "csv")])
def test_an_instrument_without_a_folder_is_refused(capsys, option):
    with pytest.raises(SystemExit):
        shell(capsys, "simulate", "sweep", *CELL, "--to", "0.2V", *option)
    assert f"{option[0]} needs a folder for the records; add -o DIR." in capsys.readouterr().err


def test_spectra_in_a_hold_with_a_reference(capsys, tmp_path):
    words = (
        "--reference",
        "0.5",
        "--cell",
        "gopal2023",
        "--potential",
        "0.2V",
        "--duration",
        "600 s",
        "--spectra",
        "2",
        "--points",
        "1",
    )
    told = json.loads(shell(capsys, "simulate", "hold", *words, "-o", tmp_path, "--json"))
    assert [spectrum["time"][0] for spectrum in told["spectra"]] == pytest.approx([300.0, 600.0])
    assert len(told["working_potential"]) == len(told["time"])
    assert 0.0 < told["working_potential"][-1] < told["potential"][-1]
    assert {path.name for path in tmp_path.glob("*.png")} == {"simulation.png", "profiles.png", "spectra.png"}


def test_straight_lines_between_printed_points_keep_the_tolerance(capsys):
    """Of the compiled march too: a mechanism that does nothing takes the run from the numpy core to it."""
    words = ("simulate", "sweep", *CELL, "--to", "0.8V", "--json")
    fine = json.loads(shell(capsys, *words, "--tolerance", "1e-6"))
    told = json.loads(shell(capsys, *words, "--mechanism", "leakage:conductivity=0 mS/cm"))
    assert 300 < len(told["time"]) < 2000
    assert len(told["surface_concentration"]) == len(told["time"])
    exact = np.interp(np.linspace(0.0, 0.8, 5000), fine["potential"], fine["current_density"])
    between = np.interp(np.linspace(0.0, 0.8, 5000), told["potential"], told["current_density"])
    assert np.max(np.abs(between - exact)) < 1e-4 * np.max(exact)


def test_a_measured_file_is_replayed(capsys):
    path = next(EXAMPLES.glob("peak_*.mpt"))
    told = json.loads(shell(capsys, "simulate", "replay", path, "--cell", "gopal2023", "--json"))
    assert told["peak"]["current_density"] == pytest.approx(10.35, rel=5e-3)
    assert told["synthetic"] is True


def test_a_folder_of_several_samples_is_not_replayed(capsys):
    with pytest.raises(SystemExit) as stop:
        shell(capsys, "simulate", "replay", EXAMPLES, "--cell", "gopal2023")
    assert stop.value.code == 3
    assert "one of them" in capsys.readouterr().err
