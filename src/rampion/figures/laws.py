"""The paper's plots of many samples: characteristic currents against scan rate, √v, thickness and σ/L."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter

from rampion.figures.style import BLACK, BLUE, GREY, ORANGE, RED, mark_synthetic, new_figure, title
from rampion.quantities import quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from rampion.campaign.scaling import Line, PowerLaw
    from rampion.campaign.survival import SurvivalCurve

J_LABEL = "J (mA/cm²)"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LawPlot:
    """One plot of a law, in SI.

    ``x``, ``y``, ``y_std`` (n,) are the samples behind the fit; ``groups`` (m, 3) mean x, mean y and standard
    deviation of y of replicates; ``apart`` (k, 2) samples that penetrated, shown and not fitted. Either ``law`` (free
    exponent, log axes) or ``line`` (forced and free, from the origin) is drawn.
    """

    label: str
    factor: float
    x: np.ndarray
    y: np.ndarray
    y_std: np.ndarray
    groups: np.ndarray
    apart: np.ndarray
    law: PowerLaw | None = None
    line: Line | None = None


def draw_laws(plots: Sequence[LawPlot], heading: str = "", synthetic: bool = False) -> Figure:
    """Characteristic current density against scan rate, √v, thickness or σ/L, side by side."""
    figure, axes = new_figure(4.1 * len(plots), 3.4, columns=len(plots))
    for axis, plot in zip(axes, plots, strict=True):
        x, y = plot.x * plot.factor, _current(plot.y)
        axis.plot(x, y, "o", ms=3.2, mfc="none", mec=GREY, mew=0.7, label="samples")
        if plot.apart.size:
            told = "penetrated, not in the fit"
            axis.plot(plot.apart[:, 0] * plot.factor, _current(plot.apart[:, 1]), "x", ms=4.5, color=RED, label=told)
        if plot.groups.size:
            axis.errorbar(
                plot.groups[:, 0] * plot.factor, _current(plot.groups[:, 1]), yerr=_current(plot.groups[:, 2]),
                fmt="s", ms=4.5, mfc="white", mec=BLUE, ecolor=BLUE, elinewidth=0.9, capsize=2, label="mean ± SD",
            )  # fmt: skip
        if plot.law is not None:
            _power_law(axis, plot)
        elif plot.line is not None:
            _line(axis, plot)
        axis.set_xlabel(plot.label)
        axis.set_ylabel(J_LABEL)
        axis.legend(fontsize=7, frameon=False)
        if synthetic:
            mark_synthetic(axis)
    title(axes[0], heading)
    return figure


def _current(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, float) * quantity("current_density").factor


def _power_law(axis: Axes, plot: LawPlot) -> None:
    law = plot.law
    assert law is not None
    grid = np.geomspace(plot.x.min(), plot.x.max(), 60)
    exponent = law.exponents[0]
    fitted = np.exp(law.log_prefactor.value) * (grid / law.reference[0]) ** exponent.value
    told = f"exponent {exponent.value:.3f} [{exponent.low:.3f}, {exponent.high:.3f}]"
    axis.plot(grid * plot.factor, _current(fitted), color=BLACK, lw=1.0, label=told)
    axis.set_xscale("log")
    axis.set_yscale("log")
    for side in (axis.xaxis, axis.yaxis):
        side.set_major_locator(LogLocator(subs=(1.0, 1.5, 2.0, 3.0, 5.0, 7.0)))
        side.set_major_formatter(FormatStrFormatter("%g"))
        side.set_minor_formatter(NullFormatter())


def _line(axis: Axes, plot: LawPlot) -> None:
    line = plot.line
    assert line is not None
    grid = np.array([0.0, 1.05 * plot.x.max()])
    forced = f"forced through zero, R² = {line.forced_r_squared:.3f}"
    free = f"free, p(intercept = 0) = {line.intercept_test.p_value:.2g}"
    axis.plot(grid * plot.factor, _current(line.forced_slope.value * grid), color=ORANGE, lw=1.0, label=forced)
    axis.plot(
        grid * plot.factor, _current(line.intercept.value + line.slope.value * grid), color=BLACK, lw=1.0, label=free
    )
    axis.set_xlim(left=0.0)
    axis.set_ylim(bottom=0.0)


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
    axis.set_ylabel("share of samples not penetrated")
    axis.legend(fontsize=7.2, frameon=False, loc="lower left")
    if synthetic:
        mark_synthetic(axis)
    return figure


def draw_exponents(
    rate_exponent: tuple[float, float, float],
    thickness_exponent: tuple[float, float, float],
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
    axis.set_ylim(-1.1, 0.95)
    axis.legend(fontsize=7.2, frameon=False, loc="upper left")
    if synthetic:
        mark_synthetic(axis)
    return figure
