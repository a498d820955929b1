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

from rampion.equality import equal_by_value
from rampion.errors import RefusedError
from rampion.estimate import Flag
from rampion.measurement import (
    COUNTER_POTENTIAL,
    WORKING_POTENTIAL,
    Controlled,
    CurrentOrigin,
    FrequencyScan,
    Protocol,
    Rest,
    Source,
    Spectrum,
    Sweep,
    Trace,
)
from rampion.readers.eclab_names import CURRENT, first_column, plain_name, spellings
from rampion.readers.eclab_scans import compare_whole_cell, confirmed_scan, find_impedance, split_rows
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
from rampion.readers.parts import bias_columns

_COUNTERS = ("cycle number", "Ns")
_GALVANOSTATIC = ("GEIS", "SGEIS")


@equal_by_value
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
    impedance, label = find_impedance(named)
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
    flags = [*voltage.flags, *compare_whole_cell(named, impedance)]
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
        applied=applied_potential(named) if run.technique == "LSV" and run.protocol is None else None,
        controlled=controlled,
        temperature=temperature,
        frequency=frequency,
        impedance=impedance,
        usable=None if impedance is None else np.isfinite(impedance) & (impedance != 0),
        amplitude=first_column(named, ("|I|",), "A") if galvanostatic else first_column(named, ("|Ewe|",), "V"),
        galvanostatic=galvanostatic,
        extra={name: column for name, column in columns.items() if plain_name(name) not in used},
        run=run,
    )
    parts: list[Trace | Spectrum] = []
    dropped: Counter[str] = Counter()
    counters = [named[name] for name in _COUNTERS if name in named]
    for rows, spectral in split_rows(
        frequency if impedance is not None else None, impedance, begins, counters, dropped
    ):
        made, found = table.spectrum(rows, dropped) if spectral else table.traces(rows, dropped)
        parts += made
        flags += found
    flags += [ReaderFlag.DROPPED_POINTS.flag(count=number, what=what) for what, number in dropped.items()]
    return tuple(parts), tuple(dict.fromkeys(flags))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """The columns that are understood, (count,) each or ``None``, and all others.

    ``applied`` is the set potential where it must give the ramp that the settings do not state.
    """

    time: np.ndarray | None
    voltage: Voltage
    current: np.ndarray | None
    origin: CurrentOrigin
    applied: np.ndarray | None
    controlled: Controlled
    temperature: np.ndarray | None
    frequency: np.ndarray | None
    impedance: np.ndarray | None
    usable: np.ndarray | None
    amplitude: np.ndarray | None
    galvanostatic: bool
    extra: Mapping[str, np.ndarray]
    run: Run

    def traces(self, rows: np.ndarray, dropped: Counter[str]) -> tuple[list[Trace], list[Flag]]:
        """One trace, or several where time runs backwards."""
        blank, whole = np.full(rows.size, np.nan), _narrow(rows)
        time = blank if self.time is None else self.time[whole]
        potential = blank if self.voltage.cell is None else self.voltage.cell[whole]
        current = blank if self.current is None else self.current[whole]
        kept = np.isfinite(potential) | np.isfinite(current)
        if self.time is not None and np.isfinite(time).any():
            kept &= np.isfinite(time)
        if not kept.any():
            dropped["time, potential or current"] += rows.size
            return [], [ReaderFlag.EMPTY_BLOCK.flag(name=self.run.technique or "trace")]
        if not kept.all():
            dropped["time, potential or current"] += int((~kept).sum())
            rows, time, potential, current = rows[kept], time[kept], potential[kept], current[kept]
        flags = self._missing()
        electrodes = {WORKING_POTENTIAL: self.voltage.working, COUNTER_POTENTIAL: self.voltage.counter}
        apart = {name: one for name, one in electrodes.items() if one is not None and self.voltage.has_counter}
        for recorded in (self.voltage.cell, *apart.values()):
            flags += [] if recorded is None else saturation(recorded[_narrow(rows)], current)
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
                    extra={name: column[piece] for name, column in {**self.extra, **apart}.items()},
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
        return None if self.applied is None else applied_sweep(time, self.applied[rows], self.controlled)

    def spectrum(self, rows: np.ndarray, dropped: Counter[str]) -> tuple[list[Spectrum], list[Flag]]:
        """One pass through the frequencies, without the points that hold no impedance."""
        assert self.frequency is not None
        assert self.impedance is not None
        assert self.usable is not None
        good = self.usable[rows]
        if not good.all():
            dropped["impedance"] += int((~good).sum())
            rows = rows[good]
            if not rows.size:
                return [], []
        piece = _narrow(rows)
        frequency, stated, flags = self.frequency[piece], math.nan, []
        protocol = self.run.protocol if isinstance(self.run.protocol, FrequencyScan) else None
        if protocol is not None:
            protocol, flags = confirmed_scan(protocol, frequency)
            stated = protocol.amplitude if protocol is not None else math.nan
        amplitude = _mean(self.amplitude, piece)
        spectrum = Spectrum(
            frequency=frequency,
            impedance=self.impedance[piece],
            time=_whole(self.time, piece),
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


def _whole(column: np.ndarray | None, rows: slice | np.ndarray) -> np.ndarray | None:
    """These rows of a column; nothing where one of them was not recorded."""
    return None if column is None or not np.isfinite(column[rows]).all() else column[rows]


def _mean(column: np.ndarray | None, rows: slice | np.ndarray) -> float:
    """The mean of what was recorded in these rows; NaN where nothing was."""
    if column is None:
        return math.nan
    values = column[rows]
    mean = float(np.add.reduce(values)) / values.size
    return mean if math.isfinite(mean) else float(np.nanmean(values)) if np.isfinite(values).any() else math.nan
