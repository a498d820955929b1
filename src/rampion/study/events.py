"""The events of a campaign as one table: what happened to each sample, at which scan rate and thickness."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rampion.estimate import Estimate
from rampion.measurement import Sample
from rampion.plausible_limits import lithium_on_both_sides
from rampion.study.analysis import Analysis
from rampion.voltammetry.finding import Finding, Kind, Verdict

SAME = 0.12  # thicknesses, and scan rates, closer than this fraction count as one setting


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Event:
    """One finding with the sample it belongs to."""

    sample: Sample
    finding: Finding

    @property
    def plateau(self) -> bool:
        """Whether the current levelled off without a maximum: a limiting current reached slowly."""
        return self.finding.verdict is Verdict.LIMITING_PLATEAU

    @property
    def limited(self) -> bool:
        """Whether the current reached a largest value by itself: a peak, a plateau, a runaway, or its loss.

        What limited it is not asked here: transport and contact loss draw the same plots.
        """
        return self.finding.verdict.limit

    @property
    def penetrated(self) -> bool:
        """Whether lithium penetrated."""
        return self.finding.verdict is Verdict.PENETRATION

    @property
    def transports(self) -> bool:
        """Whether transport numbers may be drawn from it: lithium on both sides, and its current was reached while the
        plating face was neutral."""
        beyond = self.finding.space_charge is not None and not self.finding.space_charge.reached
        return lithium_on_both_sides(self.sample.electrodes) and not beyond

    @property
    def rate(self) -> float:
        """Scan rate [V/s]."""
        return self.finding.scan_rate.value if self.finding.scan_rate else math.nan

    @property
    def complete(self) -> bool:
        """Whether everything a law needs is known: geometry, current density."""
        known = self.sample.thickness is not None and self.finding.current_density is not None
        return known and self.finding.current_density.value > 0  # type: ignore[union-attr]


def events_of(analysis: Analysis) -> tuple[Event, ...]:
    """Every finding of the campaign beside its sample; a cell that is not symmetric is no data."""
    return tuple(
        Event(sample=sample.experiment.sample, finding=finding)
        for sample in analysis.samples
        for finding in sample.findings
        if finding.verdict.judged
    )


def sweeps(events: Iterable[Event]) -> tuple[Event, ...]:
    """Uninterrupted sweeps with known geometry and scan rate: pauses change peaks, so paused ones stand apart."""
    return tuple(
        event
        for event in events
        if event.finding.kind is Kind.SWEEP
        and event.complete
        and math.isfinite(event.rate)
        and not event.finding.pauses
    )


def values(estimates: Iterable[Estimate | None]) -> tuple[np.ndarray, np.ndarray]:
    """Values and standard uncertainties, NaN where there is none."""
    pairs = [(e.value, e.std) if e is not None else (math.nan, math.nan) for e in estimates]
    array = np.array(pairs, dtype=float).reshape(-1, 2)
    return array[:, 0], array[:, 1]


def pellets(events: Iterable[Event]) -> np.ndarray | None:
    """Parent pellet of each event; ``None`` when none is known (each sample is then its own)."""
    labels = np.array([event.sample.pellet for event in events])
    return labels if labels.size and np.all(labels != "") else None


def settings(numbers: np.ndarray) -> list[np.ndarray]:
    """Indices grouped by nearly equal number (log scale), ascending."""
    order = np.argsort(numbers)
    groups: list[list[int]] = []
    for index in order:
        if groups and math.log(numbers[index] / np.mean(numbers[groups[-1]])) < SAME:
            groups[-1].append(int(index))
        else:
            groups.append([int(index)])
    return [np.array(sorted(group)) for group in groups]


def column(events: Iterable[Event], name: str) -> tuple[np.ndarray, np.ndarray]:
    """One quantity of the events, from the sample or the finding, with its uncertainty."""
    picked = [
        getattr(event.sample, name) if hasattr(event.sample, name) else getattr(event.finding, name) for event in events
    ]
    return values(picked)


def predictor(events: Sequence[Event], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Scan rate or a quantity of the sample, with its uncertainty (zero where unknown)."""
    if name == "scan_rate":
        rates = np.array([event.rate for event in events])
        return rates, np.zeros_like(rates)
    value, std = column(events, name)
    return value, np.nan_to_num(std)


def at_one(events: Sequence[Event], name: str) -> Iterator[tuple[str, list[Event]]]:
    """The events of each setting of one predictor, with the setting in words."""
    if not events:
        return
    value, _ = predictor(events, name)
    for members in settings(value):
        mean = float(np.mean(value[members]))
        told = f"{1e3 * mean:.2g} mm" if name == "thickness" else f"{1e3 * mean:.2g} mV/s"
        yield told, [events[i] for i in members]
