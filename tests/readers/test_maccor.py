"""Maccor's text exports: directions, pauses, units and dates in the dialects of its programs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from rampion.errors import RefusedError
from rampion.measurement import Trace
from rampion.readers import read_file, recognise_format
from real_files import real_file

BEGIN = datetime(2023, 11, 23, 15, 56, 11, tzinfo=UTC)
STATES = np.array(list("RRR" + "CCCCC" + "RR" + "DDDDD"))
TIME = np.arange(STATES.size) * 60.0
CURRENT = np.select([STATES == "C", STATES == "D"], [2.5e-3, -1.25e-3], 0.0)
POTENTIAL = 3.0 + 0.01 * np.cumsum(np.sign(CURRENT))
NAMES = (
    "Rec#", "Cyc#", "Step", "TestTime", "StepTime", "Amp-hr", "Watt-hr", "Amps", "Volts", "State", "ES", "DPt Time",
)  # fmt: skip
MACREPORT = (
    "Rec", "Cycle P", "Cycle C", "TestTime", "StepTime", "Cap. [Ah]", "Ener. [Wh]", "Current [A]", "Voltage [V]", "Md",
    "ES", "DPT Time",
)  # fmt: skip
MILLI = (
    "Rec#", "Cyc#", "Step", "Test (Min)", "Step (Min)", "mAmp-hr", "mWatt-hr", "mAmps", "Volts", "State", "ES",
    "DPt Time",
)  # fmt: skip
PAUSE = 600.0  # s, before the discharge


def export(
    *,
    names=NAMES,
    time="clock",
    milli=False,
    paused=0.0,
    stamp="%m/%d/%Y %H:%M:%S",
    comma=False,
    separator="\t",
    states=STATES,
    current=CURRENT,
    head=("Today's Date\t11/28/2023", "Date of Test:\t11/23/2023"),
):
    lines = [*head, separator.join(names)]
    for number, (state, second, ampere, volt) in enumerate(zip(states, TIME, current, POTENTIAL, strict=True), start=1):
        days, rest = divmod(second + 90000, 86400)
        elapsed = {
            "clock": f"  {int(days)}d {int(rest // 3600):02d}:{int(rest // 60 % 60):02d}:{rest % 60:07.4f}",
            "min": f"{second / 60:.4f}",
            "s": f"{second:.4f}",
            "h": f"{second / 3600:.8f}",
        }[time]
        moment = BEGIN + timedelta(seconds=second + paused * (number > 10))
        size = abs(ampere) * (1e3 if milli else 1.0)
        cells = [number, 0, 1, elapsed, elapsed, "0.0", "0.0", f"{size:.10f}", f"{volt:.8f}", state, 1]
        lines.append(separator.join([*map(str, cells), moment.strftime(stamp)]))
    text = "\r\n".join([*lines, ""])
    if comma:
        text = "\r\n".join([*lines[:3], *(line.replace(".", ",") for line in lines[3:]), ""])
    return text.encode("latin-1")


def opened(tmp_path, content, name="cell.001", **more):
    path = tmp_path / name
    path.write_bytes(content)
    experiment = read_file(path, **more)
    (trace,) = experiment.parts
    assert isinstance(trace, Trace)
    assert trace.source.format == "Maccor text"
    return trace, experiment.flags


def codes(flags):
    return [flag.code for flag in flags]


@pytest.mark.parametrize(
    "dialect",
    [
        {},
        {"comma": True},
        {"names": MACREPORT, "time": "min", "separator": ","},
        {"names": MACREPORT, "time": "s"},
        {"names": MACREPORT, "time": "h", "stamp": "%d-%b-%y %I:%M:%S %p"},
        {"names": MILLI, "time": "min", "milli": True},
    ],
)
@pytest.mark.parametrize("name", ["cell.001", "cell.txt", "cell.csv"])
def test_dialects_give_the_same_record(tmp_path, dialect, name):
    trace, flags = opened(tmp_path, export(**dialect), name)
    np.testing.assert_allclose(trace.current, CURRENT, rtol=1e-6)
    np.testing.assert_allclose(trace.potential, POTENTIAL, rtol=1e-7)
    np.testing.assert_allclose(np.diff(trace.time), np.diff(TIME), atol=1e-2)
    assert trace.start + trace.time[0] == pytest.approx(BEGIN.timestamp(), abs=0.01)
    assert codes(flags) == ["direction_from_state"]


def test_a_suspension_stays_in_the_time(tmp_path):
    trace, flags = opened(tmp_path, export(paused=PAUSE))
    np.testing.assert_allclose(np.diff(trace.time), np.diff(TIME + PAUSE * (np.arange(TIME.size) >= 10)), atol=1e-3)
    assert "pauses_kept" in codes(flags)


def test_a_suspended_state_with_a_current_tells_no_direction(tmp_path):
    states = STATES.copy()
    states[-1] = "S"
    trace, flags = opened(tmp_path, export(states=states))
    assert np.isnan(trace.current[-1])
    np.testing.assert_allclose(trace.current[:-1], CURRENT[:-1], rtol=1e-6)
    assert "direction_unknown" in codes(flags)


def without_states(**how) -> bytes:
    names = [name if name != "State" else "Channel" for name in NAMES]
    return export(names=names, states=np.full(STATES.size, "1"), **how)


def test_without_states_a_current_that_flowed_both_ways_is_left_out(tmp_path):
    trace, flags = opened(tmp_path, without_states())
    np.testing.assert_array_equal(np.isnan(trace.current), CURRENT != 0)
    assert codes(flags) == ["direction_unknown"]


def test_without_states_the_missing_direction_is_flagged(tmp_path):
    charges = np.abs(CURRENT) * (STATES == "C")
    trace, flags = opened(tmp_path, without_states(current=charges))
    np.testing.assert_allclose(trace.current, charges, rtol=1e-6)
    assert codes(flags) == ["direction_missing"]


def test_a_current_without_unit_is_asked_for_and_then_read_with_its_direction(tmp_path):
    names = [{"Amps": "Current", "Volts": "Voltage"}.get(name, name) for name in NAMES]
    content = export(names=names, milli=True)
    with pytest.raises(RefusedError, match=r"--column current=\"Current \[A\]\""):
        opened(tmp_path, content)
    trace, flags = opened(tmp_path, content, columns={"current": "Current [mA]"})
    np.testing.assert_allclose(trace.current, CURRENT, rtol=1e-6)
    assert codes(flags) == ["direction_from_state"]


def test_a_time_without_unit_and_dates_is_refused(tmp_path):
    names = [{"DPt Time": "VAR1"}.get(name, name) for name in NAMES]
    with pytest.raises(RefusedError, match="no unit for its test time"):
        opened(tmp_path, export(names=names, time="min"))


@pytest.mark.parametrize("lines", [2, 3])
def test_an_export_without_points_is_refused(tmp_path, lines):
    with pytest.raises(RefusedError, match="without points"):
        opened(tmp_path, b"\r\n".join(export().split(b"\r\n")[:lines]) + b"\r\n")


def test_a_row_that_is_cut_is_counted(tmp_path):
    lines = export().split(b"\r\n")
    lines[6] = lines[6][:20]
    trace, flags = opened(tmp_path, b"\r\n".join(lines))
    assert len(trace) == TIME.size - 1
    assert "ragged_rows" in codes(flags)


@pytest.mark.parametrize(
    ("name", "points", "last"),
    [
        ("beep__tests__test_files__maccor_test_file_4267-66-6519.041", 74, 3.91172656),
        ("tests__files__maccor_example.001", 8, 3.30617227),
        ("tests__files__maccor_example.002", 8, 3.30617227),
    ],
)
def test_real_exports(name, points, last):
    path = real_file(f"maccor/{name}")
    assert recognise_format(path.read_bytes()[:8192], name) == "maccor"
    (trace,) = read_file(path).parts
    assert len(trace) == points
    assert trace.potential[-1] == last


def test_real_impedance_run_keeps_its_dates():
    path = real_file("maccor/beep__tests__test_files__maccor_test_file_4267-66-6519.041")
    (trace,) = read_file(path).parts
    stamps = [line.split("\t")[11] for line in path.read_text(encoding="latin-1").splitlines()[2:]]
    clock = [datetime.strptime(stamp, "%m/%d/%Y %H:%M:%S").replace(tzinfo=UTC).timestamp() for stamp in stamps]
    np.testing.assert_allclose(trace.start + trace.time, clock, atol=2.0)
