"""EC-Lab's names, the same in its text and its binary files: columns under one spelling, and techniques."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

CELL = ("Ecell", "<Ecell>", "Ewe-Ece", "<Ewe-Ece>", "<Ewe>-<Ece>")
WORKING = ("Ewe", "<Ewe>")
COUNTER = ("Ece", "<Ece>")
CURRENT = ("I", "<I>")

_PREFIXES = {"": 1.0, "m": 1e-3, "µ": 1e-6, "u": 1e-6, "n": 1e-9, "p": 1e-12, "k": 1e3, "M": 1e6}
_SPELT = {"<Ewe/V>": "<Ewe>/V", "<Ece/V>": "<Ece>/V", "<I/mA>": "<I>/mA"}
_GENERAL = (
    "time/s", "freq/Hz", "Re(Z)/Ohm", "-Im(Z)/Ohm", "ox/red", "control changes", "cycle number", "I Range", "I/mA",
    "I/A", "half cycle", "Ns changes", "counter inc.",
)  # fmt: skip

TECHNIQUES = {
    "Open Circuit Voltage": "OCV",
    "Linear Sweep Voltammetry": "LSV",
    "Cyclic Voltammetry": "CV",
    "Cyclic Voltammetry Advanced": "CVA",
    "Chronoamperometry / Chronocoulometry": "CA",
    "Chronoamperometry": "CA",
    "Chronopotentiometry": "CP",
    "Potentio Electrochemical Impedance Spectroscopy": "PEIS",
    "Galvano Electrochemical Impedance Spectroscopy": "GEIS",
    "Staircase Potentio Electrochemical Impedance Spectroscopy": "SPEIS",
    "Staircase Galvano Electrochemical Impedance Spectroscopy": "SGEIS",
    "Galvanostatic Cycling with Potential Limitation": "GCPL",
    **{f"Galvanostatic Cycling with Potential Limitation {number}": f"GCPL{number}" for number in range(2, 8)},
    "Battery Capacity Determination": "BCD",
    "Constant Voltage": "CstV",
    "Constant Current": "CstC",
    "Modulo Bat": "MB",
    "Modular Potentio": "MP",
    "Modular Galvano": "MG",
    "IR compensation (PEIS)": "ZIR",
    "Wait": "WAIT",
    "Loop": "LOOP",
}
"""The title in a text file's header → the short name that EC-Lab writes into the names of its files."""

_IN_NAMES = {*TECHNIQUES.values(), "PCGA", "VASP", "LASV"}
_NUMBERED = re.compile(r"_\d{2}_([A-Za-z][A-Za-z0-9]*)(?=_|$)")


def plain_name(name: str) -> str:
    """A column's name with one spelling of µ and of averages."""
    name = name.strip().strip('"').replace("Âµ", "µ").replace("μ", "µ").replace("\ufffd", "µ")
    return _SPELT.get(name, name)


def is_known(name: str) -> bool:
    """Whether a cell of a header is one of the columns that EC-Lab's tables are recognised by."""
    name = plain_name(name)
    base = name.split("/")[0]
    return name in _GENERAL or ("/" in name and base in (*CELL, *WORKING, *COUNTER, "<I>", "control", "dq", "(Q-Qo)"))


def first_column(named: Mapping[str, np.ndarray], bases: Sequence[str], unit: str) -> np.ndarray | None:
    """The first of these columns that holds a number, (n,) in the unit without prefix."""
    for base in bases:
        for prefix, factor in _PREFIXES.items():
            column = named.get(f"{base}/{prefix}{unit}")
            if column is not None and np.isfinite(column).any():
                return column.astype(float) * factor if factor != 1.0 else np.asarray(column, dtype=float)
    return None


def spellings(bases: Sequence[str], unit: str) -> set[str]:
    """The names under which :func:`first_column` looks for these columns."""
    return {f"{base}/{prefix}{unit}" for base in bases for prefix in _PREFIXES}


def technique_of(name: str) -> str:
    """The technique in a file's name as EC-Lab forms it (``…_02_PEIS_C05.mpr``), or nothing.

    The word after the technique's number counts before any other, for samples are called ``CV`` and ``CP`` too.
    """
    stem = Path(name).stem
    words = [*_NUMBERED.findall(stem)[::-1], *re.split(r"[_\s.]+", stem)[::-1]]
    short = {known.upper(): known for known in _IN_NAMES}
    return next((short[word.upper()] for word in words if word.upper() in short), "")
