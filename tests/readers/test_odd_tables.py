"""Tables as laboratories write them: units in cells, no header, no sign, odd clocks, wrong signs; and workbooks."""

from __future__ import annotations

import datetime
import io
import math

import numpy as np
import openpyxl
import pytest

from rampion.errors import InputError, RefusedError
from rampion.measurement import Spectrum, Trace
from rampion.readers import table
from rampion.readers.headers import scale_of

FREQUENCY = np.logspace(6, 0, 31)
ROWS = range(30)


def impedance(scale=1.0):
    """A resistance in series with an RC element and a constant phase element [Ω]."""
    omega = 2 * np.pi * FREQUENCY
    return scale * (50 + 900 / (1 + 1j * omega * 900 * 1e-8) + 1 / (2e-4 * (1j * omega) ** 0.8))


def spectrum_text(first, second, header="", separator="\t"):
    rows = (separator.join(f"{value:.7e}" for value in row) for row in zip(FREQUENCY, first, second, strict=True))
    return ((header + "\n" if header else "") + "\n".join(rows) + "\n").encode()


def trace_text(header, row, end="\n"):
    return (header + "\n" + "\n".join(row(k) for k in ROWS) + end).encode()


def read_one(content, name="own.csv", **more):
    (part,), flags = table.read(content, name, **more)
    return part, [flag.code for flag in flags]


# impedance


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e9])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("separator", [" ", "\t", ",", ";"])
def test_three_columns_without_header_are_a_spectrum(scale, sign, separator):
    z = impedance(scale)
    for content in (
        spectrum_text(z.real, sign * z.imag, separator=separator),
        spectrum_text(np.abs(z), sign * np.degrees(np.angle(z)), separator=separator),
        spectrum_text(np.abs(z), sign * np.angle(z), separator=separator),
    ):
        spectrum, codes = read_one(content, "eis.txt")
        assert isinstance(spectrum, Spectrum)
        np.testing.assert_allclose(spectrum.impedance, z, rtol=1e-5)
        assert codes == ["columns_by_points"]


@pytest.mark.parametrize("header", ["Freq.[Hz]\tZs'[Ohms]\tZs''[Ohms]", "Freq.[Hz]\tZs'[MOhms]\tZs''[MOhms]"])
def test_serial_impedance_in_ohms_and_megohms(header):
    z = impedance()
    spectrum, codes = read_one(spectrum_text(z.real, z.imag, header), "nv.dat")
    factor = 1e6 if "M" in header else 1.0
    np.testing.assert_allclose(spectrum.impedance, factor * z, rtol=1e-6)
    assert codes == ["columns_guessed"]


@pytest.mark.parametrize(
    ("unit", "factor"),
    [("MOhm", 1e6), ("mOhm", 1e-3), ("GOhm", 1e9), ("kohms", 1e3), ("KOHM", 1e3), ("MΩ", 1e6), ("mΩ", 1e-3)],
)
def test_mega_is_not_milli(unit, factor):
    assert scale_of(unit, "impedance_real") == pytest.approx((factor, 0.0))


def test_a_frequency_in_mhz_may_be_either():
    assert scale_of("MHz", "frequency") == pytest.approx((1e6, 0.0))
    assert scale_of("MHZ", "frequency") == pytest.approx((1e6, 0.0))
    assert scale_of("mhz", "frequency") is None


@pytest.mark.parametrize("header", ["f/Hz\tZ'/Ohm\tZ''/Ohm", "f/Hz\tZ'/Ohm\t-Z''/Ohm", "f/Hz\t|Z|/Ohm\tPhase/deg"])
@pytest.mark.parametrize("honest", [True, False])
def test_a_sign_that_contradicts_the_modulus_is_turned_and_said(header, honest):
    z = impedance()
    second = np.degrees(np.angle(z)) if "Phase" in header else z.imag * (-1 if "-Z" in header else 1)
    first = np.abs(z) if "Phase" in header else z.real
    spectrum, codes = read_one(spectrum_text(first, second if honest else -second, header))
    np.testing.assert_allclose(spectrum.impedance, z, rtol=1e-5)
    assert ("impedance_sign_turned" in codes) is not honest


