"""Faults of structure in every format, in sheets, overrides and circuits: a true number, a flag or a sentence."""

from __future__ import annotations

import random

import pytest
from structure_judge import FAULTS, Outcome, judge
from structure_mutants import draw
from structure_seeds import own_seeds, real_seeds
from structure_words import WRITTEN

from rampion.readers.detect import read_file

SEED = 20261130


def faults_of_files(seeds, rng, count, folder):
    """What went wrong in so many mutants of the seeds in turn; a seed that is refused as it stands has none."""
    wrong = []
    for number, seed in enumerate(seeds):
        path = folder / seed.name
        path.write_bytes(seed.content)
        try:
            sound = read_file(path)
        except Exception:
            continue
        for _ in range(count // len(seeds) + (number < count % len(seeds))):
            mutant = draw(rng, seed)
            verdict = judge(mutant, sound, folder)
            if verdict.outcome in FAULTS:
                wrong.append(f"{verdict.outcome.value}: {mutant.fault} of {seed.name}: {verdict.words}")
    return wrong


def faults_of_writings(kind, rng, count, folder):
    draw_one, judge_one = WRITTEN[kind]
    wrong = []
    for _ in range(count):
        mutant = draw_one(rng)
        verdict = judge_one(mutant, folder)
        if verdict.outcome in FAULTS:
            wrong.append(f"{verdict.outcome.value}: {mutant.fault} of {mutant.name}: {verdict.words}")
    return wrong


def test_a_sound_file_is_read_as_it_was_written(tmp_path):
    for seed in own_seeds():
        path = tmp_path / seed.name
        path.write_bytes(seed.content)
        experiment = read_file(path)
        assert len(experiment.parts) == 1
        assert len(experiment.parts[0]) in (40, 28)


def test_damaged_files(tmp_path):
    assert faults_of_files(own_seeds(), random.Random(SEED), 250, tmp_path) == []


@pytest.mark.parametrize(("kind", "count"), [("sample sheet", 100), ("overrides", 80), ("circuit", 120)])
def test_damaged_writings(kind, count, tmp_path):
    assert faults_of_writings(kind, random.Random(SEED), count, tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("start", range(8))
def test_many_damaged_files(start, tmp_path):
    assert faults_of_files(own_seeds(), random.Random(SEED + start), 2500, tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", list(WRITTEN))
def test_many_damaged_writings(kind, tmp_path):
    assert faults_of_writings(kind, random.Random(SEED + 1), 1000, tmp_path) == []


@pytest.mark.slow
def test_many_damaged_real_files(tmp_path):
    seeds = real_seeds(6)
    if not seeds:
        pytest.skip("no real instrument files; set RAMPION_TEST_DATA to their folder")
    assert faults_of_files(seeds, random.Random(SEED), 3000, tmp_path) == []


def test_the_judge_sees_a_changed_number(tmp_path):
    """The oracle itself: one digit of one cell changed, a pair of rows with their times exchanged."""
    seed = next(one for one in own_seeds() if one.name == "trace.csv")
    path = tmp_path / seed.name
    path.write_bytes(seed.content)
    sound = read_file(path)
    mutant = draw(random.Random(1), seed)
    layout = seed.layout
    lines = list(layout.lines)
    t, e, i = lines[20].split(",")
    lines[20] = f"{t},{e},{float(i) * 1.01:.10g}"
    object.__setattr__(mutant, "content", layout.written(lines))
    object.__setattr__(mutant, "expectation", next(m for m in type(mutant.expectation) if m.name == "SAME"))
    assert judge(mutant, sound, tmp_path).outcome is Outcome.WRONG
    lines = list(layout.lines)
    lines[20] = f"{float(t) + 0.5:g},{e},{i}"
    object.__setattr__(mutant, "content", layout.written(lines))
    assert judge(mutant, sound, tmp_path).outcome is Outcome.WRONG
