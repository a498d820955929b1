"""The graded mesh through the ceramic, its weak form, and the modes of diffusion on it.

With one diffusivity and the same flux at both faces, c − c₀ stays antisymmetric about the middle: half of the cell
(0 … ½, in thicknesses) is enough, with c = c₀ at ½. On a mesh x_i with hat functions φ_i

    ∫φ_i u_xx dx = (u_{i+1} − u_i)/h_i − (u_i − u_{i−1})/h_{i−1}        exactly, in one dimension,
    ∫φ_i u_t dx ≈ Σ_j M_ij u̇_j      with three-point rows that are exact for 1, x, x²,

which is of fourth order on a smooth mesh.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mesh:
    """Half of the cell: nodes from the face (0) to the middle (½), and the modes of the mesh.

    position : (n+1,) nodes in thicknesses.
    rates : (n,) decay rates λ_k of the modes, in units of D/L².
    shapes : (n, n) node values of the modes; the middle node, always 0, is left out.
    source : (n,) what a unit gradient at the face feeds into each mode.
    project : (n, n) node values → mode amplitudes.
    """

    position: Float[np.ndarray, " nodes"]
    rates: Float[np.ndarray, " modes"]
    shapes: Float[np.ndarray, "modes modes"]
    source: Float[np.ndarray, " modes"]
    project: Float[np.ndarray, "modes modes"]


_PLACES = 8
"""Intervals come in multiples of it, so that few programs are compiled."""


def mesh_for(tolerance: float, layer: float) -> tuple[int, float]:
    """Intervals over half the cell, and the first of them, that keep a tolerance where the thinnest layer is so wide
    (in thicknesses): 32 and 3e-4 at 1e-4 in a layer of a twentieth or more. The mesh is of fourth order, its face of
    second."""
    finer = 1e-4 / tolerance
    widest = 3e-4 / math.sqrt(finer)
    first = min(widest, max(6e-3 * layer / math.sqrt(finer), 1e-7))
    folds = math.asinh(0.5 / first) / math.asinh(0.5 / widest)
    return _PLACES * math.ceil(32.0 * finer**0.25 * folds / _PLACES - 1e-9), first


def graded_positions(intervals: int, first: float, length: float) -> Float[np.ndarray, " nodes"]:
    """Nodes 0 … length, x = length·sinh(g s)/sinh(g), with g such that the first interval is about ``first``."""
    wanted = first * intervals / length
    low, high = 1e-6, 60.0
    for _ in range(200):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if middle / math.sinh(middle) > wanted else (low, middle)
    s = np.arange(intervals + 1) / intervals
    nodes = length * np.sinh(low * s) / math.sinh(low)
    nodes[-1] = length
    return nodes


def mass_rows(position: Float[np.ndarray, " nodes"]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The lower, middle and upper entries of the moment-matched mass rows, (n,) each; faces are exact for 1 and x."""
    h = np.diff(position)
    lower, middle, upper = (np.zeros(position.size) for _ in range(3))
    left, right = h[:-1], h[1:]
    first = (right**2 - left**2) / 6.0
    second = (left**3 + right**3) / 12.0
    upper[1:-1] = (second + left * first) / (right * (left + right))
    lower[1:-1] = (second - right * first) / (left * (left + right))
    middle[1:-1] = 0.5 * (left + right) - upper[1:-1] - lower[1:-1]
    upper[0], middle[0] = h[0] / 6.0, h[0] / 3.0
    lower[-1], middle[-1] = h[-1] / 6.0, h[-1] / 3.0
    return lower, middle, upper


@functools.lru_cache(maxsize=16)
def half_mesh(intervals: int = 32, first: float = 3e-4, node: float | None = None) -> Mesh:
    """The mesh of half the cell with its modes; ``node`` forces a node there (a reference plane, in thicknesses).

    The modes are found from K⁻¹M, whose Green's function ½ − max(x, x′) is known in closed form, so that the slow
    ones, which carry the physics, are accurate to rounding.
    """
    position = graded_positions(intervals, first, 0.5)
    if node is not None and node < 0.5:
        position[1 + int(np.argmin(np.abs(position[1:-1] - node)))] = node
    lower, middle, upper = mass_rows(position)
    n = intervals
    mass = np.diag(middle[:n]) + np.diag(upper[: n - 1], 1) + np.diag(lower[1:n], -1)
    green = 0.5 - np.maximum.outer(position[:n], position[:n])
    found: Any = np.linalg.eig(green @ mass)
    times, shapes = found
    order = np.argsort(-times.real)
    times, shapes = times[order], shapes[:, order]
    if np.iscomplexobj(times) and np.abs(times.imag).max() > 0:
        raise AssertionError("the modes of this mesh are not real: its grading is too steep")
    shapes = shapes.real / np.abs(shapes.real).max(axis=0)
    project = np.linalg.inv(shapes)
    # M u̇ = −K u − g e₀  gives  ȧ = −λ a − λ (Φ⁻¹ K⁻¹ e₀) g
    source = (project @ green[:, 0]) / times.real
    return Mesh(position=position, rates=1.0 / times.real, shapes=shapes, source=source, project=project)


def whole_positions(mesh: Mesh) -> Float[np.ndarray, " all"]:
    """The nodes of the whole cell, 0 … 1, in thicknesses."""
    return np.concatenate([mesh.position, 1.0 - mesh.position[-2::-1]])
