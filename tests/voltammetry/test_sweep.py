"""How a sweep is put together and judged: pieces, pauses, polarity, repeats, gaps, missing metadata. Synthetic."""

from __future__ import annotations

import math
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from rampion.estimate import Estimate
from rampion.measurement import ConstantCurrent, Controlled, Hold, Rest, Sample, Steps, Sweep, Trace
from rampion.mechanisms.contact import contact_sweep
from rampion.records import to_json
from rampion.voltammetry.analyse import Shape, analyse_run, analyse_trace, classify_trace
from rampion.voltammetry.finding import After, Kind, Verdict
from rampion.voltammetry.programme import find_pauses
from rampion.voltammetry.voltammogram import find_voltammograms, join_traces
from recovery.voltammetry_curves import THERMAL, binary_curve

SAMPLE = Sample(name="pellet", thickness=Estimate(1e-3, 1e-5), area=Estimate(4e-6, 1e-7))
CONDUCTANCE = 0.06 * 4e-6 / 1e-3


def ramp(points=800, end=1.0, rate=1e-3, noise=1e-3, seed=3, **changes) -> Trace:
    potential = np.linspace(0, end, points)
    current = CONDUCTANCE * (potential + noise * end * np.random.default_rng(seed).standard_normal(points))
    return Trace(
        **({"time": potential / rate, "potential": potential, "current": current, "synthetic": True} | changes)
    )


def peaked(points=1500, noise=2e-3, seed=4) -> Trace:
    """The reference cell of 1 mm, 0.6 mS/cm, t₊ = 0.8, 0.05 mV/s: J_p = 1.0352 mA/cm² at 0.2356 V."""
    width = 5e-5 * 1e-6 / (1.1889e-11 * THERMAL)
    _, phi, j = binary_curve(width, 0.8, 0.0, 24.0, False)
    time = np.linspace(0, phi[-1] * THERMAL / 5e-5, points)
    current = np.interp(time * 5e-5, phi * THERMAL, j) * 4 * 0.8 * THERMAL * 0.06 / 1e-3 * 4e-6
    current = current + noise * current.max() * np.random.default_rng(seed).standard_normal(points)
    return Trace(time=time, potential=time * 5e-5, current=current, synthetic=True)


def codes(finding) -> set[str]:
    return {flag.code for flag in finding.flags}


def test_the_reference_peak_is_found_where_the_independent_solution_has_it():
    (finding,) = analyse_trace(peaked(), SAMPLE)
    assert finding.verdict is Verdict.LIMITING_PEAK
    assert finding.current_density.value == pytest.approx(10.352, rel=0.005)
    assert finding.potential.value == pytest.approx(0.2356, rel=0.02)
    assert finding.scan_rate.value == pytest.approx(5e-5, rel=1e-3)
    assert finding.mechanism[0].mechanism == "polarisation"
    assert finding.mechanism[0].probability > 0.9
    assert "transport_or_contact" not in codes(finding)
    # F c₀ √D/(1 - t₊): the semi-integral's plateau
    plateau = 96485.33 * 430 * math.sqrt(1.1889e-11) / 0.2
    assert finding.semi_integral_plateau.value == pytest.approx(plateau, rel=0.06)


def test_the_answer_does_not_depend_on_the_number_of_points():
    few, many = (analyse_trace(peaked(points=points), SAMPLE)[0] for points in (3_000, 300_000))
    assert many.verdict is few.verdict is Verdict.LIMITING_PEAK
    for name in ("current_density", "potential", "charge", "conductivity", "semi_integral_plateau"):
        one, other = getattr(few, name), getattr(many, name)
        assert abs(one.value - other.value) < 2.0 * math.hypot(one.std, other.std)
        assert abs(one.value / other.value - 1.0) < 0.01


def test_a_long_record_is_held_a_few_times_only():
    record = join_traces((peaked(points=300_000),))
    tracemalloc.start()
    find_voltammograms(record)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 16 * record.time.nbytes


