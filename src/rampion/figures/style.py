"""One look for every figure: colours that the colour-blind tell apart, thin lines, units on every axis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from matplotlib.figure import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's palette.
BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, RED, PURPLE = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7",
)  # fmt: skip
GREY = "#8A8A8A"

VERDICT_COLOURS = {
    "limiting_peak": BLUE,
    "penetration": RED,
    "soft_short": ORANGE,
    "limiting_plateau": SKY,
    "voltage_runaway": YELLOW,
    "current_loss": PURPLE,
    "instrument_limit": GREY,
    "no_event": GREEN,
    "not_a_symmetric_cell": BLACK,
}


def new_figure(
    width: float = 5.2,
    height: float = 3.7,
    rows: int = 1,
    columns: int = 1,
    layout: Literal["constrained"] | None = "constrained",
    **options,
) -> tuple[Figure, list[Axes]]:
    """A figure of ``width`` by ``height`` inches with its axes in reading order."""
    figure = Figure(figsize=(width, height), layout=layout)
    axes = list(figure.subplots(rows, columns, squeeze=False, **options).flat)
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(direction="in", labelsize=8)
        axis.xaxis.label.set_size(9)
        axis.yaxis.label.set_size(9)
    return figure, axes


def title(axis: Axes, text: str) -> None:
    """A small title at the left."""
    axis.set_title(text, fontsize=9, loc="left")


def mark_synthetic(axis: Axes) -> None:
    """Write *synthetic* across the axes, where nobody can miss it."""
    axis.text(
        0.5, 0.5, "synthetic", transform=axis.transAxes, rotation=25, ha="center", va="center",
        fontsize=34, color=GREY, alpha=0.16, zorder=0, weight="bold",
    )  # fmt: skip
