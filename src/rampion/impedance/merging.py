"""Whether an arc of the ceramic is still the ceramic alone, or has another process in it.

Two arcs at nearly one frequency are one hump, and nothing in one spectrum parts them. Along a series a process that
comes up there raises the arc's resistance, and it moves the capacitance or the width as well: the ceramic's own
resistance grows without that, because the geometry fixes its capacitance.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from rampion.impedance.tracks import Path, state_of

_GEOMETRIC = 0.15  # what ln C of the ceramic may do, at any resistance, before it is in doubt that it is alone
_OWN = (0.05, 0.01)  # what ln C and α of the ceramic do while its resistance changes
_JOINED = (0.3, 0.05)  # what they do while another arc grows into it
_RISE = 0.03  # of ln R: less is no other process worth the name
_SMALL = 0.4  # of ln R: what joins by less need not show in C and α


def _density(misfit: float, variance: float) -> float:
    return math.exp(-0.5 * misfit**2 / variance) / math.sqrt(variance)


def alone(path: Path) -> Float[np.ndarray, " m"]:
    """The probability that the arc of each spectrum is the ceramic's alone; NaN where there is none.

    Where ln R has risen by more than 3 % and twice its uncertainty over the least seen before, P = a/(a + j) with the
    normal densities of the changes of ln C and α since the path began: a for the ceramic's own (5 % and 0.01 beside
    the uncertainties), j for an arc that another has joined (30 % and 0.05). A small rise (below 0.4) need not show
    there, and is trusted no more than the nearest larger one of the same rise. At any resistance ln C must not stray by
    more than the geometry lets it.

    Assumes the path began with the ceramic alone. Fails where the other arc leaves capacitance and width within the
    uncertainty, and where it was there from the first spectrum on.
    """
    there = [index for index, member in enumerate(path.members) if member is not None]
    states = {index: state_of(member) for index in there if (member := path.members[index]) is not None}
    (_, first_c, first_a), (_, wide_c, wide_a) = states[there[0]]
    out = np.full(len(path.members), math.nan)
    rises: dict[int, float] = {}
    low, low_variance = states[there[0]][0][0], states[there[0]][1][0]
    for index in there:
        (r, c, a), (vr, vc, va) = states[index]
        moved = c - first_c, a - first_a
        variances = vc + wide_c, va + wide_a
        strayed = moved[0] ** 2 / (variances[0] + _GEOMETRIC**2)
        out[index] = math.exp(-0.5 * max(strayed - 2.25, 0.0))
        if r - low < _RISE + 2 * math.sqrt(vr + low_variance):
            if r < low:
                low, low_variance = r, vr
            continue
        own = math.prod(_density(x, v + o**2) for x, v, o in zip(moved, variances, _OWN, strict=True))
        joined = math.prod(_density(x, v + o**2) for x, v, o in zip(moved, variances, _JOINED, strict=True))
        out[index] = min(out[index], own / (own + joined) if own + joined > 0 else 0.0)
        rises[index] = r - low
    return _as_the_larger(out, rises, there)


def _as_the_larger(
    sure: Float[np.ndarray, " m"], rises: Mapping[int, float], there: Sequence[int]
) -> Float[np.ndarray, " m"]:
    """The probabilities with those of small rises no larger than that of the nearest large one of the same rise."""
    out = sure.copy()
    for whole, group in itertools.groupby(there, key=rises.__contains__):
        row = list(group) if whole else []
        large = [index for index in row if rises[index] >= _SMALL]
        for index in row:
            if large and rises[index] < _SMALL:
                out[index] = min(sure[index], sure[min(large, key=lambda other: abs(other - index))])
    return out
