"""The cell without concentration gradients: J = σV/L and whatever the interface terms add.

    V = J (L/σ + R_int) + Σ η_i(J, s) + J_cell R_series ,   J_cell = J + Σ J_parallel ,   ds/dt = rates

It is the null model, and with one term the pure voltammogram of each rival mechanism, without jax. Protocols, stops,
terms and the record are those of the full cell (:mod:`rampion.cell.simulate`); the electrolyte is a resistance, and
the instrument's limits act on the cell.

Assumes: the electrolyte does not polarize (t₊ = 1 or no time to); no double layers in the time domain; each point of
a spectrum is that of the state at its time, which stands still meanwhile.
Fails when: a term's overpotential does not grow with the current.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from types import MappingProxyType

import numpy as np

from rampion.cell.ohmic_circuit import OhmicCircuit, Rows, stacked
from rampion.cell.parameters import Cell
from rampion.cell.protocols import Segment, Stop, first_step, frequencies, point_times, segments
from rampion.cell.simulation import Accuracy, CellFlag, Simulation, traces_of
from rampion.cell.terms import events_of, jumps_of
from rampion.estimate import Flag, FlagKind, Severity
from rampion.measurement import Protocol, Spectrum


class OhmicFlag(FlagKind):
    """What the instrument's limits did to an ohmic cell."""

    CURRENT_LIMITED = (
        Severity.WARNING,
        "From {time:.4g} s on the instrument's current limit of {limit:g} A held the cell; the voltage fell behind.",
    )
    POTENTIAL_LIMITED = (
        Severity.WARNING,
        "From {time:.4g} s on the instrument's compliance of {limit:g} V held the cell; the current fell behind.",
    )


def simulate_ohmic(
    cell: Cell,
    protocol: Protocol | Sequence[Protocol],
    points: int = 500,
    current_limit: float = math.inf,
    potential_limit: float = 10.0,
    tolerance: float = 1e-7,
    stop: Stop | None = None,
) -> Simulation:
    """Run a protocol, or several in order, on an ohmic cell with its terms.

    Parameters
    ----------
    cell : its transference and diffusivity are not used; its concentration stays everywhere.
    points : of each protocol, evenly spaced in time, beside those that the march itself chose.
    current_limit, potential_limit : [A], [V] the instrument's compliance, which acts on the cell; a term's event that
        would end the full cell's run does not end this one.
    tolerance : of the terms' states per step, relative and absolute.
    stop : ends the run at the first point beyond it; ``drop`` counts under voltage control only.

    Raises
    ------
    InputError
        When a protocol lacks a number that the simulation needs.
    NotConvergedError
        When no current density gives the voltage or the current that is asked for.
    """
    circuit = OhmicCircuit(cell, current_limit / cell.area, potential_limit)
    sequence = (protocol,) if not isinstance(protocol, Sequence) else tuple(protocol)
    parts = segments(sequence, cell.area, jumps_of(cell.terms))
    lasting = np.bincount([one.part for one in parts], [one.duration for one in parts])
    state, time, charge, largest = circuit.at_rest(), 0.0, 0.0, 0.0
    pieces: list[Rows] = []
    spectra: list[Spectrum] = []
    ending: tuple[Flag, ...] = ()
    for index, segment in enumerate(parts):
        if segment.duration > 0:
            count = max(math.ceil(points * segment.duration / lasting[segment.part]), 2)
            since, states, complete = _march(circuit, segment, time, state, count, tolerance)
            rows = circuit.rows(segment, time, since, states)
            rows["charge"] = charge + _running_integral(rows["time"], rows["current"])
            rows["segment"] = np.full(since.size, index)
            rows, reason = _until(stop or Stop(), rows, largest, segment.galvanostatic)
            pieces.append(rows)
            state, time, charge = rows["states"][:, -1], float(rows["time"][-1]), float(rows["charge"][-1])
            largest = max(largest, float(np.max(np.abs(rows["current"]))))
            if reason is not None or not complete:
                last = {name: float(rows[name][-1]) for name in ("time", "potential", "current", "charge")}
                kind = reason or CellFlag.MARCH_FAILED
                ending = (kind.flag(**last, concentration=cell.concentration, smallest=0.0),)
                break
        if segment.scan is not None:
            spectra.append(_spectrum(circuit, segment, time, state, pieces))
    return _record(circuit, sequence, parts, pieces, spectra, ending, tolerance)


