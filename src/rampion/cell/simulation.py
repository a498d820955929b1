"""What a simulation returns: its record, values between the steps, and the peak of its current."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rampion.array_types import Float
from rampion.cell.parameters import Cell
from rampion.errors import InputError
from rampion.estimate import Estimate, Flag, FlagKind, Severity
from rampion.measurement import (
    WORKING_POTENTIAL,
    ConstantCurrent,
    Experiment,
    FrequencyScan,
    Hold,
    Protocol,
    Rest,
    Sample,
    Spectrum,
    Steps,
    Sweep,
    Trace,
)

FINEST, COARSEST = 1e-8, 1e-2
"""Tolerances that a simulation can keep."""

_TECHNIQUES = {Sweep: "sweep", Hold: "hold", ConstantCurrent: "constant current", Steps: "steps", Rest: "rest"}


class CellFlag(FlagKind):
    """What a simulation may have to say."""

    DEPLETED = (
        Severity.WARNING,
        "The concentration at the plating face reached zero at {time:.6g} s: {current:.4g} A/m² cannot be sustained "
        "beyond this time.",
    )
    FILLED = (
        Severity.WARNING,
        "The stripping face ran out of empty sites at {time:.6g} s: {current:.4g} A/m² cannot be sustained beyond this "
        "time.",
    )
    MARCH_FAILED = (
        Severity.INVALID,
        "The march ended at {time:.6g} s (potential {potential:.6g} V, current density {current:.6g} A/m², surface "
        "concentration {concentration:.3g} mol/m³): no step above {smallest:.1g} s meets the tolerance.",
    )
    INACCURATE = (
        Severity.WARNING,
        "The estimated relative error of the current density is {error:.1e}, above the tolerance of {tolerance:g}: "
        "loosen the tolerance, or use the curve as {error:.0e} accurate.",
    )
    PEAK_PASSED = (Severity.NOTE, "Stopped at {time:.6g} s: the current density had fallen from its peak as asked.")
    POTENTIAL_REACHED = (Severity.NOTE, "Stopped at {time:.6g} s: the cell voltage reached {potential:.6g} V.")
    CHARGE_REACHED = (Severity.NOTE, "Stopped at {time:.6g} s: the charge reached {charge:.6g} C/m².")
    CURRENT_REACHED = (Severity.WARNING, "Stopped at {time:.6g} s: the current density reached {current:.6g} A/m².")
    EVENT_REACHED = (Severity.NOTE, "Stopped at {time:.6g} s by an event of the interface.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """How exactly to compute: relative error of J(V), and of the compiled core's mesh the intervals over half the
    thickness and the first of them (in L), ``None`` as the tolerance asks.

    Under a current the error is that of V(t), with 2 mV as the smallest value. Not relative are currents below 1 % of
    the largest one so far, and the first thousandth of each line of the control. Where the curve breaks
    off (a contact lost, a short, a face run empty: its slope times the time since the line began is above ten times its
    value) the error is that of this time.
    """

    tolerance: float = 1e-4
    intervals: int | None = None
    first_interval: float | None = None

    def __post_init__(self) -> None:
        if not FINEST <= self.tolerance <= COARSEST:
            raise InputError(
                f"The tolerance is {self.tolerance:g}; expected {FINEST:g} (below it is rounding) to {COARSEST:g}."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    """The largest current density inside a run, where it lies, and the charge passed until then (SI, per area)."""

    current_density: float
    potential: float
    charge: float
    time: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Simulation:
    """A simulated run, at every accepted step; everything per electrode area and synthetic.

    time [s], potential (cell voltage) [V], current_density (of the cell) [A/m²], ionic_current_density (through the
    ceramic) [A/m²], charge [C/m²], surface_concentration (plating face) and counter_concentration [mol/m³],
    working_potential against the reference plane [V] (NaN with two electrodes), part (which protocol a step belongs
    to): (n,). ``states`` holds the interface states by name, (n,) each. ``position`` [m] and ``concentration``
    (n, nodes) [mol/m³] are the profiles. ``traces`` and ``spectra`` are what an instrument would have recorded.
    """

    cell: Cell
    protocols: tuple[Protocol, ...]
    time: Float[np.ndarray, " n"]
    potential: Float[np.ndarray, " n"]
    current_density: Float[np.ndarray, " n"]
    ionic_current_density: Float[np.ndarray, " n"]
    charge: Float[np.ndarray, " n"]
    surface_concentration: Float[np.ndarray, " n"]
    counter_concentration: Float[np.ndarray, " n"]
    working_potential: Float[np.ndarray, " n"]
    part: np.ndarray
    segment: np.ndarray
    states: Mapping[str, np.ndarray]
    position: Float[np.ndarray, " nodes"]
    concentration: Float[np.ndarray, "n nodes"]
    limiting_current_density: float
    traces: tuple[Trace, ...]
    spectra: tuple[Spectrum, ...]
    flags: tuple[Flag, ...]
    accuracy: Accuracy
    final: Any = None

    @property
    def experiment(self) -> Experiment:
        """The traces and spectra as one synthetic experiment, with the cell's geometry as its sample."""
        parts = sorted((*self.traces, *self.spectra), key=_first_time)
        return Experiment(parts=tuple(parts), sample=sample_of(self.cell), name=self.cell.name, flags=self.flags)

    @property
    def peak(self) -> Peak | None:
        """The peak of the current density; ``None`` when the largest value is the first or the last, or a plateau."""
        return find_largest(self)


