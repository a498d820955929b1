"""The virtual instrument: what a potentiostat would have recorded of a simulated curve.

Noise, finite resolution, current ranges and their changes, sampling by time or by potential step, offsets, drift,
overload, cables. The truth goes in, a record like a measured one comes out, always marked synthetic.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from rampion.cell.sampling import round_period, sampling_times
from rampion.equality import equal_by_value
from rampion.errors import InputError
from rampion.estimate import FlagKind, Severity, merge_flags
from rampion.measurement import WORKING_POTENTIAL, FrequencyScan, Spectrum, Trace


class InstrumentFlag(FlagKind):
    """What the virtual instrument noticed while it recorded."""

    CURRENT_OVERLOAD = (
        Severity.WARNING,
        "The current exceeded the largest range ({range:g} A) at {points} points and was recorded at the limit.",
    )
    POTENTIAL_OVERLOAD = (
        Severity.WARNING,
        "The potential exceeded the instrument's limit ({limit:g} V) at {points} points and was recorded at the limit.",
    )
    RANGE_CHANGED = (
        Severity.NOTE,
        "The current range changed {changes} times: small steps there are the instrument's.",
    )


@equal_by_value
@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """The errors of one potentiostat; zero everywhere by default, so that each error is switched on by name.

    Parameters
    ----------
    current_ranges : full scales [A], ascending; empty for one ideal range. Several are chosen automatically.
    current_bits, potential_bits : of the converters, over ± full scale; 0 for infinite resolution.
    current_noise : standard deviation as a fraction of the range in use (of 1 A without ranges).
    current_floor : further noise [A], on every range.
    current_offset : as a fraction of the range in use. ``current_drift`` [A/s], ``potential_drift`` [V/s].
    gain_spread : relative gain error, drawn once per range: the step seen where the range changes.
    potential_noise, potential_offset : [V]. ``potential_limit`` [V]: the largest potential recorded (compliance).
    sampling_period [s], sampling_step [V], sampling_current_step [A] : since the last point, after which the next is
        taken; the first that is passed brings it, and starts all of them anew.
    fastest_period : least time [s] between two points.
    least_points : of a record that has none of the three: its period is the longest of 1, 2 and 5 × 10ⁿ s that gives as
        many. Zero keeps the points of the truth.
    averaging : the current is the mean since the last point (EC-Lab's <I>) instead of the value at the point.
    impedance_noise : relative standard deviation of each part of Z.
    cable_inductance : [H] in series. ``cable_capacitance`` [F] and ``input_resistance`` [Ω] in parallel to the cell.
    cycles : periods measured per frequency. ``shortest_point`` : least time per frequency [s].
    """

    current_ranges: tuple[float, ...] = ()
    current_bits: int = 0
    potential_bits: int = 0
    potential_limit: float = 10.0
    current_noise: float = 0.0
    current_floor: float = 0.0
    current_offset: float = 0.0
    current_drift: float = 0.0
    gain_spread: float = 0.0
    potential_noise: float = 0.0
    potential_offset: float = 0.0
    potential_drift: float = 0.0
    sampling_period: float = math.nan
    sampling_step: float = math.nan
    sampling_current_step: float = math.nan
    fastest_period: float = 2e-4
    least_points: int = 0
    averaging: bool = False
    impedance_noise: float = 0.0
    cable_inductance: float = 0.0
    cable_capacitance: float = 0.0
    input_resistance: float = math.inf
    cycles: float = 2.0
    shortest_point: float = 0.5

    def __post_init__(self) -> None:
        if any(scale <= 0 for scale in self.current_ranges) or list(self.current_ranges) != sorted(self.current_ranges):
            raise InputError(f"the current ranges are {self.current_ranges}; expected positive full scales, ascending.")
        for name in ("current_noise", "current_floor", "potential_noise", "impedance_noise"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InputError(f"the {name.replace('_', ' ')} is {getattr(self, name):g}; expected zero or more.")
        for name in ("sampling_period", "sampling_step", "sampling_current_step", "fastest_period"):
            if getattr(self, name) <= 0:
                raise InputError(
                    f"the {name.replace('_', ' ')} is {getattr(self, name):g}; expected a positive number."
                )


def laboratory_instrument(**changes: object) -> Instrument:
    """A plausible research potentiostat, made up for synthetic data: it is no maker's specification.

    Decade ranges 100 nA – 100 mA of 16 bit, 18 bit over ±10 V, noise 0.01 % of range and 20 µV, 0.2 % noise, 0.1 µH of
    cable and 100 GΩ of input in impedance; 1000 to 2500 points a record, evenly in time, unless a period or a step is
    stated.
    ``changes`` override single fields.
    """
    plausible = Instrument(
        current_ranges=tuple(10.0**power for power in range(-7, 0)),
        current_bits=16,
        potential_bits=18,
        current_noise=1e-4,
        current_offset=2e-5,
        gain_spread=5e-4,
        potential_noise=2e-5,
        potential_offset=1e-4,
        impedance_noise=2e-3,
        least_points=1000,
        cable_inductance=1e-7,
        input_resistance=1e11,
    )
    return replace(plausible, **changes)  # pyright: ignore[reportArgumentType]


def measure(part: Trace | Spectrum, instrument: Instrument, seed: int) -> Trace | Spectrum:
    """What the instrument would have recorded of a true curve.

    Assumes the truth is sampled finely enough that straight lines join its points; the instrument reads without
    feeding back on the cell (a current limit that acts on the cell belongs to the simulation).

    Parameters
    ----------
    part : the truth, without noise.
    seed : of the random numbers: the same seed gives the same record.

    Returns
    -------
    A record marked synthetic. A trace carries the range in use [A] as the extra column ``current_range``.
    """
    generator = np.random.default_rng(seed)
    return (
        _measure_trace(part, instrument, generator)
        if isinstance(part, Trace)
        else _measure_spectrum(part, instrument, generator)
    )


def _measure_trace(truth: Trace, instrument: Instrument, generator: np.random.Generator) -> Trace:
    if len(truth) == 0:
        return replace(truth, synthetic=True)
    if not np.all(np.isfinite(truth.time)):
        raise InputError("the true trace has no times; the virtual instrument needs them to sample.")
    period, steps = instrument.sampling_period, (instrument.sampling_step, instrument.sampling_current_step)
    if all(math.isnan(one) for one in (period, *steps)) and instrument.least_points and truth.time[-1] > truth.time[0]:
        period = round_period(float(truth.time[-1] - truth.time[0]) / instrument.least_points)
    time = sampling_times(truth, period, *steps, instrument.fastest_period)
    extra = {name: np.interp(time, truth.time, column) for name, column in truth.extra.items()}
    current = (_mean_since_last if instrument.averaging else np.interp)(time, truth.time, truth.current)
    potential = np.interp(time, truth.time, truth.potential)

    scales = np.array(instrument.current_ranges or (1.0,))
    index = choose_ranges(current, scales)
    scale = scales[index]
    elapsed = time - time[0]
    gains = 1.0 + instrument.gain_spread * generator.standard_normal(scales.size)
    shown = current * gains[index] + scale * instrument.current_offset + instrument.current_drift * elapsed
    shown = shown + scale * instrument.current_noise * generator.standard_normal(time.size)
    shown = shown + instrument.current_floor * generator.standard_normal(time.size)
    flags = []
    if instrument.current_ranges:
        over = np.abs(shown) > scale
        shown = np.clip(shown, -scale, scale)
        if over.any():
            flags.append(InstrumentFlag.CURRENT_OVERLOAD.flag(range=float(scales[-1]), points=int(over.sum())))
    step = _converter_step(scale, instrument.current_bits)
    shown = _quantise(shown, step)

    limit = instrument.potential_limit
    seen = potential + instrument.potential_offset + instrument.potential_drift * elapsed
    seen = seen + instrument.potential_noise * generator.standard_normal(time.size)
    beyond = np.abs(seen) > limit
    if beyond.any():
        flags.append(InstrumentFlag.POTENTIAL_OVERLOAD.flag(limit=limit, points=int(beyond.sum())))
    potential_step = _converter_step(np.full(1, limit), instrument.potential_bits)
    seen = _quantise(np.clip(seen, -limit, limit), potential_step)
    if WORKING_POTENTIAL in extra:
        noise = instrument.potential_noise * generator.standard_normal(time.size)
        extra[WORKING_POTENTIAL] = _quantise(np.clip(extra[WORKING_POTENTIAL] + noise, -limit, limit), potential_step)
    changes = int(np.count_nonzero(np.diff(index)))
    if changes:
        flags.append(InstrumentFlag.RANGE_CHANGED.flag(changes=changes))
    if instrument.current_ranges:
        extra["current_range"] = scale
    return replace(
        truth,
        time=time,
        potential=seen,
        current=shown,
        potential_resolution=float(potential_step[0]) or math.nan,
        current_resolution=float(np.max(step)) or math.nan,
        extra=extra,
        synthetic=True,
        flags=merge_flags(truth.flags, flags),
    )


def _measure_spectrum(truth: Spectrum, instrument: Instrument, generator: np.random.Generator) -> Spectrum:
    """Cables and input beside the cell, then complex noise: relative, and the current noise over the amplitude."""
    angular = 2j * np.pi * truth.frequency
    beside = angular * instrument.cable_capacitance + 1.0 / instrument.input_resistance
    impedance = 1.0 / (1.0 / truth.impedance + beside)
    impedance = impedance + angular * instrument.cable_inductance
    relative = np.full(len(truth), instrument.impedance_noise)
    if math.isfinite(truth.amplitude) and truth.amplitude > 0:
        response = truth.amplitude if truth.galvanostatic else truth.amplitude / np.abs(impedance)
        scales = np.array(instrument.current_ranges or (1.0,))
        scale = scales[choose_ranges(np.broadcast_to(response, relative.shape), scales)]
        noise = np.hypot(scale * instrument.current_noise, instrument.current_floor)
        relative = np.hypot(relative, noise / response / math.sqrt(max(instrument.cycles, 1.0)))
    disturbance = generator.standard_normal(len(truth)) + 1j * generator.standard_normal(len(truth))
    time = truth.time
    if time is None or not np.all(np.isfinite(time)):
        time = scan_times(truth.frequency, instrument)
    return replace(truth, impedance=impedance * (1.0 + relative * disturbance), time=time, synthetic=True)


def scan_times(frequency: Float[np.ndarray, " n"], instrument: Instrument) -> Float[np.ndarray, " n"]:
    """The time [s] at which each frequency's point is complete, from the start of the scan."""
    return np.cumsum(np.maximum(instrument.cycles / frequency, instrument.shortest_point))


def scan_frequencies(scan: FrequencyScan) -> Float[np.ndarray, " n"]:
    """The frequencies [Hz] of a scan in the order they are measured, both ends included, evenly spaced in decades."""
    decades = math.log10(scan.high / scan.low)
    count = max(round(abs(decades) * scan.points_per_decade) + 1, 2)
    return np.geomspace(scan.high, scan.low, count)


def choose_ranges(current: Float[np.ndarray, " n"], scales: Float[np.ndarray, " k"]) -> Int[np.ndarray, " n"]:
    """The automatic range at each point: up when the range is full, down below 90 % of the next smaller one.

    The gap between the two is the hysteresis that keeps a noisy current from changing range at every point.
    """
    size = np.abs(current)
    up = np.minimum(np.searchsorted(scales, size), scales.size - 1)
    down = np.minimum(np.searchsorted(0.9 * scales, size), scales.size - 1)
    index = np.empty(size.size, dtype=int)
    held = int(up[0]) if size.size else 0
    for point in range(size.size):
        held = min(max(held, int(up[point])), int(down[point]))
        index[point] = held
    return index


def _mean_since_last(
    at: Float[np.ndarray, " m"], time: Float[np.ndarray, " n"], values: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " m"]:
    """The mean of a piecewise-linear signal between each point and the one before; the first point as it is."""
    nodes = np.union1d(time, at)
    signal = np.interp(nodes, time, values)
    charge = np.concatenate([[0.0], np.cumsum(0.5 * np.diff(nodes) * (signal[1:] + signal[:-1]))])
    passed = charge[np.searchsorted(nodes, at)]
    return np.concatenate([[np.interp(at[0], time, values)], np.diff(passed) / np.diff(at)])


def _converter_step(scale: Float[np.ndarray, " n"], bits: int) -> Float[np.ndarray, " n"]:
    """The smallest step over ± full scale; zero for an ideal converter."""
    return scale * 2.0 ** (1 - bits) if bits else np.zeros_like(scale)


def _quantise(values: Float[np.ndarray, " n"], step: Float[np.ndarray, " k"]) -> Float[np.ndarray, " n"]:
    return np.where(step > 0, np.round(values / np.where(step > 0, step, 1.0)) * step, values)
