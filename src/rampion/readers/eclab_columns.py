"""EC-Lab's columns to traces and spectra, the same for its text (``.mpt``) and its binary files (``.mpr``).

The cell's voltage is ``Ewe-Ece`` where the file holds it and it differs from ``Ewe``: between two lithium electrodes
``Ewe`` alone is not the cell. Impedance rows (``freq/Hz`` above zero) become spectra and the rows between them traces,
in the order of the file. Currents are brought from A, mA, µA or nA; an imaginary part is taken by its name's sign.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from rampion.errors import RefusedError
from rampion.estimate import Flag
from rampion.measurement import CurrentOrigin, FrequencyScan, Protocol, Rest, Source, Spectrum, Sweep, Trace
from rampion.readers.flags import ReaderFlag
from rampion.readers.parts import bias_columns

_PREFIXES = {"": 1.0, "m": 1e-3, "µ": 1e-6, "u": 1e-6, "n": 1e-9, "p": 1e-12, "k": 1e3, "M": 1e6}
_CELL = ("Ecell", "<Ecell>")
_WORKING = ("Ewe", "<Ewe>")
_COUNTER = ("Ece", "<Ece>")
_DIFFERENCE = ("Ewe-Ece", "<Ewe-Ece>", "<Ewe>-<Ece>")
_CURRENT = ("I", "<I>")
_REST_MODE = 3
_GALVANOSTATIC_MODE = 1
# A difference between Ewe and Ewe-Ece below this is rounding, not a counter electrode's potential.
_SAME_POTENTIAL = 5e-4
# A ramp is recognised on about this many of its points.
_LOOKED_AT = 2000
_RANGE_EDGES = (2.5, 5.0, 10.0, 20.0)

TECHNIQUES = {
    "Open Circuit Voltage": "OCV",
    "Linear Sweep Voltammetry": "LSV",
    "Cyclic Voltammetry": "CV",
    "Cyclic Voltammetry Advanced": "CVA",
    "Chronoamperometry / Chronocoulometry": "CA",
    "Chronoamperometry": "CA",
    "Chronopotentiometry": "CP",
    "Potentio Electrochemical Impedance Spectroscopy": "PEIS",
    "Galvano Electrochemical Impedance Spectroscopy": "GEIS",
    "Staircase Potentio Electrochemical Impedance Spectroscopy": "SPEIS",
    "Staircase Galvano Electrochemical Impedance Spectroscopy": "SGEIS",
    "Galvanostatic Cycling with Potential Limitation": "GCPL",
    "Constant Voltage": "CstV",
    "Constant Current": "CstC",
    "Modulo Bat": "MB",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What is known of one technique besides its columns.

    ``loops`` are the numbers of the rows where a repetition begins; ``protocol`` is what the settings state.
    """

    technique: str = ""
    start: float = math.nan
    protocol: Protocol | None = None
    loops: Sequence[int] = ()
    source: Source = field(default_factory=Source)


