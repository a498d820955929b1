"""The linear response of the cell to a small current, around a frozen state: one banded complex solve per frequency.

With r = c/c₀, κ = D/L², G = J/(F c₀ L), the equation of the march and its perturbation by δJ e^(iωt) are

    r_t = (κ r_ξ − (1 − t₊)G)_ξ ,              κ r_ξ = (1 − t₊)G at both faces
    iω δr = ((κ δr)_ξ + t₊′G δr − (1 − t₊)δG)_ξ ,  the bracket 0 at both faces

(κ′ r_ξ δr is inside (κδr)_ξ). On hat functions with the moment-matched mass rows of the march this is tridiagonal.

The voltage follows term by term and exactly: δJ·∫dx/σ − J·∫σ′δc/σ² dx; ∫(1 − t₊)Γ d ln c changes by its integrand at
its two ends; charge transfer ∥ interface capacitance at each face; relaxations of the electrolyte and the interface;
the interface terms with their states, by their real derivatives.

Everything here is written for numpy and for traced numbers alike.

Assumes: what the march assumes, and a perturbation small against RT/F.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rampion.cell.circuit import Structure, interface
from rampion.cell.closures import Properties, properties_of
from rampion.cell.dialect import numerics
from rampion.cell.frozen import Fine, Frozen, fine_profile
from rampion.cell.terms import rebuilt
from rampion.quantities import FARADAY


def _nature(numbers: Any, structure: Structure) -> Properties:
    return properties_of(structure.closure, numbers, structure.conduction, structure.nernst_einstein)


def _with_slope(function: Callable, c: Any, empty: Any, number: Any) -> tuple[Any, Any]:
    """A property and its derivative by the concentration at each node."""
    import jax
    import jax.numpy as jnp

    one = jnp.ones(c.shape)
    value, slope = jax.jvp(function, (jnp.asarray(c), jnp.asarray(empty)), (one, -one))
    return number.asarray(value), number.asarray(slope)


def _weighted(step, top, bottom, number):
    """∫top/bottom² over each interval with both linear in it; top (k, n) complex, bottom (n,)."""
    p, q = bottom[:-1], bottom[1:]
    a, b = top[:, :-1], top[:, 1:]
    gap = (q - p) / p
    small = number.abs(gap) < 1e-3
    safe = number.where(small, 1.0, gap)
    first = number.where(
        small, 0.5 - gap * (2.0 / 3.0 - 0.75 * gap), (number.log1p(safe) - safe / (1.0 + safe)) / safe**2
    )
    return step * (a / (p * q) + (b - a) * first / p**2)


def _inverse(step, bottom, number):
    """∫1/bottom over each interval with bottom linear in it."""
    gap = (bottom[1:] - bottom[:-1]) / bottom[:-1]
    small = number.abs(gap) < 1e-4
    safe = number.where(small, 1.0, gap)
    mean = number.where(small, 1.0 - gap * (0.5 - gap / 3.0), number.log1p(safe) / safe)
    return step * mean / bottom[:-1]


def smallest_intervals(
    frozen: Frozen, numbers: dict[str, Any], structure: Structure, highest: float
) -> tuple[float, float]:
    """The first intervals [thicknesses] that resolve √(D/ω) at the highest ω [1/s] and the depleted (or full) layer
    c/c_ξ, at the plating and at the stripping face."""
    properties, c0 = _nature(numbers, structure), numbers["concentration"]
    real, empty = np.asarray(frozen.concentration) * c0, np.asarray(frozen.empty) * c0
    pace = np.asarray(properties.diffusivity(real, empty)) / numbers["thickness"] ** 2
    free = 1.0 - np.asarray(properties.transference(real, empty))
    slopes = np.abs(free[[0, -1]] * float(frozen.ionic)) / (FARADAY * c0 * numbers["thickness"] * pace[[0, -1]])
    waves = math.sqrt(float(pace.min()) / highest)
    layers = np.minimum(frozen.concentration, frozen.empty)[[0, -1]] / np.maximum(slopes, 1e-12)
    first, last = (max(1e-2 * min(float(layer), waves, 1e-3), 1e-24) for layer in layers)
    return first, last


def _banded(fine: Fine, pace: Any, drift: Any, fed: Any, omega: Any, number: Any) -> Any:
    """δr (k, m+1) from the tridiagonal equations; pace κ, drift t₊′G and fed (1 − t₊)δG at the nodes (m+1,).

    The equations alone fix the level of δr through iω only. In their place at the face with the finer mesh stands
    that salt is conserved, ∫δr dξ = 0, to which all of them add up: accurate however slow the perturbation is.
    """
    left = number.concatenate([number.zeros(1), 1.0 / fine.step])
    right = number.concatenate([1.0 / fine.step, number.zeros(1)])
    edge = np.zeros(fine.step.size + 1)
    edge[0], edge[-1] = -1.0, 1.0
    # −∫φ_i′g is the mean of g over the interval on the right less that on the left.
    down, middle, up = -pace[:-1] / fine.step, pace * (left + right), -pace[1:] / fine.step
    down, middle, up = down + 0.5 * drift[:-1], middle + 0.5 * edge * drift, up - 0.5 * drift[1:]
    before = number.concatenate([fed[:1], fed[:-1]])
    after = number.concatenate([fed[1:], fed[-1:]])
    source = -0.5 * (after - before) + edge * number.where(edge == 0, 0.0, fed)
    others = np.ones(edge.size)
    others[fine.finer] = 0.0
    turn, zero = 1j * omega[:, None], number.zeros((omega.size, 1))
    lower = number.concatenate([zero, (turn * fine.lower[1:] + down) * others[1:]], axis=1)
    main = (turn * fine.middle + middle) * others + (1.0 - others)
    upper = number.concatenate([(turn * fine.upper[:-1] + up) * others[:-1], zero], axis=1)
    sides = number.stack([source * others, number.asarray(1.0 - others)], axis=1) + 0j
    if number is np:
        from scipy.linalg import solve_banded

        parts = np.empty((*main.shape, 2), dtype=complex)
        for k in range(omega.size):
            bands = np.stack([np.roll(upper[k], 1), main[k], np.roll(lower[k], -1)])
            parts[k] = solve_banded((1, 1), bands, sides, overwrite_ab=True, check_finite=False)
    else:
        import jax

        sides = number.broadcast_to(sides, (*main.shape, 2))
        parts = jax.lax.linalg.tridiagonal_solve(lower, main, upper, sides)
    none = number.zeros(1)
    weights = fine.middle + number.concatenate([fine.lower[1:], none]) + number.concatenate([none, fine.upper[:-1]])
    amounts = number.einsum("i,kis->ks", weights, parts)
    return parts[..., 0] - (amounts[:, :1] / amounts[:, 1:]) * parts[..., 1]


def _arcs(relaxations: Sequence[Any], place: str, resistance: Any, omega: Any) -> Any:
    """The resistance with the share of each R∥CPE arc relaxing."""
    total, left = 0.0, 1.0
    for arc in relaxations:
        if arc.place == place:
            part = arc.share * resistance
            total = total + part / (1.0 + part * arc.admittance * (1j * omega) ** arc.exponent)
            left -= arc.share
    return total + left * resistance


def area_impedances(
    frozen: Frozen,
    fine: Fine,
    numbers: dict[str, Any],
    structure: Structure,
    relaxations: Sequence[Any],
    omega: Any,
    pressed: float = 1.0,
) -> tuple[Any, Any]:
    """Z·area [Ω·m²], (k,) each, at the angular frequencies [1/s]: of the cell, and of the working electrode against
    the reference plane (NaN with two electrodes)."""
    number = numerics(frozen.concentration)
    c0, thickness = numbers["concentration"], numbers["thickness"]
    nature = _nature(numbers, structure)
    ionic, gradient = frozen.ionic, 1.0 / (FARADAY * c0 * thickness)
    ends = number.asarray([0, -1])
    faces = frozen.concentration[ends] * c0, frozen.empty[ends] * c0
    at_faces = [number.asarray(part(*faces)) for part in (nature.diffusivity, nature.transference)]
    slopes = (1.0 - at_faces[1]) * ionic * gradient / (at_faces[0] / thickness**2)
    c, empty = fine_profile(frozen, fine, (slopes[0], slopes[1]))
    real, empty, thermal = c * c0, empty * c0, numbers["thermal_voltage"]
    closure = structure.closure
    if closure is None:
        # Without functions the derivatives are known, and nothing has to be traced.
        rises = structure.conduction == "proportional"
        sigma = c if rises else number.ones(c.size)
        sigma_slope = number.ones(c.size) if rises else number.zeros(c.size)
        flat = number.ones(c.size)
        transference, factor = numbers["transference"] * flat, numbers["thermodynamic_factor"] * flat
        pace, drift = numbers["diffusivity"] / thickness**2 * flat, 0.0 * flat
    else:
        sigma, sigma_slope = _with_slope(nature.conductivity, real, empty, number)
        sigma, sigma_slope = sigma / numbers["conductivity"], sigma_slope * c0 / numbers["conductivity"]
        transference, transference_slope = _with_slope(nature.transference, real, empty, number)
        factor = number.asarray(nature.thermodynamic_factor(real, empty))
        pace = number.asarray(nature.diffusivity(real, empty)) / thickness**2
        drift = transference_slope * c0 * ionic * gradient
    change = _banded(fine, pace, drift, (1.0 - transference) * gradient, omega, number)
    ohmic = thickness / numbers["conductivity"]
    resistance = ohmic * _inverse(fine.step, sigma, number)
    bending = -ohmic * ionic * _weighted(fine.step, sigma_slope * change, sigma, number)
    weight = 2.0 * (1.0 - transference) * factor * thermal
    carried = weight * change / c
    polarized = 0.5 * (weight[1:] + weight[:-1]) * (number.log(c[1:]) - number.log(c[:-1]))
    charge_transfer, excess = _faces(frozen, change, numbers, structure, omega, number)
    interfaces = numbers["interface_resistance"]

    def between(end: int | None, share: float, transfer: Any, overpotential: Any) -> tuple[Any, Any]:
        """Impedance and voltage from the plating face to a node of the mesh, with its interfaces."""
        last = c.size - 1 if end is None else end
        total = resistance[:last].sum()
        z = _arcs(relaxations, "electrolyte", total, omega) + bending[:, :last].sum(axis=1)
        z = z + carried[:, last] - carried[:, 0] + _arcs(relaxations, "interface", share * interfaces, omega)
        voltage = ionic * (total + share * interfaces) + polarized[:last].sum() + overpotential
        return z + transfer, voltage

    whole = between(None, 1.0, sum(charge_transfer), sum(excess))
    working = between(fine.reference, 0.5, charge_transfer[0], excess[0]) if fine.reference is not None else None
    moved = (change[:, 0] * c0, change[:, -1] * c0)
    return _with_terms(whole, working, moved, (c[0] * c0, c[-1] * c0), frozen, numbers, structure, omega, pressed)


def _faces(frozen: Frozen, change: Any, numbers: Any, structure: Structure, omega: Any, number: Any) -> tuple:
    """Impedance (k,) and overpotential [V] of charge transfer beside the capacitance, at either face."""
    if not structure.kinetics:
        return (0.0, 0.0), (0.0, 0.0)
    impedances, overpotentials = [], []
    thermal, capacitance = numbers["thermal_voltage"], numbers["interface_capacitance"]
    for k, place in enumerate((0, -1)):
        concentration = frozen.concentration[place]
        exchange = number.sqrt(concentration) / numbers["inverse_exchange"]
        if structure.capacitance:
            eta = frozen.states[k]
            faradaic = 2.0 * exchange * number.sinh(0.5 * eta)
        else:
            faradaic = frozen.ionic
            eta = 2.0 * number.arcsinh(0.5 * frozen.ionic / exchange)
        admittance = exchange * number.cosh(0.5 * eta) / thermal + 1j * omega * capacitance
        impedances.append((1.0 - faradaic * change[:, place] / (2.0 * concentration)) / admittance)
        overpotentials.append(thermal * eta)
    return tuple(impedances), tuple(overpotentials)


def _term_arcs(states: Any, numbers: Any, structure: Structure, omega: Any, number: Any) -> tuple[Any, Any]:
    """What the capacitances beside the terms' resistances change, R/(1 + iωRC) − R, at the working electrode and at
    the counter electrode; the states, which move far more slowly than RC, see the whole current."""
    changed = {"working": 0.0 * omega, "counter": 0.0 * omega}
    at = 0
    for kind, values in zip(structure.terms, numbers["terms"], strict=True):
        term = rebuilt(kind, values)
        count = len(getattr(term, "STATES", ()))
        if hasattr(term, "area_capacitance"):
            own = tuple(states[at + k] for k in range(count))
            resistance, capacitance = (number.asarray(f(own)) for f in (term.area_resistance, term.area_capacitance))
            arc = resistance / (1.0 + 1j * omega * resistance * capacitance) - resistance
            place = getattr(term, "PLACE", "counter")
            changed[place] = changed[place] + arc
        at += count
    return changed["working"], changed["counter"]


def _with_terms(whole, working, moved, faces, frozen, numbers, structure, omega, pressed):
    """What the interface terms and the leads make of the impedances, by their real derivatives and their states."""
    number = numerics(frozen.concentration)
    shown = whole[0], (number.nan * (omega + 0j) if working is None else working[0])
    if not structure.terms:
        series = numbers["series_resistance"]
        return shown[0] + series, shown[1] + 0.5 * series
    import jax
    import jax.numpy as jnp

    states = jnp.asarray(frozen.states)[2 if structure.capacitance else 0 :]
    arcs = _term_arcs(states, numbers, structure, omega, number)
    shown = shown[0] + arcs[0] + arcs[1], shown[1] + arcs[0]
    voltages = (whole[1], whole[1] if working is None else working[1])
    given = jnp.concatenate([jnp.stack([jnp.asarray(v) for v in (frozen.ionic, *voltages, *faces)]), states])

    def added(z):
        current, cell, against, rates, _ = interface(
            z[1], z[2], z[0], z[3], z[4], z[5:], frozen.time, float(pressed), numbers, structure
        )
        return jnp.concatenate([jnp.stack([current, cell, against]), rates])

    matrix = number.asarray(jax.jacfwd(added)(given))
    one = number.ones(omega.size)
    parts = [one, shown[0], shown[0] if working is None else shown[1], *moved]
    direct = number.stack([part + 0j * one for part in parts]).T @ matrix[:, :5].T
    size = states.size
    if size:
        turning = 1j * omega[:, None, None] * number.eye(size) - matrix[3:, 5:]
        answer = number.linalg.solve(turning, direct[:, 3:, None])[..., 0]
        direct = direct[:, :3] + answer @ matrix[:3, 5:].T
    against = direct[:, 2] / direct[:, 0]
    return direct[:, 1] / direct[:, 0], (number.nan * (omega + 0j) if working is None else against)
