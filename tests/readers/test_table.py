"""Tables: headers as people write them, maps by hand, workbooks, real exports, and what must not be misread."""

from __future__ import annotations

import contextlib
import csv
import datetime
import io
import math

import numpy as np
import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rampion.errors import InputError, RampionError, RefusedError
from rampion.measurement import Spectrum, Trace
from rampion.readers import table
from rampion.readers.columns import guess_columns
from rampion.readers.headers import split_unit
from real_files import real_file


def sheet(headers, rows, separator=",", encoding="utf-8", end="\n"):
    """A table as bytes; every cell is written as it is."""
    return "".join(separator.join(cells) + end for cells in [headers, *rows]).encode(encoding)


@pytest.mark.parametrize(
    ("header", "role", "factor"),
    [
        ("E/V", "potential", 1.0),
        ("Ewe/V", "potential", 1.0),
        ("Ecell/mV", "potential", 1e-3),
        ("Voltage / V", "potential", 1.0),
        ("Voltage(mV)", "potential", 1e-3),
        ("voltage_volt", "potential", 1.0),
        ("Potential vs. Li/Li+ (V)", "potential", 1.0),
        ("E [V vs. Li]", "potential", 1.0),
        ("WE(1).Potential (V)", "potential", 1.0),
        ("I [mA]", "current", 1e-3),
        ("Current(A)", "current", 1.0),
        ("<I>/mA", "current", 1e-3),
        ("current_ampere", "current", 1.0),
        ("Current / µA", "current", 1e-6),
        ("Current, nA", "current", 1e-9),
        ("Test Time / s", "time", 1.0),
        ("test_time_second", "time", 1.0),
        ("Time (h)", "time", 3600.0),
        ("elapsed time [min]", "time", 60.0),
        ("Time/Sec", "time", 1.0),
        ("freq", "frequency", 1.0),
        ("Frequency (kHz)", "frequency", 1e3),
        ("frequency_hertz", "frequency", 1.0),
        ("Z' (Ohm)", "impedance_real", 1.0),
        ("Re(Z)/Ohm", "impedance_real", 1.0),
        ("real_impedance_ohm", "impedance_real", 1.0),
        ("Z''", "impedance_imag", 1.0),
        ('Z"/ohm', "impedance_imag", 1.0),
        ("-Z'' [kOhm]", "impedance_imag", -1e3),
        ("-Im(Z)/Ohm", "impedance_imag", -1.0),
        ("−Z″ (Ω)", "impedance_imag", -1.0),
        ("|Z|/Ohm", "impedance_modulus", 1.0),
        ("Phase(Z)/deg", "phase", math.pi / 180),
        ("-Phase (°)", "phase", -math.pi / 180),
        ("theta [rad]", "phase", 1.0),
        ("j [mA/cm2]", "current_density", 10.0),
        ("I [mA/cm²]", "current_density", 10.0),
        ("Current density / mA cm-2", "current_density", 10.0),
    ],
)
def test_headers_as_people_write_them(header, role, factor):
    found = guess_columns([header])
    assert list(found) == [role]
    assert found[role].factor == pytest.approx(factor)


@pytest.mark.parametrize(
    "header",
    ["Voltage", "I", "Current", "time", "Capacity(mAs)", "Power(mW)", "WL/nm", "Abs", "T", "Z' (Ohm cm²)", ""],
)
def test_headers_that_must_not_be_guessed(header):
    assert not guess_columns([header]).keys() - {"impedance_real"} or header.startswith("Z'")
    assert "impedance_real" not in guess_columns([header])


def test_unit_of_a_header():
    assert split_unit("I/mA/cm2") == ("I", "mA/cm2")
    assert split_unit("Re(Z)") == ("Re(Z)", None)
    assert split_unit("Cycle Index") == ("Cycle Index", None)


