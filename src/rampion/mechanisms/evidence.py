"""The evidence table: every argument held against every mechanism, and what a careful author may write.

For an argument with statistic x and a mechanism M

    weight = ln{[(1-ε)·p(x | M) + ε·p₀]/p₀} ,  ε = 0.02

where p₀ spreads x evenly over what is thinkable ("no prediction"). ε is the chance that the argument itself is faulty,
so no single argument can weigh more than ln ε = -3.9 against anyone. A weight above ln 3 is support, a p-value below
0.01/n with a weight below -ln 3 a contradiction, n the number of arguments in the table: over all of them a true
mechanism is contradicted in at most one case of a hundred (Bonferroni). Everything else is silence. Weights of
arguments that rest on the same numbers are counted once (the first of the family).

Nothing here ever calls a mechanism proven. It is *favoured* only when no argument contradicts it and every rival is
contradicted by an argument that it predicts and passes (p ≥ 0.05); reasons are only those arguments that support it
and contradict a rival.

Source of the weighing: Kass and Raftery, J. Am. Stat. Assoc. 90 (1995) 773, doi:10.1080/01621459.1995.10476572.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from rampion.campaign.scaling import PowerLaw
from rampion.equality import equal_by_value
from rampion.errors import InputError
from rampion.estimate import NORMAL_95, Estimate
from rampion.mechanisms import (
    binary,
    contact,
    contact_creep,
    fracture,
    leakage,
    ohmic,
    soft_short,
    space_charge,
    threshold,
    vacancies,
)
from rampion.mechanisms.argument import Arguments
from rampion.mechanisms.mechanism import Mechanism
from rampion.mechanisms.prediction import (
    Counted,
    Measured,
    Segment,
    Share,
    log_density,
    log_share_density,
    share_probability,
    tail_probability,
)

MECHANISMS: tuple[Mechanism, ...] = tuple(
    module.MECHANISM
    for module in (
        ohmic, binary, contact, contact_creep, vacancies, space_charge, leakage, fracture, threshold, soft_short,
    )
)  # fmt: skip
NONE_OF_THESE = "none_of_these"
FAULTY = 0.02
SUPPORT = math.log(3)
CONTRADICTION = 0.01
PASSED = 0.05


class Verdict(Enum):
    """How an argument stands to a mechanism."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    SILENT = "silent"


@equal_by_value
@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One entry of the table: weight is a natural logarithm; ``p_value`` NaN where the mechanism predicts nothing."""

    verdict: Verdict
    weight: float
    p_value: float


@equal_by_value
@dataclass(frozen=True, slots=True, kw_only=True)
class ArgumentResult:
    """One row: the statistic with its uncertainty, its distance from the null value, and each mechanism's cell.

    ``counted`` is false where another argument of the same family already carries the weight.
    """

    test: str
    question: str
    statistic: tuple[float, ...]
    std: tuple[float, ...]
    effect: tuple[float, ...]
    p_value: float
    counted: bool
    cells: Mapping[str, Cell]

    @property
    def predictions(self) -> dict[str, str]:
        """Mechanism → verdict, in words."""
        return {name: cell.verdict.value for name, cell in self.cells.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A mechanism's combined weight (ln), its share among all and "none of these", and who speaks for and against."""

    name: str
    title: str
    log_weight: float
    weight: float
    supported_by: tuple[str, ...]
    contradicted_by: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """``favoured`` is None unless one mechanism alone survives; ``reasons`` maps a test to the rivals it separates."""

    favoured: str | None
    not_excluded: tuple[str, ...]
    excluded: tuple[str, ...]
    reasons: Mapping[str, tuple[str, ...]]
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceTable:
    """Rows, standings (by weight, "none of these" included) and the conclusion."""

    results: tuple[ArgumentResult, ...]
    standings: tuple[Standing, ...]
    conclusion: Conclusion


