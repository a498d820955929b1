"""A results folder whose files belong to one run: all of a run's files come to stand there, or none.

``rampion-manifest.json`` names the files of the run that the folder holds, each with its SHA-256. A run writes its
files into a hidden folder inside; when all are whole, one renaming decides that they count, and they are moved into
place: the earlier run's files go first, so that files of two runs never stand together. Whoever is killed on the way
leaves the hidden folder, and the next run in that folder drops it, or completes the move where it was decided.

Only files that the manifest names and that lie inside the folder are ever replaced or removed.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import Any

from rampion.errors import RefusedError
from rampion.estimate import Flag
from rampion.file_writing import in_one_sentence, remove_leftovers, write_file
from rampion.records import file_hash, to_json, to_plain

MANIFEST = "rampion-manifest.json"
WAIT = 60.0  # s for another process that writes into the same folder; then one sentence
_NEW, _DECIDED, _OLD, _LOCK = ".rampion-new", ".rampion-decided", ".rampion-old", ".rampion-lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The files of the run that a folder holds, by their path in it, with their SHA-256; ``whole`` unless damaged."""

    verb: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    whole: bool = True


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NewSet:
    """The files of a run in the making: they are written into ``folder`` and come to stand in ``target``.

    ``flags`` gathers what of them could not be made.
    """

    folder: Path
    target: Path
    earlier: Manifest
    kept: dict[str, str] = field(default_factory=dict)
    flags: list[Flag] = field(default_factory=list)

    def standing(self, name: str) -> Path | None:
        """The earlier run's file of that name, ``None`` where there is none or it is not as it was written."""
        place = place_in(self.target, name)
        known = self.earlier.files.get(name)
        return place if known is not None and place is not None and _is_as_written(place, known) else None

    def keep(self, *names: str) -> None:
        """Let the earlier run's files of these names belong to this run too."""
        self.kept.update({name: self.earlier.files[name] for name in names if self.standing(name) is not None})

    def placed(self, path: Path) -> Path:
        """Where a file written into ``folder`` comes to stand."""
        return self.target / path.relative_to(self.folder)


@contextmanager
def new_set(target: Path | str, verb: str, options: Mapping[str, Any]) -> Iterator[NewSet]:
    """Write the files of one run: what stands in the set's folder when the block ends takes the earlier run's place.

    When the block fails, or the disk is full, the earlier run's files stay as they are.

    Raises
    ------
    RefusedError
        When another process writes there, the place cannot be written, or a file stands in the way that no manifest
        names.
    """
    target = Path(target)
    with in_one_sentence(target):
        target.mkdir(parents=True, exist_ok=True)
        with _alone(target):
            _repair(target)
            made = NewSet(folder=target / _NEW, target=target, earlier=read_manifest(target) or Manifest())
            made.folder.mkdir()
            try:
                yield made
                _commit(made, verb, options)
            finally:
                with suppress(OSError):
                    _drop(made.folder)


def read_manifest(folder: Path | str) -> Manifest | None:
    """The manifest of a folder; ``None`` where there is none. One that cannot be read names no file."""
    path = Path(folder) / MANIFEST
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_bytes())
        files = {str(name): str(digest) for name, digest in content["files"].items()}
        return Manifest(verb=str(content["verb"]), options=dict(content["options"]), files=files)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Manifest(whole=False)


def place_in(folder: Path, name: str) -> Path | None:
    """Where the file of that name lies; ``None`` for a name that leads out of the folder, links followed."""
    parts = PurePosixPath(name).parts
    if not parts or parts[0].startswith((".rampion-", "/")) or ".." in parts or set(name) & set("\\:\0"):
        return None
    path = folder.joinpath(*parts)
    try:
        inside = path.parent.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):
        return None
    return path if inside else None


def refuse_foreign(folder: Path | str, names: Iterable[str]) -> None:
    """Refuse a folder in which files of these names stand that rampion did not write there.

    Raises
    ------
    RefusedError
        With the name of the first.
    """
    folder = Path(folder)
    known = read_manifest(folder) or Manifest()
    for name in names:
        place = place_in(folder, name)
        if place is None or any(one.exists() and not one.is_dir() for one in _above(place, folder)):
            raise RefusedError(f"{name} leads out of {folder} or through a file; name another folder with -o.")
        # with a damaged manifest the folder is one of rampion's all the same; what it named is not known any more
        if known.whole and name not in known.files and (place.exists() or place.is_symlink()):
            raise RefusedError(
                f"{folder} holds a {name} that no {MANIFEST} names, so it is not overwritten: name another folder "
                "with -o, or move it away."
            )


