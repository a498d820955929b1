"""The equations of the binary cell in numpy, for many sets of numbers at once.

    u_θ = u_ξξ ,   u_ξ(0) = u_ξ(1) = g ,   c = c₀(1 + u) ,   J = [F D c₀/((1 - t₊)L)] g
    V F/RT = g (ρ ∫dξ/c' + r) + 2(1 - t₊)Γ ln[c'(1)/c'(0)] + Σ faces 2 asinh[g/(2 j₀ √c')] ,   c' = c/c₀

with ξ = x/L, θ = Dt/L². u is odd about the middle, and half the cell is enough: Galerkin's modes of u_θ = u_ξξ in
Legendre polynomials of s, ξ = ½ sinh(γs)/sinh γ, which resolve any layer at the face to rounding with some 30 numbers:

    τ_k da_k/dθ = -a_k - w_k(0) g ,   u = Σ a_k w_k(ξ) .

∫dξ/c' is a logarithmic mean over a thin skin at the face, where a profile is straight however empty the face, and from
there to the middle, where 1/(1 + u) + 1/(1 - u) is analytic in ln ξ, Gauss's rule.
:mod:`rampion.cell.binary_march` moves the modes in time.

Assumes constant D, t₊ and Γ, σ ∝ c or constant, faces without capacitance.

Source: J. Newman, N. P. Balsara, Electrochemical Systems, 4th ed., Wiley 2021, chapters 11 and 12.
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np
from numpy.polynomial.legendre import leggauss, legvander

from rampion.quantities import FARADAY, GAS_CONSTANT

_SKIN = 500.0
"""Thickness of the skin in that of the thinnest layer resolved, per tolerance; profiles bend within a thousand such
layers, and a depleted one hardly at the face."""
_POLE = 2.5  # how far from the real axis of ln ξ the zeros of c' lie
_SPARE = 1.0  # digits that the mesh is finer than the tolerance
_NEAR = 0.12  # relative difference of the skin's ends below which artanh comes from its series, to 1e-11
_FASTEST = 1e-18  # of L²/D: shorter times of modes are rounding


class Numbers(NamedTuple):
    """P cells, an array (P,) each: L²/D [s], RT/F [V], J/g [A/m²], ρ = J₁L/(σ₀RT/F), r = J₁R_A/(RT/F) with J₁ = J/g,
    2(1 - t₊)Γ, j₀ = J₀₀/J₁ (infinite without kinetics), and whether σ ∝ c."""

    diffusion_time: np.ndarray
    thermal_voltage: np.ndarray
    current_scale: np.ndarray
    electrolyte: np.ndarray
    series: np.ndarray
    polarization: np.ndarray
    exchange: np.ndarray
    proportional: np.ndarray


def numbers_of(
    *, thickness, conductivity, concentration, transference, diffusivity, temperature=298.15,
    thermodynamic_factor=1.0, series_resistance=0.0, exchange_current=math.inf, proportional=True,
) -> Numbers:  # fmt: skip
    """Numbers of one cell or of many (arrays that broadcast together), SI; ``series_resistance`` of all that stands in
    series with the ceramic [Ω·m²]."""
    given = np.broadcast_arrays(*(
        np.atleast_1d(np.asarray(one, dtype=float))
        for one in (thickness, conductivity, concentration, transference, diffusivity, temperature,
                    thermodynamic_factor, series_resistance, exchange_current, proportional)
    ))  # fmt: skip
    length, sigma, c0, t, diffusion, kelvin, factor, series, exchange, is_proportional = given
    thermal = GAS_CONSTANT * kelvin / FARADAY
    scale = FARADAY * diffusion * c0 / ((1.0 - t) * length)
    return Numbers(
        diffusion_time=length**2 / diffusion, thermal_voltage=thermal, current_scale=scale,
        electrolyte=scale * length / (sigma * thermal), series=scale * series / thermal,
        polarization=2.0 * (1.0 - t) * factor, exchange=exchange / scale, proportional=is_proportional > 0,
    )  # fmt: skip


class Grid(NamedTuple):
    """K modes of half the cell, and where the voltage needs them.

    layer : the thinnest layer at the face that they resolve [thicknesses]. steepness : γ. basis : (K, K) the modes in
    P_k(2s - 1) - 1, k = 1 … K. times, source : τ_k [L²/D] and w_k(0), (K,). seen : (K, n) the modes at the face, at the
    end of the skin and at Gauss's points. skin : its thickness. weights : (n - 2,) of Gauss's points.
    """

    layer: float
    steepness: float
    basis: np.ndarray
    times: np.ndarray
    source: np.ndarray
    seen: np.ndarray
    skin: float
    weights: np.ndarray


@functools.lru_cache(maxsize=64)
def grid_of(octaves: int, tolerance: float) -> Grid:
    """Modes that resolve a layer of 2^-``octaves`` thicknesses as the tolerance asks.

    Measured on a step of the flux: γ = ln(1/layer) - 1.2 is best, and a digit takes 0.6 γ + 0.5 modes. Gauss's rule in
    ln ξ over Z e-folds converges as ρ^-2n, ln ρ = arsinh(2 pole/Z), by the ellipse that reaches the nearest pole.
    """
    layer = 2.0**-octaves
    digits = _SPARE - math.log10(tolerance)
    steepness = max(1.5, math.log(1.0 / layer) - 1.2)
    size = math.ceil(digits * (0.6 * steepness + 0.5))
    y, w = leggauss(size + math.ceil(2.0 * steepness) + 20)
    values = legvander(y, size)
    slopes = np.zeros(values.shape)  # P'_{k+1} = P'_{k-1} + (2k + 1) P_k, and twice for d/ds
    slopes[:, 1] = 2.0
    for k in range(1, size):
        slopes[:, k + 1] = slopes[:, k - 1] + 2.0 * (2 * k + 1) * values[:, k]
    stretch = 0.5 * steepness * np.cosh(0.5 * steepness * (y + 1.0)) / math.sinh(steepness)
    stiffness = (slopes[:, 1:] * (0.5 * w / stretch)[:, None]).T @ slopes[:, 1:]
    mass = ((values[:, 1:] - 1.0) * (0.5 * w * stretch)[:, None]).T @ (values[:, 1:] - 1.0)
    # modes of unit energy: their steady answer to the flux is exact, however short their times
    lower = np.linalg.cholesky(stiffness)
    reduced = np.linalg.solve(lower, np.linalg.solve(lower, mass).T)
    times, vectors = np.linalg.eigh(0.5 * (reduced + reduced.T))
    basis = np.linalg.solve(lower.T, vectors[:, ::-1])
    times = np.maximum(times[::-1], _FASTEST)
    skin = _SKIN * tolerance * layer
    folds = math.log(0.5 / skin)
    ellipse = math.asinh(2.0 * _POLE / folds)
    x, weight = leggauss(math.ceil(digits * math.log(10.0) / (2.0 * ellipse)))
    place = skin * np.exp(0.5 * folds * (x + 1.0))
    grid = Grid(layer, steepness, basis, times, np.zeros(0), np.zeros((0, 0)), skin, 0.5 * folds * weight * place)
    seen = shapes_at(grid, np.concatenate([[0.0, skin], place]))
    return grid._replace(source=np.ascontiguousarray(seen[:, 0]), seen=seen)


def shapes_at(grid: Grid, place: np.ndarray) -> np.ndarray:
    """The modes (K, m) at places (m,) from the face (0) to the middle (½)."""
    s = np.arcsinh(2.0 * place * math.sinh(grid.steepness)) / grid.steepness
    return grid.basis.T @ (legvander(2.0 * s - 1.0, grid.times.size)[:, 1:] - 1.0).T


def logarithms_of(spread: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """ln c' of both faces from ln[c'(1)/c'(0)]: c'(0) + c'(1) = 2."""
    low = math.log(2.0) - np.logaddexp(0.0, spread)
    return low, low + spread