def measured(*estimates: Estimate, covariance: tuple[tuple[float, ...], ...] | None = None) -> Measured:
    """A statistic of one or two estimates; independent unless a covariance is given.

    Numbers from few samples have Student's tails: the covariance is widened so that its normal 95 % interval is as
    wide as each estimate's own.

    Raises
    ------
    InputError : an estimate has no finite value or uncertainty.
    """
    if not all(math.isfinite(e.value) and math.isfinite(e.std) for e in estimates):
        raise InputError("a statistic without value or uncertainty cannot be weighed; leave the argument out.")
    factor = [_tails(e) for e in estimates]
    n = len(estimates)
    if covariance is None:
        covariance = tuple(tuple(estimates[i].std ** 2 if i == j else 0.0 for j in range(n)) for i in range(n))
    wide = tuple(tuple(float(covariance[i][j] * factor[i] * factor[j]) for j in range(n)) for i in range(n))
    return Measured(tuple(e.value for e in estimates), wide)


def _tails(estimate: Estimate) -> float:
    """How much wider the estimate's interval is than a normal one of its standard uncertainty; at least 1."""
    width = estimate.high - estimate.low
    return max(width / (2 * NORMAL_95 * estimate.std), 1.0) if math.isfinite(width) and estimate.std > 0 else 1.0


def exponent_pair(law: PowerLaw) -> Measured:
    """The two exponents of a joint power law in (v, L) with their covariance, as the pair arguments want them."""
    if len(law.exponents) != 2:
        raise InputError(f"the pair of exponents needs a law in scan rate and thickness, found {len(law.exponents)}.")
    c = law.fit.covariance[1:, 1:]
    return measured(*law.exponents, covariance=tuple(tuple(float(x) for x in row) for row in c))


def weigh_evidence(observed: Mapping[Arguments, Measured | Counted]) -> EvidenceTable:
    """The table mechanism × argument from whatever was measured.

    Assumes arguments of different families are independent. Fails when a common error (a wrong area, say) moves
    several of them together: the combined weight is then overstated, the verdicts are not.

    Parameters
    ----------
    observed : statistic of each argument available; the rest is left out.
    """
    if not observed:
        raise InputError("no argument was measured; at least one is needed to weigh mechanisms.")
    rows, families = [], set()
    for argument in Arguments:
        if argument not in observed:
            continue
        first = argument.value.family not in families
        families.add(argument.value.family)
        rows.append(_row(argument, observed[argument], first, CONTRADICTION / len(observed)))
    standings = _standings(tuple(rows))
    return EvidenceTable(results=tuple(rows), standings=standings, conclusion=_conclude(tuple(rows), standings))


def _row(argument: Arguments, seen: Measured | Counted, counted: bool, level: float) -> ArgumentResult:
    about = argument.value
    cells = {m.name: _cell(argument, seen, m.predictions.get(argument), level) for m in MECHANISMS}
    if isinstance(seen, Counted):
        share = seen.happened / seen.count
        statistic, std = (share,), (math.sqrt(max(share * (1 - share), 0.25 / seen.count) / seen.count),)
    else:
        statistic = seen.value
        std = tuple(math.sqrt(seen.covariance[i][i]) for i in range(len(statistic)))
    effect: tuple[float, ...] = tuple(math.nan for _ in statistic)
    p_value = math.nan
    if isinstance(about.null, Segment) and isinstance(seen, Measured):
        effect = _distance(statistic, about.null)
        p_value = tail_probability(seen, about.null) if all(s > 0 for s in std) else math.nan
    return ArgumentResult(
        test=about.name,
        question=about.question,
        statistic=statistic,
        std=std,
        effect=effect,
        p_value=p_value,
        counted=counted,
        cells=cells,
    )


def _distance(statistic: tuple[float, ...], null: Segment) -> tuple[float, ...]:
    """From the nearest point of the null value or line to the statistic."""
    along = [e - s for s, e in zip(null.start, null.end, strict=True)]
    size = sum(a * a for a in along)
    rest = [x - s for x, s in zip(statistic, null.start, strict=True)]
    share = sum(r * a for r, a in zip(rest, along, strict=True)) / size if size else 0.0
    share = min(max(share, 0.0), 1.0)
    return tuple(r - share * a for r, a in zip(rest, along, strict=True))


