"""What a laboratory measures: samples, protocols, traces, spectra, experiments, campaigns.

Frozen records in SI units, checked once when made. A measured and a simulated curve are the same types; the flag
``synthetic`` on each says which. Nothing here reads, analyses or draws.
"""

from __future__ import annotations

import copyreg
import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import Enum
from types import MappingProxyType
from typing import Any, TypeAlias, TypeGuard

import numpy as np

from rampion.array_types import Bool, Complex, Float
from rampion.equality import equal_by_value
from rampion.errors import InputError
from rampion.estimate import Estimate, Flag
from rampion.hard_limits import SampleLimits, check_limits

_EMPTY: Mapping[str, Any] = MappingProxyType({})


def _view(content: dict[str, Any]) -> MappingProxyType[str, Any]:
    return MappingProxyType(content)


copyreg.pickle(MappingProxyType, lambda view: (_view, (dict(view),)))  # records travel between processes


class ElectrodeMaterial(Enum):
    """What an electrode is made of, as far as it decides what may be concluded."""

    LITHIUM = "Li"
    INDIUM_LITHIUM = "In-Li"
    ALLOY = "alloy"
    COPPER = "Cu"
    BLOCKING = "blocking"


@dataclass(frozen=True, slots=True)
class ElectrodePair:
    """The two electrodes of a cell: the working and the counter electrode."""

    working: ElectrodeMaterial
    counter: ElectrodeMaterial

    @property
    def symmetric(self) -> bool:
        """Whether both are of one material."""
        return self.working is self.counter


class InterlayerKind(Enum):
    """What stands between the ceramic and an electrode."""

    METAL = "metal"
    POLYMER = "polymer"
    GEL = "gel"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Interlayer:
    """A layer between the ceramic and the electrodes: its kind, and its name as the sample sheet gives it."""

    kind: InterlayerKind
    name: str = ""


class MaterialClass(Enum):
    """The family of solid electrolytes that a sample belongs to; it decides which conductivities are plausible."""

    GARNET = "garnet"
    NASICON = "NASICON"
    PEROVSKITE = "perovskite"
    SULFIDE = "sulfide"
    ARGYRODITE = "argyrodite"
    HALIDE = "halide"
    LIPON = "LiPON"
    POLYMER = "polymer"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One ceramic sample between two electrodes; what is unknown is ``None`` and is asked for by name.

    Units: thickness and lithium_thickness (of one electrode) [m], area [m²], relative_density [fraction],
    theoretical_density [kg/m³], mass [kg], temperature [K], temperature_stability [K], stack_pressure [Pa],
    leads_resistance [Ω], reference_depth [m]: of a reference electrode in the electrolyte, from the face of the working
    electrode. ``pellet`` names the parent pellet from which several samples were cut, ``batch`` the powder
    batch. ``electrodes`` are lithium on both sides unless stated; ``plating_faces`` is 1 for a one-way sweep and 2
    where the current was reversed. ``configuration`` is two-electrode or three-electrode. ``extra`` keeps every further
    column of the sample sheet as text.
    """

    name: str = ""
    pellet: str = ""
    batch: str = ""
    composition: str = ""
    material_class: MaterialClass | None = None
    treatment: str = ""
    configuration: str = "two-electrode"
    electrodes: ElectrodePair | None = None
    interlayer: Interlayer | None = None
    plating_faces: int | None = None
    thickness: Estimate | None = None
    area: Estimate | None = None
    mass: Estimate | None = None
    theoretical_density: Estimate | None = None
    relative_density: Estimate | None = None
    temperature: Estimate | None = None
    temperature_stability: Estimate | None = None
    stack_pressure: Estimate | None = None
    lithium_thickness: Estimate | None = None
    leads_resistance: Estimate | None = None
    reference_depth: Estimate | None = None
    extra: Mapping[str, str] = field(default_factory=lambda: _EMPTY)

    def __post_init__(self) -> None:
        for limited in fields(SampleLimits):
            estimate = getattr(self, limited.name)
            if estimate is None:
                continue
            try:
                check_limits(limited.name, estimate.value)
            except InputError as error:
                raise InputError(f"Sample {self.name!r}: {error}") from None
        if self.plating_faces not in (None, 1, 2):
            raise InputError(f"Sample {self.name!r} has {self.plating_faces} plating faces; expected 1 or 2.")
        depth, thickness = self.reference_depth, self.thickness
        if depth is not None and thickness is not None and depth.value > thickness.value:
            raise InputError(
                f"Sample {self.name!r}: the reference depth is {1e3 * depth.value:.4g} mm and the thickness "
                f"{1e3 * thickness.value:.4g} mm; expected a depth inside the electrolyte: correct one of them."
            )

    def missing(self, *names: str) -> tuple[str, ...]:
        """Those of the named fields that are not known."""
        return tuple(name for name in names if getattr(self, name) in (None, ""))


# Protocols: what the instrument was told to do. NaN stands for "not known".


@equal_by_value
@dataclass(frozen=True, slots=True, kw_only=True)
class FrequencyScan:
    """Impedance: ``points_per_decade`` from ``high`` to ``low`` [Hz], amplitude [V] (or [A] when galvanostatic).

    ``duration`` [s] is the time the whole scan takes, point after point; NaN when not known.
    """

    high: float
    low: float
    points_per_decade: float = 10.0
    amplitude: float = math.nan
    galvanostatic: bool = False
    duration: float = math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A hold inside a sweep, every ``every`` [V] for ``duration`` [s], with or without a spectrum."""

    every: float
    duration: float
    scan: FrequencyScan | None = None


