"""The record of a fitted circuit: estimates, covariance, criteria, findings, and numbers derived from them."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from rampion.estimate import NORMAL_95, Estimate, Flag
from rampion.fitting import covariance_of
from rampion.impedance.circuit import Node, impedance_and_slopes, parameter_kinds
from rampion.impedance.elements import ParameterKind
from rampion.impedance.error_sizes import growth_of_errors
from rampion.impedance.flags import ImpedanceFlag
from rampion.impedance.freedom import Freedom
from rampion.impedance.notation import print_circuit
from rampion.impedance.whiteness import whiteness_of
from rampion.measurement import Spectrum

GROWTH = {"modulus": 1.0, "unit": 0.0}  # the power of |Z| with which the errors are taken to grow
_GROWS = 1e-3  # p-value
LOST = 1.0  # a standard uncertainty of ln(parameter) beyond this is no measurement of it
COMBINED = 0.5  # the same of a number that rests on a parameter which is itself no measurement


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CircuitFit:
    """A circuit fitted to one spectrum.

    Attributes
    ----------
    parameters : estimates in SI by name, with units in ``units``; without uncertainty (NaN) where the data do not tell.
    logarithms, covariance : (p,), (p, p) of ln(parameters); NaN rows where a parameter is held or not told.
    fitted : (n,) [Ω] the circuit's impedance at the frequencies. residual : (n,) complex, in units of the weighting.
    chi_square, degrees : weighted sum of squares and its degrees of freedom.
    noise : root of the reduced χ²: for modulus weights, the error relative to |Z|.
    aicc, bic : criteria for comparing circuits on the same spectrum with the same weights (smaller is better).
    whiteness : p-value of residuals without pattern along the frequency.
    """

    circuit: Node
    parameters: Mapping[str, Estimate]
    units: Mapping[str, str]
    logarithms: Float[np.ndarray, " p"]
    covariance: Float[np.ndarray, "p p"]
    frequency: Float[np.ndarray, " n"]
    impedance: Complex[np.ndarray, " n"]
    fitted: Complex[np.ndarray, " n"]
    residual: Complex[np.ndarray, " n"]
    weighting: str
    chi_square: float
    degrees: int
    noise: float
    aicc: float
    bic: float
    whiteness: float
    converged: bool
    flags: tuple[Flag, ...] = ()

    @property
    def notation(self) -> str:
        """The circuit as text."""
        return print_circuit(self.circuit)


def summarise(
    circuit: Node,
    spectrum: Spectrum,
    logarithms: np.ndarray,
    sizes: np.ndarray,
    weighting: str,
    freedom: Freedom,
    low: np.ndarray,
    high: np.ndarray,
    converged: bool,
    covariance: np.ndarray | None = None,
    response: tuple[np.ndarray, np.ndarray | None] | None = None,
) -> CircuitFit:
    """Uncertainties, criteria and findings at the minimum; ``covariance`` (p, p) where a joint fit gave it.

    ``response`` : impedance (n,) and slopes (p, n) at the minimum, where they are known already (the slopes are not
    needed beside a covariance).
    """
    omega = 2 * np.pi * spectrum.frequency
    if response is None:
        every, every_slope = impedance_and_slopes(circuit, logarithms[None], omega)
        response = every[0], every_slope[0]
    fitted, slopes = response
    weights = 1 / sizes
    gap: np.ndarray = spectrum.impedance - fitted
    residual = np.real(gap) * weights[:, 0] + 1j * np.imag(gap) * weights[:, 1]
    chi_square = float(np.vdot(residual, residual).real)
    count, free = 2 * omega.size, freedom.count
    degrees = count - free
    at_low, at_high = logarithms <= low + 1e-6, logarithms >= high - 1e-6
    factor = 1.0 if weighting == "measured" else chi_square / degrees
    table = None if slopes is None else (np.ascontiguousarray(slopes).view(float) * weights.reshape(-1)).T
    if covariance is None and table is not None:
        covariance = _covariance(table, freedom, (at_low | at_high) & ~bounded_by_nature(circuit), factor)
    assert covariance is not None
    spread = np.sqrt(np.diag(covariance))
    parameters = {}
    for place, (name, kind) in enumerate(parameter_kinds(circuit).items()):
        side = "lower" if at_low[place] else "upper" if at_high[place] else ""
        std = 0.0 if freedom.source[place] < 0 else float(spread[place])
        parameters[name] = _estimate(name, kind, math.exp(logarithms[place]), std, side, degrees)
    flags = [flag for estimate in parameters.values() for flag in estimate.flags]
    growth, chance = growth_of_errors(residual, spectrum.impedance)
    uneven = weighting in GROWTH and chance < _GROWS  # then a few large errors would look like a pattern
    if uneven:
        whiteness = whiteness_of(residual / np.abs(spectrum.impedance) ** growth, spectrum.frequency)
    else:
        free_table = table if table is None or freedom.plain else table @ freedom.matrix()
        whiteness = whiteness_of(residual, spectrum.frequency, free_table)
    if not converged:
        flags.append(ImpedanceFlag.NOT_CONVERGED.flag(circuit=print_circuit(circuit)))
    exact = float(np.max(np.abs(gap) / np.abs(spectrum.impedance))) < 1e-9  # only rounding is left
    if whiteness < 1e-3 and not exact:
        flags.append(ImpedanceFlag.RESIDUALS_NOT_WHITE.flag(circuit=print_circuit(circuit), p_value=whiteness))
    if uneven and not whiteness < 1e-3 and not exact:
        exponent = growth + GROWTH[weighting]
        other = min((name for name in GROWTH if name != weighting), key=lambda name: abs(GROWTH[name] - exponent))
        if abs(GROWTH[other] - exponent) < abs(growth):
            flags.append(
                ImpedanceFlag.ERRORS_NOT_AS_WEIGHTED.flag(
                    weighting=weighting, exponent=exponent, p_value=chance, other=other
                )
            )
    if omega.size < 2 * free:
        flags.append(ImpedanceFlag.FEW_POINTS.flag(points=omega.size, parameters=free))
    likelihood = chi_square if weighting == "measured" else count * math.log(max(chi_square, 1e-300) / count)
    known = free + (weighting != "measured")
    short = max(count - known - 1, 1)
    return CircuitFit(
        circuit=circuit,
        parameters=parameters,
        units={name: kind.unit for name, kind in parameter_kinds(circuit).items()},
        logarithms=logarithms,
        covariance=covariance,
        frequency=spectrum.frequency,
        impedance=spectrum.impedance,
        fitted=fitted,
        residual=residual,
        weighting=weighting,
        chi_square=chi_square,
        degrees=degrees,
        noise=math.sqrt(chi_square / degrees),
        aicc=likelihood + 2 * known + 2 * known * (known + 1) / short,
        bic=likelihood + known * math.log(count),
        whiteness=whiteness,
        converged=converged,
        flags=tuple(flags),
    )


@functools.cache
def bounded_by_nature(circuit: Node) -> np.ndarray:
    """(p,) which parameters have bounds of nature, as an exponent.

    At such a bound a parameter is held, yet the others are as uncertain as if it were not: it is not known to be
    there, and to count it as exact would give a resistance outside the window an interval far too small.
    """
    return np.array([math.isfinite(kind.high) for kind in parameter_kinds(circuit).values()])


def _covariance(table: np.ndarray, freedom: Freedom, bound: np.ndarray, factor: float) -> np.ndarray:
    """(p, p) of ln(parameters) from the weighted slopes (2n, p); NaN rows for those held or ``bound`` (p,)."""
    if freedom.plain and not bound.any():
        return covariance_of(table) * factor
    size, loose = bound.size, (freedom.source >= 0) & ~bound
    kept = np.array([place for place in range(freedom.count) if loose[freedom.source == place].all()], int)
    inner = covariance_of(table @ freedom.matrix()[:, kept]) * factor
    covariance = np.full((size, size), np.nan)
    told = np.flatnonzero(np.isin(freedom.source, kept))
    own = np.searchsorted(kept, freedom.source[told])
    covariance[np.ix_(told, told)] = inner[np.ix_(own, own)]
    return covariance


def _estimate(name: str, kind: ParameterKind, value: float, std: float, side: str, degrees: int) -> Estimate:
    """One parameter's estimate from the standard uncertainty of its logarithm; ``std`` 0 for one held by the user."""
    if std == 0.0:
        return Estimate(value)
    if side and math.isfinite(kind.high):  # a bound of nature, as α = 1
        return Estimate(value, flags=(ImpedanceFlag.AT_BOUND.flag(parameter=name, side=side, bound=value),))
    reason = ""
    if side:
        reason = "the fit drives it to the end of the range the window can show"
    elif math.isnan(std):
        reason = "other parameters can take its place"
    elif std > LOST:
        reason = f"its uncertainty is {std:.0%}"
    if reason:
        return Estimate(value, flags=(ImpedanceFlag.UNIDENTIFIABLE.flag(parameter=name, reason=reason),))
    quantile = student_95(degrees)
    return Estimate(value, value * std, value * math.exp(-quantile * std), value * math.exp(quantile * std))


