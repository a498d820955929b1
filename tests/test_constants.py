"""The one set of physical constants against another one."""

import math

import pytest
from scipy import constants

from rampion import quantities


@pytest.mark.parametrize(
    ("own", "other"),
    [
        (quantities.FARADAY, constants.physical_constants["Faraday constant"][0]),
        (quantities.GAS_CONSTANT, constants.R),
        (quantities.VACUUM_PERMITTIVITY, constants.epsilon_0),
    ],
)
def test_constants_are_those_of_codata(own, other):
    assert math.isclose(own, other, rel_tol=2e-9)  # two adjustments of CODATA lie this close


def test_they_are_written_down_nowhere_else():
    from pathlib import Path

    folder = Path(quantities.__file__).parent
    digits = ("96485", "8.3144", "8.8541", "1.602176")
    found = [
        str(path.relative_to(folder))
        for path in folder.rglob("*.py")
        if path.name != "quantities.py" and any(d in path.read_text(encoding="utf-8") for d in digits)
    ]
    assert found == []
