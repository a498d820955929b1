"""The sample sheet (``samples.csv``, ``.xlsx`` or ``.toml``): which file belongs to which sample, and what it was.

One row per sample or per file. A column is a name with its unit (``thickness [mm]``, ``thickness / mm``,
``thickness (mm)``) or a name alone with the unit in every cell; an uncertainty stands in its own column
(``thickness std [mm]``) or in the cell (``1.00 ± 0.02``). Rows of one sample complete each other. Columns that are not
known are kept as text.
"""

from __future__ import annotations

import csv
import io
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any

from rampion.errors import InputError
from rampion.estimate import Estimate, Flag
from rampion.measurement import Sample
from rampion.quantities import quantity
from rampion.readers.file_index import FileIndex, files_named, files_with_word
from rampion.readers.flags import ReaderFlag
from rampion.readers.text import decode
from rampion.units import conversion, parse_quantity

# column → (quantity, other spellings); the quantity is "" for text
SAMPLE_COLUMNS: Mapping[str, tuple[str, tuple[str, ...]]] = MappingProxyType(
    {
        "sample": ("", ("name", "sample name", "sample id", "id")),
        "file": ("", ("files", "file name", "filename", "data file", "data files")),
        "pellet": ("", ("parent pellet", "batch")),
        "composition": ("", ("material", "electrolyte", "formula")),
        "configuration": ("", ("electrode configuration", "electrodes")),
        "thickness": ("thickness", ("electrolyte thickness", "pellet thickness", "sample thickness", "l")),
        "area": ("area", ("electrode area", "contact area", "a")),
        "electrode diameter": ("thickness", ("diameter", "contact diameter")),
        "relative density": ("relative_density", ("density", "rel density")),
        "temperature": ("temperature", ("t", "temp")),
        "stack pressure": ("stack_pressure", ("pressure", "p")),
        "lithium thickness": ("lithium_thickness", ("li thickness", "lithium foil thickness")),
        "scan rate": ("scan_rate", ("sweep rate", "scanrate", "rate")),
        "start potential": ("potential", ("initial potential", "start voltage")),
        "stop potential": ("potential", ("final potential", "end potential", "stop voltage", "end voltage")),
        "pause interval": ("potential", ("pause every", "pause step")),
        "pause duration": ("duration", ("pause", "pause time")),
        "current density": ("current_density", ("applied current density", "j")),
    }
)
_STATED = ("scan rate", "start potential", "stop potential", "pause interval", "pause duration", "current density")
_SAMPLE_FIELDS = {
    "pellet", "composition", "configuration", "thickness", "area", "relative_density", "temperature", "stack_pressure",
    "lithium_thickness",
}  # fmt: skip
_UNCERTAIN = r"std|sd|stdev|standard deviation|uncertainty|error|err|sigma|\+/-|±"


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRow:
    """One row: the sample, its files (names or patterns), and what its protocol was stated to be.

    ``stated`` maps ``scan_rate`` [V/s], ``start_potential``, ``stop_potential``, ``pause_interval`` [V],
    ``pause_duration`` [s] and ``current_density`` [A/m²] to estimates; a name is absent where the cell is empty.
    """

    sample: Sample
    files: tuple[str, ...] = ()
    stated: Mapping[str, Estimate] = field(default_factory=lambda: MappingProxyType({}))
    row: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSheet:
    """The rows of a sample sheet in order, and what was found odd about it."""

    rows: tuple[SampleRow, ...]
    path: str = ""
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True, slots=True)
class _Column:
    """What one header means: a known column (or "" for one kept as text), its unit, and whether it is ±."""

    header: str
    name: str
    unit: str | None
    uncertainty: bool


