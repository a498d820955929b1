"""The cell around its electrolyte: charge transfer that charges the interfaces, interface terms, leads, control.

Whichever electrolyte is marched (:mod:`rampion.cell.electrolyte` with constant D and t₊,
:mod:`rampion.cell.nonlinear` with functions of the concentration) gives its voltages for an ionic current J; what
surrounds it is the same:

    V_inner = V_electrolyte + Σ overpotential,   J_cell = J + Σ parallel currents,   V_cell = V_inner + J_cell·R_series
    C dη/dt = J − 2J₀₀√(c_s/c₀)·sinh(Fη/2RT)      at each face with an interface capacitance
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp

from rampion.cell.terms import Conditions, rebuilt


class Structure(NamedTuple):
    """What the compiled program depends on besides numbers; hashable."""

    conduction: str
    closure: Any
    kinetics: bool
    capacitance: bool
    reference_node: int | None
    reference_near: bool
    terms: tuple
    nernst_einstein: bool = False
    """The closure's D(c) follows from its other functions."""


class Control(NamedTuple):
    """One segment: a straight line of the controlled quantity, and when to stop early."""

    start: Any
    """Time at which the segment begins [s]."""
    end: Any
    value: Any
    """Cell voltage [V] or current density [A/m²] at the start of the segment."""
    slope: Any
    galvanostatic: Any
    """1 when the current is controlled, 0 when the voltage is."""
    against_reference: Any
    """1 when the controlled voltage is the working electrode against the reference."""
    pressed: Any
    amplitude: Any
    """Of a sine on top of the straight line, in its unit; 0 for none."""
    frequency: Any
    drop: Any
    """Stop when the current density has fallen by this fraction below its largest; infinite: never."""
    lowest_potential: Any
    highest_potential: Any
    charge: Any
    largest_current: Any


class Stage(NamedTuple):
    """A solved implicit stage, of either electrolyte."""

    modes: Any
    """What the march carries of the concentration: amplitudes of modes, or the amounts at the nodes."""
    unknown: Any
    faces: Any
    """ln(c/c₀) at the plating and at the stripping face."""
    profile: Any
    """What is kept of the profile when it is kept."""
    ionic: Any
    current: Any
    potential: Any
    working: Any
    margins: Any
    tangent: Any
    """The linearised stage, for the estimate of the error."""
    good: Any
    bare: Any = None
    """Nodes and curvatures without current, of the electrolyte with one diffusivity."""


def extra_names(structure: Structure) -> tuple[str, ...]:
    """Names of the interface states, in their order."""
    names = ["working_overpotential", "counter_overpotential"] if structure.capacitance else []
    for kind in structure.terms:
        names += [f"{kind[0].__name__.lower()}_{state}" for state in getattr(kind[0], "STATES", ())]
    return tuple(names)


def events(kind: tuple) -> tuple:
    """The events of a kind of term."""
    return getattr(kind[0], "EVENTS", ())


def interface(electrolyte, working, ionic, near, far, extra, time, pressed, numbers, structure):
    """What the terms add to the electrolyte: (cell current, cell and working voltages, rates, margins).

    ``extra`` holds the states of the terms alone.
    """
    here = Conditions(time, ionic, electrolyte, near, far, pressed, numbers)
    terms, at, whole = [], 0, electrolyte
    for kind, values in zip(structure.terms, numbers["terms"], strict=True):
        term = rebuilt(kind, values)
        count = len(getattr(term, "STATES", ()))
        terms.append((term, tuple(extra[at + k] for k in range(count))))
        at += count
    for term, state in terms:
        if hasattr(term, "overpotential"):
            added = term.overpotential(state, here)
            whole = whole + added
            working = working + (added if getattr(term, "PLACE", "counter") == "working" else 0.0)
    here = here._replace(potential=whole)
    current, rates, margins = ionic, [], []
    for term, state in terms:
        if hasattr(term, "parallel_current"):
            current = current + term.parallel_current(state, here)
    for term, state in terms:
        if state:
            rates.extend(term.rates(state, here))
        if hasattr(term, "margins"):
            margins.extend(term.margins(state, here))
    leads = current * numbers["series_resistance"]
    return current, whole + leads, working + 0.5 * leads, _stacked(rates), _stacked(margins)


def _stacked(values):
    return jnp.stack([jnp.asarray(value, float) for value in values]) if values else jnp.zeros(0)


def overpotentials(ionic, faces, extra, numbers, structure):
    """Charge-transfer overpotentials (working, counter) in RT/F; states of their own with an interface capacitance."""
    if not structure.kinetics:
        return 0.0, 0.0
    if structure.capacitance:
        return extra[0], extra[1]
    drive = 0.5 * ionic * numbers["inverse_exchange"]
    working, counter = (2.0 * jnp.arcsinh(drive * jnp.exp(-0.5 * face)) for face in faces)
    return working, counter


def surrounded(whole, working, ionic, faces, extra, time, pressed, numbers, structure):
    """Cell current, voltages, rates of the interface states and margins; ``faces`` are ln(c/c₀) at both of them."""
    near, far = (jnp.exp(face) for face in faces)
    charging = []
    if structure.capacitance:
        scale = 1.0 / (numbers["interface_capacitance"] * numbers["thermal_voltage"])
        exchange = 2.0 / numbers["inverse_exchange"]
        charging.append(scale * (ionic - exchange * jnp.sqrt(near) * jnp.sinh(0.5 * extra[0])))
        charging.append(scale * (ionic - exchange * jnp.sqrt(far) * jnp.sinh(0.5 * extra[1])))
    c0 = numbers["concentration"]
    current, whole, working, rates, margins = interface(
        whole, working, ionic, c0 * near, c0 * far, extra[len(charging) :], time, pressed, numbers, structure
    )
    return current, whole, working, jnp.concatenate([_stacked(charging), rates]), margins


def target_of(control: Control, time):
    """The controlled quantity at a time, and the time since the segment began."""
    elapsed = time - control.start
    return (
        control.value
        + control.slope * elapsed
        + control.amplitude * jnp.sin(2.0 * jnp.pi * control.frequency * elapsed)
    )


def measured_of(control: Control, whole, working, structure):
    """The voltage that is controlled."""
    if structure.reference_node is None:
        return whole
    return jnp.where(control.against_reference > 0, working, whole)
