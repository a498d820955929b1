"""A document as one HTML page: self-contained, without network or script, light on the screen and on paper."""

from __future__ import annotations

import base64
import functools
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any


def render(content: Mapping[str, Any], figures: Path, home: str = "") -> str:
    """The page of a document (see :mod:`rampion.report.document`), with its drawings and data from ``figures``.

    ``home`` is the page it leads back to.
    """

    def drawing(name: str) -> str:
        return (figures / f"{name}.svg").read_text(encoding="utf-8")

    def data(name: str, suffix: str) -> str:
        return base64.b64encode((figures / f"{name}.{suffix}").read_bytes()).decode()

    return _template().render(content, drawing=drawing, data=data, home=home)


@functools.cache
def _template() -> Any:
    import jinja2

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(resources.files("rampion.report").joinpath("page.html").read_text("utf-8"))
