"""Runs of several files: one experiment on one clock, in the order of measurement."""

from __future__ import annotations

import numpy as np
import pytest

from rampion.errors import InputError
from rampion.measurement import Spectrum, Trace
from rampion.readers import read_file
from rampion.readers.run_names import member_of, same_name
from rampion.readers.series import join, join_runs, read_series
from written_files import curve, dta, mpt

FREQUENCY = np.logspace(4, 1, 7)


def ramp(first, count=20, **how):
    time = first + np.arange(count)
    return mpt({"time/s": time, "Ewe/V": 1e-3 * time, "<I>/mA": 0.1 * time}, **how)


def spectrum(first, **how):
    columns = {"freq/Hz": FREQUENCY, "Re(Z)/Ohm": 100 + FREQUENCY, "-Im(Z)/Ohm": 1 + FREQUENCY}
    columns["time/s"] = first + np.arange(FREQUENCY.size)
    return mpt(columns, title="Potentio Electrochemical Impedance Spectroscopy", **how)


def write(folder, **files):
    for name, content in files.items():
        (folder / f"{name}.mpt").write_bytes(content)
    return [read_file(folder / f"{name}.mpt") for name in files]


def test_names_of_members():
    member = member_of("a/cell 3_1mA_02_PEIS_C05.mpr")
    assert (member.run, member.number, member.technique, member.channel) == ("cell 3_1mA", 2, "PEIS", "C05")
    assert member_of("cell_3_C05.mpr") is None
    assert member_of("2023_11_08.mpt") is None


def test_a_ramp_paused_for_impedance_is_one_experiment(tmp_path):
    repeats = ["Loop 0 from point number 0 to 19", "Loop 1 from point number 20 to 39"]
    time = np.concatenate([np.arange(20.0), 60 + np.arange(20.0)])
    paused = mpt({"time/s": time, "Ewe/V": np.linspace(0, 1, 40), "<I>/mA": np.linspace(0, 1, 40)}, extra=repeats)
    (run,) = join_runs(write(tmp_path, cell_02_PEIS_C01=spectrum(30), cell_01_LSV_C01=paused))
    assert [type(part) for part in run.parts] == [Trace, Spectrum, Trace]
    assert run.name == run.sample.name == "cell"
    assert [float(part.time[0]) for part in run.parts] == [0.0, 30.0, 60.0]
    assert {part.start for part in run.parts} == {run.start}
    assert [part.source.path[-20:] for part in run.parts][1].endswith("02_PEIS_C01.mpt")


def test_a_file_without_header_takes_the_start_of_its_run(tmp_path):
    files = {"cell_01_LSV_C01": ramp(0), "cell_02_LSV_C01": ramp(50, header=False)}
    (run,) = join_runs(write(tmp_path, **files))
    assert [flag.code for flag in run.flags] == ["header_missing", "clock_of_run"]
    assert run.parts[1].start == run.start
    assert run.parts[1].time[0] == 50


def test_files_that_do_not_state_their_start_keep_the_order_of_their_names(tmp_path):
    files = {"cell_02_LSV_C01": ramp(7, header=False), "cell_01_LSV_C01": ramp(50, header=False)}
    (run,) = join_runs(write(tmp_path, **files))
    assert [float(part.time[0]) for part in run.parts] == [50.0, 7.0]
    assert "order_by_name" in [flag.code for flag in run.flags]


def test_other_runs_channels_and_samples_stay_apart(tmp_path):
    files = {"a_01_LSV_C01": ramp(0), "a_02_LSV_C02": ramp(0), "b_01_LSV_C01": ramp(0), "c": ramp(0)}
    assert len(join_runs(write(tmp_path, **files))) == 4


def test_a_record_exported_twice_counts_once(tmp_path):
    one, other = write(tmp_path, cell_01_LSV_C01=ramp(0))[0], tmp_path / "cell_01_LSV_C01.txt"
    other.write_bytes(ramp(0, header=False))
    (run,) = join_runs([read_file(other), one])
    assert len(run.parts) == 1
    assert run.parts[0].source.path.endswith(".mpt")
    assert "file_copy" in [flag.code for flag in run.flags]


def test_any_files_can_be_joined_by_their_clocks(tmp_path):
    time = np.arange(1.0, 30.0)
    table = {"CURVE": curve(time, 1e-3 * time, 1e-6 * time)}
    (tmp_path / "late.DTA").write_bytes(dta(table, time="10:00:00"))
    (tmp_path / "early.DTA").write_bytes(dta(table, time="9:00:00"))
    run = read_series([tmp_path / "late.DTA", tmp_path / "early.DTA"], name="both")
    assert run.parts[1].time[0] - run.parts[0].time[0] == 3600
    assert run.name == "both"
    with pytest.raises(InputError, match="no file"):
        read_series([])


