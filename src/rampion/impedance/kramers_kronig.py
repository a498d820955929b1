"""Linear Kramers–Kronig test by a measurement model whose order, noise and verdict come from the data alone.

Z(ω) = R + jωL + 1/(jωC) + Σₖ Rₖ/(1 + jωτₖ), τₖ fixed on a logarithmic grid, every coefficient free in sign. Each
term obeys the relations, so what the sum cannot follow, beyond noise, breaks them. Points are weighted by 1/|Z|.

The terms are ordered so that every beginning of the list covers the window evenly; one QR factorisation then gives
the residual of every order, and the order is the minimum of BIC. The verdict is an F-test: do smooth deviations of
the imaginary part alone, which no spectrum that obeys the relations can have, improve the fit; with a second test
on the correlation of neighbouring residuals. The noise is what remains after both.

The impedance of a passive cell has no pole and no zero in the right half plane, and both Z and 1/Z obey the relations.
Where Re Z is negative (a passivating electrode, a film that gives way) the cell is not passive: held at a voltage it
can be stable while at that current it is not, and then 1/Z obeys the relations and Z does not. Such a spectrum is
valid when either does.

Boukamp, J. Electrochem. Soc. 142 (1995) 1885, doi:10.1149/1.2044210; Schönleber, Klotz, Ivers-Tiffée,
Electrochim. Acta 131 (2014) 20, doi:10.1016/j.electacta.2014.01.034 (whose µ criterion for the order is not used).
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Complex

from rampion.estimate import Flag
from rampion.impedance.flags import ImpedanceFlag
from rampion.measurement import Spectrum

TERMS_PER_DECADE = 4.0
MARGIN = 0.5  # decades beyond the window on either side, for arcs cut by its ends
SMOOTH_TERMS = 6  # Legendre degrees 0 … 5 of the imaginary deviation
FEWEST_POINTS = 7
LARGEST_NOISE = 0.1  # of |Z|; beyond it nothing can be said to be obeyed
FEWEST_FOR_POWER = 10  # with fewer, most violations pass


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KramersKronig:
    """Verdict of the linear Kramers–Kronig test on one spectrum.

    Attributes
    ----------
    valid : whether the relations hold; ``None`` when the points are too few to tell.
    residual_rms : of (Z − model)/|Z|, real and imaginary parts together.
    noise : estimated standard deviation of each part of Z, as a fraction of |Z|.
    violation : size of the part of the residual that breaks the relations, as a fraction of |Z| (rms).
    probability : of so large a violation in a spectrum that obeys the relations (p-value).
    order : number of relaxation terms.
    residual : (n,) complex, (Z − model)/|Z| in the spectrum's own order.
    model : (n,) complex [Ω] the measurement model at each point.
    point_valid : (n,) whether the point lies within the noise of the model.
    admittance : whether it is 1/Z that was described: Re Z is negative somewhere, Z breaks the relations, and the
        model comes closer to 1/Z.
    """

    valid: bool | None
    residual_rms: float
    noise: float
    violation: float
    probability: float
    order: int
    residual: Complex[np.ndarray, " n"]
    model: Complex[np.ndarray, " n"]
    point_valid: Bool[np.ndarray, " n"]
    admittance: bool = False
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Model:
    residual: np.ndarray  # (2n,) real parts, then imaginary parts
    directions: np.ndarray  # (2n, k) orthonormal
    order: int


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    model: _Model
    spikes: np.ndarray  # (n,)
    probability: float
    noise: float
    violation: float
    broken: bool


@functools.lru_cache(maxsize=64)
def _even_order(count: int) -> np.ndarray:
    """0 … count-1 so that every beginning of the list is spread evenly: ends, middle, quarters, …"""
    order, segments = [0, count - 1], [(0, count - 1)]
    while segments:
        halves = []
        for low, high in segments:
            if high - low > 1:
                middle = (low + high) // 2
                order.append(middle)
                halves += [(low, middle), (middle, high)]
        segments = halves
    return np.array(order)


def relaxation_columns(angular: np.ndarray, size: np.ndarray) -> np.ndarray:
    """(2n, k) weighted columns: R, L, C and the relaxation terms, each of unit length."""
    low, high = -math.log(angular.max()), -math.log(angular.min())
    margin = MARGIN * math.log(10)
    decades = (high - low + 2 * margin) / math.log(10)
    count = max(3, min(math.ceil(decades * TERMS_PER_DECADE), angular.size))
    tau = np.exp(np.linspace(low - margin, high + margin, count))[_even_order(count)]
    columns = np.empty((angular.size, count + 3), complex)
    columns[:, 0] = 1
    columns[:, 1] = 1j * angular / angular.max()
    columns[:, 2] = angular.min() / (1j * angular)
    columns[:, 3:] = 1 / (1 + 1j * np.outer(angular, tau))
    columns /= size[:, None]
    stacked = np.concatenate([np.real(columns), np.imag(columns)])
    return stacked / np.linalg.norm(stacked, axis=0)


def _fit_model(angular: np.ndarray, response: np.ndarray) -> _Model:
    size = np.abs(response)
    target = np.concatenate([np.real(response), np.imag(response)]) / np.tile(size, 2)
    directions, _ = np.linalg.qr(relaxation_columns(angular, size))
    parts = directions.T @ target
    count = target.size
    terms = np.arange(1, parts.size + 1)
    squares = np.maximum(target @ target - np.cumsum(parts**2), count * 1e-26)
    bic = count * np.log(squares / count) + terms * math.log(count)
    most = max(4, min(parts.size, int(0.6 * count)))
    best = 4 + int(np.argmin(bic[3:most]))
    kept = directions[:, :best]
    return _Model(target - kept @ parts[:best], kept, best - 3)


def _smooth_violation(model: _Model, logarithm: np.ndarray) -> tuple[float, float, float, float]:
    """``(p, noise, violation, correlation)``: F-test on smooth imaginary deviations, and what is left besides."""
    from scipy.special import fdtrc

    position = np.interp(logarithm, (logarithm.min(), logarithm.max()), (-1, 1))
    spare = model.residual.size - model.directions.shape[1]
    smooth = np.polynomial.legendre.legvander(position, max(1, min(SMOOTH_TERMS, spare // 2)) - 1)
    smooth = np.concatenate([np.zeros_like(smooth), smooth])
    for _ in range(2):  # twice, for orthogonality to rounding
        smooth = smooth - model.directions @ (model.directions.T @ smooth)
    basis, values, _ = np.linalg.svd(smooth, full_matrices=False)
    basis = basis[:, values > 1e-6]
    parts = basis.T @ model.residual
    explained, total = float(parts @ parts), float(model.residual @ model.residual)
    count, used = model.residual.size, basis.shape[1]
    degrees = count - model.directions.shape[1] - used
    variance = max(total - explained, 1e-30) / degrees
    probability = float(fdtrc(used, degrees, explained / used / variance)) if used else 1.0
    violation = math.sqrt(max(explained - used * variance, 0.0) / count)
    half = count // 2
    real, imaginary = model.residual[:half], model.residual[half:]
    neighbours = real[1:] @ real[:-1] + imaginary[1:] @ imaginary[:-1]
    correlation = float(neighbours / total * math.sqrt(count)) if total else 0.0
    return probability, math.sqrt(variance), violation, correlation


def _outlyingness(model: _Model) -> tuple[np.ndarray, float]:
    """(n,) squared size of each point's residual, and the limit that noise passes in 1 of 1,000 spectra."""
    half = model.residual.size // 2
    lever = np.clip(1 - np.sum(model.directions**2, axis=1), 0.05, None)
    squares = model.residual**2 / lever
    size = squares[:half] + squares[half:]
    scale = max(float(np.median(size)) / (2 * math.log(2)), 1e-28)  # χ² of two degrees
    return size, 2 * math.log(half / 1e-3) * scale


