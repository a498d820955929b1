"""One run is one record however its files are named; what only looks alike stays apart."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta

import numpy as np
import pytest

from rampion.measurement import CurrentOrigin, FrequencyScan, Sweep
from rampion.readers.folder import read_folder
from real_files import real_file
from written_files import curve, dta, mpr, mpt, zcurve

START = datetime(2023, 8, 11, 12, 40, 15)
NAMES = ("LLZO_7", "export 3", "backup/old")


def ramp(seed=3, points=400, resistance=500.0, noise=2e-5):
    """Time, potential and current of a measured ramp at 1 mV/s; without noise for ``noise=0``."""
    random = np.random.default_rng(seed)
    time = np.arange(float(points))
    potential = 1e-3 * time + random.normal(0, noise, points)
    return time, potential, 1e-3 * time / resistance + random.normal(0, noise / 20, points)


def spectrum(seed=5, noise=1e-3, shift=0.0):
    random = np.random.default_rng(seed)
    frequency = np.logspace(6, 0, 61)
    impedance = 20 + (100 + shift) / (1 + 2j * np.pi * frequency * 1e-5) + 300 / (1 + 2j * np.pi * frequency * 1e-2)
    return frequency, impedance * (1 + random.normal(0, noise, 61) + 1j * random.normal(0, noise, 61))


def as_mpt(record, start=START, settings=(("dE/dt", "1.000000"), ("dE/dt unit", "mV/s")), times_from=0.0):
    time, potential, current = record
    columns = {"time/s": time + times_from, "Ewe/V": potential, "<I>/mA": 1e3 * current}
    return mpt(columns, started=f"{start:%m/%d/%Y %H:%M:%S}.000", settings=settings)


def as_csv(record, every=1, times_from=0.0, digits=9):
    time, potential, current = (column[::every] for column in record)
    rows = [
        f"{t + times_from:.3f},{e:.{digits}g},{i:.{digits}g}" for t, e, i in zip(time, potential, current, strict=True)
    ]
    return "\n".join(["t / s,E / V,I / A", *rows, ""]).encode()


def as_dta(record, start=START):
    time = f"{start:%H:%M:%S}"
    return dta({"CURVE": curve(*record)}, date=f"{start:%d/%m/%Y}", time=time.lstrip("0"))


def as_mpr(record):
    time, potential, current = record
    return mpr({"time/s": time, "Ewe/V": potential, "I/mA": 1e3 * current})


def as_spectrum_mpt(scan, start=START, times_from=0.0):
    frequency, impedance = scan
    columns = {"freq/Hz": frequency, "Re(Z)/Ohm": impedance.real, "-Im(Z)/Ohm": -impedance.imag}
    columns["time/s"] = times_from + np.arange(float(frequency.size))
    title = "Potentio Electrochemical Impedance Spectroscopy"
    return mpt(columns, title=title, started=f"{start:%m/%d/%Y %H:%M:%S}.000")


def as_spectrum_csv(scan, digits=7):
    rows = [f"{f:.7g},{z.real:.{digits}g},{z.imag:.{digits}g}" for f, z in zip(*scan, strict=True)]
    return "\n".join(["f / Hz,Z' / Ohm,Z'' / Ohm", *rows, ""]).encode()


def write(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def kept(campaign):
    """Format and name of what was kept, by the records' sources."""
    return [part.source.path.rsplit(".", 1)[1] for one in campaign.experiments for part in one.parts]


def codes(campaign):
    return [flag.code for one in campaign.experiments for flag in one.flags] + [flag.code for flag in campaign.flags]


@pytest.mark.parametrize("names", list(itertools.permutations(NAMES)))
@pytest.mark.parametrize("noise", [2e-5, 0.0])
def test_exports_of_a_ramp_are_one_record_in_every_permutation_of_names(tmp_path, names, noise):
    run = ramp(noise=noise)
    forms = {"mpt": as_mpt(run), "csv": as_csv(run), "DTA": as_dta(run)}
    if not noise:
        del forms["csv"]  # without noise and clock nothing says whose run it is
    write(tmp_path, {f"{name}.{ending}": forms[ending] for name, ending in zip(names, forms, strict=False)})
    campaign = read_folder(tmp_path)
    assert kept(campaign) == ["mpt" if noise else "DTA"]  # where both have few digits, the columns decide
    assert codes(campaign).count("file_copy") == 1
    assert "records_alike" not in codes(campaign)


