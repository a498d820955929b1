"""The start of a sweep from rest, in blocks of points, as the conductance at rest is fitted to it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rampion.voltammetry.polarising_cell import Kernel, kernel_of

LEAST_BLOCKS = 10
_FARTHEST = 40.0  # V_T: an ohmic line as long as this has no polarisation left to hide
_GROWTH = 0.07  # of a block of points over its distance from the start
_MODEL_ERROR = 1e-3  # of the current, of polarising_current beyond 4 V_T


@dataclass(frozen=True, slots=True, eq=False)
class StartPoints:
    """The start of a sweep: times from rest (n,) [s], potentials over V_T, the places of the blocks of points among
    them (b,) and, of the blocks, the current (b,) and one over its standard deviation; the rest are points in between
    where the current changes fast. ``ramp``: time [s] in which the potential moves by V_T."""

    time: np.ndarray
    potential: np.ndarray
    blocks: np.ndarray
    current: np.ndarray
    weight: np.ndarray
    ramp: float

    def part(self, skipped: int, blocks: int) -> StartPoints:
        """Up to the last of so many blocks, the first few of them not fitted."""
        end = int(self.blocks[blocks - 1]) + 1
        kept = slice(skipped, blocks)
        return StartPoints(
            self.time[:end], self.potential[:end], self.blocks[kept], self.current[kept], self.weight[kept], self.ramp
        )

    def kernel(self, scan: np.ndarray, *, moving: bool = False) -> Kernel:
        """Of cells with these ln W; ``moving``: and how it changes with ln W."""
        return kernel_of(self.time, 0.25 * self.ramp * np.exp(scan), moving=moving)


def start_points(
    time: np.ndarray,
    potential: np.ndarray,
    current: np.ndarray,
    std: np.ndarray,
    thermal_voltage: float,
    pauses: Sequence[tuple[float, float, float]],
    gain_error: float,
) -> StartPoints | None:
    """Blocks of points that grow with the distance from the start, none across a pause, and points in the pauses and
    before the second block."""
    n = int(np.searchsorted(potential, _FARTHEST * thermal_voltage, side="right"))
    n = min(n, int(np.argmax(current)) + 1)
    if n < LEAST_BLOCKS:
        return None
    starts = [0]
    while starts[-1] < n:
        starts.append(starts[-1] + int(max(1.0, _GROWTH * starts[-1])))
    starts += [int(np.searchsorted(time[:n], start, side="right")) for start, _, _ in pauses]
    first = np.unique(np.array([s for s in starts if s < n]))
    counts = np.diff(np.append(first, n))

    def mean(values: np.ndarray) -> np.ndarray:
        return np.add.reduceat(values[:n], first) / counts

    t, v, y = mean(time - time[0]), mean(potential) / thermal_voltage, mean(current)
    if t.size < LEAST_BLOCKS:
        return None
    bent = (v / 4.0) ** 2
    systematic = np.hypot(gain_error, _MODEL_ERROR * bent / (1.0 + bent)) * y
    error = np.hypot(np.sqrt(mean(std**2) / counts), systematic)
    early = t[0] + (t[1] - t[0]) * np.array([0.04, 0.15, 0.4, 0.7])
    times, levels = [t, early], [v, np.interp(early, t, v)]
    for start, duration, level in pauses:
        held = start - time[0] + duration * np.array([0.004, 0.03, 0.12, 0.35, 0.7, 0.98])
        held = held[(held > t[0]) & (held < t[-1])]
        times.append(held)
        levels.append(np.full(held.size, level / thermal_voltage))
    everything, first = np.unique(np.concatenate(times), return_index=True)  # a block before a point at the same time
    return StartPoints(
        time=everything,
        potential=np.concatenate(levels)[first],
        blocks=np.searchsorted(everything, t),
        current=y,
        weight=1.0 / error,
        ramp=float(np.median(np.diff(t) / np.maximum(np.diff(v), 1e-12 / thermal_voltage))),
    )


def smooth_blocks(points: StartPoints) -> int:
    """Number of blocks up to which a polynomial in √V leaves only noise: no cell bends more sharply before."""
    v, z = points.potential[points.blocks], points.current * points.weight
    root = np.sqrt(np.maximum(v - v[0], 0.0))
    for blocks in range(v.size, LEAST_BLOCKS, -1):
        u = 2.0 * root[:blocks] / root[blocks - 1] - 1.0
        q = np.linalg.qr(np.polynomial.legendre.legvander(u, 7) * points.weight[:blocks, None])[0]
        degrees = max(blocks - 8, 1)
        if np.sum((z[:blocks] - q @ (q.T @ z[:blocks])) ** 2) - degrees < 5.0 * math.sqrt(2.0 * degrees):
            return blocks
    return LEAST_BLOCKS
