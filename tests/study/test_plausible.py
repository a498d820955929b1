"""The gate over experiments and campaigns: slips that passed without a word are caught, good ones are not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import rampion
from rampion.errors import InputError
from rampion.estimate import Estimate, Severity
from rampion.measurement import (
    Campaign,
    ElectrodeMaterial,
    ElectrodePair,
    Experiment,
    MaterialClass,
    Sample,
    Source,
    Spectrum,
    Trace,
)
from rampion.plausibility import assess_supply
from rampion.quantities import FARADAY
from rampion.study.campaign import study

CONDUCTANCE = 2.4e-4  # S: 0.6 mS/cm of 1 mm and 4 mm²


def sweep(scale=1.0, conductance=CONDUCTANCE, area=np.nan, seed=0) -> Trace:
    noise = 1e-8 * np.random.default_rng(seed).standard_normal(400)
    potential = np.linspace(0.0, 0.2, 400)
    return Trace(
        time=np.arange(400.0), potential=potential, current=scale * (conductance * potential + noise),
        source=Source(area=area),
    )  # fmt: skip


def spectrum(scale=1.0) -> Spectrum:
    omega = 2j * np.pi * np.geomspace(1e6, 1.0, 50)
    noise = 1 + 1e-3 * np.random.default_rng(1).standard_normal(50)
    z = (3300 / (1 + omega * 3300 * 2e-10) + 860 / (1 + omega * 860 * 1e-6)) * noise
    return Spectrum(frequency=np.geomspace(1e6, 1.0, 50), impedance=scale * z, potential=0.0, current=0.0)


def sample(thickness=1e-3, area=4e-6, **more) -> Sample:
    return Sample(
        name="a", thickness=Estimate(thickness, 1e-6), area=Estimate(area, 1e-8),
        material_class=MaterialClass.GARNET, **more,
    )  # fmt: skip


def analysed(*parts, known: Sample):
    return rampion.analyse(Experiment(parts=parts, sample=known, name="a")).samples[0]


def invalid(found) -> list[str]:
    flags = [*found.flags, *(flag for each in (*found.findings, *found.spectra) for flag in each.flags)]
    return [flag.message for flag in flags if flag.severity is Severity.INVALID]


def test_a_good_sample_raises_nothing():
    found = analysed(sweep(area=4e-6), spectrum(), known=sample())
    assert invalid(found) == []
    assert found.findings[0].conductivity.value == pytest.approx(0.06, rel=0.01)


@pytest.mark.parametrize(
    ("parts", "known", "slip"),
    [
        ((sweep(scale=1e3),), sample(), "in mA"),
        ((spectrum(scale=1e3),), sample(), "in mΩ"),
        ((sweep(),), sample(area=4e-4), "in mm²"),
        ((sweep(),), sample(temperature=Estimate(571.15)), "in K"),
        ((sweep(area=4e-6),), sample(area=4e-4), "in mm²"),
        ((sweep(scale=1e3), spectrum()), sample(), "units of current"),
    ],
)
def test_slips_of_units_are_flagged_invalid_with_the_question(parts, known, slip):
    assert any(slip in message for message in invalid(analysed(*parts, known=known)))


def test_millivolts_read_as_volts_are_named():
    plain = sweep()
    found = analysed(Trace(time=plain.time, potential=1e3 * plain.potential, current=plain.current), known=sample())
    assert any("in mV" in message for message in invalid(found))


def test_a_metre_thick_and_a_percent_dense_are_refused():
    with pytest.raises(InputError, match="is it 1 mm"):
        sample(thickness=1.0)
    with pytest.raises(InputError, match="is it 95 %"):
        sample(relative_density=Estimate(0.0095))


def test_a_conductivity_that_no_matter_has_is_withdrawn():
    found = analysed(sweep(scale=1e6), known=sample())
    assert found.findings[0].conductivity is None
    assert invalid(found)


def campaign(wrong: float, count: int = 7) -> Campaign:
    rng = np.random.default_rng(4)
    members = []
    for place in range(count):
        sigma = CONDUCTANCE * (1 + 0.03 * rng.standard_normal())
        thickness = 1e-3 * (wrong if place == 2 else 1.0)
        known = Sample(name=f"s{place}", pellet="p", thickness=Estimate(thickness, 1e-6), area=Estimate(4e-6, 1e-8))
        members.append(Experiment(parts=(sweep(conductance=sigma, seed=place),), name=f"s{place}", sample=known))
    return Campaign(experiments=tuple(members))


def test_a_thickness_typed_twice_too_large_is_the_outlier_of_its_pellet():
    for wrong, count, expected in ((2.0, 7, ["s2"]), (1.0, 7, []), (2.0, 4, [])):
        analysis = rampion.analyse(campaign(wrong, count))
        apart = [
            one.experiment.name
            for one in analysis.samples
            if any("thickness and area" in flag.message for flag in one.flags)
        ]
        assert apart == expected


def full_cell() -> Trace:
    current = np.r_[np.zeros(30), np.full(370, -1e-4)]
    falling = 3.6 - 0.5 * np.linspace(0, 1, 400) - 2.5 * np.linspace(0, 1, 400) ** 30
    return Trace(time=np.arange(400.0), potential=falling + 500 * current, current=current)


def test_a_full_cell_counts_nowhere_in_a_study(tmp_path):
    members = campaign(1.0, 3).experiments
    other = Experiment(parts=(full_cell(),), name="full", sample=sample())
    found = study(Campaign(experiments=(*members, other)))
    assert [one.symmetric for one in found.analysis.samples] == [True, True, True, False]
    assert len(found.events) == 3
    assert all(event.finding.verdict.judged for event in found.events)


def test_unlike_electrodes_that_are_stated_are_judged_and_draw_no_transport_numbers():
    pair = ElectrodePair(ElectrodeMaterial.INDIUM_LITHIUM, ElectrodeMaterial.LITHIUM)
    members = []
    for one in campaign(1.0, 4).experiments:
        (trace,) = one.traces
        moved = Trace(time=trace.time, potential=trace.potential + 0.62, current=trace.current)
        known = Sample(name=one.name, thickness=one.sample.thickness, area=one.sample.area, electrodes=pair, pellet="p")
        members.append(Experiment(parts=(moved,), name=one.name, sample=known))
    found = study(Campaign(experiments=tuple(members)))
    assert len(found.events) == 4
    assert found.transport == ()
    assert study(campaign(1.0, 4)).transport != ()


PASSED = 2400.0 * 12.97e-6 / FARADAY  # m of lithium in one sweep: 9.6 mC through 4 mm²


def supply(*parts, thickness=None) -> list[list[str]]:
    """Of each finding, the codes of what is said of its lithium."""
    lithium = None if thickness is None else Estimate(thickness)
    found = analysed(*parts, known=sample(lithium_thickness=lithium)).findings
    return [[flag.code for flag in each.flags if flag.code.startswith("lithium_")] for each in found]


def turned(trace: Trace) -> Trace:
    return replace(trace, potential=-trace.potential, current=-trace.current)


def test_lithium_that_is_used_up_is_flagged_with_its_share():
    assert supply(sweep(), thickness=PASSED / 0.72) == [["lithium_spent"]]
    assert supply(sweep(), thickness=PASSED / 0.68) == [[]]
    assert supply(sweep()) == [[]]  # no limit was reached: nothing is asked
    assert assess_supply(3.6e4, sample(lithium_thickness=Estimate(5e-6)), limited=False).details == (
        ("passed", pytest.approx(4.84, abs=0.01)), ("share", pytest.approx(0.968, abs=2e-3)),
    )  # fmt: skip


def test_lithium_passed_before_counts_and_comes_back_when_reversed():
    assert supply(sweep(), sweep(seed=1), thickness=PASSED / 0.4) == [[], ["lithium_spent"]]
    assert supply(sweep(), turned(sweep(seed=1)), thickness=PASSED / 0.4) == [[], []]


def test_the_thickness_is_asked_for_once_where_a_limit_was_reached():
    levelled = [replace(one, current=1e-5 * np.tanh(one.current / 1e-5)) for one in (sweep(), sweep(seed=1))]
    assert supply(*levelled) == [["lithium_not_stated"], []]
