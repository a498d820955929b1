"""The columns of a sample sheet: their names as people write them, what each measures, and headings close to one."""

from __future__ import annotations

import difflib
import functools
import re
import unicodedata
from dataclasses import dataclass

from rampion.errors import InputError
from rampion.quantities import quantity
from rampion.units import conversion

_NEAR = 0.8
"""Least similarity (``difflib`` ratio) of a heading and a known name: one wrong letter in five."""


@dataclass(frozen=True, slots=True)
class SheetColumn:
    """One known column: the quantity it holds ("" for text), other spellings, and how the template shows it.

    ``field`` is the field of the sample that it fills; a column with neither is kept as text under its own heading.
    """

    name: str
    quantity: str = ""
    spellings: tuple[str, ...] = ()
    field: str = ""
    unit: str = ""
    example: str = ""

    @property
    def heading(self) -> str:
        """The heading in a template, with the unit."""
        unit = self.unit or (quantity(self.quantity).shown_unit if self.quantity else "")
        return f"{self.name} [{unit}]" if unit else self.name


SAMPLE_COLUMNS: dict[str, SheetColumn] = {
    column.name: column
    for column in (
        SheetColumn("sample", "", ("name", "sample name", "sample id", "id", "sample no"), "", "", "S1"),
        SheetColumn("file", "", ("files", "file name", "filename", "data file", "data files"), "", "", "S1_*.mpr"),
        SheetColumn("technique", "", ("techniques", "method")),
        SheetColumn("start", "", ("start date", "start time", "date", "measured on")),
        SheetColumn("pellet", "", ("parent pellet", "pellet id", "pellet no", "pellet number"), "pellet", "", "P3"),
        SheetColumn("batch", "", ("powder batch", "batch no", "batch number", "lot"), "batch", "", "2024-07"),
        SheetColumn("composition", "", ("material", "electrolyte", "formula"), "composition", "",
                    "Li6.4La3Zr1.4Ta0.6O12"),
        SheetColumn("material class", "", ("class", "electrolyte class", "material family"), "material_class", "",
                    "garnet"),
        SheetColumn("treatment", "", ("surface treatment", "heat treatment"), "treatment", "", "polished in Ar"),
        SheetColumn("electrodes", "", ("electrode", "electrode material", "electrode materials"), "electrodes", "",
                    "Li | Li"),
        SheetColumn("configuration", "", ("electrode configuration", "cell configuration"), "configuration", "",
                    "two-electrode"),
        SheetColumn("interlayer", "", ("interface layer", "coating"), "interlayer", "", "Au 20 nm"),
        SheetColumn("plating faces", "", ("faces",), "plating_faces", "", "1"),
        SheetColumn("thickness", "thickness", ("electrolyte thickness", "pellet thickness", "sample thickness", "l"),
                    "thickness", "mm", "1.00"),
        SheetColumn("area", "area", ("electrode area", "contact area", "a"), "area", "", "4.0"),
        SheetColumn("electrode diameter", "thickness", ("diameter", "contact diameter"), "", "mm"),
        SheetColumn("mass", "mass", ("pellet mass", "weight", "m"), "mass", "", "0.412"),
        SheetColumn("pellet diameter", "thickness", (), "", "mm", "10.0"),
        SheetColumn("pellet area", "area", ("pellet cross section", "cross section", "base area")),
        SheetColumn("theoretical density", "theoretical_density", ("x ray density", "crystal density"),
                    "theoretical_density", "", "5.491"),
        SheetColumn("measured density", "theoretical_density", ("geometric density", "bulk density")),
        SheetColumn("relative density", "relative_density", ("density", "rel density"), "relative_density", "", "95"),
        SheetColumn("temperature", "temperature", ("t", "temp"), "temperature", "", "25"),
        SheetColumn("temperature stability", "temperature_stability", ("temperature fluctuation",),
                    "temperature_stability", "", "0.5"),
        SheetColumn("stack pressure", "stack_pressure", ("pressure", "p"), "stack_pressure", "", "20"),
        SheetColumn("rest pressure", "", ("pressure at rest",)),
        SheetColumn("lithium thickness", "lithium_thickness", ("li thickness", "lithium foil thickness"),
                    "lithium_thickness", "", "100"),
        SheetColumn("leads", "leads_resistance", ("leads resistance", "lead resistance", "cable resistance"),
                    "leads_resistance", "ohm", "0.4"),
        SheetColumn("reference depth", "reference_depth", ("reference position", "depth of the reference"),
                    "reference_depth"),
        SheetColumn("scan rate", "scan_rate", ("sweep rate", "scanrate", "rate"), "", "", "0.05"),
        SheetColumn("start potential", "potential", ("initial potential", "start voltage")),
        SheetColumn("stop potential", "potential", ("final potential", "end potential", "stop voltage", "end voltage"),
                    "", "", "0.6"),
        SheetColumn("pause interval", "potential", ("pause every", "pause step")),
        SheetColumn("pause duration", "duration", ("pause", "pause time")),
        SheetColumn("current density", "current_density", ("applied current density", "j")),
    )
}  # fmt: skip
_BY_SPELLING = {name: column.name for column in SAMPLE_COLUMNS.values() for name in (column.name, *column.spellings)}
_UNCERTAIN = r"std|sd|stdev|standard deviation|uncertainty|error|err|sigma|\+/-|±"
_PAIRED = ("±", "+/-", "std", "error")  # a heading of nothing else belongs to the column before it


