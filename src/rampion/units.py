"""People's notation for quantities: ``0.05mV/s``, ``1.00 ± 0.02 mm``, ``0.6 mS/cm``, ``25 °C`` to SI and back.

The unit arithmetic is pint's; it loads on first use. A bare number, or one in the wrong dimension, is refused with
the right unit named.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterable
from typing import Any

from rampion.errors import InputError
from rampion.estimate import Estimate
from rampion.quantities import Quantity, quantity

_NUMBER = r"[-+−]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][-+−]?\d+)?"
_SHAPE = re.compile(
    rf"^\s*(?P<value>{_NUMBER})(?:\((?P<digits>\d+)\))?"
    rf"(?:\s*(?:±|\+/-|\+-)\s*(?P<std>{_NUMBER}))?\s*(?P<unit>.*?)\s*$"
)
_MARKED = re.compile(r"(?<![\d.,])\d[\d.,]*")
_GROUPED = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+|[1-9]\d{0,2}(?:\.\d{3})+")
_POWER = r"(?:\*\*|\^)\s*"
_NO_UNIT = re.compile(
    rf"\d{{3}}|(?<![A-Za-z_)\d.])\d+\s*{_POWER}|{_POWER}(?:\(|[-+\d.]+\s*(?:\)\s*)*{_POWER})",
)
"""Numbers of three digits, powers of numbers, powers of powers: no unit holds them."""
_LONGEST_UNIT = 60
_SPELLING = {
    "−": "-", "·": "*", "⋅": "*", "×": "*", "µ": "u", "μ": "u", "Ω": "ohm", "\u2126": "ohm", "°C": "degC", "℃": "degC",
    "½": "**0.5", "⁻¹": "**-1", "⁻²": "**-2", "⁻³": "**-3", "²": "**2", "³": "**3", "% ": "percent ",
}  # fmt: skip


@functools.cache
def _registry() -> Any:
    import pint

    return pint.UnitRegistry(autoconvert_offset_to_baseunit=True, cache_folder=None)


def _spelled(unit: str) -> str:
    for shown, plain in _SPELLING.items():
        unit = unit.replace(shown, plain)
    unit = re.sub(r"Ohms?\b|ohms\b", "ohm", unit)  # also in mOhm
    unit = re.sub(r"(?<=[A-Za-z])\^?([23])\b", r"**\1", unit)  # mm2, mm^2
    unit = re.sub(r"(?<=[A-Za-z])\^?-([123])\b", r"**-\1", unit)  # cm-2
    unit = re.sub(r"(?<=[\w)])\s+(?=[A-Za-z(])", "*", unit)  # 'mA cm**-2'
    return "percent" if unit == "%" else unit


@functools.cache
def conversion(unit: str, name: str) -> tuple[float, float]:
    """``(factor, offset)`` with SI = factor * shown + offset, for a unit as people write it and a quantity's name.

    Raises
    ------
    InputError
        When the unit is unknown, or measures something else than the quantity.
    """
    wanted: Quantity = quantity(name)
    words = name.replace("_", " ")
    if not wanted.unit:
        if unit.strip() in ("", "1"):
            return 1.0, 0.0
        if unit.strip() in ("%", "percent"):
            return 0.01, 0.0
    if unit.strip() == wanted.unit:
        return 1.0, 0.0
    if unit.strip() == wanted.shown_unit:  # the everyday spellings need no unit library
        return 1.0 / wanted.factor, -wanted.offset / wanted.factor
    registry = _registry()
    target = _spelled(wanted.unit) or "dimensionless"
    expected = f"expected {_article(words)} in {wanted.shown_unit or 'a pure number'}"
    spelled = _spelled(unit.strip())
    if name == "temperature" and spelled == "C":
        spelled = "degC"
    if name == "temperature_stability" and spelled in ("C", "degC"):
        spelled = "delta_degC"
    if name == "activation_energy" and spelled.endswith("eV"):
        spelled = f"{spelled}*avogadro_constant"  # an energy of one carrier stands for that of a mole
    try:
        if _NO_UNIT.search(spelled) or len(spelled) > _LONGEST_UNIT:
            raise ValueError  # the library would compute 9**9**9 for ever
        read = registry.Unit(spelled)
    except Exception:  # pint raises many kinds for text that is no unit
        raise InputError(f"{unit!r} is not a unit that is known; {expected}.") from None
    if not read.is_compatible_with(target):
        kind = _kind_of(read)
        raise InputError(f"{unit!r} is a unit of {kind}; {expected}.")
    zero = registry.Quantity(0.0, read).to(target).magnitude
    one = registry.Quantity(1.0, read).to(target).magnitude
    return float(one - zero), float(zero)


def _kind_of(unit: Any) -> str:
    from rampion.quantities import QUANTITIES

    for candidate in QUANTITIES.values():
        if candidate.unit and unit.is_compatible_with(_spelled(candidate.unit)):
            return candidate.name.replace("_", " ")
    return str(unit.dimensionality)


def _article(words: str) -> str:
    return f"an {words}" if words[0] in "aeiou" else f"a {words}"


def _number(text: str) -> float:
    return float(text.replace("−", "-").replace(",", "."))


def proven_mark(texts: Iterable[str]) -> str | None:
    """The decimal mark that the numbers in these texts prove together; ``None`` without a proof, or with two.

    A number proves its mark unless the mark could group thousands in it (1,234).
    """
    marks = set()
    for text in texts:
        for match in _MARKED.finditer(text):
            number = match[0].rstrip(".,")
            if number.count(",") + number.count(".") == 1 and not _could_group(text, match):
                marks.add("," if "," in number else ".")
    return marks.pop() if len(marks) == 1 else None


def _could_group(text: str, match: re.Match[str]) -> bool:
    return bool(_GROUPED.fullmatch(match[0].rstrip(".,"))) and text[match.end() : match.end() + 1] not in ("e", "E")


def _check_mark(text: str, mark: str | None) -> None:
    """Refuse numbers that group their digits or could: ``1,234``, and ``1.234`` where the decimal mark is a comma."""
    for match in _MARKED.finditer(text):
        number = match[0].rstrip(".,")
        plain, marks = re.sub("[.,]", "", number), number.count(",") + number.count(".")
        if marks > 1 or re.match(r"\s\d{3}(?!\d)", text[match.end() :]):
            raise InputError(f"{text!r} groups its digits; write it with one decimal point and without separators.")
        if _could_group(text, match) and ("," in number if mark != "," else "." in number):
            point = number.replace(",", ".")
            raise InputError(f"{text!r} can be read as {plain} and as {point}; write {plain} or {point}0.")


def parse_quantity(text: str, name: str, default_unit: str | None = None, decimal_mark: str | None = None) -> Estimate:
    """The quantity ``name`` written as text, in SI, with its standard uncertainty where one is written.

    Accepts ``1 mm``, ``1.00(2) mm``, ``1.00 ± 0.02 mm``, decimal commas. ``default_unit`` is used for a bare number
    (a table column that names its unit); without it a bare number is refused unless the quantity has no unit. A number
    that can be read two ways (``1,234``) is refused unless ``decimal_mark``, the one that other numbers of the same
    writer prove (:func:`proven_mark`), decides.

    Raises
    ------
    InputError
        When no number is found, the unit is missing or unknown, or it measures something else.
    """
    wanted = quantity(name)
    words = name.replace("_", " ")
    match = _SHAPE.match(text)
    if match is None:
        example = f"'1 {wanted.shown_unit}'" if wanted.shown_unit else "'0.95'"
        raise InputError(f"{text!r} does not begin with a number; expected {_article(words)} such as {example}.")
    _check_mark(text, decimal_mark or proven_mark([text]))
    unit = match["unit"] or default_unit or ""
    if not unit and wanted.unit:
        raise InputError(
            f"{text!r} has no unit; expected {_article(words)} in {wanted.shown_unit}: "
            f"write '{text.strip()} {wanted.shown_unit}'."
        )
    factor, offset = conversion(unit, name)
    value = _number(match["value"])
    std = math.nan
    if match["std"]:
        std = abs(_number(match["std"]))
    elif match["digits"]:
        mantissa = re.split("[eE]", match["value"].replace("−", "-"))
        decimals = len(re.split("[.,]", mantissa[0])[1]) if re.search("[.,]", mantissa[0]) else 0
        std = float(f"{match['digits']}e{(int(mantissa[1]) if len(mantissa) > 1 else 0) - decimals}")
    if not math.isfinite(value * factor + offset) or math.isinf(std * factor):
        raise InputError(f"{text[:40]!r} is too large for a number; expected {_article(words)} in {wanted.shown_unit}.")
    return Estimate(value * factor + offset, std * abs(factor))


_PREFIXES = ((1e6, 1e-6, "M"), (1e4, 1e-3, "k"), (1e-1, 1.0, ""), (0.0, 1e3, "m"))
_PREFIXED = ("Ω", "Hz")  # units of what spans many decades


def prefixed(largest: float, unit: str) -> tuple[float, str]:
    """Factor, and unit with its prefix, in which values up to the largest are read easily."""
    for least, factor, prefix in _PREFIXES:
        if abs(largest) >= least:
            return factor, prefix + unit
    return 1.0, unit


def show(estimate: Estimate | float, name: str, digits: int = 3) -> str:
    """The number in the laboratory's unit, with its standard uncertainty when it is known: ``1.04 ± 0.02 mA/cm²``."""
    wanted = quantity(name)
    if not isinstance(estimate, Estimate):
        estimate = Estimate(estimate)
    value, std, unit = wanted.shown(estimate.value), estimate.std * abs(wanted.factor), wanted.shown_unit
    if not math.isfinite(value):
        return "not known"
    if unit in _PREFIXED and value:
        factor, unit = prefixed(value, unit)
        value, std = value * factor, std * factor
    return _told(value, std, digits) + (f" {unit}" if unit else "")


def show_in(estimate: Estimate, name: str, unit: str, digits: int = 3) -> str:
    """The number in another unit than the laboratory's usual one, with its standard uncertainty when it is known."""
    factor, offset = conversion(unit, name)
    return f"{_told((estimate.value - offset) / factor, estimate.std / abs(factor), digits)} {unit}"


def _told(value: float, std: float, digits: int) -> str:
    """The value to two digits of its standard uncertainty; to ``digits`` of its own where that is not known."""
    if not math.isfinite(std) or std == 0:
        return f"{value:.{digits}g}"
    decimals = 1 - math.floor(math.log10(std))
    if decimals > 6 or abs(value) >= 1e6:
        return f"{value:.{digits + 1}g} ± {std:.2g}"
    value, std, decimals = round(value, decimals), round(std, decimals), max(0, decimals)
    return f"{value:.{decimals}f} ± {std:.{decimals}f}"
