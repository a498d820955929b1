"""Options that several verbs share: quantities as people write them, the sample's geometry, the output."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from rampion.errors import InputError
from rampion.quantities import quantity

if TYPE_CHECKING:
    from rampion.measurement import Sample
    from rampion.voltammetry.confidence import BaseRates

_SAMPLE = {
    "thickness": "Electrolyte thickness, as '1 mm' or '1.00 ± 0.02 mm'.",
    "area": "Electrode area, as '4 mm2'.",
    "relative_density": "Relative density, as 0.95 or '95 %'.",
    "temperature": "Cell temperature, as '25 °C'.",
    "stack_pressure": "Stack pressure, as '20 MPa'.",
    "leads_resistance": "Resistance of leads and contacts, measured on a short, as '0.4 ohm'.",
    "reference_depth": "Depth of a reference electrode below the working electrode's face, as '0.30 ± 0.02 mm'.",
}
_SAMPLE_WORDS = {
    "electrodes": "Both electrodes, as Li, blocking, 'In-Li | Li' or 'Li | Cu'; without it, lithium.",
    "material_class": "Family of the electrolyte: garnet, NASICON, sulfide, argyrodite, ...",
}
_RANGE = re.compile(r"^(?P<low>.+?)\.\.(?P<high>.+):\s*(?P<count>\d+)\s*(?P<kind>log|lin|)$")
_NUMBER = re.compile(r"^\s*[-+−]?[\d.]+(?:[eE][-+−]?\d+)?\s*(?P<unit>.*?)\s*$")
_FLAGS = {"leads_resistance": "--leads"}


class QuantityText(click.ParamType):
    """A quantity written with its unit; becomes an Estimate in SI."""

    def __init__(self, name: str) -> None:
        self.quantity = name
        self.name = quantity(name).shown_unit or "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse the text; a wrong unit is refused with the right one named."""
        if not isinstance(value, str):
            return value
        from rampion.units import parse_quantity

        try:
            return parse_quantity(value, self.quantity)
        except InputError as error:
            option = param.opts[0] if param else self.quantity
            raise InputError(f"{option}: {error}") from None


class SampleQuantity(QuantityText):
    """A quantity of the sample; what no sample can have is refused as it was typed."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse the text and compare it with the hard limits."""
        estimate = super().convert(value, param, ctx)
        if isinstance(value, str):
            from rampion.hard_limits import check_limits

            try:
                check_limits(self.quantity, estimate.value, value)
            except InputError as error:
                raise InputError(f"{param.opts[0] if param else self.quantity}: {error}") from None
        return estimate


