"""Processes of a cell by physical label, and the impedance of a set of them with exact slopes.

A label stands for one physical process: its element, and the coordinates in which it is fitted. Every coordinate is a
logarithm. An arc has ln R, ln C and ln(1 - α), so that τ = RC and a true capacitor lies far away in the last one.

A depleted skin is no arc of its own: it stretches those of the electrolyte. With a concentration that falls linearly
from (1 + j)c₀ to (1 - j)c₀, as in a binary cell at a steady current, σ ∝ c and a capacitance that stays, an arc becomes

    Z = R/(2jα)·ln[((1 + j)^α + (iωτ)^α)/((1 - j)^α + (iωτ)^α)] ,

R·artanh(j)/j at low frequency. Its coordinate, the degree, is ln(artanh j). Past the peak, and while the profile is
still moving, the line is an approximation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

import numpy as np
from jaxtyping import Complex, Float

from rampion.impedance.elements import ELEMENTS

APEX = 2.5406  # ωτ at the apex of tanh(s)/s, s = √(jωτ)
_SHALLOWEST, _DEEPEST = 1e-3, 2.5  # of artanh j and of its logarithm: below and beyond, nothing changes
_SMALLEST_EXPONENT = 0.3  # of a constant-phase element; what is flatter is no relaxation


class Shape(Enum):
    """The form of a process's impedance."""

    LEADS = "leads"
    DEPLETION = "depletion"
    ARC = "arc"
    DIFFUSION = "diffusion"
    BLOCKING = "blocking"


class Label(Enum):
    """A physical process in series with the others, the fastest first."""

    LEADS = "leads"
    SKIN = "depleted skin"
    MERGED = "bulk and grain boundary"
    BULK = "bulk"
    GRAIN_BOUNDARY = "grain boundary"
    SURFACE_LAYER = "surface layer"
    INTERFACE = "interface"
    SECOND_INTERFACE = "second interface"
    DIFFUSION = "diffusion"
    BLOCKING = "blocking electrode"

    @property
    def shape(self) -> Shape:
        """The form of its impedance."""
        return _SHAPES.get(self, Shape.ARC)

    @property
    def ceramic(self) -> bool:
        """Whether it lies in the electrolyte and counts for its conductivity."""
        return self in (Label.MERGED, Label.BULK, Label.GRAIN_BOUNDARY)


_SHAPES = {
    Label.LEADS: Shape.LEADS,
    Label.SKIN: Shape.DEPLETION,
    Label.DIFFUSION: Shape.DIFFUSION,
    Label.BLOCKING: Shape.BLOCKING,
}
COORDINATES = {
    Shape.LEADS: ("L", "R"),
    Shape.DEPLETION: ("degree",),
    Shape.ARC: ("R", "C", "flat"),
    Shape.DIFFUSION: ("R", "tau"),
    Shape.BLOCKING: ("Q", "flat"),
}
"""Names of a label's coordinates; ``flat`` is ln(1 - α), each other the logarithm of the value in SI."""


@dataclass(frozen=True, slots=True)
class LabelSet:
    """The labels that a cell is taken to hold."""

    labels: tuple[Label, ...]

    @property
    def coordinates(self) -> tuple[str, ...]:
        """Names of all coordinates in order, ``bulk.R``."""
        return tuple(f"{label.value}.{name}" for label in self.labels for name in COORDINATES[label.shape])

    @property
    def ceramic(self) -> tuple[str, ...]:
        """The coordinates of the electrolyte's resistances."""
        return tuple(f"{label.value}.R" for label in self.labels if label.ceramic)

    @property
    def circuit(self) -> str:
        """The set as a circuit in text, ``L1-R1-Zarc1-Zarc2-Ws1``."""
        arcs, parts = 0, []
        for label in self.labels:
            if label is Label.SKIN:
                continue
            arcs += label.shape is Shape.ARC
            parts.append(
                {Shape.LEADS: "L1-R1", Shape.ARC: f"Zarc{arcs}", Shape.DIFFUSION: "Ws1", Shape.BLOCKING: "CPE1"}[
                    label.shape
                ]
            )
        return "-".join(parts)

    def growth(self, coordinates: Float[np.ndarray, " p"]) -> tuple[float, Float[np.ndarray, " p"]]:
        """ln of the factor artanh(j)/j of a depleted electrolyte's resistance, and its slopes; else zeros."""
        slope = np.zeros(coordinates.size)
        if Label.SKIN not in self.labels:
            return 0.0, slope
        place = self.coordinates.index("depleted skin.degree")
        degree = max(math.exp(min(coordinates[place], _DEEPEST)), _SHALLOWEST)
        slope[place] = 1 - 2 * degree / math.sinh(2 * degree)
        return math.log(degree / math.tanh(degree)), slope

    def circuit_values(self, coordinates: Float[np.ndarray, " p"]) -> tuple[list[float], Float[np.ndarray, "q p"]]:
        """Logarithms (q,) of the parameters of :attr:`circuit`, and their slopes with respect to the coordinates.

        The resistances of a depleted electrolyte are those at low frequency.
        """
        place, values, slopes = 0, [], []
        growth, slope = self.growth(coordinates)
        for label in self.labels:
            count = len(COORDINATES[label.shape])
            if label is Label.SKIN:
                place += count
                continue
            logarithms, turn = _to_elements(label.shape, coordinates[None, place : place + count])
            rows = np.zeros((count, coordinates.size))
            rows[:, place : place + count] = turn[0]
            if label.ceramic:
                logarithms[0, 0] += growth
                rows[0] += slope
            values += logarithms[0].tolist()
            slopes.append(rows)
            place += count
        return values, np.concatenate(slopes)