def read_samples(path: Path | str) -> SampleSheet:
    """The sample sheet of that file.

    Raises
    ------
    InputError
        When the file is no sheet, holds no row, or a cell cannot be read; the sentence names row and column.
    """
    path = Path(path)
    readers = {".csv": _csv_rows, ".tsv": _csv_rows, ".txt": _csv_rows, ".xlsx": _xlsx_rows, ".toml": _toml_rows}
    if path.suffix.lower() not in readers:
        raise InputError(
            f"{path.name} is no sample sheet; expected .csv, .xlsx or .toml ('rampion template' writes one)."
        )
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path.name} could not be opened ({error.strerror}); check the path.") from None
    rows, flags = [], []
    for number, cells in readers[path.suffix.lower()](content, path.name):
        if any(text for _, text in cells):
            rows.append(_sample_row(number, cells, path.name))
    if not rows:
        raise InputError(f"{path.name} holds no sample; fill in at least one row below the header.")
    rows, conflicts = _completed(rows)
    flags.extend(conflicts)
    flags.extend(_repeated_files(rows))
    for name, lacking in missing_metadata(row.sample for row in rows).items():
        flags.append(ReaderFlag.METADATA_MISSING.flag(sample=name, names=", ".join(lacking)))
    return SampleSheet(rows=tuple(rows), path=str(path), flags=tuple(flags))


def missing_metadata(samples: Iterable[Sample], names: Sequence[str] = ("thickness", "area")) -> dict[str, list[str]]:
    """For each sample that lacks any of ``names``: its name and the columns to fill in."""
    lacking: dict[str, list[str]] = {}
    for sample in samples:
        absent = [name.replace("_", " ") for name in sample.missing(*names)]
        if absent:
            lacking.setdefault(sample.name, absent)
    return lacking


def match_files(row: SampleRow, index: FileIndex) -> tuple[str, ...]:
    """Those of the indexed files that a row names, in their order.

    A row that names no file has those that carry the sample's name as a whole word (``S1`` is in ``S1_LSV.mpr`` and
    not in ``S10.mpr``).
    """
    if not row.files:
        return tuple(index.files[number] for number in files_with_word(row.sample.name, index))
    numbers = {number for pattern in row.files for number in files_named(pattern, index)}
    return tuple(index.files[number] for number in sorted(numbers))


def _plain(name: str) -> str:
    return " ".join(re.sub(r"[_\-.:]+", " ", unicodedata.normalize("NFKC", name)).lower().split())


def _known(name: str) -> str:
    plain = _plain(name)
    for column, (_, spellings) in SAMPLE_COLUMNS.items():
        if plain == column or plain in spellings:
            return column
    return ""


def parse_header(header: str) -> _Column:
    """Name, unit and kind of a column from its header."""
    text = unicodedata.normalize("NFC", header).strip()
    unit: str | None = None
    match = re.match(
        r"^(?P<name>.*?)\s*(?:\[(?P<a>[^\]]*)\]|\((?P<b>[^)]*)\)|\s/\s*(?P<c>.+)|,\s+(?P<d>\S+))\s*(?P<rest>.*)$", text
    )
    name = text
    if match and match["name"]:
        unit = next(part for part in (match["a"], match["b"], match["c"], match["d"]) if part is not None).strip()
        name = f"{match['name']} {match['rest']}".strip()
    uncertain = re.match(
        rf"^(?:(?:{_UNCERTAIN})\s+(?P<after>.+)|(?P<before>.*?)\s*(?:{_UNCERTAIN}))$", _plain_sign(name)
    )
    if uncertain:
        return _Column(header, _known(uncertain["after"] or uncertain["before"] or ""), unit, True)
    return _Column(header, _known(name), unit, False)


def _plain_sign(name: str) -> str:
    return " ".join(name.replace("_", " ").lower().split())


