"""``--mechanism``: what happens at the faces of the simulated cell, as 'leakage:conductivity=1e-5 mS/cm'.

Each has the numbers of its term (:mod:`rampion.cell.terms`); some have a recipe beside, whose numbers make those of the
term: creep feeds a contact, a critical current is that of the weakest of many defects, a soft short closes at random.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from rampion.errors import InputError

if TYPE_CHECKING:
    from rampion.cell.parameters import Cell

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Mechanism:
    """One mechanism of the shell: its term, the quantities of its numbers ('' for a plain one, 'word' for a text)."""

    module: str
    kind: str
    numbers: Mapping[str, str]
    recipe: Mapping[str, str] = field(default_factory=dict)
    """Further numbers, from which ``make`` makes those of the term."""
    make: Callable[[Values, Cell, float], Values] = lambda values, cell, lasting: values

    @property
    def term(self) -> type:
        """The class of the term."""
        return getattr(importlib.import_module(f"rampion.cell.{self.module}"), self.kind)

    @property
    def example(self) -> str:
        """Its first two numbers, to be filled in."""
        return ",".join(f"{name}=…" for name in [*self.recipe, *self.numbers][:2])


def _take(values: Values, names: Mapping[str, str], what: str) -> list[Any]:
    """The numbers of a recipe, all of them, removed from the values."""
    missing = [name for name in names if name not in values]
    if missing:
        raise InputError(f"{what} needs {', '.join(missing)} too.")
    return [values.pop(name) for name in names]


_CREEP = {
    "pressure": "stack_pressure", "depth": "lithium_thickness", "creep_prefactor": "", "creep_exponent": "",
    "creep_energy": "activation_energy",
}  # fmt: skip
"""The prefactor is that of a stress in MPa, 1/(s·MPaⁿ)."""


def _refilled(values: Values, cell: Cell, lasting: float) -> Values:
    """A contact whose refill follows from creep under stack pressure, where that is given."""
    from rampion.cell.contact import LithiumCreep, creep_refill

    if not values.keys() & _CREEP.keys():
        return values
    if "refill" in values:
        raise InputError("refill is stated and follows from creep: give one of the two.")
    pressure, depth, prefactor, exponent, energy = _take(values, _CREEP, "creep")
    creep = LithiumCreep(prefactor=prefactor * 1e-6**exponent, exponent=exponent, energy=energy)
    return values | {"refill": creep_refill(creep, pressure, cell.temperature, depth)}


def _weakest(values: Values, cell: Cell, lasting: float) -> Values:
    """A critical current drawn from a Weibull distribution, where its shape is given."""
    from rampion.cell.penetration import draw_critical_current

    if "weibull_shape" not in values or "critical_current" not in values:
        return values
    shape, scale = values.pop("weibull_shape"), values["critical_current"]
    seed, reference = int(values.pop("seed", 0.0)), values.pop("reference_area", cell.area)
    if not (shape > 0 and reference > 0):
        raise InputError(f"the Weibull shape is {shape:g}, the area {reference:g} m²; expected positive numbers.")
    return values | {"critical_current": float(draw_critical_current(seed, 1, scale, shape, cell.area, reference)[0])}


def _carriers(values: Values, cell: Cell, lasting: float) -> Values:
    """Depletion of the cell's own carriers, where no others are given."""
    from rampion.cell.parameters import chemical_diffusivity

    own = {"concentration": cell.concentration, "transference": cell.transference}
    return own | {"diffusivity": chemical_diffusivity(cell)} | values


_SHORT = {
    "resistance": "area_resistance", "onset": "duration", "closed": "duration", "interval": "duration",
    "lasting": "", "spread": "", "seed": "",
}  # fmt: skip


def _closings(values: Values, cell: Cell, lasting: float) -> Values:
    """A path that closes once, or paths that close at random in the ``lasting`` [s] of the run."""
    from rampion.cell.short import draw_soft_short

    resistance, onset = _take(values, {"resistance": "", "onset": ""}, "a soft short")
    if not resistance > 0:
        raise InputError(f"the path's resistance is {resistance:g} Ω·m²; expected a positive number.")
    if not 0 <= onset < lasting:
        raise InputError(f"the onset is {onset:g} s and the run lasts {lasting:g} s; expected an onset within the run.")
    if "interval" not in values:
        opened = [onset + values.pop("closed")] if "closed" in values else []
        return values | {"times": (onset, *opened), "conductances": (1.0 / resistance, 0.0)[: 1 + len(opened)]}
    interval, closed = _take(values, {"interval": "", "closed": ""}, "a soft short at random")
    more = {name: values.pop(name) for name in ("lasting", "spread") if name in values}
    drawn = draw_soft_short(
        int(values.pop("seed", 0.0)), onset, lasting - onset, 1.0 / resistance, interval, closed, **more
    )
    return values | {"times": drawn.times, "conductances": drawn.conductances}


