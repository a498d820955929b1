"""A transport number together with its method and the state of the method's assumptions for the data at hand."""

from __future__ import annotations

import math
from dataclasses import dataclass

from rampion.equality import equal_by_value
from rampion.estimate import Estimate
from rampion.quantities import FARADAY, GAS_CONSTANT
from rampion.transport.flags import TransportFlag

ROOM = 298.15  # K


@equal_by_value
@dataclass(frozen=True, slots=True, kw_only=True)
class Assumption:
    """One assumption of a method: the sentence, the number that decides, and whether it holds (None: not checked)."""

    sentence: str
    holds: bool | None = None
    number: float = math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportFinding:
    """One quantity by one method [SI]."""

    quantity: str
    method: str
    estimate: Estimate
    assumptions: tuple[Assumption, ...] = ()
    source: str = ""


def thermal_voltage(temperature: float = ROOM) -> float:
    """RT/F [V]."""
    return GAS_CONSTANT * temperature / FARADAY


def finding(
    quantity: str, method: str, estimate: Estimate, assumptions: tuple[Assumption, ...] = (), source: str = ""
) -> TransportFinding:
    """The finding, its estimate flagged for every assumption that fails or could not be checked."""
    flags = [
        (TransportFlag.ASSUMPTION_FAILS if item.holds is False else TransportFlag.NO_ASSUMPTION_CHECK).flag(
            method=method, sentence=item.sentence
        )
        for item in assumptions
        if item.holds is not True
    ]
    return TransportFinding(
        quantity=quantity,
        method=method,
        estimate=estimate.flagged(*flags),
        assumptions=assumptions,
        source=source,
    )
