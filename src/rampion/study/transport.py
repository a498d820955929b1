"""From laws to transport numbers: every closure side by side, each with the state of its assumptions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from rampion.campaign.replicates import summarise_replicates
from rampion.errors import InputError
from rampion.estimate import Estimate
from rampion.mechanisms.contact import contact_capacity
from rampion.study.constant_current import sand_findings
from rampion.study.events import Event, at_one, column, pellets, settings, values
from rampion.study.laws import PENETRATION, ScalingLaw
from rampion.transport.carriers import (
    carriers_from_root_law,
    carriers_from_semi_integral,
    compare_carriers,
)
from rampion.transport.collapse_fit import CollapseFit, fit_collapse
from rampion.transport.conductivity import split_resistance
from rampion.transport.diffusivity import bound_diffusivity
from rampion.transport.finding import ROOM, Assumption, TransportFinding, finding
from rampion.transport.limiting_current import limiting_current_dilute, project_to_thickness
from rampion.transport.peak_laws import expected_exponent, ohmic_number, ohmic_ratio
from rampion.transport.transference import close_transference
from rampion.voltammetry.finding import Verdict

THIN = 15e-6  # m: the dense layer for which the paper projects its limiting current
COLLAPSE = "collapse (vL², J_pL/σ)"


def transport_numbers(
    events: Sequence[Event],
    runs: Sequence[Event],
    laws: Sequence[ScalingLaw],
    tracer_diffusivity: Estimate | None = None,
    series_resistance: Estimate | None = None,
) -> tuple[TransportFinding, ...]:
    """Conductivity, transference, carriers, diffusivity, limiting current; each by every method the data allow.

    Parameters
    ----------
    events : uninterrupted sweeps. ``runs`` : constant-current runs.
    tracer_diffusivity : literature D₊ [m²/s]; without it the methods that need one are left out.
    series_resistance : R_int [Ω·m²] of the interfaces where it is known otherwise (spectra); by default it is the
        intercept of the ohmic resistance against thickness.
    """
    temperature = _temperature(events)
    found = _conductivity(events)
    sigma = found[0].estimate if found else None
    split = _split(events)
    found += split
    interfaces = series_resistance or next((x.estimate for x in split if x.quantity == "series_resistance"), None)
    collapse = _collapse(events, temperature, interfaces)
    slope_law = _slowest_collapse(laws)
    if slope_law is not None and slope_law.line is not None:
        line = slope_law.line
        excess = _excess(events, slope_law.setting, collapse)
        found += close_transference(
            line.forced_slope, intercept_p_value=line.intercept_test.p_value, peak_ratio=excess, temperature=temperature
        )
        if sigma is not None:
            found += _projected(line.forced_slope, sigma, line.intercept_test.p_value, excess)
    assumed = _collapse_assumptions(events, collapse, interfaces)
    found += _collapse_findings(collapse, assumed)
    found += _limits(events, collapse, assumed, temperature)
    found += _carriers(events, laws, collapse, assumed, tracer_diffusivity, temperature)
    found += _bounds(events, temperature)
    found += _expected(events, temperature)
    found += _contact(events)
    return tuple(found) + sand_findings(runs)


def _temperature(events: Sequence[Event]) -> float:
    known = [event.sample.temperature.value for event in events if event.sample.temperature is not None]
    return float(np.mean(known)) if known else ROOM


def _conductivity(events: Sequence[Event]) -> list[TransportFinding]:
    known = [event for event in events if event.finding.conductivity is not None]
    if len(known) < 2:
        return []
    summary = summarise_replicates(column(known, "conductivity")[0], pellets(known))
    return [finding("conductivity", "ohmic lines of all sweeps", summary.mean)]


def _split(events: Sequence[Event]) -> list[TransportFinding]:
    """The ceramic's conductivity and the interfaces' resistance, told apart by thickness."""
    known = [event for event in events if event.finding.ohmic is not None and event.finding.ohmic.area_resistance]
    thickness, thickness_std = column(known, "thickness")
    if len(known) < 5 or len(settings(thickness)) < 2:
        return []
    resistance, std = values(event.finding.ohmic.area_resistance for event in known)  # type: ignore[union-attr]
    split = split_resistance(resistance, thickness, std, thickness_std, pellets(known))
    method = "ohmic resistance against thickness"
    return [
        finding("conductivity", f"{method}: slope", split.conductivity),
        finding("series_resistance", f"{method}: intercept", split.series_resistance),
    ]


def _slowest_collapse(laws: Sequence[ScalingLaw]) -> ScalingLaw | None:
    collapses = [law for law in laws if law.against == ("σ/L",) and not law.setting.startswith(PENETRATION)]
    return collapses[0] if collapses else None  # settings come in ascending order of scan rate


def _excess(events: Sequence[Event], setting: str, collapse: CollapseFit | None) -> float:
    """The largest J_p/J_lim among the sweeps of one scan rate, by the collapse."""
    if collapse is None:
        return math.nan
    limited = _limited(events)
    members = next((group for told, group in at_one(limited, "scan_rate") if told == setting), [])
    chosen = {id(event) for event in members}
    ratios = [r for r, event in zip(collapse.peak_ratios, limited, strict=True) if id(event) in chosen]
    return max(ratios) if ratios else math.nan


def _projected(slope: Estimate, sigma: Estimate, p_value: float, excess: float) -> list[TransportFinding]:
    assumptions = (
        Assumption(sentence="J is proportional to σ/L (no intercept)", holds=bool(p_value >= 0.05), number=p_value),
        Assumption(
            sentence="the slow peaks stand for the steady limit (J_p/J_lim ≤ 1.1)",
            holds=None if math.isnan(excess) else bool(excess <= 1.1),
            number=excess,
        ),
    )
    rows = []
    for length, told in ((1e-3, "1 mm"), (THIN, f"{1e6 * THIN:g} µm")):
        value = project_to_thickness(slope, sigma, length)
        rows.append(finding("limiting_current_density", f"S·σ/L at {told} (quasi-limiting)", value, assumptions))
    return rows


def _limited(events: Sequence[Event]) -> list[Event]:
    """Sweeps that reached a largest current by themselves, peak or plateau."""
    return [event for event in events if event.limited and event.finding.conductivity is not None]


def _peaks(events: Sequence[Event]) -> list[Event]:
    return [event for event in _limited(events) if not event.plateau]


def _collapse(events: Sequence[Event], temperature: float, interfaces: Estimate | None) -> CollapseFit | None:
    limited = _limited(events)
    if len(_peaks(events)) < 4 or len(limited) < 5:
        return None
    current, thickness, sigma = (column(limited, name)[0] for name in ("current_density", "thickness", "conductivity"))
    rates = np.array([event.rate for event in limited])
    try:
        return fit_collapse(
            current, rates, thickness, sigma, temperature=temperature, series_resistance=interfaces,
            pellets=pellets(limited),
        )  # fmt: skip
    except InputError:  # interfaces that leave no ceramic
        return None


def _collapse_assumptions(
    events: Sequence[Event], fit: CollapseFit | None, interfaces: Estimate | None
) -> tuple[Assumption, ...]:
    if fit is None:
        return ()
    usual = _replicate_scatter(_limited(events))
    low, high = float(fit.rates.min()), float(fit.rates.max())
    share = float(np.median(fit.series))
    return (
        Assumption(
            sentence="the points lie on the curve of one dilute binary cell as closely as replicates lie together",
            holds=None if math.isnan(usual) else bool(fit.scatter <= 1.5 * usual),
            number=fit.scatter,
        ),
        Assumption(
            sentence=f"the sweeps reach from near the limit to far from it (W = {low:.3g} … {high:.3g} about 60)",
            holds=bool(low < 60 < high),
            number=high,
        ),
        Assumption(
            sentence=f"the interfaces' resistance is known ({share:.1%} of the ceramic's, taken into account)",
            holds=None if interfaces is None else True,
            number=share,
        ),
    )


def _replicate_scatter(limited: Sequence[Event]) -> float:
    """Relative scatter of J_pL/σ within settings, pooled; NaN without replicates. At least 1 %."""
    current, thickness, sigma = (column(limited, name)[0] for name in ("current_density", "thickness", "conductivity"))
    logs, rates = np.log(current * thickness / sigma), np.array([event.rate for event in limited])
    total, degrees = 0.0, 0
    for place in settings(thickness):
        for by_rate in settings(rates[place]):
            group = logs[place[by_rate]]
            total += float(np.sum((group - group.mean()) ** 2))
            degrees += group.size - 1
    return max(math.sqrt(total / degrees), 0.01) if degrees >= 4 else math.nan


def _collapse_findings(fit: CollapseFit | None, assumed: tuple[Assumption, ...]) -> list[TransportFinding]:
    if fit is None:
        return []
    return [
        finding("transference", COLLAPSE, fit.transference, assumed),
        finding("diffusivity", COLLAPSE, fit.diffusivity, assumed),
    ]


def _limits(
    events: Sequence[Event], fit: CollapseFit | None, assumed: tuple[Assumption, ...], temperature: float
) -> list[TransportFinding]:
    """Steady limiting currents at each thickness: read from plateaus, and computed from the collapse."""
    rows: list[TransportFinding] = []
    limited = _limited(events)
    for setting, members in at_one(limited, "thickness"):
        thickness = float(np.mean(column(members, "thickness")[0]))
        flat = [event for event in members if event.plateau]
        if len(flat) > 1:
            mean = summarise_replicates(column(flat, "current_density")[0], pellets(flat)).mean
            rows.append(finding("limiting_current_density", f"plateaus at {setting}", mean))
        if fit is not None:
            bulk = [event.finding.conductivity.value for event in members]  # type: ignore[union-attr]
            chosen = {id(event) for event in members}
            series = [r for r, event in zip(fit.series, limited, strict=True) if id(event) in chosen]
            sigma = np.array(bulk) * (1 + np.array(series))
            mean_sigma = summarise_replicates(sigma, pellets(members)).mean
            value = limiting_current_dilute(mean_sigma, Estimate(thickness, 0.0), fit.transference, temperature)
            rows.append(
                finding("limiting_current_density", f"4t₊RTσ/(FL) of the collapse at {setting}", value, assumed)
            )
    return rows


def _carriers(
    events: Sequence[Event],
    laws: Sequence[ScalingLaw],
    collapse: CollapseFit | None,
    assumed: tuple[Assumption, ...],
    tracer: Estimate | None,
    temperature: float,
) -> list[TransportFinding]:
    peaks = _peaks(events)
    found: list[TransportFinding] = []
    if collapse is not None:
        found.append(finding("concentration", COLLAPSE, collapse.concentration, assumed))
    root = next((law.line for law in laws if law.against == ("√scan_rate",)), None)
    free = next((law.law for law in laws if law.against == ("scan_rate",) and law.quantity == "current_density"), None)
    least = math.nan if collapse is None else float(collapse.rates.min())
    if tracer is not None and root is not None:
        found += carriers_from_root_law(
            root.slope, tracer, free.exponents[0] if free else None, _mean_number(peaks, temperature),
            least, root.intercept_test.p_value, temperature,
        )  # fmt: skip
    plateaus = [event.finding.semi_integral_plateau for event in peaks]
    known = [plateau.value for plateau in plateaus if plateau is not None]
    if tracer is not None and len(known) > 1 and collapse is not None:
        summary = summarise_replicates(np.array(known))
        constant = summary.standard_deviation < 0.1 * summary.plain_mean
        found.append(carriers_from_semi_integral(summary.mean, tracer, collapse.transference, constant, least))
    return list(compare_carriers(tuple(found)))


def _mean_number(peaks: Sequence[Event], temperature: float) -> float:
    numbers = [
        ohmic_number(event.finding.current_density, event.finding.ohmic.area_resistance, temperature).value
        for event in peaks
        if event.finding.current_density and event.finding.ohmic and event.finding.ohmic.area_resistance
    ]
    return float(np.mean(numbers)) if numbers else math.nan


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
    told = f"expected with ohmic drop, N = {number:.2g}, ρ = {ohmic_ratio(number):.2g}"
    return [finding("exponent", told, expected_exponent(Estimate(number)))]


def _contact(events: Sequence[Event]) -> list[TransportFinding]:
    """Capacity of the contact where it was lost: the charge until it resists more than the ceramic."""
    found: list[tuple[Event, float]] = []
    for event in events:
        finding_, area = event.finding, event.sample.area
        ohmic = finding_.ohmic
        if finding_.verdict is not Verdict.CURRENT_LOSS or area is None or ohmic is None or not ohmic.area_resistance:
            continue
        sweep = finding_.voltammogram
        one = contact_capacity(sweep.time, sweep.potential, sweep.current / area.value, ohmic.area_resistance.value)
        if one is not None:
            found.append((event, one.value))
    if len(found) < 3:
        return []
    summary = summarise_replicates(np.array([value for _, value in found]), pellets([event for event, _ in found]))
    spread = summary.standard_deviation / summary.plain_mean
    constant = Assumption(
        sentence="the charge is common to all scan rates and thicknesses (scatter below 10 %)",
        holds=bool(spread < 0.1),
        number=spread,
    )
    told = "charge until the contact resists more than the ceramic"
    return [finding("contact_capacity", told, summary.mean, (constant,))]