def _cell(argument: Arguments, seen: Measured | Counted, predicted: Segment | Share | None, level: float) -> Cell:
    if predicted is None:
        return Cell(verdict=Verdict.SILENT, weight=0.0, p_value=math.nan)
    if isinstance(seen, Counted) and isinstance(predicted, Share):
        log_ratio = log_share_density(seen, predicted) + math.log(seen.count + 1)
        p_value = share_probability(seen, predicted)
    elif isinstance(seen, Measured) and isinstance(predicted, Segment) and len(seen.value) == len(predicted.start):
        widths = [high - low for low, high in zip(argument.value.low, argument.value.high, strict=True)]
        log_ratio = log_density(seen, predicted) + sum(math.log(w) for w in widths)
        p_value = tail_probability(seen, predicted)
    else:
        raise InputError(f"the argument {argument.value.name!r} was given in another form than its predictions.")
    weight = math.log(FAULTY + (1 - FAULTY) * math.exp(min(log_ratio, 700.0)))
    verdict = Verdict.SILENT
    if weight > SUPPORT:
        verdict = Verdict.SUPPORTED
    elif p_value < level and weight < -SUPPORT:
        verdict = Verdict.CONTRADICTED
    return Cell(verdict=verdict, weight=weight, p_value=p_value)


def _standings(rows: tuple[ArgumentResult, ...]) -> tuple[Standing, ...]:
    totals = {m.name: sum(row.cells[m.name].weight for row in rows if row.counted) for m in MECHANISMS}
    totals[NONE_OF_THESE] = 0.0
    top = max(totals.values())
    norm = sum(math.exp(w - top) for w in totals.values())
    titles = {m.name: m.title for m in MECHANISMS} | {NONE_OF_THESE: "none of these"}

    def speakers(name: str, verdict: Verdict) -> tuple[str, ...]:
        return tuple(row.test for row in rows if name in row.cells and row.cells[name].verdict is verdict)

    return tuple(
        Standing(
            name=name,
            title=titles[name],
            log_weight=total,
            weight=math.exp(total - top) / norm,
            supported_by=speakers(name, Verdict.SUPPORTED),
            contradicted_by=speakers(name, Verdict.CONTRADICTED),
        )
        for name, total in sorted(totals.items(), key=lambda item: -item[1])
    )


def _conclude(rows: tuple[ArgumentResult, ...], standings: tuple[Standing, ...]) -> Conclusion:
    named = [s for s in standings if s.name != NONE_OF_THESE]
    excluded = tuple(s.name for s in named if s.contradicted_by)
    left = [s for s in named if not s.contradicted_by]
    none = next(s for s in standings if s.name == NONE_OF_THESE)
    favoured, reasons = None, {}
    if len(left) == 1 and left[0].supported_by and left[0].log_weight > none.log_weight + SUPPORT:
        favoured = left[0].name
        for row in rows:
            if row.cells[favoured].verdict is Verdict.SUPPORTED:
                rivals = tuple(n for n, c in row.cells.items() if c.verdict is Verdict.CONTRADICTED)
                if rivals:
                    reasons[row.test] = rivals
        # a rival that fell only to arguments which the survivor does not predict, or barely meets, is no support
        fallen = {
            name
            for row in rows
            if row.cells[favoured].p_value >= PASSED
            for name, cell in row.cells.items()
            if cell.verdict is Verdict.CONTRADICTED
        }
        if not reasons or not set(excluded) <= fallen:
            favoured, reasons = None, {}
    return Conclusion(
        favoured=favoured,
        not_excluded=tuple(s.name for s in left),
        excluded=excluded,
        reasons=reasons,
        sentence=_sentence(favoured, left, excluded, reasons),
    )


def _sentence(
    favoured: str | None, left: list[Standing], excluded: tuple[str, ...], reasons: Mapping[str, tuple[str, ...]]
) -> str:
    titles = {m.name: m.title for m in MECHANISMS}
    if favoured is not None:
        tests = _listed([name.replace("_", " ") for name in reasons])
        return (
            f"Of the {len(titles)} explanations considered, {titles[favoured]} is the only one that no test "
            f"contradicts; agreement with it and disagreement with at least one rival come from {tests}. "
            "Explanations not considered here remain possible."
        )
    if not left:
        return (
            "Every explanation considered is contradicted by at least one test: either two act together or none of "
            "them is right."
        )
    names = _listed([s.title for s in left])
    if len(left) == 1:
        return f"No test contradicts {names}, but not every rival fails a test that it passes: it is not established."
    ruled = f" The data speak against {_listed([titles[name] for name in excluded])}." if excluded else ""
    return f"The data do not distinguish between {names}: no test that was made contradicts any of them.{ruled}"


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