def _skin_integral(log_wall, wall_pace, inner, inner_move, grid):
    """∫dξ/c' over a face's skin, and its change; ``wall_pace`` of ln c' at the face, ``inner_move`` of c' inside."""
    wall = np.exp(log_wall)
    total, gap = wall + inner, inner - wall
    ratio = gap / total
    square = ratio * ratio
    near = square < _NEAR**2
    half_log = 0.5 * (np.log(inner) - log_wall)
    safe = np.where(near, 1.0, ratio)
    series = 1.0 / 3.0 + square * (0.2 + square * (1.0 / 7.0 + square * (1.0 / 9.0 + square / 11.0)))
    excess = np.where(near, series, (half_log / safe - 1.0) / (safe * safe))  # (artanh q / q - 1)/q²
    per_total = 2.0 * grid.skin / total
    value = per_total * (1.0 + square * excess)
    wall_move = wall * wall_pace
    ratio_move = 2.0 * (wall * inner_move - inner * wall_move) / (total * total)
    steeper = ratio * (0.5 * (inner_move / inner - wall_pace) - excess * ratio_move)
    return value, per_total * steeper - value * (wall_move + inner_move) / total


def voltage_of(
    u: np.ndarray,
    flux: np.ndarray,
    spread: np.ndarray,
    numbers: Numbers,
    grid: Grid,
    moves: tuple[Any, Any, Any] = (0.0, 0.0, 0.0),
) -> tuple[np.ndarray, np.ndarray]:
    """V F/RT (P,) of u (P, n) where the grid sees it, g and ln[c'(1)/c'(0)] = ``spread`` (P,), and its change along
    ``moves`` of the three."""
    move, flux_move, spread_move = moves
    logs = logarithms_of(spread)
    walls = np.exp(logs[0]), np.exp(logs[1])
    paces = -0.5 * walls[1] * spread_move, 0.5 * walls[0] * spread_move  # of ln c'
    resistance, resistance_move = numbers.electrolyte + numbers.series, 0.0
    if numbers.proportional.any():
        # on the way to the solution a profile may leave what is possible
        least = 0.5 * np.minimum(*walls)[:, None] + 1e-300
        near = np.minimum(np.maximum(1.0 + u[:, 1:], least), 2.0 - least)
        far = np.maximum(1.0 - u[:, 1:], least)
        inner_move = 0.0 if isinstance(move, float) else move[:, 1]
        first, first_move = _skin_integral(logs[0], paces[0], near[:, 0], inner_move, grid)
        other, other_move = _skin_integral(logs[1], paces[1], far[:, 0], -inner_move, grid)
        inverse = 2.0 / (near[:, 1:] * far[:, 1:])
        mean, mean_move = first + other + inverse @ grid.weights, first_move + other_move
        if not isinstance(move, float):
            mean_move = mean_move + (inverse * inverse * u[:, 2:] * move[:, 2:]) @ grid.weights
        if not numbers.proportional.all():
            mean, mean_move = np.where(numbers.proportional, mean, 1.0), np.where(numbers.proportional, mean_move, 0.0)
        resistance, resistance_move = numbers.electrolyte * mean + numbers.series, numbers.electrolyte * mean_move
    value = flux * resistance + numbers.polarization * spread
    change = flux_move * resistance + flux * resistance_move + numbers.polarization * spread_move
    if np.isfinite(numbers.exchange).any():
        for log, pace in zip(logs, paces, strict=True):
            limit = 2.0 * numbers.exchange * np.exp(0.5 * log)
            share = flux / limit
            value = value + 2.0 * np.arcsinh(share)
            change = change + 2.0 * (flux_move / limit - 0.5 * share * pace) / np.hypot(1.0, share)
    return value, change
