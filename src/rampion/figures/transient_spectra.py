"""Simulated spectra along a run: Nyquist and Bode, coloured by potential or by time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from rampion.figures.style import mark_synthetic, new_figure
from rampion.units import show

if TYPE_CHECKING:
    from rampion.measurement import Spectrum

MOST_SPECTRA = 12
_WIDEST = 3.0  # times the largest high-frequency resistance: what the Nyquist plot shows of diverging spectra


def draw_transient_spectra(spectra: Sequence[Spectrum]) -> Figure:
    """−Im Z against Re Z with equal axes, |Z| and phase against frequency; first to last in colour."""
    figure, (nyquist, modulus, phase) = new_figure(11.0, 3.7, columns=3)
    chosen = np.unique(np.linspace(0, len(spectra) - 1, min(len(spectra), MOST_SPECTRA)).astype(int))
    colours = colormaps["viridis"](np.linspace(0.0, 0.85, chosen.size))
    moved = np.ptp([spectra[place].potential for place in chosen]) > 1e-6
    for colour, place in zip(colours, chosen, strict=True):
        spectrum = spectra[place]
        z, f = spectrum.impedance, spectrum.frequency
        assert spectrum.time is not None
        told = show(spectrum.potential, "potential", 3) if moved else show(float(spectrum.time[0]), "time", 3)
        nyquist.plot(z.real, -z.imag, "o-", ms=2, lw=0.9, color=colour, label=told)
        modulus.loglog(f, np.abs(z), color=colour, lw=1.1)
        phase.semilogx(f, np.angle(z, deg=True), color=colour, lw=1.1)
    largest = max(float(np.abs(spectra[place].impedance).max()) for place in chosen)
    frame = _WIDEST * max(float(spectra[place].impedance.real.min()) for place in chosen)
    if largest > frame:  # the arcs of a depleted face would hide all the others
        nyquist.set_aspect("equal", adjustable="box")
        nyquist.set(xlim=(0.0, frame), ylim=(min(0.0, -0.05 * frame), 0.95 * frame))
        nyquist.set_title("cropped; all of it in |Z|", fontsize=8, loc="left")
    else:
        nyquist.set_aspect("equal", adjustable="datalim")
    nyquist.set_xlabel("Re Z (Ω)")
    nyquist.set_ylabel("−Im Z (Ω)")
    modulus.set_ylabel("|Z| (Ω)")
    phase.set_ylabel("phase (°)")
    for axis in (modulus, phase):
        axis.set_xlabel("f (Hz)")
    for axis in (nyquist, modulus, phase):
        mark_synthetic(axis)
    figure.legend(loc="outside right center", fontsize=7, frameon=False)
    return figure
