"""What the columns of a table mean: headers as people write them to roles, units and signs.

``E/V``, ``Voltage [mV]``, ``Current (A)``, ``-Z'' / Ohm``, ``Ecell/V``, ``freq/Hz``, ``voltage_volt`` and the like. A
guess is always reported; a current, potential or time whose header names no unit is not guessed at all, and a current
density is never taken for a current.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from rampion.errors import InputError, RefusedError
from rampion.estimate import Flag
from rampion.readers.column_advice import listed, refusal
from rampion.readers.flags import ReaderFlag
from rampion.readers.headers import (
    ASSUMED,
    LOOPS,
    NAMES,
    QUANTITY,
    ROLES,
    plain_name,
    read_header,
    scale_of,
    split_unit,
)
from rampion.units import conversion

_OF_SPECTRA = ("frequency", "impedance_real", "impedance_imag", "impedance_modulus", "phase")
_BESIDE = ("time", "temperature")  # roles that are guessed beside those that the user named


@dataclass(frozen=True, slots=True)
class Column:
    """A column's meaning: SI = factor · shown + offset; ``unit`` is what was read or assumed."""

    role: str
    header: str
    factor: float
    offset: float
    unit: str


class ColumnAbsentError(InputError):
    """The table has no column of the ``header`` that was named."""

    def __init__(self, header: str, message: str) -> None:
        super().__init__(message)
        self.header = header


def guess_columns(
    headers: Sequence[str], clocks: Collection[str] = (), units: Mapping[str, str] | None = None
) -> dict[str, Column]:
    """The role of each header that is understood, one header per role.

    A role whose header names no unit is left out when guessing the unit would risk a wrong number (time, potential,
    current); frequency and impedance are then in Hz, Ω and degrees, a temperature in °C. ``clocks`` are the columns
    whose cells are clock readings (``0:01:30``), which need no unit; ``units`` those of columns whose cells name one.
    """
    split = [read_header(header, headers, clocks, units or {}) for header in headers]
    found: dict[str, Column] = {}
    for role, names in NAMES.items():
        best: tuple[int, Column] | None = None
        for header, name, unit in split:
            plain, negative = plain_name(name)
            if role == "temperature":
                plain = plain.rstrip("0123456789")
            if plain not in names or (negative and role not in ("impedance_imag", "phase")):
                continue
            if unit is None or not re.search(r"[^\W\d_]|°", unit):  # none, or a Ω that the encoding lost
                unit = ASSUMED.get(role) if plain not in ("t", "tcell") else None
            scale = scale_of(unit, role) if unit else None
            if unit is None or scale is None:
                continue
            sign = -1.0 if negative else 1.0
            shown = "°C" if role == "temperature" and scale[0] == 1.0 and scale[1] else unit
            column = Column(role, header, sign * scale[0], sign * scale[1], shown)
            if best is None or names.index(plain) < best[0]:
                best = (names.index(plain), column)
        if best is not None:
            found[role] = best[1]
    _part_electrodes(found)
    for header, _, unit in split:  # 'I [mA/cm²]' is a current density under a current's name
        if unit and "current_density" not in found and (scale := scale_of(unit, "current_density")) is not None:
            found["current_density"] = Column("current_density", header, *scale, unit)
    return found


def _part_electrodes(found: dict[str, Column]) -> None:
    """Without the counter electrode's, the working electrode's potential is the cell's; with it, the cell's is their
    difference where no column holds it (:func:`rampion.readers.parts.build_parts`)."""
    working, cell = found.get("working_potential"), found.get("potential")
    if working is not None and "counter_potential" in found:
        found.setdefault("potential", working)
    elif working is not None and cell is not None and working.header == cell.header:
        del found["working_potential"]


def check_roles(columns: Mapping[str, str]) -> None:
    """Refuse a role that no column can have.

    Raises
    ------
    InputError
        With the list of the roles.
    """
    for role in columns:
        if role not in ROLES:
            raise InputError(f"{role!r} is no role of a column; expected one of {', '.join(ROLES)}.")


