"""The verbs, composed: read, analyse, simulate, study. Here the siblings meet; no formula lives here.

Every verb is the same function in Python, in the shell and in the app.
"""

from __future__ import annotations

from rampion.readers import read_file
from rampion.study.analysis import (
    Analysis,
    SampleAnalysis,
    analyse,
    analyse_each,
    analyse_experiment,
    read,
    simulate,
)
from rampion.study.campaign import Study, study
from rampion.study.spectra import Options

__all__ = [
    "Analysis",
    "Options",
    "SampleAnalysis",
    "Study",
    "analyse",
    "analyse_each",
    "analyse_experiment",
    "read",
    "read_file",
    "simulate",
    "study",
]
