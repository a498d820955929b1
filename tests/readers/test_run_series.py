"""Runs of several files: one experiment on one clock, in the order of measurement."""

from __future__ import annotations

import numpy as np
import pytest

from rampion.errors import InputError
from rampion.measurement import Spectrum, Trace
from rampion.readers import read_file
from rampion.readers.run_names import member_of
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
