"""How answers to the spectra of ``foreign_spectra.py`` and ``foreign_spectra_series.py`` compare with the truth.

    python benchmarks/spectra_scores.py [--count 60] [--seed 700000] [--variants]

prints what a user gets today from one file and a sheet with thickness and area (``rampion.analyse``). The functions
take answers and truths and return shares with their exact 95 % intervals (Clopper, Pearson, Biometrika 26 (1934) 404,
doi:10.1093/biomet/26.4.404); they know of no package that gave the answers. An answer that is absent (NaN) is wrong,
not covered and not narrow.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from foreign_spectra import VARIANTS, WINDOWS, Drawn, draw
from foreign_spectra_series import HeatingDrawn, SweepDrawn
from scipy.special import betaincinv

RIGHT, WRONG, ERRORS = 0.05, 0.10, 3.0  # relative errors; standard errors beyond which an answer is silently wrong
NARROW, WIDER = 1.22, 1.3  # upper over lower end; the wide window's interval over the narrow one's, at most


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A value with its 95 % and 68 % intervals, the codes of its warnings and the processor time [s] it took."""

    value: float = math.nan
    low95: float = math.nan
    high95: float = math.nan
    low68: float = math.nan
    high68: float = math.nan
    warnings: tuple[str, ...] = ()
    seconds: float = math.nan


@dataclass(frozen=True, kw_only=True)
class Share:
    """``hits`` of ``count`` with the exact 95 % interval of the share."""

    hits: int
    count: int

    @property
    def value(self) -> float:
        return self.hits / self.count if self.count else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        low = float(betaincinv(self.hits, self.count - self.hits + 1, 0.025)) if self.hits else 0.0
        high = float(betaincinv(self.hits + 1, self.count - self.hits, 0.975)) if self.hits < self.count else 1.0
        return low, high

    def __str__(self) -> str:
        low, high = self.interval
        return f"{100 * self.value:5.1f} % ({self.hits}/{self.count}; {100 * low:.1f}–{100 * high:.1f})"


def share(hits: Sequence[bool]) -> Share:
    return Share(hits=sum(map(bool, hits)), count=len(hits))


def off(answer: Answer, truth: float) -> float:
    """The relative error; NaN without an answer."""
    return answer.value / truth - 1


def covers(answer: Answer, truth: float, level: int = 95) -> bool:
    low, high = (answer.low95, answer.high95) if level == 95 else (answer.low68, answer.high68)
    return low <= truth <= high


def width(answer: Answer) -> float:
    """Upper over lower end of the 95 % interval; infinite where it is absent or reaches zero."""
    known = math.isfinite(answer.low95) and math.isfinite(answer.high95) and answer.low95 > 0
    return answer.high95 / answer.low95 if known else math.inf


def silent(answer: Answer, truth: float) -> bool:
    """Wrong by more than 10 % and by three standard errors (half the 68 % interval in ln), and not a warning."""
    if not abs(off(answer, truth)) > WRONG or answer.warnings:
        return False
    known = answer.low68 > 0 and math.isfinite(answer.high68)
    error = math.log(answer.high68 / answer.low68) / 2 if known else 0.0
    return abs(math.log(answer.value / truth)) > ERRORS * error if answer.value > 0 else True


def score(answers: Sequence[Answer], truths: Sequence[float]) -> dict[str, Share | float | tuple[str, float]]:
    """What a table of single numbers says: shares, warnings and processor time a spectrum, the median error."""
    pairs = list(zip(answers, truths, strict=True))
    right = [one for one, truth in pairs if abs(off(one, truth)) < RIGHT]
    errors = np.array([abs(off(one, truth)) for one, truth in pairs if math.isfinite(one.value)])
    kinds = Counter(code for one in right for code in set(one.warnings))
    code, times = kinds.most_common(1)[0] if kinds else ("none", 0)
    return {
        "within 5 %": Share(hits=len(right), count=len(pairs)),
        "interval under 1.22": share([width(one) < NARROW for one, _ in pairs]),
        "covered at 95 %": share([covers(one, truth) for one, truth in pairs]),
        "covered at 68 %": share([covers(one, truth, 68) for one, truth in pairs]),
        "silently wrong": share([silent(one, truth) for one, truth in pairs]),
        "right ones without a warning": share([not one.warnings for one in right]),
        "absent": share([not math.isfinite(one.value) for one in answers]),
        "warnings a spectrum": sum(len(one.warnings) for one in answers) / len(answers),
        "commonest warning of right ones": (code, times / max(len(right), 1)),
        "median error": float(np.median(errors)) if errors.size else math.nan,
        "processor time a spectrum, median [s]": float(np.median([one.seconds for one in answers])),
    }


def windows_agree(wide: Sequence[Answer], narrow: Sequence[Answer]) -> Share:
    """Cells whose interval from the wide window is at most 1.3 times as wide (in ln) as that from the narrow one."""
    pairs = [(width(one), width(other)) for one, other in zip(wide, narrow, strict=True)]
    return share([math.isfinite(one) and (math.isinf(o) or math.log(one) <= WIDER * math.log(o)) for one, o in pairs])


@dataclass(frozen=True, kw_only=True)
class SweepAnswer:
    """What a series says: what ``grows``, σ at rest, R of the interface for every spectrum, recovered parts by name."""

    grows: frozenset[str]
    conductivity: Answer
    interface: Sequence[Answer]
    recovered: dict[str, Answer]
    seconds: float = math.nan


