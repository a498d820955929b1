"""Peak laws of classical voltammetry, J_p = k·F·C₀·√(FDv/RT), and what an ohmic drop in series makes of them.

| case | k |
|---|---|
| Randles–Ševčík: both species soluble, reversible | 0.446295 |
| Berzins–Delahay: deposition at unit activity (Li on Li) | 0.610503 = (2/√π)·max Dawson |
| irreversible | 0.4958·√α |

With an area resistance R_A in series, ρ = R_A·FC₀√(FDv/RT)·F/RT and ψ = J_p/(FC₀√(FDv/RT)):

    ψ_p = {0.6105^(-m) + (ρ^⅓/1.2090)^m·[1 + 6.608/(1 + ρ^0.570)]}^(-1/m) ,  m = 3.730 ,  error ≤ 0.12 % for
    ρ = 0.01 … 1e5, and ψ_p → 1.2090·ρ^(-⅓) beyond.

From data alone N = J_pR_AF/RT = ρψ_p, so ρ and the local exponent a = ½ + ½·dlnψ/dlnρ follow without C₀ or D.
In a binary electrolyte migration replaces C₀ by C₀/(1-t₊).

Sources: Ševčík, Collect. Czech. Chem. Commun. 13 (1948) 349, doi:10.1135/cccc19480349; Berzins and Delahay,
J. Am. Chem. Soc. 75 (1953) 555, doi:10.1021/ja01099a013. The ohmic closed form is this project's own fit to the
semi-infinite integral equation.
"""

from __future__ import annotations

import math
from enum import Enum

from rampion.errors import InputError
from rampion.estimate import Estimate, product
from rampion.quantities import FARADAY
from rampion.transport.finding import ROOM, thermal_voltage

_M = 3.730
_CONSTANT = 0.610503
_RAMP = 1.2090


class PeakLaw(Enum):
    """The dimensionless peak current k of each case (irreversible: at α = 1)."""

    RANDLES_SEVCIK = 0.446295
    BERZINS_DELAHAY = 0.610503
    IRREVERSIBLE = 0.4958


def peak_current_density(
    law: PeakLaw,
    concentration: float,
    diffusivity: float,
    rate: float,
    temperature: float = ROOM,
    transfer: float = 1.0,
    transference: float = 0.0,
) -> float:
    """J_p [A/m²] from C₀ [mol/m³], D [m²/s], v [V/s].

    Assumes semi-infinite diffusion, one electron, no ohmic drop. Fails when N = J_pR_AF/RT is not small, or when
    W = vL²F/(DRT) is below about 100 (the depleted layer meets the other electrode).

    Parameters
    ----------
    transfer : α, used by the irreversible law only.
    transference : t₊ of a binary electrolyte without supporting ions; zero where migration is suppressed.
    """
    root = math.sqrt(diffusivity * rate / thermal_voltage(temperature))
    return _constant(law, transfer) * FARADAY * concentration / (1 - transference) * root


def concentration_from_slope(
    slope: Estimate,
    diffusivity: Estimate,
    law: PeakLaw,
    temperature: float = ROOM,
    transfer: float = 1.0,
    transference: Estimate | None = None,
) -> Estimate:
    """C₀ [mol/m³] from the slope of J_p against √v [A·s½/(m²·V½)] and a diffusivity [m²/s].

    Assumes and fails as :func:`peak_current_density`; a free-intercept slope is wanted when the intercept is not zero.
    """
    factor = math.sqrt(thermal_voltage(temperature)) / (_constant(law, transfer) * FARADAY)
    value = product([(slope, 1.0), (diffusivity, -0.5)]).scaled(factor)
    if transference is None:
        return value
    rest = Estimate(1 - transference.value, transference.std)
    return product([(value, 1.0), (rest, 1.0)])


def _constant(law: PeakLaw, transfer: float) -> float:
    return law.value * (math.sqrt(transfer) if law is PeakLaw.IRREVERSIBLE else 1.0)


def ohmic_peak(ratio: float) -> float:
    """ψ_p(ρ) of a deposition peak with ohmic drop ρ in series (closed form of the module)."""
    if ratio < 0:
        raise InputError(f"the ohmic ratio ρ cannot be negative, found {ratio:g}.")
    if ratio == 0:
        return _CONSTANT
    ramp = (ratio ** (1 / 3) / _RAMP) ** _M * (1 + 6.608 / (1 + ratio**0.570))
    return (_CONSTANT**-_M + ramp) ** (-1 / _M)


def ohmic_number(current_density: Estimate, area_resistance: Estimate, temperature: float = ROOM) -> Estimate:
    """N = J_pR_AF/RT: the ohmic drop at the peak in thermal voltages, from measured numbers alone."""
    return product([(current_density, 1.0), (area_resistance, 1.0)]).scaled(1 / thermal_voltage(temperature))


def ohmic_ratio(number: float) -> float:
    """ρ with ρ·ψ_p(ρ) = N."""
    from scipy.optimize import root_scalar

    if not number > 0:
        raise InputError(f"N must be positive, found {number:g}.")

    def gap(log_ratio: float) -> float:
        ratio = math.exp(log_ratio)
        return math.log(ratio * ohmic_peak(ratio) / number)

    low, high = math.log(number), 3 * math.log1p(number) + 3
    return math.exp(float(root_scalar(gap, bracket=(low, high), method="brentq", xtol=1e-12).root))


def local_exponent(ratio: float) -> float:
    """a = dlnJ_p/dlnv = ½ + ½·dlnψ/dlnρ at ohmic ratio ρ: ½ without ohmic drop, ⅓ with nothing else."""
    if ratio == 0:
        return 0.5
    step = 1e-4
    rise = math.log(ohmic_peak(ratio * math.exp(step)) / ohmic_peak(ratio * math.exp(-step)))
    return 0.5 + 0.5 * rise / (2 * step)


def expected_exponent(number: Estimate) -> Estimate:
    """The exponent a semi-infinite deposition peak should show at the measured N, with N's uncertainty carried."""
    centre = local_exponent(ohmic_ratio(number.value))
    if not math.isfinite(number.std):
        return Estimate(centre, flags=number.flags)
    ends = sorted(local_exponent(ohmic_ratio(max(n, 1e-6))) for n in number.interval)
    # the closed form's own slope is good to 0.0025
    std = math.hypot((ends[1] - ends[0]) / 3.92, 0.0025)
    return Estimate(centre, std, flags=number.flags)


def scan_number(rate: float, thickness: float, diffusivity: float, temperature: float = ROOM) -> float:
    """W = vL²F/(DRT): above about 100 the peak is semi-infinite, below 17–20 there is none."""
    return rate * thickness**2 / (thermal_voltage(temperature) * diffusivity)
