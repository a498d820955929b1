"""Equal records are equal, on every Python, wherever the NaN for "not known" in them came from."""

from __future__ import annotations

import importlib
import math
import pickle
import pkgutil
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass

import numpy as np
import pytest

import rampion
from rampion.equality import equal_by_value
from rampion.errors import RefusedError
from rampion.estimate import Estimate, FlagKind, Severity, merge_flags
from rampion.measurement import FrequencyScan, Hold, Pause, Sweep


class Kind(FlagKind):
    LOST = (Severity.WARNING, "{share} of the points were lost.")


def other_nan() -> float:
    return float("nan")


def test_an_unknown_number_equals_an_unknown_number():
    one, other = Estimate(1.0, math.nan), Estimate(1.0, other_nan())
    assert one == other
    assert hash(one) == hash(other)
    assert len({one, other, Estimate(1.0, float(np.float64("nan")))}) == 1
    assert Estimate(1.0) != Estimate(1.0, 0.1)
    assert Estimate(1.0) != Estimate(2.0)
    assert Estimate(1.0) != 1.0


def test_records_in_records_and_tuples_compare_by_value():
    def paused() -> Sweep:
        scan = FrequencyScan(high=1e6, low=1.0, points_per_decade=10.0, amplitude=other_nan())
        return Sweep(rate=5e-5, stop=other_nan(), pause=Pause(every=0.05, duration=90.0, scan=scan))

    assert paused() == paused()
    assert pickle.loads(pickle.dumps(paused())) == paused()
    assert paused() != Sweep(rate=5e-5)
    assert Hold(potential=0.1) != Sweep(rate=0.1)


def test_a_flag_with_an_unknown_detail_is_merged_with_its_like():
    one, other = (Kind.LOST.flag(share=other_nan()) for _ in range(2))
    assert merge_flags([one], [other]) == (one,)


def test_tuples_and_mappings_are_searched_for_nan():
    @equal_by_value
    @dataclass(frozen=True, slots=True)
    class Record:
        numbers: tuple[tuple[float, ...], ...]
        named: dict[str, float]

    one, other = (Record(((1.0, other_nan()), ()), {"a": other_nan()}) for _ in range(2))
    assert one == other
    assert one != Record(((1.0, other_nan()), ()), {"a": 1.0})
    assert one != Record(((other_nan(), 1.0), ()), {"a": other_nan()})


def by_default_unknown(one: Field) -> bool:
    members = one.default if isinstance(one.default, tuple) else (one.default,)
    return one.default is not MISSING and any(isinstance(each, float) and math.isnan(each) for each in members)


def records_with_unknowns() -> list[type]:
    """Every record of the package that compares its fields and has one that is NaN by default."""
    found = []
    for module in pkgutil.walk_packages(rampion.__path__, "rampion."):
        if module.name.endswith("__main__"):
            continue
        try:
            names = vars(importlib.import_module(module.name))
        except (ModuleNotFoundError, RefusedError):  # an extra that is not installed
            continue
        for each in names.values():
            if isinstance(each, type) and is_dataclass(each) and each.__module__ == module.name:
                compares = each.__eq__ is not object.__eq__
                found += [each] if compares and any(map(by_default_unknown, fields(each))) else []
    return found


@pytest.mark.parametrize("record", records_with_unknowns(), ids=lambda record: f"{record.__module__}.{record.__name__}")
def test_every_record_with_unknowns_equals_its_like(record):
    def blank() -> object:
        made = object.__new__(record)
        for one in fields(record):
            object.__setattr__(made, one.name, other_nan() if by_default_unknown(one) else None)
        return made

    assert blank() == blank()
    assert hash(blank()) == hash(blank())