class SampleWord(click.ParamType):
    """A word that decides what may be concluded, as in the sample sheet."""

    name = "text"

    def __init__(self, field: str) -> None:
        self.field = field

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the word; one that is not known is refused with the list."""
        if not isinstance(value, str):
            return value
        from rampion.readers.sheet_words import parse_electrodes, parse_material_class

        readers = {"electrodes": parse_electrodes, "material_class": parse_material_class}
        try:
            return readers[self.field](value)
        except InputError as error:
            raise InputError(f"{param.opts[0] if param else self.field}: {error}") from None


def quantity_option(flag: str, name: str, text: str, **more: Any) -> Callable:
    """A click option for one quantity of the vocabulary."""
    return click.option(flag, type=QuantityText(name), help=text, **more)


def parse_values(text: str, name: str) -> Any:
    """The values [SI] of ``0.5,1,2mm`` or ``0.01..1mV/s:20log``; a unit at the end holds for all before it."""
    import numpy as np

    match = _RANGE.match(text.strip())
    if match is None:
        if ".." in text:
            raise InputError(f"{text!r} does not say how many values; write it as 0.01..1 mV/s:20 or :20log.")
        texts = text.split(",")
        return np.array(converted(texts, name, _unit_of(texts[-1])))
    low, high = converted([match["low"], match["high"]], name, _unit_of(match["high"]))
    count = int(match["count"])
    if count < 2:
        raise InputError(f"{text!r} asks for {count} values; expected at least 2.")
    if match["kind"] != "log":
        return np.linspace(low, high, count)
    if low <= 0 or high <= 0:
        raise InputError(f"{text!r} cannot be spaced evenly in the logarithm; both ends must be positive.")
    return np.geomspace(low, high, count)


def _unit_of(text: str) -> str | None:
    found = _NUMBER.match(text)
    return found["unit"] or None if found else None


def converted(texts: Sequence[str], name: str, unit: str | None) -> list[float]:
    """Numbers [SI] with units of their own, or with this one."""
    from rampion.units import parse_quantity

    if name:
        return [parse_quantity(text, name, unit).value for text in texts]
    try:
        return [float(text) for text in texts]
    except ValueError:
        raise InputError(f"{', '.join(texts)!r}: expected plain numbers (SI).") from None


def sample_options(function: Callable) -> Callable:
    """--thickness, --area, --electrodes, ... of the sample."""
    for name, text in reversed((_SAMPLE | _SAMPLE_WORDS).items()):
        kind = SampleQuantity(name) if name in _SAMPLE else SampleWord(name)
        flag = _FLAGS.get(name, f"--{name.replace('_', '-')}")
        function = click.option(flag, name, type=kind, help=text)(function)
    return function


def sample_from(options: dict[str, Any]) -> Sample | None:
    """The Sample that the options describe, removing them from ``options``; None when none was given."""
    given = {name: options.pop(name) for name in (*_SAMPLE, *_SAMPLE_WORDS)}
    given = {name: value for name, value in given.items() if value is not None}
    if not given:
        return None
    from rampion.measurement import Sample

    return Sample(**given)


def output_options(function: Callable) -> Callable:
    """--json and -o."""
    function = click.option("--json", "as_json", is_flag=True, help="Print one JSON object (SI units).")(function)
    return click.option(
        "-o",
        "--output",
        type=click.Path(file_okay=False),
        help="Folder for results.json, tables, figures and their description.",
    )(function)


def columns_from(pairs: tuple[str, ...]) -> dict[str, str] | None:
    """The map of columns that ``--column`` gave.

    Raises
    ------
    InputError
        When one has no ``=``, or names a role that no column can have.
    """
    from rampion.readers.columns import check_roles

    for pair in pairs:
        if "=" not in pair:
            raise InputError(f"--column {pair!r} has no '='; expected role=header, such as potential='Ecell/V'.")
    columns = {name.strip(): header.strip() for name, header in (pair.split("=", 1) for pair in pairs)}
    check_roles(columns)
    return columns or None


column_option = click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="ROLE=HEADER",
    help="Which column of a plain table is what, in which unit, as potential='E [mV]' (repeatable). Roles: time, "
    "potential, working_potential, counter_potential, current, temperature, frequency, impedance_real, impedance_imag, "
    "impedance_modulus, phase.",
)


def window_from(options: dict[str, Any]) -> dict[str, Any]:
    """The ends of the frequency window [Hz] that were given, removing them from ``options``."""
    given = {name: options.pop(name) for name in ("fmin", "fmax")}
    return {name: end.value for name, end in given.items() if end is not None}


def window_options(function: Callable) -> Callable:
    """--fmin and --fmax of the spectra."""
    for flag, text in (("--fmax", "above this frequency, as '1 MHz'."), ("--fmin", "below it, as '10 Hz'.")):
        function = quantity_option(flag, "frequency", f"Leave out the points of spectra {text}")(function)
    return function


def base_rates_from(pairs: tuple[str, ...]) -> BaseRates:
    """The base rates that ``--base-rate`` gave.

    Raises
    ------
    InputError
        When one has no ``=``, is no number, or names no verdict.
    """
    from rampion.voltammetry.confidence import base_rates_of

    shares: dict[str, float] = {}
    for pair in pairs:
        name, _, share = pair.partition("=")
        try:
            shares[name.strip()] = float(share)
        except ValueError:
            raise InputError(
                f"--base-rate {pair!r} has no share; expected verdict=share, as penetration=0.3."
            ) from None
    return base_rates_of(shares)


base_rate_option = click.option(
    "--base-rate",
    "base_rates",
    multiple=True,
    metavar="VERDICT=SHARE",
    help="How often a verdict is expected among the records, as penetration=0.3 (repeatable); the others share the "
    "rest equally. Confidences are at these rates.",
)
