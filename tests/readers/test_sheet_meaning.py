"""What a sample sheet means: electrodes, classes, densities, limits, columns that disagree, headings nearly right."""

from __future__ import annotations

import math
from datetime import datetime

import openpyxl
import pytest

from rampion.errors import InputError
from rampion.measurement import ElectrodeMaterial, ElectrodePair, Interlayer, InterlayerKind, MaterialClass
from rampion.readers.pellet_density import theoretical_density
from rampion.readers.samples import read_samples
from rampion.readers.sheet_words import parse_electrodes, parse_interlayer
from rampion.records import to_plain

LI, IN_LI, CU = ElectrodeMaterial.LITHIUM, ElectrodeMaterial.INDIUM_LITHIUM, ElectrodeMaterial.COPPER
ALLOY, BLOCKING = ElectrodeMaterial.ALLOY, ElectrodeMaterial.BLOCKING


def sheet_of(folder, text, name="samples.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read_samples(path)


def sample_of(folder, heading, cell):
    """The sample of a sheet with one column beside sample and file."""
    (row,) = sheet_of(folder, f"sample;file;{heading}\nS1;a.mpr;{cell}\n").rows
    return row.sample


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("Li", (LI, LI)), ("Li|Li", (LI, LI)), ("Li || LLZTO || Li", (LI, LI)), ("lithium foil", (LI, LI)),
        ("In-Li|Li", (IN_LI, LI)), ("Li / In–Li", (LI, IN_LI)), ("Li | Cu", (LI, CU)), ("Li/LLZO/Cu", (LI, CU)),
        ("blocking", (BLOCKING, BLOCKING)), ("Au", (BLOCKING, BLOCKING)), ("Au 50 nm", (BLOCKING, BLOCKING)),
        ("Li vs. Li-Mg", (LI, ALLOY)), ("stainless steel | Li", (BLOCKING, LI)),
    ],
)  # fmt: skip
def test_electrodes_as_people_write_them(text, pair):
    assert parse_electrodes(text) == ElectrodePair(*pair)


@pytest.mark.parametrize(
    ("text", "hint"), [("graphite", "expected Li, In-Li, alloy"), ("In", "write In-Li"), ("|", "names no")]
)
def test_electrodes_that_are_not_known_are_refused_with_the_list(tmp_path, text, hint):
    with pytest.raises(InputError, match=f"row 2, column 'electrodes': '.*{hint}"):
        sample_of(tmp_path, "electrodes", text)


@pytest.mark.parametrize(
    ("heading", "cell", "configuration", "electrodes"),
    [
        ("electrodes", "three-electrode", "three-electrode", None),
        ("electrodes", "3 electrodes", "three-electrode", None),
        ("configuration", "Three-Electrode cell", "three-electrode", None),
        ("configuration", "Li | LLZO | Cu", "two-electrode", ElectrodePair(LI, CU)),
        ("configuration", "Swagelok", "Swagelok", None),
    ],
)
def test_the_old_heading_electrodes_still_means_the_configuration(tmp_path, heading, cell, configuration, electrodes):
    sample = sample_of(tmp_path, heading, cell)
    assert (sample.configuration, sample.electrodes) == (configuration, electrodes)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Au 20 nm", InterlayerKind.METAL), ("PEO-LiTFSI 30 µm", InterlayerKind.POLYMER),
        ("polymer gel", InterlayerKind.GEL), ("Al2O3 by ALD", InterlayerKind.OTHER), ("20nm Ag", InterlayerKind.METAL),
    ],
)  # fmt: skip
def test_interlayers_by_their_words(text, kind):
    assert parse_interlayer(text) == Interlayer(kind, text)
    assert parse_interlayer("none") is None


HEADINGS = {
    "batch": "B7", "treatment": "600 °C in Ar", "material class": "LLZTO", "electrodes": "In-Li | Li",
    "interlayer": "Au 20 nm", "plating faces": "2", "mass [mg]": "400 ± 4", "theoretical density [g/cm³]": "5.5",
    "temperature stability [K]": "0.5", "leads [ohm]": "0.42", "lithium thickness [µm]": "100",
}  # fmt: skip


