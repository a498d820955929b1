"""The half-order integral against exact ones."""

from __future__ import annotations

from math import gamma, pi, sqrt

import numpy as np
import pytest
from scipy.special import dawsn

from rampion.voltammetry.peak import semi_integrate


def uneven(points: int, end: float) -> np.ndarray:
    return np.concatenate([[0.0], np.sort(np.random.default_rng(5).uniform(0, end, points - 2)), [end]])


@pytest.mark.parametrize("points", [400, 5000])
@pytest.mark.parametrize(("power", "tolerance"), [(0, 1e-6), (1, 1e-6), (2, 1e-4)])
def test_powers_on_an_uneven_grid(points, power, tolerance):
    time = uneven(points, 7.0)
    exact = gamma(power + 1) / gamma(power + 1.5) * time ** (power + 0.5)
    found = semi_integrate(time, time**power)
    assert np.max(np.abs(found - exact)) < tolerance * exact[-1]


@pytest.mark.parametrize("points", [1000, 20000])
def test_a_cottrell_current_has_a_constant_semi_integral(points):
    time = np.concatenate([[0.0], np.geomspace(1e-6, 10.0, points)])
    current = np.concatenate([[0.0], 1 / np.sqrt(pi * time[1:])])
    found = semi_integrate(time, current)
    late = time > 1e-2
    # the charge before the first sample is missing: 1.5 √(t₁/t)/π = 0.5 % at 1e-2
    assert np.allclose(found[late], 1.0, atol=0.01)


def test_berzins_delahay_current_gives_the_closed_form():
    # deposition at unit activity: c(0)/c* = exp(-τ), ψ = (2/√π) Dawson(√τ), so its semi-integral is 1 - exp(-τ)
    tau = np.linspace(0, np.sqrt(6), 3000) ** 2
    found = semi_integrate(tau, 2 / sqrt(pi) * dawsn(np.sqrt(tau)))
    assert np.max(np.abs(found - (1 - np.exp(-tau)))) < 1e-4


def test_time_that_stands_still_adds_nothing():
    time = np.array([0.0, 1.0, 1.0, 2.0])
    assert np.all(np.isfinite(semi_integrate(time, np.ones(4))))
    assert semi_integrate(time, np.ones(4))[-1] == pytest.approx(2 / sqrt(pi) * sqrt(2.0))
