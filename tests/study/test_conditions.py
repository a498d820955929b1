"""Files of one sample at several temperatures or pressures become one series with activation energies (synthetic)."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest

import hot_and_cold
from rampion.estimate import Estimate
from rampion.measurement import Campaign, Experiment, Override, Sample, Spectrum
from rampion.report.html import write_report
from rampion.study import Options, SampleAnalysis, analyse, read, study
from rampion.study.condition_groups import PRESSURE, TEMPERATURE, find_groups
from rampion.study.overrides import Overridden
from rampion.study.remember import analyse_folder
from rampion.study.spectra import Spectra

EV = 96485.33212  # J/mol
CELSIUS = (0, 10, 20, 30, 45, 60)
CIRCUIT = "p(R1,C1)-p(R2,CPE2)-p(R3,CPE3)"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return hot_and_cold.write_files(tmp_path_factory.mktemp("temperatures"), CELSIUS)


@pytest.fixture(scope="module", params=[CIRCUIT, pytest.param(None, marks=pytest.mark.slow)])
def found(folder, request):
    """With the circuit given, and (slow) with every circuit chosen from the data."""
    return analyse(folder, circuit=request.param, relaxation_times=False)


def test_a_folder_gives_one_series_in_the_order_of_its_temperatures(found):
    (series,) = found.series
    assert (series.sample, series.along) == ("S1", TEMPERATURE)
    assert [one.value - 273.15 for one in series.coordinate] == pytest.approx(CELSIUS)
    temperatures = [found.samples[place].experiment.sample.temperature for place in series.places]
    assert temperatures == list(series.coordinate)


def test_all_spectra_have_one_circuit_and_the_same_names(found):
    (series,) = found.series
    assert {finding.circuit for finding in series.series.spectra} == {series.series.circuit}
    names = {tuple(sorted(process.name for process in finding.processes)) for finding in series.series.spectra}
    assert len(names) == 1
    assert "diffusion" not in next(iter(names))


def test_the_samples_carry_the_findings_of_the_series(found):
    (series,) = found.series
    for place, finding in zip(series.places, series.series.spectra, strict=True):
        assert found.samples[place].spectra == (finding,)


def test_the_energies_come_back(found):
    (series,) = found.series
    whole = series.conductivity_activation
    assert whole.energy.low / EV < hot_and_cold.CERAMIC < whole.energy.high / EV
    assert whole.energy.std / EV < 0.002
    assert whole.room_value.low < hot_and_cold.TOTAL < whole.room_value.high
    assert whole.room_value.relative == pytest.approx(math.hypot(0.02, 0.025), rel=0.05)  # thickness and area rule
    truth = {8e-12: hot_and_cold.CERAMIC, 3e-9: hot_and_cold.CERAMIC, 2e-6: hot_and_cold.INTERFACE}
    by_name = {one.quantity: one for one in series.activations}
    for track in series.series.tracks:
        size = float(np.nanmedian(track.capacitance))
        energy = truth[min(truth, key=lambda known: abs(math.log(known / size)))]
        line = by_name[track.name].energy
        # 99.7 % and not 95 %, as four lines are looked at
        assert abs(line.value / EV - energy) < 3 * line.std / EV
        assert line.std / EV < 0.01


def test_temperatures_without_uncertainty_are_told(found):
    codes = {flag.code for flag in found.series[0].flags}
    assert "no_temperature_errors" in codes


def test_a_circuit_given_is_that_of_the_series(folder):
    analysis = analyse(folder, circuit="(RQ)(RQ)(RQ)", relaxation_times=False)
    assert analysis.series[0].series.circuit == "p(R1,CPE1)-p(R2,CPE2)-p(R3,CPE3)"
    assert {sample.spectra[0].circuit for sample in analysis.samples} == {analysis.series[0].series.circuit}


def decided(folder, **changes):
    campaign = read(folder)
    decision = Override(reason="the leads are short", **changes)
    return analyse(replace(campaign, overrides=(decision,)), circuit=CIRCUIT, relaxation_times=False)


def test_a_circuit_that_a_person_chose_for_the_sample_is_that_of_the_series(folder):
    analysis = decided(folder, sample="S1", circuit="p(R1,CPE1)-p(R2,CPE2)-p(R3,CPE3)")
    assert analysis.series[0].series.circuit == "p(R1,CPE1)-p(R2,CPE2)-p(R3,CPE3)"


def test_a_circuit_that_a_person_chose_for_one_file_stands(folder):
    analysis = decided(folder, sample="S1_2", circuit="R0-p(R1,CPE1)-p(R2,CPE2)")
    (series,) = analysis.series
    names = [sample.experiment.name for sample in analysis.samples]
    assert names.index("S1_2") not in series.places
    assert len(series.places) == len(CELSIUS) - 1
    assert analysis.samples[names.index("S1_2")].spectra[0].circuit == "R0-p(R1,CPE1)-p(R2,CPE2)"
    assert "decided_by_a_person" in {flag.code for flag in series.flags}


def test_an_excluded_spectrum_takes_no_part(folder):
    analysis = decided(folder, sample="S1_2", exclude=True)
    assert len(analysis.series[0].places) == len(CELSIUS) - 1


def test_two_temperatures_give_an_energy_without_uncertainty(tmp_path):
    analysis = analyse(hot_and_cold.write_files(tmp_path, (10, 40)), circuit=CIRCUIT, relaxation_times=False)
    whole = analysis.series[0].conductivity_activation
    assert whole.energy.value / EV == pytest.approx(hot_and_cold.CERAMIC, abs=0.01)
    assert math.isnan(whole.energy.std)
    assert "few_temperatures" in {flag.code for flag in analysis.series[0].flags}


def test_pressures_give_tracks_and_no_energy(tmp_path):
    folder = hot_and_cold.write_files(tmp_path, (1, 5, 20), column="stack pressure [MPa]")
    (series,) = analyse(folder, circuit=CIRCUIT, relaxation_times=False).series
    assert series.along == PRESSURE
    assert [one.value for one in series.coordinate] == pytest.approx([1e6, 5e6, 20e6])
    assert series.conductivity_activation is None
    assert series.activations == ()
    assert [sigma.value for sigma in series.conductivity] == pytest.approx([hot_and_cold.TOTAL] * 3, rel=0.02)


def test_a_remembered_folder_gives_the_same_series(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("RAMPION_CACHE", str(tmp_path))
    options = Options(circuit=CIRCUIT, relaxation_times=False)
    first, again = (analyse_folder(folder, options=options, workers=1) for _ in range(2))
    direct = analyse(folder, circuit=CIRCUIT, relaxation_times=False)
    energies = {one.series[0].conductivity_activation.energy for one in (first, again, direct)}
    assert len(energies) == 1
    assert again.samples[0].spectra[0].circuit == again.series[0].series.circuit


# which records belong together, told from records alone


@pytest.fixture(scope="module")
def one_spectrum():
    rng = np.random.default_rng(4)
    spectrum = Spectrum(frequency=hot_and_cold.FREQUENCY, impedance=hot_and_cold.impedance(25.0, rng))
    (finding,) = analyse(Experiment(parts=(spectrum,)), circuit=CIRCUIT, relaxation_times=False).samples[0].spectra
    return spectrum, finding


@pytest.fixture
def record(one_spectrum):
    """A function that makes the analysis of a record at a temperature [°C] and pressure [MPa]."""
    spectrum, finding = one_spectrum

    def make(celsius=None, pressure=None, *, std=math.nan, name="S1", thickness=1e-3, **changes):
        known = Sample(
            name=name, thickness=Estimate(thickness), area=Estimate(4e-6),
            temperature=None if celsius is None else Estimate(celsius + 273.15, std),
            stack_pressure=None if pressure is None else Estimate(1e6 * pressure),
        )  # fmt: skip
        one = SampleAnalysis(
            experiment=Experiment(parts=(spectrum,), sample=known, name="file"), findings=(),
            impedance=Spectra(findings=(finding,)),
        )  # fmt: skip
        return replace(one, **changes)

    return make


def places(samples):
    return [(group.along, group.places) for group in find_groups(samples)]


def test_what_belongs_together(record):
    assert places([record(50), record(0), record(25)]) == [(TEMPERATURE, (1, 2, 0))]
    assert places([record(0), record(25), record(0, name="S2"), record(50, name="S2")]) == [
        (TEMPERATURE, (0, 1)),
        (TEMPERATURE, (2, 3)),
    ]
    assert places([record(0), record(25), record(50, thickness=2e-3)]) == [(TEMPERATURE, (0, 1))]


def test_what_does_not(record):
    assert places([record(0), record(), record(name=""), record(50, name="")]) == []
    assert places([record(24.2), record(25.9)]) == []  # a room, not a series
    assert places([record(20, std=5.0), record(30, std=5.0)]) == []
    assert places([record(0), record(50, impedance=Spectra())]) == []
    assert places([record(0), record(50, findings=("a sweep",))]) == []


def test_a_temperature_series_at_each_pressure(record):
    samples = [record(0, 5), record(25, 5), record(0, 20), record(25, 20.2), record(50, 20)]
    assert places(samples) == [(TEMPERATURE, (0, 1)), (TEMPERATURE, (2, 3, 4))]
    assert places([record(25, 1), record(25.4, 5), record(24.8, 20)]) == [(PRESSURE, (0, 1, 2))]


def test_unlike_decisions_leave_their_records_out(record):
    def chose(circuit):
        override = Override(sample="S1", reason="", circuit=circuit)
        return (Overridden(override=override, part="", decision="", before="", after=""),)

    alike = [record(t, overridden=chose("R0-p(R1,CPE1)")) for t in (0, 25)]
    (group,) = find_groups(alike)
    assert group.circuit == "R0-p(R1,CPE1)"
    (group,) = find_groups([*alike, record(40), record(50)])
    assert group.circuit is None
    assert group.places == (2, 3)
    assert [flag.code for flag in group.flags] == ["decided_by_a_person"] * 2


def test_a_sweep_between_the_spectra_is_told(record):
    def at(start, celsius, **changes):
        one = record(celsius, **changes)
        return replace(one, experiment=replace(one.experiment, start=start))

    samples = [at(1.0, 0), at(2.0, 25, findings=("a sweep",)), at(3.0, 50)]
    (group,) = find_groups(samples)
    assert [flag.code for flag in group.flags] == ["swept_between"]
    (group,) = find_groups([samples[0], samples[2], at(9.0, 25, findings=("a sweep",))])
    assert group.flags == ()


def test_of_several_spectra_the_last_stands_for_a_record(one_spectrum):
    rng = np.random.default_rng(8)
    several = []
    for celsius in (0.0, 40.0):
        known = Sample(name="S1", thickness=Estimate(1e-3), area=Estimate(4e-6), temperature=Estimate(celsius + 273.15))
        parts = tuple(
            Spectrum(
                frequency=hot_and_cold.FREQUENCY, impedance=hot_and_cold.impedance(value, rng),
                time=np.linspace(0, 60, hot_and_cold.FREQUENCY.size) + 600 * place,
            )
            for place, value in enumerate((celsius - 8, celsius - 3, celsius))
        )  # fmt: skip
        several.append(Experiment(parts=parts, sample=known, name=f"at {celsius:g}"))
    analysis = analyse(Campaign(experiments=tuple(several)), circuit=CIRCUIT, relaxation_times=False)
    (series,) = analysis.series
    assert series.blocks == (3, 3)
    for place, one in enumerate(analysis.samples):
        assert len(one.spectra) == 3  # and its own findings stay
        np.testing.assert_array_equal(series.spectra[place].impedance, several[place].spectra[-1].impedance)
    assert "spectrum 3 of them" in next(flag.message for flag in series.flags if flag.code == "one_of_several")


def test_the_report_of_a_study_tells_the_energies(found, tmp_path):
    page, results = write_report(study(found), tmp_path, {})
    text = page.read_text(encoding="utf-8")
    assert "Temperature and pressure" in text
    told = re.search(r"Conductivity of S1: activation energy ([\d.]+) \[", text)
    assert told is not None
    assert float(told[1]) == pytest.approx(hot_and_cold.CERAMIC, abs=0.005)
    plain = json.loads(results.read_text(encoding="utf-8"))
    assert next(one["quantity"] for one in plain["series"][0]["activation"]) == "conductivity"
    table = (tmp_path / "figures" / "series_01_S1_arrhenius.csv").read_text(encoding="utf-8-sig").splitlines()
    assert table[0].startswith('"S1, conductivity: 1000/T [1/K]","S1, conductivity: σT [mS·K/cm]"')
    first = [float(value) for value in table[1].split(",")[:2]]
    sigma = hot_and_cold.TOTAL * hot_and_cold.activated(273.15, hot_and_cold.CERAMIC)
    assert first == pytest.approx([1e3 / 273.15, 10 * sigma * 273.15], rel=0.02)
