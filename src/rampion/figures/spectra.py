"""Impedance pictures: Nyquist with equal axes, Bode."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from rampion.estimate import Estimate
from rampion.figures.style import BLACK, BLUE, GREY, RED, mark_synthetic, new_figure
from rampion.quantities import QUANTITIES, quantity
from rampion.units import prefixed, show

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from rampion.impedance.finding import SpectrumFinding
    from rampion.measurement import Spectrum

MOST_SPECTRA = 24
MOST_NAMED = 9
HIDDEN = 0.1  # of a spectrum's extent: where half of its points lie within it, these have a panel of their own
DWARFED = 4.0  # times the median extent: larger spectra leave the others without room
COLOURS = colormaps["viridis"]
ALONG = {"potential": "bias (V)", "time": "time (s)", "spectrum": "spectrum"}


def told_ohms(estimate: Estimate) -> str:
    """A resistance with its standard uncertainty in the unit that reads easily; ``not told`` below one of these."""
    if not np.isfinite(estimate.value) or estimate.std > abs(estimate.value):
        return "not told"
    return show(estimate, "resistance")


def shown_along(along: str, values: np.ndarray) -> tuple[np.ndarray, str]:
    """Values of a series' coordinate as shown, with its axis label; long times in hours."""
    if along in QUANTITIES and along not in ALONG:
        known = quantity(along)
        return values * known.factor + known.offset, f"{along.replace('_', ' ')} ({known.shown_unit})"
    if along == "time" and np.ptp(values) > 2 * 3600:
        return values / 3600, "time (h)"
    return values, ALONG[along]


def shades(values: np.ndarray) -> np.ndarray:
    """A colour for each value of a series, the same scale as :func:`add_scale` shows."""
    low, high = float(np.min(values)), float(np.max(values))
    return COLOURS(0.88 * (values - low) / (high - low if high > low else 1.0))