def test_an_ohmic_sweep_gives_the_conductivity_with_all_three_uncertainties():
    (finding,) = analyse_trace(ramp(), SAMPLE)
    assert finding.verdict is Verdict.NO_EVENT
    assert finding.conductivity.value == pytest.approx(0.06, rel=0.005)
    assert finding.conductivity.relative >= math.hypot(0.01, 0.025)
    assert finding.ohmic.area_resistance.value == pytest.approx(1e-3 / 0.06, rel=0.005)
    assert finding.charge.value == pytest.approx(0.5 * 60.0 * 1000.0, rel=0.01)
    assert "right_censored" in codes(finding)


def test_without_area_and_thickness_they_are_asked_for_by_name():
    (finding,) = analyse_trace(ramp(), Sample())
    assert finding.current_density is None
    assert finding.conductivity is None
    assert {"area_missing", "thickness_missing"} <= codes(finding)
    assert finding.current.value == pytest.approx(CONDUCTANCE, rel=0.01)


@pytest.mark.parametrize(("turn_potential", "turn_current", "flag"), [(-1, -1, "negative_sweep"), (1, -1, "polarity")])
def test_turned_signs_give_the_same_peak(turn_potential, turn_current, flag):
    plain = peaked()
    (expected,) = analyse_trace(plain, SAMPLE)
    turned = Trace(time=plain.time, potential=turn_potential * plain.potential, current=turn_current * plain.current)
    (finding,) = analyse_trace(turned, SAMPLE)
    assert finding.verdict is Verdict.LIMITING_PEAK
    assert finding.current.value == pytest.approx(expected.current.value)
    assert flag in codes(finding)


@pytest.mark.parametrize("recorded", [True, False])
def test_pauses_are_marked_and_leave_the_ramp(recorded):
    whole = ramp(points=1001)
    time, potential, current = (list(a) for a in (whole.time, whole.potential, whole.current))
    out: list[tuple[float, float, float]] = []
    shift = 0.0
    for k, (t, v, i) in enumerate(zip(time, potential, current, strict=True)):
        out.append((t + shift, v, i))
        if k and k % 100 == 0 and k < 1000:
            if recorded:
                out += [(t + shift + s, v, i) for s in np.linspace(1, 90, 60)]
            shift += 91.0
    t, v, i = np.array(out).T
    (finding,) = analyse_trace(Trace(time=t, potential=v, current=i), SAMPLE)
    assert len(finding.pauses) == 9
    assert np.allclose([p.potential for p in finding.pauses], np.arange(0.1, 0.95, 0.1), atol=0.003)
    assert np.allclose([p.duration for p in finding.pauses], 90.0, rtol=0.1)
    assert finding.scan_rate.value == pytest.approx(1e-3, rel=0.01)
    assert finding.verdict is Verdict.NO_EVENT


@pytest.mark.parametrize("every", [0.03, 0.04, 0.05, 0.06, 0.1])
@pytest.mark.parametrize("offset", [0.0, 2e-4, 5e-4, 9e-4])
def test_a_pause_is_found_wherever_it_falls_among_the_bins(every, offset):
    """A record without the holds, a point per millivolt at 0.05 mV/s: the pauses are gaps of 4.5 samples."""
    rate, potential = 5e-5, np.arange(600) * 1e-3 + offset
    pauses = np.arange(1, round(0.6 / every)) * every
    time = potential / rate + 90.0 * np.sum(potential[:, None] > pauses, axis=1)
    _, marks, found = find_pauses(time, potential, potential / 4e3, 0.0)
    assert np.allclose([mark.potential for mark in marks], pauses, atol=1.5e-3)
    assert np.allclose([mark.duration for mark in marks], 90.0, rtol=0.05)
    assert found == pytest.approx(rate, rel=0.01)


