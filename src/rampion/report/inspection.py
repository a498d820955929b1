"""What files hold, as text for the terminal: block by block for one, a line each for the files of a folder."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rampion.estimate import Flag
from rampion.quantities import quantity
from rampion.records import to_plain
from rampion.report.words import flag_lines
from rampion.units import show

if TYPE_CHECKING:
    from rampion.readers.overview import RunOverview

_HEADINGS = ("file or run", "format", "technique", "points", "V", "I", "f", "start", "rate")
_WIDEST = 44  # letters of a cell; longer names keep their end
_PREFIXES = ((1e6, 1e-6, "M"), (1e3, 1e-3, "k"), (1.0, 1.0, ""), (1e-3, 1e3, "m"), (1e-6, 1e6, "µ"), (0.0, 1e9, "n"))


def inspection_text(entry: Mapping[str, Any]) -> str:
    """What a file holds, block by block."""
    if "error" in entry:
        return f"{entry['file']}\n  {entry['error']['message']}"
    lines = [f"{entry['file']}   {entry['format']}   sha256 {entry['sha256'][:12]}…"]
    for number, block in enumerate(entry["blocks"], 1):
        spans = [_ends(block, key) for key in ("time", "potential", "current", "frequency") if key in block]
        ranges = ", ".join(spans)
        lines.append(
            f"  {number:>3}  {block['kind']:<9}{block.get('technique', ''):<22}{block['points']:>7} points   {ranges}"
        )
        lines += [f"       · {flag['message']}" for flag in block.get("flags", ())]
    lines += [f"  · {flag['message']}" for flag in entry["flags"]]
    return "\n".join(lines)


def _ends(block: Mapping[str, Any], key: str) -> str:
    unit = quantity(key)
    low, high = (unit.shown(end) for end in block[key])
    return f"{low:.4g} … {high:.4g} {unit.shown_unit}"


def describe_folder(folder: str, runs: Sequence[RunOverview], refused: Sequence[Flag]) -> dict[str, Any]:
    """The keys of ``rampion inspect FOLDER --json``."""
    return {"folder": folder, "runs": [_entry(run) for run in runs], "refused": to_plain(tuple(refused))}


def _entry(run: RunOverview) -> dict[str, Any]:
    plain = to_plain(run)
    plain["techniques"] = dict(run.techniques)
    plain["start_time"] = _moment(run.start) or None
    return plain


def folder_table(folder: str, runs: Sequence[RunOverview], refused: Sequence[Flag]) -> str:
    """A line for every file or run of a folder; then what was refused."""
    rows = [_HEADINGS, *(_cells(run) for run in runs)]
    shown = [place for place in range(len(_HEADINGS)) if place < 4 or any(row[place] for row in rows[1:])]
    widths = {place: max(len(row[place]) for row in rows) for place in shown}
    lines = [f"{Path(folder).resolve().name}: {len(runs)} files and runs, {len(refused)} files refused", ""]
    for row in rows:
        cells = (row[place].rjust(widths[place]) if place == 3 else row[place].ljust(widths[place]) for place in shown)
        lines.append("  ".join(cells).rstrip())
    return "\n".join([*lines, *([""] if refused else []), *flag_lines(refused, "")])


def _cells(run: RunOverview) -> tuple[str, ...]:
    name = run.files[0] if len(run.files) == 1 else f"{run.name} ({len(run.files)} files)"
    techniques = ", ".join(f"{each} ×{count}" if count > 1 else each for each, count in run.techniques)
    return (
        _short(name) + (" [synthetic]" if run.synthetic else ""),
        run.format.replace("_", " "),
        _short(techniques),
        str(run.points),
        _range(run.potential, "V"),
        _range(run.current, "A"),
        _range(run.frequency, "Hz"),
        _moment(run.start).replace("T", " ")[:16],
        show(run.rate, "scan_rate") if math.isfinite(run.rate) else "",
    )


def _short(text: str) -> str:
    return text if len(text) <= _WIDEST else "…" + text[1 - _WIDEST :]


def _range(ends: tuple[float, float] | None, unit: str) -> str:
    """Both ends with one prefix, that of the larger."""
    if ends is None:
        return ""
    if unit == "Hz":  # spans decades: each end has its own
        return " … ".join(show(end, "frequency") for end in ends)
    largest = max(map(abs, ends))
    factor, prefix = next((factor, prefix) for least, factor, prefix in _PREFIXES if largest >= least)
    low, high = (end * factor for end in ends)
    return f"{low:.4g} … {high:.4g} {prefix}{unit}"


def _moment(start: float) -> str:
    """The instrument's clock as it read."""
    if not math.isfinite(start):
        return ""
    return datetime.fromtimestamp(start, UTC).replace(tzinfo=None).isoformat(timespec="seconds")