def score_sweeps(answers: Sequence[SweepAnswer], truths: Sequence[SweepDrawn]) -> dict[str, Share | float]:
    """Names, conductivities, interface resistances and recovered parts over series of any kinds."""
    pairs = list(zip(answers, truths, strict=True))
    changing = [
        (a, t) for a, t in pairs if max(np.ptp(t.ceramic) / t.ceramic[0], np.ptp(t.interface) / t.interface[0]) > 0.05
    ]
    layers = [(r, float(v)) for a, t in pairs for r, v in zip(a.interface, t.interface, strict=True)]
    sure = [(r, v) for r, v in layers if width(r) < 1.2]
    parts = [(a.recovered.get(name, Answer()), v) for a, t in pairs for name, v in t.recovered.items()]
    errors = [abs(one.value - v) for one, v in parts if math.isfinite(one.value)]
    return {
        "named rightly": share([a.grows in t.accepted for a, t in changing]),
        "named strictly": share([a.grows == t.accepted[0] for a, t in changing]),
        "conductivity within 3 %": share([abs(off(a.conductivity, t.conductivity)) < 0.03 for a, t in pairs]),
        "conductivity covered": share([covers(a.conductivity, t.conductivity) for a, t in pairs]),
        "interface within 10 %": share([abs(off(r, v)) < 0.1 for r, v in layers]),
        "interface within 10 %, stated under 20 %": share([abs(off(r, v)) < 0.1 for r, v in sure]),
        "recovered part covered": share([covers(one, v) for one, v in parts]),
        "recovered part, median error": float(np.median(errors)) if errors else math.nan,
        "processor time a series, median [s]": float(np.median([a.seconds for a in answers])) if answers else math.nan,
    }


@dataclass(frozen=True, kw_only=True)
class HeatingAnswer:
    """Energies [eV] of σT of bulk and boundaries, and the total resistance [Ω] at every temperature."""

    bulk: Answer
    boundaries: Answer
    totals: Sequence[Answer]


def score_heating(
    answers: Sequence[HeatingAnswer], truths: Sequence[HeatingDrawn], within: float = 0.005
) -> dict[str, Share]:
    """Activation energies within ``within`` [eV] (0.015 where temperatures are off by 0.5 K), covered; totals."""
    pairs = list(zip(answers, truths, strict=True))
    table = {}
    for name, energies in (
        ("bulk", [(a.bulk, t.bulk_energy) for a, t in pairs]),
        ("boundaries", [(a.boundaries, t.boundary_energy) for a, t in pairs]),
    ):
        table[f"energy of {name} within {within:g} eV"] = share([abs(a.value - v) < within for a, v in energies])
        table[f"energy of {name} covered"] = share([covers(a, v) for a, v in energies])
    totals = [(one, float(v)) for a, t in pairs for one, v in zip(a.totals, t.total, strict=True)]
    return {**table, "totals within 3 %": share([abs(off(one, v)) < 0.03 for one, v in totals])}


def show(title: str, table: dict) -> None:
    print(f"\n{title}")
    for name, value in table.items():
        if isinstance(value, tuple):
            value = f"{value[0]}, {100 * value[1]:.0f} %"
        print(f"  {name:42s} {value if not isinstance(value, float) else f'{value:.3g}'}")


def write(drawn: Drawn, path: Path) -> None:
    """One spectrum as an analyser's table."""
    rows = np.column_stack([drawn.frequency, drawn.impedance.real, -drawn.impedance.imag])
    np.savetxt(path, rows, delimiter=",", header="freq/Hz,Re(Z)/Ohm,-Im(Z)/Ohm", comments="", fmt="%.8g")


def answer_today(drawn: Drawn) -> Answer:
    """The conductivity [S/m] that a user of the package gets from one file and a sheet with thickness and area."""
    import rampion
    from rampion.estimate import Estimate
    from rampion.measurement import Sample

    sample = Sample(
        name="pellet",
        thickness=Estimate(drawn.thickness, 0.01 * drawn.thickness),
        area=Estimate(drawn.area, 0.01 * drawn.area),
    )
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "spectrum.csv"
        write(drawn, path)
        start = time.process_time()
        found = rampion.analyse(str(path), sample=sample).samples[0].spectra[0]
        seconds = time.process_time() - start
    said = tuple(flag.code for flag in found.flags if flag.severity.value != "note")
    sigma = found.conductivity
    if sigma is None:
        return Answer(warnings=said, seconds=seconds)
    low, high = sigma.interval
    ends = (sigma.value - sigma.std, sigma.value + sigma.std)
    return Answer(
        value=sigma.value, low95=low, high95=high, low68=ends[0], high68=ends[1], warnings=said, seconds=seconds
    )


def judge(answer: Callable[[Drawn], Answer], count: int, seed: int, variants: bool = False) -> None:
    """Print the tables of a road from one spectrum to a conductivity, over ``count`` cells from ``seed``."""
    answer(draw(seed - 1))  # what compiles and imports does so before the clock runs
    alone: dict[str, list[Answer]] = {}
    for window in WINDOWS:
        drawn = [draw(seed + number, window) for number in range(count)]
        alone[window] = [answer(one) for one in drawn]
        show(f"{window}: {count} cells from seed {seed}", score(alone[window], [one.conductivity for one in drawn]))
    print(f"\n  wide interval at most 1.3 × the narrow one {windows_agree(alone['wide'], alone['narrow'])}")
    for window in WINDOWS if variants else ():
        each = max(1, count // len(VARIANTS))
        drawn = [draw(seed + 50_000 + n, window, variant) for variant in VARIANTS for n in range(each)]
        found = [answer(one) for one in drawn]
        show(f"{window}, one thing outside the ranges, {each} each", score(found, [one.conductivity for one in drawn]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=700_000)
    parser.add_argument("--variants", action="store_true", help="besides, cells with one thing outside the ranges")
    given = parser.parse_args()
    judge(answer_today, given.count, given.seed, given.variants)


if __name__ == "__main__":
    main()
