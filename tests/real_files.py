"""Where the tests find files that real instruments wrote; they are not part of the project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

FOLDER = Path(os.environ.get("RAMPION_TEST_DATA") or Path(__file__).parents[2] / "shared" / "data" / "real")


_READ_BY = {
    ".mpr": ("galvani", "biologic"), ".nda": ("fastnda", "neware"), ".ndax": ("fastnda", "neware"),
    ".ism": ("zahner_analysis", "zahner"), ".isw": ("zahner_analysis", "zahner"), ".isc": ("zahner_analysis", "zahner"),
}  # fmt: skip


def real_file(name: str) -> Path:
    """The real file of that name below the data folder; the test is skipped where it, or its extra, is absent."""
    path = FOLDER / name
    if path.suffix.lower() in _READ_BY:
        library, extra = _READ_BY[path.suffix.lower()]
        pytest.importorskip(library, reason=f"needs the extra rampion[{extra}]")
    if not path.is_file():
        pytest.skip(f"{name} is not at {FOLDER}; set RAMPION_TEST_DATA to the folder of real instrument files")
    return path