_FILAMENT = {"focusing": "", "area_fraction": "", "short_resistance": "area_resistance"}
_FACE = {"residual": "", "capacitance": "area_capacitance", "electrode": "word"}
_DEFECTS = {"weibull_shape": "", "reference_area": "area", "seed": ""}
_CONTACT = {"capacity": "charge", "resistance": "area_resistance", "refill": "current_density", "stress_exponent": ""}
_VACANCIES = {"diffusivity": "diffusivity", "excess": "concentration", "resistance": "area_resistance"}
_INTERFACE = {"critical_voltage": "potential", "interface_resistance": "area_resistance"}
_CARRIERS = {"concentration": "concentration", "diffusivity": "diffusivity", "transference": "transference"}

MECHANISMS: Mapping[str, Mechanism] = {
    "contact": Mechanism("contact", "ContactLoss", _CONTACT | _FACE, _CREEP, _refilled),
    "vacancies": Mechanism("vacancies", "VacancyAccumulation", _VACANCIES | _FACE),
    "leakage": Mechanism("leakage", "Leakage", {"conductivity": "conductivity"}),
    "penetration": Mechanism(
        *("penetration", "PenetrationAtCurrent"),
        {"critical_current": "current_density", "hot_spot": ""} | _FILAMENT, _DEFECTS, _weakest,
    ),
    "threshold": Mechanism("penetration", "PenetrationAtVoltage", _INTERFACE | _FILAMENT),
    "depletion": Mechanism(
        "penetration", "PenetrationAtDepletion", {"hot_spot": ""} | _CARRIERS | _FILAMENT, {}, _carriers
    ),
    "short": Mechanism("short", "SoftShort", {}, _SHORT, _closings),
}  # fmt: skip


def mechanism(text: str, cell: Cell, lasting: float) -> Any:
    """The term that ``--mechanism`` describes, at a cell and in a run that lasts so long [s].

    Raises
    ------
    InputError
        For a mechanism or a number that is not known, is missing, or has a wrong unit.
    """
    name, _, pairs = text.partition(":")
    name = name.strip()
    if name not in MECHANISMS:
        raise InputError(f"--mechanism {name!r} is not known; choose one of {', '.join(MECHANISMS)}.")
    chosen = MECHANISMS[name]
    try:
        values = chosen.make(_read(pairs, {**chosen.numbers, **chosen.recipe}), cell, lasting)
        known = {f.name: f.default is MISSING for f in fields(chosen.term)}
        missing = [one for one, needed in known.items() if needed and one not in values]
        if missing:
            raise InputError(f"{', '.join(missing)} missing; write {name}:{','.join(f'{one}=…' for one in missing)}.")
        if unused := values.keys() - known.keys():
            raise InputError(f"{', '.join(sorted(unused))} has no effect here; leave it out.")
        return chosen.term(**values)
    except InputError as error:
        raise InputError(f"--mechanism {name}: {error}") from None


def _read(pairs: str, quantities: Mapping[str, str]) -> Values:
    """The values [SI] of ``key=value,key=value``."""
    from rampion.units import parse_quantity

    values: Values = {}
    for pair in filter(None, (one.strip() for one in pairs.split(","))):
        key, equals, value = (one.strip() for one in pair.partition("="))
        if key not in quantities or not equals or key in values:
            what = "is given twice" if key in values else "is not understood"
            raise InputError(f"{pair!r} {what}; expected key=value, of {', '.join(quantities)}.")
        if quantities[key] == "word":
            values[key] = value
        elif quantities[key]:
            try:
                values[key] = parse_quantity(value, quantities[key]).value
            except InputError as error:
                raise InputError(f"{key}: {error}") from None
        else:
            try:
                values[key] = float(value)
            except ValueError:
                raise InputError(f"{key} is {value!r}; expected a plain number.") from None
    return values