def _first_time(part: Trace | Spectrum) -> float:
    return float(part.time[0]) if part.time is not None and part.time.size else math.inf


def sample_of(cell: Cell) -> Sample:
    """The cell's geometry as a sample, exact numbers marked so."""
    return Sample(
        name=cell.name or "simulated",
        configuration="two-electrode" if cell.reference is None else "three-electrode",
        thickness=Estimate(cell.thickness, 0.0),
        area=Estimate(cell.area, 0.0),
        temperature=Estimate(cell.temperature, 0.0),
    )


def traces_of(
    cell: Cell,
    protocols: Sequence[Protocol],
    arrays: Mapping[str, np.ndarray],
    part: np.ndarray,
    flags: tuple[Flag, ...],
) -> tuple[Trace, ...]:
    """What an instrument would have recorded of each protocol, from the columns of a simulation."""
    traces = []
    for k, protocol in enumerate(protocols):
        if isinstance(protocol, FrequencyScan):
            continue
        here = part == k
        if not here.any():
            continue
        extra = {"charge [C/m²]": arrays["charge"][here]}
        if cell.reference is not None:
            extra[WORKING_POTENTIAL] = arrays["working_potential"][here]
        traces.append(
            Trace(
                time=arrays["time"][here],
                potential=arrays["potential"][here],
                current=arrays["current_density"][here] * cell.area,
                technique=_TECHNIQUES[type(protocol)],
                protocol=protocol,
                extra=extra,
                synthetic=True,
                flags=flags,
            )
        )
    return tuple(traces)


