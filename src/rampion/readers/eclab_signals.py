"""What EC-Lab's columns say of the cell: its voltage, its current, and the potential that the instrument ramped.

The cell's voltage is that between both electrodes, ``Ewe`` minus ``Ece``, wherever a counter electrode was recorded
(``Ecell`` and ``Ewe-Ece`` are this difference by another name). A file without current holds the charge since the
point before (``dq``), or the charge in all; their rate is the mean current between two points, as EC-Lab itself prints
it. Only without charge the set current is taken. *Assumes* that ``Ece`` is connected where it is recorded.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rampion.estimate import Flag
from rampion.measurement import RATE_TOLERANCE, Controlled, CurrentOrigin, Protocol, Sweep
from rampion.readers.eclab_names import CELL, COUNTER, CURRENT, WORKING, first_column
from rampion.readers.flags import ReaderFlag

REST_MODE, GALVANOSTATIC_MODE, POTENTIOSTATIC_MODE = 3, 1, 2
_ABSOLUTE_ZERO = 273.15


@dataclass(frozen=True, slots=True)
class SignalRule:
    """Where a recorded counter electrode is one, and where a potential is a ramp or rests at its range's edge.

    Attributes
    ----------
    same_potential : [V] two inputs of one instrument on one electrode differ by less (offsets of EC-Lab's inputs are
        a few millivolts at the ±10 V range); a counter electrode that keeps within it is the reference's twin.
    looked_at : points on which a ramp is recognised.
    straight : share of a ramp's width within which its set values lie on one line.
    noise_free : a difference of potentials counts as movement when it is this many times their noise.
    moving : share of a record that must move at a rate to confirm it, and of the usual rate below which it is a hold.
    range_edges : [V] the ends of the ranges of EC-Lab's instruments.
    at_edge : share of a range's end within which a potential rests there.
    """

    same_potential: float = 5e-3
    looked_at: int = 2000
    straight: float = 0.01
    noise_free: float = 20.0
    moving: float = 0.2
    range_edges: tuple[float, ...] = (2.5, 5.0, 10.0, 20.0)
    at_edge: float = 0.02


_RULE = SignalRule()
_LEAST_POINTS = 10
_HALF = 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Voltage:
    """The potentials of a file, (n,) [V] each or ``None``: the cell's, and those of both electrodes.

    ``taken`` is the name of the column that is the cell's voltage, empty where it is a difference of two;
    ``has_counter`` whether the cell's voltage is another than the working electrode's potential.
    """

    cell: Float[np.ndarray, " n"] | None
    working: Float[np.ndarray, " n"] | None
    counter: Float[np.ndarray, " n"] | None
    taken: tuple[str, ...] = ()
    has_counter: bool = False
    flags: tuple[Flag, ...] = ()


def cell_voltage(named: Mapping[str, np.ndarray]) -> Voltage:
    """The cell's voltage, and a flag where it differs from ``Ewe``."""
    working, counter = _electrodes(named)
    for name in CELL:
        cell = first_column(named, (name,), "V")
        if cell is not None:
            taken: tuple[str, ...] = (name,)
            break
    else:
        name, cell, taken = "Ewe - Ece", None, ()
        if working is not None and counter is not None:
            cell = working - counter
        elif working is not None:
            name, cell, taken = "Ewe", working, WORKING
    flags: tuple[Flag, ...] = ()
    apart = _apart(cell, working)
    has_counter = apart > _RULE.same_potential
    if has_counter:
        flags = (ReaderFlag.CELL_VOLTAGE_CHOSEN.flag(chosen=name, other="Ewe", difference=apart),)
    if counter is None and has_counter and working is not None and cell is not None:
        counter = working - cell
    return Voltage(cell=cell, working=working, counter=counter, taken=taken, has_counter=has_counter, flags=flags)


def _electrodes(named: Mapping[str, np.ndarray]) -> tuple[np.ndarray | None, np.ndarray | None]:
    """The potentials of both electrodes: two instantaneous ones, else two averages, else what there is."""
    for working, counter in zip(WORKING, COUNTER, strict=True):
        pair = first_column(named, (working,), "V"), first_column(named, (counter,), "V")
        if all(column is not None for column in pair):
            return pair
    return first_column(named, WORKING, "V"), first_column(named, COUNTER, "V")


def _apart(one: np.ndarray | None, other: np.ndarray | None) -> float:
    """The largest difference of two columns [V]; 0 where one is missing."""
    if one is None or other is None or one is other:
        return 0.0
    difference = np.abs(one - other)
    return float(np.max(difference[np.isfinite(difference)], initial=0.0))