def _above(place: Path, folder: Path) -> list[Path]:
    return [one for one in place.parents if one != folder and one.is_relative_to(folder)]


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    """Only one process at a time writes into the folder; the system ends the hold of one that dies."""
    from filelock import FileLock, Timeout

    lock = FileLock(str(target / _LOCK), timeout=WAIT)
    try:
        lock.acquire()
    except Timeout:
        raise RefusedError(
            f"Another rampion writes into {target}: wait until it is done, or name another folder with -o."
        ) from None
    except NotImplementedError:  # a file system without locks keeps nobody apart
        pass
    try:
        yield
    finally:
        lock.release()


def _commit(made: NewSet, verb: str, options: Mapping[str, Any]) -> None:
    """Decide that the new files count, and move them into place."""
    files = dict(made.kept)
    for path in sorted(one for one in made.folder.rglob("*") if one.is_file()):
        name = path.relative_to(made.folder).as_posix()
        files[name] = digest = file_hash(path)
        if made.earlier.files.get(name) == digest and made.standing(name) is not None:
            path.unlink()  # it stands there already
            continue
        with path.open("rb+") as stream:
            os.fsync(stream.fileno())
    refuse_foreign(made.target, files)
    content = {
        "version": 1,
        "software": f"rampion {version('rampion')}",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "verb": verb,
        "options": to_plain(options),
        "files": dict(sorted(files.items())),
    }
    write_file(made.folder / MANIFEST, to_json(content) + "\n")
    made.folder.rename(made.target / _DECIDED)
    _complete(made.target, back=True)


def _repair(target: Path) -> None:
    """Bring a folder in order in which a run was killed: complete what was decided, drop the rest."""
    if (target / _DECIDED).is_dir() and not (target / _DECIDED).is_symlink():
        _complete(target, back=False)
    for name in (_DECIDED, _NEW, _OLD):
        _drop(target / name)
    remove_leftovers(target)


def _complete(target: Path, back: bool) -> None:
    """Move the decided files into place, the earlier run's out of it first; where that fails all goes ``back``, or
    stays for the next run to complete.
    """
    decided, old = target / _DECIDED, target / _OLD
    new, before = read_manifest(decided), read_manifest(target) or Manifest()
    moves: list[tuple[Path, Path]] = []
    if new is not None and new.whole:
        waiting = [
            name
            for name in new.files
            if (staged := place_in(decided, name)) is not None
            and staged.is_file()
            and place_in(target, name) is not None
        ]
        leaving = [name for name in before.files if name not in new.files]
        refuse_foreign(target, waiting)
        leaving += waiting
        try:
            for name in leaving:
                place = place_in(target, name)
                if place is not None and (place.is_symlink() or place.is_file()):
                    _move(place, old / name, moves)
            for name in waiting:
                _move(decided / name, target / name, moves)
            _move(decided / MANIFEST, target / MANIFEST, moves)
        except OSError:
            if back:
                for origin, place in reversed(moves):
                    place.replace(origin)
                _drop(decided)
                _drop(old)
            raise
        for name in before.files:
            _leave_empty(target, name)
    _drop(decided)
    _drop(old)


def _move(origin: Path, place: Path, moves: list[tuple[Path, Path]]) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    origin.replace(place)
    moves.append((origin, place))


def _leave_empty(target: Path, name: str) -> None:
    """Remove the folders in which nothing is left."""
    place = place_in(target, name)
    for above in _above(place, target) if place is not None else ():
        with suppress(OSError):  # not empty, or not there
            above.rmdir()


def _drop(path: Path) -> None:
    """Remove a hidden folder of this module's; of a link only the link."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        shutil.rmtree(path)


def _is_as_written(path: Path, digest: str) -> bool:
    return path.is_file() and not path.is_symlink() and file_hash(path) == digest
