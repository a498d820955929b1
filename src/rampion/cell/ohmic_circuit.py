"""The ohmic cell at given instants: the current at which its voltage, or its current, is what the instrument sets.

    V = J (L/σ + R_int) + Σ η_i(J, s) + J_cell R_series ,   J_cell = J + Σ J_parallel(V_inner, s)

Fails when: a term's overpotential does not grow with the current.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from rampion.cell.parameters import Cell
from rampion.cell.protocols import Segment
from rampion.cell.terms import Conditions
from rampion.errors import NotConvergedError

Rows = dict[str, np.ndarray]
"""Columns (n,) of the cell at n instants; ``states`` (k, n) and ``margins`` (events, n) of the terms."""


@dataclass(frozen=True)
class OhmicCircuit:
    """A cell and its terms between an instrument with limits of current density [A/m²] and of voltage [V]."""

    cell: Cell
    current_limit: float = math.inf
    potential_limit: float = math.inf

    @cached_property
    def numbers(self) -> dict[str, float]:
        """The cell's numbers by name, as the terms see them."""
        values = {f.name: getattr(self.cell, f.name) for f in fields(self.cell)}
        return {name: value for name, value in values.items() if isinstance(value, float | int)}

    @cached_property
    def resistance(self) -> float:
        """Of the ceramic and both interfaces [Ω·m²]."""
        return self.cell.thickness / self.cell.conductivity + self.cell.interface_resistance

    @cached_property
    def initial(self) -> tuple[tuple[float, ...], ...]:
        """The states of each term before anything happened."""
        return tuple(tuple(getattr(term, "initial", lambda _: ())(self.numbers)) for term in self.cell.terms)

    def at_rest(self) -> np.ndarray:
        """All states (k,) before anything happened."""
        return np.array([value for one in self.initial for value in one], dtype=float)

    def terms(self, states: np.ndarray) -> list[tuple[Any, tuple]]:
        """Every term with its own states."""
        ends = np.cumsum([0, *map(len, self.initial)]).tolist()
        return [(term, tuple(states[a:b])) for term, (a, b) in zip(self.cell.terms, pairwise(ends), strict=True)]

    def rows(self, segment: Segment, begin: float, since: np.ndarray, states: np.ndarray) -> Rows:
        """The cell at times (n,) since the segment's begin, in these states (k, n)."""
        here, current, potential, limited = self.solved(segment, begin, since, states)
        terms = self.terms(states)
        margins = [one for term, own in terms if hasattr(term, "margins") for one in term.margins(own, here)]
        return {
            "time": begin + since, "states": states, "ionic": here.current, "current": current,
            "potential": potential, "limited": limited, "margins": stacked(margins, since.size),
        }  # fmt: skip

    def rates(self, segment: Segment, begin: float, since: np.ndarray, states: np.ndarray) -> np.ndarray:
        """ds/dt [1/s], (k, n)."""
        here = self.solved(segment, begin, since, states)[0]
        return stacked([rate for term, own in self.terms(states) if own for rate in term.rates(own, here)], since.size)

    def solved(
        self, segment: Segment, begin: float, since: np.ndarray, states: np.ndarray
    ) -> tuple[Conditions, np.ndarray, np.ndarray, np.ndarray]:
        """What the terms see, the cell's current density and voltage, and where the instrument's limit acts."""
        target = segment.value + segment.slope * since
        galvanostatic = np.full(since.shape, segment.galvanostatic)
        c0, none = self.cell.concentration, np.zeros(since.shape)
        here = Conditions(begin + since, none, none, c0, c0, float(segment.pressed), self.numbers)
        found = self._seek(here, states, target, galvanostatic)
        size, bound = (found[2], self.potential_limit) if segment.galvanostatic else (found[1], self.current_limit)
        limited = np.abs(size) > bound
        if limited.any():
            target = np.where(limited, np.copysign(bound, size), target)
            found = self._seek(here, states, target, galvanostatic ^ limited)
        return *found, limited

    def _at(self, here: Conditions, states: np.ndarray, ionic: np.ndarray) -> tuple[Conditions, np.ndarray, np.ndarray]:
        """What the terms see at an ionic current density, the cell's current density and its voltage."""
        terms, voltage, total = self.terms(states), ionic * self.resistance, ionic
        here = here._replace(current=ionic, potential=voltage)
        for term, own in terms:
            if hasattr(term, "overpotential"):
                voltage = voltage + term.overpotential(own, here)
        here = here._replace(potential=voltage)
        for term, own in terms:
            if hasattr(term, "parallel_current"):
                total = total + term.parallel_current(own, here)
        return here, total, voltage + total * self.cell.series_resistance

    def _seek(
        self, here: Conditions, states: np.ndarray, target: np.ndarray, galvanostatic: np.ndarray
    ) -> tuple[Conditions, np.ndarray, np.ndarray]:
        """The cell where its current density, or else its voltage, is the target.

        Proportion first, which is exact for terms that are linear and then ends at once; secants after that.
        """
        ionic = target / np.where(galvanostatic, 1.0, self.resistance)
        before, missed_before = np.zeros_like(ionic), -target
        for _ in range(80):
            found = self._at(here, states, ionic)
            missed = np.where(galvanostatic, found[1], found[2]) - target
            slope = missed - missed_before
            open_ = (np.abs(missed) > 1e-12 * np.abs(target)) & (slope != 0) & (ionic != before)
            if not open_.any():
                if np.any(np.abs(missed) > 1e-6 * np.abs(target)):
                    break
                return found
            step = np.where(open_, missed * (ionic - before) / np.where(slope == 0, 1.0, slope), 0.0)
            before, missed_before, ionic = ionic, missed, ionic - step
        raise NotConvergedError(
            f"no current density gives the voltage or current asked for at {float(here.time[0]):.6g} s or soon after; "
            "a term's overpotential may fall with the current: check its parameters."
        )


def stacked(columns: list[Any], count: int) -> np.ndarray:
    """Numbers or columns (n,) as the rows of an array (k, n), also where there are none."""
    return np.array([np.broadcast_to(one, count) for one in columns]).reshape(len(columns), count)
