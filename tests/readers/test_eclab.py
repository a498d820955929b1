"""EC-Lab text and binary files: what they hold, the traps in them, and damage of every kind."""

from __future__ import annotations

import math
import random
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rampion.errors import InputError, RampionError, RefusedError
from rampion.measurement import FrequencyScan, Rest, Spectrum, Sweep, Trace
from rampion.readers import eclab_binary, eclab_text
from written_files import mpr, mpt, scientific

TIME = np.arange(40) * 0.5
RAMP = {
    "mode": np.full(40, 2),
    "time/s": TIME,
    "control/V": 1e-3 * TIME,
    "Ewe/V": 1e-3 * TIME + 1e-6,
    "<I>/mA": 0.02 * np.sin(TIME) + 0.03,
}
RATE = (("Ei (V)", "0.000"), ("vs.", "Ref"), ("EL (V)", "0.020"), ("vs.", "Ref"), ("dE/dt", "1.000"))
FREQUENCY = np.logspace(5, 0, 11)
IMPEDANCE = 100 + 500 / (1 + 1j * FREQUENCY / 300)


def spectrum_columns(repeats=1):
    frequency, impedance = np.tile(FREQUENCY, repeats), np.tile(IMPEDANCE, repeats)
    return {
        "freq/Hz": frequency,
        "Re(Z)/Ohm": impedance.real,
        "-Im(Z)/Ohm": -impedance.imag,
        "time/s": np.arange(frequency.size) + 1.0,
        "<Ewe>/V": np.full(frequency.size, 0.25),
        "<I>/mA": np.full(frequency.size, 0.01),
        "cycle number": np.repeat(np.arange(repeats) + 1.0, FREQUENCY.size),
    }


def codes(flags):
    return [flag.code for flag in flags]


@pytest.mark.parametrize("comma", [False, True])
@pytest.mark.parametrize("encoding", ["latin-1", "utf-8", "utf-16"])
def test_a_sweep_with_its_header(comma, encoding):
    content = mpt(RAMP, settings=[*RATE, ("dE/dt unit", "mV/s")], comma=comma, encoding=encoding)
    (trace,), flags = eclab_text.read(content, "a.mpt")
    assert isinstance(trace, Trace)
    np.testing.assert_allclose(trace.time, TIME, rtol=1e-15)
    np.testing.assert_allclose(trace.potential, RAMP["Ewe/V"], rtol=1e-7)
    np.testing.assert_allclose(trace.current, 1e-3 * RAMP["<I>/mA"], rtol=1e-7)
    assert trace.technique == "LSV"
    assert trace.protocol == Sweep(rate=1e-3, start=0.0, stop=0.02)
    assert trace.start == 1691757615.5
    assert "mode" in trace.extra
    assert flags == ()


def test_an_end_against_open_circuit_is_not_stated():
    relative = [("Ei (V)", "0.000"), ("vs.", "Eoc"), ("EL (V)", "0.020"), ("vs.", "Ref"), ("dE/dt", "60.0")]
    (trace,), _ = eclab_text.read(mpt(RAMP, settings=[*relative, ("dE/dt unit", "mV/mn")]), "a.mpt")
    assert trace.protocol.rate == pytest.approx(1e-3)
    assert math.isnan(trace.protocol.start)


def test_the_rate_that_was_applied_stands_in_for_a_missing_setting():
    (trace,), _ = eclab_text.read(mpt(RAMP), "a.mpt")
    assert trace.protocol.rate == pytest.approx(1e-3, rel=1e-6)


def test_a_rest_before_the_ramp_is_no_part_of_it():
    columns = RAMP | {"mode": np.repeat([3, 2], [2, 38]), "control/V": np.where(TIME < 1, 0.5, 1e-3 * TIME)}
    (trace,), _ = eclab_text.read(mpt(columns), "a.mpt")
    assert trace.protocol.rate == pytest.approx(1e-3, rel=1e-6)
    assert trace.protocol.start == pytest.approx(1e-3)


