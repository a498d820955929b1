"""Impedance from any pair of quantities that an impedance analyser shows (|Z| and θ, Cp and D, Ls and Q, G and B, …).

Series: Z = R + jX with X = ωLs = −1/(ωCs) and R = D|X| = |X|/Q. Parallel: Y = G + jB with B = ωCp = −1/(ωLp),
G = 1/Rp = D|B| = |B|/Q. Angles in radians, everything else in SI units. *Assumes* an e^{jωt} sign: a capacitor's
reactance is negative.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Complex, Float

POLAR = (("|Z|", "theta-z", 1), ("|Y|", "theta-y", -1))
"""Modulus, angle, and the power of the impedance that they are."""
_REACTANCES = ("X", "Ls", "Cs")
_SUSCEPTANCES = ("B", "Cp", "Lp")
_RESISTANCES = ("R", "Rs", "D", "Q")
_CONDUCTANCES = ("G", "Rp", "D", "Q")


def impedance_of(
    shown: Mapping[str, Float[np.ndarray, " n"]], frequency: Float[np.ndarray, " n"]
) -> Complex[np.ndarray, " n"] | None:
    """The impedance [Ω] that the shown quantities make; ``None`` where no pair of them does.

    Parameters
    ----------
    shown : by the analyser's names: R, X, |Z|, theta-z, G, B, |Y|, theta-y, Cs, Cp, Ls, Lp, Rs, Rp, D, Q.
    frequency : (n,) [Hz].
    """
    omega = 2 * np.pi * frequency
    with np.errstate(divide="ignore", invalid="ignore"):
        for modulus, angle, power in POLAR:
            if modulus in shown and angle in shown:
                return (shown[modulus] * np.exp(1j * shown[angle])) ** power
        series = _pair(shown, omega, _REACTANCES, _RESISTANCES)
        if series is not None:
            return series
        parallel = _pair(shown, omega, _SUSCEPTANCES, _CONDUCTANCES)
        return None if parallel is None else 1 / parallel


def _pair(
    shown: Mapping[str, np.ndarray], omega: np.ndarray, imaginary: tuple[str, ...], real: tuple[str, ...]
) -> np.ndarray | None:
    """The real part by any of its names plus j times the imaginary part by any of its."""
    across = next((name for name in imaginary if name in shown), None)
    along = next((name for name in real if name in shown), None)
    if across is None or along is None:
        return None
    element = shown[across]
    part = {"X": element, "B": element, "Ls": omega * element, "Cp": omega * element}.get(across)
    if part is None:  # Cs in X, Lp in B
        part = -1 / (omega * element)
    loss = shown[along]
    size = {"D": loss * np.abs(part), "Q": np.abs(part) / loss, "Rp": 1 / loss}.get(along, loss)
    return size + 1j * part