def _sample_row(number: int, cells: Sequence[tuple[str, str]], sheet: str) -> SampleRow:
    texts: dict[str, str] = {}
    values: dict[str, Estimate] = {}
    extra: dict[str, str] = {}
    spread: dict[str, tuple[_Column, str]] = {}
    units: dict[str, str | None] = {}
    previous = ""
    for header, text in cells:
        column = parse_header(header)
        name = column.name
        if column.uncertainty and not name and _plain_sign(header).strip("[]() ") in ("±", "+/-", "std", "error"):
            name = previous  # a column that is only "±" belongs to the one before it
        if not name or (not column.uncertainty and (name in texts or name in values)):
            if text:
                extra[header.strip()] = text
            continue
        kind = SAMPLE_COLUMNS[name][0]
        if column.uncertainty and kind:
            spread[name] = (column, text)
            continue
        previous, units[name] = name, column.unit
        if not text:
            continue
        if not kind:
            texts[name] = text
            continue
        with _placed(sheet, number, header):
            values[name] = _cell(text, kind, column)
    for name, (column, text) in spread.items():
        if text and name in values:
            with _placed(sheet, number, column.header):
                kind = SAMPLE_COLUMNS[name][0]
                values[name] = _with_spread(values[name], text, kind, column.unit or units.get(name))
    return _row(number, sheet, texts, values, extra)


class _placed:
    """Any refusal inside gains the place in the sheet: file, row and column."""

    def __init__(self, sheet: str, number: int, header: str) -> None:
        self._place = f"{sheet}, row {number}, column {header.strip()!r}"

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, InputError):
            raise InputError(f"{self._place}: {error}") from None


def _cell(text: str, kind: str, column: _Column) -> Estimate:
    if column.unit is not None and quantity(kind).unit == "" and column.unit == "":
        return parse_quantity(text, kind)
    return parse_quantity(text, kind, column.unit)


def _with_spread(value: Estimate, text: str, kind: str, unit: str | None) -> Estimate:
    number = re.match(r"^\s*[±]?\s*(?P<value>[\d.,eE+\-]+)\s*(?P<unit>.*?)\s*$", text)
    try:
        if number is None:
            raise ValueError
        std = float(number["value"].replace(",", "."))
        if not (math.isfinite(std) and std >= 0):
            raise ValueError
    except ValueError:
        raise InputError(f"{text!r} is no uncertainty; expected a number that is not negative.") from None
    shown = number["unit"] or unit or ""
    if not shown and quantity(kind).unit:
        raise InputError(f"{text!r} has no unit; write it in the header, e.g. 'std [{quantity(kind).shown_unit}]'.")
    if shown == "%" and kind != "relative_density":
        return Estimate(value.value, std / 100 * abs(value.value))
    return Estimate(value.value, std * abs(conversion(shown, kind)[0]))


def _row(
    number: int, sheet: str, texts: dict[str, str], values: dict[str, Estimate], extra: dict[str, str]
) -> SampleRow:
    files = tuple(part.strip() for part in re.split(r"[;\n|]", texts.get("file", "")) if part.strip())
    name = texts.get("sample") or (PurePosixPath(files[0].replace("\\", "/")).stem if files else "")
    if not name:
        raise InputError(f"{sheet}, row {number} names neither a sample nor a file; fill in one of the two columns.")
    if "electrode diameter" in values:
        diameter = values["electrode diameter"]
        if "area" not in values:
            factor = math.pi / 4 * diameter.value
            values["area"] = Estimate(factor * diameter.value, 2 * factor * diameter.std)
    known: dict[str, Any] = {column.replace(" ", "_"): item for column, item in (texts | values).items()}
    try:
        sample = Sample(name=name, extra=extra, **{key: item for key, item in known.items() if key in _SAMPLE_FIELDS})
    except InputError as error:
        raise InputError(f"{sheet}, row {number}: {error}") from None
    stated = {column.replace(" ", "_"): values[column] for column in _STATED if column in values}
    if "scan_rate" in stated and not stated["scan_rate"].value > 0:
        raise InputError(
            f"{sheet}, row {number}, column 'scan rate': it must be a positive number, whatever the direction."
        )
    return SampleRow(sample=sample, files=files, stated=MappingProxyType(stated), row=number)


