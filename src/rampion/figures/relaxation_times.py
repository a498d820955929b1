"""The distribution of relaxation times with its credible band; of a series, one curve a spectrum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from rampion.figures.spectra import add_scale, shades, shown_along, told_ohms
from rampion.figures.style import BLACK, BLUE, GREY, mark_synthetic, new_figure
from rampion.units import prefixed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

    from rampion.impedance.finding import SpectrumFinding

APART = 0.13  # of the width: peaks nearer to a larger one are not named
LEAST_SHARE = 0.02  # of the polarisation: smaller peaks are not named


def draw_relaxation_times(finding: SpectrumFinding, title: str = "") -> Figure:
    """γ per unit of ln τ against τ with its 95 % band, its peaks named, what lies outside the window shaded."""
    found = finding.relaxation_times
    assert found is not None
    figure, (axis,) = new_figure(5.4, 3.8)
    factor, unit = prefixed(float(np.max(np.abs(found.distribution))), "Ω")
    tau = found.time_constant
    axis.fill_between(tau, found.low * factor, found.high * factor, color=BLUE, alpha=0.2, lw=0, label="95 % band")
    axis.semilogx(tau, found.distribution * factor, color=BLUE, lw=1.2, label="γ")
    _shade_outside(axis, finding, tau)
    total = found.polarisation
    named: list[float] = []
    for peak in sorted(found.peaks, key=lambda peak: -abs(peak.resistance.value)):
        place = float(np.log10(peak.time_constant.value))
        crowded = any(abs(place - other) < APART * np.log10(tau[-1] / tau[0]) for other in named)
        if crowded or abs(peak.resistance.value) < LEAST_SHARE * abs(total.value):
            continue
        named.append(place)
        height = float(np.interp(np.log(peak.time_constant.value), np.log(tau), found.distribution)) * factor
        axis.annotate(
            f"{told_ohms(peak.resistance)}\n{peak.frequency:.3g} Hz", (peak.time_constant.value, height),
            xytext=(0, 4), textcoords="offset points", fontsize=6.8, color=BLACK,
            ha=_side(peak.time_constant.value, tau),
        )  # fmt: skip
    low, high = min(0.0, float(np.min(found.low))), float(np.max(found.high))
    axis.set_ylim(low * factor, (high + 0.25 * (high - low)) * factor)
    axis.set_xlabel("τ (s)")
    axis.set_ylabel(f"γ per unit of ln τ ({unit})")
    _add_frequencies(axis)
    doubt = "   (flagged)" if total.flags else ""
    axis.set_title(title, fontsize=9, loc="left")
    told = f"polarisation {told_ohms(total)}{doubt}\nohmic {told_ohms(found.ohmic)}"
    axis.annotate(told, (0.02, 0.97), xycoords="axes fraction", va="top", fontsize=7.5)
    axis.legend(fontsize=7, frameon=False, loc="upper right")
    if finding.synthetic:
        mark_synthetic(axis)
    return figure


def draw_relaxation_series(
    findings: Sequence[SpectrumFinding], coordinate: np.ndarray, along: str, title: str = "", synthetic: bool = False
) -> Figure:
    """The distributions of a series in the colours of its coordinate."""
    known = [(finding, value) for finding, value in zip(findings, coordinate, strict=True) if finding.relaxation_times]
    figure, (axis,) = new_figure(5.6, 3.8)
    values, label = shown_along(along, np.array([value for _, value in known]))
    shown = [one.relaxation_times.distribution for one, _ in known if one.relaxation_times]
    highest = max(float(np.max(np.abs(each))) for each in shown)
    factor, unit = prefixed(highest, "Ω")
    for colour, (finding, _) in zip(shades(values), known, strict=True):
        found = finding.relaxation_times
        assert found is not None
        axis.semilogx(found.time_constant, found.distribution * factor, color=colour, lw=1.0)
    _shade_outside(
        axis,
        known[0][0],
        np.concatenate([one.relaxation_times.time_constant[[0, -1]] for one, _ in known if one.relaxation_times]),
    )
    add_scale(figure, axis, values, label)
    if all((each >= 0).all() for each in shown):
        axis.set_ylim(bottom=0.0)
    axis.set_xlabel("τ (s)")
    axis.set_ylabel(f"γ per unit of ln τ ({unit})")
    _add_frequencies(axis)
    axis.set_title(title, fontsize=9, loc="left")
    if synthetic:
        mark_synthetic(axis)
    return figure


def _side(place: float, tau: np.ndarray) -> str:
    share = np.log(place / tau[0]) / np.log(tau[-1] / tau[0])
    return "left" if share < 0.1 else "right" if share > 0.9 else "center"


def _shade_outside(axis: Axes, finding: SpectrumFinding, tau: np.ndarray) -> None:
    """Grey where relaxations lie beyond the measured frequencies."""
    inside = 1 / (2 * np.pi * finding.frequency.max()), 1 / (2 * np.pi * finding.frequency.min())
    for low, high in ((tau.min(), inside[0]), (inside[1], tau.max())):
        if low < high:
            axis.axvspan(low, high, color=GREY, alpha=0.15, lw=0, zorder=0)
    axis.set_xlim(tau.min(), tau.max())


def _add_frequencies(axis: Axes) -> None:
    def turned(value: ArrayLike) -> np.ndarray:
        return 1 / (2 * np.pi * np.maximum(value, 1e-300))

    top = axis.secondary_xaxis("top", functions=(turned, turned))
    top.set_xlabel("f = 1/(2πτ) (Hz)", fontsize=8)
    top.tick_params(labelsize=7, direction="in")
