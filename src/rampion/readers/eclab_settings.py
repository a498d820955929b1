"""What the settings of EC-Lab's binary files (``.mpr``) state: the technique, and of some techniques the protocol.

The settings are one module of bytes: the technique's number first, the electrode's area at a fixed place, and further
on a table with the number of its sequences, the number of parameters of each, and the parameters one after another.
EC-Lab 11.50 moved the table by two bytes and stores the reference of a potential ("vs.") in four bytes instead of one.
A layout is taken only when the number of parameters is the technique's and every value lies within what EC-Lab lets a
user type. *Fails when* the layout is another; the protocol is then not known.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from itertools import product

from rampion.measurement import FrequencyScan, Sweep

# The first byte names the technique. These are known from files of that technique, ours or published ones.
_TECHNIQUES = {
    0x04: "GCPL", 0x06: "CV", 0x0B: "OCV", 0x16: "MP", 0x18: "CA", 0x19: "CP", 0x1C: "WAIT", 0x1D: "PEIS",
    0x1E: "GEIS", 0x30: "CV", 0x32: "ZIR", 0x33: "CVA", 0x6C: "LSV", 0x75: "CstV", 0x76: "CstC", 0x77: "GCPL",
    0x7F: "MB", 0x88: "BCD",
}  # fmt: skip
_AREA_AT = 0x211
_DEFAULT_AREA = 0.001
_TABLES = (0x1847, 0x1845, 0x1846, 0x0572)
_FREQUENCY_UNITS = (1e6, 1e3, 1.0, 1e-3, 1e-6)
_CURRENT_UNITS = (1.0, 1e-3, 1e-6, 1e-9, 1e-12)
_RATE_UNITS = {1: 1e-3}  # mV/s; the other units' numbers have not been seen in a file
_REFERENCE = 4
# Letters as in :mod:`struct`; "v" is the reference of a potential, one or four bytes wide.
_STEPS = "step:B N:I low:f high:f range:B range_min:B range_max:B range_init:B bandwidth:B"
_SWEEPS = {
    "LSV": (23, "tR:f dER/dt:f dER:f dtR:f rate:f unit:B Ei:f Ei_vs:v EL:f EL_vs:v"),
    "CV": (21, f"Ei:f Ei_vs:v rate:f unit:B E1:f E1_vs:v {_STEPS} E2:f E2_vs:v"),
    "CVA": (30, f"Ei:f Ei_vs:v ti:f dti:f rate:f unit:B E1:f E1_vs:v t1:f dt1:f {_STEPS} E2:f E2_vs:v"),
}
_SCAN = "fi:f unit_fi:B ff:f unit_ff:B Nd:I points:B spacing:B"
_SCANS = {
    "PEIS": (52, f"mode:B E:f E_vs:v tE:f record:B dI:f unit_dI:B dt:f {_SCAN} amplitude:f"),
    "GEIS": (55, f"mode:B Is:f unit_Is:B Is_vs:v tIs:f record:B dE:f dt:f {_SCAN} by:B amplitude:f unit:B"),
}


@dataclass(frozen=True, slots=True)
class SettingsRule:
    """What EC-Lab lets a user type, as far as it tells a table of parameters from other bytes.

    potential [V], rate [V/s] and amplitude [V] or [A] are upper limits, frequency [Hz] the widest band of its
    instruments, points the most per decade (or in all).
    """

    potential: float = 60.0
    rate: float = 1e6
    amplitude: float = 100.0
    frequency: tuple[float, float] = (1e-7, 1e8)
    points: int = 1000


_RULE = SettingsRule()


def technique_of_settings(settings: bytes) -> str:
    """The technique that the settings name, or nothing where its number is not known."""
    return _TECHNIQUES.get(settings[0], "") if settings else ""


def stated_area(settings: bytes) -> float:
    """The electrode's area [cm²] that a user typed; NaN where it was left at EC-Lab's default or is none."""
    if len(settings) < _AREA_AT + 4:
        return math.nan
    area = struct.unpack_from("<f", settings, _AREA_AT)[0]
    typed = math.isfinite(area) and 0 < area < 1e6 and not math.isclose(area, _DEFAULT_AREA, rel_tol=1e-5)
    return area if typed else math.nan


def stated_protocol(settings: bytes, technique: str) -> Sweep | FrequencyScan | None:
    """The ramp or the impedance scan that the settings state, where their layout is known and every value possible."""
    if technique in _SWEEPS:
        return next((sweep for values in _readings(settings, *_SWEEPS[technique]) if (sweep := _sweep(values))), None)
    if technique in _SCANS:
        readings = _readings(settings, *_SCANS[technique])
        return next((scan for values in readings if (scan := _scan(values, technique == "GEIS"))), None)
    return None


def _readings(settings: bytes, count: int, layout: str) -> list[dict[str, float]]:
    """The first sequence's parameters, read in every way that the table's number of parameters allows."""
    readings = []
    for place, reference in product(_TABLES, ("I", "B")):
        pairs = [pair.split(":") for pair in layout.split()]
        code = "<" + "".join(letter.replace("v", reference) for _, letter in pairs)
        if len(settings) < place + 4 + struct.calcsize(code):
            continue
        sequences, parameters = struct.unpack_from("<HH", settings, place)
        if parameters == count and sequences > 0:
            values = struct.unpack_from(code, settings, place + 4)
            readings.append({name: _typed(value) for (name, _), value in zip(pairs, values, strict=True)})
    return readings


def _typed(value: float) -> float:
    """A number in single precision as it was typed: 14.1, not 14.100000381."""
    return float(f"{value:.7g}")


def _possible(value: float, limit: float) -> bool:
    """Whether a number is none at all or of a size that can be typed; other bytes read as tiny or huge numbers."""
    return value == 0 or (math.isfinite(value) and 1e-9 < abs(value) <= limit)


def _sweep(values: dict[str, float]) -> Sweep | None:
    """The ramp of these parameters, or ``None`` where one of them cannot be meant."""
    scale = _RATE_UNITS.get(int(values["unit"]), math.nan)
    rate = abs(values["rate"]) * scale
    potentials = [value for name, value in values.items() if name in ("Ei", "EL", "E1", "E2", "low", "high")]
    references = [value for name, value in values.items() if name.endswith("_vs")]
    if not (0 < rate <= _RULE.rate) or not all(_possible(value, _RULE.potential) for value in potentials):
        return None
    if any(reference > _REFERENCE for reference in references) or values.get("low", -1.0) >= values.get("high", 1.0):
        return None
    kept = {name: values[name] for name in ("Ei", "EL", "E1", "E2") if values.get(f"{name}_vs") == _REFERENCE}
    ends = [kept.get(name, math.nan) for name in ("Ei", "EL", "E1", "E2")]
    return Sweep(rate=rate, start=ends[0], stop=ends[1], vertices=tuple(ends[2:]) if "E1" in values else ())


def _scan(values: dict[str, float], galvanostatic: bool) -> FrequencyScan | None:
    """The impedance scan of these parameters, or ``None`` where one of them cannot be meant."""
    units = [int(values["unit_fi"]), int(values["unit_ff"])]
    if max(units) >= len(_FREQUENCY_UNITS) or values["points"] > 1 or values["spacing"] > 1:
        return None
    ends = [values[name] * _FREQUENCY_UNITS[unit] for name, unit in zip(("fi", "ff"), units, strict=True)]
    low, high = _RULE.frequency
    if not all(low <= end <= high for end in ends) or not 1 <= values["Nd"] <= _RULE.points:
        return None
    amplitude = values["amplitude"] * 1e-3
    if galvanostatic:
        unit, by = int(values["unit"]), int(values["by"])
        known = by == 0 and unit < len(_CURRENT_UNITS)  # otherwise the amplitude is that of the potential
        amplitude = values["amplitude"] * _CURRENT_UNITS[unit] if known else math.nan
    if not (math.isnan(amplitude) or 0 < amplitude <= _RULE.amplitude):
        return None
    return FrequencyScan(
        high=max(ends),
        low=min(ends),
        points_per_decade=values["Nd"] if values["points"] == 1 else math.nan,
        amplitude=amplitude,
        galvanostatic=galvanostatic,
    )
