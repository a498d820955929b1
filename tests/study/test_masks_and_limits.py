"""Masked stretches and a stated current limit, through files and from the shell (synthetic data)."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from rampion.cli import main
from rampion.errors import InputError
from rampion.measurement import Sample, Trace
from rampion.study import analyse
from rampion.voltammetry.event import Choice, judge_sweep
from rampion.voltammetry.finding import Verdict
from rampion.voltammetry.voltammogram import find_voltammograms, join_traces

CONDUCTANCE = 2.4e-4  # S
RATE = 1e-3  # V/s
LEVEL = 1.2e-4  # A, reached at 0.5 V
KNOCKED = (0.40, 0.43)  # V


def written(folder, current: np.ndarray, potential: np.ndarray, name: str = "S1") -> None:
    with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["# SYNTHETIC DATA"])
        writer.writerow(["time/s", "potential/V", "current/A"])
        writer.writerows(zip(np.linspace(0.0, 1.0, potential.size) / RATE, potential, current, strict=True))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """One ohmic sweep to 1 V."""
    monkeypatch.setenv("RAMPION_CACHE", str(tmp_path / "cache"))
    campaign = tmp_path / "campaign"
    campaign.mkdir()
    (campaign / "samples.csv").write_text("sample;file;thickness [mm];area [mm²]\npellet 1;S1.csv;1;4\n", "utf-8")
    return campaign


def noisy(current: np.ndarray, seed: int = 3) -> np.ndarray:
    return current * (1.0 + 1e-3 * np.random.default_rng(seed).standard_normal(current.size))


def knocked(folder, cable: bool = True, level: float = 1.0) -> None:
    """An ohmic sweep whose cable was knocked: for 30 s the current reads threefold; it rounds off into a level [A]."""
    potential = np.linspace(0.0, 1.0, 1000)
    during = (potential > KNOCKED[0]) & (potential < KNOCKED[1]) & cable
    current = CONDUCTANCE * potential
    current = current / (1.0 + (current / level) ** 8) ** 0.125
    written(folder, noisy(current * np.where(during, 3.0, 1.0)), potential)


def override(folder, *entries: str) -> None:
    head = '[[override]]\nsample = "pellet 1"\nreason = "a test"\n'
    (folder / "overrides.toml").write_text("".join(f"{head}{entry}\n" for entry in entries), encoding="utf-8")


@pytest.mark.parametrize("window", ['["0.395 V", "0.435 V"]', '[["395 s", "0.435 ks"]]'])
def test_what_is_masked_is_not_judged(folder, window):
    knocked(folder)
    assert analyse(folder).findings[0].verdict is Verdict.SOFT_SHORT
    override(folder, f"masked = {window}")
    analysis = analyse(folder)
    (finding,) = analysis.findings
    assert finding.verdict is Verdict.NO_EVENT
    assert finding.confidence > 0.9
    assert finding.ohmic.conductance.value == pytest.approx(CONDUCTANCE, rel=2e-3)
    shown = finding.voltammogram.potential
    assert not ((shown > KNOCKED[0]) & (shown < KNOCKED[1])).any()
    assert len(analysis.samples[0].experiment.traces[0]) == 1000  # the record itself is whole
    (changed,) = analysis.samples[0].overridden
    assert "masked, 40 points" in changed.decision
    assert changed.before.startswith("soft short")
    assert changed.after.startswith("no event")


def test_a_mask_and_a_window_of_two_entries_hold_together(folder):
    knocked(folder)
    window = 'ohmic_window = ["0.1 V", "0.2 V"]'
    override(folder, 'sweep = 1\nmasked = ["0.395 V", "0.435 V"]', window, 'verdict = "no_event"')
    (finding,) = analyse(folder).findings
    assert finding.ohmic.window == pytest.approx((0.1, 0.2), abs=2e-3)
    assert finding.verdict is Verdict.NO_EVENT


def test_a_mask_of_one_sweep_leaves_the_next_alone(folder):
    potential = np.concatenate([np.linspace(0.0, 1.0, 600), np.linspace(1.0, 0.0, 600)] * 2)
    during = (potential > KNOCKED[0]) & (potential < KNOCKED[1]) & (np.arange(potential.size) // 600 % 2 == 0)
    written(folder, noisy(CONDUCTANCE * potential * np.where(during, 3.0, 1.0)), potential)
    assert [one.verdict for one in analyse(folder).findings] == [Verdict.SOFT_SHORT] * 2
    override(folder, 'sweep = 2\nmasked = ["0.39 V", "0.44 V"]')
    assert [one.verdict for one in analyse(folder).findings] == [Verdict.SOFT_SHORT, Verdict.NO_EVENT]


def test_a_current_at_the_stated_limit_is_no_plateau(folder):
    knocked(folder, cable=False, level=LEVEL)
    assert analyse(folder).findings[0].verdict is Verdict.LIMITING_PLATEAU
    override(folder, 'current_limit = "0.12 mA"')
    analysis = analyse(folder)
    (finding,) = analysis.findings
    assert finding.verdict is Verdict.INSTRUMENT_LIMIT
    assert finding.confidence > 0.9
    assert finding.current.value == pytest.approx(LEVEL, rel=5e-3)
    assert "current limit 0.12 mA" in analysis.samples[0].overridden[0].decision


def test_a_limit_that_is_not_reached_changes_nothing(folder):
    knocked(folder, cable=False, level=LEVEL)
    override(folder, 'current_limit = "0.2 mA"')
    assert analyse(folder).findings[0].verdict is Verdict.LIMITING_PLATEAU


@pytest.mark.parametrize("level", [0.9 * LEVEL, 0.02 * LEVEL])
def test_a_current_beyond_the_limit_is_where_it_meets_it(level):
    """An ohmic line; the lower limit leaves too few points for a course of their own."""
    potential = np.linspace(0.0, 1.0, 1000)
    trace = Trace(time=potential / RATE, potential=potential, current=noisy(CONDUCTANCE * potential))
    (sweep,) = find_voltammograms(join_traces((trace,)))
    found = judge_sweep(sweep, Sample(), Choice(current_limit=level))
    assert found.verdict is Verdict.INSTRUMENT_LIMIT
    assert found.potential.value == pytest.approx(level / CONDUCTANCE, abs=4e-3)


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ('masked = ["2 V", "3 V"]', r"has no point; its record runs from 0 V to 1 V"),
        ('masked = ["2000 s", "3000 s"]', r"has no point; its record runs from 0 s to 1000 s"),
        ('masked = ["0 V", "0.995 V"]', "leaves 5 points; exclude that sweep instead"),
        ('sweep = 4\nmasked = ["0.1 V", "0.2 V"]', "which has 1"),
        ('verdict = "voltage_runaway"\nat = "0.3 V"', "is no verdict of a sweep"),
    ],
)
def test_what_cannot_be_followed_is_refused(folder, entry, sentence):
    knocked(folder, cable=False)
    override(folder, entry)
    with pytest.raises(InputError, match=sentence):
        analyse(folder)


@pytest.mark.parametrize("verb", ["analyse", "study"])
def test_both_hold_from_the_shell(folder, capsys, verb):
    knocked(folder, level=LEVEL)
    override(folder, 'masked = ["0.395 V", "0.435 V"]\ncurrent_limit = "0.12 mA"')
    main([verb, str(folder), "--json"])
    found = json.loads(capsys.readouterr().out)
    (finding,) = found["findings" if verb == "analyse" else "samples"]
    assert finding["verdict"] == "instrument_limit"
    assert finding["potential"]["value"] == pytest.approx(1.5 * LEVEL / CONDUCTANCE, abs=0.05)  # there 0.5 % below it
    decisions = ["0.395 V to 0.435 V masked, 40 points", "current limit 0.12 mA"]
    assert [each["decision"] for each in found["overrides"]] == decisions
