"""The binary cell moved in time: many sets of numbers at once through ramps, holds, currents and rests.

Within a step g is the parabola through its last three values, for which the modes are exact (exponential integrator of
third order). The profile at the end of the step is then affine in g, and ln[c'(1)/c'(0)] is the one unknown, so that a
face may empty over any number of decades. The step follows the distance of g (under a current, of the voltage) from the
parabola through its past.

The mesh of a march follows its tolerance and the shortest of its lines. Fails, by ending the march, where no wall
concentration carries the asked current.

Source of exponential integrators: M. Hochbruck, A. Ostermann, Acta Numer. 19 (2010) 209–286,
doi:10.1017/S0962492910000048.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from rampion.cell.binary import Grid, Numbers, grid_of, logarithms_of, shapes_at, voltage_of

_ITERATIONS = 40  # of Newton's method
_SETTLED = 1e-7  # of g: change at which Newton's method ends
NEAR = 0.2  # change of ln c'(0) and share of g, over the root of the tolerance, that is the last one needed
_EXACT = 1e-12  # of V F/RT: rounding
_LARGEST_MOVE = 2.0  # of ln c'(0) in one iteration
_LAYER = 1e-3  # thinnest layer resolved, in that which grows along a line, √(Dt): it grows within the first step
_THINNEST, _THICKEST = 20, 4  # in octaves of the thickness: 1e-6, and one that all modes see
_RESOLVED = 0.1  # of the time in which the thinnest layer grows: no step need be shorter
_STEPS = (1e-5, 1.5)  # the first, of a line, and the longest next one;
_ABSOLUTE_STEPS = (1e-3, 3.0)  # where errors are those of the largest current, and how a line begins is nothing
EARLY = 1e-3  # of a line: before, errors are not relative
_ROUNDING = 1e-12  # of a line: a shorter step has no digits left
_GAIN = 3.0  # error of the extrapolated parabola over half of that of J(V), as measured on random cells
_UNKNOWN = 0.3  # of the allowed error: the first two steps of a line, which have nothing to be compared with
_REPEATED = 1.5  # of the allowed error: a step beyond is made again
FLOOR = 0.01  # of the largest current density so far, below which errors are not relative
FLOOR_POTENTIAL = 2e-3  # V, as much for voltages
_SERIES = 0.6  # hλ below which the weights of a step come from their series
_COEFFICIENTS = tuple(2.0 / math.factorial(m + 3) for m in range(12))  # of that series, to rounding


class State(NamedTuple):
    """Where P cells stand at a time [s]: modes (P, K); g, the polarization ln[c'(1)/c'(0)], the cell voltage [V], and
    the charge ∫J dt [C/m²], (P,) each."""

    time: Any
    modes: np.ndarray
    flux: np.ndarray
    spread: np.ndarray
    potential: np.ndarray
    charge: np.ndarray


def at_rest(count: int, grid: Grid) -> State:
    """Uniform cells without current."""
    zero = np.zeros(count)
    return State(0.0, np.zeros((count, grid.times.size)), zero, zero, zero, zero)


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line of the controlled quantity: cell voltage [V], or current density [A/m²] when galvanostatic, one
    for all cells or one each, (P,)."""

    duration: float
    value: Any
    slope: Any = 0.0
    galvanostatic: bool = False


class Past(NamedTuple):
    """The last two steps [s] since the control's last corner, newest first (0: there was none), and before each of them
    g and the quantity that the control leaves free, (P,)."""

    lengths: tuple[Any, Any]
    fluxes: tuple[np.ndarray, np.ndarray]
    free: tuple[np.ndarray, np.ndarray]


class Step(NamedTuple):
    """An accepted step: its line, its length [s] (0 at a corner of the control), the states before and after it, the
    past that it starts from, and the coefficient of s(s - 1) in g(s) along it, s from 0 to 1, (P,)."""

    line: int
    length: Any
    before: State
    past: Past
    state: State
    bend: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class March:
    """The steps of a march, and whether it reached the end of its lines."""

    steps: tuple[Step, ...]
    complete: bool


