"""Whether a number can be what it is said to be, and the slip that would explain it if not.

What a sample cannot be is refused where it is made (:mod:`rampion.hard_limits`), a result that cannot be is withdrawn;
what can hardly be is flagged ``INVALID`` with the slip that would explain it. The limits are in
:mod:`rampion.plausible_limits`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from rampion.estimate import Estimate, Flag, FlagKind, Severity
from rampion.measurement import Sample
from rampion.plausible_limits import (
    CONDUCTIVITY,
    DRIVEN,
    LIMITS,
    ROOM,
    SUPPLY,
    Plausibility,
    class_limits,
    class_of,
    lithium_on_both_sides,
)
from rampion.quantities import FARADAY, LITHIUM_MOLAR_VOLUME, quantity


class LikelySlip(Enum):
    """The mistake that would explain an implausible value, as the question put to the user."""

    CURRENT_IN_MA_READ_AS_A = "is the current in mA?"
    CURRENT_IN_UA_READ_AS_A = "is the current in µA?"
    POTENTIAL_IN_MV_READ_AS_V = "is the potential in mV?"
    IMPEDANCE_IN_MOHM_READ_AS_OHM = "is the impedance in mΩ?"
    IMPEDANCE_IN_KOHM_READ_AS_OHM = "is the impedance in kΩ?"
    AREA_IN_MM2_READ_AS_CM2 = "is the area in mm²?"
    AREA_IN_CM2_READ_AS_MM2 = "is the area in cm²?"
    THICKNESS_OR_AREA_OFF = "check its thickness and area"
    TEMPERATURE_IN_K_READ_AS_C = "is the temperature in K?"
    TEMPERATURE_IN_C_READ_AS_K = "is the temperature in °C?"
    SWEEP_OR_SPECTRUM_IN_OTHER_UNITS = "check the units of current, potential and impedance"
    NONE = "check its unit"


class PlausibilityFlag(FlagKind):
    """Values that can hardly be."""

    CONDUCTIVITY_IMPLAUSIBLE = (
        Severity.INVALID,
        "{value:.3g} mS/cm is {times} a {material}'s at {celsius:.0f} °C ({low:.2g} to {high:.2g} mS/cm): {slip}",
    )
    CURRENT_DENSITY_IMPLAUSIBLE = (
        Severity.INVALID,
        "{value:.3g} A/cm² before any event is more than a ceramic carries (10 A/cm²): {slip}",
    )
    POTENTIAL_IMPLAUSIBLE = (
        Severity.INVALID,
        "Half of the record lies above {value:.3g} V, which no such cell is driven to: {slip}",
    )
    AREA_DISAGREES = (
        Severity.INVALID,
        "The stated area is {stated:.3g} mm² and the file's {file:.3g} mm²: {slip} Correct the one that is wrong.",
    )
    AREA_IN_FILE_ALONE = (
        Severity.NOTE,
        "The file states an electrode area of {file:.3g} mm², which is not used; state the area of the sample.",
    )
    SAMPLE_VALUE_IMPLAUSIBLE = (Severity.INVALID, "The {name} of {value:.4g} {unit} is {why}: {slip}")
    CONDUCTIVITY_OUTLIER = (
        Severity.WARNING,
        "The conductivity is {ratio:.2g} times the median of the {count} other samples {where}: {slip}",
    )
    LITHIUM_SPENT = (
        Severity.WARNING,
        "{passed:.3g} µm of lithium, {share:.0%} of the stated electrode, had passed by then: its end may be what "
        "limits the current.",
    )
    LITHIUM_NOT_STATED = (
        Severity.NOTE,
        "{passed:.3g} µm of lithium had passed at the limit; state the lithium's thickness to see whether it was "
        "used up.",
    )
    SWEEP_AGAINST_SPECTRUM = (
        Severity.INVALID,
        "The spectrum's resistance is {ratio:.2g} times the sweep's, and both are of one cell: {slip}",
    )


def assess_sample(sample: Sample) -> tuple[Flag, ...]:
    """Flags of a sample's values that can hardly be, such as 298 °C between electrodes of lithium."""
    flags = []
    for name, limits in LIMITS.items():
        stated: Estimate | None = getattr(sample, name)
        if stated is None or limits.low <= stated.value <= limits.high:
            continue
        if name == "temperature" and stated.value > limits.high and not lithium_on_both_sides(sample.electrodes):
            continue
        shown = quantity(name)
        flags.append(
            PlausibilityFlag.SAMPLE_VALUE_IMPLAUSIBLE.flag(
                name=name.replace("_", " "), value=shown.shown(stated.value), unit=shown.shown_unit, why=limits.reason,
                slip=_sample_slip(name, stated.value).value,
            )
        )  # fmt: skip
    return tuple(flags)


