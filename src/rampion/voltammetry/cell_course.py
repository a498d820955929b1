"""The course of a symmetric binary cell under a ramp, past its peak too, fitted to the part of a sweep before a rise.

    w_θ = w_ξξ ,  -w_ξ(0) = 2j ,  w(½) = 0
    φ = 4t₊ j (∫₀^½ 2 dξ/(1 - w²) + r) + 4(1 - t₊) artanh w(0)

w is how far the concentration strays from its mean over that mean, odd about the middle; ξ = x/L, θ = Dt/L²,
j = J/J_lim, φ = FV/RT = Wθ, r = R_intσ₀/L. Hat functions on a graded mesh, turned into the modes of the mesh; between
even steps the current is straight, which the modes follow exactly; one scalar equation for artanh w(0) per step.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rampion.voltammetry.noise import block_means

_NODES = 30
_FIRST = 1e-4  # thickness of the first cell of the mesh
_STEPS = 60
_NEWTON = 8
_BLOCKS = 140
# cells to start from: the best of all W, t₊ and β
_SEARCHED = (
    np.log([4.0, 9.0, 20.0, 45.0, 90.0, 180.0, 360.0, 720.0, 1500.0, 4000.0, 12000.0]),
    np.array([0.15, 0.35, 0.55, 0.7, 0.82, 0.92]),
    np.array([0.35, 0.6, 0.93]),
)
_COARSE = 36  # steps of the search
_LN_RATES = (math.log(2.0), math.log(1e5))
_TRANSFERENCES = (0.03, 0.99)
_SHARES = (0.05, 1.0)
_PRIOR_MEAN = np.array([5.0, 0.6, 1.0])
_PRIOR_WIDTH = np.array([3.0, 2.0, 2.0])  # of ln W and of the logits of t₊ and β
_MODEL_ERROR = 3e-4  # of the largest current
_NUDGE = 0.02
_ROUNDS = 16
_CLOSE = 0.1  # gain in χ² of a round that is not worth another
# of the largest current, what is not the cell's: an instrument's offset and drift, and slow departures from the model
_DEPARTURES = np.array([3e-3, 3e-3, 1e-3, 1e-3, 1e-3, 1e-3])


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """A course that is linear near its best place: value(V) + design(V) · δ, with ``precision`` (p,) of δ beforehand.

    ``potential`` (s,), ``values`` (s,) and ``moves`` (s, p) are given on even steps, and joined by cubics. ``numbers``:
    ln W and the logits of t₊ and β there.
    """

    potential: Float[np.ndarray, " s"]
    values: Float[np.ndarray, " s"]
    moves: Float[np.ndarray, "s p"]
    precision: Float[np.ndarray, " p"]
    numbers: Float[np.ndarray, " 3"]

    def at(self, potential: Float[np.ndarray, " n"]) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, "n p"]]:
        """Value and design at potentials [V] inside the steps."""
        from scipy.interpolate import CubicSpline

        both = CubicSpline(self.potential, np.column_stack([self.values, self.moves]))(potential)
        return both[:, 0], both[:, 1:]


def fit_cell_course(
    potential: Float[np.ndarray, " n"],
    current: Float[np.ndarray, " n"],
    std: Float[np.ndarray, " n"],
    end: float,
    thermal_voltage: float,
    start: Course | None = None,
) -> Course | None:
    """The course of the cell that describes these points, carried on to ``end`` [V]; ``None`` where none does.

    W, t₊, the electrolyte's share β of the resistance at rest and the conductance are fitted by damped Gauss-Newton
    steps from the best of many cells, or from where another fit ended. Beside them stand polynomials of 0.3 % of the
    largest current (offset and drift) and of 0.1 % (what dilute theory leaves).

    Assumes dilute Nernst–Einstein transport, rest at zero potential, an even ramp (pauses do not count, as if the cell
    stood still in them). The course agrees with a finer mesh to 5e-3, nearly all of it taken up by W, t₊ and β.
    """
    if potential[0] > 0.1 * potential[-1] or potential[0] < -0.01 * potential[-1]:
        return None
    x, y, error = block_means(potential, current, std, _BLOCKS)
    error = np.hypot(error, _MODEL_ERROR * float(np.max(np.abs(y))))
    phi = np.linspace(0.0, end / thermal_voltage, _STEPS + 1)
    begun = _search(end / thermal_voltage, thermal_voltage, x, y, error) if start is None else start.numbers
    best = _linearised(begun, phi, thermal_voltage, x, y, error)
    moving = np.arange(_DEPARTURES.size + 4) > _DEPARTURES.size
    damping = 0.01
    for _ in range(_ROUNDS):
        damped = best.hessian + np.diag(damping * np.diag(best.hessian) * moving)
        step = np.clip(np.linalg.solve(damped, best.gradient)[-3:], -1.0, 1.0)
        trial = np.clip(best.course.numbers + step, [_LN_RATES[0], -6.0, -6.0], [_LN_RATES[1], 6.0, 6.0])
        fresh = _linearised(trial, phi, thermal_voltage, x, y, error)
        gain = best.score - fresh.score
        damping *= 0.2 if gain >= 0 else 6.0
        if gain >= 0:
            best = fresh
        if abs(gain) < _CLOSE or damping > 1e4:
            break
    degrees = max(x.size - 6, 1)
    if best.squares - degrees > 4.0 * math.sqrt(2.0 * degrees) or not _patternless(best.left):
        return None
    return best.course


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """One cell, its course, the normal equations in the order departures, ln G, ln W, logits, and what it leaves."""

    course: Course
    hessian: np.ndarray
    gradient: np.ndarray
    score: float
    squares: float
    left: np.ndarray


def _search(
    end: float, thermal_voltage: float, x: np.ndarray, y: np.ndarray, error: np.ndarray
) -> Float[np.ndarray, " 3"]:
    """ln W and logits of the best of many cells, the conductance of each by linear regression."""
    from scipy.interpolate import CubicSpline

    rate, transference, share = (axis.ravel() for axis in np.meshgrid(*_SEARCHED, indexing="ij"))
    phi = np.linspace(0.0, end, _COARSE + 1)
    curves = ramped_current(rate, transference, share, phi)
    curves = CubicSpline(phi * thermal_voltage, curves, axis=1)(x) / error
    along = np.maximum(curves @ (y / error), 0.0)
    best = int(np.argmax(along**2 / np.sum(curves**2, axis=1)))
    return np.array([rate[best], _logit(transference[best], _TRANSFERENCES), _logit(share[best], _SHARES)])


def _logit(value: float, bounds: tuple[float, float]) -> float:
    return math.log((value - bounds[0]) / (bounds[1] - value))


def _bounded(logit: np.ndarray, bounds: tuple[float, float]) -> np.ndarray:
    return bounds[0] + (bounds[1] - bounds[0]) / (1.0 + np.exp(-logit))


def _patternless(left: np.ndarray) -> bool:
    """Whether nothing is left in the slow course of the residuals (χ² of six, 99.5 %)."""
    q = np.linalg.qr(np.polynomial.legendre.legvander(np.linspace(-1.0, 1.0, left.size), 5))[0]
    return bool(np.sum((q.T @ left) ** 2) < 18.5)


def _linearised(
    numbers: np.ndarray,
    phi: np.ndarray,
    thermal_voltage: float,
    x: np.ndarray,
    y: np.ndarray,
    error: np.ndarray,
) -> _Fit:
    """The cell's course and normal equations; offset, drift and conductance by linear regression."""
    steps = phi * thermal_voltage
    nudged = numbers + _NUDGE * np.concatenate([np.zeros((1, 3)), np.eye(3)])
    curves = ramped_current(nudged[:, 0], _bounded(nudged[:, 1], _TRANSFERENCES), _bounded(nudged[:, 2], _SHARES), phi)
    moves = (curves[1:] - curves[0]) / _NUDGE
    largest = float(np.max(np.abs(y)))
    other = largest * np.polynomial.legendre.legvander(2.0 * steps / steps[-1] - 1.0, _DEPARTURES.size - 1)
    count = _DEPARTURES.size
    precision = np.concatenate([_DEPARTURES**-2.0, [0.0], _PRIOR_WIDTH**-2.0])
    shapes = Course(steps, np.zeros(steps.size), np.column_stack([other, curves[0], moves.T]), precision, numbers)
    design = shapes.at(x)[1] / error[:, None]
    linear = design[:, : count + 1]
    found = np.linalg.solve(linear.T @ linear + np.diag(precision[: count + 1]), linear.T @ (y / error))
    slope = float(found[-1])
    left = y / error - linear @ found
    # ln G in place of G, and the cell's numbers as moves of the current
    scale = np.concatenate([np.ones(count), np.full(4, slope)])
    columns = design * scale
    beyond = np.concatenate([found[:-1], [0.0], numbers - _PRIOR_MEAN])
    squares = float(left @ left)
    return _Fit(
        course=Course(steps, shapes.moves[:, : count + 1] @ found, shapes.moves * scale, precision, numbers),
        hessian=columns.T @ columns + np.diag(precision),
        gradient=columns.T @ left - precision * beyond,
        score=squares + float(precision @ beyond**2),
        squares=squares,
        left=left,
    )


