"""Ions in their own field, to compare with: Poisson–Nernst–Planck with a fixed background, down to the Debye length.

    ∂c/∂t = −∂N₊/∂x ,  N₊ = −D₊(∂c/∂x + c ∂φ/∂x) ;  ∂a/∂t = −∂N₋/∂x ,  N₋ = −D₋(∂a/∂x − a ∂φ/∂x) ;
    −λ² ∂²φ/∂x² = c − a − b ,   λ² = ε_r ε₀ RT/(F² c₀)

c mobile lithium, a mobile counter charge (absent in a single-ion conductor), b the fixed background that keeps the
rest neutral; φ in units of RT/F, concentrations of c₀. At each lithium face

    flux into the ceramic  N = k [exp(η/2) − (c/c₀) exp(−η/2)] ,  η = Φ_metal − φ(face) ,
    Gauss' law             −λ² ∂φ/∂n = C_S (Φ_metal − Φ_fb − φ(face))   (infinite C_S: φ(face) = Φ_metal − Φ_fb).

k = 0 is a blocking face. With λ → 0 and a small C_S the binary electroneutral model of :mod:`rampion.cell.simulate`
follows; with a = 0 the electroneutral limit is an ohmic resistance.

Numerics: finite volumes with exponentially fitted (Scharfetter–Gummel) fluxes, which keep concentrations positive and
the number of ions exact; TR-BDF2 with adaptive steps; one banded Newton per stage.

Assumes: point ions, dilute (no site limit), constant D and ε. Fails when: a layer would need more than all sites
(compare max c with the lattice), which then calls for a site-limited model.

Sources: Bazant, Thornton & Ajdari, Phys. Rev. E 70 (2004) 021506, doi:10.1103/PhysRevE.70.021506 (blocking faces);
Scharfetter & Gummel, IEEE Trans. Electron Devices 16 (1969) 64, doi:10.1109/T-ED.1969.16566.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.linalg import solve_banded

from rampion.errors import InputError
from rampion.measurement import Hold, Sweep
from rampion.quantities import FARADAY, GAS_CONSTANT, VACUUM_PERMITTIVITY

_GAMMA = 2.0 - math.sqrt(2.0)
_DIAGONAL = _GAMMA / 2.0
_WEIGHT = math.sqrt(2.0) / 4.0
_ERROR = (_WEIGHT - (1.0 - _WEIGHT) / 3.0, _WEIGHT - (3.0 * _WEIGHT + 1.0) / 3.0, _DIAGONAL * 2.0 / 3.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PoissonCell:
    """A cell whose space charge is resolved.

    Parameters
    ----------
    thickness [m], temperature [K], relative_permittivity, concentration : c₀ [mol/m³] of mobile lithium.
    diffusivity : D₊ [m²/s]. ``anion_diffusivity`` : D₋ [m²/s] of the mobile counter charge.
    anion_concentration : a at rest [mol/m³]; c₀ minus it is the fixed background. 0 is a single-ion conductor, c₀ a
        binary electrolyte.
    exchange_current : J₀ = F k c₀ [A/m²] of both faces; 0 blocks.
    stern_capacitance : C_S [F/m²] of both faces; infinite by default.
    flat_band : Φ_fb [V] of both faces: the contact potential that leaves a space charge at rest.
    """

    thickness: float
    concentration: float
    diffusivity: float
    relative_permittivity: float = 60.0
    temperature: float = 298.15
    anion_concentration: float = 0.0
    anion_diffusivity: float = 0.0
    exchange_current: float = 0.0
    stern_capacitance: float = math.inf
    flat_band: float = 0.0

    def __post_init__(self) -> None:
        for name in ("thickness", "concentration", "diffusivity", "relative_permittivity", "temperature"):
            if not (getattr(self, name) > 0 and math.isfinite(getattr(self, name))):
                raise InputError(
                    f"the {name.replace('_', ' ')} is {getattr(self, name):g}; expected a positive number."
                )
        if not 0 <= self.anion_concentration <= self.concentration:
            raise InputError(
                f"the mobile counter charge is {self.anion_concentration:g} mol/m³; expected between 0 and the "
                f"concentration {self.concentration:g}: the background makes up the rest."
            )
        if not (self.anion_diffusivity >= 0 and self.exchange_current >= 0 and self.stern_capacitance > 0):
            raise InputError("the anion diffusivity and exchange current must not be negative, C_S must be positive.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PoissonRun:
    """A space-charge simulation, SI: time [s] and potential [V] (n,), current_density [A/m²] (n,), position [m]
    (nodes,), cation and anion [mol/m³] and field_potential [V] (n, nodes), surface_charge [C/m²] of the metal at the
    working face (n,)."""

    time: Float[np.ndarray, " n"]
    potential: Float[np.ndarray, " n"]
    current_density: Float[np.ndarray, " n"]
    surface_charge: Float[np.ndarray, " n"]
    position: Float[np.ndarray, " nodes"]
    cation: Float[np.ndarray, "n nodes"]
    anion: Float[np.ndarray, "n nodes"]
    field_potential: Float[np.ndarray, "n nodes"]


def debye_length(cell: PoissonCell) -> float:
    """λ = √(ε_r ε₀ RT/(F² c₀)) [m]; a binary electrolyte screens over λ/√2."""
    scale = cell.relative_permittivity * VACUUM_PERMITTIVITY * GAS_CONSTANT * cell.temperature
    return math.sqrt(scale / (FARADAY**2 * cell.concentration))


def simulate_poisson(
    cell: PoissonCell, protocol: Sweep | Hold, tolerance: float = 1e-4, nodes_per_length: float = 10.0
) -> PoissonRun:
    """March the cell from rest through a sweep or a hold; positive voltage drives lithium to the working face x = 0.

    Parameters
    ----------
    tolerance : error per step of the concentrations, in units of c₀ and relative.
    nodes_per_length : intervals per thickness of the thinnest layer, the Debye length times exp(−F V/4RT) for the
        largest voltage (half of it at each face; at most e⁻⁸); from each face the mesh widens by 0.8 over this number
        per interval. The error falls with its square.
    """
    thermal = GAS_CONSTANT * cell.temperature / FARADAY
    if isinstance(protocol, Sweep):
        begin = 0.0 if math.isnan(protocol.start) else protocol.start
        if not (math.isfinite(protocol.stop) and protocol.rate > 0):
            raise InputError("a space-charge sweep needs its last potential and a positive rate.")
        slope = math.copysign(protocol.rate, protocol.stop - begin)
        duration = abs(protocol.stop - begin) / protocol.rate

        def drive(time: float) -> float:
            return begin + slope * time
    else:
        if not math.isfinite(protocol.duration):
            raise InputError("a space-charge hold needs its duration.")
        duration = protocol.duration

        def drive(time: float) -> float:
            return protocol.potential

    unit = cell.thickness**2 / cell.diffusivity
    largest = max(abs(drive(0.0)), abs(drive(duration))) / thermal
    problem = _Problem(cell, nodes_per_length, largest)
    times, states, failed = _march(problem, lambda time: drive(time * unit) / thermal, duration / unit, tolerance)
    if failed is not None:
        raise RuntimeError(f"no step above {failed * unit:.1g} s meets the tolerance at {times[-1] * unit:.6g} s")
    states_3d = states.reshape(len(times), -1, 3)
    charge = np.array([problem.face_charge(state)[0] for state in states_3d])
    ionic = np.array(
        [
            problem.face_flux(state, drive(time * unit) / thermal)[1]
            for time, state in zip(times, states_3d, strict=True)
        ]
    )
    # the same total current passes every plane; at the counter face it is the flux in and the charging of the metal
    counter = np.array([problem.face_charge(state)[1] for state in states_3d])
    steps = np.diff(times)
    charging = np.concatenate([[0.0], np.diff(counter) / np.where(steps > 0, steps, 1.0)])
    scale = FARADAY * cell.concentration
    time = times * unit
    potential = np.array([drive(when) for when in time])
    return PoissonRun(
        time=time,
        potential=potential,
        current_density=(ionic + charging) * scale * cell.diffusivity / cell.thickness,
        surface_charge=charge * scale * cell.thickness,
        position=problem.position * cell.thickness,
        cation=states_3d[:, :, 0] * cell.concentration,
        anion=states_3d[:, :, 1] * cell.concentration,
        field_potential=states_3d[:, :, 2] * thermal,
    )


def gouy_chapman_charge(cell: PoissonCell, potential: float, bulk: float) -> float:
    """Charge of a flat blocking face in a 1:1 electrolyte, √(8 ε RT c_b) sinh(Fψ/2RT) [C/m²]; ``bulk`` c_b [mol/m³],
    ``potential`` ψ [V] of the face over the bulk."""
    thermal = GAS_CONSTANT * cell.temperature / FARADAY
    scale = 8.0 * cell.relative_permittivity * VACUUM_PERMITTIVITY * GAS_CONSTANT * cell.temperature * bulk
    return math.sqrt(scale) * math.sinh(potential / (2.0 * thermal))


def background_charge(cell: PoissonCell, potential: float, bulk: float) -> float:
    """Charge of a flat face when only lithium moves over a fixed background, ±√{2 ε RT c_b [e^(−u) + u − 1]} [C/m²],
    u = Fψ/RT. For u ≫ 1 it is the depletion layer of width √(2εψ/(F c_b)) (Mott–Schottky)."""
    u = potential * FARADAY / (GAS_CONSTANT * cell.temperature)
    scale = 2.0 * cell.relative_permittivity * VACUUM_PERMITTIVITY * GAS_CONSTANT * cell.temperature * bulk
    return math.copysign(math.sqrt(scale * (math.exp(-u) + u - 1.0)), u)


class _Problem:
    """The dimensionless equations on a graded mesh; the state is (c, a, φ) node by node."""

    def __init__(self, cell: PoissonCell, nodes_per_length: float, largest: float):
        thermal = GAS_CONSTANT * cell.temperature / FARADAY
        length = debye_length(cell) / cell.thickness
        self.screening = length**2
        thinnest = length * math.exp(-min(largest / 4.0, 8.0))
        self.position = graded_nodes(thinnest / nodes_per_length, 1.0 + 0.8 / nodes_per_length)
        self.width = np.diff(self.position)
        self.volume = np.concatenate([[self.width[0]], self.width[:-1] + self.width[1:], [self.width[-1]]]) / 2.0
        self.mobility = np.array([1.0, cell.anion_diffusivity / cell.diffusivity])
        self.anion = cell.anion_concentration / cell.concentration
        self.rate = cell.exchange_current * cell.thickness / (FARADAY * cell.concentration * cell.diffusivity)
        unit = FARADAY * cell.concentration * cell.thickness / thermal
        self.stern = cell.stern_capacitance / unit
        self.flat_band = cell.flat_band / thermal

    def at_rest(self) -> np.ndarray:
        """Uniform concentrations and no field: the state before contact."""
        state = np.zeros((self.position.size, 3))
        state[:, 0], state[:, 1] = 1.0, self.anion
        return state.ravel()

    def face_flux(self, state: np.ndarray, potential: float) -> tuple[float, float]:
        """Lithium entering at the working and at the counter face; the working metal lies at −V, the counter at 0."""
        fluxes = []
        for node, metal in ((0, -potential), (-1, 0.0)):
            drop = metal - state[node, 2]
            fluxes.append(self.rate * (math.exp(drop / 2.0) - state[node, 0] * math.exp(-drop / 2.0)))
        return fluxes[0], fluxes[1]

    def face_charge(self, state: np.ndarray) -> tuple[float, float]:
        """The metals' charges by Gauss' law over the outermost half cells."""
        density = state[:, 0] - state[:, 1] - (1.0 - self.anion)
        slope = np.diff(state[:, 2]) / self.width
        working = -self.screening * slope[0] - density[0] * self.volume[0]
        counter = self.screening * slope[-1] - density[-1] * self.volume[-1]
        return float(working), float(counter)

    def evaluate(self, flat: np.ndarray, potential: float, span: float) -> tuple[np.ndarray, np.ndarray]:
        """Right-hand side f (rates of c and a; the Poisson residual in the rows of φ) and the banded matrix (5, 5) of
        y − span·f in the rows of concentrations and of f in those of φ."""
        state = flat.reshape(-1, 3)
        count = state.shape[0]
        right = np.zeros((count, 3))
        band = np.zeros((11, 3 * count))
        inner = slice(0, count - 1), slice(1, count)
        step = np.diff(state[:, 2])
        for kind, sign in ((0, 1.0), (1, -1.0)):
            scale = self.mobility[kind] / self.width
            up, d_up = _bernoulli(sign * step)
            down, d_down = _bernoulli(-sign * step)
            flux = scale * (up * state[:-1, kind] - down * state[1:, kind])
            by_step = scale * sign * (d_up * state[:-1, kind] + d_down * state[1:, kind])
            for node, side in ((0, -1.0), (1, 1.0)):
                share = side / self.volume[inner[node]]
                right[inner[node], kind] += share * flux
                share = -span * share
                _put(band, node, kind, 0, kind, share * scale * up)
                _put(band, node, kind, 1, kind, -share * scale * down)
                _put(band, node, kind, 0, 2, -share * by_step)
                _put(band, node, kind, 1, 2, share * by_step)
            band[5, kind::3] += 1.0
        ends = ((0, -potential), (count - 1, 0.0))
        for node, metal in ends:
            drop = metal - state[node, 2]
            out, back = math.exp(drop / 2.0), math.exp(-drop / 2.0)
            share = self.rate / self.volume[node]
            right[node, 0] += share * (out - state[node, 0] * back)
            band[5, 3 * node] += span * share * back
            band[3, 3 * node + 2] += span * 0.5 * share * (out + state[node, 0] * back)

        curve = self.screening / self.width
        for node, other in ((0, 1), (1, 0)):
            right[inner[node], 2] += curve * (state[inner[other], 2] - state[inner[node], 2])
            _put(band, node, 2, node, 2, -curve)
            _put(band, node, 2, other, 2, curve)
        right[:, 2] += (state[:, 0] - state[:, 1] - (1.0 - self.anion)) * self.volume
        _put(band, 0, 2, 0, 0, self.volume)
        _put(band, 0, 2, 0, 1, -self.volume)
        for node, metal in ends:
            held = metal - self.flat_band
            if math.isinf(self.stern):
                for column in range(max(3 * node - 3, 0), min(3 * node + 6, 3 * count)):
                    band[5 + 3 * node + 2 - column, column] = 0.0
                right[node, 2] = held - state[node, 2]
                band[5, 3 * node + 2] = -1.0
            else:
                right[node, 2] += self.stern * (held - state[node, 2])
                band[5, 3 * node + 2] -= self.stern
        return right.ravel(), band


def _march(
    problem: _Problem, drive: Callable[[float], float], duration: float, tolerance: float
) -> tuple[np.ndarray, np.ndarray, float | None]:
    """TR-BDF2 from rest; the last number is the step that failed, None when the end was reached."""
    state = problem.at_rest()
    differential = np.tile([True, True, False], state.size // 3)
    times, states = [0.0], [state]
    # the field is not a state: a first tiny implicit step makes it consistent with the voltage
    step = min(duration, problem.screening) * 1e-6
    found = _stage(problem, state, step, drive(0.0), state, differential)
    if found is None:
        return np.array(times), np.array(states), step
    state, rates = found
    states[0] = state
    time, smallest = 0.0, 1e-14 * duration
    while time < duration * (1.0 - 1e-12):
        step = min(step, duration - time)
        first = _stage(
            problem,
            state + step * _DIAGONAL * rates,
            step * _DIAGONAL,
            drive(time + _GAMMA * step),
            state,
            differential,
        )
        second = None
        if first is not None:
            middle, middle_rates = first
            base = state + step * _WEIGHT * (rates + middle_rates)
            second = _stage(problem, base, step * _DIAGONAL, drive(time + step), middle, differential)
        if first is None or second is None:
            step *= 0.25
            if step < smallest:
                return np.array(times), np.array(states), step
            continue
        new, new_rates = second
        miss = step * (_ERROR[0] * rates + _ERROR[1] * first[1] + _ERROR[2] * new_rates)
        size = np.abs(miss[differential]) / (tolerance * (1.0 + np.abs(new[differential])))
        error = float(np.sqrt(np.mean(size**2)) + 0.1 * np.max(size))
        if error > 1.0 and step > smallest:
            step *= max(0.2, 0.8 * error ** (-1.0 / 3.0))
            continue
        time += step
        state, rates = new, new_rates
        times.append(time)
        states.append(state)
        step *= min(4.0, 0.8 * max(error, 1e-6) ** (-1.0 / 3.0))
    return np.array(times), np.array(states), None


def _stage(
    problem: _Problem,
    base: np.ndarray,
    span: float,
    potential: float,
    guess: np.ndarray,
    differential: np.ndarray,
) -> tuple[np.ndarray, np.ndarray] | None:
    """The y with y = base + span·f(y) in the rows of concentrations and f(y) = 0 in those of φ, and f there."""
    state = guess.copy()
    for _ in range(12):
        right, band = problem.evaluate(state, potential, span)
        residual = np.where(differential, state - base - span * right, right)
        try:
            change = solve_banded((5, 5), band, residual, check_finite=False)
        except np.linalg.LinAlgError:
            return None
        if not np.all(np.isfinite(change)):
            return None
        # at most 2 RT/F of potential per iteration, and no concentration below a tenth of what it was
        damping = min(1.0, 2.0 / max(float(np.max(np.abs(change[2::3]))), 1e-300))
        fresh = state - damping * change
        fresh[differential] = np.maximum(fresh[differential], 0.1 * np.minimum(state[differential], 1.0))
        moved = float(np.max(np.abs(fresh - state) / (1.0 + np.abs(state))))
        state = fresh
        if moved < 1e-10 and damping == 1.0:
            return state, np.where(differential, (state - base) / span, 0.0)
    return None


def _put(band: Any, row_node: int, row: int, column_node: int, column: int, values: Any) -> None:
    """Add to the banded matrix along a run of nodes that begins at those two."""
    offset = 5 + 3 * (row_node - column_node) + row - column
    begin = 3 * column_node + column
    band[offset, begin : begin + 3 * values.size : 3] += values


def graded_nodes(first: float, growth: float, widest: float = 0.01) -> Float[np.ndarray, " nodes"]:
    """Nodes from 0 to 1, symmetric, the outermost interval ``first`` wide, each ``growth`` times the last."""
    widths = [min(first, 0.25)]
    while sum(widths) < 0.5:
        widths.append(min(widths[-1] * growth, max(widest, widths[0])))
    half = np.concatenate([[0.0], np.cumsum(widths)])
    half *= 0.5 / half[-1]
    return np.concatenate([half, 1.0 - half[-2::-1]])


def _bernoulli(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """B(x) = x/(eˣ − 1) and B'(x), by their series where x is small."""
    small = np.abs(x) < 1e-3
    safe = np.where(small, 1.0, np.clip(x, -500.0, 500.0))
    grown = np.expm1(safe)
    value = np.where(small, 1.0 - x / 2.0 + x**2 / 12.0, safe / grown)
    slope = np.where(small, -0.5 + x / 6.0, (grown - safe * (grown + 1.0)) / grown**2)
    return value, slope