@pytest.mark.parametrize("rate", [3e-6, 1.2e-5, 5e-5])
def test_a_contact_that_thins_before_it_breaks_has_its_largest_current(rate):
    """Contact loss, a point per millivolt: the fewer points round off, the slower the ramp."""
    generator = np.random.default_rng(11)
    fine = np.arange(8001) * 5e-5
    density = contact_sweep(fine, rate, 18e3, 0.06, 1e-3, 5e-5)
    top = float(density.max()) * 4e-6
    potential = fine[7::20]
    current = density[7::20] * 4e-6 + 1e-3 * top * generator.standard_normal(potential.size)
    (finding,) = analyse_trace(Trace(time=potential / rate, potential=potential, current=current), SAMPLE)
    assert finding.verdict is Verdict.CURRENT_LOSS
    assert finding.current.value == pytest.approx(top, rel=0.01)
    assert abs(finding.current.value - top) < 3 * finding.current.std


def test_pieces_of_a_paused_sweep_are_one_voltammogram():
    whole = peaked()
    pieces = []
    for k in range(5):
        part = slice(300 * k, 300 * (k + 1))
        pieces.append(
            Trace(time=whole.time[part] + 90 * k, potential=whole.potential[part], current=whole.current[part])
        )
        if k < 4:
            last = part.stop - 1
            hold = np.linspace(1, 80, 30)
            pieces.append(
                Trace(
                    time=whole.time[last] + 90 * k + hold,
                    potential=np.full(30, whole.potential[last]),
                    current=np.full(30, whole.current[last]),
                    protocol=Hold(potential=float(whole.potential[last])),
                )
            )
    findings = analyse_trace(pieces, SAMPLE)
    assert [f.verdict for f in findings] == [Verdict.LIMITING_PEAK]
    assert findings[0].current_density.value == pytest.approx(10.352, rel=0.01)
    assert len(findings[0].pauses) == 4


def test_a_returning_and_repeated_sweep_gives_one_finding_per_forward_leg():
    up = np.linspace(0, 1, 400)
    potential = np.concatenate([up, up[::-1], up, up[::-1]])
    current = CONDUCTANCE * (potential + 1e-3 * np.random.default_rng(0).standard_normal(potential.size))
    findings = analyse_trace(Trace(time=np.arange(1600.0), potential=potential, current=current), SAMPLE)
    assert len(findings) == 2
    assert all(f.voltammogram.returning_potential.size > 300 for f in findings)


def test_a_sweep_through_zero_has_a_finding_on_each_side():
    up = np.linspace(0, 1, 300)
    potential = np.concatenate([up, up[::-1], -up, -up[::-1]])
    current = CONDUCTANCE * (potential + 1e-3 * np.random.default_rng(0).standard_normal(potential.size))
    findings = analyse_trace(Trace(time=np.arange(1200.0), potential=potential, current=current), SAMPLE)
    assert [("negative_sweep" in codes(f)) for f in findings] == [False, True]


def test_a_peak_followed_by_a_spike_is_a_penetration_that_reports_both():
    plain = peaked()
    past = np.clip(plain.potential - 0.45, 0, None)
    current = plain.current + plain.current.max() * 0.05 * np.expm1(np.minimum(past / 0.01, 5.0))
    (finding,) = analyse_trace(Trace(time=plain.time, potential=plain.potential, current=current), SAMPLE)
    assert finding.verdict is Verdict.PENETRATION
    assert finding.potential.value == pytest.approx(0.45, rel=0.02)
    assert finding.peak.current.value == pytest.approx(10.352 * 4e-6, rel=0.01)
    assert "onset" in finding.penetration.rule


def test_no_clock_means_no_rate_and_no_charge():
    plain = ramp()
    (finding,) = analyse_trace(
        Trace(time=np.full(800, np.nan), potential=plain.potential, current=plain.current), SAMPLE
    )
    assert finding.scan_rate is None
    assert math.isnan(finding.total_charge.value)
    assert "no_time" in codes(finding)
    (finding,) = analyse_trace(
        Trace(time=np.full(800, np.nan), potential=plain.potential, current=plain.current, protocol=Sweep(rate=1e-3)),
        SAMPLE,
    )
    assert finding.scan_rate.value == pytest.approx(1e-3, rel=1e-6)