@pytest.mark.parametrize(("name", "factor"), [("I/A", 1.0), ("<I>/mA", 1e-3), ("I/µA", 1e-6), ("I/nA", 1e-9)])
def test_currents_in_every_unit(name, factor):
    columns = {"time/s": TIME, "Ewe/V": RAMP["Ewe/V"], name: np.full(40, 2.5)}
    (trace,), _ = eclab_text.read(mpt(columns), "a.mpt")
    np.testing.assert_allclose(trace.current, 2.5 * factor, rtol=1e-12)


@pytest.mark.parametrize("announced", [1, 5, 12, 400])
def test_a_wrong_header_count_is_not_trusted(announced):
    (trace,), flags = eclab_text.read(mpt(RAMP, announced=announced), "a.mpt")
    assert len(trace) == 40
    assert "header_count_wrong" in codes(flags)


def test_a_missing_header_is_said():
    (trace,), flags = eclab_text.read(mpt(RAMP, header=False), "cell_01_LSV_C02.mpt")
    assert len(trace) == 40
    assert trace.technique == "LSV"
    assert codes(flags) == ["header_missing"]
    assert eclab_text.recognise(mpt(RAMP, header=False)[:500], "export.txt")


def test_the_cell_is_between_both_electrodes():
    columns = RAMP | {"<Ece>/V": np.linspace(0, -0.4, 40)}
    (trace,), flags = eclab_text.read(mpt(columns), "a.mpt")
    np.testing.assert_allclose(trace.potential, RAMP["Ewe/V"] - columns["<Ece>/V"], atol=1e-7)
    assert codes(flags) == ["cell_voltage_chosen"]
    assert "Ewe/V" in trace.extra
    same, flags = eclab_text.read(mpt(RAMP | {"Ewe-Ece/V": RAMP["Ewe/V"]}), "a.mpt")
    np.testing.assert_allclose(same[0].potential, RAMP["Ewe/V"], rtol=1e-7)
    assert flags == ()


def test_a_potential_at_the_edge_of_its_range_is_said():
    columns = RAMP | {"Ewe/V": np.minimum(np.linspace(9, 11, 40), 10.0)}
    _, flags = eclab_text.read(mpt(columns), "a.mpt")
    assert "potential_saturated" in codes(flags)


def test_spectra_are_split_and_signed():
    columns = spectrum_columns(3)
    del columns["cycle number"]
    fields = [("fi", "100.0"), ("unit fi", "kHz"), ("ff", "1.0"), ("unit ff", "Hz"), ("Nd", "2"), ("Va (mV)", "14.1")]
    title = "Potentio Electrochemical Impedance Spectroscopy"
    content = mpt(columns, title=title, settings=[*fields, ("Points", "per decade")])
    parts, _ = eclab_text.read(content, "a.mpt")
    assert [len(part) for part in parts] == [11, 11, 11]
    np.testing.assert_allclose(parts[1].impedance, IMPEDANCE, rtol=1e-6)
    assert parts[0].impedance.imag.max() < 0
    assert parts[0].protocol == FrequencyScan(high=1e5, low=1.0, points_per_decade=2.0, amplitude=0.0141)
    assert parts[2].potential == pytest.approx(0.25)
    assert parts[2].current == pytest.approx(1e-5)


def test_the_other_sign_of_the_imaginary_part():
    columns = spectrum_columns()
    columns["Im(Z)/Ohm"] = -columns.pop("-Im(Z)/Ohm")
    (spectrum,), _ = eclab_text.read(mpt(columns), "a.mpt")
    np.testing.assert_allclose(spectrum.impedance, IMPEDANCE, rtol=1e-6)


def test_impedance_without_frequencies_is_refused():
    columns = spectrum_columns()
    del columns["freq/Hz"]
    with pytest.raises(RefusedError, match="freq/Hz"):
        eclab_text.read(mpt(columns), "a.mpt")
    cut = mpt(spectrum_columns()).replace(b"freq/Hz\t", b"")
    with pytest.raises(RefusedError, match="7 cells under 6"):
        eclab_text.read(cut, "a.mpt")


