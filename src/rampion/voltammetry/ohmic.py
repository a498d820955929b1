"""The conductance at rest of a sweep, and the line that it draws."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from rampion.equality import equal_by_value
from rampion.errors import InputError
from rampion.estimate import Estimate, Flag, product
from rampion.measurement import Sample
from rampion.quantities import FARADAY, GAS_CONSTANT
from rampion.voltammetry.flags import VoltammetryFlag
from rampion.voltammetry.noise import block_means
from rampion.voltammetry.voltammogram import Voltammogram

SMALLEST_LINE = 6  # blocks of points
_BLOCKS = 400
_ROOM = 298.15  # K, where the sample states no temperature
_UNCERTAIN = 0.1  # width of the 95 % interval of the conductance over its value, worth a warning


@equal_by_value
@dataclass(frozen=True, slots=True, kw_only=True)
class OhmicLine:
    """I = conductance · V + intercept: the course of the cell before anything polarises.

    conductance [S], resistance [Ω], area_resistance [Ω·m²] (None without an area), intercept [A] at V = 0, window
    [V]: where the current stays within 5 % of the line, points in it, flags.
    """

    conductance: Estimate
    resistance: Estimate
    area_resistance: Estimate | None
    intercept: Estimate
    window: tuple[float, float]
    points: int
    flags: tuple[Flag, ...] = ()

    def at(self, potential: float | np.ndarray) -> Any:
        """The line's current [A] at a potential [V] or at several."""
        return self.conductance.value * potential + self.intercept.value


def told_line(
    voltammogram: Voltammogram, sample: Sample, conductance: Estimate, intercept: Estimate, window: tuple[float, float]
) -> OhmicLine:
    """The line of a conductance at rest [S] and a current at zero [A], with its resistances and flags."""
    flags = []
    if conductance.high - conductance.low > _UNCERTAIN * conductance.value:
        flags.append(VoltammetryFlag.CONDUCTANCE_UNCERTAIN.flag(low=conductance.low, high=conductance.high))
    resistance = product([(conductance, -1.0)])
    area_resistance = None
    if sample.area is not None:
        area_resistance = product([(resistance, 1.0), (_known(sample.area), 1.0)])
    used = voltammogram.swept & (voltammogram.ramp >= window[0]) & (voltammogram.ramp <= window[1])
    return OhmicLine(
        conductance=conductance, resistance=resistance, area_resistance=area_resistance, intercept=intercept,
        window=window, points=int(used.sum()), flags=tuple(flags),
    )  # fmt: skip


def straight_window(voltammogram: Voltammogram, sample: Sample, window: tuple[float, float]) -> OhmicLine:
    """The straight line through a window [V] chosen by hand, whatever it leaves.

    Raises
    ------
    InputError
        When the window holds fewer than six blocks of points.
    """
    kept = voltammogram.swept
    x, y, std = block_means(voltammogram.ramp[kept], voltammogram.current[kept], voltammogram.noise[kept], _BLOCKS)
    first, end = np.searchsorted(x, window[0]), np.searchsorted(x, window[1], side="right")
    if end - first < SMALLEST_LINE:
        raise InputError(
            f"The ohmic window {window[0]:g} V to {window[1]:g} V holds {max(end - first, 0)} points; "
            f"expected at least {SMALLEST_LINE} of the sweep, {x[0]:.3g} V to {x[-1]:.3g} V: widen it."
        )
    x, y, std = x[first:end], y[first:end], std[first:end]
    design = np.stack([x, np.ones(x.size)], axis=1) / std[:, None]
    covariance = np.linalg.inv(design.T @ design)
    slope, level = covariance @ (design.T @ (y / std))
    left = y / std - design @ np.array([slope, level])
    covariance = covariance * max(1.0, float(left @ left) / max(x.size - 2, 1))
    return told_line(
        voltammogram, sample, Estimate(float(slope), math.sqrt(covariance[0, 0])),
        Estimate(float(level), math.sqrt(covariance[1, 1])), (float(x[0]), float(x[-1])),
    )  # fmt: skip


def room_or_stated(sample: Sample) -> float:
    """The sample's temperature [K], 25 °C where it states none."""
    return sample.temperature.value if sample.temperature is not None else _ROOM


def thermal_voltage(sample: Sample) -> float:
    """RT/F [V] at the sample's temperature, 25 °C where it states none."""
    return GAS_CONSTANT * room_or_stated(sample) / FARADAY


def _known(estimate: Estimate) -> Estimate:
    """The estimate with a zero uncertainty where none is stated (a flag says so)."""
    return estimate if math.isfinite(estimate.std) else Estimate(estimate.value, 0.0)


def conductivity(line: OhmicLine, sample: Sample) -> Estimate | None:
    """Total conductivity σ = G L / A [S/m], uncertainties of all three propagated; ``None`` without L or A.

    A thickness or an area without stated uncertainty counts as exact and is flagged by the caller.
    """
    if sample.thickness is None or sample.area is None or not line.conductance.value > 0:
        return None
    return product([(line.conductance, 1.0), (_known(sample.thickness), 1.0), (_known(sample.area), -1.0)])
