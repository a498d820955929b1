"""The report's document on paper, set by typst: vector figures, tables that break across pages, letters that can be
searched. Typst is an extra; it brings its own engine and needs nothing from the system."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any

from rampion.errors import RefusedError


def set_pdf(content: Mapping[str, Any], folder: Path) -> bytes:
    """The report on paper; ``folder`` holds ``report.json`` and ``figures/``.

    Raises
    ------
    RefusedError
        When typst is not installed.
    """
    typst = engine()
    import matplotlib

    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return typst.compile(
        resources.files("rampion.report").joinpath("report.typ").read_bytes(),
        root=str(folder.resolve()), font_paths=[str(fonts)], ignore_system_fonts=True,
        timestamp=datetime.fromisoformat(content["provenance"]["created"]),
    )  # fmt: skip


def engine() -> Any:
    """The typesetting library, or the sentence that says what to install."""
    try:
        import typst
    except ImportError:
        raise RefusedError("A PDF needs the library typst; install it with: pip install 'rampion[pdf]'.") from None
    return typst
