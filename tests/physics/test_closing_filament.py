"""A filament that closes in the full cell: the run ends at the compliance or at the short, never for want of steps."""

from __future__ import annotations

import numpy as np
import pytest

from rampion.cell.parameters import Cell
from rampion.cell.penetration import PenetrationAtCurrent
from rampion.cell.protocols import Stop
from rampion.measurement import ConstantCurrent, Sweep

AREA, SHORT = 4e-6, 1e-6


def run(protocol, threshold: float, thickness: float = 1e-3):
    pytest.importorskip("jax", reason="the full cell needs jax")
    from rampion.cell.simulate import simulate

    term = PenetrationAtCurrent(
        critical_current=threshold, focusing=2e4, area_fraction=1e-5, short_resistance=SHORT
    )  # fmt: skip
    cell = Cell(
        thickness=thickness, conductivity=0.06, concentration=430.0, transference=0.8, interface_resistance=1e-3,
        area=AREA, terms=(term,),
    )  # fmt: skip
    return simulate(cell, protocol, stop=Stop(current_density=400.0))


@pytest.mark.parametrize("rate", [5e-5, 5e-4, 1e-3])
@pytest.mark.parametrize("threshold", [5.64, 6.99, 11.43])
@pytest.mark.parametrize("thickness", [0.5e-3, 1e-3])
def test_a_diverging_current_ends_at_the_compliance(rate, threshold, thickness):
    simulation = run(Sweep(rate=rate, start=0.0, stop=0.8), threshold, thickness)
    codes = [flag.code for flag in simulation.flags]
    if simulation.current_density.max() < threshold:  # the peak of the polarized cell lies below
        assert codes == []
        return
    # the last instant before a short diverges faster than any step follows: it may miss the tolerance, and says so
    assert [code for code in codes if code != "inaccurate"] == ["penetration_began", "current_reached"]
    assert simulation.current_density[-1] == pytest.approx(400.0, rel=1e-5)
    assert simulation.time.size < 2000


@pytest.mark.parametrize("current_density", [12.5, 15.0, 20.0])
def test_a_constant_current_falls_to_the_short_and_ends(current_density):
    simulation = run(ConstantCurrent(current=current_density * AREA, duration=36e3), 11.5)
    assert [flag.code for flag in simulation.flags] == ["penetration_began", "shorted", "event_reached"]
    assert simulation.time.size < 300
    np.testing.assert_allclose(simulation.current_density, current_density, rtol=1e-6)
    # the path takes all of the current; its last gap adds up to a tenth
    assert simulation.potential[-1] == pytest.approx(current_density * SHORT, rel=0.12)
    assert simulation.potential.max() > 1e4 * simulation.potential[-1]
