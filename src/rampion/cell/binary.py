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
_NEAR = 0.12  # relative change of c' over an interval below which artanh comes from its series, to 1e-11


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
    """Half the cell: places ξ (n,), intervals Δ, ½Δ³, two over the sum of neighbours, cosines 2cos(kπξ) (K, n) of the
    modes, their rates k²π² (K,), and what the modes beyond the last add to u per g and per dg/dθ (n,)."""

    place: np.ndarray
    step: np.ndarray
    cube: np.ndarray
    spacing: np.ndarray
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
    step = np.diff(place)
    return Grid(
        place, step, 0.5 * step**3, 2.0 / (step[:-1] + step[1:]), cosines, rates, per_flux, per_change
    )  # fmt: skip


def _inverse_mean(c: np.ndarray, grid: Grid, move: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """∫₀^½ dξ/c' of nodal values (P, n), and its change when these move by ``move`` (first order, linear part)."""
    low, high = c[:, :-1], c[:, 1:]
    per_total, gap = 1.0 / (low + high), high - low
    ratio = gap * per_total
    square = ratio * ratio
    excess = 1.0 / 3.0 + square * (0.2 + square * (1.0 / 7.0 + square * (1.0 / 9.0 + square / 11.0)))
    away = square > _NEAR**2
    if away.any():  # (artanh q / q - 1)/q², artanh q = ½ ln of the two values' ratio
        excess[away] = (0.5 * np.log(high[away] / low[away]) / ratio[away] - 1.0) / square[away]
    whole = 1.0 + square * excess
    bend = np.empty(c.shape)
    slope = gap / grid.step
    bend[:, 1:-1] = (slope[:, 1:] - slope[:, :-1]) * grid.spacing
    bend[:, 0], bend[:, -1] = bend[:, 1], 0.0
    curved = (bend[:, :-1] + bend[:, 1:]) * excess * per_total
    value = ((2.0 * whole * grid.step + curved * grid.cube) * per_total).sum(axis=1)
    if move is None:
        return value, np.zeros(value.shape)
    # of 2 A/(low + high), A = artanh q / q, whose change with q is q/(1 - q²) - q (A - 1)/q²
    steeper = ratio / (4.0 * low * high * per_total**2) - ratio * excess
    low_move, high_move = move[:, :-1], move[:, 1:]
    moved = (whole + ratio * steeper) * (low_move + high_move) - steeper * (high_move - low_move)
    return value, -2.0 * (moved * grid.step * per_total * per_total).sum(axis=1)


def profile_of(near: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """c' (2P, n) from either face to the middle: ``near`` with the faces that ln[c'(1)/c'(0)] = ``spread`` gives, then
    the other half."""
    wall = 2.0 / (1.0 + np.exp(spread))
    other = 2.0 - wall if np.abs(spread).max() < 1.0 else 2.0 / (1.0 + np.exp(-spread))
    count = wall.size
    both = np.empty((2 * count, near.shape[1]))
    least = 0.5 * np.minimum(wall, other)[:, None]  # on the way to the solution a profile may leave what is possible
    near = np.minimum(np.maximum(near, least), 2.0 - least)
    both[:count], both[count:] = near, np.maximum(2.0 - near, least)
    both[:count, 0], both[count:, 0] = wall, other
    return both


def voltage_of(
    profile: np.ndarray,
    flux: np.ndarray,
    spread: np.ndarray,
    numbers: Numbers,
    grid: Grid,
    moves: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """V F/RT (P,) of profiles from either face, and its change where ``moves``, of c' (P, n) and of g (P,), go with a
    change of ln[c'(1)/c'(0)]."""
    count = flux.size
    move, flux_move = (None, 0.0) if moves is None else moves
    resistance, resistance_move = numbers.electrolyte + numbers.series, 0.0
    if numbers.proportional.any():
        value, change = _inverse_mean(profile, grid, None if move is None else np.concatenate([move, -move]))
        mean, mean_move = value[:count] + value[count:], change[:count] + change[count:]
        if not numbers.proportional.all():
            mean, mean_move = np.where(numbers.proportional, mean, 1.0), np.where(numbers.proportional, mean_move, 0.0)
        resistance, resistance_move = numbers.electrolyte * mean + numbers.series, numbers.electrolyte * mean_move
    value = flux * resistance + numbers.polarization * spread
    change = flux_move * resistance + flux * resistance_move + numbers.polarization
    if np.isfinite(numbers.exchange).any():
        wall_move = 0.0 if move is None else move[:, 0]
        for face, face_move in ((profile[:count, 0], wall_move), (profile[count:, 0], -wall_move)):
            limit = 2.0 * numbers.exchange * np.sqrt(face)
            share_move = (flux_move - 0.5 * flux * face_move / face) / limit
            value = value + 2.0 * np.arcsinh(flux / limit)
            change = change + 2.0 * share_move / np.sqrt(1.0 + (flux / limit) ** 2)
    return value, change
