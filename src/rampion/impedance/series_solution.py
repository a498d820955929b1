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

_OUTLYING = 2.5  # of the median χ²: a spectrum that is fitted on its own once more


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Solution:
    """Logarithms of the parameters (m, p) of one circuit at the minimum of each spectrum, χ² (m,), converged (m,).

    ``sizes`` (m, n, 2) of the errors; ``lower``, ``upper`` (p,) bounds; ``model`` as of the batch.
    """

    circuit: Node
    freedom: Freedom
    logarithms: Float[np.ndarray, "m p"]
    chi_square: Float[np.ndarray, " m"]
    converged: Bool[np.ndarray, " m"]
    sizes: Float[np.ndarray, "m n 2"]
    lower: Float[np.ndarray, " p"]
    upper: Float[np.ndarray, " p"]
    model: BatchModel


def solve_series(
    spectra: Sequence[Spectrum], circuit: Node, anchors: Sequence[int], weighting: str = "modulus"
) -> Solution:
    """The best fit of one circuit to every spectrum.

    The spectra at ``anchors`` are fitted without a guess; all start from the nearest of these and then from the
    solutions of both neighbours, until no fit improves; one that still stands out is fitted without a guess.
    """
    freedom = freedom_of(circuit)
    omega, impedance, sizes = _stacked(spectra, weighting)
    everything = np.concatenate([spectrum.impedance for spectrum in spectra])
    low, high = parameter_bounds(circuit, np.unique(omega), everything)
    model = batch_model(circuit, omega, impedance, sizes, freedom)
    count = len(spectra)
    seeds = [find_minimum(spectra[index], circuit, weighting=weighting) for index in anchors]
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
        sizes=sizes,
        lower=low,
        upper=high,
        model=model,
    )


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
