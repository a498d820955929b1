"""One file written whole: beside its place, then moved there, so that whoever looks finds the old one or the new one.

A process that is killed while it writes leaves only a hidden part file; the next one that writes there removes it.
"""

from __future__ import annotations

import errno
import os
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rampion.errors import InputError, RampionError, RefusedError

_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
_CLOSED = {errno.EACCES, errno.EPERM, errno.EROFS, getattr(errno, "ETXTBSY", errno.EACCES)}
_PART = ".part"
WINDOWS = os.name == "nt"


def write_file(path: Path | str, content: bytes | str) -> Path:
    """Write the file at once, text as UTF-8; folders above it are made.

    Raises
    ------
    RampionError
        One sentence where the disk is full, or the place cannot be written.
    """
    path = Path(path)
    part = path.with_name(f".{_host()}-{os.getpid()}-{uuid.uuid4().hex[:8]}{_PART}")
    with in_one_sentence(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("wb") as stream:
                stream.write(content.encode() if isinstance(content, str) else content)
                stream.flush()
                os.fsync(stream.fileno())
            part.replace(path)
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
    return path


def remove_leftovers(folder: Path) -> None:
    """Remove the part files that processes of this machine left in the folder when they were killed."""
    for part in folder.glob(f".{_host()}-*{_PART}"):
        number = part.name.removesuffix(_PART).split("-")[-2]
        if number.isdigit() and not _is_alive(int(number)):
            with suppress(OSError):
                part.unlink(missing_ok=True)


@contextmanager
def in_one_sentence(place: Path) -> Iterator[None]:
    """What keeps a file from being written (full disk, no permission, open elsewhere) as one sentence."""
    try:
        yield
    except OSError as error:
        sentence = _sentence(error, place)
        if sentence is None:
            raise
        raise sentence from error


def _sentence(error: OSError, place: Path) -> RampionError | None:
    where = Path(os.fsdecode(error.filename)).name if error.filename else place.name
    if error.errno in _FULL:
        return RefusedError(f"The disk has no room for {place}: make room, then run the same command again.")
    if isinstance(error, NotADirectoryError | FileExistsError | IsADirectoryError):
        return InputError(f"{place} cannot be written, as {where} stands in its way; name another place.")
    if error.errno in _CLOSED and WINDOWS:
        return RefusedError(f"{where} is open in another program, or write-protected: close it, then run this again.")
    if error.errno in _CLOSED:
        return RefusedError(f"{place} cannot be written ({error.strerror}): name another place, or allow it.")
    if error.errno == errno.ENAMETOOLONG:
        return InputError(f"{place} has too long a name for this disk; name a shorter one.")
    return None


def _host() -> str:
    return "".join(letter for letter in socket.gethostname() if letter.isalnum()) or "host"


def _is_alive(number: int) -> bool:
    """Whether a process of this number runs here; on Windows nobody can be asked, and all count as running."""
    if WINDOWS:
        return True
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