def _to_elements(shape: Shape, part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logarithms (m, q) of an element's parameters from the coordinates (m, q), and the slopes (m, q, q)."""
    if shape in (Shape.LEADS, Shape.DIFFUSION):
        return part, np.broadcast_to(np.eye(part.shape[1]), (*part.shape, part.shape[1]))
    out = part.copy()
    turn = np.zeros((*part.shape, part.shape[1]))
    turn[:, range(part.shape[1]), range(part.shape[1])] = 1.0
    exponent, slope = _exponent(part[:, -1])
    out[:, -1] = np.log(exponent)
    turn[:, -1, -1] = slope / exponent
    if shape is Shape.ARC:  # R, τ = RC, α
        out[:, 1] += part[:, 0]
        turn[:, 1, 0] = 1.0
    return out, turn


def _exponent(flat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """α of ln(1 - α), no flatter than any relaxation, and its slope."""
    distance = np.exp(flat)
    inside = distance < 1 - _SMALLEST_EXPONENT
    return np.where(inside, 1 - distance, _SMALLEST_EXPONENT), np.where(inside, -distance, 0.0)


def label_impedance(
    labels: LabelSet, coordinates: Float[np.ndarray, "m p"], omega: np.ndarray
) -> tuple[Complex[np.ndarray, "m n"], Complex[np.ndarray, "m p n"]]:
    """Impedance [Ω] of ``m`` sets of coordinates and ∂Z/∂(coordinate).

    Parameters
    ----------
    coordinates : (m, p), in the order of :attr:`LabelSet.coordinates`.
    omega : (n,) or (m, n) angular frequency [rad/s].
    """
    total = np.zeros((len(coordinates), omega.shape[-1]), complex)
    slopes = np.empty((*coordinates.shape, omega.shape[-1]), complex)
    place, skin = 0, None
    for label in labels.labels:
        count = len(COORDINATES[label.shape])
        part = coordinates[:, place : place + count]
        into = slopes[:, place : place + count]
        if label is Label.SKIN:
            skin = part[:, 0], into[:, 0]
            skin[1][:] = 0.0
        elif label.ceramic and skin is not None:
            total += _depleted_arc(part, skin[0], omega, into, skin[1])
        elif label.shape is Shape.ARC:
            total += _arc(part, omega, into)
        else:
            total += _element(label.shape, part, omega, into)
        place += count
    return total, slopes


def _element(shape: Shape, part: np.ndarray, omega: np.ndarray, into: np.ndarray) -> np.ndarray:
    logarithms, turn = _to_elements(shape, part)
    values = np.exp(logarithms)
    if shape is Shape.LEADS:
        inductor, into[:, :1] = ELEMENTS["L"].respond(values[:, :1], omega)
        resistor, into[:, 1:] = ELEMENTS["R"].respond(values[:, 1:], omega)
        return inductor + resistor
    impedance, slope = ELEMENTS["Ws" if shape is Shape.DIFFUSION else "CPE"].respond(values, omega)
    np.einsum("mqc,mqn->mcn", turn, slope, out=into)
    return impedance


def _arc(part: np.ndarray, omega: np.ndarray, into: np.ndarray) -> np.ndarray:
    """R/(1 + (jωRC)^α) and its slopes in ln R, ln C, ln(1 - α)."""
    exponent, slope = _exponent(part[:, 2, None])
    turn = np.log(omega) + (part[:, 0] + part[:, 1])[:, None] + 0.5j * math.pi
    power = np.exp(exponent * turn)
    impedance = np.exp(part[:, 0, None]) / (1 + power)
    fall = -power / (1 + power) * impedance
    np.multiply(exponent, fall, out=into[:, 1])
    np.add(impedance, into[:, 1], out=into[:, 0])
    np.multiply(slope * turn, fall, out=into[:, 2])
    return impedance


def _depleted_arc(
    part: np.ndarray, degree: np.ndarray, omega: np.ndarray, into: np.ndarray, beside: np.ndarray
) -> np.ndarray:
    """The arc of an electrolyte whose concentration falls linearly, its slopes, and (added) that in the degree."""
    exponent, slope = _exponent(part[:, 2, None])
    turn = np.log(omega) + (part[:, 0] + part[:, 1])[:, None] + 0.5j * math.pi
    depth = np.maximum(np.exp(np.minimum(degree, _DEEPEST)), _SHALLOWEST)[:, None]
    j = np.tanh(depth)
    rich, poor = 1 + j, 2 / (np.exp(2 * depth) + 1)  # 1 - j without cancellation
    power = np.exp(exponent * turn)
    above, below = rich**exponent, poor**exponent
    size = np.exp(part[:, 0, None]) / (2 * j)
    span = np.log((above + power) / (below + power))
    impedance = size * span / exponent
    np.multiply(size, power / (above + power) - power / (below + power), out=into[:, 1])
    np.add(impedance, into[:, 1], out=into[:, 0])
    bend = (above * np.log(rich) + power * turn) / (above + power)
    bend = bend - (below * np.log(poor) + power * turn) / (below + power)
    np.multiply(slope, (size * bend - impedance) / exponent, out=into[:, 2])
    moved = size * (above / rich / (above + power) + below / poor / (below + power)) - impedance / j
    within = (depth > _SHALLOWEST) & (degree[:, None] < _DEEPEST)
    beside += np.where(within, moved * rich * poor * depth, 0.0)
    return impedance
