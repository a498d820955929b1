"""Confidences at stated base rates, beside the evidence against the best rival (synthetic data)."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from rampion.cli import main
from rampion.errors import InputError
from rampion.measurement import Sample, Trace
from rampion.study import analyse
from rampion.voltammetry.analyse import analyse_run
from rampion.voltammetry.confidence import EQUAL, SUREST, BaseRates, at_base_rates, base_rates_of, odds_of
from rampion.voltammetry.finding import Finding, Odds, Verdict

JUDGED = [verdict for verdict in Verdict if verdict.judged]


def test_rates_are_shares_and_those_not_stated_share_the_rest():
    assert [EQUAL.of(verdict) for verdict in JUDGED] == [1 / 8] * 8
    rates = base_rates_of({"penetration": 0.3, "soft_short": 0.35})
    assert rates.of(Verdict.PENETRATION) == 0.3
    assert rates.of(Verdict.NO_EVENT) == pytest.approx(0.35 / 6)
    assert sum(map(rates.of, JUDGED)) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("shares", "sentence"),
    [
        ({"penetration": 1.2}, "base rate of penetration is 1.2; expected a share between 0 and 1"),
        ({"penetration": 0.0}, "base rate of penetration is 0;"),
        ({"penetration": math.nan}, "base rate of penetration is nan;"),
        ({"penetration": 0.6, "no_event": 0.4}, "base rates sum to 1; expected less than 1"),
        ({"short": 0.1}, "names 'short'; expected one of limiting_peak"),
        ({"not_a_symmetric_cell": 0.1}, "expected one of"),
    ],
)
def test_what_is_no_rate_is_refused(shares, sentence):
    with pytest.raises(InputError, match=sentence):
        base_rates_of(shares)


def odds(own: float, other: float) -> Odds:
    return Odds(rival=Verdict.NO_EVENT, log_bayes_factor=10.0, base_rate=own, rival_base_rate=other)


def test_the_posterior_odds_are_those_of_the_record_times_those_of_the_rates():
    assert at_base_rates(0.8, odds(0.4, 0.1)) == pytest.approx(16.0 / 17.0)
    assert at_base_rates(0.8, odds(0.1, 0.4)) == pytest.approx(0.5)
    assert at_base_rates(0.98, odds(0.7, 0.01)) == SUREST
    assert at_base_rates(0.8123, odds(0.125, 0.125)) == 0.8123  # to the last digit


def faint_rise() -> Trace:
    """An ohmic current that bends upwards at its end, by little more than its noise."""
    potential = np.linspace(0.0, 0.5, 500)
    rise = 1.0 + 0.02 * 4.0 * np.clip(potential - 0.47, 0.0, None) / 0.03
    current = 2e-4 * potential * rise * (1.0 + 0.01 * np.random.default_rng(3).standard_normal(potential.size))
    return Trace(time=potential / 1e-3, potential=potential, current=current, synthetic=True)


def judged(trace: Trace, rates: BaseRates = EQUAL) -> Finding:
    return analyse_run((trace,), Sample(name="x"), base_rates=rates).findings[0]


def test_a_finding_names_its_rival_and_the_evidence_against_it():
    even = judged(faint_rise())
    assert even.verdict is Verdict.PENETRATION
    assert even.odds.rival is Verdict.NO_EVENT
    assert even.confidence == pytest.approx(1.0 - 0.5 * math.exp(-even.odds.log_bayes_factor / 10.0))
    doubted = BaseRates(((even.verdict, 0.01), (even.odds.rival, 0.8)))
    odd = judged(faint_rise(), doubted)
    assert odd.verdict is even.verdict
    assert (odd.odds.base_rate, odd.odds.rival_base_rate) == (0.01, 0.8)
    assert odd.confidence == at_base_rates(even.confidence, odd.odds)
    assert odd.confidence < 0.5
    assert "low_confidence" in {flag.code for flag in odd.flags}


def test_without_a_rival_the_others_mean_stands_for_it():
    rates = base_rates_of({"penetration": 0.3})
    known = odds_of(Verdict.PENETRATION, rates)
    assert (known.rival, known.base_rate) == (None, 0.3)
    assert known.rival_base_rate == pytest.approx(0.1)
    assert math.isnan(known.log_bayes_factor)


def test_constant_currents_are_weighed_too():
    time = np.arange(400.0)
    potential = 0.04 * np.where(time > 200.0, 0.1, 1.0) + 1e-6 * np.random.default_rng(1).standard_normal(400)
    trace = Trace(time=time, potential=potential, current=np.full(400, 4e-5))
    even, odd = judged(trace), judged(trace, base_rates_of({"penetration": 0.01}))
    assert even.verdict is Verdict.PENETRATION
    assert odd.confidence == at_base_rates(even.confidence, odds_of(even.verdict, base_rates_of({"penetration": 0.01})))
    assert odd.confidence < even.confidence


@pytest.fixture
def file(tmp_path):
    """An ohmic sweep."""
    potential = np.linspace(0.0, 0.5, 600)
    current = 2e-4 * potential * (1.0 + 1e-3 * np.random.default_rng(1).standard_normal(600))
    rows = "".join(f"{v / 1e-3},{v},{i}\n" for v, i in zip(potential, current, strict=True))
    path = tmp_path / "S1.csv"
    path.write_text("# SYNTHETIC DATA\ntime/s,potential/V,current/A\n" + rows, encoding="utf-8")
    return path


def test_the_shell_takes_base_rates(file, capsys):
    main(["analyse", str(file), "--base-rate", "no_event=0.01", "--json"])
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    ratio = SUREST / (1.0 - SUREST) * 0.01 / (0.99 / 7.0)
    assert finding["confidence"] == pytest.approx(ratio / (1.0 + ratio))
    assert finding["odds"]["base_rate"] == 0.01
    assert finding["confidence"] == analyse(file, base_rates={"no_event": 0.01}).findings[0].confidence
    main(["analyse", str(file)])
    assert "base rate 12.5%, mean of the others 12.5%" in capsys.readouterr().out


@pytest.mark.parametrize(("pair", "sentence"), [("no_event", "has no share"), ("x=0.1", "expected one of")])
def test_a_wrong_rate_gets_a_sentence(file, capsys, pair, sentence):
    with pytest.raises(SystemExit) as stop:
        main(["analyse", str(file), "--base-rate", pair])
    assert stop.value.code == 3
    assert sentence in capsys.readouterr().err


def test_rates_are_part_of_what_is_remembered():
    from rampion.study import Options

    assert repr(Options()) != repr(replace(Options(), base_rates=base_rates_of({"penetration": 0.3})))
