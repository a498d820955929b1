"""The numbers of a simulated Li | ceramic | Li cell, as people give them, and the files that hold them."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rampion.cell.closures import FUNCTIONS, Closure, Properties, properties_of, steady_limit
from rampion.errors import InputError
from rampion.file_writing import write_file
from rampion.quantities import FARADAY, GAS_CONSTANT, QUANTITIES
from rampion.units import parse_quantity

_KIND = {
    "series_resistance": "area_resistance",
    "interface_resistance": "area_resistance",
    "exchange_current": "exchange_current_density",
    "interface_capacitance": "area_capacitance",
}
_PLAIN = ("thermodynamic_factor", "reference")


@dataclass(frozen=True, slots=True, kw_only=True)
class Relaxation:
    """One R∥CPE arc of the spectra: ``share`` of the electrolyte's or of the interface's resistance.

    Z = R / (1 + R Q (jω)^α), R = share · (high-frequency resistance of the state, or interface resistance).
    ``admittance`` is Q [S·s^α/m²]. What the shares leave over stays a plain resistance.
    """

    name: str
    share: float
    admittance: float
    exponent: float = 1.0
    place: str = "electrolyte"

    def __post_init__(self) -> None:
        if not (0 <= self.share <= 1 and self.admittance > 0 and 0 < self.exponent <= 1):
            raise InputError(
                f"The relaxation {self.name!r} has share {self.share:g}, admittance {self.admittance:g} and exponent "
                f"{self.exponent:g}; expected a share of 0 to 1, a positive admittance and an exponent of 0 to 1."
            )
        if self.place not in ("electrolyte", "interface"):
            raise InputError(f"The place of {self.name!r} is {self.place!r}; expected 'electrolyte' or 'interface'.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A Li | ceramic | Li cell: geometry, carriers, interfaces.

    Parameters
    ----------
    thickness [m], area [m²], temperature [K].
    conductivity : σ₀ [S/m] at the mean concentration ``concentration`` c₀ [mol/m³]; ``transference`` t₊.
    diffusivity : chemical diffusivity D [m²/s]; ``None`` is the Nernst–Einstein closure
        D = 2 t₊(1 − t₊) Γ σ₀RT/(F²c₀).
    thermodynamic_factor : Γ = 1 + d ln f/d ln c, 1 when dilute.
    conduction : 'proportional' (σ ∝ c) or 'constant'.
    closure : user functions of the concentration, over the constants (:mod:`rampion.cell.closures`).
    series_resistance : leads and contacts outside the cell [Ω·m²].
    interface_resistance : both faces together, one half each [Ω·m²].
    exchange_current : J₀₀ of J₀ = J₀₀√(c/c₀) at each face [A/m²]; infinite leaves charge transfer out.
    interface_capacitance : of each face [F/m²], charged by lithium ions.
    reference : place of a reference plane as a fraction of the thickness, 0 at the working electrode; ``None`` for
        two electrodes.
    relaxations : the R∥CPE arcs of the spectra.
    terms : interface terms (:mod:`rampion.cell.terms`).
    assumed : names of the fields that the named source does not state; ``notes`` says why each has its value.
    """

    thickness: float
    conductivity: float
    concentration: float
    transference: float
    temperature: float = 298.15
    area: float = 1e-4
    diffusivity: float | None = None
    thermodynamic_factor: float = 1.0
    conduction: str = "proportional"
    closure: Closure | None = None
    series_resistance: float = 0.0
    interface_resistance: float = 0.0
    exchange_current: float = math.inf
    interface_capacitance: float = 0.0
    reference: float | None = None
    relaxations: tuple[Relaxation, ...] = ()
    terms: tuple[Any, ...] = ()
    name: str = ""
    source: str = ""
    assumed: tuple[str, ...] = ()
    notes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), compare=False)

    def __post_init__(self) -> None:
        positive = ("thickness", "conductivity", "concentration", "temperature", "area", "thermodynamic_factor")
        for name in (*positive, "exchange_current", "diffusivity"):
            value = getattr(self, name)
            if value is not None and not (value > 0 and (math.isfinite(value) or name == "exchange_current")):
                raise InputError(f"The {name.replace('_', ' ')} of the cell is {value:g}; expected a positive number.")
        for name in ("series_resistance", "interface_resistance", "interface_capacitance"):
            value = getattr(self, name)
            if not (value >= 0 and math.isfinite(value)):
                raise InputError(f"The {name.replace('_', ' ')} of the cell is {value:g}; expected zero or more.")
        if not 0 <= self.transference < 1:
            raise InputError(
                f"The transference number is {self.transference:g}; expected 0 ≤ t₊ < 1: at 1 nothing polarizes and "
                "the cell is a resistance."
            )
        if self.transference == 0 and self.diffusivity is None:
            raise InputError("A transference number of 0 leaves no Nernst–Einstein diffusivity: give the diffusivity.")
        if self.conduction not in ("proportional", "constant"):
            raise InputError(f"The conduction is {self.conduction!r}; expected 'proportional' or 'constant'.")
        if self.reference is not None and not 0 < self.reference < 1:
            raise InputError(f"The reference plane lies at {self.reference:g}; expected a fraction between 0 and 1.")


