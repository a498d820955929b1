"""PalmSens sessions: real files against their own raw text, constructed ones, and damaged ones."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rampion.errors import InputError, RampionError, RefusedError
from rampion.measurement import Spectrum, Sweep, Trace
from rampion.readers import palmsens
from real_files import real_file


def raw_numbers(name: str, label: str, occurrence: int = 0) -> list[float]:
    """The values of the array of that description, by pattern matching on the raw text."""
    text = real_file(name).read_bytes().decode("utf-16")
    found = [m.end() for m in re.finditer(rf'"description"\s*:\s*"{re.escape(label)}"', text, re.I)]
    block = text[found[occurrence] :]
    block = block[re.search(r'"datavalues"\s*:\s*\[', block, re.I).end() :]  # type: ignore[union-attr]
    block = block[: block.index("]")]
    return [float(value) for value in re.findall(r'"v"\s*:\s*([-+0-9.eE]+)', block, re.I)]


@pytest.mark.parametrize(
    ("name", "traces", "spectra"),
    [
        ("palmsens/BatteryCurve.pssession", 0, 1),
        ("palmsens/CV example.pssession", 3, 0),
        ("palmsens/Demo CV DPV EIS IS-C electrode.pssession", 4, 1),
        ("palmsens/cv_3scan.pssession", 3, 0),
        ("palmsens/eis_3ch_4scan_5freq.pssession", 0, 12),
        ("palmsens/eis_5freq.pssession", 0, 1),
        ("palmsens/nomad_hzb/05_N2_CP_10mAcm2_24h.pssession", 1, 0),
        ("palmsens/nomad_hzb/05_N2_LSV_10mV_1600rpm.pssession", 1, 0),
        ("palmsens/nomad_hzb/11_PEIS_700mV.pssession", 0, 1),
        ("palmsens/nomad_hzb/palmsens_ca.pssession", 1, 0),
    ],
)
def test_every_block_of_the_real_sessions(name, traces, spectra):
    content = real_file(name).read_bytes()
    assert palmsens.recognise(content[:4096], name)
    parts, flags = palmsens.read(content, name)
    assert sum(isinstance(part, Trace) for part in parts) == traces
    assert sum(isinstance(part, Spectrum) for part in parts) == spectra
    assert flags == ()


def test_sweep_against_raw_text():
    name = "palmsens/nomad_hzb/05_N2_LSV_10mV_1600rpm.pssession"
    (trace,), _ = palmsens.read(real_file(name).read_bytes(), name)
    np.testing.assert_allclose(trace.potential, raw_numbers(name, "potential"), rtol=1e-12)
    np.testing.assert_allclose(trace.current, np.array(raw_numbers(name, "current")) * 1e-6, rtol=1e-12)
    assert trace.protocol == Sweep(rate=0.01, start=-0.1, stop=1.1)
    # the rate that the points themselves show
    assert np.polyfit(trace.time, trace.potential, 1)[0] == pytest.approx(0.01, rel=1e-3)
    assert [flag.code for flag in trace.flags] == ["overload"]


def test_spectrum_has_the_sign_of_a_capacitive_response():
    name = "palmsens/nomad_hzb/11_PEIS_700mV.pssession"
    (spectrum,), _ = palmsens.read(real_file(name).read_bytes(), name)
    np.testing.assert_allclose(spectrum.frequency, raw_numbers(name, "Frequency"))
    # independent of the labels: Y'' of the file is positive, so Im Z = -Y'' |Z|²
    admittance = np.array(raw_numbers(name, "YRe")) + 1j * np.array(raw_numbers(name, "YIm"))
    np.testing.assert_allclose(spectrum.impedance, 1 / admittance, rtol=1e-6)
    assert spectrum.amplitude == pytest.approx(0.01 * 2**0.5)  # the file states the root mean square
    assert spectrum.potential == pytest.approx(0.7, abs=1e-4)


def test_later_scans_run_on_at_the_first_scans_interval():
    name = "palmsens/CV example.pssession"
    parts, _ = palmsens.read(real_file(name).read_bytes(), name)
    first, second = parts[0], parts[1]
    assert isinstance(first, Trace)
    assert isinstance(second, Trace)
    assert second.time[0] == pytest.approx(first.time[-1] + 0.05)
    # the file's own charge of the second scan is the integral of its current over those times
    charge = np.array(raw_numbers(name, "scan2", 2)) * 1e-6
    own = np.concatenate([[0.0], np.cumsum(np.diff(second.time) * (second.current[1:] + second.current[:-1]) / 2)])
    np.testing.assert_allclose(own[-1], charge[second.time.size - 1], rtol=0.02)


def test_method_is_refused_with_a_sentence():
    name = "palmsens/PSDummyCell_LSV.psmethod"
    with pytest.raises(RefusedError, match="settings without data"):
        palmsens.read(real_file(name).read_bytes(), name)


def session(potential, current, unit="MicroAmpere", lower=False) -> str:
    """A session with one sweep, as PSTrace lays it out."""
    points = range(len(potential))

    def array(kind, label, quantity, type_, symbol, values):
        return {
            "Type": "PalmSens.Data.DataArray",
            "ArrayType": kind,
            "Description": label,
            "Unit": {"Type": f"PalmSens.Units.{type_}", "S": symbol, "Q": quantity},
            "DataValues": [{"V": value, "S": 0} for value in values],
        }

    book = {
        "Type": "PalmSens.DataFiles.SessionFile",
        "Measurements": [
            {
                "Title": "Linear Sweep Voltammetry",
                "UTCTimeStamp": 638883373751868872,
                "Method": "#PSTrace\r\nMETHOD_ID=lsv\r\nSCAN_RATE=5.0E-005\r\nE_BEGIN=0\r\nE_END=1\r\n",
                "DataSet": {
                    "Values": [
                        array(0, "time", "Time", "Time", "s", [float(i) for i in points]),
                        array(1, "potential", "Potential", "Volt", "V", potential),
                        array(2, "current", "Current", unit, "A", current),
                    ]
                },
                "Curves": [],
                "EISDataList": [],
            }
        ],
    }
    text = json.dumps(book)
    if lower:
        text = re.sub(r'"(\w+)":', lambda match: f'"{match[1].lower()}":', text)
    return text


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8", "utf-8-sig"])
@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize(("unit", "factor"), [("MicroAmpere", 1e-6), ("MilliAmpere", 1e-3), ("Ampere", 1.0)])
def test_constructed_session(encoding, lower, unit, factor):
    content = session([0.0, 0.1, 0.2], [1.0, 2.0, 3.5], unit, lower).encode(encoding)
    (trace,), flags = palmsens.read(content, "own.pssession")
    np.testing.assert_allclose(trace.current, np.array([1.0, 2.0, 3.5]) * factor)
    np.testing.assert_allclose(trace.potential, [0.0, 0.1, 0.2])
    assert trace.protocol == Sweep(rate=5e-5, start=0.0, stop=1.0)
    assert flags == ()


@settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.too_slow])
@given(cut=st.floats(0, 1), encoding=st.sampled_from(["utf-16", "utf-8"]))
def test_cut_session_keeps_true_numbers_or_says_why_not(cut, encoding):
    potential = [0.001 * i for i in range(50)]
    current = [12.5 + 0.25 * i for i in range(50)]
    content = session(potential, current).encode(encoding)
    end = int(cut * len(content))
    try:
        parts, flags = palmsens.read(content[:end], "cut.pssession")
    except RampionError:
        return
    (trace,) = parts
    kept = np.isfinite(trace.current)
    np.testing.assert_allclose(trace.current[kept], np.array(current[: len(trace)])[kept] * 1e-6)
    np.testing.assert_allclose(trace.potential, potential[: len(trace)])
    if end < len(content) - 2:
        assert [flag.code for flag in flags] == ["cut_file"]


@pytest.mark.parametrize("share", [0.4, 0.6, 0.8, 0.95])
def test_cut_impedance_never_becomes_a_trace(share):
    name = "palmsens/eis_5freq.pssession"
    content = real_file(name).read_bytes()
    (whole,), _ = palmsens.read(content, name)
    try:
        parts, flags = palmsens.read(content[: int(share * len(content))], name)
    except RefusedError:
        return
    assert isinstance(whole, Spectrum)
    assert [flag.code for flag in flags] == ["cut_file"]
    for part in parts:
        assert isinstance(part, Spectrum)
        np.testing.assert_array_equal(part.impedance, whole.impedance[: len(part)])


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"{}", b"[1, 2]", b'{"Measurements": [1, {"DataSet": 3}]}'])
def test_what_is_no_session_is_refused_in_words(content):
    with pytest.raises((InputError, RefusedError), match=r"\."):
        palmsens.read(content, "odd.pssession")


def test_a_number_without_a_known_unit_is_no_current():
    content = session([0.0, 0.1, 0.2], [1.0, 2.0, 3.5], "Stone").encode()
    (trace,), _ = palmsens.read(content, "own.pssession")
    assert np.isnan(trace.current).all()
    assert [flag.code for flag in trace.flags] == ["current_unknown"]


@pytest.mark.parametrize("gone", ['"ArrayType": 0', '"DataValues": [{"V": 0.0, "S": 0}, {"V": 1.0'])
def test_a_session_without_times_says_so(gone):
    text = session([0.0, 0.1, 0.2], [1.0, 2.0, 3.5])
    assert gone in text
    (trace,), flags = palmsens.read(text.replace(gone, gone.replace('"', '"x', 1)).encode(), "own.pssession")
    np.testing.assert_allclose(trace.current, np.array([1.0, 2.0, 3.5]) * 1e-6)
    assert np.isnan(trace.time).all()
    assert [flag.code for flag in (*flags, *trace.flags)] == ["time_unknown"]


@pytest.mark.parametrize("depth", [600, 5000, 100_000])
def test_brackets_without_end_are_refused_at_once(depth):
    text = session([0.0, 0.1, 0.2], [1.0, 2.0, 3.5]).replace('"Curves": []', f'"Curves": {"[" * depth}{"]" * depth}')
    with pytest.raises(InputError, match="not the JSON"):
        palmsens.read(text.encode(), "own.pssession")
