"""What was analysed before, kept under the SHA-256 of all it depends on; a cache that fails costs time, never the run.

An entry that is cut, altered, foreign or of another version is not believed, one that cannot be written is not kept.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rampion.errors import RampionError
from rampion.file_writing import remove_leftovers, write_file
from rampion.records import cache_folder
from rampion.study.record_bytes import from_bytes, to_bytes

MOST_BYTES = 2_000_000_000  # of kept results; those not used for the longest time go first
_ENTRY = re.compile(r"[0-9a-f]{64}\.records")
_COMPILED = re.compile(r"jit_.+-(cache|atime)")  # what JAX keeps of the compiled simulator


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheSize:
    """Where the cache is, how many analyses it holds, and the bytes of these and of the compiled simulator."""

    folder: Path
    analyses: int
    bytes: int


def holds(key: str) -> bool:
    """Whether something is kept under this key; it may prove damaged when it is taken."""
    return _place(key).is_file()


def take(key: str) -> Any | None:
    """The record kept under this key, ``None`` where there is none that can be believed."""
    place = _place(key)
    try:
        record = from_bytes(place.read_bytes())
    except (OSError, ValueError, MemoryError):
        return None
    with suppress(OSError):
        os.utime(place)
    return record


def keep(key: str, record: Any) -> None:
    """Keep the record under this key, where that is possible."""
    with suppress(OSError, RampionError, TypeError):
        write_file(_place(key), to_bytes(record))


def make_room(most: int = MOST_BYTES) -> None:
    """Let the oldest entries go until the rest is within the limit."""
    with suppress(OSError):
        remove_leftovers(_folder())
        entries = sorted(((one.stat().st_mtime, one.stat().st_size, one) for one in _entries()), reverse=True)
        total = 0
        for _, size, entry in entries:
            total += size
            if total > most:
                entry.unlink(missing_ok=True)


def measure() -> CacheSize:
    """How large the cache is, and where."""
    entries, compiled = list(_entries()), list(_compiled())
    size = sum(one.stat().st_size for one in [*entries, *compiled])
    return CacheSize(folder=cache_folder(), analyses=len(entries), bytes=size)


def clear() -> CacheSize:
    """Remove everything that rampion keeps there, and nothing else; returns what there was."""
    before = measure()
    remove_leftovers(_folder())
    for place in [*_entries(), *_compiled()]:
        place.unlink(missing_ok=True)
    former = cache_folder() / "samples" / "joblib"  # of version 0.1.0, which is not read any more
    if former.is_dir() and not former.is_symlink():
        shutil.rmtree(former)
    return before


def _folder() -> Path:
    return cache_folder() / "analyses"


def _place(key: str) -> Path:
    return _folder() / f"{key}.records"


def _entries() -> Iterator[Path]:
    return (one for one in _folder().glob("*.records") if _ENTRY.fullmatch(one.name))


def _compiled() -> Iterator[Path]:
    return (one for one in (cache_folder() / "jax").glob("jit_*") if _COMPILED.fullmatch(one.name))
