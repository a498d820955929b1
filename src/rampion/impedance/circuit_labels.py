"""Labels for the parts of a circuit that a person gave, by the priors of the labelled model.

Every way to give the circuit's resistance in series and its arcs the labels of a sample counts with the density that
the priors give to the fitted values. Along a series the densities of all spectra multiply: a part has one label.

Fails where two parts can change places without leaving the priors: the shares are then near one half, and the
conductivity has the interval of both.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rampion.estimate import Estimate
from rampion.impedance.circuit_fit import CircuitFit, sum_of
from rampion.impedance.evidence import lognormal_mixture
from rampion.impedance.labels import Label, LabelSet, Shape
from rampion.impedance.priors import label_sets, prior_rows
from rampion.impedance.processes import Process, elements_in
from rampion.measurement import Sample

SHARP = 1e-4  # of the shares of ways: what is left out


@dataclass(frozen=True, slots=True)
class Naming:
    """One way to label the parts of a circuit: the labels by part, and its share."""

    labels: dict[str, Label]
    share: float


def name_parts(series: Sequence[Sequence[Process]], sample: Sample) -> tuple[Naming, ...]:
    """The ways to label the parts that all spectra of a series (or one) have, the likeliest first."""
    first = series[0]
    arcs = [process.part for process in first if process.kind == "arc" and process.capacitance.value > 0]
    ohmic = [process.part for process in first if process.kind == "series"]
    tails = {p.part: Label.DIFFUSION if p.kind == "diffusion" else Label.BLOCKING for p in first}
    tails = {part: label for part, label in tails.items() if part not in (*arcs, *ohmic)}
    values = [{process.part: process for process in processes} for processes in series]
    ways: list[tuple[dict[str, Label], float]] = []
    for labels in permutations_of(len(arcs), len(ohmic)):
        given = dict(zip([*ohmic, *arcs], labels, strict=True)) | tails
        ways.append((given, sum(_density(given, known, sample) for known in values if set(known) >= set(given))))
    top = max(height for _, height in ways)
    weights = [math.exp(height - top) for _, height in ways]
    whole = sum(weights)
    namings = [Naming(given, weight / whole) for (given, _), weight in zip(ways, weights, strict=True)]
    return tuple(sorted((one for one in namings if one.share > SHARP), key=lambda one: -one.share))


def permutations_of(arcs: int, ohmic: int) -> list[tuple[Label, ...]]:
    """Every labelling of the resistances in series and the arcs: none twice but a further interface's."""
    solid = [Label.MERGED, Label.BULK, Label.GRAIN_BOUNDARY, Label.SURFACE_LAYER, Label.INTERFACE]
    solid += [Label.SECOND_INTERFACE] * max(1, arcs - 3)
    fronts = itertools.product((Label.LEADS, Label.BULK), repeat=ohmic)
    ways = dict.fromkeys(
        (*front, *rest)
        for front in fronts
        for rest in itertools.permutations(solid, arcs)
        if _one_body((*front, *rest))
    )
    return list(ways)


def _one_body(labels: tuple[Label, ...]) -> bool:
    """Whether the electrolyte is there once: as bulk with or without a grain boundary, or as one arc of both."""
    bulk, merged = labels.count(Label.BULK), labels.count(Label.MERGED)
    return bulk + merged == 1 and not (merged and Label.GRAIN_BOUNDARY in labels)


def _density(given: dict[str, Label], known: dict[str, Process], sample: Sample) -> float:
    """ln of the prior density of the fitted resistances and capacitances under the labels."""
    labels = LabelSet(tuple(dict.fromkeys(given.values())))
    if not given:
        return 0.0
    at = {"thickness": 0.0, "area": 0.0}
    rows = prior_rows(labels, sample)
    at |= {row.of: row.centre for row in rows if row.of in at}
    for part, label in given.items():
        process = known[part]
        if process.resistance.value > 0:
            at[f"{label.value}.R"] = math.log(process.resistance.value)
        if process.capacitance.value > 0:
            at[f"{label.value}.C"] = math.log(process.capacitance.value)
    total = 0.0
    for row in rows:
        if row.of in at and all(other in at for other in row.others):
            excess = at[row.of] + sum(factor * at[other] for other, factor in row.others.items()) - row.centre
            total -= 0.5 * (excess / row.width) ** 2 + math.log(row.width)
    body = {label for label in labels.labels if label.shape is Shape.ARC}
    odds = [odds for one, odds in label_sets(sample) if body == {x for x in one.labels if x.shape is Shape.ARC}]
    return total + (max(odds) if odds else 2 * min(odds for _, odds in label_sets(sample)))


def ceramic_resistance(fit: CircuitFit, namings: Sequence[Naming]) -> Estimate | None:
    """The electrolyte's resistance [Ω], over every way to label the parts; None where no way has one."""
    parts = []
    for one in namings:
        names = [name for part, label in one.labels.items() if label.ceramic for name in resistances_in(part, fit)]
        total = sum_of(fit, names) if names else None
        if total is not None and total.value > 0 and math.isfinite(total.relative):
            parts.append((one.share, math.log(total.value), max(total.relative, 1e-9)))
    if not parts:
        return None
    shares, centres, widths = (np.array(column) for column in zip(*parts, strict=True))
    return lognormal_mixture(shares / shares.sum(), centres, widths)


def resistances_in(part: str, fit: CircuitFit) -> list[str]:
    """Names of the resistances of a part that the data determine."""
    elements = elements_in(part)
    return [
        name
        for name, value in fit.parameters.items()
        if fit.units[name] == "ohm"
        and (name in elements or name.split(".")[0] in elements)
        and not any(flag.code == "unidentifiable" for flag in value.flags)
    ]
