"""Dates as instruments write them, to seconds since 1970; naive local time is taken as it stands."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

import numpy as np
from jaxtyping import Float

from rampion.estimate import Flag
from rampion.readers.flags import ReaderFlag

_DATE = re.compile(r"(\d{1,4})\s*([./-])\s*(\d{1,2})\s*\2\s*(\d{1,4})")
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d+))?)?\s*([AaPp][Mm])?")


def read_start(
    date: str, time: str = "", *, month_first: bool = True, certain: bool = False
) -> tuple[float, tuple[Flag, ...]]:
    """Seconds since 1970 of a date and time of day, NaN when they cannot be read; a flag where days could be months.

    ``2023-08-11``, ``11.8.2023`` (day first), ``08/11/2023``: with slashes or hyphens ``month_first`` decides, unless
    one of the two numbers is above 12; ``certain`` says that the program is known to write dates so.
    """
    found = _DATE.search(date)
    if found is None:
        return math.nan, (ReaderFlag.CLOCK_UNKNOWN.flag(),)
    first, mark, second, third = int(found[1]), found[2], int(found[3]), int(found[4])
    flags: tuple[Flag, ...] = ()
    if len(found[1]) == 4:
        year, month, day = first, second, third
    else:
        year = third + (2000 if third < 100 else 0)
        ahead = month_first and (certain or mark != ".")
        if max(first, second) > 12:
            ahead = second > 12
        month, day = (first, second) if ahead else (second, first)
        if not certain and mark != "." and first != second and max(first, second) <= 12:
            flags = (ReaderFlag.CLOCK_AMBIGUOUS.flag(date=found[0], reading=f"{year:04d}-{month:02d}-{day:02d}"),)
    hour = minute = second_of_minute = 0
    fraction = 0.0
    clock = _TIME.search(time or date[found.end() :])
    if clock:
        hour, minute, second_of_minute = int(clock[1]), int(clock[2]), int(clock[3] or 0)
        fraction = float(f"0.{clock[4]}") if clock[4] else 0.0
        if clock[5]:
            hour = hour % 12 + (12 if clock[5].lower() == "pm" else 0)
    try:
        moment = datetime(year, month, day, hour, minute, second_of_minute, tzinfo=UTC)
    except ValueError:
        return math.nan, (ReaderFlag.CLOCK_UNKNOWN.flag(),)
    return moment.timestamp() + fraction, flags


PAUSE = 2.0
"""Seconds by which a clock in whole seconds and a test time may differ between two records; more is a pause."""


def keep_pauses(
    time: Float[np.ndarray, " n"], clock: Float[np.ndarray, " n"]
) -> tuple[Float[np.ndarray, " n"], tuple[Flag, ...]]:
    """A tester's test time [s] with the pauses in which it stood still, from the clock [s] beside it (NaN: unknown)."""
    paused = np.diff(clock, prepend=clock[:1]) - np.diff(time, prepend=time[:1])
    paused[~(paused > PAUSE)] = 0.0
    if not paused.any():
        return time, ()
    flag = ReaderFlag.PAUSES_KEPT.flag(count=int((paused > 0).sum()), longest=float(paused.max()))
    return time + np.cumsum(paused), (flag,)
