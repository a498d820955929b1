"""The cells of a sample sheet (csv, xlsx, toml) under their headings, as they were typed."""

from __future__ import annotations

import csv
import io
import itertools
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, time
from typing import Any, NamedTuple

from rampion.errors import InputError
from rampion.estimate import Flag
from rampion.readers.flags import ReaderFlag
from rampion.readers.sheet_columns import parse_header
from rampion.readers.text import decode, is_whole

_UNKNOWN = {"", "-", "--", "---", "–", "—", "?", "n/a", "n.a.", "na", "#n/a", "nan", "none", "null", "unknown", "tbd"}
_LEADING = 30  # rows among which the header is sought: titles and remarks come before it
_SEPARATORS = (";", "\t", ",")


class SheetCell(NamedTuple):
    """One cell: its heading, its text as typed, and whether a spreadsheet held it as a number."""

    heading: str
    text: str
    number: bool = False


class SheetLine(NamedTuple):
    """One row of a sheet, numbered as a person counts (in TOML: the [[sample]] blocks)."""

    number: int
    cells: tuple[SheetCell, ...]


def is_unknown(text: str) -> bool:
    """Whether a cell says that the value is not known."""
    return text.strip().lower() in _UNKNOWN


def read_cells(content: bytes, name: str, ending: str) -> tuple[list[SheetLine], tuple[Flag, ...]]:
    """The rows below the header that hold anything, without comments; a flag where the last cell may be cut.

    Raises
    ------
    InputError
        When the file cannot be read as what its ending says, has no header, or a row does not fit it.
    """
    readers = {".xlsx": _xlsx_lines, ".toml": _toml_lines}
    lines = list(readers.get(ending, _csv_lines)(content, name))
    flags = () if ending == ".xlsx" else _open_end(decode(content)[0], lines, name, ending)
    return [line for line in lines if any(cell.text.strip() for cell in line.cells)], flags


def _open_end(text: str, lines: Sequence[SheetLine], name: str, ending: str) -> tuple[Flag, ...]:
    """What a last line without line end may have lost: refused where cells are, flagged where digits may be."""
    last = text.rsplit("\n", 1)[-1]
    if not last.strip() or not lines or not lines[-1].cells or last.lstrip().startswith("#"):
        return ()
    *others, row = lines
    cell = row.cells[-1]
    if ending == ".toml":
        whole = not last.rstrip()[-1].isdigit()
    else:
        widths = {len(one.cells) for one in others}
        if len(widths) == 1 and len(row.cells) < min(widths):
            raise InputError(
                f"{name} ends inside row {row.number}: it has {len(row.cells)} of {min(widths)} cells and no line end; "
                "complete the row, or end it with a line break."
            )
        whole = is_whole(last, cell.text, [one.cells[-1].text for one in others])
    if whole or not re.match(r"[-+.,\d]", cell.text):  # words and names are left to the reader's eye
        return ()
    return (ReaderFlag.LAST_CELL_OPEN.flag(cell=cell.text, heading=cell.heading),)


class _Row(NamedTuple):
    number: int
    texts: Sequence[str]
    numeric: Sequence[bool] = ()


def _csv_lines(content: bytes, name: str) -> list[SheetLine]:
    text, _ = decode(content)
    if re.match(r"sep=.\r?\n", text):  # a line that spreadsheet programs understand, and the numbering of rows counts
        text = "#" + text
    separator = max(_SEPARATORS, key=lambda mark: _headings_in(text, mark))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows: list[_Row] = []
    begins = 1
    try:
        for cells in reader:
            rows.append(_Row(begins, cells))
            begins = reader.line_num + 1
    except csv.Error as error:
        raise InputError(_broken(text, begins, separator, name, str(error))) from None
    width = max(map(len, (row.texts for row in rows)), default=0)
    for row in rows:
        _refuse_swallowed(row, separator, width, name)
    return _below_header(rows, name)


def _refuse_swallowed(row: _Row, separator: str, width: int, name: str) -> None:
    """Refuse a quoted cell that completes its own row and begins another: a quote is missing between them."""
    for column, cell in enumerate(row.texts, 1):
        first, *others = cell.splitlines() or [""]
        if others and first.count(separator) == width - column and others[-1].count(separator) == column - 1:
            raise InputError(
                f"{name}, row {row.number}, column {column}: the quote before {first!r} closes only in another row; "
                "close it where the cell ends, or remove it."
            )


def _headings_in(text: str, separator: str) -> int:
    """How many headings the best of the leading rows holds when separated so."""
    try:
        leading = list(itertools.islice(csv.reader(io.StringIO(text, newline=""), delimiter=separator), _LEADING))
    except csv.Error:
        return 0
    return max((_known_headings(row) * 100 + len(row) for row in leading), default=0)


def _known_headings(cells: Sequence[str]) -> int:
    """How many of the cells are known headings; 0 where none names a sample or a file."""
    names = [parse_header(cell.strip()).name for cell in cells if len(cell) < 80 and not _is_comment(cells)]
    return sum(map(bool, names)) if {"sample", "file"} & set(names) else 0


def _broken(text: str, begins: int, separator: str, name: str, reason: str) -> str:
    """The sentence for a row that is no csv: where its quote opens, in row and column."""
    lines = text.splitlines()
    line = lines[begins - 1] if begins <= len(lines) else ""
    opened, column, inside = 0, 1, False
    for place, mark in enumerate(line):
        if mark == '"':
            if not inside and (place == 0 or line[place - 1] == separator):
                opened, inside = column, True
            else:
                inside = False
        elif mark == separator and not inside:
            column += 1
    if not opened:
        return f"{name}, row {begins} is no table row ({reason}); save the sheet again as csv."
    cell = next(csv.reader([line], delimiter=separator), [""] * opened)[opened - 1]
    shown = cell if len(cell) <= 30 else cell[:30] + "…"
    return (
        f"{name}, row {begins}, column {opened}: the quote before {shown!r} is not closed where the cell ends; "
        "close or remove it."
    )


