"""The numpy core of the binary cell: reference cells, exact laws, closed forms, and the compiled core beside it."""

import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from rampion.cell import binary_march
from rampion.cell.binary import Numbers, grid_of, numbers_of, voltage_of
from rampion.cell.binary_march import Line, march
from rampion.cell.binary_run import cell_numbers
from rampion.cell.general_run import run_general
from rampion.cell.parameters import Cell, limiting_current_density, thermal_voltage
from rampion.cell.simulate import Accuracy, simulate
from rampion.errors import InputError
from rampion.measurement import ConstantCurrent, Hold, Pause, Rest, Sweep
from rampion.quantities import FARADAY, GAS_CONSTANT

GARNET = Cell(thickness=1e-3, conductivity=0.06, concentration=430.0, transference=0.8)
CELL_A = Cell(
    thickness=5e-4, conductivity=0.06, concentration=1000.0, transference=0.4, diffusivity=2e-12,
    interface_resistance=5e-4, exchange_current=10.0,
)  # fmt: skip
CELL_B = replace(CELL_A, thickness=1e-3, concentration=100.0, transference=0.8, diffusivity=1e-11)


def current_at(run, potential):
    return np.interp(potential, run.potential, run.current_density)


@pytest.mark.parametrize(
    ("cell", "rate", "potential", "expected"),
    [
        (CELL_A, 5e-4, [0.23, 1.0], [9.97788, 3.13437]),  # semi-analytic, converged below 1e-6
        (CELL_B, 1e-4, [0.13], [4.06723]),
        (GARNET, 5e-5, [0.1, 0.2, 0.4, 0.6], [5.6172, 9.8743, 6.2502, 5.1313]),  # independent cosine modes, 1e-4
    ],
)
def test_reference_sweeps(cell, rate, potential, expected):
    run = simulate(cell, Sweep(rate=rate, start=0.0, stop=1.0), accuracy=Accuracy(tolerance=1e-6))
    bound = 3e-6 if cell is not GARNET else 1.1e-4
    np.testing.assert_allclose(current_at(run, potential), expected, rtol=bound)


@pytest.mark.parametrize("tolerance", [1e-3, 1e-4, 1e-5])
def test_straight_lines_between_the_points_keep_the_tolerance(tolerance):
    sweep = Sweep(rate=5e-4, start=0.0, stop=1.0)
    potentials = np.linspace(0.02, 1.0, 997)
    fine = simulate(CELL_A, sweep, accuracy=Accuracy(tolerance=2e-7))
    run = simulate(CELL_A, sweep, accuracy=Accuracy(tolerance=tolerance))
    error = current_at(run, potentials) / current_at(fine, potentials) - 1.0
    assert np.abs(error).max() < tolerance


def random_run(seed, tolerance):
    """A sweep of a random cell, driven to a random depth at W = 0.1 … 1e6."""
    draw = np.random.default_rng(seed)
    cell = Cell(
        thickness=10 ** draw.uniform(-5, -2), conductivity=10 ** draw.uniform(-4, 0),
        concentration=10 ** draw.uniform(0.5, 4.5), transference=draw.uniform(0.05, 0.95),
        diffusivity=10 ** draw.uniform(-15, -9), thermodynamic_factor=draw.uniform(0.7, 2.0),
        interface_resistance=10 ** draw.uniform(-6, -1), exchange_current=10 ** draw.uniform(-2, 3),
        conduction="proportional" if seed % 4 else "constant",
    )  # fmt: skip
    rate = 10 ** draw.uniform(-1, 6) * cell.diffusivity * thermal_voltage(cell) / cell.thickness**2
    return simulate(
        cell, Sweep(rate=rate, start=0.0, stop=draw.uniform(0.2, 2.0)), accuracy=Accuracy(tolerance=tolerance)
    )


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("tolerance", [1e-4, 1e-5])
def test_random_cells_keep_the_tolerance_between_the_points_too(seed, tolerance):
    run, exact = random_run(seed, tolerance), random_run(seed, 3e-7)
    potentials = np.linspace(0.003, 1.0, 400) * exact.potential[-1]
    error = current_at(run, potentials) / current_at(exact, potentials) - 1.0
    assert run.flags == ()
    assert np.abs(error).max() < tolerance


def test_a_missed_tolerance_is_flagged_with_its_error(monkeypatch):
    sweep, potentials = Sweep(rate=5e-4, start=0.0, stop=1.0), np.linspace(0.01, 1.0, 500)
    exact = current_at(simulate(CELL_A, sweep, accuracy=Accuracy(tolerance=1e-6)), potentials)
    monkeypatch.setattr(binary_march, "_GAIN", 30.0)  # ten times the error
    run = simulate(CELL_A, sweep)
    error = np.abs(current_at(run, potentials) / exact - 1.0).max()
    (flag,) = run.flags
    assert flag.code == "inaccurate"
    assert 0.25 * error < dict(flag.details)["error"] < 4.0 * error


