"""Neware's text exports: rows of cycles, steps and records in one file, flat ones, and damage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rampion.errors import RampionError, RefusedError
from rampion.measurement import Trace
from rampion.readers import neware_text, read_file, recognise_format

BEGIN = datetime(2024, 3, 20, 9, 3, 23, tzinfo=UTC)
POINTS = 6
STEPS = ("Rest", "CC_Chg", "Rest", "CC_DChg")
SIGNS = np.repeat([0.0, 1.0, 0.0, -1.0], POINTS)
CURRENT = 2.5e-3 * SIGNS
WITHIN = np.tile(10.0 * np.arange(POINTS), len(STEPS))
TOTAL = WITHIN + np.repeat(50.0 * np.arange(len(STEPS)), POINTS)
POTENTIAL = 3.0 + 0.01 * np.arange(TOTAL.size)


def clock(seconds) -> str:
    return f"{int(seconds // 3600)}:{int(seconds // 60 % 60):02d}:{seconds % 60:04.1f}"


def layered(*, separator=",", unsigned=False, late=0.0, real=True, short=False, milli=True, names=True) -> bytes:
    """A layered report; the last step begins ``late`` seconds after the one before it has ended."""
    voltage, current = ("Vol(mV)", "Cur(A)") if short else ("Voltage(V)", "Current(mA)")
    head = ["Record ID", "Time(h:min:s.ms)", voltage, current, "Capacity(mAh)"] + ["Realtime"] * real
    lines = [
        ["Cycle ID", "Cap_Chg(mAh)", "Cap_DChg(mAh)", "", "", "", "", ""],
        ["", "Step ID", *(["Step Name"] * names), "Step Time(h:min:s.ms)", "", ""],
        ["", "", *head],
        ["1", "0.1", "0.1"],
    ]
    for number, step in enumerate(STEPS):
        lines.append(["", str(number + 1), *([step] * names), "0:00:50.0"])
        for row in range(number * POINTS, (number + 1) * POINTS):
            moment = BEGIN + timedelta(seconds=TOTAL[row] + late * (number == len(STEPS) - 1))
            volt = f"{POTENTIAL[row] * 1e3:.4f}" if short else f"{POTENTIAL[row]:.4f}"
            ampere = (abs(CURRENT[row]) if unsigned else CURRENT[row]) * (1.0 if short else 1e3)
            stamp = [moment.strftime("%Y-%m-%d %H:%M:%S")] * real
            lines.append(["", "", str(row + 1), clock(WITHIN[row]), volt, f"{ampere:.6f}", "0.0", *stamp])
    return "\r\n".join([*(separator.join(line) for line in lines), ""]).encode()


def read(content):
    (trace,), flags = neware_text.read(content, "own.csv")
    assert isinstance(trace, Trace)
    return trace, [flag.code for flag in flags]


@pytest.mark.parametrize("how", [{}, {"separator": "\t"}, {"unsigned": True}, {"short": True}, {"real": False}])
def test_nested_rows_give_the_record(how):
    trace, codes = read(layered(**how))
    np.testing.assert_allclose(trace.time, TOTAL)
    np.testing.assert_allclose(trace.potential, POTENTIAL, rtol=1e-6)
    np.testing.assert_allclose(trace.current, CURRENT, atol=1e-9)
    assert codes == (["direction_from_state"] if how.get("unsigned") else [])
    assert how.get("real", True) == (trace.start == BEGIN.timestamp())


def test_a_pause_between_steps_stays_in_the_time():
    trace, codes = read(layered(late=16_969.0))
    np.testing.assert_allclose(trace.time, TOTAL + 16_969.0 * (np.arange(TOTAL.size) >= 3 * POINTS))
    assert codes == ["pauses_kept"]


def test_without_step_names_an_unsigned_current_stays_as_it_is():
    trace, _ = read(layered(names=False))
    np.testing.assert_allclose(trace.current, CURRENT, atol=1e-9)


def test_a_direction_that_nothing_tells_is_not_guessed():
    content = (
        layered(unsigned=True)
        .replace(b"CC_Chg", b"\xba\xe3\xc1\xf7\xb3\xe4")
        .replace(b"CC_DChg", b"\xba\xe3\xc1\xf7\xb7\xc5")
    )
    volts = POTENTIAL + 0.05 * SIGNS
    for row, volt in zip(POTENTIAL, volts, strict=True):
        content = content.replace(f",{row:.4f},".encode(), f",{volt:.4f} ,".encode())
    trace, codes = read(content)
    np.testing.assert_array_equal(np.isnan(trace.current), SIGNS != 0)
    assert "direction_unknown" in codes


def test_flat_rows_add_their_steps_up(tmp_path):
    names = "DateTime,Cycle ID,Step ID,Record ID,Time(h:min:s.ms),Voltage(V),Current(mA),Status"
    rows = [
        f"{BEGIN + timedelta(seconds=t):%Y-%m-%d %H:%M:%S},1,{1 + n // POINTS},{n + 1},{clock(WITHIN[n])},"
        f"{POTENTIAL[n]:.4f},{abs(CURRENT[n]) * 1e3:.4f},{'RCRD'[n // POINTS]}"
        for n, t in enumerate(TOTAL)
    ]
    path = tmp_path / "flat.csv"
    path.write_text("\n".join([names, *rows, ""]))
    assert recognise_format(path.read_bytes(), path.name) == "neware_text"
    (trace,) = read_file(path).parts
    np.testing.assert_allclose(trace.time, TOTAL)
    np.testing.assert_allclose(trace.current, CURRENT, atol=1e-9)


def test_a_flat_export_with_a_total_time_is_a_table():
    head = b"DataPoint,Cycle Index,Step Index,Step Type,Time,Total Time,Current(A),Voltage(V),Date\n"
    assert recognise_format(head, "record.csv") == "table"


def test_a_record_of_too_few_cells_is_counted():
    lines = layered().split(b"\r\n")
    lines[8] = b",,3,0:00:20.0"
    trace, codes = read(b"\r\n".join(lines))
    assert len(trace) == TOTAL.size - 1
    assert codes == ["ragged_rows"]


@pytest.mark.parametrize("kept", [1, 2, 3, 4, 5])
def test_an_export_without_records_is_refused(kept):
    with pytest.raises(RefusedError, match=r"BTSDA|export the records"):
        read(b"\r\n".join(layered().split(b"\r\n")[:kept]) + b"\r\n")


@settings(deadline=None, max_examples=60)
@given(cut=st.floats(0, 1))
def test_a_cut_leaves_true_numbers_or_a_sentence(cut):
    content = layered()
    try:
        trace, _ = read(content[: int(cut * len(content))])
    except RampionError:
        return
    kept = len(trace)
    np.testing.assert_allclose(trace.potential, POTENTIAL[:kept], rtol=1e-6)
    np.testing.assert_allclose(trace.current, CURRENT[:kept], atol=1e-9)


def test_a_last_number_that_may_be_cut_is_no_number():
    content = layered(real=False).replace(b",Capacity(mAh)", b"").replace(b",0.0\r", b"\r")
    for lost in range(2, 9):
        trace, codes = read(content[:-lost])
        np.testing.assert_allclose(trace.current[:-1], CURRENT[:-1], atol=1e-12)
        assert np.isnan(trace.current[-1]) == (lost > 2)
        assert ("last_number_doubtful" in codes) == (lost > 2)


@pytest.mark.parametrize("unsigned", [False, True])
def test_a_workbook_of_all_sheets_gives_its_record(tmp_path, unsigned):
    book = openpyxl.Workbook()
    first = book.active
    first.title = "unit"
    first.append(["Voltage Unit", "V"])
    for title, rows in {
        "test": [["Start Step ID", "1", "Cycle Count", "3"], ["Volt Range", 5, "Cur Range", 0.1]],
        "cycle": [["Cycle Index", "Chg. Cap.(Ah)", "DChg. Cap.(Ah)"], [1, 0.1, 0.1], [2, 0.1, 0.1]],
        "step": [["Step Index", "Step Type", "Step Time", "Oneset Volt.(V)"], [1, "Rest", "00:01:00", 3.0]],
    }.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    record = book.create_sheet("record")
    record.append(["DataPoint", "Step Index", "Step Type", "Time", "Total Time", "Current(A)", "Voltage(V)", "Date"])
    for n, total in enumerate(TOTAL):
        step = STEPS[n // POINTS].replace("_", " ")
        current = abs(CURRENT[n]) if unsigned else CURRENT[n]
        moment = (BEGIN + timedelta(seconds=total)).replace(tzinfo=None)
        record.append([n, n // POINTS, step, clock(WITHIN[n]), f"0{clock(total)}", current, POTENTIAL[n], moment])
    path = tmp_path / "record.xlsx"
    book.save(path)
    experiment = read_file(path)
    (trace,) = experiment.parts
    np.testing.assert_allclose(trace.time, TOTAL)
    np.testing.assert_allclose(trace.current, CURRENT, atol=1e-9)
    np.testing.assert_allclose(trace.potential, POTENTIAL)
    codes = {flag.code for flag in experiment.flags}
    assert codes == {"columns_guessed", "sheets_skipped"} | ({"direction_from_state"} if unsigned else set())
