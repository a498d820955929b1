"""Values that cannot be are refused, values that can hardly be are flagged with the slip that explains them."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from rampion.estimate import Estimate, Severity
from rampion.measurement import ElectrodeMaterial, ElectrodePair, MaterialClass, Sample
from rampion.plausibility import (
    LikelySlip,
    Method,
    assess_area,
    assess_conductivity,
    assess_current_density,
    assess_potential,
    assess_ratio,
    assess_sample,
)
from rampion.plausible_limits import CONDUCTIVITY, REST, Plausibility, class_limits, class_of

GARNET = Sample(name="g", material_class=MaterialClass.GARNET)
BLOCKING = ElectrodePair(ElectrodeMaterial.BLOCKING, ElectrodeMaterial.BLOCKING)


@pytest.mark.parametrize(
    ("field", "value", "slip"),
    [
        ("temperature", 25.0, LikelySlip.TEMPERATURE_IN_C_READ_AS_K),
        ("temperature", 571.15, LikelySlip.TEMPERATURE_IN_K_READ_AS_C),
        ("area", 2e-2, LikelySlip.AREA_IN_MM2_READ_AS_CM2),
        ("area", 2e-10, LikelySlip.AREA_IN_CM2_READ_AS_MM2),
        ("relative_density", 0.35, LikelySlip.NONE),
    ],
)
def test_what_a_sample_can_hardly_be_is_flagged_with_the_likely_slip(field, value, slip):
    (flag,) = assess_sample(Sample(name="g", **{field: Estimate(value)}))
    assert flag.severity is Severity.INVALID
    assert slip.value in flag.message


@pytest.mark.parametrize(
    ("field", "inside"),
    [("area", (1e-9, 4e-6, 1e-2)), ("relative_density", (0.4, 0.91, 1.05)), ("temperature", (173.15, 298.15, 453.0))],
)
def test_what_laboratories_measure_raises_nothing(field, inside):
    for value in inside:
        assert assess_sample(Sample(name="g", **{field: Estimate(value)})) == ()


def test_298_degrees_is_above_the_melting_point_of_lithium_and_fine_between_blocking_electrodes():
    (flag,) = assess_sample(Sample(name="g", temperature=Estimate(571.15)))
    assert flag.severity is Severity.INVALID
    assert LikelySlip.TEMPERATURE_IN_K_READ_AS_C.value in flag.message
    assert assess_sample(Sample(name="g", temperature=Estimate(571.15), electrodes=BLOCKING)) == ()


@pytest.mark.parametrize(
    ("factor", "method", "slip"),
    [
        (1e3, Method.SWEEP, LikelySlip.CURRENT_IN_MA_READ_AS_A),
        (1e-3, Method.SWEEP, LikelySlip.POTENTIAL_IN_MV_READ_AS_V),
        (1e-2, Method.SWEEP, LikelySlip.AREA_IN_MM2_READ_AS_CM2),
        (1e-3, Method.SPECTRUM, LikelySlip.IMPEDANCE_IN_MOHM_READ_AS_OHM),
        (1e-2, Method.SPECTRUM, LikelySlip.AREA_IN_MM2_READ_AS_CM2),
    ],
)
def test_a_garnet_s_conductivity_names_the_slip(factor, method, slip):
    usual = 0.06  # S/m
    assert assess_conductivity(usual, GARNET, method).plausibility is Plausibility.PLAUSIBLE
    found = assess_conductivity(usual * factor, GARNET, method)
    assert found.plausibility is Plausibility.IMPLAUSIBLE
    assert found.slip is slip
    assert found.flag is not None
    assert found.flag.severity is Severity.INVALID
    assert "garnet" in found.flag.message


def test_a_conductivity_outside_all_matter_is_impossible():
    for value in (259.0, 1e-12):
        assert assess_conductivity(value, GARNET, Method.SWEEP).plausibility is Plausibility.IMPOSSIBLE


def test_the_range_moves_with_the_temperature_by_the_energies_that_widen_it():
    """σ(T) = σ(25 °C)·exp[−(E/k)(1/T − 1/T₀)], 0.2 to 0.7 eV: 80 °C is 3.4 to 70 times."""
    warm, room = class_limits(MaterialClass.GARNET, 353.15), class_limits(MaterialClass.GARNET, 298.15)
    assert warm.low / room.low == pytest.approx(math.exp(0.2 * 11604.518 * (1 / 298.15 - 1 / 353.15)), rel=1e-4)
    assert warm.high / room.high == pytest.approx(math.exp(0.7 * 11604.518 * (1 / 298.15 - 1 / 353.15)), rel=1e-4)
    cold = class_limits(MaterialClass.GARNET, 253.15)
    assert cold.low / room.low == pytest.approx(math.exp(-0.7 * 11604.518 * (1 / 253.15 - 1 / 298.15)), rel=1e-4)
    hot = Sample(name="g", material_class=MaterialClass.GARNET, temperature=Estimate(353.15))
    assert assess_conductivity(0.5, hot, Method.SWEEP).flag is None
    assert assess_conductivity(0.5, GARNET, Method.SWEEP).flag is not None
    assert assess_conductivity(0.5, GARNET, Method.SWEEP, 353.15).flag is None  # recorded, not stated


def test_without_a_class_the_composition_decides_and_without_both_the_span_of_the_ceramics():
    for text, kind in (
        ("Li6.4La3Zr1.4Ta0.6O12", MaterialClass.GARNET), ("LLZTO", MaterialClass.GARNET),
        ("Li₇La₃Zr₂O₁₂", MaterialClass.GARNET), ("Li1.3Al0.3Ti1.7(PO4)3", MaterialClass.NASICON),
        ("LAGP", MaterialClass.NASICON), ("Li6PS5Cl", MaterialClass.ARGYRODITE), ("Li10GeP2S12", MaterialClass.SULFIDE),
        ("Li3PS4", MaterialClass.SULFIDE), ("Li3YCl6", MaterialClass.HALIDE), ("LiPON", MaterialClass.LIPON),
        ("Li0.33La0.56TiO3", MaterialClass.PEROVSKITE), ("PEO-LiTFSI", MaterialClass.POLYMER), ("", None), ("A7", None),
    ):  # fmt: skip
        assert class_of(Sample(composition=text)) is kind, text
    unknown = Sample(name="u")
    assert assess_conductivity(1.0, unknown, Method.SWEEP).flag is None
    assert assess_conductivity(60.0, unknown, Method.SWEEP).slip is LikelySlip.CURRENT_IN_MA_READ_AS_A
    assert assess_conductivity(2e-4, Sample(composition="LiPON"), Method.SWEEP).flag is None
    assert assess_conductivity(2e-4, unknown, Method.SWEEP).flag is not None


def test_every_class_has_a_source_and_its_usual_value_inside():
    for kind in MaterialClass:
        if kind is MaterialClass.OTHER:
            continue
        limits = CONDUCTIVITY.classes[kind]
        assert limits.low < limits.usual < limits.high
        assert all(source.startswith("10.") for source in limits.sources)


def test_current_density_and_potential_have_their_bounds():
    assert assess_current_density(9.9e4, GARNET).flag is None
    assert assess_current_density(-1.1e5, GARNET).slip is LikelySlip.CURRENT_IN_MA_READ_AS_A
    assert assess_potential(19.0).flag is None
    assert assess_potential(200.0).slip is LikelySlip.POTENTIAL_IN_MV_READ_AS_V


def test_the_file_s_area_is_compared_where_it_is_not_the_default():
    assert assess_area(4e-6, math.nan).flag is None
    assert assess_area(4e-6, 4.4e-6).flag is None
    assert assess_area(4e-4, 4e-6).slip is LikelySlip.AREA_IN_MM2_READ_AS_CM2
    assert assess_area(4e-6, 4e-4).slip is LikelySlip.AREA_IN_CM2_READ_AS_MM2
    assert assess_area(4e-6, 12e-6).flag is not None


def test_sweep_and_spectrum_disagree_by_their_whole_interval():
    assert assess_ratio(Estimate(1.3, 0.01)).flag is None
    assert assess_ratio(Estimate(0.2, 0.01)).flag is None  # slow processes
    assert assess_ratio(Estimate(30.0, 15.0)).flag is None  # the interval reaches below ten
    for wrong in (1000.0, 1e-3, 100.0):
        assert assess_ratio(Estimate(wrong, 0.05 * wrong)).flag is not None


def test_polarisation_leaves_less_the_longer_ago():
    assert REST.allowed(0.0) == REST.polarised
    assert REST.allowed(600.0) == pytest.approx(REST.relaxed)
    assert REST.allowed(2400.0) == pytest.approx(0.5 * REST.relaxed)
    assert REST.allowed(1e9) == REST.settled


def test_the_documented_ranges_are_those_of_the_code():
    page = (Path(__file__).parents[1] / "docs" / "plausibility.md").read_text(encoding="utf-8")
    for limits in (*CONDUCTIVITY.classes.values(), CONDUCTIVITY.unstated):
        assert f"| {limits.name} | {1e-2 * limits.low:.6g} to {1e-2 * limits.high:.6g} |" in page
        assert all(source in page for source in limits.sources)
