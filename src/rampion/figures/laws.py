"""The paper's plots of many samples: characteristic currents against scan rate, √v, thickness and σ/L."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter

from rampion.figures.style import BLACK, BLUE, GREY, ORANGE, RED, mark_synthetic, new_figure
from rampion.quantities import quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from rampion.campaign.scaling import Line, PowerLaw
    from rampion.campaign.survival import SurvivalCurve

J_LABEL = "J (mA/cm²)"


def _current(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, float) * quantity("current_density").factor


def _points(axis: Axes, x: np.ndarray, y: np.ndarray, y_std: np.ndarray, colour: str, label: str, marker: str) -> None:
    bars = np.where(np.isfinite(y_std), 1.96 * y_std, 0.0)
    axis.errorbar(
        x, y, yerr=bars, fmt=marker, ms=4.5, mfc="white", mec=colour, ecolor=colour, elinewidth=0.8, label=label
    )


def draw_power_law(
    predictor: np.ndarray,
    response: np.ndarray,
    response_std: np.ndarray,
    law: PowerLaw,
    name: str,
    title: str = "",
    synthetic: bool = False,
) -> Figure:
    """Characteristic current against scan rate or thickness, log axes, with the free power law."""
    figure, (axis,) = new_figure(4.4, 3.4)
    factor = quantity(name).factor
    _points(axis, predictor * factor, _current(response), _current(response_std), BLUE, "samples", "o")
    grid = np.geomspace(predictor.min(), predictor.max(), 60)
    fitted = np.exp(law.log_prefactor.value) * (grid / law.reference[0]) ** law.exponents[0].value
    exponent = law.exponents[0]
    told = f"exponent {exponent.value:.3f} [{exponent.low:.3f}, {exponent.high:.3f}]"
    axis.plot(grid * factor, _current(fitted), color=BLACK, lw=1.0, label=told)
    axis.set_xscale("log")
    axis.set_yscale("log")
    for side in (axis.xaxis, axis.yaxis):
        side.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        side.set_major_formatter(FormatStrFormatter("%g"))
        side.set_minor_formatter(NullFormatter())
    axis.set_xlabel(quantity(name).label)
    axis.set_ylabel(J_LABEL)
    return _finished(figure, axis, title, synthetic)


def draw_line(
    abscissa: np.ndarray,
    ordinate: np.ndarray,
    ordinate_std: np.ndarray,
    line: Line,
    label: str,
    factor: float,
    title: str = "",
    synthetic: bool = False,
) -> Figure:
    """A straight-line plot (√v, σ/L): the line forced through the origin beside the free one."""
    figure, (axis,) = new_figure(4.4, 3.4)
    _points(axis, abscissa * factor, _current(ordinate), _current(ordinate_std), BLUE, "samples", "o")
    grid = np.array([0.0, 1.05 * abscissa.max()])
    forced = f"forced through zero, R² = {line.forced_r_squared:.3f}"
    free = f"free, intercept p = {line.intercept_test.p_value:.2g}"
    axis.plot(grid * factor, _current(line.forced_slope.value * grid), color=ORANGE, lw=1.0, label=forced)
    axis.plot(grid * factor, _current(line.intercept.value + line.slope.value * grid), color=BLACK, lw=1.0, label=free)
    axis.set_xlim(left=0.0)
    axis.set_ylim(bottom=0.0)
    axis.set_xlabel(label)
    axis.set_ylabel(J_LABEL)
    return _finished(figure, axis, title, synthetic)


def draw_survival(curves: Sequence[tuple[str, SurvivalCurve]], synthetic: bool = False) -> Figure:
    """Share of samples whole at each current density, with the 95 % band."""
    figure, (axis,) = new_figure(4.4, 3.4)
    for colour, (name, curve) in zip((RED, ORANGE, BLUE, GREY, BLACK), curves, strict=False):
        level = np.concatenate([[0.0], _current(curve.level)])
        axis.step(level, np.concatenate([[1.0], curve.survival]), where="post", color=colour, label=name)
        axis.fill_between(
            level, np.concatenate([[1.0], curve.low]), np.concatenate([[1.0], curve.high]), step="post",
            color=colour, alpha=0.12, lw=0,
        )  # fmt: skip
    axis.set_ylim(0.0, 1.02)
    axis.set_xlim(left=0.0)
    axis.set_xlabel(J_LABEL)
    axis.set_ylabel("share not penetrated")
    return _finished(figure, axis, "", synthetic)


def draw_exponents(
    rate_exponent: tuple[float, float, float],
    thickness_exponent: tuple[float, float, float],
    title: str = "",
    synthetic: bool = False,
) -> Figure:
    """The plane of exponents J_p ∝ vᵃLᵇ: b = 2a − 1 (bulk), b = −a (interface), (0, −1) (a limiting current)."""
    figure, (axis,) = new_figure(4.4, 3.6)
    grid = np.linspace(0.0, 0.6, 50)
    axis.plot(grid, 2 * grid - 1, color=BLUE, lw=1.2, label="bulk transport: b = 2a − 1")
    axis.plot(grid, -grid, color=ORANGE, lw=1.2, label="interface: b = −a")
    axis.plot(0.0, -1.0, "s", color=BLACK, ms=6, label="steady limit, critical voltage")
    axis.plot(0.5, -1.0, "x", color=RED, ms=8, mew=2, label="√v and 1/L at one rate: no model here")
    a, b = rate_exponent, thickness_exponent
    axis.errorbar(
        a[0], b[0], xerr=[[a[0] - a[1]], [a[2] - a[0]]], yerr=[[b[0] - b[1]], [b[2] - b[0]]], fmt="o", color=BLACK,
        mfc="white", label="these samples, 95 %",
    )  # fmt: skip
    axis.set_xlabel("a, exponent of the scan rate")
    axis.set_ylabel("b, exponent of the thickness")
    return _finished(figure, axis, title, synthetic)


def _finished(figure: Figure, axis: Axes, title: str, synthetic: bool) -> Figure:
    axis.legend(fontsize=7.2, frameon=False)
    axis.set_title(title, fontsize=9, loc="left")
    if synthetic:
        mark_synthetic(axis)
    return figure
