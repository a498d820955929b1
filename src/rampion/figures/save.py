"""Figures to files: SVG for papers and the report, PNG for slides and quick looks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save(figure: Figure, stem: Path, formats: tuple[str, ...] = ("svg", "png")) -> list[Path]:
    """Write the figure once per format; returns the files written."""
    written = []
    for suffix in formats:
        path = stem.with_name(f"{stem.name}.{suffix}")
        figure.savefig(path, dpi=200, metadata={"Date": None} if suffix == "svg" else None)
        written.append(path)
    return written
