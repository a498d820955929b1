"""A sample sheet to fill in, as ``.csv``, ``.xlsx`` or ``.toml``: empty, or with a row for every file of a folder."""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from rampion.errors import InputError, RefusedError
from rampion.estimate import Flag
from rampion.file_writing import write_file
from rampion.quantities import quantity
from rampion.readers.folder import find_sheet
from rampion.readers.overview import RunOverview
from rampion.readers.sheet_columns import SAMPLE_COLUMNS

_EXPLANATION = (
    "# One row per sample or per file. file: names or patterns such as S1*.mpr, several separated by ';'. An "
    "uncertainty goes into its own column, e.g. 'thickness std [mm]', or into the cell: 1.00 ± 0.02. Units in brackets "
    "may be changed; other columns are kept as text; what is empty counts as not known."
)
_EXAMPLE_STD = {"thickness": "0.02", "area": "0.1"}
_FORMULAS = "=+-@"  # a cell that begins so is a formula to a spreadsheet program
Row = Mapping[str, str]


def template_headers() -> tuple[str, ...]:
    """The headings of a sheet: every known column, with the unit in which it is shown."""
    return tuple(_example())


def write_template(path: Path | str, runs: Sequence[RunOverview] = (), refused: Sequence[Flag] = ()) -> Path:
    """Write a sample sheet with a row for each of the runs; the ending of the name chooses the format.

    What the files know (technique, start, scan rate) is filled in; an example and the files that were ``refused`` are
    comments. Nothing is ever written over.

    Raises
    ------
    InputError
        When the ending is none of ``.csv``, ``.xlsx``, ``.toml``.
    RefusedError
        When the file is already there.
    """
    path = Path(path)
    writers = {".csv": _csv, ".xlsx": _xlsx, ".toml": _toml}
    if path.suffix.lower() not in writers:
        raise InputError(f"{path.name} has no ending that a sample sheet can have; expected .csv, .xlsx or .toml.")
    if path.exists():
        raise RefusedError(f"{path.name} is already there and would be lost; choose another name or remove it first.")
    counts = Counter(run.name for run in runs)
    rows = [_row(run, unique=counts[run.name] == 1) for run in runs]
    remarks = [f"# {flag.message}" for flag in refused]
    return write_file(path, writers[path.suffix.lower()](rows, remarks))


def new_sheet(folder: Path | str) -> Path:
    """Where the sheet of a folder goes: ``samples.csv`` in it.

    Raises
    ------
    RefusedError
        When the folder has a sample sheet already.
    """
    standing = find_sheet(Path(folder))
    if standing is not None:
        raise RefusedError(f"{standing.name} is already in the folder; write another with -o and copy what you need.")
    return Path(folder) / "samples.csv"


def _example() -> dict[str, str]:
    """Every heading with an example below it."""
    cells: dict[str, str] = {}
    for column in SAMPLE_COLUMNS.values():
        cells[column.heading] = column.example
        if column.name in _EXAMPLE_STD:
            cells[column.heading.replace(column.name, f"{column.name} std")] = _EXAMPLE_STD[column.name]
    return cells


def _row(run: RunOverview, unique: bool) -> Row:
    """What the files of a run know of themselves; runs of one name in several folders are not one sample."""
    name = run.name if unique else f"{PurePosixPath(run.files[0]).parent.as_posix()}/{run.name}"
    techniques = ", ".join(f"{name} ×{count}" if count > 1 else name for name, count in run.techniques)
    cells = {"sample": name.lstrip(_FORMULAS + "# ") or "sample", "file": "; ".join(map(_written, run.files))}
    cells["technique"] = techniques
    if math.isfinite(run.start):
        moment = datetime.fromtimestamp(run.start, UTC).replace(tzinfo=None)  # the instrument's clock as it read
        cells["start"] = moment.isoformat(" ", timespec="minutes")
    if math.isfinite(run.rate):
        cells[SAMPLE_COLUMNS["scan rate"].heading] = f"{quantity('scan_rate').shown(run.rate):.6g}"
    return cells


def _written(file: str) -> str:
    """A file's name with ? for what separates names in a cell, or begins a formula in a spreadsheet."""
    file = re.sub(r"[;|\n]", "?", file)
    return f"?{file[1:]}" if file[0] in _FORMULAS else file


def _csv(rows: Sequence[Row], remarks: Sequence[str]) -> bytes:
    text = io.StringIO(newline="")
    # the mark at the beginning tells spreadsheet programs that the text is UTF-8 (² and µ would be lost)
    text.write("\ufeff")
    writer = csv.writer(text)
    writer.writerows(_lines(rows, remarks))
    return text.getvalue().encode("utf-8")


def _lines(rows: Sequence[Row], remarks: Sequence[str]) -> list[list[str]]:
    """Explanation, headings, the example as a comment, the rows, and a comment for each remark."""
    example = _example()
    shown = list(example.values())
    shown[0] = f"# example: {shown[0]}"
    return [
        [_EXPLANATION],
        list(example),
        shown,
        *([row.get(heading, "") for heading in example] for row in rows),
        *([remark] for remark in remarks),
    ]


def _xlsx(rows: Sequence[Row], remarks: Sequence[str]) -> bytes:
    import openpyxl
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "samples"
    for number, line in enumerate(_lines(rows, remarks), 1):
        for place, text in enumerate(line, 1):
            if text:
                # as text: a file's name may begin with '=', which would be a formula
                sheet.cell(number, place, text).data_type = "s"
    for number, header in enumerate(template_headers(), 1):
        sheet.cell(2, number).font = Font(bold=True)
        sheet.cell(3, number).font = Font(italic=True, color="808080")
        sheet.column_dimensions[get_column_letter(number)].width = max(12, len(header) + 2)
    sheet.freeze_panes = "A3"
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def _toml(rows: Sequence[Row], remarks: Sequence[str]) -> bytes:
    example = _example()
    lines = [f"# {line}" for line in _EXPLANATION.removeprefix("# ").replace(". ", ".\n").splitlines()]
    lines += ["# Repeat the [[sample]] block for every sample. For example:", "#", "# [[sample]]"]
    lines += [f"# {_quoted(heading)} = {_quoted(text)}" for heading, text in example.items() if text]
    for row in rows or [{}]:
        lines += ["", "[[sample]]", *(f"{_quoted(heading)} = {_quoted(row.get(heading, ''))}" for heading in example)]
    return "\n".join([*lines, "", *(remark.replace("\n", " ") for remark in remarks), ""]).encode()


def _quoted(text: str) -> str:
    """A basic string of TOML."""
    plain = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in plain) + '"'
