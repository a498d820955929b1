"""Penetration: a filament starts at the plating electrode, grows across the ceramic and shorts it.

Initiation, one class per criterion:

* :class:`PenetrationAtCurrent`: γJ ≥ J_c at a hot spot with focusing factor γ (J_c may be drawn from a Weibull
  distribution of defects: :func:`draw_critical_current`);
* :class:`PenetrationAtVoltage`: the plating interface's voltage J r_int ≥ V_c, i.e. J_c = V_c/r_int
  (Li & Monroe, PCCP 21 (2019) 20354, doi:10.1039/c9cp03884a);
* :class:`PenetrationAtDepletion`: the carriers at the hot spot run out, m(γJ) ≥ F c₀ √D/(1 − t₊) (Sand's time with
  the local current; Bai et al., Energy Environ. Sci. 9 (2016) 3221, doi:10.1039/c6ee01674j).

Growth, the same for all: with the gap x left before the filament's tip, u = (x/L)²,

    dx/dt = −(V_m/F) κ σV/x   ⇔   du/dt = −2κ V_m σV/(F L²) ,
    J_f = V / [R_s + L/(f κ σ (1/√u − 1))]

κ focuses the current on the tip, f is the share of area behind filaments, R_s the resistance of the finished path.
The current diverges as 1/x and ends at V/R_s, or where the instrument's compliance or range ends. The full cell's run
ends when the gap is closed (R_s then makes nearly all of the path's resistance); the ohmic cell's goes on.

Assumes: the tip's current is the gap's ohmic current; the filament takes lithium freely; one filament stands for all;
growth goes on at any forward voltage once begun. Fails when: fracture sets the speed, or a filament heals.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from rampion.cell.dialect import numerics
from rampion.cell.semi_infinite import MODES, at_rest, mode_rates, semi_integral_fraction
from rampion.errors import InputError
from rampion.estimate import FlagKind, Severity
from rampion.quantities import FARADAY, LITHIUM_MOLAR_VOLUME

_BEGUN = 1e-9
"""Loss of gap (1 − u) from which growth no longer asks for the criterion."""

_CLOSED = 1e-6
"""The gap x/L at which a filament counts as through: a nanometre of a millimetre."""


class PenetrationFlag(FlagKind):
    """What a penetrating filament tells."""

    PENETRATION_BEGAN = (Severity.WARNING, "A lithium filament began to grow at {time:.4g} s.")
    SHORTED = (Severity.WARNING, "A lithium filament crossed the ceramic at {time:.4g} s: the cell is shorted.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filament:
    """The growth that every criterion shares.

    Parameters
    ----------
    focusing : κ, the tip's current over that of an even gap. ``area_fraction`` : f.
    short_resistance : R_s [Ω·m²] of the finished path, per cell area.
    """

    focusing: float = 100.0
    area_fraction: float = 1e-3
    short_resistance: float = 1e-6

    EVENTS: ClassVar[tuple[FlagKind, ...]] = (PenetrationFlag.PENETRATION_BEGAN, PenetrationFlag.SHORTED)
    STOPS: ClassVar[tuple[FlagKind, ...]] = (PenetrationFlag.SHORTED,)

    def __post_init__(self) -> None:
        if not (self.focusing > 0 and 0 < self.area_fraction <= 1 and self.short_resistance > 0):
            raise InputError(
                f"a filament has focusing {self.focusing:g}, area fraction {self.area_fraction:g} and short "
                f"resistance {self.short_resistance:g}; expected positive numbers, the fraction at most 1."
            )

    def growth(self, gap: Any, margin: Any, here: Any) -> Any:
        """du/dt [1/s]: zero before the criterion is met and after the gap is closed."""
        number = numerics(gap, margin, here.potential)
        moves = ((margin <= 0) | (gap < 1.0 - _BEGUN)) & (gap > 0)
        voltage = number.maximum(here.potential, 0.0)
        speed = filament_speed(self.focusing, here.cell["conductivity"], voltage, here.cell["thickness"])
        return -number.where(moves, speed, 0.0)

    def path_current(self, gap: Any, here: Any) -> Any:
        """J_f [A/m²] beyond what the even ceramic carries there."""
        number = numerics(gap, here.potential)
        opened = 1.0 / number.sqrt(number.clip(gap, 1e-2 * _CLOSED**2, 1.0)) - 1.0
        excess = self._conductance(here) * opened
        return here.potential * excess / (1.0 + self.short_resistance * excess)

    def closing(self, gap: Any, here: Any) -> Any:
        """Positive until the gap is closed: until it adds less than a twentieth to R_s, or is of atoms' size."""
        left = 0.05 * self.short_resistance * self._conductance(here)
        return gap - numerics(left).maximum(left, _CLOSED) ** 2

    def _conductance(self, here: Any) -> Any:
        return self.area_fraction * self.focusing * here.cell["conductivity"] / here.cell["thickness"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PenetrationAtCurrent(Filament):
    """Starts where the local current density γJ reaches ``critical_current`` J_c [A/m²]; ``hot_spot`` is γ.

    Observables: J at the event depends neither on scan rate nor on thickness (a = b = 0).
    """

    critical_current: float
    hot_spot: float = 1.0

    STATES: ClassVar[tuple[str, ...]] = ("gap squared",)

    def initial(self, cell: Any) -> tuple[float]:
        """No filament."""
        return (1.0,)

    def rates(self, state: Any, here: Any) -> tuple:
        """The gap's."""
        return (self.growth(state[0], self.margins(state, here)[0], here),)

    def parallel_current(self, state: Any, here: Any) -> Any:
        """The filament's."""
        return self.path_current(state[0], here)

    def margins(self, state: Any, here: Any) -> tuple:
        """Positive until the start, and until the gap is closed."""
        return (1.0 - self.hot_spot * here.current / self.critical_current, self.closing(state[0], here))


@dataclass(frozen=True, slots=True, kw_only=True)
class PenetrationAtVoltage(Filament):
    """Starts where the plating interface's voltage reaches ``critical_voltage`` V_c [V] over ``interface_resistance``
    r_int [Ω·m²] (of that one face; not added to the cell).

    Observables: J_c = V_c/r_int, so it follows the interface's resistance and neither scan rate nor thickness.
    """

    critical_voltage: float
    interface_resistance: float

    STATES: ClassVar[tuple[str, ...]] = ("gap squared",)

    def initial(self, cell: Any) -> tuple[float]:
        """No filament."""
        return (1.0,)

    def rates(self, state: Any, here: Any) -> tuple:
        """The gap's."""
        return (self.growth(state[0], self.margins(state, here)[0], here),)

    def parallel_current(self, state: Any, here: Any) -> Any:
        """The filament's."""
        return self.path_current(state[0], here)

    def margins(self, state: Any, here: Any) -> tuple:
        """Positive until the start, and until the gap is closed."""
        return (1.0 - here.current * self.interface_resistance / self.critical_voltage, self.closing(state[0], here))


@dataclass(frozen=True, slots=True, kw_only=True)
class PenetrationAtDepletion(Filament):
    """Starts where the carriers at a hot spot with focusing factor ``hot_spot`` γ run out.

    Assumes: depletion there is planar and semi-infinite (the hot spot is wider than the depleted skin), with the
    given ``concentration`` c₀ [mol/m³], ``diffusivity`` D [m²/s] and ``transference`` t₊.

    Observables: at constant current τ = πD[F c₀/(2γJ(1 − t₊))]², 1/γ² of the flat face's; under an ohmic ramp
    J_c ∝ (v/L)^⅓.
    """

    concentration: float
    diffusivity: float
    transference: float
    hot_spot: float = 1.0

    STATES: ClassVar[tuple[str, ...]] = ("gap squared", *MODES)

    def initial(self, cell: Any) -> tuple[float, ...]:
        """No filament, no depletion."""
        return (1.0, *at_rest())

    def rates(self, state: Any, here: Any) -> tuple:
        """The gap's and the depletion's."""
        critical = depletion_semi_integral(self.concentration, self.diffusivity, self.transference)
        drive = self.hot_spot * here.current / critical
        return (self.growth(state[0], self.margins(state, here)[0], here), *mode_rates(state[1:], drive))

    def parallel_current(self, state: Any, here: Any) -> Any:
        """The filament's."""
        return self.path_current(state[0], here)

    def margins(self, state: Any, here: Any) -> tuple:
        """Positive until the start, and until the gap is closed."""
        return (1.0 - semi_integral_fraction(state[1:]), self.closing(state[0], here))


def filament_speed(focusing: Any, conductivity: Any, potential: Any, thickness: Any) -> Any:
    """−du/dt = 2κ V_m σV/(F L²) [1/s]; under a constant voltage the gap closes after the inverse of it."""
    return 2.0 * focusing * LITHIUM_MOLAR_VOLUME * conductivity * potential / (FARADAY * thickness**2)


def depletion_semi_integral(concentration: Any, diffusivity: Any, transference: Any) -> Any:
    """The half-order integral of J at which a flat face runs out of carriers, F c₀ √D/(1 − t₊) [A·s^½/m²]."""
    return FARADAY * concentration * numerics(diffusivity).sqrt(diffusivity) / (1.0 - transference)


def draw_critical_current(
    seed: int, count: int, scale: float, shape: float, area: float = 1.0, reference_area: float = 1.0
) -> np.ndarray:
    """Critical current densities [A/m²] of ``count`` samples whose weakest defect decides.

        P(J_c < J) = 1 − exp[−(A/A₀)(J/J₀)^m]

    Parameters
    ----------
    scale : J₀ [A/m²] of the ``reference_area`` A₀ [m²]. ``shape`` : m, small for much scatter. ``area`` : A [m²].
    """
    uniform = np.random.default_rng(seed).uniform(size=count)
    return scale * (reference_area / area * -np.log1p(-uniform)) ** (1.0 / shape)


def weibull_mean(scale: float, shape: float, area: float = 1.0, reference_area: float = 1.0) -> float:
    """Mean critical current density of that distribution, J₀ (A₀/A)^(1/m) Γ(1 + 1/m) [A/m²]."""
    return scale * (reference_area / area) ** (1.0 / shape) * math.gamma(1.0 + 1.0 / shape)
