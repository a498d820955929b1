"""How often the circuit of a spectrum is chosen rightly (synthetic members of the family, seeds stated).

    python benchmarks/circuit_choice.py [--count 40] [--seed 9000]

1–4 depressed arcs whose apexes lie inside the window and at least 1.1 decades apart, with or without a resistance of
what relaxes above, a blocking tail or a diffusion of finite length; 4.5–7.5 decades, 8 points each, errors of
0.05–0.6 % of |Z|:

- ``independent``: normal errors of each part;
- ``along the frequency``: smooth waves of 2–5 times the noise in both parts besides, so that no circuit describes the
  spectrum;
- ``bulk above``: a ceramic's pellet from 1 MHz to 1 Hz whose bulk has its apex 0.3–1.4 decades above the window, beside
  a grain boundary and an interface; right is the number of arcs, none of them taken for a diffusion.
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np

from rampion.impedance.choose import choose_circuit
from rampion.impedance.circuit import circuit_impedance
from rampion.impedance.family import family_circuit
from rampion.impedance.notation import parse_circuit
from rampion.measurement import Spectrum

KINDS = ("independent", "along the frequency", "bulk above")


def _noisy(rng: np.random.Generator, frequency: np.ndarray, exact: np.ndarray, noise: float, waves: bool) -> Spectrum:
    error = noise * (rng.standard_normal(exact.size) + 1j * rng.standard_normal(exact.size))
    if waves:
        x = np.log10(frequency)
        for unit in (1.0, 1j):
            period, phase, size = rng.uniform(0.8, 2.5), rng.uniform(0, 2 * np.pi), rng.uniform(2, 5)
            error = error + unit * size * noise * np.sin(2 * np.pi * x / period + phase)
    return Spectrum(frequency=frequency, impedance=exact + np.abs(exact) * error, synthetic=True)


def member(rng: np.random.Generator, waves: bool) -> tuple[str, Spectrum]:
    """A member of the family and a spectrum of it."""
    while True:
        decades, arcs = rng.uniform(4.5, 7.5), int(rng.integers(1, 5))
        top = rng.uniform(5.0, 7.0)
        apexes = np.sort(rng.uniform(top - decades + 0.7, top - 0.7, arcs))[::-1]
        if arcs == 1 or float(np.min(-np.diff(apexes))) >= 1.1:
            break
    tail = str(rng.choice(["", "CPE", "Ws"], p=[0.6, 0.2, 0.2]))
    if tail:
        apexes = apexes[: max(1, arcs - 1)]
    circuit = family_circuit(apexes.size, tail, series=bool(rng.random() < 0.7))
    frequency = np.geomspace(10**top, 10 ** (top - decades), round(8 * decades))
    slowest = 2 * np.pi * frequency[-1]
    truth: dict[str, float] = {"R0": 10 ** rng.uniform(1.5, 3.0)}
    for number, apex in enumerate(apexes, 1):
        resistance, alpha = 10 ** rng.uniform(1.7, 3.2), rng.uniform(0.75, 1.0)
        time_constant = 1 / (2 * np.pi * 10**apex)
        truth |= {f"R{number}": resistance, f"CPE{number}.Q": time_constant**alpha / resistance}
        truth[f"CPE{number}.alpha"] = alpha
    last = apexes.size + 1
    if tail == "CPE":
        truth |= {
            f"CPE{last}.Q": 1 / (rng.uniform(300, 2000) * slowest**0.8),
            f"CPE{last}.alpha": rng.uniform(0.7, 0.95),
        }
    if tail == "Ws":  # its apex half a decade to a decade above the lowest frequency, behind the slowest arc
        truth |= {
            f"Ws{last}.R": rng.uniform(200, 2000),
            f"Ws{last}.tau": 2.54 / (slowest * 10 ** rng.uniform(0.4, 1.0)),
        }
    names = parse_circuit(circuit)
    exact = circuit_impedance(names, {k: v for k, v in truth.items() if k != "R0" or "R0" in circuit}, frequency)
    return circuit, _noisy(rng, frequency, exact, 10 ** rng.uniform(-3.3, -2.2), waves)


def pellet(rng: np.random.Generator) -> tuple[str, Spectrum]:
    """A garnet's bulk above the window, grain boundary and interface inside it."""
    frequency = np.geomspace(1e6, 1.0, 50)
    omega = 2j * np.pi * frequency
    bulk, above = 10 ** rng.uniform(2.9, 3.7), 10 ** rng.uniform(6.3, 7.4)
    exact = bulk / (1 + (omega / (2 * np.pi * above)) ** rng.uniform(0.9, 1.0))
    for share, decade in (
        (rng.uniform(0.1, 0.6), rng.uniform(4.0, 5.0)),
        (rng.uniform(0.02, 0.5), rng.uniform(1.5, 3)),
    ):
        exact = exact + share * bulk / (1 + (omega / (2 * np.pi * 10**decade)) ** rng.uniform(0.8, 0.95))
    return family_circuit(3, series=False), _noisy(rng, frequency, exact, 10 ** rng.uniform(-3.0, -2.5), waves=False)


def arcs_of(circuit: str) -> int:
    """Number of arcs."""
    return circuit.count("p(R")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=40, help="spectra of each kind")
    parser.add_argument("--seed", type=int, default=9000)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    print(
        "| errors | spectra | whole circuit right | arcs right | a diffusion where none is | processor time each (s) |"
    )
    print("|---|---|---|---|---|---|")
    for place, kind in enumerate(KINDS):
        whole = arcs = diffusions = 0
        spent = 0.0
        for number in range(options.count):
            rng = np.random.default_rng([options.seed, place, number])
            true, spectrum = pellet(rng) if kind == KINDS[2] else member(rng, waves=kind == KINDS[1])
            begun = time.process_time()
            found = choose_circuit(spectrum).fit.notation
            spent += time.process_time() - begun
            whole += found == true
            arcs += arcs_of(found) == arcs_of(true)
            diffusions += "Ws" in found and "Ws" not in true
        each = spent / options.count
        print(f"| {kind} | {options.count} | {whole} | {arcs} | {diffusions} | {each:.2f} |", flush=True)


if __name__ == "__main__":
    main()
