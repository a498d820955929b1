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
    masked = ["0.41 V", "0.43 V"]      # not judged; several: [["0.41 V", "0.43 V"], ["620 s", "660 s"]]
    current_limit = "1 mA"             # of the instrument
    # exclude = true
    # of spectra:
    # circuit = "R0-p(R1,CPE1)"
    # fmin = "10 Hz"; fmax = "1 MHz"  # points outside are left out
    # masked = ["45 Hz", "55 Hz"]
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from rampion.errors import InputError
from rampion.measurement import Masked, MaskedBy, Override
from rampion.units import parse_quantity

FILE = "overrides.toml"
_KEYS = tuple(f.name for f in fields(Override))
_OF_SWEEPS = ("verdict", "at", "ohmic_window", "current_limit")
_OF_SPECTRA = ("circuit", "fmin", "fmax")
_DECISIONS = ("exclude", *_OF_SWEEPS, *_OF_SPECTRA, "masked")
_EXAMPLES = {  # of each quantity that an entry may hold: one value, what several are called, a window, the unit
    "potential": ("0.32 V", "potentials", "['5 mV', '40 mV']", "V"),
    "time": ("620 s", "times", "['620 s', '660 s']", "s"),
    "frequency": ("10 Hz", "frequencies", "['45 Hz', '55 Hz']", "Hz"),
    "current": ("1 mA", "currents", "['1 mA', '2 mA']", "A"),
}
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
    masked = _masked(entry["masked"], f"{place}: masked") if "masked" in entry else ()
    spectral = [stretch.by is MaskedBy.FREQUENCY for stretch in masked]
    if "spectrum" in entry and (any(key in entry for key in _OF_SWEEPS) or not all(spectral)):
        raise InputError(
            f"{place} is about a spectrum; {', '.join(_OF_SWEEPS)} and masked potentials or times belong to a sweep."
        )
    if "sweep" in entry and (any(key in entry for key in _OF_SPECTRA) or any(spectral)):
        raise InputError(
            f"{place} is about a sweep; {', '.join(_OF_SPECTRA)} and masked frequencies belong to spectra."
        )
    numbers = {key: _number(entry[key], f"{place}: {key}") for key in ("sweep", "spectrum") if key in entry}
    values: dict[str, Any] = {"masked": masked}
    for key in ("fmin", "fmax"):
        if key in entry:
            values[key] = _quantity(entry[key], "frequency", f"{place}: {key}")
    if not 0 <= values.get("fmin", 0.0) < values.get("fmax", math.inf):
        raise InputError(
            f"{place}: fmin {entry.get('fmin', '0 Hz')} and fmax {entry.get('fmax', 'none')} are no window; expected "
            "fmin from 0 Hz and below fmax."
        )
    if "at" in entry:
        values["at"] = _quantity(entry["at"], "potential", f"{place}: at")
    if "current_limit" in entry:
        values["current_limit"] = _quantity(entry["current_limit"], "current", f"{place}: current_limit")
        if values["current_limit"] <= 0:
            raise InputError(f"{place}: current_limit is {entry['current_limit']!r}; expected a positive current.")
    if "ohmic_window" in entry:
        values["ohmic_window"] = _window(entry["ohmic_window"], "potential", f"{place}: ohmic_window")
    return Override(**{**entry, **numbers, **values})


def _number(value: object, place: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InputError(f"{place} is {value!r}; expected a whole number from 1.")
    return value


def _quantity(value: object, name: str, place: str) -> float:
    if not isinstance(value, str):
        raise InputError(f"{place} is {value!r}; expected a {name} with its unit, such as {_EXAMPLES[name][0]!r}.")
    try:
        return parse_quantity(value, name).value
    except InputError as error:
        raise InputError(f"{place}: {error}") from None


def _window(value: object, name: str, place: str) -> tuple[float, float]:
    _, plural, example, unit = _EXAMPLES[name]
    if not isinstance(value, list) or len(value) != 2:
        raise InputError(f"{place} is {value!r}; expected two {plural}, such as {example}.")
    low, high = (_quantity(one, name, place) for one in value)
    if not low < high:
        raise InputError(f"{place} runs from {low:g} {unit} to {high:g} {unit}; expected the lower one first.")
    return low, high


def _masked(value: object, place: str) -> tuple[Masked, ...]:
    """One window or a list of them, each of potentials, of times or of frequencies."""
    windows = value if isinstance(value, list) and value and isinstance(value[0], list) else [value]
    found = []
    for window in windows:
        ends = window if isinstance(window, list) else []
        texts = [one for one in ends if isinstance(one, str)]
        said = (by for by in (MaskedBy.TIME, MaskedBy.FREQUENCY) if any(_is_quantity(one, by.value) for one in texts))
        by = next(said, MaskedBy.POTENTIAL)
        low, high = _window(window, by.value, place)
        if by is MaskedBy.POTENTIAL and low < 0:
            raise InputError(f"{place} begins at {low:g} V; expected magnitudes of the cell voltage, from 0 V.")
        found.append(Masked(by, low, high))
    return tuple(found)


def _is_quantity(text: str, name: str) -> bool:
    try:
        parse_quantity(text, name)
    except InputError:
        return False
    return True
