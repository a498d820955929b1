"""A study as plain data: the keys of ``rampion study --json`` and of its ``results.json`` (SI units)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rampion.records import to_plain
from rampion.report.results import results

if TYPE_CHECKING:
    from rampion.study import Study
    from rampion.study.laws import ScalingLaw
    from rampion.transport.finding import TransportFinding


def study_results(study: Study) -> dict[str, Any]:
    """Findings, replicates, survival, scaling, transport, evidence, mechanisms, flags."""
    analysis = results(study.analysis)
    return {
        "name": study.analysis.name,
        "synthetic": any(sample.experiment.synthetic for sample in study.analysis.samples),
        "samples": analysis["findings"],
        "metadata": analysis["samples"],
        "replicates": to_plain(study.replicates),
        "survival": to_plain(study.survival),
        "scaling": [entry for law in study.laws for entry in scaling_entries(law)],
        "transport": [transport_entry(item) for item in study.transport],
        "recovery": to_plain(study.impedance.recoveries),
        "pauses": to_plain(study.pauses),
        **_evidence(study),
        "flags": to_plain(study.flags),
    }


def scaling_entries(law: ScalingLaw) -> list[dict[str, Any]]:
    """One entry per exponent of a power law, or one for a straight-line plot."""
    shared = {"quantity": law.quantity, "setting": law.setting}
    if law.law is not None:
        return [
            shared
            | {
                "against": against,
                "jointly_with": [other for other in law.against if other != against],
                "exponent": to_plain(exponent),
                "r_squared": law.law.r_squared,
                "scatter": law.law.scatter,
                "count": law.law.count,
            }
            for against, exponent in zip(law.against, law.law.exponents, strict=True)
        ]
    line = law.line
    assert line is not None
    return [
        shared
        | {
            "against": law.against[0],
            "exponent": None,
            "slope": to_plain(line.slope),
            "intercept": to_plain(line.intercept) | {"p_value": line.intercept_test.p_value},
            "forced_slope": to_plain(line.forced_slope),
            "r_squared": line.r_squared,
            "forced_r_squared": line.forced_r_squared,
            "count": line.count,
        }
    ]


def transport_entry(item: TransportFinding) -> dict[str, Any]:
    """One transport number by one method, with the state of its assumptions."""
    plain = to_plain(item.estimate)
    return {
        "quantity": item.quantity,
        "method": item.method,
        "value": plain["value"],
        "std": plain["std"],
        "interval": plain["interval"],
        "assumptions": to_plain(item.assumptions),
        "flags": plain.get("flags", []),
        "source": item.source,
    }


def _evidence(study: Study) -> dict[str, Any]:
    if study.evidence is None:
        return {"evidence": [], "mechanisms": [], "conclusion": None}
    rows = [
        {
            "test": row.test,
            "question": row.question,
            "statistic": list(row.statistic),
            "std": to_plain(list(row.std)),
            "effect": to_plain(list(row.effect)),
            "p_value": to_plain(row.p_value),
            "counted": row.counted,
            "predictions": row.predictions,
        }
        for row in study.evidence.results
    ]
    return {
        "evidence": rows,
        "mechanisms": to_plain(study.evidence.standings),
        "conclusion": to_plain(study.evidence.conclusion),
    }
