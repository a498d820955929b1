"""A given circuit fitted to all spectra of a series, each from its neighbours or jointly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rampion.errors import InputError
from rampion.fitting import covariances_of
from rampion.impedance.circuit import Node, impedance_and_slopes, parameter_kinds
from rampion.impedance.circuit_fit import CircuitFit, bounded_by_nature, summarise
from rampion.impedance.fit import batch_model, ordered, with_limits_checked
from rampion.impedance.joint import fit_joint
from rampion.impedance.notation import parse_circuit, print_circuit
from rampion.impedance.series_solution import Solution, solve_series
from rampion.measurement import Spectrum


def fit_series(
    spectra: Sequence[Spectrum],
    circuit: Node | str,
    *,
    weighting: str = "modulus",
    shared: Sequence[str] = (),
    roughness: float | None = None,
) -> tuple[CircuitFit, ...]:
    """One circuit fitted to every spectrum of a series.

    A few spectra spread over the series are fitted without a guess; all start from the nearest of these and then from
    the solutions of both neighbours, until no fit improves; one that still stands out is fitted without a guess.

    Assumes the spectra are in order. What a spectrum does not determine of the circuit has no uncertainty there.

    Parameters
    ----------
    shared : names of parameters with one value for all spectra (a joint fit).
    roughness : allowed standard deviation of the second difference of the logarithms along the series.

    Raises
    ------
    InputError
        When there are no spectra, a name is not of the circuit, or a spectrum has too few points.
    """
    if not spectra:
        raise InputError("There is no spectrum in the series; expected at least one.")
    anchors = sorted({0, len(spectra) // 2, len(spectra) - 1})
    tree = parse_circuit(circuit) if isinstance(circuit, str) else circuit
    if shared or roughness is not None:
        return _joint_fits(spectra, tree, anchors, weighting, shared, roughness)
    solution = solve_series(spectra, tree, anchors, weighting)
    fits = _plain_fits(spectra, solution, weighting)
    return tuple(_limits_checked(fit, solution, spectra[row], row) for row, fit in enumerate(fits))


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
) -> tuple[CircuitFit, ...]:
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
    fits = []
    for index, spectrum in enumerate(spectra):
        fit = summarise(
            circuit, spectrum, best[index], solution.sizes[index, : len(spectrum)], weighting, solution.freedom,
            solution.lower, solution.upper, converged, covariance=blocks[index],
        )  # fmt: skip
        fits.append(fit)
    return tuple(fits)