@pytest.mark.parametrize("ending", [".csv", ".xlsx", ".toml"])
def test_every_new_field_is_reached_from_every_kind_of_sheet(tmp_path, ending):
    path = tmp_path / f"samples{ending}"
    cells = {"sample": "S1"} | HEADINGS
    if ending == ".csv":
        path.write_text("\t".join(cells) + "\n" + "\t".join(cells.values()) + "\n", encoding="utf-16")
    elif ending == ".xlsx":
        book = openpyxl.Workbook()
        sheet = book.active
        assert sheet is not None
        sheet.append(list(cells))
        sheet.append([float(text) if text.replace(".", "", 1).isdigit() else text for text in cells.values()])
        book.save(path)
    else:
        path.write_text("[[sample]]\n" + "\n".join(f'"{key}" = "{text}"' for key, text in cells.items()), "utf-8-sig")
    (row,) = read_samples(path).rows
    sample = row.sample
    assert (sample.batch, sample.treatment) == ("B7", "600 °C in Ar")
    assert sample.material_class is MaterialClass.GARNET
    assert sample.electrodes == ElectrodePair(IN_LI, LI)
    assert sample.interlayer == Interlayer(InterlayerKind.METAL, "Au 20 nm")
    assert sample.plating_faces == 2
    values = {name: getattr(sample, name).value for name in ("mass", "theoretical_density", "temperature_stability",
                                                             "leads_resistance", "lithium_thickness")}  # fmt: skip
    assert values == pytest.approx(
        {"mass": 4e-4, "theoretical_density": 5500, "temperature_stability": 0.5, "leads_resistance": 0.42,
         "lithium_thickness": 1e-4}
    )  # fmt: skip
    assert sample.mass is not None
    assert sample.mass.std == pytest.approx(4e-6)
    plain = to_plain(sample)
    assert plain["electrodes"] == {"working": "In-Li", "counter": "Li"}
    assert plain["interlayer"] == {"kind": "metal", "name": "Au 20 nm"}
    assert plain["material_class"] == "garnet"
    assert plain["leads_resistance"]["value"] == pytest.approx(0.42)


def test_mass_and_dimensions_give_the_relative_density_with_its_uncertainty(tmp_path):
    text = (
        "sample;mass [g];mass std [g];pellet diameter [mm];±;thickness [mm];thickness std [mm];theoretical density "
        "[g/cm3];theoretical density std [g/cm3];area [mm2]\nS1;0,4122;0,0004;10,00;0,05;1,000;0,010;5,500;0,011;4,0\n"
    )
    sample = sheet_of(tmp_path, text).rows[0].sample
    assert sample.relative_density is not None
    volume = math.pi / 4 * 1.0**2 * 0.1  # cm³
    assert sample.relative_density.value == pytest.approx(0.4122 / volume / 5.5, rel=1e-12)
    relative = math.sqrt((0.0004 / 0.4122) ** 2 + (2 * 0.005) ** 2 + 0.01**2 + 0.002**2)
    assert sample.relative_density.relative == pytest.approx(relative, rel=1e-9)
    assert sample.extra["pellet diameter [mm]"] == "10,00"


def test_the_theoretical_density_comes_from_the_composition_and_says_so(tmp_path):
    text = "sample,mass [g],pellet diameter [mm],thickness [mm],formula\nS1,0.410,10,1.0,Li6.4 La3 Ta0.6 Zr1.4 O12\n"
    sample = sheet_of(tmp_path, text).rows[0].sample
    assert sample.theoretical_density is not None
    assert sample.relative_density is not None
    assert sample.theoretical_density.value == 5491
    assert "arXiv:2110.13399" in sample.theoretical_density.flags[0].message
    assert sample.relative_density.value == pytest.approx(0.410e-3 / (math.pi / 4 * 1e-4 * 1e-3) / 5491)
    assert math.isnan(sample.relative_density.std)  # no uncertainty was stated


def test_the_table_agrees_with_the_unit_cell():
    entry = theoretical_density("Li7La3Zr2O12")
    assert entry is not None
    molar = 7 * 6.94 + 3 * 138.90547 + 2 * 91.224 + 12 * 15.999  # g/mol
    cell = 13.134**2 * 12.663e-30  # m³
    assert entry.value == pytest.approx(8 * molar * 1e-3 / (6.02214076e23 * cell), rel=1e-4)
    for other in ("LLZO", "Li7La3Zr2O11", "Li6.6La3Zr1.6Ta0.4O12", "", "Li7(La3"):
        assert theoretical_density(other) is None
    assert theoretical_density("Li₇La₃Zr₂(O2)6") is entry


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("S1;0,400;10;1,0;80;", {"density_disagrees"}),  # 0.926 from mass and dimensions
        ("S1;0,400;10;1,0;92;", set()),
        ("S1;0,400;;1,0;;", {"density_not_computed"}),
        ("S1;0,400;;1,0;90;", set()),
    ],
)
def test_stated_and_computed_densities(tmp_path, row, expected):
    head = "sample;mass [g];pellet diameter [mm];thickness [mm];relative density [%];theoretical density [g/cm³]\n"
    sheet = sheet_of(tmp_path, head + row + "5,5\n")
    assert {flag.code for flag in sheet.flags} - {"metadata_missing"} == expected
    for flag in sheet.flags:
        if flag.code == "density_disagrees":
            assert "80 % as stated, 92.6 % from mass" in flag.message


