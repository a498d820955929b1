"""What is remembered: exact, harmless when prepared or damaged, and cleared by one command."""

from __future__ import annotations

import json
import pickle
import shutil
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from rampion.cli import main
from rampion.estimate import Estimate, Flag, Severity
from rampion.measurement import Sample
from rampion.planning.virtual_campaign import Truth
from rampion.readers.folder import plan_folder
from rampion.records import cache_folder
from rampion.study import cache, remember
from rampion.study.cache import CacheSize
from rampion.study.record_bytes import from_bytes, to_bytes
from rampion.study.remember import GroupAnalysis, Work, analyse_folder
from rampion.study.spectra import Options
from real_files import FOLDER

EXAMPLES = Path(__file__).parents[2] / "examples" / "data"


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RAMPION_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def small(tmp_path) -> Path:
    """A campaign of one short record."""
    folder = tmp_path / "small"
    folder.mkdir()
    shutil.copy(EXAMPLES / "stopped_01_LSV.csv", folder / "S.csv")
    return folder


def same(one: object, other: object) -> bool:
    """Whether two records are the same to the last bit, types included; NaN is NaN."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        flags = [(each.dtype, each.shape, each.flags.writeable) for each in (one, other)]
        return flags[0] == flags[1] and one.tobytes("A") == other.tobytes("A")
    if isinstance(one, float | complex | np.generic):
        return repr(one) == repr(other)
    if isinstance(one, Enum):
        return one is other
    if is_dataclass(one):
        return all(same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    if isinstance(one, dict | MappingProxyType):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.complex_numbers() | st.text(max_size=8)
    | arrays.arrays(st.sampled_from(["f8", "f4", "c16", "i8", "u2", "?", "<U3"]), arrays.array_shapes(min_side=0)),
    lambda inner: st.lists(inner, max_size=4).map(tuple) | st.lists(inner, max_size=4)
    | st.dictionaries(st.text(max_size=4), inner, max_size=3).map(MappingProxyType)
    | st.dictionaries(st.integers(), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@given(values)
def test_every_value_comes_back_exactly(value):
    assert same(from_bytes(to_bytes(value)), value)


@given(st.floats(), st.floats(0, 9), st.floats(), st.sampled_from(Severity), values)
def test_every_estimate_comes_back_exactly(value, std, low, severity, detail):
    flags = (Flag("code", severity, "message", (("detail", detail),)),)
    estimate = Estimate(value, std, low, flags=flags)
    assert same(from_bytes(to_bytes(estimate)), estimate)


def groups(folder: Path, most: int) -> list[GroupAnalysis]:
    """Analyses of the groups of a folder, with everything that can be asked for."""
    options = Options(relaxation_times=True)
    found = []
    for group in plan_folder(folder).groups[:most]:
        found.append(remember._analyse_group(group, Work(options=options, remember=False)))
    return found


def test_analyses_come_back_exactly():
    found = groups(EXAMPLES, 9)
    assert any(one.samples for one in found)
    for one in found:
        for part in (one.samples, one.refused, one.fingerprints):
            assert same(from_bytes(to_bytes(part)), part)


@pytest.mark.parametrize("name", ["li_symmetric", "chi", "negative_controls"])
def test_analyses_of_real_files_come_back_exactly(name):
    if not (FOLDER / name).is_dir():
        pytest.skip(f"{name} is not at {FOLDER}")
    for one in groups(FOLDER / name, 1):
        parts = (one.samples, one.refused, one.fingerprints)
        assert same(from_bytes(to_bytes(parts)), parts)


def test_a_record_of_another_place_is_not_kept():
    with pytest.raises(TypeError, match="cannot be kept"):
        to_bytes(CacheSize(folder=Path(), analyses=0, bytes=0))
    with pytest.raises(TypeError, match="no record of estimate"):
        to_bytes(Truth(name="x", mechanism="binary"))


def test_nothing_that_was_prepared_is_executed(tmp_path, small):
    class Trap:
        def __reduce__(self):
            return Path.touch, (tmp_path / "executed",)

    with pytest.raises(TypeError, match="cannot be kept"):
        to_bytes(Trap())
    with pytest.raises(TypeError, match="an array of object"):
        to_bytes(np.array([Trap()], dtype=object))
    analyse_folder(small)
    entries = list((cache_folder() / "analyses").iterdir())
    assert entries
    for entry in entries:
        entry.write_bytes(pickle.dumps(Trap()))
    analyse_folder(small)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "rampion.cli.main",
        "pathlib.Path",
        "rampion.measurement.np",
        "rampion.__main__.x",
        "rampion.study.demo.write_demo",
        "rampion.planning.virtual_campaign.Truth",
    ],
)
def test_only_records_are_made(name):
    told = json.dumps({"$": "record", "type": name, "values": ["x"]}).encode()
    whole = to_bytes("x")
    with pytest.raises(ValueError, match="no record of this version"):
        from_bytes(sealed(told))
    assert from_bytes(whole) == "x"


def sealed(tree: bytes) -> bytes:
    """Bytes with a right hash around a prepared tree."""
    import hashlib

    body = len(tree).to_bytes(8, "little") + tree
    return b"rampion records 1\n" + hashlib.sha256(body).digest() + body


@pytest.mark.parametrize(
    "tree",
    [
        b"", b"{", b"[" * 100_000, b'{"$":"array","dtype":"O","shape":[1],"order":"C","start":0,"scalar":false}',
        b'{"$":"array","dtype":"f8","shape":[9],"order":"C","start":0,"scalar":false,"writeable":true}',
        b'{"$":"enum","type":"rampion.estimate.Severity","value":"LOUD"}', b'{"$":"call"}', b'{"no":"kind"}',
        b'{"$":"record","type":"rampion.estimate.Estimate","values":[]}', b"\xff\xfe",
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_one_kind_of_error(tree):
    with pytest.raises(ValueError):  # noqa: PT011
        from_bytes(sealed(tree))


@pytest.mark.parametrize("cut", [0, 5, 30, 60, -1])
def test_a_cut_or_altered_record_is_not_believed(cut):
    content = to_bytes(Sample(name="A"))
    with pytest.raises(ValueError, match="no whole record"):
        from_bytes(content[:cut])
    with pytest.raises(ValueError, match="no whole record"):
        from_bytes(content[:-3] + b"B" + content[-2:])


def numbers(folder: Path) -> dict:
    from rampion.report.results import results

    return results(analyse_folder(folder))["findings"]


@pytest.mark.parametrize("damage", ["cut", "empty", "foreign", "folder", "unwritable"])
def test_a_broken_cache_costs_time_only(damage, small, tmp_path, monkeypatch):
    fresh = numbers(small)
    place = cache_folder() / "analyses"
    for entry in list(place.iterdir()):
        content = entry.read_bytes()
        if damage == "cut":
            entry.write_bytes(content[: len(content) // 2])
        elif damage == "empty":
            entry.write_bytes(b"")
        elif damage == "foreign":
            entry.write_bytes(to_bytes(Sample(name="another")))
        elif damage == "folder":
            entry.unlink()
            entry.mkdir()
    if damage == "unwritable":
        (tmp_path / "file").write_text("in its way")
        monkeypatch.setenv("RAMPION_CACHE", str(tmp_path / "file" / "cache"))
    assert numbers(small) == fresh
    assert numbers(small) == fresh


def test_a_file_that_changes_while_it_is_read_is_kept_under_what_was_read(tmp_path, monkeypatch):
    """The bytes that are hashed are the bytes that are read."""
    folder = tmp_path / "campaign"
    folder.mkdir()
    whole = (EXAMPLES / "stopped_01_LSV.csv").read_text()
    half = "\n".join(whole.splitlines()[:-80]) + "\n"
    (folder / "S.csv").write_text(whole)
    (want_half,) = (one.potential.value for one in _analysed(half, tmp_path / "apart").findings)
    hashed = remember._digests

    def changing(group):
        found = hashed(group)
        (folder / "S.csv").write_text(half)  # saved anew just after it was hashed
        return found

    monkeypatch.setattr(remember, "_digests", changing)
    (changed,) = analyse_folder(folder).findings
    assert changed.potential.value == want_half
    monkeypatch.undo()
    monkeypatch.setenv("RAMPION_CACHE", str(tmp_path / "cache"))
    (folder / "S.csv").write_text(whole)
    (again,) = analyse_folder(folder).findings
    assert again.potential.value != want_half


def _analysed(text: str, folder: Path):
    folder.mkdir()
    (folder / "S.csv").write_text(text)
    return analyse_folder(folder, remember=False)


def test_the_oldest_entries_make_room(tmp_path):
    import os

    for number in range(6):
        cache.keep(f"{number:064x}", "x" * 10_000)
        os.utime(cache._place(f"{number:064x}"), (number, number))
    assert cache.take(f"{0:064x}") is not None  # used just now
    cache.make_room(35_000)
    assert [number for number in range(6) if cache.holds(f"{number:064x}")] == [0, 4, 5]


def test_clearing_removes_what_is_rampion_s_and_nothing_else(capsys, small):
    analyse_folder(small)
    (cache_folder() / "analyses" / "mine.txt").write_text("mine")
    (cache_folder() / "jax").mkdir()
    (cache_folder() / "jax" / "jit__run-0f-cache").write_text("compiled")
    (cache_folder() / "jax" / "mine").write_text("mine")
    main(["cache", "--json"])
    shown = json.loads(capsys.readouterr().out)
    assert shown["analyses"] == 1
    assert shown["bytes"] > 1000
    main(["cache", "clear"])
    assert "Removed 1 analyses" in capsys.readouterr().out
    left = sorted(path.name for path in cache_folder().rglob("*") if path.is_file())
    assert left == ["mine", "mine.txt"]
