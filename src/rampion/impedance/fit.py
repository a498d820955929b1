"""A circuit fitted to a spectrum without a guess: bounded, in logarithms, with exact slopes, from many starts at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Complex, Float

from rampion.errors import InputError
from rampion.estimate import NORMAL_95, Estimate, Flag
from rampion.fitting import BatchModel, covariance_of, fit_batch
from rampion.impedance.circuit import Node, elements_of, impedance_and_slopes, parameter_kinds, serial_parts
from rampion.impedance.flags import ImpedanceFlag
from rampion.impedance.guess import parameter_bounds, starting_values
from rampion.impedance.notation import parse_circuit, print_circuit
from rampion.measurement import Spectrum

LOST = 1.0  # a standard uncertainty of ln(parameter) beyond this is no measurement of it


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


@dataclass(frozen=True, slots=True, eq=False)
class Freedom:
    """Which parameters are free: ``source`` (p,) points into the free ones, -1 where held at ``base`` (p,)."""

    source: np.ndarray
    base: np.ndarray

    @property
    def count(self) -> int:
        """How many are free."""
        return int(self.source.max(initial=-1)) + 1

    @property
    def plain(self) -> bool:
        """Whether every parameter is free and on its own."""
        return bool(np.array_equal(self.source, np.arange(self.source.size)))

    def spread(self, free: np.ndarray) -> np.ndarray:
        """(m, p) from the free (m, q)."""
        return np.where(self.source >= 0, free[:, np.maximum(self.source, 0)], self.base)

    def gather(self, full: np.ndarray) -> np.ndarray:
        """(m, q) of the free ones: of tied parameters, the first."""
        return full[:, [int(np.argmax(self.source == place)) for place in range(self.count)]]

    def matrix(self) -> np.ndarray:
        """(p, q) slope of all parameters with respect to the free ones."""
        return (self.source[:, None] == np.arange(self.count)).astype(float)


def freedom_of(
    circuit: Node, fixed: Mapping[str, float] | None = None, tied: Mapping[str, str] | None = None
) -> Freedom:
    """Which parameters are free, from those fixed at a value (SI) and those tied to be equal to another.

    Raises
    ------
    InputError
        When a name is not of the circuit, a fixed value is not positive, or a tie leads to another tied parameter.
    """
    names = list(parameter_kinds(circuit))
    fixed, tied = dict(fixed or {}), dict(tied or {})
    for name in (*fixed, *tied, *tied.values()):
        if name not in names:
            raise InputError(f"{name!r} is no parameter of {print_circuit(circuit)}; it has {', '.join(names)}.")
    for name, value in fixed.items():
        if not value > 0:
            raise InputError(f"The fixed parameter {name} is {value:g}; expected a positive number.")
    for name, other in tied.items():
        if other in tied or name in fixed:
            raise InputError(f"{name} is tied to {other}, which is itself tied, or it is fixed too; tie it only once.")
    source, base, free = np.full(len(names), -1), np.zeros(len(names)), 0
    for place, name in enumerate(names):
        if name in fixed:
            base[place] = math.log(fixed[name])
        elif name not in tied:
            source[place], free = free, free + 1
    for name, other in tied.items():
        source[names.index(name)] = source[names.index(other)]
        base[names.index(name)] = base[names.index(other)]
    return Freedom(source, base)


def deviations(
    impedance: Complex[np.ndarray, " n"], weighting: str, measured: Float[np.ndarray, "n 2"] | None = None
) -> Float[np.ndarray, "n 2"]:
    """(n, 2) sizes of the errors of the real and imaginary parts, up to one common factor unless ``measured``.

    ``modulus``: |Z|; ``unit``: 1; ``proportional``: |Re Z| and |Im Z|, not below 1 % of |Z|; ``measured``: as given [Ω].

    Raises
    ------
    InputError
        When the weighting is unknown, or measured deviations are missing or not positive.
    """
    size = np.abs(impedance)
    if weighting == "modulus":
        return np.stack([size, size], axis=1)
    if weighting == "unit":
        return np.ones((size.size, 2))
    if weighting == "proportional":
        return np.maximum(np.stack([np.abs(impedance.real), np.abs(impedance.imag)], axis=1), 0.01 * size[:, None])
    if weighting == "measured":
        if measured is None or measured.shape != (size.size, 2) or not np.all(measured > 0):
            raise InputError("The weighting 'measured' needs positive deviations of real and imaginary part, (n, 2).")
        return measured
    raise InputError(f"{weighting!r} is no weighting; expected modulus, unit, proportional or measured.")


def batch_model(
    circuit: Node, omega: np.ndarray, impedance: np.ndarray, deviation: np.ndarray, freedom: Freedom
) -> BatchModel:
    """Weighted residuals and slopes for :func:`~rampion.fitting.fit_batch`.

    ``omega`` (n,), ``impedance`` and ``deviation`` (k, n), (k, n, 2): of one spectrum for all rows (k = 1) or one a row.
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


