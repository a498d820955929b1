"""One row of a sample sheet to its sample, files and stated protocol; every refusal names file, row and column."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any

from rampion.errors import InputError
from rampion.estimate import Estimate
from rampion.hard_limits import check_limits
from rampion.measurement import Sample
from rampion.quantities import quantity
from rampion.readers.sheet_cells import SheetCell, SheetLine, is_unknown
from rampion.readers.sheet_columns import SAMPLE_COLUMNS, Heading, parse_header
from rampion.readers.sheet_words import (
    parse_configuration,
    parse_electrodes,
    parse_faces,
    parse_interlayer,
    parse_material_class,
)
from rampion.units import conversion, parse_quantity

_STATED = ("scan rate", "start potential", "stop potential", "pause interval", "pause duration", "current density")
_WORDS = {
    "electrodes": parse_electrodes, "interlayer": parse_interlayer, "material class": parse_material_class,
    "plating faces": parse_faces,
}  # fmt: skip
_DATE = re.compile(r"\d{4}-\d\d-\d\d|\d\d?:\d\d")
_DIAMETERS = ("electrode diameter", "pellet diameter")  # their areas have limits


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetRule:
    """When two columns of one row disagree."""

    most_rounding: float = 0.03
    """Relative: how far rounding to the typed digits may part them; 3 % covers two digits from 16 on."""
    errors: float = 3.0
    """Standard uncertainties of their difference, where stated."""


RULE = SheetRule()


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRow:
    """One row: the sample, its files (names or patterns), and what its protocol was stated to be.

    ``stated`` maps ``scan_rate`` [V/s], ``start_potential``, ``stop_potential``, ``pause_interval`` [V],
    ``pause_duration`` [s] and ``current_density`` [A/m²] to estimates; a name is absent where the cell is empty.
    ``pellet_area`` [m²] and ``measured_density`` [kg/m³] are those of the whole pellet.
    """

    sample: Sample
    files: tuple[str, ...] = ()
    stated: Mapping[str, Estimate] = field(default_factory=lambda: MappingProxyType({}))
    pellet_area: Estimate | None = None
    measured_density: Estimate | None = None
    row: int = 0


class _Row:
    """One row while its cells are read: what each known column holds and which cell said so."""

    def __init__(self, line: SheetLine, sheet: str, mark: str | None) -> None:
        self.line, self.sheet, self.mark = line, sheet, mark
        self.texts: dict[str, str] = {}
        self.values: dict[str, Estimate] = {}
        self.cells: dict[str, SheetCell] = {}
        self.extra: dict[str, str] = {}

    @contextmanager
    def at(self, *cells: SheetCell) -> Iterator[None]:
        """Any refusal inside gains the location in the sheet: file, row and column."""
        try:
            yield
        except InputError as error:
            columns = " and ".join(repr(cell.heading) for cell in cells)
            where = f"column{'s' if len(cells) > 1 else ''} {columns}"
            raise InputError(f"{self.sheet}, row {self.line.number}, {where}: {error}") from None

    def read(self, cell: SheetCell, heading: Heading) -> None:
        """Take a cell of a known column."""
        column = SAMPLE_COLUMNS[heading.name]
        if is_unknown(cell.text):
            return
        if not column.quantity:
            self._take_text(cell, column.name, bool(column.field) or column.name in ("sample", "file"))
            return
        with self.at(cell):
            if _DATE.match(cell.text):
                raise InputError(
                    f"{cell.text!r} is a date, made of a number by a spreadsheet; type the number as text."
                )
            unit = heading.unit if heading.unit or quantity(column.quantity).unit else None
            value = parse_quantity(cell.text, column.quantity, unit, "." if cell.number else self.mark)
            limited = column.field or column.quantity
            if column.name not in _DIAMETERS:
                check_limits(limited, value.value, cell.text)
            elif not value.value > 0:
                raise InputError(f"{cell.text!r} is no diameter; a diameter is positive.")
        before = self.values.get(column.name)
        if before is None:
            self.values[column.name], self.cells[column.name] = value, cell
        else:
            self._refuse_difference(before, value, self.cells[column.name], cell)

    def _take_text(self, cell: SheetCell, name: str, known: bool) -> None:
        if not known:  # technique, start: kept for the person
            self.extra[cell.heading] = cell.text
            return
        with self.at(cell):
            if "\n" in cell.text and name != "file":
                raise InputError(f"{cell.text!r} goes over several lines; is a quote missing in a row above?")
        if name not in self.texts:
            self.texts[name], self.cells[name] = cell.text, cell
        elif name == "file":
            self.texts[name] += f"; {cell.text}"
        elif self.texts[name] != cell.text and self.cells[name].heading == cell.heading:
            with self.at(cell):
                raise InputError(f"two columns of this name hold {self.texts[name]!r} and {cell.text!r}; keep one.")
        elif self.texts[name] != cell.text and cell.heading.casefold() == name:  # 'sample' wins over 'id'
            self.extra[self.cells[name].heading] = self.texts[name]
            self.texts[name], self.cells[name] = cell.text, cell
        elif self.texts[name] != cell.text:
            self.extra[cell.heading] = cell.text

    def spread(self, cell: SheetCell, name: str, unit: str | None) -> None:
        """Give a value its uncertainty from a cell of its own."""
        if is_unknown(cell.text):
            return
        if name not in self.values:
            self.extra[cell.heading] = cell.text
            return
        kind = SAMPLE_COLUMNS[name].quantity
        with self.at(cell):
            std = _spread(cell.text, kind, unit, self.values[name], "." if cell.number else self.mark)
        self.values[name] = Estimate(self.values[name].value, std)

    def one_of(self, name: str, other: str, value: Estimate | None) -> None:
        """The value of a column from another column's, refused where both are stated and disagree."""
        if value is None:
            return
        with self.at(self.cells[other]):
            check_limits("area", value.value, self.cells[other].text)
        if name not in self.values:
            self.values[name], self.cells[name] = value, self.cells[other]
        else:
            self._refuse_difference(self.values[name], value, self.cells[name], self.cells[other])

    def _refuse_difference(self, one: Estimate, other: Estimate, first: SheetCell, second: SheetCell) -> None:
        spread = RULE.errors * math.hypot(*(each.std if math.isfinite(each.std) else 0.0 for each in (one, other)))
        digits = _rounding(first.text) + 2 * _rounding(second.text)  # twice: an area goes with the diameter squared
        if abs(one.value - other.value) > spread + min(digits, RULE.most_rounding) * abs(one.value) + 1e-12:
            with self.at(first, second):
                raise InputError(f"{first.text!r} and {second.text!r} disagree; correct one of them or leave it empty.")