def read_columns(columns: Mapping[str, np.ndarray], run: Run) -> tuple[tuple[Trace | Spectrum, ...], tuple[Flag, ...]]:
    """Traces and spectra, in the order of the rows.

    Raises
    ------
    RefusedError
        When the columns hold impedance without its frequencies, or neither potential nor current nor impedance.
    """
    named = {_plain(name): column for name, column in columns.items()}
    impedance = _impedance(named)
    frequency = _first(named, ("freq",), "Hz")
    if impedance is not None and frequency is None:
        raise RefusedError("The file holds impedance without its frequencies; export it again with the column freq/Hz.")
    count = next(iter(columns.values())).size if columns else 0
    spectral = frequency > 0 if frequency is not None and impedance is not None else np.zeros(count, dtype=bool)
    potential, chosen = _potential(named)
    current, origin = _current(named, run.technique, count)
    if potential is None and current is None and impedance is None:
        raise RefusedError(
            "The file holds neither potential nor current nor impedance, only "
            f"{', '.join(list(columns)[:8]) or 'nothing'}; export it again with time, Ewe and I."
        )
    flags: list[Flag] = [*chosen]
    time = _first(named, ("time", "step time"), "s")
    used = {"freq/Hz", "time/s", *(f"{name}/{unit}" for name in _CURRENT for unit in ("A", "mA", "µA", "nA"))}
    used |= {"Ewe/V", "<Ewe>/V"} if not chosen else {"Ewe-Ece/V"}
    used |= {"Re(Z)/Ohm", "-Im(Z)/Ohm", "Im(Z)/Ohm"}
    extra = {name: column for name, column in columns.items() if _plain(name) not in used}
    block = _Block(
        time=time,
        potential=potential,
        current=current,
        origin=origin,
        frequency=frequency,
        impedance=impedance,
        extra=extra,
        count=count,
        run=run,
    )
    changes = np.flatnonzero(spectral[1:] != spectral[:-1]) + 1
    edges = set(changes.tolist()) | {int(row) for row in run.loops if 0 < row < count}
    parts: list[Trace | Spectrum] = []
    for first, last in pairwise([0, *sorted(edges), count]):
        if first == last:
            continue
        rows = range(first, last)
        made, found = block.spectra(np.arange(first, last), named) if spectral[first] else block.traces(rows)
        parts += made
        flags += found
    return tuple(parts), tuple(dict.fromkeys(flags))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """The columns that are understood, (count,) each or ``None``, and all others."""

    time: np.ndarray | None
    potential: np.ndarray | None
    current: np.ndarray | None
    origin: CurrentOrigin
    frequency: np.ndarray | None
    impedance: np.ndarray | None
    extra: Mapping[str, np.ndarray]
    count: int
    run: Run

    def traces(self, rows: range) -> tuple[list[Trace], list[Flag]]:
        """One trace, or several where time runs backwards."""
        whole = slice(rows.start, rows.stop)
        blank = np.full(len(rows), np.nan)
        time = blank if self.time is None else self.time[whole]
        potential = blank if self.potential is None else self.potential[whole]
        current = blank if self.current is None else self.current[whole]
        flags = [ReaderFlag.CURRENT_AS_SET.flag()] if self.origin is CurrentOrigin.SETTING else []
        if self.potential is None:
            flags.append(ReaderFlag.POTENTIAL_UNKNOWN.flag())
        if self.current is None:
            flags.append(ReaderFlag.CURRENT_UNKNOWN.flag())
        kept = np.isfinite(potential) | np.isfinite(current)
        if self.time is not None and np.isfinite(time).any():
            kept &= np.isfinite(time)
        if not kept.any():
            return [], [ReaderFlag.EMPTY_BLOCK.flag(name=self.run.technique or "trace")]
        extra = {name: column[whole] for name, column in self.extra.items()}
        if not kept.all():
            flags.append(ReaderFlag.DROPPED_POINTS.flag(count=int((~kept).sum()), what="time, potential or current"))
            time, potential, current = time[kept], potential[kept], current[kept]
            extra = {name: column[kept] for name, column in extra.items()}
        flags += _saturation(potential, current)
        breaks = np.flatnonzero(time[1:] < time[:-1]) + 1
        if breaks.size:
            flags.append(ReaderFlag.TIME_BACKWARDS.flag(count=int(breaks.size)))
        edges = [0, *breaks.tolist(), time.size]
        traces = [
            Trace(
                time=time[a:b],
                potential=potential[a:b],
                current=current[a:b],
                current_origin=self.origin,
                technique=self.run.technique,
                protocol=self._protocol(time[a:b], {name: column[a:b] for name, column in extra.items()}),
                start=self.run.start,
                extra={name: column[a:b] for name, column in extra.items()},
                source=self.run.source,
            )
            for a, b in pairwise(edges)
        ]
        return traces, flags

    def _protocol(self, time: np.ndarray, extra: Mapping[str, np.ndarray]) -> Protocol | None:
        """What the settings state; for a linear sweep whose settings are not known, what was applied."""
        if self.run.technique == "OCV":
            return Rest()
        if self.run.protocol is not None and not isinstance(self.run.protocol, FrequencyScan):
            return self.run.protocol
        applied = next((column for name, column in extra.items() if _plain(name) == "control/V"), None)
        if self.run.technique != "LSV" or applied is None:
            return None
        # The rest before the ramp is no part of it.
        ramp = extra["mode"] != _REST_MODE if "mode" in extra else np.ones(time.size, dtype=bool)
        return _applied_sweep(time[ramp], applied[ramp])

    def spectra(self, rows: np.ndarray, named: Mapping[str, np.ndarray]) -> tuple[list[Spectrum], list[Flag]]:
        """One spectrum per pass through the frequencies."""
        assert self.frequency is not None
        assert self.impedance is not None
        spectra: list[Spectrum] = []
        flags: list[Flag] = []
        galvanostatic = self.run.technique in ("GEIS", "SGEIS")
        amplitude = _first(named, ("|I|",) if galvanostatic else ("|Ewe|",), "A" if galvanostatic else "V")
        stated = self.run.protocol.amplitude if isinstance(self.run.protocol, FrequencyScan) else math.nan
        counters = [named[name] for name in ("cycle number", "Ns") if name in named]
        for piece in np.split(rows, _passes(self.frequency[rows], [column[rows] for column in counters])):
            impedance = self.impedance[piece]
            good = np.isfinite(impedance) & (impedance != 0) & np.isfinite(self.frequency[piece])
            if not good.all():
                flags.append(ReaderFlag.DROPPED_POINTS.flag(count=int((~good).sum()), what="impedance"))
            kept = piece[good]
            if not kept.size:
                continue
            spectra.append(
                Spectrum(
                    frequency=self.frequency[kept],
                    impedance=self.impedance[kept],
                    time=_whole(self.time, kept),
                    technique=self.run.technique,
                    protocol=self.run.protocol if isinstance(self.run.protocol, FrequencyScan) else None,
                    potential=_mean(self.potential, kept),
                    current=_mean(self.current, kept),
                    amplitude=_mean(amplitude, kept) if amplitude is not None else stated,
                    galvanostatic=galvanostatic,
                    start=self.run.start,
                    extra={name: column[kept] for name, column in self.extra.items()}
                    | bias_columns({"potential": self.potential, "current": self.current}, kept),
                    source=self.run.source,
                )
            )
        return spectra, flags


