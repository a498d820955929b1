"""Time and success of rampion's guess-free fits of three test circuits, and of a series (synthetic spectra).

    python benchmarks/impedance.py --spectra 20

A fit counts as a success when its χ² (modulus weights) is within 1.5 of the optimum. Times are of the processor: a busy
machine shows little in them. Spectra: 60 points, errors of 0.3 % of |Z| in each part. The peers on the same spectra:
``benchmarks/impedance_peers.py``.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

CASES = {
    "A": ("R0-p(R1,CPE1)-p(R2,CPE2)", [300.0, 500.0, 2e-9, 0.92, 900.0, 3e-6, 0.8], (6e5, 10.0)),
    "B": ("p(R1,CPE1)-p(R2,CPE2)-CPE3", [2e3, 1e-10, 0.95, 3e3, 2e-8, 0.85, 5e-6, 0.75], (7e6, 1.0)),
    "C": (
        "L0-R0-p(R1,CPE1)-p(R2,CPE2)-p(R3,CPE3)",
        [5e-7, 20.0, 30.0, 1e-6, 0.9, 50.0, 1e-4, 0.85, 80.0, 1e-2, 0.8],
        (1e6, 1e-2),
    ),
}
EXPONENTS = {"A": (3, 6), "B": (2, 5, 7), "C": (4, 7, 10)}


def model(case: str, p, omega: np.ndarray) -> np.ndarray:
    """The impedance [Ω] of a case, written out (no engine's own code)."""
    s = 1j * omega

    def arc(r, q, a):
        return r / (1 + r * q * s**a)

    if case == "A":
        return p[0] + arc(*p[1:4]) + arc(*p[4:7])
    if case == "B":
        return arc(*p[0:3]) + arc(*p[3:6]) + 1 / (p[6] * s ** p[7])
    return s * p[0] + p[1] + arc(*p[2:5]) + arc(*p[5:8]) + arc(*p[8:11])


def spectrum(case: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Frequency [Hz] and impedance [Ω] with errors; the same seed gives every engine the same spectrum."""
    _, truth, window = CASES[case]
    frequency = np.geomspace(*window, 60)
    impedance = model(case, truth, 2 * np.pi * frequency)
    random = np.random.default_rng(seed)
    error = random.standard_normal(60) + 1j * random.standard_normal(60)
    return frequency, impedance + 0.003 * np.abs(impedance) * error


def start(case: str, seed: int, factor: float) -> list[float]:
    """The truth, each parameter off by ``factor``, up or down at random; exponents by up to 0.1."""
    random = np.random.default_rng(10_000 + seed)
    out = []
    for place, value in enumerate(CASES[case][1]):
        if place in EXPONENTS[case]:
            out.append(float(np.clip(value + random.uniform(-0.1, 0.1), 0.5, 1.0)))
        else:
            out.append(float(value * factor ** random.choice([-1, 1])))
    return out


def chi_square(case: str, parameters, frequency: np.ndarray, impedance: np.ndarray) -> float:
    """χ² with modulus weights."""
    gap = model(case, parameters, 2 * np.pi * frequency) - impedance
    return float(np.sum(np.abs(gap) ** 2 / np.abs(impedance) ** 2))


def measure_rampion(count: int) -> tuple[dict, dict]:
    """Times and χ² of rampion without a guess, and each spectrum's optimum (the best of it and of a fit from truth)."""
    from rampion.impedance.fit import fit_circuit
    from rampion.measurement import Spectrum

    out, best = {}, {}
    for case, (circuit, truth, _) in CASES.items():
        times, costs = [], []
        for seed in range(count):
            frequency, impedance = spectrum(case, seed)
            data = Spectrum(frequency=frequency, impedance=impedance, synthetic=True)
            begun = time.process_time()
            fit = fit_circuit(data, circuit)
            times.append(time.process_time() - begun)
            costs.append(chi_square(case, [e.value for e in fit.parameters.values()], frequency, impedance))
            told = fit_circuit(data, circuit, start=dict(zip(fit.parameters, truth, strict=True)), starts=1)
            best[f"{case}|{seed}"] = min(costs[-1], told.chi_square)
        out[f"rampion|{case}|no guess"] = [times, costs]
    return out, best


def series_spectra(count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Frequency [Hz] and impedance [Ω] of ``count`` spectra of case A with one arc growing three-fold."""
    _, truth, window = CASES["A"]
    random, frequency, out = np.random.default_rng(1), np.geomspace(*window, 60), []
    for factor in np.geomspace(1, 3, count):
        changed = list(truth)
        changed[4] *= factor
        impedance = model("A", changed, 2 * np.pi * frequency)
        error = random.standard_normal(60) + 1j * random.standard_normal(60)
        out.append((frequency, impedance * (1 + 0.003 * error)))
    return out


def measure_series(count: int = 50) -> float:
    """Seconds for the fits of a series with a given circuit."""
    from rampion.impedance.series import fit_series
    from rampion.measurement import Spectrum

    spectra = [Spectrum(frequency=f, impedance=z, synthetic=True) for f, z in series_spectra(count)]
    times = []
    for _ in range(5):
        begun = time.process_time()
        fit_series(spectra, CASES["A"][0])
        times.append(time.process_time() - begun)
    return float(np.median(times))


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spectra", type=int, default=20)
    options = parser.parse_args()
    rows, best = measure_rampion(options.spectra)
    print("| case | median CPU time | success |\n|---|---|---|")
    for key, (times, costs) in rows.items():
        case = key.split("|")[1]
        good = np.mean([cost <= 1.5 * best[f"{case}|{seed}"] for seed, cost in enumerate(costs)])
        print(f"| {case} | {1e3 * np.median(times):.0f} ms | {good:.0%} |")
    print(f"\nSeries of 50 spectra (A): {1e3 * measure_series():.0f} ms")


if __name__ == "__main__":
    main()
