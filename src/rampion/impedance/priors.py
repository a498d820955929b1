"""What is known of a cell before its spectrum: Gaussian priors on combinations of logarithms, the geometry inside.

A prior is one row: Σ aᵢ·θᵢ = centre ± width, θ the logarithms of parameters in SI. Each row brings one new coordinate
with the factor one, so that the density of all rows is normalised. Widths are in decades where they are typed.

Garnets: ε_r, σ and grain boundary after Irvine, Sinclair, West, Adv. Mater. 2 (1990) 132,
doi:10.1002/adma.19900020304, and Eckhardt et al., Adv. Mater. Interfaces 9 (2022) 2202354,
doi:10.1002/admi.202202354; an interface is areal (C/A), never scaled with the thickness.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from rampion.impedance.labels import Label, LabelSet
from rampion.measurement import ElectrodeMaterial, MaterialClass, Sample
from rampion.quantities import VACUUM_PERMITTIVITY

DECADE = math.log(10)
GEOMETRY = ("thickness", "area")
FINEST = 1e-3  # of a length or area: nobody knows one better, and a smaller width would spoil the numbers


@dataclass(frozen=True, slots=True)
class Row:
    """One prior: Σ factor·coordinate = ``centre`` ± ``width``, logarithms of SI values; ``of`` is the new one."""

    of: str
    centre: float
    width: float
    others: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Beliefs:
    """Medians and widths [decades] of the physical parameters of one class of electrolyte.

    ``permittivity`` relative; ``conductivity`` [S/m] of the bulk; ``boundary`` and ``merged``: capacitance·L/A
    [F/m] of the grain boundary, and of the one arc where it does not show beside the bulk; ``boundary_share`` R_gb/R_b;
    ``interface`` [F/m²] and ``interface_resistance`` [Ω m²] of the arc of both electrodes, as fits of symmetric cells
    give it; ``surface`` [F/m²] of the layers on both faces.
    ``widening`` multiplies every width; ``boundaries`` whether bulk and grain boundary are two processes.
    """

    permittivity: tuple[float, float] = (50.0, 0.2)
    conductivity: tuple[float, float] = (3e-2, 1.0)
    boundary: tuple[float, float] = (2.5e-7, 0.5)
    merged: tuple[float, float] = (2e-9, 0.7)
    boundary_share: tuple[float, float] = (0.3, 0.5)
    interface: tuple[float, float] = (5e-3, 0.4)
    interface_resistance: tuple[float, float] = (4e-3, 1.0)
    surface: tuple[float, float] = (3e-4, 0.5)
    widening: float = 1.0
    boundaries: bool = True


GARNET = Beliefs()
BELIEFS = {
    MaterialClass.GARNET: GARNET,
    MaterialClass.NASICON: replace(GARNET, permittivity=(20.0, 0.3), widening=2.0),
    MaterialClass.PEROVSKITE: replace(GARNET, permittivity=(100.0, 0.4), boundary_share=(10.0, 1.0), widening=2.0),
    MaterialClass.SULFIDE: replace(GARNET, permittivity=(15.0, 0.4), conductivity=(1e-1, 1.0), boundaries=False),
    MaterialClass.ARGYRODITE: replace(GARNET, permittivity=(15.0, 0.4), conductivity=(2e-1, 1.0), boundaries=False),
    MaterialClass.HALIDE: replace(GARNET, permittivity=(15.0, 0.4), conductivity=(5e-2, 1.0), boundaries=False),
    MaterialClass.LIPON: replace(GARNET, conductivity=(2e-4, 1.0), widening=2.0, boundaries=False),
    MaterialClass.POLYMER: replace(GARNET, permittivity=(10.0, 0.5), conductivity=(1e-2, 1.5), boundaries=False),
    MaterialClass.OTHER: replace(GARNET, conductivity=(1e-2, 1.5), widening=2.0),
}
LEADS = {"L": (2e-7, 0.5), "R": (1.0, 0.5)}  # H, Ω: the rig's, decades
EXPONENTS = {"bulk": (0.02, 0.3), "grain boundary": (0.05, 0.25), "blocking electrode": (0.1, 0.35)}  # 1 - α, decades
OTHER_EXPONENT = (0.08, 0.3)
DIFFUSION = {"share": (0.3, 1.0), "tau": (10.0, 1.0)}  # of the bulk's resistance; L²/4D or a layer's [s]
BLOCKING = (2e-2, 1.0)  # F/m² at 1 rad/s
SKIN = (0.02, 0.3)  # artanh j in the first spectrum of a series: none, R grows by j²/3
USUAL_GEOMETRY = {"thickness": (1e-3, 0.3), "area": (5e-5, 0.5)}  # m, m²: where the sheet is silent
LAYER = "surface layer"  # the sheet's column that states one
SURFACE_ODDS = 0.01  # of a surface layer that nobody stated
DEPLETION_ODDS = 0.05  # of an electrolyte that depletes as a binary one, before its spectra show any growth
SECOND_ODDS = 0.01  # of a second interface
MERGED_ODDS = 0.03  # of grain boundaries that do not show beside the bulk


def beliefs_of(sample: Sample) -> Beliefs:
    """The beliefs for a sample's class; a garnet where the sheet does not name one."""
    return GARNET if sample.material_class is None else BELIEFS[sample.material_class]


