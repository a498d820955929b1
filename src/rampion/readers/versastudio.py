"""VersaStudio's ``.par`` files (Princeton Applied Research / AMETEK): settings and every segment's points as text.

Sections in angle brackets; each ``<SegmentN>`` lists comma-separated rows under its ``Definition``. Potential and
current are the instrument's; the impedance in the file lacks the calibration that VersaStudio applies on export, by the
vendor's word, and is flagged so.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from rampion.errors import RefusedError
from rampion.estimate import Flag
from rampion.measurement import FrequencyScan, Source, Spectrum, Sweep, Trace
from rampion.readers.columns import guess_columns
from rampion.readers.decimals import read_number
from rampion.readers.flags import ReaderFlag
from rampion.readers.parts import build_parts
from rampion.readers.scans import unfinished_scan
from rampion.readers.text import decode, parse_table

_NAMES = {
    "E(V)": "Potential / V", "I(A)": "Current / A", "Elapsed Time(s)": "Time / s", "Frequency(Hz)": "Frequency / Hz",
    "Z Real": "Z' / Ohm", "Z Imag": "Z'' / Ohm",
}  # fmt: skip


def recognise(head: bytes, name: str) -> bool:
    """Whether the text is a VersaStudio file."""
    return b"Name=VersaStudio" in head or (b"<Application>" in head[:200] and name.lower().endswith(".par"))


def read(content: bytes, name: str, path: Path | None = None) -> tuple[tuple[Trace | Spectrum, ...], tuple[Flag, ...]]:
    """Every segment's trace and spectrum, in the order of the file.

    Raises
    ------
    RefusedError
        When no segment holds a point.
    """
    text, flags = decode(content)
    sections = _sections(text)
    settings = [pairs for title, pairs, _ in sections if re.fullmatch(r"Action\d+", title) and title != "Action0"]
    known = {title: pairs for title, pairs, _ in sections}
    start, clock = _start(known.get("Experiment", {}))
    instrument = known.get("Instrument", {}).get("Type", "VersaSTAT")
    parts: list[Trace | Spectrum] = []
    for title, pairs, rows in sections:
        if not title.startswith("Segment") or not rows.strip():
            continue
        names = [_NAMES.get(cell.strip(), cell.strip()) for cell in pairs.get("Definition", "").split(",")]
        while names and names[-1] == "0":  # a stray one stands at the end
            names.pop()
        table = parse_table(rows, names, separator=",")
        meanings = {role: one for role, one in guess_columns(names).items() if one.header in table.columns}
        action = settings[0] if len(settings) == 1 else {}
        source = Source(format="VersaStudio", instrument=instrument, block=len(parts))
        made, found = build_parts(
            table.columns, meanings, source=source, technique=action.get("Name", title), start=start
        )
        flags += table.flags + found
        parts.extend(_finish(part, action) for part in made)
    if not parts:
        raise RefusedError(f"{name} is a VersaStudio file without points: the experiment was not run.")
    return tuple(parts), tuple(dict.fromkeys(flags + clock))


def _sections(text: str) -> list[tuple[str, dict[str, str], str]]:
    """Title, ``key=value`` pairs and the other lines of each section; a cut file's last section has no end."""
    sections = []
    for match in re.finditer(r"^<([A-Za-z]+\d*)>\r?\n(.*?)(?:^</\1>|\Z)", text, re.S | re.M):
        pairs: dict[str, str] = {}
        rows: list[str] = []
        for line in match[2].splitlines(keepends=True):
            key, found, value = line.partition("=")
            if found and not re.match(r"\s*[-+\d.]", line):
                pairs[key.strip()] = value.strip()
            else:
                rows.append(line)
        sections.append((match[1], pairs, "".join(rows)))
    return sections


def _start(experiment: Mapping[str, str]) -> tuple[float, tuple[Flag, ...]]:
    stamp = f"{experiment.get('DateAcquired', '')} {experiment.get('TimeAcquired', '')}"
    match = re.search(r"(\w{3})\w* (\d{1,2}), (\d{4}) (\d{1,2}):(\d{2}):(\d{2}) ([AP]M)", stamp)
    months = "JanFebMarAprMayJunJulAugSepOctNovDec"
    if not match or match[1] not in months:
        return math.nan, (ReaderFlag.CLOCK_UNKNOWN.flag(),)
    month, day, year, hour, minute, second, half = match.groups()
    try:
        date = datetime(
            int(year), months.index(month) // 3 + 1, int(day), int(hour) % 12 + 12 * (half == "PM"), int(minute),
            int(second), tzinfo=UTC,
        )  # fmt: skip
    except ValueError:
        return math.nan, (ReaderFlag.CLOCK_UNKNOWN.flag(),)
    return date.timestamp(), ()


def _finish(part: Trace | Spectrum, action: Mapping[str, str]) -> Trace | Spectrum:
    def setting(key: str) -> float:
        return read_number(action.get(key, ""))

    if isinstance(part, Spectrum):
        amplitude = setting("Amplitude (mV RMS)") * 1e-3 * math.sqrt(2)  # peak
        scan = FrequencyScan(
            high=setting("Start Frequency (Hz)"),
            low=setting("End Frequency (Hz)"),
            points_per_decade=setting("Points Per Decade"),
            amplitude=amplitude,
        )
        flags = (*part.flags, ReaderFlag.UNCALIBRATED_IMPEDANCE.flag())
        flags += unfinished_scan(part.frequency, scan.high, scan.low)
        return replace(part, amplitude=amplitude, protocol=scan if action else None, flags=flags)
    rate = setting("Scan Rate (V/s)")
    if "Linear" in action.get("Name", "") and rate > 0:
        start, stop = setting("Initial Potential (V),Value"), setting("Final Potential (V),Value")
        return replace(part, protocol=Sweep(rate=rate, start=start, stop=stop))
    return part
