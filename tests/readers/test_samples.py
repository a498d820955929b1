"""Sample sheets: three formats, headers as people write them, and sentences for what is wrong."""

from __future__ import annotations

import contextlib
import math

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rampion.errors import InputError, RampionError, RefusedError
from rampion.readers.file_index import index_files
from rampion.readers.samples import match_files, read_samples
from rampion.readers.sheet_columns import parse_header
from rampion.readers.template import template_headers, write_template

HEADERS = ["sample", "file", "thickness [mm]", "thickness std [mm]", "area [mm²]", "scan rate [mV/s]", "operator"]
ROWS = [
    ["S1", "S1_LSV.mpr; S1_EIS*.mpr", "1.00", "0.02", "4.0 ± 0.1", "0.05", "Anna"],
    ["S2", "S2.DTA", "0.5", "", "4.0", "0.5", ""],
]


def write_csv(path, headers, rows, delimiter=",", encoding="utf-8"):
    def cell(text):
        return f'"{text}"' if delimiter in text else text

    lines = [delimiter.join(cell(text) for text in row) for row in [headers, *rows]]
    path.write_bytes("\r\n".join(lines).encode(encoding))
    return path


def write_xlsx(path, headers, rows):
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(headers)
    for row in rows:
        sheet.append([float(text) if text.replace(".", "", 1).isdigit() else text or None for text in row])
    book.save(path)
    return path


def write_toml(path, headers, rows):
    blocks = []
    for row in rows:
        pairs = [f'"{header}" = "{text}"' for header, text in zip(headers, row, strict=True)]
        blocks.append("[[sample]]\n" + "\n".join(pairs))
    path.write_text("\n\n".join(blocks), encoding="utf-8")
    return path


WRITERS = {".csv": write_csv, ".xlsx": write_xlsx, ".toml": write_toml}


@pytest.mark.parametrize("suffix", [".csv", ".xlsx", ".toml"])
def test_the_same_sheet_in_three_formats(tmp_path, suffix):
    sheet = read_samples(WRITERS[suffix](tmp_path / f"samples{suffix}", HEADERS, ROWS))
    first, second = sheet.rows
    assert (first.sample.name, first.files) == ("S1", ("S1_LSV.mpr", "S1_EIS*.mpr"))
    assert first.sample.thickness is not None
    assert first.sample.area is not None
    assert first.sample.thickness.value == pytest.approx(1e-3)
    assert first.sample.thickness.std == pytest.approx(2e-5)
    assert first.sample.area.value == pytest.approx(4e-6)
    assert first.sample.area.std == pytest.approx(1e-7)
    assert first.stated["scan_rate"].value == pytest.approx(5e-5)
    assert dict(first.sample.extra) == {"operator": "Anna"}
    assert second.sample.thickness is not None
    assert math.isnan(second.sample.thickness.std)
    assert [flag.message for flag in sheet.flags] == [
        "The sample sheet's columns 'operator' are not known and were kept as text."
    ]


@pytest.mark.parametrize(
    ("delimiter", "encoding"), [(";", "utf-8-sig"), (";", "cp1252"), ("\t", "utf-16"), (",", "utf-8")]
)
def test_decimal_commas_and_encodings(tmp_path, delimiter, encoding):
    rows = [["S1", "a.mpr", "1,25", "0,02", "4,0", "0,05", "Ärger µ"]]
    sheet = read_samples(write_csv(tmp_path / "samples.csv", HEADERS, rows, delimiter, encoding))
    sample = sheet.rows[0].sample
    assert sample.thickness is not None
    assert sample.thickness.value == pytest.approx(1.25e-3)
    assert sample.thickness.std == pytest.approx(2e-5)
    assert sample.extra["operator"] == "Ärger µ"