def _running_integral(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.concatenate([[0.0], np.cumsum(0.5 * np.diff(x) * (y[1:] + y[:-1]))])


def _march(
    circuit: OhmicCircuit, segment: Segment, begin: float, state: np.ndarray, count: int, tolerance: float
) -> tuple[np.ndarray, np.ndarray, bool]:
    """Times since the segment's begin, the states there (k, n), and whether its end was reached."""
    lasting = segment.duration
    since = np.concatenate([[first_step(lasting, begin)], np.linspace(0.0, lasting, count)[1:]])
    if not state.size:
        return since, np.zeros((0, since.size)), True
    from scipy.integrate import solve_ivp

    def rates(when: float, states: np.ndarray) -> np.ndarray:
        columns = states.reshape(state.size, -1)
        return circuit.rates(segment, begin, np.full(columns.shape[1], when), columns).reshape(states.shape)

    def slopes(when: float, states: np.ndarray) -> np.ndarray:
        steps = 1e-7 * (1.0 + np.abs(states))
        moved = rates(when, np.column_stack([states, states[:, None] + np.diag(steps)]))
        return (moved[:, 1:] - moved[:, :1]) / steps

    for method in ("LSODA", "Radau"):  # the second is slower and bears sharper switches
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            run = solve_ivp(
                rates, (0.0, lasting), state, method=method, jac=slopes, dense_output=True, rtol=tolerance,
                atol=tolerance, max_step=lasting / 50,
            )  # fmt: skip
        if run.success:
            break
    since = np.union1d(since[since <= run.t[-1]], run.t[1:])
    return since, run.sol(since), run.success


def _until(stop: Stop, rows: Rows, largest: float, galvanostatic: bool) -> tuple[Rows, CellFlag | None]:
    """The rows up to the first point where a criterion to stop is met, and which it was."""
    current, potential = rows["current"], rows["potential"]
    size = np.abs(current)
    highest = np.maximum(largest, np.maximum.accumulate(size))
    criteria = {
        CellFlag.PEAK_PASSED: (size < (1.0 - min(stop.drop, 2.0)) * highest) & (not galvanostatic),
        CellFlag.POTENTIAL_REACHED: (potential < stop.lowest_potential) | (potential > stop.highest_potential),
        CellFlag.CHARGE_REACHED: np.abs(rows["charge"]) >= stop.charge,
        CellFlag.CURRENT_REACHED: size >= stop.current_density,
    }
    first = {reason: int(np.argmax(met)) for reason, met in criteria.items() if met.any()}
    if not first:
        return rows, None
    reason = min(first, key=first.__getitem__)
    return {name: column[..., : first[reason] + 1] for name, column in rows.items()}, reason


def _spectrum(
    circuit: OhmicCircuit, segment: Segment, time: float, state: np.ndarray, pieces: Sequence[Rows]
) -> Spectrum:
    """The small-signal spectrum at the end of a segment: of that instant, or of its last ``scan.duration``."""
    scan, cell = segment.scan, circuit.cell
    assert scan is not None
    frequency = frequencies(scan)
    times, states = np.full(frequency.size, time), np.repeat(state[:, None], frequency.size, axis=1)
    if math.isfinite(scan.duration):
        times = time - scan.duration + point_times(scan)
        states = stacked([np.interp(times, pieces[-1]["time"], one) for one in pieces[-1]["states"]], times.size)
    begin = time - segment.duration
    here, current, potential, _ = circuit.solved(segment, begin, times - begin, states)
    angular = 2j * np.pi * frequency
    places = {"electrolyte": cell.thickness / cell.conductivity, "interface": cell.interface_resistance}
    impedance = np.full(frequency.size, sum(places.values()), dtype=complex)
    for arc in cell.relaxations:
        resistance = arc.share * places[arc.place]
        impedance += resistance / (1.0 + resistance * arc.admittance * angular**arc.exponent) - resistance
    admittance = np.zeros(frequency.size, dtype=complex)
    for term, own in circuit.terms(states):
        if hasattr(term, "area_resistance"):
            resistance = term.area_resistance(own)
            impedance += resistance / (1.0 + angular * resistance * term.area_capacitance(own))
        if hasattr(term, "parallel_current"):
            admittance += term.parallel_current(own, here._replace(potential=np.ones(frequency.size)))
    impedance = 1.0 / (admittance + 1.0 / impedance) + cell.series_resistance
    middle = frequency.size // 2
    return Spectrum(
        frequency=frequency, impedance=impedance / cell.area, time=times, protocol=scan,
        technique="impedance of a simulated cell", potential=float(potential[middle]),
        current=float(current[middle]) * cell.area, amplitude=scan.amplitude, galvanostatic=scan.galvanostatic,
        synthetic=True,
    )  # fmt: skip


def _record(
    circuit: OhmicCircuit, protocols: tuple[Protocol, ...], parts: Sequence[Segment], pieces: Sequence[Rows],
    spectra: Sequence[Spectrum], ending: tuple[Flag, ...], tolerance: float,
) -> Simulation:  # fmt: skip
    """The whole run as the record that every simulation returns; its profile is flat."""
    cell = circuit.cell
    none = circuit.rows(parts[0], 0.0, np.zeros(0), np.zeros((circuit.at_rest().size, 0)))
    none |= {"charge": np.zeros(0), "segment": np.zeros(0, int)}
    rows = {name: np.concatenate([one[name] for one in (none, *pieces)], axis=-1) for name in none}
    uniform = np.full(rows["time"].size, cell.concentration)
    part = np.array([one.part for one in parts], dtype=int)[rows["segment"]]
    controlled = np.array([one.galvanostatic for one in parts])[rows["segment"]]
    shown = {name: rows[name] for name in ("time", "current", "potential")}
    flags = [*events_of(cell.terms, rows["margins"].T, shown)]
    for kind, held, limit in (
        (OhmicFlag.CURRENT_LIMITED, rows["limited"] & ~controlled, circuit.current_limit * cell.area),
        (OhmicFlag.POTENTIAL_LIMITED, rows["limited"] & controlled, circuit.potential_limit),
    ):
        if held.any():
            flags.append(kind.flag(time=float(rows["time"][np.argmax(held)]), limit=limit))
    every = (*flags, *ending)
    arrays = {
        "time": rows["time"], "potential": rows["potential"], "current_density": rows["current"],
        "ionic_current_density": rows["ionic"], "charge": rows["charge"], "surface_concentration": uniform,
        "counter_concentration": uniform, "working_potential": np.full(uniform.size, math.nan),
    }  # fmt: skip
    names = [f"{type(term).__name__.lower()}_{name}" for term in cell.terms for name in getattr(term, "STATES", ())]
    return Simulation(
        cell=cell, protocols=protocols, part=part, segment=rows["segment"], **arrays,
        states=MappingProxyType(dict(zip(names, rows["states"], strict=True))),
        position=np.array([0.0, cell.thickness]), concentration=np.stack([uniform, uniform], axis=1),
        limiting_current_density=math.inf, traces=traces_of(cell, protocols, arrays, part, every),
        spectra=tuple(spectra), flags=every, accuracy=Accuracy(tolerance=tolerance),
    )  # fmt: skip
