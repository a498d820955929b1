"""The records under imposed currents of known truth (``benchmarks/foreign_currents.py``) against closed forms."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import foreign_currents

from rampion.estimate import Estimate
from rampion.measurement import ConstantCurrent, Sample, Trace
from rampion.voltammetry.analyse import analyse_trace


def resistance(record) -> np.ndarray:
    """V/I where current flows."""
    flows = np.abs(record.current) > 0.01 * np.max(np.abs(record.current))
    return (record.potential[flows] / record.current[flows]), record.time[flows]


@pytest.mark.parametrize("maker", foreign_currents.MAKERS)
@pytest.mark.parametrize("kind", foreign_currents.KINDS)
@pytest.mark.parametrize("steps", [False, True])
def test_records_are_what_an_instrument_writes(maker, kind, steps):
    one, two = (foreign_currents.draw(maker, kind, 3, steps=steps) for _ in range(2))
    assert np.array_equal(one.potential, two.potential)
    assert one.time.size == one.potential.size == one.current.size > 50
    assert np.isfinite([one.time, one.potential, one.current]).all()
    assert (np.diff(one.time) >= 0).all()
    assert one.verdict in one.accepted
    assert 0.0 < one.event_time <= one.time[-1] * 1.01  # a voltage that diverges is cut off


@pytest.mark.parametrize("maker", foreign_currents.MAKERS)
def test_a_penetration_loses_half_of_the_resistance_or_all_its_share_at_once(maker):
    for seed in range(6):
        record = foreign_currents.draw(maker, "penetration", seed)
        left, time = resistance(record)
        before = np.median(left[(time < record.event_time) & (time > 0.5 * record.event_time)])
        after = np.median(left[-3:])
        assert after < (1 / 1.15) * before


@pytest.mark.parametrize("maker", foreign_currents.MAKERS)
def test_verdicts_on_records_under_currents_of_another_maker(maker):
    right = []
    for kind in foreign_currents.KINDS:
        record = foreign_currents.draw(maker, kind, 905_000_001, steps=kind != "instrument_limit")
        sample = Sample(name="x", thickness=Estimate(record.thickness, 0.0), area=Estimate(record.area, 0.0))
        stated = ConstantCurrent(current=float(record.current[0])) if kind == "instrument_limit" else None
        trace = Trace(
            time=record.time, potential=record.potential, current=record.current, synthetic=True, protocol=stated
        )  # fmt: skip
        found = analyse_trace(trace, sample)
        right.append(len(found) == 1 and str(found[0].verdict) in record.accepted)
    assert sum(right) >= len(right) - 1
