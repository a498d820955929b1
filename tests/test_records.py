"""Results become plain data that any program reads: no NaN, no infinity, stable keys."""

from __future__ import annotations

import hashlib
import json
import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rampion.estimate import Estimate, Severity
from rampion.measurement import Rest, Spectrum, Sweep
from rampion.records import file_hash, provenance, to_json, to_plain


def test_an_estimate_has_value_std_and_interval():
    plain = to_plain(Estimate(1.0, 0.5))
    assert plain == {"value": 1.0, "std": 0.5, "interval": [1.0 - 0.979981992270027, 1.0 + 0.979981992270027]}
    assert to_plain(Estimate(1.0)) == {"value": 1.0, "std": None, "interval": [None, None]}


def test_records_arrays_and_enumerations():
    spectrum = Spectrum(frequency=np.array([1.0]), impedance=np.array([1 - 2j]), protocol=Rest(pressed=False))
    plain = to_plain(spectrum)
    assert plain["impedance"] == {"real": [1.0], "imag": [-2.0]}
    assert plain["protocol"] == {"duration": None, "pressed": False}
    assert to_plain(Severity.NOTE) == "note"
    assert to_plain(Sweep(rate=1e-3))["start"] is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda leaf: st.lists(leaf) | st.dictionaries(st.text(), leaf),
    )
)
def test_whatever_goes_in_strict_json_comes_out(item):
    def strict(constant):
        raise AssertionError(constant)

    json.loads(to_json(item), parse_constant=strict)


def test_provenance_names_the_bytes(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"volts")
    assert file_hash(path) == hashlib.sha256(b"volts").hexdigest()
    history = provenance({"circuit": None, "rate": math.nan}, {"a.txt": file_hash(path)})
    assert history["software"]["rampion"]
    assert history["options"] == {"circuit": None, "rate": None}
