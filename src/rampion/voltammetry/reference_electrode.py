"""What a reference electrode adds to a sweep: which side polarises, and whose interface the resistance is.

A reference at depth x of an electrolyte of thickness L samples the potential there: the working electrode's potential
against it, V_w, is the voltage of that interface and of the electrolyte before the reference; the rest of the cell's
voltage V is the other side's. While the polarisation is small against RT/F, both follow one response to the current,

    V = V₀ + R I + k m + r I Q + q I Q²,      V_w = a + s R I + k' m + r' I Q + q' I Q²,

R: resistance at rest; m: half-order integral of I (diffusion); Q: charge passed (contact used up); a: offset of the
reference; s: the working side's share of R. With the shares w, u, b of working interface, counter interface and
electrolyte, s = w + b x/L and 1 - s = u + b (1 - x/L). Since w, u ≥ 0, whatever b is,

    max(0, (s - x/L)/(1 - x/L)) ≤ w ≤ s,

and w = s - b x/L where a spectrum gives the electrolyte's resistance. Later in the sweep, the working side's share of
V - V₀ - R I is compared with one half (both faces polarise alike) and x/L (all depths do).

*Assumes* a sweep from rest, an electrolyte uniform in depth at rest, straight lines of current, and a reference that
draws none. *Fails when* the reference shields the current, or the stated depth is not that of its tip.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from rampion.equality import equal_by_value
from rampion.estimate import NORMAL_95, Estimate, Flag
from rampion.measurement import Sample
from rampion.voltammetry.flags import VoltammetryFlag
from rampion.voltammetry.noise import noise_of, straight_line
from rampion.voltammetry.ohmic import thermal_voltage
from rampion.voltammetry.peak import semi_integrate
from rampion.voltammetry.voltammogram import SMALLEST_SWEEP, Voltammogram


class Side(StrEnum):
    """On which side of the reference most of the polarisation lies."""

    WORKING = "working electrode"
    COUNTER = "counter electrode"
    UNDETERMINED = "not determined"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceRule:
    """Where the small-voltage response holds, and when potentials contradict each other.

    Attributes
    ----------
    small : polarisation over RT/F up to which both sides follow one linear response: beyond 0.6 the intervals of
        simulated polarising cells begin to miss the truth, at 0.2 they are 1.6 times as wide.
    blocks : means of points that are fitted. Noise that more than a block's points share is understated.
    starts : lengths of the sweep's start that are compared.
    gain : standard uncertainty of the ratio of two inputs of an instrument (makers state 0.1 to 0.5 % at most).
    errors : standard uncertainties beyond which two numbers differ.
    """

    small: float = 0.3
    blocks: int = 30
    starts: int = 30
    gain: float = 2e-3
    errors: float = 3.0

    @property
    def apart(self) -> float:
        """Share of the cell's voltage beyond which two inputs differ."""
        return self.errors * self.gain


RULE = ReferenceRule()
_SIDES = {1: Side.WORKING, -1: Side.COUNTER, 0: Side.UNDETERMINED}


@equal_by_value
@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceElectrode:
    """What a reference electrode adds; shares are fractions of the whole cell's, between both electrodes.

    depth : of the reference over the thickness, from the working electrode; ``None`` where it is not stated with an
        uncertainty.
    resistance : [Ω] of the cell at rest, from the same small voltages as the shares.
    working_share : of the resistance at rest, between working electrode and reference.
    interface_share : of the resistance at rest, in the working interface; ``None`` without a depth. Without the
        electrolyte's resistance it is the span of what is possible, and its std is NaN.
    electrolyte_known : whether a spectrum gave the electrolyte's resistance.
    polarisation_share : of the voltage beyond the resistance at rest, between working electrode and reference, at the
        end of the sweep or before its current is no longer the electrolyte's; ``None`` where nothing polarised clearly.
    polarising : the side with more of it than :func:`uneven` allows an even polarisation.
    potential : [V] of the working electrode against the reference at the event, less the reference's offset.
    """

    depth: Estimate | None
    resistance: Estimate
    working_share: Estimate
    interface_share: Estimate | None
    electrolyte_known: bool = False
    polarisation_share: Estimate | None
    polarising: Side
    potential: Estimate


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Response:
    """The fit at small voltage to (cell, working): numbers (5, 2) of 1, I, m, I Q, I Q²; ``inverse`` (5, 5) of the
    normal matrix; ``noise`` (2, 2) [V²] covariance of a mean of points."""

    numbers: np.ndarray
    inverse: np.ndarray
    noise: np.ndarray

    def error(self, gradient: np.ndarray, ratio: tuple[float, float], measured: float = 0.0) -> float:
        """Standard uncertainty of a combination of the numbers, (5,) along them and of (cell, working), and of as many
        ``measured`` means of points beside it."""
        weights = np.array(ratio)
        spread = float(gradient @ self.inverse @ gradient) + measured
        return math.sqrt(max(spread * float(weights @ self.noise @ weights), 0.0))


