"""Faults of structure: what exports, mailers, spreadsheets, full disks and people do to files; digits stay as they are.

A fault says what may be expected of a reader (:class:`Expectation`). Each is drawn with the generator given to it.
"""

from __future__ import annotations

import io
import json
import random
import re
import struct
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from structure_seeds import Layout, Seed


class Expectation(Enum):
    """What a reader owes: every case may also be refused in a sentence."""

    SAME = "all points, or fewer with a flag"  # the file means what it meant
    FEWER = "no point that is not true"  # whole rows are gone and nothing in the file shows it
    DAMAGED = "no point that is not true, and a flag where points are lost"
    LIE = "no traceback"  # the file now states something else, consistently


@dataclass(frozen=True, slots=True)
class Mutant:
    """A damaged file with the name of its fault."""

    seed: Seed
    fault: str
    expectation: Expectation
    name: str
    content: bytes


Lines = list[str]
_OF_NAMES = {
    "header repeated", "column removed", "columns in another order", "column twice", "names without their units",
    "unknown unit", "a name missing", "names one short", "no names", "names exchanged", "names in other letters",
    "current in another unit",
}  # fmt: skip
_TEXT: dict[str, tuple[Expectation, Callable[[random.Random, Layout], bytes]]] = {}
_ANY: dict[str, tuple[Expectation, Callable[[random.Random, bytes], bytes]]] = {}


def _on_text(expectation: Expectation) -> Callable:
    def keep(function: Callable) -> Callable:
        _TEXT[function.__name__.replace("_", " ")] = (expectation, function)
        return function

    return keep


def _on_bytes(expectation: Expectation) -> Callable:
    def keep(function: Callable) -> Callable:
        _ANY[function.__name__.replace("_", " ")] = (expectation, function)
        return function

    return keep


def _rows(layout: Layout) -> list[list[str]]:
    return [line.split(layout.separator) for line in layout.lines[layout.first : layout.stop]]


def _with_rows(
    layout: Layout, rows: Sequence[Sequence[str]], header: str | None = None, sep: str | None = None
) -> Lines:
    lines = list(layout.lines)
    lines[layout.first : layout.stop] = [(sep or layout.separator).join(row) for row in rows]
    if header is not None:
        lines[layout.header] = header
    return lines


def _place(rng: random.Random, layout: Layout) -> int:
    return rng.randrange(layout.first, layout.stop)


# whole files, text or binary


@_on_bytes(Expectation.DAMAGED)
def cut_anywhere(rng: random.Random, content: bytes) -> bytes:
    return content[: rng.randrange(1, len(content))]


@_on_bytes(Expectation.DAMAGED)
def zero_filled_end(rng: random.Random, content: bytes) -> bytes:
    at = rng.randrange(1, len(content))
    return content[:at] + bytes(len(content) - at)


@_on_bytes(Expectation.DAMAGED)
def zero_filled_block(rng: random.Random, content: bytes) -> bytes:
    at = rng.randrange(1, len(content))
    end = min(len(content), at + rng.choice([512, 4096]))  # sectors: fewer bytes of a binary number show nowhere
    return content[:at] + bytes(end - at) + content[end:]


@_on_bytes(Expectation.FEWER)
def whole_file_twice(rng: random.Random, content: bytes) -> bytes:
    return content + content


@_on_bytes(Expectation.SAME)
def rubbish_after_the_end(rng: random.Random, content: bytes) -> bytes:
    return content + rng.choice([b"\x1a", b"\0" * 300, b"\r\n\r\n\r\n", b"\xff\xfe"])


# text: lines


@_on_text(Expectation.FEWER)
def rows_removed(rng: random.Random, layout: Layout) -> bytes:
    at = _place(rng, layout)
    return layout.written([*layout.lines[:at], *layout.lines[at + rng.choice([1, 3, 12]) :]])


@_on_text(Expectation.FEWER)
def cut_at_a_line(rng: random.Random, layout: Layout) -> bytes:
    return layout.written([*layout.lines[: _place(rng, layout)], ""])