def grid_for(numbers: Numbers, lines: Sequence[Line], tolerance: float) -> Grid:
    """A mesh that resolves what the shortest line does to any of the cells."""
    shortest = min((line.duration for line in lines if line.duration > 0.0), default=math.inf)
    layer = _LAYER * math.sqrt(shortest / float(numbers.diffusion_time.max()))
    octaves = math.ceil(-math.log2(layer)) if layer < 1.0 else 0
    return grid_of(min(max(octaves, _THICKEST), _THINNEST), tolerance)


def weights_of(z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """e^{-z} and ∫₀¹ e^{-z(1-s)} sⁿ ds for n = 0, 1, 2."""
    decay = np.exp(-z)
    safe = np.maximum(z, _SERIES)
    zeroth = (1.0 - np.exp(-safe)) / safe
    first = (1.0 - zeroth) / safe
    second = (1.0 - 2.0 * first) / safe
    small = z < _SERIES
    if small.any():
        near = z[small]
        last = np.full(near.shape, _COEFFICIENTS[-1])
        for one in _COEFFICIENTS[-2::-1]:  # 2 (-z)^m / (m + 3)!
            last *= -near
            last += one
        second[small] = last
        first[small] = then = 0.5 * (1.0 - near * last)
        zeroth[small] = 1.0 - near * then
    return decay, zeroth, first, second


class Stage(NamedTuple):
    """The end of a step as a function of g there: u = base + response g where the grid sees it, modes = modes +
    modes_response g, bend = bent + bends g."""

    base: np.ndarray
    response: np.ndarray
    modes: np.ndarray
    modes_response: np.ndarray
    bent: np.ndarray
    bends: np.ndarray


def march(
    numbers: Numbers,
    lines: Sequence[Line],
    tolerance: float = 1e-4,
    *,
    start: State | None = None,
    grid: Grid | None = None,
    floor: float = FLOOR,
) -> March:
    """March P cells through the same lines of control, in steps that all of them share.

    Parameters
    ----------
    tolerance : relative error of J(V), of V(t) under a current.
    start : where another march on the same grid ended; at rest by default.
    floor : share of the largest g so far below which an error of g is not relative.

    Returns
    -------
    March
        Ends early where no step can be made: no wall concentration carries the asked current.
    """
    grid = grid or grid_for(numbers, lines, tolerance)
    state = at_rest(numbers.diffusion_time.size, grid) if start is None else start
    first_step, growth = _STEPS if floor < 1.0 else _ABSOLUTE_STEPS
    near = NEAR * math.sqrt(tolerance)
    resolved = _RESOLVED * grid.layer**2 * float(numbers.diffusion_time.min())
    steps: list[Step] = []
    largest = np.zeros(state.flux.shape)
    for place, line in enumerate(lines):
        begun, end = state.time, state.time + line.duration
        first = _cornered(state, numbers, grid, line)
        if first is None:
            return March(tuple(steps), False)
        state, none = first.state, np.zeros(state.flux.shape)
        steps.append(first._replace(line=place))
        past = Past((0.0, 0.0), (none, none), (none, none))
        length = first_step * line.duration
        trend, turn = none, none  # of ln[c'(1)/c'(0)], first and second
        while end - state.time > _ROUNDING * line.duration:
            left = end - state.time
            length = left if length > left else 0.5 * left if length > 0.5 * left else length
            aim = line.value + line.slope * (state.time + length - begun)
            guess = state.spread + length * (trend + turn * (length + past.lengths[0]))
            made = end_of(state, numbers, grid, line.galvanostatic, aim, length, past, guess, near)
            early = 1.0 + EARLY * line.duration / (state.time + length - begun)
            error = math.inf if made is None else _error(made, line, early * tolerance, floor * largest)
            if made is None or (error > _REPEATED and length > resolved):
                shorter = length * round(max(0.3, 0.9 * error ** (-1.0 / 3.0)), 3)
                length = 0.25 * length if made is None else max(shorter, resolved)
                if length < _ROUNDING * line.duration:
                    return March(tuple(steps), False)
                continue
            steps.append(made._replace(line=place))
            past = Past((length, past.lengths[0]), (state.flux, past.fluxes[0]), (_free(state, line), past.free[0]))
            pace = (made.state.spread - state.spread) / length
            if past.lengths[1] > 0.0:
                turn = (pace - trend) / (length + past.lengths[1])
            trend = pace
            state = made.state
            largest = np.maximum(largest, np.abs(state.flux))
            factor = round(min(growth, max(0.4, 0.9 * (error + 1e-12) ** (-1.0 / 3.0))), 3)
            length *= factor if length * factor > resolved else max(factor, 1.0)
    return March(tuple(steps), True)


def profile_at(state: State, grid: Grid, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """c' (P, m) of a state at distances (m,) from either face, from 0 to ½."""
    u = state.modes @ shapes_at(grid, place)
    walls = [np.exp(one) for one in logarithms_of(state.spread)]
    least = 0.5 * np.minimum(*walls)[:, None]
    both = np.maximum(1.0 + u, least), np.maximum(1.0 - u, least)
    for profile, wall in zip(both, walls, strict=True):
        profile[:, place == 0.0] = wall[:, None]
    return both


def moved_to(state: State, old: Grid, new: Grid) -> State:
    """The state in the modes of another grid, by least squares where either of them bends."""
    place = np.concatenate([[0.0], np.geomspace(min(old.layer, new.layer) / 8.0, 0.5, 8 * new.times.size)])
    values = state.modes @ shapes_at(old, place)
    found = np.linalg.lstsq(shapes_at(new, place).T, values.T, rcond=None)[0]
    return state._replace(modes=found.T)


def _free(state: State, line: Line) -> np.ndarray:
    """What the control leaves free: g under a voltage, the voltage under a current."""
    return state.potential if line.galvanostatic else state.flux


def _error(made: Step, line: Line, tolerance: float, least: np.ndarray) -> float:
    """How far the free quantity lies from the parabola through its last three values, over what is allowed."""
    near, far = made.past.lengths
    if far == 0.0:
        return _UNKNOWN
    now, then = _free(made.before, line), _free(made.state, line)
    a, b, h = -(near + far), -near, made.length
    expected = (
        made.past.free[1] * (h - b) * h / ((a - b) * a)
        + made.past.free[0] * (h - a) * h / ((b - a) * b)
        + now * (h - a) * (h - b) / (a * b)
    )
    floor = FLOOR_POTENTIAL if line.galvanostatic else least + 1e-300
    return float(np.max(np.abs(then - expected) / (np.abs(then) + floor))) / (_GAIN * tolerance)


def end_of(
    state: State, numbers: Numbers, grid: Grid, galvanostatic: bool, aim: Any, length: Any, past: Past,
    guess: np.ndarray, near: float,
) -> Step | None:  # fmt: skip
    """The step of that length [s] to the controlled value ``aim`` [V] or [A/m²]; ``None`` where it cannot be made."""
    stage = stage_of(state, numbers, grid, length, past)
    if galvanostatic:
        flux = aim / numbers.current_scale
        face = stage.base[:, 0] + stage.response[:, 0] * flux
        if not (np.abs(face) < 1.0).all():
            return None
        spread = -2.0 * np.arctanh(face)
        seen = stage.base + stage.response * flux[:, None]
        potential = voltage_of(seen, flux, spread, numbers, grid)[0] * numbers.thermal_voltage
    else:
        found = _solved(stage, numbers, grid, aim / numbers.thermal_voltage, guess, near)
        if found is None:
            return None
        spread, flux = found
        potential = np.zeros(flux.shape) + aim
    bend = stage.bent + stage.bends * flux
    passed = length * numbers.current_scale * (0.5 * (state.flux + flux) - bend / 6.0)
    modes = stage.modes + stage.modes_response * flux[:, None]
    then = State(state.time + length, modes, flux, spread, potential, state.charge + passed)
    return Step(0, length, state, past, then, bend)


def _cornered(state: State, numbers: Numbers, grid: Grid, line: Line) -> Step | None:
    """The state at once after a corner of the control: the profile stays, g and the voltage follow."""
    flux, none = state.flux, np.zeros(state.flux.shape)
    past = Past((0.0, 0.0), (none, none), (none, none))
    seen = state.modes @ grid.seen
    if line.galvanostatic:
        flux = line.value / numbers.current_scale
        value = voltage_of(seen, flux, state.spread, numbers, grid)[0]
        then = state._replace(flux=flux, potential=value * numbers.thermal_voltage)
        return Step(0, 0.0, state, past, then, none)
    target = line.value / numbers.thermal_voltage
    for _ in range(_ITERATIONS):
        value, change = voltage_of(seen, flux, state.spread, numbers, grid, (0.0, 1.0, 0.0))
        move = (target - value) / change
        flux = flux + move
        if np.abs(move).max() <= _SETTLED * (1.0 + np.abs(flux).max()):
            then = state._replace(flux=flux, potential=none + line.value)
            return Step(0, 0.0, state, past, then, none)
    return None


def stage_of(state: State, numbers: Numbers, grid: Grid, length: Any, past: Past) -> Stage:
    """The end of a step [s]: g is the parabola through its last value, now and then (at first a straight line)."""
    now = state.flux
    z = (length / numbers.diffusion_time)[:, None] / grid.times
    decay, zeroth, first, second = weights_of(z)
    known = np.asarray(past.lengths[0]) > 0.0
    share = np.where(known, past.lengths[0] / length, 1.0)
    bent = np.where(known, (past.fluxes[0] - (1.0 + share) * now) / (share * (share + 1.0)), 0.0)
    bends = np.where(known, 1.0 / (share + 1.0), 0.0) + np.zeros(now.shape)
    fed, curve = z * grid.source, second - first
    modes = decay * state.modes - fed * ((zeroth - first) * now[:, None] + curve * bent[:, None])
    modes_response = -fed * (first + curve * bends[:, None])
    return Stage(modes @ grid.seen, modes_response @ grid.seen, modes, modes_response, bent, bends)


def _flux(stage: Stage, spread: np.ndarray) -> np.ndarray:
    """g with which the face is as empty as that."""
    return -(np.tanh(0.5 * spread) + stage.base[:, 0]) / stage.response[:, 0]


def _solved(
    stage: Stage, numbers: Numbers, grid: Grid, target: np.ndarray, guess: np.ndarray, near: float
) -> tuple[np.ndarray, np.ndarray] | None:
    """ln[c'(1)/c'(0)] and g at which V F/RT is ``target``: Newton's method; ``None`` where it does not settle."""
    spread = guess
    for _ in range(_ITERATIONS):
        flux, pace = _flux(stage, spread), -0.5 * np.exp(sum(logarithms_of(spread))) / stage.response[:, 0]
        seen = stage.base + stage.response * flux[:, None]
        moves = stage.response * pace[:, None], pace, 1.0
        value, slope = voltage_of(seen, flux, spread, numbers, grid, moves)
        move = np.clip((target - value) / slope, -_LARGEST_MOVE, _LARGEST_MOVE)
        spread = spread + move
        if not np.isfinite(spread).all():
            return None
        # Newton's method squares the error: a move so small is the last one needed
        small = (np.abs(move) < near) & (np.abs(pace * move) < near * np.abs(flux))
        if (small | (np.abs(target - value) < _EXACT)).all():
            return spread, _flux(stage, spread)
    return None


def flux_at(steps: Sequence[Step], time: np.ndarray) -> np.ndarray:
    """g (P, m) at moments (P, m), or (1, m) for all cells, by the parabolas of a march's steps; beyond the last one it
    stays."""
    inside = [step for step in steps if step.length > 0.0]
    if not inside:
        return np.zeros(time.shape)
    ends = np.array([step.state.time for step in inside])
    begun = np.array([step.before.time for step in inside])
    before, after, bend = (
        np.array(column) for column in zip(*((s.before.flux, s.state.flux, s.bend) for s in inside), strict=True)
    )
    k = np.minimum(np.searchsorted(ends, time), ends.size - 1)
    of = np.arange(before.shape[1])[:, None]
    s = np.clip((time - begun[k]) / (ends - begun)[k], 0.0, 1.0)
    return before[k, of] + s * (after[k, of] - before[k, of] + (s - 1.0) * bend[k, of])
