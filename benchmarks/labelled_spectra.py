"""Conductivities of drawn garnet cells by the labelled model: error, width, coverage, silence, warnings, CPU.

    python benchmarks/labelled_spectra.py [--count 200] [--seed 1] [--folder PRACTICE] [--model-only]

The generator shares no code with the model: its impedances are written out here. Ranges of the literature: bulk
0.4–1 mS/cm, relative permittivity 40–68, grain boundary 0.1–1 of the bulk at 1e-9–1e-8 F (1 cm⁻¹), interface
3–300 Ω cm² at 0.2–2 µF/cm², a short diffusion tail, 50–500 nH, noise 0.1–1 %, geometry known to 1 %. Windows
7 MHz–1 Hz and 600 kHz–10 Hz, ten points a decade.
"""

from __future__ import annotations

import argparse
import collections
import json
import math
import time
import warnings
from pathlib import Path

import numpy as np

from rampion.estimate import Estimate, Severity
from rampion.measurement import Sample, Spectrum

WINDOWS = {"wide": (7e6, 1.0), "narrow": (6e5, 10.0)}
WITHIN, NARROW, SILENT, ERRORS = 0.05, 1.22, 0.10, 3.0


def draw_cell(random: np.random.Generator) -> dict[str, float]:
    """One cell of the literature's ranges, SI."""
    length, area = random.uniform(0.4e-3, 1.5e-3), float(random.choice([4e-6, 5e-5, 1e-4]))
    sigma = math.exp(random.uniform(math.log(0.04), math.log(0.1)))
    bulk = length / (sigma * area)
    share = math.exp(random.uniform(math.log(0.1), 0.0))

    def between(low: float, high: float) -> float:
        return math.exp(random.uniform(math.log(low), math.log(high)))

    return {
        "length": length, "area": area, "bulk": bulk, "boundary": share * bulk,
        "bulk_farad": 8.854e-12 * random.uniform(40, 68) * area / length,
        "boundary_farad": between(1e-9, 1e-8) * 100 * area / length,
        "interface": between(3, 300) * 1e-4 / area, "interface_farad": between(2e-7, 2e-6) * 1e4 * area,
        "bulk_alpha": random.uniform(0.95, 1.0), "boundary_alpha": random.uniform(0.85, 0.98),
        "interface_alpha": random.uniform(0.8, 0.98), "leads": between(0.3, 3.0), "henry": between(5e-8, 5e-7),
        "tail": random.uniform(0.05, 0.3) * bulk, "tail_time": between(2, 20), "noise": between(1e-3, 1e-2),
    }  # fmt: skip


def spectrum_of(cell: dict[str, float], window: tuple[float, float], random: np.random.Generator) -> Spectrum:
    """The cell's impedance in a window, with noise proportional to |Z|."""
    high, low = window
    frequency = np.geomspace(high, low, round(10 * math.log10(high / low)) + 1)
    s = 2j * np.pi * frequency

    def arc(ohm: float, farad: float, alpha: float) -> np.ndarray:
        return ohm / (1 + (s * ohm * farad) ** alpha)

    root = np.sqrt(s * cell["tail_time"])
    z = cell["leads"] + s * cell["henry"] + arc(cell["bulk"], cell["bulk_farad"], cell["bulk_alpha"])
    z = z + arc(cell["boundary"], cell["boundary_farad"], cell["boundary_alpha"])
    z = z + arc(cell["interface"], cell["interface_farad"], cell["interface_alpha"])
    z = z + cell["tail"] * np.tanh(root) / root
    noise = random.standard_normal(z.size) + 1j * random.standard_normal(z.size)
    return Spectrum(frequency=frequency, impedance=z + cell["noise"] * np.abs(z) * noise)


def known(length: float, area: float, random: np.random.Generator | None = None) -> Sample:
    """The sample as its sheet has it: thickness and area known to 1 %."""
    off = np.ones(2) if random is None else 1 + 0.01 * random.standard_normal(2)
    length, area = length * off[0], area * off[1]
    return Sample(name="drawn", thickness=Estimate(length, 0.01 * length), area=Estimate(area, 0.01 * area))


