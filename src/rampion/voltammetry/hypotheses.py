"""What a record may be: a course of the cell, left at some places, in noise; and which of these it is.

    I_k = G S(t_k; numbers) + I₀ + noise        on the course (:mod:`rampion.voltammetry.courses`)
    I_k = a polynomial of its own + noise       off it (:mod:`rampion.voltammetry.segments`)

and likewise V_k = a S(t_k) + V₀ where a current was imposed: conductance and zero are then a and V₀.

Every family of course competes on the same points, each with the noise that it leaves
(:mod:`rampion.voltammetry.noise`), by Schwarz's criterion: BIC = -2 ln L + k ln n. Half a difference of BIC is
the logarithm of a Bayes factor between equally likely hypotheses.

Assumes one sweep, or one run of currents, from rest. Source of the criterion: G. Schwarz, Ann. Stat. 6, 461 (1978),
doi:10.1214/aos/1176344136.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from rampion.cell.binary_march import Line
from rampion.voltammetry.courses import CLOSE, Family, History, Library, courses_of, history_of, library_of
from rampion.voltammetry.noise import (
    FREEDOM,
    NORMAL_MAD,
    Noise,
    cost_of,
    interpolation_residual,
    noise_of,
    student_cost,
    student_weight,
)
from rampion.voltammetry.programme import overload, programme_of, rests_inside
from rampion.voltammetry.segments import Stretch, divide, stretch_costs

FREE = {Family.OHMIC: 0, Family.CELL: 3, Family.CONTACT: 2, Family.FORMING: 2, Family.LAYER: 2}
_PRIOR = {  # of the numbers of a course: middle and width
    Family.CELL: (np.array([4.5, 1.0, -1.0]), np.array([3.0, 1.5, 2.0])),
    Family.CONTACT: (np.array([-2.0, 1.5]), np.array([2.5, 1.5])),
    Family.FORMING: (np.array([-2.0, 1.5]), np.array([2.5, 1.5])),
    Family.LAYER: (np.array([-1.0, 0.7]), np.array([1.5, 0.7])),
}
_WIDEST = 1.8  # widths: numbers are held within
_NUDGE = 0.02  # of a number, in the derivative
_SETTLED = 0.5  # of the cost
_SHORTER = 0.3  # of a step after which the cost grew
_HOPELESS = 1.0  # of BIC a block behind the best: no further search
_FAINT = 0.1  # sum of the sizes of φ below which a noise is taken as white
MOST = 400  # blocks of points that are judged
_QUIETEST = 0.3  # of the median noise: what a window of it may say by chance
DRIFT = 0.02  # of G over the record: 0.4 K at 5 %/K
ZERO = 2e-3  # V: zero of a voltmeter, electrodes of one metal; one level of current does not separate it from R
KINETIC = 0.12  # of the resistance at rest: what charge transfer may be, 2RT/F of it asinh at each face
COARSE = 0.01  # of the largest current: how near a course of the library is to those between its members
SLOW_NOISE = 0.02  # of twice the median current: what an instrument's slow noise may reach
_FEWEST = 8  # points on a course
_SHORTEST_ON = 4  # points after a return to the course
_APART = 1.0  # of the first number of a family, between two starts
_LATEST_START = 0.12  # of the points: a charging transient before the course begins
BESIDE = 12.0  # of BIC: explanations that count beside the best one
_SAME = 1e-3  # of the conductance: two ends of the search
_STRAIGHT = 0.25  # of a number: width of the last step, over which a course is straight in it
_LONGEST = 3.0  # of that width
_FAR = 12.0  # of the local noise, off the course
_TOGETHER = 20.0  # of BIC, for two neighbours far off on one side
_APPROACH = 4  # steps from a course of the library under a noise as large as the library is coarse
_PARTS = (0.4, 0.55, 0.7, 0.8, 0.9)  # of the record, that a course may describe from its start on
_SLOW = 5.0  # gain of a noise that may be a course's own bend: no line is settled on without a look at the others
_KEPT = 4  # starts of each family after the approach
_CAPPED = 100.0  # sizes: an innovation on the course beyond counts no more while stretches are sought
_QUIET = 0.9  # scatter over that with the march's error: the march decides
_PRICE = 2.0  # numbers of a stretch besides its polynomial: where it begins and ends
MODEL_ERROR = 3e-4  # of the current: the march's own, a floor under the noise
_FINE_ERROR, _FINE = 3e-5, 1e-4  # that of a finer march, and its tolerance


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """A record in at most some hundred runs of points: what was imposed, what was recorded of the other quantity,
    current [A] or voltage [V] in the direction of the current, its local scatter and that with the march's own error,
    and the edges of the runs among the record's points."""

    history: History
    recorded: Float[np.ndarray, " n"]
    scatter: Float[np.ndarray, " n"]
    local: Float[np.ndarray, " n"]
    edges: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Hypothesis:
    """One explanation of a record: its course S(t) (n,) [V] with conductance G [S] and zero I₀ [A] (a and V₀ [V] under
    an imposed current), the stretches, what is left (n,) [A], the noise in it, BIC, and design (n, 4 + numbers) and
    covariance of G, I₀, the drift of G, the numbers and the share of the resistance at rest that is charge transfer."""

    family: Family
    numbers: Float[np.ndarray, " k"]
    conductance: float
    zero: float
    course: Float[np.ndarray, " n"]
    fitted: Float[np.ndarray, " n"]
    stretches: tuple[Stretch, ...]
    residual: Float[np.ndarray, " n"]
    noise: Noise
    bic: float
    design: Float[np.ndarray, "n d"]
    covariance: Float[np.ndarray, "d d"]

    @property
    def on(self) -> Bool[np.ndarray, " n"]:
        """Which points lie on the course."""
        return _mask(self.stretches, self.course.size)

    def error_at(self, place: int) -> float:
        """Standard error of the course's current at a block [A]."""
        row = self.design[place]
        return math.sqrt(max(float(row @ self.covariance @ row), 0.0))