def test_trace_in_battery_data_format():
    content = sheet(["Test Time / s", "Voltage / V", "Current / A"], [["0", "0.1", "1e-3"], ["1", "0.2", "2e-3"]])
    (trace,), flags = table.read(content, "bdf.csv")
    assert isinstance(trace, Trace)
    np.testing.assert_allclose(trace.time, [0, 1])
    np.testing.assert_allclose(trace.potential, [0.1, 0.2])
    np.testing.assert_allclose(trace.current, [1e-3, 2e-3])
    assert [flag.code for flag in flags] == ["columns_guessed"]
    assert "potential = 'Voltage / V' in V" in flags[0].message


@pytest.mark.parametrize(("separator", "mark"), [(",", "."), (";", ","), ("\t", "."), ("\t", ","), (";", ".")])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_separators_marks_encodings_and_line_ends(separator, mark, encoding, end):
    rows = [[f"{0.5 * i:.1f}", f"{0.0125 * i:.4f}", f"{-1.5e-3 * i:.3e}"] for i in range(8)]
    rows = [[cell.replace(".", mark) for cell in row] for row in rows]
    content = sheet(["t [s]", "E [V]", "I [µA]"], rows, separator, encoding, end)
    (trace,), _ = table.read(content, "own.txt")
    np.testing.assert_allclose(trace.time, 0.5 * np.arange(8))
    np.testing.assert_allclose(trace.potential, 0.0125 * np.arange(8))
    np.testing.assert_allclose(trace.current, -1.5e-9 * np.arange(8), atol=1e-20)


def test_sign_of_the_imaginary_part_is_the_headers():
    rows = [[f"{f}", "10", "5"] for f in (1000, 100, 10)]
    for header, sign in (("-Z'' / Ohm", -1), ("Z'' / Ohm", 1)):
        (spectrum,), _ = table.read(sheet(["f / Hz", "Z' / Ohm", header], rows), "eis.csv")
        assert isinstance(spectrum, Spectrum)
        np.testing.assert_allclose(spectrum.impedance, 10 + sign * 5j)


def test_modulus_and_phase():
    rows = [["1000", "2", "-30"], ["100", "4", "-60"], ["10", "5", "-90"]]
    (spectrum,), _ = table.read(sheet(["freq/Hz", "|Z|/Ohm", "Phase(Z)/deg"], rows), "eis.csv")
    np.testing.assert_allclose(spectrum.impedance, [3**0.5 - 1j, 2 - 4j * 0.75**0.5, -5j], atol=1e-12)


def test_spectra_are_split_where_the_frequency_starts_again():
    rows = [[f"{f}", "1", f"{-f / 100}"] for _ in range(3) for f in (1000, 100, 10)]
    parts, _ = table.read(sheet(["freq/Hz", "Re(Z)/Ohm", "Im(Z)/Ohm"], rows), "eis.csv")
    assert [len(part) for part in parts] == [3, 3, 3]


def test_map_by_hand_overrides_the_guess():
    content = sheet(["Ewe/V", "Ece/V", "I/mA"], [["1.0", "0.4", "2"], ["1.1", "0.3", "4"], ["1.2", "0.2", "6"]])
    (guessed,), _ = table.read(content, "own.csv")
    (chosen,), flags = table.read(content, "own.csv", columns={"potential": "Ece/V", "current": "I/mA"})
    np.testing.assert_allclose(guessed.potential, [0.6, 0.8, 1.0])  # between both electrodes
    np.testing.assert_allclose(chosen.potential, [0.4, 0.3, 0.2])
    np.testing.assert_allclose(chosen.current, [2e-3, 4e-3, 6e-3])
    assert [flag.code for flag in flags] == ["time_unknown"]