def _fit_without_spikes(angular: np.ndarray, response: np.ndarray) -> tuple[_Model, np.ndarray]:
    """The model and the (n,) points set aside: at most a tenth, taken out worst first until none stands out.

    Where others still stand out then, or three neighbours or an end would go, it is no matter of spikes (a drift,
    say): nothing is set aside.
    """
    count = angular.size
    whole = model = _fit_model(angular, response)
    aside = np.zeros(count, bool)
    for _ in range(max(1, count // 10)):
        size, limit = _outlyingness(model)
        if size.max() <= limit:
            return model, aside
        worst = np.flatnonzero(~aside)[int(np.argmax(size))]
        aside[worst] = True
        beside = aside[max(worst - 2, 0) : worst + 3]
        if worst in (0, count - 1) or beside.sum() > 2:
            break
        model = _fit_model(angular[~aside], response[~aside])
    size, limit = _outlyingness(model)
    if size.size == count - aside.sum() and size.max() <= limit:
        return model, aside
    return whole, np.zeros(count, bool)


def _judge(angular: np.ndarray, response: np.ndarray, significance: float, correlation_limit: float) -> _Judged:
    """How well Z or 1/Z (n,) at rising ω obeys the relations."""
    model, spikes = _fit_without_spikes(angular, response)
    probability, noise, violation, correlation = _smooth_violation(model, np.log(angular[~spikes]))
    if correlation > correlation_limit:
        violation = max(violation, float(np.sqrt(np.mean(model.residual**2))))
    broken = probability < significance or correlation > correlation_limit
    return _Judged(model, spikes, probability, noise, violation, broken)


def check_kramers_kronig(
    spectrum: Spectrum, *, significance: float = 0.002, correlation_limit: float = 4.0, tolerance: float = 5e-4
) -> KramersKronig:
    """Test whether a spectrum obeys the Kramers–Kronig relations, at every point and as a whole.

    Assumes noise of equal relative size at all points, save single spikes, which are set aside and reported.
    Fails when the change of the cell mimics another spectrum that obeys the relations (a low-frequency arc cut by
    the window whose growth looks like a longer time constant): no test of this kind can see that. Sharp resonances
    (Q above about 1) are not in the model and read as violations.

    Parameters
    ----------
    spectrum : at least 7 points for a verdict, and 10 for one that means much (flagged below).
    significance : p-value below which the relations are broken.
    correlation_limit : of neighbouring residuals, in standard deviations.
    tolerance : systematic deviations below this fraction of |Z| are noted but do not withdraw the spectrum
        (impedance analysers are seldom specified to better than 0.1 %).
    """
    count = len(spectrum)
    if count < FEWEST_POINTS:
        flag = ImpedanceFlag.KRAMERS_KRONIG_TOO_FEW_POINTS.flag(points=count, needed=FEWEST_POINTS)
        nothing = np.full(count, np.nan + 0j)
        return KramersKronig(
            valid=None,
            residual_rms=math.nan,
            noise=math.nan,
            violation=math.nan,
            probability=math.nan,
            order=0,
            residual=nothing,
            model=nothing,
            point_valid=np.zeros(count, bool),
            flags=(flag,),
        )
    order = np.argsort(spectrum.frequency, kind="stable")
    angular, impedance = 2 * np.pi * spectrum.frequency[order], spectrum.impedance[order]
    judged, admittance = _judge(angular, impedance, significance, correlation_limit), False
    if judged.broken and bool((np.real(impedance) < 0).any()):
        other = _judge(angular, 1 / impedance, significance, correlation_limit)
        admittance = other.noise < judged.noise
        judged = other if admittance else judged
    model, spikes, noise, violation = judged.model, judged.spikes, judged.noise, judged.violation
    kept, response = ~spikes, 1 / impedance if admittance else impedance
    residual = np.zeros(count, complex)
    half = model.residual.size // 2
    residual[kept] = model.residual[:half] + 1j * model.residual[half:]
    outlying = spikes.copy()
    size, limit = _outlyingness(model)
    outlying[kept] |= size > limit
    fitted = response - residual * np.abs(response)
    if spikes.any():
        logs = np.log(angular)
        parts = [np.interp(logs[spikes], logs[kept], part(fitted[kept])) for part in (np.real, np.imag)]
        fitted[spikes] = parts[0] + 1j * parts[1]
    fitted = 1 / fitted if admittance else fitted
    residual = (impedance - fitted) / np.abs(impedance)
    flags: list[Flag] = []
    if noise > LARGEST_NOISE:
        flags.append(ImpedanceFlag.KRAMERS_KRONIG_NOISY.flag(noise=noise, limit=LARGEST_NOISE))
    if judged.broken and violation > tolerance:
        flags.append(ImpedanceFlag.KRAMERS_KRONIG_VIOLATED.flag(violation=violation, noise=noise))
    elif judged.broken:
        flags.append(ImpedanceFlag.KRAMERS_KRONIG_SYSTEMATIC.flag(violation=violation, tolerance=tolerance))
    if outlying.any():
        first = float(angular[np.argmax(outlying)] / (2 * np.pi))
        flags.append(
            ImpedanceFlag.KRAMERS_KRONIG_OUTLIERS.flag(count=int(outlying.sum()), points=count, frequency=first)
        )
    if count < FEWEST_FOR_POWER:
        flags.append(ImpedanceFlag.KRAMERS_KRONIG_WEAK.flag(points=count))
    back = np.empty(count, int)
    back[order] = np.arange(count)
    return KramersKronig(
        valid=not (judged.broken and violation > tolerance) and noise <= LARGEST_NOISE,
        residual_rms=float(np.sqrt(np.mean(np.abs(residual) ** 2) / 2)),
        noise=noise,
        violation=violation,
        probability=judged.probability,
        order=model.order,
        residual=residual[back],
        model=fitted[back],
        point_valid=~outlying[back],
        admittance=admittance,
        flags=tuple(flags),
    )
