"""Activation energy from a conductivity, or the resistance of a process, at several temperatures.

    σT = A·exp(-E_a/RT) ,   T/R_p = A·exp(-E_a/RT)

The factor T belongs to hopping: the mobility of independent jumps is D/k_BT times the charge, and D is activated.
ln(σT) against 1/T is a straight line. For the resistance R_p of any other process T/R_p stands in place of σT, so that
its energy can be compared with the conductivity's; energies of ln(1/R_p) without the T are lower by RT (0.026 eV).

Sources: Noori, Olsen, Rodin, arXiv:2404.06707 (the law, and where it ends); Aniya, Ikeda, Nanomaterials 9 (2019) 911,
doi:10.3390/nano9060911 (conductors whose line bends).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from rampion.campaign.regression import Regression, contrast, fit_plane, student_quantile
from rampion.errors import InputError
from rampion.estimate import NORMAL_95, Estimate, Flag
from rampion.quantities import GAS_CONSTANT, quantity
from rampion.transport.finding import ROOM
from rampion.transport.flags import TransportFlag

_ALIKE = 0.5  # K: temperatures nearer than this are one
_DOUBTED = 0.01  # p-value below which the scatter, or the bend, is told
_ENOUGH = 5  # points for a test of the bend
_SMOOTH = 61  # points of the line that is drawn


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Activation:
    """An activation energy with the line it is from.

    Attributes
    ----------
    quantity : what is activated, in words.
    energy : E_a [J/mol].
    prefactor : A [unit of the conductivity, or of 1/R, times K].
    room_value : the conductivity [S/m], or the resistance [Ω], of the line at 25 °C.
    chi_square : of the line with the stated errors alone, over the degrees of freedom; NaN where an error is unknown.
    p_value : of a χ² at least as large.
    scatter : relative standard deviation of the points beyond their stated errors.
    curvature : p-value of the quadratic term; NaN of fewer than five points.
    temperature, ordinate, ordinate_std : (n,) [K], σT or T/R and its standard uncertainty from all stated errors.
    line_temperature, line, line_low, line_high : (m,) the line and its 95 % band, errors common to all points left out.
    """

    quantity: str
    energy: Estimate
    prefactor: Estimate
    room_value: Estimate
    chi_square: float
    p_value: float
    scatter: float
    curvature: float
    count: int
    temperature: Float[np.ndarray, " n"]
    ordinate: Float[np.ndarray, " n"]
    ordinate_std: Float[np.ndarray, " n"]
    line_temperature: Float[np.ndarray, " m"]
    line: Float[np.ndarray, " m"]
    line_low: Float[np.ndarray, " m"]
    line_high: Float[np.ndarray, " m"]
    flags: tuple[Flag, ...] = ()


def fit_arrhenius(
    temperature: Float[np.ndarray, " n"],
    value: Float[np.ndarray, " n"],
    value_std: Float[np.ndarray, " n"] | None = None,
    temperature_std: Float[np.ndarray, " n"] | None = None,
    *,
    resistance: bool = False,
    common: float = 0.0,
    name: str = "conductivity",
) -> Activation:
    """Activation energy, prefactor and value at 25 °C of a conductivity or of a process's resistance.

    ln(σT) = ln A - E_a/RT by least squares with errors in both axes: an error of a temperature moves both. Scatter
    beyond the stated errors is found by restricted maximum likelihood and added to them; where a temperature has no
    stated uncertainty it is taken as an error of the temperatures. Intervals are Student's, with n - 2 degrees of
    freedom where an error is unknown, else with Satterthwaite's.

    Assumes one activation energy over the range, and errors that are independent from point to point. Fails when the
    thermometer is wrong by the same amount at all temperatures (E_a moves by 2ΔT/T, 0.7 % for 1 K, and nothing shows
    it), and when the line bends, which is tested and flagged. Of two temperatures there is no uncertainty.

    Parameters
    ----------
    temperature, temperature_std : (n,) [K]; NaN where an uncertainty is unknown.
    value, value_std : (n,) conductivity [S/m], or resistance [Ω], without the errors that all points share.
    resistance : the values are resistances, and T/R takes the place of σT.
    common : relative standard uncertainty that all points share (thickness, area): of the prefactor and the value at
        25 °C, not of the energy.
    name : what is activated, in words.

    Raises
    ------
    InputError
        When there are fewer than two different temperatures, or a value is not positive.
    """
    t, q = np.asarray(temperature, float), np.asarray(value, float)
    if t.size == 0:
        raise InputError(f"The {name} is known at no temperature; an activation energy needs two or more.")
    if not (np.all(t > 0) and np.all(q > 0)):
        raise InputError(f"The {name} at a temperature is missing or not positive; leave that spectrum out.")
    order = np.sort(t)
    different = 1 + int(np.sum(np.diff(order) > _ALIKE))
    if different < 2:
        raise InputError(
            f"An activation energy of the {name} needs two temperatures or more; all are {order[0]:.1f} K."
        )
    relative = np.full(t.size, math.nan) if value_std is None else np.asarray(value_std, float) / q
    t_std = np.full(t.size, math.nan) if temperature_std is None else np.asarray(temperature_std, float)
    ordinate = t / q if resistance else t * q
    if different < 3:
        return _of_two(t, ordinate, relative, t_std, resistance, name)
    unknown = not (np.isfinite(relative).all() and np.isfinite(t_std).all())
    middle = float(np.mean(1 / t)) / GAS_CONSTANT
    x, y = 1 / (GAS_CONSTANT * t) - middle, np.log(ordinate)
    guess = -float(np.polyfit(x, y, 1)[0])
    steep = np.abs(guess / (GAS_CONSTANT * t) - 1) / t  # |d ln(σT) of the line - d ln(σT) of the point|/dT
    share = steep / float(np.mean(steep)) if not np.isfinite(t_std).all() else None
    y_std, x_std = np.hypot(relative, np.nan_to_num(t_std) / t), np.nan_to_num(t_std) / (GAS_CONSTANT * t**2)
    tied = np.zeros((t.size, 2))
    np.divide(-np.nan_to_num(t_std) / t, y_std, out=tied[:, 1], where=y_std > 0)
    design, errors = np.column_stack([np.ones(t.size), x]), np.column_stack([np.zeros(t.size), x_std])
    fit = fit_plane(design, y, y_std, errors, tied, scatter_share=share, spare=1)
    fit = _with_degrees(fit, unknown)
    degrees = t.size - 2
    reduced = fit.chi_square / degrees if np.isfinite(relative).all() else math.nan
    p_value = _exceeded(fit.chi_square, degrees) if math.isfinite(reduced) else math.nan
    slope = fit.estimate(1)
    energy = Estimate(-slope.value, slope.std, -slope.high, -slope.low)
    bend, ends = math.nan, (math.nan, math.nan)
    if t.size >= _ENOUGH and different >= 4:
        effective = np.hypot(relative, steep * np.nan_to_num(t_std))
        bent = fit_plane(np.column_stack([design, x**2]), y, effective, scatter_share=share)
        bend = contrast(_with_degrees(bent, unknown), np.array([0.0, 0.0, 1.0])).p_value
        ends = tuple(-(bent.coefficients[1] + 2 * bent.coefficients[2] * float(end)) for end in (x.max(), x.min()))
    flags = []
    if bend < _DOUBTED:
        cold, hot = (quantity("activation_energy").shown(end) for end in ends)
        flags.append(TransportFlag.NOT_ONE_ENERGY.flag(quantity=name, p_value=bend, cold=cold, hot=hot))
    elif p_value < _DOUBTED and fit.scatter > 0:
        flags.append(_scatter_flag(name, fit, share, float(np.mean(steep)), reduced, p_value))
    return Activation(
        quantity=name,
        energy=energy.flagged(*flags),
        prefactor=_exponential(fit, -middle, common),
        room_value=_room_value(fit, 1 / (GAS_CONSTANT * ROOM) - middle, common, resistance).flagged(
            *_extrapolated(order, name)
        ),
        chi_square=reduced,
        p_value=p_value,
        scatter=fit.scatter,
        curvature=bend,
        count=t.size,
        temperature=t,
        ordinate=ordinate,
        ordinate_std=ordinate * np.hypot(relative, np.nan_to_num(t_std) * steep),
        **_line(fit, order, middle),
        flags=(*flags, *_extrapolated(order, name)),
    )


def _with_degrees(fit: Regression, unknown: bool) -> Regression:
    """Where errors are unknown the scatter stands for all of them, also where by chance none was found."""
    left = float(fit.count - fit.coefficients.size)
    return replace(fit, degrees=np.full(fit.degrees.size, left)) if unknown else fit


def _exceeded(chi_square: float, degrees: int) -> float:
    from scipy.special import chdtrc

    return float(chdtrc(degrees, chi_square))


def _scatter_flag(
    name: str, fit: Regression, share: np.ndarray | None, steep: float, reduced: float, p_value: float
) -> Flag:
    if share is not None:
        return TransportFlag.TEMPERATURE_SCATTER.flag(quantity=name, scatter=fit.scatter, kelvin=fit.scatter / steep)
    return TransportFlag.SCATTER_BEYOND_ERRORS.flag(quantity=name, ratio=reduced, p_value=p_value, scatter=fit.scatter)


def _extrapolated(order: np.ndarray, name: str) -> tuple[Flag, ...]:
    low, high = float(order[0]), float(order[-1])
    if low - _ALIKE <= ROOM <= high + _ALIKE:
        return ()
    shown = quantity("temperature").shown
    return (TransportFlag.EXTRAPOLATED_TO_ROOM.flag(quantity=name, low=shown(low), high=shown(high)),)


def _logarithm(fit: Regression, place: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """ln(σT) of the line at places 1/RT less the mean, its standard uncertainty, and Student's quantile."""
    columns = np.column_stack([np.ones_like(place), place])
    std = np.sqrt(np.einsum("ni,ij,nj->n", columns, fit.covariance, columns))
    return columns @ fit.coefficients, std, student_quantile(float(np.min(fit.degrees)))