def thermal_voltage(cell: Cell) -> float:
    """RT/F [V]."""
    return GAS_CONSTANT * cell.temperature / FARADAY


def properties(cell: Cell) -> Properties:
    """D, σ, t₊ and Γ of the cell's electrolyte as functions of c and of the empty sites [mol/m³]."""
    numbers = {name: getattr(cell, name) for name in (*FUNCTIONS, "concentration")}
    numbers["thermal_voltage"] = thermal_voltage(cell)
    return properties_of(cell.closure, numbers, cell.conduction, cell.diffusivity is None)


def chemical_diffusivity(cell: Cell) -> float:
    """D [m²/s] at c₀: the closure's, the given one, or D = 2 t₊(1 − t₊) Γ σ₀RT/(F²c₀) (Nernst–Einstein)."""
    if cell.closure is None:
        if cell.diffusivity is not None:
            return cell.diffusivity
        t = cell.transference
        scale = cell.conductivity * thermal_voltage(cell) / (FARADAY * cell.concentration)
        return 2.0 * t * (1.0 - t) * cell.thermodynamic_factor * scale
    return float(properties(cell).diffusivity(cell.concentration, cell.closure.sites - cell.concentration))


def reference_current_density(cell: Cell) -> float:
    """2FDc₀/[(1 − t₊)L] [A/m²] with D and t₊ at c₀: the scale of the current."""
    c0 = cell.concentration
    t = cell.transference
    if cell.closure is not None:
        t = float(properties(cell).transference(c0, cell.closure.sites - c0))
    return 2.0 * FARADAY * chemical_diffusivity(cell) * c0 / ((1.0 - t) * cell.thickness)


def limiting_current_density(cell: Cell) -> float:
    """Largest steady current density [A/m²]: J_lim = 2FDc₀/[(1 − t₊)L] with constant D and t₊, else that at which the
    plating face is empty or the stripping face full (:func:`rampion.cell.closures.steady_limit`)."""
    if cell.closure is None:
        return reference_current_density(cell)
    limit = steady_limit(properties(cell), cell.closure.sites, cell.concentration)
    return FARADAY * limit / cell.thickness


