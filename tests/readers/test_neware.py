"""Neware records: every real file, the csv that the vendor's program wrote of one of them, and damage."""

from __future__ import annotations

import csv
import io
import struct
import zipfile

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


STATES = {"charge": 1, "discharge": 2, "rest": 4}


def nda(steps, version=8) -> bytes:
    """A record of BTS with these steps: state, clock [s since 1970], V, mA; one point per second of test time."""
    rows = b""
    index = 0
    for number, (state, clock, potential, current) in enumerate(steps, start=1):
        for second, (unix, volt, ampere) in enumerate(zip(clock, potential, current, strict=True)):
            index += 1
            rows += struct.pack(
                "<BIIBBIii8xqqQ4x", 85 if version == 7 else 0, index, 1, number, STATES[state], second,
                round(volt * 1e4), round(ampere * 1e4), 0, 0, unix,
            )  # fmt: skip
    head = bytearray(b"NEWARE".ljust(400, b"\0"))
    head[14] = version
    struct.pack_into("<I", head, 16, 100)
    struct.pack_into("<i", head, 126, 1)  # the range whose unit is 1e-4 mA
    struct.pack_into("<II", head, 64, len(head), len(rows))
    return bytes(head) + rows


def own(begin=1_700_000_000):
    """A charge of 5 s, a pause of 444 s inside a rest, and a discharge that begins 16,969 s late."""
    charge = ("charge", begin + np.arange(5), np.linspace(0.1, 0.2, 5), np.full(5, 0.5))
    rest = ("rest", begin + np.array([4, 5, 450, 451]), np.full(4, 0.05), np.zeros(4))
    late = begin + 451 + 16_969
    discharge = ("discharge", late + np.arange(4), np.linspace(-0.1, -0.2, 4), np.full(4, -0.5))
    return [charge, rest, discharge]


def test_pauses_of_the_tester_stay_in_the_time():
    (trace,), flags = neware.read(nda(own()), "own.nda")
    clock = np.concatenate([step[1] for step in own()])
    np.testing.assert_allclose(trace.time, clock - clock[0])
    assert trace.start == clock[0]
    (kept,) = [flag for flag in flags if flag.code == "pauses_kept"]
    assert dict(kept.details) == {"count": 2, "longest": 16_969.0}


def test_a_clock_in_whole_seconds_is_no_pause():
    clock = 1_700_000_000 + np.array([0, 2, 3, 5, 6])
    (trace,), flags = neware.read(nda([("rest", clock, np.zeros(5), np.zeros(5))]), "own.nda")
    np.testing.assert_allclose(trace.time, np.arange(5))
    assert "pauses_kept" not in {flag.code for flag in flags}


def test_currents_without_sign_get_their_direction_from_the_step():
    steps = [(state, clock, volt, np.abs(ampere)) for state, clock, volt, ampere in own()]
    (trace,), flags = neware.read(nda(steps), "own.nda")
    np.testing.assert_allclose(trace.current, np.concatenate([step[3] for step in own()]) * 1e-3, rtol=1e-6)
    assert "direction_from_state" in {flag.code for flag in flags}


@pytest.mark.parametrize("kept", [3, 7, 12])
def test_a_cut_record_says_so(kept):
    content = nda(own())
    (whole,), flags = neware.read(content, "own.nda")
    assert "cut_file" not in {flag.code for flag in flags}
    (trace,), flags = neware.read(content[: 400 + 59 * kept + 20], "own.nda")
    np.testing.assert_array_equal(trace.potential, whole.potential[:kept])
    (cut,) = [flag for flag in flags if flag.code == "cut_file"]
    assert dict(cut.details)["kept"] == kept


def test_a_recorded_temperature_is_in_kelvin():
    trace, _ = read("neware/Unit27_Example_Data_File.ndax")
    np.testing.assert_allclose(trace.temperature, trace.extra["aux1_temperature_degC"] + 273.15)


def test_members_of_an_archive_are_read_without_the_fields_that_threads_trip_over():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (("data.ndc", b"abc" * 40), ("VersionInfo.xml", b"<x/>")):
            member = zipfile.ZipInfo(name)
            member.extra = struct.pack("<HH4s", 0xCAFE, 4, b"rest")
            archive.writestr(member, content)
    plain = neware._plain_heads(packed.getvalue())
    with zipfile.ZipFile(io.BytesIO(plain)) as archive:
        assert {one.filename: archive.read(one) for one in archive.infolist()} == {
            "data.ndc": b"abc" * 40,
            "VersionInfo.xml": b"<x/>",
        }
        assert not any(one.extra for one in archive.infolist())
