"""A penetration is confirmed by what comes after it, on simulated cells (synthetic data)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from rampion.cell.parameters import Cell
from rampion.cell.short import SoftShort
from rampion.cell.simulate import sample_of, simulate
from rampion.measurement import ConstantCurrent, Protocol, Rest, Spectrum, Sweep, Trace
from rampion.voltammetry.analyse import analyse_run
from rampion.voltammetry.finding import After, Finding, Verdict

CELL = Cell(
    name="S1", thickness=1e-3, area=4e-6, conductivity=0.06, concentration=5000.0, transference=0.8,
    interface_resistance=1e-3,
)  # fmt: skip
RESISTANCE = (1e-3 / 0.06 + 1e-3) / 4e-6  # Ω
UP = Sweep(rate=1e-3, start=0.0, stop=0.5)
BACK = Sweep(rate=1e-3, start=0.5, stop=0.0)
RAMP = 500.0  # s
ONSET = 300.0  # s
PATH = 300.0  # S/m², five times the ceramic's


def run(protocols: Sequence[Protocol], healed: float = math.inf, noise: float = 1e-3) -> tuple[Trace, ...]:
    """The cell through protocols, with a path that closes within 20 s from the onset on and opens again when healed."""
    grows = np.arange(1.0, 21.0)
    short = SoftShort(
        times=(*(ONSET + grows), healed) if healed < math.inf else tuple(ONSET + grows),
        conductances=(*(PATH * grows / 20.0), 0.0) if healed < math.inf else tuple(PATH * grows / 20.0),
    )
    generator = np.random.default_rng(11)
    traces = []
    for trace in simulate(CELL, protocols).traces:
        time = np.arange(trace.time[0], trace.time[-1], 1.0)
        potential = np.interp(time, trace.time, trace.potential)
        current = np.interp(time, trace.time, trace.current)
        path = short.conductance(time) * CELL.area
        if isinstance(trace.protocol, ConstantCurrent):
            potential = current / (current / potential + path)
        elif isinstance(trace.protocol, Rest):
            potential = np.where(path > 0, 0.0, potential)
        else:
            current = current + path * potential
        current = current + noise * np.abs(current) * generator.standard_normal(time.size)
        traces.append(replace(trace, time=time, potential=potential, current=current, temperature=None, extra={}))
    return tuple(traces)


def spectrum(at: float, resistance: float) -> Spectrum:
    """One arc of the cell, measured at a time."""
    frequency = np.geomspace(1e5, 1.0, 40)
    impedance = resistance / (1.0 + 2j * np.pi * frequency * 1e-4)
    return Spectrum(frequency=frequency, impedance=impedance, time=at + np.arange(40.0), potential=0.0, synthetic=True)


def penetration(parts: Sequence[Trace | Spectrum]) -> Finding:
    traces = [part for part in parts if isinstance(part, Trace)]
    found = analyse_run(traces, sample_of(CELL), parts).findings[0]
    assert found.verdict is Verdict.PENETRATION
    assert found.aftermath is not None
    assert found.aftermath.before.value == pytest.approx(RESISTANCE, rel=0.01)
    return found


def left() -> float:
    """What remains [Ω]: the cell and its path in parallel."""
    return 1.0 / (1.0 / RESISTANCE + PATH * 4e-6)


def test_a_record_that_ends_in_the_rise_is_probable():
    after = penetration(run([UP])).aftermath
    assert not after.confirmed
    assert after.by is None
    assert after.remaining is None


def test_the_sweep_back_confirms_and_says_what_remains():
    after = penetration(run([UP, BACK])).aftermath
    assert after.confirmed
    assert after.by is After.RETURN_SWEEP
    assert after.remaining.value == pytest.approx(left(), rel=0.03)
    assert after.area_remaining.value == pytest.approx(after.remaining.value * 4e-6, rel=1e-9)


@pytest.mark.parametrize(("healed", "confirmed"), [(math.inf, True), (RAMP + 1800.0, False)])
def test_a_later_sweep_decides_after_a_rest(healed, confirmed):
    after = penetration(run([UP, Rest(duration=3600.0), UP], healed)).aftermath
    assert after.by is After.LATER_SWEEP
    assert after.confirmed is confirmed
    assert after.remaining.value == pytest.approx(left() if confirmed else RESISTANCE, rel=0.03)


def test_a_rest_alone_measures_nothing():
    after = penetration(run([UP, Rest(duration=3600.0)])).aftermath
    assert after.by is None
    assert not after.confirmed


@pytest.mark.parametrize(("share", "confirmed"), [(0.3, True), (0.99, False), (1.0, False)])
def test_a_spectrum_decides_against_the_line_and_against_one_before(share, confirmed):
    traces = [replace(trace, time=trace.time + 100.0) for trace in run([UP])]
    later = spectrum(1000.0, share * RESISTANCE)
    for parts in ([*traces, later], [spectrum(0.0, RESISTANCE), *traces, later]):
        after = penetration(parts).aftermath
        assert after.by is After.SPECTRUM
        assert after.confirmed is confirmed
        assert after.remaining.value == pytest.approx(share * RESISTANCE, rel=1e-3)


def test_what_was_measured_last_decides():
    """Confirmed by the sweep back, healed in the spectrum after it."""
    after = penetration([*run([UP, BACK]), spectrum(5000.0, RESISTANCE)]).aftermath
    assert after.by is After.SPECTRUM
    assert not after.confirmed


def test_the_smallest_resistance_before_counts():
    """A spectrum before the sweep that shows the resistance of after: nothing was lost."""
    traces = [replace(trace, time=trace.time + 100.0) for trace in run([UP])]
    parts = [spectrum(0.0, 0.3 * RESISTANCE), *traces, spectrum(1000.0, 0.3 * RESISTANCE)]
    found = analyse_run(traces, sample_of(CELL), parts).findings[0]
    assert not found.aftermath.confirmed


def test_a_penetration_at_constant_current_is_compared_with_its_first_voltage():
    current = ConstantCurrent(current=2e-5, duration=500.0)
    for resistance, confirmed in ((0.3 * RESISTANCE, True), (RESISTANCE, False)):
        after = penetration([*run([current]), spectrum(1000.0, resistance)]).aftermath
        assert after.confirmed is confirmed


def test_a_later_constant_current_confirms():
    after = penetration(run([UP, Rest(duration=600.0), ConstantCurrent(current=2e-5, duration=600.0)])).aftermath
    assert after.by is After.LATER_CURRENT
    assert after.confirmed
    assert after.remaining.value == pytest.approx(left(), rel=0.05)


def test_an_unfinished_arc_measures_no_resistance():
    traces = [replace(trace, time=trace.time + 100.0) for trace in run([UP])]
    high = spectrum(1000.0, 0.3 * RESISTANCE)
    kept = high.frequency > 1e4
    cut = replace(high, frequency=high.frequency[kept], impedance=high.impedance[kept], time=high.time[kept])
    assert penetration([*traces, cut]).aftermath.by is None


def test_plain_words_say_what_confirms_it_or_why_not():
    from rampion.report.document import verdict_cell
    from rampion.report.words import finding_lines

    told = {}
    for name, parts in (("back", run([UP, BACK])), ("alone", run([UP]))):
        finding = penetration(parts)
        (told[name],) = [line for line in finding_lines(finding) if "afterwards" in line]
        cell = verdict_cell({"verdict": finding.verdict, "aftermath": {"confirmed": finding.aftermath.confirmed}})
        assert cell["text"] == f"penetration, {'confirmed' if name == 'back' else 'probable'}"
    assert "confirmed: " in told["back"]
    assert "Ω in the sweep back" in told["back"]
    assert "probable: nothing measured the resistance afterwards" in told["alone"]
