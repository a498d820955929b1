"""Sweeps with spectra: checkpoints along a paused sweep, and what comes back at rest after a sweep was stopped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from rampion.figures.curves import Curve, curves_on
from rampion.figures.style import BLACK, BLUE, RED, mark_synthetic, new_figure, title
from rampion.quantities import quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes


LARGEST = 3.0  # of the median spectrum: what is larger would press the others into a corner


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stage:
    """One spectrum (n,) [Ω] and when it was taken, in words; ``role`` is "before", "stop", "rest" or "relaxed"."""

    name: str
    impedance: np.ndarray
    role: str = ""


def draw_checkpoints(
    sweep: Curve, marks: Sequence[tuple[float, float]], stages: Sequence[Stage], heading: str, synthetic: bool
) -> Figure:
    """A paused sweep with its checkpoints (V, J) and the spectrum of each."""
    figure, (curve, plane) = new_figure(8.2, 3.6, columns=2)
    curves_on(curve, [sweep], legend=False)
    at, height = np.array(marks).T * np.array([[quantity(sweep.across).factor], [quantity(sweep.up).factor]])
    curve.plot(at, height, "v", ms=5, color=BLUE, ls="none", label="spectrum taken", zorder=4)
    curve.legend(fontsize=7.2, frameon=False, loc="lower right")
    _nyquist(plane, stages, list(colormaps["viridis"](np.linspace(0.0, 0.85, len(stages)))))
    _finish((curve, plane), heading, synthetic)
    return figure


def draw_relaxations(panels: Sequence[tuple[str, Curve, Sequence[Stage]]], synthetic: bool) -> Figure:
    """Spectra before, at the stop, and during rest; one panel per condition, the sweep in the corner."""
    figure, axes = new_figure(4.4 * len(panels), 4.0, columns=len(panels))
    for axis, (heading, sweep, stages) in zip(axes, panels, strict=True):
        resting = [stage for stage in stages if stage.role in ("rest", "relaxed")]
        warm = dict(zip(map(id, resting), colormaps["viridis"](np.linspace(0.1, 0.85, len(resting))), strict=True))
        colours = [warm.get(id(stage), {"before": BLACK, "stop": RED}.get(stage.role, BLACK)) for stage in stages]
        _nyquist(axis, stages, colours)
        small = axis.inset_axes((0.11, 0.7, 0.27, 0.26))
        curves_on(small, [sweep], legend=False)
        small.set_xlabel(small.get_xlabel(), fontsize=5.5, labelpad=0)
        small.set_ylabel(small.get_ylabel(), fontsize=5.5, labelpad=0)
        small.tick_params(labelsize=5.5, direction="in", pad=1)
        small.spines[["top", "right"]].set_visible(False)
        title(axis, heading)
        if synthetic:
            mark_synthetic(axis)
    return figure


def draw_stops(sweeps: Sequence[Curve], spectra: Sequence[Sequence[Stage]], synthetic: bool) -> Figure:
    """Sweeps stopped at different voltages, and of each the spectrum at the stop and after rest."""
    figure, (curve, plane) = new_figure(8.2, 3.6, columns=2)
    curves_on(curve, sweeps, marks=False)
    colours = colormaps["viridis"](np.linspace(0.0, 0.85, len(sweeps)))
    factor = quantity("current_density").factor
    for colour, sweep, stages in zip(colours, sweeps, spectra, strict=True):
        curve.plot(sweep.x[-1], factor * sweep.y[-1], "v", ms=6, color=colour)
        for stage in stages:
            shape = {"before": "s", "stop": "o", "relaxed": "+"}[stage.role]
            told = {"before": "before", "stop": "at the stop", "relaxed": "after rest"}[stage.role]
            plane.plot(
                np.real(stage.impedance), -np.imag(stage.impedance), shape, ms=3.5, mfc="none", mew=0.8,
                color=BLACK if stage.role == "before" else colour, label=f"{sweep.name}, {told}",
            )  # fmt: skip
    _square(plane, [stage for stages in spectra for stage in stages])
    _finish((curve, plane), "", synthetic)
    return figure


def _nyquist(axis: Axes, stages: Sequence[Stage], colours: Sequence) -> None:
    for colour, stage in zip(colours, stages, strict=True):
        before = stage.role == "before"
        axis.plot(
            np.real(stage.impedance), -np.imag(stage.impedance), "s" if before else "o-", ms=3.6 if before else 2.4,
            lw=0.6, mfc="none", mew=0.7, color=colour, label=stage.name, zorder=3 if before else 2,
        )  # fmt: skip
    _square(axis, stages)


def _square(axis: Axes, stages: Sequence[Stage]) -> None:
    """Equal axes with room above the arcs for a legend; a spectrum far larger than the others leaves the picture."""
    reach = np.array([float(np.max(np.real(stage.impedance))) for stage in stages])
    right = min(float(reach.max()), LARGEST * float(np.median(reach)))
    shown = [stage for stage, end in zip(stages, reach, strict=True) if end <= right]
    top = max(float(np.max(-np.imag(stage.impedance))) for stage in shown)
    axis.set_xlim(0.0, 1.05 * right)
    axis.set_ylim(min(0.0, -0.04 * right), max(1.6 * top, 1.0 * right))
    axis.set_aspect("equal", adjustable="box")
    outside = len(stages) - len(shown)
    axis.set_xlabel("Re Z (Ω)")
    axis.set_ylabel("−Im Z (Ω)")
    axis.legend(
        fontsize=6.4, loc="upper right", ncols=2 if len(axis.lines) > 6 else 1, edgecolor="none", framealpha=0.85,
        title=f"{outside} larger than the picture: see the data" if outside else None, title_fontsize=6.4,
    )  # fmt: skip


def _finish(axes: Sequence[Axes], heading: str, synthetic: bool) -> None:
    title(axes[0], heading)
    if synthetic:
        for axis in axes:
            mark_synthetic(axis)
