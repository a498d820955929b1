"""What was done to the cell: the voltage of a record as straight lines in time."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rampion.cell.binary_march import Line
from rampion.cell.replay import corners_of

GAP = 5.0  # usual steps in time: a longer one is a gap in the record
_FINEST = 4000  # points that lines are laid through
_NOISES = 6.0  # of the voltage's noise, that a line may miss a point by
_SHARE = 2e-3  # of the voltage's range, likewise


def programme_of(
    time: Float[np.ndarray, " n"], potential: Float[np.ndarray, " n"], potential_noise: float
) -> tuple[Line, ...]:
    """The voltage [V] as straight lines from the first point to the last (:func:`~rampion.cell.replay.corners_of`).

    Ramps, holds, pauses recorded or not, steps and resumed sweeps are then all the same. Lines stay within 0.2 % of the
    range or six times the noise. Between two points on either side of a gap in the record the voltage is taken as
    straight: held where it was, as potentiostats do between techniques.
    """
    kept = _some_points(time)
    t, v = time[kept], potential[kept]
    allowed = max(_NOISES * potential_noise, _SHARE * float(np.ptp(v)), 1e-6)
    corners = [0, *corners_of(t, v, allowed), t.size - 1]
    places = _merged(t, np.array(corners))
    at, level = t[places], _levels(t, v, places)
    lines = []
    for k in range(places.size - 1):
        duration = float(at[k + 1] - at[k])
        if duration > 0:
            lines.append(Line(duration, float(level[k]), float(level[k + 1] - level[k]) / duration))
    return tuple(lines)


def gaps_of(time: Float[np.ndarray, " n"]) -> np.ndarray:
    """Points after which no other was recorded for longer than five usual steps."""
    steps = np.diff(time)
    return np.flatnonzero(steps > GAP * float(np.median(steps))) if steps.size else np.zeros(0, dtype=int)


def _some_points(time: Float[np.ndarray, " n"]) -> np.ndarray:
    """Places of at most about ``_FINEST`` points, those on either side of a gap in time kept."""
    n = time.size
    if n <= _FINEST:
        return np.arange(n)
    even = np.linspace(0, n - 1, _FINEST).astype(int)
    gaps = gaps_of(time)[: _FINEST // 4]
    return np.unique(np.concatenate([even, gaps, gaps + 1]))


def _merged(t: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The corners, of those at one time the last alone."""
    later = np.append(np.diff(t[places]) > 0, True)
    return places[later]


def _levels(t: np.ndarray, v: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The voltage at the corners: least squares of the broken line through all points, so that noise averages out."""
    if places.size > 200 or t.size < 4 * places.size:
        return v[places]
    k = np.clip(np.searchsorted(t[places], t, side="right") - 1, 0, places.size - 2)
    span = t[places][k + 1] - t[places][k]
    share = np.clip((t - t[places][k]) / np.where(span > 0, span, 1.0), 0.0, 1.0)
    # tridiagonal normal equations, dense: at most 200 corners
    hat = np.zeros((places.size, places.size))
    right = np.zeros(places.size)
    np.add.at(hat, (k, k), (1 - share) ** 2)
    np.add.at(hat, (k + 1, k + 1), share**2)
    np.add.at(hat, (k, k + 1), share * (1 - share))
    np.add.at(hat, (k + 1, k), share * (1 - share))
    np.add.at(right, k, (1 - share) * v)
    np.add.at(right, k + 1, share * v)
    return np.linalg.solve(hat + 1e-12 * np.eye(places.size), right)