def test_map_by_hand_adds_units_signs_and_numbers():
    content = sheet(["a", "b"], [["1", "20"], ["2", "40"], ["3", "60"]])
    (trace,), _ = table.read(content, "own.csv", columns={"potential": "a [mV]", "current": "b [µA]"})
    np.testing.assert_allclose(trace.potential, [1e-3, 2e-3, 3e-3])
    np.testing.assert_allclose(trace.current, [2e-5, 4e-5, 6e-5])
    (bare,), _ = table.read(b"1 20\n2 40\n3 60\n", "own.txt", columns={"potential": "1 [V]", "current": "-2 [mA]"})
    np.testing.assert_allclose(bare.potential, [1, 2, 3])
    np.testing.assert_allclose(bare.current, [-0.02, -0.04, -0.06])


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"potential": "a [mA]", "current": "b [A]"}, "'mA' is a unit of current; expected a potential"),
        ({"potential": "a", "current": "b [A]"}, "names no unit; add the one it is in"),
        ({"potential": "c [V]", "current": "b [A]"}, "there is no column 'c'; the table has the columns 'a', 'b'"),
        ({"voltage": "a [V]"}, "'voltage' is no role of a column; expected one of time, potential"),
    ],
)
def test_wrong_maps_are_answered_with_what_is_there(columns, expected):
    with pytest.raises(InputError, match=expected):
        table.read(sheet(["a", "b"], [["1", "20"], ["2", "40"]]), "own.csv", columns=columns)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (["Voltage", "Current"], r"'Voltage', 'Current' name no unit; .*potential=\"Voltage \[unit\]\""),
        (["E/V", "j / mA cm-2"], "holds a current density .'j / mA cm-2'. and no current"),
        (
            ["WL/nm", "Abs"],
            "has the columns 'WL/nm', 'Abs'; expected potential and current, or frequency and impedance",
        ),
    ],
)
def test_ambiguous_tables_are_refused_with_an_example(headers, expected):
    with pytest.raises(RefusedError, match=expected):
        table.read(sheet(headers, [["1", "20"], ["2", "40"], ["3", "60"]]), "own.csv")


def test_table_without_header_is_refused_with_its_first_row():
    with pytest.raises(RefusedError, match=r"without a header .the first row reads 1  20.; .*potential=\"1 \[unit\]\""):
        table.read(b"1,20\n2,40\n3,60\n", "own.csv")


@pytest.mark.parametrize("text", ["E/V,I/A\n7,1,2\n8,2,3\n9,3,4\n", "no,x,t/s,E/V,I/A\n7,1,2\n8,2,3\n9,3,4\n"])
def test_names_that_do_not_fit_the_rows_are_not_assigned(text):
    with pytest.raises(RefusedError, match=r"rows of 3 cells under \d column names"):
        table.read(text.encode(), "own.csv")


def test_empty_cells_at_the_end_of_the_first_rows():
    content = sheet(["t/s", "E/V", "I/A", "T [°C]", "note"], [["0", "1", "2", "", ""], ["1", "2", "3", "25", "x"]])
    (trace,), _ = table.read(content, "own.csv")
    np.testing.assert_allclose(trace.current, [2, 3])
    np.testing.assert_allclose(trace.temperature, [np.nan, 298.15])


def test_names_with_blanks_above_columns_between_blanks():
    for header in ("E (mV) I (uA)", "E (mV)   I (uA)", "E/mV I/uA"):
        (trace,), _ = table.read(f"{header}\n1 2\n2 3\n3 4\n".encode(), "own.txt")
        np.testing.assert_allclose(trace.potential, [1e-3, 2e-3, 3e-3])
        np.testing.assert_allclose(trace.current, [2e-6, 3e-6, 4e-6])


def test_one_column_proves_the_decimal_mark_of_another():
    (trace,), _ = table.read(b"E/V;I/A\n0,1;1,234\n0,2;1,345\n0,3;2,456\n", "own.csv")
    np.testing.assert_allclose(trace.current, [1.234, 1.345, 2.456])


def test_names_and_units_in_two_rows_below_a_preamble():
    text = "My cell, made on Monday\n\nTime\tPotential\tCurrent\ns\tmV\tµA\n0\t10\t1\n1\t20\t2\n2\t30\t3\n"
    (trace,), _ = table.read(text.encode(), "origin.txt")
    np.testing.assert_allclose(trace.potential, [0.01, 0.02, 0.03])
    np.testing.assert_allclose(trace.current, [1e-6, 2e-6, 3e-6])


