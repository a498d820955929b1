"""What the columns of a table mean: headers as people write them to roles, units and signs.

``E/V``, ``Voltage [mV]``, ``Current (A)``, ``-Z'' / Ohm``, ``Ecell/V``, ``freq/Hz``, ``voltage_volt`` and the like. A
guess is always reported; a current, potential or time whose header names no unit is not guessed at all, and a current
density is never taken for a current.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from rampion.errors import InputError, RefusedError
from rampion.estimate import Flag
from rampion.readers.flags import ReaderFlag
from rampion.units import conversion

ROLES = ("time", "potential", "current", "frequency", "impedance_real", "impedance_imag", "impedance_modulus", "phase")
_QUANTITY = {
    "time": "time", "potential": "potential", "current": "current", "frequency": "frequency",
    "impedance_real": "resistance", "impedance_imag": "resistance", "impedance_modulus": "resistance",
}  # fmt: skip
_ASSUMED = {"frequency": "Hz", "impedance_real": "Ω", "impedance_imag": "Ω", "impedance_modulus": "Ω", "phase": "deg"}
# Names without blanks, points and underscores, in lower case; the first that occurs in a table is taken.
_NAMES: dict[str, tuple[str, ...]] = {
    "time": (
        "testtime", "totaltime", "elapsedtime", "runningtime", "runtime", "time", "t", "timestamp", "correctedtime",
        "datetime", "dateandtime", "date/time",
    ),
    "potential": (
        "ecell", "ewe-ece", "cellvoltage", "cellpotential", "we(1)potential", "ewe", "<ewe>", "voltage", "potential",
        "e", "u", "v", "vf", "workingelectrode", "measuredpotential", "measuredvoltage", "potentialapplied",
    ),
    "current": ("<i>", "i", "current", "we(1)current", "cellcurrent", "measuredcurrent", "im", "i(t)"),
    "current_density": ("j", "currentdensity", "currentperarea"),
    "frequency": ("freq", "frequency", "f", "data:frequency"),
    "impedance_real": (
        "z'", "re(z)", "zre", "zreal", "rez", "realz", "z're", "z'(a)", "realimpedance", "impedancereal", "re", "real",
        "zr", "data:z'", "rez(z)",
    ),
    "impedance_imag": (
        "z''", "im(z)", "zim", "zimg", "zimag", "imz", "imagz", "z''im", "z''(b)", "imaginaryimpedance",
        "impedanceimaginary", "impedanceimag", "imagimpedance", "im", "imag", "imaginary", "zi", "data:z''",
    ),
    "impedance_modulus": ("|z|", "zmod", "modz", "mod(z)", "absz", "impedancemodulus", "impedance", "z", "magnitude"),
    "phase": ("phase(z)", "phasez", "phase", "phaseangle", "zphz", "zphase", "theta", "theta(z)", "arg(z)"),
}  # fmt: skip
_LOOPS = ("loop", "loopindex", "loopnumber", "cyclenumber", "cycle", "cycleindex", "scan", "spectrum", "segment")
_DEGREES = {"deg", "degree", "degrees", "°", "grad"}
_RADIANS = {"rad", "radian", "radians"}


@dataclass(frozen=True, slots=True)
class Column:
    """A column's meaning: SI = factor · shown + offset; ``unit`` is what was read or assumed."""

    role: str
    header: str
    factor: float
    offset: float
    unit: str


def split_unit(header: str) -> tuple[str, str | None]:
    """A header's name and unit (``None`` when it names none): ``-Z'' (Ohm)`` → ``-Z''`` and ``Ohm``."""
    text = unicodedata.normalize("NFC", header).strip().strip('"').strip()
    match = re.match(r"^(.*\S)\s*[\[(<]\s*([^\[\]()<>]*?)\s*[\])>]$", text)
    if match and not re.fullmatch(r"(?i)-?(re|im|phase|theta|arg|mod|abs|rez|ew?e?|we|i)", match[1].strip()):
        return match[1].strip(), match[2]
    if match and _dimension(match[2]):
        return match[1].strip(), match[2]
    match = re.match(r"^([^/]*[^/\s])\s*/\s*(\S.*)$", text)
    if match:
        return match[1].strip(), match[2].strip()
    match = re.match(r"^(.*[^\s,_])(?:_|\s*,\s*|\s+in\s+|\s+)([^\s_,]+)$", text)
    if match and _dimension(match[2]):
        return match[1].strip(), match[2]
    return text, None


