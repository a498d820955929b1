"""Neware records: every real file, the csv that the vendor's program wrote of one of them, and damage."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from rampion.errors import InputError, RampionError, RefusedError
from rampion.measurement import Trace
from rampion.readers import neware
from real_files import real_file

pytest.importorskip("fastnda", reason="needs the extra rampion[neware]")


def read(name):
    (trace,), flags = neware.read(real_file(name).read_bytes(), name)
    assert isinstance(trace, Trace)
    return trace, flags


@pytest.mark.parametrize(
    ("name", "points"),
    [
        ("21_10_7_85.ndax", 141),
        ("46_1_5_60_bts16.ndax", 84),
        ("TESTCELL0001-Test_Data_Collection_Ndc17.ndax", 80),
        ("Unit27_Example_Data_File.ndax", 301),
        ("interp-test.ndax", 333),
        ("nw4-120-1-6-53.ndax", 18700),
        ("scrubbed_ndc2.ndax", 28),
    ],
)
def test_every_real_record(name, points):
    trace, flags = read(f"neware/{name}")
    assert len(trace) == points
    assert flags == ()
    assert np.isfinite(trace.start)


def test_record_agrees_with_the_vendors_export():
    trace, _ = read("neware/interp-test.ndax")
    with real_file("neware/interp-test.csv").open(encoding="latin-1", newline="") as stream:
        rows = list(csv.DictReader(stream))
    column = {name.split("(")[0]: name for name in rows[0] if name}
    potential = np.array([float(row[column["Voltage"]]) for row in rows]) * 1e-3
    current = np.array([float(row[column["Current"]]) for row in rows]) * 1e-6
    clock = [row["Total Time"].split(":") for row in rows]
    time = np.array([int(h) * 3600 + int(m) * 60 + float(s) for h, m, s in clock])
    assert len(trace) == len(rows)
    np.testing.assert_allclose(trace.time, time, atol=2e-3)
    np.testing.assert_allclose(trace.potential, potential, atol=1e-4)
    np.testing.assert_allclose(trace.current, current, rtol=2e-4, atol=6e-7)


def test_damaged_auxiliary_channels_are_flagged_and_the_record_is_kept():
    whole, _ = read("neware/Unit27_Example_Data_File.ndax")
    damaged, flags = read("neware/Unit27_Example_Corrupt.ndax")
    np.testing.assert_array_equal(damaged.potential, whole.potential)
    assert {flag.code for flag in flags} == {"library_remark"}


def test_record_without_points_is_refused():
    with pytest.raises(RefusedError, match="without a single point"):
        read("neware/empty.ndax")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"NEWARE", b"text", bytes(range(256))])
@pytest.mark.parametrize("suffix", [".ndax", ".nda"])
def test_what_is_no_record_is_refused_in_words(content, suffix):
    with pytest.raises((InputError, RefusedError), match="Neware record"):
        neware.read(content, f"odd{suffix}")


@pytest.mark.parametrize("share", [0.05, 0.3, 0.5, 0.8, 0.95, 0.999])
def test_cut_record_keeps_true_numbers_or_says_why_not(share):
    name = "neware/21_10_7_85.ndax"
    whole, _ = read(name)
    content = real_file(name).read_bytes()
    try:
        (trace,), _ = neware.read(content[: int(share * len(content))], name)
    except RampionError:
        return
    assert isinstance(trace, Trace)
    np.testing.assert_array_equal(trace.potential, whole.potential[: len(trace)])
