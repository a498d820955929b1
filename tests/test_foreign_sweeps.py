"""The sweeps of known truth (``benchmarks/foreign_sweeps_*.py``) against closed forms and limits."""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module", params=["a", "b"])
def generator(request: pytest.FixtureRequest) -> ModuleType:
    return load(f"foreign_sweeps_{request.param}")


def test_two_draws_of_a_seed_are_one(generator):
    for kind in generator.KINDS:
        one, two = generator.draw(kind, 3), generator.draw(kind, 3)
        assert np.array_equal(one.current, two.current)
        assert one.event_density == two.event_density or math.isnan(one.event_density)


@pytest.mark.parametrize("seed", range(2))
def test_records_are_what_an_instrument_writes(generator, seed):
    for kind in generator.KINDS:
        r = generator.draw(kind, seed)
        assert r.time.size == r.potential.size == r.current.size > 50
        assert np.isfinite([r.time, r.potential, r.current]).all()
        assert (np.diff(r.time) >= 0).all()
        assert r.verdict in r.accepted
        assert 0.2e-3 <= r.thickness <= 3e-3
        assert 4e-6 <= r.area <= 1e-4


@pytest.mark.parametrize("seed", range(4))
def test_the_stated_maximum_is_the_maximum(generator, seed):
    r = generator.draw("limiting_peak", seed, noise="white", sampling="even")
    j, u = np.abs(r.current) / r.area, np.abs(r.potential)
    slack = 6 * r.noise_share + 0.005  # noise, offset, resolution and ranges
    assert abs(j.max() / r.event_density - 1) < slack
    assert np.interp(r.event_potential, u, j) > (1 - slack) * r.event_density
    assert j[-20:].mean() < 0.98 * r.event_density


@pytest.mark.parametrize("seed", range(4))
def test_charge_is_the_integral_of_the_current_to_the_event(generator, seed):
    for kind in ("limiting_peak", "penetration", "instrument_limit", "no_event"):
        r = generator.draw(kind, seed, noise="white", sampling="even")
        until = np.abs(r.potential) <= r.event_potential if math.isfinite(r.event_potential) else r.time >= 0
        until &= np.cumsum(~until) == 0
        charge = np.trapezoid(np.abs(r.current[until]), r.time[until]) / r.area
        assert charge == pytest.approx(r.event_charge, rel=0.02)


@pytest.mark.parametrize("kind", ["penetration", "soft_short", "current_loss", "instrument_limit"])
def test_before_the_event_the_cell_conducts_as_at_rest(generator, kind):
    for seed in range(6):
        r = generator.draw(kind, seed, noise="white", sampling="even")
        u, j = np.abs(r.potential), np.abs(r.current) / r.area
        early = u < 0.25 * r.event_potential
        if early.sum() < 20 or "off zero" in r.effects or "binary" in r.family:  # the latter polarises at once
            continue
        slope = np.polyfit(u[early], j[early], 1)[0]
        assert slope == pytest.approx(r.conductance, rel=0.08 + 4 * r.noise_share)


def test_plateaus_level_off_without_a_maximum(generator):
    for seed in range(6):
        r = generator.draw("limiting_plateau", seed, noise="white", sampling="even")
        u, j = np.abs(r.potential), np.abs(r.current) / r.area
        last = u > 0.8 * u[-1]
        slope = np.polyfit(u[last], j[last], 1)[0]
        assert slope < 0.03 * r.conductance + 0.5 * r.noise_share * r.event_density / u[-1]


@pytest.mark.parametrize("name", ["white", "ar1", "ar2", "pink", "mains"])
def test_noise_has_unit_deviation_and_is_correlated_where_it_should_be(name):
    for made in (load("foreign_instrument").noise_of, load("foreign_sweeps_b").shaped_noise):
        x = np.concatenate([made(np.random.default_rng(s), name, 4000) for s in range(40)])
        assert x.std() == pytest.approx(1.0, abs=0.1)
        lag = abs(np.corrcoef(x[1:], x[:-1])[0, 1])
        assert (lag < 0.02) if name == "white" else (lag > 0.05)


def test_sand_time_of_the_cell_at_high_constant_current():
    """τ = π/(4j²) in the reduced units, while the layer is thin beside the cell."""
    cell = load("foreign_cell").Cell(0.7, 0.1)
    rows, moment = cell.constant(20.0, math.pi / 20.0**2)
    assert moment == pytest.approx(math.pi / 4 / 20.0**2, rel=0.01)
    assert rows[-1, 1] > rows[0, 1] + 20


@pytest.mark.parametrize(("kinetic", "p"), [(0.0, 1.0), (0.4, 1.2)])
def test_a_cell_at_rest_conducts_as_its_resistances_in_series(kinetic, p):
    cell = load("foreign_cell").Cell(0.6, 0.5, kinetic, p)
    assert cell.at_once(1e-4) == pytest.approx(1e-4 / (2 * 0.6 * (1.5 + kinetic)), rel=1e-6)


def test_the_cell_keeps_its_salt_and_reaches_its_limit():
    cell = load("foreign_cell").Cell(0.8, 0.2)
    rows = cell.ramp(0.0, 30.0, 3.0, True)
    assert float(cell.volume @ cell.u) == pytest.approx(1.0, abs=1e-9)
    assert rows[-1, 2] == pytest.approx(2.0, rel=2e-3)


@pytest.mark.parametrize(("rate", "peak", "where"), [(0.05e-3, 1.0352, 0.2356), (1e-3, 3.2192, 0.636)])
def test_peaks_of_a_cosine_mode_solution(rate, peak, where):
    """1 mm, 0.6 mS/cm, 430 mol/m³, t₊ = 0.8: mA/cm² and V of an independent solution."""
    module = load("foreign_cell")
    sigma, c0, t, length, faraday = 0.06, 430.0, 0.8, 1e-3, 96485.33212
    d = 2 * t * (1 - t) * sigma * module.RT_F / (c0 * faraday)
    w = rate * length**2 / (module.RT_F * d)
    _, u, j, _ = module.dense(module.swept(module.Cell(t, 0.0), w, 0.1))
    assert j.max() * faraday * d * c0 / ((1 - t) * length) / 10 == pytest.approx(peak, rel=1.2e-3)
    assert u[j.argmax()] * module.RT_F == pytest.approx(where, rel=2e-3)


def test_a_contact_used_up_has_passed_its_charge():
    """∫J dt = Q_c (here 1) to the share of the contact that is left, and V = J·R throughout."""
    for share, exponent in ((0.01, 1.0), (0.3, 0.5)):
        t, v, j = load("foreign_cell").contact_course(share, exponent).T
        theta = 1 - np.concatenate([[0.0], np.cumsum(0.5 * (j[1:] + j[:-1]) * np.diff(t))])
        some = theta > 0.02
        resistance = 1 - share + share * theta[some][1:] ** -exponent
        assert v[some][1:] / j[some][1:] == pytest.approx(resistance, rel=2e-3)


@pytest.mark.parametrize("n", [0.0, 1.0, 1.5, 2.0])
def test_filaments_grow_by_their_own_law(n):
    t = np.linspace(0.0, 0.5, 2001)
    g = load("foreign_cell").filament(t, 1.0, 0.2, n)
    assert g[0] == pytest.approx(0.0, abs=1e-12)
    assert np.gradient(g, t)[1:-1] == pytest.approx((g[1:-1] + 0.2) ** n, rel=1e-4)