def test_curves_side_by_side_give_the_first_and_say_so():
    rows = [["0", "1", "5", "9"], ["1", "2", "6", "8"], ["2", "3", "7", "7"]]
    content = sheet(["E/V", "I/A", "E/V", "I/A"], rows)
    (first,), flags = table.read(content, "own.csv")
    np.testing.assert_allclose(first.current, [1, 2, 3])
    assert "duplicate_columns" in [flag.code for flag in flags]
    (second,), _ = table.read(content, "own.csv", columns={"potential": "E/V (2) [V]", "current": "I/A (2) [A]"})
    np.testing.assert_allclose(second.current, [9, 8, 7])


def test_clock_readings_need_no_unit():
    rows = [["0:00:01.5", "1", "2"], ["0:01:00", "1", "2"], ["1-00:00:00", "1", "2"]]
    (trace,), _ = table.read(sheet(["Total Time", "E/V", "I/A"], rows), "own.csv")
    np.testing.assert_allclose(trace.time, [1.5, 60, 86400])
    rows = [["2024-12-06 10:00:00.5", "1", "2"], ["2024-12-06 10:00:02", "1", "2"]]
    (trace,), _ = table.read(sheet(["Time", "E/V", "I/A"], rows), "own.csv")
    np.testing.assert_allclose(trace.time, [0, 1.5])
    assert trace.start == datetime.datetime(2024, 12, 6, 10, 0, 0, 500000, tzinfo=datetime.UTC).timestamp()


def test_time_that_runs_backwards_splits_the_record():
    rows = [[str(t), "1", str(i)] for i, t in enumerate((0, 1, 2, 0, 1))]
    parts, flags = table.read(sheet(["t/s", "E/V", "I/A"], rows), "own.csv")
    assert [len(part) for part in parts] == [3, 2]
    assert "time_backwards" in [flag.code for flag in flags]


def workbook(sheets) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for title, rows in sheets.items():
        page = book.create_sheet(title)
        for row in rows:
            page.append(row)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def test_every_sheet_of_a_workbook():
    sweep = [
        ["LLZO pellet"],
        [],
        ["Time / s", "E / mV", "I / mA", "note"],
        [0, 10, 1.5, "a"],
        [1, 20, 2.5, None],
        [2, 30, 3.5, None],
    ]
    eis = [["f/Hz", "Z'/Ohm", "-Z''/Ohm"], [1000, 10, 1], [100, 20, 2], [10, 30, 3]]
    content = workbook({"LSV": sweep, "EIS": eis, "Notes": [["nothing", "here"]]})
    (trace, spectrum), flags = table.read(content, "own.xlsx")
    np.testing.assert_allclose(trace.potential, [0.01, 0.02, 0.03])
    np.testing.assert_allclose(trace.current, [1.5e-3, 2.5e-3, 3.5e-3])
    np.testing.assert_allclose(spectrum.impedance, [10 - 1j, 20 - 2j, 30 - 3j])
    assert (trace.technique, spectrum.technique) == ("LSV", "EIS")
    assert [flag.code for flag in flags] == ["columns_guessed", "columns_guessed", "sheets_skipped"]


def test_workbook_with_dates():
    moments = [datetime.datetime(2025, 1, 1, 12, 0, s) for s in (0, 2, 4)]
    content = workbook({"A": [["Time", "E / V", "I / A"], *[[moment, 1.0, 0.5] for moment in moments]]})
    (trace,), _ = table.read(content, "own.xlsx")
    np.testing.assert_allclose(trace.time, [0, 2, 4])


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x03\x04junk", b"\0" * 100, b"hello", b"1,2", "Ω".encode() * 50])
@pytest.mark.parametrize("name", ["odd.csv", "odd.xlsx", "odd.txt"])
def test_what_is_no_table_is_refused_in_words(content, name):
    with pytest.raises(RampionError):
        table.read(content, name)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(cut=st.integers(0, 700), noise=st.binary(max_size=4), encoding=st.sampled_from(["utf-8", "utf-16", "cp1252"]))
