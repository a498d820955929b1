"""Do the curves of all thicknesses and scan rates fall on one line, and whose line is it?

- J against σ/L: slope S [V]; a steady limiting current gives a line through the origin, S = 4t₊RT/F for a dilute
  binary cell.
- Bulk similarity (exact for a binary cell without interfacial resistance): J_pL/σ depends on vL² alone.
- Interfacial similarity (exact for any interface-local law under an ohmic ramp): J_p depends on vσ/L alone.

Each similarity is tested by what thickness still explains at a fixed combination:
ln Y = p₀ + p₁ ln w + p₂ (ln w)² + γ ln L ; the law holds when γ = 0.

Source of Eq. 1 and of the σ/L plot: arXiv:2110.13399.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from jaxtyping import Float

from rampion.campaign.regression import ContrastTest, contrast, fit_plane
from rampion.campaign.scaling import Line, fit_line
from rampion.errors import InputError


class Similarity(Enum):
    """Which combination of scan rate and thickness is tried."""

    BULK = "bulk"
    INTERFACE = "interface"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Overlay:
    """Collapse of all samples on one curve Y(w).

    ``residual_exponent`` is γ, what thickness still does at fixed w; ``scatter`` the relative scatter about the curve.
    """

    similarity: Similarity
    combination: Float[np.ndarray, " n"]
    response: Float[np.ndarray, " n"]
    residual_exponent: ContrastTest
    scatter: float
    count: int


def collapse_thickness(
    current_density: Float[np.ndarray, " n"],
    conductance: Float[np.ndarray, " n"],
    current_density_std: Float[np.ndarray, " n"] | None = None,
    conductance_std: Float[np.ndarray, " n"] | None = None,
    correlation: float = 0.0,
    pellets: np.ndarray | None = None,
) -> Line:
    """Slope S [V] of characteristic current density [A/m²] against σ/L [S/m²], free and forced, intercept tested.

    ``correlation`` is that of the two errors of one sample: both divide by the same area, so it is near
    r = u_A²/(u_J u_g) in relative uncertainties, not zero.
    Assumes one scan rate, scatter between samples proportional to the current density.
    Fails when there are fewer than four samples (``InputError``).
    """
    return fit_line(
        conductance, current_density, conductance_std, current_density_std, correlation, pellets, proportional=True
    )


def overlay_scans(
    current_density: Float[np.ndarray, " n"],
    rate: Float[np.ndarray, " n"],
    thickness: Float[np.ndarray, " n"],
    conductivity: Float[np.ndarray, " n"],
    similarity: Similarity,
    relative_std: Float[np.ndarray, " n"] | None = None,
    pellets: np.ndarray | None = None,
) -> Overlay:
    """Test whether peaks of all scan rates and thicknesses fall on one curve of the given similarity.

    Assumes a curve smooth enough for a parabola in logarithms over the range tested.
    Fails when rate and thickness were varied together, so that γ cannot be told from the curve (``InputError``).

    Parameters
    ----------
    current_density [A/m²], rate [V/s], thickness [m], conductivity [S/m] : (n,) one per sample.
    relative_std : (n,) relative standard uncertainty of the response J_pL/σ (bulk) or J_p (interface).
    """
    j, v = np.asarray(current_density, float), np.asarray(rate, float)
    length, sigma = np.asarray(thickness, float), np.asarray(conductivity, float)
    bulk = similarity is Similarity.BULK
    w = v * length**2 if bulk else v * sigma / length
    y = j * length / sigma if bulk else j
    if not (np.all(w > 0) and np.all(y > 0)):
        raise InputError("a collapse needs positive finite values; leave the others out by name.")
    z, u = np.log(w / np.exp(np.mean(np.log(w)))), np.log(length / np.exp(np.mean(np.log(length))))
    std = np.zeros_like(y) if relative_std is None else np.asarray(relative_std, float)
    columns = [np.ones_like(z), z, u] if y.size < 8 else [np.ones_like(z), z, z**2, u]
    fit = fit_plane(np.column_stack(columns), np.log(y), std, pellets=pellets)
    last = np.zeros(len(columns))
    last[-1] = 1.0
    return Overlay(
        similarity=similarity,
        combination=w,
        response=y,
        residual_exponent=contrast(fit, last),
        scatter=float(np.std(fit.residual, ddof=len(columns))),
        count=y.size,
    )