def _plain(name: str) -> str:
    """A column's name with one spelling of µ and of averages."""
    name = name.strip().strip('"').replace("Âµ", "µ").replace("μ", "µ").replace("�", "µ")
    return {"<Ewe/V>": "<Ewe>/V", "<I/mA>": "<I>/mA"}.get(name, name)


def is_known(name: str) -> bool:
    """Whether a cell of a header is one of the columns that EC-Lab's tables are recognised by."""
    name = _plain(name)
    base = name.split("/")[0]
    return (
        name in ("time/s", "freq/Hz", "Re(Z)/Ohm", "-Im(Z)/Ohm", "ox/red", "control changes", "cycle number", "I Range")
        or ("/" in name and base in (*_CELL, *_WORKING, *_COUNTER, *_DIFFERENCE, "<I>", "control", "dq", "(Q-Qo)"))
        or name in ("I/mA", "I/A", "half cycle", "Ns changes", "counter inc.")
    )


def _first(named: Mapping[str, np.ndarray], bases: Sequence[str], unit: str) -> np.ndarray | None:
    """The first of these columns that holds a number, in the unit without prefix."""
    for base in bases:
        for prefix, factor in _PREFIXES.items():
            column = named.get(f"{base}/{prefix}{unit}")
            if column is not None and np.isfinite(column).any():
                return column.astype(float) * factor if factor != 1.0 else np.asarray(column, dtype=float)
    return None


def _potential(named: Mapping[str, np.ndarray]) -> tuple[np.ndarray | None, list[Flag]]:
    """The cell's voltage, and a flag where it was taken from another column than ``Ewe``."""
    cell = _first(named, _CELL, "V")
    if cell is not None:
        return cell, []
    working = _first(named, _WORKING, "V")
    difference, name = _first(named, _DIFFERENCE, "V"), "Ewe-Ece"
    counter = _first(named, _COUNTER, "V")
    if difference is None and working is not None and counter is not None:
        difference, name = working - counter, "Ewe - Ece"
    if difference is None or working is None:
        return (working if difference is None else difference), []
    apart = np.abs(difference - working)
    apart = float(np.max(apart[np.isfinite(apart)], initial=0.0))
    if apart < _SAME_POTENTIAL:
        return working, []
    return difference, [ReaderFlag.CELL_VOLTAGE_CHOSEN.flag(chosen=name, other="Ewe", difference=apart)]


