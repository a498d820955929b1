"""What the simulator writes in an instrument's format, the readers give back: numbers, protocol, clock and mark."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rampion.cell.contact import ContactLoss
from rampion.cell.eclab_file import text_of
from rampion.cell.files import MAKES, SYNTHETIC_MARK, write_experiment
from rampion.cell.instrument import laboratory_instrument, measure
from rampion.cell.ohmic import simulate_ohmic
from rampion.cell.parameters import Cell, Relaxation
from rampion.errors import InputError
from rampion.measurement import (
    ConstantCurrent,
    Experiment,
    FrequencyScan,
    Hold,
    Rest,
    Spectrum,
    Steps,
    Sweep,
    Trace,
)
from rampion.readers.detect import read_file

SCAN = FrequencyScan(high=6e5, low=10.0, points_per_decade=8, amplitude=0.01)
PROTOCOLS = (
    Sweep(rate=1e-3, start=0.0, stop=0.05), Hold(potential=0.05, duration=90.0), SCAN,
    Sweep(rate=1e-3, start=0.05, stop=0.1), SCAN,
    Hold(potential=0.05, duration=60.0), ConstantCurrent(current=1e-5, duration=60.0), Rest(duration=60.0),
)  # fmt: skip
TECHNIQUES = ["LSV", "CA", "PEIS", "LSV", "PEIS", "CA", "CP", "OCV"]
TOLERANCES = {
    "eclab": {"potential": (1e-7, 0.0), "current": (1e-14, 0.0)},
    "gamry": {"potential": (6e-6, 0.0), "current": (6e-6, 0.0)},
    "chi": {"potential": (0.0, 6e-8), "current": (6e-4, 0.0)},
    "csv": {"potential": (1e-11, 0.0), "current": (1e-11, 0.0)},
}
"""Relative and absolute [V], [A] error that the format's printed digits leave."""


TECHNIQUE_LEAVES_OUT = {Hold: "potential", ConstantCurrent: "current"}


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    cell = Cell(
        thickness=1e-3, conductivity=0.06, concentration=430.0, transference=0.8, area=4e-6, name="pellet 1",
        terms=(ContactLoss(capacity=3e4, resistance=1e-3, capacitance=0.1),),
        relaxations=(Relaxation(name="grain boundary", share=0.3, admittance=1e-4, exponent=0.9),),
    )  # fmt: skip
    truth = simulate_ohmic(cell, PROTOCOLS, points=100).experiment
    instrument = laboratory_instrument(sampling_period=0.5)
    seen = tuple(measure(part, instrument, seed) for seed, part in enumerate(truth.parts))
    return replace(truth, parts=tuple(replace(part, start=1.7e9) for part in seen), start=1.7e9)


@pytest.mark.parametrize("make", MAKES)
def test_a_run_is_a_series_of_numbered_files(make, experiment, tmp_path):
    paths = write_experiment(experiment, tmp_path, make)
    assert [path.name.split("_")[1:3] for path in paths] == [
        [f"{number:02d}", technique if path.suffix == ".mpt" else f"{technique}{path.suffix}"]
        for number, (technique, path) in enumerate(zip(TECHNIQUES, paths, strict=True), 1)
    ]
    for path in paths:
        assert SYNTHETIC_MARK.encode() in path.read_bytes()[:1000]


@pytest.mark.parametrize("make", MAKES)
def test_readers_give_back_what_was_written(make, experiment, tmp_path):
    for part, path in zip(experiment.parts, write_experiment(experiment, tmp_path, make), strict=True):
        (read,) = read_file(path).parts
        assert read.synthetic
        assert type(read) is type(part)
        assert len(read) == len(part)
        if isinstance(part, Trace) and isinstance(read, Trace):
            for name, (relative, absolute) in TOLERANCES[make].items():
                # a format leaves out what the technique does not measure: current at rest, potential of an i-t curve
                left_out = (name == "current" and isinstance(part.protocol, Rest)) or (
                    make == "chi" and TECHNIQUE_LEAVES_OUT.get(type(part.protocol)) == name
                )
                if not left_out:
                    np.testing.assert_allclose(getattr(read, name), getattr(part, name), rtol=relative, atol=absolute)
        if isinstance(part, Spectrum) and isinstance(read, Spectrum):
            rough = 6e-4 if make == "chi" else 1e-6
            np.testing.assert_allclose(read.impedance, part.impedance, rtol=rough)
            np.testing.assert_allclose(read.frequency, part.frequency, rtol=rough)
            if make != "chi":
                assert (read.potential, read.current) == pytest.approx((part.potential, part.current), rel=1e-5)


@pytest.mark.parametrize("make", ["eclab", "gamry"])
def test_the_protocol_and_the_clock_survive(make, experiment, tmp_path):
    for part, path in zip(experiment.parts, write_experiment(experiment, tmp_path, make), strict=True):
        (read,) = read_file(path).parts
        np.testing.assert_allclose(read.start + read.time, part.start + part.time, atol=1e-5)
        if isinstance(part.protocol, Sweep):
            assert isinstance(read.protocol, Sweep)
            assert (read.protocol.rate, read.protocol.start, read.protocol.stop) == pytest.approx(
                (part.protocol.rate, part.protocol.start, part.protocol.stop), abs=1e-9
            )
        if isinstance(part.protocol, FrequencyScan):
            assert isinstance(read.protocol, FrequencyScan)
            assert (read.protocol.high, read.protocol.low, read.protocol.amplitude) == pytest.approx(
                (6e5, 10.0, 0.01), rel=1e-5
            )
            assert read.potential == pytest.approx(part.potential, abs=1e-6)


