"""A few numbers of every file's record, by which files that hold one run find each other across a whole folder.

Groups of files are read independently; what they hold is compared by extents first: of potential, current, frequency
and modulus, of moments where clocks are known, of durations where they are not. Pairs that pass are candidates; whether
they are one run is decided from their points (:mod:`rampion.readers.copies`). *Fails when* a file without clock holds a
piece of another file's run under another name: it is not looked for.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rampion.equality import equal_by_value
from rampion.measurement import CurrentOrigin, Experiment, Spectrum, Trace
from rampion.readers.twins import RULE, Clocks, compare_clocks, exchange_day_and_month

# Extents and means of two exports of a run differ by the points that one leaves out, or by what it rounds: shares of
# the extent for files of different and of equal numbers of points, and of one format too.
_EXTENT, _SAME_POINTS, _SAME_FORMAT = 0.02, 0.002, 0.0005
_MEAN = 0.1
# Largest values that are further apart, as a share of the larger, are not compared any more.
_FAR = 0.05
# Durations, for the same reason.
_DURATION = 0.05


@equal_by_value
@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """What is kept of one file's record: ``begin`` [s since 1970], ``duration`` [s], extents (least, largest, mean).

    NaN where a file does not know it. ``potential`` [V] and ``current`` [A] are those of its traces, ``frequency`` [Hz]
    and ``modulus`` [Ω] those of its spectra.
    """

    file: str
    format: str
    points: int
    begin: float = math.nan
    duration: float = math.nan
    potential: tuple[float, float, float] = (math.nan, math.nan, math.nan)
    current: tuple[float, float, float] = (math.nan, math.nan, math.nan)
    frequency: tuple[float, float, float] = (math.nan, math.nan, math.nan)
    modulus: tuple[float, float, float] = (math.nan, math.nan, math.nan)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Two files, by their place among the fingerprints, that may hold one run; ``sure`` where clocks agree too."""

    one: int
    other: int
    sure: bool


def fingerprints(experiments: Iterable[Experiment]) -> tuple[Fingerprint, ...]:
    """One fingerprint per file that the experiments' parts come from."""
    parts: dict[str, list[Trace | Spectrum]] = {}
    for experiment in experiments:
        for part in experiment.parts:
            if part.source is not None:
                parts.setdefault(part.source.path, []).append(part)
    return tuple(_fingerprint(file, held) for file, held in parts.items())


def _fingerprint(file: str, parts: Sequence[Trace | Spectrum]) -> Fingerprint:
    traces = [part for part in parts if isinstance(part, Trace)]
    spectra = [part for part in parts if isinstance(part, Spectrum)]
    starts = [part.start for part in parts if math.isfinite(part.start)]
    first, last, _ = _extent([part.time for part in parts if part.time is not None])
    measured = [trace.current for trace in traces if trace.current_origin is CurrentOrigin.MEASURED]
    return Fingerprint(
        file=file,
        format=parts[0].source.format if parts[0].source is not None else "",
        points=sum(len(part) for part in parts),
        begin=min(starts, default=math.nan) + (0.0 if math.isnan(first) else first),
        duration=last - first,
        potential=_extent([trace.potential for trace in traces]),
        current=_extent(measured),
        frequency=_extent([spectrum.frequency for spectrum in spectra]),
        modulus=_extent([np.abs(spectrum.impedance) for spectrum in spectra]),
    )


def _extent(columns: Sequence[np.ndarray]) -> tuple[float, float, float]:
    known = [column[np.isfinite(column)] for column in columns]
    values = np.concatenate(known) if known else np.zeros(0)
    if not values.size:
        return (math.nan, math.nan, math.nan)
    return (float(values.min()), float(values.max()), float(values.mean()))


