"""Limiting current densities: from conductivity (Eq. 1), from carriers, projected to other thicknesses.

    Eq. 1:      J_lim = 2RTσH_R/[z(1-t₊)FL]          (the paper prints H_R = 1, D = D^σ)
    dilute:     J_lim = 4t₊RTσ/(FL)                   (Nernst–Einstein for both carriers)
    carriers:   J_lim = 2FDC₀/[(1-t₊)L] = 4FD₊C₀/L

Sources: Eq. 1 from arXiv:2110.13399; the dilute form from Newman and Thomas-Alyea, Electrochemical Systems (2004).
"""

from __future__ import annotations

import math

from rampion.errors import InputError
from rampion.estimate import Estimate, product
from rampion.quantities import FARADAY
from rampion.transport.finding import ROOM, thermal_voltage


def limiting_current_by_equation_1(
    sigma: Estimate,
    thickness: Estimate,
    transference: Estimate,
    haven: Estimate | None = None,
    temperature: float = ROOM,
) -> Estimate:
    """J_lim = 2H_R(RT/F)σ/[(1-t₊)L] [A/m²]; ``haven`` 1 when absent, as the equation is printed.

    Assumes D = H_R·D^σ. Fails when t₊ approaches one: the steady limit then does not exist.
    """
    rest = Estimate(1 - transference.value, transference.std)
    factors = [(sigma, 1.0), (thickness, -1.0), (rest, -1.0)]
    if haven is not None:
        factors.append((haven, 1.0))
    return product(factors).scaled(2 * thermal_voltage(temperature))


def limiting_current_dilute(
    sigma: Estimate, thickness: Estimate, transference: Estimate, temperature: float = ROOM
) -> Estimate:
    """J_lim = 4t₊(RT/F)σ/L [A/m²] of a dilute binary cell; no more than 4(RT/F)σ/L whatever t₊."""
    return product([(sigma, 1.0), (thickness, -1.0), (transference, 1.0)]).scaled(4 * thermal_voltage(temperature))


def limiting_current_from_carriers(diffusivity: Estimate, concentration: Estimate, thickness: Estimate) -> Estimate:
    """J_lim = 4FD₊C₀/L [A/m²] from lithium's own diffusivity D₊ [m²/s] and C₀ [mol/m³]."""
    return product([(diffusivity, 1.0), (concentration, 1.0), (thickness, -1.0)]).scaled(4 * FARADAY)


def mobility_product(limiting_current: Estimate, thickness: Estimate) -> Estimate:
    """D₊C₀ = J_lim·L/(4F) [mol/(m·s)]."""
    return product([(limiting_current, 1.0), (thickness, 1.0)]).scaled(1 / (4 * FARADAY))


def project_to_thickness(slope: Estimate, sigma: Estimate, thickness: float) -> Estimate:
    """J = S·σ/L [A/m²] at another thickness L [m], from the slope S [V] of the σ/L collapse.

    Assumes the line stays straight and through the origin outside the measured thicknesses.
    Fails when the peak was not at its steady limit: at a fixed scan rate thinner samples are nearer to it.
    """
    return product([(slope, 1.0), (sigma, 1.0)]).scaled(1 / _positive(thickness, "thickness"))


def thickness_for_current(slope: Estimate, sigma: Estimate, target: float, margin: float = 1.0) -> Estimate:
    """Largest L [m] whose limiting current S·σ/L is ``target``/``margin``: margin 0.25 keeps J at a quarter of it."""
    if not 0 < margin <= 1:
        raise InputError(f"the margin is a share of the limiting current in (0, 1], found {margin:g}.")
    return product([(slope, 1.0), (sigma, 1.0)]).scaled(margin / _positive(target, "target current density"))


def quasi_limiting_excess(peak_ratio: float) -> float:
    """By what share a peak j_p = J_p/J_lim overstates the true limiting current: 1 - 1/j_p."""
    return 1 - 1 / max(peak_ratio, 1.0)


def _positive(value: float, name: str) -> float:
    if not (math.isfinite(value) and value > 0):
        raise InputError(f"the {name} must be positive, found {value:g}.")
    return value