RATE_TOLERANCE = 0.05
"""Share of a stated scan rate by which a ramp may differ from it: instruments keep it within 1 %, a fit within 2 %."""


class Controlled(Enum):
    """Which potential the instrument controls: the cell's, or that of one electrode against a reference."""

    CELL = "cell"
    WORKING = "working electrode"
    COUNTER = "counter electrode"


WORKING_POTENTIAL, COUNTER_POTENTIAL = "working potential [V]", "counter potential [V]"
"""Names of the columns in :attr:`Trace.extra` that hold an electrode's potential against a reference electrode."""


@equal_by_value
@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """A ramp of the ``controlled`` potential from ``start`` to ``stop`` [V] at ``rate`` [V/s, positive].

    It runs one way unless ``vertices`` [V] state where it turns, as a cyclic voltammogram's does.
    """

    rate: float
    start: float = math.nan
    stop: float = math.nan
    pause: Pause | None = None
    controlled: Controlled = Controlled.CELL
    vertices: tuple[float, ...] = ()

    def contradicted_by(self, rate: float) -> bool:
        """Whether a rate found elsewhere [V/s] is another than the stated one (:data:`RATE_TOLERANCE`)."""
        return math.isfinite(rate) and abs(rate - self.rate) > RATE_TOLERANCE * self.rate


@equal_by_value
@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Constant cell voltage [V] for a duration [s]."""

    potential: float
    duration: float = math.nan


@equal_by_value
@dataclass(frozen=True, slots=True, kw_only=True)
class ConstantCurrent:
    """Constant cell current [A] for a duration [s]."""

    current: float
    duration: float = math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """Galvanostatic steps: currents [A], each for its duration [s]; the conventional CCD test."""

    currents: tuple[float, ...]
    durations: tuple[float, ...]


@equal_by_value
@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """Open circuit for a duration [s], with or without stack pressure."""

    duration: float = math.nan
    pressed: bool = True


Protocol: TypeAlias = Sweep | Hold | ConstantCurrent | Steps | Rest | FrequencyScan


@equal_by_value
@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a record came from: file, its SHA-256, its format, and the block's place in it.

    ``area`` [m²] is the electrode area that the file states, NaN where it states none or the instrument's default: it
    is compared with the sample's and used for nothing else.
    """

    path: str = ""
    sha256: str = ""
    format: str = ""
    block: int = 0
    instrument: str = ""
    area: float = math.nan


def _vector(name: str, values: object, length: int | None = None) -> np.ndarray:
    if _is_frozen(values):  # from another record: checked and unchangeable already
        array = values
    else:
        array = np.array(values, dtype=float)
        if np.isinf(array).any():
            raise InputError(f"{name} holds an infinite value; mark what was not recorded as NaN.")
        array.flags.writeable = False
    if array.ndim != 1:
        raise InputError(f"{name} has {array.ndim} dimensions; expected a one-dimensional array.")
    if length is not None and array.size != length:
        raise InputError(f"{name} has {array.size} points where the others have {length}; expected equal lengths.")
    return array


def _is_frozen(values: object, kind: type = float) -> TypeGuard[np.ndarray]:
    """Whether this is a whole array that nobody can write to, as a record made it."""
    return (
        isinstance(values, np.ndarray) and values.dtype == kind and values.base is None and not values.flags.writeable
    )


