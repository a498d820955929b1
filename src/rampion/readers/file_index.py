"""Which files of a folder a sample sheet names, found without comparing every row with every file.

All paths, in one spelling (Unicode NFC, lower case, ``/``), are in one text; a name is looked up in a dictionary, and a
pattern or a sample's name is sought in the text by its rarest literal and compared only where that occurs.
"""

from __future__ import annotations

import bisect
import difflib
import fnmatch
import functools
import posixpath
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

_BREAK = "\0"  # occurs in no file's name
_NEAR = 0.6
"""Least similarity (``difflib`` ratio) of a name that is offered for one that is not there: difflib's own default."""
_COMPARED = 20
"""Names compared in full: those that share most of the rarest groups of three characters with the one sought."""
_COUNTED = 3000
"""Occurrences of such groups that are counted; more cost time and hardly change which names share most."""
_FULL_PATH = re.compile(r"[a-z]:/|/")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileIndex:
    """The files of a folder, ready for look-up: ``names`` maps every way to call a file to places in ``files``."""

    files: tuple[str, ...]
    names: Mapping[str, tuple[int, ...]]
    paths: tuple[str, ...] = field(repr=False)
    text: str = field(repr=False)
    begins: tuple[int, ...] = field(repr=False)


def index_files(files: Iterable[str]) -> FileIndex:
    """The index of these files: paths with ``/``, relative to the folder."""
    files = tuple(files)
    paths = tuple(_folded(file) for file in files)
    names: dict[str, list[int]] = {}
    for number, path in enumerate(paths):
        folder, slash, name = path.rpartition("/")
        stem = posixpath.splitext(name)[0]
        for known in {path, name, stem, f"{folder}{slash}{stem}"}:
            names.setdefault(known, []).append(number)
    begins, position = [], 1
    for path in paths:
        begins.append(position)
        position += len(path) + 1
    return FileIndex(
        files=files,
        names=MappingProxyType({name: tuple(numbers) for name, numbers in names.items()}),
        paths=paths,
        text=_BREAK + _BREAK.join(paths) + _BREAK,
        begins=tuple(begins),
    )


def files_named(pattern: str, index: FileIndex) -> tuple[int, ...]:
    """The places of the files that a name or a pattern with ``*`` and ``?`` means, in order.

    A name matches the path, its last part, or either without its ending; letters' case does not matter. A full path
    (``C:\\data\\run\\S1.mpr``) matches by the longest end of it that is in the folder, if that is one file.
    """
    plain = _folded(pattern).removeprefix("./")
    if "*" in plain or "?" in plain:
        return _files_like(plain, index)
    found = index.names.get(plain, ())
    if found or not _FULL_PATH.match(plain):
        return found
    while not found and "/" in plain:
        plain = plain.partition("/")[2]
        found = index.names.get(plain, ())
    return found if len(found) == 1 else ()


def files_with_word(word: str, index: FileIndex) -> tuple[int, ...]:
    """The places of the files whose path holds the whole word (``S1`` is in ``S1_LSV.mpr``, not in ``S10.mpr``)."""
    word = _folded(word)
    if not word:
        return ()
    text, found = index.text, []
    for place in _occurrences(word, text):
        before, after = text[place - 1], text[place + len(word)]
        if not (before.isalnum() or after.isalnum()):
            found.append(_number_at(place, index))
    return tuple(dict.fromkeys(found))


def nearest_file(name: str, index: FileIndex) -> str:
    """The existing file whose name (or path, where one is given) is most like the given one; empty where none is."""
    wanted = _folded(name)
    part = str if "/" in wanted else posixpath.basename
    groups = {wanted[place : place + 3] for place in range(max(1, len(wanted) - 2))}
    shared: Counter[int] = Counter()
    for count, group in sorted((index.text.count(group), group) for group in groups):
        if shared and shared.total() + count > _COUNTED:
            break
        shared.update({_number_at(place, index) for place in _occurrences(group, index.text)})
    likely = [number for number, _ in shared.most_common(_COMPARED)]
    candidates = {part(index.paths[number]): number for number in reversed(likely)}
    near = difflib.get_close_matches(wanted, candidates, n=1, cutoff=_NEAR)
    return index.files[candidates[near[0]]] if near else ""


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", path.replace("\\", "/")).casefold()


def _files_like(pattern: str, index: FileIndex) -> tuple[int, ...]:
    # only * and ? are wildcards: [ and ] occur in real file names
    like = re.compile(fnmatch.translate(pattern.replace("[", "[[]"))).match
    literals = [literal for literal in re.split(r"[*?]+", pattern) if literal]
    if literals:
        rarest = min(literals, key=lambda literal: _count(literal, index.text))
        numbers: Sequence[int] = tuple(dict.fromkeys(_number_at(p, index) for p in _occurrences(rarest, index.text)))
    else:
        numbers = range(len(index.files))
    return tuple(n for n in numbers if like(index.paths[n]) or like(index.paths[n].rpartition("/")[2]))


@functools.lru_cache(maxsize=64)
def _count(literal: str, text: str) -> int:
    return text.count(literal)


def _number_at(place: int, index: FileIndex) -> int:
    return bisect.bisect_right(index.begins, place) - 1


def _occurrences(literal: str, text: str) -> Iterator[int]:
    place = text.find(literal, 1)
    while place >= 0:
        yield place
        place = text.find(literal, place + 1)
