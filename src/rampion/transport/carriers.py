"""Concentration of mobile lithium by every method in use, side by side: they can differ a hundredfold.

| method | from | formula |
|---|---|---|
| Randles–Ševčík | slope of J_p against √v, literature D | C₀ = slope·√(RT/F)/(0.446295·F√D) |
| Berzins–Delahay | the same, the law that fits Li on Li | 0.610503 in its place |
| semi-integral | plateau m = Fc₀√D/(1-t₊) | c₀ = m√[(1-t₊)/(2D₊)]/F  with D = 2D₊(1-t₊) |
| collapse | all peaks, no literature value | see :mod:`rampion.transport.collapse_fit` |

Sources: see :mod:`rampion.transport.peak_laws`; semi-integral: Imbeaux and Savéant, J. Electroanal. Chem. 44 (1973)
169, doi:10.1016/S0022-0728(73)80244-X.
"""

from __future__ import annotations

import math

from rampion.estimate import Estimate, product
from rampion.quantities import FARADAY
from rampion.transport.finding import ROOM, Assumption, TransportFinding, finding
from rampion.transport.flags import TransportFlag
from rampion.transport.peak_laws import PeakLaw, concentration_from_slope


def carriers_from_root_law(
    slope: Estimate,
    diffusivity: Estimate,
    exponent: Estimate | None = None,
    ohmic_number: float = math.nan,
    scan_number: float = math.nan,
    intercept_p_value: float = math.nan,
    temperature: float = ROOM,
) -> tuple[TransportFinding, ...]:
    """C₀ [mol/m³] by Randles–Ševčík and by Berzins–Delahay, with the state of their assumptions.

    Parameters
    ----------
    slope : of J_p against √v [A·s½/(m²·V½)].
    diffusivity : literature D₊ [m²/s].
    exponent : the free exponent of J_p against v.
    ohmic_number, scan_number : N and smallest W of these data; NaN when not known.
    intercept_p_value : test of the intercept of J_p against √v.
    """
    half = None if exponent is None else exponent.low <= 0.5 <= exponent.high
    shared = (
        Assumption(
            sentence="the peak current grows as the square root of the scan rate",
            holds=half,
            number=math.nan if exponent is None else exponent.value,
        ),
        Assumption(
            sentence="the line through the points passes the origin",
            holds=None if math.isnan(intercept_p_value) else bool(intercept_p_value >= 0.05),
            number=intercept_p_value,
        ),
        Assumption(
            sentence="the ohmic drop at the peak is below half a thermal voltage (N < 0.5)",
            holds=None if math.isnan(ohmic_number) else bool(ohmic_number < 0.5),
            number=ohmic_number,
        ),
        Assumption(
            sentence="depletion is semi-infinite (W > 100)",
            holds=None if math.isnan(scan_number) else bool(scan_number > 100),
            number=scan_number,
        ),
    )
    soluble = Assumption(sentence="both species of the couple are soluble (lithium metal is not)", holds=False)
    return tuple(
        finding(
            "concentration", name, concentration_from_slope(slope, diffusivity, law, temperature), assumptions, source
        )
        for name, law, assumptions, source in (
            ("Randles–Ševčík", PeakLaw.RANDLES_SEVCIK, (*shared, soluble), "doi:10.1135/cccc19480349"),
            ("Berzins–Delahay", PeakLaw.BERZINS_DELAHAY, shared, "doi:10.1021/ja01099a013"),
        )
    )


def carriers_from_semi_integral(
    plateau: Estimate,
    diffusivity: Estimate,
    transference: Estimate,
    constant: bool | None = None,
    scan_number: float = math.nan,
) -> TransportFinding:
    """c₀ [mol/m³] from the plateau of the semi-integral m [A·s½/m²], D₊ [m²/s] and t₊; untouched by ohmic drop.

    Parameters
    ----------
    constant : whether the plateaus of all scan rates and thicknesses agree; None when not tested.
    """
    rest = Estimate(1 - transference.value, transference.std)
    value = product([(plateau, 1.0), (rest, 0.5), (diffusivity, -0.5)]).scaled(1 / (FARADAY * math.sqrt(2)))
    return finding(
        "concentration",
        "semi-integral",
        value,
        (
            Assumption(sentence="the plateau of the semi-integral is common to all sweeps", holds=constant),
            Assumption(
                sentence="depletion is semi-infinite (W > 100)",
                holds=None if math.isnan(scan_number) else bool(scan_number > 100),
                number=scan_number,
            ),
            Assumption(sentence="dilute binary electrolyte, D = 2D₊(1-t₊)"),
        ),
        "doi:10.1016/S0022-0728(73)80244-X",
    )


def compare_carriers(
    findings: tuple[TransportFinding, ...], all_lithium: float = math.nan
) -> tuple[TransportFinding, ...]:
    """The findings side by side, flagged where they exceed all lithium of the solid [mol/m³] or contradict another."""
    values = [f.estimate.value for f in findings if math.isfinite(f.estimate.value) and f.estimate.value > 0]
    ratio = max(values) / min(values) if len(values) > 1 else 1.0
    apart = any(a.estimate.high < b.estimate.low for a in findings for b in findings)
    rows = []
    for item in findings:
        flags = []
        if item.estimate.value > all_lithium:
            flags.append(TransportFlag.ABOVE_ALL_LITHIUM.flag(value=item.estimate.value / 1e3, limit=all_lithium / 1e3))
        if apart and ratio > 1.5:
            flags.append(TransportFlag.METHODS_DISAGREE.flag(quantity="the carrier concentration", ratio=ratio))
        rows.append(
            TransportFinding(
                quantity=item.quantity,
                method=item.method,
                estimate=item.estimate.flagged(*flags),
                assumptions=item.assumptions,
                source=item.source,
            )
        )
    return tuple(rows)