def test_a_chi_sweep_gets_its_times_from_the_scan_rate(experiment, tmp_path):
    sweep = experiment.parts[0]
    (read,) = read_file(write_experiment(experiment, tmp_path, "chi")[0]).parts
    np.testing.assert_allclose(read.time - read.time[0], sweep.time - sweep.time[0], atol=0.5)


def test_decimal_commas_are_written_as_a_german_machine_would(experiment, tmp_path):
    from datetime import UTC, datetime

    part = replace(experiment.parts[0], time=experiment.parts[0].time)
    text = text_of(part, "LSV", datetime.fromtimestamp(1.7e9, tz=UTC), SYNTHETIC_MARK, decimal=",")
    path = tmp_path / "comma_01_LSV_C01.mpt"
    path.write_bytes(text.encode("cp1252"))
    (read,) = read_file(path).parts
    np.testing.assert_allclose(read.potential, part.potential, atol=1e-8)
    np.testing.assert_allclose(read.current, part.current, rtol=1e-12)
    assert read.synthetic


def test_galvanostatic_steps_and_scans_can_be_written(tmp_path):
    scan = replace(SCAN, galvanostatic=True, amplitude=1e-6)
    steps = Trace(
        time=np.arange(4.0), potential=np.full(4, 0.1), current=np.full(4, 1e-5), synthetic=True,
        protocol=Steps(currents=(1e-5, 2e-5), durations=(2.0, 2.0)),
    )  # fmt: skip
    spectrum = Spectrum(
        frequency=np.array([1e3, 1e2]), impedance=np.array([100 - 1j, 110 - 5j]), protocol=scan, galvanostatic=True,
        synthetic=True,
    )  # fmt: skip
    for make in MAKES:
        paths = write_experiment(Experiment(parts=(steps, spectrum)), tmp_path / make, make, stem="cell")
        read = read_file(paths[1]).parts[0]
        np.testing.assert_allclose(read.impedance, spectrum.impedance, rtol=1e-3)
        assert len(read_file(paths[0]).parts[0]) == 4


def test_measured_data_and_unknown_makes_are_refused(experiment, tmp_path):
    measured = replace(experiment, parts=(replace(experiment.parts[0], synthetic=False),))
    with pytest.raises(InputError, match="not marked synthetic"):
        write_experiment(measured, tmp_path, "gamry")
    with pytest.raises(InputError, match="eclab, gamry, chi, csv"):
        write_experiment(experiment, tmp_path, "ivium")
    nameless = replace(experiment, parts=(replace(experiment.parts[0], protocol=None),))
    with pytest.raises(InputError, match="without a protocol"):
        write_experiment(nameless, tmp_path, "eclab")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("make", MAKES)
def test_records_of_any_size_sign_and_length_come_back(seed, make, tmp_path):
    generator = np.random.default_rng([7, seed])
    count = int(generator.choice([1, 2, 3, 5, 20, 200]))
    sign = generator.choice([-1.0, 1.0])
    time = np.cumsum(generator.uniform(0.1, 1.0, count)) * 10.0 ** generator.uniform(-3, 3)
    potential = np.linspace(0.0, sign * generator.uniform(0.01, 1.0), count)
    current = sign * 10.0 ** generator.uniform(-12, 0) * generator.uniform(0.1, 1.0, count)
    span = max(float(time[-1] - time[0]), 1.0)
    sweep = Sweep(rate=max(abs(float(potential[-1])) / span, 1e-9), start=0.0, stop=float(potential[-1]))
    frequency = np.geomspace(10.0 ** generator.uniform(2, 7), 10.0 ** generator.uniform(-3, 1), max(count, 2))
    size = 10.0 ** generator.uniform(-2, 8)
    impedance = size * (generator.uniform(0.1, 1, frequency.size) - 1j * generator.uniform(-0.1, 1, frequency.size))
    trace = Trace(time=time, potential=potential, current=current, protocol=sweep, synthetic=True, start=1.6e9)
    spectrum = Spectrum(
        frequency=frequency, impedance=impedance, synthetic=True, start=1.6e9, time=time[0] + np.arange(frequency.size),
        protocol=FrequencyScan(high=float(frequency[0]), low=float(frequency[-1]), amplitude=0.01),
    )  # fmt: skip
    paths = write_experiment(Experiment(parts=(trace, spectrum)), tmp_path, make, "any")
    (read,), (seen,) = (read_file(path).parts for path in paths)
    assert isinstance(read, Trace)
    assert isinstance(seen, Spectrum)
    np.testing.assert_allclose(read.potential, potential, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(read.current, current, rtol=1e-3 if make == "chi" else 1e-5)
    np.testing.assert_allclose(seen.frequency, frequency, rtol=1e-3)
    np.testing.assert_allclose(seen.impedance, impedance, rtol=2e-3)
    assert read.synthetic
    assert seen.synthetic