def student_95(degrees: int) -> float:
    """The 97.5 % quantile of Student's t (Cornish-Fisher series, within 0.1 % from 8 degrees of freedom on)."""
    z, n = NORMAL_95, max(degrees, 1)
    return z + (z**3 + z) / (4 * n) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2)


def derive(fit: CircuitFit, logarithm: float, slopes: Mapping[str, float]) -> Estimate:
    """A positive number computed from the parameters, with the uncertainty their covariance gives it.

    First order: variance of ln(number) = gᵀ·covariance·g. Without uncertainty when the data only bound a parameter it
    depends on; where they tell two parameters badly but together well, as Q and α of an arc, the number has its own.
    Parameters held by the user count as exact.

    Parameters
    ----------
    logarithm : ln(number). slopes : g, ∂ln(number)/∂ln(parameter) by name, of those it depends on.
    """
    flags, places, value = [], {name: place for place, name in enumerate(fit.parameters)}, math.exp(logarithm)
    known, wide = [], []
    for name, slope in slopes.items():
        flagged = fit.parameters[name].flags
        if math.isfinite(fit.covariance[places[name], places[name]]):
            known.append((places[name], slope))  # one that is told badly may still tell a combination well
            wide += [flag for flag in flagged if flag.code == "unidentifiable"]
        elif not any(flag.code == "at_bound" for flag in flagged):
            flags.extend(flagged)  # none of one that is held
    if flags:
        return Estimate(value, flags=tuple(dict.fromkeys(flags)))
    rows = [fit.covariance[place].tolist() for place, _ in known]
    variance = sum(one * two * row[place] for (_, one), row in zip(known, rows, strict=True) for place, two in known)
    std, quantile = math.sqrt(max(variance, 0.0)), student_95(fit.degrees)
    if wide and std > COMBINED:
        return Estimate(value, flags=tuple(dict.fromkeys(wide)))
    return Estimate(value, value * std, value * math.exp(-quantile * std), value * math.exp(quantile * std))


def sum_of(fit: CircuitFit, names: Sequence[str]) -> Estimate:
    """Sum of parameters of one unit, with their covariance."""
    values = {name: fit.parameters[name].value for name in names}
    total = sum(values.values())
    return derive(fit, math.log(total), {name: value / total for name, value in values.items()})