@_on_text(Expectation.FEWER)
def header_lines_removed(rng: random.Random, layout: Layout) -> bytes:
    at = rng.randrange(0, max(1, layout.header))
    return layout.written([*layout.lines[:at], *layout.lines[at + rng.choice([1, 2]) :]])


@_on_text(Expectation.SAME)
def rows_twice(rng: random.Random, layout: Layout) -> bytes:
    at = _place(rng, layout)
    end = min(at + rng.choice([1, 4]), layout.stop)
    return layout.written([*layout.lines[:end], *layout.lines[at:]])


@_on_text(Expectation.SAME)
def rows_exchanged(rng: random.Random, layout: Layout) -> bytes:
    lines, one, other = list(layout.lines), _place(rng, layout), _place(rng, layout)
    lines[one], lines[other] = lines[other], lines[one]
    return layout.written(lines)


@_on_text(Expectation.SAME)
def rows_reversed(rng: random.Random, layout: Layout) -> bytes:
    return layout.written(_with_rows(layout, _rows(layout)[::-1]))


@_on_text(Expectation.SAME)
def block_moved(rng: random.Random, layout: Layout) -> bytes:
    rows, at = _rows(layout), rng.randrange(1, layout.stop - layout.first)
    return layout.written(_with_rows(layout, rows[at:] + rows[:at]))


@_on_text(Expectation.SAME)
def blank_lines(rng: random.Random, layout: Layout) -> bytes:
    lines = list(layout.lines)
    for _ in range(rng.choice([1, 5])):
        lines.insert(rng.randrange(layout.first, layout.stop), rng.choice(["", "   ", "\t\t"]))
    return layout.written(lines)


@_on_text(Expectation.SAME)
def words_between_rows(rng: random.Random, layout: Layout) -> bytes:
    lines = list(layout.lines)
    words = ["# a remark", "paused by the user", "-----", layout.separator * 4, "End of step", "Step 2"]
    lines.insert(_place(rng, layout), rng.choice(words))
    return layout.written(lines)


@_on_text(Expectation.SAME)
def header_repeated(rng: random.Random, layout: Layout) -> bytes:
    lines = list(layout.lines)
    at = rng.randrange(layout.first + 2, layout.stop)  # a single row above a header is taken for a remark
    lines[at:at] = layout.lines[layout.header : layout.first]
    return layout.written(lines)


@_on_text(Expectation.SAME)
def long_preamble(rng: random.Random, layout: Layout) -> bytes:
    lines = list(layout.lines)
    lines[layout.header : layout.header] = ["a remark of the operator"] * rng.choice([3, 400])
    return layout.written(lines)


@_on_text(Expectation.SAME)
def announced_count_wrong(rng: random.Random, layout: Layout) -> bytes:
    lines = list(layout.lines)
    for number, line in enumerate(lines[: layout.header]):
        if re.search(r"Nb header lines|TABLE\t|Data Points|Segment #", line):
            lines[number] = re.sub(r"\d+", lambda n: str(max(0, int(n[0]) + rng.choice([-3, 2, 40]))), line, count=1)
    return layout.written(lines)


@_on_text(Expectation.DAMAGED)
def row_cut_short(rng: random.Random, layout: Layout) -> bytes:
    rows = _rows(layout)
    at = rng.randrange(len(rows))
    rows[at] = rows[at][: rng.randrange(1, max(2, len(rows[at])))]
    return layout.written(_with_rows(layout, rows))


@_on_text(Expectation.DAMAGED)
def two_rows_in_one_line(rng: random.Random, layout: Layout) -> bytes:
    lines, at = list(layout.lines), rng.randrange(layout.first, layout.stop - 1)
    joint = rng.choice(["", layout.separator])
    lines[at : at + 2] = [lines[at] + joint + lines[at + 1]]
    return layout.written(lines)


@_on_text(Expectation.DAMAGED)
def line_broken_in_a_cell(rng: random.Random, layout: Layout) -> bytes:
    lines, at = list(layout.lines), _place(rng, layout)
    where = rng.randrange(1, max(2, len(lines[at])))
    lines[at : at + 1] = [lines[at][:where], lines[at][where:]]
    return layout.written(lines)


