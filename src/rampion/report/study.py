"""A study as plain data: the keys of ``rampion study --json`` and of its ``results.json`` (SI units)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rampion.estimate import Estimate
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
        "series": analysis["series"],
        "replicates": to_plain(study.replicates),
        "survival": to_plain(study.survival),
        "scaling": scaling_entries(study.laws),
        "transport": [transport_entry(item) for item in study.transport],
        "recovery": to_plain(study.impedance.recoveries),
        "recovery_comparisons": to_plain(study.impedance.comparisons),
        "checkpoints": to_plain(study.impedance.checkpoints),
        "rests": to_plain(study.impedance.rests),
        "stops": to_plain(study.impedance.stops),
        "pauses": to_plain(study.pauses),
        **_evidence(study),
        "overrides": analysis["overrides"],
        "flags": to_plain(study.flags),
    }


_STRAIGHT = {"√scan_rate": "scan_rate", "σ/L": "thickness"}  # a straight-line plot beside the free exponent


def scaling_entries(laws: Sequence[ScalingLaw]) -> list[dict[str, Any]]:
    """One entry per exponent; the straight-line plot of the same samples stands in it, with its tested intercept."""
    lines = {(law.quantity, _STRAIGHT[law.against[0]], law.setting): law for law in laws if law.line is not None}
    entries = []
    for law in laws:
        if law.law is None:
            continue
        for against, exponent in zip(law.against, law.law.exponents, strict=True):
            key = (law.quantity, against, law.setting)
            line = lines.pop(key, None) if len(law.against) == 1 else None
            entries.append(_scaling_entry(*key, exponent, law, line))
    return entries + [_scaling_entry(*key, Estimate(math.nan), None, line) for key, line in lines.items()]


def _scaling_entry(
    quantity: str, against: str, setting: str, exponent: Estimate, law: ScalingLaw | None, plot: ScalingLaw | None
) -> dict[str, Any]:
    fitted = law.law if law is not None else None
    line = plot.line if plot is not None else None
    entry: dict[str, Any] = {
        "quantity": quantity,
        "against": against,
        "setting": setting,
        "jointly_with": [other for other in law.against if other != against] if law is not None else [],
        "exponent": to_plain(exponent),
        "intercept": None,
        "r_squared": to_plain(fitted.r_squared) if fitted else None,
        "scatter": to_plain(fitted.scatter) if fitted else None,
        "count": fitted.count if fitted else line.count if line else 0,
        "line": None,
        "flags": to_plain(fitted.flags) if fitted else [],
    }
    if line is not None and plot is not None:
        entry["intercept"] = to_plain(line.intercept) | {"p_value": to_plain(line.intercept_test.p_value)}
        numbers = ("slope", "forced_slope", "r_squared", "forced_r_squared", "forced_r_squared_origin")
        entry["line"] = {"against": plot.against[0]} | {name: to_plain(getattr(line, name)) for name in numbers}
    return entry


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
