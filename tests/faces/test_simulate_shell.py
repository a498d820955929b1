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
    np.testing.assert_allclose(np.diff(recorded_times(tmp_path / "made", "LSV")), 2.0, rtol=1e-9)
    main(["analyse", str(tmp_path / "made" / "csv"), "-o", str(tmp_path / "results")])
    out, err = capfd.readouterr()
    assert "resistance" in out
    assert not [word for word in ("LAPACK", "DLASCL", "DGELSD", "SVD", "converge") if word in out + err]


@pytest.mark.parametrize(("stated", "period"), [((), 0.5), (("--sampling-period", "20 s"), 20.0)])
def test_written_records_are_sampled_evenly(capsys, tmp_path, stated, period):
    words = ("--cell", "gopal2023", "--potential", "0.2V", "--duration", "600 s", "--write", "csv")
    shell(capsys, "simulate", "hold", *words, *stated, "-o", tmp_path)
    np.testing.assert_allclose(np.diff(recorded_times(tmp_path, "CA")), period, rtol=1e-9)


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