def test_missing_points_are_left_out_and_counted():
    plain = ramp()
    current = plain.current.copy()
    current[::7] = np.nan
    (finding,) = analyse_trace(Trace(time=plain.time, potential=plain.potential, current=current), SAMPLE)
    assert finding.verdict is Verdict.NO_EVENT
    assert "points_dropped" in codes(finding)


@pytest.mark.parametrize(
    "trace",
    [
        Trace(time=np.zeros(0), potential=np.zeros(0), current=np.zeros(0)),
        Trace(time=np.arange(5.0), potential=np.arange(5.0), current=np.arange(5.0)),
        Trace(time=np.arange(99.0), potential=np.full(99, 0.1), current=np.zeros(99), protocol=Rest()),
        Trace(time=np.arange(99.0), potential=np.arange(99.0), current=np.zeros(99)),
    ],
)
def test_what_is_no_sweep_is_not_judged_and_said_so(trace):
    analysis = analyse_run([trace], SAMPLE)
    assert analysis.findings == ()
    assert [flag.code for flag in analysis.flags] == ["not_a_sweep"]


def test_a_finding_becomes_json():
    (finding,) = analyse_trace(peaked(), SAMPLE)
    assert '"verdict": "limiting_peak"' in to_json(finding)


def test_a_noise_free_sweep_is_judged_as_a_noisy_one():
    (finding,) = analyse_trace(peaked(noise=0.0), SAMPLE)
    assert finding.verdict is Verdict.LIMITING_PEAK
    (finding,) = analyse_trace(ramp(noise=0.0), SAMPLE)
    assert finding.verdict is Verdict.NO_EVENT


def constant(drop_at=None, rise=0.0, back=None, points=600) -> Trace:
    time = np.linspace(0, 6000.0, points)
    potential = 0.2 + rise * time / 6000.0
    if drop_at is not None:
        gone = (time > drop_at) & (time < (back or np.inf))
        potential = np.where(gone, 0.02, potential)
    potential = potential + 5e-4 * np.random.default_rng(1).standard_normal(points)
    current = 4e-5 * (1 + 1e-4 * np.random.default_rng(2).standard_normal(points))
    return Trace(time=time, potential=potential, current=current)


@pytest.mark.parametrize(
    ("trace", "verdict"),
    [
        (constant(), Verdict.NO_EVENT),
        (constant(drop_at=3000.0), Verdict.PENETRATION),
        (constant(drop_at=3000.0, rise=0.3), Verdict.PENETRATION),
        (constant(drop_at=3000.0, back=3300.0), Verdict.SOFT_SHORT),
        (constant(rise=0.3), Verdict.NO_EVENT),
    ],
)
def test_initiation_at_constant_current(trace, verdict):
    (finding,) = analyse_trace(trace, SAMPLE)
    assert (finding.kind, finding.verdict) == (Kind.CONSTANT_CURRENT, verdict)
    assert (finding.initiation is None) is (verdict is Verdict.NO_EVENT)
    if finding.initiation is not None:
        assert finding.initiation.recovered is (verdict is Verdict.SOFT_SHORT)
        if verdict is Verdict.PENETRATION:
            assert finding.aftermath.by is After.SAME_CURRENT
            assert finding.aftermath.confirmed
            assert finding.aftermath.remaining.value == pytest.approx(500.0, rel=0.03)
        assert finding.time.value == pytest.approx(3000.0, abs=12.0)
        assert finding.charge.value == pytest.approx(10.0 * 3000.0, rel=0.01)
        assert finding.current_density.value == pytest.approx(10.0, rel=0.01)


