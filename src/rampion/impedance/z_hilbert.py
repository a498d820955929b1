"""Z-HIT: the modulus rebuilt from the phase alone, point by point, so that drift shows where it happens.

ln|Z(u₀)| = const + (2/π)∫φ du + (1/π)∫φ′(u) ln(1 − exp(−2|u₀ − u|)) du,  u = ln ω, ′ = d/du.

This is the inverse of φ = tan(πD/2) ln|Z|, D = d/du, the relation of every minimum-phase impedance, written with
its whole kernel; where φ′ hardly changes over half a decade the second integral is −(π/6) φ′(u₀), the correction of
Ehm et al. The kernel has died out at one decade, so no point needs data far outside the window, unlike the
Kramers–Kronig integrals; and a slow drift hardly touches the phase while the modulus follows it.

Ehm, Göhr, Kaus, Röseler, Schiller, ACH – Models in Chemistry 137 (2000) 145.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rampion.errors import InputError
from rampion.measurement import Spectrum

FEWEST_FREQUENCIES = 8
REACH = 1.5  # of the kernel beyond the window, in ln ω: 95 % of its area


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HilbertModulus:
    """The modulus that belongs to the measured phase, beside the measured one.

    Attributes
    ----------
    modulus : (n,) [Ω] rebuilt from the phase, in the spectrum's own order.
    residual : (n,) (|Z| − modulus)/|Z|; grows towards the late points of a drifting spectrum.
    residual_rms : over all points.
    reference : (2,) [Hz] the window in which the constant was set.
    """

    modulus: Float[np.ndarray, " n"]
    residual: Float[np.ndarray, " n"]
    residual_rms: float
    reference: tuple[float, float]


def _kernel_integral(distance: np.ndarray) -> np.ndarray:
    """∫₀ˣ ln(1 − e^(−2|v|)) dv = ½ sgn(x) [Li₂(e^(−2|x|)) − π²/6]."""
    from scipy.special import spence

    return 0.5 * np.sign(distance) * (spence(-np.expm1(-2 * np.abs(distance))) - math.pi**2 / 6)


def rebuild_modulus(spectrum: Spectrum, *, reference: tuple[float, float] | None = None) -> HilbertModulus:
    """The modulus from the phase by the logarithmic Hilbert transform, the phase linear between points.

    Assumes a minimum-phase impedance (no zero or pole in the right half plane: any passive two-pole qualifies).
    Beyond either end the phase goes on with its last slope for half a decade: the end points are the least sure.
    Fails when the phase turns within less than a few points (a resonance, a sharp inductive rise).

    Parameters
    ----------
    spectrum : at least 8 distinct frequencies.
    reference : [Hz] (low, high), where the measured and the rebuilt modulus are matched; when absent the upper half
        of the logarithmic window, its last tenth left out: measured first, before a drift tells.

    Raises
    ------
    InputError
        With fewer than 8 distinct frequencies, or none inside ``reference``.
    """
    distinct, members = np.unique(spectrum.frequency, return_inverse=True)
    if distinct.size < FEWEST_FREQUENCIES:
        raise InputError(
            f"The spectrum has {distinct.size} distinct frequencies; Z-HIT needs at least {FEWEST_FREQUENCIES}."
        )
    logarithm = np.log(2 * np.pi * distinct)
    counts = np.bincount(members)
    order = np.argsort(spectrum.frequency, kind="stable")
    every_phase = np.empty(len(spectrum))
    every_phase[order] = np.unwrap(np.angle(spectrum.impedance[order]))
    phase = np.bincount(members, every_phase) / counts
    measured = np.bincount(members, np.log(np.abs(spectrum.impedance))) / counts

    steps, rises = np.diff(logarithm), np.diff(phase)
    area = np.concatenate([[0.0], np.cumsum(steps * (phase[1:] + phase[:-1]) / 2)])
    ends = np.concatenate([[logarithm[0] - REACH], logarithm, [logarithm[-1] + REACH]])
    first = rises[:3].sum() / steps[:3].sum()
    last = rises[-3:].sum() / steps[-3:].sum()
    slopes = np.concatenate([[first], rises / steps, [last]])
    kernel = -np.diff(_kernel_integral(logarithm[:, None] - ends[None, :]), axis=1)
    rebuilt = 2 / math.pi * area + kernel @ slopes / math.pi

    if reference is None:
        low, high = logarithm[0], logarithm[-1]
        window = (low + 0.5 * (high - low), low + 0.9 * (high - low))
        reference = (math.exp(window[0]) / (2 * math.pi), math.exp(window[1]) / (2 * math.pi))
    inside = (distinct >= reference[0]) & (distinct <= reference[1])
    if not inside.any():
        raise InputError(
            f"No point lies between {reference[0]:g} and {reference[1]:g} Hz; "
            f"the spectrum reaches from {distinct[0]:g} to {distinct[-1]:g} Hz."
        )
    rebuilt += float(np.median((measured - rebuilt)[inside]))
    modulus = np.exp(rebuilt)[members]
    size = np.abs(spectrum.impedance)
    residual = (size - modulus) / size
    return HilbertModulus(
        modulus=modulus,
        residual=residual,
        residual_rms=float(np.sqrt(np.mean(residual**2))),
        reference=(float(reference[0]), float(reference[1])),
    )
