"""The ohmic line: the longest early part of a sweep that is straight within its noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from rampion.equality import equal_by_value
from rampion.errors import InputError
from rampion.estimate import Estimate, Flag, product
from rampion.measurement import Sample
from rampion.quantities import FARADAY, GAS_CONSTANT
from rampion.voltammetry.flags import VoltammetryFlag
from rampion.voltammetry.noise import block_means, straight_line
from rampion.voltammetry.rest_slope import RestSlope, fit_rest_slope
from rampion.voltammetry.voltammogram import Voltammogram

SMALLEST_LINE = 6  # blocks of points
_BLOCKS = 400
_ROOM = 298.15  # K, where the sample states no temperature
_UNCERTAIN = 0.1  # width of the 95 % interval of the conductance over its value, worth a warning
_RANGE_ERROR = 5e-4  # of the current: what is left of a step between two ranges of one instrument


@equal_by_value
@dataclass(frozen=True, slots=True, kw_only=True)
class OhmicLine:
    """I = conductance · V + intercept over a window of potential.

    conductance [S], resistance [Ω], area_resistance [Ω·m²] (None without an area), intercept [A] at V = 0, window
    [V], points used, curvature: the V^{3/2} term in the window over its standard error, bends_to: end [V]
    of the part over which polarisation was taken into account (NaN where it was not), polarises: how likely it is
    that the cell polarises there, 0 … 1, flags.
    """

    conductance: Estimate
    resistance: Estimate
    area_resistance: Estimate | None
    intercept: Estimate
    window: tuple[float, float]
    points: int
    curvature: float
    bends_to: float = math.nan
    polarises: float = math.nan
    flags: tuple[Flag, ...] = ()

    def at(self, potential: float | np.ndarray) -> Any:
        """The line's current [A] at a potential [V] or at several."""
        return self.conductance.value * potential + self.intercept.value


def fit_ohmic_line(
    voltammogram: Voltammogram, sample: Sample, window: tuple[float, float] | None = None
) -> OhmicLine | None:
    """The straight line through the longest early window whose residuals are consistent with the noise.

    I = G V + I₀ by weighted least squares. Windows grow from the start; a window is consistent when χ² lies within
    four standard deviations of its degrees of freedom and neither a quadratic nor a V^{3/2} term is larger than three
    standard errors (V^{3/2} is how diffusion departs from the line). The window ends where three in a row are not.
    A start that does not fit (charging transient) is left out when that makes the window three times as long.
    The conductance and the intercept are those at rest, with polarisation allowed for
    (:func:`~rampion.voltammetry.rest_slope.fit_rest_slope`): diffusion bends a sweep from its first point on, and a
    straight line through the window lies up to tens of per cent below the conductance at rest, or at t₊ times it when
    the cell polarises within the first points. An interval wider than a tenth of the value is flagged. Without
    such a fit the conductance's uncertainty adds to the scatter the bias that a V^{3/2} term as large as its own error
    allows.

    Assumes white noise on the current and a series resistance that does not change inside the window.
    Fails when no six blocks of points are straight within the noise: then the noise is doubled until
    they are, up to 64 times, with a flag.

    Parameters
    ----------
    voltammogram : the sweep.
    sample : its area [m²] gives the area resistance.
    window : [V] a window chosen by hand: the straight line in it, whatever its residuals.

    Raises
    ------
    InputError
        When a window chosen by hand holds fewer than six points.
    """
    kept = voltammogram.swept
    x, y, std = block_means(voltammogram.ramp[kept], voltammogram.current[kept], voltammogram.noise[kept], _BLOCKS)
    if voltammogram.range_changes:  # ranges agree no better, and averaging does not help
        std = np.hypot(std, _RANGE_ERROR * np.abs(y))
    if window is not None:
        first, end = np.searchsorted(x, window[0]), np.searchsorted(x, window[1], side="right")
        if end - first < SMALLEST_LINE:
            raise InputError(
                f"The ohmic window {window[0]:g} V to {window[1]:g} V holds {max(end - first, 0)} points; "
                f"expected at least {SMALLEST_LINE} of the sweep, {x[0]:.3g} V to {x[-1]:.3g} V: widen it."
            )
        return _line(voltammogram, sample, x, y, std, int(first), int(end), None, 1.0)
    for inflation in (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0):
        std = std * (inflation if inflation == 1.0 else 2.0)
        best = _window(x, y, std)
        if best is not None:
            break
    else:
        return None
    clocked = voltammogram.scan_rate is not None
    rest = fit_rest_slope(
        voltammogram.time[kept] if clocked else voltammogram.ramp[kept],  # a ramp is a clock
        voltammogram.ramp[kept],
        voltammogram.current[kept],
        voltammogram.noise[kept],
        thermal_voltage(sample),
        tuple((pause.start, pause.duration, pause.potential) for pause in voltammogram.pauses) if clocked else (),
        _RANGE_ERROR if voltammogram.range_changes else 0.0,
    )
    return _line(voltammogram, sample, x, y, std, *best, rest, inflation)


