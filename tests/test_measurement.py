"""Records are checked once, when they are made."""

from __future__ import annotations

import math

import jaxtyping
import numpy as np
import pytest

from rampion.errors import InputError
from rampion.estimate import Estimate
from rampion.measurement import Experiment, Sample, Spectrum, Trace, on_one_clock


def trace(**changes) -> Trace:
    plain = {"time": np.arange(3.0), "potential": np.arange(3.0), "current": np.zeros(3)}
    return Trace(**(plain | changes))


def test_a_trace_is_frozen_to_the_last_number():
    made = trace()
    with pytest.raises(ValueError, match="read-only"):
        made.potential[0] = 1.0


@pytest.fixture
def unchecked():
    """Without the shape checker of the test run, as a user runs it."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"time": np.array([0.0, 2.0, 1.0])}, "backwards at point 2"),
        ({"time": np.array([0.0, math.nan, 1.0])}, "missing at 1 of 3"),
        ({"current": np.zeros(2)}, "2 points where the others have 3"),
        ({"current": np.array([0.0, np.inf, 0.0])}, "infinite"),
        ({"extra": {"cycle": np.zeros(4)}}, "'cycle'"),
    ],
)
def test_a_bad_trace_is_refused_with_the_reason(changes, sentence):
    with pytest.raises(InputError, match=sentence):
        trace(**changes)


@pytest.mark.parametrize("frequency", [[1.0, 0.0], [1.0, -2.0], [1.0, math.nan]])
def test_a_spectrum_needs_positive_frequencies(frequency):
    with pytest.raises(InputError, match="frequency"):
        Spectrum(frequency=np.array(frequency), impedance=np.ones(2, complex))


def test_a_sample_refuses_what_cannot_be():
    with pytest.raises(InputError, match="thickness"):
        Sample(name="a", thickness=Estimate(-1e-3))
    with pytest.raises(InputError, match="relative density"):
        Sample(name="a", relative_density=Estimate(95))


def test_parts_come_on_one_clock():
    first, second = trace(start=100.0), trace(start=110.0)
    joined = on_one_clock(Experiment(parts=(first, second)))
    assert joined.start == 100.0
    np.testing.assert_array_equal(joined.parts[1].time, [10.0, 11.0, 12.0])
