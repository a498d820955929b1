"""Silently wrong names and conductivities along series of spectra whose truth is known (synthetic).

    python benchmarks/series_names.py --count 20 --seed 1000

Series of 20 spectra of pellets of 0.5 to 3 mm and 2 x 2 mm², 0.3 to 1 mS/cm; the window is 600 kHz to 10 Hz or
7 MHz to 1 Hz, errors are 0.1 to 1 % of |Z| in each part. Half of the ceramics show one merged arc, half bulk (relative
permittivity about 60) and grain boundary. What happens:

    growth      the interface grows tenfold at constant capacitance
    contact     contact is lost from an interface that shows: R as 1/θ, C as θ, θ from 1 to 1e-3 … 1e-6
    perfect     the same from an interface too small to be seen
    depletion   the ceramic's resistance grows two- to fivefold at constant capacitance, a slow arc comes
    short       the ceramic's resistance falls to 5 … 50 % at constant capacitance
    recovery    an arc comes in the middle of the series and goes again
    nothing     every spectrum is of one cell
    cell        a paused sweep of the simulated cell that loses the contact of one electrode (600 kHz to 10 Hz)

What a fitted part really is: the non-negative mixture of the true processes that comes nearest to its impedance, the
parts sharing every true process between them. A ceramic name is right where at least 75 % of the mixture is ceramic,
another name where at most 25 % is; between, none is. A wrong name is told where the confidence is below 0.8 or a flag
says that it may be wrong. A conductivity is wrong where its resistance is off by more than 5 % and three stated
standard uncertainties. Of a wrong conductivity it is no telling that two arcs of the ceramic overlap.
``--circuit chosen`` lets the circuit be chosen (slow); by default it is given, with an arc for every true process.
"""

from __future__ import annotations

import argparse
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls
from scipy.stats import beta

from rampion.cell.contact import ContactLoss
from rampion.cell.ohmic import simulate_ohmic
from rampion.cell.parameters import Cell, Relaxation
from rampion.estimate import Estimate
from rampion.impedance.assignment import MERGED, SURE, UNKNOWN, is_ceramic
from rampion.impedance.finding import SpectrumFinding
from rampion.impedance.process_names import NamedProcess
from rampion.impedance.series_finding import SeriesFinding, analyse_series
from rampion.measurement import FrequencyScan, Pause, Sample, Spectrum, Sweep

SPECTRA = 20
AREA = 4e-6  # m²
WINDOWS = ((6e5, 10.0), (7e6, 1.0))  # Hz
MOSTLY = 0.75  # of a part's impedance: what it really is
NEAR = 0.05  # of the resistance: as good as right
TELLING = {"assignment_uncertain", "arc_not_resolved", "unidentifiable"}
RESTING = {"conductivity_rests_on_a_name", "ceramic_partly_hidden"}
EPSILON = 8.8541878e-12  # F/m


@dataclass(frozen=True)
class Arc:
    """A true process along the series: resistances and capacitances (m,), exponent, and what it is."""

    what: str
    resistance: np.ndarray
    capacitance: np.ndarray
    exponent: float

    def impedance(self, index: int, frequency: np.ndarray) -> np.ndarray:
        time_constant = self.resistance[index] * self.capacitance[index]
        return self.resistance[index] / (1 + (2j * np.pi * frequency * time_constant) ** self.exponent)


@dataclass(frozen=True)
class Case:
    """One constructed series."""

    sample: Sample
    spectra: list[Spectrum]
    arcs: list[Arc]
    circuit: str | None


def drawn(random: np.random.Generator, low: float, high: float) -> float:
    """Uniform in the logarithm."""
    return float(np.exp(random.uniform(np.log(low), np.log(high))))


def ceramic(random: np.random.Generator, thickness: float, growth: np.ndarray) -> list[Arc]:
    """One merged arc, or bulk and grain boundary, whose resistance goes with ``growth`` at constant capacitance."""
    conductivity = random.uniform(0.03, 0.1)
    total = thickness / (conductivity * AREA)
    one = np.ones(SPECTRA)
    if random.random() < 0.5:
        apex = drawn(random, 3e5, 3e6)
        return [Arc("ceramic", total * growth, one / (2 * np.pi * apex * total), random.uniform(0.9, 1.0))]
    share = random.uniform(0.1, 0.6)
    bulk = random.uniform(50, 70) * EPSILON * AREA / thickness
    boundary = drawn(random, 1e-10, 5e-9) * (100 * AREA / thickness)  # at 1 cm⁻¹
    return [
        Arc("bulk", (1 - share) * total * growth, one * bulk, random.uniform(0.95, 1.0)),
        Arc("grain boundary", share * total * growth, one * boundary, random.uniform(0.85, 1.0)),
    ]


