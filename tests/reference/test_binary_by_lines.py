"""The binary cell against another method: finite volumes by lines, the current found by root search, scipy's BDF."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.interpolate import PchipInterpolator
from scipy.optimize import brentq

pytest.importorskip("jax")

from rampion.cell.closures import Closure
from rampion.cell.parameters import Cell, chemical_diffusivity, thermal_voltage
from rampion.cell.sweep import sweep_current_density
from rampion.measurement import Sweep
from rampion.quantities import FARADAY


def by_lines(cell: Cell, rate: float, potentials: np.ndarray, cells: int = 400) -> np.ndarray:
    """J(V) on a mesh graded to both faces; each face carries a half cell, each volume one concentration."""
    s = np.linspace(-1.0, 1.0, cells + 1)
    edges = cell.thickness * 0.5 * (1.0 + np.tanh(2.6 * s) / np.tanh(2.6))
    centres, widths = 0.5 * (edges[1:] + edges[:-1]), np.diff(edges)
    gaps = np.diff(centres)
    d, thermal = chemical_diffusivity(cell), thermal_voltage(cell)
    lost = (1.0 - cell.transference) / FARADAY
    c0 = cell.concentration

    def voltage(current: float, c: np.ndarray) -> float:
        near = c[0] - lost * current * centres[0] / d
        far = c[-1] + lost * current * (cell.thickness - centres[-1]) / d
        if near <= 0.0:
            return np.inf
        nodes = np.concatenate([[near], c, [far]])
        places = np.concatenate([[0.0], centres, [cell.thickness]])
        gap = np.diff(nodes)
        flat = np.abs(gap) < 1e-9 * nodes[1:]
        inverse = np.where(flat, 1.0 / nodes[1:], np.log(nodes[1:] / nodes[:-1]) / np.where(flat, 1.0, gap))
        ohmic = current * c0 / cell.conductivity * float((np.diff(places) * inverse).sum())
        kinetics = 0.0
        if np.isfinite(cell.exchange_current):
            for face in (near, far):
                kinetics += 2.0 * thermal * np.arcsinh(0.5 * current / (cell.exchange_current * np.sqrt(face / c0)))
        polarized = 2.0 * (1.0 - cell.transference) * thermal * np.log(far / near)
        return ohmic + current * cell.interface_resistance + polarized + kinetics

    def current_at(time: float, c: np.ndarray) -> float:
        most = d * c[0] / (lost * centres[0])
        return brentq(lambda j: min(voltage(j, c), 1e3) - rate * time, -0.5 * most, most, xtol=1e-14, rtol=1e-12)

    def slope(time: float, c: np.ndarray) -> np.ndarray:
        feed = lost * current_at(time, c)
        flux = np.concatenate([[-feed], -d * np.diff(c) / gaps, [-feed]])
        return -np.diff(flux) / widths

    times = potentials / rate
    with np.errstate(invalid="ignore", over="ignore"):  # of steps that the integrator rejects
        solved = solve_ivp(
            slope, (0.0, times[-1]), np.full(cells, c0), method="BDF", t_eval=times, rtol=1e-6, atol=1e-7 * c0
        )
    return np.array([current_at(t, c) for t, c in zip(solved.t, solved.y.T, strict=True)])


@pytest.mark.parametrize(
    "cell",
    [
        Cell(thickness=1e-3, conductivity=0.06, concentration=430.0, transference=0.8),
        Cell(
            thickness=0.5e-3, conductivity=0.06, concentration=1000.0, transference=0.4, diffusivity=2e-12,
            exchange_current=10.0, interface_resistance=5e-4,
        ),
    ],
    ids=["garnet", "cell A"],
)  # fmt: skip
def test_sweep_by_lines(cell):
    rate = 2e-4
    potentials = np.array([0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4])
    other = by_lines(cell, rate, potentials, cells=100)
    own = sweep_current_density(cell, Sweep(rate=rate, start=0.0, stop=0.4), potentials)
    assert own == pytest.approx(other, rel=1e-3)


def closure_by_lines(cell: Cell, rate: float, potentials: np.ndarray, volumes: int) -> np.ndarray:
    """J(V) of a cell with D(c), σ(c), t₊(c), Γ(c): one concentration a volume, fluxes by central differences at its
    edges, faces by a half cell each, ∫dx/σ and ∫Γ(1 − t₊) d ln c by trapezia in a refined interpolation of ln c."""
    of = cell.closure
    s = np.linspace(-1.0, 1.0, volumes + 1)
    edges = cell.thickness * 0.5 * (1.0 + np.tanh(2.0 * s) / np.tanh(2.0))
    centres, widths = 0.5 * (edges[1:] + edges[:-1]), np.diff(edges)
    places = np.concatenate([[0.0], centres, [cell.thickness]])
    fine = np.unique(np.concatenate([np.linspace(a, b, 9) for a, b in itertools.pairwise(places)]))
    thermal = thermal_voltage(cell)

    def faces(current: float, c: np.ndarray) -> tuple[float, float]:
        near, far = c[0], c[-1]
        for _ in range(60):  # D and t₊ halfway between face and centre
            middle = max(0.5 * (near + c[0]), 0.0), min(0.5 * (far + c[-1]), 4.0 * cell.concentration)
            rise = [(1.0 - of.transference(m)) * current / FARADAY / of.diffusivity(m) for m in middle]
            near, far = c[0] - rise[0] * centres[0], c[-1] + rise[1] * (cell.thickness - centres[-1])
        return near, far

    def voltage(current: float, c: np.ndarray) -> float:
        near, far = faces(current, c)
        if near <= 0.0:
            return np.inf
        nodes = np.concatenate([[near], c, [far]])
        profile = PchipInterpolator(places, np.log(nodes))(fine)
        there = np.exp(profile)
        polarized = of.thermodynamic_factor(there) * (1.0 - of.transference(there))
        ohmic = current * np.trapezoid(1.0 / of.conductivity(there), fine)
        return float(ohmic + 2.0 * thermal * np.trapezoid(polarized, profile))

    def current_at(time: float, c: np.ndarray) -> float:
        return brentq(lambda j: min(voltage(j, c), 1e3) - rate * time, -1.0, 200.0, xtol=1e-12, rtol=1e-10)

    def slope(time: float, c: np.ndarray) -> np.ndarray:
        current, middle = current_at(time, c), 0.5 * (c[1:] + c[:-1])
        inner = of.diffusivity(middle) * np.diff(c) / np.diff(centres)
        inner -= (1.0 - of.transference(middle)) * current / FARADAY
        return np.diff(np.concatenate([[0.0], inner, [0.0]])) / widths

    times = potentials / rate
    start = np.full(volumes, cell.concentration)
    solved = solve_ivp(slope, (0.0, times[-1]), start, method="BDF", t_eval=times, rtol=1e-5, atol=1e-6 * start[0])
    return np.array([current_at(t, c) for t, c in zip(solved.t, solved.y.T, strict=True)])


def _exponential(x):
    from rampion.cell.dialect import numerics

    return numerics(x).exp(x)


@pytest.mark.slow
def test_four_functions_by_lines():
    functions = Closure(
        name="all four",
        diffusivity=lambda c: 1e-11 * _exponential(0.5 * c / 430.0),
        conductivity=lambda c: 0.06 * (c / 430.0) * _exponential(-0.3 * (c / 430.0 - 1.0)),
        transference=lambda c: 0.5 + 0.2 * c / (430.0 + c),
        thermodynamic_factor=lambda c: 1.0 + 0.5 * c / 430.0,
    )
    cell = Cell(thickness=1e-3, conductivity=0.06, concentration=430.0, transference=0.8, closure=functions)
    rate, potentials = 2e-4, np.array([0.05, 0.1, 0.15, 0.2, 0.25, 0.3])
    coarse, fine = (closure_by_lines(cell, rate, potentials, n) for n in (30, 60))
    other = fine + (fine - coarse) / 3.0  # second order
    own = sweep_current_density(cell, Sweep(rate=rate, start=0.0, stop=0.3), potentials)
    assert own == pytest.approx(other, rel=1e-3)
