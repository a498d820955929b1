"""Headers as people write them: the name, the unit, and the words by which the columns of tables are known."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Collection, Mapping

from rampion.errors import InputError
from rampion.units import conversion

ROLES = (
    "time", "potential", "working_potential", "counter_potential", "current", "temperature", "frequency",
    "impedance_real", "impedance_imag", "impedance_modulus", "phase",
)  # fmt: skip
QUANTITY = {
    "time": "time", "potential": "potential", "working_potential": "potential", "counter_potential": "potential",
    "current": "current", "temperature": "temperature",
    "frequency": "frequency", "impedance_real": "resistance", "impedance_imag": "resistance",
    "impedance_modulus": "resistance",
}  # fmt: skip
ASSUMED = {
    "temperature": "°C", "frequency": "Hz", "impedance_real": "Ω", "impedance_imag": "Ω", "impedance_modulus": "Ω",
    "phase": "deg",
}  # fmt: skip
SI = {
    "time": "s", "potential": "V", "working_potential": "V", "counter_potential": "V", "current": "A",
    "temperature": "K", "frequency": "Hz", "impedance_real": "Ω", "impedance_imag": "Ω", "impedance_modulus": "Ω",
    "phase": "rad",
}  # fmt: skip
"""The SI unit of each role."""
# Names without blanks, points and underscores, in lower case; the first that occurs in a table is taken.
NAMES: dict[str, tuple[str, ...]] = {
    "time": (
        "testtime", "totaltime", "cumulativetime", "elapsedtime", "elapsed", "runningtime", "runtime", "progtime",
        "test", "time", "t", "timestamp", "correctedtime", "zeit", "laufzeit", "absolutetime", "abstime", "dpttime",
        "datetime", "dateandtime", "date/time", "date", "relativetime", "reltime",
    ),
    "potential": (
        "ecell", "ewe-ece", "cellvoltage", "cellpotential", "we(1)potential", "ewe", "<ewe>", "voltage", "potential",
        "e", "u", "v", "vf", "vcell", "ucell", "workingelectrode", "measuredpotential", "measuredvoltage",
        "potentialapplied", "spannung", "zellspannung",
    ),
    "working_potential": (
        "ewe", "<ewe>", "e(we)", "workingpotential", "wepotential", "workingelectrodepotential",
    ),
    "counter_potential": (
        "ece", "<ece>", "e(ce)", "counterpotential", "cepotential", "counterelectrodepotential",
    ),
    "current": (
        "<i>", "i", "current", "we(1)current", "cellcurrent", "icell", "measuredcurrent", "im", "i(t)", "strom",
    ),
    "temperature": (
        "celltemperature", "celltemp", "tcell", "temperature", "temp", "auxtemperature", "auxtemp", "t",
        "chambertemperature", "chambertemp", "tchamber", "ambienttemperature", "ambienttemp", "temperatur",
    ),
    "current_density": ("j", "currentdensity", "currentperarea"),
    "frequency": ("freq", "frequency", "f", "data:frequency", "frequ", "frequenz"),
    "impedance_real": (
        "z'", "re(z)", "zre", "zreal", "rez", "realz", "z're", "z'(a)", "realimpedance", "impedancereal", "re", "real",
        "zr", "data:z'", "rez(z)", "zs'", "zprime", "z1", "r", "rs",
    ),
    "impedance_imag": (
        "z''", "im(z)", "zim", "zimg", "zimag", "imz", "imagz", "z''im", "z''(b)", "imaginaryimpedance",
        "impedanceimaginary", "impedanceimag", "imagimpedance", "im", "imag", "imaginary", "zi", "data:z''", "zs''",
        "zdoubleprime", "z2", "x", "xs",
    ),
    "impedance_modulus": (
        "|z|", "zmod", "modz", "mod(z)", "absz", "abs(z)", "zabs", "impedancemodulus", "impedance", "z", "magnitude",
        "zmagnitude",
    ),
    "phase": ("phase(z)", "phasez", "phase", "phaseangle", "zphz", "zphase", "theta", "theta(z)", "arg(z)", "θ", "φ"),
}  # fmt: skip
# Units that stand as the name of a column; the symbols only where two of them or more do.
_WORDS = {
    "seconds": ("time", "s"), "second": ("time", "s"), "secs": ("time", "s"), "sec": ("time", "s"),
    "minutes": ("time", "min"), "mins": ("time", "min"), "hours": ("time", "h"), "hrs": ("time", "h"),
    "volts": ("potential", "V"), "volt": ("potential", "V"), "millivolts": ("potential", "mV"),
    "mvolts": ("potential", "mV"), "amps": ("current", "A"), "amp": ("current", "A"), "amperes": ("current", "A"),
    "ampere": ("current", "A"), "milliamps": ("current", "mA"), "mamps": ("current", "mA"),
    "milliamperes": ("current", "mA"), "microamps": ("current", "µA"), "hertz": ("frequency", "Hz"),
}  # fmt: skip
_SYMBOLS = {
    "s": "time", "min": "time", "h": "time", "V": "potential", "mV": "potential", "A": "current", "mA": "current",
    "µA": "current", "uA": "current", "Hz": "frequency",
}  # fmt: skip
LOOPS = ("loop", "loopindex", "loopnumber", "cyclenumber", "cycle", "cycleindex", "scan", "spectrum", "segment")
_DEGREES = {"deg", "degree", "degrees", "°", "grad"}
_RADIANS = {"rad", "radian", "radians"}


def split_unit(header: str) -> tuple[str, str | None]:
    """A header's name and unit (``None`` when it names none): ``-Z'' (Ohm)`` → ``-Z''`` and ``Ohm``."""
    text = unicodedata.normalize("NFC", header).strip().strip('"').strip()
    match = re.match(r"^(.*\S)\s*[\[(<]\s*([^\[\]()<>]*?)\s*[\])>]$", text)
    if match and not re.fullmatch(r"(?i)-?(re|im|phase|theta|arg|mod|abs|rez|ew?e?|we|i)", match[1].strip()):
        return match[1].strip(), match[2]
    if match and dimension(match[2]):
        return match[1].strip(), match[2]
    match = re.match(r"^([^/]*[^/\s])\s*/\s*(\S.*)$", text)
    if match:
        return match[1].strip(), match[2].strip()
    match = re.match(r"^(.*[^\s,_])(?:_|\s*,\s*|\s+in\s+|\s+)([^\s_,]+)$", text)
    if match and dimension(match[2]):
        return match[1].strip(), match[2]
    return text, None


