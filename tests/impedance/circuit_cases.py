"""The three test circuits and synthetic spectra of them: 60 points, errors of 0.3 % of |Z| in each part."""

from __future__ import annotations

import numpy as np

from rampion.impedance.circuit import circuit_impedance
from rampion.impedance.notation import parse_circuit
from rampion.measurement import Spectrum

CASES = {
    "A": (
        "R0-p(R1,CPE1)-p(R2,CPE2)",
        {"R0": 300.0, "R1": 500.0, "CPE1.Q": 2e-9, "CPE1.alpha": 0.92, "R2": 900.0, "CPE2.Q": 3e-6, "CPE2.alpha": 0.8},
        (6e5, 10.0),
    ),
    "B": (
        "p(R1,CPE1)-p(R2,CPE2)-CPE3",
        {
            "R1": 2000.0, "CPE1.Q": 1e-10, "CPE1.alpha": 0.95, "R2": 3000.0, "CPE2.Q": 2e-8, "CPE2.alpha": 0.85,
            "CPE3.Q": 5e-6, "CPE3.alpha": 0.75,
        },
        (7e6, 1.0),
    ),
    "C": (
        "L0-R0-p(R1,CPE1)-p(R2,CPE2)-p(R3,CPE3)",
        {
            "L0": 5e-7, "R0": 20.0, "R1": 30.0, "CPE1.Q": 1e-6, "CPE1.alpha": 0.9, "R2": 50.0, "CPE2.Q": 1e-4,
            "CPE2.alpha": 0.85, "R3": 80.0, "CPE3.Q": 1e-2, "CPE3.alpha": 0.8,
        },
        (1e6, 1e-2),
    ),
}  # fmt: skip


def synthetic(circuit: str, truth: dict[str, float], window: tuple[float, float], seed: int, noise=0.003, points=60):
    """A spectrum of the circuit with normal errors of ``noise``·|Z|; the same seed, the same spectrum."""
    frequency = np.geomspace(*window, points)
    impedance = circuit_impedance(parse_circuit(circuit), truth, frequency)
    random = np.random.default_rng(seed)
    error = random.standard_normal(points) + 1j * random.standard_normal(points)
    return Spectrum(frequency=frequency, impedance=impedance + noise * np.abs(impedance) * error, synthetic=True)
