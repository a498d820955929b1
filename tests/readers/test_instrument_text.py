"""Text of six instruments: real files against their own raw text, own files in the same formats, and damage."""

from __future__ import annotations

import contextlib
import datetime
import re
import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rampion.errors import InputError, RampionError, RefusedError
from rampion.measurement import Spectrum, Sweep, Trace
from rampion.readers import autolab, chi, relaxis, versastudio, zahner, zplot
from real_files import real_file


def raw_rows(name: str, first: str, separator: str) -> np.ndarray:
    """Rows of numbers from the line that begins with ``first`` on, without the package's own text reader."""
    lines = real_file(name).read_text(encoding="utf-8-sig").splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith(first))
    rows = []
    for line in lines[at:]:
        cells = line.strip().split(separator)
        if len(cells) < 2 or not re.match(r"\s*[-+\d.]", cells[0]):
            break
        rows.append([float(cell) for cell in cells])
    return np.array(rows)


def codes(flags) -> list[str]:
    return [flag.code for flag in flags]


# CH Instruments


@pytest.mark.parametrize(
    ("name", "first", "bias", "amplitude"),
    [
        ("chi/exampleDataCHInstruments.txt", "9.961e+4", 0.0, 0.025),
        ("chi/nomad_hzb/EIS -0,48 V.txt", "9.990e+5", -0.48, 0.005),
    ],
)
def test_chi_impedance(name, first, bias, amplitude):
    content = real_file(name).read_bytes()
    assert chi.recognise(content[:4096], name)
    (spectrum,), flags = chi.read(content, name)
    rows = raw_rows(name, first, ",")
    assert isinstance(spectrum, Spectrum)
    np.testing.assert_array_equal(spectrum.frequency, rows[:, 0])
    np.testing.assert_array_equal(spectrum.impedance, rows[:, 1] + 1j * rows[:, 2])
    assert (spectrum.potential, spectrum.amplitude) == (bias, amplitude)
    assert flags == ()


def test_chi_voltammogram_has_the_times_of_its_scan_rate():
    name = "chi/nomad_hzb/CV-1T.txt"
    (trace,), _ = chi.read(real_file(name).read_bytes(), name)
    rows = raw_rows(name, "-0.500, -4.214e-4", ",")
    assert isinstance(trace, Trace)
    np.testing.assert_array_equal(trace.potential, rows[:, 0])
    np.testing.assert_array_equal(trace.current, rows[:, 1])
    assert np.max(np.abs(np.diff(trace.potential) / np.diff(trace.time))) == pytest.approx(0.04)
    assert trace.start == datetime.datetime(2024, 6, 13, 13, 13, 28, tzinfo=datetime.UTC).timestamp()
    assert codes(trace.flags) == ["current_sign_unknown", "time_laid_out"]


def chi_text(technique, settings_, header, rows) -> bytes:
    lines = ["March 3, 2025   09:00:00", technique, "File: c:\\own.txt", "Data Source:  Experiment",
             "Instrument Model:  CHI760E", "Header: ", "Note: ", "", *settings_, "", header, "", *rows]  # fmt: skip
    return "\r\n".join(lines).encode() + b"\r\n"


def test_chi_row_that_is_no_row_is_counted():
    rows = [f"{0.01 * i:.3f}, {1e-6 * i:.3e}" for i in range(10)]
    rows[4] = "overload"
    content = chi_text("Linear Sweep Voltammetry", ["Scan Rate (V/s) = 0.01"], "Potential/V, Current/A", rows)
    (trace,), flags = chi.read(content, "own.txt")
    assert len(trace) == 9
    (flag,) = [flag for flag in flags if flag.code == "ragged_rows"]
    assert dict(flag.details)["count"] == 1


