"""Any result to plain data (JSON, rows) and provenance: what was read, by which version, with which options.

The JSON of rampion holds SI units, ``null`` for what is not known, and stable keys: the field names of the records.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from rampion.estimate import Estimate, Flag


def to_plain(item: Any) -> Any:
    """The item as dictionaries, lists, numbers and text; NaN and infinity become ``None``.

    An :class:`~rampion.estimate.Estimate` becomes ``{"value", "std", "interval"}`` (with ``"flags"`` when it has
    any), a flag ``{"code", "severity", "message"}``, a complex array ``{"real", "imag"}``.
    """
    if item is None or isinstance(item, bool | str | int):
        return item.value if isinstance(item, Enum) else item
    if isinstance(item, Enum):
        return item.value
    if isinstance(item, float | np.floating):
        return float(item) if math.isfinite(item) else None
    if isinstance(item, np.integer | np.bool_):
        return item.item()
    if isinstance(item, np.ndarray):
        if np.iscomplexobj(item):
            return {"real": to_plain(np.real(item)), "imag": to_plain(np.imag(item))}
        if item.dtype.kind == "f" and item.ndim == 1 and np.isfinite(item).all():
            return item.tolist()
        return [to_plain(value) for value in item]
    if isinstance(item, complex | np.complexfloating):
        return {"real": to_plain(np.real(item)), "imag": to_plain(np.imag(item))}
    if isinstance(item, Estimate):
        plain = {
            "value": to_plain(item.value),
            "std": to_plain(item.std),
            "interval": [to_plain(item.low), to_plain(item.high)],
        }
        return plain | ({"flags": to_plain(item.flags)} if item.flags else {})
    if isinstance(item, Flag):
        return {"code": item.code, "severity": item.severity.value, "message": item.message}
    if is_dataclass(item) and not isinstance(item, type):
        return {f.name: to_plain(getattr(item, f.name)) for f in fields(item) if not f.name.startswith("_")}
    if isinstance(item, Mapping):
        return {str(key): to_plain(value) for key, value in item.items()}
    if isinstance(item, Path):
        return str(item)
    if isinstance(item, Iterable):
        return [to_plain(value) for value in item]
    raise TypeError(f"no plain form for {type(item).__name__}")


def to_json(item: Any, indent: int | None = 2) -> str:
    """The item as one JSON text (SI units, no NaN)."""
    return json.dumps(to_plain(item), indent=indent, ensure_ascii=False, allow_nan=False)


def file_hash(path: Path | str) -> str:
    """SHA-256 of the file's bytes, in hexadecimal."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def provenance(options: Mapping[str, Any], files: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What a result rests on: rampion's version, the libraries', the options, the files with their hashes, the date."""
    import platform
    from importlib.metadata import PackageNotFoundError, version

    def installed(name: str) -> str | None:
        try:
            return version(name)
        except PackageNotFoundError:
            return None

    libraries = {name: installed(name) for name in _LIBRARIES}
    return {
        "software": {"rampion": installed("rampion"), "python": platform.python_version()}
        | {name: number for name, number in libraries.items() if number},
        "options": to_plain(options),
        "files": dict(files or {}),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


_LIBRARIES = ("numpy", "scipy", "jax", "datalab-org-galvani", "fastnda", "zahner-analysis", "polars")


@cache
def code_digest(*places: str) -> str:
    """SHA-256 of rampion's own source and of the versions its numbers rest on: what a kept result depends on.

    With ``places`` (files or folders of the package) only of those, and of the numerical libraries.
    """
    root = Path(__file__).parent
    software = provenance({})["software"]
    if places:
        software = {name: software.get(name) for name in ("rampion", "numpy", "scipy", "jax")}
    digest = hashlib.sha256(repr(sorted(software.items())).encode())
    for place in places or ("",):
        for file in sorted((root / place).rglob("*.py")) if (root / place).is_dir() else [root / place]:
            digest.update(file.read_bytes())
    return digest.hexdigest()


def cache_folder() -> Path:
    """Where rampion keeps what it can compute again: ``$RAMPION_CACHE``, or ``rampion`` in the user's cache folder."""
    if "RAMPION_CACHE" in os.environ:
        return Path(os.environ["RAMPION_CACHE"])
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA", str(Path.home() / "AppData" / "Local"))) / "rampion" / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))) / "rampion"