def _exponential(fit: Regression, place: float, common: float) -> Estimate:
    """exp of the line at a place, with the errors that all points share."""
    (log,), (std,), quantile = _logarithm(fit, np.array([place]))
    value, half = math.exp(log), math.hypot(quantile * std, NORMAL_95 * common)
    return Estimate(value, value * math.hypot(std, common), value * math.exp(-half), value * math.exp(half))


def _room_value(fit: Regression, place: float, common: float, resistance: bool) -> Estimate:
    line = _exponential(fit, place, common)
    if not resistance:
        return line.scaled(1 / ROOM)
    value = ROOM / line.value
    return Estimate(value, value * line.relative, ROOM / line.high, ROOM / line.low)


def _line(fit: Regression, order: np.ndarray, middle: float) -> dict[str, np.ndarray]:
    room = 0.04 * (1 / order[0] - 1 / order[-1])
    inverse = np.linspace(1 / order[-1] - room, 1 / order[0] + room, _SMOOTH)
    log, std, quantile = _logarithm(fit, inverse / GAS_CONSTANT - middle)
    low, high = log - quantile * std, log + quantile * std
    return {
        "line_temperature": 1 / inverse, "line": np.exp(log), "line_low": np.exp(low), "line_high": np.exp(high),
    }  # fmt: skip