def _rounding(text: str) -> float:
    """Half a unit of a number's last typed digit, relative to the number."""
    match = re.match(r"[^\d]*(\d*)(?:[.,](\d*))?", text)
    digits = (match[1] + (match[2] or "")).lstrip("0") if match else ""
    return 0.5 / int(digits) if digits else 0.0


def read_row(line: SheetLine, sheet: str, mark: str | None) -> SampleRow:
    """The sample, files and stated protocol of one row.

    Parameters
    ----------
    sheet : the file's name, for messages.
    mark : the decimal mark that the sheet's numbers prove, ``None`` where they prove none.

    Raises
    ------
    InputError
        When a cell cannot be read, is impossible, or contradicts another; the sentence names sheet, row and column.
    """
    row = _Row(line, sheet, mark)
    spreads: list[tuple[SheetCell, str, str | None]] = []
    units: dict[str, str | None] = {}
    previous = ""
    for cell in line.cells:
        heading = parse_header(cell.heading)
        name = previous if heading.paired else heading.name
        if heading.uncertainty and name and SAMPLE_COLUMNS[name].quantity:
            spreads.append((cell, name, heading.unit))
        elif name and not heading.uncertainty:
            previous = name
            units.setdefault(name, heading.unit)
            row.read(cell, heading)
        elif cell.text:
            row.extra[cell.heading] = cell.text
    for cell, name, unit in spreads:
        row.spread(cell, name, unit or units.get(name))
    row.one_of("area", "electrode diameter", _disc(row.values.get("electrode diameter")))
    row.one_of("pellet area", "pellet diameter", _disc(row.values.get("pellet diameter")))
    return _finished(row)


