"""Currents that a cycler writes without sign: cells of known voltage, charged and discharged by known steps."""

from __future__ import annotations

import numpy as np
import pytest

from rampion.estimate import Severity
from rampion.readers.direction import directed_current, is_direction, sign_of

STEPS = (("rest", 0.0), ("charge", 1e-3), ("rest", 0.0), ("discharge", -2e-3), ("rest", 0.0), ("charge", 5e-4))
WORDS = {
    "one letter": {"rest": "R", "charge": "C", "discharge": "D"},
    "abbreviated": {"rest": "Rest", "charge": "CC_Chg", "discharge": "CC_DChg"},
    "spaced": {"rest": "Pause", "charge": "CCCV Chg", "discharge": "CC DChg"},
    "three letters": {"rest": "PAU", "charge": "CHA", "discharge": "DCH"},
    "with the mode after it": {"rest": "R", "charge": "C_CC", "discharge": "D_CC"},
    "whole words": {"rest": "Rest", "charge": "Constant Current Charge", "discharge": "Constant Current Discharge"},
}


def cycled(resting=3.6, resistance=50.0, points=20):
    """States, true current [A] and voltage [V] of an ohmic cell with a voltage of its own."""
    states = [state for state, _ in STEPS for _ in range(points)]
    current = np.repeat([value for _, value in STEPS], points)
    return states, current, resting + resistance * current


def codes(flags):
    return [flag.code for flag in flags]


@pytest.mark.parametrize("style", WORDS)
def test_the_words_of_cyclers_give_the_sign(style):
    states, current, potential = cycled()
    words = [WORDS[style][state] for state in states]
    found, flags = directed_current(np.abs(current), words, "Md", potential)
    np.testing.assert_array_equal(found, current)
    assert codes(flags) == ["direction_from_state"]
    assert "'Md'" in flags[0].message


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("states", [True, False])
def test_a_signed_current_is_kept_whatever_its_convention(sign, states):
    words, current, potential = cycled()
    found, flags = directed_current(sign * current, words if states else None, "Md", potential)
    np.testing.assert_array_equal(found, sign * current)
    assert flags == ()


def test_a_current_in_a_state_of_unknown_meaning_is_left_out():
    states, current, potential = cycled()
    words = [{"rest": "R", "discharge": "D"}.get(state, "X7") for state in states]
    found, flags = directed_current(np.abs(current), words, "Md", potential)
    np.testing.assert_array_equal(found, np.where(current > 0, np.nan, current))
    assert codes(flags) == ["direction_from_state", "direction_unknown"]
    assert flags[1].severity is Severity.INVALID


@pytest.mark.parametrize("words", [None, "unknown"])
def test_without_known_states_the_voltage_shows_that_the_sign_is_missing(words):
    states, current, potential = cycled()
    unknown = ["step " + state[:1] + "7" for state in states] if words else None
    found, flags = directed_current(np.abs(current), unknown, "Md", potential)
    assert np.isnan(found[current != 0]).all()
    assert (found[current == 0] == 0).all()
    assert codes(flags) == ["direction_unknown"]


def test_a_symmetric_cell_reversed_without_rest_shows_it_too():
    current = np.tile(np.repeat([1e-3, -1e-3], 10), 3)
    found, flags = directed_current(np.abs(current), None, potential=100 * current)
    assert np.isnan(found).all()
    assert codes(flags) == ["direction_unknown"]


def test_one_way_runs_keep_their_current():
    time = np.arange(200.0)
    for potential in (1e-4 * time, np.where(time < 100, 0.1, 0.01) * (time > 5), 3.6 + 0.1 * (time > 5)):
        current = np.where(time > 5, 1e-3, 1e-9)  # a ramp, a short, a charge
        found, flags = directed_current(current, None, potential=potential)
        np.testing.assert_array_equal(found, current)
        assert flags == ()


def test_discharge_alone_is_negative():
    found, flags = directed_current(np.full(5, 2e-3), ["D"] * 5, "Md")
    np.testing.assert_array_equal(found, np.full(5, -2e-3))
    assert codes(flags) == ["direction_from_state"]


@pytest.mark.parametrize(
    "word", ["FRA", "DST", "Channel", "Change", "17", "", "Advance", "delta", "disk", "distance", "diskette"]
)
def test_words_that_say_no_direction(word):
    assert sign_of(word) == 0


@pytest.mark.parametrize(
    ("word", "direction"), [("Laden", 1), ("Entladen", -1), ("恒流放电", -1), ("恒流充电", 1), ("Dchg.", -1)]
)
def test_words_of_other_languages(word, direction):
    assert sign_of(word) == direction


def test_headers_of_state_columns():
    assert all(map(is_direction, ["Md", "State", "Status", "Step Type", "step_type", "~Command", "Mode", "Direction"]))
    assert not any(map(is_direction, ["Step", "Volts", "Cycle", "Model", "I Range", "Step Index"]))
