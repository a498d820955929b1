"""Neware battery cyclers (``.ndax``, ``.nda``), through fastnda (extra ``[neware]``).

The record of every step becomes one trace on one clock; cycle, step and auxiliary channels are kept beside it under
fastnda's names. Positive current charges the cell. *Fails when* the archive is damaged beyond its records; what fastnda
could not make out of the auxiliary channels is reported as a flag.
"""

from __future__ import annotations

import logging
import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from rampion.errors import InputError, RefusedError
from rampion.estimate import Flag
from rampion.measurement import Source, Spectrum, Trace
from rampion.readers.flags import ReaderFlag

_OWN = ("voltage_V", "current_mA", "total_time_s", "unix_time_s", "index", "step_type")


def recognise(head: bytes, name: str) -> bool:
    """Whether the file is a Neware record, by its name and first bytes."""
    suffix = Path(name).suffix.lower()
    return head.startswith(b"NEWARE") or suffix == ".nda" or suffix == ".ndax"


def read(content: bytes, name: str, path: Path | None = None) -> tuple[tuple[Trace | Spectrum, ...], tuple[Flag, ...]]:
    """The whole record of the file as one trace.

    Raises
    ------
    RefusedError
        When fastnda is not installed, or the file holds no record.
    InputError
        When the file is not a readable Neware record.
    """
    try:
        import fastnda
    except ImportError:
        raise RefusedError(f"{name} is a Neware record; reading it needs: pip install 'rampion[neware]'.") from None
    with tempfile.TemporaryDirectory() as folder, _Remarks() as remarks:
        copy = Path(folder) / f"record{Path(name).suffix.lower() or '.ndax'}"
        copy.write_bytes(content)
        try:
            table: Any = fastnda.read(copy)
        except Exception as error:  # the library raises whatever the damaged bytes made it meet
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InputError(
                f"{name} is no readable Neware record ({reason}); export it again from BTSDA, or as csv."
            ) from None
    if table.height == 0:
        raise RefusedError(f"{name} is a Neware record without a single point: the test was not started.")
    columns = {key: _column(table, key) for key in table.columns if key != "step_type"}
    flags = [ReaderFlag.LIBRARY_REMARK.flag(remark=remark) for remark in remarks.sentences]
    time = columns["total_time_s"]
    good = np.isfinite(time)
    for key in ("voltage_V", "current_mA"):
        good &= ~np.isinf(columns[key])
    if not good.all():
        flags.append(ReaderFlag.DROPPED_POINTS.flag(count=int((~good).sum()), what="time"))
    time = time[good]
    if backwards := int((np.diff(time) < 0).sum()):
        flags.append(ReaderFlag.TIME_SORTED.flag(count=backwards))
    order = np.argsort(time, kind="stable")
    clock = columns.get("unix_time_s", np.full(good.size, math.nan))[good][order]
    trace = Trace(
        time=time[order],
        potential=columns["voltage_V"][good][order],
        current=columns["current_mA"][good][order] * 1e-3,
        technique="Cycling",
        start=float(clock[0] - time[order][0]) if clock.size and math.isfinite(clock[0]) else math.nan,
        extra={key: column[good][order] for key, column in columns.items() if key not in _OWN},
        source=Source(format="Neware record", instrument="Neware"),
    )
    return (trace,), tuple(flags)


def _column(table: Any, key: str) -> np.ndarray:
    return np.asarray(table[key].to_numpy(), dtype=float)


class _Remarks(logging.Handler):
    """What the library writes to its log while it reads, one sentence each."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.sentences: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the first line of the message."""
        sentence = record.getMessage().splitlines()[0]
        if sentence not in self.sentences:
            self.sentences.append(sentence)

    def __enter__(self) -> _Remarks:
        logger = logging.getLogger("fastnda")
        self._propagate, logger.propagate = logger.propagate, False
        logger.addHandler(self)
        return self

    def __exit__(self, *error: object) -> None:
        logger = logging.getLogger("fastnda")
        logger.removeHandler(self)
        logger.propagate = self._propagate
