"""How the electrolyte's properties follow its composition: user functions D(c), σ(c), t₊(c), Γ(c), and the lattice gas.

What a closure leaves out keeps the cell's number: σ ∝ c or constant (``conduction``), t₊ and Γ constant, and D either
the cell's own number or, where the cell has none, Nernst–Einstein at each place,

    D(c) = 2 t₊(1 − t₊) Γ σ(c)RT/(F²c)

Source of the equations they enter: J. Newman, N. P. Balsara, Electrochemical Systems, 4th ed., Wiley 2021, chapter 12.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from rampion.errors import InputError
from rampion.quantities import FARADAY

FUNCTIONS = ("diffusivity", "conductivity", "transference", "thermodynamic_factor")


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """User functions of the concentration c [mol/m³]; ``None`` keeps the cell's constant.

    diffusivity [m²/s], conductivity [S/m], transference, thermodynamic_factor: element by element on arrays, traceable
    by JAX (``jax.numpy``), positive, and finite down to c → 0 (conductivity: positive for every c > 0).
    sites : largest concentration [mol/m³]. When it is finite every function takes two arguments, c and the empty
        sites ``sites − c``: near a full face the difference would keep no digits, so that it is handed over.

    A closure is known by its functions: make it once, not anew in every call, or it is compiled anew.
    """

    name: str = ""
    diffusivity: Callable[..., Any] | None = None
    conductivity: Callable[..., Any] | None = None
    transference: Callable[..., Any] | None = None
    thermodynamic_factor: Callable[..., Any] | None = None
    sites: float = math.inf

    def __post_init__(self) -> None:
        if not self.sites > 0:
            raise InputError(f"The closure has {self.sites:g} mol/m³ of sites; expected a positive number.")


@functools.lru_cache(maxsize=64)
def lattice_gas(sites: float, concentration: float, conductivity: float) -> Closure:
    """Carriers on a limited number of sites without interaction.

        σ(c) = σ₀·c(1 − c/c_max) / [c₀(1 − c₀/c_max)],   Γ(c) = 1/(1 − c/c_max)

    so that σΓ/c, and with it the Nernst–Einstein diffusivity, is the same at every c.

    Assumes: random mixing on equal sites. With 2c₀ > c_max the current is limited by the stripping face, which runs
    out of empty sites before the plating face runs out of carriers.
    """
    if not 0 < concentration < sites:
        raise InputError(
            f"The concentration {concentration:g} mol/m³ must lie between 0 and the {sites:g} mol/m³ of sites."
        )
    scale = conductivity / (concentration * (sites - concentration))
    return Closure(
        name=f"lattice gas of {sites:g} mol/m³ sites",
        conductivity=lambda c, empty: scale * c * empty,
        thermodynamic_factor=lambda c, empty: sites / empty,
        sites=sites,
    )


class Properties(NamedTuple):
    """D [m²/s], σ [S/m], t₊ and Γ as functions of c and of the empty sites [mol/m³] (arrays of one shape)."""

    diffusivity: Callable[[Any, Any], Any]
    conductivity: Callable[[Any, Any], Any]
    transference: Callable[[Any, Any], Any]
    thermodynamic_factor: Callable[[Any, Any], Any]


def properties_of(
    closure: Closure | None, numbers: Mapping[str, Any], conduction: str = "proportional", nernst_einstein: bool = False
) -> Properties:
    """All four functions of a cell, from its closure and its numbers.

    Parameters
    ----------
    numbers : conductivity, concentration, transference, thermodynamic_factor, diffusivity, thermal_voltage; SI,
        possibly traced (:func:`rampion.cell.simulate.numbers_of`).
    nernst_einstein : D(c) follows from σ(c), t₊(c), Γ(c) where the closure gives no diffusivity.
    """

    closure = closure or Closure()

    def taken(name: str, otherwise: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        function = getattr(closure, name)
        if function is None:
            return otherwise
        if math.isfinite(closure.sites):
            return lambda c, empty: function(c, empty) + 0.0 * c  # a function may give one number for all
        return lambda c, empty: function(c) + 0.0 * c

    def constant(name: str) -> Callable[[Any, Any], Any]:
        return lambda c, empty: numbers[name] + 0.0 * c

    def proportional(c, empty):
        return numbers["conductivity"] / numbers["concentration"] * c

    conductivity = taken("conductivity", proportional if conduction == "proportional" else constant("conductivity"))
    transference = taken("transference", constant("transference"))
    factor = taken("thermodynamic_factor", constant("thermodynamic_factor"))

    def local(c, empty):
        t = transference(c, empty)
        mobility = conductivity(c, empty) / c * numbers["thermal_voltage"] / FARADAY
        return 2.0 * t * (1.0 - t) * factor(c, empty) * mobility

    diffusivity = taken("diffusivity", local if nernst_einstein else constant("diffusivity"))
    return Properties(diffusivity, conductivity, transference, factor)


def steady_limit(properties: Properties, sites: float, concentration: float) -> float:
    """J_lim L/F [mol/(m·s)] of a symmetric cell: Ψ(c_L) − Ψ(c_0), Ψ = ∫D/(1 − t₊) dc, with one face at its end.

    Steady profiles have Ψ linear in x, and ∫c dx is what was there at rest: with c_0 = 0 that gives c_L; where it
    exceeds the sites, the stripping face is full instead and the same condition gives c_0. Infinite when Ψ diverges.
    """
    from scipy import optimize

    brentq: Any = optimize.brentq

    def between(low: float, high: float, count: int) -> tuple[float, float]:
        """ΔΨ and the mean concentration of the profile; the points crowd towards both ends."""
        x, w = np.polynomial.legendre.leggauss(count)
        tau = 0.5 * (x + 1.0)
        share, weight = tau**2 * (3.0 - 2.0 * tau), 3.0 * tau * (1.0 - tau) * w
        c = low + (high - low) * share
        empty = np.maximum(sites - high, 0.0) + (high - low) * (1.0 - share)
        density = np.asarray(properties.diffusivity(c, empty) / (1.0 - properties.transference(c, empty)))
        total = float((density * weight).sum())
        return (high - low) * total, float((c * density * weight).sum()) / total

    def limit(count: int) -> float:
        def high_face(high: float) -> float:
            return between(0.0, high, count)[1] / concentration - 1.0

        top = sites
        if not math.isfinite(sites):
            top = 2.0 * concentration
            while high_face(top) < 0.0:
                top *= 2.0
        if high_face(top) >= 0.0:
            return between(0.0, brentq(high_face, concentration, top, xtol=1e-12 * concentration), count)[0]
        low = brentq(lambda low: between(low, sites, count)[1] / concentration - 1.0, 0.0, concentration)
        return between(low, sites, count)[0]

    coarse, fine = limit(60), limit(120)
    return fine if abs(fine / coarse - 1.0) < 1e-4 else math.inf