def blocks_of(
    time: Float[np.ndarray, " n"],
    potential: Float[np.ndarray, " n"],
    current: Float[np.ndarray, " n"],
    potential_noise: float,
    resolution: float,
    temperature: float,
    most: int = MOST,
) -> Blocks:
    """A record in blocks: rests inside a sweep (no current, or no voltage) say little and are left out; their voltage
    stays in the history."""
    lines = programme_of(time, potential, potential_noise)
    kept = np.flatnonzero(~rests_inside(potential))
    edges = _edges(kept, time[kept], most, overload(potential, current))
    return in_blocks(lines, time - time[0], current, kept, edges, resolution, temperature)


def in_blocks(
    lines: Sequence[Line],
    time: Float[np.ndarray, " n"],
    recorded: Float[np.ndarray, " n"],
    kept: np.ndarray,
    edges: np.ndarray,
    resolution: float,
    temperature: float,
) -> Blocks:
    """The blocks of a record from rest, given what was imposed as lines, the points kept (k,), and the edges of the
    blocks among these (b + 1,)."""
    counts = np.diff(edges)

    def mean(values: np.ndarray) -> np.ndarray:
        return np.add.reduceat(values[kept], edges[:-1]) / counts

    y, moments = mean(recorded), mean(time)
    history = history_of(lines, moments, temperature)
    size = np.full(y.size, np.std(y))
    if y.size > 4:
        # the voltage steps with a current: no residual across two levels
        steps = history.imposed if history.galvanostatic else 0.0
        inner = np.abs(interpolation_residual(np.arange(y.size, dtype=float), y - steps))
        if history.galvanostatic and (history.line[4:] == history.line[:-4]).any():
            inner[history.line[4:] != history.line[:-4]] = math.nan
        size = np.concatenate([inner[:2], inner, inner[-2:]])
    width = max(5, y.size // 20)
    starts = np.arange(0, y.size, width)
    local = NORMAL_MAD * np.array([np.median(one[np.isfinite(one)]) for one in np.split(size, starts[1:])])
    known = np.isfinite(local)
    local = np.interp(starts, starts[known], local[known])
    local = np.maximum(local, _QUIETEST * float(np.percentile(local, 25)))
    local = np.interp(np.arange(y.size), starts + 0.5 * width, local)
    local = np.maximum(local, resolution / math.sqrt(12.0 * float(np.mean(counts))))
    if history.galvanostatic:  # blocks of unlike lengths
        local = local * np.sqrt(float(np.median(counts)) / counts)
    return Blocks(history, y, local, _floored(y, local, MODEL_ERROR), np.append(kept, time.size)[edges])


def _floored(current: np.ndarray, scatter: np.ndarray, error: float) -> np.ndarray:
    return np.maximum(np.hypot(scatter, error * reached(current)), 1e-300)


def _edges(kept: np.ndarray, time: np.ndarray, most: int, shorted: int) -> np.ndarray:
    """Where blocks of the kept points begin, and their end: even in points, none across a rest, the collapse of a
    shorted cell's voltage, or a gap longer than a block."""
    n = kept.size
    even = np.linspace(0, n, min(most, n) + 1)
    apart = (np.diff(kept) > 1) | (kept[1:] == shorted) | (np.diff(time) > (time[-1] - time[0]) / most)
    breaks = 1 + np.flatnonzero(apart)
    near = np.concatenate([[0], breaks, [n]])
    place = np.clip(np.searchsorted(near, even), 1, near.size - 1)
    beside = np.minimum(even - near[place - 1], near[place] - even) < 0.5 * n / (even.size - 1)
    return np.unique(np.concatenate([even[~beside], near]).astype(int))


def reached(current: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """(n,) the largest current so far: what errors in proportion to the current are counted from, so that what comes
    after an event does not hide what came before it."""
    first = current[: max(current.size // 50, 3)]
    return np.maximum.accumulate(np.maximum(np.abs(current), float(np.max(np.abs(first), initial=0.0))))


def first_points(blocks: Blocks, count: int) -> Blocks:
    """The blocks before one."""
    return Blocks(
        blocks.history.first(count),
        blocks.recorded[:count],
        blocks.scatter[:count],
        blocks.local[:count],
        blocks.edges[: count + 1],
    )


def explain(blocks: Blocks) -> tuple[Hypothesis, ...]:
    """The explanations of a record, the best first: the best of each family, and the plain ohmic line."""
    n = blocks.recorded.size
    members, white = _Members(blocks), blocks_noise(blocks)
    ohmic = (Family.OHMIC, np.zeros(0), np.ones(n, dtype=bool))
    line = _finished(blocks, members.of([ohmic[:2]])[0], (Stretch(0, n, True),), white)
    search = _Search(blocks, white, members)
    found = [line, *search.climb([ohmic])]
    if line.noise.coefficients.size:
        found += _Search(blocks, line.noise, members).climb([ohmic])
    if min(found, key=_bic) is line and line.noise.gain < _SLOW and not _bends(line):
        return (line,)
    coarse = replace(white, local=np.hypot(blocks.local, COARSE * reached(blocks.recorded)))
    look = _Search(blocks, coarse, members)
    found += search.climb(look.approached(look.prefixes(library_of(blocks.history))))
    noise = min(found, key=_bic).noise
    if float(np.sum(np.abs(noise.coefficients))) > _FAINT:  # from where the first round ended
        starts = [(one.family, one.numbers, one.on) for one in _best_of_each(found)]
        found += _Search(blocks, noise, members).climb(starts)
    kept = [line, *_best_of_each(found)]
    # other ends of the search that say as much: their conductances belong to the interval
    for one in sorted(found, key=_bic):
        near = one.bic < min(kept, key=_bic).bic + BESIDE
        if near and all(abs(one.conductance / other.conductance - 1.0) > _SAME for other in kept if other.conductance):
            kept.append(one)
    if not blocks.history.galvanostatic and float(np.median(blocks.scatter / blocks.local)) < _QUIET:
        fine = replace(blocks, local=_floored(blocks.recorded, blocks.scatter, _FINE_ERROR))
        search = _Search(fine, blocks_noise(fine), _Members(fine, _FINE))
        kept = search.climb([(one.family, one.numbers, one.on) for one in kept]) or kept
    return tuple(sorted({id(one): one for one in kept}.values(), key=_bic))


def _best_of_each(found: Sequence[Hypothesis]) -> list[Hypothesis]:
    kept = (min((one for one in found if one.family is family), key=_bic, default=None) for family in Family)
    return [one for one in kept if one is not None]


def _bic(hypothesis: Hypothesis) -> float:
    return hypothesis.bic


def blocks_noise(blocks: Blocks) -> Noise:
    """White noise of the local size."""
    return Noise(np.zeros(0), blocks.local, 1.0)


def _bends(line: Hypothesis) -> bool:
    """Whether low powers of the place describe more of what the line leaves than they cost; in a record quieter than
    the model no bend below the model's own error."""
    n, least = line.course.size, math.sqrt((FREEDOM - 2.0) / FREEDOM)
    noise = replace(line.noise, size=max(line.noise.size, least))
    powers = np.polynomial.legendre.legvander(np.linspace(-1.0, 1.0, n), 6).T[2:]
    white = noise.whitened(np.concatenate([line.design.T, powers]))
    q = np.linalg.qr(white.T)[0][:, line.design.shape[1] :]
    gained = np.cumsum((q.T @ noise.whitened(line.residual)) ** 2)
    return bool(np.max(gained - np.arange(1, q.shape[1] + 1) * math.log(n)) > 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class _Member:
    """A course of a family and how it changes with its numbers, (n, k); NaN after its end."""

    family: Family
    numbers: np.ndarray
    course: np.ndarray
    moves: np.ndarray

    @property
    def ended(self) -> np.ndarray:
        """Where the course has ended: no wall concentration carries the current."""
        return ~np.isfinite(self.course)


class _Members:
    """Members of the families with their changes, each worked out once, those asked for together in one march."""

    def __init__(self, blocks: Blocks, tolerance: float = CLOSE) -> None:
        self.history, self.tolerance = blocks.history, tolerance
        self.known: dict[tuple[Family, bytes], _Member] = {}

    def of(self, wanted: Sequence[tuple[Family, np.ndarray]]) -> list[_Member]:
        """The members of these families and numbers."""
        for family in Family:
            fresh = {numbers.tobytes(): numbers for one, numbers in wanted if one is family}
            fresh = {key: numbers for key, numbers in fresh.items() if (family, key) not in self.known}
            if fresh:
                for key, member in zip(fresh, self._made(family, np.array(list(fresh.values()))), strict=True):
                    self.known[family, key] = member
        return [self.known[family, numbers.tobytes()] for family, numbers in wanted]

    def _made(self, family: Family, numbers: np.ndarray) -> list[_Member]:
        free = FREE[family]
        sets = np.repeat(numbers[:, None, :], free + 1, axis=1)
        sets[:, np.arange(1, free + 1), np.arange(free)] += _NUDGE
        sets = sets.reshape(numbers.shape[0] * (free + 1), free)
        courses = courses_of(self.history, family, sets, self.tolerance)
        courses = courses.reshape(numbers.shape[0], free + 1, -1)
        ended = ~np.isfinite(courses).all(axis=1, keepdims=True)
        courses = np.where(ended, math.nan, courses)
        return [
            _Member(family, own, one[0], (one[1:] - one[0]).T / _NUDGE)
            for own, one in zip(numbers, courses, strict=True)
        ]  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """Student regression on a course and its changes: G, I₀, what is left (n,), numbers' step (k,), cost; the design
    (n, 4 + k) of G, I₀, the drift of G, the numbers and the kinetic share, and the covariance of all."""

    values: np.ndarray
    residual: np.ndarray
    cost: float
    design: np.ndarray
    covariance: np.ndarray

    @property
    def step(self) -> np.ndarray:
        return self.values[3:-1]


def _fit(blocks: Blocks, member: _Member, on: np.ndarray, noise: Noise, reach: float = math.inf) -> _Fit:
    """G, I₀, the drift of G, the kinetic share and a step of the numbers, on the points given (those after the course's
    end count against it); ``reach``: width of a prior on the step, about none."""
    used = on & ~member.ended
    course, moves = np.nan_to_num(member.course), np.nan_to_num(member.moves)
    n, free = course.size, FREE[member.family]
    late = np.linspace(0.0, 1.0, n)
    line = np.stack([course, np.ones(n)], axis=1)
    size = _conductance(course[used], blocks.recorded[used])
    sides = (size * course * late)[:, None], (size * _eased(course, blocks.history))[:, None]
    design = np.concatenate([line, sides[0], size * moves, sides[1]], axis=1)
    precision, aim = np.zeros(4 + free), np.zeros(4 + free)
    precision[1], precision[2], precision[-1] = _zero_precision(blocks), DRIFT**-2.0, KINETIC**-2.0
    if free:
        middle, width = _PRIOR[member.family]
        precision[3:-1] = width**-2.0 + reach**-2.0
        aim[3:-1] = (middle - member.numbers) * width**-2.0 / precision[3:-1]
    values, covariance, cost = _regress(design, blocks.recorded, used, noise, precision, aim)
    return _Fit(values, blocks.recorded - design @ values, cost, design, covariance)


def _eased(course: np.ndarray, history: History) -> np.ndarray:
    """What more a course carries per share of the resistance at rest that is charge transfer, to first order: there
    V = 4RT/F asinh(x), which grows slower than x. The share of the voltage that is won counts with the conductance of
    the moment over that at rest, S/V. Under a current less voltage is needed."""
    scale = 4.0 * history.thermal_voltage
    if history.galvanostatic:
        return scale * np.arcsinh(history.imposed / scale) - history.imposed
    won = course - scale * np.arcsinh(course / scale)
    potential = history.imposed
    return won * np.clip(course / np.where(potential == 0.0, 1.0, potential), 0.0, 1.0)


def _regress(
    design: np.ndarray, current: np.ndarray, on: np.ndarray, noise: Noise, precision: np.ndarray, aim: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Student regression with normal priors: numbers, covariance, and cost."""
    part = replace(noise, local=noise.local[on])
    x, y = part.whitened(design[on].T), part.whitened(current[on])
    scale = np.maximum(np.sqrt(np.sum(x**2, axis=1)), 1e-150)
    x, own = x / scale[:, None], precision / scale**2
    weight, values = np.ones(y.size), np.zeros(x.shape[0])
    for _ in range(20):
        normal = (x * weight) @ x.T + np.diag(own + 1e-12)
        fresh = np.linalg.solve(normal, (x * weight) @ y + own * aim * scale)
        moved = float(np.max(np.abs(fresh - values)))
        values = fresh
        weight = student_weight(y - values @ x)
        if moved < 1e-2:
            break
    covariance = np.linalg.inv((x * weight) @ x.T + np.diag(own + 1e-12)) / np.outer(scale, scale)
    values = values / scale
    cost = float(np.sum(student_cost(y - (values * scale) @ x))) + float(np.sum(precision * (values - aim) ** 2))
    return values, covariance, cost


def _zero_precision(blocks: Blocks) -> float:
    return ZERO**-2.0 if blocks.history.galvanostatic else 0.0


def _conductance(course: np.ndarray, current: np.ndarray) -> float:
    """G, roughly: the median of I/S where S is large."""
    large = np.abs(course) > 0.3 * np.max(np.abs(course), initial=0.0)
    return float(np.median(current[large] / course[large])) if large.any() else 1.0


class _Climb:
    """Gauss–Newton on the points given: shorter steps where the cost grew, settled where no step is left."""

    def __init__(self, blocks: Blocks, noise: Noise, member: _Member, on: np.ndarray) -> None:
        self.blocks, self.noise = blocks, noise
        self.begin(member, on)

    def begin(self, member: _Member, on: np.ndarray) -> None:
        """From this member, on these points."""
        self.on = on
        self._stand(member, _fit(self.blocks, member, on, self.noise))
        self.settled = not self.fit.step.size

    def _stand(self, member: _Member, fit: _Fit, cost: float | None = None) -> None:
        self.member, self.fit, self.share = member, fit, 1.0
        self.cost = self._cost(member, fit) if cost is None else cost
        self.settled = not fit.step.size or self.cost - self._lost(member) - fit.cost < _SETTLED

    def _lost(self, member: _Member) -> float:
        return 50.0 * float(np.sum(self.on & member.ended))

    def _cost(self, member: _Member, fit: _Fit) -> float:
        here = _cost_without_step(self.blocks, fit, self.on & ~member.ended, self.noise)
        middle, width = _PRIOR.get(member.family, (np.zeros(0), np.ones(0)))
        return here + self._lost(member) + float(np.sum(((member.numbers - middle) / width) ** 2))

    def proposal(self) -> tuple[Family, np.ndarray]:
        """The numbers to try next."""
        middle, width = _PRIOR[self.member.family]
        numbers = self.member.numbers + self.share * np.clip(self.fit.step, -1.0, 1.0)
        return self.member.family, np.clip(numbers, middle - _WIDEST * width, middle + _WIDEST * width)

    def take(self, trial: _Member) -> None:
        """Stand on the trial if it is better, and shorten the step otherwise."""
        fits, before = int((self.on & ~trial.ended).sum()) >= _FEWEST + FREE[trial.family], self.cost
        fresh = _fit(self.blocks, trial, self.on, self.noise) if fits else self.fit
        cost = self._cost(trial, fresh) if fits else math.inf
        if cost < before:
            self._stand(trial, fresh, cost)
            self.settled |= before - cost < _SETTLED
        else:
            self.share *= _SHORTER
            self.settled = self.share < _SHORTER**2.5


def _cost_without_step(blocks: Blocks, fit: _Fit, used: np.ndarray, noise: Noise) -> float:
    """The cost of the member as it is, G, I₀, drift and kinetic share fitted."""
    precision = np.array([0.0, _zero_precision(blocks), DRIFT**-2.0, KINETIC**-2.0])
    return _regress(fit.design[:, [0, 1, 2, -1]], blocks.recorded, used, noise, precision, np.zeros(4))[2]


class _Search:
    """The search under one noise: what stretches of their own cost does not depend on the course."""

    def __init__(self, blocks: Blocks, noise: Noise, members: _Members) -> None:
        self.blocks, self.noise, self.members = blocks, noise, members
        self.white = noise.whitened(blocks.recorded)
        self.own, self.degree = stretch_costs(noise, blocks.recorded)
        self.price = _PRICE * math.log(blocks.recorded.size)

    def prefixes(self, library: Library) -> list[tuple[Family, np.ndarray, np.ndarray]]:
        """Of each family the members and the part from the start on that, with stretches of their own after it, cost
        least."""
        n = self.white.size
        cost = self._prefix_costs(library.courses) + self.rest[None, 1:]
        cost[:, : _FEWEST - 1] = math.inf
        chosen: list[tuple[Family, np.ndarray, np.ndarray]] = []
        # the library is coarse: a part that is long for a course between its members is short for all of them
        parts = [(slice(int(share * n) - 1, int(share * n)), 1) for share in _PARTS]
        for family in Family:
            for ends, most in ((slice(n - 1, n), 2), (slice(0, n), 3), *parts):
                members = np.flatnonzero([one is family for one in library.families])
                for _ in range(most):
                    if members.size == 0:
                        break
                    part = cost[members, ends]
                    place, end = divmod(int(np.argmin(part)), part.shape[1])
                    if not math.isfinite(part[place, end]):
                        break
                    member, on = int(members[place]), np.arange(n) <= ends.start + end
                    numbers = library.numbers[member]
                    start = numbers[: FREE[family]]
                    known = [
                        one is family and np.array_equal(on, other) and np.array_equal(start, own)
                        for one, own, other in chosen
                    ]
                    if not any(known):
                        chosen.append((family, start, on))
                    # the next start: another W, or another share of the contact
                    members = members[np.abs(library.numbers[members, 0] - numbers[0]) > _APART]
        return chosen

    @functools.cached_property
    def rest(self) -> np.ndarray:
        """(n + 1,) least cost of the points from each on, all in stretches of their own."""
        n = self.white.size
        rest = np.full(n + 1, math.inf)
        rest[n] = 0.0
        for i in range(n - 2, -1, -1):
            rest[i] = float(np.min(self.own[i, i + 1 :] + rest[i + 1 :])) + self.price
        return rest

    def _prefix_costs(self, courses: np.ndarray) -> np.ndarray:
        """(m, n) squares that G S + I₀ leaves on the first j points."""
        ended = ~np.isfinite(courses)
        s = self.noise.whitened(np.where(ended, 0.0, courses))
        one, z = self.noise.whitened(np.ones(self.white.size)), self.white
        ss, s1, sz = (np.cumsum(part, axis=1) for part in (s * s, s * one, s * z))
        n1, z1, zz = np.cumsum(one * one), np.cumsum(one * z), np.cumsum(z * z)
        spread = np.maximum(ss - s1**2 / n1, 1e-12 * ss + 1e-300)
        along = sz - s1 * z1 / n1
        left = np.maximum(zz - z1**2 / n1 - np.maximum(along, 0.0) ** 2 / spread, 0.0)
        left[(np.cumsum(ended, axis=1) > 0) | (along <= 0.0)] = math.inf
        return left

    def _begun(self, starts: Sequence[tuple[Family, np.ndarray, np.ndarray]]) -> list[_Climb]:
        members = self.members.of([(family, numbers) for family, numbers, _ in starts])
        return [
            _Climb(self.blocks, self.noise, member, on)
            for member, (family, _, on) in zip(members, starts, strict=True)
            if (on & ~member.ended).sum() >= _FEWEST + FREE[family]
        ]

    def _step(self, climbs: Sequence[_Climb], rounds: int) -> None:
        for _ in range(rounds):
            going = [one for one in climbs if not one.settled]
            for one, trial in zip(going, self.members.of([one.proposal() for one in going]), strict=True):
                one.take(trial)

    def approached(
        self, starts: Sequence[tuple[Family, np.ndarray, np.ndarray]]
    ) -> list[tuple[Family, np.ndarray, np.ndarray]]:
        """The best starts after a few steps under this noise: under a large one no point is far enough off to be left
        aside."""
        climbs = self._begun(starts)
        self._step(climbs, _APPROACH)
        climbs.sort(key=lambda one: one.fit.cost + self.rest[int(np.sum(one.on))])
        kept = [one for family in Family for one in [each for each in climbs if each.member.family is family][:_KEPT]]
        return [(one.member.family, one.member.numbers, one.on) for one in kept]

    def climb(self, starts: Sequence[tuple[Family, np.ndarray, np.ndarray]]) -> list[Hypothesis]:
        """Fit on the points given, divide, fit again on the points on the course: until they stay; all starts at
        once."""
        found: list[Hypothesis] = []
        climbs = self._begun(starts)
        for rounds in (4, 2, 1):
            self._step(climbs, rounds)
            divided = [(one, *self._divided(one)) for one in climbs]
            found += [hypothesis for _, _, own in divided for hypothesis in own]
            least = min((own.bic for own in found), default=math.inf)
            climbs = []
            for one, fresh, own in divided:
                hopeless = min((each.bic for each in own), default=math.inf) > least + _HOPELESS * fresh.size
                if (fresh & ~one.member.ended).sum() < _FEWEST + FREE[one.member.family] or hopeless:
                    continue
                if not np.array_equal(fresh, one.on):
                    one.begin(one.member, fresh)
                    climbs.append(one)
            if not climbs:
                break
        return found

    def _divided(self, climb: _Climb) -> tuple[np.ndarray, list[Hypothesis]]:
        """The points on the course of the best division, and the hypotheses of this and of none."""
        found, member, fit, n = [], climb.member, climb.fit, climb.on.size
        if climb.on.all() and fit.values[0] > 0:
            found.append(_finished(self.blocks, member, (Stretch(0, n, True),), self.noise))
        costs = student_cost(np.clip(self.noise.whitened(fit.residual), -_CAPPED, _CAPPED))
        costs[member.ended] = 1e6
        stretches = divide(costs, self.own, self.degree, self.price, max(_SHORTEST_ON, n // 60))
        if next((one.first for one in stretches if one.on), n) > _LATEST_START * n:
            return np.zeros(n, dtype=bool), found
        fresh = _mask(stretches, n)
        enough = fit.values[0] > 0 and (fresh & ~member.ended).sum() >= _FEWEST + FREE[member.family]
        if enough and not (fresh.all() and climb.on.all()):
            found.append(_finished(self.blocks, member, stretches, self.noise))
        return fresh, found


def _mask(stretches: Sequence[Stretch], n: int) -> np.ndarray:
    mask = np.zeros(n, dtype=bool)
    for stretch in stretches:
        mask[stretch.first : stretch.end] = stretch.on
    return mask


def _finished(blocks: Blocks, member: _Member, stretches: Sequence[Stretch], noise: Noise) -> Hypothesis:
    """The hypothesis of these stretches: fitted under a noise, then judged with the noise that it leaves itself."""
    n = blocks.recorded.size
    on = _mask(stretches, n)
    fit = _last_fit(blocks, member, on, noise)
    residual, count = fit.residual.copy(), 3.0 + FREE[member.family]
    for stretch in stretches:
        if not stretch.on:
            residual[stretch.first : stretch.end] = _own_residual(blocks, stretch)
            count += stretch.degree + 1 + _PRICE
    most = SLOW_NOISE * 2.0 * float(np.median(np.abs(blocks.recorded)))
    own = noise_of(residual, blocks.local, int(min(count, n // 2)), most)
    fit = _last_fit(blocks, member, on, own)
    for stretch in stretches:
        if stretch.on:
            residual[stretch.first : stretch.end] = fit.residual[stretch.first : stretch.end]
    bic = cost_of(residual, own) + count * math.log(n) + 50.0 * float(np.sum(on & member.ended))
    # pick-up is a point far off, neighbours far off together are the cell
    far = np.where(on, np.sign(residual) * (np.abs(residual) > _FAR * own.local), 0.0)
    bic += _TOGETHER * float(np.sum((far[1:] == far[:-1]) & (far[1:] != 0.0)))
    return Hypothesis(
        family=member.family, numbers=member.numbers + fit.step, conductance=float(fit.values[0]),
        zero=float(fit.values[1]), course=member.course, fitted=fit.design @ fit.values, stretches=tuple(stretches),
        residual=residual, noise=own, bic=bic, design=fit.design, covariance=_fit(blocks, member, on, own).covariance,
    )  # fmt: skip


def _last_fit(blocks: Blocks, member: _Member, on: np.ndarray, noise: Noise) -> _Fit:
    """The fit whose step of the numbers stays where the course is straight in them: beyond are shapes that no member
    has."""
    fit, reach = _fit(blocks, member, on, noise, _STRAIGHT), _STRAIGHT
    for _ in range(3):
        longest = float(np.max(np.abs(fit.step), initial=0.0))
        if longest <= _LONGEST * _STRAIGHT:
            break
        reach *= _STRAIGHT / longest
        fit = _fit(blocks, member, on, noise, reach)
    return fit


def _own_residual(blocks: Blocks, stretch: Stretch) -> np.ndarray:
    part = slice(stretch.first, stretch.end)
    u = np.linspace(-1.0, 1.0, stretch.end - stretch.first)
    powers = np.polynomial.legendre.legvander(u, stretch.degree)
    current, local = blocks.recorded[part], blocks.local[part]
    return current - powers @ np.linalg.lstsq(powers / local[:, None], current / local)[0]
