"""How far plausible parameters carry a mechanism's exponents from its closed prediction: tolerances, computed.

    python benchmarks/prediction_spread.py [draws]     # prints a Markdown table

Each draw simulates noise-free peaks over a design of scan rates and thicknesses (3 µV/s … 0.5 mV/s, 0.5 … 3 mm, each
setting kept with probability ⅔ and only where a peak exists), fits (a, b) of J_p and (c, d) of Q_p jointly as a study
does, and takes the distance to the nearest point of the predicted segment. Drawn: interfaces in series of 0–20 % of
1 mm of ceramic; for the binary cell t₊ = 0.1 … 0.95 and W = 15 … 3000 at 1 mm and 0.05 mV/s; for contact loss
Q_c = 3–60 kC/m² and a constriction r₀ of 0.01–3 % of the ceramic's resistance.
"""

from __future__ import annotations

import sys

import numpy as np

from rampion.mechanisms import binary, contact
from rampion.mechanisms.argument import Arguments
from rampion.mechanisms.prediction import Segment
from rampion.transport.finding import thermal_voltage
from rampion.transport.peak_function import peak_charge, peak_ratio

RATES = np.geomspace(3e-6, 5e-4, 6)
LENGTHS = np.array([0.5e-3, 1e-3, 2e-3, 3e-3])
SIGMA, VT = 0.06, thermal_voltage()


def binary_peaks(rng: np.random.Generator, v: np.ndarray, length: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Relative J_p and Q_p of one random binary cell over the design; NaN where there is no peak."""
    t, at = rng.uniform(0.1, 0.95), np.exp(rng.uniform(np.log(15), np.log(3000)))
    w = at * v / 5e-5 * (length / 1e-3) ** 2
    series = rng.uniform(0, 0.2) * 1e-3 / length
    seen = (w > 22) & (w < 9e5) & (series < 1.2)
    w = np.where(seen, w, 100.0)
    ratio = peak_ratio(w, np.full(w.size, t), np.where(seen, series, 0.0))
    # the charge at the peak of the slowed ramp is that of the scan number with the same peak
    charge = peak_charge(w, np.full(w.size, t)) * length
    return np.where(seen, ratio / length, np.nan), np.where(seen, charge, np.nan)


def contact_peaks(rng: np.random.Generator, v: np.ndarray, length: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """J_p and Q_p of one random contact that is used up, in closed form of the sweep with constriction.

    With x = V/J - R the constriction's resistance, θ = r₀/(x + r₀) and dJ = 0 gives θ_p = J_p√(r₀/(vQ_c)),
    V_p = J_p(R + r₀/θ_p - r₀); the charge passed is Q_c(1 - θ_p), and J_p solves the sweep integrated by steps of θ.
    """
    capacity = np.exp(rng.uniform(np.log(3e3), np.log(6e4)))
    share, interface = np.exp(rng.uniform(np.log(1e-4), np.log(0.03))), rng.uniform(0, 0.2)
    r0 = share * 1e-3 / SIGMA
    theta = np.concatenate([np.linspace(1, 0.3, 1500), np.geomspace(0.3, 1e-5, 3000)[1:]])
    current, charge = [], []
    for one, thick in zip(v, length, strict=True):
        resistance = thick / SIGMA + interface * 1e-3 / SIGMA + r0 / theta - r0
        # with V = vt and J = -Q_c dθ/dt: V dV/v = -Q_c (R + r₀/θ) dθ
        steps = 0.5 * (resistance[1:] + resistance[:-1]) * -np.diff(theta)
        volts = np.sqrt(2 * one * capacity * np.concatenate([[0.0], np.cumsum(steps)]))
        j = volts / resistance
        top = int(np.argmax(j))
        current.append(float(j[top]))
        charge.append(float(capacity * (1 - theta[top])))
    return np.array(current), np.array(charge)


def nearest(x: np.ndarray, predicted: Segment) -> np.ndarray:
    """From the nearest point of the segment to the pair."""
    start, along = np.array(predicted.start), np.array(predicted.end) - np.array(predicted.start)
    size = float(along @ along)
    share = float(np.clip((x - start) @ along / size, 0, 1)) if size else 0.0
    return x - start - share * along


def spread(mechanism: str, draws: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Distances (n, 2) of J_p's and Q_p's exponent pairs from the mechanism's predictions."""
    rng = np.random.default_rng(seed)
    module, peaks = {"binary": (binary, binary_peaks), "contact": (contact, contact_peaks)}[mechanism]
    found: dict[str, list[np.ndarray]] = {"exponent_pair": [], "capacity_pair": []}
    v, length = (a.ravel() for a in np.meshgrid(RATES, LENGTHS))
    while len(found["exponent_pair"]) < draws:
        keep = rng.random(v.size) < 2 / 3
        current, charge = peaks(rng, v[keep], length[keep])
        known = np.isfinite(current)
        x = np.column_stack([np.ones(known.sum()), np.log(v[keep][known]), np.log(length[keep][known])])
        if known.sum() < 6 or np.linalg.matrix_rank(x) < 3 or min(np.unique(c).size for c in x.T[1:]) < 3:
            continue
        for name, y in (("exponent_pair", current), ("capacity_pair", charge)):
            pair = np.linalg.lstsq(x, np.log(y[known]), rcond=None)[0][1:]
            predicted = module.MECHANISM.predictions[Arguments[name.upper()]]
            assert isinstance(predicted, Segment)
            found[name].append(nearest(pair, predicted))
    return {name: np.array(rows) for name, rows in found.items()}


def main() -> None:
    """Print the table."""
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    print("| mechanism | argument | bias | rms about the prediction | 95 % within |\n|---|---|---|---|---|")
    for mechanism in ("binary", "contact"):
        for name, rows in spread(mechanism, draws).items():
            bias, rms = rows.mean(axis=0), np.sqrt((rows**2).mean(axis=0))
            most = np.quantile(np.abs(rows), 0.95, axis=0)
            print(
                f"| {mechanism} | {name} | {bias[0]:+.3f}, {bias[1]:+.3f} | {rms[0]:.3f}, {rms[1]:.3f} | "
                f"{most[0]:.3f}, {most[1]:.3f} |"
            )


if __name__ == "__main__":
    main()