def interface(random: np.random.Generator, low: float, high: float) -> tuple[float, float, float]:
    """Resistance [Ω] from Ω cm², capacitance [F] from 1e-7 to 1e-5 F/cm², exponent."""
    area = 1e4 * AREA
    return drawn(random, low, high) / area, drawn(random, 1e-7, 1e-5) * area, random.uniform(0.75, 1.0)


def shown(random: np.random.Generator, ceramics: Sequence[Arc]) -> tuple[float, float, float]:
    """An interface that shows beside the ceramic: at least a tenth of it and a decade slower."""
    size = sum(arc.resistance[0] for arc in ceramics)
    slowest = min(1 / (2 * np.pi * arc.resistance[0] * arc.capacitance[0]) for arc in ceramics)
    while True:
        resistance, capacitance, exponent = interface(random, 1, 300)
        if resistance > 0.1 * size and 1 / (2 * np.pi * resistance * capacitance) < min(slowest, 6e5) / 10:
            return resistance, capacitance, exponent


def steady(value: tuple[float, float, float], factor: np.ndarray | float = 1.0) -> Arc:
    resistance, capacitance, exponent = value
    return Arc("electrode", resistance * factor * np.ones(SPECTRA), capacitance * np.ones(SPECTRA), exponent)


def losing(random: np.random.Generator, value: tuple[float, float, float]) -> Arc:
    contact = np.geomspace(1, drawn(random, 1e-6, 1e-3), SPECTRA)
    return Arc("electrode", value[0] / contact, value[1] * contact, value[2])


def growth(random: np.random.Generator, thickness: float) -> list[Arc]:
    inside = ceramic(random, thickness, np.ones(SPECTRA))
    return [*inside, steady(interface(random, 1, 300), np.geomspace(1, 10, SPECTRA))]


def contact(random: np.random.Generator, thickness: float) -> list[Arc]:
    inside = ceramic(random, thickness, np.ones(SPECTRA))
    arcs = [*inside, losing(random, shown(random, inside))]
    return [*arcs, steady(interface(random, 1, 300))] if random.random() < 0.5 else arcs


def perfect(random: np.random.Generator, thickness: float) -> list[Arc]:
    inside = ceramic(random, thickness, np.ones(SPECTRA))
    _, capacitance, exponent = interface(random, 1, 2)
    resistance = drawn(random, 1e-3, 3e-2) * sum(arc.resistance[0] for arc in inside)
    return [*inside, losing(random, (resistance, capacitance, exponent))]


def depletion(random: np.random.Generator, thickness: float) -> list[Arc]:
    rise = np.linspace(0, 1, SPECTRA) ** random.uniform(0.5, 2)
    inside = ceramic(random, thickness, 1 + (random.uniform(2, 5) - 1) * rise)
    size = sum(arc.resistance[0] for arc in inside) * random.uniform(0.3, 2)
    capacitance = 1 / (2 * np.pi * size * drawn(random, 30, 3e3))
    late = Arc("electrode", size * np.maximum(rise, 1e-4), capacitance * np.ones(SPECTRA), random.uniform(0.75, 1))
    return [*inside, steady(interface(random, 1, 300)), late]


def short(random: np.random.Generator, thickness: float) -> list[Arc]:
    inside = ceramic(random, thickness, np.geomspace(1, drawn(random, 0.05, 0.5), SPECTRA))
    return [*inside, steady(interface(random, 1, 300))]


def recovery(random: np.random.Generator, thickness: float) -> list[Arc]:
    inside = ceramic(random, thickness, np.ones(SPECTRA))
    late = interface(random, 10, 1000)
    hump = np.exp(-(((np.arange(SPECTRA) - random.uniform(7, 12)) / random.uniform(2, 4)) ** 2))
    return [*inside, steady(interface(random, 1, 300)), steady(late, np.maximum(hump, 1e-4))]


