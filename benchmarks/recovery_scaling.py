"""Bias and coverage of the scaling, survival and transport estimators over synthetic campaigns, naive ones beside.

    python benchmarks/recovery_scaling.py [campaigns]     # 200 by default; prints a Markdown table

Bias is the median of estimate/truth - 1 (difference for exponents); coverage the share of 95 % intervals that hold the
truth. Everything here is synthetic.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from rampion.campaign.collapse import collapse_thickness
from rampion.campaign.replicates import summarise_replicates
from rampion.campaign.scaling import fit_power_law, fit_root_law
from rampion.campaign.survival import estimate_survival, fit_weibull, fraction_penetrated
from rampion.estimate import Estimate
from rampion.transport.carriers import carriers_from_semi_integral
from rampion.transport.collapse_fit import fit_collapse
from rampion.transport.finding import FARADAY, thermal_voltage
from rampion.transport.peak_function import peak_ratio
from rampion.transport.peak_laws import PeakLaw, concentration_from_slope, ohmic_peak
from rampion.transport.sand import analyse_sand, finite_cell_time
from rampion.transport.transference import transference_dilute

VT = thermal_voltage()
SIGMA, CARRIERS, TRANSFERENCE = 0.06, 430.0, 0.8
DIFFUSIVITY = 2 * TRANSFERENCE * (1 - TRANSFERENCE) * SIGMA * VT / (FARADAY * CARRIERS)
RATES = np.geomspace(3e-6, 1e-3, 7)
LENGTHS = np.array([0.5e-3, 1e-3, 2e-3, 3e-3])
Row = tuple[str, str, float, Estimate]


def ordinary(x: np.ndarray, y: np.ndarray, column: int) -> Estimate:
    """Ordinary least squares with its usual interval: the naive estimator."""
    beta, *_ = np.linalg.lstsq(x, y, rcond=None)
    degrees = y.size - x.shape[1]
    s2 = float(np.sum((y - x @ beta) ** 2)) / degrees
    std = math.sqrt(s2 * float(np.linalg.inv(x.T @ x)[column, column]))
    return Estimate(float(beta[column]), std)


def scaling(rng: np.random.Generator) -> Iterator[Row]:
    """J_p ∝ v^0.38·L^-0.24: 28 samples of eight pellets, each cut to one thickness; 5 and 15 % errors of L."""
    a, b = 0.38, -0.24
    for error in (0.05, 0.15):
        v, length = np.repeat(RATES, 4), np.tile(LENGTHS, 7)
        pellets = np.tile(np.arange(4), 7) + 4 * (np.repeat(np.arange(7), 4) % 2)
        j = 10 * (v / 5e-5) ** a * (length / 1e-3) ** b * np.exp(rng.normal(0, 0.06, 8)[pellets])
        j = j * np.exp(rng.normal(0, 0.05, 28))
        seen = length * np.exp(rng.normal(0, error, 28))
        x = np.column_stack([v, seen])
        law = fit_power_law(
            j, x, 0.02 * j, np.column_stack([0 * v, error * seen]), pellets, against=("scan_rate", "thickness")
        )
        design = np.column_stack([np.ones(28), np.log(x)])
        label = f"u(L) = {error:.0%}"
        yield f"exponent of v, {label}", "errors in both axes, pellets", a, law.exponents[0]
        yield f"exponent of v, {label}", "naive: ordinary least squares", a, ordinary(design, np.log(j), 1)
        yield f"exponent of L, {label}", "errors in both axes, pellets", b, law.exponents[1]
        yield f"exponent of L, {label}", "naive: ordinary least squares", b, ordinary(design, np.log(j), 2)


def slope(rng: np.random.Generator) -> Iterator[Row]:
    """J = S·σ/L with S = 0.08 V; area uncertain by 8 % (in both axes), sample scatter 5 %."""
    truth = 0.08
    length = np.tile(LENGTHS, 4) * np.exp(rng.normal(0, 0.1, 16))
    area = np.exp(rng.normal(0, 0.08, 16))
    conductance = SIGMA / length / area
    j = truth * SIGMA / length * np.exp(rng.normal(0, 0.05, 16)) / area
    correlation = 0.08**2 / (0.08 * math.hypot(0.08, 0.02))
    line = collapse_thickness(j, conductance, np.hypot(0.08, 0.02) * j, 0.08 * conductance, correlation)
    yield "slope S of J against σ/L", "errors in both axes, correlated", truth, line.slope
    yield "slope S of J against σ/L", "naive: ordinary least squares", truth, ordinary(
        np.column_stack([np.ones(16), conductance]), j, 1
    )  # fmt: skip


def carriers(rng: np.random.Generator) -> Iterator[Row]:
    """20 mol/L with an ohmic drop (N = 6.5 at 0.05 mV/s): what the √v slope makes of it."""
    truth, d_plus, t = 2e4, 3.5e-13, 0.5
    d = 2 * d_plus * (1 - t)
    effective = truth / (1 - t)
    root = np.sqrt(d * RATES / VT)
    ratio = 1e-3 / SIGMA * FARADAY * effective * root / VT
    j = FARADAY * effective * root * np.array([ohmic_peak(r) for r in ratio]) * np.exp(rng.normal(0, 0.04, 7))
    line = fit_root_law(RATES, j, 0.04 * j)
    tracer = Estimate(d_plus, 0.02 * d_plus)
    for law, name in ((PeakLaw.RANDLES_SEVCIK, "Randles–Ševčík"), (PeakLaw.BERZINS_DELAHAY, "Berzins–Delahay")):
        yield "C₀ (20 mol/L, N = 6.5)", f"naive: {name}, line through the origin", truth, concentration_from_slope(
            line.forced_slope, tracer, law
        )  # fmt: skip
    m = FARADAY * truth * math.sqrt(d) / (1 - t) * math.exp(rng.normal(0, 0.02))
    seen = d_plus * math.exp(rng.normal(0, 0.02))
    found = carriers_from_semi_integral(Estimate(m, 0.02 * m), Estimate(seen, 0.02 * seen), Estimate(t, 0.0), True, 1e3)
    yield "C₀ (20 mol/L, N = 6.5)", "semi-integral (t₊ known)", truth, found.estimate


def closures(rng: np.random.Generator) -> Iterator[Row]:
    """Binary cell of 0.43 mol/L, t₊ = 0.8: peaks over the whole design, 5 % scatter."""
    v, length = np.repeat(RATES, 12), np.tile(np.repeat(LENGTHS, 3), 7)
    w = v * length**2 / (VT * DIFFUSIVITY)
    keep = (w > 21) & (w < 1e6)
    v, length, w = v[keep], length[keep], w[keep]
    j = 4 * VT * TRANSFERENCE * SIGMA / length * peak_ratio(w, np.full(w.size, TRANSFERENCE))
    j = j * np.exp(rng.normal(0, 0.05, w.size))
    fit = fit_collapse(j, v, length, np.full(w.size, SIGMA), np.full(w.size, 0.05))
    yield "t₊ (0.8)", "collapse of all peaks", TRANSFERENCE, fit.transference
    yield "D", "collapse of all peaks", DIFFUSIVITY, fit.diffusivity
    yield "c₀ (0.43 mol/L)", "collapse of all peaks", CARRIERS, fit.concentration
    slow = np.repeat(LENGTHS, 3)
    w = 3e-6 * slow**2 / (VT * DIFFUSIVITY)
    excess = np.where(w > 21, peak_ratio(np.maximum(w, 21), np.full(w.size, TRANSFERENCE)), 1.0)
    quasi = 4 * VT * TRANSFERENCE * SIGMA / slow * excess * np.exp(rng.normal(0, 0.05, slow.size))
    line = collapse_thickness(quasi, SIGMA / slow, 0.02 * quasi)
    yield "t₊ (0.8)", "dilute bound from S, free intercept", TRANSFERENCE, transference_dilute(line.slope)
    yield "t₊ (0.8)", "dilute bound from S, line through the origin", TRANSFERENCE, transference_dilute(
        line.forced_slope
    )  # fmt: skip


def survival(rng: np.random.Generator) -> Iterator[Row]:
    """Weibull strengths (shape 5, scale 12 A/m²), 20 samples, about half stopped by a peak near 11 A/m²."""
    strength, stop = 12 * rng.weibull(5, 20), rng.uniform(9, 13, 20)
    level, event = np.minimum(strength, stop), strength <= stop
    mean, median = 12 * math.gamma(1.2), 12 * math.log(2) ** 0.2
    if event.sum() >= 2:
        fit = fit_weibull(level, event)
        yield "Weibull scale", "likelihood with censoring", 12.0, fit.scale
        yield "Weibull shape", "likelihood with censoring", 5.0, fit.shape
        penetrated = level[event]
        naive = Estimate(float(penetrated.mean()), float(penetrated.std(ddof=1) / math.sqrt(penetrated.size)))
        yield "mean CCD", "naive: mean of the penetrated", mean, naive
    union = Estimate(float(level.mean()), float(level.std(ddof=1) / math.sqrt(20)))
    yield "mean CCD", "naive: union of peaks and penetrations", mean, union
    curve = estimate_survival(level, event)
    yield "median CCD", "Kaplan–Meier", median, curve.median


def fractions(rng: np.random.Generator) -> Iterator[Row]:
    """10 % of samples penetrate; 20 tested."""
    k = int(rng.binomial(20, 0.1))
    yield "fraction penetrated (10 % of 20)", "Wilson", 0.1, fraction_penetrated(k, 20)
    yield "fraction penetrated (10 % of 20)", "Clopper–Pearson", 0.1, fraction_penetrated(k, 20, "exact")
    share = k / 20
    yield "fraction penetrated (10 % of 20)", "naive: normal", 0.1, Estimate(share, math.sqrt(share * (1 - share) / 20))


def replicates(rng: np.random.Generator) -> Iterator[Row]:
    """Five pellets of four samples, 5 % between and 3 % within."""
    pellets = np.repeat(np.arange(5), 4)
    y = 10 * (1 + rng.normal(0, 0.05, 5)[pellets] + rng.normal(0, 0.03, 20))
    found = summarise_replicates(y, pellets)
    yield "mean of replicates", "pellet as the unit", 10.0, found.mean
    half = 2.093 * found.standard_deviation / math.sqrt(20)
    plain = found.plain_mean
    yield (
        "mean of replicates",
        "naive: all samples independent",
        10.0,
        Estimate(plain, half / 2.093, plain - half, plain + half),
    )


def sand(rng: np.random.Generator) -> Iterator[Row]:
    """Nine constant-current runs from 1.05 to 3 times the limiting current, 5 % scatter of the time."""
    limit, length = 5e-3, 1e-3
    j = np.geomspace(1.05, 3, 9) * limit / length
    tau = np.array([length**2 / DIFFUSIVITY * finite_cell_time(a * length / limit) for a in j])
    tau = tau * np.exp(rng.normal(0, 0.05, 9))
    found = analyse_sand(j, tau, np.full(9, length))
    truth = limit / (2 * math.sqrt(DIFFUSIVITY))
    yield "Fc₀√D/(1-t₊) from Sand times", "finite cell", truth, found.depletion
    yield "Fc₀√D/(1-t₊) from Sand times", "naive: semi-infinite", truth, analyse_sand(j, tau).depletion
    if found.limit is not None and found.diffusivity is not None:
        yield "J_lim·L from Sand times", "finite cell", limit, found.limit
        yield "D from Sand times", "finite cell", DIFFUSIVITY, found.diffusivity


STUDIES: tuple[Callable[[np.random.Generator], Iterator[Row]], ...] = (
    scaling, slope, carriers, closures, survival, fractions, replicates, sand,
)  # fmt: skip


def main() -> None:
    """Print the table."""
    campaigns = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    print("| quantity | estimator | bias | 95 % interval covers | campaigns |\n|---|---|---|---|---|")
    for number, study in enumerate(STUDIES):
        found: dict[tuple[str, str], list[Any]] = {}
        rng = np.random.default_rng(9000 + number)
        for _ in range(campaigns):
            for quantity, method, truth, estimate in study(rng):
                found.setdefault((quantity, method), []).append((truth, estimate))
        for (quantity, method), rows in found.items():
            cover = np.mean([e.low <= truth <= e.high for truth, e in rows])
            values = np.array([e.value for _, e in rows])
            truth = rows[0][0]
            if quantity.startswith("exponent"):
                bias = f"{np.nanmedian(values) - truth:+.3f}"
            else:
                bias = f"{np.nanmedian(values) / truth - 1:+.1%}"
            if quantity.startswith("fraction"):
                bias = f"{np.mean(values) / truth - 1:+.1%}"
            print(f"| {quantity} | {method} | {bias} | {cover:.1%} | {len(rows)} |", flush=True)


if __name__ == "__main__":
    main()
