"""``overrides.toml``: what a person decided of a campaign's data in place of the software, each with its reason.

::

    [[override]]
    sample = "S014"
    reason = "the first maximum is a change of the current range"
    by = "initials"            # optional
    sweep = 1                  # or: spectrum = 3; without either, all of the sample
    verdict = "limiting_peak"
    at = "0.32 V"
    ohmic_window = ["5 mV", "40 mV"]
    # exclude = true
    # circuit = "R0-p(R1,CPE1)"
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from rampion.errors import InputError
from rampion.measurement import Override
from rampion.units import parse_quantity

FILE = "overrides.toml"
_KEYS = tuple(f.name for f in fields(Override))
_DECISIONS = ("exclude", "verdict", "at", "ohmic_window", "circuit")
_OF_SWEEPS = ("verdict", "at", "ohmic_window")
_KINDS = {"sample": str, "reason": str, "by": str, "verdict": str, "circuit": str, "exclude": bool}


def find_overrides(folder: Path | str) -> tuple[Override, ...]:
    """The overrides of a campaign's folder; none when it holds no ``overrides.toml``."""
    path = Path(folder) / FILE
    return read_overrides(path) if path.is_file() else ()


def read_overrides(path: Path | str) -> tuple[Override, ...]:
    """The overrides of that file.

    Raises
    ------
    InputError
        When the file is no TOML, an entry lacks sample, reason or a decision, or a key or value is not known; the
        sentence names the entry.
    """
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path.name} could not be opened ({error.strerror}); check the path.") from None
    except RecursionError:
        raise InputError(f"{path.name} nests its brackets without end; expected [[override]] entries.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name} is not TOML in UTF-8: {error}.") from None
    entries = content.pop("override", [])
    if content or not isinstance(entries, list):
        found = ", ".join(map(repr, content)) or "'override' that is no list"
        raise InputError(f"{path.name} holds {found}; expected entries that begin with [[override]].")
    return tuple(_override(entry, f"{path.name}, entry {number}") for number, entry in enumerate(entries, 1))


def _override(entry: Mapping[str, Any], place: str) -> Override:
    unknown = [key for key in entry if key not in _KEYS]
    if unknown:
        raise InputError(f"{place}: {unknown[0]!r} is not known; expected {', '.join(_KEYS)}.")
    for key in ("sample", "reason"):
        if not str(entry.get(key, "")).strip():
            raise InputError(f"{place} has no {key}; every override names its sample and its reason.")
    for key, kind in _KINDS.items():
        if key in entry and not isinstance(entry[key], kind):
            raise InputError(
                f"{place}: {key} is {entry[key]!r}; expected {'true or false' if kind is bool else 'text'}."
            )
    if not any(entry.get(key) for key in _DECISIONS):
        raise InputError(f"{place} decides nothing; expected one of {', '.join(_DECISIONS)}.")
    if "sweep" in entry and "spectrum" in entry:
        raise InputError(f"{place} names a sweep and a spectrum; write an entry for each.")
    if "spectrum" in entry and any(key in entry for key in _OF_SWEEPS):
        raise InputError(f"{place} is about a spectrum; verdict, at and ohmic_window belong to a sweep.")
    if "sweep" in entry and "circuit" in entry:
        raise InputError(f"{place} is about a sweep; a circuit belongs to spectra.")
    numbers = {key: _number(entry[key], f"{place}: {key}") for key in ("sweep", "spectrum") if key in entry}
    potentials: dict[str, Any] = {}
    if "at" in entry:
        potentials["at"] = _potential(entry["at"], f"{place}: at")
    if "ohmic_window" in entry:
        potentials["ohmic_window"] = _window(entry["ohmic_window"], f"{place}: ohmic_window")
    return Override(**{**entry, **numbers, **potentials})


def _number(value: object, place: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InputError(f"{place} is {value!r}; expected a whole number from 1.")
    return value


def _potential(value: object, place: str) -> float:
    if not isinstance(value, str):
        raise InputError(f"{place} is {value!r}; expected a potential with its unit, such as '0.32 V'.")
    try:
        return parse_quantity(value, "potential").value
    except InputError as error:
        raise InputError(f"{place}: {error}") from None


def _window(value: object, place: str) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) != 2:
        raise InputError(f"{place} is {value!r}; expected two potentials, such as ['5 mV', '40 mV'].")
    low, high = (_potential(one, place) for one in value)
    if not low < high:
        raise InputError(f"{place} runs from {low:g} V to {high:g} V; expected the lower potential first.")
    return low, high