@pytest.mark.parametrize("tolerance", [0.0, -1e-4, 1.0, math.nan])
def test_a_tolerance_out_of_reach_is_refused(tolerance):
    with pytest.raises(InputError, match="tolerance"):
        Accuracy(tolerance=tolerance)


@pytest.mark.parametrize("octaves", [6, 12, 18])
@pytest.mark.parametrize("tolerance", [1e-4, 1e-6])
def test_the_modes_answer_a_step_of_the_flux_as_the_root_of_time(octaves, tolerance):
    grid = grid_of(octaves, tolerance)
    theta = np.geomspace(grid.layer**2, 0.01, 60)
    face = (grid.source**2 * -np.expm1(-theta[:, None] / grid.times)).sum(axis=1)
    np.testing.assert_allclose(face, 2.0 * np.sqrt(theta / math.pi), rtol=tolerance)
    assert (grid.source**2).sum() == pytest.approx(0.5, rel=1e-10)  # u(0) = -g/2 at last


@pytest.mark.parametrize("depth", [1e-2, 1e-6, 1e-14])
@pytest.mark.parametrize("tolerance", [1e-4, 1e-6])
def test_the_resistance_of_a_straight_profile_is_its_logarithm(depth, tolerance):
    grid, one = grid_of(10, tolerance), np.ones(1)
    folds = math.log(0.5 / grid.skin)
    gauss = grid.skin * np.exp(0.5 * folds * (np.polynomial.legendre.leggauss(grid.weights.size)[0] + 1.0))
    place = np.concatenate([[0.0, grid.skin], gauss])
    numbers = Numbers(one, one, one, one, 0.0 * one, 0.0 * one, math.inf * one, one > 0.0)
    spread = math.log((2.0 - depth) / depth) * one
    value = voltage_of((1.0 - depth) * (2.0 * place - 1.0)[None], one, spread, numbers, grid)[0]
    assert value[0] == pytest.approx(spread[0] / (2.0 * (1.0 - depth)), rel=tolerance)


@pytest.mark.parametrize("seed", range(8))
def test_it_agrees_with_the_compiled_core(seed):
    draw = np.random.default_rng(seed)
    cell = Cell(
        thickness=10 ** draw.uniform(-4, -2.5), conductivity=10 ** draw.uniform(-2, 0),
        concentration=10 ** draw.uniform(2, 4), transference=draw.uniform(0.1, 0.95),
        interface_resistance=10 ** draw.uniform(-5, -3), exchange_current=10 ** draw.uniform(0, 3),
        conduction="proportional" if seed % 4 else "constant", thermodynamic_factor=draw.uniform(0.7, 1.5),
    )  # fmt: skip
    sweep = Sweep(rate=10 ** draw.uniform(-5, -3), start=0.0, stop=draw.uniform(0.2, 1.0))
    exact = Accuracy(tolerance=1e-7, intervals=160, first_interval=1e-5)
    own, other = simulate(cell, sweep, accuracy=exact), run_general(cell, sweep, accuracy=exact)
    assert own.current_density[-1] == pytest.approx(other.current_density[-1], rel=1e-6)
    assert own.charge[-1] == pytest.approx(other.charge[-1], rel=1e-6)
    assert own.surface_concentration[-1] == pytest.approx(other.surface_concentration[-1], rel=1e-6)


@pytest.mark.parametrize("cell", [CELL_A, CELL_B])
def test_the_mesh_of_the_compiled_core_follows_the_tolerance(cell):
    sweep, tight = Sweep(rate=1e-4, start=0.0, stop=1.0), Accuracy(tolerance=1e-6)
    own, other = simulate(cell, sweep, accuracy=tight), run_general(cell, sweep, accuracy=tight)
    assert own.current_density[-1] == pytest.approx(other.current_density[-1], rel=2e-6)


def test_similarity_is_exact():
    thick = replace(GARNET, thickness=3e-3)
    one = simulate(GARNET, Sweep(rate=9e-5, start=0.0, stop=0.6))
    other = simulate(thick, Sweep(rate=1e-5, start=0.0, stop=0.6))
    np.testing.assert_allclose(other.current_density * 3.0, one.current_density, rtol=1e-9)


def test_the_salt_is_conserved_and_the_flux_enters_at_the_face():
    run = simulate(CELL_A, Sweep(rate=5e-4, start=0.0, stop=0.4), accuracy=Accuracy(tolerance=1e-6))
    x, c = run.position, run.concentration[-1]
    np.testing.assert_allclose(
        c + c[::-1], 2000.0, rtol=1e-9
    )  # odd about the middle: what one face loses, the other gains
    flux = (1.0 - 0.4) * run.current_density[-1] / FARADAY
    assert 2e-12 * (c[3] - c[0]) / (x[3] - x[0]) == pytest.approx(flux, rel=1e-4)


