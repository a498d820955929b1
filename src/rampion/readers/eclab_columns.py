"""EC-Lab's columns to traces and spectra, the same for its text (``.mpt``) and its binary files (``.mpr``).

Impedance rows (``freq/Hz`` above zero) become spectra and the rows between them traces, in the order of the file; a row
without frequency inside a scan is left out and counted, and does not divide it. An imaginary part is taken by its
name's sign. The potential is the cell's (:mod:`rampion.readers.eclab_signals`).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from rampion.errors import RefusedError
from rampion.estimate import Flag
from rampion.measurement import Controlled, CurrentOrigin, FrequencyScan, Protocol, Rest, Source, Spectrum, Sweep, Trace
from rampion.readers.eclab_names import CURRENT, first_column, plain_name, spellings
from rampion.readers.eclab_signals import (
    Voltage,
    applied_potential,
    applied_sweep,
    cell_current,
    cell_temperature,
    cell_voltage,
    find_controlled,
    saturation,
    stated_sweep,
)
from rampion.readers.flags import ReaderFlag
from rampion.readers.parts import bias_columns, find_restarts

_COUNTERS = ("cycle number", "Ns")
_GALVANOSTATIC = ("GEIS", "SGEIS")


@dataclass(frozen=True, slots=True)
class ImpedanceRule:
    """Where rows of impedance belong to one scan, and to the scan that the settings state.

    Attributes
    ----------
    rounded : factor by which frequencies may pass the stated ends; instruments round them to what they can make.
    onward : a scan goes on over lost rows when its frequency moves at most this many steps for each of them.
    whole_cell : share by which the whole cell's impedance must differ from the working electrode's to be another.
    """

    rounded: float = 1.25
    onward: float = 1.5
    whole_cell: float = 0.1


_RULE = ImpedanceRule()


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What is known of one technique besides its columns.

    ``loops`` are the numbers of the rows where a repetition begins; ``protocol`` is what the settings state, and
    ``controlled`` the potential that the header calls controlled.
    """

    technique: str = ""
    start: float = math.nan
    protocol: Protocol | None = None
    controlled: Controlled | None = None
    loops: Sequence[int] = ()
    source: Source = field(default_factory=Source)


