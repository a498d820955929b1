"""Gamry files: every table with its own names and units, settings, clocks, and damage."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rampion.errors import RampionError, RefusedError
from rampion.measurement import FrequencyScan, Rest, Spectrum, Sweep, Trace
from rampion.readers import gamry
from written_files import curve, dta, zcurve

TIME = 0.5 * np.arange(1, 41)
POTENTIAL = 1e-3 * TIME
CURRENT = 1e-5 * (1 + np.sin(TIME))
FREQUENCY = np.array([1e5, 3e4, 1e4, 3e3, 1e3, 300, 100, 30, 10, 3, 1])
IMPEDANCE = 100 + 500 / (1 + 1j * FREQUENCY / 300)
RAMP = (
    "VINIT\tPOTEN\t0.00000E+000\tF\tInitial E (V)",
    "VFINAL\tPOTEN\t2.00000E-002\tT\tFinal E (V)",
    "SCANRATE\tQUANT\t1.00000E+000\tScan Rate (mV/s)",
)
SCAN = (
    "FREQINIT\tQUANT\t1.00000E+005\tInitial Freq. (Hz)",
    "FREQFINAL\tQUANT\t1.00000E+000\tFinal Freq. (Hz)",
    "PTSPERDEC\tQUANT\t2.00000E+000\tPoints/decade",
    "VAC\tQUANT\t1.00000E+001\tAC Voltage (mV rms)",
)


def codes(flags):
    return [flag.code for flag in flags]


@pytest.mark.parametrize("comma", [False, True])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_sweep(comma, end):
    lines = [line.replace(".", ",") if comma and "POTEN" in line else line for line in RAMP]
    content = dta({"CURVE": curve(TIME, POTENTIAL, CURRENT)}, settings=lines, comma=comma, end=end)
    (trace,), flags = gamry.read(content, "a.DTA")
    np.testing.assert_allclose(trace.time, TIME)
    np.testing.assert_allclose(trace.potential, POTENTIAL, rtol=1e-5)
    np.testing.assert_allclose(trace.current, CURRENT, rtol=1e-5)
    assert trace.technique == "LSV"
    assert (trace.protocol.rate, trace.protocol.start) == (1e-3, 0.0)
    assert math.isnan(trace.protocol.stop)
    assert trace.start == 1700128788.0
    assert {"Pt", "Vu", "Temp"} <= set(trace.extra)
    assert flags == ()


def test_a_rate_of_current_is_no_sweep_of_potential():
    lines = ["SCANRATE\tQUANT\t1.00000E-002\tScan Rate (mA/s)"]
    (trace,), _ = gamry.read(dta({"CURVE": curve(TIME, POTENTIAL, CURRENT)}, settings=lines), "a.DTA")
    assert trace.protocol is None


def test_open_circuit_and_impedance_in_one_file_follow_each_other():
    rest = (
        ["Pt", "T", "Vf", "Over"],
        ["#", "s", "V vs. Ref.", "bits"],
        [["0", "1", "0.1", "..."], ["1", "9", "0.2", "..."]],
    )
    content = dta({"OCVCURVE": rest, "ZCURVE": zcurve(FREQUENCY, IMPEDANCE)}, tag="EISPOT", settings=SCAN)
    (trace, spectrum), flags = gamry.read(content, "a.DTA")
    assert isinstance(trace.protocol, Rest)
    assert np.all(trace.current == 0)
    assert isinstance(spectrum, Spectrum)
    np.testing.assert_allclose(spectrum.impedance, IMPEDANCE, rtol=1e-6)
    assert spectrum.time[0] == 10.0
    assert codes(flags) == ["block_placed_after"]
    assert isinstance(spectrum.protocol, FrequencyScan)
    assert (spectrum.protocol.high, spectrum.protocol.low, spectrum.protocol.points_per_decade) == (1e5, 1.0, 2.0)
    assert spectrum.amplitude == spectrum.protocol.amplitude == pytest.approx(0.01 * math.sqrt(2))
    assert (spectrum.potential, spectrum.current) == (pytest.approx(0.25), pytest.approx(1e-6))


def test_units_belong_to_each_table():
    first = curve(TIME, POTENTIAL, CURRENT)
    names, units, rows = curve(TIME + 100, 1e3 * POTENTIAL, 1e6 * CURRENT)
    second = (names, ["mV" if unit.startswith("V vs") else "uA" if unit == "A" else unit for unit in units], rows)
    (one, two), _ = gamry.read(dta({"CURVE1": first, "CURVE2": second}, tag="CV"), "a.DTA")
    np.testing.assert_allclose(two.potential, one.potential, rtol=1e-5)
    np.testing.assert_allclose(two.current, one.current, rtol=1e-5)
    assert one.protocol is None


def test_detector_and_generator_run_at_once():
    tables = {"CURVE DETECTOR": curve(TIME, POTENTIAL, CURRENT), "CURVE GENERATOR": curve(TIME, POTENTIAL, CURRENT)}
    parts, _ = gamry.read(dta(tables), "a.DTA")
    assert parts[0].time[0] == parts[1].time[0]


def test_a_date_that_can_be_read_two_ways_is_said():
    table = {"CURVE": curve(TIME, POTENTIAL, CURRENT)}
    (trace,), flags = gamry.read(dta(table, date="3/10/2019", time="12:00:00"), "a.DTA")
    assert codes(flags) == ["clock_ambiguous"]
    assert trace.start == 1552219200.0
    (trace,), flags = gamry.read(dta(table, date="13.6.2024", time="4:05:55 PM"), "a.DTA")
    assert trace.start == 1718294755.0
    assert flags == ()


def test_aborted_and_empty_runs():
    content = dta({"CURVE": curve(TIME[:0], TIME[:0], TIME[:0])}) + b"EXPERIMENTABORTED\tTOGGLE\tT\tAborted\r\n"
    parts, flags = gamry.read(content, "a.DTA")
    assert parts == ()
    assert codes(flags) == ["aborted", "empty_block"]
    with pytest.raises(RefusedError, match="no table"):
        gamry.read(dta({}), "a.DTA")


def test_the_area_in_the_file_is_kept_where_it_is_not_the_default():
    table = {"CURVE": curve(TIME, POTENTIAL, CURRENT)}
    for stated, known in (("2.50000E+001", 25e-4), ("1.00000E+000", math.nan)):
        (trace,), flags = gamry.read(dta(table, settings=[f"AREA\tQUANT\t{stated}\tSample Area (cm^2)"]), "a.DTA")
        assert flags == ()
        assert trace.source.area == pytest.approx(known, nan_ok=True)


def test_a_table_without_its_units_is_left_out():
    content = dta({"CURVE": curve(TIME, POTENTIAL, CURRENT)}).split(b"\r\n")
    units = next(k for k, line in enumerate(content) if b"V vs. Ref." in line)
    parts, flags = gamry.read(b"\r\n".join(content[:units] + content[units + 1 :]), "a.DTA")
    assert parts == ()
    assert codes(flags) == ["block_skipped"]


def assert_only_true_numbers(parts):
    true = {round(t, 6): (v, i) for t, v, i in zip(TIME, POTENTIAL, CURRENT, strict=True)}
    spectrum = dict(zip(np.round(FREQUENCY, 3), IMPEDANCE, strict=True))
    for part in parts:
        if isinstance(part, Spectrum):
            for f, z in zip(part.frequency, part.impedance, strict=True):
                assert z == pytest.approx(spectrum[round(float(f), 3)], rel=1e-6)
            continue
        assert isinstance(part, Trace)
        for t, v, i in zip(part.time, part.potential, part.current, strict=True):
            if math.isnan(t):
                continue
            potential, current = true[round(float(t), 6)]
            assert math.isnan(v) or v == pytest.approx(potential, rel=1e-5)
            assert math.isnan(i) or i == pytest.approx(current, rel=1e-5)


def both_tables(comma):
    tables = {"CURVE": curve(TIME, POTENTIAL, CURRENT), "ZCURVE": zcurve(FREQUENCY, IMPEDANCE)}
    return dta(tables, settings=[*RAMP, *SCAN], comma=comma)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, len(both_tables(False))), st.booleans())
def test_a_file_cut_at_any_byte_gives_true_numbers_or_one_sentence(cut, comma):
    try:
        parts, _ = gamry.read(both_tables(comma)[:cut], "a.DTA")
    except RampionError:
        return
    assert_only_true_numbers(parts)


@settings(max_examples=30, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 6), st.sampled_from(["line", "blank", "cell"]))
def test_a_damaged_file_gives_true_numbers_or_one_sentence(chance: random.Random, count, damage):
    lines = both_tables(False).decode("latin-1").split("\r\n")
    for _ in range(count):
        place = chance.randrange(len(lines))
        if damage == "line":
            del lines[place]
        elif damage == "blank":
            lines.insert(place, "")
        else:
            lines[place] = lines[place].rpartition("\t")[0]
    try:
        parts, _ = gamry.read("\r\n".join(lines).encode("latin-1"), "a.DTA")
    except RampionError:
        return
    assert_only_true_numbers(parts)


def test_sweep_is_the_protocol_of_one_way_ramps_only():
    table = {"CURVE": curve(TIME, POTENTIAL, CURRENT)}
    assert isinstance(gamry.read(dta(table, settings=RAMP), "a")[0][0].protocol, Sweep)
    assert gamry.read(dta(table, tag="CV", settings=RAMP), "a")[0][0].protocol is None


def test_a_table_shorter_than_its_header_says_is_flagged():
    content = dta({"CURVE": curve(TIME, POTENTIAL, CURRENT)}, settings=RAMP)
    assert "points_missing" not in codes(gamry.read(content, "a.DTA")[1])
    lines = content.split(b"\r\n")
    (trace,), flags = gamry.read(b"\r\n".join([*lines[:-11], b""]), "a.DTA")
    assert len(trace) == TIME.size - 10
    (flag,) = [flag for flag in flags if flag.code == "points_missing"]
    assert dict(flag.details) == {"announced": TIME.size, "found": TIME.size - 10, "name": "CURVE"}


def test_a_scan_that_ends_early_is_flagged():
    whole = dta({"ZCURVE": zcurve(FREQUENCY, IMPEDANCE)}, tag="EISPOT", settings=SCAN)
    (spectrum,), _ = gamry.read(whole, "a.DTA")
    assert spectrum.flags == ()
    for points in range(2, FREQUENCY.size):
        part = dta({"ZCURVE": zcurve(FREQUENCY[:points], IMPEDANCE[:points])}, tag="EISPOT", settings=SCAN)
        (spectrum,), _ = gamry.read(part, "a.DTA")
        # one missing point cannot be told from a last frequency between two points
        assert codes(spectrum.flags) == (["scan_unfinished"] if points < FREQUENCY.size - 1 else [])


def test_an_impedance_run_cut_before_its_spectrum_says_so():
    rest = curve(TIME, POTENTIAL, 0 * CURRENT)
    content = dta({"OCVCURVE": rest, "ZCURVE": zcurve(FREQUENCY, IMPEDANCE)}, tag="EISPOT", settings=SCAN)
    parts, flags = gamry.read(content, "a.DTA")
    assert [type(part) for part in parts] == [Trace, Spectrum]
    assert "spectrum_missing" not in codes(flags)
    parts, flags = gamry.read(content[: content.index(b"ZCURVE")], "a.DTA")
    assert [type(part) for part in parts] == [Trace]
    assert "spectrum_missing" in codes(flags)
