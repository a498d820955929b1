"""The ohmic line: the longest early part of a sweep that is straight within its noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from rampion.estimate import Estimate, Flag, product
from rampion.measurement import Sample
from rampion.voltammetry.flags import VoltammetryFlag
from rampion.voltammetry.noise import block_means
from rampion.voltammetry.voltammogram import Voltammogram

SMALLEST_LINE = 6  # blocks of points
_BLOCKS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class OhmicLine:
    """I = conductance · V + intercept over a window of potential.

    conductance [S], resistance [Ω], area_resistance [Ω·m²] (None without an area), intercept [A] at V = 0, window
    [V], points used, curvature: the quadratic term over its standard error at the window's end, flags.
    """

    conductance: Estimate
    resistance: Estimate
    area_resistance: Estimate | None
    intercept: Estimate
    window: tuple[float, float]
    points: int
    curvature: float
    flags: tuple[Flag, ...] = ()

    def at(self, potential: float | np.ndarray) -> Any:
        """The line's current [A] at a potential [V] or at several."""
        return self.conductance.value * potential + self.intercept.value


def fit_ohmic_line(voltammogram: Voltammogram, sample: Sample) -> OhmicLine | None:
    """The straight line through the longest early window whose residuals are consistent with the noise.

    I = G V + I₀ by weighted least squares. Windows grow from the start; a window is consistent when χ² lies within
    four standard deviations of its degrees of freedom and neither a quadratic nor a V^{3/2} term is larger than three
    standard errors (V^{3/2} is how diffusion departs from the line). The window ends where three in a row are not.
    A start that does not fit (charging transient) is left out when that makes the window half as long again.
    The conductance's uncertainty adds to the scatter the bias that a V^{3/2} term as large as its own error allows.

    Assumes white noise on the current and a series resistance that does not change inside the window.
    Fails when no six blocks of points are straight (``None``).

    Parameters
    ----------
    voltammogram : the sweep.
    sample : its area [m²] gives the area resistance.
    """
    kept = voltammogram.swept
    x, y, std = block_means(voltammogram.ramp[kept], voltammogram.current[kept], voltammogram.noise[kept], _BLOCKS)
    n = x.size
    best: tuple[int, int] | None = None
    for start in sorted({0, 1, 2, 4, *(int(f * n) for f in (0.02, 0.04, 0.07, 0.1, 0.15, 0.2))}):
        end = _longest(x[start:], y[start:], std[start:]) + start
        if end - start < SMALLEST_LINE:
            continue
        if best is None or (x[end - 1] - x[start]) > 1.5 * (x[best[1] - 1] - x[best[0]]):
            best = (start, end)
    if best is None:
        return None
    return _line(voltammogram, sample, x, y, std, *best)


def _longest(x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"], std: Float[np.ndarray, " n"]) -> int:
    """End of the longest consistent window that begins at the first point; 0 when there is none."""
    end, failures = 0, 0
    n = x.size
    sizes = [SMALLEST_LINE]
    while sizes[-1] < n:
        sizes.append(min(n, max(sizes[-1] + 1, int(sizes[-1] * 1.04))))
    for size in sizes:
        if _consistent(x[:size], y[:size], std[:size]):
            end, failures = size, 0
        elif size > 1.3 * end + 6:
            failures += 1
            if failures >= 3:
                break
    return end


def _consistent(x: np.ndarray, y: np.ndarray, std: np.ndarray) -> bool:
    """Whether a straight line leaves only noise."""
    u = (x - x[0]) / ((x[-1] - x[0]) or 1.0)
    straight = np.stack([np.ones_like(u), u], axis=1) / std[:, None]
    basis, _ = np.linalg.qr(straight)
    z = y / std
    left = z - basis @ (basis.T @ z)
    degrees = u.size - 2
    # few points estimate their own noise; allow for that in the spread of χ²
    if np.sum(left**2) - degrees > 4.0 * math.sqrt(2.0 * degrees):
        return False
    for shape in (u**2, u**1.5):
        term = shape / std
        term = term - basis @ (basis.T @ term)
        norm = float(np.linalg.norm(term))
        if norm > 0 and abs(float(term @ left)) / norm > 3.0:
            return False
    return True


def _line(
    voltammogram: Voltammogram, sample: Sample, x: np.ndarray, y: np.ndarray, std: np.ndarray, start: int, end: int
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
    flags = []
    used = voltammogram.swept & (voltammogram.ramp >= x[0]) & (voltammogram.ramp <= x[-1])
    points = int(used.sum())
    reach = float(voltammogram.ramp[voltammogram.swept][-1] - voltammogram.ramp[voltammogram.swept][0])
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
        crossing = -intercept.value / conductance.value
        if abs(crossing) > 0.1 * reach:
            flags.append(VoltammetryFlag.AWAY_FROM_ZERO.flag(potential=crossing))
    return OhmicLine(
        conductance=conductance,
        resistance=resistance,
        area_resistance=area_resistance,
        intercept=intercept,
        window=(float(x[0]), float(x[-1])),
        points=points,
        curvature=float(bend / bend_error),
        flags=tuple(flags),
    )


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
