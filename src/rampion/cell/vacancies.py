"""Vacancies gather in the stripped lithium until they condense: a limit that lies in the metal, not in the ceramic.

    ∂c_v/∂t = D_v ∂²c_v/∂x² ,  −D_v ∂c_v/∂x = J/F at the face   ⇒   Δc_v(0) = m/(F√D_v) ,
    m = (1/√π)∫J(s)/√(t−s) ds ,   η = J r₀/(1 − m/m*) ,   m* = F √D_v Δc_v*

Contact is gone when the excess reaches its critical value Δc_v*.

Observables: under an ohmic ramp J = βt, β = vσ/L, J_p = β^⅓ (3√π m*/4)^⅔, so a = ⅓, b = −⅓ and Q_p ∝ (v/L)^(−⅓);
at constant current τ = (π/4)(m*/J)² — **Sand's law without any depletion of the electrolyte**; relaxation by t^(−½)
with the metal's diffusivity; the interface arc grows, the electrolyte's does not.

Source: Krauskopf et al., ACS Appl. Mater. Interfaces 11 (2019) 14463, doi:10.1021/acsami.9b02537.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from rampion.cell.dialect import numerics
from rampion.cell.semi_infinite import MODES, at_rest, mode_rates, semi_integral_fraction
from rampion.errors import InputError
from rampion.estimate import FlagKind, Severity
from rampion.quantities import FARADAY


class VacancyFlag(FlagKind):
    """What vacancy accumulation tells."""

    VACANCIES_SATURATED = (
        Severity.WARNING,
        "The vacancies in the stripped lithium came within 5 % of their critical excess at {time:.4g} s.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class VacancyAccumulation:
    """Vacancy diffusion into a thick lithium electrode.

    Assumes: D_v constant, a planar face, lithium thicker than 2√(D_v t), no vacancy sinks but the bulk.
    Fails when: stress or dislocations take up vacancies, or after voids have opened (then it is contact loss).

    Parameters
    ----------
    diffusivity : D_v [m²/s]. ``excess`` : Δc_v* [mol/m³]. ``resistance`` : r₀ [Ω·m²] of the undisturbed face.
    residual : rounds the end, so that the free fraction stays above zero; small against r₀ over the cell's resistance.
    electrode : the one that strips, 'counter' for positive currents. ``capacitance`` [F/m²], for spectra.
    """

    diffusivity: float
    excess: float
    resistance: float
    residual: float = 1e-7
    electrode: str = "counter"
    capacitance: float = 0.0

    STATES: ClassVar[tuple[str, ...]] = MODES
    EVENTS: ClassVar[tuple[FlagKind, ...]] = (VacancyFlag.VACANCIES_SATURATED,)

    def __post_init__(self) -> None:
        if not (self.diffusivity > 0 and self.excess > 0 and self.resistance > 0 and self.residual > 0):
            raise InputError(
                f"vacancy accumulation has diffusivity {self.diffusivity:g}, excess {self.excess:g}, resistance "
                f"{self.resistance:g} and residual {self.residual:g}; expected positive numbers."
            )
        if self.electrode not in ("counter", "working"):
            raise InputError(f"the electrode is {self.electrode!r}; expected 'counter' or 'working'.")

    @property
    def PLACE(self) -> str:
        """Where the voltage falls."""
        return self.electrode

    def initial(self, cell: Any) -> tuple[float, ...]:
        """No excess."""
        return at_rest()

    def rates(self, state: Any, here: Any) -> tuple:
        """The diffusion's states."""
        stripping = here.current if self.electrode == "counter" else -here.current
        return mode_rates(state, stripping / critical_semi_integral(self.diffusivity, self.excess))

    def overpotential(self, state: Any, here: Any) -> Any:
        """J r₀/(1 − m/m*)."""
        return here.current * self.area_resistance(state)

    def area_resistance(self, state: Any) -> Any:
        """r₀ over the free fraction of the face [Ω·m²]."""
        return self.resistance / self._free(state)

    def area_capacitance(self, state: Any) -> Any:
        """C times the free fraction of the face [F/m²]."""
        return self.capacitance * self._free(state)

    def margins(self, state: Any, here: Any) -> tuple:
        """Positive until 95 % of the critical excess."""
        return (0.95 - semi_integral_fraction(state),)

    def _free(self, state: Any) -> Any:
        free = 1.0 - semi_integral_fraction(state)
        return 0.5 * (free + numerics(free).sqrt(free**2 + 4.0 * self.residual**2))


def critical_semi_integral(diffusivity: Any, excess: Any) -> Any:
    """m* = F √D_v Δc_v* [A·s^½/m²]."""
    return FARADAY * numerics(diffusivity, excess).sqrt(diffusivity) * excess


def vacancy_peak(critical: float, slope: float) -> float:
    """Peak current density [A/m²] of a current ramp: J_p = β^⅓ (3√π m*/4)^⅔, for r₀ → 0; β [A/m²/s]."""
    return slope ** (1.0 / 3.0) * (0.75 * math.sqrt(math.pi) * critical) ** (2.0 / 3.0)


def vacancy_lifetime(critical: float, current_density: float) -> float:
    """Time [s] to the critical excess at constant current, τ = (π/4)(m*/J)² (Sand's law)."""
    return 0.25 * math.pi * (critical / current_density) ** 2