def test_chi_sweep_segments_and_two_electrodes():
    settings_ = ["Init E (V) = 0", "Final E (V) = 0.3", "Scan Rate (V/s) = 0.1"]
    rows = ["Segment 1:", "0.000, 1e-6, 9", "0.100, 2e-6, 9", "Segment 2:", "0.200, 3e-6, 9", "0.300, 4e-6, 9"]
    content = chi_text("Linear Sweep Voltammetry", settings_, "Potential/V, i1/A, i2/A", rows)
    (trace,), _ = chi.read(content, "own.txt")
    assert isinstance(trace, Trace)
    np.testing.assert_allclose(trace.time, [0, 1, 2, 3])
    np.testing.assert_allclose(trace.current, [1e-6, 2e-6, 3e-6, 4e-6])
    assert trace.protocol == Sweep(rate=0.1, start=0.0, stop=0.3)


def test_chi_current_against_time():
    content = chi_text(
        "i-t Curve", ["Init E (V) = 0.5"], "Time/sec, Current/A", ["0.1, 1e-6", "0.2, 2e-6", "0.3, 3e-6"]
    )
    (trace,), flags = chi.read(content, "own.txt")
    np.testing.assert_allclose(trace.time, [0.1, 0.2, 0.3])
    assert "potential_unknown" in codes(flags)


def test_a_chi_sweep_with_a_potential_lost_says_that_its_times_are():
    rows = ["0.000, 1e-6", f"{'9' * 400}, 2e-6", "0.200, 3e-6", "0.300, 4e-6"]
    content = chi_text("Linear Sweep Voltammetry", ["Scan Rate (V/s) = 0.1"], "Potential/V, Current/A", rows)
    (trace,), flags = chi.read(content, "own.txt")
    assert np.isnan(trace.time).all()
    assert {"time_left_out"} <= {*codes(trace.flags), *codes(flags)}


def test_chi_without_points_is_refused():
    with pytest.raises(RefusedError, match="without points"):
        chi.read(chi_text("Cyclic Voltammetry", [], "Potential/V, Current/A", []), "own.txt")


# ZPlot and Z60W


def test_zplot():
    name = "other_eis/exampleDataZPlot.z"
    content = real_file(name).read_bytes()
    assert zplot.recognise(content[:4096], name)
    (spectrum,), flags = zplot.read(content, name)
    rows = raw_rows(name, "3.000000E+05", "\t")
    assert isinstance(spectrum, Spectrum)
    np.testing.assert_array_equal(spectrum.frequency, rows[:, 0])
    np.testing.assert_array_equal(spectrum.impedance, rows[:, 4] + 1j * rows[:, 5])
    np.testing.assert_array_equal(spectrum.time, rows[:, 3])
    assert spectrum.amplitude == 0.01
    assert not spectrum.galvanostatic
    # the header announces 56 points and the file holds 21
    assert codes(flags) == ["points_missing", "clock_ambiguous"]


def test_z60w():
    name = "other_eis/exampleDataAutolab.txt"
    content = real_file(name).read_bytes()
    assert zplot.recognise(content[:4096], name)
    (spectrum,), flags = zplot.read(content, name)
    rows = raw_rows(name, "10000,0", ",")
    np.testing.assert_array_equal(spectrum.frequency, rows[:, 0])
    np.testing.assert_array_equal(spectrum.impedance, rows[:, 4] + 1j * rows[:, 5])
    assert len(spectrum) == 41
    assert codes(flags) == ["clock_unknown"]


def test_zplot_of_an_empty_run_is_refused():
    text = "ZPLOT2 ASCII\n  Data Points:  0\n  Freq(Hz)\tAmpl\tBias\tTime(Sec)\tZ'(a)\tZ''(b)\nEnd Comments\n"
    with pytest.raises(RefusedError, match="lists no impedance"):
        zplot.read(text.encode(), "own.z")