@pytest.mark.parametrize("names", list(itertools.permutations(NAMES[1:])))
def test_exports_of_a_spectrum_are_one_record_in_every_permutation_of_names(tmp_path, names):
    scan = spectrum()
    gamry = dta(
        {"ZCURVE": zcurve(*scan)}, tag="EISPOT", settings=("FREQINIT\tQUANT\t1.00000E+006\tInitial Freq. (Hz)",)
    )
    forms = {"csv": as_spectrum_csv(scan, digits=5), "DTA": gamry}
    write(tmp_path, {f"{name}.{ending}": forms[ending] for name, ending in zip(names, forms, strict=True)})
    assert kept(read_folder(tmp_path)) == ["DTA"]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(as_csv(ramp(), every=7), id="decimated"),
        pytest.param(as_csv(ramp(), times_from=3600.5), id="shifted"),
        pytest.param(as_csv(ramp(), digits=5), id="rounded"),
        pytest.param(as_csv(tuple(column[30:250] for column in ramp())), id="piece"),
        pytest.param(as_csv(tuple(column[:-3] for column in ramp())), id="last points missing"),
    ],
)
@pytest.mark.parametrize(
    "names", [("cell_01_LSV_C01.mpt", "cell_01_LSV_C01.csv"), ("b.mpt", "b.csv"), ("b.csv.mpt", "B.csv")]
)
def test_what_exports_leave_out_or_shift_does_not_make_two_runs(tmp_path, other, names):
    write(tmp_path, dict(zip(names, (as_mpt(ramp()), other), strict=True)))
    campaign = read_folder(tmp_path)
    assert kept(campaign) == ["mpt"]
    assert len(campaign.experiments[0].parts[0]) == 400


@pytest.mark.parametrize(
    "other", [as_csv(ramp(), every=7), as_csv(ramp(), times_from=3600.5), as_csv(ramp(), digits=6)]
)
def test_a_shifted_or_thinned_export_of_another_name_and_folder_counts_once(tmp_path, other):
    write(tmp_path, {"a.mpt": as_mpt(ramp()), "x/b.csv": other})
    assert kept(read_folder(tmp_path)) == ["mpt"]


def test_the_measured_current_is_kept_before_the_set_one_and_takes_the_start_over(tmp_path):
    time, potential, current = ramp()
    settled = mpt(
        {"mode": np.ones(400), "time/s": time, "control/V/mA": np.full(400, 0.5), "Ewe/V": potential},
        title="Galvanostatic Cycling with Potential Limitation",
        started=f"{START:%m/%d/%Y %H:%M:%S}.000",
    )
    write(tmp_path, {"cell.mpt": settled})
    (alone,) = read_folder(tmp_path).experiments
    assert alone.traces[0].current_origin is CurrentOrigin.SETTING
    write(tmp_path, {"other.csv": as_csv((time + 5, potential, current))})
    (both,) = read_folder(tmp_path).experiments
    (trace,) = both.traces
    assert trace.current_origin is CurrentOrigin.MEASURED
    np.testing.assert_allclose(trace.current, current, rtol=1e-6)
    assert trace.technique == "GCPL"
    # the moment of the first point is what the other file's clock says
    assert trace.start + trace.time[0] == pytest.approx(alone.start)


def test_what_only_the_left_out_file_states_is_taken_over(tmp_path):
    pytest.importorskip("galvani", reason="needs the extra rampion[biologic]")
    run = ramp(points=200)
    write(tmp_path, {"a.mpt": as_mpt(run), "b.mpr": as_mpr(run)})
    (experiment,) = read_folder(tmp_path).experiments
    assert isinstance(experiment.traces[0].protocol, Sweep)
    assert np.isfinite(experiment.start)


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_a_listed_files_sample_stays_with_the_run_whichever_export_is_kept(tmp_path, order):
    write(tmp_path, {f"{order[0]}.csv": as_csv(ramp()), f"{order[1]}.mpt": as_mpt(ramp())})
    (tmp_path / "samples.csv").write_text(
        f"sample,file,thickness [mm],area [mm2]\nS,{order[0]}.csv,1,4\n", encoding="utf-8"
    )
    (experiment,) = read_folder(tmp_path).experiments
    assert experiment.sample.name == "S"
    assert experiment.traces[0].source.path.endswith("mpt")