def _dimension(unit: str) -> str:
    """The first role whose quantity the text is a unit of; empty when it is no unit."""
    if unit.strip().lower() in _DEGREES | _RADIANS:
        return "phase"
    for role in ("potential", "current", "time", "frequency", "impedance_real"):
        if unit.strip() and _scale(unit, role) is not None:
            return role
    return "current_density" if unit.strip() and _scale(unit, "current_density") is not None else ""


def _scale(unit: str, role: str) -> tuple[float, float] | None:
    """Factor and offset of a unit for a role; ``None`` when it does not measure that."""
    unit = re.sub(r"\s+vs\b.*$", "", unit.strip(), flags=re.I)  # 'V vs. Li/Li+'
    if role == "phase":
        plain = unit.lower()
        return (math.pi / 180, 0.0) if plain in _DEGREES else (1.0, 0.0) if plain in _RADIANS else None
    for spelling in (unit, unit.lower()):
        try:
            return conversion(spelling, _QUANTITY.get(role, role))
        except InputError:
            continue
    return None


def _plain(name: str) -> tuple[str, bool]:
    """The name as the tables of names spell it, and whether a minus sign stands before it."""
    text = unicodedata.normalize("NFC", name).lower().strip()
    text = re.sub(r"[\"”″]|''|´´|’’|``", "''", text).replace("’", "'").replace("´", "'").replace("`", "'")
    text = re.sub(r"^(neg(ative)?|minus)[\s._]+", "-", text)
    negative = text.startswith(("-", "−", "–"))
    text = re.sub(r"[\s._]vs\b.*$", "", text.lstrip("-−–"))  # 'E vs. Li'
    return re.sub(r"[\s._]+", "", text), negative


def guess_columns(headers: Sequence[str], clocks: Collection[str] = ()) -> dict[str, Column]:
    """The role of each header that is understood, one header per role.

    A role whose header names no unit is left out when guessing the unit would risk a wrong number (time, potential,
    current); frequency and impedance are then in Hz, Ω and degrees. ``clocks`` are the columns whose cells are clock
    readings (``0:01:30``), which need no unit.
    """
    split = [(header, header, "s") if header in clocks else (header, *split_unit(header)) for header in headers]
    found: dict[str, Column] = {}
    for role, names in _NAMES.items():
        best: tuple[int, Column] | None = None
        for header, name, unit in split:
            plain, negative = _plain(name)
            if plain not in names or (negative and role not in ("impedance_imag", "phase")):
                continue
            if unit is None or not re.search(r"[^\W\d_]|°", unit):  # none, or a Ω that the encoding lost
                unit = _ASSUMED.get(role)
            scale = _scale(unit, role) if unit else None
            if unit is None or scale is None:
                continue
            sign = -1.0 if negative else 1.0
            column = Column(role, header, sign * scale[0], sign * scale[1], unit)
            if best is None or names.index(plain) < best[0]:
                best = (names.index(plain), column)
        if best is not None:
            found[role] = best[1]
    for header, _, unit in split:  # 'I [mA/cm²]' is a current density under a current's name
        if unit and "current_density" not in found and (scale := _scale(unit, "current_density")) is not None:
            found["current_density"] = Column("current_density", header, *scale, unit)
    return found


def chosen_columns(
    headers: Sequence[str], columns: Mapping[str, str], clocks: Collection[str] = ()
) -> dict[str, Column]:
    """The columns that the user named: role → header, with the unit in the header or added as ``header [unit]``.

    A column of a table without header is named by its number, counted from 1.
    """
    found: dict[str, Column] = {}
    for role, wanted in columns.items():
        if role not in ROLES:
            raise InputError(f"{role!r} is no role of a column; expected one of {', '.join(ROLES)}.")
        wanted = str(wanted).strip()
        bare, added = wanted, None
        if wanted not in headers:
            match = re.match(r"^(.*\S)\s*\[([^\]]*)\]$", wanted)
            if match:
                bare, added = match[1], match[2]
        negative = bare not in headers and bare[:1] in "-−" and bare[1:].strip() in headers
        header = bare[1:].strip() if negative else bare
        if header not in headers:
            raise InputError(f"there is no column {header!r}; the table has {_listed(headers)}.")
        name, unit = split_unit(header)
        unit = "s" if header in clocks else added if added is not None else unit
        unit = _ASSUMED.get(role) if unit is None else unit
        if unit is None:
            raise InputError(f"column {header!r} names no unit; add it: {{{role!r}: '{header} [{_EXAMPLE[role]}]'}}.")
        scale = _scale(unit, role)
        if scale is None:
            conversion(unit, _QUANTITY.get(role, role))  # raises the sentence that names the right unit
            raise InputError(f"{unit!r} is no unit of an angle; expected deg or rad.")
        if role in ("impedance_imag", "phase") and _plain(name)[1]:
            negative = not negative
        sign = -1.0 if negative else 1.0
        found[role] = Column(role, header, sign * scale[0], sign * scale[1], unit)
    return found


