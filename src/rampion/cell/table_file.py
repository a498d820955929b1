"""Comma-separated text with one row of names and units, for programs that read nothing else."""

from __future__ import annotations

import math
from datetime import datetime

import numpy as np

from rampion.measurement import WORKING_POTENTIAL, Spectrum, Trace

FILE_NAME = "{stem}_{number:02d}_{technique}.csv"
ENCODING = "utf-8"


def text_of(part: Trace | Spectrum, technique: str, start: datetime, mark: str) -> str:
    """The file's text: the mark and the start as comments, SI units, 12 digits.

    Parameters
    ----------
    start : the zero of the time column.
    mark : the sentence that says the data are synthetic, written as the first comment line.
    """
    columns: dict[str, np.ndarray] = {}
    if part.time is not None and np.all(np.isfinite(part.time)):
        columns["time/s"] = part.time
    if isinstance(part, Spectrum):
        columns |= {
            "frequency/Hz": part.frequency,
            "Re(Z)/Ohm": np.real(part.impedance),
            "Im(Z)/Ohm": np.imag(part.impedance),
        }
        for name, value in (("potential/V", part.potential), ("current/A", part.current)):
            if math.isfinite(value):
                columns[name] = np.full(len(part), value)
    else:
        columns |= {"potential/V": part.potential, "current/A": part.current}
        if WORKING_POTENTIAL in part.extra:
            columns["working potential/V"] = part.extra[WORKING_POTENTIAL]
    head = [f"# {mark}", f"# technique: {technique}", f"# start: {start:%Y-%m-%dT%H:%M:%S%z}", ",".join(columns)]
    rows = [",".join(f"{value:.12g}" for value in row) for row in zip(*columns.values(), strict=True)]
    return "\n".join([*head, *rows]) + "\n"
