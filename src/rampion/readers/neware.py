"""Neware battery cyclers (``.ndax``, ``.nda``), through fastnda (extra ``[neware]``).

The record of every step becomes one trace on one clock, which keeps the pauses in which the tester's test time stood
still; cycle, step and auxiliary channels are kept beside it under fastnda's names. Positive current charges the cell.
*Fails when* the archive is damaged beyond its records; what fastnda could not make out of the auxiliary channels is
reported as a flag.
"""

from __future__ import annotations

import io
import logging
import math
import tempfile
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rampion.errors import InputError, RefusedError
from rampion.estimate import Flag
from rampion.measurement import Source, Spectrum, Trace
from rampion.readers.clock import keep_pauses
from rampion.readers.direction import directed_current
from rampion.readers.flags import ReaderFlag

_VERSIONS_WITH_END = range(1, 26)  # of .nda: their head says where the block of records begins and how long it is
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
    with tempfile.TemporaryDirectory() as folder, _Remarks() as remarks, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        copy = Path(folder) / f"record{Path(name).suffix.lower() or '.ndax'}"
        try:
            copy.write_bytes(_plain_heads(content) if content.startswith(b"PK") else content)
            table: Any = fastnda.read(copy)
        except Exception as error:  # the library raises whatever the damaged bytes made it meet
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InputError(
                f"{name} is no readable Neware record ({reason}); export it again from BTSDA, or as csv."
            ) from None
    if table.height == 0:
        raise RefusedError(f"{name} is a Neware record without a single point: the test was not started.")
    columns = {key: _column(table, key) for key in table.columns if key != "step_type"}
    doubts = dict.fromkeys(str(one.message).split(". ")[0].splitlines()[0] for one in caught)
    flags = [ReaderFlag.LIBRARY_REMARK.flag(remark=remark) for remark in (*remarks.sentences, *doubts)]
    if _is_cut(content):
        flags.append(ReaderFlag.CUT_FILE.flag(where="the block of records", kept=table.height))
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
    total, found = keep_pauses(time[order], clock)
    flags += found
    current = columns["current_mA"][good][order] * 1e-3
    states = [str(state) for state in np.asarray(table["step_type"].to_list(), dtype=object)[good][order]]
    potential = columns["voltage_V"][good][order]
    current, found = directed_current(current, states, "step_type", potential)
    flags += found
    trace = Trace(
        time=total,
        potential=potential,
        current=current,
        temperature=_temperature(columns, good, order),
        technique="Cycling",
        start=float(clock[0] - time[order][0]) if clock.size and math.isfinite(clock[0]) else math.nan,
        extra={key: column[good][order] for key, column in columns.items() if key not in _OWN},
        source=Source(format="Neware record", instrument="Neware"),
    )
    return (trace,), tuple(flags)


def _plain_heads(content: bytes) -> bytes:
    """The archive with its members stored, without extra fields in their heads.

    fastnda reads members in threads, and zipfile (3.13.0) skips such a field from where another thread left the file:
    a sound record was refused for overlapping members now and then.
    """
    stored = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as archive, zipfile.ZipFile(stored, "w") as plain:
        for member in archive.namelist():
            plain.writestr(member, archive.read(member))
    return stored.getvalue()


def _temperature(columns: Mapping[str, np.ndarray], good: np.ndarray, order: np.ndarray) -> np.ndarray | None:
    """The first recorded temperature channel [K]."""
    channel = next((key for key in columns if key.endswith("_temperature_degC")), None)
    return columns[channel][good][order] + 273.15 if channel else None


def _is_cut(content: bytes) -> bool:
    """Whether an ``.nda`` ends before the block of records that its head announces."""
    if not content.startswith(b"NEWARE") or len(content) < 72 or content[14] not in _VERSIONS_WITH_END:
        return False
    begin, length = (int.from_bytes(content[place : place + 4], "little") for place in (64, 68))
    return begin + length > len(content)


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
