"""The report of a study: one self-contained HTML page that needs no network, printable, with its data inside."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import TYPE_CHECKING, Any

from rampion.quantities import QUANTITIES, quantity
from rampion.units import show
from rampion.voltammetry.finding import VERDICT_WORDS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from rampion.estimate import Estimate

Table = dict[str, Any]


def render(content: Mapping[str, Any]) -> str:
    """The page from its sections; see ``page.html`` for the keys."""
    import jinja2

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string(resources.files("rampion.report").joinpath("page.html").read_text("utf-8"))
    return template.render(content)


def embedded(
    figure: Figure, caption: str, data: Mapping[str, Sequence[float]] | None = None, name: str = ""
) -> dict[str, Any]:
    """A figure as vector graphics with its data as CSV and as Origin-ready text."""
    stream = io.BytesIO()
    figure.savefig(stream, format="svg", metadata={"Date": None})
    downloads = []
    if data:
        for label, text, suffix in (("CSV", _csv(data), "csv"), ("Origin", _origin(data), "txt")):
            downloads.append({"label": label, "name": f"{name}.{suffix}", "data": _coded(text.encode())})
    return {"svg": _coded(stream.getvalue()), "caption": caption, "downloads": downloads}


def _coded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _rows(data: Mapping[str, Sequence[float]], separator: str) -> str:
    rows = zip(*data.values(), strict=True)
    return "\n".join(separator.join(f"{value:.10g}" for value in row) for row in rows)


def _csv(data: Mapping[str, Sequence[float]]) -> str:
    return ",".join(data) + "\n" + _rows(data, ",") + "\n"


def _origin(data: Mapping[str, Sequence[float]]) -> str:
    """Three header rows: long name, unit, comment."""
    parts = [header.rsplit(" / ", 1) for header in data]
    names = "\t".join(part[0] for part in parts)
    units = "\t".join(part[1] if len(part) > 1 else "" for part in parts)
    return f"{names}\n{units}\n" + "\t".join("rampion" for _ in parts) + "\n" + _rows(data, "\t") + "\n"


def table(header: Sequence[str], rows: Sequence[Sequence[Any]], title: str = "", note: str = "") -> Table:
    """One table of the page; a cell may be ``marked(text, mark)``."""
    return {"header": list(header), "rows": [list(row) for row in rows], "title": title, "note": note}


def marked(text: str, mark: str) -> dict[str, str]:
    """A cell with a colour: a verdict."""
    return {"text": text, "mark": mark}


def verdict_cell(verdict: str) -> dict[str, str]:
    """A sample's verdict in words."""
    return marked(VERDICT_WORDS[verdict], verdict)


def number(estimate: Estimate | None, name: str) -> str:
    """An estimate in the laboratory's unit, an en dash when there is none."""
    return "–" if estimate is None else show(estimate, name)


def bare(estimate: Estimate | None, name: str) -> str:
    """The same without its unit, for a column whose header has it."""
    return number(estimate, name).removesuffix(f" {quantity(name).shown_unit}")


def interval(entry: Mapping[str, Any], name: str | None = None, digits: int = 3) -> str:
    """``value [low, high]`` of plain data, in the laboratory's unit when the quantity is known."""
    known = quantity(name) if name in QUANTITIES else None

    def told(value: float | None) -> str:
        if value is None:
            return "?"
        return f"{known.shown(value) if known else value:.{digits}g}"

    low, high = entry["interval"]
    unit = f" {known.shown_unit}" if known and known.shown_unit else ""
    ends = f" [{told(low)}, {told(high)}]" if low is not None or high is not None else ""
    return f"{told(entry['value'])}{ends}{unit}"
