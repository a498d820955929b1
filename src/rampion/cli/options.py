"""Options that several verbs share: quantities as people write them, the sample's geometry, the output."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from rampion.errors import InputError
from rampion.quantities import quantity

if TYPE_CHECKING:
    from rampion.measurement import Sample

_SAMPLE = {
    "thickness": "Electrolyte thickness, as '1 mm' or '1.00 ± 0.02 mm'.",
    "area": "Electrode area, as '4 mm2'.",
    "relative_density": "Relative density, as 0.95 or '95 %'.",
    "temperature": "Cell temperature, as '25 °C'.",
    "stack_pressure": "Stack pressure, as '20 MPa'.",
}


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


def quantity_option(flag: str, name: str, text: str, **more: Any) -> Callable:
    """A click option for one quantity of the vocabulary."""
    return click.option(flag, type=QuantityText(name), help=text, **more)


def sample_options(function: Callable) -> Callable:
    """--thickness, --area, ... of the sample."""
    for name, text in reversed(_SAMPLE.items()):
        function = quantity_option(f"--{name.replace('_', '-')}", name, text)(function)
    return function


def sample_from(options: dict[str, Any]) -> Sample | None:
    """The Sample that the options describe, removing them from ``options``; None when none was given."""
    given = {name: options.pop(name) for name in _SAMPLE}
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