def nothing(random: np.random.Generator, thickness: float) -> list[Arc]:
    inside = ceramic(random, thickness, np.ones(SPECTRA))
    return [*inside, steady(interface(random, 1, 300))]


def cell(seed: int, given: bool) -> Case:
    """A paused sweep of the simulated cell: ceramic, interface, and a contact that is used up towards its end."""
    random = np.random.default_rng([len(KINDS), seed])
    thickness, conductivity = drawn(random, 0.5e-3, 3e-3), random.uniform(0.03, 0.1)
    size, apex = thickness / conductivity, drawn(random, 3e5, 3e6)  # Ω m², Hz
    first, exponent = drawn(random, 1e-4, 3e-2), random.uniform(0.8, 1.0)
    lost = ContactLoss(
        capacity=drawn(random, 1e3, 1e5), resistance=drawn(random, 1e-2, 0.3) * size,
        capacitance=drawn(random, 1e-3, 1e-1), residual=drawn(random, 1e-5, 1e-3),
    )  # fmt: skip
    admittance = drawn(random, 1e-3, 1e-1)
    parts = (
        Relaxation(name="ceramic", share=1.0, exponent=0.95, admittance=(2 * np.pi * apex) ** -0.95 / size),
        Relaxation(name="interface", share=1.0, exponent=exponent, admittance=admittance, place="interface"),
    )
    made = Cell(
        thickness=thickness, area=AREA, conductivity=conductivity, concentration=430.0, transference=0.8,
        interface_resistance=first, relaxations=parts, terms=(lost,), name="series_names",
    )  # fmt: skip
    rate = 5e-5  # V/s
    end = 1.1 * math.sqrt(2 * lost.capacity * rate * (size + first + lost.resistance))
    scan = FrequencyScan(high=WINDOWS[0][0], low=WINDOWS[0][1], points_per_decade=10)
    sweep = Sweep(rate=rate, start=0.0, stop=end, pause=Pause(every=end / (SPECTRA + 0.5), duration=90.0, scan=scan))
    clean = simulate_ohmic(made, (sweep,)).spectra[:SPECTRA]
    noise, one = drawn(random, 1e-3, 1e-2), np.ones(len(clean)) / AREA
    left = np.array([one.potential / one.current for one in clean]) - (size + first) / AREA
    arcs = [
        Arc("ceramic", size * one, 1 / (2 * np.pi * apex * size * one), 0.95),
        Arc("electrode", first * one, (first * admittance) ** (1 / exponent) / (first * one), exponent),
        Arc("electrode", left, lost.resistance * lost.capacitance / left, 1.0),
    ]
    spectra = []
    for index, spectrum in enumerate(clean):
        exact = sum(arc.impedance(index, spectrum.frequency) for arc in arcs)
        assert np.allclose(exact, spectrum.impedance, rtol=0.02), "the truth is not that of the simulated cell"
        error = noise * (random.standard_normal(exact.size) + 1j * random.standard_normal(exact.size))
        impedance = spectrum.impedance + np.abs(spectrum.impedance) * error
        spectra.append(Spectrum(frequency=spectrum.frequency, impedance=impedance, synthetic=True))
    circuit = "p(R1,CPE1)-p(R2,CPE2)-p(R3,CPE3)" if given else None
    return Case(sample_of(thickness), spectra, arcs, circuit)


def sample_of(thickness: float) -> Sample:
    return Sample(thickness=Estimate(thickness, 1e-3 * thickness), area=Estimate(AREA, 1e-3 * AREA))


KINDS: dict[str, Callable[[np.random.Generator, float], list[Arc]]] = {
    kind.__name__: kind for kind in (growth, contact, perfect, depletion, short, recovery, nothing)
}
ALL = (*KINDS, "cell")


