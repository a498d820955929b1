"""Truth beside recovered, and stated beside computed: as text and as a section of the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rampion.estimate import Estimate
from rampion.report.document import marked, number, section, table
from rampion.units import show

if TYPE_CHECKING:
    from rampion.study.demo import Recovered
    from rampion.transport.gopal2023 import Comparison

_TOLD = {True: "inside", False: "OUTSIDE", None: "not found"}
_MARK = {True: "supported", False: "contradicted", None: "silent"}


def truth_lines(rows: Sequence[Recovered]) -> list[str]:
    """Truth against recovered, a line each."""
    lines = ["truth against recovered (95 % intervals):"]
    for row in rows:
        told = f"  {row.quantity:<14}{show(row.truth, row.quantity):>14}   found {number(row.found, row.quantity):<24}"
        lines.append(f"{told}{_TOLD[row.inside]}: {row.meaning}")
    return lines


def truth_section(rows: Sequence[Recovered]) -> dict[str, Any]:
    """The same as a section of the report."""
    cells = [
        [row.quantity, row.meaning, show(row.truth, row.quantity), number(row.found, row.quantity),
         marked(_TOLD[row.inside], _MARK[row.inside])]
        for row in rows
    ]  # fmt: skip
    shown = table(["quantity", "meaning", "truth", "found", "95 % interval"], cells)
    return section("truth", "Truth against recovered", tables=[shown])


def comparison_lines(rows: Sequence[Comparison]) -> list[str]:
    """Stated beside computed, a line each, with the reason under it."""
    lines = []
    for row in rows:
        computed = _shown(row.computed, row.factor)
        stated = row.stated_text or "not stated"
        agreement = str(getattr(row.agreement, "value", row.agreement)).replace("_", " ")
        lines.append(f"{row.symbol:<12}{computed:>16} {row.shown_unit:<12} stated: {stated:<28} {agreement}")
        lines.append(f"            {row.name}: {row.note}")
        lines += [f"            ! {flag.message}" for flag in row.computed.flags]
    return lines


def _shown(estimate: Estimate, factor: float) -> str:
    value, std = estimate.value * factor, estimate.std * abs(factor)
    return f"{value:.4g}" if not std > 0 else f"{value:.4g} ± {std:.1g}"
