"""The binary cell under a given current: its voltage at chosen moments, without steps in time.

With constant D the concentration is linear in the flux, so along a straight line of the current g(s) = g₀ + g₁ s every
mode of the cell (:mod:`rampion.cell.binary`), of time T and source w, has a closed form,

    b(s) = [b(0) - α] e^{-s/T} + α + β s ,   β = -w g₁ ,   α = -w g₀ + w g₁ T ,

and the voltage follows from the modes. Each cell ends by itself, at the moment when its wall is empty.

Agrees with :mod:`rampion.cell.binary_march` to its tolerance. Assumes what the binary cell assumes, and rest before the
first line.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from rampion.cell.binary import Grid, Numbers, voltage_of
from rampion.cell.binary_march import Line

_TOGETHER = 200_000  # values at once: what a processor's cache holds


def potential_under(numbers: Numbers, lines: Sequence[Line], time: np.ndarray, grid: Grid) -> np.ndarray:
    """V(t) (P, n) [V] of P cells at moments (n,) [s], ascending, from the beginning of the lines of their current.

    NaN from the moment on at which a wall is empty: no concentration there carries the current. Moments beyond the last
    line are counted to it.
    """
    times = numbers.diffusion_time[:, None] * grid.times
    count, n = times.shape[0], time.size
    modes, alive = np.zeros(times.shape), np.ones(count, dtype=bool)
    out = np.full((count, n), math.nan)
    begun, first = 0.0, 0
    for place, line in enumerate(lines):
        end = begun + line.duration
        last = n if place == len(lines) - 1 else int(np.searchsorted(time, end, side="left"))
        flux, pace = line.value / numbers.current_scale[:, None], line.slope / numbers.current_scale[:, None]
        beta = -grid.source * pace
        alpha = -grid.source * flux - beta * times
        parts = max(1, (last - first) * count * grid.seen.shape[1] // _TOGETHER)
        for some in np.array_split(np.arange(first, last), parts):
            if some.size == 0:
                continue
            since = np.maximum(time[some] - begun, 0.0)
            decay = np.exp(-since[None, :, None] / times[:, None, :])
            now = (modes - alpha)[:, None, :] * decay + alpha[:, None, :] + beta[:, None, :] * since[:, None]
            seen = now @ grid.seen
            sound = np.logical_and.accumulate((np.abs(seen[:, :, 0]) < 1.0) & alive[:, None], axis=1)
            alive = sound[:, -1]
            out[:, some] = _voltage(numbers, grid, seen, flux + pace * since, sound)
        modes = (modes - alpha) * np.exp(-line.duration / times) + alpha + beta * line.duration
        alive = alive & (np.abs(modes @ grid.source) < 1.0)  # emptied between two moments
        begun, first = end, last
    return out


def _voltage(numbers: Numbers, grid: Grid, seen: np.ndarray, flux: np.ndarray, sound: np.ndarray) -> np.ndarray:
    """V (P, m) [V] of u (P, m, places) where that is possible, NaN elsewhere."""
    out = np.full(flux.shape, math.nan)
    cell, _ = np.nonzero(sound)
    if cell.size:
        own = Numbers(*(one[cell] for one in numbers))
        spread = -2.0 * np.arctanh(seen[sound][:, 0])
        out[sound] = voltage_of(seen[sound], flux[sound], spread, own, grid)[0] * own.thermal_voltage
    return out
