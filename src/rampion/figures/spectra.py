"""Impedance pictures: Nyquist with equal axes, Bode, residuals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from rampion.figures.style import BLACK, BLUE, RED, mark_synthetic, new_figure

if TYPE_CHECKING:
    from rampion.impedance.finding import SpectrumFinding
    from rampion.measurement import Spectrum

MOST_SPECTRA = 24


def draw_nyquist(
    spectra: Sequence[Spectrum], findings: Sequence[SpectrumFinding], title: str = "", synthetic: bool = False
) -> Figure:
    """−Im Z against Re Z with equal axes, first to last in colour, fits as lines."""
    figure, (axis,) = new_figure(5.2, 4.2)
    chosen = np.unique(np.linspace(0, len(spectra) - 1, min(len(spectra), MOST_SPECTRA)).astype(int))
    colours = colormaps["viridis"](np.linspace(0.0, 0.85, chosen.size))
    for colour, place in zip(colours, chosen, strict=True):
        measured, fitted = spectra[place].impedance, findings[place].fitted
        told = f"{place + 1}" if np.isnan(spectra[place].potential) else f"{spectra[place].potential:.3g} V"
        axis.plot(np.real(measured), -np.imag(measured), "o", ms=3, mfc="none", mew=0.8, color=colour, label=told)
        axis.plot(np.real(fitted), -np.imag(fitted), "-", lw=0.9, color=colour)
    axis.set_aspect("equal", adjustable="datalim")
    axis.set_xlabel("Re Z (Ω)")
    axis.set_ylabel("−Im Z (Ω)")
    axis.set_title(title, fontsize=9, loc="left")
    if chosen.size <= 12:
        axis.legend(fontsize=7, frameon=False, title="spectrum" if len(spectra) > 1 else None, title_fontsize=7)
    if synthetic:
        mark_synthetic(axis)
    return figure


def draw_bode(spectrum: Spectrum, finding: SpectrumFinding, title: str = "") -> Figure:
    """|Z|, phase and the fit's residuals over |Z| against frequency."""
    figure, (modulus, phase, residual) = new_figure(5.2, 5.6, rows=3, sharex=True)
    measured, fitted = spectrum.impedance, finding.fitted
    modulus.loglog(spectrum.frequency, np.abs(measured), "o", ms=3, mfc="none", color=BLACK)
    modulus.loglog(finding.frequency, np.abs(fitted), "-", lw=1, color=BLUE)
    phase.semilogx(spectrum.frequency, np.angle(measured, deg=True), "o", ms=3, mfc="none", color=BLACK)
    phase.semilogx(finding.frequency, np.angle(fitted, deg=True), "-", lw=1, color=BLUE)
    if fitted.size == measured.size:
        relative = (measured - fitted) / np.abs(measured)
        residual.semilogx(spectrum.frequency, 100 * np.real(relative), "o-", ms=2.5, lw=0.6, color=BLUE, label="real")
        residual.semilogx(spectrum.frequency, 100 * np.imag(relative), "s-", ms=2.5, lw=0.6, color=RED, label="imag.")
        residual.axhline(0.0, color=BLACK, lw=0.5)
        residual.legend(fontsize=7, frameon=False)
    modulus.set_ylabel("|Z| (Ω)")
    phase.set_ylabel("phase (°)")
    residual.set_ylabel("residual (%)")
    residual.set_xlabel("f (Hz)")
    modulus.set_title(title, fontsize=9, loc="left")
    if spectrum.synthetic:
        mark_synthetic(modulus)
    return figure
