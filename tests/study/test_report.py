"""The report: the same numbers on every face, nothing from the network, every figure with its data (synthetic)."""

from __future__ import annotations

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from rampion.errors import InputError, RefusedError
from rampion.quantities import quantity
from rampion.report.html import print_report, write_report
from rampion.study import Study

NUMBER = re.compile(r"([-−]?\d+(?:\.\d+)?)(?:·10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+))?")


class Tables(HTMLParser):
    """Every table, as rows of texts."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.inside = False
        self.feed(page.read_text(encoding="utf-8"))

    def of(self, *header: str) -> list[list[str]]:
        """The table whose header begins so."""
        return next(rows for rows in self.tables if rows[0][: len(header)] == list(header))

    def handle_starttag(self, tag, attrs):
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self.inside = True

    def handle_endtag(self, tag):
        self.inside = self.inside and tag not in ("td", "th")

    def handle_data(self, data):
        if self.inside:
            self.tables[-1][-1][-1] += data


@pytest.fixture(scope="module")
def folder(varied: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report")
    write_report(varied, path, {"path": "campaign"}, pdf=True)
    return path


@pytest.fixture(scope="module")
def stored(folder: Path) -> dict:
    return json.loads((folder / "results.json").read_text(encoding="utf-8"))


def agrees(text: str, value: float, place: int = 0) -> bool:
    """Whether the number printed at that place is the value, rounded to the digits that it shows."""
    mantissa, power = NUMBER.findall(text)[place]
    printed = mantissa.replace("−", "-")
    scale = 10.0 ** int(power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")) or 0)
    decimals = len(printed.partition(".")[2])
    return abs(float(printed) * scale - value) <= 0.5000001 * scale * 10**-decimals


def test_every_number_of_the_samples_table_is_that_of_the_results(folder, stored):
    header, *body = Tables(folder / "report.html").of("sample", "pellet")
    swept = [finding for finding in stored["samples"] if finding["kind"] != "spectrum"]
    rows = {row[0]: row for row in body}
    assert {finding["sample"] for finding in swept} == set(rows)
    for finding in swept:
        row = dict(zip(header, rows[finding["sample"]], strict=True))
        for name in ("current_density", "potential", "charge", "conductivity"):
            known, cell = quantity(name), row[quantity(name).label]
            if finding.get(name) is None:
                assert cell == "–"
                continue
            assert agrees(cell, finding[name]["value"] * known.factor), (finding["sample"], name, cell)
            if "±" in cell:
                assert agrees(cell, finding[name]["std"] * known.factor, place=1)
        after = finding.get("aftermath")
        standing = f", {'confirmed' if after['confirmed'] else 'probable'}" if after else ""
        assert row["verdict"] == finding["verdict"].replace("_", " ") + standing


def test_exponents_and_weights_are_those_of_the_results(folder, stored):
    page = Tables(folder / "report.html")
    exponents = iter(row[3] for row in page.of("of", "against")[1:])
    for entry in stored["scaling"]:
        if entry["exponent"]["value"] is not None:
            text = next(exponents)
            low, high = entry["exponent"]["interval"]
            assert NUMBER.findall(text)
            for place, value in enumerate((entry["exponent"]["value"], low, high)):
                assert agrees(text, value, place), text
    weights = {row[0]: row[1] for row in page.of("mechanism", "weight")}
    for standing in stored["mechanisms"]:
        assert agrees(weights[standing["title"]], standing["weight"])


def test_the_pdf_holds_every_cell_of_the_page(folder):
    pypdf = pytest.importorskip("pypdf")
    text = "".join(page.extract_text() for page in pypdf.PdfReader(folder / "report.pdf").pages)
    letters = re.sub(r"[\s\u00ad]", "", text)
    document = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    cells = [cell for part in document["sections"] for one in part["tables"] for row in one["rows"] for cell in row]
    told = [str(cell["text"] if isinstance(cell, dict) else cell) for cell in cells] + document["summary"]
    numbers = [one for one in told if re.search(r"\d", one)]
    assert len(numbers) > 100
    # breaks of lines may fall inside a cell, so the whitespace is left out on both sides
    missing = [one for one in numbers if re.sub(r"\s", "", one) not in letters and len(one) < 24]
    assert not missing


def test_the_pages_need_no_network(folder):
    for page in (folder / "report.html", *(folder / "samples").glob("*.html")):
        html = page.read_text(encoding="utf-8")
        assert "<script" not in html
        assert "<link" not in html
        assert not re.findall(r"""\bsrc=["'](?!data:)[^"']*|@import|url\((?!#)""", html)
        leads = re.findall(r"""\bhref=["']([^"']*)""", html)
        followed = ("data:", "#", "https://doi.org/", "https://arxiv.org/", "samples/", "../report.html")
        assert not [target for target in leads if not target.startswith(followed)]
        assert all((page.parent / target).is_file() for target in leads if target.endswith(".html"))


def test_every_form_of_the_paper_is_drawn_and_labelled_synthetic(folder):
    document = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    figures = [one for part in document["sections"] for one in part["figures"]]
    forms = {found[0] for one in figures if (found := re.findall(r"The form of (.*) in arXiv", one["caption"]))}
    wanted = {"1c", "2a–b", "2c–d", "3a–b", "4a–b", "4c–f", "S7d", "S8", "S9", "S11", "S12"}
    assert forms == {f"Fig. {name}" for name in wanted}
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.count("<svg ") == len(figures)
    for one in figures:
        assert "synthetic</text>" in (folder / "figures" / f"{one['name']}.svg").read_text(encoding="utf-8")


def test_the_data_of_a_figure_read_back_in_people_s_units(folder, varied):
    law = next(law for law in varied.laws if law.line is not None and law.against == ("√scan_rate",))
    stem = folder / "figures" / f"laws_at_{law.setting.replace(' ', '_')}"
    names, units, comments, *rows = (line.split("\t") for line in stem.with_suffix(".txt").read_text().splitlines())
    assert {len(row) for row in (names, units, comments, *rows)} == {len(names)}
    at = names.index("√v")
    assert units[at : at + 2] == ["mV½/s½", "mA/cm²"]
    for row, rate, density in zip(rows, law.abscissa, law.ordinate, strict=False):
        assert float(row[at]) == pytest.approx(rate * 1e3**0.5, rel=1e-6)
        assert float(row[at + 1]) == pytest.approx(density * 0.1, rel=1e-6)
    for text in folder.glob("figures/*.txt"):
        heads = text.read_text(encoding="utf-8-sig").splitlines()[:2]
        assert "SI" not in heads[0].split("\t")
        table = text.with_suffix(".csv").read_text(encoding="utf-8-sig").splitlines()
        lines = text.read_text(encoding="utf-8-sig").splitlines()
        assert [line.split(",") for line in table[1:]] == [line.split("\t") for line in lines[3:]]


def test_the_report_prints_again_from_its_folder(folder, tmp_path):
    page = (folder / "report.html").read_text(encoding="utf-8")
    (folder / "report.html").unlink()
    assert print_report(folder) == [folder / "report.html"]
    assert (folder / "report.html").read_text(encoding="utf-8") == page
    with pytest.raises(InputError, match=r"no report\.json"):
        print_report(tmp_path)


def test_a_second_report_leaves_the_pages_that_did_not_change(found, tmp_path):
    write_report(found, tmp_path, {})
    pages = sorted((tmp_path / "samples").glob("*.html"))
    assert len(pages) == 9
    before = [page.stat().st_mtime_ns for page in pages]
    pages[0].write_text("old", encoding="utf-8")
    write_report(found, tmp_path, {})
    assert [page.stat().st_mtime_ns for page in pages[1:]] == before[1:]
    assert "What the verdict rests on" in pages[0].read_text(encoding="utf-8")


def test_without_the_typesetter_one_sentence_says_what_to_install(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(RefusedError, match=r"pip install 'rampion\[pdf\]'"):
        print_report(folder, pdf=True)


def test_the_results_have_the_documented_shape(stored):
    keys = {"samples", "replicates", "scaling", "transport", "evidence", "mechanisms", "flags"}
    assert keys <= set(stored)
    assert stored["synthetic"] is True
    for entry in stored["scaling"]:
        assert {"quantity", "against", "exponent", "intercept", "r_squared"} <= set(entry)
        assert set(entry["exponent"]) >= {"value", "std", "interval"}
    tested = [entry for entry in stored["scaling"] if entry["intercept"] is not None]
    assert {entry["line"]["against"] for entry in tested} == {"√scan_rate", "σ/L"}
    for entry in stored["transport"]:
        assert {"quantity", "method", "value", "std", "interval", "flags"} <= set(entry)
    for entry in stored["evidence"]:
        assert {"test", "statistic", "p_value", "predictions"} <= set(entry)
        assert set(entry["predictions"].values()) <= {"supported", "contradicted", "silent"}
    assert sum(entry["weight"] for entry in stored["mechanisms"]) == pytest.approx(1.0)
