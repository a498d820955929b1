"""From laws to transport numbers: every closure side by side, each with the state of its assumptions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from rampion.campaign.replicates import summarise_replicates
from rampion.errors import InputError
from rampion.estimate import Estimate
from rampion.study.events import Event, column, pellets
from rampion.study.laws import ScalingLaw
from rampion.transport.carriers import (
    carriers_from_collapse,
    carriers_from_root_law,
    carriers_from_semi_integral,
    compare_carriers,
)
from rampion.transport.collapse_fit import CollapseFit, fit_collapse
from rampion.transport.diffusivity import bound_diffusivity
from rampion.transport.finding import ROOM, TransportFinding, finding
from rampion.transport.limiting_current import project_to_thickness
from rampion.transport.peak_laws import expected_exponent, ohmic_number, scan_number
from rampion.transport.sand import analyse_sand
from rampion.transport.transference import close_transference
from rampion.voltammetry.finding import Kind

THIN = 15e-6  # m: the dense layer for which the paper projects its limiting current


def transport_numbers(
    events: Sequence[Event],
    runs: Sequence[Event],
    laws: Sequence[ScalingLaw],
    tracer_diffusivity: Estimate | None = None,
) -> tuple[TransportFinding, ...]:
    """Conductivity, transference, carriers, diffusivity, limiting current; each by every method the data allow.

    Parameters
    ----------
    events : uninterrupted sweeps. ``runs`` : constant-current runs.
    tracer_diffusivity : literature D₊ [m²/s]; without it the methods that need one are left out.
    """
    temperature = _temperature(events)
    found = _conductivity(events)
    slope_law = _slowest_collapse(laws)
    sigma = found[0].estimate if found else None
    if slope_law is not None and slope_law.line is not None:
        line = slope_law.line
        found += close_transference(
            line.forced_slope, intercept_p_value=line.intercept_test.p_value, temperature=temperature
        )
        if sigma is not None:
            thin = project_to_thickness(line.forced_slope, sigma, THIN)
            found.append(finding("limiting_current_density", f"S·σ/L at {1e6 * THIN:g} µm", thin))
    collapse = _collapse(events, temperature)
    found += _collapse_findings(collapse)
    found += _carriers(events, laws, collapse, tracer_diffusivity, temperature)
    found += _bounds(events, temperature)
    found += _expected(events, temperature)
    return tuple(found + _sand(runs))


def _temperature(events: Sequence[Event]) -> float:
    known = [event.sample.temperature.value for event in events if event.sample.temperature is not None]
    return float(np.mean(known)) if known else ROOM


def _conductivity(events: Sequence[Event]) -> list[TransportFinding]:
    known = [event for event in events if event.finding.conductivity is not None]
    if len(known) < 2:
        return []
    summary = summarise_replicates(column(known, "conductivity")[0], pellets(known))
    return [finding("conductivity", "ohmic lines of all sweeps", summary.mean)]


def _slowest_collapse(laws: Sequence[ScalingLaw]) -> ScalingLaw | None:
    collapses = [law for law in laws if law.against == ("σ/L",)]
    return collapses[0] if collapses else None  # settings come in ascending order of scan rate


def _peaks(events: Sequence[Event]) -> list[Event]:
    return [event for event in events if event.limited and not event.plateau and event.finding.conductivity is not None]


def _relative(events: Sequence[Event]) -> np.ndarray:
    current, std = column(events, "current_density")
    return np.where(np.isfinite(std) & (std > 0), std / current, 0.02)


def _collapse(events: Sequence[Event], temperature: float) -> CollapseFit | None:
    peaks = _peaks(events)
    if len(peaks) < 4:
        return None
    columns = [column(peaks, name)[0] for name in ("current_density", "thickness", "conductivity")]
    rates = np.array([event.rate for event in peaks])
    try:
        return fit_collapse(columns[0], rates, columns[1], columns[2], temperature=temperature)
    except InputError:  # too few settings to tell t₊ from D
        return None


def _collapse_findings(fit: CollapseFit | None) -> list[TransportFinding]:
    if fit is None:
        return []
    return [
        finding("transference", "collapse (vL², J_pL/σ)", fit.transference),
        finding("diffusivity", "collapse (vL², J_pL/σ)", fit.diffusivity),
    ]


def _carriers(
    events: Sequence[Event],
    laws: Sequence[ScalingLaw],
    collapse: CollapseFit | None,
    tracer: Estimate | None,
    temperature: float,
) -> list[TransportFinding]:
    peaks = _peaks(events)
    found: list[TransportFinding] = []
    if collapse is not None:
        found.append(carriers_from_collapse(collapse))
    root = next((law.line for law in laws if law.against == ("√scan_rate",)), None)
    free = next((law.law for law in laws if law.against == ("scan_rate",) and law.law is not None), None)
    if tracer is not None and root is not None:
        found += carriers_from_root_law(
            root.slope, tracer, free.exponents[0] if free else None, _mean_number(peaks, temperature),
            _least_scan_number(peaks, collapse, temperature), root.intercept_test.p_value, temperature,
        )  # fmt: skip
    plateaus = [event.finding.semi_integral.plateau for event in peaks if event.finding.semi_integral is not None]
    known = [plateau.value for plateau in plateaus if plateau is not None]
    if tracer is not None and len(known) > 1 and collapse is not None:
        summary = summarise_replicates(np.array(known))
        constant = summary.standard_deviation < 0.1 * summary.plain_mean
        found.append(carriers_from_semi_integral(summary.mean, tracer, collapse.transference, constant))
    return list(compare_carriers(tuple(found)))


def _mean_number(peaks: Sequence[Event], temperature: float) -> float:
    numbers = [
        ohmic_number(event.finding.current_density, event.finding.ohmic.area_resistance, temperature).value
        for event in peaks
        if event.finding.current_density and event.finding.ohmic and event.finding.ohmic.area_resistance
    ]
    return float(np.mean(numbers)) if numbers else math.nan


def _least_scan_number(peaks: Sequence[Event], collapse: CollapseFit | None, temperature: float) -> float:
    if collapse is None:
        return math.nan
    diffusivity = collapse.diffusivity.value
    thickness = column(peaks, "thickness")[0]
    numbers = [
        scan_number(e.rate, float(length), diffusivity, temperature) for e, length in zip(peaks, thickness, strict=True)
    ]
    return min(numbers)


def _bounds(events: Sequence[Event], temperature: float) -> list[TransportFinding]:
    told = [event for event in events if event.limited]
    if len(told) < 2:
        return []
    thickness, _ = column(told, "thickness")
    rates = np.array([event.rate for event in told])
    return [bound_diffusivity(rates, thickness, np.array([not event.plateau for event in told]), temperature)]


def _expected(events: Sequence[Event], temperature: float) -> list[TransportFinding]:
    number = _mean_number(_peaks(events), temperature)
    if not math.isfinite(number):
        return []
    return [finding("exponent", f"expected with ohmic drop, N = {number:.2g}", expected_exponent(Estimate(number)))]


def _sand(runs: Sequence[Event]) -> list[TransportFinding]:
    failed = [event for event in runs if event.finding.kind is Kind.CONSTANT_CURRENT and event.penetrated]
    if len(failed) < 3:
        return []
    current, _ = column(failed, "current_density")
    time, _ = column(failed, "time")
    thickness, _ = column(failed, "thickness")
    try:
        sand = analyse_sand(np.abs(current), time, thickness)
    except InputError:  # currents that do not differ
        return []
    found = [finding("exponent", "Sand: τ against J", sand.law.exponents[0])]
    if sand.diffusivity is not None:
        found.append(finding("diffusivity", "Sand times of the finite cell", sand.diffusivity))
    return found
