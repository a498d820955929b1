"""Conductivity from area resistance and thickness, and what the Nernst–Einstein relation makes of it.

    σ = L/R_A ,   R_A = L/σ + R_int over several thicknesses ,   D^σ = σRT/(c z²F²)

Source of the use of D^σ for garnets: arXiv:2110.13399.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rampion.campaign.scaling import Line, fit_line
from rampion.estimate import Estimate, product
from rampion.quantities import FARADAY, GAS_CONSTANT
from rampion.transport.finding import ROOM
from rampion.transport.flags import TransportFlag


def conductivity(area_resistance: Estimate, thickness: Estimate) -> Estimate:
    """σ = L/R_A [S/m].

    Assumes the resistance is the electrolyte's alone. Fails when an interface adds to it: σ is then a lower bound.
    """
    return product([(thickness, 1.0), (area_resistance, -1.0)])


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitResistance:
    """σ [S/m] of the ceramic alone and R_int [Ω·m²] of what stands in series with it; ``line`` is R_A against L."""

    conductivity: Estimate
    series_resistance: Estimate
    line: Line


def split_resistance(
    area_resistance: Float[np.ndarray, " n"],
    thickness: Float[np.ndarray, " n"],
    area_resistance_std: Float[np.ndarray, " n"] | None = None,
    thickness_std: Float[np.ndarray, " n"] | None = None,
    pellets: np.ndarray | None = None,
) -> SplitResistance:
    """Ceramic and interfaces told apart by thickness: the slope and the intercept of R_A [Ω·m²] against L [m].

    Assumes one conductivity but for a scatter proportional to the resistance (samples and pellets), and interfaces
    alike in all samples. Fails when the thicknesses hardly differ: the intercept's interval is then wide.

    Raises
    ------
    InputError : fewer than four samples.
    """
    line = fit_line(thickness, area_resistance, thickness_std, area_resistance_std, pellets=pellets, proportional=True)
    sigma = product([(line.slope, -1.0)])
    low, high = sorted(1 / end for end in line.slope.interval)
    return SplitResistance(
        conductivity=Estimate(sigma.value, sigma.std, low, high), series_resistance=line.intercept, line=line
    )


def compare_conductivities(sweep: Estimate, impedance: Estimate, threshold: float = 0.01) -> Estimate:
    """Relative difference of the sweep's conductivity from the impedance's, flagged when beyond its uncertainty."""
    ratio = product([(sweep, 1.0), (impedance, -1.0)])
    z = (ratio.value - 1) / ratio.std if ratio.std > 0 else math.nan
    p_value = math.erfc(abs(z) / math.sqrt(2)) if math.isfinite(z) else math.nan
    flags = (
        (TransportFlag.CONDUCTIVITIES_DIFFER.flag(difference=ratio.value - 1, p_value=p_value),)
        if p_value < threshold
        else ()
    )
    return Estimate(ratio.value - 1, ratio.std, flags=flags)


def nernst_einstein_diffusivity(sigma: Estimate, concentration: Estimate, temperature: float = ROOM) -> Estimate:
    """D^σ = σRT/(cF²) [m²/s] of univalent carriers at concentration c [mol/m³].

    Assumes independent carriers. Fails when they are correlated: the tracer's D is then H_R·D^σ with Haven ratio H_R.
    """
    return product([(sigma, 1.0), (concentration, -1.0)]).scaled(GAS_CONSTANT * temperature / FARADAY**2)


def nernst_einstein_concentration(sigma: Estimate, diffusivity: Estimate, temperature: float = ROOM) -> Estimate:
    """c = σRT/(D^σF²) [mol/m³] of univalent carriers with the total diffusivity D^σ = D₊ + D₋."""
    return product([(sigma, 1.0), (diffusivity, -1.0)]).scaled(GAS_CONSTANT * temperature / FARADAY**2)
