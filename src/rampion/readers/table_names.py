"""The names in a table's header put over the cells of its rows, where that is possible in one way only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rampion.errors import RefusedError
from rampion.estimate import Flag
from rampion.readers.column_advice import no_header
from rampion.readers.columns import guess_columns, has_impedance
from rampion.readers.find_table import Place
from rampion.readers.flags import ReaderFlag
from rampion.readers.text import unique_names


def fit_names(
    place: Place, row: Sequence[str], lines: Sequence[str], columns: Mapping[str, str] | None, name: str
) -> tuple[list[str], tuple[Flag, ...]]:
    """Unique header names, one per cell of a row; numbers where there is no header."""
    titles = place.headers
    if not titles:
        if not columns and len(row) != 3:
            raise RefusedError(no_header(len(row), row, name))
        return [str(number) for number in range(1, len(row) + 1)], ()
    if len(row) < len(titles) and "" in titles[: fewest_cells(titles, row, columns)]:
        titles = tuple(filter(None, titles))  # names set apart by two separators
        if len(titles) != len(row):
            raise RefusedError(_misfit(len(row), titles, name))
    above = next((line.strip("\r\n ") for line in reversed(lines[: place.first]) if line.strip()), "")
    filled = len(row) - next((k for k, cell in enumerate(reversed(row)) if cell), 0)
    if (filled > len(titles) and not above.endswith(place.separator)) or len(row) < fewest_cells(titles, row, columns):
        raise RefusedError(_misfit(filled, titles, name))
    names, flags = unique_names([*titles, *[""] * (len(row) - len(titles))])
    if len(row) < len(titles):
        flags += (ReaderFlag.NAMES_WITHOUT_CELLS.flag(names=", ".join(titles[len(row) :])),)
    return names, flags


def _misfit(cells: int, titles: Sequence[str], name: str) -> str:
    return (
        f"{name} has rows of {cells} cells under {len(titles)} column names, so the names cannot be "
        "assigned; export it again with all column names."
    )


def fewest_cells(headers: Sequence[str], row: Sequence[str], columns: Mapping[str, str] | None) -> int:
    """Cells that a row must have: up to the last column that is used, where the rest of the row may be empty."""
    named = {str(header).split(" [")[0] for header in (columns or {}).values()}
    guessed = guess_columns(headers)
    roles = [role for role in guessed if has_impedance(guessed) or role in ("time", "potential", "current")]
    used = {guessed[role].header for role in roles if role != "temperature"} | named
    last = max((at + 1 for at, header in enumerate(headers) if header in used), default=len(headers))
    return last if len(row) < len(headers) else len(headers)