def local_cubic(x: np.ndarray, values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Cubic Lagrange interpolation on the four nearest points; ``values`` (n, …) over strictly increasing ``x``."""
    if x.size < 4:
        return np.stack([np.interp(at, x, column) for column in values.reshape(x.size, -1).T], axis=-1).reshape(
            at.shape + values.shape[1:]
        )
    first = np.minimum(np.maximum(np.searchsorted(x, at) - 2, 0), x.size - 4)
    which = first + np.arange(4)[:, None]
    a, b, c, d = points = x[which]
    to_a, to_b, to_c, to_d = at - points
    ab, ac, ad, bc, bd, cd = a - b, a - c, a - d, b - c, b - d, c - d
    left, right = to_a * to_b, to_c * to_d
    weights = (
        to_b * right / (ab * ac * ad), -to_a * right / (ab * bc * bd), left * to_d / (ac * bc * cd),
        -left * to_c / (ad * bd * cd),
    )  # fmt: skip
    shape = (at.size,) + (1,) * (values.ndim - 1)
    total = weights[0].reshape(shape) * values[which[0]]
    for weight, place in zip(weights[1:], which[1:], strict=True):
        total = total + weight.reshape(shape) * values[place]
    return total


def sampled(simulation: Simulation, times: Float[np.ndarray, " m"]) -> dict[str, np.ndarray]:
    """Potential, current density, charge, surface concentrations and profiles at chosen times, (m,) and (m, nodes).

    Local cubic interpolation between the steps, within each segment of the control; logarithms of the surface
    concentrations. Times outside the run are refused.

    Raises
    ------
    InputError
        When a time lies outside the run.
    """
    times = np.asarray(times, dtype=float)
    first, last = float(simulation.time[0]), float(simulation.time[-1])
    if times.size and (times.min() < min(first, 0.0) or times.max() > last * (1.0 + 1e-12)):
        raise InputError(f"The run lasts from 0 to {last:g} s; a time outside was asked for.")
    last_of = np.flatnonzero(np.diff(simulation.segment, append=-1))
    ends, labels = simulation.time[last_of], simulation.segment[last_of]
    which = labels[np.clip(np.searchsorted(ends, times), 0, ends.size - 1)]
    names = ("potential", "current_density", "ionic_current_density", "charge", "concentration")
    logs = ("surface_concentration", "counter_concentration")
    result = {name: np.empty(times.shape + getattr(simulation, name).shape[1:]) for name in (*names, *logs)}
    for label in sorted(set(which.tolist())):
        here, mine = which == label, simulation.segment == label
        x, at = simulation.time[mine], np.clip(times[here], simulation.time[mine][0], None)
        for name in names:
            result[name][here] = local_cubic(x, getattr(simulation, name)[mine], at)
        for name in logs:
            result[name][here] = np.exp(local_cubic(x, np.log(getattr(simulation, name)[mine]), at))
    return result | {"time": times}


def find_largest(simulation: Simulation) -> Peak | None:
    """The peak of the current density, refined between the steps; ``None`` without a fall after it while the voltage
    still rises: what falls in a pause or in a rest is no peak."""
    current, size = simulation.current_density, simulation.time.size
    if size < 5:
        return None
    first = np.flatnonzero(np.diff(simulation.segment, prepend=-1))
    ends = np.append(first[1:], size) - 1
    moved = np.abs(simulation.potential[ends] - simulation.potential[first])
    swept = np.array([isinstance(protocol, Sweep) for protocol in simulation.protocols])[simulation.part[ends]]
    ramps = ends[swept & (moved > 1e-6 * np.max(np.abs(simulation.potential)))]  # a pause moves by rounding alone
    i, last = int(np.argmax(np.abs(current))), int(ramps[-1]) if ramps.size else 0
    if not 0 < i < last or abs(current[i]) - abs(current[last]) < 1e-3 * abs(current[i]):
        return None
    near = slice(max(i - 2, 0), min(i + 3, size))
    same = simulation.segment[near] == simulation.segment[i]
    x, y = simulation.time[near][same], current[near][same]
    best = float(simulation.time[i])
    if x.size == 5:
        shape = np.polynomial.Polynomial.fit(x, y, 4)
        roots = shape.deriv().roots()
        real = roots[np.abs(np.imag(roots)) < 1e-9 * (x[-1] - x[0])].real
        real = real[(real > x[0]) & (real < x[-1])]
        if real.size:
            best = float(real[np.argmax(np.abs(shape(real)))])
    there = sampled(simulation, np.array([best]))
    return Peak(
        current_density=float(there["current_density"][0]), potential=float(there["potential"][0]),
        charge=float(there["charge"][0]), time=best,
    )  # fmt: skip
