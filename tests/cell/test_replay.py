"""A measured protocol, replayed: from real files, from written files, and from records that state nothing."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("jax")
from rampion.cell.files import write_experiment
from rampion.cell.parameters import Cell
from rampion.cell.replay import protocols_of
from rampion.cell.simulate import simulate
from rampion.errors import InputError
from rampion.measurement import (
    ConstantCurrent,
    Experiment,
    FrequencyScan,
    Hold,
    Rest,
    Steps,
    Sweep,
    Trace,
)
from rampion.readers import read_file
from real_files import real_file

GARNET = Cell(thickness=1e-3, conductivity=0.06, concentration=430.0, transference=0.8, area=4e-6)
LI_SYMMETRIC = "li_symmetric/datalab_LiLi_TEGDME/"
LI_SYMMETRIC += "jr862_11_08_23_insitu-impedance-LiLi_1MLiTFSI_TEGDME-1mA_01_GCPL_C05.mpr"


def test_a_real_galvanostatic_run_of_a_lithium_cell():
    """Its technique states no protocol: the steps are read off the current."""
    measured = read_file(real_file(LI_SYMMETRIC))
    (steps,) = protocols_of(measured)
    assert isinstance(steps, Steps)
    (trace,) = measured.traces
    charge = float(np.dot(steps.currents, steps.durations))
    measured_charge = float(np.sum(0.5 * (trace.current[1:] + trace.current[:-1]) * np.diff(trace.time)))
    assert charge == pytest.approx(measured_charge, rel=0.02)
    assert sum(steps.durations) == pytest.approx(np.ptp(trace.time), rel=1e-6)
    thin = Cell(thickness=1e-3, conductivity=0.6, concentration=4300.0, transference=0.8, area=4e-4)
    run = simulate(thin, (steps,))
    assert run.flags == ()
    assert run.charge[-1] * thin.area == pytest.approx(charge, rel=1e-6)


def test_a_real_sweep_has_its_rate_and_ends():
    measured = read_file(real_file("biologic/nomad_hzb/LSV_nesd.mpr"))
    (sweep,) = protocols_of(measured)
    assert (sweep.rate, sweep.start, sweep.stop) == pytest.approx((0.1, 0.0, 1.0), rel=1e-3, abs=1e-3)
    run = simulate(GARNET, (sweep,))
    assert run.potential[-1] == pytest.approx(sweep.stop)


def test_a_real_spectrum_keeps_its_frequencies():
    measured = read_file(real_file("biologic/nomad_hzb/PEIS_nesd.mpr"))
    scans = protocols_of(measured)
    assert all(isinstance(scan, FrequencyScan) for scan in scans)
    run = simulate(GARNET, scans[:2])
    for simulated, spectrum in zip(run.spectra, measured.spectra[:2], strict=True):
        assert np.sort(simulated.frequency) == pytest.approx(np.sort(spectrum.frequency), rel=0.05)


@pytest.mark.parametrize("make", ["eclab", "gamry", "csv"])
def test_files_written_and_read_replay_to_the_same_curve(make, tmp_path):
    protocols = (
        Sweep(rate=5e-5, start=0.0, stop=0.3), Rest(duration=900.0),
        FrequencyScan(high=1e5, low=10.0, points_per_decade=5), ConstantCurrent(current=1e-5, duration=600.0),
    )  # fmt: skip
    first = simulate(GARNET, protocols)
    paths = write_experiment(first.experiment, tmp_path, make, "one")
    parts = tuple(part for path in paths for part in read_file(path).parts)
    again = simulate(GARNET, protocols_of(Experiment(parts=parts)))
    assert again.time[-1] == pytest.approx(first.time[-1], rel=1e-4)
    assert again.charge[-1] == pytest.approx(first.charge[-1], rel=1e-3)
    assert len(again.spectra) == 1
    assert again.peak.current_density == pytest.approx(first.peak.current_density, rel=1e-4)


def trace(time, potential, current, **more) -> Trace:
    return Trace(time=np.asarray(time, float), potential=potential, current=current, **more)


def test_a_record_that_states_nothing_is_read():
    time = np.linspace(0.0, 300.0, 301)
    generator = np.random.default_rng(7)
    triangle = np.interp(time, [0.0, 100.0, 200.0, 300.0], [0.0, 0.5, -0.5, -0.5])
    potential = triangle + 2e-4 * generator.standard_normal(301)
    up, down, held = protocols_of(Experiment(parts=(trace(time, potential, 1e-6 * triangle**3),)))
    assert (up.rate, up.stop, down.rate, down.stop) == pytest.approx((5e-3, 0.5, 1e-2, -0.5), rel=0.02)
    assert isinstance(held, Hold)
    assert held.duration == pytest.approx(100.0, abs=3.0)
    steps = np.where(time < 100.0, 1e-4, np.where(time < 200.0, 0.0, -2e-4))
    (found,) = protocols_of(Experiment(parts=(trace(time, np.sin(time), steps),)))
    assert found.currents == pytest.approx((1e-4, 0.0, -2e-4))
    assert found.durations == pytest.approx((100.0, 100.0, 100.0))
    (rest,) = protocols_of(Experiment(parts=(trace(time, potential, np.zeros(301)),)))
    assert rest == Rest(duration=300.0)


def test_what_a_protocol_leaves_out_comes_from_the_record():
    time, volts = np.linspace(0.0, 100.0, 51), np.linspace(0.02, 0.4, 51)
    stopped = trace(time, volts, volts * 1e-3, protocol=Sweep(rate=3.8e-3, stop=1.0))
    (sweep,) = protocols_of(Experiment(parts=(stopped,)))
    assert (sweep.start, sweep.stop) == pytest.approx((0.02, 0.4))
    held = trace(time, np.full(51, 0.2), volts, protocol=Hold(potential=0.2))
    assert protocols_of(Experiment(parts=(held,))) == (Hold(potential=0.2, duration=100.0),)


def test_what_cannot_be_replayed_is_said():
    time = np.linspace(0.0, 100.0, 400)
    wild = trace(time, np.sin(time), np.cos(3.0 * time))
    with pytest.raises(InputError, match="straight lines"):
        protocols_of(Experiment(parts=(wild,)))
    untimed = Trace(time=np.full(5, np.nan), potential=np.arange(5.0), current=np.arange(5.0))
    with pytest.raises(InputError, match="no times"):
        protocols_of(Experiment(parts=(untimed,)))
    with pytest.raises(InputError, match="nothing to replay"):
        protocols_of(Experiment(parts=()))
