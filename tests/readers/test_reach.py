"""Values that no instrument can deliver are dropped and counted, or the file is refused; states give directions."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from rampion.errors import InputError, RefusedError
from rampion.measurement import Spectrum, Trace
from rampion.readers import read_file
from rampion.readers.direction import directed_current, sign_of
from rampion.readers.reach import REACH, within_reach

TIME = np.arange(100.0)


def written(tmp_path, rows, name="run.csv", header="time/s,E/V,I/A"):
    path = tmp_path / name
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def ramp(odd=()):
    return [f"{t},{1e-3 * t:.6f},{2e-6 * t:.3e}" for t in TIME if t not in odd]


@pytest.mark.parametrize("odd", ["200,9.9E37,1e-6", "200,0.1,-8e153", "200,-10001,1e-6", "200,0.1,1.1e5"])
def test_an_overload_in_a_text_is_dropped_and_counted(tmp_path, odd):
    experiment = read_file(written(tmp_path, [*ramp(), odd]))
    (trace,) = experiment.parts
    np.testing.assert_allclose(trace.potential, 1e-3 * TIME)
    (flag,) = [flag for flag in experiment.flags if flag.code == "beyond_reach"]
    assert dict(flag.details)["count"] == 1


@pytest.mark.parametrize("odd", ["200,9999,1e-6", "200,0.1,-9.9e4"])
def test_what_an_instrument_can_deliver_stays(tmp_path, odd):
    experiment = read_file(written(tmp_path, [*ramp(), odd]))
    assert len(experiment.parts[0]) == TIME.size + 1
    assert "beyond_reach" not in {flag.code for flag in experiment.flags}


def test_a_table_full_of_impossible_values_is_refused(tmp_path):
    rows = [f"{t},{1e6 * t},1e-6" for t in TIME]
    with pytest.raises(InputError, match="no instrument can deliver"):
        read_file(written(tmp_path, rows))


@pytest.mark.parametrize("impedance", [0.0, 1e-10, 1e16, 1e300])
def test_impossible_impedances(tmp_path, impedance):
    frequency = np.logspace(6, 0, 61)
    rows = [f"{f:.6g},{100 + 1 / f:.6g},-10" for f in frequency] + [f"0.5,{impedance},0"]
    experiment = read_file(written(tmp_path, rows, header="freq/Hz,Re(Z)/Ohm,Im(Z)/Ohm"))
    (spectrum,) = experiment.parts
    assert isinstance(spectrum, Spectrum)
    np.testing.assert_allclose(spectrum.frequency, frequency, rtol=1e-5)
    assert "beyond_reach" in {flag.code for flag in experiment.flags}


def thales(rows) -> bytes:
    """A current–potential curve of Thales: time [ms], potential [mV], current [mA]."""
    content = (1).to_bytes(6, "big") + (0).to_bytes(6, "big") + (len(rows) - 1).to_bytes(6, "big")
    return content + b"".join(struct.pack(">3d", *row) for row in rows)


@pytest.mark.parametrize("place", range(3))
def test_one_impossible_value_damns_a_binary(tmp_path, place):
    pytest.importorskip("zahner_analysis", reason="needs the extra rampion[zahner]")
    rows = [[100.0 * i, 2.0 * i, 500.0 * i] for i in range(200)]
    path = tmp_path / "own.isw"
    path.write_bytes(thales(rows))
    assert len(read_file(path).parts[0]) == 200
    rows[77][place] = 8e153
    path.write_bytes(thales(rows))
    with pytest.raises(InputError, match=r"no instrument can deliver|times run backwards"):
        read_file(path)


def test_a_part_that_loses_all_its_points_goes():
    good = Trace(time=TIME, potential=1e-3 * TIME, current=0 * TIME)
    bad = Spectrum(frequency=np.ones(1), impedance=np.zeros(1, dtype=complex))
    kept, flags = within_reach([good, bad], "x", binary=False)
    assert kept == (good,)
    assert [flag.code for flag in flags] == ["beyond_reach"]
    with pytest.raises(InputError):
        within_reach([bad], "x", binary=False)
    assert within_reach([good], "x", binary=True, reach=REACH) == ((good,), ())


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("run.mpl", b"EC-Lab LOG FILE\r\n\r\nOpen Circuit Voltage\r\n", "log without data"),
        ("odd.txt", b"BT-Lab LOG FILE\r\n\r\nCP\r\n", "log without data"),
        ("run.res", b"\x00\x01\x00\x00Standard Jet DB\x00" + bytes(4000), "Arbin"),
        ("run.txt", b"\x00\x01\x00\x00Standard ACE DB\x00" + bytes(4000), "Arbin"),
        ("cell.007", b"Maccor" + bytes(range(256)) * 20, "MIMS"),
        ("run.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "save it as .xlsx"),
    ],
)
def test_what_holds_no_readable_data_says_what_to_do(tmp_path, name, content, words):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(RefusedError, match=words):
        read_file(path)


@pytest.mark.parametrize(
    ("states", "sign"),
    [
        (("C", "CC Chg", "CCCV_Chg", "CV_Chg", "Charge", "charging", "CHA", "Laden", "恒流充电", "CP_Chg"), 1),
        (("D", "CC DChg", "CCCV_DChg", "Discharge", "DIS", "DCHG", "Entladen", "恒流放电", "discharging"), -1),
        (("R", "P", "S", "O", "FRA", "Rest", "Pause", "Control", "Cycle", "OCV", "Ramp", "", "3", "CV"), 0),
    ],
)
def test_states_and_their_direction(states, sign):
    assert {sign_of(state) for state in states} == {sign}


def test_only_currents_without_sign_are_directed():
    states = ["C", "C", "R", "D", "D"]
    directed, flags = directed_current(np.array([1.0, 2.0, 0.0, 3.0, 4.0]), states, "MD")
    np.testing.assert_array_equal(directed, [1.0, 2.0, 0.0, -3.0, -4.0])
    assert [flag.code for flag in flags] == ["direction_from_state"]
    signed = np.array([1.0, 2.0, 0.0, -3.0, -4.0])
    same, flags = directed_current(signed, states, "MD")
    np.testing.assert_array_equal(same, signed)
    assert flags == ()


def test_a_current_of_unknown_direction_is_not_guessed():
    directed, flags = directed_current(np.array([1.0, 2.0, 5.0, 3.0]), ["C", "D", "S", "D"], "State")
    np.testing.assert_array_equal(directed, [1.0, -2.0, np.nan, -3.0])
    (flag,) = [flag for flag in flags if flag.code == "direction_unknown"]
    assert dict(flag.details) == {"count": 1, "states": "S"}


ZERO = np.zeros(3)


@pytest.mark.parametrize(
    "parts",
    [
        (Trace(time=ZERO, potential=ZERO, current=ZERO),),
        (Trace(time=ZERO, potential=ZERO, current=np.full(3, np.nan)),),
        (
            Trace(time=np.arange(3.0), potential=np.arange(3.0), current=np.arange(3.0)),
            Trace(time=np.zeros(1), potential=np.zeros(1), current=np.zeros(1)),
        ),
        (Trace(time=np.zeros(1), potential=np.zeros(1), current=np.zeros(1)),),
        (Spectrum(frequency=np.array([3.0, 2.0, 1.0]), impedance=np.array([5.0, 6.0 - 1j, 7.0])),),
    ],
)
def test_what_a_crash_left_unwritten_in_a_binary_file_is_refused(parts):
    with pytest.raises(InputError, match="zero in every column"):
        within_reach(parts, "x.mpr", binary=True)
    assert within_reach(parts, "x.csv", binary=False)[0] == parts


def test_a_curve_of_one_point_that_was_never_written_is_refused(tmp_path):
    pytest.importorskip("zahner_analysis", reason="needs the extra rampion[zahner]")
    path = tmp_path / "own.isw"
    content = thales([[20.0, 30.0, 40.0]])
    path.write_bytes(content)
    (trace,) = read_file(path).parts
    np.testing.assert_allclose((trace.potential[0], trace.current[0], trace.time[0]), (0.02, 0.03, 0.04))
    path.write_bytes(content[:18] + bytes(24))
    with pytest.raises(InputError, match="zero in every column"):
        read_file(path)


def test_the_first_bytes_of_a_cut_number_are_no_number(tmp_path):
    """A number of four bytes of which the leading one, or more, was never written."""
    whole = struct.pack("<f", -8093785.5)
    for kept in (1, 2, 3):
        (remains,) = struct.unpack("<f", whole[:kept] + bytes(4 - kept))
        spectrum = Spectrum(frequency=np.array([2.0, 1.0]), impedance=np.array([5 - 3j, 6 + 1j * remains]))
        trace = Trace(time=np.arange(2.0), potential=np.array([1.0, remains]), current=np.ones(2))
        for part in (spectrum, trace):
            with pytest.raises(InputError, match="the remains of numbers"):
                within_reach([part], "x.mpr", binary=True)
            assert within_reach([part], "x.csv", binary=False)[0] == (part,)


def test_a_record_may_begin_at_zero():
    start = Trace(time=np.arange(3.0), potential=np.arange(3.0), current=np.zeros(3))
    assert within_reach((start,), "x.mpr", binary=True)[0] == (start,)
