"""The binary cell moved in time: many sets of numbers at once through ramps, holds, currents and rests.

Within a step g is the parabola through its last three values, for which the modes are exact (exponential integrator of
third order). The profile at the end of the step is then affine in g, and ln[c'(1)/c'(0)] is the one unknown, so that a
face may empty over any number of decades. The step follows the distance of g (under a current, of the voltage) from the
parabola through its past.

Agrees with the semi-analytic reference cells within 2e-6 at a tolerance of 1e-6. Fails, by ending the march, where no
wall concentration carries the asked current.

Source of exponential integrators: M. Hochbruck, A. Ostermann, Acta Numer. 19 (2010) 209–286,
doi:10.1017/S0962492910000048.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from rampion.cell.binary import MODES, PER_LAYER, Grid, Numbers, grid_of, profile_of, voltage_of

_ITERATIONS = 40  # of Newton's method
_SETTLED = 1e-7  # of g: change at which Newton's method ends
_NEAR = 1e-4  # change of ln c'(0) after which the next one is below rounding of the tolerances kept
_FINE = 1e-4  # tolerance: a coarser march
_NEAR_SHARE = 0.2  # takes a change below this, over the root of its tolerance, for the last one needed,
_COARSE, _COARSE_FIRST = 100.0, 1e-2  # and begins with steps so much longer, of a line so long a share at most
_LARGEST_MOVE = 2.0  # of ln c'(0) in one iteration
_SHORTEST = 0.1  # of the fastest mode's time: a first step that no mode resolves
_FIRST_STEP = 1e-3  # of a line, at a tolerance of 1e-4
_ROUNDING = 1e-9  # of a line: a shorter step has no digits left
_GAIN = 10.0  # error of the extrapolated parabola over that of the step, as measured on the reference cells
_UNKNOWN = 0.3  # of the allowed error: the first two steps of a line, which have nothing to be compared with
_REPEATED = 1.5  # of the allowed error: a step beyond is made again
_FLOOR_FLUX = 0.02  # of g: 1 % of the limiting current, below which errors are not relative
_FLOOR_POTENTIAL = 2e-3  # V, as much for voltages
_GROWTH = 3.0  # of a step, at most
_SERIES = 0.6  # hλ below which the weights of a step come from their series
_COEFFICIENTS = tuple(2.0 / math.factorial(m + 3) for m in range(12))  # of that series, to rounding


class State(NamedTuple):
    """Where P cells stand at a time [s]: modes (P, K); g, the dg/dθ that the modes beyond the last lag behind, the
    polarization ln[c'(1)/c'(0)], the cell voltage [V], and the charge ∫J dt [C/m²], (P,) each."""

    time: Any
    modes: np.ndarray
    flux: np.ndarray
    lag: np.ndarray
    spread: np.ndarray
    potential: np.ndarray
    charge: np.ndarray


def at_rest(count: int, grid: Grid) -> State:
    """Uniform cells without current."""
    zero = np.zeros(count)
    return State(0.0, np.zeros((count, grid.rates.size)), zero, zero, zero, zero, zero)


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line of the controlled quantity: cell voltage [V], or current density [A/m²] when galvanostatic."""

    duration: float
    value: float
    slope: float = 0.0
    galvanostatic: bool = False


class Past(NamedTuple):
    """The last two steps [s] since the control's last corner, newest first (0: there was none), and before each of them
    g and the quantity that the control leaves free, (P,); and dg/dt now [1/s]."""

    lengths: tuple[Any, Any]
    fluxes: tuple[np.ndarray, np.ndarray]
    free: tuple[np.ndarray, np.ndarray]
    slope: np.ndarray


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


def grid_for(numbers: Numbers, lines: Sequence[Line]) -> Grid:
    """A mesh with as many modes as the fastest ramp needs."""
    steepest = max((abs(line.slope) for line in lines if not line.galvanostatic), default=0.0)
    scan = float(np.max(steepest * numbers.diffusion_time / numbers.thermal_voltage))
    return grid_of(min(max(MODES[0], 32 * math.ceil(math.sqrt(PER_LAYER * scan) / (64.0 * math.pi))), MODES[1]))


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
    """The end of a step as a function of g there: c'(ξ) = base + response g, modes = modes + modes_response g,
    bend = bent + bends g; and the lag there."""

    base: np.ndarray
    response: np.ndarray
    modes: np.ndarray
    modes_response: np.ndarray
    lag: np.ndarray
    bent: np.ndarray
    bends: np.ndarray