def _disc(diameter: Estimate | None) -> Estimate | None:
    """The area of a disc of that diameter."""
    if diameter is None:
        return None
    factor = math.pi / 4 * diameter.value
    return Estimate(factor * diameter.value, 2 * factor * diameter.std)


def _spread(text: str, kind: str, unit: str | None, value: Estimate, mark: str | None) -> float:
    """The standard uncertainty [SI] in a cell of its own."""
    number = re.match(r"^\s*[±]?\s*(?P<value>[\d.,eE+\-]+)\s*(?P<unit>.*?)\s*$", text)
    if number is None:
        raise InputError(f"{text!r} is no uncertainty; expected a number that is not negative.")
    shown = number["unit"] or unit or ""
    if not shown and quantity(kind).unit:
        raise InputError(f"{text!r} has no unit; write it in the header, e.g. 'std [{quantity(kind).shown_unit}]'.")
    std = parse_quantity(number["value"], "exponent", "", mark).value  # a pure number
    if not std >= 0:
        raise InputError(f"{text!r} is no uncertainty; expected a number that is not negative.")
    if shown == "%" and kind != "relative_density":
        return std / 100 * abs(value.value)
    return std * abs(conversion(shown, kind)[0])


def _finished(row: _Row) -> SampleRow:
    texts, values, place = row.texts, row.values, f"{row.sheet}, row {row.line.number}"
    files = _file_names(texts.get("file", ""))
    name = texts.get("sample") or (PurePosixPath(files[0].replace("\\", "/")).stem if files else "")
    if not name:
        raise InputError(f"{place} names neither a sample nor a file; fill in one of the two columns.")
    known: dict[str, Any] = {}
    for column in SAMPLE_COLUMNS.values():
        if column.field and column.name in values:
            known[column.field] = values[column.name]
        elif column.field and column.name in texts:
            with row.at(row.cells[column.name]):
                known |= _meaning(column.name, texts)
    for column in ("electrode diameter", "pellet diameter", "pellet area", "measured density"):
        if column in row.cells and row.cells[column].heading not in row.extra and column in values:
            row.extra[row.cells[column].heading] = row.cells[column].text
    try:
        sample = Sample(name=name, extra=row.extra, **known)
    except InputError as error:
        raise InputError(f"{place}: {error}") from None
    stated = {column.replace(" ", "_"): values[column] for column in _STATED if column in values}
    if "scan_rate" in stated and not stated["scan_rate"].value > 0:
        raise InputError(f"{place}, column 'scan rate': it must be a positive number, whatever the direction.")
    return SampleRow(
        sample=sample,
        files=files,
        stated=MappingProxyType(stated),
        pellet_area=values.get("pellet area"),
        measured_density=values.get("measured density"),
        row=row.line.number,
    )


def _meaning(name: str, texts: Mapping[str, str]) -> dict[str, Any]:
    """The fields of the sample that a text column fills.

    'electrodes' may hold a configuration ('three-electrode') and 'configuration' the electrodes ('Li | LLZO | Li').
    """
    text = texts[name]
    configuration = parse_configuration(text)
    if name == "electrodes" and configuration:
        return {} if "configuration" in texts else {"configuration": configuration}
    if name == "configuration" and not configuration and "electrodes" not in texts:
        try:
            return {"electrodes": parse_electrodes(text)}
        except InputError:
            return {"configuration": text}
    if name == "configuration":
        return {"configuration": configuration or text}
    return {SAMPLE_COLUMNS[name].field: _WORDS[name](text) if name in _WORDS else text}


def _file_names(text: str) -> tuple[str, ...]:
    """The names in a cell, separated by ';', '|' or lines; by ',' where every part has a file's ending."""
    names = [part.strip() for part in re.split(r"[;\n|]", text) if part.strip()]
    commas = [part.strip() for part in text.split(",")]
    if len(names) == 1 and len(commas) > 1 and all(re.search(r"[\w\])*?]\.\w{2,9}$", part) for part in commas):
        return tuple(commas)
    return tuple(names)
