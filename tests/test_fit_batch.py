"""Many fits at once: each as good as one alone, within bounds, with what is held left where it was."""

from __future__ import annotations

import numpy as np
import pytest

from rampion.fitting import fit_batch, fit_least_squares

X = np.linspace(0.0, 4.0, 25)


def decays(data):
    """Residuals and slopes of a·exp(-bx), rows of ``data`` (k, n)."""

    def evaluate(parameters, rows):
        size, rate = parameters[:, :1], parameters[:, 1:]
        shape = np.exp(-rate * X)
        residual = size * shape - data[rows]
        return residual, np.stack([shape, -size * X * shape], axis=1)

    return evaluate


def test_every_row_is_as_good_as_the_fit_alone():
    random = np.random.default_rng(2)
    truth = np.column_stack([random.uniform(0.5, 3, 40), random.uniform(0.2, 2, 40)])
    data = truth[:, :1] * np.exp(-truth[:, 1:] * X) + 0.02 * random.standard_normal((40, X.size))
    found = fit_batch(decays(data), np.tile([1.0, 1.0], (40, 1)))
    assert found.converged.all()
    for row in range(40):
        alone = fit_least_squares(lambda p, r=row: p[0] * np.exp(-p[1] * X) - data[r], np.array([1.0, 1.0]))
        np.testing.assert_allclose(found.parameters[row], alone.parameters, rtol=1e-4)
        assert found.chi_square[row] <= alone.chi_square * (1 + 1e-7)


def test_a_curved_valley_is_followed_to_its_end():
    """Rosenbrock's function from its classical start, and from 30 others."""

    def evaluate(parameters, _):
        x, y = parameters.T
        residual = np.stack([10 * (y - x**2), 1 - x], axis=1)
        zero = np.zeros_like(x)
        slopes = np.stack([np.stack([-20 * x, zero - 1], axis=1), np.stack([zero + 10, zero], axis=1)], axis=1)
        return residual, slopes

    starts = np.vstack([[-1.2, 1.0], np.random.default_rng(0).uniform(-3, 3, (30, 2))])
    found = fit_batch(evaluate, starts, iterations=200)
    np.testing.assert_allclose(found.parameters, 1.0, atol=1e-8)
    assert found.converged.all()


def test_bounds_hold_and_the_rest_is_at_its_best():
    data = 2 * np.exp(-0.5 * X)[None]
    found = fit_batch(decays(data), np.array([[1.0, 1.0]]), np.array([0.0, 0.8]), np.array([5.0, 3.0]))
    assert found.parameters[0, 1] == 0.8
    shape = np.exp(-0.8 * X)
    assert found.parameters[0, 0] == pytest.approx(float(data[0] @ shape / (shape @ shape)), rel=1e-4)


def test_held_parameters_stay():
    data = 2 * np.exp(-0.5 * X)[None]
    starts = np.array([[1.0, 0.9], [3.0, 0.4]])
    held = np.array([[False, True], [True, False]])
    found = fit_batch(lambda p, r: decays(data)(p, np.zeros_like(r)), starts, held=held)
    assert found.parameters[0, 1] == 0.9
    assert found.parameters[1, 0] == 3.0
    shape = np.exp(-0.9 * X)
    assert found.parameters[0, 0] == pytest.approx(float(data[0] @ shape / (shape @ shape)), rel=1e-4)


def test_a_fit_cut_short_says_so():
    data = 2 * np.exp(-0.5 * X)[None]
    assert not fit_batch(decays(data), np.array([[20.0, 2.9]]), iterations=2).converged[0]


def test_a_step_into_the_infinite_is_taken_back():
    """ln x is not defined below zero: such steps are refused and the fit goes on."""

    def evaluate(parameters, _):
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.log(parameters), (1 / parameters)[:, None, :]

    found = fit_batch(evaluate, np.array([[5.0]]), largest_step=100.0)
    assert found.parameters[0, 0] == pytest.approx(1.0)
