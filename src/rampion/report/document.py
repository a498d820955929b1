"""The report as plain data: sections of sentences, tables and figures. HTML and PDF print the same document.

A document is dictionaries, lists and text throughout, so that it can be stored (``report.json``) and printed again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rampion.quantities import QUANTITIES, quantity
from rampion.units import show
from rampion.voltammetry.finding import VERDICT_WORDS, Verdict

if TYPE_CHECKING:
    from rampion.estimate import Estimate
    from rampion.report.panels import Picture

_MEASURED = {
    "return_sweep": "sweep back", "later_sweep": "next sweep", "later_current": "next constant current",
    "same_current": "rest of the record",
    "spectrum": "last spectrum",
}  # fmt: skip
Table = dict[str, Any]
Section = dict[str, Any]


def section(name: str, title: str, **parts: Any) -> Section:
    """One section: ``text`` sentences, ``tables``, ``figures`` (see :func:`figure`), ``flags``."""
    return {"id": name, "title": title, "text": [], "tables": [], "figures": [], "flags": []} | parts


def table(header: Sequence[str], rows: Sequence[Sequence[Any]], title: str = "", note: str = "") -> Table:
    """One table; a cell may be ``marked(text, mark)`` or ``linked(text, target)``."""
    return {"header": list(header), "rows": [list(row) for row in rows], "title": title, "note": note}


def figure(picture: Picture) -> dict[str, Any]:
    """A figure whose drawing and data stand in ``figures/`` under its name."""
    caption = picture.caption
    if picture.form:
        caption += f" The form of {picture.form} in arXiv:2110.13399."
    return {"name": picture.name, "caption": caption, "wide": picture.wide, "data": bool(picture.data)}


def marked(text: str, mark: str) -> dict[str, str]:
    """A cell with a colour: a verdict."""
    return {"text": text, "mark": mark}


def linked(text: str, target: str) -> dict[str, str]:
    """A cell that leads to a page beside the report, or to a publication."""
    return {"text": text, "target": target}


def source_cell(source: str) -> Any:
    """A DOI or arXiv number as a link, other text as it is."""
    if source.startswith("10."):
        return linked(source, f"https://doi.org/{source}")
    if source.startswith("arXiv:"):
        return linked(source, f"https://arxiv.org/abs/{source.removeprefix('arXiv:')}")
    return source or "–"


def verdict_cell(finding: Mapping[str, Any]) -> dict[str, str]:
    """A sample's verdict in words; of a penetration, whether what came after it confirms it."""
    words, after = VERDICT_WORDS[finding["verdict"]], finding.get("aftermath")
    if after:
        words = f"{words}, {'confirmed' if after['confirmed'] else 'probable'}"
    return marked(words, finding["verdict"])


def aftermath_words(before: Estimate | None, remaining: Estimate | None, by: str | None, confirmed: bool) -> str:
    """What confirms a penetration, or why it is only probable; resistances in Ω."""
    first = f"{number(before, 'resistance')} before"
    if by is None:
        return f"probable: nothing measured the resistance afterwards ({first})"
    left = f"{number(remaining, 'resistance')} in the {_MEASURED[by]}, {first}"
    return f"confirmed: {left}" if confirmed else f"probable: the resistance came back, {left}"


def confidence_cell(finding: Mapping[str, Any]) -> str:
    """How sure a verdict is; one that a person chose has no confidence, nor has a record that was not judged."""
    if not Verdict(finding["verdict"]).judged:
        return "–"
    confidence = finding["confidence"]
    return "chosen" if confidence is None else f"{confidence:.2f}"


def odds_words(odds: Mapping[str, Any]) -> str:
    """The evidence against the best rival, and the base rates of both."""
    own, other, factor = odds["base_rate"], odds["rival_base_rate"], odds["log_bayes_factor"]
    if odds["rival"] is None or factor is None:
        return f"base rate {own:.1%}, mean of the others {other:.1%}; no Bayes factor against another verdict"
    rival = VERDICT_WORDS[odds["rival"]]
    return f"ln Bayes factor {factor:.3g} against {rival}; base rates {own:.1%} and {other:.1%}"


def limited_words(mechanism: Sequence[Mapping[str, Any]], course: Sequence[Mapping[str, Any]]) -> str:
    """What limits a current with its probability, and what else shaped it until then."""
    words = ", ".join(f"{one['mechanism']} {one['probability']:.2f}" for one in mechanism if one["probability"] >= 0.01)
    named = {one["mechanism"] for one in mechanism}
    beside = [one for one in course[:1] if one["mechanism"] not in {*named, "ohmic"} and one["probability"] >= 0.5]
    return words + "".join(f"; before it {one['mechanism']} {one['probability']:.2f}" for one in beside)


def number(estimate: Estimate | None, name: str) -> str:
    """An estimate in the laboratory's unit, an en dash when there is none."""
    return "–" if estimate is None else show(estimate, name)


def bare(estimate: Estimate | None, name: str) -> str:
    """The same without its unit, for a column whose header has it."""
    return number(estimate, name).removesuffix(f" {quantity(name).shown_unit}")


def interval(entry: Mapping[str, Any], name: str | None = None, digits: int = 3, factor: float = 1.0) -> str:
    """``value [low, high]`` of plain data, in the laboratory's unit when the quantity is known, else times a factor."""
    known = quantity(name) if name in QUANTITIES else None

    def told(value: float | None) -> str:
        if value is None:
            return "?"
        return power(f"{known.shown(value) if known else value * factor:.{digits}g}")

    low, high = entry["interval"]
    unit = f" {known.shown_unit}" if known and known.shown_unit else ""
    ends = f" [{told(low)}, {told(high)}]" if low is not None or high is not None else ""
    return f"{told(entry['value'])}{ends}{unit}"


def power(text: str) -> str:
    """``1.2e-07`` as people write it: ``1.2·10⁻⁷``; minus signs as wide as plus."""
    mantissa, e, exponent = text.partition("e")
    mantissa = mantissa.replace("-", "−")
    if not e:
        return mantissa
    raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{mantissa}·10{raised}"


def gathered(flags: Iterable[tuple[str, Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Flags of many samples, one entry per kind: an example sentence and the samples it concerns, gravest first."""
    order = {"invalid": 0, "warning": 1, "note": 2}
    kinds: dict[str, dict[str, Any]] = {}
    for name, flag in flags:
        kind = kinds.setdefault(flag["code"], {**flag, "samples": []})
        if name not in kind["samples"]:
            kind["samples"].append(name)
    return sorted(kinds.values(), key=lambda kind: (order[kind["severity"]], -len(kind["samples"])))