class CurrentOrigin(Enum):
    """Where a trace's current comes from."""

    MEASURED = "measured"
    CHARGE = "charge between points"
    SETTING = "the instrument's setting"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trace:
    """Potential and current against time, as one technique of an instrument (or the simulator) gave them.

    Parameters
    ----------
    time : (n,) [s] never decreasing, on the clock that starts at ``start``; all NaN when not recorded.
    potential : (n,) [V] working minus counter electrode; NaN where not recorded.
    current : (n,) [A] with the instrument's sign; NaN where not recorded.
    temperature : (n,) [K] of the cell or its chamber; ``None`` when not recorded, NaN at single points.
    current_origin : whether the current was measured, or follows from the charge or from the instrument's setting.
    start : seconds since 1970 of time 0 as the instrument's clock read, NaN when unknown.
    potential_resolution, current_resolution : the instrument's smallest step [V], [A]; NaN when unknown.
    extra : further recorded columns, (n,) each, under the file's own names, and the electrodes' potentials against a
        reference electrode under :data:`WORKING_POTENTIAL` and :data:`COUNTER_POTENTIAL`.

    Raises
    ------
    InputError
        When lengths differ, a value is infinite, or time runs backwards.
    """

    time: Float[np.ndarray, " n"]
    potential: Float[np.ndarray, " n"]
    current: Float[np.ndarray, " n"]
    temperature: Float[np.ndarray, " n"] | None = None
    technique: str = ""
    protocol: Protocol | None = None
    start: float = math.nan
    potential_resolution: float = math.nan
    current_resolution: float = math.nan
    current_origin: CurrentOrigin = CurrentOrigin.MEASURED
    extra: Mapping[str, np.ndarray] = field(default_factory=lambda: _EMPTY)
    source: Source | None = None
    synthetic: bool = False
    flags: tuple[Flag, ...] = ()

    def __post_init__(self) -> None:
        time = _vector("time", self.time)
        object.__setattr__(self, "time", time)
        for name in ("potential", "current"):
            object.__setattr__(self, name, _vector(name, getattr(self, name), time.size))
        if self.temperature is not None:
            object.__setattr__(self, "temperature", _vector("temperature", self.temperature, time.size))
        recorded = np.isfinite(time)
        if recorded.any() and not recorded.all():
            raise InputError(f"time is missing at {int((~recorded).sum())} of {time.size} points; drop them first.")
        if recorded.any() and np.any(np.diff(time) < 0):
            where = int(np.argmax(np.diff(time) < 0)) + 1
            raise InputError(f"time runs backwards at point {where}; split the record there or sort it.")
        for name, column in self.extra.items():
            if np.shape(column) != time.shape:
                raise InputError(f"column {name!r} has shape {np.shape(column)}; expected ({time.size},).")
        object.__setattr__(self, "extra", MappingProxyType(dict(self.extra)))

    def __len__(self) -> int:
        return self.time.size


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spectrum:
    """One impedance spectrum, in the order it was measured.

    Parameters
    ----------
    frequency : (n,) [Hz] positive.
    impedance : (n,) complex [Ω], Im < 0 for a capacitive response.
    time : (n,) [s] of each point on the clock that starts at ``start``; all NaN when not recorded.
    potential, current, temperature : the cell's mean voltage [V], current [A] and temperature [K] while measuring;
        NaN when unknown.
    amplitude : of the excitation, [V] or, when ``galvanostatic``, [A].

    Raises
    ------
    InputError
        When lengths differ, a frequency is not positive, or an impedance is not finite.
    """

    frequency: Float[np.ndarray, " n"]
    impedance: Complex[np.ndarray, " n"]
    time: Float[np.ndarray, " n"] | None = None
    technique: str = ""
    protocol: Protocol | None = None
    potential: float = math.nan
    current: float = math.nan
    temperature: float = math.nan
    amplitude: float = math.nan
    galvanostatic: bool = False
    start: float = math.nan
    extra: Mapping[str, np.ndarray] = field(default_factory=lambda: _EMPTY)
    source: Source | None = None
    synthetic: bool = False
    flags: tuple[Flag, ...] = ()

    def __post_init__(self) -> None:
        frequency = _vector("frequency", self.frequency)
        frozen = _is_frozen(self.impedance, complex)
        impedance = self.impedance if frozen else np.array(self.impedance, dtype=complex)
        if impedance.shape != frequency.shape:
            raise InputError(f"impedance has shape {impedance.shape}; expected ({frequency.size},) as the frequencies.")
        if not ((frequency > 0) & (frequency < math.inf)).all():
            raise InputError("a frequency is missing, zero or negative; drop those points first.")
        if not np.isfinite(impedance).all():
            raise InputError("an impedance is not finite; drop those points first.")
        impedance.flags.writeable = False
        time = np.full(frequency.size, math.nan) if self.time is None else self.time
        object.__setattr__(self, "frequency", frequency)
        object.__setattr__(self, "impedance", impedance)
        object.__setattr__(self, "time", _vector("time", time, frequency.size))
        for name, column in self.extra.items():
            if (column.shape if isinstance(column, np.ndarray) else np.shape(column)) != frequency.shape:
                raise InputError(f"column {name!r} has shape {np.shape(column)}; expected ({frequency.size},).")
        object.__setattr__(self, "extra", MappingProxyType(dict(self.extra)))

    def __len__(self) -> int:
        return self.frequency.size


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Experiment:
    """The ordered traces and spectra of one sample, on one clock.

    ``start`` is the clock's zero in seconds since 1970 (NaN when unknown). Where every part knows its own start,
    the parts' times count from this one zero; :func:`on_one_clock` brings them there.
    """

    parts: tuple[Trace | Spectrum, ...]
    sample: Sample = field(default_factory=Sample)
    name: str = ""
    start: float = math.nan
    flags: tuple[Flag, ...] = ()

    @property
    def traces(self) -> tuple[Trace, ...]:
        """The traces, in order."""
        return tuple(part for part in self.parts if isinstance(part, Trace))

    @property
    def spectra(self) -> tuple[Spectrum, ...]:
        """The spectra, in order."""
        return tuple(part for part in self.parts if isinstance(part, Spectrum))

    @property
    def synthetic(self) -> bool:
        """Whether any part was computed rather than measured."""
        return any(part.synthetic for part in self.parts)

    @property
    def known_as(self) -> str:
        """The sample's name, or the record's where the sample has none."""
        return self.sample.name or self.name


