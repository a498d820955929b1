"""Text exports of Novocontrol's programs (WinDETA, NEISYS): title, geometry, fixed values, tables over the frequency.

Columns are named ``Freq.[Hz]``, ``Zs'[ohm]``, ``Zs''[ohm]`` (Zs = Zs' + iZs'', negative for a capacitor), ``|Zs|``,
``Phase``, ``Temp.[°C]``. A table is one spectrum, or one for each temperature of a temperature column. The geometry in
the header is not used. *Fails when* permittivity or conductivity alone were exported.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from rampion.errors import RefusedError
from rampion.estimate import Flag
from rampion.measurement import Source, Spectrum, Trace
from rampion.readers.clock import read_start
from rampion.readers.decimals import read_number
from rampion.readers.flags import ReaderFlag
from rampion.readers.scans import find_restarts
from rampion.readers.text import Table, decode, detect_separator, number_rows, parse_table, unique_names

_HEADER = re.compile(r"^\s*(?:\S+\s*)?Freq\.\s*\[(?P<unit>\w+)\]", re.I)
_CELL = re.compile(r"\S+(?:\s?[A-Za-z.'|]+)*\s*\[[^\]]*\]|\S+")
_HERTZ = {"Hz": 1.0, "kHz": 1e3, "MHz": 1e6, "mHz": 1e-3}
_OHMS = {"ohm": 1.0, "ohms": 1.0, "kohm": 1e3, "Mohm": 1e6, "mohm": 1e-3, "Ω": 1.0, "kΩ": 1e3, "MΩ": 1e6}
_KELVIN = 273.15


def recognise(head: bytes, name: str) -> bool:
    """Whether the text holds Novocontrol's column of frequencies and one of its quantities."""
    return bool(re.search(rb"Freq\.\s*\[M?k?Hz\]", head)) and bool(
        re.search(rb"Zs|Zp'|Eps|Sig|Cp'|Yp|Fixed value|Mod'|Tan\(Delta\)", head)
    )


def read(content: bytes, name: str, path: Path | None = None) -> tuple[tuple[Trace | Spectrum, ...], tuple[Flag, ...]]:
    """Every spectrum of the export.

    Raises
    ------
    RefusedError
        When it holds no impedance, or no point.
    """
    text, flags = decode(content)
    lines = text.splitlines(keepends=True)
    headers = [number for number, line in enumerate(lines) if _HEADER.match(line)]
    start, clock = read_start(" ".join(lines[: headers[0] if headers else 0]), certain=True, month_first=False)
    flags += clock
    spectra: list[Trace | Spectrum] = []
    columns: list[str] = []
    above = 0
    for at, end in zip(headers, [*headers, len(lines)][1:], strict=True):
        columns = _CELL.findall(lines[at].strip())
        rows, others = number_rows(lines[at + 1 : end])
        if others:
            flags += (ReaderFlag.RAGGED_ROWS.flag(count=others, expected=len(columns)),)
        made, found = _spectra(columns, rows, "".join(lines[above:at]), start)
        spectra += made
        flags += found
        above = at + 1
    if not spectra:
        raise RefusedError(
            f"{name} is a Novocontrol export with {', '.join(columns[:6]) or 'no column'} and no point of impedance; "
            "export Zs' and Zs'' over the frequency."
        )
    return tuple(spectra), flags


def _spectra(
    columns: Sequence[str], rows: Sequence[str], above: str, start: float
) -> tuple[list[Spectrum], tuple[Flag, ...]]:
    if not rows:
        return [], ()
    names, _ = unique_names(columns)
    table = parse_table("".join(rows), names, separator=detect_separator([row.strip() for row in rows[:40]]))
    known = {re.sub(r"[\s_]", "", header.split("[")[0]): header for header in names}
    frequency = table.columns.get(known.get("Freq.", ""))
    impedance = _impedance(table, known)
    if frequency is None or impedance is None:
        return [], table.flags
    frequency = frequency * _HERTZ.get(_unit(known["Freq."]), math.nan)
    good = np.isfinite(frequency) & (frequency > 0) & np.isfinite(impedance)
    flags = table.flags
    if not good.all():
        flags += (ReaderFlag.DROPPED_POINTS.flag(count=int((~good).sum()), what="frequency or impedance"),)
    temperatures = table.columns.get(known.get("Temp.", ""))
    fixed = _fixed(above)
    spectra = []
    for piece in _pieces(np.flatnonzero(good), frequency, temperatures):
        temperature = float(np.mean(temperatures[piece])) if temperatures is not None else fixed.get("Temp.", math.nan)
        spectra.append(
            Spectrum(
                frequency=frequency[piece],
                impedance=impedance[piece],
                technique="Impedance",
                temperature=temperature + _KELVIN,
                amplitude=fixed.get("ACVolt", math.nan) * math.sqrt(2),  # the file states the root mean square
                start=start,
                extra={key: column[piece] for key, column in table.columns.items()},
                source=Source(format="Novocontrol text", instrument="Novocontrol"),
            )
        )
    return spectra, flags


def _pieces(rows: np.ndarray, frequency: np.ndarray, temperatures: np.ndarray | None) -> list[np.ndarray]:
    """The rows of each spectrum: the frequency starts again, where a column of temperatures shows more than one."""
    if not rows.size:
        return []
    begins = find_restarts(frequency[rows]) if temperatures is not None else np.zeros(rows.size - 1, dtype=bool)
    return np.split(rows, np.flatnonzero(begins) + 1)


def _impedance(table: Table, known: Mapping[str, str]) -> np.ndarray | None:
    """The impedance in Ω; ``None`` where its columns or their units are not known."""

    def ohms(title: str) -> np.ndarray | None:
        column, factor = table.columns.get(known.get(title, "")), _OHMS.get(_unit(known.get(title, "")))
        return None if column is None or factor is None else column * factor

    real, imaginary, modulus = ohms("Zs'"), ohms("Zs''"), ohms("|Zs|")
    if real is not None and imaginary is not None:
        return real + 1j * imaginary
    phase = next((one for one in ("Phase", "Phase(Zs)", "Zs-Phase") if known.get(one) in table.columns), None)
    if modulus is None or phase is None:
        return None
    return modulus * np.exp(1j * np.deg2rad(table.columns[known[phase]]))


def _unit(header: str) -> str:
    match = re.search(r"\[([^\]]*)\]", header)
    return match[1].strip().replace("Ohm", "ohm") if match else ""


def _fixed(above: str) -> dict[str, float]:
    """The values that a line ``Fixed value(s) : Temp. [°C]=25.00  AC Volt [Vrms]=1.0e-01`` states."""
    pairs = re.findall(r"([A-Za-z][\w. ]*?)\s*\[[^\]]*\]\s*=\s*([-+.\deE]+)", above)
    return {re.sub(r"\s", "", key): read_number(value) for key, value in pairs}
