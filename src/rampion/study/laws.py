"""From events to laws: replicates, survival, exponents, collapse; as the paper plots them, and as they read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rampion.campaign.collapse import collapse_thickness
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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Replicate:
    """Samples of one setting: thickness [m], scan rate [V/s], relative density; what they scatter, who penetrated."""

    thickness: float
    scan_rate: float
    relative_density: float
    quantity: str
    summary: Replicates
    penetrated: GroupFraction


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
    """Kaplan–Meier and Weibull of the current density that samples of one group bore."""

    group: str
    curve: SurvivalCurve
    weibull: WeibullFit | None


def _density(event: Event) -> float:
    known = event.sample.relative_density
    return round(known.value, 3) if known is not None else float("nan")


def replicate_groups(events: Sequence[Event]) -> tuple[Replicate, ...]:
    """Every setting with two samples or more: scatter of the limiting currents, fraction penetrated."""
    found = []
    for members in _cells(events):
        chosen = [events[i] for i in members]
        limited = [event for event in chosen if event.limited] or chosen
        if len(chosen) < 2:
            continue
        current, _ = column(limited, "current_density")
        thickness, _ = column(chosen, "thickness")
        penetrated = np.array([event.penetrated for event in chosen])
        found.append(
            Replicate(
                thickness=float(np.mean(thickness)),
                scan_rate=float(np.mean([event.rate for event in chosen])),
                relative_density=_density(chosen[0]),
                quantity="current_density",
                summary=summarise_replicates(current, pellets(limited)),
                penetrated=fractions_by_group(penetrated, np.array(["all"] * len(chosen)))[0],
            )
        )
    return tuple(found)


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
    """The current density borne without penetration, per relative density; what did not penetrate is censored."""
    groups: dict[str, list[Event]] = {}
    for event in events:
        density = _density(event)
        name = "all" if np.isnan(density) else f"relative density {100 * density:.3g} %"
        groups.setdefault(name, []).append(event)
    found = []
    for name, members in sorted(groups.items()):
        level, _ = column(members, "current_density")
        penetrated = np.array([event.penetrated for event in members])
        if not penetrated.any():
            continue
        weibull = fit_weibull(level, penetrated) if penetrated.sum() >= 2 else None
        found.append(Survival(group=name, curve=estimate_survival(level, penetrated), weibull=weibull))
    return tuple(found)


def scaling_laws(events: Sequence[Event]) -> tuple[ScalingLaw, ...]:
    """Exponents of J, V and Q of the limiting currents against scan rate, thickness, and both; S of the collapse."""
    limited = [event for event in events if event.limited and not event.plateau]
    slow = [event for event in events if event.limited]
    penetrated = [event for event in events if event.penetrated]
    laws: list[ScalingLaw] = []
    for setting, members in at_one(limited, "thickness"):
        laws += _against(members, ("scan_rate",), setting, ("current_density", "potential", "charge"))
        laws += _root_law(members, setting)
    for setting, members in at_one(slow, "scan_rate"):
        laws += _against(members, ("thickness",), setting, ("current_density", "charge"))
        laws += _collapse(members, setting)
    for setting, members in at_one(penetrated, "scan_rate"):
        laws += _against(members, ("thickness",), f"penetration, {setting}", ("current_density",))
    laws += _against(limited, ("scan_rate", "thickness"), "all peaks", ("current_density", "charge"))
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
