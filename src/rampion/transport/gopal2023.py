"""Gopal et al. 2023, reproduced from its text: every stated number that can be computed, beside what it gives.

Stated values are facts of the paper's text (arXiv:2110.13399); its data and Supporting Information are not used. A
number that the text does not state is marked as such, never attributed to the paper.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

import numpy as np

from rampion.campaign.scaling import fit_root_law
from rampion.campaign.survival import fraction_penetrated
from rampion.equality import equal_by_value
from rampion.estimate import Estimate, Flag, product
from rampion.transport.conductivity import nernst_einstein_diffusivity
from rampion.transport.finding import ROOM, thermal_voltage
from rampion.transport.limiting_current import (
    limiting_current_by_equation_1,
    limiting_current_dilute,
    mobility_product,
    project_to_thickness,
    quasi_limiting_excess,
)
from rampion.transport.peak_function import peak_ratio
from rampion.transport.peak_laws import PeakLaw, expected_exponent, ohmic_number, ohmic_ratio, scan_number
from rampion.transport.transference import transference_dilute, transference_from_haven

SOURCE = "arXiv:2110.13399"


class Agreement(Enum):
    """How a computed number stands to the paper's text."""

    AGREES = "agrees"
    DIFFERS = "differs"
    NOT_STATED = "not stated"


@equal_by_value
@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One number: as stated (SI; NaN and empty text when the paper does not state it), as computed, and the verdict.

    ``unit`` is the SI unit, ``shown_unit`` and ``factor`` the laboratory's: shown = SI × factor. ``note`` says what
    was computed from what.
    """

    name: str
    symbol: str
    unit: str
    shown_unit: str
    factor: float
    stated: float
    stated_text: str
    computed: Estimate
    agreement: Agreement
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stated:
    """The paper's text in SI, with half of the last printed digit as limits of rounding."""

    temperature: float = ROOM  # 25 °C
    conductivity: float = 0.06  # S/m, 0.6 mS/cm
    thickness: float = 1e-3
    peak_current: float = 10.0  # A/m², "around 1 mA/cm²" at 0.05 mV/s
    fast_rate: float = 5e-5  # V/s
    slow_rate: float = 3e-6
    haven: tuple[float, float] = (0.24, 0.7)
    transference: tuple[float, float] = (0.881, 0.654)
    limiting_current: float = 2.7  # A/m²
    concentration: float = 2e4  # mol/m³, "around 20 M"
    thin: float = 15e-6  # m
    thin_current: float = 400.0  # A/m², "of order 40 mA/cm²"
    cycled: float = 100.0  # A/m² of the cited trilayer cell
    safe_share: float = 0.25
    density: float = 5491.0  # kg/m³, theoretical
    r_squared: float = 0.964
    replicates: int = 3  # at least


PAPER = _Stated()
# Li6.4La3Zr1.4Ta0.6O12, standard atomic weights [kg/mol]
_MOLAR_MASS = 1e-3 * (6.4 * 6.94 + 3 * 138.905 + 1.4 * 91.224 + 0.6 * 180.948 + 12 * 15.999)


def reproduce_gopal2023() -> tuple[Comparison, ...]:
    """Every number of the paper's text that this library can compute, stated beside computed."""
    slope = _slope()
    return (
        *_transference_rows(slope),
        *_current_rows(slope),
        *_carrier_rows(),
        *_peak_rows(),
        *_replicate_rows(),
    )


def _row(
    name: str,
    symbol: str,
    units: tuple[str, str, float],
    computed: Estimate,
    note: str,
    stated: tuple[float, float, str] | None = None,
) -> Comparison:
    """``stated`` is (value, tolerance, text): the tolerance is the rounding of the text or what its words allow."""
    if stated is None:
        value, text, agreement = math.nan, "", Agreement.NOT_STATED
    else:
        value, tolerance, text = stated
        slack = tolerance + (1.96 * computed.std if math.isfinite(computed.std) else 0.0)
        agreement = Agreement.AGREES if abs(computed.value - value) <= slack else Agreement.DIFFERS
    return Comparison(
        name=name,
        symbol=symbol,
        unit=units[0],
        shown_unit=units[1],
        factor=units[2],
        stated=value,
        stated_text=text,
        computed=computed,
        agreement=agreement,
        note=note,
    )


