"""What a reference electrode adds: closed forms, contradictions, and simulated cells."""

from __future__ import annotations

import math
from dataclasses import fields, replace

import numpy as np
import pytest

from rampion.cell.contact import ContactLoss
from rampion.cell.instrument import laboratory_instrument, measure
from rampion.cell.parameters import Cell, thermal_voltage
from rampion.cell.simulate import simulate
from rampion.errors import InputError
from rampion.estimate import Estimate
from rampion.measurement import (
    COUNTER_POTENTIAL,
    WORKING_POTENTIAL,
    Sample,
    Sweep,
    Trace,
)
from rampion.voltammetry.analyse import analyse_trace
from rampion.voltammetry.peak import semi_integrate
from rampion.voltammetry.reference_electrode import (
    ReferenceElectrode,
    Side,
    find_reference,
    possible_interface,
    uneven,
    with_electrolyte,
)
from rampion.voltammetry.voltammogram import find_voltammograms, join_traces

L, R, SHARE, OFFSET = 1e-3, 2000.0, 0.42, -0.3
SAMPLE = Sample(
    thickness=Estimate(L, 0.0), area=Estimate(4e-6, 0.0), reference_depth=Estimate(0.4 * L, 0.02 * L),
    configuration="three-electrode",
)  # fmt: skip


def response(part: float = 0.9, counter: bool = True, sign: float = 1.0) -> Trace:
    """A cell of R that polarises with the half-order integral and the charge, ``part`` of it on the working side."""
    time = np.linspace(0.0, 1000.0, 1500)
    current = sign * 1e-4 * time / 1000.0 * (1.0 - 0.2 * time / 1000.0)
    charge = np.concatenate([[0.0], np.cumsum(0.5 * (current[1:] + current[:-1]) * np.diff(time))])
    lost = 6000.0 * np.abs(charge) + 1e5 * charge**2
    excess = 400.0 * semi_integrate(time, current) / math.sqrt(1000.0) + lost * current
    cell = R * current + excess
    working = OFFSET + SHARE * R * current + part * excess
    columns = {WORKING_POTENTIAL: working}
    if counter:
        columns[COUNTER_POTENTIAL] = working - cell
    return Trace(time=time, potential=cell, current=current, extra=columns)


def sweep_of(trace: Trace):
    (voltammogram,) = find_voltammograms(join_traces((trace,)))
    return voltammogram


def found(trace: Trace, sample: Sample = SAMPLE, until: float = math.inf):
    return find_reference(sweep_of(trace), sample, event=0.1, until=until)


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize(("part", "side"), [(0.9, Side.WORKING), (0.1, Side.COUNTER), (0.45, Side.UNDETERMINED)])
def test_shares_of_a_closed_response(part, side, sign):
    trace = response(part, sign=sign)
    reference, flags = found(trace)
    assert flags == ()
    assert reference.resistance.value == pytest.approx(R, rel=1e-5)
    assert reference.working_share.value == pytest.approx(SHARE, abs=1e-5)
    assert reference.working_share.std == pytest.approx(2e-3 * SHARE, rel=0.05)  # the input's gain; there is no noise
    assert reference.depth.value == pytest.approx(0.4)
    assert reference.depth.std == pytest.approx(0.02)
    assert reference.polarisation_share.value == pytest.approx(part, abs=1e-4)
    assert reference.polarising is side
    at = np.interp(0.1, np.abs(trace.potential), sign * (trace.extra[WORKING_POTENTIAL] - OFFSET))
    assert reference.potential.value == pytest.approx(float(at), abs=5e-6)


def test_noise_is_in_the_errors():
    scores, excess, potential = [], [], []
    exact = float(np.interp(0.1, response().potential, response().extra[WORKING_POTENTIAL] - OFFSET))
    for seed in range(40):
        rng = np.random.default_rng(seed)
        trace = response()
        seen = trace.extra[WORKING_POTENTIAL] + 1e-4 * rng.standard_normal(len(trace))
        noisy = replace(
            trace, potential=trace.potential + 1e-4 * rng.standard_normal(len(trace)), extra={WORKING_POTENTIAL: seen}
        )
        reference, _ = found(noisy)
        share, of_excess = reference.working_share, reference.polarisation_share
        scores.append((share.value - SHARE) / math.sqrt(share.std**2 - (2e-3 * share.value) ** 2))
        excess.append((of_excess.value - 0.9) / of_excess.std)
        potential.append((reference.potential.value - exact) / reference.potential.std)
    assert 0.7 < np.std(scores) < 1.4
    assert 0.6 < np.std(excess) < 1.5
    assert 0.4 < np.std(potential) < 1.5
    assert abs(np.mean(scores)) < 0.5


