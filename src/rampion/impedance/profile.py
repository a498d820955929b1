"""Profile likelihood of one parameter: how far it can go while all others follow.

The only honest interval where the linear one fails: a parameter that has an upper limit but no lower one gets exactly
that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rampion.errors import InputError
from rampion.estimate import Estimate
from rampion.fitting import fit_batch
from rampion.impedance.circuit import parameter_kinds
from rampion.impedance.circuit_fit import CircuitFit, student_95
from rampion.impedance.fit import batch_model, deviations
from rampion.impedance.freedom import freedom_of
from rampion.impedance.guess import parameter_bounds
from rampion.impedance.notation import print_circuit


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Profile:
    """χ² against one parameter, the others at their best for each of its values.

    ``estimate`` has the interval where χ² stays below ``threshold``; an end that the window does not close is 0 or
    infinite. ``values`` (g,) in SI, rising; ``chi_square`` (g,).
    """

    name: str
    values: Float[np.ndarray, " g"]
    chi_square: Float[np.ndarray, " g"]
    threshold: float
    estimate: Estimate


def profile_parameter(
    fit: CircuitFit, name: str, *, points: int = 41, deviation: Float[np.ndarray, "n 2"] | None = None
) -> Profile:
    """The profile of one parameter of a fit and its 95 % interval.

    χ²(θ_k) = min over the others; the interval holds all θ_k with χ² ≤ χ²_min·[1 + t²/ν] (t Student's 97.5 % quantile
    for ν degrees of freedom), or χ²_min + 3.84 when the deviations are measured.

    Assumes nothing of the shape of χ². Fails when another minimum, far away, is better than the path followed from the
    optimum shows; all points are started from both neighbours.

    Parameters
    ----------
    fit : without fixed or tied parameters. deviation : the measured ones, when the fit used them.

    Raises
    ------
    InputError
        When the name is not of the circuit.
    """
    names = list(parameter_kinds(fit.circuit))
    if name not in names:
        raise InputError(f"{name!r} is no parameter of {print_circuit(fit.circuit)}; it has {', '.join(names)}.")
    place = names.index(name)
    omega = 2 * np.pi * fit.frequency
    low, high = parameter_bounds(fit.circuit, omega, fit.impedance)
    sizes = deviations(fit.impedance, fit.weighting, deviation)
    model = batch_model(fit.circuit, omega, fit.impedance[None], sizes[None], freedom_of(fit.circuit))
    measured = fit.weighting == "measured"
    threshold = fit.chi_square + (3.841459 if measured else fit.chi_square * student_95(fit.degrees) ** 2 / fit.degrees)
    centre = float(fit.logarithms[place])
    std = math.sqrt(fit.covariance[place, place]) if fit.covariance[place, place] > 0 else math.inf
    held = np.arange(len(names)) == place

    def follow(side: int, end: float) -> tuple[np.ndarray, np.ndarray]:
        """The path away from the optimum: steps grow until χ² passes the threshold or the bound is reached."""
        grid, costs = [centre], [fit.chi_square]
        row, step = fit.logarithms.copy(), side * min(0.5 * std, 0.25)
        while costs[-1] < threshold * (1 + 1e-3) and grid[-1] != end and len(grid) < points:
            value = grid[-1] + step
            value = min(value, end) if side > 0 else max(value, end)
            trial = row.copy()
            trial[place] = value
            solution = fit_batch(model, trial[None], low, high, held=held, iterations=60)
            rise = float(solution.chi_square[0]) - costs[-1]
            row = solution.parameters[0]
            grid.append(value)
            costs.append(float(solution.chi_square[0]))
            if rise < 0.2 * (threshold - fit.chi_square):
                step *= 1.6
        return np.array(grid), np.array(costs)

    below, above = follow(-1, float(low[place])), follow(1, float(high[place]))
    grid = np.concatenate([below[0][:0:-1], above[0]])
    costs = np.concatenate([below[1][:0:-1], above[1]])
    lower, upper = _crossing(*below, threshold), _crossing(*above, threshold)
    ends = (
        0.0 if math.isnan(lower) else math.exp(lower),
        math.inf if math.isnan(upper) else math.exp(upper),
    )
    best = fit.parameters[name]
    return Profile(
        name=name,
        values=np.exp(grid),
        chi_square=costs,
        threshold=threshold,
        estimate=Estimate(best.value, best.std, *ends, flags=best.flags),
    )


def _crossing(grid: np.ndarray, costs: np.ndarray, threshold: float) -> float:
    """Where √(χ² - χ²_min) reaches the threshold's (nearly linear there); NaN when it does not."""
    root = np.sqrt(np.maximum(costs - costs[0], 0.0))
    wanted = math.sqrt(max(threshold - costs[0], 0.0))
    if costs[-1] < threshold:
        return math.nan
    after = int(np.argmax(root >= wanted))
    if after == 0:
        return float(grid[0])
    share = (wanted - root[after - 1]) / (root[after] - root[after - 1])
    return float(grid[after - 1] + share * (grid[after] - grid[after - 1]))
