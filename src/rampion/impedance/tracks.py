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

_DRIFT = (0.5, 0.5, 0.14)  # what ln R, ln C and α may do from one spectrum to the next without cost
_STEADY = 0.25  # what ln C of an arc may do over the whole series when the sample's geometry fixes it
_GAP = 2  # the most steps of drift allowed to an arc that was not seen for longer
_NEW = 40.0  # squared misfit at which an arc is a new one rather than a known one that jumped
_UNTOLD = 9.0  # variance of a logarithm that the data do not tell
_LEFT = 8.0  # squared misfit that it costs to leave a path without an arc that two spectra or more have shown
_SURE = 0.95  # probability of a link below which it is told as not sure


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Track:
    """One process along the series, arrays (m,) in SI with standard uncertainties; NaN where it is absent or not told.

    ``present``: the spectrum shows the process. ``coordinate``: what the series runs along. ``confidence``: the
    probability that the arc of each spectrum is still the one that the track began with; NaN where there is none.
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
    confidence: Float[np.ndarray, " m"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Path:
    """The process of each spectrum (``None`` where it shows none) that belongs to one track.

    ``sureness`` (m,): probability that it is the process that the path began with; NaN where there is none.
    """

    name: str
    members: tuple[Process | None, ...]
    sureness: Float[np.ndarray, " m"]


@dataclass(slots=True)
class _Head:
    """Where a path stands: ln R, ln C, α and their variances, when and how often seen, how sure, its first ln C."""

    values: tuple[float, float, float]
    variances: tuple[float, float, float]
    seen: int
    times: int
    sureness: float
    steady: tuple[float, float] | None


def state_of(process: Process) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """ln R, ln C, α of an arc with their variances."""
    resistance, capacitance, exponent = process.resistance, process.capacitance, process.exponent
    values = math.log(resistance.value), math.log(capacitance.value), exponent.value
    widths = (resistance, resistance.relative), (capacitance, capacitance.relative), (exponent, exponent.std)
    one, two, three = (_variance(estimate, std) for estimate, std in widths)
    return values, (one, two, three)


def _variance(estimate: Estimate, std: float) -> float:
    if math.isnan(std):
        return _UNTOLD if any(flag.code == "unidentifiable" for flag in estimate.flags) else 0.0
    return min(std, 2.0) ** 2


def _misfit(
    values: tuple[float, float, float], variances: tuple[float, float, float], head: _Head, index: int
) -> float:
    """Squared distance of an arc from where a path stands, in units of noise and of the drift since it was seen."""
    steps = min(index - head.seen, _GAP)
    total = 0.0
    for place, drift in enumerate(_DRIFT):
        known, width = head.values[place], head.variances[place] + drift**2 * steps
        if place == 1 and head.steady is not None:
            known, width = head.steady[0], head.steady[1] + _STEADY**2
        total += (values[place] - known) ** 2 / (variances[place] + width)
    return total


def _matchings(
    options: Sequence[Sequence[tuple[float, int]]], established: set[int]
) -> list[tuple[float, tuple[int, ...]]]:
    """All ways to give each arc a path of its own (or -1, a new one), the cheapest first."""
    ways: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
    for choices in options:
        ways = [
            (cost + more, (*taken, path))
            for cost, taken in ways
            for more, path in choices
            if path < 0 or path not in taken
        ]
    return sorted((cost + _LEFT * len(established.difference(taken)), taken) for cost, taken in ways)


def follow_arcs(
    series: Sequence[Sequence[Process]], steady: Sequence[bool] = ()
) -> tuple[tuple[Path, ...], tuple[tuple[int, int], ...]]:
    """The paths of the arcs through the series, the fastest first, and the neighbours between which one is not sure.

    From the first spectrum on, the arcs of each spectrum take the paths so that Σ[(Δ ln R)² + (Δ ln C)² + (Δα)²], each
    over its variance and the drift allowed since the path was last seen, is smallest; an arc farther than 40 from
    every path opens a new one. Arcs may cross, vanish and come back. An arc whose capacitance the geometry fixes (bulk,
    grain boundary) keeps it within 25 % of where it began, however its resistance grows.

    The probability of a link is the share of exp(-misfit/2) of the matchings that hold it, that of a member the
    product of the links from the first on.

    Fails when a process changes by much more than a factor of three between neighbours while another is near; the
    pair is then listed as not sure.

    Parameters
    ----------
    series : the arcs of each spectrum. steady : for each arc of the first spectrum that shows any, whether its
        capacitance is fixed by geometry.
    """
    heads: list[_Head] = []
    members: list[dict[int, tuple[Process, float]]] = []
    unsure: set[tuple[int, int]] = set()
    for index, arcs in enumerate(series):
        states = [state_of(arc) for arc in arcs]
        first = not heads
        options = []
        for values, variances in states:
            known = [(_misfit(values, variances, head, index), path) for path, head in enumerate(heads)]
            options.append([(cost, path) for cost, path in known if cost < _NEW + 12] + [(_NEW, -1)])
        established = {path for path, head in enumerate(heads) if head.times > 1 and head.seen == index - 1}
        ways = _matchings(options, established)
        weights = [math.exp(0.5 * (ways[0][0] - cost)) for cost, _ in ways]
        total = sum(weights)
        for place, (arc, (values, variances)) in enumerate(zip(arcs, states, strict=True)):
            path = ways[0][1][place]
            share = sum(w for w, (_, way) in zip(weights, ways, strict=True) if way[place] == path) / total
            if path < 0:
                fixed = first and place < len(steady) and steady[place]
                begun = (values[1], variances[1]) if fixed else None
                heads.append(_Head(values, variances, index, 1, share, begun))
                members.append({index: (arc, share)})
                continue
            head = heads[path]
            if share < _SURE:
                unsure.add((head.seen, index))
            if max(variances) < _UNTOLD or max(head.variances) >= _UNTOLD:
                head.values, head.variances = values, variances  # what is not told does not move a path
            head.seen = index
            head.sureness *= share
            head.times += 1
            members[path][index] = (arc, head.sureness)
    paths = []
    for found in members:
        row = tuple(found[index][0] if index in found else None for index in range(len(series)))
        sureness = np.array([found[index][1] if index in found else math.nan for index in range(len(series))])
        paths.append(Path(name="", members=row, sureness=sureness))
    paths.sort(key=lambda path: -float(np.median([p.frequency.value for p in path.members if p is not None])))
    named = tuple(
        Path(name=f"arc {number}", members=path.members, sureness=path.sureness)
        for number, path in enumerate(paths, start=1)
    )
    return named, tuple(sorted(unsure))


def arcs_of(processes: Sequence[Process]) -> list[Process]:
    """The arcs that have a capacitance to follow them by."""
    return [process for process in processes if process.kind == "arc" and process.capacitance.value > 0]


def make_paths(
    series: Sequence[Sequence[Process]], steady: Sequence[bool] = ()
) -> tuple[tuple[Path, ...], tuple[Flag, ...]]:
    """The paths of the series resistance, the arcs and the tails, with flags where arcs may be mixed up."""
    paths: list[Path] = []

    def add(kind: str) -> None:
        row = tuple(next((p for p in processes if p.kind == kind), None) for processes in series)
        if any(row):
            sureness = np.array([1.0 if process else math.nan for process in row])
            paths.append(Path(name=kind, members=row, sureness=sureness))

    add("series")
    arcs, unsure = follow_arcs([arcs_of(processes) for processes in series], steady)
    paths.extend(arcs)
    for kind in ("diffusion", "blocking"):
        add(kind)
    broken = (ImpedanceFlag.TRACK_BROKEN.flag(first=first + 1, second=second + 1) for first, second in unsure)
    return tuple(paths), tuple(broken)


def coming_and_going(paths: Sequence[Path]) -> tuple[Flag, ...]:
    """Where along the series a process appears or vanishes."""
    flags = []
    for path in paths:
        there = [process is not None for process in path.members]
        for index, (before, now) in enumerate(itertools.pairwise(there), start=1):
            if before != now:
                kind = ImpedanceFlag.ARC_APPEARS if now else ImpedanceFlag.ARC_VANISHES
                flags.append(kind.flag(process=path.name, index=index + 1))
    return tuple(flags)


def make_track(path: Path, coordinate: Float[np.ndarray, " m"]) -> Track:
    """The numbers along a path, without those that the data do not tell."""
    columns = {}
    for field in ("resistance", "capacitance", "exponent", "frequency"):
        estimates: list[Estimate] = [Estimate(math.nan) if p is None else getattr(p, field) for p in path.members]
        lost = [any(flag.code == "unidentifiable" for flag in e.flags) for e in estimates]
        columns[field] = np.array([math.nan if gone else e.value for gone, e in zip(lost, estimates, strict=True)])
        columns[f"{field}_std"] = np.array([e.std for e in estimates])
    present = np.array([process is not None for process in path.members])
    return Track(name=path.name, coordinate=coordinate, present=present, confidence=path.sureness, **columns)
