"""Figures to files: SVG for papers and the report, PNG for slides and quick looks."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LONGEST_LINE = 100  # letters, about as many as fit beside each other on a figure
FONTS = "'DejaVu Sans', Arial, Helvetica, sans-serif"


def save(figure: Figure, stem: Path, formats: tuple[str, ...] = ("svg", "png")) -> list[Path]:
    """Write the figure once per format; returns the files written."""
    as_written(figure)
    written = []
    for suffix in formats:
        path = stem.with_name(f"{stem.name}.{suffix}")
        if suffix == "svg":
            content = svg(figure).encode()
        else:
            stream = io.BytesIO()
            figure.savefig(stream, format=suffix, dpi=200)
            content = stream.getvalue()
        path.write_bytes(content)
        written.append(path)
    return written


def as_written(figure: Figure) -> None:
    """Show names of samples as they are: a dollar is no formula, and a very long name is cut in its middle."""
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        content = text.get_text()
        if "$" in content and "\\mathdefault" not in content:  # that is how matplotlib writes powers of ten
            text.set_parse_math(False)
        if max(map(len, content.splitlines()), default=0) > LONGEST_LINE:
            half = LONGEST_LINE // 2 - 1
            lines = (
                one if len(one) <= LONGEST_LINE else f"{one[:half]} … {one[-half:]}" for one in content.splitlines()
            )
            text.set_text("\n".join(lines))


def svg(figure: Figure) -> str:
    """The figure as one SVG element: its letters stay letters, to be searched and edited, and the same figure gives
    the same text."""
    from matplotlib import rc_context

    as_written(figure)
    stream = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "rampion"}):
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = re.sub(r' id="[A-Za-z0-9.]+_\d+"', "", text)  # groups that nothing points at; unique on a page of many
    text = re.sub(r"font-family: [^;\"]*;? ?", "", text)
    text = re.sub(r' (?:d|x|y|points)="[^"]*"', _shorter, text)
    text = re.sub(r"\n +", "\n", text)
    return text.replace("<svg ", f'<svg font-family="{FONTS}" ', 1)


def _shorter(match: re.Match[str]) -> str:
    """Coordinates to a hundredth of a point, finer than any printer."""
    return re.sub(r"(\.\d\d)\d+", r"\1", match[0]).replace("\n", "")