class MaskedBy(Enum):
    """What bounds a masked stretch."""

    POTENTIAL = "potential"
    TIME = "time"
    FREQUENCY = "frequency"


@dataclass(frozen=True, slots=True)
class Masked:
    """A stretch of a record that is not judged, from ``low`` to ``high``: cell voltages as magnitudes [V], times [s]
    on the record's clock, or of spectra frequencies [Hz]."""

    by: MaskedBy
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """What a person decided of one sample's data in place of the software, and why.

    It concerns the sample's ``sweep`` or ``spectrum`` of that number (from 1, in order; constant-current runs count
    as sweeps), or all of it when neither is given. ``exclude`` leaves that part out, ``masked`` stretches of it, and
    ``fmin`` and ``fmax`` [Hz] the points of spectra below and above;
    ``verdict``, ``at`` [V] (the event's potential) and ``ohmic_window`` [V] stand in for what was found in a sweep,
    ``circuit`` for what was chosen for spectra. ``current_limit`` [A] is the largest current that the instrument
    delivers.
    """

    sample: str
    reason: str
    by: str = ""
    sweep: int | None = None
    spectrum: int | None = None
    exclude: bool = False
    verdict: str | None = None
    at: float | None = None
    ohmic_window: tuple[float, float] | None = None
    masked: tuple[Masked, ...] = ()
    current_limit: float | None = None
    circuit: str | None = None
    fmin: float | None = None
    fmax: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Campaign:
    """The experiments of a study: many samples, scan rates, thicknesses, replicates; what a person decided of them."""

    experiments: tuple[Experiment, ...]
    name: str = ""
    flags: tuple[Flag, ...] = ()
    overrides: tuple[Override, ...] = ()


def shift_clock(part: Trace | Spectrum, start: float) -> Trace | Spectrum:
    """The part with its times counted from ``start`` [s since 1970]; unchanged when either start is unknown."""
    if math.isnan(start) or math.isnan(part.start) or part.start == start:
        return part
    assert part.time is not None
    return replace(part, time=part.time + (part.start - start), start=start)


def on_one_clock(experiment: Experiment) -> Experiment:
    """The experiment with every part's time counted from the earliest known start."""
    starts = [part.start for part in experiment.parts if math.isfinite(part.start)]
    if not starts:
        return experiment
    start = min(starts)
    return replace(experiment, start=start, parts=tuple(shift_clock(part, start) for part in experiment.parts))


def thinned(values: np.ndarray, most: int) -> np.ndarray:
    """Indices that keep every local extreme of a long record: first, least, largest and last of each of most/4 bins."""
    if values.size <= most:
        return np.arange(values.size)
    edges = np.linspace(0, values.size, most // 4 + 1).astype(int)
    kept = [
        (low, low + int(np.argmin(values[low:high])), low + int(np.argmax(values[low:high])), high - 1)
        for low, high in itertools.pairwise(edges)
        if high > low
    ]
    return np.unique(np.array(kept).ravel())


def selected_points(trace: Trace, kept: Bool[np.ndarray, " n"] | slice) -> Trace:
    """The trace with some of its points alone."""
    return replace(
        trace,
        **{name: getattr(trace, name)[kept] for name in ("time", "potential", "current")},
        temperature=trace.temperature[kept] if trace.temperature is not None else None,
        extra={name: values[kept] for name, values in trace.extra.items()},
    )


def selected_frequencies(spectrum: Spectrum, kept: Bool[np.ndarray, " n"]) -> Spectrum:
    """The spectrum with some of its points alone."""
    assert spectrum.time is not None
    return replace(
        spectrum,
        frequency=spectrum.frequency[kept],
        impedance=spectrum.impedance[kept],
        time=spectrum.time[kept],
        extra={name: np.asarray(values)[kept] for name, values in spectrum.extra.items()},
    )
