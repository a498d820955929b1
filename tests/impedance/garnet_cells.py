"""Constructed (synthetic) Li | garnet | Li cells and pellets between blocking electrodes, by own formulas."""

from __future__ import annotations

import numpy as np

from rampion.estimate import Estimate
from rampion.measurement import Sample, Spectrum

CELL = {
    "bulk": (250.0, 5e-11, 0.98), "boundary": (120.0, 5e-9, 0.92), "interface": (90.0, 5e-7, 0.9),
    "leads": (1.0, 2e-7), "tail": (40.0, 8.0),
}  # fmt: skip
THICKNESS, AREA = 1e-3, 1e-4  # m, m²: C_bulk is that of ε_r = 56


def arc(angular, ohm, farad, alpha):
    return ohm / (1 + (1j * angular * ohm * farad) ** alpha)


def spectrum(seed=0, window=(7e6, 1.0), noise=2e-3, potential=0.0, factor=1.0, blocking=None, **changes):
    """One spectrum of the cell with changes; ``factor`` multiplies bulk and grain boundary."""
    cell = CELL | changes
    count = round(10 * np.log10(window[0] / window[1])) + 1
    frequency = np.geomspace(*window, count)
    angular = 2 * np.pi * frequency
    z = cell["leads"][0] + 1j * angular * cell["leads"][1]
    for name in ("bulk", "boundary"):
        ohm, farad, alpha = cell[name]
        z = z + arc(angular, factor * ohm, farad, alpha)
    if blocking is None:
        root = np.sqrt(1j * angular * cell["tail"][1])
        z = z + arc(angular, *cell["interface"]) + cell["tail"][0] * np.tanh(root) / root
    else:
        z = z + 1 / (blocking[0] * (1j * angular) ** blocking[1])
    random = np.random.default_rng(seed)
    scatter = random.standard_normal(count) + 1j * random.standard_normal(count)
    return Spectrum(frequency=frequency, impedance=z * (1 + noise * scatter), potential=potential, synthetic=True)


def pellet(**known):
    """The sample with thickness and area known to 1 %."""
    thickness, area = Estimate(THICKNESS, 0.01 * THICKNESS), Estimate(AREA, 0.01 * AREA)
    return Sample(name="pellet", thickness=thickness, area=area, **known)