def test_noise_that_neighbours_share_widens_the_errors():
    def shares(width: int) -> np.ndarray:
        rows = []
        for seed in range(40):
            white = np.random.default_rng(seed).standard_normal(1500 + width)
            noise = np.convolve(white, np.ones(width) / math.sqrt(width), "valid")[:1500]
            trace = response()
            seen = trace.extra[WORKING_POTENTIAL] + 1e-4 * noise
            share = found(replace(trace, extra={WORKING_POTENTIAL: seen}))[0].working_share
            rows.append((share.value - SHARE, share.std))
        return np.array(rows)

    white, slow = shares(1), shares(20)
    assert 2.5 < np.median(slow[:, 1]) / np.median(white[:, 1]) < 6.0  # √20 = 4.5
    assert 0.7 < np.std(slow[:, 0] / slow[:, 1]) < 1.4


def test_noise_that_both_inputs_share_in_proportion_is_in_no_share():
    trace = response()
    noise = 1e-4 * np.random.default_rng(2).standard_normal(len(trace))
    seen = {WORKING_POTENTIAL: trace.extra[WORKING_POTENTIAL] + SHARE * noise}
    share = found(replace(trace, potential=trace.potential + noise, extra=seen))[0].working_share
    assert share.value == pytest.approx(SHARE, abs=2e-3)
    assert share.std == pytest.approx(2e-3 * SHARE, rel=0.3)


def test_what_follows_a_penetration_is_not_polarisation():
    trace = response()
    broken = trace.time > 600.0
    working = np.where(broken, 0.0, trace.extra[WORKING_POTENTIAL])
    until = float(trace.potential[~broken][-1])
    reference, _ = found(replace(trace, extra={WORKING_POTENTIAL: working}), until=until)
    assert reference.polarisation_share.value == pytest.approx(0.9, abs=1e-3)
    wrong, _ = found(replace(trace, extra={WORKING_POTENTIAL: working}))
    assert abs(wrong.polarisation_share.value - 0.9) > 0.1


def test_the_counter_electrodes_potential_is_enough():
    both, only = response(), response()
    only = replace(only, extra={COUNTER_POTENTIAL: only.extra[COUNTER_POTENTIAL]})
    assert found(only)[0].working_share.value == pytest.approx(found(both)[0].working_share.value, abs=1e-9)


def test_the_span_of_the_interface_is_what_every_electrolyte_allows():
    rng = np.random.default_rng(1)
    exact = Estimate(0.3, 0.0)
    for _ in range(200):
        w, u, b = rng.dirichlet([1.0, 1.0, 1.0])
        span = possible_interface(Estimate(w + 0.3 * b, 0.0), exact)
        assert span.low - 1e-12 <= w <= span.high + 1e-12
        assert u > 0
    span = possible_interface(Estimate(0.5, 0.0), exact)
    assert span.interval == pytest.approx(((0.5 - 0.3) / 0.7, 0.5))
    assert math.isnan(span.std)
    wide = possible_interface(Estimate(0.6, 0.01), Estimate(0.3, 0.02))
    slope = math.hypot(0.01 / 0.7, 0.4 / 0.7**2 * 0.02)
    assert wide.low == pytest.approx(0.3 / 0.7 - 1.959964 * slope)
    assert wide.high == pytest.approx(0.6 + 1.959964 * 0.01)
    assert wide.value == pytest.approx(0.5 * (wide.low + wide.high))
    assert possible_interface(Estimate(0.2, 0.0), exact).low == 0.0