def test_zplot_columns_are_known_by_their_names():
    rows = [f"{10 * i}.0\t-{i}.5\t{10.0 ** (5 - i):.6E}\t0.01\t0\t{i}" for i in range(1, 5)]
    names = "Z'(a)\tZ''(b)\tFreq(Hz)\tAmpl\tBias\tTime(Sec)"
    (spectrum,), _ = zplot.read("\n".join(["ZPLOT2 ASCII", names, "End Comments", *rows, ""]).encode(), "own.z")
    np.testing.assert_allclose(spectrum.frequency, [1e4, 1e3, 1e2, 1e1])
    np.testing.assert_allclose(spectrum.impedance, [10 - 1.5j, 20 - 2.5j, 30 - 3.5j, 40 - 4.5j])


# Zahner


def test_zahner_table():
    name = "zahner/polarization.txt"
    content = real_file(name).read_bytes()
    assert zahner.recognise(content[:4096], name)
    (trace,), _ = zahner.read(content, name)
    lines = [line.split("\t") for line in content.decode().splitlines()[1:]]
    assert isinstance(trace, Trace)
    np.testing.assert_array_equal(trace.potential, [float(cells[1]) for cells in lines])
    np.testing.assert_array_equal(trace.current, [float(cells[2]) for cells in lines])
    moments = [datetime.datetime.strptime(cells[0], "%Y-%m-%d %H:%M:%S.%f") for cells in lines]
    np.testing.assert_allclose(trace.time, [(moment - moments[0]).total_seconds() for moment in moments], atol=1e-6)


@pytest.mark.parametrize("name", ["22-cp-1700mv-10min_c.txt", "25-currentscan3_c.txt"])
def test_zahner_header_without_data_is_refused(name):
    content = real_file(f"zahner/nomad_hzb/{name}").read_bytes()
    assert zahner.recognise(content[:4096], name)
    with pytest.raises(RefusedError, match="without its data"):
        zahner.read(content, name)


def ism(frequency, modulus, phase) -> bytes:
    """A spectrum in Thales' layout: numbers big-endian, seconds since 1980, texts with their length before them."""
    count = len(frequency)

    def text(words):
        return struct.pack(">h", len(words)) + words.swapcase().encode()

    columns = b"".join(struct.pack(f">{count}d", *column) for column in (frequency, modulus, phase))
    times = struct.pack(f">{count}d", *(1.4e9 + 2.0 * i for i in range(count)))
    texts = b"".join(text(words) for words in ("010125", "cell", "0 V", "0 A", "25", "", "", "", "", "", "", ""))
    constants = [0.0] * 32
    constants[25] = 10.0
    head = (100).to_bytes(6, "big") + (count - 1).to_bytes(6, "big")
    return head + columns + times + b"\0\1" * count + texts + struct.pack(">h", 0) + struct.pack(">32d", *constants)


def test_thales_spectrum():
    pytest.importorskip("zahner_analysis", reason="needs the extra rampion[zahner]")
    frequency, modulus, phase = [1e5, 1e4, 1e3, 1e2], [10.0, 12.0, 20.0, 30.0], [-0.1, -0.3, -0.5, -0.2]
    (spectrum,), flags = zahner.read(ism(frequency, modulus, phase), "own.ism")
    assert isinstance(spectrum, Spectrum)
    order = np.argsort(spectrum.frequency)[::-1]
    np.testing.assert_allclose(spectrum.frequency[order], frequency)
    np.testing.assert_allclose(spectrum.impedance[order], np.array(modulus) * np.exp(1j * np.array(phase)))
    assert spectrum.amplitude == pytest.approx(0.01)
    # seconds since 1980 on the instrument's clock
    assert spectrum.start == pytest.approx(315532800 + 1.4e9)
    assert flags == ()


def test_a_thales_spectrum_whose_times_were_never_written_is_refused():
    pytest.importorskip("zahner_analysis", reason="needs the extra rampion[zahner]")
    content = ism([1e5, 1e4, 1e3, 1e2], [10.0, 12.0, 20.0, 30.0], [-0.1, -0.3, -0.5, -0.2])
    times = 12 + 3 * 8 * 4  # bytes: the head, then frequencies, moduli and phases of four points
    with pytest.raises(InputError, match="one time"):
        zahner.read(content[:times] + bytes(8 * 4) + content[times + 8 * 4 :], "own.ism")


