"""The optimiser's only caller: known truths, known uncertainties, and parameters that the data do not fix."""

from __future__ import annotations

import numpy as np
import pytest

from rampion.fitting import covariance_of, fit_least_squares, fit_multistart


def test_a_straight_line_has_the_textbook_covariance():
    x = np.linspace(0.0, 1.0, 21)
    design = np.column_stack([np.ones_like(x), x])
    data = design @ [2.0, -1.0] + 0.01 * np.sin(37 * x)
    fit = fit_least_squares(lambda p: (design @ p - data) / 0.01, np.zeros(2), jacobian=lambda p: design / 0.01)
    exact = np.linalg.lstsq(design, data, rcond=None)[0]
    np.testing.assert_allclose(fit.parameters, exact, rtol=1e-8)
    np.testing.assert_allclose(fit.covariance, np.linalg.inv(design.T @ design) * 1e-4, rtol=1e-8)
    assert fit.degrees == 19
    assert fit.converged


def test_uncertainties_known_up_to_a_factor_follow_the_scatter():
    x = np.linspace(0.0, 2.0, 13)
    design = np.column_stack([np.ones_like(x), x])
    data = design @ [1.0, 3.0] + 0.2 * np.cos(5 * x)
    known, found = (
        fit_least_squares(lambda p: design @ p - data, np.zeros(2), jacobian=lambda p: design, scaled=scaled)
        for scaled in (False, True)
    )
    left = data - design @ np.linalg.lstsq(design, data, rcond=None)[0]
    assert known.chi_square == pytest.approx(float(left @ left))
    np.testing.assert_allclose(known.covariance, np.linalg.inv(design.T @ design), rtol=1e-8)
    np.testing.assert_allclose(found.covariance, known.covariance * float(left @ left) / 11, rtol=1e-8)
    np.testing.assert_allclose(found.std, np.sqrt(np.diag(found.covariance)))


def test_bounds_hold_and_a_start_outside_is_moved_in():
    fit = fit_least_squares(lambda p: p - 5.0, np.array([9.0]), upper=2.0)
    assert fit.parameters[0] == pytest.approx(2.0, abs=1e-6)


def test_a_direction_that_the_data_do_not_fix_has_no_uncertainty():
    jacobian = np.array([[1.0, 1.0, 0.0], [2.0, 2.0, 1.0], [3.0, 3.0, 0.0]])
    std = np.sqrt(np.diag(covariance_of(jacobian)))
    assert np.isnan(std[:2]).all()
    assert np.isfinite(std[2])


def test_many_starts_find_the_deeper_valley():
    def residual(p):
        return np.array([(p[0] ** 2 - 4.0), 0.1 * (p[0] - 2.0)])

    assert fit_multistart(residual, np.array([[-1.0], [1.0]])).parameters[0] == pytest.approx(2.0)