class Score:
    """Counts of one window."""

    def __init__(self, name: str) -> None:
        self.name, self.rows, self.kinds, self.cpu = name, [], collections.Counter(), []

    def add(self, sigma: Estimate | None, truth: float, flags: tuple, cpu: float) -> None:
        """One spectrum's conductivity beside the true one, its warnings and its time."""
        warned = [flag for flag in flags if flag.severity is not Severity.NOTE]
        self.cpu.append(cpu)
        if sigma is None:
            self.rows.append((0, 0, 0, 0, 0, len(warned), 0, math.inf, math.nan))
            return
        error = abs(sigma.value / truth - 1)
        low, high = sigma.interval
        half = sigma.std / sigma.value
        right = error < WITHIN
        silent = error > SILENT and error > ERRORS * half and not warned
        covered68 = abs(math.log(sigma.value / truth)) < half
        self.rows.append(
            (right, high / low < NARROW, low <= truth <= high, covered68, silent, len(warned), right and not warned,
             high / low, error)
        )  # fmt: skip
        if right:
            self.kinds.update({flag.code for flag in warned})

    def print(self) -> None:
        """One line of shares, one of warnings."""
        rows = np.array(self.rows, float)
        right, narrow, covered, covered68, silent, warned, clean = 100 * rows[:, :7].mean(axis=0)
        print(
            f"{self.name}: n {len(rows)}; within 5 % {right:.1f} %; interval < 1.22 {narrow:.1f} %; covered 95 % "
            f"{covered:.1f} %, 68 % {covered68:.1f} %; silent {silent:.1f} %; right without a warning "
            f"{100 * clean / max(right, 1e-9):.1f} % of right; warnings {warned / 100:.2f} a spectrum; median error "
            f"{100 * np.nanmedian(rows[:, 8]):.2f} %; CPU {np.mean(self.cpu):.2f} s"
        )
        count = max(int(rows[:, 0].sum()), 1)
        print("   warnings on right ones:", {code: f"{n / count:.0%}" for code, n in self.kinds.most_common(4)})


def judge(spectrum: Spectrum, sample: Sample, model_only: bool) -> tuple[Estimate | None, tuple, float]:
    """Conductivity, flags and CPU of one spectrum."""
    begin = time.process_time()
    if model_only:
        from rampion.impedance.evidence import conductivity, estimate, explore

        sigma, flags = estimate(explore(spectrum, sample), conductivity()), ()
    else:
        from rampion.impedance.finding import analyse_spectrum

        finding = analyse_spectrum(spectrum, sample)
        sigma, flags = finding.conductivity, finding.flags
    return sigma, flags, time.process_time() - begin


def practice(folder: Path, model_only: bool) -> None:
    """The score of a folder of spectra with ``truth.json``."""
    truth = json.loads((folder / "truth.json").read_text())
    scores = {name: Score(f"practice {name}") for name in WINDOWS}
    for name, cell in truth.items():
        if not name.startswith("garnet"):
            continue
        table = np.loadtxt(folder / name, delimiter=",", skiprows=1)
        spectrum = Spectrum(frequency=table[:, 0], impedance=table[:, 1] - 1j * table[:, 2])
        found = judge(spectrum, known(cell["thickness_m"], cell["area_m2"]), model_only)
        scores["wide" if "wide" in name else "narrow"].add(found[0], cell["conductivity_S_m"], *found[1:])
    for score in scores.values():
        score.print()


def main() -> None:
    """Draw, analyse, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="a practice set with truth.json")
    parser.add_argument("--model-only", action="store_true", help="without the tests and flags of a finding")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    if chosen.folder:
        practice(chosen.folder, chosen.model_only)
    random = np.random.default_rng(chosen.seed)
    scores = {name: Score(name) for name in WINDOWS}
    widths: list[dict[str, float]] = []
    for _ in range(chosen.count):
        cell = draw_cell(random)
        truth = cell["length"] / (cell["area"] * (cell["bulk"] + cell["boundary"]))
        sample = known(cell["length"], cell["area"], random)
        row = {}
        for name, window in WINDOWS.items():
            found = judge(spectrum_of(cell, window, random), sample, chosen.model_only)
            scores[name].add(found[0], truth, *found[1:])
            row[name] = scores[name].rows[-1][7]
        widths.append(row)
    for score in scores.values():
        score.print()
    if widths:
        ratio = np.array([math.log(row["wide"]) / math.log(row["narrow"]) for row in widths])
        print(f"wide window's interval at most 1.3 times the narrow one's: {100 * np.mean(ratio <= 1.3):.1f} %")


if __name__ == "__main__":
    main()