def test_thales_current_potential_curve():
    pytest.importorskip("zahner_analysis", reason="needs the extra rampion[zahner]")
    rows = [(100.0 * i, 2.0 * i, 500.0 * i) for i in range(5)]  # mV, mA, ms
    content = (1).to_bytes(6, "big") + (0).to_bytes(6, "big") + (4).to_bytes(6, "big")
    content += b"".join(struct.pack(">3d", *row) for row in rows)
    (trace,), flags = zahner.read(content, "own.isw")
    assert isinstance(trace, Trace)
    np.testing.assert_allclose(trace.potential, 0.1 * np.arange(5))
    np.testing.assert_allclose(trace.current, 2e-3 * np.arange(5))
    np.testing.assert_allclose(trace.time, 0.5 * np.arange(5))
    assert codes(flags) == ["clock_unknown"]


@pytest.mark.parametrize("suffix", ["ism", "isw", "isc"])
@pytest.mark.parametrize("content", [b"", b"abc", b"\xff" * 200, b"\x00" * 20, b"\x7f" * 400])
def test_damaged_thales_files_are_refused(suffix, content):
    pytest.importorskip("zahner_analysis", reason="needs the extra rampion[zahner]")
    with pytest.raises(InputError):
        zahner.read(content, f"odd.{suffix}")


# NOVA


def test_nova_trace_with_decimal_commas():
    header = "Potential applied (V);Time (s);WE(1).Current (A);WE(1).Potential (V);Scan;Index"
    rows = [f"0,{i};1{i},5;{i},25E-05;0,{i}01;1;{i}" for i in range(1, 6)]
    content = "\n".join([header, *rows, ""]).encode()
    assert autolab.recognise(content, "nova.txt")
    (trace,), flags = autolab.read(content, "nova.txt")
    assert isinstance(trace, Trace)
    np.testing.assert_allclose(trace.potential, [0.101, 0.201, 0.301, 0.401, 0.501])
    np.testing.assert_allclose(trace.current, [1.25e-5, 2.25e-5, 3.25e-5, 4.25e-5, 5.25e-5])
    np.testing.assert_allclose(trace.time, [11.5, 12.5, 13.5, 14.5, 15.5])
    assert codes(flags) == ["clock_unknown"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "ascii"])
def test_nova_frequency_scan(encoding):
    header = "Index\tFrequency (Hz)\tZ' (Ω)\t-Z'' (Ω)\tZ (Ω)\t-Phase (°)\tTime (s)"
    rows = [f"{i}\t{10 ** (6 - i)}\t{10 * i}.5\t{i}.25\t1\t2\t{i}" for i in range(1, 5)]
    content = "\r\n".join([header, *rows, ""]).encode(encoding, "replace")
    assert autolab.recognise(content, "fra.txt")
    (spectrum,), _ = autolab.read(content, "fra.txt")
    assert isinstance(spectrum, Spectrum)
    np.testing.assert_allclose(spectrum.impedance, [10.5 - 1.25j, 20.5 - 2.25j, 30.5 - 3.25j, 40.5 - 4.25j])


def test_nova_names_that_are_fewer_than_the_columns_are_not_shifted():
    content = "Time (s);WE(1).Current (A)\n" + "".join(f"{i}.5;0.{i};{i}.25E-06\n" for i in range(1, 6))
    with pytest.raises(RefusedError, match="rows of 3 cells under 2 column names"):
        autolab.read(content.encode(), "nova.txt")


# VersaStudio


