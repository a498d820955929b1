"""What no instrument can deliver: readings beyond every cycler's, potentiostat's and analyser's range, in any format.

A reading beyond these limits shows a damaged file or a wrong unit, never a cell. Text keeps its other lines: there, a
few such points (an overload written as ``9.9E37``) are dropped and counted. In a binary file one impossible value shows
that the bytes around it cannot be believed either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool

from rampion.errors import InputError
from rampion.estimate import Flag
from rampion.measurement import Spectrum, Trace
from rampion.readers.flags import ReaderFlag


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """The widest ranges of any instrument, far outside what a cell shows; beyond them a reading is damage.

    potential : [V] potentiostats end at 100 V, battery testers at about 1 kV, dielectric analysers at 3 kV.
    current : [A] the largest battery testers end at some kA.
    impedance : [Ω] shunts end at about 1 µΩ, dielectric analysers at 1e14 Ω; exactly 0 is no reading.
    frequency : [Hz] dielectric spectroscopy spans 3 µHz to some tens of GHz.
    time : [s] 3,000 years, so that clocks that count from 1904, 1900 or year 0 are within.
    share : the largest share of a text's points that is dropped and flagged; a wrong unit or a damaged file has more.
    """

    potential: float = 1e4
    current: float = 1e5
    impedance: tuple[float, float] = (1e-9, 1e15)
    frequency: tuple[float, float] = (1e-8, 1e11)
    time: float = 1e11
    share: float = 0.05


REACH = Reach()
_LEAST = 1e-37  # what is left of a number of four or eight bytes whose leading byte is zero lies below it


def within_reach(
    parts: Sequence[Trace | Spectrum], name: str, *, binary: bool, reach: Reach = REACH
) -> tuple[tuple[Trace | Spectrum, ...], tuple[Flag, ...]]:
    """The parts without the points that no instrument can deliver, and a flag that counts these.

    Raises
    ------
    InputError
        When a binary file holds such a point, or more than a few of a text's points are such.
    """
    if binary and (empty := sum(map(_unwritten, parts, [False] + [True] * (len(parts) - 1)))):
        raise InputError(
            f"{name} gives {empty} points that are zero in every column, as a crash or a broken copy leaves them; "
            "the numbers beside them may be cut: export the run again from the instrument's program."
        )
    if binary and (remains := sum(map(_remains, parts))):
        raise InputError(
            f"{name} gives {remains} numbers below 1e-37, the remains of numbers that a crash or a broken copy cut; "
            "export the run again from the instrument's program."
        )
    found = [_beyond(part, reach) for part in parts]
    lost = [np.logical_or.reduce([wrong for wrong, _ in one]) for one in found]
    count, total = sum(int(one.sum()) for one in lost), sum(map(len, parts))
    if not count:
        return tuple(parts), ()
    first = next(text for one in found for wrong, text in one if wrong.any())
    if binary or count > reach.share * total:
        raise InputError(
            f"{name} gives {count} of {total} points that no instrument can deliver (the first: {first}); the file is "
            "damaged or a unit is wrong: export it again, or say which column is what in which unit."
        )
    kept = tuple(_selected(part, ~wrong) for part, wrong in zip(parts, lost, strict=True) if not wrong.all())
    return kept, (ReaderFlag.BEYOND_REACH.flag(count=count, example=first),)


def _unwritten(part: Trace | Spectrum, follows: bool) -> int:
    """Points whose every recorded number is exactly zero, time included; the first of a record may be such.

    Of a spectrum those without imaginary part: no analyser reads exactly 0, and two such are no chance.
    """
    if isinstance(part, Spectrum):
        real = int(np.sum(np.imag(part.impedance) == 0))
        return real if real > 1 else 0
    columns = [column for column in (part.time, part.potential, part.current) if np.isfinite(column).any()]
    zero = np.logical_and.reduce([column == 0 for column in columns])
    alone = zero.all() and (follows or zero.size == 1)
    return int(np.sum(zero if alone else zero[1:]))


def _remains(part: Trace | Spectrum) -> int:
    """Numbers that are not zero and yet so small as only the first bytes of a cut number are."""
    if isinstance(part, Spectrum):
        columns = [part.frequency, np.real(part.impedance), np.imag(part.impedance)]
    else:
        columns = [part.potential, part.current]
    return sum(int(np.sum((column != 0) & (np.abs(column) < _LEAST))) for column in columns)


def _beyond(part: Trace | Spectrum, reach: Reach) -> list[tuple[Bool[np.ndarray, " n"], str]]:
    """Which points lie beyond reach, quantity by quantity, with the first such reading as text; a NaN lies within."""
    if isinstance(part, Trace):
        columns = [
            (np.abs(part.time), (0.0, reach.time), "s"),
            (np.abs(part.potential), (0.0, reach.potential), "V"),
            (np.abs(part.current), (0.0, reach.current), "A"),
        ]
    else:
        columns = [
            (part.frequency, reach.frequency, "Hz"),
            (np.abs(part.impedance), reach.impedance, "Ω"),
            (np.abs(part.time) if part.time is not None else np.zeros(len(part)), (0.0, reach.time), "s"),
            (np.full(len(part), abs(part.potential)), (0.0, reach.potential), "V"),
            (np.full(len(part), abs(part.current)), (0.0, reach.current), "A"),
        ]
    found = []
    for size, (least, most), unit in columns:
        wrong = (size < least) | (size > most)
        found.append((wrong, f"{size[int(np.argmax(wrong))]:.3g} {unit}" if wrong.any() else ""))
    return found


def _selected(part: Trace | Spectrum, kept: Bool[np.ndarray, " n"]) -> Trace | Spectrum:
    if kept.all():
        return part
    extra = {key: np.asarray(column)[kept] for key, column in part.extra.items()}
    time = part.time[kept] if part.time is not None else None
    if isinstance(part, Spectrum):
        return replace(part, frequency=part.frequency[kept], impedance=part.impedance[kept], time=time, extra=extra)
    temperature = part.temperature[kept] if part.temperature is not None else None
    potential, current = part.potential[kept], part.current[kept]
    return replace(part, time=time, potential=potential, current=current, temperature=temperature, extra=extra)
