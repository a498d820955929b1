"""Folders: files tied to samples, refusals as flags, stated rates."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rampion.errors import InputError, RefusedError
from rampion.measurement import Pause, Sweep
from rampion.readers.folder import read_folder
from real_files import real_file


def sweep_csv(path, rate=1e-3, with_time=True, points=21):
    potential = np.linspace(0, 1, points)
    header = "t / s,E / V,I / A" if with_time else "E / V,I / A"
    rows = [(f"{e / rate:.6f}," if with_time else "") + f"{e:.6f},{1e-3 * e:.9f}" for e in potential]
    path.write_text("\n".join([header, *rows, ""]), encoding="utf-8")


def eis_csv(path):
    rows = [f"{10.0**k},{10 + k},{-k - 1}" for k in range(5, 0, -1)]
    path.write_text("\n".join(["f / Hz,Z' / Ohm,Z'' / Ohm", *rows, ""]), encoding="utf-8")


def codes(campaign):
    return [flag.code for flag in campaign.flags]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "run").mkdir()
    sweep_csv(tmp_path / "S1_LSV.csv")
    sweep_csv(tmp_path / "run" / "S2_LSV.csv", with_time=False)
    eis_csv(tmp_path / "S10_EIS.csv")
    (tmp_path / "notes.txt").write_text("Pellet 3 looked grey.", encoding="utf-8")
    (tmp_path / ".hidden.csv").write_text("x", encoding="utf-8")
    return tmp_path


def test_folder_without_sheet_names_samples_after_files(folder):
    campaign = read_folder(folder)
    assert [experiment.sample.name for experiment in campaign.experiments] == ["S2_LSV", "S1_LSV", "S10_EIS"]
    assert codes(campaign) == ["sheet_missing", "file_refused"]
    assert "'notes.txt' was not read: it holds no table" in campaign.flags[1].message
    assert "thickness and area are not known" in campaign.flags[0].message
    assert campaign.name == folder.name


@pytest.mark.parametrize("place", ["out", "."])
def test_results_that_rampion_wrote_are_not_read_back(folder, place):
    (folder / place / "tables").mkdir(parents=True)
    sweep_csv(folder / place / "tables" / "S1.csv")
    for name in ("results.json", "ro-crate-metadata.json"):
        (folder / place / name).write_text("{}", encoding="utf-8")
    names = [experiment.name for experiment in read_folder(folder).experiments]
    assert names == ["S2_LSV", "S1_LSV", "S10_EIS"]


def test_sheet_in_the_folder_ties_files_to_samples(folder):
    (folder / "samples.csv").write_text(
        "sample;file;thickness [mm];area [mm²];scan rate [mV/s]\nA;S1_LSV.csv;1,00 ± 0,02;4;1\nB;S2*;0,5;4;0,5\n",
        encoding="utf-8",
    )
    campaign = read_folder(folder)
    by_name = {experiment.sample.name: experiment for experiment in campaign.experiments}
    assert set(by_name) == {"A", "B", "S10_EIS"}
    assert by_name["A"].sample.thickness is not None
    assert by_name["A"].sample.thickness.std == pytest.approx(2e-5)
    assert codes(campaign) == ["file_unlisted", "file_unlisted", "file_refused"]
    # the file without times has them from the stated rate, and says so
    (trace,) = by_name["B"].traces
    np.testing.assert_allclose(trace.time, trace.potential / 5e-4)
    assert trace.protocol == Sweep(rate=5e-4)
    assert [flag.code for flag in trace.flags] == ["time_laid_out"]


def chi_file(path, technique, header, rows, moment):
    lines = [f"March 3, 2025   {moment}", technique, "Data Source:  Experiment", "Instrument Model:  CHI760E", "",
             "Scan Rate (V/s) = 0.001", "", header, "", *rows, ""]  # fmt: skip
    path.write_text("\n".join(lines), encoding="utf-8")


def test_files_of_one_run_are_one_experiment_in_the_order_of_their_clocks(tmp_path):
    first = [f"{0.001 * i:.3f}, {1e-6 * i:.3e}" for i in range(10)]
    second = [f"{0.001 * i:.3f}, {1e-6 * i:.3e}" for i in range(10, 20)]
    eis = ["1e+5, 1.0e+1, -1.0e+0", "1e+4, 2.0e+1, -2.0e+0", "1e+3, 3.0e+1, -3.0e+0"]
    sweep, scan = "Potential/V, Current/A", "Freq/Hz, Z'/ohm, Z\"/ohm"
    chi_file(tmp_path / "cell_01_LSV.txt", "Linear Sweep Voltammetry", sweep, first, "09:00:00")
    chi_file(tmp_path / "cell_02_EIS.txt", "A.C. Impedance", scan, eis, "09:01:00")
    chi_file(tmp_path / "cell_03_LSV.txt", "Linear Sweep Voltammetry", sweep, second, "09:02:00")
    (tmp_path / "samples.csv").write_text("sample,file,thickness [mm],area [mm2]\nA,cell_*,1,4\n", encoding="utf-8")
    (experiment,) = read_folder(tmp_path).experiments
    assert [type(part).__name__ for part in experiment.parts] == ["Trace", "Spectrum", "Trace"]
    assert experiment.sample.name == "A"
    # one clock: the second ramp begins two minutes after the first
    assert experiment.traces[1].time[0] - experiment.traces[0].time[0] == pytest.approx(120)


def test_the_same_points_in_two_files_count_once(tmp_path):
    chi_file(tmp_path / "a.txt", "Linear Sweep Voltammetry", "Potential/V, Current/A",
             [f"{0.001 * i:.3f}, {1e-6 * i:.3e}" for i in range(10)], "09:00:00")  # fmt: skip
    (tmp_path / "a.csv").write_text(
        "\n".join(["E/V,I/A", *[f"{0.001 * i:.3f},{1e-6 * i:.3e}" for i in range(10)], ""]), encoding="utf-8"
    )
    (experiment,) = read_folder(tmp_path).experiments
    assert "file_copy" in [flag.code for flag in experiment.flags]
    assert np.isfinite(experiment.start)


def test_real_run_of_several_techniques_is_one_experiment():
    name = "li_symmetric/datalab_LiLi_TEGDME"
    folder = real_file(f"{name}/jr862_11_08_23_insitu-impedance-LiLi_1MLiTFSI_TEGDME-1mA.mps").parent
    pytest.importorskip("galvani", reason="needs the extra rampion[biologic]")
    campaign = read_folder(folder)
    names = [experiment.name for experiment in campaign.experiments]
    run = campaign.experiments[names.index("jr862_11_08_23_insitu-impedance-LiLi_1MLiTFSI_TEGDME-1mA")]
    assert run.traces
    assert run.spectra
    starts = [part.start + (0 if part.time is None or np.isnan(part.time[0]) else part.time[0]) for part in run.parts]
    assert starts == sorted(starts)


def test_stated_pauses_reach_the_protocol_and_forbid_laying_out_times(folder):
    (folder / "samples.csv").write_text(
        "sample,file,scan rate [mV/s],pause interval [mV],pause duration [s],stop potential [V]\n"
        "A,S1_LSV,1,50,300,1\nB,S2_LSV,1,50,300,1\n",
        encoding="utf-8",
    )
    campaign = read_folder(folder)
    by_name = {experiment.sample.name: experiment.traces for experiment in campaign.experiments}
    for name in "AB":
        protocol = by_name[name][0].protocol
        assert isinstance(protocol, Sweep)
        assert protocol.pause == Pause(every=0.05, duration=300)
        assert (protocol.stop, math.isnan(protocol.start)) == (1.0, True)
    assert np.isnan(by_name["B"][0].time).all()


def test_row_without_file_owns_what_carries_its_name_as_a_word(folder):
    (folder / "samples.csv").write_text("sample,thickness [mm],area [mm2]\nS1,1,4\nS2,1,4\nS7,1,4\n", encoding="utf-8")
    campaign = read_folder(folder)
    assert [experiment.sample.name for experiment in campaign.experiments] == ["S2", "S1", "S10_EIS"]
    unmatched = [flag.message for flag in campaign.flags if flag.code == "file_unmatched"]
    assert unmatched == ["Row 4 of the sample sheet names 'S7', which is not there; check the name and the folder."]


def test_files_named_twice_and_files_not_there_are_flagged(folder):
    (folder / "samples.csv").write_text(
        "sample,file,thickness [mm],area [mm2]\nA,S1*.csv; gone.mpr,1,4\nB,S1_LSV.csv,1,4\n", encoding="utf-8"
    )
    campaign = read_folder(folder)
    owner = {experiment.name: experiment.sample.name for experiment in campaign.experiments}
    assert owner["S1_LSV"] == "A"
    assert {"file_unmatched", "file_repeated"} <= set(codes(campaign))


def test_single_file_with_the_sheet_beside_it(folder):
    (folder / "samples.csv").write_text("sample,file,thickness [mm],area [mm2]\nA,S1_LSV.csv,1,4\n", encoding="utf-8")
    campaign = read_folder(folder, only="S1_LSV.csv")
    (experiment,) = campaign.experiments
    assert experiment.sample.name == "A"
    assert codes(campaign) == []
    with pytest.raises(RefusedError):
        read_folder(folder, only="notes.txt")


def test_sheet_elsewhere_and_two_sheets(folder, tmp_path_factory):
    sheet = tmp_path_factory.mktemp("sheets") / "mine.csv"
    sheet.write_text("sample,file,thickness [mm],area [mm2]\nA,S1_LSV.csv,1,4\n", encoding="utf-8")
    campaign = read_folder(folder, sheet=sheet)
    assert "A" in [experiment.sample.name for experiment in campaign.experiments]
    for name in ("samples.csv", "Samples.xlsx"):
        (folder / name).write_text("sample,file\nA,S1_LSV.csv\n", encoding="utf-8")
    with pytest.raises(InputError, match="several sample sheets"):
        read_folder(folder)


def test_column_map_reaches_the_tables(folder):
    (folder / "bare.csv").write_text("U,I\n0,1\n1,2\n2,3\n", encoding="utf-8")
    columns = {"potential": "U [mV]", "current": "I [mA]"}
    with pytest.raises(RefusedError, match="name no unit"):
        read_folder(folder, only="bare.csv")
    (experiment,) = read_folder(folder, only="bare.csv", columns=columns).experiments
    np.testing.assert_allclose(experiment.traces[0].potential, [0, 1e-3, 2e-3])


def test_folders_with_nothing_to_read(tmp_path):
    with pytest.raises(InputError, match="is no folder"):
        read_folder(tmp_path / "gone")
    with pytest.raises(RefusedError, match="holds no file"):
        read_folder(tmp_path)
    (tmp_path / "notes.txt").write_text("nothing", encoding="utf-8")
    with pytest.raises(RefusedError, match="Not one of the 1 files"):
        read_folder(tmp_path)


def test_a_wrong_file_name_is_answered_first_with_the_nearest_one(folder):
    (folder / "samples.csv").write_text(
        "sample,file,area [mm2]\nA,S1_LVS.csv,4\nB,run/S2_LSV.csv,4\nC,S10*.mpr,4\nD,zirconia,4\n", encoding="utf-8"
    )
    first, second, third, *others = read_folder(folder).flags
    assert (
        first.message == "Row 2 of the sample sheet names 'S1_LVS.csv', which is not there; did you mean 'S1_LSV.csv'?"
    )
    assert "'S10*.mpr'" in second.message
    assert "'zirconia', which is not there; check the name and the folder." in third.message
    assert {flag.code for flag in others} >= {"metadata_missing", "file_unlisted"}
    assert "file_unmatched" not in {flag.code for flag in others}


@pytest.mark.parametrize(
    ("stated", "differs"),
    [("1.06", True), ("1.04", False), ("0.94", True), ("0.96", False), ("20", True), ("0.05", True)],
)
def test_a_files_own_scan_rate_counts_and_the_sheets_is_held_against_it(tmp_path, stated, differs):
    rows = [f"{0.001 * i:.3f}, {1e-6 * i:.3e}" for i in range(60)]
    chi_file(tmp_path / "S1.txt", "Linear Sweep Voltammetry", "Potential/V, Current/A", rows, "09:00:00")
    (tmp_path / "samples.csv").write_text(
        f"sample,file,thickness [mm],area [mm2],scan rate [mV/s]\nA,S1.txt,1,4,{stated}\n", encoding="utf-8"
    )
    (trace,) = read_folder(tmp_path).experiments[0].traces
    assert trace.protocol.rate == pytest.approx(1e-3)
    flags = [flag.message for flag in trace.flags if flag.code == "scan_rate_differs"]
    assert bool(flags) == differs
    assert all("1 mV/s" in message and stated.rstrip("0").rstrip(".") in message for message in flags)


@pytest.mark.parametrize(("slope", "ramp"), [(3e-6, True), (-3e-6, True), (0.0, False)])
def test_a_slow_ramp_takes_the_sheets_rate_though_noise_is_larger_than_its_steps(tmp_path, slope, ramp):
    time = np.arange(4000.0)
    potential = slope * time + np.random.default_rng(2).normal(0, 2e-5, time.size)
    rows = [f"{t:.0f},{e:.7f},{1e-3 * e:.9g}" for t, e in zip(time, potential, strict=True)]
    (tmp_path / "S1.csv").write_text("\n".join(["t / s,E / V,I / A", *rows, ""]), encoding="utf-8")
    (tmp_path / "samples.csv").write_text(
        "sample,file,thickness [mm],area [mm2],scan rate [mV/s]\nA,S1.csv,1,4,0.003\n", encoding="utf-8"
    )
    (trace,) = read_folder(tmp_path).experiments[0].traces
    assert (trace.protocol == Sweep(rate=3e-6)) == ramp
    assert (trace.protocol is None) == (not ramp)


def test_pauses_that_only_the_sheet_states_reach_a_files_own_protocol(tmp_path):
    rows = [f"{0.001 * i:.3f}, {1e-6 * i:.3e}" for i in range(60)]
    chi_file(tmp_path / "S1.txt", "Linear Sweep Voltammetry", "Potential/V, Current/A", rows, "09:00:00")
    (tmp_path / "samples.csv").write_text(
        "sample,file,thickness [mm],area [mm2],scan rate [mV/s],pause interval [mV],pause duration [s]\n"
        "A,S1.txt,1,4,1,50,300\n",
        encoding="utf-8",
    )
    (trace,) = read_folder(tmp_path).experiments[0].traces
    assert trace.protocol.pause == Pause(every=0.05, duration=300)