_EXAMPLE = {
    "time": "s", "potential": "V", "current": "mA", "frequency": "Hz", "impedance_real": "Ω", "impedance_imag": "Ω",
    "impedance_modulus": "Ω", "phase": "deg",
}  # fmt: skip


def _listed(headers: Sequence[str]) -> str:
    shown = [repr(header) for header in headers if header][:12]
    return "the columns " + ", ".join(shown) if shown else "no named column"


def settle_columns(
    headers: Sequence[str], columns: Mapping[str, str] | None, name: str, clocks: Collection[str] = ()
) -> tuple[dict[str, Column], tuple[Flag, ...]]:
    """The columns as chosen by the user, or as guessed with a flag that says what was guessed.

    Raises
    ------
    RefusedError
        When the columns do not make a trace or a spectrum; the sentence shows an example of the map to give.
    """
    found = chosen_columns(headers, columns, clocks) if columns else guess_columns(headers, clocks)
    if not (_has_trace(found) or has_impedance(found)):
        raise RefusedError(_refusal(headers, found, name))
    found.pop("current_density", None)
    if {"impedance_real", "impedance_imag"} <= found.keys():
        found.pop("impedance_modulus", None)
        found.pop("phase", None)
    if columns:
        return found, ()
    mapping = ", ".join(f"{role} = {column.header!r} in {column.unit}" for role, column in found.items())
    return found, (ReaderFlag.COLUMNS_GUESSED.flag(mapping=mapping),)


def has_impedance(found: Collection[str]) -> bool:
    """Whether the roles make an impedance spectrum."""
    return "frequency" in found and (
        {"impedance_real", "impedance_imag"} <= set(found) or {"impedance_modulus", "phase"} <= set(found)
    )


def _has_trace(found: Mapping[str, object]) -> bool:
    return {"potential", "current"} <= found.keys() or (
        "time" in found and ("potential" in found or "current" in found) and "current_density" not in found
    )


def is_loop(header: str) -> bool:
    """Whether a column counts loops, cycles or spectra."""
    return _plain(split_unit(header)[0])[0] in _LOOPS


def _refusal(headers: Sequence[str], found: Mapping[str, Column], name: str) -> str:
    if "current_density" in found and "current" not in found:
        return (
            f"{name} holds a current density ({found['current_density'].header!r}) and no current, which would need "
            "the electrode area of whoever divided by it; export the current, or say which column it is."
        )
    no_unit = [
        header
        for header in headers
        for role in ("potential", "current", "time")
        if _plain(header)[0] in _NAMES[role] and split_unit(header)[1] is None
    ]
    if no_unit:
        pairs = {}
        for header in no_unit:
            role = next(role for role in ("potential", "current", "time") if _plain(header)[0] in _NAMES[role])
            pairs.setdefault(role, f"{header} [{_EXAMPLE[role]}]")
        return (
            f"{name}: the columns {', '.join(map(repr, no_unit))} name no unit; say which is what in which unit: "
            f"columns={pairs}, or in the shell {_shell(pairs)}."
        )
    example = {"potential": "Ecell/V", "current": "I/mA"}
    return (
        f"{name} has {_listed(headers)}; expected potential and current, or frequency and impedance: "
        f"say which is what, e.g. columns={example}, or in the shell {_shell(example)}."
    )


def _shell(columns: Mapping[str, str]) -> str:
    return " ".join(f'--column {role}="{header}"' for role, header in columns.items())