@functools.cache
def _mesh() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lengths of the cells from the wall to the middle, decay rates and modes of the mesh."""
    from scipy.linalg import eigh

    lengths = np.diff(np.concatenate([[0.0], np.geomspace(_FIRST, 0.5, _NODES - 1)]))
    mass, stiff = np.zeros((_NODES, _NODES)), np.zeros((_NODES, _NODES))
    for i, d in enumerate(lengths):
        mass[i : i + 2, i : i + 2] += d / 6.0 * np.array([[2.0, 1.0], [1.0, 2.0]])
        stiff[i : i + 2, i : i + 2] += 1.0 / d * np.array([[1.0, -1.0], [-1.0, 1.0]])
    rates, modes = eigh(stiff[:-1, :-1], mass[:-1, :-1])
    return lengths, rates, modes


def ramped_current(
    log_rate: Float[np.ndarray, " m"],
    transference: Float[np.ndarray, " m"],
    share: Float[np.ndarray, " m"],
    potential: Float[np.ndarray, " s"],
) -> Float[np.ndarray, "m s"]:
    """I R/V_T of cells under a ramp from zero, R the whole resistance at rest.

    Parameters
    ----------
    log_rate, transference, share : ln W, t₊ and β = 1/(1 + r) of each cell.
    potential : over V_T, even steps from zero.
    """
    lengths, rates, modes = _mesh()
    rise = float(potential[1])
    step = rise * np.exp(-log_rate)[:, None]
    decay = np.exp(-rates * step)
    mean = -np.expm1(-rates * step) / (rates * step)
    front = 2.0 * modes[0] / rates
    after, before = front * (1.0 - mean), front * (mean - decay)
    response = after @ modes.T
    ohmic, series, kinetic = 4.0 * transference, 1.0 / share - 1.0, 4.0 * (1.0 - transference)
    amplitude, current = np.zeros(decay.shape), np.zeros(log_rate.size)
    height = earlier = np.zeros(log_rate.size)
    found = np.zeros((log_rate.size, potential.size))
    for n in range(1, potential.size):
        amplitude = decay * amplitude + before * current[:, None]
        base = amplitude @ modes.T
        guess = 2.0 * height - earlier if n > 1 else np.full(log_rate.size, 1e-3)
        for _ in range(_NEWTON):
            j, resistance, j_move, r_move = _resistance(guess, base, response, lengths)
            miss = ohmic * j * (resistance + series) + kinetic * guess - potential[n]
            steep = ohmic * (j_move * (resistance + series) + j * r_move) + kinetic
            change = np.maximum(np.minimum(miss / steep, 1.0), -1.0)
            guess = guess - change
            if np.max(np.abs(change)) < 1e-6:
                break
        earlier, height = height, guess
        current = (np.tanh(guess) - base[:, 0]) / response[:, 0]
        amplitude = amplitude + after * current[:, None]
        found[:, n] = current
    return (ohmic * (1.0 + series))[:, None] * found


def _resistance(
    height: np.ndarray, base: np.ndarray, response: np.ndarray, lengths: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """j and ∫ 2 dξ/(1 - w²) for artanh w(0), and how both change with it; exact for a profile of straight pieces."""
    top = np.tanh(height)
    bend = 1.0 / np.cosh(np.minimum(height, 300.0)) ** 2
    j = (top - base[:, 0]) / response[:, 0]
    j_move = bend / response[:, 0]
    m = height.size
    w, move = np.zeros((m, lengths.size + 1)), np.zeros((m, lengths.size + 1))
    w[:, :-1] = np.maximum(np.minimum(base + response * j[:, None], 1.0 - 1e-12), -1.0 + 1e-9)
    move[:, :-1] = response * j_move[:, None]
    w[:, 0], move[:, 0] = top, bend
    inside = w[:, 1:]
    area, area_move = np.empty(w.shape), np.empty(w.shape)
    area[:, 1:], area_move[:, 1:] = np.arctanh(inside), move[:, 1:] / (1.0 - inside**2)
    area[:, 0], area_move[:, 0] = height, 1.0
    fall = w[:, :-1] - w[:, 1:]
    flat = np.abs(fall) < 1e-5
    middle = 0.5 * (w[:, :-1] + w[:, 1:])
    level = 1.0 / np.maximum(1.0 - middle**2, 1e-12)
    safe = np.where(flat, 1.0, fall)
    mean = np.where(flat, level, (area[:, :-1] - area[:, 1:]) / safe)
    mean_move = np.where(
        flat,
        middle * level**2 * (move[:, :-1] + move[:, 1:]),
        (area_move[:, :-1] - area_move[:, 1:] - mean * (move[:, :-1] - move[:, 1:])) / safe,
    )
    return j, 2.0 * mean @ lengths, j_move, 2.0 * mean_move @ lengths
