"""Which voltammogram a binary cell gives: the plane of scan number W and transference number t₊, computed.

    W = vL²F/(D RT),   j_p = J_p/J_lim,   a = ∂ln J_p/∂ln v = ∂ln j_p/∂ln W

By similarity a bare dilute cell (Nernst–Einstein, no interfaces) is one point of this plane, whatever its thickness,
conductivity and concentration. Each point is a simulated sweep. From small to large W:

* limit: no peak, the current rises to J_lim and stays (the peak stands less than 0.1 % above it);
* quasi-limiting: a peak less than 10 % above J_lim;
* diffusion: a peak with an exponent a that rises to its largest value (0.38 … 0.49) and falls again;
* ohmic: 90 % and more of the peak's potential is the ohmic drop of the uniform ceramic, and a falls towards ⅓.

Assumes: the dilute binary electrolyte of the cell's model, without charge transfer, interface terms and resistances in
series; a cell that has them lies on the map only for orientation.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rampion.cell.batch import sweep_batch
from rampion.cell.parameters import Cell, chemical_diffusivity, thermal_voltage
from rampion.measurement import Sweep

PEAK, QUASI_LIMITING, OHMIC = 1.001, 1.1, 0.9
"""j_p of the least peak, j_p of the largest quasi-limiting one, share of the ohmic drop where it rules."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RegimeMap:
    """The plane of W (n,) and t₊ (m,), and what a sweep gives there, (n, m) each.

    peak_ratio j_p (NaN without a peak), peak_potential V_pF/RT, exponent a, ohmic_share J_pL/(σ₀V_p). The boundaries
    (m,) are the W where the peak begins, where it leaves J_lim by 10 %, where a is largest, and where the ohmic drop
    takes 90 % of V_p; NaN where they lie outside.
    """

    scan_number: Float[np.ndarray, " n"]
    transference: Float[np.ndarray, " m"]
    peak_ratio: Float[np.ndarray, "n m"]
    peak_potential: Float[np.ndarray, "n m"]
    exponent: Float[np.ndarray, "n m"]
    ohmic_share: Float[np.ndarray, "n m"]
    first_peak: Float[np.ndarray, " m"]
    quasi_limiting: Float[np.ndarray, " m"]
    steepest: Float[np.ndarray, " m"]
    ohmic: Float[np.ndarray, " m"]


def scan_number(cell: Cell, rate: float) -> float:
    """W = vL²F/(D RT) of a cell swept at ``rate`` [V/s]."""
    return rate * cell.thickness**2 / (chemical_diffusivity(cell) * thermal_voltage(cell))


@functools.lru_cache(maxsize=4)
def map_regimes(points_per_decade: int = 6, transferences: int = 9) -> RegimeMap:
    """The map for W = 10 … 1e6 and t₊ = 0.06 … 0.96, by some 350 sweeps, closer together where the peak begins."""
    numbers = np.geomspace(10.0, 1e6, 5 * points_per_decade + 1)
    numbers = np.unique(np.concatenate([numbers, np.geomspace(15.0, 25.0, 9)]))
    shares = np.linspace(0.06, 0.96, transferences)
    cells, sweeps, grids = [], [], []
    ends = 20.0 + 0.25 * np.sqrt(numbers)
    spread = np.linspace(0.0, 1.0, 401)[1:] ** 2
    for t in shares:
        cell = Cell(thickness=1e-3, conductivity=0.05, concentration=1000.0, transference=float(t))
        thermal = thermal_voltage(cell)
        for w, end in zip(numbers, ends, strict=True):
            rate = w * chemical_diffusivity(cell) * thermal / cell.thickness**2
            cells.append(cell)
            sweeps.append(Sweep(rate=rate, start=0.0, stop=end * thermal))
            grids.append(spread * end * thermal)
    currents, arrived = sweep_batch(cells, sweeps, np.array(grids))
    shape = (shares.size, numbers.size)
    heights, places = np.full(shape, np.nan), np.full(shape, np.nan)
    for k in np.flatnonzero(arrived):
        t, w = divmod(int(k), numbers.size)
        found = _peak(spread * ends[w], currents[k])
        if found is not None:
            cell = cells[k]
            limit = 4.0 * cell.transference * thermal_voltage(cell) * cell.conductivity / cell.thickness
            places[t, w], heights[t, w] = found[0], found[1] / limit
    begun = np.where(np.isnan(heights), 1.0, heights).T
    none = ~(heights > PEAK)
    heights[none] = places[none] = np.nan
    heights, places = heights.T, places.T
    logs = np.log(numbers)
    exponent = np.gradient(np.log(heights), logs, axis=0)
    share = 4.0 * shares * heights / places
    return RegimeMap(
        scan_number=numbers, transference=shares, peak_ratio=heights, peak_potential=places, exponent=exponent,
        ohmic_share=share,
        first_peak=_first(logs, begun, PEAK), quasi_limiting=_first(logs, heights, QUASI_LIMITING),
        steepest=_steepest(logs, exponent), ohmic=_first(logs, share, OHMIC),
    )  # fmt: skip


def _peak(potential: np.ndarray, current: np.ndarray) -> tuple[float, float] | None:
    """Place and height of the largest current, by a parabola through its neighbours; ``None`` at an end."""
    i = int(np.argmax(current))
    if i == 0 or i == current.size - 1:
        return None
    near = slice(i - 1, i + 2)
    middle = potential[i]
    two, one, zero = np.polyfit(potential[near] - middle, current[near], 2)
    shift = -one / (2.0 * two) if two < 0 else 0.0
    return float(middle + shift), float(zero + 0.5 * one * shift)


def _first(logs: np.ndarray, values: np.ndarray, level: float) -> np.ndarray:
    """W at which each column first rises through the level, linear in ln W; NaN where it does not."""
    crossing = np.full(values.shape[1], np.nan)
    for k, column in enumerate(values.T):
        known = np.flatnonzero(np.isfinite(column))
        above = known[column[known] >= level]
        if above.size and above[0] > known[0]:
            before = int(known[known < above[0]][-1])
            share = (level - column[before]) / (column[above[0]] - column[before])
            crossing[k] = np.exp(logs[before] + share * (logs[above[0]] - logs[before]))
    return crossing


def _steepest(logs: np.ndarray, exponent: np.ndarray) -> np.ndarray:
    """W of the largest exponent in each column, by a parabola through its neighbours."""
    places = np.full(exponent.shape[1], np.nan)
    for k, column in enumerate(exponent.T):
        known = np.isfinite(column)
        found = _peak(logs[known], column[known]) if known.sum() > 3 else None
        if found is not None:
            places[k] = np.exp(found[0])
    return places