def _is_comment(cells: Sequence[str]) -> bool:
    """Whether a row is a comment: '#' before anything but a digit, for '#1' is a name."""
    return bool(cells) and bool(re.match(r"#(?!\d|N/A)", cells[0].strip()))


def _below_header(rows: Iterable[_Row], name: str) -> list[SheetLine]:
    filled = [row for row in rows if any(text.strip() for text in row.texts) and not _is_comment(row.texts)]
    if not filled:
        raise InputError(f"{name} is empty; expected a header such as 'sample; file; thickness [mm]; area [mm²]'.")
    found = max(filled[:_LEADING], key=lambda row: _known_headings(row.texts))
    if not _known_headings(found.texts):
        begins = ", ".join(text.strip() for text in filled[0].texts[:6])
        raise InputError(f"{name} begins with the columns {begins}; expected a column 'sample' or 'file'.")
    headings = [" ".join(text.split()) for text in found.texts]
    while headings and not headings[-1]:
        headings.pop()
    headings = _without_gaps(headings)
    return [_line(row, headings, name) for row in filled[filled.index(found) + 1 :]]


def _line(row: _Row, headings: Sequence[str], name: str) -> SheetLine:
    texts = [text.strip() for text in row.texts]
    if any(texts[len(headings) :]):
        raise InputError(
            f"{name}, row {row.number} has {len(texts)} cells where the header has {len(headings)}; "
            "a decimal comma in a file separated by commas needs quotes, or separate by ';'."
        )
    numeric = [*row.numeric, *[False] * len(texts)]
    return SheetLine(row.number, tuple(map(SheetCell, headings, texts, numeric)))


def _without_gaps(headings: Sequence[str]) -> list[str]:
    """Headings of their own for columns without one and for repeated ones of no known column."""
    seen: dict[str, int] = {}
    named = []
    for number, heading in enumerate(headings, 1):
        seen[heading] = seen.get(heading, 0) + 1
        repeated = seen[heading] > 1 and not parse_header(heading).name and not parse_header(heading).uncertainty
        named.append(f"{heading} ({seen[heading]})" if repeated and heading else heading or f"column {number}")
    return named


def _xlsx_lines(content: bytes, name: str) -> list[SheetLine]:
    import openpyxl

    try:
        book = openpyxl.load_workbook(io.BytesIO(content), data_only=True)
        sheets = sorted(book.worksheets, key=lambda sheet: sheet.title.lower() != "samples")
        tables = [_xlsx_rows(sheet) for sheet in sheets]
    except Exception as error:  # a damaged archive raises many kinds
        raise InputError(f"{name} is no readable xlsx workbook ({type(error).__name__}); save it again.") from None
    if not tables:
        raise InputError(f"{name} holds no sheet of cells; expected one with a column 'sample' or 'file'.")
    chosen = next((n for n, rows in enumerate(tables) if any(_known_headings(row.texts) for row in rows[:_LEADING])), 0)
    _refuse_uncalculated(content, sheets[chosen], name)
    return _below_header(tables[chosen], name)


def _xlsx_rows(sheet: Any) -> list[_Row]:
    """The sheet's rows as text; a cell merged over several rows counts for each of them."""
    merged = {
        (row, area.min_col): sheet.cell(area.min_row, area.min_col).value
        for area in sheet.merged_cells.ranges
        for row in range(area.min_row + 1, area.max_row + 1)
    }
    rows = []
    for number, values in enumerate(sheet.iter_rows(values_only=True), 1):
        cells = [merged.get((number, column), value) for column, value in enumerate(values, 1)]
        rows.append(_Row(number, [_shown(cell) for cell in cells], [_is_number(cell) for cell in cells]))
    return rows


def _refuse_uncalculated(content: bytes, sheet: Any, name: str) -> None:
    """Refuse a formula whose result was never saved: its cell would count as empty."""
    import openpyxl

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if not any(b"<f" in archive.read(part) for part in archive.namelist() if part.startswith("xl/worksheets/")):
            return
    formulas = openpyxl.load_workbook(io.BytesIO(content), read_only=True)[sheet.title]
    for row in formulas.iter_rows():
        for cell in row:
            text = cell.value
            if isinstance(text, str) and text.startswith("=") and sheet[cell.coordinate].value is None:
                raise InputError(
                    f"{name}, cell {cell.coordinate} holds the formula {text[:30]!r} without a result; open the "
                    "workbook in a spreadsheet program and save it."
                )


def _is_number(cell: Any) -> bool:
    return isinstance(cell, int | float) and not isinstance(cell, bool)


def _shown(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, date | time):
        return cell.isoformat().removesuffix("T00:00:00")
    return repr(cell) if isinstance(cell, float) else str(cell)


def _toml_lines(content: bytes, name: str) -> Iterator[SheetLine]:
    import tomllib

    try:
        book = tomllib.loads(decode(content)[0])
    except RecursionError:
        raise InputError(f"{name} nests its brackets without end; compare it with 'rampion template'.") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{name} is no TOML ({error}); compare it with what 'rampion template' writes.") from None
    entries = book.get("sample", book.get("samples"))
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InputError(f"{name} holds no [[sample]] table; write one [[sample]] per sample or file.")
    for number, entry in enumerate(entries, 1):
        cells = []
        for key, item in entry.items():
            shown = "; ".join(map(_shown, item)) if isinstance(item, list) else _shown(item)
            cells.append(SheetCell(" ".join(key.split()), shown.strip(), _is_number(item)))
        yield SheetLine(number, tuple(cells))