def _of_two(
    t: np.ndarray, ordinate: np.ndarray, relative: np.ndarray, t_std: np.ndarray, resistance: bool, name: str
) -> Activation:
    """The line through two temperatures: numbers without uncertainty, and the flag that says why."""
    slope, height = np.polyfit(1 / (GAS_CONSTANT * t), np.log(ordinate), 1)
    flags = (TransportFlag.FEW_TEMPERATURES.flag(count=2), *_extrapolated(np.sort(t), name))
    line_temperature = 1 / np.linspace(1 / t.max(), 1 / t.min(), _SMOOTH)
    line = np.exp(height + slope / (GAS_CONSTANT * line_temperature))
    room = math.exp(height + slope / (GAS_CONSTANT * ROOM)) / ROOM
    nothing = np.full(_SMOOTH, math.nan)
    steep = np.abs(slope / (GAS_CONSTANT * t) + 1) / t
    return Activation(
        quantity=name,
        energy=Estimate(-float(slope), flags=flags[:1]),
        prefactor=Estimate(math.exp(height)),
        room_value=Estimate(1 / room if resistance else room, flags=flags),
        chi_square=math.nan,
        p_value=math.nan,
        scatter=math.nan,
        curvature=math.nan,
        count=t.size,
        temperature=t,
        ordinate=ordinate,
        ordinate_std=ordinate * np.hypot(relative, np.nan_to_num(t_std) * steep),
        line_temperature=line_temperature,
        line=line,
        line_low=nothing,
        line_high=nothing,
        flags=flags,
    )