def test_an_inductive_spectrum_keeps_its_sign():
    omega = 2 * np.pi * FREQUENCY
    z = 0.1 + 1j * omega * 2e-7
    spectrum, codes = read_one(spectrum_text(z.real, z.imag, "f/Hz\tZ'/Ohm\tZ''/Ohm"))
    np.testing.assert_allclose(spectrum.impedance, z, rtol=1e-6)
    assert codes == ["columns_guessed"]


def test_a_sign_that_the_user_chose_is_kept_and_questioned():
    z = impedance()
    names = {"frequency": "1 [Hz]", "impedance_real": "2 [Ohm]", "impedance_imag": "3 [Ohm]"}
    spectrum, codes = read_one(spectrum_text(z.real, -z.imag), "eis.txt", columns=names)
    np.testing.assert_allclose(spectrum.impedance, z.conj(), rtol=1e-6)
    assert codes == ["impedance_sign_contradicted"]


def test_a_phase_without_unit_is_in_what_the_modulus_shows():
    z = impedance()
    spectrum, codes = read_one(spectrum_text(np.abs(z), np.angle(z), "f\t|Z|\tphase"))
    np.testing.assert_allclose(spectrum.impedance, z, rtol=1e-6)
    assert "phase_in_radians" in codes
    spectrum, codes = read_one(spectrum_text(np.abs(z), np.degrees(np.angle(z)), "f\t|Z|\tphase"))
    np.testing.assert_allclose(spectrum.impedance, z, rtol=1e-6)
    assert codes == ["columns_guessed"]


@pytest.mark.parametrize("kind", ["time, potential, current", "resistance", "noise"])
def test_three_columns_that_are_no_spectrum_are_not_guessed(kind):
    noise = np.random.default_rng(1)
    columns = {
        "time, potential, current": (np.arange(1.0, 32), 1e-3 * np.arange(31.0), 1e-6 * np.arange(31.0) + 1e-9),
        "resistance": (FREQUENCY, np.full(31, 100.0), np.full(31, -0.01)),
        "noise": (FREQUENCY, 10 ** noise.uniform(0, 3, 31), noise.uniform(-80, 80, 31)),
    }[kind]
    text = "".join(" ".join(f"{value:.6e}" for value in row) + "\n" for row in zip(*columns, strict=True))
    with pytest.raises(RefusedError, match="without a header") as refused:
        table.read(text.encode(), "odd.txt")
    assert "impedance_real" in str(refused.value)


def test_advice_for_a_spectrum_speaks_of_impedance_and_names_no_unit_that_is_not_there():
    with pytest.raises(RefusedError) as refused:
        table.read(b"Frequency (Hz),Resist,React,T\n" + b"1,2,3,4\n2,3,4,5\n3,4,5,6\n", "odd.csv")
    sentence = str(refused.value)
    assert "impedance_real" in sentence
    assert "potential" not in sentence
    for unit in ("Ω", "mA", "[V]"):
        assert unit not in sentence
    with pytest.raises(RefusedError) as refused:
        table.read(b"Voltage (V),Current\n1,2\n2,3\n3,4\n", "odd.csv")
    assert 'potential="Voltage (V)"' in str(refused.value)
    assert 'current="Current [unit]"' in str(refused.value)


# time


