"""Which figures the samples allow: the forms in which the paper shows such data, drawn whenever there are such data.

Each function looks into a study and gives pictures or none; nothing here is computed but the mean and the standard
deviation of replicates that a figure shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rampion.figures.curves import Curve, draw_curves
from rampion.measurement import thinned
from rampion.quantities import quantity
from rampion.report.data import Column, column_of, curve_data, law_data
from rampion.study.events import Event, settings, sweeps

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from rampion.figures.laws import LawPlot
    from rampion.study import Study
    from rampion.study.laws import ScalingLaw

POINTS = 300  # of each curve in a picture of several
DENSE = 0.945  # relative density below which a pellet counts as porous


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Picture:
    """One figure with its caption, its file name, the paper's figure whose form it has, and its data."""

    name: str
    figure: Figure
    caption: str
    form: str = ""
    data: Sequence[Column] = ()
    wide: bool = False


def synthetic(study: Study) -> bool:
    """Whether any sample was computed rather than measured."""
    return any(event.finding.synthetic for event in study.events)


def length(thickness: float) -> str:
    """A thickness in words."""
    return f"{quantity('thickness').shown(thickness):.3g} mm"


def speed(rate: float) -> str:
    """A scan rate in words."""
    return f"{quantity('scan_rate').shown(rate):.2g} mV/s"


def curve_of(event: Event, name: str) -> Curve:
    """The voltammogram of a sweep, or the voltage of a run in time, thinned to what a small picture shows."""
    finding, record = event.finding, event.finding.voltammogram
    assert finding.current_density is not None
    per_area = finding.current_density.value / finding.current.value if finding.current.value else np.nan
    if finding.kind == "sweep":
        kept = thinned(record.current, POINTS)
        axes = {"across": "potential", "up": "current_density"}
        x, y = record.potential[kept], record.current[kept] * per_area
        at = (finding.potential.value, finding.current_density.value)
    else:
        kept = thinned(record.potential, POINTS)
        axes = {"across": "time", "up": "potential"}
        x, y = record.time[kept], record.potential[kept]
        at = (finding.time.value, finding.potential.value)
    judged = (event.limited and not event.plateau) or event.penetrated
    return Curve(
        name=name, note=event.sample.name, **axes, x=x, y=y, event=at if judged else None, penetrated=event.penetrated
    )


