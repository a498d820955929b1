"""t₊, D and c₀ together from the collapse of all peaks on one curve, with no literature D and no Haven ratio.

    y = J_p·R_b·F/(4RT) = t₊·j_p(W, t₊, r) ,  W = vL²F/(DRT) ,  R_b = R_A - R_int ,  r = R_int/R_b
    c₀ = σRT/(F²D^σ) ,  D^σ = D/[2t₊(1-t₊)] ,  σ = L/R_b

The height of the curve gives t₊, its shift D. The resistance R_int in series with the ceramic (interfaces) lowers y
and slows the ramp that the ceramic sees; it enters with its uncertainty and is fitted along. Sweeps that end on a
plateau without a peak (W below 17–20) fix the height alone. Far from the limit (W ≫ 100) only one combination is
fixed; the intervals are therefore read from the region of acceptable χ² (profile likelihood), never from a curvature.
Scatter within and between pellets, found from the residuals, weighs the points and widens the region.

Assumes the dilute Nernst–Einstein cell of :mod:`rampion.cell.binary`, one material, one R_int.
Fails when other physics bends the curve: ``scatter`` then exceeds what replicates show.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rampion.campaign.regression import fit_plane, student_quantile
from rampion.errors import InputError
from rampion.estimate import NORMAL_95, Estimate, Flag
from rampion.quantities import FARADAY, GAS_CONSTANT
from rampion.transport.finding import ROOM, thermal_voltage
from rampion.transport.flags import TransportFlag
from rampion.transport.peak_function import LARGEST_SERIES, largest_current_curves, series_weights
from rampion.transport.peak_table import LIMIT_RATES, TRANSFERENCES

_STEP = 0.01  # of ln W, in the tabulated curves: linear interpolation then adds 1e-6
_STEPS = 5  # values of R_int tried within 2 standard uncertainties


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CollapseFit:
    """Transport numbers from the collapse.

    Attributes
    ----------
    transference, diffusivity [m²/s], concentration [mol/m³] : with profile intervals.
    series_resistance : R_int [Ω·m²] as fitted along; without uncertainty where it was taken as zero.
    rates : (n,) W of each sample at the best fit.
    series : (n,) r of each sample.
    peak_ratios : (n,) J_p/J_lim of each sample by the fitted curve.
    residual : (n,) ln of measured over fitted.
    scatter, pellet_scatter : relative scatter about the curve, and the part of it that samples of a pellet share.
    """

    transference: Estimate
    diffusivity: Estimate
    concentration: Estimate
    series_resistance: Estimate
    rates: Float[np.ndarray, " n"]
    series: Float[np.ndarray, " n"]
    peak_ratios: Float[np.ndarray, " n"]
    residual: Float[np.ndarray, " n"]
    scatter: float
    pellet_scatter: float
    count: int
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Points:
    """What is fitted: J_pF/(4RT) [S/m²·V/V], R_A [Ω·m²], L [m], ln(vL²F/RT) = ln(W·D)."""

    current: np.ndarray
    resistance: np.ndarray
    thickness: np.ndarray
    log_shift: np.ndarray

    def bulk(self, interface: float) -> np.ndarray:
        return self.resistance - interface


@dataclass(frozen=True, slots=True, eq=False)
class _Noise:
    """Whitening of the residuals and the rise of χ² that bounds 95 % for one parameter."""

    whiten: np.ndarray
    threshold: float
    within: float
    between: float


@dataclass(frozen=True, slots=True, eq=False)
class _Region:
    """Grid of (t₊, ln D), what of it is acceptable, its best point and R_int there."""

    ts: np.ndarray
    ds: np.ndarray
    accepted: np.ndarray
    best: tuple[int, int]
    interface: float


def fit_collapse(
    current_density: Float[np.ndarray, " n"],
    rate: Float[np.ndarray, " n"],
    thickness: Float[np.ndarray, " n"],
    conductivity: Float[np.ndarray, " n"],
    relative_std: Float[np.ndarray, " n"] | None = None,
    temperature: float = ROOM,
    series_resistance: Estimate | None = None,
    pellets: np.ndarray | None = None,
) -> CollapseFit:
    """Fit t₊ and D to the largest currents of a campaign's limited sweeps by the universal peak function.

    Parameters
    ----------
    current_density [A/m²], rate [V/s], thickness [m] : (n,) of the sweeps that reached a peak or a plateau.
    conductivity : (n,) [S/m] of the ohmic line, interfaces in series included: L/R_A.
    relative_std : (n,) relative standard uncertainty of J_pR_A; scatter beyond it is found from the fit.
    series_resistance : R_int [Ω·m²] of the interfaces (see :func:`~rampion.transport.conductivity.split_resistance`);
        taken as zero when absent.
    pellets : (n,) parent pellets.

    Raises
    ------
    InputError : fewer than five sweeps, values that are not positive, or an R_int that leaves no ceramic.
    """
    j, v = np.asarray(current_density, float), np.asarray(rate, float)
    length, sigma = np.asarray(thickness, float), np.asarray(conductivity, float)
    if j.size < 5 or not all(np.all(np.isfinite(a)) and np.all(a > 0) for a in (j, v, length, sigma)):
        raise InputError(f"the collapse needs five positive peaks or more, found {j.size}.")
    vt = thermal_voltage(temperature)
    points = _Points(j / (4 * vt), length / sigma, length, np.log(v * length**2 / vt))
    tried, penalty = _interfaces(series_resistance, points)
    # the fastest, thickest sample has a peak; the table ends at W = 1e6
    span_t = (TRANSFERENCES[0], TRANSFERENCES[-1])
    span_d = (float(points.log_shift.max()) - math.log(1e6), float(points.log_shift.max()) - math.log(LIMIT_RATES[0]))
    noise = _noise(np.zeros_like(j), relative_std, pellets)
    centre = tried[tried.size // 2 : tried.size // 2 + 1]
    for _ in range(2):  # a first pass finds the scatter, a second weighs by it
        ts, ds = np.linspace(*span_t, 33), np.linspace(*span_d, 161)
        chi, _ = _profile(points, noise, ts, ds, centre, np.zeros(1))
        i, k = np.unravel_index(int(np.argmin(chi)), chi.shape)
        best = _Curves.over(points, ts[i : i + 1], ds[k : k + 1]).residual(points, float(centre[0]))
        noise = _noise(best[0, 0], relative_std, pellets)
    region = _acceptable(points, noise, (span_t, span_d), tried, penalty)
    return _result(points, noise, region, (span_t, span_d), temperature)


def _acceptable(
    points: _Points,
    noise: _Noise,
    spans: tuple[tuple[float, float], tuple[float, float]],
    tried: np.ndarray,
    penalty: np.ndarray,
) -> _Region:
    """Zoom on the region of acceptable χ² until the grid resolves it."""
    ts, ds = np.linspace(*spans[0], 33), np.linspace(*spans[1], 81)
    chi, which = _profile(points, noise, ts, ds, tried, penalty)
    for _ in range(9):
        found = np.argwhere(chi <= chi.min() + noise.threshold)
        (i0, k0), (i1, k1) = found.min(axis=0), found.max(axis=0)
        if i1 - i0 >= 14 and k1 - k0 >= 14:
            break
        ts = np.linspace(ts[max(i0 - 2, 0)], ts[min(i1 + 2, ts.size - 1)], ts.size)
        ds = np.linspace(ds[max(k0 - 2, 0)], ds[min(k1 + 2, ds.size - 1)], ds.size)
        chi, which = _profile(points, noise, ts, ds, tried, penalty)
    i, k = np.unravel_index(int(np.argmin(chi)), chi.shape)
    return _Region(ts, ds, chi <= chi.min() + noise.threshold, (int(i), int(k)), float(tried[which]))


def _interfaces(known: Estimate | None, points: _Points) -> tuple[np.ndarray, np.ndarray]:
    """Values of R_int to try and what each adds to χ²."""
    if known is None:
        return np.zeros(1), np.zeros(1)
    centre = max(known.value, 0.0)
    limit = 0.8 * float(points.resistance.min())
    if centre > limit:
        raise InputError(
            f"the interfaces' {1e4 * centre:.3g} Ω·cm² leave too little of the thinnest sample's "
            f"{1e4 * points.resistance.min():.3g} Ω·cm²: leave thin samples out or give another series resistance."
        )
    if not (math.isfinite(known.std) and known.std > 0):
        return np.array([centre]), np.zeros(1)
    tried = np.clip(known.value + known.std * np.linspace(-2.0, 2.0, _STEPS), 0.0, limit)
    return tried, ((tried - known.value) / known.std) ** 2


@dataclass(frozen=True, slots=True, eq=False)
class _Curves:
    """Layers of the largest-current curve over (ln W, t₊), and where each point lies on them for every ln D."""

    layers: np.ndarray
    at: np.ndarray
    part: np.ndarray
    log_t: np.ndarray

    @classmethod
    def over(cls, points: _Points, ts: np.ndarray, ds: np.ndarray) -> _Curves:
        log_rates = points.log_shift[:, None] - ds  # (n, d)
        start = max(float(log_rates.min()), math.log(LIMIT_RATES[0])) - 2 * _STEP
        stop = min(max(float(log_rates.max()), start + _STEP), math.log(1e6)) + 2 * _STEP
        grid = np.minimum(np.arange(start, stop, _STEP), math.log(1e6))
        place = np.clip((log_rates - start) / _STEP, 0.0, grid.size - 1.001)
        return cls(largest_current_curves(grid, ts), place.astype(int), place % 1.0, np.log(ts))

    def residual(self, points: _Points, interface: float) -> np.ndarray:
        """(t, d, n) ln of measured over model."""
        bulk = points.bulk(interface)
        log_y = np.log(points.current * bulk)
        weights = np.hstack([np.ones((bulk.size, 1)), series_weights(interface / bulk)])
        out = np.empty((self.log_t.size, self.at.shape[1], log_y.size))
        for n in range(log_y.size):
            at, part = self.at[n], self.part[n][:, None]
            first = int(at.min())
            curve = np.tensordot(weights[n], self.layers[:, first : int(at.max()) + 2], axes=1)
            out[:, :, n] = (log_y[n] - self.log_t - curve[at - first] * (1 - part) - curve[at - first + 1] * part).T
        return out


def _profile(
    points: _Points,
    noise: _Noise,
    ts: np.ndarray,
    ds: np.ndarray,
    tried: np.ndarray,
    penalty: np.ndarray,
) -> tuple[np.ndarray, int]:
    """χ² over (t₊, ln D), the best of all R_int tried at each point, and which R_int the best point has."""
    curves = _Curves.over(points, ts, ds)
    surfaces = []
    for interface, more in zip(tried, penalty, strict=True):
        white = curves.residual(points, float(interface)) @ noise.whiten.T
        surfaces.append(np.einsum("tdn,tdn->td", white, white) + more)
    stack = np.array(surfaces)
    return stack.min(axis=0), int(np.unravel_index(int(np.argmin(stack)), stack.shape)[0])


def _noise(residual: np.ndarray, relative_std: np.ndarray | None, pellets: np.ndarray | None) -> _Noise:
    """Scatter of the residuals within and between pellets beyond the stated errors, by restricted likelihood."""
    n = residual.size
    std = np.zeros(n) if relative_std is None else np.asarray(relative_std, float)
    if not residual.any():  # nothing is known yet: all points alike
        return _Noise(np.eye(n), math.inf, 0.0, 0.0)
    level = fit_plane(np.ones((n, 1)), residual, std, pellets=pellets)
    # the curve took two degrees of freedom, the level that was fitted here one
    within = level.scatter * math.sqrt((n - 1) / (n - 2))
    covariance = np.diag(std**2 + within**2 + 1e-8)
    if pellets is not None and level.pellet_scatter > 0:
        labels = np.asarray(pellets)
        covariance += level.pellet_scatter**2 * (labels[:, None] == labels)
    degrees = max(float(level.degrees[0]) - 1, 2.0)
    return _Noise(
        np.linalg.inv(np.linalg.cholesky(covariance)),
        student_quantile(degrees) ** 2,
        within,
        level.pellet_scatter,
    )


def _result(
    points: _Points,
    noise: _Noise,
    region: _Region,
    spans: tuple[tuple[float, float], tuple[float, float]],
    temperature: float,
) -> CollapseFit:
    ts, ds, accepted, best, interface = region.ts, region.ds, region.accepted, region.best, region.interface
    t, d = float(ts[best[0]]), float(np.exp(ds[best[1]]))
    grid_t, grid_d = np.meshgrid(ts, ds, indexing="ij")
    bulk = points.bulk(interface)
    sigma = np.log(points.thickness / bulk)
    factor = math.exp(float(sigma.mean())) * GAS_CONSTANT * temperature / FARADAY**2
    flags: list[Flag] = []
    for name, span, some in (("t₊", spans[0], grid_t[accepted]), ("D", spans[1], grid_d[accepted])):
        edge = 1e-3 * (span[1] - span[0])
        if some.min() <= span[0] + edge or some.max() >= span[1] - edge:
            flags.append(TransportFlag.AT_BOUND.flag(quantity=name))
    if np.any(interface / bulk > LARGEST_SERIES):
        flags.append(TransportFlag.AT_BOUND.flag(quantity="the interfaces' share of the resistance"))
    if np.ptp(grid_t[accepted]) > 0.5:
        flags.append(TransportFlag.FLAT_TRANSFERENCE.flag())
    seen = grid_t[accepted], np.exp(grid_d[accepted])
    at_best = _Curves.over(points, ts[best[0] : best[0] + 1], ds[best[1] : best[1] + 1])
    residual = at_best.residual(points, interface)[0, 0]
    told = tuple(flags)
    concentration = _ranged(factor * 2 * t * (1 - t) / d, factor * 2 * seen[0] * (1 - seen[0]) / seen[1], told)
    return CollapseFit(
        transference=_ranged(t, seen[0], told),
        diffusivity=_ranged(d, seen[1], told),
        concentration=_widened(concentration, sigma.std(ddof=1) / math.sqrt(sigma.size)),
        series_resistance=Estimate(interface),
        rates=np.exp(points.log_shift) / d,
        series=interface / bulk,
        peak_ratios=points.current * bulk / t * np.exp(-residual),
        residual=residual,
        scatter=float(np.sqrt(np.sum(residual**2) / (residual.size - 2))),
        pellet_scatter=noise.between,
        count=residual.size,
        flags=told,
    )


def _ranged(value: float, accepted: np.ndarray, flags: tuple[Flag, ...]) -> Estimate:
    low, high = float(accepted.min()), float(accepted.max())
    return Estimate(value, (high - low) / 3.92, min(low, value), max(high, value), flags)


def _widened(value: Estimate, relative: float) -> Estimate:
    """The estimate with a further independent relative standard uncertainty (the mean conductivity's)."""
    more = NORMAL_95 * relative * value.value
    low = value.value - math.hypot(value.value - value.low, more)
    high = value.value + math.hypot(value.high - value.value, more)
    return Estimate(value.value, math.hypot(value.std, relative * value.value), low, high, value.flags)
