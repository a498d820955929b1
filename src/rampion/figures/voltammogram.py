"""The voltammogram with its ohmic line, its event and its verdict: one look says what happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from rampion.figures.style import BLACK, GREY, SKY, VERDICT_COLOURS, mark_synthetic, new_figure
from rampion.measurement import thinned
from rampion.quantities import quantity
from rampion.units import show
from rampion.voltammetry.finding import VERDICT_WORDS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from rampion.voltammetry.finding import Finding

MOST_POINTS = 4000


def draw_finding(finding: Finding, title: str = "", synthetic: bool = False) -> Figure:
    """A figure of one finding: current against voltage for a sweep, voltage against time otherwise."""
    figure, (axis,) = new_figure(layout=None)  # to search for the place of one axes takes half the time of drawing it
    figure.subplots_adjust(left=0.12, right=0.98, bottom=0.13, top=0.92)
    draw_on(axis, finding)
    axis.set_title(title, fontsize=9, loc="left")
    if synthetic:
        mark_synthetic(axis)
    return figure


def draw_on(axis: Axes, finding: Finding) -> None:
    """Draw one finding on given axes."""
    if finding.kind == "sweep":
        _draw_sweep(axis, finding)
    else:
        _draw_run(axis, finding)


def _shown_current(finding: Finding) -> tuple[str, float]:
    """Name of the drawn quantity and the factor from ampere to its shown unit."""
    if finding.current_density is None or not finding.current.value > 0:
        return "current", quantity("current").factor
    per_area = finding.current_density.value / finding.current.value
    return "current_density", per_area * quantity("current_density").factor


def _draw_sweep(axis: Axes, finding: Finding) -> None:
    curve = finding.voltammogram
    name, factor = _shown_current(finding)
    colour = VERDICT_COLOURS[finding.verdict]
    kept = thinned(curve.current, MOST_POINTS)
    axis.plot(curve.potential[kept], curve.current[kept] * factor, color=BLACK, lw=1.1, zorder=3)
    if curve.returning_potential.size:
        kept = thinned(curve.returning_current, MOST_POINTS)
        axis.plot(curve.returning_potential[kept], curve.returning_current[kept] * factor, color=GREY, lw=0.8)
    top = 1.25 * max(float(np.max(curve.current)) * factor, 1e-30)
    if finding.ohmic is not None:
        line = finding.ohmic
        ends = np.array([0.0, float(np.max(curve.potential))])
        axis.plot(
            ends, (line.intercept.value + line.conductance.value * ends) * factor, color=SKY, lw=1.0, ls="--", zorder=2,
            label=_ohmic_label(finding),
        )  # fmt: skip
        axis.axvspan(*line.window, color=SKY, alpha=0.12, lw=0, zorder=1)
    for number, pause in enumerate(finding.pauses):
        axis.plot(
            pause.potential, pause.current_before * factor, marker="v", ms=4, color=GREY, ls="none", zorder=4,
            label="paused" if number == 0 else None,
        )  # fmt: skip
    event = finding.current_density if finding.current_density is not None else finding.current
    unit = quantity(name).factor
    x, y = finding.potential, event.value * unit
    told = VERDICT_WORDS[finding.verdict]
    if finding.verdict.judged:
        told += f": {show(event, name)} at {show(x, 'potential')}"
    axis.errorbar(
        x.value, y, xerr=_bar(x.std), yerr=_bar(event.std * unit), fmt="o", ms=6, mfc="white", mec=colour, mew=1.8,
        ecolor=colour, zorder=5, label=told,
    )  # fmt: skip
    axis.set_ylim(min(0.0, 1.1 * float(np.min(curve.current)) * factor), top)
    axis.set_xlabel(quantity("potential").label)
    axis.set_ylabel(quantity(name).label)
    axis.legend(fontsize=7.5, frameon=False, loc="best")


def _bar(std: float) -> float | None:
    return 1.96 * std if np.isfinite(std) else None


def _ohmic_label(finding: Finding) -> str:
    if finding.conductivity is not None:
        return f"ohmic line: σ = {show(finding.conductivity, 'conductivity')}"
    assert finding.ohmic is not None
    return f"ohmic line: {show(finding.ohmic.resistance, 'resistance')}"


def _draw_run(axis: Axes, finding: Finding) -> None:
    curve = finding.voltammogram
    kept = thinned(curve.potential, MOST_POINTS)
    colour = VERDICT_COLOURS[finding.verdict]
    axis.plot(curve.time[kept], curve.potential[kept], color=BLACK, lw=1.0)
    name, _ = _shown_current(finding)
    event = finding.current_density if finding.current_density is not None else finding.current
    told = VERDICT_WORDS[finding.verdict] + (f": {show(event, name)}" if finding.verdict.judged else "")
    axis.errorbar(
        finding.time.value, finding.potential.value, xerr=_bar(finding.time.std), fmt="o", ms=6, mfc="white",
        mec=colour, mew=1.8, ecolor=colour, zorder=5, label=told,
    )  # fmt: skip
    axis.set_xlabel(quantity("time").label)
    axis.set_ylabel(quantity("potential").label)
    axis.legend(fontsize=7.5, frameon=False, loc="best")