def test_one_experiment_stays_as_it_is(tmp_path):
    (one,) = write(tmp_path, alone=ramp(0))
    assert join_runs([one]) == (one,)
    assert len(join([one]).parts) == 1


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("cell_01_OCV_DUSB0_C01.mpr", ("cell", 1, "OCV", "C01")),
        ("cell_3_LSV_C12.mpr", ("cell", 3, "LSV", "C12")),
        ("cell_01_LSV_CA1.mpr", ("cell", 1, "LSV", "CA1")),
        ("cell_02_PEIS_CH3.mpr", ("cell", 2, "PEIS", "CH3")),
        ("cell_02_PEIS-ch3.mpr", ("cell", 2, "PEIS", "CH3")),
        ("cell_01_1_GCPL_C02.mpr", ("cell", 1, "GCPL", "C02")),
        ("cell_04_EIS.csv", ("cell", 4, "EIS", "")),
        ("Curve_#2.DTA", ("Curve", 2, "", "")),
        ("pellet_10_MPa.csv", None),
        ("cell_25_C.csv", None),
        ("cell_1_LSV.csv", None),  # one digit and no channel: a cell's number
        ("cell_C01.mpr", None),
        ("cell-ch3.mpr", None),
    ],
)
def test_names_of_runs(name, found):
    member = member_of(name)
    assert (member and (member.run, member.number, member.technique, member.channel)) == found


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("a/Cell 1.mpr", "a/cell_1.mpt", True),
        ("a/x.mpr.txt", "a/x.csv", True),
        ("a/x.mpr", "b/x.mpt", False),
        ("cell.001", "cell.002", False),  # Maccor numbers a cell's tests so
        ("cell.001", "cell.001.txt", True),
        ("S1.csv", "S10.csv", False),
        ("+.csv", "-.csv", False),
    ],
)
def test_names_of_two_exports(one, other, same):
    assert same_name(one, other) == same


@pytest.mark.parametrize("channel", ["_DUSB0_C01", "_CA1", "_CH3", "-ch3", "_C01"])
def test_every_way_to_write_a_channel_joins_a_run(tmp_path, channel):
    files = {f"cell_1_LSV{channel}": ramp(0), f"cell_2_PEIS{channel}": spectrum(30)}
    (run,) = join_runs(write(tmp_path, **files))
    assert [type(part) for part in run.parts] == [Trace, Spectrum]


def parted(experiments):
    return [flag.message for one in experiments for flag in one.flags if flag.code == "run_parted"]


@pytest.mark.parametrize(
    ("second", "runs", "reason"),
    [
        ("08/11/2023 12:41:00.000", 1, ""),
        ("08/11/2023 18:40:00.000", 1, ""),  # within 6 h of the end
        ("08/11/2023 18:41:00.000", 2, "6.01 h after"),
        ("09/11/2023 12:40:15.500", 2, "h after"),
    ],
)
def test_a_run_of_another_day_is_read_on_its_own(tmp_path, second, runs, reason):
    files = {"cell_01_LSV_C01": ramp(0), "cell_02_PEIS_C01": spectrum(0, started=second)}
    found = join_runs(write(tmp_path, **files))
    assert len(found) == runs
    assert all(reason in message for message in parted(found))
    assert len(parted(found)) == runs - 1


def test_files_that_run_beside_each_other_are_not_one_run(tmp_path):
    long = {"cell_01_LSV_C01": ramp(0, count=400), "cell_02_PEIS_C01": spectrum(0, started="08/11/2023 12:42:00.000")}
    found = join_runs(write(tmp_path, **long))
    assert len(found) == 2
    assert "runs beside" in parted(found)[0]


@pytest.mark.parametrize("names", [("LLZO_01_LSV", "LLZO_02_LSV"), ("LLZO_01_EIS", "LLZO_02_EIS")])
def test_cells_that_a_number_alone_tells_apart_are_not_glued(tmp_path, names):
    made = ramp if "LSV" in names[0] else spectrum
    later = made(0, started="08/11/2023 12:45:00.000")
    found = join_runs(write(tmp_path, **dict(zip(names, (made(0), later), strict=True))))
    assert [one.name for one in found] == list(names)


def test_two_techniques_of_one_number_are_a_cells_not_a_runs(tmp_path):
    files = {"A_01_EIS": spectrum(0), "A_01_LSV": ramp(20), "A_02_EIS": spectrum(50), "A_02_LSV": ramp(90)}
    assert len(join_runs(write(tmp_path, **files))) == 4


def test_numbered_files_that_go_on_where_the_last_one_ended_are_one_run(tmp_path):
    time = np.arange(1.0, 30.0)
    for number, begin, clock in ((1, 0.0, "9:00:00"), (2, 0.03, "9:00:31"), (3, 0.0, "9:01:02")):
        table = {"CURVE": curve(time, begin + 1e-3 * time, 1e-6 * time)}
        (tmp_path / f"ramp_#{number}.DTA").write_bytes(dta(table, time=clock))
    first, second, third = (read_file(tmp_path / f"ramp_#{number}.DTA") for number in (1, 2, 3))
    assert len(join_runs([first, second])) == 1
    assert len(join_runs([first, third])) == 2  # it begins anew: another cell, or a repetition


def test_an_export_whose_values_differ_is_not_glued_to_its_run(tmp_path):
    (one,) = write(tmp_path, cell_01_LSV_C01=ramp(0))
    other = tmp_path / "cell_01_LSV_C01.txt"
    other.write_bytes(ramp(5, count=30))
    found = join_runs([one, read_file(other)])
    assert [len(run.parts) for run in found] == [1, 1]
    assert "values differ" in parted(found)[0]
