"""A series of spectra along bias, time, temperature or pressure: all fits at once, every process tracked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rampion.errors import InputError
from rampion.estimate import Flag, merge_flags
from rampion.impedance.circuit import Node, parameter_kinds
from rampion.impedance.circuit_fit import CircuitFit, summarise
from rampion.impedance.fit import batch_model, ordered, with_limits_checked
from rampion.impedance.joint import fit_joint
from rampion.impedance.notation import parse_circuit, print_circuit
from rampion.impedance.processes import Process, processes_of
from rampion.impedance.series_circuits import (
    PRICE,
    candidates_of,
    cheapest_sequence,
    choices_at,
    objections_in_series,
    without_slowest_arc,
)
from rampion.impedance.series_solution import Solution, solve_series
from rampion.impedance.tracks import Track, coming_and_going, make_paths, make_track
from rampion.measurement import Spectrum

_OBJECTED = 6.0  # of BIC: what a circuit that the user gave may be worse by without the arc that is not told
_ROUNDS = 2  # of looking for a circuit where none of the candidates fits


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeriesFit:
    """All fits of a series, in order, the processes of each, and the tracks through them.

    ``circuit`` is the richest used; a spectrum that does not show one of its arcs is fitted without it.
    """

    circuit: str
    coordinate: Float[np.ndarray, " m"]
    fits: tuple[CircuitFit, ...]
    processes: tuple[tuple[Process, ...], ...]
    tracks: tuple[Track, ...]
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
    if tree is None:
        pairs = _choose(spectra, anchors, weighting)
        tree = max((fit for fit, _ in pairs), key=lambda fit: len(fit.parameters)).circuit
    else:
        pairs = []
    if joint:
        pairs = _joint_fits(spectra, tree, anchors, weighting, shared, roughness)
    elif not pairs:
        pairs = _fits(spectra, solve_series(spectra, tree, anchors, weighting), weighting)
        if reduce:
            pairs = _reduced(spectra, pairs, anchors, weighting)
    processes = tuple(pair[1] for pair in pairs)
    paths, flags = make_paths(processes)
    return SeriesFit(
        circuit=print_circuit(tree),
        coordinate=places,
        fits=tuple(pair[0] for pair in pairs),
        processes=processes,
        tracks=tuple(make_track(path, places) for path in paths),
        flags=merge_flags(flags, coming_and_going(paths), *(pair[0].flags for pair in pairs)),
    )


_Pair = tuple[CircuitFit, tuple[Process, ...]]


def _choose(spectra: Sequence[Spectrum], anchors: Sequence[int], weighting: str) -> list[_Pair]:
    """Each spectrum with the candidate that the series as a whole speaks for."""
    choices = choices_at(spectra, anchors, weighting)
    if len(spectra) == 1:
        fit = choices[0].fit
        return [(fit, processes_of(fit))]
    looked = set(anchors)
    columns: dict[Node, list[_Pair]] = {}
    chosen: list[_Pair] = []
    for _ in range(1 + _ROUNDS):
        for circuit in candidates_of(choices):
            if circuit not in columns and _enough(spectra, circuit):
                columns[circuit] = _fits(spectra, solve_series(spectra, circuit, anchors, weighting), weighting)
        table = list(columns.values())
        costs = np.array([[_cost(pair) for pair in column] for column in table]).T
        chosen = [table[kind][row] for row, kind in enumerate(cheapest_sequence(costs))]
        noise = np.array([fit.noise for fit, _ in chosen])
        strange = [int(i) for i in np.argsort(-noise) if noise[i] > 2 * np.median(noise) and int(i) not in looked]
        if not strange:
            break
        looked.add(strange[0])
        choices = choices_at(spectra, strange[:1], weighting)
    return chosen


def _enough(spectra: Sequence[Spectrum], circuit: Node) -> bool:
    """Whether every spectrum has at least three data for two parameters."""
    return 4 * min(len(spectrum) for spectrum in spectra) >= 3 * len(parameter_kinds(circuit))


def _cost(pair: _Pair) -> float:
    fit, processes = pair
    return fit.bic + PRICE * objections_in_series(fit, processes)


def _reduced(spectra: Sequence[Spectrum], pairs: list[_Pair], anchors: Sequence[int], weighting: str) -> list[_Pair]:
    """The fits without the arcs that the data do not tell, where BIC does not mind; until every arc is told."""
    columns = [pairs]
    while any(objections_in_series(*pair) for pair in columns[-1]):
        smaller = without_slowest_arc(columns[-1][0][0].circuit)
        if smaller is None:
            break
        columns.append(_fits(spectra, solve_series(spectra, smaller, anchors, weighting), weighting))
    if len(columns) == 1:
        return pairs
    costs = np.full((len(spectra), len(columns)), np.inf)
    for row in range(len(spectra)):
        for kind, column in enumerate(columns):
            fit, processes = column[row]
            objected = bool(objections_in_series(fit, processes))
            costs[row, kind] = fit.bic + _OBJECTED * objected
            if not objected:
                break
    return [columns[kind][row] for row, kind in enumerate(cheapest_sequence(costs, _OBJECTED))]


def _fits(spectra: Sequence[Spectrum], solution: Solution, weighting: str) -> list[_Pair]:
    """The record and the processes of every spectrum at its minimum."""
    circuit, freedom = solution.circuit, solution.freedom
    pairs = []
    for index, spectrum in enumerate(spectra):
        own = ordered(circuit, solution.logarithms[index], freedom)
        size = solution.sizes[index, : len(spectrum)]
        fit = summarise(
            circuit, spectrum, own, size, weighting, freedom, solution.lower, solution.upper,
            bool(solution.converged[index]),
        )  # fmt: skip
        alone = batch_model(circuit, 2 * np.pi * spectrum.frequency, spectrum.impedance[None], size[None], freedom)
        fit = with_limits_checked(fit, alone, freedom)
        pairs.append((fit, processes_of(fit)))
    return pairs


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