def march(
    numbers: Numbers,
    lines: Sequence[Line],
    tolerance: float = 1e-4,
    *,
    start: State | None = None,
    grid: Grid | None = None,
    floor: float = 0.0,
) -> March:
    """March P cells through the same lines of control, in steps that all of them share.

    Parameters
    ----------
    tolerance : relative error of J(V), of V(t) under a current.
    start : where another march ended; at rest by default.
    floor : share of the largest g so far below which an error of g is not relative.

    Returns
    -------
    March
        Ends early where no step can be made: no wall concentration carries the asked current.
    """
    grid = grid or grid_for(numbers, lines)
    state = at_rest(numbers.diffusion_time.size, grid) if start is None else with_modes(start, grid)
    shortest = _SHORTEST * float(numbers.diffusion_time.min()) / float(grid.rates[-1])
    first_step = _FIRST_STEP * math.sqrt(min(tolerance / 1e-4, 1.0))  # straight lines in time: of second order
    near = _NEAR
    if tolerance > _FINE:
        near, shortest, first_step = _NEAR_SHARE * math.sqrt(tolerance), _COARSE * shortest, _COARSE_FIRST
    steps: list[Step] = []
    largest = np.zeros(state.flux.shape)
    for place, line in enumerate(lines):
        begun, end = state.time, state.time + line.duration
        first = _cornered(state, numbers, grid, line)
        if first is None:
            return March(tuple(steps), False)
        state, none = first.state, np.zeros(state.flux.shape)
        steps.append(first._replace(line=place))
        past = Past((0.0, 0.0), (none, none), (none, none), none)
        length = min(first_step * line.duration, max(shortest, _ROUNDING * line.duration))
        trend, turn = none, none  # of ln[c'(1)/c'(0)], first and second
        while end - state.time > _ROUNDING * 1e-3 * line.duration:
            left = end - state.time
            length = left if length > left else 0.5 * left if length > 0.5 * left else length
            aim = line.value + line.slope * (state.time + length - begun)
            guess = state.spread + length * (trend + turn * (length + past.lengths[0]))
            made = end_of(state, numbers, grid, line.galvanostatic, aim, length, past, guess, near)
            error = math.inf if made is None else _error(made, line, tolerance, floor * largest)
            if made is None or error > _REPEATED:
                length *= 0.25 if made is None else round(max(0.3, 0.9 * error ** (-1.0 / 3.0)), 3)
                if length < _ROUNDING * min(shortest, line.duration):
                    return March(tuple(steps), False)
                continue
            steps.append(made._replace(line=place))
            slope = (made.state.flux - state.flux + made.bend) / length
            past = Past(
                (length, past.lengths[0]), (state.flux, past.fluxes[0]), (_free(state, line), past.free[0]), slope
            )
            pace = (made.state.spread - state.spread) / length
            if past.lengths[1] > 0.0:
                turn = (pace - trend) / (length + past.lengths[1])
            trend = pace
            state = made.state
            largest = np.maximum(largest, np.abs(state.flux))
            length *= round(min(_GROWTH, max(0.4, 0.9 * (error + 1e-12) ** (-1.0 / 3.0))), 3)
    return March(tuple(steps), True)


