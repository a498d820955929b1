"""Contact loss at the stripping electrode: lithium is used up faster than it is refilled, and voids cut the contact.

    dθ/dt = −(J − J_rep)/Q_c ,   η = J r₀/θ ,   J_rep = J_rep,0 θ^(−n)

θ is the fraction of the face in contact, Q_c the charge per area that empties it, r₀ the interface resistance of full
contact, J_rep the refill by creep under stack pressure. n > 0 lets the stress on the remaining contact grow as 1/θ.

Observables, under an ohmic ramp J = σ(vt)/L: J_p = √(2 Q_c v σ/L), so a = ½ and b = −½ with **the same charge at
every peak**, a straight Randles–Ševčík plot without any diffusion; at constant current τ = Q_c/J; the interface arc
grows as 1/θ and its capacitance falls as θ; no recovery without pressure. With refill the charge grows as v falls, and
below J_rep there is no event at all.

Sources: Krauskopf et al., ACS Appl. Mater. Interfaces 11 (2019) 14463, doi:10.1021/acsami.9b02537; Kasemchainan
et al., Nat. Mater. 18 (2019) 1105, doi:10.1038/s41563-019-0438-9 (the critical stripping current).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from rampion.cell.dialect import numerics
from rampion.errors import InputError
from rampion.estimate import FlagKind, Severity
from rampion.quantities import FARADAY, GAS_CONSTANT, LITHIUM_MOLAR_VOLUME


class ContactFlag(FlagKind):
    """What contact loss tells."""

    CONTACT_LOST = (Severity.WARNING, "Only a tenth of the stripping contact was left at {time:.4g} s.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactLoss:
    """Loss of the stripping contact with constant capacity, with or without refill.

    Assumes: voids spread evenly; the electrolyte's current lines do not constrict (add that to r₀).
    Fails when: the lithium itself runs out (finite lithium is a smaller Q_c).

    Parameters
    ----------
    capacity : Q_c [C/m²]. ``resistance`` : r₀ [Ω·m²], in addition to the cell's own interface resistance.
    refill : J_rep,0 [A/m²], acting only while the stack is pressed (see :func:`creep_refill`); 0 for none.
    stress_exponent : n, 0 for a refill that does not know of the contact left.
    residual : the fraction of contact that stripping never removes; keeps the voltage finite.
    electrode : the one that strips and loses contact, 'counter' for positive currents.
    capacitance : of the full contact [F/m²], for spectra.
    """

    capacity: float
    resistance: float
    refill: float = 0.0
    stress_exponent: float = 0.0
    residual: float = 1e-6
    electrode: str = "counter"
    capacitance: float = 0.0

    STATES: ClassVar[tuple[str, ...]] = ("ln contact fraction",)
    EVENTS: ClassVar[tuple[FlagKind, ...]] = (ContactFlag.CONTACT_LOST,)

    def __post_init__(self) -> None:
        if not (self.capacity > 0 and self.resistance > 0 and 0 < self.residual < 0.1 and self.refill >= 0):
            raise InputError(
                f"contact loss has capacity {self.capacity:g}, resistance {self.resistance:g}, refill {self.refill:g} "
                f"and residual {self.residual:g}; expected positive, positive, not negative, and between 0 and 0.1."
            )
        if self.electrode not in ("counter", "working"):
            raise InputError(f"the electrode is {self.electrode!r}; expected 'counter' or 'working'.")

    @property
    def PLACE(self) -> str:
        """Where the voltage falls."""
        return self.electrode

    def initial(self, cell: Any) -> tuple[float]:
        """Full contact."""
        return (0.0,)

    def rates(self, state: Any, here: Any) -> tuple:
        """d ln θ/dt; loss fades at the residual contact, gain within 1 % of full contact."""
        number = numerics(state[0], here.current, self.residual)
        contact = number.exp(number.maximum(state[0], number.log(self.residual)))
        stripping = here.current if self.electrode == "counter" else -here.current
        refill = here.pressed * self.refill * contact ** (-self.stress_exponent)
        net = (stripping - refill) / self.capacity
        brake = number.where(
            net > 0, 1.0 - self.residual / contact, number.minimum(number.maximum(-state[0], 0.0) / 0.01, 1.0)
        )
        return (-net / contact * brake,)

    def overpotential(self, state: Any, here: Any) -> Any:
        """J r₀/θ."""
        return here.current * self.area_resistance(state)

    def area_resistance(self, state: Any) -> Any:
        """r₀/θ [Ω·m²]: the interface arc."""
        return self.resistance * numerics(state[0]).exp(-state[0])

    def area_capacitance(self, state: Any) -> Any:
        """C θ [F/m²]: the interface arc's capacitance falls as its resistance grows."""
        return self.capacitance * numerics(state[0]).exp(state[0])

    def margins(self, state: Any, here: Any) -> tuple:
        """Positive until a tenth of the contact is left."""
        return (state[0] - math.log(0.1),)


def contact_peak(capacity: float, rate: float, conductivity: float, thickness: float) -> float:
    """Peak current density [A/m²] of an ohmic ramp, J_p = √(2 Q_c v σ/L), for r₀ ≪ L/σ and no refill."""
    return math.sqrt(2.0 * capacity * rate * conductivity / thickness)


def contact_lifetime(capacity: float, current_density: float, refill: float = 0.0) -> float:
    """Time [s] until the contact is used up at constant current, τ = Q_c/(J − J_rep); infinite for J ≤ J_rep."""
    return capacity / (current_density - refill) if current_density > refill else math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class LithiumCreep:
    """Power-law creep of lithium, dε/dt = A σⁿ exp(−E/RT): ``prefactor`` A [1/(s·Paⁿ)], ``exponent`` n, ``energy`` E
    [J/mol].

    The numbers are the user's: published ones differ with strain rate and purity (Masias et al., J. Mater. Sci. 54
    (2019) 2585, doi:10.1007/s10853-018-2971-3, and works citing it).
    """

    prefactor: float
    exponent: float
    energy: float


def creep_refill(creep: LithiumCreep, pressure: float, temperature: float, depth: float) -> float:
    """The stripping current density that creep can feed, J_rep = (F/V_m) · h · A pⁿ exp(−E/RT) [A/m²].

    Assumes: the lithium within ``depth`` h [m] of the face flows to it at the uniaxial creep rate of the mean stack
    ``pressure`` [Pa] at ``temperature`` [K]. Fails when: the electrode is thin against its width (friction at the
    faces stiffens it).
    """
    strain_rate = creep.prefactor * pressure**creep.exponent * math.exp(-creep.energy / (GAS_CONSTANT * temperature))
    return FARADAY / LITHIUM_MOLAR_VOLUME * depth * strain_rate
