"""A study uses every run once, though its files lie in two groups that are read independently."""

from __future__ import annotations

import numpy as np
import pytest

from rampion.study.remember import analyse_folder
from written_files import mpt

TIME = np.arange(300.0)


def ramp(folder, seed):
    """A run as EC-Lab's text, and as a table without clock under another name in another folder."""
    random = np.random.default_rng(seed)
    potential = 1e-3 * TIME + random.normal(0, 2e-5, TIME.size)
    current = 2e-6 * TIME * (1 + 0.1 * seed) + random.normal(0, 2e-8, TIME.size)
    columns = {"time/s": TIME, "Ewe/V": potential, "<I>/mA": 1e3 * current}
    (folder / f"cell {seed}.mpt").write_bytes(mpt(columns, started=f"08/11/2023 12:4{seed}:15.500"))
    rows = [f"{t:.1f},{e:.7g},{i:.7g}" for t, e, i in zip(TIME, potential, current, strict=True)]
    (folder / "exported").mkdir(exist_ok=True)
    table = "\n".join(["t / s,E / V,I / A", *rows, ""])
    (folder / "exported" / f"x{9 - seed}.csv").write_text(table, encoding="utf-8")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("RAMPION_CACHE", str(tmp_path / "cache"))
    (tmp_path / "campaign").mkdir()
    for seed in (1, 2):
        ramp(tmp_path / "campaign", seed)
    return tmp_path / "campaign"


def test_two_exports_of_each_run_are_analysed_as_one_sample(folder):
    steps = []
    for _ in range(2):  # analysed, then remembered
        steps.append([])
        analysis = analyse_folder(folder, workers=1, progress=steps[-1].append)
        assert sorted(one.experiment.name for one in analysis.samples) == ["cell 1", "cell 2"]
        assert len(analysis.findings) == 2
        assert [flag.code for one in analysis.samples for flag in one.flags].count("file_copy") == 2
    # four groups, then the two that hold a run twice
    assert [(step.done, step.of) for step in steps[0]] == [(1, 4), (2, 4), (3, 4), (4, 4), (5, 6), (6, 6)]
    assert all(step.remembered for step in steps[1])


def test_without_the_second_export_nothing_is_analysed_twice(folder):
    for file in (folder / "exported").iterdir():
        file.unlink()
    steps = []
    analysis = analyse_folder(folder, workers=1, progress=steps.append)
    assert len(analysis.samples) == 2
    assert [step.of for step in steps] == [2, 2]
