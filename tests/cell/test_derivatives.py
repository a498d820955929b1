"""Exact derivatives of a sweep against finite differences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("jax")

from rampion.cell.batch import sweep_batch
from rampion.cell.derivatives import peak_sensitivities, sweep_sensitivities
from rampion.cell.parameters import Cell
from rampion.cell.simulate import Accuracy, simulate
from rampion.cell.sweep import sweep_current_density
from rampion.errors import InputError
from rampion.measurement import Rest, Sweep

CELL = Cell(
    thickness=0.5e-3, conductivity=0.06, concentration=1000.0, transference=0.4, diffusivity=2e-12,
    exchange_current=10.0, interface_resistance=5e-4,
)  # fmt: skip
SWEEP = Sweep(rate=5e-4, start=0.0, stop=1.0)
TIGHT = Accuracy(tolerance=1e-5)
NAMES = ("conductivity", "concentration", "transference", "thickness", "diffusivity", "exchange_current")


def test_six_derivatives_against_central_differences():
    potentials = np.linspace(0.02, 1.0, 60)
    exact = sweep_sensitivities(CELL, SWEEP, potentials, NAMES, accuracy=TIGHT).logarithmic
    for k, name in enumerate(NAMES):
        step = 1e-3
        ends = [
            sweep_current_density(
                replace(CELL, **{name: getattr(CELL, name) * (1.0 + sign * step)}),
                SWEEP,
                potentials,
                accuracy=Accuracy(tolerance=1e-7),
            )
            for sign in (1, -1)
        ]
        difference = (ends[0] - ends[1]) / (2.0 * step)
        assert np.abs(exact[:, k] - difference).max() < 2e-4 * np.abs(difference).max()


def test_the_peak_moves_as_its_derivative_says():
    height, slope = peak_sensitivities(CELL, SWEEP, ("concentration",), accuracy=TIGHT)
    step = 1e-2
    ends = [
        simulate(replace(CELL, concentration=1000.0 * (1 + sign * step)), SWEEP, accuracy=TIGHT).peak.current_density
        for sign in (1, -1)
    ]
    assert slope["concentration"] * 1000.0 == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=2e-3)
    assert height == pytest.approx(9.979, rel=2e-4)


def test_the_diffusivity_is_no_parameter_under_nernst_einstein():
    with pytest.raises(InputError, match="diffusivity"):
        sweep_sensitivities(replace(CELL, diffusivity=None), SWEEP, np.array([0.1]), ("diffusivity",))


def test_a_batch_is_its_sweeps():
    potentials = np.linspace(0.05, 1.0, 20)
    cells = [replace(CELL, thickness=t) for t in (3e-4, 5e-4, 9e-4)]
    currents, arrived = sweep_batch(cells, [SWEEP] * 3, np.tile(potentials, (3, 1)))
    assert arrived.all()
    for row, cell in zip(currents, cells, strict=True):
        assert row == pytest.approx(sweep_current_density(cell, SWEEP, potentials), rel=2e-4)


def random_sweeps(count, seed):
    """Random cells, sweeps between W = 0.1 and 1e6, and potentials along them."""
    draw = np.random.default_rng(seed)
    cells, sweeps, grids = [], [], []
    for _ in range(count):
        thermal = 0.025693
        cell = Cell(
            thickness=10 ** draw.uniform(-5, -2), conductivity=10 ** draw.uniform(-4, 0),
            concentration=10 ** draw.uniform(0.5, 4.5), transference=draw.uniform(0.05, 0.95),
            diffusivity=10 ** draw.uniform(-15, -9), exchange_current=10 ** draw.uniform(-2, 3),
            interface_resistance=10 ** draw.uniform(-6, -1),
        )  # fmt: skip
        number = 10 ** draw.uniform(-1, 6)
        rate = number * cell.diffusivity * thermal / cell.thickness**2
        stop = draw.uniform(0.2, 2.0)
        cells.append(cell)
        sweeps.append(Sweep(rate=rate, start=0.0, stop=stop))
        grids.append(np.linspace(0.05, 1.0, 20) * stop)
    return cells, sweeps, np.array(grids)


@pytest.mark.slow
def test_none_of_three_thousand_random_cells_fails():
    cells, sweeps, grids = random_sweeps(3000, 20261122)
    currents, arrived = sweep_batch(cells, sweeps, grids)
    assert np.isfinite(currents).all()
    assert arrived.all()


@pytest.mark.parametrize("tolerance", [1e-4, 1e-5])
def test_a_batch_of_random_cells_keeps_the_tolerance(tolerance):
    cells, sweeps, grids = random_sweeps(40, 7)
    currents, _ = sweep_batch(cells, sweeps, grids, accuracy=Accuracy(tolerance=tolerance))
    exact, _ = sweep_batch(cells, sweeps, grids, accuracy=Accuracy(tolerance=3e-7))
    assert np.abs(currents / exact - 1.0).max() < tolerance


def test_a_sweep_may_begin_off_zero_and_end_at_either_side():
    sweeps = [Sweep(rate=5e-4, start=0.1, stop=0.5), Sweep(rate=5e-4, start=-0.1, stop=-0.5)]
    shares = np.linspace(0.1, 1.0, 10)
    grids = np.array([0.1 + 0.4 * shares, -0.1 - 0.4 * shares])
    currents, arrived = sweep_batch([CELL, CELL], sweeps, grids)
    assert arrived.all()
    assert currents[1] == pytest.approx(-currents[0], rel=1e-9)
    run = simulate(CELL, sweeps[0])
    assert currents[0] == pytest.approx(np.interp(grids[0], run.potential, run.current_density), rel=2e-4)


def test_microseconds_at_rest_carry_no_current():
    run = simulate(CELL, (SWEEP, Rest(duration=1e-6), Rest(duration=10.0)))
    assert np.abs(run.current_density[run.segment > 0]).max() < 1e-7 * run.limiting_current_density


def test_cells_of_several_makes_share_a_batch():
    potentials = np.linspace(0.05, 1.0, 20)
    cells = [CELL, replace(CELL, conduction="constant"), replace(CELL, exchange_current=np.inf)]
    currents, arrived = sweep_batch(cells, [SWEEP] * 3, np.tile(potentials, (3, 1)))
    assert arrived.all()
    for row, cell in zip(currents, cells, strict=True):
        assert row == pytest.approx(sweep_current_density(cell, SWEEP, potentials), rel=2e-4)


def test_the_integral_of_an_interval_is_its_logarithmic_mean():
    import jax.numpy as jnp

    from rampion.cell.electrolyte import inverse_integrals

    left, right = np.full(6, 0.7), 0.7 * np.array([1e9, 1.0 + 1e-7, 1.3, 2.0, 0.5, 0.8])
    step, bend = np.full(6, 0.01), np.zeros(6)
    got = inverse_integrals(0.7, *(jnp.asarray(array) for array in (left, right, bend, step)))
    assert np.asarray(got) == pytest.approx(step * np.log(right / left) / (right - left), rel=1e-9)


def test_derivatives_by_the_parameters_of_interface_terms():
    from rampion.cell.contact import ContactLoss
    from rampion.cell.leakage import Leakage

    potentials = np.linspace(0.02, 0.4, 20)
    sweep = Sweep(rate=5e-4, start=0.0, stop=0.5)
    lossy, leaky = ContactLoss(capacity=4000.0, resistance=2e-3), Leakage(conductivity=1e-4)
    names = ("ContactLoss.capacity", "ContactLoss.resistance", "Leakage.conductivity", "transference")
    cell = replace(CELL, terms=(lossy, leaky))
    exact = sweep_sensitivities(cell, sweep, potentials, names, accuracy=TIGHT).logarithmic

    def curve(factors):
        terms = (
            replace(lossy, capacity=4000.0 * factors[0], resistance=2e-3 * factors[1]),
            replace(leaky, conductivity=1e-4 * factors[2]),
        )
        moved = replace(cell, terms=terms, transference=0.4 * factors[3])
        return sweep_current_density(moved, sweep, potentials, accuracy=TIGHT)

    for k in range(len(names)):
        ends = [curve(np.where(np.arange(4) == k, 1.0 + sign * 1e-3, 1.0)) for sign in (1, -1)]
        difference = (ends[0] - ends[1]) / 2e-3
        assert np.abs(exact[:, k] - difference).max() < 1e-3 * np.abs(difference).max()


@pytest.mark.slow
def test_derivatives_of_a_cell_with_functions():
    import jax.numpy as jnp

    from rampion.cell.closures import Closure

    closure = Closure(
        name="D and t₊ of c", diffusivity=lambda c: 2e-12 * jnp.exp(-0.3 * c / 1000.0),
        transference=lambda c: 0.4 - 0.1 * c / (1000.0 + c),
    )  # fmt: skip
    cell, potentials = replace(CELL, closure=closure), np.linspace(0.02, 1.0, 60)
    names = ("conductivity", "concentration", "thickness", "exchange_current")
    exact = sweep_sensitivities(cell, SWEEP, potentials, names, accuracy=TIGHT).logarithmic
    for k, name in enumerate(names):
        ends = [
            sweep_current_density(
                replace(cell, **{name: getattr(cell, name) * (1.0 + sign * 1e-3)}), SWEEP, potentials, accuracy=TIGHT
            )
            for sign in (1, -1)
        ]
        difference = (ends[0] - ends[1]) / 2e-3
        assert np.abs(exact[:, k] - difference).max() < 5e-4 * np.abs(difference).max()
    with pytest.raises(InputError, match="diffusivity"):
        sweep_sensitivities(cell, SWEEP, potentials, ("diffusivity",))
