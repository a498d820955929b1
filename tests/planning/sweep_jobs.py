"""Jobs for worker processes: slow enough to be killed in the middle, or deadly by themselves."""

from __future__ import annotations

import os
import time
from pathlib import Path


def take_time(number: int, folder: str) -> int:
    """The square, after leaving a note of who works on it."""
    (Path(folder) / f"{number}.{os.getpid()}").touch()
    time.sleep(0.2)
    return number**2


def die_at_five(number: int) -> int:
    """The square, of five nobody's."""
    if number == 5:
        os._exit(1)
    return number**2


def busy_process(folder: Path) -> int:
    """The process that wrote the latest note."""
    latest = max(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    return int(latest.suffix[1:])
