"""Decimal text to numbers, a whole column at a time.

Instruments write millions of numbers in few layouts (``-1.2573022E-005``). All tokens of one layout are read
together: eight characters are loaded as one 64-bit word, checked to be digits, and turned into a number by three
multiplications. What fits no layout is reported and left to the caller. Results are correctly rounded for up to 15
digits and powers of ten up to 22, and within one unit in the last place otherwise.
"""

from __future__ import annotations

import re
import sys

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

PADDING = 24
"""Bytes that must stand before the first and after the last token of the text."""

_MOST_LAYOUTS = 12
_ZEROS = np.uint64(0x3030303030303030)
_TO_HIGH_BIT = np.uint64(0x7676767676767676)
_HIGH_BITS = np.uint64(0x8080808080808080)
_PAIRS = np.uint64(0x000000FF000000FF)
_LAYOUT = {
    mark: re.compile(rb"(\d+)(?:" + re.escape(mark) + rb"(\d*))?(?:[eE][+-](\d{1,3}))?") for mark in (b".", b",")
}
_MOST_POWER = 300
_UP = np.array([1.0] * _MOST_POWER + [float(f"1e{p}") for p in range(_MOST_POWER + 1)])
_DOWN = _UP[::-1].copy()


def read_tokens(
    text: UInt8[np.ndarray, " characters"],
    starts: Int[np.ndarray, " n"],
    stops: Int[np.ndarray, " n"],
    mark: str = ".",
) -> tuple[Float[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
    """The numbers written in ``text[starts:stops]``, and which of the tokens were understood.

    A token is an optional sign, digits with an optional decimal ``mark``, and an optional exponent. An empty token is
    understood as NaN (not recorded); a token that is no number is NaN and not understood.

    Parameters
    ----------
    text : one byte per character, with :data:`PADDING` further bytes before the first and after the last token.
    starts, stops : (n,) first character of each token and the one after its last.
    mark : the decimal mark, ``"."`` or ``","``.
    """
    values = np.full(starts.size, np.nan)
    understood = np.zeros(starts.size, dtype=bool)
    if not starts.size:
        return values, understood
    first = text[starts]
    signed = (first == ord("-")) | (first == ord("+"))
    negative = first == ord("-")
    starts = starts + signed
    widths = stops - starts
    narrowest, widest = int(widths.min()), int(widths.max())
    if narrowest == widest:
        _read_width(text, starts, widest, mark, values, understood, None)
    else:
        for width in np.flatnonzero(np.bincount(np.minimum(widths, 64))):
            if width < 64:
                _read_width(text, starts, int(width), mark, values, understood, np.flatnonzero(widths == width))
    if narrowest <= 0:
        understood[(widths <= 0) & signed] = False
    np.negative(values, where=negative, out=values)
    return values, understood


def _read_width(
    text: np.ndarray,
    starts: np.ndarray,
    width: int,
    mark: str,
    values: np.ndarray,
    understood: np.ndarray,
    chosen: np.ndarray | None,
) -> None:
    """Read all tokens of one width into ``values`` and ``understood``, one layout after the other."""
    if width <= 0:
        understood[slice(None) if chosen is None else chosen] = True
        return
    for _ in range(_MOST_LAYOUTS):
        begin = starts if chosen is None else starts[chosen]
        if not begin.size:
            return
        pattern = text[begin[0] : begin[0] + width].tobytes()
        match = _LAYOUT[mark.encode()].fullmatch(pattern)
        if match is None:
            # No number: set aside all its copies (a column of flags or words repeats itself).
            tokens = np.ndarray((text.size - width + 1,), f"S{width}", text, strides=(1,))
            rest = np.flatnonzero(tokens[begin] != pattern)
        else:
            whole, fraction, exponent = (len(part or b"") for part in match.groups())
            numbers, sound = _read_layout(
                text, begin, mark, whole, fraction, pattern[whole : whole + 1] == mark.encode(), exponent
            )
            if chosen is None and sound.all():
                values[:] = numbers
                understood[:] = True
                return
            place = np.flatnonzero(sound) if chosen is None else chosen[sound]
            values[place] = numbers[sound]
            understood[place] = True
            rest = np.flatnonzero(~sound)
        chosen = rest if chosen is None else chosen[rest]


def _read_layout(
    text: np.ndarray, starts: np.ndarray, mark: str, whole: int, fraction: int, marked: bool, exponent: int
) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of one layout, and which tokens have that layout in every character."""
    if whole + fraction > 18 or sys.byteorder == "big":
        return np.full(starts.size, np.nan), np.zeros(starts.size, dtype=bool)
    if whole == 1 and not marked and not exponent:
        digit = text[starts] - np.uint8(48)
        return digit.astype(float), digit <= 9
    words = np.ndarray((text.size - 7,), np.uint64, text, strides=(1,))
    wrong = np.zeros(starts.size, dtype=np.uint64)
    mantissa, digits = None, 0
    end = whole + marked + fraction
    position = end
    while position > 0:
        position -= 8
        if position == -7 and not (marked and whole == 0):
            digit = text[starts] - np.uint8(48)
            wrong |= digit > 9
            part, count = digit.astype(np.uint64), 1
        else:
            part, count, faults = _read_word(words[starts + position], position, whole if marked else end, mark)
            wrong |= faults
        if mantissa is None:
            mantissa = part
        else:
            part *= np.uint64(10**digits)
            mantissa += part
        digits += count
    assert mantissa is not None
    if not exponent:
        return mantissa.astype(float) / 10.0**fraction, wrong == 0
    tail = words[starts + end]
    letter = (tail & np.uint64(0xDF)) ^ np.uint64(ord("E"))
    sign = (tail >> np.uint64(8)) & np.uint64(0xFF)
    down = sign == ord("-")
    wrong |= letter
    wrong |= ~(down | (sign == ord("+")))
    power = np.zeros(starts.size, dtype=np.uint64)
    for place in range(exponent):
        digit = ((tail >> np.uint64(16 + 8 * place)) & np.uint64(0xFF)) - np.uint64(48)
        wrong |= digit > 9
        power *= np.uint64(10)
        power += digit
    shift = power.astype(np.int64)
    np.negative(shift, where=down, out=shift)
    shift -= fraction
    wrong |= np.abs(shift) > _MOST_POWER
    np.clip(shift, -_MOST_POWER, _MOST_POWER, out=shift)
    shift += _MOST_POWER
    numbers = mantissa.astype(float)
    numbers *= _UP[shift]
    numbers /= _DOWN[shift]
    return numbers, wrong == 0


def _read_word(word: np.ndarray, position: int, mark_at: int, mark: str) -> tuple[np.ndarray, int, np.ndarray]:
    """The digits of eight characters that begin at ``position`` of the token: number, count of digits, faults."""
    before = after = 0
    for byte in range(8):
        place = position + byte
        if 0 <= place < mark_at:
            before |= 0xFF << (8 * byte)
        elif place > mark_at:
            after |= 0xFF << (8 * byte)
    digits = word ^ _ZEROS
    digits &= np.uint64(before | after)
    faults = digits + _TO_HIGH_BIT
    faults |= digits
    faults &= _HIGH_BITS
    mark_byte = mark_at - position
    if 0 <= mark_byte < 8:
        # The characters before the mark close the gap that it leaves.
        faults |= (word ^ np.uint64(ord(mark) << (8 * mark_byte))) & np.uint64(0xFF << (8 * mark_byte))
        if before:
            digits = (digits & np.uint64(after)) | ((digits & np.uint64(before)) << np.uint64(8))
    pairs = digits * np.uint64(10)
    digits >>= np.uint64(8)
    pairs += digits
    high = pairs >> np.uint64(16)
    high &= _PAIRS
    high *= np.uint64(0x0000271000000001)
    pairs &= _PAIRS
    pairs *= np.uint64(0x000F424000000064)
    pairs += high
    pairs >>= np.uint64(32)
    return pairs, (before | after).bit_count() // 8, faults
