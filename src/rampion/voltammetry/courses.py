"""What a cell would answer to what was imposed on it: the courses that a record is held against.

*Ohmic* I = G V.  *Cell*: the polarising binary cell (:mod:`rampion.cell.binary`), taken through the measured voltage or
current; its shape depends on the diffusion time τ = L²/D, the transference number t₊ and the share r of the resistance
in series with the ceramic.  *Contact*: electrode contact that is used up by the charge passed (θ: share left, s: share
of the contact in the resistance at rest, Q: charge that uses it up),

    I = G V / (1 - s + s/θ) ,   (1 - s)(1 - θ) - s ln θ = q ,   q = G∫V dt/Q .

All are S(t) with I = G S + I₀; S is the voltage at rest.

Under an imposed current the voltage answers, V = a S + V₀: the current is counted as the voltage U = I R that it needs
at rest, R from the start of the record, so that S is a voltage again and a about 1. Then θ = 1 - q with q = ∫U dt/Q;
*forming* contact is the same with θ = 1 + q: the voltage falls, ever more slowly.

*Limit of its own*: a layer in series that carries no more than a current of its own, whatever was before,

    I = G V / [1 + (V/V₁)ᵐ]^(1/m) ,

only under a voltage.

Assumes rest before the first point.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from rampion.cell.binary import Numbers, grid_of, numbers_of
from rampion.cell.binary_current import potential_under
from rampion.cell.binary_march import Line, flux_at, march
from rampion.quantities import FARADAY, GAS_CONSTANT

OCTAVES = 12  # of the thickness: the thinnest layer resolved, the same throughout a fit
_LOOK = 1e-2  # relative tolerance of the march while courses are compared
CLOSE = 1e-3  # while one is fitted
_STEP = 0.02  # of the usual line: a shorter one is a step
_FLOOR = 1.0  # of the largest current: below it errors are not relative
SCANS = tuple(float(w) for w in np.geomspace(2.0, 5000.0, 9))  # W = τ (dV/dt)/(RT/F) of the courses compared
TRANSFERENCES = (0.4, 0.75, 0.92)
SERIES_SHARES = (0.05, 0.5)
KNEES = tuple(float(x) for x in np.geomspace(0.03, 3.0, 7))  # V₁ over the largest voltage, of the courses compared
SHARPNESS = (1.0, 2.0, 4.0)  # m of the courses compared
CONTACT_SHARES = (0.01, 0.1, 0.4)
CHARGES = tuple(float(q) for q in np.geomspace(1.05, 40.0, 16))  # q at the end of the record, of the courses compared
CHARGES_UNDER_CURRENT = tuple(float(q) for q in np.geomspace(0.5, 1.5, 16))  # likewise: beyond 1 the record outlives it
_DEEPEST = 60.0  # of -ln θ: nothing is left


class Family(StrEnum):
    """What limits the current of a course."""

    OHMIC = "ohmic"
    CELL = "polarisation"
    CONTACT = "contact used up"
    FORMING = "contact forming"
    LAYER = "interlayer's own limit"


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """What was imposed, as lines: the voltage, or the current as the voltage that it needs at rest [V].

    The moments (n,) [s] from the first at which the answer is wanted, what was imposed (n,) [V] and its integral (n,)
    [V·s] there, the place of its line (n,), RT/F [V], and the rate [V/s] that W is counted with. A current is imposed
    in the direction (n,), ±1, and its size is given.
    """

    lines: tuple[Line, ...]
    time: Float[np.ndarray, " n"]
    imposed: Float[np.ndarray, " n"]
    passed: Float[np.ndarray, " n"]
    direction: Float[np.ndarray, " n"]
    line: Int[np.ndarray, " n"]
    thermal_voltage: float
    rate: float

    @property
    def galvanostatic(self) -> bool:
        """Whether a current was imposed, so that the voltage answers."""
        return self.lines[0].galvanostatic

    def first(self, count: int) -> History:
        """The history with its first moments only."""
        return replace(
            self, time=self.time[:count], imposed=self.imposed[:count], passed=self.passed[:count],
            direction=self.direction[:count], line=self.line[:count],
        )  # fmt: skip


def history_of(lines: Sequence[Line], time: Float[np.ndarray, " n"], temperature: float) -> History:
    """The history of a record whose first point is at the beginning of its lines."""
    under_current = lines[0].galvanostatic  # levels, which jump
    lines = list(lines) if under_current else _with_jumps(lines)
    ends = np.concatenate([[0.0], np.cumsum([line.duration for line in lines])])
    begun = np.array([line.value for line in lines])
    slope = np.array([line.slope for line in lines])
    passed = np.concatenate([[0.0], np.cumsum((begun + 0.5 * slope * np.diff(ends)) * np.diff(ends))])
    k = np.clip(np.searchsorted(ends, time, side="right") - 1, 0, len(lines) - 1)
    since = time - ends[k]
    flux = passed[k] + begun[k] * since + 0.5 * slope[k] * since**2
    # the rate of the sweep: rests and jumps back to it do not count, only what goes beyond all before
    ended = begun + slope * np.diff(ends)
    highest = np.maximum.accumulate(np.concatenate([[begun[0]], np.maximum(begun, ended)]))
    fresh = np.diff(highest) / np.maximum(np.abs(ended - begun), 1e-300)
    rate = float(highest[-1] - highest[0]) / max(float(np.minimum(fresh, 1.0) @ np.diff(ends)), 1e-300) or 1e-9
    imposed, direction = begun[k] + slope[k] * since, np.ones(time.size)
    if under_current:
        direction = np.where(imposed < 0.0, -1.0, 1.0)
        imposed, rate = np.abs(imposed), float(np.max(np.abs(begun))) / float(ends[-1])
    return History(tuple(lines), time, imposed, flux, direction, k, GAS_CONSTANT * temperature / FARADAY, rate)


def _with_jumps(lines: Sequence[Line]) -> list[Line]:
    """The lines, those that are steps beside the others left out: their time goes to their neighbours, in halves."""
    durations = np.array([line.duration for line in lines])
    usual = float(durations @ durations) / float(np.sum(durations))
    kept = [k for k in range(durations.size) if durations[k] > _STEP * usual]
    ends = np.concatenate([[0.0], np.cumsum(durations)])
    # two kept lines meet in the middle of the steps between them
    meet = [0.0, *(0.5 * (ends[k + 1] + ends[m]) for k, m in itertools.pairwise(kept)), float(ends[-1])]
    return [
        Line(float(end - begun), lines[k].value + lines[k].slope * float(begun - ends[k]), lines[k].slope)
        for k, begun, end in zip(kept, meet[:-1], meet[1:], strict=True)
    ]


def cell_courses(
    history: History, scan: np.ndarray, transference: np.ndarray, share: np.ndarray, tolerance: float = CLOSE
) -> Float[np.ndarray, "p n"]:
    """S(t) [V] of polarising cells of scan numbers W, transference numbers and shares of the series resistance.

    NaN after the moment at which a march ended, or at which no wall concentration carries the current.
    """
    numbers, grid = cell_numbers(history, scan, transference, share), grid_of(OCTAVES, tolerance)
    if history.galvanostatic:
        return history.direction * potential_under(numbers, history.lines, history.time, grid)
    made = march(numbers, history.lines, tolerance, grid=grid, floor=_FLOOR)
    flux = flux_at(made.steps, history.time[None, :])
    ended = max((step.state.time for step in made.steps), default=0.0)
    return np.where(history.time > ended * (1.0 + 1e-9), math.nan, flux * numbers.current_scale[:, None])


def cell_numbers(history: History, scan: np.ndarray, transference: np.ndarray, share: np.ndarray) -> Numbers:
    """Cells of unit thickness and unit resistance at rest, of these scan and transference numbers and series shares."""
    thermal = history.thermal_voltage
    kelvin = thermal * FARADAY / GAS_CONSTANT
    tau = scan * thermal / history.rate
    # what a face adds at rest counts to the ceramic's part
    at_rest = 1.0 - share
    diffusivity = 1.0 / tau
    # R = L/σ + 2(1 - t₊)² RT τ/(F² c₀ L) … at rest, before anything diffuses, is L/σ alone
    sigma = 1.0 / at_rest
    # D = 2 t₊ (1 - t₊) RT σ/(F² c₀) of the binary electrolyte ties c₀ to σ and D
    concentration = (
        2.0 * transference * (1.0 - transference) * GAS_CONSTANT * kelvin * sigma / (FARADAY**2 * diffusivity)
    )
    return numbers_of(
        thickness=1.0, conductivity=sigma, concentration=concentration, transference=transference,
        diffusivity=diffusivity, temperature=kelvin, series_resistance=np.asarray(share),  # type: ignore[arg-type]
    )  # fmt: skip


def contact_courses(history: History, share: np.ndarray, charge: np.ndarray) -> Float[np.ndarray, "p n"]:
    """S(t) [V] of cells whose contact is used up: shares s (P,) and q at the end of the record (P,), negative where
    contact forms. NaN where nothing is left and a current was imposed."""
    end = float(np.max(np.abs(history.passed))) or 1.0
    q = np.maximum(history.passed / end, 0.0)[None, :] * charge[:, None]
    s = share[:, None]
    if history.galvanostatic:
        with np.errstate(divide="ignore"):
            return np.where(q < 1.0, history.imposed * (1.0 - s + s / np.maximum(1.0 - q, 1e-300)), math.nan)
    y = np.zeros(q.shape)  # -ln θ: (1 - s)(1 - e^{-y}) + s y = q
    for _ in range(40):
        e = np.exp(-y)
        move = ((1.0 - s) * (1.0 - e) + s * y - q) / ((1.0 - s) * e + s)
        y = np.clip(y - np.clip(move, -4.0, 4.0), 0.0, 700.0)
        if float(np.max(np.abs(move))) < 1e-9:
            break
    return history.imposed / (1.0 - s + s * np.exp(np.minimum(y, _DEEPEST)))


def layer_courses(history: History, knee: np.ndarray, sharpness: np.ndarray) -> Float[np.ndarray, "p n"]:
    """S(t) [V] of cells with a layer that carries no more than a current of its own: V₁ over the largest voltage (P,),
    m (P,)."""
    share = np.abs(history.imposed) / (knee[:, None] * float(np.max(np.abs(history.imposed), initial=1e-300)))
    power = sharpness[:, None]
    # ln(1 + xᵐ) without overflow
    return history.imposed * np.exp(-np.logaddexp(0.0, power * np.log(np.maximum(share, 1e-300))) / power)


@dataclass(frozen=True, slots=True, eq=False)
class Library:
    """Courses (m, n) [V] of many members, their family, and their numbers (m, 3): none; ln W, logit t₊, r; logit s, ln
    q; ln V₁ over the largest voltage, ln m."""

    families: tuple[Family, ...]
    numbers: Float[np.ndarray, "m 3"]
    courses: Float[np.ndarray, "m n"]


def logit(x: Any) -> Any:
    """ln(x/(1 - x))."""
    return np.log(np.asarray(x) / (1.0 - np.asarray(x)))


def inverse_logit(x: Any) -> Any:
    """1/(1 + e^{-x})."""
    return 1.0 / (1.0 + np.exp(-np.asarray(x)))


def courses_of(
    history: History, family: Family, numbers: Float[np.ndarray, "p k"], tolerance: float = CLOSE
) -> Float[np.ndarray, "p n"]:
    """S(t) [V] of members of a family."""
    if family is Family.OHMIC:
        return np.broadcast_to(history.imposed, (numbers.shape[0], history.imposed.size))
    if family is Family.CONTACT or family is Family.FORMING:
        charge = np.exp(numbers[:, 1])
        return contact_courses(
            history, inverse_logit(numbers[:, 0]), charge if family is Family.CONTACT else -charge
        )  # fmt: skip
    if family is Family.LAYER:
        return layer_courses(history, np.exp(numbers[:, 0]), np.exp(numbers[:, 1]))
    return cell_courses(
        history, np.exp(numbers[:, 0]), inverse_logit(numbers[:, 1]), inverse_logit(numbers[:, 2]), tolerance
    )


def library_of(history: History) -> Library:
    """Courses of all families, coarse over their numbers."""
    cells = np.array([
        (math.log(w), logit(t), logit(r))
        for w, t, r in itertools.product(SCANS, TRANSFERENCES, SERIES_SHARES)
    ])  # fmt: skip
    charges = CHARGES_UNDER_CURRENT if history.galvanostatic else CHARGES
    contacts = np.array([(logit(s), math.log(q), 0.0) for s, q in itertools.product(CONTACT_SHARES, charges)])
    members = {Family.OHMIC: np.zeros((1, 3)), Family.CELL: cells, Family.CONTACT: contacts}
    if history.galvanostatic:
        members[Family.FORMING] = np.array([
            (logit(s), math.log(q), 0.0) for s, q in itertools.product(CONTACT_SHARES, CHARGES)
        ])  # fmt: skip
    else:
        members[Family.LAYER] = np.array([
            (math.log(x), math.log(m), 0.0) for x, m in itertools.product(KNEES, SHARPNESS)
        ])  # fmt: skip
    families = tuple(itertools.chain.from_iterable([family] * len(numbers) for family, numbers in members.items()))
    shapes = [courses_of(history, family, numbers, _LOOK) for family, numbers in members.items()]
    return Library(families, np.concatenate(list(members.values())), np.concatenate(shapes))