# text: cells


@_on_text(Expectation.DAMAGED)
def cells_emptied(rng: random.Random, layout: Layout) -> bytes:
    rows = _rows(layout)
    for _ in range(rng.choice([1, 6])):
        row = rng.choice(rows)
        row[rng.randrange(len(row))] = ""
    return layout.written(_with_rows(layout, rows))


@_on_text(Expectation.DAMAGED)
def cell_lost(rng: random.Random, layout: Layout) -> bytes:
    rows = _rows(layout)
    row = rng.choice(rows)
    del row[rng.randrange(len(row))]
    return layout.written(_with_rows(layout, rows))


@_on_text(Expectation.DAMAGED)
def words_in_cells(rng: random.Random, layout: Layout) -> bytes:
    rows = _rows(layout)
    for _ in range(rng.choice([1, 6])):
        row = rng.choice(rows)
        row[rng.randrange(len(row))] = rng.choice(
            ["n/a", "OVL", "---", "NaN", "inf", "1.#QNAN", "####", "-1.#IND", "?"]
        )
    return layout.written(_with_rows(layout, rows))


@_on_text(Expectation.DAMAGED)
def huge_cell(rng: random.Random, layout: Layout) -> bytes:
    rows = _rows(layout)
    row = rng.choice(rows)
    row[rng.randrange(len(row))] = rng.choice(["9" * 5000, "1e99999", "x" * 200_000, "-" * 300])
    return layout.written(_with_rows(layout, rows))


@_on_text(Expectation.SAME)
def cells_added_at_the_end(rng: random.Random, layout: Layout) -> bytes:
    more = rng.choice([[""], ["0"], ["", ""], ["note"]])
    return layout.written(_with_rows(layout, [row + more for row in _rows(layout)]))


@_on_text(Expectation.SAME)
def cells_padded(rng: random.Random, layout: Layout) -> bytes:
    return layout.written(_with_rows(layout, [[f" {cell}  " for cell in row] for row in _rows(layout)]))


@_on_text(Expectation.SAME)
def cells_quoted(rng: random.Random, layout: Layout) -> bytes:
    return layout.written(
        _with_rows(layout, [[f'"{cell}"' if cell else cell for cell in row] for row in _rows(layout)])
    )


@_on_text(Expectation.SAME)
def plus_signs(rng: random.Random, layout: Layout) -> bytes:
    rows = [[re.sub(r"^(?=\d+[.,]\d)", "+", cell) for cell in row] for row in _rows(layout)]
    return layout.written(_with_rows(layout, rows))


@_on_text(Expectation.SAME)
def typographic_minus(rng: random.Random, layout: Layout) -> bytes:
    lines = [line.replace("-", "\N{MINUS SIGN}") for line in layout.lines[layout.first : layout.stop]]
    return layout.end.join([*layout.lines[: layout.first], *lines, *layout.lines[layout.stop :]]).encode("utf-8")


# text: columns


def _columns(layout: Layout) -> tuple[list[str], list[list[str]]] | None:
    header = layout.lines[layout.header].split(layout.separator)
    rows = _rows(layout)
    return (header, rows) if len({len(row) for row in rows}) == 1 and len(header) >= len(rows[0]) else None


def _rearranged(layout: Layout, order: Sequence[int]) -> bytes:
    """The file with the columns of header, units and rows in this order."""
    lines = list(layout.lines)
    for number in range(layout.header, layout.stop):
        cells = lines[number].split(layout.separator)
        lines[number] = layout.separator.join(cells[place] for place in order if place < len(cells))
    return layout.written(lines)


def _order(layout: Layout) -> list[int]:
    return list(range(len(layout.lines[layout.first].split(layout.separator))))


@_on_text(Expectation.FEWER)
def column_removed(rng: random.Random, layout: Layout) -> bytes:
    order = _order(layout)
    del order[rng.randrange(len(order))]
    return _rearranged(layout, order)


