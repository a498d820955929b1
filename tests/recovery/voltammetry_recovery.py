"""Analyse many synthetic cases and count: verdicts right, errors, coverage of the 95 % intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rampion.voltammetry.analyse import analyse_trace
from recovery.voltammetry_curves import VERDICTS, make_case


@dataclass(frozen=True)
class Outcome:
    """One case analysed: relative errors of current and potential, and whether the intervals hold the truth."""

    verdict: str
    family: str
    noise: float
    found: str
    current_error: float
    current_covered: bool
    potential_error: float
    potential_covered: bool
    confidence: float = np.nan
    conductance_covered: bool = False

    @property
    def right(self) -> bool:
        # a curve that levels off without a maximum has reached a limit
        return self.found == ("limiting_plateau" if self.family == "plateau" else self.verdict)


def recover(seed: int, count: int, verdicts=VERDICTS) -> list[Outcome]:
    """``count`` cases of each verdict, each with its own stream of random numbers."""
    outcomes = []
    for verdict in verdicts:
        for k in range(count):
            case = make_case(verdict, np.random.default_rng([seed, VERDICTS.index(verdict), k]))
            findings = analyse_trace(case.trace, case.sample)
            if len(findings) != 1:
                outcomes.append(
                    Outcome(verdict, case.family, case.noise, f"{len(findings)} findings", np.nan, False, np.nan, False)
                )
                continue
            finding = findings[0]
            outcomes.append(
                Outcome(
                    verdict=verdict,
                    family=case.family,
                    noise=case.noise,
                    found=str(finding.verdict),
                    current_error=finding.current.value / case.current - 1,
                    current_covered=finding.current.low <= case.current <= finding.current.high,
                    potential_error=finding.potential.value / case.potential - 1,
                    potential_covered=finding.potential.low <= case.potential <= finding.potential.high,
                    confidence=finding.confidence,
                    conductance_covered=finding.ohmic is not None
                    and finding.ohmic.conductance.low <= case.conductance <= finding.ohmic.conductance.high,
                )
            )
    return outcomes
