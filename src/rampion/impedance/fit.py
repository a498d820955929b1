"""A circuit fitted to a spectrum without a guess: bounded, in logarithms, with exact slopes, many starts at once."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Complex, Float

from rampion.errors import InputError
from rampion.estimate import Estimate
from rampion.fitting import BatchModel, fit_batch
from rampion.impedance.circuit import Node, arc_time, elements_of, impedance_and_slopes, parameter_kinds, serial_parts
from rampion.impedance.circuit_fit import CircuitFit, student_95, summarise
from rampion.impedance.flags import ImpedanceFlag
from rampion.impedance.freedom import Freedom, freedom_of
from rampion.impedance.guess import parameter_bounds, starting_values
from rampion.impedance.notation import parse_circuit, print_circuit
from rampion.measurement import Spectrum

FEW_STARTS, MANY_STARTS = 12, 48


def deviations(
    impedance: Complex[np.ndarray, " n"], weighting: str, measured: Float[np.ndarray, "n 2"] | None = None
) -> Float[np.ndarray, "n 2"]:
    """(n, 2) sizes of the errors of the real and imaginary parts, up to one common factor unless ``measured``.

    ``modulus``: |Z|; ``unit``: 1; ``proportional``: |Re Z| and |Im Z|, not below 1 % of |Z|;
    ``measured``: as given [Ω].

    Raises
    ------
    InputError
        When the weighting is unknown, measured deviations are missing or not positive, or an impedance is zero.
    """
    size = np.abs(impedance)
    if not np.all(size > 0):
        where = int(np.argmin(size))
        raise InputError(f"The impedance of point {where} is zero; expected a measured value: drop the point.")
    if weighting == "modulus":
        return np.stack([size, size], axis=1)
    if weighting == "unit":
        return np.ones((size.size, 2))
    if weighting == "proportional":
        return np.maximum(np.abs(np.stack([np.real(impedance), np.imag(impedance)], axis=1)), 0.01 * size[:, None])
    if weighting == "measured":
        if measured is None or measured.shape != (size.size, 2) or not np.all(measured > 0):
            raise InputError("The weighting 'measured' needs positive deviations of real and imaginary part, (n, 2).")
        return measured
    raise InputError(f"{weighting!r} is no weighting; expected modulus, unit, proportional or measured.")


def batch_model(
    circuit: Node, omega: np.ndarray, impedance: np.ndarray, deviation: np.ndarray, freedom: Freedom
) -> BatchModel:
    """Weighted residuals and slopes for :func:`~rampion.fitting.fit_batch`.

    ``omega`` (n,) or (k, n), ``impedance`` (k, n), ``deviation`` (k, n, 2): of one spectrum for all rows (k = 1), or
    one each.
    """
    weights = np.ascontiguousarray(1 / deviation).reshape(len(deviation), -1)
    single = len(impedance) == 1
    collect = None if freedom.plain else freedom.matrix().T

    def evaluate(free: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        which = np.zeros(1, int) if single else rows
        frequencies = omega if omega.ndim == 1 else omega[which]
        modelled, slopes = impedance_and_slopes(circuit, free if collect is None else freedom.spread(free), frequencies)
        weight = weights[which]
        residual = (modelled - impedance[which]).view(float) * weight
        table = slopes.view(float)
        table *= weight[:, None, :]
        return residual, table if collect is None else collect @ table

    return evaluate


def ordered(circuit: Node, logarithms: np.ndarray, freedom: Freedom) -> np.ndarray:
    """The same circuit with like arcs in the order of their time constants, the fastest first."""
    if not freedom.plain:
        return logarithms
    names = list(parameter_kinds(circuit))
    values = dict(zip(names, np.exp(logarithms).tolist(), strict=True))
    out = logarithms
    for group in _alike(circuit):
        members = [(arc_time(part, values), places) for part, places in group]
        sorted_members = sorted(members, key=lambda member: member[0])
        if sorted_members != members:
            out = logarithms.copy() if out is logarithms else out
            for (_, into), (_, source) in zip(members, sorted_members, strict=True):
                out[list(into)] = logarithms[list(source)]
    return out


@functools.cache
def _alike(circuit: Node) -> tuple[tuple[tuple[Node, tuple[int, ...]], ...], ...]:
    """Groups of serial parts of one make that have a time constant, each with the places of its parameters."""
    names = list(parameter_kinds(circuit))
    unit = dict.fromkeys(names, 1.0)
    groups: dict[str, list[tuple[Node, tuple[int, ...]]]] = {}
    for part in serial_parts(circuit):
        if math.isfinite(arc_time(part, unit)):
            make = type(part).__name__ + "".join(element.symbol for element in elements_of(part))
            groups.setdefault(make, []).append((part, tuple(names.index(name) for name in parameter_kinds(part))))
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)


def fit_circuit(
    spectrum: Spectrum,
    circuit: Node | str,
    *,
    weighting: str = "modulus",
    deviation: Float[np.ndarray, "n 2"] | None = None,
    robust: bool = False,
    fixed: Mapping[str, float] | None = None,
    tied: Mapping[str, str] | None = None,
    start: Mapping[str, float] | Sequence[Mapping[str, float]] | None = None,
    starts: int | None = None,
    seed: int = 0,
    iterations: int = 100,
    rough: bool = False,
) -> CircuitFit:
    """The circuit whose weighted squared distance from the spectrum is smallest, found without a guess.

    min over θ = ln(parameters) of Σ [(Re ΔZ/s_re)² + (Im ΔZ/s_im)²].

    Assumes errors independent from point to point, of the stated relative sizes. The covariance is scaled by the
    reduced χ² unless the deviations are measured. Fails when the circuit does not describe the spectrum: the flags
    then say that the residuals follow a pattern.

    Parameters
    ----------
    circuit : tree or text in either notation.
    weighting, deviation : see :func:`deviations`.
    robust : Huber's loss (1.345 robust standard deviations) by reweighting.
    fixed : parameters held at a value [SI]. tied : parameters set equal to another.
    start : parameters [SI], or several sets of them, to start from besides those from the data. starts : how many
        starts from the data; by default 12, and 48 where the fit from these leaves a pattern in the residuals.
    iterations : the most steps of the leading starts; a fit that needs more is flagged as not converged.
    rough : for a comparison of circuits only: χ² to 1e-5, and no check of the limits (:func:`check_limits`).

    Raises
    ------
    InputError
        When circuit, weighting, names or values are wrong, or there are fewer data than parameters.
    """
    if starts is None:
        options: dict[str, Any] = {"weighting": weighting, "deviation": deviation, "robust": robust, "fixed": fixed}
        options |= {"tied": tied, "start": start, "seed": seed, "iterations": iterations}
        options["rough"] = rough
        fit = fit_circuit(spectrum, circuit, starts=FEW_STARTS, **options)
        if not any(flag.code == "residuals_not_white" for flag in fit.flags):
            return fit
        return min(fit, fit_circuit(spectrum, circuit, starts=MANY_STARTS, **options), key=lambda one: one.chi_square)
    tree = parse_circuit(circuit) if isinstance(circuit, str) else circuit
    freedom = freedom_of(tree, fixed, tied)
    omega = 2 * np.pi * spectrum.frequency
    if 2 * omega.size <= freedom.count:
        raise InputError(
            f"The spectrum has {omega.size} points, too few for the {freedom.count} parameters of "
            f"{print_circuit(tree)}; choose a smaller circuit."
        )
    sizes = deviations(spectrum.impedance, weighting, deviation)
    low, high = parameter_bounds(tree, omega, spectrum.impedance)
    full = np.clip(starting_values(tree, omega, spectrum.impedance, sizes, starts, seed), low, high)
    given = [start] if isinstance(start, Mapping) else list(start or ())
    told = np.array([[one.get(name, math.nan) for name in parameter_kinds(tree)] for one in given])
    if given:
        full = np.vstack([np.where(np.isnan(told), full[0], np.log(told)), full])
    best, converged = _best(
        tree, omega, spectrum.impedance, sizes, freedom, freedom.gather(full), low, high, iterations,
        1e-5 if rough else 1e-9,
    )  # fmt: skip
    scales = sizes
    if robust:
        best, scales, converged = _reweighted(tree, omega, spectrum.impedance, sizes, freedom, best, low, high)
    best = ordered(tree, freedom.spread(best[None])[0], freedom)
    fit = summarise(tree, spectrum, best, scales, weighting, freedom, low, high, converged)
    if rough:
        return fit
    return with_limits_checked(fit, batch_model(tree, omega, spectrum.impedance[None], scales[None], freedom), freedom)


def check_limits(fit: CircuitFit, deviation: Float[np.ndarray, "n 2"] | None = None) -> CircuitFit:
    """A ``rough`` fit with its limits checked; every parameter free, ``deviation`` that of the fit."""
    freedom = freedom_of(fit.circuit)
    sizes = deviations(fit.impedance, fit.weighting, deviation)[None]
    model = batch_model(fit.circuit, 2 * np.pi * fit.frequency, fit.impedance[None], sizes, freedom)
    return with_limits_checked(fit, model, freedom)


def find_minimum(spectrum: Spectrum, circuit: Node, *, weighting: str = "modulus", starts: int = 6) -> np.ndarray:
    """(p,) logarithms of the parameters at the best minimum found without a guess, nothing else."""
    freedom = freedom_of(circuit)
    omega = 2 * np.pi * spectrum.frequency
    sizes = deviations(spectrum.impedance, weighting)
    low, high = parameter_bounds(circuit, omega, spectrum.impedance)
    begin = np.clip(starting_values(circuit, omega, spectrum.impedance, sizes, starts), low, high)
    return _best(circuit, omega, spectrum.impedance, sizes, freedom, begin, low, high, 60)[0]


def with_limits_checked(fit: CircuitFit, model: BatchModel, freedom: Freedom) -> CircuitFit:
    """The fit with an uncertainty withdrawn where χ² is flat on one side although its curvature is not.

    Each parameter told worse than 10 % (2 % beside one at a bound) is moved by four standard uncertainties, and by a
    factor of at least 100, up and down, and the others follow; where χ² stays within the 95 % threshold the data only
    bound it on the other side.
    """
    kinds = parameter_kinds(fit.circuit)  # pure numbers have bounds of nature on both sides
    bound = any(flag.code == "at_bound" for flag in fit.flags)
    loose = 0.02 if bound else 0.1
    names = [
        (place, name)
        for place, (name, estimate) in enumerate(fit.parameters.items())
        if estimate.relative > loose and freedom.source[place] >= 0 and math.isinf(kinds[name].high)
    ]
    if not names:
        return fit
    low, high = parameter_bounds(fit.circuit, 2 * np.pi * fit.frequency, fit.impedance)
    start = freedom.gather(fit.logarithms[None])[0]
    bounds = freedom.gather(low[None])[0], freedom.gather(high[None])[0]
    rows, held = [], []
    for place, name in names:
        free = int(freedom.source[place])
        for side in (-1, 1):
            std = fit.parameters[name].relative
            for move in (max(4 * std, math.log(100)), 4 * std):
                row = start.copy()
                row[free] += side * move
                rows.append(row)
                held.append(np.arange(row.size) == free)
    moved = fit_batch(model, np.array(rows), *bounds, held=np.array(held), iterations=30, tolerance=1e-6)
    measured = fit.weighting == "measured"
    threshold = 3.84 if measured else fit.chi_square * student_95(fit.degrees) ** 2 / fit.degrees
    flat: np.ndarray = np.any((moved.chi_square < fit.chi_square + threshold).reshape(-1, 2, 2), axis=2)
    parameters, flags, covariance = dict(fit.parameters), list(fit.flags), fit.covariance.copy()
    for (place, name), (down, up) in zip(names, flat, strict=True):
        if down or up:
            side = "neither from below nor from above" if down and up else f"only from {'above' if down else 'below'}"
            flag = ImpedanceFlag.UNIDENTIFIABLE.flag(parameter=name, reason=f"they bound it {side}")
            parameters[name] = Estimate(parameters[name].value, flags=(flag,))
            flags.append(flag)
            covariance[place, :] = covariance[:, place] = math.nan  # the curvature at the minimum says nothing of it
    return replace(fit, parameters=parameters, covariance=covariance, flags=tuple(flags))


def _best(
    circuit: Node,
    omega: np.ndarray,
    impedance: np.ndarray,
    sizes: np.ndarray,
    freedom: Freedom,
    starts: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    iterations: int,
    tolerance: float = 1e-9,
) -> tuple[np.ndarray, bool]:
    """The best minimum reached from the starts: a short run of all, a full run of the leaders."""
    model = batch_model(circuit, omega, impedance[None], sizes[None], freedom)
    bounds = freedom.gather(low[None])[0], freedom.gather(high[None])[0]
    short = fit_batch(model, starts, *bounds, iterations=min(12, iterations), tolerance=1e-6)
    leaders = np.argsort(short.chi_square)[: max(2, len(starts) // 4)]
    full = fit_batch(model, short.parameters[leaders], *bounds, iterations=iterations, tolerance=tolerance)
    place = int(np.argmin(full.chi_square))
    return full.parameters[place], bool(full.converged[place])


def _reweighted(
    circuit: Node,
    omega: np.ndarray,
    impedance: np.ndarray,
    sizes: np.ndarray,
    freedom: Freedom,
    best: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, bool]:
    """Huber's M-estimate by iterated weights: parameters, enlarged deviations, converged."""
    bounds = freedom.gather(low[None])[0], freedom.gather(high[None])[0]
    plain = batch_model(circuit, omega, impedance[None], sizes[None], freedom)
    scales, converged = sizes, False
    for _ in range(30):
        residual = np.abs(plain(best[None], np.zeros(1, int))[0][0])
        spread = 1.4826 * float(np.median(residual)) or 1e-300
        scales = sizes * np.sqrt(np.maximum(1.0, residual.reshape(sizes.shape) / (1.345 * spread)))
        model = batch_model(circuit, omega, impedance[None], scales[None], freedom)
        step = fit_batch(model, best[None], *bounds, iterations=30)
        moved = float(np.max(np.abs(step.parameters[0] - best)))
        best, converged = step.parameters[0], bool(step.converged[0])
        if moved < 1e-5:
            break
    return best, scales, converged
