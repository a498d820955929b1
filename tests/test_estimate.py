"""A number keeps its uncertainty, interval and flags."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rampion.estimate import Estimate, FlagKind, Severity, merge_flags, product


class Kind(FlagKind):
    LOST = (Severity.WARNING, "{count} points were lost.")


def test_the_interval_follows_the_uncertainty_unless_given():
    assert Estimate(1.0, 0.1).interval == pytest.approx((0.804004, 1.195996))
    assert Estimate(1.0, 0.1, 0.9, 1.5).interval == (0.9, 1.5)
    assert math.isnan(Estimate(1.0).low)


def test_a_negative_factor_turns_the_interval_round():
    turned = Estimate(1.0, 0.1, 0.9, 1.5).scaled(-2.0)
    assert turned.interval == (-3.0, -1.8)
    assert turned.std == pytest.approx(0.2)
    assert Estimate(4.0, 0.6, flags=(Kind.LOST.flag(count=1),)).scaled(0.5) == Estimate(
        2.0, 0.3, flags=(Kind.LOST.flag(count=1),)
    )


def test_numbers_are_floats_and_a_negative_uncertainty_is_refused():
    kept = Estimate(3, np.float64(0.5))
    assert (type(kept.value), type(kept.std)) == (float, float)
    with pytest.raises(ValueError, match=r"negative, found -0\.1"):
        Estimate(1.0, -0.1)


def test_the_relative_uncertainty_is_that_of_the_size():
    assert Estimate(-4.0, 0.2).relative == pytest.approx(0.05)
    assert math.isinf(Estimate(0.0, 0.1).relative)
    assert math.isnan(Estimate(0.0, 0.0).relative)  # neither known nor unknown
    assert math.isnan(Estimate(2.0).relative)


def test_products_propagate_like_many_draws():
    generator = np.random.default_rng(1)
    x, y = 3.0 + 0.03 * generator.standard_normal(200_000), 2.0 + 0.05 * generator.standard_normal(200_000)
    made = product([(Estimate(3.0, 0.03), 1.0), (Estimate(2.0, 0.05), -2.0)])
    assert made.value == pytest.approx(0.75)
    assert made.std == pytest.approx(np.std(x / y**2), rel=0.02)


def test_an_unknown_uncertainty_stays_unknown():
    assert math.isnan(product([(Estimate(3.0, 0.03), 1.0), (Estimate(2.0), 1.0)]).std)


def test_flags_travel_once_each():
    flag = Kind.LOST.flag(count=3)
    assert flag.code == "lost"
    assert flag.message == "3 points were lost."
    made = product([(Estimate(1.0, flags=(flag,)), 1.0), (Estimate(2.0, flags=(flag,)), 1.0)])
    assert made.flags == (flag,) == merge_flags([flag], [flag])