def test_a_mass_in_the_wrong_unit_gives_an_impossible_density(tmp_path):
    with pytest.raises(InputError, match=r"row 2: mass and dimensions contradict each other.*0\.09\d+ %"):
        sheet_of(
            tmp_path,
            "sample;mass [mg];pellet diameter [mm];thickness [mm];theoretical density [g/cm³]\nS1;0,400;10;1,0;5,5\n",
        )


def test_rows_of_one_pellet_share_mass_and_size(tmp_path):
    text = "sample;file;mass [g];pellet diameter [mm];thickness [mm];theoretical density [g/cm3]\n"
    rows = sheet_of(tmp_path, text + "S1;a.mpr;0,4;;;5,5\nS1;b.mpr;;10;1,0;\n").rows
    first, second = (row.sample.relative_density for row in rows)
    assert first is not None
    assert second is not None
    assert first.value == second.value


def test_a_measured_density_over_the_theoretical_one(tmp_path):
    text = "sample,density [g/cm³],theoretical density [g/cm³]\nS1,5.0,5.5\n"
    sample = sheet_of(tmp_path, text).rows[0].sample
    assert sample.relative_density is not None
    assert sample.relative_density.value == pytest.approx(5 / 5.5)


@pytest.mark.parametrize(
    ("heading", "cell", "sentence"),
    [
        ("thickness [m]", "1", r"'1' is 1000 mm; expected a thickness from 50 nm to 2 cm: is it 1 mm\?"),
        ("thickness", "0.00095 µm", r"'0.00095 µm' is 9.5e-07 mm; .*: is it 0.95 mm\?"),
        (
            "relative density [%]",
            "0.95",
            r"'0.95' is 0.95 %; expected a relative density from 30 to 120 %: is it 95 %",
        ),
        ("relative density", "95", r"is it 95 %\?"),
        ("relative density", "1.3", "because loose powder"),
        ("temperature [K]", "-5", "from 0 to 2000 K, because nothing is colder"),
        ("temperature [K]", "0", "from 0 to 2000 K"),
        ("temperature [°C]", "-300", "'-300' is -300 °C"),
        ("temperature stability [K]", "-1", "from 0 to 200 K"),
        ("stack pressure [MPa]", "-1", "from 0 to 10 GPa"),
        ("leads [ohm]", "-0.1", "from 0 to 10 kΩ"),
        ("mass [kg]", "400", r"is it 400 g|is it 0.4 g"),
        ("lithium thickness [m]", "100", r"is it 100 µm\?"),
        ("electrode diameter [m]", "10", r"expected an area from 1 µm² to 1000 cm²: is it 78.54 mm²\?"),
        ("electrode diameter [mm]", "-10", "a diameter is positive"),
        ("plating faces", "3", "no number of plating faces"),
        ("material class", "cheese", "no class of electrolytes that is known; expected one of garnet"),
        ("theoretical density [g/cm³]", "5491", r"is it 5.491 g/cm³\?"),
    ],
)
def test_impossible_values_are_refused_as_typed_with_the_likely_slip(tmp_path, heading, cell, sentence):
    with pytest.raises(InputError, match=r"samples\.csv, row 2, column '.*" + sentence):
        sample_of(tmp_path, heading, cell)


def test_what_is_only_implausible_is_not_refused_here(tmp_path):
    sample = sample_of(tmp_path, "temperature [°C]", "298")
    assert sample.temperature is not None
    assert sample.temperature.value == pytest.approx(571.15)
    pressed = sample_of(tmp_path, "stack pressure [MPa]", "0").stack_pressure
    assert pressed is not None
    assert pressed.value == 0