def test_a_record_of_one_electrode_is_the_same_run(tmp_path):
    time, potential, current = ramp()
    counter = -0.4 - 1e-4 * time
    whole = {
        "time/s": time,
        "Ewe/V": potential,
        "Ece/V": counter,
        "Ewe-Ece/V": potential - counter,
        "<I>/mA": 1e3 * current,
    }
    write(
        tmp_path, {"a.mpt": mpt(whole, started="08/11/2023 12:40:15.000"), "b.mpt": as_mpt((time, potential, current))}
    )
    (experiment,) = read_folder(tmp_path).experiments
    np.testing.assert_allclose(experiment.traces[0].potential, potential - counter, atol=1e-6)
    assert "copies_disagree" in [flag.code for flag in experiment.flags]


def later(hours):
    return START + timedelta(hours=hours)


def split(scan, parts):
    return {f"eis_{number}.csv": as_spectrum_csv(one) for number, one in enumerate([scan] * parts)}


APART = {
    # genuine repeats have starts of their own, however equal their points
    "an hour later": {"a.mpt": as_mpt(ramp()), "b.mpt": as_mpt(ramp(), start=later(1))},
    "a day later": {"a.mpt": as_mpt(ramp(noise=0)), "b.mpt": as_mpt(ramp(noise=0), start=later(24))},
    "minutes later": {"a.DTA": as_dta(ramp(noise=0)), "b.DTA": as_dta(ramp(noise=0), start=later(0.1))},
    "in two programs": {"a.mpt": as_mpt(ramp(noise=0)), "b.DTA": as_dta(ramp(noise=0), start=later(3.1))},
    "spectra repeated": {
        f"eis_{hour}.mpt": as_spectrum_mpt(spectrum(noise=0), start=later(hour)) for hour in range(3)
    },
    # another noise, another sample
    "repeated, without clocks": {"a.csv": as_csv(ramp(seed=1)), "b.csv": as_csv(ramp(seed=2))},
    "repeated spectra, without clocks": {"a.csv": as_spectrum_csv(spectrum(1)), "b.csv": as_spectrum_csv(spectrum(2))},
    "one program, two resistances": {"a.csv": as_csv(ramp(noise=0)), "b.csv": as_csv(ramp(noise=0, resistance=501))},
    "a spectrum with a slightly larger arc": {
        "a.csv": as_spectrum_csv(spectrum(noise=0)), "b.csv": as_spectrum_csv(spectrum(noise=0, shift=0.05)),
    },
    # without noise and clocks nothing shows that two files are one
    "simulated twice": {"rep1.csv": as_csv(ramp(noise=0)), "rep2.csv": as_csv(ramp(noise=0))},
    "one name, two folders": {"S1/lsv.csv": as_csv(ramp(noise=0)), "S2/lsv.csv": as_csv(ramp(noise=0))},
    "equal spectra": split(spectrum(noise=0), 2),
    # rests at 0 V of two cells that one command started
    "rests": {
        f"{name}_01_OCV_C0{number}.mpt": mpt(
            {"time/s": np.arange(60.0), "Ewe/V": np.zeros(60)}, title="Open Circuit Voltage"
        )
        for number, name in enumerate("ab")
    },
    "two channels at once": {
        f"{name}_01_LSV_C0{number}.mpt": as_mpt(ramp(noise=0)) for number, name in enumerate("ab")
    },
    # a programmed current that goes back and forth is no noise
    "cycled alike": {
        f"{name}.csv": as_csv((
            np.arange(600.0),
            np.where(np.arange(600) // 5 % 2, 1, -1) * np.repeat(np.linspace(0.1, 1, 60), 10) * resistance * 1e-3,
            np.where(np.arange(600) // 5 % 2, 1e-3, -1e-3) * np.repeat(np.linspace(0.1, 1, 60), 10),
        ))
        for name, resistance in (("a", 300.0), ("b", 310.0))
    },
}  # fmt: skip


@pytest.mark.parametrize("files", list(APART.values()), ids=list(APART))
def test_what_looks_alike_stays_apart(tmp_path, files):
    write(tmp_path, files)
    campaign = read_folder(tmp_path)
    assert len(campaign.experiments) == len(files)
    assert "file_copy" not in codes(campaign)


@pytest.mark.parametrize("noise", [2e-5, 0.0])
def test_one_protocol_on_two_samples_of_the_sheet_stays_two(tmp_path, noise):
    write(tmp_path, {"a.csv": as_csv(ramp(noise=noise)), "b.csv": as_csv(ramp(noise=noise))})
    (tmp_path / "samples.csv").write_text(
        "sample,file,thickness [mm],area [mm2]\nA,a.csv,1,4\nB,b.csv,1,4\n", encoding="utf-8"
    )
    campaign = read_folder(tmp_path)
    assert len(campaign.experiments) == 2
    # equal noise is one run: then the sheet is wrong, and that is flagged
    assert ("samples_share_record" in codes(campaign)) == (noise > 0)


def simulated(bend=0.3):
    """A current that levels off, without noise."""
    time = np.arange(400.0)
    return time, 1e-3 * time, 1e-4 * np.tanh(time / 400 / bend)


@pytest.mark.parametrize("names", list(itertools.permutations(NAMES[:2])))
def test_two_programs_exports_of_a_curve_without_noise_are_one_record(tmp_path, names):
    write(tmp_path, {f"{names[0]}.mpt": as_mpt(simulated()), f"{names[1]}.csv": as_csv(simulated(), digits=6)})
    assert kept(read_folder(tmp_path)) == ["mpt"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(as_mpt(simulated()), as_csv(simulated(bend=0.302)), id="another curve"),
        pytest.param(as_mpt(ramp(noise=0)), as_csv(ramp(noise=0)), id="a straight line"),
        pytest.param(as_mpt(simulated()), as_csv(simulated(), digits=2), id="two digits"),
    ],
)
def test_what_another_program_wrote_of_another_sample_stays_apart(tmp_path, one, other):
    write(tmp_path, {"a.mpt": one, "b.csv": other})
    assert kept(read_folder(tmp_path)) == ["mpt", "csv"]


def test_equal_records_that_nothing_decides_are_flagged(tmp_path):
    write(tmp_path, {"rep1.csv": as_csv(ramp(noise=0)), "rep2.csv": as_csv(ramp(noise=0))})
    assert codes(read_folder(tmp_path)).count("records_alike") == 1
    write(tmp_path, {"rep2.csv": as_csv(ramp(noise=0, resistance=510))})
    assert "records_alike" not in codes(read_folder(tmp_path))


@pytest.mark.parametrize("names", list(itertools.permutations(("a", "z/b", "c"))))
def test_three_real_exports_of_one_spectrum_are_one_record(tmp_path, names):
    pytest.importorskip("galvani", reason="needs the extra rampion[biologic]")
    stem = "solid_state/hybrid-drt_LPSCl/PEIS_LPSCl_IonBlocking_-25C"
    forms = [real_file(f"{stem}{ending}") for ending in (".mpr", ".txt", "_RelaxIS.txt")]
    write(tmp_path, {f"{name}{form.suffix}": form.read_bytes() for name, form in zip(names, forms, strict=True)})
    (experiment,) = read_folder(tmp_path).experiments
    (scan,) = experiment.spectra
    assert np.isfinite(scan.start)
    assert isinstance(scan.protocol, FrequencyScan)


@pytest.mark.parametrize(
    "names", [("a.ndax", "a.csv"), ("a.ndax", "b.csv"), ("b.ndax", "a.csv"), ("a.ndax", "x/a.csv")]
)
def test_a_real_record_of_a_cycler_and_its_export_are_one(tmp_path, names):
    # the export's clock is an hour ahead of the record's, and nearly all of its values are equal
    pytest.importorskip("fastnda", reason="needs the extra rampion[neware]")
    write(tmp_path, {name: real_file(f"neware/interp-test.{name.split('.')[1]}").read_bytes() for name in names})
    (experiment,) = read_folder(tmp_path).experiments
    assert experiment.traces[0].source.path.endswith("ndax")
