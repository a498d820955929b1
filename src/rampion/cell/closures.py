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
        return function if math.isfinite(closure.sites) else lambda c, empty: function(c)

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
