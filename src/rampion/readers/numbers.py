"""Decimal text to numbers, a whole column at a time.

Instruments write millions of numbers in few layouts (``-1.2573022E-005``). All tokens of one layout are read
together: eight characters are loaded as one 64-bit word, checked to be digits, and turned into a number by three
multiplications. What fits no layout is reported and left to the caller. Results are correctly rounded for up to 15
digits and powers of ten up to 22, and within two units in the last place otherwise.
"""

from __future__ import annotations

import re
import sys

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

PADDING = 24
"""Bytes that must stand before the first and after the last token of the text."""

_MOST_LAYOUTS = 12
_MOST_DIGITS = 18
_ZEROS = np.uint64(0x3030303030303030)
_TO_HIGH_BIT = np.uint64(0x7676767676767676)
_HIGH_BITS = np.uint64(0x8080808080808080)
_PAIRS = np.uint64(0x000000FF000000FF)
_LAYOUT = {
    mark: re.compile(rb"(\d+)(?:" + re.escape(mark) + rb"(\d*))?(?:[eE][+-](\d{1,3}))?") for mark in (b".", b",")
}
_DOWNWARDS = 128
"""Added to an exponent's place in the tables of powers when its sign is a minus."""


def _powers(fraction: int) -> tuple[list[float], list[float]]:
    """Factors and divisors that bring a mantissa with this many decimals to its exponent."""
    shifts = [place - fraction for place in range(_DOWNWARDS)] + [-place - fraction for place in range(_DOWNWARDS)]
    return [float(f"1e{max(shift, 0)}") for shift in shifts], [float(f"1e{max(-shift, 0)}") for shift in shifts]


_UP, _DOWN = (np.array(tables) for tables in zip(*map(_powers, range(_MOST_DIGITS + 1)), strict=True))


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
    if np.all(stops - starts == 1):
        first -= np.uint8(ord("0"))
        np.copyto(values, first, where=first <= 9)
        return values, first <= 9
    negative = first == ord("-")
    signed = negative | (first == ord("+"))
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
    if negative.any():
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
            # The first token gave the layout; where even it does not fit (too many digits), it is left to the caller.
            rest = np.flatnonzero(~sound[1:]) + 1
        chosen = rest if chosen is None else chosen[rest]


def _read_layout(
    text: np.ndarray, starts: np.ndarray, mark: str, whole: int, fraction: int, marked: bool, exponent: int
) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of one layout, and which tokens have that layout in every character."""
    if whole + fraction > _MOST_DIGITS or sys.byteorder == "big":
        return np.full(starts.size, np.nan), np.zeros(starts.size, dtype=bool)
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
        return mantissa.view(np.int64).astype(float) / 10.0**fraction, wrong == 0
    index, faults = _read_exponent(words[starts + end], exponent)
    wrong |= faults
    numbers = mantissa.view(np.int64).astype(float)
    numbers *= _UP[fraction][index]
    numbers /= _DOWN[fraction][index]
    return numbers, wrong == 0


def _read_exponent(tail: np.ndarray, digits: int) -> tuple[np.ndarray, np.ndarray]:
    """Place of each exponent in the tables of powers, and faults; ``tail`` begins with the letter E."""
    # Of three digits, the first must be zero: E+123 is left to the caller.
    first = 8 * (2 + (digits == 3))
    places = 0xFF << first if digits == 1 else 0xFFFF << first
    faults = (tail ^ np.uint64(0x30_00_45)) & np.uint64(0xFF_00_DF if digits == 3 else 0xDF)
    # The signs + and - differ from one another, and from nothing else, in bits 1 and 2.
    faults |= (tail ^ np.uint64(0x29_00)) & np.uint64(0xF9_00)
    faults |= ~(tail ^ (tail >> np.uint64(1))) & np.uint64(0x02_00)
    value = tail ^ _ZEROS
    value &= np.uint64(places)
    faults |= ((value + _TO_HIGH_BIT) | value) & _HIGH_BITS
    value >>= np.uint64(first)
    if digits > 1:
        value = (value * np.uint64(10) + (value >> np.uint64(8))) & np.uint64(0xFF)
    value |= (tail >> np.uint64(3)) & np.uint64(_DOWNWARDS)
    return value.view(np.int64), faults


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