def test_the_electrolytes_resistance_gives_the_interface():
    reference, _ = found(response())
    known, flags = with_electrolyte(reference, Estimate(1000.0, 20.0))
    assert flags == ()
    assert known.electrolyte_known
    share = known.interface_share
    assert share.value == pytest.approx(SHARE - 0.4 * 0.5, abs=1e-4)
    std = math.hypot(math.hypot(2e-3 * SHARE, 0.4 * 0.5 * 0.02), 0.5 * 0.02)
    assert share.std == pytest.approx(std, rel=0.02)
    assert share.interval == pytest.approx((share.value - 1.959964 * std, share.value + 1.959964 * std), abs=5e-4)
    _, flags = with_electrolyte(reference, Estimate(2600.0, 20.0))  # more than the cell: the counter's is negative
    assert [flag.code for flag in flags] == ["reference_contradicted"]
    blind = replace(reference, depth=None, interface_share=None)
    assert with_electrolyte(blind, Estimate(1000.0, 20.0)) == (blind, ())
    assert with_electrolyte(reference, Estimate(1000.0)) == (reference, ())


@pytest.mark.parametrize(("std", "raised"), [(30.0, 1), (60.0, 0)])
def test_a_counter_interface_cannot_be_negative(std, raised):
    """Its share is 1 - 0.7 - (0.42 - 0.07) = -0.05, its error 0.9 times that of the electrolyte's share."""
    reference, _ = found(response(), replace(SAMPLE, reference_depth=Estimate(0.1 * L, 0.001 * L)))
    known, flags = with_electrolyte(reference, Estimate(1400.0, std))
    assert known.interface_share.value == pytest.approx(0.35, abs=1e-3)
    assert len(flags) == raised


def test_a_working_interface_cannot_be_negative():
    reference, _ = found(response(), replace(SAMPLE, reference_depth=Estimate(0.8 * L, 0.01 * L)))
    known, flags = with_electrolyte(reference, Estimate(1200.0, 12.0))
    assert [flag.code for flag in flags] == ["reference_contradicted"]
    assert known.interface_share.low == 0.0


@pytest.mark.parametrize(
    ("share", "depth", "side"),
    [(0.6, 0.3, 1), (0.45, 0.3, 0), (0.2, 0.3, -1), (0.6, 0.7, 0), (0.9, 0.7, 1), (0.34, 0.3, 0), (0.27, 0.3, 0)],
)
def test_even_lies_between_one_half_and_the_depth(share, depth, side):
    assert uneven(Estimate(share, 0.005), Estimate(depth, 0.02)) == side


def test_at_an_unknown_depth_every_share_is_even():
    assert [uneven(Estimate(share, 0.01), None) for share in (-0.1, 0.02, 0.98, 1.1)] == [-1, 0, 0, 1]


def test_without_an_uncertainty_the_position_is_not_known():
    for depth in (None, Estimate(0.4 * L)):
        reference, flags = found(response(), replace(SAMPLE, reference_depth=depth))
        assert [flag.code for flag in flags] == ["reference_depth_missing"]
        assert reference.depth is None
        assert reference.interface_share is None
        assert reference.polarising is Side.UNDETERMINED
        assert reference.working_share.value == pytest.approx(SHARE, abs=1e-5)


def test_electrodes_that_do_not_add_up_to_the_cell_are_flagged():
    trace = response()
    off = {**trace.extra, COUNTER_POTENTIAL: 0.98 * trace.extra[COUNTER_POTENTIAL]}
    reference, flags = found(replace(trace, extra=off))
    assert reference is None
    assert [flag.code for flag in flags] == ["reference_contradicted"]
    shifted = {**trace.extra, COUNTER_POTENTIAL: trace.extra[COUNTER_POTENTIAL] + 0.01}  # an input's offset
    assert found(replace(trace, extra=shifted))[1] == ()


def test_unequal_halves_at_small_voltage_are_flagged():
    _, flags = found(response(), replace(SAMPLE, reference_depth=Estimate(0.6 * L, 0.02 * L)))
    assert [flag.code for flag in flags] == ["reference_contradicted"]
    assert "42% of the resistance" in flags[0].message
    assert "50% to 60%" in flags[0].message