def shipped_sets() -> tuple[str, ...]:
    """Names of the parameter sets that come with rampion."""
    folder = resources.files("rampion.cell") / "sets"
    return tuple(sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml")))


def load_cell(name: str | Path, **overrides: Any) -> Cell:
    """The cell of a TOML file, or of a shipped set by its name; ``overrides`` replace fields (SI).

    Raises
    ------
    InputError
        When the set or a field is unknown, a unit is missing, or the file is not TOML.
    """
    path = Path(name)
    if path.suffix == ".toml":
        if not path.exists():
            raise InputError(f"There is no parameter file {path}.")
        text = path.read_text(encoding="utf-8-sig")
    elif str(name) in shipped_sets():
        text = (resources.files("rampion.cell") / "sets" / f"{name}.toml").read_text(encoding="utf-8")
    else:
        raise InputError(
            f"No parameter set is named {str(name)!r}; there are {', '.join(shipped_sets())}, or give a .toml file."
        )
    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"{name} is not a TOML file: {error}.") from None
    return replace(cell_from(content, str(name)), **overrides)


def cell_from(content: Mapping[str, Any], name: str) -> Cell:
    """The cell of a parsed parameter file: ``[parameters]`` holds text with units, or tables with ``value``,
    ``stated`` and ``note``."""
    known = {f.name for f in fields(Cell)} - {"closure", "relaxations", "terms", "name", "source", "assumed", "notes"}
    values: dict[str, Any] = {}
    assumed: list[str] = []
    notes: dict[str, str] = {}
    for key, entry in content.get("parameters", {}).items():
        if key not in known:
            raise InputError(f"{name} has a parameter {key!r}; expected one of {', '.join(sorted(known))}.")
        entry = entry if isinstance(entry, Mapping) else {"value": entry}
        values[key] = _read(key, entry["value"])
        if not entry.get("stated", True):
            assumed.append(key)
        if entry.get("note"):
            notes[key] = entry["note"]
    missing = [f for f in ("thickness", "conductivity", "concentration", "transference") if f not in values]
    if missing:
        raise InputError(f"{name} does not give the {', '.join(missing)}; a cell needs them.")
    return Cell(
        **values,
        relaxations=tuple(Relaxation(**entry) for entry in content.get("relaxations", ())),
        name=content.get("name", ""),
        source=content.get("source", ""),
        assumed=tuple(assumed),
        notes=MappingProxyType(notes),
    )


def _read(key: str, value: Any) -> Any:
    if key == "conduction":
        return value
    if key in _PLAIN:
        return float(value)
    return parse_quantity(str(value), _KIND.get(key, key)).value


def save_cell(cell: Cell, path: Path | str) -> None:
    """Write the cell's numbers as a TOML file that :func:`load_cell` reads back to the last digit.

    Raises
    ------
    RefusedError
        When the cell holds functions or interface terms, which a TOML file cannot.
    """
    from rampion.errors import RefusedError

    if cell.closure is not None or cell.terms:
        raise RefusedError("A parameter file holds numbers only: this cell has user functions or interface terms.")
    lines = [f"name = {_quoted(cell.name)}", f"source = {_quoted(cell.source)}", "", "[parameters]"]
    for f in fields(Cell):
        value = getattr(cell, f.name)
        if f.name in ("closure", "relaxations", "terms", "name", "source", "assumed", "notes") or value is None:
            continue
        if isinstance(value, float | int) and math.isinf(value):
            continue
        if f.name == "conduction" or f.name in _PLAIN:
            shown = _quoted(value) if isinstance(value, str) else repr(float(value))
        else:
            unit = QUANTITIES[_KIND.get(f.name, f.name)].unit
            shown = _quoted(f"{float(value)!r} {unit}".strip())
        stated = "false" if f.name in cell.assumed else "true"
        note = f", note = {_quoted(cell.notes[f.name])}" if f.name in cell.notes else ""
        lines.append(f"{f.name} = {{ value = {shown}, stated = {stated}{note} }}")
    for arc in cell.relaxations:
        lines += ["", "[[relaxations]]"]
        for part in fields(arc):
            value = getattr(arc, part.name)
            lines.append(f"{part.name} = {_quoted(value) if isinstance(value, str) else repr(float(value))}")
    write_file(path, "\n".join(lines) + "\n")


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'
