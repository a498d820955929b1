"""Series of spectra along temperature or pressure: as text, as plain data (SI units), as rows of tables."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rampion.estimate import Estimate, Flag
from rampion.quantities import quantity
from rampion.records import to_plain
from rampion.report.tables import flat, track_rows
from rampion.units import show, show_in

if TYPE_CHECKING:
    from rampion.impedance.series_finding import Track
    from rampion.study import Analysis, SampleAnalysis
    from rampion.study.conditions import ConditionSeries
    from rampion.transport.activation import Activation

CONDITIONS = ("temperature", "stack_pressure")
_NUMBERS = ("energy", "prefactor", "room_value", "chi_square", "p_value", "scatter", "curvature", "count", "flags")


def shown_conditions(samples: Sequence[SampleAnalysis]) -> list[str]:
    """For each sample the conditions by which it differs from others of its name: ``25 °C``; empty where by none."""
    stated: dict[str, dict[str, set[float | None]]] = {}
    for one in samples:
        mine = stated.setdefault(one.experiment.known_as, {name: set() for name in CONDITIONS})
        for name in CONDITIONS:
            mine[name].add(_value(one, name))
    out = []
    for one in samples:
        told = [
            show(getattr(one.experiment.sample, name), name, digits=4)
            for name in CONDITIONS
            if len(stated[one.experiment.known_as][name]) > 1 and _value(one, name) is not None
        ]
        out.append(", ".join(told))
    return out


def _value(sample: SampleAnalysis, name: str) -> float | None:
    estimate = getattr(sample.experiment.sample, name)
    return None if estimate is None else estimate.value


def shared_flags(series: ConditionSeries, samples: Sequence[SampleAnalysis]) -> tuple[Flag, ...]:
    """The flags that every spectrum of a series has: they are told once."""
    members = [samples[place] for place in series.places]
    counts = Counter(flag for one in members for flag in dict.fromkeys(_flags_of(one)))
    return tuple(flag for flag, count in counts.items() if count == len(members))


def _flags_of(sample: SampleAnalysis) -> Iterable[Flag]:
    yield from sample.flags
    for finding in sample.spectra:
        yield from finding.flags


def series_lines(series: ConditionSeries) -> list[str]:
    """A series: what it runs along, its circuit, the activation energies or the conductivity along it."""
    words = series.along.replace("_", " ")
    mark = "   [synthetic data]" if series.synthetic else ""
    low, high = (show(end.value, series.along, digits=4) for end in (series.coordinate[0], series.coordinate[-1]))
    lines = [
        f"{series.sample}   {len(series.coordinate)} spectra along {words}, {low} to {high}{mark}",
        f"  SERIES     {series.series.circuit}   one set of labels for all",
    ]
    every = activations(series)
    if every:
        lines.append("    activation energies: of ln(σT) for the conductivity, of ln(T/R) for a process [95 %]")
    for one in every:
        lines.append(f"    {one.quantity:<26}{energy_told(one.energy)}   {room_told(one)}")
    if not every:
        for place, (end, sigma) in enumerate(zip(series.coordinate, series.conductivity, strict=True)):
            told = "conductivity not told" if sigma is None else f"conductivity {show(sigma, 'conductivity')}"
            sizes = [_size(track, place) for track in series.series.tracks if track.present[place]]
            lines.append(f"    at {show(end.value, series.along, digits=4):<10}{', '.join([told, *sizes])}")
    return lines


def _size(track: Track, place: int) -> str:
    size = Estimate(float(track.resistance[place]), float(track.resistance_std[place]))
    return f"{track.name} {show(size, 'resistance')}"


def activations(series: ConditionSeries) -> list[Activation]:
    """The conductivity's activation, where there is one, and the processes'."""
    return [one for one in (series.conductivity_activation, *series.activations) if one is not None]


def energy_told(energy: Estimate) -> str:
    """``0.400 ± 0.003 eV [0.394, 0.406] (38.6 ± 0.3 kJ/mol)``."""
    molar = show_in(energy, "activation_energy", "kJ/mol")
    shown = quantity("activation_energy").shown
    if not math.isfinite(energy.low):
        return f"{show(energy, 'activation_energy')} ({molar})"
    decimals = max(0, 1 - math.floor(math.log10(shown(energy.std)))) if energy.std > 0 else 4
    low, high = (f"{shown(end):.{decimals}f}" for end in energy.interval)
    return f"{show(energy, 'activation_energy')} [{low}, {high}] ({molar})"


def room_told(one: Activation) -> str:
    """The value at 25 °C with its unit."""
    return f"{show(one.room_value, 'conductivity' if one.quantity == 'conductivity' else 'resistance')} at 25 °C"


def condition_entry(series: ConditionSeries, analysis: Analysis) -> dict[str, Any]:
    """A series under the keys of ``rampion analyse --json``."""
    marked = {"synthetic": True} if series.synthetic else {}
    return {
        "sample": series.sample,
        "along": series.along,
        "circuit": series.series.circuit,
        "records": [analysis.samples[place].experiment.name for place in series.places],
        "blocks": list(series.blocks),
        "coordinate": [one.value for one in series.coordinate],
        "coordinate_std": [to_plain(one.std) for one in series.coordinate],
        "conductivity": to_plain(series.conductivity),
        "activation": [
            {"quantity": one.quantity} | {name: to_plain(getattr(one, name)) for name in _NUMBERS}
            for one in activations(series)
        ],
        "tracks": track_entries(series.series.tracks),
        **marked,
        "flags": to_plain(series.flags),
    }


def track_entries(tracks: Iterable[Track]) -> list[dict[str, Any]]:
    """The processes along a series, whose coordinate stands beside them."""
    return [{key: value for key, value in to_plain(track).items() if key != "coordinate"} for track in tracks]


def condition_rows(series: ConditionSeries, analysis: Analysis) -> list[dict[str, Any]]:
    """One row per spectrum and process of a series, with the record that the spectrum is from, SI units."""
    records = [analysis.samples[place].experiment.name for place in series.places]
    coordinate = [float(one.value) for one in series.coordinate]
    rows = track_rows(series.series.tracks, series.sample, series.along, list(range(len(records))))
    out = []
    for row in rows:
        place = row.pop("block")
        sigma = series.conductivity[place]
        out.append(
            row
            | {"coordinate": coordinate[place], "record": records[place], "block": series.blocks[place]}
            | {
                "conductivity": sigma.value if sigma else None,
                "conductivity_std": to_plain(sigma.std) if sigma else None,
            }
        )
    return out


def activation_rows(series: ConditionSeries) -> list[dict[str, Any]]:
    """One row per activation energy of a series, SI units."""
    return [
        flat(
            {"sample": series.sample, "quantity": one.quantity}
            | {name: to_plain(getattr(one, name)) for name in _NUMBERS}
        )
        for one in activations(series)
    ]