@_on_text(Expectation.SAME)
def columns_in_another_order(rng: random.Random, layout: Layout) -> bytes:
    order = _order(layout)
    leading = 1 if not layout.lines[layout.first].split(layout.separator)[0] else 0  # Gamry's lines begin with a tab
    rest = order[leading:]
    rng.shuffle(rest)
    return _rearranged(layout, order[:leading] + rest)


@_on_text(Expectation.SAME)
def column_twice(rng: random.Random, layout: Layout) -> bytes:
    order = _order(layout)
    return _rearranged(layout, [*order, rng.choice(order)])


@_on_text(Expectation.FEWER)
def names_without_their_units(rng: random.Random, layout: Layout) -> bytes:
    header = re.sub(r"\s*/\s*[^\s,;\t]+|\s*[\[(][^\])]*[\])]", "", layout.lines[layout.header])
    return layout.written(_with_rows(layout, _rows(layout), header))


@_on_text(Expectation.FEWER)
def unknown_unit(rng: random.Random, layout: Layout) -> bytes:
    header = re.sub(r"/\s*m?A\b|[\[(]m?A[\])]", rng.choice(["/foo", "[quux]", "[mA/cm²]"]), layout.lines[layout.header])
    return layout.written(_with_rows(layout, _rows(layout), header))


@_on_text(Expectation.FEWER)
def a_name_missing(rng: random.Random, layout: Layout) -> bytes:
    header = layout.lines[layout.header].split(layout.separator)
    at = rng.randrange(len(header))
    header[at] = rng.choice(["", "x", "column"])
    return layout.written(_with_rows(layout, _rows(layout), layout.separator.join(header)))


@_on_text(Expectation.FEWER)
def names_one_short(rng: random.Random, layout: Layout) -> bytes:
    header = layout.lines[layout.header].split(layout.separator)
    del header[rng.randrange(len(header))]
    return layout.written(_with_rows(layout, _rows(layout), layout.separator.join(header)))


@_on_text(Expectation.FEWER)
def no_names(rng: random.Random, layout: Layout) -> bytes:
    return layout.written([*layout.lines[: layout.header], *layout.lines[layout.header + 1 :]])


@_on_text(Expectation.LIE)
def names_exchanged(rng: random.Random, layout: Layout) -> bytes:
    header = layout.lines[layout.header].split(layout.separator)
    one, other = rng.randrange(len(header)), rng.randrange(len(header))
    header[one], header[other] = header[other], header[one]
    return layout.written(_with_rows(layout, _rows(layout), layout.separator.join(header)))


@_on_text(Expectation.SAME)
def names_in_other_letters(rng: random.Random, layout: Layout) -> bytes:
    header = layout.lines[layout.header]
    padded = layout.separator.join(f" {cell} " for cell in header.split(layout.separator))
    return layout.written(_with_rows(layout, _rows(layout), padded))


@_on_text(Expectation.SAME)
def current_in_another_unit(rng: random.Random, layout: Layout) -> bytes:
    """The column in mA written in µA or A, header and numbers."""
    split = _columns(layout)
    found = split and next((k for k, name in enumerate(split[0]) if re.search(r"[/\[( ]\s*mA\b", name)), None)
    if not split or found is None:
        return layout.written()
    header, rows = split
    unit, shift = rng.choice([("A", -3), ("uA", 3), ("nA", 6)])
    header = [*header[:found], header[found].replace("mA", unit), *header[found + 1 :]]
    for row in rows:
        value = float(row[found].replace(",", ".")) * 10.0**shift
        row[found] = f"{value:.12g}".replace(".", layout.mark)
    return layout.written(_with_rows(layout, rows, layout.separator.join(header)))


# text: separators, marks, encodings, ends


@_on_text(Expectation.SAME)
def another_separator(rng: random.Random, layout: Layout) -> bytes:
    choices = [one for one in ("\t", ";", ",", "|") if one not in (layout.separator, layout.mark)]
    new = rng.choice(choices)
    lines = list(layout.lines)
    for number in range(layout.header, layout.stop):
        lines[number] = lines[number].replace(layout.separator, new)
    return layout.written(lines)