_NUMBER = ("", "", 1.0)
_CURRENT = ("A/m²", "mA/cm²", 0.1)
_MOLAR = ("mol/m³", "mol/L", 1e-3)
_VOLT = ("V", "V", 1.0)


def _slope() -> Estimate:
    """S of Fig. 4f from both pairs (H_R, t₊) of the text: S = 2H_R(RT/F)/(1 - t₊)."""
    vt = thermal_voltage(PAPER.temperature)
    ends = [2 * h * vt / (1 - t) for h, t in zip(PAPER.haven, PAPER.transference, strict=True)]
    return Estimate(sum(ends) / 2, abs(ends[0] - ends[1]) / 2)


def _transference_rows(slope: Estimate) -> tuple[Comparison, ...]:
    vt = thermal_voltage(PAPER.temperature)
    rows = [
        _row(
            "slope of the quasi-limiting current density against σ/L",
            "S",
            _VOLT,
            slope,
            "back-calculated from the stated Haven ratios and transference numbers; both ends give the same",
        )
    ]
    for index, other in ((0, 1), (1, 0)):
        # each end is predicted from the other one, so that the comparison is not circular
        haven, seen = PAPER.haven[other], PAPER.transference[other]
        rounding = 0.5e-3 / math.sqrt(3)
        partner = product([(Estimate(1 - seen, rounding), -1.0)]).scaled(2 * haven * vt)
        rows.append(
            _row(
                f"transference number at a Haven ratio of {PAPER.haven[index]:g}",
                "t₊",
                _NUMBER,
                transference_from_haven(partner, PAPER.haven[index], PAPER.temperature),
                f"Eq. 1 with the slope that follows from t₊ = {seen:g} at a Haven ratio of {haven:g}",
                (PAPER.transference[index], 0.5e-3, f"{PAPER.transference[index]:g}"),
            )
        )
    rows.append(
        _row(
            "transference number of a self-consistent dilute binary cell",
            "t₊",
            _NUMBER,
            transference_dilute(slope, PAPER.temperature),
            "t₊ = F·S/(4RT); above one, so the quasi-limiting current cannot be a steady limit of such a cell",
        )
    )
    return tuple(rows)


def _current_rows(slope: Estimate) -> tuple[Comparison, ...]:
    sigma = Estimate(PAPER.conductivity)
    quasi = _at(slope, sigma, PAPER.thickness)
    thin = _at(slope, sigma, PAPER.thin)
    printed = [
        _row(
            f"limiting current density at 1 mm by Eq. 1 as printed (no Haven ratio), t₊ = {t:g}",
            "J_lim",
            _CURRENT,
            limiting_current_by_equation_1(
                Estimate(PAPER.conductivity, 0.0), Estimate(PAPER.thickness, 0.0), Estimate(t, 0.5e-3 / math.sqrt(3))
            ),
            "2RTσ/[(1-t₊)FL] against the stated true limit",
            (PAPER.limiting_current, 0.1 * PAPER.limiting_current, "0.27 mA/cm²"),
        )
        for t in PAPER.transference
    ]
    return (
        *printed,
        _row(
            "quasi-limiting current density at 1 mm",
            "J_q",
            _CURRENT,
            quasi,
            "S·σ/L with σ = 0.6 mS/cm",
        ),
        _row(
            "quasi-limiting current density at 15 µm",
            "J_q",
            _CURRENT,
            thin,
            "S·σ/L; the text projects the line of Fig. 4d",
            (PAPER.thin_current, 0.1 * PAPER.thin_current, "of order 40 mA/cm²"),
        ),
        _row(
            "share of the limiting current density at which the cited 15 µm cell cycled",
            "J/J_q",
            _NUMBER,
            Estimate(PAPER.cycled / thin.value),
            "10 mA/cm² over the projection",
            (PAPER.safe_share, 0.02, "25 %"),
        ),
        _row(
            "quasi-limiting over true limiting current density at 1 mm",
            "J_q/J_lim",
            _NUMBER,
            Estimate(quasi.value / PAPER.limiting_current),
            "the text calls the quasi-limiting value slightly higher than the true one (read here as within 30 %)",
            (1.0, 0.3, "slightly higher"),
        ),
    )


