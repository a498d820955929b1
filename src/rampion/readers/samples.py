"""The sample sheet (``samples.csv``, ``.xlsx`` or ``.toml``): which file belongs to which sample, and what it was.

One row per sample or per file. A column is a name with its unit (``thickness [mm]``, ``thickness / mm``,
``thickness (mm)``) or a name alone with the unit in every cell; an uncertainty stands in its own column
(``thickness std [mm]``) or in the cell (``1.00 ± 0.02``). Rows of one sample complete each other. Columns that are not
known are kept as text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from rampion.errors import InputError
from rampion.estimate import Estimate, Flag
from rampion.measurement import Sample
from rampion.readers.file_index import FileIndex, files_named, files_with_word
from rampion.readers.flags import ReaderFlag
from rampion.readers.pellet_density import disagree, relative_density, theoretical_density
from rampion.readers.sheet_cells import SheetLine, read_cells
from rampion.readers.sheet_columns import SAMPLE_COLUMNS, near_heading, parse_header
from rampion.readers.sheet_row import SampleRow, read_row
from rampion.units import proven_mark, show

_ENDINGS = (".csv", ".tsv", ".txt", ".xlsx", ".toml")
_OF_ONE_PELLET = ("thickness", "area", "mass", "theoretical_density", "relative_density", "pellet", "batch",
                  "composition", "material_class", "electrodes", "interlayer", "lithium_thickness")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSheet:
    """The rows of a sample sheet in order, and what was found odd about it."""

    rows: tuple[SampleRow, ...]
    path: str = ""
    flags: tuple[Flag, ...] = ()


def read_samples(path: Path | str) -> SampleSheet:
    """The sample sheet of that file.

    Raises
    ------
    InputError
        When the file is no sheet, holds no row, or a cell cannot be read; the sentence names row and column.
    """
    path = Path(path)
    ending = path.suffix.lower()
    if ending not in _ENDINGS:
        raise InputError(
            f"{path.name} is no sample sheet; expected .csv, .xlsx or .toml ('rampion template' writes one)."
        )
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path.name} could not be opened ({error.strerror}); check the path.") from None
    lines, opened = read_cells(content, path.name, ending)
    if not lines:
        raise InputError(f"{path.name} holds no sample; fill in at least one row below the header.")
    mark = proven_mark(_typed_numbers(lines))
    rows, conflicts = _completed([read_row(line, path.name, mark) for line in lines])
    rows, densities = _with_densities(rows, path.name)
    lacking = missing_metadata(row.sample for row in rows)
    flags = [
        *opened,
        *_heading_flags(lines),
        *conflicts,
        *densities,
        *_repeated_files(rows),
        *(ReaderFlag.METADATA_MISSING.flag(sample=name, names=", ".join(names)) for name, names in lacking.items()),
    ]
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


def _heading_flags(lines: Sequence[SheetLine]) -> list[Flag]:
    """Headings of no known column: each likely misspelling, then the others in one."""
    headings = dict.fromkeys(cell.heading for line in lines for cell in line.cells)
    unknown = [one for one in headings if not parse_header(one).name and not parse_header(one).paired]
    near = {heading: near_heading(heading) for heading in unknown}
    flags = [ReaderFlag.HEADING_MISSPELT.flag(heading=heading, near=name) for heading, name in near.items() if name]
    others = [repr(heading) for heading, name in near.items() if not name]
    return flags + ([ReaderFlag.HEADINGS_AS_TEXT.flag(names=", ".join(others))] if others else [])


def _typed_numbers(lines: Iterable[SheetLine]) -> Iterator[str]:
    for line in lines:
        for cell in line.cells:
            name = parse_header(cell.heading).name
            if name and SAMPLE_COLUMNS[name].quantity and not cell.number:
                yield cell.text


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
            if differs and each.name in _OF_ONE_PELLET:
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


def _with_densities(rows: list[SampleRow], sheet: str) -> tuple[list[SampleRow], list[Flag]]:
    """Rows with the relative density that mass and dimensions give, and what contradicts it."""
    areas: dict[str, Estimate] = {}
    measured: dict[str, Estimate] = {}
    for row in rows:
        if row.pellet_area is not None:
            areas.setdefault(row.sample.name, row.pellet_area)
        if row.measured_density is not None:
            measured.setdefault(row.sample.name, row.measured_density)
    found, flags = [], []
    for row in rows:
        sample, more = _with_density(
            row.sample, areas.get(row.sample.name), measured.get(row.sample.name), f"{sheet}, row {row.row}"
        )
        found.append(replace(row, sample=sample))
        flags += more
    return found, list(dict.fromkeys(flags))


def _with_density(
    sample: Sample, area: Estimate | None, measured: Estimate | None, place: str
) -> tuple[Sample, list[Flag]]:
    if sample.mass is None and measured is None:
        return sample, []
    theoretical = sample.theoretical_density
    entry = theoretical_density(sample.composition) if theoretical is None else None
    if entry is not None:
        noted = ReaderFlag.DENSITY_BY_COMPOSITION.flag(composition=entry.composition, source=entry.source)
        theoretical = Estimate(entry.value, entry.std).flagged(noted)
        sample = replace(sample, theoretical_density=theoretical)
    lacking = [] if theoretical is not None else ["theoretical density"]
    if measured is None:
        lacking += [] if area is not None else ["pellet diameter"]
        lacking += [] if sample.thickness is not None else ["thickness"]
    if lacking:
        if sample.relative_density is not None:
            return sample, []
        return sample, [ReaderFlag.DENSITY_NOT_COMPUTED.flag(sample=sample.name, names=" and ".join(lacking))]
    assert theoretical is not None
    if measured is not None:
        computed = relative_density(measured, Estimate(1.0, 0.0), Estimate(1.0, 0.0), theoretical)
    else:
        assert sample.mass is not None
        assert area is not None
        assert sample.thickness is not None
        computed = relative_density(sample.mass, area, sample.thickness, theoretical)
    stated = sample.relative_density
    if stated is None:
        try:
            return replace(sample, relative_density=computed), []
        except InputError as error:
            raise InputError(f"{place}: mass and dimensions contradict each other. {error}") from None
    if not disagree(stated, computed):
        return sample, []
    shown = {"stated": show(stated, "relative_density"), "computed": show(computed, "relative_density")}
    return sample, [ReaderFlag.DENSITY_DISAGREES.flag(sample=sample.name, **shown)]


def _repeated_files(rows: Iterable[SampleRow]) -> list[Flag]:
    seen: dict[str, int] = {}
    flags = []
    for row in rows:
        for pattern in row.files:
            first = seen.setdefault(pattern.casefold(), row.row)
            if first != row.row:
                flags.append(ReaderFlag.FILE_REPEATED.flag(file=pattern, first=first, row=row.row))
    return flags
