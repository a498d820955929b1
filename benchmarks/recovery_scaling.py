"""Bias and coverage of the scaling, survival and transport estimators over synthetic campaigns, naive ones beside.

    python benchmarks/recovery_scaling.py [campaigns] [parts]     # 200 by default; prints a Markdown table

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
from rampion.mechanisms.contact import contact_capacity
from rampion.transport.carriers import carriers_from_semi_integral
from rampion.transport.collapse_fit import fit_collapse
from rampion.transport.conductivity import split_resistance
from rampion.transport.diffusivity import bound_diffusivity
from rampion.transport.finding import FARADAY, thermal_voltage
from rampion.transport.limiting_current import limiting_current_dilute
from rampion.transport.peak_function import peak_ratio
from rampion.transport.peak_laws import PeakLaw, concentration_from_slope, ohmic_peak
from rampion.transport.sand import analyse_sand, finite_cell_time
from rampion.transport.transference import transference_dilute, transference_from_haven

VT = thermal_voltage()
SIGMA, CARRIERS, TRANSFERENCE = 0.06, 430.0, 0.8
DIFFUSIVITY = 2 * TRANSFERENCE * (1 - TRANSFERENCE) * SIGMA * VT / (FARADAY * CARRIERS)
RATES = np.geomspace(3e-6, 1e-3, 7)
INTERFACE = 1e-3  # Ω·m²
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
    """Binary cell of 0.43 mol/L, t₊ = 0.8 with interfaces of 10 Ω·cm²: largest currents of 28 samples of six pellets.

    Pellets differ by 3 % in σ (and so in D), currents scatter by 3 %, thicknesses are wrong by 1 %.
    """
    v, true = np.repeat(RATES, 4), np.tile(LENGTHS, 7)
    pellets = rng.permutation(28) % 6
    sigma = SIGMA * np.exp(rng.normal(0, 0.03, 6))[pellets]
    series = INTERFACE * sigma / true
    w = v * true**2 / (VT * DIFFUSIVITY * sigma / SIGMA)
    keep = w < 0.9e6
    ratio = np.where(w > 21, peak_ratio(np.clip(w, 21, 0.9e6), TRANSFERENCE, series), 1.0)
    j = 4 * VT * TRANSFERENCE * sigma / true * ratio * np.exp(rng.normal(0, 0.03, 28))
    resistance = (true / sigma + INTERFACE) * np.exp(rng.normal(0, 0.005, 28))
    seen = true * np.exp(rng.normal(0, 0.01, 28))
    split = split_resistance(resistance, seen, 0.005 * resistance, 0.01 * seen, pellets)
    yield "σ of the ceramic", "ohmic resistance against thickness", SIGMA, split.conductivity
    yield "σ of the ceramic", "naive: mean of L/R_A", SIGMA, summarise_replicates(seen / resistance).mean
    yield "R_int", "ohmic resistance against thickness", INTERFACE, split.series_resistance
    picked = (j[keep], v[keep], seen[keep], (seen / resistance)[keep])
    fit = fit_collapse(*picked, series_resistance=split.series_resistance, pellets=pellets[keep])
    plain = fit_collapse(*picked)
    for method, found in (("collapse, interfaces and pellets", fit), ("naive: collapse without interfaces", plain)):
        yield "t₊ (0.8)", method, TRANSFERENCE, found.transference
        yield "D", method, DIFFUSIVITY, found.diffusivity
        yield "c₀ (0.43 mol/L)", method, CARRIERS, found.concentration
    limit = limiting_current_dilute(split.conductivity, Estimate(1e-3, 0.0), fit.transference)
    yield "J_lim at 1 mm", "4t₊RTσ/(FL) of the collapse", 4 * VT * TRANSFERENCE * SIGMA / 1e-3, limit
    bound = bound_diffusivity(v, seen, w > 19).estimate
    yield "D", "presence of a peak (bounds)", DIFFUSIVITY, bound
    slow = v < 4e-6
    slow_j, slow_g = np.repeat(j[slow], 3) * np.exp(rng.normal(0, 0.03, 12)), np.repeat(1 / resistance[slow], 3)
    thick = 3 * slow_j[9:12]
    yield "J_lim at 1 mm", "naive: slowest peak at 3 mm, by 1/L", 4 * VT * TRANSFERENCE * SIGMA / 1e-3, Estimate(
        float(thick.mean()), float(thick.std(ddof=1) / math.sqrt(3))
    )  # fmt: skip
    line = collapse_thickness(slow_j, slow_g, 0.02 * slow_j)
    for told, one in (("free intercept", line.slope), ("line through the origin", line.forced_slope)):
        yield "t₊ (0.8)", f"dilute bound from S, {told}", TRANSFERENCE, transference_dilute(one)
    for haven in (0.24, 0.7):
        found = transference_from_haven(line.forced_slope, haven)
        yield "t₊ (0.8)", f"Eq. 1, Haven ratio {haven:g}, line through the origin", TRANSFERENCE, found


def exponents(rng: np.random.Generator) -> Iterator[Row]:
    """Expected exponent of a peak with N = 6.5, and the forced √v line: its R² is no test."""
    effective, d = 4e4, 3.5e-13
    root = np.sqrt(d * RATES / VT)
    ratio = 1e-3 / SIGMA * FARADAY * effective * root / VT
    j = FARADAY * effective * root * np.array([ohmic_peak(r) for r in ratio])
    slope = float(np.polyfit(np.log(RATES), np.log(j), 1)[0])
    seen = j * np.exp(rng.normal(0, 0.04, 7))
    law = fit_power_law(seen, RATES[:, None], 0.04 * seen)
    yield "exponent of v (ohmic drop)", "free exponent", slope, law.exponents[0]
    line = fit_root_law(RATES, seen, 0.04 * seen)
    yield "R² of √v, forced, where the exponent is 0.39 (bias from 1)", "naive: forced √v", 1.0, Estimate(
        line.forced_r_squared, 0.0
    )  # fmt: skip


def contact(rng: np.random.Generator) -> Iterator[Row]:
    """A contact of 18 kC/m² with 0.5 Ω·cm² used up by twelve sweeps at 0.05 mV/s, 5 % scatter between samples."""
    truth, peaks, whole = 18e3, [], []
    for _ in range(12):
        capacity = truth * math.exp(0.05 * rng.standard_normal() - 0.00125)
        theta = np.concatenate([np.linspace(1, 0.3, 400), np.geomspace(0.3, 1e-6, 800)[1:]])
        resistance = 1e-3 / SIGMA + 5e-5 / theta
        steps = 0.5 * (resistance[1:] + resistance[:-1]) * -np.diff(theta)
        volts = np.sqrt(2 * 5e-5 * capacity * np.concatenate([[0.0], np.cumsum(steps)]))
        time = np.arange(rng.uniform(0, 20), volts[-1] / 5e-5, 20.0)
        j = np.interp(time * 5e-5, volts, volts / resistance)
        peaks.append(float(np.trapezoid(j[: j.argmax() + 1], time[: j.argmax() + 1])))
        one = contact_capacity(time, time * 5e-5, j, 1e-3 / SIGMA + 5e-5)
        if one is not None:
            whole.append(one.value)
    yield "Q_c", "charge until the contact resists more than the ceramic", truth, summarise_replicates(
        np.array(whole)
    ).mean  # fmt: skip
    yield "Q_c", "naive: charge at the peak", truth, summarise_replicates(np.array(peaks)).mean


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
    scaling, exponents, slope, carriers, closures, contact, survival, fractions, replicates, sand,
)  # fmt: skip


def main() -> None:
    """Print the table."""
    campaigns = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    print("| quantity | estimator | bias | 95 % interval covers | campaigns |\n|---|---|---|---|---|")
    wanted = sys.argv[2:]
    for number, study in enumerate(STUDIES):
        if wanted and study.__name__ not in wanted:
            continue
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
