"""Constructed (synthetic) series of spectra of known truth: along a paused sweep, the rest after it, temperature.

``sweep(kind, seed, window)``: spectra at rest, along rising bias until the stop, and at rest again. KINDS:

- ``interface``: the layers on the electrodes grow eightfold (4–8) at constant capacitance, the ceramic stays;
- ``lost_contact``: the same with the capacitance falling as the resistance grows;
- ``drift``: ``interface``, and the ceramic's resistance drifts by 0.1–0.5 % from spectrum to spectrum;
- ``ceramic``: the ceramic grows by artanh(j)/j, as a binary cell at steady state does, to 1.2–2.5; the layers stay;
- ``both``: the ceramic as before and the layers by 2–8;
- ``skin``: conductivity follows a concentration profile from a finite-volume cell under the same sweep
  (``foreign_cell.py``) and every layer dx of the ceramic has its own conductivity beside the same permittivity;
  within a grain's length of the wall there is no boundary. The layers on the electrodes stay.

At rest the excess goes away in part; ``recovered`` is what is gone at the last spectrum.

``heating(seed, window, error)``: one pellet between ion-blocking electrodes at 5–7 temperatures; σT of grains and
boundaries follow Arrhenius, the temperature stated is off by ``error`` [K] (one standard deviation).

Every number comes from ``numpy.random.default_rng([8317, stream, kind, seed])``; cells as in ``foreign_spectra.py``.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace

import numpy as np
from foreign_cell import RT_F, Cell
from foreign_spectra import (
    EPSILON_0,
    Garnet,
    draw_garnet,
    electrode_impedance,
    frequencies,
    impedance,
    log_uniform,
    measured,
    relaxation,
    stated_geometry,
    with_leads,
)

INTERFACE, CERAMIC, SKIN = frozenset({"interface"}), frozenset({"ceramic"}), frozenset({"skin"})
ACCEPTED = {
    "interface": (INTERFACE,),
    "lost_contact": (INTERFACE,),
    "drift": (INTERFACE, INTERFACE | CERAMIC),
    "ceramic": (CERAMIC,),
    "both": (CERAMIC | INTERFACE,),
    "skin": (SKIN, CERAMIC, CERAMIC | SKIN),
}
KINDS = tuple(ACCEPTED)
BIASED, RESTING = 9, 8  # spectra along the bias (the first at 0 V), spectra at rest after the stop
BOLTZMANN = 8.617333262e-5  # eV/K
GRAIN_LENGTH = 3e-6  # m


@dataclass(frozen=True, kw_only=True, eq=False)
class SweepDrawn:
    """A series as written (n frequencies, m spectra) and its truth.

    ``impedance`` (m, n) [Ω]; ``potential`` (m,) [V] of bias, 0 at rest; ``time`` (m,) [s]; ``resting`` (m,) whether
    the spectrum is taken at rest after the stop. Truth: ``ceramic`` and ``interface`` (m,) [Ω], ``conductivity`` [S/m]
    at rest before the sweep; ``accepted``: the right answers to what changes, the strictest first (a skin is the
    ceramic's own, and a drift of the ceramic may be named or not); ``recovered``: the part of the growth of ceramic
    and interface that is gone at the last spectrum, of those that grow.
    """

    kind: str
    seed: int
    window: str
    frequency: np.ndarray
    impedance: np.ndarray
    potential: np.ndarray
    time: np.ndarray
    resting: np.ndarray
    thickness: float
    area: float
    conductivity: float
    ceramic: np.ndarray
    interface: np.ndarray
    accepted: tuple[frozenset[str], ...]
    recovered: dict[str, float]
    noise: float


@dataclass(frozen=True, kw_only=True, eq=False)
class HeatingDrawn:
    """Spectra (m, n) [Ω] of one pellet at ``temperature`` (m,) [K] as stated and as ``true``; energies [eV] of σT."""

    seed: int
    window: str
    frequency: np.ndarray
    impedance: np.ndarray
    temperature: np.ndarray
    true: np.ndarray
    thickness: float
    area: float
    bulk: np.ndarray
    boundaries: np.ndarray
    total: np.ndarray
    bulk_energy: float
    boundary_energy: float


def layer_growth(above: np.ndarray, peak: float) -> np.ndarray:
    """(m,) a factor from 1 to ``peak``, exponential in ``above`` (m,) from 0 at the onset to 1 at the stop."""
    return np.exp(math.log(peak) * above)


def ceramic_growth(above: np.ndarray, peak: float) -> np.ndarray:
    """(m,) artanh(j)/j, j rising in proportion to ``above`` (m,) until the factor is ``peak``."""
    grid = np.linspace(1e-6, 0.99999, 20001)
    j = np.maximum(above * np.interp(peak, np.arctanh(grid) / grid, grid), 1e-6)
    return np.arctanh(j) / j


def relaxed(factor: np.ndarray, time: np.ndarray, half: float, left: float) -> np.ndarray:
    """(m + k,) the factor, and at rest its excess falling as left + (1 − left)/(1 + (t/half)^½), t in rest lengths."""
    falling = left + (1 - left) / (1 + np.sqrt(time / (half * time[-1])))
    return np.concatenate([factor, 1 + (factor[-1] - 1) * falling])


def scaled(cell: Garnet, ceramic: float, interface: float, contact: bool) -> Garnet:
    """The cell with its resistances multiplied; capacitances stay, or fall as 1/R where contact is lost."""
    layers = tuple(
        replace(
            layer,
            resistance=layer.resistance * interface,
            capacitance=layer.capacitance / (interface if contact else 1.0),
        )
        for layer in cell.layers
    )
    return replace(cell, grain=cell.grain / ceramic, boundary=cell.boundary / ceramic, layers=layers)


def _layers_dx(step: np.ndarray, u: np.ndarray, conductivity: float, permittivity: float, angular: np.ndarray):
    """(k, n) ∫dx/(σu + jωε) over each interval, u linear in it."""
    ends = conductivity * u[:, None] + 1j * angular * EPSILON_0 * permittivity
    rise = conductivity * np.diff(u)[:, None]
    small = np.abs(rise) < 1e-6 * np.abs(ends[:-1])
    safe = np.where(small, 1.0, rise)
    whole = np.where(small, 1 / ends[:-1], np.log(ends[1:] / ends[:-1]) / safe)
    return step[:, None] * whole


def depleted_impedance(cell: Garnet, x: np.ndarray, u: np.ndarray, angular: np.ndarray) -> np.ndarray:
    """(n,) [Ω] of a brick layer whose conductivities follow the profile u(x) = c/c₀, x from 0 to 1.

    Shells conduct in series only. Nearer than a grain's length to the depleted wall there are no shells.
    """
    x = np.concatenate([[0.0], x[x > 0]]) * cell.thickness
    place = int(np.searchsorted(x, GRAIN_LENGTH))
    if x[place] > GRAIN_LENGTH:  # a node at the end of the first grain
        middle = float(np.interp(GRAIN_LENGTH, x, u))
        x, u = np.insert(x, place, GRAIN_LENGTH), np.insert(u, place, middle)
    step, beyond = np.diff(x), x[:-1] >= GRAIN_LENGTH * (1 - 1e-9)
    grains = _layers_dx(step, u, cell.grain, cell.grain_permittivity, angular)
    share = np.where(beyond, cell.shell, 0.0)
    total = (1 - share) @ grains
    mean = 0.5 * (u[1:] + u[:-1])[beyond]
    weights = step[beyond] / mean * cell.shell / cell.boundary
    tau = EPSILON_0 * cell.boundary_permittivity / (cell.boundary * mean)
    for weight, each in zip(*_gathered(weights, tau), strict=True):
        total = total + weight * relaxation(angular, each, cell.boundary_shape)
    return total / cell.area


def _gathered(weights: np.ndarray, tau: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Time constants gathered into classes of 2 % (resistances summed, τ their mean)."""
    classes = np.round(np.log(tau) / 0.02).astype(int)
    _, place = np.unique(classes, return_inverse=True)
    return np.bincount(place, weights), np.bincount(place, tau) / np.bincount(place)


def depletion(rng: np.random.Generator) -> tuple[np.ndarray, list[np.ndarray], np.ndarray, np.ndarray]:
    """x, u(x) at every spectrum, the biases [V] and the times [L²/D] of a binary cell: sweep, stop, rest."""
    cell = Cell(t=float(rng.uniform(0.6, 0.9)), r=0.05)
    rate, stop = log_uniform(rng, 100, 400), float(rng.uniform(8.5, 15))  # W, RT/F
    bias = np.linspace(0.0, stop, BIASED)
    profiles, times = [cell.u.copy()], [0.0]
    for low, high in itertools.pairwise(bias):
        cell.ramp(float(low), float(high), float(high - low) / rate, fresh=low == 0.0)
        profiles.append(cell.u.copy())
        times.append(high / rate)
    rest = np.geomspace(0.003, 1.0, RESTING) * times[-1]
    for before, after in zip(np.concatenate([[0.0], rest[:-1]]), rest, strict=True):
        cell.constant(0.0, float(after - before), 100)
        profiles.append(cell.u.copy())
    return cell.x, profiles, bias * RT_F, np.concatenate([times, times[-1] + rest])


def sweep(kind: str, seed: int, window: str = "narrow") -> SweepDrawn:
    """The series of a kind and seed."""
    if kind not in KINDS:
        raise ValueError(f"unknown kind {kind!r}; expected one of {', '.join(KINDS)}")
    number = KINDS.index(kind)
    cell = draw_garnet(10_000 * (number + 1) + seed)
    rng = np.random.default_rng([8317, 10, number, seed])
    frequency, noise = frequencies(window, float(rng.uniform(8, 12))), log_uniform(rng, 1e-3, 5e-3)
    angular = 2 * math.pi * frequency
    bias, hours = np.linspace(0.0, float(rng.uniform(0.2, 0.45)), BIASED), log_uniform(rng, 1, 20)
    rest = np.geomspace(0.003, 1.0, RESTING) * hours * 3600
    onset, left = float(rng.uniform(0.2, 0.6)), float(rng.choice([0.0, rng.uniform(0.0, 0.5)]))
    above, half = np.clip((bias / bias[-1] - onset) / (1 - onset), 0.0, None), log_uniform(rng, 1e-3, 0.1)
    layers, peak = log_uniform(rng, 2 if kind == "both" else 4, 8), log_uniform(rng, 1.2, 2.5)
    r_int = r_ceramic = one = np.ones(BIASED + RESTING)
    if kind not in ("ceramic", "skin"):
        r_int = relaxed(layer_growth(above, layers), rest, half, left)
    if kind in ("ceramic", "both"):
        r_ceramic = relaxed(ceramic_growth(above, peak), rest, half, 0.0)
    if kind == "drift":
        r_ceramic = np.exp(rng.choice([-1.0, 1.0]) * rng.uniform(0.001, 0.005) * np.arange(one.size))
    time = np.concatenate([bias / 5e-5, bias[-1] / 5e-5 + rest])
    if kind == "skin":
        cell = replace(cell, grain_alpha=1.0)
        x, profiles, bias, reduced = depletion(rng)
        diffusivity = log_uniform(rng, 3e-12, 3e-11)
        time = reduced * cell.thickness**2 / diffusivity
        electrodes = electrode_impedance(cell, angular)
        exact = [with_leads(cell, angular, depleted_impedance(cell, x, u, angular) + electrodes) for u in profiles]
        slow = np.array([1e-6])
        ceramic = np.array([float(depleted_impedance(cell, x, u, slow)[0].real) for u in profiles])
    else:
        cells = [scaled(cell, c, i, kind == "lost_contact") for c, i in zip(r_ceramic, r_int, strict=True)]
        exact = [impedance(one, angular) for one in cells]
        ceramic = np.array([one.ceramic for one in cells])
    grown = {"interface": cell.interface * r_int, "ceramic": ceramic}
    thickness, area = stated_geometry(cell, 10_000 * (number + 1) + seed)
    stop = BIASED - 1
    return SweepDrawn(
        kind=kind,
        seed=seed,
        window=window,
        frequency=frequency,
        impedance=np.array([measured(rng, z, noise) for z in exact]),
        potential=np.concatenate([bias, np.zeros(RESTING)]),
        time=time,
        resting=np.arange(one.size) > stop,
        thickness=thickness,
        area=area,
        conductivity=cell.thickness / (cell.area * ceramic[0]),
        ceramic=ceramic,
        interface=grown["interface"],
        accepted=ACCEPTED[kind],
        recovered={
            name: float((r[stop] - r[-1]) / (r[stop] - r[0]))
            for name, r in grown.items()
            if max(r) > 1.01 * r[0] and (name != "ceramic" or kind != "drift")
        },
        noise=noise,
    )


def heating(seed: int, window: str = "wide", error: float = 0.0) -> HeatingDrawn:
    """The pellet of a seed between blocking electrodes, its temperatures stated within ``error`` [K]."""
    cell = draw_garnet(100_000 + seed)
    rng = np.random.default_rng([8317, 11, 0, seed])
    true = np.linspace(rng.choice([248.15, 258.15, 273.15]), rng.choice([323.15, 338.15, 353.15]), rng.integers(5, 8))
    bulk_energy, boundary_energy = float(rng.uniform(0.30, 0.42)), float(rng.uniform(0.36, 0.60))
    frequency, noise = frequencies(window, float(rng.uniform(8, 12))), log_uniform(rng, 1e-3, 5e-3)
    blocking = (log_uniform(rng, 1e-2, 1e-1), float(rng.uniform(0.85, 0.97)))
    cell = replace(cell, layers=(), diffusion=(0.0, 1.0), blocking=blocking)

    def factor(energy: float) -> np.ndarray:  # of the conductivity, 1 at 25 °C
        return 298.15 / true * np.exp(-energy / BOLTZMANN * (1 / true - 1 / 298.15))

    grains, shells = factor(bulk_energy), factor(boundary_energy)
    cells = [
        replace(cell, grain=cell.grain * g, boundary=cell.boundary * s) for g, s in zip(grains, shells, strict=True)
    ]
    thickness, area = stated_geometry(cell, 100_000 + seed)
    return HeatingDrawn(
        seed=seed,
        window=window,
        frequency=frequency,
        impedance=np.array([measured(rng, impedance(one, 2 * math.pi * frequency), noise) for one in cells]),
        temperature=true + error * rng.standard_normal(true.size),
        true=true,
        thickness=thickness,
        area=area,
        bulk=np.array([one.bulk for one in cells]),
        boundaries=np.array([one.boundaries for one in cells]),
        total=np.array([one.ceramic for one in cells]),
        bulk_energy=bulk_energy,
        boundary_energy=boundary_energy,
    )