def arc_time(part: Node, values: Mapping[str, float]) -> float:
    """Time constant [s] of a relaxation in series with the rest; NaN for parts that have none."""
    by_symbol = {element.symbol: element.name for element in elements_of(part)}
    symbols = sorted(by_symbol)
    if symbols == ["CPE", "R"] and len(elements_of(part)) == 2 and not hasattr(part, "symbol"):
        name = by_symbol["CPE"]
        return float((values[by_symbol["R"]] * values[f"{name}.Q"]) ** (1 / values[f"{name}.alpha"]))
    if symbols == ["C", "R"] and len(elements_of(part)) == 2:
        return values[by_symbol["R"]] * values[by_symbol["C"]]
    if symbols == ["Con"]:
        return values[f"{by_symbol['Con']}.R"] * values[f"{by_symbol['Con']}.C"]
    if len(symbols) == 1 and f"{by_symbol[symbols[0]]}.tau" in values:
        return values[f"{by_symbol[symbols[0]]}.tau"]
    return math.nan


def ordered(circuit: Node, logarithms: np.ndarray, freedom: Freedom) -> np.ndarray:
    """The same circuit with like arcs in the order of their time constants, the fastest first."""
    if not freedom.plain:
        return logarithms
    names = list(parameter_kinds(circuit))
    values = dict(zip(names, np.exp(logarithms), strict=True))
    groups: dict[str, list[tuple[float, list[int]]]] = {}
    for part in serial_parts(circuit):
        time = arc_time(part, values)
        if math.isfinite(time):
            make = type(part).__name__ + "".join(element.symbol for element in elements_of(part))
            groups.setdefault(make, []).append((time, [names.index(name) for name in parameter_kinds(part)]))
    out = logarithms.copy()
    for members in groups.values():
        for (_, into), (_, source) in zip(members, sorted(members, key=lambda member: member[0]), strict=True):
            out[into] = logarithms[source]
    return out


def fit_circuit(
    spectrum: Spectrum,
    circuit: Node | str | None = None,
    *,
    weighting: str = "modulus",
    deviation: Float[np.ndarray, "n 2"] | None = None,
    robust: bool = False,
    fixed: Mapping[str, float] | None = None,
    tied: Mapping[str, str] | None = None,
    start: Mapping[str, float] | None = None,
    starts: int = 12,
    seed: int = 0,
) -> CircuitFit:
    """The circuit whose weighted squared distance from the spectrum is smallest, found without a guess.

    min over θ = ln(parameters) of Σ [(Re ΔZ/s_re)² + (Im ΔZ/s_im)²].

    Assumes errors independent from point to point, of the stated relative sizes. The covariance is scaled by the
    reduced χ² unless the deviations are measured. Fails when the circuit does not describe the spectrum: the flags
    then say that the residuals follow a pattern.

    Parameters
    ----------
    circuit : tree or text in either notation; chosen by evidence when absent
        (:func:`~rampion.impedance.choose.choose_circuit`).
    weighting, deviation : see :func:`deviations`.
    robust : Huber's loss (1.345 robust standard deviations) by reweighting.
    fixed : parameters held at a value [SI]. tied : parameters set equal to another.
    start : parameters [SI] to start from besides those from the data. starts : how many starts from the data.

    Raises
    ------
    InputError
        When circuit, weighting, names or values are wrong, or there are fewer data than parameters.
    """
    if circuit is None:
        from rampion.impedance.choose import choose_circuit

        return choose_circuit(spectrum, weighting=weighting, deviation=deviation).fit
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
    if start is not None:
        row = full[0].copy()
        for place, name in enumerate(parameter_kinds(tree)):
            if name in start:
                row[place] = math.log(start[name])
        full = np.vstack([row, full])
    best, converged = _best(tree, omega, spectrum.impedance, sizes, freedom, freedom.gather(full), low, high)
    scales = sizes
    if robust:
        best, scales, converged = _reweighted(tree, omega, spectrum.impedance, sizes, freedom, best, low, high)
    best = ordered(tree, freedom.spread(best[None])[0], freedom)
    return summarise(tree, spectrum, best, scales, weighting, freedom, low, high, converged)


