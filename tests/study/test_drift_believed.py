"""A correction of drift that is not believed leaves the spectrum as measured, and says why (synthetic)."""

from __future__ import annotations

import numpy as np
import pytest

from rampion.impedance.stationarity import DriftCorrection
from rampion.measurement import Spectrum
from rampion.study.drift import believed


def case(size, before, after):
    measured = Spectrum(
        frequency=np.geomspace(1e5, 1.0, 20), impedance=np.full(20, 100.0 - 5j), time=np.arange(20.0), synthetic=True
    )
    correction = DriftCorrection(
        spectrum=measured, applied=True, correction=np.full(20, size + 0j), drift=0.2, remaining=0.01, time=10.0,
        source="time", violation_before=before, violation_after=after,
    )  # fmt: skip
    return measured, believed(correction, measured)


@pytest.mark.parametrize(
    ("size", "before", "after", "words"),
    [(0.05, 0.002, 0.004, "more than before"), (0.2, 1e-4, 1e-4, "20% is large")],
)
def test_what_is_dropped_is_said(size, before, after, words):
    measured, kept = case(size, before, after)
    assert not kept.applied
    assert not kept.correction.any()
    np.testing.assert_array_equal(kept.spectrum.impedance, measured.impedance)
    said = [flag.message for flag in kept.spectrum.flags if flag.code == "drift_not_corrected"]
    assert len(said) == 1
    assert words in said[0]


def test_a_correction_that_helps_is_kept():
    _, kept = case(0.05, 0.004, 0.001)
    assert kept.applied