def _sample_slip(name: str, value: float) -> LikelySlip:
    """The slip that brings a sample's value back between its limits."""
    celsius = 273.15
    candidates: Mapping[str, Sequence[tuple[LikelySlip, float]]] = {
        "area": (
            (LikelySlip.AREA_IN_MM2_READ_AS_CM2, value * 1e-2),
            (LikelySlip.AREA_IN_CM2_READ_AS_MM2, value * 1e2),
        ),
        "temperature": (
            (LikelySlip.TEMPERATURE_IN_K_READ_AS_C, value - celsius),
            (LikelySlip.TEMPERATURE_IN_C_READ_AS_K, value + celsius),
        ),
    }
    limits = LIMITS[name]
    mended = (slip for slip, other in candidates.get(name, ()) if limits.low <= other <= limits.high)
    return next(mended, LikelySlip.NONE)


class Method(Enum):
    """What a conductivity was measured by; it decides which slips explain it."""

    SWEEP = "sweep"
    SPECTRUM = "spectrum"


_SLIPS: Mapping[Method, Sequence[tuple[float, LikelySlip]]] = MappingProxyType(  # factor on the conductivity
    {
        Method.SWEEP: (
            (1e3, LikelySlip.CURRENT_IN_MA_READ_AS_A), (1e6, LikelySlip.CURRENT_IN_UA_READ_AS_A),
            (1e-3, LikelySlip.POTENTIAL_IN_MV_READ_AS_V), (1e-2, LikelySlip.AREA_IN_MM2_READ_AS_CM2),
            (1e2, LikelySlip.AREA_IN_CM2_READ_AS_MM2),
        ),
        Method.SPECTRUM: (
            (1e-3, LikelySlip.IMPEDANCE_IN_MOHM_READ_AS_OHM), (1e3, LikelySlip.IMPEDANCE_IN_KOHM_READ_AS_OHM),
            (1e-2, LikelySlip.AREA_IN_MM2_READ_AS_CM2), (1e2, LikelySlip.AREA_IN_CM2_READ_AS_MM2),
        ),
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """Whether a number can be, the slip that would explain it, and the flag (None where it is plausible)."""

    plausibility: Plausibility
    slip: LikelySlip = LikelySlip.NONE
    flag: Flag | None = None


_FINE = Assessment(plausibility=Plausibility.PLAUSIBLE)


def assess_conductivity(
    conductivity: float, sample: Sample, method: Method, temperature: float = math.nan
) -> Assessment:
    """Whether a conductivity [S/m] fits the sample's material at its temperature [K] (stated, else 25 °C).

    The slip is the one whose factor lies nearest to the ratio to a usual value of the class, of those that bring the
    value into the range. Assumes the whole resistance is the ceramic's: interfaces lower a sweep's value.
    """
    if not (math.isfinite(conductivity) and conductivity > 0):
        return _FINE
    if not math.isfinite(temperature):
        temperature = sample.temperature.value if sample.temperature is not None else ROOM
    limits = class_limits(class_of(sample), temperature)
    possible = CONDUCTIVITY.possible[0] <= conductivity <= CONDUCTIVITY.possible[1]
    if possible and limits.low <= conductivity <= limits.high:
        return _FINE
    ratio = conductivity / limits.usual
    fitting = [(f, slip) for f, slip in _SLIPS[method] if limits.low <= conductivity / f <= limits.high]
    slip = min(fitting, key=lambda each: abs(math.log(ratio / each[0])))[1] if fitting else LikelySlip.NONE
    shown = quantity("conductivity").shown
    flag = PlausibilityFlag.CONDUCTIVITY_IMPLAUSIBLE.flag(
        value=shown(conductivity), times=_times(ratio), material=limits.name, celsius=temperature - 273.15,
        low=shown(limits.low), high=shown(limits.high), slip=slip.value,
    )  # fmt: skip
    return Assessment(
        plausibility=Plausibility.IMPLAUSIBLE if possible else Plausibility.IMPOSSIBLE, slip=slip, flag=flag
    )


def _times(ratio: float) -> str:
    """A ratio in words, to one digit."""
    size = float(f"{max(ratio, 1.0 / ratio):.1g}")
    return f"{size:,.0f} times" if ratio > 1 else f"1/{size:,.0f} of"


def assess_current_density(current_density: float, sample: Sample) -> Assessment:
    """Whether a ceramic can carry a current density [A/m²] before any event: up to 10 A/cm²."""
    size = abs(current_density)
    if not size > DRIVEN.current_density:
        return _FINE
    small = sample.area is not None and sample.area.value < LIMITS["area"].low
    slip = LikelySlip.AREA_IN_CM2_READ_AS_MM2 if small else LikelySlip.CURRENT_IN_MA_READ_AS_A
    flag = PlausibilityFlag.CURRENT_DENSITY_IMPLAUSIBLE.flag(value=1e-4 * size, slip=slip.value)
    return Assessment(plausibility=Plausibility.IMPLAUSIBLE, slip=slip, flag=flag)


def assess_supply(charge: float, sample: Sample, limited: bool) -> Flag | None:
    """Whether an electrode's lithium lasted for a charge [C/m²] that passed one way, 4.84 µm per mAh/cm².

    Without a stated thickness the flag asks for it where the current reached a limit: the lithium's end looks alike.
    """
    passed = abs(charge) * LITHIUM_MOLAR_VOLUME / FARADAY
    if sample.lithium_thickness is None:
        return PlausibilityFlag.LITHIUM_NOT_STATED.flag(passed=1e6 * passed) if limited else None
    share = passed / sample.lithium_thickness.value
    return PlausibilityFlag.LITHIUM_SPENT.flag(passed=1e6 * passed, share=share) if share > SUPPLY else None


def assess_potential(middle: float) -> Assessment:
    """Whether a cell is driven to such a potential [V]: ``middle`` is the median size of a record's, up to 20 V."""
    if not middle > DRIVEN.potential:
        return _FINE
    slip = LikelySlip.POTENTIAL_IN_MV_READ_AS_V
    flag = PlausibilityFlag.POTENTIAL_IMPLAUSIBLE.flag(value=DRIVEN.potential, slip=slip.value)
    return Assessment(plausibility=Plausibility.IMPLAUSIBLE, slip=slip, flag=flag)


def assess_area(stated: float, in_file: float) -> Assessment:
    """Whether the sheet's area [m²] agrees with that in the file, NaN where the file holds the instrument's default."""
    if not (in_file > 0 and math.isfinite(in_file)):
        return _FINE
    ratio = stated / in_file
    if 1.0 / DRIVEN.areas <= ratio <= DRIVEN.areas:
        return _FINE
    hundred = abs(math.log(ratio / 1e2)) < math.log(DRIVEN.areas)
    hundredth = abs(math.log(ratio * 1e2)) < math.log(DRIVEN.areas)
    slip = LikelySlip.NONE
    if hundred or hundredth:
        slip = LikelySlip.AREA_IN_MM2_READ_AS_CM2 if hundred else LikelySlip.AREA_IN_CM2_READ_AS_MM2
    flag = PlausibilityFlag.AREA_DISAGREES.flag(stated=1e6 * stated, file=1e6 * in_file, slip=slip.value)
    return Assessment(plausibility=Plausibility.IMPLAUSIBLE, slip=slip, flag=flag)


def assess_ratio(ratio: Estimate) -> Assessment:
    """Whether the resistances of spectrum and sweep (their ratio) can be of one cell, by the 95 % interval.

    Slow processes make the sweep's up to five times larger; beyond ten the units of one of them are wrong.
    """
    limit = DRIVEN.sweep_against_spectrum
    if not (ratio.value > 0 and (ratio.low > limit or 0 < ratio.high < 1.0 / limit)):
        return _FINE
    slip = LikelySlip.SWEEP_OR_SPECTRUM_IN_OTHER_UNITS
    flag = PlausibilityFlag.SWEEP_AGAINST_SPECTRUM.flag(ratio=ratio.value, slip=slip.value)
    return Assessment(plausibility=Plausibility.IMPLAUSIBLE, slip=slip, flag=flag)
