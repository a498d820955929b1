"""What an interface term is: the hook by which contact loss, leakage, shorts, penetration join the cell's equations.

A term is a frozen dataclass of its parameters (SI, floats) with any of the methods below; what it leaves out is
zero. It may own ``k`` scalar states that are advanced *implicitly, together with the concentration*, in every step
of the march: a stiff term (θ → 0) needs no small steps of its own.

============================================  =========================================================================
``STATES``                                    class attribute: the names of its states, ``()`` when it has none
``initial(cell)``                             their values at the start, a tuple of floats
``rates(state, here)``                        their time derivatives [1/s], a tuple
``overpotential(state, here)``                voltage in series [V], with the sign of the current
``parallel_current(state, here)``             current density past the ceramic [A/m²], driven by ``here.potential``
``EVENTS``                                    class attribute: one FlagKind member per margin
``margins(state, here)``                      one number per event, positive until it happens, negative after
``STOPS``                                     class attribute: those of ``EVENTS`` that end the run, default ``()``
``PLACE``                                     class attribute: 'counter' (default) or 'working', the face it sits at
``times``                                     when its currents jump by themselves [s]: marches stop and start there
============================================  =========================================================================

The equations they enter, with J the ionic current density through the ceramic:

    V_inner = V_electrolyte(J, c) + Σ overpotential          (V_inner is ``here.potential``)
    J_cell  = J + Σ parallel_current(V_inner)
    V_cell  = V_inner + J_cell · series_resistance
    ds/dt   = rates

An area resistance R(s) in series is ``overpotential = here.current * R(s)``; a metallic path is
``parallel_current = here.potential / R(s)``.

Rules for a term:

* states are dimensionless numbers of order one; the error of each is held below tolerance · (1 + |s|) per step. A
  state that must stay positive is written as its logarithm (state = ln θ), then nothing needs clipping;
* the methods are traced by JAX: use ``jax.numpy`` (imported inside the method, so that a term can be written down
  without jax), no ``if`` on values (``jnp.where``), and leave ``state``, ``here`` and the returns unannotated (or
  ``Any``): tracers are not floats. ``float`` fields may be differentiated by; other fields are static and hashable.
  ``__post_init__`` checks run on the user's values only;
* a jump in a rate (initiation) is a ``jnp.where``; a smooth switch a few mV or 1 % wide costs fewer steps;
* what happened is told through ``margins``, not by raising.

``here`` is a :class:`Conditions`. In ``overpotential`` its ``potential`` is still the electrolyte's own voltage
(ohmic, concentration, charge transfer); in the other methods it is V_inner.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, NamedTuple

import numpy as np

from rampion.estimate import Flag


class Conditions(NamedTuple):
    """What a term sees at one instant, SI; positive current plates lithium on the working electrode."""

    time: Any
    """Time since the start of the simulation [s]."""
    current: Any
    """Ionic current density through the ceramic [A/m²]."""
    potential: Any
    """Voltage between the two lithium electrodes, without the series resistance [V]."""
    working_concentration: Any
    """Carrier concentration at the working (plating) face [mol/m³]."""
    counter_concentration: Any
    """Carrier concentration at the counter (stripping) face [mol/m³]."""
    pressed: Any
    """1 with stack pressure, 0 in a rest without it."""
    cell: Mapping[str, Any]
    """The cell's numbers by the names of :class:`rampion.cell.parameters.Cell`: thickness, conductivity, …"""


def jumps_of(terms: Sequence[Any]) -> tuple[float, ...]:
    """When the terms' currents jump by themselves [s], ascending."""
    return tuple(sorted({when for term in terms for when in getattr(term, "times", ())}))


def events_of(terms: Sequence[Any], margins: np.ndarray, columns: Mapping[str, np.ndarray]) -> tuple[Flag, ...]:
    """A flag for each event of a term, with the columns' values where its margin first crosses zero.

    ``margins`` (n, events) and ``columns`` (n,), among them ``time``, are those of a record; straight lines between
    its points.
    """
    found = []
    kinds = [kind for term in terms for kind in getattr(term, "EVENTS", ())]
    for kind, margin in zip(kinds, margins.T, strict=True):
        beyond = np.flatnonzero(margin < 0.0)
        if beyond.size:
            i = int(beyond[0])
            before = max(i - 1, 0)
            gap = margin[before] - margin[i]
            share = float(margin[before] / gap) if gap > 0 else 1.0
            there = {name: float(one[before] + share * (one[i] - one[before])) for name, one in columns.items()}
            found.append(kind.flag(**there))
    return tuple(found)


def differentiable(term: Any) -> dict[str, float]:
    """The term's ``float`` fields by name: the numbers that may be traced."""
    return {
        f.name: getattr(term, f.name)
        for f in fields(term)
        if isinstance(getattr(term, f.name), float | int) and not isinstance(getattr(term, f.name), bool)
    }


def fixed(term: Any) -> tuple:
    """What else makes the term: its type and its other fields, hashable."""
    traced = differentiable(term)
    return (type(term), tuple((f.name, getattr(term, f.name)) for f in fields(term) if f.name not in traced))


def rebuilt(kind: tuple, values: Mapping[str, Any]) -> Any:
    """The term of that type with those (possibly traced) values, its checks not run again."""
    term = object.__new__(kind[0])
    for name, value in (*kind[1], *values.items()):
        object.__setattr__(term, name, value)
    return term
