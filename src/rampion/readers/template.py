"""An empty sample sheet to fill in, as ``.csv``, ``.xlsx`` or ``.toml``."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from rampion.errors import InputError, RefusedError
from rampion.file_writing import write_file
from rampion.readers.sheet_columns import SAMPLE_COLUMNS

_EXPLANATION = (
    "# One row per sample or per file. file: names or patterns such as S1*.mpr, several separated by ';'. An "
    "uncertainty goes into its own column, e.g. 'thickness std [mm]', or into the cell: 1.00 ± 0.02. Units in brackets "
    "may be changed; other columns are kept as text; what is empty counts as not known."
)


def template_headers() -> tuple[str, ...]:
    """The headers of an empty sheet: every known column, with the unit in which it is shown."""
    headers = []
    for column in SAMPLE_COLUMNS.values():
        headers.append(column.heading)
        if column.name in ("thickness", "area"):
            headers.append(column.heading.replace(column.name, f"{column.name} std"))
    return tuple(headers)


def write_template(path: Path | str, overwrite: bool = False) -> Path:
    """Write an empty sample sheet; the ending of the name chooses the format.

    Raises
    ------
    InputError
        When the ending is none of ``.csv``, ``.xlsx``, ``.toml``.
    RefusedError
        When the file is already there and ``overwrite`` is false.
    """
    path = Path(path)
    writers = {".csv": _csv, ".xlsx": _xlsx, ".toml": _toml}
    if path.suffix.lower() not in writers:
        raise InputError(f"{path.name} has no ending that a sample sheet can have; expected .csv, .xlsx or .toml.")
    if path.exists() and not overwrite:
        raise RefusedError(f"{path.name} is already there and would be lost; choose another name or remove it first.")
    return write_file(path, writers[path.suffix.lower()]())


def _csv() -> bytes:
    text = io.StringIO(newline="")
    # the mark at the beginning tells spreadsheet programs that the text is UTF-8 (² and µ would be lost)
    text.write("\ufeff")
    csv.writer(text).writerow([_EXPLANATION])
    csv.writer(text).writerow(template_headers())
    return text.getvalue().encode("utf-8")


def _xlsx() -> bytes:
    import openpyxl
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "samples"
    sheet.append([_EXPLANATION])
    sheet.append(list(template_headers()))
    for number, header in enumerate(template_headers(), 1):
        sheet.cell(2, number).font = Font(bold=True)
        sheet.column_dimensions[get_column_letter(number)].width = max(12, len(header) + 2)
    sheet.freeze_panes = "A3"
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def _toml() -> bytes:
    comment = "\n".join(f"# {line}" for line in _EXPLANATION.removeprefix("# ").replace(". ", ".\n").splitlines())
    keys = "\n".join(f'"{header}" = ""' for header in template_headers())
    return f"{comment}\n# Repeat the [[sample]] block for every sample.\n\n[[sample]]\n{keys}\n".encode()
