"""EC-Lab's rows of impedance: which belong to one pass through the frequencies, and whose impedance they hold."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from rampion.estimate import Flag
from rampion.measurement import FrequencyScan
from rampion.readers.eclab_names import first_column
from rampion.readers.flags import ReaderFlag
from rampion.readers.scans import find_restarts, unfinished_scan


@dataclass(frozen=True, slots=True)
class ImpedanceRule:
    """Where rows of impedance belong to one scan, and to the scan that the settings state.

    Attributes
    ----------
    rounded : factor by which frequencies may pass the stated ends; instruments round them to what they can make.
    onward : a scan goes on over lost rows when its frequency moves at most this many steps for each of them.
    whole_cell : share by which the whole cell's impedance must differ from the working electrode's to be another.
    """

    rounded: float = 1.25
    onward: float = 1.5
    whole_cell: float = 0.1


_RULE = ImpedanceRule()


def find_impedance(named: Mapping[str, np.ndarray]) -> tuple[np.ndarray | None, str]:
    """The working electrode's impedance, else the whole cell's, and what EC-Lab calls it."""
    for label in ("Z", "Zwe-ce"):
        real = first_column(named, (f"Re({label})",), "Ohm")
        for name, sign in ((f"-Im({label})", -1.0), (f"Im({label})", 1.0)):
            imaginary = first_column(named, (name,), "Ohm")
            if real is not None and imaginary is not None:
                return real + 1j * sign * imaginary, label
        modulus, phase = first_column(named, (f"|{label}|",), "Ohm"), named.get(f"Phase({label})/deg")
        if modulus is not None and phase is not None:
            return modulus * np.exp(1j * np.deg2rad(phase)), label
    return None, "Z"


def compare_whole_cell(named: Mapping[str, np.ndarray], impedance: np.ndarray | None) -> list[Flag]:
    """A flag where the file holds the whole cell's impedance too and it is another than the working electrode's."""
    real, imaginary = (first_column(named, (name,), "Ohm") for name in ("Re(Zwe-ce)", "-Im(Zwe-ce)"))
    if impedance is None or real is None or imaginary is None:
        return []
    good = np.isfinite(impedance) & (impedance != 0) & np.isfinite(real) & np.isfinite(imaginary)
    if not good.any():
        return []
    ratio = float(np.median(np.hypot(real[good], imaginary[good]) / np.abs(impedance[good])))
    return [ReaderFlag.HALF_CELL_IMPEDANCE.flag(ratio=ratio)] if abs(ratio - 1.0) > _RULE.whole_cell else []


def split_rows(
    frequency: np.ndarray | None,
    impedance: np.ndarray | None,
    begins: np.ndarray,
    counters: Sequence[np.ndarray],
    dropped: Counter[str],
) -> list[tuple[np.ndarray, bool]]:
    """The rows of each trace and each pass through the frequencies, in order, and whether they are impedance."""
    rows = np.arange(begins.size)
    spectral = np.zeros(begins.size, dtype=bool)
    if frequency is not None and impedance is not None:
        spectral = frequency > 0
        lost = _lost_rows(frequency, impedance, begins, counters)
        if lost.any():
            dropped["frequency"] += int(lost.sum())
            rows = rows[~lost]
    kind = spectral[rows]
    cuts = kind[1:] != kind[:-1]
    if begins.any():
        repetition = np.cumsum(begins)[rows]
        cuts |= repetition[1:] != repetition[:-1]
    for counter in counters:
        cuts |= kind[1:] & (np.abs(np.diff(counter[rows].astype(float))) > 0)  # false where a counter is not known
    edges = [0, *(np.flatnonzero(cuts) + 1).tolist(), rows.size]
    for first, last in pairwise(edges):
        if frequency is None or last - first < 2 or not kind[first]:
            continue
        steps = np.diff(frequency[rows[first:last]])
        if not ((steps < 0).all() or (steps > 0).all()):
            cuts[first : last - 1] |= find_restarts(frequency[rows[first:last]])
    edges = [0, *(np.flatnonzero(cuts) + 1).tolist(), rows.size]
    return [(rows[a:b], bool(kind[a])) for a, b in pairwise(edges) if b > a]


def _lost_rows(
    frequency: np.ndarray, impedance: np.ndarray, begins: np.ndarray, counters: Sequence[np.ndarray]
) -> np.ndarray:
    """Rows of a scan whose frequency is missing or impossible: they hold an impedance, or a scan goes on over them.

    Where most frequencies can be read, a cell that cannot is damaged; EC-Lab writes 0 beside points without impedance.
    """
    good = frequency > 0
    lost = ~good & np.isfinite(impedance) & (impedance != 0)
    if 2 * int(good.sum()) > good.size:
        lost |= np.isnan(frequency)
    places = np.flatnonzero(good)
    for gap in np.flatnonzero(np.diff(places) > 1).tolist():
        first, last = int(places[gap]), int(places[gap + 1])
        if begins[first + 1 : last + 1].any() or any(counter[first] != counter[last] for counter in counters):
            continue
        neighbours = [(first - 1, first), (last, last + 1)]
        steps = [
            math.log(frequency[b] / frequency[a])
            for a, b in neighbours
            if a >= 0 and b < good.size and good[a] and good[b]
        ]
        across = math.log(frequency[last] / frequency[first])
        if any(0 < across * step <= _RULE.onward * (last - first) * step * step for step in steps):
            lost[first + 1 : last] = True
    return lost


def confirmed_scan(scan: FrequencyScan, frequency: np.ndarray) -> tuple[FrequencyScan | None, list[Flag]]:
    """The stated scan, flagged where it was not finished; none where the recorded frequencies pass its ends."""
    low, high = float(np.min(frequency)), float(np.max(frequency))
    if high <= _RULE.rounded * scan.high and low * _RULE.rounded >= scan.low:
        ends = (scan.high, scan.low) if frequency[0] >= frequency[-1] else (scan.low, scan.high)
        return scan, list(unfinished_scan(frequency, *ends))
    stated, found = f"{scan.low:.3g} to {scan.high:.3g} Hz", f"{low:.3g} to {high:.3g} Hz"
    return None, [ReaderFlag.SETTINGS_CONTRADICTED.flag(stated=stated, found=found)]
