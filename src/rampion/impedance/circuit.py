"""A circuit as an inert tree, and its impedance with exact slopes, many parameter sets at once."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from jaxtyping import Complex, Float

from rampion.errors import InputError
from rampion.impedance.elements import ELEMENTS, ParameterKind


@dataclass(frozen=True, slots=True)
class Element:
    """One element: its symbol (see :data:`~rampion.impedance.elements.ELEMENTS`) and label, ``CPE`` and ``1``."""

    symbol: str
    label: str = ""

    @property
    def name(self) -> str:
        """Symbol and label."""
        return self.symbol + self.label


@dataclass(frozen=True, slots=True)
class Series:
    """Parts in series: impedances add."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Parallel:
    """Branches in parallel: admittances add."""

    parts: tuple[Node, ...]


Node: TypeAlias = Element | Series | Parallel


@functools.cache
def elements_of(node: Node) -> tuple[Element, ...]:
    """The elements, from left to right."""
    if isinstance(node, Element):
        return (node,)
    return tuple(element for part in node.parts for element in elements_of(part))


def serial_parts(node: Node) -> tuple[Node, ...]:
    """The parts whose impedances add up to the circuit's."""
    return node.parts if isinstance(node, Series) else (node,)


@functools.cache
def parameter_kinds(node: Node) -> Mapping[str, ParameterKind]:
    """Parameter names in order, ``R1``, ``CPE1.Q``, ``CPE1.alpha``, each with its kind.

    An element of one parameter gives it its own name.
    """
    kinds: dict[str, ParameterKind] = {}
    for element in elements_of(node):
        parameters = ELEMENTS[element.symbol].parameters
        for kind in parameters:
            kinds[element.name if len(parameters) == 1 else f"{element.name}.{kind.suffix}"] = kind
    return MappingProxyType(kinds)


def arc_time(part: Node, values: Mapping[str, float]) -> float:
    """Time constant [s] of a relaxation in series with the rest; NaN for parts that have none."""
    by_symbol = {element.symbol: element.name for element in elements_of(part)}
    symbols = sorted(by_symbol)
    pair = len(elements_of(part)) == 2
    if pair and symbols == ["CPE", "R"]:
        name = by_symbol["CPE"]
        return float((values[by_symbol["R"]] * values[f"{name}.Q"]) ** (1 / values[f"{name}.alpha"]))
    if pair and symbols == ["C", "R"]:
        return values[by_symbol["R"]] * values[by_symbol["C"]]
    if isinstance(part, Element) and part.symbol == "Con":
        return values[f"{by_symbol['Con']}.R"] * values[f"{by_symbol['Con']}.C"]
    return values.get(f"{part.name}.tau", math.nan) if isinstance(part, Element) else math.nan


def impedance_and_slopes(
    node: Node, logarithms: Float[np.ndarray, "m p"], omega: np.ndarray
) -> tuple[Complex[np.ndarray, "m n"], Complex[np.ndarray, "m p n"]]:
    """Impedance [Ω] of ``m`` parameter sets and ∂Z/∂ln(parameter).

    Parameters
    ----------
    logarithms : (m, p) natural logarithms of the parameters in SI.
    omega : (n,) or (m, n) angular frequency [rad/s].
    """
    values = np.exp(logarithms)
    slopes = np.empty((*logarithms.shape, omega.shape[-1]), complex)
    impedance, _ = _respond(node, values, omega, slopes, 0)
    return impedance, slopes


def _respond(
    node: Node, values: np.ndarray, omega: np.ndarray, slopes: np.ndarray, place: int
) -> tuple[np.ndarray, int]:
    if isinstance(node, Element):
        kind = ELEMENTS[node.symbol]
        end = place + len(kind.parameters)
        impedance, slopes[:, place:end] = kind.respond(values[:, place:end], omega)
        return impedance, end
    if isinstance(node, Parallel) and _is_depressed_arc(node):
        end = place + 3
        return _depressed_arc(values[:, place:end], omega, slopes[:, place:end]), end
    parts, spans = [], []
    for part in node.parts:
        impedance, end = _respond(part, values, omega, slopes, place)
        parts.append(impedance)
        spans.append((place, end))
        place = end
    if isinstance(node, Series):
        return sum(parts[1:], parts[0]), place
    admittance = sum((1 / part for part in parts[1:]), 1 / parts[0])
    total = np.reciprocal(admittance)
    for part, (start, end) in zip(parts, spans, strict=True):
        slopes[:, start:end] *= ((total / part) ** 2)[:, None, :]
    return total, place


def _is_depressed_arc(node: Parallel) -> bool:
    parts = node.parts
    return len(parts) == 2 and all(
        isinstance(part, Element) and part.symbol == symbol for part, symbol in zip(parts, ("R", "CPE"), strict=True)
    )


def _depressed_arc(values: np.ndarray, omega: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """R/(1 + x), x = RQ(jω)^α: the commonest pair in one step, several times faster than by its elements."""
    resistance, admittance, exponent = values[:, 0, None], values[:, 1, None], values[:, 2, None]
    turn = np.log(omega) + 0.5j * math.pi
    x = np.exp(exponent * turn)
    x *= resistance * admittance
    share = 1 / (1 + x)
    impedance = resistance * share
    np.multiply(impedance, share, out=slopes[:, 0])
    np.multiply(-x, slopes[:, 0], out=slopes[:, 1])
    np.multiply(slopes[:, 1], exponent * turn, out=slopes[:, 2])
    return impedance


def circuit_impedance(
    node: Node, parameters: Mapping[str, float], frequency: Float[np.ndarray, " n"]
) -> Complex[np.ndarray, " n"]:
    """Impedance [Ω] of the circuit with named parameters (SI) at the frequencies [Hz].

    Raises
    ------
    InputError
        When a parameter is missing, unknown, or not positive.
    """
    names = list(parameter_kinds(node))
    missing, unknown = [n for n in names if n not in parameters], [n for n in parameters if n not in names]
    if missing or unknown:
        raise InputError(
            f"The circuit has the parameters {', '.join(names)}; "
            + (f"missing: {', '.join(missing)}. " if missing else "")
            + (f"unknown: {', '.join(unknown)}." if unknown else "")
        )
    values = np.array([float(parameters[name]) for name in names])
    if not np.all(values > 0):
        wrong = names[int(np.argmin(values))]
        raise InputError(f"The parameter {wrong} is {parameters[wrong]:g}; expected a positive number.")
    return impedance_and_slopes(node, np.log(values)[None], 2 * np.pi * frequency)[0][0]
