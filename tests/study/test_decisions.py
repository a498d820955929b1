"""A person's decisions in place of the software's, and samples that are remembered (synthetic data)."""

from __future__ import annotations

import csv
import math

import numpy as np
import pytest

from rampion.errors import InputError
from rampion.measurement import Override
from rampion.study import analyse, read
from rampion.study.remember import Progress, analyse_folder
from rampion.voltammetry.finding import Verdict

CONDUCTANCE = 2.4e-4  # S
WINDOW = (0.02, 0.06)


def two_maxima(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A sweep with a small maximum at 0.25 V and a larger one at 0.6 V."""
    potential = np.linspace(0, 1, 1200)
    current = CONDUCTANCE * (
        0.2 * np.tanh(potential / 0.2)
        + 0.05 * np.exp(-(((potential - 0.25) / 0.08) ** 2))
        + 0.12 * np.exp(-(((potential - 0.6) / 0.1) ** 2))
        - 0.05 * potential
    )
    return potential, current * (1 + 1e-3 * np.random.default_rng(seed).standard_normal(potential.size))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("RAMPION_CACHE", str(tmp_path / "cache"))
    campaign = tmp_path / "campaign"
    campaign.mkdir()
    for number in (1, 2):
        write_sweep(campaign, number)
    write_sheet(campaign, 2)
    return campaign


def write_sweep(campaign, number: int) -> None:
    potential, current = two_maxima(number)
    with (campaign / f"S{number}.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["# SYNTHETIC DATA"])
        writer.writerow(["time/s", "potential/V", "current/A"])
        writer.writerows(zip(potential / 1e-3, potential, current, strict=True))


def write_sheet(campaign, count: int) -> None:
    rows = "".join(f"pellet {n};S{n}.csv;1;4\n" for n in range(1, count + 1))
    (campaign / "samples.csv").write_text("sample;file;thickness [mm];area [mm²]\n" + rows, encoding="utf-8")


def override(folder, text: str, sample: str = "pellet 1") -> None:
    content = f'[[override]]\nsample = "{sample}"\nreason = "a test"\n{text}\n'
    (folder / "overrides.toml").write_text(content, encoding="utf-8")


def finding_of(analysis, name: str):
    return next(finding for finding in analysis.findings if finding.sample == name)


def test_another_peak_another_window_and_what_stood_there_before(folder):
    before = finding_of(analyse(folder), "pellet 1")
    assert before.verdict is Verdict.LIMITING_PEAK
    assert before.potential.value == pytest.approx(0.6, abs=0.02)
    override(folder, f'at = "0.27 V"\nohmic_window = ["{WINDOW[0]} V", "{WINDOW[1]} V"]')
    analysis = analyse(folder)
    chosen = finding_of(analysis, "pellet 1")
    potential, current = two_maxima(1)
    near = np.abs(potential - 0.25) < 0.05
    assert chosen.potential.value == pytest.approx(potential[near][np.argmax(current[near])], abs=0.02)
    assert chosen.current.value == pytest.approx(np.max(current[near]), rel=0.005)
    used = (potential >= WINDOW[0]) & (potential <= WINDOW[1])
    slope = np.polyfit(potential[used], current[used], 1)[0]
    assert chosen.ohmic.conductance.value == pytest.approx(slope, rel=0.02)
    assert chosen.ohmic.window[0] >= WINDOW[0]
    assert chosen.ohmic.window[1] <= WINDOW[1]
    assert math.isnan(chosen.confidence)
    assert "chosen" in {flag.code for flag in chosen.flags}
    (changed,) = analysis.samples[0].overridden
    assert changed.override.reason == "a test"
    assert "0.59" in changed.before
    assert changed.after != changed.before
    untouched = finding_of(analysis, "pellet 2")
    assert untouched.potential.value == pytest.approx(0.6, abs=0.02)


def test_an_event_can_be_put_where_there_was_none(folder):
    override(folder, 'verdict = "penetration"\nat = "0.4 V"')
    changed = analyse(read(folder)).samples[0].findings[0]
    assert changed.verdict is Verdict.PENETRATION
    assert changed.potential.value == pytest.approx(0.4, abs=1e-3)
    potential, current = two_maxima(1)
    there = np.abs(potential - 0.4) < 0.01
    assert changed.current.value == pytest.approx(float(np.median(current[there])), rel=2e-3)
    assert 0 < changed.current.std < 0.01 * changed.current.value
    assert math.isnan(changed.confidence)


def test_a_sweep_that_is_left_out_is_named(folder):
    override(folder, "sweep = 1\nexclude = true")
    analysis = analyse(folder)
    assert {finding.sample for finding in analysis.findings} == {"pellet 2"}
    assert analysis.samples[0].overridden[0].after == "left out"


@pytest.mark.parametrize(
    ("text", "sample", "sentence"),
    [
        ('at = "3 V"', "pellet 1", "lies outside the sweep"),
        ('verdict = "broken"', "pellet 1", "is no verdict"),
        ('verdict = "penetration"', "pellet 1", "state the event's potential"),
        ("sweep = 4\nexclude = true", "pellet 1", "which has 1"),
        ("spectrum = 1\nexclude = true", "pellet 1", "which has 0"),
        ('ohmic_window = ["1 mV", "2 mV"]', "pellet 1", "widen it"),
        ("exclude = true", "pellet 9", "the campaign holds pellet 1, pellet 2"),
    ],
)
def test_a_decision_that_cannot_be_followed_is_refused(folder, text, sample, sentence):
    override(folder, text, sample)
    with pytest.raises(InputError, match=sentence):
        analyse(folder)
    with pytest.raises(InputError, match=sentence):
        analyse_folder(folder)


def test_one_experiment_of_several_must_be_named(folder):
    from rampion.study.overrides import check_overrides

    experiments = read(folder).experiments * 2
    with pytest.raises(InputError, match="has 2 experiments"):
        check_overrides([Override(sample="pellet 1", reason="x", sweep=1, exclude=True)], experiments)


def steps(folder) -> list[bool]:
    told: list[Progress] = []
    analyse_folder(folder, progress=told.append)
    return [step.remembered for step in told]


def test_only_what_is_new_or_changed_is_analysed(folder):
    assert steps(folder) == [False, False]
    assert steps(folder) == [True, True]
    write_sweep(folder, 3)
    write_sheet(folder, 3)
    assert steps(folder) == [True, True, False]
    override(folder, 'at = "0.27 V"')
    assert sorted(steps(folder)) == [False, True, True]
    content = (folder / "S2.csv").read_text(encoding="utf-8")
    (folder / "S2.csv").write_text(content.replace("SYNTHETIC DATA", "SYNTHETIC DATA, again"), encoding="utf-8")
    assert sorted(steps(folder)) == [False, True, True]
    (folder / "samples.csv").write_text("sample;file;thickness [mm];area [mm²]\npellet 1;S1.csv;2;4\n")
    assert sorted(steps(folder)) == [False, False, False]  # two of them have lost their row


def test_what_is_remembered_holds_the_same_numbers(folder):
    from rampion.report.results import results

    fresh, folded = analyse(folder), analyse_folder(folder)
    remembered = analyse_folder(folder)
    assert results(folded)["findings"] == results(fresh)["findings"]
    assert results(remembered)["findings"] == results(fresh)["findings"]
