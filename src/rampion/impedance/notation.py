"""Circuits as people write them, read into a tree and written back.

Two notations: ``R0-p(R1,CPE1)-W1`` (dashes in series, ``p(…,…)`` in parallel, as in impedance.py) and Boukamp's
``R(RQ)(R[QW])`` (side by side in series; round brackets turn to parallel, brackets inside them back to series).
Nothing is evaluated. A circuit with a comma, a dash or ``p(`` is read in the first, any other in the second.

References
----------
Boukamp, Solid State Ionics 20 (1986) 31, doi:10.1016/0167-2738(86)90031-7.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from rampion.errors import InputError
from rampion.impedance.circuit import Element, Node, Parallel, Series, elements_of, serial_parts
from rampion.impedance.elements import ELEMENTS

_ALIASES = {"Q": "CPE", "ZARC": "Zarc", "ZArc": "Zarc"}
_DASHED = {**{symbol: symbol for symbol in ELEMENTS}, **_ALIASES}
_BOUKAMP = {**_DASHED, "O": "Ws", "T": "Wo"}
_DEEPEST = 30  # brackets inside brackets: an arc within an arc is one, a ladder of ten rungs twenty
_SHOWN = 60  # characters of a long circuit on either side of the place that an error points at


class _Text:
    """The circuit's text and the place reached in it."""

    def __init__(self, text: str, symbols: dict[str, str]) -> None:
        self.text, self.place, self.symbols, self.depth = text, 0, symbols, 0

    def skip(self) -> None:
        while self.place < len(self.text) and self.text[self.place].isspace():
            self.place += 1

    def look(self) -> str:
        self.skip()
        return self.text[self.place : self.place + 1]

    def take(self, expected: str) -> bool:
        self.skip()
        if self.text.startswith(expected, self.place):
            self.place += len(expected)
            return True
        return False

    def fail(self, problem: str, place: int | None = None) -> InputError:
        place = self.place if place is None else place
        where = f"at character {place + 1}" if place < len(self.text) else "at its end"
        first = max(0, place - _SHOWN)
        shown, before = self.text[first : place + _SHOWN], " " * (place - first)
        return InputError(f"The circuit cannot be read {where}: {problem}.\n  {shown}\n  {before}^")

    @contextmanager
    def inside(self) -> Iterator[None]:
        """One bracket deeper."""
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self.fail(f"more than {_DEEPEST} brackets stand inside each other")
        yield
        self.depth -= 1

    def element(self) -> Element:
        self.skip()
        rest = self.text[self.place :]
        symbol = max((s for s in self.symbols if rest.startswith(s)), key=len, default="")
        if not symbol:
            known = ", ".join(sorted(self.symbols))
            found = f"found {rest[0]!r}" if rest else "found nothing"
            raise self.fail(f"{found}, expected an element ({known})")
        self.place += len(symbol)
        start = self.place
        self.take("_")
        while self.place < len(self.text) and self.text[self.place].isdigit():
            self.place += 1
        return Element(self.symbols[symbol], self.text[start : self.place].lstrip("_"))


def parse_circuit(text: str) -> Node:
    """The circuit written in either notation, every element labelled.

    >>> print_circuit(parse_circuit("R(RQ)(RQ)"))
    'R0-p(R1,CPE1)-p(R2,CPE2)'

    Raises
    ------
    InputError
        When the text is not a circuit; the message points at the character.
    """
    dashed = any(mark in text for mark in ("-", ",", "p("))
    reader = _Text(text, _DASHED if dashed else _BOUKAMP)
    if not text.strip():
        raise reader.fail("it is empty, expected for example R0-p(R1,CPE1)", 0)
    node = _dashed_series(reader) if dashed else _side_by_side(reader, "")
    if reader.look():
        raise reader.fail(f"{reader.look()!r} is out of place")
    return _labelled(node, reader)


def _joined(kind: type[Series] | type[Parallel], parts: list[Node]) -> Node:
    if len(parts) == 1:
        return parts[0]
    flat = [inner for part in parts for inner in (part.parts if isinstance(part, kind) else (part,))]
    return kind(tuple(flat))