def stepped(fails_at=None, within=0.5, protocol=None) -> Trace:
    """±0.1 … ±1.0 mA/cm² in half cycles of 600 s on 4 mm², 0.2 V per mA/cm²."""
    time, potential, current = [], [], []
    for k in range(10):
        for sign in (1, -1):
            t = np.arange(0, 600.0, 10.0)
            level = 1.0 * (k + 1)
            resistance = np.full(t.size, 0.02)
            index = 2 * k + (sign < 0)
            if fails_at is not None and index >= fails_at:
                resistance = np.where((t > within * 600) | (index > fails_at), 0.004, 0.02)
            time += list(t + 600 * index)
            current += list(np.full(t.size, sign * level * 4e-6))
            potential += list(sign * level * resistance)
    noise = 1e-4 * np.random.default_rng(0).standard_normal(len(time))
    return Trace(
        time=np.array(time), potential=np.array(potential) + noise, current=np.array(current), protocol=protocol
    )


@pytest.mark.parametrize("within", [0.5, -0.1])
def test_the_critical_step_of_a_cycling_test(within):
    (finding,) = analyse_trace(stepped(fails_at=12, within=within), SAMPLE)
    assert (finding.kind, finding.verdict) == (Kind.CYCLING, Verdict.PENETRATION)
    assert finding.cycling.failing == 12
    assert finding.current_density.value == pytest.approx(7.0, rel=1e-6)
    assert finding.current_density.low <= 6.1 <= finding.current_density.high
    assert finding.cycling.half_cycle_capacity == pytest.approx(7.0 * 4e-6 * 600.0, rel=0.02)
    done = sum(2 * 600.0 * (k + 1) for k in range(6)) * 4e-6
    last = 7.0 * 4e-6 * 600.0
    expected = done + last * max(within, 0.0)
    assert finding.cycling.cumulative_capacity == pytest.approx(expected, rel=0.02)


def test_cycling_without_an_event_is_censored():
    (finding,) = analyse_trace(stepped(protocol=Steps(currents=(1e-6,), durations=(600.0,))), SAMPLE)
    assert finding.verdict is Verdict.NO_EVENT
    assert finding.current_density.value == pytest.approx(10.0)
    assert "right_censored" in codes(finding)


def test_a_stated_protocol_is_believed():
    (finding,) = analyse_trace(
        Trace(
            time=np.arange(50.0), potential=np.linspace(0.1, 0.3, 50), current=np.full(50, 1e-5),
            protocol=ConstantCurrent(current=1e-5),
        ),
        SAMPLE,
    )  # fmt: skip
    assert finding.kind is Kind.CONSTANT_CURRENT


def test_the_straight_tail_after_a_lost_contact_is_not_the_ohmic_line():
    plain = ramp(points=800, end=0.8, noise=2e-4)
    lost = plain.potential > 0.04
    current = np.where(lost, 1e-4 * plain.current, plain.current)
    (finding,) = analyse_trace(Trace(time=plain.time, potential=plain.potential, current=current), SAMPLE)
    assert finding.ohmic is not None
    assert finding.ohmic.window[1] <= 0.042
    assert finding.conductivity.value == pytest.approx(0.06, rel=0.02)