@pytest.mark.parametrize(
    ("header", "name", "unit", "uncertainty"),
    [
        ("thickness [mm]", "thickness", "mm", False),
        ("Thickness / mm", "thickness", "mm", False),
        ("thickness (mm)", "thickness", "mm", False),
        ("thickness_std [µm]", "thickness", "µm", True),
        ("thickness ± [mm]", "thickness", "mm", True),
        ("± thickness (mm)", "thickness", "mm", True),
        ("uncertainty thickness / mm", "thickness", "mm", True),
        ("Scan rate [mV/s]", "scan rate", "mV/s", False),
        ("sweep rate / mV s-1", "scan rate", "mV s-1", False),
        ("Li thickness [um]", "lithium thickness", "um", False),
        ("relative density (%)", "relative density", "%", False),
        ("File name", "file", None, False),
        ("sintering / air", "", "air", False),
    ],
)
def test_headers_as_people_write_them(header, name, unit, uncertainty):
    column = parse_header(header)
    assert (column.name, column.unit, column.uncertainty) == (name, unit, uncertainty)


def test_every_column_reaches_its_place_in_si(tmp_path):
    headers = ["sample", "file", "pellet", "composition", "electrodes", "thickness [mm]", "±",
               "electrode diameter [mm]",
               "relative density [%]", "temperature [°C]", "stack pressure [MPa]", "Li thickness [µm]",
               "scan rate [mV/s]", "start potential [V]", "stop potential [V]", "pause interval [mV]",
               "pause duration [s]", "current density [mA/cm²]"]  # fmt: skip
    row = ["S1", "a.mpr", "P1", "LLZO:Ta", "three-electrode", "1", "0.1", "2.00 ± 0.01", "95", "25", "20", "750",
           "0.05", "0", "1", "50", "300", "0.1"]  # fmt: skip
    (entry,) = read_samples(write_csv(tmp_path / "samples.csv", headers, [row])).rows
    sample = entry.sample
    values = {name: getattr(sample, name).value for name in ("thickness", "area", "relative_density", "temperature",
                                                             "stack_pressure", "lithium_thickness")}  # fmt: skip
    assert values == pytest.approx(
        {"thickness": 1e-3, "area": math.pi * 1e-6, "relative_density": 0.95, "temperature": 298.15,
         "stack_pressure": 20e6, "lithium_thickness": 750e-6}
    )  # fmt: skip
    assert sample.thickness is not None
    assert sample.thickness.std == pytest.approx(1e-4)
    assert sample.area is not None
    assert sample.area.relative == pytest.approx(0.01)  # twice the diameter's 0.5 %
    assert (sample.pellet, sample.composition, sample.configuration) == ("P1", "LLZO:Ta", "three-electrode")
    assert {key: item.value for key, item in entry.stated.items()} == pytest.approx(
        {"scan_rate": 5e-5, "start_potential": 0, "stop_potential": 1, "pause_interval": 0.05, "pause_duration": 300,
         "current_density": 1.0}
    )  # fmt: skip


def test_units_may_stand_in_the_cells(tmp_path):
    headers = ["sample", "file", "thickness", "area", "scan rate", "relative density"]
    row = ["S1", "a.mpr", "0.95(2) mm", "4.0 mm2", "0.05 mV/s", "0.95"]
    (entry,) = read_samples(write_csv(tmp_path / "samples.csv", headers, [row])).rows
    assert entry.sample.thickness is not None
    assert (entry.sample.thickness.value, entry.sample.thickness.std) == pytest.approx((9.5e-4, 2e-5))
    assert entry.sample.relative_density is not None
    assert entry.sample.relative_density.value == 0.95


def test_uncertainties_in_percent_are_relative(tmp_path):
    for headers in (["sample", "thickness [mm]", "thickness std [%]"], ["sample", "thickness [mm]", "±"]):
        cells = ["S1", "2", "5" if "%" in headers[2] else "5 %"]
        (entry,) = read_samples(write_csv(tmp_path / "samples.csv", headers, [cells])).rows
        assert entry.sample.thickness is not None
        assert entry.sample.thickness.std == pytest.approx(1e-4)


def test_rows_of_one_sample_complete_each_other(tmp_path):
    rows = [["S1", "a.mpr", "1", "", "4", "", ""], ["S1", "b.mpr", "", "", "", "0.5", ""]]
    sheet = read_samples(write_csv(tmp_path / "samples.csv", HEADERS, rows))
    assert sheet.rows[1].sample.thickness == sheet.rows[0].sample.thickness
    assert sheet.rows[1].stated["scan_rate"].value == pytest.approx(5e-4)
    assert sheet.rows[0].stated == {}
    assert [flag.code for flag in sheet.flags] == ["headings_as_text"]