def _window(x: np.ndarray, y: np.ndarray, std: np.ndarray) -> tuple[int, int] | None:
    """First and end of the longest early window; a later start only when it makes the window three times as long.

    What lies beyond the largest current is not early: the tail after a lost contact is straight too.
    """
    last = max(int(np.argmax(y)) + 1, SMALLEST_LINE)
    x, y, std = x[:last], y[:last], std[:last]
    best: tuple[int, int] | None = None
    for start in sorted({0, 1, 2, 4, *(int(f * x.size) for f in (0.02, 0.04, 0.07, 0.1))}):
        end = _longest(x[start:], y[start:], std[start:]) + start
        if end - start < SMALLEST_LINE:
            continue
        if best is None or (x[end - 1] - x[start]) > 3.0 * (x[best[1] - 1] - x[best[0]]):
            best = (start, end)
    return best


def _longest(x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"], std: Float[np.ndarray, " n"]) -> int:
    """End of the longest consistent window that begins at the first point; 0 when there is none."""
    n = x.size
    if n < SMALLEST_LINE:
        return 0
    consistent = _consistent(x, y, std)
    end, failures = 0, 0
    size = SMALLEST_LINE
    while True:
        if consistent[size - 1]:
            end, failures = size, 0
        elif size > 1.3 * end + 6:
            failures += 1
            if failures >= 3:
                return end
        if size == n:
            return end
        size = min(n, max(size + 1, int(size * 1.04)))


def _consistent(x: np.ndarray, y: np.ndarray, std: np.ndarray) -> np.ndarray:
    """(n,) whether a straight line through the points up to each leaves only noise, by running sums."""
    n = x.size
    u = (x - x[0]) / ((x[-1] - x[0]) or 1.0)
    w = std**-2.0
    rough = straight_line(u[: max(SMALLEST_LINE, n // 10)], y[: max(SMALLEST_LINE, n // 10)])
    v = y - np.polyval(rough, u)  # keeps the sums of squares small

    def total(values: np.ndarray) -> np.ndarray:
        return np.cumsum(w * values)

    s, su, sv, suu = total(np.ones(n)), total(u), total(v), total(u * u)
    spread = np.maximum(suu - su * su / s, 1e-300)
    slope = (total(u * v) - su * sv / s) / spread
    squares = total(v * v) - sv * sv / s - slope**2 * spread
    degrees = np.maximum(np.arange(n) - 1, 1)
    good = squares - degrees <= 4.0 * np.sqrt(2.0 * degrees)
    for shape in (u**2, u**1.5):
        sf = total(shape)
        along = (total(u * shape) - su * sf / s) / spread
        norm = total(shape * shape) - sf * sf / s - along**2 * spread
        left = total(shape * v) - sf * sv / s - along * slope * spread
        good &= np.abs(left) <= 3.0 * np.sqrt(np.maximum(norm, 1e-12 * total(shape * shape)))
    return good


def _line(
    voltammogram: Voltammogram,
    sample: Sample,
    x: np.ndarray,
    y: np.ndarray,
    std: np.ndarray,
    start: int,
    end: int,
    rest: RestSlope | None,
    inflation: float,
) -> OhmicLine:
    """The line of a window with uncertainties and flags."""
    x, y, std = x[start:end], y[start:end], std[start:end]
    origin, scale = float(x[0]), float(x[-1] - x[0])
    u = (x - origin) / scale
    design = np.stack([np.ones_like(u), u], axis=1) / std[:, None]
    covariance = np.linalg.inv(design.T @ design)
    level, slope = covariance @ (design.T @ (y / std))
    left = y / std - design @ np.array([level, slope])
    spread = max(1.0, float(np.sum(left**2)) / max(u.size - 2, 1))
    covariance = covariance * spread
    bent = np.concatenate([design, (u**1.5 / std)[:, None]], axis=1)
    bend_covariance = np.linalg.inv(bent.T @ bent)
    bend = (bend_covariance @ (bent.T @ (y / std)))[2]
    bend_error = math.sqrt(bend_covariance[2, 2])
    # bias of the straight slope per unit of hidden V^{3/2}
    leak = (np.linalg.inv(design.T @ design) @ (design.T @ (u**1.5 / std)))[1]
    hidden = abs(leak) * min(abs(bend), bend_error)
    conductance = Estimate(slope / scale, math.sqrt(covariance[1, 1] + hidden**2) / scale)
    at_zero = np.array([1.0, -origin / scale])
    intercept = Estimate(float(at_zero @ [level, slope]), math.sqrt(at_zero @ covariance @ at_zero))
    if rest is not None and rest.conductance.value > 0:
        conductance, intercept = rest.conductance, rest.intercept
    flags = []
    if conductance.value > 0 and conductance.high - conductance.low > _UNCERTAIN * conductance.value:
        flags.append(VoltammetryFlag.CONDUCTANCE_UNCERTAIN.flag(low=conductance.low, high=conductance.high))
    used = voltammogram.swept & (voltammogram.ramp >= x[0]) & (voltammogram.ramp <= x[-1])
    points = int(used.sum())
    reach = float(voltammogram.ramp[voltammogram.swept][-1] - voltammogram.ramp[voltammogram.swept][0])
    if inflation > 1:
        flags.append(VoltammetryFlag.NO_OHMIC_LINE.flag(times=inflation))
    if start > 0:
        begun = origin - float(voltammogram.ramp[voltammogram.swept][0])
        flags.append(VoltammetryFlag.START_TRANSIENT.flag(potential=begun))
    if scale < 0.1 * reach:
        flags.append(VoltammetryFlag.SHORT_OHMIC_LINE.flag(potential=float(x[-1]), points=points))
    resistance = Estimate(math.nan)
    area_resistance = None
    if conductance.value > 0:
        resistance = product([(conductance, -1.0)])
        if sample.area is not None:
            area_resistance = product([(resistance, 1.0), (_known(sample.area), 1.0)])
        if abs(intercept.value) > 4 * intercept.std and abs(intercept.value) > 0.002 * abs(y[-1]):
            rate = voltammogram.scan_rate.value if voltammogram.scan_rate else math.nan
            flags.append(
                VoltammetryFlag.CURRENT_OFFSET.flag(
                    offset=intercept.value,
                    capacitance=intercept.value / rate,
                    potential=-intercept.value / conductance.value,
                )
            )
    return OhmicLine(
        conductance=conductance,
        resistance=resistance,
        area_resistance=area_resistance,
        intercept=intercept,
        window=(float(x[0]), float(x[-1])),
        points=points,
        curvature=float(bend / bend_error),
        bends_to=rest.end if rest is not None else math.nan,
        polarises=rest.polarises if rest is not None else math.nan,
        flags=tuple(flags),
    )


def thermal_voltage(sample: Sample) -> float:
    """RT/F [V] at the sample's temperature, 25 °C where it states none."""
    temperature = sample.temperature.value if sample.temperature is not None else _ROOM
    return GAS_CONSTANT * temperature / FARADAY


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
