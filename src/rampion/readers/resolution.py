"""How exactly a column was printed: its last digit, and how far two exports of one value may be apart for it.

The last digit is the coarsest power of ten, in decimals or in significant digits, whose multiples all values are.
*Fails when* every value happens to be rounder than it was printed: the digit is then taken too coarse.
"""

from __future__ import annotations

import math

import numpy as np

# Numbers of this many digits and more are taken as exact: single precision holds no more.
_DIGITS = 8
# A column is judged by about this many of its values.
_LOOKED_AT = 500
# Powers of ten below the unit that are tried: to fA where currents are in A.
_DECIMALS = 16
# Half a last digit of each of two columns, and a margin for what was rounded twice.
_ROUNDED = 0.75
# What conversion between units adds to a whole number, absolute and relative.
_CONVERTED = (1e-6, 1e-10)


def tolerance_of(values: np.ndarray, digits: np.ndarray, finest: float, each: bool = False) -> np.ndarray:
    """How far two exports of these values may be apart (n,).

    Parameters
    ----------
    digits : (n,) the sum of the last digits of the two.
    finest : least tolerance, relative to the largest value, or to ``each``.
    """
    largest = np.abs(values) if each else np.nanmax(np.abs(values), initial=0.0)
    return np.maximum(_ROUNDED * digits, finest * largest)


def tick_of(ours: np.ndarray, theirs: np.ndarray, least: float) -> float:
    """How far two times may be apart [s]: what is printed (of seconds, minutes or hours), at most half an interval."""
    printed = max(
        factor * (float(np.max(resolution(ours / factor))) + float(np.max(resolution(theirs / factor))))
        for factor in (1.0, 60.0, 3600.0)
    )
    interval = float(np.median(np.diff(theirs))) if theirs.size > 1 else math.inf
    return least + min(_ROUNDED * printed, 0.5 * interval if interval > 0 else math.inf)


def last_digit(impedance: np.ndarray) -> np.ndarray:
    """The last printed digit of an impedance as an amount [Ω], from its parts or from its modulus and phase."""
    parts = resolution(np.real(impedance)) + resolution(np.imag(impedance))
    if parts.any():
        return parts
    modulus = np.abs(impedance)
    return resolution(modulus) + modulus * np.radians(resolution(np.degrees(np.angle(impedance))))


def resolution(values: np.ndarray) -> np.ndarray:
    """The last digit that a column was printed with (n,): the coarser of its decimals and its significant digits.

    It is 0 where the column holds more digits than single precision, and for zeros.
    """
    known = values[np.isfinite(values) & (values != 0)]
    none = np.zeros(values.shape)
    if not known.size:
        return none
    some = known[:: max(1, known.size // _LOOKED_AT)]
    return np.maximum(_last_decimal(some), _last_significant(some, values))


def _last_decimal(some: np.ndarray) -> float:
    for decimals in range(_DECIMALS):
        scaled = some * 10.0**decimals
        if np.abs(scaled).max() >= 10.0 ** (_DIGITS - 1):
            break
        if _whole(scaled):
            return 10.0**-decimals
    return 0.0


def _last_significant(some: np.ndarray, values: np.ndarray) -> np.ndarray:
    decade = np.floor(np.log10(np.abs(some)))
    shown = np.isfinite(values) & (values != 0)
    for digits in range(2, _DIGITS):
        if _whole(some * 10.0 ** (digits - 1 - decade)):
            size = np.floor(np.log10(np.abs(np.where(shown, values, 1.0))))
            return np.where(shown, 10.0 ** (size - digits + 1), 0.0)
    return np.zeros(values.shape)


def _whole(values: np.ndarray) -> bool:
    return bool(np.all(np.abs(values - np.round(values)) < _CONVERTED[0] + _CONVERTED[1] * np.abs(values)))
