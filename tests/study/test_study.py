"""A small virtual campaign of contact loss, through files, to laws, evidence and the report (synthetic data)."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from rampion.measurement import Sweep
from rampion.planning.virtual_campaign import CONTACT, PlannedRun, write_campaign
from rampion.report.html import write_report
from rampion.report.study import study_results
from rampion.study import Study, study

RATES = (6e-6, 1.5e-5, 5e-5)
THICKNESSES = (0.5e-3, 1e-3, 2e-3)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Three rates at three thicknesses, dense pellets, no penetration in reach."""
    runs = tuple(
        PlannedRun(
            sample=f"S{number}", pellet=f"P{number % 3}", relative_density=0.99, thickness=thickness,
            protocols=(Sweep(rate=rate, start=0.0, stop=0.5),), make=("eclab", "gamry", "csv")[number % 3],
        )
        for number, (rate, thickness) in enumerate((r, t) for r in RATES for t in THICKNESSES)
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("campaign")
    for _ in write_campaign(CONTACT, folder, seed=41, runs=runs):
        pass
    return study(folder)


def law(found: Study, quantity: str):
    return next(item.law for item in found.laws if item.quantity == quantity and len(item.against) == 2)


def test_every_sample_is_read_with_its_sheet(found):
    assert len(found.analysis.samples) == 9
    assert all(sample.experiment.sample.pellet for sample in found.analysis.samples)
    assert all(sample.experiment.synthetic for sample in found.analysis.samples)
    assert len(found.events) == 9


def test_the_exponents_are_those_of_a_used_up_contact(found):
    a, b = law(found, "current_density").exponents
    # an interface resistance of 10 Ω·cm² beside 83–333 Ω·cm² of ceramic takes up to 0.05 off both
    assert a.value == pytest.approx(0.49, abs=0.03)
    assert b.value == pytest.approx(-0.46, abs=0.06)
    assert a.low <= 0.5 <= a.high + 0.02


def test_the_charge_at_the_peak_is_the_contact_s_capacity(found):
    charges = np.array([event.finding.charge.value for event in found.events])
    # the contact's own resistance puts the maximum a little before the last of the contact is used
    assert 0.9 * CONTACT.contact_capacity < np.mean(charges) < CONTACT.contact_capacity
    c, d = law(found, "charge").exponents
    assert abs(c.value) < 0.05
    assert abs(d.value) < 0.1


def test_a_straight_root_plot_does_not_make_it_transport(found):
    evidence = found.evidence
    assert evidence is not None
    rows = {row.test: row for row in evidence.results}
    assert rows["capacity_pair"].predictions["contact"] == "supported"
    assert rows["capacity_pair"].predictions["binary"] == "contradicted"
    assert rows["exponent_pair"].predictions["binary"] == "contradicted"
    assert evidence.conclusion.favoured != "binary"
    assert "contact" not in evidence.conclusion.excluded


def test_the_report_holds_the_same_numbers_as_the_results(found, tmp_path):
    page, results = write_report(found, tmp_path, {"path": "campaign"})
    html, stored = page.read_text(encoding="utf-8"), json.loads(results.read_text(encoding="utf-8"))
    plain = json.loads(json.dumps(study_results(found)))
    for key in ("samples", "scaling", "transport", "evidence", "mechanisms"):
        assert stored[key] == plain[key]
    assert plain["synthetic"] is True
    assert "Synthetic data" in html
    for entry in stored["scaling"]:
        if entry["exponent"] is not None:
            assert f"{entry['exponent']['value']:.3g} [" in html
    for event in found.events:
        density = event.finding.current_density
        digits = max(0, 1 - int(np.floor(np.log10(density.std * 0.1))))
        assert f"{density.value * 0.1:.{digits}f} ± " in html
    for entry in stored["evidence"]:
        assert entry["question"].split("(")[0].strip()[:20] in html


def test_the_report_needs_no_network(found, tmp_path):
    page, _ = write_report(found, tmp_path, {})
    html = page.read_text(encoding="utf-8")
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)[^"']*""", html)
    assert "<script" not in html
