"""What of a file is compared with others: its traces in one row, its spectra, and how exactly both were printed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rampion.measurement import CurrentOrigin, Experiment, Spectrum
from rampion.readers.resolution import last_digit, resolution


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """A column and its last printed digit, (n,) each."""

    values: np.ndarray
    digit: np.ndarray

    @property
    def known(self) -> bool:
        """Whether any value is a number."""
        return bool(np.isfinite(self.values).any())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Content:
    """What of a file is compared: all its traces in one row, sorted by time, measured values only, and its spectra."""

    start: float
    time: np.ndarray
    potential: Column
    current: Column
    spectra: tuple[Scan, ...]
    responds: bool = False  # the potential is the cell's answer to a current that was set

    @property
    def columns(self) -> tuple[Column, Column]:
        """Potential and current."""
        return (self.potential, self.current)

    @property
    def timed(self) -> bool:
        """Whether every point of the traces has its time."""
        return bool(self.time.size and np.isfinite(self.time).all())


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """A spectrum by rising frequency, with the last printed digit of each impedance."""

    frequency: np.ndarray
    impedance: np.ndarray
    digit: np.ndarray
    time: np.ndarray


def content_of(experiment: Experiment) -> Content:
    """What of a file is compared with others."""
    starts = [part.start for part in experiment.parts if math.isfinite(part.start)]
    traces = experiment.traces
    measured = [
        trace.current if trace.current_origin is CurrentOrigin.MEASURED else np.full(len(trace), math.nan)
        for trace in traces
    ]
    blank = np.zeros(0)
    time = np.concatenate([blank, *(trace.time for trace in traces)])
    order = np.argsort(time, kind="stable")
    potential = np.concatenate([blank, *(trace.potential for trace in traces)])[order]
    current = np.concatenate([blank, *measured])[order]
    return Content(
        start=min(starts, default=math.nan),
        time=time[order],
        potential=Column(potential, resolution(potential)),
        current=Column(current, resolution(current)),
        responds=any(trace.current_origin is not CurrentOrigin.MEASURED for trace in traces),
        spectra=tuple(_scan(spectrum) for spectrum in experiment.spectra),
    )


def _scan(spectrum: Spectrum) -> Scan:
    order = np.argsort(spectrum.frequency, kind="stable")
    assert spectrum.time is not None
    return Scan(
        spectrum.frequency[order],
        spectrum.impedance[order],
        last_digit(spectrum.impedance)[order],
        spectrum.time[order],
    )