def add_scale(figure: Figure, axes: Axes | Sequence[Axes], values: np.ndarray, label: str) -> None:
    """The colour scale of a series beside its axes."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap

    scale = Normalize(float(np.min(values)), float(np.max(values)))
    shown = ListedColormap(COLOURS(np.linspace(0.0, 0.88, 256)))
    bar = figure.colorbar(ScalarMappable(scale, shown), ax=axes, fraction=0.04, pad=0.02)
    bar.set_label(label, size=8)
    bar.ax.tick_params(labelsize=7)


def draw_nyquist(
    spectra: Sequence[Spectrum],
    findings: Sequence[SpectrumFinding],
    title: str = "",
    synthetic: bool = False,
    along: str = "spectrum",
    coordinate: np.ndarray | None = None,
) -> Figure:
    """−Im Z against Re Z with equal axes, first to last in colour, fits as lines; whole decades of frequency filled.

    Where a drift was taken out the points as measured stay, in grey. ``coordinate`` (m,) is what the series runs
    ``along``. Where the last spectra dwarf the others, these have a second panel of their own.
    """
    number = np.arange(1.0, len(findings) + 1)
    values, label = shown_along(along, number if coordinate is None else coordinate)
    extents = np.array([float(np.max(np.abs(finding.impedance))) for finding in findings])
    scales = [prefixed(float(extents.max()), "Ω")]
    small = np.flatnonzero(extents <= DWARFED * float(np.median(extents)))
    panels = [np.arange(len(findings))]
    frames = [_frame([finding.impedance for finding in findings], scales[0][0])]
    if small.size < len(findings):
        panels.append(small)
        scales.append(prefixed(float(extents[small].max()), "Ω"))
        frames.append(_frame([findings[place].impedance for place in small.tolist()], scales[1][0]))
    elif len(findings) == 1 and np.median(np.abs(findings[0].impedance)) < HIDDEN * extents[0]:
        panels.append(small)
        points, size = findings[0].impedance, np.abs(findings[0].impedance)
        scales.append(prefixed(2 * float(np.median(size)), "Ω"))
        frames.append(_frame([points[size <= 2 * np.median(size)]], scales[1][0]))
    named = len(findings) <= MOST_NAMED
    width = 5.2 if len(panels) == 1 else 3.9
    tall = [np.ptp(frame[2:]) / np.ptp(frame[:2]) for frame in frames]
    figure, axes = new_figure(width * len(panels) + 0.5, min(max(tall) * (width - 0.7), 6.0) + 0.9, columns=len(panels))
    for axis, panel, frame, (factor, unit) in zip(axes, panels, frames, scales, strict=True):
        chosen = panel[np.unique(np.linspace(0, panel.size - 1, min(panel.size, MOST_SPECTRA)).astype(int))]
        colours = (shades(number if named else values) if len(findings) > 1 else np.array([BLUE]))[chosen]
        for colour, place in zip(colours, chosen, strict=True):
            told = f"{values[place]:.3g}" if len(findings) > 1 else "measured"
            _draw_spectrum(axis, spectra[place], findings[place], factor, colour, told, frame)
        axis.set_aspect("equal", adjustable="box")
        axis.set_xlim(*frame[:2])
        axis.set_ylim(*frame[2:])
        axis.axhline(0.0, color=GREY, lw=0.5, zorder=0)
        axis.set_xlabel(f"Re Z ({unit})")
        axis.set_ylabel(f"−Im Z ({unit})")
        if synthetic:
            mark_synthetic(axis)
    axes[0].set_title(title, fontsize=9, loc="left")
    if not named:
        add_scale(figure, axes, values, label)
    elif len(findings) > 1:
        handles, names = axes[0].get_legend_handles_labels()
        told = dict(zip(names, handles, strict=True))  # as measured only once
        axes[-1].legend(
            told.values(), told, fontsize=7, frameon=False, title=label, title_fontsize=7, loc="center left",
            bbox_to_anchor=(1, 0.5),
        )  # fmt: skip
    else:
        axes[0].legend(fontsize=7, frameon=False, loc="upper left")
    return figure


def _frame(parts: Sequence[np.ndarray], factor: float) -> tuple[float, float, float, float]:
    """Limits of Re Z and −Im Z: from zero where that is near, the height at least a third of the width."""
    points = np.concatenate(parts) * factor
    low, high = float(np.min(np.real(points))), float(np.max(np.real(points)))
    bottom, top = min(float(np.min(-np.imag(points))), 0.0), max(float(np.max(-np.imag(points))), 0.0)
    low = min(low, 0.0) if low < 0.5 * high else low
    room = 0.05 * max(high - low, top - bottom)
    height = max(1.25 * top - bottom + 2 * room, 0.4 * (high - low + 2 * room))
    width = max(high - low + 2 * room, 0.6 * height)
    return low - room, low - room + width, bottom - room, bottom - room + height


def _draw_spectrum(
    axis: Axes,
    spectrum: Spectrum,
    finding: SpectrumFinding,
    factor: float,
    colour: Any,
    named: str,
    frame: tuple[float, float, float, float],
) -> None:
    single = named == "measured"
    if finding.drift is not None:
        raw = spectrum.impedance * factor
        axis.plot(np.real(raw), -np.imag(raw), "x", ms=3, mew=0.6, color=GREY, label="as measured", zorder=1)
        named = "corrected" if single else named
    points, fitted = finding.impedance * factor, finding.fitted * factor
    order = np.argsort(finding.frequency)
    axis.plot(np.real(points), -np.imag(points), "o", ms=3.2, mfc="none", mew=0.8, color=colour, label=named)
    axis.plot(
        np.real(fitted[order]),
        -np.imag(fitted[order]),
        "-",
        lw=0.9,
        color=colour,
        label=finding.circuit if single else None,
    )
    _mark_decades(axis, finding.frequency, points, colour, single, 0.09 * (frame[1] - frame[0]))


def _mark_decades(
    axis: Axes, frequency: np.ndarray, points: np.ndarray, colour: Any, named: bool, apart: float
) -> None:
    """Fill the points nearest to whole decades of frequency; with their names where these have room."""
    decades = np.arange(np.ceil(np.log10(frequency.min()) - 0.02), np.floor(np.log10(frequency.max()) + 0.02) + 1)
    last = None
    for decade in decades:
        place = int(np.argmin(np.abs(np.log10(frequency) - decade)))
        if abs(np.log10(frequency[place]) - decade) > 0.12:
            continue
        x, y = float(np.real(points[place])), -float(np.imag(points[place]))
        axis.plot(x, y, "o", ms=3.6, color=colour)
        if named and (last is None or np.hypot(x - last[0], y - last[1]) > apart):
            axis.annotate(_hertz(decade), (x, y), xytext=(1, 6), textcoords="offset points", fontsize=6.5, color=BLACK)
            last = (x, y)


def _hertz(decade: float) -> str:
    """``10 kHz`` for 4."""
    for base, prefix in ((6, "M"), (3, "k"), (0, ""), (-3, "m")):
        if decade >= base:
            return f"{10 ** (decade - base):g} {prefix}Hz"
    return f"{10 ** (decade + 6):g} µHz"


def draw_bode(spectrum: Spectrum, finding: SpectrumFinding, title: str = "") -> Figure:
    """|Z| and phase against frequency, with the circuit; as measured too where a drift was taken out."""
    figure, (modulus, phase) = new_figure(5.2, 4.6, rows=2, sharex=True)
    order = np.argsort(finding.frequency)
    frequency, points, fitted = finding.frequency[order], finding.impedance[order], finding.fitted[order]
    told = "measured" if finding.drift is None else "corrected"
    if finding.drift is not None:
        modulus.loglog(spectrum.frequency, np.abs(spectrum.impedance), "x", ms=3, color=GREY, label="as measured")
        phase.semilogx(spectrum.frequency, -np.angle(spectrum.impedance, deg=True), "x", ms=3, color=GREY)
    modulus.loglog(frequency, np.abs(points), "o", ms=3.2, mfc="none", color=BLACK, label=told)
    modulus.loglog(frequency, np.abs(fitted), "-", lw=1, color=BLUE, label=finding.circuit)
    phase.semilogx(frequency, -np.angle(points, deg=True), "o", ms=3.2, mfc="none", color=BLACK)
    phase.semilogx(frequency, -np.angle(fitted, deg=True), "-", lw=1, color=BLUE)
    low, high = modulus.get_ylim()
    if high < 10 * low:  # less than a decade: plain numbers read better
        modulus.set_yscale("linear")
    for process in finding.processes:
        if frequency[0] < process.frequency.value < frequency[-1]:
            for axis in (modulus, phase):
                axis.axvline(process.frequency.value, color=RED, lw=0.7, ls=":", zorder=0)
            modulus.annotate(
                process.name, (process.frequency.value, 0.02), xycoords=("data", "axes fraction"), rotation=90,
                fontsize=6.5, color=RED, ha="right", va="bottom", zorder=5,
                path_effects=[withStroke(linewidth=2, foreground="white")],
            )  # fmt: skip
    modulus.legend(fontsize=7, frameon=False)
    modulus.set_ylabel("|Z| (Ω)")
    phase.set_ylabel("−phase (°)")
    phase.set_xlabel(quantity("frequency").label)
    modulus.set_title(title, fontsize=9, loc="left")
    if finding.synthetic:
        mark_synthetic(modulus)
    return figure