def test_impedance_inside_a_time_series_keeps_its_place():
    columns = {name: np.zeros(25) for name in ("freq/Hz", "Re(Z)/Ohm", "-Im(Z)/Ohm")}
    columns |= {"time/s": np.arange(25.0), "Ewe/V": np.linspace(0, 1, 25), "I/mA": np.linspace(1, 2, 25)}
    columns["freq/Hz"][8:19] = FREQUENCY
    columns["Re(Z)/Ohm"][8:19] = IMPEDANCE.real
    columns["-Im(Z)/Ohm"][8:19] = -IMPEDANCE.imag
    parts, _ = eclab_text.read(mpt(columns), "a.mpt")
    assert [type(part) for part in parts] == [Trace, Spectrum, Trace]
    assert [len(part) for part in parts] == [8, 11, 6]
    assert parts[0].time[-1] < parts[1].time[0] < parts[2].time[0]


def test_loops_begin_new_traces():
    lines = ["Number of loops : 2", "Loop 0 from point number 0 to 24", "Loop 1 from point number 25 to 39"]
    parts, _ = eclab_text.read(mpt(RAMP, extra=lines), "a.mpt")
    assert [len(part) for part in parts] == [25, 15]


def test_loops_from_the_list_beside_the_file(tmp_path):
    (tmp_path / "a_LOOP.txt").write_text("VMP EXPERIMENT LOOP INDEXES\n0\n10\n40\n", encoding="ascii")
    parts, _ = eclab_text.read(mpt(RAMP, header=False), "a.txt", tmp_path / "a.txt")
    assert [len(part) for part in parts] == [10, 30]


def test_time_that_runs_backwards_is_split():
    columns = RAMP | {"time/s": np.concatenate([TIME[:15], TIME[:25]])}
    parts, flags = eclab_text.read(mpt(columns), "a.mpt")
    assert [len(part) for part in parts] == [15, 25]
    assert "time_backwards" in codes(flags)


def test_open_circuit_has_no_current_and_a_set_current_is_said():
    columns = {"mode": np.full(40, 3), "time/s": TIME, "Ewe/V": RAMP["Ewe/V"]}
    (rest,), _ = eclab_text.read(mpt(columns, title="Open Circuit Voltage"), "a.mpt")
    assert isinstance(rest.protocol, Rest)
    assert np.all(rest.current == 0)
    columns = {"mode": np.repeat([1, 3, 2], [20, 10, 10]), "time/s": TIME, "control/V/mA": np.full(40, 0.4)}
    (cycled,), flags = eclab_text.read(mpt(columns | {"Ewe/V": RAMP["Ewe/V"]}, title="Cycling"), "a.mpt")
    assert cycled.current[5] == pytest.approx(4e-4)
    assert cycled.current[25] == 0
    assert math.isnan(cycled.current[35])
    assert "current_as_set" in codes(flags)


def test_a_file_without_current_says_so():
    (trace,), flags = eclab_text.read(mpt({"time/s": TIME, "Ewe/V": RAMP["Ewe/V"]}, header=False), "a.txt")
    assert np.isnan(trace.current).all()
    assert "current_unknown" in codes(flags)


def test_times_as_dates():
    rows = [f"08/11/2023 12:40:{k:02d}.500\t{scientific(0.1 * k)}\t{scientific(k)}" for k in range(20)]
    text = "EC-Lab ASCII FILE\nNb header lines : 3\ntime/s\tEwe/V\tI/mA\n" + "\n".join(rows) + "\n"
    (trace,), _ = eclab_text.read(text.encode(), "a.mpt")
    assert trace.start == 1691757600.5
    np.testing.assert_allclose(trace.time, np.arange(20.0))


def test_several_exports_in_one_file():
    parts, _ = eclab_text.read(mpt(RAMP) + mpt(spectrum_columns()), "a.mpt")
    assert [type(part) for part in parts] == [Trace, Spectrum]


def test_the_area_in_the_file_is_kept_where_it_is_not_the_default():
    (default,), flags = eclab_text.read(mpt(RAMP), "a.mpt")
    (stated,), _ = eclab_text.read(mpt(RAMP).replace(b"0.001 cm", b"0.785 cm"), "a.mpt")
    assert flags == ()
    assert math.isnan(default.source.area)
    assert stated.source.area == pytest.approx(0.785e-4)


