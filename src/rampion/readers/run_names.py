"""What a file's name says of its run: EC-Lab's number, technique and channel, and whether two names are one.

EC-Lab writes ``cell_01_LSV_C02.mpr``, with one or two digits, a device (``_01_OCV_DUSB0_C01``), a letter before the
channel (``_CA1``) or ``_CH3``. *Assumes* that a name without a channel is a run's only where its last word is a
technique: ``pellet_10_MPa`` and ``pellet_20_MPa`` are two samples.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_CHANNEL = r"(?:C[A-H]?|CH)\d{1,3}"
_MEMBER = re.compile(
    r"^(?P<run>.+?)[_-](?P<number>\d{1,2})(?:(?<=\d\d)_(?P<repeat>\d))?_(?P<technique>[A-Za-z][A-Za-z0-9]*)"
    rf"(?:(?:_[A-Za-z]+\d+)?[_-](?P<channel>{_CHANNEL}))?$",  # a device may stand before the channel
    re.I,
)
_NUMBERED = re.compile(r"^(?P<run>.+?)[_ -]?#(?P<number>\d{1,3})$")
_CHANNEL_ALONE = re.compile(rf"[_ -](?P<channel>{_CHANNEL})$", re.I)
_TECHNIQUES = frozenset({
    "OCV", "OCP", "REST", "CV", "CVA", "LSV", "LSG", "LP", "CA", "CP", "HOLD",
    "EIS", "PEIS", "GEIS", "SPEIS", "SGEIS", "GALVEIS", "EISPOT", "GCPL", "GCPL2", "GCPL3", "GCPL4",
    "GCPL5", "GCPL6", "GCPL7", "CC", "CSTV", "CSTC", "BCD", "CLD", "APGC", "PCGA", "PPI",
    "PDR", "PSR", "MB", "MP", "SV", "CORPOT", "CHRONOA", "CHRONOP",
})  # fmt: skip
# Endings of instrument files that a name may carry twice (``cell.mpr.txt``).
ENDINGS = frozenset({".mpr", ".mpt", ".dta", ".nda", ".ndax", ".csv", ".txt", ".xlsx", ".z"})


@dataclass(frozen=True, slots=True)
class Member:
    """A file's place in a run, as its name says it.

    ``channel`` (in capitals) and ``technique`` are empty where the name has none: then it says little, and only files
    that follow on each other are one run.
    """

    run: str
    number: int
    technique: str
    channel: str
    repeat: int = 0

    @property
    def order(self) -> tuple[int, int]:
        """What files of one run are ordered by where their clocks are not known."""
        return (self.number, self.repeat)


def member_of(path: Path | str) -> Member | None:
    """The place in a run that the file's name says, or ``None``."""
    stem = Path(path).stem
    numbered = _NUMBERED.match(stem)
    if numbered is not None:
        return Member(run=numbered["run"], number=int(numbered["number"]), technique="", channel="")
    match = _MEMBER.match(stem)
    if match is None:
        return None
    short = len(match["number"]) == 1
    if match["channel"] is None and (short or match["technique"].upper() not in _TECHNIQUES):
        return None
    return Member(
        run=match["run"],
        number=int(match["number"]),
        technique=match["technique"],
        channel=(match["channel"] or "").upper(),
        repeat=int(match["repeat"] or 0),
    )


def channel_of(path: Path | str) -> str:
    """The channel at the end of a file's name in capitals, empty where there is none."""
    match = _CHANNEL_ALONE.search(Path(path).stem)
    return match["channel"].upper() if match else ""


def same_name(one: Path | str, other: Path | str) -> bool:
    """Whether two files of one folder are named alike but for endings, case, spaces and marks."""
    return Path(one).parent == Path(other).parent and bare_name(one) == bare_name(other)


def bare_name(path: Path | str) -> str:
    """The file's name without endings, case, spaces and marks; endings that number a run (``.001``) stay."""
    stem = Path(path).name if Path(path).suffix[1:].isdecimal() else Path(path).stem
    while Path(stem).suffix.lower() in ENDINGS:
        stem = Path(stem).stem
    return re.sub(r"[\W_]+", "", stem).casefold() or stem
