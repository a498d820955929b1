"""The folder of an analysis as others' validators see it: Data Package, Battery Data Format, RO-Crate (synthetic data).

Without a validator its test is skipped; what the formats ask for is also tested here without them.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from rampion.cli import main
from rampion.report.data import Column, as_csv, as_origin
from rampion.report.tables import text_cell, write_columns, write_rows

EXAMPLES = Path(__file__).parents[2] / "examples" / "data"
SHEET = """sample;file;thickness [mm];area [mm²];author;licence;description
=cmd|' /C calc'!A0;stopped*;1;4;"First Author 0000-0002-1825-0097; Second Author";CC BY 4.0;Sweeps of garnets
-B2;paused*;1;4
"""


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep and a spectrum, analysed with everything that has a table."""
    folder = tmp_path_factory.mktemp("campaign")
    for pattern in ("stopped*", "paused_01*"):
        for file in EXAMPLES.glob(pattern):
            shutil.copy(file, folder)
    (folder / "samples.csv").write_text(SHEET, encoding="utf-8")
    main(["analyse", str(folder), "-o", str(folder / "out"), "--drt", "--json"])
    return folder / "out"


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_frictionless_accepts_the_package(out):
    frictionless = pytest.importorskip("frictionless", reason="frictionless is not installed")
    report = frictionless.validate(str(out / "datapackage.json"))
    assert report.valid, report.flatten(["title", "rowNumber", "fieldName", "message"])
    assert len(report.tasks) == len(list((out / "tables").iterdir()))


def test_the_package_gives_types_and_units(out):
    package = json.loads((out / "datapackage.json").read_text(encoding="utf-8"))
    fields = {one["path"]: {field["name"]: field for field in one["schema"]["fields"]} for one in package["resources"]}
    assert set(fields) == {f"tables/{path.name}" for path in (out / "tables").iterdir()}
    found = fields["tables/findings.csv"]
    assert found["current_density.value"] == {"name": "current_density.value", "type": "number", "unit": "A/m²"}
    assert found["block"]["type"] == "integer"
    assert found["sample"] == {"name": "sample", "type": "string"}
    assert found["synthetic"]["type"] == "boolean"
    curve = next(one for path, one in fields.items() if path.endswith("trace.csv"))
    assert curve["Test Time / s"] == {"name": "Test Time / s", "type": "number", "unit": "s"}
    for path, columns in fields.items():
        assert list(columns) == list(rows_of(out / path)[0])


def test_the_battery_data_format_accepts_every_curve(out):
    bdf = pytest.importorskip("bdf", reason="batterydf is not installed")
    curves = [*(out / "tables").glob("*trace.csv"), *(out / "tables").glob("*spectrum.csv")]
    assert len(curves) == 2
    for path in curves:
        report = bdf.validate(str(path), raise_on_error=True)
        assert report["ok"]
        assert report["time_stats"]["monotonic"]


def test_a_spectrum_has_its_bias_and_direct_current(out):
    (path,) = (out / "tables").glob("*spectrum.csv")
    rows = rows_of(path)
    assert list(rows[0])[:4] == ["Test Time / s", "Voltage / V", "Current / A", "Frequency / Hz"]
    stored = json.loads((out / "results.json").read_text(encoding="utf-8"))
    (finding,) = (one for one in stored["findings"] if one["kind"] == "spectrum")
    bias = [float(row["Voltage / V"] or "nan") for row in rows]
    assert bias == pytest.approx([finding.get("potential", np.nan)] * len(rows), abs=1e-9, nan_ok=True)
    assert {row["Synthetic / 1"] for row in rows} == {"1"}


def crate_of(out: Path) -> dict[str, dict]:
    graph = json.loads((out / "ro-crate-metadata.json").read_text(encoding="utf-8"))["@graph"]
    return {entry["@id"]: entry for entry in graph}


def test_the_crate_states_licence_author_and_description_of_the_sheet(out):
    crate = crate_of(out)
    root = crate["./"]
    assert root["description"] == "Sweeps of garnets"
    assert root["license"] == {"@id": "https://creativecommons.org/licenses/by/4.0/"}
    authors = [crate[one["@id"]] for one in root["author"]]
    assert [one["name"] for one in authors] == ["First Author", "Second Author"]
    assert [one["@id"] for one in authors] == ["https://orcid.org/0000-0002-1825-0097", "#author-2"]
    parts = {one["@id"] for one in root["hasPart"]}
    there = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file() and path.name[0] != "."}
    assert parts == there - {"ro-crate-metadata.json", "rampion-manifest.json"}


