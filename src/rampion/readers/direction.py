"""The sign of a current that a cycler writes without one: from a column of words, else found missing.

Cyclers such as Maccor's, Neware's, Digatron's and PEC's may write the size of the current alone and its direction in a
column of states (``C``/``D``/``R``, ``CC_Chg``, ``Discharge``). One rule serves every reader: charge is positive,
discharge negative; a current whose direction is not known is left out, never read as positive.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rampion.estimate import Flag
from rampion.readers.flags import ReaderFlag


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectionRule:
    """When a current counts as flowing, and when the cell voltage shows its direction.

    ``resting`` [fraction of the largest current]: below it a row is at rest; the offset of a cycler's range is at most
    1e-3 of it. ``jump`` [V]: the least step of the cell voltage, where a current sets in, that shows its direction; it
    is above the resolution (1 mV) and the noise of cyclers. ``reversal`` [V]: from at least this to at least this of
    the other sign in one step; above the noise of a shorted cell. ``steady`` [fraction]: a current that changes by
    less did not change in that step.
    """

    resting: float = 2e-3
    jump: float = 5e-3
    reversal: float = 2e-2
    steady: float = 0.1


RULE = DirectionRule()
_HEADERS = re.compile(
    r"(md|mode|state|status|step ?type|type|direction|command|step ?mode|step ?name|step ?state|work ?mode|"
    r"chg/?dchg|charge/discharge|current ?direction|record ?type|zustand|modus|schritttyp)"
)
_DISCHARGE = re.compile(r"(?<![a-z])d(is)?-?(c?hg|cha?(?![a-z])|charg)|(?<![a-z])disc?(?![a-z])|entlad|放电")
_CHARGE = re.compile(r"(?<![a-z])(chg|cha?(?![a-z])|charg)|(?<![a-z])(auf)?lade|充电")


def is_direction(header: str) -> bool:
    """Whether a column's header says that its words are the states of a cycler."""
    plain = re.sub(r"[\s._]+", " ", header.strip().strip("~\"'").lower()).strip()
    return bool(_HEADERS.fullmatch(plain))


def sign_of(state: str) -> int:
    """1 where the state charges the cell, −1 where it discharges it, 0 for rest, pause and what is not known.

    >>> sign_of("CC_DChg"), sign_of("CCCV Chg"), sign_of("R"), sign_of("FRA")
    (-1, 1, 0, 0)
    """
    plain = state.strip().strip("\"'").lower()
    for part in (plain, re.split(r"[\s_./-]+", plain)[0]):  # 'C', or 'C_CC'
        if part in ("c", "d"):
            return 1 if part == "c" else -1
    spaced = re.sub(r"(?<![a-z])(cccv|cvcc|cc|cv|cp|cr)(?=[a-z])", r"\1 ", plain)  # 'CCDChg'
    return -1 if _DISCHARGE.search(spaced) else 1 if _CHARGE.search(spaced) else 0


def directed_current(
    current: Float[np.ndarray, " n"],
    states: Sequence[str] | None = None,
    column: str = "",
    potential: Float[np.ndarray, " n"] | None = None,
    rule: DirectionRule = RULE,
) -> tuple[Float[np.ndarray, " n"], tuple[Flag, ...]]:
    """The current with its sign [A], and a flag where the sign was taken from the states or is not known.

    A current that is negative in rows of discharge, or of charge, carries its sign and is returned as it is.
    Otherwise rows of discharge become negative, and rows that flow in a state of neither become NaN. Where no row is
    known to be discharge, a current that is never negative although the cell voltage jumps both up and down where it
    sets in, or reverses under it, is NaN where it flows.

    *Assumes* that charge is the direction that raises the cell voltage. *Fails when* a run of discharge alone has no
    known state: it then keeps its positive sign.

    Parameters
    ----------
    current : [A], any scale; NaN where not recorded.
    states : the word of each row, or ``None``; ``column`` is the name of theirs.
    potential : [V] of the cell, with which a missing sign is found out.
    """
    size = np.abs(np.nan_to_num(current))
    flowing = size > rule.resting * size.max(initial=0.0)
    if not flowing.any():
        return current, ()
    if states is not None:
        known = {state: sign_of(state) for state in set(states)}
        signs = np.array([known[state] for state in states])
        charge, discharge = ((size > 0) & (signs == sign) for sign in (1, -1))
        if discharge.any():
            return _signed(current, flowing, charge, discharge, states, column)
    negative = flowing & (current < 0)
    if negative.any() or potential is None or not _turns(current, potential, flowing, rule):
        return current, ()
    lost = np.where(flowing, np.nan, current)
    shown = _words(states, flowing) if states is not None else "no column of states"
    return lost, (ReaderFlag.DIRECTION_UNKNOWN.flag(count=int(flowing.sum()), states=shown),)


def _signed(
    current: np.ndarray,
    flowing: np.ndarray,
    charge: np.ndarray,
    discharge: np.ndarray,
    states: Sequence[str],
    column: str,
) -> tuple[np.ndarray, tuple[Flag, ...]]:
    if np.median(current[discharge]) < 0 or (charge.any() and np.median(current[charge]) < 0):
        return current, ()  # it carries its own sign
    signed = np.where(discharge, -current, current)
    flags = (ReaderFlag.DIRECTION_FROM_STATE.flag(column=column),)
    unknown = flowing & ~(charge | discharge)
    if unknown.any():
        signed[unknown] = np.nan
        flags += (ReaderFlag.DIRECTION_UNKNOWN.flag(count=int(unknown.sum()), states=_words(states, unknown)),)
    return signed, flags


def _words(states: Sequence[str], rows: np.ndarray) -> str:
    return ", ".join(sorted({state for state, one in zip(states, rows, strict=True) if one})[:5])


def _turns(current: np.ndarray, potential: np.ndarray, flowing: np.ndarray, rule: DirectionRule) -> bool:
    """Whether a current of one sign must have flowed both ways.

    The cell voltage jumps up and down where the current sets in after a rest, or turns its sign under a steady current.
    """
    onset = np.flatnonzero(~flowing[:-1] & flowing[1:] & np.isfinite(current[:-1]))
    jumps = potential[onset + 1] - potential[onset]
    steady = flowing[:-1] & flowing[1:] & (np.abs(np.diff(current)) < rule.steady * np.abs(current[1:]))
    large = np.abs(potential) > rule.reversal
    reversed_ = steady & large[:-1] & large[1:] & (potential[:-1] * potential[1:] < 0)
    return bool(((jumps > rule.jump).any() and (jumps < -rule.jump).any()) or reversed_.any())
