"""Which parameters of a circuit are free in a fit, which are held at a value, which are tied to another."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rampion.errors import InputError
from rampion.impedance.circuit import Node, parameter_kinds
from rampion.impedance.notation import print_circuit


@dataclass(frozen=True, slots=True, eq=False)
class Freedom:
    """Which parameters are free: ``source`` (p,) points into the free ones, -1 where held at ``base`` (p,)."""

    source: np.ndarray
    base: np.ndarray

    @property
    def count(self) -> int:
        """How many are free."""
        return int(self.source.max(initial=-1)) + 1

    @property
    def plain(self) -> bool:
        """Whether every parameter is free and on its own."""
        return bool(np.array_equal(self.source, np.arange(self.source.size)))

    def spread(self, free: np.ndarray) -> np.ndarray:
        """(m, p) from the free (m, q)."""
        return np.where(self.source >= 0, free[:, np.maximum(self.source, 0)], self.base)

    def gather(self, full: np.ndarray) -> np.ndarray:
        """(m, q) of the free ones: of tied parameters, the first."""
        return full[:, [int(np.argmax(self.source == place)) for place in range(self.count)]]

    def matrix(self) -> np.ndarray:
        """(p, q) slope of all parameters with respect to the free ones."""
        return (self.source[:, None] == np.arange(self.count)).astype(float)


def freedom_of(
    circuit: Node, fixed: Mapping[str, float] | None = None, tied: Mapping[str, str] | None = None
) -> Freedom:
    """Which parameters are free, from those fixed at a value (SI) and those tied to be equal to another.

    Raises
    ------
    InputError
        When a name is not of the circuit, a fixed value is not positive, or a tie leads to another tied parameter.
    """
    names = list(parameter_kinds(circuit))
    fixed, tied = dict(fixed or {}), dict(tied or {})
    for name in (*fixed, *tied, *tied.values()):
        if name not in names:
            raise InputError(f"{name!r} is no parameter of {print_circuit(circuit)}; it has {', '.join(names)}.")
    for name, value in fixed.items():
        if not value > 0:
            raise InputError(f"The fixed parameter {name} is {value:g}; expected a positive number.")
    for name, other in tied.items():
        if other in tied or name in fixed:
            raise InputError(f"{name} is tied to {other}, which is itself tied, or it is fixed too; tie it only once.")
    source, base, free = np.full(len(names), -1), np.zeros(len(names)), 0
    for place, name in enumerate(names):
        if name in fixed:
            base[place] = math.log(fixed[name])
        elif name not in tied:
            source[place], free = free, free + 1
    for name, other in tied.items():
        source[names.index(name)] = source[names.index(other)]
        base[names.index(name)] = base[names.index(other)]
    return Freedom(source, base)
