"""A frequency window and masked points of spectra: from the shell, in Python, in overrides.toml (synthetic data)."""

from __future__ import annotations

import csv
import json
import re

import numpy as np
import pytest

import hot_and_cold
from rampion.cli import main
from rampion.errors import DecisionError, InputError
from rampion.study import analyse

FREQUENCY = np.geomspace(1e6, 1.0, 61)  # ten a decade
CIRCUIT = "R0-p(R1,CPE1)"
TRUTH = 1000.0  # Ω of the arc
RINGS = FREQUENCY > 2e5  # where the cable rings
MAINS = (FREQUENCY > 40) & (FREQUENCY < 60)


def spectrum(bad: np.ndarray | None = None, seed: int = 4) -> np.ndarray:
    """One arc of 1 kΩ behind 50 Ω, with 0.2 % of noise; tenfold where it is ``bad``."""
    random = np.random.default_rng(seed)
    z = 50 + TRUTH / (1 + TRUTH * 1e-7 * (2j * np.pi * FREQUENCY) ** 0.95)
    noise = random.standard_normal(FREQUENCY.size) + 1j * random.standard_normal(FREQUENCY.size)
    z = z * (1 + 2e-3 * noise)
    return z if bad is None else np.where(bad, 10 * z, z)


def written(folder, z: np.ndarray, name: str = "S1") -> None:
    rows = "".join(f"{f:.8g},{one.real:.8g},{one.imag:.8g}\n" for f, one in zip(FREQUENCY, z, strict=True))
    (folder / f"{name}.csv").write_text("freq/Hz,Re(Z)/Ohm,Im(Z)/Ohm\n" + rows)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """One spectrum whose points above 200 kHz and about the mains are wrong."""
    monkeypatch.setenv("RAMPION_CACHE", str(tmp_path / "cache"))
    campaign = tmp_path / "campaign"
    campaign.mkdir()
    (campaign / "samples.csv").write_text("sample;file;thickness [mm];area [mm²]\npellet 1;S1.csv;1;4\n", "utf-8")
    written(campaign, spectrum(RINGS | MAINS))
    return campaign


def override(folder, text: str) -> None:
    content = f'[[override]]\nsample = "pellet 1"\nreason = "a test"\n{text}\n'
    (folder / "overrides.toml").write_text(content, encoding="utf-8")


def shell(capsys, *words):
    main([str(word) for word in words])
    return capsys.readouterr().out


def test_points_outside_the_window_are_left_out_of_everything(folder):
    written(folder, spectrum(RINGS))
    analysis = analyse(folder, circuit=CIRCUIT, fmax=2e5, fmin=5.0)
    (finding,) = analysis.samples[0].spectra
    kept = ~RINGS & (FREQUENCY >= 5.0)
    assert finding.left_out == np.sum(~kept)
    assert finding.frequency == pytest.approx(FREQUENCY[kept], rel=1e-6)
    assert finding.fitted.size == finding.validity_residual.size == np.sum(kept)
    assert finding.kramers_kronig.valid
    assert finding.kramers_kronig.outliers == ()
    assert finding.parameters["R1"].value == pytest.approx(TRUTH, rel=0.01)
    times = finding.relaxation_times
    assert times is not None
    assert times.polarisation.value == pytest.approx(TRUTH, rel=0.02)
    assert len(analysis.samples[0].experiment.spectra[0]) == 61  # the record itself is whole


def test_what_the_window_leaves_out_is_what_was_wrong(folder):
    written(folder, spectrum(RINGS))
    (finding,) = analyse(folder, circuit=CIRCUIT).samples[0].spectra
    assert finding.left_out == 0
    assert finding.kramers_kronig.valid is False
    assert finding.parameters["R1"].std > 0.03 * TRUTH


def test_the_ends_of_a_window_are_kept(folder):
    (finding,) = analyse(folder, circuit=CIRCUIT, fmin=10.0, fmax=1e5).samples[0].spectra
    assert finding.frequency.min() == pytest.approx(10.0)
    assert finding.frequency.max() == pytest.approx(1e5)
    assert finding.left_out == 20


@pytest.mark.parametrize("part", ["", "spectrum = 1\n"])
def test_a_window_and_masked_frequencies_of_overrides(folder, part):
    override(folder, f'{part}fmax = "200 kHz"\nmasked = [["40 Hz", "60 Hz"]]')
    (sample,) = analyse(folder, circuit=CIRCUIT).samples
    (finding,) = sample.spectra
    assert finding.left_out == np.sum(RINGS | MAINS)
    assert finding.parameters["R1"].value == pytest.approx(TRUTH, rel=0.01)
    assert finding.kramers_kronig.outliers == ()
    (changed,) = sample.overridden
    assert (changed.before, changed.after) == ("61 points", f"{np.sum(~(RINGS | MAINS))} points")
    assert changed.decision == "fmax 200000 Hz, 40 Hz to 60 Hz masked"


