"""rampion: what a voltage ramp across Li | ceramic | Li says about lithium penetration and limiting current.

The verbs ``read``, ``analyse`` and those that follow live in :mod:`rampion.study`; they load on first use so that
``import rampion`` stays fast.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

_HOMES = {
    "read": "rampion.study",
    "analyse": "rampion.study",
    "simulate": "rampion.study",
    "Sample": "rampion.measurement",
    "Trace": "rampion.measurement",
    "Spectrum": "rampion.measurement",
    "Experiment": "rampion.measurement",
    "Campaign": "rampion.measurement",
    "Estimate": "rampion.estimate",
}

__all__ = [
    "Campaign", "Estimate", "Experiment", "Sample", "Spectrum", "Trace", "__version__", "analyse", "read", "simulate",
]  # fmt: skip

if TYPE_CHECKING:
    from rampion.estimate import Estimate
    from rampion.measurement import Campaign, Experiment, Sample, Spectrum, Trace
    from rampion.study import analyse, read, simulate


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'rampion' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
