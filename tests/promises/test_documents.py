"""Generated pages are those that the code gives today; the pages and what they point at exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def generated(name: str) -> str:
    """The page as a fresh interpreter makes it: other tests of the same process may have used the commands."""
    code = f"import generate, sys; sys.stdout.reconfigure(encoding='utf-8'); print(generate.PAGES[{name!r}](), end='')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT / "docs", capture_output=True, timeout=120, check=True)
    return done.stdout.decode("utf-8")


@pytest.mark.parametrize("name", ["nomenclature.md", "command_line.md", "thresholds.md"])
def test_generated_pages_are_fresh(name):
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == generated(name), "run docs/generate.py"


def test_every_threshold_has_a_reason():
    rows = re.findall(r"^\| `(.+)` \| (.+) \| (.*) \|$", generated("thresholds.md"), re.M)
    assert len(rows) > 40
    assert [name for name, _, reason in rows if not reason.strip()] == []


@pytest.mark.parametrize("page", sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]), ids=lambda path: path.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if not target.startswith(("http:", "https:", "mailto:")):
            assert (page.parent / target).exists(), f"{page.name} points at {target}"
