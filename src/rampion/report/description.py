"""What a machine needs to find its way in a results folder: ``datapackage.json`` and ``ro-crate-metadata.json``.

The first (Data Package, https://datapackage.org) gives every table's columns with types and units; the second
(RO-Crate 1.2, https://w3id.org/ro/crate/1.2) ties results to the raw files' hashes, versions, options, and to author,
licence and description, which the sample sheet may state in columns of these names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rampion.records import to_json
from rampion.report.tables import TableFile

if TYPE_CHECKING:
    from rampion.study import Analysis

_SPECIFICATION = "https://w3id.org/ro/crate/1.2"
_STATED = {"author": ("author", "authors"), "licence": ("licence", "license"), "description": ("description",)}
# what licences are commonly called, and where their text stands
_LICENCES = {
    "cc-by-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "cc-by-sa-4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
    "cc0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "mit": "https://opensource.org/license/mit",
}
_ORCID = re.compile(r"(?:https?://orcid\.org/)?(\d{4}-\d{4}-\d{4}-\d{3}[\dX])")
_NO_LICENCE = {
    "@id": "#licence",
    "@type": "CreativeWork",
    "name": "No licence is stated",
    "description": "The sample sheet states no licence: nobody but the authors may use these results without asking.",
}


def write_package(analysis: Analysis, tables: Sequence[TableFile], folder: Path) -> Path:
    """``datapackage.json``: every table with its columns."""
    resources = [
        {
            "name": name,
            "type": "table",
            "path": table.path.relative_to(folder).as_posix(),
            "scheme": "file",
            "format": "csv",
            "mediatype": "text/csv",
            "encoding": "utf-8",
            "schema": {"fields": [dict(field) for field in table.fields]},
        }
        for name, table in zip(_names(table.path.stem for table in tables), tables, strict=True)
    ]
    path = folder / "datapackage.json"
    content = {"name": _names([analysis.name or "rampion"])[0], "resources": resources}
    path.write_text(to_json(content) + "\n", encoding="utf-8")
    return path


def _names(texts: Iterable[str]) -> list[str]:
    """Names as data packages allow them (small letters, digits, dots, hyphens), each once."""
    names: list[str] = []
    for number, text in enumerate(texts, 1):
        name = re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-.") or "table"
        names.append(name if name not in names else f"{name}-{number}")
    return names


def write_crate(analysis: Analysis, history: Mapping[str, Any], folder: Path, files: Sequence[Path]) -> Path:
    """``ro-crate-metadata.json``: what was made, by what, from which files, by whom, under which licence."""
    made = [_file(path, folder) for path in files]
    raw = [
        {"@id": f"#sha256-{digest}", "@type": "CreativeWork", "name": Path(source).name, "sha256": digest,
         "description": "A raw file that is not part of this folder; its SHA-256 tells which it is."}
        for source, digest in _once(history["files"])
    ]  # fmt: skip
    action = {
        "@id": "#analysis",
        "@type": "CreateAction",
        "name": "analysis by rampion",
        "instrument": {"@id": "#rampion"},
        "object": _references(raw),
        "result": _references(made),
        "endTime": history["created"],
        "description": f"options: {to_json(history['options'], None)}",
    }
    software = {
        "@id": "#rampion",
        "@type": "CreativeWork",
        "name": "rampion",
        "description": "The program that made these results.",
        "version": history["software"]["rampion"],
        "softwareRequirements": ", ".join(f"{name} {number}" for name, number in history["software"].items()),
    }
    stated = _stated(analysis)
    authors = [_person(text, number) for number, text in enumerate(stated["author"], 1)]
    licence = _licence(stated["licence"])
    root: dict[str, Any] = {
        "@id": "./",
        "@type": "Dataset",
        "name": analysis.name or "rampion analysis",
        "description": " ".join(stated["description"]) or _description(analysis),
        "datePublished": history["created"],
        "license": {"@id": licence["@id"]},
        "hasPart": _references(made),
        "mentions": {"@id": "#analysis"},
    }
    if authors:
        root["author"] = _references(authors)
    descriptor = {
        "@id": "ro-crate-metadata.json",
        "@type": "CreativeWork",
        "about": {"@id": "./"},
        "conformsTo": {"@id": _SPECIFICATION},
    }
    graph = [descriptor, root, licence, *authors, *made, *raw, action, software]
    path = folder / "ro-crate-metadata.json"
    path.write_text(to_json({"@context": f"{_SPECIFICATION}/context", "@graph": graph}) + "\n", encoding="utf-8")
    return path


_KINDS = {".csv": "text/csv", ".json": "application/json", ".svg": "image/svg+xml", ".png": "image/png"}


def _file(path: Path, folder: Path) -> dict[str, Any]:
    name = path.relative_to(folder).as_posix()
    kind = _KINDS[path.suffix]
    size = path.stat().st_size
    kind = {"tables": "table", "figures": "figure"}.get(name.split("/")[0], "results")
    return {
        "@id": name, "@type": "File", "name": path.name, "encodingFormat": kind, "contentSize": str(size),
        "description": f"{kind}: {path.stem.replace('_', ' ')}",
    }  # fmt: skip


def _once(files: Mapping[str, str]) -> list[tuple[str, str]]:
    """Each content once: two files of the same bytes are one."""
    return list({digest: (source, digest) for source, digest in files.items()}.values())


def _stated(analysis: Analysis) -> dict[str, list[str]]:
    """Author, licence and description as the sheet's rows state them, each once; authors apart at semicolons."""
    found: dict[str, list[str]] = {name: [] for name in _STATED}
    for sample in analysis.samples:
        texts = {heading.strip().lower(): text for heading, text in sample.experiment.sample.extra.items()}
        for name, headings in _STATED.items():
            for text in (texts[heading] for heading in headings if heading in texts):
                parts = text.split(";") if name == "author" else [text]
                found[name] += [part.strip() for part in parts if part.strip()]
    return {name: list(dict.fromkeys(texts)) for name, texts in found.items()}


def _references(entries: Sequence[Mapping[str, Any]]) -> Any:
    """The entries by their names; a single one without a list, as the specification has it."""
    names = [{"@id": entry["@id"]} for entry in entries]
    return names[0] if len(names) == 1 else names


def _person(text: str, number: int) -> dict[str, str]:
    """An author as the sheet states one: a name, with an ORCID before or after it or without."""
    orcid = _ORCID.search(text)
    name = _ORCID.sub("", text).strip(" ,()<>[]") or text
    return {"@id": f"https://orcid.org/{orcid[1]}" if orcid else f"#author-{number}", "@type": "Person", "name": name}


def _licence(stated: Sequence[str]) -> dict[str, str]:
    if not stated:
        return _NO_LICENCE
    licence = " and ".join(stated)
    address = _LICENCES.get(licence.lower().replace(" ", "-"), licence)
    if not address.startswith(("https://", "http://")):
        address = "#licence"
    return {
        "@id": address,
        "@type": "CreativeWork",
        "name": licence,
        "description": f"The licence of these results: {licence}",
    }


def _description(analysis: Analysis) -> str:
    """One sentence where the sheet has none."""
    count = len(analysis.samples)
    computed = "synthetic (computed, not measured) " if any(s.experiment.synthetic for s in analysis.samples) else ""
    return f"Analysis by rampion of {computed}records of {count} sample{'s' if count > 1 else ''}."