def _best(
    circuit: Node,
    omega: np.ndarray,
    impedance: np.ndarray,
    sizes: np.ndarray,
    freedom: Freedom,
    starts: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
) -> tuple[np.ndarray, bool]:
    """The best minimum reached from the starts: a short run of all, a full run of the leaders."""
    model = batch_model(circuit, omega, impedance[None], sizes[None], freedom)
    bounds = freedom.gather(low[None])[0], freedom.gather(high[None])[0]
    short = fit_batch(model, starts, *bounds, iterations=12, tolerance=1e-6)
    leaders = np.argsort(short.chi_square)[: max(3, len(starts) // 4)]
    full = fit_batch(model, short.parameters[leaders], *bounds, iterations=100)
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
) -> CircuitFit:
    """Uncertainties, criteria and findings at the minimum."""
    omega = 2 * np.pi * spectrum.frequency
    fitted, slopes = impedance_and_slopes(circuit, logarithms[None], omega)
    fitted = fitted[0]
    weights = 1 / sizes
    gap = spectrum.impedance - fitted
    residual = gap.real * weights[:, 0] + 1j * gap.imag * weights[:, 1]
    chi_square = float(np.sum(np.abs(residual) ** 2))
    count, free = 2 * omega.size, freedom.count
    degrees = count - free
    table = (slopes[0].view(float).reshape(len(logarithms), -1, 2) * weights).reshape(len(logarithms), -1).T
    at_low, at_high = logarithms <= low + 1e-6, logarithms >= high - 1e-6
    loose = (freedom.source >= 0) & ~at_low & ~at_high
    factor = 1.0 if weighting == "measured" else chi_square / degrees
    collect = freedom.matrix()[:, [bool(loose[freedom.source == place].all()) for place in range(free)]]
    covariance = collect @ _finite_product(covariance_of(table @ collect) * factor, collect)
    held = ~collect.any(axis=1)
    covariance[held, :] = covariance[:, held] = np.nan
    names, flags = list(parameter_kinds(circuit)), []
    spread = np.sqrt(np.diag(covariance))
    quantile = student_95(degrees)
    parameters = {}
    for place, (name, kind) in enumerate(parameter_kinds(circuit).items()):
        value, std = math.exp(logarithms[place]), float(spread[place])
        if freedom.source[place] < 0:
            parameters[name] = Estimate(value)
            continue
        flag = None
        natural = math.isfinite(kind.high)  # a bound of nature, as α = 1
        if at_high[place] and natural or at_low[place] and natural:
            flag = ImpedanceFlag.AT_BOUND.flag(parameter=name, side="upper" if at_high[place] else "lower", bound=value)
        elif at_low[place] or at_high[place]:
            flag = ImpedanceFlag.UNIDENTIFIABLE.flag(
                parameter=name, reason="the fit drives it to the end of the range the window can show"
            )
        elif not std <= LOST:
            reason = "other parameters can take its place" if math.isnan(std) else f"its uncertainty is {std:.0%}"
            flag = ImpedanceFlag.UNIDENTIFIABLE.flag(parameter=name, reason=reason)
        if flag is None:
            ends = value * math.exp(-quantile * std), value * math.exp(quantile * std)
            parameters[name] = Estimate(value, value * std, *ends)
        else:
            parameters[name] = Estimate(value, flags=(flag,))
            flags.append(flag)
    whiteness = whiteness_of(residual, spectrum.frequency)
    text = print_circuit(circuit)
    if not converged:
        flags.append(ImpedanceFlag.NOT_CONVERGED.flag(circuit=text))
    if whiteness < 1e-3:
        flags.append(ImpedanceFlag.RESIDUALS_NOT_WHITE.flag(circuit=text, p_value=whiteness))
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


def _finite_product(covariance: np.ndarray, collect: np.ndarray) -> np.ndarray:
    """covariance @ collectᵀ where NaN rows spoil only their own parameters."""
    out = np.zeros((covariance.shape[0], collect.shape[0]))
    for column in range(collect.shape[0]):
        sources = np.flatnonzero(collect[column])
        if sources.size:
            out[:, column] = covariance[:, sources[0]]
    return out


def student_95(degrees: int) -> float:
    """The 97.5 % quantile of Student's t (Cornish-Fisher series, within 0.1 % from 8 degrees of freedom on)."""
    z, n = NORMAL_95, max(degrees, 1)
    return z + (z**3 + z) / (4 * n) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2)