def read_columns(columns: Mapping[str, np.ndarray], run: Run) -> tuple[tuple[Trace | Spectrum, ...], tuple[Flag, ...]]:
    """Traces and spectra, in the order of the rows.

    Raises
    ------
    RefusedError
        When the columns hold impedance without its frequencies, or neither potential nor current nor impedance.
    """
    named = {plain_name(name): column for name, column in columns.items()}
    impedance, label = _impedance(named)
    frequency = first_column(named, ("freq",), "Hz")
    if impedance is not None and frequency is None:
        raise RefusedError("The file holds impedance without its frequencies; export it again with the column freq/Hz.")
    count = next(iter(columns.values())).size if columns else 0
    begins = np.zeros(count, dtype=bool)
    begins[[row for row in run.loops if 0 < row < count]] = True
    voltage = cell_voltage(named)
    current, origin = cell_current(named, run.technique, count, begins)
    if voltage.cell is None and current is None and impedance is None:
        raise RefusedError(
            "The file holds neither potential nor current nor impedance, only "
            f"{', '.join(list(columns)[:8]) or 'nothing'}; export it again with time, Ewe and I."
        )
    temperature, warm = cell_temperature(named)
    used = {"freq/Hz", "time/s", warm, *spellings(CURRENT, "A"), *spellings(voltage.taken, "V")}
    used |= {f"Re({label})/Ohm", f"-Im({label})/Ohm", f"Im({label})/Ohm"}
    flags = [*voltage.flags, *_whole_cell(named, impedance)]
    controlled = find_controlled(run.controlled, named, voltage, run.protocol)
    if isinstance(run.protocol, Sweep):
        sweep, found = stated_sweep(replace(run.protocol, controlled=controlled), named, voltage)
        run, flags = replace(run, protocol=sweep), [*flags, *found]
    galvanostatic = run.technique in _GALVANOSTATIC
    table = _Table(
        time=first_column(named, ("time", "step time"), "s"),
        voltage=voltage,
        current=current,
        origin=origin,
        applied=applied_potential(named),
        controlled=controlled,
        temperature=temperature,
        frequency=frequency,
        impedance=impedance,
        amplitude=first_column(named, ("|I|",), "A") if galvanostatic else first_column(named, ("|Ewe|",), "V"),
        galvanostatic=galvanostatic,
        extra={name: column for name, column in columns.items() if plain_name(name) not in used},
        run=run,
    )
    parts: list[Trace | Spectrum] = []
    dropped: Counter[str] = Counter()
    counters = [named[name] for name in _COUNTERS if name in named]
    for rows, spectral in _segments(frequency if impedance is not None else None, impedance, begins, counters, dropped):
        made, found = table.spectrum(rows, dropped) if spectral else table.traces(rows, dropped)
        parts += made
        flags += found
    flags += [ReaderFlag.DROPPED_POINTS.flag(count=number, what=what) for what, number in dropped.items()]
    return tuple(parts), tuple(dict.fromkeys(flags))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """The columns that are understood, (count,) each or ``None``, and all others."""

    time: np.ndarray | None
    voltage: Voltage
    current: np.ndarray | None
    origin: CurrentOrigin
    applied: np.ndarray | None
    controlled: Controlled
    temperature: np.ndarray | None
    frequency: np.ndarray | None
    impedance: np.ndarray | None
    amplitude: np.ndarray | None
    galvanostatic: bool
    extra: Mapping[str, np.ndarray]
    run: Run

    def traces(self, rows: np.ndarray, dropped: Counter[str]) -> tuple[list[Trace], list[Flag]]:
        """One trace, or several where time runs backwards."""
        blank = np.full(rows.size, np.nan)
        time = blank if self.time is None else self.time[rows]
        potential = blank if self.voltage.cell is None else self.voltage.cell[rows]
        current = blank if self.current is None else self.current[rows]
        kept = np.isfinite(potential) | np.isfinite(current)
        if self.time is not None and np.isfinite(time).any():
            kept &= np.isfinite(time)
        if not kept.all():
            dropped["time, potential or current"] += int((~kept).sum())
        if not kept.any():
            return [], [ReaderFlag.EMPTY_BLOCK.flag(name=self.run.technique or "trace")]
        flags = self._missing()
        rows, time, potential, current = rows[kept], time[kept], potential[kept], current[kept]
        for recorded in (self.voltage.cell, self.voltage.working, self.voltage.counter):
            flags += [] if recorded is None else saturation(recorded[rows], current)
        breaks = np.flatnonzero(time[1:] < time[:-1]) + 1
        if breaks.size:
            flags.append(ReaderFlag.TIME_BACKWARDS.flag(count=int(breaks.size)))
        traces = []
        for a, b in pairwise([0, *breaks.tolist(), time.size]):
            piece = _narrow(rows[a:b])
            traces.append(
                Trace(
                    time=time[a:b],
                    potential=potential[a:b],
                    current=current[a:b],
                    current_origin=self.origin,
                    temperature=None if self.temperature is None else self.temperature[piece],
                    technique=self.run.technique,
                    protocol=self._protocol(time[a:b], piece),
                    start=self.run.start,
                    extra={name: column[piece] for name, column in self.extra.items()},
                    source=self.run.source,
                )
            )
        return traces, flags

    def _missing(self) -> list[Flag]:
        """What stands in place of a measured current, and which of current and potential are not there at all."""
        flags = []
        if self.origin is CurrentOrigin.SETTING:
            flags.append(ReaderFlag.CURRENT_AS_SET.flag())
        if self.origin is CurrentOrigin.CHARGE:
            flags.append(ReaderFlag.CURRENT_FROM_CHARGE.flag())
        if self.voltage.cell is None:
            flags.append(ReaderFlag.POTENTIAL_UNKNOWN.flag())
        if self.current is None:
            flags.append(ReaderFlag.CURRENT_UNKNOWN.flag())
        return flags

    def _protocol(self, time: np.ndarray, rows: slice | np.ndarray) -> Protocol | None:
        """What the settings state; for a linear sweep whose settings are not known, what was applied."""
        if self.run.technique == "OCV":
            return Rest()
        if self.run.protocol is not None and not isinstance(self.run.protocol, FrequencyScan):
            return self.run.protocol
        if self.run.technique != "LSV" or self.applied is None:
            return None
        return applied_sweep(time, self.applied[rows], self.controlled)

    def spectrum(self, rows: np.ndarray, dropped: Counter[str]) -> tuple[list[Spectrum], list[Flag]]:
        """One pass through the frequencies, without the points that hold no impedance."""
        assert self.frequency is not None
        assert self.impedance is not None
        good = np.isfinite(self.impedance[rows]) & (self.impedance[rows] != 0)
        if not good.all():
            dropped["impedance"] += int((~good).sum())
            rows = rows[good]
            if not rows.size:
                return [], []
        piece = _narrow(rows)
        frequency, stated, flags = self.frequency[piece], math.nan, []
        protocol = self.run.protocol if isinstance(self.run.protocol, FrequencyScan) else None
        if protocol is not None:
            protocol, flags = _confirmed(protocol, frequency)
            stated = protocol.amplitude if protocol is not None else math.nan
        amplitude = _mean(self.amplitude, piece)
        spectrum = Spectrum(
            frequency=frequency,
            impedance=self.impedance[piece],
            time=None if self.time is None or not np.isfinite(self.time[piece]).all() else self.time[piece],
            technique=self.run.technique,
            protocol=protocol,
            potential=_mean(self.voltage.cell, piece),
            current=_mean(self.current, piece),
            temperature=_mean(self.temperature, piece),
            amplitude=stated if math.isnan(amplitude) else amplitude,
            galvanostatic=self.galvanostatic,
            start=self.run.start,
            extra={name: column[piece] for name, column in self.extra.items()}
            | bias_columns({"potential": self.voltage.cell, "current": self.current}, piece),
            source=self.run.source,
        )
        return [spectrum], flags


