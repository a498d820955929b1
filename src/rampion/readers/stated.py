"""What a sample sheet states of a record put onto it: the sample, and of a ramp its protocol and missing times.

What the file states counts before what the sheet states; where neither states a scan rate, the ramp's own is fitted
later. *Assumes* that a stated scan rate is that of every ramp of the row's files.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from rampion.estimate import Estimate
from rampion.measurement import Experiment, Pause, Sample, Spectrum, Sweep, Trace
from rampion.readers.flags import ReaderFlag
from rampion.readers.samples import SampleRow

_FEWEST = 3  # points of a ramp
_STRETCHES = 20  # of a record, over whose means its direction is judged
_LONGEST_PATH = 1.2  # of a ramp in spans: a pause or a rest before it moves the potential a little


def with_sheet(experiment: Experiment, file: str, row: SampleRow | None) -> Experiment:
    """The experiment of a sheet's sample, or of one named after the file."""
    if row is None:
        return replace(experiment, sample=Sample(name=experiment.name or Path(file).stem))
    parts = tuple(_with_stated(part, row.stated) for part in experiment.parts)
    return replace(experiment, sample=row.sample, parts=parts)


def _with_stated(part: Trace | Spectrum, stated: Mapping[str, Estimate]) -> Trace | Spectrum:
    """A ramp with the protocol that the sheet states where the file does not, and times where the file holds none.

    What the file states counts; a scan rate of the sheet that contradicts it is flagged.
    """
    rate = stated.get("scan_rate")
    if rate is None or not isinstance(part, Trace) or not _is_ramp(part.potential):
        return part
    every, duration = stated.get("pause_interval"), stated.get("pause_duration")
    pause = Pause(every=every.value, duration=duration.value) if every and duration else None
    if isinstance(part.protocol, Sweep):
        ramp = replace(part.protocol, pause=part.protocol.pause or pause)
        flags = part.flags
        if ramp.contradicted_by(rate.value):
            flags += (ReaderFlag.SCAN_RATE_DIFFERS.flag(file=ramp.rate * 1e3, sheet=rate.value * 1e3),)
        return replace(part, protocol=ramp, flags=flags)
    ends = [stated[key].value if key in stated else math.nan for key in ("start_potential", "stop_potential")]
    protocol = part.protocol or Sweep(rate=rate.value, start=ends[0], stop=ends[1], pause=pause)
    if np.isfinite(part.time).any() or pause is not None:
        return replace(part, protocol=protocol)
    time = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(part.potential)))]) / rate.value
    flag = ReaderFlag.TIME_LAID_OUT.flag(origin="the sheet's scan rate", interval=float(np.median(np.diff(time))))
    return replace(part, time=time, protocol=protocol, flags=(*part.flags, flag))


def _is_ramp(potential: np.ndarray) -> bool:
    """Whether the potential runs one way: its path over the means of a few stretches is hardly longer than its span.

    Single points would make a path of their noise where the ramp is slow.
    """
    if potential.size < _FEWEST or not np.isfinite(potential).all():
        return False
    means = np.array([stretch.mean() for stretch in np.array_split(potential, min(potential.size, _STRETCHES))])
    span = abs(means[-1] - means[0])
    return bool(span > 0 and np.abs(np.diff(means)).sum() < _LONGEST_PATH * span)
