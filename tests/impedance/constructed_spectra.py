"""Constructed (synthetic) spectra from closed forms, steady and drifting, for tests and benchmarks of validity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


def zarc(angular, resistance, tau, exponent=1.0):
    return resistance / (1 + (1j * angular * tau) ** exponent)


def finite_short(angular, resistance, tau):
    root = np.sqrt(1j * angular * tau)
    return resistance * np.tanh(root) / root


def finite_open(angular, resistance, tau):
    root = np.sqrt(1j * angular * tau)
    return resistance / np.tanh(root) / root


def constant_phase(angular, size, exponent):
    return size * (1j * angular) ** -exponent


def inductive_loop(angular, resistance, tau):
    return resistance * 1j * angular * tau / (1 + 1j * angular * tau)


@dataclass(frozen=True)
class Constructed:
    frequency: np.ndarray
    exact: np.ndarray  # without noise
    impedance: np.ndarray  # with noise
    noise: float  # of each part, relative to |Z|
    drift: float  # largest relative change of Z against the cell at the start


def _processes(rng):
    ohmic = 10 ** rng.uniform(0, 2.5)
    processes = []
    for _ in range(rng.integers(1, 5)):
        exponent = 1.0 if rng.random() < 0.5 else rng.uniform(0.6, 1.0)
        processes.append((zarc, ohmic * 10 ** rng.uniform(-0.7, 1), 10 ** rng.uniform(-7, 1), exponent))
    if rng.random() < 0.3:
        kind = finite_short if rng.random() < 0.5 else finite_open
        processes.append((kind, ohmic * 10 ** rng.uniform(-0.7, 1), 10 ** rng.uniform(-2, 2)))
    if rng.random() < 0.2:
        processes.append((constant_phase, ohmic * 10 ** rng.uniform(-1, 1), rng.uniform(0.5, 1)))
    if rng.random() < 0.1:
        processes.append((inductive_loop, ohmic * 10 ** rng.uniform(-1, -0.3), 10 ** rng.uniform(-1, 1)))
    inductance = 10 ** rng.uniform(-8, -5.5) if rng.random() < 0.5 else 0.0
    return ohmic, inductance, processes


def _impedance(angular, ohmic, inductance, processes, factors):
    total = ohmic * factors[-1] + 1j * angular * inductance
    for (kind, size, *rest), factor in zip(processes, factors, strict=False):
        if kind is zarc:  # the resistance of an arc changes, its capacitance stays
            rest = [rest[0] * factor, *rest[1:]]
        total = total + kind(angular, size * factor, *rest)
    return total


def construct(rng: np.random.Generator, drifting: bool) -> Constructed:
    """One random cell, measured from high to low frequency with noise 0.03 to 0.5 %.

    When drifting, one process (or all) changes by 5 to 50 % during the scan, linearly or relaxing, with equal time
    per point or longer at low frequency, so that Z changes somewhere by at least 5 % and ten times the noise.
    """
    while True:
        ohmic, inductance, processes = _processes(rng)
        high = 10 ** rng.uniform(5, 7)
        low = max(high / 10 ** rng.uniform(4.5, 8), 1e-2)
        count = int(rng.integers(6, 13) * np.log10(high / low)) + 1
        frequency = np.geomspace(high, low, count)
        angular = 2 * np.pi * frequency
        noise = 10 ** rng.uniform(-3.5, -2.3)
        steady = np.ones((len(processes) + 1, count))
        exact = _impedance(angular, ohmic, inductance, processes, steady)
        change = 0.0
        if drifting:
            time = np.cumsum(1 + (rng.random() < 0.5) * 5 / frequency)
            time = (time - time[0]) / (time[-1] - time[0])
            if rng.random() < 0.4:
                time = (1 - np.exp(-3 * time)) / (1 - np.exp(-3))
            size = rng.uniform(0.05, 0.5)
            factor = 1 + size * time if rng.random() < 0.5 else 1 - size / (1 + size) * time
            which = int(rng.integers(0, len(processes) + 2))
            factors = steady.copy()
            factors[slice(None) if which > len(processes) else which] *= factor
            drifted = _impedance(angular, ohmic, inductance, processes, factors)
            change = float(np.abs(drifted / exact - 1).max())
            if change < max(0.05, 10 * noise):
                continue
            exact = drifted
        error = noise * (rng.standard_normal(count) + 1j * rng.standard_normal(count))
        return Constructed(frequency, exact, exact + np.abs(exact) * error, noise, change)


def distance_from_relations(frequency: np.ndarray, exact: np.ndarray) -> float:
    """Relative rms distance of noise-free data from the nearest sum of R, L, C and densely spaced relaxations.

    What a drift leaves that no test of the Kramers–Kronig relations could mistake for another steady cell.
    """
    angular, size = 2 * np.pi * frequency, np.abs(exact)
    low, high = -np.log10(angular.max()) - 0.5, -np.log10(angular.min()) + 0.5
    tau = np.logspace(low, high, int(8 * (high - low)))
    columns = [np.ones_like(angular) + 0j, 1j * angular / angular.max(), angular.min() / (1j * angular)]
    columns = np.column_stack(columns + [1 / (1 + 1j * angular * each) for each in tau]) / size[:, None]
    matrix = np.vstack([columns.real, columns.imag])
    target = np.concatenate([(exact / size).real, (exact / size).imag])
    solution = np.linalg.lstsq(matrix, target, rcond=1e-9)[0]
    return float(np.sqrt(np.mean((matrix @ solution - target) ** 2)))