def test_sand_time_of_the_finite_cell():
    j = 1.3
    current = j * limiting_current_density(GARNET)
    run = simulate(GARNET, ConstantCurrent(current=current * GARNET.area, duration=1e7))
    odd = np.arange(1, 40, 2)
    theta = np.linspace(1e-3, 1.0, 20001)
    left = j * (
        1.0 - 8.0 / math.pi**2 * np.sum(np.exp(-np.outer(theta, odd[:20] ** 2) * math.pi**2) / odd[:20] ** 2, 1)
    )
    expected = theta[np.argmax(left > 1.0)]
    diffusivity = 2 * 0.8 * 0.2 * 0.06 * GAS_CONSTANT * 298.15 / (FARADAY**2 * 430.0)
    assert run.time[-1] * diffusivity / 1e-6 == pytest.approx(expected, rel=2e-3)
    assert [flag.code for flag in run.flags] == ["depleted"]
    assert run.potential[-1] > 0.3


def test_a_hold_ends_on_the_steady_curve_and_begins_ohmic():
    run = simulate(GARNET, Hold(potential=0.1, duration=5e6), accuracy=Accuracy(tolerance=1e-6))
    thermal = GAS_CONSTANT * 298.15 / FARADAY
    steady = limiting_current_density(GARNET) * math.tanh(0.1 / (4.0 * thermal))
    assert run.current_density[-1] == pytest.approx(steady, rel=1e-6)
    assert run.current_density[0] == pytest.approx(0.1 * 0.06 / 1e-3, rel=1e-9)


def test_a_polarized_cell_at_rest_keeps_a_voltage_that_decays():
    run = simulate(GARNET, [Sweep(rate=5e-5, start=0.0, stop=0.2), Rest(duration=2e4)])
    rest = run.part == 1
    assert run.current_density[rest][-1] == 0.0
    emf = run.potential[rest]
    assert 0.005 < emf[0] < 0.2
    assert np.all(np.diff(emf) < 0.0)
    c = run.concentration[rest]
    expected = 2 * 0.2 * GAS_CONSTANT * 298.15 / FARADAY * np.log(c[:, -1] / c[:, 0])
    np.testing.assert_allclose(emf, expected, rtol=1e-6)


def test_pauses_cut_the_peak():
    sweep = Sweep(rate=5e-4, start=0.0, stop=1.0, pause=Pause(every=0.05, duration=300.0))
    assert simulate(CELL_A, sweep).peak.current_density == pytest.approx(6.600, rel=2e-4)


def test_either_polarity_is_the_mirror_of_the_other():
    one = simulate(CELL_A, Sweep(rate=5e-4, start=0.0, stop=0.6))
    other = simulate(CELL_A, Sweep(rate=5e-4, start=0.0, stop=-0.6))
    np.testing.assert_allclose(other.current_density, -one.current_density, rtol=1e-6)
    np.testing.assert_allclose(other.surface_concentration, one.counter_concentration, rtol=1e-6)


def test_many_cells_in_one_march_are_each_their_own():
    transference = np.array([0.3, 0.6, 0.9])
    many = numbers_of(
        thickness=1e-3, conductivity=0.06, concentration=430.0, transference=transference, diffusivity=1e-11
    )
    line = [Line(0.5 / 1e-4, 0.0, 1e-4)]
    together = march(many, line, 1e-6).steps[-1].state
    for k, t in enumerate(transference):
        cell = replace(GARNET, transference=float(t), diffusivity=1e-11)
        alone = march(cell_numbers(cell), line, 1e-6).steps[-1].state
        assert together.flux[k] == pytest.approx(alone.flux[0], rel=3e-6)
        assert together.charge[k] == pytest.approx(alone.charge[0], rel=3e-6)


def test_an_early_end_is_no_number():
    run = simulate(GARNET, ConstantCurrent(current=50.0 * limiting_current_density(GARNET) * 1e-4, duration=1e6))
    assert np.isfinite(run.potential).all()
    assert run.flags
    assert run.surface_concentration.min() > 0.0


def test_a_sweep_from_the_shell_needs_neither_jax_nor_scipy_nor_pint():
    words = ["simulate", "sweep", "--cell", "gopal2023", "--rate", "0.05mV/s", "--to", "0.8V", "--json"]
    program = (
        f"import sys; from rampion.cli import main; main({words!r}); "
        "loaded = {name.partition('.')[0] for name in sys.modules}; "
        "sys.exit(9 if loaded & {'jax', 'scipy', 'pint', 'matplotlib', 'jaxtyping'} else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert '"peak"' in done.stdout