def test_versastudio():
    name = "other_eis/exampleDataVersaStudio.par"
    content = real_file(name).read_bytes()
    assert versastudio.recognise(content[:4096], name)
    (spectrum,), flags = versastudio.read(content, name)
    rows = raw_rows(name, "0,0,0,", ",")
    assert isinstance(spectrum, Spectrum)
    np.testing.assert_array_equal(spectrum.frequency, rows[:, 9])
    np.testing.assert_array_equal(spectrum.impedance, rows[:, 14] + 1j * rows[:, 15])
    np.testing.assert_array_equal(spectrum.time, rows[:, 4])
    assert spectrum.amplitude == pytest.approx(0.02 * 2**0.5)  # the file states the root mean square
    assert spectrum.start == datetime.datetime(2018, 7, 19, 9, 40, 30, tzinfo=datetime.UTC).timestamp()
    assert codes(spectrum.flags) == ["uncalibrated_impedance", "scan_unfinished"]  # set to 1 mHz, ends at 22 mHz
    assert flags == ()


def test_versastudio_sweep():
    text = (
        "<Application>\nName=VersaStudio\n</Application>\n<Action1>\nScan Rate (V/s)=.005\n"
        "Initial Potential (V),Value=0\nFinal Potential (V),Value=1\nName=Linear Scan Voltammetry\n</Action1>\n"
        "<Segment1>\nType=2\n"
        "Definition=Segment #, Point #, E(V), I(A), Elapsed Time(s), Frequency(Hz), Z Real, Z Imag, 0\n"
        "0,0,0.1,1E-06,0.5,0,0,0\n0,1,0.2,2E-06,1.5,0,0,0\n0,2,0.3,3E-06,2.5,0,0,0\n</Segment1>\n"
    )
    (trace,), flags = versastudio.read(text.encode(), "own.par")
    assert isinstance(trace, Trace)
    np.testing.assert_allclose(trace.potential, [0.1, 0.2, 0.3])
    np.testing.assert_allclose(trace.current, [1e-6, 2e-6, 3e-6])
    assert trace.protocol == Sweep(rate=0.005, start=0.0, stop=1.0)
    assert codes(flags) == ["clock_unknown"]


@pytest.mark.parametrize("row", ["0,0,0.1,1E-0", "0,0,0.1", "0,0", "0,0,0.", "0,0,0.1,1E-06,0.5,0,0"])
def test_versastudio_cut_in_its_first_row_has_no_point(row):
    """The remains of a row are no point, whatever its potential and current look like."""
    text = (
        "<Application>\nName=VersaStudio\n</Application>\n<Segment1>\nType=2\n"
        f"Definition=Segment #, Point #, E(V), I(A), Elapsed Time(s), Frequency(Hz), Z Real, Z Imag, 0\n{row}"
    )
    with pytest.raises(RefusedError, match="without points"):
        versastudio.read(text.encode(), "own.par")


# RelaxIS


def test_relaxis_agrees_with_ec_labs_export_of_the_same_spectrum():
    name = "solid_state/hybrid-drt_LPSCl/PEIS_LPSCl_IonBlocking_-25C_RelaxIS.txt"
    content = real_file(name).read_bytes()
    assert relaxis.recognise(content[:4096], name)
    (spectrum,), _ = relaxis.read(content, name)
    assert isinstance(spectrum, Spectrum)
    rows = raw_rows(name, "0.10002180933952332", "\t")
    np.testing.assert_allclose(spectrum.frequency, rows[:, 0], rtol=1e-15)
    np.testing.assert_allclose(spectrum.impedance, rows[:, 1] + 1j * rows[:, 2], rtol=1e-15)
    assert spectrum.potential == -0.080042
    lines = real_file(name.replace("_RelaxIS", "")).read_text(encoding="latin-1").splitlines()
    announced = int(re.search(r"\d+", lines[1])[0])  # type: ignore[index]
    export = np.array([[float(cell) for cell in line.split("\t")[:3]] for line in lines[announced:]])
    export = export[np.argsort(export[:, 0])]
    np.testing.assert_allclose(spectrum.frequency, export[:, 0], rtol=1e-6)
    np.testing.assert_allclose(spectrum.impedance, export[:, 1] - 1j * export[:, 2], rtol=1e-6)


