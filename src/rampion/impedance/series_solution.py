"""One circuit solved for all spectra of a series at once: seeded at a few, spread to the neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rampion.fitting import BatchModel, fit_batch
from rampion.impedance.circuit import Node
from rampion.impedance.fit import batch_model, deviations, find_minimum, fit_circuit
from rampion.impedance.freedom import Freedom, freedom_of
from rampion.impedance.guess import parameter_bounds
from rampion.measurement import Spectrum

_LIKE = 1.3  # of the first anchor's χ² per point: as good a fit
_OUTLYING = 1.6  # of the median χ²: a spectrum that is fitted on its own once more


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Solution:
    """Logarithms of the parameters (m, p) of one circuit at the minimum of each spectrum, χ² (m,), converged (m,).

    ``omega`` (n,) or (m, n) [rad/s]; ``sizes`` (m, n, 2) of the errors; ``lower``, ``upper`` (p,) bounds; ``model`` as
    of the batch.
    """

    circuit: Node
    freedom: Freedom
    logarithms: Float[np.ndarray, "m p"]
    chi_square: Float[np.ndarray, " m"]
    converged: Bool[np.ndarray, " m"]
    omega: np.ndarray
    sizes: Float[np.ndarray, "m n 2"]
    lower: Float[np.ndarray, " p"]
    upper: Float[np.ndarray, " p"]
    model: BatchModel


def solve_series(
    spectra: Sequence[Spectrum], circuit: Node, anchors: Sequence[int], weighting: str = "modulus"
) -> Solution:
    """The best fit of one circuit to every spectrum.

    The middle one of the spectra at ``anchors`` is fitted without a guess, the others from it, and without a guess too
    where that does not do as well. All spectra start from the nearest of these and then from the solutions of the
    neighbours that are fitted better, until no fit improves; one that still stands out is fitted without a guess.
    """
    freedom = freedom_of(circuit)
    omega, impedance, sizes = _stacked(spectra, weighting)
    everything = np.concatenate([spectrum.impedance for spectrum in spectra])
    low, high = parameter_bounds(circuit, np.unique(omega), everything)
    model = batch_model(circuit, omega, impedance, sizes, freedom)
    count = len(spectra)
    seeds = _seeds(spectra, circuit, anchors, weighting, model, low, high)
    nearest = np.argmin(np.abs(np.arange(count)[:, None] - np.array(anchors)), axis=1)
    first = fit_batch(model, seeds[nearest], low, high, iterations=15, tolerance=1e-5)
    best, cost = first.parameters.copy(), first.chi_square.copy()
    stale = np.ones(count, bool)  # spectra that have news for their neighbours, if these are fitted less well
    size = [len(spectrum) for spectrum in spectra]
    for _ in range(count):
        pairs = [
            (i, i + s)
            for i in range(count)
            for s in (-1, 1)
            if 0 <= i + s < count and stale[i + s] and cost[i + s] * size[i] < cost[i] * size[i + s]
        ]
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
    best, cost, converged = final.parameters.copy(), final.chi_square.copy(), final.converged.copy()
    for index in np.flatnonzero(cost > _OUTLYING * np.median(cost)).tolist():
        alone = fit_circuit(spectra[index], circuit, weighting=weighting)
        if alone.chi_square < cost[index]:
            best[index], cost[index], converged[index] = alone.logarithms, alone.chi_square, alone.converged
    return Solution(
        circuit=circuit,
        freedom=freedom,
        logarithms=best,
        chi_square=cost,
        converged=converged,
        omega=omega,
        sizes=sizes,
        lower=low,
        upper=high,
        model=model,
    )


def _seeds(
    spectra: Sequence[Spectrum],
    circuit: Node,
    anchors: Sequence[int],
    weighting: str,
    model: BatchModel,
    low: np.ndarray,
    high: np.ndarray,
) -> np.ndarray:
    """(k, p) logarithms of the parameters at the anchors."""
    rows = np.array(anchors)
    middle = len(rows) // 2
    begin = find_minimum(spectra[anchors[middle]], circuit, weighting=weighting)
    tried = fit_batch(
        lambda x, r: model(x, rows[r]), np.tile(begin, (rows.size, 1)), low, high, iterations=30, tolerance=1e-5
    )
    seeds, share = tried.parameters.copy(), tried.chi_square / [len(spectra[index]) for index in anchors]
    for place in np.flatnonzero(share > _LIKE * share[middle]).tolist():
        seeds[place] = find_minimum(spectra[anchors[place]], circuit, weighting=weighting)
    return seeds


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
