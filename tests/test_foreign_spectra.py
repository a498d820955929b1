"""The constructed spectra of known truth (``benchmarks/foreign_spectra*.py``) against limits, and their scores."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import foreign_spectra as single
import foreign_spectra_series as series
import spectra_scores as scores
from foreign_spectra import EPSILON_0, Shape

PLAIN = replace(single.draw_garnet(5), grain_alpha=1.0, boundary_shape=Shape())


@pytest.mark.parametrize("variant", ["", *single.VARIANTS, *single.UNIDENTIFIABLE])
def test_a_slow_current_meets_the_sum_of_the_resistances(variant):
    cell = single.vary(single.draw_garnet(3), variant, np.random.default_rng(3))
    slow = single.impedance(cell, np.array([1e-9]))[0]
    side = 1 + 2 * cell.shell * cell.boundary * (cell.bulk + cell.boundaries) * cell.area / cell.thickness
    ceramic = (cell.bulk + cell.boundaries) / side
    assert cell.ceramic == pytest.approx(ceramic, rel=1e-12)
    layers = sum(layer.resistance for layer in cell.layers) / cell.area
    assert slow.real == pytest.approx(ceramic + layers + cell.diffusion[0] + cell.leads[0], rel=1e-5)
    assert abs(slow.imag) < 1e-5 * slow.real


def test_a_fast_current_meets_the_permittivities_alone_and_the_leads():
    fast = np.array([1e13])
    f, a, b = PLAIN.shell, PLAIN.grain_permittivity, PLAIN.boundary_permittivity
    capacitance = EPSILON_0 * (1 / ((1 - f) / a + f / b) + 2 * f * b) * PLAIN.area / PLAIN.thickness
    assert single.ceramic_impedance(PLAIN, fast)[0] * 1j * fast[0] * capacitance == pytest.approx(1, abs=1e-3)
    leads = single.with_leads(PLAIN, fast, np.zeros(1, complex))[0]
    assert leads.imag / fast[0] == pytest.approx(PLAIN.leads[1], rel=1e-2)


def test_a_brick_layer_shows_grains_and_boundaries_as_two_arcs():
    cell = replace(PLAIN, boundary=PLAIN.boundary * 1e-3)  # far apart
    between = np.sqrt(cell.grain / cell.grain_permittivity * cell.boundary / cell.boundary_permittivity) / EPSILON_0
    assert single.ceramic_impedance(cell, np.array([between]))[0].real == pytest.approx(cell.bulk, rel=2e-2)
    bare = single.ceramic_impedance(replace(cell, shell=0.0), np.array([1.0]))[0]
    assert bare == pytest.approx(cell.thickness / cell.area / cell.grain, rel=1e-6)


@pytest.mark.parametrize("shape", [Shape(kind="lognormal", width=0.6), Shape(alpha=0.9), Shape(alpha=0.9, beta=0.95)])
def test_an_arc_is_depressed_and_keeps_its_resistance(shape):
    angular = np.geomspace(1e-12, 1e12, 4001)
    values = single.relaxation(angular, 1.0, shape)
    assert values[0] == pytest.approx(1, abs=1e-6)
    assert abs(values[-1]) < 1e-6
    height = np.max(-values.imag)
    assert 0.40 < height < 0.46  # 0.5 for one relaxation, ½·tan(απ/4) = 0.427 for a Cole-Cole arc of 0.9
    area = np.trapezoid(-values.imag, np.log(angular)) * 2 / math.pi  # Kramers-Kronig: the whole resistance
    assert area == pytest.approx(1, rel=1e-3)
    assert single.relaxation(np.ones(1), 1.0, Shape(kind="lognormal", width=1e-9))[0] == pytest.approx(0.5 - 0.5j)


def test_cells_lie_in_the_ranges_that_are_stated():
    for seed in range(60):
        cell = single.draw_garnet(seed)
        assert 0.04 <= cell.grain <= 0.1
        assert 0.1 <= cell.boundaries / cell.bulk <= 1.0
        assert 1e-9 <= EPSILON_0 * cell.boundary_permittivity / cell.shell * 1e-2 <= 1e-8  # F/cm
        assert 3 <= sum(layer.resistance for layer in cell.layers) * 1e4 <= 300
        assert 0.19e-6 <= 1e-4 / sum(1 / layer.capacitance for layer in cell.layers) <= 2e-6


def test_a_seed_is_one_cell_in_both_windows_and_its_noise_is_what_is_stated():
    wide, narrow, again = (single.draw(8, window) for window in ("wide", "narrow", "wide"))
    assert wide.cell == narrow.cell
    assert (wide.thickness, wide.area) == (narrow.thickness, narrow.area)
    assert np.array_equal(wide.impedance, again.impedance)
    assert (wide.frequency[0], wide.frequency[-1]) == pytest.approx((7e6, 1.0))
    shares = []
    for seed in range(20):
        one = single.draw(seed, "wide")
        exact = single.impedance(one.cell, 2 * math.pi * one.frequency)
        shares.append(np.std(np.abs(one.impedance - exact) / np.abs(exact) / one.noise / np.sqrt(2)) / 0.4633)
    assert np.mean(shares) == pytest.approx(1, abs=0.05)  # a Rayleigh distribution of scale 1/√2
    with pytest.raises(ValueError, match="unknown window or variant"):
        single.draw(1, "middle")


@pytest.mark.parametrize("j", [0.3, 0.9])
def test_a_profile_of_concentration_gives_artanh_j_over_j(j):
    x = np.linspace(0, 1, 4001)
    cell = replace(PLAIN, shell=0.0)
    found = series.depleted_impedance(cell, x, 1 + j * (2 * x - 1), np.array([1e-3]))[0].real
    assert found / cell.ceramic == pytest.approx(math.atanh(j) / j, rel=1e-4)
    fast = np.array([1e12])
    flat, bent = (series.depleted_impedance(cell, x, u, fast)[0] for u in (np.ones_like(x), 1 + j * (2 * x - 1)))
    assert bent == pytest.approx(flat, rel=2e-2)  # the permittivity stays


def test_a_flat_profile_is_the_brick_layer_without_the_boundaries_of_one_grain():
    angular, x = 2 * math.pi * np.geomspace(1, 7e6, 30), np.linspace(0, 1, 101)
    found = series.depleted_impedance(PLAIN, x, np.ones_like(x), angular)
    missing = (PLAIN.boundaries + PLAIN.bulk) * 0.005 + 2 * PLAIN.shell * PLAIN.ceramic
    assert np.max(np.abs(found - single.ceramic_impedance(PLAIN, angular))) < missing


@pytest.mark.parametrize("kind", series.KINDS)
def test_what_grows_in_a_series_grows_and_comes_back(kind):
    one, again = series.sweep(kind, 2), series.sweep(kind, 2)
    assert np.array_equal(one.impedance, again.impedance)
    assert np.isfinite(one.impedance).all()
    growth = {"interface": np.ptp(one.interface) / one.interface[0], "ceramic": np.ptp(one.ceramic) / one.ceramic[0]}
    first = {"skin": {"ceramic"}}.get(kind, one.accepted[0])
    assert all(growth[name] > 0.05 for name in first)
    assert all(growth[name] < 0.09 for name in growth.keys() - first)
    for name in first:
        values = getattr(one, name)
        stop = int(np.flatnonzero(~one.resting)[-1])
        assert one.recovered[name] == pytest.approx((values[stop] - values[-1]) / (values[stop] - values[0]))
        assert 0.2 < one.recovered[name] < 1
    lowest = one.impedance[:, -1].real - one.impedance[0, -1].real  # the resistances are those of the spectra
    truth = one.ceramic + one.interface
    if kind != "skin":
        assert np.max(np.abs(lowest - (truth - truth[0]))) < 0.1 * np.ptp(truth) + 0.02 * truth[0]


def test_growth_of_the_ceramic_ends_at_its_peak_and_lost_contact_keeps_the_time_constant():
    above = np.linspace(0, 1, 5)
    assert series.ceramic_growth(above, 2.2)[[0, -1]] == pytest.approx([1, 2.2], rel=1e-3)
    cell = series.scaled(PLAIN, 1.5, 4.0, True)
    for one, other in zip(cell.layers, PLAIN.layers, strict=True):
        assert one.resistance * one.capacitance == pytest.approx(other.resistance * other.capacitance)
    assert cell.ceramic == pytest.approx(1.5 * PLAIN.ceramic)


def test_a_heated_pellet_follows_arrhenius_in_conductivity_times_temperature():
    one = series.heating(4, error=0.5)
    for resistance, energy in ((one.bulk, one.bulk_energy), (one.boundaries, one.boundary_energy)):
        slope = np.polyfit(1 / one.true, np.log(one.true / resistance), 1)[0]
        assert -slope * 8.617333262e-5 == pytest.approx(energy, rel=1e-9)
    assert 0.05 < np.std(one.temperature - one.true) < 2
    assert np.degrees(np.angle(one.impedance[:, -1])).max() < -60  # it blocks


def answer(value, low, high, warned=(), sigma=None):
    sigma = (high - low) / 4 if sigma is None else sigma
    return scores.Answer(
        value=value, low95=low, high95=high, low68=value - sigma, high68=value + sigma, warnings=warned, seconds=0.1
    )


def test_shares_have_the_intervals_of_clopper_and_pearson():
    assert scores.Share(hits=0, count=10).interval == pytest.approx((0, 0.3085), abs=1e-4)
    assert scores.Share(hits=8, count=10).interval == pytest.approx((0.4439, 0.9748), abs=1e-4)


def test_a_score_counts_right_narrow_covered_and_silent_answers():
    answers = [
        answer(1.02, 0.95, 1.1),  # right, narrow, covered twice
        answer(0.97, 0.5, 1.5, ("name", "name")),  # right and covered, wide
        answer(1.3, 1.25, 1.35),  # silently wrong
        answer(1.3, 1.25, 1.35, ("doubt",)),  # wrong with a warning
        answer(1.3, 0.8, 1.8),  # wrong, within its three standard errors
        scores.Answer(seconds=0.1),  # absent
    ]
    table = scores.score(answers, [1.0] * 6)
    hits = {name: value.hits for name, value in table.items() if isinstance(value, scores.Share)}
    assert hits == {
        "within 5 %": 2,
        "interval under 1.22": 3,
        "covered at 95 %": 3,
        "covered at 68 %": 2,
        "silently wrong": 1,
        "right ones without a warning": 1,
        "absent": 1,
    }
    assert table["warnings a spectrum"] == 0.5
    assert table["commonest warning of right ones"] == ("name", 0.5)
    assert table["median error"] == pytest.approx(0.3)


def test_windows_agree_where_the_wide_one_is_not_the_looser():
    narrow = [answer(1, 0.95, 1.05), answer(1, 0.95, 1.05), scores.Answer(), scores.Answer()]
    wide = [answer(1, 0.94, 1.06), answer(1, 0.9, 1.1), answer(1, 0.9, 1.1), scores.Answer()]
    assert scores.windows_agree(wide, narrow).hits == 2


def test_series_and_pellets_are_scored_against_every_truth():
    truth = series.sweep("both", 1)
    exact = [answer(r, 0.97 * r, 1.03 * r) for r in truth.interface]
    recovered = {name: answer(v, v - 0.01, v + 0.01) for name, v in truth.recovered.items()}
    sigma = answer(1.02 * truth.conductivity, truth.conductivity, 1.04 * truth.conductivity)
    good = scores.SweepAnswer(grows=truth.accepted[0], conductivity=sigma, interface=exact, recovered=recovered)
    bad = replace(
        good, grows=frozenset(), recovered={}, interface=[answer(2 * a.value, a.value, 3 * a.value) for a in exact]
    )
    table = scores.score_sweeps([good, bad], [truth, truth])
    assert [v.value for v in table.values() if isinstance(v, scores.Share)] == [0.5, 0.5, 1, 1, 0.5, 1, 0.5]
    assert table["recovered part, median error"] == 0
    pellet = series.heating(1)
    totals = [answer(1.02 * r, r, 2 * r) for r in pellet.total]
    energies = [answer(e + 0.006, e, e + 0.01) for e in (pellet.bulk_energy, pellet.boundary_energy)]
    heated = scores.HeatingAnswer(bulk=energies[0], boundaries=energies[1], totals=totals)
    assert [v.hits for v in scores.score_heating([heated], [pellet]).values()] == [0, 1, 0, 1, len(totals)]
    assert scores.score_heating([heated], [pellet], 0.015)["energy of bulk within 0.015 eV"].hits == 1
