"""Recovery at rest: the share of each process's rise that went back, against time, with the fitted kinetics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from rampion.figures.style import BLACK, BLUE, GREY, ORANGE, mark_synthetic, new_figure
from rampion.impedance.recovery_kinetics import relaxed_resistance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from rampion.impedance.recovery import Recovery

COLOURS = {"pressed": BLUE, "released": ORANGE}
MOST_COLUMNS = 3


def draw_recoveries(recoveries: Sequence[Recovery], title: str = "", synthetic: bool = False) -> Figure:
    """One panel a process: 0 at the stop, 1 as before the sweep; colours tell conditions, markers samples.

    Processes whose rise was not resolved are left out.
    """
    recoveries = [each for each in recoveries if not any(flag.code == "recovery_not_resolved" for flag in each.flags)]
    processes = list(dict.fromkeys(each.process for each in recoveries))
    if not processes:
        figure, (axis,) = new_figure(4.6, 3.1)
        axis.annotate("no rise was resolved", (0.5, 0.5), xycoords="axes fraction", ha="center")
        return figure
    columns = min(len(processes), MOST_COLUMNS)
    rows = -(-len(processes) // columns)
    figure, axes = new_figure(max(3.2 * columns, 4.6), 3.1 * rows, rows=rows, columns=columns, sharex=True)
    samples = list(dict.fromkeys(each.sample for each in recoveries))
    for axis in axes[len(processes) :]:
        axis.set_visible(False)
    for axis, process in zip(axes, processes, strict=False):
        members = [each for each in recoveries if each.process == process]
        for each in members:
            _draw(axis, each, "osD^v<>ph*"[samples.index(each.sample) % 10])
        for level in (0.0, 1.0):
            axis.axhline(level, color=GREY, lw=0.8, ls=":", zorder=0)
        axis.set_xscale("log")
        axis.set_ylim(*_limits(members))
        axis.annotate(process, (0.03, 0.97), xycoords="axes fraction", va="top", fontsize=8.5)
        axis.set_xlabel("time since the stop (s)")
        axis.set_ylabel("recovered share of the rise")
        if synthetic:
            mark_synthetic(axis)
    _name(axes[0], recoveries)
    axes[0].set_title(title, fontsize=9, loc="left")
    return figure


def _share(each: Recovery, resistance: np.ndarray) -> np.ndarray:
    return (each.stop.value - resistance) / (each.stop.value - each.before.value)


def _draw(axis: Axes, each: Recovery, marker: str) -> None:
    colour = COLOURS.get(each.condition, BLACK)
    later = each.time > 0
    bars = 1.96 * np.nan_to_num(each.std[later]) / abs(each.stop.value - each.before.value)
    axis.errorbar(
        each.time[later], _share(each, each.resistance[later]), yerr=bars, fmt=marker, ms=4, mfc="white", color=colour,
        elinewidth=0.8, zorder=3,
    )  # fmt: skip
    if each.kinetics and later.sum() > 1:
        grid = np.geomspace(each.time[later].min(), each.time[later].max(), 200)
        axis.plot(grid, _share(each, relaxed_resistance(each.kinetics[0], grid)), color=colour, lw=1.0)


def _limits(members: Sequence[Recovery]) -> tuple[float, float]:
    """Room for 0, 1 and the points, but not for those of a process whose rise was not resolved."""
    shares = np.concatenate([_share(each, each.resistance) for each in members])
    inside = shares[np.isfinite(shares) & (np.abs(shares - 0.5) < 1.5)]
    return min(-0.1, float(np.min(inside, initial=0.0)) - 0.1), max(1.15, float(np.max(inside, initial=1.0)) + 0.15)


def _name(axis: Axes, recoveries: Sequence[Recovery]) -> None:
    """A legend of the conditions, with the law that describes most of their tracks."""
    for condition in dict.fromkeys(each.condition for each in recoveries):
        members = [each for each in recoveries if each.condition == condition and each.kinetics]
        laws = [each.kinetics[0].kinetics.value for each in members]
        told = f"{condition}: {max(set(laws), key=laws.count)}" if laws else condition
        axis.plot([], [], "-", color=COLOURS.get(condition, BLACK), label=told)
    axis.legend(fontsize=7, frameon=False, loc="lower right")
