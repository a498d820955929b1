"""A rival explanation: its name, its equations in brief and its predictions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rampion.mechanisms.argument import Arguments
from rampion.mechanisms.prediction import Segment, Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Mechanism:
    """One explanation. Where it has no prediction it is silent: the argument neither helps nor hurts it."""

    name: str
    title: str
    equations: str
    predictions: Mapping[Arguments, Segment | Share]
    source: str = ""
