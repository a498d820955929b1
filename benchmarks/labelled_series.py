"""Series of drawn spectra by the labelled model: what grows, conductivity, interface, recovered part, energies.

    python benchmarks/labelled_series.py [--count 4] [--seed 4400] [--kinds interface,ceramic,...] [--heating]

The series are those of ``foreign_spectra_series.py``, which shares no code with the package; the tables those of
``spectra_scores.py``. A process is said to grow where its largest change until the stop exceeds 5 % with a probability
of 0.95, a skin where the electrolyte grows and a depletion has the larger probability.
"""

from __future__ import annotations

import argparse
import math
import time
import warnings

import numpy as np
from foreign_spectra_series import KINDS, HeatingDrawn, SweepDrawn, heating, sweep
from spectra_scores import Answer, HeatingAnswer, SweepAnswer, score_heating, score_sweeps, show

from rampion.estimate import Estimate
from rampion.impedance import evidence
from rampion.impedance.label_series import explore_series
from rampion.impedance.labels import Label
from rampion.impedance.series_finding import CARRIED, analyse_series
from rampion.measurement import Sample, Spectrum

LAYERS = (Label.INTERFACE, Label.SECOND_INTERFACE)
GROWN, SURE, DRAWS = 1.05, 0.95, 400


def as_answer(found: Estimate, seconds: float = math.nan) -> Answer:
    """An estimate in the form of the scores."""
    ends = found.value - found.std, found.value + found.std
    return Answer(value=found.value, low95=found.low, high95=found.high, low68=ends[0], high68=ends[1], seconds=seconds)


def known(drawn: SweepDrawn | HeatingDrawn) -> Sample:
    """Thickness and area as stated, to 1 %."""
    thickness, area = drawn.thickness, drawn.area
    return Sample(name="drawn", thickness=Estimate(thickness, 0.01 * thickness), area=Estimate(area, 0.01 * area))


def draw_numbers(members, numbers, random) -> np.ndarray:
    """(n, k) joint draws of k numbers from the mixture."""
    picks = random.multinomial(DRAWS, [one.weight for one in members])
    rows = []
    for one, count in zip(members, picks, strict=True):
        known = [number(one) for number in numbers]
        if count and all(each is not None for each in known):
            slopes = np.array([each[1] for each in known])
            covariance = slopes @ one.mode.covariance @ slopes.T
            rows.append(random.multivariate_normal([each[0] for each in known], covariance, count))
    return np.exp(np.concatenate(rows))


def answer_sweep(drawn: SweepDrawn) -> SweepAnswer:
    """What the joint problem says of one series along a bias and at rest."""
    spectra = [
        Spectrum(frequency=drawn.frequency, impedance=one, potential=float(bias))
        for one, bias in zip(drawn.impedance, drawn.potential, strict=True)
    ]
    begin = time.process_time()
    members = explore_series(spectra, known(drawn), biased=True)
    seconds = time.process_time() - begin
    last, stop = len(spectra) - 1, int(np.flatnonzero(~drawn.resting)[-1])
    layers = [evidence.sum_of_resistances(lambda _, label: label in LAYERS, at) for at in range(len(spectra))]
    ceramic = [evidence.ceramic_resistance(at) for at in range(len(spectra))]
    grows, recovered, random = set(), {}, np.random.default_rng(0)
    for name, numbers in (("ceramic", ceramic), ("interface", layers)):
        first, top, end = draw_numbers(members, [numbers[0], numbers[stop], numbers[last]], random).T
        if np.mean(top / first > GROWN) > SURE:
            grows.add(name)
        part = (top - end) / (top - first)
        low, middle, high = np.quantile(part, (0.025, 0.5, 0.975))
        recovered[name] = Answer(value=float(middle), low95=float(low), high95=float(high))
    if "ceramic" in grows and evidence.probability(members, lambda one: Label.SKIN in one.labels.labels) > 0.5:
        grows.add("skin")
    return SweepAnswer(
        grows=frozenset(grows),
        conductivity=as_answer(evidence.estimate(members, evidence.conductivity(0))),
        interface=[as_answer(evidence.estimate(members, one)) for one in layers],
        recovered=recovered,
        seconds=seconds,
    )


def answer_heating(drawn: HeatingDrawn, error: float) -> HeatingAnswer:
    """Energies [eV] and totals [Ω] of a pellet between blocking electrodes."""
    spectra = [Spectrum(frequency=drawn.frequency, impedance=one) for one in drawn.impedance]
    kelvin = [Estimate(float(one), max(error, 0.05)) for one in drawn.temperature]
    found = analyse_series(spectra, known(drawn), coordinate=drawn.temperature, temperature=kelvin)
    energies = {name: as_answer(one.scaled(1 / (CARRIED))) for name, one in found.energies}
    return HeatingAnswer(
        bulk=energies.get("bulk", Answer()),
        boundaries=energies.get("grain boundary", Answer()),
        totals=[as_answer(one.resistance) if one.resistance else Answer() for one in found.spectra],
    )


def main() -> None:
    """Draw, answer, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=4, help="of each kind")
    parser.add_argument("--seed", type=int, default=4400)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--heating", action="store_true", help="pellets along temperature instead")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    seeds = range(chosen.seed, chosen.seed + chosen.count)
    if chosen.heating:
        for error, within in ((0.0, 0.005), (0.5, 0.015)):
            pellets = [heating(seed, error=error) for seed in seeds]
            table = score_heating([answer_heating(one, error) for one in pellets], pellets, within)
            show(f"pellets along temperature, {error:g} K off: {chosen.count} from seed {chosen.seed}", table)
        return
    for kind in chosen.kinds.split(","):
        series = [sweep(kind, seed) for seed in seeds]
        table = score_sweeps([answer_sweep(one) for one in series], series)
        show(f"{kind}: {chosen.count} from seed {chosen.seed}", table)


if __name__ == "__main__":
    main()
