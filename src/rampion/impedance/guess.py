"""Starting values of a circuit from the spectrum alone.

The parts of a circuit in series are linear in their amplitudes once their time constants are chosen. Every choice of
time constants on a grid over the measured window is tried: the Gram matrix of all candidate shapes is made once, each
choice costs one small linear solve, and the best distinct choices become the starts. Parts that are not of this kind
(nested branches) take the scale of an arc and random inner values.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from rampion.impedance.circuit import (
    Element,
    Node,
    elements_of,
    impedance_and_slopes,
    parameter_kinds,
    serial_parts,
)

_MARGIN = math.log(1e4)  # bounds lie this far outside what the window can show
_GRIDS = {1: (24, (1.0, 0.9, 0.75, 0.6)), 2: (18, (0.95, 0.75)), 3: (14, (0.95, 0.75)), 4: (13, (0.85,))}


def parameter_bounds(
    circuit: Node, omega: Float[np.ndarray, " n"], impedance: Complex[np.ndarray, " k"]
) -> tuple[Float[np.ndarray, " p"], Float[np.ndarray, " p"]]:
    """Lower and upper bounds of the logarithms of the parameters: four decades beyond what |Z| and ω span.

    Pure numbers (exponents, transference) have the bounds of their kind.
    """
    sizes = np.log(np.abs(impedance))
    times = -np.log(omega)
    low, high = [], []
    for kind in parameter_kinds(circuit).values():
        if math.isfinite(kind.high):
            low.append(math.log(kind.low))
            high.append(math.log(kind.high))
            continue
        corners = [
            kind.ohms * size + seconds * time
            for size in (sizes.min(), sizes.max())
            for seconds in kind.seconds
            for time in (times.min(), times.max())
        ]
        low.append(min(corners) - _MARGIN)
        high.append(max(corners) + _MARGIN)
    return np.array(low), np.array(high)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """One shape a part may take: its unit-amplitude parameters' logarithms and how each moves with ln(amplitude)."""

    logarithms: np.ndarray
    powers: np.ndarray


def _candidates(part: Node, times: np.ndarray, exponents: tuple[float, ...]) -> list[_Candidate]:
    """Unit-amplitude shapes of a part over the grid of time constants."""
    symbols = tuple(element.symbol for element in elements_of(part))
    kinds = list(parameter_kinds(part).values())
    powers = np.array([kind.ohms for kind in kinds])
    sloped = "CPE" in symbols or "Zarc" in symbols or "HN" in symbols
    if isinstance(part, Element) and part.symbol in ("R", "L", "C", "W"):
        return [_Candidate(np.zeros(1), powers)]
    if isinstance(part, Element) and part.symbol == "CPE":
        return [_Candidate(np.log([1.0, exponent]), powers) for exponent in (0.5, 0.65, 0.8, 0.9, 1.0)]
    if sorted(symbols) == ["L", "R"]:  # leads: they turn at the top of the window or above
        times, exponents = times[0] * np.array([0.1, 0.3, 1.0]), (1.0,)
    found = []
    for time in times:
        for exponent in exponents if sloped else (1.0,):
            for transference in (0.2, 0.5, 0.8) if "Be" in symbols else (0.5,):
                values = []
                for kind in kinds:
                    values.append({
                        "R": 1.0, "tau": time, "alpha": exponent, "beta": 0.95, "t": transference, "Q": time**exponent,
                        "C": time, "A": 1 / math.sqrt(time), "L": time,
                    }[kind.suffix])  # fmt: skip
                found.append(_Candidate(np.log(values), powers))
    return found