def _narrow(rows: np.ndarray) -> slice | np.ndarray:
    """Rows without a gap as a slice: what it takes from a column is a view."""
    return slice(int(rows[0]), int(rows[-1]) + 1) if rows[-1] - rows[0] + 1 == rows.size else rows


def _impedance(named: Mapping[str, np.ndarray]) -> tuple[np.ndarray | None, str]:
    """The working electrode's impedance, else the whole cell's, and what EC-Lab calls it."""
    for label in ("Z", "Zwe-ce"):
        real = first_column(named, (f"Re({label})",), "Ohm")
        for name, sign in ((f"-Im({label})", -1.0), (f"Im({label})", 1.0)):
            imaginary = first_column(named, (name,), "Ohm")
            if real is not None and imaginary is not None:
                return real + 1j * sign * imaginary, label
        modulus, phase = first_column(named, (f"|{label}|",), "Ohm"), named.get(f"Phase({label})/deg")
        if modulus is not None and phase is not None:
            return modulus * np.exp(1j * np.deg2rad(phase)), label
    return None, "Z"


def _whole_cell(named: Mapping[str, np.ndarray], impedance: np.ndarray | None) -> list[Flag]:
    """A flag where the file holds the whole cell's impedance too and it is another than the working electrode's."""
    real, imaginary = (first_column(named, (name,), "Ohm") for name in ("Re(Zwe-ce)", "-Im(Zwe-ce)"))
    if impedance is None or real is None or imaginary is None:
        return []
    good = np.isfinite(impedance) & (impedance != 0) & np.isfinite(real) & np.isfinite(imaginary)
    if not good.any():
        return []
    ratio = float(np.median(np.hypot(real[good], imaginary[good]) / np.abs(impedance[good])))
    return [ReaderFlag.HALF_CELL_IMPEDANCE.flag(ratio=ratio)] if abs(ratio - 1.0) > _RULE.whole_cell else []