def _at(slope: Estimate, sigma: Estimate, thickness: float) -> Estimate:
    # σ is stated without uncertainty: the slope's alone is carried
    exact = Estimate(sigma.value, 0.0)
    return project_to_thickness(slope, exact, thickness)


def _carrier_rows() -> tuple[Comparison, ...]:
    length, limit = Estimate(PAPER.thickness, 0.0), Estimate(PAPER.limiting_current, 0.05 / math.sqrt(3))
    mobility = mobility_product(limit, length)
    tracer = mobility.scaled(1 / PAPER.concentration)
    total = nernst_einstein_diffusivity(
        Estimate(PAPER.conductivity, 0.0), Estimate(PAPER.concentration, 0.0), PAPER.temperature
    )
    haven = tracer.scaled(1 / total.value)
    change = PeakLaw.RANDLES_SEVCIK.value / PeakLaw.BERZINS_DELAHAY.value
    lithium = 6.4 * PAPER.density / _MOLAR_MASS
    return (
        _row(
            "product of lithium diffusivity and concentration",
            "D₊C₀",
            ("mol/(m·s)", "mol/(m·s)", 1.0),
            mobility,
            "from the stated 0.27 mA/cm² = 4FD₊C₀/L",
        ),
        _row(
            "lithium tracer diffusivity",
            "D₊",
            ("m²/s", "cm²/s", 1e4),
            tracer,
            "D₊C₀ over the stated 20 mol/L; the literature value used is in the Supporting Information",
        ),
        _row(
            "Haven ratio implied by the stated carriers and limiting current",
            "H_R",
            _NUMBER,
            haven,
            "D₊/D^σ with D^σ from σ and 20 mol/L; the middle of the stated range 0.24–0.7, half its width as tolerance",
            (sum(PAPER.haven) / 2, (PAPER.haven[1] - PAPER.haven[0]) / 2, "0.24–0.7"),
        ),
        _row(
            "mobile lithium from the same slope by the deposition law",
            "C₀",
            _MOLAR,
            Estimate(PAPER.concentration * change),
            "0.446295/0.610503 of the stated value: lithium metal is at unit activity (Berzins–Delahay)",
            (PAPER.concentration, 0.1 * PAPER.concentration, "around 20 M (Randles–Ševčík)"),
        ),
        _row(
            "all lithium of the solid",
            "c_Li",
            _MOLAR,
            Estimate(lithium),
            "composition and theoretical density; the stated mobile lithium is half of it",
        ),
    )


