"""The cell without concentration gradients: J = σV/L and whatever the interface terms add.

    V = J (L/σ + R_int) + Σ η_i(J, s) + J_cell R_series ,   J_cell = J + Σ J_parallel ,   ds/dt = rates

It is the null model, and with one term the pure voltammogram of each rival mechanism, without jax. The terms are those
of the full cell (:mod:`rampion.cell.terms`).

Assumes: the electrolyte does not polarize (t₊ = 1 or no time to); no double layers in the time domain; a
spectrum is that of the state at its begin.
Fails when: a term's overpotential does not grow with the current.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import fields, replace
from itertools import pairwise
from typing import Any

import numpy as np

from rampion.cell.instrument import Instrument, scan_frequencies, scan_times
from rampion.cell.parameters import Cell
from rampion.cell.protocols import Stop
from rampion.cell.terms import Conditions
from rampion.errors import InputError, NotConvergedError
from rampion.estimate import Estimate, Flag, FlagKind, Severity
from rampion.measurement import (
    ConstantCurrent,
    Experiment,
    FrequencyScan,
    Hold,
    Pause,
    Protocol,
    Rest,
    Sample,
    Spectrum,
    Steps,
    Sweep,
    Trace,
)


class OhmicFlag(FlagKind):
    """What the simulation of an ohmic cell tells."""

    CURRENT_LIMITED = (
        Severity.WARNING,
        "From {time:.4g} s on the instrument's current limit of {limit:g} A held the cell; the voltage fell behind.",
    )
    POTENTIAL_LIMITED = (
        Severity.WARNING,
        "From {time:.4g} s on the instrument's compliance of {limit:g} V held the cell; the current fell behind.",
    )
    STOPPED = (Severity.NOTE, "Stopped at {time:.6g} s: {reason}, as asked.")
    MARCH_STOPPED = (Severity.INVALID, "The march stopped at {time:.6g} s: {reason}")


def simulate_ohmic(
    cell: Cell,
    protocol: Protocol | Sequence[Protocol],
    points: int = 500,
    current_limit: float = math.inf,
    potential_limit: float = 10.0,
    tolerance: float = 1e-7,
    stop: Stop | None = None,
) -> Experiment:
    """Run a protocol, or several in order, on an ohmic cell with its terms.

    Parameters
    ----------
    cell : its concentration and transference are not used.
    points : of each trace, evenly spaced in time, beside those that the march itself chose.
    current_limit, potential_limit : [A], [V] the instrument's compliance, which acts on the cell.
    tolerance : of the terms' states per step, relative and absolute.
    stop : ends the run at the first point of a trace beyond it; ``drop`` counts under voltage control only.

    Returns
    -------
    Traces and, where a pause or a scan asks for them, spectra on one clock, all synthetic. A trace carries the terms'
    states as extra columns; what happened is flagged, with its time, on the trace in which it happened.

    Raises
    ------
    InputError
        When a protocol lacks a number that the simulation needs.
    """
    march = _Run(cell, points, current_limit, potential_limit, tolerance, stop or Stop())
    for step in protocol if isinstance(protocol, Sequence) else (protocol,):
        march.run(step)
    sample = Sample(
        name=cell.name,
        thickness=Estimate(cell.thickness),
        area=Estimate(cell.area),
        temperature=Estimate(cell.temperature),
    )
    return Experiment(parts=tuple(march.parts), sample=sample, name=cell.name)


class _Run:
    """The run of one experiment: where it is in time, the terms' states, and the parts made so far."""

    def __init__(
        self, cell: Cell, points: int, current_limit: float, potential_limit: float, tolerance: float, stop: Stop
    ):
        self.cell = cell
        self.terms = cell.terms
        self.numbers = {f.name: value for f in fields(cell) if isinstance(value := getattr(cell, f.name), float | int)}
        self.points, self.tolerance = points, tolerance
        self.limit_current, self.limit_potential = current_limit / cell.area, potential_limit
        self.resistance = cell.thickness / cell.conductivity + cell.interface_resistance
        self.time = self.bias = self.charge = self.largest = 0.0
        self.stop, self.ended = stop, False
        starts = [tuple(getattr(term, "initial", lambda _: ())(self.numbers)) for term in self.terms]
        ends = np.cumsum([0, *(len(start) for start in starts)])
        self.slices = [slice(int(low), int(high)) for low, high in pairwise(ends)]
        self.state = np.array([value for start in starts for value in start], dtype=float)
        self.seen: set[str] = set()
        self.parts: list[Trace | Spectrum] = []

    def run(self, step: Protocol) -> None:
        if self.ended:
            return
        match step:
            case Sweep(pause=None):
                self._trace(step, *self._ramp(step))
            case Sweep():
                self._paused(step)
            case Hold():
                self._trace(step, _finite(step.duration, "hold's duration"), lambda _: step.potential, True)
            case ConstantCurrent():
                density = step.current / self.cell.area
                self._trace(step, _finite(step.duration, "constant current's duration"), lambda _: density, False)
            case Steps():
                for current, duration in zip(step.currents, step.durations, strict=True):
                    self.run(ConstantCurrent(current=current, duration=duration))
            case Rest():
                self._trace(step, _finite(step.duration, "rest's duration"), lambda _: 0.0, False)
            case FrequencyScan():
                self._spectrum(step)

    def _ramp(self, sweep: Sweep) -> tuple[float, Any, bool]:
        low = 0.0 if math.isnan(sweep.start) else sweep.start
        high = _finite(sweep.stop, "sweep's last potential")
        if not sweep.rate > 0:
            raise InputError(f"the scan rate is {sweep.rate:g} V/s; expected a positive number.")
        slope = math.copysign(sweep.rate, high - low)
        return abs(high - low) / sweep.rate, lambda since: low + slope * since, True

    def _paused(self, sweep: Sweep) -> None:
        pause: Pause = sweep.pause  # pyright: ignore[reportAssignmentType]
        low = 0.0 if math.isnan(sweep.start) else sweep.start
        high = _finite(sweep.stop, "sweep's last potential")
        if not pause.every > 0:
            raise InputError(f"the sweep pauses every {pause.every:g} V; expected a positive number.")
        count = math.ceil(abs(high - low) / pause.every - 1e-9)
        marks = [low + math.copysign(pause.every, high - low) * number for number in range(count)] + [high]
        for begin, end in pairwise(marks):
            self.run(replace(sweep, start=begin, stop=end, pause=None))
            scan_time = scan_times(scan_frequencies(pause.scan), Instrument()) if pause.scan else np.zeros(1)
            if (held := pause.duration - float(scan_time[-1])) > 0:
                self.run(Hold(potential=end, duration=held))
            if pause.scan and not self.ended:
                self._spectrum(pause.scan)

    def _trace(self, protocol: Protocol, duration: float, drive: Any, potentiostatic: bool) -> None:
        begin = self.time
        pressed = 0.0 if isinstance(protocol, Rest) and not protocol.pressed else 1.0
        since, states, flags = self._march(duration, drive, potentiostatic, pressed)
        _, total, potential, limited = self._solve(begin + since, states, drive(since), potentiostatic, pressed)
        kept, reason = self._until(since, total, potential, potentiostatic)
        since, states, total, potential, limited = (
            since[:kept], states[:, :kept], total[:kept], potential[:kept], limited[:kept]
        )  # fmt: skip
        flags = [flag for flag in flags if dict(flag.details)["time"] <= begin + since[-1]]
        if reason:
            flags.append(OhmicFlag.STOPPED.flag(time=begin + float(since[-1]), reason=reason))
        for name, (kind, limit) in {
            "current": (OhmicFlag.CURRENT_LIMITED, self.limit_current * self.cell.area),
            "potential": (OhmicFlag.POTENTIAL_LIMITED, self.limit_potential),
        }.items():
            held = since[limited & potentiostatic] if name == "current" else since[limited & (not potentiostatic)]
            if held.size and kind.name not in self.seen:
                self.seen.add(kind.name)
                flags.append(kind.flag(time=begin + float(held[0]), limit=limit))
        labels = [f"{type(term).__name__}: {name}" for term in self.terms for name in getattr(term, "STATES", ())]
        self.parts.append(
            Trace(
                time=begin + since,
                potential=potential,
                current=total * self.cell.area,
                protocol=protocol,
                extra={label: column for label, column in zip(labels, states, strict=True) if ": mode " not in label},
                synthetic=True,
                flags=tuple(flags),
            )
        )
        self.time = begin + float(since[-1])
        self.bias = float(drive(duration)) if potentiostatic else 0.0

    def _until(
        self, since: np.ndarray, total: np.ndarray, potential: np.ndarray, potentiostatic: bool
    ) -> tuple[int, str]:
        """How many points lie before a criterion to stop is met, that point included, and which it was."""
        stop, size = self.stop, np.abs(total)
        steps = 0.5 * np.diff(since) * (total[1:] + total[:-1])
        charge = self.charge + np.concatenate([[0.0], np.cumsum(steps)])
        largest = np.maximum(self.largest, np.maximum.accumulate(size))
        criteria = {
            "the current density fell from its largest": (size < (1.0 - min(stop.drop, 2.0)) * largest)
            & potentiostatic,
            "the cell voltage reached its bound": (potential < stop.lowest_potential)
            | (potential > stop.highest_potential),
            "the charge was reached": np.abs(charge) >= stop.charge,
            "the current density was reached": size >= stop.current_density,
        }
        first = {reason: int(np.argmax(met)) for reason, met in criteria.items() if met.any()}
        reason = min(first, key=first.__getitem__) if first else ""
        last = first[reason] if first else since.size - 1
        self.charge, self.largest, self.ended = float(charge[last]), float(largest[last]), bool(first)
        return last + 1, reason

    def _march(self, duration: float, drive: Any, potentiostatic: bool, pressed: float) -> tuple[Any, Any, list[Flag]]:
        """Times since the step's begin, the states there (one column each) and what happened."""
        grid = np.linspace(0.0, duration, self.points)
        if not self.state.size:
            since = self._with_breaks(grid)
            return since, np.zeros((0, since.size)), []
        from scipy.integrate import solve_ivp

        begin = self.time

        def rates(since: Any, state: Any) -> Any:
            column = state.reshape(self.state.size, -1)
            when = np.full(column.shape[1], since)
            here = self._solve(begin + when, column, drive(when) + 0.0 * when, potentiostatic, pressed)[0]
            return self._rates(column, here).reshape(state.shape)

        def slopes(since: Any, state: Any) -> Any:
            steps = 1e-7 * (1.0 + np.abs(state))
            moved = rates(since, np.column_stack([state, state[:, None] + np.diag(steps)]))
            return (moved[:, 1:] - moved[:, :1]) / steps

        for method in ("LSODA", "Radau"):  # the second is slower and bears sharper switches
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                run = solve_ivp(
                    rates,
                    (0.0, duration),
                    self.state,
                    method=method,
                    jac=slopes,
                    dense_output=True,
                    rtol=self.tolerance,
                    atol=self.tolerance,
                    max_step=duration / 50,
                )
            if run.success:
                break
        flags = []
        if not run.success:
            flags.append(OhmicFlag.MARCH_STOPPED.flag(time=begin + float(run.t[-1]), reason=run.message))
        since = np.union1d(self._with_breaks(grid[grid <= run.t[-1]]), run.t)
        for term, own in zip(self.terms, self.slices, strict=True):
            for number, kind in enumerate(getattr(term, "EVENTS", ())):
                if kind.name in self.seen:
                    continue
                place = since
                for _ in range(3):
                    states = run.sol(place)
                    here = self._solve(begin + place, states, drive(place) + 0.0 * place, potentiostatic, pressed)[0]
                    margin = np.broadcast_to(term.margins(tuple(states[own]), here)[number], place.shape)
                    if not (margin <= 0).any():
                        break
                    first = int(np.argmax(margin <= 0))
                    place = np.linspace(place[max(first - 1, 0)], place[first], 101)
                else:
                    self.seen.add(kind.name)
                    flags.append(kind.flag(time=begin + float(place[-1])))
        self.state = run.y[:, -1]
        return since, run.sol(since), flags

    def _with_breaks(self, grid: np.ndarray) -> np.ndarray:
        """The grid with the steps of a given history (a soft short), each as a point just before and one at it."""
        times = np.array([when for term in self.terms for when in getattr(term, "times", ())]) - self.time
        times = times[(times > 0) & (times <= grid[-1])]
        return np.union1d(grid, np.concatenate([times, np.nextafter(times, -np.inf)]))

    def _rates(self, states: np.ndarray, here: Conditions) -> np.ndarray:
        rates = np.zeros_like(states)
        for term, own in zip(self.terms, self.slices, strict=True):
            if own.stop > own.start:
                rates[own] = np.stack(np.broadcast_arrays(*term.rates(tuple(states[own]), here)))
        return rates

    def _conditions(
        self, time: np.ndarray, states: np.ndarray, current: np.ndarray, pressed: float
    ) -> tuple[Conditions, np.ndarray, np.ndarray]:
        """What the terms see at an ionic current density, the total current density and the cell voltage."""
        voltage = current * self.resistance
        concentration = self.cell.concentration
        here = Conditions(time, current, voltage, concentration, concentration, pressed, self.numbers)
        for term, own in zip(self.terms, self.slices, strict=True):
            if hasattr(term, "overpotential"):
                voltage = voltage + np.asarray(term.overpotential(tuple(states[own]), here))
        here = here._replace(potential=voltage)
        total = current
        for term, own in zip(self.terms, self.slices, strict=True):
            if hasattr(term, "parallel_current"):
                total = total + np.asarray(term.parallel_current(tuple(states[own]), here))
        return here, total, voltage + total * self.cell.series_resistance

    def _solve(
        self, time: np.ndarray, states: np.ndarray, target: Any, potentiostatic: bool, pressed: float
    ) -> tuple[Conditions, np.ndarray, np.ndarray, np.ndarray]:
        """Conditions, total current density, cell voltage and whether the instrument's limit acts, at each time."""
        target = np.broadcast_to(np.asarray(target, dtype=float), time.shape)
        found = self._seek(time, states, target, np.full(time.shape, potentiostatic), pressed)
        size, bound = (found[1], self.limit_current) if potentiostatic else (found[2], self.limit_potential)
        limited = np.abs(size) > bound
        if limited.any():
            goal = np.where(limited, np.copysign(bound, size), target)
            found = self._seek(time, states, goal, limited ^ potentiostatic, pressed)
        return (*found, limited)

    def _seek(
        self, time: np.ndarray, states: np.ndarray, target: np.ndarray, by_potential: np.ndarray, pressed: float
    ) -> tuple[Conditions, np.ndarray, np.ndarray]:
        """The ionic current density at which the cell voltage, or the total current, is the target.

        Proportion first, which is exact for terms that are linear and then ends at once; secants after that.
        """
        current = np.where(target == 0, 0.0, target / np.where(by_potential, self.resistance, 1.0))
        before, missed_before = np.zeros_like(current), -target
        for _ in range(80):
            found = self._conditions(time, states, current, pressed)
            missed = np.where(by_potential, found[2], found[1]) - target
            open_ = np.abs(missed) > 1e-12 * np.abs(target)
            slope = missed - missed_before
            open_ &= (slope != 0) & (current != before)
            if not open_.any():
                if np.any(np.abs(missed) > 1e-6 * np.abs(target)):
                    break
                return found
            step = np.where(open_, missed * (current - before) / np.where(slope == 0, 1.0, slope), 0.0)
            before, missed_before, current = current, missed, current - step
        raise NotConvergedError(
            f"no current density gives the voltage or current asked for at {float(time[0]):.6g} s or soon after; a "
            "term's overpotential may fall with the current: check its parameters."
        )

    def _spectrum(self, scan: FrequencyScan) -> None:
        """The small-signal spectrum of the state at its begin, while the cell is held where the last step left it."""
        frequency, offsets = scan_frequencies(scan), scan_times(scan_frequencies(scan), Instrument())
        angular = 2j * np.pi * frequency
        bias = self.bias
        here, total, _, _ = self._solve(np.array([self.time]), self.state[:, None], bias, True, 1.0)
        impedance = np.full(frequency.size, self.resistance, dtype=complex)
        places = {
            "electrolyte": self.cell.thickness / self.cell.conductivity,
            "interface": self.cell.interface_resistance,
        }
        for arc in self.cell.relaxations:
            resistance = arc.share * places[arc.place]
            impedance += resistance / (1.0 + resistance * arc.admittance * angular**arc.exponent) - resistance
        admittance = np.zeros(frequency.size, dtype=complex)
        for term, place in zip(self.terms, self.slices, strict=True):
            own = tuple(self.state[place])
            if hasattr(term, "area_resistance"):
                resistance = term.area_resistance(own)
                impedance = impedance + resistance / (1.0 + angular * resistance * term.area_capacitance(own))
            if hasattr(term, "parallel_current"):
                admittance = admittance + term.parallel_current(own, here._replace(potential=np.ones(1)))
        impedance = 1.0 / (admittance + 1.0 / impedance) + self.cell.series_resistance
        begin = self.time
        flags = self._march(float(offsets[-1]), lambda since: bias + 0.0 * since, True, 1.0)[2]
        self.parts.append(
            Spectrum(
                frequency=frequency,
                impedance=impedance / self.cell.area,
                time=begin + offsets,
                protocol=scan,
                potential=bias,
                current=float(total[0]) * self.cell.area,
                amplitude=scan.amplitude,
                galvanostatic=scan.galvanostatic,
                synthetic=True,
                flags=tuple(flags),
            )
        )
        self.time = begin + float(offsets[-1])


def _finite(value: float, name: str) -> float:
    if not math.isfinite(value):
        raise InputError(f"the {name} is not given; the simulation needs it.")
    return value