def whiteness_of(residual: Complex[np.ndarray, " n"], frequency: Float[np.ndarray, " n"], lags: int = 3) -> float:
    """p-value of residuals without pattern along the frequency (Ljung-Box over both parts).

    Q = n(n+2) Σ r_k²/(n-k), χ²-distributed with 2·lags degrees of freedom for real and imaginary part together.

    References
    ----------
    Ljung, Box, Biometrika 65 (1978) 297, doi:10.1093/biomet/65.2.297.
    """
    count = residual.size
    if count < 4 * lags:
        return math.nan
    total = 0.0
    row = residual[np.argsort(frequency)]
    for part in (row.real, row.imag):
        power = float(part @ part)
        if power > 0:
            total += sum(float(part[k:] @ part[:-k] / power) ** 2 / (count - k) for k in range(1, lags + 1))
    half = 0.5 * count * (count + 2) * total
    return math.exp(-half) * sum(half**k / math.factorial(k) for k in range(lags))


def derive(fit: CircuitFit, function: Callable[[dict[str, float]], float]) -> Estimate:
    """A positive number computed from the parameters, with the uncertainty their covariance gives it.

    First order in the logarithms; without uncertainty when a parameter it depends on has none.
    """
    names = list(fit.parameters)

    def logarithm(row: np.ndarray) -> float:
        value = function(dict(zip(names, np.exp(row), strict=True)))
        return math.log(value) if value > 0 else math.nan

    centre = logarithm(fit.logarithms)
    steps = 1e-5 * np.eye(len(names))
    slopes = np.array([(logarithm(fit.logarithms + s) - logarithm(fit.logarithms - s)) / 2e-5 for s in steps])
    used = np.abs(slopes) > 1e-9
    held = [n for n, u in zip(names, used, strict=True) if u and math.isnan(fit.parameters[n].std)]
    natural = all(f.code == "at_bound" for n in held for f in fit.parameters[n].flags)
    if held and natural:  # fixed by the user or at a bound of nature: exact
        used &= ~np.isin(names, held)
    elif held:
        return Estimate(math.exp(centre), flags=tuple(f for n in held for f in fit.parameters[n].flags))
    inner = slopes[used]
    std = math.sqrt(max(float(inner @ fit.covariance[np.ix_(used, used)] @ inner), 0.0))
    value, quantile = math.exp(centre), student_95(fit.degrees)
    return replace(
        Estimate(value, value * std), low=value * math.exp(-quantile * std), high=value * math.exp(quantile * std)
    )
