"""A state of the cell, frozen: what a spectrum belongs to; and a mesh that resolves what a perturbation does to it.

The mesh of the march follows the sweep; a perturbation of angular frequency ω lives within √(D/ω) of the faces, which
may be far less. The profile is carried over by cubic splines that know the slope at either face and are counted from
that face, so that a concentration of 1e-11 c₀ keeps its digits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Float

from rampion.cell.dialect import numerics
from rampion.cell.mesh import Mesh, graded_positions, mass_rows, whole_positions

if TYPE_CHECKING:
    from rampion.cell.circuit import Structure
    from rampion.cell.march import State
    from rampion.cell.simulation import Simulation

_POINTS_PER_DECADE = 110


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frozen:
    """One instant of a run; its numbers may be traced.

    time [s], potential and current density of the cell [V, A/m²], ionic current density [A/m²], position (n,) in
    thicknesses from the plating face, concentration and empty sites (n,) in c₀ (infinite without a limit), states (k,)
    of the interfaces in the march's order, pace: d ln(c_L/c_0)/dt [1/s], NaN when unknown.
    """

    time: Any
    potential: Any
    current: Any
    ionic: Any
    position: Float[np.ndarray, " n"]
    concentration: Any
    empty: Any
    states: Any
    pace: Any = math.nan


def frozen_state(state: State, mesh: Mesh, structure: Structure, concentration: Any) -> Frozen:
    """The instant at which the march stands; ``concentration`` c₀ [mol/m³]."""
    number, state = _plain(state)
    if structure.closure is None:
        phi = state.unknown[0]
        # 1 − tanh(φ/2) = 2/(1 + e^φ) without cancellation
        low, high = (2.0 / (1.0 + number.exp(number.clip(sign * phi, -700.0, 700.0))) for sign in (1.0, -1.0))
        inner = (mesh.shapes @ state.modes)[1:]
        carriers = number.concatenate([low[None], 1.0 + inner, number.ones(1), (1.0 - inner)[::-1], high[None]])
        empty, states, pace = number.inf * carriers, state.unknown[1:], state.trend[0]
    else:
        from rampion.cell.nonlinear import composition

        size = 2 * mesh.rates.size + 1
        parts = composition(state.unknown[:size], structure.closure, concentration)
        carriers, empty = number.asarray(parts.carriers), number.asarray(parts.empty)
        states, pace = state.unknown[size + 1 :], state.trend[size - 1] - state.trend[0]
    return Frozen(
        time=state.time, potential=state.potential, current=state.current, ionic=state.ionic,
        position=whole_positions(mesh), concentration=carriers, empty=empty, states=states, pace=pace,
    )  # fmt: skip


def _plain(state: State) -> tuple[Any, State]:
    """The dialect of the state, and the state in numpy where it is not traced."""
    import jax
    from jax.core import Tracer

    leaves = jax.tree.leaves(state)
    if any(isinstance(leaf, Tracer) for leaf in leaves):
        return numerics(*leaves), state
    return np, jax.tree.map(np.asarray, state)


def frozen_at(simulation: Simulation, time: float) -> Frozen:
    """The instant of a run at a time [s], between the steps by local cubics."""
    from rampion.cell.simulation import sampled

    around = np.array([time - 1e-6 * max(time, 1.0), time])
    there = sampled(simulation, np.clip(around, float(simulation.time[0]), float(simulation.time[-1])))
    phi = np.log(there["counter_concentration"] / there["surface_concentration"])
    scale = simulation.cell.concentration
    profile = there["concentration"][1] / scale
    profile[0] = there["surface_concentration"][1] / scale
    profile[-1] = there["counter_concentration"][1] / scale
    sites = math.inf if simulation.cell.closure is None else simulation.cell.closure.sites / scale
    states = [np.interp(time, simulation.time, column) for column in simulation.states.values()]
    span = float(around[1] - around[0])
    return Frozen(
        time=time, potential=float(there["potential"][1]), current=float(there["current_density"][1]),
        ionic=float(there["ionic_current_density"][1]), position=simulation.position / simulation.cell.thickness,
        concentration=profile, empty=np.maximum(sites - profile, 1e-300), states=np.array(states),
        pace=float(phi[1] - phi[0]) / span,
    )  # fmt: skip


class Fine(NamedTuple):
    """A mesh for perturbations: a half graded towards each face, h and k intervals, m = h + k.

    near_left, near_right : (h+1,), (k+1,) distances from the plating and from the stripping face, 0 … ½.
    step : (m,) intervals. lower, middle, upper : (m+1,) rows of the mass matrix.
    left, right : (h+1, n+2), (k+1, n+2) what takes [values counted from that face, slopes at the near and the far
        face] to the nodes.
    reference : the node of the reference plane, or ``None``. finer : the node of the face with the finer mesh, 0 or −1.
    """

    near_left: Any
    near_right: Any
    step: Any
    lower: Any
    middle: Any
    upper: Any
    left: Any
    right: Any
    reference: int | None
    finer: int


def fine_mesh(position: np.ndarray, smallest: tuple[float, float], reference: float | None) -> Fine:
    """A mesh whose first intervals at either face are ``smallest`` [thicknesses], for profiles at ``position``."""
    halves = []
    for first in smallest:
        intervals = 100 * max(4, math.ceil(_POINTS_PER_DECADE * math.log10(0.5 / first) / 100))
        halves.append(graded_positions(intervals, first, 0.5))
    left, right = halves
    at = None
    if reference is not None:
        half, place = (left, reference) if reference <= 0.5 else (right, 1.0 - reference)
        at = half.size - 1 if place == 0.5 else 1 + int(np.argmin(np.abs(half[1:-1] - place)))
        half[at] = place
        at = at if reference <= 0.5 else left.size + right.size - 2 - at
    rows = mass_rows(np.append(left, 1.0 - right[-2]))
    back = mass_rows(np.append(right, 1.0 - left[-2]))
    lower, middle, upper = (
        np.concatenate([one[: left.size], other[: right.size - 1][::-1]])
        for one, other in zip(rows, back[::-1], strict=True)
    )
    return Fine(
        near_left=left, near_right=right, step=np.concatenate([np.diff(left), np.diff(right)[::-1]]),
        lower=lower, middle=middle, upper=upper,
        left=_spline(position, left), right=_spline(1.0 - position[::-1], right), reference=at,
        finer=0 if smallest[0] <= smallest[1] else -1,
    )  # fmt: skip


def _spline(position: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The cubic spline with given end slopes as a matrix, (len(at), n + 2)."""
    from scipy.interpolate import CubicSpline

    size = position.size
    ends = np.zeros((2, size + 2))
    ends[0, size] = ends[1, size + 1] = 1.0
    values = np.hstack([np.eye(size), np.zeros((size, 2))])
    slopes: Any = ((1, ends[0]), (1, ends[1]))
    return CubicSpline(position, values, bc_type=slopes)(at)


def fine_profile(frozen: Frozen, fine: Fine, slopes: tuple[Any, Any]) -> tuple[Any, Any]:
    """Concentration and empty sites (m+1,) in c₀ on the fine mesh; ``slopes`` dc/dξ at the plating and the stripping
    face."""
    number = numerics(frozen.concentration, *slopes)
    c, (first, last) = frozen.concentration, slopes

    def half(matrix, values, empty, near_slope, far_slope):
        rise = matrix @ number.concatenate([values - values[0], number.stack([near_slope, far_slope])])
        # A spline may overshoot at a face that is nearly empty, or full; there the profile only leads away from it.
        grows = near_slope > 0
        c = number.maximum(values[0] + rise, number.where(grows, 0.5 * values[0], 1e-300))
        return c, number.maximum(empty[0] - rise, number.where(grows, 1e-300, 0.5 * empty[0]))

    left = half(fine.left, c, frozen.empty, first, last)
    right = half(fine.right, c[::-1], frozen.empty[::-1], -last, -first)
    carriers, empty = (number.concatenate([a, b[-2::-1]]) for a, b in zip(left, right, strict=True))
    return carriers, empty
