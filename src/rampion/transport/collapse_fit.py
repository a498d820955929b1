"""t₊, D and c₀ together from the collapse of all peaks on one curve, with no literature D and no Haven ratio.

    y = J_pLF/(4RTσ) = t₊·j_p(W, t₊) ,  W = vL²F/(DRT) ,  c₀ = σRT/(F²D^σ) ,  D^σ = D/[2t₊(1-t₊)]

The height of the curve gives t₊, its shift D. Far from the limit (W ≫ 100) only one combination is fixed; the
intervals are therefore read from the region of acceptable χ² (profile likelihood), never from a curvature.

Assumes the dilute Nernst–Einstein cell of :mod:`rampion.transport.ramped_cell`, one material, no interfacial
resistance. Fails when other physics bends the curve: ``reduced_scatter`` then exceeds the stated errors.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rampion.campaign.regression import student_quantile
from rampion.errors import InputError
from rampion.estimate import Estimate, Flag
from rampion.quantities import FARADAY, GAS_CONSTANT
from rampion.transport.finding import ROOM, thermal_voltage
from rampion.transport.flags import TransportFlag
from rampion.transport.peak_function import LOWEST, peak_ratio
from rampion.transport.peak_table import TRANSFERENCES


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CollapseFit:
    """Transport numbers from the collapse.

    Attributes
    ----------
    transference, diffusivity [m²/s], concentration [mol/m³] : with profile intervals.
    rates : (n,) W of each sample at the best fit.
    residual : (n,) ln of measured over fitted.
    scatter : relative scatter about the curve.
    """

    transference: Estimate
    diffusivity: Estimate
    concentration: Estimate
    rates: Float[np.ndarray, " n"]
    residual: Float[np.ndarray, " n"]
    scatter: float
    count: int
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Grid:
    """χ² over (t₊, ln D) and which of it is acceptable."""

    ts: np.ndarray
    ds: np.ndarray
    chi: np.ndarray
    accepted: np.ndarray

    @classmethod
    def over(
        cls,
        surface: Callable[[np.ndarray, np.ndarray], np.ndarray],
        box_t: tuple[float, float],
        box_d: tuple[float, float],
        degrees: int,
        known: bool,
    ) -> _Grid:
        ts, ds = np.linspace(*box_t, 49), np.linspace(*box_d, 121)
        chi = surface(ts, ds)
        best = float(chi.min())
        return cls(ts, ds, chi, chi <= best + _threshold(best, degrees, known))

    @property
    def corners(self) -> tuple[tuple[int, int], tuple[int, int]]:
        found = np.argwhere(self.accepted)
        (i0, k0), (i1, k1) = found.min(axis=0), found.max(axis=0)
        return (int(i0), int(k0)), (int(i1), int(k1))


def fit_collapse(
    current_density: Float[np.ndarray, " n"],
    rate: Float[np.ndarray, " n"],
    thickness: Float[np.ndarray, " n"],
    conductivity: Float[np.ndarray, " n"],
    relative_std: Float[np.ndarray, " n"] | None = None,
    temperature: float = ROOM,
) -> CollapseFit:
    """Fit t₊ and D to all limiting peaks of a campaign by the universal peak function.

    Parameters
    ----------
    current_density [A/m²], rate [V/s], thickness [m], conductivity [S/m] : (n,) of the sweeps with a limiting peak.
    relative_std : (n,) relative standard uncertainty of J_pL/σ, sample scatter included; the scatter of the fit takes
        its place where it is absent or larger.

    Raises
    ------
    InputError : fewer than four peaks, or values that are not positive.
    """
    j, v = np.asarray(current_density, float), np.asarray(rate, float)
    length, sigma = np.asarray(thickness, float), np.asarray(conductivity, float)
    if j.size < 4 or not all(np.all(np.isfinite(a)) and np.all(a > 0) for a in (j, v, length, sigma)):
        raise InputError(f"the collapse needs four positive peaks or more, found {j.size}.")
    vt = thermal_voltage(temperature)
    log_y = np.log(j * length / (4 * vt * sigma))
    x = v * length**2 / vt  # W·D
    std = np.ones_like(j) if relative_std is None else np.asarray(relative_std, float)
    # every peak must be one: W ≥ 21 at the smallest x; the table ends at W = 1e6
    high, low = math.log(float(x.min()) / LOWEST), math.log(float(x.max()) / 1e6)
    if low >= high:
        raise InputError("the peaks span more than the peak function covers (W = 21 … 1e6).")

    def surface(ts: np.ndarray, logs: np.ndarray) -> np.ndarray:
        w = np.clip(x[None, None, :] / np.exp(logs)[None, :, None], LOWEST, 1e6)
        t = np.broadcast_to(ts[:, None, None], (ts.size, logs.size, x.size))
        w = np.broadcast_to(w, t.shape)
        model = np.log(t) + np.log(peak_ratio(w, t))
        return np.sum(((log_y - model) / std) ** 2, axis=-1)

    span_t, span_d = (TRANSFERENCES[0], TRANSFERENCES[-1]), (low, high)
    known = relative_std is not None
    box_t, box_d, grid = span_t, span_d, _Grid.over(surface, span_t, span_d, j.size - 2, known)
    for _ in range(5):  # zoom on the region that is acceptable, until the grid resolves it
        (i0, k0), (i1, k1) = grid.corners
        if i1 - i0 >= 16 and k1 - k0 >= 16:
            break
        box_t = (float(grid.ts[max(i0 - 2, 0)]), float(grid.ts[min(i1 + 2, grid.ts.size - 1)]))
        box_d = (float(grid.ds[max(k0 - 2, 0)]), float(grid.ds[min(k1 + 2, grid.ds.size - 1)]))
        grid = _Grid.over(surface, box_t, box_d, j.size - 2, known)
    ts, ds, chi, ok = grid.ts, grid.ds, grid.chi, grid.accepted
    where = np.unravel_index(int(np.argmin(chi)), chi.shape)
    t, d = float(ts[where[0]]), float(np.exp(ds[where[1]]))
    grid_t, grid_d = np.meshgrid(ts, np.exp(ds), indexing="ij")
    factor = float(np.exp(np.mean(np.log(sigma)))) * GAS_CONSTANT * temperature / FARADAY**2

    def carriers(tt: np.ndarray | float, dd: np.ndarray | float) -> np.ndarray | float:
        return factor * 2 * tt * (1 - tt) / dd

    flags: list[Flag] = []
    for name, span, some in (("t₊", span_t, grid_t[ok]), ("D", span_d, np.log(grid_d[ok]))):
        edge = 1e-3 * (span[1] - span[0])
        if some.min() <= span[0] + edge or some.max() >= span[1] - edge:
            flags.append(TransportFlag.AT_BOUND.flag(quantity=name))
    if np.ptp(grid_t[ok]) > 0.5:
        flags.append(TransportFlag.FLAT_TRANSFERENCE.flag())
    rates = np.clip(x / d, LOWEST, 1e6)
    residual = log_y - np.log(t * peak_ratio(rates, np.full_like(rates, t)))
    return CollapseFit(
        transference=_ranged(t, grid_t[ok], tuple(flags)),
        diffusivity=_ranged(d, grid_d[ok], tuple(flags)),
        concentration=_ranged(float(carriers(t, d)), np.asarray(carriers(grid_t[ok], grid_d[ok])), tuple(flags)),
        rates=x / d,
        residual=residual,
        scatter=float(np.sqrt(np.sum(residual**2) / (j.size - 2))),
        count=j.size,
        flags=tuple(flags),
    )


def _threshold(best: float, degrees: int, known: bool) -> float:
    """Rise of χ² that bounds 95 % for one parameter; scaled by the scatter where that exceeds the stated errors."""
    variance = best / degrees
    if known and variance <= 1:
        return 3.841458820694124
    return student_quantile(float(degrees)) ** 2 * variance


def _ranged(value: float, accepted: np.ndarray, flags: tuple[Flag, ...]) -> Estimate:
    low, high = float(accepted.min()), float(accepted.max())
    return Estimate(value, (high - low) / 3.92, low, high, flags)
