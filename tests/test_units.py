"""People's units: what they write is read, what they mean otherwise is refused with the right unit named."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rampion.errors import InputError
from rampion.estimate import Estimate
from rampion.quantities import QUANTITIES, quantity
from rampion.units import conversion, parse_quantity, proven_mark, show, show_in


@pytest.mark.parametrize(
    ("text", "name", "value", "std"),
    [
        ("1mm", "thickness", 1e-3, math.nan),
        ("15 µm", "thickness", 15e-6, math.nan),
        ("15 um", "thickness", 15e-6, math.nan),
        ("4mm2", "area", 4e-6, math.nan),
        ("4 mm^2", "area", 4e-6, math.nan),
        ("0.04 cm²", "area", 4e-6, math.nan),
        ("0.05mV/s", "scan_rate", 5e-5, math.nan),
        ("0.05 mV s-1", "scan_rate", 5e-5, math.nan),
        ("3 mV/min", "scan_rate", 5e-5, math.nan),
        ("0.6 mS/cm", "conductivity", 0.06, math.nan),
        ("6e-4 S/cm", "conductivity", 0.06, math.nan),
        ("20 MPa", "stack_pressure", 20e6, math.nan),
        ("25 °C", "temperature", 298.15, math.nan),
        ("25 C", "temperature", 298.15, math.nan),
        ("298.15 K", "temperature", 298.15, math.nan),
        ("50 ohm cm2", "area_resistance", 5e-3, math.nan),
        ("50 Ω·cm²", "area_resistance", 5e-3, math.nan),
        ("50 Ohm cm2", "area_resistance", 5e-3, math.nan),
        ("2 kOhms", "resistance", 2e3, math.nan),
        ("3 ohms", "resistance", 3.0, math.nan),
        ("430mol/m3", "concentration", 430.0, math.nan),
        ("0.4 eV", "activation_energy", 0.4 * 96485.33212331, math.nan),
        ("400 meV", "activation_energy", 0.4 * 96485.33212331, math.nan),
        ("38.6 kJ/mol", "activation_energy", 38600.0, math.nan),
        ("12(3) Ω", "resistance", 12.0, 3.0),
        ("1.2e3(4) Ω", "resistance", 1200.0, 400.0),
        ("20 M", "concentration", 20e3, math.nan),
        ("0,5 mA/cm²", "current_density", 5.0, math.nan),
        ("0.5 mA cm⁻²", "current_density", 5.0, math.nan),
        ("0.5 mAh/cm2", "charge", 18e3, math.nan),
        ("95 %", "relative_density", 0.95, math.nan),
        ("0.95", "relative_density", 0.95, math.nan),
        ("1.00 ± 0.02 mm", "thickness", 1e-3, 2e-5),
        ("1.00(2) mm", "thickness", 1e-3, 2e-5),
        ("1.00 +/- 0.02 mm", "thickness", 1e-3, 2e-5),
        ("25 ± 1 °C", "temperature", 298.15, 1.0),
        ("-5 mV", "potential", -5e-3, math.nan),
    ],
)
def test_what_people_write_is_read(text, name, value, std):
    estimate = parse_quantity(text, name)
    assert estimate.value == pytest.approx(value, rel=1e-12)
    assert estimate.std == pytest.approx(std, rel=1e-9, nan_ok=True)


@pytest.mark.parametrize(
    ("text", "name", "sentence"),
    [
        ("1 mV", "thickness", "unit of potential; expected a thickness in mm"),
        ("1 mm", "area", "unit of thickness; expected an? area in mm²"),
        ("1", "thickness", "no unit; expected a thickness in mm"),
        ("thick", "thickness", "does not begin with a number"),
        ("1 foo", "thickness", "not a unit that is known"),
        ("0.4 eV", "resistance", "eV' is a unit of .*; expected a resistance in Ω"),
        ("5 mm", "area_resistance", "expected an area resistance"),
        ("5 s", "relative_density", "unit of .*; expected a relative density"),
        ("x", "relative_density", "expected a relative density such as '0.95'|a pure number such as|such as"),
        ("1 mm mm", "thickness", "expected a thickness in mm"),
        ("", "thickness", "does not begin with a number"),
        ("9e999 mm", "thickness", "too large for a number; expected a thickness"),
        ("0e400(2) mm", "thickness", "too large for a number; expected a thickness"),
        ("1 mm; rm", "thickness", "expected a thickness in mm"),
        ("1e400 mV/s", "scan_rate", "is too large for a number"),
        ("1,234 mm", "thickness", "can be read as 1234 and as 1.234"),
        ("1 020,5 mm", "thickness", "groups its digits"),
        ("1 9**9**9**9 mm", "thickness", "not a unit that is known"),
        ("1 mm*(9^9^9^9)", "thickness", "not a unit that is known"),
        ("1 mm**((9**99)**99)**99", "thickness", "not a unit that is known"),
        ("1 mm/" + "(" * 500, "thickness", "not a unit that is known"),
    ],
)
def test_what_is_wrong_is_refused_with_the_right_unit(text, name, sentence):
    with pytest.raises(InputError, match=sentence):
        parse_quantity(text, name)


@pytest.mark.parametrize("name", sorted(QUANTITIES))
def test_the_vocabulary_agrees_with_the_unit_library(name):
    entry = quantity(name)
    factor, offset = conversion(entry.shown_unit, name)
    assert factor * entry.factor == pytest.approx(1.0, rel=1e-12)
    assert offset == pytest.approx(-entry.offset, abs=1e-9)


@given(st.floats(1e-9, 1e9), st.sampled_from(sorted(QUANTITIES)))
def test_round_trip_through_the_shown_unit(value, name):
    entry = quantity(name)
    written = f"{entry.shown(value)!r} {entry.shown_unit}"
    assert parse_quantity(written, name).value == pytest.approx(value, rel=1e-9, abs=1e-9 * abs(entry.offset))


@pytest.mark.parametrize(
    ("estimate", "name", "shown"),
    [
        (Estimate(10.352, 0.02), "current_density", "1.0352 ± 0.0020 mA/cm²"),
        (Estimate(0.06, 0.001), "conductivity", "0.600 ± 0.010 mS/cm"),
        (Estimate(1e-3), "thickness", "1 mm"),
        (Estimate(math.nan), "thickness", "not known"),
        (Estimate(298.15, 1.0), "temperature", "25.0 ± 1.0 °C"),
        (Estimate(634.3, 136.9), "resistance", "630 ± 140 Ω"),
        (Estimate(5.736e6, 1.9e6), "resistance", "5.7 ± 1.9 MΩ"),
        (Estimate(183017.0, 16453.0), "frequency", "183 ± 16 kHz"),
        (Estimate(0.0604, 0.025), "frequency", "60 ± 25 mHz"),
        (Estimate(0.0), "resistance", "0 Ω"),
        (Estimate(-2.5e4), "resistance", "-25 kΩ"),
        (Estimate(9999.0, 1.0), "resistance", "9999.0 ± 1.0 Ω"),
        (Estimate(1e4), "frequency", "10 kHz"),
        (Estimate(1e6), "frequency", "1 MHz"),
        (Estimate(0.1), "frequency", "0.1 Hz"),
        (Estimate(1e-3, 1e-14), "thickness", "1 ± 1e-11 mm"),
        (Estimate(1.0, 0.0), "resistance", "1 Ω"),
    ],
)
def test_shown_with_the_digits_that_the_uncertainty_leaves(estimate, name, shown):
    assert show(estimate, name) == shown


def test_shown_in_a_unit_that_was_asked_for():
    assert (
        show_in(Estimate(0.4 * 96485.33212331, 0.02 * 96485.33212331), "activation_energy", "eV") == "0.400 ± 0.020 eV"
    )
    assert show_in(Estimate(298.15, 0.5), "temperature", "°C") == "25.00 ± 0.50 °C"
    assert show_in(Estimate(1e-3), "thickness", "µm") == "1e+03 µm"


@pytest.mark.parametrize(
    ("texts", "mark"),
    [
        (["1,234"], None),
        (["1,2345"], ","),
        (["0,258"], ","),
        (["1,234E+001"], ","),  # thousands carry no exponent
        (["1.234e5"], "."),
        (["0,5", "1.234"], ","),
        (["0,5", "0.5"], None),
        (["1,234,567"], None),
        ([], None),
    ],
)
def test_a_decimal_mark_is_proven_where_it_cannot_group(texts, mark):
    assert proven_mark(texts) == mark