@pytest.mark.parametrize(
    ("header", "cell", "seconds"),
    [
        ("Cumulative Time [s]", "{k}", 1.0),
        ("~Time[s]", "{k}", 1.0),
        ("Seconds", "{k}", 1.0),
        ("Elapsed (min)", "{k}", 60.0),
        ("Test (Min)", "{k}", 60.0),
        ("Zeit [h]", "{k}", 3600.0),
        ("Total Time (Hours in hh:mm:ss.xxx)", "{k}:00:00.000", 3600.0),
        ("TestTime", "  0d {k:02d}:00:00.0000", 3600.0),
        ("Test Time", "{k}d 00:00:00", 86400.0),
        ("Time", "{k} days 00:00:00", 86400.0),
        ("Time", "{k}.00:00:00.5", 86400.0),
        ("Time", "{k:02d}:30.5", 60.0),
        ("Absolute Time", "2024-02-{day:02d} 10:00:00.250", 86400.0),
        ("DateTime", "{day:02d}.01.2024 10:00:00", 86400.0),
        ("Date", "01/{day:02d}/2024 11:00:00 PM", 86400.0),
        ("DPT Time", "{day:02d}-Jan-24 3:56:08 PM", 86400.0),
        ("Timestamp", "2024-01-{day:02d}T10:00:00+01:00", 86400.0),
    ],
)
def test_time_in_every_form(header, cell, seconds):
    shown = [cell.format(k=k, day=k + 1) for k in range(28)]
    text = f"{header}\tE/V\tI/A\n" + "".join(f"{one}\t{0.01 * k}\t{1e-6 * k}\n" for k, one in enumerate(shown))
    trace, codes = read_one(text.encode(), "own.txt")
    np.testing.assert_allclose(trace.time - trace.time[0], seconds * np.arange(28), rtol=1e-12)
    assert not {"time_unknown", "time_unreadable"} & {*codes}


@pytest.mark.parametrize(
    ("header", "cell", "code"),
    [
        ("Time (s)", "t={k}", "time_unreadable"),
        ("Time", "{k}", "time_unreadable"),
        ("Step", "{k}", "time_unknown"),
    ],
)
def test_a_table_without_readable_time_says_so(header, cell, code):
    trace, codes = read_one(trace_text(f"{header},E/V,I/A", lambda k: f"{cell.format(k=k)},{0.01 * k},{k}"))
    assert np.isnan(trace.time).all()
    assert code in codes


def test_a_clock_of_the_day_passes_midnight():
    start = datetime.datetime(2024, 1, 1, 23, 50)
    shown = [(start + datetime.timedelta(minutes=k)).strftime("%H:%M:%S") for k in ROWS]
    trace, codes = read_one(trace_text("Time,E/V,I/A", lambda k: f"{shown[k]},{k},{k}"))
    np.testing.assert_allclose(np.diff(trace.time), 60)
    assert "midnight" in codes


def test_dates_beside_the_test_time_give_start_and_pauses():
    start = datetime.datetime(2024, 1, 1, 12, 0, 0, tzinfo=datetime.UTC)
    moments = [start + datetime.timedelta(seconds=10.0 * k + 5000 * (k > 9)) for k in ROWS]
    text = trace_text("Test Time (s),Date,E/V,I/A", lambda k: f"{10 * k},{moments[k]:%Y-%m-%d %H:%M:%S},{k},{k}")
    trace, codes = read_one(text)
    assert trace.start == start.timestamp()
    np.testing.assert_allclose(trace.time, 10.0 * np.arange(30) + 5000 * (np.arange(30) > 9))
    assert "pauses_kept" in codes


