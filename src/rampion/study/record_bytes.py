"""Records as bytes and back, every number exact: JSON of the records beside the bytes of their arrays.

Nothing is executed when bytes are read: what they name must be one of rampion's own frozen records or enumerations,
from the places listed here. The bytes carry their SHA-256.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Any

import numpy as np

PLACES = ("estimate", "measurement", "plausible_limits", "readers", "voltammetry", "impedance", "study")
_BEGINNING = b"rampion records 1\n"
_KIND = "$"  # key of what is no plain JSON
_ARRAYS = "biufcU"  # kinds of numbers and texts an array may hold; never objects


def to_bytes(record: Any) -> bytes:
    """The record as bytes.

    Raises
    ------
    TypeError
        When it holds something that is not of :data:`PLACES`, a number, text, tuple, list, mapping or array.
    """
    arrays = bytearray()
    tree = json.dumps(_plain(record, arrays), separators=(",", ":")).encode()
    content = len(tree).to_bytes(8, "little") + tree + arrays
    return _BEGINNING + hashlib.sha256(content).digest() + content


def from_bytes(content: bytes) -> Any:
    """The record that these bytes hold.

    Raises
    ------
    ValueError
        When they are cut, altered or not of this kind.
    """
    start = len(_BEGINNING) + 32
    digest, body = content[len(_BEGINNING) : start], content[start:]
    if not content.startswith(_BEGINNING) or hashlib.sha256(body).digest() != digest:
        raise ValueError("these bytes hold no whole record")
    end = 8 + int.from_bytes(body[:8], "little")
    try:
        return _record(json.loads(body[8:end]), memoryview(body)[end:])
    except (TypeError, KeyError, IndexError, AttributeError, ImportError, RecursionError) as error:
        raise ValueError(f"these bytes hold no record of this version ({error})") from error


def _plain(item: Any, arrays: bytearray) -> Any:
    kind = type(item)
    if isinstance(item, Enum):
        return {_KIND: "enum", "type": _name(kind), "value": item.name}
    if item is None or kind in (bool, int, float, str):
        return item
    if kind is tuple:
        return [_plain(one, arrays) for one in item]
    if kind is list:
        return {_KIND: "list", "items": [_plain(one, arrays) for one in item]}
    if kind is complex:
        return {_KIND: "complex", "parts": [item.real, item.imag]}
    if isinstance(item, Mapping):
        pairs = [[_plain(key, arrays), _plain(value, arrays)] for key, value in item.items()]
        return {_KIND: "view" if isinstance(item, MappingProxyType) else "map", "pairs": pairs}
    if isinstance(item, np.ndarray | np.generic):
        return _plain_array(item, arrays)
    if is_dataclass(item):
        values = [_plain(getattr(item, one.name), arrays) for one in fields(item)]
        return {_KIND: "record", "type": _name(kind), "values": values}
    raise TypeError(f"a {kind.__name__} cannot be kept")


def _plain_array(item: np.ndarray | np.generic, arrays: bytearray) -> dict[str, Any]:
    if item.dtype.kind not in _ARRAYS:
        raise TypeError(f"an array of {item.dtype} cannot be kept")
    array = np.asarray(item)
    order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
    start = len(arrays)
    arrays += array.tobytes(order)
    plain = {_KIND: "array", "dtype": array.dtype.str, "shape": list(array.shape), "order": order, "start": start}
    return plain | {"scalar": isinstance(item, np.generic), "writeable": bool(array.flags.writeable)}


def _record(plain: Any, arrays: memoryview) -> Any:
    if isinstance(plain, list):
        return tuple(_record(one, arrays) for one in plain)
    if not isinstance(plain, dict):
        return plain
    match plain[_KIND]:
        case "record":
            kind = _type(plain["type"])
            names = [one.name for one in fields(kind)]
            values = (_record(one, arrays) for one in plain["values"])
            return kind(**dict(zip(names, values, strict=True)))
        case "enum":
            return _type(plain["type"])[plain["value"]]
        case "array":
            return _array(plain, arrays)
        case "map" | "view" as which:
            made = {_record(key, arrays): _record(value, arrays) for key, value in plain["pairs"]}
            return MappingProxyType(made) if which == "view" else made
        case "list":
            return [_record(one, arrays) for one in plain["items"]]
        case "complex":
            return complex(*plain["parts"])
    raise ValueError(f"{plain[_KIND]!r} is no kind of record")


def _array(plain: Mapping[str, Any], arrays: memoryview) -> Any:
    dtype = np.dtype(plain["dtype"])
    if dtype.kind not in _ARRAYS:
        raise ValueError(f"an array of {dtype} is not read")
    shape = tuple(plain["shape"])
    flat = np.frombuffer(arrays, dtype, int(np.prod(shape)), plain["start"])
    array = flat.reshape(shape, order=plain["order"]).copy(order="K")
    if plain["scalar"]:
        return array[()]
    array.flags.writeable = plain["writeable"]
    return array


@cache
def _type(name: str) -> Any:
    """The record or enumeration of that name; nothing else of rampion, and nothing from elsewhere."""
    module, _, own = name.rpartition(".")
    package, *parts = module.split(".")
    if package != "rampion" or not parts or parts[0] not in PLACES:
        raise KeyError(name)
    kind = vars(import_module(module))[own]
    if not isinstance(kind, type) or kind.__module__ != module or not (is_dataclass(kind) or issubclass(kind, Enum)):
        raise KeyError(name)
    return kind


def _name(kind: type) -> str:
    name = f"{kind.__module__}.{kind.__qualname__}"
    try:
        _type(name)
    except (KeyError, ImportError):
        raise TypeError(f"a {name} cannot be kept: it is no record of {', '.join(PLACES)}") from None
    return name