def construct(kind: str, seed: int, given: bool) -> Case:
    """One series; the same seed gives the same."""
    if kind == "cell":
        return cell(seed, given)
    random = np.random.default_rng([list(KINDS).index(kind), seed])
    thickness = drawn(random, 0.5e-3, 3e-3)
    frequency = np.geomspace(*WINDOWS[int(random.integers(2))], 50)
    noise = drawn(random, 1e-3, 1e-2)
    arcs = KINDS[kind](random, thickness)
    spectra = []
    for index in range(SPECTRA):
        error = noise * (random.standard_normal(50) + 1j * random.standard_normal(50))
        exact = sum(arc.impedance(index, frequency) for arc in arcs)
        spectra.append(Spectrum(frequency=frequency, impedance=exact + np.abs(exact) * error, synthetic=True))
    circuit = None
    if given:  # what relaxes far above the window is a resistance
        apex = 1 / (2 * np.pi * arcs[0].resistance[0] * arcs[0].capacitance[0])
        above = int(arcs[0].what == "bulk" and apex > 10 * frequency[0])
        parts = [f"p(R{number},CPE{number})" for number in range(1, len(arcs) - above + 1)]
        circuit = "-".join(["R0"] * above + parts)
    return Case(sample_of(thickness), spectra, arcs, circuit)


def impedance_of(process: NamedProcess, frequency: np.ndarray) -> np.ndarray | None:
    """Of a fitted part, if it has a resistance."""
    resistance, place = process.resistance.value, process.frequency.value
    if not resistance > 0:
        return None
    if process.kind == "series":
        return np.full(frequency.size, resistance, complex)
    if process.kind == "diffusion":
        root = np.sqrt(1j * 2.5406 * frequency / place)
        return resistance * np.tanh(root) / root
    return resistance / (1 + (1j * frequency / place) ** process.exponent.value)


def mixtures(case: Case, index: int, finding: SpectrumFinding) -> dict[str, dict[str, float]]:
    """For each fitted part the shares of what it really is."""
    frequency = case.spectra[index].frequency[::2]
    truth = [arc.impedance(index, frequency) for arc in case.arcs]
    fitted = {p.part: z for p in finding.processes if (z := impedance_of(p, frequency)) is not None}
    kinds, parts, n = len(truth), list(fitted), 2 * frequency.size
    sizes = np.array([arc.resistance[index] for arc in case.arcs])
    table, target = np.zeros((len(parts) * n + kinds, len(parts) * kinds)), np.zeros(len(parts) * n + kinds)
    for row, part in enumerate(parts):
        weight = 1 / np.abs(fitted[part]).max()
        place = slice(row * n, (row + 1) * n)
        target[place] = weight * fitted[part].view(float)
        for kind in range(kinds):
            table[place, row * kinds + kind] = weight * truth[kind].view(float)
    for kind in range(kinds):
        table[len(parts) * n + kind, kind::kinds] = target[len(parts) * n + kind] = math.sqrt(n)
    amounts = nnls(table, target)[0].reshape(len(parts), kinds) * sizes
    out: dict[str, dict[str, float]] = {}
    for part, row in zip(parts, amounts, strict=True):
        out[part] = {}
        for arc, amount in zip(case.arcs, row, strict=True):
            out[part][arc.what] = out[part].get(arc.what, 0.0) + float(amount / max(row.sum(), 1e-300))
    return out


def is_right(process: NamedProcess, mixture: dict[str, float]) -> bool:
    """Whether a name fits what the part really is, within three standard uncertainties of the part."""
    outside, width = mixture.get("electrode", 0.0), 3 * process.resistance.relative
    if not is_ceramic(process.name):
        return process.name in ("leads", UNKNOWN) or not 1 - outside > max(1 - MOSTLY, width)
    if outside > max(1 - MOSTLY, width):
        return False
    name = process.name.rstrip(" 0123456789")
    other = {"bulk": "grain boundary", "grain boundary": "bulk"}.get(name, "")
    return name == MERGED or mixture.get(other, 0.0) < MOSTLY


def told(finding: SpectrumFinding, process: NamedProcess, broken: bool, friends: Sequence[str] = ()) -> bool:
    """Whether something says that the name of the process may be wrong; an overlap with ``friends`` does not."""
    pairs = [dict(flag.details) for flag in finding.flags if flag.code == "arcs_overlap"]
    partners = {pair["other" if pair["one"] == process.part else "one"] for pair in pairs
                if process.part in (pair["one"], pair["other"])}  # fmt: skip
    overlaps = bool(partners.difference(friends))
    return process.confidence < SURE or overlaps or broken or any(f.code in TELLING for f in process.flags)


