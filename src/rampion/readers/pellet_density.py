"""Relative density of a pellet from its mass and dimensions, and theoretical densities by composition."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from rampion.estimate import Estimate, product


@dataclass(frozen=True, slots=True)
class TheoreticalDensity:
    """The density of a composition without pores [kg/m³], its standard uncertainty, and where it stands."""

    composition: str
    value: float
    std: float
    source: str


# From a structure: Z M/(N_A V) of the unit cell.
THEORETICAL_DENSITIES = (
    TheoreticalDensity("Li6.4La3Zr1.4Ta0.6O12", 5491.0, math.nan, "arXiv:2110.13399"),
    # Z = 8, M = 839.73 g/mol, tetragonal a = 13.134 Å, c = 12.663 Å; the cubic form is 0.2 % lighter
    TheoreticalDensity("Li7La3Zr2O12", 5107.0, 10.0, "doi:10.1016/j.jssc.2009.05.020"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DensityRule:
    """When a stated and a computed relative density disagree."""

    errors: float = 3.0
    """Standard uncertainties of their difference, where both are known."""
    difference: float = 0.03
    """Fraction of the theoretical density, where they are not: a caliper on a 1 mm pellet errs by 2 to 3 %."""


RULE = DensityRule()
_ALIKE = 0.005  # atoms per formula unit: compositions are written with two decimals


def theoretical_density(composition: str) -> TheoreticalDensity | None:
    """The entry of the table for that composition, however its elements are ordered; ``None`` where there is none."""
    atoms = _atoms(composition)
    if not atoms:
        return None
    for entry in THEORETICAL_DENSITIES:
        known = _atoms(entry.composition)
        if known.keys() == atoms.keys() and all(abs(known[name] - atoms[name]) < _ALIKE for name in atoms):
            return entry
    return None


def relative_density(mass: Estimate, area: Estimate, thickness: Estimate, theoretical: Estimate) -> Estimate:
    """ρ_rel = m/(A L ρ_th) of a pellet of cross-section ``area`` [m²], with the uncertainties of all four.

    *Assumes* a right cylinder or prism, weighed and measured in the same state. *Fails when* the electrode's area is
    given for the pellet's.
    """
    return product([(mass, 1), (area, -1), (thickness, -1), (theoretical, -1)])


def disagree(stated: Estimate, computed: Estimate, rule: DensityRule = RULE) -> bool:
    """Whether two relative densities differ by more than their uncertainties (or, unknown, the rule) allow."""
    apart = abs(stated.value - computed.value)
    spread = math.hypot(stated.std, computed.std)
    return apart > (rule.errors * spread if math.isfinite(spread) and spread > 0 else rule.difference)


def _atoms(formula: str) -> Mapping[str, float]:
    """How many of each element a formula has; empty where the text is no formula."""
    text = formula.translate(str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")).replace(" ", "").replace(",", ".")
    while group := re.search(r"\(([A-Za-z0-9.]+)\)(\d+(?:\.\d+)?)?", text):
        factor = float(group[2] or 1)
        inner = "".join(f"{name}{count * factor:g}" for name, count in _atoms(group[1]).items())
        if not inner:
            return {}
        text = text[: group.start()] + inner + text[group.end() :]
    if not re.fullmatch(r"(?:[A-Z][a-z]?(?:\d+(?:\.\d+)?)?)+", text):
        return {}
    atoms: dict[str, float] = {}
    for name, count in re.findall(r"([A-Z][a-z]?)(\d+(?:\.\d+)?)?", text):
        atoms[name] = atoms.get(name, 0.0) + float(count or 1)
    return atoms
