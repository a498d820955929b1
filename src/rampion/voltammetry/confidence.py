"""How sure a verdict is: the evidence of the record, and how often each verdict is expected before it is looked at.

    c = 1 - ½ exp(-m)                      at equal base rates, m from the evidence against the best other verdict
    p/(1 - p) = c/(1 - c) · π/π_rival      at stated base rates π, at most :data:`SUREST`

The logarithm of a Bayes factor is no probability by itself: its errors come from the model, not from noise. c is
therefore drawn from a tenth of it, and never exceeds the share of right verdicts far from every threshold.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rampion.errors import InputError
from rampion.voltammetry.courses import Family
from rampion.voltammetry.finding import Likelihood, Odds, Statistic, Verdict
from rampion.voltammetry.hypotheses import Hypothesis
from rampion.voltammetry.verdict import TEMPERED, Judgement, tempered

SUREST = 0.985  # share of right verdicts far from every threshold, on simulated curves
BROKEN_OFF, UNDECIDED = "contact lost", "not separated by this record"
_JUDGED = tuple(verdict for verdict in Verdict if verdict.judged)


@dataclass(frozen=True, slots=True)
class BaseRates:
    """How often each verdict is expected among the records; verdicts that are not ``stated`` share the rest equally.

    Raises
    ------
    InputError
        When a share is not between 0 and 1, or they leave nothing for the others.
    """

    stated: tuple[tuple[Verdict, float], ...] = ()

    def __post_init__(self) -> None:
        for verdict, share in self.stated:
            if not (0 < share < 1 and verdict.judged):
                raise InputError(
                    f"The base rate of {verdict.value} is {share:g}; expected a share between 0 and 1 of a verdict on "
                    "events."
                )
        if not self._rest > 0:
            raise InputError(
                f"The base rates sum to {1.0 - self._rest:g}; expected less than 1, the rest for the other verdicts."
            )

    @property
    def _rest(self) -> float:
        return 1.0 - sum(share for _, share in self.stated)

    def of(self, verdict: Verdict) -> float:
        """The share of a verdict."""
        known = dict(self.stated)
        return known[verdict] if verdict in known else self._rest / (len(_JUDGED) - len(known))


EQUAL = BaseRates()


def base_rates_of(shares: Mapping[str, float]) -> BaseRates:
    """Base rates by the names of verdicts.

    Raises
    ------
    InputError
        When a name is no verdict, or a share cannot be.
    """
    names = {verdict.value: verdict for verdict in _JUDGED}
    for name in shares:
        if name not in names:
            raise InputError(f"A base rate names {name!r}; expected one of {', '.join(names)}.")
    return BaseRates(tuple((names[name], float(share)) for name, share in shares.items()))


def odds_of(verdict: Verdict, rates: BaseRates, judgement: Judgement | None = None) -> Odds:
    """A verdict against its best rival: the evidence, and the base rates of both.

    Where no rival is known (no ``judgement``, or none that explains the record), the mean of the other verdicts is the
    rival's base rate.
    """
    rival = judgement.rival if judgement is not None else None
    own = rates.of(verdict)
    other = (1.0 - own) / (len(_JUDGED) - 1) if rival is None else rates.of(rival)
    factor = math.nan if judgement is None or rival is None else judgement.margin
    return Odds(rival=rival, log_bayes_factor=factor, base_rate=own, rival_base_rate=other)


def at_base_rates(confidence: float, odds: Odds) -> float:
    """A confidence at equal base rates, at those of the odds; below ½ the rival is likelier at these."""
    if odds.base_rate == odds.rival_base_rate:
        return confidence
    ratio = confidence / (1.0 - confidence) * odds.base_rate / odds.rival_base_rate
    return min(ratio / (1.0 + ratio), SUREST)


def confidence_of(judgement: Judgement) -> float:
    """How likely the verdict is to be right at equal base rates: ½ where nothing speaks for it, at most 0.985."""
    return min(1.0 - 0.5 * math.exp(-max(judgement.margin / TEMPERED, 0.0)), SUREST)


def courses_of_record(judgement: Judgement) -> tuple[Likelihood, ...]:
    """How likely each family of courses is, with equal priors, the likeliest first."""
    return _listed({family.value: share for family, (share, _) in _families(judgement).items()})


def limited_by(judgement: Judgement) -> tuple[Likelihood, ...]:
    """What limits the current, the likeliest first; nothing where no limit was reached.

    A current that breaks off has lost its contact, whatever course it was on. Otherwise a family counts where its
    course describes the event, and what the others say is undecided.
    """
    if not judgement.verdict.limit:
        return ()
    if judgement.verdict is Verdict.CURRENT_LOSS and not all(one.returned for one in judgement.departures):
        return (Likelihood(BROKEN_OFF, 1.0),)
    named = _describing(judgement)
    shares = {family.value: share for family, share in named.items()}
    return _listed({**shares, UNDECIDED: 1.0 - sum(named.values())})


def separated(judgement: Judgement) -> float:
    """How likely the likeliest family is that describes the event; 0 where none does."""
    return max(_describing(judgement).values(), default=0.0)


def _describing(judgement: Judgement) -> dict[Family, float]:
    """The families whose course describes the event, with their shares of the evidence."""
    shares = _families(judgement).items()
    return {one: share for one, (share, best) in shares if one is not Family.OHMIC and bool(best.on[judgement.at])}


def _families(judgement: Judgement) -> dict[Family, tuple[float, Hypothesis]]:
    """Of each family its share of the evidence, tempered, and its best explanation."""
    best: dict[Family, Hypothesis] = {}
    for one in sorted(judgement.explanations, key=lambda one: one.bic):
        best.setdefault(one.family, one)
    shares = tempered(list(best.values())).tolist()
    return {family: (share, one) for share, (family, one) in zip(shares, best.items(), strict=True)}


def _listed(shares: Mapping[str, float]) -> tuple[Likelihood, ...]:
    ordered = sorted(shares.items(), key=lambda item: -item[1])
    return tuple(Likelihood(name, share) for name, share in ordered if share > 1e-3)


def evidence_of(judgement: Judgement) -> tuple[Statistic, ...]:
    """What the verdict rests on: the best explanation against an ohmic cell, and the noise it leaves."""
    best = judgement.best
    line = next((one for one in judgement.explanations if one.family is Family.OHMIC), best)
    words = f"logarithm of the evidence for {best.family.value} over an ohmic cell"
    return (
        Statistic("over_ohmic", 0.5 * (line.bic - best.bic), words),
        Statistic("off_course", 1.0 - float(np.mean(best.on)), "share of the record off that course"),
        Statistic("noise", best.noise.gain, "noise of a mean of many points, over that of white noise"),
    )