@_on_text(Expectation.DAMAGED)
def another_separator_in_some_rows(rng: random.Random, layout: Layout) -> bytes:
    new = rng.choice([one for one in ("\t", ";", ",", "  ") if one not in (layout.separator, layout.mark)])
    lines = list(layout.lines)
    for _ in range(rng.choice([1, 6])):
        number = _place(rng, layout)
        lines[number] = lines[number].replace(layout.separator, new)
    return layout.written(lines)


@_on_text(Expectation.SAME)
def the_other_decimal_mark(rng: random.Random, layout: Layout) -> bytes:
    new = "," if layout.mark == "." else "."
    if new == layout.separator:
        return layout.written()
    rows = [[cell.replace(layout.mark, new) for cell in row] for row in _rows(layout)]
    return layout.written(_with_rows(layout, rows))


@_on_text(Expectation.DAMAGED)
def the_other_decimal_mark_in_some_rows(rng: random.Random, layout: Layout) -> bytes:
    new = "," if layout.mark == "." else "."
    if new == layout.separator:
        return layout.written()
    rows = _rows(layout)
    for _ in range(rng.choice([1, 8])):
        at = rng.randrange(len(rows))
        rows[at] = [cell.replace(layout.mark, new) for cell in rows[at]]
    return layout.written(_with_rows(layout, rows))


@_on_text(Expectation.DAMAGED)
def comma_and_comma(rng: random.Random, layout: Layout) -> bytes:
    """Decimal commas in cells that commas separate, without quotes."""
    rows = [[cell.replace(layout.mark, ",") for cell in row] for row in _rows(layout)]
    return layout.written(_with_rows(layout, rows, sep=","))