def _dashed_series(reader: _Text) -> Node:
    parts = [_dashed_part(reader)]
    while reader.take("-"):
        parts.append(_dashed_part(reader))
    return _joined(Series, parts)


def _dashed_part(reader: _Text) -> Node:
    start = reader.place
    if not reader.take("p("):
        return reader.element()
    with reader.inside():
        branches = [_dashed_series(reader)]
        while reader.take(","):
            branches.append(_dashed_series(reader))
    if not reader.take(")"):
        raise reader.fail("expected ',' or ')'")
    if len(branches) < 2:
        raise reader.fail("a parallel group needs two branches, separated by ','", start)
    return _joined(Parallel, branches)


def _side_by_side(reader: _Text, closing: str) -> Node:
    parts: list[Node] = []
    while (mark := reader.look()) and mark not in ")]":
        parts.append(_bracket(reader, Parallel) if mark in "([" else reader.element())
    if not parts:
        raise reader.fail("the brackets are empty" if closing else "expected an element")
    return _joined(Series, parts)


def _bracket(reader: _Text, kind: type[Series] | type[Parallel]) -> Node:
    start = reader.place
    closing = ")" if reader.look() == "(" else "]"
    if kind is Parallel and closing == "]":
        raise reader.fail("square brackets stand for a series inside round ones", start)
    reader.place += 1
    parts: list[Node] = []
    inner = Series if kind is Parallel else Parallel
    with reader.inside():
        while (mark := reader.look()) and mark not in ")]":
            parts.append(_bracket(reader, inner) if mark in "([" else reader.element())
    if reader.look() != closing:
        raise reader.fail(f"expected {closing!r} for the bracket opened at character {start + 1}")
    if len(parts) < 2:
        raise reader.fail("a bracket needs two elements", start)
    reader.place += 1
    return _joined(kind, parts)


def _labelled(node: Node, reader: _Text) -> Node:
    """Missing labels filled in: arcs count from 1, the resistor and inductor in series with them are 0."""
    written = [element for element in elements_of(node) if element.label]
    taken = {element.name for element in written}
    if len(taken) < len(written):
        names = [element.name for element in written]
        twice = next(name for name in names if names.count(name) > 1)
        raise reader.fail(f"{twice} stands twice", reader.text.rfind(twice))
    single = {id(part) for part in serial_parts(node)}

    def label(element: Element) -> Element:
        if element.label:
            return element
        number = 0 if element.symbol in "RL" and id(element) in single else 1
        while f"{element.symbol}{number}" in taken:
            number += 1
        taken.add(f"{element.symbol}{number}")
        return replace(element, label=str(number))

    def walk(part: Node) -> Node:
        return label(part) if isinstance(part, Element) else replace(part, parts=tuple(walk(p) for p in part.parts))

    return walk(node)


def print_circuit(node: Node) -> str:
    """The circuit in the dashed notation, ``R0-p(R1,CPE1)``."""
    if isinstance(node, Element):
        return node.name
    parts = [print_circuit(part) for part in node.parts]
    return "-".join(parts) if isinstance(node, Series) else f"p({','.join(parts)})"


def print_boukamp(node: Node) -> str:
    """The circuit in Boukamp's notation, ``R(RQ)``, without labels.

    Raises
    ------
    InputError
        When an element has no symbol there.
    """
    letters = {"CPE": "Q", "Ws": "O", "Wo": "T"}

    def write(part: Node, inside: bool) -> str:
        if isinstance(part, Element):
            letter = letters.get(part.symbol, part.symbol)
            if len(letter) > 1:
                raise InputError(f"Boukamp's notation has no symbol for {part.name}; print the dashed notation.")
            return letter
        text = "".join(write(inner, True) for inner in part.parts)
        if isinstance(part, Parallel):
            return f"({text})"
        return f"[{text}]" if inside else text

    return write(node, False)