# cells, headers, rows


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("Seconds,Volts,Amps", "{k},{v},{i}"),
        ("s,V,A", "{k},{v},{i}"),
        ("Time,Voltage,Current", "{k} s,{mv} mV,{ua} µA"),
        ("Time [s],Voltage [V],Current [A]", "{k},{mv}m,{ua}u"),
        ("Time [s],Voltage [V],Current [mA]", "{k},{v},{ua} uA"),
        ('"Time (s)","Voltage (mV)","Current (µA)"', '"{k}","{mv:,.2f}","{ua:,.2f}"'),
        ("Time [s]|Voltage [V]|Current [A]", "{k}|{v}|{i}"),
        ("Zeit;Spannung;Strom\ns;mV;µA", "{k};{mv};{ua}"),
        ("# made by hand\n#Time(s),E(V),I(A)", "{k},{v},{i}"),
        ("Time (s),Voltage (V),Current (A),Note,Aux", "{k},{v},{i}"),
    ],
)
def test_units_wherever_they_are_written(header, row):
    content = trace_text(
        header, lambda k: row.format(k=k, v=0.1 * k, mv=100.0 * k, i=f"{2e-6 * 1000 * k:.6e}", ua=2000 * k)
    )
    trace, codes = read_one(content)
    assert isinstance(trace, Trace)
    np.testing.assert_allclose(trace.time, np.arange(30))
    np.testing.assert_allclose(trace.potential, 0.1 * np.arange(30), atol=1e-12)
    np.testing.assert_allclose(trace.current, 2e-3 * np.arange(30), atol=1e-12)
    assert "unreadable_cells" not in codes


def test_names_that_could_be_symbols_or_units_are_not_guessed():
    with pytest.raises(RefusedError, match="name no unit"):
        table.read(trace_text("V,I", lambda k: f"{k},{k}"), "own.csv")
    with pytest.raises(RefusedError, match="name no unit"):
        table.read(trace_text("time,voltage,current", lambda k: f"{k},{k},{k}"), "own.csv")


def test_a_unit_of_another_quantity_in_the_cells_is_not_taken():
    with pytest.raises((RefusedError, InputError)):
        table.read(trace_text("Voltage,Current", lambda k: f"{k} mA,{k} mA"), "own.csv")


@pytest.mark.parametrize("cells", ["{k},0.1,{i},{t}", "{k},0.1,{i},{t} °C"])
@pytest.mark.parametrize("header", ["T [°C]", "Aux_Temperature_1(C)", "Chamber Temp", "T1[\ufffdC]", "Temperature"])
def test_a_temperature_reaches_the_trace(header, cells):
    text = trace_text(f"t/s,E/V,I/A,{header}", lambda k: cells.format(k=k, i=1e-6 * k, t=20 + k))
    trace, _ = read_one(text)
    np.testing.assert_allclose(trace.temperature, 293.15 + np.arange(30))


def test_a_temperature_without_unit_in_kelvin():
    trace, _ = read_one(trace_text("t/s,E/V,I/A,Temp", lambda k: f"{k},1,2,{298.15 + k}"))
    np.testing.assert_allclose(trace.temperature, 298.15 + np.arange(30))


def test_the_temperature_of_a_spectrum():
    z = impedance()
    rows = "".join(f"{f},{one.real},{one.imag},60.5\n" for f, one in zip(FREQUENCY, z, strict=True))
    spectrum, _ = read_one(("f/Hz,Z'/Ohm,Z''/Ohm,T/degC\n" + rows).encode())
    assert spectrum.temperature == pytest.approx(333.65)


def test_a_table_shorter_than_its_header_says():
    _, codes = read_one(b"Number of points: 100\n" + trace_text("t/s,E/V,I/A", lambda k: f"{k},{k},{k}"))
    assert "points_missing" in codes
    _, codes = read_one(b"Number of points: 30\n" + trace_text("t/s,E/V,I/A", lambda k: f"{k},{k},{k}"))
    assert "points_missing" not in codes


def test_a_file_with_rows_is_not_called_empty():
    with pytest.raises(RefusedError) as refused:
        table.read(b"t/s,E/V,I/A,n\n" + b"".join(b"%d,,,%d\n" % (k, k) for k in ROWS), "own.csv")
    assert "empty" not in str(refused.value)


