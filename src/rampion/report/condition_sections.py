"""What a study's report says of series along temperature or pressure: activation energies, conductivity, pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from rampion.quantities import quantity
from rampion.report.data import Column
from rampion.report.document import Section, gathered, interval, number, section, table
from rampion.report.folder import file_name
from rampion.report.panels import Picture
from rampion.report.sections import estimate
from rampion.units import show

if TYPE_CHECKING:
    from rampion.study import Study
    from rampion.study.conditions import ConditionSeries


def conditions_section(plain: Mapping[str, Any]) -> Section:
    """One row per activation energy, and one per spectrum of a series with its conductivity."""
    energies = [
        [each["sample"], one["quantity"], interval(one["energy"], "activation_energy", 4),
         number(estimate(one["room_value"]), "conductivity" if one["quantity"] == "conductivity" else "resistance"),
         one["count"], "–" if one["p_value"] is None else f"{one['p_value']:.2g}"]
        for each in plain["series"] for one in each["activation"]
    ]  # fmt: skip
    along = [
        [each["sample"], each["along"].replace("_", " "), show(place, each["along"], digits=4), record,
         interval(sigma, "conductivity") if sigma else "not told"]
        for each in plain["series"]
        for place, record, sigma in zip(each["coordinate"], each["records"], each["conductivity"], strict=True)
    ]  # fmt: skip
    tables = []
    if energies:
        header = ["sample", "of", "E_a [95 %]", "at 25 °C", "temperatures", "p of the line"]
        note = "Slopes of ln(σT) for the conductivity and of ln(T/R) for a process, against 1/T."
        tables.append(table(header, energies, "Activation energies", note))
    if along:
        header = ["sample", "along", "at", "record", "σ [95 %]"]
        tables.append(table(header, along, "Conductivity along temperature or pressure"))
    flags = gathered((each["sample"], flag) for each in plain["series"] for flag in each["flags"])
    return section("conditions", "Temperature and pressure", tables=tables, flags=flags)


def condition_pictures(study: Study) -> Iterator[Picture]:
    """The Arrhenius lines, or the tracks along pressure, of every series."""
    from rampion.figures.arrhenius import draw_arrhenius
    from rampion.figures.tracks import draw_tracks

    for number_, series in enumerate(study.analysis.series, 1):
        stem, name = file_name(f"series_{number_:02d}_{series.sample}"), series.sample
        if series.conductivity_activation is not None or series.activations:
            yield Picture(
                name=f"{stem}_arrhenius", data=_arrhenius_data(series), wide=True,
                figure=draw_arrhenius(series.conductivity_activation, series.activations, name, series.synthetic),
                caption=f"{name}: σT, and T/R of each process, against 1000/T; lines with their 95 % bands.",
            )  # fmt: skip
        else:
            words = series.along.replace("_", " ")
            yield Picture(
                name=f"{stem}_tracks", data=_track_data(series), wide=True,
                figure=draw_tracks(series.series.tracks, series.along, name, series.synthetic),
                caption=f"{name}: each process along {words}.",
            )  # fmt: skip


def _arrhenius_data(series: ConditionSeries) -> list[Column]:
    columns = []
    for one in (series.conductivity_activation, *series.activations):
        if one is None:
            continue
        factor, unit = (quantity("conductivity").factor, "mS·K/cm") if one.quantity == "conductivity" else (1.0, "K/Ω")
        what = "σT" if one.quantity == "conductivity" else "T/R"
        told = f"{series.sample}, {one.quantity}"
        columns += [
            Column(name="1000/T", unit="1/K", comment=told, values=1e3 / one.temperature),
            Column(name=what, unit=unit, comment=told, values=one.ordinate * factor),
            Column(name=f"standard uncertainty of {what}", unit=unit, comment=told, values=one.ordinate_std * factor),
        ]
    return columns


def _track_data(series: ConditionSeries) -> list[Column]:
    known = quantity(series.along)
    columns = []
    for track in series.series.tracks:
        told, place = f"{series.sample}, {track.name}", np.asarray(track.coordinate) * known.factor + known.offset
        columns += [
            Column(name=series.along.replace("_", " "), unit=known.shown_unit, comment=told, values=place),
            Column(name="resistance", unit="Ω", comment=told, values=track.resistance),
        ]
    return columns
