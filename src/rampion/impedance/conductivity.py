"""Conductivity from the resistance of a spectrum and the geometry, and its comparison with the sweep's ohmic slope."""

from __future__ import annotations

import math
from dataclasses import dataclass

from rampion.estimate import Estimate, product
from rampion.impedance.flags import ImpedanceFlag

INSTRUMENT_ERROR = 3e-3  # a potentiostat's usual accuracy of impedance, well inside its window and range


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two estimates of one number: ``ratio`` of first to second, standard score and two-sided p-value of equality."""

    ratio: Estimate
    score: float
    p_value: float


def conductivity_from_resistance(resistance: Estimate, thickness: Estimate, area: Estimate) -> Estimate:
    """Conductivity σ = L/(RA) [S/m] of the electrolyte.

    Assumes uniform current between two equal electrodes that cover the area; R [Ω] the electrolyte's part of the
    spectrum. The uncertainties of R, L [m] and A [m²] are carried through; what of the geometry has none stated (NaN)
    counts as exact, and the result is flagged.
    """
    geometry = {"thickness": thickness, "area": area}
    unstated = " and ".join(name for name, size in geometry.items() if math.isnan(size.std))
    length, face = (Estimate(size.value, 0.0) if math.isnan(size.std) else size for size in geometry.values())
    conductivity = product(((length, 1.0), (resistance, -1.0), (face, -1.0)))
    if not unstated:
        return conductivity
    return conductivity.flagged(ImpedanceFlag.GEOMETRY_UNCERTAINTY_MISSING.flag(missing=unstated))


def compare_estimates(first: Estimate, second: Estimate) -> Comparison:
    """Whether two independent positive estimates agree, on the logarithmic scale.

    z = ln(x₁/x₂)/√(s₁² + s₂²), p = erfc(|z|/√2).

    Compare resistances rather than conductivities of one sample (:func:`compare_with_ohmic_slope`): thickness and area
    are common to both and are no source of difference. Fails when a relative uncertainty is not small, or is unknown:
    the p-value is then NaN.
    """
    width = math.hypot(first.relative, second.relative)
    ratio = product(((first, 1.0), (second, -1.0)))
    if not (width > 0 and ratio.value > 0 and math.isfinite(width)):
        return Comparison(ratio=ratio, score=math.nan, p_value=math.nan)
    score = math.log(ratio.value) / width
    return Comparison(ratio=ratio, score=score, p_value=math.erfc(abs(score) / math.sqrt(2)))


def compare_with_ohmic_slope(
    resistance: Estimate, slope_resistance: Estimate, systematic: float = INSTRUMENT_ERROR
) -> Comparison:
    """Whether the spectrum and the sweep see one resistance [Ω]: total of the spectrum against dV/dI of the sweep.

    ``systematic`` is the relative standard uncertainty between the instrument's alternating and direct scales, which
    neither scatter shows; without it two well measured numbers always differ.

    A ratio below one with a small p-value says that the sweep's slope holds a process slower than the spectrum's
    window (or leads that the spectrum does not see); above one, that the spectrum holds a resistance the sweep shorts.
    """
    scale = product(((resistance, 1.0), (Estimate(1.0, systematic), 1.0)))
    return compare_estimates(scale, slope_resistance)
