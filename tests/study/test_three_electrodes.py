"""A reference electrode from the files to the report: one record in every format, and the spectrum beside it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rampion.cell import eclab_file, table_file
from rampion.estimate import Estimate
from rampion.measurement import WORKING_POTENTIAL, Experiment, Sample, Spectrum, Sweep, Trace
from rampion.readers import eclab_text, table
from rampion.readers.samples import read_samples
from rampion.report.results import finding_entry
from rampion.report.sections import REFERENCE, reference_cells
from rampion.report.words import finding_lines
from rampion.study import analyse_experiment
from rampion.voltammetry.analyse import analyse_trace
from written_files import mpr, mpt

THICKNESS, WHOLE, SHARE = 1e-3, 40000.0, 0.47
FREQUENCY = np.geomspace(1e6, 1.0, 60)
SAMPLE = Sample(
    name="S1", thickness=Estimate(THICKNESS, 1e-6), area=Estimate(4e-6, 4e-9),
    reference_depth=Estimate(0.4 * THICKNESS, 0.02 * THICKNESS),
)  # fmt: skip


def sweep(seed: int = 2) -> Trace:
    """An ohmic cell of two unequal interfaces, with the noise of both inputs."""
    rng = np.random.default_rng(seed)
    time = 100.0 + np.arange(1200.0)
    cell = 5e-4 * (time - 100.0)
    current = cell / WHOLE * (1.0 + 1e-4 * rng.standard_normal(time.size))
    working = SHARE * cell + 2e-5 * rng.standard_normal(time.size)
    protocol = Sweep(rate=5e-4, start=0.0, stop=0.6)
    return Trace(time=time, potential=cell, current=current, protocol=protocol, extra={WORKING_POTENTIAL: working})


def spectrum(total: float = WHOLE, ceramic: float = 25000.0) -> Spectrum:
    """A grain-boundary arc of 0.1 nF/cm and an interface arc of 1 µF/cm² between both electrodes, before the sweep."""
    angular = 2j * np.pi * FREQUENCY
    capacitance = 1e-8 * 4e-6 / THICKNESS, 1e-2 * 4e-6 / 2
    arcs = [r / (1.0 + angular * r * c) for r, c in zip((ceramic, total - ceramic), capacitance, strict=True)]
    rng = np.random.default_rng(5)
    noise = 5e-4 * (rng.standard_normal((2, FREQUENCY.size)) * np.array([[1.0], [1.0j]])).sum(axis=0)
    return Spectrum(
        frequency=FREQUENCY, impedance=sum(arcs) * (1.0 + noise), time=np.linspace(0.0, 60.0, 60), potential=0.0
    )


def finding_of(*parts):
    analysis = analyse_experiment(Experiment(parts=parts, sample=SAMPLE))
    (finding,) = analysis.findings
    return finding, analysis


def test_the_spectrum_at_rest_gives_the_interfaces_share():
    finding, analysis = finding_of(spectrum(), sweep())
    reference = finding.reference
    assert reference.electrolyte_known
    electrolyte = analysis.spectra[0].resistance
    assert electrolyte.value == pytest.approx(25000.0, rel=0.05)
    expected = reference.working_share.value - 0.4 * electrolyte.value / reference.resistance.value
    assert reference.interface_share.value == pytest.approx(expected)
    assert reference.interface_share.low < SHARE - 0.4 * 25000.0 / WHOLE < reference.interface_share.high
    alone, _ = finding_of(sweep())
    assert not alone.reference.electrolyte_known
    assert alone.reference.interface_share.interval == pytest.approx((0.0588, 0.472), abs=1e-3)


def test_the_spectrum_of_one_side_is_not_used():
    finding, _ = finding_of(spectrum(SHARE * WHOLE, 10000.0), sweep())
    assert not finding.reference.electrolyte_known


def test_every_format_gives_one_reference():
    trace = sweep()
    working, counter = trace.extra[WORKING_POTENTIAL], trace.extra[WORKING_POTENTIAL] - trace.potential
    columns = {"time/s": trace.time, "Ewe/V": working, "Ece/V": counter, "I/mA": 1e3 * trace.current}
    (text,), _ = eclab_text.read(mpt({"mode": np.full(len(trace), 2)} | columns), "a.mpt")
    rows = "\n".join(",".join(f"{value:.9g}" for value in row) for row in zip(*columns.values(), strict=True))
    (plain,), flags = table.read((",".join(columns) + "\n" + rows + "\n").encode(), "a.csv")
    assert "cell_voltage_chosen" in [flag.code for flag in flags]
    found = [analyse_trace(one, SAMPLE)[0].reference for one in (trace, text, plain)]
    assert found[0] is not None
    for one in found[1:]:
        for name in ("working_share", "interface_share", "potential", "resistance"):
            assert getattr(one, name).value == pytest.approx(getattr(found[0], name).value, rel=2e-4), name
        assert one.polarising is found[0].polarising


def test_both_exports_of_a_run_give_one_reference():
    pytest.importorskip("galvani")
    from rampion.readers import eclab_binary

    trace = sweep()
    working = trace.extra[WORKING_POTENTIAL]
    columns = {
        "time/s": trace.time, "control/V": trace.potential, "Ewe/V": working, "I/mA": 1e3 * trace.current,
        "<Ece>/V": working - trace.potential,
    }  # fmt: skip
    (binary,), _ = eclab_binary.read(mpr({"flags": np.full(len(trace), 2)} | columns), "a.mpr")
    (text,), _ = eclab_text.read(mpt({"mode": np.full(len(trace), 2)} | columns), "a.mpt")
    one, other = (analyse_trace(part, SAMPLE)[0].reference for part in (binary, text))
    assert one.working_share.value == pytest.approx(other.working_share.value, rel=1e-5)
    assert one.interface_share.value == pytest.approx(other.interface_share.value, rel=1e-5)
    assert one.working_share.low < SHARE < one.working_share.high


@pytest.mark.parametrize("headers", [("Ewe/V", "Ece/V"), ("WE potential [V]", "CE potential [V]")])
def test_a_table_of_both_electrodes_gives_the_cells_voltage(headers):
    rows = "\n".join(f"{t},{0.5 * t},{-0.25 * t},{2 * t}" for t in range(20))
    (trace,), _ = table.read(f"time/s,{headers[0]},{headers[1]},I/mA\n{rows}\n".encode(), "a.csv")
    np.testing.assert_allclose(trace.potential, 0.75 * np.arange(20))
    np.testing.assert_allclose(trace.extra[WORKING_POTENTIAL], 0.5 * np.arange(20))


def test_a_table_of_the_working_electrode_alone_is_read_as_before():
    rows = "\n".join(f"{t},{0.5 * t},{2 * t}" for t in range(20))
    (trace,), _ = table.read(f"time/s,Ewe/V,I/mA\n{rows}\n".encode(), "a.csv")
    np.testing.assert_allclose(trace.potential, 0.5 * np.arange(20))
    assert WORKING_POTENTIAL not in trace.extra


def test_written_files_keep_the_electrodes_apart():
    from datetime import UTC, datetime

    trace, start = sweep(), datetime(2026, 1, 2, tzinfo=UTC)
    (text,), _ = eclab_text.read(eclab_file.text_of(trace, "LSV", start, "synthetic").encode("cp1252"), "a.mpt")
    (plain,), _ = table.read(table_file.text_of(trace, "LSV", start, "synthetic").encode(), "a.csv")
    for read in (text, plain):
        np.testing.assert_allclose(read.potential, trace.potential, atol=1e-7)
        np.testing.assert_allclose(read.extra[WORKING_POTENTIAL], trace.extra[WORKING_POTENTIAL], atol=1e-7)


def test_the_sheet_states_the_depth(tmp_path):
    path = tmp_path / "samples.csv"
    path.write_text("sample;thickness [mm];reference depth [mm];reference depth std [mm]\nS1;1.0;0.3;0.02\n")
    (row,) = read_samples(path).rows
    assert row.sample.reference_depth == Estimate(3e-4, 2e-5)


def test_the_report_says_it_in_plain_words():
    finding, analysis = finding_of(sweep())
    entry = finding_entry(finding, analysis.experiment)["reference"]
    cells = dict(zip(REFERENCE, reference_cells(entry), strict=True))
    assert cells["reference depth"] == "40.0 ± 2 % of the thickness"
    assert cells["of the resistance before the reference"].startswith("47.0 ± 0.")
    assert cells["in the working interface"] == "6 to 47 %"
    assert cells["polarises"] == "not determined"
    unknown = reference_cells(entry | {"depth": None, "interface_share": None})
    assert unknown[0] == "not stated"
    assert unknown[2] == "–"
    (line,) = [line for line in finding_lines(finding) if "reference" in line]
    assert "47.0 ± 0.1 % of the resistance before it, 6 to 47 % in the working interface" in line
    bare = replace(finding, reference=None)
    assert "reference" not in finding_entry(bare, analysis.experiment)
