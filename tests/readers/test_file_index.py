"""Look-up of files by name, pattern and word agrees with comparing every one of them."""

from __future__ import annotations

import fnmatch
import re
from pathlib import PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rampion.readers.file_index import files_named, files_with_word, index_files, nearest_file

_TEXT = st.text(st.sampled_from("aAbS12_-. ²é[]/"), min_size=1, max_size=9).map(lambda text: text.strip("/") or "a")
_NAME = _TEXT.filter(lambda text: "/.." not in f"/{text}")  # pathlib's stem of "..1" depends on the version of Python


def compared(pattern: str, files: list[str]) -> list[int]:
    """Every file against the pattern, as the rule says it."""
    pattern = pattern.casefold()
    found = []
    for number, file in enumerate(files):
        path = PurePosixPath(file.casefold())
        whole = {str(path), path.name, path.stem, str(path.with_suffix("")) if path.name else ""}
        like = fnmatch.translate(pattern.replace("[", "[[]"))
        wild = set("*?") & set(pattern)
        if re.match(like, file.casefold()) or re.match(like, file.casefold().rpartition("/")[2]) if wild else (
            pattern in whole
        ):  # fmt: skip
            found.append(number)
    return found


@settings(deadline=None, max_examples=300)
@given(files=st.lists(_NAME, min_size=1, max_size=12), pattern=st.text(st.sampled_from("aAbS12_.*?["), min_size=1))
def test_patterns_find_what_comparing_every_file_finds(files, pattern):
    assert list(files_named(pattern, index_files(files))) == compared(pattern, files)


@settings(deadline=None, max_examples=300)
@given(files=st.lists(_NAME, min_size=1, max_size=12), word=_NAME)
def test_words_find_what_comparing_every_file_finds(files, word):
    whole = re.compile(rf"(?<![^\W_]){re.escape(word.casefold())}(?![^\W_])")
    expected = [number for number, file in enumerate(files) if whole.search(file.casefold())]
    assert list(files_with_word(word, index_files(files))) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (r"C:\data\run\S1.mpr", ["run/S1.mpr"]),
        (r"D:\elsewhere\S1.mpr", []),  # two files have that name and none that folder
        (r"\\server\share\S2.mpr", ["run/S2.mpr"]),
        ("/home/anna/run/S1.mpr", ["run/S1.mpr"]),
        ("./S2.mpr", ["run/S2.mpr"]),
        ("old/S2.mpr", []),  # a folder that is not there is not overlooked
        ("zelle_\u00fc", ["zelle_u\u0308.csv"]),
    ],
)
def test_paths_from_another_machine(name, expected):
    index = index_files(["run/S1.mpr", "other/S1.mpr", "run/S2.mpr", "zelle_u\u0308.csv"])
    assert [index.files[number] for number in files_named(name, index)] == expected


def test_the_nearest_of_many_names():
    files = [f"run{n % 7}/cell_{n:04d}_01_LSV_C02.mpr" for n in range(3000)]
    index = index_files(files)
    assert nearest_file("cell_0123_01_LSV_C2.mpr", index) == files[123]
    assert nearest_file("cell-2718_01_LSV_C02.mpr", index) == files[2718]
    assert nearest_file("notes about nothing.docx", index) == ""