@pytest.mark.parametrize(
    ("headings", "cells"),
    [
        ("thickness [mm];thickness [µm]", "1,00;1200"),
        ("thickness [mm];thickness [mm]", "1,00;1,02"),
        ("area [mm²];electrode diameter [mm]", "4,0;4,0"),
        ("thickness [mm];pellet thickness [mm]", "1,0;0,9"),
        ("pellet diameter [mm];pellet area [cm²]", "10;1,0"),
    ],
)
def test_columns_that_disagree_are_refused(tmp_path, headings, cells):
    with pytest.raises(InputError, match=r"samples\.csv, row 2, columns '.*' and '.*': '.*' and '.*' disagree"):
        sheet_of(tmp_path, f"sample;{headings}\nS1;{cells}\n")


@pytest.mark.parametrize(
    ("headings", "cells"),
    [
        ("thickness [mm];thickness [µm]", "1,00;1000"),
        ("area [mm²];electrode diameter [mm]", "3,1;2,0"),  # 3.14 rounded
        ("thickness [mm];thickness [µm]", "1,00 ± 0,02;1030"),
        ("thickness [mm];thickness [µm]", "1,00;n/a"),
    ],
)
def test_columns_that_agree_within_what_was_typed_are_one(tmp_path, headings, cells):
    sheet_of(tmp_path, f"sample;{headings}\nS1;{cells}\n")


@pytest.mark.parametrize("cell", ['"1,234"', '"12,345 µm"', '"1,234.5"', '"1,234,567"', "1 234", "1.234.567"])
def test_numbers_that_can_be_read_two_ways_are_refused(tmp_path, cell):
    with pytest.raises(InputError, match=r"samples\.csv, row 2, column 'thickness \[µm\]': '.*(read as|groups its)"):
        sheet_of(tmp_path, f"sample,file,thickness [µm]\nS1,a.mpr,{cell}\n")


def test_a_mark_that_other_cells_prove_decides(tmp_path):
    rows = sheet_of(tmp_path, "sample;thickness [mm];area [mm²]\nS1;1,234;4,0\nS2;0,500;4,0\n").rows
    assert rows[0].sample.thickness is not None
    assert rows[0].sample.thickness.value == pytest.approx(1.234e-3)
    with pytest.raises(InputError, match="row 3, column 'thickness"):  # 1.234 among decimal commas: 1234?
        sheet_of(tmp_path, "sample;thickness [µm];area [mm²]\nS1;950,5;4,0\nS2;1.234;4,0\n")


def test_misspelt_headings_are_named_and_kept(tmp_path):
    sheet = sheet_of(tmp_path, "sample,thicknes [mm],areas [mm2],operator,thickness uncertainity [mm]\nS1,1,4,Anna,2\n")
    messages = [flag.message for flag in sheet.flags if flag.code == "heading_misspelt"]
    assert len(messages) == 3
    assert "'thicknes [mm]' is not known and was kept as text: did you mean 'thickness'?" in messages[0]
    assert "did you mean 'area'?" in messages[1]
    assert "did you mean 'thickness std'?" in messages[2]
    assert dict(sheet.rows[0].sample.extra)["thicknes [mm]"] == "1"
    (others,) = [flag.message for flag in sheet.flags if flag.code == "headings_as_text"]
    assert "'operator'" in others
    assert "thick" not in others


@pytest.mark.parametrize(
    ("text", "row", "column"),
    [
        ('sample,file,thickness [mm]\nS1,"a.mpr,1\nS2,b.mpr,1\n', 2, 2),
        ('sample,file,thickness [mm]\nS1,a.mpr,1\nS2,b.mpr,"1\n', 3, 3),
        ('sample,file,thickness [mm]\nS1,"a.mpr,1\nS2,"b.mpr",1\n', 2, 2),
        ('sample,file,thickness [mm]\nS1,"a.mpr,1\nS2,b.mpr",1\n', 2, 2),  # closed in the next row: S2 would be lost
        ('sample,note,thickness [mm]\nS1,x,1\nS2,"grey,1\nS3,white",1\n', 3, 2),
        ('sample;file;thickness [mm]\n"S1;a.mpr;1\nS2";b.mpr;1\n', 2, 1),
        ('sample;file;thickness [mm]\nS1;a.mpr;"1\nS2;b.mpr;1"\n', 2, 3),
    ],
)
def test_an_unclosed_quote_is_refused_where_it_opens(tmp_path, text, row, column):
    with pytest.raises(InputError, match=rf"samples\.csv, row {row}, column {column}: the quote before"):
        sheet_of(tmp_path, text)