def judge(case: Case, found: SeriesFinding) -> list[tuple[str, str, str]]:
    """For each spectrum the verdicts of its names and of its conductivity, with what was wrong silently."""
    breaks = [dict(flag.details) for flag in found.flags if flag.code == "track_broken"]
    out = []
    for index, finding in enumerate(found.spectra):
        broken = any(place["first"] <= index <= place["second"] for place in breaks)
        mixed = mixtures(case, index, finding)
        names, said = "right", ""
        for process in finding.processes:
            if process.part not in mixed or is_right(process, mixed[process.part]):
                continue
            if told(finding, process, broken):
                names = "told" if names == "right" else names
            else:
                names = "silent"
                shares = ", ".join(f"{what} {share:.2f}" for what, share in mixed[process.part].items())
                said += f" {process.part} {process.name} {process.confidence:.2f} ({shares});"
        true = sum(arc.resistance[index] for arc in case.arcs if arc.what != "electrode")
        sigma, size = finding.conductivity, finding.resistance
        inside = [p for p in finding.processes if is_ceramic(p.name)]
        rests = any(flag.code in RESTING for flag in finding.flags)
        doubted = rests or any(told(finding, process, broken, [p.part for p in inside]) for process in inside)
        if sigma is None or size is None or any(flag.code == "unidentifiable" for flag in size.flags):
            number = "absent"
        elif abs(size.value - true) <= max(NEAR * true, 3 * (size.std if size.std > 0 else 0.0)):
            number = "right, doubted" if doubted else "right"
        else:
            number = "told" if doubted else "silent"
            said += "" if doubted else f" R {size.value:.4g} ± {size.std:.2g} for {true:.4g};"
        out.append((names, number, said))
    return out


def interval(bad: int, all_: int) -> tuple[float, float]:
    """Clopper-Pearson, 95 %."""
    low = float(beta.ppf(0.025, bad, all_ - bad + 1)) if bad else 0.0
    return low, float(beta.ppf(0.975, bad + 1, all_ - bad)) if bad < all_ else 1.0


def main() -> None:
    """Construct, analyse, judge, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20, help="series of each kind")
    parser.add_argument("--seed", type=int, default=1000, help="of the first series of each kind")
    parser.add_argument("--circuit", choices=("given", "chosen"), default="given")
    parser.add_argument("--kinds", nargs="*", default=list(ALL), choices=ALL)
    parser.add_argument("--verbose", action="store_true", help="print every silently wrong spectrum")
    options = parser.parse_args()
    print(f"{options.count} series of {SPECTRA} synthetic spectra of each kind, seeds from {options.seed}, "
          f"circuit {options.circuit}; share of spectra in %.\n")  # fmt: skip
    print("| kind | names right | wrong, told | silently wrong (95 %) | series with one | conductivity right |"
          " right, doubted | absent | wrong, told | silently wrong (95 %) | s per series |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for kind in options.kinds:
        names, numbers, touched, begun = Counter(), Counter(), 0, time.process_time()
        for seed in range(options.seed, options.seed + options.count):
            case = construct(kind, seed, options.circuit == "given")
            verdicts = judge(case, analyse_series(case.spectra, case.sample, case.circuit))
            names.update(verdict[0] for verdict in verdicts)
            numbers.update(verdict[1] for verdict in verdicts)
            touched += any("silent" in verdict[:2] for verdict in verdicts)
            if options.verbose:
                for index, verdict in enumerate(verdicts):
                    if "silent" in verdict[:2]:
                        print(f"  {kind} {seed} [{index}]{verdict[2]}", flush=True)
        whole, spent = names.total(), (time.process_time() - begun) / options.count

        def share(counts: Counter, verdict: str, whole: int = whole) -> str:
            return f"{100 * counts[verdict] / whole:.1f}"

        def silent(counts: Counter, whole: int = whole) -> str:
            low, high = interval(counts["silent"], whole)
            return f"{share(counts, 'silent')} ({100 * low:.1f}–{100 * high:.1f})"

        row = [
            kind, share(names, "right"), share(names, "told"), silent(names), f"{touched} of {options.count}",
            *(share(numbers, verdict) for verdict in ("right", "right, doubted", "absent", "told")), silent(numbers),
            f"{spent:.2f}",
        ]  # fmt: skip
        print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
