"""What to tell a user whose table has columns of unknown meaning: what was found, what is missing, how to name it.

A unit is never suggested that the file does not show.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rampion.readers.headers import NAMES, plain_name, split_unit

_NEEDS_UNIT = ("potential", "current", "time")
_IMPEDANCE = ("impedance_real", "impedance_imag", "impedance_modulus", "phase")


def refusal(headers: Sequence[str], found: Mapping[str, str], name: str) -> str:
    """One sentence for a table that makes neither a trace nor a spectrum; ``found``: role → header."""
    if "current_density" in found and "current" not in found:
        return (
            f"{name} holds a current density ({found['current_density']!r}) and no current, which would need "
            "the electrode area of whoever divided by it; export the current, or say which column it is."
        )
    bare = _without_unit(headers)
    if bare and "frequency" not in found:
        pairs = {role: header for role, header in found.items() if role in _NEEDS_UNIT}
        pairs |= {role: f"{header} [unit]" for role, header in bare.items()}
        return (
            f"{name}: the columns {', '.join(map(repr, bare.values()))} name no unit; name them with the unit that "
            f"the file is in, in place of 'unit': {shell(pairs)}."
        )
    if "frequency" in found or any(role in found for role in _IMPEDANCE):
        known = " and ".join(f"{role} = {header!r}" for role, header in found.items())
        wanted = _missing_impedance(found)
        pairs = dict.fromkeys(wanted, "header [unit]")
        return (
            f"{name} has {listed(headers)}, of which only {known} is clear; a spectrum needs "
            f"{' and '.join(wanted)} too: {shell(pairs)}."
        )
    return (
        f"{name} has {listed(headers)}; expected potential and current, or frequency and impedance: say which is what, "
        f"as {shell({'potential': 'header [unit]', 'current': 'header [unit]'})}, or with the roles frequency, "
        "impedance_real and impedance_imag."
    )


def no_header(width: int, row: Sequence[str], name: str) -> str:
    """One sentence for columns of numbers without header that are not plainly a spectrum."""
    return (
        f"{name} has {width} columns of numbers without a header (the first row reads {'  '.join(row[:8])}); say which "
        "is what by number, with the unit that the file is in: "
        f"{shell({'potential': '1 [unit]', 'current': '2 [unit]'})}, or frequency, impedance_real and impedance_imag."
    )


def _without_unit(headers: Sequence[str]) -> dict[str, str]:
    """The first header of each role whose name is understood and that names no unit."""
    bare: dict[str, str] = {}
    for role in _NEEDS_UNIT:
        for header in headers:
            if plain_name(header)[0] in NAMES[role] and split_unit(header)[1] is None:
                bare.setdefault(role, header)
    return bare


def _missing_impedance(found: Mapping[str, str]) -> tuple[str, ...]:
    polar = "impedance_modulus" in found or "phase" in found
    parts = ("impedance_modulus", "phase") if polar else ("impedance_real", "impedance_imag")
    return tuple(role for role in ("frequency", *parts) if role not in found)


def listed(headers: Sequence[str]) -> str:
    """The first names of a table's columns, for a sentence."""
    shown = [repr(header) for header in headers if header][:12]
    return "the columns " + ", ".join(shown) if shown else "no named column"


def shell(columns: Mapping[str, str]) -> str:
    """The options by which the shell takes a map of columns."""
    return " ".join(f'--column {role}="{header}"' for role, header in columns.items())
