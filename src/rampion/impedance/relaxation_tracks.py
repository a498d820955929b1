"""The peaks of a series of distributions followed from spectrum to spectrum, appearing and vanishing as they do.

Between neighbours the peaks are paired so that Σ (Δln τ / s_τ)² + (Δln |R| / s_R)² is smallest (assignment problem);
a pair farther than ``reach`` apart is no pair, nor is an arc with an inductive loop (R < 0). A track that misses up to
``gap`` spectra is picked up again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from rampion.impedance.relaxation_times import RelaxationPeak, RelaxationTimes

SPREAD_TAU = 0.3 * math.log(10)  # a third of a decade per step is as likely as
SPREAD_RESISTANCE = 0.3 * math.log(10)  # a factor two in resistance


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PeakTrack:
    """One process along a series.

    Attributes
    ----------
    index : (k,) which spectra hold it.
    time_constant, time_constant_std : (k,) [s].
    resistance, resistance_std : (k,) [Ω].
    """

    index: Int[np.ndarray, " k"]
    time_constant: Float[np.ndarray, " k"]
    time_constant_std: Float[np.ndarray, " k"]
    resistance: Float[np.ndarray, " k"]
    resistance_std: Float[np.ndarray, " k"]


def _positions(peaks: Sequence[RelaxationPeak]) -> np.ndarray:
    """(k, 3) ln τ, ln |R| and the sign of R."""
    rows = ((p.time_constant.value, abs(p.resistance.value), math.copysign(1.0, p.resistance.value)) for p in peaks)
    return np.array([(math.log(tau), math.log(size), sign) for tau, size, sign in rows])


def track_peaks(series: Sequence[RelaxationTimes], *, reach: float = 3.0, gap: int = 2) -> tuple[PeakTrack, ...]:
    """The tracks of all peaks of a series, longest first, then by rising time constant.

    Assumes that a process changes by less than about a decade in τ and R from one spectrum to the next.
    Fails when two peaks cross between neighbouring spectra: they are paired by nearness, not by name.

    Parameters
    ----------
    series : in the order of the experiment.
    reach : farthest distance of a pair, in units of the spreads (a third of a decade each).
    gap : spectra that a track may miss.
    """
    from scipy.optimize import linear_sum_assignment

    tracks: list[list[tuple[int, int]]] = []
    for spectrum, times in enumerate(series):
        new = _positions(times.peaks)
        alive = [track for track in tracks if spectrum - track[-1][0] <= gap + 1]
        taken: set[int] = set()
        if alive and new.size:
            last = [series[track[-1][0]].peaks[track[-1][1]] for track in alive]
            old = _positions(last)
            difference = (old[:, None, :] - new[None, :, :]) / (SPREAD_TAU, SPREAD_RESISTANCE, 1 / reach)
            cost = np.minimum(np.sum(difference**2, axis=2), reach**2)
            for row, column in zip(*linear_sum_assignment(cost), strict=True):
                if cost[row, column] < reach**2:
                    alive[row].append((spectrum, int(column)))
                    taken.add(int(column))
        tracks += [[(spectrum, peak)] for peak in range(len(times.peaks)) if peak not in taken]

    def build(track: list[tuple[int, int]]) -> PeakTrack:
        peaks = [series[spectrum].peaks[peak] for spectrum, peak in track]
        return PeakTrack(
            index=np.array([spectrum for spectrum, _ in track]),
            time_constant=np.array([p.time_constant.value for p in peaks]),
            time_constant_std=np.array([p.time_constant.std for p in peaks]),
            resistance=np.array([p.resistance.value for p in peaks]),
            resistance_std=np.array([p.resistance.std for p in peaks]),
        )

    return tuple(sorted(map(build, tracks), key=lambda track: (-track.index.size, float(track.time_constant[0]))))