def test_an_override_and_an_option_hold_together(folder):
    override(folder, 'masked = ["40 Hz", "60 Hz"]')
    (finding,) = analyse(folder, circuit=CIRCUIT, fmax=2e5).samples[0].spectra
    assert finding.left_out == np.sum(RINGS | MAINS)


def test_masks_follow_the_numbers_of_the_spectra_where_one_is_excluded(tmp_path):
    rows = [
        f"{number},{f:.8g},{one.real:.8g},{one.imag:.8g}\n"
        for number in (1, 2, 3)
        for f, one in zip(FREQUENCY, spectrum(RINGS if number == 3 else None, seed=number), strict=True)
    ]
    (tmp_path / "S1.csv").write_text("cycle number,freq/Hz,Re(Z)/Ohm,Im(Z)/Ohm\n" + "".join(rows))
    entries = ("spectrum = 1\nexclude = true", 'spectrum = 3\nfmax = "200 kHz"')
    text = "".join(f'[[override]]\nsample = "S1"\nreason = "a test"\n{entry}\n' for entry in entries)
    (tmp_path / "overrides.toml").write_text(text, encoding="utf-8")
    (sample,) = analyse(tmp_path, circuit=CIRCUIT).samples
    assert [finding.left_out for finding in sample.spectra] == [0, np.sum(RINGS)]


def test_a_series_along_temperature_is_fitted_within_the_window(tmp_path):
    files = hot_and_cold.write_files(tmp_path, (0, 20, 45))
    circuit = "p(R1,C1)-p(R2,CPE2)-p(R3,CPE3)"
    found = analyse(files, circuit=circuit, relaxation_times=False, fmax=1e5)
    (series,) = found.series
    for place, finding, fitted in zip(series.places, series.series.spectra, series.spectra, strict=True):
        whole = found.samples[place].experiment.spectra[0]
        assert finding.left_out == np.sum(whole.frequency > 1e5) > 0
        assert len(fitted) == finding.frequency.size == len(whole) - finding.left_out
        assert finding.frequency.max() <= 1e5


def test_the_shell_says_how_many_points_were_left_out(folder, capsys):
    written(folder, spectrum(RINGS))
    words = ("analyse", folder / "S1.csv", "--circuit", CIRCUIT, "--fmin", "5 Hz", "--fmax", "200 kHz")
    (entry,) = json.loads(shell(capsys, *words, "--json"))["findings"]
    count = int(np.sum(RINGS | (FREQUENCY < 5.0)))
    assert entry["left_out"] == count
    assert entry["parameters"]["R1"]["value"] == pytest.approx(TRUTH, rel=0.01)
    assert f"{count} points left out" in shell(capsys, *words)


def test_a_study_takes_the_window_and_its_tables_and_report_tell(folder, capsys, tmp_path):
    out = tmp_path / "out"
    shell(capsys, "study", folder, "--circuit", CIRCUIT, "--fmax", "0.2 MHz", "-o", out)
    content = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert content["provenance"]["options"]["fmax"] == 2e5
    pages = "".join(page.read_text(encoding="utf-8") for page in out.rglob("*.html"))
    assert f"{np.sum(RINGS)} points left out" in pages


def test_the_tables_of_analyse_keep_every_point(folder, capsys, tmp_path):
    out = tmp_path / "out"
    shell(capsys, "analyse", folder, "--circuit", CIRCUIT, "--fmax", "200 kHz", "--no-drt", "-o", out)
    sizes = {}
    for kind in ("spectrum", "fit"):
        with next((out / "tables").glob(f"*_{kind}.csv")).open(encoding="utf-8") as stream:
            sizes[kind] = len(list(csv.DictReader(stream)))
    assert sizes == {"spectrum": 61, "fit": 61 - np.sum(RINGS)}


def test_a_window_without_enough_points_gets_one_sentence(folder, capsys):
    with pytest.raises(
        InputError, match=r"Of the 61 points of spectrum 1 of pellet 1 \(1 Hz to 1e\+06 Hz\) .* leave 4;"
    ):
        analyse(folder, fmin=90.0, fmax=200.0)
    override(folder, 'fmax = "2 Hz"')
    with pytest.raises(DecisionError, match="leave 4; expected 5 or more"):
        analyse(folder)
    with pytest.raises(SystemExit) as stop:
        shell(capsys, "analyse", folder / "S1.csv", "--fmin", "2 MHz")
    assert stop.value.code == 3
    assert re.search("leave 0; expected 5 or more", capsys.readouterr().err)


@pytest.mark.parametrize(("fmin", "fmax"), [(10.0, 1.0), (-1.0, 10.0), (float("nan"), 1.0), (5.0, 5.0)])
def test_no_window_at_all_is_refused(folder, fmin, fmax):
    with pytest.raises(DecisionError, match="The frequency window runs from"):
        analyse(folder, fmin=fmin, fmax=fmax)


def test_a_mask_without_a_point_is_refused(folder):
    override(folder, 'masked = ["2 MHz", "3 MHz"]')
    with pytest.raises(DecisionError, match=r"where it has no point; its spectra run from 1 Hz to 1e\+06 Hz"):
        analyse(folder)