@_on_text(Expectation.SAME)
def another_encoding(rng: random.Random, layout: Layout) -> bytes:
    text = layout.end.join(layout.lines)
    new = rng.choice(["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "utf-8", "latin-1", "cp1252"])
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(new, b"") if rng.random() < 0.5 else b""
    return mark + text.encode(new, "replace")


@_on_text(Expectation.SAME)
def other_line_ends(rng: random.Random, layout: Layout) -> bytes:
    end = rng.choice(["\n", "\r\n", "\r", "\r\r\n", "\n\n", "\r\n\r\n"])
    return end.join(layout.lines).encode(layout.encoding, "replace")


@_on_text(Expectation.SAME)
def mixed_line_ends(rng: random.Random, layout: Layout) -> bytes:
    text = "".join(line + rng.choice(["\n", "\r\n"]) for line in layout.lines)
    return text.encode(layout.encoding, "replace")


@_on_text(Expectation.SAME)
def no_last_line_end(rng: random.Random, layout: Layout) -> bytes:
    return layout.written(layout.lines[: layout.stop])


@_on_text(Expectation.DAMAGED)
def zero_bytes_between(rng: random.Random, layout: Layout) -> bytes:
    content = bytearray(layout.written())
    for _ in range(rng.choice([1, 5])):
        content.insert(rng.randrange(len(content)), 0)
    return bytes(content)


# JSON


def _json_nodes(node: object) -> list[dict | list]:
    found: list[dict | list] = [node] if isinstance(node, dict | list) else []
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        found += _json_nodes(child)
    return found


_OTHER_VALUES: tuple[object, ...] = (None, [], {}, "", "text", True, -1, 1e300, [[[]]], {"V": {"V": 1}})
_JSON_FAULTS = ("key removed", "item removed", "value of another kind", "key renamed", "items shuffled", "nested")


def _json_mutant(rng: random.Random, seed: Seed) -> Mutant:
    book = json.loads(seed.content.decode("utf-16"))
    fault = rng.choice([*_JSON_FAULTS, "deep nesting", "another encoding"])
    expectation = Expectation.DAMAGED
    nodes = [node for node in _json_nodes(book) if node]
    # the thousands of small items of an array would otherwise take nearly every draw
    node = rng.choice(
        [one for one in nodes if rng.random() < 0.05 or not (isinstance(one, dict) and "V" in one)] or nodes
    )
    keys = list(node) if isinstance(node, dict) else list(range(len(node)))
    key = rng.choice(keys)
    encoding = "utf-16"
    if fault == "another encoding":
        encoding, expectation = rng.choice(["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be"]), Expectation.SAME
    elif fault in ("key removed", "item removed"):
        del node[key]  # type: ignore[arg-type]
        expectation = Expectation.FEWER
    elif fault == "value of another kind":
        node[key] = rng.choice(_OTHER_VALUES)  # type: ignore[index]
        expectation = Expectation.LIE if isinstance(node, dict) and key in ("V", "S", "Q", "Type") else expectation
    elif fault == "key renamed" and isinstance(node, dict):
        node[str(key) + "x"] = node.pop(key)
        expectation = Expectation.FEWER
    elif fault == "items shuffled" and isinstance(node, list):
        rng.shuffle(node)
        expectation = Expectation.LIE if node and isinstance(node[0], dict) and "V" in node[0] else Expectation.SAME
    elif fault == "nested":
        node[key] = [node[key]]  # type: ignore[index]
    text = json.dumps(book)
    if fault == "deep nesting":
        depth = rng.choice([500, 5000, 100_000])
        text = text.replace('"Curves": []', '"Curves": ' + "[" * depth + "]" * depth)
    return Mutant(seed, f"JSON: {fault}", expectation, seed.name, text.encode(encoding))


# binary modules and archives


def _module_mutant(rng: random.Random, seed: Seed) -> Mutant:
    content = bytearray(seed.content)
    modules = [found.start() for found in re.finditer(rb"MODULE", seed.content)]
    at = rng.choice(modules)
    fault = rng.choice(["length of a module", "count of rows", "count of columns", "a column's number", "version",
                        "module removed", "module twice", "modules in another order", "name of a module"])  # fmt: skip
    body = modules[-1] + 57 - 6 + 6  # the last module is the data
    body = seed.content.index(b"VMP data", modules[-1]) - 10 - 6 + 57
    expectation = Expectation.DAMAGED
    ends = [*modules[1:], len(content)]
    pieces = [bytes(content[begin:end]) for begin, end in zip(modules, ends, strict=True)]
    head = bytes(content[: modules[0]])
    if fault == "length of a module":
        (length,) = struct.unpack_from("<I", content, at + 41)
        struct.pack_into("<I", content, at + 41, max(0, length + rng.choice([-8, -1, 1, 24, 2**20, -length])))
    elif fault == "count of rows":
        (count,) = struct.unpack_from("<I", content, body)
        struct.pack_into("<I", content, body, max(0, count + rng.choice([-5, -1, 1, 1000, 2**31, -count])))
    elif fault == "count of columns":
        content[body + 4] = rng.choice([0, 1, content[body + 4] - 1, content[body + 4] + 1, 255])
        expectation = Expectation.LIE
    elif fault == "a column's number":
        struct.pack_into("<H", content, body + 5 + 2 * rng.randrange(5), rng.choice([0, 5, 9, 74, 65535, 12345]))
        expectation = Expectation.LIE
    elif fault == "version":
        struct.pack_into("<I", content, at + 45, rng.choice([0, 1, 3, 11, 999]))
        expectation = Expectation.LIE
    elif fault == "name of a module":
        content[at + 6 : at + 16] = rng.choice([b"VMP xxxx  ", b"\0" * 10, b"VMP LOG   "])
    elif fault == "module removed":
        del pieces[rng.randrange(len(pieces))]
        content = bytearray(head + b"".join(pieces))
    elif fault == "module twice":
        content = bytearray(head + b"".join([*pieces, rng.choice(pieces)]))
        expectation = Expectation.FEWER
    else:
        rng.shuffle(pieces)
        content = bytearray(head + b"".join(pieces))
    return Mutant(seed, f"binary: {fault}", expectation, seed.name, bytes(content))


def _archive_mutant(rng: random.Random, seed: Seed) -> Mutant:
    fault = rng.choice(["entry removed", "entry cut", "entry empty", "entry zero-filled"])
    with zipfile.ZipFile(io.BytesIO(seed.content)) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    name = rng.choice(sorted(entries))
    content = entries.pop(name)
    if fault == "entry cut" and content:
        entries[name] = content[: rng.randrange(len(content))]
    elif fault == "entry empty":
        entries[name] = b""
    elif fault == "entry zero-filled":
        entries[name] = bytes(len(content))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for title, body in entries.items():
            archive.writestr(title, body)
    return Mutant(seed, f"archive: {fault}", Expectation.DAMAGED, seed.name, stream.getvalue())


def _sheet_mutant(rng: random.Random, seed: Seed) -> Mutant:
    import openpyxl

    book = openpyxl.load_workbook(io.BytesIO(seed.content))
    sheet = book.worksheets[0]
    fault = rng.choice(["cells emptied", "words in cells", "numbers as text", "rows removed", "rows inserted", "merged",
                        "column inserted", "columns exchanged", "another sheet", "header repeated"])  # fmt: skip
    expectation = Expectation.DAMAGED
    row, column = rng.randrange(3, sheet.max_row + 1), rng.randrange(1, sheet.max_column + 1)
    if fault == "cells emptied":
        sheet.cell(row, column).value = None
    elif fault == "words in cells":
        sheet.cell(row, column).value = rng.choice(["n/a", "#REF!", "=1/0", True, "x" * 3000])  # type: ignore[assignment]
    elif fault == "numbers as text":
        expectation = Expectation.SAME
        for number in range(3, sheet.max_row + 1):
            cell = sheet.cell(number, column)
            cell.value = str(cell.value)
    elif fault == "rows removed":
        sheet.delete_rows(row, rng.choice([1, 4]))
        expectation = Expectation.FEWER
    elif fault == "rows inserted":
        sheet.insert_rows(row, rng.choice([1, 4]))
        expectation = Expectation.SAME
    elif fault == "column inserted":
        sheet.insert_cols(column)
        expectation = Expectation.SAME
    elif fault == "columns exchanged":
        expectation = Expectation.SAME
        for number in range(2, sheet.max_row + 1):
            one, other = sheet.cell(number, 1), sheet.cell(number, 3)
            one.value, other.value = other.value, one.value
    elif fault == "another sheet":
        book.create_sheet("notes", 0).append(["a", 1, 2, 3])
        expectation = Expectation.SAME
    elif fault == "header repeated":
        sheet.insert_rows(row)
        for place, title in enumerate(("Time / s", "Ecell / V", "I / mA"), 1):
            sheet.cell(row, place).value = title
        expectation = Expectation.SAME
    else:
        sheet.merge_cells(start_row=row, start_column=1, end_row=row, end_column=2)
    stream = io.BytesIO()
    book.save(stream)
    return Mutant(seed, f"workbook: {fault}", expectation, seed.name, stream.getvalue())


def draw(rng: random.Random, seed: Seed) -> Mutant:
    """One mutant of the seed."""
    if seed.layout is not None:
        fault = rng.choice([one for one in (*_TEXT, *_ANY) if seed.layout.named or one not in _OF_NAMES])
        if fault in _TEXT:
            expectation, make = _TEXT[fault]
            return Mutant(seed, fault, expectation, seed.name, make(rng, seed.layout))
    elif seed.title == "PalmSens" and seed.name == "own.pssession" and rng.random() < 0.7:
        return _json_mutant(rng, seed)
    elif seed.name == "own.mpr" and rng.random() < 0.7:
        return _module_mutant(rng, seed)
    elif seed.content[:2] == b"PK" and rng.random() < 0.3:
        return _archive_mutant(rng, seed)
    elif seed.name == "own.xlsx" and rng.random() < 0.8:
        return _sheet_mutant(rng, seed)
    fault = rng.choice(list(_ANY))
    expectation, change = _ANY[fault]
    content = change(rng, seed.content)
    if fault == "cut anywhere" and b"\0" not in seed.content[:400]:
        expectation = Expectation.FEWER  # where a text without a count ended before shows nowhere
    return Mutant(seed, fault, expectation, seed.name, content)