def label_sets(sample: Sample, biased: bool = False) -> tuple[tuple[LabelSet, float], ...]:
    """The sets that a sample may hold, each with the logarithm of its prior odds.

    Electrodes of lithium end in diffusion, blocking ones in a blocking tail; both compete where the sheet states
    neither. A skin depletes only in a cell that is ``biased``.
    """
    body = [((Label.BULK,), 0.0)]
    if beliefs_of(sample).boundaries:
        body = [((Label.BULK, Label.GRAIN_BOUNDARY), 0.0), ((Label.MERGED,), math.log(MERGED_ODDS))]
    stated = sample.electrodes
    kinds = set() if stated is None else {stated.working, stated.counter}
    sets: list[tuple[tuple[Label, ...], float]] = []
    if ElectrodeMaterial.BLOCKING not in kinds:
        fronts = [
            ((Label.INTERFACE,), 0.0),
            ((Label.INTERFACE, Label.SECOND_INTERFACE), math.log(SECOND_ODDS)),
            ((Label.SURFACE_LAYER, Label.INTERFACE), 0.0 if _layer_stated(sample) else math.log(SURFACE_ODDS)),
        ]
        sets += [((*one, *front, Label.DIFFUSION), odds + more) for one, odds in body for front, more in fronts]
        if biased:
            depletes = math.log(DEPLETION_ODDS)
            sets += [((Label.SKIN, *one, Label.INTERFACE, Label.DIFFUSION), odds + depletes) for one, odds in body]
    if ElectrodeMaterial.BLOCKING in kinds or not kinds:
        sets += [((*one, Label.BLOCKING), odds) for one, odds in body]
    return tuple((LabelSet((Label.LEADS, *labels)), odds) for labels, odds in sets)


def _layer_stated(sample: Sample) -> bool:
    """Whether a column ``surface layer`` of the sample sheet says that there is one."""
    stated = [text.strip().lower() for name, text in sample.extra.items() if name.lower().startswith(LAYER)]
    return any(text not in ("", "no", "none", "0") for text in stated)


def prior_rows(labels: LabelSet, sample: Sample) -> tuple[Row, ...]:
    """One row a coordinate, thickness and area first."""
    known = beliefs_of(sample)
    wide = known.widening
    rows = [_geometry(name, sample) for name in GEOMETRY]
    body = "bulk.R" if Label.BULK in labels.labels else f"{Label.MERGED.value}.R"

    def add(of: str, median: tuple[float, float], widening: float = 1.0, **others: float) -> None:
        rows.append(Row(of, math.log(median[0]), median[1] * widening * DECADE, others))

    for label in labels.labels:
        name = label.value
        if label is Label.LEADS:
            add("leads.L", LEADS["L"])
            resistance = sample.leads_resistance
            if resistance is not None and resistance.value > 0 and math.isfinite(resistance.std):
                share = max(resistance.relative, 0.05) / DECADE
                add("leads.R", (resistance.value, share))
            else:
                add("leads.R", LEADS["R"])
        elif label is Label.BULK:
            add("bulk.R", (1 / known.conductivity[0], known.conductivity[1]), wide, area=1.0, thickness=-1.0)
            slab = VACUUM_PERMITTIVITY * known.permittivity[0]
            add("bulk.C", (slab, known.permittivity[1]), wide, area=-1.0, thickness=1.0)
        elif label is Label.SKIN:
            add("depleted skin.degree", SKIN)
        elif label is Label.MERGED:
            add(f"{name}.R", (1 / known.conductivity[0], known.conductivity[1]), wide, area=1.0, thickness=-1.0)
            add(f"{name}.C", known.merged, wide, area=-1.0, thickness=1.0)
        elif label is Label.GRAIN_BOUNDARY:
            rows.append(_over(body, "grain boundary.R", known.boundary_share, wide))
            add("grain boundary.C", known.boundary, wide, area=-1.0, thickness=1.0)
        elif label is Label.DIFFUSION:
            rows.append(_over(body, "diffusion.R", DIFFUSION["share"], 1.0))
            add("diffusion.tau", DIFFUSION["tau"])
        elif label is Label.BLOCKING:
            add("blocking electrode.Q", BLOCKING, area=-1.0)
        else:
            areal = known.surface if label is Label.SURFACE_LAYER else known.interface
            add(f"{name}.R", known.interface_resistance, wide, area=1.0)
            add(f"{name}.C", areal, wide, area=-1.0)
        if f"{name}.flat" in labels.coordinates:
            add(f"{name}.flat", EXPONENTS.get(name, OTHER_EXPONENT))
    return tuple(rows)


def _over(body: str, of: str, share: tuple[float, float], widening: float) -> Row:
    return Row(of, math.log(share[0]), share[1] * widening * DECADE, {body: -1.0})


def _geometry(name: str, sample: Sample) -> Row:
    size = getattr(sample, name)
    if size is None:
        median, decades = USUAL_GEOMETRY[name]
        return Row(name, math.log(median), decades * DECADE, {})
    share = size.relative if math.isfinite(size.std) else 0.0
    return Row(name, math.log(size.value), max(share, FINEST), {})


def prior_matrix(
    rows: tuple[Row, ...], names: tuple[str, ...]
) -> tuple[Float[np.ndarray, "q g"], Float[np.ndarray, " q"], Float[np.ndarray, " q"]]:
    """Factors (q, g), centres (q,) and widths (q,) of the rows over the coordinates ``names`` (g,)."""
    place = {name: at for at, name in enumerate(names)}
    factors = np.zeros((len(rows), len(names)))
    for at, row in enumerate(rows):
        factors[at, place[row.of]] = 1.0
        for other, factor in row.others.items():
            factors[at, place[other]] += factor
    return factors, np.array([row.centre for row in rows]), np.array([row.width for row in rows])
