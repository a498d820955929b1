"""Files to measurements: one instrument format one module, all with the same two functions."""

from __future__ import annotations

from rampion.readers.detect import read_file, recognise_format
from rampion.readers.flags import ReaderFlag

__all__ = ["ReaderFlag", "read_file", "recognise_format"]
