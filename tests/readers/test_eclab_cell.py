"""What EC-Lab's two exports of a run say of the cell: both must give the same record, by settings and columns."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rampion.measurement import Controlled, CurrentOrigin, FrequencyScan, Sweep
from rampion.readers import eclab_binary, eclab_text, read_file
from real_files import real_file
from written_files import mpr, mpr_settings, mpt

pytest.importorskip("galvani")

COUNT = 240
TIME = 0.5 * np.arange(COUNT)
RATE = 0.020
WORKING = RATE * TIME
COUNTER = -0.034 * TIME - 0.3 * (1 - np.exp(-TIME / 20))  # polarises: the cell's voltage is no straight ramp
CURRENT = 0.05 * np.sin(0.03 * TIME)


def three_electrodes(**replaced):
    columns = {
        "flags": np.full(COUNT, 2), "time/s": TIME, "control/V": WORKING, "Ewe/V": WORKING + 1e-5,
        "I/mA": CURRENT, "<Ece>/V": COUNTER,
    }  # fmt: skip
    columns |= replaced
    return {name: column for name, column in columns.items() if column is not None}


def as_text(columns, **given):
    return mpt({name.replace("flags", "mode"): column for name, column in columns.items()}, **given)


def codes(flags):
    return [flag.code for flag in flags]


LSV_TEXT = [("Ei (V)", "0.000"), ("vs.", "Ref"), ("EL (V)", "2.400"), ("vs.", "Ref"), ("dE/dt", "20.000")]
LSV_TEXT += [("dE/dt unit", "mV/s")]


def lsv_settings(rate=20.0, unit=1, start=0.0, stop=2.4, reference=4, **given):
    table = [("f", 5.0), ("f", 0.0), ("f", 0.0), ("f", 0.0), ("f", rate), ("B", unit), ("f", start), ("v", reference)]
    table += [("f", stop), ("v", reference), ("B", 0), ("f", 0.0), ("B", 1)]
    return mpr_settings(0x6C, table, count=23, **given)


@pytest.mark.parametrize("number", [9, 185, 215, 265, 441, 471])
def test_every_number_of_the_counter_electrode_makes_the_cell_voltage(number):
    (trace,), flags = eclab_binary.read(mpr(three_electrodes(), numbers={"<Ece>/V": number}), "a.mpr")
    np.testing.assert_allclose(trace.potential, WORKING + 1e-5 - COUNTER, atol=1e-6)
    assert "cell_voltage_chosen" in codes(flags)
    assert "unknown_columns_kept" not in codes(flags)
    name = next(name for name in trace.extra if "Ece" in name)
    np.testing.assert_allclose(trace.extra[name], COUNTER, atol=1e-6)
    np.testing.assert_allclose(trace.extra["Ewe/V"], WORKING, atol=2e-5)


def test_both_exports_give_one_record():
    (binary,), one = eclab_binary.read(mpr(three_electrodes(), settings=lsv_settings()), "any.mpr")
    (text,), other = eclab_text.read(as_text(three_electrodes(), settings=LSV_TEXT), "any.mpt")
    np.testing.assert_allclose(binary.potential, text.potential, atol=1e-6)
    np.testing.assert_allclose(binary.current, text.current, rtol=1e-6, atol=1e-12)
    expected = Sweep(rate=RATE, start=0.0, stop=2.4, controlled=Controlled.WORKING)
    assert binary.protocol == text.protocol == expected
    assert binary.technique == text.technique == "LSV"
    assert set(codes(one)) - set(codes(other)) == {"clock_unknown"}


@pytest.mark.parametrize("counter", [None, np.zeros(COUNT), 4e-4 * np.sin(TIME)])
def test_two_electrodes_are_the_cell(counter):
    (trace,), flags = eclab_binary.read(mpr(three_electrodes(**{"<Ece>/V": counter}), settings=lsv_settings()), "a.mpr")
    np.testing.assert_allclose(trace.potential, WORKING + 1e-5 - (0 if counter is None else counter), atol=1e-6)
    assert trace.protocol.controlled is Controlled.CELL
    assert codes(flags) == ["clock_unknown"]


def test_a_recorded_difference_is_taken_and_averages_are_not_mixed_with_single_values():
    columns = {"mode": np.full(COUNT, 2), "time/s": TIME, "Ewe/V": WORKING, "Ewe-Ece/V": WORKING - COUNTER}
    (trace,), _ = eclab_text.read(mpt(columns), "a.mpt")
    np.testing.assert_allclose(trace.potential, WORKING - COUNTER, atol=1e-6)
    assert "Ewe/V" in trace.extra
    assert "Ewe-Ece/V" not in trace.extra
    columns = {"time/s": TIME, "Ewe/V": WORKING + 1.0, "<Ewe>/V": WORKING, "<Ece>/V": COUNTER, "I/mA": CURRENT}
    (trace,), _ = eclab_text.read(mpt(columns), "a.mpt")
    np.testing.assert_allclose(trace.potential, WORKING - COUNTER, atol=1e-6)


def test_a_cell_voltage_stored_as_ewe_keeps_its_name():
    (trace,), flags = eclab_binary.read(mpr(three_electrodes(), 0x88), "a.mpr")
    assert trace.technique == "BCD"
    assert "cell_voltage_chosen" not in codes(flags)
    np.testing.assert_allclose(trace.potential, WORKING, atol=2e-5)
    assert not any("Ewe" in name for name in trace.extra)


def test_one_number_is_a_phase_where_the_file_holds_ewe_by_another():
    columns = three_electrodes(**{"<Ewe>/V": np.full(COUNT, -42.0)})
    (trace,), _ = eclab_binary.read(mpr(columns, numbers={"<Ewe>/V": 174}), "a.mpr")
    assert trace.extra["Phase(Zwe-ce)/deg"][0] == -42.0
    np.testing.assert_allclose(trace.potential, WORKING + 1e-5 - COUNTER, atol=1e-6)


@pytest.mark.parametrize(("which", "follows"), [(Controlled.WORKING, 0), (Controlled.COUNTER, 1), (Controlled.CELL, 2)])
def test_the_ramped_potential_follows_the_set_one(which, follows):
    ramp, other = RATE * TIME, -0.011 * TIME - 0.2 * np.tanh(TIME / 30)
    working, counter = ((ramp, other), (other, ramp), (ramp + other, other))[follows]
    columns = three_electrodes(**{"control/V": ramp, "Ewe/V": working, "<Ece>/V": counter})
    (binary,), _ = eclab_binary.read(mpr(columns, settings=lsv_settings()), "a.mpr")
    (text,), _ = eclab_text.read(as_text(columns, settings=LSV_TEXT), "a.mpt")
    assert binary.protocol.controlled is text.protocol.controlled is which
    recorded = three_electrodes(**columns | {"<Ece>/V": None}) | {"Ewe-Ece/V": working - counter}
    (derived,), _ = eclab_text.read(as_text(recorded, settings=LSV_TEXT), "a.mpt")
    assert derived.protocol.controlled is which
    columns["control/V"] = None
    columns = three_electrodes(**columns)
    (by_rate,), flags = eclab_binary.read(mpr(columns, settings=lsv_settings()), "a.mpr")
    assert by_rate.protocol.controlled is which
    assert "rate_contradicted" not in codes(flags)
    word = {Controlled.WORKING: "Ewe", Controlled.COUNTER: "Ece", Controlled.CELL: "Ewe-Ece"}[which]
    slow = [*LSV_TEXT[:4], ("dE/dt", "999.0"), LSV_TEXT[5]]
    lines = as_text(columns, settings=slow, extra=[f"Potential control : {word}"])
    (by_header,), _ = eclab_text.read(lines, "a.mpt")
    assert by_header.protocol.controlled is which


@pytest.mark.parametrize("new", [True, False])
def test_settings_of_both_layouts_state_the_sweep(new):
    (trace,), _ = eclab_binary.read(mpr(three_electrodes(), settings=lsv_settings(new=new)), "a.mpr")
    assert trace.protocol == Sweep(rate=RATE, start=0.0, stop=2.4, controlled=Controlled.WORKING)
    relative = lsv_settings(new=new, reference=0)
    (trace,), _ = eclab_binary.read(mpr(three_electrodes(), settings=relative), "a.mpr")
    assert trace.protocol.rate == RATE
    assert math.isnan(trace.protocol.start)
    assert math.isnan(trace.protocol.stop)


@pytest.mark.parametrize(
    "settings",
    [
        lsv_settings(rate=math.nan), lsv_settings(rate=-math.inf), lsv_settings(unit=7), lsv_settings(stop=1e30),
        lsv_settings(start=1e-30), lsv_settings(reference=9), lsv_settings()[:0x1847], lsv_settings()[:0x1860],
        mpr_settings(0x6C, [("f", 5.0)] * 6, count=22),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_meant_are_not_taken(settings):
    (trace,), _ = eclab_binary.read(mpr(three_electrodes(), settings=settings), "a.mpr")
    assert trace.protocol.rate == pytest.approx(RATE, rel=1e-5)  # as it was applied
    assert trace.protocol.stop == pytest.approx(WORKING[-1], rel=1e-5)
    assert trace.protocol.controlled is Controlled.WORKING


@pytest.mark.parametrize("applied", [True, False])
def test_a_rate_that_was_not_applied_is_flagged_and_kept(applied):
    columns = three_electrodes(**({} if applied else {"control/V": None}))
    (binary,), flags = eclab_binary.read(mpr(columns, settings=lsv_settings(rate=50.0)), "a.mpr")
    assert binary.protocol.rate == 0.05
    assert "rate_contradicted" in codes(flags) or not applied
    alone = three_electrodes(**{"<Ece>/V": None, "control/V": None})
    _, flags = eclab_binary.read(mpr(alone, settings=lsv_settings(rate=21.5)), "a.mpr")
    assert "rate_contradicted" in codes(flags)
    _, flags = eclab_binary.read(mpr(alone, settings=lsv_settings(rate=20.5)), "a.mpr")
    assert "rate_contradicted" not in codes(flags)


def test_holds_noise_uneven_points_and_a_rest_contradict_no_rate():
    rng = np.random.default_rng(5)
    time = np.sort(rng.uniform(0, 300, 600))
    ramp = RATE * np.clip(time - 100, 0, 100)  # a third of it moves
    columns = {"time/s": time, "Ewe/V": ramp + 1e-4 * rng.standard_normal(600), "I/mA": np.sin(time)}
    (trace,), flags = eclab_text.read(mpt(columns, settings=LSV_TEXT), "a.mpt")
    assert trace.protocol.rate == RATE
    assert "rate_contradicted" not in codes(flags)


def triangle(time, rate, low, high):
    period = 2 * (high - low) / rate
    return low + np.abs((rate * time + high - low) % (period * rate) - (high - low))


@pytest.mark.parametrize(("technique", "new"), [(0x06, True), (0x06, False), (0x33, True), (0x33, False)])
def test_cyclic_sweeps_state_their_rate_and_vertices(technique, new):
    ramp = triangle(TIME, 0.1, -0.5, 0.5)
    columns = three_electrodes(**{"control/V": ramp, "Ewe/V": ramp, "<Ece>/V": None})
    waits = [("f", 0.0), ("f", 1.0)] if technique == 0x33 else []
    table = [("f", 0.0), ("v", 0), *waits, ("f", 100.0), ("B", 1), ("f", -0.5), ("v", 4), *waits, ("B", 50), ("I", 10)]
    table += [("f", -10.0), ("f", 10.0), *[("B", 40)] * 4, ("B", 5), ("f", 0.5), ("v", 4)]
    settings = mpr_settings(technique, table, new=new, count=30 if waits else 21)
    (binary,), flags = eclab_binary.read(mpr(columns, settings=settings), "a.mpr")
    assert binary.technique == ("CVA" if waits else "CV")
    assert binary.protocol.rate == 0.1
    assert binary.protocol.vertices == (-0.5, 0.5)
    assert math.isnan(binary.protocol.start)
    assert codes(flags) == ["clock_unknown"]
    title = "Cyclic Voltammetry Advanced" if waits else "Cyclic Voltammetry"
    fields = [("Ei (V)", "0.000"), ("vs.", "Eoc"), ("dE/dt", "100.000"), ("dE/dt unit", "mV/s"), ("E1 (V)", "-0.500")]
    fields += [("vs.", "Ref"), ("E2 (V)", "0.500"), ("vs.", "Ref")]
    (text,), _ = eclab_text.read(as_text(columns, title=title, settings=fields), "a.mpt")
    assert (text.technique, text.protocol.rate, text.protocol.vertices) == (
        binary.technique, 0.1, (-0.5, 0.5),
    )  # fmt: skip


FREQUENCY = np.logspace(5, 0, 26)
IMPEDANCE = 100 + 500 / (1 + 1j * FREQUENCY / 300)


def scan_columns(repeats=1, **further):
    columns = {
        "freq/Hz": np.tile(FREQUENCY, repeats),
        "Re(Z)/Ohm": np.tile(IMPEDANCE.real, repeats),
        "-Im(Z)/Ohm": np.tile(-IMPEDANCE.imag, repeats),
        "time/s": np.arange(repeats * FREQUENCY.size) + 1.0,
        "<Ewe>/V": np.full(repeats * FREQUENCY.size, 0.25),
        "I/mA": np.full(repeats * FREQUENCY.size, 0.01),
    }
    return columns | further


def scan_settings(technique=0x1D, high=(100.0, 1), low=(1.0, 2), amplitude=14.1, unit=2, **given):
    table = [
        ("B", 0),
        ("f", 0.0),
        *([("B", 1)] if technique == 0x1E else []),
        ("v", 2),
        ("f", 0.0),
        ("B", 0),
        ("f", 0.0),
    ]
    table += [] if technique == 0x1E else [("B", 1)]
    table += [("f", 0.0), ("f", high[0]), ("B", high[1]), ("f", low[0]), ("B", low[1]), ("I", 5), ("B", 1), ("B", 1)]
    table += [("B", 0), ("f", amplitude), ("B", unit)] if technique == 0x1E else [("f", amplitude)]
    return mpr_settings(technique, table, count=55 if technique == 0x1E else 52, **given)


@pytest.mark.parametrize("new", [True, False])
def test_the_scan_and_its_amplitude_stand_in_the_settings(new):
    (spectrum,), flags = eclab_binary.read(mpr(scan_columns(), settings=scan_settings(new=new)), "cell_01_LSV_C01.mpr")
    assert spectrum.technique == "PEIS"
    assert spectrum.protocol == FrequencyScan(high=1e5, low=1.0, points_per_decade=5.0, amplitude=0.0141)
    assert spectrum.amplitude == 0.0141
    assert codes(flags) == ["clock_unknown"]
    (spectrum,), _ = eclab_binary.read(
        mpr(scan_columns(), settings=scan_settings(0x1E, amplitude=50.0, new=new)), "a.mpr"
    )
    assert spectrum.galvanostatic
    assert spectrum.protocol.amplitude == spectrum.amplitude == pytest.approx(5e-5)
    fields = [
        ("fi", "100.0"),
        ("unit fi", "kHz"),
        ("ff", "1.0"),
        ("unit ff", "Hz"),
        ("Nd", "5"),
        ("Points", "per decade"),
    ]
    fields += [("Ia", "50.000"), ("unit  Ia", "µA")]
    title = "Galvano Electrochemical Impedance Spectroscopy"
    (text,), _ = eclab_text.read(mpt(scan_columns(), title=title, settings=fields), "a.mpt")
    assert text.protocol == spectrum.protocol


def test_a_scan_that_contradicts_its_points_is_left_out_and_flagged():
    for wrong in (scan_settings(high=(10.0, 1)), scan_settings(low=(50.0, 2))):
        (spectrum,), flags = eclab_binary.read(mpr(scan_columns(), settings=wrong), "a.mpr")
        assert spectrum.protocol is None
        assert "settings_contradicted" in codes(flags)
    shorter = {name: column[:9] for name, column in scan_columns().items()}  # aborted: within what was stated
    (spectrum,), flags = eclab_binary.read(mpr(shorter, settings=scan_settings()), "a.mpr")
    assert spectrum.protocol is not None
    assert "settings_contradicted" not in codes(flags)


def test_the_technique_is_the_settings_and_not_the_names():
    columns = three_electrodes(**{"<Ece>/V": None})
    known = {0x06: "CV", 0x16: "MP", 0x18: "CA", 0x19: "CP", 0x30: "CV", 0x33: "CVA", 0x75: "CstV", 0x76: "CstC"}
    for number, technique in known.items():
        (trace,), _ = eclab_binary.read(mpr(columns, number), "cell_01_OCV_C01.mpr")
        assert trace.technique == technique
    for name in ("cell_CV_02_CA_C01.mpr", "CP_sample_02_CA_DUSB0_C01.mpr", "cv cp ca.mpr"):
        (trace,), _ = eclab_binary.read(mpr(columns, 0xEE), name)
        assert trace.technique == "CA"


def test_the_whole_cells_impedance_is_named_where_it_is_another():
    further = {"Re(Zwe-ce)/Ohm": 2.2 * IMPEDANCE.real, "-Im(Zwe-ce)/Ohm": -2.2 * IMPEDANCE.imag}
    leads = further | {"Re(Zwe-ce)/Ohm": further["Re(Zwe-ce)/Ohm"] + np.where(FREQUENCY > 5e4, 4000.0, 0.0)}
    (spectrum,), flags = eclab_binary.read(mpr(scan_columns(**leads), 0x1D), "a.mpr")
    np.testing.assert_allclose(spectrum.impedance, IMPEDANCE, rtol=1e-6)
    (flag,) = [flag for flag in flags if flag.code == "half_cell_impedance"]
    assert dict(flag.details)["ratio"] == pytest.approx(2.2, rel=1e-6)
    same = {"Re(Zwe-ce)/Ohm": IMPEDANCE.real + 1, "-Im(Zwe-ce)/Ohm": -IMPEDANCE.imag}
    _, flags = eclab_binary.read(mpr(scan_columns(**same), 0x1D), "a.mpr")
    assert "half_cell_impedance" not in codes(flags)
    alone = {name: column for name, column in scan_columns(**further).items() if not name.endswith("(Z)/Ohm")}
    (spectrum,), _ = eclab_binary.read(mpr(alone, 0x1D), "a.mpr")
    np.testing.assert_allclose(spectrum.impedance, 2.2 * IMPEDANCE, rtol=1e-6)


def cycling(current, time, mode, loops=()):
    """A galvanostatic run with its charge between points and in all; each repetition counts from zero."""
    step = current * np.diff(time, prepend=np.nan) / 3.6  # mA·h of a current in A
    step[[0, *loops]] = 0.0
    total = np.concatenate([np.cumsum(piece) for piece in np.split(step, list(loops))])
    control = np.where(mode == 1, 0.4, 0.0)
    return {
        "flags": mode, "time/s": time, "dq/mA.h": step, "(Q-Qo)/mA.h": total, "control/V/mA": control,
        "Ewe/V": 0.1 + 0.01 * time / time[-1],
    }  # fmt: skip


@pytest.mark.parametrize("without", ["", "dq/mA.h"])
def test_the_current_is_the_charge_over_time(without):
    rng = np.random.default_rng(1)
    time = np.cumsum(rng.uniform(1e-3, 20.0, 90))
    time[45:] += 5000.0  # what other techniques took between two repetitions
    mode = np.tile(np.repeat([3, 1], [10, 35]), 2)
    current = np.where(mode == 1, 3.9972e-4, 0.0)
    columns = cycling(current, time, mode, loops=(45,))
    if without:
        del columns[without]
    parts, flags = eclab_binary.read(mpr(columns, 0x04, loops=(0, 45, 90)), "a.mpr")
    assert [len(part) for part in parts] == [45, 45]
    for part, true in zip(parts, np.split(current, 2), strict=True):
        np.testing.assert_allclose(part.current, true, rtol=1e-7, atol=1e-18)
        assert part.current_origin is CurrentOrigin.CHARGE
    assert "current_from_charge" in codes(flags)
    assert "current_as_set" not in codes(flags)
    text = as_text(columns, title="Galvanostatic Cycling with Potential Limitation")
    (twin,), _ = eclab_text.read(text, "a.mpt")
    np.testing.assert_allclose(twin.current[1:45], current[1:45], rtol=1e-5, atol=1e-12)


def test_a_repetition_that_begins_with_current_takes_the_set_one_there():
    time, mode = 10.0 * np.arange(40) + np.repeat([0, 900.0], 20), np.full(40, 1)
    columns = cycling(np.full(40, -3.98e-4), time, mode, loops=(20,)) | {"control/V/mA": np.full(40, -0.4)}
    first, second = eclab_binary.read(mpr(columns, 0x04, loops=(0, 20, 40)), "a.mpr")[0]
    assert first.current[0] == second.current[0] == pytest.approx(-4e-4, rel=1e-6)
    np.testing.assert_allclose(second.current[1:], -3.98e-4, rtol=1e-9)


def test_a_current_measured_stands_before_charge_and_charge_before_what_was_set():
    time, mode = 5.0 * np.arange(30), np.full(30, 1)
    columns = cycling(np.full(30, 3.9e-4), time, mode)
    (trace,), _ = eclab_binary.read(mpr(columns | {"<I>/mA": np.full(30, 0.391)}, 0x04), "a.mpr")
    assert trace.current_origin is CurrentOrigin.MEASURED
    np.testing.assert_allclose(trace.current, 3.91e-4, rtol=1e-9)
    idle = columns | {"dq/mA.h": np.zeros(30), "(Q-Qo)/mA.h": np.zeros(30)}  # recorded, never filled
    (trace,), flags = eclab_binary.read(mpr(idle, 0x04), "a.mpr")
    assert trace.current_origin is CurrentOrigin.SETTING
    np.testing.assert_allclose(trace.current, 4e-4, rtol=1e-6)
    assert "current_as_set" in codes(flags)


def test_a_held_potential_has_the_current_of_its_charge():
    time, mode = 5.0 * np.arange(30), np.full(30, 2)
    true = 1e-4 * np.exp(-time / 50)
    (trace,), _ = eclab_binary.read(mpr(cycling(true, time, mode), 0x04), "a.mpr")
    np.testing.assert_allclose(trace.current[1:], true[1:], rtol=1e-9)
    assert math.isnan(trace.current[0])


def test_a_recorded_temperature_is_the_cells():
    warm = np.linspace(25.0, 60.0, COUNT)
    (trace,), _ = eclab_binary.read(mpr(three_electrodes(**{"Temperature/°C": warm})), "a.mpr")
    np.testing.assert_allclose(trace.temperature, warm + 273.15, atol=1e-4)
    columns = three_electrodes() | {"Temperature/\N{DEGREE SIGN}C": warm}
    (trace,), _ = eclab_text.read(as_text(columns).replace(b"\xb0C", b"\xef\xbf\xbdC"), "a.mpt")
    np.testing.assert_allclose(trace.temperature, warm + 273.15, atol=1e-4)
    (spectrum,), _ = eclab_binary.read(mpr(scan_columns(**{"Temperature/°C": np.full(26, 40.0)}), 0x1D), "a.mpr")
    assert spectrum.temperature == pytest.approx(313.15)


@pytest.mark.parametrize("bad", [math.nan, 0.0, -3.0])
@pytest.mark.parametrize("rows", [[12], [7, 8, 18], [1], [0], [25]])
def test_a_lost_frequency_does_not_divide_a_spectrum(bad, rows):
    columns = scan_columns(2)
    columns["freq/Hz"] = columns["freq/Hz"].copy()
    columns["freq/Hz"][rows] = bad
    for read, write, name in ((eclab_binary.read, mpr, "a.mpr"), (eclab_text.read, mpt, "a.mpt")):
        parts, flags = read(write(columns), name)
        assert [len(part) for part in parts] == [26 - len(rows), 26]
        (flag,) = [flag for flag in flags if flag.code == "dropped_points"]
        assert dict(flag.details) == {"count": len(rows), "what": "frequency"}


def test_a_lost_row_without_impedance_does_not_divide_a_spectrum_either():
    columns = scan_columns()
    for name in ("freq/Hz", "Re(Z)/Ohm", "-Im(Z)/Ohm"):
        columns[name] = columns[name].copy()
        columns[name][11:13] = 0.0
    (spectrum,), flags = eclab_binary.read(mpr(columns, 0x1D), "a.mpr")
    assert len(spectrum) == 24
    assert "dropped_points" in codes(flags)


def test_points_between_two_scans_stay_a_trace():
    columns = scan_columns(2)
    columns = {name: np.insert(column, 26, [0.0, 0.0, 0.0]) for name, column in columns.items()}
    columns["time/s"], columns["<Ewe>/V"] = np.arange(55.0), np.full(55, 0.2)
    parts, flags = eclab_binary.read(mpr(columns, 0x1D), "a.mpr")
    assert [len(part) for part in parts] == [26, 3, 26]
    assert "dropped_points" not in codes(flags)


def test_every_dropped_row_of_all_spectra_is_counted():
    columns = scan_columns(3)
    columns["Re(Z)/Ohm"] = columns["Re(Z)/Ohm"].copy()
    columns["Re(Z)/Ohm"][[3, 30, 31, 60]] = math.nan
    parts, flags = eclab_binary.read(mpr(columns, 0x1D), "a.mpr")
    assert [len(part) for part in parts] == [25, 24, 25]
    (flag,) = [flag for flag in flags if flag.code == "dropped_points"]
    assert dict(flag.details) == {"count": 4, "what": "impedance"}


def test_a_table_shorter_than_its_header_says_is_cut():
    lines = ["Number of loops : 2", "Loop 0 from point number 0 to 149", "Loop 1 from point number 150 to 239"]
    content = as_text(three_electrodes(), settings=LSV_TEXT, extra=lines)
    parts, flags = eclab_text.read(content, "a.mpt")
    assert [len(part) for part in parts] == [150, 90]
    assert "cut_file" not in codes(flags)
    rows = content.split(b"\r\n")
    parts, flags = eclab_text.read(b"\r\n".join([*rows[:-41], b""]), "a.mpt")
    assert [len(part) for part in parts] == [150, 50]
    assert "cut_file" in codes(flags)


def test_a_broken_log_costs_the_start_and_not_the_repetitions():
    content = mpr(three_electrodes(), loops=(0, 100, COUNT), log=bytes(700))
    parts, flags = eclab_binary.read(content, "a.mpr")
    assert [len(part) for part in parts] == [100, 140]
    assert codes(flags).count("cut_file") == 0
    assert "clock_unknown" in codes(flags)


def test_an_area_that_was_typed_is_kept():
    settings = bytearray(lsv_settings())
    settings[0x211:0x215] = np.float32(0.785).tobytes()
    (trace,), _ = eclab_binary.read(mpr(three_electrodes(), settings=bytes(settings)), "a.mpr")
    assert trace.source.area == pytest.approx(0.785e-4)
    (default,), _ = eclab_binary.read(mpr(three_electrodes(), settings=lsv_settings()), "a.mpr")
    assert math.isnan(default.source.area)


def test_a_saturated_electrode_is_said_though_the_cell_voltage_moves():
    columns = three_electrodes(**{"Ewe/V": np.minimum(9.9 + WORKING, 10.0), "control/V": None})
    _, flags = eclab_binary.read(mpr(columns), "a.mpr")
    assert "potential_saturated" in codes(flags)


def test_a_real_sweep_of_two_halves_gives_the_whole():
    path = real_file("biologic/nomad_hzb/LSV_nesd.mpr")
    (trace,) = read_file(path).traces
    assert trace.protocol == Sweep(rate=0.1, start=0.0, stop=1.0, controlled=Controlled.WORKING)
    assert trace.potential[-1] == pytest.approx(1.0000862 + 1.0982696, abs=1e-6)
    # two resistors in series carry one current: the whole is to a half as its resistances are
    halves = trace.potential[-1] / trace.current[-1], trace.extra["Ewe/V"][-1] / trace.current[-1]
    assert halves == (pytest.approx(10623, rel=1e-3), pytest.approx(5063, rel=1e-3))


def test_a_real_scan_states_what_its_setting_file_says():
    name = "li_symmetric/datalab_LiLi_TEGDME/jr862_11_08_23_insitu-impedance-LiLi_1MLiTFSI_TEGDME-1mA"
    (spectrum,) = read_file(real_file(f"{name}-prerun_C05.mpr")).spectra
    scan = FrequencyScan(high=1e4, low=0.1, points_per_decade=3.0, amplitude=1e-4, galvanostatic=True)
    assert spectrum.protocol.high == scan.high
    assert spectrum.protocol.low == scan.low
    assert spectrum.protocol.points_per_decade == scan.points_per_decade
    assert spectrum.protocol.amplitude == pytest.approx(scan.amplitude)
    (trace,) = read_file(real_file(f"{name}_01_GCPL_C05.mpr")).traces
    power = trace.extra["P/W"] / trace.potential  # the instrument's own product of potential and current
    np.testing.assert_allclose(trace.current, power, rtol=1e-6, atol=1e-12)
    assert trace.current_origin is CurrentOrigin.CHARGE