def test_an_empty_run_gives_no_part():
    parts, flags = eclab_text.read(mpt({name: column[:0] for name, column in RAMP.items()}), "a.mpt")
    assert parts == ()
    assert "empty_block" in codes(flags)


def truth():
    (trace,), _ = eclab_text.read(mpt(RAMP), "a.mpt")
    return {round(t, 9): (v, i) for t, v, i in zip(trace.time, trace.potential, trace.current, strict=True)}


def assert_only_true_numbers(parts):
    known = truth()
    for part in parts:
        assert isinstance(part, Trace)
        for t, v, i in zip(part.time, part.potential, part.current, strict=True):
            if math.isnan(t):
                continue
            potential, current = known[round(float(t), 9)]
            assert math.isnan(v) or v == pytest.approx(potential, rel=1e-12)
            assert math.isnan(i) or i == pytest.approx(current, rel=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, len(mpt(RAMP))), st.booleans(), st.sampled_from(["latin-1", "utf-8", "utf-16"]))
def test_a_text_cut_at_any_byte_gives_true_numbers_or_one_sentence(cut, comma, encoding):
    content = mpt(RAMP, comma=comma, encoding=encoding)
    try:
        parts, _ = eclab_text.read(content[: cut * len(content) // len(mpt(RAMP))], "a.mpt")
    except RampionError:
        return
    assert_only_true_numbers(parts)


@settings(max_examples=30, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 6), st.sampled_from(["line", "comma", "blank", "cell"]))
def test_a_damaged_text_gives_true_numbers_or_one_sentence(chance: random.Random, count, damage):
    lines = mpt(RAMP).decode("latin-1").split("\r\n")
    names = next(k for k, line in enumerate(lines) if line.startswith("mode\t"))
    for _ in range(count):
        place = chance.randrange(0 if damage == "line" else names + 1, len(lines))
        if damage == "line":
            del lines[place]
            names = min(names, len(lines) - 2)
        elif damage == "comma":
            lines[place] = lines[place].replace(".", ",")
        elif damage == "blank":
            lines.insert(place, "")
        else:
            lines[place] = lines[place].rpartition("\t")[0]
    try:
        parts, _ = eclab_text.read("\r\n".join(lines).encode("latin-1"), "a.mpt")
    except RampionError:
        return
    assert_only_true_numbers(parts)


BINARY = {
    "flags": np.full(40, 2),
    "time/s": TIME,
    "control/V": 1e-3 * TIME,
    "Ewe/V": RAMP["Ewe/V"],
    "I/mA": RAMP["<I>/mA"],
}


def test_a_binary_sweep():
    pytest.importorskip("galvani")
    (trace,), flags = eclab_binary.read(mpr(BINARY), "a.mpr")
    np.testing.assert_allclose(trace.potential, RAMP["Ewe/V"], rtol=1e-6)
    np.testing.assert_allclose(trace.current, 1e-3 * RAMP["<I>/mA"], rtol=1e-6)
    assert trace.technique == "LSV"
    assert trace.protocol.rate == pytest.approx(1e-3, rel=1e-6)
    assert codes(flags) == ["clock_unknown"]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, len(mpr(BINARY))))
def test_a_binary_file_cut_at_any_byte_keeps_its_whole_points(cut):
    pytest.importorskip("galvani")
    width = 1 + 8 + 3 * 4
    whole = max(0, 40 - -(-(len(mpr(BINARY)) - cut) // width))
    try:
        (trace,), flags = eclab_binary.read(mpr(BINARY)[:cut], "a.mpr")
    except InputError:
        assert whole == 0
        return
    assert len(trace) == whole
    assert ("cut_file" in codes(flags)) == (whole < 40)
    np.testing.assert_array_equal(trace.time, TIME[:whole])
    np.testing.assert_allclose(trace.current, 1e-3 * RAMP["<I>/mA"][:whole], rtol=1e-6)


def test_without_galvani_the_refusal_names_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "galvani", None)
    with pytest.raises(RefusedError, match=r"pip install 'rampion\[biologic\]'"):
        eclab_binary.read(mpr(BINARY), "a.mpr")
