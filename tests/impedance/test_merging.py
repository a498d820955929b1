"""Whether an arc of the ceramic is still the ceramic alone: what joins it moves its capacitance or its width."""

from __future__ import annotations

import numpy as np
import pytest

from rampion.estimate import Estimate
from rampion.impedance.merging import alone
from rampion.impedance.processes import Process
from rampion.impedance.tracks import Path

SIZE, CAPACITANCE, WIDTH = 4000.0, 5e-11, 0.95


def path(resistances, capacitances, exponents, relative=0.01):
    members = tuple(
        None
        if np.isnan(r)
        else Process(
            part="p(R1,CPE1)", kind="arc", resistance=Estimate(r, relative * r), capacitance=Estimate(c, relative * c),
            exponent=Estimate(a, 0.5 * relative),
        )
        for r, c, a in zip(resistances, capacitances, exponents, strict=True)
    )  # fmt: skip
    return Path(name="arc 1", members=members, sureness=np.ones(len(members)))


def joined(share, ratio):
    """Resistance, capacitance and exponent of the ceramic with another arc, of ``share`` of its resistance and
    ``ratio`` times its time constant, in it: mean and variance of ln τ over the resistances."""
    weight = share / (1 + share)
    mean, variance = weight * np.log(ratio), weight * (1 - weight) * np.log(ratio) ** 2
    own = np.pi**2 / 3 * (1 / WIDTH**2 - 1)  # of a Cole-Cole arc
    exponent = 1 / np.sqrt(1 + 3 * (own + variance) / np.pi**2)
    return SIZE * (1 + share), CAPACITANCE * np.exp(mean) / (1 + share), exponent


@pytest.mark.parametrize("ratio", [1.0, 3.0, 6.0])
def test_an_arc_that_grows_into_the_ceramics_is_doubted(ratio):
    shares = np.array([0.0, 0.01, 0.5, 1.0, 2.0])
    found = alone(path(*joined(shares, ratio)))
    assert np.all(found[:2] > 0.8)
    assert np.all(found[2:] < 0.8)


def test_neither_capacitance_alone_nor_a_rise_decides():
    """At six times the ceramic's time constant the joint capacitance comes back to the ceramic's: the width tells."""
    resistance, capacitance, exponent = joined(np.array([0.0, 2.4]), 3.4**1.4)
    assert capacitance[1] == pytest.approx(CAPACITANCE, rel=0.03)
    assert alone(path(resistance, capacitance, exponent))[1] < 0.5


def test_the_ceramics_own_rise_and_fall_are_not_doubted():
    rise = np.array([1.0, 1.5, 2.5, 5.0, 0.3])
    random = np.random.default_rng(36)
    steady = CAPACITANCE * np.exp(0.01 * random.standard_normal(5))
    found = alone(path(SIZE * rise, steady, WIDTH + 0.005 * random.standard_normal(5)))
    assert np.all(found > 0.8)


def test_a_rise_of_which_neither_capacitance_nor_width_is_told_is_in_doubt():
    found = alone(path([SIZE, 4 * SIZE], [CAPACITANCE] * 2, [WIDTH] * 2, relative=0.3))
    assert found[1] < 0.8
    assert np.isnan(alone(path([SIZE, np.nan], [CAPACITANCE] * 2, [WIDTH] * 2))[1])


def test_a_small_rise_is_what_the_larger_one_beside_it_is():
    shares = np.array([0.0, 0.02, 0.12, 1.5, 0.12, 0.0])
    found = alone(path(*joined(shares, 2.0), relative=0.003))
    assert np.all(found[2:5] < 0.1)
    assert found[5] > 0.8
    assert alone(path(*joined(shares[:3], 2.0), relative=0.003))[2] > 0.8  # not to be seen by itself


def test_a_large_rise_speaks_for_itself():
    """The ceramic's own rise is not doubted because something joins it later."""
    rise, (_, late_c, late_a) = np.array([1.0, 1.2, 2.0, 3.0, 5.0]), joined(0.5, 6.0)
    found = alone(path(SIZE * rise, [*[CAPACITANCE] * 4, late_c], [*[WIDTH] * 4, late_a]))
    assert np.all(found[:4] > 0.8)
    assert found[4] < 0.5