def test_cycling_of_a_cell_with_two_unlike_electrodes_is_told_from_a_symmetric_one():
    time = np.arange(0.0, 400.0)
    current = np.where((time // 100) % 2 == 0, 1e-4, -1e-4)
    symmetric, full = current * 500.0, 3.6 + current * 500.0
    for potential, unlike in ((symmetric, False), (full, True)):
        (finding,) = analyse_trace(Trace(time=time, potential=potential, current=current), SAMPLE)
        assert finding.kind is Kind.CYCLING
        assert (finding.verdict is Verdict.NOT_A_SYMMETRIC_CELL) is unlike
        assert finding.cell.symmetric is not unlike


def test_a_record_that_ends_in_a_step_cannot_tell_a_short_from_a_penetration():
    plain = ramp(points=400)
    for last, told in ((5, False), (60, True)):
        rise = np.where(np.arange(400) >= 400 - last, 0.8 * CONDUCTANCE, 0.0)
        (finding,) = analyse_trace(
            Trace(time=plain.time, potential=plain.potential, current=plain.current + rise), SAMPLE
        )
        assert finding.verdict is Verdict.PENETRATION
        assert ("ends_in_rise" not in codes(finding)) is told


def test_an_excursion_that_came_back_to_the_line_is_no_penetration_however_sharp_its_edges():
    plain = ramp(points=900, noise=2e-4)
    inside = (plain.potential > 0.6) & (plain.potential < 0.66)
    current = plain.current + np.where(inside, 0.4 * CONDUCTANCE, 0.0)
    current[np.flatnonzero(inside)[30]] -= 0.35 * CONDUCTANCE  # a sample in which the path opened for a moment
    (finding,) = analyse_trace(Trace(time=plain.time, potential=plain.potential, current=current), SAMPLE)
    assert finding.verdict is Verdict.SOFT_SHORT


def test_a_rise_held_at_a_limit_that_the_ohmic_line_reaches_is_a_penetration():
    plain = ramp(points=900, noise=2e-3)
    past = np.clip(plain.potential - 0.35, 0.0, None)
    top = CONDUCTANCE * 0.98  # the line comes to it at the end of the sweep
    current = np.minimum(plain.current + 0.35 * CONDUCTANCE * np.expm1(np.minimum(past / 0.02, 8.0)), top)
    (finding,) = analyse_trace(Trace(time=plain.time, potential=plain.potential, current=current), SAMPLE)
    assert finding.verdict is Verdict.PENETRATION


def test_a_stated_rate_is_the_scan_rate():
    for rate, flagged in ((1e-3, False), (1.04e-3, False), (1.06e-3, True), (0.94e-3, True), (2e-2, True)):
        (finding,) = analyse_trace(ramp(protocol=Sweep(rate=rate)), SAMPLE)
        assert finding.scan_rate.value == rate
        assert ("rate_contradicted" in codes(finding)) is flagged
    (finding,) = analyse_trace(ramp(), SAMPLE)
    assert finding.scan_rate.value == pytest.approx(1e-3, rel=1e-9)
    assert finding.scan_rate.std >= 0


def test_a_contradiction_names_both_rates():
    (finding,) = analyse_trace(ramp(protocol=Sweep(rate=2e-2)), SAMPLE)
    (flag,) = [flag for flag in finding.flags if flag.code == "rate_contradicted"]
    assert dict(flag.details) == {"stated": pytest.approx(20.0), "found": pytest.approx(1.0, rel=1e-3)}


def test_traces_of_several_rates_state_none():
    one, other = ramp(protocol=Sweep(rate=1e-3)), ramp(protocol=Sweep(rate=2e-3))
    assert join_traces([one, one]).sweep == one.protocol
    assert join_traces([one, other]).sweep is None
    assert join_traces([one, ramp()]).sweep == one.protocol


def bent(controlled: Controlled):
    """The reference peak with time stretched and shrunk: the cell's voltage rises unevenly, the current follows it."""
    straight = peaked()
    last = straight.time[-1]
    time = straight.time + 0.9 * last / (2 * np.pi) * (1 - np.cos(2 * np.pi * straight.time / last))
    return replace(straight, time=time, protocol=Sweep(rate=2e-5, start=0.0, stop=9.0, controlled=controlled))


@pytest.mark.parametrize("controlled", [Controlled.WORKING, Controlled.COUNTER])
def test_a_cell_voltage_that_was_not_ramped_is_read_as_it_was_recorded(controlled):
    trace = bent(controlled)
    assert classify_trace(trace)[0] is Shape.SWEEP
    (finding,) = analyse_trace(trace, SAMPLE)
    assert finding.verdict is Verdict.LIMITING_PEAK
    assert finding.current_density.value == pytest.approx(10.352, rel=0.01)
    assert finding.potential.value == pytest.approx(0.2356, rel=0.05)
    assert finding.scan_rate.value == 2e-5
    assert not codes(finding) & {"rate_contradicted", "pauses", "stopped_early"}


def test_a_cells_own_ramp_is_held_to_its_rate_and_its_stop():
    (finding,) = analyse_trace(bent(Controlled.CELL), SAMPLE)
    assert {"rate_contradicted", "stopped_early"} <= codes(finding)


def test_a_cyclic_programme_alone_makes_no_sweep():
    time = np.arange(300.0)
    wild = np.random.default_rng(2).standard_normal(300)
    trace = replace(ramp(300), time=time, potential=wild, current=np.cos(time) * wild)
    one_way, cyclic = Sweep(rate=0.1), Sweep(rate=0.1, vertices=(-0.5, 0.5))
    assert classify_trace(replace(trace, protocol=one_way))[0] is Shape.SWEEP
    assert classify_trace(replace(trace, protocol=cyclic))[0] is not Shape.SWEEP
    assert classify_trace(replace(ramp(), protocol=cyclic))[0] is Shape.SWEEP


def test_a_current_that_is_switched_on_slowly_and_recorded_often_is_constant():
    time = np.concatenate([np.linspace(0.0, 0.2, 150), np.linspace(1.0, 600.0, 300)])
    current = 5e-5 * (1 - np.exp(-time / 0.05))
    assert np.mean(np.abs(current - 5e-5) < 1e-6) < 0.9
    trace = Trace(time=time, potential=0.1 + 0.02 * np.sqrt(time / 600), current=current)
    assert classify_trace(trace)[0] is Shape.CONSTANT_CURRENT
    resting = np.concatenate([np.zeros(40), current])  # a rest before it is no part of the time with current
    time = np.concatenate([np.linspace(-300.0, -1.0, 40), time])
    trace = Trace(time=time, potential=np.full(time.size, 0.1) + 1e-3 * np.cos(time), current=resting)
    assert classify_trace(trace)[0] is Shape.CONSTANT_CURRENT
    assert classify_trace(ramp())[0] is Shape.SWEEP


def test_a_straight_line_through_points_whose_potentials_coincide_is_level():
    from rampion.voltammetry.noise import straight_line

    x, y = np.array([0.0, 1.0, 3.0, 4.0]), np.array([1.0, 3.5, 6.5, 9.0])
    std = np.array([1.0, 2.0, 0.5, 1.0])
    assert straight_line(x, y, std) == pytest.approx(tuple(np.polyfit(x, y, 1, w=1.0 / std)))
    assert straight_line(np.full(4, 0.2), y) == (0.0, pytest.approx(5.0))


def test_a_sweep_recorded_at_microseconds_while_nothing_moves_is_judged():
    time = np.concatenate([1e-7 * np.arange(60), np.linspace(0.1, 4000.0, 400)])
    potential = np.round(5e-5 * time / 7.6e-5) * 7.6e-5
    current = 2.4e-4 * 5e-5 * time + 1e-9 * np.random.default_rng(5).standard_normal(time.size)
    (finding,) = analyse_trace(Trace(time=time, potential=potential, current=current), Sample())
    assert finding.verdict == "no_event"
    assert finding.ohmic.conductance.value == pytest.approx(2.4e-4, rel=5e-3)


def test_a_record_that_ends_in_the_rise_counts_its_points():
    """A step of the current in the last 60 of 4,000 points, judged in 400 blocks."""
    plain = ramp(points=4000)
    current = np.where(np.arange(4000) >= 3940, 3.0, 1.0) * plain.current
    (finding,) = analyse_trace(replace(plain, current=current), SAMPLE)
    (flag,) = [flag for flag in finding.flags if flag.code == "ends_in_rise"]
    assert dict(flag.details)["points"] == pytest.approx(60, abs=15)