def dimension(unit: str) -> str:
    """The first role whose quantity the text is a unit of; empty when it is no unit."""
    if unit.strip().lower() in _DEGREES | _RADIANS:
        return "phase"
    for role in ("potential", "current", "time", "frequency", "impedance_real", "temperature", "current_density"):
        if unit.strip() and scale_of(unit, role) is not None:
            return role
    return ""


def scale_of(unit: str, role: str) -> tuple[float, float] | None:
    """Factor and offset of a unit for a role; ``None`` when it does not measure that."""
    unit = re.sub(r"\s+vs\b.*$", "", unit.strip(), flags=re.I)  # 'V vs. Li/Li+'
    if role == "phase":
        plain = unit.lower()
        return (math.pi / 180, 0.0) if plain in _DEGREES else (1.0, 0.0) if plain in _RADIANS else None
    if role == "temperature" and re.fullmatch(r"[^\w\s/]?\s?C|deg\.?\s?C", unit):  # its degree sign may be lost
        unit = "°C"
    try:
        return conversion(_cased(unit), QUANTITY.get(role, role))
    except InputError:
        return None


def _cased(unit: str) -> str:
    """The unit with its base in the usual case; its prefix, where M is not m, as it stands: ``MOhms`` → ``Mohm``."""
    match = re.fullmatch(r"(.?)(ohms?|hz|volts?|amps?|amperes?)", unit, re.I)
    if match and not (match[1] == "m" and match[2] == "hz"):  # 'mhz' may be either
        prefix = "k" if match[1] == "K" else match[1]
        base = {"o": "ohm", "h": "Hz", "v": "V", "a": "A"}[match[2][0].lower()]
        return prefix + base
    if match:
        return "?"
    return unit.lower() if re.fullmatch(r"(?i)s(ec(ond)?s?)?|min(ute)?s?|h(ou)?rs?|days?", unit) else unit


def plain_name(name: str) -> tuple[str, bool]:
    """The name as the tables of names spell it, and whether a minus sign stands before it."""
    text = unicodedata.normalize("NFC", name).lower().strip().lstrip("~# ")
    text = re.sub(r"[\"”″]|''|´´|’’|``", "''", text).replace("’", "'").replace("´", "'").replace("`", "'")
    text = re.sub(r"^(neg(ative)?|minus)[\s._]+", "-", text)
    negative = text.startswith(("-", "−", "–"))
    text = re.sub(r"[\s._]vs\b.*$", "", text.lstrip("-−–"))  # 'E vs. Li'
    return re.sub(r"[\s._]+", "", text), negative


def read_header(
    header: str, headers: Collection[str], clocks: Collection[str], units: Mapping[str, str]
) -> tuple[str, str, str | None]:
    """A header, its name, and its unit: that of its cells, else its own, else the unit that stands as its name."""
    name, unit = split_unit(header)
    if header in clocks:
        return header, re.sub(r"\s*[\[(].*$", "", header) or header, "s"
    if header in units:
        return header, name, units[header]
    if unit is None and plain_name(header)[0] in _WORDS:
        return header, *_WORDS[plain_name(header)[0]]
    if unit is None and header in _SYMBOLS and len({_SYMBOLS[one] for one in headers if one in _SYMBOLS}) > 1:
        return header, _SYMBOLS[header], header
    return header, name, unit
