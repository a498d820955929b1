"""Space charge resolved: Gouy–Chapman, the fixed background, and the electroneutral limit."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rampion.errors import InputError
from rampion.measurement import Hold, Sweep
from reference.space_charge_cell import (
    PoissonCell,
    background_charge,
    debye_length,
    gouy_chapman_charge,
    simulate_poisson,
)

THERMAL = 8.314462618 * 298.15 / 96485.33212
DIFFUSIVITY = 1e-12


def binary(thickness: float, **changes) -> PoissonCell:
    plain = {
        "concentration": 100.0,
        "diffusivity": DIFFUSIVITY,
        "anion_diffusivity": DIFFUSIVITY,
        "anion_concentration": 100.0,
    }
    return PoissonCell(thickness=thickness, **(plain | changes))


def settled(cell: PoissonCell, potential: float, nodes: float = 10.0):
    return simulate_poisson(
        cell, Hold(potential=potential, duration=1e3 * cell.thickness**2 / DIFFUSIVITY), nodes_per_length=nodes
    )


def gouy_chapman_error(nodes: float, potential: float) -> float:
    run = settled(cell := binary(1e-7), potential, nodes)
    middle = run.position.size // 2
    face = run.field_potential[-1, 0] - run.field_potential[-1, middle]
    return run.surface_charge[-1] / gouy_chapman_charge(cell, face, run.cation[-1, middle]) - 1.0


def test_the_charge_is_gouy_chapmans_and_the_error_falls_with_the_square_of_the_mesh():
    coarse, fine = gouy_chapman_error(6.0, 0.2), gouy_chapman_error(12.0, 0.2)
    assert abs(fine) < 2.5e-3
    assert coarse / fine == pytest.approx(4.0, rel=0.15)
    assert abs((4.0 * fine - coarse) / 3.0) < 2e-4  # extrapolated to a mesh without width


def test_the_profile_is_gouy_chapmans():
    run = settled(cell := binary(1e-7), 0.2, 12.0)
    middle = run.position.size // 2
    u = (run.field_potential[-1] - run.field_potential[-1, middle]) / THERMAL
    screening = debye_length(cell) / math.sqrt(2.0 * run.cation[-1, middle] / 100.0)
    exact = 4.0 * np.arctanh(np.tanh(u[0] / 4.0) * np.exp(-run.position[:middle] / screening))
    np.testing.assert_allclose(u[:middle], exact, atol=5e-3)
    np.testing.assert_allclose(run.cation[-1, :middle], run.cation[-1, middle] * np.exp(-u[:middle]), rtol=1e-6)


def test_over_a_fixed_background_one_face_is_rich_and_the_other_depleted():
    cell = PoissonCell(thickness=2e-7, concentration=100.0, diffusivity=DIFFUSIVITY)
    run = settled(cell, 0.3)
    middle = run.position.size // 2
    bulk, field = run.cation[-1, middle], run.field_potential[-1]
    assert run.surface_charge[-1] == pytest.approx(background_charge(cell, field[0] - field[middle], bulk), rel=2e-3)
    assert run.surface_charge[-1] == pytest.approx(-background_charge(cell, field[-1] - field[middle], bulk), rel=2e-3)
    assert run.cation[-1, 0] > 5 * bulk
    assert run.cation[-1, -1] < 0.01 * bulk
    # Mott–Schottky: the depleted charge is F c w, w = √(2 ε ψ/(F c)), less a term of order RT/Fψ
    u = (field[-1] - field[middle]) / THERMAL
    width = debye_length(cell) * math.sqrt(2.0 * (u - 1.0))
    assert -run.surface_charge[-1] == pytest.approx(96485.33212 * bulk * width, rel=5e-3)


def test_ions_are_neither_made_nor_lost():
    run = settled(binary(5e-8), 0.2, 6.0)
    width = np.diff(run.position)
    volume = np.concatenate([[width[0]], width[:-1] + width[1:], [width[-1]]]) / 2.0
    for ions in (run.cation, run.anion):
        total = ions @ volume
        np.testing.assert_allclose(total, total[0], rtol=1e-10)
    assert run.cation.min() > 0
    assert run.anion.min() > 0


def test_the_steady_current_tends_to_the_electroneutral_law_as_the_debye_length_shrinks():
    errors = []
    for thickness in (1e-8, 1e-7, 1e-6):
        cell = binary(thickness, exchange_current=1.0 / thickness, stern_capacitance=1e-6)
        limiting = 4.0 * 96485.33212 * DIFFUSIVITY * 100.0 / thickness
        law = math.tanh(0.1 / (4.0 * THERMAL))
        errors.append(abs(settled(cell, 0.1, 4.0).current_density[-1] / limiting - law) / law)
    assert errors[0] > 5.0 * errors[1] > 25.0 * errors[2]
    assert errors[2] < 2e-4


def test_a_single_ion_conductor_between_reversible_faces_is_a_resistance():
    cell = PoissonCell(
        thickness=1e-6, concentration=100.0, diffusivity=DIFFUSIVITY, exchange_current=50.0, stern_capacitance=1e-6
    )
    conductivity = 96485.33212 * 100.0 * DIFFUSIVITY / THERMAL
    run = settled(cell, 0.05)
    drop = run.current_density[-1] * cell.thickness / conductivity
    kinetics = 2.0 * 2.0 * THERMAL * math.asinh(run.current_density[-1] / (2.0 * 50.0))
    assert drop + kinetics == pytest.approx(0.05, rel=1e-3)


def test_charging_current_integrates_to_the_charge():
    protocol = Sweep(rate=1e3, start=0.0, stop=0.1)
    run = simulate_poisson(binary(1e-7), protocol, tolerance=1e-5)
    passed = np.concatenate([[0.0], np.cumsum(np.diff(run.time) * run.current_density[1:])])
    # a blocking cell: what passes charges the faces
    assert passed[-1] == pytest.approx(-run.surface_charge[-1] + run.surface_charge[0], rel=1e-6)


def test_a_sweep_agrees_with_the_electroneutral_cell():
    pytest.importorskip("jax", reason="the electroneutral simulator needs jax")
    from rampion.cell.parameters import Cell
    from rampion.cell.simulate import simulate

    thickness = 2e-6
    rate = 100.0 * DIFFUSIVITY * THERMAL / thickness**2
    run = simulate_poisson(
        binary(thickness, exchange_current=1e7, stern_capacitance=1e-6), Sweep(rate=rate, start=0.0, stop=0.3)
    )
    conductivity = 2.0 * 96485.33212 * 100.0 * DIFFUSIVITY / THERMAL
    cell = Cell(thickness=thickness, conductivity=conductivity, concentration=100.0, transference=0.5)
    neutral = simulate(cell, Sweep(rate=rate, start=0.0, stop=0.3))
    probe = np.linspace(0.02, 0.28, 14)
    exact = np.interp(probe, neutral.potential, neutral.current_density)
    seen = np.interp(probe, run.potential, run.current_density)
    np.testing.assert_allclose(seen, exact, rtol=5e-3)


def test_impossible_cells_and_protocols_are_refused():
    with pytest.raises(InputError, match="counter charge is 200"):
        binary(1e-7, anion_concentration=200.0)
    with pytest.raises(InputError, match="thickness is -1"):
        binary(-1.0)
    with pytest.raises(InputError, match="duration"):
        simulate_poisson(binary(1e-7), Hold(potential=0.1))
    with pytest.raises(InputError, match="last potential"):
        simulate_poisson(binary(1e-7), Sweep(rate=1.0))
