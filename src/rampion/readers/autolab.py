"""Text exports of Metrohm Autolab's NOVA: columns such as ``WE(1).Potential (V)`` or ``-Z'' (Ω)`` under one header.

Every column names its unit, so nothing is guessed. A frequency scan, a trace, or both may stand in one table; ``Scan``
and ``Index`` are kept beside the numbers. NOVA's own ``.nox`` is binary and undocumented: export from NOVA.
"""

from __future__ import annotations

import math
from pathlib import Path

from rampion.errors import RefusedError
from rampion.estimate import Flag
from rampion.measurement import Source, Spectrum, Trace
from rampion.readers.columns import guess_columns
from rampion.readers.find_table import SEARCHED, find_table
from rampion.readers.flags import ReaderFlag
from rampion.readers.parts import build_parts
from rampion.readers.text import decode, parse_table, split_cells, unique_names


def recognise(head: bytes, name: str) -> bool:
    """Whether the header holds NOVA's column names."""
    plain = head.replace(b"\0", b"")
    return b"WE(1)." in plain or (b"Frequency (Hz)" in plain and b"-Phase (" in plain and b"-Z'' (" in plain)


def read(content: bytes, name: str, path: Path | None = None) -> tuple[tuple[Trace | Spectrum, ...], tuple[Flag, ...]]:
    """The traces and spectra of the export.

    Raises
    ------
    RefusedError
        When no row of numbers follows the header, or potential and current are not among the columns.
    """
    text, flags = decode(content)
    lines = text.split("\n", SEARCHED)  # the last piece is the rest of the text
    place = find_table(lines)
    if place is None or not place.headers:
        raise RefusedError(f"{name} is a NOVA export without a row of numbers; export the measurement again.")
    width = len(split_cells(lines[place.first], place.separator))
    if width > len(place.headers):
        raise RefusedError(
            f"{name} has rows of {width} cells under {len(place.headers)} column names, so the names cannot be "
            "assigned; export it again with all column names."
        )
    headers, repeated = unique_names(place.headers)
    table = parse_table("\n".join(lines[place.first :]), headers, separator=place.separator)
    meanings = {role: one for role, one in guess_columns(headers).items() if one.header in table.columns}
    meanings.pop("current_density", None)
    source = Source(format="NOVA text", instrument="Metrohm Autolab")
    parts, found = build_parts(table.columns, meanings, source=source, start=math.nan)
    if not parts:
        raise RefusedError(
            f"{name} is a NOVA export with {', '.join(place.headers[:6])}; export potential and current, "
            "or frequency, Z' and -Z''."
        )
    return parts, flags + repeated + table.flags + found + (ReaderFlag.CLOCK_UNKNOWN.flag(),)
