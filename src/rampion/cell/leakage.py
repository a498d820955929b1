"""Electronic leakage: electrons pass the ceramic beside the ions, J_e = σ_e V/L.

Observables: the voltammogram lies above the ohmic line by σ_e/σ, without a peak; the bulk resistance seen by a
blocking or a symmetric spectrum falls alike; the charge plated is less than the charge passed. Electrons that meet
ions inside the ceramic plate lithium there at any current: that event is stochastic and belongs to
:mod:`rampion.cell.penetration`.

Source: Han et al., Nat. Energy 4 (2019) 187, doi:10.1038/s41560-018-0312-z.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rampion.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Leakage:
    """Ohmic electronic conduction of the ceramic: ``conductivity`` σ_e [S/m].

    Assumes: σ_e does not depend on the local lithium activity. Fails when: it does (then J_e bends with V).
    """

    conductivity: float

    def __post_init__(self) -> None:
        if not self.conductivity >= 0:
            raise InputError(f"the electronic conductivity is {self.conductivity:g}; expected zero or more.")

    def parallel_current(self, state: Any, here: Any) -> Any:
        """σ_e V/L [A/m²]."""
        return self.conductivity * here.potential / here.cell["thickness"]