def starting_values(
    circuit: Node,
    omega: Float[np.ndarray, " n"],
    impedance: Complex[np.ndarray, " n"],
    deviation: Float[np.ndarray, "n 2"],
    count: int = 12,
    seed: int = 0,
) -> Float[np.ndarray, "m p"]:
    """Up to ``count`` rows of logarithms of parameters to start a fit from, the most promising first.

    Parameters
    ----------
    omega : [rad/s]. impedance : [Ω]. deviation : relative sizes of the errors of its real and imaginary parts.
    seed : of the random inner values of nested branches; equal seeds give equal starts.
    """
    parts = serial_parts(circuit)
    fixed = [isinstance(part, Element) and part.symbol in ("R", "L", "C", "W") for part in parts]
    arcs = sum(
        not f and elements_of(p)[0].symbol not in ("CPE", "L") for f, p in zip(fixed, parts, strict=True)
    )  # of a grid of times
    size, exponents = _GRIDS.get(max(arcs, 1), (12, (0.85,)))
    times = np.geomspace(0.3 / omega.max(), 3 / omega.min(), size)
    choices = [_candidates(part, times, exponents) for part in parts]
    shapes, first = [], []
    for part, candidates in zip(parts, choices, strict=True):
        first.append(sum(len(shape) for shape in shapes))
        logarithms = np.array([candidate.logarithms for candidate in candidates])
        shapes.append(impedance_and_slopes(part, logarithms, omega)[0])
    weights = 1 / deviation
    table = np.concatenate(shapes)
    columns = np.concatenate([np.real(table) * weights[:, 0], np.imag(table) * weights[:, 1]], axis=1)
    norms = np.linalg.norm(columns, axis=1)
    columns /= norms[:, None]
    target = np.concatenate([np.real(impedance) * weights[:, 0], np.imag(impedance) * weights[:, 1]])
    picks = _combinations(parts, [len(c) for c in choices], np.array(first))
    order, amplitudes = _rank(columns, target, picks)
    amplitudes /= norms[picks]
    starts: list[np.ndarray] = []
    near = max(1, len(exponents))
    floor = 1e-3 * np.abs(impedance).min()
    leaders = order[:400]
    while leaders.size:
        row = leaders[0]
        leaders = leaders[np.abs(picks[leaders] - picks[row]).max(axis=1) > near]
        values = []
        for place, candidates in enumerate(choices):
            candidate = candidates[picks[row, place] - first[place]]
            amplitude = amplitudes[row, place]
            if amplitude <= 0:
                amplitude = floor / max(np.abs(shapes[place][picks[row, place] - first[place]]).max(), 1e-300)
            values.append(candidate.logarithms + candidate.powers * math.log(amplitude))
        starts.append(np.concatenate(values))
        if len(starts) >= count:
            break
    nested = [not isinstance(part, Element) and len(elements_of(part)) > 2 for part in parts]
    if any(nested):
        starts = _scattered(starts, parts, nested, max(count, 32), seed)
    return np.array(starts)


def _combinations(parts: tuple[Node, ...], counts: list[int], first: np.ndarray) -> np.ndarray:
    """Rows of candidate indices, one per part; parts of the same make are taken in one order only."""
    makes = [str([element.symbol for element in elements_of(part)]) + type(part).__name__ for part in parts]
    total = math.prod(counts)
    thin = [1] * len(counts)
    while total > 40_000:
        widest = max(range(len(counts)), key=lambda i: counts[i] // thin[i])
        thin[widest] *= 2
        total = math.prod(-(-c // t) for c, t in zip(counts, thin, strict=True))
    ranges = [np.arange(0, c, t) for c, t in zip(counts, thin, strict=True)]
    grids = np.stack([axis.ravel() for axis in np.meshgrid(*ranges, indexing="ij")], axis=1)
    keep = np.ones(len(grids), bool)
    for i, j in itertools.pairwise(range(len(parts))):
        if makes[i] == makes[j] and counts[i] > 1:
            keep &= grids[:, i] < grids[:, j]
    return grids[keep] + first


def _rank(columns: np.ndarray, target: np.ndarray, picks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Order of the picks by squared misfit with negative amplitudes cut, and their amplitudes."""
    gram, projection = columns @ columns.T, columns @ target
    matrix = gram[picks[:, :, None], picks[:, None, :]]
    diagonal = np.arange(picks.shape[1])
    matrix[:, diagonal, diagonal] += 1e-9
    right = projection[picks]
    amplitudes = np.maximum(np.linalg.solve(matrix, right[:, :, None])[:, :, 0], 0.0)
    misfit = np.einsum("ci,cij,cj->c", amplitudes, matrix, amplitudes) - 2 * np.einsum("ci,ci->c", amplitudes, right)
    return np.argsort(misfit), amplitudes


def _scattered(
    starts: list[np.ndarray], parts: tuple[Node, ...], nested: list[bool], count: int, seed: int
) -> list[np.ndarray]:
    """The starts, and copies whose nested branches are moved at random by up to two decades."""
    random = np.random.default_rng(seed)
    sizes = [len(parameter_kinds(part)) for part in parts]
    loose = np.repeat(nested, sizes)
    bounded = np.concatenate([[math.isfinite(k.high) for k in parameter_kinds(part).values()] for part in parts])
    out = list(starts[: max(1, count // 4)])
    anchors = len(out)
    while len(out) < count:
        move = random.uniform(-4.6, 4.6, loose.size) * loose
        move[bounded] = -np.abs(move[bounded]) * 0.08
        out.append(out[len(out) % anchors] + move)
    return out
