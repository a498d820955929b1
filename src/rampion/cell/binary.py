"""The equations of the binary cell in numpy, for many sets of numbers at once.

    u_θ = u_ξξ ,   u_ξ(0) = u_ξ(1) = g ,   c = c₀(1 + u) ,   J = [F D c₀/((1 - t₊)L)] g
    V F/RT = g (ρ ∫dξ/c' + r) + 2(1 - t₊)Γ ln[c'(1)/c'(0)] + Σ faces 2 asinh[g/(2 j₀ √c')] ,   c' = c/c₀

with ξ = x/L, θ = Dt/L². u is odd about the middle: odd cosine modes b_k = ∫u cos(kπξ) dξ, of which those beyond the
last follow the flux at once (their sum is known in closed form). ∫dξ/c' is the logarithmic mean of each interval of a
graded mesh with its closed-form curvature term. :mod:`rampion.cell.binary_march` moves them in time.

Assumes constant D, t₊ and Γ, σ ∝ c or constant, faces without capacitance.

Source: J. Newman, N. P. Balsara, Electrochemical Systems, 4th ed., Wiley 2021, chapters 11 and 12.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np

from rampion.quantities import FARADAY, GAS_CONSTANT

MODES = (96, 512)
"""Fewest and most. The layer that grows while a ramp runs through RT/F is 1/√W thick, W = vL²F/(DRT): the fastest mode
decays ``PER_LAYER`` times in that time."""
PER_LAYER = 100.0
SKIN = (2e-7, 5e-4, 11)
"""First and last place, in thicknesses, and number of the nodes next to the face, where a depleted profile is straight:
the skin of a cell driven far beyond its peak is 1e-5 of the thickness."""
LAYER = 56
"""Nodes from there to the middle, where it bends."""
_NEAR = 0.05  # relative change of c' over an interval below which artanh comes from its series


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
    """Half the cell: places ξ (n,), intervals, cosines 2cos(kπξ) (K, n) of the modes, their rates k²π² (K,), and what
    the modes beyond the last add to u per g and per dg/dθ (n,)."""

    place: np.ndarray
    step: np.ndarray
    cosines: np.ndarray
    rates: np.ndarray
    per_flux: np.ndarray
    per_change: np.ndarray


@functools.cache
def grid_of(modes: int = MODES[0], layer: int = LAYER) -> Grid:
    """The mesh and the modes on it."""
    first, edge, nodes = SKIN
    skin = np.geomspace(first, edge, nodes, endpoint=False)
    return grid_at(np.concatenate([[0.0], skin, np.geomspace(edge, 0.5, layer)]), modes)


def grid_at(place: np.ndarray, modes: int = MODES[0]) -> Grid:
    """The modes at chosen places from the face (0) to the middle (½)."""
    k = 2.0 * np.arange(modes) + 1.0
    rates = (math.pi * k) ** 2
    cosines = 2.0 * np.cos(math.pi * k[:, None] * place)
    per_flux = place - 0.5 + (2.0 / rates) @ cosines
    per_change = place**3 / 6.0 - place**2 / 4.0 + 1.0 / 24.0 - (2.0 / rates**2) @ cosines
    return Grid(place, np.diff(place), cosines, rates, per_flux, per_change)


def _inverse_mean(c: np.ndarray, grid: Grid, move: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """∫₀^½ dξ/c' of nodal values (P, n), and its change when these move by ``move`` (first order, linear part)."""
    low, high = c[:, :-1], c[:, 1:]
    total, gap = low + high, high - low
    ratio = gap / total
    square = ratio * ratio
    near = np.abs(ratio) < _NEAR
    series = 1.0 / 3.0 + square * (0.2 + square / 7.0)
    away = np.where(near, 0.5, ratio)
    excess = np.where(near, series, (0.5 * np.log(high / low) / away - 1.0) / away**2)  # (artanh q / q - 1)/q²
    mean = 2.0 * (1.0 + square * excess) / total
    slope = gap / grid.step
    bend = np.empty(c.shape)
    bend[:, 1:-1] = 2.0 * np.diff(slope, axis=1) / (grid.step[:-1] + grid.step[1:])
    bend[:, 0], bend[:, -1] = bend[:, 1], 0.0
    curved = 0.5 * (bend[:, :-1] + bend[:, 1:]) * grid.step**3 * excess / total**2
    value = (grid.step * mean + curved).sum(axis=1)
    # d(mean)/d(low), d(mean)/d(high): of the mean of 1/c over a straight line
    safe = np.where(near, 1.0, gap)
    by_low = np.where(near, -2.0 * (1.0 + 2.0 * ratio / 3.0) / total**2, (mean - 1.0 / low) / safe)
    by_high = np.where(near, -2.0 * (1.0 - 2.0 * ratio / 3.0) / total**2, (1.0 / high - mean) / safe)
    moved = (grid.step * (by_low * move[:, :-1] + by_high * move[:, 1:])).sum(axis=1)
    return value, moved


def profile_of(near: np.ndarray, spread: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """c' (P, n) from either face to the middle: ``near`` with the faces that ln[c'(1)/c'(0)] = ``spread`` gives."""
    wall, other = 2.0 / (1.0 + np.exp(spread)), 2.0 / (1.0 + np.exp(-spread))
    least = 0.5 * np.minimum(wall, other)[:, None]  # on the way to the solution a profile may leave what is possible
    near = np.clip(near, least, 2.0 - least)
    far = np.maximum(2.0 - near, least)
    near[:, 0], far[:, 0] = wall, other
    return near, far


def voltage_of(
    near: np.ndarray,
    far: np.ndarray,
    flux: np.ndarray,
    spread: np.ndarray,
    numbers: Numbers,
    grid: Grid,
    moves: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """V F/RT (P,) of profiles from either face, and its change where ``moves``, of c' (P, n) and of g (P,), go with a
    change of ln[c'(1)/c'(0)]."""
    move, flux_move = (np.zeros(near.shape), np.zeros(flux.shape)) if moves is None else moves
    inverse, inverse_move = np.ones(flux.shape), np.zeros(flux.shape)
    if numbers.proportional.any():
        one, one_move = _inverse_mean(near, grid, move)
        two, two_move = _inverse_mean(far, grid, -move)
        inverse = np.where(numbers.proportional, one + two, 1.0)
        inverse_move = np.where(numbers.proportional, one_move + two_move, 0.0)
    resistance = numbers.electrolyte * inverse + numbers.series
    value = flux * resistance + numbers.polarization * spread
    change = flux_move * resistance + flux * numbers.electrolyte * inverse_move + numbers.polarization
    if np.isfinite(numbers.exchange).any():
        for face, face_move in ((near[:, 0], move[:, 0]), (far[:, 0], -move[:, 0])):
            limit = 2.0 * numbers.exchange * np.sqrt(face)
            share_move = (flux_move - 0.5 * flux * face_move / face) / limit
            value = value + 2.0 * np.arcsinh(flux / limit)
            change = change + 2.0 * share_move / np.sqrt(1.0 + (flux / limit) ** 2)
    return value, change