def test_relaxis_with_several_spectra_side_by_side():
    group = ["Data: Frequency", "Data: Z'", "Data: Z''"]
    lines = ["RelaxIS 3.0 Spectrum export", "Date: 1/1/2025", "\t".join(group * 2),
             "DC=0.5, TM=25\tModel: A\tfirst\tDC=-0.25, TM=30\tModel: B\tsecond",
             "10\t1\t-2\t20\t3\t-4", "100\t5\t-6\t200\t7\t-8"]  # fmt: skip
    (first, second), _ = relaxis.read("\r\n".join([*lines, ""]).encode(), "own.txt")
    np.testing.assert_allclose(first.impedance, [1 - 2j, 5 - 6j])
    np.testing.assert_allclose(second.impedance, [3 - 4j, 7 - 8j])
    np.testing.assert_allclose(second.frequency, [20, 200])
    assert (first.potential, second.potential) == (0.5, -0.25)
    assert first.flags == second.flags == ()


def test_relaxis_row_without_frequency_is_counted():
    lines = ["RelaxIS 3.0 Spectrum export", "Date: 1/1/2025", "Data: Frequency\tData: Z'\tData: Z''",
             "DC=0.5, TM=25\tModel: A\tfirst", "10\t1\t-2", "\t3\t-4", "100\t5\t-6"]  # fmt: skip
    (spectrum,), _ = relaxis.read("\r\n".join([*lines, ""]).encode(), "own.txt")
    assert len(spectrum) == 2
    assert [dict(flag.details)["count"] for flag in spectrum.flags] == [1]


OWN = {
    "chi": (chi, chi_text("Linear Sweep Voltammetry", ["Init E (V) = 0", "Scan Rate (V/s) = 0.1"],
                          "Potential/V, Current/A", [f"{0.1 * i:.3f}, {1e-6 * i:.3e}" for i in range(20)])),
    "zplot": (zplot, ("ZPLOT2 ASCII\n  Freq(Hz)\tAmpl\tBias\tTime(Sec)\tZ'(a)\tZ''(b)\tGD\tErr\tRange\nEnd Comments\n"
                      + "".join(f"{10.0**(5 - i):.6E}\t1.0E-02\t0.0E+00\t{i}\t{i + 1}.0E+00\t-{i + 1}.0E+00\t0\t0\t3\n"
                                for i in range(6))).encode()),
    "nova": (autolab, ("Time (s);WE(1).Current (A);WE(1).Potential (V)\n"
                       + "".join(f"{i}.5;{i}.25E-06;0.{i}\n" for i in range(1, 9))).encode()),
    "relaxis": (relaxis, ("RelaxIS 3.0 Spectrum export\nDate: x\nData: Frequency\tData: Z'\tData: Z''\nDC=1\tM\tn\n"
                          + "".join(f"{10**i}.5\t{i}.25\t-{i}.75\n" for i in range(1, 6))).encode()),
    "zahner": (zahner, ("time\tvoltage\tcurrent\tindex\n"
                        + "".join(f"2024-12-06 10:06:5{i}.7\t0.9{i}\t0.1{i}\t{i}\n" for i in range(8))).encode()),
}  # fmt: skip


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(which=st.sampled_from(sorted(OWN)), cut=st.floats(0, 1), noise=st.binary(max_size=4))
def test_damage_leaves_true_numbers_or_a_sentence(which, cut, noise):
    module, content = OWN[which]
    (whole,), _ = module.read(content, "own.txt")
    parts: tuple = ()
    with contextlib.suppress(RampionError):
        parts, _ = module.read(content[: int(cut * len(content))] + noise, "own.txt")
    for part in parts:
        kept = max(0, len(part) - 2)  # the noise may have changed the last rows
        if isinstance(part, Spectrum):
            np.testing.assert_array_equal(part.impedance[:kept], whole.impedance[:kept])
            np.testing.assert_array_equal(part.frequency[:kept], whole.frequency[:kept])
        else:
            np.testing.assert_array_equal(part.potential[:kept], whole.potential[:kept])
            np.testing.assert_array_equal(part.current[:kept], whole.current[:kept])