def _segments(
    frequency: np.ndarray | None,
    impedance: np.ndarray | None,
    begins: np.ndarray,
    counters: Sequence[np.ndarray],
    dropped: Counter[str],
) -> list[tuple[np.ndarray, bool]]:
    """The rows of each trace and each pass through the frequencies, in order, and whether they are impedance."""
    rows = np.arange(begins.size)
    spectral = np.zeros(begins.size, dtype=bool)
    if frequency is not None and impedance is not None:
        spectral = frequency > 0
        lost = _lost_rows(frequency, impedance, begins, counters)
        if lost.any():
            dropped["frequency"] += int(lost.sum())
            rows = rows[~lost]
    kind, repetition = spectral[rows], np.cumsum(begins)[rows]
    changes = kind[1:] != kind[:-1]
    cuts = changes | (repetition[1:] != repetition[:-1])
    for counter in counters:
        cuts |= kind[1:] & (np.abs(np.diff(counter[rows].astype(float))) > 0)  # false where a counter is not known
    for first, last in pairwise([0, *(np.flatnonzero(changes) + 1).tolist(), rows.size]):
        if frequency is not None and last - first > 1 and kind[first]:
            cuts[first : last - 1] |= find_restarts(frequency[rows[first:last]])
    edges = [0, *(np.flatnonzero(cuts) + 1).tolist(), rows.size]
    return [(rows[a:b], bool(kind[a])) for a, b in pairwise(edges) if b > a]


def _lost_rows(
    frequency: np.ndarray, impedance: np.ndarray, begins: np.ndarray, counters: Sequence[np.ndarray]
) -> np.ndarray:
    """Rows of a scan whose frequency is missing or impossible: they hold an impedance, or a scan goes on over them.

    Where most frequencies can be read, a cell that cannot is damaged; EC-Lab writes 0 beside points without impedance.
    """
    good = frequency > 0
    lost = ~good & np.isfinite(impedance) & (impedance != 0)
    if 2 * int(good.sum()) > good.size:
        lost |= np.isnan(frequency)
    places = np.flatnonzero(good)
    for gap in np.flatnonzero(np.diff(places) > 1).tolist():
        first, last = int(places[gap]), int(places[gap + 1])
        if begins[first + 1 : last + 1].any() or any(counter[first] != counter[last] for counter in counters):
            continue
        neighbours = [(first - 1, first), (last, last + 1)]
        steps = [
            math.log(frequency[b] / frequency[a])
            for a, b in neighbours
            if a >= 0 and b < good.size and good[a] and good[b]
        ]
        across = math.log(frequency[last] / frequency[first])
        if any(0 < across * step <= _RULE.onward * (last - first) * step * step for step in steps):
            lost[first + 1 : last] = True
    return lost


def _confirmed(scan: FrequencyScan, frequency: np.ndarray) -> tuple[FrequencyScan | None, list[Flag]]:
    """The stated scan where the recorded frequencies lie within it; otherwise none, with a flag."""
    low, high = float(np.min(frequency)), float(np.max(frequency))
    if high <= _RULE.rounded * scan.high and low * _RULE.rounded >= scan.low:
        return scan, []
    stated, found = f"{scan.low:.3g} to {scan.high:.3g} Hz", f"{low:.3g} to {high:.3g} Hz"
    return None, [ReaderFlag.SETTINGS_CONTRADICTED.flag(stated=stated, found=found)]


def _mean(column: np.ndarray | None, rows: slice | np.ndarray) -> float:
    """The mean of what was recorded in these rows; NaN where nothing was."""
    if column is None:
        return math.nan
    values = column[rows]
    mean = float(np.add.reduce(values)) / values.size
    return mean if math.isfinite(mean) else float(np.nanmean(values)) if np.isfinite(values).any() else math.nan