def candidates(marks: Sequence[Fingerprint], groups: Sequence[int]) -> Iterator[Candidate]:
    """Pairs of files of different groups that may hold one run.

    Parameters
    ----------
    groups : the number of each file's group.
    """
    group, points = np.array(groups), np.array([mark.points for mark in marks])
    formats = np.array([mark.format for mark in marks])
    begin, duration = (np.array([getattr(mark, name) for mark in marks]) for name in ("begin", "duration"))
    extents = [np.array([getattr(mark, name) for mark in marks]).reshape(-1, 3) for name in _EXTENTS]
    kinds = np.unique(formats, return_inverse=True)[1]
    exchanged = np.array([exchange_day_and_month(float(moment)) for moment in begin])
    current, modulus = extents[1][:, 1], extents[3][:, 1]
    for one in range(len(marks)):
        rest = slice(one + 1, None)
        # a few cheap comparisons leave few of thousands of files
        near = (group[rest] != group[one]) & (
            (_close(current[one], current[rest]) & _close(modulus[one], modulus[rest])) | (kinds[rest] != kinds[one])
        )
        away = np.abs(begin[rest] - begin[one]) > np.fmax(RULE.furthest_zone, np.fmax(duration[rest], duration[one]))
        others = one + 1 + np.flatnonzero(near & ~(away & ~(np.abs(begin[rest] - exchanged[one]) <= RULE.start)))
        printed = np.where(kinds[others] == kinds[one], _SAME_FORMAT, _SAME_POINTS)
        share = np.where(points[others] == points[one], printed, _EXTENT)
        compared = [_compared(extent[one], extent[others], share) for extent in extents]
        longer = np.fmax(np.nan_to_num(duration[others]), np.nan_to_num(duration[one]))
        lasts = ~(np.abs(duration[others] - duration[one]) > _DURATION * longer)
        # a piece is looked for where the clocks place it inside the other, in another format: many cells run at once
        during = np.abs(begin[others] - begin[one]) <= longer + RULE.start
        piece = _alike([pair.nested for pair in compared], compared) & during & (formats[others] != formats[one])
        whole = _alike([pair.equal for pair in compared], compared) & lasts
        for place in np.flatnonzero(whole | piece):
            clocks = compare_clocks(float(begin[one]), float(begin[others[place]]))
            if piece[place] or clocks is not Clocks.DIFFERENT:
                every = all(bool(pair.equal[place]) for pair in compared)
                sure = bool(whole[place]) and every and clocks is Clocks.SAME
                yield Candidate(one, int(others[place]), sure=sure)


def _close(one: float, others: np.ndarray) -> np.ndarray:
    """Whether two largest values may be those of one run; true where one is not known."""
    return ~(np.abs(others - one) > _FAR * np.fmax(np.abs(others), abs(one)))


_EXTENTS = ("potential", "current", "frequency", "modulus")


@dataclass(frozen=True, slots=True, eq=False)
class _Compared:
    """Of an extent with those of others: whether both are known, and where they are whether equal or one in another."""

    known: np.ndarray
    equal: np.ndarray
    nested: np.ndarray


def _compared(one: np.ndarray, others: np.ndarray, share: np.ndarray) -> _Compared:
    known = np.isfinite(others[:, 0]) & np.isfinite(one[0])
    span = np.maximum(others[:, 1] - others[:, 0], one[1] - one[0])
    room = share * span + RULE.finest * np.maximum(np.abs(others).max(axis=1, initial=0.0), np.abs(one).max())
    # where every second frequency is left out the mean moves further than the extent
    rooms = np.stack([room, room, np.where(share < _EXTENT, room, _MEAN * span)], axis=1)
    equal = (np.abs(others - one) <= rooms).all(axis=1)
    inside = (others[:, 0] >= one[0] - room) & (others[:, 1] <= one[1] + room)
    around = (others[:, 0] <= one[0] + room) & (others[:, 1] >= one[1] - room)
    return _Compared(known, equal | ~known, inside | around | ~known)


def _alike(agree: Sequence[np.ndarray], compared: Sequence[_Compared]) -> np.ndarray:
    """Current (else potential) agrees where traces are known in both, frequency and modulus where spectra are."""
    potential, current, frequency, modulus = compared
    traces = np.where(
        current.known, agree[1], agree[0] & potential.known
    )  # one file may hold one electrode's potential
    known = potential.known | current.known
    return np.where(known, traces, True) & agree[2] & agree[3] & (known | (frequency.known & modulus.known))
