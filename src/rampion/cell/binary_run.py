"""Runs of the plain binary cell on its numpy core: protocols to the record of a simulation.

A cell is plain when its D, t₊ and Γ are constants, its faces have no capacitance and nothing happens at them besides
resistance and charge transfer. Between the steps of the march the record is filled in from its own parabolas, densely
enough that straight lines between its points keep the tolerance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from types import MappingProxyType

import numpy as np

from rampion.cell.binary import Grid, Numbers, numbers_of
from rampion.cell.binary_march import (
    EARLY,
    FLOOR,
    FLOOR_POTENTIAL,
    NEAR,
    Line,
    March,
    Past,
    State,
    Step,
    at_rest,
    end_of,
    grid_for,
    march,
    moved_to,
    profile_at,
)
from rampion.cell.parameters import Cell, chemical_diffusivity, limiting_current_density
from rampion.cell.protocols import Segment, Stop
from rampion.cell.simulation import Accuracy, CellFlag, Simulation, traces_of
from rampion.estimate import Flag
from rampion.measurement import Protocol

_JUMP = 1e-6  # V, or of g: less is the rounding of the march
_CHORD = 0.3  # of the tolerance is left to straight lines, the rest to the march
_COARSER = 3.0  # tolerance of the march that tells the error, in the asked one: errors go with the tolerance
_MOST = 40  # points that fill one step, or what is left of it
_ROUNDS = 4
_SHOWN = np.concatenate([[0.0], np.geomspace(1e-6, 0.5, 48)])  # places of the profiles, from either face


def is_plain(cell: Cell, parts: Sequence[Segment] = (), stop: Stop | None = None) -> bool:
    """Whether the numpy core covers this cell and what is done to it."""
    plain_cell = (
        cell.closure is None and not cell.terms and cell.interface_capacitance == 0.0 and cell.reference is None
    )  # fmt: skip
    return (
        plain_cell and cell.transference > 0.0 and stop in (None, Stop()) and all(part.scan is None for part in parts)
    )


def cell_numbers(cell: Cell) -> Numbers:
    """The numbers of one plain cell."""
    return numbers_of(
        thickness=cell.thickness, conductivity=cell.conductivity, concentration=cell.concentration,
        transference=cell.transference, diffusivity=chemical_diffusivity(cell), temperature=cell.temperature,
        thermodynamic_factor=cell.thermodynamic_factor,
        series_resistance=cell.series_resistance + cell.interface_resistance, exchange_current=cell.exchange_current,
        proportional=cell.conduction == "proportional",
    )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Final:
    """Where a run ended, and the grid whose modes its state is written in."""

    state: State
    grid: Grid


@dataclass(frozen=True, slots=True, eq=False)
class _Record:
    """Columns (n,) of a run and the profiles c/c₀ (n, nodes) from the plating to the stripping face."""

    time: np.ndarray
    potential: np.ndarray
    current: np.ndarray
    charge: np.ndarray
    near: np.ndarray
    far: np.ndarray
    profile: np.ndarray
    line: np.ndarray


def run_plain(
    cell: Cell, protocols: tuple[Protocol, ...], parts: Sequence[Segment], accuracy: Accuracy, start: Final | None
) -> Simulation:
    """The run of a plain cell from rest, or from where another one ended."""
    numbers = cell_numbers(cell)
    lines = [Line(part.duration, part.value, part.slope, part.galvanostatic) for part in parts]
    grid = grid_for(numbers, lines, accuracy.tolerance)
    begun = at_rest(1, grid) if start is None else moved_to(start.state, start.grid, grid)
    made = march(numbers, lines, accuracy.tolerance, start=begun, grid=grid)
    record = _filled(made, numbers, lines, accuracy.tolerance, grid)
    part = np.array([parts[line].part for line in record.line], dtype=int)
    if made.complete:
        error = _estimated_error(record, numbers, lines, accuracy.tolerance, start)
        missed = error > accuracy.tolerance
        flags = (CellFlag.INACCURATE.flag(error=error, tolerance=accuracy.tolerance),) if missed else ()
    else:
        flags = (_ending(record, cell, parts),)
    nan = np.full(record.time.size, math.nan)
    near, far = cell.concentration * record.near, cell.concentration * record.far
    arrays = {
        "time": record.time, "potential": record.potential, "current_density": record.current,
        "ionic_current_density": record.current, "charge": record.charge, "surface_concentration": near,
        "counter_concentration": far, "working_potential": nan,
    }  # fmt: skip
    final = Final(made.steps[-1].state if made.steps else begun, grid)
    return Simulation(
        cell=cell, protocols=protocols, part=part, segment=record.line, **arrays, states=MappingProxyType({}),
        position=cell.thickness * np.concatenate([_SHOWN, 1.0 - _SHOWN[-2::-1]]),
        concentration=cell.concentration * record.profile, limiting_current_density=limiting_current_density(cell),
        traces=traces_of(cell, protocols, arrays, part, flags), spectra=(), flags=flags, accuracy=accuracy, final=final,
    )  # fmt: skip


def _estimated_error(
    record: _Record, numbers: Numbers, lines: Sequence[Line], tolerance: float, start: Final | None
) -> float:
    """The largest relative error of J(V), of V(t) under a current, from a march of a coarser tolerance on its mesh."""
    grid = grid_for(numbers, lines, _COARSER * tolerance)
    begun = at_rest(1, grid) if start is None else moved_to(start.state, start.grid, grid)
    steps = march(numbers, lines, _COARSER * tolerance, start=begun, grid=grid).steps
    worst = 0.0
    for index, line in enumerate(lines):
        here, ends = record.line == index, [step for step in steps if step.line == index and step.length > 0.0]
        if not (here.any() and ends):
            continue
        time = np.array([step.state.time for step in ends])
        if line.galvanostatic:
            free, least = record.potential[here], FLOOR_POTENTIAL
            coarse = np.array([step.state.potential[0] for step in ends])
        else:
            free = record.current[here]
            coarse = np.array([step.state.flux[0] for step in ends]) * numbers.current_scale[0]
            least = FLOOR * np.abs(record.current[: np.flatnonzero(here)[-1] + 1]).max() + 1e-300
        fine = np.interp(time, record.time[here], free)
        early = 1.0 + EARLY * line.duration / (time - ends[0].before.time)
        worst = max(worst, float(np.max(np.abs(coarse - fine) / ((np.abs(fine) + least) * early))))
    return worst / (_COARSER - 1.0)


def _ending(record: _Record, cell: Cell, parts: Sequence[Segment]) -> Flag:
    time = float(record.time[-1]) if record.time.size else 0.0
    line = int(record.line[-1]) if record.line.size else 0
    current = float(record.current[-1]) if record.current.size else parts[0].value
    if parts[line].galvanostatic:
        return CellFlag.DEPLETED.flag(time=time, current=current)
    return CellFlag.MARCH_FAILED.flag(
        time=time, potential=float(record.potential[-1]), current=current,
        concentration=float(cell.concentration * record.near[-1]), smallest=0.0,
    )  # fmt: skip


def _filled(made: March, numbers: Numbers, lines: Sequence[Line], tolerance: float, grid: Grid) -> _Record:
    """The steps of one cell, and the points between them that straight lines need.

    A point inside a step is the end of a shorter step from the same state.
    """
    rows: list[_Record] = []
    for galvanostatic in (False, True):
        steps = [step for step in made.steps if step.length > 0.0 and lines[step.line].galvanostatic is galvanostatic]
        if steps:
            rows.append(_inside(steps, numbers, galvanostatic, tolerance, grid))
    corners = [step for step in made.steps if step.length == 0.0 and _jumps(step)]
    if corners:
        states = [step.state for step in corners]
        stacked = _stacked(states)
        near, far = profile_at(stacked, grid, _SHOWN)
        rows.append(_rows(stacked, np.array([step.line for step in corners]), near, far, numbers))
    if not rows:
        zero = np.zeros(0)
        return _Record(zero, zero, zero, zero, zero, zero, np.zeros((0, 2 * _SHOWN.size - 1)), np.zeros(0, int))
    whole = _Record(*(np.concatenate([getattr(row, f.name) for row in rows]) for f in fields(_Record)))
    order = np.lexsort((whole.time, whole.line))
    return _Record(*(getattr(whole, f.name)[order] for f in fields(_Record)))


def _jumps(corner: Step) -> bool:
    before, after = corner.before, corner.state
    moved = max(abs(float(after.potential[0] - before.potential[0])), abs(float(after.flux[0] - before.flux[0])))
    return moved > _JUMP


def _stacked(states: Sequence[State]) -> State:
    """The states of one cell at several times as one of several cells."""
    columns = (np.array([getattr(state, name)[0] for state in states]) for name in State._fields[1:])
    return State(np.array([state.time for state in states]), *columns)


def _stacked_past(pasts: Sequence[Past]) -> Past:
    """The same of what the steps start from."""

    def both(name: str) -> tuple[np.ndarray, np.ndarray]:
        values = [getattr(past, name) for past in pasts]
        return (np.array([np.ravel(one)[0] for one, _ in values]), np.array([np.ravel(two)[0] for _, two in values]))

    return Past(both("lengths"), both("fluxes"), both("free"))


def _rows(state: State, line: np.ndarray, near: np.ndarray, far: np.ndarray, numbers: Numbers) -> _Record:
    return _Record(
        time=np.asarray(state.time), potential=state.potential, current=state.flux * numbers.current_scale,
        charge=state.charge, near=near[:, 0], far=far[:, 0], profile=np.concatenate([near, far[:, -2::-1]], axis=1),
        line=line,
    )  # fmt: skip


def _inside(steps: Sequence[Step], numbers: Numbers, galvanostatic: bool, tolerance: float, grid: Grid) -> _Record:
    before, after = _stacked([step.before for step in steps]), _stacked([step.state for step in steps])
    length = np.array([step.length for step in steps])
    past, near = _stacked_past([step.past for step in steps]), NEAR * math.sqrt(tolerance)

    def at(which: np.ndarray, share: np.ndarray) -> State | None:
        """The states at shares of steps."""
        start, then = (State(*(column[which] for column in state)) for state in (before, after))
        past_of = Past(
            (past.lengths[0][which], past.lengths[1][which]), (past.fluxes[0][which], past.fluxes[1][which]),
            (past.free[0][which], past.free[1][which]),
        )  # fmt: skip
        low, high = (
            one.flux * numbers.current_scale if galvanostatic else one.potential for one in (start, then)
        )  # fmt: skip
        guess = start.spread + share * (then.spread - start.spread)
        aim = low + share * (high - low)
        made = end_of(start, numbers, grid, galvanostatic, aim, share * length[which], past_of, guess, near)
        return None if made is None else made.state

    def free(state: State) -> np.ndarray:
        return state.potential if galvanostatic else state.flux

    every, zero = np.arange(length.size), np.zeros(length.size)
    points, of_step = [after], [every]
    # intervals of steps, from one share to another: those on which a straight line is too far off are divided
    which, low, high, value, then = every, zero, zero + 1.0, free(before), free(after)
    least = FLOOR * np.maximum.accumulate(np.abs(then)) + 1e-300
    for _ in range(_ROUNDS):
        middle = at(which, 0.5 * (low + high))
        if middle is None:  # the steps alone
            break
        size = np.minimum(np.abs(value), np.abs(then)) + least[which]
        off = np.abs(free(middle) - 0.5 * (value + then)) / (_CHORD * tolerance * size)
        count = np.minimum(np.maximum(np.ceil(np.sqrt(off)), 1.0), _MOST).astype(int)
        of = np.repeat(np.arange(which.size), np.where(count > 1, count, 0))
        if not of.size:
            break
        first, last = np.diff(of, prepend=-1) > 0, np.diff(of, append=which.size) > 0
        turn = np.arange(of.size) - np.flatnonzero(first)[np.cumsum(first) - 1]
        width = (high - low)[of] / count[of]
        begun, done = low[of] + turn * width, low[of] + (turn + 1) * width
        inner = at(which[of][~last], done[~last])
        if inner is None:
            break
        points.append(inner)
        of_step.append(which[of][~last])
        starts, stops = value[of], then[of]
        starts[~first] = stops[~last] = free(inner)
        which, low, high, value, then = which[of], begun, done, starts, stops
    found = State(*(np.concatenate(columns) for columns in zip(*points, strict=True)))
    line = np.array([step.line for step in steps])[np.concatenate(of_step)]
    return _rows(found, line, *profile_at(found, grid, _SHOWN), numbers)
