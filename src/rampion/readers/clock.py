"""Dates as instruments write them, to seconds since 1970; naive local time is taken as it stands."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
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


_ELAPSED = re.compile(
    r"(?:(?P<days>\d+)(?:[-.]|\s*d(?:ays?)?[,\s]\s*|\s+))?"  # 1-02:03:04, 0d 02:03:04, 1 day, 2:03:04, 1.02:03:04
    r"(?P<hours>\d+):(?P<minutes>\d{1,2}):(?P<seconds>\d{1,2}(?:[.,]\d*)?)"
)
_SHORT = re.compile(r"(?P<minutes>\d+):(?P<seconds>\d{1,2}[.,]\d+)")
_DATED = re.compile(
    r"(?P<date>\d{1,4}([./-])\d{1,2}\2\d{1,4}|\d{1,2}[- ][A-Za-z]{3,9}\.?,?[- ]\d{2,4})[T\s,;]\s*"
    r"(?P<hours>\d{1,2}):(?P<minutes>\d{2})(?::(?P<seconds>\d{2}(?:[.,]\d*)?))?\s*(?P<half>[AaPp]\.?[Mm]\.?)?"
    r"\s*(?P<zone>Z|[+-]\d{2}:?\d{2})?"
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAY = 86400.0
_LATE, _EARLY = 23 * 3600.0, 3600.0  # a clock that goes from the last hour of a day to the first has passed midnight


def is_clock(cell: str) -> bool:
    """Whether a cell is a clock reading: ``1:02:03.5``, ``0d 00:00:01``, ``2024-12-06 10:06:54.7``, ``03:25.5``."""
    cell = cell.strip("\" '\t")
    return bool(_ELAPSED.fullmatch(cell) or _DATED.fullmatch(cell) or _SHORT.fullmatch(cell))


def is_dated(cell: str) -> bool:
    """Whether a cell is a date with a time of day."""
    return bool(_DATED.fullmatch(cell.strip("\" '\t")))


def read_clock(words: Sequence[str], column: str) -> tuple[Float[np.ndarray, " n"], float, tuple[Flag, ...]]:
    """Seconds from the clock readings of a column (NaN where a cell is none), and the date of the first one.

    Dates give seconds since the first one, and that one in seconds since 1970 as the clock read; NaN without dates.
    Hours may go beyond 24. A time of day that goes from the last hour of a day to the first has passed midnight.
    """
    cells = [word.strip("\" '\t") for word in words]
    if any(map(is_dated, cells)):
        return _read_dates(cells)
    seconds = np.array([_elapsed(cell) for cell in cells], dtype=float)
    known = np.flatnonzero(np.isfinite(seconds))
    times = seconds[known]
    passed = (times[:-1] >= _LATE) & (times[:-1] < _DAY) & (times[1:] < _EARLY)
    if not passed.any():
        return seconds, math.nan, ()
    seconds[known[1:]] += _DAY * np.cumsum(passed)
    return seconds, math.nan, (ReaderFlag.MIDNIGHT.flag(column=column),)


def _elapsed(cell: str) -> float:
    match = _ELAPSED.fullmatch(cell) or _SHORT.fullmatch(cell)
    if match is None:
        return math.nan
    found = match.groupdict()
    whole = [int(found.get(name) or 0) for name in ("days", "hours", "minutes")]
    return whole[0] * _DAY + whole[1] * 3600 + whole[2] * 60 + float(found["seconds"].replace(",", "."))


def _read_dates(cells: Sequence[str]) -> tuple[np.ndarray, float, tuple[Flag, ...]]:
    matches = [_DATED.fullmatch(cell) for cell in cells]
    dates = dict.fromkeys(_by_number(match["date"]) for match in matches if match)
    days, flags = _days(list(dates))
    shown = np.full(len(cells), math.nan)
    zones = np.zeros(len(cells))
    for row, match in enumerate(matches):
        if match is None:
            continue
        hours = int(match["hours"])
        if match["half"]:
            hours = hours % 12 + 12 * (match["half"][0].lower() == "p")
        seconds = float((match["seconds"] or "0").replace(",", "."))
        shown[row] = days[_by_number(match["date"])] + hours * 3600 + int(match["minutes"]) * 60 + seconds
        zone = re.sub(r"[Z:]", "", match["zone"] or "")
        zones[row] = (int(zone[:3]) * 3600 + int(zone[0] + zone[3:]) * 60) if zone else 0.0
    true = shown - zones
    first = np.flatnonzero(np.isfinite(shown))[:1]
    if not first.size:
        return shown, math.nan, flags
    return true - true[first[0]], float(shown[first[0]]), flags


def _days(dates: Sequence[str]) -> tuple[dict[str, float], tuple[Flag, ...]]:
    """Seconds since 1970 of the days; month and day in the order that lets all be dates, else the shorter record."""
    ways = []
    for month_first in (True, False):
        read = [read_start(date, "0:00", month_first=month_first) for date in dates]
        times = [time for time, _ in read]
        swapped = any(len(date.split("-")[0]) < 3 and _order(date) not in (None, month_first) for date in dates)
        span = max(times) - min(times) if times and all(map(math.isfinite, times)) else math.inf
        ways.append((math.inf if swapped else span, dict(zip(dates, times, strict=True)), read))
    best = min(ways, key=lambda way: way[0])
    unsure = ways[0][0] == ways[1][0] and ways[0][1] != ways[1][1]
    return best[1], tuple(flag for _, flags in best[2][:1] for flag in flags) if unsure else ()


def _order(date: str) -> bool | None:
    """Whether the month must stand first (or second) in a date of numbers, ``None`` where either could be."""
    first, second = (int(part) for part in re.split(r"[./-]", date)[:2])
    return None if max(first, second) <= 12 else second > 12


def _by_number(date: str) -> str:
    """A date whose month is a word with its month as a number: ``23-Nov-23`` → ``2023-11-23``."""
    match = re.fullmatch(r"(\d{1,2})[- ]([A-Za-z]{3})[a-z]*\.?,?[- ](\d{2,4})", date)
    if match is None or match[2].lower() not in _MONTHS:
        return date
    year = int(match[3]) + (2000 if int(match[3]) < 100 else 0)
    return f"{year:04d}-{_MONTHS.index(match[2].lower()) + 1:02d}-{int(match[1]):02d}"
