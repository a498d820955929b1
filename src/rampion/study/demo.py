"""demo: the paper's design on simulated samples, through files and analysis, to truth beside recovered."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from rampion.campaign.replicates import summarise_replicates
from rampion.cell.contact import ContactLoss
from rampion.cell.ohmic import simulate_ohmic
from rampion.cell.parameters import Cell
from rampion.estimate import Estimate
from rampion.measurement import Spectrum, Sweep, Trace
from rampion.planning.virtual_campaign import SCAN_RATES, TRUTHS, Truth, write_campaign
from rampion.study.analysis import Analysis
from rampion.study.campaign import Study
from rampion.study.events import pellets
from rampion.study.laws import ScalingLaw

Part = TypeVar("Part", Trace, Spectrum, Trace | Spectrum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """One number of the truth beside what the study found; ``inside`` says whether the interval holds it."""

    quantity: str
    meaning: str
    truth: float
    found: Estimate | None

    @property
    def inside(self) -> bool | None:
        """Whether the 95 % interval covers the truth."""
        if self.found is None or not math.isfinite(self.found.std):
            return None
        return self.found.low <= self.truth <= self.found.high


def write_demo(folder: Path, truth: str = "binary", seed: int = 1) -> Iterator[str]:
    """Write the virtual campaign's instrument files; yields each sample's name as it is done."""
    yield from write_campaign(TRUTHS[truth], folder, seed)


def placed(analysis: Analysis, made: Path, folder: Path) -> Analysis:
    """The analysis of files made in one place with the place where they come to stand as their source."""

    def moved(part: Part) -> Part:
        if part.source is None:
            return part
        path = folder / Path(part.source.path).relative_to(made)
        return replace(part, source=replace(part.source, path=str(path)))

    samples = tuple(
        replace(one, experiment=replace(one.experiment, parts=tuple(map(moved, one.experiment.parts))))
        for one in analysis.samples
    )
    series = tuple(replace(one, spectra=tuple(map(moved, one.spectra))) for one in analysis.series)
    return replace(analysis, samples=samples, series=series)


def compare_with_truth(study: Study, truth: str) -> tuple[Recovered, ...]:
    """The truth of a virtual campaign beside the study's numbers.

    The true conductivity is that of the ohmic line: ceramic and interfaces in series. The true exponent is the slope
    of noise-free simulated peaks over the same scan rates.
    """
    known = TRUTHS[truth]
    law = _rate_law(study)
    numbers = {(item.quantity, item.method.split(" (")[0]): item.estimate for item in study.transport}
    rows = [
        Recovered(
            quantity="conductivity", meaning="total conductivity of 1 mm with its interfaces",
            truth=1e-3 / (1e-3 / known.conductivity + known.interface_resistance),
            found=_one_millimetre(study),
        ),
        Recovered(
            quantity="exponent", meaning="of the largest current against scan rate at 1 mm",
            truth=_true_exponent(known, law), found=law.law.exponents[0] if law and law.law else None,
        ),
    ]  # fmt: skip
    if known.mechanism == "binary":
        for quantity, value in (("transference", known.transference), ("concentration", known.concentration)):
            found = numbers.get((quantity, "collapse"))
            rows.append(Recovered(quantity=quantity, meaning="collapse of all peaks", truth=value, found=found))
    else:
        rows.append(_capacity(study, known))
    return tuple(rows)


def _one_millimetre(study: Study) -> Estimate | None:
    chosen = [
        event
        for event in study.events
        if event.finding.conductivity is not None
        and event.sample.thickness is not None
        and abs(event.sample.thickness.value - 1e-3) < 1.2e-4
        and event.limited
        and not event.plateau
    ]
    if len(chosen) < 3:
        return None
    values = np.array([event.finding.conductivity.value for event in chosen])  # type: ignore[union-attr]
    return summarise_replicates(values, pellets(chosen)).mean


def _rate_law(study: Study) -> ScalingLaw | None:
    for law in study.laws:
        if law.law is not None and law.against == ("scan_rate",) and law.quantity == "current_density":
            return law
    return None


def _true_cell(truth: Truth) -> Cell:
    terms = ()
    if truth.mechanism == "contact":
        terms = (ContactLoss(capacity=truth.contact_capacity, resistance=truth.contact_resistance),)
    return Cell(
        thickness=1e-3, conductivity=truth.conductivity, concentration=truth.concentration, area=truth.area,
        transference=truth.transference, interface_resistance=truth.interface_resistance, terms=terms,
    )  # fmt: skip


def _true_exponent(truth: Truth, law: ScalingLaw | None) -> float:
    """Slope of ln J_p against ln v without noise, over the scan rates of the samples that the law was fitted to.

    The true curve is no straight line, so that its slope depends on how many samples there are at each rate.
    """
    rates = [rate for rate in SCAN_RATES if rate <= 5e-5]
    if law is not None:
        rates = [min(SCAN_RATES, key=lambda known: abs(math.log(known / rate))) for rate in law.abscissa]
    peaks = {rate: _true_peak(truth, rate) for rate in set(rates)}
    pairs = [(math.log(rate), math.log(peak)) for rate in rates if (peak := peaks[rate]) is not None]
    log_rate, log_peak = np.array(pairs).T
    return float(np.polyfit(log_rate, log_peak, 1)[0])


def _true_peak(truth: Truth, rate: float) -> float | None:
    sweep = Sweep(rate=rate, start=0.0, stop=0.8)
    if truth.mechanism == "contact":
        (trace,) = simulate_ohmic(_true_cell(truth), sweep, points=4000).traces
        return float(np.max(trace.current)) / truth.area
    from rampion.cell.simulate import simulate

    peak = simulate(_true_cell(truth), sweep).peak
    return peak.current_density if peak is not None else None


def _capacity(study: Study, truth: Truth) -> Recovered:
    found = next((item.estimate for item in study.transport if item.quantity == "contact_capacity"), None)
    meaning = "capacity of the contact: charge until it resists more than the ceramic"
    return Recovered(quantity="charge", meaning=meaning, truth=truth.contact_capacity, found=found)
