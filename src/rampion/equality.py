"""When two records are equal: by their values, where NaN means "not known" and equals itself."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any, TypeVar

Record = TypeVar("Record", bound=type)


def equal_by_value(record: Record) -> Record:
    """Make two records of a class equal, with one hash, when all their fields are, and NaN equal to NaN.

    For frozen dataclasses in whose numbers NaN means "not known". The equality that a dataclass has of its own calls
    a record with NaN equal to itself or not according to the version of Python and to where the NaN came from.
    *Fails when* a field holds an array: such records are equal to themselves alone (``eq=False``).
    """
    names = tuple(one.name for one in fields(record) if one.compare)

    def values(one: Any) -> tuple[Any, ...]:
        return tuple(_with_one_nan(getattr(one, name)) for name in names)

    def equal(one: Any, other: Any) -> Any:
        return values(one) == values(other) if other.__class__ is one.__class__ else NotImplemented

    def hashed(one: Any) -> int:
        return hash(values(one))

    for name, method in (("__eq__", equal), ("__hash__", hashed)):
        method.__name__, method.__qualname__ = name, f"{record.__qualname__}.{name}"
        setattr(record, name, method)
    return record


def _with_one_nan(value: Any) -> Any:
    """The value with every NaN in it replaced by the same object: members of a tuple are equal when identical."""
    if isinstance(value, float):
        return math.nan if math.isnan(value) else value
    if isinstance(value, tuple):
        return tuple(map(_with_one_nan, value))
    if isinstance(value, dict):
        return {key: _with_one_nan(item) for key, item in value.items()}
    return value