def usual(events: Sequence[Event]) -> Event:
    """The sample with the middle current density among those that ended as most did."""
    penetrated = [event for event in events if event.penetrated]
    rest = [event for event in events if not event.penetrated]
    chosen = penetrated if len(penetrated) > len(rest) else rest
    ordered = sorted(chosen, key=lambda event: event.finding.current_density.value)  # type: ignore[union-attr]
    return ordered[len(ordered) // 2]


def grouped(events: Sequence[Event], by: str) -> list[list[Event]]:
    """The events of each setting of scan rate or thickness, ascending."""
    return [[events[i] for i in members] for members in settings(_values(events, by))] if events else []


def _values(events: Sequence[Event], by: str) -> np.ndarray:
    if by == "rate":
        return np.array([event.rate for event in events])
    return np.array([event.sample.thickness.value for event in events])  # type: ignore[union-attr]


def density(event: Event) -> float:
    """Relative density, NaN where it is not known."""
    return event.sample.relative_density.value if event.sample.relative_density else float("nan")


def rate_pictures(study: Study) -> Iterator[Picture]:
    """Voltammograms of several scan rates at the thickness with most sweeps: at penetration, and at the peaks."""
    swept = [event for event in sweeps(study.events) if not density(event) < DENSE]
    if not swept:
        return
    at_one = max(grouped(swept, "thickness"), key=len)
    told = length(float(np.mean(_values(at_one, "thickness"))))
    chosen = [usual(group) for group in grouped(at_one, "rate")]
    limited = [event for event in chosen if event.limited]
    spiked = [event for event in chosen if event.penetrated]
    if spiked and limited:
        curves = [curve_of(event, speed(event.rate)) for event in [limited[-1], *spiked]]
        yield Picture(
            name="rates_and_penetration", figure=draw_curves(curves, told, synthetic(study)), data=curve_data(curves),
            caption=f"Fast sweeps penetrate, the fastest that does not reaches a limit; {told}, one sample per rate.",
            form="Fig. 1c",
        )  # fmt: skip
    if len(limited) > 1:
        curves = [curve_of(event, speed(event.rate)) for event in limited]
        yield Picture(
            name="rates_at_the_limit", figure=draw_curves(curves, told, synthetic(study)), data=curve_data(curves),
            caption=f"Voltammograms that reach a limit, by scan rate; {told}, one sample per rate.", form="Fig. S8",
        )  # fmt: skip


def thickness_pictures(study: Study) -> Iterator[Picture]:
    """Voltammograms of several thicknesses, for each scan rate at which they were measured, fastest first."""
    swept = [event for event in sweeps(study.events) if not density(event) < DENSE]
    forms = iter(("Fig. S9", "Fig. S10"))
    for at_one in reversed(grouped(swept, "rate")):
        chosen = [usual(group) for group in grouped(at_one, "thickness")]
        if len(chosen) < 3:
            continue
        told = speed(float(np.mean(_values(at_one, "rate"))))
        named = [(event, event.sample.thickness.value) for event in chosen]  # type: ignore[union-attr]
        curves = [curve_of(event, length(value)) for event, value in named]
        yield Picture(
            name=f"thicknesses_at_{told.replace('/', '_per_').replace(' ', '_')}", data=curve_data(curves),
            figure=draw_curves(curves, told, synthetic(study)), form=next(forms, ""),
            caption=f"Voltammograms of several thicknesses at {told}, one sample each.",
        )  # fmt: skip


def density_pictures(study: Study) -> Iterator[Picture]:
    """Voltammograms of several relative densities, at the setting of thickness and rate where there are most."""
    known = [event for event in sweeps(study.events) if density(event) > 0]
    best: dict[float, list[Event]] = {}
    for by_thickness in grouped(known, "thickness"):
        for cell in grouped(by_thickness, "rate"):
            by_density: dict[float, list[Event]] = {}
            for event in cell:
                by_density.setdefault(round(density(event), 3), []).append(event)
            best = max(best, by_density, key=len)
    if len(best) < 2:
        return
    chosen = [(value, usual(members)) for value, members in sorted(best.items())]
    curves = [curve_of(event, f"{100 * value:.3g} %") for value, event in chosen]
    _, first = chosen[0]
    told = f"{length(first.sample.thickness.value)}, {speed(first.rate)}"  # type: ignore[union-attr]
    yield Picture(
        name="relative_densities", figure=draw_curves(curves, told, synthetic(study)), data=curve_data(curves),
        caption=f"Voltammograms of several relative densities; {told}, one sample each.", form="Fig. S7d",
    )  # fmt: skip


def run_pictures(study: Study) -> Iterator[Picture]:
    """Voltage in time at constant current."""
    runs = [event for event in study.events if event.finding.kind == "constant_current" and event.complete]
    if not runs:
        return
    runs = sorted(runs, key=lambda event: event.finding.current_density.value)[:8]  # type: ignore[union-attr]
    shown = quantity("current_density")
    curves = [
        curve_of(event, f"{shown.shown(event.finding.current_density.value):.3g} mA/cm²")  # type: ignore[union-attr]
        for event in runs
    ]
    yield Picture(
        name="constant_current", figure=draw_curves(curves, "", synthetic(study)), data=curve_data(curves),
        caption="Cell voltage at constant current density.", form="Fig. S11",
    )  # fmt: skip


def capacity_pictures(study: Study) -> Iterator[Picture]:
    """Charge passed until the maximum against thickness, per scan rate."""
    from rampion.figures.capacity import draw_capacity

    peaks = [
        event
        for event in sweeps(study.events)
        if event.limited and not event.plateau and event.finding.charge is not None
    ]
    if len(peaks) < 3:
        return
    groups, data = [], []
    for members in grouped(peaks, "rate"):
        told = speed(float(np.mean(_values(members, "rate"))))
        thickness = _values(members, "thickness")
        charge = np.array([event.finding.charge.value for event in members])  # type: ignore[union-attr]
        groups.append((told, thickness, charge))
        data += [column_of("thickness", thickness, told), column_of("charge", charge, told)]
    yield Picture(
        name="capacity", figure=draw_capacity(groups, "", synthetic(study)), data=data, form="Fig. S12",
        caption="Areal capacity at the maximum. A contact that is used up has one capacity for all; transport has not.",
    )  # fmt: skip


def law_pictures(study: Study) -> Iterator[Picture]:
    """Each setting's pair of plots: exponent and √v at one thickness, thickness and σ/L at one scan rate."""
    from rampion.figures.laws import draw_exponents, draw_laws

    drawn = [law for law in study.laws if law.quantity == "current_density" and law.abscissa.size]
    by_setting: dict[tuple[str, bool], list[ScalingLaw]] = {}
    for law in drawn:
        by_setting.setdefault((law.setting, law.against[0] in ("thickness", "σ/L")), []).append(law)
    for (setting, by_thickness), laws in by_setting.items():
        plots = [_law_plot(study, law, setting) for law in laws]
        what = "thickness and σ/L" if by_thickness else "scan rate and its square root"
        caption = f"Largest current density against {what}, {setting}."
        if not by_thickness:
            caption += " A straight √v plot does not tell transport from loss of contact."
        stem = setting.replace("/", "_per_").replace(", ", "_").replace(" ", "_")
        yield Picture(
            name=f"laws_at_{stem}", figure=draw_laws(plots, setting, synthetic(study)), caption=caption,
            form="Fig. 4c–f" if by_thickness else "Fig. 4a–b", wide=len(plots) > 1,
            data=[column for plot in plots for column in law_data(plot, setting)],
        )  # fmt: skip
    joint = next((law.law for law in study.laws if len(law.against) == 2 and law.quantity == "current_density"), None)
    if joint is not None:
        a, b = joint.exponents
        ends = [(a.value, a.low, a.high), (b.value, b.low, b.high)]
        columns = [
            Column(name=f"{letter}{part}", unit="", comment="all peaks", values=np.array([value]))
            for letter, triple in zip("ab", ends, strict=True)
            for part, value in zip(("", " low", " high"), triple, strict=True)
        ]
        yield Picture(
            name="exponents", figure=draw_exponents(*ends, synthetic=synthetic(study)), data=columns,
            caption="Exponents of J ∝ vᵃLᵇ against the exact lines of bulk transport and of an interface.",
        )  # fmt: skip


def _law_plot(study: Study, law: ScalingLaw, setting: str) -> LawPlot:
    from rampion.figures.laws import LawPlot

    against = law.against[0]
    special = {"√scan_rate": ("√v (mV½/s½)", 1e3**0.5), "σ/L": ("σ/L (mS/cm²)", 0.1)}
    label, factor = special.get(against) or (quantity(against).label, quantity(against).factor)
    logs = np.log(law.abscissa)
    groups = [
        (law.abscissa[i].mean(), law.ordinate[i].mean(), law.ordinate[i].std(ddof=1))
        for i in (settings(law.abscissa) if np.ptp(logs) > 0 else [])
        if i.size > 1
    ]
    apart = []
    if against == "thickness" and not setting.startswith("penetration"):
        apart = [
            (event.sample.thickness.value, event.finding.current_density.value)  # type: ignore[union-attr]
            for event in sweeps(study.events)
            if event.penetrated and speed(event.rate) == setting
        ]
    return LawPlot(
        label=label, factor=factor, x=law.abscissa, y=law.ordinate, y_std=law.ordinate_std,
        groups=np.array(groups).reshape(-1, 3), apart=np.array(apart).reshape(-1, 2), law=law.law, line=law.line,
    )  # fmt: skip


def survival_pictures(study: Study) -> Iterator[Picture]:
    """Share of samples whole at each current density: by relative density, and by whatever else was varied."""
    from rampion.figures.laws import draw_survival

    for by in dict.fromkeys(group.by for group in study.survival):
        curves = [(group.group, group.curve) for group in study.survival if group.by == by and group.curve.events]
        if not curves:
            continue
        data = []
        for name, curve in curves:
            data.append(column_of("current_density", curve.level, name))
            parts = (("share not penetrated", curve.survival), ("lower 95 %", curve.low), ("upper 95 %", curve.high))
            data += [Column(name=words, unit="", comment=name, values=values) for words, values in parts]
        yield Picture(
            name=f"survival_{by.replace(' ', '_')}", figure=draw_survival(curves, synthetic(study)), data=data,
            caption=f"Kaplan–Meier by {by}: share of samples not penetrated at each current density, with its 95 % "
            "band; samples that did not penetrate count as censored. Groups without a penetration are not drawn.",
        )  # fmt: skip