def _peak_rows() -> tuple[Comparison, ...]:
    vt = thermal_voltage(PAPER.temperature)
    resistance = Estimate(PAPER.thickness / PAPER.conductivity, 0.0)
    number = ohmic_number(Estimate(PAPER.peak_current), resistance, PAPER.temperature)
    rows = [
        _row("ohmic drop at the peak in thermal voltages", "N", _NUMBER, number, "J_pR_AF/RT at 1 mA/cm², 1 mm"),
        _row(
            "ohmic ratio",
            "ρ",
            _NUMBER,
            Estimate(ohmic_ratio(number.value)),
            "ρψ_p(ρ) = N: the peak is dominated by ohmic drop",
        ),
        _row(
            "exponent of the peak against scan rate to be expected",
            "a",
            _NUMBER,
            expected_exponent(number),
            "½ + ½·dlnψ/dlnρ at that ρ; the text forces ½ (R² = 0.964)",
            (0.5, 0.02, "√v"),
        ),
        _row(
            "exponent between 0.003 and 0.05 mV/s at 1 mm, from the stated currents alone",
            "a",
            _NUMBER,
            _exponent_between(),
            "ln(J_p/J_q)/ln(v ratio) with 1 mA/cm² (± 10 % read into around) and J_q = S·σ/L",
            (0.5, 0.02, "√v"),
        ),
        _row(
            "R² of a line forced through √v where the exponent is the expected one",
            "R²",
            _NUMBER,
            Estimate(_forced_r_squared(expected_exponent(number).value)),
            "noise-free J_p ∝ vᵃ at seven rates even in ln v from 0.003 to 0.05 mV/s; the text names only the ends, "
            "other choices give up to 0.026 more",
            (PAPER.r_squared, 0.026, "0.964"),
        ),
    ]
    for transference in (0.5, *sorted(PAPER.transference)):
        rows.append(
            _row(
                f"peak current density of the binary cell, 20 mol/L, t₊ = {transference:g}, 1 mm, 0.05 mV/s",
                "J_p",
                _CURRENT,
                predicted_peak(PAPER.concentration, transference, PAPER.fast_rate),
                "universal peak function with D from σ and c₀; the measured peak is near 1 mA/cm²",
                (PAPER.peak_current, 0.3 * PAPER.peak_current, "around 1 mA/cm²"),
            )
        )
    # carriers few enough to meet the stated peak, from the same function
    matched = 430.0
    rows.append(
        _row(
            "peak current density of the binary cell, 0.43 mol/L, t₊ = 0.8, 1 mm, 0.05 mV/s",
            "J_p",
            _CURRENT,
            predicted_peak(matched, 0.8, PAPER.fast_rate),
            "a binary cell that does meet the stated conductivity and peak",
            (PAPER.peak_current, 0.1 * PAPER.peak_current, "around 1 mA/cm²"),
        )
    )
    d = _ambipolar(PAPER.concentration, 0.8)
    w = scan_number(PAPER.slow_rate, PAPER.thickness, d, PAPER.temperature)
    rows.append(
        _row(
            "share by which a peak at 0.003 mV/s overstates the true limit (20 mol/L, t₊ = 0.8, 1 mm)",
            "1 - J_lim/J_q",
            _NUMBER,
            Estimate(quasi_limiting_excess(float(peak_ratio(w, 0.8)))),
            f"universal peak function at W = {w:.0f} (RT/F = {vt * 1e3:.3f} mV)",
        )
    )
    return tuple(rows)


def _exponent_between() -> Estimate:
    """Exponent that J_p at 0.05 mV/s and J_q at 0.003 mV/s imply."""
    quasi = _at(_slope(), Estimate(PAPER.conductivity), PAPER.thickness)
    span = math.log(PAPER.fast_rate / PAPER.slow_rate)
    return Estimate(math.log(PAPER.peak_current / quasi.value) / span, math.hypot(0.1, quasi.relative) / span)


def _forced_r_squared(exponent: float) -> float:
    rates = np.geomspace(PAPER.slow_rate, PAPER.fast_rate, 7)
    return fit_root_law(rates, rates**exponent / PAPER.fast_rate**exponent).forced_r_squared


def _replicate_rows() -> tuple[Comparison, ...]:
    none = fraction_penetrated(0, PAPER.replicates, "exact")
    return (
        _row(
            "share of 99 % dense samples that may penetrate although none of three did",
            "p",
            _NUMBER,
            none,
            "Clopper–Pearson for 0 of 3, the stated least number of repetitions: the interval ends at 71 %",
        ),
    )


def _ambipolar(concentration: float, transference: float) -> float:
    total = nernst_einstein_diffusivity(Estimate(PAPER.conductivity), Estimate(concentration), PAPER.temperature)
    return 2 * transference * (1 - transference) * total.value


def predicted_peak(
    concentration: float, transference: float, rate: float, thickness: float = PAPER.thickness
) -> Estimate:
    """J_p [A/m²] of the dilute binary cell with the paper's σ and given carriers [mol/m³], t₊, scan rate [V/s].

    Carries the peak function's own accuracy (0.2 %). Fails outside the peak function's range of W (``InputError``).
    """
    d = _ambipolar(concentration, transference)
    w = scan_number(rate, thickness, d, PAPER.temperature)
    limit = limiting_current_dilute(
        Estimate(PAPER.conductivity, 0.0), Estimate(thickness, 0.0), Estimate(transference, 0.0), PAPER.temperature
    ).value
    value = limit * float(peak_ratio(w, transference))
    return Estimate(value, 0.002 * value)


def flags_of(rows: tuple[Comparison, ...]) -> tuple[Flag, ...]:
    """All flags that the computed numbers carry."""
    return tuple(dict.fromkeys(flag for row in rows for flag in row.computed.flags))
