"""A series of spectra along bias, time, temperature or pressure: all fits at once, every process tracked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rampion.errors import InputError
from rampion.estimate import Flag, merge_flags
from rampion.fitting import fit_batch
from rampion.impedance.choose import choose_circuit, objections
from rampion.impedance.circuit import Element, Node, Series, elements_of, parameter_kinds, serial_parts
from rampion.impedance.circuit_fit import CircuitFit, summarise
from rampion.impedance.fit import batch_model, deviations, fit_circuit, ordered, with_limits_checked
from rampion.impedance.freedom import freedom_of
from rampion.impedance.guess import parameter_bounds
from rampion.impedance.joint import fit_joint
from rampion.impedance.notation import parse_circuit, print_circuit
from rampion.impedance.processes import Process, processes_of
from rampion.impedance.tracks import Track, make_tracks
from rampion.measurement import Spectrum


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
    """Fit all spectra of a series with one circuit and follow each process through it.

    A few spectra spread over the series are fitted without a guess; all spectra start from the nearest of these and
    then from the solutions of both neighbours, until no fit improves; one that still stands out is fitted without a
    guess. Where the data do not tell an arc, the spectrum is fitted without it if BIC agrees.

    Assumes the spectra are in order and their number of arcs changes little from one to the next.
    Fails when an arc jumps by more than a decade between neighbours: its track is then flagged as not sure.

    Parameters
    ----------
    circuit : chosen on spectra spread over the series when absent, the richest of the choices.
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
    if circuit is None:
        chosen = [choose_circuit(spectra[index], weighting=weighting).fit for index in anchors]
        tree = max(chosen, key=lambda fit: len(fit.parameters)).circuit
    else:
        tree = parse_circuit(circuit) if isinstance(circuit, str) else circuit
    names = list(parameter_kinds(tree))
    unknown = [name for name in shared if name not in names]
    if unknown:
        raise InputError(f"{unknown[0]!r} is no parameter of {print_circuit(tree)}; it has {', '.join(names)}.")
    fits = _fit_all(spectra, tree, anchors, weighting, [names.index(name) for name in shared], roughness)
    if reduce and not shared and roughness is None:
        pairs = [_without_unseen(fit, spectrum) for fit, spectrum in zip(fits, spectra, strict=True)]
        fits, processes = [pair[0] for pair in pairs], tuple(pair[1] for pair in pairs)
    else:
        processes = tuple(processes_of(fit) for fit in fits)
    tracks, flags = make_tracks(processes, places)
    return SeriesFit(
        circuit=print_circuit(tree),
        coordinate=places,
        fits=tuple(fits),
        processes=processes,
        tracks=tracks,
        flags=merge_flags(flags, *(fit.flags for fit in fits)),
    )


def _fit_all(
    spectra: Sequence[Spectrum],
    circuit: Node,
    anchors: Sequence[int],
    weighting: str,
    shared: list[int],
    roughness: float | None,
) -> list[CircuitFit]:
    freedom = freedom_of(circuit)
    omega, impedance, sizes = _stacked(spectra, weighting)
    everything = np.concatenate([spectrum.impedance for spectrum in spectra])
    low, high = parameter_bounds(circuit, np.unique(omega), everything)
    model = batch_model(circuit, omega, impedance, sizes, freedom)
    count = len(spectra)
    seeds = [fit_circuit(spectra[index], circuit, weighting=weighting, starts=6).logarithms for index in anchors]
    nearest = np.argmin(np.abs(np.arange(count)[:, None] - np.array(anchors)), axis=1)
    first = fit_batch(model, np.array(seeds)[nearest], low, high, iterations=15, tolerance=1e-5)
    best, cost = first.parameters.copy(), first.chi_square.copy()
    stale = np.ones(count, bool)  # spectra whose neighbours have news
    for _ in range(count):
        pairs = [(i, i + s) for i in range(count) for s in (-1, 1) if 0 <= i + s < count and stale[i + s]]
        if not pairs:
            break
        target, source = np.array(pairs).T
        tried = fit_batch(lambda x, r, t=target: model(x, t[r]), best[source], low, high, iterations=12, tolerance=1e-5)
        stale[:] = False
        for row in np.argsort(-tried.chi_square):
            index = target[row]
            if tried.chi_square[row] < cost[index] * (1 - 1e-3):
                stale[index] = True
            if tried.chi_square[row] < cost[index]:
                cost[index], best[index] = tried.chi_square[row], tried.parameters[row]
    final = fit_batch(model, best, low, high, iterations=60)
    best, cost, converged = final.parameters, final.chi_square, final.converged.copy()
    for index in np.flatnonzero(cost > 2.5 * np.median(cost)).tolist():
        alone = fit_circuit(spectra[index], circuit, weighting=weighting)
        if alone.chi_square < cost[index]:
            best[index], converged[index] = alone.logarithms, alone.converged
    blocks = None
    if shared or roughness is not None:
        best, blocks, _, met = fit_joint(model, best, low, high, shared, roughness)
        converged[:] = met
    fits = []
    for index, spectrum in enumerate(spectra):
        own = ordered(circuit, best[index], freedom) if blocks is None else best[index]
        size = deviations(spectrum.impedance, weighting)
        block = None if blocks is None else blocks[index]
        met = bool(converged[index])
        fit = summarise(circuit, spectrum, own, size, weighting, freedom, low, high, met, covariance=block)
        if blocks is None:
            alone = batch_model(circuit, 2 * np.pi * spectrum.frequency, spectrum.impedance[None], size[None], freedom)
            fit = with_limits_checked(fit, alone, freedom)
        fits.append(fit)
    return fits


def _stacked(spectra: Sequence[Spectrum], weighting: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Angular frequency, impedance and deviations (m, n) and (m, n, 2); shorter spectra are filled with weight zero."""
    longest = max(len(spectrum) for spectrum in spectra)
    omega = np.empty((len(spectra), longest))
    impedance = np.empty((len(spectra), longest), complex)
    sizes = np.full((len(spectra), longest, 2), np.inf)
    for row, spectrum in enumerate(spectra):
        n = len(spectrum)
        omega[row, :n], omega[row, n:] = 2 * np.pi * spectrum.frequency, 2 * np.pi * spectrum.frequency[-1]
        impedance[row, :n], impedance[row, n:] = spectrum.impedance, spectrum.impedance[-1]
        sizes[row, :n] = deviations(spectrum.impedance, weighting)
    same = all(np.array_equal(row, omega[0]) for row in omega)
    return (omega[0] if same else omega), impedance, sizes


def _without_unseen(fit: CircuitFit, spectrum: Spectrum) -> tuple[CircuitFit, tuple[Process, ...]]:
    """The fit without the arc that the data do not tell, where BIC does not mind; again until every arc is told."""
    processes = processes_of(fit)
    while objections(fit, processes):
        parts = serial_parts(fit.circuit)
        arcs = [part for part in parts if not isinstance(part, Element) and len(elements_of(part)) == 2]
        if not arcs or len(parts) < 2:
            break
        # arcs of one make are in order: whichever is left out, the same circuit remains
        rest = tuple(part for part in parts if part is not arcs[-1])
        smaller = fit_circuit(spectrum, Series(rest) if len(rest) > 1 else next(iter(rest)), weighting=fit.weighting)
        if smaller.bic > fit.bic + 6:
            break
        fit, processes = smaller, processes_of(smaller)
    return fit, processes