@dataclass(frozen=True, slots=True)
class Heading:
    """What one heading means: a known column (or "" for one kept as text), its unit, and whether it is ±."""

    heading: str
    name: str
    unit: str | None
    uncertainty: bool

    @property
    def paired(self) -> bool:
        """Whether it is nothing but ± and belongs to the column before it."""
        return self.uncertainty and not self.name and _sign_words(self.heading).strip("[]() ") in _PAIRED


@functools.cache
def parse_header(heading: str) -> Heading:
    """Name, unit and kind of a column from its heading."""
    text = " ".join(unicodedata.normalize("NFC", heading).split())
    unit: str | None = None
    match = re.match(
        r"^(?P<name>.*?)\s*(?:\[(?P<a>[^\]]*)\]|\((?P<b>[^)]*)\)|\s/\s*(?P<c>.+)|,\s+(?P<d>\S+))\s*(?P<rest>.*)$", text
    )
    name = text
    if match and match["name"]:
        unit = next(part for part in (match["a"], match["b"], match["c"], match["d"]) if part is not None).strip()
        name = f"{match['name']} {match['rest']}".strip()
    elif not _known(_split_uncertain(name)[0]):
        name, unit = _unit_as_last_word(name)
    plain, uncertain = _split_uncertain(name)
    known = _known(plain)
    if known == "relative density" and unit and _measures(unit, "theoretical_density"):
        known = "measured density"  # 'density [g/cm³]'
    return Heading(heading, known, unit, uncertain)


def near_heading(heading: str) -> str:
    """The known name that a heading of no known column is a misspelling of; empty where it is like none."""
    plain, uncertain = _split_uncertain(re.split(r"[\[(]|\s/", heading)[0])
    words = _plain(plain)
    near = difflib.get_close_matches(words, _BY_SPELLING, n=1, cutoff=_NEAR) if len(words) > 3 else []
    if not near and len(words.split()) > 1:  # 'thickness uncertainity': the last word may be the misspelt one
        first, _, last = words.rpartition(" ")
        if _known(first) and difflib.get_close_matches(last, ("uncertainty", "stdev", "error"), n=1, cutoff=_NEAR):
            return f"{first} std"
    return near[0] + (" std" if uncertain else "") if near else ""


def _split_uncertain(name: str) -> tuple[str, bool]:
    """The name without what says that the column is an uncertainty, and whether it does."""
    match = re.match(rf"^(?:(?:{_UNCERTAIN})\s+(?P<after>.+)|(?P<before>.*?)\s*(?:{_UNCERTAIN}))$", _sign_words(name))
    return (match["after"] or match["before"] or "", True) if match else (name, False)


def _unit_as_last_word(name: str) -> tuple[str, str | None]:
    """'thickness_mm' as 'thickness' and 'mm', where that is a unit of what the column measures."""
    first, _, last = name.replace("_", " ").rpartition(" ")
    known = _known(_split_uncertain(first)[0]) if first else ""
    kind = SAMPLE_COLUMNS[known].quantity if known else ""
    return (first, last) if kind and _measures(last, kind) else (name, None)


def _measures(unit: str, kind: str) -> bool:
    try:
        conversion(unit, kind)
    except InputError:
        return False
    return True


def _sign_words(name: str) -> str:
    return " ".join(name.replace("_", " ").lower().split())


def _plain(name: str) -> str:
    return " ".join(re.sub(r"[_\-.:]+", " ", unicodedata.normalize("NFKC", name)).lower().split())


def _known(name: str) -> str:
    return _BY_SPELLING.get(_plain(name), "")