def find_reference(
    voltammogram: Voltammogram, sample: Sample, event: float, until: float
) -> tuple[ReferenceElectrode | None, tuple[Flag, ...]]:
    """What the reference of a sweep adds, ``None`` where there is none or its potentials contradict each other.

    Parameters
    ----------
    voltammogram : with ``electrodes`` where they were recorded.
    sample : ``reference_depth`` and ``thickness`` [m] give the position, ``temperature`` RT/F.
    event, until : [V] cell voltage of the event, and of the last point whose current the electrolyte alone carries.
    """
    stated = sample.reference_depth is not None or sample.configuration == "three-electrode"
    if voltammogram.electrodes is None or not np.isfinite(voltammogram.electrodes).any():
        return None, (VoltammetryFlag.REFERENCE_NOT_RECORDED.flag(),) if stated else ()
    working, apart = _working(voltammogram.potential, *voltammogram.electrodes)
    kept = voltammogram.swept & np.isfinite(working) & (voltammogram.ramp <= until)
    if kept.sum() < SMALLEST_SWEEP:
        return None, ()
    regressors = _regressors(voltammogram)[:, kept]
    potentials = np.stack([voltammogram.potential, working])[:, kept]
    response = _small_response(regressors, potentials, RULE.small * thermal_voltage(sample))
    resistance, share = _at_rest(response)
    if not resistance.value > 0 or (not stated and min(abs(share.value), abs(1.0 - share.value)) < RULE.apart):
        return None, ()  # the reference's input is connected to an electrode
    if apart > RULE.apart:
        found = f"working minus counter potential and cell voltage differ by {apart:.1%}"
        return None, (VoltammetryFlag.REFERENCE_CONTRADICTED.flag(found=found, expected=f"at most {RULE.apart:.1%}"),)
    depth = _depth(sample)
    excess = _polarisation(regressors, potentials, response)
    side = 0 if excess is None else uneven(excess, depth)
    ramp, half = voltammogram.ramp[kept], max(int(kept.sum()) // (2 * RULE.blocks), 3)
    place = min(int(np.searchsorted(np.maximum.accumulate(ramp), event)), ramp.size - 1)
    near = slice(max(place - half, 0), place + half + 1)
    at = straight_line(ramp[near] - min(event, float(ramp[-1])), potentials[1, near])[1]
    error = response.error(np.eye(5)[0], (0.0, 1.0), measured=1.0)
    reference = ReferenceElectrode(
        depth=depth,
        resistance=resistance,
        working_share=share,
        interface_share=None if depth is None else possible_interface(share, depth),
        polarisation_share=excess,
        polarising=_SIDES[side],
        potential=Estimate(at - response.numbers[0, 1], error),
    )
    return reference, _flags(reference)


def with_electrolyte(
    reference: ReferenceElectrode, electrolyte: Estimate
) -> tuple[ReferenceElectrode, tuple[Flag, ...]]:
    """The working interface's share w = s - b x/L from the electrolyte's resistance at rest [Ω].

    Flags a share, of either interface, that is negative by more than its error: the depth or a resistance is wrong.
    """
    depth, side, cell = reference.depth, reference.working_share, reference.resistance
    if depth is None or not (math.isfinite(electrolyte.std) and electrolyte.value > 0):
        return reference, ()
    part = electrolyte.value / cell.value
    spread = part * math.hypot(electrolyte.relative, cell.relative)
    value = side.value - part * depth.value
    std = math.sqrt(side.std**2 + (depth.value * spread) ** 2 + (part * depth.std) ** 2)
    other = 1.0 - part - value
    other_std = math.sqrt(side.std**2 + ((1.0 - depth.value) * spread) ** 2 + (part * depth.std) ** 2)
    flags: tuple[Flag, ...] = ()
    if value < -max(RULE.apart, RULE.errors * std) or other < -max(RULE.apart, RULE.errors * other_std):
        found = f"the interfaces take {value:.0%} and {other:.0%} of the resistance"
        flags = (VoltammetryFlag.REFERENCE_CONTRADICTED.flag(found=found, expected="no negative share"),)
    low, high = (min(max(value + sign * NORMAL_95 * std, 0.0), 1.0) for sign in (-1.0, 1.0))
    share = Estimate(min(max(value, low), high), std, low, high)
    return replace(reference, interface_share=share, electrolyte_known=True), flags


def possible_interface(side: Estimate, depth: Estimate) -> Estimate:
    """The shares of the working interface that some share of the electrolyte allows; the middle, without a std."""
    least = (side.value - depth.value) / (1.0 - depth.value)
    std = math.hypot(side.std, (1.0 - side.value) / (1.0 - depth.value) * depth.std) / (1.0 - depth.value)
    low = max(least - NORMAL_95 * std, 0.0)
    high = min(max(side.high, low), 1.0)
    return Estimate(0.5 * (low + high), math.nan, low, high)


def uneven(share: Estimate, depth: Estimate | None) -> int:
    """1 where a working side's share is above any even one, -1 where below, else 0.

    Even is what lies alike at both faces (one half), or alike at all depths (x/L; 0 … 1 where it is unknown).
    """
    ends = (Estimate(0.0, 0.0), Estimate(1.0, 0.0)) if depth is None else (Estimate(0.5, 0.0), depth)
    away = [share.value - end.value for end in ends]
    reach = [max(RULE.apart, RULE.errors * math.hypot(share.std, end.std)) for end in ends]
    above = all(distance > least for distance, least in zip(away, reach, strict=True))
    below = all(distance < -least for distance, least in zip(away, reach, strict=True))
    return int(above) - int(below)


def _working(cell: np.ndarray, working: np.ndarray, counter: np.ndarray) -> tuple[np.ndarray, float]:
    """The working electrode's potential (n,), and how far both electrodes' are from the cell's voltage, relative."""
    if not np.isfinite(working).any():
        return cell + counter, 0.0
    known = np.isfinite(working) & np.isfinite(counter)
    if known.sum() < SMALLEST_SWEEP or not np.ptp(cell[known]) > 0:
        return working, 0.0
    return working, abs(float(np.polyfit(cell[known], (working - counter)[known], 1)[0]) - 1.0)


def _regressors(voltammogram: Voltammogram) -> np.ndarray:
    """1, I, m, I Q and I Q² (5, n), the last three over their largest."""
    time, current = voltammogram.time, voltammogram.current
    charge = np.concatenate([[0.0], np.cumsum(0.5 * (current[1:] + current[:-1]) * np.diff(time))])
    columns = [semi_integrate(time, current), current * charge, current * charge**2]
    scaled = [column / max(float(np.max(np.abs(column))), 1e-300) for column in columns]
    return np.stack([np.ones(time.size), current, *scaled])


def _small_response(regressors: np.ndarray, potentials: np.ndarray, most: float) -> _Response:
    """The fit over a start of the sweep polarised by at most ``most`` [V]: the one that knows the share best."""
    count = potentials.shape[1]
    beyond = np.flatnonzero(np.abs(potentials[0]) > most)  # nothing polarises by more than its voltage
    first = max(int(beyond[0]) if beyond.size else count, SMALLEST_SWEEP)
    best = kept = _fit(regressors[:, :first], potentials[:, :first])
    for end in np.unique(np.geomspace(first, count, RULE.starts).astype(int)).tolist():
        if potentials[0, end - 1] - float(regressors[:2, end - 1] @ kept.numbers[:2, 0]) > most:
            break
        kept = _fit(regressors[:, :end], potentials[:, :end])
        best = min(best, kept, key=lambda one: _at_rest(one)[1].std)
    return best


def _fit(regressors: np.ndarray, potentials: np.ndarray) -> _Response:
    """Least squares over means of neighbouring points, errors from what it leaves and the memory of the noise in it."""
    count = min(RULE.blocks, potentials.shape[1])
    means = [part.mean(axis=1) for part in np.array_split(np.concatenate([regressors, potentials]), count, axis=1)]
    design, wanted = np.split(np.stack(means), [regressors.shape[0]], axis=1)
    scale = np.maximum(np.max(np.abs(design), axis=0), 1e-300)
    inverse = np.linalg.pinv(design / scale) / scale[:, None]
    numbers = inverse @ wanted
    left = wanted - design @ numbers
    free = regressors.shape[0]
    size = np.maximum(np.sqrt(np.mean(left**2, axis=0)), 1e-300)
    white = math.sqrt(count / max(count - free, 1))
    gain = [max(noise_of(left[:, k], np.full(count, size[k]), free=free).gain, white) for k in range(2)]
    noise = left.T @ left / count * np.outer(gain, gain)
    return _Response(numbers=numbers, inverse=inverse @ inverse.T, noise=noise)


def _at_rest(response: _Response) -> tuple[Estimate, Estimate]:
    """R [Ω] and s."""
    whole, part = response.numbers[1].tolist()
    share = part / whole
    error = response.error(np.eye(5)[1], (-share, 1.0)) / abs(whole)
    resistance = Estimate(whole, response.error(np.eye(5)[1], (1.0, 0.0)))
    return resistance, Estimate(share, math.hypot(error, RULE.gain * share))


def _depth(sample: Sample) -> Estimate | None:
    """The reference's depth over the thickness; a thickness without stated uncertainty counts as exact."""
    depth, thickness = sample.reference_depth, sample.thickness
    if depth is None or thickness is None or not math.isfinite(depth.std):
        return None
    value = depth.value / thickness.value
    error = thickness.relative if math.isfinite(thickness.std) else 0.0
    return Estimate(value, math.hypot(depth.std / thickness.value, value * error))


def _polarisation(regressors: np.ndarray, potentials: np.ndarray, response: _Response) -> Estimate | None:
    """The working side's share of the voltage beyond the resistance at rest, over the last points."""
    last = slice(-max(potentials.shape[1] // RULE.blocks, 1), None)
    gradient = np.concatenate([regressors[:2, last].mean(axis=1), np.zeros(3)])
    whole, part = (potentials[:, last].mean(axis=1) - gradient @ response.numbers).tolist()
    if not whole > RULE.errors * response.error(gradient, (1.0, 0.0), measured=1.0):
        return None
    return Estimate(part / whole, response.error(gradient, (-part / whole, 1.0), measured=1.0) / whole)


def _flags(found: ReferenceElectrode) -> tuple[Flag, ...]:
    """What is asked for, and a share of the resistance that two equal interfaces cannot have."""
    flags = (VoltammetryFlag.REFERENCE_DEPTH_MISSING.flag(),) if found.depth is None else ()
    if uneven(found.working_share, found.depth):
        low, high = (0.0, 1.0) if found.depth is None else sorted((found.depth.value, 0.5))
        say = f"the working side takes {found.working_share.value:.0%} of the resistance at rest"
        expected = f"{low:.0%} to {high:.0%} between equal interfaces"
        flags += (VoltammetryFlag.REFERENCE_CONTRADICTED.flag(found=say, expected=expected),)
    return flags