def test_conflicts_repetitions_and_gaps_are_flagged(tmp_path):
    rows = [
        ["S1", "a.mpr", "1", "", "4", "", ""],
        ["S1", "a.mpr", "2", "", "", "", ""],
        ["S2", "c.mpr", "", "", "", "", ""],
    ]
    sheet = read_samples(write_csv(tmp_path / "samples.csv", HEADERS, rows))
    codes = [flag.code for flag in sheet.flags]
    assert codes == ["headings_as_text", "sample_conflict", "file_repeated", "metadata_missing"]
    assert "'S2' has no thickness, area" in sheet.flags[3].message


@pytest.mark.parametrize(
    ("header", "cell", "expected"),
    [
        ("thickness [mm]", "thick", r"row 2, column 'thickness \[mm\]': 'thick' does not begin with a number"),
        ("thickness [mV]", "1", r"row 2, column 'thickness \[mV\]': .*expected a thickness in mm"),
        ("thickness", "1", "row 2, column 'thickness': '1' has no unit.*write '1 mm'"),
        ("thickness [mm]", "-1", r"row 2, column 'thickness \[mm\]': '-1' is -1 mm; expected a thickness from 50 nm"),
        ("relative density", "95", "row 2, column 'relative density': '95' is 9500 %.*: is it 95 %?"),
        ("scan rate [mV/s]", "-5", "row 2, column 'scan rate': it must be a positive number"),
        ("temperature [mm]", "25", "expected a temperature in °C"),
    ],
)
def test_wrong_cells_are_named_by_row_and_column(tmp_path, header, cell, expected):
    path = write_csv(tmp_path / "samples.csv", ["sample", "file", header], [["S1", "a.mpr", cell]])
    with pytest.raises(InputError, match=expected):
        read_samples(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "is empty"),
        ("sample,file\n", "holds no sample"),
        ("time,voltage\n1,2\n", "expected a column 'sample' or 'file'"),
        ("sample,file,thickness [mm]\nS1,a.mpr,1,25\n", "row 2 has 4 cells where the header has 3; a decimal comma"),
        ("sample,file,operator\n,,Anna\n", "row 2 names neither a sample nor a file"),
    ],
)
def test_sheets_that_are_none(tmp_path, text, expected):
    (tmp_path / "samples.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=expected):
        read_samples(tmp_path / "samples.csv")


def _open_sheet(tmp_path, text, suffix=".csv"):
    (tmp_path / f"samples{suffix}").write_text(text, encoding="utf-8")
    return [flag for flag in read_samples(tmp_path / f"samples{suffix}").flags if flag.code == "last_cell_open"]


def test_a_sheet_cut_inside_its_last_row_is_refused(tmp_path):
    sheet = "sample,thickness [mm],temperature [°C],pellet\nS1,1.0,25,P1\nS2,1.1,40,P1\n"
    assert not _open_sheet(tmp_path, sheet)
    assert not _open_sheet(tmp_path, sheet[:-1])  # it ends with a name
    for cut in range(2, 11):
        with pytest.raises(InputError, match=r"ends inside row 3: it has [123] of 4 cells"):
            _open_sheet(tmp_path, sheet[: -cut - 2])
    short = sheet + "S3,1.2"  # a person's short row, ended
    assert not _open_sheet(tmp_path, short + "\n")


def test_a_last_number_of_a_sheet_without_line_end_is_pointed_at(tmp_path):
    sheet = "sample,temperature [°C]\nS1,25\nS2,40\nS3,60\nS4,60"
    (flag,) = _open_sheet(tmp_path, sheet[:-1])
    assert dict(flag.details) == {"cell": "6", "heading": "temperature [°C]"}
    assert not _open_sheet(tmp_path, sheet + "\n")
    fixed = "sample,thickness [mm]\nS1,1.05\nS2,0.98\nS3,1.00\nS4,10.25"
    assert not _open_sheet(tmp_path, fixed)
    assert _open_sheet(tmp_path, fixed[:-1])
    toml = '[[sample]]\nname = "S1"\n"thickness [mm]" = 12'
    (flag,) = _open_sheet(tmp_path, toml, ".toml")
    assert dict(flag.details) == {"cell": "12", "heading": "thickness [mm]"}
    assert not _open_sheet(tmp_path, toml + "\n", ".toml")


def test_files_are_matched_by_path_name_stem_or_pattern(tmp_path):
    rows = [
        ["S1", "S1*.mpr", "", "", "", "", ""],
        ["S2", "CV [2]", "", "", "", "", ""],
        ["S3", "run/b.DTA", "", "", "", "", ""],
    ]
    sheet = read_samples(write_csv(tmp_path / "samples.csv", HEADERS, rows))
    files = ["a/S1_02.mpr", "a/s1_01.MPR", "CV [2].pssession", "CV 2.pssession", "run/b.dta", "other/b.dta"]
    assert [match_files(row, index_files(files)) for row in sheet.rows] == [
        ("a/S1_02.mpr", "a/s1_01.MPR"), ("CV [2].pssession",), ("run/b.dta",)
    ]  # fmt: skip


@pytest.mark.parametrize("suffix", [".csv", ".xlsx", ".toml"])
def test_template_is_empty_until_filled_in(tmp_path, suffix):
    path = write_template(tmp_path / f"samples{suffix}")
    with pytest.raises(InputError, match="holds no sample"):
        read_samples(path)
    with pytest.raises(RefusedError, match="already there"):
        write_template(path)
    cells = {"sample": "S1", "file": "a.mpr", "thickness [mm]": "1,5", "thickness std [mm]": "0.1", "area [mm²]": "4"}
    if suffix == ".csv":
        row = ";".join(cells.get(header, "") for header in template_headers())
        text = path.read_text(encoding="utf-8-sig").splitlines()
        path.write_text("\n".join([text[0], text[1].replace(",", ";"), row]), encoding="utf-8")
    elif suffix == ".xlsx":
        book = openpyxl.load_workbook(path)
        sheet = book["samples"]
        sheet.append([cells.get(header) for header in template_headers()])
        book.save(path)
    else:
        text = path.read_text(encoding="utf-8")
        for header, cell in cells.items():
            text = text.replace(f'"{header}" = ""', f'"{header}" = "{cell}"')
        path.write_text(text, encoding="utf-8")
    (entry,) = read_samples(path).rows
    assert entry.sample.thickness is not None
    assert (entry.sample.thickness.value, entry.sample.thickness.std) == pytest.approx((1.5e-3, 1e-4))
    assert entry.files == ("a.mpr",)


def test_headers_of_the_template_are_all_known():
    assert all(parse_header(header).name for header in template_headers())


def test_toml_takes_numbers_and_lists(tmp_path):
    path = tmp_path / "samples.toml"
    path.write_text('[[sample]]\nname = "S1"\nfiles = ["a.mpr", "b.mpr"]\n"thickness [mm]" = 1.5\narea = "4 mm²"\n')
    (entry,) = read_samples(path).rows
    assert entry.files == ("a.mpr", "b.mpr")
    assert entry.sample.thickness is not None
    assert entry.sample.thickness.value == pytest.approx(1.5e-3)


@settings(deadline=None, max_examples=150)
@given(cut=st.integers(0, 400), noise=st.binary(max_size=6), suffix=st.sampled_from([".csv", ".xlsx", ".toml"]))
def test_damaged_sheets_end_in_a_sentence(tmp_path_factory, cut, noise, suffix):
    folder = tmp_path_factory.mktemp("sheet")
    path = WRITERS[suffix](folder / f"samples{suffix}", HEADERS, ROWS)
    content = path.read_bytes()
    path.write_bytes(content[:cut] + noise + (content[cut:] if len(noise) % 2 else b""))
    with contextlib.suppress(RampionError):
        assert read_samples(path).rows