def cell_current(
    named: Mapping[str, np.ndarray], technique: str, count: int, begins: Bool[np.ndarray, " n"]
) -> tuple[Float[np.ndarray, " n"] | None, CurrentOrigin]:
    """The current [A] and where it comes from: measured, the charge over time, set, or zero at open circuit.

    ``begins`` marks the first row of each repetition, where the charge since the row before is not this technique's.
    """
    current = first_column(named, CURRENT, "A")
    if current is not None:
        return current, CurrentOrigin.MEASURED
    if technique == "OCV":
        return np.zeros(count), CurrentOrigin.MEASURED
    applied = _set_current(named)
    charged = _charge_over_time(named, begins)
    if charged is not None and np.isfinite(charged).any():
        running = np.zeros(count, dtype=bool) if applied is None else np.isfinite(applied) & (applied != 0)
        if not running.any() or np.any(charged[running & np.isfinite(charged)] != 0):
            return charged if applied is None else np.where(
                np.isfinite(charged), charged, applied
            ), CurrentOrigin.CHARGE
    return applied, CurrentOrigin.MEASURED if applied is None else CurrentOrigin.SETTING


def _set_current(named: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """The current that was set [A]: zero at rest, NaN where a potential was set."""
    mode = named.get("mode")
    applied = first_column(named, ("control",), "A")
    if applied is None and "control/V/mA" in named and mode is not None:
        applied = np.where(mode == GALVANOSTATIC_MODE, named["control/V/mA"] * 1e-3, np.nan)
    if applied is not None and mode is not None:
        applied = np.where(mode == REST_MODE, 0.0, applied)
    return applied


def _charge_over_time(named: Mapping[str, np.ndarray], begins: np.ndarray) -> np.ndarray | None:
    """I = Δq/Δt [A] of each row since the row before; NaN where a repetition begins or no time passed."""
    time = first_column(named, ("time", "step time"), "s")
    if time is None:
        return None
    for names, cumulative in ((("dq",), False), (("(Q-Qo)",), True)):
        charge = first_column(named, names, "A.h")
        charge = first_column(named, names, "C") if charge is None else 3600.0 * charge
        if charge is None:
            continue
        passed = np.diff(time, prepend=np.nan)
        moved = np.diff(charge, prepend=np.nan) if cumulative else charge
        known = (passed > 0) & ~begins
        return np.divide(moved, passed, out=np.full(time.size, np.nan), where=known)
    return None


def cell_temperature(named: Mapping[str, np.ndarray]) -> tuple[Float[np.ndarray, " n"] | None, str]:
    """The recorded temperature [K] and its column's name; the degree sign is often lost on the way."""
    for name, column in named.items():
        base, _, unit = name.partition("/")
        if base == "Temperature" and unit.endswith("C") and np.isfinite(column).any():
            return np.asarray(column, dtype=float) + _ABSOLUTE_ZERO, name
    return None, ""


def applied_potential(named: Mapping[str, np.ndarray]) -> Float[np.ndarray, " n"] | None:
    """The potential that was set [V], NaN in rows at rest: the rest before a ramp is no part of it."""
    applied = first_column(named, ("control",), "V")
    mode = named.get("mode")
    return applied if applied is None or mode is None else np.where(mode == REST_MODE, np.nan, applied)


def find_controlled(
    header: Controlled | None, named: Mapping[str, np.ndarray], voltage: Voltage, protocol: Protocol | None
) -> Controlled:
    """Which potential the instrument controlled: the one that follows the set potential, else what the header states.

    Without both it is the one that moves at the stated rate, else EC-Lab's usual one, the working electrode's.
    """
    if not voltage.has_counter:
        return Controlled.CELL
    potentials = {
        Controlled.CELL: voltage.cell, Controlled.WORKING: voltage.working, Controlled.COUNTER: voltage.counter,
    }  # fmt: skip
    present = {which: column for which, column in potentials.items() if column is not None}
    applied, time = applied_potential(named), first_column(named, ("time", "step time"), "s")
    if applied is not None and np.isfinite(applied).any():
        return min(present, key=lambda which: _typical(present[which] - applied))
    if header is not None:
        return header
    if isinstance(protocol, Sweep) and time is not None:
        shares = {which: compare_rate(time, column, protocol.rate)[0] for which, column in present.items()}
        return max(shares, key=lambda which: shares[which])
    return Controlled.WORKING


def stated_sweep(sweep: Sweep, named: Mapping[str, np.ndarray], voltage: Voltage) -> tuple[Sweep, tuple[Flag, ...]]:
    """The sweep of the settings, and a flag where the controlled potential moved at another rate."""
    time = first_column(named, ("time", "step time"), "s")
    moved = applied_potential(named)
    if moved is None:
        moved = {
            Controlled.CELL: voltage.cell, Controlled.WORKING: voltage.working, Controlled.COUNTER: voltage.counter,
        }[sweep.controlled]  # fmt: skip
    if time is None or moved is None:
        return sweep, ()
    mode = named.get("mode")
    swept = np.ones(time.size, dtype=bool) if mode is None else mode == POTENTIOSTATIC_MODE
    share, found = compare_rate(time[swept], moved[swept], sweep.rate)
    if share > _RULE.moving or not sweep.contradicted_by(found):
        return sweep, ()
    return sweep, (ReaderFlag.RATE_CONTRADICTED.flag(stated=1e3 * sweep.rate, found=1e3 * found),)


def _typical(difference: np.ndarray) -> float:
    good = np.abs(difference[np.isfinite(difference)])
    return float(np.median(good)) if good.size else math.inf


def compare_rate(time: Float[np.ndarray, " n"], potential: Float[np.ndarray, " n"], rate: float) -> tuple[float, float]:
    """The share of a record in which the potential moves at a rate, and the rate at which most of it moves [V/s].

    Looks at differences over 1, 2, 4, … points that exceed the potential's noise, so that holds, turns and the steps of
    a converter do not count against a rate. The rate found is that of the longest of which half agree on one, else NaN.
    """
    good = np.isfinite(time) & np.isfinite(potential)
    time, potential = time[good], potential[good]
    if time.size < _LEAST_POINTS:
        return 0.0, math.nan
    blur = _RULE.noise_free * _noise(time, potential)
    share, found = 0.0, math.nan
    stride = 1
    while 4 * stride <= time.size:
        moved, passed = np.abs(potential[stride:] - potential[:-stride]), time[stride:] - time[:-stride]
        clear = (passed > 0) & (np.maximum(moved, rate * passed) > blur)
        rates = moved[clear] / passed[clear]
        stride *= 2
        moving = rates[rates > _RULE.moving * np.median(rates[rates > 0])] if (rates > 0).any() else rates
        if 2 * moving.size < _LEAST_POINTS:
            continue
        share = max(share, float(np.mean(np.abs(rates - rate) <= RATE_TOLERANCE * rate)))
        typical = float(np.median(moving))
        agreed = float(np.mean(np.abs(moving - typical) <= RATE_TOLERANCE * typical))
        if agreed > _HALF:
            found = typical
    return share, found


def _noise(time: np.ndarray, potential: np.ndarray) -> float:
    """Scatter of each potential about the line through its neighbours; uneven sampling of a ramp adds nothing."""
    before, after = time[1:-1] - time[:-2], time[2:] - time[1:-1]
    good = (before > 0) & (after > 0)
    if not good.any():
        return 0.0
    share = before[good] / (before + after)[good]
    middle = (1.0 - share) * potential[:-2][good] + share * potential[2:][good]
    scatter = np.abs(potential[1:-1][good] - middle) / np.sqrt(1.0 + share**2 + (1.0 - share) ** 2)
    return 1.4826 * float(np.median(scatter))


def applied_sweep(
    time: Float[np.ndarray, " n"], applied: Float[np.ndarray, " n"], controlled: Controlled
) -> Sweep | None:
    """The ramp that the instrument applied, where its set values lie on one straight line."""
    good = np.isfinite(time) & np.isfinite(applied)
    time, applied = time[good], applied[good]
    if time.size < _LEAST_POINTS:
        return None
    ends = applied[[0, -1]]
    some = slice(None, None, max(1, time.size // _RULE.looked_at))
    time, applied = time[some], applied[some]
    width = float(np.ptp(applied))
    if width == 0 or np.ptp(time) == 0:
        return None
    rate, offset = np.polyfit(time, applied, 1)
    if np.max(np.abs(offset + rate * time - applied)) > _RULE.straight * width:
        return None
    return Sweep(rate=abs(float(rate)), start=float(ends[0]), stop=float(ends[1]), controlled=controlled)


def saturation(potential: Float[np.ndarray, " n"], current: Float[np.ndarray, " n"]) -> list[Flag]:
    """A flag where the potential rests at the edge of a range while the current moves."""
    if potential.size < _LEAST_POINTS or np.isnan(potential).all():
        return []
    low, high = float(np.nanmin(potential)), float(np.nanmax(potential))
    extreme = high if high >= -low else low
    widest = _RULE.range_edges[-2]
    near = any(abs(abs(extreme) - edge) < _RULE.at_edge * edge for edge in _RULE.range_edges)
    if abs(extreme) <= widest and not near:
        return []
    stuck = potential == extreme
    count = int(stuck.sum())
    if count < max(_LEAST_POINTS, potential.size // 50) or np.unique(current[stuck]).size < 3:
        return []
    return [ReaderFlag.POTENTIAL_SATURATED.flag(value=extreme, count=count)]