def test_damage_leaves_true_numbers_or_a_sentence(cut, noise, encoding):
    rows = [[f"{i}", f"{0.001 * i:.6f}", f"{1e-3 + 1e-5 * i:.8e}"] for i in range(20)]
    content = sheet(["Time [s]", "E [V]", "I [A]"], rows, "\t", encoding)
    damaged = content[:cut] + noise
    parts: tuple = ()
    with contextlib.suppress(RampionError):
        parts, _ = table.read(damaged, "cut.txt")
    for part in parts:
        # the last rows may have lost digits to the noise; every earlier one is whole
        whole = slice(0, max(0, len(part) - 2))
        np.testing.assert_allclose(part.potential[whole], 0.001 * part.time[whole], atol=1e-9)
        np.testing.assert_allclose(part.current[whole], 1e-3 + 1e-5 * part.time[whole], rtol=1e-7)


def test_parstat_export_against_its_own_text():
    name = "other_eis/exampleDataParstat.txt"
    (trace, spectrum), flags = table.read(real_file(name).read_bytes(), name)
    rows = [line.split("\t") for line in real_file(name).read_text().splitlines()[1:]]
    rest = np.array([[float(cell) for cell in row[:6]] for row in rows if float(row[3]) == 0])
    scan = np.array([[float(cell) for cell in row[:6]] for row in rows if float(row[3]) > 0])
    np.testing.assert_array_equal(trace.potential, rest[:, 0])
    np.testing.assert_array_equal(trace.current, rest[:, 1])
    np.testing.assert_array_equal(trace.time, rest[:, 2])
    np.testing.assert_array_equal(spectrum.impedance, scan[:, 4] + 1j * scan[:, 5])
    assert [flag.code for flag in flags] == ["columns_guessed"]


def test_powersuite_export_against_its_own_text():
    name = "other_eis/exampleDataPowersuite.txt"
    (spectrum,), _ = table.read(real_file(name).read_bytes(), name)
    numbers = np.array([line.split() for line in real_file(name).read_text().split("\n")[1:] if line.strip()], float)
    np.testing.assert_array_equal(spectrum.frequency, numbers[:, 0])
    np.testing.assert_array_equal(spectrum.impedance, numbers[:, 1] + 1j * numbers[:, 2])


def test_series_of_spectra_at_rest():
    name = "solid_state/hybrid-drt_SSB/Sample2_PEIS_AtRest.csv"
    parts, _ = table.read(real_file(name).read_bytes(), name)
    spectra = [part for part in parts if isinstance(part, Spectrum)]
    with real_file(name).open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if float(row["freq/Hz"]) > 0]
    assert sum(map(len, spectra)) == len(rows)
    assert len(spectra) == len({row["loop_index"] for row in rows})
    every = np.concatenate([spectrum.impedance for spectrum in spectra])
    np.testing.assert_allclose(np.abs(every), [float(row["|Z|/Ohm"]) for row in rows], rtol=1e-12)
    np.testing.assert_allclose(np.degrees(np.angle(every)), [float(row["Phase(Z)/deg"]) for row in rows], rtol=1e-9)


def test_neware_export():
    name = "neware/interp-test.csv"
    (trace,), _ = table.read(real_file(name).read_bytes(), name)
    assert len(trace) == 333
    assert trace.time[-1] == 1800


@pytest.mark.parametrize(
    "name",
    [
        "zahner/nomad_hzb/CE-NOME_MiGo_240429_0001.SA_5_MM.csv",
        "solid_state/hybrid-drt_SSB/sample_info.txt",
        "solid_state/hybrid-drt_LPSCl/sample_info.txt",
    ],
)
def test_real_files_that_are_no_measurement_are_refused(name):
    with pytest.raises(RefusedError):
        table.read(real_file(name).read_bytes(), name)


@pytest.mark.parametrize("header", ["t/s,Cycle,Re(Z)/Ohm,Im(Z)/Ohm,E/V,I/A", "t/s,f/Hz,Re(Z)/Ohm,Cycle,E/V,I/A"])
def test_an_impedance_without_its_frequency_or_other_half_is_no_trace(header):
    rows = [f"{k},{10.0**k},{5 + k},{-k},0.05,2e-5" for k in range(1, 6)]
    with pytest.raises(RefusedError, match="make no spectrum without"):
        table.read("\n".join([header, *rows, ""]).encode(), "x.csv")
