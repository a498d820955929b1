"""What no sample can be, whatever it is made of: one record of limits, and the refusal that names the likely slip.

Implausible values (a garnet at 298 °C) are judged elsewhere, with what is known of the material; these limits are only
passed by a slip of the unit, of the decimal mark, or of the column.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from rampion.errors import InputError
from rampion.quantities import quantity


@dataclass(frozen=True, slots=True)
class Span:
    """Least and largest value that is possible (SI), a usual one, the limits in words, and why none lies outside."""

    least: float
    most: float
    usual: float
    words: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleLimits:
    """The limits of a sample's numbers, in SI, under the names of :class:`rampion.measurement.Sample`."""

    thickness: Span = Span(50e-9, 2e-2, 1e-3, "50 nm to 2 cm", "sputtered films are thicker and pellets thinner")
    area: Span = Span(1e-12, 0.1, 1e-5, "1 µm² to 1000 cm²", "microelectrodes are larger and cells smaller")
    mass: Span = Span(1e-9, 1.0, 5e-4, "1 µg to 1 kg", "films are heavier and pellets lighter")
    theoretical_density: Span = Span(500.0, 1e4, 5e3, "0.5 to 10 g/cm³", "polymers are denser and oxides lighter")
    relative_density: Span = Span(0.3, 1.2, 0.95, "30 to 120 %", "loose powder fills as much, and more cannot be")
    temperature: Span = Span(0.0, 2000.0, 298.15, "0 to 2000 K", "nothing is colder, and no electrolyte lasts above")
    temperature_stability: Span = Span(0.0, 200.0, 1.0, "0 to 200 K", "it is the size of a deviation")
    stack_pressure: Span = Span(0.0, 1e10, 2e7, "0 to 10 GPa", "it presses, and no press of a laboratory does more")
    lithium_thickness: Span = Span(1e-9, 2e-2, 1e-4, "1 nm to 2 cm", "evaporated films are thicker and foils thinner")
    leads_resistance: Span = Span(0.0, 1e4, 1.0, "0 to 10 kΩ", "it is a resistance of metal")
    reference_depth: Span = Span(0.0, 2e-2, 5e-4, "0 to 2 cm", "it lies inside the electrolyte")


LIMITS = SampleLimits()
_OPEN = ("thickness", "area", "mass", "temperature")  # of these the least value itself is impossible
_SLIPS = (1e-2, 1e2, 1e-3, 1e3, 1e-4, 1e4, 1e-6, 1e6, 1e-9)
"""Factors between units that are mistaken for each other: %, m, cm, mm, µm and their squares, g and mg."""


def check_limits(name: str, value: float, typed: str = "") -> None:
    """Refuse a value of a sample's field that cannot be.

    Parameters
    ----------
    name : the field; one that has no limits passes.
    value : in SI.
    typed : as the person wrote it, to be quoted.

    Raises
    ------
    InputError
        When the value is not finite or outside its limits; the sentence quotes it as typed and names the likely slip.
    """
    span: Span | None = getattr(LIMITS, name, None)
    if span is None:
        return
    if math.isfinite(value) and span.least <= value <= span.most and not (name in _OPEN and value == 0):
        return
    words = name.replace("_", " ")
    found = f"{typed!r} is {_shown(value, name)}" if typed else f"the {words} is {_shown(value, name)}"
    slip = _slip(value, name, span)
    raise InputError(
        f"{found}; expected {_article(words)} from {span.words}"
        + (f": is it {slip}?" if slip else f", because {span.reason}.")
    )


def _slip(value: float, name: str, span: Span) -> str:
    """The value in the unit that was probably meant; empty where no usual mistake explains it."""
    if quantity(name).offset or not (math.isfinite(value) and value > 0):
        return ""
    possible = [value * factor for factor in _SLIPS if span.least <= value * factor <= span.most]
    if not possible:
        return ""
    return _shown(min(possible, key=lambda one: abs(math.log(one / span.usual))), name)


def _shown(value: float, name: str) -> str:
    entry = quantity(name)
    unit = entry.shown_unit
    return f"{entry.shown(value):.4g}" + (f" {unit}" if unit else "")


def _article(words: str) -> str:
    return f"an {words}" if words[0] in "aeiou" else f"a {words}"