def chosen_columns(
    headers: Sequence[str],
    columns: Mapping[str, str],
    clocks: Collection[str] = (),
    units: Mapping[str, str] | None = None,
) -> dict[str, Column]:
    """The columns that the user named: role → header, with the unit in the header or added as ``header [unit]``.

    A column of a table without header is named by its number, counted from 1.
    """
    check_roles(columns)
    found: dict[str, Column] = {}
    for role, wanted in columns.items():
        wanted = str(wanted).strip()
        bare, added = wanted, None
        if wanted not in headers:
            match = re.match(r"^(.*\S)\s*\[([^\]]*)\]$", wanted)
            if match:
                bare, added = match[1], match[2]
        negative = bare not in headers and bare[:1] in "-−" and bare[1:].strip() in headers
        header = bare[1:].strip() if negative else bare
        if header not in headers:
            raise ColumnAbsentError(header, f"there is no column {header!r}; the table has {listed(headers)}.")
        _, name, unit = read_header(header, headers, clocks, units or {})
        if header not in clocks and header not in (units or {}) and added is not None:
            unit = added
        unit = ASSUMED.get(role) if unit is None else unit
        if unit is None:
            raise InputError(
                f"column {header!r} names no unit; add the one it is in, as {{{role!r}: '{header} [unit]'}}."
            )
        scale = scale_of(unit, role)
        if scale is None:
            conversion(unit, QUANTITY.get(role, role))  # raises the sentence that names the right unit
            raise InputError(f"{unit!r} is no unit of an angle; expected deg or rad.")
        if role in ("impedance_imag", "phase") and plain_name(name)[1]:
            negative = not negative
        sign = -1.0 if negative else 1.0
        found[role] = Column(role, header, sign * scale[0], sign * scale[1], unit)
    return found


def settle_columns(
    headers: Sequence[str],
    columns: Mapping[str, str] | None,
    name: str,
    clocks: Collection[str] = (),
    units: Mapping[str, str] | None = None,
) -> tuple[dict[str, Column], tuple[Flag, ...]]:
    """The columns as chosen by the user, or as guessed with a flag that says what was guessed.

    Raises
    ------
    RefusedError
        When the columns do not make a trace or a spectrum; the sentence shows an example of the map to give.
    """
    guessed = guess_columns(headers, clocks, units)
    found = chosen_columns(headers, columns, clocks, units) if columns else guessed
    if columns:
        free = {
            role: one for role, one in guessed.items() if one.header not in {used.header for used in found.values()}
        }
        whole = has_trace(found) or has_impedance(found)
        added = {role: one for role, one in free.items() if not whole or role in _BESIDE}
        found = added | found
    if not (has_trace(found) or has_impedance(found)):
        raise RefusedError(refusal(headers, {role: one.header for role, one in found.items()}, name))
    found.pop("current_density", None)
    refuse_half_spectrum(found)
    if not has_impedance(found):
        found = {role: one for role, one in found.items() if role not in _OF_SPECTRA or role in (columns or {})}
    if {"impedance_real", "impedance_imag"} <= found.keys():
        found.pop("impedance_modulus", None)
        found.pop("phase", None)
    open_roles = {role: column for role, column in found.items() if role not in (columns or {})}
    if not open_roles:
        return found, ()
    mapping = ", ".join(f"{role} = {column.header!r} in {column.unit}" for role, column in open_roles.items())
    return found, (ReaderFlag.COLUMNS_GUESSED.flag(mapping=mapping),)


def has_impedance(found: Collection[str]) -> bool:
    """Whether the roles make an impedance spectrum."""
    return "frequency" in found and (
        {"impedance_real", "impedance_imag"} <= set(found) or {"impedance_modulus", "phase"} <= set(found)
    )


def refuse_half_spectrum(found: Mapping[str, Column]) -> None:
    """Refuse an impedance that lacks its frequency or its other half: the columns beside it are no trace.

    Raises
    ------
    RefusedError
        When real and imaginary part stand without frequency, or a frequency with one part only.
    """
    parts = [found[role].header for role in ("impedance_real", "impedance_imag", "impedance_modulus") if role in found]
    if not has_impedance(found) and (len(parts) > 1 or (parts and "frequency" in found)):
        names = " and ".join(map(repr, parts))
        raise RefusedError(
            f"{names} make no spectrum without the others; export frequency, Z' and Z'', or frequency, |Z| and phase."
        )


def has_trace(found: Collection[str]) -> bool:
    """Whether the roles make a trace."""
    return {"potential", "current"} <= set(found) or (
        "time" in found and ("potential" in found or "current" in found) and "current_density" not in found
    )


def is_loop(header: str) -> bool:
    """Whether a column counts loops, cycles or spectra."""
    return plain_name(split_unit(header)[0])[0] in LOOPS
