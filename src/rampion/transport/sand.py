"""Constant-current runs: Sand's time in a semi-infinite and in a finite symmetric cell.

    semi-infinite:  τ = πD[Fc₀/(2J(1-t₊))]²
    finite cell:    j·[1 - (8/π²)·Σ_odd n⁻²·exp(-n²π²Dτ/L²)] = 1 ,  j = J/J_lim

so 2J√(τ/π) = Fc₀√D/(1-t₊), the same combination as the plateau of a sweep's semi-integral.
Sand scaling does not prove depletion of the electrolyte: vacancies piling up in the lithium metal obey the same law.

Sources: Sand, Philos. Mag. 1 (1901) 45, doi:10.1080/14786440109462590; the finite cell is the textbook series of
constant flux through a slab (Crank, The Mathematics of Diffusion, 1975).
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rampion.campaign.regression import student_quantile
from rampion.campaign.scaling import PowerLaw, fit_power_law
from rampion.errors import InputError
from rampion.estimate import Estimate, Flag
from rampion.fitting import fit_multistart
from rampion.quantities import FARADAY
from rampion.transport.flags import TransportFlag

_ODD = np.arange(1, 81, 2)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SandAnalysis:
    """What constant-current runs say.

    Attributes
    ----------
    law : power law τ ∝ J^x; x = -2 semi-infinite, steeper near the limiting current, -1 for a fixed capacity.
    depletion : Fc₀√D/(1-t₊) = 2J√(τ/π) [A·s½/m²], from the finite-cell fit where there is one.
    limit : J_lim·L [A/m] and ``diffusivity`` D [m²/s] of the finite-cell fit; None without thickness or when the runs
        do not come near the limit.
    scatter : relative scatter of τ about the law that was used.
    """

    law: PowerLaw
    depletion: Estimate
    limit: Estimate | None
    diffusivity: Estimate | None
    scatter: float
    flags: tuple[Flag, ...] = ()


def sand_time(current_density: float, concentration: float, diffusivity: float, transference: float) -> float:
    """τ [s] of semi-infinite depletion at constant J [A/m²].

    Assumes constant D and t₊. Fails when √(Dτ) is no longer far below L: use :func:`finite_cell_time`.
    """
    return math.pi * diffusivity * (FARADAY * concentration / (2 * current_density * (1 - transference))) ** 2


def depletion_fraction(time: float) -> float:
    """G(θ) with u(0) = 1 - j·G at θ = Dt/L²: exact to 1e-10."""
    if time < 0.01:
        return 4 * math.sqrt(time / math.pi)
    return 1 - 8 / math.pi**2 * float(np.sum(np.exp(-(_ODD**2) * math.pi**2 * time) / _ODD**2))


def finite_cell_time(ratio: float) -> float:
    """θ = Dτ/L² at which a symmetric cell at j = J/J_lim is depleted; infinite for j ≤ 1."""
    if ratio <= 1:
        return math.inf
    semi_infinite = math.pi / (16 * ratio**2)
    if semi_infinite < 0.009:
        return semi_infinite
    from scipy.optimize import root_scalar

    def left(time: float) -> float:
        return ratio * depletion_fraction(time) - 1

    high = semi_infinite
    while left(high) < 0:
        high *= 2
    return float(root_scalar(left, bracket=(0.5 * semi_infinite, high), method="brentq", xtol=1e-14).root)


@functools.cache
def _late_times() -> tuple[np.ndarray, np.ndarray]:
    """θ against ln(j - 1), on which the approach to the limit is a straight line."""
    time = np.geomspace(0.0085, 2.5, 4000)
    return np.log(np.array([1 / depletion_fraction(float(x)) - 1 for x in time]))[::-1], time[::-1]


def _cell_times(ratio: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """:func:`finite_cell_time` of many j > 1, interpolated to 1e-6."""
    early = math.pi / (16 * ratio**2)
    grid, time = _late_times()
    return np.where(early < 0.009, early, np.interp(np.log(np.maximum(ratio - 1, 1e-300)), grid, time))


def analyse_sand(
    current_density: Float[np.ndarray, " n"],
    time: Float[np.ndarray, " n"],
    thickness: Float[np.ndarray, " n"] | None = None,
    relative_time_std: float = math.nan,
) -> SandAnalysis:
    """Exponent, depletion product and, where the runs reach down to the limit, J_lim·L and D.

    Assumes each run ended by depletion at ``time``. Fails when fewer than four runs are given (``InputError``).

    Parameters
    ----------
    current_density, time : (n,) J [A/m²] and initiation time τ [s].
    thickness : (n,) L [m]; the finite-cell fit needs it.
    relative_time_std : relative standard uncertainty of τ; the scatter of the fit where unknown.
    """
    j, tau = np.asarray(current_density, float), np.asarray(time, float)
    if not (np.all(j > 0) and np.all(tau > 0)):
        raise InputError("Sand analysis needs positive current densities and times.")
    std = None if math.isnan(relative_time_std) else relative_time_std * tau
    law = fit_power_law(tau, j[:, None], std, quantity="time", against=("current_density",))
    logs = np.log(2 * j * np.sqrt(tau / math.pi))
    spread = float(logs.std(ddof=1) / math.sqrt(logs.size))
    plain = float(np.exp(logs.mean()))
    half = student_quantile(float(logs.size - 1)) * spread
    depletion = Estimate(plain, plain * spread, plain * math.exp(-half), plain * math.exp(half))
    if thickness is None:
        return SandAnalysis(
            law=law, depletion=depletion, limit=None, diffusivity=None, scatter=2 * float(logs.std(ddof=1))
        )
    return _finite_fit(law, depletion, j, tau, np.asarray(thickness, float), relative_time_std)


def _finite_fit(
    law: PowerLaw, plain: Estimate, j: np.ndarray, tau: np.ndarray, length: np.ndarray, relative_std: float
) -> SandAnalysis:
    """(ln m, ln K) with K = J_lim·L and D = (K/2m)²: m is well fixed always, K only by runs below twice the limit."""
    weight = 1.0 if math.isnan(relative_std) else relative_std
    largest = 0.999 * float(np.min(j * length))

    def model(p: np.ndarray) -> np.ndarray:
        m, k = math.exp(p[0]), math.exp(p[1])
        return np.log(length**2 * (2 * m / k) ** 2 * _cell_times(j * length / k))

    def residual(p: np.ndarray) -> np.ndarray:
        return (model(p) - np.log(tau)) / weight

    centre = math.log(plain.value)
    starts = np.array([[centre, math.log(share * largest)] for share in (0.95, 0.7, 0.4, 0.15)])
    fit = fit_multistart(
        residual,
        starts,
        lower=np.array([centre - 5, math.log(largest) - 8]),
        upper=np.array([centre + 5, math.log(largest)]),
        scaled=math.isnan(relative_std),
    )
    m, k = (float(np.exp(v)) for v in fit.parameters)
    # the limit counts as seen only where it explains the times clearly better than Sand's law without one
    logs = np.log(2 * j * np.sqrt(tau / math.pi))
    gain = float(np.sum((2 * (logs - logs.mean()) / weight) ** 2)) - fit.chi_square
    variance = fit.chi_square / fit.degrees if math.isnan(relative_std) else 1.0
    if gain < student_quantile(float(fit.degrees), 0.99) ** 2 * variance or not np.all(np.isfinite(fit.covariance)):
        flag = TransportFlag.NO_FINITE_SIZE.flag()
        plain_scatter = 2 * float(logs.std(ddof=1))
        return SandAnalysis(
            law=law, depletion=plain, limit=None, diffusivity=None, scatter=plain_scatter, flags=(flag,)
        )
    quantile = student_quantile(float(fit.degrees))
    jacobian = {"m": np.array([1.0, 0.0]), "k": np.array([0.0, 1.0]), "d": np.array([-2.0, 2.0])}
    size = {name: float(np.sqrt(row @ fit.covariance @ row)) for name, row in jacobian.items()}

    def logged(value: float, u: float) -> Estimate:
        return Estimate(value, value * u, value * math.exp(-quantile * u), value * math.exp(quantile * u))

    return SandAnalysis(
        law=law,
        depletion=logged(m, size["m"]),
        limit=logged(k, size["k"]),
        diffusivity=logged((k / (2 * m)) ** 2, size["d"]),
        scatter=weight * math.sqrt(fit.chi_square / fit.degrees),
    )
