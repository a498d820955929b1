"""Constant-current runs of known truth: cells that hold, polarise, deplete, form contact, or are penetrated. Synthetic.

The voltage is J L/σ times a course, with a filament beside it where the truth has one: the squared gap u closes as
du/dt = -kV, and its conductance grows as 1/√u - 1. Voltages are in units of the early ohmic drop, then scaled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rampion.measurement import Trace

SOUND = ("ohmic", "polarising", "depletion", "contact lost", "contact forms", "contact forms late", "charging")
PENETRATED = ("at once", "after a while", "while polarising", "after contact formed", "abrupt", "after soft shorts")
RECOVERED = ("soft short", "gradual soft short")
NOISES = (0.001, 0.005, 0.01, 0.02)
LENGTH = 1000.0  # s
EARLY = 0.2  # V
CURRENT = 4e-5  # A


@dataclass(frozen=True, slots=True)
class Run:
    """A run, what is true of it, and when its fall began [s]."""

    trace: Trace
    truth: str
    onset: float
    noise: float


def _filament(time: np.ndarray, course: np.ndarray, begins: float, lasts: float, opening: float) -> np.ndarray:
    """Voltage of a course with a filament from ``begins`` on that would need ``lasts`` at the early voltage."""
    gap = 1.0
    voltage = course.copy()
    for i in range(1, time.size):
        if time[i] > begins and gap > 0:
            gap = max(gap - (min(time[i] - begins, time[i] - time[i - 1])) * voltage[i - 1] / lasts, 0.0)
        path = opening * (1.0 / np.sqrt(max(gap, 1e-10)) - 1.0)
        voltage[i] = course[i] / (1.0 + course[i] * path)
    return voltage


def draw(truth: str, generator: np.random.Generator, noise: float) -> Run:
    """One run with drawn parameters and white noise of ``noise`` of the early voltage."""
    points = int(generator.choice([100, 300, 1000, 3000]))
    steps = truth in ("abrupt", "after soft shorts", "soft short")  # joined by no straight line between samples
    fine = np.linspace(0.0, LENGTH, points if steps else 4001)
    u = fine / LENGTH
    course = np.ones_like(fine)
    onset = np.nan
    middle = generator.uniform(0.2, 0.8)
    if truth in ("polarising", "while polarising"):
        course = 1 + generator.uniform(0.1, 2.0) * np.sqrt(1 - np.exp(-generator.uniform(1, 10) * u))
    elif truth == "depletion":
        left = np.clip(1 - np.sqrt(u * 0.9999), 1e-6, None)
        course = 1 + generator.uniform(0.1, 0.5) * -np.log(left)
    elif truth == "contact lost":
        course = 1 + generator.uniform(0.05, 0.3) * u / np.clip(1.0005 - u, 1e-6, None)
    elif truth in ("contact forms", "after contact formed"):
        course = 1 - generator.uniform(0.1, 0.3) * (1 - np.exp(-u / 10 ** generator.uniform(-1.7, 0.0)))
    elif truth == "contact forms late":
        width = generator.uniform(0.1, 0.2)
        course = 1 - generator.uniform(0.1, 0.3) / (1 + np.exp(-(u - middle) / width))
    elif truth == "charging":
        course = 1 - np.exp(-u / generator.uniform(1e-3, 1e-2))
    lasts = 10 ** generator.uniform(1.0, 2.5)
    opening = 10 ** generator.uniform(-1.3, 0.0)
    if truth == "at once":
        onset = 0.0
    elif truth in PENETRATED or truth in RECOVERED:
        onset = middle * LENGTH
    voltage = course
    if truth in ("at once", "after a while", "while polarising", "after contact formed"):
        voltage = _filament(fine, course, onset, lasts, opening)
    elif truth in ("abrupt", "after soft shorts"):
        voltage = np.where(fine > onset, generator.uniform(0.02, 0.4), course)
        if truth == "after soft shorts":
            for k in range(3):
                away = abs(fine - onset * (0.3 + 0.2 * k)) < 0.02 * LENGTH
                voltage = np.where(away, generator.uniform(0.2, 0.6), voltage)
    elif truth == "soft short":
        away = (fine > onset) & (fine < onset + generator.uniform(0.03, 0.15) * LENGTH)
        voltage = np.where(away, generator.uniform(0.1, 0.7), course)
    elif truth == "gradual soft short":
        shape = np.clip((fine - onset) / (0.1 * LENGTH), 0.0, None)
        voltage = course - generator.uniform(0.6, 0.9) * np.where(shape < 1, shape**2, 0.0)
    end = LENGTH
    if truth in PENETRATED and generator.random() < 0.5:  # the instrument stops at a voltage near zero
        low = np.flatnonzero(voltage < 0.02)
        end = float(fine[low[0]]) if low.size else LENGTH
    time = fine[fine <= end] if steps else np.linspace(0.0, end, points)
    scattered = np.interp(time, fine, voltage) + noise * generator.standard_normal(time.size)
    current = CURRENT * (1 + 1e-4 * generator.standard_normal(time.size))
    return Run(
        Trace(time=time, potential=EARLY * scattered, current=current, synthetic=True), truth, float(onset), noise
    )
