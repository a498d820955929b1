"""A series of spectra along bias, time, temperature or pressure: all fits at once, every process tracked."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from rampion.errors import InputError
from rampion.estimate import Flag, merge_flags
from rampion.fitting import covariances_of
from rampion.impedance.choose import Description, describe, objections, price_of
from rampion.impedance.circuit import Node, impedance_and_slopes, parameter_kinds
from rampion.impedance.circuit_fit import CircuitFit, bounded_by_nature, summarise
from rampion.impedance.fit import batch_model, ordered, with_limits_checked
from rampion.impedance.joint import fit_joint
from rampion.impedance.notation import parse_circuit, print_circuit
from rampion.impedance.processes import Process, processes_of
from rampion.impedance.series_circuits import (
    CHANGE,
    candidates_of,
    cheapest_sequence,
    choices_at,
    with_ideal_fastest,
    without_slowest_arc,
    without_untold_parts,
)
from rampion.impedance.series_solution import Solution, solve_series
from rampion.impedance.tracks import Track, coming_and_going, make_paths, make_track
from rampion.measurement import Spectrum

_OBJECTED = 6.0  # of BIC: what a circuit that the user gave may be worse by without the arc that is not told
_STRANGE = 2.0  # of the median noise: no candidate fits the spectrum
_MOST = 12  # candidates in all


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeriesFit:
    """All fits of a series, in order, the processes of each, and the tracks through them.

    ``circuit`` is the richest used; a spectrum that does not show one of its arcs is fitted without it.
    ``descriptions``: of each spectrum the candidate that comes closest to its points, where that is not its circuit.
    """

    circuit: str
    coordinate: Float[np.ndarray, " m"]
    fits: tuple[CircuitFit, ...]
    processes: tuple[tuple[Process, ...], ...]
    tracks: tuple[Track, ...]
    descriptions: tuple[Description | None, ...]
    flags: tuple[Flag, ...] = ()


def fit_series(
    spectra: Sequence[Spectrum],
    circuit: Node | str | None = None,
    *,
    coordinate: Float[np.ndarray, " m"] | None = None,
    weighting: str = "modulus",
    shared: Sequence[str] = (),
    roughness: float | None = None,
    reduce: bool = True,
    candidates: Sequence[str] = (),
    one_circuit: bool = False,
) -> SeriesFit:
    """Fit all spectra of a series and follow each process through it.

    A few spectra spread over the series are fitted without a guess; all spectra start from the nearest of these and
    then from the solutions of both neighbours, until no fit improves; one that still stands out is fitted without a
    guess. Without a circuit the candidates are those chosen on a few spectra, and each spectrum takes the one that
    makes the series as a whole most credible, changes of circuit having a price. Of a given circuit a spectrum that
    does not tell an arc is fitted without it if BIC agrees.

    Assumes the spectra are in order and their number of arcs changes little from one to the next.
    Fails when an arc jumps by more than a decade between neighbours: its track is then flagged as not sure.

    Parameters
    ----------
    circuit : chosen by evidence from the whole series when absent.
    coordinate : (m,) what the series runs along; the index when absent.
    shared : names of parameters with one value for all spectra (a joint fit).
    roughness : allowed standard deviation of the second difference of the logarithms along the series.
    reduce : leave out arcs that a spectrum does not show.
    candidates : circuits among which to choose, where these are known; else they are sought on a few spectra.
    one_circuit : all spectra have the same circuit, as those of one cell along temperature or pressure do. What a
        spectrum does not tell of it has no uncertainty there.

    Raises
    ------
    InputError
        When there are no spectra, a name is not of the circuit, or a spectrum has too few points.
    """
    if not spectra:
        raise InputError("There is no spectrum in the series; expected at least one.")
    places = np.arange(len(spectra), dtype=float) if coordinate is None else np.asarray(coordinate, float)
    if places.shape != (len(spectra),):
        raise InputError(f"The coordinate has {places.size} values for {len(spectra)} spectra; expected one each.")
    anchors = sorted({0, len(spectra) // 2, len(spectra) - 1})
    tree = parse_circuit(circuit) if isinstance(circuit, str) else circuit
    joint = bool(shared) or roughness is not None
    descriptions: list[Description | None] = [None] * len(spectra)
    if tree is None:
        known = [parse_circuit(one) for one in candidates]
        pairs, descriptions = _choose(spectra, anchors, weighting, known, one_circuit)
        tree = max((fit for fit, _ in pairs), key=lambda fit: len(fit.parameters)).circuit
    else:
        pairs = []
    if joint:
        pairs = _joint_fits(spectra, tree, anchors, weighting, shared, roughness)
        descriptions = [None] * len(spectra)
    elif not pairs:
        column = _Column(spectra, solve_series(spectra, tree, anchors, weighting), weighting)
        every = range(len(spectra))
        reduce = reduce and not one_circuit
        pairs = _reduced(spectra, column, anchors, weighting) if reduce else [column.checked(row) for row in every]
    processes = tuple(pair[1] for pair in pairs)
    paths, flags = make_paths(processes)
    return SeriesFit(
        circuit=print_circuit(tree),
        coordinate=places,
        fits=tuple(
            fit if closer is None else replace(fit, flags=merge_flags(fit.flags, closer.flags))
            for (fit, _), closer in zip(pairs, descriptions, strict=True)
        ),
        processes=processes,
        tracks=tuple(make_track(path, places) for path in paths),
        descriptions=tuple(descriptions),
        flags=merge_flags(flags, coming_and_going(paths)),
    )


_Pair = tuple[CircuitFit, tuple[Process, ...]]


def _choose(
    spectra: Sequence[Spectrum], anchors: Sequence[int], weighting: str, known: Sequence[Node], one_circuit: bool
) -> tuple[list[_Pair], list[Description | None]]:
    """Each spectrum with the candidate that the series as a whole speaks for, and the one that comes closest to it."""
    looked, wanted = set(anchors), list(known)
    if not known:
        choices = choices_at(spectra, anchors, weighting)
        if len(spectra) == 1:
            fit = choices[0].fit
            return [(fit, processes_of(fit))], [choices[0].description]
        wanted = candidates_of(choices)
    columns: dict[Node, _Column] = {}
    chosen: list[_Pair] = []
    while wanted and len(columns) < _MOST:
        for circuit in wanted:
            if _enough(spectra, circuit):
                columns[circuit] = _Column(spectra, solve_series(spectra, circuit, anchors, weighting), weighting)
        chosen = _cheapest_column(columns, spectra) if one_circuit else _cheapest(columns, spectra)
        smaller = Counter(c for fit, _ in chosen for c in without_untold_parts(fit) if c not in columns)
        wanted = [c for c, times in smaller.items() if not one_circuit or 2 * times > len(spectra)]
        if one_circuit:
            ideal = dict.fromkeys(c for pair in chosen for c in with_ideal_fastest(*pair))
            wanted += [c for c in ideal if c not in columns and c not in wanted]
        noise = np.array([fit.noise for fit, _ in chosen])
        worst = int(np.argmax(noise))
        if not wanted and noise[worst] > _STRANGE * np.median(noise) and worst not in looked:
            looked.add(worst)
            wanted = [c for c in candidates_of(choices_at(spectra, [worst], weighting)) if c not in columns]
    closest = [min(columns.values(), key=lambda column: column.fits[row].noise) for row in range(len(spectra))]
    return chosen, [describe(column.checked(row)[0], chosen[row][0]) for row, column in enumerate(closest)]


def _cheapest_column(columns: Mapping[Node, _Column], spectra: Sequence[Spectrum]) -> list[_Pair]:
    """The fits of the circuit that is cheapest for all spectra; objections are sought only where it may still win."""
    best, least = None, math.inf
    for column in sorted(columns.values(), key=lambda column: sum(fit.bic for fit in column.fits)):
        if sum(fit.bic for fit in column.fits) >= least:
            break
        pairs = [column.checked(row) for row in range(len(spectra))]
        cost = sum(fit.bic + price_of(objections(fit, processes), processes) for fit, processes in pairs)
        if cost < least:
            best, least = pairs, cost
    return best or []


def _cheapest(columns: Mapping[Node, _Column], spectra: Sequence[Spectrum]) -> list[_Pair]:
    """The fits of the cheapest sequence of circuits; objections are sought only where a circuit may still win."""
    table = list(columns.values())
    costs = np.array([[column.fits[row].bic for column in table] for row in range(len(spectra))])
    for row in range(len(spectra)):
        best = math.inf
        for kind in np.argsort(costs[row]).tolist():
            if costs[row, kind] < best + CHANGE:
                fit, processes = table[kind].checked(row)
                costs[row, kind] += price_of(objections(fit, processes), processes)
                best = min(best, costs[row, kind])
    return [table[kind].checked(row) for row, kind in enumerate(cheapest_sequence(costs))]


class _Column:
    """One circuit fitted to all spectra; limits and processes of a spectrum are found when first asked for."""

    def __init__(self, spectra: Sequence[Spectrum], solution: Solution, weighting: str) -> None:
        self.spectra, self.solution = spectra, solution
        self.fits = _plain_fits(spectra, solution, weighting)
        self._checked: dict[int, _Pair] = {}

    def checked(self, row: int) -> _Pair:
        """The fit of one spectrum with its limits checked, and its processes."""
        if row not in self._checked:
            fit = _limits_checked(self.fits[row], self.solution, self.spectra[row], row)
            self._checked[row] = fit, processes_of(fit)
        return self._checked[row]


def _enough(spectra: Sequence[Spectrum], circuit: Node) -> bool:
    """Whether every spectrum has at least three data for two parameters."""
    return 4 * min(len(spectrum) for spectrum in spectra) >= 3 * len(parameter_kinds(circuit))


def _reduced(spectra: Sequence[Spectrum], first: _Column, anchors: Sequence[int], weighting: str) -> list[_Pair]:
    """The fits without the arcs that the data do not tell, where BIC does not mind; until every arc is told."""
    columns = [first]
    count = len(spectra)
    costs = np.full((count, 1), np.inf)
    open_rows = list(range(count))
    while True:
        for row in open_rows:
            pair = columns[-1].checked(row)
            costs[row, -1] = pair[0].bic + _OBJECTED * bool(objections(*pair))
        open_rows = [row for row in open_rows if objections(*columns[-1].checked(row))]
        smaller = without_slowest_arc(columns[-1].solution.circuit)
        if not open_rows or smaller is None:
            break
        columns.append(_Column(spectra, solve_series(spectra, smaller, anchors, weighting), weighting))
        costs = np.column_stack([costs, np.full(count, np.inf)])
    return [columns[kind].checked(row) for row, kind in enumerate(cheapest_sequence(costs, _OBJECTED))]


def _plain_fits(spectra: Sequence[Spectrum], solution: Solution, weighting: str) -> list[CircuitFit]:
    """The record of every spectrum at its minimum."""
    circuit = solution.circuit
    rows = np.array([ordered(circuit, row, solution.freedom) for row in solution.logarithms])
    fitted, slopes = impedance_and_slopes(circuit, rows, solution.omega)
    table = slopes.view(float).reshape(*slopes.shape, 2) / solution.sizes[:, None]
    inverse = covariances_of(table.reshape(*slopes.shape[:2], -1).transpose(0, 2, 1))
    degrees = np.array([2 * len(spectrum) - rows.shape[1] for spectrum in spectra])
    inverse *= (solution.chi_square / degrees)[:, None, None]
    within = (rows > solution.lower + 1e-6) & (rows < solution.upper - 1e-6)
    inside = np.all(within | bounded_by_nature(circuit), axis=1)
    fits = []
    for index, (spectrum, n) in enumerate(zip(spectra, map(len, spectra), strict=True)):
        known = inverse[index] if inside[index] else None
        fits.append(
            summarise(
                circuit, spectrum, rows[index], solution.sizes[index, :n], weighting, solution.freedom, solution.lower,
                solution.upper, bool(solution.converged[index]), covariance=known,
                response=(fitted[index, :n], slopes[index, :, :n]),
            )
        )  # fmt: skip
    return fits


def _limits_checked(fit: CircuitFit, solution: Solution, spectrum: Spectrum, row: int) -> CircuitFit:
    size = solution.sizes[row, : len(spectrum)][None]
    omega = 2 * np.pi * spectrum.frequency
    model = batch_model(solution.circuit, omega, spectrum.impedance[None], size, solution.freedom)
    return with_limits_checked(fit, model, solution.freedom)


def _joint_fits(
    spectra: Sequence[Spectrum],
    circuit: Node,
    anchors: Sequence[int],
    weighting: str,
    shared: Sequence[str],
    roughness: float | None,
) -> list[_Pair]:
    """All spectra as one fit."""
    names = list(parameter_kinds(circuit))
    unknown = [name for name in shared if name not in names]
    if unknown:
        raise InputError(f"{unknown[0]!r} is no parameter of {print_circuit(circuit)}; it has {', '.join(names)}.")
    solution = solve_series(spectra, circuit, anchors, weighting)
    starts = np.array([ordered(circuit, row, solution.freedom) for row in solution.logarithms])
    best, blocks, _, converged = fit_joint(
        solution.model, starts, solution.lower, solution.upper,
        [names.index(name) for name in shared], roughness,
    )  # fmt: skip
    pairs = []
    for index, spectrum in enumerate(spectra):
        fit = summarise(
            circuit, spectrum, best[index], solution.sizes[index, : len(spectrum)], weighting, solution.freedom,
            solution.lower, solution.upper, converged, covariance=blocks[index],
        )  # fmt: skip
        pairs.append((fit, processes_of(fit)))
    return pairs