def _current(named: Mapping[str, np.ndarray], technique: str, count: int) -> tuple[np.ndarray | None, CurrentOrigin]:
    """The current and where it comes from: measured, set, or zero at open circuit."""
    current = _first(named, _CURRENT, "A")
    if current is not None:
        return current, CurrentOrigin.MEASURED
    if technique == "OCV":
        return np.zeros(count), CurrentOrigin.MEASURED
    mode = named.get("mode")
    applied = _first(named, ("control",), "A")
    if applied is None and "control/V/mA" in named and mode is not None:
        applied = np.where(mode == _GALVANOSTATIC_MODE, named["control/V/mA"] * 1e-3, np.nan)
    if applied is None:
        return None, CurrentOrigin.MEASURED
    if mode is not None:
        applied = np.where(mode == _REST_MODE, 0.0, applied)
    return applied, CurrentOrigin.SETTING


def _impedance(named: Mapping[str, np.ndarray]) -> np.ndarray | None:
    real = _first(named, ("Re(Z)",), "Ohm")
    for name, sign in (("-Im(Z)", -1.0), ("Im(Z)", 1.0)):
        imaginary = _first(named, (name,), "Ohm")
        if real is not None and imaginary is not None:
            return real + 1j * sign * imaginary
    modulus, phase = _first(named, ("|Z|",), "Ohm"), named.get("Phase(Z)/deg")
    return modulus * np.exp(1j * np.deg2rad(phase)) if modulus is not None and phase is not None else None


def _passes(frequency: np.ndarray, counters: Sequence[np.ndarray]) -> np.ndarray:
    """Where among these rows a new pass through the frequencies begins."""
    begins = np.zeros(max(frequency.size - 1, 0), dtype=bool)
    for counter in counters:
        begins |= np.abs(np.diff(counter.astype(float))) > 0  # false where a counter is not known
    steps = np.diff(np.log(frequency))
    direction = np.sign(np.median(steps)) if steps.size else 0.0
    begins |= steps * direction < -math.log(2.0)
    return np.flatnonzero(begins) + 1


def _applied_sweep(time: np.ndarray, applied: np.ndarray) -> Sweep | None:
    """The ramp that the instrument applied, where its set values lie on one straight line within 1 %."""
    if time.size < 10:
        return None
    some = slice(None, None, max(1, time.size // _LOOKED_AT))
    ends = applied[[0, -1]]
    time, applied = time[some], applied[some].astype(float)
    good = np.isfinite(time) & np.isfinite(applied)
    if good.sum() < 10 or np.ptp(time[good]) == 0:
        return None
    rate, offset = np.polyfit(time[good], applied[good], 1)
    width = float(np.ptp(applied[good]))
    if width == 0 or np.max(np.abs(offset + rate * time[good] - applied[good])) > 0.01 * width:
        return None
    return Sweep(rate=abs(float(rate)), start=float(ends[0]), stop=float(ends[1]))


def _saturation(potential: np.ndarray, current: np.ndarray) -> list[Flag]:
    """A flag where the potential rests at the edge of a range while the current moves."""
    if potential.size < 10 or np.isnan(potential).all():
        return []
    low, high = float(np.nanmin(potential)), float(np.nanmax(potential))
    extreme = high if high >= -low else low
    if abs(extreme) <= 10 and not any(abs(abs(extreme) - edge) < 0.02 * edge for edge in _RANGE_EDGES):
        return []
    stuck = potential == extreme
    count = int(stuck.sum())
    if count < max(10, potential.size // 50) or np.unique(current[stuck]).size < 3:
        return []
    return [ReaderFlag.POTENTIAL_SATURATED.flag(value=extreme, count=count)]


def _mean(column: np.ndarray | None, rows: np.ndarray) -> float:
    if column is None or not np.isfinite(column[rows]).any():
        return math.nan
    return float(np.nanmean(column[rows]))


def _whole(column: np.ndarray | None, rows: np.ndarray) -> np.ndarray | None:
    return None if column is None or not np.isfinite(column[rows]).all() else column[rows]
