"""One writer: either the earlier run's files or the new ones, whatever happens on the way; nothing else is touched."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import interrupted_sets
from interrupted_sets import FIRST, SECOND, standing, write_set
from rampion import file_writing, results_folder
from rampion.errors import InputError, RampionError, RefusedError
from rampion.file_writing import write_file
from rampion.records import file_hash
from rampion.results_folder import MANIFEST, new_set, read_manifest


def manifest(folder: Path) -> dict[str, str]:
    return json.loads((folder / MANIFEST).read_text())["files"]


def test_the_manifest_names_every_file_with_its_hash(tmp_path):
    write_set(tmp_path, FIRST)
    assert manifest(tmp_path) == {name: file_hash(tmp_path / name) for name in sorted(FIRST)}
    write_set(tmp_path, SECOND)
    assert standing(tmp_path) == SECOND
    assert manifest(tmp_path) == {name: file_hash(tmp_path / name) for name in sorted(SECOND)}
    write_set(tmp_path, {"results.json": "third"})
    assert not (tmp_path / "samples").exists()
    assert standing(tmp_path) == {"results.json": "third"}


@pytest.mark.skipif(os.name == "nt", reason="forks")
def test_killed_before_any_operation_on_the_disk_the_folder_holds_one_run(tmp_path):
    done = subprocess.run(
        [sys.executable, interrupted_sets.__file__, tmp_path], capture_output=True, text=True, check=True
    )
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(told) > 40
    first, second = FIRST | {"mine.txt": "foreign"}, SECOND | {"mine.txt": "foreign"}
    seen = set()
    for each in told:
        killed = each["killed"]
        whole = [one for one in (first, second) if killed == one]
        # while files move, some may be missing, but those of two runs never stand together
        assert killed.items() <= first.items() or killed.items() <= second.items(), killed
        seen.add("first" if whole == [first] else "second" if whole else "between")
        assert each["after"] == second
        assert set(each["hidden"]) <= {".rampion-lock"}
    assert seen == {"first", "second", "between"}
    assert told[-1]["status"] == 0


def test_a_run_that_fails_leaves_the_earlier_one(tmp_path):
    write_set(tmp_path, FIRST)
    before = (tmp_path / MANIFEST).read_bytes()

    def fail() -> None:
        with new_set(tmp_path, "study", {}) as made:
            (made.folder / "results.json").write_text("half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "results.json")

    with pytest.raises(RefusedError, match="no room"):
        fail()
    assert standing(tmp_path) == FIRST
    assert (tmp_path / MANIFEST).read_bytes() == before
    assert not (tmp_path / ".rampion-new").exists()


@pytest.mark.parametrize("failing", range(1, 8))
def test_a_file_that_cannot_be_moved_puts_all_back(tmp_path, monkeypatch, failing):
    """As on Windows, where a file that is open in another program cannot be replaced."""
    write_set(tmp_path, FIRST)
    move, count = results_folder._move, []

    def held(origin, place, moves):
        count.append(origin)
        if len(count) == failing:
            raise PermissionError(errno.EACCES, "used by another process", str(origin))
        move(origin, place, moves)

    monkeypatch.setattr(results_folder, "_move", held)
    monkeypatch.setattr(file_writing, "WINDOWS", True)
    with pytest.raises(RefusedError, match="is open in another program"):
        write_set(tmp_path, SECOND)
    monkeypatch.undo()
    assert standing(tmp_path) == FIRST
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == [".rampion-lock"]
    write_set(tmp_path, SECOND)
    assert standing(tmp_path) == SECOND


@pytest.mark.parametrize("name", ["", "/", "..", "inner/../mine.txt", "C:x", ".rampion-lock", "a\0b"])
def test_names_that_are_no_places(tmp_path, name):
    (tmp_path / "inner").mkdir()
    assert results_folder.place_in(tmp_path, name) is None
    assert results_folder.place_in(tmp_path, "inner/mine.txt") == tmp_path / "inner" / "mine.txt"


def test_foreign_files_are_never_touched(tmp_path):
    (tmp_path / "report.html").write_text("mine")
    with pytest.raises(RefusedError, match=r"report\.html that no rampion-manifest\.json names"):
        write_set(tmp_path, FIRST)
    assert standing(tmp_path) == {"report.html": "mine"}
    (tmp_path / "report.html").rename(tmp_path / "mine.html")
    write_set(tmp_path, FIRST)
    (tmp_path / "samples" / "mine.html").write_text("mine too")
    write_set(tmp_path, {"results.json": "third"})
    assert standing(tmp_path) == {"results.json": "third", "mine.html": "mine", "samples/mine.html": "mine too"}


@pytest.mark.parametrize(
    "name", ["../outside.txt", "/outside.txt", "inner/../../outside.txt", "link/outside.txt", ".rampion-new/x", "a\\b"]
)
def test_a_prepared_manifest_deletes_nothing_outside(tmp_path, name):
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    for place in (outside, folder, folder / "inner"):
        place.mkdir()
    (folder / "link").symlink_to(outside)
    victims = [tmp_path / "outside.txt", outside / "outside.txt", folder / "mine.txt"]
    for victim in victims:
        victim.write_text("mine")
    name = str(tmp_path / "outside.txt") if name == "/outside.txt" else name
    files = {name: file_hash(victims[0])}
    told = json.dumps({"version": 1, "verb": "study", "options": {}, "files": files})
    (folder / MANIFEST).write_text(told)
    decided = folder / ".rampion-decided"
    decided.mkdir()
    (decided / MANIFEST).write_text(told)
    write_set(folder, FIRST)
    assert all(victim.read_text() == "mine" for victim in victims)
    assert standing(folder) == FIRST | {"mine.txt": "mine"}


def test_a_set_is_not_written_through_a_link(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "samples").symlink_to(outside)
    with pytest.raises(RefusedError, match="leads out of"):
        write_set(tmp_path / "folder", FIRST)
    assert not list(outside.iterdir())


@pytest.mark.parametrize("content", ["", "{", '{"files": 3}', "[" * 100_000])
def test_a_damaged_manifest_does_not_end_the_run(tmp_path, content):
    write_set(tmp_path, FIRST)
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / MANIFEST).write_text(content)
    write_set(tmp_path, SECOND)
    # what the lost manifest named is not known any more, so that it stays
    assert standing(tmp_path) == FIRST | SECOND | {"mine.txt": "mine"}
    assert manifest(tmp_path).keys() == SECOND.keys()


def test_two_at_once_wait_for_each_other(tmp_path, monkeypatch):
    inside, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        with new_set(tmp_path, "study", {}) as made:
            inside.set()
            go_on.wait(30)
            (made.folder / "results.json").write_text("slow")

    first = threading.Thread(target=slow)
    first.start()
    assert inside.wait(30)
    monkeypatch.setattr(results_folder, "WAIT", 0.1)
    with pytest.raises(RefusedError, match="Another rampion writes into"):
        write_set(tmp_path, SECOND)
    monkeypatch.undo()
    second = threading.Thread(target=write_set, args=(tmp_path, SECOND))
    second.start()
    go_on.set()
    first.join()
    second.join()
    assert standing(tmp_path) == SECOND


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="stands in its way"):
        write_set(tmp_path / "file" / "out", FIRST)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES])
def test_one_file_is_there_wholly_or_not_at_all(tmp_path, monkeypatch, number):
    path = write_file(tmp_path / "new" / "a.txt", "old")

    def full(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(file_writing.os, "fsync", full)
    with pytest.raises(RampionError, match=r"a\.txt"):
        write_file(path, "new")
    assert [one.name for one in path.parent.iterdir()] == ["a.txt"]
    assert path.read_text() == "old"


@pytest.mark.skipif(os.name == "nt", reason="nobody can be asked there")
def test_part_files_of_the_dead_are_removed_and_those_of_the_living_left(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    host = file_writing._host()
    dead, living = (tmp_path / f".{host}-{number}-0.part" for number in (child.pid, os.getpid()))
    other = tmp_path / f".else{host}-{child.pid}-0.part"
    for path in (dead, living, other):
        path.write_text("part")
    file_writing.remove_leftovers(tmp_path)
    assert not dead.exists()
    assert living.exists()
    assert other.exists()


def test_a_changed_file_of_the_set_is_not_taken_for_the_written_one(tmp_path):
    write_set(tmp_path, FIRST)
    with new_set(tmp_path, "study", {}) as made:
        assert made.standing("samples/A.html") == tmp_path / "samples" / "A.html"
        (tmp_path / "samples" / "A.html").write_text("cut")
        assert made.standing("samples/A.html") is None
        made.keep("samples/A.html", "samples/B.html")
    assert standing(tmp_path) == {"samples/B.html": "of the first"}
    assert read_manifest(tmp_path).files.keys() == {"samples/B.html"}


def test_nothing_else_removes_or_moves_files():
    """The rule of what may be deleted has one home; the cache removes its own entries."""
    source = Path(results_folder.__file__).parent
    allowed = {"file_writing.py", "results_folder.py", "study/cache.py"}
    doing = re.compile(r"\.unlink\(|rmtree\(|os\.remove\(|os\.replace\(|\.rename\(|shutil\.move\(")
    found = {
        path.relative_to(source).as_posix() for path in source.rglob("*.py") if doing.search(path.read_text("utf-8"))
    }
    assert found == allowed
