"""One process followed through a series of spectra: which arc of each spectrum belongs to it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rampion.estimate import Estimate, Flag
from rampion.impedance.flags import ImpedanceFlag
from rampion.impedance.processes import Process

_DRIFT = (0.35, 0.35, 0.1)  # what ln R, ln C and α may do between neighbours without cost
_MARGIN = 6.0  # difference of squared misfit below which another matching is as good


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Track:
    """One process along the series, arrays (m,) in SI with standard uncertainties; NaN where it is absent or not told.

    ``present``: the spectrum shows the process. ``coordinate``: what the series runs along.
    """

    name: str
    coordinate: Float[np.ndarray, " m"]
    present: Bool[np.ndarray, " m"]
    resistance: Float[np.ndarray, " m"]
    resistance_std: Float[np.ndarray, " m"]
    capacitance: Float[np.ndarray, " m"]
    capacitance_std: Float[np.ndarray, " m"]
    exponent: Float[np.ndarray, " m"]
    exponent_std: Float[np.ndarray, " m"]
    frequency: Float[np.ndarray, " m"]
    frequency_std: Float[np.ndarray, " m"]


def _state(process: Process) -> tuple[np.ndarray, np.ndarray]:
    """ln R, ln C, α of an arc with their variances, drift between neighbours included."""
    values, widths = [], []
    for estimate, drift, logarithmic in zip(
        (process.resistance, process.capacitance, process.exponent), _DRIFT, (True, True, False), strict=True
    ):
        std = estimate.relative if logarithmic else estimate.std
        values.append(math.log(estimate.value) if logarithmic else estimate.value)
        lost = math.isnan(std) and any(flag.code == "unidentifiable" for flag in estimate.flags)
        widths.append(drift**2 + (4.0 if lost else 0.0 if math.isnan(std) else min(std, 2.0) ** 2))
    return np.array(values), np.array(widths)


def match_arcs(series: Sequence[Sequence[Process]]) -> tuple[list[list[int]], list[tuple[int, int]]]:
    """Which track each arc of each spectrum belongs to, and the neighbours between which that is not sure.

    The spectrum with the most arcs, told best, numbers the tracks by frequency. From there, forwards and backwards,
    the arcs of each spectrum take the tracks so that Σ[(Δ ln R)² + (Δ ln C)² + (Δα)²], each over its variance and an
    allowed drift, is smallest: the order of the time constants may change, so that arcs may cross.

    Fails when a process changes by much more than a factor of two between neighbours while another is near; the pair
    is then listed as not sure.

    Returns
    -------
    (tracks, unsure) : for each spectrum the track number of each arc; pairs of indices.
    """
    most = max(len(arcs) for arcs in series)
    if most == 0:
        return [[] for _ in series], []

    def doubt(index: int) -> tuple[int, float]:
        widths = [float(_state(arc)[1].sum()) for arc in series[index]]
        return (-len(widths), sum(widths))

    anchor = min(range(len(series)), key=doubt)
    matched: list[list[int]] = [[] for _ in series]
    matched[anchor] = list(range(most))
    unsure = []
    for path in (range(anchor + 1, len(series)), range(anchor - 1, -1, -1)):
        last = {track: _state(arc) for track, arc in zip(matched[anchor], series[anchor], strict=True)}
        before = anchor
        for index in path:
            states = [_state(arc) for arc in series[index]]
            ranked = sorted(
                (
                    sum(
                        float(np.sum((value - last[track][0]) ** 2 / (width + last[track][1])))
                        for (value, width), track in zip(states, tracks, strict=True)
                    ),
                    tracks,
                )
                for tracks in itertools.permutations(range(most), len(states))
            )
            matched[index] = list(ranked[0][1])
            if len(ranked) > 1 and ranked[1][0] - ranked[0][0] < _MARGIN:
                unsure.append((min(before, index), max(before, index)))
            last.update(zip(matched[index], states, strict=True))
            before = index
    return matched, sorted(unsure)


def make_tracks(
    series: Sequence[Sequence[Process]], coordinate: Float[np.ndarray, " m"], names: Sequence[str] = ()
) -> tuple[tuple[Track, ...], tuple[Flag, ...]]:
    """Tracks of the arcs (and of the series resistance, first) with flags for arcs that come, go or may be mixed up."""
    arcs = [[p for p in processes if p.kind == "arc" and p.capacitance.value > 0] for processes in series]
    matched, unsure = match_arcs(arcs)
    rows: list[tuple[str, list[Process | None]]] = []
    single = [next((p for p in processes if p.kind == "series"), None) for processes in series]
    if any(single):
        rows.append(("series", single))
    for number in range(max((max(m, default=-1) for m in matched), default=-1) + 1):
        row = [
            next((arc for arc, track in zip(a, m, strict=True) if track == number), None)
            for a, m in zip(arcs, matched, strict=True)
        ]
        rows.append((f"arc {number + 1}", row))
    for kind in ("diffusion", "blocking"):
        row = [next((p for p in processes if p.kind == kind), None) for processes in series]
        if any(row):
            rows.append((kind, row))
    if len(names) == len(rows):
        rows = [(name, row) for name, (_, row) in zip(names, rows, strict=True)]
    flags = [ImpedanceFlag.TRACK_BROKEN.flag(first=first, second=second) for first, second in unsure]
    for name, row in rows:
        there = np.array([process is not None for process in row])
        for index in np.flatnonzero(np.diff(there.astype(int))) + 1:
            kind = ImpedanceFlag.ARC_APPEARS if there[index] else ImpedanceFlag.ARC_VANISHES
            flags.append(kind.flag(process=name, index=int(index)))
    return tuple(_track(name, row, coordinate) for name, row in rows), tuple(flags)


def _track(name: str, row: Sequence[Process | None], coordinate: np.ndarray) -> Track:
    columns = {}
    for field in ("resistance", "capacitance", "exponent", "frequency"):
        estimates: list[Estimate] = [Estimate(math.nan) if p is None else getattr(p, field) for p in row]
        lost = [any(flag.code == "unidentifiable" for flag in e.flags) for e in estimates]
        columns[field] = np.array([math.nan if gone else e.value for gone, e in zip(lost, estimates, strict=True)])
        columns[f"{field}_std"] = np.array([e.std for e in estimates])
    present = np.array([process is not None for process in row])
    return Track(name=name, coordinate=coordinate, present=present, **columns)
