"""Rows of a parameter sweep kept on disk as they are done: one file per chunk, which proves itself whole.

A file is written under another name and then renamed, so that it is there wholly or not at all. Its name is the SHA-256
of its rows' keys, and it holds the SHA-256 of its rows: a file that was cut, altered or renamed is not believed, and
what it held is simulated again. A row is known by its key, so that it counts once in however many files it stands.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from rampion.equality import equal_by_value
from rampion.estimate import Flag, Severity
from rampion.file_writing import remove_leftovers, write_file
from rampion.records import to_json, to_plain

_MANIFEST = "manifest.json"


@equal_by_value
@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one simulated ramp showed (SI), NaN where there is none: its peak, its largest and its limiting current
    density, and what the simulation had to say."""

    peak_current_density: float = math.nan
    peak_potential: float = math.nan
    peak_charge: float = math.nan
    largest_current_density: float = math.nan
    limiting_current_density: float = math.nan
    flags: tuple[Flag, ...] = ()


NUMBERS = tuple(f.name for f in fields(Row) if f.name != "flags")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Rows by their keys, the files they stand in with how many rows each has, and how many files were damaged."""

    rows: Mapping[str, Row] = field(default_factory=dict)
    files: Mapping[str, int] = field(default_factory=dict)
    damaged: int = 0


def write_chunk(folder: Path, rows: Mapping[str, Row]) -> Path:
    """Keep rows under their keys; returns the file."""
    plain = {key: to_plain(row) for key, row in rows.items()}
    path = folder / f"{_name(rows)}.json"
    return write_file(path, to_json({"synthetic": True, "sha256": _digest(plain), "rows": plain}, None) + "\n")


def read_chunks(folder: Path) -> Kept:
    """Every row of the folder; files that its manifest names and that cannot be trusted are counted, and replaced when
    their rows are written again."""
    rows: dict[str, Row] = {}
    files: dict[str, int] = {}
    remove_leftovers(folder)
    for path in sorted(folder.glob("*.json")):
        if len(path.stem) != 64:  # the manifest, or none of ours
            continue
        try:
            content = json.loads(path.read_bytes())
            plain = content["rows"]
            if content["sha256"] != _digest(plain) or path.stem != _name(plain):
                continue
            found = {key: _row(one) for key, one in plain.items()}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OSError):  # cut, of another kind
            continue
        rows |= found
        files[path.name] = len(found)
    return Kept(rows=rows, files=files, damaged=len(_named(folder) - set(files)))


def _named(folder: Path) -> set[str]:
    """The files that the folder's manifest names; none where it cannot be read."""
    try:
        chunks = json.loads((folder / _MANIFEST).read_bytes())["chunks"]
        return {str(chunk["file"]) for chunk in chunks}
    except (ValueError, KeyError, TypeError, RecursionError, OSError):
        return set()


def write_manifest(
    folder: Path, sweep: Mapping[str, Any], simulations: int, done: int, files: Mapping[str, int]
) -> None:
    """``manifest.json``: how many of the simulations are done, and which files hold how many rows.

    For people and for what watches over a run; the files themselves are what counts.
    """
    chunks = [{"file": name, "rows": count} for name, count in sorted(files.items())]
    told = {"synthetic": True, "sweep": sweep, "simulations": simulations, "done": done, "chunks": chunks}
    write_file(folder / _MANIFEST, to_json(told) + "\n")


def _name(keys: Mapping[str, Any]) -> str:
    return hashlib.sha256("".join(keys).encode()).hexdigest()


def _digest(plain: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(plain, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _row(plain: Mapping[str, Any]) -> Row:
    numbers = {name: math.nan if plain[name] is None else float(plain[name]) for name in NUMBERS}
    flags = tuple(Flag(one["code"], Severity(one["severity"]), one["message"]) for one in plain["flags"])
    return Row(**numbers, flags=flags)
