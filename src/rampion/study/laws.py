"""From events to laws: replicates, survival, exponents, collapse; as the paper plots them, and as they read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rampion.campaign.collapse import collapse_thickness
from rampion.campaign.flags import CampaignFlag
from rampion.campaign.replicates import Replicates, summarise_replicates
from rampion.campaign.scaling import Line, PowerLaw, fit_power_law, fit_root_law
from rampion.campaign.survival import (
    GroupFraction,
    SurvivalCurve,
    WeibullFit,
    estimate_survival,
    fit_weibull,
    fractions_by_group,
)
from rampion.errors import InputError
from rampion.study.events import Event, at_one, column, pellets, predictor, settings

FEWEST = 3  # distinct settings for an exponent
PENETRATION = "penetration"  # how the setting of a law of critical currents begins


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Replicate:
    """Samples of one setting: thickness [m], scan rate [V/s], relative density; what they scatter, who penetrated.

    ``quantity`` is the largest current density of those that reached a limit ("current_density") or the level of those
    that penetrated ("critical_current_density"; the others are censored, and flagged). ``outliers`` names the samples
    that stand apart; none is left out.
    """

    thickness: float
    scan_rate: float
    relative_density: float
    quantity: str
    summary: Replicates
    penetrated: GroupFraction
    outliers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScalingLaw:
    """One fitted law and the setting it holds at; ``line`` is the forced √v or the σ/L plot where there is one.

    ``abscissa``, ``ordinate`` and ``ordinate_std`` (n,) are the points of a law in one predictor [SI], else empty.
    """

    quantity: str
    against: tuple[str, ...]
    setting: str
    law: PowerLaw | None
    line: Line | None
    abscissa: np.ndarray
    ordinate: np.ndarray
    ordinate_std: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Survival:
    """Kaplan–Meier and Weibull of the current density that samples of one group bore, and how many penetrated.

    ``by`` is what makes the group: relative density, scan rate or stack pressure.
    """

    group: str
    by: str
    curve: SurvivalCurve
    weibull: WeibullFit | None
    fraction: GroupFraction


def _density(event: Event) -> float:
    known = event.sample.relative_density
    return round(known.value, 3) if known is not None else float("nan")


def replicate_groups(events: Sequence[Event]) -> tuple[Replicate, ...]:
    """Every setting with two samples or more: scatter of limiting and of critical currents, fraction penetrated."""
    found = []
    for members in _cells(events):
        chosen = [events[i] for i in members]
        if len(chosen) < 2:
            continue
        limited = [event for event in chosen if event.limited]
        penetrated = [event for event in chosen if event.penetrated]
        if limited or not penetrated:
            found.append(_replicate(chosen, limited or chosen, "current_density"))
        if penetrated:
            found.append(_replicate(chosen, penetrated, "critical_current_density"))
    return tuple(found)


def _replicate(chosen: Sequence[Event], valued: Sequence[Event], quantity: str) -> Replicate:
    current, _ = column(valued, "current_density")
    thickness, _ = column(chosen, "thickness")
    penetrated = np.array([event.penetrated for event in chosen])
    summary = summarise_replicates(current, pellets(valued))
    if quantity == "critical_current_density" and len(valued) < len(chosen):
        censored = CampaignFlag.CENSORED_MEAN.flag(censored=len(chosen) - len(valued), count=len(chosen))
        summary = replace(summary, mean=summary.mean.flagged(censored), flags=(*summary.flags, censored))
    return Replicate(
        thickness=float(np.mean(thickness)),
        scan_rate=float(np.mean([event.rate for event in chosen])),
        relative_density=_density(chosen[0]),
        quantity=quantity,
        summary=summary,
        penetrated=fractions_by_group(penetrated, np.array(["all"] * len(chosen)))[0],
        outliers=tuple(valued[i].sample.name for i in summary.outliers),
    )


def _cells(events: Sequence[Event]) -> Iterator[np.ndarray]:
    """Indices of the events of each setting: relative density, thickness, scan rate."""
    densities = np.array([_density(event) for event in events])
    thickness, _ = column(events, "thickness")
    rates = np.array([event.rate for event in events])
    for density in np.unique(densities):
        same = np.flatnonzero(np.isnan(densities) if np.isnan(density) else densities == density)
        for by_thickness in settings(thickness[same]):
            place = same[by_thickness]
            for by_rate in settings(rates[place]):
                yield place[by_rate]


def survival_groups(events: Sequence[Event]) -> tuple[Survival, ...]:
    """The current density borne without penetration, per relative density, scan rate and stack pressure.

    What did not penetrate is censored at the largest current it bore. Scan rates and pressures make groups of their own
    only where they differ; each is taken over everything else, so that unlike samples may stand in one group.
    """
    found = []
    for by, groups in (
        ("relative density", _by_density(events)),
        ("scan rate", at_one(events, "scan_rate")),
        ("stack pressure", _by_pressure(events)),
    ):
        named = sorted(groups, key=lambda pair: pair[0]) if by != "scan rate" else list(groups)
        if len(named) < 2 and by != "relative density":
            continue
        found += [_survival(by, told, members) for told, members in named]
    return tuple(found)


def _by_density(events: Sequence[Event]) -> Iterator[tuple[str, list[Event]]]:
    densities = {_density(event) for event in events if not np.isnan(_density(event))}
    for density in densities:
        yield f"relative density {100 * density:.3g} %", [event for event in events if _density(event) == density]
    unknown = [event for event in events if np.isnan(_density(event))]
    if unknown:
        yield "all" if not densities else "relative density not known", unknown


def _by_pressure(events: Sequence[Event]) -> Iterator[tuple[str, list[Event]]]:
    known = [event for event in events if event.sample.stack_pressure is not None]
    value = np.array([event.sample.stack_pressure.value for event in known])  # type: ignore[union-attr]
    for pressure in np.unique(np.round(value, -4)):
        members = [event for event, one in zip(known, value, strict=True) if round(one, -4) == pressure]
        yield f"stack pressure {1e-6 * pressure:.3g} MPa", members


def _survival(by: str, told: str, members: Sequence[Event]) -> Survival:
    level, _ = column(members, "current_density")
    penetrated = np.array([event.penetrated for event in members])
    try:
        weibull = fit_weibull(level, penetrated)
    except InputError:  # fewer than two penetrations, or all at one level
        weibull = None
    name = told if told.startswith(by) or by == "relative density" else f"{by} {told}"
    fraction = fractions_by_group(penetrated, np.array([name] * len(members)))[0]
    return Survival(group=name, by=by, curve=estimate_survival(level, penetrated), weibull=weibull, fraction=fraction)


def scaling_laws(events: Sequence[Event]) -> tuple[ScalingLaw, ...]:
    """Exponents of J, V and Q against scan rate, thickness and both, of limits and penetrations; S of the collapse."""
    limited = [event for event in events if event.limited and not event.plateau]
    slow = [event for event in events if event.limited]
    every = ("current_density", "potential", "charge")
    laws: list[ScalingLaw] = []
    for setting, members in at_one(limited, "thickness"):
        laws += _against(members, ("scan_rate",), setting, every)
        laws += _root_law(members, setting)
    for setting, members in at_one(slow, "scan_rate"):
        peaks = [event for event in members if not event.plateau]
        laws += _against(members, ("thickness",), setting, ("current_density",))
        laws += _against(peaks, ("thickness",), setting, ("potential", "charge"))
        laws += _collapse(members, setting)
    laws += _against(limited, ("scan_rate", "thickness"), "all peaks", every)
    for told, dense in _by_density([event for event in events if event.penetrated]):
        where = f"{PENETRATION}, {told}"
        for setting, members in at_one(dense, "thickness"):
            laws += _against(members, ("scan_rate",), f"{where}, {setting}", every)
        for setting, members in at_one(dense, "scan_rate"):
            laws += _against(members, ("thickness",), f"{where}, {setting}", every)
            laws += _collapse(members, f"{where}, {setting}")
        laws += _against(dense, ("scan_rate", "thickness"), where, every)
    return tuple(laws)


def _against(
    events: Sequence[Event], against: tuple[str, ...], setting: str, quantities: tuple[str, ...]
) -> list[ScalingLaw]:
    if len(events) < FEWEST + len(against):
        return []
    columns = [predictor(events, name) for name in against]
    if any(len(settings(value)) < FEWEST for value, _ in columns):
        return []
    laws = []
    for quantity in quantities:
        response, std = column(events, quantity)
        try:
            law = fit_power_law(
                response, np.column_stack([value for value, _ in columns]), std,
                np.column_stack([spread for _, spread in columns]), pellets(events), quantity, against,
            )  # fmt: skip
        except InputError:  # a design in which the predictors vary together, or a value that is not positive
            continue
        drawn = (columns[0][0], response, std) if len(against) == 1 else (np.zeros(0), np.zeros(0), np.zeros(0))
        laws.append(_law(quantity, against, setting, law, None, drawn))
    return laws


def _root_law(events: Sequence[Event], setting: str) -> list[ScalingLaw]:
    rates = np.array([event.rate for event in events])
    if len(events) < 4 or len(settings(rates)) < FEWEST:
        return []
    current, std = column(events, "current_density")
    line = fit_root_law(rates, current, std, pellets(events))
    return [_law("current_density", ("√scan_rate",), setting, None, line, (np.sqrt(rates), current, std))]


def _collapse(events: Sequence[Event], setting: str) -> list[ScalingLaw]:
    known = [event for event in events if event.finding.conductivity is not None]
    thickness, thickness_std = column(known, "thickness")
    if len(known) < 4 or len(settings(thickness)) < FEWEST:
        return []
    current, current_std = column(known, "current_density")
    sigma, sigma_std = column(known, "conductivity")
    conductance = sigma / thickness
    # σ/L is the conductance per area as measured; the thickness in σ and in σ/L is the same number and cancels
    relative = np.sqrt(np.maximum((sigma_std / sigma) ** 2 - (thickness_std / thickness) ** 2, 0.0))
    area, area_std = column(known, "area")
    shared = np.nanmean((area_std / area) ** 2 / np.maximum(relative * current_std / current, 1e-12))
    correlation = float(np.clip(np.nan_to_num(shared), 0.0, 0.99))
    line = collapse_thickness(current, conductance, current_std, relative * conductance, correlation, pellets(known))
    return [_law("current_density", ("σ/L",), setting, None, line, (conductance, current, current_std))]


def _law(
    quantity: str,
    against: tuple[str, ...],
    setting: str,
    law: PowerLaw | None,
    line: Line | None,
    points: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> ScalingLaw:
    return ScalingLaw(
        quantity=quantity, against=against, setting=setting, law=law, line=line, abscissa=points[0],
        ordinate=points[1], ordinate_std=points[2],
    )  # fmt: skip
