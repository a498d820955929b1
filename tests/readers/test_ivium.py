"""IviumSoft's data files: impedance and transients with the open circuit before them, and damage."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rampion.errors import RampionError, RefusedError
from rampion.measurement import Spectrum, Trace
from rampion.readers import ivium, read_file, recognise_format
from real_files import real_file

FREQUENCY = np.logspace(5, 0, 26)
IMPEDANCE = 100 + 500 / (1 + 1j * FREQUENCY / 300)
TIME = np.arange(1.0, 41.0)
BEGIN = datetime(2024, 10, 14, 22, 24, 4, tzinfo=UTC).timestamp()


def block(name, rows, announced=None) -> str:
    count = len(rows) if announced is None else announced
    lines = [f"{name:<16}\r\x003         ", f"{count:<10}"]
    lines += [" ".join(f"{value:.5E} " if value < 0 else f" {value:.5E} " for value in row) for row in rows]
    return "\r\n".join([*lines, ""])


def idf(method, blocks, planned=()) -> bytes:
    lines = ["\0" * 16 + "+\1\0\0\r\0Version=12", "QR=QR,2,24101422", "\x95\0\0\0\r\0Version=12"]
    lines += ["starttime=14/10/2024 22:24:04", "endtime=14/10/2024 22:26:46", "\xdb\x10\0\0\r\0Version=15"]
    lines += [f"Method={method}", "Technique=Constant E", "E start=0", f"Frequencies={len(planned)}"]
    lines += [f"Frequencies.freq[{place}]={value:.12g}" for place, value in enumerate(planned, start=1)]
    lines += ["Data Options.Area=1", "Mconfig=0", "\x1c\xc6\0\0\r\x003         ", "Data Objects    \r\x000         "]
    return ("\r\n".join([*lines, ""]) + "".join(blocks)).encode("latin-1") + b"\0\0\0\0\r\0"


SPECTRUM = np.column_stack([IMPEDANCE.real, IMPEDANCE.imag, FREQUENCY])
REST = np.column_stack([TIME, 0.3 + 1e-3 * TIME, 1e-11 * TIME])


def codes(flags):
    return [flag.code for flag in flags]


def test_impedance_with_the_open_circuit_before_it(tmp_path):
    path = tmp_path / "own.idf"
    path.write_bytes(idf("Impedance", [block("primary_data", SPECTRUM), block("ocpdata", REST)], FREQUENCY))
    rest, spectrum = read_file(path).parts
    assert isinstance(rest, Trace)
    assert isinstance(spectrum, Spectrum)
    np.testing.assert_allclose(spectrum.impedance, IMPEDANCE, rtol=1e-5)
    np.testing.assert_allclose(spectrum.frequency, FREQUENCY, rtol=1e-5)
    np.testing.assert_allclose(rest.potential, REST[:, 1], rtol=1e-5)
    np.testing.assert_allclose(rest.current, REST[:, 2], rtol=1e-5)
    assert rest.start == spectrum.start == BEGIN
    assert spectrum.flags == ()
    assert spectrum.protocol.points_per_decade == pytest.approx(5)


def test_transients():
    rows = np.column_stack([TIME, -1e-4 * TIME, 0.2 + 0.01 * TIME])
    (trace,), flags = ivium.read(idf("Transients", [block("primary_data", rows)]), "own.idf")
    np.testing.assert_allclose(trace.time, TIME)
    np.testing.assert_allclose(trace.current, -1e-4 * TIME, rtol=1e-5)
    np.testing.assert_allclose(trace.potential, 0.2 + 0.01 * TIME, rtol=1e-5)
    assert flags == ()


@pytest.mark.parametrize("method", ["CyclicVoltammetry", "LinearSweep", ""])
def test_a_method_of_unknown_columns_is_refused(method):
    with pytest.raises(RefusedError, match="export it from IviumSoft"):
        ivium.read(idf(method, [block("primary_data", SPECTRUM), block("ocpdata", REST)]), "own.idf")


def test_a_file_without_data_is_refused():
    with pytest.raises(RefusedError, match="without a point"):
        ivium.read(idf("Impedance", []), "own.idf")
    with pytest.raises(RefusedError, match="without a point"):
        ivium.read(idf("Impedance", [block("primary_data", [])]), "own.idf")


def test_fewer_points_than_announced_are_flagged():
    content = idf("Impedance", [block("primary_data", SPECTRUM[:20], announced=26)], FREQUENCY)
    (spectrum,), flags = ivium.read(content, "own.idf")
    assert len(spectrum) == 20
    assert codes(flags) == ["points_missing"]
    assert codes(spectrum.flags) == ["scan_unfinished"]


def test_what_a_crash_left_unwritten_is_flagged():
    content = idf("Impedance", [block("ocpdata", REST), block("primary_data", SPECTRUM)], FREQUENCY)
    at = content.index(b"primary_data") - 20
    (rest,), flags = ivium.read(content[:at] + bytes(512) + content[at + 512 :], "own.idf")
    assert len(rest) <= len(REST)
    assert "zero_bytes" in codes(flags)


def test_more_points_than_announced_are_read_and_flagged():
    (spectrum,), flags = ivium.read(idf("Impedance", [block("primary_data", SPECTRUM, announced=20)]), "own.idf")
    np.testing.assert_allclose(spectrum.frequency, FREQUENCY, rtol=1e-5)
    assert codes(flags) == ["points_beyond"]
    assert dict(flags[0].details) == {"announced": 20, "name": "primary_data", "found": 26}


@settings(deadline=None, max_examples=100)
@given(cut=st.floats(0, 1), noise=st.binary(max_size=4))
def test_damage_leaves_true_numbers_or_a_sentence(cut, noise):
    content = idf("Impedance", [block("primary_data", SPECTRUM)], FREQUENCY)
    truth = set(zip(SPECTRUM.T[2].round(4), np.abs(IMPEDANCE).round(1), strict=True))
    try:
        parts, flags = ivium.read(content[: int(cut * len(content))] + noise, "own.idf")
    except RampionError:
        return
    for part in parts:
        if len(part) < FREQUENCY.size:
            assert "points_missing" in codes(flags)
        found = zip(part.frequency, part.impedance, strict=True)
        assert all(any(abs(f / g - 1) < 1e-4 and abs(abs(z) / m - 1) < 1e-3 for g, m in truth) for f, z in found)


def test_real_file():
    path = real_file("ivium/tests__data__test_open.idf")
    content = path.read_bytes()
    assert recognise_format(content[:8192], path.name) == "ivium"
    rest, spectrum = read_file(path).parts
    assert (len(rest), len(spectrum)) == (121, 34)
    assert (rest.time[-1], rest.potential[-1], rest.current[-1]) == (121.0, 0.30517, 8.45381e-11)
    assert (spectrum.frequency[0], spectrum.impedance[0]) == (1e5, 4786.47 - 30541.9j)
    assert rest.start == BEGIN
