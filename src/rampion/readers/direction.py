"""The direction of a current that a tester wrote without sign, from its column of states (charge, discharge, rest).

Positive current charges the cell. States are Maccor's letters (``C``, ``D``, ``R``, ``P``, ``S``), Neware's step types
(``CC Chg``, ``CCCV_DChg``), or words (``Charge``, ``Entladen``, ``放电``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from rampion.estimate import Flag
from rampion.readers.flags import ReaderFlag

STATE_COLUMNS = ("state", "md", "mode", "steptype", "status", "command", "steptypename", "chargedischarge")
"""Names of columns that may hold the state, in lower case without blanks and underscores."""
_DISCHARGE = re.compile(r"^(d|dis|dcha?|entladen)$|d(is)?_?cha?r?ge?(ing)?\b|dch?g\b|放电|discharg", re.I)
_CHARGE = re.compile(r"^(c|cha|laden)$|cha?r?ge?(ing)?\b|充电|charg", re.I)


def sign_of(state: str) -> int:
    """1 where the state charges the cell, −1 where it discharges it, 0 for rest, pause and what is not known."""
    word = state.strip().strip("\"'")
    if _DISCHARGE.search(word):
        return -1
    return 1 if _CHARGE.search(word) else 0


def directed_current(
    current: Float[np.ndarray, " n"], states: Sequence[str], column: str
) -> tuple[Float[np.ndarray, " n"], tuple[Flag, ...]]:
    """The current with its direction: as it stands where it has signs, by the states where it has none.

    Where an unsigned current flows in a state that tells no direction, it becomes NaN, with a flag.
    """
    known = {state: sign_of(state) for state in set(states)}
    signs = np.array([known[state] for state in states], dtype=float)
    flows = np.isfinite(current) & (current != 0)
    if not (flows & (signs != 0)).any():
        return current, ()
    if (current[flows] < 0).any():
        return current, ()
    if not (flows & (signs < 0)).any() and not (flows & (signs == 0)).any():
        return current, ()  # a record of charges alone
    unknown = flows & (signs == 0)
    directed = np.where(flows, current * signs, current)
    directed[unknown] = np.nan
    flags = (ReaderFlag.DIRECTION_FROM_STATE.flag(column=column),)
    if unknown.any():
        words = sorted({state for state, one in zip(states, unknown, strict=True) if one})
        flags += (ReaderFlag.DIRECTION_UNKNOWN.flag(count=int(unknown.sum()), states=", ".join(words[:5])),)
    return directed, flags