def _completed(rows: list[SampleRow]) -> tuple[list[SampleRow], list[Flag]]:
    """Rows of one sample fill each other's empty fields; the first filled one counts."""
    known: dict[str, dict[str, Any]] = {}
    flags = []
    for row in rows:
        first = known.setdefault(row.sample.name, {})
        for each in fields(Sample):
            item = getattr(row.sample, each.name)
            if each.name in ("name", "extra", "configuration") or item in (None, ""):
                continue
            before = first.setdefault(each.name, item)
            differs = before.value != item.value if isinstance(item, Estimate) else before != item
            if differs and each.name in ("thickness", "area", "pellet", "composition"):
                flags.append(
                    ReaderFlag.SAMPLE_CONFLICT.flag(
                        sample=row.sample.name, field=each.name.replace("_", " "), row=row.row
                    )
                )
    filled = []
    for row in rows:
        gaps = {key: item for key, item in known[row.sample.name].items() if getattr(row.sample, key) in (None, "")}
        filled.append(replace(row, sample=replace(row.sample, **gaps)) if gaps else row)
    return filled, flags


def _repeated_files(rows: Iterable[SampleRow]) -> list[Flag]:
    seen: dict[str, int] = {}
    flags = []
    for row in rows:
        for pattern in row.files:
            first = seen.setdefault(pattern.casefold(), row.row)
            if first != row.row:
                flags.append(ReaderFlag.FILE_REPEATED.flag(file=pattern, first=first, row=row.row))
    return flags


# Each of these yields (row number, [(header, cell text), …]).


def _csv_rows(content: bytes, name: str) -> list[tuple[int, list[tuple[str, str]]]]:
    text, _ = decode(content)
    lines = text.splitlines(keepends=True)
    header = next((line for line in lines if line.strip() and not line.lstrip('"').startswith("#")), "")
    if not header:
        raise InputError(f"{name} is empty; expected a header such as 'sample; file; thickness [mm]; area [mm²]'.")
    delimiter = max(";\t,", key=lambda mark: len(next(csv.reader([header], delimiter=mark), [])))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        table = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise InputError(f"{name} is no table ({error}); save it again as csv.") from None
    return _table(table, name)


def _table(table: Iterable[tuple[int, Sequence[str]]], name: str) -> list[tuple[int, list[tuple[str, str]]]]:
    header: list[str] = []
    rows = []
    for number, row in table:
        cells = [cell.strip() for cell in row]
        if not any(cells) or cells[0].startswith("#"):
            continue
        if not header:
            header = cells
            columns = {parse_header(cell).name for cell in header}
            if not columns & {"sample", "file"}:
                raise InputError(
                    f"{name} begins with the columns {', '.join(header[:6])}; expected a column 'sample' or 'file'."
                )
            continue
        if any(cells[len(header) :]):
            raise InputError(
                f"{name}, row {number} has {len(cells)} cells where the header has {len(header)}; "
                "a decimal comma in a file separated by commas needs quotes, or separate by ';'."
            )
        rows.append((number, list(zip(header, cells, strict=False))))
    return rows


def _xlsx_rows(content: bytes, name: str) -> list[tuple[int, list[tuple[str, str]]]]:
    import openpyxl

    try:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        titles = {title.lower(): title for title in book.sheetnames}
        sheet = book[titles.get("samples", book.sheetnames[0])]
        table = [
            (number, [_shown(cell) for cell in row]) for number, row in enumerate(sheet.iter_rows(values_only=True), 1)
        ]
    except Exception as error:  # a damaged archive raises many kinds
        raise InputError(f"{name} is no readable xlsx workbook ({type(error).__name__}); save it again.") from None
    return _table(table, name)


def _shown(cell: Any) -> str:
    if cell is None:
        return ""
    return repr(cell) if isinstance(cell, float) else str(cell)


def _toml_rows(content: bytes, name: str) -> list[tuple[int, list[tuple[str, str]]]]:
    import tomllib

    try:
        book = tomllib.loads(decode(content)[0])
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{name} is no TOML ({error}); compare it with what 'rampion template' writes.") from None
    entries = book.get("sample", book.get("samples"))
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InputError(f"{name} holds no [[sample]] table; write one [[sample]] per sample or file.")
    rows = []
    for number, entry in enumerate(entries, 1):
        cells = []
        for key, item in entry.items():
            shown = "; ".join(map(_shown, item)) if isinstance(item, list) else _shown(item)
            cells.append((key, shown.strip()))
        rows.append((number, cells))
    return rows