@pytest.mark.parametrize("cell", ["", "-", "–", "n/a", "N/A", "?", "unknown", "nan"])
def test_cells_that_say_not_known(tmp_path, cell):
    for heading in ("thickness [mm]", "pellet", "electrodes", "material class"):
        sample = sample_of(tmp_path, heading, cell)
        assert sample.thickness is None
        assert (sample.pellet, sample.electrodes, sample.material_class) == ("", None, None)


def test_a_note_may_go_over_several_lines(tmp_path):
    (row,) = sheet_of(tmp_path, 'sample,note,thickness [mm]\nS1,"grey,\npolished",1\n').rows
    assert row.sample.extra["note"] == "grey,\npolished"
    (row,) = sheet_of(tmp_path, 'sample;file;thickness [mm]\nS1;"a.mpr;\nb.mpr";1\n').rows
    assert row.files == ("a.mpr", "b.mpr")


@pytest.mark.parametrize(
    "text",
    [
        "sep=;\r\nsample;thickness [mm]\r\nS1;1,05\r\n",
        "Campaign 7, Anna\n\nsample;thickness [mm]\nS1;1,05\n",
        "Campaign 7, batch 3, Anna,,\n,,,\nsample,file,thickness [mm],,\nS1,,1.05,,\n,,,,\n",
        "\ufeffsample\tthickness\u00a0[mm]\rS1\t1,05\u00a0±\u00a00,02\r",
        "ID,sample,thickness [μm]\n17,S1,1050\n",
        "# remark\nSample-Name,Thickness_mm\nS1,1.05\n",
        "sample,thickness,thickness\nS1,1.05 mm,-\n",
    ],
)
def test_odd_sheets_mean_the_same(tmp_path, text):
    (row,) = sheet_of(tmp_path, text).rows
    assert row.sample.name == "S1"
    assert row.sample.thickness is not None
    assert row.sample.thickness.value == pytest.approx(1.05e-3)


def test_a_row_named_by_a_number_sign_is_no_comment(tmp_path):
    rows = sheet_of(tmp_path, "sample,thickness [mm]\n#1,1\n# 2,1\n#3,1\n").rows
    assert [row.sample.name for row in rows] == ["#1", "#3"]


def workbook(folder, *rows, merge=()):
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(list(row))
    for area in merge:
        sheet.merge_cells(area)
    path = folder / "samples.xlsx"
    book.save(path)
    return path


def test_merged_cells_count_for_all_their_rows(tmp_path):
    path = workbook(
        tmp_path, ["My campaign"], ["sample", "file", "thickness [mm]", "area [mm²]"], ["S1", "a.mpr", 1.0, 4],
        [None, "b.mpr", None, None], ["S2", "c.mpr", 0.5, 4], merge=("A1:D1", "A3:A4", "C3:C4"),
    )  # fmt: skip
    rows = read_samples(path).rows
    assert [(row.sample.name, row.files, row.row) for row in rows] == [
        ("S1", ("a.mpr",), 3), ("S1", ("b.mpr",), 4), ("S2", ("c.mpr",), 5)
    ]  # fmt: skip


def test_what_a_spreadsheet_makes_of_numbers(tmp_path):
    head = ["sample", "thickness [µm]", "area [mm²]"]
    (row,) = read_samples(workbook(tmp_path, head, [7, 1.234, "4,0"])).rows  # a number in a cell has no decimal mark
    assert row.sample.thickness is not None
    assert (row.sample.name, row.sample.thickness.value) == ("7", pytest.approx(1.234e-6))
    with pytest.raises(InputError, match=r"row 2, column 'thickness.*'2024-05-01' is a date"):
        read_samples(workbook(tmp_path, head, ["S1", datetime(2024, 5, 1), 4]))
    with pytest.raises(InputError, match=r"cell B2 holds the formula '=2\*500' without a result"):
        read_samples(workbook(tmp_path, head, ["S1", "=2*500", 4]))
    with pytest.raises(InputError, match="'#DIV/0!' does not begin with a number"):
        read_samples(workbook(tmp_path, head, ["S1", "#DIV/0!", 4]))


def test_the_sheet_may_be_the_second_of_a_workbook(tmp_path):
    book = openpyxl.Workbook()
    other = book.create_sheet("Tabelle2")
    other.append(["sample", "file"])
    other.append(["S1", "a.mpr"])
    book.save(tmp_path / "samples.xlsx")
    assert read_samples(tmp_path / "samples.xlsx").rows[0].files == ("a.mpr",)