@pytest.mark.parametrize("header", ["State", "Md", "Step Type", "Status"])
def test_an_unsigned_current_takes_its_direction_from_the_states(header):
    words = ["Rest"] * 10 + ["CC_Chg"] * 10 + ["CC_DChg"] * 10
    sign = np.repeat([0, 1, -1], 10)
    content = trace_text(f"t/s,{header},E/V,I/mA", lambda k: f"{k},{words[k]},{3.6 + 0.1 * sign[k]},{abs(sign[k])}")
    trace, codes = read_one(content)
    np.testing.assert_allclose(trace.current, 1e-3 * sign)
    assert "direction_from_state" in codes


def test_an_unsigned_current_without_states_is_never_read_as_positive():
    sign = np.repeat([0, 1, 0, -1, 0, 1], 5)
    content = trace_text("t/s,E/V,I/mA", lambda k: f"{k},{0.1 * sign[k]},{abs(sign[k])}")
    trace, codes = read_one(content)
    assert np.isnan(trace.current[sign != 0]).all()
    assert "direction_unknown" in codes


# workbooks


def workbook(rows):
    book = openpyxl.Workbook()
    for row in rows:
        book.worksheets[0].append(row)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def test_a_workbook_follows_the_same_rules():
    rows = [["cell 7"], ["Total Time", "State", "Spannung [mV]", "I [µA]", "T [°C]", "Note", "Aux"]]
    rows += [
        [datetime.timedelta(hours=k), "D" if k > 14 else "C", "1,020.5" if k == 3 else 10.0 * k, 5 * k, "25,5"]
        for k in ROWS
    ]
    trace, codes = read_one(workbook(rows), "own.xlsx")
    np.testing.assert_allclose(trace.time, 3600.0 * np.arange(30))
    assert trace.potential[3] == pytest.approx(1.0205)
    np.testing.assert_allclose(trace.current, 5e-6 * np.arange(30) * np.where(np.arange(30) > 14, -1, 1))
    np.testing.assert_allclose(trace.temperature, 298.65)
    assert "direction_from_state" in codes
    z = impedance()
    content = workbook([[float(v) for v in row] for row in zip(FREQUENCY, z.real, -z.imag, strict=True)])
    spectrum, codes = read_one(content, "eis.xlsx")
    np.testing.assert_allclose(spectrum.impedance, z, rtol=1e-12)
    assert codes == ["columns_by_points"]


def test_an_integer_of_excel_is_a_number():
    trace, _ = read_one(workbook([["t/s", "E/V", "I/A"], *[[k, True if k == 4 else k, k] for k in ROWS]]), "own.xlsx")
    assert trace.potential[3] == 3
    assert math.isnan(trace.potential[4]) or len(trace) == 29


def test_names_that_end_beyond_the_rows_are_columns_without_cells():
    trace, codes = read_one(trace_text("t/s,E/V,I/A,T [°C]", lambda k: f"{k},{k},{2 * k}"))
    np.testing.assert_allclose(trace.current, 2.0 * np.arange(30))
    assert trace.temperature is None
    assert "names_without_cells" in codes


def test_names_set_apart_by_two_separators():
    trace, _ = read_one(trace_text("t/s\t\tE/V\tI/A", lambda k: f"{k}\t{3 * k}\t{2 * k}"))
    np.testing.assert_allclose(trace.potential, 3.0 * np.arange(30))
    with pytest.raises(RefusedError, match="cannot be assigned"):
        table.read(trace_text("t/s\t\t\tE/V\tI/A", lambda k: f"{k}\t{3 * k}\t{2 * k}\t7"), "own.csv")


def test_the_first_row_does_not_decide_for_all():
    content = trace_text("t/s,E/V,I/A", lambda k: f"{k},{k},{2 * k}" + (",7" if k == 0 else ""))
    trace, codes = read_one(content)
    assert len(trace) == 29
    assert "ragged_rows" in codes


def test_a_letter_is_no_impedance_without_a_frequency():
    trace, _ = read_one(trace_text("t/s,E/V,I/A,x", lambda k: f"{k},{k},{2 * k},"))
    np.testing.assert_allclose(trace.current, 2.0 * np.arange(30))