def test_two_electrodes_have_no_reference():
    plain = replace(SAMPLE, reference_depth=None, configuration="two-electrode")
    trace = response()
    tied = replace(trace, extra={WORKING_POTENTIAL: trace.potential, COUNTER_POTENTIAL: 0 * trace.potential})
    assert found(tied, plain) == (None, ())
    bare = replace(trace, extra={})
    assert found(bare, plain) == (None, ())
    for sample in (SAMPLE, replace(plain, reference_depth=SAMPLE.reference_depth)):
        assert [flag.code for flag in found(bare, sample)[1]] == ["reference_not_recorded"]


def test_a_reference_lies_inside_the_electrolyte():
    with pytest.raises(InputError, match=r"1\.2 mm and the thickness 1 mm"):
        Sample(thickness=Estimate(1e-3), reference_depth=Estimate(1.2e-3))


CELL = Cell(
    thickness=5e-4, conductivity=0.06, concentration=1000.0, transference=0.4, diffusivity=2e-12, area=4e-6,
    interface_resistance=2e-3, exchange_current=50.0, reference=0.35,
)  # fmt: skip
KNOWN = Sample(
    thickness=Estimate(5e-4, 0.0), area=Estimate(4e-6, 0.0), reference_depth=Estimate(0.36 * 5e-4, 0.01 * 5e-4)
)  # fmt: skip


@pytest.fixture(scope="module")
def polarised() -> Trace:
    """A simulated sweep of a cell that polarises, as an instrument records it."""
    run = simulate(CELL, Sweep(rate=5e-4, start=0.0, stop=0.6))
    seen = measure(run.traces[0], laboratory_instrument(), 4)
    assert isinstance(seen, Trace)
    assert seen.extra[WORKING_POTENTIAL].size == len(seen)
    assert not np.array_equal(seen.extra[WORKING_POTENTIAL], np.interp(seen.time, run.time, run.working_potential))
    return seen


def check(reference: ReferenceElectrode, lost: float = 0.0) -> None:
    electrolyte = CELL.thickness / CELL.conductivity
    interface = 0.5 * CELL.interface_resistance + thermal_voltage(CELL) / CELL.exchange_current
    whole = electrolyte + 2 * interface + lost
    before = (interface + 0.35 * electrolyte) / whole
    assert reference.working_share.low < before < reference.working_share.high
    assert reference.interface_share.low < interface / whole < reference.interface_share.high
    seen = Estimate(electrolyte / CELL.area, 0.01 * electrolyte / CELL.area)
    share = with_electrolyte(reference, seen)[0].interface_share
    assert share.low < interface / whole < share.high
    assert share.std < 0.02


def test_the_plating_electrode_of_a_simulated_cell_polarises(polarised):
    (finding,) = analyse_trace(polarised, KNOWN)
    check(finding.reference)
    assert finding.reference.polarising is Side.WORKING
    assert 0.9 < finding.reference.polarisation_share.value < 1.0


def test_the_stripping_electrode_of_a_simulated_cell_loses_its_contact():
    lost = ContactLoss(capacity=3e4, resistance=1e-3)
    cell = replace(CELL, terms=(lost,), concentration=4e4)
    run = simulate(cell, Sweep(rate=5e-4, start=0.0, stop=0.6))
    seen = measure(run.traces[0], laboratory_instrument(), 4)
    assert isinstance(seen, Trace)
    (finding,) = analyse_trace(seen, KNOWN)
    check(finding.reference, lost=1e-3)
    assert finding.reference.polarising is Side.COUNTER


def test_a_finding_does_not_depend_on_the_reference(polarised):
    sample = replace(KNOWN, reference_depth=None)
    (with_it,), (without,) = (
        analyse_trace(trace, sample) for trace in (polarised, replace(polarised, extra={
            name: column for name, column in polarised.extra.items() if name != WORKING_POTENTIAL
        }))
    )  # fmt: skip
    assert with_it.reference is not None
    assert without.reference is None
    own = {"reference", "voltammogram", "semi_integral", "flags"}
    for one in fields(with_it):
        if one.name not in own:
            assert getattr(with_it, one.name) == getattr(without, one.name), one.name
    assert [flag for flag in with_it.flags if flag.code != "reference_depth_missing"] == list(without.flags)