# what the context of RO-Crate says of the words that rampion uses: all are schema.org's but these two
_SCHEMA = """about author contentSize datePublished description encodingFormat endTime hasPart instrument license
mentions name object result sha256 softwareRequirements version CreateAction CreativeWork Dataset Person"""
_CONTEXT = {word: f"http://schema.org/{word}" for word in _SCHEMA.split()} | {
    "File": "http://schema.org/MediaObject", "conformsTo": "http://purl.org/dc/terms/conformsTo",
}  # fmt: skip


class Answer(io.BytesIO):
    """The context as the network would give it."""

    status_code = code = status = 200
    headers = {"Content-Type": "application/ld+json", "content-type": "application/ld+json"}  # noqa: RUF012

    def __init__(self, url: str) -> None:
        self.url, self.content = url, json.dumps({"@context": _CONTEXT}).encode()
        self.text = self.content.decode()
        super().__init__(self.content)

    def geturl(self) -> str:
        return self.url

    def info(self) -> dict[str, str]:
        return self.headers

    def json(self) -> dict:
        return {"@context": _CONTEXT}


@pytest.mark.filterwarnings("ignore")
def test_the_crate_is_one_of_version_1_2(out, monkeypatch):
    validator = pytest.importorskip("rocrate_validator", reason="roc-validator is not installed")
    import rdflib.parser
    from rocrate_validator import models, services
    from rocrate_validator.utils.http import HttpRequester

    assert validator is not None
    monkeypatch.setattr(HttpRequester, "get", lambda _, url, **__: Answer(url), raising=False)
    monkeypatch.setattr(rdflib.parser, "_urlopen", lambda request: Answer(getattr(request, "full_url", request)))
    settings = services.ValidationSettings(
        rocrate_uri=str(out), profile_identifier="ro-crate-1.2", requirement_severity=models.Severity.REQUIRED
    )
    found = services.validate(settings)
    assert [f"{issue.check.identifier}: {issue.message}" for issue in found.get_issues()] == []


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"), ("+A1", "'+A1"), ("-B2", "'-B2"), ("@SUM(A1)", "'@SUM(A1)"), ("\t=1", "'\t=1"),
        ("-1.5e-3", "-1.5e-3"), ("+2", "+2"), ("A=1", "A=1"), ("", ""), (-1.5, -1.5), (None, None), (True, True),
    ],
)  # fmt: skip
def test_a_text_is_no_formula(cell, written):
    assert text_cell(cell) == written


def test_no_cell_of_any_table_is_a_formula(out):
    rows = rows_of(out / "tables" / "findings.csv")
    assert {row["sample"] for row in rows} == {"'=cmd|' /C calc'!A0"}
    for path in out.rglob("*.csv"):
        cells = csv.reader(path.read_text(encoding="utf-8-sig").splitlines())
        assert [cell for row in cells for cell in row if text_cell(cell) != cell] == []


def test_no_head_of_a_figure_s_data_is_a_formula():
    column = Column(name="J", unit="A", comment="=evil\tname\nof", values=np.array([1.0]))
    (head, *_), (words, units, comments, *_) = as_csv([column]).splitlines(), as_origin([column]).splitlines()
    assert head.startswith("\"'=evil")
    assert (words, units, comments) == ("J", "A", "'=evil name of")


def test_what_was_not_recorded_is_empty(tmp_path):
    write_columns(tmp_path / "a.csv", {"Test Time / s": np.array([0.0, 1.0]), "Current / A": np.array([np.nan, 2e-6])})
    assert (tmp_path / "a.csv").read_text() == "Test Time / s,Current / A\n0,\n1,2e-06\n"
    table = write_rows(tmp_path / "b.csv", [{"n": 1, "x": None}, {"n": 2.5, "x": True}, {"y": "z"}])
    assert [field["type"] for field in table.fields] == ["number", "boolean", "string"]