def profile_at(state: State, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """c' (P, n) of a state, from either face to the middle."""
    near, far = np.split(_profile(state, grid), 2)
    return near, far


def _profile(state: State, grid: Grid) -> np.ndarray:
    fast = state.flux[:, None] * grid.per_flux + state.lag[:, None] * grid.per_change
    return profile_of(1.0 + state.modes @ grid.cosines + fast, state.spread)


def with_modes(state: State, grid: Grid) -> State:
    """The state on a grid with another number of modes; those that are new follow the flux at once."""
    known = state.modes[:, : grid.rates.size]
    followed = -2.0 * state.flux[:, None] / grid.rates[known.shape[1] :]
    return state._replace(modes=np.concatenate([known, followed], axis=1), lag=np.zeros(state.flux.shape))


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
    floor = _FLOOR_POTENTIAL if line.galvanostatic else np.maximum(_FLOOR_FLUX, least)
    return float(np.max(np.abs(then - expected) / (np.abs(then) + floor))) / (_GAIN * tolerance)


def end_of(
    state: State, numbers: Numbers, grid: Grid, galvanostatic: bool, aim: Any, length: Any, past: Past,
    guess: np.ndarray, near: float = _NEAR,
) -> Step | None:  # fmt: skip
    """The step of that length [s] to the controlled value ``aim`` [V] or [A/m²]; ``None`` where it cannot be made."""
    stage = stage_of(state, numbers, grid, length, past)
    if galvanostatic:
        flux = aim / numbers.current_scale
        wall = stage.base[:, 0] + stage.response[:, 0] * flux
        if not ((wall > 0.0) & (wall < 2.0)).all():
            return None
        spread = np.log((2.0 - wall) / wall)
        potential = _voltage(stage, numbers, grid, spread)[0] * numbers.thermal_voltage
    else:
        found = _solved(stage, numbers, grid, aim / numbers.thermal_voltage, guess, near)
        if found is None:
            return None
        spread, flux = found
        potential = np.zeros(flux.shape) + aim
    bend = stage.bent + stage.bends * flux
    passed = length * numbers.current_scale * (0.5 * (state.flux + flux) - bend / 6.0)
    modes = stage.modes + stage.modes_response * flux[:, None]
    then = State(state.time + length, modes, flux, stage.lag, spread, potential, state.charge + passed)
    return Step(0, length, state, past, then, bend)


def _cornered(state: State, numbers: Numbers, grid: Grid, line: Line) -> Step | None:
    """The state at once after a corner of the control: the profile stays, g and the voltage follow."""
    flux, none = state.flux, np.zeros(state.flux.shape)
    past = Past((0.0, 0.0), (none, none), (none, none), none)
    profile = _profile(state, grid)
    if line.galvanostatic:
        flux = line.value / numbers.current_scale
        value = voltage_of(profile, flux, state.spread, numbers, grid)[0]
        then = state._replace(flux=flux, potential=value * numbers.thermal_voltage)
        return Step(0, 0.0, state, past, then, none)
    target = line.value / numbers.thermal_voltage
    still = np.zeros((flux.size, grid.place.size))
    for _ in range(_ITERATIONS):
        value, change = voltage_of(profile, flux, state.spread, numbers, grid, (still, np.ones(flux.shape)))
        move = (target - value) / (change - numbers.polarization)
        flux = flux + move
        if np.abs(move).max() <= _SETTLED * (1.0 + np.abs(flux).max()):
            then = state._replace(flux=flux, potential=np.full(flux.shape, float(line.value)))
            return Step(0, 0.0, state, past, then, none)
    return None


def stage_of(state: State, numbers: Numbers, grid: Grid, length: Any, past: Past) -> Stage:
    """The end of a step [s]: g is the parabola through its last value, now and then (at first a straight line)."""
    now = state.flux
    theta = (length / numbers.diffusion_time)[:, None]
    decay, zeroth, first, second = weights_of(theta * grid.rates)
    known = np.asarray(past.lengths[0]) > 0.0
    share = np.where(known, past.lengths[0] / length, 1.0)
    bent = np.where(known, (past.fluxes[0] - (1.0 + share) * now) / (share * (share + 1.0)), 0.0)
    bends = np.where(known, 1.0 / (share + 1.0), 0.0) + np.zeros(now.shape)
    curve = second - first
    modes = decay * state.modes - 2.0 * theta * ((zeroth - first) * now[:, None] + curve * bent[:, None])
    modes_response = -2.0 * theta * (first + curve * bends[:, None])
    pace = past.slope * numbers.diffusion_time
    lag = pace + (state.lag - pace) * decay[:, -1]
    base = 1.0 + modes @ grid.cosines + lag[:, None] * grid.per_change
    return Stage(base, grid.per_flux + modes_response @ grid.cosines, modes, modes_response, lag, bent, bends)


def _voltage(
    stage: Stage, numbers: Numbers, grid: Grid, spread: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """V F/RT, its change with ln[c'(1)/c'(0)] = ``spread``, and g, (P,) each."""
    wall, other = 2.0 / (1.0 + np.exp(spread)), 2.0 / (1.0 + np.exp(-spread))
    flux = (wall - stage.base[:, 0]) / stage.response[:, 0]
    profile = profile_of(stage.base + stage.response * flux[:, None], spread)
    flux_move = -0.5 * wall * other / stage.response[:, 0]
    value, change = voltage_of(profile, flux, spread, numbers, grid, (stage.response * flux_move[:, None], flux_move))
    return value, change, flux


def _solved(
    stage: Stage, numbers: Numbers, grid: Grid, target: np.ndarray, guess: np.ndarray, near: float
) -> tuple[np.ndarray, np.ndarray] | None:
    """ln[c'(1)/c'(0)] and g at which V F/RT is ``target``: Newton's method; ``None`` where it does not settle."""
    spread = guess
    for _ in range(_ITERATIONS):
        value, slope, _ = _voltage(stage, numbers, grid, spread)
        move = np.clip((target - value) / slope, -_LARGEST_MOVE, _LARGEST_MOVE)
        spread = spread + move
        if not np.isfinite(spread).all():
            return None
        if np.abs(move).max() < near:  # Newton's method squares the error: this move was the last one needed
            wall = 2.0 / (1.0 + np.exp(spread))
            return spread, (wall - stage.base[:, 0]) / stage.response[:, 0]
    return None
