"""What a spectrum's circuit, and the Kramers–Kronig relations, leave unexplained, point by point."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from rampion.figures.style import BLACK, BLUE, GREY, RED, mark_synthetic, new_figure
from rampion.quantities import quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from rampion.impedance.finding import SpectrumFinding

VERDICTS = {True: "valid", False: "not valid", None: "not told"}


def draw_residuals(finding: SpectrumFinding, title: str = "") -> Figure:
    """Residuals of the circuit (above) and of the Kramers–Kronig model (below) over |Z|, with twice the noise.

    Below too what |Z| differs by from the modulus of its phase (Z-HIT), which shows where along the frequency a cell
    drifted, and rings about the points that stand out of the model.
    """
    figure, (circuit, validity) = new_figure(5.2, 4.4, rows=2, sharex=True)
    relative = (finding.impedance - finding.fitted) / np.abs(finding.impedance)
    _draw(circuit, finding.frequency, relative, finding.kramers_kronig.noise)
    _draw(validity, finding.frequency, finding.validity_residual, finding.kramers_kronig.noise)
    order = np.argsort(finding.frequency)
    if np.isfinite(finding.modulus_residual).any():
        hilbert = 100 * finding.modulus_residual[order]
        validity.semilogx(finding.frequency[order], hilbert, "--", lw=0.9, color=GREY, label="Z-HIT, |Z|")
    out = ~finding.point_valid
    if out.any():
        rings = 100 * np.concatenate([np.real(finding.validity_residual[out]), np.imag(finding.validity_residual[out])])
        validity.plot(
            np.tile(finding.frequency[out], 2), rings, "o", ms=7, mfc="none", mew=0.8, color=BLACK, label="stands out"
        )  # fmt: skip
    handles, names = validity.get_legend_handles_labels()
    own = {name: handle for name, handle in zip(names, handles, strict=True) if name in ("Z-HIT, |Z|", "stands out")}
    validity.legend(own.values(), own, fontsize=7, frameon=False, loc="lower left", ncols=2)
    told = VERDICTS[finding.kramers_kronig.valid]
    for axis, text in ((circuit, finding.circuit), (validity, f"Kramers–Kronig: {told}")):
        axis.annotate(text, (0.01, 0.97), xycoords="axes fraction", fontsize=7.5, va="top")
        axis.set_ylabel("residual / |Z| (%)")
    circuit.legend(fontsize=7, frameon=False, loc="lower left", ncols=3)
    for axis in (circuit, validity):
        low, high = axis.get_ylim()
        axis.set_ylim(low - 0.12 * (high - low), high + 0.15 * (high - low))  # room for the words
    validity.set_xlabel(quantity("frequency").label)
    circuit.set_title(title, fontsize=9, loc="left")
    if finding.synthetic:
        mark_synthetic(circuit)
    return figure


def _draw(axis: Axes, frequency: np.ndarray, residual: np.ndarray, noise: float) -> None:
    order = np.argsort(frequency)
    for part, colour, marker, name in ((np.real, BLUE, "o", "real"), (np.imag, RED, "s", "imaginary")):
        axis.semilogx(
            frequency[order], 100 * part(residual[order]), marker=marker, ms=2.8, lw=0.6, color=colour, label=name
        )
    if np.isfinite(noise):
        axis.axhspan(-200 * noise, 200 * noise, color=GREY, alpha=0.15, lw=0, label="± 2 × noise")
    axis.axhline(0.0, color=BLACK, lw=0.5)
